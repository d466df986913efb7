"""The lab bench: a race under your hands, whose curves grow while it trains.

The race runs in a thread of its own. The kernel stays free, so that a slider elsewhere in the
notebook still moves, and so that the Stop button is heard.
"""

import math
import threading
from typing import Any

import numpy as np

import lrcourse
from lrcourse import lab
from lrcourse.lab.race import Race
from lrcourse.lab.tasks import task_named
from lrcourse.widgets.widget import CourseWidget, Refused, axes, look, script, to_json

MOST_POINTS = 300  # of a line of rates: there are no more pixels
LEAST_STEPS = 20  # below that, the shapes of the course do not fit
OWN = "mine"


def bench(
    schedules: Any = ("constant", "cosine"),
    *,
    task: str = "digits",
    steps: int = 200,
    seeds: int = 32,
) -> "Bench":
    """A bench for races: choose schedules, a task, a budget, seeds; start, stop, keep, compare.

    The arguments are what is chosen at first. `schedules`: names from `lab.shapes(steps)`. What
    you can do by hand you can do from Python: see `Bench`. Raises `ValueError` for a task or
    schedule that there is not.

    >>> bench()
    bench(constant, cosine on digits: 32 seeds x 200 updates, ready)
    """
    return Bench(list(schedules), task, steps, seeds)


class Bench(CourseWidget):
    """What `bench` returns.

    start(schedules=..., task=..., steps=..., seeds=..., tune=..., peak=..., mine=...)
               starts a race in the background; what is not given stays as it is chosen
    wait()     until it is done; stop() ends it soon, and keeps what was trained
    keep()     puts this race aside, to compare with the next; forget() takes it away
    race       the `lab.Race` that runs, or ran last; None before the first
    """

    _esm = script("bench")
    _css = look("bench")
    _actions = ("start", "stop", "keep", "forget")

    def __init__(self, schedules: list[str], task: str, steps: int, seeds: int) -> None:
        self.race: Race | None = None
        self._over: threading.Event | None = None  # set when the race that was started is done
        self._failed: Exception | None = None
        self._kept: dict | None = None
        self._chosen = {
            "schedules": schedules,
            "task": task,
            "steps": steps,
            "seeds": seeds,
            "tune": True,
            "peak": 0.1,
            "mine": "",
        }
        self._made(self._chosen)  # refuses now what could not be started
        content = {
            "title": "The lab bench",
            "shapes": list(lab.shapes(1000)),
            "tasks": [[name, _regime(name)] for name in lab.TASKS],
            "chosen": self._chosen,
        }
        super().__init__(content=content, state={"phase": "ready"})

    # What a hand can do, and a test

    def start(self, chosen: dict | None = None, **changes: Any) -> None:
        """Start a race. What cannot be raced is refused, and nothing is lost."""
        if self.running:
            raise Refused("a race is running: stop it first, or wait")
        wanted = self._chosen | (chosen or {}) | changes
        try:
            race = self._made(wanted)
        except ValueError as problem:
            raise Refused(str(problem)) from problem
        self.race, self._chosen, self._failed = race, wanted, None
        self._over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """End the race soon; what was trained stays."""
        if self.race is not None:
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

    def _made(self, chosen: dict) -> Race:
        """The race that is asked for, not run yet. Raises `ValueError` if it cannot be."""
        steps, tune = _number("the budget", chosen["steps"], LEAST_STEPS), bool(chosen["tune"])
        momentum = getattr(task_named(chosen["task"]).optimizer, "momentum", 0.9)
        known = lab.shapes(steps, cycle_momentum=momentum > 0)
        missing = [name for name in chosen["schedules"] if name not in known]
        if missing:
            raise ValueError(f"unknown schedule {missing[0]!r}: choose from {', '.join(known)}")
        schedules = {name: known[name] for name in chosen["schedules"]}
        if not tune:
            peak = _positive("the peak", chosen["peak"])
            schedules = {name: schedule.with_peak(peak) for name, schedule in schedules.items()}
        if chosen["mine"].strip():
            schedules[OWN] = _function(chosen["mine"], steps)
        if not schedules:
            raise ValueError("choose at least one schedule, or write one of your own")
        seeds = _number("the number of seeds", chosen["seeds"], 2)
        return Race(schedules, chosen["task"], steps=steps, seeds=seeds, tune=tune)

    def _run(self) -> None:
        """In the thread: train, and show how it goes."""
        try:
            self.race.run(on_progress=lambda race: self._show("running"))
            self._show("stopped" if self.race.stopped else "done")
        except Exception as error:
            self._failed = error
            self.trouble = f"The race broke off ({type(error).__name__}: {error})."
            self.state = self.state | {"phase": "stopped"}
        finally:
            self._over.set()

    def _show(self, phase: str) -> None:
        race = self.race
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


def _regime(name: str) -> str:
    return task_named(name).regime


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


def _function(text: str, steps: int) -> Any:
    """The learner's own schedule, from what they wrote: a function of t, or a schedule.

    It is run in the learner's own kernel, as any cell of theirs is.
    """
    names = {name: getattr(lrcourse, name) for name in lrcourse.__all__}
    try:
        value = eval(text, {"np": np, "math": math, "steps": steps, **names})
    except Exception as error:
        raise ValueError(
            f"your own schedule does not run ({type(error).__name__}: {error}): write a function "
            f"such as lambda t: 1 - t / {steps}"
        ) from error
    if not callable(value):
        raise ValueError(
            f"your own schedule must be a function of t, got {value!r}: write lambda t: {text}"
        )
    return value


# What the browser draws


def _drawn(race: Race) -> dict:
    """The curves so far, with their bands, and the rates used so far; and axes for both."""
    curves, tops, bottoms = [], [], []
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
        tops += (mean + half)[np.isfinite(mean + half)].tolist()
        bottoms += (mean - half)[np.isfinite(mean - half)].tolist()
    every = max(1, race.steps // MOST_POINTS)
    rates = [
        {
            "name": name,
            "t": list(range(0, race.steps, every)),
            "rate": to_json(_first(used)[::every]),
        }
        for name, used in race.used.items()
    ]
    top = max((r for line in rates for r in line["rate"] if r is not None), default=1.0)
    low, high = min([0.0, *bottoms]), max([1e-9, *tops])
    return {
        "curves": curves,
        "rates": rates,
        "axes": axes(
            (0, race.steps), (low, 1.05 * high), "t, updates already made", race.task.metric
        ),
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
    columns = ["≈", "mean", "behind", "±", "wins", "peak"]
    rows = [[str(name), *map(_cell, row)] for name, row in zip(table.index, table[columns].values)]
    return {"verdict": verdict, "table": {"columns": ["schedule", *columns], "rows": rows}}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.3g}"
