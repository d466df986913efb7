"""What is worth saying of a run that used what was planned: it may still miss the point of it."""

from collections.abc import Callable

import numpy as np

from lrcourse._causes.run import Run


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
    found = {slug: note(run) for slug, note in NOTES}
    return {slug: text for slug, text in found.items() if text}
