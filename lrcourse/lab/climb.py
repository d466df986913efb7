"""Which peak, and which shape of a family: the search that comes before a verdict.

Peaks are counted in quarters of an octave: peak(i) = top * 2 ** (i / 4). A climb takes the best of
those tried, and is done when both its neighbours were tried, too. Each schedule climbs three times,
in ever smaller steps, and the last time *on the seeds it is judged on*. At the bottom of a bowl the
peak hardly matters: what it gains by being picked on these seeds all schedules gain alike, and it
cancels in their differences. (A peak picked on a few *other* seeds misses the bottom by chance, and
not alike: of two equal schedules one then "beats" the other more than twice as often as it should.)

A shape is no bowl: the best of five equals would win by luck. So the shape of a family is chosen on
other seeds, as many, and only its peak on the judged ones.

Nothing is trained here. A search is a generator: it yields what it wants to know, and is sent the
means. So the same search runs a race, and the simulation that holds what is said of it.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

SCOUTS = 8
"""On how many seeds the first two climbs of a schedule go."""
FAMILY_SCOUTS = 4
"""The same for each shape of a family."""
COARSE = (0.0, -4.0, -8.0, -12.0, -16.0)
FURTHER = 12
"""How many rounds a climb goes on beyond its first peaks."""


@dataclass(frozen=True)
class Wanted:
    """A question: the mean cost of `shape` at each of `peaks`, over `seeds`."""

    shape: Any
    peaks: tuple[float, ...]
    seeds: tuple[int, ...]


class Found(NamedTuple):
    """The best peak of a climb, its mean cost, and whether both neighbours are worse."""

    peak: float
    mean: float
    inside: bool


Result = TypeVar("Result")
Search = Generator[list[Wanted], list[np.ndarray], Result]


def climb(shape: Any, first: Iterable[float], step: float, seeds: Sequence[int]) -> Search[Found]:
    """From the `first` peaks on to the best one, until both its neighbours were tried.

    Where nothing is finite, it goes on below the lowest.
    """
    tried = set(first)
    for further in range(FURTHER + 1):
        peaks = tuple(sorted(tried))
        (means,) = yield [Wanted(shape, peaks, tuple(seeds))]
        best = peaks[int(np.argmin(means))]
        beside = {best - step, best + step}
        inside = beside <= tried and bool(np.isfinite(means.min()))
        if inside or further == FURTHER:
            break
        tried |= beside
    return Found(best, float(means.min()), inside)


def beside(peak: float, step: float) -> tuple[float, float, float]:
    return peak - step, peak, peak + step


def scouted(shape: Any, seeds: Sequence[int]) -> Search[Found]:
    """The first two climbs: octaves, then half octaves."""
    octaves = yield from climb(shape, COARSE, 4, seeds)
    return (yield from climb(shape, beside(octaves.peak, 2), 2, seeds))


def tuned(shape: Any, seeds: Sequence[int]) -> Search[Found]:
    """All three climbs of one schedule: two on the first of the judged `seeds`, one on all."""
    found = yield from scouted(shape, seeds[:SCOUTS])
    return (yield from climb(shape, beside(found.peak, 1), 1, seeds))


class Member(NamedTuple):
    """A shape of a family: its best peak on the other seeds, and its mean cost there.

    `seeds`: on how many. The worse half of a family is tried on the scouts alone.
    """

    shape: Any
    found: Found
    seeds: int


def members(
    shapes: Sequence[Any], others: Sequence[int], peaks: Sequence[float] | None = None
) -> Search[list[Member]]:
    """The shapes of a family from best to worst, on the `others`: seeds that are not judged.

    Scouts first, in octaves and halves; then the better half on all the others. If `peaks` are
    given, among these alone.
    """

    def first_look(shape: Any) -> Search[Found]:
        return scouted(shape, scouts) if peaks is None else among(peaks, shape, scouts)

    def second_look(shape: Any, peak: float) -> Search[Found]:
        if peaks is not None:
            return among(peaks, shape, others)
        return climb(shape, beside(peak, 2), 2, others)

    scouts = others[:FAMILY_SCOUTS]
    first = yield from together([first_look(shape) for shape in shapes])
    order = sorted(range(len(shapes)), key=lambda i: first[i].mean)
    half = order[: -(-len(order) // 2)]
    again = yield from together([second_look(shapes[i], first[i].peak) for i in half])
    better = [Member(shapes[i], found, len(others)) for i, found in zip(half, again)]
    worse = [Member(shapes[i], first[i], len(scouts)) for i in order[len(half) :]]
    return sorted(better, key=lambda member: member.found.mean) + worse


def among(peaks: Sequence[float], shape: Any, seeds: Sequence[int]) -> Search[Found]:
    """The best of these `peaks` and no others: no climbing, and an edge is an edge."""
    (means,) = yield [Wanted(shape, tuple(peaks), tuple(seeds))]
    i = int(np.argmin(means))
    return Found(peaks[i], float(means[i]), len(peaks) == 1 or 0 < i < len(peaks) - 1)


def together(searches: Sequence[Search[Any]]) -> Search[list[Any]]:
    """Several searches side by side: what they all want is asked for at once."""
    results: list[Any] = [None] * len(searches)
    answers: dict[int, list[np.ndarray] | None] = dict.fromkeys(range(len(searches)))
    while True:
        wants: dict[int, list[Wanted]] = {}
        for i, answer in answers.items():
            try:
                wants[i] = searches[i].send(answer)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                results[i] = end.value
        if not wants:
            return results
        told = iter((yield [want for some in wants.values() for want in some]))
        answers = {i: [next(told) for _ in some] for i, some in wants.items()}
