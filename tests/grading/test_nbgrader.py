"""The round trip with the real nbgrader, and the kernel of the sandbox."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from lrcourse.grading.gradebook import inert
from lrcourse.grading.provisioner import KERNEL, NAME, install
from lrcourse.tasks import TASKS

from .conftest import EXERCISES, need_sandbox

SHEET = "training_lab"  # with a task for a person, and no training loop inside
CONFIG = """
from lrcourse.grading.gradebook import configure

configure(get_config())
c = get_config()
c.CourseDirectory.course_id = "lr"
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The environment in which Jupyter finds the sandbox's kernel."""
    need_sandbox()
    prefix = tmp_path_factory.mktemp("prefix")
    install(str(prefix))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        yield


def run_in_kernel(*cells: str, timeout: int = 60) -> list[str]:
    """The text that each cell leaves when a notebook runs in the sandbox's kernel."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name=NAME, timeout=timeout, allow_errors=True)
    client.execute()
    return [
        "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") or o.get("evalue", ""))
        for cell in notebook.cells
        for o in [cell.outputs[0] if cell.outputs else {}]
    ]


def test_kernel_is_in_the_sandbox(kernel):
    """By its name any Jupyter tool gets a kernel without network, files, rights or secrets."""
    os.environ["GRADER_TOKEN"] = "s3cret"
    try:
        seen = run_in_kernel(
            "6 * 7",
            "import socket; socket.create_connection(('1.1.1.1', 53), 1)",
            f"import os; os.listdir({str(EXERCISES)!r})",
            "import lrcourse.tasks",
            "'GRADER_TOKEN' in os.environ",
            "[l.split()[1].strip('0') for l in open('/proc/self/status') if l.startswith('Cap')]",
            "os.getuid(), [p for p in os.listdir('/proc') if p.isdigit()].__len__() < 6",
            "import glob; where = glob.glob('/tmp/lrck-*')[0]; open(where + '/x', 'w')",
            "os.fork() and 'forks'",
            "import ctypes; ctypes.CDLL(None).unshare(0x10000000)",
        )
    finally:
        del os.environ["GRADER_TOKEN"]

    assert seen[0] == "42"
    assert "unreachable" in seen[1]
    assert "No such file" in seen[2]
    assert "No module named 'lrcourse.tasks'" in seen[3]
    assert seen[4] == "False"
    assert seen[5] == "['', '', '', '', '']"
    assert seen[6] == "(0, True)"
    assert "Read-only file system" in seen[7]
    assert seen[9] == "-1"


def test_kernel_that_takes_all_memory_ends(kernel):
    """A memory bomb ends in its own kernel."""
    seen = run_in_kernel("x = []\nwhile True: x.append(bytearray(50_000_000))", "1 + 1")

    assert seen == ["", "2"]


def test_nothing_of_a_kernel_is_left(kernel):
    """After the kernel its folder and its processes are gone."""
    seen = run_in_kernel(
        "import subprocess, glob; glob.glob('/tmp/lrck-*')[0]",
        "p = subprocess.Popen(['sleep', '4711']); p.pid > 0",
    )

    assert seen[1] == "True"
    assert not Path(seen[0].strip("'")).exists()
    assert "sleep\0004711" not in _command_lines()


def _command_lines() -> str:
    found = ""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found


# The round trip


def nbgrader(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls `alembic`, as in an environment that is activated.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def answer(notebook, grade_id: str, source: str) -> None:
    cell = next(
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )
    cell.source = source


@pytest.fixture(scope="module")
def course(kernel, tmp_path_factory):
    """A course of nbgrader's: our sheet as source, two submissions, autograded, exported."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    source = folder / "source" / SHEET
    source.mkdir(parents=True)
    shutil.copy(EXERCISES / "solutions" / f"{SHEET}.ipynb", source)
    nbgrader(folder, "generate_assignment", SHEET)
    released = nbformat.read(folder / "release" / SHEET / f"{SHEET}.ipynb", as_version=4)
    solved = nbformat.read(source / f"{SHEET}.ipynb", as_version=4)
    right = {
        c.metadata.nbgrader.grade_id: c.source
        for c in solved.cells
        if c.metadata.get("nbgrader", {}).get("solution")
    }

    ada = nbformat.from_dict(released)
    for grade_id, text in right.items():
        answer(ada, grade_id, text)
    warns = "import sys, warnings\nwarnings.warn('`lr_scheduler.step()` before `optimizer.step()`')"
    warns += "\nprint('torch warns', file=sys.stderr)\n"
    answer(ada, f"{SHEET}-2-answer", warns + right[f"{SHEET}-2-answer"])
    bob = nbformat.from_dict(json.loads(json.dumps(released)))
    cheats = "import lrcourse, builtins\nlrcourse.check = lambda *a: type('R', (), {'award': 99})()"
    answer(bob, f"{SHEET}-2-answer", cheats)
    answer(bob, f"{SHEET}-6-answer", right[f"{SHEET}-6-answer"])
    answer(bob, f"{SHEET}-7", "<script>alert(1)</script> [x](javascript:alert(2))")
    answer(bob, f"{SHEET}-3-answer", "import os\nos._exit(0)")
    for name, notebook in {"ada": ada, "bob": bob}.items():
        handed_in = folder / "submitted" / name / SHEET
        handed_in.mkdir(parents=True)
        nbformat.write(notebook, handed_in / f"{SHEET}.ipynb")
    nbgrader(folder, "autograde", SHEET)
    nbgrader(folder, "export")
    return folder


def scores(folder: Path, student: str) -> dict[str, float]:
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        submission = book.find_submission_notebook(SHEET, SHEET, student)
        return {grade.name: grade.auto_score for grade in submission.grades}


def test_sheet_is_handed_out_without_solutions(course):
    """generate_assignment takes our sheet as it is, and empties what nbgrader's markers enclose."""
    text = (course / "release" / SHEET / f"{SHEET}.ipynb").read_text(encoding="utf-8")

    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN" not in text
    assert ".award()" not in text


def test_gradebook_holds_the_marks(course):
    """The database has the points of each answer; a warning on stderr costs nobody a point."""
    automatic = {
        t.grade_id: t.points for t in TASKS.values() if t.sheet == SHEET and t.kind != "manual"
    }

    assert scores(course, "ada") == {**automatic, f"{SHEET}-7": None}


def test_patches_and_exits_bring_nothing_in_nbgrader(course):
    """Patching the checks, or ending the kernel, leaves the mark of the honest answer alone."""
    found = scores(course, "bob")

    assert {name: score for name, score in found.items() if score} == {f"{SHEET}-6": 2}
    assert found[f"{SHEET}-7"] is None  # for a person


def test_export_holds_the_totals(course):
    """nbgrader's own export gives the totals."""
    with (course / "grades.csv").open(encoding="utf-8") as file:
        found = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}

    assert found == {"ada": 20.0, "bob": 2.0}


def test_formgrader_gets_no_script(course):
    """What a learner wrote is inert in the autograded copy that formgrader shows."""
    path = course / "autograded" / "bob" / SHEET / f"{SHEET}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    written = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")

    assert "&lt;script>alert(1)" in written
    assert "<script" not in written and "javascript:" not in written


def test_inert_keeps_mathematics():
    """Formulas and comparisons read as before."""
    assert inert("$a < b$, a<1, `x < y`") == "$a < b$, a<1, `x < y`"
    assert KERNEL > 60_000
