"""End what runs in another thread, where it leaves nothing behind."""

import ctypes
import sys
import threading
import time
from types import FrameType

KEEPERS = {"_weakrefset", "concurrent", "logging", "queue", "threading", "weakref"}
"""Modules that take locks which all threads share."""
IMPORTING = {"importlib", "_frozen_importlib"}


def raise_in(thread: threading.Thread, error: type[BaseException], patience: float = 0.5) -> None:
    """Raise `error` in another thread, at a line of Python where it holds no lock of all threads.

    Python raises it wherever the thread is. Between taking a lock and the `try` that gives it back,
    that lock stays taken, and soon the whole kernel waits for it; in an import, half a module stays.
    Any thread comes there, since finalizers run in it. So this looks, for at most `patience` seconds,
    until the thread is elsewhere. In an import it is raised then; where a lock may be held it is not.
    """
    end = time.monotonic() + patience
    pace = sys.getswitchinterval()
    sys.setswitchinterval(5e-4)  # to see the thread at many of its lines
    try:
        while time.monotonic() < end:
            if not (_keeps(frame := _at(thread)) or _imports(frame)):
                return _raise_now(thread, error)
            time.sleep(1e-4)
        if not _keeps(_at(thread)):
            _raise_now(thread, error)
    finally:
        sys.setswitchinterval(pace)


def _at(thread: threading.Thread) -> FrameType | None:
    return sys._current_frames().get(thread.ident or 0)


def _raise_now(thread: threading.Thread, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error)
    )


def _keeps(frame: FrameType | None) -> bool:
    return frame is not None and _module(frame) in KEEPERS


def _imports(frame: FrameType | None) -> bool:
    while frame is not None and _module(frame) not in IMPORTING:
        frame = frame.f_back
    return frame is not None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
