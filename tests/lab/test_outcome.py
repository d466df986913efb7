"""What is said of scores, whoever trained for them: races whose scores are written down here."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrcourse.lab.plans import Plan
from lrcourse.lab.saving import SavedRace, TaskFacts
from lrcourse.lab.stats import quantile

NAN = float("nan")
STEPS = 10

whole_scores = arrays(np.int64, (4, 6), elements=st.integers(-50, 50)).map(
    lambda scores: dict(zip("abcd", scores.astype(float)))
)
drawn = settings(max_examples=40, deadline=None, derandomize=True)


def kept(scores, *, better="lower", start=100.0, exact=False, stopped=False, done=None, **records):
    """A race in which these were the scores: name -> one for each seed, or seeds x marks."""
    curves = {name: np.array(s, dtype=float) for name, s in scores.items()}
    curves = {name: c if c.ndim == 2 else c[:, None] for name, c in curves.items()}
    (seeds, marks) = next(iter(curves.values())).shape
    rates = np.full(STEPS, 0.1)
    nothing = {name: np.full(seeds, NAN) for name in curves}
    return SavedRace(
        task=TaskFacts("written", "loss", better, exact, "none"),
        steps=STEPS,
        seeds=tuple(range(seeds)),
        stopped=stopped,
        plans={name: Plan(name, rates, rates, False) for name in curves},
        curves=curves,
        averages={name: np.full_like(c, NAN) for name, c in curves.items()},
        accuracies=nothing,
        marks=np.linspace(0, STEPS, marks + 1)[1:].astype(int),
        start=np.full(seeds, float(start)),
        done=np.full(seeds, STEPS) if done is None else np.array(done),
        shapes=dict.fromkeys(curves, ""),
        warnings=[],
        **{"edges": {}, "members": None} | records,
    )


# Whatever the scores


@drawn
@given(whole_scores)
def test_upside_down_the_same_is_said(scores):
    """Where higher is better, the negated scores have the same table and the same verdict."""
    lower = kept(scores)
    higher = kept({name: -s for name, s in scores.items()}, better="higher", start=-100.0)
    ours, theirs = lower.table(), higher.table()

    assert list(ours.index) == list(theirs.index)
    for column in ("behind", "±", "shows", "≈", "wins", "diverged", "nowhere"):
        assert ours[column].equals(theirs[column])
    assert ours["mean"].equals(-theirs["mean"])
    assert lower.verdict().replace("lower loss", "higher loss") == higher.verdict()


@drawn
@given(whole_scores, st.integers(-20, 20), st.sampled_from([0.25, 2.0, 64.0]))
def test_other_units_rank_alike(scores, by, times):
    """Scores that are moved and scaled: the same ranks and wins, and distances in the new unit."""
    first = kept(scores).table()
    moved = {name: times * (s + by) for name, s in scores.items()}
    then = kept(moved, start=times * (100 + by)).table()

    assert list(first.index) == list(then.index)
    for column in ("≈", "wins", "nowhere"):
        assert first[column].equals(then[column])
    for column in ("behind", "±", "shows"):
        assert then[column].to_numpy() == pytest.approx(
            times * first[column].to_numpy(), nan_ok=True
        )


@drawn
@given(whole_scores)
def test_a_win_is_to_be_better_than_all_others(scores):
    """A seed is won by the only one with its best score; where two share that, by nobody."""
    wins = kept(scores).table()["wins"]

    for name, own in scores.items():
        others = np.min([s for other, s in scores.items() if other != name], axis=0)
        assert wins[name] == (own < others).sum()


# Runs that are lost


def test_a_tenth_of_the_way_is_the_least():
    """From 100 at the start to 0 at best: at 91 a run got nowhere, at 89 it got somewhere; one that
    ended above its start got nowhere either."""
    made = kept({"best": [0, 0, 0], "some": [89, 89, 89], "mixed": [91, 89, 120]})

    assert made.table()["nowhere"].to_dict() == {"best": 0, "some": 0, "mixed": 2}
    assert "mixed got nowhere on 2 of 3 seeds: less than a tenth of the way" in made.verdict()


def test_where_none_got_further_than_the_start():
    """Then all that did not end below it got nowhere, and there is no best."""
    made = kept({"a": [100, 110, 120], "b": [130, 99, 140]})

    assert made.table()["nowhere"].to_dict() == {"a": 3, "b": 2}
    assert "beats" not in made.verdict() and "Best of" not in made.verdict()


def test_what_is_lost_stands_last():
    """First those lost on no seed, by their means; then by the runs that diverged, then by the mean
    of the others."""
    scores = {
        "twice": [NAN, NAN, 1],
        "once, high": [NAN, 9, 9],
        "once, low": [5, NAN, 5],
        "stuck": [3, 3, 99],
        "worst": [50, 51, 52],
        "best": [1, 2, 3],
    }
    table = kept(scores).table()

    assert list(table.index) == ["best", "worst", "stuck", "once, low", "once, high", "twice"]
    assert table["diverged"].tolist() == [0, 0, 0, 1, 1, 2]
    assert table["mean"].isna().tolist() == [False, False, False, True, True, True]
    assert table.loc["stuck", "mean"] == 35
    assert table["behind"].isna().tolist() == [False, False, True, True, True, True]
    assert table["wins"].sum() == 3


# What the verdict adds


def test_few_seeds_are_said_to_be_few():
    """Below 32 seeds the verdict says which difference they miss; with 32 it does not, nor where all
    are the same."""
    rng = np.random.default_rng(0)
    scores = {"a": rng.normal(0, 1, 32), "b": rng.normal(9, 3, 32), "c": rng.normal(1, 1, 32)}

    made = kept({name: s[:31] for name, s in scores.items()})
    (few,) = (line for line in made.verdict().splitlines() if "are few" in line)
    shows = made.table().loc["c", "shows"]  # of the closest
    assert few.startswith(
        f"31 seeds are few: a difference below {shows:.1f} they miss in more than"
    )
    assert few.endswith("1 race of 5. Give 32 or more")
    assert "are few" not in kept(scores).verdict()
    assert "are few" not in kept({"a": [1, 2, 3], "b": [1, 2, 3]}).verdict()


def test_what_is_computed_is_said_exactly():
    """Without noise no interval stands by a difference, however small, and nobody misses seeds."""
    scores = {"a": [0.5], "b": [0.5], "c": [0.75]}
    said, table = kept(scores, exact=True).verdict(), kept(scores, exact=True).table()

    assert said.splitlines() == [
        "Best of 3: a. Not told from it: b.",
        "a and b: equal, exactly",
        "a beats c: 0.25 lower loss, exactly",
    ]
    assert table["≈"].tolist() == ["≈", "≈", ""]
    assert table["behind"].tolist() == [0, 0, 0.25] and table[["±", "shows"]].isna().all(axis=None)
    assert kept({"a": [0.5]}, exact=True).verdict() == "a: 0.5 ± 0 loss"


def test_one_seed_makes_no_best():
    """From one seed nobody is called the best, nor a winner."""
    said = kept({"a": [1], "b": [2], "c": [3]}).verdict().splitlines()

    assert said == ["a and b: one seed shows nothing", "a and c: one seed shows nothing"]


def test_a_comparison_knows_whom_it_compares():
    """Printed, it has the names and the metric; of a race of three its interval is the wider one."""
    rng = np.random.default_rng(1)
    made = kept({name: rng.normal(i, 0.1, 8) for i, name in enumerate("abc")})
    wide, planned = made.compare("b", "a"), made.compare("b", "a", planned=True)

    assert str(wide).startswith("a beats b: ") and " lower loss, on 8 of 8 seeds" in str(wide)
    half = {k: quantile(k, 8) / quantile(2, 8) * planned.difference.half for k in (2, 3)}
    assert (planned.difference.half, wide.difference.half) == pytest.approx((half[2], half[3]))
    with pytest.raises(ValueError, match="no schedule 'd' in this race: it has .'a', 'b', 'c'"):
        made.compare("a", "d")


@pytest.mark.parametrize(
    "near, said",
    [
        (["≈", "≈", ""], "; not told from it there: 'flat'"),
        (["≈", "≈", "≈"], "; not told from it there: 'flat', 'late'"),
        (["≈", "", ""], "; 'flat' was 0.12 behind"),
    ],
)
def test_a_family_says_which_shape_it_ran_with(near, said):
    """And how far its other shapes were behind, on other seeds."""
    index = pd.MultiIndex.from_product([["mine"], ["steep", "flat", "late"]])
    members = pd.DataFrame({"≈": near, "behind": [0.0, 0.123, 0.4]}, index=index)
    made = kept({"mine": [1.0, 2.0], "other": [3.0, 4.5]}, members=members)

    line = f"mine ran as 'steep', the best of 3 shapes on other seeds{said}"
    assert line in made.verdict().splitlines()


def test_one_alone_is_said_with_its_interval():
    """A race of one says its mean, and how far the truth can be from it."""
    assert kept({"a": [1.0, 2.0, 3.0]}).verdict() == "a: 2.0 ± 2.5 loss"


@pytest.mark.parametrize(
    "done, seeds, score, said",
    [
        ([10, 10, 10], 3, 2.0, "Stopped before all peaks were found: the ± do not know that"),
        ([10, 7, 10], 2, 2.0, "Stopped after 2 of 3 seeds"),
        ([5, 7, 4], 2, 1.0, "Stopped after 5 of 10 updates: schedules that decay later have not"),
    ],
)
def test_of_a_stopped_race_what_all_have_done_is_judged(done, seeds, score, said):
    """The seeds that are done; if none is, all that passed the last mark that any has passed."""
    curves = {"a": [[1.0, 2.0]] * 3, "b": [[3.0, 4.0]] * 3}
    made = kept(curves, stopped=True, done=done)

    assert made.scores["a"].tolist() == [score] * seeds
    assert made.verdict().startswith(said)
    assert len(kept(curves).verdict().splitlines()) == len(made.verdict().splitlines()) - 1


def test_before_the_first_mark_nothing_can_be_judged():
    """A race that was stopped so early says at which update there would have been a score."""
    made = kept({"a": [[1.0, 2.0]] * 2}, stopped=True, done=[3, 4])

    with pytest.raises(ValueError, match="before its first mark, update 5"):
        made.verdict()


@pytest.mark.parametrize(
    "edge, said",
    [
        (
            "lowest",
            "best at the lowest peak tried, 0.1; it may do better at a lower one. Give peaks",
        ),
        ("highest", "best at the highest peak tried, 0.1; it may do better at a higher one"),
        ("open", "no best peak inside for a: it went on getting better up to 0.1. Give peaks"),
    ],
)
def test_a_peak_at_the_edge_is_named(edge, said):
    """The sentence says on which side a better peak may lie."""
    assert said in kept({"a": [1.0, 2.0], "b": [2.0, 3.5]}, edges={"a": edge, "b": ""}).verdict()


def test_every_score_has_a_line():
    """Schedule by schedule, seed by seed, mark by mark."""
    lines = kept({"a": [[1, 2], [3, 4]], "b": [[5, 6], [7, 8]]}).lines()

    assert lines["loss"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert lines["schedule"].tolist() == list("aaaabbbb")
    assert lines["seed"].tolist() == [0, 0, 1, 1] * 2
    assert lines["updates"].tolist() == [5, 10] * 4
