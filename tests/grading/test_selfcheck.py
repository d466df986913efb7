"""The learner's own dry run: what the grader will see, before it is handed in."""

import os
import shutil

import pytest

import lrcourse
from lrcourse import check
from lrcourse.cli import main
from lrcourse.grading import selfcheck
from lrcourse.grading.grade import grade
from lrcourse.grading.selfcheck import hand_in, self_check, this_notebook
from lrcourse.tasks import SHEETS, TASKS, varied

from .conftest import EXERCISES, HONEST, earned, need_sandbox, write

SHEET = "exponential_decay"


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path / "memory"))


def test_it_sees_what_the_grader_sees(tmp_path):
    """The same points for the same notebook, in the sandbox, and a line for each task."""
    need_sandbox()
    path = write(tmp_path / "in" / "ada", f"{SHEET}.ipynb", *HONEST.values(), "1 / 0")
    (theirs,) = grade(tmp_path / "in", tmp_path / "out")
    ours = self_check(path)

    assert earned(ours.mark) == earned(theirs)
    assert all(any(task.id in line for line in ours.lines) for task in SHEETS[SHEET].TASKS)
    assert any("ZeroDivisionError" in line for line in ours.lines)
    assert "In all 4 of 13 points." in ours.lines


def test_it_says_where_check_has_given_more(tmp_path):
    """What was right in the kernel, and is not in the notebook, is named with both points."""
    need_sandbox()
    check("exponential_decay.4", lambda gamma: -__import__("math").log(gamma))
    path = write(tmp_path, f"{SHEET}.ipynb", "def k_from_gamma(gamma):\n    return 1 - gamma")
    text = repr(self_check(path))

    assert "Less than check has given you before:" in text
    assert "exponential_decay.4: 1 then, 0.5 now. Is `k_from_gamma` in the notebook still" in text


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["!pip install x", *HONEST.values()], "was skipped"),
        (["import seaborn", *HONEST.values()], "No module named 'seaborn'"),
        (["def ExponentialDecay(t): return 1"], "you define `ExponentialDecay`"),
        (["while True: pass", *HONEST.values()], "did not end within 1 seconds"),
    ],
    ids=["pip", "import", "renamed", "endless"],
)
def test_it_finds_what_check_cannot_see(tmp_path, capsys, cells, says):
    """From the command line, with the grader's own sentences."""
    need_sandbox()
    path = write(tmp_path, f"{SHEET}.ipynb", *cells)

    assert main(["grade", "--self", str(path), "--seconds", "1"]) == 0
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("by_the_server", [False, True])
def test_it_expects_the_learners_own_questions(tmp_path, monkeypatch, by_the_server):
    """Those that `variant` drew, by the line in the notebook or by the class's server."""
    need_sandbox()
    own = varied(TASKS["exponential_decay.7"], "autumn", "Ada").reference()
    line = "import lrcourse; lrcourse.variant(key='autumn', learner='Ada')"
    if by_the_server:
        monkeypatch.setenv("LRCOURSE_CLASS_KEY", "autumn")
        monkeypatch.setenv("LRCOURSE_LEARNER", "ada")
    cells = [*[line] * (not by_the_server), f"rates = {own}"]
    report = self_check(write(tmp_path, f"{SHEET}.ipynb", *cells))

    assert earned(report.mark)["exponential_decay.7"] == TASKS["exponential_decay.7"].points
    assert not any("drawn for" in note for note in report.mark.for_instructor)


def test_a_text_that_is_missing_is_said(tmp_path):
    """The one thing that check never sees: whether there is a written answer at all."""
    need_sandbox()
    empty = tmp_path / "training_lab.ipynb"
    shutil.copy(EXERCISES / "training_lab.ipynb", empty)

    assert "there is NO TEXT in it yet" in repr(self_check(empty))


def test_it_leaks_nothing(tmp_path):
    """What it says of values is what check says: no expected number of a task that hides it."""
    need_sandbox()
    wrong = "\n".join(f"{t.answer_name} = [1.0]" for t in SHEETS[SHEET].TASKS if t.kind == "value")
    text = repr(self_check(write(tmp_path, f"{SHEET}.ipynb", wrong)))

    for task in (t for t in SHEETS[SHEET].TASKS if t.kind == "value"):
        for value in task.reference():
            assert str(value) not in text.partition(task.id)[2].partition("\n")[0]


def test_without_a_sandbox_it_runs_too(tmp_path, monkeypatch):
    """It is the learner's own code: on macOS and Windows in a plain process."""
    monkeypatch.setattr(selfcheck, "refusal", lambda: "there is none")
    path = write(tmp_path, f"{SHEET}.ipynb", *HONEST.values())

    assert self_check(path).mark.earned == 4


@pytest.mark.parametrize("name", ["nothing.ipynb", "folder", "x.docx"])
def test_what_is_no_notebook_is_named(tmp_path, capsys, name):
    """A sentence with the path, and status 1."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.docx").write_text("x")

    assert main(["grade", "--self", str(tmp_path / name)]) == 1
    assert f"no notebook at {tmp_path / name}" in capsys.readouterr().err


def test_without_a_folder_the_command_says_what_is_missing(capsys):
    """Neither a folder nor --self: what to give."""
    assert main(["grade"]) == 1
    assert "give a folder of notebooks, and with -o" in capsys.readouterr().err


# The button


def test_the_button_runs_the_notebook_and_shows_what_is_seen(tmp_path, monkeypatch):
    """Pressed, it says what the command says; a fault is shown, not swallowed."""
    monkeypatch.setattr(selfcheck, "refusal", lambda: "there is none")
    path = write(tmp_path, f"{SHEET}.ipynb", *HONEST.values())
    button, said = lrcourse.hand_in(path).children
    button.click()
    assert "In all 4 of 13 points" in said.value and not button.disabled

    path.unlink()
    button.click()
    assert "no notebook at" in said.value and 'role="alert"' in said.value


def test_the_notebook_finds_itself(tmp_path, monkeypatch):
    """By Jupyter's name for it, by being the only one; else the line to type is said."""
    monkeypatch.chdir(tmp_path)
    first = write(tmp_path, "a.ipynb", "1")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert this_notebook() == first

    write(tmp_path, "b.ipynb", "1")
    with pytest.raises(ValueError, match=r"lrcourse.hand_in\('name.ipynb'\)"):
        hand_in()
    monkeypatch.setenv("JPY_SESSION_NAME", os.path.join("somewhere", "b.ipynb"))
    assert this_notebook().name == "b.ipynb"


def test_handing_in_inside_of_the_sandbox_is_silent(hand_in):
    """A notebook that holds the button is graded like any other."""
    mark = hand_in("import lrcourse\nlrcourse.hand_in()", *HONEST.values())

    assert mark.notes == [] and mark.earned == 4
