"""The race through its public face: what it trains, what it says, and what it refuses."""

import _thread
import re
import signal
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import lrcourse
from lrcourse import Constant, CosineAnnealing, Cyclical, OneCycle, StepDecay, lab
from lrcourse.lab.race import DRAWING_SHARE
from lrcourse.lab.tasks import task_named

COSINE, CONSTANT = CosineAnnealing(lr=0.1, T_max=100), Constant(lr=0.1)


def race(schedules, task="digits", steps=100, seeds=6, **options):
    """A short race without a bar."""
    options = {"tune": False, "progress": False} | options
    return lab.race(schedules, task, steps=steps, seeds=seeds, **options)


@pytest.fixture(scope="module")
def tuned():
    """Two schedules, each at its own peak."""
    peaks = [0.02, 0.05, 0.1, 0.2]
    schedules = {"constant": CONSTANT, "cosine": COSINE, "mine": lambda t: 3.0 * (1 - t / 100)}
    return race(schedules, seeds=16, tune=True, peaks=peaks)


# What was trained


def test_used_is_planned_to_the_last_bit(tuned):
    """Every update of every run used the rate that the schedule gives, at its tuned peak."""
    peak = tuned.plans["cosine"].peak

    assert tuned.used["cosine"].shape == (16, 100)
    for seed in range(16):
        np.testing.assert_array_equal(
            tuned.used["cosine"][seed], COSINE.with_peak(peak)(np.arange(100))
        )
        assert tuned.used["mine"][seed, 50] == pytest.approx(tuned.plans["mine"].peak / 2)


def test_each_schedule_gets_the_peak_that_was_best_for_it(tuned):
    """The peak is the one with the lowest mean score on the judged seeds, schedule by schedule."""
    for name in ("constant", "cosine", "mine"):
        assert tuned.plans[name].peak == pytest.approx(tuned.tuning.loc[name]["mean"].idxmin())
    assert tuned.plans["constant"].peak < tuned.plans["cosine"].peak
    assert set(tuned.tuning["seeds"]) == {16}


@pytest.fixture(scope="module")
def climbed():
    """Two schedules that climb to their peaks, on more seeds than there are scouts."""
    return race(["constant", "linear"], seeds=12, tune=True)


def test_a_peak_is_best_among_neighbours_on_the_judged_seeds(climbed):
    """Without `peaks`, both neighbours of each peak, a quarter of an octave off, were tried on all
    judged seeds, and are worse; the first peaks were tried on the scouts alone."""
    for name in ("constant", "linear"):
        tried, peak = climbed.tuning.loc[name], climbed.plans[name].peak
        on_all = tried[tried["seeds"] == 12]["mean"]
        near = [on_all[np.isclose(on_all.index, peak * 2**quarters)] for quarters in (-0.25, 0.25)]

        assert on_all.min() == pytest.approx(climbed.scores[name].mean())
        assert all(len(n) == 1 and n.iloc[0] > on_all.min() for n in near)
        assert set(tried["seeds"]) == {8, 12}


def test_nothing_is_trained_twice(climbed):
    """A peak that the scouts have tried is not trained again on their seeds, and the judged runs
    are those of a race at that peak alone."""
    assert (
        climbed._runs.updates == climbed._runs.updates_wanted == 100 * sum(climbed.tuning["seeds"])
    )
    shape = lab.shapes(100)["linear"].with_peak(climbed.plans["linear"].peak)
    alone = race({"linear": shape}, seeds=12)
    np.testing.assert_allclose(alone.scores["linear"], climbed.scores["linear"], rtol=1e-4)


def test_other_seeds_tune_anew():
    """The peak is found on the seeds that are given, not on some that are always the same."""
    peaks = {
        race(["constant"], seeds=range(s, s + 2), tune=True).plans["constant"].peak
        for s in range(0, 12, 2)
    }
    assert len(peaks) > 1


def test_same_call_same_numbers():
    """Asking twice gives the same bits."""
    first, second = race({"a": COSINE, "b": CONSTANT}), race({"a": COSINE, "b": CONSTANT})

    np.testing.assert_array_equal(first.scores["a"], second.scores["a"])
    np.testing.assert_array_equal(first.losses["b"], second.losses["b"])


def test_the_table_has_the_accuracy_of_a_classifier(tuned):
    """Beside the risk stands the share of test images whose digit has the largest output."""
    task, name = task_named("digits"), "cosine"
    models = [train_alone(task, tuned.plans[name].lr, seed) for seed in range(2)]
    x, chances = task.test
    shares = [(m(x).argmax(1) == chances.argmax(1)).float().mean().item() for m in models]

    assert tuned.accuracies[name][:2] == pytest.approx(shares, abs=0.006)  # an image or two
    assert tuned.table().loc[name, "accuracy"] == pytest.approx(tuned.accuracies[name].mean())
    assert "accuracy" not in race({"a": COSINE, "b": CONSTANT}, "wells", steps=30).table()


def train_alone(task, rates, seed):
    """A plain loop."""
    model = task.build(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    for rate, (x, y) in zip(rates, task.batches(seed, len(rates))):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        task.loss(model(x), y).backward()
        optimizer.step()
    return model


def test_the_score_is_the_lessons_excess_risk():
    """The lab scores `digits` as the lessons do: the same number for the same model."""
    from lrcourse.digits import excess_risk

    task = task_named("digits")
    model = task.build(3)

    assert task.score(model(task.test[0]), task.test[1]).item() == pytest.approx(
        excess_risk(model), abs=1e-6
    )


def test_one_cycle_cycles_momentum_as_torch_does():
    """The plan holds one-cycle's momentum, and the optimizer's own where a schedule leaves it."""
    made = race({"one-cycle": OneCycle(total_steps=100), "cosine": COSINE}, seeds=1)

    assert made.plans["one-cycle"].momentum[29] == pytest.approx(0.85)
    assert set(made.plans["cosine"].momentum) == {0.9}


def test_schedules_by_name():
    """A list of names takes the eight shapes, fitted to the budget."""
    made = race(["linear", "warmup-stable-decay"], steps=40, seeds=2)

    assert made.used["linear"][0, 20] == pytest.approx(0.05)
    assert made.used["warmup-stable-decay"][0, 20] == pytest.approx(0.1)
    assert list(lab.shapes(200)) == [
        "constant", "step", "exponential", "cosine", "linear", "cyclical", "one-cycle",
        "warmup-stable-decay",
    ]  # fmt: skip


def test_shapes_end_where_they_should():
    """Each shape is fitted to its budget: the ends are low where the schedule says so."""
    for steps in (20, 50, 200, 777):
        ends = {name: s(steps - 1) / s.peak for name, s in lab.shapes(steps).items()}

        assert ends["linear"] == pytest.approx(1 / steps)
        assert ends["exponential"] == pytest.approx(0.01 ** (1 - 1 / steps))
        assert ends["step"] == pytest.approx(0.01)
        assert ends["one-cycle"] == pytest.approx(4e-6)
        assert ends["warmup-stable-decay"] <= 1 / (steps // 5) + 1e-9


# What is said


def test_table_and_verdict_say_the_same(tuned):
    """The table ranks by mean, and the verdict's numbers are the table's."""
    table = tuned.table()
    best = table.index[0]

    assert list(table["mean"]) == sorted(table["mean"])
    assert best != "constant" and table.index[-1] == "constant"
    last = tuned.compare(best, "constant")
    assert table.loc["constant", "behind"] == pytest.approx(-last.difference.mean)
    assert last.verdict(best, "constant", "excess risk") in tuned.verdict().splitlines()
    assert table["wins"].sum() <= 16
    assert table.loc["cosine", "mean"] == pytest.approx(tuned.scores["cosine"].mean())
    assert table.columns.name == "excess risk"


def test_verdict_beats():
    """A rate that is far too small loses on every seed, and the verdict says so."""
    said, few = race({"cosine": COSINE, "timid": Constant(lr=0.01)}).verdict().splitlines()

    assert said.startswith("cosine beats timid: ")
    assert said.endswith(" lower excess risk, on 6 of 6 seeds")
    assert few.startswith("6 seeds are few: a difference below 0.")


def test_verdict_of_equals():
    """The same schedule under two names is said to be the same, and no winner is named."""
    said = race({"one": COSINE, "two": lambda t: COSINE(t)}).verdict()

    assert said == "one and two: the same on every seed"


def test_verdict_of_many_names_the_set_and_what_the_intervals_cover():
    """Of three or more, the first line names who is not told from the best, and one line says that
    the intervals hold together; a sentence follows for each of the others."""
    best, near = (CosineAnnealing(lr=lr, T_max=100) for lr in (0.17, 0.19))
    made = race({"a": best, "b": near, "c": Constant(lr=0.01)}, seeds=16)
    best, second = made.table().index[:2]
    lines = made.verdict().splitlines()

    assert lines[0] == f"Best of 3: {best}. Not told from it: {second}."
    assert lines[1].startswith(f"{second} is not told from {best}: 0.00")
    assert "16 seeds show 0.00" in lines[1] and lines[1].endswith(" in 4 races of 5")
    assert lines[2].startswith(f"{best} beats c: ")
    assert lines[3] == "The ± hold for all 2 comparisons at once, the choice of the best included."
    assert list(made.table()["≈"]) == ["≈", "≈", ""]

    alone = race({"a": COSINE, "b": Constant(lr=0.011), "c": Constant(lr=0.01)}, seeds=16)
    assert alone.verdict().startswith("Best of 3: a, alone.")


def test_intervals_grow_with_the_number_that_is_compared():
    """In a race of three a pair's interval is Tukey's; a planned comparison has Student's."""
    made = race({"a": COSINE, "b": Constant(lr=0.1), "c": Constant(lr=0.05)})
    pair, planned = made.compare("a", "b"), made.compare("a", "b", planned=True)

    assert planned.difference == lab.paired(made.scores["a"], made.scores["b"]).difference
    assert pair.difference.half / planned.difference.half == pytest.approx(3.254 / 2.571, abs=0.01)


def test_two_are_compared_where_both_were_stopped():
    """`at=50` compares the scores after 50 updates; where none was taken, that is said."""
    made = race({"a": COSINE, "b": Constant(lr=0.1), "c": Constant(lr=0.05)}, seeds=16)
    mark = list(made.marks).index(50)

    early = made.compare("a", "b", at=50)
    by_hand = lab.paired(made.curves["a"][:, mark], made.curves["b"][:, mark], of=3)
    assert early.difference == by_hand.difference
    assert made.compare("a", "b", at=100) == made.compare("a", "b")
    with pytest.raises(
        ValueError, match=r"no score was taken after 55 updates, only after \[10, 20"
    ):
        made.compare("a", "b", at=55)


def test_one_seed_claims_nothing():
    """From one seed no winner is named, however large the difference."""
    said = race({"cosine": COSINE, "timid": Constant(lr=0.01)}, seeds=1).verdict()

    assert said == "cosine and timid: one seed shows nothing"


def test_the_default_race_does_not_say_the_wrong_one():
    """Over 150 updates linear is better than cosine. 480 seeds say so; no set of them the reverse."""
    made = lab.race(["linear", "cosine"], steps=150, seeds=96, progress=False)

    assert made.verdict().startswith("linear beats cosine: 0.00")
    assert made.compare("linear", "cosine").shown


def test_warns_when_the_best_peak_lies_at_the_edge():
    """A peak at either edge of those tried is flagged in the table, and named in the verdict."""
    made = race({"cosine": COSINE}, tune=True, peaks=[0.0001, 0.001, 0.01], seeds=2)
    inside = race({"cosine": COSINE}, tune=True, peaks=[0.0001, 0.1, 2.0], seeds=2)

    assert made.table().loc["cosine", "edge"] == "highest"
    assert (
        "best at the highest peak tried, 0.01; it may do better at a higher one" in made.verdict()
    )
    assert inside.table().loc["cosine", "edge"] == ""
    assert "Careful" not in inside.verdict()


def test_a_climb_that_never_came_down_is_said():
    """Where every larger rate is better, no peak is the best: the verdict says so, and what to do."""
    slope = lab.Task(
        name="slope", model=lambda: nn.Linear(1, 1, bias=False), loss=lambda out, _: out.mean(),
        data=(torch.ones(8, 1), torch.zeros(8, 1)), test=(torch.ones(8, 1), torch.zeros(8, 1)),
    )  # fmt: skip
    made = race({"a": CONSTANT}, slope, steps=5, seeds=2, tune=True)

    assert made.edges == {"a": "open"} == {"a": made.table().loc["a", "edge"]}
    assert "no best peak inside for a: it went on getting better up to" in made.verdict()


def test_diverged_runs_are_reported():
    """A schedule that diverges is ranked last, without a mean, and the others are compared."""
    schedules = {"wild": Constant(lr=1e20), "cosine": COSINE, "constant": Constant(lr=0.01)}
    made = race(schedules)

    assert "wild diverged on 6 of 6 seeds" in made.verdict()
    assert "cosine beats constant" in made.verdict()
    assert made.table().index[-1] == "wild"
    assert np.isnan(made.table().loc["wild", "mean"])
    assert made.table().loc["wild", "diverged"] == 6


def test_a_peak_that_diverges_is_not_chosen():
    """Tuning passes over peaks at which any run diverged."""
    made = race({"cosine": COSINE}, tune=True, peaks=[0.1, 1e20])

    assert made.plans["cosine"].peak == pytest.approx(0.1)
    assert not np.isfinite(made.tuning.loc[("cosine", 1e20), "mean"])


def test_momentum_taken_over_is_said():
    """Where the optimizer has no momentum but a schedule brings its own, the verdict says so."""
    schedules = {"cyclical": Cyclical(max_lr=0.1, step_size_up=20), "cosine": COSINE}
    without = race(schedules, optimizer=lab.SGD(momentum=0.0))

    assert "cyclical took over momentum" in without.verdict()
    assert "took over" not in race(schedules).verdict()


def test_plot_shows_curves_above_and_rates_used_beneath(tuned):
    """The figure has the mean curve of every schedule, and the rates used, on one time axis."""
    import matplotlib.pyplot as plt

    figure = tuned.plot()
    above, below = figure.axes
    plt.close(figure)

    assert [line.get_label() for line in above.lines] == ["constant", "cosine", "mine"]
    np.testing.assert_allclose(above.lines[1].get_ydata(), tuned.curves["cosine"].mean(0))
    np.testing.assert_array_equal(below.lines[1].get_ydata(), tuned.used["cosine"][0])
    assert above.get_shared_x_axes().joined(above, below)
    assert len({(line.get_color(), str(line.get_linestyle())) for line in above.lines}) == 3


# Progress and stopping


def test_progress_grows_and_ends_at_one():
    """Progress is called in the calling thread, never goes back, and ends at 1."""
    seen = []
    race(
        {"cosine": COSINE}, tune=True, peaks=[0.05, 0.1], steps=400,
        on_progress=lambda r: seen.append((r.progress, r.stage, threading.get_ident())),
    )  # fmt: skip
    shares = [share for share, _, _ in seen]

    assert shares == sorted(shares) and shares[-1] == 1
    assert {ident for _, _, ident in seen} == {threading.get_ident()}
    assert seen[-1][1] == "judging"


def test_drawing_is_kept_to_its_share_of_the_time():
    """A slow drawing is called more rarely: it takes about a tenth of the time, not all of it."""
    calls = []

    def slow(_):
        calls.append(1)
        time.sleep(0.1)

    made = race(["linear", "cosine"], steps=4000, seeds=16, on_progress=slow)

    allowed = DRAWING_SHARE * made.seconds / 0.1
    assert len(calls) <= allowed + 3


def test_stop_from_another_thread_keeps_what_is_done():
    """After a stop the finished part is judged, says that it is partial, and can be gone on with."""
    schedules = {name: lrcourse.Custom(lr=0.1, factor=lambda t: 1.0) for name in ("a", "b")}
    made = lab.Race(schedules, steps=3000, seeds=64, tune=False, points=30)
    made.run(on_progress=lambda r: r.stop() if r.progress > 0.15 else None)

    assert made.stopped and 0.1 < made.progress < 1
    assert made.verdict().startswith("Stopped after ")
    assert len(made.scores["a"]) >= 1 and np.isfinite(made.scores["a"]).all()
    assert len(made.table()) == 2


def test_a_stopped_race_goes_on_to_the_same_numbers():
    """Running on after a stop gives the bits of a race that was never stopped."""
    schedules = {"a": COSINE, "b": Constant(lr=0.05)}
    options = {"steps": 600, "seeds": 48, "tune": True, "peaks": [0.05, 0.1]}
    made, whole = lab.Race(schedules, **options), race(schedules, **options)
    stops = []
    for share in (0.05, 0.5):
        made.run(on_progress=lambda r, share=share: r.stop() if r.progress > share else None)
        stops.append(made.stopped)
    made.run()

    assert any(stops) and not made.stopped and made.progress == 1
    np.testing.assert_array_equal(made.scores["a"], whole.scores["a"])
    np.testing.assert_array_equal(made.losses["b"], whole.losses["b"])


def test_interrupting_the_kernel_keeps_what_is_done():
    """KeyboardInterrupt, which the stop button sends, ends the race and gives back its part."""
    pressed = threading.Event()

    def press_stop(race):
        if race.progress > 0.02 and not pressed.is_set():
            pressed.set()
            _thread.interrupt_main()

    made = lab.Race(["cosine", "constant"], steps=20_000, seeds=32, tune=False, points=2000)
    # A shell starts what runs in the background deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        made.run(on_progress=press_stop)
    finally:
        signal.signal(signal.SIGINT, before)

    assert made.stopped and 0 < made.progress < 1
    assert "Stopped after" in made.verdict()


def test_a_stop_after_the_last_update_stops_nothing(monkeypatch):
    """All was trained before it came: the race is whole, and says so."""
    the_race = sys.modules["lrcourse.lab.race"]  # its name in the package is the function's
    monkeypatch.setattr(the_race, "DRAWING_SHARE", np.inf)  # `on_progress` at every tick
    stops = []

    def stop_at_the_end(race):
        if race.done.min() == race.steps:
            stops.append(race.stop())

    made = lab.Race({"a": COSINE}, steps=20, seeds=2, tune=False).run(on_progress=stop_at_the_end)

    assert len(stops) >= 2  # while it runs, and when it is over
    assert not made.stopped and made.progress == 1
    assert "Stopped" not in made.verdict()


def test_stopped_while_tuning_says_so():
    """A race stopped before anything was judged has no verdict, and says what to do."""
    made = lab.Race({"a": COSINE}, steps=2000, seeds=4).run(on_progress=lambda r: r.stop())

    assert made.stopped
    with pytest.raises(ValueError, match="stopped while tuning.*Go on with race.run"):
        made.verdict()


def test_before_any_peak_was_tried_the_table_of_them_is_empty():
    """It can be asked at any time, and has the columns that it will have."""
    shapes = {"a": COSINE, "b": [CONSTANT, COSINE]}
    table = lab.Race(shapes, steps=20, seeds=2).tuning

    assert len(table) == 0 and list(table.columns) == ["mean", "seeds"]
    assert table.index.names == ["schedule", "peak"]


# Models and tasks of one's own


class Attention(nn.Module):
    """Something that no list of layers covers, with a shared weight, a buffer and a frozen part."""

    def __init__(self):
        super().__init__()
        self.mix, self.head = nn.Linear(8, 8), nn.Linear(64, 3)
        self.scale = nn.Parameter(torch.ones(8), requires_grad=False)
        self.register_buffer("order", torch.arange(7, -1, -1))

    def forward(self, x):
        h = x.view(-1, 8, 8)[:, self.order] * self.scale
        return self.head((self.mix(h).softmax(-1) @ self.mix(h)).flatten(1))


def own_task(model=Attention, **changes):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(200, 64, generator=generator), torch.randint(3, (200,), generator=generator)
    parts = {"data": (x[:150], y[:150]), "test": (x[150:], y[150:])}
    return lab.Task(name="mine", model=model, **parts | changes)


def test_any_module_trains_as_alone():
    """A module of the learner's trains as it does in a loop of its own."""
    from test_equality import plain_loop

    task = own_task(batch=16)
    made = race({"cosine": COSINE}, task, steps=50, seeds=[5, 9], dtype=torch.float64)
    model, losses = plain_loop(task, COSINE, lab.SGD(), seed=9, steps=50)

    x, y = task.tested(torch.float64)
    assert made.scores["cosine"][1] == pytest.approx(task.score(model(x), y).item(), abs=1e-10)
    np.testing.assert_allclose(made.losses["cosine"][1], losses, rtol=1e-6)


@pytest.mark.parametrize("loss", [nn.functional.mse_loss, nn.functional.huber_loss])
def test_regression(loss):
    """A loss of the learner's is trained as in a loop of its own, and is also the score."""
    from test_equality import plain_loop

    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    task = lab.Task(
        name="line", model=lambda: nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)),
        data=(x, 2 * x), test=(x, 2 * x), loss=loss,
    )  # fmt: skip
    schedules = {"cosine": COSINE, "constant": Constant(lr=0.05)}
    made = race(schedules, task, seeds=3, dtype=torch.float64)
    model, _ = plain_loop(task, schedules["constant"], lab.SGD(), seed=2, steps=100)

    x, y = task.tested(torch.float64)
    assert made.scores["constant"][2] == pytest.approx(loss(model(x), y).item(), abs=1e-10)
    assert made.scores["cosine"].max() < 0.01


def test_lab_is_reached_from_lrcourse():
    """`lrcourse.lab` is the lab, and `dir` names it."""
    assert lrcourse.lab is lab
    assert "lab" in dir(lrcourse)


# Bad input


def with_layer(*layers):
    return lambda: nn.Sequential(nn.Linear(64, 8), *(make() for make in layers), nn.Linear(8, 3))


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: race({"a": COSINE}, "mnist"), "task must be one of 'digits', .*got 'mnist'"),
        (lambda: race(lambda t: 1.0), r"a schedule of your own needs a name: write {'mine': ...}"),
        (lambda: race(COSINE), "needs a name.*got CosineAnnealing"),
        (lambda: race(["cosin"]), "unknown schedule 'cosin': name one of 'constant', 'step'"),
        (lambda: race({"a": 0.1}), "'a' must be a schedule of the course or a function of t, got 0.1"),
        (lambda: race({}), "at least one schedule"),
        (lambda: race({"a": lambda t: 0.1 - t / 100}), "'a' returned -0.0.* at step 11: .*at least 0"),
        (lambda: race({"a": lambda t: float("nan") if t == 7 else 0.1}), "'a' returned nan at step 7"),
        (lambda: race({"a": lambda t: None}), "'a' returned None at step 0: it must return a number"),
        (lambda: race({"a": lambda t: 1 / (t - 3)**2}), "'a' raised ZeroDivisionError at step 3"),
        (lambda: race({"a": lambda t: 0.0}, tune=True), "'a' is 0 everywhere"),
        (lambda: race({"a": OneCycle(total_steps=50)}), "'a' has no rate for all 100 updates: .*total_steps"),
        (lambda: race({"a": COSINE}, seeds=0), "seeds must be a positive whole number, got 0"),
        (lambda: race({"a": COSINE}, seeds=[]), "seeds must name at least one"),
        (lambda: race({"a": COSINE}, seeds=[1, 1]), "none twice"),
        (lambda: race({"a": COSINE}, seeds=[2_000_000]), "below 1000000"),
        (lambda: race({"a": COSINE}, steps=0), "steps must be a positive whole number, got 0"),
        (lambda: race({"a": COSINE}, tune=True, peaks=[-1]), "peaks must be .* above 0, got -1"),
        (lambda: race({"a": COSINE}, tune=True, peaks=[]), "peaks must name at least one"),
        (lambda: race({"a": COSINE}, optimizer="adam"), "optimizer must be one of 'sgd', 'adamw'"),
        (lambda: lab.SGD(momentum=1.5), "momentum must be at least 0 and below 1, got 1.5"),
        (lambda: lab.SGD(momentum=0.0, nesterov=True), "nesterov needs momentum"),
        (lambda: lab.AdamW(betas=(0.9, 1.0)), r"betas\[1\] must be"),
        (lambda: race({"a": COSINE}, "quadratic", optimizer="adamw"), "exact for SGD alone"),
        (lambda: race({"a": COSINE}, own_task(lambda: nn.GRU(64, 3))), "failed on a batch of its data.*not tuple"),
        (lambda: race({"a": COSINE}, own_task(with_layer(lambda: nn.Linear(9, 9)))), "failed on a batch of its data"),
        (lambda: race({"a": COSINE}, own_task(lambda: 3)), "must return an nn.Module, got 3"),
        (lambda: own_task(3), "model must be a function, got 3: give a function that builds it"),
        (lambda: own_task(Attention()), "model must be a function that builds a new model"),
        (lambda: own_task(batch=0), "batch must be a positive whole number, got 0"),
        (lambda: own_task(test=(torch.zeros(3), torch.zeros(2))), "test must be .*same length.*3 and 2"),
        (lambda: race({"a": COSINE}, seeds=10**6, steps=10**5), r"GB.*are free: lower seeds \(now 1,000,000\)"),
        (lambda: race(["cosine"], steps=10**10), r"10,000,000,000 updates need .* GB"),
        (lambda: race({"a": [COSINE, CONSTANT]}), "'a' is a family.*tune=False needs one schedule"),
        (lambda: race({"a": [COSINE] * 7}, tune=True), "family 'a' must have 1 to 6 shapes, got 7"),
        (lambda: race({"a": []}, tune=True), "family 'a' must have 1 to 6 shapes, got 0"),
        (lambda: race(lambda steps: {"a": 3}), "'a' must be a schedule of the course or a function of t"),
        (lambda: race(["cosine"], steps=[100, 100]), "steps must name at least one budget, and none twice"),
        (lambda: race(["cosine"], steps=[]), "steps must name at least one budget"),
        (lambda: own_task(better="more"), "better must be 'lower' or 'higher', got 'more'"),
        (lambda: race({"a": COSINE}, seeds=10**12), "seeds must be 1,000,000 at most, got 1,000,000,000,000"),
        (lambda: race({"a": COSINE}, client="tcp://here"), "client must be a dask.distributed.Client"),
        (lambda: race({"a": COSINE}).compare("a", "b"), "no schedule 'b' in this race"),
    ],
)  # fmt: skip
def test_bad_input(call, said):
    """What cannot be raced is refused before anything is trained, with the value and the fix."""
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("share, fits", [(0.78, True), (0.82, False)])
def test_the_records_may_take_four_fifths_of_what_is_free(monkeypatch, share, fits):
    """So many bytes as they are in a race of the same shape, for each run and each update."""
    small, runs, steps = race({"a": COSINE}, seeds=2), 100_000, 1000
    of_an_update = small.losses["a"].itemsize + small.used["a"].itemsize
    free = SimpleNamespace(available=runs * steps * of_an_update / share)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    monkeypatch.setattr("joblib.cpu_count", lambda: 0)  # what trains at once is small beside it

    if fits:
        lab.Race({"a": COSINE}, steps=steps, seeds=runs, tune=False)
    else:
        size = f"{runs * steps * of_an_update / 1e9:.1f} GB for their records"
        with pytest.raises(ValueError, match=f"100,000 runs x 1,000 updates need {size}"):
            lab.Race({"a": COSINE}, steps=steps, seeds=runs, tune=False)


def test_step_decay_of_the_lessons_runs_untouched():
    """With tune=False a schedule trains exactly as it is given."""
    step = StepDecay(lr=0.07, step_size=30, gamma=0.1)
    made = race({"step": step}, seeds=2)

    np.testing.assert_array_equal(made.used["step"][1], step(np.arange(100)))
    assert made.tuning is None and made.edges == {}


def test_float64_on_request():
    """`dtype` is the type that everything is trained in."""
    task = replace(task_named("digits"), batch=8)
    single, double = (race({"a": COSINE}, task, dtype=d) for d in (torch.float32, torch.float64))

    np.testing.assert_allclose(single.scores["a"], double.scores["a"], rtol=1e-2)
    assert not np.array_equal(single.scores["a"], double.scores["a"])


def test_torchs_plateau_says_what_to_race_instead():
    """Given torch's ReduceLROnPlateau, the race names its own with the same settings."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.2)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=2, min_lr=1e-3
    )
    with pytest.raises(ValueError, match="belongs to one optimizer") as refused:
        race({"mine": plateau})

    said = re.search(r"race (ReduceOnPlateau\(.*\)), which is shown the losses", str(refused.value))
    own = eval(said[1], {"ReduceOnPlateau": lrcourse.ReduceOnPlateau})
    assert own == lrcourse.ReduceOnPlateau(lr=0.2, factor=0.3, patience=2, min_lr=1e-3)
