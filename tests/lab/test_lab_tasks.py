"""What the tasks claim about themselves: theory that the lab must reproduce."""

import re

import numpy as np
import pytest
import torch

from lrcourse import Constant, lab
from lrcourse.lab.tasks import CONTEXT, SHARP, WIDE, redrawn, task_named


def race(schedules, task, **options):
    options = {"tune": False, "progress": False, "seeds": 8} | options
    return lab.race(schedules, task, **options)


# The noisy quadratic


def test_best_rates_in_one_dimension():
    """In one dimension with unit noise the best rates are 1 / (t + 2), as theory has it."""
    np.testing.assert_allclose(lab.best_rates(30, dimensions=1), 1 / (np.arange(30) + 2), atol=1e-5)


def test_no_schedule_beats_the_best_rates():
    """The best rates are below every tuned schedule, and below themselves changed a little."""
    best = lab.best_rates(100)
    tuned = lab.race(list(lab.shapes(100)), "quadratic", steps=100, progress=False)
    rng = np.random.default_rng(0)

    def expected(lr):
        return lab.Quadratic().losses(lr[None], 0 * lr[None], lab.SGD(momentum=0.0))[0, -1]

    lowest = expected(best)
    assert lowest < tuned.table()["mean"].min()
    for _ in range(20):
        assert lowest < expected(best * np.exp(0.05 * rng.normal(size=100)))


def test_expectation_is_the_mean_of_many_runs():
    """The exact expectation lies within the interval of 4,000 simulated runs."""
    task, lr, m = lab.Quadratic(dimensions=5), 0.3, 0.5
    table = np.full((1, 40), lr)
    exact = task.losses(table, np.full((1, 40), m), lab.SGD(momentum=m))[0]
    rng = np.random.default_rng(0)
    h = task.curvatures
    x, v = np.ones((4000, 5)), np.zeros((4000, 5))
    for _ in range(40):
        v = m * v + h * x + rng.normal(size=x.shape) * np.sqrt(task.noise * h)
        x = x - lr * v

    simulated = lab.interval((x**2 @ h) / 2)
    assert exact[-1] in simulated
    assert exact[0] == pytest.approx(h.sum() / 2)


def test_decay_does_not_pay_without_noise():
    """From the same peak, every decay loses to the constant without noise, and wins with it."""
    shapes = lab.shapes(200)
    decays = ("linear", "cosine", "exponential", "step")
    same = {name: shapes[name].with_peak(1.0) for name in ("constant", *decays)}
    quiet, noisy = (race(same, lab.Quadratic(noise=noise), steps=200) for noise in (0.0, 1.0))

    for decay in decays:
        assert quiet.scores["constant"] < quiet.scores[decay]
        assert noisy.scores["constant"] > noisy.scores[decay]
    assert "exactly" in noisy.verdict() and "±" not in noisy.verdict()


def test_where_the_error_lies_decides_who_wins():
    """In steep directions early decay wins, in flat ones late decay: the order is turned round."""
    names = ["exponential", "linear", "warmup-stable-decay"]
    plain = lab.SGD(momentum=0.0)
    steep, flat = (
        race(names, task, steps=2000, tune=True, optimizer=plain).table().index.tolist()
        for task in (lab.Quadratic(), lab.Quadratic(power=2.0, far=1.5, noise=0.01))
    )

    assert steep == names and flat == names[::-1]


def test_a_single_step_by_hand():
    """One update in one dimension: ((1 - lr) ** 2 + lr ** 2) / 2."""
    losses = lab.Quadratic(1).losses(np.array([[0.25]]), np.zeros((1, 1)), lab.SGD(momentum=0.0))

    np.testing.assert_allclose(losses, [[0.5, (0.75**2 + 0.25**2) / 2]])


# Wells


def test_a_well_cannot_hold_a_rate_above_two_over_h():
    """5 % below 2 / h all points stay in the sharp well; 5 % above, all are thrown out of it."""
    edge = 2 / SHARP
    rates = {"below": Constant(lr=0.95 * edge), "above": Constant(lr=1.05 * edge)}
    calm = task_named("wells").__class__(**{**vars(task_named("wells")), "kick": 0.0})
    made = race(rates, calm, steps=400)

    assert (made.scores["below"] == 1).all()
    assert (made.scores["above"] == 0).all()


def test_the_wide_well_holds_what_the_sharp_one_cannot():
    """At ten times the sharp well's limit, points still settle in the wide well."""
    task = task_named("wells")
    rate = 10 * 2 / SHARP
    assert rate < 2 / WIDE
    made = race({"a": Constant(lr=rate)}, task, steps=300)

    assert (made.scores["a"] == 0).all()


def test_larger_rates_escape_the_shallow_well_more_often():
    """In the double well, noise lifts points over the hill, the sooner the larger the rate."""
    rates = {"tiny": Constant(lr=0.02), "small": Constant(lr=0.08), "large": Constant(lr=0.16)}
    made = race(rates, "double_well", steps=400, seeds=16)
    left = {name: scores.mean() for name, scores in made.scores.items()}

    assert left["tiny"] > 0.97
    assert left["tiny"] > left["small"] > left["large"]
    assert made.compare("large", "small").shown


def test_at_the_same_peak_cyclical_escapes_less_than_constant():
    """Cyclical rates escape more than a small constant rate, and less than one at their own peak."""
    shapes = lab.shapes(400, cycle_momentum=False)
    at_peak = {name: shapes[name].with_peak(0.1) for name in ("constant", "cyclical")}
    made = race(at_peak | {"small": Constant(lr=0.02)}, "double_well", steps=400, seeds=16)

    assert made.compare("constant", "cyclical").difference.high < 0
    assert made.compare("cyclical", "small").difference.high < 0


# Data


def test_noise_is_redrawn_at_each_use():
    """The same image comes with other noise each time, and one label in five is redrawn."""
    x, y = torch.zeros(4000, 64), torch.zeros(4000, dtype=torch.long)
    generator = torch.Generator().manual_seed(0)
    (x1, y1), (x2, y2) = redrawn(x, y, generator), redrawn(x, y, generator)

    assert not torch.equal(x1, x2)
    assert x1.std().item() == pytest.approx(0.3, rel=0.01)
    # Redrawn labels are right again one time in ten.
    assert (y1 != 0).float().mean().item() == pytest.approx(0.2 * 0.9, abs=0.02)
    assert not torch.equal(y1, y2)


def test_excess_risk_is_zero_for_the_best_predictor():
    """The floor is exact: predicting the true chances has no excess risk, anything else has some."""
    task = task_named("digits")
    chances = task.test[1]

    assert task.score(chances.log(), chances).item() == pytest.approx(0, abs=1e-6)
    assert task.score(torch.zeros_like(chances), chances).item() > 1


def test_training_and_test_images_are_disjoint():
    """No test image is trained on."""
    for name in ("digits", "digits_clean"):
        task = task_named(name)
        trained = {tuple(image.tolist()) for image in task.data[0]}

        assert not any(tuple(image.tolist()) in trained for image in task.test[0])


def test_text_is_pythons_own_and_cut_in_order():
    """The text is in CPython itself; targets are the inputs moved by one; the test part is unseen."""
    task = task_named("text")
    x, y = task.data
    xb, yb = next(task.batches(0, 1))

    assert torch.equal(xb[:, 1:], yb[:, :-1])
    assert int(x.min()) >= 0 and int(y.max()) < 96
    assert len(x) > 100_000
    characters = "".join(chr(int(c) + 32) for c in x[:3000:CONTEXT].flatten())
    assert " the " in characters


def test_the_transformer_cannot_see_the_future():
    """Changing a later character changes no earlier prediction."""
    model = task_named("text").build(0)
    x = task_named("text").test[0][:1].clone()
    changed = x.clone()
    changed[0, 10] = (changed[0, 10] + 1) % 96
    a, b = model(x), model(changed)

    assert torch.equal(a[0, :10], b[0, :10])
    assert not torch.equal(a[0, 10:], b[0, 10:])


def test_spirals_need_more_than_a_line():
    """Both classes are equally many, and no straight line tells them apart; neighbours do."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    task = task_named("spirals")
    data, test = ([part.numpy() for part in parts] for parts in (task.data, task.test))

    assert data[1].mean() == 0.5
    assert LogisticRegression().fit(*data).score(*test) < 0.75
    assert KNeighborsClassifier().fit(*data).score(*test) > 0.97


RACED = {
    "digits": ["constant", "linear"],
    "quadratic": ["constant", "linear"],
    "spirals": ["constant", "exponential"],
    "double_well": {
        "a constant rate": lambda t: 0.2,
        "one that falls": lambda t: 0.2 * (1 - t / 400),
    },
}


@pytest.mark.parametrize("name", RACED)
def test_a_regime_is_what_a_race_shows(name):
    """The difference, the updates and the seeds in a regime are those of a race: again within half
    of its interval, and told."""
    regime = task_named(name).regime
    said = re.search(r"by (0\.\d+)(?: ± (0\.\d+))? .*\((\d+) updates(?:, (\d+) seeds)?\)$", regime)
    difference, half, steps, seeds = (float(part or 0) for part in said.groups())
    made = lab.race(
        RACED[name], name, steps=int(steps), seeds=int(seeds or 32), tune=name != "double_well",
        progress=False,
    )  # fmt: skip
    second = made.table().iloc[1]

    assert second["behind"] == pytest.approx(difference, abs=half / 2 + 0.001)
    assert second["≈"] == ""


def test_what_the_wells_hold():
    """Below 2 / 50 the sharp well keeps all points, above it none: as its regime says."""
    rates = {"0.03": lambda t: 0.03, "0.05": lambda t: 0.05}
    made = lab.race(rates, "wells", seeds=32, tune=False, progress=False)

    assert (made.scores["0.03"] == 1).all() and (made.scores["0.05"] == 0).all()
    assert "at 0.03 all points stay in it, at 0.05 none" in task_named("wells").regime


def test_every_task_says_what_it_stands_for():
    """Every task of the course has a regime in words, and can be raced as it comes."""
    for name in lab.TASKS:
        task = task_named(name)
        made = lab.race(
            {"small": lambda t: 0.001, "less": lambda t: 0.0005},
            name,
            steps=3,
            seeds=2,
            tune=False,
            progress=False,
        )

        assert ":" in task.regime and task.name == name
        assert np.isfinite(made.scores["small"]).all()
        assert task.metric in made.plot().axes[0].get_ylabel()
