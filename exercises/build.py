"""Build the exercise sheets from the scripts that maintainers edit, solutions included.

    python exercises/build.py            build all
    python exercises/build.py --check    only say what is not in step

`exercises/source/NAME.py` is a script of cells (jupytext's percent format). It becomes two
notebooks, neither of them run:

    exercises/NAME.ipynb              for learners: solutions emptied, hidden tests removed
    exercises/solutions/NAME.ipynb    for instructors: everything, as nbgrader's `source/` wants it

A task stands in `lrcourse/tasks`. In a script `{task step_decay.1}` becomes its question, the cell
after it is the answer, solution included, and the cell that checks it is made: ids, points and
nbgrader's metadata are the task's. The markers of a solution are nbgrader's; one that is nested,
unknown or not closed is an error. nbgrader is not needed.
"""

import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from lrcourse.tasks import SHEETS, TASKS, Task

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
CODE_STUB = "# Write your code here"
TEXT_STUB = "*Write your answer here.*"
TASK = re.compile(r"\{task ([\w.]+)\}$")  # all that such a cell holds
MARKER = re.compile(r"^(?P<indent>[ \t]*)### (?P<edge>BEGIN|END) (?P<region>[A-Z ]+?)[ \t]*$")
REGIONS = ("SOLUTION", "HIDDEN TESTS")


class BuildError(Exception):
    """A sheet that cannot be built, and why."""


def sheets(folder: Path = SOURCE) -> list[Path]:
    """The scripts, in the order of the lessons."""
    return [folder / f"{sheet}.py" for sheet in SHEETS]


def read(source: Path) -> NotebookNode:
    """The instructor's notebook: the script, with the cells of its tasks."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.cells = _with_tasks(notebook.cells)
    for number, cell in enumerate(notebook.cells):
        grading = cell.metadata.get("nbgrader")
        cell.metadata = nbformat.from_dict({"nbgrader": grading} if grading else {})
        cell["id"] = grading["grade_id"] if grading else f"cell-{number:02}"
    _check_tasks(source.stem, notebook)
    return notebook


def _with_tasks(script: list[NotebookNode]) -> list[NotebookNode]:
    """The cells of a script, each task with what belongs to it."""
    cells, made = iter(script), []
    for cell in cells:
        task = TASK.match(cell.source)
        made += cells_of(task[1], next(cells, cell)) if task else [cell]
    return made


def cells_of(task_id: str, answer: NotebookNode) -> list[NotebookNode]:
    """The cells of a task around the one that answers it: question, answer, check."""
    if task_id not in TASKS:
        raise BuildError(f"there is no task {task_id!r} in lrcourse/tasks")
    task = TASKS[task_id]
    _check_answer(task, answer)
    asked = _marked(new_markdown_cell(question(task)), f"{task.grade_id}-question", locked=True)
    if task.kind == "manual":
        return [asked, _marked(answer, task.grade_id, solution=True, points=task.points)]
    call = f'lrcourse.check("{task.id}", {task.answer_name})'
    check = new_code_cell(f"{call}\n### BEGIN HIDDEN TESTS\n{call}.award()\n### END HIDDEN TESTS")
    return [
        asked,
        _marked(answer, f"{task.grade_id}-answer", solution=True),
        _marked(check, task.grade_id, locked=True, points=task.points),
    ]


def _marked(cell: NotebookNode, grade_id: str, points: int | None = None, **flags) -> NotebookNode:
    """The cell, with nbgrader's metadata; one that has points is graded."""
    about: dict[str, object] = dict.fromkeys(("locked", "solution", "task"), False)
    about |= {"schema_version": 3, "cell_type": cell.cell_type, "grade_id": grade_id}
    about |= {"grade": points is not None} | flags
    cell.metadata["nbgrader"] = about | ({} if points is None else {"points": points})
    return cell


def question(task: Task) -> str:
    """The question of a task, in Markdown."""
    number, points = task.id.rpartition(".")[2], f"{task.points} point{'s' * (task.points > 1)}"
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


def _check_tasks(sheet: str, notebook: NotebookNode) -> None:
    """Every task of the sheet stands in it, once, in their order, and no other."""
    graded = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    found = [one["grade_id"] for one in graded if one["grade"]]
    wanted = [task.grade_id for task in SHEETS[sheet].TASKS]
    if found != wanted:
        raise BuildError(f"{sheet}: the script has the tasks {found}, the sheet {wanted}")


def _check_answer(task: Task, cell: NotebookNode) -> None:
    kind = "markdown" if task.kind == "manual" else "code"
    if cell.cell_type != kind:
        raise BuildError(f"{task.id}: a {kind} cell with the answer must follow {{task {task.id}}}")
    if "### BEGIN SOLUTION" not in cell.source:
        raise BuildError(f"{task.id}: the answer has no solution between markers")
    if kind == "code" and not re.search(rf"^(def )?{task.answer_name}\b", cell.source, re.M):
        raise BuildError(f"{task.id}: the answer does not define {task.answer_name}")


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
