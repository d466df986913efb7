"""One param group's rates beside the plan for them, and what a rule may ask of both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from lrcourse._causes.plan import TABLE, Plan
from lrcourse._causes.rounding import Rounding, added_up, replayed

Clock = Callable[[np.ndarray], np.ndarray]  # from updates, counted from 0, to the plan's t


class Finding(NamedTuple):
    """What happened, as "it looks as if ..." would go on, and what to do about it."""

    what: str
    fix: str
    tell: str = ""  # what would tell it from another that fits as well
    before: str = ""  # the line of code that does this
    after: str = ""  # and the one that does as planned


class Seen(NamedTuple):
    """What the trace saw besides the rates."""

    initial_lr: float | None = None  # what a scheduler left in the group; None if none did
    held: float | None = None  # the rate when the trace began, before anything was done
    made: int | None = None  # updates made before that; None where there is no telling
    added: int = 0  # the update at which the group was added


@dataclass(frozen=True)
class Run:
    """A stretch of one param group's rates, and the plan's t of each."""

    used: np.ndarray  # shape (updates,)
    plan: Plan
    t: np.ndarray  # the plan's t of each update, if the loop is right
    rounding: Rounding
    steps_per_epoch: int | None = None
    epochs: bool = False  # whether t counts epochs
    start: int = 0  # the plan's t at the first update
    seen: Seen = Seen()

    def piece(self, begin: int, end: int | None = None) -> "Run":
        """Only the updates from `begin` to before `end`."""
        here = slice(begin, end)
        return replace(self, used=self.used[here], t=self.t[here], start=int(self.t[begin]))

    @cached_property
    def count(self) -> int:
        return len(self.used)

    @cached_property
    def i(self) -> np.ndarray:
        return np.arange(self.count)

    @cached_property
    def per_t(self) -> int:
        """How many updates share one t of the plan: 1, or those of the first epoch."""
        if not self.epochs:
            return 1
        return self.steps_per_epoch or int(np.argmax(self.t > self.t[0])) or self.count

    @property
    def initial_lr(self) -> float | None:
        return self.seen.initial_lr

    @property
    def driven(self) -> bool:
        """Whether a scheduler was ever built for the optimizer."""
        return self.seen.initial_lr is not None

    # Equal, up to rounding

    @cached_property
    def planned(self) -> np.ndarray:
        if self.plan.is_slow:  # then ask it once for all that will be asked
            return self._table[self.t]
        return self.plan.table(int(self.t[-1]) + 1)[self.t]

    @cached_property
    def differs(self) -> int | None:
        """The first update at which planned and used differ."""
        off = first(~self.near(self.planned, self.rounding))
        if off is None or not self.rounding.drifts or not self.near(self.planned).all():
            return off
        return None if self.replays(self.used, self.planned) or self._adds_up else off

    @property
    def _adds_up(self) -> bool:
        """Whether two roundings at every step could have parted the used rates from the plan."""
        by_then = self.rounding.accumulated(1 + self.i)
        return bool((np.abs(self.used - self.planned) <= by_then * np.abs(self.planned)).all())

    @property
    def parted(self) -> int:
        """As `differs`, for a run that does differ."""
        assert self.differs is not None, "asked only of a run that is not as planned"
        return self.differs

    def near(self, rates: np.ndarray, by: Rounding | None = None) -> np.ndarray:
        """Where `rates`, shape (updates,), are the used ones up to rounding. nan never is."""
        return self.alike(self.used, rates, by)

    def alike(self, some: Any, others: Any, by: Rounding | None = None) -> Any:
        by = by or self._search
        with np.errstate(invalid="ignore"):
            apart = np.abs(some - others)
            return apart <= by.of_rate * np.abs(others) + by.of_largest * self._largest

    @cached_property
    def _search(self) -> Rounding:
        """For a story: a little more than for equality, since its recursion rounds elsewhere."""
        return self.rounding.loose

    @cached_property
    def _largest(self) -> float:
        return np.nanmax(np.abs(self.planned), initial=0)

    def explained_by(self, rates: np.ndarray, after: int = 0, before: int | None = None) -> bool:
        """Whether all used rates, from update `after` on, are these."""
        here = slice(after, before)
        if not self.near(rates)[here].all():
            return False
        if not self.rounding.drifts or self.near(rates, self.rounding)[here].all():
            return True
        return self.replays(self.used[here], rates[here])

    def replays(self, used: np.ndarray, rates: np.ndarray) -> bool:
        """Whether a scheduler that takes each rate from the one before gives `used`, to the last bit or so."""
        if not len(used) or not self.alike(used[0], rates[0], self.rounding):
            return False
        floors = {0.0, self.plan.eta_min, float(np.nanmin(rates))}
        ways: list[Callable] = [added_up, *(partial(replayed, floor=floor) for floor in floors)]
        return any(
            all(self._gives(way, used[:n], rates[:n]) for n in (500, len(used))) for way in ways
        )

    def _gives(self, way: Callable, used: np.ndarray, rates: np.ndarray) -> bool:
        return bool(self.alike(used, way(used, rates, by=self.rounding), self.rounding).all())

    def same(self, one: float, other: float | None) -> bool:
        return other is not None and bool(self.alike(one, other))

    # The plan at other times

    @cached_property
    def _table(self) -> np.ndarray:
        ahead = max(32 * self.count, 2 * (self.plan.shape_ends or 0))
        most = 1_000 + self.count if self.plan.is_slow else TABLE
        return self.plan.table(int(self.t[-1]) + 1 + min(ahead, most))

    def rate(self, t: Any) -> Any:
        """The plan's rate at any `t`, far past the run, whole or not; nan where it has none."""
        t = np.asarray(t)
        whole = t.dtype.kind in "iu"
        known = (t >= 0) & (t < len(self._table)) & (True if whole else t == np.floor(t))
        rates = np.where(known, self._table[np.where(known, t, 0).astype(int)], np.nan)
        far = ~known & (t >= 0) & (t < 2**40)
        if far.any() and (far.sum() <= 5_000 or not self.plan.is_slow):
            rates = np.array(rates)
            rates[far] = self.plan.at(t[far])
        return rates

    def follows(self, clock: Clock, after: int = 0, before: int | None = None) -> bool:
        """Whether the used rates are the plan's by another clock. A few updates are asked first."""
        few = self.samples[(self.samples >= after) & (self.samples < (before or self.count))]
        if not len(few) or not self.alike(self.used[few], self.rate(clock(few))).all():
            return False
        return self.explained_by(self.rate(clock(self.i)), after, before)

    def shifts(self, least: int = 0) -> int | None:
        """The smallest k of at least `least` for which the run used rate(t + k)."""
        k = np.arange(max(least, -int(self.t[0])), len(self._table) - self.t[-1])
        k = k[self.alike(self.used[0], self._table[self.t[0] + k], self.rounding)]
        for i in self.samples[::-1]:
            k = k[self.alike(self.used[i], self._table[self.t[i] + k])]
            if not len(k):
                return None
        return next(
            (int(one) for one in k[:50] if self.explained_by(self.rate(self.t + one))), None
        )

    @cached_property
    def samples(self) -> np.ndarray:
        """A few updates that rule out most of what is wrong: spread out, and beside the jumps."""
        spread = np.linspace(0, self.count - 1, 50).astype(int)
        jumps = np.argsort(-np.abs(np.diff(self.used)), kind="stable")[:20]
        early = 2 ** np.arange(self.count.bit_length())
        some = np.unique([*spread, *jumps, *(jumps + 1), *early])
        return some[some < self.count]

    # How it moves

    @cached_property
    def flat(self) -> bool:
        return self.first_change(self.used) is None

    @cached_property
    def changes(self) -> np.ndarray:
        """The updates whose rate is not that of the one before."""
        return 1 + np.flatnonzero(~self.alike(self.used[1:], self.used[:-1], _EXACT))

    def first_change(self, rates: np.ndarray) -> int | None:
        """Where `rates` leave their first value."""
        return first(~self.alike(rates, rates[0]))

    # Words

    @property
    def when(self) -> str:
        return "at the end of every epoch" if self.epochs else "after every optimizer.step()"

    @property
    def one(self) -> str:
        return "epoch" if self.epochs else "update"


_EXACT = Rounding(1e-15, 0.0)


def first(true: np.ndarray) -> int | None:
    return int(np.argmax(true)) if true.any() else None
