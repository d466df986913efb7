"""The race: which schedule is better, by how much, and how sure one can be.

Fair means four things. Every schedule gets the same budget of updates. It runs at its own best
peak, and each of a family at the shape that is best for it. All are judged on the same seeds, from
the same weights over the same batches, so that they compare in pairs. And what is reported comes
with an interval that knows how many were compared, and that the best was picked.

`climb` finds the peaks, `stats` the intervals, `outcome` the words.
"""

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any, NamedTuple

import joblib
import numpy as np
import psutil
import torch

from lrcourse._fields import number, whole
from lrcourse.lab.climb import (
    FAMILY_SCOUTS,
    SCOUTS,
    Found,
    Member,
    Search,
    Wanted,
    among,
    beside,
    climb,
    members,
    scouted,
    together,
)
from lrcourse.lab.cluster import checked_client
from lrcourse.lab.families import entries_named
from lrcourse.lab.hands import said_of, tries_by_hand
from lrcourse.lab.optimizers import SGD, Optimizer, optimizer_named, refuse_mixing
from lrcourse.lab.outcome import DEFAULT_SEEDS
from lrcourse.lab.plans import Plan, plan
from lrcourse.lab.range_top import Ladder, known_top
from lrcourse.lab.runs import Runs, Stage
from lrcourse.lab.saving import Savable
from lrcourse.lab.stats import step_down
from lrcourse.lab.tasks import task_named
from lrcourse.lab.trial import slow, way_of

OTHER_SEEDS_START = 1_000_000
"""Seeds from here on are for choosing the shape of a family; a race is judged on seeds below."""

DRAWING_SHARE = 0.1
"""The share of the time that progress may cost."""


class Copy(NamedTuple):
    """What a run trains with: a shape of an entry, at a peak (None: as it was given)."""

    entry: str
    shape: str
    peak: float | None


@dataclass
class Entry:
    """One that races: its shapes, and what the search has found out about them so far."""

    name: str
    shapes: dict[str, Any]
    decays: dict[str, float] = field(default_factory=dict)
    """Of each shape the weight decay, where it is chosen."""
    members: list[Member] = field(default_factory=list)
    shape: str | None = None
    """The one that is judged, once it is chosen."""
    centre: float | None = None
    """The peak around which the last climb began."""
    found: Found | None = None
    """Its end."""


class Race(Savable):
    """Schedules racing on a task; `race(...)` makes one and runs it.

    All of `Outcome` can be asked while it runs, and after it was stopped.
    """

    def __init__(
        self,
        schedules: Any,
        task: Any = "digits",
        *,
        steps: int | None = None,
        seeds: int | Iterable[int] = DEFAULT_SEEDS,
        tune: bool = True,
        peaks: Iterable[float] | None = None,
        weight_decay: Iterable[float] | None = None,
        optimizer: Any = None,
        points: int = 10,
        dtype: torch.dtype = torch.float32,
        client: Any = None,
    ) -> None:
        self.task = task_named(task)
        self.optimizer: Optimizer = (
            self.task.optimizer if optimizer is None else optimizer_named(optimizer)
        )
        self.steps = whole("steps", self.task.steps if steps is None else steps)
        self.seeds = (0,) if self.task.exact else _seeds(seeds)
        self.others = (
            self.seeds if self.task.exact else tuple(s + OTHER_SEEDS_START for s in self.seeds)
        )
        self.dtype, self.client = dtype, None if client is None else checked_client(client)
        self.tune = bool(tune)
        self.peaks = _peaks(peaks) if self.tune and peaks is not None else None
        self.decays = None if weight_decay is None else self._checked_decays(weight_decay)
        self.stopped, self.seconds = False, 0.0
        self._stop, self._share, self._finished = threading.Event(), 0.0, False
        marks = np.linspace(0, self.steps, min(whole("points", points), self.steps) + 1)
        self._marks = tuple(np.unique(marks.round().astype(int))[1:].tolist())
        entries = entries_named(schedules, self.steps, self.optimizer.momentum)
        self._entries = {name: self._entry(name, shapes) for name, shapes in entries.items()}
        if not self.task.exact:
            _try_out(self.task, self.optimizer, dtype)
        self._refuse_too_large()
        self._refuse_bad_schedules()
        self._runs = Runs(self._stage)
        self._top = known_top(self.task, self.optimizer)
        self._ladder: Ladder | None = None  # the short range test, where the task names no top
        self._by_hand = tries_by_hand(self)

    # What can be trained

    def _checked_decays(self, given: Iterable[float]) -> tuple[float, ...]:
        if not self.tune or self.task.exact:
            why = "tune=False" if not self.tune else f"{self.task.name}, which is computed,"
            raise ValueError(
                f"weight_decay names what to choose from, and {why} leaves no choice: give one to "
                f"the optimizer, lab.SGD(weight_decay=...)"
            )
        return _decays(given)

    def _entry(self, name: str, shapes: dict[str, Any]) -> "Entry":
        """Each shape with each weight decay, where these are to be chosen, too: as one family."""
        if self.decays is None:
            return Entry(name, shapes)
        every = {_with(shape, d): (s, d) for shape, s in shapes.items() for d in self.decays}
        decays = {label: decay for label, (_, decay) in every.items()}
        return Entry(name, {label: s for label, (s, _) in every.items()}, decays)

    def _stage(self, copies: list[Copy], seeds: tuple[int, ...]) -> Stage:
        """Nobody looks at the curves of other seeds: there, only the end is scored."""
        marks = self._marks if seeds[0] < OTHER_SEEDS_START else self._marks[-1:]
        plans = [self._plan(copy) for copy in copies]
        decays = None
        if self.decays is not None:
            decays = np.array([self._entries[copy.entry].decays[copy.shape] for copy in copies])
        return Stage(self.task, self.optimizer, plans, seeds, marks, self.dtype, decays)

    def _plan(self, copy: Copy) -> Plan:
        schedule = self._entries[copy.entry].shapes[copy.shape]
        peak = None if copy.peak is None else self._rate(copy.peak)
        return plan(_called(copy), schedule, self.steps, self.optimizer.momentum, peak)

    def _rate(self, peak: float) -> float:
        """A peak is counted in quarters of an octave, or along the list that was given."""
        if self.peaks is not None:
            return self.peaks[int(peak)]
        assert self._top is not None  # the range test, if there was one, is over
        return float(self._top * 2 ** (peak / 4))

    def _refuse_bad_schedules(self) -> None:
        for entry in self._entries.values():
            if not self.tune and len(entry.shapes) > 1:
                raise ValueError(
                    f"{entry.name!r} is a family, and the shape and peak of a family are tuned: "
                    f"tune=False needs one schedule for each name"
                )
            for shape, schedule in entry.shapes.items():
                name = _called(Copy(entry.name, shape, None))
                peak = 1.0 if self.tune else None
                made = plan(name, schedule, self.steps, self.optimizer.momentum, peak)
                if made.rule and self.task.exact:
                    raise ValueError(
                        f"{name!r} follows the losses of a run, and {self.task.name} is computed "
                        f"without runs: race it on another task"
                    )

    # The search

    def _search(self) -> Search[list[None]]:
        return together([self._course(entry) for entry in self._entries.values()])

    def _course(self, entry: Entry) -> Search[None]:
        """All that happens to one entry: its shape, its peak, and the last climb."""
        found = None
        entry.shape = next(iter(entry.shapes))
        if len(entry.shapes) > 1:
            entry.members, entry.shape = (yield from self._chosen(entry)), None
            (_, entry.shape), found, _ = entry.members[0]
        shape = (entry.name, entry.shape or "")
        if not self.tune:
            entry.centre = 0.0
            yield [Wanted(shape, (entry.centre,), self.seeds)]
        elif self.peaks is not None:
            entry.centre = len(self.peaks) // 2
            entry.found = yield from among(range(len(self.peaks)), shape, self.seeds)
        else:
            found = found or (yield from scouted(shape, self.seeds[:SCOUTS]))
            entry.centre = found.peak
            entry.found = yield from self._last_climb(shape, found.peak)

    def _chosen(self, entry: Entry) -> Search[list[Member]]:
        """The shapes of a family, best first."""
        shapes = [(entry.name, shape) for shape in entry.shapes]
        listed = None if self.peaks is None else range(len(self.peaks))
        return members(shapes, self.others, listed)

    def _last_climb(self, shape: tuple[str, str], peak: float) -> Search[Found]:
        found = yield from climb(shape, beside(peak, 1), 1, self.seeds)
        if self.task.exact:  # no seeds to pay for, and no luck: closer still
            found = yield from climb(shape, beside(found.peak, 0.25), 0.25, self.seeds)
        return found

    def _copies(self, want: Wanted) -> list[Copy]:
        entry, shape = want.shape
        return [Copy(entry, shape, peak if self.tune else None) for peak in want.peaks]

    def _means(self, want: Wanted) -> np.ndarray:
        """The mean cost at each peak. Where one run diverges it is infinitely bad."""
        costs = np.array([self._costs(copy, want.seeds).mean() for copy in self._copies(want)])
        return np.where(np.isfinite(costs), costs, np.inf)

    def _costs(self, copy: Copy, seeds: Sequence[int]) -> np.ndarray:
        return self._sign * self._runs.of("scores", copy, seeds)[:, -1]

    # Running

    def run(self, on_progress: Callable[["Race"], None] | None = None) -> "Race":
        """Train all that is not trained yet, and return the race itself.

        `on_progress(race)` is called in this thread as often as 10 % of the time allows, and once
        at the end. `stop()`, from any thread, and interrupting the kernel both end it; what was
        trained stays, and another `run()` goes on with what is missing.
        """
        tick = _Throttle(lambda: on_progress(self) if on_progress else None)
        started, self._stop, self.stopped = time.perf_counter(), threading.Event(), False
        try:
            if self._find_top(tick):
                self._finished = self._follow(self._search(), tick)
        except KeyboardInterrupt:
            self._stop.set()
        finally:
            self.seconds += time.perf_counter() - started
        self.stopped = not self._finished
        tick(now=True)
        return self

    def _find_top(self, tick: Callable[[], None]) -> bool:
        """Whether it is known where to look for peaks, after a short range test if need be."""
        if self._top is None and self.tune and self.peaks is None:
            if self._ladder is None:
                seeds = tuple(seed + OTHER_SEEDS_START for seed in self.seeds)
                self._ladder = Ladder(self.task, self.optimizer, self.steps, seeds, self.dtype)
            self._ladder.stage.run(self.client, self._stop, tick)
            if not self._stop.is_set():
                self._top = self._ladder.top()
        return not self._stop.is_set()

    def _follow(self, search: Search[Any], tick: Callable[[], None]) -> bool:
        """Train what the search wants to know, until it knows all. Whether it got there.

        After a stop it begins anew, and what is trained answers at once.
        """
        try:
            wants = next(search)
            while True:
                self._runs.want((c, want.seeds) for want in wants for c in self._copies(want))
                self._runs.run(self.client, self._stop, tick)
                if self._stop.is_set() and self._runs.updates < self._runs.updates_wanted:
                    return False
                wants = search.send([self._means(want) for want in wants])
        except StopIteration:
            return True

    def stop(self) -> None:
        """End the race soon, from any thread, and keep what is done."""
        self._stop.set()

    @property
    def stage(self) -> str:
        """What is going on: "tuning" or "judging"."""
        return (
            "judging" if all(self._begun(entry) for entry in self._entries.values()) else "tuning"
        )

    def _begun(self, entry: Entry) -> bool:
        """Whether the last climb of an entry has begun."""
        return entry.centre is not None and self._runs.has(self._centre(entry), self.seeds)

    @property
    def progress(self) -> float:
        """The share of all updates that have been made, 0 to 1. How many it takes is a guess."""
        if self._finished:
            return 1.0
        guess = max(self._guess * self.steps, self._runs.updates_wanted)
        self._share = max(self._share, min(0.99, self._runs.updates / guess))
        return self._share

    @cached_property
    def _guess(self) -> int:
        """About how many runs the race takes."""
        n, rounds = len(self.seeds), 3.5
        if not self.tune:
            return n * len(self._entries)
        if self.peaks is not None:
            rounds = len(self.peaks)
        first = 0 if self.peaks is not None else 9 * min(n, SCOUTS)
        families = [len(e.shapes) for e in self._entries.values() if len(e.shapes) > 1]
        chosen = sum(m * 9 * min(n, FAMILY_SCOUTS) + -(-m // 2) * rounds * n for m in families)
        return int(len(self._entries) * (first + rounds * n) + chosen)

    # The records

    def _centre(self, entry: Entry) -> Copy:
        assert entry.shape is not None and entry.centre is not None
        return Copy(entry.name, entry.shape, entry.centre if self.tune else None)

    def _shown(self, entry: Entry) -> Copy:
        """The copy that stands for an entry: at its best peak of those that are trained."""
        if not self._begun(entry):
            raise ValueError(
                f"the race was stopped while tuning, {self.progress:.0%} done: no schedule has been "
                f"judged. Go on with race.run(), or lower steps, seeds or the number of shapes"
            )
        centre = self._centre(entry)
        if not self.tune:
            return centre
        if entry.found is not None:
            return centre._replace(peak=float(entry.found.peak))
        whole = [c for c in self._runs.copies if c[:2] == centre[:2] and self._is_done(c)]
        costs = [np.nan_to_num(self._costs(c, self.seeds).mean(), nan=np.inf) for c in whole]
        return whole[int(np.argmin(costs))] if whole else centre

    def _is_done(self, copy: Copy) -> bool:
        return bool((self._runs.done(copy, self.seeds) == self.steps).all())

    def _records(self, values: str) -> dict[str, Any]:
        return {
            name: self._runs.of(values, self._shown(entry), self.seeds)
            for name, entry in self._entries.items()
        }

    @property
    def schedules(self) -> dict[str, Any]:
        """name -> the schedule that races; of a family, all its shapes."""
        return {
            name: next(iter(e.shapes.values())) if len(e.shapes) == 1 else e.shapes
            for name, e in self._entries.items()
        }

    @property
    def plans(self) -> dict[str, Plan]:
        shown = {name: self._shown(entry) for name, entry in self._entries.items()}
        return {name: self._runs.plan(copy, self.seeds[0]) for name, copy in shown.items()}

    @property
    def marks(self) -> np.ndarray:
        return np.array(self._marks)

    @property
    def used(self) -> dict[str, np.ndarray]:
        return self._records("used")

    @property
    def losses(self) -> dict[str, np.ndarray]:
        return self._records("losses")

    @property
    def curves(self) -> dict[str, np.ndarray]:
        return self._records("scores")

    @property
    def averages(self) -> dict[str, np.ndarray]:
        return self._records("averaged")

    @property
    def accuracies(self) -> dict[str, np.ndarray]:
        return self._records("accuracy")

    @property
    def done(self) -> np.ndarray:
        entries = self._entries.values()
        return np.min([self._runs.done(self._shown(e), self.seeds) for e in entries], axis=0)

    @cached_property
    def start(self) -> np.ndarray:
        return np.array([self.task.start(seed, self.dtype) for seed in self.seeds])

    @property
    def shapes(self) -> dict[str, str]:
        return {name: entry.shape or "" for name, entry in self._entries.items()}

    @property
    def edges(self) -> dict[str, str]:
        return {name: self._edge(e) for name, e in self._entries.items() if e.found}

    def _edge(self, entry: Entry) -> str:
        assert entry.found is not None
        if entry.found.inside:
            return ""
        if self.peaks is None:
            return "open"
        return "lowest" if entry.found.peak == 0 else "highest"

    @property
    def warnings(self) -> list[str]:
        cycled = [name for name, p in self.plans.items() if p.cycles_momentum]
        lines = said_of(self._by_hand, self.seeds)
        if cycled and isinstance(self.optimizer, SGD) and not self.optimizer.momentum:
            lines.append(
                f"Careful: {', '.join(cycled)} took over momentum, as PyTorch's does; the others train "
                f"without. Set cycle_momentum=False, or give the optimizer momentum"
            )
        return lines

    @property
    def tuning(self) -> Any:
        """The mean score at every peak that was tried on judged seeds, and on how many of them."""
        if not self.tune:
            return None
        import pandas as pd

        rows = {}
        for name, entry in self._entries.items():
            for copy in self._runs.copies:
                done = [s for s in self.seeds if self._runs.has(copy, (s,))]
                if copy[:2] == (name, entry.shape) and done:
                    mean = self._runs.of("scores", copy, done)[:, -1].mean()
                    rows[name, self._rate(copy.peak)] = {"mean": mean, "seeds": len(done)}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "seeds"])
        table.index = pd.MultiIndex.from_tuples(rows or [("", 0.0)][:0], names=["schedule", "peak"])
        tried = {name for name, _ in rows}
        names = [name for name in self._entries if name in tried]
        return table.sort_index(level=[0, 1], sort_remaining=True).loc[names]

    @property
    def members(self) -> Any:
        """Every shape of every family, best first, by their scores on the other seeds.

        mean, behind   its mean score, and how far behind the first, on the same seeds
        ≈              whether it is the first, or not told from it; the worse half was not asked
        seeds          on how many: the worse half of a family raced on the scouts alone
        """
        families = [entry for entry in self._entries.values() if entry.members]
        if not families:
            return None
        import pandas as pd

        rows = {}
        for entry in families:
            scores = {m.shape[1]: self._of_member(m, m.seeds) for m in entry.members}
            full = {shape: s for shape, s in scores.items() if len(s) == len(self.others)}
            sound = {shape: s for shape, s in full.items() if np.isfinite(s).all()}
            best, others = step_down(sound, self.task.better) if sound else ("", {})
            for member in entry.members:
                shape = member.shape[1]
                first = self._of_member(entry.members[0], member.seeds)
                near = shape == best or (shape in others and not others[shape].shown)
                rows[entry.name, shape] = {
                    "mean": scores[shape].mean(),
                    "behind": self._sign * (scores[shape].mean() - first.mean()),
                    "≈": "≈" if near else "",
                    "peak": self._rate(member.found.peak),
                    "seeds": member.seeds,
                }
        table = pd.DataFrame.from_dict(rows, orient="index")
        table.index = pd.MultiIndex.from_tuples(rows, names=["family", "shape"])
        return table

    def _of_member(self, member: Member, seeds: int) -> np.ndarray:
        entry, shape = member.shape
        copy = Copy(entry, shape, member.found.peak)
        return self._runs.of("scores", copy, self.others[:seeds])[:, -1]

    def _refuse_too_large(self) -> None:
        """Raise `ValueError` if the records of all runs would not fit into memory."""
        per_update = 4 + 8  # the loss in float32, the rate in float64
        needed = self._guess * (self.steps * per_update + 8 * len(self._marks))
        if not self.task.exact:
            model = sum(p.numel() for p in self.task.build(0).parameters())
            needed += joblib.cpu_count() * 256 * 4 * 4 * model
        available = _available_memory()
        if needed > 0.8 * available:
            runs = f"some {self._guess:,} runs x {self.steps:,} updates"
            raise ValueError(
                f"{runs} need {needed / 1e9:,.1f} GB for their records, and {available / 1e9:.1f} GB "
                f"are free: lower seeds (now {len(self.seeds):,}), steps or the number of peaks"
            )

    def __repr__(self) -> str:
        names = ", ".join(self._entries)
        state = "stopped" if self.stopped else f"{self.progress:.0%} done"
        return f"<Race of {names} on {self.task.name}: {len(self.seeds)} seeds x {self.steps} updates, {state}>"


def _called(copy: Copy) -> str:
    return f"{copy.entry}, {copy.shape}" if copy.shape else copy.entry


def _peaks(given: Iterable[float]) -> tuple[float, ...]:
    """The peaks to try and no others, from the lowest on."""
    must = "a list of finite numbers above 0"
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise ValueError(f"peaks must be {must}, got {given!r}: write [{given}]")
    peaks = sorted(number("peaks", peak, must, lambda v: v > 0) for peak in given)
    if not peaks or len(set(peaks)) < len(peaks):
        raise ValueError(f"peaks must name at least one rate, and none twice, got {peaks}")
    return tuple(peaks)


def _decays(given: Iterable[float]) -> tuple[float, ...]:
    """The weight decays to choose from."""
    must = "a list of finite numbers of at least 0"
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise ValueError(
            f"weight_decay must be {must}, got {given!r}: one for all belongs to the optimizer, "
            f"lab.SGD(weight_decay={given!r})"
        )
    decays = tuple(number("weight_decay", d, must, lambda v: v >= 0) for d in given)
    if not decays or len(set(decays)) < len(decays):
        raise ValueError(f"weight_decay must name at least one, and none twice, got {decays}")
    return decays


def _with(shape: str, decay: float) -> str:
    return f"{shape}, weight decay {decay:g}".removeprefix(", ")


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
        if whole("seeds", given) > OTHER_SEEDS_START:
            raise ValueError(
                f"seeds must be {OTHER_SEEDS_START:,} at most, got {given:,}: the others choose shapes"
            )
        return tuple(range(given))
    seeds = tuple(whole("seeds", s, "whole numbers of at least 0", 0) for s in given)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must name at least one seed, and none twice, got {list(seeds)}")
    if max(seeds) >= OTHER_SEEDS_START:
        raise ValueError(
            f"seeds must be below {OTHER_SEEDS_START}, got {max(seeds)}: the others choose shapes"
        )
    return seeds


def _try_out(task: Any, optimizer: Any, dtype: torch.dtype) -> None:
    """Refuse now what could not be trained rightly, and say what will be slow."""
    way = way_of(task, dtype)
    refuse_mixing(optimizer, (p.shape for p in task.build(0).parameters()))
    if told := slow(task, way):
        warnings.warn(told, stacklevel=4)


def _available_memory() -> float:
    return float(psutil.virtual_memory().available)
