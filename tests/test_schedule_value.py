"""A schedule is a value: it prints, compares, pickles, and nothing that reads it changes it."""

import copy
import dataclasses
import inspect
import math
import pickle
import re
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from test_parity import EVERY, an_optimizer, drawn, halving, held, updates_of

import lrcourse
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
    StepDecay,
    WarmRestarts,
)

JOINED = LinearWarmup(total_iters=50).then(Constant(), at=50).then(Polynomial(), at=90)
VALUES = [*(schedule() for schedule in SCHEDULES), Custom(factor=halving), JOINED]
NAMES = {name: getattr(lrcourse, name) for name in lrcourse.__all__} | {"halving": halving}
each_value = pytest.mark.parametrize("schedule", VALUES, ids=lambda s: type(s).__name__)


# It prints, compares, pickles


@drawn
@given(EVERY)
def test_repr_is_the_way_to_write_it(schedule):
    """`eval(repr(s)) == s` for every schedule whose functions have names."""
    if "<lambda>" in repr(schedule):
        return
    names = NAMES | {f.__name__: f for f in functions_in(schedule)}
    assert eval(repr(schedule), names) == schedule


def functions_in(schedule):
    parts = getattr(schedule, "schedules", [schedule])
    return [part.factor for part in parts if isinstance(part, Custom)]


def test_repr_reads_as_it_was_written():
    """Plain numbers in, plain numbers printed, whatever type they came as."""
    step = StepDecay(lr=np.float64(0.1), step_size=np.int64(30), gamma=Fraction(1, 10))
    assert repr(step) == "StepDecay(lr=0.1, step_size=30, gamma=0.1)"
    assert repr(MultiStepDecay(milestones=np.array([60, 30]))) == (
        "MultiStepDecay(lr=0.1, milestones=(30, 60), gamma=0.1)"
    )
    assert repr(ExponentialDecay(k=0)) == "ExponentialDecay(lr=0.1, gamma=1.0)"
    assert "mode='exp_range'" in repr(Cyclical(mode=np.str_("exp_range")))
    assert "cycle_momentum=False" in repr(OneCycle(cycle_momentum=np.False_))
    assert repr(Custom(factor=halving, running_product=True)) == (
        "Custom(lr=0.1, factor=halving, running_product=True)"
    )
    assert repr(Constant(lr=1).then(StepDecay(), at=9)) == (
        "Constant(lr=1.0).then(StepDecay(lr=0.1, step_size=30, gamma=0.1), at=9)"
    )


@drawn
@given(EVERY)
def test_copies_are_equal_and_hash_alike(schedule):
    """A rebuilt, copied or pickled schedule is the same value."""
    copies = [copy.copy(schedule), dataclasses.replace(schedule)]
    if "<lambda>" not in repr(schedule):  # a function without a name cannot be pickled
        copies.append(pickle.loads(pickle.dumps(schedule)))
    for other in copies:
        assert other == schedule
        assert hash(other) == hash(schedule)
        assert other(0) == schedule(0)


def test_what_differs_is_not_equal():
    """Another field, or another kind of schedule with the same fields, is another value."""
    assert StepDecay(gamma=0.1) != StepDecay(gamma=0.2)
    assert Constant(lr=0.1) != Constant(lr=0.2)
    assert Constant() != StepDecay()
    assert Cyclical() != Cyclical(step_size_down=2000)
    warm = LinearWarmup()
    assert warm.then(Constant(), at=5) != warm.then(Constant(), at=6)
    assert len({*VALUES, *copy.deepcopy(VALUES)}) == len(VALUES)


def test_two_faces_of_one_decay():
    """gamma or k: the same value, each read off the other, and both kept by a copy."""
    by_k = ExponentialDecay(lr=0.1, k=0.0513)
    by_gamma = ExponentialDecay(lr=0.1, gamma=np.exp(-0.0513))
    assert by_k == by_gamma
    assert hash(by_k) == hash(by_gamma)
    assert by_k.k == 0.0513
    assert by_gamma.k == pytest.approx(0.0513, rel=1e-12)
    assert ExponentialDecay(gamma=0.95, k=-np.log(0.95)).gamma == 0.95
    for gamma in np.linspace(0.001, 1, 200):
        decay = ExponentialDecay(gamma=gamma)
        assert dataclasses.replace(decay, lr=0.5).gamma == decay.gamma == gamma
    assert dataclasses.replace(by_k, k=None, gamma=0.5) == ExponentialDecay(gamma=0.5)


@pytest.mark.parametrize("schedule", [*VALUES, ReduceOnPlateau()], ids=lambda s: type(s).__name__)
def test_frozen(schedule):
    """No field can be set or deleted."""
    for field in dataclasses.fields(schedule):
        before = getattr(schedule, field.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(schedule, field.name, before)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(schedule, field.name)


@pytest.mark.parametrize("schedule", [*SCHEDULES, ReduceOnPlateau], ids=lambda s: s.__name__)
def test_every_parameter_is_named_and_has_a_default(schedule):
    """Keyword-only, and each can be built with nothing, to look at."""
    for parameter in inspect.signature(schedule).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is not parameter.empty


@pytest.mark.parametrize("schedule", [*SCHEDULES, ReduceOnPlateau], ids=lambda s: s.__name__)
def test_defaults_are_pytorchs(schedule):
    """Where PyTorch's twin has a parameter of that name with a default, ours is the same."""
    one = schedule()
    twin = inspect.signature(type(one.scheduler(an_optimizer()))).parameters
    named = [f for f in dataclasses.fields(one) if f.name in twin]
    made_to_fit = schedule is Constant or one.code().startswith("torch.optim.lr_scheduler.LambdaLR")
    assert named or made_to_fit
    for field in named:
        if twin[field.name].default not in (inspect.Parameter.empty, None):
            assert field.default == twin[field.name].default, field.name


# Number in, number out


@each_value
@pytest.mark.parametrize(
    "t", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3), np.array(3), torch.tensor(3)],
    ids=repr,
)  # fmt: skip
def test_a_number_gives_a_float(schedule, t):
    """Every kind of number gives the same plain float."""
    assert type(schedule(t)) is float
    assert schedule(t) == schedule(3)


SHAPES = [(), (0,), (1,), (7,), (2, 3), (2, 0, 3), (2, 1, 2, 2)]


@each_value
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_an_array_gives_an_array_of_the_same_shape(schedule, shape):
    """float64 of the same shape, each entry the value at its own t; the t given is untouched."""
    for dtype in (int, float, np.int16, np.uint8, np.float32):
        t = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
        before = t.copy()
        for face in faces_of(schedule):
            values = face(t)
            assert (type(values), values.dtype, values.shape) == (np.ndarray, np.float64, shape)
            assert values.ravel().tolist() == pytest.approx([face(v) for v in t.flat], rel=1e-13)
            assert not np.shares_memory(values, t)
        assert np.array_equal(t, before)


def faces_of(schedule):
    return [schedule] if schedule.momentum(0) is None else [schedule, schedule.momentum]


@each_value
def test_what_holds_numbers_is_an_array(schedule):
    """Lists, tuples, ranges, Series and tensors are taken as arrays."""
    expected = schedule(np.array([0, 1, 60]))
    for t in ([0, 1, 60], (0, 1.0, 60), pd.Series([0, 1, 60], index=[7, 8, 9])):
        assert np.array_equal(schedule(t), expected)
    for t in (torch.tensor([0, 1, 60]), torch.tensor([0.0, 1, 60])):
        assert np.array_equal(schedule(t), expected)
    assert schedule(range(3)).shape == (3,)
    assert schedule([]).shape == (0,)
    with pytest.raises(ValueError, match="t must be a number or an array of numbers, got tensor"):
        schedule(torch.tensor([0.0, 1.0], requires_grad=True))


ENDLESS = [s for s in VALUES if not isinstance(s, OneCycle | Custom)]


@pytest.mark.parametrize("schedule", ENDLESS, ids=lambda s: type(s).__name__)
def test_a_t_of_any_size(schedule):
    """Counts beyond 2**53, which floats round, and beyond 2**64, which NumPy does not hold."""
    for t in (2**53 + 1, 2**64, 10**30):
        assert 0 <= schedule(t) <= schedule.peak
        assert schedule(t) == schedule(float(t))
    assert 0 <= schedule(np.uint64(2**64 - 1)) <= schedule.peak


def test_far_out_nothing_warns():
    """No overflow, no NaN, however far the staircase has come down."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for schedule in ENDLESS:
            assert np.isfinite(schedule(np.array([0, 1e3, 1e6, 1e9]))).all()


@each_value
def test_the_rates_are_the_same_where_tiny_numbers_count_as_zero(schedule):
    """`torch.set_flush_denormal(True)`, which trainers use for speed, changes no rate in sight."""
    t = np.array([0, 1, 7, 50, 99])
    plain = schedule(t)
    try:
        torch.set_flush_denormal(True)
        flushed = type(schedule)(**_fields(schedule))(t)
    finally:
        torch.set_flush_denormal(False)

    np.testing.assert_array_equal(flushed, plain)


def _fields(schedule) -> dict:
    return {f.name: getattr(schedule, f.name) for f in dataclasses.fields(schedule) if f.compare}


# Reading changes nothing


@each_value
def test_calling_changes_nothing(schedule):
    """The same t gives the same rate, in any order, before and after everything else."""
    before, first = copy.deepcopy(schedule), schedule(np.arange(90))
    numbers = [schedule(t) for t in (3, 80, 3)]
    schedule.momentum(np.arange(50))
    schedule.scheduler(an_optimizer())
    schedule.code()
    schedule.with_peak(2.0)
    schedule.then(Constant(), at=95)
    assert [schedule(t) for t in (3, 80, 3)] == numbers
    assert np.array_equal(schedule(np.arange(90)), first)
    assert schedule == before
    assert vars(schedule) == vars(before)


@each_value
def test_plotting_changes_nothing(schedule):
    """Drawing a plan before training does not use it up."""
    from matplotlib.figure import Figure

    from lrcourse.plots import draw_schedule

    before, optimizer = copy.deepcopy(schedule), an_optimizer()
    scheduler = schedule.scheduler(optimizer)
    (line,) = draw_schedule(Figure().subplots(), schedule, steps=60).lines
    assert vars(schedule) == vars(before)
    rates, _ = held(optimizer, scheduler, 60)
    assert line.get_ydata() == pytest.approx(rates, rel=1e-12, abs=1e-15)


def test_the_rates_handed_out_are_yours():
    """Writing into a curve does not change the next one."""
    for schedule in VALUES:
        curve = schedule(np.arange(9))
        expected = curve.copy()
        curve[:] = -1
        assert np.array_equal(schedule(np.arange(9)), expected)


def test_milestones_given_as_a_list_are_copied():
    """A list that is changed later does not reach into the schedule."""
    milestones = [30, 60]
    schedule = MultiStepDecay(milestones=milestones)
    milestones.append(10)
    assert schedule.milestones == (30, 60)


@each_value
def test_training_does_not_touch_it(schedule):
    """Two optimizers can follow one schedule at once, each at its own place."""
    first, second = an_optimizer(), an_optimizer()
    one, two = schedule.scheduler(first), schedule.scheduler(second)
    for _ in range(5):
        first.step()
        one.step()
    second.step()
    two.step()
    assert first.param_groups[0]["lr"] == pytest.approx(schedule(5), rel=1e-12)
    assert second.param_groups[0]["lr"] == pytest.approx(schedule(1), rel=1e-12)


@each_value
def test_checkpoints(schedule):
    """A run stopped and resumed from both state_dicts goes on as planned."""
    steps = min(40, updates_of(schedule) - 1)
    first = an_optimizer()
    one = schedule.scheduler(first)
    for _ in range(10):
        first.step()
        one.step()
    saved = copy.deepcopy((first.state_dict(), one.state_dict()))
    second = an_optimizer()
    two = schedule.scheduler(second)
    second.load_state_dict(saved[0])
    two.load_state_dict(saved[1])
    rates, _ = held(second, two, steps - 10)
    assert rates == pytest.approx(schedule(np.arange(10, steps)), rel=1e-12)


# Scaling and joining


@drawn
@given(EVERY)
def test_with_peak(schedule):
    """The same shape, with exactly the peak that was asked for."""
    if not schedule.peak:
        return
    t = np.arange(updates_of(schedule))
    scaled = schedule.with_peak(0.3)
    assert scaled.peak == 0.3
    np.testing.assert_allclose(scaled(t), schedule(t) / schedule.peak * 0.3, rtol=1e-12, atol=1e-16)
    assert schedule.with_peak(schedule.peak) == schedule
    if schedule.momentum(0) is not None:
        assert np.array_equal(scaled.momentum(t), schedule.momentum(t))
    assert type(scaled.scheduler(an_optimizer())) is type(schedule.scheduler(an_optimizer()))


def test_peak_is_the_largest_rate():
    """Of a schedule with two bounds the upper one, of several schedules the largest."""
    assert Cyclical(base_lr=0.1, max_lr=0.4).peak == 0.4
    assert OneCycle(max_lr=0.7).peak == 0.7
    assert CosineAnnealing(lr=0.2, eta_min=0.1).peak == 0.2
    assert Constant(lr=0.1).then(Constant(lr=0.5), at=3).then(Constant(lr=0.2), at=9).peak == 0.5
    assert WarmRestarts(lr=0.2, eta_min=0.1).with_peak(0.0).peak == 0.0


def test_the_peak_is_met_to_the_last_bit():
    """Whatever both rates are, though dividing and multiplying by one would round."""
    rates = [n / 7 for n in range(1, 40)]

    for old in rates:
        assert [StepDecay(lr=old).with_peak(new).peak for new in rates] == rates


def test_with_peak_scales_every_rate():
    """Lower bounds are scaled with the upper; k and gamma, times and shares are not rates."""
    assert Cyclical(base_lr=0.1, max_lr=0.4).with_peak(0.8).base_lr == 0.2
    assert CosineAnnealing(lr=0.4, eta_min=0.1).with_peak(0.8).eta_min == 0.2
    decay = ExponentialDecay(lr=0.1, k=0.05).with_peak(0.2)
    assert (decay.k, decay.lr) == (0.05, 0.2)
    joined = Constant(lr=0.1).then(Cyclical(base_lr=0.1, max_lr=0.4), at=9).with_peak(0.8)
    assert joined == Constant(lr=0.2).then(Cyclical(base_lr=0.2, max_lr=0.8), at=9)


@drawn
@given(EVERY, EVERY)
def test_then(first, second):
    """Before `at` the first; from `at` on the second, from its own 0."""
    at = updates_of(first) - 1  # after every join of the first, and before its end
    both = first.then(second, at=at)
    assert both(np.arange(at)) == pytest.approx(first(np.arange(at)), rel=1e-13)
    t = np.arange(updates_of(second))
    assert both(at + t) == pytest.approx(second(t), rel=1e-13)


@drawn
@given(EVERY)
def test_joined_in_either_order(last):
    """(a then b) then c is a then (b then c), with `at` counted from the start of each whole."""
    warm, stable = LinearWarmup(total_iters=50), Constant()
    chained = warm.then(stable, at=50).then(last, at=800)
    nested = warm.then(stable.then(last, at=750), at=50)
    assert chained == nested
    assert repr(chained) == repr(nested)


def test_a_chain_counts_from_the_start_of_the_whole():
    """Warm up for 50, hold to 800, decay for 200: `at` is 50 and then 800."""
    plan = (
        LinearWarmup(lr=1.0, start_factor=0.2, total_iters=50)
        .then(Constant(lr=1.0), at=50)
        .then(Polynomial(lr=1.0, total_iters=200), at=800)
    )
    assert plan.milestones == (50, 800)
    assert [plan(t) for t in (0, 50, 799, 800, 900, 1000)] == [0.2, 1.0, 1.0, 1.0, 0.5, 0.0]
    assert plan.horizon == 1000


@each_value
def test_horizon_shows_the_shape(schedule):
    """A whole number of updates, none of them past the end."""
    assert isinstance(schedule.horizon, int)
    assert schedule.horizon >= 1
    assert np.isfinite(schedule(np.arange(schedule.horizon))).all()


@pytest.mark.parametrize(
    "schedule, horizon, cycle",
    [
        (StepDecay(step_size=20), 60, None),  # three stairs
        (MultiStepDecay(milestones=[30, 80]), 100, None),  # a quarter more than the last drop
        (ExponentialDecay(gamma=0.9), 44, None),  # down to a hundredth
        (ExponentialDecay(gamma=1e-9), 2, None),
        (ExponentialDecay(gamma=1.0), 100, None),
        (WarmRestarts(T_0=10), 30, 10),  # three cycles
        (WarmRestarts(T_0=10, T_mult=2), 70, None),  # no two as long
        (Cyclical(step_size_up=4, step_size_down=6), 30, 10),
        (LinearWarmup(total_iters=7), 14, None),  # as long again
        (InverseSqrt(timescale=40.0), 400, None),
        (LinearWarmup(total_iters=7).then(Polynomial(total_iters=20), at=7), 27, None),
    ],
)
def test_a_picture_is_as_wide_as_the_shape(schedule, horizon, cycle):
    """All of the shape is seen, and not much more; a cycle has a length if all have the same."""
    assert (schedule.horizon, schedule.cycle_length) == (horizon, cycle)


@pytest.mark.parametrize(
    "schedule, made_for, shape_ends",
    [
        (StepDecay(step_size=20), None, 60),
        (CosineAnnealing(T_max=60), 60, 60),
        (LinearWarmup(total_iters=7), None, 14),  # a run begins with it and goes on
        (Constant(), None, None),  # nothing to see, however long
        (Custom(factor=halving), None, None),
        (LinearWarmup(total_iters=7).then(Constant(), at=7), None, None),
        (LinearWarmup(total_iters=7).then(LinearWarmup(), at=9), None, 19),
        (LinearWarmup(total_iters=7).then(Polynomial(total_iters=20), at=9), 29, 29),
    ],
)
def test_how_long_a_run_is_to_be(schedule, made_for, shape_ends):
    """As long as what comes last says; and after how many updates all of the shape was seen."""
    assert (schedule.made_for, schedule.shape_ends) == (made_for, shape_ends)


def test_a_row_comes_down_to_the_floor_of_its_last_part():
    """`eta_min` of the decay, whatever the warm-up starts from."""
    decay = CosineAnnealing(lr=0.1, eta_min=0.01)

    assert LinearWarmup(total_iters=5).then(decay, at=5).floor == decay.floor == 0.01
    assert decay.then(Constant(lr=0.1), at=50).floor == Constant(lr=0.1).floor == 0


def test_a_row_turns_at_its_joins_and_where_its_parts_do():
    """What a part would do after the next has begun does not happen."""
    drops = MultiStepDecay(milestones=[10, 30, 50])

    assert drops.turns == (10, 30, 50) and StepDecay().turns == ()
    assert drops.then(Constant(), at=40).turns == (10, 30, 40)
    assert Constant().then(drops, at=5).then(StepDecay(), at=35).turns == (5, 15, 35)


def test_exponential_decay_has_one_gamma():
    """0.95 if nothing is given; gamma beside a k that is not quite the same is refused."""
    assert ExponentialDecay() == ExponentialDecay(gamma=0.95)
    k = -math.log(0.95)

    assert ExponentialDecay(gamma=0.95, k=k).gamma == 0.95
    with pytest.raises(ValueError, match="give gamma or k, not both"):
        ExponentialDecay(gamma=0.95, k=k * (1 + 1e-9))


# The line to paste

LINES = [
    (StepDecay(), "StepLR(optimizer, step_size=30, gamma=0.1)"),
    (MultiStepDecay(), "MultiStepLR(optimizer, milestones=[30, 60, 80], gamma=0.1)"),
    (ExponentialDecay(gamma=0.9), "ExponentialLR(optimizer, gamma=0.9)"),
    (CosineAnnealing(), "CosineAnnealingLR(optimizer, T_max=100)"),
    (CosineAnnealing(eta_min=0.01), "CosineAnnealingLR(optimizer, T_max=100, eta_min=0.01)"),
    (WarmRestarts(T_mult=2), "CosineAnnealingWarmRestarts(optimizer, T_0=25, T_mult=2)"),
    (Cyclical(), "CyclicLR(optimizer, base_lr=0.001, max_lr=0.1, step_size_up=2000)"),
    (OneCycle(pct_start=0.5), "OneCycleLR(optimizer, max_lr=0.1, total_steps=100, pct_start=0.5)"),
    (LinearWarmup(start_factor=0.1), "LinearLR(optimizer, start_factor=0.1, total_iters=5)"),
    (Constant(), "ConstantLR(optimizer, factor=1.0)"),
    (Polynomial(), "PolynomialLR(optimizer, total_iters=5, power=1.0)"),
    (lrcourse.OneMinusSqrt(), "LambdaLR(optimizer, lambda t: 1 - (min(t, 100) / 100) ** 0.5)"),
    (
        lrcourse.OneMinusSqrt(total_iters=8, eta_min=0.025),
        "LambdaLR(optimizer, lambda t: 0.25 + 0.75 * (1 - (min(t, 8) / 8) ** 0.5))",
    ),
    (lrcourse.InverseSqrt(), "LambdaLR(optimizer, lambda t: (1 + t / 100.0) ** -0.5)"),
    (Custom(factor=halving), "LambdaLR(optimizer, halving)"),
    (Custom(factor=lambda t: 0.9, running_product=True), "MultiplicativeLR(optimizer, factor)"),
    (ReduceOnPlateau(patience=2), "ReduceLROnPlateau(optimizer, factor=0.1, patience=2)"),
    (
        Constant(lr=0.1).then(Constant(lr=0.3), at=9),
        "LambdaLR(optimizer, lambda t: schedule(t) / 0.3)  # optimizer built with lr=0.3",
    ),
]


@pytest.mark.parametrize("schedule, line", LINES, ids=lambda value: str(value)[:60])
def test_code(schedule, line):
    """What a reader types tomorrow: PyTorch's names, and only what differs from its defaults."""
    assert schedule.code() == f"torch.optim.lr_scheduler.{line}"


def test_code_of_several():
    """One scheduler per part, laid out to be read."""
    warm = LinearWarmup(total_iters=50).then(CosineAnnealing(T_max=950), at=50)
    assert warm.code() == (
        "torch.optim.lr_scheduler.SequentialLR(\n"
        "    optimizer,\n"
        "    [\n"
        "        torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.3333333333333333,"
        " total_iters=50),\n"
        "        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=950),\n"
        "    ],\n"
        "    milestones=[50],\n"
        ")"
    )


def test_code_of_a_warmup_stable_decay():
    """Three schedulers of PyTorch, and nothing that the reader has to define."""
    wsd = lrcourse.warmup_stable_decay(total_steps=500, warmup_steps=20, shape="1-sqrt")

    assert wsd.code() == (
        "torch.optim.lr_scheduler.SequentialLR(\n"
        "    optimizer,\n"
        "    [\n"
        "        torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.05, total_iters=20),\n"
        "        torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),\n"
        "        torch.optim.lr_scheduler.LambdaLR(optimizer, "
        "lambda t: 1 - (min(t, 100) / 100) ** 0.5),\n"
        "    ],\n"
        "    milestones=[20, 400],\n"
        ")"
    )


def test_two_functions_in_a_row_have_two_names():
    """`code()` runs both; a function that comes twice keeps its one name."""
    first, second = (lambda t: (t + 1) / 10), (lambda t: 1 / (t + 1))
    row = Custom(lr=0.1, factor=first).then(Custom(lr=0.1, factor=second), at=9)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    known = {"torch": torch, "optimizer": optimizer, "factor_1": first, "factor_2": second}
    scheduler = eval(row.code(), known)
    for t in range(20):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(row(t), rel=1e-12)
        optimizer.step()
        scheduler.step()

    same = Custom(lr=0.1, factor=halving).then(Custom(lr=0.1, factor=halving), at=9)
    assert same.code().count("halving") == 2 and "yours to define" not in same.code()


@pytest.mark.parametrize("fall", [Polynomial(lr=0.0), lrcourse.OneMinusSqrt(lr=0.0)])
def test_a_rate_of_zero_has_code(fall):
    """Alone and in a row: nothing is divided by it."""
    row = Constant(lr=0.0).then(fall, at=5)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    for plan in (fall, row):
        eval(plan.code(), {"torch": torch, "optimizer": optimizer})

    assert plan(3) == plan(8) == optimizer.param_groups[0]["lr"] == 0


def test_no_function_is_given_the_name_of_another():
    """Two that are called `f` get numbers, but not those that a third has already."""

    def named(name):
        def f(t):
            return 1.0

        f.__name__ = name
        return Custom(lr=0.1, factor=f)

    row = named("f").then(named("f"), at=3).then(named("f_1"), at=6).then(named("f_2_"), at=9)
    line = r"LambdaLR\(optimizer, (\w+)\)"

    assert re.findall(line, row.code()) == ["f_1_", "f_2", "f_1", "f_2_"]
    assert "f_1_ of part 1, f_2 of part 2" in row.code()


@pytest.mark.parametrize(
    "schedule",
    [lrcourse.InverseSqrt(lr=0.1), lrcourse.Custom(lr=0.1, factor=lambda t: 0.9**t)],
    ids=["formula", "function"],
)
def test_an_optimizer_that_had_another_schedule_follows_the_new_one(schedule):
    """The rate that PyTorch noted for the first scheduler is not the base of the second."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    lrcourse.CosineAnnealing(lr=0.5, T_max=10).scheduler(optimizer)
    scheduler = schedule.scheduler(optimizer)
    used = []
    for _ in range(5):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert used == pytest.approx(schedule(np.arange(5)).tolist(), rel=1e-12)
