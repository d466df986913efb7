"""Values that a person can check by hand, for every schedule, past its end too."""

import math

import numpy as np
import pytest
from schedules import DECAY, TABLE, WARM

from lrcourse import (
    SCHEDULES,
    Cyclical,
    OneCycle,
    ReduceOnPlateau,
)

RATES = [value for row in TABLE.values() for value in row.values]


@pytest.mark.parametrize("schedule, expected", RATES, ids=lambda value: str(value)[:60])
def test_rate(schedule, expected):
    """The rate at each listed t, as a number and in an array."""
    for t, rate in expected.items():
        assert schedule(t) == pytest.approx(rate, rel=1e-12, abs=1e-14), t
    assert schedule(list(expected)) == pytest.approx(list(expected.values()), rel=1e-12, abs=1e-14)


MOMENTA = [value for row in TABLE.values() for value in row.momenta]


@pytest.mark.parametrize("schedule, expected", MOMENTA, ids=lambda value: str(value)[:60])
def test_momentum(schedule, expected):
    """Momentum mirrors the rate: lowest where the rate is highest."""
    for t, momentum in expected.items():
        assert schedule.momentum(t) == pytest.approx(momentum, rel=1e-12), t
    assert schedule.momentum(list(expected)) == pytest.approx(list(expected.values()), rel=1e-12)


def test_momentum_is_none_where_pytorch_leaves_it_alone():
    """Only the cyclical and the one-cycle take momentum over, and only if they are asked to."""
    cycling = {schedule for schedule in SCHEDULES if schedule().momentum(0) is not None}
    assert cycling == {schedule for schedule in SCHEDULES if schedule().has_momentum}
    assert {Cyclical, OneCycle} <= cycling
    assert Cyclical(cycle_momentum=False).momentum(0) is None
    assert OneCycle(cycle_momentum=False).momentum([0, 1]) is None
    assert WARM.then(DECAY, at=4).momentum(0) is None


def test_one_cycle_misses_a_peak_between_two_updates():
    """With 11 updates the peak would fall at 0.3 * 11 - 1 = 2.3: no update has it."""
    assert OneCycle(max_lr=1.0, total_steps=11)(np.arange(11)).max() == pytest.approx(0.9797, 1e-4)


WORSE = [1.0, 0.8, 0.8, 0.8, 0.8, 0.8]
PLATEAUS = [
    # patience=2: the third bad epoch cuts
    (dict(patience=2), WORSE, [1, 1, 1, 1, 1, 0.5, 0.5]),
    (dict(patience=0), WORSE, [1, 1, 1, 0.5, 0.25, 0.125, 0.0625]),
    (dict(patience=0, cooldown=1), WORSE, [1, 1, 1, 0.5, 0.5, 0.25, 0.25]),
    (dict(patience=0, min_lr=0.3), WORSE, [1, 1, 1, 0.5, 0.3, 0.3, 0.3]),
    (dict(patience=0, eps=0.2), WORSE, [1, 1, 1, 0.5, 0.25, 0.25, 0.25]),
    # to improve is to beat the best by the threshold
    (dict(patience=0, threshold=0.1), [1.0, 0.9, 0.89], [1, 1, 0.5, 0.5]),
    (dict(patience=0, threshold=0.1, threshold_mode="abs"), [2.0, 1.9, 1.85], [1, 1, 0.5, 0.5]),
    (dict(patience=0, threshold=0.1), [2.0, 1.9, 1.79], [1, 1, 0.5, 0.5]),
    (dict(patience=0, mode="max"), [0.1, 0.2, 0.2, 0.3], [1, 1, 1, 0.5, 0.5]),
    # a negative loss that gets slightly worse counts as better, in PyTorch too
    (dict(patience=0, threshold=0.1), [-1.0, -0.95, -0.8], [1, 1, 1, 0.5]),
    (dict(patience=0), [1.0, math.nan, math.inf, 0.5], [1, 1, 0.5, 0.25, 0.25]),
    (dict(), [], [1]),
]


@pytest.mark.parametrize("setting, losses, rates", PLATEAUS, ids=str)
def test_reduce_on_plateau(setting, losses, rates):
    """One rate per epoch, and the one to come."""
    plateau = ReduceOnPlateau(**{"lr": 1.0, "factor": 0.5} | setting)
    assert plateau(losses).tolist() == rates
