"""One control for each field of a schedule: its positions, and where it stands.

Which control a field has, and what positions, its kind says: see `_fields.py`. How a control looks
and is moved, a function of that name in `panel.js`.
"""

import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lrcourse._fields import RATE, STEPS, Kind, kind_of
from lrcourse.schedules import Schedule
from lrcourse.widgets.drafts import Drafts, Place, parts_of, text_of


class Control:
    """One field of a schedule: its name, the positions it can take, and how to read a text."""

    def __init__(
        self, drafts: Drafts, place: Place, key: str, group: str, kind: Kind, steps: int,
        few: bool = False,
    ):  # fmt: skip
        """`key`: its name among all controls; `group`: its heading; `steps`: updates shown; `few`:
        whether every position is to be trained."""
        self._drafts, self.place, self.key, self.group = drafts, place, key, group
        self.label, self.kind = key.split(".")[-1], kind
        schedule = drafts.drawn[place.which]
        scale = schedule.peak if isinstance(schedule, Schedule) else 1.0
        self.offer(kind.offered(self.label, self.value, scale, steps, few))
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

    def offer(self, positions: list[Any]) -> None:
        """Have these positions from now on, and the value."""
        self._grid = _with_value(positions, self.value)

    def keep(self, value: Any) -> None:
        """Offer this value from now on, so that you can come back to what you typed."""
        self._kept = value

    def check(self, value: Any) -> None:
        """Raise `ValueError` for what the field takes under no circumstances."""
        self.kind.check(self.label, value)

    def read(self, text: str) -> Any:
        """The value that a typed text means."""
        return self.kind.read(self.label, text.strip())

    def for_browser(self) -> dict:
        positions = self.positions
        return {
            "key": self.key,
            "label": self.label,
            "group": self.group,
            "which": self.place.which,
            "look": self.kind.control,
            "positions": positions,
            "texts": list(map(text_of, positions)),
        }

    def place_and_text(self) -> dict:
        """Where the handle stands and what is written beside it."""
        at = next((i for i, v in enumerate(self.positions) if _is_close(v, self.asked)), 0)
        return {"at": at, "text": self.text}


def controls_of(
    drafts: Drafts, which: int, heading: str, steps: int, letter: str = "", few: bool = False
) -> Iterator[Control]:
    """The controls of one schedule, under its heading; of its parts, where it is joined of some."""
    parts = parts_of(drafts.drawn[which])
    several = len(parts) > 1

    def control(part: int | None, name: str | None, key: str, group: str, kind: Kind) -> Control:
        place = Place(which, part, name)
        return Control(drafts, place, letter + key, group, kind, steps, few)

    shared = _shared_rate([part for _, part in parts]) if several else None
    if shared:
        yield control(None, shared, shared, "all parts", RATE)
    for i, (_, part) in enumerate(parts):
        group = f"{letter}{i + 1}. {type(part).__name__}" if several else heading
        prefix = f"{i + 1}." if several else ""
        if i:
            yield control(i - 1, None, f"{prefix}at", group, STEPS)
        for f in fields(part):
            if kind_of(f).control and f.name != shared:
                yield control(i, f.name, prefix + f.name, group, kind_of(f))


def _shared_rate(parts: list[Schedule]) -> str | None:
    """The field of the one rate that all parts start from, which is the optimizer's, if they do:
    one control moves it."""
    first, *others = ([(n, getattr(part, n)) for n in _rate_names(part)] for part in parts)
    return first[0][0] if len(first) == 1 and all(o == first for o in others) else None


def _rate_names(part: Schedule) -> list[str]:
    return [f.name for f in fields(part) if kind_of(f) is RATE and f.compare]


def _with_value(grid: list[Any], value: Any) -> list[Any]:
    """The grid, with `value` in its place if it is not there."""
    if not grid or any(_is_close(v, value) for v in grid):
        return grid
    at = 0 if value is None else sum(1 for v in grid if v is None or v < value)
    return [*grid[:at], value, *grid[at:]]


def _is_close(one: Any, other: Any) -> bool:
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9) if both else one == other
