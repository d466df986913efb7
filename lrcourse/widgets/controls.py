"""One control for each field of a schedule: its positions, and where it stands.

Which control a field has, and what positions, its kind says: see `_fields.py`. How a control looks
and is moved, a function of that name in `panel.js`.
"""

import math
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any

from lrcourse._fields import RATE, STEPS, Kind, kind_of
from lrcourse.schedules import Schedule
from lrcourse.widgets._curves import nice
from lrcourse.widgets.drafts import Drafts, Place, parts_of, text_of


class Control:
    """One field of a schedule: its name, the positions it can take, and how to read a text."""

    def __init__(self, drafts: Drafts, place: Place, key: str, group: str, kind: Kind, steps: int):
        """`key`: its name among all controls; `group`: its heading; `steps`: updates shown."""
        self._drafts, self.place, self.key, self.group = drafts, place, key, group
        self.label, self.kind = key.split(".")[-1], kind
        schedule = drafts.drawn[place.which]
        scale = schedule.peak if isinstance(schedule, Schedule) else 1.0
        self._grid = _with_value(_positions(kind, self.label, self.value, scale, steps), self.value)
        self._kept = self.value

    def __repr__(self) -> str:
        return f"<control {self.key} at {self.text}>"

    @property
    def value(self) -> Any:
        """What the field is now."""
        return self._drafts.value(self.place)

    @property
    def asked(self) -> Any:
        """What the control says: the value, or what was asked for and could not be drawn."""
        return self._drafts.asked(self.place)

    @property
    def text(self) -> str:
        return text_of(self.asked)

    @property
    def message(self) -> str:
        """Why the control cannot stay where it is; "" if it can."""
        return self._drafts.messages.get(self.place, "")

    @property
    def positions(self) -> list[Any]:
        """Every value that the control can take by hand, in order; empty for a text."""
        return _with_value(_with_value(self._grid, self._kept), self.asked)

    def keep(self, value: Any) -> None:
        """Offer this value from now on, so that you can come back to what you typed."""
        self._kept = value

    def check(self, value: Any) -> None:
        """Raise `ValueError` for what the field takes under no circumstances."""
        self.kind.check(self.label, value)

    def read(self, text: str) -> Any:
        """The value that a typed text means."""
        text = text.strip()
        if self.kind.name == "milestones":
            return [_as_number(self.label, part) for part in text.replace(",", " ").split()]
        if text.lower() in ("none", ""):
            return None
        return _as_number(self.label, text)

    def for_browser(self) -> dict:
        looks = {"choice": "choice", "flag": "flag", "milestones": "text"}
        positions = self.positions
        return {
            "key": self.key,
            "label": self.label,
            "group": self.group,
            "which": self.place.which,
            "look": looks.get(self.kind.name, "slider"),
            "positions": positions,
            "texts": list(map(text_of, positions)),
        }

    def place_and_text(self) -> dict:
        """Where the handle stands and what is written beside it."""
        at = next((i for i, v in enumerate(self.positions) if _is_close(v, self.asked)), 0)
        return {"at": at, "text": self.text}


def controls_of(
    drafts: Drafts, which: int, heading: str, steps: int, letter: str = ""
) -> Iterator[Control]:
    """The controls of one schedule, under its heading; of its parts, where it is joined of some."""
    parts = parts_of(drafts.drawn[which])
    several = len(parts) > 1

    def control(part: int | None, name: str | None, key: str, group: str, kind: Kind) -> Control:
        return Control(drafts, Place(which, part, name), letter + key, group, kind, steps)

    shared = several and _share_one_lr([part for _, part in parts])
    if shared:
        yield control(None, "lr", "lr", "all parts", RATE)
    for i, (_, part) in enumerate(parts):
        group = f"{letter}{i + 1}. {type(part).__name__}" if several else heading
        prefix = f"{i + 1}." if several else ""
        if i:
            yield control(i - 1, None, f"{prefix}at", group, STEPS)
        for f in fields(part):
            if kind_of(f).name in _HAS_CONTROL and not _left_out(f, part, shared):
                yield control(i, f.name, prefix + f.name, group, kind_of(f))


_HAS_CONTROL = {
    *("rate", "steps", "gamma", "share", "factor", "momentum", "positive"),
    *("choice", "flag", "milestones"),
}


def _share_one_lr(parts: list[Schedule]) -> bool:
    """Whether all parts start from one rate, which is the optimizer's: one control moves it."""
    return len({getattr(part, "lr", None) for part in parts} - {None}) == 1 and all(
        hasattr(part, "lr") for part in parts
    )


def _left_out(f: Field, part: Schedule, shared: bool) -> bool:
    function = any(kind_of(g).name == "function" for g in fields(part))
    return (shared and f.name == "lr") or (function and kind_of(f).name == "flag")


# The positions of a control

_LOG = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)
_NEAR_ONE = (0.992, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99995, 0.99999)
_MOST_COUNT = {"T_mult": 5, "seed": 20}  # the fields in whole steps that are no number of updates


def _positions(kind: Kind, name: str, value: Any, peak: float, steps: int) -> list[Any]:
    """The values that a control offers: all of them pass the field's own check."""
    if kind.name == "milestones":
        return []
    if kind.name == "choice":
        return list(kind.choices)
    if kind.name == "flag":
        return [False, True]
    if kind.name == "steps":
        most = max(_MOST_COUNT.get(name, steps), value or 0)
        stride = nice(most / 120, whole_only=True)
        offered = [None, 1, *range(stride, most + 1, stride)]
        offered = list(dict.fromkeys(offered))
    elif kind.name in ("rate", "positive"):
        below, above = (1000, 10) if kind.name == "rate" else (100, 10)
        middle = value or peak or 0.1
        offered = [] if value else [0.0]
        offered += _log_between(middle / below, middle * above)
    else:
        offered = [i / 100 for i in range(101)]
        if kind.name == "gamma":
            offered = sorted([*offered, *_NEAR_ONE])
    return [v for v in offered if _passes(kind, name, v)]


def _log_between(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = (float(f"{digits}e{decade}") for decade in decades for digits in _LOG)
    return [v for v in values if low * 0.999 <= v <= high * 1.001]


def _passes(kind: Kind, name: str, value: Any) -> bool:
    try:
        kind.check(name, value)
    except ValueError:
        return False
    return True


def _with_value(grid: list[Any], value: Any) -> list[Any]:
    """The grid, with `value` in its place if it is not there."""
    if not grid or any(_is_close(v, value) for v in grid):
        return grid
    at = sum(1 for v in grid if v is None or v < value)
    return [*grid[:at], value, *grid[at:]]


def _is_close(one: Any, other: Any) -> bool:
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9) if both else one == other


def _as_number(name: str, text: str) -> int | float:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    raise ValueError(f"{name} must be a number, got {text!r}: write digits, such as 10 or 0.1")
