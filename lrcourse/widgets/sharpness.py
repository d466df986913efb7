"""Two weights on a loss that is steep where they start: does a run survive its peak?

    loss   (u * v - 1)**2 / 2,   every bottom has the curvature h = u**2 + v**2, at least 2
    rate   up from peak / 25 in half a cosine wave, and down in another: `OneCycle`

Above 2/h a bottom holds nothing. While the rate rises slowly the weights are thrown out of one
bottom after another, to flatter ones, and 2/h goes up before the rate.
"""

import math
from typing import Any

import numpy as np

from lrcourse._fields import number
from lrcourse.widgets.moving import (
    DIGITS,
    above_zero,
    count,
    normals,
    not_below_zero,
    powers_axis,
    seed_of,
)
from lrcourse.widgets.widget import (
    CourseWidget,
    Refused,
    axes,
    figure,
    finite_row,
    look,
    script,
    to_json,
)

MOST = 5000  # updates
NEAR = 0.1  # of 1: where u v must end to be at a bottom
FAR = 1e6  # weights beyond this do not come back
RISES = (0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)


def sharpness(
    *,
    start: tuple[float, float] = (4.0, 0.0),
    noise: float = 1e-6,
    steps: int = 2000,
    peak: float = 0.8,
    rise: float = 0.0,
    seed: int = 0,
    title: str = "Which peak survives? Give the rate a longer rise, and try again.",
) -> "Sharpness":
    """The rate against 2/h over a run of two weights, with controls for the peak and for the rise.

    Every pair of values that you try stays in a small map: survived, or not. `start`: the weights
    (u, v). `noise`: of each slope; without any, weights can come to rest exactly on a bottom that
    cannot hold them. `peak`: the largest rate. `rise`: the share of the run until it is reached,
    0 for a run that begins there.

    >>> run = sharpness(); run
    <sharpness: peak 0.8, rise 0 %: diverges at update 3>
    >>> run.move(0.8, 0.3); run
    <sharpness: peak 0.8, rise 30 %: survives, h = 2.56 at the end>
    """
    u, v = finite_row("start", start)[:2] if np.size(start) == 2 else _refuse(start)
    steep = float(u * u + v * v)
    if steep == 0:
        raise ValueError("start must not be (0, 0): both slopes are 0 there")
    model = TwoWeights((float(u), float(v)), not_below_zero("noise", noise), seed_of(seed))
    run = count("steps", steps, MOST, least=20)
    widget = Sharpness(model, run, title)
    widget.move(above_zero("peak", peak), _rise("rise", rise))
    return widget


def _refuse(start: Any) -> Any:
    raise ValueError(f"start must be two numbers, the weights (u, v), got {start!r}")


def _rise(name: str, value: Any) -> float:
    return number(name, value, "a share of the run from 0 to 0.9", lambda v: 0 <= v <= 0.9)


def wave(peak: float, rise: float, steps: int) -> np.ndarray:
    """The rate of every update, shape (steps,): one-cycle, or the fall alone if there is no rise."""
    top, last, t = rise * steps - 1, steps - 1, np.arange(steps)
    if top <= 0:
        return peak / 250_000 + (peak - peak / 250_000) * _half_wave(t / last)
    low, end = peak / 25, peak / 250_000
    up = peak + (low - peak) * _half_wave(np.minimum(t / top, 1))
    down = end + (peak - end) * _half_wave(np.maximum((t - top) / (last - top), 0))
    return np.where(t <= top, up, down)


def _half_wave(done: np.ndarray) -> np.ndarray:
    """From 1 down to 0."""
    return np.round((1 + np.cos(math.pi * done)) / 2, DIGITS)


class TwoWeights:
    """Gradient descent on (u v - 1)^2 / 2, from `start`, with a little noise in each slope."""

    def __init__(self, start: tuple[float, float], noise: float, seed: int):
        self.start, self.noise, self.seed = start, noise, seed
        self._drawn = np.empty((0, 2))

    def kicks(self, steps: int) -> np.ndarray:
        """The noise in both slopes at every update, shape (steps, 2)."""
        known = len(self._drawn)
        if known < steps:
            more = [normals(self.seed, t, 1)[:, 0] for t in range(known, steps)]
            self._drawn = np.concatenate([self._drawn, more])
        return self.noise * self._drawn[:steps]

    def survives(self, rates: np.ndarray) -> np.ndarray:
        """Whether each of many runs, shape (steps, runs), ends at a bottom."""
        u, v = np.full((2, rates.shape[1]), np.array(self.start)[:, None])
        with np.errstate(over="ignore", invalid="ignore"):
            for rate, (a, b) in zip(rates, self.kicks(len(rates))):
                error = u * v - 1
                u, v = u - rate * (error * v + a), v - rate * (error * u + b)
            return np.abs(u * v - 1) < NEAR

    def run(self, rates: np.ndarray) -> np.ndarray:
        """u and v before each update and after the last, (updates + 1, 2); NaN once out of sight."""
        path = np.full((len(rates) + 1, 2), math.nan)
        u, v = self.start
        for t, (rate, (a, b)) in enumerate(zip(rates.tolist(), self.kicks(len(rates)).tolist())):
            path[t] = u, v
            error = u * v - 1
            u, v = u - rate * (error * v + a), v - rate * (error * u + b)
            if not abs(u) + abs(v) < FAR:
                return path
        path[-1] = u, v
        return path


class Sharpness(CourseWidget):
    """The widget that `sharpness` makes. From Python: `.move(0.8, 0.3)`, `.state`, `.rates`, `.h`.

    `rates`: shape (steps,). `h`: u**2 + v**2 before each update and after the last, shape
    (steps + 1,), NaN once the weights are out of sight.
    """

    _esm = script("moving", "sharpness")
    _css = look("moving")
    _actions = ("move", "forget")

    def __init__(self, model: TwoWeights, steps: int, title: str):
        self._model, self._steps = model, steps
        h = model.start[0] ** 2 + model.start[1] ** 2
        self._peaks = 4 / h * 2 ** (np.arange(-16, 49) / 8)  # eight to a doubling
        lowest, highest = self._peaks[[0, -1]]
        t = axes((0, steps), (0, 1), "t, updates already made", "")["x"]
        marks = [(i, f"{100 * r:g}") for i, r in enumerate(RISES) if i % 2 == 0]
        content = {
            "title": title,
            "start": list(model.start),
            "noise": model.noise,
            "seed": model.seed,
            "steps": steps,
            "far": FAR,
            "peaks": to_json(self._peaks),
            "rises": list(RISES),
            "axes": {"x": t, "y": powers_axis(lowest / 8, 1.2 * highest, "rate, and 2/h")},
            "map": {
                "x": {
                    "from": -0.7,
                    "to": len(RISES) - 0.3,
                    "ticks": marks,
                    "label": "rise, % of the run",
                },
                "y": powers_axis(lowest / 1.1, 1.2 * highest, "peak"),
            },
        }
        super().__init__(content=content, state={"tried": []})

    def move(self, peak: float, rise: float = 0.0, tried: Any = ()) -> None:
        """Run with this peak and this share of the run for the rise.

        `tried`: what a hand has passed on its way there, [[peak, rise, survived], ...].
        """
        try:
            peak, rise = above_zero("peak", peak), _rise("rise", rise)
        except ValueError as error:
            raise Refused(str(error)) from None
        self.rates = wave(peak, rise, self._steps)
        path = self._model.run(self.rates)
        u, v = path.T
        self.h = u**2 + v**2
        gone = np.flatnonzero(np.isnan(u))
        survives = not gone.size and bool(abs(u[-1] * v[-1] - 1) < NEAR)
        passed = {tuple(row) for row in [*self.state["tried"], *tried]} | {(peak, rise, survives)}
        self.state = {
            "peak": peak,
            "rise": rise,
            "survives": survives,
            "out": int(gone[0]) if gone.size else None,
            "h": None if gone.size else float(self.h[-1]),
            "tried": sorted([float(p), float(r), bool(ok)] for p, r, ok in passed),
        }

    def forget(self) -> None:
        """Empty the map but for the run that is shown."""
        now = [self.state["peak"], self.state["rise"], self.state["survives"]]
        self.state = self.state | {"tried": [now]}

    def largest_peak(self, rise: float) -> float:
        """The largest peak of the slider that this rise survives, and every smaller one with it."""
        rise = _rise("rise", rise)
        waves = [wave(float(peak), rise, self._steps) for peak in self._peaks]
        fails = np.flatnonzero(~self._model.survives(np.transpose(waves)))
        first = fails[0] if fails.size else len(self._peaks)
        if first == 0:
            raise ValueError(f"no peak of the slider survives a rise of {rise!r}")
        return float(self._peaks[first - 1])

    def _verdict(self) -> str:
        state = self.state
        if state["survives"]:
            return f"survives, h = {state['h']:.3g} at the end"
        return (
            "does not arrive in time"
            if state["out"] is None
            else f"diverges at update {state['out'] - 1}"
        )

    def __repr__(self) -> str:
        peak, rise = self.state["peak"], 100 * self.state["rise"]
        return f"<sharpness: peak {peak:.3g}, rise {rise:g} %: {self._verdict()}>"

    # Without a kernel: the same for everybody, whatever this hand did.

    def _examples(self) -> list["Sharpness"]:
        low = self._peaks[16]  # 4/h: what a run that begins at its peak can just survive
        made = []
        for peak, rise in ((0.9 * low, 0.0), (3.2 * low, 0.0), (3.2 * low, 0.3)):
            made.append(Sharpness(self._model, self._steps, self.content["title"]))
            made[-1].move(float(peak), rise)
        return made

    def _as_text(self) -> str:
        lines = [f"  {run!r}" for run in self._examples()]
        return "\n".join([self.content["title"].replace("`", ""), *lines])

    def _alternative(self) -> str:
        return f"The rate and 2/h over {self._steps} updates, in three runs. {self._as_text()}"

    def _as_figure(self) -> Any:
        picture, panels = figure(1, 3, size=(7.0, 2.8))
        for ax, run in zip(panels, self._examples()):
            with np.errstate(divide="ignore", invalid="ignore"):
                ax.plot(2 / run.h, color="#D55E00", ls="--", label="2/h")
            ax.plot(run.rates, color="#0072B2", label="rate")
            limits = self.content["axes"]["y"]
            ax.set(yscale="log", ylim=(10 ** limits["from"], 10 ** limits["to"]))
            peak, rise = run.state["peak"], 100 * run.state["rise"]
            fate = "survives" if run.state["survives"] else "does not survive"
            ax.set_title(f"peak {peak:.2g}, rise {rise:g} %:\n{fate}", fontsize=9)
            ax.set_xlabel("t", fontsize=9)
            ax.label_outer()
        panels[0].legend(fontsize=9)
        return picture
