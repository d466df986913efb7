"""`lrcourse grade` from a folder to its results: names, files, re-runs, crashes, pages, tables."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest
from sampling import some

from lrcourse import check
from lrcourse.cli import main
from lrcourse.grading import byhand, sandbox
from lrcourse.grading import grade as grading
from lrcourse.grading import roster as roster_of
from lrcourse.grading.grade import grade
from lrcourse.grading.learners import learners_of
from lrcourse.grading.notebooks import MOST_BYTES, MOST_CELLS
from lrcourse.grading.report import write_all
from lrcourse.grading.roster import read_roster
from lrcourse.grading.sandbox import Limits
from lrcourse.grading.sessions import Run, UnsafeWorker
from lrcourse.grading.submissions import Submission, find_submissions
from lrcourse.tasks import SHEETS, TASKS

from .conftest import EXERCISES, HONEST, POINTS, earned, need_sandbox, notebook, says, write

SHEET = "exponential_decay"
WRONG = "def exponential_decay(t, lr, k):\n    return 42.0"


@pytest.fixture
def sandboxed():
    need_sandbox()


def graded(folder: Path, results: Path, **options) -> dict:
    return {m.learner: m for m in grade(folder, results, **options)}


def rows(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# Honest ones


@pytest.mark.parametrize("sheet", some(SHEETS, ["step_decay"]))
def test_solutions_get_full_marks_and_the_handout_none(sandboxed, tmp_path, sheet):
    """The sheet with its solutions has every point a machine can give; the empty one has none."""
    for name, source in (("ada", EXERCISES / "solutions"), ("eve", EXERCISES)):
        (tmp_path / "in" / name).mkdir(parents=True)
        shutil.copy(source / f"{sheet}.ipynb", tmp_path / "in" / name)
    marks = graded(tmp_path / "in", tmp_path / "out")
    automatic = [t for t in SHEETS[sheet].TASKS if t.kind != "manual"]

    assert earned(marks["ada"]) == {t.id: t.points for t in automatic}
    assert marks["ada"].notes == []
    assert earned(marks["eve"]) == {}
    assert all(t["says"] for t in marks["eve"].tasks)


def test_mistake_is_named_and_half_right_is_half_paid(sandboxed, tmp_path):
    """The verdict is the one of the instant feedback: the likely mistake and its share."""
    write(tmp_path / "in", f"ada_{SHEET}.ipynb", WRONG, "k_from_gamma = lambda gamma: 1 - gamma")
    mark = graded(tmp_path / "in", tmp_path / "out")["ada"]

    assert "expected" in says(mark)
    assert earned(mark) == {"exponential_decay.4": 0.5}
    assert next(t["mistake"] for t in mark.tasks if t["id"] == "exponential_decay.4")


def test_points_are_those_of_the_instant_feedback():
    """Two of three bugs named are 2 of 3 points for both, and no 2.0001."""
    task, bugs = (
        TASKS["step_decay.5"],
        ["stepped every batch", "no idea", "milestone after the end"],
    )
    run = Run(results={task.id: {"place": [bugs]}})

    assert grading._judged(task, [()], run, [])["earned"] == check(task.id, bugs).points == 2.0


def test_numbers_of_an_answer_are_kept_within_bounds(sandboxed, tmp_path):
    """Endless, infinite and foreign numbers of a wrong answer neither fill nor break its mark."""
    huge = "def decay_curve(t, lr, k):\n    return [float('inf'), 1e300, 0.5] * 30_000"
    odd = "def gamma_from_k(k):\n    return float('nan') if k > 0.3 else 0.5"
    write(tmp_path / "in", f"ada_{SHEET}.ipynb", huge, odd)
    mark = graded(tmp_path / "in", tmp_path / "out")["ada"]
    (path,) = (tmp_path / "out" / "marks").glob("*.json")
    curves = [t["curves"] for t in mark.tasks if "curves" in t]

    assert len(path.read_bytes()) < 20_000
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert len(curves) == 2
    for one in curves:
        assert len(one["steps"]) == len(one["yours"]) == len(one["expected"]) < 100
        assert set(one["yours"]) == {None, 0.5}


def test_arguments_are_drawn_afresh(sandboxed, tmp_path):
    """A table of the answers to one run's arguments is wrong in the next."""
    write(tmp_path / "in", f"ada_{SHEET}.ipynb", HONEST["exponential_decay"])
    first = graded(tmp_path / "in", tmp_path / "one")["ada"]
    second = graded(tmp_path / "in", tmp_path / "two")["ada"]

    assert first.seed != second.seed
    assert earned(first) == earned(second) == {"exponential_decay.1": 2}


# Names


@pytest.mark.parametrize(
    ("path", "learner", "sheet"),
    [
        ("ada/step_decay.ipynb", "ada", "step_decay"),
        ("ada/step_decay/step_decay.ipynb", "ada", "step_decay"),
        ("ada_step_decay.ipynb", "ada", "step_decay"),
        ("step_decay_ada.ipynb", "ada", "step_decay"),
        ("Ada Lovelace - Step Decay (1).ipynb", "Ada Lovelace", "step_decay"),
        ("lovelaceada_4711_99_one_cycle-2.ipynb", "lovelaceada", "one_cycle"),
        ("lovelaceada_LATE_4711_99_one_cycle.ipynb", "lovelaceada", "one_cycle"),
        ("Ada Lovelace_4711_assignsubmission_file/one_cycle.ipynb", "Ada Lovelace", "one_cycle"),
        ("ada/answers.ipynb", "ada", None),
    ],
)
def test_learner_and_sheet_from_the_name(tmp_path, path, learner, sheet):
    """Folders, file names, and the archives of nbgrader, Canvas and Moodle are understood."""
    write(tmp_path, path)
    (one,) = find_submissions(tmp_path)

    assert (one.learner, one.sheet) == (learner, sheet)


def test_sheet_from_the_answers(sandboxed, tmp_path):
    """A renamed notebook is recognised by what it defines; one that defines nothing is refused."""
    write(tmp_path / "in", "ada/homework.ipynb", *HONEST.values())
    write(tmp_path / "in", "bob/homework.ipynb", "1 + 1")
    marks = graded(tmp_path / "in", tmp_path / "out")

    assert earned(marks["ada"]) == POINTS
    assert "Which sheet this is cannot be told" in marks["bob"].refused
    assert earned(graded(tmp_path / "in", tmp_path / "out", sheet=SHEET)["bob"]) == {}


def test_hidden_folders_are_passed_over(tmp_path):
    """Checkpoints and what macOS adds to archives are no submissions."""
    for path in ("ada/one_cycle.ipynb", "ada/.ipynb_checkpoints/x.ipynb", "__MACOSX/y.ipynb"):
        write(tmp_path, path)

    assert [s.path.name for s in find_submissions(tmp_path)] == ["one_cycle.ipynb"]


def test_newest_of_several_files_counts(sandboxed, tmp_path):
    """Handed in twice: the newest is graded, and the instructor is told."""
    old = write(tmp_path / "in", f"ada/{SHEET}.ipynb", WRONG)
    write(tmp_path / "in", f"ada/again/{SHEET}.ipynb", *HONEST.values())
    os.utime(old, (1, 1))
    (mark,) = grade(tmp_path / "in", tmp_path / "out")

    assert earned(mark) == POINTS
    assert "Several files" in mark.for_instructor[0]


# Files that are no notebooks


def make_files(folder: Path) -> None:
    """One broken file for each way to be broken, and an honest notebook after them all."""
    for name in "abcdefghij":
        (folder / name).mkdir(parents=True)
    honest = write(folder, f"zoe/{SHEET}.ipynb", *HONEST.values())
    (folder / f"a/{SHEET}.ipynb").write_bytes(b"{ this is no JSON")
    (folder / f"b/{SHEET}.ipynb").write_bytes(b"\xff\xfe\x00\x01" * 100)
    (folder / f"c/{SHEET}.ipynb").write_text("[" * 200_000, encoding="utf-8")
    (folder / f"d/{SHEET}.ipynb").write_text('{"cells": 3}', encoding="utf-8")
    with (folder / f"e/{SHEET}.ipynb").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    (folder / f"f/{SHEET}.ipynb").symlink_to(honest)
    os.mkfifo(folder / f"g/{SHEET}.ipynb")
    odd = {"cells": [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": [1]}]}
    (folder / f"h/{SHEET}.ipynb").write_text(json.dumps(odd), encoding="utf-8")
    (folder / f"i/{SHEET}.ipynb").symlink_to(folder / "nowhere")
    long = notebook(*["x = 1"] * (MOST_CELLS + 1))
    (folder / f"j/{SHEET}.ipynb").write_text(json.dumps(long), encoding="utf-8")
    (folder / "k").symlink_to(folder / "zoe")


@pytest.mark.skipif(sys.platform == "win32", reason="needs mkfifo and symbolic links")
def test_broken_files_stop_nobody(sandboxed, tmp_path):
    """Each gets a sentence and no points; the honest notebook among them is graded."""
    make_files(tmp_path / "in")
    marks = graded(tmp_path / "in", tmp_path / "out")
    refused = {learner: mark.refused for learner, mark in marks.items() if mark.refused}

    assert earned(marks["zoe"]) == POINTS
    assert all(not earned(mark) for learner, mark in marks.items() if learner != "zoe")
    assert sorted(refused) == list("abcdefgij") + ["k"]
    assert "no readable JSON" in refused["a"] and "no readable JSON" in refused["c"]
    assert "20 is the most" in refused["e"]
    assert all("link" in refused[name] for name in "fik")
    assert "ordinary file" in refused["g"]


# Again, and after a crash


def test_graded_again_it_is_the_same_mark(sandboxed, tmp_path):
    """A schedule at the edge of its marks is trained on the same seeds when it is graded again."""
    near = "def my_schedule(t, total):\n    return 0.1 * (1 - t / total)"
    write(tmp_path / "in", "ada/training_lab.ipynb", near)
    first = graded(tmp_path / "in", tmp_path / "out")["ada"]
    again = graded(tmp_path / "in", tmp_path / "out", limits=Limits(call=9.0))["ada"]

    assert first.seed != again.seed
    assert 0 < first.earned < 6
    assert says(first, "training_lab.5") == says(again, "training_lab.5")
    assert first.earned == again.earned


def test_second_run_grades_only_what_changed(sandboxed, tmp_path, monkeypatch):
    """What stayed the same is not run again; what changed is, and so is all in other limits."""
    for name in ("ada", "bob", "cyd"):
        write(tmp_path / "in", f"{name}/{SHEET}.ipynb", *HONEST.values())
    graded(tmp_path / "in", tmp_path / "out")
    ran = []
    monkeypatch.setattr(grading, "mark", _counting(grading.mark, ran))
    graded(tmp_path / "in", tmp_path / "out")
    assert ran == []

    write(tmp_path / "in", f"bob/{SHEET}.ipynb", WRONG)
    marks = graded(tmp_path / "in", tmp_path / "out")
    assert ran == ["bob"]
    assert earned(marks["bob"]) == {} and earned(marks["cyd"]) == POINTS

    graded(tmp_path / "in", tmp_path / "out", limits=Limits(call=9.0))
    assert sorted(ran) == ["ada", "bob", "bob", "cyd"]


def _counting(mark, ran):
    def counted(submission, *rest, **options):
        ran.append(submission.learner)
        return mark(submission, *rest, **options)

    return counted


def test_crash_in_the_middle_loses_nothing(sandboxed, tmp_path):
    """Killed half way, the grader has kept each finished mark whole, and goes on from there."""
    for i in range(12):
        write(
            tmp_path / "in",
            f"n{i:02}/{SHEET}.ipynb",
            "import time; time.sleep(0.3)",
            *HONEST.values(),
        )
    arguments = ["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--jobs", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lrcourse.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    kept = tmp_path / "out" / "marks"
    while len(list(kept.glob("*.json")) if kept.exists() else []) < 3:
        assert process.poll() is None
        threading.Event().wait(0.02)
    process.kill()
    process.wait()
    before = {p.name: p.read_bytes() for p in kept.glob("*.json")}
    assert 3 <= len(before) < 12
    assert all(json.loads(text)["tasks"] for text in before.values())

    marks = grade(tmp_path / "in", tmp_path / "out")
    assert all(earned(mark) == POINTS for mark in marks)
    assert {name: (kept / name).read_bytes() for name in before} == before


SLOW = "import time\nfor _ in range({}):\n    time.sleep(0.01)"


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C is not a signal to one process")
@pytest.mark.parametrize("options", [[], ["--unsafe"]], ids=["sandbox", "unsafe"])
def test_ctrl_c_ends_in_a_sentence_and_loses_nothing(tmp_path, options):
    """Status 130, what is kept and how to go on; no traceback, no process; a re-run goes on."""
    if not options:
        need_sandbox()
    for i in range(6):
        write(tmp_path / "in", f"n{i}/{SHEET}.ipynb", SLOW.format(40), *HONEST.values())
    stuck = "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\n"
    stuck += "def equal_budget(*_):\n    time.sleep(600)"
    last = write(tmp_path / "in", "z/training_lab.ipynb", stuck)
    command = [sys.executable, "-m", "lrcourse.cli", "grade", str(tmp_path / "in"), *options]
    command += ["-o", str(tmp_path / "out"), "--jobs", "2", "--seconds", "300"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    kept = tmp_path / "out" / "marks"
    while len(list(kept.glob("*.json")) if kept.exists() else []) < 6:
        assert process.poll() is None
        threading.Event().wait(0.02)
    threading.Event().wait(1.0)
    ours = psutil.Process(process.pid).children(recursive=True)
    pressed = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert time.monotonic() - pressed < 20
    assert f"6 of 7 notebooks are graded and kept in {kept}, and the same command" in said
    assert "Traceback" not in said
    assert ours and not psutil.wait_procs(ours, timeout=60)[1]
    before = {p.name: p.read_bytes() for p in kept.glob("*.json")}
    assert len(before) == 6
    assert all(json.loads(text)["notes"] == [] for text in before.values())
    last.unlink()
    write(tmp_path / "in", f"z/{SHEET}.ipynb", *HONEST.values())
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert {name: (kept / name).read_bytes() for name in before} == before
    assert {row["Grade"] for row in rows(tmp_path / "out" / "grades.csv")} == {"4"}


def test_what_is_done_when_it_stops_is_kept(sandboxed, tmp_path):
    """A mark that is finished in the moment of the stop is saved; a half one is not."""
    for i in range(6):
        write(tmp_path / "in", f"n{i}/{SHEET}.ipynb", *HONEST.values())
    write(tmp_path / "in", f"z/{SHEET}.ipynb", SLOW.format(3000), *HONEST.values())
    stop = threading.Event()

    def progress(done: int, of: int) -> None:
        if done == 1:
            threading.Event().wait(8)  # the others are finished meanwhile
            stop.set()

    options = {"jobs": 2, "stop": stop, "progress": progress, "limits": Limits(call=50.0)}
    with pytest.raises(grading.Stopped, match="6 of 7 notebooks are graded and kept"):
        grade(tmp_path / "in", tmp_path / "out", **options)
    marks = [grading.load_mark(p) for p in (tmp_path / "out" / "marks").glob("*.json")]
    assert len(marks) == 6
    assert all(earned(mark) == POINTS for mark in marks)


def test_damaged_mark_is_made_again(sandboxed, tmp_path):
    """A mark that cannot be read counts as not there."""
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    graded(tmp_path / "in", tmp_path / "out")
    (path,) = (tmp_path / "out" / "marks").glob("*.json")
    path.write_text('{"learner": "ada", "earned": 1000}', encoding="utf-8")

    assert earned(graded(tmp_path / "in", tmp_path / "out")["ada"]) == POINTS


# Tables and pages

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_feedback_pages_hold_no_script_of_a_submission(sandboxed, tmp_path):
    """Names, errors, answers and outputs of a submission are text: no tag, no handler, no link."""
    manual = {
        "cell_type": "markdown",
        "metadata": {"nbgrader": {"grade_id": "training_lab-7"}},
        "source": f"My plan: {NASTY} [x](javascript:alert(3))",
    }
    output = {"output_type": "display_data", "data": {"text/html": NASTY}, "metadata": {}}
    code = {"cell_type": "code", "metadata": {}, "outputs": [output], "source": f"{NASTY!r} + 1"}
    raises = f"raise ValueError({NASTY!r})"
    answer = f"def better(*a):\n    raise ValueError({NASTY!r})"
    name = "eve<script>alert(4)<" if sys.platform != "win32" else "eve"
    write(tmp_path / "in", f"{name}/training_lab.ipynb", manual, code, raises, answer)
    write_all(grade(tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    (page,) = (tmp_path / "out" / "feedback").glob("*.html")
    text = page.read_text(encoding="utf-8")
    pages = [text, (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")]

    assert "&lt;script&gt;alert(1)" in text and "My plan" in text
    for tags in (_Tags(page).found for page in pages):
        assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "svg", "link"}
        assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]
        assert all(
            attrs.get("href", "feedback/").startswith("feedback/")
            for tag, attrs in tags
            if tag == "a"
        )
        policy = [a["content"] for tag, a in tags if a.get("http-equiv")]
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section\n"
    "    Points Possible,,,,\n"
    '"Lovelace, Ada",4711,s1,ada,A\n"Byron, Bob",4712,s2,bob,A\n"Absent, Amy",4713,s3,amy,A\n'
)
MOODLE = (
    "Identifier,Full name,Email address\n"
    "Participant 4711,Ada Lovelace,ada@example.org\n"
    "Participant 4712,Bob Byron,bob@example.org\n"
)


@pytest.mark.parametrize(
    ("roster", "names"),
    [
        (CANVAS, [f"lovelaceada_4711_9_{SHEET}.ipynb", f"x_4712_9_{SHEET}.ipynb"]),
        (CANVAS, [f"ada/{SHEET}.ipynb", f"bob/{SHEET}.ipynb"]),
        (
            MOODLE,
            [
                f"Ada Lovelace_4711_assignsubmission_file/{SHEET}.ipynb",
                f"bob_byron_{SHEET}.ipynb",
            ],
        ),
    ],
    ids=["Canvas archive", "logins", "Moodle archive"],
)
def test_roster_finds_everybody(sandboxed, tmp_path, roster, names):
    """Exports of Canvas and Moodle match their archives; who handed in nothing is listed, empty."""
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8-sig")
    write(tmp_path / "in", names[0], *HONEST.values())
    write(tmp_path / "in", names[1], WRONG)
    people = read_roster(tmp_path / "roster.csv")
    write_all(grade(tmp_path / "in", tmp_path / "out"), tmp_path / "out", people)
    table = rows(tmp_path / "out" / "grades.csv")

    assert len(table) == len(people)
    assert [r["Exponential decay"] for r in table] == ["4", "0", ""][: len(people)]
    assert [r["Grade"] for r in table] == ["4", "0", ""][: len(people)]
    assert {r["Maximum Grade"] for r in table if r["Grade"]} == {"13"}
    wanted = {*roster_of.CANVAS, *roster_of.MOODLE, "Grade", "Maximum Grade", "Feedback comments"}
    assert wanted <= set(table[0])
    canvas = rows(tmp_path / "out" / "canvas.csv")
    assert canvas[0]["Student"] == "Points Possible" and canvas[0]["Exponential decay"] == "13"
    assert list(canvas[0]) == [*roster_of.CANVAS, "Exponential decay"]


def test_roster_without_names_is_refused(tmp_path):
    """A table that names nobody is refused, with the columns that would do."""
    (tmp_path / "roster.csv").write_text("colour,size\nred,3\n", encoding="utf-8")

    with pytest.raises(ValueError, match="no column that names a learner"):
        read_roster(tmp_path / "roster.csv")


def test_table_holds_no_formula(sandboxed, tmp_path):
    """A name or a message that a spreadsheet would run is kept as text."""
    answer = "def exponential_decay(t, lr, k):\n    return '=HYPERLINK(\"http://x\")'"
    write(tmp_path / "in", f"=1+1/{SHEET}.ipynb", answer)
    write_all(grade(tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    cells = [c for row in rows(tmp_path / "out" / "grades.csv") for c in row.values()]

    assert "'=1+1" in cells
    assert not [c for c in cells if c.startswith(("=", "+", "@", "-"))]


def test_summary_counts(sandboxed, tmp_path):
    """Distribution, most missed tasks and likely mistakes are counted."""
    for i in range(3):
        write(tmp_path / "in", f"n{i}/{SHEET}.ipynb", "k_from_gamma = lambda gamma: 1 - gamma")
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    lines = write_all(grade(tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    text = "\n".join(lines)

    assert "4 notebooks, 13 points; mean 1.4, median 0.5, 0.5 to 4" in text
    assert "0- 10 % ### 3" in text and "30- 40 % # 1" in text
    assert "exponential_decay.4" in text and ", 3 times" in text


def test_marks_by_hand_are_merged(sandboxed, tmp_path):
    """Points written into manual.csv count from the next run on; nonsense is refused and said."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    shutil.copy(EXERCISES / "solutions" / "training_lab.ipynb", tmp_path / "in" / "ada")
    out = tmp_path / "out"
    write_all(grade(tmp_path / "in", out), out)
    (row,) = rows(out / "manual.csv")
    assert row["task"] == "training_lab.7" and "warm-up" in row["answer"]
    before = rows(out / "grades.csv")[0]
    assert before["To be marked"] == "training_lab.7"

    for points, total, wrong in (("4.5", "24.5", 0), ("400", "20", 1)):
        row |= {"points": points, "comment": "Clear. Say when it would fail."}
        with (out / "manual.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, row)
            table.writeheader()
            table.writerow(row)
        lines = write_all(grade(tmp_path / "in", out), out)
        assert rows(out / "grades.csv")[0]["Grade"] == total
        assert sum("give a number" in line for line in lines) == wrong
        assert rows(out / "manual.csv")[0]["points"] == points


def _essay(text: str) -> dict:
    cell = {"nbgrader": {"grade_id": "training_lab-7"}}
    return {"cell_type": "markdown", "metadata": cell, "source": text}


def _give(path: Path, points: str, comment: str) -> None:
    table = rows(path)
    for row in table:
        row |= {"points": points, "comment": comment}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def test_points_belong_to_the_text_they_were_given_for(sandboxed, tmp_path):
    """When an essay changes its points are asked for again, noted, and no longer counted."""
    out = tmp_path / "out"

    def hand_in(text: str, *cells: str) -> str:
        write(tmp_path / "in", "ada/training_lab.ipynb", _essay(text), *cells)
        return "\n".join(write_all(grade(tmp_path / "in", out), out))

    hand_in("=Linear to zero,\n\nsince it won by 0.02.")
    _give(out / "manual.csv", "4.5", "Clear.")
    hand_in("=Linear to zero,\n\nsince it won by 0.02.", "x = 1")  # the notebook, not the essay
    assert rows(out / "grades.csv")[0]["Grade"] == "4.5"

    for _ in range(2):  # told as long as nobody has marked it again
        said = hand_in("Cosine.")
        (row,), (grades,) = rows(out / "manual.csv"), rows(out / "grades.csv")
        assert (row["points"], row["comment"], row["answer"]) == ("", "", "Cosine.")
        assert row["earlier"] == "4.5 of 6 for an earlier text: Clear."
        assert (grades["Grade"], grades["To be marked"]) == ("0", "training_lab.7")
        assert "training_lab.7 has changed since it was marked (4.5 of 6" in grades["Notes"]
        assert "To be marked again, in manual.csv: 1.\n  ada: The text of training_lab.7" in said
        summary = (out / "summary.html").read_text(encoding="utf-8")
        assert "training_lab.7 has changed since it was marked (4.5 of 6" in summary

    _give(out / "manual.csv", "2", "Why?")
    said = hand_in("Cosine.")
    (row,), (grades,) = rows(out / "manual.csv"), rows(out / "grades.csv")
    assert (grades["Grade"], grades["Notes"]) == ("2", "")
    assert row["earlier"] == "4.5 of 6 for an earlier text: Clear."
    assert "To be marked again" not in said


def test_one_learner_with_two_names_is_paid_once(tmp_path):
    """The same person found twice for one sheet keeps one mark, and the instructor is told."""
    people = [{"Student": "Ada", "SIS Login ID": "al99"}]
    marks = [
        grading.Mark("ada", "a.ipynb", SHEET, [_task(earned=1)], modified=1),
        grading.Mark("al99", "b.ipynb", SHEET, [_task(earned=2)], modified=2),
    ]
    (ada,) = learners_of(marks, people)

    assert ada.earned == 2
    assert "b.ipynb" in ada.marks[0].file and "a.ipynb" in ada.marks[0].for_instructor[0]


ROSTER = [
    {"Identifier": "Participant 4713", "Full name": "Anna Schmidt"},
    {"Identifier": "Participant 4714", "Full name": "Anna Schmidt"},
]


@pytest.mark.parametrize("people", [ROSTER, []], ids=["roster", "no roster"])
def test_two_people_of_one_name_keep_their_marks(people):
    """Two learners of one name are told apart by the numbers in the names of their folders."""
    marks = [
        grading.Mark("Anna Schmidt", "b.ipynb", SHEET, [_task(earned=0)], ids=["4714"]),
        grading.Mark("Anna Schmidt", "a.ipynb", SHEET, [_task(earned=2)], ids=["4713"]),
    ]
    found = learners_of(marks, people)

    assert sorted(one.earned for one in found) == [0, 2]
    assert len({one.place for one in found}) == 2
    for one in found if people else ():
        assert one.earned == (2 if "4713" in one.person["Identifier"] else 0)


def test_numbers_taken_for_one_person_are_said():
    """One name with two numbers on two sheets, as Moodle gives them, is one row, and a note."""
    marks = [
        grading.Mark("Anna Schmidt", "a.ipynb", SHEET, [_task(earned=2)], ids=["4713"]),
        grading.Mark("Anna Schmidt", "b.ipynb", "one_cycle", [_task(earned=1)], ids=["99"]),
    ]
    (anna,) = learners_of(marks)

    assert anna.earned == 3
    assert "the numbers 4713, 99 of this name" in anna.marks[1].for_instructor[0]


def test_folders_of_one_name_are_two_submissions(tmp_path):
    """Moodle's folders of two people of one name are graded apart, not as one who tried twice."""
    for number in ("4713", "4714"):
        folder = tmp_path / f"Anna Schmidt_{number}_assignsubmission_file_"
        folder.mkdir()
        write(folder, f"{SHEET}.ipynb")

    assert len({one.place for one in find_submissions(tmp_path)}) == 2


def test_an_umlaut_of_macos_is_the_one_of_the_roster():
    """A name whose umlauts are written as two characters each is found on the roster."""
    people = [{"Full name": "Zoë Weiß"}]
    mark = grading.Mark(unicodedata.normalize("NFD", "Zoë Weiß"), "z.ipynb", SHEET, [_task(2)])

    assert [one.earned for one in learners_of([mark], people)] == [2]


def test_half_a_character_stops_nobody(sandboxed, tmp_path):
    """An answer that raises with half a character gets its verdict, and the others theirs."""
    answer = "def exponential_decay(t, lr, gamma):\n    raise ValueError('\\udcff')"
    write(tmp_path / "in", f"eve_{SHEET}.ipynb", answer)
    write(tmp_path / "in", f"ada_{SHEET}.ipynb", *HONEST.values())
    marks = graded(tmp_path / "in", tmp_path / "out")
    write_all(marks.values(), tmp_path / "out")

    assert marks["ada"].earned > 0 == marks["eve"].earned
    assert len(rows(tmp_path / "out" / "grades.csv")) == 2


@pytest.mark.parametrize("separator", [",", ";"])
def test_marks_by_hand_survive_excel_and_absence(tmp_path, separator):
    """Points count with either separator, and stay when their learner is not graded again."""
    task = {"id": "training_lab.7", "points": 6, "earned": None, "right": False, "answer": "x"}
    ada, bob = (grading.Mark(n, f"{n}.ipynb", "training_lab", [dict(task)]) for n in ("ada", "bob"))
    path = tmp_path / "manual.csv"
    assert byhand.merge_manual([ada, bob], path) == []
    text = path.read_text(encoding="utf-8").replace('"training_lab.7",""', '"training_lab.7","5"')
    path.write_text(text.replace(",", separator), encoding="utf-8")

    assert byhand.merge_manual([bob], path) == [] and bob.tasks[0]["earned"] == 5
    assert byhand.merge_manual([ada], path) == [] and ada.tasks[0]["earned"] == 5


def test_a_table_that_cannot_be_read_is_left_as_it_is(tmp_path):
    """A manual.csv without its columns, or not in UTF-8, is said, and never overwritten."""
    path = tmp_path / "manual.csv"
    for damage in (b"who,what\nada,5\n", "learner,file,task,points\nJ\xfcrg".encode("latin-1")):
        path.write_bytes(damage)
        (said,) = byhand.merge_manual([], path)

        assert "left as it is" in said and path.read_bytes() == damage


def _task(earned: float) -> dict:
    return {"id": "exponential_decay.1", "points": 2, "earned": earned, "right": earned == 2}


# No sandbox


def test_no_sandbox_is_refused_and_nothing_runs(tmp_path, monkeypatch, capsys):
    """Without bubblewrap nothing is graded; the message names the package and `--unsafe`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.refusal.cache_clear()
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
    try:
        assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 2
    finally:
        sandbox.refusal.cache_clear()
    said = capsys.readouterr().err

    assert "apt install bubblewrap" in said or "needs Linux" in said
    assert "--unsafe" in said
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out" / "grades.csv").exists()


def test_unsafe_is_said_loudly_everywhere(tmp_path, capsys):
    """`--unsafe` grades the same, and says so in the table, on the pages, and in the summary."""
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    out = tmp_path / "out"
    assert main(["grade", str(tmp_path / "in"), "-o", str(out), "--unsafe", "--jobs", "1"]) == 0
    said = capsys.readouterr()
    (row,) = rows(out / "grades.csv")

    assert row["Grade"] == "4" and row["Sandbox"].startswith("UNSAFE")
    assert "UNSAFE" in said.err and said.out.startswith("UNSAFE")
    (page,) = (out / "feedback").glob("*.html")
    for path in (page, out / "summary.html", out / "summary.txt"):
        assert "UNSAFE: graded without a sandbox" in path.read_text(encoding="utf-8")


def test_unsafe_marks_do_not_pass_for_safe_ones(sandboxed, tmp_path):
    """What was graded without a sandbox is graded again when there is one."""
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    unsafe = graded(tmp_path / "in", tmp_path / "out", unsafe=True)["ada"]
    safe = graded(tmp_path / "in", tmp_path / "out")["ada"]

    assert (unsafe.unsafe, safe.unsafe) == (True, False)


def test_unsafe_worker_ends_loops_and_exits(tmp_path):
    """Without a sandbox, too, an endless loop and an exit cost their own cell only."""
    worker = UnsafeWorker()
    path = write(
        tmp_path, "x.ipynb", "import os\nos._exit(0)", "while True:\n    pass", *HONEST.values()
    )
    one = Submission("eve", path, SHEET)
    try:
        mark = grading.mark(one, worker, Limits(call=1.0))
    finally:
        worker.close()

    assert earned(mark) == POINTS
    assert len(mark.notes) == 2


# The command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "-o", "out"], "there is no folder of submissions"),
        ([".", "-o", "out"], "no notebook"),
        ([".", "-o", "out", "--sheet", "knitting"], "there is no sheet 'knitting'"),
        ([".", "-o", "out", "--seconds", "-1"], "above 0"),
    ],
)
def test_bad_arguments_get_a_sentence(tmp_path, monkeypatch, capsys, arguments, said):
    """What cannot be graded is said in a sentence, with no traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grading, "refusal", lambda: "")

    assert main(["grade", *arguments]) == 1
    assert said in capsys.readouterr().err


OWN = {
    "import lrcourse\nstep = lrcourse.StepDecay(lr=1.0)": "StepDecay",
    "import lrcourse as lc\nstep = lc.schedules.StepDecay": "StepDecay",
    "from lrcourse import StepDecay as Q\nstep = Q(lr=1.0)": "StepDecay",
    "from lrcourse.schedules import (\n    StepDecay as Q,\n    OneCycle,\n)": "StepDecay, OneCycle",
    "from lrcourse import schedules as s\n%time s.OneCycle\nstep = s.OneCycle": "OneCycle",
    "from lrcourse import *\nstep = StepDecay": "StepDecay",
    "import lrcourse\nstep = lrcourse.SCHEDULES[0]": "SCHEDULES",
    "import lrcourse\nlrcourse.check('step_decay.1', 1)": "",
    "class StepDecay:\n    pass\nstep = StepDecay()  # not lrcourse.StepDecay": "",
    "from torch import nn\nnet = nn.Sequential(nn.Linear(1, 1))": "",
    "def broken(": "",
}


@pytest.mark.parametrize("cell", OWN, ids=range(len(OWN)))
def test_the_courses_own_schedules_are_noted(hand_in, cell):
    """By whatever name a notebook takes a schedule of the course: the instructor is told."""
    found = hand_in(cell).for_instructor

    assert found == ([f"Uses the course's own {OWN[cell]}."] if OWN[cell] else [])


MAKES_A_BOX = """
import sys, time
from lrcourse.grading.sandbox import Box
box = Box()
print(box.path, flush=True)
time.sleep(300)
"""


def test_what_a_killed_grader_left_is_removed(tmp_path, monkeypatch):
    """The folders of a grader that was killed go at the next start; those in use stay."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    run = [sys.executable, "-c", MAKES_A_BOX]
    graders = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    in_use, left = boxes = [Path(one.stdout.readline().strip()) for one in graders]
    try:
        graders[1].kill()
        graders[1].wait()
        sandbox.Box().close()
        assert left.exists()  # it is young: another grader may be about to claim it
        for box in boxes:
            os.utime(box, (0, 0))
        sandbox.Box().close()
        assert [*tmp_path.iterdir()] == [in_use]
    finally:
        for one in graders:
            one.kill()
            one.communicate()


def test_all_that_can_change_a_mark_is_in_its_fingerprint(tmp_path, monkeypatch):
    """A mark is made anew when the exercises, the grader, the recorder or the lab has changed."""
    path = write(tmp_path, f"ada/{SHEET}.ipynb", *HONEST.values())
    one = Submission("ada", path, SHEET)
    course = tmp_path / "course" / "lrcourse"
    shutil.copytree(Path(grading.__file__).parents[1], course)
    monkeypatch.setattr(grading, "__file__", str(course / "grading" / "grade.py"))
    seen = {grading.fingerprint(one, False, Limits(), 1)}
    for changed in ("lab/race.py", "lab/tasks.py", "tasks/step_decay.py", "recorder.py"):
        grading._code_of_the_grader.cache_clear()
        (course / changed).write_text("# changed", encoding="utf-8")
        seen.add(grading.fingerprint(one, False, Limits(), 1))
    grading._code_of_the_grader.cache_clear()

    assert len(seen) == 5
