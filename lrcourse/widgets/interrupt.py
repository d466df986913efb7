"""Interrupting the kernel stops what trains beside it, too.

Jupyter interrupts the cell that runs. It drops an interrupt that comes between cells, or after the
answer of one, and a thread of its own never gets any: here each is heard.
"""

import asyncio
import signal
import threading
from types import FrameType
from typing import Any, Protocol
from weakref import WeakSet


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
    main = threading.current_thread() is threading.main_thread()  # no other may take signals
    if shell is None or shell in _heard or not main:
        return
    _heard.append(shell)
    shell.events.register("post_run_cell", _after_cell)
    if kernel := getattr(shell, "kernel", None):
        _listen(kernel)


def _after_cell(result: Any) -> None:
    """Without a kernel Python itself takes the signal; a cell that awaits is cancelled by it."""
    error = getattr(result, "error_in_exec", None)  # there may be no result
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        _stop_all()


def _listen(kernel: Any) -> None:
    """Take the signal over from ipykernel, which sets who hears it before and after each message."""
    before, after = kernel.pre_handler_hook, kernel.post_handler_hook

    def pre_handler_hook() -> None:
        before()
        _take(signal.default_int_handler, _stop_and_raise)

    def post_handler_hook() -> None:
        after()
        _take(signal.SIG_IGN, _stop)

    kernel.pre_handler_hook, kernel.post_handler_hook = pre_handler_hook, post_handler_hook
    _take(signal.default_int_handler, _stop_and_raise)  # in the message of this cell


def _take(place: Any, hears: Any) -> None:
    """Hear interrupts in the place of one of ipykernel's handlers, and of no other."""
    if signal.getsignal(signal.SIGINT) is place:
        signal.signal(signal.SIGINT, hears)


def _stop(number: int, frame: FrameType | None) -> None:
    _stop_all()


def _stop_and_raise(number: int, frame: FrameType | None) -> None:
    _stop_all()
    signal.default_int_handler(number, frame)


def _stop_all() -> None:
    for one in list(_all):
        one.stop()
