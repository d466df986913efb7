"""The bound: the formula of the paper, a true bound on a convex problem, and the best peak."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrcourse import Constant, CosineAnnealing, Polynomial, lab, warmup_stable_decay

rate_rows = st.lists(st.floats(1e-3, 5), min_size=1, max_size=25)


def of(rates, **how):
    """The bound of these rates, as they are."""
    return lab.bound(lambda t: rates[t], len(rates), tune=False, **how)


@given(rate_rows, st.floats(0.1, 10), st.floats(0.1, 10))
@settings(max_examples=50, deadline=None)
def test_it_is_the_formula_of_the_paper(rates, distance, slope):
    """The sums, written out one by one as in the theorem, give the same number."""
    T = len(rates)
    total = distance**2 / (2 * sum(rates))
    total += slope**2 * sum(r**2 for r in rates) / (2 * sum(rates))
    for k in range(T - 1):
        inner = sum(r**2 for r in rates[k:]) / sum(rates[k:])
        total += slope**2 / 2 * rates[k] / sum(rates[k + 1 :]) * inner

    assert of(rates, distance=distance, slope=slope).end == pytest.approx(total, rel=1e-9)


@given(rate_rows, st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_no_convex_run_ends_above_it(rates, seed):
    """Subgradient descent on a maximum of slopes of length 1 is below the bound at every update."""
    random = np.random.default_rng(seed)
    slopes = random.standard_normal((6, 3))
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    slopes = np.concatenate([slopes, -slopes])  # lowest at 0, where the loss is 0
    x = random.standard_normal(3)
    x /= np.linalg.norm(x)
    bounds = of(rates).losses
    for rate, most in zip(rates, bounds):
        steepest = slopes[(slopes @ x).argmax()]
        assert steepest @ x <= most
        x = x - rate * steepest


@pytest.mark.parametrize(
    "schedule",
    [Constant(), CosineAnnealing(T_max=60), warmup_stable_decay(total_steps=60)],
    ids=str,
)
def test_no_other_peak_is_better(schedule):
    """The peak that it is scaled to has the lowest bound."""
    best = lab.bound(schedule, 60)
    others = [
        lab.bound(schedule.with_peak(best.peak * by), 60, tune=False).end
        for by in (0.5, 0.9, 1.1, 2)
    ]

    assert lab.bound(schedule.with_peak(best.peak), 60, tune=False).end == pytest.approx(best.end)
    assert min(others) > best.end


def test_the_order_of_shapes():
    """Linear before cosine before warmup-stable-decay before constant, whatever the budget."""
    for steps in (100, 1000):
        ends = {name: lab.bound(s, steps).end for name, s in lab.shapes(steps, False).items()}
        order = ["linear", "cosine", "warmup-stable-decay", "constant"]

        assert sorted(order, key=ends.__getitem__) == order


def test_it_scales():
    """Twice as far and three times as steep is six times as much; the rates are 2 / 3."""
    one, other = (lab.bound(Constant(), 50, distance=d, slope=g) for d, g in ((1, 1), (2, 3)))

    assert other.end == pytest.approx(6 * one.end)
    assert other.peak == pytest.approx(one.peak * 2 / 3)


def test_updates_of_rate_0():
    """Before the first rate above 0 nothing is said; those at the end change nothing."""
    losses = of([0.0, 0.0, 0.5, 0.25, 0.0]).losses

    assert np.isinf(losses[:2]).all() and np.isfinite(losses[2:]).all()
    assert losses[-1] == losses[-2]
    assert math.isclose(of([0.5, 0.25]).end, losses[-1])


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: lab.bound(Constant(lr=0.0), 9), "is 0 for all 9 updates: it goes nowhere"),
        (lambda: lab.bound(Constant(), 0), "steps must be a positive whole number, got 0"),
        (lambda: lab.bound(Constant(), 9, slope=0), "slope must be a finite number above 0, got 0"),
        (lambda: lab.bound(Constant(), 9, distance=-1), "distance must be a finite number above 0"),
        (lambda: lab.bound(0.1, 9), "must be a schedule of the course or a function of t, got 0.1"),
        (lambda: lab.bound(lambda t: -1.0, 9), "returned -1.0 at step 0: a rate must be finite"),
    ],
)
def test_what_it_cannot_do(call, says):
    """No rate above 0, no updates, no length: a sentence with the value."""
    with pytest.raises(ValueError, match=says):
        call()


def test_it_prints_as_a_sentence():
    """At most how much, after how many updates, at which peak."""
    assert repr(lab.bound(Polynomial(total_iters=400), 400)) == (
        "at most 0.1006 after 400 updates, at a peak of 0.04956"
    )
