"""The player and the ball: what they show is the path that Python computed."""

import math

import numpy as np
import pytest
from widget_tools import from_browser, is_calm_png, stored

import lrcourse
from lrcourse import Constant, CosineAnnealing, Cyclical, OneCycle, StepDecay


def bowl(x):
    return x**2 / 2


def two_wells(x):
    return (x * x - 1) ** 2 + 0.3 * x


# play


def halving():
    return lrcourse.play([4.0, 2.0, 1.0, 0.5], loss=bowl, schedule=Constant(lr=0.5))


def test_a_frame_for_the_start_and_for_every_update():
    """n updates are n + 1 places: the start, and where each update led."""
    player = halving()

    assert player.content["frames"] == 4
    assert player.content["above"]["x"] == [4.0, 2.0, 1.0, 0.5]
    assert player.content["above"]["y"] == [8.0, 2.0, 0.5, 0.125]
    assert player.content["below"]["rates"] == [0.5, 0.5, 0.5]


def test_the_words_of_a_frame_say_where_the_ball_is_and_which_rate_comes():
    """The text of every frame agrees with the path and the schedule."""
    player = lrcourse.play([4.0, 2.0, 1.0], loss=bowl, schedule=[0.5, 0.25])
    words = []
    for update in range(3):
        player.go(update)
        words.append(player.state["words"])

    assert words == [
        "After 0 of 2 updates: x = 4, loss 8. The next update uses rate 0.5.",
        "After 1 of 2 updates: x = 2, loss 2. The next update uses rate 0.25.",
        "After 2 of 2 updates: x = 1, loss 0.5. The run is over.",
    ]


def test_the_drawn_curve_is_the_loss_and_holds_the_path():
    """The landscape is the function itself, over a window with every place in it."""
    above = halving().content["above"]
    x = np.array(above["grid"])

    np.testing.assert_allclose(above["height"], bowl(x), rtol=1e-4, atol=1e-9)
    assert x[0] < 0.5 and x[-1] > 4.0
    assert above["axes"]["x"]["from"] == pytest.approx(x[0])


def test_a_training_curve_has_a_frame_for_every_update():
    """With losses, update t saw losses[t] at the rate schedule(t)."""
    losses = np.exp(-np.arange(40) / 10)
    player = lrcourse.play(losses=losses, schedule=StepDecay(lr=0.1, step_size=30))
    player.go(30)

    assert player.content["frames"] == 40
    np.testing.assert_allclose(player.content["above"]["y"], losses, rtol=1e-5)
    assert player.state["words"] == "Update t = 30 of 40: rate 0.01, loss 0.0498."


def test_a_path_that_leaves_every_number_can_be_shown():
    """A diverged run is clipped for the picture and said in words; JSON holds no NaN."""
    player = lrcourse.play(
        [1.0, 1e200, -math.inf, math.nan], loss=bowl, schedule=Constant(lr=3.0), where=(-5, 5)
    )
    player.go(2)

    assert player.content["above"]["x"] == [1.0, 1e200, None, None]
    assert "the ball is gone" in player.state["words"]
    assert max(player.content["above"]["height"]) == 12.5


def test_marks_are_drawn_within_the_picture():
    """A threshold above every rate still has its line in the panel of the rates."""
    player = lrcourse.play([1.0, 0.5], loss=bowl, schedule=Constant(lr=0.1), marks={"2/h": 2.0})

    assert player.content["below"]["marks"] == [["2/h", 2.0]]
    assert player.content["below"]["axes"]["y"]["to"] > 2.0


def test_the_stored_player_is_a_picture_and_a_few_lines():
    """Without a kernel: a calm picture, and start, middle and end in words."""
    player = halving()
    player.go(2)
    fresh = stored(halving())

    assert stored(player) == fresh and is_calm_png(fresh["image/png"])
    assert "After 0 of 3 updates: x = 4" in fresh["text/plain"]
    assert "After 3 of 3 updates: x = 0.5" in fresh["text/plain"]
    assert repr(player) == "<play: 3 updates on a curve>"


def test_the_browser_reports_where_it_stopped():
    """The place that the learner stopped at is the state, and a place outside is refused."""
    player = halving()
    from_browser(player, "go", 3)
    assert player.state["update"] == 3
    from_browser(player, "go", 4)
    assert player.state["update"] == 3 and player.trouble == "Go to 0 to 3, got 4."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schedule": Constant()}, "positions .* or losses"),
        ({"positions": [1, 2], "losses": [1, 2], "schedule": Constant()}, "one of the two"),
        ({"positions": [1, 2], "schedule": Constant()}, "need loss"),
        ({"positions": 3, "loss": bowl, "schedule": Constant()}, "positions must be"),
        ({"positions": [1], "loss": bowl, "schedule": Constant()}, "at least 2"),
        ({"positions": [1, 2, 3], "loss": bowl, "schedule": [0.1]}, "at least 2"),
        ({"positions": [1, 2, 3], "loss": bowl, "schedule": [0.1] * 3}, "each of the 2 .* got 3"),
        ({"positions": [1, 2, 3, 4], "loss": bowl, "schedule": [0.1] * 2}, "after 2 .* has 3"),
        ({"losses": np.ones(200), "schedule": OneCycle()}, "ends after 100 updates.* has 200"),
        ({"losses": np.ones(6000), "schedule": Constant()}, "6000 updates"),
        ({"losses": [math.nan] * 3, "schedule": Constant()}, "finite somewhere"),
        ({"positions": [1, 2], "loss": bowl, "schedule": Constant(), "where": (3, 1)}, "where"),
    ],
)
def test_a_run_that_cannot_be_walked_is_refused(arguments, message):
    """What does not fit together is said at once."""
    with pytest.raises(ValueError, match=message):
        lrcourse.play(**arguments)


def test_a_run_of_one_update_can_be_walked():
    """The shortest path: one update, two places."""
    player = lrcourse.play([1.0, 0.5], loss=bowl, schedule=CosineAnnealing())

    assert player.content["frames"] == 2 and len(player.content["below"]["rates"]) == 1


# ball


@pytest.mark.parametrize("curvature", [0.5, 1.0, 4.0])
def test_every_position_of_the_slider_has_the_path_of_its_rate(curvature):
    """On a parabola x becomes (1 - rate * curvature) * x at every update: all rows at once."""
    ball = lrcourse.ball(curvature=curvature, start=-3.0, steps=12)
    factor = 1 - ball.rates[:, None] * curvature

    np.testing.assert_allclose(ball.paths, -3.0 * factor ** np.arange(13), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ball.content["x"], ball.paths, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("curvature", [0.5, 1.0, 4.0])
def test_the_threshold_is_two_over_the_curvature(curvature):
    """Just below 2/h the ball comes closer, at 2/h it never does, just above it diverges."""
    ball = lrcourse.ball(curvature=curvature)
    at = int(np.argmin(np.abs(ball.rates - 2 / curvature)))
    assert ball.rates[at] == pytest.approx(2 / curvature, rel=1e-12)

    distance = np.abs(ball.paths)
    assert distance[at - 1, -1] < distance[at - 1, 0]
    assert distance[at, -1] == pytest.approx(distance[at, 0])
    assert distance[at + 1, -1] > distance[at + 1, 0]


def test_the_verdicts_go_from_too_small_over_right_to_too_large():
    """Each verdict is one stretch of the slider, in this order."""
    ball = lrcourse.ball()
    verdicts = [verdict for verdict, _ in ball.content["verdicts"]]
    order = [v for i, v in enumerate(verdicts) if i == 0 or v != verdicts[i - 1]]

    assert order == ["too small", "right", "too large"]
    for rate, verdict in zip(ball.rates, verdicts):
        left = (1 - rate) ** (2 * 20)  # the share of the loss that is left, exactly
        assert verdict == ("right" if left <= 0.01 else "too small" if rate < 1 else "too large")


@pytest.mark.parametrize(
    ("rate", "verdict", "words"),
    [
        (0.01, "too small", "% of the way down is left"),
        (0.5, "right", "It rolls down and is within 1 % of the bottom at update 4"),
        (1.7, "right", "It overshoots at every update, but"),
        (2.0, "too large", "from side to side for ever"),
        (4.0, "too large", "It overshoots and diverges: it leaves the picture at update 1"),
    ],
)
def test_the_verdict_says_what_happened(rate, verdict, words):
    """Too small, right and too large, each with what the ball did."""
    ball = lrcourse.ball()
    ball.move(rate)

    assert ball.state["verdict"] == verdict and words in ball.state["words"]


def test_close_to_the_threshold_it_jumps_and_comes_closer_slowly():
    """Between settling and diverging there is a rate that does neither in time."""
    ball = lrcourse.ball(rates=[0.1, 1.95])
    ball.move(1.95)

    assert ball.state["verdict"] == "a little too large"
    assert "comes closer only slowly" in ball.state["words"]


def test_a_curve_of_your_own_is_descended():
    """Slopes are measured; the path is gradient descent on that curve; a side valley is named."""
    ball = lrcourse.ball(two_wells, start=1.6, where=(-2, 2), steps=60, rates=[0.01, 0.02, 1.0])
    x = 1.6
    for _ in range(60):
        x -= 0.02 * (4 * x * (x * x - 1) + 0.3)

    assert ball.paths[1, -1] == pytest.approx(x, abs=1e-4)
    ball.move(0.02)
    assert ball.state["verdict"] == "stuck" and "not the lowest place" in ball.state["words"]
    ball.move(1.0)
    assert ball.state["verdict"] == "too large" and "out of sight" in ball.state["words"]


def test_the_default_rates_of_your_own_curve_know_its_curvature():
    """2/h of the lowest place is a position of the slider, h measured."""
    ball = lrcourse.ball(lambda x: 3 * (x - 1) ** 2, start=-2.0, where=(-3, 5))

    assert np.min(np.abs(ball.rates / (2 / 6) - 1)) < 1e-4


def test_moving_goes_to_the_nearest_position():
    """On the scale that the slider has: in ratios."""
    ball = lrcourse.ball(rates=[0.01, 0.1, 1.0])
    for asked, nearest in ((0.02, 0.01), (0.04, 0.1), (50.0, 1.0)):
        ball.move(asked)
        assert ball.state["lr"] == nearest


@pytest.mark.parametrize("rate", [0, -1, True, "0.1", None])
def test_a_rate_is_above_zero(rate):
    """A rate of zero or below is no place on the slider."""
    with pytest.raises(ValueError, match="above 0"):
        lrcourse.ball().move(rate)


def test_the_stored_ball_shows_three_rates_and_a_table():
    """Without a kernel: too small, right and too large, in a picture and in words."""
    ball = lrcourse.ball()
    ball.move(4.0)
    fresh = stored(lrcourse.ball())

    assert stored(ball) == fresh and is_calm_png(fresh["image/png"])
    for verdict in ("too small", "right", "too large"):
        assert verdict not in fresh["text/plain"] + fresh["alt"]
    assert "ends at x = " in fresh["text/plain"] and "outside the picture" in fresh["text/plain"]
    assert repr(ball) == "<ball: 20 updates, rates 0.00781 to 4>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 500, got 0"),
        ({"steps": 2.5}, "got 2.5"),
        ({"curvature": 0}, "curvature must be above 0, got 0"),
        ({"curvature": math.nan}, "got nan"),
        ({"start": 0.0}, "off the bottom"),
        ({"loss": bowl}, r"needs where=\(from, to\)"),
        ({"loss": bowl, "where": (1, 1)}, "where must be"),
        ({"loss": lambda x: -x * x, "where": (-1, 1)}, "no valley"),
        ({"loss": lambda x: 1 / x if x else math.inf, "where": (-1, 1)}, "must be finite"),
        ({"rates": [0.1, 0.05]}, "rates must be above 0 and grow"),
        ({"rates": [0.0, 0.1]}, "rates must be above 0"),
    ],
)
def test_a_ball_that_cannot_roll_is_refused(arguments, message):
    """With the value and the fix, before anything is shown."""
    with pytest.raises(ValueError, match=message):
        lrcourse.ball(**arguments)


def test_everything_is_sent_at_once_and_stays_small():
    """All paths of the slider fit in one message of well under 100 kB."""
    import json

    assert len(json.dumps(lrcourse.ball().content)) < 100_000
    run = np.cumsum(np.ones(1001))
    long = lrcourse.play(run, loss=bowl, schedule=Cyclical())
    assert len(json.dumps(long.content)) < 200_000
