"""Yours beside what is expected, as two curves and in words.

Trusted and pure, like `judge`: the picture of the instant feedback and the one on a learner's
feedback page are both drawn from this, so that they show the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lrcourse.tasks._judge import _account, _close, _is_number, _size, show
from lrcourse.tasks._task import Task

MOST_POINTS = 1_000
LARGEST = 1e100  # a number beyond it is not drawn
DIGITS = 9  # all that a picture needs


@dataclass(frozen=True)
class Curves:
    """Three lists of one length, in order of the steps: what a picture shows."""

    steps: list[float]
    yours: list[float | None]  # None: no number came back, or none that can be drawn
    expected: list[float]
    label: str  # what the steps are: "t", "update", "gamma", or "call" if it is no axis at all

    @property
    def joined(self) -> bool:
        """Whether neighbours may be joined by a line: one call says nothing of the next."""
        return self.label != "call"

    @property
    def whole(self) -> bool:
        """Whether the steps are whole numbers: then nothing is written between them."""
        return all(float(step).is_integer() for step in self.steps)

    @property
    def apart(self) -> list[tuple[float, float | None, float]]:
        """(step, yours, expected) where the two part."""
        scale = max(map(_size, self.expected))
        rows = zip(self.steps, self.yours, self.expected)
        return [r for r in rows if r[1] is None or not _close(r[1], r[2], 1e-6, scale)]

    @property
    def words(self) -> str:
        """The first few places where the two part."""
        apart = self.apart
        if not apart:
            return "Yours and expected are the same curve."
        said = [
            f"{self.label} {show(step)}: {'no number' if yours is None else show(yours)}, "
            f"expected {show(expected)}"
            for step, yours, expected in apart[:5]
        ]
        more = f"; and {len(apart) - 5} more" if len(apart) > 5 else ""
        return f"Yours and expected part at {'; '.join(said)}{more}."


def curves_of(
    task: Task, case: int | None, arguments: Sequence[tuple], results: Any
) -> Curves | None:
    """The curves around the call `case`, the first that fails (None: the first of all).

    `results` may come from a process that nobody trusts: what is kept of it is as long as the
    reference, and each entry a number of ordinary size or None. Returns None if that makes no
    picture: no numbers came back, or none are asked for, or one look would give the answer away.
    """
    if task.kind in ("value", "manual") or task.judged:
        return None
    case = case or 0
    results = results if type(results) is list else []
    if task.kind == "function":
        cases = _same_curve(task, case, arguments)
        label, steps = _steps(task, cases, arguments)
        yours = [results[i] if i < len(results) else None for i in cases]
        expected = [task.reference(*arguments[i]) for i in cases]
    else:
        given = results[case] if case < len(results) else None
        if task.trains:
            given = _account(given)[0]
            expected = task.reference(*arguments[case][1:])
            label, steps = "update", list(range(len(expected)))
        else:
            expected = task.reference(*arguments[case])
            label, steps = "t", arguments[case][0]
        yours = given if type(given) is list else []
    return _curves(steps, yours, expected, label)


def _same_curve(task: Task, case: int, arguments: Sequence[tuple]) -> list[int]:
    """The calls that differ from this one in their step only."""
    if "t" not in task.parameters:
        return list(range(len(arguments)))
    spot = task.parameters.index("t")
    rest = _without(arguments[case], spot)
    return [i for i, one in enumerate(arguments) if _without(one, spot) == rest]


def _without(arguments: tuple, spot: int) -> tuple:
    return (*arguments[:spot], *arguments[spot + 1 :])


def _steps(task: Task, cases: list[int], arguments: Sequence[tuple]) -> tuple[str, list]:
    """What the curve runs over: t, or the one argument that there is, or just the calls."""
    names = task.parameters
    name = "t" if "t" in names else names[0] if len(names) == 1 else ""
    if name:
        values = [arguments[i][names.index(name)] for i in cases]
        if all(map(_is_number, values)):
            return name, values
    return "call", list(range(1, len(cases) + 1))


def _curves(steps: Sequence, yours: list, expected: list, label: str) -> Curves | None:
    expected = [_bounded(v) for v in expected]
    yours = [_bounded(v) for v in yours[: len(expected)]]
    yours += [None] * (len(expected) - len(yours))
    if None in expected or all(v is None for v in yours):
        return None
    once = dict.fromkeys(zip(steps, yours, expected))  # a number may be drawn twice
    rows = sorted(once, key=lambda row: row[0])[:MOST_POINTS]
    steps, yours, expected = (list(column) for column in zip(*rows))
    return Curves(steps, yours, expected, label)


def _bounded(value: Any) -> float | None:
    """The number, with as many digits as are drawn; None for all else."""
    if not _is_number(value) or not math.isfinite(value) or abs(value) > LARGEST:
        return None
    return float(f"{value:.{DIGITS}g}")
