"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `true()` is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.02)
