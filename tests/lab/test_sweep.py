"""Sweeps: many positions of one control trained on the same seeds, and what may be said of them."""

import threading
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from lrcourse import Constant, CosineAnnealing, OneCycle, StepDecay, lab
from lrcourse.lab.stats import quantile
from lrcourse.lab.sweep import Copy, Standing, Sweeps
from lrcourse.lab.tasks import task_named

DIGITS = task_named("digits")
MARKS = (10, 20, 30, 40)


def trained(sweeps, copies, steps=40):
    """All copies trained to the end, and the sweeps that were shown on the way."""
    shown = []
    sweeps.train(copies, steps, threading.Event(), shown.append)
    return sweeps.known(copies, steps), shown


@pytest.fixture
def sweeps():
    return Sweeps(DIGITS, DIGITS.optimizer, 8, MARKS)


def test_a_sweep_trains_as_a_race_does(sweeps):
    """The scores at the end are those of a race of the same schedules on the same seeds."""
    schedules = {"a": Constant(lr=0.05), "b": CosineAnnealing(T_max=40)}
    found, _ = trained(sweeps, [Copy(s) for s in schedules.values()])
    race = lab.race(schedules, "digits", steps=40, seeds=8, tune=False)

    for c, name in enumerate(schedules):
        np.testing.assert_allclose(found.scores[:, c, -1], race.curves[name][:, -1], rtol=2e-4)


def test_waves_show_all_positions_on_four_seeds_first(sweeps):
    """What is shown is whole after four seeds, then after eight; in between it only grows."""
    copies = [Copy(Constant(lr=lr)) for lr in (0.02, 0.05, 0.1)]
    _, shown = trained(sweeps, copies)

    assert [s.full for s in shown if s.seen.all()][-1] == 8
    assert sorted({s.full for s in shown if s.seen.all()} - {0}) == [4, 8]
    counts = [int(s.seen.sum()) for s in shown]
    assert sorted(counts) == counts


def test_what_was_trained_is_kept(sweeps, monkeypatch):
    """A second time nothing is trained, nor what is the beginning of a longer run."""
    copies = [Copy(Constant(lr=0.05)), Copy(Constant(lr=0.1))]
    found, _ = trained(sweeps, copies)
    monkeypatch.setattr(sweeps, "_stage", None)

    again, _ = trained(sweeps, copies)
    np.testing.assert_array_equal(found.scores, again.scores)
    shorter, _ = trained(sweeps, copies, steps=20)
    np.testing.assert_array_equal(found.scores[:, :, :2], shorter.scores)


def test_what_trains_alike_trains_once(sweeps):
    """A drop after the end of the run is no drop: the curves are one, and so is the verdict."""
    copies = [Copy(StepDecay(step_size=s)) for s in (10, 40, 60)]
    found, _ = trained(sweeps, copies)

    np.testing.assert_array_equal(found.scores[:, 1], found.scores[:, 2])
    standing = Standing.of(found.scores[:, :, -1])
    two = Standing.of(found.scores[:, :2, -1])
    assert standing.within[0] == pytest.approx(two.within[0], nan_ok=True)


def test_a_schedule_that_is_over_stays_where_it_is(sweeps):
    """A one-cycle of 20 updates in a run of 40: the score stays, for nothing moves."""
    found, _ = trained(sweeps, [Copy(OneCycle(total_steps=20))])

    np.testing.assert_array_equal(found.scores[:, 0, 1], found.scores[:, 0, 3])


def test_a_stop_ends_it_and_keeps_whole_waves(sweeps):
    """After a stop what is known is what was whole, and another call goes on from there."""
    stop, copies = threading.Event(), [Copy(Constant(lr=0.05))]
    sweeps.train(copies, 40, stop, lambda s: stop.set() if s.full == 4 else None)
    assert sweeps.known(copies, 40).full == 4

    found, _ = trained(sweeps, copies)
    assert found.full == 8
    fresh, _ = trained(Sweeps(DIGITS, DIGITS.optimizer, 8, MARKS), copies)
    np.testing.assert_allclose(found.scores, fresh.scores, rtol=2e-4)


def test_own_peaks_are_the_best_of_those_tried(sweeps):
    """Each schedule gets a peak of its own; a rate far too high is brought down."""
    wild, calm = Constant(lr=5.0), CosineAnnealing(lr=1e-4, T_max=40)
    peaks = sweeps.tune([wild, calm], 40, threading.Event())

    assert all(0.03 < peak < 0.5 for peak in peaks)
    found, _ = trained(sweeps, [Copy(wild, peaks[0]), Copy(wild), Copy(calm, peaks[1]), Copy(calm)])
    ends = found.scores[:, :, -1].mean(0)
    assert ends[0] < ends[1] or np.isnan(ends[1])
    assert ends[2] < ends[3]


def test_own_peaks_without_a_known_top():
    """A task that names no rate gets a short range test first."""
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0], [2.0], [-1.0], [0.5]])
    task = lab.Task(
        name="lines", model=partial(nn.Linear, 4, 1), data=(x, y), test=(x, y), loss=nn.MSELoss()
    )
    [peak] = Sweeps(task, task.optimizer, 4, (20,)).tune([Constant()], 20, threading.Event())

    assert 1e-4 < peak < 1


def test_the_standing_is_the_labs(sweeps):
    """Who is told from the best is what a race of the same schedules says."""
    schedules = {f"{lr}": Constant(lr=lr) for lr in (0.02, 0.05, 0.06, 0.1)}
    found, _ = trained(sweeps, [Copy(s) for s in schedules.values()])
    table = lab.race(schedules, "digits", steps=40, seeds=8, tune=False).table()
    standing = Standing.of(found.scores[:, :, -1])

    for i, name in enumerate(schedules):
        assert standing.near[i] == (table.loc[name, "≈"] == "≈")
        assert standing.behind[i] == pytest.approx(table.loc[name, "behind"], rel=1e-2, abs=1e-5)


def test_what_diverged_is_no_best():
    """A position that diverged on one seed cannot be the best, and has no place among the near."""
    ends = np.array([[0.1, 0.2, 0.3], [np.inf, 0.21, 0.33], [0.1, 0.19, 0.31]])
    standing = Standing.of(ends)

    assert (standing.best, standing.lost.tolist()) == (1, [1, 0, 0])
    assert standing.near.tolist() == [False, True, False]


def test_where_higher_is_better():
    """Of accuracies the best is the highest."""
    ends = np.array([[0.8, 0.9], [0.81, 0.92], [0.79, 0.9]])
    standing = Standing.of(ends, better="higher")

    assert standing.best == 1
    assert standing.behind[0] == pytest.approx(0.10667, abs=1e-4)


def test_an_exact_task_has_no_luck():
    """What is computed is told apart by any difference."""
    exact = task_named("quadratic")
    sweeps = Sweeps(exact, exact.optimizer, 32, (20, 40))
    found, _ = trained(sweeps, [Copy(Constant(lr=0.1)), Copy(Constant(lr=0.2))])
    standing = Standing.of(found.scores[:, :, -1], exact=True)

    assert found.full == 1
    assert sorted(standing.near) == [False, True]
    assert not standing.half.any()


@pytest.mark.parametrize("k", [3, 8, 25])
@pytest.mark.parametrize("n", [3, 4, 32])
def test_the_quantile_is_scipys(k, n):
    """The quick quantile of the studentized range is SciPy's to five digits."""
    expected = stats.studentized_range.ppf(0.95, k, n - 1) / np.sqrt(2)

    assert quantile(k, n) == pytest.approx(expected, rel=1e-5)
