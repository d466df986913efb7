"""The rate never moved."""

from lrcourse._causes.run import Finding, Run, first


def never_stepped(run: Run) -> Finding | None:
    if not run.flat or run.initial_lr is None:
        return None
    fix = f"call scheduler.step() {run.when}"
    step = "scheduler.step()"
    if run.same(run.used[0], run.rate(0)) or run.same(run.used[0], run.rate(run.start)):
        other = ". If you do, it was built for another optimizer than the one you train with"
        return Finding(
            f"the scheduler was never stepped{_or_by_the_loss(run)}", fix + other, "", "", step
        )
    if run.same(run.used[0], run.initial_lr) and run.first_change(run.planned) is not None:
        built = f"and the optimizer was built with lr={run.initial_lr:.6g}"
        return Finding(f"the scheduler was never stepped, {built}", fix, "", "", step)
    return None


def _or_by_the_loss(run: Run) -> str:
    """A loss taken for the epoch leaves a staircase on its first stair."""
    small = run.plan.at(run.start + 4 * (run.t[:1] * 0 + 1.0) / 3)
    if run.start or not run.same(run.used[0], float(small[0])):
        return ""
    return ", or only with the loss as its argument, scheduler.step(loss), which it takes for t"


def no_scheduler(run: Run) -> Finding | None:
    if not run.flat or run.initial_lr is not None:
        return None
    return Finding(
        f"no scheduler drives this optimizer: its rate stayed at {run.used[0]:.6g}, as when the "
        f"optimizer was made anew after the scheduler was built",
        "build the optimizer first, then the scheduler for it, and no new optimizer afterwards",
        "",
        "scheduler = ...(optimizer)\noptimizer = ...",
        "optimizer = ...\nscheduler = ...(optimizer)",
    )


def used_up_and_left(run: Run) -> Finding | None:
    """Flat at a rate that the plan comes to later."""
    if not run.flat or not run.driven:
        return None
    there = run.alike(run.used[0], run._table)
    begin = first(there)
    if not begin or run.same(run.used[0], run.rate(run.start)):
        return None
    stays = first(~there[begin:])
    how_often = f"{begin} to {begin + stays - 1} times" if stays and stays > 1 else f"{begin} times"
    if not stays:
        how_often = f"{begin} times or more"
    return Finding(
        f"the scheduler had already been stepped before the first update, {how_often}, as by a "
        f"cell that plots the schedule, and was never stepped afterwards",
        f"build a new optimizer and a new scheduler just before training, and call "
        f"scheduler.step() {run.when}",
        "",
        "",
        "scheduler.step()",
    )
