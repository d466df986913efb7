"""Two weights on a steep start: which peaks survive, and what a rise does to them."""

import math

import numpy as np
import pytest
from widget_tools import from_browser, is_calm_png, stored

import lrcourse
from lrcourse import CosineAnnealing, OneCycle
from lrcourse.widgets.sharpness import RISES, TwoWeights, wave


@pytest.mark.parametrize("rise", [r for r in RISES if r])
@pytest.mark.parametrize("steps", [200, 2000])
def test_the_rates_are_one_cycles(rise, steps):
    """Update for update the rates of `OneCycle`; without a rise, a cosine down to the same end."""
    t = np.arange(steps)
    planned = OneCycle(max_lr=0.8, total_steps=steps, pct_start=rise)(t)
    np.testing.assert_allclose(wave(0.8, rise, steps), planned, atol=2e-9)
    falls = CosineAnnealing(lr=0.8, T_max=steps - 1)(t)
    np.testing.assert_allclose(wave(0.8, 0, steps), falls, atol=0.8 / 250_000 + 1e-9)


def test_the_run_is_gradient_descent():
    """Each step goes against the slopes of (u v - 1)^2 / 2."""
    path = TwoWeights((4.0, 0.0), 0.0, 0).run(wave(0.2, 0.3, 50))
    u, v = 4.0, 0.0
    for t, rate in enumerate(wave(0.2, 0.3, 50)):
        assert path[t] == pytest.approx([u, v])
        slopes = (u * v - 1) * v, (u * v - 1) * u
        u, v = u - rate * slopes[0], v - rate * slopes[1]


def test_a_rise_lets_eight_times_the_peak_survive():
    """From the first update on, nothing much above 4/16 survives, and a rise of 2 % changes nothing.
    5 % and 10 % help; from 20 % on, eight times the peak survives, and more rise adds nothing."""
    run = lrcourse.sharpness()
    largest = {rise: run.largest_peak(rise) for rise in RISES}

    assert largest[0] == largest[0.02] == pytest.approx(0.23, abs=0.01)
    assert largest[0.02] < largest[0.05] < largest[0.1] < largest[0.2]
    assert largest[0.2] == largest[0.3] == largest[0.9] == pytest.approx(2.0)
    assert largest[0.2] / largest[0] > 8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_noise_decides_nothing_of_this(seed):
    """With other seeds the same peaks survive, within half a doubling."""
    first, other = lrcourse.sharpness(), lrcourse.sharpness(seed=seed)
    for rise in (0, 0.05, 0.1, 0.3):
        assert abs(math.log2(first.largest_peak(rise) / other.largest_peak(rise))) <= 0.5


def test_the_rise_pushes_two_over_h_up_before_it():
    """With a peak of 0.8 and a rise of 30 %, h falls from 16 as the rate passes 2/h, and the rate is
    never above 2/h for long; at the end it is at a flatter bottom than it first arrived at."""
    run = lrcourse.sharpness(peak=0.8, rise=0.3)
    limit = 2 / run.h[:-1]
    assert run.h[0] == 16 and run.h[-1] < 3
    assert np.all(np.diff(np.flatnonzero(run.rates > limit)[[0, -1]]) > 0)
    assert (run.rates > 1.2 * limit).mean() < 0.02


def test_python_is_told_what_the_hand_tried():
    """Every pair of values that a hand passed is in the state, once, and the last is shown."""
    run = lrcourse.sharpness()
    from_browser(run, "move", 0.5, 0.0, [[0.8, 0.0, False], [0.65, 0.0, False], [0.5, 0.0, False]])

    assert [row[0] for row in run.state["tried"]] == [0.5, 0.65, 0.8]
    assert run.state["peak"] == 0.5 and not run.state["survives"]
    from_browser(run, "move", -1, 0.0)
    assert run.trouble.startswith("Peak must be above 0") and run.state["peak"] == 0.5
    from_browser(run, "forget")
    assert run.state["tried"] == [[0.5, 0.0, False]]


def test_its_words_say_what_happened():
    """Diverges and when, or survives and where; beyond its sight, h is no number."""
    run = lrcourse.sharpness(peak=2.5)
    assert repr(run).startswith("<sharpness: peak 2.5, rise 0 %: diverges at update ")
    out = run.state["out"]
    assert np.isnan(run.h[out:]).all() and np.isfinite(run.h[:out]).all()
    assert run.state["h"] is None
    run.move(0.9, 0.5)
    assert repr(run).startswith("<sharpness: peak 0.9, rise 50 %: survives, h = 2.")


def test_the_stored_picture_is_the_same_for_all():
    """Three runs, in a picture and in words, whatever the hand did."""
    run = lrcourse.sharpness()
    fresh = stored(run)
    run.move(0.1, 0.5)
    assert stored(run) == fresh and is_calm_png(fresh["image/png"])
    assert fresh["text/plain"].count("%: survives") == 2 and "diverges" in fresh["text/plain"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": 4}, "start must be two numbers"),
        ({"start": (0, 0)}, "both slopes are 0"),
        ({"start": (math.inf, 0)}, "start must be finite"),
        ({"noise": -1}, "noise must be 0 or above"),
        ({"steps": 10}, "steps must be"),
        ({"steps": 10**6}, "steps must be at most 5000"),
        ({"peak": 0}, "peak must be above 0"),
        ({"rise": 1}, "rise must be a share of the run from 0 to 0.9, got 1"),
        ({"rise": 30}, "write 0.3"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_a_run_that_cannot_be_is_refused(arguments, message):
    """With the value and the fix, before anything is shown."""
    with pytest.raises(ValueError, match=message):
        lrcourse.sharpness(**arguments)
