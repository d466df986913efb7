"""What the tests know of each schedule: one row a schedule, read by all of them.

A new schedule gets a row in `TABLE`: how to `draw` its parameters, `values` that a person can
check by hand, and runs that it `fits`. Parity, values, recorder, explorer and completeness tests
have no lists of their own.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from lrcourse import (
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    InverseSqrt,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    OneMinusSqrt,
    Polynomial,
    Schedule,
    Sequential,
    StepDecay,
    WarmRestarts,
    warmup_stable_decay,
)


class Row(NamedTuple):
    """One schedule.

    `draw`: given a strategy for the rate that it starts from, a hypothesis strategy for it.
    `values`: settings, and the rate at some t, past the end too. `momenta`: the same of momentum,
    where it is cycled. `fits`: settings, and the number of updates of a run that is to be told
    nothing.
    """

    draw: Callable[[Any], Any]
    values: list[tuple[Schedule, dict]]
    fits: list[tuple[Schedule, int]]
    momenta: list[tuple[Schedule, dict]] = []  # noqa: RUF012 - nobody changes it


WARM = LinearWarmup(lr=1.0, start_factor=0.2, total_iters=4)
SHORT_WARM = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
DECAY = Polynomial(lr=1.0, total_iters=10)
WSD: list[tuple[Schedule, dict]] = [
    # up in 4, flat, and down in the last 10 of 50
    (
        warmup_stable_decay(lr=1.0, total_steps=50, warmup_steps=4),
        {0: 0.25, 2: 0.625, 4: 1, 40: 1, 45: 0.5, 49: 0.1, 50: 0, 90: 0},
    ),
    (
        warmup_stable_decay(lr=1.0, total_steps=50, warmup_steps=0, shape="1-sqrt", decay_share=1),
        {0: 1, 2: 0.8, 12.5: 0.5, 32: 0.2, 50: 0},
    ),
    (
        warmup_stable_decay(lr=1.0, total_steps=40, shape="cosine", decay_share=0.5, eta_min=0.5),
        {0: 0.5, 2: 1, 20: 1, 30: 0.75, 40: 0.5},
    ),
]
HALF_COSINE = (1 + math.sqrt(0.5)) / 2  # an eighth of the wave from the top: 0.853...

# What is drawn

rates = st.sampled_from([0.1, 1.0, 1e-8, 0.0]) | st.floats(1e-4, 10)
gammas = st.sampled_from([1.0, 0.1, 0.5]) | st.floats(0, 1, exclude_min=True)
slow_gammas = st.sampled_from([1.0, 0.95]) | st.floats(0.5, 1)
shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
steps = st.just(1) | st.integers(1, 60)
on_mostly = st.sampled_from([True, True, False])
momenta = st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)).map(sorted)


def halving(t):
    return 0.5 ** (t // 10)


def slipping(t):
    return 0.97


def rising(t):
    return t / (t + 5)


@st.composite
def cosines(draw, lr=rates):
    lr = draw(lr)
    T_max = draw(st.sampled_from([1, 2]) | st.integers(1, 100))
    return CosineAnnealing(lr=lr, T_max=T_max, eta_min=lr * draw(shares))


@st.composite
def restarts(draw, lr=rates):
    lr = draw(lr)
    T_0, T_mult = draw(steps), draw(st.integers(1, 3))
    return WarmRestarts(lr=lr, T_0=T_0, T_mult=T_mult, eta_min=lr * draw(shares))


@st.composite
def cyclicals(draw, lr=rates, cycle_momentum=None):
    """CyclicLR brings its own rates: it starts from none that it is given."""
    base_lr, max_lr = sorted([draw(rates), draw(rates)])
    base_momentum, max_momentum = draw(momenta)
    return Cyclical(
        base_lr=base_lr,
        max_lr=max_lr,
        step_size_up=draw(steps),
        step_size_down=draw(st.none() | steps),
        mode=draw(st.sampled_from(["triangular", "triangular2", "exp_range"])),
        gamma=draw(slow_gammas),
        cycle_momentum=draw(on_mostly) if cycle_momentum is None else cycle_momentum,
        base_momentum=base_momentum,
        max_momentum=max_momentum,
    )


@st.composite
def one_cycles(draw, lr=rates, cycle_momentum=None):
    """`lr` is where it starts, so that it can follow a schedule of that rate."""
    total_steps, three_phase = draw(st.integers(2, 120)), draw(st.booleans())
    smallest = 1 / total_steps
    largest = (1 + smallest) / 2 if three_phase else 1
    near_an_end = [smallest * (1 + 1e-12), largest * (1 - 1e-12), smallest + 1e-3, largest - 1e-3]
    pct_start = draw(st.sampled_from([0.3, *near_an_end]) | st.floats(smallest, largest))
    div_factor = draw(st.sampled_from([25.0, 1.0]) | st.floats(0.5, 1e3))
    base_momentum, max_momentum = draw(momenta)
    try:
        return OneCycle(
            max_lr=draw(lr) * div_factor,
            total_steps=total_steps,
            pct_start=pct_start,
            anneal_strategy=draw(st.sampled_from(["cos", "linear"])),
            cycle_momentum=draw(on_mostly) if cycle_momentum is None else cycle_momentum,
            base_momentum=base_momentum,
            max_momentum=max_momentum,
            div_factor=div_factor,
            final_div_factor=draw(st.just(1e4) | st.floats(0.5, 1e6)),
            three_phase=three_phase,
        )
    except ValueError:  # a phase without a step
        assume(False)


@st.composite
def polynomials(draw, lr=rates):
    lr = draw(lr)
    return Polynomial(
        lr=lr,
        total_iters=draw(steps | st.integers(1, 300)),
        power=draw(st.sampled_from([1.0, 2.0, 0.5]) | st.floats(0.1, 5)),
        eta_min=lr * draw(st.just(0.0) | shares),
    )


@st.composite
def one_minus_sqrts(draw, lr=rates):
    lr = draw(lr)
    total_iters = draw(steps | st.integers(1, 300))
    return OneMinusSqrt(lr=lr, total_iters=total_iters, eta_min=lr * draw(st.just(0.0) | shares))


@st.composite
def warmups_stable_decays(draw):
    """Of any length, from a cool-down alone to all three parts."""
    lr, total_steps = draw(rates), draw(st.integers(1, 200))
    down = draw(st.integers(1, total_steps))
    return warmup_stable_decay(
        lr=lr,
        total_steps=total_steps,
        warmup_steps=draw(st.integers(0, total_steps - down)),
        decay_share=down / total_steps,
        shape=draw(st.sampled_from(["linear", "1-sqrt", "cosine"])),
        eta_min=lr * draw(st.just(0.0) | shares),
    )


@st.composite
def compositions(draw):
    """Two to four parts: from one rate or from several, chained or nested, any join."""
    one_rate = draw(st.booleans())
    lr = st.just(draw(rates)) if one_rate else rates
    momentum = None if one_rate else False  # several rates need a LambdaLR: no momentum
    alone = (Cyclical, OneCycle, Custom, Sequential)
    plain = st.one_of(*(row.draw(lr) for kind, row in TABLE.items() if kind not in alone))
    own = st.builds(Custom, lr=lr, factor=st.sampled_from([halving, rising]))
    cycling = [cyclicals(lr, momentum), one_cycles(lr, momentum)]
    part = st.sampled_from([plain, plain, own, *cycling]).flatmap(lambda kind: kind)
    parts = draw(st.lists(part, min_size=2, max_size=4))
    lengths = [draw(st.integers(1, longest(part))) for part in parts]
    if draw(st.booleans()):  # ((a then b) then c), or (a then (b then c))
        whole = parts[0]
        for part, at in zip(parts[1:], np.cumsum(lengths)):
            whole = whole.then(part, at=int(at))
    else:
        whole = parts[-1]
        for part, length in zip(parts[-2::-1], lengths[-2::-1]):
            whole = part.then(whole, at=length)
    assume(has_twin(whole))
    return whole


def longest(part):
    return min(40, part.end) if part.raises_past_end else 40


def has_twin(schedule):
    try:
        schedule.code()
    except ValueError:
        return False
    return True


# The table

TABLE: dict[type[Schedule], Row] = {
    StepDecay: Row(
        draw=lambda lr: st.builds(StepDecay, lr=lr, step_size=steps, gamma=gammas),
        values=[
            # a drop comes at its step, not before and not after
            (StepDecay(lr=1.0, step_size=30, gamma=0.1), {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01}),
            (StepDecay(lr=1.0, step_size=30, gamma=0.1), {89: 0.01, 90: 0.001, 3000: 1e-100}),
            (StepDecay(lr=0.8, step_size=1, gamma=0.5), {0: 0.8, 1: 0.4, 2: 0.2, 3: 0.1}),
            (StepDecay(lr=0.8, step_size=5, gamma=1.0), {0: 0.8, 5: 0.8, 10**6: 0.8}),
            (StepDecay(lr=1.0, step_size=2, gamma=0.1), {1.999: 1, 2: 0.1, 1e9: 0}),
        ],
        fits=[(StepDecay(step_size=20), 60)],
    ),
    MultiStepDecay: Row(
        draw=lambda lr: st.builds(
            MultiStepDecay,
            lr=lr,
            milestones=st.lists(st.integers(1, 200), min_size=1, max_size=5, unique=True),
            gamma=gammas,
        ),
        values=[
            (
                MultiStepDecay(lr=1.0, milestones=[30, 80], gamma=0.1),
                {0: 1, 29: 1, 30: 0.1, 79: 0.1},
            ),
            (MultiStepDecay(lr=1.0, milestones=[30, 80], gamma=0.1), {80: 0.01, 10**6: 0.01}),
            (
                MultiStepDecay(lr=1.0, milestones=[2, 1], gamma=0.5),
                {0: 1, 1: 0.5, 2: 0.25, 3: 0.25},
            ),
        ],
        fits=[(MultiStepDecay(milestones=[20, 40]), 60)],
    ),
    ExponentialDecay: Row(
        draw=lambda lr: (
            st.builds(ExponentialDecay, lr=lr, gamma=slow_gammas | gammas)
            | st.builds(ExponentialDecay, lr=lr, k=st.floats(0, 5))
        ),
        values=[
            # the same share at every step
            (ExponentialDecay(lr=1.0, gamma=0.5), {0: 1, 1: 0.5, 2: 0.25, 10: 1 / 1024, 5000: 0}),
            (ExponentialDecay(lr=1.0, gamma=0.25), {0.5: 0.5, 1.5: 0.125}),
            (ExponentialDecay(lr=2.0, k=math.log(2)), {0: 2, 1: 1, 2: 0.5, 3: 0.25}),
            (ExponentialDecay(lr=2.0, k=0), {0: 2, 1: 2, 10**6: 2}),
        ],
        fits=[(ExponentialDecay(gamma=0.95), 60)],
    ),
    CosineAnnealing: Row(
        draw=cosines,
        values=[
            # a quarter of the wave is 0.853, half of it 0.5; and past T_max it climbs back
            (
                CosineAnnealing(lr=1.0, T_max=12),
                {0: 1, 3: HALF_COSINE, 4: 0.75, 6: 0.5, 8: 0.25, 12: 0},
            ),
            (CosineAnnealing(lr=1.0, T_max=12), {16: 0.25, 18: 0.5, 20: 0.75, 24: 1, 36: 0, 48: 1}),
            (CosineAnnealing(lr=1.0, T_max=2, eta_min=0.2), {0: 1, 1: 0.6, 2: 0.2, 3: 0.6, 4: 1}),
            (CosineAnnealing(lr=0.3, T_max=1), {0: 0.3, 1: 0, 2: 0.3, 3: 0}),
        ],
        fits=[(CosineAnnealing(T_max=60), 60)],
    ),
    WarmRestarts: Row(
        draw=restarts,
        values=[
            # back to the top before the bottom is met; cycles of 3, 6, 12
            (WarmRestarts(lr=1.0, T_0=3), {0: 1, 1: 0.75, 2: 0.25, 3: 1, 4: 0.75, 5: 0.25, 300: 1}),
            (
                WarmRestarts(lr=1.0, T_0=3, T_mult=2),
                {2: 0.25, 3: 1, 6: 0.5, 8: 0.5 - math.sqrt(0.1875)},
            ),
            (
                WarmRestarts(lr=1.0, T_0=3, T_mult=2),
                {9: 1, 15: 0.5, 17: 0.25, 21: 1, 45: 1, 69: 0.5},
            ),
            (WarmRestarts(lr=1.0, T_0=1), {0: 1, 1: 1, 2: 1}),
            (
                WarmRestarts(lr=1.0, T_0=2, T_mult=3, eta_min=0.5),
                {1: 0.75, 2: 1, 5: 0.75, 8: 1, 17: 0.75},
            ),
        ],
        fits=[(WarmRestarts(T_0=20), 60)],
    ),
    Cyclical: Row(
        draw=cyclicals,
        values=[
            # up in 4, down in 4; then up in 1, down in 4
            (
                Cyclical(base_lr=0.0, max_lr=1.0, step_size_up=4),
                {0: 0, 1: 0.25, 4: 1, 5: 0.75, 8: 0, 12: 1},
            ),
            (
                Cyclical(base_lr=1.0, max_lr=3.0, step_size_up=1, step_size_down=4),
                {0: 1, 1: 3, 2: 2.5},
            ),
            (
                Cyclical(base_lr=1.0, max_lr=3.0, step_size_up=1, step_size_down=4),
                {5: 1, 6: 3, 501: 3},
            ),
            (
                Cyclical(base_lr=1.0, max_lr=9.0, step_size_up=2, mode="triangular2"),
                {0: 1, 2: 9, 4: 1, 6: 5, 8: 1, 10: 3, 14: 2},
            ),
            (
                Cyclical(base_lr=0.0, max_lr=1.0, step_size_up=2, mode="exp_range", gamma=0.5),
                {0: 0, 1: 0.25, 2: 0.25, 3: 1 / 16, 4: 0, 6: 1 / 64},
            ),
            (Cyclical(), {0: 0.001, 500: 0.02575, 2000: 0.1, 4000: 0.001}),
        ],
        fits=[
            (Cyclical(step_size_up=10), 60),
            (Cyclical(step_size_up=5, step_size_down=15, mode="triangular2"), 60),
            (Cyclical(step_size_up=10, mode="exp_range", gamma=0.99), 60),
        ],
        momenta=[
            (Cyclical(step_size_up=4), {0: 0.9, 2: 0.85, 4: 0.8, 6: 0.85, 8: 0.9, 12: 0.8}),
            (Cyclical(step_size_up=1, step_size_down=4), {0: 0.9, 1: 0.8, 3: 0.85, 5: 0.9}),
            (Cyclical(step_size_up=2, mode="triangular2"), {2: 0.8, 4: 0.9, 6: 0.85, 10: 0.875}),
        ],
    ),
    OneCycle: Row(
        draw=one_cycles,
        values=[
            # low 0.04 at 0, the peak at 0.3 * 100 - 1, the end at 99, and one step beyond it
            (
                OneCycle(max_lr=1.0, total_steps=100),
                {0: 0.04, 14.5: 0.52, 29: 1, 64: (1 + 4e-6) / 2},
            ),
            (OneCycle(max_lr=1.0, total_steps=100), {99: 4e-6}),
            (
                OneCycle(
                    max_lr=8, total_steps=10, pct_start=0.5, anneal_strategy="linear", div_factor=8
                ),
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
                OneCycle(
                    max_lr=1.0, total_steps=9, pct_start=5 / 9, div_factor=2.0, final_div_factor=5.0
                ),
                {0: 0.5, 2: 0.75, 4: 1, 6: 0.55, 8: 0.1},
            ),
        ],
        fits=[
            (OneCycle(total_steps=60), 60),
            (OneCycle(total_steps=60, three_phase=True, anneal_strategy="linear"), 60),
        ],
        momenta=[
            (OneCycle(total_steps=100), {0: 0.95, 14.5: 0.9, 29: 0.85, 64: 0.9, 99: 0.95}),
            (
                OneCycle(
                    total_steps=15, pct_start=1 / 3, three_phase=True, anneal_strategy="linear"
                ),
                {0: 0.95, 2: 0.9, 4: 0.85, 6: 0.9, 8: 0.95, 11: 0.95, 14: 0.95},
            ),
        ],
    ),
    LinearWarmup: Row(
        draw=lambda lr: st.builds(
            LinearWarmup,
            lr=lr,
            start_factor=st.sampled_from([1 / 3, 1e-3, 1.0]) | st.floats(1e-6, 1),
            end_factor=st.just(1.0) | shares,
            total_iters=steps,
        ),
        values=[
            # a straight climb, then flat
            (WARM, {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 1, 5: 1, 1000: 1}),
            (LinearWarmup(lr=0.3), {0: 0.1, 5: 0.3, 6: 0.3}),
            (
                LinearWarmup(lr=1.0, start_factor=1.0, end_factor=0.0, total_iters=2),
                {1: 0.5, 2: 0, 3: 0},
            ),
        ],
        fits=[(LinearWarmup(total_iters=10), 60)],
    ),
    Constant: Row(
        draw=lambda lr: st.builds(Constant, lr=lr),
        values=[
            (Constant(lr=0.3), {0: 0.3, 1: 0.3, 5: 0.3, 10**9: 0.3}),
        ],
        fits=[(Constant(), 60)],
    ),
    Polynomial: Row(
        draw=polynomials,
        values=[
            # to zero, and there it stays
            (DECAY, {0: 1, 1: 0.9, 5: 0.5, 9: 0.1, 10: 0, 11: 0, 1000: 0}),
            (
                Polynomial(lr=1.0, total_iters=4, power=2.0),
                {0: 1, 1: 0.5625, 2: 0.25, 3: 0.0625, 4: 0},
            ),
            (Polynomial(lr=1.0, total_iters=4, power=0.5), {0: 1, 3: 0.5, 4: 0, 5: 0}),
            (
                Polynomial(lr=1.0, total_iters=4, power=2.0, eta_min=0.2),
                {0: 1, 2: 0.4, 4: 0.2, 9: 0.2},
            ),
        ],
        fits=[(Polynomial(total_iters=60), 60), (Polynomial(total_iters=60, eta_min=0.01), 60)],
    ),
    OneMinusSqrt: Row(
        draw=one_minus_sqrts,
        values=[
            # half of the fall after a quarter of the time
            (OneMinusSqrt(lr=1.0), {0: 1, 1: 0.9, 4: 0.8, 25: 0.5, 81: 0.1, 100: 0, 1000: 0}),
            (OneMinusSqrt(lr=1.0, total_iters=4, eta_min=0.2), {0: 1, 1: 0.6, 4: 0.2, 9: 0.2}),
            (OneMinusSqrt(lr=0.3, total_iters=1), {0: 0.3, 1: 0, 2: 0}),
        ],
        fits=[
            (OneMinusSqrt(total_iters=60), 60),
            (OneMinusSqrt(total_iters=60, eta_min=0.01), 60),
        ],
    ),
    InverseSqrt: Row(
        draw=lambda lr: st.builds(InverseSqrt, lr=lr, timescale=st.floats(0.1, 1000)),
        values=[
            (
                InverseSqrt(lr=1.0, timescale=100),
                {0: 1, 300: 0.5, 800: 1 / 3, 9900: 0.1, 999_900: 0.01},
            ),
            (InverseSqrt(lr=1.0, timescale=0.5), {0: 1, 1.5: 0.5}),
        ],
        fits=[(InverseSqrt(timescale=10), 60)],
    ),
    Custom: Row(
        draw=lambda lr: st.builds(
            Custom,
            lr=lr,
            factor=st.sampled_from([halving, slipping, rising, lambda t: 1 / (1 + t)]),
            running_product=st.booleans(),
        ),
        values=[
            # a factor of your own, and the product of factors
            (Custom(lr=2.0, factor=lambda t: 1 / (1 + t)), {0: 2, 1: 1, 3: 0.5, 99: 0.02}),
            (
                Custom(lr=2.0, factor=lambda t: 0.5, running_product=True),
                {0: 2, 1: 1, 2: 0.5, 3: 0.25},
            ),
            (Custom(lr=1.0, factor=lambda t: t, running_product=True), {0: 1, 1: 1, 4: 24}),
        ],
        fits=[
            (Custom(factor=lambda t: 1 / (1 + t)), 60),
            (Custom(factor=lambda t: 0.97, running_product=True), 60),
        ],
    ),
    Sequential: Row(
        draw=lambda lr: compositions() | warmups_stable_decays(),
        values=[
            # each part from its own 0
            (WARM.then(DECAY, at=4), {0: 0.2, 3: 0.8, 4: 1, 5: 0.9, 14: 0, 100: 0}),
            (WARM.then(DECAY, at=2), {0: 0.2, 1: 0.4, 2: 1, 3: 0.9}),
            (WARM.then(Constant(lr=1.0), at=4).then(DECAY, at=50), {3: 0.8, 49: 1, 55: 0.5, 60: 0}),
            (WARM.then(Constant(lr=1.0).then(DECAY, at=46), at=4), {3: 0.8, 49: 1, 55: 0.5, 60: 0}),
            (WARM.then(InverseSqrt(lr=1.0, timescale=4), at=4), {2: 0.6, 4: 1, 16: 0.5, 400: 0.1}),
            (Constant(lr=0.5).then(Constant(lr=3.0), at=1), {0: 0.5, 0.5: 0.5, 1: 3}),
            *WSD,
        ],
        fits=[
            (SHORT_WARM.then(CosineAnnealing(lr=0.1, T_max=50), at=10), 60),
            (
                SHORT_WARM.then(Constant(lr=0.1), at=10).then(
                    Polynomial(lr=0.1, total_iters=20), at=40
                ),
                60,
            ),
            (Constant(lr=0.02).then(StepDecay(lr=0.1, step_size=20), at=20), 60),
            (warmup_stable_decay(total_steps=60), 60),
            (warmup_stable_decay(total_steps=60, shape="1-sqrt", decay_share=0.5), 60),
        ],
        momenta=[
            # a part without momentum of its own holds what it finds
            (
                Constant(lr=0.1)
                .then(Cyclical(step_size_up=4), at=10)
                .then(Constant(lr=0.1), at=14)
                .then(Cyclical(step_size_up=1, base_momentum=0.1, max_momentum=0.7), at=20),
                {0: 0.7, 9: 0.7, 10: 0.9, 13: 0.825, 14: 0.825, 19: 0.825, 20: 0.7, 21: 0.1},
            ),
        ],
    ),
}
