"""A cloud of noisy balls in a sharp well beside a wide one, while the rate moves by a schedule.

    loss         the lower of  sharp / 2 * (x + 1)**2  and  wide / 2 * (x - 1)**2 - 0.5
    each update  x = x - rate * (slope(x) + noise * z),   z standard normal

All balls begin at the bottom of the sharp well. Above 2/sharp that well cannot hold them; a little
below, the noise takes some of them over its edge. Every schedule has the same balls and the same
noise.
"""

from typing import Any

import numpy as np

from lrcourse._fields import number
from lrcourse.schedules import Constant, Cyclical, Schedule, StepDecay
from lrcourse.widgets.moving import (
    MOST_BALLS,
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
    rates_of,
    script,
    to_json,
)

MOST = 1000  # updates
MOST_SCHEDULES = 3  # more do not fit side by side
FACTORS = tuple(round(2 ** (k / 8), 3) for k in range(-16, 9))
SHOWN = (-1.7, 2.5), (-0.7, 1.6)  # the part of the loss that is drawn


def wells(
    *schedules: Schedule,
    steps: int = 300,
    sharp: float = 50.0,
    wide: float = 1.0,
    noise: float = 1.5,
    balls: int = 500,
    seed: int = 0,
    title: str = "Who leaves the sharp well, and when?",
) -> "Wells":
    """The same balls in a sharp and a wide well, under one to three schedules, side by side.

    `steps`: updates of the run. `sharp`, `wide`: the curvatures of the wells; 2 / sharp is the
    rate above which the sharp one holds nothing. `noise`: of each slope. Without schedules:
    a constant rate, step decay and a cyclical rate.

    >>> pair = wells(Constant(lr=0.02), Constant(lr=0.06)); pair.go(300); pair
    <wells: after 300 of 300 updates Constant(lr=0.02) 0 %, Constant(lr=0.06) 100 % escaped>
    """
    chosen = schedules or DEFAULT
    for given in chosen:
        if not isinstance(given, Schedule):
            raise ValueError(f"wells takes schedules, such as Constant(lr=0.03), got {given!r}")
    if len(chosen) > MOST_SCHEDULES:
        raise ValueError(f"give up to {MOST_SCHEDULES} schedules, got {len(chosen)}: others beside")
    length = count("steps", steps, MOST, least=2)
    rates = {}
    for name, given in zip(_names(chosen), chosen):
        rates[name] = finite_row("rates", rates_of("schedule", given, length))
        if len(rates[name]) < length:
            raise ValueError(
                f"{given!r} ends after {len(rates[name])} updates, the run has {length}: "
                f"write steps={len(rates[name])}, or give it that length"
            )
    place = TwoWells(
        above_zero("sharp", sharp),
        above_zero("wide", wide),
        not_below_zero("noise", noise),
        count("balls", balls, MOST_BALLS),
        seed_of(seed),
    )
    return Wells(place, rates, title)


DEFAULT = (  # with one peak, a little below 2/h
    Constant(lr=0.036),
    StepDecay(lr=0.036, step_size=100),
    Cyclical(base_lr=0.0036, max_lr=0.036, step_size_up=50, cycle_momentum=False),
)


def _names(schedules: tuple[Schedule, ...]) -> list[str]:
    kinds = [type(s).__name__ for s in schedules]
    names = [repr(s) if kinds.count(kind) > 1 else kind for s, kind in zip(schedules, kinds)]
    return [name if names.index(name) == i else f"{name} ({i + 1})" for i, name in enumerate(names)]


class TwoWells:
    """The loss, and balls that roll on it."""

    def __init__(self, sharp: float, wide: float, noise: float, balls: int, seed: int):
        if sharp <= wide:
            raise ValueError(f"sharp must be above wide, got {sharp!r} and {wide!r}")
        self.sharp, self.wide, self.noise = sharp, wide, noise
        self.balls, self.seed = balls, seed
        self._drawn: list[np.ndarray] = []

    def chance(self, t: int) -> np.ndarray:
        """The noise of update `t`, shape (balls,): the same whatever the schedule."""
        while len(self._drawn) <= t:
            self._drawn.append(normals(self.seed, len(self._drawn), self.balls)[0])
        return self._drawn[t]

    def heights(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two parabolas at `x`: the loss is the lower one."""
        return self.sharp / 2 * (x + 1) ** 2, self.wide / 2 * (x - 1) ** 2 - 0.5

    def in_sharp(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            one, other = self.heights(x)
            return one < other

    def roll(self, rates: np.ndarray) -> np.ndarray:
        """The places of the balls before the first update and after each, (updates + 1, balls)."""
        at = np.empty((len(rates) + 1, self.balls))
        at[0] = -1
        with np.errstate(over="ignore", invalid="ignore"):
            for t, rate in enumerate(rates):
                x, z = at[t], self.chance(t)
                slope = np.where(self.in_sharp(x), self.sharp * (x + 1), self.wide * (x - 1))
                at[t + 1] = x - rate * (slope + self.noise * z)
        return at


class Wells(CourseWidget):
    """The widget that `wells` makes. From Python: `.go(120)`, `.scale(2)`, `.state`, `.escaped`.

    `rates`: name -> the rate of every update, as scaled. `escaped`: name -> the share of the balls
    outside the sharp well before the first update and after each, shape (steps + 1,).
    """

    _esm = script("moving", "wells")
    _css = look("moving")
    _actions = ("move",)

    def __init__(self, place: TwoWells, rates: dict[str, np.ndarray], title: str):
        self._place, self._given = place, {name: np.array(to_json(r)) for name, r in rates.items()}
        self._steps = len(next(iter(rates.values())))
        limit = 2 / place.sharp
        highest = max(2 * limit, *(FACTORS[-1] * r.max() for r in rates.values()))
        t = axes((0, self._steps), (0, 1), "t", "")["x"]
        content = {
            "title": title,
            "sharp": place.sharp,
            "wide": place.wide,
            "noise": place.noise,
            "balls": place.balls,
            "seed": place.seed,
            "steps": self._steps,
            "factors": list(FACTORS),
            "limit": limit,
            "schedules": [[name, row.tolist()] for name, row in self._given.items()],
            "axes": axes(*SHOWN, "x", "loss"),
            "rates": {"x": t, "y": powers_axis(limit / 25, 1.1 * highest, "rate")},
        }
        super().__init__(content=content)
        self.move(0, 1.0)

    def go(self, update: int) -> None:
        """Show the place after `update` updates."""
        self.move(update, self.state["factor"])

    def scale(self, factor: float) -> None:
        """All rates times `factor`, from 0.25 to 2."""
        self.move(self.state["update"], factor)

    def move(self, update: int, factor: float) -> None:
        if not isinstance(update, int) or not 0 <= update <= self._steps:
            raise Refused(f"go to 0 to {self._steps}, got {update!r}")
        try:
            low, high = FACTORS[0], FACTORS[-1]
            factor = number("factor", factor, f"from {low} to {high}", lambda v: low <= v <= high)
        except ValueError as error:
            raise Refused(str(error)) from None
        if not self.state or factor != self.state["factor"]:
            self.rates = {name: factor * row for name, row in self._given.items()}
            self._paths = {name: self._place.roll(row) for name, row in self.rates.items()}
            self.escaped = {
                name: 1 - self._place.in_sharp(path).mean(axis=1)
                for name, path in self._paths.items()
            }
        shares = {name: float(share[update]) for name, share in self.escaped.items()}
        self.state = {"update": update, "factor": factor, "escaped": shares}

    def __repr__(self) -> str:
        out = ", ".join(f"{n} {100 * share:.0f} %" for n, share in self.state["escaped"].items())
        return f"<wells: after {self.state['update']} of {self._steps} updates {out} escaped>"

    # Without a kernel: the same for everybody, whatever this hand did.

    def _fresh(self) -> "Wells":
        fresh = Wells(self._place, self._given, self.content["title"])
        fresh.go(self._steps)
        return fresh

    def _as_text(self) -> str:
        fresh, lines = self._fresh(), []
        for name, share in fresh.escaped.items():
            at = {t: share[t] for t in (self._steps // 3, 2 * self._steps // 3, self._steps)}
            shares = ", ".join(f"{100 * out:.0f} % by update {t}" for t, out in at.items())
            lines.append(f"  {name}, largest rate {fresh.rates[name].max():.3g}: {shares}")
        limit = f"Above 2/h = {self.content['limit']:.3g} the sharp well holds nothing. Escaped:"
        return "\n".join([self.content["title"].replace("`", ""), limit, *lines])

    def _alternative(self) -> str:
        return f"Balls in a sharp and a wide well after {self._steps} updates. {self._as_text()}"

    def _as_figure(self) -> Any:
        fresh = self._fresh()
        picture, panels = figure(2, len(fresh.rates), size=(7.0, 3.8))
        grid = np.linspace(*SHOWN[0], 401)
        below = panels[len(fresh.rates) :]
        for ax, under, (name, path) in zip(panels, below, fresh._paths.items()):
            ax.plot(grid, np.minimum(*self._place.heights(grid)), color="#0072B2")
            x = path[-1]
            ax.plot(x, np.minimum(*self._place.heights(x)), ".", color="#D55E00", ms=4, alpha=0.5)
            ax.set(xlim=SHOWN[0], ylim=SHOWN[1])
            ax.set_title(f"{name}:\n{100 * fresh.escaped[name][-1]:.0f} % escaped", fontsize=9)
            ax.label_outer()
            under.plot(fresh.rates[name], color="#0072B2")
            under.axhline(self.content["limit"], color="#009E73", ls="-.", lw=1.5)
            limits = self.content["rates"]["y"]
            under.set(yscale="log", ylim=(10 ** limits["from"], 10 ** limits["to"]))
            under.set_xlabel("t", fontsize=9)
            under.label_outer()
        panels[0].set_ylabel("loss")
        below[0].set_ylabel("rate")
        return picture
