"""What `against` says of loops that went wrong: every kind of story, with drawn numbers.

Each mistake is made for real: a real optimizer, a real scheduler of PyTorch, a loop that holds the
mistake. The numbers, lengths, schedules and optimizers are drawn.
"""

import math
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

import lrcourse
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
    Polynomial,
    StepDecay,
    WarmRestarts,
)

drawn = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def quiet():
    """The mistakes below make PyTorch warn, where it notices them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def weight(size=2):
    p = torch.nn.Parameter(torch.ones(size))
    p.grad = torch.zeros(size)
    return p


def sgd(lr=0.1):
    return torch.optim.SGD([weight()], lr=lr, momentum=0.9)


def adamw(lr=0.1):
    return torch.optim.AdamW([weight()], lr=lr)


def tensor_sgd(lr=0.1):
    return torch.optim.SGD([weight()], lr=torch.tensor(lr), momentum=0.9)


optimizers = st.sampled_from([sgd, adamw])


def of_length(steps):
    """Smooth plans for a run of so many updates."""
    warm = max(2, steps // 10)
    return st.sampled_from(
        [
            CosineAnnealing(lr=0.1, T_max=steps),
            CosineAnnealing(lr=0.1, T_max=steps, eta_min=0.003),
            Polynomial(lr=0.1, total_iters=steps),
            Polynomial(lr=0.1, total_iters=steps, power=2.0),
            LinearWarmup(lr=0.1, start_factor=0.01, total_iters=warm).then(
                CosineAnnealing(lr=0.1, T_max=steps - warm), at=warm
            ),
            LinearWarmup(lr=0.1, start_factor=0.1, total_iters=warm).then(
                InverseSqrt(lr=0.1, timescale=warm), at=warm
            ),
            ExponentialDecay(lr=0.1, gamma=1 - 2 / steps),
        ]
    )


plans_of_a_length = st.integers(40, 160).flatmap(of_length)


def set_rate(optimizer, lr):
    for group in optimizer.param_groups:
        group["lr"] = float(lr)


def ran(optimizer, updates, after=lambda update: None, before=lambda update: None):
    """A loop, traced, with something done before and after each update."""
    with lrcourse.trace(optimizer) as used:
        for update in range(updates):
            before(update)
            optimizer.step()
            after(update)
    return used


def by_hand(optimizer, rate, updates):
    return ran(optimizer, updates, before=lambda t: set_rate(optimizer, rate(t)))


def says(report, pattern, *never):
    """The report is of a difference, and its sentences hold `pattern` and none of `never`."""
    assert not report.equal, report
    assert re.search(pattern, report.message), report
    assert not any(word in report.message for word in never), report


# Built for another length


@drawn
@given(st.integers(30, 200), st.integers(30, 200), optimizers)
def test_another_T_max_is_named(planned, built, make):
    """The rates of T_max=80 where 100 were planned are told as such."""
    assume(abs(planned - built) > 1)
    optimizer = make()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, built)
    used = ran(optimizer, planned, lambda t: scheduler.step())
    report = used.against(CosineAnnealing(lr=0.1, T_max=planned))

    says(report, rf"T_max={built}\b")


@pytest.mark.parametrize(
    "built, planned, number",
    [
        (Polynomial(lr=0.1, total_iters=77), Polynomial(lr=0.1, total_iters=100), 77),
        (OneCycle(max_lr=0.1, total_steps=130), OneCycle(max_lr=0.1, total_steps=100), 130),
        (LinearWarmup(lr=0.1, total_iters=40), LinearWarmup(lr=0.1, total_iters=25), 40),
        (WarmRestarts(lr=0.1, T_0=33), WarmRestarts(lr=0.1, T_0=25), 33),
        (StepDecay(lr=0.1, step_size=23), StepDecay(lr=0.1, step_size=30), 23),
        (Cyclical(step_size_up=2000), Cyclical(step_size_up=40), 2000),
        (
            MultiStepDecay(lr=0.1, milestones=[30, 70]),
            MultiStepDecay(lr=0.1, milestones=[30, 60]),
            70,
        ),
        (InverseSqrt(lr=0.1, timescale=37), InverseSqrt(lr=0.1, timescale=50), 37),
    ],
    ids=lambda value: type(value).__name__,
)
def test_another_length_of_any_schedule_is_named(built, planned, number):
    """Whatever the schedule, the field that counts and its value are told."""
    optimizer = sgd()
    scheduler = built.scheduler(optimizer)

    says(ran(optimizer, 100, lambda t: scheduler.step()).against(planned), rf"\b{number}\b")


@drawn
@given(st.integers(60, 150), st.floats(0.4, 2.5))
def test_another_length_of_a_function_is_named(planned, ratio):
    """A function has no fields: its rates are told as run through faster or slower."""
    assume(abs(ratio - 1) > 0.05)

    def half_a_cosine(steps):
        return lambda t: 0.05 * (1 + math.cos(math.pi * min(t / steps, 1)))

    used = by_hand(sgd(), half_a_cosine(planned * ratio), planned)

    says(used.against(half_a_cosine(planned)), "built for another length")


@drawn
@given(st.integers(5, 20), st.integers(60, 120), st.integers(-30, 30), optimizers)
def test_the_second_part_of_another_length_is_named(warm, decay, by, make):
    """Of a chain, the part that is off is told, and the length it has."""
    assume(abs(by) > 1)

    def plan(length):
        first = LinearWarmup(lr=0.1, start_factor=0.01, total_iters=warm)
        return first.then(CosineAnnealing(lr=0.1, T_max=length), at=warm)

    optimizer = make()
    scheduler = plan(decay + by).scheduler(optimizer)
    report = ran(optimizer, decay, lambda t: scheduler.step()).against(plan(decay))

    says(report, rf"second part.*T_max={decay + by}\b")


@drawn
@given(st.integers(10, 30), st.integers(2, 40))
def test_a_longer_warm_up_is_named(warm, by):
    """A warm-up of another length, with what follows as planned from there or moved along."""
    decay = 100

    def plan(length):
        first = LinearWarmup(lr=0.1, start_factor=0.01, total_iters=length)
        return first.then(Polynomial(lr=0.1, total_iters=decay), at=length)

    optimizer = sgd()
    scheduler = plan(warm + by).scheduler(optimizer)
    report = ran(optimizer, 110, lambda t: scheduler.step()).against(plan(warm))

    says(report, rf"first part, LinearWarmup.*\b{warm + by}\b")


@drawn
@given(st.sampled_from([10, 20, 50]), st.integers(4, 9))
def test_numbers_of_epochs_stepped_at_every_update_are_named(per_epoch, epochs):
    """T_max in epochs, stepped per batch: told as epochs, not as accumulated gradients."""
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    used = ran(optimizer, per_epoch * epochs, lambda t: scheduler.step())
    report = used.against(
        CosineAnnealing(lr=0.1, T_max=per_epoch * epochs), steps_per_epoch=per_epoch
    )

    says(report, "epochs")
    assert "accumulated" not in report.message.split("Or else")[0]


def test_numbers_of_epochs_in_a_chain_are_named():
    """All lengths of a chain are in epochs: the warm-up's, the joint, the decay's."""

    def plan(each):
        first = LinearWarmup(lr=0.1, start_factor=0.01, total_iters=2 * each)
        return first.then(CosineAnnealing(lr=0.1, T_max=18 * each), at=2 * each)

    optimizer = adamw()
    scheduler = plan(1).scheduler(optimizer)
    used = ran(optimizer, 400, lambda t: scheduler.step())

    says(used.against(plan(25), steps_per_epoch=25), "epochs .* 25 times as fast")


def test_half_the_length_and_two_steps_per_update_are_both_named():
    """The same rates: both are told, and what would tell them apart."""
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 40)
    report = ran(optimizer, 80, lambda t: scheduler.step()).against(
        CosineAnnealing(lr=0.1, T_max=80)
    )

    says(report, "2 times for every update")
    says(report, r"Or else .*T_max=40\b.*To tell: .*last_epoch")


@pytest.mark.parametrize(
    "built, planned, words",
    [
        (StepDecay(gamma=0.3), StepDecay(gamma=0.1), "gamma=0.3"),
        (CosineAnnealing(eta_min=0.02), CosineAnnealing(), "eta_min=0.02"),
        (OneCycle(pct_start=0.2), OneCycle(), "pct_start=0.2"),
        (OneCycle(anneal_strategy="linear"), OneCycle(), "anneal_strategy='linear'"),
        (WarmRestarts(T_mult=2), WarmRestarts(), "T_mult=2"),
        (Polynomial(total_iters=90, power=3.0), Polynomial(total_iters=90), "power=3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_setting_is_named(built, planned, words):
    """A field that counts no steps is found as well."""
    optimizer = sgd()
    scheduler = built.scheduler(optimizer)

    says(ran(optimizer, 90, lambda t: scheduler.step()).against(planned), re.escape(words))


# Another clock


@drawn
@given(plans_of_a_length, st.integers(2, 130), optimizers)
def test_steps_by_several_processes_are_named(plan, processes, make):
    """The scheduler stepped any number of times for every update."""
    optimizer = make()
    scheduler = plan.scheduler(optimizer)

    def step(update):
        for _ in range(processes):
            scheduler.step()

    updates = max(12, (plan.horizon + 1) // processes)
    assume(processes < plan.horizon / 3)  # beyond, a cosine has come round to the same rates
    report = ran(optimizer, updates, step).against(plan)

    says(report, rf"{processes} times")


@drawn
@given(plans_of_a_length, st.integers(10, 30), st.integers(1, 12), st.booleans())
def test_extra_steps_in_every_epoch_are_named(plan, per_epoch, more, told):
    """One more at the end of every epoch, or several in validation: how many, and how often."""
    optimizer = adamw()
    scheduler = plan.scheduler(optimizer)

    def step(update):
        scheduler.step()
        if update % per_epoch == per_epoch - 1:
            for _ in range(more):
                scheduler.step()

    steps = {"steps_per_epoch": per_epoch} if told else {}
    assume(more <= per_epoch)
    report = ran(optimizer, 3 * per_epoch + 5, step).against(plan, **steps)

    says(report, rf"(once|{more} more times) (more )?.*every {per_epoch} updates")
    assert not told or "GradScaler" not in report.message


@drawn
@given(plans_of_a_length, st.lists(st.integers(1, 90), min_size=1, max_size=20, unique=True))
def test_skipped_updates_are_named(plan, skips):
    """As a GradScaler skips them, here and there: how many, and before which update first."""
    assume(sorted(skips)[0] > 10 and len(np.unique(np.diff(sorted(skips)))) > 1)
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(130):
            if batch not in skips:
                optimizer.step()
            scheduler.step()
    report = used.against(plan)

    says(report, rf"called {len(skips)} more times? .*before update {min(skips)},.*GradScaler")


@drawn
@given(plans_of_a_length, st.integers(2, 16))
def test_a_rate_held_for_some_updates_is_named(plan, every):
    """Worked out anew only every so many updates, as once per rollout."""
    used = by_hand(adamw(), lambda t: plan(t // every * every), 8 * every)

    says(used.against(plan, steps_per_epoch=every), rf"held for {every} updates")


@drawn
@given(st.integers(2, 5), st.integers(3, 6), optimizers)
def test_every_so_many_epochs_is_named(several, per_epoch, make):
    """Stepped only in epochs that are validated."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=30), make()
    scheduler = plan.scheduler(optimizer)

    def step(update):
        epoch, batch = divmod(update, per_epoch)
        if batch == per_epoch - 1 and epoch % several == several - 1:
            scheduler.step()

    used = ran(optimizer, 30 * per_epoch, step)
    report = used.against(plan, unit="epoch", steps_per_epoch=per_epoch)

    says(report, rf"every {several} epochs")


@drawn
@given(plans_of_a_length, st.booleans())
def test_counted_from_one_by_hand_is_named(plan, in_epochs):
    """Nothing is said of a scheduler where there is none."""
    each = 3 if in_epochs else 1
    used = by_hand(sgd(), lambda t: plan(t // each + 1), 40 * each)
    steps = {"unit": "epoch", "steps_per_epoch": each} if in_epochs else {}

    says(used.against(plan, **steps), "counted from 1", "scheduler.step()")


# Ahead from the start


@drawn
@given(plans_of_a_length, st.integers(2, 20))
def test_a_resumed_run_without_its_start_is_told_so(plan, k):
    """Both states are loaded, only `start` was not given: that is what is said."""
    optimizer = adamw()
    scheduler = plan.scheduler(optimizer)
    ran(optimizer, k, lambda t: scheduler.step())
    used = ran(optimizer, 20, lambda t: scheduler.step())

    says(used.against(plan), rf"start={k}\b")
    assert used.against(plan, start=k).equal


@drawn
@given(st.integers(2, 30))
def test_a_scaler_that_skips_the_first_updates_is_named(k):
    """The rate moved before the first update, and after the trace began."""
    plan, optimizer = Polynomial(lr=0.1, total_iters=60), sgd()
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(60):
            if batch >= k:
                optimizer.step()
            scheduler.step()

    says(used.against(plan), rf"stepped {k} times.*GradScaler skips the first")


@pytest.mark.parametrize("decay", [CosineAnnealing(T_max=40), Polynomial(total_iters=40)])
@pytest.mark.parametrize("warm", [3, 8])
def test_a_warm_up_that_is_missing_is_named(decay, warm):
    """The run starts with the second part of the plan."""
    plan = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=warm).then(decay, at=warm)
    optimizer = adamw()
    scheduler = decay.scheduler(optimizer)
    report = ran(optimizer, 40, lambda t: scheduler.step()).against(plan)

    assert report.cause == "warm-up-missing"
    says(report, "no warm-up")


def test_a_warm_up_that_is_missing_and_a_longer_decay_are_named():
    """The decay fills the whole run, as if nothing came before."""
    warm = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
    plan, optimizer = warm.then(CosineAnnealing(T_max=60), at=10), sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 70)

    says(ran(optimizer, 70, lambda t: scheduler.step()).against(plan), "no warm-up.*T_max=70")


@drawn
@given(plans_of_a_length, st.integers(15, 35))
def test_stepped_by_a_plot_and_never_again_is_named(plan, k):
    """Flat at a rate that the plan comes to later."""
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)
    for _ in range(k):
        scheduler.step()

    says(ran(optimizer, 30).against(plan), "already been stepped before the first update.*never")


# The argument


@drawn
@given(
    st.sampled_from(
        [
            CosineAnnealing(lr=0.1, T_max=40),
            ExponentialDecay(lr=0.1, gamma=0.9),
            Polynomial(lr=0.1, total_iters=60),
        ]
    ),
    st.integers(0, 2**32),
)
def test_the_loss_as_argument_is_named(plan, seed):
    """`scheduler.step(loss)` takes the loss for the epoch."""
    losses = np.random.default_rng(seed).uniform(0.3, 3.7, 20).tolist()
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)
    used = ran(optimizer, 80, lambda t: scheduler.step(losses[t // 4]) if t % 4 == 3 else None)
    report = used.against(plan, unit="epoch", steps_per_epoch=4)

    says(report, r"scheduler\.step\(loss\).*harmless before update 4\b")


@drawn
@given(st.integers(1, 40), st.integers(2, 4), st.booleans(), st.integers(0, 2**32))
def test_the_loss_as_argument_of_a_staircase_is_named(stair, stairs, listed, seed):
    """`scheduler.step(loss)` of a large loss goes down the stairs at once, and up as it falls."""
    drops = [stair * (i + 1) for i in range(stairs)]
    plan = MultiStepDecay(lr=0.1, milestones=drops) if listed else StepDecay(step_size=stair)
    noise = np.random.default_rng(seed).uniform(0, 0.1, 30)
    losses = stair * (stairs + 0.4) * np.exp(-np.arange(30) / 6) + noise
    optimizer = sgd()
    scheduler = plan.scheduler(optimizer)

    report = ran(optimizer, 30, lambda t: scheduler.step(float(losses[t]))).against(plan)

    says(report, r"scheduler\.step\(loss\).*harmless before update 1\b")


# Another hand


@drawn
@given(st.floats(0.01, 0.05), st.booleans())
def test_a_clipped_rate_is_named(floor, planned_floor):
    """max(rate, floor), where the plan has no floor, or comes down to it by itself."""
    floor = round(floor, 3)
    free = CosineAnnealing(lr=0.1, T_max=80)
    plan = CosineAnnealing(lr=0.1, T_max=80, eta_min=floor) if planned_floor else free
    used = by_hand(adamw(), lambda t: max(free(t), floor), 80)

    says(used.against(plan), rf"clipped at {floor:.6g}\b")


@drawn
@given(st.integers(10, 60), st.floats(0.1, 0.9))
def test_a_rate_multiplied_by_hand_is_named(at, factor):
    """From which update on, and by what."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=80), sgd()
    scheduler = plan.scheduler(optimizer)

    def step(update):
        scheduler.step()
        if update == at - 1:
            set_rate(optimizer, optimizer.param_groups[0]["lr"] * factor)

    says(ran(optimizer, 75, step).against(plan), rf"by {factor:.6g} at update {at}\b")


def test_a_drop_that_is_written_over_is_named():
    """A closed form beside a multiplication: the drop lasts one update."""
    optimizer, drops = sgd(), MultiStepDecay(lr=1.0, milestones=[25])
    plan = WarmRestarts(lr=0.1, T_0=60)
    chained = lr_scheduler.ChainedScheduler(
        [plan.scheduler(optimizer), lr_scheduler.MultiStepLR(optimizer, [25])]
    )
    used = ran(optimizer, 50, lambda t: chained.step())

    says(used.against(lambda t: plan(t) * drops(t)), "undone.*10 times the planned.*written over")


def test_factors_that_compound_are_named():
    """Each factor multiplies what the last one left."""
    plan, optimizer = Polynomial(lr=0.1, total_iters=60), sgd()

    def step(update):
        set_rate(optimizer, optimizer.param_groups[0]["lr"] * (1 - (update + 1) / 60))

    says(ran(optimizer, 30, step).against(plan), "compound")


@drawn
@given(st.integers(20, 60))
def test_a_scheduler_that_is_stepped_no_more_is_named(until):
    """As planned until an update, and flat from there."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=80), sgd()
    scheduler = plan.scheduler(optimizer)
    used = ran(optimizer, 80, lambda t: scheduler.step() if t < until else None)

    says(used.against(plan), rf"until update {until} the rates are as planned")


@drawn
@given(st.integers(20, 40), st.integers(3, 20))
def test_a_pause_is_named(begin, pause):
    """Not stepped for a while: late by that from there on."""
    plan, optimizer = Polynomial(lr=0.1, total_iters=100), sgd()
    scheduler = plan.scheduler(optimizer)
    used = ran(
        optimizer, 90, lambda t: scheduler.step() if not begin <= t < begin + pause else None
    )

    says(used.against(plan), rf"from update {begin + pause} on .* {pause} updates late")


@drawn
@given(st.integers(2, 30))
def test_a_warm_up_by_hand_is_named(warm):
    """A recursion keeps a multiple of what the hand left; from which update on is told."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=100), sgd()
    scheduler = plan.scheduler(optimizer)
    used = ran(
        optimizer,
        100,
        lambda t: scheduler.step(),
        lambda t: set_rate(optimizer, 0.1 * (t + 1) / (warm + 1)) if t < warm else None,
    )

    says(used.against(plan), rf"until update {warm - 1}: .*times the planned")


def test_only_the_first_update_is_named():
    """The rate is set after each update, for the next: the first had the optimizer's own."""
    plan = LinearWarmup(lr=0.1, start_factor=0.01, total_iters=5).then(
        CosineAnnealing(lr=0.1, T_max=50), at=5
    )
    optimizer = sgd(lr=0.3)
    used = ran(optimizer, 55, lambda t: set_rate(optimizer, plan(t + 1)))

    says(used.against(plan), "only the first update differs: it used 0.3")


def test_a_few_updates_in_the_middle_are_named():
    """Which ones, and what the rate did there."""
    plan = Polynomial(lr=0.1, total_iters=60)
    used = by_hand(sgd(), lambda t: 0.5 if 30 <= t < 33 else plan(t), 60)

    says(used.against(plan), r"only updates 30 to 32 differ: there the rate stays at 0\.5")


@drawn
@given(st.integers(5, 25))
def test_a_clock_that_ran_during_the_first_part_is_named(warm):
    """The second part did not begin from its own 0."""
    decay = Polynomial(lr=0.1, total_iters=90)
    plan = LinearWarmup(lr=0.1, start_factor=0.01, total_iters=warm).then(decay, at=warm)
    used = by_hand(sgd(), lambda t: plan(t) if t < warm else decay(t), 80)

    says(used.against(plan), rf"from update {warm} on .*second part did not start from its own 0")


@drawn
@given(st.integers(4, 12))
def test_a_rate_used_twice_at_the_joint_is_named(warm):
    """From the joint on everything is one update late."""
    plan = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=warm).then(
        CosineAnnealing(lr=0.1, T_max=40), at=warm
    )
    used = by_hand(sgd(), lambda t: plan(t if t <= warm else t - 1), 50)

    says(used.against(plan), "one update late")


# Cut, and begun again


@drawn
@given(st.integers(15, 40), st.integers(3, 6))
def test_a_schedule_that_starts_again_is_named(every, times):
    """Each call of a library's `learn` runs the whole schedule."""
    used = by_hand(adamw(), lambda t: 0.1 * (1 - t % every / every), every * times)
    report = used.against(Polynomial(lr=0.1, total_iters=every * times))

    says(report, rf"starts again every {every} updates")


@pytest.mark.parametrize(
    "old, new, words",
    [
        (StepDecay(step_size=20), StepDecay(step_size=30), "step_size=20"),
        (CosineAnnealing(T_max=100), CosineAnnealing(T_max=150), "T_max=100"),
        (
            MultiStepDecay(milestones=[32, 44]),
            MultiStepDecay(milestones=[32, 44, 70]),
            r"milestones=\[32, 44\]",
        ),
        (Polynomial(total_iters=100), Polynomial(total_iters=120), "total_iters=100"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_old_settings_that_came_back_are_named(old, new, words):
    """Loading a scheduler's state overrides the numbers in the new code."""
    before, after = sgd(), sgd()
    scheduler, resumed = old.scheduler(before), new.scheduler(after)
    ran(before, 50, lambda t: scheduler.step())
    after.load_state_dict(before.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    report = ran(after, 40, lambda t: resumed.step()).against(new, start=50)

    says(report, rf"old settings back: .*{words}")


def test_a_resume_by_last_epoch_is_named():
    """The optimizer made anew holds the first rate, and the scheduler goes on from it."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=100), sgd()
    optimizer.param_groups[0]["initial_lr"] = 0.1
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 100, last_epoch=40)
    report = ran(optimizer, 50, lambda t: scheduler.step()).against(plan, start=40)

    assert report.cause == "resumed-without-state"
    says(report, "last_epoch=")


# Groups


def grouped(*lrs):
    groups = [{"params": [weight()], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups, lr=lrs[0], momentum=0.9)


def test_swapped_groups_are_named():
    """Each used the plan of the other."""
    plans, optimizer = [CosineAnnealing(lr=0.1), Polynomial(lr=0.01, total_iters=90)], grouped(1, 1)

    def set_both(t):
        for group, plan in zip(optimizer.param_groups, reversed(plans)):
            group["lr"] = plan(t)

    says(ran(optimizer, 50, before=set_both).against(plans), "group 0 used the plan of group 1")


def test_a_group_that_nobody_drives_is_named():
    """Only the first group's rate is written."""
    plan, optimizer = CosineAnnealing(lr=0.1, T_max=50), grouped(0.1, 0.1)
    used = ran(optimizer, 50, before=lambda t: optimizer.param_groups[0].update(lr=plan(t)))

    says(used.against(plan), "group 1 is never driven")


def test_a_group_added_later_with_its_own_rate_is_named():
    """When it came, and how its rates compare."""
    plan, optimizer = StepDecay(lr=0.1, step_size=15), sgd()
    scheduler = plan.scheduler(optimizer)

    def unfreeze(t):
        if t == 10:
            optimizer.add_param_group({"params": [weight()], "lr": 0.02})

    used = ran(optimizer, 40, lambda t: scheduler.step(), unfreeze)

    says(used.against(plan), "group 1 was added at update 10 .* 0.2 times")


def test_an_absolute_floor_is_named():
    """eta_min is the same for all groups, whatever their rates."""
    optimizer = grouped(0.1, 0.01)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 50, eta_min=0.005)
    plans = [CosineAnnealing(lr=lr, T_max=50, eta_min=lr / 20) for lr in (0.1, 0.01)]

    says(ran(optimizer, 50, lambda t: scheduler.step()).against(plans), "eta_min is absolute")


# Equal is never said where it is not


@pytest.mark.parametrize("at", [0, 7, 49])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_rate_that_is_no_number_is_told(at, bad):
    """NaN or infinite, at the first update or any other."""
    plan = CosineAnnealing(lr=0.1, T_max=50)
    report = by_hand(sgd(), lambda t: bad if t == at else plan(t), 50).against(plan)

    assert (report.cause, report.first_difference.update) == ("not-a-number", at)
    says(report, f"used {bad}")


@drawn
@given(st.integers(1, 40), st.sampled_from(["closed form", "recursion"]))
def test_a_shift_is_seen_in_a_tensor_rate(k, how):
    """The rounding of float32 does not hide a run that is a few steps ahead of 3,000."""
    plan = CosineAnnealing(lr=0.1, T_max=3000)
    optimizer = tensor_sgd()
    scheduler = (
        plan.scheduler(optimizer)
        if how == "recursion"
        else lr_scheduler.LambdaLR(optimizer, lambda t: plan(t) / 0.1)
    )
    for _ in range(k):
        scheduler.step()
    report = ran(optimizer, 700, lambda t: scheduler.step()).against(plan)

    says(report, rf"stepped {k} times|one update early")


@pytest.mark.parametrize("make", [sgd, adamw])
@pytest.mark.parametrize(
    "build, plan",
    [
        (
            lambda o: lr_scheduler.OneCycleLR(o, 0.1, 50),
            OneCycle(total_steps=50, cycle_momentum=False),
        ),
        (
            lambda o: lr_scheduler.CyclicLR(o, 0.001, 0.1, step_size_up=20),
            Cyclical(step_size_up=20, cycle_momentum=False),
        ),
    ],
)
def test_momentum_that_is_taken_over_is_told(make, build, plan):
    """The rates are as planned; momentum is not, and the plan says that it stays."""
    optimizer = make()
    scheduler = build(optimizer)
    report = ran(optimizer, 49, lambda t: scheduler.step()).against(plan)

    assert report.cause == "momentum"
    says(report, r"rates are as planned, but momentum moved from 0\.9\d? to 0\.8")


class ScheduleFree(torch.optim.SGD):
    """As schedule-free optimizers keep their books: the rate used is in `scheduled_lr`."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["k"] = group.get("k", 0) + 1
            group["scheduled_lr"] = group["lr"] * min(1.0, group["k"] / 10)


def test_an_optimizer_that_sets_its_own_rate_is_told():
    """Its warm-up is what was used; the constant in param_groups was not."""
    optimizer = ScheduleFree([weight()], lr=1.0)
    used = ran(optimizer, 20)

    np.testing.assert_allclose(used.lr, np.minimum(1, np.arange(1, 21) / 10))
    says(used.against(Constant(lr=1.0)), "scheduled_lr")


# Nothing found


@pytest.mark.parametrize(
    "rate, words",
    [
        (lambda t: 0.2 - 0.002 * t, "falls linearly from 0.198 to 0.102"),
        (lambda t: 0.05 * 1.02**t, "rises exponentially from 0.051 to"),
        (lambda t: 0.05 + 0.04 * math.sin(t * t), "jumps about between"),
        (lambda t: 0.3 if t < 20 else 0.2, "falls in 1 step from 0.3 to 0.2"),
    ],
)
def test_what_is_known_is_told_where_no_story_fits(rate, words):
    """Where it parts, and how the rates look there."""
    plan = np.random.default_rng(0).uniform(0.1, 0.9, 50)
    plan[0] = rate(0)
    report = by_hand(sgd(), rate, 50).against(plan)

    assert report.cause == "unknown"
    says(report, words)


# A schedule that somebody adds


def test_a_schedule_from_outside_is_diagnosed_as_well():
    """Nothing knows a schedule by name: one that is new has its fields fitted, too."""
    from lrcourse._fields import LOW, RATE, STEPS, a
    from lrcourse.schedules import Schedule, a_schedule

    @a_schedule
    class SquareRoot(Schedule):
        lr: float = a(RATE, 0.1)
        steps: int = a(STEPS, 100)
        bottom: float = a(LOW, 0.0)

        _twin = "LambdaLR"
        end = property(lambda self: self.steps)
        after_end = "after steps it stays at the bottom"
        horizon = property(lambda self: self.steps)
        floor = property(lambda self: self.bottom)

        def _rate(self, t):
            left = 1 - np.minimum(t, self.steps) / self.steps
            return self.bottom + (self.lr - self.bottom) * np.sqrt(left)

        def _arguments(self):
            return {"lr_lambda": lambda t: self(t) / self.lr}

    plan = SquareRoot()
    longer, higher = SquareRoot(steps=130), SquareRoot(bottom=0.02)

    says(by_hand(sgd(), longer, 90).against(plan), "steps=130")
    says(by_hand(sgd(), higher, 90).against(plan), "bottom=0.02")
    says(by_hand(sgd(), lambda t: plan(3 * t), 30).against(plan), "3 times")


def test_a_custom_factor_is_diagnosed_as_well():
    """A function of one's own inside a schedule: ahead, too fast, held."""
    plan = Custom(lr=0.1, factor=lambda t: 1 / (1 + t / 20))

    says(by_hand(sgd(), lambda t: plan(t // 5 * 5), 60).against(plan), "held for 5 updates")
    says(by_hand(sgd(), lambda t: plan(4 * t), 60).against(plan), "4 times")
