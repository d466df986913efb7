"""Your own dry run: what the grader will see in your notebook, before you hand it in.

    lrcourse grade --self my_sheet.ipynb        in a terminal
    lrcourse.hand_in()                          in the notebook itself: a button

It runs the notebook as the grader does, from top to bottom in a process of its own, in the sandbox
where there is one. It says where the grader sees less than `check` did, and why. It knows nothing
that `check` does not say.
"""

import os
import time
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

from lrcourse import memory
from lrcourse.grading.grade import Mark, fresh_seed, mark, to_preload, typed_variant
from lrcourse.grading.names import visible
from lrcourse.grading.notebooks import FORMS, Refused, form_of
from lrcourse.grading.pages import number, points
from lrcourse.grading.sandbox import Limits, refusal
from lrcourse.grading.sessions import SandboxedWorker, UnsafeWorker
from lrcourse.grading.submissions import Submission, submission_of
from lrcourse.tasks import TASKS

OLD = 600  # seconds after which a saved file may not be what you see


@dataclass
class Report:
    """What the grader would see: `mark`, and the sentences of `lines`."""

    mark: Mark
    lines: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        rows = "<br>".join(escape(line) for line in self.lines)
        return f'<div role="status" style="white-space: pre-wrap; line-height: 1.5">{rows}</div>'


def self_check(path: Path, limits: Limits | None = None) -> Report:
    """Run the notebook at `path` as the grader will. Raises `ValueError` if there is none."""
    if not path.is_file() or form_of(path.name) not in FORMS:
        raise ValueError(f"there is no notebook at {path}: save it, and give the name of its file")
    (one,) = submission_of(path)
    preload = to_preload([one.sheet], one.uses_lab)
    worker = (UnsafeWorker if refusal() else SandboxedWorker)(0, preload)
    key, learner = _drawn_for(one)
    one = replace(one, learner=learner or one.learner)
    try:
        done = mark(one, worker, limits or Limits(), judged_on=fresh_seed(), variants=key)
    finally:
        worker.close()
    return Report(done, [visible(line) for line in _said(done, path)])


def _drawn_for(one: Submission) -> tuple[str, str]:
    """The class's key and the name that the questions are drawn for, as `lrcourse.variant` in the
    notebook says them, or else the class's server."""
    told = os.environ.get("LRCOURSE_CLASS_KEY", ""), os.environ.get("LRCOURSE_LEARNER", "")
    try:
        return typed_variant(one.read()[1]) or told
    except Refused:  # `mark` says why
        return told


def _said(done: Mark, path: Path) -> list[str]:
    lines = [f"{path.name}, as the grader will see it (saved {_ago(path)}):", ""]
    if done.refused:
        return [*lines, f"It would not be graded. {done.refused}"]
    lines += [_line_of(task) for task in done.tasks]
    lines += ["", f"In all {points(done.earned, done.possible)}{_later(done)}."]
    if lost := [said for task in done.tasks if (said := _less_than_check(task))]:
        lines += ["", "Less than check has given you before:", *lost]
    if done.notes:
        lines += ["", "About your notebook:", *(f"  {note}" for note in done.notes)]
    if form_of(path.name) != "notebook":
        lines += ["", "Hand in the notebook itself, the file that ends in .ipynb."]
    return lines


def _line_of(task: dict) -> str:
    about = f"{task['id']} ({task['title']})"
    if task["earned"] is None:
        text = task.get("answer", "")
        seen = f"your text has {len(text.split())} words" if text else "there is NO TEXT in it yet"
        return f"  {about}: a person marks it; {seen}."
    return f"  {about}: {number(task['earned'])} of {points(task['points'])}. {task['says']}"


def _later(done: Mark) -> str:
    later = sum(task["points"] for task in done.pending)
    return f"; {points(later)} of these are given by a person" if later else ""


def _less_than_check(task: dict) -> str:
    """A sentence, if `check` has given more for a task on this machine."""
    if task["earned"] is None:
        return ""
    kept = memory.recall("exercises", task["id"], {})
    before = kept.get("points", 0) if isinstance(kept, dict) else 0
    if not isinstance(before, int | float) or before <= task["earned"]:
        return ""
    name = TASKS[task["id"]].answer_name
    return (
        f"  {task['id']}: {number(before)} then, {number(task['earned'])} now. Is `{name}` in the "
        f"notebook still what you checked, and does it run from top to bottom?"
    )


def _ago(path: Path) -> str:
    seconds = max(0.0, time.time() - path.stat().st_mtime)
    if seconds < 60:
        return "just now"
    said = (
        f"{seconds / 60:.0f} minutes ago" if seconds < 7200 else f"{seconds / 3600:.0f} hours ago"
    )
    return f"{said}: save it first, if you have changed it since" if seconds > OLD else said


# In the notebook


def hand_in(notebook: str | os.PathLike | None = None) -> Any:
    """A button that runs this notebook as the grader will, and says what the grader sees.

    Save the notebook first: what is on disk is what you hand in. `notebook`: its file, if it cannot
    be found by itself. Raises `ValueError` then, with the line to type.
    """
    path = Path(notebook) if notebook is not None else this_notebook()
    if not path.is_file():
        raise ValueError(f"there is no notebook at {path}: save it, and give the name of its file")
    return _button(path)


def this_notebook() -> Path:
    """The file of the notebook that runs, as Jupyter or VS Code tell it."""
    told = os.environ.get("JPY_SESSION_NAME", "") or _told_by_an_editor()
    here = [Path(told), Path.cwd() / Path(told).name] if told else []
    found = next((p for p in here if p.suffix == ".ipynb" and p.is_file()), None)
    beside = sorted(Path.cwd().glob("*.ipynb"))
    if found is None and len(beside) == 1:
        found = beside[0]
    if found is None:
        raise ValueError(
            "which notebook this is cannot be told: give its file, lrcourse.hand_in('name.ipynb')"
        )
    return found


def _told_by_an_editor() -> str:
    from IPython import get_ipython

    shell = get_ipython()
    return str(shell.user_ns.get("__vsc_ipynb_file__", "")) if shell is not None else ""


def _button(path: Path) -> Any:
    from ipywidgets import HTML, Button, Layout, VBox

    shape = Layout(width="auto", align_self="flex-start")
    button = Button(description="See it as the grader will", layout=shape)
    button.tooltip = f"Runs {path.name} from top to bottom, in a process of its own"
    said = HTML(f"<p>Save the notebook, then press the button. It runs {escape(path.name)}.</p>")

    def run(_: Any) -> None:
        button.disabled = True
        said.value = '<div role="status">Running, a minute at most...</div>'
        try:
            said.value = self_check(path)._repr_html_()
        except Exception as error:  # whatever it is, the learner sees it
            said.value = f'<div role="alert">{escape(f"{type(error).__name__}: {error}")}</div>'
        finally:
            button.disabled = False

    button.on_click(run)
    return VBox([button, said])
