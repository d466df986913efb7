"""Another hand: the plan's rates at the right time, but multiplied, clipped, written over."""

import numpy as np

from lrcourse._causes.fitted import turned
from lrcourse._causes.looks import times_planned
from lrcourse._causes.run import Finding, Run, first
from lrcourse._causes.settings import _shown


def rate_as_factor(run: Run) -> Finding | None:
    factor = _constant_factor(run, floor=0.0)
    if factor is None or not run.same(factor, run.initial_lr):
        return None
    return Finding(
        f"LambdaLR was given the rate itself: it multiplies by the optimizer's lr={factor:.6g}",
        "return a factor, rate / lr, from the function, or build the optimizer with lr=1.0",
        "",
        "LambdaLR(optimizer, lambda t: rate(t))",
        "LambdaLR(optimizer, lambda t: rate(t) / lr)",
    )


def built_with_another_rate(run: Run) -> Finding | None:
    """As `another_rate`, and the scheduler remembers that very rate as its first."""
    return another_rate(run) if run.same(run.used[0], run.initial_lr) else None


def another_rate(run: Run) -> Finding | None:
    for floor in dict.fromkeys((run.plan.eta_min, 0.0)):
        if factor := _constant_factor(run, floor):
            break
    else:
        return None
    added = run.seen.added
    group = f"the group was added at update {added} with another rate: " if added else ""
    ends = (
        ""
        if added
        else ", so the optimizer or the scheduler was built with another rate than the plan"
    )
    return Finding(
        f"{group}every rate is {times_planned(factor, floor)}{ends}",
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


def rounded_each_time(run: Run) -> Finding | None:
    """The plan's rates, each taken from the one before: what the tensor loses adds up."""
    if not run.rounding.drifts or not run.replays(run.used, run.planned):
        return None
    at = int(np.argmax(np.abs(run.used - run.planned)))
    return Finding(
        f"the rates are the plan's, but they are held in a {run.rounding.kept_in} tensor, which "
        f"rounds at every step, and that adds up: to {run.used[at]:.6g} at update {at}, where "
        f"{run.planned[at]:.6g} was planned",
        "give the optimizer a number for its rate, no tensor, or use a scheduler that works each "
        "rate out anew, as LambdaLR does",
        "",
        f"lr=torch.tensor({run.planned[0]:.6g}, dtype=torch.{run.rounding.kept_in})",
        f"lr={run.planned[0]:.6g}",
    )


def two_schedulers(run: Run) -> Finding | None:
    """Each multiplied the rate by its own: the same twice, or the plan's and an exponential."""
    floor, begin = run.plan.eta_min, run.rate(run.start) - run.plan.eta_min
    if not begin > 0 or not run.same(run.used[0], run.planned[0]):
        return None
    above = run.planned - floor
    twice = floor + above * above / begin
    moved = first(run.t > run.start)
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
    return Finding(
        what,
        "keep one scheduler for one optimizer, or plan the product of both",
        "",
        "first.step()\nsecond.step()",
        "first.step()",
    )


def compounding(run: Run) -> Finding | None:
    """lr = lr * factor(t): each factor is applied to what the last one left."""
    begin = run.planned[0]
    if run.start or run.flat or not begin or run.count < 4:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        factors = run.planned[:: run.per_t] / begin
        anew = run.used[0] * np.cumprod(factors)
        for rates, once in ((anew, factors[0]), (anew * factors[0], 1.0)):
            if once and run.explained_by(np.repeat(rates, run.per_t)[: run.count]):
                return Finding(
                    "each factor multiplies the rate that the last one left, not the first rate: "
                    "they compound",
                    "multiply the first rate, kept aside: lr = base_lr * factor(t)",
                    "",
                    'group["lr"] *= factor(t)',
                    'group["lr"] = base_lr * factor(t)',
                )
    return None


def factors_from(run: Run) -> list[tuple[int, float]]:
    """The updates from which on the rates are another multiple of the plan, and which."""
    planned = run.planned
    if not planned.all() or np.isnan(planned).any() or not run.used.all():
        return []
    ratio = run.used / planned
    turns = 1 + np.flatnonzero(np.abs(np.diff(ratio)) > 1e-9 * np.abs(ratio[1:]))
    if len(turns) > 8:
        return []
    edges = [0, *turns.tolist(), run.count]
    return [(a, float(np.median(ratio[a:b]))) for a, b in zip(edges, edges[1:])]


def edited(run: Run) -> Finding | None:
    """As planned, then a constant multiple of it; then perhaps another."""
    pieces = factors_from(run)
    if len(pieces) < 2 or not np.isclose(pieces[0][1], 1, rtol=1e-9):
        return None
    (_, _), (at, factor), *others = pieces
    if np.isclose(pieces[-1][1], 1, rtol=1e-9):
        return None  # it came back: another story
    if run.count - pieces[-1][0] < 2 or run.used[at:].max() == run.used[at:].min():
        return None
    later = "".join(f", and from update {a} on {f:.6g} times" for a, f in others)
    if _undone(run, at, factor):
        return Finding(
            f"the drop before update {at} was undone: from there on every rate is {factor:.6g} "
            f"times the planned one{later}, as when another scheduler has written over it",
            "keep one scheduler for one optimizer: those that write each rate anew forget what "
            "another has multiplied. Plan the product of both with LambdaLR",
            "",
            "ChainedScheduler([restarts, drops])",
            "LambdaLR(optimizer, lambda t: restarts(t) * drops(t))",
        )
    return Finding(
        f"something besides the scheduler multiplied the rate by {factor:.6g} at update {at}{later}, "
        f"such as a second scheduler or a line that writes param_groups",
        "look for what writes param_groups there, and keep one scheduler for one optimizer",
    )


def _undone(run: Run, at: int, factor: float) -> bool:
    """Whether the plan fell by just this factor shortly before."""
    before = run.planned[max(0, at - 3) : at + 1]
    fell = before[:-1] / before[1:]
    return factor > 1 and bool(np.isclose(fell, factor, rtol=0.2).any())


def clipped(run: Run) -> Finding | None:
    """Never below some rate, or never above it, whatever the plan says."""
    for bound, limit in ((run.used.min(), np.maximum), (run.used.max(), np.minimum)):
        free = ~run.alike(run.used, bound)
        somebody_wrote_it = np.isclose(bound, float(f"{bound:.4g}"), rtol=1e-9)
        if not 3 <= free.sum() <= run.count - 2 or not somebody_wrote_it:
            continue
        name = "max" if limit is np.maximum else "min"
        if run.explained_by(limit(run.planned, bound)):
            return _clipped(
                f"the rates are clipped at {bound:.6g}, {name}(rate, {bound:.6g})", name
            )
        for knob in run.plan.knobs:
            value = turned(run, knob, run.t, free) if knob.part is None else None
            if value is None or run.explained_by(knob.turned(value)(run.t)):
                continue
            if run.explained_by(limit(knob.turned(value)(run.t), bound)):
                return _clipped(
                    f"the rates are those of {knob.name}={_shown(value)} (planned "
                    f"{_shown(knob.planned)}), clipped at {bound:.6g}: {name}(rate, {bound:.6g})",
                    name,
                )
    return None


def _clipped(what: str, by: str) -> Finding:
    bound = "floor" if by == "max" else "top"
    instead = (
        "let the schedule come down to its floor by itself, as eta_min does,"
        if by == "max"
        else "give the schedule a peak that needs no clipping,"
    )
    return Finding(
        what,
        f"{instead} or plan what is used: lambda t: {by}(plan(t), {bound})",
        "",
        f"lr = {by}(plan(t), {bound})",
        "lr = plan(t)",
    )
