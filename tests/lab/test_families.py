"""Families, directions, runs that get nowhere, own tasks, and a race that is kept."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lrcourse import Constant, CosineAnnealing, Custom, Polynomial, ReduceOnPlateau, lab

COSINE = CosineAnnealing(lr=0.1, T_max=60)


def race(schedules, task="digits", steps=60, seeds=6, **options):
    return lab.race(schedules, task, steps=steps, seeds=seeds, **{"progress": False} | options)


# Families


@pytest.fixture(scope="module")
def family():
    """A family of three, whose best is clear, beside a schedule alone."""
    shapes = {
        "rising": lambda t: 0.2 + t / 60,
        "falling": lambda t: 1 - t / 60,
        "low at once": lambda t: 1.0 if t < 5 else 0.05,
    }
    return race({"mine": shapes, "constant": Constant()}, seeds=12)


def test_a_family_runs_at_its_best_shape(family):
    """The shape that is best is judged, and table, verdict and members name it."""
    assert family.shapes == {"mine": "falling", "constant": ""}
    assert family.table().loc["mine", "shape"] == "falling"
    assert family.members.loc["mine"].index[0] == "falling"
    assert "mine ran as 'falling', the best of 3 shapes on other seeds" in family.verdict()
    assert family.plans["mine"].lr[30] == pytest.approx(family.plans["mine"].peak / 2)


def test_the_shape_is_chosen_on_seeds_that_are_not_judged(family):
    """A family's shapes race on other seeds; the better half on as many, the rest on four."""
    assert set(family.others).isdisjoint(family.seeds) and len(family.others) == 12
    assert family.members["seeds"].tolist() == [12, 12, 4]
    judged = {shape for (_, shape, _), seed in family._runs._where if seed in family.seeds}
    assert judged == {"falling", ""}


def test_a_flat_optimum_is_said_to_be_flat():
    """Two shapes that are the same are not told apart, and the verdict names the other one."""
    made = race({"mine": [COSINE, Custom(lr=0.1, factor=lambda t: COSINE(t) / 0.1)]}, seeds=4)

    first, second = made.members.loc["mine"].index
    assert list(made.members["≈"]) == ["≈", "≈"]
    assert f"not told from it there: {second!r}" in made.verdict()


@pytest.mark.parametrize("steps", [40, 57, 200, 1000])
def test_families_fit_the_budget(steps):
    """Every shape of every family has a rate for each update, six shapes at most, no two alike."""
    made = lab.families(steps)

    assert list(made) == [
        "constant", "step", "exponential", "cosine", "linear", "cyclical", "one-cycle",
        "warmup-stable-decay", "warm-up + cosine",
    ]  # fmt: skip
    for shapes in made.values():
        curves = np.array([shape.with_peak(1.0)(np.arange(steps)) for shape in shapes.values()])
        assert len(curves) <= 6 and (curves >= 0).all() and curves.max() <= 1 + 1e-12
        assert len(np.unique(curves.round(9), axis=0)) == len(curves)


def test_shapes_are_what_their_names_say():
    """Ends, drops and climbs are where the names of the shapes put them."""
    made = lab.families(200)
    t = np.arange(200)

    assert made["linear"]["to 10 %"](200) == pytest.approx(0.01)
    assert made["cosine"]["to 3 %"](200) == pytest.approx(0.003)
    assert made["exponential"]["to 10 %"](200) == pytest.approx(0.01)
    drops = made["step"]["at 60 and 85 % by 5"]
    assert [drops(s) / 0.1 for s in (119, 120, 170)] == pytest.approx([1, 0.2, 0.04])
    assert made["one-cycle"]["20 % up"](t).argmax() == 39
    cooled = made["warmup-stable-decay"]["40 % down as 1 - sqrt"]
    assert [cooled(s) / 0.1 for s in (10, 120, 140)] == pytest.approx([1, 1, 0.5])
    assert made["warm-up + cosine"]["5 % up"](t).argmax() == 10


def test_families_race_by_the_name_of_the_function():
    """`lab.families` itself may be given, and a list of budgets: each is fitted to its own."""
    made = race(lambda T: {"linear": lab.families(T)["linear"]}, steps=[40, 60], seeds=2)

    assert list(made) == [40, 60]
    assert len(made[40].plans["linear"].lr) == 40
    assert list(made.table().columns.get_level_values(0)) == [40, 40, 60, 60]
    assert made.verdict().startswith("40 updates\nlinear: ")
    assert race(lab.shapes, steps=40, seeds=1, tune=False).plans.keys() == lab.shapes(40).keys()


def test_shapes_tried_by_hand_are_counted():
    """The second function under one name on the same seeds is said to be the second, with new seeds
    for the last word; on these it is the first again, and so is the same function anew."""
    options = {"steps": 21, "seeds": range(50, 53), "tune": False}
    first, again, second = (
        race({"try": f}, **options) for f in (lambda t: 0.1, lambda t: 0.2, lambda t: 0.1 / (1 + t))
    )
    assert "by luck" not in first.verdict() + again.verdict()  # another peak is no other shape
    assert "shape 2 that you try as try" in second.verdict()
    assert "new seeds: seeds=range(53, 85)" in second.verdict()

    fresh = race({"try": lambda t: 0.1 / (1 + t)}, **options | {"seeds": range(53, 56)})
    assert "by luck" not in fresh.verdict()


# Directions, and runs that get nowhere


def accuracy(outputs, targets):
    return (outputs.argmax(1) == targets).to(outputs.dtype).mean()


def own_task(**changes):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 8, generator=generator)
    y = (x[:, 0] * x[:, 1] > 0).long()
    parts = {"data": (x[:300], y[:300]), "test": (x[300:], y[300:])}
    model = lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))  # noqa: E731
    return lab.Task(name="mine", model=model, **parts | changes)


def test_accuracy_is_maximised():
    """Where higher is better, peaks are tuned to the highest, the table begins with the highest, and
    the verdict says higher."""
    task = own_task(score=accuracy, metric="accuracy", better="higher")
    peaks = [0.0001, 0.2]
    made = race({"a": COSINE, "tiny": lambda t: 1e-6 if t else 1.0}, task, peaks=peaks, steps=200)

    assert made.plans["a"].peak == 0.2
    assert made.table().index[0] == "a" and made.table()["behind"].min() == 0
    assert made.scores["a"].mean() > 0.75
    assert made.table().loc["a", "wins"] == 6

    slow = race({"fast": Constant(lr=0.1), "slow": Constant(lr=0.02)}, task, steps=200, tune=False)
    assert " higher accuracy, on " in slow.verdict().splitlines()[0]
    assert slow.verdict().startswith("fast beats slow")


def test_what_got_nowhere_is_said_and_never_beaten():
    """A run that ends where it began is counted and said; nobody "beats" it on all seeds."""
    made = race({"cosine": COSINE, "stuck": Constant(lr=1e-6)}, tune=False)
    said = made.verdict()

    assert "stuck got nowhere on 6 of 6 seeds: less than a tenth of the way" in said
    assert "beats" not in said
    assert made.table().loc["stuck", "nowhere"] == 6 and made.table().loc["cosine", "nowhere"] == 0
    assert made.table().index[-1] == "stuck"


def test_dead_networks_got_nowhere():
    """At a rate that kills every unit of the network nothing is infinite, and it is said all the same."""
    made = race({"cosine": COSINE, "wild": Constant(lr=3.0)}, tune=False, steps=100)

    assert np.isfinite(made.scores["wild"]).all()
    assert "wild got nowhere on " in made.verdict()


# Peaks that fit the task


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
def test_default_peaks_fit_a_task_of_ones_own(scale):
    """Whatever the scale of its inputs, a first race on an own task finds its peak inside."""
    x = torch.linspace(-1, 1, 64).unsqueeze(1) * scale
    task = lab.Task(
        name="line", model=lambda: nn.Linear(1, 1, bias=False), data=(x, 2 * x / scale),
        test=(x, 2 * x / scale), loss=nn.functional.mse_loss,
    )  # fmt: skip
    made = race({"constant": Constant()}, task, seeds=4)

    assert made.edges == {"constant": ""}
    assert made.scores["constant"].mean() < 0.1


# Kept races


def test_a_saved_race_says_the_same(family, tmp_path):
    """What is saved and loaded gives the same verdict, table, curves and comparison, to the bit."""
    loaded = lab.load(family.save(tmp_path / "a race"))

    assert loaded.verdict() == family.verdict()
    pd.testing.assert_frame_equal(loaded.table(), family.table())
    pd.testing.assert_frame_equal(loaded.members, family.members, check_dtype=False)
    pd.testing.assert_frame_equal(loaded.tuning, family.tuning, check_dtype=False)
    assert loaded.compare("mine", "constant") == family.compare("mine", "constant")
    for name in ("mine", "constant"):
        np.testing.assert_array_equal(loaded.used[name], family.used[name])
        np.testing.assert_array_equal(loaded.losses[name], family.losses[name])
    assert [p.name for p in tmp_path.iterdir()] == ["a race"]


def test_a_loaded_race_says_that_it_cannot_go_on(family, tmp_path):
    """Asked to run, it names what to do instead."""
    with pytest.raises(ValueError, match=r"nothing that trains: ask lab.race\(...\) once more"):
        lab.load(family.save(tmp_path / "race")).run()


# Weight decay, chosen with the peak


def test_weight_decay_is_chosen_with_the_peak():
    """Of the decays given each schedule runs with one, at a peak of its own: it is in the table, and
    its runs are those of a race whose optimizer has this decay."""
    options = {"task": "digits", "steps": 60, "seeds": 6, "peaks": [0.05, 0.1], "progress": False}
    decays = [0.0, 0.003, 0.3]
    race = lab.race(["constant", "linear"], weight_decay=decays, **options)
    labels = race.table()["shape"]
    chosen = {name: float(label.removeprefix("weight decay ")) for name, label in labels.items()}

    assert all(decay < 0.3 for decay in chosen.values())  # that much is too much, at any peak
    assert len(race.members.loc["linear"]) == 3
    assert "linear ran as 'weight decay" in race.verdict()
    for name, decay in chosen.items():
        alone = lab.race([name], optimizer=lab.SGD(weight_decay=decay), **options)
        np.testing.assert_allclose(alone.scores[name], race.scores[name], rtol=1e-4)
        assert alone.plans[name].peak == race.plans[name].peak


def test_weight_decay_and_shape_are_chosen_together():
    """Each shape of a family is tried with each decay."""
    lines = {"to 0": Polynomial(total_iters=40), "flat": Constant()}
    race = lab.Race({"mine": lines}, steps=40, seeds=2, weight_decay=[0.0, 0.01])

    assert list(race.schedules["mine"]) == [
        "to 0, weight decay 0", "to 0, weight decay 0.01",
        "flat, weight decay 0", "flat, weight decay 0.01",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options, said",
    [
        (
            {"weight_decay": 0.01},
            r"one for all belongs to the optimizer, lab.SGD\(weight_decay=0.01",
        ),
        ({"weight_decay": [0.1, -1]}, "finite numbers of at least 0, got -1"),
        ({"weight_decay": []}, "at least one, and none twice"),
        ({"weight_decay": [0.1, 0.1]}, "at least one, and none twice"),
        ({"weight_decay": [0.1], "tune": False}, "tune=False leaves no choice"),
        ({"weight_decay": [0.1], "task": "quadratic"}, "computed, leaves no choice"),
    ],
)
def test_weight_decays_that_are_none_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        lab.Race(["linear"], steps=40, seeds=2, **options)


def test_a_saved_race_holds_no_code(family, tmp_path):
    """The file is read with pickles forbidden, and what is no race is refused by name."""
    path = family.save(tmp_path / "race.npz")
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
    other = tmp_path / "other"
    other.write_text("no race")
    np.savez(tmp_path / "pickled.npz", facts=np.array([{}], dtype=object))

    for bad in (other, tmp_path / "pickled.npz"):
        with pytest.raises(ValueError, match="holds no race"):
            lab.load(bad)
    with pytest.raises(ValueError, match="there is no file"):
        lab.load(tmp_path / "none")


def test_scores_as_csv(family, tmp_path):
    """Every score is a line: schedule, seed, updates, and the metric."""
    lines = pd.read_csv(family.to_csv(tmp_path / "scores.csv"))

    assert list(lines) == ["schedule", "seed", "updates", "excess risk"]
    assert len(lines) == 2 * 12 * len(family.marks)
    last = lines[(lines.schedule == "mine") & (lines.updates == 60)].sort_values("seed")
    np.testing.assert_allclose(last["excess risk"], family.scores["mine"])


def test_a_race_draws_on_axes_that_are_given(family):
    """`plot(ax=...)` draws the curves there and gives the axes back."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    given = family.plot(ax=ax)
    plt.close(figure)

    assert given is ax
    assert [line.get_label() for line in ax.lines] == ["mine", "constant"]


# A schedule that follows the losses


def test_reduce_on_plateau_races_as_what_it_is():
    """Each run's rate follows its own losses: PyTorch's scheduler, stepped with the mean batch loss
    of each twentieth of the run, holds the same rate at every update."""
    rule = ReduceOnPlateau(lr=0.1, factor=0.5, patience=1)
    made = race({"plateau": rule, "constant": Constant(lr=0.1)}, steps=100, tune=False)
    used, losses = made.used["plateau"], made.losses["plateau"]

    assert len(np.unique(used[:, -1])) > 1  # seeds differ
    for seed in range(6):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = rule.scheduler(optimizer)
        for t in range(100):
            if t and t % 5 == 0:
                scheduler.step(float(losses[seed, t - 5 : t].mean()))
            assert used[seed, t] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert (made.used["constant"] == 0.1).all()


def test_reduce_on_plateau_is_tuned_and_stopped_like_the_others():
    """Its peak is tuned, its losses are trained at the rates that it says it used."""
    made = race({"plateau": ReduceOnPlateau(patience=1)}, seeds=4)

    peak = made.plans["plateau"].peak
    assert (made.used["plateau"][:, 0] == peak).all() and made.edges == {"plateau": ""}
    again = race({"plateau": ReduceOnPlateau(lr=peak, patience=1)}, seeds=4, tune=False)
    np.testing.assert_array_equal(again.used["plateau"], made.used["plateau"])


@pytest.mark.parametrize(
    "rule, task, said",
    [
        (ReduceOnPlateau(mode="max"), "digits", "write mode='min'"),
        (ReduceOnPlateau(lr=0.0), "digits", "0 everywhere"),
        (ReduceOnPlateau(), "quadratic", "computed without runs"),
    ],
)
def test_reduce_on_plateau_where_it_cannot_be(rule, task, said):
    """What no losses can steer is refused with the reason."""
    with pytest.raises(ValueError, match=said):
        race({"a": rule}, task)
