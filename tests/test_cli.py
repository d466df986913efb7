"""`lrcourse lab` hands out the notebooks, and an update never costs a learner their work."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from lrcourse import cli, copies

NAME = "01_step_decay.ipynb"


def write(folder: Path, *sources: str, output: str = "", name: str = NAME) -> Path:
    """A notebook with these cells; `output` is what its last cell showed."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02}"
    if output:
        cells[-1].outputs = [nbformat.v4.new_output("stream", text=output)]
    folder.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / name)
    return folder / name


@pytest.fixture
def course(tmp_path: Path) -> Path:
    write(tmp_path / "course", "1 + 1")
    return tmp_path / "course"


@pytest.fixture
def mine(tmp_path: Path, course: Path) -> Path:
    """The learner's folder, just handed out."""
    copies.update(tmp_path / "mine", course)
    return tmp_path / "mine"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.ipynb"))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_first_time_copies_everything(course: Path, mine: Path):
    """The first time, the learner gets each notebook as it is."""
    assert names(mine) == [NAME]
    assert text(mine / NAME) == text(course / NAME)


def test_missing_notebook_is_copied_again(course: Path, mine: Path):
    """A notebook that the learner threw away comes back."""
    (mine / NAME).unlink()

    assert copies.update(mine, course) == [f"{NAME}: copied."]
    assert (mine / NAME).exists()


def test_new_lesson_is_added(course: Path, mine: Path):
    """A lesson that is new in an update is copied beside the others."""
    write(course, "2", name="02_new.ipynb")

    assert copies.update(mine, course) == ["02_new.ipynb: copied."]


def test_nothing_new_does_nothing(course: Path, mine: Path):
    """Without a new version nothing is said, and a changed notebook stays as it is."""
    changed = text(write(mine, "1 + 1", "my own"))

    assert copies.update(mine, course) == []
    assert text(mine / NAME) == changed
    assert names(mine) == [NAME]


def test_untouched_notebook_becomes_the_new_version(course: Path, mine: Path):
    """A notebook that was never opened is replaced, and nothing else is left lying about."""
    write(course, "1 + 2")

    assert copies.update(mine, course) == [f"{NAME}: updated."]
    assert text(mine / NAME) == text(course / NAME)
    assert names(mine) == [NAME]


def test_changed_notebook_is_kept(course: Path, mine: Path):
    """A notebook with the learner's changes stays; the new version is put beside it."""
    changed = text(write(mine, "1 + 1", "my own"))
    write(course, "1 + 2")

    [said] = copies.update(mine, course)

    assert "yours, with your changes, is kept" in said
    assert "01_step_decay.new-version.ipynb" in said
    assert text(mine / NAME) == changed
    assert text(mine / "01_step_decay.new-version.ipynb") == text(course / NAME)


def test_new_version_is_offered_once(course: Path, mine: Path):
    """A second start does not put the same version beside it again, even if it was deleted."""
    write(mine, "my own")
    write(course, "1 + 2")
    copies.update(mine, course)
    (mine / "01_step_decay.new-version.ipynb").unlink()

    assert copies.update(mine, course) == []
    assert names(mine) == [NAME]


def test_changed_new_version_is_kept_too(course: Path, mine: Path):
    """If the learner works in the new version as well, the next one gets another name."""
    write(mine, "my own")
    write(course, "1 + 2")
    copies.update(mine, course)
    also = text(write(mine, "also my own", name="01_step_decay.new-version.ipynb"))
    write(course, "1 + 3")
    copies.update(mine, course)

    assert text(mine / "01_step_decay.new-version.ipynb") == also
    assert text(mine / "01_step_decay.new-version-2.ipynb") == text(course / NAME)


def test_notebook_that_was_only_run_is_updated_and_kept(course: Path, mine: Path):
    """Running a notebook changes no cell: it is updated, and the one that was run is kept."""
    ran = text(write(mine, "1 + 1", output="2"))
    write(course, "1 + 2")

    [said] = copies.update(mine, course)

    assert said.startswith(f"{NAME}: updated. The one you ran is earlier/01_step_decay.")
    assert text(mine / NAME) == text(course / NAME)
    [kept] = (mine / "earlier").iterdir()
    assert text(kept) == ran


def test_changed_notebook_follows_when_the_learner_takes_the_new_one(course: Path, mine: Path):
    """Who puts the new version in place of their own gets updates again."""
    write(mine, "my own")
    write(course, "1 + 2")
    copies.update(mine, course)
    (mine / "01_step_decay.new-version.ipynb").replace(mine / NAME)
    write(course, "1 + 3")

    assert copies.update(mine, course) == [f"{NAME}: updated."]


@pytest.mark.parametrize("record", [None, "", "not json", "[]", '{"01_step_decay.ipynb": 3}'])
def test_without_a_record_nothing_is_overwritten(course: Path, mine: Path, record: str | None):
    """If the record is lost or damaged, every notebook that differs counts as changed."""
    (mine / copies.RECORD).unlink()
    if record is not None:
        (mine / copies.RECORD).write_text(record, encoding="utf-8")
    own = text(write(mine, "my own"))

    copies.update(mine, course)

    assert text(mine / NAME) == own
    assert names(mine) == [NAME, "01_step_decay.new-version.ipynb"]


def test_damaged_notebook_is_kept(course: Path, mine: Path):
    """A notebook that cannot be read is the learner's to mend: it is not overwritten."""
    (mine / NAME).write_text("{ half a file", encoding="utf-8")
    write(course, "1 + 2")
    copies.update(mine, course)

    assert text(mine / NAME) == "{ half a file"


def test_originals_are_the_notebooks_of_the_course():
    """What is handed out starts with the first lesson."""
    assert (copies.originals() / copies.START).exists()


def test_lessons_and_exercises_are_handed_out(tmp_path: Path):
    """The learner gets every lesson and every exercise, and not the solutions."""
    course = copies.originals()
    copies.hand_out(tmp_path / "mine")
    got = {path.relative_to(tmp_path / "mine") for path in (tmp_path / "mine").rglob("*.ipynb")}

    lessons = {path.relative_to(course) for path in course.glob("*.ipynb")}
    exercises = {
        path.relative_to(course.parent) for path in course.parent.glob("exercises/*.ipynb")
    }
    assert len(lessons) >= 6 and len(exercises) >= 5
    assert got == lessons | exercises


def test_missing_notebooks_say_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys, tmp_path):
    """Where the package was installed without its notebooks, the command says so and ends."""
    monkeypatch.setattr(copies, "__file__", str(tmp_path / "lrcourse" / "copies.py"))

    assert cli.main(["lab", "--folder", str(tmp_path / "mine")]) == 1
    assert "install the course again" in capsys.readouterr().err


def test_lab_opens_the_first_notebook_in_my_copy(tmp_path: Path):
    """`lrcourse lab` serves the learner's copy, in a process of its own, with `00` in it."""
    port = str(_free_port())
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "lrcourse.cli", "lab", "--folder", "mine", "--no-browser"),
            *("--port", port, "--IdentityProvider.token=secret", "--ServerApp.port_retries=0"),
        ],
        cwd=tmp_path,
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = _ask(process, f"http://127.0.0.1:{port}/api/contents/?token=secret")
        shown = {item["name"] for item in json.loads(answer)["content"]}
    finally:
        _stop(process, port)

    assert copies.START in shown
    assert (tmp_path / "mine" / copies.RECORD).exists()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _ask(process: subprocess.Popen, url: str) -> bytes:
    end = time.monotonic() + 120
    while True:
        try:
            return urllib.request.urlopen(url, timeout=60).read()
        except OSError:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.2)


def _stop(process: subprocess.Popen, port: str) -> None:
    url = f"http://127.0.0.1:{port}/api/shutdown?token=secret"
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60).read()
        process.wait(timeout=60)
    finally:
        process.kill()
