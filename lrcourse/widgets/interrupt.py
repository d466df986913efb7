"""Interrupting the kernel stops what trains beside it, too.

A cell that runs is interrupted by Jupyter itself. Between cells the kernel ignores the signal, and a
thread of its own never gets it: here it is heard.
"""

import asyncio
import signal
import threading
from typing import Any, Protocol
from weakref import WeakSet

AGAIN = 0.2  # seconds between two looks whether the kernel is between cells


class Stoppable(Protocol):
    def stop(self) -> None:
        """End soon; may be called from a signal handler."""


_all: WeakSet[Any] = WeakSet()
_heard: list[Any] = []  # the shells whose interrupts are heard


def stop_when_interrupted(what: Stoppable) -> None:
    """From now on, `what.stop()` is called whenever the kernel is interrupted."""
    from IPython import get_ipython

    _all.add(what)
    shell: Any = get_ipython()
    if shell is None or shell in _heard or threading.current_thread() is not _main():
        return
    _heard.append(shell)
    shell.events.register("post_run_cell", _after_cell)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # no kernel: Python itself takes the signal
        return
    loop.call_soon(_listen, loop)


def _main() -> threading.Thread:
    return threading.main_thread()


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    """Take the signal over, once the kernel is between cells and would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: _stop_all())
    else:
        loop.call_later(AGAIN, _listen, loop)


def _after_cell(result: Any) -> None:
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        _stop_all()


def _stop_all() -> None:
    for one in list(_all):
        one.stop()
