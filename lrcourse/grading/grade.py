"""`lrcourse grade SUBMISSIONS -o RESULTS`: marks that a submission cannot decide.

The trusted side. It reads a submission as text (`notebooks`, `submissions`), draws arguments afresh, has the answers called in
the sandbox (`sessions`), and compares the numbers that come back with the reference
(`lrcourse.tasks.judge`). Each result is one small file in `RESULTS/marks`, written in one piece:
a crash loses nothing, and a second run grades only what has changed.
"""

import difflib
import hashlib
import itertools
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
from lrcourse.grading.installs import without_installs
from lrcourse.grading.names import visible
from lrcourse.grading.notebooks import Notebook, Refused, defined_in, plain, sheet_of
from lrcourse.grading.sandbox import Limits, NoSandbox, refusal
from lrcourse.grading.sessions import WARM, Run, SandboxedWorker, UnsafeWorker, run_notebook
from lrcourse.grading.submissions import Submission, newest_of_each, survey
from lrcourse.grading.written import written_answer
from lrcourse.schedules import SCHEDULES
from lrcourse.tasks import IMPORTS, SHEETS, TASKS, Task, curves_of, judge, plain_name, varied

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
    answers: dict[str, str] = field(default_factory=dict)  # the code of each answer's cell
    deducted: float = 0.0  # points taken off because it came late
    late_says: str = ""
    timed_out: bool = False  # something in it took too long
    starved: bool = False  # and that may have been the machine's fault: not kept
    modified: float = 0.0  # when the file was written, in seconds since 1970
    platform: str = ""  # whose numbers the ids are: "canvas" or "moodle"

    @property
    def earned(self) -> float:
        return round(max(0.0, sum(t["earned"] or 0.0 for t in self.tasks) - self.deducted), 4)

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
    variants: str = "",
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
        mark_tasks(done, notebook, worker, limits, submission.online, variants)
        done.notes = [*submission.says, *done.notes]
    except Refused as refused:
        done.refused = str(refused)
        done.tasks = [_entry(t, 0.0, done.refused) for t in _tasks_of(done.sheet)]
    done.for_instructor += submission.notes
    return done


def _tasks_of(sheet: str | None) -> tuple[Task, ...]:
    return SHEETS[sheet].TASKS if sheet else ()


def mark_tasks(
    done: Mark,
    notebook: Notebook,
    worker: Any,
    limits: Limits,
    online: str = "",
    variants: str = "",
) -> None:
    """Run a notebook, and fill in what each task got. `online`: a text typed into a form.
    `variants`: the key of the class, if everybody has numbers of their own."""
    rng = np.random.default_rng(done.seed)
    whose, doubts = _whose(done, notebook, variants)
    tasks = [varied(task, variants, whose) for task in _tasks_of(done.sheet)]
    drawn = {t.id: t.arguments(rng) for t in tasks if t.kind != "manual"}
    asked = [
        {"id": i, "kind": TASKS[i].kind, "answer_name": TASKS[i].answer_name, "arguments": drawn[i]}
        for i in drawn
    ]
    code, skipped = _to_run(notebook.code)
    places = {i: place for i in drawn if (place := _place_of(TASKS[i], notebook)) is not None}
    run = run_notebook(worker, code, asked, limits, IMPORTS.get(done.sheet or "", ""), places)
    done.seconds, done.timed_out, done.starved = run.seconds, run.timed_out, run.starved
    done.answers = _answers_of(notebook, tasks)
    done.notes = [*skipped, *_notes(run)]
    done.for_instructor = [*doubts, *skipped[:3], *_uses_the_course(code), *_for_the_marker(run)]
    for task in tasks:
        if task.kind == "manual":
            done.tasks.append(_to_be_marked(task, notebook, online, done))
        else:
            place = places.get(task.id)
            done.tasks.append(_judged(task, drawn[task.id], run, code, done.judged_on, place))
    done.notes += [entry["set_again"] for entry in done.tasks if entry.get("set_again")]


_VARIANT = re.compile(
    r"""variant\(\s*(?:key\s*=\s*)?(['"])([^'"]+)\1\s*,\s*(?:learner\s*=\s*)?(['"])([^'"]+)\3"""
)


def typed_variant(notebook: Notebook) -> tuple[str, str] | None:
    """The key and the learner that the notebook hands to `lrcourse.variant`, if it does."""
    found = next((m for text in notebook.code if (m := _VARIANT.search(text))), None)
    return (found[2], found[4]) if found else None


def _whose(done: Mark, notebook: Notebook, variants: str) -> tuple[str, list[str]]:
    """Whose numbers are expected, and a note if the notebook draws somebody else's."""
    known = [done.learner, *done.ids]
    _, typed = typed_variant(notebook) or ("", "")
    if not variants or not typed or plain_name(typed) in map(plain_name, known):
        return typed if variants and typed else done.learner, []
    return done.learner, [f"Its numbers are drawn for {typed[:60]!r}, not for {done.learner}."]


MOST_SHOWN = 4_000  # characters of an answer that are kept to be compared with others


def _answers_of(notebook: Notebook, tasks: Sequence[Task]) -> dict[str, str]:
    """The text of the cell that defines each answer, without blank ones and stubs."""
    code, found = notebook.code, {}
    for task in (t for t in tasks if t.kind != "manual"):
        own = notebook.place_of(f"{task.grade_id}-answer")
        cells = [i for i, text in enumerate(code) if task.answer_name in defined_in([text])]
        place = own if own is not None else next(iter(cells), None)
        if place is not None and "# Write your code here" not in code[place]:
            found[task.id] = code[place][:MOST_SHOWN]
    return found


def _to_run(code: list[str]) -> tuple[list[str], list[str]]:
    """The cells without lines that install packages, and a sentence for each such line."""
    cells, said = [], []
    for i, text in enumerate(code):
        kept, skipped = without_installs(text)
        cells.append(kept)
        said += [
            f"Code cell {i + 1}: `{line}` was skipped: nothing is installed where it is graded."
            for line in skipped
        ]
    return cells, said[:20]


def _place_of(task: Task, notebook: Notebook) -> int | None:
    """The code cell after which the answer counts: the one that checks it, else its own."""
    for grade_id in (task.grade_id, f"{task.grade_id}-answer"):
        if (place := notebook.place_of(grade_id)) is not None:
            return place
    calls = re.compile(rf"check\(\s*[rf]?['\"]{re.escape(task.id)}['\"]")
    found = [i for i, text in enumerate(notebook.code) if calls.search(text)]
    return found[-1] if found else None


def _to_be_marked(task: Task, notebook: Notebook, online: str, done: Mark) -> dict:
    written = written_answer(task, notebook, online)
    done.for_instructor += [written.note] * bool(written.note)
    says = "A person marks this one." if written.text else "There is no text: a person looks at it."
    return _entry(task, None, says, answer=written.text)


def _judged(
    task: Task,
    arguments: list,
    run: Run,
    code: list[str],
    judged_on: int | None = None,
    place: int | None = None,
) -> dict:
    if task.id in run.lost:
        return _entry(task, 0.0, f"`{task.answer_name}` {run.lost[task.id]}.", called=False)
    if task.id in run.missing or not run.results.get(task.id):
        return _entry(task, 0.0, _why_missing(task, run, code), called=False)
    entries = {
        way: _compared(task, arguments, results, judged_on)
        for way, results in run.results[task.id].items()
    }
    best = max(entries, key=lambda way: entries[way]["earned"])  # of equal ones the first
    again = _set_again(task, best, list(entries), code, place)
    return entries[best] | ({"set_again": again} if again else {})


def _compared(task: Task, arguments: list, results: list, judged_on: int | None) -> dict:
    try:
        verdict = judge(task, arguments, results, judged_on)
        curves = None if verdict.right else curves_of(task, verdict.case, arguments, results)
    except Exception as error:  # a fault of ours, or an attack on it: a person looks
        says = f"This answer could not be compared ({type(error).__name__}): ask your instructor."
        return _entry(task, 0.0, says, check_by_hand=True)
    share = min(1.0, max(0.0, float(verdict.share)))
    earned = round(task.points * share, 2)  # as the instant feedback does
    more: dict[str, Any] = {"curves": asdict(curves)} if curves and curves.apart else {}
    if verdict.asks:
        more["check_by_hand"] = True
    return _entry(task, earned, verdict.says, right=verdict.right, mistake=verdict.mistake, **more)


def _set_again(task: Task, best: str, ways: list[str], code: list[str], place: int | None) -> str:
    """A sentence, where an answer's name means several things in the notebook."""
    name = f"`{task.answer_name}`"
    if best == "check" and len(ways) > 1:
        return f"{task.id}: what was handed to check counts, not {name} as it is elsewhere."
    if "end" not in ways or len(ways) == 1:
        return ""
    after = -1 if place is None else place
    later = [
        i + 1 for i, text in enumerate(code) if i > after and task.answer_name in defined_in([text])
    ]
    where = f" in code cell {later[-1]}" if later else ""
    if best == "end":
        return f"{task.id}: {name} is set again{where}, and that counts: it is worth more."
    return f"{task.id}: {name} is set again{where}. What it was where it is checked counts."


def _why_missing(task: Task, run: Run, code: list[str]) -> str:
    if run.ended:
        return f"Not called: {run.ended}."
    name = task.answer_name
    for cell in [i for i, text in enumerate(code) if name in text and name in defined_in([text])]:
        if cell in run.left_out:
            return f"The cell that defines `{name}` {run.left_out[cell]}."
        for fault in run.errors.get(cell, ()):
            where = f" Your {fault.line}." if fault.line else ""
            return f"The cell that defines `{name}` stopped: {fault.says}.{where}"
    alike = [other for other in sorted(defined_in(code)) if _alike(other, name)]
    if alike:
        return f"`{name}` is not defined; you define `{alike[0]}`. Is that it? Call it `{name}`."
    return (
        f"`{name}` is not defined when the notebook has run from top to bottom. Is its cell still "
        f"there, and called as the question asks?"
    )


def _alike(one: str, other: str) -> bool:
    same = plain(one) == plain(other)
    return same or difflib.SequenceMatcher(None, plain(one), plain(other)).ratio() > 0.8


def _notes(run: Run) -> list[str]:
    """What went wrong on the way, each cause once."""
    notes = [f"Code cell {i + 1} {why}; it was left out." for i, why in run.left_out.items()]
    causes: dict[str, int] = {}  # a name that is missing: which of the notes says why
    follow: dict[int, int] = {}
    for i, faults in sorted(run.errors.items()):
        for fault in faults:
            missing = _MISSING.search(fault.says)
            if missing and missing[1] in causes:
                follow[causes[missing[1]]] = follow.get(causes[missing[1]], 0) + 1
            else:
                where = f" Your {fault.line}." if fault.line else ""
                notes.append(f"Code cell {i + 1}: {fault.says}.{where}")
            here = causes[missing[1]] if missing and missing[1] in causes else len(notes) - 1
            for name in (*fault.binds, *([missing[1]] if missing else [])):
                causes.setdefault(name, here)
    for note, count in follow.items():
        notes[note] += (
            f" ({count} more {'place' if count == 1 else 'places'} stopped because of it.)"
        )
    return notes[:20] + ([f"{run.ended[:1].upper()}{run.ended[1:]}."] if run.ended else [])


_MISSING = re.compile(r"NameError: name '(\w+)' is not defined")
_IMPORTS_FAILED = ("ModuleNotFoundError", "ImportError")


def _for_the_marker(run: Run) -> list[str]:
    """Imports that failed: they may have cost points that are no fault of an answer."""
    failed = [f.says for faults in run.errors.values() for f in faults]
    dead = [says for says in failed if any(kind in says for kind in _IMPORTS_FAILED)]
    return [f"An import failed: {dead[0]}."] if dead else []


_OWN = re.compile(r"^\s*(?:from\s+(lrcourse[\w.]*)\s+import\b(.*)|import\s+(.*\blrcourse\b.*))")
_ROUNDABOUT = re.compile(r"\b(__import__|importlib|exec|eval|sys\.modules)\b")
_CLASSES = (*(s.__name__ for s in SCHEDULES), "SCHEDULES")


def _uses_the_course(code: list[str]) -> list[str]:
    """Learners have the schedules; whether an exercise lets them be used is for a person to say.

    Line by line, without parsing: a megabyte of names would make a gigabyte of a syntax tree.
    """
    lines = [line for text in code for line in _logical_lines(text)]
    modules, taken = {"lrcourse"}, set()
    for line in lines:
        if found := _OWN.match(line):
            named = [words for one in (found[2] or found[3]).split(",") if (words := one.split())]
            modules |= {words[-1] for words in named}
            taken |= {words[0] for words in named}
    for line in lines:
        for root, rest in re.findall(r"\b(\w+)((?:\.\w+){1,4})", line):
            taken |= set(rest.split(".")) if root in modules else set()
        if "*" in taken:
            taken |= {name for name in _CLASSES if re.search(rf"\b{name}\b", line)}
    used = [name for name in _CLASSES if name in taken]
    notes = [f"Uses the course's own {', '.join(used)}."] if used else []
    ways = dict.fromkeys(found[1] for line in lines if (found := _ROUNDABOUT.search(line)))
    if ways:
        notes.append(
            f"Loads or runs something in a roundabout way ({', '.join(ways)}): look at it."
        )
    return notes


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments; an import in brackets, over several lines, is one."""
    lines = iter(text.split("\n"))
    for line in lines:
        line = line.partition("#")[0]
        if "lrcourse" in line and "(" in line and " import " in line:
            rest = itertools.takewhile(lambda more: ")" not in more, itertools.islice(lines, 50))
            inside = [line] if ")" in line else [line, *rest]
            line = (
                " ".join(one.partition("#")[0] for one in inside)
                .replace("(", " ")
                .replace(")", " ")
            )
        yield line


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


def fingerprint(
    one: Submission, unsafe: bool, limits: Limits, judged_on: int, variants: str = ""
) -> str:
    """Changes when the submission, the exercises, the grader, its limits or its seeds change."""
    try:
        raw = os.fsencode(one.refused) or one.read()[0]
    except Refused as refused:
        raw = str(refused).encode()
    about = [one.sheet, one.says, one.notes, one.apart, one.source, one.late, one.online, one.name]
    settings = json.dumps([__version__, *about, unsafe, asdict(limits), judged_on, variants])
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
    variants: str = "",
    progress: Callable[[int, int], None] = lambda done, of: None,
    stop: threading.Event | None = None,
) -> Graded:
    """Mark every notebook below `submissions`; keep the marks in `results / "marks"`.

    `sheet`: the sheet that all of them are, if the names do not say. `layout`: how the class handed
    in, one of `layout.LAYOUTS`, if that is not plain; `known`: whether the roster knows a name.
    `unsafe`: without a sandbox. `variants`: the key of the class, if everybody has numbers of their
    own (`lrcourse.variant`). `progress(done, of)` is called as they come in. `stop`: once it is
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
    pile = _Pile(found, kept, unsafe, limits or Limits(), kept_seed(results / SEED), variants)
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
        variants: str = "",
    ) -> None:
        self._variants = variants
        self._kept, self._unsafe, self._limits, self._judged_on = kept, unsafe, limits, judged_on
        self.marks: dict[str, Mark] = {}
        self._todo: list[tuple[Submission, str]] = []
        for one in found:
            print_ = fingerprint(one, unsafe, limits, judged_on, variants)
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
        preload = to_preload({s.sheet for s, _ in todo}, any(s.uses_lab for s, _ in todo))
        return in_parallel(
            todo,
            lambda number: (UnsafeWorker if self._unsafe else SandboxedWorker)(number, preload),
            lambda item, worker: self._mark(item[0], worker),
            jobs,
            stop,
        )

    def _mark(self, one: Submission, worker: Any) -> Mark:
        return _mark_whatever(one, worker, self._limits, self._judged_on, self._variants)

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


def _mark_whatever(
    submission: Submission, worker: Any, limits: Limits, judged_on: int, variants: str
) -> Mark:
    """One broken notebook never stops the rest, even where the fault is the grader's."""
    try:
        return mark(submission, worker, limits, judged_on=judged_on, variants=variants)
    except NoSandbox:
        raise
    except Exception as error:
        says = f"The grader failed on this notebook ({type(error).__name__}: {error})"
        print(visible(f"{submission.path}: {says}"), file=sys.stderr)
        tasks = [_entry(t, 0.0, says, check_by_hand=True) for t in _tasks_of(submission.sheet)]
        name, path = submission.learner, submission.name
        return Mark(name, path, submission.sheet, tasks, refused=says, place=submission.place)


LAB = ("lrcourse.lab", "scipy.stats", "sklearn.datasets")


def to_preload(sheets: Iterable[str | None], lab: bool = False) -> tuple[str, ...]:
    """What the workers import: PyTorch, SciPy and the lab only where the pile needs them."""
    imports = [IMPORTS[s] if s else "torch scipy" for s in sheets]
    torch = ("torch", "torch.optim.lr_scheduler") * any("torch" in text for text in imports)
    scipy = ("scipy.stats",) * any("scipy" in text for text in imports)
    return (*WARM, *torch, *scipy, *LAB * lab)


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
