"""Notebooks as people really leave them: every point that `check` would give is given."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from sampling import some

from lrcourse.grading.grade import grade, mark, to_preload
from lrcourse.grading.installs import without_installs
from lrcourse.grading.notebooks import Cell, Notebook, read_notebook
from lrcourse.grading.sandbox import Limits
from lrcourse.grading.sessions import SandboxedWorker
from lrcourse.grading.submissions import Submission, find_submissions, newest_of_each
from lrcourse.grading.written import text_of_html, written_answer
from lrcourse.tasks import IMPORTS, SHEETS, TASKS

from .conftest import EXERCISES, HONEST, POINTS, earned, need_sandbox, notebook, says, write

SHEET = "exponential_decay"
RATES = [0.05, 0.0025, 0.9512, 0.9048]  # what exponential_decay.7 asks for


def solution(sheet: str) -> list[dict]:
    """The cells of a sheet with everything solved."""
    path = EXERCISES / "solutions" / f"{sheet}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def full(sheet: str) -> dict[str, float]:
    return {t.id: t.points for t in SHEETS[sheet].TASKS if t.kind != "manual"}


def code(source: str, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source, **more}


def at(cells: list[dict], grade_id: str) -> int:
    ids = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in cells]
    return ids.index(grade_id)


@pytest.fixture(scope="module")
def lab_worker():
    need_sandbox()
    worker = SandboxedWorker(7, to_preload(["training_lab"], lab=True))
    yield worker
    worker.close()


# The sheet with something done to it, and nothing lost


def plain_first_line(line: str):
    def spoil(cells):
        cells[1]["source"] = line + "\n" + "".join(cells[1]["source"])

    return spoil


def inserted(source: str, after: str):
    def spoil(cells):
        cells.insert(at(cells, after) + 1, code(source))

    return spoil


def appended(source: str):
    def spoil(cells):
        cells.append(code(source))

    return spoil


def replaced(source: str):
    def spoil(cells):
        cells[1]["source"] = source

    return spoil


def stripped(cells):
    for cell in cells:
        cell["metadata"] = {}


def merged(cells):
    text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    cells[:] = [code(text)]


def below_its_check(cells):
    place = at(cells, f"{SHEET}-1-answer")
    real = cells[place]["source"]
    cells[place]["source"] = "def exponential_decay(t, lr, k):\n    # Write your code here\n    ..."
    cells.insert(place + 2, code(real))


MESSES = {
    "untouched": lambda cells: None,
    "pip above the imports": plain_first_line("!pip install lrcourse"),
    "pip as a magic": plain_first_line("%pip install -q torch \\\n   numpy"),
    "pip without a sign": plain_first_line("pip install numpy"),
    "pip by subprocess": plain_first_line(
        "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])"
    ),
    "conda": plain_first_line("!conda install -y numpy"),
    "apt": plain_first_line("!sudo apt-get install -y graphviz"),
    "Colab's drive": plain_first_line(
        "from google.colab import drive\ndrive.mount('/content/drive')\nimport os\nos.chdir('/content')"
    ),
    "a package that is missing": plain_first_line("import seaborn as sns\nsns.set_theme()"),
    "a folder that is missing": plain_first_line("import os\nos.chdir('/content')"),
    "no imports at all": replaced("# I ran this once, long ago"),
    "imports with an error": replaced("import maths\nimport numpi as np\nimport lrcorse"),
    "another name for the course": plain_first_line("import lrcourse as lc"),
    "set again at the end": appended("rates = [0.1] * 500\ndef exponential_decay(t): return 1"),
    "set again in the next cell": inserted("rates = list(range(40))", f"{SHEET}-7"),
    "an experiment": appended("for k in (0.1, 0.2):\n    def decay_curve(t): return k"),
    "a name of Python's taken": appended("list = [1]; max = 3; print = None; math = 7; np = 0"),
    "the answer below its check": below_its_check,
    "everything in one cell": merged,
    "metadata stripped": stripped,
    "points in a sum": appended("max(lrcourse.check('x', 1).points, 0) + 1"),
    "a check that has to hold": inserted(
        "assert lrcourse.check('exponential_decay.1', exponential_decay).right", f"{SHEET}-1"
    ),
    "progress as a table": appended(
        "p = lrcourse.progress()\np.loc['exponential_decay.1'], p['points'].iloc[0]\nassert len(p) > 30"
    ),
    "a file written and imported": lambda cells: (
        cells.insert(
            2,
            code("%%writefile helper.py\ndef half(x):\n    return x / 2"),
        )
        or cells.insert(3, code("from helper import half\nassert half(2) == 1"))
    ),
    "an explorer": plain_first_line(
        "import lrcourse\ne = lrcourse.explore(lrcourse.StepDecay())\ne"
    ),
    "a quiz": appended("lrcourse.quiz('step_decay')\nfor q in lrcourse.quiz('x'): q.show()"),
    "a silent thing in arithmetic": appended(
        "e = lrcourse.explore(1)\nf'{e.lr:.2f}', e.lr * 2, e['lr'], len(e), [*e], int(e.t), e.lr > 0"
    ),
    "input": appended("name = input('who? ')"),
    "an error in the middle": inserted("1 / 0\nafter = 1", f"{SHEET}-2"),
    "a syntax error in the middle": inserted("def broken(:\n    pass", f"{SHEET}-2"),
    "sys.exit in the middle": inserted("import sys\nsys.exit()", f"{SHEET}-2"),
    "a shell command": inserted("!ls -la\nfiles = !ls", f"{SHEET}-2"),
    "magics": plain_first_line("%matplotlib inline\n%load_ext autoreload\n%autoreload 2"),
    "a timed cell": inserted("%%time\ny = 1", f"{SHEET}-2"),
    "await": inserted("import asyncio\nawait asyncio.sleep(0)", f"{SHEET}-2"),
    "a figure": appended("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()"),
    "warnings": plain_first_line("import warnings\nwarnings.simplefilter('error')"),
    "NumPy that raises": plain_first_line("import numpy as np\nnp.seterr(all='raise')"),
    "a seed": plain_first_line("import random\nrandom.seed(0)"),
    "another working folder": plain_first_line(
        "import os\nos.makedirs('w', exist_ok=True); os.chdir('w')"
    ),
    "cells in another order": lambda cells: cells.append(cells.pop(1)),
    "a copy of the check": appended("lrcourse.check('exponential_decay.7', rates).hint()"),
    "outputs that are huge": lambda cells: cells[4].update(
        outputs=[{"output_type": "stream", "name": "stdout", "text": ["x\n"] * 50_000}]
    ),
    "raw cells": lambda cells: cells.insert(0, {"cell_type": "raw", "metadata": {}, "source": "x"}),
    "a cell without source": lambda cells: cells.insert(3, {"cell_type": "code", "metadata": {}}),
    "deleted questions": lambda cells: cells.__setitem__(
        slice(None), [c for c in cells if c["cell_type"] == "code"]
    ),
    "deleted checks": lambda cells: cells.__setitem__(
        slice(None),
        [c for c in cells if not "".join(c.get("source", "")).startswith("lrcourse.check")],
    ),
    "answers handed over under other names": lambda cells: [
        cells[at(cells, f"{SHEET}-3-answer")].update(
            source="import math\nGammaFromK = lambda k: math.exp(-k)"
        ),
        cells[at(cells, f"{SHEET}-3")].update(
            source='lrcourse.check("exponential_decay.3", GammaFromK)'
        ),
    ],
}


@pytest.mark.parametrize("mess", MESSES.values(), ids=MESSES)
def test_nothing_is_lost_in_a_mess(worker, tmp_path, mess):
    """A solved sheet stays worth all its points, whatever else is in it."""
    cells = solution(SHEET)
    mess(cells)
    path = write(tmp_path, f"ada/{SHEET}.ipynb", *cells)
    done = mark(Submission("ada", path, SHEET), worker, Limits(), seed=1)

    assert earned(done) == full(SHEET), done.notes


def test_the_imports_are_those_of_the_sheets():
    """What is run first is what stands in the first code cell of each sheet."""
    for sheet, text in IMPORTS.items():
        cells = [c for c in solution(sheet) if c["cell_type"] == "code"]
        assert "".join(cells[0]["source"]) == text
    assert list(IMPORTS) == list(SHEETS)


# What is said of it


def test_an_answer_that_is_set_again_is_said(hand_in):
    """Where, and which of the two counts: the one of its cell, or a better one further down."""
    first = "rates = [0.05, 0.0025, 0.9512, 0.9048]\nimport lrcourse"
    check = 'lrcourse.check("exponential_decay.7", rates)'
    kept = hand_in(first, check, "rates = [1.0]")
    better = hand_in("rates = [1.0]\nimport lrcourse", check, first)

    assert earned(kept) == earned(better) == {"exponential_decay.7": 2}
    assert "`rates` is set again in code cell 3. What it was where it is checked" in kept.notes[0]
    assert "`rates` is set again in code cell 3, and that counts" in better.notes[0]


def test_what_check_saw_is_called_with_the_names_of_that_moment(hand_in):
    """A helper that means something else at the end does not change an answer that was checked."""
    mark = hand_in(
        "import math, lrcourse\nrate = 1\ndef exponential_decay(t, lr, k):\n"
        "    return rate * lr * math.exp(-k * t)",
        'lrcourse.check("exponential_decay.1", exponential_decay)',
        "rate = 55\nmath = None",
    )

    assert earned(mark) == {"exponential_decay.1": 2}


def test_a_cause_is_named_once(hand_in):
    """A package that is missing makes one note, which counts what followed from it."""
    uses = [f"sns.set_theme({i})" for i in range(7)]
    mark = hand_in("import seaborn as sns", *uses, *HONEST.values())

    (note,) = mark.notes
    assert "No module named 'seaborn'" in note and "7 more places stopped because of it" in note
    assert "An import failed" in mark.for_instructor[0]
    assert earned(mark) == POINTS


def test_lines_that_install_are_said(hand_in):
    """Skipped, named, and no cause of anything else."""
    mark = hand_in("!pip install seaborn\nx = 1", *HONEST.values())

    assert mark.notes == [
        "Code cell 1: `!pip install seaborn` was skipped: nothing is installed where it is graded."
    ]
    assert earned(mark) == POINTS and mark.for_instructor == mark.notes


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("!pip install a\nx = 1", "pass\nx = 1"),
        ("if True:\n    !pip3 install a\nx = 1", "if True:\n    pass\nx = 1"),
        ("%conda install a \\\n  b \\\n  c\nx = 1", "pass\n\n\nx = 1"),
        ("!python -m pip install a", "pass"),
        ("!{sys.executable} -m pip install a", "pass"),
        ("!/usr/bin/python3.11 -m pip install a", "pass"),
        ("uv pip install a", "pass"),
        ("get_ipython().system('pip install a')", "pass"),
        ("get_ipython().run_line_magic('pip', 'install a')", "pass"),
        ("pipeline = 1", "pipeline = 1"),
        ("pip = 3\nconda = pip", "pip = 3\nconda = pip"),
        ("x = 'pip install a'", "x = 'pip install a'"),
        ("%%bash\npip install a", "%%bash\npip install a"),
        ("!pipes", "!pipes"),
    ],
)
def test_only_lines_that_install_are_skipped(cell, left):
    """Each line keeps its number and its indentation; nothing else is touched."""
    assert without_installs(cell)[0] == left


def test_a_failing_statement_does_not_take_the_rest(hand_in):
    """What comes before and after it in its cell is there; its own line is named."""
    mark = hand_in(
        "import math\n1 / 0\ndef exponential_decay(t, lr, k):\n    return lr * math.exp(-k * t)"
    )

    assert earned(mark) == {"exponential_decay.1": 2}
    assert mark.notes == [
        "Code cell 1: it raised ZeroDivisionError: division by zero. Your line 2: 1 / 0."
    ]


@pytest.mark.parametrize(
    ("defines", "name"),
    [("ExponentialDecay", "exponential_decay"), ("exponential_decy", "exponential_decay")],
)
def test_a_renamed_function_is_asked_about(hand_in, defines, name):
    """A name that is close is named; running all again could not help."""
    mark = hand_in(f"def {defines}(t, lr, k):\n    return 0.1")

    assert f"you define `{defines}`. Is that it? Call it `{name}`." in says(mark)
    assert "Restart" not in says(mark)


def test_a_cell_that_never_ends_is_passed_over(hand_in):
    """A statement that takes too long costs itself; the next ones of its cell are run."""
    mark = hand_in("import time\ntime.sleep(100)\n" + "\n".join(HONEST.values()))

    assert earned(mark) == POINTS
    assert "did not end within 2 seconds" in mark.notes[0]


# The lab in a submission

RACE = """
race = lab.race(lab.shapes(50), steps=50, seeds=32, progress=True)
best = race.table().iloc[0]
best_peak = race.table()
"""


REACHED = {
    "imported": "from lrcourse import lab",
    "attribute": "import lrcourse\nlab = lrcourse.lab",
    "a module": "import lrcourse.lab as lab",
}


@pytest.mark.parametrize("way", some(REACHED, ["attribute"]))
def test_a_race_in_a_submission_costs_nothing(lab_worker, tmp_path, way):
    """It runs, on fewer seeds, whatever way it is reached; what stands below it counts."""
    answer = "def my_schedule(t, total):\n    return 0.3 * (1 - t / total)"
    path = write(tmp_path, "ada/training_lab.ipynb", f"{REACHED[way]}\n{RACE}\n{answer}")
    done = mark(Submission("ada", path, "training_lab"), lab_worker, Limits(), judged_on=5)

    assert done.notes == []
    assert "training_lab.5" in earned(done)


# Written answers

MANUAL = next(t for t in TASKS.values() if t.kind == "manual")
TEXT = "I would take a warm-up and a cosine, since two days are known in advance, and no recipe."
HEAD = f"## {MANUAL.id.rpartition('.')[2]}. {MANUAL.title}\n\n{MANUAL.question}"
STUB = "*Write your answer here.*"


def wrote(*cells: Cell, online: str = ""):
    return written_answer(MANUAL, Notebook(cells), online)


QUESTION = Cell("markdown", HEAD, f"{MANUAL.grade_id}-question")
OWN = Cell("markdown", STUB, MANUAL.grade_id)
WRITTEN = {
    "in its cell": (Cell("markdown", TEXT, MANUAL.grade_id),),
    "below the stub, in its cell": (Cell("markdown", f"{STUB}\n\n{TEXT}", MANUAL.grade_id),),
    "in a new cell below": (QUESTION, OWN, Cell("markdown", TEXT)),
    "between question and cell": (QUESTION, Cell("markdown", TEXT), OWN),
    "in a code cell, as a comment": (QUESTION, OWN, Cell("code", f"# {TEXT}")),
    "in a code cell, as a text": (QUESTION, OWN, Cell("code", f'"""{TEXT}"""')),
    "in a code cell, as it is": (QUESTION, OWN, Cell("code", TEXT)),
    "without metadata": (Cell("markdown", HEAD), Cell("markdown", TEXT)),
    "without metadata, stub and all": (Cell("markdown", HEAD), Cell("markdown", f"{STUB}\n{TEXT}")),
    "without question or metadata": (Cell("code", "x = 1"), Cell("markdown", TEXT)),
    "its own cell gone": (QUESTION, Cell("markdown", TEXT)),
    "as raw text": (QUESTION, OWN, Cell("raw", TEXT)),
}


@pytest.mark.parametrize("cells", WRITTEN.values(), ids=WRITTEN)
def test_a_written_answer_is_found(cells):
    """Wherever people put it; the marker hears when it was not in its cell."""
    found = wrote(*cells)

    assert TEXT in found.text and STUB not in found.text
    in_place = all(c.grade_id or c.source == HEAD for c in cells)
    assert bool(found.note) is not in_place


def test_other_cells_are_no_written_answer():
    """Code that is code, a check, the next question and the handout are not taken for it."""
    sheet = (EXERCISES / f"{MANUAL.sheet}.ipynb").read_bytes()
    handout = read_notebook("x.ipynb", sheet)
    more = (Cell("code", "lr = 0.1\nplot(lr)"), Cell("code", 'lrcourse.check("training_lab.7")'))

    assert written_answer(MANUAL, handout).text == ""
    assert written_answer(MANUAL, Notebook((*handout.cells, *more))).text == ""


def test_the_public_solution_is_said():
    """An essay that is the solution as it is published, its marks included."""
    text = f"### BEGIN SOLUTION\n{TEXT}\n### END SOLUTION"

    assert (
        "it is the text of the public solution"
        in wrote(Cell("markdown", text, MANUAL.grade_id)).note
    )


def test_a_text_typed_into_moodle_is_the_answer():
    """Where the notebook has none; where it has one, that counts."""
    page = f"<html><style>p{{}}</style><p>{TEXT}</p><script>x</script></html>"

    assert text_of_html(page) == TEXT
    assert wrote(QUESTION, OWN, online=TEXT).text == TEXT
    assert "typed into the platform's form" in wrote(QUESTION, OWN, online=TEXT).note
    assert wrote(Cell("markdown", "Mine.", MANUAL.grade_id), online=TEXT).text == "Mine."


# Wrapping

ANSWERS = "\n\n".join(HONEST.values())


def as_json(*cells) -> bytes:
    return json.dumps(notebook(*cells)).encode()


def as_zip(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), raw)
    return packed.getvalue()


def as_percent() -> bytes:
    return (
        "# %% [markdown]\n# # My answers\n\n# %%\n" + "\n\n# %%\n".join(HONEST.values())
    ).encode()


def as_exported() -> bytes:
    cells = "\n\n\n# In[ ]:\n\n\n".join(["get_ipython().system('pip install x')", *HONEST.values()])
    return f"#!/usr/bin/env python\n# coding: utf-8\n\n# # Title\n\n# In[1]:\n\n{cells}\n".encode()


NOTEBOOK = as_json(*HONEST.values())
WRAPPED = {
    "ada/x.ipynb": NOTEBOOK,
    "ada/x.ipynb.txt": NOTEBOOK,
    "ada/x.ipynb.json": NOTEBOOK,
    "ada/x (1).ipynb": NOTEBOOK,
    "ada/x.ipynb (1)": NOTEBOOK,
    "ada/x.IPYNB": NOTEBOOK,
    "ada/x.zip": as_zip(x_dot_ipynb=NOTEBOOK),
    "ada/in a folder.zip": as_zip(work__deep__x_dot_ipynb=NOTEBOOK, work___dot_y_dot_ipynb=b"x"),
    "ada/with more.zip": as_zip(x_dot_ipynb=NOTEBOOK, data_dot_csv=b"1,2", helper_dot_py=b"x = 1"),
    "ada/script in it.zip": as_zip(x_dot_py=as_percent()),
    "ada/x.py": as_percent(),
    "ada/y.py": as_exported(),
    "ada/z.py": ANSWERS.encode(),
    "ada_x.zip": as_zip(x_dot_ipynb=NOTEBOOK),
    "ada.py": as_exported(),
    "ada_4711_99_x.zip": as_zip(x_dot_ipynb=NOTEBOOK),
    "ada_LATE_4711_99_x.ipynb": NOTEBOOK,
    "Ada_4711_assignsubmission_file_/x.zip": as_zip(x_dot_ipynb=NOTEBOOK),
}


@pytest.mark.parametrize(("path", "raw"), WRAPPED.items(), ids=WRAPPED)
def test_a_submission_is_read_as_what_it_is(worker, tmp_path, path, raw):
    """However it is wrapped, the points are those of the notebook."""
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_bytes(raw)
    write(tmp_path, "zoe_1_2_x.ipynb" if "_99_" in path else "zoe/x.ipynb", "x = 1")
    found, _ = newest_of_each(find_submissions(tmp_path, layout=None))
    (ada,) = [one for one in found if one.learner.lower().startswith("ada")]

    assert ada.late is ("_LATE_" in path)
    assert earned(mark(ada, worker, Limits(), seed=1)) == POINTS


def test_a_mixed_folder_is_one_persons(tmp_path):
    """Notebook, archive, script and notes side by side: the notebook counts, the rest is said."""
    for name in ("x.ipynb", "x.zip", "x.py", "notes.txt"):
        path = tmp_path / "ada" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(WRAPPED.get(f"ada/{name}", b"hello"))
    write(tmp_path, "zoe/x.ipynb", "x = 1")
    found, notes = newest_of_each(find_submissions(tmp_path))
    (ada,) = [one for one in found if one.learner == "ada"]

    assert ada.form != "script" and "x.py" in notes[ada.place][0]


def test_moodles_online_text_is_no_learner(tmp_path):
    """It belongs to the one whose notebook lies beside it; alone it is said to be no notebook."""
    write(tmp_path, "Ada_1_assignsubmission_file_/training_lab.ipynb", "x = 1")
    for name in ("Ada_1", "Bob_2"):
        folder = tmp_path / f"{name}_assignsubmission_onlinetext_"
        folder.mkdir()
        (folder / "onlinetext.html").write_text(f"<p>{TEXT}</p>", encoding="utf-8")
    found, _ = newest_of_each(find_submissions(tmp_path))
    by_name = {one.learner: one for one in found}

    assert sorted(one.learner for one in found) == ["Ada", "Bob"]
    assert by_name["Ada"].online == TEXT and not by_name["Ada"].refused
    assert "only a text typed into the form" in by_name["Bob"].refused


@pytest.mark.parametrize(
    ("name", "learner", "late"),
    [
        ("anon_aB3d9_99_step_decay.ipynb", "Anonymous aB3d9", False),
        ("anonymous_aB3d9_LATE_99_step_decay.ipynb", "Anonymous aB3d9", True),
        ("LATE_anon_aB3d9_99_step_decay.ipynb", "Anonymous aB3d9", True),
        ("anon_12345_98_step_decay-1.ipynb", "Anonymous 12345", False),
    ],
)
def test_anonymous_files_of_canvas(tmp_path, name, learner, late):
    """The number of the attachment, another for each file, is no part of the name."""
    write(tmp_path, name, "x = 1")
    (one,) = find_submissions(tmp_path)

    assert (one.learner, one.late, one.platform) == (learner, late, "canvas")


BOMBS = {
    "a bomb": as_zip(x_dot_ipynb=b" " * (200 << 20)),
    "a thousand notebooks": as_zip(**{f"n{i}_dot_ipynb": b"{}" for i in range(1_000)}),
    "not an archive": b"PK\x03\x04" + b"x" * 500,
    "nothing": as_zip(),
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_an_archive_that_is_none_costs_only_its_owner(tmp_path, raw):
    """It is read in bounds, or not at all, and its owner hears why."""
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "x.zip").write_bytes(raw)
    write(tmp_path, "ada/x.ipynb", *HONEST.values())
    found, _ = newest_of_each(find_submissions(tmp_path))
    eve = next(one for one in found if one.learner == "eve")

    if not eve.refused:
        with pytest.raises(ValueError, match="MiB"):
            eve.read()
    assert next(one for one in found if one.learner == "ada").answers


def test_a_whole_class_in_an_archive_is_to_be_unpacked(tmp_path):
    """Names of a platform inside of an archive name nobody: it is passed over, and said."""
    packed = as_zip(ada_4711_1_x_dot_ipynb=NOTEBOOK)
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "x.zip").write_bytes(packed)
    write(tmp_path, "ada/x.ipynb", "x = 1")
    found, _ = newest_of_each(find_submissions(tmp_path))
    eve = next(one for one in found if one.learner == "eve")

    assert "unpack it first" in eve.refused


def test_a_folder_of_it_all(tmp_path):
    """From the folder to the marks, everybody has what is theirs."""
    need_sandbox()
    for i, (path, raw) in enumerate(WRAPPED.items()):
        if path.startswith("ada/"):
            target = tmp_path / "in" / f"n{i:02}" / Path(path).name
            target.parent.mkdir(parents=True)
            target.write_bytes(raw)
    marks = grade(tmp_path / "in", tmp_path / "out")

    assert len(marks) == sum(path.startswith("ada/") for path in WRAPPED)
    assert all(earned(one) == POINTS for one in marks)
