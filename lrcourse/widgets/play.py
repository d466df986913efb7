"""Step through a run: `play` walks update by update, `ball` tries one rate after another.

All paths are computed here, in Python, and sent to the browser once; it moves along them with no
round trip to the kernel.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lrcourse.schedules import Schedule
from lrcourse.widgets.widget import (
    CourseWidget,
    Refused,
    axes,
    describe,
    figure,
    finite_row,
    look,
    one_row,
    rates_of,
    script,
    to_json,
    upright,
)

Loss = Callable[[float], float]
MOST = 5000  # updates: more than anyone steps through, and the page would grow heavy
GRID = 401  # points of a drawn loss curve
T_LABEL = "t, updates already made"


# Step through one run


def play(
    positions: Any = None,
    *,
    schedule: Any,
    loss: Loss | None = None,
    losses: Any = None,
    where: tuple[float, float] | None = None,
    marks: Mapping[str, float] | None = None,
    title: str = "Step through the run.",
) -> "Player":
    """Walk through a run: above what happens, below the rate that did it.

    Either `positions`, shape (n + 1,), the places that a ball on the curve `loss` was at, before
    the first update and after each; or `losses`, shape (n,), the loss that each update saw.
    `schedule`: a schedule, or an array with the rate of each of the n updates. `where`: the part
    of the curve to draw, (from, to); where the ball went, if None. `marks`: rates to mark with a
    line, by their name, {"2/h": 0.04}.

    >>> from lrcourse import Constant
    >>> play([4.0, 2.0, 1.0, 0.5], loss=lambda x: x**2 / 2, schedule=Constant(lr=0.5))
    <play: 3 updates on a curve>
    """
    if (positions is None) == (losses is None):
        raise ValueError("give positions (with their loss) or losses, one of the two")
    if positions is not None and not callable(loss):
        raise ValueError(f"positions need loss, a function of x to draw them on, got loss={loss!r}")
    name = "losses" if positions is None else "positions"
    path = one_row(name, losses if positions is None else positions)
    updates = len(path) - (positions is not None)
    if updates > MOST:
        raise ValueError(f"{name} has {updates} updates: step through {MOST} at most, a part of it")
    rates = _rates(schedule, updates)
    if positions is None:
        return Player.of_losses(path, rates, dict(marks or {}), title)
    return Player.on_curve(path, loss, rates, _window(where, path), dict(marks or {}), title)


class Player(CourseWidget):
    """The widget that `play` makes. From Python: `.go(12)`, `.state`."""

    _esm = script("play")
    _css = look("play")
    _actions = ("go",)

    def __init__(self, path, rates, marks, title, above, sentences, name):
        self._path, self._rates, self._name = path, rates, name
        content = {
            "kind": "play",
            "title": title,
            "frames": len(sentences),
            "sentences": sentences,
            "above": above,
            "below": {
                "axes": _rate_axes(rates, marks),
                "rates": to_json(rates),
                "marks": [[label, float(rate)] for label, rate in marks.items()],
                "words": f"The rate: {describe(rates)}.",
            },
        }
        super().__init__(content=content)
        self.go(0)

    @classmethod
    def on_curve(cls, path, loss, rates, window, marks, title) -> "Player":
        """A ball on a curve, at `path[i]` after i updates."""
        left, right = window
        grid = np.linspace(left, right, GRID)
        height, heights = _heights(loss, grid), _heights(loss, path)
        above = {
            "axes": axes(window, _room(height), "x", "loss"),
            "grid": to_json(grid),
            "height": to_json(height),
            "x": to_json(path),
            "y": to_json(heights),
            "words": "A loss curve with a ball on it, at the place of the chosen update.",
        }
        sentences = [_where(i, x, y, rates) for i, (x, y) in enumerate(zip(path, heights))]
        name = f"<play: {len(rates)} updates on a curve>"
        return cls(path, rates, marks, title, above, sentences, name)

    @classmethod
    def of_losses(cls, path, rates, marks, title) -> "Player":
        """A training curve: `path[t]` is the loss that update t saw."""
        finite = path[np.isfinite(path)]
        if not len(finite):
            raise ValueError("losses must be finite somewhere, to be drawn")
        above = {
            "axes": axes((0, len(path) - 1), _room(finite), T_LABEL, "loss"),
            "grid": to_json(range(len(path))),
            "height": to_json(path),
            "x": to_json(range(len(path))),
            "y": to_json(path),
            "words": "The training curve, with a dot at the chosen update.",
        }
        sentences = [
            f"Update t = {t} of {len(path)}: rate {rate:.3g}, loss {loss:.3g}."
            for t, (rate, loss) in enumerate(zip(rates, path))
        ]
        name = f"<play: {len(rates)} updates of a training curve>"
        return cls(path, rates, marks, title, above, sentences, name)

    def go(self, update: int) -> None:
        """Go to the place after `update` updates (or, on a training curve, to that update)."""
        frames = self.content["frames"]
        if not isinstance(update, int) or not 0 <= update < frames:
            raise Refused(f"go to 0 to {frames - 1}, got {update!r}")
        self.state = {"update": update, "words": self.content["sentences"][update]}

    def __repr__(self) -> str:
        return self._name

    def _as_text(self) -> str:
        frames = self.content["frames"]
        some = sorted({round(share * (frames - 1)) for share in (0, 0.25, 0.5, 0.75, 1)})
        lines = [self.content["title"], self.content["below"]["words"]]
        return "\n".join([*lines, *(f"  {self.content['sentences'][i]}" for i in some)])

    def _as_figure(self) -> Any:
        above, below = self.content["above"], self.content["below"]
        picture, [top, bottom] = figure(2, 1, size=(7.0, 5.0))
        numbers = {
            name: np.array(above[name], dtype=float) for name in ("grid", "height", "x", "y")
        }
        top.plot(numbers["grid"], numbers["height"], color="#0072B2")
        top.plot(numbers["x"], numbers["y"], "o-", color="#D55E00", ms=3, lw=0.8)
        _limit(top, above["axes"])
        top.set_title(self.content["title"].replace("`", ""), fontsize=10)
        bottom.plot(*upright(np.arange(len(self._rates)), self._rates), color="#0072B2")
        for label, rate in below["marks"]:
            bottom.axhline(rate, color="#009E73", linestyle="-.", lw=1.5, label=label)
        if below["marks"]:
            bottom.legend(fontsize=9)
        _limit(bottom, below["axes"])
        return picture


def _rates(schedule: Any, updates: int) -> np.ndarray:
    """The rate of every update, shape (updates,)."""
    rates = finite_row("schedule", rates_of("schedule", schedule, max(updates, 2)))
    if len(rates) < updates:
        kind = "schedule ends" if isinstance(schedule, Schedule) else "schedule has rates"
        raise ValueError(f"{kind} after {len(rates)} updates, but the run has {updates}")
    if not isinstance(schedule, Schedule) and len(np.asarray(schedule)) != updates:
        raise ValueError(
            f"schedule must hold the rate of each of the {updates} updates, "
            f"got {len(np.asarray(schedule))}"
        )
    return rates[:updates]


def _rate_axes(rates: np.ndarray, marks: Mapping[str, float]) -> dict:
    top = max([rates.max(), *marks.values()])
    return axes((0, max(len(rates) - 1, 1)), (0, 1.1 * top or 1.0), T_LABEL, "learning rate")


def _window(where: Any, path: np.ndarray) -> tuple[float, float]:
    if where is None:
        finite = path[np.isfinite(path)]
        if not len(finite):
            raise ValueError("positions must be finite somewhere, to be drawn")
        low, high = finite.min(), finite.max()
        margin = 0.15 * (high - low) or 1.0
        return float(low - margin), float(high + margin)
    low, high = finite_row("where", where)[:2] if np.size(where) == 2 else (1, 0)
    if low >= high:
        raise ValueError(f"where must be (from, to) with from below to, got {where!r}")
    return float(low), float(high)


def _heights(loss: Loss, xs: np.ndarray) -> np.ndarray:
    """The loss at each place; NaN where it has none, as after a divergence."""
    return np.array([_height(loss, float(x)) for x in xs])


def _height(loss: Loss, x: float) -> float:
    if not math.isfinite(x):
        return math.nan
    try:
        with np.errstate(all="ignore"):
            return float(loss(x))
    except OverflowError:
        return math.nan


def _room(height: np.ndarray) -> tuple[float, float]:
    """Limits for a curve, with a little room above and below."""
    low, high = float(np.nanmin(height)), float(np.nanmax(height))
    margin = 0.07 * (high - low) or 1.0
    return low - margin, high + margin


def _where(i: int, x: float, y: float, rates: np.ndarray) -> str:
    """One sentence: where the ball is after `i` updates, and which rate comes next."""
    place = f"x = {x:.3g}, loss {y:.3g}" if math.isfinite(y) else "the ball is gone"
    following = (
        f"The next update uses rate {rates[i]:.3g}." if i < len(rates) else "The run is over."
    )
    return f"After {i} of {len(rates)} updates: {place}. {following}"


def _limit(ax: Any, limits: dict) -> None:
    x, y = limits["x"], limits["y"]
    ax.set(
        xlim=(x["from"], x["to"]),
        ylim=(y["from"], y["to"]),
        xlabel=x["label"],
        ylabel=y["label"],
    )


# One slider: what a rate does


def ball(
    loss: Loss | None = None,
    *,
    start: float = -4.0,
    steps: int = 20,
    curvature: float = 1.0,
    where: tuple[float, float] | None = None,
    rates: Any = None,
    title: str = "Move the rate. Where is the ball after {steps} updates?",
) -> "Ball":
    """A ball on a curve, and one slider: the learning rate of gradient descent.

    Every update moves the ball to x - rate * slope(x), from `start`, `steps` times. The curve is
    the parabola curvature / 2 * x ** 2, whose threshold is rate = 2 / curvature: above it the
    ball diverges. With a `loss` of your own, a function of x, say `where` to draw it, (from, to);
    slopes are then measured, and the curvature is that of the lowest place drawn. `rates`: the
    positions of the slider, shape (n,); eight to a doubling around the threshold, if None.

    >>> slope = ball(curvature=2.0)
    >>> slope.move(0.01); slope.state["verdict"]
    'too small'
    >>> slope.move(0.5); slope.state["verdict"]
    'right'
    >>> slope.move(1.2); slope.state["verdict"]
    'too large'
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= 500:
        raise ValueError(f"steps must be a whole number from 1 to 500, got {steps!r}")
    if not curvature > 0 or not math.isfinite(curvature):
        raise ValueError(f"curvature must be above 0, got {curvature!r}: a valley bends upward")
    if loss is not None and where is None:
        raise ValueError("a loss of your own needs where=(from, to), the part of it to draw")
    if not math.isfinite(start) or (loss is None and start == 0):
        raise ValueError(f"start must be a finite place off the bottom at 0, got {start!r}")
    window = _window(where or (-1.5 * abs(start), 1.5 * abs(start)), np.array([start]))
    valley = Valley.parabola(curvature, window) if loss is None else Valley.measured(loss, window)
    return Ball(valley, float(start), steps, _slider(rates, valley), title.format(steps=steps))


class Valley:
    """A curve for a ball: its `loss` and `slope`, the part drawn, its lowest place there."""

    def __init__(self, loss: Loss, slope: Loss, window: tuple[float, float]):
        self.loss, self.slope, self.window = loss, slope, window
        self.grid = np.linspace(*window, GRID)
        self.height = _heights(loss, self.grid)
        if not np.isfinite(self.height).all():
            bad = self.grid[~np.isfinite(self.height)][0]
            raise ValueError(f"loss must be finite in {window}, it is not at x = {bad:.3g}")
        self.lowest = float(self.height.min())
        self.curvature = math.nan  # at the lowest place; whoever makes the valley knows it

    @classmethod
    def parabola(cls, curvature: float, window: tuple[float, float]) -> "Valley":
        valley = cls(lambda x: curvature / 2 * x * x, lambda x: curvature * x, window)
        valley.curvature = curvature
        return valley

    @classmethod
    def measured(cls, loss: Loss, window: tuple[float, float]) -> "Valley":
        """With the slope and the curvature of `loss` taken from differences."""
        near = 1e-4 * (window[1] - window[0])

        def slope(x: float) -> float:
            return (_height(loss, x + near) - _height(loss, x - near)) / (2 * near)

        valley = cls(loss, slope, window)
        low = valley.grid[1:-1][np.argmin(valley.height[1:-1])]
        valley.curvature = (slope(low + near) - slope(low - near)) / (2 * near)
        if not valley.curvature > 0:
            raise ValueError(
                f"loss has no valley in {window}: its lowest place there, x = {low:.3g}, does not "
                f"bend upward. Draw another part, or another curve"
            )
        return valley

    def descend(self, start: float, rate: float, steps: int) -> np.ndarray:
        """The path of gradient descent, shape (steps + 1,); NaN once the ball is out of sight."""
        far = 1e12 * (self.window[1] - self.window[0])
        path = np.full(steps + 1, math.nan)
        x = start
        for i in range(steps + 1):
            if not abs(x) < far:
                break
            path[i] = x
            x = x - rate * self.slope(x)
        return path


class Ball(CourseWidget):
    """The widget that `ball` makes. From Python: `.move(0.1)`, `.state`, `.rates`, `.paths`.

    `rates`: shape (positions,), those of the slider. `paths`: shape (positions, steps + 1).
    """

    _esm = script("play")
    _css = look("play")
    _actions = ("move",)

    def __init__(self, valley, start, steps, rates, title):
        self.rates = rates
        self.paths = np.array([valley.descend(start, rate, steps) for rate in rates])
        self._valley = valley
        self._verdicts = [_verdict(valley, path) for path in self.paths]
        content = {
            "kind": "ball",
            "title": title,
            "axes": axes(valley.window, _room(valley.height), "x", "loss"),
            "grid": to_json(valley.grid),
            "height": to_json(valley.height),
            "rates": to_json(rates),
            "x": [to_json(path) for path in self.paths],
            "y": [to_json(_heights(valley.loss, path)) for path in self.paths],
            "verdicts": self._verdicts,
        }
        super().__init__(content=content)
        self.move(rates[len(rates) // 4])
        # Whether a rate is right is for the learner to see first.
        self.state = self.state | {
            "verdict": "",
            "words": "Move the slider: nothing is said before.",
        }

    def move(self, rate: float) -> None:
        """Put the slider at `rate`, or at its nearest position."""
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not rate > 0:
            raise Refused(f"a learning rate is a number above 0, got {rate!r}")
        position = int(np.argmin(np.abs(np.log(self.rates / rate))))
        verdict, words = self._verdicts[position]
        self.state = {
            "position": position,
            "lr": float(self.rates[position]),
            "verdict": verdict,
            "words": words,
        }

    def __repr__(self) -> str:
        low, high = self.rates[[0, -1]]
        steps = self.paths.shape[1] - 1
        return f"<ball: {steps} updates, rates {low:.3g} to {high:.3g}>"

    def _as_text(self) -> str:
        some = np.linspace(0, len(self.rates) - 1, 7).round().astype(int)
        lines = [f"  rate {self.rates[i]:<8.3g} {self._end(i)}" for i in some]
        return "\n".join([self.content["title"], *lines])

    def _end(self, position: int) -> str:
        """Where the ball is at last, with the rate of this position."""
        low, high = self._valley.window
        x = self.paths[position][-1]
        return f"ends at x = {x:.3g}" if low <= x <= high else "ends outside the picture"

    def _as_figure(self) -> Any:
        picture, panels = figure(1, 3, size=(7.0, 2.8))
        threshold = 2 / self._valley.curvature
        for ax, wanted in zip(panels, (threshold / 40, threshold / 2, threshold * 1.1)):
            i = int(np.argmin(np.abs(np.log(self.rates / wanted))))
            x, y = (np.array(self.content[name][i], dtype=float) for name in "xy")
            ax.plot(self._valley.grid, self._valley.height, color="#0072B2")
            ax.plot(x, y, "o-", color="#D55E00", ms=3.5, lw=0.8)
            _limit(ax, self.content["axes"])
            ax.set_title(f"rate {self.rates[i]:.3g}", fontsize=9)
            ax.label_outer()
        return picture


def _slider(rates: Any, valley: Valley) -> np.ndarray:
    """The positions of the slider. 2/h itself is among them: there the ball never settles."""
    if rates is None:
        return 2 / valley.curvature * 2 ** (np.arange(-64, 9) / 8)
    rates = finite_row("rates", rates)
    if rates.min() <= 0 or np.any(np.diff(rates) <= 0):
        raise ValueError(f"rates must be above 0 and grow, got {rates.tolist()}")
    return rates


def _verdict(valley: Valley, path: np.ndarray) -> tuple[str, str]:
    """What this rate did, in two words and in a sentence."""
    updates = len(path) - 1
    seen = path[np.isfinite(path)]
    left = _heights(valley.loss, seen) - valley.lowest  # of the way down, in loss
    if len(seen) <= updates or not np.isfinite(left[-1]) or left[-1] > 1.001 * left[0]:
        return "too large", _too_large(valley, seen, updates)
    sides = np.count_nonzero(np.diff(np.sign(np.diff(seen))) != 0)
    jumps = updates > 1 and sides >= (updates - 1) / 2
    share = left[-1] / left[0] if left[0] > 0 else 0.0
    if share <= 0.01:
        settled = int(np.argmax(left <= 0.01 * left[0]))
        how = "It overshoots at every update, but" if jumps and sides > 1 else "It rolls down and"
        return "right", f"{how} is within 1 % of the bottom at update {settled}."
    if jumps and share > 0.999:
        return "too large", "It jumps from side to side for ever, and comes no closer."
    if jumps:
        return "a little too large", (
            f"It jumps from side to side and comes closer only slowly: after {updates} updates "
            f"{100 * share:.0f} % of the way down is left."
        )
    slopes = np.abs([valley.slope(x) for x in seen])
    if slopes[-1] < 0.02 * slopes.max():
        return "stuck", f"It settles at x = {seen[-1]:.3g}, which is not the lowest place."
    return "too small", f"After {updates} updates {100 * share:.0f} % of the way down is left."


def _too_large(valley: Valley, seen: np.ndarray, updates: int) -> str:
    low, high = valley.window
    outside = np.flatnonzero((seen < low) | (seen > high))
    if not outside.size:
        return f"It overshoots: after {updates} updates the loss is higher than at the start."
    out_of_sight = "out of sight" if len(seen) <= updates else f"at x = {seen[-1]:.3g}"
    return (
        f"It overshoots and diverges: it leaves the picture at update {outside[0]}, and after "
        f"{updates} updates it is {out_of_sight}."
    )
