"""Three schedules that a maintainer might add, defined here, outside the package.

Nothing in the course knows their names or the names of their fields: what they say of themselves
is enough to trace, explore, draw and race them.
"""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import lrcourse
from lrcourse import StepDecay, explore, lab, plots
from lrcourse._fields import INSIDE, LOW, POSITIVE, RATE, STEPS, a
from lrcourse.recorder import Trace
from lrcourse.schedules import Schedule, a_schedule
from lrcourse.widgets._curves import curve_of


@a_schedule
class Trapezoid(Schedule):
    """Up, level, and down to 0, where it stays: no one-cycle, though it has `total_steps`."""

    lr: float = a(RATE, 0.1)
    total_steps: int = a(STEPS, 100)
    slope: float = a(INSIDE, 0.2)

    _twin = "LambdaLR"
    after_end = "after total_steps the rate is 0, and updates change nothing"

    def _rate(self, t: np.ndarray) -> np.ndarray:
        long = self.slope * self.total_steps
        left = np.maximum(self.total_steps - t, 0)
        return self.lr * np.minimum(1, np.minimum((t + 1) / long, left / long))

    @property
    def end(self) -> int:
        return self.total_steps

    @property
    def horizon(self) -> int:
        return self.total_steps


@a_schedule
class PowerLaw(Schedule):
    """Down as a power of the time, for ever: no `total_iters`, though it has a `power`."""

    lr: float = a(RATE, 0.1)
    power: float = a(POSITIVE, 0.5)

    _twin = "LambdaLR"
    end = None
    after_end = ""
    horizon = 100

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.lr * (1 + t) ** -self.power


@a_schedule
class TimedDecay(Schedule):
    """A straight line to `lowest` in `decay_steps`, and then that: the length has a new name."""

    lr: float = a(RATE, 0.1)
    decay_steps: int = a(STEPS, 100)
    lowest: float = a(LOW, 0.01)

    _twin = "LambdaLR"
    after_end = "after decay_steps the rate stays at its lowest"

    def _rate(self, t: np.ndarray) -> np.ndarray:
        done = np.minimum(t, self.decay_steps) / self.decay_steps
        return self.lr + (self.lowest - self.lr) * done

    @property
    def end(self) -> int:
        return self.decay_steps

    @property
    def horizon(self) -> int:
        return self.decay_steps


OUTSIDE = [Trapezoid(total_steps=60), PowerLaw(), TimedDecay(decay_steps=60)]
TIMED = [Trapezoid(total_steps=60), TimedDecay(decay_steps=60)]
every = pytest.mark.parametrize("schedule", OUTSIDE, ids=lambda s: type(s).__name__)
timed = pytest.mark.parametrize("schedule", TIMED, ids=lambda s: type(s).__name__)


def an_optimizer(lr: float = 0.0) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)


def trained(schedule: Schedule, updates: int) -> Trace:
    optimizer = an_optimizer()
    scheduler = schedule.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for _ in range(updates):
            optimizer.step()
            scheduler.step()
    return used


@every
def test_the_twin_trains_as_the_formula(schedule: Schedule):
    """A LambdaLR of the formula: planned and used are equal at all updates, and nothing is said."""
    report = trained(schedule, 60).against(schedule)

    assert report.equal and report.cause is None, report


@every
def test_the_code_runs(schedule: Schedule):
    """The line to paste builds that LambdaLR, for an optimizer with the rate that it says."""
    code = schedule.code()
    optimizer = an_optimizer(float(code.partition("optimizer built with lr=")[2]))
    scheduler = eval(code, {"torch": torch, "optimizer": optimizer, "schedule": schedule})
    for t in range(80):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(schedule(t), rel=1e-12, abs=1e-16)
        optimizer.step()
        scheduler.step()


@timed
def test_a_run_that_is_too_long_is_told_what_came_after_the_end(schedule: Schedule):
    """The schedule's own words: no talk of a one-cycle or of a cosine."""
    report = trained(schedule, 90).against(schedule)

    assert report.equal and report.cause == "run-longer"
    assert f"made for 60 updates: {schedule.after_end}." in report.message


def test_a_run_of_any_length_fits_a_schedule_without_end():
    """The power law has no end to run past, or to miss."""
    for updates in (5, 60, 300):
        assert trained(PowerLaw(), updates).against(PowerLaw()).cause is None


@timed
def test_a_run_that_is_too_short_is_told_so(schedule: Schedule):
    """It ends before the plan does."""
    report = trained(schedule, 40).against(schedule)

    assert report.equal and report.cause == "run-shorter"
    assert "made for 60 updates" in report.message


@every
def test_it_is_explored(schedule: Schedule):
    """One control a field and one for the run, the formula at their positions, and the end."""
    explorer = explore(schedule)
    t, rates = explorer.curve()

    assert set(explorer.controls) == {"lr", *schedule.shape, "run"}
    np.testing.assert_allclose(rates, schedule(t), rtol=2e-7)
    assert curve_of(schedule, t).end == schedule.end
    assert explorer.steps >= 1.25 * (schedule.end or 0)
    for name in ("lr", *schedule.shape):
        control = explorer.controls[name]
        assert control.positions, name
        explorer.set(**{name: control.positions[1]})
        assert getattr(explorer.schedule, name) == control.positions[1]
        explorer.reset()


@every
def test_it_is_drawn(schedule: Schedule):
    """As many updates as show its shape."""
    ax = plots.draw_schedule(Figure().add_subplot(), schedule)
    t, rates = ax.lines[0].get_data()

    assert (t[0], t[-1]) == (0, schedule.horizon - 1)
    np.testing.assert_array_equal(rates, schedule(t))


def test_they_race():
    """Side by side with one of the course's, at peaks of their own."""
    entries = {type(s).__name__: s for s in (*OUTSIDE, StepDecay(step_size=20))}
    race = lab.race(entries, steps=60, seeds=2)

    assert set(race.scores) == set(entries)
    assert all(np.isfinite(scores).all() for scores in race.scores.values())


def test_a_check_draws_their_curve():
    """An answer made with one of them is run, judged and drawn like any other."""

    def mine(t, lr, T_max, eta_min):
        return TimedDecay(lr=lr, decay_steps=T_max, lowest=eta_min)(t)

    result = lrcourse.check("cosine_annealing.1", mine)

    assert not result.right and "raised" not in repr(result)
    assert len(result.picture().figure.axes[0].lines) >= 2


@every
def test_it_is_joined_and_scaled(schedule: Schedule):
    """`.then` and `with_peak` need nothing of it either, and a row of two outsiders has code."""
    row = schedule.then(PowerLaw(), at=30)

    assert row(30) == PowerLaw()(0)
    assert row.end is None and row.after_end == ""
    assert schedule.with_peak(0.3).peak == pytest.approx(0.3)
    optimizer = an_optimizer(0.1)
    known = {"torch": torch, "optimizer": optimizer, "schedule": row}
    scheduler = eval(row.code(), known)
    for t in range(40):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(row(t), rel=1e-12)
        optimizer.step()
        scheduler.step()


@timed
def test_its_length_and_shape_are_known(schedule: Schedule):
    """What counts updates is a length; what is no peak belongs to the shape."""
    assert list(schedule.lengths.values()) == [60]
    assert "lr" not in schedule.shape and len(schedule.shape) == 2
