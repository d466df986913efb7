"""The round trip with the real nbgrader, and the kernel of the sandbox."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_notebook

from lrcourse.grading.gradebook import MOST_OUTPUT, SandboxedExecute, inert
from lrcourse.grading.provisioner import KERNEL, NAME, install
from lrcourse.tasks import TASKS

from .conftest import EXERCISES, command_lines, need_sandbox
from .nbgrader_course import cell_of, nbgrader, release, released, scores, solutions, submit

pytestmark = pytest.mark.timeout(900)  # the first test waits for a whole course to be made

SHEET = "training_lab"  # with a task for a person, and no training loop inside
AUTOMATIC = {
    t.grade_id: t.points for t in TASKS.values() if t.sheet == SHEET and t.kind != "manual"
}


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


@pytest.mark.parametrize(
    "floods",
    [
        "while True:\n    print('x' * 1000)",
        "import os\nwhile True:\n    os.write(1, b'x' * 1_000_000)",
        "while True:\n    print('x' * 50_000_000, flush=True)",
    ],
    ids=["print", "write", "huge"],
)
def test_printing_for_ever_is_cut_off(kernel, capfd, floods):
    """The copy keeps a bounded part of an endless output, and none of it reaches the terminal."""
    notebook = new_notebook(cells=[new_code_cell(c) for c in ("print('before')", floods, "1 + 1")])
    SandboxedExecute(timeout=2).preprocess(notebook, {"metadata": {"path": str(EXERCISES)}})
    before, flood, _ = (json.dumps(cell.outputs) for cell in notebook.cells)

    assert "before" in before and "xxxxxxxx" in flood
    assert "is left out" in flood and "CellTimeoutError" in flood
    assert len(flood) < MOST_OUTPUT + 10_000
    assert len(capfd.readouterr().out) < 10_000


def test_a_flood_that_goes_on_is_not_waited_for(kernel, monkeypatch):
    """Where a busy machine has not read all of it in time, the cell says so, and the next runs."""
    monkeypatch.setattr("lrcourse.grading.gradebook.FLOOD_ENDS", 0)
    floods = "while True:\n    print('x' * 50_000_000, flush=True)"
    notebook = new_notebook(
        cells=[new_code_cell(floods), new_code_cell("open('ran', 'w').close()")]
    )
    execute = SandboxedExecute(timeout=2, iopub_timeout=0)
    execute.preprocess(notebook, {"metadata": {"path": str(EXERCISES)}})
    flood, after = notebook.cells

    assert [out.ename for out in flood.outputs if out.output_type == "error"] == [
        "CellTimeoutError"
    ]
    assert "shell.execute_reply" in after.metadata.execution


def test_nothing_of_a_kernel_is_left(kernel):
    """After the kernel its folder and its processes are gone."""
    seen = run_in_kernel(
        "import subprocess, glob; glob.glob('/tmp/lrck-*')[0]",
        "p = subprocess.Popen(['sleep', '4711']); p.pid > 0",
    )

    assert seen[1] == "True"
    assert not Path(seen[0].strip("'")).exists()
    assert "sleep\0004711" not in command_lines()


# The round trip

WIDGETS = "application/vnd.jupyter.widget-state+json"


def copied(notebook):
    return nbformat.from_dict(json.loads(json.dumps(notebook)))


@pytest.fixture(scope="module")
def course(kernel, tmp_path_factory):
    """A course of nbgrader's: our sheet as source, submissions, autograded, exported."""
    folder = tmp_path_factory.mktemp("course")
    release(folder, SHEET)
    empty, right = released(folder, SHEET), solutions(SHEET)
    ada, bob = copied(empty), copied(empty)
    for grade_id, text in right.items():
        cell_of(ada, grade_id).source = text
    changed, twice = copied(ada), copied(ada)
    warns = "import sys, warnings\nwarnings.warn('`lr_scheduler.step()` before `optimizer.step()`')"
    warns += "\nprint('torch warns', file=sys.stderr)\n"
    cell_of(ada, f"{SHEET}-2-answer").source = warns + right[f"{SHEET}-2-answer"]
    cheats = "import lrcourse, builtins\nlrcourse.check = lambda *a: type('R', (), {'award': 99})()"
    cell_of(bob, f"{SHEET}-2-answer").source = cheats
    cell_of(bob, f"{SHEET}-6-answer").source = right[f"{SHEET}-6-answer"]
    bob.metadata["widgets"] = {WIDGETS: {"state": {"a": {"state": {"_esm": "alert(3)"}}}}}
    cell_of(bob, f"{SHEET}-7").source = "<script>alert(1)</script> [x](javascript:alert(2))"
    cell_of(bob, f"{SHEET}-3-answer").source = "import os\nos._exit(0)"
    tamper(changed)
    duplicate(twice)
    handed_in = {"ada": ada, "bob": bob, "cyd": changed, "dan": twice}
    for name, notebook in handed_in.items():
        submit(folder, name, SHEET, notebook)
    nbgrader(folder, "autograde", SHEET)
    nbgrader(folder, "export")
    return folder


def tamper(notebook) -> None:
    """Points, tests and rights of the grade cells changed, and one cell removed, by the learner."""
    cell_of(notebook, f"{SHEET}-1").metadata.nbgrader.points = 300
    cell_of(notebook, f"{SHEET}-2").metadata.nbgrader.locked = False
    cell_of(notebook, f"{SHEET}-2").source = "100"
    cell_of(notebook, f"{SHEET}-3").metadata.nbgrader.grade = False
    cell_of(notebook, f"{SHEET}-4").metadata.nbgrader.solution = True
    cell_of(notebook, f"{SHEET}-5").metadata.nbgrader.schema_version = 99
    cell_of(notebook, f"{SHEET}-4-answer").source = "flaws = None"
    notebook.cells.remove(cell_of(notebook, f"{SHEET}-6"))
    cell_of(notebook, f"{SHEET}-5-answer").metadata.nbgrader = "none of your business"


def duplicate(notebook) -> None:
    """A graded cell, and the essay, stand in the notebook a second time."""
    for grade_id in (f"{SHEET}-1", f"{SHEET}-7"):
        cell = cell_of(notebook, grade_id)
        notebook.cells.append(copied(cell) | {"id": f"again-{grade_id}"})
    cell_of(notebook, f"{SHEET}-2-answer").source = "def better(low, high):\n    return 'a'"


def test_sheet_is_handed_out_without_solutions(course):
    """generate_assignment takes our sheet as it is, and empties what nbgrader's markers enclose."""
    text = (course / "release" / SHEET / f"{SHEET}.ipynb").read_text(encoding="utf-8")

    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN" not in text
    assert ".award()" not in text


def test_gradebook_holds_the_marks(course):
    """The database has the points of each answer; a warning on stderr costs nobody a point."""
    assert scores(course, SHEET, "ada") == {**AUTOMATIC, f"{SHEET}-7": None}


def test_patches_and_exits_bring_nothing_in_nbgrader(course):
    """Patching the checks, or ending the kernel, leaves the mark of the honest answer alone."""
    found = scores(course, SHEET, "bob")

    assert {name: score for name, score in found.items() if score} == {f"{SHEET}-6": 2}
    assert found[f"{SHEET}-7"] is None  # for a person


def test_changed_cells_are_what_they_were(course):
    """Points, tests, rights, schema and cells changed by a learner: the answers get their marks."""
    found = scores(course, SHEET, "cyd")
    path = course / "autograded" / "cyd" / SHEET / f"{SHEET}.ipynb"
    graded = nbformat.read(path, as_version=4)

    assert found == {**AUTOMATIC, f"{SHEET}-4": 0, f"{SHEET}-7": None}
    assert cell_of(graded, f"{SHEET}-1").metadata.nbgrader.points == TASKS[f"{SHEET}.1"].points
    assert cell_of(graded, f"{SHEET}-2").source.startswith("lrcourse.check(")
    assert cell_of(graded, f"{SHEET}-6").source.startswith("lrcourse.check(")


def test_cells_that_stand_there_twice_count_once(course):
    """Duplicated ids stop nobody's grading; the first of each counts, and brings no more."""
    found = scores(course, SHEET, "dan")
    path = course / "autograded" / "dan" / SHEET / f"{SHEET}.ipynb"
    ids = [
        cell.metadata.nbgrader.grade_id
        for cell in nbformat.read(path, as_version=4).cells
        if cell.metadata.get("nbgrader")
    ]

    assert found == {**AUTOMATIC, f"{SHEET}-2": 0, f"{SHEET}-7": None}
    assert len(ids) == len(set(ids))


def test_export_holds_the_totals(course):
    """nbgrader's own export gives the totals."""
    with (course / "grades.csv").open(encoding="utf-8") as file:
        found = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}

    assert found == {"ada": 20.0, "bob": 2.0, "cyd": 16.0, "dan": 18.0}


def test_formgrader_gets_no_script(course):
    """What a learner wrote is inert in the autograded copy that formgrader shows."""
    path = course / "autograded" / "bob" / SHEET / f"{SHEET}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    written = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")

    assert "&lt;script>alert(1)" in written
    assert "<script" not in written and "](javascript:" not in written
    assert "alert(3)" not in path.read_text(encoding="utf-8")


def test_kernels_run_as_nobody():
    """The user id of kernels belongs to no person."""
    assert KERNEL > 60_000


def test_inert_keeps_mathematics():
    """Formulas and comparisons read as before."""
    assert inert("$a < b$, a<1, `x < y`") == "$a < b$, a<1, `x < y`"


@pytest.mark.parametrize(
    "link",
    [
        "[x](javascript:run)",
        "[x]( JaVaScRiPt:run)",
        "[x](java&#115;cript:run)",
        "[x](javascript&colon;run)",
        "[x](javascript\\:run)",
        "[x](\njavascript:run)",
        "[x](<javascript:run>)",
        "[x]( <  javascript:run>)",
        "[x][1]\n\n[1]: javascript:run",
        "[x][1]\n\n> [1]:\n> javascript:run",
        "<javascript:run>",
        "[x](vbscript:run)",
    ],
)
def test_inert_leaves_no_link_that_runs_code(link):
    """However it is spelt, it comes out of the Markdown of formgrader's pages as text."""
    page = markdown2html(inert(link))

    assert "<a" not in page and "run" in page
    assert '<a href="https://x.org' in markdown2html(inert("[x](https://x.org/a:b&c)"))


def test_inert_keeps_pictures_of_the_notebook_only():
    """A picture from elsewhere would tell its server who opens the page; an attached one is kept."""
    assert inert("![plot](attachment:p.png)") == "![plot](attachment:p.png)"
    assert "![" not in inert("![x](https://example.org/x.png) ![y][1] ![a](b)](attachment:p)")


def test_inert_takes_a_megabyte_of_anything():
    """The time is in proportion to the text: no learner's cell holds up the class."""
    run = """
import json, sys
from lrcourse.grading.gradebook import inert
for piece in json.load(sys.stdin):
    print(piece, len(inert(piece * ((1 << 20) // len(piece)))) >= 1_000_000, flush=True)
"""
    pieces = ["]:", "![", "](", "]: ", "<", "]:\n", "](\n", "\n"]
    done = subprocess.run(
        [sys.executable, "-c", run], input=json.dumps(pieces), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip

    assert done.stdout == "".join(f"{piece} True\n" for piece in pieces)
