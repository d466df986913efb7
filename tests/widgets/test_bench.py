"""The lab bench from Python: what a hand can do, a test can do."""

import numpy as np
import pytest
import torch
from schedules import TABLE
from torch import nn

import lrcourse
from lrcourse import Custom, lab

SMALL = {"steps": 40, "seeds": 4}


@pytest.fixture
def bench():
    made = lrcourse.bench(["constant", "linear"], **SMALL)
    yield made
    made.stop()


def test_a_race_runs_in_the_background_and_ends_with_a_verdict(bench):
    """Start returns at once; when it is over the state has curves, rates, sentences and a table."""
    bench.start()
    race = bench.wait(120)

    assert race.progress == 1
    assert bench.state["phase"] == "done"
    assert [curve["name"] for curve in bench.state["curves"]] == ["constant", "linear"]
    assert bench.state["verdict"] == race.verdict().splitlines()
    assert [row[0] for row in bench.state["table"]["rows"]] == list(race.table().index)


def test_the_curves_shown_are_the_means_of_the_race(bench):
    """What the browser draws is the mean score over the seeds, at every mark."""
    bench.start()
    race = bench.wait(120)

    for curve in bench.state["curves"]:
        assert curve["t"] == race.marks.tolist()
        assert np.allclose(curve["mean"], race.curves[curve["name"]].mean(0), rtol=1e-5)


def test_the_rates_shown_are_those_used(bench):
    """The lower panel draws the rates that the updates used."""
    bench.start(steps=60)
    race = bench.wait(120)

    for line in bench.state["rates"]:
        assert np.allclose(line["rate"], race.used[line["name"]][0][line["t"]], rtol=1e-5)


def test_a_function_of_your_own_races_too(bench):
    """A pasted function of t is one of the schedules, under the name mine."""
    bench.start(mine="lambda t: 1 - t / steps")
    race = bench.wait(120)

    planned = 1 - np.arange(40) / 40
    assert np.allclose(race.used["mine"][0] / race.used["mine"][0].max(), planned)


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind is not Custom])
def test_every_schedule_of_the_course_can_be_typed_in(bench, kind):
    """As it prints itself, it races at the rates of its formula, with all its own settings."""
    typed = TABLE[kind].fits[0][0]
    bench.start(mine=repr(typed), schedules=["constant"], steps=20, seeds=2, tune=False)
    race = bench.wait(120)

    assert np.allclose(race.used["mine"][0], typed(np.arange(20)), rtol=1e-6, atol=1e-12)


def test_an_untuned_race_uses_the_peak_that_was_given(bench):
    """With tune off, every schedule has the one peak."""
    bench.start(tune=False, peak=0.05)
    race = bench.wait(120)

    assert {plan.peak for plan in race.plans.values()} == {0.05}


def test_stopping_keeps_what_was_trained(bench):
    """A stopped race says so, and the bench is free for the next."""
    bench.start(steps=2000, seeds=64)
    bench.stop()
    race = bench.wait(120)

    assert race.stopped and race.progress < 1
    assert bench.state["phase"] == "stopped"
    bench.start(steps=40, seeds=2)
    bench.wait(120)
    assert bench.state["phase"] == "done"


def test_a_kept_race_stays_beside_the_next(bench):
    """`keep` puts the table aside; it is still there after another race, until `forget`."""
    bench.start()
    bench.wait(120)
    first = bench.state["table"]
    bench.keep()
    bench.start(seeds=3)
    bench.wait(120)

    assert bench.state["kept"]["table"] == first
    assert bench.state["table"] != first
    bench.forget()
    assert "kept" not in bench.state


X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
OWN_TASK = lab.Task(
    name="three kinds", model=lambda: nn.Linear(4, 3), data=(X, X[:, :3].argmax(1)),
    test=(X, X[:, :3].argmax(1)), metric="loss of mine",
)  # fmt: skip


def test_a_task_of_your_own(bench):
    """A task of your own is chosen, offered beside the others, and raced; so from `start`."""
    made = lrcourse.bench(["constant", "linear"], task=OWN_TASK, **SMALL)
    made.start()
    race = made.wait(120)

    assert race.task is OWN_TASK
    assert ["three kinds", OWN_TASK.regime] in made.content["tasks"]
    assert made.content["chosen"]["task"] == "three kinds"
    assert made.state["axes"]["y"]["label"] == "loss of mine"
    bench.start(task=OWN_TASK)
    assert bench.wait(120).task is OWN_TASK
    assert "three kinds" in repr(bench)


def test_optimizer_batch_and_peaks_are_fields(bench):
    """An optimizer, a batch and peaks can be chosen, by name or as an object; empty is the task's own."""
    bench.start(optimizer="adamw", batch=8, peaks="0.01, 0.02")
    race = bench.wait(120)

    assert race.optimizer == lab.AdamW() and race.task.batch == 8
    assert {plan.peak for plan in race.plans.values()} <= {0.01, 0.02}
    bench.start(optimizer=lab.SGD(momentum=0.5), batch=None, peaks=[0.1])
    race = bench.wait(120)
    assert race.optimizer == lab.SGD(momentum=0.5) and race.task.batch == 32
    assert {plan.peak for plan in race.plans.values()} == {0.1}
    bench.start({"optimizer": "", "batch": "", "peaks": ""})
    race = bench.wait(120)
    assert race.optimizer == race.task.optimizer and race.peaks is None


def test_your_own_schedule_is_worked_out_once(bench, monkeypatch):
    """A function of your own is called once for each update, however often its rates are needed."""
    called = []
    monkeypatch.setattr(lrcourse, "calls", called, raising=False)
    bench.start(mine="lambda t: __import__('lrcourse').calls.append(t) or 1 - t / steps")
    bench.wait(120)

    assert called == list(range(40))


def test_a_slow_schedule_keeps_the_kernel_free_and_is_stopped(bench):
    """What never ends is worked out beside the kernel, with a sign, and Stop ends it at once."""
    before = bench.state
    bench.start(mine="lambda t: next(i for i in iter(int, 1) if i)")
    thread = bench._own.thread

    assert bench.running
    assert bench.state["phase"] == "running"
    assert bench.state["stage"] == "working out your own schedule"
    bench.stop()
    assert not bench.running and bench.state["phase"] == "stopped"
    assert "stopped before it had all its rates" in bench.trouble
    with pytest.raises(ValueError, match="stopped before"):
        bench.wait(1)
    thread.join(60)
    assert not thread.is_alive()
    assert bench.state == before | {"phase": "stopped"} | {
        name: bench.state[name] for name in ("stage", "progress")
    }
    bench.start(mine="")
    assert bench.wait(120).progress == 1


def test_from_the_browser_start_waits_for_nothing(bench):
    """Started by hand, the bench answers at once; what is wrong with your schedule is told later."""
    bench.start({"mine": "lambda t: -1"})
    with pytest.raises(ValueError, match="'mine' returned -1 at step 0"):
        bench.wait(60)

    assert "'mine' returned -1 at step 0" in bench.trouble
    assert bench.state["phase"] == "stopped" and not bench.running


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 3}, "the budget must be a whole number of at least 20, got 3"),
        ({"steps": None}, "the budget must be a whole number of at least 20, got None"),
        ({"seeds": 1}, "the number of seeds must be a whole number of at least 2, got 1"),
        ({"tune": False, "peak": -1}, "the peak must be a number above 0, got -1"),
        ({"tune": False, "peak": ""}, "the peak must be a number above 0, got ''"),
        ({"schedules": []}, "choose at least one schedule"),
        ({"schedules": ["steps"]}, "unknown schedule 'steps'"),
        ({"task": "mnist"}, "task must be one of"),
        ({"batch": 0}, "the batch must be a whole number of at least 1, got 0"),
        ({"batch": 8, "task": "quadratic"}, "quadratic is computed, without batches"),
        ({"peaks": "0.1, many"}, "each peak must be a number above 0, got 'many'"),
        ({"optimizer": "adam"}, "optimizer must be one of 'sgd', 'adamw'"),
        ({"mine": "1 - t"}, "your own schedule does not run (NameError"),
        ({"mine": "0.1"}, "must be a function of t, got 0.1: write lambda t: 0.1"),
        ({"mine": "lambda t: -1"}, "'mine' returned -1 at step 0"),
        ({"mine": "lambda t: float('nan')"}, "'mine' returned nan at step 0"),
    ],
)
def test_what_cannot_be_raced_is_refused_with_the_value(bench, wrong, said):
    """A wrong choice is refused in a sentence, before anything runs, and nothing is lost."""
    bench.start()
    bench.wait(120)
    table = bench.state["table"]

    with pytest.raises(ValueError) as refused:
        bench.start(**wrong)

    assert said in str(refused.value)
    assert bench.state["table"] == table and not bench.running


def test_a_wait_that_is_too_short_says_so(bench):
    """A race that is not over is no result: the wait ends with an error, and the race goes on."""
    bench.start(steps=4000, seeds=128)
    with pytest.raises(TimeoutError, match="not over after 0.01 s"):
        bench.wait(0.01)
    assert bench.running

    bench.stop()
    bench.wait(120)
    assert not bench.running


def test_a_second_start_is_refused_while_a_race_runs(bench):
    """One race at a time."""
    bench.start(steps=2000, seeds=64)
    with pytest.raises(ValueError, match="a race is running"):
        bench.start()
    bench.stop()
    bench.wait(120)


def test_what_is_wrong_from_the_start_is_refused_at_once():
    """`bench(...)` itself names an unknown task or schedule."""
    with pytest.raises(ValueError, match="mnist"):
        lrcourse.bench(task="mnist")
    with pytest.raises(ValueError, match="cosin"):
        lrcourse.bench(["cosin"])


def test_the_page_without_a_kernel_says_what_the_bench_is():
    """The stored output names the schedules and the tasks, and no memory address."""
    bench = lrcourse.bench()
    text = bench._repr_mimebundle_()[0]["text/plain"]

    assert "warmup-stable-decay" in text and "spirals" in text
    assert repr(bench) == "bench(constant, cosine on digits: 32 seeds x 200 updates, ready)"
