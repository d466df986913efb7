"""The explorer that trains, from Python: what it says is what a plain race of the lab says."""

import os
import signal
import threading
from base64 import b64decode
from functools import partial

import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal
from sampling import some
from torch import nn
from waiting import until
from widget_tools import from_browser, is_calm_png, stored

from lrcourse import (
    SCHEDULES,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    StepDecay,
    explore,
    lab,
)
from lrcourse.widgets.consequences import TrainedExplorer

FEW = {"task": "digits", "steps": 40, "seeds": 4}


@pytest.fixture
def explorer():
    """Step decay, trained for 40 updates on four seeds."""
    made = explore(StepDecay(step_size=20), **FEW)
    made.wait()
    return made


def mean(explorer, name):
    """What is shown at the end of a position."""
    found = explorer.trained
    return found["end"][found["texts"].index(name)]


def test_without_a_task_nothing_trains():
    """Without a task it is the light explorer; seeds and optimizer then make no sense."""
    assert type(explore(StepDecay())) is not TrainedExplorer
    with pytest.raises(ValueError, match=r"seeds is for training.*add task='digits'"):
        explore(StepDecay(), seeds=4)
    with pytest.raises(ValueError, match="optimizer is for training"):
        explore(StepDecay(), optimizer="adamw")


@pytest.mark.parametrize(
    "schedule", some(SCHEDULES, [Cyclical, OneCycle]), ids=lambda s: s.__name__
)
def test_every_schedule_trains(schedule):
    """Of every schedule of the course controls have a table, with a row for each position."""
    explorer = explore(schedule(), **FEW | {"steps": 20})
    for name, control in [*explorer.controls.items()][-3:]:
        table = explorer.consequences(name)
        assert set(table.index) <= set(control.positions or [control.asked])
        assert len(table) >= 1
        assert (table["seeds"] == 4).all()


def test_a_position_is_what_a_race_makes_of_it(explorer):
    """The score at a position is the mean of a race of that schedule on the same seeds."""
    table = explorer.consequences("gamma")
    schedule = StepDecay(step_size=20, gamma=0.5)
    race = lab.race({"a": schedule}, "digits", steps=40, seeds=4, tune=False)

    ends = race.curves["a"][:, -1]
    assert table.loc[0.5, "mean"] == pytest.approx(ends.mean(), rel=1e-3)
    assert table.loc[0.5, "±"] == pytest.approx(lab.interval(ends).half, rel=1e-2)


def test_a_move_trains_all_positions_of_its_control(explorer):
    """Moved from Python, a control is touched, and the sentence is about the new position."""
    explorer.set(gamma=0.3)
    explorer.wait()

    assert explorer.trained["control"] == "gamma"
    assert explorer.verdict.startswith("gamma 0.3: ")
    assert f"{explorer.consequences()['mean'][0.3]:.3g}" == f"{mean(explorer, '0.3'):.3g}"


def test_a_value_of_your_own_is_trained_too(explorer):
    """What is typed is a position like the others."""
    explorer.set(gamma=0.1234)
    explorer.wait()

    assert explorer.verdict.startswith("gamma 0.1234: ")
    assert 0.1234 in explorer.consequences().index


def test_going_back_trains_nothing(explorer, monkeypatch):
    """A control whose positions are trained answers at once when it is touched again."""
    explorer.consequences("gamma")
    first = explorer.consequences("step_size")
    monkeypatch.setattr("lrcourse.lab.sweep.Stage.run", None)
    explorer.consequences("gamma")

    assert_frame_equal(first, explorer.consequences("step_size"))


def test_the_browser_touches_and_stops():
    """The messages of a page: touch trains a control, stop ends it and keeps what was done."""
    explorer = explore(CosineAnnealing(T_max=4000), task="digits", steps=4000, seeds=32)
    from_browser(explorer, "touch", "lr")
    assert (explorer.trained["control"], explorer.trained["running"]) == ("lr", True)
    from_browser(explorer, "stop")
    explorer.wait(20)

    assert not explorer.trained["running"]
    assert explorer.trained["n"] < 32


@pytest.mark.parametrize("hand", ["look", "touch", "wait"])
def test_more_seeds_wait_for_somebody_to_look(hand):
    """Until a page shows it, or a hand asks, only the seeds of the stored picture are trained."""
    explorer = explore(StepDecay(step_size=20), task="digits", steps=40, seeds=12)
    until(lambda: explorer._current.rests)
    assert (explorer.trained["n"], explorer.trained["of"], explorer.trained["running"]) == (
        8,
        12,
        True,
    )

    if hand == "wait":
        explorer.wait(60)
    else:
        from_browser(explorer, hand, *(["step_size"] if hand == "touch" else []))
    until(lambda: not explorer.trained["running"])
    assert explorer.trained["n"] == 12
    explorer.wait(1)


def test_few_seeds_wait_for_nobody():
    """Where no more seeds are wanted than those of the stored picture, it is over without a look."""
    explorer = explore(StepDecay(step_size=20), **FEW)
    until(lambda: not explorer.trained["running"])
    assert explorer.trained["n"] == explorer.trained["of"] == 4


def test_one_that_nobody_saw_can_be_stopped():
    """What waits for somebody to look is over once it was stopped and is asked for."""
    explorer = explore(StepDecay(step_size=20), task="digits", steps=40, seeds=12)
    until(lambda: explorer._current.rests)
    explorer.stop()
    explorer.wait(60)
    assert (explorer.trained["n"], explorer.trained["running"]) == (8, False)
    assert (explorer.consequences("step_size")["seeds"] == 12).all()


def test_another_touch_ends_the_first():
    """Of two touches in a row only the last one is told of, from then on."""
    explorer = explore(CosineAnnealing(), **FEW)
    for name in ("T_max", "lr", "eta_min", "T_max", "lr"):
        from_browser(explorer, "touch", name)
    told = []
    explorer.observe(lambda change: told.append(change.new["control"]), "trained")
    explorer.wait()

    assert {"lr"} == set(told)
    assert explorer.trained["n"] == 4


def test_interrupting_the_kernel_stops_it():
    """A cell that was interrupted stops what trains beside it; so does the signal between cells."""
    from lrcourse.widgets import interrupt

    explorer = explore(CosineAnnealing(T_max=4000), task="digits", steps=4000, seeds=32)
    interrupt._after_cell(type("Result", (), {"error_in_exec": KeyboardInterrupt()}))
    explorer.wait(20)

    assert explorer.trained["n"] < 32


@pytest.fixture
def heard():
    """Python's own answer to an interrupt, whatever a library of another test has left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_waiting_can_be_interrupted(heard):
    """An interrupt of a cell that waits ends the training, too."""
    explorer = explore(CosineAnnealing(T_max=4000), task="digits", steps=4000, seeds=32)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        explorer.wait()
    explorer.wait(20)

    assert explorer.trained["n"] < 32


def test_the_run_is_a_control_of_one_long_run(explorer):
    """The score at a length of the run is that of a run so long, and of the longest one's mark."""
    table = explorer.consequences("run")
    assert table.index.max() == 60
    explorer.set(run=60)
    longer = explorer.consequences("gamma")

    assert longer.loc[0.1, "mean"] == pytest.approx(table.loc[60, "mean"], rel=1e-5)


def test_cycles_are_offered_whole():
    """A run ends at the end of a cycle, at every position of a cycle's length."""
    explorer = explore(Cyclical(step_size_up=25), **FEW | {"steps": 100})

    table = explorer.consequences("step_size_up")
    assert {1, 2, 5, 10, 25, 50} == set(table.index)
    explorer.set(run=60)
    assert {1, 2, 3, 5, 6, 10, 15, 25, 30} == set(explorer.controls["step_size_up"].positions)


def test_a_one_cycle_ends_where_it_ends():
    """A position whose schedule is over before the run is trained as far as it goes."""
    explorer = explore(OneCycle(total_steps=40), **FEW)
    table = explorer.consequences("total_steps")
    race = lab.race({"a": OneCycle(total_steps=24)}, "digits", steps=24, seeds=4, tune=False)

    assert table.loc[24, "mean"] == pytest.approx(race.curves["a"][:, -1].mean(), rel=1e-3)
    found = explorer.trained
    assert found["until"][found["copy"][found["texts"].index("24")]] == 24


def test_a_position_that_is_no_schedule_has_no_curve():
    """What cannot be has no score, and the others are compared without it."""
    explorer = explore(CosineAnnealing(lr=0.1, T_max=40, eta_min=0.05), **FEW)
    table = explorer.consequences("lr")

    assert table.index.min() == 0.05
    assert explorer.trained["copy"][0] == -1
    assert explorer.trained["end"][0] is None


def test_own_peaks():
    """Each position at its own best peak is never much worse than as it is set, and says so."""
    explorer = explore(StepDecay(lr=2.0, step_size=20), **FEW)
    as_set = explorer.consequences("gamma")
    explorer.tune(True)
    tuned = explorer.consequences()

    assert tuned["mean"].mean() < as_set["mean"].mean()
    assert (tuned["peak"] < 1).all()
    assert "each position at its own best peak" in explorer.verdict
    np.testing.assert_allclose(explorer.curves("gamma").max(1), tuned["peak"])  # as it is drawn
    assert explorer.curve()[1].max() == pytest.approx(tuned["peak"][0.1])
    explorer.tune(False)
    assert_frame_equal(as_set, explorer.consequences())
    assert explorer.curve()[1].max() == 2.0


def test_the_peak_itself_is_not_tuned():
    """A sweep of the rate shows the rates that it says."""
    explorer = explore(StepDecay(step_size=20), **FEW)
    explorer.tune(True)
    explorer.wait()
    table = explorer.consequences("lr")

    np.testing.assert_allclose(table["peak"], table.index)
    np.testing.assert_allclose(explorer.curves("lr").max(1), table.index)


def test_the_ghost_is_the_start_then_the_pin(explorer):
    """Under the curve lies that of the start, or of what was pinned last."""
    explorer.set(gamma=0.5)
    explorer.wait()
    name, ghost = explorer.trained["ghost"]
    start = explore(StepDecay(step_size=20), **FEW)
    start.wait()
    kept = np.frombuffer(explorer.trained["mean"], "<f4").reshape(-1, 20)[ghost]

    assert name == "start"
    assert kept[-1] == pytest.approx(mean(start, "20"), rel=1e-3)
    explorer.pin()
    explorer.set(gamma=0.2)
    explorer.wait()
    assert explorer.trained["ghost"][0] == "pin 1"


def test_several_schedules_train_on_the_same_seeds():
    """The other schedules of the figure are trained beside, as they are."""
    explorer = explore(CosineAnnealing(T_max=40), ExponentialDecay(gamma=0.95), **FEW)
    explorer.consequences("A.T_max")
    [[which, c]] = explorer.trained["others"]
    race = lab.race({"b": ExponentialDecay(gamma=0.95)}, "digits", steps=40, seeds=4, tune=False)
    kept = np.frombuffer(explorer.trained["mean"], "<f4").reshape(-1, 20)[c]

    assert which == 1
    assert kept[-1] == pytest.approx(race.curves["b"][:, -1].mean(), rel=1e-3)


def test_parts_in_a_row_train():
    """A warm-up and what follows it: the join can be touched, too."""
    warm = LinearWarmup(total_iters=10).then(CosineAnnealing(T_max=30), at=10)

    assert len(explore(warm, **FEW).consequences("at")) > 5


def test_milestones_train_as_they_are():
    """A text has no positions: what it says is trained."""
    explorer = explore(MultiStepDecay(milestones=[10, 30]), **FEW)
    explorer.set(milestones=[20, 30])

    assert list(explorer.consequences().index) == [(20, 30)]
    assert explorer.verdict.startswith("milestones 20, 30: ")


def own_task(**changes):
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] + x[:, 1] > 0).long()
    parts = {"data": (x, y), "test": (x, y), "model": partial(nn.Linear, 4, 2), "name": "mine"}
    return lab.Task(**parts | changes)


def test_a_task_of_your_own():
    """Any task trains, and an accuracy is better the higher."""

    def accuracy(outputs, y):
        return (outputs.argmax(-1) == y).float().mean()

    explorer = explore(
        CosineAnnealing(T_max=40),
        **FEW | {"task": own_task(score=accuracy, metric="accuracy", better="higher")},
    )
    table = explorer.consequences("lr")

    assert table["mean"].idxmax() in table.index[table["≈"] == "≈"]
    assert "accuracy" in explorer.verdict
    assert "the highest" in explorer.verdict


def test_an_exact_task():
    """A task that is computed says so, and has no ±."""
    explorer = explore(CosineAnnealing(T_max=40), **FEW | {"task": "quadratic"})
    table = explorer.consequences("lr")

    assert (table["±"] == 0).all()
    assert "computed exactly" in explorer.verdict


def test_another_optimizer():
    """What it trained with is said."""
    explorer = explore(StepDecay(step_size=20, lr=0.01), optimizer="adamw", **FEW)
    explorer.wait()

    assert "4 seeds, AdamW, each 40 updates" in explorer.verdict


def test_what_diverges_is_told():
    """A rate at which runs diverge is no zero and no gap: it is said."""
    explorer = explore(
        StepDecay(lr=1e4, step_size=100), **FEW | {"task": own_task(loss=nn.MSELoss(), **LINE)}
    )
    explorer.consequences("lr")

    assert "diverged on 4 of 4 seeds" in explorer.verdict
    assert explorer.trained["lost"]


X = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
LINE = {
    "model": partial(nn.Linear, 4, 1),
    "data": (X, X.sum(1, keepdim=True)),
    "test": (X, X.sum(1, keepdim=True)),
}


def test_a_bad_task_is_refused_at_once():
    """What could not be trained says so when it is given."""
    with pytest.raises(ValueError, match="task"):
        explore(StepDecay(), task="digit")
    with pytest.raises(ValueError, match="seeds must be a whole number of at least 2"):
        explore(StepDecay(), task="digits", seeds=1)


def test_a_fault_in_training_is_told_and_raised():
    """A loss that fails in the middle does not end in silence."""
    calls = []

    def breaks(outputs, y):
        calls.append(1)
        if len(calls) > 200:
            raise RuntimeError("out of paper")
        return nn.functional.cross_entropy(outputs, y)

    explorer = explore(StepDecay(step_size=20), **FEW | {"task": own_task(loss=breaks)})
    with pytest.raises(RuntimeError, match="out of paper"):
        for name in ("gamma", "lr", "step_size"):
            explorer.consequences(name)
    assert "out of paper" in explorer.trouble


def test_words_never_name_one_best(explorer):
    """The sentence names all that is not told from the best, not the one with the best mean."""
    table = explorer.consequences("gamma")
    near = table.index[table["≈"] == "≈"]

    assert len(near) > 1
    words = explorer.verdict.split("Not told from the lowest: ")[1]
    assert words.startswith(f"{near[0]:g}") or "No position" in explorer.verdict
    assert f"to {near[-1]:g}" in words or f"and {near[-1]:g}" in words


def test_the_stored_picture():
    """A page without a kernel gets a picture, its words, and no version in it; always the same."""
    first, again = (stored(explore(StepDecay(step_size=20), **FEW)) for _ in range(2))

    assert is_calm_png(first["image/png"])
    assert b64decode(first["image/png"]) == b64decode(again["image/png"])
    assert first["text/plain"] == again["text/plain"]
    assert (
        "Trained on digits: 4 seeds, SGD with momentum 0.9, each 40 updates." in first["text/plain"]
    )


def test_the_stored_picture_has_its_text(explorer):
    """The alternative text says what the training made of it."""
    assert "Below it the excess risk. step_size 20: " in stored(explorer)["alt"]


def test_reset_and_clear_train_again(explorer):
    """Back at the start, what is shown belongs to the start."""
    explorer.set(gamma=0.7)
    explorer.pin()
    explorer.reset()
    explorer.wait()
    assert explorer._stamps[explorer.trained["control"]] == explorer.trained["stamp"]
    explorer.clear()
    explorer.wait()
    assert explorer.trained["ghost"][0] == "start"


@pytest.mark.parametrize("what", ["page", "scale", "refused"])
def test_what_is_no_move_leaves_what_is_trained(explorer, what, monkeypatch):
    """Another width, another axis and a value that is refused make nothing old that is trained."""
    explorer.consequences("gamma")
    monkeypatch.setattr("lrcourse.lab.sweep.Stage.run", None)
    before = explorer._stamps["gamma"]
    if what == "page":
        from_browser(explorer, "page", 2.0, 480)
    elif what == "scale":
        from_browser(explorer, "scale", "log")
    else:
        from_browser(explorer, "enter", "gamma", "7")

    assert before < explorer._stamps["gamma"] == explorer.trained["stamp"]
    assert explorer.trained["n"] == 4


def test_what_was_stopped_stays_so():
    """Another width of the page does not go on with what a hand has stopped."""
    explorer = explore(CosineAnnealing(T_max=4000), task="digits", steps=4000, seeds=32)
    from_browser(explorer, "stop")
    explorer.wait(60)
    from_browser(explorer, "page", 2.0, 480)

    assert not explorer.trained["running"]
    assert explorer._stamps[explorer.trained["control"]] == explorer.trained["stamp"]
