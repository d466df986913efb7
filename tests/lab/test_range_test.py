"""The range test and the landscapes."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from lrcourse import lab
from lrcourse.lab.range_test import _read_off
from lrcourse.lab.tasks import task_named


@pytest.fixture(scope="module")
def found():
    return lab.range_test("digits", low=1e-3, high=10, rates=24, steps=80, seeds=3)


def test_ramp_is_exponential(found):
    """The ramp multiplies the rate by the same factor at every update, from low to high."""
    assert found.ramp_rates[0] == pytest.approx(1e-3)
    assert found.ramp_rates[-1] == pytest.approx(10)
    np.testing.assert_allclose(np.diff(np.log(found.ramp_rates)), np.log(1e4) / 79)


def test_ramp_is_a_plain_loop_with_a_growing_rate(found):
    """The losses of the ramp are those of one model whose rate is set by hand."""
    task = task_named("digits")
    model = task.build(1)
    optimizer = task.optimizer.torch(model.parameters(), lr=1.0)
    losses = []
    for rate, (x, y) in zip(found.ramp_rates[:60], task.batches(1, 60)):
        optimizer.param_groups[0]["lr"] = rate
        loss = task.loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    np.testing.assert_allclose(found.ramp_losses[1, :60], losses, rtol=1e-3)


def test_the_best_rate_is_confirmed_by_a_race(found):
    """A constant rate at the best of all tried beats rates eight times smaller and larger."""
    schedules = {"best": lambda t: found.best, "small": lambda t: found.best / 8}
    race = lab.race(schedules, steps=80, seeds=8, tune=False, progress=False)

    assert race.compare("best", "small").reversed().difference.low > 0
    assert found.best < found.largest < 10
    assert 0.01 < found.best < 0.3


def test_rules_on_a_valley_drawn_by_hand():
    """On a parabola in log rate, every rule lands where its name says."""
    rates = np.geomspace(1e-4, 1, 401)
    losses = 1 + (np.log10(rates) + 1.0) ** 2  # lowest at 0.1
    read = _read_off(rates, losses)

    assert read["minimum"] == pytest.approx(0.1, rel=0.02)
    assert read["minimum / 10"] == pytest.approx(0.01, rel=0.02)
    assert read["steepest fall"] == pytest.approx(rates[40], rel=0.05)  # after the tenth left out
    assert read["middle of the valley"] == pytest.approx(np.sqrt(rates[40] * 0.1), rel=0.03)


def test_the_part_that_blew_up_is_not_read():
    """What comes after the loss has grown fourfold, or is no number, changes no suggestion."""
    rates = np.geomspace(1e-4, 1, 401)
    losses = 1 + (np.log10(rates) + 1.0) ** 2
    blown = losses.copy()
    blown[350:] = np.nan
    spiked = losses.copy()
    spiked[350:] = [100.0] + [0.0] * 50

    assert _read_off(rates, blown) == _read_off(rates, losses)
    assert _read_off(rates, spiked) == _read_off(rates, losses)


def test_the_disagreement_is_said(found):
    """The verdict names every rule and says by what factor they disagree."""
    rates = found.suggestions()
    read = [rate for rule, rate in rates.items() if rule != "best of all rates tried"]

    for rule in rates:
        assert f"{rule}: " in found.verdict()
    assert f"differ by a factor of {max(read) / min(read):.3g}" in found.verdict()
    assert list(found.table().index) == list(rates)


def test_it_never_touches_the_model_it_is_asked_about():
    """Weights, gradients, mode, random state: the model and torch are as they were."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).eval()
    model(torch.ones(1, 64)).sum().backward()
    before = {name: p.clone() for name, p in model.state_dict().items()}
    grads = [p.grad.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    found = lab.range_test("digits", model=model, rates=6, steps=30, seeds=2)

    assert all(torch.equal(p, before[name]) for name, p in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), grads))
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)
    # And it is this model that was tested: all seeds start from its weights.
    x, y = task_named("digits").batches(1, 1).__next__()
    expected = nn.functional.cross_entropy(model(x), y).item()
    assert found.ramp_losses[1, 0] == pytest.approx(expected, rel=1e-5)


def test_plots(found):
    """Both ways are drawn, with a line for every suggestion."""
    figure = found.plot()
    above, below = figure.axes
    plt.close(figure)

    labels = " ".join(line.get_label() for line in below.lines)
    assert all(rule in labels for rule in found.suggestions())
    assert above.get_xscale() == below.get_xscale() == "log"


@pytest.mark.parametrize(
    "options, said",
    [
        ({"low": 0}, "low must be a finite number above 0, got 0"),
        ({"low": 1, "high": 0.1}, "high must be a finite number above low, 1, got 0.1"),
        ({"steps": 3}, "steps must be a whole number of at least 10, got 3"),
        ({"rates": 1}, "rates must be a whole number of at least 2, got 1"),
        ({"seeds": 0}, "seeds must be"),
        ({"task": "quadratic"}, "quadratic is computed, not trained"),
        ({"model": nn.Sequential(nn.Linear(64, 10), nn.AlphaDropout(0.5))}, "draws random numbers"),
    ],
)
def test_bad_input(options, said):
    """Ranges that are none, and models that cannot be tested, are refused."""
    with pytest.raises(ValueError, match=said):
        lab.range_test(**options)


# Landscapes


@pytest.mark.parametrize("surface", lab.SURFACES)
@pytest.mark.parametrize(
    "optimizer", [lab.SGD(momentum=0.0), lab.SGD(momentum=0.9), lab.AdamW()], ids=str
)
def test_path_is_the_one_that_torch_takes(surface, optimizer):
    """The real optimizer with the real scheduler visits the same points, to 1e-10."""
    schedule = lab.shapes(40)["cosine"].with_peak(0.004)
    chosen = lab.SURFACES[surface]
    ours = lab.landscape({"cosine": schedule}, surface, steps=40, optimizer=optimizer)
    at = torch.tensor(chosen.start, dtype=torch.float64, requires_grad=True)
    opt = optimizer.torch([at], lr=0.1)
    scheduler = schedule.scheduler(opt)
    path = [at.detach().clone().numpy()]
    for _ in range(40):
        opt.zero_grad()
        chosen.loss(at[0], at[1]).backward()
        opt.step()
        scheduler.step()
        path.append(at.detach().clone().numpy())

    np.testing.assert_allclose(ours.paths["cosine"], path, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(ours.used["cosine"], schedule(np.arange(40)))


@pytest.mark.parametrize("surface, edge", [("ravine", 2 / 20), ("two wells", 2 / 50)])
def test_two_over_h(surface, edge):
    """A rate just below 2 / h stays in the steep direction, one just above is thrown out."""
    rates = {"below": lambda t: 0.98 * edge, "above": lambda t: 1.02 * edge}
    found = lab.landscape(rates, surface, steps=300)
    start = abs(found.paths["below"][0, 1])

    if surface == "ravine":
        assert abs(found.paths["below"][-1, 1]) < 1e-3 * start
        assert abs(found.paths["above"][-1, 1]) > 100 * start
    else:
        assert found.paths["below"][-1, 0] == pytest.approx(-1, abs=1e-3)
        assert found.paths["above"][-1, 0] == pytest.approx(1, abs=1e-2)


def test_noise_is_shared_and_reproducible():
    """All schedules get the same kicks, and the same seed gives the same path."""
    schedules = {"a": lambda t: 0.02, "b": lambda t: 0.02}
    one, two = (lab.landscape(schedules, noise=1.0, seed=3) for _ in range(2))
    other = lab.landscape(schedules, noise=1.0, seed=4)

    np.testing.assert_array_equal(one.paths["a"], one.paths["b"])
    np.testing.assert_array_equal(one.paths["a"], two.paths["a"])
    assert not np.array_equal(one.paths["a"], other.paths["a"])


def test_a_landscape_is_judged_as_a_race_is():
    """The best comes first, in a race's words: exactly where there is no noise, and with noise one
    draw shows nothing; what diverged is compared with nobody, and the table has what is behind."""
    rates = {"wild": lambda t: 0.2, "large": lambda t: 0.09, "small": lambda t: 0.05}
    found = lab.landscape(rates)
    behind = found.losses["small"][-1] - found.losses["large"][-1]
    noisy = lab.landscape(rates | {"tiny": lambda t: 0.01}, noise=0.5)

    first, *rest = found.verdict().splitlines()
    assert first == f"large beats small: {behind:.4g} lower loss, exactly"
    assert [line.split()[0] for line in rest] == list(rates)
    assert rest[0].startswith("wild diverged")
    assert found.table()["behind"].fillna(-1).tolist() == [-1, 0, behind]
    assert noisy.verdict().splitlines()[0].endswith(": one draw of the noise shows nothing")
    three = lab.landscape({"a": lambda t: 0.05, "b": lambda t: 0.05, "c": lambda t: 0.01})
    assert three.verdict().splitlines()[:2] == ["Best of 3: a.", "a and b: equal, exactly"]


def test_landscape_of_ones_own():
    """A function of x and y will do; the plot says which paths leave the picture."""
    schedules = {"good": lambda t: 0.1, "wild": lambda t: 1.5}
    found = lab.landscape(schedules, lambda x, y: x**2 + y**2, start=(1, -1), steps=30)
    figure = found.plot()
    labels = [line.get_label() for line in figure.axes[0].lines]
    plt.close(figure)

    assert found.table().loc["good", "loss"] < 1e-4
    assert "wild (leaves the picture)" in labels and "good" in labels


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lab.landscape({"a": lambda t: 1}, "hill"), "surface must be one of 'ravine', .*'hill'"),
        (lambda: lab.landscape({"a": lambda t: 1}, start=(1, 2, 3)), "start must be 2 numbers"),
        (lambda: lab.landscape({"a": lambda t: -1}), "'a' returned -1 at step 0"),
        (lambda: lab.landscape({"a": lambda t: 1}, lambda x, y: (x + y).sum()), "one loss for every x"),
        (lambda: lab.landscape({"a": lambda t: 1}, noise=-1), "noise must be"),
    ],
)  # fmt: skip
def test_landscape_bad_input(call, said):
    """What is no surface, start or schedule is refused."""
    with pytest.raises(ValueError, match=said):
        call()


def test_a_direction():
    """Where higher is better, the best rate is that of the highest score."""

    def share_right(outputs, chances):
        return (outputs.argmax(1) == chances.argmax(1)).to(outputs.dtype).mean()

    task = replace(task_named("digits"), score=share_right, metric="accuracy", better="higher")
    found = lab.range_test(task, rates=6, steps=40, seeds=2, low=1e-3, high=3.0)

    assert found.scores.mean(0).max() == found.scores.mean(0)[list(found.rates).index(found.best)]
    assert found.table().loc["best of all rates tried", "accuracy"] > 0.5 > found.start
    assert found.largest >= found.best


def test_neighbours_of_the_best_are_not_told_from_it():
    """The verdict names the rates around the best that so few seeds cannot tell from it, and far
    smaller ones are not among them."""
    found = lab.range_test("digits", rates=9, steps=60, seeds=4, low=1e-3, high=1.0)

    assert found.best in found.near and found.rates[0] not in found.near
    assert (
        f"4 seeds do not tell the best rate from those between {found.near[0]:.2g}"
        in found.verdict()
    )
