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
        if not run.flat and run.explained_by(theirs.planned):
            back = theirs.explained_by(run.planned)
            also = f", and group {other} that of group {g}: they are swapped" if back else ""
            return Finding(
                f"param group {g} used the plan of group {other}{also}, as when the groups are in "
                f"another order than the plans",
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
