"""A sharp and a wide well: what a rate can hold, and who escapes."""

import math

import numpy as np
import pytest
import torch
from widget_tools import from_browser, is_calm_png, stored

import lrcourse
from lrcourse import Constant, CosineAnnealing, Cyclical, OneCycle, StepDecay
from lrcourse.lab.tasks import two_wells
from lrcourse.widgets.wells import TwoWells


def escaped(*schedules, **options):
    run = lrcourse.wells(*schedules, **options)
    run.go(run.content["steps"])
    return list(run.state["escaped"].values())


def test_the_wells_are_those_of_the_lab():
    """The loss is that of the lab's task `wells`."""
    x = np.linspace(-2, 3, 301)
    ours = np.minimum(*TwoWells(50, 1, 0, 1, 0).heights(x))
    np.testing.assert_allclose(ours, two_wells(torch.tensor(x)).numpy())


def test_the_run_is_gradient_descent():
    """Without noise every step goes against the slope of the loss, as autograd has it."""
    rates = np.full(30, 0.05)
    place = TwoWells(50, 1, 0.0, 1, 0)
    x = torch.tensor([-1.0], dtype=torch.float64)
    path = place.roll(rates)[:, 0]
    assert np.all(path == -1)  # the very bottom: no slope, no noise, no move
    place.noise = 1.5
    path = place.roll(rates)[:, 0]
    from lrcourse.widgets.moving import normals

    for t, rate in enumerate(rates):
        assert path[t] == pytest.approx(x.item())
        x.requires_grad_()
        [slope] = torch.autograd.grad(two_wells(x).sum(), x)
        x = (x - rate * (slope + 1.5 * normals(0, t, 1)[0, 0])).detach()


def test_above_two_over_h_all_leave():
    """At half of 2/h nobody leaves, at nine tenths most do, a little above everybody has."""
    assert escaped(Constant(lr=0.02)) == [0]
    assert 0.5 < escaped(Constant(lr=0.036))[0] < 1
    assert escaped(Constant(lr=0.042)) == [1]


@pytest.mark.parametrize("sharp", [20.0, 100.0])
def test_the_limit_goes_with_the_curvature(sharp):
    """Another curvature, another limit: 2 / sharp."""
    noise = 1.5 * math.sqrt(sharp / 50)
    below, above = (Constant(lr=share * 2 / sharp) for share in (0.4, 1.1))
    assert escaped(below, above, sharp=sharp, noise=noise) == [0, 1]


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_at_one_peak_who_stays_up_longest_frees_most(seed):
    """A little below 2/h, a constant rate frees more than one that falls or breathes below it."""
    constant, step, cyclical = escaped(seed=seed)
    assert constant > step > cyclical


def test_equal_schedules_have_equal_balls():
    """All schedules see the same noise: the same plan twice escapes alike, under names of its own."""
    run = lrcourse.wells(Constant(lr=0.035), Constant(lr=0.035), StepDecay(lr=0.035))
    run.go(300)
    first, second, _ = run.state["escaped"].values()
    assert first == second > 0
    assert list(run.state["escaped"]) == [
        "Constant(lr=0.035)",
        "Constant(lr=0.035) (2)",
        "StepDecay",
    ]


def test_python_is_told_where_the_hand_is():
    """Update and scale are the state; what cannot be is a sentence for the learner."""
    run = lrcourse.wells(Constant(lr=0.03), steps=200)
    from_browser(run, "move", 200, 2.0)
    assert run.state == {"update": 200, "factor": 2.0, "escaped": {"Constant": 1.0}}
    assert run.rates["Constant"].tolist() == [0.06] * 200
    from_browser(run, "move", 201, 1.0)
    assert run.trouble == "Go to 0 to 200, got 201."
    from_browser(run, "move", 200, 9)
    assert "from 0.25 to 2" in run.trouble and run.state["factor"] == 2.0
    run.go(0)
    run.scale(1.0)
    assert run.state["escaped"] == {"Constant": 0.0}


def test_a_flight_out_of_every_number_can_be_shown():
    """A rate that no well holds ends outside the sharp one, without a warning."""
    assert escaped(Constant(lr=5.0)) == [1]


def test_the_stored_picture_is_the_same_for_all():
    """Each schedule's end in a picture and in words, whatever the hand did."""
    run = lrcourse.wells(StepDecay(lr=0.05, step_size=50), CosineAnnealing(lr=0.05, T_max=300))
    fresh = stored(run)
    run.move(10, 0.25)
    assert stored(run) == fresh and is_calm_png(fresh["image/png"])
    assert "StepDecay, largest rate 0.05: 100 % by update 100" in fresh["text/plain"]


@pytest.mark.parametrize(
    ("schedules", "options", "message"),
    [
        ([0.1], {}, "takes schedules"),
        ([Constant()] * 4, {}, "up to 3 schedules, got 4"),
        (
            [OneCycle(total_steps=100)],
            {},
            "ends after 100 updates, the run has 300: write steps=100",
        ),
        ([], {"steps": 1}, "steps must be"),
        ([], {"steps": 5000}, "steps must be at most 1000"),
        ([], {"sharp": 1.0}, "sharp must be above wide"),
        ([], {"wide": 0}, "wide must be above 0"),
        ([], {"noise": math.nan}, "noise must be 0 or above"),
        ([], {"balls": 0}, "balls must be"),
    ],
)
def test_wells_that_cannot_be_are_refused(schedules, options, message):
    """With the value and the fix, before anything is shown."""
    with pytest.raises(ValueError, match=message):
        lrcourse.wells(*schedules, **options)


def test_cyclical_momentum_is_no_matter():
    """A schedule that moves momentum, too, runs by its rate alone."""
    plain = escaped(Cyclical(base_lr=0.004, max_lr=0.04, step_size_up=50, cycle_momentum=False))
    assert plain == escaped(Cyclical(base_lr=0.004, max_lr=0.04, step_size_up=50))
