"""Races as pictures: what is drawn is what the verdict says, and every picture has its words."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lrcourse import lab, plots
from lrcourse.lab.race_drawing import GREY
from lrcourse.lab.tasks import task_named

PEAKS = [0.05, 0.1, 0.2]


@pytest.fixture(scope="module")
def race():
    """All eight schedules of the course, on a few seeds."""
    return lab.race(list(lab.shapes(60)), steps=60, seeds=6, points=5, peaks=PEAKS, progress=False)


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def named(ax):
    """The lines of the schedules by their name."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def written(ax):
    return [text.get_text() for text in ax.texts]


def test_five_are_in_colour_and_no_second_cue_repeats(race):
    """The five best have a colour each, the others are grey, and dashes and marks tell all apart."""
    above, below = race.plot().axes
    for ax in (above, below):
        lines = named(ax)
        coloured = [name for name, line in lines.items() if line.get_color() != GREY]
        cues = {(line._dash_pattern, line.get_marker()) for line in map(_hashable, lines.values())}

        assert set(coloured) == set(race.table().index[:5])
        assert len({lines[name].get_color() for name in coloured}) == 5
        assert len(cues) == len(lines) == 8


def _hashable(line):
    line._dash_pattern = str(line._unscaled_dash_pattern)
    return line


def test_curves_have_their_names_at_their_ends(race):
    """Every name stands beside the axes, from the best up, and none upon another."""
    above, _ = race.plot().axes
    placed = {text.get_text(): text.get_position() for text in above.texts}
    heights = sorted(y for _, y in placed.values())
    order = sorted(placed, key=lambda name: placed[name][1])

    assert all(x > 1 for x, _ in placed.values())
    assert [name.removeprefix("↑ ") for name in order] == list(race.table().index)
    assert min(np.diff(heights)) > 0.04


def test_the_axis_shows_the_end_of_the_race(race):
    """The ends of the five best are in sight, and spread over a good part of the axis."""
    ax = race.plot().axes[0]
    low, high = ax.get_ylim()
    ends = race.table()["mean"][:5]

    assert low < ends.min() and ends.max() < high
    assert np.ptp(ends) > 0.15 * (high - low)


def test_a_schedule_that_is_far_off_hides_no_difference(tmp_path):
    """One that goes nowhere, or diverges on a seed, leaves the axis to the others: an arrow says where
    it is, a row why it is not compared."""
    rates = {"wild": lambda t: 1e8, "a": lambda t: 0.1, "b": lambda t: 0.09, "c": lambda t: 0.02}
    made = lab.race(rates, "quadratic", steps=60, tune=False, progress=False)
    low, high = made.plot().axes[0].get_ylim()
    ends = [made.scores[name].mean() for name in "abc"]

    assert low < min(ends) and max(ends) < high < 10 * max(ends)
    assert any(text.startswith("↑ ") or text == "wild" for text in written(made.plot().axes[0]))
    assert any("on 1 of 1" in text for text in written(made.plot_differences().axes[0]))
    assert "wild" in made.plot_differences().words


def test_differences_are_those_of_the_table(race):
    """A row for every schedule, best first: its dot where it is behind, its bar as wide as ±."""
    (ax,) = race.plot_differences().axes
    table = race.table()
    bars = dict(zip(table.index[1:], ax.containers))

    assert [label.get_text() for label in ax.get_yticklabels()] == list(table.index)
    for name, bar in bars.items():
        (low, _), (high, _) = bar[2][0].get_segments()[0]
        assert bar[0].get_xdata()[0] == pytest.approx(table.loc[name, "behind"])
        assert (high - low) / 2 == pytest.approx(table.loc[name, "±"])
        assert (bar[0].get_markerfacecolor() == "none") == (table.loc[name, "≈"] == "≈")


@pytest.mark.parametrize(
    "reach", [scale * n for scale in (1e-4, 0.01, 1, 100) for n in (1, 1.7, 4)]
)
def test_numbers_under_differences_stand_apart(race, reach):
    """However large or small the differences are, there are some, and none touches the next."""
    (ax,) = race.plot_differences().axes
    for low in (0.0, -0.15, -0.4):
        ax.set_xlim(low * reach, reach)
        ax.figure.canvas.draw()
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        inside = [box for box in boxes if ax.bbox.x0 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1]
        assert len(inside) >= 3
        assert all(after.x0 - box.x1 > 6 for box, after in zip(inside, inside[1:]))


def test_a_race_where_more_is_better_is_drawn_the_other_way_up():
    """Of an accuracy the best is at the top of its curves, and behind is still to the right."""
    digits = task_named("digits")
    task = lab.Task(
        name="shares",
        model=digits.model,
        data=digits.data,
        test=(digits.test[0], digits.test[1].argmax(1)),
        score=lambda outputs, y: (outputs.argmax(-1) == y).float().mean(-1),
        metric="accuracy",
        better="higher",
    )
    made = lab.race(["constant", "linear"], task, steps=40, seeds=6, peaks=PEAKS, progress=False)
    best = made.table().index[0]
    (ax,) = made.plot_differences().axes
    top = max(made.plot().axes[0].texts, key=lambda text: text.get_position()[1])

    assert top.get_text() == best
    assert ax.containers[0][0].get_xdata()[0] >= 0
    assert "accuracy" in made.plot_peaks().axes[0].get_ylabel()


def test_peaks_are_those_that_were_tried(race):
    """A line a schedule through the peaks tried, and a ring at the one that it ran with."""
    (ax,) = race.plot_peaks().axes
    for name, line in named(ax).items():
        tried = race.tuning.loc[name]["mean"]
        np.testing.assert_allclose(line.get_xdata(), tried.index)
        np.testing.assert_allclose(line.get_ydata(), tried)
    rings = [tuple(ring.get_offsets()[0]) for ring in ax.collections]
    assert {x for x, _ in rings} == {plan.peak for plan in race.plans.values()}


def test_a_peak_that_nearly_diverged_hides_no_bowl():
    """Where the next peak ended at 1e15, the axis still shows how the others compare."""
    bowl, plain = lab.Quadratic(power=2.0, far=1.5, noise=0.01), lab.SGD(momentum=0.0)
    run = {"steps": 100, "peaks": [0.55, 1.1, 2.2], "optimizer": plain, "progress": False}
    race = lab.race(["constant", "linear", "cosine"], bowl, **run)
    ends = race.table()["mean"]
    assert race.tuning["mean"].max() > 1e12
    low, top = race.plot_peaks().axes[0].get_ylim()
    assert low < ends.min() < ends.max() < top < 20


def test_ranks_over_budgets():
    """A line a schedule, at its rank in every budget; the best of the last budget at the top."""
    races = lab.race(
        ["constant", "linear", "cosine"], steps=(20, 60), seeds=6, peaks=PEAKS, progress=False
    )
    (ax,) = races.plot_ranks().axes
    for name, line in named(ax).items():
        ranks = [list(race.table().index).index(name) + 1 for race in races.values()]
        assert list(line.get_ydata()) == ranks
    assert [label.get_text() for label in ax.get_xticklabels()] == ["20", "60"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


@pytest.mark.parametrize("draw", ["plot", "plot_differences", "plot_peaks", "plot_bound"])
def test_every_picture_has_its_words_and_takes_axes(race, draw):
    """Shown, it is an image with a text that names every schedule; on given axes these come back,
    and a picture of several axes has the words of all."""
    shown = getattr(race, draw)()._repr_html_()
    alt = re.search(r'alt="([^"]*)"', shown)[1]
    figure, axes = plots.panels(1, 2)

    assert all(name in alt for name in race.curves)
    assert getattr(race, draw)(ax=axes[1]) is axes[1]
    assert figure.words and figure.words in getattr(race, draw)().words
    assert getattr(race, draw)(ax=plt.figure().add_subplot()).has_data()


def test_what_a_race_cannot_draw_it_says():
    """No differences of one schedule, no peaks without tuning: the reason, and what to do."""
    alone = lab.race(["linear"], steps=20, seeds=2, tune=False, progress=False)

    with pytest.raises(ValueError, match="differences need two schedules"):
        alone.plot_differences()
    with pytest.raises(ValueError, match="race with tune=True"):
        alone.plot_peaks()
    with pytest.raises(ValueError, match="a bound needs two schedules"):
        alone.plot_bound()


def test_the_bound_is_that_of_the_rates_that_raced(race):
    """Each schedule stands at its bound, at its best peak, and at its mean score."""
    (ax,) = race.plot_bound().axes
    points = {text.get_text(): text.xy for text in ax.texts}
    ends = {name: lab.bound(shape, 60).end for name, shape in lab.shapes(60).items()}

    for name, (x, y) in points.items():
        assert x == pytest.approx(ends[name] / min(ends.values()))
        assert y == race.table()["mean"][name]
    assert len(points) == 8


def test_a_saved_race_is_drawn_alike(race, tmp_path):
    """What was loaded gives the same words."""
    loaded = lab.load(race.save(tmp_path / "race"))
    for draw in ("plot", "plot_differences", "plot_peaks", "plot_bound"):
        assert getattr(loaded, draw)().words == getattr(race, draw)().words
