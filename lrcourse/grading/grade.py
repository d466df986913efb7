"""`lrcourse grade SUBMISSIONS -o RESULTS`: marks that a submission cannot decide.

The trusted side. It reads a submission as text (`notebooks`, `submissions`), draws arguments afresh, has the answers called in
the sandbox (`sessions`), and compares the numbers that come back with the reference
(`lrcourse.tasks.judge`). Each result is one small file in `RESULTS/marks`, written in one piece:
a crash loses nothing, and a second run grades only what has changed.
"""

import hashlib
import json
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lrcourse import __version__
from lrcourse.grading.crew import in_parallel
from lrcourse.grading.files import save
from lrcourse.grading.names import visible
from lrcourse.grading.notebooks import Notebook, Refused, defined_in, sheet_of
from lrcourse.grading.sandbox import Limits, NoSandbox, refusal
from lrcourse.grading.sessions import WARM, Run, SandboxedWorker, UnsafeWorker, run_notebook
from lrcourse.grading.submissions import Submission, newest_of_each, survey
from lrcourse.schedules import SCHEDULES
from lrcourse.tasks import SHEETS, TASKS, Task, curves_of, judge

SEED = "judged_on.json"  # in the results: out of every submission's sight

LOUD = (
    "UNSAFE: graded without a sandbox. Each submission ran with the rights of the person who "
    "graded, and could read and change their files, these marks among them."
)


class Stopped(Exception):
    """Grading was told to stop before its end. The text says what is kept, and where."""


@dataclass
class Mark:
    """What one submission got. Saved as it is; nothing in it was decided inside the sandbox."""

    learner: str
    file: str
    sheet: str | None
    tasks: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # for the learner: what went wrong on the way
    for_instructor: list[str] = field(default_factory=list)
    refused: str = ""
    unsafe: bool = False
    fingerprint: str = ""
    seed: int = 0  # drew the arguments
    judged_on: int = 0  # draws the chance in a verdict: one for all in the folder of results
    seconds: float = 0.0
    graded: str = ""
    place: str = ""
    ids: list[str] = field(default_factory=list)
    apart: str = ""  # the folder that tells the learner from another of the same name
    source: str = ""  # the entry of the class's folder that it came in
    late: bool = False  # the platform says that it came late
    timed_out: bool = False  # something in it took too long
    starved: bool = False  # and that may have been the machine's fault: not kept
    modified: float = 0.0  # when the file was written, in seconds since 1970
    platform: str = ""  # whose numbers the ids are: "canvas" or "moodle"

    @property
    def earned(self) -> float:
        return round(sum(t["earned"] or 0.0 for t in self.tasks), 4)

    @property
    def possible(self) -> float:
        return sum(t["points"] for t in self.tasks)

    @property
    def pending(self) -> list[dict]:
        """Tasks that a person has yet to mark."""
        return [t for t in self.tasks if t["earned"] is None]


# Marking one


def fresh_seed() -> int:
    """For the arguments of one run: nobody knows it before. The mark keeps it, for an appeal."""
    return secrets.randbits(63)


def mark(
    submission: Submission,
    worker: Any,
    limits: Limits,
    seed: int | None = None,
    judged_on: int | None = None,
) -> Mark:
    """The mark of one submission. Never raises for what is in it."""
    seed = fresh_seed() if seed is None else seed
    done = Mark(
        learner=submission.learner,
        file=submission.name,
        sheet=submission.sheet,
        unsafe=worker.unsafe,
        seed=seed,
        judged_on=fresh_seed() if judged_on is None else judged_on,
        place=submission.place,
        ids=list(submission.ids),
        platform=submission.platform,
        apart=submission.apart,
        source=submission.source,
        late=submission.late,
        modified=submission.modified,
        graded=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    try:
        if submission.refused:
            raise Refused(submission.refused)
        _, notebook = submission.read()
        done.sheet = submission.sheet or sheet_of(notebook.code)
        if done.sheet is None:
            raise Refused(
                "Which sheet this is cannot be told, from its name or from its answers: keep the "
                "name of the notebook that you were given."
            )
        mark_tasks(done, notebook, worker, limits)
        done.notes = [*submission.says, *done.notes]
    except Refused as refused:
        done.refused = str(refused)
        done.tasks = [_entry(t, 0.0, done.refused) for t in _tasks_of(done.sheet)]
    done.for_instructor += submission.notes
    return done


def _tasks_of(sheet: str | None) -> tuple[Task, ...]:
    return SHEETS[sheet].TASKS if sheet else ()


def mark_tasks(done: Mark, notebook: Notebook, worker: Any, limits: Limits) -> None:
    code = notebook.code
    rng = np.random.default_rng(done.seed)
    tasks = _tasks_of(done.sheet)
    drawn = {t.id: t.arguments(rng) for t in tasks if t.kind != "manual"}
    asked = [
        {"id": i, "kind": TASKS[i].kind, "answer_name": TASKS[i].answer_name, "arguments": drawn[i]}
        for i in drawn
    ]
    run = run_notebook(worker, code, asked, limits)
    done.seconds, done.timed_out, done.starved = run.seconds, run.timed_out, run.starved
    done.notes = _notes(run)
    done.for_instructor = _uses_the_course(code)
    for task in tasks:
        if task.kind == "manual":
            answer = next((c.source for c in notebook.cells if c.grade_id == task.grade_id), "")
            done.tasks.append(
                _entry(task, None, "A person marks this one.", answer=answer[:20_000])
            )
        else:
            done.tasks.append(_judged(task, drawn[task.id], run, code, done.judged_on))


def _judged(
    task: Task, arguments: list, run: Run, code: list[str], judged_on: int | None = None
) -> dict:
    if task.id in run.lost:
        return _entry(task, 0.0, f"`{task.answer_name}` {run.lost[task.id]}.", called=False)
    if task.id in run.missing or task.id not in run.results:
        return _entry(task, 0.0, _why_missing(task, run, code), called=False)
    try:
        results = run.results[task.id]
        verdict = judge(task, arguments, results, judged_on)
        curves = None if verdict.right else curves_of(task, verdict.case, arguments, results)
    except Exception as error:  # a fault of ours, or an attack on it: a person looks
        says = f"This answer could not be compared ({type(error).__name__}): ask your instructor."
        return _entry(task, 0.0, says, check_by_hand=True)
    share = min(1.0, max(0.0, float(verdict.share)))
    earned = round(task.points * share, 2)  # as the instant feedback does
    more = {"curves": asdict(curves)} if curves and curves.apart else {}
    return _entry(task, earned, verdict.says, right=verdict.right, mistake=verdict.mistake, **more)


def _why_missing(task: Task, run: Run, code: list[str]) -> str:
    if run.ended:
        return f"Not called: {run.ended}."
    name = task.answer_name
    cells = [i for i, text in enumerate(code) if name in text and name in defined_in([text])]
    for cell in cells:
        if cell in run.left_out:
            return f"The cell that defines `{task.answer_name}` {run.left_out[cell]}."
        if cell in run.errors:
            what, line = run.errors[cell]
            where = f" Your {line}." if line else ""
            return f"The cell that defines `{task.answer_name}` stopped: {what}.{where}"
    return (
        f"`{task.answer_name}` is not defined when the notebook has run from top to bottom: try "
        f"Kernel, Restart Kernel and Run All Cells."
    )


def _notes(run: Run) -> list[str]:
    notes = [f"Code cell {i + 1} {why}; it was left out." for i, why in run.left_out.items()]
    for i, (what, line) in sorted(run.errors.items())[:20]:
        notes.append(f"Code cell {i + 1}: {what}.{f' Your {line}.' if line else ''}")
    return notes + ([f"{run.ended[:1].upper()}{run.ended[1:]}."] if run.ended else [])


_OWN = re.compile(r"^\s*(?:from\s+(lrcourse[\w.]*)\s+import\b(.*)|import\s+(.*\blrcourse\b.*))")
_ROUNDABOUT = re.compile(r"\b(__import__|importlib|exec|eval|sys\.modules)\b")
_CLASSES = (*(s.__name__ for s in SCHEDULES), "SCHEDULES")


def _uses_the_course(code: list[str]) -> list[str]:
    """Learners have the schedules; whether an exercise lets them be used is for a person to say.

    Line by line, without parsing: a megabyte of names would make a gigabyte of a syntax tree.
    """
    lines = [line.partition("#")[0] for text in code for line in text.split("\n")]
    modules, taken, all_of_it = {"lrcourse"}, set(), False
    for line in lines:
        if found := _OWN.match(line):
            names = (found[2] or found[3] or "").replace("(", " ").split(",")
            modules |= {words[-1] for words in map(str.split, names) if words}
            taken |= {words[0] for words in map(str.split, names) if words}
            all_of_it |= "*" in taken
    for line in lines:
        for module, name in re.findall(r"(\w+)\.(?=(\w+))", line):
            if module in modules or module == "schedules" and "lrcourse" in line:
                taken.add(name)
        if all_of_it or "lrcourse" in line:
            taken |= {name for name in _CLASSES if re.search(rf"\b{name}\b", line)}
    used = [name for name in _CLASSES if name in taken]
    notes = [f"Uses the course's own {', '.join(used)}."] if used else []
    ways = dict.fromkeys(found[1] for line in lines if (found := _ROUNDABOUT.search(line)))
    if ways:
        notes.append(
            f"Loads or runs something in a roundabout way ({', '.join(ways)}): look at it."
        )
    return notes


def _entry(task: Task, earned: float | None, says: str, **more: Any) -> dict:
    return {
        "id": task.id,
        "title": task.title,
        "points": task.points,
        "earned": earned,
        "says": says,
        "right": earned == task.points,
        "mistake": "",
        **more,
    }


# Marking them all


def fingerprint(one: Submission, unsafe: bool, limits: Limits, judged_on: int) -> str:
    """Changes when the submission, the exercises, the grader, its limits or its seeds change."""
    try:
        raw = os.fsencode(one.refused) or one.read()[0]
    except Refused as refused:
        raw = str(refused).encode()
    about = [one.sheet, one.says, one.notes, one.apart, one.source, one.late, one.online, one.name]
    settings = json.dumps([__version__, *about, unsafe, asdict(limits), judged_on])
    parts = (raw, settings.encode(), _code_of_the_grader())
    return hashlib.sha256(b"\0".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()


@cache
def _code_of_the_grader() -> bytes:
    """All that can change a mark: the exercises, their judges, the lab that trains for them."""
    course = Path(__file__).resolve().parent.parent
    decides = ("*.py", *(f"{room}/**/*.py" for room in ("_causes", "grading", "lab", "tasks")))
    files = sorted(f for pattern in decides for f in course.glob(pattern))
    parts = [part for f in files for part in (str(f.relative_to(course)).encode(), f.read_bytes())]
    return b"\0".join(parts)


class Graded(list[Mark]):
    """The marks of a class, with what else there is to say of its folder."""

    def __init__(self, marks: Iterable[Mark], layout: str = "", passed_over: Iterable[str] = ()):
        super().__init__(marks)
        self.layout = layout  # how the class handed in
        self.passed_over = list(passed_over)  # files that are nobody's notebook


def grade(
    submissions: Path,
    results: Path,
    *,
    sheet: str | None = None,
    layout: str | None = None,
    known: Callable[[str], bool] = lambda name: False,
    unsafe: bool = False,
    jobs: int | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    stop: threading.Event | None = None,
) -> Graded:
    """Mark every notebook below `submissions`; keep the marks in `results / "marks"`.

    `sheet`: the sheet that all of them are, if the names do not say. `layout`: how the class handed
    in, one of `layout.LAYOUTS`, if that is not plain; `known`: whether the roster knows a name.
    `unsafe`: without a sandbox. `progress(done, of)` is called as they come in. `stop`: once it is
    set, by another thread or a signal, what is done is kept, and `Stopped` is raised.

    Raises `NoSandbox` if there is no sandbox and `unsafe` was not said, `ValueError` if there is
    nothing to grade.
    """
    if sheet is not None and sheet not in SHEETS:
        raise ValueError(f"there is no sheet {sheet!r}: the sheets are {', '.join(SHEETS)}")
    if not unsafe and refusal():
        raise NoSandbox(refusal())
    there = survey(submissions, sheet, results, layout, known)
    found, replaced = newest_of_each(there.submissions)
    found = [replace(one, notes=(*one.notes, *replaced.get(one.place, ()))) for one in found]
    kept = results / "marks"
    kept.mkdir(parents=True, exist_ok=True)
    pile = _Pile(found, kept, unsafe, limits or Limits(), kept_seed(results / SEED))
    progress(len(pile.marks), len(found))
    stop = stop or threading.Event()
    pile.mark_rest(jobs or os.cpu_count() or 1, stop, lambda: progress(len(pile.marks), len(found)))
    if len(pile.marks) < len(found):
        raise Stopped(f"{len(pile.marks)} of {len(found)} notebooks are graded and kept in {kept}")
    marks = (pile.marks[one.place] for one in found)
    return Graded(marks, there.layout.says, there.passed_over)


class _Pile:
    """Submissions that are marked, or are still to be."""

    def __init__(
        self,
        found: Sequence[Submission],
        kept: Path,
        unsafe: bool,
        limits: Limits,
        judged_on: int,
    ) -> None:
        self._kept, self._unsafe, self._limits, self._judged_on = kept, unsafe, limits, judged_on
        self.marks: dict[str, Mark] = {}
        self._todo: list[tuple[Submission, str]] = []
        for one in found:
            print_ = fingerprint(one, unsafe, limits, judged_on)
            before = load_mark(kept / f"{one.place}.json")
            if before and before.fingerprint == print_:
                self.marks[one.place] = replace(before, modified=one.modified)
            else:
                self._todo.append((one, print_))

    def mark_rest(self, jobs: int, stop: threading.Event, tell: Callable[[], None]) -> None:
        """Several side by side; then what took too long again, alone: others may have had the
        processor, or taken it."""
        again = []
        for (one, print_), done in self._marked(self._todo, jobs, stop):
            if done.timed_out and jobs > 1 and len(self._todo) > 1:
                again.append((one, print_))
            else:
                self._keep(one, print_, done)
                tell()
        for (one, print_), done in self._marked(again, 1, stop):
            self._keep(one, print_, done)
            tell()

    def _marked(self, todo: list, jobs: int, stop: threading.Event) -> Iterator[tuple]:
        preload = to_preload({one.sheet for one, _ in todo})
        return in_parallel(
            todo,
            lambda number: (UnsafeWorker if self._unsafe else SandboxedWorker)(number, preload),
            lambda item, worker: _mark_whatever(item[0], worker, self._limits, self._judged_on),
            jobs,
            stop,
        )

    def _keep(self, one: Submission, print_: str, done: Mark) -> None:
        if done.timed_out:
            done.for_instructor.append(_BUSY if done.starved else _TIMED_OUT)
        done.fingerprint = "" if done.starved else print_  # one without is made again
        save(self._kept / f"{one.place}.json", json.dumps(asdict(done), indent=1))
        self.marks[one.place] = done


_TIMED_OUT = "Something in it took too long, also when it was graded alone."
_BUSY = (
    "Something in it took too long while other programs kept this machine busy: that may have cost "
    "points. Run `lrcourse grade` again when it is idle; this mark is then made anew."
)


def _mark_whatever(submission: Submission, worker: Any, limits: Limits, judged_on: int) -> Mark:
    """One broken notebook never stops the rest, even where the fault is the grader's."""
    try:
        return mark(submission, worker, limits, judged_on=judged_on)
    except NoSandbox:
        raise
    except Exception as error:
        says = f"The grader failed on this notebook ({type(error).__name__}: {error})"
        print(visible(f"{submission.path}: {says}"), file=sys.stderr)
        tasks = [_entry(t, 0.0, says, check_by_hand=True) for t in _tasks_of(submission.sheet)]
        name, path = submission.learner, submission.name
        return Mark(name, path, submission.sheet, tasks, refused=says, place=submission.place)


def to_preload(sheets: Iterable[str | None]) -> tuple[str, ...]:
    """What the workers import: PyTorch only where a sheet in the pile needs it inside."""
    kinds = {t.kind for s in sheets for t in (_tasks_of(s) if s else TASKS.values())}
    return (*WARM, "torch", "torch.optim.lr_scheduler") if kinds & {"loop", "resume"} else WARM


def load_mark(path: Path) -> Mark | None:
    try:
        return Mark(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def kept_seed(path: Path) -> int:
    """The seed of all verdicts that rest on chance, drawn once and kept in this file."""
    try:
        seed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        seed = None
    if type(seed) is not int or seed < 0:
        seed = fresh_seed()
        save(path, json.dumps(seed))
    return seed
