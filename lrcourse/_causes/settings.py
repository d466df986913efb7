"""The plan with a field of its own set otherwise: another length, another part, old settings."""

from dataclasses import replace
from typing import Any

import numpy as np

from lrcourse._causes.fitted import Fit, turned
from lrcourse._causes.plan import Knob, Plan, scaled
from lrcourse._causes.run import Finding, Run

LENGTHS = ("steps", "milestones", "time")
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def another_length(run: Run) -> Finding | None:
    """A field that counts steps, on the run's own clock."""
    return _first_knob(run, run.t, lengths=True)


def another_setting(run: Run) -> Finding | None:
    """Any other field."""
    return _first_knob(run, run.t, lengths=False)


def old_settings(run: Run) -> Finding | None:
    """A resumed run whose lengths are not the planned ones."""
    return another_length(run) if run.start and not run.seen.added else None


def left_out_and_longer(run: Run) -> Finding | None:
    """No first part, and the second made for another length: for all of the run, say."""
    if run.start or run.flat or len(run.plan.stretches) < 2:
        return None
    at, second = run.plan.stretches[1]
    found = another_length(replace(run, plan=Plan(second)))
    if found is None:
        return None
    what = "the first part of the plan is missing, there was no warm-up: the run starts with its second"
    return found._replace(what=f"{what} part, and {found.what}")


def _first_knob(run: Run, t: np.ndarray, lengths: bool) -> Finding | None:
    if run.flat and not run.start:
        return None
    for knob in run.plan.knobs:
        if (knob.kind in LENGTHS) == lengths:
            value = turned(run, knob, t)
            if value is not None:
                return told(run, knob, value)
    return None


def told(run: Run, knob: Knob, value: Any) -> Finding:
    """What it means that the rates are those of `knob` at `value`."""
    plan, ours = knob.turned(value), run.plan.source
    now, planned = f"{knob.name}={_shown(value)}", f"{knob.name}={_shown(knob.planned)}"
    if run.start and knob.kind in LENGTHS:
        what = (
            f"its loaded state brought old settings back: these are the rates of {now}, planned "
            f"{planned}. load_state_dict overrides the {knob.name} that you wrote"
        )
    elif knob.part is not None:
        what = f"{_part(run, knob)} {_built(knob, value)}: these are the rates of {now}, planned {planned}"
        what += _moved(run, knob, value)
    elif _counts_epochs(run, knob, value):
        what = (
            f"{now} counts epochs, but the scheduler was stepped at every update, "
            f"{run.steps_per_epoch} times as fast as planned ({planned})"
        )
    else:
        what = (
            f"the scheduler {_built(knob, value)}: these are the rates of {now}, planned {planned}"
        )
    fix = f"give it what you planned, {planned}, or plan with {now}"
    tell = f"print(scheduler.state_dict()) shows its {knob.name}" if run.driven else ""
    return Finding(what, fix, tell, _code(plan), _code(ours))


def _moved(run: Run, knob: Knob, value: Any) -> str:
    """What a longer or shorter part does to those after it, if they are moved along."""
    if knob.name != "length":
        return ""
    by = abs(value - knob.planned)
    ends = run.plan.source.milestones[knob.part or 0]
    t = ends + max(value - knob.planned, 0)
    follows = run.plan.at(np.array([float(ends)])), knob.turned(value)(np.array([float(t)]))
    count = f"{by} {run.one}s" if by > 1 else f"one {run.one}"
    late = f"late: from {run.one} {ends} on every rate came {count} late"
    early = f"early: from {run.one} {t} on every rate came {count} early"
    moved = run.same(float(follows[0][0]), float(follows[1][0]))
    return f". What follows is {late if value > knob.planned else early}" if moved else ""


def _part(run: Run, knob: Knob) -> str:
    part = type(run.plan.stretches[knob.part or 0][1]).__name__
    return f"the {ORDINALS[min(knob.part or 0, 4)]} part, {part},"


def _built(knob: Knob, value: Any) -> str:
    if knob.kind == "milestones":
        return "was built with other milestones"
    if knob.kind not in LENGTHS:
        return f"was built with another {knob.name}"
    ratio = value / knob.planned
    if ratio > 1 and ratio == int(ratio):
        return f"was built for another length, {int(ratio)} times as long"
    if ratio < 1 and 1 / ratio == int(1 / ratio):
        return f"was built for another length, {int(1 / ratio)} times shorter"
    return f"was built for another length, {'longer' if ratio > 1 else 'shorter'} than planned"


def _counts_epochs(run: Run, knob: Knob, value: Any) -> bool:
    per = run.steps_per_epoch
    if not per or run.epochs or knob.kind not in LENGTHS:
        return False
    few, many = np.atleast_1d(value), np.atleast_1d(knob.planned)
    return len(few) == len(many) and bool((np.abs(many / few / per - 1) < 0.5 / few + 1e-9).all())


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return str(list(value))
    return f"{value:.12g}" if isinstance(value, float) else repr(value)


def _code(plan: Any) -> str:
    try:
        return plan.code()
    except (AttributeError, ValueError):  # a function, or a chain without a twin
        return ""


# All lengths at once


def all_lengths(run: Run) -> Finding | None:
    """Every length times the same: a chain whose numbers count epochs."""
    if run.flat or not run.plan.is_schedule or len(run.plan.knobs) < 2:
        return None
    ours = run.plan.source
    fit = Fit(run, run.t, lambda by, t: scaled(ours, by)(t))
    per = run.steps_per_epoch or 1
    for by in (1 / per, float(per), *(1 / np.arange(2, 11)), *np.arange(2.0, 11)):
        plan = _scaled(ours, by)
        if by == 1 or plan is None or plan == ours:
            continue
        if fit._first_that_explains([by]) is not None:
            return _all_at_once(run, by, plan)
    return None


def _scaled(ours: Any, by: float) -> Any:
    try:
        return scaled(ours, by)
    except ValueError:
        return None


def _all_at_once(run: Run, by: float, plan: Any) -> Finding:
    per = run.steps_per_epoch
    if per and np.isclose(by * per, 1) and not run.epochs:
        what = (
            f"the numbers in the scheduler count epochs, and it was stepped at every update, {per} "
            f"times as fast as planned: these are the rates of {plan!r}"
        )
    else:
        how = f"{by:.6g} times as long" if by > 1 else f"{1 / by:.6g} times shorter"
        what = f"the scheduler was built for another length, {how}: these are the rates of {plan!r}"
    return Finding(
        what,
        f"give it what you planned, {run.plan.source!r}",
        "",
        _code(plan),
        _code(run.plan.source),
    )


STRETCHES = np.geomspace(1e-3, 1e3, 61)


def stretched(run: Run) -> Finding | None:
    """The plan's curve, run through faster or slower: for plans that have no fields."""
    if run.flat or isinstance(run.plan._plan, np.ndarray):
        return None
    since = run.t - run.start
    fit = Fit(run, since, lambda by, s: run.plan.at(run.start + by * s))
    by = fit.number(1.0, STRETCHES)
    if by is None:
        return None
    whole = run.plan.made_for
    length = f", {round(whole / by)} where {whole} were planned" if whole else ""
    how = f"stretched {1 / by:.6g} times" if by < 1 else f"run through {by:.6g} times as fast"
    epochs = by == run.steps_per_epoch and not run.epochs
    numbers = (
        f": numbers of epochs, stepped at every update of epochs of {by:.6g}" if epochs else ""
    )
    return Finding(
        f"the schedule was built for another length{length}: the plan's rates, {how}{numbers}",
        f"build it for the length of your run, {int(run.t[-1]) + 1} {run.one}s",
        "print what it was built with: a length in epochs, batches or updates",
    )


# Two moves at once


def on_another_clock(run: Run) -> Finding | None:
    """A field set otherwise, and the scheduler stepped at other times."""
    for clock, t in _clocks(run):
        for lengths in (True, False):
            found = _first_knob(run, t, lengths)
            if found:
                return found._replace(what=f"{clock}, and {found.what}")
    return None


def _clocks(run: Run) -> list[tuple[str, np.ndarray]]:
    if run.flat:
        return []
    per, clocks = run.steps_per_epoch, []
    if run.epochs:
        clocks.append(("the scheduler was stepped at every update", run.start + run.i))
    elif per and per > 1:
        once = f"the scheduler was stepped once per epoch, every {per} updates"
        clocks.append((once, run.start + run.i // per))
    clocks.append((f"all rates are one {run.one} early", run.t + 1))
    return clocks


def another_rate_and_length(run: Run) -> Finding | None:
    """Every rate times the same, and a length set otherwise."""
    first = run.rate(run.start)
    if run.flat or run.plan.eta_min or not first or not run.used[0] or run.same(run.used[0], first):
        return None
    factor = float(run.used[0] / first)
    found = another_length(_times(run, 1 / factor))
    if found is None:
        return None
    return found._replace(
        what=f"every rate is {factor:.6g} times the planned one, and {found.what}"
    )


def _times(run: Run, factor: float) -> Run:
    return replace(run, used=run.used * factor)
