"""`lrcourse grade SUBMISSIONS -o RESULTS`: marks that a submission cannot decide.

The trusted side. It reads a submission as text, draws arguments afresh, has the answers called in
the sandbox (`sessions`), and compares the numbers that come back with the reference
(`lrcourse.tasks.judge`). Each result is one small file in `RESULTS/marks`, written in one piece:
a crash loses nothing, and a second run grades only what has changed.
"""

import ast
import hashlib
import json
import os
import queue
import re
import secrets
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from lrcourse import __version__
from lrcourse.grading.sandbox import Limits, NoSandbox, refusal
from lrcourse.grading.sessions import WARM, Run, SandboxedWorker, UnsafeWorker, run_notebook
from lrcourse.schedules import SCHEDULES
from lrcourse.tasks import SHEETS, TASKS, Task, curves_of, judge

MOST_BYTES = 20 << 20  # of a notebook
MOST_CELLS = 1_000
MOST_CODE = 1 << 20  # characters in all cells

LOUD = (
    "UNSAFE: graded without a sandbox. Each submission ran with the rights of the person who "
    "graded, and could read and change their files, these marks among them."
)


class Refused(ValueError):
    """A submission that is not run at all. The text says why, to the learner."""


@dataclass(frozen=True)
class Submission:
    """A file that somebody handed in."""

    learner: str
    path: Path
    sheet: str | None  # None: it cannot be told from the name
    ids: tuple[str, ...] = ()  # numbers that Canvas or Moodle put into the name

    @property
    def place(self) -> str:
        """A file name for its results: readable, and different for different learners."""
        whole = "/".join([self.learner, *self.ids, self.sheet or self.path.name])
        readable = re.sub(r"\W+", "-", whole).strip("-")[:80]
        return f"{readable}-{hashlib.sha256(whole.encode(errors='replace')).hexdigest()[:8]}"


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
    seed: int = 0
    seconds: float = 0.0
    graded: str = ""
    place: str = ""
    ids: list[str] = field(default_factory=list)

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


# Who handed in what

_CANVAS = re.compile(r"^(?P<name>[^_]+)(?:_LATE)?_(?P<id>\d+)_(?P<hand>\d+)_(?P<file>.+)$")
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?.*$")


def find_submissions(folder: Path, sheet: str | None = None) -> list[Submission]:
    """Every notebook below `folder`, with its learner from the folder's or the file's name.

    Understood: `ada/step_decay.ipynb` (also nbgrader's `submitted/`), `ada_step_decay.ipynb`,
    and the names in the archives that Canvas and Moodle hand out. Raises `ValueError` if there is
    none.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder of submissions at {folder}")
    found = []
    for root, folders, files in os.walk(folder):
        below = sorted(d for d in folders if not d.startswith((".", "__")))
        links = [d for d in below if Path(root, d).is_symlink()]
        folders[:] = [d for d in below if d not in links]
        notebooks = [f for f in files if f.lower().endswith(".ipynb") and not f.startswith(".")]
        for name in sorted([*notebooks, *links]):
            found.append(_named(Path(root, name), folder, sheet))
    if not found:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}")
    return found


def _named(path: Path, folder: Path, sheet: str | None) -> Submission:
    parts = path.relative_to(folder).parts
    stem, ids = path.stem, ()
    sheet = sheet or sheet_in("/".join(parts))
    if len(parts) > 1:
        learner = parts[0]
        if moodle := _MOODLE.match(learner):
            learner, ids = moodle["name"], (moodle["id"],)
        return Submission(learner, path, sheet, ids)
    if canvas := _CANVAS.match(stem):
        return Submission(canvas["name"], path, sheet, (canvas["id"],))
    rest = re.sub(r"^\d+[_-]", "", stem) if sheet else stem
    if sheet:
        spelt = sheet.replace("_", r"[\W_]?")
        rest = re.sub(rf"({spelt}|exercises?)", "", rest, flags=re.IGNORECASE)
    rest = re.sub(r"\s*\(\d+\)$", "", rest).strip(" _-.")
    return Submission(rest or stem, path, sheet)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def sheet_in(name: str) -> str | None:
    return next((sheet for sheet in SHEETS if _plain(sheet) in _plain(name)), None)


def sheet_of(cells: Iterable[str]) -> str | None:
    """The sheet whose answers a notebook defines most of; None if two tie."""
    text = "\n".join(cells)
    counts = {
        sheet: sum(
            bool(re.search(rf"^\s*(def {name}\b|{name}\s*=)", text, re.MULTILINE))
            for name in {t.answer_name for t in module.TASKS if t.answer_name}
        )
        for sheet, module in SHEETS.items()
    }
    best = max(counts.values())
    winners = [sheet for sheet, count in counts.items() if count == best]
    return winners[0] if best and len(winners) == 1 else None


# What it holds


def read_bytes(path: Path) -> bytes:
    """The file, if it is an ordinary one of a sensible size. Raises `Refused`."""
    if path.is_symlink():
        raise Refused("This is a link to another file. Links are not followed: hand in the file.")
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Refused("This is not an ordinary file.")
            if about.st_size > MOST_BYTES:
                size = about.st_size / (1 << 20)
                raise Refused(
                    f"The notebook has {size:.0f} MiB, and {MOST_BYTES >> 20} is the most: clear "
                    f"its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
                )
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refused(f"The file cannot be read: {error.strerror}.") from None


def read_cells(raw: bytes) -> tuple[list[str], dict[str, str]]:
    """The code cells of a notebook, in order, and the Markdown cells that have a grade_id.

    Nothing else of it is looked at: no outputs, no metadata. Raises `Refused`.
    """
    try:
        notebook = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("This is not a notebook: it is no readable JSON. Save it again.") from None
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise Refused("This is not a notebook of format 4: it has no list of cells.")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Refused(f"The notebook has more than {MOST_CELLS:,} cells.")
    code, texts = [], {}
    for cell in notebook["cells"]:
        if type(cell) is not dict:
            continue
        source = _source(cell.get("source"))
        if cell.get("cell_type") == "code":
            code.append(source)
        elif cell.get("cell_type") == "markdown":
            texts.setdefault(_grade_id(cell), source)
    if sum(map(len, code)) > MOST_CODE:
        raise Refused(f"The notebook has more than {MOST_CODE:,} characters of code.")
    return code, texts


def _source(source: Any) -> str:
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    text = source if type(source) is str else ""
    return text.encode(errors="replace").decode()  # lone surrogates are no text


def _grade_id(cell: dict) -> str:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if type(metadata) is dict else None
    name = nbgrader.get("grade_id") if type(nbgrader) is dict else None
    return name if type(name) is str else ""


# Marking one


def fresh_seed() -> int:
    """For the arguments of one run: nobody knows it before. The mark keeps it, for an appeal."""
    return secrets.randbits(63)


def mark(submission: Submission, worker: Any, limits: Limits, seed: int | None = None) -> Mark:
    """The mark of one submission. Never raises for what is in it."""
    seed = fresh_seed() if seed is None else seed
    done = Mark(
        learner=submission.learner,
        file=submission.path.name,
        sheet=submission.sheet,
        unsafe=worker.unsafe,
        seed=seed,
        place=submission.place,
        ids=list(submission.ids),
        graded=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    try:
        code, texts = read_cells(read_bytes(submission.path))
        done.sheet = submission.sheet or sheet_of(code)
        if done.sheet is None:
            raise Refused(
                "Which sheet this is cannot be told, from its name or from its answers: keep the "
                "name of the notebook that you were given."
            )
        mark_tasks(done, code, texts, worker, limits)
    except Refused as refused:
        done.refused = str(refused)
        done.tasks = [_entry(t, 0.0, done.refused) for t in _tasks_of(done.sheet)]
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
            done.tasks.append(_judged(task, drawn[task.id], run, code))


def _judged(task: Task, arguments: list, run: Run, code: list[str]) -> dict:
    if task.id in run.lost:
        return _entry(task, 0.0, f"`{task.answer_name}` {run.lost[task.id]}.", called=False)
    if task.id in run.missing or task.id not in run.results:
        return _entry(task, 0.0, _why_missing(task, run, code), called=False)
    try:
        results = run.results[task.id]
        verdict = judge(task, arguments, results)
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
    defines = re.compile(rf"^\s*(async def|def|class) {task.answer_name}\b|^{task.answer_name}\s*=")
    cells = [i for i, text in enumerate(code) if any(map(defines.match, text.splitlines()))]
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


def fingerprint(path: Path, sheet: str | None, unsafe: bool, limits: Limits) -> str:
    """Changes when the submission, the exercises, the grader or its limits change."""
    try:
        raw = read_bytes(path)
    except Refused as refused:
        raw = str(refused).encode()
    settings = json.dumps([__version__, sheet, unsafe, asdict(limits)])
    parts = (raw, settings.encode(), _code_of_the_grader())
    return hashlib.sha256(b"\0".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()


def _code_of_the_grader() -> bytes:
    course = Path(__file__).resolve().parent.parent
    files = sorted([*course.glob("*.py"), *course.glob("tasks/*.py"), *course.glob("grading/*.py")])
    return b"\0".join(f.read_bytes() for f in files)


def grade(
    submissions: Path,
    results: Path,
    *,
    sheet: str | None = None,
    unsafe: bool = False,
    jobs: int | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Mark]:
    """Mark every notebook below `submissions`; keep the marks in `results / "marks"`.

    `sheet`: the sheet that all of them are, if the names do not say. `unsafe`: without a sandbox.
    `progress(done, of)` is called as they come in. Raises `NoSandbox` if there is no sandbox and
    `unsafe` was not said, `ValueError` if there is nothing to grade.
    """
    if sheet is not None and sheet not in SHEETS:
        raise ValueError(f"there is no sheet {sheet!r}: the sheets are {', '.join(SHEETS)}")
    if not unsafe and refusal():
        raise NoSandbox(refusal())
    limits = limits or Limits()
    found, replaced = _one_each(find_submissions(submissions, sheet))
    kept = results / "marks"
    kept.mkdir(parents=True, exist_ok=True)
    marks, todo = {}, []
    for one in found:
        print_ = fingerprint(one.path, one.sheet, unsafe, limits)
        before = load_mark(kept / f"{one.place}.json")
        if before and before.fingerprint == print_:
            marks[one.place] = before
        else:
            todo.append((one, print_))
    progress(len(marks), len(found))
    for one, done in _in_parallel(todo, unsafe, jobs or os.cpu_count() or 1, limits):
        done.for_instructor += replaced.get(one.place, [])
        save(kept / f"{one.place}.json", json.dumps(asdict(done), indent=1))
        marks[one.place] = done
        progress(len(marks), len(found))
    return [marks[one.place] for one in found]


def _one_each(found: Sequence[Submission]) -> tuple[list[Submission], dict[str, list[str]]]:
    """The newest file of each learner for each sheet, and a note on those that it replaces."""
    by_place: dict[str, list[Submission]] = {}
    for one in found:
        by_place.setdefault(one.place, []).append(one)
    newest = {p: max(group, key=lambda s: s.path.lstat().st_mtime) for p, group in by_place.items()}
    notes = {
        place: [f"Several files: {newest[place].path.name} is the newest of {len(group)}."]
        for place, group in by_place.items()
        if len(group) > 1
    }
    return list(newest.values()), notes


def _in_parallel(todo: Sequence[tuple[Submission, str]], unsafe: bool, jobs: int, limits: Limits):
    """(submission, mark) as they are done, by `jobs` threads with a worker each."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for item in todo:
        waiting.put(item)
    done: queue.SimpleQueue = queue.SimpleQueue()
    preload = to_preload({one.sheet for one, _ in todo})
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(n, unsafe, preload, limits, waiting, done, stop))
        for n in range(min(jobs, len(todo)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in todo:
            item = done.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(number, unsafe, preload, limits, waiting, done, stop) -> None:
    try:
        worker = (UnsafeWorker if unsafe else SandboxedWorker)(number, preload)
        try:
            while not stop.is_set():
                submission, print_ = waiting.get_nowait()
                marked = _mark_whatever(submission, worker, limits)
                marked.fingerprint = print_
                done.put((submission, marked))
        except queue.Empty:
            return
        finally:
            worker.close()
    except BaseException as error:
        done.put(error)


def _mark_whatever(submission: Submission, worker: Any, limits: Limits) -> Mark:
    """One broken notebook never stops the rest, even where the fault is the grader's."""
    try:
        return mark(submission, worker, limits)
    except NoSandbox:
        raise
    except Exception as error:
        says = f"The grader failed on this notebook ({type(error).__name__}: {error})"
        print(f"{submission.path}: {says}", file=sys.stderr)
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


def save(path: Path, text: str) -> None:
    """Write in one piece: after a crash there is the old file or the new one."""
    half = path.with_name(f".{path.name}.half")
    # Half a character, from an answer or a file's name, must not stop the class.
    half.write_text(text, encoding="utf-8", errors="replace", newline="")
    os.replace(half, path)
