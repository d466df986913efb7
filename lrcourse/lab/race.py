"""The race: which schedule is better, by how much, and how sure one can be.

Fair means four things. Every schedule gets the same budget of updates. It runs at its own best
peak, found beforehand on *other* seeds than those it is judged on. All schedules are judged on the
same seeds, from the same weights over the same batches, so that they compare in pairs. And what
is reported comes with an interval.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any

import joblib
import numpy as np
import psutil
import torch

from lrcourse._fields import number, whole
from lrcourse.lab.cluster import checked_client, train_on
from lrcourse.lab.optimizers import SGD, optimizer_named
from lrcourse.lab.plans import Plan, plan, schedules_named
from lrcourse.lab.stacks import refuse_unsupported
from lrcourse.lab.stats import Interval, Paired, interval, paired
from lrcourse.lab.tasks import task_named
from lrcourse.lab.train import Record, blocks_of, stacked, train_side_by_side

TUNING_SEEDS_START = 1_000_000
"""Seeds from here on are for tuning; a race is judged on seeds below."""

DRAWING_SHARE = 0.1
"""The share of the time that progress may cost."""


class Stage:
    """All runs of one part of a race: `plans` x `seeds`, and what they did so far."""

    def __init__(
        self,
        task: Any,
        optimizer: Any,
        plans: list[Plan],
        seeds: Sequence[int],
        marks: tuple[int, ...],
        dtype: torch.dtype,
    ) -> None:
        self.plans, self.marks = plans, np.array(marks)
        self.lr = np.stack([p.lr for p in plans])
        momentum = np.stack([p.momentum for p in plans])
        shape = (len(seeds), len(plans))
        self.losses = np.full((*shape, self.lr.shape[1]), np.nan, np.float32)
        self.scores = np.full((*shape, len(marks)), np.nan)
        self.used = np.full((*shape, self.lr.shape[1]), np.nan)
        self._work = [
            (s, c, block, Record(self.losses[s, c], self.scores[s, c], self.used[s, c]))
            for s, c, block in blocks_of(task, optimizer, seeds, self.lr, momentum, marks, dtype)
        ]

    def run(self, client: Any, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Train what is not trained yet."""
        left = [(block, record) for _, _, block, record in self._work if record.done < block.steps]
        for _, record in left:
            for values in (record.losses, record.scores, record.used):
                values[:] = np.nan
            record.done = 0
        if not left:
            return
        if client is None:
            train_side_by_side(left, stop, tick)
        else:
            train_on(client, left, stop, tick)

    @property
    def done(self) -> np.ndarray:
        """How many updates every run has made, shape (S, C)."""
        done = np.zeros(self.losses.shape[:2], int)
        for s, c, _, record in self._work:
            done[s, c] = record.done
        return done

    @property
    def share(self) -> float:
        return float(self.done.mean() / self.lr.shape[1])

    def used_is_planned(self) -> bool:
        """Whether every update that was made used the planned rate, to the last bit."""
        made = np.arange(self.lr.shape[1]) < self.done[:, :, None]
        return bool(np.all(~made | (self.used == self.lr)))


class Race:
    """Schedules racing on a task; `race(...)` makes one and runs it.

    Everything below can be asked while it runs, and after it was stopped.

    plans      what every schedule was to do: name -> Plan, with `.lr` and `.momentum`
    used       what it did: name -> the rate of every update, shape (seeds, steps)
    curves     name -> the test score at every mark, shape (seeds, marks)
    marks      after how many updates the score was taken, shape (marks,)
    losses     name -> the loss of every batch, shape (seeds, steps)
    tuning     name -> mean score of every peak that was tried (None without tuning)
    """

    def __init__(
        self,
        schedules: Any,
        task: Any = "digits",
        *,
        steps: int | None = None,
        seeds: int | Iterable[int] = 32,
        tune: bool = True,
        peaks: Iterable[float] | None = None,
        tune_seeds: int = 8,
        optimizer: Any = None,
        points: int = 10,
        dtype: torch.dtype = torch.float32,
        client: Any = None,
    ) -> None:
        self.task = task_named(task)
        self.optimizer = self.task.optimizer if optimizer is None else optimizer_named(optimizer)
        self.steps = whole("steps", self.task.steps if steps is None else steps)
        self.seeds = (0,) if self.task.exact else _seeds(seeds)
        self.schedules = schedules_named(schedules, self.steps, self.optimizer.momentum)
        self.dtype, self.client = dtype, None if client is None else checked_client(client)
        self.tune = bool(tune)
        self.peaks = self._peaks(peaks) if self.tune else None
        self.stopped = False
        self.seconds = 0.0
        self._stop = threading.Event()
        marks = np.linspace(0, self.steps, min(whole("points", points), self.steps) + 1)
        self._marks = tuple(np.unique(marks.round().astype(int))[1:].tolist())
        if not self.task.exact:
            _try_out(self.task, dtype)

        tuners = 1 if self.task.exact else whole("tune_seeds", tune_seeds)
        tuners = range(TUNING_SEEDS_START, TUNING_SEEDS_START + tuners)
        tries = len(self.schedules) * len(self.peaks or ()) * len(tuners)
        _refuse_too_large(self, tries, len(self.schedules) * len(self.seeds))
        tried = [self._plan(name, peak) for name in self.schedules for peak in self.peaks or ()]
        untuned = [] if self.tune else [self._plan(name, None) for name in self.schedules]
        self._tuning = self._stage(tried, tuners, self._marks[-1:]) if self.tune else None
        self._judging = None if self.tune else self._stage(untuned, self.seeds, self._marks)

    def _stage(self, plans: list[Plan], seeds: Sequence[int], marks: tuple[int, ...]) -> Stage:
        return Stage(self.task, self.optimizer, plans, seeds, marks, self.dtype)

    def _plan(self, name: str, peak: float | None) -> Plan:
        return plan(name, self.schedules[name], self.steps, self.optimizer.momentum, peak)

    def _peaks(self, given: Iterable[float] | None) -> tuple[float, ...]:
        """The peaks to try: eight, each 1.41 times the one before, unless they are given.

        Momentum m makes every gradient count 1 / (1 - m) times, so the peaks shrink by that.
        What is computed instead of sampled costs nothing: there are 41 then, closer together.
        """
        if given is None:
            for_sgd, for_adamw = self.task.peak
            is_sgd = isinstance(self.optimizer, SGD)
            top = for_sgd * (1 - self.optimizer.momentum) if is_sgd else for_adamw
            count, ratio = (41, 2**0.25) if self.task.exact else (8, 2**0.5)
            return tuple(float(top / ratio**k) for k in reversed(range(count)))
        must = "a list of finite numbers above 0"
        peaks = sorted(number("peaks", peak, must, lambda v: v > 0) for peak in given)
        if not peaks or len(set(peaks)) < len(peaks):
            raise ValueError(f"peaks must name at least one rate, and none twice, got {peaks}")
        return tuple(peaks)

    # Running

    def run(self, on_progress: Callable[["Race"], None] | None = None) -> "Race":
        """Train all that is not trained yet, and return the race itself.

        `on_progress(race)` is called in this thread as often as 10 % of the time allows, and once
        at the end. `stop()`, from any thread, and interrupting the kernel both end it; what was
        trained stays, and another `run()` goes on with the blocks that are missing.
        """
        tick = _Throttle(lambda: on_progress(self) if on_progress else None)
        started, self._stop, self.stopped = time.perf_counter(), threading.Event(), False
        try:
            if self._tuning is not None and self._judging is None:
                self._tuning.run(self.client, self._stop, tick)
                if not self._stop.is_set():
                    best = [self._plan(name, peak) for name, peak in self._best_peaks().items()]
                    self._judging = self._stage(best, self.seeds, self._marks)
            if self._judging is not None and not self._stop.is_set():
                self._judging.run(self.client, self._stop, tick)
        except KeyboardInterrupt:
            self._stop.set()
        finally:
            self.seconds += time.perf_counter() - started
        self.stopped = self._stop.is_set() and self.progress < 1
        for stage in (self._tuning, self._judging):
            assert stage is None or stage.used_is_planned(), "a rate was used that was not planned"
        tick(now=True)
        return self

    def stop(self) -> None:
        """End the race soon, from any thread, and keep what is done."""
        self._stop.set()

    @property
    def stage(self) -> str:
        """What is going on: "tuning" or "judging"."""
        return "tuning" if self._judging is None else "judging"

    @property
    def progress(self) -> float:
        """The share of all updates that have been made, 0 to 1."""
        tuning = self._tuning.losses[..., 0].size if self._tuning else 0
        judging = len(self.seeds) * len(self.schedules)
        done = tuning * self._tuning.share if self._tuning else 0
        done += judging * self._judging.share if self._judging else 0
        return done / (tuning + judging)

    def _best_peaks(self) -> dict[str, float]:
        return {name: self.peaks[int(np.argmin(s))] for name, s in self._tuning_scores().items()}

    def _tuning_scores(self) -> dict[str, np.ndarray]:
        """The mean score of every peak. A peak at which one run diverges is infinitely bad."""
        scores = self._tuning.scores[:, :, -1].mean(0)
        scores = np.where(np.isfinite(scores), scores, np.inf).reshape(len(self.schedules), -1)
        return dict(zip(self.schedules, scores))

    # What came out

    @property
    def tuning(self) -> Any:
        """The mean score of every peak on the tuning seeds: a table, peak by schedule."""
        if not self.tune:
            return None
        import pandas as pd

        index = pd.Index(self.peaks, name="peak")
        return pd.DataFrame(self._tuning_scores(), index=index)

    @property
    def plans(self) -> dict[str, Plan]:
        return dict(zip(self.schedules, self._shown().plans))

    @property
    def marks(self) -> np.ndarray:
        return np.array(self._marks)

    @property
    def used(self) -> dict[str, np.ndarray]:
        return self._by_name(self._shown().used)

    @property
    def losses(self) -> dict[str, np.ndarray]:
        return self._by_name(self._shown().losses)

    @property
    def curves(self) -> dict[str, np.ndarray]:
        return self._by_name(self._shown().scores)

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """name -> the score of every judged seed at the end, shape (seeds,); NaN if it diverged.

        After a stop: of the seeds that every schedule has finished. If there is none, of all
        seeds at the last mark that all runs have passed.
        """
        seeds, mark = self._judged()
        return {name: curve[seeds, mark] for name, curve in self.curves.items()}

    def _by_name(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return {name: values[:, c] for c, name in enumerate(self.schedules)}

    def _shown(self) -> Stage:
        if self._judging is None:
            raise ValueError(
                f"the race was stopped while tuning, {self.progress:.0%} done: no schedule has been "
                f"judged. Go on with race.run(), or lower steps, tune_seeds or the number of peaks"
            )
        return self._judging

    def _judged(self) -> tuple[np.ndarray, int]:
        """Which seeds to judge, and at which mark."""
        done = self._shown().done.min(axis=1)
        if (done == self.steps).any():
            return np.flatnonzero(done == self.steps), len(self._marks) - 1
        passed = int(np.searchsorted(self.marks, done.max(), side="right")) - 1
        if passed < 0:
            raise ValueError(f"the race was stopped before its first mark, update {self.marks[0]}")
        return np.flatnonzero(done >= self.marks[passed]), passed

    def _ranked(self) -> tuple[list[str], dict[str, int]]:
        """Names from best to worst, those that diverged at the end, and how often each did."""
        lost = {name: int((~np.isfinite(s)).sum()) for name, s in self.scores.items()}
        means = {name: s.mean() for name, s in self.scores.items()}
        return sorted(means, key=lambda n: (lost[n], means[n] if not lost[n] else 0)), lost

    def compare(self, a: str, b: str) -> Paired:
        """Two schedules of this race, seed by seed; `.verdict(a, b)` says it in a sentence."""
        for name in (a, b):
            if name not in self.schedules:
                raise ValueError(
                    f"no schedule {name!r} in this race: it has {list(self.schedules)}"
                )
        return paired(self.scores[a], self.scores[b])

    def table(self) -> Any:
        """One row a schedule, best first, as a pandas DataFrame.

        mean, low, high          the score on the judged seeds, and its 95 % interval
        behind, from, to         the paired difference to the best, and its 95 % interval
        wins                     on how many seeds it was the best of all
        peak, at edge            its peak, and whether that lay at the edge of the peaks tried
        diverged                 on how many seeds it diverged (then it has no mean)
        """
        import pandas as pd

        names, lost = self._ranked()
        scores = self.scores
        stacked = np.stack([np.where(np.isfinite(scores[n]), scores[n], np.inf) for n in names])
        alone = stacked == stacked.min(0)
        wins = (alone & (alone.sum(0) == 1) & np.isfinite(stacked)).sum(1)
        rows = []
        for name, won in zip(names, wins):
            own = self._interval(scores[name]) if not lost[name] else None
            behind = self._behind(names[0], name) if not lost[name] and name != names[0] else None
            rows.append(
                {
                    "mean": own.mean if own else np.nan,
                    "low": own.low if own else np.nan,
                    "high": own.high if own else np.nan,
                    "behind": behind.mean if behind else np.nan,
                    "from": behind.low if behind else np.nan,
                    "to": behind.high if behind else np.nan,
                    "wins": int(won),
                    "peak": self.plans[name].peak,
                    "at edge": self._at_edge(name),
                    "diverged": lost[name],
                }
            )
        table = pd.DataFrame(rows, index=pd.Index(names, name="schedule"))
        return table.rename_axis(columns=self.task.metric)

    def _interval(self, values: np.ndarray) -> Interval:
        return Interval(float(values[0]), 0.0, 1) if self.task.exact else interval(values)

    def _behind(self, best: str, name: str) -> Interval:
        return self._interval(self.scores[name] - self.scores[best])

    def _at_edge(self, name: str) -> bool:
        if not self.tune or len(self.peaks) < 2:
            return False
        return self._best_peaks()[name] in (self.peaks[0], self.peaks[-1])

    def verdict(self) -> str:
        """What may be said, in sentences: the best against each other, then the warnings."""
        names, lost = self._ranked()
        seeds, mark = self._judged()
        best, n = names[0], len(seeds)
        lines = []
        if self.marks[mark] < self.steps:
            lines.append(
                f"Stopped after {self.marks[mark]} of {self.steps} updates: schedules that decay "
                f"later have not decayed yet"
            )
        elif n < len(self.seeds):
            lines.append(f"Stopped after {n} of {len(self.seeds)} seeds")
        if len(names) == 1 and not lost[best]:
            lines.append(f"{best}: {self._interval(self.scores[best])} {self.task.metric}")
        lines += [self._against(best, name) for name in names[1:] if not lost[name]]
        lines += [f"{name} diverged on {lost[name]} of {n} seeds" for name in names if lost[name]]
        lines += [self._edge_warning(name) for name in names if self._at_edge(name)]
        lines += self._momentum_note()
        return "\n".join(lines)

    def _against(self, best: str, name: str) -> str:
        if not self.task.exact:
            return self.compare(best, name).verdict(best, name, self.task.metric)
        behind = float(self.scores[name][0] - self.scores[best][0])
        if behind == 0:
            return f"{best} and {name}: equal, exactly"
        return f"{best} beats {name}: {behind:.4g} lower {self.task.metric}, exactly"

    def _edge_warning(self, name: str) -> str:
        peak = self._best_peaks()[name]
        side = "lowest" if peak == self.peaks[0] else "highest"
        more = "lower" if side == "lowest" else "higher"
        return (
            f"Careful: {name} was best at the {side} peak tried, {peak:.3g}; it may do better at a "
            f"{more} one. Give peaks=[...] that reach further"
        )

    def _momentum_note(self) -> list[str]:
        cycled = [name for name, p in self.plans.items() if p.cycles_momentum]
        if not cycled or isinstance(self.optimizer, SGD) and self.optimizer.momentum:
            return []
        if not isinstance(self.optimizer, SGD):
            return []
        return [
            f"Careful: {', '.join(cycled)} took over momentum, as PyTorch's does; the others train "
            f"without. Set cycle_momentum=False, or give the optimizer momentum"
        ]

    def plot(self) -> Any:
        """Curves with 95 % bands, and beneath, aligned, the rates that were used. The figure."""
        from lrcourse.lab.drawing import draw_race

        return draw_race(self)

    def __repr__(self) -> str:
        names = ", ".join(self.schedules)
        state = "stopped" if self.stopped else f"{self.progress:.0%} done"
        return f"<Race of {names} on {self.task.name}: {len(self.seeds)} seeds x {self.steps} updates, {state}>"


def race(
    schedules: Any,
    task: Any = "digits",
    *,
    steps: int | None = None,
    seeds: int | Iterable[int] = 32,
    tune: bool = True,
    peaks: Iterable[float] | None = None,
    tune_seeds: int = 8,
    optimizer: Any = None,
    points: int = 10,
    dtype: torch.dtype = torch.float32,
    client: Any = None,
    on_progress: Callable[[Race], None] | None = None,
    progress: bool = True,
) -> Race:
    """Race `schedules` on `task`, each at its own best peak, and return the finished `Race`.

    schedules:   name -> schedule of the course, or a function `lambda t: rate`; or a list of
                 names from `lab.shapes(steps)`
    task:        one of `lab.TASKS`, or a `lab.Task` of your own
    steps:       the budget: updates of every run (the task's own, if None)
    seeds:       how many seeds to judge on, or which
    tune:        scale each schedule to its best peak first. If False, run them as they are
    peaks:       the peaks to try (eight that suit the task, if None)
    tune_seeds:  how many seeds to tune on; they are never among those judged on
    optimizer:   "sgd" (momentum 0.9), "adamw", `lab.SGD(...)`, `lab.AdamW(...)`; the task's own,
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
    made = Race(
        schedules,
        task,
        steps=steps,
        seeds=seeds,
        tune=tune,
        peaks=peaks,
        tune_seeds=tune_seeds,
        optimizer=optimizer,
        points=points,
        dtype=dtype,
        client=client,
    )
    # TQDM_DISABLE is tqdm's own switch; its bar for notebooks forgets it.
    if not progress or os.environ.get("TQDM_DISABLE"):
        return made.run(on_progress)
    from tqdm.auto import tqdm

    with tqdm(total=100, delay=2, leave=False, bar_format="{desc} {percentage:3.0f}% {bar}") as bar:

        def show(race: Race) -> None:
            bar.set_description_str(f"{race.task.name}, {race.stage}", refresh=False)
            bar.update(100 * race.progress - bar.n)
            if on_progress:
                on_progress(race)

        made.run(show)
    if made.stopped:
        print(f"Stopped, {made.progress:.0%} done. race.run() goes on.", file=sys.stderr)
    return made


class _Throttle:
    """Calls `show` whenever so much time has passed that it stays within its share.

    Counting time, not updates: a figure costs the same however quick an update is.
    """

    def __init__(self, show: Callable[[], None]) -> None:
        self._show, self._next = show, 0.0

    def __call__(self, now: bool = False) -> None:
        started = time.perf_counter()
        if now or started >= self._next:
            self._show()
            ended = time.perf_counter()
            self._next = ended + (ended - started) / DRAWING_SHARE


def _seeds(given: int | Iterable[int]) -> tuple[int, ...]:
    if isinstance(given, Integral) or not isinstance(given, Iterable):
        if whole("seeds", given) > TUNING_SEEDS_START:
            raise ValueError(
                f"seeds must be {TUNING_SEEDS_START:,} at most, got {given:,}: the others are for tuning"
            )
        return tuple(range(given))
    seeds = tuple(whole("seeds", s, "whole numbers of at least 0", 0) for s in given)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must name at least one seed, and none twice, got {list(seeds)}")
    if max(seeds) >= TUNING_SEEDS_START:
        raise ValueError(
            f"seeds must be below {TUNING_SEEDS_START}, got {max(seeds)}: the others are for tuning"
        )
    return seeds


def _try_out(task: Any, dtype: torch.dtype) -> None:
    """One update of one run and one score, so that a model that cannot be stacked says so now."""
    model = task.build(0)
    refuse_unsupported(model)
    x, y = next(task.batches(0, 1, dtype))
    try:
        with torch.random.fork_rng(devices=[]):
            alone = task.loss(model.to(dtype)(x), y)
    except Exception as error:
        raise ValueError(
            f"the model of task {task.name!r} failed on a batch of its data, x {tuple(x.shape)} and "
            f"y {tuple(y.shape)}: {error}"
        ) from error
    if alone.dim():
        raise ValueError(
            f"loss must return one number for a batch, got shape {tuple(alone.shape)}: take the mean"
        )
    models = stacked(task, (0,), 2, dtype)
    try:
        models.backward(x.unsqueeze(0), y.unsqueeze(0), lambda i, gradient: None)
        models.scores(*task.tested(dtype), task.score)
    except Exception as error:
        raise ValueError(
            f"the model of task {task.name!r} cannot be trained many at once, because torch.func.vmap "
            f"refused it: {error}"
        ) from error


def _refuse_too_large(race: Race, tuning: int, judging: int) -> None:
    """Raise `ValueError` if the records of all runs would not fit into memory."""
    per_update = 4 + 8  # the loss in float32, the rate in float64
    needed = (tuning + judging) * (race.steps * per_update + 8 * len(race._marks))
    if not race.task.exact:
        model = sum(p.numel() for p in race.task.build(0).parameters())
        needed += joblib.cpu_count() * 256 * 4 * 4 * model
    available = _available_memory()
    if needed > 0.8 * available:
        runs = f"{tuning + judging:,} runs x {race.steps:,} updates"
        raise ValueError(
            f"{runs} need {needed / 1e9:,.1f} GB for their records, and {available / 1e9:.1f} GB are "
            f"free: lower seeds (now {len(race.seeds):,}), steps, tune_seeds or the number of peaks"
        )


def _available_memory() -> float:
    return float(psutil.virtual_memory().available)
