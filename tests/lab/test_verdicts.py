"""What a verdict may say, held by simulation: races drawn anew from real scores.

`digits_scores.npz` has the score of eight shapes at 23 peaks on 512 seeds (`digits`, 200 updates;
`benchmarks/race_scores.py` made it). A race draws 32 of these seeds, and does all that a race does:
every climb, then the comparison. Equals are made by shifting a shape's scores until its best mean
over all 512 seeds is that of the others.
"""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lrcourse.lab.climb import FURTHER, climb, members, together, tuned
from lrcourse.lab.runs import Runs
from lrcourse.lab.stats import paired, step_down

RACES = 400


@cache
def stored():
    """Names, peaks, and scores of shape (shapes, peaks, seeds); infinite where they are too high."""
    with np.load(Path(__file__).with_name("digits_scores.npz")) as file:
        scores = file["scores"] * float(file["resolution"])
        scores[file["scores"] == 65535] = np.inf
        return file["names"].tolist(), file["peaks"].tolist(), scores


def best_means(scores):
    return scores.mean(axis=2).min(axis=1)


def equals():
    """The stored scores, every shape shifted so that all have the same best mean."""
    scores = stored()[2]
    return scores - best_means(scores)[:, None, None]


def answer(search, scores):
    """Follow a search to its end, with means from `scores`."""
    peaks = stored()[1]
    place = {peak: i for i, peak in enumerate(peaks)}

    def means(want):
        seeds = list(want.seeds)
        return np.array(
            [
                scores[want.shape, place[p]][seeds].mean() if p in place else np.inf
                for p in want.peaks
            ]
        )

    try:
        wants = next(search)
        while True:
            wants = search.send([means(want) for want in wants])
    except StopIteration as end:
        return end.value


def raced(scores, shapes, seeds):
    """A whole race: shape -> its scores on `seeds`, at the peak that was found for it."""
    place = {peak: i for i, peak in enumerate(stored()[1])}
    found = answer(together([tuned(shape, seeds) for shape in shapes]), scores)
    return {shape: scores[shape, place[f.peak]][list(seeds)] for shape, f in zip(shapes, found)}


def drawn(rng, n=32):
    """Seeds of a race, put back after each draw: as good as new ones from all that there are."""
    return tuple(rng.integers(stored()[2].shape[2], size=n).tolist())


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_equals_seldom_beat_each_other(k):
    """Of races of k equals, tuning included, 9 % at most say that one beats another."""
    rng, scores, said = np.random.default_rng(k), equals(), 0
    for _ in range(RACES):
        shapes = rng.choice(8, k, replace=False).tolist()
        _, others = step_down(raced(scores, shapes, drawn(rng)))
        said += any(stands.shown for stands in others.values())

    assert said / RACES <= 0.09


def test_a_better_one_among_equals_does_not_loosen_the_rest():
    """Two are equal, five are far behind: the two are told apart in 9 % of races at most."""
    rng, scores, said = np.random.default_rng(9), equals(), 0
    scores = scores + np.array([0, 0, *[0.1] * 6])[:, None, None]
    for _ in range(RACES):
        best, others = step_down(raced(scores, list(range(8)), drawn(rng)))
        said += any(others[name].shown for name in {0, 1} - {best})

    assert said / RACES <= 0.09


def test_intervals_hold_the_true_difference():
    """A pair's interval holds the difference of the two at their best peaks in .93 to .97 of races;
    all rows that a race prints hold theirs at once in .93 or more."""
    rng, scores = np.random.default_rng(0), stored()[2]
    true, held, at_once = best_means(scores), [], []
    for _ in range(RACES):
        found = raced(scores, list(range(8)), drawn(rng))
        a, b = rng.choice(8, 2, replace=False)
        held.append(true[a] - true[b] in paired(found[a], found[b]).difference)
        best, others = step_down(found)
        at_once.append(all(true[x] - true[best] in o.difference for x, o in others.items()))

    assert 0.925 <= np.mean(held) <= 0.975
    assert np.mean(at_once) >= 0.925


def test_what_is_shown_is_mostly_true():
    """A race of linear and cosine says which is better in most races of 32 seeds, in few of 8, and
    the wrong one in none of 400."""
    names, _, scores = stored()
    pair = [names.index("linear"), names.index("cosine")]
    said = {}
    for n in (8, 32):
        rng = np.random.default_rng(n)
        races = [step_down(raced(scores, pair, drawn(rng, n))) for _ in range(RACES)]
        said[n] = [best for best, others in races if next(iter(others.values())).shown]

    assert len(said[8]) < 0.5 * RACES < 0.7 * RACES < len(said[32])
    assert set(said[32]) == {pair[0]}


def test_a_difference_that_seeds_are_said_to_show_is_shown_in_four_races_of_five():
    """At the size that `shows` names, on the mean, 70 to 90 % of races show it."""
    rng, scores, names = np.random.default_rng(4), equals(), stored()[0]
    pair = [names.index("linear"), names.index("step")]
    sizes = [paired(*raced(scores, pair, drawn(rng)).values()).shows for _ in range(100)]
    apart = scores.copy()
    apart[pair[1]] += np.mean(sizes)
    shown = [paired(*raced(apart, pair, drawn(rng)).values()).shown for _ in range(RACES)]

    assert 0.7 <= np.mean(shown) <= 0.9


def test_a_family_of_equals_has_no_advantage():
    """Five equal shapes, the best chosen on other seeds, beat one of their like in 9 % at most."""
    rng, scores, said = np.random.default_rng(5), equals(), 0
    for _ in range(RACES // 2):
        both = drawn(rng, 64)
        judged, others = both[:32], both[32:]
        family, alone = rng.permutation(8)[:5].tolist(), int(rng.integers(8))
        chosen = answer(members(family, others), scores)[0].shape
        if chosen == alone:
            continue
        _, stands = step_down(raced(scores, [chosen, alone], judged))
        said += next(iter(stands.values())).shown

    assert said / (RACES // 2) <= 0.09


# The climb


def bowl(middle, missing=()):
    """Mean costs of a bowl around `middle`, for `answered`."""
    return lambda want: np.array(
        [np.inf if p in missing else (p - middle) ** 2 for p in want.peaks]
    )


def answered(search, means):
    asked = []
    try:
        wants = next(search)
        while True:
            asked += wants
            wants = search.send([means(want) for want in wants])
    except StopIteration as end:
        return end.value, asked


@pytest.mark.parametrize("middle", [-40, -17, -6, 0, 3, 9, 30])
def test_a_climb_ends_between_two_neighbours_that_were_tried(middle):
    """The best peak of a bowl is found wherever it lies within reach, and both sides were tried."""
    found, asked = answered(tuned("a", range(32)), bowl(middle))

    last = [want for want in asked if len(want.seeds) == 32][-1]
    assert found.peak == middle and found.inside
    assert {middle - 1, middle + 1} <= set(last.peaks)
    assert {len(want.seeds) for want in asked} == {8, 32}


def test_a_climb_without_end_says_so():
    """Where every higher peak is better, the climb gives up and the peak is not inside."""
    found, asked = answered(climb("a", (0, -4), 4, range(4)), bowl(10**6))

    assert not found.inside
    assert len(asked) == FURTHER + 1


def test_where_all_diverge_the_climb_goes_down():
    """A grid that lies far too high is left below."""
    wild = [p / 1 for p in range(-24, 60)]
    found, _ = answered(tuned("a", range(16)), bowl(-28, missing=wild))

    assert found.peak == -28 and found.inside


@pytest.mark.parametrize("peaks", [None, range(-8, 9)], ids=["climbed", "given"])
def test_the_better_half_of_a_family_is_asked_again(peaks):
    """All shapes on the scouts; the better half, a middle one included, on all the other seeds.
    What comes out is in the order of their means, the half that was asked again before the rest."""
    cost = {"d": 9.0, "b": 2.0, "e": 12.0, "a": 1.0, "c": 5.0}
    last = {"b": -2.0}  # on all seeds it is the best after all

    def means(want):
        more = last.get(want.shape, 0.0) if len(want.seeds) == 32 else 0.0
        return np.array([cost[want.shape] + more + (p - 3) ** 2 / 100 for p in want.peaks])

    found, asked = answered(members(list(cost), range(100, 132), peaks), means)
    scouts, rest = ({want.shape for want in asked if len(want.seeds) == n} for n in (4, 32))

    assert "".join(member.shape for member in found) == "bacde"
    assert [member.seeds for member in found] == [32, 32, 32, 4, 4]
    assert (scouts, rest) == (set(cost), set("abc"))
    assert {want.seeds[0] for want in asked} == {100}


def test_what_was_trained_is_not_asked_for_again():
    """A stage holds what is missing and nothing else; a copy is there once all its seeds are."""
    made = []

    def stage(copies, seeds):
        made.append((copies, seeds))
        return SimpleNamespace(done=np.full((len(seeds), len(copies)), 10 * len(made)))

    runs = Runs(stage)
    runs.want([("a", (0, 1)), ("b", (0, 1)), ("a", (0, 1))])
    assert runs.has("a", (0, 1)) and not runs.has("a", (1, 2)) and not runs.has("c", (0,))
    runs.want([("a", (0, 1, 2)), ("b", (1, 0)), ("c", (2,))])

    assert made == [(["a", "b"], (0, 1)), (["a", "c"], (2,))]
    assert runs.copies == ["a", "b", "c"] and runs.has("a", (1, 2))
    assert runs.done("a", (2, 0, 3)).tolist() == [20, 10, 0]
