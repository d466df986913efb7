"""The lab bench: a race under your hands, whose curves grow while it trains.

The race runs in a thread of its own. The kernel stays free, so that a slider elsewhere in the
notebook still moves, and so that the Stop button is heard.
"""

import math
import threading
from collections.abc import Iterable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

import lrcourse
from lrcourse import lab
from lrcourse.lab.optimizers import OPTIMIZERS, Optimizer, optimizer_named
from lrcourse.lab.plans import plan
from lrcourse.lab.race import Race
from lrcourse.lab.race_drawing import limits_of_curves
from lrcourse.lab.tasks import task_named
from lrcourse.schedules import Schedule
from lrcourse.stopping import raise_in
from lrcourse.widgets.widget import CourseWidget, Refused, axes, look, script, sentence, to_json

MOST_POINTS = 300  # of a line of rates: there are no more pixels
LEAST_STEPS = 20  # below that, the shapes of the course do not fit
OWN = "mine"
STOPPED = "your own schedule was stopped before it had all its rates"
PATIENCE = 1.0  # seconds that `start` waits for a schedule of your own before it goes on by itself


def bench(
    schedules: Any = ("constant", "cosine"),
    *,
    task: Any = "digits",
    steps: int = 200,
    seeds: int = 32,
    optimizer: Any = None,
    batch: int | None = None,
    peaks: Iterable[float] | None = None,
) -> "Bench":
    """A bench for races: choose schedules, a task, a budget, seeds; start, stop, keep, compare.

    The arguments are what is chosen at first. `schedules`: names from `lab.shapes(steps)`. `task`:
    a name from `lab.TASKS`, or a `lab.Task` of your own. `optimizer`: a name, or one of the lab;
    `batch`, `peaks`: instead of the task's own, and of a search for peaks. What you can do by hand
    you can do from Python: see `Bench`. Raises `ValueError` for what there is not.

    >>> bench()
    bench(constant, cosine on digits: 32 seeds x 200 updates, ready)
    """
    chosen = {"steps": steps, "seeds": seeds, "batch": batch, "peaks": peaks}
    return Bench(list(schedules), task, optimizer, chosen)


class Bench(CourseWidget):
    """What `bench` returns.

    start(schedules=..., task=..., steps=..., seeds=..., optimizer=..., batch=..., tune=...,
          peak=..., peaks=..., mine=...)
               starts a race in the background; what is not given stays as it is chosen
    wait()     until it is done; stop() ends it soon, and keeps what was trained
    keep()     puts this race aside, to compare with the next; forget() takes it away
    race       the `lab.Race` that runs, or ran last; None before the first
    """

    _esm = script("bench")
    _css = look("bench")
    _actions = ("start", "stop", "keep", "forget")

    def __init__(self, schedules: list[str], task: Any, optimizer: Any, chosen: dict) -> None:
        self.race: Race | None = None
        self._over: threading.Event | None = None  # set when the race that was started is done
        self._failed: Exception | None = None
        self._kept: dict | None = None
        self._own: Own | None = None  # the learner's own schedule, while it is worked out
        self._tasks: dict[str, Any] = {name: name for name in lab.TASKS}
        self._optimizers: dict[str, Any] = {name: name for name in ("", *OPTIMIZERS)}
        self._chosen = {
            "schedules": schedules,
            "task": self._named("task", self._tasks, task),
            "optimizer": self._named("optimizer", self._optimizers, optimizer or ""),
            "tune": True,
            "peak": 0.1,
            "mine": "",
        } | {name: _blank(value) for name, value in chosen.items()}
        self._made(self._chosen, None)  # refuses now what could not be started
        content = {
            "title": "The lab bench",
            "shapes": list(lab.shapes(1000)),
            "tasks": [[name, task_named(task).regime] for name, task in self._tasks.items()],
            "optimizers": list(self._optimizers),
            "chosen": self._chosen,
        }
        super().__init__(content=content, state={"phase": "ready"})

    def _named(self, what: str, known: dict[str, Any], given: Any) -> str:
        """The name of a task or optimizer that may be one of the learner's own."""
        if isinstance(given, str):
            return given
        check = task_named if what == "task" else optimizer_named
        name = getattr(check(given), "name", "yours")
        known[name] = given
        return name

    # What a hand can do, and a test

    def start(self, chosen: dict | None = None, **changes: Any) -> None:
        """Start a race. What cannot be raced is refused, and nothing is lost."""
        if self.running:
            raise Refused("a race is running: stop it first, or wait")
        self._chosen_by_hand(changes)
        wanted = self._chosen | (chosen or {}) | changes
        if wanted["mine"].strip():
            self._work_out(wanted, patience=0.0 if chosen else PATIENCE)
            return
        try:
            race = self._made(wanted, None)
        except ValueError as problem:
            raise Refused(str(problem)) from problem
        self._go(race, wanted, self._begin())

    def _chosen_by_hand(self, changes: dict[str, Any]) -> None:
        """Names for a task and an optimizer that came as objects; text for what is left open."""
        for what, known in (("task", self._tasks), ("optimizer", self._optimizers)):
            if what in changes:
                changes[what] = self._named(what, known, changes[what] or "")
        for what in ("batch", "peaks"):
            if what in changes:
                changes[what] = _blank(changes[what])

    def _begin(self) -> threading.Event:
        """From now on the bench is running, until the event is set."""
        over = threading.Event()
        self._failed, self._over = None, over
        return over

    def _go(self, race: Race, chosen: dict, over: threading.Event) -> None:
        self.race, self._chosen = race, chosen
        threading.Thread(target=self._run, args=(race, over), daemon=True).start()

    def _work_out(self, wanted: dict, patience: float) -> None:
        """Work out the learner's own schedule in a thread, then race. It may be slow, or never end.

        What goes wrong within `patience` seconds is raised here; later it is told.
        """
        own = self._own = Own(wanted["mine"])
        before, over = self.state, self._begin()

        def prepare() -> None:
            race: Race | None = None
            problem: Exception = ValueError(STOPPED)
            try:
                race = self._made(wanted, own)
            except Stopped:
                pass
            except Exception as error:
                problem = error
            with own.lock:
                if own.given_up:
                    return
                own.problem, self._own = None if race else problem, None
                own.ready.set()
                if race is not None:
                    self._go(race, wanted, over)
                elif own.shown:
                    self._refused_late(problem, before, over)
                else:
                    over.set()

        if not patience:
            self._show_working(own)
        own.thread = threading.Thread(target=prepare, daemon=True)
        own.thread.start()
        if patience and not own.ready.wait(patience):
            self._show_working(own)
        if own.problem is not None and not own.shown:
            raise Refused(str(own.problem)) from own.problem

    def _show_working(self, own: "Own") -> None:
        """The sign that the learner's own schedule is being worked out, unless it just was."""
        with own.lock:
            if not own.ready.is_set():
                own.shown = True
                stage = {"stage": "working out your own schedule", "progress": 0.0}
                self.state = self.state | {"phase": "running"} | stage

    def _refused_late(self, problem: Exception, before: dict, over: threading.Event) -> None:
        """What went wrong after `start` had returned: told, and raised by `wait`."""
        self._failed = Refused(str(problem))
        self.trouble = sentence(str(problem))
        self.state = before | {"phase": "stopped"}
        over.set()

    def stop(self) -> None:
        """End the race soon, or the working out of your own schedule; what was trained stays."""
        own, over = self._own, self._over
        if own is not None and over is not None and own.give_up():
            self._own = None
            self._refused_late(ValueError(STOPPED), self.state, over)
        elif self.race is not None:
            self.race.stop()

    def wait(self, seconds: float | None = None) -> Race:
        """Wait until the race is done, and return it. What went wrong in it is raised here.

        Raises `TimeoutError` if that takes longer than `seconds`; the race goes on.
        """
        if self._over is None:
            raise ValueError("no race was started: call start() first")
        # Not a join: one that is interrupted can call the race over (gh-90882).
        if not self._over.wait(seconds):
            raise TimeoutError(f"the race is not over after {seconds} s: wait longer, or stop() it")
        if self._failed is not None:
            raise self._failed
        assert self.race is not None  # what was started and did not fail
        return self.race

    @property
    def running(self) -> bool:
        return self._over is not None and not self._over.is_set()

    def keep(self) -> None:
        """Put this race aside: its table stays beside the next one."""
        if self.running or "table" not in self.state:
            raise Refused("there is no finished race to keep yet")
        self._kept = {name: self.state[name] for name in ("what", "table", "verdict")}
        self.state = self.state | {"kept": self._kept}

    def forget(self) -> None:
        """Take the kept race away."""
        self._kept = None
        self.state = {name: value for name, value in self.state.items() if name != "kept"}

    def __repr__(self) -> str:
        names = ", ".join(_names(self._chosen))
        runs = f"{self._chosen['seeds']} seeds x {self._chosen['steps']} updates"
        return f"bench({names} on {self._chosen['task']}: {runs}, {self.state['phase']})"

    # The race

    def _made(self, chosen: dict, own: "Own | None") -> Race:
        """The race that is asked for, not run yet. Raises `ValueError` if it cannot be."""
        steps, tune = _number("the budget", chosen["steps"], LEAST_STEPS), bool(chosen["tune"])
        task, optimizer = self._task(chosen), self._optimizer(chosen)
        momentum = (optimizer or task.optimizer).momentum
        known = lab.shapes(steps, cycle_momentum=momentum > 0)
        missing = [name for name in chosen["schedules"] if name not in known]
        if missing:
            raise ValueError(f"unknown schedule {missing[0]!r}: choose from {', '.join(known)}")
        schedules: dict[str, Any] = {name: known[name] for name in chosen["schedules"]}
        if not tune:
            peak = _positive("the peak", chosen["peak"])
            schedules = {name: schedule.with_peak(peak) for name, schedule in schedules.items()}
        peaks = _rates(chosen["peaks"]) if tune else None
        seeds = _number("the number of seeds", chosen["seeds"], 2)
        if own is not None:
            schedules[OWN] = own.schedule(steps, momentum)
        if not schedules:
            raise ValueError("choose at least one schedule, or write one of your own")
        return Race(
            schedules, task, steps=steps, seeds=seeds, tune=tune, peaks=peaks, optimizer=optimizer
        )

    def _task(self, chosen: dict) -> Any:
        task = task_named(self._tasks.get(chosen["task"], chosen["task"]))
        if chosen["batch"] == "":
            return task
        batch = _number("the batch", chosen["batch"], 1)
        if task.exact:
            raise ValueError(f"{task.name} is computed, without batches: leave the batch empty")
        return task if batch == task.batch else replace(task, batch=batch)

    def _optimizer(self, chosen: dict) -> Optimizer | None:
        name = chosen["optimizer"]
        return optimizer_named(self._optimizers.get(name, name)) if name else None

    def _run(self, race: Race, over: threading.Event) -> None:
        """In the thread: train, and show how it goes."""
        try:
            race.run(on_progress=lambda race: self._show(race, "running"))
            self._show(race, "stopped" if race.stopped else "done")
        except Exception as error:
            self._failed = error
            self.trouble = f"The race broke off ({type(error).__name__}: {error})."
            self.state = self.state | {"phase": "stopped"}
        finally:
            over.set()

    def _show(self, race: Race, phase: str) -> None:
        shown: dict[str, Any] = {
            "phase": phase,
            "stage": race.stage,
            "progress": round(race.progress, 3),
            "what": f"{race.task.name}, {race.steps} updates, {len(race.seeds)} seeds",
            "better": race.task.better.capitalize(),
        }
        if race.stage == "judging":
            shown |= _drawn(race)
            if phase != "running":
                shown |= _concluded(race)
        if self._kept:
            shown["kept"] = self._kept
        self.state = shown

    # Without a kernel

    def _as_text(self) -> str:
        chosen = self._chosen
        return "\n".join(
            [
                "The lab bench: race schedules, live.",
                f"  Schedules: {', '.join(self.content['shapes'])}, or a function of your own.",
                f"  Chosen: {', '.join(_names(chosen))}.",
                *(f"  Task {name}: {regime}." for name, regime in self.content["tasks"]),
                f"  Budget: {chosen['steps']} updates, {chosen['seeds']} seeds, peaks tuned.",
                "Run this cell to start a race.",
            ]
        )


def _names(chosen: dict) -> list[str]:
    return [*chosen["schedules"], *([OWN] if chosen["mine"].strip() else [])]


def _number(what: str, value: Any, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if number < least:
        raise ValueError(f"{what} must be a whole number of at least {least}, got {value!r}")
    return number


def _positive(what: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{what} must be a number above 0, got {value!r}")
    return number


def _blank(value: Any) -> Any:
    """What a field shows: nothing for None, a list of rates as it is written."""
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(f"{rate:g}" if isinstance(rate, Real) else str(rate) for rate in value)
    return value


def _rates(text: Any) -> list[float] | None:
    """The peaks that were written, such as "0.05, 0.1"; None if none were."""
    parts = str(text).replace(",", " ").split()
    return [_positive("each peak", part) for part in parts] or None


# A schedule of the learner's own


class Stopped(BaseException):
    """Raised within the learner's own function to end it; no `except Exception` holds it."""


class Own:
    """The learner's own schedule, worked out once, in a thread of its own, and stopped if need be.

    It is run in the learner's own kernel, as any cell of theirs is.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.lock, self.ready = threading.RLock(), threading.Event()
        self.thread: threading.Thread | None = None
        self.problem: Exception | None = None
        self.shown = self.given_up = False
        self._at_work = False

    def schedule(self, steps: int, momentum: float) -> Any:
        """A schedule of the course as it is; of a function, the table of its rates."""
        with self.lock:
            self._at_work = True
        try:
            value = self._value(steps)
            made = plan(OWN, value, steps, momentum)
        finally:
            with self.lock:
                self._at_work = False
        if isinstance(value, Schedule) and not isinstance(value, lrcourse.Custom):
            return value
        rates = made.lr.tolist()
        return lambda t: rates[t]

    def _value(self, steps: int) -> Any:
        names = {name: getattr(lrcourse, name) for name in lrcourse.__all__}
        try:
            value = eval(self._text, {"np": np, "math": math, "steps": steps, **names})
        except Exception as error:
            raise ValueError(
                f"your own schedule does not run ({type(error).__name__}: {error}): write a function "
                f"such as lambda t: 1 - t / {steps}"
            ) from error
        if not callable(value):
            raise ValueError(
                f"your own schedule must be a function of t, got {value!r}: write lambda t: "
                f"{self._text}"
            )
        return value

    def give_up(self) -> bool:
        """End the work, if it is still going on; whether it was. Nothing of it is heard any more."""
        with self.lock:
            if self.given_up or self.ready.is_set():
                return False
            self.given_up = True
            if self._at_work and self.thread is not None:
                raise_in(self.thread, Stopped)
            return True


# What the browser draws


def _drawn(race: Race) -> dict:
    """The curves so far, with their bands, and the rates used so far; and axes for both."""
    curves: list[dict[str, Any]] = []
    for name, scores in race.curves.items():
        seen = np.isfinite(scores).all(axis=0) if race.progress == 1 else _some(scores)
        mean, half = _mean_and_half(scores[:, seen])
        curves.append(
            {
                "name": name,
                "t": race.marks[seen].tolist(),
                "mean": to_json(mean),
                "low": to_json(mean - half),
                "high": to_json(mean + half),
            }
        )
    every = max(1, race.steps // MOST_POINTS)
    rates: list[dict[str, Any]] = [
        {
            "name": name,
            "t": list(range(0, race.steps, every)),
            "rate": to_json(_first(used)[::every]),
        }
        for name, used in race.used.items()
    ]
    top = max((r for line in rates for r in line["rate"] if r is not None), default=1.0)
    limits = limits_of_curves(race) or (0.0, 1.0)  # before the first mark there is nothing to show
    return {
        "curves": curves,
        "rates": rates,
        "axes": axes((0, race.steps), limits, "t, updates already made", race.task.metric),
        "below": axes((0, race.steps), (0, 1.06 * top), "t, updates already made", "rate used"),
    }


def _some(scores: np.ndarray) -> np.ndarray:
    return np.isfinite(scores).any(axis=0)


def _mean_and_half(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the seeds that are there, and half of its 95 % interval."""
    means, halves = [], []
    for column in scores.T:
        values = column[np.isfinite(column)]
        shown = lab.interval(values)
        means.append(shown.mean)
        halves.append(shown.half if math.isfinite(shown.half) else 0.0)
    return np.array(means), np.array(halves)


def _first(used: np.ndarray) -> np.ndarray:
    """The rates of the seed that has got furthest; all seeds use the same."""
    return used[np.argmax(np.isfinite(used).sum(axis=1))]


def _concluded(race: Race) -> dict:
    """The verdict, a sentence a line, and the table, as text."""
    try:
        verdict, table = race.verdict().splitlines(), race.table()
    except ValueError as early:  # stopped before there was anything to judge
        return {"verdict": [str(early)]}
    wanted = ["≈", "mean", "accuracy", "behind", "±", "wins", "peak"]
    columns = [column for column in wanted if column in table]
    rows = [[str(name), *map(_cell, row)] for name, row in zip(table.index, table[columns].values)]
    return {"verdict": verdict, "table": {"columns": ["schedule", *columns], "rows": rows}}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.3g}"
