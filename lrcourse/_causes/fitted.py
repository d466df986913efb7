"""The plan with a field set otherwise: which value, if any, gives the rates that were used?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lrcourse._causes.plan import Knob
from lrcourse._causes.run import Run

Rates = Callable[[Any, np.ndarray], np.ndarray]  # a field's value, and the t asked for

STEPS = np.unique(np.round(np.geomspace(1, 4e6, 60)).astype(int))
ENOUGH = 3  # samples from which a value is worked out: the right one fits all of them


class Fit:
    """Finds the values of one field for which the plan gives the used rates.

    At any one update the rate is a function of the field, and the used rate lies between its
    values at two neighbours of a grid: halving that gap finds the value. All samples must agree
    on it, then all updates.
    """

    def __init__(self, run: Run, t: np.ndarray, rates: Rates, where: np.ndarray | None = None):
        self.run, self.t, self.rates = run, t, rates
        self.exactly = False  # whether a rate that is equal up to rounding is met
        self.where = np.ones(run.count, bool) if where is None else where
        samples = run.samples[self.where[run.samples]]
        self.samples = samples if len(samples) else np.flatnonzero(self.where)[:1]

    def whole(self, planned: int, others: Any = ()) -> int | None:
        """The whole number nearest to `planned` that explains every update, if any does."""
        near = [v for v in (*range(planned - 8, planned + 9), *others) if v >= 1]
        grid = np.unique([*STEPS, *near])
        found = self._bracketed(
            planned, grid, lambda low, high: (low + high) // 2, lambda a, b: b - a > 1
        )
        found += [v + by for v in found for by in (-1, 1) if v + by >= 1]
        found = sorted({*found, *near}, key=lambda v: abs(np.log(v / planned)))
        return self._first_that_explains([int(v) for v in found if v != planned])

    def number(self, planned: float, grid: np.ndarray) -> float | None:
        """The number that explains every update, if any does: a round one before another."""
        self.exactly = True
        found = self._bracketed(planned, np.unique([*grid, planned]), _middle, _apart, most=60)
        return self._first_that_explains(
            [v for one in found for v in _rounded(one) if not np.isclose(v, planned, rtol=1e-9)]
        )

    def _bracketed(
        self, planned: Any, grid: np.ndarray, middle: Any, goes_on: Any, most: int = 40
    ) -> list:
        """The values near the planned one at which some sample's rate meets the used one."""
        few = self._telling()
        signs = np.array([self._sides(value, few) for value in grid.tolist()])
        home = int(np.searchsorted(grid, planned))
        found: dict = dict.fromkeys(grid[(signs == 0).all(axis=1)].tolist())
        for column in range(len(few)):
            side = signs[:, column]
            known = np.flatnonzero(~np.isnan(side))
            turns = known[np.flatnonzero(np.diff(side[known]))]
            nearest = sorted(turns.tolist(), key=lambda turn: abs(turn - home))
            for turn in nearest[:4]:
                after = known[np.searchsorted(known, turn) + 1]
                low, high = self._halved(
                    grid[turn], grid[after], side[turn], few[[column]], middle, goes_on, most
                )
                found |= {low: None, high: None}
        return list(found)

    def _halved(self, low: Any, high: Any, side: float, one: Any, middle: Any, on: Any, most: int):
        for _ in range(most):
            if not on(low, high):
                break
            between = middle(low, high)
            here = self._sides(between, one)[0]
            if np.isnan(here):
                break
            low, high = (between, high) if here == side else (low, between)
        return low, high

    def _telling(self) -> np.ndarray:
        """A few samples whose rate is off the plan, early and late."""
        off = self.samples[~self.run.near(self.run.planned)[self.samples]]
        off = off if len(off) else self.samples
        some = off[np.unique(np.linspace(0, len(off) - 1, ENOUGH).astype(int))]
        turns = self.run.changes[[0, -1]] if len(self.run.changes) else some[:0]
        return np.unique([*some, *turns[self.where[turns]]])

    def _sides(self, value: Any, few: np.ndarray) -> np.ndarray:
        """Of each of `few`: is the rate with this value above (1), below (-1), or met (0)?"""
        rates = self._asked(value, few)
        used = self.run.used[few]
        side = np.sign(rates - used)
        if not self.exactly:
            side = np.where(self.run.alike(used, rates, self.run.rounding), 0.0, side)
        return np.where(np.isnan(rates), np.nan, side)

    def _asked(self, value: Any, updates: np.ndarray) -> np.ndarray:
        try:
            return self.rates(value, self.t[updates])
        except (ValueError, OverflowError, ZeroDivisionError):
            return np.full(len(updates), np.nan)

    def _first_that_explains(self, values: list) -> Any:
        few, at_all = self.samples, np.flatnonzero(self.where)
        for value in values:
            if not self.run.alike(self.run.used[few], self._asked(value, few)).all():
                continue
            rates = self.run.used.copy()
            rates[at_all] = self._asked(value, at_all)
            if self.run.explained_by(rates):
                return value
        return None


def _middle(low: float, high: float) -> float:
    return float(np.sqrt(low * high)) if low > 0 and high > 4 * low else (low + high) / 2


def _apart(low: float, high: float) -> bool:
    return abs(high - low) > 1e-16 * max(abs(low), abs(high))


def _rounded(value: float) -> list[float]:
    """The value, rounded to ever more digits: what somebody wrote has few."""
    return list(dict.fromkeys(float(f"{value:.{digits}g}") for digits in (2, 3, 4, 6, 9, 12, 17)))


GRIDS = {
    "share": np.unique([0.0, 1.0, *np.geomspace(1e-6, 0.05, 25), *np.linspace(0.05, 0.995, 40)]),
    "gamma": np.unique([*np.geomspace(1e-6, 0.9, 25), *(1 - np.geomspace(1e-7, 0.1, 30)), 1.0]),
    "positive": np.geomspace(1e-3, 1e9, 70),
    "time": np.geomspace(1e-1, 1e7, 70),
}


def grid_of(knob: Knob, run: Run) -> np.ndarray:
    if knob.kind == "rate":
        most = max(float(np.nanmax(run.used)), knob.planned, 1e-12)
        return np.array([0.0, *np.geomspace(1e-6 * most, 10 * most, 50)])
    return GRIDS[knob.kind]


def turned(run: Run, knob: Knob, t: np.ndarray, where: np.ndarray | None = None) -> Any:
    """The other value of `knob` that explains the run (where `where` is true), or None."""
    fit = Fit(run, t, lambda value, at: np.asarray(knob.turned(value)(at)), where)
    if knob.kind == "steps":
        per = run.steps_per_epoch or 1
        hints = {knob.planned * per, knob.planned // per, -(-knob.planned // per)}
        hints |= {int(run.changes[0])} if len(run.changes) else set()
        return fit.whole(knob.planned, sorted(hints))
    if knob.kind == "milestones":
        return fit._first_that_explains(_milestones(run, knob.planned))
    if knob.choices:
        return fit._first_that_explains([one for one in knob.choices if one != knob.planned])
    return fit.number(knob.planned, grid_of(knob, run))


def _milestones(run: Run, planned: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Some left out, or where the rate really fell."""
    begin, end = int(run.t[0]), int(run.t[-1])
    left_out = [planned[:i] + planned[i + 1 :] for i in range(len(planned))]
    earlier = [planned[:i] for i in range(1, len(planned))]
    seen = {int(run.t[i]) for i in run.changes} if len(run.changes) <= 50 else set()
    fell = sorted({m for m in planned if m <= begin} | seen)
    unseen = [m for m in planned if m > end]
    tried = [tuple(one) for one in (*left_out, *earlier, fell, [*fell, *unseen])]
    return [one for one in dict.fromkeys(tried) if one and one != tuple(planned)]
