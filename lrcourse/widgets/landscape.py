"""A landscape under your hands: `explore_landscape` shows the path that a schedule makes.

The path is computed by `lab.landscape`'s own `follow`, here in Python; the browser draws it. When a
control is touched, the paths at *every* position of it are computed at once, side by side, and sent;
a drag then needs no answer from the kernel. The contours do not depend on any control but the
choice of the surface: they are drawn once, by matplotlib, and sent once.

Read it in this order: `explore_landscape`, `LandscapeExplorer` (the widget), `Walk` (what it has controls
for, beside the schedule). The controls themselves are those of `explore`: see `panel.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, make_dataclass
from dataclasses import fields as fields_of
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from lrcourse import plots
from lrcourse._fields import MOMENTUM, RATE, Updates, Whole, a, kind_of, one_of, whole
from lrcourse.lab.drawing import draw_paths, draw_surface, draw_used
from lrcourse.lab.landscape import SURFACES, Landscape, Surface, draws, follow, surface_named
from lrcourse.lab.optimizers import SGD
from lrcourse.lab.plans import plan
from lrcourse.schedules import Schedule
from lrcourse.widgets.controls import controls_of
from lrcourse.widgets.panel import (
    Panel,
    names_of,
    refuse_what_has_no_curve,
)
from lrcourse.widgets.widget import axes, describe, look, script

MOST_STEPS = 400  # updates: more can be told apart neither in the picture nor on the scrubber
PIXELS = (1236, 644)  # of the picture of a surface, two for each of the plot's


def explore_landscape(
    schedule: Schedule,
    surface: str | Callable = "ravine",
    *,
    steps: int | None = None,
    momentum: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
    start: Sequence[float] | None = None,
    window: Sequence[float] | None = None,
) -> "LandscapeExplorer":
    """Move the parameters of a schedule, and watch the path that SGD takes over a loss.

        explore_landscape(StepDecay(lr=0.09), "ravine")
        explore_landscape(Constant(lr=0.03), "two wells", momentum=0.9)
        explore_landscape(CosineAnnealing(lr=0.1), lambda x, y: x**2 + y**2)

    surface:   one of `lab.SURFACES`, or a function loss(x, y) of two tensors
    steps:     updates, at most 400; if None, as many as show the schedule
    momentum:  of SGD, unless the schedule cycles it
    noise:     standard deviation of the noise on each part of the gradient; `seed` says which
    start:     where to begin, (x, y)
    window:    what to draw, (left, right, bottom, top)

    What you can do by hand you can do from Python: see `LandscapeExplorer`. Raises `ValueError` for what is
    no schedule or surface, and for values that do not fit together.
    """
    refuse_what_has_no_curve(schedule, "explore_landscape")
    chosen = surface_named(surface, start, window)
    surfaces = SURFACES | {chosen.name: chosen}
    settings: dict[str, Any] = {
        "surface": chosen.name,
        "momentum": momentum,
        "steps": min(max(2, schedule.horizon), MOST_STEPS) if steps is None else steps,
        "noise": noise,
        "seed": seed,
    }
    return LandscapeExplorer(schedule, _walk_over(surfaces)(**settings), surfaces)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What a path depends on beside the schedule. A value with fields, as a schedule is."""

    surface: str
    momentum: float
    steps: int
    noise: float
    seed: int

    def __post_init__(self) -> None:
        for f in fields_of(self):
            checked = kind_of(f).check(f.name, getattr(self, f.name))
            object.__setattr__(self, f.name, checked)


def _walk_over(surfaces: dict[str, Surface]) -> type[Walk]:
    """The kind of walk whose surface is one of these."""
    kinds = {
        "surface": one_of(*surfaces),
        "momentum": MOMENTUM,
        "steps": FewUpdates(),
        "noise": RATE,
        "seed": Whole(must="a whole number", least=0, most=20),
    }
    fields = [(name, Any, a(kind, None)) for name, kind in kinds.items()]
    return make_dataclass("Walk", fields, bases=(Walk,), frozen=True, kw_only=True)


class FewUpdates(Updates):
    """As many updates as a path is drawn for."""

    def check(self, name: str, value: Any) -> int | None:
        steps = super().check(name, value)
        if steps and steps > MOST_STEPS:
            raise ValueError(
                f"{name} must be at most {MOST_STEPS}, got {value!r}: look at a part of it"
            )
        return steps


@dataclass(frozen=True, eq=False)
class Trail:
    """One path and what it was walked with: what the browser draws."""

    walk: Walk
    found: Landscape
    momenta: np.ndarray

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """Positions (steps + 1, 2), losses (steps + 1,) and rates (steps,)."""
        found = self.found
        return tuple(next(iter(v.values())) for v in (found.paths, found.losses, found.used))

    def numbers(self) -> np.ndarray:
        """All of it in one row of float32: x, y and loss of every position; then the rates."""
        path, losses, rates = self.parts
        with np.errstate(over="ignore"):  # what has diverged is infinite
            return np.concatenate([*path.T, losses, rates]).astype("<f4")

    def texts(self) -> dict:
        """What goes with the numbers: the readout, the sentence, the axes of the rate."""
        path, losses, rates = self.parts
        [name] = self.found.paths
        lowest = int(np.nanargmin(losses))
        last, gone = self.walk.steps, not np.isfinite(losses[-1])
        x, y = (f"{v:.3g}" for v in np.round(path[-1], 3) + 0.0)
        return {
            "surface": self.walk.surface,
            "steps": last,
            "words": self.found.told(name),
            "rates": f"The rate: {describe(rates)}.",
            "below": axes((0, max(last - 1, 1)), _top(rates), "t, updates already made", "rate"),
            "readout": [
                ("ends at (x, y)", "gone" if gone else f"({x}, {y})"),
                ("loss at the end", "gone" if gone else f"{losses[-1]:.3g}"),
                ("lowest loss", f"{losses[lowest]:.3g} at {lowest}"),
                ("outcome", self._outcome(name)),
                ("momentum", _span(self.momenta)),
            ],
        }

    def _outcome(self, name: str) -> str:
        if self.found.diverged(name):
            return "diverged"
        inside = self.found.inside(name)
        if inside.all():
            return "stays in the picture"
        return "leaves, comes back" if inside[-1] else "leaves the picture"


def _top(rates: np.ndarray) -> tuple[float, float]:
    return 0.0, float(1.08 * rates.max() or 0.1)


def _span(momenta: np.ndarray) -> str:
    low, high = momenta.min(), momenta.max()
    return f"{low:.3g}" if low == high else f"cycled, {low:.3g} to {high:.3g}"


class LandscapeExplorer(Panel):
    """What `explore_landscape` returns: a path with its controls, live in a notebook.

    explorer = explore_landscape(StepDecay(lr=0.09))
    explorer.set(lr=0.11, momentum=0.5)     as if you had moved the controls; ValueError if it
                                            cannot be, and the last good picture stays
    explorer.found                          the `lab.Landscape` that is drawn
    explorer.go(12)                         look at the place after 12 updates
    explorer.schedule, .walk                what the controls say
    explorer.readout, .verdict              the texts under the picture
    explorer.controls["lr"].value           0.11
    explorer.reset()                        everything back to where it started
    explorer.error                          the sentence shown when something is wrong, or None
    """

    _esm = script("panel", "landscape", view="LandscapeView")
    _css = look("panel", "landscape")

    _actions = (*Panel._actions, "go")

    _surfaces = traitlets.Dict().tag(sync=True)  # pictures of the surfaces, and their axes
    _update = traitlets.Int().tag(sync=True)  # after which update the dot is

    def __init__(self, schedule: Schedule, walk: Walk, surfaces: dict[str, Surface]) -> None:
        self._all_surfaces = surfaces
        super().__init__((schedule, walk), max(200, schedule.horizon))
        [self._name] = names_of((schedule,))
        self._trail = self._tried((schedule, walk))
        self._update = walk.steps
        self._surfaces = {name: _pictured(surface) for name, surface in surfaces.items()}
        heading = "optimizer and landscape"
        named = enumerate((self._name, heading))
        self._begin([c for i, n in named for c in controls_of(self._drafts, i, n, self.steps)])

    # What a learner, or a test, does from Python

    @property
    def found(self) -> Landscape:
        """The path that is drawn."""
        return self._trail.found

    @property
    def walk(self) -> Walk:
        """Surface, momentum, steps, noise and seed, as the controls say."""
        return self._schedules[1]

    @property
    def verdict(self) -> str:
        """What the path did, in a sentence or two."""
        return self.state["words"]

    @property
    def readout(self) -> str:
        """The numbers under the picture."""
        return " · ".join(f"{label} {value}" for label, value in self.state["readout"])

    @property
    def update(self) -> int:
        """After how many updates the dot is where it is."""
        return self._update

    def go(self, update: int) -> None:
        """Put the dot where the path is after so many updates."""
        last = self.walk.steps
        if whole("update", update, f"a whole number from 0 to {last}", least=0) > last:
            raise ValueError(f"update must be a whole number from 0 to {last}, got {update!r}")
        self._update = int(update)

    def __repr__(self) -> str:
        walk = ", ".join(f"{f.name}={getattr(self.walk, f.name)!r}" for f in fields_of(self.walk))
        return f"explore_landscape({self.schedule!r}, {walk})"

    # What is drawn

    def _try_out(self, schedules: tuple[Any, ...]) -> None:
        made = _planned(self._name, *schedules)
        if isinstance(made, ValueError):
            raise made

    def _tried(self, schedules: tuple[Any, ...]) -> Trail:
        [trail] = self._trails([schedules])
        if isinstance(trail, ValueError):
            raise trail
        return trail

    def _trails(self, wanted: list[tuple[Schedule, Walk]]) -> list[Any]:
        """For each schedule and walk its `Trail`, or the `ValueError` that says why there is none.

        All that share a surface are followed at once. A shorter one stands still to the end of the
        longest, at rate 0, and is cut.
        """
        trails = [_planned(self._name, *one) for one in wanted]
        good = {i: made for i, made in enumerate(trails) if not isinstance(made, ValueError)}
        for surface in {wanted[i][1].surface for i in good}:
            here = [i for i in good if wanted[i][1].surface == surface]
            longest = max(wanted[i][1].steps for i in here)
            lr, momentum = np.zeros((len(here), longest)), np.zeros((len(here), longest))
            kicks = np.zeros((len(here), longest, 2))
            for row, i in enumerate(here):
                walk, n = wanted[i][1], wanted[i][1].steps
                lr[row, :n], momentum[row, :n] = good[i].lr, good[i].momentum
                if walk.noise:
                    kicks[row, :n] = walk.noise * draws(n, walk.seed)
            over = self._all_surfaces[surface]
            paths, losses = follow(over, lr, momentum, kicks, SGD(momentum=0.0))
            for row, i in enumerate(here):
                n = wanted[i][1].steps
                parts = (paths[row, : n + 1], losses[row, : n + 1], good[i].lr)
                found = Landscape(over, *({self._name: part} for part in parts))
                trails[i] = Trail(wanted[i][1], found, good[i].momentum)
        return trails

    def _show(self) -> None:
        at_end = self._update == self._trail.walk.steps
        self._trail = self._tried(self._schedules)
        steps = self.walk.steps
        with self.hold_sync():
            self.content = self._controls_shown() | {"name": self._name}
            self._update = steps if at_end or self._update > steps else self._update
            numbers = self._trail.numbers().tobytes()
            self.state = self._values_shown() | self._trail.texts() | {"numbers": numbers}
        self._tell_observers()

    def rows(self, key: str) -> tuple[dict, list[bytes]]:
        """The path at every position of a control, and the texts that go with it."""
        control = self.controls[key]
        found = [self._after(control, value) for value in control.positions]
        trails = iter(self._trails([both for both, why in found if key not in why]))
        rows, numbers = [], [np.array([], "<f4")]
        for _, messages in found:
            rows.append({"messages": messages})
            if key not in messages:
                trail = next(trails)
                rows[-1] |= trail.texts()
                numbers.append(trail.numbers())
        head = {"rows": rows, "control": key, "stamp": self._stamps[key]}
        return head | {"positions": len(rows)}, [np.concatenate(numbers).tobytes()]

    # Without a kernel

    def _as_text(self) -> str:
        """The path as text: what it did, and five of its places."""
        path, losses, rates = self._trail.parts
        at = np.unique(np.linspace(0, self.walk.steps, 5).astype(int))
        cells = [("update", "x", "y", "loss", "rate")]
        for i in at:
            rate = f"{rates[i]:.3g}" if i < len(rates) else "-"
            x, y = np.round(path[i], 3) + 0.0
            cells.append((str(i), f"{x:.4g}", f"{y:.4g}", f"{losses[i]:.3g}", rate))
        widths = [max(map(len, column)) for column in zip(*cells)]
        table = ["  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in cells]
        return "\n".join([repr(self), self.verdict, *table])

    def _as_figure(self) -> Figure:
        with plots.style():
            picture = Figure(figsize=(7.0, 6.0), layout="constrained")
            above, below = picture.subplots(2, 1, height_ratios=[3, 1])
            draw_paths(above, self.found)
            draw_used(below, self.found)
        return picture

    def _alternative(self) -> str:
        return f"Path over the contours of {self.walk.surface}. {self!r}. {self.verdict}"


def _planned(name: str, schedule: Schedule, walk: Walk) -> Any:
    """What every update is to use, or the `ValueError` that says why there is no such plan."""
    try:
        return plan(name, schedule, walk.steps, walk.momentum)
    except ValueError as problem:
        return problem


@lru_cache(maxsize=16)
def _pictured(surface: Surface) -> dict:
    """A surface for the browser: its contours without axes, as WebP, and the axes to draw."""
    left, right, bottom, top = surface.window
    width, height = PIXELS
    with plots.style():
        picture = Figure(figsize=(width / 200, height / 200), dpi=200)
        draw_surface(picture.add_axes((0, 0, 1, 1)), surface).set_axis_off()
        out = BytesIO()
        picture.savefig(out, format="webp", dpi=200, pil_kwargs={"quality": 80})
    return {
        "webp": out.getvalue(),
        "axes": axes((left, right), (bottom, top), "x", "y"),
        "start": [float(v) for v in surface.start],
        "trait": surface.trait,
    }
