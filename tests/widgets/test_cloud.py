"""The cloud: what its theory says, what there is to beat, and what a hand can do to it."""

import math

import numpy as np
import pytest
from widget_tools import from_browser, is_calm_png, stored

import lrcourse
from lrcourse import Constant, CosineAnnealing
from lrcourse.widgets.moving import normals


def test_chance_is_standard_normal_and_differs_by_update_and_seed():
    """Mean 0, variance 1, the tails of a normal; no two updates, directions or seeds alike."""
    z = np.array([normals(0, t, 500) for t in range(400)])

    assert abs(z.mean()) < 4 / math.sqrt(z.size)
    assert z.var() == pytest.approx(1, abs=4 * math.sqrt(2 / z.size))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.05, abs=0.002)
    for other in (z[1:, 0], z[1:, 1]):  # the next update, in the same direction and in the other
        assert abs(np.corrcoef(z[:-1, 0].ravel(), other.ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(z[:, 0, :-1].ravel(), z[:, 0, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(normals(0, 7, 2000)[0], normals(1, 7, 2000)[0])[0, 1]) < 0.08


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.2, 1.9])
def test_the_width_that_is_reached_is_the_one_of_the_formula(rate):
    """At a constant rate the squared width comes to rate^2 s^2 / (1 - (1 - rate h)^2), s^2 = noise^2 h."""
    run = lrcourse.cloud(steps=2000, balls=5)
    run.run(rate)
    h = np.array([0.02, 1.0])
    reached = rate * 0.7 * np.sqrt(h / (1 - (1 - rate * h) ** 2))

    np.testing.assert_allclose(run.theory[-1], reached, rtol=0.02)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_cloud_has_the_width_and_the_loss_of_its_theory(seed):
    """500 balls: the width is within 5 standard errors of the theory's at every update."""
    run = lrcourse.cloud(seed=seed)
    run.run(CosineAnnealing(lr=1.0, T_max=300))
    error = run.theory[1:] / math.sqrt(2 * 500)

    assert np.all(np.abs(run.widths[1:] - run.theory[1:]) < 5 * error)
    assert run.losses[-1] == pytest.approx(run.expected[-1], rel=5 * math.sqrt(2 / 500))


def test_it_widens_in_two_updates_and_narrows_slowly():
    """Across the valley the width is at nine tenths after two updates at 1; after the rate is cut
    to 0.1, it takes 1 / (rate h) updates to narrow by a factor of e."""
    run = lrcourse.cloud()
    run.run(np.where(np.arange(300) < 150, 1.0, 0.1))
    across = run.theory[:, 1]

    assert across[2] > 0.9 * across[150]
    rest = across[-1] ** 2
    left = (across[150:175] ** 2 - rest) / (across[150] ** 2 - rest)
    assert 1 / -np.polyfit(np.arange(25), np.log(left), 1)[0] == pytest.approx(5, rel=0.1)


def test_what_there_is_to_beat_is_exact():
    """The best constant ends at .061, a hand with three drops at .007, the best cosine at .006; no
    other peak of the slider does better, and each is what 300 updates give."""
    run = lrcourse.cloud()
    ends = {name: round(loss, 3) for name, (_, loss) in run.targets.items()}
    assert ends == {
        "best constant rate": 0.061,
        "a good hand, three drops": 0.007,
        "best cosine": 0.006,
    }

    for name, shape in (
        ("best constant rate", Constant()),
        ("best cosine", CosineAnnealing(T_max=300)),
    ):
        peak, loss = run.targets[name]
        for factor in (1.0, 0.9, 1.1):
            run.run(shape.with_peak(factor * peak))
            assert run.expected[-1] >= loss * (1 - 1e-9)
            assert factor != 1 or run.expected[-1] == pytest.approx(loss)


def test_a_rate_cut_early_strands_the_cloud():
    """Cut at update 30, the cloud ends ten times as high as when the same drops come late."""
    run = lrcourse.cloud()
    t = np.arange(300)
    run.run(np.where(t < 30, 1.0, 0.1))
    early = run.expected[-1]
    run.run(np.where(t < 270, 1.0, 0.1))

    assert early > 0.05
    assert run.expected[-1] < early / 3


def test_to_do_the_same_is_not_to_beat_it():
    """The best constant rate itself beats nothing; cosine at its best beats the two below it."""
    run = lrcourse.cloud()
    run.run(run.targets["best constant rate"][0])
    assert run.state["beaten"] == [] and "beaten: nothing yet" in repr(run)
    run.run(CosineAnnealing(lr=run.targets["best cosine"][0], T_max=300))
    assert run.state["beaten"] == ["best constant rate", "a good hand, three drops"]


def test_python_is_told_what_the_hand_did():
    """The changes of the slider and the updates made are the rates of the run."""
    run = lrcourse.cloud()
    from_browser(run, "drive", [[0, 1.0], [3, 0.5], [4, 0.25]], 5)

    assert run.rates.tolist() == [1.0, 1.0, 1.0, 0.5, 0.25]
    assert run.state["t"] == 5 and run.state["beaten"] == []
    assert run.losses.shape == (6,) and run.widths.shape == (6, 2)
    from_browser(
        run, "drive", [[0, 1.0], [5, 2.0]], 5
    )  # the slider has moved after the last update
    assert run.rates.tolist() == [1.0] * 5 and run.state["changes"][-1] == [5, 2.0]


@pytest.mark.parametrize(
    ("changes", "t", "message"),
    [
        ([[0, 1.0]], 301, "0 to 300"),
        ([[1, 1.0]], 5, "begin at 0"),
        ([], 5, "begin at 0"),
        ([[0, 1.0], [9, 1.0]], 5, "up to 5"),
        ([[0, -1.0]], 5, "above 0"),
    ],
)
def test_what_no_hand_can_do_is_refused(changes, t, message):
    """A sentence for the learner, and the run stays as it was."""
    run = lrcourse.cloud()
    from_browser(run, "drive", changes, t)
    assert message in run.trouble and run.state["t"] == 0


def test_a_rate_above_two_over_h_throws_the_cloud_out():
    """The widths grow without bound, and what is no number is None for the browser."""
    run = lrcourse.cloud(steps=2000)
    run.run(2.38)
    assert run.widths[200, 1] > 1e6
    assert run.state["loss"] is None and run.state["expected"] is None


def test_the_same_seed_gives_the_same_cloud():
    """Seeds are the only chance there is."""
    ends = []
    for seed in (1, 1, 2):
        run = lrcourse.cloud(seed=seed)
        run.run(0.5)
        ends.append(run.losses[-1])
    assert ends[0] == ends[1] != ends[2]


def test_the_stored_cloud_is_a_picture_and_its_words():
    """The same whatever the hand did, with an alternative text."""
    run = lrcourse.cloud()
    fresh = stored(run)
    run.run(0.1)
    assert stored(run) == fresh and is_calm_png(fresh["image/png"])
    assert "best cosine, peak 1.3: loss 0.0062" in fresh["text/plain"]
    assert "after 300 updates" in fresh["alt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"curvature": 0.5}, "curvature must be two numbers"),
        ({"curvature": (0, 1)}, "curvature must be above 0, got 0"),
        ({"start": (math.nan, 1)}, "start must be finite, got nan"),
        ({"noise": -1}, "noise must be 0 or above, got -1"),
        ({"steps": 5}, "steps must be .*10"),
        ({"steps": 10_000}, "steps must be at most 2000"),
        ({"balls": 10**6}, "balls must be at most 2000"),
        ({"balls": 1.5}, "balls must be"),
        ({"rate": 0}, "rate must be above 0"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_a_cloud_that_cannot_roll_is_refused(arguments, message):
    """With the value and the fix, before anything is shown."""
    with pytest.raises(ValueError, match=message):
        lrcourse.cloud(**arguments)


@pytest.mark.parametrize("rates", [[0.1, 0.2], 0, "0.1", [math.nan] * 300])
def test_rates_that_do_not_fit_the_run_are_refused(rates):
    """One number above 0, a schedule, or one rate for each update."""
    with pytest.raises(ValueError, match="rates must"):
        lrcourse.cloud().run(rates)
