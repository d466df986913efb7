"""`lrcourse ...`: the commands. `lab` opens JupyterLab in the learner's own copy of the course."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from lrcourse.copies import START, hand_out
from lrcourse.grading import cli as grading
from lrcourse.jupyter import OPTIONS
from lrcourse.slides import cli as slides
from lrcourse.workshop import cli as workshop

FOLDER = "my-course"


def lab_command(folder: Path, browser: bool, options: list[str]) -> list[str]:
    """The command that opens JupyterLab on the first notebook, and asks the network nothing."""
    command = [
        *(sys.executable, "-m", "jupyterlab", str(folder / START)),
        *OPTIONS,
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # root in a container; Jupyter refuses it otherwise
    return command + options


def lab(folder: Path, browser: bool, options: list[str]) -> int:
    """Update the copy in `folder`, then run JupyterLab there until it is closed."""
    folder = folder.expanduser().resolve()
    said = hand_out(folder)
    print("\n".join([f"Your copy of the course: {folder}", *said]), flush=True)
    # The kernel of this environment comes first, before another one that is called python3 too.
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    try:
        return subprocess.call(lab_command(folder, browser, options), env=environment)
    except KeyboardInterrupt:
        return 0


def main(arguments: list[str] | None = None) -> int:
    """The command `lrcourse`."""
    parser = argparse.ArgumentParser(prog="lrcourse", description="A course on learning rates.")
    parser.add_argument("--version", action="version", version=f"lrcourse {_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    opens = commands.add_parser("lab", help="open the course in JupyterLab, in your own copy")
    opens.add_argument("--folder", type=Path, default=Path(FOLDER), help=f"default: {FOLDER}")
    opens.add_argument("--no-browser", action="store_true", help="only print the address")
    grading.add_parser(commands)
    workshop.add_parser(commands)
    slides.add_parser(commands)
    chosen, rest = parser.parse_known_args(arguments)
    runs = {"grade": grading.run, "workshop": workshop.run, "slides": slides.run}
    if others := runs.get(chosen.command):
        return parser.error(f"unknown: {' '.join(rest)}") if rest else others(chosen)
    try:
        return lab(chosen.folder, not chosen.no_browser, rest)
    except OSError as error:
        print(f"lrcourse: {error}", file=sys.stderr)
        return 1


def _version() -> str:
    from lrcourse import __version__

    return __version__


if __name__ == "__main__":
    sys.exit(main())
