"""One param group parts from its plan: what the other groups tell about it."""

import numpy as np

from lrcourse._causes.run import Finding, Run

OWN_PLAN = "hand over one plan for each group: used.against([plan, other_plan])"


def of_groups(runs: list[Run], g: int) -> dict[str, Finding]:
    """What explains group `g` best if the others are looked at, too; empty if nothing does."""
    for slug, rule in (
        ("groups-swapped", swapped),
        ("group-not-driven", not_driven),
        ("group-added", added),
        ("absolute-floor", absolute),
    ):
        if len(runs) > 1 and (found := rule(runs, g)):
            return {slug: found}
    return {}


def swapped(runs: list[Run], g: int) -> Finding | None:
    """It used the plan of another group."""
    run = runs[g]
    for other, theirs in enumerate(runs):
        if other == g or len(theirs.t) != len(run.t) or theirs.plan.source is run.plan.source:
            continue
        back = theirs.explained_by(run.planned)
        if run.explained_by(theirs.planned) and (back or not run.flat):
            also = f", and group {other} that of group {g}: they are swapped" if back else ""
            return Finding(
                f"param group {g} used the plan of group {other}{also}, as when the groups are in "
                f"another order than the plans, or have one rate for all",
                "give the groups names, and match rates to groups by name, not by number",
            )
    return None


def not_driven(runs: list[Run], g: int) -> Finding | None:
    """It stays where it is while the others move."""
    run = runs[g]
    moving = [other for other, theirs in enumerate(runs) if other != g and not theirs.flat]
    if not run.flat or not moving or run.count < 3:
        return None
    since = f", since it was added at update {run.seen.added}" if run.seen.added else ""
    return Finding(
        f"param group {g} is never driven{since}: its rate stays at {run.used[0]:.6g} while group "
        f"{moving[0]} moves, as when only one group's rate is set, or a group is added after the "
        f"scheduler was built",
        'set the rate in every group, for group in optimizer.param_groups: group["lr"] = ..., or '
        "build the scheduler after the last group was added",
        "",
        'optimizer.param_groups[0]["lr"] = lr',
        'for group in optimizer.param_groups:\n    group["lr"] = lr',
    )


def added(runs: list[Run], g: int) -> Finding | None:
    """It came later, at a rate of its own."""
    run = runs[g]
    if not run.seen.added or not run.planned.all() or np.isnan(run.planned).any():
        return None
    factor = float(run.used[0] / run.planned[0])
    if not run.explained_by(factor * run.planned):
        return None
    return Finding(
        f"param group {g} was added at update {run.seen.added} with another rate: every rate is "
        f"{factor:.6g} times the planned one",
        OWN_PLAN,
    )


def absolute(runs: list[Run], g: int) -> Finding | None:
    """A rate of another group's plan that a scheduler gives to all: eta_min does not scale."""
    run = runs[g]
    theirs = {knob.name: knob.planned for one in runs if one is not run for knob in one.plan.knobs}
    for knob in run.plan.knobs:
        value = theirs.get(knob.name)
        if run.flat or knob.kind != "rate" or value in (None, knob.planned) or knob.name == "lr":
            continue
        try:
            rates = knob.turned(value)(run.t)
        except ValueError:
            continue
        if run.explained_by(rates):
            return Finding(
                f"param group {g} has the {knob.name}={value:.6g} of another group, planned "
                f"{knob.planned:.6g}: a scheduler's {knob.name} is absolute, one rate for all groups, "
                f"and does not scale with the group's own",
                "use LambdaLR with one factor for each group, or plan what is used",
            )
    return None
