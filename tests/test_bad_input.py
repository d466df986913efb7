"""Bad input: a ValueError at once, with the value that was given and the way to mend it."""

import math
import re

import numpy as np
import pytest
import torch

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
    OneMinusSqrt,
    Polynomial,
    ReduceOnPlateau,
    Sequential,
    StepDecay,
    WarmRestarts,
    warmup_stable_decay,
)

WHOLE = "must be a positive whole number, got "
RATE = "must be a finite number of at least 0, got "
GAMMA = "gamma must be above 0 and at most 1, got "
SHORT = "total_steps is too short for its phases, got total_steps="
LARGE = "pct_start is too large for its phases, got total_steps="

CONSTRUCTION = [
    # whole numbers
    (StepDecay, dict(step_size=0), "step_size " + WHOLE + "0"),
    (StepDecay, dict(step_size=-30), "step_size " + WHOLE + "-30"),
    (StepDecay, dict(step_size=2.5), "step_size " + WHOLE + "2.5: write 2"),
    (StepDecay, dict(step_size=30.0), "step_size " + WHOLE + "30.0: write 30"),
    (StepDecay, dict(step_size="30"), "step_size " + WHOLE + "'30': write 30"),
    (StepDecay, dict(step_size="thirty"), "step_size " + WHOLE + "'thirty'"),
    (StepDecay, dict(step_size=True), "step_size " + WHOLE + "True: write 1"),
    (StepDecay, dict(step_size=None), "step_size " + WHOLE + "None"),
    (StepDecay, dict(step_size=math.nan), "step_size " + WHOLE + "nan"),
    (StepDecay, dict(step_size=math.inf), "step_size " + WHOLE + "inf"),
    (StepDecay, dict(step_size=np.array(30)), "step_size " + WHOLE + "array(30): write 30"),
    (StepDecay, dict(step_size=2**53 + 1), "step_size must be at most 2**53, got 9007199254740993"),
    (StepDecay, dict(step_size=10**400), "step_size must be at most 2**53, got 1000"),
    (CosineAnnealing, dict(T_max=0), "T_max " + WHOLE + "0"),
    (CosineAnnealing, dict(T_max=99.5), "T_max " + WHOLE + "99.5: write 100"),
    (WarmRestarts, dict(T_0=0), "T_0 " + WHOLE + "0"),
    (WarmRestarts, dict(T_mult=0), "T_mult " + WHOLE + "0"),
    (WarmRestarts, dict(T_mult=1.5), "T_mult " + WHOLE + "1.5: write 2"),
    (Cyclical, dict(step_size_up=0), "step_size_up " + WHOLE + "0"),
    (Cyclical, dict(step_size_down=0), "step_size_down " + WHOLE + "0"),
    (OneCycle, dict(total_steps=0), "total_steps " + WHOLE + "0"),
    (OneCycle, dict(total_steps=1e3), "total_steps " + WHOLE + "1000.0: write 1000"),
    (LinearWarmup, dict(total_iters=0), "total_iters " + WHOLE + "0"),
    (Polynomial, dict(total_iters=-1), "total_iters " + WHOLE + "-1"),
    (ReduceOnPlateau, dict(patience=-1), "patience must be a whole number of at least 0, got -1"),
    (ReduceOnPlateau, dict(cooldown=0.5), "cooldown must be a whole number of at least 0, got 0.5"),
    # milestones
    (MultiStepDecay, dict(milestones=30), "list of positive whole numbers, got 30: write [30]"),
    (MultiStepDecay, dict(milestones="30"), "a list of positive whole numbers, got '30'"),
    (MultiStepDecay, dict(milestones=None), "a list of positive whole numbers, got None"),
    (MultiStepDecay, dict(milestones=np.array(30)), "positive whole numbers, got array(30)"),
    (MultiStepDecay, dict(milestones=[]), "must name at least one step, and none twice, got []"),
    (MultiStepDecay, dict(milestones=[30, 30]), "none twice, got [30, 30]"),
    (MultiStepDecay, dict(milestones=[0]), "a list of positive whole numbers, got 0"),
    (MultiStepDecay, dict(milestones=["a"]), "a list of positive whole numbers, got 'a'"),
    (MultiStepDecay, dict(milestones=[30, 59.5]), "got 59.5: write 60"),
    (MultiStepDecay, dict(milestones=[30, None]), "a list of positive whole numbers, got None"),
    # rates
    (StepDecay, dict(lr=math.inf), "lr " + RATE + "inf"),
    (StepDecay, dict(lr=10**400), "lr " + RATE + "1000"),
    (StepDecay, dict(lr=np.array(0.1)), "lr " + RATE + "array(0.1)"),
    (StepDecay, dict(lr=1j), "lr " + RATE + "1j"),
    (CosineAnnealing, dict(eta_min=-1e-9), "eta_min " + RATE + "-1e-09"),
    (Cyclical, dict(base_lr=-0.1), "base_lr " + RATE + "-0.1"),
    (OneCycle, dict(max_lr=math.nan), "max_lr " + RATE + "nan"),
    (ReduceOnPlateau, dict(min_lr=[0.1]), "min_lr " + RATE + "[0.1]"),
    # bounds in the wrong order
    (CosineAnnealing, dict(eta_min=0.2), "eta_min must not be above lr, got eta_min=0.2 and lr=0.1"),
    (WarmRestarts, dict(eta_min=0.2), "lower eta_min or raise lr"),
    (Cyclical, dict(base_lr=0.5), "must not be above max_lr, got base_lr=0.5 and max_lr=0.1: lower"),
    (Cyclical, dict(max_momentum=0.1), "base_momentum=0.8 and max_momentum=0.1: lower base_moment"),
    (OneCycle, dict(base_momentum=0.97), "got base_momentum=0.97 and max_momentum=0.95: lower"),
    (ReduceOnPlateau, dict(min_lr=0.2), "min_lr must not be above lr, got min_lr=0.2 and lr=0.1"),
    # decay per drop
    (StepDecay, dict(gamma=0), GAMMA + "0: gamma=1 is no decay at all"),
    (StepDecay, dict(gamma=-0.1), GAMMA + "-0.1"),
    (StepDecay, dict(gamma=10), GAMMA + "10 (the rate would grow): to divide by 10, write 0.1"),
    (MultiStepDecay, dict(gamma=2.5), GAMMA + "2.5 (the rate would grow): to divide by 2.5, write 0.4"),
    (Cyclical, dict(gamma=1.01), GAMMA + "1.01 (the rate would grow)"),
    # decay per step, and its other face
    (ExponentialDecay, dict(gamma=0), GAMMA + "0: gamma=1 is no decay at all (that is k=0)"),
    (ExponentialDecay, dict(gamma=-0.05), GAMMA + "-0.05: if that is the k of e^(-k t), give k=0.05"),
    (ExponentialDecay, dict(gamma=1.5), "1.5 (the rate would grow): if that is the k of e^(-k t), give k=1.5"),
    (ExponentialDecay, dict(gamma=math.nan), GAMMA + "nan"),
    (ExponentialDecay, dict(gamma="0.9"), GAMMA + "'0.9'"),
    (ExponentialDecay, dict(k=-0.05), "k must be a finite number of at least 0 (the minus sign is in the formula), got -0.05"),
    (ExponentialDecay, dict(k=math.nan), "k must be a finite number of at least 0"),
    (ExponentialDecay, dict(k="0.1"), "got '0.1'"),
    (ExponentialDecay, dict(k=1000), "k must be below 745, got 1000.0: the rate would be 0"),
    (ExponentialDecay, dict(gamma=0.9, k=0.05), "give gamma or k, not both: gamma=0.9 and k=0.05 differ"),
    (ExponentialDecay, dict(gamma="0.9", k=0.05), GAMMA + "'0.9'"),
    # shares and factors
    (OneCycle, dict(pct_start=0), "pct_start must be strictly between 0 and 1, got 0"),
    (OneCycle, dict(pct_start=1.0), "pct_start must be strictly between 0 and 1, got 1.0"),
    (OneCycle, dict(pct_start=30), "pct_start must be strictly between 0 and 1, got 30"),
    (OneCycle, dict(pct_start=-0.3), "pct_start must be strictly between 0 and 1, got -0.3"),
    (OneCycle, dict(div_factor=0), "div_factor must be a finite number above 0, got 0"),
    (OneCycle, dict(final_div_factor=-1), "final_div_factor must be a finite number above 0, got -1"),
    (OneCycle, dict(max_momentum=1.0), "max_momentum must be at least 0 and below 1, got 1.0"),
    (LinearWarmup, dict(start_factor=0), "start_factor must be above 0 and at most 1, got 0"),
    (LinearWarmup, dict(end_factor=1.5), "end_factor must be between 0 and 1, got 1.5"),
    (Polynomial, dict(power=0), "power must be a finite number above 0, got 0"),
    (OneMinusSqrt, dict(total_iters=0.2), "total_iters must be a positive whole number, got 0.2: updates are counted"),
    (OneMinusSqrt, dict(eta_min=0.2), "eta_min must not be above lr, got eta_min=0.2 and lr=0.1"),
    (InverseSqrt, dict(timescale=0), "timescale must be a finite number above 0, got 0"),
    (ReduceOnPlateau, dict(factor=1.0), "factor must be at least 0 and below 1, got 1.0"),
    # a one-cycle with a phase that has no step
    (OneCycle, dict(total_steps=1), SHORT + "1 with pct_start=0.3: the rise would have no step. Use total_steps=4 or more"),
    (OneCycle, dict(total_steps=10, pct_start=0.1), "Use total_steps=11 or more, or a larger pct_start"),
    (OneCycle, dict(pct_start=0.6, three_phase=True), LARGE + "100 with pct_start=0.6: the last would have no step. Use a pct_start of 0.5 or less"),
    (OneCycle, dict(total_steps=10, pct_start=0.55, three_phase=True), LARGE + "10 with pct_start=0.55: the last would have no step"),
    # words and flags
    (Cyclical, dict(mode="sawtooth"), "mode must be one of 'triangular', 'triangular2', 'exp_range', got 'sawtooth'"),
    (Cyclical, dict(mode=["triangular"]), "got ['triangular']"),
    (OneCycle, dict(anneal_strategy="cosine"), "anneal_strategy must be one of 'cos', 'linear', got 'cosine'"),
    (OneCycle, dict(anneal_strategy=np.array(["cos", "cos"])), "anneal_strategy must be one of"),
    (OneCycle, dict(three_phase=1), "three_phase must be True or False, got 1"),
    (OneCycle, dict(cycle_momentum="no"), "cycle_momentum must be True or False, got 'no'"),
    (ReduceOnPlateau, dict(mode="lowest"), "mode must be one of 'min', 'max', got 'lowest'"),
    # what was nearly right: the error says what to write
    (StepDecay, dict(lr="1e-3"), "got '1e-3': write 0.001, not a text (YAML reads 1e-3 as a text"),
    (StepDecay, dict(lr="0,1"), "got '0,1': write 0.1, not a text"),
    (StepDecay, dict(lr="10%"), "got '10%': write 0.1, not a text"),
    (StepDecay, dict(lr=torch.tensor(0.5)), "got tensor(0.5000): write 0.5, a plain number"),
    (StepDecay, dict(lr=np.array([0.5])), "got array([0.5]): write 0.5, a plain number"),
    (OneCycle, dict(max_lr=[0.1, 0.01]), "got [0.1, 0.01]: a schedule has one; make one schedule for each param group"),
    (StepDecay, dict(lr=torch.ones(2)), "make one schedule for each param group"),
    (StepDecay, dict(step_size=[30, 60]), "use MultiStepDecay(milestones=...)"),
    (CosineAnnealing, dict(T_max=[30, 60]), "got [30, 60]: one number is asked for"),
    (MultiStepDecay, dict(milestones=torch.tensor([3, 4])), "write [3, 4]"),
    (LinearWarmup, dict(total_iters=0.1), "got 0.1: updates are counted, so for a share of the run write round(0.1 * updates)"),
    (MultiStepDecay, dict(milestones=[0.5, 0.75]), "write round(0.5 * updates)"),
    (StepDecay, dict(step_size="10%"), "write round(0.1 * updates)"),
    (OneCycle, dict(pct_start=30), "got 30: write 0.3"),
    (OneCycle, dict(max_momentum=95), "got 95: write 0.95"),
    (LinearWarmup, dict(start_factor=10), "got 10: write 0.1"),
    (OneCycle, dict(anneal_strategy="cosine"), "got 'cosine': did you mean 'cos'?"),
    (Cyclical, dict(mode="Triangular"), "got 'Triangular': did you mean 'triangular'?"),
    (OneCycle, dict(three_phase=1), "got 1: write True"),
    (OneCycle, dict(three_phase="no"), "got 'no': write False"),
    # what PyTorch has no scheduler for, or what is refused here: the way is named
    (LinearWarmup, dict(start_factor=0, total_iters=10), "From 0 it is Custom(lr=0.1, factor=lambda t: min(t, 10) / 10)"),
    (LinearWarmup, dict(start_factor=0.0, end_factor=0.5), "factor=lambda t: 0.5 * min(t, 5) / 5)"),
    (StepDecay, dict(gamma=1.1), "to let it grow, Custom(lr=lr, factor=lambda t: 1.1 ** (t // step_size))"),
    (MultiStepDecay, dict(gamma=1.1), "Custom(lr=lr, factor=lambda t: 1.1 ** sum(t >= m for m in milestones))"),
    (ExponentialDecay, dict(gamma=1.1), "to let it grow, Custom(lr=lr, factor=lambda t: 1.1 ** t)"),
    (Cyclical, dict(gamma=1.1), "for cycles that grow, write the formula as a Custom"),
    (Polynomial, dict(eta_min=0.2), "eta_min must not be above lr, got eta_min=0.2 and lr=0.1"),
    # functions of your own
    (Custom, dict(), "factor must be a function of t, got None: write lambda t: ..."),
    (Custom, dict(factor=0.5), "factor must be a function of t, got 0.5: write lambda t: ..."),
    (Custom, dict(factor=lambda t: -0.5), "factor(0) must be a finite number of at least 0, got -0.5"),
    (Custom, dict(factor=lambda t: math.nan), "factor(0) must be a finite number of at least 0, got nan"),
    (Custom, dict(factor=lambda t: None), "factor(0) must be a finite number of at least 0, got None"),
    (Custom, dict(factor=lambda t: "1"), "factor(0) must be a finite number of at least 0, got '1'"),
    (Custom, dict(factor=lambda t: t - 2, running_product=True), "factor(1) must be a finite number of at least 0, got -1"),
]  # fmt: skip


def named(value):
    """A name for a case that is the same in every process: no memory address in it."""
    return re.sub(" at 0x[0-9a-f]+", "", str(value))[:60]


@pytest.mark.parametrize("schedule, fields, message", CONSTRUCTION, ids=named)
def test_construction(schedule, fields, message):
    """The error names the field, the value and the fix, before anything has run."""
    with pytest.raises(ValueError, match=re.escape(message)):
        schedule(**fields)


@pytest.mark.parametrize(
    "setting, says",
    [
        (dict(total_steps=0), "total_steps " + WHOLE + "0"),
        (dict(warmup_steps=-1), "warmup_steps must be a whole number of at least 0, got -1"),
        (dict(warmup_steps=0.05), "got 0.05: updates are counted, so for a share of the run write"),
        (dict(decay_share=20), "decay_share must be above 0 and at most 1, got 20: write 0.2"),
        (dict(decay_share=0), "decay_share must be above 0 and at most 1, got 0"),
        (dict(shape="1 - sqrt"), "got '1 - sqrt': did you mean '1-sqrt'?"),
        (dict(shape="sqrt"), "shape must be one of 'linear', '1-sqrt', 'cosine', got 'sqrt'"),
        (dict(eta_min=0.2), "eta_min must not be above lr, got eta_min=0.2 and lr=0.1"),
        (
            dict(total_steps=100, warmup_steps=50, decay_share=0.6),
            "warmup_steps=50 and the 60 updates of decay_share=0.6 are more than total_steps=100: "
            "take 10 from one of them",
        ),
        (dict(total_steps=1), "take 1 from one of them"),
    ],
    ids=str,
)
def test_a_warmup_stable_decay_that_cannot_be(setting, says):
    """Parts that do not fit, shares for counts, unknown shapes: the value, and what to write."""
    with pytest.raises(ValueError, match=re.escape(says)):
        warmup_stable_decay(**setting)


RATES = [-0.1, math.nan, math.inf, "0.1", None, True, [0.1]]


@pytest.mark.parametrize("schedule", [*SCHEDULES, ReduceOnPlateau], ids=lambda s: s.__name__)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_schedule_takes_a_rate_that_is_none(schedule, rate):
    """Negative, NaN, infinite, text, nothing, a flag, a list: refused by every schedule."""
    name = "lr" if hasattr(schedule(), "lr") else "max_lr"
    with pytest.raises(ValueError, match=re.escape(f"{name} {RATE}{rate!r}")):
        schedule(**{name: rate})


def test_the_suggested_fix_is_accepted():
    """What the error says to write can be written."""
    for pct_start in np.linspace(0.01, 0.45, 89):
        with pytest.raises(ValueError, match="Use total_steps=") as caught:
            OneCycle(total_steps=2, pct_start=pct_start)
        enough = int(re.search(r"Use total_steps=(\d+)", str(caught.value))[1])
        for three_phase in (False, True):
            OneCycle(total_steps=enough, pct_start=pct_start, three_phase=three_phase)
    OneCycle(pct_start=0.5, three_phase=True)
    MultiStepDecay(milestones=[30])
    StepDecay(gamma=0.1)


NOT_UPDATES = [-1, -0.5, math.nan, math.inf, -math.inf, [0, 1, -3], np.array([[0.0, math.nan]])]
NOT_NUMBERS = [None, "3", True, 1j, [None], ["3"], [True], [[0], [0, 1]], 10**400, {}, object()]


@pytest.mark.parametrize("schedule", [c() for c in SCHEDULES], ids=lambda s: type(s).__name__)
def test_t(schedule):
    """t is a count of updates: real, finite, not negative; for momentum too."""
    faces = [schedule] if schedule.momentum(0) is None else [schedule, schedule.momentum]
    for face in faces:
        for t in NOT_UPDATES:
            bad = next(v for v in np.ravel(t) if not 0 <= v < math.inf)
            with pytest.raises(ValueError, match=f"starts at 0, got {bad:g}$"):
                face(t)
        for t in NOT_NUMBERS:
            with pytest.raises(ValueError, match="t must be a number or an array of numbers, got "):
                face(t)


def test_t_past_a_one_cycle():
    """The first t that PyTorch would refuse is named in full, with what to raise."""
    with pytest.raises(
        ValueError, match="t=101 is past the end.*over after 100 updates. Raise its"
    ):
        OneCycle(total_steps=100)(101)
    with pytest.raises(ValueError, match="t=12 is past the end"):
        OneCycle(total_steps=10)(np.arange(13))
    with pytest.raises(ValueError, match="t=2000002 is past the end.*after 2000000 updates"):
        OneCycle(total_steps=2_000_000)(2_000_002)
    joined = Constant(lr=0.1).then(OneCycle(total_steps=10), at=20)
    with pytest.raises(ValueError, match="t=31 is past the end.*over after 30 updates"):
        joined(31)
    assert joined(30) == OneCycle(total_steps=10)(10)


def test_factor_names_the_step_that_fails():
    """A factor that goes wrong late says at which step."""
    late = Custom(factor=lambda t: 1 - t / 10)
    late(np.arange(11))
    with pytest.raises(ValueError, match=re.escape("factor(11) must be a finite number of at")):
        late(np.arange(20))
    with pytest.raises(ZeroDivisionError) as caught:
        Custom(factor=lambda t: 1 / t)
    assert "factor(0)" in caught.value.__notes__[0]


BAD_AT = [
    (0, "at must be a whole number of updates, at least 1, got 0"),
    (-5, "got -5"),
    (2.5, "got 2.5: write 2"),
    ("5", "got '5': write 5"),
    (True, "got True"),
    (None, "got None"),
    (2**60, "at must be at most 2**53"),
]


@pytest.mark.parametrize("at, message", BAD_AT, ids=str)
def test_then_with_a_bad_at(at, message):
    """`at` is a count of updates too."""
    with pytest.raises(ValueError, match=re.escape(message)):
        LinearWarmup().then(CosineAnnealing(), at=at)


def test_then():
    """Joins come one after another, over schedules, before a one-cycle is used up."""
    both = LinearWarmup().then(Constant(), at=5)
    for at in (3, 5):
        with pytest.raises(ValueError, match=f"at={at} is not after the last join, at=5"):
            both.then(CosineAnnealing(), at=at)
    with pytest.raises(ValueError, match="at=101 is past the end of OneCycle.*use at=100 or less"):
        OneCycle().then(Constant(), at=101)
    with pytest.raises(ValueError, match="at=131 is past the end of OneCycle.*use at=130 or less"):
        Constant().then(OneCycle(), at=30).then(Constant(), at=131)
    OneCycle().then(Constant(), at=100)
    for other in (None, CosineAnnealing, ReduceOnPlateau(), 0.1):
        with pytest.raises(ValueError, match=".then needs a schedule to go on with, got"):
            LinearWarmup().then(other, at=5)
    with pytest.raises(ValueError, match=r"CosineAnnealing'>: write CosineAnnealing\(\.\.\.\)"):
        LinearWarmup().then(CosineAnnealing, at=5)


def test_sequential():
    """Built by hand, a row of schedules is checked as `.then` checks it."""
    one, both = Constant(), LinearWarmup().then(Constant(), at=5)
    for schedules, message in [
        (None, "schedules must be a list of schedules, got None"),
        ([one, 3], "schedules must all be single schedules (join with .then), got 3"),
        ([both, one], "schedules must all be single schedules (join with .then), got LinearWarmup"),
        ([one], "between 1 schedules there must be 0 milestones, got [5]"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            Sequential(schedules=schedules, milestones=[5])
    with pytest.raises(ValueError, match="milestones must name at least one step"):
        Sequential()


@pytest.mark.parametrize("peak", [-0.1, math.nan, "1", None, True])
def test_with_peak(peak):
    """A peak is a rate."""
    with pytest.raises(ValueError, match=re.escape(f"peak {RATE}{peak!r}")):
        StepDecay().with_peak(peak)


def test_nothing_to_scale():
    """A schedule that is 0 everywhere has no shape."""
    for zero in (Constant(lr=0.0), Constant(lr=0.0).then(StepDecay(lr=0.0), at=3)):
        with pytest.raises(ValueError, match="it has no shape to scale"):
            zero.with_peak(1.0)


@pytest.mark.parametrize("schedule", [*SCHEDULES, ReduceOnPlateau], ids=lambda s: s.__name__)
@pytest.mark.parametrize("optimizer", [None, 0.1, "sgd", [{"lr": 0.1}]], ids=str)
def test_what_is_not_an_optimizer(schedule, optimizer):
    """The twin needs an optimizer, and the error says what it was given."""
    with pytest.raises(ValueError, match=re.escape(f"torch.optim optimizer, got {optimizer!r}")):
        schedule().scheduler(optimizer)


def test_an_optimizer_without_momentum():
    """Adagrad has no momentum to cycle: PyTorch refuses, and so do we; without, it works."""
    optimizer = torch.optim.Adagrad([torch.nn.Parameter(torch.zeros(1))])
    for schedule in (Cyclical, OneCycle):
        with pytest.raises(ValueError, match="momentum.*cycle_momentum"):
            schedule().scheduler(optimizer)
        schedule(cycle_momentum=False).scheduler(optimizer)


NOT_LOSSES = [None, 3, 0.5, "abc", ["a"], [None], [[1.0, 2.0]], [True], [1j], [[1], [1, 2]]]


@pytest.mark.parametrize("losses", NOT_LOSSES, ids=str)
def test_losses(losses):
    """ReduceOnPlateau takes the losses, one per epoch, and says so when it is given t."""
    with pytest.raises(ValueError, match="losses must be a list of numbers, one per epoch: this"):
        ReduceOnPlateau()(losses)


def test_fields_by_name_only():
    """A schedule's numbers are named: `StepDecay(30)` could be a rate or a step size."""
    for schedule in (*SCHEDULES, Custom, Sequential, ReduceOnPlateau):
        with pytest.raises(TypeError, match="positional"):
            schedule(30)


UNKNOWN = [
    (StepDecay, dict(stepsize=30), "StepDecay has no field 'stepsize': did you mean step_size?"),
    (StepDecay, dict(learning_rate=1), "its fields are lr, step_size, gamma"),
    (OneCycle, dict(epochs=5, steps_per_epoch=10), "write total_steps=50"),
    (OneCycle, dict(epochs=5), "write total_steps=5 * steps_per_epoch"),
    (OneCycle, dict(steps_per_epoch=7), "write total_steps=epochs * 7"),
    (OneCycle, dict(total_step=5), "did you mean total_steps?"),
    (ReduceOnPlateau, dict(patient=5), "did you mean patience?"),
]


@pytest.mark.parametrize("schedule, fields, message", UNKNOWN, ids=named)
def test_what_is_no_field(schedule, fields, message):
    """The error names what was probably meant, or all that there is."""
    with pytest.raises(TypeError, match=re.escape(message)):
        schedule(**fields)


def test_an_optimizer_is_no_field():
    """PyTorch takes the optimizer first; here it comes later, and the error says so."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(
        TypeError, match=r"comes later, as in StepDecay\(...\).scheduler\(optimizer\)"
    ):
        StepDecay(optimizer, step_size=30)


def test_the_warm_up_from_0_that_is_named_starts_at_0():
    """What the refusal says to write climbs from 0 to the rate, with a twin."""
    with pytest.raises(ValueError, match="From 0 it is") as caught:
        LinearWarmup(lr=0.4, start_factor=0, total_iters=4)
    warm = eval(str(caught.value).split("it is ")[1], {"Custom": Custom})

    assert [warm(t) for t in (0, 1, 4, 9)] == pytest.approx([0, 0.1, 0.4, 0.4])
    assert warm.then(CosineAnnealing(lr=0.4, T_max=10), at=4).code().count("LambdaLR") == 1


def test_a_row_of_three_says_what_its_last_part_says_of_the_end():
    """Stepped on past the end, it is the last part that is over, with its own advice."""
    warm = LinearWarmup(lr=0.1, total_iters=5).then(Constant(lr=0.1), at=5)
    row = warm.then(OneCycle(max_lr=0.1, total_steps=20), at=10)

    with pytest.raises(ValueError, match="the one-cycle is over after 30 updates. Raise its total"):
        row(31)
