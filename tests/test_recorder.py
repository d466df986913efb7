"""The trace of a run: what is recorded, when it is equal to the plan, and what it says if not.

Every mistake is made for real: a real optimizer, a real scheduler of PyTorch, a loop that holds
the mistake.
"""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schedules import TABLE
from test_parity import EVERY, updates_of
from torch.optim import lr_scheduler

import lrcourse
from lrcourse import (
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
)

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

    assert pytest.approx(used.lr.tolist(), rel=1e-12) == [0.1, 0.1, 0.1, 0.01, 0.01]
    assert used.lr.dtype == used.momentum.dtype == np.float64
    assert (5,) == used.lr.shape == used.momentum.shape


def test_what_changes_the_rate_after_the_update_comes_too_late():
    """A hook that runs right after the update changes the next rate, not the one recorded."""
    optimizer = sgd()
    optimizer.register_step_post_hook(lambda *_: optimizer.param_groups[0].update(lr=0.5))

    assert run(optimizer, updates=2).lr.tolist() == [0.1, 0.5]


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


@pytest.mark.parametrize(
    "plan",
    [
        OneCycle(total_steps=20),
        OneCycle(total_steps=20, cycle_momentum=False),
        OneCycle(total_steps=20)(np.arange(20)).tolist(),
    ],
    ids=["cycled", "left alone", "a list"],
)
@pytest.mark.parametrize("by, told", [(0.0, False), (1e-13, False), (1e-9, True)])
def test_momentum_is_compared_to_rounding(plan, by, told):
    """Where the rates are as planned, momentum that is off by 1e-9 is told, rounding is not."""
    cycled = OneCycle(total_steps=20)
    momentum = cycled.momentum if plan == cycled else lambda t: 0.9
    optimizer = sgd()
    with lrcourse.trace(optimizer) as used:
        for t in range(20):
            optimizer.param_groups[0].update(lr=cycled(t), momentum=momentum(t) + by * (t == 7))
            optimizer.step()

    assert (used.against(plan).cause == "momentum") == told


def test_every_param_group_is_recorded():
    """With two groups the shape is (updates, groups)."""
    optimizer = torch.optim.SGD([{"params": [weight()], "lr": 0.1}, {"params": [weight()]}], lr=1.0)
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 2), updates=3)

    np.testing.assert_allclose(used.lr, [[0.1, 1.0], [0.1, 1.0], [0.01, 0.1]], rtol=1e-12)
    assert used.momentum.shape == (3, 2)


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


def test_a_group_added_later_is_compared_from_its_first_update():
    """Its plan does not begin again: at update 20 it uses the plan's rate at t=20."""
    plan, optimizer = CosineAnnealing(T_max=50), sgd()
    with lrcourse.trace(optimizer) as used:
        for t in range(50):
            if t == 20:
                optimizer.add_param_group({"params": [weight()]})
            for group in optimizer.param_groups:
                group["lr"] = plan(t)
            optimizer.step()

    assert used.against(plan).cause is None


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
    assert used.lr.tolist() == [0.5, 0.5]


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
    assert used.lr.tolist() == [1.1, 2.1, 4.1, 5.1]
    assert len(used.momentum) == 4


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

    assert (len(outer), len(inner), len(after)) == (3, 1, 1)


def test_a_trace_entered_again_goes_on():
    """The same trace in a second block adds to what it has; twice at once is refused."""
    optimizer = sgd()
    used = lrcourse.trace(optimizer)
    for _ in range(2):
        with used:
            optimizer.step()

    assert len(used) == 2
    with used, pytest.raises(ValueError, match="already recording"):
        used.__enter__()


def test_an_error_in_the_block_keeps_the_record_and_removes_the_hook():
    """What was recorded before the error stays; later updates are not recorded."""
    optimizer = sgd()
    with pytest.raises(RuntimeError, match="out of memory"), lrcourse.trace(optimizer) as used:
        optimizer.step()
        raise RuntimeError("out of memory")
    optimizer.step()

    assert used.lr.tolist() == [0.1]
    assert not optimizer._optimizer_step_pre_hooks


def test_the_trace_can_be_read_while_it_records():
    """In the block, `lr`, `len` and `against` show what there is so far."""
    optimizer = sgd()
    with lrcourse.trace(optimizer) as used:
        optimizer.step()
        assert (used.lr.tolist(), len(used)) == ([0.1], 1)
        assert used.against(Constant(lr=0.1))
        optimizer.step()
    assert len(used) == 2


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: lr_scheduler.StepLR(sgd(), 3), r"got StepLR: .*trace\(scheduler.optimizer\)"),
        (lambda: [], "got list"),
        (lambda: [weight()], "got Parameter"),
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
    assert repr(lrcourse.trace(sgd())) == "<Trace of SGD: no updates>"
    two = torch.optim.SGD([{"params": [weight()]}, {"params": [weight()], "lr": 0.5}], lr=0.1)
    with lrcourse.trace(two) as used:
        two.step()
    assert repr(used).endswith("1 updates, learning rate 0.1 and 0.5 first, 0.1 and 0.5 last>")
    report = planned_run(plan).against(plan)
    assert "Planned and used are equal at all 90 updates." == repr(report) == str(report)


def test_the_recorder_imports_neither_torch_nor_matplotlib():
    """Reaching `lrcourse.trace` in a fresh process loads neither."""
    code = (
        "import sys, lrcourse; lrcourse.trace; "
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# Correct loops are never accused


WARM = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
FITTING = [fit for row in TABLE.values() for fit in row.fits]


@pytest.mark.parametrize("epoch", [1, 7], ids=["per batch", "per epoch"])
@pytest.mark.parametrize("make", [sgd, adamw])
@pytest.mark.parametrize("plan, length", FITTING, ids=lambda v: type(v).__name__)
def test_a_correct_loop_is_not_accused(plan, length, make, epoch):
    """Planned and used are equal, and nothing is to be said."""
    used = planned_run(plan, make(), updates=length * epoch, epoch=epoch)
    unit = {"unit": "epoch", "steps_per_epoch": epoch} if epoch > 1 else {}
    report = used.against(plan, **unit)

    assert report and report.equal, report
    assert (report.first_difference, report.cause, report.also) == (None, None, ()), report


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


@pytest.mark.parametrize("T_max, updates", [(25_000, 30_000), (7, 3_000), (90, 9_000)])
def test_a_long_correct_loop_is_not_accused(T_max: int, updates: int):
    """The rounding that PyTorch's recursion adds up in thousands of steps is no difference."""
    plan = CosineAnnealing(T_max=T_max)

    assert planned_run(plan, updates=updates).against(plan)


@pytest.mark.parametrize("T_max, per_epoch", [(10, 391), (90, 100), (100, 97)])
def test_a_long_run_stepped_per_batch_is_named(T_max: int, per_epoch: int):
    """T_max in epochs, a step at every batch: named after thousands of updates, too."""
    plan = CosineAnnealing(T_max=T_max)
    used = planned_run(plan, updates=T_max * per_epoch)

    assert used.against(plan, unit="epoch", steps_per_epoch=per_epoch).cause == "stepped-per-batch"


def off_by(share, plan, updates=90):
    """A run in which every rate is off by this share of itself."""
    optimizer = sgd(lr=plan(0))
    with lrcourse.trace(optimizer) as used:
        for t in range(updates):
            optimizer.param_groups[0]["lr"] = plan(t) * (1 + share)
            optimizer.step()
    return used.against(plan)


@pytest.mark.parametrize("share", [1e-11, -1e-11, 1e-9, 1e-6])
def test_a_small_difference_is_no_rounding(share):
    """A rate that is off by more than 1e-12 of itself is not equal, from the first update on."""
    report = off_by(share, CosineAnnealing(lr=0.1, T_max=90))

    assert not report.equal
    assert report.first_difference.update == 0


@pytest.mark.parametrize("share", [1e-13, -1e-13])
def test_rounding_is_no_difference(share):
    """What rounding does to a rate in a long recursion, less than 1e-12 of it, is equal."""
    assert off_by(share, CosineAnnealing(lr=0.1, T_max=90)).equal


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

    assert len(used) == 20
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


def test_a_plan_is_known_by_what_it_is_not_by_its_names():
    """A function with a `patience` of its own is a plan; what depends on the losses is none."""

    class Waits:
        patience = 3

        def __call__(self, t):
            return 0.1

    optimizer = sgd(0.1)
    with lrcourse.trace(optimizer) as used:
        for _ in range(5):
            optimizer.step()

    assert used.against(Waits()).equal
    with pytest.raises(ValueError, match="its rates depend on the losses"):
        used.against(ReduceOnPlateau())


def test_each_param_group_can_have_its_own_plan():
    """Two groups at two rates are equal to two plans."""
    optimizer = torch.optim.SGD([{"params": [weight()], "lr": 0.1}, {"params": [weight()]}], lr=1.0)
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 30))

    assert used.against([StepDecay(lr=0.1), StepDecay(lr=1.0)])
    report = used.against(StepDecay(lr=0.1))
    assert (report.first_difference.group, report.cause) == (1, "another-rate")
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


# Mistakes: each made for real, each named


def wrong_loop(optimizer, updates, step, before=False):
    """A loop with `step(update)` after each update, or before it."""
    with lrcourse.trace(optimizer) as used:
        for update in range(updates):
            if before:
                step(update)
            optimizer.step()
            if not before:
                step(update)
    return used


def attached(plan, optimizer=None):
    optimizer = optimizer or sgd()
    return optimizer, plan.scheduler(optimizer)


SHAPES = [
    StepDecay(step_size=30),
    CosineAnnealing(T_max=90, eta_min=0.001),
    OneCycle(total_steps=90),
    WARM.then(CosineAnnealing(lr=0.1, T_max=80), at=10),
]
each_shape = pytest.mark.parametrize("plan", SHAPES, ids=lambda plan: type(plan).__name__)


@each_shape
def test_never_stepped(plan):
    """Without scheduler.step() the rate stays where the plan starts."""
    optimizer, _ = attached(plan)
    report = run(optimizer, updates=90).against(plan)

    assert not report
    assert report.cause == "never-stepped"
    assert "call scheduler.step() after every optimizer.step()" in report.message


def test_the_report_reads_as_sentences():
    """Where they part, what it looks like, how to mend it, a line each."""
    plan = StepDecay(step_size=30)
    optimizer, _ = attached(plan)
    report = run(optimizer).against(plan)

    assert report.first_difference == (30, plan(30), 0.1, 0, "lr")
    assert str(report).splitlines() == [
        "The rates part at update 30: planned 0.01, used 0.1.",
        "It looks as if the scheduler was never stepped, or only with the loss as its argument, "
        "scheduler.step(loss), which it takes for t.",
        "To mend it: call scheduler.step() after every optimizer.step(). If you do, it was built "
        "for another optimizer than the one you train with.",
    ]


@each_shape
def test_optimizer_replaced(plan):
    """A scheduler drives the optimizer that it was built for, not the one made after it."""
    _, scheduler = attached(plan)
    optimizer = sgd(lr=0.05)
    report = wrong_loop(optimizer, 80, lambda update: scheduler.step()).against(plan)

    assert report.cause == "optimizer-replaced"
    assert "stayed at 0.05" in report.message


def test_no_scheduler_at_all():
    """Built with the plan's own rate and never driven: that, too, is no scheduler left unstepped."""
    assert run(sgd(lr=0.1)).against(StepDecay(lr=0.1)).cause == "optimizer-replaced"


def test_nothing_recorded():
    """The trace of the optimizer that was replaced has no updates, and the report says so."""
    old, new = sgd(), sgd()
    with lrcourse.trace(old) as used:
        new.step()
    report = used.against(StepDecay())

    assert (report.equal, report.cause, report.first_difference) == (False, "no-updates", None)
    assert "Trace the optimizer that you train with" in report.message
    assert used.lr.shape == (0,)


@each_shape
def test_stepped_before_the_optimizer(plan):
    """scheduler.step() first makes every rate one update early."""
    optimizer, scheduler = attached(plan)
    used = wrong_loop(optimizer, 89, lambda update: scheduler.step(), before=True)
    report = used.against(plan)

    assert report.cause == "stepped-before-optimizer"
    assert "one update early" in report.message


@each_shape
def test_stepped_before_the_epoch(plan):
    """The same, with a scheduler that counts epochs."""
    optimizer, scheduler = attached(plan)
    used = wrong_loop(
        optimizer, 8 * 89, lambda update: update % 8 == 0 and scheduler.step(), before=True
    )
    report = used.against(plan, unit="epoch", steps_per_epoch=8)

    assert report.cause == "stepped-before-optimizer"
    assert "one epoch early" in report.message


@pytest.mark.parametrize("told", [True, False], ids=["told the epoch", "not told"])
@each_shape
def test_stepped_per_epoch(plan, told):
    """A plan in updates, stepped once per epoch: each rate lasts an epoch."""
    used = planned_run(plan, updates=90 * 12, epoch=12)
    report = used.against(plan, steps_per_epoch=12 if told else None)

    assert report.cause == "stepped-per-epoch"
    assert "every 12 updates" in report.message
    assert 'unit="epoch"' in report.message


@each_shape
def test_stepped_per_batch(plan):
    """A plan in epochs, stepped at every update: over after a few epochs."""
    report = planned_run(plan, updates=90).against(plan, unit="epoch", steps_per_epoch=6)

    assert report.cause == "stepped-per-batch"
    assert "at the end of every epoch" in report.message


@each_shape
def test_used_up_before_training(plan):
    """A cell that steps the scheduler to plot it leaves the training with the rest."""
    optimizer, scheduler = attached(plan)
    for _ in range(35):
        optimizer.step()
        scheduler.step()
    report = run(optimizer, scheduler, updates=50).against(plan)

    assert report.cause == "used-up-before-training"
    if not isinstance(plan, StepDecay):  # a staircase does not show exactly how many
        assert "stepped 35 times" in report.message


def test_used_up_by_two():
    """Two steps too many are not taken for a wrong order, which makes one."""
    optimizer, scheduler = attached(CosineAnnealing(T_max=90))
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    report = run(optimizer, scheduler, updates=50).against(CosineAnnealing(T_max=90))

    assert report.cause == "used-up-before-training"
    assert "stepped 2 times" in report.message


@each_shape
def test_one_update_late(plan):
    """A rate that is set after the update it is meant for serves the next one."""
    optimizer = sgd(lr=0.123)

    def set_rate(update):
        optimizer.param_groups[0]["lr"] = plan(update)

    report = wrong_loop(optimizer, 90, set_rate).against(plan)

    assert report.cause == "one-late"
    assert report.first_difference.update == 0


@each_shape
def test_rate_as_factor(plan):
    """LambdaLR multiplies by the optimizer's lr: given a rate, it makes the rate too small."""
    optimizer = sgd(lr=0.01)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: plan(t))
    report = run(optimizer, scheduler, updates=90).against(plan)

    assert report.cause == "rate-as-factor"
    assert "lr=0.01" in report.message


@pytest.mark.parametrize("plan", SHAPES[:1] + [ExponentialDecay(), Polynomial(total_iters=90)])
def test_built_with_another_rate(plan):
    """The plan starts at 0.1, the optimizer was built with 0.03."""
    optimizer = sgd(lr=0.03)
    scheduler = getattr(lr_scheduler, plan._twin)(optimizer, **plan._arguments())
    report = run(optimizer, scheduler, updates=90).against(plan)

    assert report.cause == "another-rate"
    assert "0.3 times" in report.message


@pytest.mark.parametrize("decay", [StepDecay(step_size=30), CosineAnnealing(T_max=90)])
def test_two_schedulers_alike(decay):
    """Two schedulers on one optimizer, both stepped, decay twice."""
    optimizer, first = attached(decay)
    _, second = attached(decay, optimizer)

    def step(update):
        first.step()
        second.step()

    report = wrong_loop(optimizer, 80, step).against(decay)

    assert report.cause == "two-schedulers"
    assert "one scheduler for one optimizer" in report.message


def test_a_second_exponential_scheduler():
    """StepLR and ExponentialLR chained: the steps are there, and a decay besides."""
    plan = StepDecay(step_size=30)
    optimizer, first = attached(plan)
    second = lr_scheduler.ExponentialLR(optimizer, 0.99)

    def step(update):
        first.step()
        second.step()

    report = wrong_loop(optimizer, 90, step).against(plan)

    assert report.cause == "two-schedulers"
    assert "0.99" in report.message


def test_a_rate_edited_in_mid_run():
    """A rate halved by hand stays halved under a scheduler that multiplies."""
    optimizer, scheduler = attached(CosineAnnealing(T_max=90))

    def step(update):
        scheduler.step()
        if update == 40:
            optimizer.param_groups[0]["lr"] *= 0.5

    report = wrong_loop(optimizer, 90, step).against(CosineAnnealing(T_max=90))

    assert (report.cause, report.first_difference.update) == ("rate-edited", 41)
    assert "by 0.5 at update 41" in report.message


def test_stepped_twice_per_update():
    """Two calls per update run through the plan at double speed."""
    plan = CosineAnnealing(T_max=90)
    optimizer, scheduler = attached(plan)

    def step(update):
        scheduler.step()
        scheduler.step()

    report = wrong_loop(optimizer, 60, step).against(plan)

    assert report.cause == "stepped-too-often"
    assert "2 times for every update" in report.message


def test_stepped_per_batch_with_accumulated_gradients():
    """The optimizer steps every 4 batches, the scheduler every batch."""
    plan = WARM.then(CosineAnnealing(lr=0.1, T_max=150), at=10)
    optimizer, scheduler = attached(plan)
    with lrcourse.trace(optimizer) as used:
        for batch in range(1, 161):
            if batch % 4 == 0:
                optimizer.step()
            scheduler.step()
    report = used.against(plan)

    assert report.cause == "stepped-too-often"
    assert "accumulated over 4 batches" in report.message


@pytest.mark.parametrize("fused", [False, True])
def test_scheduler_stepped_though_the_update_was_skipped(fused):
    """A GradScaler skips updates in mid-run, the scheduler goes on: ahead from there."""
    plan, p = CosineAnnealing(T_max=90), weight()
    optimizer, scaler = torch.optim.SGD([p], lr=0.1, fused=fused), torch.amp.GradScaler("cpu")
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(60):
            amp_batch(p, optimizer, scaler, INF if batch in (10, 30, 31) else 1e-3)
            scheduler.step()
    report = used.against(plan)

    assert report.cause == "update-skipped"
    assert report.first_difference.update == 10
    assert "3 more times" in report.message
    assert "GradScaler" in report.message


def test_scheduler_built_anew_in_every_epoch():
    """Built inside the loop over epochs, it gives the plan's first rates again and again."""
    plan, optimizer = OneCycle(total_steps=100), sgd()
    with lrcourse.trace(optimizer) as used:
        for _ in range(5):
            scheduler = plan.scheduler(optimizer)
            for _ in range(20):
                optimizer.step()
                scheduler.step()
    report = used.against(plan)

    assert report.cause == "scheduler-rebuilt"
    assert "every 20 updates" in report.message


def cut(plan, keep, at=40, updates=50):
    """A run cut at `at` and resumed with only the state named in `keep`; the second trace."""
    optimizer, scheduler = attached(plan)
    for _ in range(at):
        optimizer.step()
        scheduler.step()
    states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    optimizer, scheduler = attached(plan)
    if "optimizer" in keep:
        optimizer.load_state_dict(states["optimizer"])
    if "scheduler" in keep:
        scheduler.load_state_dict(states["scheduler"])
    return run(optimizer, scheduler, updates=updates)


RESUMED = [
    StepDecay(step_size=15),
    CosineAnnealing(T_max=120, eta_min=0.001),
    Custom(factor=lambda t: 1 / (1 + t)),
    OneCycle(total_steps=120),
]


@pytest.mark.parametrize("keep", [(), ("optimizer",), ("scheduler",)], ids=str)
@pytest.mark.parametrize("plan", RESUMED, ids=lambda plan: type(plan).__name__)
def test_resumed_without_state(plan, keep):
    """Either state missing, and the rates are not those of a run that was never cut."""
    report = cut(plan, keep).against(plan, start=40)

    assert report.cause == "resumed-without-state"
    assert "save and load both" in report.message
    words = f"only the state of the {keep[0]} is loaded" if keep else "resumed without its state"
    assert words in report.message


@pytest.mark.parametrize("plan", RESUMED, ids=lambda plan: type(plan).__name__)
def test_resumed_with_both_states(plan):
    """With both, nothing is to be said."""
    assert cut(plan, ("optimizer", "scheduler")).against(plan, start=40).equal


@pytest.mark.parametrize("plan", RESUMED, ids=lambda plan: type(plan).__name__)
def test_resumed_in_mid_trace(plan):
    """A scheduler built again on the same optimizer, in the middle of the trace."""
    optimizer, scheduler = attached(plan)
    with lrcourse.trace(optimizer) as used:
        for update in range(90):
            if update == 50:
                scheduler = plan.scheduler(optimizer)
            optimizer.step()
            scheduler.step()
    report = used.against(plan)

    assert report.cause == "resumed-without-state"


def test_no_known_cause():
    """Rates that no known mistake gives: the report says so, and where they part."""
    optimizer, rng = sgd(), np.random.default_rng(0)

    def step(update):
        optimizer.param_groups[0]["lr"] = rng.uniform()

    report = wrong_loop(optimizer, 50, step).against(CosineAnnealing(T_max=50))

    assert (report.equal, report.cause, report.also) == (False, "unknown", ())
    assert report.first_difference.update == 1
    assert "Until update 0 the rates are as planned; then the rate jumps about" in report.message


def test_another_schedule_is_no_known_mistake():
    """A cosine where a staircase was planned is explained by nothing; nothing is claimed."""
    report = planned_run(CosineAnnealing(T_max=90)).against(StepDecay(step_size=30))

    assert report.cause == "unknown"


def test_several_causes_are_not_overclaimed():
    """An exponential one step early and one built with a lower rate look alike: both are said."""
    plan = ExponentialDecay(lr=0.1, gamma=0.5)
    report = planned_run(ExponentialDecay(lr=0.05, gamma=0.5), updates=20).against(plan)

    assert (report.cause, report.also) == ("another-rate", ("stepped-before-optimizer",))
    assert "Or else scheduler.step() came before optimizer.step()" in report.message

    optimizer, scheduler = attached(plan)
    used = wrong_loop(optimizer, 20, lambda update: scheduler.step(), before=True)
    assert used.against(plan).cause == "stepped-before-optimizer"


@pytest.mark.parametrize("make", [sgd, adamw])
def test_momentum_that_leaves_its_plan(make):
    """The rates are right, but the scheduler was built with cycle_momentum=False."""
    plan, optimizer = OneCycle(total_steps=60), make()
    scheduler = OneCycle(total_steps=60, cycle_momentum=False).scheduler(optimizer)
    report = run(optimizer, scheduler, updates=60).against(plan)

    assert (report.equal, report.cause) == (False, "momentum")
    assert report.first_difference == (0, 0.95, 0.9, 0, "momentum")
    assert "cycle_momentum" in report.message


def test_momentum_where_the_optimizer_has_none():
    """A plan that cycles momentum cannot be met by Adagrad."""
    plan = OneCycle(total_steps=60)
    optimizer = torch.optim.Adagrad([weight()])
    scheduler = OneCycle(total_steps=60, cycle_momentum=False).scheduler(optimizer)
    report = run(optimizer, scheduler, updates=60).against(plan)

    assert report.cause == "momentum"
    assert "has none" in report.message


# As planned, and yet


@pytest.mark.parametrize(
    "plan, updates, cause, words",
    [
        (Cyclical(), 500, "peak-never-reached", "rises to 0.1 at t=2000"),
        (OneCycle(total_steps=1000), 100, "peak-never-reached", "rises to 0.1 at t=299"),
        (OneCycle(total_steps=100), 60, "run-shorter", "made for 100 updates: it ends at t=59"),
        (CosineAnnealing(T_max=100), 60, "run-shorter", "made for 100 updates"),
        (StepDecay(step_size=30), 30, "rate-never-changed", "first change is at t=30"),
        (MultiStepDecay(milestones=[15, 30]), 30, "run-shorter", "turns last at t=30"),
        (CosineAnnealing(T_max=10), 200, "run-longer", "the cosine climbs back up"),
        (Polynomial(total_iters=10), 50, "run-longer", "the rate is 0"),
        (WARM.then(CosineAnnealing(T_max=20), at=10), 60, "run-longer", "made for 30 updates"),
    ],
    ids=str,
)
def test_a_run_that_misses_the_point_of_its_plan(plan, updates, cause, words):
    """Planned and used are equal, and the report says what the plan had in store."""
    report = planned_run(plan, updates=updates).against(plan)

    assert report.equal
    assert bool(report)
    assert report.cause == cause
    assert words in report.message
    assert f"{updates} updates" in report.message


def test_a_run_longer_than_a_one_cycle():
    """PyTorch refuses to go on; a loop that goes on without it has no planned rate to meet."""
    plan = OneCycle(total_steps=50)
    optimizer, scheduler = attached(plan)
    used = wrong_loop(optimizer, 80, lambda update: update < 49 and scheduler.step())
    report = used.against(plan)

    assert (report.equal, report.cause) == (False, "run-longer")
    assert report.first_difference.update == 50


def test_a_run_longer_than_its_list_of_rates():
    """A list has no rate after its last."""
    report = planned_run(Constant(lr=0.1), updates=8).against([0.1] * 5)

    assert (report.cause, report.first_difference.update) == ("run-longer", 5)
    assert np.isnan(report.first_difference.planned)
    assert "planned nothing, used 0.1" in report.message


# Mistakes that others have published


def test_d2l_multistep_used_up_by_its_plot():
    """d2l's plotting cell steps the scheduler 30 times; all 30 epochs then train at 0.125."""
    plan = MultiStepDecay(lr=0.5, milestones=[15, 30], gamma=0.5)
    optimizer = sgd(lr=0.5)
    scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[15, 30], gamma=0.5)
    for _ in range(30):  # the plot
        optimizer.step()
        scheduler.step()
    used = run(optimizer, scheduler, updates=30 * 8, epoch=8)
    report = used.against(plan, unit="epoch", steps_per_epoch=8)

    assert set(used.lr) == {0.125}
    assert report.cause == "used-up-before-training"
    assert "stepped 30 times" in report.message


def test_d2l_warmup_set_after_the_epoch():
    """d2l writes the rate after the epoch: the first trains at the peak, the second at 0."""
    plan = Custom(
        lr=0.3, factor=lambda t: t / 5 if t < 5 else (1 + np.cos(np.pi * (t - 5) / 15)) / 2
    )
    optimizer = sgd(lr=0.3)
    with lrcourse.trace(optimizer) as used:
        for epoch in range(20):
            for _ in range(8):
                optimizer.step()
            for group in optimizer.param_groups:
                group["lr"] = plan(epoch)
    report = used.against(plan, unit="epoch", steps_per_epoch=8)

    assert (used.lr[0], used.lr[8]) == (0.3, 0.0)
    assert report.cause == "one-late"
    assert "one epoch late" in report.message


def test_homl3_boundaries_never_reached():
    """Boundaries at 31,250 and 50,000 of a run of 17,190 updates: constant, as planned."""
    plan = MultiStepDecay(lr=0.01, milestones=[31_250, 50_000], gamma=0.5)
    used = planned_run(plan, updates=17_190)
    report = used.against(plan)

    assert set(used.lr) == {0.01}
    assert (report.equal, report.cause) == (True, "rate-never-changed")
    assert "first change is at t=31250, and the run ends at t=17189" in report.message


def test_one_cycle_stepped_per_epoch():
    """pytorch#65417: 5 epochs of 1,000 batches stay near 0.04 of a peak of 1."""
    plan, optimizer = OneCycle(max_lr=1.0, total_steps=5000), sgd()
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, epochs=5, steps_per_epoch=1000)
    used = run(optimizer, scheduler, updates=5000, epoch=1000)
    report = used.against(plan, steps_per_epoch=1000)

    assert used.lr.max() < 0.0401
    assert report.cause == "stepped-per-epoch"
    assert "every 1000 updates" in report.message


def test_exponential_stepped_per_batch():
    """A gamma meant for epochs, stepped at each of 1,000 updates, ends at 5.6e-24."""
    plan = ExponentialDecay(lr=1.0, gamma=0.95)
    used = planned_run(plan, updates=1000)
    report = used.against(plan, unit="epoch", steps_per_epoch=100)

    assert used.lr[-1] < 1e-22
    assert report.cause == "stepped-per-batch"


# What is handed to `against`


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda used: used.against(StepDecay), r"got the class: write StepDecay\(...\)"),
        (
            lambda used: used.against(lr_scheduler.CosineAnnealingLR(sgd(), 9)),
            "got CosineAnnealingLR: .* lrcourse.CosineAnnealing",
        ),
        (lambda used: used.against(ReduceOnPlateau()), r"against\(plan\(losses\)\[:-1\]"),
        (lambda used: used.against("cosine"), "must be a schedule, or a list .* got 'cosine'"),
        (lambda used: used.against([0.1, float("nan")]), "one finite rate for each t"),
        (lambda used: used.against([]), "one finite rate for each t"),
        (lambda used: used.against([Constant(), Constant()]), "1 param group, got 2 plans"),
        (lambda used: used.against(Constant(), unit="batch"), "unit must be .* got 'batch'"),
        (lambda used: used.against(Constant(), unit="epoch"), "needs steps_per_epoch"),
        (lambda used: used.against(Constant(), steps_per_epoch=0), "steps_per_epoch .* got 0"),
        (lambda used: used.against(Constant(), steps_per_epoch=2.5), "steps_per_epoch .* got 2.5"),
        (lambda used: used.against(Constant(), start=-1), "start must be .* got -1"),
    ],
)
def test_bad_input_is_refused(ask, message):
    """The error names the value and the fix, at once."""
    with pytest.raises(ValueError, match=message):
        ask(run(sgd(), updates=3))


def test_an_error_in_the_learners_function_is_theirs():
    """A function of t that fails at its first t is not taken for one that has ended."""

    def broken(t):
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        run(sgd(), updates=3).against(broken)


# The drawing


def text_of(axes):
    return " | ".join(text.get_text() for text in axes.texts)


def test_the_drawing_marks_where_they_part():
    """Both curves are drawn as recorded, and a labelled line stands at the first difference."""
    plan = StepDecay(step_size=30)
    optimizer, _ = attached(plan)
    ax = run(optimizer).plot(plan)
    planned, used, mark = ax.get_lines()

    np.testing.assert_allclose(planned.get_ydata(), plan(np.arange(90)))
    np.testing.assert_allclose(used.get_ydata(), 0.1)
    assert set(mark.get_xdata()) == {30}
    assert "part at update 30" in text_of(ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["planned", "used"]
    assert planned.get_linestyle() != used.get_linestyle()


def test_the_drawing_of_a_run_as_planned_marks_nothing():
    """No mark where they never part."""
    plan = StepDecay(step_size=30)
    ax = planned_run(plan).plot(plan)

    assert len(ax.get_lines()) == 2
    assert text_of(ax) == ""


def test_the_drawing_has_words():
    """What it is, and what the report says first: the picture's alternative text."""
    plan = StepDecay(step_size=30)
    optimizer, _ = attached(plan)
    planned, parted = planned_run(plan).plot(plan), run(optimizer).plot(plan)

    assert 'alt="Planned and used, update by update. Planned' in planned.figure._repr_html_()
    assert parted.figure.words == (
        "Planned and used, update by update. The rates part at update 30: planned 0.01, used 0.1."
    )


def test_the_drawing_shows_what_the_run_did_not_reach():
    """A run that ends before the peak is drawn beside the rest of the plan."""
    ax = planned_run(Cyclical(), updates=500).plot(Cyclical())

    assert ax.get_lines()[0].get_ydata().max() == pytest.approx(0.1)
    assert len(ax.get_lines()[1].get_xdata()) == 500
    assert "the run ends" in text_of(ax)


def test_the_drawing_takes_axes_and_a_second_panel():
    """`ax` is drawn on and given back; momentum has a panel if asked for."""
    import matplotlib.pyplot as plt

    plan = OneCycle(total_steps=60)
    used = planned_run(plan, updates=60)
    figure, ax = plt.subplots()

    assert used.plot(plan, ax=ax) is ax
    rate, momentum = used.plot(plan, momentum=True)
    np.testing.assert_allclose(momentum.get_lines()[0].get_ydata(), plan.momentum(np.arange(60)))
    assert momentum.get_ylabel() == "momentum"
    with pytest.raises(ValueError, match="2 axes"):
        used.plot(plan, ax=ax, momentum=True)
    plt.close("all")


def test_the_drawing_of_groups_and_epochs():
    """Every group has its curve, and a plan in epochs is drawn over the updates."""
    optimizer = torch.optim.SGD([{"params": [weight()], "lr": 0.1}, {"params": [weight()]}], lr=1.0)
    used = run(optimizer, lr_scheduler.StepLR(optimizer, 3), updates=40, epoch=4)
    plans = [StepDecay(lr=0.1, step_size=3), StepDecay(lr=1.0, step_size=3)]
    ax = used.plot(plans, unit="epoch", steps_per_epoch=4)

    assert len(ax.get_lines()) == 4
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), plans[0](np.arange(40) // 4))


def test_the_drawing_of_no_updates():
    """Without an update there is only the plan."""
    ax = lrcourse.trace(sgd()).plot(StepDecay(step_size=30))

    assert len(ax.get_lines()[0].get_xdata()) == 90
