"""Names as people and archives make them: none stops the class, nor passes for another's."""

import csv
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lrcourse.cli import main
from lrcourse.grading.files import alone, save
from lrcourse.grading.grade import grade
from lrcourse.grading.report import write_all

from .conftest import HONEST, need_sandbox, write

SHEET = "exponential_decay"
LINUX = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are Unicode")


@pytest.fixture(autouse=True)
def sandboxed():
    need_sandbox()


def hand_in(folder: Path, name: bytes, text: str = "{}") -> None:
    """A notebook in a folder whose name may be any bytes."""
    learner, _, file = os.fsencode(folder) + b"/" + name, None, f"/{SHEET}.ipynb".encode()
    os.makedirs(learner, exist_ok=True)
    Path(os.fsdecode(learner + file)).write_text(text, encoding="utf-8")


def table(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def results_of(folder: Path, results: Path) -> dict[str, str]:
    """The grade of each learner, from a whole run of the command."""
    assert main(["grade", str(folder), "-o", str(results)]) == 0
    return {row["Full name"]: row["Grade"] for row in table(results / "grades.csv")}


@LINUX
def test_a_name_in_another_encoding_stops_nobody(tmp_path):
    """A file's or a folder's name that is no UTF-8 costs nobody anything, the class least of all."""
    write(tmp_path / "in", f"zoe/{SHEET}.ipynb", *HONEST.values())
    (tmp_path / "in" / "eve").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "in" / "eve") + b"/\xff.ipynb")).write_text("{}")
    hand_in(tmp_path / "in", b"ev\xff")

    assert results_of(tmp_path / "in", tmp_path / "out") == {"zoe": "4", "eve": "0", "ev\\xff": "0"}


def test_a_long_name_stops_nobody(tmp_path):
    """A folder of 80 characters of three or four bytes each has its marks and its page."""
    for name in ("\u6f22" * 80, "\U00010330" * 60):
        write(tmp_path / "in", f"{name}/{SHEET}.ipynb", *HONEST.values())

    assert set(results_of(tmp_path / "in", tmp_path / "out").values()) == {"4"}
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 2


@LINUX
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_terminal_that_cannot_show_a_name_stops_nobody(tmp_path, encoding):
    """What a terminal cannot show is shown as something else, not as a traceback."""
    hand_in(tmp_path / "in", b"ev\xff")
    hand_in(tmp_path / "in", "Zo\u00eb".encode())
    command = [sys.executable, "-m", "lrcourse.cli", "grade", str(tmp_path / "in"), "-o"]
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run([*command, str(tmp_path / "out")], env=environment, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()
    assert b"2 of 2 learners" in done.stdout and b"ev\\xff, " in done.stdout


@LINUX
def test_two_names_in_another_encoding_are_two_people(tmp_path):
    """Names that differ in a byte that is no UTF-8 have marks, rows and pages of their own."""
    right = tmp_path / "right"
    for name in (b"M\xfcller", b"M\xf6ller"):
        text = write(right, "x.ipynb", *HONEST.values()).read_text(encoding="utf-8")
        hand_in(tmp_path / "in", name, text if name == b"M\xfcller" else "{}")

    assert results_of(tmp_path / "in", tmp_path / "out") == {"M\\xfcller": "4", "M\\xf6ller": "0"}
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="such names are refused there")
def test_a_name_writes_no_line_of_its_own(tmp_path, capsys):
    """Escapes and new lines of a name reach neither the terminal nor a line of the summary."""
    name = "eve\x1b]0;x\x07\x1b[2J\nAll learners have full marks.\u202e\u2028"
    hand_in(tmp_path / "in", name.encode())
    assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    pages = [p.read_text(encoding="utf-8") for p in tmp_path.glob("out/**/*.*ml")]
    texts = [said.out, said.err, (tmp_path / "out" / "summary.txt").read_text("utf-8"), *pages]

    assert not [c for text in texts for c in "\x1b\x07\u202e\u2028" if c in text]
    assert not [t for t in texts for line in t.splitlines() if line.startswith("All learners")]
    assert "<bdi>eve]0;x[2J All learners have full marks. </bdi>" in pages[0]


def test_the_name_of_a_file_turns_nothing_beside_it(tmp_path):
    """Marks that reverse a line are gone from a file's name, which stands for itself in the page."""
    write(tmp_path / "in", f"eve/{SHEET} \u202e001 fo 001.ipynb", *HONEST.values())
    write_all(grade(tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    (page,) = (tmp_path / "out" / "feedback").glob("*.html")

    assert f"<bdi>{SHEET} 001 fo 001.ipynb</bdi>, graded" in page.read_text(encoding="utf-8")


# One at a time


def test_two_graders_at_once_get_a_sentence(tmp_path, capsys):
    """The second is told what to do; what the first writes is not touched."""
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    command = ["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    with alone(tmp_path / "out"):
        assert main(command) == 1
    said = capsys.readouterr().err

    assert f"somebody is grading into {tmp_path / 'out'} already" in said and "with -o" in said
    assert main(command) == 0


def test_what_two_write_at_once_is_whole(tmp_path):
    """One file written from many threads holds one of the texts, and nothing is left over."""
    wrong = []

    def work(letter: str) -> None:
        try:
            for _ in range(200):
                save(tmp_path / "x.json", letter * 1000)
        except OSError as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert (tmp_path / "x.json").read_text() in [letter * 1000 for letter in "abcd"]
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
