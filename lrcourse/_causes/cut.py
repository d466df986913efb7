"""The run was cut: begun again, resumed with half of its state, or gone on past the plan's end."""

import numpy as np

from lrcourse._causes.clock import too_often
from lrcourse._causes.run import Finding, Run
from lrcourse._causes.settings import all_lengths, another_length, stretched


def resumed_at_the_start(run: Run) -> Finding | None:
    return resumed(run) if run.start else None


def resumed(run: Run) -> Finding | None:
    for cut in _possible_cuts(run):
        few = np.append(run.samples[run.samples > cut], run.parted)
        for kept, rates in _after(run, cut, few).items():
            if not run.alike(run.used[few], rates).all():
                continue
            if run.explained_by(_after(run, cut, run.i)[kept], after=cut):
                return _how_resumed(run, cut, kept[0])
    return None


def _possible_cuts(run: Run) -> list[int]:
    """At the start of a trace that begins in mid-plan; else at the difference or not long before."""
    if run.start:
        return [0]
    return [i for i in range(run.parted, 0, -1) if i % run.per_t == 0 or i == run.parted][:500]


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
    if (begin := run.rate(run.t[cut] + 1)) > floor:  # last_epoch=t, and an optimizer made anew
        share = (run.rate(run.t[cut] + 1 + j) - floor) / (begin - floor)
        rates["the scheduler", "from last_epoch"] = floor + (first - floor) * share
    return rates


def _how_resumed(run: Run, cut: int, kept: str) -> Finding:
    at = f"at update {cut}" if cut == run.parted or run.start else f"by update {run.parted}"
    what = {
        "nothing": "the schedule began again from its start",
        "the optimizer": "a new scheduler was begun on an optimizer that had already been trained",
        "the scheduler": "the scheduler went on with an optimizer that was made anew",
    }
    also = ", or last_epoch= is given instead" if kept == "the scheduler" else ""
    return Finding(
        f"{at} {what[kept]}, as when a run is resumed and only the state of {kept} is loaded{also}"
        if kept != "nothing"
        else f"{at} {what[kept]}, as when a run is resumed without its state",
        "save and load both state_dicts, of the optimizer and of the scheduler",
        "",
        "",
        'optimizer.load_state_dict(saved["optimizer"])\nscheduler.load_state_dict(saved["scheduler"])',
    )


def rebuilt(run: Run) -> Finding | None:
    """The plan's first rates, over and over."""
    every = run.parted
    if not every or run.flat or run.start or run.epochs or run.count <= 2 * every:
        return None
    if not run.follows(lambda i: i % every):
        return None
    return Finding(
        f"the scheduler was built anew every {every} updates, as by a line inside the epoch loop",
        "build it once, before the loop over epochs",
        "",
        "for epoch in range(epochs):\n    scheduler = ...(optimizer)",
        "scheduler = ...(optimizer)\nfor epoch in range(epochs):",
    )


def starts_again(run: Run) -> Finding | None:
    """The same stretch of rates, over and over; what it is, is a story of its own."""
    every = _repeats_after(run)
    if every is None:
        return None
    once = run.piece(0, every)
    found = None
    if once.differs is not None:
        rules = (another_length, all_lengths, stretched, too_often)
        found = next(filter(None, (rule(once) for rule in rules)), None)
    also = f", and each time {found.what}" if found else ""
    count = -(-run.count // every)
    return Finding(
        f"the schedule starts again every {every} updates, {count} times in this run{also}",
        "build it once, for the whole run, and let its t go on over epochs and calls",
    )


def _repeats_after(run: Run) -> int | None:
    """After how many updates the used rates come again, all of them, at least twice."""
    back = np.flatnonzero(run.alike(run.used[2 : run.count // 2 + 1], run.used[0])) + 2
    some = run.samples
    for every in (
        back[np.searchsorted(back, run.changes[0]) :][:200].tolist() if not run.flat else []
    ):
        far = some[some >= every]
        if not run.alike(run.used[far], run.used[far - every]).all():
            continue
        if run.alike(run.used[every:], run.used[:-every]).all():
            return every
    return None


def ran_on(run: Run) -> Finding | None:
    """The plan has ended, or the rate stays at the plan's last while the plan goes on."""
    d, whole = run.parted, run.plan.made_for
    if np.isnan(run.planned[d]):
        what = f"which has no rate from update {d} on"
    elif whole and run.t[d] >= whole and run.explained_by(np.full(run.count, run.used[d - 1]), d):
        what = f"which is made for {whole} {run.one}s: {run.plan.after_that}"
    else:
        return None
    return Finding(
        f"the run is longer than the plan, {what}",
        f"plan for the length of your run, {int(run.t[-1]) + 1} {run.one}s",
    )
