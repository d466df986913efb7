"""A schedule under your hands: `explore` shows one control per field, and the curve it makes.

How the curve can follow the hand: matplotlib draws the ground (axes, ticks, labels, legend), and
the browser draws the curve on it. When a control is touched, the kernel computes the curve at
*every* position of that control and sends them all at once, so that a drag needs no answer from
the kernel: the browser picks a row. The formula stays where it is, in `schedules.py`.

Read it in this order: `explore`, `Panel` (controls and messages, as every explorer has them),
`Explorer` (the widget), `_Draft` (what the controls say), `_Control` (one control and its
positions), `_Picture` (the figure), and the readout.
"""

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import Field, dataclass, fields
from functools import cached_property
from io import BytesIO
from threading import RLock
from typing import Any

import anywidget
import matplotlib
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lrcourse import _widget, plots
from lrcourse._fields import RATE, STEPS, Kind, kind_of, whole
from lrcourse.schedules import ReduceOnPlateau, Schedule


def explore(
    schedule: Schedule,
    *others: Schedule,
    steps: int | None = None,
    steps_per_epoch: int | None = None,
) -> "Explorer":
    """Move the parameters of a schedule and watch its curve.

        explore(StepDecay())                                   one control per field
        explore(CosineAnnealing(), ExponentialDecay())         two curves in one figure
        explore(OneCycle(total_steps=500), steps_per_epoch=50) a second axis in epochs

    `steps` is how many updates the figure shows; if None, enough to see the schedule and a little
    past its end. `steps_per_epoch` adds an axis that counts epochs. At most four schedules share a
    figure.

    What you can do by hand you can do from Python: see `Explorer`. Raises `ValueError` for what is
    not a schedule, and for `ReduceOnPlateau`, whose rate is not a function of t.
    """
    return Explorer((schedule, *others), steps, steps_per_epoch)


MOST_LINES = 5  # the style has five colours, each with a line style of its own
MOST_PINS = 4
MOST_SAMPLES = 800  # points of a drawn curve: more than there are pixels
MOST_GROUNDS = 48  # figures kept, for other limits of the axes: some 20 kB each
FULL = 700  # pixels of the page: the width of the figure where there is room, and of what is stored
WIDTHS = range(260, FULL + 1, 55)  # for narrower pages: a few, so that few figures are kept
ALL_EXACT = 20_000  # updates up to which the readout looks at every single one


class Panel(anywidget.AnyWidget):
    """Controls for the fields of schedules, and something that is drawn from what they say.

    What is drawn, a subclass says: `_show` sends it to the browser, `_rows` makes it for every
    position of a control, `_try_out` raises `ValueError` where it cannot be drawn.

    What fits together is drawn. A control whose move made a bad combination waits, with a message
    at it, until it fits; what is moved meanwhile is drawn without it. What a control cannot even
    read has its message there until it is moved again.
    """

    _css = "".join(
        (_widget.STATIC / name).read_text(encoding="utf-8")
        for name in ("course.css", "explorer.css")
    )

    _panel = traitlets.Dict().tag(sync=True)  # the controls and their positions
    _shown = traitlets.Dict().tag(sync=True)  # what is drawn, the texts, the values of the controls

    def __init__(self, schedules: tuple[Any, ...], steps: int) -> None:
        """`schedules`: the values whose fields have controls; `steps`: how far those reach."""
        super().__init__()
        self._lock = RLock()  # the browser's messages may arrive while a cell runs
        self._turns = _widget.Turns(self._lock)
        self._start = self._schedules = schedules
        self.steps = steps
        self._drafts = tuple(map(_Draft.of, schedules))
        self._waiting: dict[str, str] = {}  # control -> why it does not fit with the others
        self._refused: dict[str, str] = {}  # control -> what was wrong with its value alone
        self._fault = ""
        self._active = 0  # which schedule was moved last: the one that `pin` keeps

    def _begin(self, controls: Iterator["_Control"]) -> None:
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

    def _rows(self, control: "_Control") -> tuple[dict, list[bytes]]:
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
            self._drafts = tuple(map(_Draft.of, self._start))
            self._waiting, self._refused = {}, {}
            self._stamp_all()
            self._show()

    # Moving a control

    def _control_named(self, name: str) -> "_Control":
        if name in self.controls:
            return self.controls[name]
        ends = [c for key, c in self.controls.items() if key.split(".")[-1] == name]
        if len(ends) == 1:
            return ends[0]
        known = ", ".join(c.key for c in ends) if ends else ", ".join(self.controls)
        problem = "is the name of several controls" if ends else "is no control of this explorer"
        raise ValueError(f"{name} {problem}: use one of {known}")

    def _move(self, control: "_Control", value: Any) -> None:
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
            self._drafts = tuple(map(_Draft.of, self._schedules))
        same = control.positions == positions and self._waiting.keys() - {control.key} == others
        self._stamp_all(but=control if same else None)
        self._show()
        if control.key in self._waiting:
            raise problem

    def _refuse(self, control: "_Control", problem: Exception) -> None:
        """A value that is wrong whatever the other controls say."""
        self._refused[control.key] = _sentence(problem)
        self._stamp_all()
        self._show()

    def _fitting(self, control: "_Control", value: Any) -> tuple[tuple, dict, Exception | None]:
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
    def _drawn_drafts(self) -> tuple["_Draft", ...]:
        return tuple(map(_Draft.of, self._schedules))

    def _built(self, drafts: tuple["_Draft", ...]) -> tuple[Any, ...]:
        """The schedules of these drafts, if they can be drawn; what is drawn already stays itself."""
        now = zip(drafts, self._drawn_drafts, self._schedules)
        built = tuple(old if draft == drawn else draft.build() for draft, drawn, old in now)
        self._try_out(built)
        return built

    def _at(self, control: "_Control", value: Any) -> tuple[tuple, dict[str, str]]:
        """What a move of a control to `value` would draw, and the messages that would stand."""
        schedules, waiting, _ = self._fitting(control, value)
        others = {key: why for key, why in self._refused.items() if key != control.key}
        return schedules, waiting | others

    def _stamp_all(self, but: "_Control | None" = None) -> None:
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


class Explorer(Panel):
    """What `explore` returns: a figure with its controls, live in a notebook.

    explorer = explore(StepDecay())
    explorer.set(step_size=10)              as if you had moved the control; ValueError if it
                                            cannot be, and the last good curve stays
    explorer.schedule                       StepDecay(lr=0.1, step_size=10, gamma=0.1)
    explorer.curve()                        (t, rates) as drawn, each of shape (points,)
    explorer.controls["step_size"].value    10
    explorer.readout, explorer.code         the texts under the figure
    explorer.pin(), .clear(), .reset()      the buttons
    explorer.error                          the sentence shown when something is wrong, or None

    With several schedules, or several parts in one, controls are named "A.lr", "2.T_max";
    `set(T_max=40)` finds the control if only one has that name.
    """

    _esm = _widget.script("panel", "explorer")

    _ground = traitlets.Dict().tag(sync=True)  # the figure without its moving curves

    _pixel_ratio = 1.0  # of the screen that asked last, for all explorers of this kernel
    _last_width = 700  # of the figure on the page that asked last: where a new explorer begins

    def __init__(
        self, schedules: tuple[Schedule, ...], steps: int | None, steps_per_epoch: int | None
    ) -> None:
        for schedule in schedules:
            refuse_what_has_no_curve(schedule)
        if len(schedules) > MOST_LINES - 1:
            raise ValueError(
                f"explore shows at most {MOST_LINES - 1} schedules, got {len(schedules)}: "
                f"more curves in one figure cannot be told apart"
            )
        if steps is not None:
            whole("steps", steps, "a whole number of updates, at least 2", least=2)
        if steps_per_epoch is not None:
            whole("steps_per_epoch", steps_per_epoch)
        super().__init__(schedules, steps or max(map(_natural_width, schedules)))
        self._names = names_of(schedules)
        self._computed: list[tuple[Schedule, _Curve]] = []
        self._pins: list[_Pin] = []
        self._per_epoch, self._width = steps_per_epoch, self._last_width
        self._pictures: dict[int, _Picture] = {}  # width in pixels of the page -> figure
        self._grounds: dict[str, dict] = {}
        self._begin(_controls_of(self))

    # What a learner, or a test, does from Python

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All schedules that are drawn."""
        return self._schedules

    def curve(self, which: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """t and the rates as they are drawn, each of shape (points,), NaN where there are none."""
        line = self._shown["lines"][which]
        return _floats(self._shown["t"]), _floats(line["rate"])

    @property
    def readout(self) -> str:
        """The numbers under the figure, in a line for each schedule."""
        return "\n".join(self._readouts())

    @property
    def code(self) -> str:
        """The PyTorch line of what is drawn, one for each schedule."""
        return "\n".join(line["code"] for line in self._shown["lines"])

    @property
    def pinned(self) -> tuple[Schedule, ...]:
        """The settings that were pinned."""
        return tuple(pin.schedule for pin in self._pins)

    def pin(self) -> None:
        """Keep this curve in the figure, to compare: up to four. `ValueError` when it is full."""
        with self._lock:
            if len(self._pins) >= self._room_for_pins:
                raise ValueError(
                    f"{len(self._pins)} curves are pinned, and there is room for no more: "
                    f"clear them first"
                )
            schedule = self._schedules[self._active]
            described = _difference(schedule, self._start[self._active])
            self._pins.append(_Pin(schedule, f"{self._names[self._active]}, {described}"))
            self._change_of_pins()

    def clear(self) -> None:
        """Take the pinned curves away."""
        with self._lock:
            self._pins.clear()
            self._change_of_pins()

    def __repr__(self) -> str:
        return f"explore({', '.join(map(repr, self._schedules))})"

    def _change_of_pins(self) -> None:
        for picture in self._pictures.values():
            picture.set_pins(self._pins, self._t)
        self._grounds.clear()
        self._stamp_all()
        self._show()

    @property
    def _room_for_pins(self) -> int:
        return min(MOST_PINS, MOST_LINES - len(self._schedules))

    @property
    def _picture(self) -> "_Picture":
        return self._picture_of(self._width)

    def _picture_of(self, width: int) -> "_Picture":
        """The figure for a page with so much room, with the pins."""
        if width not in self._pictures:
            picture = _Picture(self._names, self._start, self.steps, self._per_epoch, width)
            picture.set_pins(self._pins, self._t)
            self._pictures[width] = picture
        return self._pictures[width]

    # What the browser is shown

    def _try_out(self, schedules: tuple[Schedule, ...]) -> None:
        self._curves_of(schedules)  # a function of the learner's own may fail here

    @cached_property
    def _t(self) -> np.ndarray:
        """The updates that are drawn: every one, or every second, fifth, tenth, ..."""
        return np.arange(0, self.steps, _nice(self.steps / MOST_SAMPLES, whole_only=True))

    def _show(self) -> None:
        curves = self._curves_of(self._schedules)
        ground = self._ground_for(self._limits(curves))
        with self.hold_sync():
            self._panel = self._controls_shown() | {
                "names": self._names,
                "looks": self._picture.looks,
                "steps": self.steps,
                "room": self._room_for_pins,
                "widths": list(WIDTHS),
            }
            self._ground = ground
            self._shown = self._values_shown() | {
                "t": _bytes(self._t),
                "lines": [
                    curve.for_browser() | _texts(schedule, self.steps)
                    for curve, schedule in zip(curves, self._schedules)
                ],
                "ground": ground["key"],
                "pins": [pin.text for pin in self._pins],
            }

    def _rows(self, control: "_Control") -> tuple[dict, list[bytes]]:
        """The curve at every position of a control, and the texts that go with it."""
        rows, rates, momenta = [], [], []
        empty = np.full(self._t.shape, np.nan)
        for value in control.positions:
            schedules, messages = self._at(control, value)
            if control.key in messages:
                rows.append({"messages": messages})
                rates.append(empty)
                momenta.append(empty)
                continue
            curves = self._curves_of(schedules)
            curve, schedule = curves[control.which], schedules[control.which]
            row = {"end": curve.end, "ground": self._ground_key(self._limits(curves))}
            rows.append(row | {"messages": messages} | _texts(schedule, self.steps))
            rates.append(curve.rate)
            momenta.append(empty if curve.momentum is None else curve.momentum)
        buffers = [_bytes(np.array(rates))]
        if self._picture.has_momentum:
            buffers.append(_bytes(np.array(momenta)))
        head = {"rows": rows, "control": control.key, "stamp": self._stamps[control.key]}
        return head | {"positions": len(rows)}, buffers

    def _curves_of(self, schedules: tuple[Schedule, ...]) -> list["_Curve"]:
        """The curves of schedules; those that were asked for last are not computed again."""
        known = {id(schedule): curve for schedule, curve in self._computed}
        new = [(s, known.get(id(s)) or _curve_of(s, self._t)) for s in schedules]
        self._computed = new
        return [curve for _, curve in new]

    def _limits(self, curves: list["_Curve"]) -> tuple:
        """Round limits of the axes that hold these curves and the pinned ones."""
        everything = [*curves, *(_curve_of(pin.schedule, self._t) for pin in self._pins)]
        limits = [_rate_limits(np.concatenate([c.rate for c in everything]))]
        if self._picture.has_momentum:
            cycled = [c.momentum for c in everything if c.momentum is not None]
            limits.append(_momentum_limits(np.concatenate(cycled) if cycled else np.array([])))
        return tuple(limits)

    def _ground_key(self, limits: tuple) -> str:
        return json.dumps([limits, len(self._pins), self._pixel_ratio, self._width])

    def _ground_for(self, limits: tuple) -> dict:
        key = self._ground_key(limits)
        if key not in self._grounds:
            png, panels = self._picture.ground(limits, self._pixel_ratio)
            ground = {"key": key, "png": png, "panels": panels, "ratio": self._pixel_ratio}
            self._grounds[key] = ground | self._picture.size
            if len(self._grounds) > MOST_GROUNDS:
                del self._grounds[next(iter(self._grounds))]
        return self._grounds[key]

    def _on_grounds(self, message: dict) -> None:
        """One figure for each of the limits asked for, as far as they still fit."""
        for key in message["keys"]:
            limits, *drawn_for = json.loads(key)
            if drawn_for == [len(self._pins), self._pixel_ratio, self._width]:
                ground = self._ground_for(tuple(map(tuple, limits)))
                self.send({"ground": ground | {"png": None}}, [ground["png"]])

    def _on_page(self, message: dict) -> None:
        """The page has so much room, and the screen so many pixels to one of it: draw for that."""
        ratio = min(max(round(float(message["ratio"]), 2), 1.0), 3.0)
        width = max((w for w in WIDTHS if w <= message["width"]), default=WIDTHS[0])
        type(self)._pixel_ratio, type(self)._last_width = ratio, width
        self._width = width
        if json.loads(self._ground["key"])[2:] == [ratio, width]:
            return
        self._stamp_all()
        self._show()

    def _on_pin(self, _message: dict) -> None:
        if len(self._pins) < self._room_for_pins:
            self.pin()

    def _on_clear(self, _message: dict) -> None:
        self.clear()

    # Without a kernel

    def _readouts(self) -> Iterator[str]:
        for name, line in zip(self._names, self._shown["lines"]):
            numbers = " · ".join(f"{label} {value}" for label, value in line["readout"])
            yield f"{name}: {numbers}" if len(self._names) > 1 else numbers

    def _as_text(self) -> str:
        """The figure as text: the schedule, its readout, and five points of its curve."""
        at = np.unique(np.linspace(0, self.steps - 1, 5).astype(int))
        blocks = []
        for schedule, readout in zip(self._schedules, self._readouts()):
            rates = _curve_of(schedule, at).rate
            cells = [("t", "rate"), *((str(t), _number(r)) for t, r in zip(at, rates))]
            widths = [max(map(len, cell)) for cell in cells]
            table = [
                "  ".join(cell[row].rjust(width) for cell, width in zip(cells, widths))
                for row in (0, 1)
            ]
            blocks.append("\n".join([repr(schedule), readout, *table]))
        return "\n\n".join(blocks)

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        """The live widget; and for a page without a kernel, the figure and its text."""
        bundle = super()._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        with self._lock:
            curves = self._curves_of(self._schedules)
            picture = self._picture_of(FULL).whole(self._limits(curves), curves, self._t)
            still = {"text/plain": self._as_text(), "image/png": picture}
            words = f"Curves of the learning rate. {self!r}. {self.readout}"
        return dict(data) | still, metadata | _widget.described(words)


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
class _Draft:
    """The values of all controls of one schedule, whether or not they fit together.

    `parts`: the class and the fields of each part; `joins`: when each part but the first begins.
    A place in it is (part, field name), (None, field name) for all parts, or (join, None).
    """

    parts: tuple[tuple[type, dict], ...]
    joins: tuple[int, ...]

    @classmethod
    def of(cls, schedule: Schedule) -> "_Draft":
        starts, parts = zip(*schedule._stretches())
        return cls(tuple((type(part), _values(part)) for part in parts), starts[1:])

    def build(self) -> Schedule:
        """The schedule, or the `ValueError` that says why there is none."""
        first, *others = (part(**values) for part, values in self.parts)
        for other, at in zip(others, self.joins):
            first = first.then(other, at=at)
        return first

    def changed(self, place: tuple, value: Any) -> "_Draft":
        part, name = place
        if name is None:
            return _Draft(self.parts, _replaced(self.joins, part, value))
        chosen = range(len(self.parts)) if part is None else [part]
        parts = tuple(
            (kind, _with(kind, values, name, value) if i in chosen else values)
            for i, (kind, values) in enumerate(self.parts)
        )
        return _Draft(parts, self.joins)


def _values(part: Schedule) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part) if f.compare}


def _with(kind: type, values: dict, name: str, value: Any) -> dict:
    """The fields with one changed. Of two faces of one value (gamma and k), the last set counts."""
    faces = {f.name for f in fields(kind) if not f.compare}
    hidden = {f.name for f in fields(kind) if f.default is None} if faces else set()
    kept = {k: v for k, v in values.items() if name not in hidden or k not in hidden}
    return kept | {name: value}


# One control


class _Control:
    """One field of a schedule: its name, the positions it can take, and how to read a text."""

    def __init__(
        self, explorer: Panel, which: int, place: tuple, key: str, group: str, kind: Kind
    ) -> None:
        self._explorer, self.which, self.place, self.key = explorer, which, place, key
        self.label, self.group, self.kind = key.split(".")[-1], group, kind
        schedule = explorer._schedules[which]
        grid = _positions(kind, self.label, self.value, schedule.peak, explorer.steps)
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
        return _text(self.asked)

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
        return _floats(rates).reshape(head["positions"], -1)

    def check(self, value: Any) -> None:
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
            "which": self.which,
            "look": looks.get(self.kind.name, "slider"),
            "positions": positions,
            "texts": list(map(_text, positions)),
        }

    def place_and_text(self) -> dict:
        """Where the handle stands and what is written beside it."""
        positions = self.positions
        at = next((i for i, v in enumerate(positions) if _is_close(v, self.asked)), 0)
        return {"at": at, "text": self.text}


def _controls_of(explorer: Explorer) -> Iterator[_Control]:
    for which in range(len(explorer.schedules)):
        letter = f"{'ABCD'[which]}." if len(explorer.schedules) > 1 else ""
        yield from controls_of_one(explorer, which, explorer._names[which], letter)


def controls_of_one(
    explorer: Panel, which: int, heading: str, letter: str = ""
) -> Iterator[_Control]:
    """The controls of one schedule, under its heading; of its parts, where it is joined of some."""
    stretches = explorer._schedules[which]._stretches()
    several = len(stretches) > 1
    shared = several and _share_one_lr([part for _, part in stretches])
    if shared:
        yield _Control(explorer, which, (None, "lr"), f"{letter}lr", "all parts", RATE)
    for i, (_, part) in enumerate(stretches):
        group = f"{letter}{i + 1}. {type(part).__name__}" if several else heading
        prefix = f"{letter}{i + 1}." if several else letter
        if i:
            yield _Control(explorer, which, (i - 1, None), f"{prefix}at", group, STEPS)
        for f in fields(part):
            if kind_of(f).name in _HAS_CONTROL and not _left_out(f, part, shared):
                key = prefix + f.name
                yield _Control(explorer, which, (i, f.name), key, group, kind_of(f))


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
        stride = _nice(most / 120, whole_only=True)
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


# Curves and numbers


@dataclass(frozen=True)
class _Curve:
    """A schedule at the drawn updates: `rate` and `momentum` (or None), NaN where there is none;
    `end`: the update at which the schedule has reached its own end, None if it has none."""

    rate: np.ndarray
    momentum: np.ndarray | None
    end: float | None

    def for_browser(self) -> dict:
        momentum = None if self.momentum is None else _bytes(self.momentum)
        return {"rate": _bytes(self.rate), "momentum": momentum, "end": self.end}


@dataclass(frozen=True)
class _Pin:
    schedule: Schedule
    text: str


# The fields in which PyTorch counts how long a schedule lasts.
_LENGTHS = ("T_max", "total_iters", "total_steps")


def _end(schedule: Schedule) -> int | None:
    """The update at which a schedule has reached its own end; None if it has none."""
    start, part = schedule._stretches()[-1]
    return next((start + getattr(part, n) for n in _LENGTHS if hasattr(part, n)), None)


def _natural_width(schedule: Schedule) -> int:
    """Updates enough to see a schedule, and where it has an end, a quarter more."""
    return max(20, schedule.horizon, math.ceil(1.25 * (_end(schedule) or 0)))


def _curve_of(schedule: Schedule, t: np.ndarray) -> _Curve:
    # One past its last update, PyTorch still sets a rate; after that it raises.
    there = t <= schedule._last + 1
    rate = np.full(t.shape, np.nan)
    rate[there] = schedule(t[there])
    momentum = None
    if schedule.momentum(0) is not None:
        momentum = np.full(t.shape, np.nan)
        momentum[there] = schedule.momentum(t[there])
    return _Curve(rate, momentum, _end(schedule))


def _texts(schedule: Schedule, steps: int) -> dict:
    """What is written about a schedule: the readout and the PyTorch line."""
    try:
        code = schedule.code()
    except ValueError as problem:  # not every row of schedules has a twin
        code = "".join(f"# {line}\n" for line in str(problem).split(": ", 1)).rstrip()
    return {"readout": _readout(schedule, steps), "code": code}


def _readout(schedule: Schedule, steps: int) -> list[tuple[str, str]]:
    """The rate at start, middle and end; when it is nearly gone; and all rates together.

    Counted up to the schedule's own end, or to the edge of the figure, whichever comes first.
    """
    updates = min(_end(schedule) or steps, steps)
    stride = _nice(updates / ALL_EXACT, whole_only=True)
    t = np.arange(0, updates, stride)
    rate = schedule(t)
    middle, last = updates // 2, updates - 1
    about = "about " if stride > 1 else ""
    peak = int(np.argmax(rate))
    low = np.flatnonzero(rate[peak:] < 0.01 * rate[peak])
    return [
        ("start", _number(rate[0])),
        (f"middle, t = {middle}", _number(schedule(middle))),
        (f"end, t = {last}", _number(schedule(last))),
        (
            "below 1 % of peak",
            f"from {about}t = {t[peak + low[0]]}" if low.size else f"not by t = {last}",
        ),
        ("sum of rates", about + _number(float(rate.sum()) * stride)),
    ]


def _difference(schedule: Schedule, start: Schedule) -> str:
    """The fields that were changed, in words for a list of pins."""
    now, then = _Draft.of(schedule), _Draft.of(start)
    several = len(now.parts) > 1
    changed = [
        f"{f'{i + 1}.' if several else ''}{name}={_text(value)}"
        for i, ((_, values), (_, before)) in enumerate(zip(now.parts, then.parts))
        for name, value in values.items()
        if value != before[name]
    ]
    changed += [f"{i + 2}.at={a}" for i, (a, b) in enumerate(zip(now.joins, then.joins)) if a != b]
    return ", ".join(changed) or "as at the start"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _sentence(problem: Exception) -> str:
    return f"{str(problem).rstrip('.')}."


def _nice(least: float, whole_only: bool = False) -> Any:
    """The smallest of 1, 2, 5, 10, 20, 50, ... (or 0.1, 0.2, ...) that is at least `least`."""
    if whole_only and least <= 1:
        return 1
    power = math.floor(math.log10(least))
    values = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    nice = next(v for v in values if v >= least * (1 - 1e-9))
    return int(nice) if whole_only else nice


def _rate_limits(rates: np.ndarray) -> tuple[float, float]:
    """From 0, or as far below as the curve goes, to a tenth above a round number."""
    rates = rates[np.isfinite(rates)]
    highest, lowest = rates.max(initial=0.0), rates.min(initial=0.0)
    top = 1.1 * _nice(max(highest, -lowest / 2) or 0.1)
    return (0.0 if lowest >= 0 else -1.1 * _nice(-lowest)), float(f"{top:.6g}")


def _momentum_limits(momenta: np.ndarray) -> tuple[float, float]:
    momenta = momenta[np.isfinite(momenta)]
    lowest = momenta.min(initial=0.82)
    return max(0.0, math.floor((lowest - 0.02) * 10) / 10), 1.0


def _changed(drafts: tuple[_Draft, ...], control: _Control, value: Any) -> tuple[_Draft, ...]:
    draft = drafts[control.which].changed(control.place, value)
    return _replaced(drafts, control.which, draft)


def _replaced(row: tuple, index: int, value: Any) -> tuple:
    return (*row[:index], value, *row[index + 1 :])


def _bytes(values: np.ndarray) -> bytes:
    return np.asarray(values, dtype="<f4").tobytes()


def _floats(buffer: bytes) -> np.ndarray:
    return np.frombuffer(buffer, dtype="<f4").astype(float)


# The figure


class _Picture:
    """One matplotlib figure: the axes that all curves share, the pinned curves, the legend.

    It belongs to no pyplot, and everything that would read the global style later is set here, so
    that it can be drawn again from the browser's messages while a cell draws something else.
    """

    DPI = 100
    RIGHT = 0.2  # inches beside the axes

    def __init__(
        self,
        names: list[str],
        schedules: tuple[Schedule, ...],
        steps: int,
        steps_per_epoch: int | None,
        width: int = FULL,
    ) -> None:
        """`width`: of the figure, in pixels of the page. A narrow one is lower, too."""
        self.has_momentum = any(
            s.momentum(0) is not None or hasattr(part, "cycle_momentum")
            for s in schedules
            for _, part in s._stretches()
        )
        self._names, self._steps = names, steps
        self._ends = any(_end(s) is not None for s in schedules)
        self._most_pins = min(MOST_PINS, MOST_LINES - len(names))
        self._inches, self._narrow = width / self.DPI, width < 0.8 * FULL
        self._text = 9 if self._narrow else 11
        self._left = 0.8 if self._narrow else 0.95
        with plots.style():
            self._styles = list(matplotlib.rcParams["axes.prop_cycle"])
            dashes = {
                "--": list(matplotlib.rcParams["lines.dashed_pattern"]),
                "-.": list(matplotlib.rcParams["lines.dashdot_pattern"]),
                ":": list(matplotlib.rcParams["lines.dotted_pattern"]),
                "-": [],
            }
            self.looks = [
                {"colour": to_hex(s["color"]), "dash": dashes.get(s["linestyle"], [5, 1, 1, 1])}
                for s in self._styles
            ]
            self._build(steps_per_epoch)
        self.set_pins([], np.arange(2))

    def _build(self, steps_per_epoch: int | None) -> None:
        self.figure = Figure(figsize=(self._inches, 1), dpi=self.DPI)
        FigureCanvasAgg(self.figure)
        self.axes = [self.figure.add_axes((0, 0, 1, 1), label="rate")]
        self.axes[0].set_ylabel("learning rate", fontsize=self._text)
        if self.has_momentum:
            self.axes.append(self.figure.add_axes((0, 0, 1, 1), label="momentum"))
            self.axes[1].set_ylabel("momentum", fontsize=self._text)
            self.axes[0].tick_params(labelbottom=False)
        self._label_axes()
        if steps_per_epoch:
            self._count_epochs(steps_per_epoch)
        self._make_lines()
        for ax in self.axes:
            ax.set_xlim(0, self._steps - 1)
        self._place(bool(steps_per_epoch))

    def _label_axes(self) -> None:
        self.axes[-1].set_xlabel("t, updates already made", fontsize=self._text)
        ticks = 4 if self._narrow else 8
        for ax in self.axes:
            ax.set_xlim(0, self._steps - 1)
            ax.xaxis.set_major_locator(
                MaxNLocator(nbins=ticks, integer=True, steps=[1, 2, 2.5, 5, 10])
            )
            ax.tick_params(labelsize=self._text, grid_color="#dddddd", grid_linewidth=0.8)
            beside = (0.6 if self._narrow else 0.68) / (self._inches - self._left - self.RIGHT)
            ax.yaxis.set_label_coords(-beside, 0.5)
            ax.set_axisbelow(True)
        self.axes[0].yaxis.set_major_locator(
            MaxNLocator(nbins=4 if self._narrow else 6, steps=[1, 2, 2.5, 5, 10])
        )
        self.axes[0].yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        if self.has_momentum:
            self.axes[1].yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))

    def _count_epochs(self, steps_per_epoch: int) -> None:
        both = (lambda t: t / steps_per_epoch, lambda e: e * steps_per_epoch)
        second = self.axes[0].secondary_xaxis("top", functions=both)
        second.set_xlabel(f"epochs of {steps_per_epoch} updates", fontsize=self._text)
        second.tick_params(labelsize=self._text)
        if self._narrow:
            second.xaxis.set_major_locator(MaxNLocator(nbins=4))

    def _make_lines(self) -> None:
        """The lines of each schedule, those past its end, those of the pins, and the shades."""

        def on_each_axes(**look: Any) -> list[Line2D]:
            return [ax.plot([], [], **look)[0] for ax in self.axes]

        named = self._styles[: len(self._names)]
        self._lines = [on_each_axes(**style, lw=2.2, zorder=3) for style in named]
        self._past = [
            on_each_axes(color=style["color"], ls=":", lw=1.3, zorder=3) for style in named
        ]
        pins = self._styles[len(named) :]
        self._pins = [on_each_axes(**style, lw=1.5, zorder=2.5) for style in pins]
        self._shades = [ax.axvspan(0, 0, color="black", alpha=0.06, lw=0) for ax in self.axes]

    def _place(self, epochs: bool) -> None:
        """The axes, in inches from the top: legend, epochs, rate, momentum, labels of t."""
        legend, above = self._height_of_legend(), 0.52 if epochs else 0.0
        rate, momentum, gap, below = 2.35, 1.05, 0.16, 0.55
        if self._narrow:
            rate, momentum, below = 1.6, 0.75, 0.5
        if not self.has_momentum:
            momentum = gap = 0.0
        height = legend + above + rate + gap + momentum + below
        self.size = {
            "width": round(self._inches * self.DPI),
            "height": round(height * self.DPI),
        }
        self.figure.set_size_inches(self._inches, height)
        left, right = self._left / self._inches, 1 - self.RIGHT / self._inches
        tops = [(legend + above, rate), (legend + above + rate + gap, momentum)]
        for ax, (top, tall) in zip(self.axes, tops):
            ax.set_position((left, 1 - (top + tall) / height, right - left, tall / height))

    def _height_of_legend(self) -> float:
        """Inches: in a narrow figure, enough for all the pins, so that nothing moves."""
        if not self._narrow:
            return 0.36
        self._write_legend(self._most_pins)
        [legend] = self.figure.legends
        return legend.get_window_extent().height / self.DPI + 0.08

    def set_pins(self, pins: list[_Pin], t: np.ndarray) -> None:
        for lines, pin in zip(self._pins, pins + [None] * len(self._pins)):
            curve = _curve_of(pin.schedule, t) if pin else None
            for line, values in zip(lines, (curve.rate, curve.momentum) if curve else (None, None)):
                line.set_data(([], []) if values is None else (t, values))
        self._write_legend(len(pins))

    def _write_legend(self, pins: int) -> None:
        """In one row over the axes if it fits; else smaller, from the edge, in more rows."""
        handles: list[Any] = [line[0] for line in self._lines]
        handles += [line[0] for line in self._pins[:pins]]
        labels = [*self._names, *(f"pin {i + 1}" for i in range(pins))]
        if self._ends:
            dots = Line2D([], [], color=self._styles[0]["color"], ls=":", lw=1.3)
            handles.append((Patch(color="black", alpha=0.1, lw=0), dots))
            labels.append("past the end")
        tries = ((10, self._left, 1), (9, 0.1, 1), (8, 0.1, 1), *((8, 0.1, n) for n in range(2, 7)))
        for size, left, rows in tries[2 * self._narrow :]:
            for legend in list(self.figure.legends):
                legend.remove()
            legend = self.figure.legend(
                handles,
                labels,
                loc="upper left",
                bbox_to_anchor=(left / self._inches, 1.0),
                ncols=math.ceil(len(labels) / rows),
                fontsize=size,
                frameon=False,
                borderaxespad=0.5 / rows,
                labelspacing=0.25,
                handlelength=2.2,
                columnspacing=1.4,
            )
            if legend.get_window_extent().x1 <= self.figure.bbox.width:
                return

    def ground(self, limits: tuple, ratio: float) -> tuple[bytes, list[dict]]:
        """The figure without the moving curves, as PNG, and where its panels are."""
        self._set_limits(limits)
        self._draw_curves([], np.array([]))
        png = self._png(self.DPI * ratio)
        return png, [self._panel(ax, y) for ax, y in zip(self.axes, limits)]

    def whole(self, limits: tuple, curves: list[_Curve], t: np.ndarray) -> bytes:
        """The figure with its curves, as PNG."""
        self._set_limits(limits)
        self._draw_curves(curves, t)
        return self._png(self.DPI)

    def _set_limits(self, limits: tuple) -> None:
        for ax, y in zip(self.axes, limits):
            ax.set_ylim(*y)

    def _draw_curves(self, curves: list[_Curve], t: np.ndarray) -> None:
        nothing = np.array([])
        for i, (lines, past) in enumerate(zip(self._lines, self._past)):
            curve = curves[i] if curves else _Curve(nothing, nothing, None)
            for line, dots, y in zip(lines, past, (curve.rate, curve.momentum)):
                y = nothing if y is None else y
                x = t[: len(y)]
                end = math.inf if curve.end is None else curve.end
                line.set_data(x[x <= end], y[x <= end])
                dots.set_data(x[x >= end], y[x >= end])
        ends = [c.end for c in curves if c.end is not None]
        for shade in self._shades:
            shade.set_visible(bool(ends))
            shade.set_x(max(ends, default=0))
            shade.set_width(max(0, self._steps - 1 - max(ends, default=0)))

    def _png(self, dpi: float) -> bytes:
        out = BytesIO()
        self.figure.dpi = dpi
        self.figure.canvas.print_png(out, metadata={"Software": None})
        self.figure.dpi = self.DPI
        return out.getvalue()

    def _panel(self, ax: Any, y: tuple[float, float]) -> dict:
        """Where the axes are, as shares of the figure from its top left, and their limits."""
        box = ax.bbox.transformed(self.figure.transFigure.inverted())
        return {
            "left": box.x0,
            "top": 1 - box.y1,
            "width": box.width,
            "height": box.height,
            "x": [0, self._steps - 1],
            "y": list(y),
        }
