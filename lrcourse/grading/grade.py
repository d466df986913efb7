"""`lrcourse grade SUBMISSIONS -o RESULTS`: marks that a submission cannot decide.

The trusted side. It reads a submission as text (`notebooks`, `submissions`), draws arguments afresh, has the answers called in
the sandbox (`sessions`), and compares the numbers that come back with the reference
(`lrcourse.tasks.judge`). Each result is one small file in `RESULTS/marks`, written in one piece:
a crash loses nothing, and a second run grades only what has changed.
"""

import ast
import hashlib
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterable
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
from lrcourse.grading.notebooks import Refused, defined_in, read_bytes, read_cells, sheet_of
from lrcourse.grading.sandbox import Limits, NoSandbox, refusal
from lrcourse.grading.sessions import WARM, Run, SandboxedWorker, UnsafeWorker, run_notebook
from lrcourse.grading.submissions import Submission, find_submissions, newest_of_each
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
    also: list[str] = field(default_factory=list)  # other names that could be the learner's
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
        file=submission.path.name,
        sheet=submission.sheet,
        unsafe=worker.unsafe,
        seed=seed,
        judged_on=fresh_seed() if judged_on is None else judged_on,
        place=submission.place,
        ids=list(submission.ids),
        platform=submission.platform,
        also=list(submission.also),
        modified=submission.modified,
        graded=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    try:
        if submission.refused:
            raise Refused(submission.refused)
        code, texts, _ = read_cells(read_bytes(submission.path))
        done.sheet = submission.sheet or sheet_of(code)
        if done.sheet is None:
            raise Refused(
                "Which sheet this is cannot be told, from its name or from its answers: keep the "
                "name of the notebook that you were given."
            )
        mark_tasks(done, code, texts, worker, limits)
        done.notes = [*submission.says, *done.notes]
    except Refused as refused:
        done.refused = str(refused)
        done.tasks = [_entry(t, 0.0, done.refused) for t in _tasks_of(done.sheet)]
    done.for_instructor += submission.notes
    return done


def _tasks_of(sheet: str | None) -> tuple[Task, ...]:
    return SHEETS[sheet].TASKS if sheet else ()


def mark_tasks(done: Mark, code: list[str], texts: dict, worker: Any, limits: Limits) -> None:
    rng = np.random.default_rng(done.seed)
    tasks = _tasks_of(done.sheet)
    drawn = {t.id: t.arguments(rng) for t in tasks if t.kind != "manual"}
    asked = [
        {"id": i, "kind": TASKS[i].kind, "answer_name": TASKS[i].answer_name, "arguments": drawn[i]}
        for i in drawn
    ]
    run = run_notebook(worker, code, asked, limits)
    done.seconds = run.seconds
    done.notes = _notes(run)
    done.for_instructor = _uses_the_course(code)
    for task in tasks:
        if task.kind == "manual":
            answer = texts.get(task.grade_id, "")
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


def _uses_the_course(code: list[str]) -> list[str]:
    """Learners have the schedules; whether an exercise lets them be used is for a person to say."""
    nodes = [node for text in code for node in _parsed(text)]
    taken = {name for node in nodes for name in _imported(node)}
    modules = {"lrcourse", *(own for own, whole in taken if whole.startswith("lrcourse"))}
    found = {whole.rpartition(".")[2] for _, whole in taken if whole.startswith("lrcourse.")}
    if "*" in found:
        found |= {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and _root(node) in modules:
            found.add(node.attr)
    used = [n for n in (*(s.__name__ for s in SCHEDULES), "SCHEDULES") if n in found]
    return [f"Uses the course's own {', '.join(used)}."] if used else []


def _parsed(text: str) -> list[ast.AST]:
    """All that stands in a cell, less the lines that are for IPython (%time, !ls)."""
    lines = ["" if line.lstrip()[:1] in ("%", "!") else line for line in text.split("\n")]
    try:
        return [*ast.walk(ast.parse("\n".join(lines)))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # it does not run either


def _imported(node: ast.AST) -> list[tuple[str, str]]:
    """(the name here, the whole name) of what an import takes."""
    if isinstance(node, ast.Import):
        return [(a.asname or a.name.partition(".")[0], a.name) for a in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(a.asname or a.name, f"{node.module}.{a.name}") for a in node.names]
    return []


def _root(node: ast.AST) -> str:
    """The name before the dots."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


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
        raw = os.fsencode(one.refused) or read_bytes(one.path)
    except Refused as refused:
        raw = str(refused).encode()
    about = [one.sheet, one.says, one.notes, one.also]
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


def grade(
    submissions: Path,
    results: Path,
    *,
    sheet: str | None = None,
    unsafe: bool = False,
    jobs: int | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    stop: threading.Event | None = None,
) -> list[Mark]:
    """Mark every notebook below `submissions`; keep the marks in `results / "marks"`.

    `sheet`: the sheet that all of them are, if the names do not say. `unsafe`: without a sandbox.
    `progress(done, of)` is called as they come in. `stop`: once it is set, by another thread or a
    signal, what is done is kept, and `Stopped` is raised. Raises `NoSandbox` if there is no sandbox
    and `unsafe` was not said, `ValueError` if there is nothing to grade.
    """
    if sheet is not None and sheet not in SHEETS:
        raise ValueError(f"there is no sheet {sheet!r}: the sheets are {', '.join(SHEETS)}")
    if not unsafe and refusal():
        raise NoSandbox(refusal())
    limits = limits or Limits()
    found, replaced = newest_of_each(find_submissions(submissions, sheet, besides=results))
    found = [replace(one, notes=(*one.notes, *replaced.get(one.place, ()))) for one in found]
    kept = results / "marks"
    kept.mkdir(parents=True, exist_ok=True)
    judged_on = kept_seed(results / SEED)
    marks, todo = {}, []
    for one in found:
        print_ = fingerprint(one, unsafe, limits, judged_on)
        before = load_mark(kept / f"{one.place}.json")
        if before and before.fingerprint == print_:
            marks[one.place] = replace(before, modified=one.modified)
        else:
            todo.append((one, print_))
    progress(len(marks), len(found))
    preload = to_preload({one.sheet for one, _ in todo})
    new_marks = in_parallel(
        todo,
        lambda number: (UnsafeWorker if unsafe else SandboxedWorker)(number, preload),
        lambda item, worker: _mark_whatever(item[0], worker, limits, judged_on),
        jobs or os.cpu_count() or 1,
        stop or threading.Event(),
    )
    for (one, print_), done in new_marks:
        done.fingerprint = print_
        save(kept / f"{one.place}.json", json.dumps(asdict(done), indent=1))
        marks[one.place] = done
        progress(len(marks), len(found))
    if len(marks) < len(found):
        raise Stopped(f"{len(marks)} of {len(found)} notebooks are graded and kept in {kept}")
    return [marks[one.place] for one in found]


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
        name, path = submission.learner, submission.path.name
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
