"""Where a curve jumps it is drawn upright, and nowhere else."""

import numpy as np
import pytest

from lrcourse import SCHEDULES, CosineAnnealing, MultiStepDecay, StepDecay, WarmRestarts
from lrcourse.widgets.widget import upright

T = np.arange(100)


@pytest.mark.parametrize(
    ("schedule", "jumps"),
    [
        (StepDecay(step_size=30), [30, 60, 90]),
        (MultiStepDecay(milestones=[10, 80]), [10, 80]),
        (WarmRestarts(T_0=25), [25, 50, 75]),
        (CosineAnnealing(T_max=50), []),
    ],
    ids=lambda v: repr(v)[:20],
)
def test_a_jump_keeps_the_old_rate_to_its_update(schedule, jumps):
    """At a jump the old rate is drawn once more, at the update of the new one."""
    t, rates = upright(T, schedule(T))

    assert len(t) == len(T) + len(jumps)
    for jump in jumps:
        old, new = rates[t == jump]
        assert (old, new) == (schedule(jump - 1), schedule(jump))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.__name__)
def test_a_curve_keeps_all_its_points(schedule):
    """No point of a curve is lost or moved."""
    drawn = schedule()
    t = np.arange(min(100, int(min(drawn.last, 99)) + 1))
    there = set(zip(*upright(t, drawn(t))))

    assert set(zip(t, drawn(t))) <= there
