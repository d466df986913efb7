"""`explore`: a schedule under your hands, with its curve, and with what training makes of it."""

from typing import Any

from lrcourse.schedules import Schedule
from lrcourse.widgets.explorer import Explorer


def explore(
    schedule: Schedule,
    *others: Schedule,
    steps: int | None = None,
    steps_per_epoch: int | None = None,
    task: Any = None,
    seeds: int | None = None,
    optimizer: Any = None,
) -> Explorer:
    """Move the parameters of a schedule and watch its curve, and what real training makes of it.

        explore(StepDecay())                                   one control per field
        explore(CosineAnnealing(), ExponentialDecay())         two curves in one figure
        explore(OneCycle(total_steps=500), steps_per_epoch=50) a second axis in epochs
        explore(StepDecay(step_size=150), task="digits", steps=300)
                                                               the test score under the rate

    `steps` is how many updates the figure shows; if None, enough to see the schedule and a little
    past its end. `steps_per_epoch` adds an axis that counts epochs. At most four schedules share a
    figure.

    With a `task`, a name of `lab.TASKS` or a `lab.Task` of your own, each position of the control
    that you touch is trained, for `steps` updates (the task's, if None), on up to `seeds` seeds
    (32), with `optimizer` (the task's): see `TrainedExplorer`.

    What you can do by hand you can do from Python: see `Explorer`. Raises `ValueError` for what is
    not a schedule, and for `ReduceOnPlateau`, whose rate is not a function of t.
    """
    if task is None:
        for name, given in (("seeds", seeds), ("optimizer", optimizer)):
            if given is not None:
                raise ValueError(f"{name} is for training, and there is no task: add task='digits'")
        return Explorer((schedule, *others), steps, steps_per_epoch)
    from lrcourse.widgets.consequences import (
        TrainedExplorer,
    )  # it needs torch, which takes a second

    return TrainedExplorer((schedule, *others), steps, steps_per_epoch, task, seeds, optimizer)
