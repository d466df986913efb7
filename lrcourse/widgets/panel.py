"""Controls for the fields of schedules, and how what is drawn follows them.

When a control is touched, what is drawn at *every* position of it is computed and sent to the
browser at once, so that a drag needs no answer from the kernel.

Read it in this order: `Panel` (controls and messages), `Draft` (what the controls say), `Control`
(one control and its positions).
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from threading import RLock
from typing import Any

import anywidget
import numpy as np
import traitlets

from lrcourse._fields import RATE, STEPS, Kind, kind_of
from lrcourse.schedules import ReduceOnPlateau, Schedule
from lrcourse.widgets._curves import text_of, to_floats
from lrcourse.widgets.widget import Turns


class Panel(anywidget.AnyWidget):
    """Controls for the fields of schedules, and something that is drawn from what they say.

    What is drawn, a subclass says: `_show` sends it to the browser, `_rows` makes it for every
    position of a control, `_try_out` raises `ValueError` where it cannot be drawn.

    What fits together is drawn. A control whose move made a bad combination waits, with a message
    at it, until it fits; what is moved meanwhile is drawn without it. What a control cannot even
    read has its message there until it is moved again.
    """

    _panel = traitlets.Dict().tag(sync=True)  # the controls and their positions
    _shown = traitlets.Dict().tag(sync=True)  # what is drawn, the texts, the values of the controls

    def __init__(self, schedules: tuple[Any, ...], steps: int) -> None:
        """`schedules`: the values whose fields have controls; `steps`: how far those reach."""
        super().__init__()
        self._lock = RLock()  # the browser's messages may arrive while a cell runs
        self._turns = Turns(self._lock)
        self._start = self._schedules = schedules
        self.steps = steps
        self._drafts = tuple(map(Draft.of, schedules))
        self._waiting: dict[str, str] = {}  # control -> why it does not fit with the others
        self._refused: dict[str, str] = {}  # control -> what was wrong with its value alone
        self._fault = ""
        self._active = 0  # which schedule was moved last: the one that `pin` keeps

    def _begin(self, controls: Iterator["Control"]) -> None:
        """With these controls, show what there is, and listen."""
        self.controls = {control.key: control for control in controls}
        self._stamps = dict.fromkeys(self.controls, 0)
        self._show()
        self.on_msg(self._receive)

    # What is drawn

    def _try_out(self, schedules: tuple[Any, ...]) -> None:
        """Raise `ValueError` if these cannot be drawn."""
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    def _rows(self, control: "Control") -> tuple[dict, list[bytes]]:
        raise NotImplementedError

    def _controls_shown(self) -> dict:
        """What of the controls does not depend on where they stand."""
        return {"controls": [c.for_browser() for c in self.controls.values()]}

    def _values_shown(self) -> dict:
        """Where the controls stand, and what is wrong with them."""
        return {
            "values": {key: c.place_and_text() for key, c in self.controls.items()},
            "messages": self._messages,
            "fault": self._fault,
            "stamps": dict(self._stamps),
        }

    # What a learner, or a test, does from Python

    @property
    def schedule(self) -> Schedule:
        """The schedule that is drawn: the first, where there are several."""
        return self._schedules[0]

    def set(self, **values: Any) -> None:
        """Move controls: `set(step_size=10)`. What cannot be raises `ValueError`."""
        with self._lock:
            for name, value in values.items():
                self._move(self._control_named(name), value)

    @property
    def error(self) -> str | None:
        """The sentence that the learner sees because something is wrong, or None."""
        return self._fault or " ".join(self._messages.values()) or None

    @property
    def _messages(self) -> dict[str, str]:
        return self._waiting | self._refused

    def reset(self) -> None:
        """Every control back to where it started; what was pinned stays."""
        with self._lock:
            self._schedules = self._start
            self._drafts = tuple(map(Draft.of, self._start))
            self._waiting, self._refused = {}, {}
            self._stamp_all()
            self._show()

    # Moving a control

    def _control_named(self, name: str) -> "Control":
        if name in self.controls:
            return self.controls[name]
        ends = [c for key, c in self.controls.items() if key.split(".")[-1] == name]
        if len(ends) == 1:
            return ends[0]
        known = ", ".join(c.key for c in ends) if ends else ", ".join(self.controls)
        problem = "is the name of several controls" if ends else "is no control of this explorer"
        raise ValueError(f"{name} {problem}: use one of {known}")

    def _move(self, control: "Control", value: Any) -> None:
        """Draw what the controls say now; where that is no schedule, say why and keep the curve."""
        others, positions = self._waiting.keys() - {control.key}, control.positions
        self._refused.pop(control.key, None)
        try:
            control.check(value)
        except ValueError as problem:
            self._refuse(control, problem)
            raise
        control.keep(value)
        self._schedules, self._waiting, problem = self._fitting(control, value)
        self._drafts = _changed(self._drafts, control, value)
        if control.key not in self._waiting:
            self._active = control.which
        if not self._waiting:
            self._drafts = tuple(map(Draft.of, self._schedules))
        same = control.positions == positions and self._waiting.keys() - {control.key} == others
        self._stamp_all(but=control if same else None)
        self._show()
        if control.key in self._waiting:
            raise problem

    def _refuse(self, control: "Control", problem: Exception) -> None:
        """A value that is wrong whatever the other controls say."""
        self._refused[control.key] = _sentence(problem)
        self._stamp_all()
        self._show()

    def _fitting(self, control: "Control", value: Any) -> tuple[tuple, dict, Exception | None]:
        """What is drawn with a control at `value`, which controls wait and why, and its problem.

        All together if that can be. If not: what is drawn now, with this control moved, and then
        with each that waits, as far as they fit.
        """
        asked = _changed(self._drafts, control, value)
        try:
            return self._built(asked), {}, None
        except ValueError as problem:
            if not self._waiting.keys() - {control.key}:
                return self._schedules, {control.key: _sentence(problem)}, problem
        fits, drawn, waiting, own = self._drawn_drafts, self._schedules, {}, None
        moved = [(control, value)]
        moved += [(c, c.asked) for c in map(self.controls.get, self._waiting) if c is not control]
        for each, wanted in moved:
            try:
                drafts = _changed(fits, each, wanted)
                fits, drawn = drafts, self._built(drafts)
            except ValueError as problem:
                waiting[each.key] = _sentence(problem)
                own = problem if each is control else own
        return drawn, waiting, own

    @property
    def _drawn_drafts(self) -> tuple["Draft", ...]:
        return tuple(map(Draft.of, self._schedules))

    def _built(self, drafts: tuple["Draft", ...]) -> tuple[Any, ...]:
        """The schedules of these drafts, if they can be drawn; what is drawn already stays itself."""
        now = zip(drafts, self._drawn_drafts, self._schedules)
        built = tuple(old if draft == drawn else draft.build() for draft, drawn, old in now)
        self._try_out(built)
        return built

    def _at(self, control: "Control", value: Any) -> tuple[tuple, dict[str, str]]:
        """What a move of a control to `value` would draw, and the messages that would stand."""
        schedules, waiting, _ = self._fitting(control, value)
        others = {key: why for key, why in self._refused.items() if key != control.key}
        return schedules, waiting | others

    def _stamp_all(self, but: "Control | None" = None) -> None:
        """The rows that the browser has are out of date, except those of the moved control."""
        for key in self._stamps:
            if but is None or key != but.key:
                self._stamps[key] += 1

    # Messages of the browser

    def _receive(self, _widget: Any, message: dict, _buffers: Any) -> None:
        """Do what the browser asks. What goes wrong is told to the learner, and raised."""
        serial = message.get("serial")
        with self._turns.take(serial):
            self._fault = ""
            try:
                getattr(self, f"_on_{message['do']}")(message)
            except Exception as fault:
                self._fault = (
                    f"This did not work ({type(fault).__name__}: {fault}). Run the cell again."
                )
                self._shown = self._shown | {"fault": self._fault}
                raise
            finally:
                if serial:
                    self.send({"done": serial})

    def _on_rows(self, message: dict) -> None:
        head, buffers = self._rows(self.controls[message["control"]])
        self.send(head, buffers)

    def _on_set(self, message: dict) -> None:
        control = self.controls[message["control"]]
        try:
            value = control.read(message["text"]) if "text" in message else message["value"]
        except ValueError as problem:
            self._refuse(control, problem)
            return
        with suppress(ValueError):  # no fault of the program: it explains itself at its control
            self._move(control, value)

    def _on_reset(self, _message: dict) -> None:
        self.reset()


def refuse_what_has_no_curve(schedule: Any, who: str = "explore") -> None:
    """Raise `ValueError` for what is no schedule, or has no curve; `who` is asked for it."""
    if isinstance(schedule, ReduceOnPlateau):
        raise ValueError(
            "ReduceOnPlateau has no curve to explore: its rate is not a function of t but of the "
            "losses. Call it with a list of losses to see what it does: ReduceOnPlateau()(losses)"
        )
    if isinstance(schedule, type) and issubclass(schedule, Schedule):
        name = schedule.__name__
        raise ValueError(f"{who} needs a schedule, got the class {name}: write {name}()")
    if not isinstance(schedule, Schedule):
        raise ValueError(f"{who} needs a schedule of this course, got {schedule!r}")


def names_of(schedules: tuple[Schedule, ...]) -> list[str]:
    """What the legend calls them: with a letter, where there are several."""
    names = [" + ".join(type(part).__name__ for _, part in s._stretches()) for s in schedules]
    return [f"{a}: {b}" for a, b in zip("ABCD", names)] if len(names) > 1 else names


# What the controls say


@dataclass(frozen=True)
class Draft:
    """The values of all controls of one schedule, whether or not they fit together.

    `parts`: the class and the fields of each part; `joins`: when each part but the first begins.
    A place in it is (part, field name), (None, field name) for all parts, or (join, None).
    """

    parts: tuple[tuple[type, dict], ...]
    joins: tuple[int, ...]

    @classmethod
    def of(cls, schedule: Schedule) -> "Draft":
        starts, parts = zip(*schedule._stretches())
        return cls(tuple((type(part), _values(part)) for part in parts), starts[1:])

    def build(self) -> Schedule:
        """The schedule, or the `ValueError` that says why there is none."""
        first, *others = (part(**values) for part, values in self.parts)
        for other, at in zip(others, self.joins):
            first = first.then(other, at=at)
        return first

    def changed(self, place: tuple, value: Any) -> "Draft":
        part, name = place
        if name is None:
            return Draft(self.parts, _replaced(self.joins, part, value))
        chosen = range(len(self.parts)) if part is None else [part]
        parts = tuple(
            (kind, _with(kind, values, name, value) if i in chosen else values)
            for i, (kind, values) in enumerate(self.parts)
        )
        return Draft(parts, self.joins)


def _values(part: Schedule) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part) if f.compare}


def _with(kind: type, values: dict, name: str, value: Any) -> dict:
    """The fields with one changed. Of two faces of one value (gamma and k), the last set counts."""
    faces = {f.name for f in fields(kind) if not f.compare}
    hidden = {f.name for f in fields(kind) if f.default is None} if faces else set()
    kept = {k: v for k, v in values.items() if name not in hidden or k not in hidden}
    return kept | {name: value}


def _changed(drafts: tuple[Draft, ...], control: "Control", value: Any) -> tuple[Draft, ...]:
    draft = drafts[control.which].changed(control.place, value)
    return _replaced(drafts, control.which, draft)


def _replaced(row: tuple, index: int, value: Any) -> tuple:
    return (*row[:index], value, *row[index + 1 :])


# One control


class Control:
    """One field of a schedule: its name, the positions it can take, and how to read a text."""

    def __init__(
        self, explorer: Panel, which: int, place: tuple, key: str, group: str, kind: Kind
    ) -> None:
        self._explorer, self.which, self.place, self.key = explorer, which, place, key
        self.label, self.group, self.kind = key.split(".")[-1], group, kind
        schedule = explorer._schedules[which]
        grid = kind.offered(self.label, self.value, schedule.peak, explorer.steps)
        self._grid = _with_value(grid, self.value)
        self._kept = self.value

    def __repr__(self) -> str:
        return f"<control {self.key} at {self.text}>"

    @property
    def value(self) -> Any:
        """What the field is now."""
        index, name = self.place
        schedule = self._explorer._schedules[self.which]
        if name is None:
            return schedule._stretches()[index + 1][0]
        return getattr(schedule._stretches()[index or 0][1], name)

    @property
    def asked(self) -> Any:
        """What the control says: the value, or what was asked for and could not be drawn."""
        index, name = self.place
        draft = self._explorer._drafts[self.which]
        return (
            draft.joins[index] if name is None else draft.parts[index or 0][1].get(name, self.value)
        )

    @property
    def positions(self) -> list[Any]:
        """Every value that the control can take by hand, in order; empty for a text."""
        return _with_value(_with_value(self._grid, self._kept), self.asked)

    def keep(self, value: Any) -> None:
        """Offer this value from now on, so that you can come back to what you typed."""
        self._kept = value

    @property
    def text(self) -> str:
        return text_of(self.asked)

    @property
    def message(self) -> str:
        """Why the control cannot stay where it is; "" if it can."""
        return self._explorer._messages.get(self.key, "")

    def set(self, value: Any) -> None:
        """Move it; `ValueError` if it cannot be, and the last good curve stays."""
        with self._explorer._lock:
            self._explorer._move(self, value)

    def curves(self) -> np.ndarray:
        """The curve at every position, as the browser gets them when the control is touched.

        Shape (positions, points); a row of NaN where the position makes no schedule.
        """
        with self._explorer._lock:
            head, (rates, *_) = self._explorer._rows(self)
        return to_floats(rates).reshape(head["positions"], -1)

    def check(self, value: Any) -> None:
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
            "which": self.which,
            "look": self.kind.control,
            "positions": positions,
            "texts": list(map(text_of, positions)),
        }

    def place_and_text(self) -> dict:
        """Where the handle stands and what is written beside it."""
        positions = self.positions
        at = next((i for i, v in enumerate(positions) if _is_close(v, self.asked)), 0)
        return {"at": at, "text": self.text}


def controls_of_one(
    explorer: Panel, which: int, heading: str, letter: str = ""
) -> Iterator[Control]:
    """The controls of one schedule, under its heading; of its parts, where it is joined of some."""
    stretches = explorer._schedules[which]._stretches()
    several = len(stretches) > 1
    shared = several and _share_one_lr([part for _, part in stretches])
    if shared:
        yield Control(explorer, which, (None, "lr"), f"{letter}lr", "all parts", RATE)
    for i, (_, part) in enumerate(stretches):
        group = f"{letter}{i + 1}. {type(part).__name__}" if several else heading
        prefix = f"{letter}{i + 1}." if several else letter
        if i:
            yield Control(explorer, which, (i - 1, None), f"{prefix}at", group, STEPS)
        for f in fields(part):
            if kind_of(f).control and not (shared and f.name == "lr"):
                key = prefix + f.name
                yield Control(explorer, which, (i, f.name), key, group, kind_of(f))


def _share_one_lr(parts: list[Schedule]) -> bool:
    """Whether all parts start from one rate, which is the optimizer's: one control moves it."""
    return len({getattr(part, "lr", None) for part in parts} - {None}) == 1 and all(
        hasattr(part, "lr") for part in parts
    )


def _with_value(grid: list[Any], value: Any) -> list[Any]:
    """The grid, with `value` in its place if it is not there."""
    if not grid or any(_is_close(v, value) for v in grid):
        return grid
    at = sum(1 for v in grid if v is None or v < value)
    return [*grid[:at], value, *grid[at:]]


def _is_close(one: Any, other: Any) -> bool:
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9) if both else one == other


def _sentence(problem: Exception) -> str:
    return f"{str(problem).rstrip('.')}."
