"""A course of nbgrader's with our sheets and our configuration, made with nbgrader's own commands."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from .conftest import EXERCISES

CONFIG = """
from lrcourse.grading.gradebook import configure

configure(get_config())
c = get_config()
c.CourseDirectory.course_id = "lr"
c.SandboxedExecute.timeout = 5
"""


def nbgrader(folder: Path, *arguments: str) -> str:
    """Run an nbgrader command in the folder of the course; what it said."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls `alembic`, as in an environment that is activated.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def release(folder: Path, *sheets: str) -> None:
    """Make the course, with these sheets as its assignments."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    for sheet in sheets:
        source = folder / "source" / sheet
        source.mkdir(parents=True)
        shutil.copy(EXERCISES / "solutions" / f"{sheet}.ipynb", source)
        nbgrader(folder, "generate_assignment", sheet)


def released(folder: Path, sheet: str) -> nbformat.NotebookNode:
    """The notebook that nbgrader hands out."""
    return nbformat.read(folder / "release" / sheet / f"{sheet}.ipynb", as_version=4)


def solutions(sheet: str) -> dict[str, str]:
    """The source of each cell that a learner fills in, by its grade id."""
    solved = nbformat.read(EXERCISES / "solutions" / f"{sheet}.ipynb", as_version=4)
    return {
        c.metadata.nbgrader.grade_id: c.source
        for c in solved.cells
        if c.metadata.get("nbgrader", {}).get("solution")
    }


def cell_of(notebook: Mapping, grade_id: str) -> nbformat.NotebookNode:
    return next(
        c
        for c in notebook["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


def submit(folder: Path, student: str, sheet: str, notebook: Mapping) -> None:
    """Hand a notebook in, as it is: it need not be valid."""
    handed_in = folder / "submitted" / student / sheet
    handed_in.mkdir(parents=True)
    (handed_in / f"{sheet}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def scores(folder: Path, sheet: str, student: str, kind: str = "auto_score") -> dict[str, float]:
    """What nbgrader's database holds, by the id of the cell. `kind`: or manual_score, score."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        submission = book.find_submission_notebook(sheet, sheet, student)
        return {grade.name: getattr(grade, kind) for grade in submission.grades}
