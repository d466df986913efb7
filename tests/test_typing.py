"""Editors can read the course: what is right passes a type checker, what is wrong is marked."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

import lrcourse

HERE = Path(__file__).parent / "typing"


@pytest.fixture(scope="module")
def marked() -> dict[str, dict[int, str]]:
    """For each script, the lines that mypy marks, with what it says of them."""
    scripts = sorted(HERE.glob("*.py"))
    command = [sys.executable, "-m", "mypy", *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1])
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, dict[int, str]] = {script.name: {} for script in scripts}
    for name, line, said in re.findall(r"(\w+\.py):(\d+): error: (.*)", done.stdout):
        found[name][int(line)] = said
    return found


def test_correct_calls_have_no_error(marked: dict[str, dict[int, str]]):
    """A learner's script of correct calls has nothing to be marked."""
    assert marked["uses.py"] == {}


def test_mistakes_are_marked(marked: dict[str, dict[int, str]]):
    """A misspelt argument, a wrong type, a missing one: each line is marked, and no other."""
    lines = (HERE / "misspelt.py").read_text(encoding="utf-8").splitlines()
    wrong = {i for i, line in enumerate(lines, 1) if line.endswith("# wrong")}

    assert set(marked["misspelt.py"]) == wrong
    assert len(wrong) > 10


def test_the_package_says_that_it_has_types():
    """A `py.typed` lies beside the code: without it type checkers look at nothing."""
    assert Path(lrcourse.__file__).with_name("py.typed").exists()


def test_editors_know_all_that_is_loaded_on_first_use():
    """Each name that is loaded late is imported for type checkers, and no other."""
    text = Path(lrcourse.__file__).read_text(encoding="utf-8")
    declared = set(re.findall(r"^    from .* import \w+ as (\w+)$", text, re.M))

    assert declared == {*lrcourse._ON_FIRST_USE, "lab"}


@pytest.fixture(scope="module")
def shell():
    """IPython, as the kernel of a notebook has it, after the usual import."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("from lrcourse import StepDecay, OneCycle")
    yield shell
    shell.history_manager.end_session()


@pytest.mark.parametrize("kind", [lrcourse.StepDecay, lrcourse.OneCycle])
def test_completion_offers_the_fields(shell, kind: type):
    """Tab inside `StepDecay(` offers its fields."""
    code = f"{kind.__name__}("
    with provisionalcompleter():
        offered = {completion.text for completion in shell.Completer.completions(code, len(code))}

    assert {f"{f.name}=" for f in fields(kind)} <= offered


def test_the_tooltip_shows_fields_defaults_and_docstring(shell):
    """Shift-Tab shows what can be given, what is used if it is not, and what the schedule does."""
    shown = shell.object_inspect_text("StepDecay")
    shown = re.sub(r"\x1b\[[\d;]*m", "", shown)

    assert "lr: float = 0.1, step_size: int = 30, gamma: float = 0.1" in shown
    assert "a staircase" in shown
