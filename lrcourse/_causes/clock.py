"""The plan's rates came, but at other times: another clock.

A clock counts ticks of `every` updates, at each of which the scheduler was stepped `speed` times,
and may be ahead or late by some steps.
"""

import numpy as np

from lrcourse._causes.run import Finding, Run, first

STEPPED_FIRST = "scheduler.step()\noptimizer.step()"
AS_IT_SHOULD = "optimizer.step()\nscheduler.step()"
PLOT = "build a new optimizer and a new scheduler just before training, and plot the plan itself"


# Ahead or late from the start


def resumed_or_late_trace(run: Run) -> Finding | None:
    """The optimizer had been trained before the trace began, and goes on from there."""
    k = None if run.start or not _was_there(run) or not run.seen.made else run.shifts(least=1)
    return None if k is None or run.flat else _begins_at(run, k)


def _was_there(run: Run) -> bool:
    """Whether the first rate was there when the trace began."""
    return run.seen.held is not None and run.same(run.used[0], run.seen.held)


def _begins_at(run: Run, k: int) -> Finding:
    return Finding(
        f"the run begins at t={run.start + k} of the plan, as when it was resumed, or traced only "
        f"from then on",
        f"say so: used.against(plan, start={run.start + k}). If the run was to begin at t=0, build "
        f"a new optimizer and a new scheduler",
        "",
        "used.against(plan)",
        f"used.against(plan, start={run.start + k})",
    )


def warmup_left_out(run: Run) -> Finding | None:
    """A chain that begins with its second part."""
    stretches = run.plan.stretches
    if run.start or run.flat or len(stretches) < 2:
        return None
    at, second = stretches[1]
    if not run.follows(lambda i: run.t[i] + at):
        return None
    return Finding(
        f"the first part of the plan is missing: the run starts with its second part, {second!r}, "
        f"as if there was no warm-up",
        f"put the first part, until t={at}, into the loop, too",
        "",
        second.code(),
        run.plan.source.code(),
    )


def stepped_first(run: Run) -> Finding | None:
    if run.shifts() != 1:
        return None
    if run.start:
        return _off_by_one(run, "early")
    if not run.driven:
        return Finding(
            f"all rates are one {run.one} early, as when {run.one}s are counted from 1: the first "
            f"{run.one} uses plan(0)",
            "count from 0, or set the rate plan(t - 1) if the first t is 1",
            "",
            "for t in range(1, steps + 1):",
            "for t in range(steps):",
        )
    skipped = "" if run.epochs else " (a GradScaler that skips the first update also does this)"
    return Finding(
        f"scheduler.step() came before optimizer.step(), so that all rates are one {run.one} "
        f"early{skipped}",
        f"call scheduler.step() {run.when}",
        "",
        STEPPED_FIRST,
        AS_IT_SHOULD,
    )


def _off_by_one(run: Run, how: str) -> Finding:
    return Finding(
        f"the resumed run goes on one {run.one} {how}: its last_epoch, or the start={run.start} "
        f"told here, is off by one",
        "load both state_dicts, of the optimizer and of the scheduler, instead of giving "
        "last_epoch=",
        "",
        "scheduler = ...(optimizer, last_epoch=t)",
        "scheduler.load_state_dict(saved)",
    )


def used_up(run: Run) -> Finding | None:
    k = _ahead(run)
    if k is None:
        return None
    if run.start:
        return Finding(
            f"the resumed run is {k} {run.one}s ahead: the scheduler was stepped that often on the "
            f"way, or the run goes on from t={run.start + k}",
            f"if it does, say start={run.start + k}; if not, load both state_dicts and step nothing",
        )
    if not run.driven:
        return Finding(
            f"all rates are {k} {run.one}s early: what sets them counts from {k}",
            f"count from 0, or say start={k} if the run was resumed there",
        )
    return Finding(_used_up(run, k), PLOT)


def _ahead(run: Run) -> int | None:
    """By how many steps; not where one would do, nor where the run would begin past the plan's end."""
    k, whole = run.shifts(least=2), run.plan.made_for
    if k is None or run.shifts() == 1 or whole and run.start + k >= whole:
        return None
    return k


def _used_up(run: Run, k: int) -> str:
    before = f"the scheduler had already been stepped {k} times, or more, before the first update, "
    if run.seen.held is None or _was_there(run):
        return f"{before}as by a cell that plots the schedule"
    return (
        f"{before}as when a GradScaler skips the first updates, or by code that plots the schedule"
    )


def traced_late(run: Run) -> Finding | None:
    """As used up, where nothing tells whether the optimizer had been trained before."""
    if run.start or run.flat or run.seen.made == 0 or not _was_there(run):
        return None
    k = _ahead(run)
    return None if k is None else _begins_at(run, k)


def late(run: Run) -> Finding | None:
    per = run.per_t  # before that, the optimizer's own rate is used, whatever it is
    if run.count <= per or not run.follows(lambda i: run.t[i] - 1, after=per):
        return _later(run)
    if run.first_change(run.used[per:]) is None and run.same(run.used[0], run.planned[0]):
        return None
    if run.start:
        return _off_by_one(run, "late")
    return Finding(
        f"every rate came one {run.one} late, set after the {run.one} that it was planned for",
        f"set the rate of an {run.one} before it begins, from the first {run.one} on",
        "",
        f"train_one_{run.one}()\nset_rate(plan(t))",
        f"set_rate(plan(t))\ntrain_one_{run.one}()",
    )


def _later(run: Run) -> Finding | None:
    """Held for some time at the start, and as planned from there, late."""
    held = run.first_change(run.used)
    if not held or held <= run.per_t:
        return None
    moves = run.first_change(run.planned)
    moves = moves if moves is not None else held
    k = (held - moves) // run.per_t
    if k < 2 or not run.follows(lambda i: np.maximum(run.t[i] - k, run.start), after=1):
        return None
    return Finding(
        f"every rate came {k} {run.one}s late: the scheduler was stepped for the first time after "
        f"{k} {run.one}s",
        f"step the scheduler from the first {run.one} on, or plan for the {run.one}s before with "
        f"Constant(...).then(plan, at={k})",
    )


# Ticks of another length


def per_epoch(run: Run) -> Finding | None:
    """A plan in updates, stepped only once in so many of them."""
    every = None if run.epochs else _updates_per_step(run)
    if every is None:
        return None
    epochs = _epochs(run, every)
    if epochs and epochs > 1:
        return _seldom(epochs)
    return Finding(
        f"the scheduler was stepped once per epoch, every {every} updates, though the plan counts "
        f"updates",
        'call scheduler.step() after every optimizer.step(); if the plan counts epochs, say unit="epoch"',
        "",
        "for epoch in range(epochs):\n    for batch in loader:\n        optimizer.step()\n    scheduler.step()",
        "for epoch in range(epochs):\n    for batch in loader:\n        optimizer.step()\n        scheduler.step()",
    )


def _epochs(run: Run, every: int) -> int | None:
    per = run.steps_per_epoch
    return every // per if per and every % per == 0 else None


def _seldom(epochs: int) -> Finding:
    return Finding(
        f"the scheduler was stepped only once every {epochs} epochs, as when it is stepped only in "
        f"epochs that are validated",
        "call scheduler.step() in every epoch, outside the condition",
        "",
        "if epoch % every == 0:\n    validate()\n    scheduler.step()",
        "if epoch % every == 0:\n    validate()\nscheduler.step()",
    )


def _updates_per_step(run: Run) -> int | None:
    """How many updates shared each rate of the plan, if the same number always did."""
    moved, planned = run.first_change(run.used), run.first_change(run.rate(run.start + run.i))
    inferred = [moved // planned] if moved and planned else []
    for every in (*_periods(run), *inferred):
        if every > 1 and run.follows(lambda i: run.start + i // every):
            return every
    return None


def _periods(run: Run) -> list[int]:
    """After how many updates something may have been done again and again."""
    apart = np.diff(run.changes[:2000]) if len(run.changes) > 1 else run.changes
    seen = [int(np.gcd.reduce(apart)), int(run.changes[0])] if len(apart) else []
    told = run.steps_per_epoch
    return [every for every in dict.fromkeys([*([told] if told else []), *seen]) if every > 1]


def held(run: Run) -> Finding | None:
    """Worked out at the right time, and then kept for a while."""
    if run.epochs:
        return None
    for every in _periods(run):
        if run.follows(lambda i: run.start + i // every * every):
            if len(np.unique(run.planned)) < 2 * len(np.unique(run.used)):
                return None  # a staircase holds its rates anyway
            return Finding(
                f"each rate is the planned one, held for {every} updates: it is worked out anew "
                f"only every {every} updates, as once per epoch or rollout",
                "set the rate before every update, or take what is meant for a plan: "
                f"lambda t: plan(t // {every} * {every})",
                "",
                f"if update % {every} == 0:\n    set_rate(plan(update))",
                "set_rate(plan(update))",
            )
    return None


def seldom(run: Run) -> Finding | None:
    """A plan in epochs, stepped once in several."""
    if not run.epochs:
        return None
    epoch = run.t - run.start
    for several in range(2, 51):
        for phase in (0, 1):
            if run.follows(lambda i: run.start + (epoch[i] + phase) // several):
                return _seldom(several)
    return None


def per_batch(run: Run) -> Finding | None:
    if not run.epochs or not run.follows(lambda i: run.start + i):
        return None
    return Finding(
        "the scheduler was stepped at every update, though the plan counts epochs",
        'call scheduler.step() once, at the end of every epoch; if the plan counts updates, say unit="step"',
        "",
        "for batch in loader:\n    optimizer.step()\n    scheduler.step()",
        "for batch in loader:\n    optimizer.step()\nscheduler.step()",
    )


def too_often(run: Run) -> Finding | None:
    """Several steps for every update, or every epoch."""
    return _several_steps(run, [1])


def several_at_a_time(run: Run) -> Finding | None:
    """Several steps, once in so many updates."""
    return None if run.epochs else _several_steps(run, _periods(run))


def _several_steps(run: Run, periods: list[int]) -> Finding | None:
    if run.flat:
        return None
    for every in periods:
        since = run.t - run.start if every == 1 else run.i // every
        for speed in _speeds(run, int(since[-1])):
            for ahead in (0, speed - 1):
                if run.follows(lambda i: run.start + speed * since[i] + ahead):
                    return _so_often(run, speed, every)
    return None


def _speeds(run: Run, ticks: int) -> list[int]:
    """How many of the plan's steps the last update could be ahead by, per tick."""
    if not ticks:
        return []
    speed = np.arange(2, 1025)
    ends = run.used[-1]
    fits = run.alike(ends, run.rate(run.start + speed * ticks))
    fits |= run.alike(ends, run.rate(run.start + speed * ticks + speed - 1))
    fitting = speed[fits].tolist()
    likely = [run.steps_per_epoch or 0, _by_the_first_change(run)]
    return [*(one for one in likely if one in fitting), *fitting[:200]]


def _by_the_first_change(run: Run) -> int:
    """How much sooner the rate moved than planned: this tells it for a staircase."""
    moved, planned = run.first_change(run.used), run.first_change(run._table[run.start :])
    return planned // moved if moved and planned else 0


def _so_often(run: Run, speed: int, every: int) -> Finding:
    tell = (
        f"after the run scheduler.last_epoch is the number of its steps, {speed} times the updates"
    )
    only = "call scheduler.step() only when the"
    if run.epochs:
        what = f"the scheduler was stepped {speed} times for every epoch"
        return Finding(what, f"{only} epoch is done")
    if every > 1:
        what = f"the scheduler was stepped {speed} times every {every} updates"
        return Finding(what, "call scheduler.step() once, after every optimizer.step()")
    if speed == run.steps_per_epoch:
        return Finding(_epochs_numbers(run, speed), PER_EPOCH, tell)
    return Finding(
        f"the scheduler was stepped {speed} times for every update, as when gradients are "
        f"accumulated over {speed} batches, or by {speed} processes",
        f"{only} update is done",
        tell,
        "for batch in loader:\n    backward()\n    if last_of_the_accumulated:\n        optimizer.step()\n    scheduler.step()",
        "for batch in loader:\n    backward()\n    if last_of_the_accumulated:\n        optimizer.step()\n        scheduler.step()",
    )


def _epochs_numbers(run: Run, speed: int) -> str:
    return (
        f"the scheduler was given numbers of epochs and stepped at every update, {speed} times as "
        f"fast as planned"
    )


PER_EPOCH = (
    "give it numbers of updates, epochs * len(loader), or call scheduler.step() once per epoch"
)


# Now and then a step more


def also_by_epoch(run: Run) -> Finding | None:
    """The same number of steps more in every epoch, where it is known how long those are."""
    return also(run) if run.steps_per_epoch else None


def also(run: Run) -> Finding | None:
    """The same number of steps more, again and again."""
    parted = run.differs
    if not parted or run.flat:
        return None
    seen = [parted, parted - 1, parted + 1] if parted > 1 else []
    for every in dict.fromkeys([run.steps_per_epoch or 0, *seen]):
        often = 1 if every == run.steps_per_epoch else 2
        if every < 2 or often * every >= run.count:
            continue
        for base in (run.t,) if not run.epochs else (run.t, run.start + run.i):
            for more in _more(run, base, every):
                if run.follows(lambda i: base[i] + more * (i // every)):
                    return _also(run, more, every)
    return None


def _more(run: Run, base: np.ndarray, every: int) -> list[int]:
    """How many steps more at a time would lead to the last rate."""
    more = np.arange(1, 201)
    fits = np.ones(len(more), bool)
    for i in (run.count - 1, every * ((run.count - 1) // every), every):
        if i < run.count:
            fits &= run.alike(run.used[i], run.rate(base[i] + more * (i // every)))
    return [int(one) for one in more[fits] if one <= every]


def _also(run: Run, more: int, every: int) -> Finding:
    told = run.steps_per_epoch
    if more == 1:
        at = "at the end of every epoch" if told == every else "as at the end of an epoch"
        what = f"the scheduler was stepped once more every {every} updates, {at}"
        return Finding(what, "keep one of the two scheduler.step(), the one that the plan counts")
    per = "in every epoch, " if told == every else ""
    return Finding(
        f"the scheduler was stepped {more} more times {per}every {every} updates, as by a "
        f"validation loop that steps it, too",
        "call scheduler.step() only where optimizer.step() is called",
    )


def skipped(run: Run) -> Finding | None:
    """The scheduler gets ahead by a step or two, here and there."""
    jumps = _jumps(run)
    if not jumps or run.steps_per_epoch and also(run):
        return None
    ahead = jumps[-1][1]
    return Finding(
        f"scheduler.step() was called {ahead} more time{'s' * (ahead > 1)} than optimizer.step(), "
        f"first before update {jumps[0][0]}, as when a GradScaler skips an update",
        "step the scheduler only if the optimizer was stepped: compare scaler.get_scale() before "
        "and after scaler.update(), it is lower after a skip",
        "",
        "scaler.step(optimizer)\nscaler.update()\nscheduler.step()",
        "scale = scaler.get_scale()\nscaler.step(optimizer)\nscaler.update()\n"
        "if scaler.get_scale() >= scale:\n    scheduler.step()",
    )


def _jumps(run: Run) -> list[tuple[int, int]]:
    """At which updates it got ahead, and how far it was then; empty if that is no explanation."""
    ahead, since = 0, 0
    found: list[tuple[int, int]] = []
    if run.flat or run.epochs or run.rounding.drifts:
        return []
    while (parted := _parts(run, ahead, since)) is not None:
        further = ahead + np.arange(1, 4)
        fits = further[run.alike(run.used[parted], run.rate(run.t[parted] + further))]
        if not len(fits) or (parted == 0 and not found and since):
            return []
        ahead, since = int(fits[0]), parted
        found.append((parted, ahead))
        if len(found) > max(3, run.count // 8):
            return []
    return [] if not found or (found[0][0] == 0 and len(found) == 1) else found


def _parts(run: Run, ahead: int, since: int) -> int | None:
    """The first update from `since` on whose rate is not rate(t + ahead). Looks ever further."""
    width = 64
    while since < run.count:
        here = slice(since, since + width)
        off = first(~run.alike(run.used[here], run.rate(run.t[here] + ahead)))
        if off is not None:
            return since + off
        since, width = since + width, 2 * width
    return None
