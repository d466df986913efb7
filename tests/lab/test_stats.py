"""Intervals and paired comparisons, against scipy and against simulation."""

import math
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lrcourse.lab import Interval, Paired, interval, paired, step_down
from lrcourse.lab.stats import quantile, rounded


@pytest.mark.parametrize("n", [2, 3, 16, 200])
def test_interval_is_scipys(n):
    """The interval is the t-interval that scipy computes."""
    values = np.random.default_rng(n).normal(3, 2, n)
    ours = interval(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)

    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert ours.n == n


@pytest.mark.parametrize("made", [interval([1.0, 2.0]), paired([1.0, 2.0], [2.0, 4.0])])
def test_a_result_is_a_value(made):
    """What was measured is not written into afterwards, and can be kept in a set."""
    assert made in {made}
    for field in fields(made):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, None)


def test_paired_is_scipys_paired_test():
    """Zero lies outside the interval exactly when scipy's paired t-test says p < 0.05."""
    rng = np.random.default_rng(0)
    seen = set()
    for shift in np.linspace(0, 1, 40):
        a, b = rng.normal(0, 1, 16), rng.normal(shift, 1, 16)
        p = stats.ttest_rel(a, b).pvalue
        seen.add(bool(p < 0.05))

        assert paired(a, b).shown == (p < 0.05)
    assert seen == {True, False}


def test_a_tie_is_nobodys_win():
    """Wins are the seeds on which the first is lower; equal ones are counted apart, both ways."""
    pair = paired([1.0, 2.0, 3.0, 4.0, 0.0], [2.0, 2.0, 3.0, 3.0, 1.0])

    assert (pair.wins, pair.ties, pair.n) == (2, 2, 5)
    back = paired([2.0, 2.0, 3.0, 3.0, 1.0], [1.0, 2.0, 3.0, 4.0, 0.0])
    assert (back.wins, back.ties) == (1, 2)


def test_coverage():
    """The interval holds the true mean in 95 % of repetitions, even with four seeds."""
    rng = np.random.default_rng(1)
    held = sum(5.0 in interval(rng.normal(5, 1, 4)) for _ in range(4000))

    assert held / 4000 == pytest.approx(0.95, abs=0.012)


def test_pairing_sees_what_seeds_hide():
    """A small difference that every seed shows is found, though seeds differ by far more."""
    seeds = np.random.default_rng(2).normal(1, 0.5, 16)
    a, b = seeds + 0.01 * np.linspace(0, 1, 16), seeds + 0.02

    assert paired(a, b).shown
    assert not stats.ttest_ind(a, b).pvalue < 0.05


def test_verdict_names_the_winner_from_both_sides():
    """The sentence is the same whichever of the two is named first."""
    a, b = [0.1, 0.2, 0.3, 0.4], [0.15, 0.26, 0.34, 0.35]
    lower, higher = [0.1, 0.2, 0.3, 0.4], [0.21, 0.29, 0.41, 0.49]

    said = paired(lower, higher).verdict("cosine", "constant", "test loss")
    assert said == "cosine beats constant: 0.100 ± 0.018 lower test loss, on 4 of 4 seeds"
    assert paired(higher, lower).verdict("constant", "cosine", "test loss") == said
    behind = "b is not told from a: 0.02 behind, at most 0.11; 4 seeds show 0.11 in 4 races of 5"
    assert paired(a, b).verdict() == paired(b, a).verdict("b", "a") == behind


def test_wins_are_counted_without_ties():
    """A seed on which both are equal is won by neither."""
    comparison = paired([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])

    assert (comparison.wins, comparison.ties) == (1, 1)
    assert comparison.reversed().wins == 1


def test_a_direction():
    """Where higher is better, the higher one wins, is said to be higher, and comes first."""
    a, b = [0.91, 0.93, 0.95, 0.92], [0.81, 0.82, 0.86, 0.82]
    pair = paired(b, a, better="higher")

    assert pair.verdict("b", "a", "accuracy").startswith("a beats b: 0.100 ± 0.013 higher accuracy")
    assert (pair.ahead, pair.wins, pair.reversed().wins) == (False, 0, 4)
    best, others = step_down({"b": b, "a": a}, better="higher")
    assert best == "a" and others["b"].shown


def test_two_numbers_that_round_alike_are_told_to_more_digits():
    """Where a difference is barely shown, the sentence has the digits in which it is."""
    assert Paired(Interval(0.00693, 0.00682, 32), 9, 0).verdict("b", "a") == (
        "a beats b: 0.0069 ± 0.0068 lower loss, on 23 of 32 seeds"
    )


def test_quantile_is_tukeys():
    """Half of an interval, in standard errors, is that of Tukey's studentized range."""
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(40_000, 5))
    spread = np.sqrt(rng.chisquare(31, size=40_000) / 31)
    widest = np.quantile(np.ptp(draws, axis=1) / spread / np.sqrt(2), 0.95)

    assert quantile(5, 32) == pytest.approx(widest, rel=0.01)
    assert quantile(2, 16) == pytest.approx(stats.t.ppf(0.975, 15))


@pytest.mark.parametrize("k, n", [(3, 2), (4, 6), (8, 32)])
def test_quantile_is_scipys(k, n):
    """To five digits, from two seeds on."""
    theirs = stats.studentized_range.ppf(0.95, k, n - 1) / math.sqrt(2)

    assert quantile(k, n) == pytest.approx(theirs, rel=1e-5)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(-99, 99)] * 2), min_size=2, max_size=9), st.integers(2, 5))
def test_from_b_the_same_is_seen(pairs, of):
    """Who is named first, and which direction is good, changes no number but its sign."""
    a, b = np.array(pairs, dtype=float).T
    pair, back = paired(a, b, of=of), paired(b, a, of=of)

    assert pair.reversed() == replace(back, names=("b", "a"))
    assert pair == replace(
        paired(-a, -b, of=of, better="higher"), difference=pair.difference, better="lower"
    )
    assert pair.wins + back.wins + pair.ties == len(a)
    assert pair.ahead == (pair.difference.mean < 0)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_no_more_digits_than_mean_something(value, half):
    """The last digit shown is worth a thirtieth to a third of the half interval, and 1 at most."""
    shown = rounded(value, half)
    unit = 10.0 ** -len(shown.partition(".")[2])

    assert abs(float(shown) - value) <= 0.51 * unit
    assert unit <= half / 3 * 1.001 and (unit >= half / 30 * 0.999 or unit == 1)


def test_step_down_narrows_as_schedules_leave():
    """What is far behind leaves first; those that remain are compared among fewer."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, (4, 16))
    noise -= noise.mean(axis=1, keepdims=True)
    scores = dict(zip(("best", "near", "far", "farther"), noise + [[0], [0.085], [5], [9]]))
    best, others = step_down(scores)
    near = paired(scores["near"], scores["best"])
    assert near.shown and not paired(scores["near"], scores["best"], of=4).shown

    assert best == "best" and list(others) == ["near", "far", "farther"]
    assert others["near"].difference == near.difference
    assert others["far"].difference.half == pytest.approx(
        paired(scores["far"], scores["best"], of=4).difference.half
    )


def test_one_seed_shows_nothing():
    """From one seed the interval is infinite, and the verdict says so."""
    assert interval([0.1]).half == math.inf
    assert paired([0.1], [0.9]).verdict("a", "b") == "a and b: one seed shows nothing"


def test_equal_runs_are_no_difference():
    """Two identical sets of runs show no difference, to the last bit."""
    assert not paired([0.1, 0.2], [0.1, 0.2]).shown


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: interval([]), "one a seed"),
        (lambda: interval([[1.0]]), r"shape \(1, 1\)"),
        (lambda: interval([0.1, math.nan]), r"values\[1\] is nan: 1 of 2 runs diverged"),
        (lambda: paired([0.1, math.inf], [1, 1]), r"a\[1\] is inf"),
        (lambda: paired([0.1, 0.2], [1]), "got 2 and 1 values"),
        (lambda: paired([0.1], [1], better="less"), "'lower' or 'higher', got 'less'"),
        (lambda: paired([0.1, 0.2], [1, 2], of=1), "of must be"),
        (lambda: interval([1, 2], confidence=1), "strictly between 0 and 1, got 1"),
        (lambda: interval([1, 2], confidence=0), "strictly between 0 and 1, got 0"),
        (lambda: interval([1, 2], confidence=95), "confidence must be strictly between 0 and 1"),
    ],
)
def test_bad_input(call, said):
    """What cannot be averaged or paired is refused, with the value and the fix."""
    with pytest.raises(ValueError, match=said):
        call()
