"""The trace of a run: what is recorded, when it is equal to the plan, and what it says if not.

Every mistake is made for real: a real optimizer, a real scheduler of PyTorch, a loop that holds
the mistake.
"""

import io
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_parity import EVERY, updates_of
from torch.optim import lr_scheduler

import lrcourse
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
    StepDecay,
    WarmRestarts,
)

matplotlib.use("Agg")

INF = float("inf")
NOTES = {None, "rate-never-changed", "peak-never-reached", "run-shorter", "run-longer"}


@pytest.fixture(autouse=True)
def quiet():
    """The mistakes below make PyTorch warn, where it notices them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def weight(size=3):
    return torch.nn.Parameter(torch.ones(size))


def sgd(lr=0.1, **options):
    return torch.optim.SGD([weight()], **{"lr": lr, "momentum": 0.9} | options)


def adamw(lr=0.1):
    return torch.optim.AdamW([weight()], lr=lr)


def run(optimizer, scheduler=None, updates=90, epoch=1):
    """A correct loop, traced: `scheduler.step()` after every `epoch` updates."""
    with lrcourse.trace(optimizer) as used:
        for update in range(1, updates + 1):
            optimizer.step()
            if scheduler and update % epoch == 0 and update < updates:
                scheduler.step()
    return used


def planned_run(plan, optimizer=None, updates=90, epoch=1):
    optimizer = optimizer or sgd()
    return run(optimizer, plan.scheduler(optimizer), updates, epoch)


# Recording


def test_the_rate_before_the_update_is_recorded():
    """StepLR(3) uses 0.1 three times, then 0.01."""
    optimizer = sgd()
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 3), updates=5)

    assert [0.1, 0.1, 0.1, 0.01, 0.01] == pytest.approx(used.lr.tolist(), rel=1e-12)
    assert used.lr.dtype == used.momentum.dtype == np.float64
    assert (5,) == used.lr.shape == used.momentum.shape


def test_recording_changes_nothing():
    """The weights after a traced run are those of a plain one, bit for bit."""

    def trained(trace):
        p = weight()
        optimizer = torch.optim.SGD([p], lr=0.01, momentum=0.9)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
        used = lrcourse.trace(optimizer)
        if trace:
            used.__enter__()
        for _ in range(20):
            optimizer.zero_grad()
            ((p - 3) ** 4).sum().backward()
            optimizer.step()
            scheduler.step()
        return p.detach().clone()

    assert torch.isfinite(trained(False)).all()
    assert torch.equal(trained(False), trained(True))


@pytest.mark.parametrize(
    "make, momentum",
    [
        (lambda p: torch.optim.SGD(p, lr=0.1), 0.0),
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.7), 0.7),
        (lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.6), 0.6),
        (lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.99)), 0.8),
        (lambda p: torch.optim.AdamW(p, lr=0.1), 0.9),
    ],
)
def test_momentum_is_that_of_sgd_or_beta1(make, momentum):
    """`used.momentum` is SGD's momentum, or Adam's beta1."""
    assert [momentum] * 3 == run(make([weight()]), updates=3).momentum.tolist()


def test_no_momentum():
    """An optimizer with neither momentum nor betas has momentum None."""
    assert run(torch.optim.Adagrad([weight()]), updates=3).momentum is None


def test_cycled_beta1_is_recorded():
    """One-cycle moves beta1 of AdamW, and the trace shows it."""
    plan = OneCycle(total_steps=50)
    used = planned_run(plan, adamw(), updates=50)

    np.testing.assert_allclose(used.momentum, plan.momentum(np.arange(50)), rtol=1e-12)


def test_every_param_group_is_recorded():
    """With two groups the shape is (updates, groups)."""
    optimizer = torch.optim.SGD([{"params": [weight()], "lr": 0.1}, {"params": [weight()]}], lr=1.0)
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 2), updates=3)

    np.testing.assert_allclose(used.lr, [[0.1, 1.0], [0.1, 1.0], [0.01, 0.1]], rtol=1e-12)
    assert (3, 2) == used.momentum.shape


def test_a_group_added_later_is_nan_before():
    """A group that is unfrozen in mid-run has no rate until then, and is compared from there."""
    optimizer = sgd()
    with lrcourse.trace(optimizer) as used:
        optimizer.step()
        optimizer.add_param_group({"params": [weight()], "lr": 0.5})
        optimizer.step()

    np.testing.assert_array_equal(used.lr, [[0.1, np.nan], [0.1, 0.5]])
    assert used.against([Constant(lr=0.1), Constant(lr=0.5)])
    assert used.against([Constant(lr=0.1), Constant(lr=0.4)]).first_difference[:4] == (
        1,
        0.4,
        0.5,
        1,
    )


def test_a_closure_is_one_update():
    """LBFGS calls its closure many times in a step; that is one update."""
    p = weight()
    optimizer, calls = torch.optim.LBFGS([p], lr=0.5), []

    def closure():
        calls.append(1)
        optimizer.zero_grad()
        loss = ((p - 3) ** 4).sum()
        loss.backward()
        return loss

    with lrcourse.trace(optimizer) as used:
        optimizer.step(closure)
        optimizer.step(closure)

    assert len(calls) > 2
    assert [0.5, 0.5] == used.lr.tolist()


@pytest.mark.parametrize("cls", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize("fused", [False, True])
def test_a_step_skipped_by_a_grad_scaler_is_no_update(cls, fused):
    """Infinite gradients leave the weights alone, and leave no row, whoever does the skipping."""
    p = weight()
    optimizer, scaler = cls([p], lr=0.1, fused=fused), torch.amp.GradScaler("cpu")
    assert fused == getattr(optimizer, "_step_supports_amp_scaling", False)
    moved = []
    with lrcourse.trace(optimizer) as used:
        for batch in range(6):
            optimizer.param_groups[0]["lr"] = 0.1 + batch
            before = p.detach().clone()
            optimizer.zero_grad()
            scaler.scale((p**2).sum() * (INF if batch in (0, 3) else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()
            moved.append(not torch.equal(before, p))
            assert sum(moved) == len(used)

    assert moved == [batch not in (0, 3) for batch in range(6)]
    assert [1.1, 2.1, 4.1, 5.1] == used.lr.tolist()
    assert 4 == len(used.momentum)


def test_a_tensor_rate_is_copied():
    """Schedulers change a tensor rate in place; the trace holds what it was at each update."""
    optimizer = sgd(lr=torch.tensor(0.1))
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 2), updates=5)

    np.testing.assert_allclose(used.lr, [0.1, 0.1, 0.01, 0.01, 0.001], rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tensor_rate_is_compared_to_its_precision(dtype):
    """A correct loop with a tensor rate is equal to its plan; a wrong one is not."""
    optimizer = sgd(lr=torch.tensor(0.1, dtype=dtype))
    used = run(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 300), updates=300)

    assert used.against(CosineAnnealing(lr=0.1, T_max=300))
    assert not used.against(CosineAnnealing(lr=0.1, T_max=301))


def test_traces_can_be_nested_and_repeated():
    """Two traces of one optimizer each record what happens in their own block."""
    optimizer = sgd()
    with lrcourse.trace(optimizer) as outer:
        optimizer.step()
        with lrcourse.trace(optimizer) as inner:
            optimizer.step()
        optimizer.step()
    with lrcourse.trace(optimizer) as after:
        optimizer.step()

    assert (3, 1, 1) == (len(outer), len(inner), len(after))


def test_a_trace_entered_again_goes_on():
    """The same trace in a second block adds to what it has; twice at once is refused."""
    optimizer = sgd()
    used = lrcourse.trace(optimizer)
    for _ in range(2):
        with used:
            optimizer.step()

    assert 2 == len(used)
    with used, pytest.raises(ValueError, match="already recording"):
        used.__enter__()


def test_an_error_in_the_block_keeps_the_record_and_removes_the_hook():
    """What was recorded before the error stays; later updates are not recorded."""
    optimizer = sgd()
    with pytest.raises(RuntimeError, match="out of memory"), lrcourse.trace(optimizer) as used:
        optimizer.step()
        raise RuntimeError("out of memory")
    optimizer.step()

    assert [0.1] == used.lr.tolist()
    assert not optimizer._optimizer_step_pre_hooks


def test_the_trace_can_be_read_while_it_records():
    """In the block, `lr`, `len` and `against` show what there is so far."""
    optimizer = sgd()
    with lrcourse.trace(optimizer) as used:
        optimizer.step()
        assert ([0.1], 1) == (used.lr.tolist(), len(used))
        assert used.against(Constant(lr=0.1))
        optimizer.step()
    assert 2 == len(used)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: lr_scheduler.StepLR(sgd(), 3), r"got StepLR: .*trace\(scheduler.optimizer\)"),
        (lambda: [sgd()], "got list"),
        (lambda: [weight()], "got list"),
        (lambda: None, "got NoneType"),
        (lambda: torch.optim.SGD, "got the class SGD"),
    ],
)
def test_what_is_no_optimizer_is_refused(wrong, message):
    """The error names what was handed over, and what to hand over."""
    with pytest.raises(ValueError, match=message):
        lrcourse.trace(wrong())


def test_reprs_are_stable():
    """A notebook stores them: no addresses, the same from run to run."""
    plan = StepDecay(step_size=30)
    shown = [repr(planned_run(plan)) for _ in range(2)]

    assert shown == ["<Trace of SGD: 90 updates, learning rate 0.1 first, 0.001 last>"] * 2
    assert "<Trace of SGD: no updates>" == repr(lrcourse.trace(sgd()))
    report = planned_run(plan).against(plan)
    assert "Planned and used are equal at all 90 updates." == repr(report) == str(report)


def test_the_recorder_imports_neither_torch_nor_matplotlib():
    """Reaching `lrcourse.trace` in a fresh process loads neither."""
    code = (
        "import sys, lrcourse; lrcourse.trace; "
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


# Correct loops are never accused


WARM = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
FITTING = [  # each with the number of t that it is made for
    (StepDecay(step_size=20), 60),
    (MultiStepDecay(milestones=[20, 40]), 60),
    (ExponentialDecay(gamma=0.95), 60),
    (CosineAnnealing(T_max=60), 60),
    (WarmRestarts(T_0=20), 60),
    (Cyclical(step_size_up=10), 60),
    (Cyclical(step_size_up=5, step_size_down=15, mode="triangular2"), 60),
    (Cyclical(step_size_up=10, mode="exp_range", gamma=0.99), 60),
    (OneCycle(total_steps=60), 60),
    (OneCycle(total_steps=60, three_phase=True, anneal_strategy="linear"), 60),
    (LinearWarmup(total_iters=10), 60),
    (Constant(), 60),
    (Polynomial(total_iters=60), 60),
    (lrcourse.InverseSqrt(timescale=10), 60),
    (Custom(factor=lambda t: 1 / (1 + t)), 60),
    (Custom(factor=lambda t: 0.97, running_product=True), 60),
    (WARM.then(CosineAnnealing(lr=0.1, T_max=50), at=10), 60),
    (WARM.then(Constant(lr=0.1), at=10).then(Polynomial(lr=0.1, total_iters=20), at=40), 60),
    (Constant(lr=0.02).then(StepDecay(lr=0.1, step_size=20), at=20), 60),
]


def test_every_schedule_is_among_the_correct_loops():
    """A schedule added to the course without a loop here fails."""
    assert {*SCHEDULES, Custom, lrcourse.Sequential} == {type(plan) for plan, _ in FITTING}


@pytest.mark.parametrize("epoch", [1, 7], ids=["per batch", "per epoch"])
@pytest.mark.parametrize("make", [sgd, adamw])
@pytest.mark.parametrize("plan, length", FITTING, ids=lambda v: type(v).__name__)
def test_a_correct_loop_is_not_accused(plan, length, make, epoch):
    """Planned and used are equal, and nothing is to be said."""
    used = planned_run(plan, make(), updates=length * epoch, epoch=epoch)
    unit = {"unit": "epoch", "steps_per_epoch": epoch} if epoch > 1 else {}
    report = used.against(plan, **unit)

    assert report and report.equal, report
    assert (None, None, ()) == (report.first_difference, report.cause, report.also), report


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(EVERY, st.sampled_from([sgd, adamw]), st.integers(1, 4), st.integers(1, 160))
def test_a_drawn_schedule_is_not_accused(plan, make, epoch, length):
    """Whatever the schedule, its parameters and the length of the run: no difference."""
    length = min(length, updates_of(plan))
    used = planned_run(plan, make(), updates=length * epoch, epoch=epoch)
    unit = {"unit": "epoch", "steps_per_epoch": epoch} if epoch > 1 else {}
    report = used.against(plan, **unit)

    assert report.equal, report
    assert report.cause in NOTES


def test_a_long_correct_loop_is_not_accused():
    """The rounding that PyTorch's recursion adds up in 30,000 steps is no difference."""
    assert planned_run(CosineAnnealing(T_max=25_000), updates=30_000).against(
        CosineAnnealing(T_max=25_000)
    )


def test_a_loop_with_skipped_updates_that_waits_is_not_accused():
    """With the scheduler stepped only after real updates, a GradScaler's skips change nothing."""
    plan, p = CosineAnnealing(T_max=20), weight()
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), torch.amp.GradScaler("cpu")
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(23):
            amp_batch(p, optimizer, scaler, INF if batch in (0, 5, 6) else 1.0)
            if batch not in (0, 5, 6):
                scheduler.step()

    assert 20 == len(used)
    assert used.against(plan)


def amp_batch(p, optimizer, scaler, scale):
    optimizer.zero_grad()
    scaler.scale((p**2).sum() * scale).backward()
    scaler.step(optimizer)
    scaler.update()


def test_rates_set_by_hand_are_not_accused():
    """A loop without any scheduler that writes the rate before each update is as planned."""
    plan, optimizer = CosineAnnealing(T_max=30), sgd()
    with lrcourse.trace(optimizer) as used:
        for t in range(30):
            optimizer.param_groups[0]["lr"] = plan(t)
            optimizer.step()

    assert used.against(plan).cause is None
    assert used.against(plan(np.arange(30)))
    assert used.against([plan(t) for t in range(30)])
    assert used.against(lambda t: plan(t))


def test_plateau_is_compared_as_an_array():
    """`ReduceOnPlateau` depends on the losses: the rates it gives for them are the plan."""
    losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.8]
    plan, optimizer = ReduceOnPlateau(lr=0.1, patience=1), sgd()
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for loss in losses:
            for _ in range(5):
                optimizer.step()
            scheduler.step(loss)

    assert used.against(plan(losses)[:-1], unit="epoch", steps_per_epoch=5).cause is None


def test_each_param_group_can_have_its_own_plan():
    """Two groups at two rates are equal to two plans."""
    optimizer = torch.optim.SGD([{"params": [weight()], "lr": 0.1}, {"params": [weight()]}], lr=1.0)
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 30))

    assert used.against([StepDecay(lr=0.1), StepDecay(lr=1.0)])
    report = used.against(StepDecay(lr=0.1))
    assert (1, "another-rate") == (report.first_difference.group, report.cause)
    assert "In param group 1" in report.message
    assert "used.against([plan, other_plan])" in report.message


def test_a_resumed_run_is_compared_from_where_it_resumes():
    """With both states loaded, a trace of the second half is equal with `start`."""
    plan = CosineAnnealing(T_max=90)
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)
    run(optimizer, scheduler, updates=40)
    scheduler.step()
    saved = optimizer.state_dict(), scheduler.state_dict()
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])

    assert run(optimizer, scheduler, updates=50).against(plan, start=40).cause is None
