"""A schedule under your hands: `explore` shows one control per field, and the curve it makes.

How the curve can follow the hand: matplotlib draws the ground (axes, ticks, labels, legend), and
the browser draws the curve on it. When a control is touched, the kernel computes the curve at
*every* position of that control and sends them all at once, so that a drag needs no answer from
the kernel: the browser picks a row. The formula stays where it is, in `schedules.py`.

The controls are those of `panel.py`, the curves those of `_curves.py`, the figure `_picture.py`'s.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import traitlets

from lrcourse._fields import STEPS, a, whole
from lrcourse.schedules import Schedule
from lrcourse.widgets._curves import (
    FULL,
    MOST_SAMPLES,
    Curve,
    Pin,
    curve_of,
    momentum_limits,
    natural_width,
    nice,
    rate_limits,
    short,
    texts,
    to_bytes,
    to_floats,
)
from lrcourse.widgets._picture import MOST_LINES, MOST_PINS, Picture
from lrcourse.widgets.controls import Control, controls_of
from lrcourse.widgets.drafts import Draft
from lrcourse.widgets.panel import Panel, names_of, refuse_what_has_no_curve
from lrcourse.widgets.widget import Refused, look, script


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long the run is, beside the schedule's own length. A value with a field, as schedules."""

    run: int = a(STEPS, 100)

    def __post_init__(self) -> None:
        whole("run", self.run, "a whole number of updates, at least 2", least=2)


MOST_GROUNDS = 48  # figures kept, for other limits of the axes: some 20 kB each
WIDTHS = range(260, FULL + 1, 55)  # for narrower pages: a few, so that few figures are kept


class Explorer(Panel):
    """What `explore` returns: a figure with its controls, live in a notebook.

    explorer = explore(StepDecay())
    explorer.set(step_size=10)              as if you had moved the control; ValueError if it
                                            cannot be, and the last good curve stays
    explorer.set(run=60)                    the length of the run, whatever the schedule's own is
    explorer.schedule                       StepDecay(lr=0.1, step_size=10, gamma=0.1)
    explorer.curve()                        (t, rates) as drawn, each of shape (points,)
    explorer.curves("step_size")            the curve at every position of a control
    explorer.controls["step_size"].value    10
    explorer.readout, explorer.code         the texts under the figure
    explorer.pin(), .clear(), .reset()      the buttons
    explorer.scale("log")                   a logarithmic axis for the rate, or "linear" again
    explorer.observe(f, "schedule")         f is told of every new schedule
    explorer.error                          the sentence shown when something is wrong, or None

    With several schedules, or several parts in one, controls are named "A.lr", "2.T_max";
    `set(T_max=40)` finds the control if only one has that name.
    """

    _esm = script("panel", "explorer", view="ExplorerView")
    _css = look("panel", "explorer")

    _actions = (*Panel._actions, "pin", "clear", "page", "scale")
    _replies = (*Panel._replies, "ground")

    _ground = traitlets.Dict().tag(sync=True)  # the figure without its moving curves

    _scale = "linear"  # of the axis of the rate
    _few = False  # positions of a control, as many as can be trained

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
        shown, run = self._lengths(schedules, steps)
        super().__init__((*schedules, Run(run=run)), shown)
        self._start = schedules
        self._names = names_of(schedules)
        self._computed: list[tuple[Schedule, Curve]] = []
        self._pins: list[Pin] = []
        self._per_epoch, self._width = steps_per_epoch, self._last_width
        self._pictures: dict[int, Picture] = {}  # width in pixels of the page -> figure
        self._grounds: dict[str, dict] = {}
        self._begin(_controls_of(self))

    def _lengths(self, schedules: tuple[Schedule, ...], steps: int | None) -> tuple[int, int]:
        """How many updates the figure shows, and how long the run is at first."""
        shown = steps or max(map(natural_width, schedules))
        return shown, steps or min(shown, max(s.end or natural_width(s) for s in schedules))

    # What a learner, or a test, does from Python

    @property
    def _schedules(self) -> tuple[Schedule, ...]:
        return self._drafts.drawn[:-1]

    @property
    def run(self) -> int:
        """How many updates the run has: the numbers under the figure are those of its end."""
        return self._drafts.drawn[-1].run

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All schedules that are drawn."""
        return self._schedules

    def curve(self, which: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """t and the rates as they are drawn, each of shape (points,), NaN where there are none."""
        line = self.state["lines"][which]
        return to_floats(self.state["t"]), to_floats(line["rate"])

    def curves(self, name: str) -> np.ndarray:
        """What the browser gets when a control is touched, a row for each of its positions.

        Shape (positions, points); a row of NaN where the position makes no schedule.
        """
        with self._lock:
            head, buffers = self.rows(self._control_named(name).key)
        if not buffers:  # the length of the run, which the curve does not know
            return np.tile(self.curve()[1], (head["positions"], 1))
        return to_floats(buffers[0]).reshape(head["positions"], -1)

    @property
    def readout(self) -> str:
        """The numbers under the figure, in a line for each schedule."""
        return "\n".join(self._readouts())

    @property
    def code(self) -> str:
        """The PyTorch line of what is drawn, one for each schedule."""
        return "\n".join(line["code"] for line in self.state["lines"])

    @property
    def pinned(self) -> tuple[Schedule, ...]:
        """The settings that were pinned."""
        return tuple(pin.schedule for pin in self._pins)

    def pin(self) -> None:
        """Keep this curve in the figure, to compare: up to four. `ValueError` when it is full."""
        with self._lock:
            if len(self._pins) >= self._room_for_pins:
                raise Refused(
                    f"{len(self._pins)} curves are pinned, and there is room for no more: "
                    f"clear them first"
                )
            schedule, start = self._schedules[self._active], self._start[self._active]
            changes = Draft.of(schedule).difference(Draft.of(start))
            self._pins.append(Pin(schedule, f"{self._names[self._active]}, {changes}"))
            self._change_of_pins()

    def clear(self) -> None:
        """Take the pinned curves away."""
        with self._lock:
            self._pins.clear()
            self._change_of_pins()

    def scale(self, name: str) -> None:
        """Draw the rate on a "linear" or a "log" axis, on which small rates can be told apart."""
        if name not in ("linear", "log"):
            raise ValueError(f"scale must be 'linear' or 'log', got {name!r}")
        with self._lock:
            self._scale = name
            self._stamp_all()
            self._show()

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
    def _picture(self) -> Picture:
        return self._picture_of(self._width)

    def _picture_of(self, width: int) -> Picture:
        """The figure for a page with so much room, with the pins."""
        if width not in self._pictures:
            about = self._names, self._start, self.steps, self._per_epoch, width
            picture = Picture(*about, over_another=self._few)
            picture.set_pins(self._pins, self._t)
            self._pictures[width] = picture
        return self._pictures[width]

    # What the browser is shown

    def _try_out(self, drawn: tuple[Any, ...]) -> None:
        *schedules, length = drawn
        if length.run > self.steps:
            raise ValueError(
                f"run must be at most {self.steps}, the updates that the figure shows, got "
                f"{length.run}: give explore(..., steps={length.run}) for more"
            )
        self._curves_of(tuple(schedules))  # a function of the learner's own may fail here

    @cached_property
    def _t(self) -> np.ndarray:
        """The updates that are drawn: every one, or every second, fifth, tenth, ..."""
        return np.arange(0, self.steps, nice(self.steps / MOST_SAMPLES, whole_only=True))

    def _as_drawn(self, schedules: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
        """What is drawn of schedules, and written about them: here, just these."""
        return schedules

    def _show(self) -> None:
        schedules = self._as_drawn(self._schedules)
        curves = self._curves_of(schedules)
        ground = self._ground_for(self._limits(curves))
        with self.hold_sync():
            self.content = self._controls_shown() | {
                "names": self._names,
                "looks": self._picture.looks,
                "steps": self.steps,
                "room": self._room_for_pins,
                "widths": list(WIDTHS),
            }
            self._ground = ground
            self.state = self._values_shown() | {
                "t": to_bytes(self._t),
                "lines": [
                    curve.for_browser() | texts(schedule, self.run)
                    for curve, schedule in zip(curves, schedules)
                ],
                "run": self.run,
                "scale": self._scale,
                "ground": ground["key"],
                "pins": [pin.text for pin in self._pins],
            }
        self._tell_observers()

    def rows(self, key: str) -> tuple[dict, list[bytes]]:
        """The curve at every position of a control, and the texts that go with it."""
        control = self.controls[key]
        if control.place.which == len(self._names):
            return self._rows_of_run(control)
        rows, rates, momenta = [], [], []
        empty = np.full(self._t.shape, np.nan)
        for value in control.positions:
            (*schedules, length), messages = self._after(control, value)
            if key in messages:
                rows.append({"messages": messages})
                rates.append(empty)
                momenta.append(empty)
                continue
            drawn = self._as_drawn(tuple(schedules))
            curves = self._curves_of(drawn)
            curve, schedule = curves[control.place.which], drawn[control.place.which]
            row: dict[str, Any] = {
                "end": curve.end,
                "ground": self._ground_key(self._limits(curves)),
            }
            row |= {"messages": messages, "run": length.run}
            rows.append(row | texts(schedule, length.run))
            rates.append(curve.rate)
            momenta.append(empty if curve.momentum is None else curve.momentum)
        buffers = [to_bytes(np.array(rates))]
        if self._picture.has_momentum:
            buffers.append(to_bytes(np.array(momenta)))
        head = {"rows": rows, "control": key, "stamp": self._stamps[key]}
        return head | {"positions": len(rows)}, buffers

    def _rows_of_run(self, control: Control) -> tuple[dict, list[bytes]]:
        """The texts at every length of the run: the curves do not know it."""
        drawn = self._as_drawn(self._schedules)
        ground, rows = self._ground_key(self._limits(self._curves_of(drawn))), []
        for value in control.positions:
            (*schedules, length), messages = self._after(control, value)
            row: dict[str, Any] = {"messages": messages, "run": length.run, "ground": ground}
            drawn = self._as_drawn(tuple(schedules))
            rows.append(row | {"lines": [texts(s, length.run) for s in drawn]})
        head = {"rows": rows, "control": control.key, "stamp": self._stamps[control.key]}
        return head | {"positions": len(rows)}, []

    def _curves_of(self, schedules: tuple[Schedule, ...]) -> list["Curve"]:
        """The curves of schedules; those that were asked for last are not computed again."""
        known = {id(schedule): curve for schedule, curve in self._computed}
        new = [(s, known.get(id(s)) or curve_of(s, self._t)) for s in schedules]
        self._computed = new
        return [curve for _, curve in new]

    def _limits(self, curves: list["Curve"]) -> tuple:
        """Round limits of the axes that hold these curves and the pinned ones."""
        everything = [*curves, *(curve_of(pin.schedule, self._t) for pin in self._pins)]
        rates = np.concatenate([c.rate for c in everything])
        limits = [rate_limits(rates, self._scale == "log")]
        if self._picture.has_momentum:
            cycled = [c.momentum for c in everything if c.momentum is not None]
            limits.append(momentum_limits(np.concatenate(cycled) if cycled else np.array([])))
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

    def ground(self, key: str) -> tuple[dict, list[bytes]] | None:
        """The figure for some limits, as a row names it; None if it would not fit any more."""
        limits, *drawn_for = json.loads(key)
        if drawn_for != [len(self._pins), self._pixel_ratio, self._width]:
            return None
        ground = self._ground_for(tuple(map(tuple, limits)))
        return {"ground": ground | {"png": None}}, [ground["png"]]

    def page(self, ratio: float, width: float) -> None:
        """The page has so much room, and the screen so many pixels to one of it: draw for that."""
        ratio = min(max(round(float(ratio), 2), 1.0), 3.0)
        width = max((w for w in WIDTHS if w <= width), default=WIDTHS[0])
        type(self)._pixel_ratio, type(self)._last_width = ratio, width
        self._width = width
        if json.loads(self._ground["key"])[2:] == [ratio, width]:
            return
        self._stamp_all()
        self._show()

    # Without a kernel

    def _readouts(self) -> Iterator[str]:
        for name, line in zip(self._names, self.state["lines"]):
            numbers = " · ".join(f"{label} {value}" for label, value in line["readout"])
            yield f"{name}: {numbers}" if len(self._names) > 1 else numbers

    def _as_text(self) -> str:
        """The figure as text: the schedule, its readout, and five points of its curve."""
        at = np.unique(np.linspace(0, self.steps - 1, 5).astype(int))
        blocks = []
        for schedule, readout in zip(self._as_drawn(self._schedules), self._readouts()):
            rates = curve_of(schedule, at).rate
            cells = [("t", "rate"), *((str(t), short(r)) for t, r in zip(at, rates))]
            widths = [max(map(len, cell)) for cell in cells]
            table = [
                "  ".join(cell[row].rjust(width) for cell, width in zip(cells, widths))
                for row in (0, 1)
            ]
            blocks.append("\n".join([repr(schedule), readout, *table]))
        return "\n\n".join(blocks)

    def _as_png(self) -> bytes:
        curves = self._curves_of(self._as_drawn(self._schedules))
        return self._picture_of(FULL).whole(self._limits(curves), curves, self._t)

    def _alternative(self) -> str:
        return f"Curves of the learning rate. {self!r}. {self.readout}"


def _controls_of(explorer: Explorer) -> Iterator[Control]:
    drafts, steps, few = explorer._drafts, explorer.steps, explorer._few
    for which, name in enumerate(explorer._names):
        letter = f"{'ABCD'[which]}." if len(explorer._names) > 1 else ""
        yield from controls_of(drafts, which, name, steps, letter, few)
    yield from controls_of(drafts, len(explorer._names), "length of the run", steps, few=few)
