"""Instant feedback: `lrcourse.check("step_decay.1", step_decay)`, in the learner's own words.

The answer is called for arguments drawn afresh, within a time limit; what it returns is compared
by `lrcourse.tasks.judge`, just as the grader does. Whatever the answer is, a sentence comes back.
"""

import contextlib
import difflib
import io
import os
import threading
import time
import warnings
from datetime import datetime
from html import escape
from typing import Any

import numpy as np

from lrcourse import answers, memory
from lrcourse.stopping import raise_in
from lrcourse.tasks import (
    SHEETS,
    TASKS,
    VARIED,
    Curves,
    Task,
    Verdict,
    curves_of,
    judge,
    plain_name,
    show,
    varied,
)

SECONDS = {"loop": 20.0, "resume": 20.0}  # for an answer, by kind
OTHERWISE = 3.0
PATIENCE = 2.0  # seconds for stopping it
KEPT = "exercises"  # what the learner's memory calls them
RUNGS = ("Nudge", "Hint", "Worked idea")

_NOTHING = object()
_class: dict[str, str] = {}  # whose numbers: see `variant`
_climbed: dict[str, int] = {}  # how many hints of each task have been asked for


def check(task_id: str, answer: Any = _NOTHING, *, seconds: float | None = None) -> "Result":
    """Check your `answer` to an exercise, and say what is right or where it goes wrong.

    `answer`: what the exercise asks for, a function (its name, without brackets) or a value.
    `seconds`: how long it may take. The `Result` says it all when it is the last line of a cell;
    `.hint()` and `.picture()` help you on. What you reach is kept: `lrcourse.progress()`.

    Raises `ValueError` for an exercise that does not exist, or if no answer is handed over.

    >>> check("exponential_decay.4", lambda gamma: 1 - gamma)
    exponential_decay.4, And back: not yet, 0.5 of 1 point.
    Yours 0.05, expected 0.0512933 (gamma=0.95). 1 - gamma is close near 1 only: solve gamma = e^-k for k.
    Add .hint() for a hint, .picture() to see yours beside what is expected.
    """
    task = _named(task_id)
    if task.kind == "manual":
        return Result(task, Verdict(right=False, share=0.0, says=_BY_A_PERSON), [], [])
    if answer is _NOTHING:
        name = f'lrcourse.check("{task.id}", {task.answer_name})'
        raise ValueError(f"check needs your answer too: {name}")
    arguments = task.arguments(np.random.default_rng())
    limit = seconds or SECONDS.get(task.kind, OTHERWISE)
    results, printed = _collected(task, answer, arguments, limit)
    verdict = judge(task, arguments, results)
    note = " ".join(filter(None, (_prints(task, verdict, printed), _kept(task, verdict))))
    return Result(task, verdict, arguments, results, note)


_BY_A_PERSON = (
    "A person marks this one, with the rubric below the question: write your answer in words, into "
    "the cell for it in the sheet."
)


def _named(task_id: Any) -> Task:
    if isinstance(task_id, str) and task_id in TASKS:
        return varied(TASKS[task_id], *_whose())
    near = difflib.get_close_matches(str(task_id), TASKS, n=1, cutoff=0.7)
    meant = f"did you mean {near[0]!r}?" if near else "lrcourse.progress() lists them all"
    raise ValueError(f"there is no exercise {task_id!r}: {meant}")


def variant(key: str, learner: str) -> "Questions":
    """Draw your own questions where the answer is a value, and show them. First in your notebook.

    Tasks done by hand have other numbers; those that name causes, the cases in another order.

    key:      what your instructor gave the class
    learner:  your name, as the folder or file that you hand in is called

    `check` and the grader expect these answers from here on. Raises `ValueError` for an empty text.
    """
    for name, text in (("key", key), ("learner", learner)):
        if not isinstance(text, str) or not plain_name(text):
            raise ValueError(f"{name} must be a text with letters or digits, got {text!r}")
    _class.update(key=key, learner=learner)
    tasks = (varied(TASKS[i], key, learner) for i in VARIED)
    return Questions(
        "\n\n".join(f"**{task.id}, as it is for you.** {task.question}" for task in tasks)
    )


def _whose() -> tuple[str, str]:
    """The key of the class and the name of the learner; nothing if the numbers are for all."""
    key = _class.get("key") or os.environ.get("LRCOURSE_CLASS_KEY", "")
    return key, _class.get("learner") or os.environ.get("LRCOURSE_LEARNER", "")


# Run the answer, but not for ever


def _collected(task: Task, answer: Any, arguments: list, seconds: float) -> tuple[list, str]:
    """What the answer gave for each of the arguments, and what it printed meanwhile."""
    answers.prepare(task.kind)
    results: list = []
    printed = _Printed()
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(printed):
        ended = _within(seconds, lambda: answers.collect(task.kind, answer, arguments, results))
    results = results[: len(arguments)]
    if len(results) < len(arguments):
        rest = answers.failed(_still_running(seconds, ended))
        results += [rest] * (len(arguments) - len(results))
    return results, printed.getvalue()


def _still_running(seconds: float, ended: bool) -> str:
    says = f"your code was still running after {seconds:g} seconds"
    if ended:
        return f"{says}, and was stopped. Is there a loop that never ends?"
    return (
        f"{says}, in one long call that nothing can stop, a sleep or a large computation: if the "
        f"notebook stays busy, restart the kernel (Kernel, Restart)"
    )


def _within(seconds: float, work: Any) -> bool:
    """Run `work` in a thread of its own, and stop it when its time is over, or on an interrupt.

    Works on every system, in a notebook and out of it: no signal is involved. Returns whether it
    has ended, or stands still. All that can go on is one call of C code, a sleep for example.
    """

    over, stopped, at_rest = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        with contextlib.suppress(answers.OutOfTime):
            work()
        over.set()

    def stop() -> None:
        _stop(thread, at_rest)
        stopped.set()

    thread = threading.Thread(target=run, name="lrcourse.check", daemon=True)
    # Not in this thread: the next interrupt would end the stopping, not the loop.
    stops = threading.Thread(target=stop, daemon=True)
    try:
        thread.start()
        _wait(over, seconds)
    finally:
        if not over.is_set():
            stops.start()
    if stops.ident is not None:
        _wait(stopped, PATIENCE)
    return not thread.is_alive() or at_rest.is_set()


def _wait(event: threading.Event, seconds: float) -> None:
    """Wait in small pieces: on Windows no interrupt ends the wait for a lock.

    For an event, not with `join`: an interrupt of that can mark a thread that runs as ended
    (CPython issue 90882).
    """
    deadline = time.monotonic() + seconds
    while not event.is_set() and (left := deadline - time.monotonic()) > 0:
        event.wait(min(left, 0.05))


def _stop(thread: threading.Thread, at_rest: threading.Event) -> None:
    """Raise `OutOfTime` in a thread until it ends; where it is caught every time, let it rest.

    The exception is made in the thread in which it is raised. So one whose making never ends
    keeps the thread where it is: it uses the processor no more. `at_rest` is set then.
    """

    class Rest(answers.OutOfTime):
        def __init__(self) -> None:
            at_rest.set()
            threading.Event().wait()

    for _ in range(20):
        raise_in(thread, answers.OutOfTime)
        thread.join(0.05)
        if not thread.is_alive():
            return
    raise_in(thread, Rest)
    at_rest.wait(PATIENCE)


class _Printed(io.StringIO):
    """Takes what is printed, and keeps the beginning of it: printing for ever fills nothing."""

    def write(self, text: str) -> int:
        if self.tell() < 2_000:
            super().write(text[:2_000])
        return len(text)

    def close(self) -> None:
        """Stay open: an answer that closes `sys.stdout` closes nothing."""


def _prints(task: Task, verdict: Verdict, printed: str) -> str:
    if verdict.right or not printed or verdict.yours is not None or task.kind != "function":
        return ""
    return "Your function prints something: what counts is what it returns."


# What the learner gets back


class Result:
    """What became of an answer: shown by itself as the last line of a cell.

    right: bool    points: what it is worth    of: what it could be worth    says: the sentence
    """

    def __init__(
        self, task: Task, verdict: Verdict, arguments: list, results: list, note: str = ""
    ) -> None:
        self.id, self.right, self.says = task.id, verdict.right, verdict.says
        self.points, self.of = _points(task, verdict), task.points
        self.note = note
        self._task, self._verdict = task, verdict
        self._arguments, self._results = arguments, results

    def hint(self) -> "Text":
        """A nudge; asked again, a hint; asked a third time, the idea. Never the solution."""
        rung = min(_climbed.get(self.id, 0), len(RUNGS) - 1)
        _climbed[self.id] = rung + 1
        hint = self._task.hints[rung]
        if not hint:
            return Text("There is no hint for this one.")
        last = "" if rung + 1 < len(RUNGS) else " (That was the last hint.)"
        return Text(f"{RUNGS[rung]}: {hint}{last}")

    def picture(self) -> Any:
        """Yours beside what is expected, for the call where they part. A sentence if there is
        nothing to draw."""
        curves = self._curves()
        if curves is None:
            return Text("There is nothing to draw here: no curve came back, or none is asked for.")
        return Picture(curves)

    def _curves(self) -> Curves | None:
        return curves_of(self._task, self._verdict.case, self._arguments, self._results)

    def award(self) -> float:
        """For nbgrader: the points, or AssertionError with the sentence if there are none."""
        if not self.points:
            raise AssertionError(str(self))
        return self.points

    def _head(self) -> str:
        if self._task.kind == "manual":
            return f"{self.id}, {self._task.title}"
        verdict = "right" if self.right else "not yet"
        points = "point" if self.of == 1 else "points"
        return (
            f"{self.id}, {self._task.title}: {verdict}, {show(self.points)} of {self.of} {points}"
        )

    def _tail(self) -> str:
        if self.right or self._task.kind == "manual":
            return ""
        picture = ", .picture() to see yours beside what is expected" if self._curves() else ""
        return f"Add .hint() for a hint{picture}."

    def __repr__(self) -> str:
        return "\n".join(filter(None, (f"{self._head()}.", self.says, self.note, self._tail())))

    def _repr_html_(self) -> str:
        colour, sign = ("#1b7837", "&#10003;") if self.right else ("#b2182b", "&#10007;")
        if self._task.kind == "manual":
            colour, sign = "#555555", "&#9998;"
        says, tail = " ".join(filter(None, (self.says, self.note))), self._tail()
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding: 0.3em 0.8em">'
            f'<strong><span aria-hidden="true" style="color: {colour}">{sign}</span> '
            f"{escape(self._head())}.</strong><br>{escape(says)}"
            f"{f'<br><small>{escape(tail)}</small>' if tail else ''}</div>"
        )


class Text(str):
    """A sentence that a cell shows without quotation marks."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<div role="status">{escape(str(self))}</div>'


class Questions(str):
    """A text in Markdown that a cell shows as such: formulas, lists, tables."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


class Picture:
    """Two curves, and the same in words. `figure` is the matplotlib figure."""

    def __init__(self, curves: Curves) -> None:
        self.words = curves.words
        self.figure = _drawn(curves)

    def __repr__(self) -> str:
        return self.words

    def _repr_html_(self) -> str:
        self.figure.words = self.words
        return self.figure._repr_html_()


def _drawn(curves: Curves) -> Any:
    """The figure, apart from pyplot: a cell shows it once, and nothing is left open."""
    from lrcourse import plots

    yours = [np.nan if v is None else v for v in curves.yours]
    lines = ("-", "--") if curves.joined else ("none", "none")
    with plots.style():
        figure = plots.Picture(figsize=(7, 3.2), layout="constrained")
        ax = figure.add_subplot()
        ax.plot(curves.steps, curves.expected, linestyle=lines[0], label="expected", marker=".")
        ax.plot(curves.steps, yours, linestyle=lines[1], label="yours", marker="x")
        ax.set(xlabel=curves.label, ylabel="result")
        ax.locator_params(axis="x", integer=curves.whole)
        ax.legend()
    return figure


# What has been reached


def _points(task: Task, verdict: Verdict) -> float:
    return round(task.points * verdict.share, 2)


def _kept(task: Task, verdict: Verdict) -> str:
    """Note the try in the learner's memory. Returns a sentence if that was not possible."""
    if "NBGRADER_EXECUTION" in os.environ:  # a grader runs this: it is nobody's progress
        return ""
    try:
        before = memory.recall(KEPT, task.id, {})
        points = max(_points(task, verdict), _number(before, "points"))
        tries = int(_number(before, "tries")) + 1
        now = datetime.now().isoformat(timespec="seconds")
        memory.remember(KEPT, task.id, {"points": points, "tries": tries, "last": now})
    except (OSError, ValueError) as error:  # a full disk, a folder that cannot be written
        return f"(Your progress could not be kept: {error})"
    return ""


def _number(kept: Any, name: str) -> float:
    value = kept.get(name) if isinstance(kept, dict) else None
    return float(value) if isinstance(value, int | float) and type(value) is not bool else 0.0


def progress() -> Any:
    """Your best result in every exercise so far, as a table (a pandas DataFrame).

    It begins with what is next: the exercises that still lack points, in the order of the course; then
    those that are done, and a row for all of them together. `points` is "1 of 2", `tries` how often
    you asked, `minutes` how long it takes.
    """
    import pandas as pd

    rows, done, reached = {}, set(), 0.0
    for sheet in SHEETS:
        for task in (task for task in TASKS.values() if task.sheet == sheet):
            kept = memory.recall(KEPT, task.id, {})
            points = min(_number(kept, "points"), task.points)
            reached += points
            done |= {task.id} if points >= task.points else set()
            rows[task.id] = {
                "exercise": task.title,
                "difficulty": task.difficulty,
                "minutes": task.minutes,
                "points": f"{show(points)} of {task.points}" if kept else f"- of {task.points}",
                "tries": int(_number(kept, "tries")),
            }
    rows = dict(
        sorted(rows.items(), key=lambda row: row[0] in done)
    )  # keeps the order of the course
    rows["all"] = {
        "exercise": "",
        "difficulty": "",
        "minutes": sum(task.minutes for task in TASKS.values()),
        "points": f"{show(reached)} of {sum(task.points for task in TASKS.values())}",
        "tries": sum(row["tries"] for row in rows.values()),
    }
    return pd.DataFrame.from_dict(rows, orient="index")
