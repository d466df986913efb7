"""What the controls of an explorer say, and what of it is drawn. It knows no widget.

What fits together is drawn. What made a bad combination waits, with a message, until it fits; what
is moved meanwhile is drawn without it. What cannot be whatever the others say is refused, with a
message, until it is moved again.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from lrcourse.schedules import Schedule


class Place(NamedTuple):
    """What a control moves: of value `which`, the field `name` of `part`, or of all if it is None.

    Without a name, the update at which part `part` + 1 begins.
    """

    which: int
    part: int | None
    name: str | None


class Drafts:
    """The values that are `drawn`, and what was asked for but cannot be."""

    def __init__(self, values: tuple[Any, ...], try_out: Callable[[tuple], None]) -> None:
        """`values`: schedules, or other frozen dataclasses; `try_out` raises `ValueError` for
        those that cannot be drawn."""
        self._start, self._try_out = values, try_out
        self.reset()

    def reset(self) -> None:
        """Back to where everything started."""
        self.drawn = self._start
        self._asked = _drafts_of(self._start)
        self._waiting: dict[Place, str] = {}  # why it does not fit with the others
        self._refused: dict[Place, str] = {}  # what was wrong with the value alone

    @property
    def messages(self) -> dict[Place, str]:
        """A sentence for each place that cannot stay as it was asked for."""
        return self._waiting | self._refused

    @property
    def waiting(self) -> set[Place]:
        return set(self._waiting)

    def value(self, place: Place) -> Any:
        """What is drawn."""
        parts = parts_of(self.drawn[place.which])
        if place.name is None:
            return parts[(place.part or 0) + 1][0]
        return getattr(parts[place.part or 0][1], place.name)

    def asked(self, place: Place) -> Any:
        """What was asked for: the value that is drawn, or one that could not be."""
        draft = self._asked[place.which]
        if place.name is None:
            return draft.joins[place.part or 0]
        return draft.parts[place.part or 0][1].get(place.name, self.value(place))

    def refuse(self, place: Place, problem: Exception) -> None:
        """A value that is wrong whatever the others say."""
        self._refused[place] = _sentence(problem)

    def move(self, place: Place, value: Any) -> None:
        """Draw what is asked for now; the `ValueError` says why `value` has to wait."""
        self._refused.pop(place, None)
        self.drawn, self._waiting, problem = self._fitting(place, value)
        self._asked = _changed(self._asked, place, value)
        if not self._waiting:
            self._asked = _drafts_of(self.drawn)
        if problem is not None and place in self._waiting:
            raise problem

    def after(self, place: Place, value: Any) -> tuple[tuple, dict[Place, str]]:
        """What a move would draw, and the messages that would stand. Nothing is moved."""
        drawn, waiting, _ = self._fitting(place, value)
        return drawn, waiting | {at: why for at, why in self._refused.items() if at != place}

    def _fitting(self, place: Place, value: Any) -> tuple[tuple, dict, Exception | None]:
        """What is drawn with `value` in `place`, which places wait and why, and its own problem.

        All together if that can be. If not: what is drawn now, with this one moved, and then with
        each that waits, as far as they fit.
        """
        try:
            return self._built(_changed(self._asked, place, value)), {}, None
        except ValueError as problem:
            if not self.waiting - {place}:
                return self.drawn, {place: _sentence(problem)}, problem
        fits, drawn, waiting, own = _drafts_of(self.drawn), self.drawn, {}, None
        moved = [(place, value), *((at, self.asked(at)) for at in self._waiting if at != place)]
        for at, wanted in moved:
            try:
                drafts = _changed(fits, at, wanted)
                fits, drawn = drafts, self._built(drafts)
            except ValueError as problem:
                waiting[at] = _sentence(problem)
                own = problem if at == place else own
        return drawn, waiting, own

    def _built(self, drafts: tuple["Draft", ...]) -> tuple[Any, ...]:
        """The values of these drafts, if they can be drawn; what is drawn already stays itself."""
        now = zip(drafts, _drafts_of(self.drawn), self.drawn)
        built = tuple(old if draft == drawn else draft.build() for draft, drawn, old in now)
        self._try_out(built)
        return built


@dataclass(frozen=True)
class Draft:
    """The fields of one value, part by part, whether or not they fit together.

    `parts`: the class and the fields of each part; `joins`: when each part but the first begins.
    """

    parts: tuple[tuple[type, dict], ...]
    joins: tuple[int, ...]

    @classmethod
    def of(cls, value: Any) -> "Draft":
        starts, parts = zip(*parts_of(value))
        return cls(tuple((type(part), _fields(part)) for part in parts), starts[1:])

    def build(self) -> Any:
        """The value, or the `ValueError` that says why there is none."""
        first, *others = (part(**values) for part, values in self.parts)
        for other, at in zip(others, self.joins):
            first = first.then(other, at=at)
        return first

    def changed(self, part: int | None, name: str | None, value: Any) -> "Draft":
        if name is None:
            return Draft(self.parts, _replaced(self.joins, part or 0, value))
        chosen = range(len(self.parts)) if part is None else [part]
        parts = tuple(
            (kind, _with(kind, values, name, value) if i in chosen else values)
            for i, (kind, values) in enumerate(self.parts)
        )
        return Draft(parts, self.joins)

    def difference(self, before: "Draft") -> str:
        """The fields that are not as in `before`, in words; of the same parts."""
        several = len(self.parts) > 1
        changed = [
            f"{f'{i + 1}.' if several else ''}{name}={text_of(value)}"
            for i, ((_, values), (_, then)) in enumerate(zip(self.parts, before.parts))
            for name, value in values.items()
            if value != then[name]
        ]
        joins = enumerate(zip(self.joins, before.joins))
        changed += [f"{i + 2}.at={now}" for i, (now, then) in joins if now != then]
        return ", ".join(changed) or "as at the start"


def parts_of(value: Any) -> list[tuple[int, Any]]:
    """When each part of a schedule begins, and the part; what is no schedule is one part."""
    return value.stretches() if isinstance(value, Schedule) else [(0, value)]


def text_of(value: Any) -> str:
    """The value of a field, as a control writes it."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _drafts_of(values: tuple[Any, ...]) -> tuple[Draft, ...]:
    return tuple(map(Draft.of, values))


def _fields(part: Any) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part) if f.compare}


def _with(kind: type, values: dict, name: str, value: Any) -> dict:
    """The fields with one changed. Of two faces of one value (gamma and k), the last set counts."""
    faces = {f.name for f in fields(kind) if not f.compare}
    hidden = {f.name for f in fields(kind) if f.default is None} if faces else set()
    kept = {k: v for k, v in values.items() if name not in hidden or k not in hidden}
    return kept | {name: value}


def _changed(drafts: tuple[Draft, ...], place: Place, value: Any) -> tuple[Draft, ...]:
    draft = drafts[place.which].changed(place.part, place.name, value)
    return _replaced(drafts, place.which, draft)


def _replaced(row: tuple, index: int, value: Any) -> tuple:
    return (*row[:index], value, *row[index + 1 :])


def _sentence(problem: Exception) -> str:
    return f"{str(problem).rstrip('.')}."
