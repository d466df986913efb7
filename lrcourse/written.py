"""What you wrote, beside the schedule that it should be: feedback for the lessons' own cells.

`lrcourse.match(mine, plan)` is for trying; nothing is kept and nothing graded. The exercises have
`lrcourse.check`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lrcourse._fields import whole
from lrcourse.schedules import Schedule

CLOSE = 1e-6  # relative to the largest rate: what float32 and other orders of adding make of it


class Match:
    """Whether what you wrote is the schedule; printed, a sentence."""

    def __init__(self, right: bool, says: str) -> None:
        self.right, self.says = right, says

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.says


def match(mine: Any, plan: Schedule, steps: int | None = None) -> Match:
    """Compare what you wrote with `plan`, update by update.

    mine:   a function of t, the updates already made, that returns the rate; or a list of the
            rates, one an update
    steps:  how many updates to compare: as many as the list has, or the plan's own length

    >>> from lrcourse import StepDecay
    >>> match(lambda t: 0.1 * 0.1 ** (t // 30), StepDecay(lr=0.1, step_size=30), steps=90)
    Right: the same rate at all 90 updates.
    >>> match([0.1] * 90, StepDecay(lr=0.1, step_size=30))
    Not yet. t = 30: yours 0.1, expected 0.01. The first 30 updates are right.
    """
    if mine is None or mine is Ellipsis:
        return Match(False, "Nothing to compare yet: it is None. Does your code return the rates?")
    count = _length(mine, plan, steps)
    t = np.arange(count)
    try:
        yours = _rates(mine, t)
    except _NoRate as error:
        return Match(False, str(error))
    expected = np.asarray(plan(t))
    close = np.abs(yours - expected) <= CLOSE * np.abs(expected).max()
    wrong = np.flatnonzero(~close)  # NaN is close to nothing
    if not len(wrong):
        return Match(True, f"Right: the same rate at all {count} updates.")
    return Match(False, _parted(yours, expected, wrong))


class _NoRate(Exception):
    """What came back is no rate, and where."""


def _length(mine: Any, plan: Schedule, steps: int | None) -> int:
    if steps is not None:
        return whole("steps", steps)
    return plan.horizon if callable(mine) else len(mine)


def _rates(mine: Any, t: np.ndarray) -> np.ndarray:
    if callable(mine):
        return np.array([_rate(mine, int(step)) for step in t])
    given = [_number(f"entry {i}", value) for i, value in enumerate(mine)]
    if len(given) != len(t):
        raise _NoRate(f"Not yet. You have {len(given)} rates, and {len(t)} updates need one each.")
    return np.array(given)


def _rate(mine: Callable[[int], Any], step: int) -> float:
    name = getattr(mine, "__name__", "your function")
    try:
        value = mine(step)
    except Exception as error:
        raise _NoRate(f"Not yet. {name}({step}) raised {type(error).__name__}: {error}") from None
    if value is None or value is Ellipsis:
        raise _NoRate(f"Nothing to compare yet: {name}({step}) returns {value}. Write it above.")
    return _number(f"{name}({step})", value)


def _number(where: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _NoRate(f"Not yet. {where} is {value!r}, not a rate: one number is due.") from None


def _parted(yours: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    first = int(wrong[0])
    says = f"Not yet. t = {first}: yours {yours[first]:.6g}, expected {expected[first]:.6g}."
    late = np.allclose(yours[1:], expected[:-1], rtol=CLOSE)
    early = np.allclose(yours[:-1], expected[1:], rtol=CLOSE)
    if late or early:
        return f"{says} Yours is the plan, one update {'late' if late else 'early'}."
    if first == 0:
        return says
    return (
        f"{says} The first {first} updates are right." if first > 1 else f"{says} t = 0 is right."
    )
