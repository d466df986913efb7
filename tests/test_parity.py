"""The rate you see is the rate that trained: every formula against PyTorch's own scheduler.

A real optimizer is given the real scheduler, and at each real `optimizer.step()` the rate and the
momentum that it holds are compared with the formula.

How close: 1e-12 of the rate itself, plus 1e-15 of the largest rate. The second part is there
because some of PyTorch's schedulers take each rate from the one before. Where the exact rate is 0
(the end of a warm-up to 0, the bottom of a cosine) they arrive at a rounding error of the peak,
and there is no rate for it to be a share of.

Run this file (`python tests/test_parity.py`) for a table of the cases drawn and the largest
difference met. `PARITY_EXAMPLES=2000` draws more than the 40 of a normal run.
"""

import inspect
import math
import os
import warnings
from collections import defaultdict
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from schedules import TABLE, cyclicals, halving, one_cycles, rates, rising, slipping

from lrcourse import (
    SCHEDULES,
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Sequential,
    StepDecay,
    WarmRestarts,
)

UPDATES = 150  # compared for a schedule that never ends
EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", 40))
drawn = settings(
    max_examples=EXAMPLES,
    derandomize=True,  # the same cases every time, so that a red run can be repeated
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


STRATEGIES = {kind: row.draw(rates) for kind, row in TABLE.items()}
EVERY = st.one_of(*STRATEGIES.values())


# What PyTorch does


def an_optimizer(kind="SGD", lr=0.123):
    weight = torch.nn.Parameter(torch.zeros(1))
    if kind == "SGD":
        return torch.optim.SGD([weight], lr=lr, momentum=0.456)
    return torch.optim.AdamW([weight], lr=lr, betas=(0.456, 0.999))


def updates_of(schedule):
    """How many updates to compare: for a one-cycle, up to the last that PyTorch allows."""
    return schedule.end + 1 if schedule.raises_past_end else UPDATES


def held(optimizer, scheduler, updates):
    """The rate and the momentum that `optimizer` holds at each of its steps."""
    rates, momenta = [], []

    def note(optimizer, *_):
        group = optimizer.param_groups[0]
        rates.append(float(group["lr"]))
        momenta.append(float(group["betas"][0] if "betas" in group else group["momentum"]))

    watching = optimizer.register_step_pre_hook(note)
    for update in range(updates):
        if update:
            scheduler.step()
        optimizer.step()
    watching.remove()
    return np.array(rates), np.array(momenta)


FIGURES = defaultdict(lambda: {"cases": 0, "relative": 0.0, "of peak": 0.0, "momentum": 0.0})


def assert_parity(schedule, rates, momenta):
    t = np.arange(len(rates))
    plan, floor = schedule(t), 1e-15 * schedule.peak
    apart = np.abs(rates - plan)
    figures = FIGURES[type(schedule).__name__]
    figures["cases"] += 1
    large = np.abs(plan) > 1e-3 * schedule.peak
    figures["relative"] = max(figures["relative"], worst(apart[large], np.abs(plan[large])))
    figures["of peak"] = max(figures["of peak"], worst(apart, schedule.peak))
    np.testing.assert_allclose(rates, plan, rtol=1e-12, atol=floor)
    if schedule.momentum(t) is None:
        assert set(momenta) == {0.456}
        return
    figures["momentum"] = max(figures["momentum"], np.abs(momenta - schedule.momentum(t)).max())
    np.testing.assert_allclose(momenta, schedule.momentum(t), rtol=1e-12, atol=1e-15)


def worst(apart, scale):
    return float(np.max(apart / np.maximum(scale, 1e-300), initial=0))


@pytest.fixture(scope="module", autouse=True)
def table():
    """The figures: `relative` is over rates above a thousandth of the peak."""
    yield
    print(f"\n\n{'schedule':18}{'cases':>7}{'relative':>11}{'of peak':>11}{'momentum':>11}")
    for name, row in FIGURES.items():
        print(f"{name:18}{row['cases']:7}", end="")
        print("".join(f"{row[column]:11.1e}" for column in ("relative", "of peak", "momentum")))
    print(f"{'all':18}{sum(row['cases'] for row in FIGURES.values()):7}")


@pytest.fixture(autouse=True)
def quiet():
    """PyTorch warns of its own deprecated call in SequentialLR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# The tests


def test_every_schedule_is_drawn():
    """A schedule added to the course without a strategy here fails."""
    assert set(STRATEGIES) == {*SCHEDULES, Custom, Sequential}


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@pytest.mark.parametrize("schedule", STRATEGIES, ids=lambda schedule: schedule.__name__)
def test_parity(schedule, kind):
    """Rate and momentum at each optimizer.step() are the formula's, well past the end."""

    @settings(drawn, max_examples=EXAMPLES * (3 if schedule is Sequential else 1))
    @given(STRATEGIES[schedule])
    def check(one):
        optimizer = an_optimizer(kind)
        assert_parity(one, *held(optimizer, one.scheduler(optimizer), updates_of(one)))

    check()


WARM = LinearWarmup(lr=0.1, total_iters=20)
EDGES = [
    StepDecay(step_size=1),
    StepDecay(step_size=1, gamma=1.0),
    MultiStepDecay(milestones=[1]),
    MultiStepDecay(milestones=[3, 2, 1]),
    ExponentialDecay(gamma=1.0),
    ExponentialDecay(gamma=5e-324),
    CosineAnnealing(T_max=1),
    CosineAnnealing(T_max=2, eta_min=0.1),
    *(WarmRestarts(T_0=1, T_mult=m) for m in (1, 2, 3)),
    *(
        Cyclical(step_size_up=up, step_size_down=down, mode=mode, gamma=0.99)
        for mode in ("triangular", "triangular2", "exp_range")
        for up, down in ((1, 1), (1, 7), (7, 1), (3, None))
    ),
    OneCycle(total_steps=2, pct_start=0.6),
    OneCycle(total_steps=11),  # its peak falls between two updates
    *(
        OneCycle(total_steps=50, pct_start=p, anneal_strategy=s)
        for p in (0.020001, 0.999)
        for s in ("cos", "linear")
    ),
    *(
        OneCycle(total_steps=50, pct_start=p, anneal_strategy=s, three_phase=True)
        for p in (0.020001, 0.5)
        for s in ("cos", "linear")
    ),
    OneCycle(cycle_momentum=False, div_factor=1.0, final_div_factor=1.0),
    LinearWarmup(total_iters=1),
    LinearWarmup(total_iters=1, start_factor=1.0, end_factor=0.0),
    Polynomial(total_iters=1),
    Polynomial(total_iters=1, power=0.5),
    WARM.then(CosineAnnealing(T_max=50), at=20),
    WARM.then(CosineAnnealing(T_max=50), at=5),  # cut short
    WARM.then(Constant(lr=0.1), at=20).then(Polynomial(total_iters=30), at=80),  # WSD
    WARM.then(Constant(lr=0.1).then(Polynomial(total_iters=30), at=60), at=20),  # the same, nested
    Constant(lr=0.1).then(CosineAnnealing(lr=0.3, T_max=30), at=10),  # two rates: a LambdaLR
    Constant(lr=0.1).then(OneCycle(max_lr=2.5, total_steps=60), at=10),
    OneCycle(max_lr=2.5, total_steps=60).then(Constant(lr=0.1), at=60),
    WARM.then(Cyclical(step_size_up=5), at=20).then(Constant(lr=0.1), at=33),
    Cyclical(step_size_up=5).then(
        Cyclical(step_size_up=3, max_momentum=0.7, base_momentum=0.1), at=7
    ),
    # Momentum stays where the last of those that move it has left it.
    Cyclical(step_size_up=5)
    .then(Cyclical(step_size_up=3, max_momentum=0.7, base_momentum=0.1), at=7)
    .then(Constant(lr=0.001), at=20),
    Constant(lr=0.1).then(CosineAnnealing(lr=0.1 * (1 + 1e-9), T_max=30), at=10),  # nearly one rate
    # Both begin at 0.01, and each writes its own peak into the optimizer: a LambdaLR.
    OneCycle(max_lr=0.1, div_factor=10.0, total_steps=40, cycle_momentum=False).then(
        OneCycle(max_lr=0.2, div_factor=20.0, total_steps=40, cycle_momentum=False), at=40
    ),
    Constant(lr=0.1).then(Custom(factor=slipping, running_product=True), at=10),
]


@pytest.mark.parametrize("schedule", EDGES, ids=str)
def test_parity_at_the_edges(schedule):
    """The edges hold whatever hypothesis draws."""
    for kind in ("SGD", "AdamW"):
        optimizer = an_optimizer(kind)
        scheduler = schedule.scheduler(optimizer)
        assert_parity(schedule, *held(optimizer, scheduler, updates_of(schedule)))


@pytest.mark.parametrize("T_max", [100, 300, 1000])
def test_a_long_cosine_climbs_back_as_exactly_as_pytorch_can(T_max):
    """Down to T_max the parity is 1e-12. At the bottom PyTorch starts a new recursion from
    1 - cos(pi / T_max), which rounding knows only to 1e-16 * T_max**2: the climb keeps that."""
    cosine = CosineAnnealing(lr=0.1, T_max=T_max)
    optimizer = an_optimizer()
    rates, _ = held(optimizer, cosine.scheduler(optimizer), 3 * T_max)
    plan = cosine(np.arange(3 * T_max))
    np.testing.assert_allclose(rates[: T_max + 1], plan[: T_max + 1], rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(rates, plan, rtol=1e-16 * T_max**2, atol=1e-16)


@drawn
@given(EVERY)
def test_code_is_the_line_to_paste(schedule):
    """`code()`, run beside an optimizer built with the schedule's rate, trains as the formula."""
    optimizer = an_optimizer(lr=rate_to_build_with(schedule))
    functions = {f.__name__: f for f in (halving, slipping, rising)}
    functions["factor"] = getattr(schedule, "factor", None)
    known = functions | {"torch": torch, "optimizer": optimizer, "schedule": schedule}
    scheduler = eval(schedule.code(), known)
    assert type(scheduler) is type(schedule.scheduler(an_optimizer()))
    assert_parity(schedule, *held(optimizer, scheduler, updates_of(schedule)))


def rate_to_build_with(schedule):
    """What a reader of the schedule writes in `SGD(..., lr=)`."""
    if isinstance(schedule, Sequential):
        written = schedule.code().partition("# optimizer built with lr=")[2]
        return float(written) if written else rate_to_build_with(schedule.schedules[0])
    return getattr(schedule, "lr", 0.123)  # CyclicLR and OneCycleLR bring their own


@drawn
@given(EVERY, EVERY)
@example(OneCycle(), StepDecay())
@example(WARM.then(CosineAnnealing(), at=20), Cyclical(step_size_up=3))
def test_an_optimizer_used_before_follows_the_new_plan(before, schedule):
    """PyTorch keeps an optimizer's first rate as `initial_lr`; `scheduler` is not misled by it."""
    optimizer = an_optimizer()
    held(optimizer, before.scheduler(optimizer), 2)
    updates = updates_of(schedule)
    rates, momenta = held(optimizer, schedule.scheduler(optimizer), updates)
    t = np.arange(updates)
    np.testing.assert_allclose(rates, schedule(t), rtol=1e-12, atol=1e-15 * schedule.peak)
    if schedule.momentum(t) is not None:
        np.testing.assert_allclose(momenta, schedule.momentum(t), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("schedule", [c() for c in SCHEDULES], ids=lambda s: type(s).__name__)
def test_the_weights_move_by_the_formula(schedule):
    """The rate held is the rate that trains: with gradient 1, plain SGD moves the weight by it."""
    if schedule.momentum(0) is not None:
        schedule = type(schedule)(cycle_momentum=False)
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.123)
    scheduler = schedule.scheduler(optimizer)
    for t in range(60):
        before = weight.item()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        scheduler.step()
        assert before - weight.item() == pytest.approx(schedule(t), rel=1e-9, abs=1e-14)


@drawn
@given(EVERY)
def test_every_parameter_group_gets_the_plan(schedule):
    """Groups built with rates of their own all follow the schedule."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.5, 0.01)]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = schedule.scheduler(optimizer)
    for t in range(2):
        for group in optimizer.param_groups:
            assert group["lr"] == pytest.approx(schedule(t), rel=1e-12, abs=1e-15 * schedule.peak)
        optimizer.step()
        scheduler.step()


def test_a_rate_that_is_a_tensor_stays_that_tensor():
    """A compiled step reads the optimizer's own tensor: the schedule writes into it."""
    rate = torch.tensor(0.5)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = ExponentialDecay(lr=0.1, gamma=0.5)
    scheduler = schedule.scheduler(optimizer)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.05, rel=1e-6)


# Where PyTorch raises


def test_past_a_one_cycle_both_raise():
    """PyTorch allows one step past the last update and then raises; so does the formula."""
    for schedule in (OneCycle(total_steps=9), WARM.then(OneCycle(max_lr=2.5, total_steps=9), at=4)):
        optimizer = an_optimizer()
        scheduler, last = schedule.scheduler(optimizer), updates_of(schedule) - 1
        held(optimizer, scheduler, last + 1)
        with pytest.raises(ValueError, match="Tried to step 10 times"):
            scheduler.step()
        schedule(last)
        for face in (schedule, schedule.momentum):
            with pytest.raises(ValueError, match=f"t={last + 1} is past the end.*total_steps"):
                face(last + 1)


TORCH = torch.optim.lr_scheduler
TWINS = {  # those whose fields are arguments of a scheduler of PyTorch's
    kind: getattr(TORCH, kind()._twin)
    for kind in (*SCHEDULES, ReduceOnPlateau)
    if kind is not Constant and kind()._twin != "LambdaLR"
}
ODD = [0, -1, 1, 2, 3, 0.0, -0.5, 0.5, 1.0, 1.5, 2.5, math.nan, math.inf, -math.inf]
ODD += ["30", "cos", "linear", "max", "abs", "", None, True, False, [], [0], [3, 3], ["a"], [0.5]]
FIELDS = {
    kind: [
        f.name
        for f in fields(kind)
        if f.name == "lr" or f.name in inspect.signature(twin).parameters
    ]
    for kind, twin in TWINS.items()
}


@st.composite
def odd_settings(draw, schedule):
    """A sound setting with one to three fields replaced by something odd."""
    sound = schedule()
    kept = {name: getattr(sound, name) for name in FIELDS[schedule]}
    if schedule is OneCycle:
        kept["total_steps"] = draw(st.integers(1, 12))
    changed = draw(st.lists(st.sampled_from(FIELDS[schedule]), min_size=1, max_size=3, unique=True))
    odd = kept | {name: draw(st.sampled_from(ODD)) for name in changed}
    assume(odd.get("gamma", 1) is not None or schedule is not ExponentialDecay)  # k may be given
    return odd


def first_failure(build, step, updates=15):
    """The update for which `build` and then `step` raise; None if they never do."""
    t = 0
    try:
        thing = build()
        for t in range(updates):  # noqa: B007  (t tells where it failed)
            step(thing, t)
    except Exception:
        return t
    return None


def torch_with(twin, setting):
    setting = dict(setting)
    optimizer = an_optimizer(lr=setting.pop("lr", 0.123))
    if "milestones" in setting and isinstance(setting["milestones"], tuple):
        setting["milestones"] = list(setting["milestones"])
    return twin(optimizer, **setting)


def torch_step(scheduler, t):
    scheduler.optimizer.step()
    if isinstance(scheduler, TORCH.ReduceLROnPlateau):
        scheduler.step(1.0)
    elif t:
        scheduler.step()


def our_step(schedule, t):
    return schedule([1.0] * t) if isinstance(schedule, ReduceOnPlateau) else schedule(t)


@pytest.mark.parametrize("schedule", TWINS, ids=lambda schedule: schedule.__name__)
def test_where_pytorch_raises_so_do_we(schedule):
    """Whatever PyTorch refuses, at construction or at a step, is refused here no later."""
    refused = 0

    @settings(drawn, max_examples=5 * EXAMPLES)
    @given(odd_settings(schedule))
    def check(setting):
        nonlocal refused
        theirs = first_failure(lambda: torch_with(TWINS[schedule], setting), torch_step)
        if theirs is None:
            return
        refused += 1
        ours = first_failure(lambda: schedule(**setting), our_step)
        assert ours is not None and ours <= theirs

    check()
    assert refused > 10


STRICTER = [
    (StepDecay, {"step_size": 2.5}, "drops at 5, 10, 15"),
    (StepDecay, {"gamma": 1.5}, "grows"),
    (StepDecay, {"gamma": -0.1}, "alternates in sign"),
    (StepDecay, {"gamma": 0.0}, "0 from the first drop on"),
    (MultiStepDecay, {"milestones": [3, 3]}, "a double drop"),
    (MultiStepDecay, {"milestones": [0, 3]}, "a drop before the first update"),
    (MultiStepDecay, {"milestones": []}, "a constant rate"),
    (ExponentialDecay, {"gamma": 1.5}, "grows"),
    (CosineAnnealing, {"eta_min": 1.0}, "climbs from lr up to eta_min"),
    (CosineAnnealing, {"T_max": 2.5}, "an end that no update meets"),
    (WarmRestarts, {"eta_min": 1.0}, "climbs from lr up to eta_min"),
    (Cyclical, {"base_lr": 0.5, "max_lr": 0.1}, "down and up instead of up and down"),
    (Cyclical, {"step_size_up": 2.5}, "a peak that no update meets"),
    (Cyclical, {"gamma": 1.5}, "grows (in exp_range)"),
    (Cyclical, {"base_momentum": 0.9, "max_momentum": 0.1}, "momentum moves with the rate"),
    (Cyclical, {"max_momentum": 1.5}, "diverges"),
    (OneCycle, {"total_steps": 3, "pct_start": 0.2}, "no rise: it starts on the way down"),
    (OneCycle, {"pct_start": 0.9, "three_phase": True}, "the end is never reached"),
    (OneCycle, {"final_div_factor": -1.0}, "ends below zero"),
    (LinearWarmup, {"total_iters": 2.5}, "never arrives at the rate"),
    (Polynomial, {"power": -1.0}, "grows, and divides by zero at the end"),
    (ReduceOnPlateau, {"factor": -0.5}, "cuts to min_lr at once"),
    (ReduceOnPlateau, {"min_lr": 1.0}, "never cuts"),
    (ReduceOnPlateau, {"patience": -1}, "cuts even when the loss improves"),
]


@pytest.mark.parametrize("schedule, setting, what_pytorch_does", STRICTER)
def test_where_we_are_stricter(schedule, setting, what_pytorch_does):
    """PyTorch builds these without a word; here they are refused at construction."""
    defaults = {name: getattr(schedule(), name) for name in FIELDS[schedule]}
    torch_step(torch_with(TWINS[schedule], defaults | setting), 0)
    with pytest.raises(ValueError):
        schedule(**setting)


@drawn
@given(cyclicals(cycle_momentum=True), one_cycles(cycle_momentum=True))
def test_without_a_twin_it_says_so(cyclical, one_cycle):
    """Two that cycle momentum over one optimizer: a plan, but no scheduler, and no harm done."""
    both = cyclical.then(one_cycle, at=3)
    optimizer = an_optimizer()
    for face in (both.code, lambda: both.scheduler(optimizer)):
        with pytest.raises(ValueError, match="no PyTorch scheduler.*cycle_momentum=False"):
            face()
    assert optimizer.param_groups[0]["lr"] == 0.123
    assert both(3) == one_cycle(0)


# Not a function of t

plateaus = st.builds(
    ReduceOnPlateau,
    lr=st.sampled_from([0.1, 1.0]),
    mode=st.sampled_from(["min", "max"]),
    factor=st.sampled_from([0.1, 0.5, 0.0]) | st.floats(0, 0.99),
    patience=st.integers(0, 3),
    threshold=st.sampled_from([1e-4, 0.0, 0.1, 1.0, 2.0]) | st.floats(0, 0.5),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    cooldown=st.integers(0, 3),
    min_lr=st.sampled_from([0.0, 1e-3, 0.1]),
    eps=st.sampled_from([1e-8, 0.0, 1e-3, 0.06]),
)
tenths = st.integers(-15, 15).map(lambda n: n / 10)  # so that thresholds are met exactly
losses = st.lists(tenths | st.floats(-2, 2) | st.floats(), max_size=60)


@settings(drawn, max_examples=6 * EXAMPLES)
@given(plateaus, losses)
@example(ReduceOnPlateau(patience=0, threshold=0.1), [0.7, 0.63, 0.567])
@example(ReduceOnPlateau(lr=1.0, factor=0.5, patience=0, eps=0.5), [1.0, 1.0, 1.0])
@example(ReduceOnPlateau(patience=1, mode="max"), [-1.0, -1.00005, -1.0001, math.nan, math.inf])
def test_reduce_on_plateau(plateau, losses):
    """Given the same losses (NaN, infinite, negative), the rate of every epoch is PyTorch's."""
    optimizer = an_optimizer()
    scheduler = plateau.scheduler(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for loss in losses:
        optimizer.step()
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert plateau(losses).tolist() == rates
    figures = FIGURES["ReduceOnPlateau"]
    figures["cases"] += 1


def test_the_pasted_plateau():
    """`code()` of ReduceOnPlateau builds the scheduler that `scheduler` builds."""
    plateau = ReduceOnPlateau(patience=2, threshold_mode="abs", min_lr=0.01)
    pasted = eval(plateau.code(), {"torch": torch, "optimizer": an_optimizer(lr=plateau.lr)})
    ours = plateau.scheduler(an_optimizer()).state_dict()
    assert pasted.state_dict() == ours


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
