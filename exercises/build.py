"""Build the exercise sheets from the scripts that maintainers edit, solutions included.

    python exercises/build.py            build all
    python exercises/build.py --check    only say what is not in step

`exercises/source/NAME.py` is a script of cells (jupytext's percent format) with nbgrader's
metadata. It becomes two notebooks, neither of them run:

    exercises/NAME.ipynb              for learners: solutions emptied, hidden tests removed
    exercises/solutions/NAME.ipynb    for instructors: everything, as nbgrader's `source/` wants it

A question stands in `lrcourse/tasks`, with the rest of its task; `{question step_decay.1}` in a
script becomes its text. The points of a cell must be those of the task. The markers are
nbgrader's; one that is nested, unknown or not closed is an error. nbgrader is not needed.
"""

import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from lrcourse.tasks import SHEETS, TASKS, Task

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
CODE_STUB = "# Write your code here"
TEXT_STUB = "*Write your answer here.*"
MARKER = re.compile(r"^(?P<indent>[ \t]*)### (?P<edge>BEGIN|END) (?P<region>[A-Z ]+?)[ \t]*$")
REGIONS = ("SOLUTION", "HIDDEN TESTS")


class BuildError(Exception):
    """A sheet that cannot be built, and why."""


def sheets(folder: Path = SOURCE) -> list[Path]:
    """The scripts, in the order of the lessons."""
    return [folder / f"{sheet}.py" for sheet in SHEETS]


def read(source: Path) -> NotebookNode:
    """The instructor's notebook: the script, with its questions filled in."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        grading = cell.metadata.get("nbgrader")
        cell.metadata = nbformat.from_dict({"nbgrader": grading} if grading else {})
        cell["id"] = grading["grade_id"] if grading else f"cell-{number:02}"
        cell.source = re.sub(r"\{question ([\w.]+)\}", lambda m: question(m[1]), cell.source)
    _check_cells(source.stem, notebook)
    return notebook


def question(task_id: str) -> str:
    """The question of a task, in Markdown."""
    if task_id not in TASKS:
        raise BuildError(f"there is no task {task_id!r} in lrcourse/tasks")
    task = TASKS[task_id]
    number, points = task_id.rpartition(".")[2], f"{task.points} point{'s' * (task.points > 1)}"
    about = f"*{points}, {task.minutes} minutes, {task.difficulty}*"
    rubric = f"\n\n**How it is marked**\n\n{task.rubric}" if task.rubric else ""
    return f"## {number}. {task.title}\n\n{about}\n\n{task.question}{rubric}"


def for_learners(notebook: NotebookNode) -> NotebookNode:
    """The learner's notebook: a copy with solutions emptied and hidden tests removed."""
    learners = nbformat.from_dict(notebook)
    for cell in learners.cells:
        stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
        cell.source = without_regions(cell.source, stub)
    return learners


def without_regions(source: str, stub: str) -> str:
    """`source` with `stub` in place of every solution, and without its hidden tests.

    Within a function the stub is followed by `...`, so that the cell still runs. Raises
    `BuildError` for markers that are nested, not closed, closed twice or unknown.
    """
    kept: list[str] = []
    inside = ""
    for number, line in enumerate(source.splitlines(), start=1):
        marker = MARKER.match(line)
        if not marker:
            if re.search(r"###\s*(BEGIN|END)\b", line):
                raise BuildError(f"line {number} looks like a marker, and is none: {line!r}")
            if not inside:
                kept.append(line)
            continue
        region, begins = marker["region"], marker["edge"] == "BEGIN"
        if region not in REGIONS:
            raise BuildError(f"line {number}: no region is called {region!r}, only {REGIONS}")
        if begins and inside:
            raise BuildError(f"line {number}: {region} begins inside {inside}")
        if not begins and inside != region:
            raise BuildError(f"line {number}: {region} ends, and has not begun")
        if begins and region == "SOLUTION":
            kept += _stub(marker["indent"], stub)
        inside = region if begins else ""
    if inside:
        raise BuildError(f"{inside} begins, and never ends")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).rstrip()


def _stub(indent: str, stub: str) -> list[str]:
    return [f"{indent}{stub}", f"{indent}..."] if indent else [stub]


def _check_cells(sheet: str, notebook: NotebookNode) -> None:
    """Every task of the sheet has its cells, once, with its own points."""
    graded = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    ids = [one["grade_id"] for one in graded]
    if len(set(ids)) < len(ids):
        twice = sorted({one for one in ids if ids.count(one) > 1})
        raise BuildError(f"{sheet}: {', '.join(twice)} stands there twice")
    points = {one["grade_id"]: one["points"] for one in graded if one["grade"]}
    wanted = {task.grade_id: task.points for task in SHEETS[sheet].TASKS}
    if points != wanted:
        raise BuildError(f"{sheet}: cells have the points {points}, the tasks {wanted}")
    for task in SHEETS[sheet].TASKS:
        _check_answer(sheet, task, notebook, ids)


def _check_answer(sheet: str, task: Task, notebook: NotebookNode, ids: list[str]) -> None:
    own = task.grade_id if task.kind == "manual" else f"{task.grade_id}-answer"
    if own not in ids:
        raise BuildError(f"{sheet}: no cell {own!r} for the answer")
    (cell,) = (cell for cell in notebook.cells if cell["id"] == own)
    if "### BEGIN SOLUTION" not in cell.source:
        raise BuildError(f"{sheet}: the cell {own!r} has no solution between markers")
    if task.kind != "manual" and not re.search(rf"^(def )?{task.answer_name}\b", cell.source, re.M):
        raise BuildError(f"{sheet}: the cell {own!r} does not define {task.answer_name}")


def built(source: Path) -> dict[Path, str]:
    """The notebooks of a script, by the path they belong to."""
    notebook = read(source)
    name = f"{source.stem}.ipynb"
    return {
        HERE / name: _text(for_learners(notebook)),
        HERE / "solutions" / name: _text(notebook),
    }


def _text(notebook: NotebookNode) -> str:
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def main(arguments: list[str]) -> int:
    """Build, or check; returns 1 if something is not in step or cannot be built."""
    stale = []
    for source in sheets():
        try:
            notebooks = built(source)
        except BuildError as error:
            print(f"{source.name}: {error}", file=sys.stderr)
            return 1
        for path, text in notebooks.items():
            old = path.read_text(encoding="utf-8") if path.exists() else None
            if old != text:
                stale.append(path.relative_to(HERE).as_posix())
                if "--check" not in arguments:
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(text, encoding="utf-8", newline="\n")
    done = "not in step" if "--check" in arguments else "built"
    print(f"{len(stale)} {done}{': ' if stale else ''}{', '.join(stale)}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
