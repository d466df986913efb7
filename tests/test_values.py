"""Values that a person can check by hand, for every schedule, past its end too."""

import math

import numpy as np
import pytest

from lrcourse import (
    SCHEDULES,
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    InverseSqrt,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Sequential,
    StepDecay,
    WarmRestarts,
)

WARM = LinearWarmup(lr=1.0, start_factor=0.2, total_iters=4)
DECAY = Polynomial(lr=1.0, total_iters=10)
HALF_COSINE = (1 + math.sqrt(0.5)) / 2  # an eighth of the wave from the top: 0.853...

RATES = [
    # a drop comes at its step, not before and not after
    (StepDecay(lr=1.0, step_size=30, gamma=0.1), {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01}),
    (StepDecay(lr=1.0, step_size=30, gamma=0.1), {89: 0.01, 90: 0.001, 3000: 1e-100}),
    (StepDecay(lr=0.8, step_size=1, gamma=0.5), {0: 0.8, 1: 0.4, 2: 0.2, 3: 0.1}),
    (StepDecay(lr=0.8, step_size=5, gamma=1.0), {0: 0.8, 5: 0.8, 10**6: 0.8}),
    (StepDecay(lr=1.0, step_size=2, gamma=0.1), {1.999: 1, 2: 0.1, 1e9: 0}),
    (MultiStepDecay(lr=1.0, milestones=[30, 80], gamma=0.1), {0: 1, 29: 1, 30: 0.1, 79: 0.1}),
    (MultiStepDecay(lr=1.0, milestones=[30, 80], gamma=0.1), {80: 0.01, 10**6: 0.01}),
    (MultiStepDecay(lr=1.0, milestones=[2, 1], gamma=0.5), {0: 1, 1: 0.5, 2: 0.25, 3: 0.25}),
    # the same share at every step
    (ExponentialDecay(lr=1.0, gamma=0.5), {0: 1, 1: 0.5, 2: 0.25, 10: 1 / 1024, 5000: 0}),
    (ExponentialDecay(lr=1.0, gamma=0.25), {0.5: 0.5, 1.5: 0.125}),
    (ExponentialDecay(lr=2.0, k=math.log(2)), {0: 2, 1: 1, 2: 0.5, 3: 0.25}),
    (ExponentialDecay(lr=2.0, k=0), {0: 2, 1: 2, 10**6: 2}),
    # a quarter of the wave is 0.853, half of it 0.5; and past T_max it climbs back
    (CosineAnnealing(lr=1.0, T_max=12), {0: 1, 3: HALF_COSINE, 4: 0.75, 6: 0.5, 8: 0.25, 12: 0}),
    (CosineAnnealing(lr=1.0, T_max=12), {16: 0.25, 18: 0.5, 20: 0.75, 24: 1, 36: 0, 48: 1}),
    (CosineAnnealing(lr=1.0, T_max=2, eta_min=0.2), {0: 1, 1: 0.6, 2: 0.2, 3: 0.6, 4: 1}),
    (CosineAnnealing(lr=0.3, T_max=1), {0: 0.3, 1: 0, 2: 0.3, 3: 0}),
    # back to the top before the bottom is met; cycles of 3, 6, 12
    (WarmRestarts(lr=1.0, T_0=3), {0: 1, 1: 0.75, 2: 0.25, 3: 1, 4: 0.75, 5: 0.25, 300: 1}),
    (WarmRestarts(lr=1.0, T_0=3, T_mult=2), {2: 0.25, 3: 1, 6: 0.5, 8: 0.5 - math.sqrt(0.1875)}),
    (WarmRestarts(lr=1.0, T_0=3, T_mult=2), {9: 1, 15: 0.5, 17: 0.25, 21: 1, 45: 1, 69: 0.5}),
    (WarmRestarts(lr=1.0, T_0=1), {0: 1, 1: 1, 2: 1}),
    (WarmRestarts(lr=1.0, T_0=2, T_mult=3, eta_min=0.5), {1: 0.75, 2: 1, 5: 0.75, 8: 1, 17: 0.75}),
    # up in 4, down in 4; then up in 1, down in 4
    (
        Cyclical(base_lr=0.0, max_lr=1.0, step_size_up=4),
        {0: 0, 1: 0.25, 4: 1, 5: 0.75, 8: 0, 12: 1},
    ),
    (Cyclical(base_lr=1.0, max_lr=3.0, step_size_up=1, step_size_down=4), {0: 1, 1: 3, 2: 2.5}),
    (Cyclical(base_lr=1.0, max_lr=3.0, step_size_up=1, step_size_down=4), {5: 1, 6: 3, 501: 3}),
    (
        Cyclical(base_lr=1.0, max_lr=9.0, step_size_up=2, mode="triangular2"),
        {0: 1, 2: 9, 4: 1, 6: 5, 8: 1, 10: 3, 14: 2},
    ),
    (
        Cyclical(base_lr=0.0, max_lr=1.0, step_size_up=2, mode="exp_range", gamma=0.5),
        {0: 0, 1: 0.25, 2: 0.25, 3: 1 / 16, 4: 0, 6: 1 / 64},
    ),
    (Cyclical(), {0: 0.001, 500: 0.02575, 2000: 0.1, 4000: 0.001}),
    # low 0.04 at 0, the peak at 0.3 * 100 - 1, the end at 99, and one step beyond it
    (OneCycle(max_lr=1.0, total_steps=100), {0: 0.04, 14.5: 0.52, 29: 1, 64: (1 + 4e-6) / 2}),
    (OneCycle(max_lr=1.0, total_steps=100), {99: 4e-6}),
    (
        OneCycle(max_lr=8, total_steps=10, pct_start=0.5, anneal_strategy="linear", div_factor=8),
        {0: 1, 1: 2.75, 2: 4.5, 4: 8, 9: 1e-4, 10: -1.59988},
    ),
    (
        OneCycle(
            max_lr=8.0,
            total_steps=15,
            pct_start=1 / 3,
            anneal_strategy="linear",
            div_factor=4.0,
            final_div_factor=2.0,
            three_phase=True,
        ),
        {0: 2, 2: 5, 4: 8, 6: 5, 8: 2, 11: 1.5, 14: 1},
    ),
    (
        OneCycle(max_lr=1.0, total_steps=9, pct_start=5 / 9, div_factor=2.0, final_div_factor=5.0),
        {0: 0.5, 2: 0.75, 4: 1, 6: 0.55, 8: 0.1},
    ),
    # a straight climb, then flat
    (WARM, {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 1, 5: 1, 1000: 1}),
    (LinearWarmup(lr=0.3), {0: 0.1, 5: 0.3, 6: 0.3}),
    (LinearWarmup(lr=1.0, start_factor=1.0, end_factor=0.0, total_iters=2), {1: 0.5, 2: 0, 3: 0}),
    (Constant(lr=0.3), {0: 0.3, 1: 0.3, 5: 0.3, 10**9: 0.3}),
    # to zero, and there it stays
    (DECAY, {0: 1, 1: 0.9, 5: 0.5, 9: 0.1, 10: 0, 11: 0, 1000: 0}),
    (Polynomial(lr=1.0, total_iters=4, power=2.0), {0: 1, 1: 0.5625, 2: 0.25, 3: 0.0625, 4: 0}),
    (Polynomial(lr=1.0, total_iters=4, power=0.5), {0: 1, 3: 0.5, 4: 0, 5: 0}),
    (InverseSqrt(lr=1.0, timescale=100), {0: 1, 300: 0.5, 800: 1 / 3, 9900: 0.1, 999_900: 0.01}),
    (InverseSqrt(lr=1.0, timescale=0.5), {0: 1, 1.5: 0.5}),
    # a factor of your own, and the product of factors
    (Custom(lr=2.0, factor=lambda t: 1 / (1 + t)), {0: 2, 1: 1, 3: 0.5, 99: 0.02}),
    (Custom(lr=2.0, factor=lambda t: 0.5, running_product=True), {0: 2, 1: 1, 2: 0.5, 3: 0.25}),
    (Custom(lr=1.0, factor=lambda t: t, running_product=True), {0: 1, 1: 1, 4: 24}),
    # each part from its own 0
    (WARM.then(DECAY, at=4), {0: 0.2, 3: 0.8, 4: 1, 5: 0.9, 14: 0, 100: 0}),
    (WARM.then(DECAY, at=2), {0: 0.2, 1: 0.4, 2: 1, 3: 0.9}),
    (WARM.then(Constant(lr=1.0), at=4).then(DECAY, at=50), {3: 0.8, 49: 1, 55: 0.5, 60: 0}),
    (WARM.then(Constant(lr=1.0).then(DECAY, at=46), at=4), {3: 0.8, 49: 1, 55: 0.5, 60: 0}),
    (WARM.then(InverseSqrt(lr=1.0, timescale=4), at=4), {2: 0.6, 4: 1, 16: 0.5, 400: 0.1}),
    (Constant(lr=0.5).then(Constant(lr=3.0), at=1), {0: 0.5, 0.5: 0.5, 1: 3}),
]


@pytest.mark.parametrize("schedule, expected", RATES, ids=lambda value: str(value)[:60])
def test_rate(schedule, expected):
    """The rate at each listed t, as a number and in an array."""
    for t, rate in expected.items():
        assert schedule(t) == pytest.approx(rate, rel=1e-12, abs=1e-14), t
    assert schedule(list(expected)) == pytest.approx(list(expected.values()), rel=1e-12, abs=1e-14)


MOMENTA = [
    (Cyclical(step_size_up=4), {0: 0.9, 2: 0.85, 4: 0.8, 6: 0.85, 8: 0.9, 12: 0.8}),
    (Cyclical(step_size_up=1, step_size_down=4), {0: 0.9, 1: 0.8, 3: 0.85, 5: 0.9}),
    (Cyclical(step_size_up=2, mode="triangular2"), {2: 0.8, 4: 0.9, 6: 0.85, 10: 0.875}),
    (OneCycle(total_steps=100), {0: 0.95, 14.5: 0.9, 29: 0.85, 64: 0.9, 99: 0.95}),
    (
        OneCycle(total_steps=15, pct_start=1 / 3, three_phase=True, anneal_strategy="linear"),
        {0: 0.95, 2: 0.9, 4: 0.85, 6: 0.9, 8: 0.95, 11: 0.95, 14: 0.95},
    ),
    # a part without momentum of its own holds what it finds
    (
        Constant(lr=0.1)
        .then(Cyclical(step_size_up=4), at=10)
        .then(Constant(lr=0.1), at=14)
        .then(Cyclical(step_size_up=1, base_momentum=0.1, max_momentum=0.7), at=20),
        {0: 0.7, 9: 0.7, 10: 0.9, 13: 0.825, 14: 0.825, 19: 0.825, 20: 0.7, 21: 0.1},
    ),
]


@pytest.mark.parametrize("schedule, expected", MOMENTA, ids=lambda value: str(value)[:60])
def test_momentum(schedule, expected):
    """Momentum mirrors the rate: lowest where the rate is highest."""
    for t, momentum in expected.items():
        assert schedule.momentum(t) == pytest.approx(momentum, rel=1e-12), t
    assert schedule.momentum(list(expected)) == pytest.approx(list(expected.values()), rel=1e-12)


def test_momentum_is_none_where_pytorch_leaves_it_alone():
    """Only the cyclical and the one-cycle take momentum over, and only if they are asked to."""
    cycling = {schedule for schedule in SCHEDULES if schedule().momentum(0) is not None}
    assert cycling == {Cyclical, OneCycle}
    assert Cyclical(cycle_momentum=False).momentum(0) is None
    assert OneCycle(cycle_momentum=False).momentum([0, 1]) is None
    assert WARM.then(DECAY, at=4).momentum(0) is None


def test_one_cycle_misses_a_peak_between_two_updates():
    """With 11 updates the peak would fall at 0.3 * 11 - 1 = 2.3: no update has it."""
    assert OneCycle(max_lr=1.0, total_steps=11)(np.arange(11)).max() == pytest.approx(0.9797, 1e-4)


def test_every_kind_of_schedule_has_values_here():
    """A schedule added to the course without hand-checked values fails."""
    assert {type(schedule) for schedule, _ in RATES} == {*SCHEDULES, Custom, Sequential}


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
