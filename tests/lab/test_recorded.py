"""Races that were kept, and the model with two weights."""

import numpy as np
import pytest

import lrcourse
from lrcourse import Constant, CosineAnnealing, LinearWarmup, lab
from lrcourse.lab.recorded import BUDGETS, five_and_constant
from lrcourse.lab.two_weights import PEAKS, end_of


@pytest.mark.parametrize("task", BUDGETS)
def test_a_kept_race_is_the_one_that_its_recipe_says(task):
    """What came with the course has the schedules, the budget and the task of `recorded_again`."""
    race = lab.recorded(task)
    made = five_and_constant(BUDGETS[task])

    assert race.task.name == task and race.steps == BUDGETS[task]
    assert list(race.plans) == list(made) and len(race.seeds) == 16
    for name, schedule in made.items():
        shape = schedule(np.arange(race.steps))
        assert race.plans[name].lr == pytest.approx(shape / shape.max() * race.plans[name].peak)
        assert (race.used[name] == race.plans[name].lr).all()


def test_its_verdict_can_be_asked_and_no_other_race_was_kept():
    """A kept race answers as any other does; an unknown one is refused by name."""
    assert "Best of 6" in lab.recorded("text").verdict()
    with pytest.raises(ValueError, match="'digits'.*digits_conv, text"):
        lab.recorded("digits")


def test_a_rise_before_a_steep_start_allows_a_larger_peak():
    """Constant and fall survive 4/16 of a steep start, a rise several times as much."""
    rise = LinearWarmup(lr=1, start_factor=1 / 600, total_iters=600).then(Constant(lr=1), at=600)
    constant, fall = lab.largest_peak(Constant()), lab.largest_peak(CosineAnnealing(T_max=2000))

    assert constant == pytest.approx(0.25, rel=0.05) == fall
    assert lab.largest_peak(rise) > 4 * constant


def test_a_peak_that_is_too_large_diverges_and_one_that_is_not_arrives():
    """Runs end at u * v = 1, or are lost."""
    u, v = end_of(Constant(), np.array([0.1, 3.0]))

    assert u[0] * v[0] == pytest.approx(1)
    assert not np.isfinite(u[1] * v[1])
    assert PEAKS[0] < lab.largest_peak(Constant(), steps=500) < PEAKS[-1]


SAYINGS = {
    "step": "sudden drops after milestones, simple CNN/MLP training",
    "exponential": "gradual slowdown, long runs",
    "cosine": "smooth cool-down, modern nets (transformers, CNNs)",
    "cyclical": "periodic exploration, escapes minima, generalises",
    "one-cycle": "quick exploration, fine convergence, faster, better minima, used in fastai",
}


def test_every_saying_stands_with_its_own_schedule_and_its_evidence():
    """The table of the five has each saying in its schedule's row, and how it did in each race."""
    race = lab.recorded("text")
    table = lrcourse.summary({"transformer": race})
    best = race.table().index[0]

    assert table["what people say"].to_dict() == SAYINGS
    assert table.loc[best, "transformer"].endswith("the best")
    assert f"{race.table().loc['cosine', 'behind']:.3f} ±" in table.loc["cosine", "transformer"]


def test_no_line_stands_without_its_evidence():
    """A race that lacks one of the five is refused by name."""
    few = lab.race({"step": Constant()}, steps=5, seeds=2, tune=False, progress=False)

    with pytest.raises(ValueError, match="no 'exponential', only step"):
        lrcourse.summary({"few": few})
