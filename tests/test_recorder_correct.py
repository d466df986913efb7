"""Correct loops, 200 of them drawn, and none is accused.

What may differ from loop to loop: the schedule, the optimizer, how its rate is kept, how the
update is made, whether t counts updates or epochs, and how the plan is handed over.
"""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lrcourse
from lrcourse import (
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    InverseSqrt,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    StepDecay,
    WarmRestarts,
)

STEPS = 60
WARM = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
PLANS = [
    StepDecay(step_size=20),
    MultiStepDecay(milestones=[20, 40]),
    ExponentialDecay(gamma=0.95),
    CosineAnnealing(T_max=STEPS),
    CosineAnnealing(T_max=STEPS, eta_min=0.01),
    WarmRestarts(T_0=20),
    Cyclical(step_size_up=10),
    OneCycle(total_steps=STEPS),
    Polynomial(total_iters=STEPS),
    InverseSqrt(timescale=10),
    Constant(),
    WARM.then(CosineAnnealing(T_max=50), at=10),
    WARM.then(Constant(), at=10).then(Polynomial(total_iters=20), at=40),
]


@pytest.fixture(autouse=True, scope="module")
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def weight():
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = torch.full((2,), 1e-3)
    return p


def sgd(groups, lr, **how):
    return torch.optim.SGD(groups, lr=lr, momentum=0.9, **how)


def adamw(groups, lr, **how):
    return torch.optim.AdamW(groups, lr=lr, **how)


HOW = {  # how the optimizer makes its updates
    "plain": {},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}


def made(make, how, kept, groups):
    """An optimizer with its rate as a float or as a tensor, and one or two param groups."""
    lr = torch.tensor(0.1) if kept == "tensor" and how != "foreach" else 0.1
    return make([{"params": [weight()]} for _ in range(groups)], lr, **HOW[how])


def handed_over(plan, as_what):
    """The same plan, as a schedule, a list, or a function, in as many digits as others give."""
    rates = plan(np.arange(STEPS))
    return {
        "schedule": plan,
        "list": rates.tolist(),
        "function": lambda t: plan(t),
        "float32": rates.astype(np.float32),
        "float32 function": lambda t: np.float32(plan(t)),
        "tensor": torch.tensor(rates),
        "bfloat16": torch.tensor(rates, dtype=torch.bfloat16),
    }[as_what]


@settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    st.sampled_from(PLANS),
    st.sampled_from([sgd, adamw]),
    st.sampled_from(sorted(HOW)),
    st.sampled_from(["float", "tensor"]),
    st.integers(1, 2),
    st.sampled_from([1, 1, 2, 5]),
    st.sampled_from(["one", "list"]),
    st.sampled_from(
        ["schedule", "list", "function", "float32", "float32 function", "tensor", "bfloat16"]
    ),
    st.integers(0, 40),
)
def test_a_correct_loop_is_not_accused(
    plan, make, how, kept, groups, per_epoch, lengths, as_what, resumed_at
):
    """Equal, whatever the loop is made of; resumed with both states, too."""
    optimizer = made(make, how, kept, groups)
    scheduler = plan.scheduler(optimizer)
    each = [per_epoch + (e % 2 if lengths == "list" else 0) for e in range(STEPS)]
    start = resumed_at if as_what == "schedule" else 0

    def epochs(begin, end):
        for e in range(begin, end):
            for _ in range(each[e]):
                optimizer.step()
            if e < STEPS - 1:
                scheduler.step()

    epochs(0, start)
    if start:
        saved = optimizer.state_dict(), scheduler.state_dict()
        optimizer = made(make, how, kept, groups)
        scheduler = plan.scheduler(optimizer)
        optimizer.load_state_dict(saved[0])
        scheduler.load_state_dict(saved[1])
    with lrcourse.trace(optimizer) as used:
        epochs(start, STEPS)
    in_epochs = each != [1] * STEPS
    steps = {"unit": "epoch", "steps_per_epoch": each[start:]} if in_epochs else {}
    report = used.against(handed_over(plan, as_what), start=start, **steps)

    assert report.equal, report
    assert report.cause in (None, "momentum"), report  # of which a list of rates says nothing


def test_rates_rounded_on_the_way_are_not_accused():
    """`.item()` of a float32 or bf16 tensor gives a float that holds no more than that."""
    plan = CosineAnnealing(lr=0.1, T_max=STEPS)
    for dtype in (torch.float32, torch.bfloat16):
        optimizer = sgd([weight()], 0.1)
        with lrcourse.trace(optimizer) as used:
            for t in range(STEPS):
                optimizer.param_groups[0]["lr"] = torch.tensor(plan(t), dtype=dtype).item()
                optimizer.step()
        report = used.against(plan)

        assert report.equal, report
        assert str(dtype).split(".")[1] in report.message


def test_averaged_weights_are_not_accused():
    """SWA's own scheduler, after a cosine: the plan has both."""
    optimizer = sgd([weight()], 0.1)
    cosine = CosineAnnealing(T_max=40).scheduler(optimizer)
    swa = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=5)
    with lrcourse.trace(optimizer) as used:
        for t in range(STEPS):
            optimizer.step()
            (cosine if t < 30 else swa).step()

    assert len(set(used.lr[-20:])) == 1
    assert used.against(used.lr.tolist()).equal


def test_accumulated_gradients_are_not_accused():
    """Both are stepped at every fourth batch."""
    plan, optimizer = OneCycle(total_steps=STEPS), adamw([weight()], 0.1)
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(1, 4 * STEPS + 1):
            if batch % 4 == 0:
                optimizer.step()
                if batch < 4 * STEPS:
                    scheduler.step()

    assert used.against(plan).cause is None


def test_a_long_run_with_a_tensor_rate_is_not_accused():
    """What float32 loses in 4,000 steps of a recursion is made again, and not called a mistake."""
    plan, optimizer = CosineAnnealing(lr=0.01, T_max=4000), sgd([weight()], torch.tensor(0.01))
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for _ in range(4000):
            optimizer.step()
            scheduler.step()

    assert np.abs(used.lr / plan(np.arange(4000)) - 1).max() > 1e-6
    assert used.against(plan).cause is None
    assert used.against(lambda t: plan(t)).equal


HALVES = [math.sqrt(0.9997)] * 2


def run_by(change, lr, updates):
    """`change(rate, t)` is called after every update, with the tensor that holds the rate."""
    optimizer = sgd([weight()], lr)
    with lrcourse.trace(optimizer) as used:
        for t in range(updates):
            optimizer.step()
            change(lr, t)
    return used


@pytest.mark.parametrize("updates", [300, 3000])
@pytest.mark.parametrize(
    "plan, change",
    [
        (lambda n: Polynomial(total_iters=n), lambda n: lambda lr, t: lr.sub_(0.1 / n)),
        (
            lambda n: ExponentialDecay(gamma=0.9997),
            lambda n: lambda lr, t: [lr.mul_(half) for half in HALVES],
        ),
    ],
    ids=["subtracted", "multiplied twice"],
)
def test_other_arithmetic_in_a_tensor_is_not_accused(plan, change, updates):
    """A loop that writes its own recursion rounds elsewhere than PyTorch: that is no mistake."""
    used = run_by(change(updates), torch.tensor(0.1), updates)
    off = np.abs(used.lr - plan(updates)(np.arange(updates))).max()

    assert off > 1e-7
    assert used.against(plan(updates)).equal, used.against(plan(updates))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: type(plan).__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_scheduler_that_rounds_each_time_is_equal_or_said_to(plan, dtype):
    """Its rates are made again in the same arithmetic: where sixteen bits lead far off, it says so."""
    optimizer = sgd([weight()], torch.tensor(0.1, dtype=dtype))
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for _ in range(STEPS):
            optimizer.step()
            scheduler.step()
    off = np.abs(used.lr - plan(np.arange(STEPS))).max() / plan.peak
    report = used.against(plan)

    if off > 0.02:
        assert report.cause == "rounded-each-time", report
        assert dtype is torch.bfloat16 and "held in a bfloat16 tensor" in report.message
    elif not report.equal:
        assert report.cause == "rounded-each-time" and off > 0.001, report


def test_a_tensor_that_cannot_hold_the_steps_is_not_called_equal():
    """A bf16 rate of 0.1 from which 0.0001 is taken never moves: the plan is not what trained."""
    plan = Polynomial(total_iters=1000)
    used = run_by(lambda lr, t: lr.sub_(0.0001), torch.tensor(0.1, dtype=torch.bfloat16), 1000)
    report = used.against(plan)

    assert len(set(used.lr)) == 1
    assert not report.equal and report.cause == "rounded-each-time"
    assert "optimizer-replaced" in report.also or "never-stepped" in report.also


def test_a_tensor_rate_that_is_a_little_off_is_not_called_rounding():
    """Half a per cent is more than float32 loses in a hundred updates."""
    plan = CosineAnnealing(lr=0.1, T_max=STEPS)
    waves = plan(np.arange(STEPS + 1)) * (1 + 0.005 * np.sin(np.arange(STEPS + 1) ** 2))
    used = run_by(lambda lr, t: lr.fill_(waves[t + 1]), torch.tensor(0.1), STEPS)

    assert not used.against(plan).equal
