"""Known mistakes with schedulers, and what each leaves in a trace.

A mistake is a function of the run. It works out which rates the run would have used had the
mistake been made, and only if they agree with *every* recorded update does it say so: what
happened, and the fix. `CAUSES` holds the mistakes, the likelier first.

Some runs follow their plan to the letter and still miss the point of it: too short for the
peak, too long for the cosine. `NOTES` holds those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lrcourse.schedules import Schedule


class Finding(NamedTuple):
    """What happened, as "it looks as if ..." would go on, and what to do about it."""

    what: str
    fix: str


# Plans


class Plan:
    """The rates of a schedule, of an array, or of a function of t; nan where there are none."""

    def __init__(self, plan: Any) -> None:
        self._plan = plan if callable(plan) else _rates_of(plan)

    def table(self, count: int) -> np.ndarray:
        """The rates at t = 0, 1, ... count - 1; nan from the end of the plan on."""
        return _until_it_ends(self._first, count)

    def momentum(self, count: int) -> np.ndarray | None:
        """The momentum at t = 0, 1, ... count - 1; None if the plan leaves it alone."""
        of = getattr(self._plan, "momentum", None)
        if of is None or of(0) is None:
            return None
        return _until_it_ends(lambda n: of(np.arange(n)), count)

    def _first(self, count: int) -> np.ndarray:
        if isinstance(self._plan, np.ndarray):
            return self._plan[:count]
        if isinstance(self._plan, Schedule):
            return self._plan(np.arange(count))
        return np.array([float(self._plan(t)) for t in range(count)])

    @cached_property
    def shape_ends(self) -> int | None:
        """After how many t all of the shape was seen; None where there is no telling."""
        if isinstance(self._plan, np.ndarray):
            return len(self._plan)
        return self._plan.shape_ends if isinstance(self._plan, Schedule) else None

    @cached_property
    def made_for(self) -> int | None:
        """For how many t the plan was made, if it was made for a number of them."""
        if isinstance(self._plan, np.ndarray):
            return len(self._plan)
        return self._plan.made_for if isinstance(self._plan, Schedule) else None

    @property
    def after_that(self) -> str:
        """What the plan does after `made_for`."""
        return self._plan.after_end if isinstance(self._plan, Schedule) else ""

    @property
    def raises(self) -> bool:
        """Whether it is an error to step past `made_for`."""
        return isinstance(self._plan, Schedule) and self._plan.raises_past_end

    @property
    def last_turn(self) -> int:
        """The last milestone of the plan; 0 if it has none."""
        turns = self._plan.turns if isinstance(self._plan, Schedule) else ()
        return max(turns, default=0)

    @property
    def eta_min(self) -> float:
        return self._plan.floor if isinstance(self._plan, Schedule) else 0.0


def _rates_of(plan: Any) -> np.ndarray:
    try:
        rates = np.asarray(plan, dtype=float)
    except (TypeError, ValueError):
        rates = np.array([])
    if rates.ndim != 1 or not rates.size or not np.isfinite(rates).all():
        raise ValueError(
            f"plan must be a schedule, or a list with one finite rate for each t, got {plan!r}"
        )
    return rates


def _until_it_ends(values: Callable[[int], np.ndarray], count: int) -> np.ndarray:
    """`values(count)`, filled up with nan from where the plan raises or stops."""
    try:
        known = values(count)
    except Exception:  # whatever a learner's own function raises past its end
        enough, too_many = 1, count
        values(enough)
        while too_many - enough > 1:
            middle = (enough + too_many) // 2
            try:
                values(middle)
                enough = middle
            except Exception:
                too_many = middle
        known = values(enough)
    return np.concatenate([known, np.full(count - len(known), np.nan)])


# Runs


@dataclass(frozen=True)
class Run:
    """One param group's rates beside the plan for them."""

    used: np.ndarray  # shape (updates,)
    plan: Plan
    per_t: int  # updates that share one t of the plan: 1, or those of an epoch
    steps_per_epoch: int | None
    start: int  # the plan's t at the first update
    initial_lr: float | None  # what a scheduler left in the group; None if none was attached
    rounding: tuple[float, float]  # equal: to this share of the rate, plus this of the largest

    @cached_property
    def t(self) -> np.ndarray:
        return self.start + np.arange(len(self.used)) // self.per_t

    @cached_property
    def planned(self) -> np.ndarray:
        return self.plan.table(self.t[-1] + 1)[self.t]

    @cached_property
    def differs(self) -> int | None:
        """The first update at which planned and used differ."""
        return _first(~self.near(self.planned))

    def near(self, rates: np.ndarray) -> np.ndarray:
        """Where `rates`, shape (updates,), are the used ones up to rounding. nan never is."""
        return self.alike(self.used, rates)

    def alike(self, some: Any, others: Any) -> Any:
        of_rate, of_largest = self.rounding
        return np.abs(some - others) <= of_rate * np.abs(others) + of_largest * self._largest

    @cached_property
    def _largest(self) -> float:
        return np.nanmax(np.abs(self.planned), initial=0)

    def explained_by(self, rates: np.ndarray, after: int = 0) -> bool:
        """Whether all used rates, from update `after` on, are these."""
        return bool(self.near(rates)[after:].all())

    def same(self, one: float, other: float | None) -> bool:
        return other is not None and bool(self.alike(one, other))

    @cached_property
    def _table(self) -> np.ndarray:
        ahead = max(32 * len(self.used), 2 * (self.plan.shape_ends or 0))
        return self.plan.table(self.t[-1] + 1 + min(ahead, 200_000))

    def rate(self, t: Any) -> Any:
        """The plan's rate at any whole `t`, far past the run; nan where it has none."""
        t = np.asarray(t)
        known = (t >= 0) & (t < len(self._table))
        return np.where(known, self._table[np.where(known, t, 0)], np.nan)

    def shifts(self, speed: int = 1, least: int = 0) -> int | None:
        """The smallest k of at least `least` for which the run used rate(speed * t + k)."""
        t = self.start + speed * (self.t - self.start)
        k = np.arange(least, len(self._table) - t[-1])
        for i in self.samples:
            k = k[self.alike(self.used[i], self.rate(t[i] + k))]
        return next((int(one) for one in k if self.explained_by(self.rate(t + one))), None)

    @cached_property
    def samples(self) -> np.ndarray:
        """A few updates that rule out most of what is wrong: spread out, and beside the jumps."""
        spread = np.linspace(0, len(self.used) - 1, 50).astype(int)
        jumps = np.argsort(-np.abs(np.diff(self.used)), kind="stable")[:20]
        return np.unique([*spread, *jumps, *(jumps + 1)])

    @property
    def flat(self) -> bool:
        return self.first_change(self.used) is None

    def first_change(self, rates: np.ndarray) -> int | None:
        """Where `rates` leave their first value."""
        return _first(~self.alike(rates, rates[0]))

    @property
    def epochs(self) -> bool:
        return self.per_t > 1

    @property
    def when(self) -> str:
        return "at the end of every epoch" if self.epochs else "after every optimizer.step()"

    @property
    def one(self) -> str:
        return "epoch" if self.epochs else "update"


def _first(true: np.ndarray) -> int | None:
    return int(np.argmax(true)) if true.any() else None


# The rate never moved


def _never_stepped(run: Run) -> Finding | None:
    if not run.flat or run.initial_lr is None:
        return None
    fix = f"call scheduler.step() {run.when}"
    if run.same(run.used[0], run.rate(0)) or run.same(run.used[0], run.rate(run.start)):
        other = ". If you do, it was built for another optimizer than the one you train with"
        return Finding("the scheduler was never stepped", fix + other)
    if run.same(run.used[0], run.initial_lr) and run.first_change(run.planned) is not None:
        built = f"and the optimizer was built with lr={run.initial_lr:.6g}"
        return Finding(f"the scheduler was never stepped, {built}", fix)
    return None


def _no_scheduler(run: Run) -> Finding | None:
    if not run.flat or run.initial_lr is not None:
        return None
    return Finding(
        f"no scheduler drives this optimizer: its rate stayed at {run.used[0]:.6g}, as when the "
        f"optimizer was made anew after the scheduler was built",
        "build the optimizer first, then the scheduler for it, and no new optimizer afterwards",
    )


# The plan's rates came, but at other times


def _stepped_first(run: Run) -> Finding | None:
    if run.shifts() != 1:
        return None
    skipped = "" if run.epochs else " (a GradScaler that skips the first update also does this)"
    return Finding(
        f"scheduler.step() came before optimizer.step(), so that all rates are one {run.one} "
        f"early{skipped}",
        f"call scheduler.step() {run.when}",
    )


def _used_up(run: Run) -> Finding | None:
    k = run.shifts(least=2)
    if k is None:
        return None
    return Finding(
        f"the scheduler had already been stepped {k} times, or more, before the first update, "
        f"as by a cell that plots the schedule",
        "build a new optimizer and a new scheduler just before training, and plot the plan itself",
    )


def _per_epoch(run: Run) -> Finding | None:
    every = None if run.epochs else _updates_per_step(run)
    if every is None:
        return None
    return Finding(
        f"the scheduler was stepped once per epoch, every {every} updates, though the plan counts "
        f"updates",
        'call scheduler.step() after every optimizer.step(); if the plan counts epochs, say unit="epoch"',
    )


def _updates_per_step(run: Run) -> int | None:
    """How many updates shared each rate of the plan, if the same number always did."""
    i = np.arange(len(run.used))
    moved, planned = run.first_change(run.used), run.first_change(run.rate(run.start + i))
    inferred = moved // planned if moved and planned else None
    for every in (run.steps_per_epoch, inferred):
        if every and every > 1 and run.explained_by(run.rate(run.start + i // every)):
            return every
    return None


def _per_batch(run: Run) -> Finding | None:
    i = np.arange(len(run.used))
    if not run.epochs or not run.explained_by(run.rate(run.start + i)):
        return None
    return Finding(
        "the scheduler was stepped at every update, though the plan counts epochs",
        'call scheduler.step() once, at the end of every epoch; if the plan counts updates, say unit="step"',
    )


def _late(run: Run) -> Finding | None:
    first = run.per_t  # before that, the optimizer's own rate is used, whatever it is
    if len(run.used) <= first or not run.explained_by(run.rate(run.t - 1), after=first):
        return None
    if run.first_change(run.used[first:]) is None and run.same(run.used[0], run.planned[0]):
        return None
    return Finding(
        f"every rate came one {run.one} late, set after the {run.one} that it was planned for",
        f"set the rate of an {run.one} before it begins, from the first {run.one} on",
    )


def _too_often(run: Run) -> Finding | None:
    for speed in _speeds(run):
        for ahead in (0, speed - 1):
            t = run.start + speed * (run.t - run.start) + ahead
            if run.explained_by(run.rate(t)):
                return Finding(
                    f"the scheduler was stepped {speed} times for every {run.one}, as when "
                    f"gradients are accumulated over {speed} batches"
                    if not run.epochs
                    else f"the scheduler was stepped {speed} times for every epoch",
                    f"call scheduler.step() only when the {run.one} is done",
                )
    return None


def _speeds(run: Run) -> np.ndarray:
    """How many of the plan's steps the last update could be ahead by, per step."""
    steps = run.t[-1] - run.start
    speed = np.arange(2, 65) if steps else np.array([], int)
    ends = run.used[-1]
    fits = run.alike(ends, run.rate(run.start + speed * steps))
    return speed[fits | run.alike(ends, run.rate(run.start + speed * steps + speed - 1))]


def _skipped(run: Run) -> Finding | None:
    """The scheduler gets ahead by 1 to 3 steps, here and there."""
    ahead, jumps = 0, []
    while len(jumps) <= 20:
        since = jumps[-1] if jumps else 0
        parted = _first(~run.near(run.rate(run.t + ahead))[since:])
        if parted is None:
            break
        parted += since
        further = ahead + np.arange(1, 4)
        fits = further[run.alike(run.used[parted], run.rate(run.t[parted] + further))]
        if not len(fits):
            return None
        ahead, jumps = int(fits[0]), [*jumps, parted]
    if not jumps or jumps[0] == 0 or len(jumps) > 20:
        return None
    return Finding(
        f"scheduler.step() was called {ahead} more time{'s' * (ahead > 1)} than optimizer.step(), "
        f"first before update {jumps[0]}, as when a GradScaler skips an update",
        "step the scheduler only if the optimizer was stepped: compare scaler.get_scale() before "
        "and after scaler.update(), it is lower after a skip",
    )


# Other values than the plan's


def _rate_as_factor(run: Run) -> Finding | None:
    factor = _constant_factor(run, floor=0.0)
    if factor is None or not run.same(factor, run.initial_lr):
        return None
    return Finding(
        f"LambdaLR was given the rate itself: it multiplies by the optimizer's lr={factor:.6g}",
        "return a factor, rate / lr, from the function, or build the optimizer with lr=1.0",
    )


def _built_with_another_rate(run: Run) -> Finding | None:
    """As `_another_rate`, and the scheduler remembers that very rate as its first."""
    return _another_rate(run) if run.same(run.used[0], run.initial_lr) else None


def _another_rate(run: Run) -> Finding | None:
    factor = _constant_factor(run, run.plan.eta_min) or _constant_factor(run, floor=0.0)
    if factor is None:
        return None
    return Finding(
        f"every rate is {factor:.6g} times the planned one, so the optimizer or the scheduler was "
        f"built with another rate than the plan",
        "give both the same rate: plan.scheduler(optimizer) does",
    )


def _constant_factor(run: Run, floor: float) -> float | None:
    """f for which floor + f * (planned - floor) is what was used; None if there is none, or 1."""
    above = run.planned - floor
    largest = np.argmax(np.abs(above))
    if np.isnan(above).any() or not above[largest]:
        return None
    factor = float((run.used[largest] - floor) / above[largest])
    scaled = run.explained_by(floor + factor * above)
    return factor if scaled and not np.isclose(factor, 1, rtol=1e-9) else None


def _two_schedulers(run: Run) -> Finding | None:
    """Each multiplied the rate by its own: the same twice, or the plan's and an exponential."""
    floor, first = run.plan.eta_min, run.rate(run.start) - run.plan.eta_min
    if not first > 0 or not run.same(run.used[0], run.planned[0]):
        return None
    above = run.planned - floor
    twice = floor + above * above / first
    moved = _first(run.t > run.start)
    ratio = run.used[moved] / run.planned[moved] if moved and run.planned[moved] else 1.0
    shrunk = run.planned * ratio ** (run.t - run.start)
    if run.explained_by(twice):
        what = "two schedulers with the same plan are stepped on this optimizer"
    elif 0 < ratio < 1 and run.explained_by(shrunk):
        what = (
            f"a second scheduler multiplies the rate of this optimizer by {ratio:.6g} at each step"
        )
    else:
        return None
    return Finding(what, "keep one scheduler for one optimizer, or plan the product of both")


def _edited(run: Run) -> Finding | None:
    """As planned, then a constant multiple of it."""
    d = run.differs
    if not d or not run.planned[d] or len(run.used) - d < 2:
        return None
    factor = run.used[d] / run.planned[d]
    if not run.explained_by(factor * run.planned, after=d):
        return None
    return Finding(
        f"something besides the scheduler multiplied the rate by {factor:.6g} at update {d}",
        "look for what writes param_groups there, such as a second scheduler",
    )


# The run was cut


def _resumed_at_the_start(run: Run) -> Finding | None:
    return _resumed(run) if run.start else None


def _resumed(run: Run) -> Finding | None:
    every = np.arange(len(run.used))
    for cut in _possible_cuts(run):
        few = np.append(run.samples[run.samples > cut], run.differs)
        for kept, rates in _after(run, cut, few).items():
            if not run.alike(run.used[few], rates).all():
                continue
            if run.explained_by(_after(run, cut, every)[kept], after=cut):
                return _how_resumed(run, cut, kept[0])
    return None


def _possible_cuts(run: Run) -> list[int]:
    """At the start of a trace that begins in mid-plan; else at the difference or not long before."""
    if run.start:
        return [0]
    return [i for i in range(run.differs, 0, -1) if i % run.per_t == 0 or i == run.differs][:2000]


def _after(run: Run, cut: int, updates: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """The rates of `updates`, after a cut where only one state was kept, or none.

    Some schedulers write each rate anew; others multiply what the optimizer holds.
    """
    floor, first, held = run.plan.eta_min, run.rate(0), run.rate(run.t[cut])
    j = np.maximum(updates - cut, 0) // run.per_t
    anew, on = run.rate(j), run.rate(run.t[cut] + j)
    rates = {
        ("nothing", "written"): anew,
        ("the optimizer", "written"): np.where(j == 0, held, anew),
        ("the scheduler", "written"): np.where(j == 0, first, on),
    }
    if first > floor:
        share = (anew - floor) / (first - floor)
        rates["the optimizer", "multiplied"] = floor + (held - floor) * share
    if held > floor:
        share = (on - floor) / (held - floor)
        rates["the scheduler", "multiplied"] = floor + (first - floor) * share
    return rates


def _how_resumed(run: Run, cut: int, kept: str) -> Finding:
    at = f"at update {cut}" if cut == run.differs or run.start else f"by update {run.differs}"
    what = {
        "nothing": "the schedule began again from its start",
        "the optimizer": "a new scheduler was begun on an optimizer that had already been trained",
        "the scheduler": "the scheduler went on with an optimizer that was made anew",
    }
    return Finding(
        f"{at} {what[kept]}, as when a run is resumed and only the state of {kept} is loaded"
        if kept != "nothing"
        else f"{at} {what[kept]}, as when a run is resumed without its state",
        "save and load both state_dicts, of the optimizer and of the scheduler",
    )


def _rebuilt(run: Run) -> Finding | None:
    """The plan's first rates, over and over."""
    i, every = np.arange(len(run.used)), run.differs
    if not every or run.flat or run.start or run.epochs or len(i) <= 2 * every:
        return None
    if not run.explained_by(run.rate(i % every)):
        return None
    return Finding(
        f"the scheduler was built anew every {every} updates, as by a line inside the epoch loop",
        "build it once, before the loop over epochs",
    )


def _ran_on(run: Run) -> Finding | None:
    """The plan has ended, or the rate stays at the plan's last while the plan goes on."""
    d, whole = run.differs, run.plan.made_for
    if np.isnan(run.planned[d]):
        what = f"which has no rate from update {d} on"
    elif (
        whole and run.t[d] >= whole and run.explained_by(np.full(len(run.used), run.used[d - 1]), d)
    ):
        what = f"which is made for {whole} {run.one}s: {run.plan.after_that}"
    else:
        return None
    return Finding(
        f"the run is longer than the plan, {what}",
        f"plan for the length of your run, {_count(run)}",
    )


CAUSES: tuple[tuple[str, Callable[[Run], Finding | None]], ...] = (
    ("run-longer", _ran_on),
    ("never-stepped", _never_stepped),
    ("optimizer-replaced", _no_scheduler),
    ("resumed-without-state", _resumed_at_the_start),
    ("another-rate", _built_with_another_rate),
    ("rate-as-factor", _rate_as_factor),
    ("stepped-before-optimizer", _stepped_first),
    ("stepped-per-epoch", _per_epoch),
    ("stepped-per-batch", _per_batch),
    ("one-late", _late),
    ("used-up-before-training", _used_up),
)
RARER: tuple[tuple[str, Callable[[Run], Finding | None]], ...] = (
    ("scheduler-rebuilt", _rebuilt),
    ("stepped-too-often", _too_often),
    ("update-skipped", _skipped),
    ("another-rate", _another_rate),
    ("two-schedulers", _two_schedulers),
    ("resumed-without-state", _resumed),
    ("rate-edited", _edited),
)


def causes(run: Run) -> dict[str, Finding]:
    """The mistakes that explain all of the run, the likeliest first.

    The rarer ones bend to fit many a curve, a staircase above all. They are asked only if none
    of the common ones explains the run.
    """
    return _found(CAUSES, run) or _found(RARER, run)


def _found(rules: tuple, run: Run) -> dict[str, Any]:
    found = {slug: rule(run) for slug, rule in rules}
    return {slug: finding for slug, finding in found.items() if finding}


# As planned, and yet


def _flat_throughout(run: Run) -> str | None:
    changes = run.first_change(run.plan.table(run.plan.shape_ends)) if run.plan.shape_ends else None
    if run.first_change(run.planned) is not None or not changes or changes <= run.t[-1]:
        return None
    return (
        f"The rate never changed: the plan's first change is at t={changes}, and the run ends at "
        f"t={run.t[-1]}. Plan for the length of your run, {_count(run)}."
    )


def _below_the_peak(run: Run) -> str | None:
    shape = run.plan.table(run.plan.shape_ends) if run.plan.shape_ends else run.planned
    peak, reached = np.nanmax(shape), np.nanmax(run.planned)
    if run.start or reached >= peak * (1 - 1e-9):
        return None
    return (
        f"The peak was never reached: the plan rises to {peak:.6g} at t={int(np.nanargmax(shape))}, "
        f"the run ends at t={run.t[-1]} and got no higher than {reached:.6g}. "
        f"Plan for the length of your run, {_count(run)}."
    )


def _shorter(run: Run) -> str | None:
    whole = run.plan.made_for or run.plan.last_turn + 1
    if run.t[-1] + 1 >= whole:
        return None
    made = (
        f"is made for {whole} {run.one}s" if run.plan.made_for else f"turns last at t={whole - 1}"
    )
    return (
        f"The run is shorter than the plan, which {made}: it ends at t={run.t[-1]}, at a rate of "
        f"{run.used[-1]:.6g}. Plan for the length of your run, {_count(run)}."
    )


def _longer(run: Run) -> str | None:
    whole = run.plan.made_for
    at_the_end = 0 if run.plan.raises else 1  # the last rate of a decay is met one update later
    if not whole or run.t[-1] + 1 <= whole + at_the_end:
        return None
    return (
        f"The run is longer than the plan, which is made for {whole} {run.one}s: "
        f"{run.plan.after_that}. Plan for the length of your run, {_count(run)}."
    )


def _count(run: Run) -> str:
    return f"{run.t[-1] + 1} {run.one}s"


NOTES: tuple[tuple[str, Callable[[Run], str | None]], ...] = (
    ("rate-never-changed", _flat_throughout),
    ("peak-never-reached", _below_the_peak),
    ("run-shorter", _shorter),
    ("run-longer", _longer),
)


def notes(run: Run) -> dict[str, str]:
    """What is worth saying of a run that used what was planned; the weightiest first."""
    return _found(NOTES, run)
