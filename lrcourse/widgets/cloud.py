"""A cloud of noisy balls in a long valley: drag the rate while they roll.

    each update   x = x - rate * (h * x + noise * sqrt(h) * z),   z standard normal

in each of two directions, whose curvatures h are far apart. As with the batches of a network, the
noise is larger where the valley is steeper. A cloud like this has an exact theory:

    centre   m = (1 - rate * h) * m
    width    v = (1 - rate * h)**2 * v + rate**2 * noise**2 * h,   its square
    loss     sum over both of h * (m**2 + v) / 2, on average
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lrcourse.schedules import Schedule
from lrcourse.widgets.moving import (
    MOST_BALLS,
    above_zero,
    count,
    listed,
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
    rates_of,
    script,
)

MOST = 2000  # updates
T_LABEL = "t, updates made"
CLEARLY = 0.995  # below what there is to beat: to do the same is not to beat it


def cloud(
    curvature: tuple[float, float] = (0.02, 1.0),
    *,
    start: tuple[float, float] = (8.0, 1.0),
    noise: float = 0.7,
    steps: int = 300,
    balls: int = 500,
    rate: float = 0.5,
    seed: int = 0,
    title: str = "Drag the rate while the cloud rolls. How low can you end?",
) -> "Cloud":
    """Noisy balls in a long valley; the learning rate is dragged during the run.

    A game: `steps` updates, and the loss at the end counts. To beat: the best constant rate, the
    best cosine, and a good hand that drops its rate three times; all three are worked out
    exactly. `curvature`: (along the valley, across it). `start`: where all balls begin. `noise`:
    of the slopes, in units of the square root of the curvature. `rate`: of the slider at first.
    The same `seed` gives the same chance.

    >>> run = cloud()
    >>> run.run(0.3); run
    <cloud: 300 of 300 updates, loss 0.0588, expected 0.0613; beaten: nothing yet>
    """
    low, high = _two("curvature", curvature, above_zero)
    valley = Valley(
        np.array([low, high]),
        np.array(_two("start", start, lambda name, v: float(finite_row(name, [v, v])[0]))),
        not_below_zero("noise", noise),
        count("balls", balls, MOST_BALLS),
        seed_of(seed),
    )
    return Cloud(valley, count("steps", steps, MOST, least=10), above_zero("rate", rate), title)


def _two(name: str, value: Any, check: Any) -> tuple[float, float]:
    if np.size(value) != 2:
        raise ValueError(f"{name} must be two numbers, (along, across), got {value!r}")
    return check(name, value[0]), check(name, value[1])


class Valley:
    """What rolls where: both directions at once, in arrays of shape (2, ...)."""

    def __init__(self, h: np.ndarray, start: np.ndarray, noise: float, balls: int, seed: int):
        self.h, self.start, self.balls, self.seed = h, start, balls, seed
        self.kick = noise * np.sqrt(h)

    def roll(self, rates: np.ndarray) -> np.ndarray:
        """The places of the balls before the first update and after each, (updates + 1, 2, balls)."""
        at = np.empty((len(rates) + 1, 2, self.balls))
        at[0] = self.start[:, None]
        h, kick = self.h[:, None], self.kick[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            for t, rate in enumerate(rates):
                z = normals(self.seed, t, self.balls)
                at[t + 1] = at[t] - rate * (h * at[t] + kick * z)
        return at

    def theory(self, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and squared width after each update. `rates`: shape (updates, ...)."""
        more = (1,) * (rates.ndim - 1)
        h, kick = self.h.reshape(2, *more), self.kick.reshape(2, *more)
        m = np.broadcast_to(self.start.reshape(2, *more), (2, *rates.shape[1:])).copy()
        centres, squares = [m], [np.zeros_like(m)]
        with np.errstate(over="ignore", invalid="ignore"):
            for rate in rates:
                shrink = 1 - rate * h
                centres.append(shrink * centres[-1])
                squares.append(shrink**2 * squares[-1] + (rate * kick) ** 2)
        return np.array(centres), np.array(squares)

    def expected(self, rates: np.ndarray) -> np.ndarray:
        """The expected loss after each update, shape (updates + 1, ...)."""
        m, v = self.theory(rates)
        h = self.h.reshape(1, 2, *(1,) * (rates.ndim - 1))
        with np.errstate(over="ignore", invalid="ignore"):
            return (h * (m**2 + v)).sum(axis=1) / 2

    def loss(self, at: np.ndarray) -> np.ndarray:
        """The mean loss of balls at `at`, shape (..., 2, balls)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return (self.h[:, None] * at**2).sum(axis=-2).mean(axis=-1) / 2


def shapes(steps: int) -> dict[str, np.ndarray]:
    """What there is to beat, as shares of the peak, shape (steps,)."""
    s = np.arange(steps) / steps
    drops = (s >= 0.6).astype(int) + (s >= 0.8) + (s >= 0.9)
    return {
        "best constant rate": np.ones(steps),
        "a good hand, three drops": 3.0**-drops,
        "best cosine": (1 + np.cos(np.pi * s)) / 2,
    }


class Cloud(CourseWidget):
    """The widget that `cloud` makes. From Python: `.run(0.3)`, `.state`, `.targets`, `.rates`.

    After a run, or a part of one: `losses` and `expected`, shape (updates + 1,); `widths` and
    `theory`, shape (updates + 1, 2), along the valley and across it.
    """

    _esm = script("moving", "cloud")
    _css = look("moving")
    _actions = ("drive",)

    def __init__(self, valley: Valley, steps: int, rate: float, title: str):
        self._valley, self._steps = valley, steps
        # Eight to a doubling; 2/h of the steep direction is among them: there it holds no more.
        positions = 2 / valley.h.max() * 2 ** (np.arange(-64, 3) / 8)
        self.targets = _targets(valley, steps, positions)
        content = {
            "title": title,
            "h": valley.h.tolist(),
            "kick": valley.kick.tolist(),
            "start": valley.start.tolist(),
            "balls": valley.balls,
            "seed": valley.seed,
            "steps": steps,
            "rates": [float(f"{rate:.6g}") for rate in positions],
            "targets": [[name, *pair] for name, pair in self.targets.items()],
            "axes": _axes(valley, steps, positions),
        }
        super().__init__(content=content)
        self._follow([[0, float(rate)]], 0)

    def run(self, rates: Any) -> None:
        """Run to the end with a number, a schedule, or a list of one rate per update."""
        if isinstance(rates, int | float):
            rates = np.full(self._steps, above_zero("rates", rates))
        row = finite_row("rates", rates_of("rates", rates, self._steps))
        if not isinstance(rates, Schedule) and len(rates) != self._steps or len(row) < self._steps:
            raise ValueError(
                f"rates must hold the rate of each of the {self._steps} updates, got {len(row)}"
            )
        moved = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist()]
        self._follow([[t, float(row[t])] for t in moved], self._steps)

    def drive(self, changes: Sequence[Sequence[float]], t: int) -> None:
        """As a hand does: `changes`, [[update, the rate from then on], ...], and updates made."""
        times = [change[0] for change in changes]
        if not isinstance(t, int) or not 0 <= t <= self._steps:
            raise Refused(f"a run has 0 to {self._steps} updates, got {t!r}")
        if not times or times[0] != 0 or times != sorted(set(times)) or times[-1] > t:
            raise Refused(f"changes must begin at 0 and grow up to {t}, got {times}")
        if not all(np.isfinite(rate) and rate > 0 for _, rate in changes):
            raise Refused(f"a rate is a number above 0, got {[rate for _, rate in changes]}")
        self._follow([[int(at), float(rate)] for at, rate in changes], t)

    def _follow(self, changes: list[list[Any]], t: int) -> None:
        times, rates = np.array([at for at, _ in changes]), np.array([r for _, r in changes])
        self.rates = rates[np.searchsorted(times, np.arange(t), side="right") - 1]
        at = self._valley.roll(self.rates)
        self._at = at[-1]
        self.losses, self.expected = self._valley.loss(at), self._valley.expected(self.rates)
        with np.errstate(over="ignore", invalid="ignore"):
            self.widths = at.std(axis=-1)
        self.theory = np.sqrt(self._valley.theory(self.rates)[1])
        self.state = {
            "t": t,
            "changes": changes,
            "loss": _finite(self.losses[-1]),
            "expected": _finite(self.expected[-1]),
            "beaten": self._beaten(t),
        }

    def _beaten(self, t: int) -> list[str]:
        """Judged by the expected loss of the rates used: the luck of one cloud wins nothing."""
        end = self.expected[-1] if t == self._steps else np.inf
        return [name for name, (_, loss) in self.targets.items() if end < CLEARLY * loss]

    def __repr__(self) -> str:
        t, end = self.state["t"], f"loss {self.losses[-1]:.3g}, expected {self.expected[-1]:.3g}"
        beaten = f"; beaten: {listed(self.state['beaten']) or 'nothing yet'}"
        return f"<cloud: {t} of {self._steps} updates, {end}{beaten if t == self._steps else ''}>"

    # Without a kernel: the same for everybody, whatever this hand did.

    def _as_text(self) -> str:
        lines = [
            f"  {name}, peak {peak:.3g}: loss {loss:.2g} after {self._steps} updates"
            for name, (peak, loss) in self.targets.items()
        ]
        return "\n".join([self.content["title"].replace("`", ""), *lines])

    def _alternative(self) -> str:
        return (
            f"A cloud of balls in a long valley after {self._steps} updates, at a high constant "
            f"rate and with the best cosine. {self._as_text()}"
        )

    def _as_figure(self) -> Any:
        picture, panels = figure(1, 2, size=(7.0, 3.0))
        shape = shapes(self._steps)
        best = self.targets["best cosine"][0]
        limits = self.content["axes"]["valley"]
        for ax, name in zip(panels, ("best constant rate", "best cosine")):
            rates = best * shape[name]
            x, y = self._valley.roll(rates)[-1]
            ax.plot(x, y, ".", color="#D55E00", ms=4, alpha=0.5)
            ax.set(xlim=_span(limits["x"]), ylim=_span(limits["y"]))
            ax.set(xlabel=limits["x"]["label"], ylabel=limits["y"]["label"])
            how = "held at" if name == "best constant rate" else "cosine from"
            ax.set_title(f"{how} {best:.2g}: loss {self._valley.loss(np.array([x, y])):.2g}")
            ax.label_outer()
        return picture


def _targets(valley: Valley, steps: int, peaks: np.ndarray) -> dict[str, tuple[float, float]]:
    """Name -> the best of these peaks, and the expected loss that it ends at."""
    found = {}
    for name, share in shapes(steps).items():
        losses = valley.expected(share[:, None] * peaks)[-1]
        losses = np.where(np.isfinite(losses), losses, np.inf)
        found[name] = (float(peaks[losses.argmin()]), float(losses.min()))
    return found


def _axes(valley: Valley, steps: int, rates: np.ndarray) -> dict:
    """Axes of the valley, seen from above, of the rate, and of the widths."""
    far, wide = 1.25 * abs(valley.start[0]) or 1.0, 4.5 * valley.kick[1] or 1.0
    wide = max(wide, 1.25 * abs(valley.start[1]))
    above = axes((-0.3 * far, far), (-wide, wide), "along the valley", "across")
    if valley.start[0] < 0:
        above["x"] |= axes((-far, 0.3 * far), (0, 1), "along the valley", "")["x"]
    t = axes((0, steps), (0, 1), T_LABEL, "")["x"]
    widest = max(valley.kick.max(), 0.1)
    widths = powers_axis(0.003 * widest, 6 * widest, "width of the cloud")
    return {
        "valley": above,
        "rate": {"x": t, "y": powers_axis(rates[0], rates[-1], "learning rate")},
        "width": {"x": t, "y": widths},
    }


def _span(axis: dict) -> tuple[float, float]:
    return axis["from"], axis["to"]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
