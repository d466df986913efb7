"""From what was given to a race to a rate for each update; and what is said of what is none."""

import re

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import lrcourse
from lrcourse import (
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    MultiStepDecay,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
    WarmRestarts,
)
from lrcourse.lab.plans import plan, shapes

GIVEN = [
    StepDecay(lr=0.3, step_size=7, gamma=0.5),
    MultiStepDecay(lr=0.3, milestones=[4, 9]),
    ExponentialDecay(lr=0.3, gamma=0.97),
    CosineAnnealing(lr=0.3, T_max=12, eta_min=0.01),
    WarmRestarts(lr=0.3, T_0=5, T_mult=2),
    Cyclical(base_lr=0.02, max_lr=0.3, step_size_up=6),
    Cyclical(max_lr=0.3, step_size_up=3, step_size_down=7, mode="exp_range", gamma=0.97),
    Cyclical(max_lr=0.3, step_size_up=9, base_momentum=0.5, max_momentum=0.7),
    OneCycle(max_lr=0.3, total_steps=20),
    OneCycle(max_lr=0.3, total_steps=30, pct_start=0.4, div_factor=10, final_div_factor=50),
    OneCycle(max_lr=0.3, total_steps=30, three_phase=True, anneal_strategy="linear"),
]


def an_optimizer(lr=0.1):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)


@pytest.mark.parametrize("given", GIVEN, ids=repr)
def test_of_a_scheduler_of_torch_its_schedule_is_named(given):
    """It belongs to one optimizer; what is said to race instead has the very rates."""
    with pytest.raises(ValueError, match="'a' must be a schedule .* belongs to one opt") as refused:
        plan("a", given.scheduler(an_optimizer()), 20, 0.9)

    said = re.search(r": race (.*)$", str(refused.value))[1]
    own = eval(said, vars(lrcourse) | {type(given).__name__: type(given)})
    t = np.arange(20)
    np.testing.assert_allclose(own(t), given(t), rtol=1e-9)
    assert given.momentum(t) is None or own.momentum(t) == pytest.approx(given.momentum(t))


@pytest.mark.parametrize(
    "given, said",
    [
        (Constant, r"got the class Constant: write Constant\(\.\.\.\)"),
        (0.1, r"got 0\.1: write lambda t: 0\.1 for a constant rate"),
        ("cosine", r"got 'cosine': write lambda t: \.\.\."),
        (
            lr_scheduler.MultiplicativeLR(an_optimizer(), lambda t: 0.9),
            "torch's MultiplicativeLR, which belongs to one optimizer: write its formula, lambda t",
        ),
        (ReduceOnPlateau(mode="max"), "'a' is shown losses, and they are to fall"),
        (Constant(lr=0.0), "'a' is 0 everywhere and cannot be scaled"),
        (lambda t: 0.0, "'a' is 0 everywhere and cannot be scaled"),
        (ReduceOnPlateau(lr=0.0), "'a' is 0 everywhere and cannot be scaled"),
        (lambda t: True, "'a' returned True at step 0: it must return a number"),
        (lambda t: -1e-9 * (t == 3), "'a' returned -1e-09 at step 3: .* finite and at least 0"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_to_write(given, said):
    """The sentence has what was given, and the fix."""
    with pytest.raises(ValueError, match=said):
        plan("a", given, 20, 0.9, peak=0.5)


@pytest.mark.parametrize("given", [lambda t: 2.0 / (1 + t), CosineAnnealing(T_max=20)])
def test_a_plan_is_scaled_to_its_peak(given):
    """The largest rate is the peak, and all others keep their ratio to it; without one it is as given."""
    free, scaled = plan("a", given, 20, 0.9), plan("a", given, 20, 0.9, peak=0.5)

    np.testing.assert_allclose(free.lr, [given(t) for t in range(20)])
    np.testing.assert_allclose(scaled.lr, free.lr * 0.5 / free.lr.max(), rtol=1e-12)
    assert (scaled.peak, scaled.momentum.tolist()) == (0.5, [0.9] * 20)
    assert not scaled.cycles_momentum


def test_who_follows_the_losses_is_shown_their_means():
    """The mean loss of each twentieth of the run; what it says holds for the next twentieth."""
    rule = ReduceOnPlateau(lr=0.4, factor=0.5, patience=1, min_lr=0.04)
    losses = np.ones(105)
    losses[:10] = 2.0  # two looks, each of five updates; it falls once
    made = plan("a", rule, 105, 0.9)

    looks = [losses[5 * k : 5 * k + 5].mean() for k in range(21)]
    assert made.followed(losses).tolist() == rule(looks).repeat(5)[:105].tolist()
    assert made.followed(losses)[:25].tolist() == [0.4] * 25 and made.followed(losses)[-1] == 0.04
    half = plan("a", rule, 105, 0.9, peak=0.2)
    np.testing.assert_allclose(half.followed(losses), made.followed(losses) / 2)


def test_the_eight_shapes_are_what_is_said_of_them():
    """At peak 0.1, and each with the turns that its sentence has."""
    made = shapes(400)
    curves = {name: schedule(np.arange(400)) for name, schedule in made.items()}

    assert {name: curve.max() for name, curve in curves.items()} == pytest.approx(
        dict.fromkeys(made, 0.1)
    )
    assert set(curves["constant"]) == {0.1}
    assert curves["step"][[199, 200, 299, 300]] == pytest.approx([0.1, 0.01, 0.01, 0.001])
    assert made["exponential"](400) == pytest.approx(0.001)
    assert made["cosine"](400) == pytest.approx(0) == made["linear"](400)
    low, high = (np.flatnonzero(np.isclose(curves["cyclical"], rate)) for rate in (0.01, 0.1))
    assert (low.tolist(), high.tolist()) == ([0, 100, 200, 300], [50, 150, 250, 350])
    top = np.flatnonzero(np.isclose(curves["warmup-stable-decay"], 0.1))
    assert (top[0], top[-1]) == (20, 320)
