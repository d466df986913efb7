"""Runs a module as `python -m` does, and ends when the room does, however that came about.

    python -m lrcourse.workshop.watched LIFE [NAME=FILE ...] -- MODULE[:FUNCTION] ARGUMENTS...

`NAME=FILE`: an environment variable, set from a file once the process is up, where nobody who looks
at the process from outside sees it.
"""

import importlib
import os
import runpy
import signal
import sys
from pathlib import Path

from lrcourse.workshop.process import end_with


def main(arguments: list[str]) -> None:
    life, *rest = arguments
    split = rest.index("--")
    for pair in rest[:split]:
        name, _, file = pair.partition("=")
        os.environ[name] = Path(file).read_text(encoding="utf-8")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a shell's `&`
    end_with(int(life))
    sys.argv = rest[split + 1 :]
    module, _, function = sys.argv[0].partition(":")
    if function:
        getattr(importlib.import_module(module), function)()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
