"""`race`: how a race is called, at one budget or at several.

At several, each is a race of its own: what can be fitted to the budget is, and the peaks are its own.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from lrcourse._fields import whole
from lrcourse.lab.outcome import DEFAULT_SEEDS
from lrcourse.lab.progress import bar
from lrcourse.lab.race import Race


class Races(Mapping[int, Race]):
    """Races by their budget: `races[300]` is one of them. They are said and shown together."""

    def __init__(self, by_steps: dict[int, Race]) -> None:
        self._races = by_steps

    def __getitem__(self, steps: int) -> Race:
        return self._races[steps]

    def __iter__(self) -> Iterator[int]:
        return iter(self._races)

    def __len__(self) -> int:
        return len(self._races)

    def run(self, on_progress: Any = None) -> "Races":
        """Go on with all that is not trained yet."""
        for race in self.values():
            if race.progress < 1 and race.run(on_progress).stopped:
                break
        return self

    def verdict(self) -> str:
        """Every verdict under its budget."""
        return "\n\n".join(f"{steps} updates\n{race.verdict()}" for steps, race in self.items())

    def table(self, column: str = "behind") -> Any:
        """One `column` of every race's table side by side: a row a schedule, best of the last first.

        `≈` marks those that are the best of their budget, or not told from it.
        """
        import pandas as pd

        tables = {steps: race.table() for steps, race in self.items()}
        order = list(tables.values())[-1].index
        columns = {(steps, c): table[c] for steps, table in tables.items() for c in (column, "≈")}
        table = pd.DataFrame(columns).loc[order]
        table.columns = pd.MultiIndex.from_tuples(columns, names=["updates", ""])
        return table

    def plot_ranks(self, ax: Any = None) -> Any:
        """The rank of every schedule at every budget, a line a schedule. The picture, or `ax`."""
        from lrcourse.lab.race_drawing import draw_ranks, picture

        return picture(draw_ranks, self, ax, tall=1.4 + 0.3 * len(self._names()))

    def _names(self) -> list[str]:
        return list(list(self.values())[-1].curves)

    def to_csv(self, path: Any) -> Path:
        """Write every score of every race as a line: budget, schedule, seed, updates, score."""
        import pandas as pd

        parts = [race.lines().assign(budget=steps) for steps, race in self.items()]
        pd.concat(parts).to_csv(path, index=False)
        return Path(path)

    def __repr__(self) -> str:
        return "\n".join(repr(race) for race in self.values())


def race(
    schedules: Any,
    task: Any = "digits",
    *,
    steps: int | Iterable[int] | None = None,
    seeds: int | Iterable[int] = DEFAULT_SEEDS,
    tune: bool = True,
    peaks: Iterable[float] | None = None,
    weight_decay: Iterable[float] | None = None,
    optimizer: Any = None,
    points: int = 10,
    dtype: torch.dtype = torch.float32,
    client: Any = None,
    on_progress: Callable[[Race], None] | None = None,
    progress: bool = True,
) -> Any:
    """Race `schedules` on `task`, each at its own best peak, and return the finished `Race`.

    schedules:   name -> schedule of the course, or a function `lambda t: rate`; a list of schedules,
                 or a dict of them, is a family, and its shape is tuned as well. Or a list of names
                 from `lab.shapes(steps)`; or `lab.families(steps)`; or a function of the budget
                 that returns such, as `lab.families` itself. `ReduceOnPlateau` is shown the mean
                 batch loss of each twentieth of the run
    task:        one of `lab.TASKS`, or a `lab.Task` of your own
    steps:       the budget: updates of every run (the task's own, if None). Of several, each is a
                 race of its own, and all come back together, as `Races`
    seeds:       how many seeds to judge on, or which. 16 are too few to tell good schedules
                 apart, and 8 schedules want 64
    tune:        scale each schedule to its best peak first. If False, run them as they are
    peaks:       the peaks to try, and no others. If None, each schedule climbs to its best peak, the
                 last steps on the seeds that it is judged on
    weight_decay: choose it for each schedule from these, each at its own best peak, on other seeds,
                 as the shape of a family is chosen. If None, it is the optimizer's
    optimizer:   "sgd" (momentum 0.9), "adamw", "lion", "muon", `lab.SGD(...)` and so on, or a
                 `lab.Optimizer` of your own; the task's,
                 if None
    points:      at how many points of the run the test score is taken
    client:      a `dask.distributed.Client`, to train on its cluster
    on_progress: called with the race now and then, never for more than 10 % of the time
    progress:    show a bar if it takes longer than two seconds

    Same call, same numbers, on one machine: processors round differently, and training can make
    much of it. Interrupting it (the stop button) keeps what is done. Raises `ValueError` for what
    it cannot do, before anything is trained.

    >>> r = race({"constant": lambda t: 0.1, "linear": lambda t: 0.1 * (1 - t / 50)},
    ...          task="digits", steps=50, seeds=4, tune=False)
    >>> r.used["linear"].shape
    (4, 50)
    """
    options = {
        "seeds": seeds,
        "tune": tune,
        "peaks": _kept(peaks),
        "weight_decay": _kept(weight_decay),
        "optimizer": optimizer,
        "points": points,
        "dtype": dtype,
        "client": client,
    }
    if not isinstance(steps, Iterable):
        return _shown_running(Race(schedules, task, steps=steps, **options), on_progress, progress)
    made = {T: Race(schedules, task, steps=T, **options) for T in _budgets(steps)}
    for one in made.values():
        if _shown_running(one, on_progress, progress).stopped:
            break
    return Races(made)


def _kept(given: Any) -> Any:
    """An iterable as a tuple: each of several budgets reads it."""
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else given


def _budgets(given: Iterable[int]) -> list[int]:
    budgets = [whole("steps", steps) for steps in given]
    if not budgets or len(set(budgets)) < len(budgets):
        raise ValueError(f"steps must name at least one budget, and none twice, got {budgets}")
    return budgets


def _shown_running(made: Race, on_progress: Callable[[Race], None] | None, progress: bool) -> Race:
    """Run a race under a bar."""
    if not progress:
        return made.run(on_progress)
    with bar() as draw:

        def show(race: Race) -> None:
            draw(f"{race.task.name}, {race.stage}", race.progress)
            if on_progress:
                on_progress(race)

        made.run(show)
    if made.stopped:
        print(f"Stopped, {made.progress:.0%} done. race.run() goes on.", file=sys.stderr)
    return made
