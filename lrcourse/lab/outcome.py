"""What came out of a race: scores, the table, the verdict, the picture.

`Outcome` is what a race that runs, one that was stopped, and one that was loaded have in common. It
asks for the records below, and says what may be said of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lrcourse.lab.plans import Plan
from lrcourse.lab.stats import Interval, Paired, interval, paired, rounded, step_down

NOWHERE = 0.1
"""A run got nowhere if it made less than this share of the way from the start to the best."""
DEFAULT_SEEDS = 32


def _finite_mean(values: np.ndarray) -> float:
    """The mean of those that are finite; 0 if none is."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else 0.0


class Outcome:
    """The records of a race, and what they say.

    plans      what every schedule was to do: name -> Plan, with `.lr` and `.momentum`
    used       what it did: name -> the rate of every update, shape (seeds, steps)
    curves     name -> the test score at every mark, shape (seeds, marks)
    averages   name -> the test score of the weights' moving average at every mark; NaN if the
               optimizer keeps none
    accuracies name -> the accuracy on every seed at the end, shape (seeds,); NaN if the task has none
    marks      after how many updates the score was taken, shape (marks,)
    losses     name -> the loss of every batch, shape (seeds, steps)
    start      the score before the first update, shape (seeds,)
    done       after how many updates all schedules had a score, shape (seeds,)
    shapes     name -> the shape of its family that it ran with, "" where there was no choice
    tuning     the mean score at every peak that was tried, a table (None without tuning)
    members    the shapes of every family, a table (None without families)
    """

    task: Any
    optimizer: Any
    steps: int
    seeds: tuple[int, ...]
    stopped: bool
    plans: dict[str, Plan]
    used: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]
    averages: dict[str, np.ndarray]
    accuracies: dict[str, np.ndarray]
    marks: np.ndarray
    losses: dict[str, np.ndarray]
    done: np.ndarray
    start: np.ndarray
    shapes: dict[str, str]
    tuning: Any
    members: Any
    warnings: list[str]
    edges: dict[str, str]

    # Scores

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """name -> the score of every judged seed at the end, shape (seeds,); NaN if it diverged.

        After a stop: of the seeds that every schedule has finished. If there is none, of all
        seeds at the last mark that all runs have passed.
        """
        seeds, mark = self._judged()
        return {name: curve[seeds, mark] for name, curve in self.curves.items()}

    def _judged(self) -> tuple[np.ndarray, int]:
        """Which seeds to judge, and at which mark."""
        if (self.done == self.steps).any():
            return np.flatnonzero(self.done == self.steps), len(self.marks) - 1
        passed = int(np.searchsorted(self.marks, self.done.max(), side="right")) - 1
        if passed < 0:
            raise ValueError(f"the race was stopped before its first mark, update {self.marks[0]}")
        return np.flatnonzero(self.done >= self.marks[passed]), passed

    # Who is better

    def _lost(self) -> dict[str, tuple[int, int]]:
        """On how many seeds each schedule diverged, and on how many it got nowhere."""
        sign, scores = self._sign, self.scores
        start = self.start[self._judged()[0]]
        means = [sign * s.mean() for s in scores.values() if np.isfinite(s).all()]
        way = max(sign * start.mean() - min(means, default=np.inf), 0.0)
        lost = {}
        for name, values in scores.items():
            finite = np.isfinite(values)
            made = sign * (start - values)[finite]
            nowhere = (made < NOWHERE * way) if way else (made <= 0)
            lost[name] = int((~finite).sum()), int(nowhere.sum())
        return lost

    @property
    def _sign(self) -> int:
        """Scores times this are costs: the lower the better."""
        return 1 if self.task.better == "lower" else -1

    def _standing(self) -> tuple[str, dict[str, Paired]]:
        """The best of those that are lost on no seed, and how the others of them stand to it."""
        lost, scores = self._lost(), self.scores
        sound = {name: s for name, s in scores.items() if not any(lost[name])}
        return step_down(sound, self.task.better) if sound else ("", {})

    def _ranked(self) -> list[str]:
        best, others = self._standing()
        lost, scores = self._lost(), self.scores
        sound = [best, *others] if best else []
        unsound = [name for name in scores if any(lost[name])]
        last = sorted(unsound, key=lambda n: (lost[n][0], self._sign * _finite_mean(scores[n])))
        return sound + last

    def compare(self, a: str, b: str, planned: bool = False, at: int | None = None) -> Paired:
        """Two schedules of this race, seed by seed; printed, it is a sentence.

        The interval is wide enough for all pairs of the race. `planned=True`: for this pair
        alone, if you chose it before you saw a score. `at`: as if all had been stopped after so
        many updates, one of `marks`.
        """
        scores = self.scores if at is None else self._scores_at(at)
        for name in (a, b):
            if name not in scores:
                raise ValueError(f"no schedule {name!r} in this race: it has {list(scores)}")
        of = 2 if planned else max(2, len(scores))
        found = paired(scores[a], scores[b], of=of, better=self.task.better)
        return replace(found, names=(a, b), metric=self.task.metric)

    def _scores_at(self, updates: int) -> dict[str, np.ndarray]:
        """The scores after so many `updates`, of the seeds that got so far."""
        marks = self.marks.tolist()
        if updates not in marks or not (self.done >= updates).any():
            raise ValueError(f"no score was taken after {updates!r} updates, only after {marks}")
        seeds = np.flatnonzero(self.done >= updates)
        return {name: curve[seeds, marks.index(updates)] for name, curve in self.curves.items()}

    # In words

    def table(self) -> Any:
        """One row a schedule, best first, as a pandas DataFrame.

        mean         the score on the judged seeds
        accuracy     the share of the test set that is right, if the task has it
        averaged     the score of the weights' moving average, if the optimizer keeps one
        behind, ±    how far behind the best, seed by seed, and half of the interval: it is wide
                     enough for all rows at once, the choice of the best included
        shows        the difference that so many seeds show in 4 races of 5
        ≈            whether it is the best, or not told from it
        wins         on how many seeds it was the best of all
        shape        of a family: the one that it ran with
        peak         its peak
        edge         where the peaks that were tried do not hold the best: "lowest", "highest"
        diverged     on how many seeds it diverged
        nowhere      on how many it made less than a tenth of the way from the start to the best
        """
        import pandas as pd

        best, others = self._standing()
        lost, scores, wins = self._lost(), self.scores, self._wins()
        seeds, mark = self._judged()
        rows = []
        for name in self._ranked():
            stands, exact = others.get(name), self.task.exact
            gap = abs(stands.difference.mean) if stands else 0.0 if name == best else np.nan
            rows.append(
                {
                    "mean": scores[name].mean() if not lost[name][0] else np.nan,
                    "accuracy": self.accuracies[name][seeds].mean(),
                    "averaged": self.averages[name][seeds, mark].mean(),
                    "behind": gap,
                    "±": stands.difference.half if stands and not exact else np.nan,
                    "shows": stands.shows if stands and not exact else np.nan,
                    "≈": "≈" if name == best or (stands and not self._told(stands)) else "",
                    "wins": wins[name],
                    "shape": self.shapes[name],
                    "peak": self.plans[name].peak,
                    "edge": self.edges.get(name, ""),
                    "diverged": lost[name][0],
                    "nowhere": lost[name][1],
                }
            )
        table = pd.DataFrame(rows, index=pd.Index(self._ranked(), name="schedule"))
        table = table if any(self.shapes.values()) else table.drop(columns="shape")
        for column in ("accuracy", "averaged"):
            table = table if table[column].notna().any() else table.drop(columns=column)
        return table.rename_axis(columns=self.task.metric)

    def _told(self, stands: Paired) -> bool:
        return stands.difference.mean != 0 if self.task.exact else stands.shown

    def _wins(self) -> dict[str, int]:
        costs = {
            n: np.where(np.isfinite(s), self._sign * s, np.inf) for n, s in self.scores.items()
        }
        stacked = np.stack(list(costs.values()))
        alone = stacked == stacked.min(0)
        wins = (alone & (alone.sum(0) == 1) & np.isfinite(stacked)).sum(1)
        return dict(zip(costs, wins.tolist()))

    def verdict(self) -> str:
        """What may be said, in sentences: the best, the others against it, then the warnings."""
        best, others = self._standing()
        seeds, mark = self._judged()
        lost, n = self._lost(), len(seeds)
        lines = self._stop_lines(n, mark)
        if best and len(self.curves) == 1:
            lines.append(f"{best}: {self._interval(self.scores[best])} {self.task.metric}")
        if len(others) > 1 and (n > 1 or self.task.exact):
            lines.append(self._first_line(best, others))
        lines += [self._against(best, name, stands) for name, stands in others.items()]
        if len(others) > 1 and n > 1:
            lines.append(
                f"The ± hold for all {len(others)} comparisons at once, the choice of the best included."
            )
        lines += [f"{name} diverged on {a} of {n} seeds" for name, (a, _) in lost.items() if a]
        lines += [
            f"{name} got nowhere on {b} of {n} seeds: less than a tenth of the way from the start "
            f"to the best"
            for name, (_, b) in lost.items()
            if b
        ]
        lines += self._family_lines() + self._few_seeds(others, n)
        lines += [self._edge_warning(name, edge) for name, edge in self.edges.items() if edge]
        return "\n".join(lines + self.warnings)

    def _stop_lines(self, n: int, mark: int) -> list[str]:
        if self.marks[mark] < self.steps:
            return [
                f"Stopped after {self.marks[mark]} of {self.steps} updates: schedules that decay "
                f"later have not decayed yet"
            ]
        if n < len(self.seeds):
            return [f"Stopped after {n} of {len(self.seeds)} seeds"]
        if self.stopped:
            return ["Stopped before all peaks were found: the ± do not know that"]
        return []

    def _first_line(self, best: str, others: Mapping[str, Paired]) -> str:
        near = [name for name, stands in others.items() if not self._told(stands)]
        head = f"Best of {len(others) + 1}: {best}"
        return f"{head}. Not told from it: {', '.join(near)}." if near else f"{head}, alone."

    def _against(self, best: str, name: str, stands: Paired) -> str:
        if not self.task.exact:
            return stands.reversed().verdict(best, name, self.task.metric)
        behind = abs(stands.difference.mean)
        if behind == 0:
            return f"{best} and {name}: equal, exactly"
        return f"{best} beats {name}: {behind:.4g} {self.task.better} {self.task.metric}, exactly"

    def _interval(self, values: np.ndarray) -> Interval:
        return Interval(float(values[0]), 0.0, 1) if self.task.exact else interval(values)

    def _few_seeds(self, others: Mapping[str, Paired], n: int) -> list[str]:
        """What fewer seeds than the default cannot show, of the closest rival."""
        near = [stands for stands in others.values() if np.isfinite(stands.shows)]
        if not near or n >= DEFAULT_SEEDS or self.task.exact:
            return []
        least = min(near, key=lambda stands: abs(stands.difference.mean))
        if not least.shows:
            return []
        missed = rounded(least.shows, least.difference.half)
        return [
            f"{n} seeds are few: a difference below {missed} they miss in more than 1 race of 5. "
            f"Give {DEFAULT_SEEDS} or more"
        ]

    def _family_lines(self) -> list[str]:
        """Of every family: the shape that it ran with, and how flat its optimum is."""
        if self.members is None:
            return []
        lines = []
        for name, rows in self.members.groupby(level=0, sort=False):
            shapes, rest = list(rows.index.get_level_values(1)), rows.iloc[1:]
            line = f"{name} ran as {shapes[0]!r}, the best of {len(rows)} shapes on other seeds"
            near = rest[rest["≈"] == "≈"]
            if len(near):
                names = ", ".join(repr(shape) for _, shape in near.index)
                line += f"; not told from it there: {names}"
            elif len(rest):
                line += f"; {shapes[1]!r} was {rest['behind'].iloc[0]:.2g} behind"
            lines.append(line)
        return lines

    def _edge_warning(self, name: str, edge: str) -> str:
        peak = self.plans[name].peak
        if edge == "open":
            return (
                f"Careful: no best peak inside for {name}: it went on getting better up to "
                f"{peak:.3g}. Give peaks=[...] that you find sensible"
            )
        more = "lower" if edge == "lowest" else "higher"
        return (
            f"Careful: {name} was best at the {edge} peak tried, {peak:.3g}; it may do better at a "
            f"{more} one. Give peaks=[...] that reach further, or none: then they are found"
        )

    # In pictures

    def plot(self, ax: Any = None) -> Any:
        """Curves with 95 % bands, and beneath, aligned, the rates that were used. The picture.

        The five best are in colour; the axis shows the end, where the race is decided.
        `ax`: draw the curves alone, on these axes, and return them.
        """
        from lrcourse.lab.race_drawing import draw_curves, draw_race, picture

        return draw_race(self) if ax is None else picture(draw_curves, self, ax)

    def plot_differences(self, ax: Any = None) -> Any:
        """How far each is behind the best, seed by seed, with the intervals of the verdict.

        They hold all at once. Returns the picture, or `ax` if it is drawn on these axes. Raises
        `ValueError` if there are not two to compare.
        """
        from lrcourse.lab.race_drawing import draw_differences, picture

        return picture(draw_differences, self, ax, tall=1.4 + 0.3 * len(self.curves))

    def plot_peaks(self, ax: Any = None) -> Any:
        """The score at the end against the peak, for every schedule: how much the peak matters.

        Returns the picture, or `ax`. Raises `ValueError` if no peaks were tuned.
        """
        from lrcourse.lab.race_drawing import draw_peaks, picture

        return picture(draw_peaks, self, ax)

    def plot_bound(self, ax: Any = None) -> Any:
        """The score at the end against what `lab.bound` says before anything is trained.

        Each bound is at its own best peak, and said as a multiple of the lowest. Returns the picture,
        or `ax`. Raises `ValueError` if there are not two schedules whose rates are known beforehand.
        """
        from lrcourse.lab.race_drawing import draw_bound, picture

        return picture(draw_bound, self, ax)

    def to_csv(self, path: Any) -> Path:
        """Write every score as a line: schedule, seed, updates, score. Returns the path."""
        self.lines().to_csv(path, index=False)
        return Path(path)

    def lines(self) -> Any:
        """Every score as a row of a table: schedule, seed, updates, score."""
        import pandas as pd

        seeds, marks = np.array(self.seeds), self.marks
        parts = [
            pd.DataFrame(
                {
                    "schedule": name,
                    "seed": seeds.repeat(len(marks)),
                    "updates": np.tile(marks, len(seeds)),
                    self.task.metric: curve.ravel(),
                }
            )
            for name, curve in self.curves.items()
        ]
        return pd.concat(parts, ignore_index=True)
