"""What training makes of the positions of a control: which curves there are, and their words.

It knows neither widget nor browser.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from lrcourse.lab.stats import rounded
from lrcourse.lab.sweep import Copy, Standing, Sweep
from lrcourse.lab.tasks import Task
from lrcourse.schedules import Schedule


@dataclass(eq=False)
class Job:
    """All positions of one control, to be trained for `steps` updates, and what goes with them.

    control, label     the control whose positions they are: its key, and its name in sentences
    stamp              which settings of the other controls they belong to
    texts, schedules   of each position: what the control says, and the schedule (None: there is none)
    which              the number of the schedule that the control belongs to
    others             the other schedules as they are, by number
    ghost              what it is compared with, by name: the start, or what was pinned last
    at_marks           whether the control is the length of the run: each position is a mark
    tuned              whether each is to train at its own best peak
    rests              whether more seeds wait until somebody looks
    """

    control: str
    label: str
    stamp: int
    steps: int
    positions: list[Any]
    texts: list[str]
    schedules: list[Schedule | None]
    which: int
    others: dict[int, Schedule]
    ghost: tuple[str, Schedule]
    at_marks: bool = False
    tuned: bool = False
    peaks: dict[Schedule, float | None] = field(default_factory=dict)
    stop: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)
    rests: bool = False
    failed: Exception | None = None

    def same(self, other: "Job") -> bool:
        """Whether `other` asks for nothing else, whatever its stamp."""
        names = ("control", "steps", "texts", "every", "ghost", "at_marks", "tuned")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    @property
    def every(self) -> list[Schedule]:
        """All schedules to train, each once."""
        mine = [s for s in self.schedules if s is not None]
        return list(dict.fromkeys([*mine, *self.others.values(), self.ghost[1]]))

    @property
    def copies(self) -> list[Copy]:
        """What trains: those schedules, at their peaks."""
        return [Copy(schedule, self.peaks.get(schedule)) for schedule in self.every]

    @property
    def there(self) -> list[int]:
        """The positions at which there is a schedule."""
        return [p for p, schedule in enumerate(self.schedules) if schedule is not None]

    @property
    def copy_at(self) -> list[int]:
        """Which of the copies belongs to each position; -1 where there is no schedule."""
        number = {schedule: c for c, schedule in enumerate(self.every)}
        return [-1 if s is None else number[s] for s in self.schedules]

    def number(self, schedule: Schedule) -> int:
        """Which of the copies a schedule is."""
        return self.every.index(schedule)

    def ends(self, sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
        """Where the ends of the positions that are there stand in a sweep: copies and marks."""
        copies = np.array([self.copy_at[p] for p in self.there], int)
        if not self.at_marks:
            return copies, np.full(len(copies), len(sweep.marks) - 1)
        return copies, np.searchsorted(sweep.marks, [self.positions[p] for p in self.there])

    def standing(self, sweep: Sweep, task: Task) -> Standing:
        """How they compare at the end, on the seeds that all have."""
        copies, marks = self.ends(sweep)
        return Standing.of(sweep.scores[: sweep.full, copies, marks], task.better, task.exact)

    def peak_at(self, position: int) -> float:
        schedule = self.schedules[position]
        peak = None if schedule is None else self.peaks.get(schedule)
        return (schedule.peak if schedule else np.nan) if peak is None else peak

    # In words

    def words(self, standing: Standing, task: Task) -> list[str]:
        """A sentence for each position."""
        place = {p: i for i, p in enumerate(self.there)}
        return [
            self._about(p, standing, place[p], task) if p in place else ""
            for p in range(len(self.texts))
        ]

    def _about(self, p: int, standing: Standing, i: int, task: Task) -> str:
        name = f"{self.label} {self.texts[p]}"
        if self.peaks.get(self.schedules[p]):  # type: ignore[arg-type]
            name += f" at its own best peak {self.peak_at(p):.3g}"
        if standing.lost[i]:
            return f"{name}: diverged on {standing.lost[i]} of {standing.n} seeds."
        found = f"{name}: {_with(standing.mean[i], standing.half[i])} {task.metric}"
        best = _best(task)
        if len(self.there) == 1:
            return f"{found}."
        if standing.behind[i] == 0:
            return f"{found}, the {best} mean here."
        gap = _with(standing.behind[i], standing.within[i])
        told = f"{gap} {'above' if task.better == 'lower' else 'below'} the {best}"
        return f"{found}, {told}{': not told from it' if standing.near[i] else ''}."

    def range(self, standing: Standing, task: Task) -> str:
        """Which positions cannot be told from the best, and how far behind the worst is."""
        if standing.best is None:
            return "All positions diverged."
        if len(self.there) == 1:
            return ""
        near, best = np.flatnonzero(standing.near), _best(task)
        if len(near) == len(self.there):
            return f"No position is told from another by {standing.n} seeds."
        words = [f"Not told from the {best}: {self._ranges(near)}."]
        if len(near) == 1:
            words = [f"{self.label} {self._ranges(near)} is the {best}, told from all others."]
        told = np.where(standing.near, np.nan, standing.behind)
        if np.isfinite(told).any():
            worst = int(np.nanargmax(told))
            gap = _with(standing.behind[worst], standing.within[worst])
            words.append(f"{self.texts[self.there[worst]]} is worse by {gap}.")
        return " ".join(words + _trust(standing, task))

    def _ranges(self, near: Iterable[int]) -> str:
        """Neighbours as "3 to 5"."""
        groups: list[list[int]] = []
        for i in near:
            if groups and groups[-1][-1] == i - 1:
                groups[-1].append(i)
            else:
                groups.append([i])
        text = [self.texts[p] for p in self.there]
        parts = [text[g[0]] if len(g) == 1 else f"{text[g[0]]} to {text[g[-1]]}" for g in groups]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _best(task: Task) -> str:
    return "lowest" if task.better == "lower" else "highest"


def _with(value: float, half: float) -> str:
    """A number to the digit that its interval leaves a meaning."""
    if not half:
        return f"{value:.4g}, exactly"
    return f"{rounded(value, half)} ± {rounded(half, half)}"


def _trust(standing: Standing, task: Task) -> list[str]:
    """From which difference on the digits can be trusted."""
    if task.exact or not np.isfinite(standing.within).any():
        return []
    least = float(np.nanmedian(standing.within))
    return [f"A difference below {rounded(least, least)} can be luck with {standing.n} seeds."]


def limits(ends: np.ndarray, beside: np.ndarray, better: str) -> tuple[float, float]:
    """An axis on which the ends can be told apart, worse ones may fall off, and curves come down.

    From a little better than the best, also of those that are drawn `beside`, to the 80 % quantile
    of the ends, but neither less than half nor more than 1.6 times the best away.
    """
    sign = 1.0 if better == "lower" else -1.0
    costs = sign * ends[np.isfinite(ends)]
    best = float(np.append(costs, sign * beside[np.isfinite(beside)]).min())
    far = float(np.quantile(costs, 0.8) - best)
    size = abs(best) if sign > 0 else 1.0 + best if -1 < best < 0 else abs(best)
    span = float(np.clip(far, 0.5 * size, 1.6 * size)) or far or 1.0
    low, high = best - 0.08 * span, best + span
    low = max(low, 0.0) if best >= 0 else low
    edges = sorted((sign * low, sign * high))
    return edges[0], edges[1]
