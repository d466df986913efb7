"""The loss follows the hand: an explorer that trains every position of the control in hand.

When a control is touched, all its positions train at once, on the same seeds, in a thread beside the
kernel's own work: see `lab/sweep.py`. What is there is sent as it comes, in the one synced value
`trained`; a drag then asks nobody, the browser picks a row. Another touch, `stop`, and interrupting
the kernel end it; what was trained is kept, and answers at once when it is asked again.

What is sent
------------
The browser may do four things beside those of `explore`: `touch(key)`, `stop()`, `tune(on)`, and
`look()` once, when it shows the widget: until somebody does, only the seeds of the stored picture train.
`trained` holds one sweep, the last one asked for: P positions, C curves, M marks.

    control, label     whose positions they are, and what sentences call it
    stamp              which settings of the other controls they belong to: `state.stamps`
    run, at_marks      how many updates each trains; whether the control is the run's own length
    texts              what the control says at each position
    copy               which curve belongs to each position; -1 where there is no schedule
    marks              after how many updates there is a score, (M,); this and the next two float32
    mean, half         the score and half of its 95 % interval, (C, M); NaN where there is none yet
    until              of each curve: the update at which its schedule ends, if before the run
    which, others      the schedule that the control moves; those of the others, [number, curve]
    ghost              [name, curve] of the start, or of what was pinned last
    end, halves        the score at the end of each position, and half of its interval; null or []
                       where they are not known
    near, best, lost   the positions not told from the best, the best, and those that diverged
    peaks, tuned       the best peak of each position, or []; whether that was asked for
    axes, metric,      of the score
    better
    words, range       a sentence for each position, or []; which are not told from the best
    said, n, of        what was trained; how many seeds are done, of how many
    running            whether it trains now
"""

import threading
import time
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import traitlets

from lrcourse._fields import RATE, whole
from lrcourse.lab.optimizers import Optimizer, optimizer_named
from lrcourse.lab.outcome import DEFAULT_SEEDS
from lrcourse.lab.sweep import Sweep, Sweeps
from lrcourse.lab.tasks import Task, task_named
from lrcourse.schedules import Schedule
from lrcourse.widgets._consequence import Job, limits
from lrcourse.widgets._consequence_picture import picture
from lrcourse.widgets._curves import natural_width, to_bytes
from lrcourse.widgets.controls import Control
from lrcourse.widgets.drafts import parts_of, text_of
from lrcourse.widgets.explorer import Explorer
from lrcourse.widgets.interrupt import stop_when_interrupted
from lrcourse.widgets.widget import axes, look, script, to_json

MARKS = 20  # scores in a run as long as it was at first
LONGER = 1.5  # times that run: the longest that can be set by hand
SEND_EVERY = 0.06  # seconds, while curves grow
STORED_SEEDS = 8  # of the picture that a page without a kernel shows
LEAST_FOR_A_BAND = 4  # seeds: an interval of two says nothing
RUN = "run"  # the control of the length of the run


class TrainedExplorer(Explorer):
    """What `explore(schedule, task=...)` returns: an `Explorer` with the test score under the rate.

    explorer = explore(StepDecay(step_size=150), task="digits", steps=300)
    explorer.set(gamma=0.3)                 moves a control, and trains all its positions
    explorer.touch("gamma")                 trains them without a move
    explorer.consequences()                 the table: a row for each position
    explorer.wait()                         until all of it is trained
    explorer.tune(True)                     each position at its own best peak; False: as it is set
    explorer.stop()                         ends the training; what is done stays
    explorer.verdict                        the sentence about the position that is shown

    All that an `Explorer` does, it does too.
    """

    _esm = script("panel", "explorer", "consequences", view="TrainedView")
    _css = look("panel", "explorer", "consequences")
    _actions = (*Explorer._actions, "look", "touch", "stop", "tune")
    _few = True

    trained = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        schedules: tuple[Schedule, ...],
        steps: int | None,
        steps_per_epoch: int | None,
        task: Any,
        seeds: int | None,
        optimizer: Any,
    ) -> None:
        self._task: Task = task_named(task)
        self._optimizer: Optimizer = (
            self._task.optimizer if optimizer is None else optimizer_named(optimizer)
        )
        if steps is not None:
            whole("steps", steps, "a whole number of updates, at least 2", least=2)
        seeds = whole("seeds", DEFAULT_SEEDS if seeds is None else seeds, least=2)
        self._job: Job | None = None
        self._tuned, self._told_at, self._is_seen = False, 0.0, False
        super().__init__(schedules, steps, steps_per_epoch)
        self._sweeps = Sweeps(self._task, self._optimizer, seeds, self._marks)
        self._make_offers()
        self._show()
        stop_when_interrupted(self)
        self._start_job(self._job_of(self._first()))

    def _lengths(self, schedules: tuple[Schedule, ...], steps: int | None) -> tuple[int, int]:
        run = steps or max(s.end or max(natural_width(s), self._task.steps) for s in schedules)
        many = min(MARKS, run)
        grid = np.arange(1, round(LONGER * many) + 1) * run / many
        self._marks = tuple(np.unique(grid.round().astype(int)).tolist())
        return self._marks[-1], run

    def _first(self) -> Control:
        """The control that is trained before one was touched: a length, if there is one."""
        controls = [c for c in self.controls.values() if c.positions and c.key != RUN]
        lengths = [c for c in controls if c.kind.counts_updates]
        shapes = [c for c in controls if c.kind.shapes]
        return [*lengths, *shapes, *controls, self.controls[RUN]][0]

    # What a learner, or a test, does from Python

    def look(self) -> None:
        """Somebody sees it, or wants to: train all seeds."""
        with self._lock:
            self._is_seen = True
            if (job := self._current).rests:
                job.rests = False
                self._in_a_thread(job)

    def touch(self, name: str) -> None:
        """Train all positions of a control, as if you had put a hand on it."""
        with self._lock:
            self._touch(self._control_named(name))

    def stop(self) -> None:
        """End the training; what is done stays."""
        if self._job is not None:
            self._job.stop.set()

    def tune(self, on: bool) -> None:
        """Train every position at its own best peak, or again at the rate that is set."""
        with self._lock:
            self._tuned = bool(on)
            self._touch_again()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all is trained, or was stopped. What went wrong in it is raised here.

        Raises `TimeoutError` if it takes longer than `seconds`; the training goes on.
        """
        self.look()
        job = self._current
        try:
            # Not a join: one that is interrupted can call the thread over (gh-90882).
            if not job.over.wait(seconds):
                raise TimeoutError(f"not all is trained after {seconds} s: wait longer, or stop()")
        except KeyboardInterrupt:
            self.stop()
            raise
        if job.failed is not None:
            raise job.failed

    def consequences(self, name: str | None = None) -> Any:
        """What training made of each position: a pandas DataFrame, a row for each, all trained.

        name       the control whose positions they are; if None, the one that was touched last
        mean, ±    the score at the end of the run, and half of its 95 % interval
        behind     how far behind the best, seed by seed, and `± behind`: half of its interval, which
                   knows how many were compared; NaN for the best
        ≈          whether it is the best, or not told from it
        diverged   on how many seeds it did
        peak       its largest rate: its own best, where each is tuned
        seeds      on how many seeds
        """
        import pandas as pd

        if name is not None:
            self.touch(name)
        self.wait()
        job, sweep = self._seen()
        if not sweep.full:
            raise ValueError(
                "the training was stopped before its first seeds were done: touch() it"
            )
        standing = job.standing(sweep, self._task)
        columns = {
            "mean": standing.mean,
            "±": standing.half,
            "behind": standing.behind,
            "± behind": standing.within,
            "≈": np.where(standing.near, "≈", ""),
            "diverged": standing.lost,
            "peak": [job.peak_at(p) for p in job.there],
            "seeds": standing.n,
        }
        there = [job.positions[p] for p in job.there]
        kind = object if None in there else None
        index = pd.Index(there, name=job.control, tupleize_cols=False, dtype=kind)
        return pd.DataFrame(columns, index=index).rename_axis(columns=self._task.metric)

    @property
    def verdict(self) -> str:
        """The sentences about the position that is shown, and what was trained."""
        return self._words_of(*self._seen())

    # Positions

    def _make_offers(self) -> None:
        """Positions to train at: runs that end at a mark, and of cycles only whole ones."""
        self.controls[RUN].offer(list(self._marks))
        for control in self.controls.values():
            if control.kind.counts_updates and (whole_ones := self._whole_cycles(control)):
                control.offer(whole_ones)

    def _whole_cycles(self, control: Control) -> list[Any]:
        """The lengths of a part with which the run ends at the end of a cycle; [] without cycles."""
        which, _, name = control.place
        if control.key == RUN or name is None or len(parts_of(self._schedules[which])) > 1:
            return []
        schedule, run, fit = self._schedules[which], self.run, []
        if schedule.cycle_length is None:
            return []
        for length in (None, *range(1, run + 1)):
            with suppress(ValueError):
                cycle = replace(schedule, **{name: length}).cycle_length
                fit += [length] if cycle and run % cycle == 0 else []
        return fit

    # What trains

    @property
    def _current(self) -> Job:
        assert self._job is not None  # the first begins with the explorer
        return self._job

    def _seen(self) -> tuple[Job, Sweep]:
        """What was asked for last, and what of it is trained to the end."""
        job = self._current
        return job, self._sweeps.known(job.copies, job.steps)

    def _move(self, control: Control, value: Any) -> None:
        super()._move(control, value)
        self._offer_again()
        self._touch(control)

    def _refuse(self, control: Control, problem: Exception) -> None:
        super()._refuse(control, problem)
        self._touch_again()

    def reset(self) -> None:
        with self._lock:
            super().reset()
            self._offer_again()
            self._touch_again()

    def page(self, ratio: float, width: float) -> None:
        super().page(ratio, width)
        self._touch_again()

    def scale(self, name: str) -> None:
        with self._lock:
            super().scale(name)
            self._touch_again()

    def _offer_again(self) -> None:
        before = [control.positions for control in self.controls.values()]
        self._make_offers()
        if before != [control.positions for control in self.controls.values()]:
            self._stamp_all()
            self._show()

    def _change_of_pins(self) -> None:
        super()._change_of_pins()
        self._touch_again()

    def _touch_again(self) -> None:
        """Something else than a control has changed; what was stopped stays so if it is the same."""
        control, before = self.controls[self._current.control], self._current
        if before.same(job := self._job_of(control)):
            self._stamp(before, job.stamp)
        else:
            self._touch(control)

    def _stamp(self, job: Job, stamp: int) -> None:
        """What is trained belongs to the settings as they are now."""
        job.stamp = stamp
        self.trained = self.trained | {"stamp": stamp}

    def _touch(self, control: Control) -> None:
        """Train all positions of a control; what trains now is stopped."""
        self.look()
        job, before = self._job_of(control), self._current
        if before.same(job) and not before.stop.is_set():
            self._stamp(before, job.stamp)
            return
        before.stop.set()
        self._start_job(job, redraw=before.tuned != job.tuned)

    def _start_job(self, job: Job, redraw: bool = False) -> None:
        self._job, self._told_at = job, 0.0  # its first curves are sent as soon as they are there
        if redraw:
            self._draw_again(job)
        else:
            self._tell(*self._seen(), running=True)
        self._in_a_thread(job)

    def _in_a_thread(self, job: Job) -> None:
        threading.Thread(target=self._run_job, args=(job,), daemon=True).start()

    def _draw_again(self, job: Job) -> None:
        """The rates are drawn at other peaks than before, and what is known of these is sent."""
        with self._lock, self.hold_sync():
            if self._job is job:
                self._stamp_all()
                self._show()
                job.stamp = self._stamps[job.control]
                self._tell(*self._seen(), running=True)

    def _as_drawn(self, schedules: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
        """Each at its own best peak where it is known, as it trains."""
        if self._job is None or not self._job.tuned:
            return schedules
        peaks = [self._sweeps.peak(schedule, self._job.steps) for schedule in schedules]
        return tuple(s.with_peak(peak) if peak else s for s, peak in zip(schedules, peaks))

    def _job_of(self, control: Control) -> Job:
        at_marks = control.key == RUN
        which = self._active if at_marks else control.place.which
        positions = control.positions or [control.asked]
        return Job(
            control=control.key,
            label=control.label,
            stamp=self._stamps[control.key],
            steps=self._marks[-1] if at_marks else self.run,
            positions=positions,
            texts=list(map(text_of, positions)),
            schedules=[self._schedule_at(control, value) for value in positions],
            which=which,
            others={i: s for i, s in enumerate(self._schedules) if i != which},
            ghost=self._ghost_of(which),
            at_marks=at_marks,
            tuned=self._tuned and not at_marks and control.kind is not RATE,
        )

    def _schedule_at(self, control: Control, value: Any) -> Schedule | None:
        if control.key == RUN:  # no schedule knows the run: one long run is all of them
            return self._schedules[self._active] if value in self._marks else None
        drawn, messages = self._after(control, value)
        return None if control.key in messages else drawn[control.place.which]

    def _ghost_of(self, which: int) -> tuple[str, Schedule]:
        """What was pinned of this schedule last, or else where it started."""
        kind = type(self._start[which])
        for number, pin in reversed(list(enumerate(self._pins, 1))):
            if type(pin.schedule) is kind:
                return f"pin {number}", pin.schedule
        return "start", self._start[which]

    def _run_job(self, job: Job) -> None:
        """In the thread: train, and tell what is there."""
        try:
            if job.tuned:
                peaks = self._sweeps.tune(job.every, job.steps, job.stop)
                job.peaks = dict(zip(job.every, peaks))
                self._draw_again(job)
            if not job.stop.is_set():
                train = partial(self._sweeps.train, job.copies, job.steps, job.stop)
                show = partial(self._tell_growth, job)
                if not self._is_seen:
                    train(show, STORED_SEEDS)
                    if self._rests(job):
                        return
                train(show)
        except Exception as error:
            job.failed = error
            if self._job is job:
                self.trouble = f"The training broke off ({type(error).__name__}: {error})."
        try:
            self._tell(job, self._sweeps.known(job.copies, job.steps), running=False)
        finally:
            job.over.set()

    def _rests(self, job: Job) -> bool:
        """Whether to leave it at the seeds of the stored picture until somebody looks."""
        with self._lock:
            more = self._sweeps.waves[-1] > STORED_SEEDS
            job.rests = more and not self._is_seen and not job.stop.is_set()
            return job.rests

    def _tell_growth(self, job: Job, sweep: Sweep) -> None:
        """While it trains: a few times a second, and at once when all seeds of a wave are done."""
        now, seen = time.monotonic(), sweep.seen
        if seen.all() or (seen.any() and now - self._told_at > SEND_EVERY):
            self._told_at = now
            self._tell(job, sweep, running=True)

    def _tell(self, job: Job, sweep: Sweep, running: bool) -> None:
        """Send what is there; nothing of an older touch."""
        found = self._to_send(job, sweep) | {"running": running}
        with self._lock:
            if self._job is job:
                self.trained = found | {"stamp": job.stamp}

    # What is sent

    def _to_send(self, job: Job, sweep: Sweep) -> dict[str, Any]:
        mean, half, n = sweep.curves()
        half = np.zeros(half.shape) if self._task.exact else half
        few = n < (1 if self._task.exact else LEAST_FOR_A_BAND)
        found = {
            "control": job.control,
            "label": job.label,
            "stamp": job.stamp,
            "run": job.steps,
            "at_marks": job.at_marks,
            "texts": job.texts,
            "which": job.which,
            "copy": job.copy_at,
            "marks": to_bytes(sweep.marks),
            "mean": to_bytes(mean),
            "half": to_bytes(np.where(few, np.nan, half)),
            "until": [int(min(c.schedule.last + 1, job.steps)) for c in job.copies],
            "others": [[which, job.number(s)] for which, s in job.others.items()],
            "ghost": [job.ghost[0], job.number(job.ghost[1])],
            "peaks": to_json([job.peak_at(p) for p in range(len(job.texts))]) if job.peaks else [],
            "tuned": self._tuned,
            "metric": self._task.metric,
            "better": self._task.better,
            "said": self._said(job, sweep.full),
            "n": sweep.full,
            "of": self._sweeps.waves[-1],
        }
        return found | self._ends_to_send(job, sweep, mean)

    def _ends_to_send(self, job: Job, sweep: Sweep, mean: np.ndarray) -> dict[str, Any]:
        """What is known at the end of the run: first the means alone, then how they compare."""
        end = np.full(len(job.texts), np.nan)
        if job.there:
            end[job.there] = mean[job.ends(sweep)]
        beside = [job.number(s) for s in (*job.others.values(), job.ghost[1])]
        found = {"end": to_json(end), "axes": self._axes(end, mean[beside, -1])}
        if not sweep.full or not job.there:
            nothing: dict[str, Any] = {
                "halves": [],
                "near": [],
                "best": None,
                "lost": [],
                "words": [],
                "range": "",
            }
            return found | nothing
        standing = job.standing(sweep, self._task)
        halves = np.full(len(end), np.nan)
        halves[job.there] = standing.half
        return found | {
            "halves": to_json(halves),
            "near": [job.there[i] for i in np.flatnonzero(standing.near)],
            "best": None if standing.best is None else job.there[standing.best],
            "lost": [job.there[i] for i in np.flatnonzero(standing.lost)],
            "words": job.words(standing, self._task),
            "range": job.range(standing, self._task),
        }

    def _axes(self, end: np.ndarray, beside: np.ndarray) -> dict:
        """The axes of the score; until there are ends to fit them to, the last ones."""
        if np.isfinite(end).any():
            y = limits(end, beside, self._task.better)
        elif "axes" in self.trained:
            return self.trained["axes"]
        else:
            y = (0.0, 1.0)
        return axes((0, self.steps - 1), y, "t, updates already made", self._task.metric)

    def _said(self, job: Job, n: int) -> str:
        """What was trained."""
        many = "computed exactly" if self._task.exact else f"{n} seeds"
        each = f"up to {job.steps}" if job.at_marks else f"each {job.steps}"
        peak = ", each position at its own best peak" if job.peaks else ""
        optimizer = _in_words(self._optimizer)
        return f"Trained on {self._task.name}: {many}, {optimizer}, {each} updates{peak}."

    # Without a kernel

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict]:
        """The picture is always of the same seeds, so that it does not change: wait for them."""
        job, sweep = self._seen()
        while not job.over.is_set() and sweep.full < min(STORED_SEEDS, self._sweeps.waves[-1]):
            job.over.wait(0.02)
            job, sweep = self._seen()
        return super()._repr_mimebundle_(**options)

    def _still(self) -> tuple[Job, Sweep]:
        """The sweep of the seeds that are stored."""
        job, sweep = self._seen()
        few = min(STORED_SEEDS, sweep.full)
        return job, replace(sweep, scores=sweep.scores[:few], seen=sweep.seen[:few], full=few)

    def _words_of(self, job: Job, sweep: Sweep) -> str:
        found, here = self._to_send(job, sweep), self._here(job)
        words = found["words"][here] if found["words"] and here is not None else ""
        return " ".join(filter(None, [words, found["range"], found["said"]]))

    def _here(self, job: Job) -> int | None:
        """The position that is shown, if it is one of those that are trained."""
        text = self.controls[job.control].text
        return job.texts.index(text) if text in job.texts else None

    def _as_png(self) -> bytes:
        job, sweep = self._still()
        curves = zip(self._names, self._curves_of(self._as_drawn(self._schedules)))
        rates = [(name, self._t, curve.rate) for name, curve in curves]
        return picture(rates, self._to_send(job, sweep), self._here(job), self.run)

    def _as_text(self) -> str:
        return f"{super()._as_text()}\n\n{self._words_of(*self._still())}"

    def _alternative(self) -> str:
        words = self._words_of(*self._still())
        return f"{super()._alternative()}. Below it the {self._task.metric}. {words}"

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, task={self._task.name!r}, steps={self.run})"


def _in_words(optimizer: Optimizer) -> str:
    """The optimizer, with what of it is not as it comes: "SGD with momentum 0.9"."""
    set_to = {f.name: getattr(optimizer, f.name) for f in fields(optimizer)}
    plain = {f.name: f.default for f in fields(optimizer)}
    changed = [f"{n} {text_of(v)}" for n, v in set_to.items() if n == "momentum" or v != plain[n]]
    name = type(optimizer).__name__
    return f"{name} with {', '.join(changed)}" if changed else name
