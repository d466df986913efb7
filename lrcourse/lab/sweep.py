"""What one setting of a schedule does: many positions of it, trained on the same seeds.

A sweep answers while you wait. All positions train at once, in waves of seeds (`WAVES`): after the
first the whole picture is there, and each further wave makes it sharper. What was trained is kept,
so that a position that comes again answers at once.

`Sweeps` trains, `Sweep` is what was seen so far, `Standing` says which positions are told apart.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy
import torch

from lrcourse.lab.optimizers import Optimizer
from lrcourse.lab.plans import Plan, plan
from lrcourse.lab.race import OTHER_SEEDS_START
from lrcourse.lab.range_top import Ladder, known_top
from lrcourse.lab.runs import Stage
from lrcourse.lab.stats import step_down
from lrcourse.lab.tasks import Task
from lrcourse.lab.trial import way_of
from lrcourse.schedules import Schedule

WAVES = (4, 8, 16, 32)
"""After how many seeds a sweep shows what it has."""
PEAKS = 2.0 ** (0.5 - np.arange(8) / 2)
"""The peaks that are tried for every position, as shares of the top of the task."""
TUNING_SEEDS = 4
MOST_KEPT = 5000
"""Curves that are remembered: some 6 kB each."""


class Copy(NamedTuple):
    """What trains: a schedule, scaled to a peak (None: as it is)."""

    schedule: Schedule
    peak: float | None = None


@dataclass(frozen=True, eq=False)
class Sweep:
    """Test scores of C copies on n seeds at M marks, as far as they are trained.

    marks   after how many updates, shape (M,)
    scores  shape (n, C, M); what is not finite has diverged
    seen    shape (n, C, M): what is trained
    full    how many seeds are trained to the end, for all copies
    """

    marks: np.ndarray
    scores: np.ndarray
    seen: np.ndarray
    full: int

    def curves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, half of its 95 % interval, and on how many seeds: each of shape (C, M).

        Of the seeds that are there to the end; before there is one, of all that have come so far.
        """
        scores, seen = self.scores, self.seen
        if self.full:
            scores, seen = scores[: self.full], seen[: self.full]
        n = seen.sum(0)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            mean = np.where(seen, scores, 0.0).sum(0) / n
            squares = np.where(seen, (scores - mean) ** 2, 0.0).sum(0)
            half = _t(n) * np.sqrt(squares / np.maximum(n - 1, 1) / n)
        return mean, half, n


def _t(n: np.ndarray) -> np.ndarray:
    """The quantile of Student's t for n values; infinite for one."""
    many = np.maximum(n, 2)
    known = {int(v): float(scipy.stats.t.ppf(0.975, v - 1)) for v in np.unique(many)}
    return np.where(n > 1, np.vectorize(known.__getitem__, otypes=[float])(many), np.inf)


class Sweeps:
    """Trains copies of schedules on one task, and remembers.

    seeds: how many at most; marks: after how many updates a score is taken, and at the end.
    """

    def __init__(
        self, task: Task, optimizer: Optimizer, seeds: int, marks: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.task, self.optimizer, self._marks, self._dtype = task, optimizer, marks, dtype
        self.waves = (1,) if task.exact else tuple(w for w in WAVES if w < seeds) + (seeds,)
        self._kept: dict[Copy, dict[int, np.ndarray]] = {}  # by steps: scores, (seeds, marks)
        self._lock = threading.Lock()
        self._first: dict[tuple[Copy, int], Copy] = {}  # the first that trains as a copy does
        self._by_plan: dict[tuple[bytes, bytes], Copy] = {}
        self._peaks: dict[tuple[Copy, int], float] = {}
        self._top = known_top(task, optimizer)
        if not task.exact:
            way_of(task, dtype)  # refuses now what could not be trained rightly

    def marks(self, steps: int) -> tuple[int, ...]:
        """After how many updates of a run of `steps` the score is taken."""
        return (*(mark for mark in self._marks if mark < steps), steps)

    def plan(self, copy: Copy, steps: int) -> Plan:
        """What every update uses. A schedule that ends earlier stays: its rate is 0 from then on."""
        made = int(min(steps, copy.schedule.last + 1))
        name = type(copy.schedule).__name__
        found = plan(name, copy.schedule, made, self.optimizer.momentum, copy.peak)
        rest = (0, steps - made)
        held = np.pad(found.momentum, rest, mode="edge")
        return replace(found, lr=np.pad(found.lr, rest), momentum=held)

    def known(self, copies: Sequence[Copy], steps: int) -> Sweep:
        """What is trained already."""
        counts = [self._count(copy, steps) for copy in self._alike(copies, steps)]
        return self._sweep(copies, steps, max(counts, default=0), min(counts, default=0))

    def train(
        self, copies: Sequence[Copy], steps: int, stop: threading.Event,
        show: Callable[[Sweep], None], most: int | None = None,
    ) -> None:  # fmt: skip
        """Train wave after wave, until all is done, or waves of `most` seeds, or `stop` is set.

        `show` is called in this thread with what is there: a few times a second, and after each
        wave. What a stopped wave had trained is not kept.
        """
        for upto in (wave for wave in self.waves if wave <= (most or wave)):
            for start, few in self._missing(copies, steps, upto):
                stage = self._stage(few, steps, range(start, upto), self.marks(steps))

                def tick(stage: Stage = stage, few: list[Copy] = few, upto: int = upto) -> None:
                    show(self._with_stage(copies, steps, upto, few, stage))

                stage.run(None, stop, tick)
                if stop.is_set():
                    return
                self._keep(few, steps, stage.scores)
            show(self._sweep(copies, steps, upto, upto))

    def _missing(
        self, copies: Sequence[Copy], steps: int, upto: int
    ) -> Iterator[tuple[int, list[Copy]]]:
        """The copies that lack seeds, by the first that they lack."""
        counts = {copy: self._count(copy, steps) for copy in self._alike(copies, steps)}
        for start in sorted({count for count in counts.values() if count < upto}):
            yield start, [copy for copy, count in counts.items() if count == start]

    def _stage(
        self, copies: list[Copy], steps: int, seeds: Sequence[int], marks: tuple[int, ...]
    ) -> Stage:
        plans = [self.plan(copy, steps) for copy in copies]
        return Stage(self.task, self.optimizer, plans, tuple(seeds), marks, self._dtype)

    # What is remembered

    def _alike(self, copies: Sequence[Copy], steps: int) -> list[Copy]:
        """For each copy the first that trains just so: a drop after the end is no drop."""
        if len(self._first) > MOST_KEPT:
            self._first, self._by_plan = {}, {}
        for copy in copies:
            if (copy, steps) not in self._first:
                made = self.plan(copy, steps)
                key = made.lr.tobytes(), made.momentum.tobytes()
                self._first[copy, steps] = self._by_plan.setdefault(key, copy)
        return [self._first.get((copy, steps), copy) for copy in copies]

    def _scores(self, copy: Copy, steps: int) -> np.ndarray | None:
        """Scores of a run of `steps`, shape (seeds, marks): as it was, or the beginning of a longer."""
        with self._lock:
            runs = self._kept.get(copy, {})
            if steps in runs:
                return runs[steps]
            longer = [n for n in runs if n > steps]
            if not longer or steps not in self._marks:
                return None
            return runs[longer[0]][:, : len(self.marks(steps))]

    def _count(self, copy: Copy, steps: int) -> int:
        found = self._scores(copy, steps)
        return 0 if found is None else len(found)

    def _keep(self, copies: list[Copy], steps: int, scores: np.ndarray) -> None:
        for c, copy in enumerate(copies):
            before = self._scores(copy, steps)
            rows = scores[:, c] if before is None else np.concatenate([before, scores[:, c]])
            with self._lock:
                self._kept.setdefault(copy, {})[steps] = rows
        with self._lock:
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def _sweep(self, copies: Sequence[Copy], steps: int, seeds: int, full: int) -> Sweep:
        marks = self.marks(steps)
        scores = np.full((seeds, len(copies), len(marks)), np.nan)
        seen = np.zeros(scores.shape, bool)
        for c, copy in enumerate(self._alike(copies, steps)):
            found = self._scores(copy, steps)
            if found is not None:
                n = min(len(found), seeds)
                scores[:n, c], seen[:n, c] = found[:n], True
        return Sweep(np.array(marks), scores, seen, full)

    def _with_stage(
        self, copies: Sequence[Copy], steps: int, upto: int, few: list[Copy], stage: Stage
    ) -> Sweep:
        """What is remembered, and what a stage has trained so far."""
        alike = self._alike(copies, steps)
        full = min(self._count(copy, steps) for copy in alike)
        found = self._sweep(copies, steps, upto, full)
        done = stage.done  # first: what it counts is written
        first, places = upto - len(done), {copy: c for c, copy in enumerate(few)}
        for c, copy in enumerate(alike):
            if copy in places:
                mine = places[copy]
                found.seen[first:, c] = done[:, mine, None] >= stage.marks
                found.scores[first:, c] = stage.scores[:, mine]
        return found

    # Peaks

    def tune(
        self, schedules: Sequence[Schedule], steps: int, stop: threading.Event,
        show: Callable[[], None] = lambda: None,
    ) -> list[float | None]:  # fmt: skip
        """The best peak of every schedule, of eight half octaves apart, on seeds of their own.

        None for all if it was stopped before it knew.
        """
        if not self._find_top(steps, stop, show):
            return [None] * len(schedules)
        assert self._top is not None
        peaks = (self._top * PEAKS).tolist()
        alike = self._alike([Copy(schedule) for schedule in schedules], steps)
        new = [copy for copy in dict.fromkeys(alike) if (copy, steps) not in self._peaks]
        if new:
            seeds = (0,) if self.task.exact else range(TUNING_SEEDS)
            others = [seed + OTHER_SEEDS_START for seed in seeds]
            copies = [Copy(copy.schedule, peak) for copy in new for peak in peaks]
            stage = self._stage(copies, steps, others, (steps,))
            stage.run(None, stop, show)
            if stop.is_set():
                return [None] * len(schedules)
            costs = self._costs(stage.scores[:, :, -1]).reshape(len(new), len(peaks))
            for copy, row in zip(new, costs):
                self._peaks[copy, steps] = peaks[int(np.argmin(row))]
        return [self._peaks[copy, steps] for copy in alike]

    def peak(self, schedule: Schedule, steps: int) -> float | None:
        """The best peak of a schedule, if it was found."""
        (alike,) = self._alike([Copy(schedule)], steps)
        return self._peaks.get((alike, steps))

    def _costs(self, scores: np.ndarray) -> np.ndarray:
        """The mean cost of every copy; where one run diverges it is infinitely bad."""
        costs = scores.mean(0) * (1 if self.task.better == "lower" else -1)
        return np.where(np.isfinite(costs), costs, np.inf)

    def _find_top(self, steps: int, stop: threading.Event, show: Callable[[], None]) -> bool:
        """Whether it is known where to look for peaks, after a short range test if need be."""
        if self._top is None:
            seeds = tuple(seed + OTHER_SEEDS_START for seed in range(TUNING_SEEDS))
            ladder = Ladder(self.task, self.optimizer, steps, seeds, self._dtype)
            ladder.stage.run(None, stop, show)
            if not stop.is_set():
                self._top = ladder.top()
        return not stop.is_set()


@dataclass(frozen=True, eq=False)
class Standing:
    """How P positions compare at the end, on the same n seeds.

    mean, half         the score and half of its 95 % interval, shape (P,)
    behind, within     how far behind the best, seed by seed, and half of its interval, which knows
                       how many were compared; NaN for the best
    near               whether it is the best, or not told from it
    lost               on how many seeds it diverged; those that did on any cannot be the best
    best               the position with the best mean, None if all diverged
    """

    mean: np.ndarray
    half: np.ndarray
    behind: np.ndarray
    within: np.ndarray
    near: np.ndarray
    lost: np.ndarray
    best: int | None
    n: int

    @classmethod
    def of(cls, ends: np.ndarray, better: str = "lower", exact: bool = False) -> "Standing":
        """`ends`: the scores at the end, shape (n, P). `exact`: they are computed, without luck."""
        n, positions = ends.shape
        lost = (~np.isfinite(ends)).sum(0)
        with np.errstate(invalid="ignore", over="ignore"):
            mean = ends.mean(0)
            half = _t(np.full(positions, n)) * ends.std(0, ddof=min(1, n - 1)) / np.sqrt(n)
        half = np.zeros(positions) if exact else half
        behind, within = np.full(positions, np.nan), np.full(positions, np.nan)
        near, sound = np.zeros(positions, bool), np.flatnonzero(lost == 0)
        if not sound.size:
            return cls(mean, half, behind, within, near, lost, None, n)
        alike: dict[bytes, list[int]] = {}  # positions that train just so count as one
        for p in sound:
            alike.setdefault(ends[:, p].tobytes(), []).append(int(p))
        best, others = step_down({ps[0]: ends[:, ps[0]] for ps in alike.values()}, better)
        for same in alike.values():
            first = same[0]
            if first == best:
                behind[same], near[same] = 0.0, True
                continue
            gap = others[first].difference
            behind[same], within[same] = abs(gap.mean), 0.0 if exact else gap.half
            near[same] = gap.mean == 0 if exact else not others[first].shown
        return cls(mean, half, behind, within, near, lost, best, n)
