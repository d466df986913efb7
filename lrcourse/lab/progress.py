"""How far a race is: a bar that leaves nothing behind."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

DELAY = 2.0
"""Seconds before there is a bar: a race that is quicker needs none."""
EVERY = 0.1
"""Seconds between two drawings of it."""

Show = Callable[[str, float], None]


@contextmanager
def bar() -> Iterator[Show]:
    """`show(what, share)` draws how far it is, from 0 to 1; at the end the bar is gone.

    In a notebook it is a line of HTML and not a widget: a widget that was closed comes back in the
    saved notebook as "model not found". Elsewhere it is tqdm's. TQDM_DISABLE ends both.
    """
    if os.environ.get("TQDM_DISABLE"):
        yield lambda what, share: None
    elif _in_a_kernel():
        with _line_of_html() as show:
            yield show
    else:
        with _line_of_text() as show:
            yield show


def _in_a_kernel() -> bool:
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


@contextmanager
def _line_of_html() -> Iterator[Show]:
    from IPython.display import HTML, display

    due, handle = time.monotonic() + DELAY, None

    def show(what: str, share: float) -> None:
        nonlocal due, handle
        if time.monotonic() < due:
            return
        due = time.monotonic() + EVERY
        line = HTML(_html(what, share))
        handle = _drawn(handle, line, display)

    try:
        yield show
    finally:
        if handle is not None:
            handle.update(HTML(""))


def _drawn(handle: Any, line: Any, display: Callable[..., Any]) -> Any:
    if handle is None:
        return display(line, display_id=True)
    handle.update(line)
    return handle


def _html(what: str, share: float) -> str:
    percent = f"{100 * share:.0f}"
    label = escape(what, quote=True)
    return (
        f'<progress max="100" value="{percent}" aria-label="{label}"></progress> '
        f"{label}, {percent} %"
    )


@contextmanager
def _line_of_text() -> Iterator[Show]:
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}% {bar}"
    with tqdm(total=100, delay=DELAY, leave=False, bar_format=form) as drawn:

        def show(what: str, share: float) -> None:
            drawn.set_description_str(what, refresh=False)
            drawn.update(100 * share - drawn.n)

        yield show
