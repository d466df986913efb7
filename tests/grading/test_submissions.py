"""Folders of submissions, as people and platforms lay them out: who is in them, and who is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrcourse.cli import main
from lrcourse.grading.grade import grade
from lrcourse.grading.learners import learners_of
from lrcourse.grading.report import write_all
from lrcourse.grading.submissions import find_submissions, newest_of_each

from .conftest import EXERCISES, HONEST, need_sandbox, write

STEP = "def step_decay(t, lr, step_size, gamma):\n    return 0.1"
CYCLE = "def one_cycle(t, total):\n    return 0.1"

ADA, BOB = ("ada", "step_decay"), ("bob", "step_decay")
CLEAR = {
    "a folder for each": (["ada/step_decay.ipynb", "bob/step_decay.ipynb"], [ADA, BOB]),
    "files with names": (["ada_step_decay.ipynb", "bob-step-decay (1).ipynb"], [ADA, BOB]),
    "unpacked into a folder": (
        ["hw1/ada/step_decay.ipynb", "hw1/bob/step_decay.ipynb"],
        [ADA, BOB],
    ),
    "unpacked into two": (["x/hw1/ada/step_decay.ipynb", "x/hw1/bob/step_decay.ipynb"], [ADA, BOB]),
    "one sheet each": (
        ["hw1/ada/step_decay.ipynb", "hw1/bob/one_cycle.ipynb"],
        [ADA, ("bob", "one_cycle")],
    ),
    "files in a folder": (["all/ada_step_decay.ipynb", "all/bob_step_decay.ipynb"], [ADA, BOB]),
    "names alone in a folder": (["all/ada.ipynb", "all/bob.ipynb"], [ADA, BOB]),
    "numbers in a folder": (
        ["all/4711_step_decay.ipynb", "all/4712_step_decay.ipynb"],
        [("4711", "step_decay"), ("4712", "step_decay")],
    ),
    "two of one name with numbers": (
        ["4711_ada_step_decay.ipynb", "4712_ada_step_decay.ipynb"],
        [("4711_ada", "step_decay"), ("4712_ada", "step_decay")],
    ),
    "Canvas in a folder": (
        ["dl/ada_1_20_step_decay.ipynb", "dl/bob_LATE_2_30_step_decay-1.ipynb"],
        [ADA, BOB],
    ),
    "Moodle in its folder": (
        [
            "ML-Sheet 1-99/ada_1_assignsubmission_file_/step_decay.ipynb",
            "ML-Sheet 1-99/bob_2_assignsubmission_file_/sub/step_decay.ipynb",
        ],
        [ADA, BOB],
    ),
    "Moodle in files": (
        [
            "ada_1_assignsubmission_file_step_decay.ipynb",
            "bob_2_assignsubmission_file_step_decay.ipynb",
        ],
        [ADA, BOB],
    ),
    "Moodle without names": (
        [
            "Participant_1_assignsubmission_file_/step_decay.ipynb",
            "Participant_2_assignsubmission_file_/one_cycle.ipynb",
        ],
        [("Participant 1", "step_decay"), ("Participant 2", "one_cycle")],
    ),
    "nbgrader": (
        ["ada/step_decay/step_decay.ipynb", "ada/one_cycle/x.ipynb", "bob/step_decay/x.ipynb"],
        [ADA, ("ada", "one_cycle"), BOB],
    ),
    "nbgrader with names of its own": (
        [
            "ada/ps1/a.ipynb",
            "ada/ps2/one_cycle.ipynb",
            "bob/ps1/a.ipynb",
            "bob/ps2/one_cycle.ipynb",
        ],
        [ADA, ("ada", "one_cycle"), BOB, ("bob", "one_cycle")],
    ),
    "nbgrader's whole course": (
        [
            "source/step_decay/step_decay.ipynb",
            "submitted/ada/step_decay/step_decay.ipynb",
            "submitted/bob/step_decay/step_decay.ipynb",
            "autograded/ada/step_decay/step_decay.ipynb",
        ],
        [ADA, BOB],
    ),
    "a folder for each assignment": (
        [
            "hw1/ada/step_decay.ipynb",
            "hw1/bob/step_decay.ipynb",
            "hw2/ada/one_cycle.ipynb",
            "hw2/bob/one_cycle.ipynb",
        ],
        [ADA, ("ada", "one_cycle"), BOB, ("bob", "one_cycle")],
    ),
    "a folder for each sheet": (
        ["step_decay/ada.ipynb", "step_decay/bob.ipynb", "one_cycle/ada/x.ipynb"],
        [ADA, ("ada", "one_cycle"), BOB],
    ),
    "sections": (
        [
            "A/ada/step_decay.ipynb",
            "A/cyd/step_decay.ipynb",
            "B/bob/step_decay.ipynb",
            "B/dan/step_decay.ipynb",
        ],
        [ADA, BOB, ("cyd", "step_decay"), ("dan", "step_decay")],
    ),
    "what archives bring along": (
        [
            "w/ada/step_decay.ipynb",
            "w/bob/step_decay.ipynb",
            "__MACOSX/w/ada/._step_decay.ipynb",
            "w/ada/.ipynb_checkpoints/step_decay-checkpoint.ipynb",
        ],
        [ADA, BOB],
    ),
    "versions, and a whole copy of the course": (
        [
            "ada/step_decay.ipynb",
            "ada/step_decay_final.ipynb",
            "ada/step_decay-Copy1.ipynb",
            "bob/my-course/01_step_decay.ipynb",
            "bob/my-course/exercises/step_decay.ipynb",
            "bob/my-course/exercises/earlier/step_decay.2026-01-02.ipynb",
        ],
        [ADA, BOB],
    ),
}


def lay_out(folder: Path, paths: list[str]) -> None:
    for path in paths:
        write(folder, path, CYCLE if "one_cycle" in path else STEP)


@pytest.mark.parametrize(("paths", "wanted"), CLEAR.values(), ids=CLEAR)
def test_everybody_is_found_and_nobody_twice(tmp_path, paths, wanted):
    """Each layout gives its learners, each with one notebook for each of their sheets."""
    lay_out(tmp_path, paths)
    found, _ = newest_of_each(find_submissions(tmp_path))

    assert sorted((one.learner, one.sheet) for one in found) == sorted(wanted)
    assert not any(one.refused for one in found)


@pytest.mark.parametrize(
    "inner",
    [["ada/step_decay.ipynb", "bob/step_decay.ipynb"], ["ada.ipynb", "bob.ipynb"]],
    ids=["folders", "files"],
)
def test_a_folder_of_several_beside_people_is_refused_alone(tmp_path, capsys, inner):
    """It is nobody's; the sentence names it and the fix; everybody else is graded."""
    need_sandbox()
    lay_out(tmp_path / "in", ["cyd/step_decay.ipynb", *(f"hand-in-1/{path}" for path in inner)])
    assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out

    assert "2 of 2 learners, 2 notebooks.\n" in said and "Not graded: 1." in said
    assert f"the folder {tmp_path / 'in' / 'hand-in-1'} holds several" in said
    assert "move their folders or files up" in said
    assert "Step decay: 1 notebook" in said


def test_one_name_in_two_sections_is_two_people(tmp_path):
    """They are graded, told apart by the folder, and the way to say otherwise is named."""
    lay_out(
        tmp_path,
        [f"{section}/{name}/step_decay.ipynb" for section in "AB" for name in ("ada", "bob")],
    )
    found, _ = newest_of_each(find_submissions(tmp_path))

    assert sorted((one.learner, one.apart) for one in found) == [
        *(("ada", "A"), ("ada", "B"), ("bob", "A"), ("bob", "B"))
    ]
    assert len({one.place for one in found}) == 4
    assert all("taken for two people" in one.notes[0] for one in found)


def test_attempts_in_folders_are_one_persons(tmp_path):
    """try1 and try2 in everybody's folder are nobody's names: the newest counts, and it is said."""
    lay_out(
        tmp_path, [f"{name}/try{n}/step_decay.ipynb" for name in ("ada", "bob") for n in (1, 2)]
    )
    found, notes = newest_of_each(find_submissions(tmp_path))

    assert sorted(one.learner for one in found) == ["ada", "bob"]
    assert all("Several files" in notes[one.place][0] for one in found)


def test_the_innermost_name_says_the_sheet(tmp_path):
    """A file in a folder that is called as another sheet is what the file says."""
    lay_out(tmp_path, ["step_decay/ada_one_cycle.ipynb"])

    assert [one.sheet for one in find_submissions(tmp_path)] == ["one_cycle"]


def test_the_lesson_of_the_same_name_replaces_nothing(tmp_path):
    """Of a learner's files the newest with answers counts, not a newer one without."""
    answers = write(tmp_path, "ada/exercises/step_decay.ipynb", STEP)
    write(tmp_path, "ada/01_step_decay.ipynb", "1 + 1")
    os.utime(answers, (1, 1))
    (one,), notes = newest_of_each(find_submissions(tmp_path))

    assert one.path == answers
    assert "Several files" in notes[one.place][0]


def test_archives_that_are_still_packed_are_named(tmp_path):
    """Where there is nothing but an archive, it is to be unpacked first."""
    (tmp_path / "submissions.zip").write_bytes(b"PK")

    with pytest.raises(ValueError, match="unpack submissions.zip first"):
        find_submissions(tmp_path)


MEGABYTE = {
    "empty lines": ["\n"] * (1 << 20),
    "blanks": [" " * (1 << 20)],
    "empty lines of blanks": [" \t\n"] * 340_000,
    "words": ["a "] * (1 << 19),
}


@pytest.mark.parametrize("source", MEGABYTE.values(), ids=MEGABYTE)
def test_a_megabyte_of_nothing_is_read_at_once(tmp_path, source):
    """Which sheet it is takes a time in proportion to the text, however awkward that is."""
    write(tmp_path, "eve/homework.ipynb", "".join(source))
    look = "from lrcourse.grading.submissions import find_submissions; from pathlib import Path; "
    look += f"print(find_submissions(Path({str(tmp_path)!r})))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)

    assert "sheet=None" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no measure of memory there")
def test_a_notebook_of_nothing_but_brackets_takes_no_memory(tmp_path):
    """20 MB of empty mappings are refused before they are half a gigabyte of objects."""
    (tmp_path / "eve").mkdir()
    text = '{"cells": [' + "{}," * 6_900_000 + "{}]}"
    (tmp_path / "eve" / "step_decay.ipynb").write_text(text, encoding="utf-8")
    look = f"""
import resource
from pathlib import Path
from lrcourse.grading.notebooks import Refused, read_bytes, read_notebook
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_notebook("x.ipynb", read_bytes(Path({str(tmp_path / "eve" / "step_decay.ipynb")!r})))
except Refused as refused:
    print(refused)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000)
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)

    assert "holds too many values" in done.stdout and done.stdout.endswith("True\n")


# Twice, and under another name


def graded(folder: Path, results: Path) -> list:
    need_sandbox()
    return grade(folder, results)


def test_of_two_attempts_the_newest_counts(tmp_path):
    """Names that say no sheet do not make of one sheet two: the better, older one is replaced."""
    old = write(tmp_path / "in", "twice/attempt 1.ipynb", *HONEST.values())
    write(
        tmp_path / "in", "twice/attempt 2.ipynb", "def exponential_decay(t, lr, k):\n    return 4"
    )
    os.utime(old, (1, 1))
    (mark,) = graded(tmp_path / "in", tmp_path / "out")

    assert (mark.file, mark.earned) == ("attempt 2.ipynb", 0)
    assert "attempt 2.ipynb is the newest of 2" in mark.for_instructor[0]


def test_two_folders_of_one_person_never_replace_each_other_silently(tmp_path):
    """What the roster shows to be one person's keeps its points; both are said, and which counts."""
    old = write(tmp_path / "in", "ada/exponential_decay.ipynb", *HONEST.values())
    write(
        tmp_path / "in", "al99/exponential_decay.ipynb", "def exponential_decay(*a):\n    return 4"
    )
    os.utime(old, (1, 1))
    marks = graded(tmp_path / "in", tmp_path / "out")
    (ada,) = learners_of(marks, [{"Student": "Ada", "SIS Login ID": "al99"}])

    assert ada.earned == 4
    (note,) = ada.marks[0].for_instructor
    assert "ada's exponential_decay.ipynb (4 points) counts, the one with more points" in note
    assert "al99's exponential_decay.ipynb (0 points) does not" in note


def test_a_sheet_under_the_name_of_another_is_graded_as_what_it_is(tmp_path):
    """The ids of its cells say it, or its answers; the learner and the instructor are told."""
    sheet = json.loads((EXERCISES / "solutions" / "cosine_annealing.ipynb").read_text("utf-8"))
    plain = [cell["source"] for cell in sheet["cells"] if cell["cell_type"] == "code"]
    path = write(tmp_path / "in", "ada/exponential_decay.ipynb")
    path.write_text(json.dumps(sheet), encoding="utf-8")
    write(tmp_path / "in", "bob/exponential_decay.ipynb", *map("".join, plain))
    ada, bob = graded(tmp_path / "in", tmp_path / "out")
    write_all([ada, bob], tmp_path / "out")
    pages = [p.read_text(encoding="utf-8") for p in (tmp_path / "out").glob("**/*.html")]

    for mark in (ada, bob):
        assert mark.sheet == "cosine_annealing" and mark.earned == mark.possible
        assert "The name says exponential_decay" in mark.notes[0]
        assert mark.notes[0] in mark.for_instructor
    assert len(pages) == 3 and all("graded as cosine_annealing" in page for page in pages)


def test_a_name_of_two_sheets_is_the_first_and_is_said(tmp_path):
    """The sheet that a file's name speaks of first; with the ids of a sheet there is no doubt."""
    name = "my one_cycle answers after step_decay.ipynb"
    write(tmp_path, f"bob/{name}", "1 + 1")
    ids = {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "step_decay-1"}}}
    write(tmp_path, f"cyd/{name}", {**ids, "source": ""})
    bob, cyd = find_submissions(tmp_path)

    assert (bob.sheet, cyd.sheet) == ("one_cycle", "step_decay")
    assert "speaks of one_cycle and step_decay: graded as one_cycle" in bob.notes[0]
    assert bob.says == bob.notes and cyd.notes == ()


def test_what_the_command_says_settles_it(tmp_path):
    """With --sheet neither names nor answers are asked."""
    write(tmp_path, "ada/one_cycle.ipynb", STEP)
    (one,) = find_submissions(tmp_path, "training_lab")

    assert (one.sheet, one.notes) == ("training_lab", ())


# Nobody vanishes


def test_who_handed_in_no_notebook_is_listed(tmp_path):
    """Folders and files of other kinds are named, with their learner; what programs make is not."""
    write(tmp_path / "in", "ada/step_decay.ipynb", STEP)
    write(tmp_path / "in", "__zoe__/step_decay.ipynb", STEP)
    for name in ("bob/homework.zip", "cyd/sub/answers.py", "eve_4712_99_homework.py", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("x", encoding="utf-8")
    for name in ("dan", "__MACOSX", "__pycache__", ".hidden", "out"):
        (tmp_path / "in" / name).mkdir()
    found = find_submissions(tmp_path / "in", besides=tmp_path / "in" / "out")
    lost = {one.learner: one.refused for one in found if one.refused}

    assert {one.learner for one in found} - lost.keys() == {"ada", "__zoe__"}
    assert lost.keys() == {"bob", "cyd", "dan", "eve"}
    assert "only homework.zip: hand in the notebook" in lost["bob"]
    assert "only answers.py" in lost["cyd"] and "it is empty" in lost["dan"]


def test_a_closed_folder_is_said_to_be_closed(tmp_path, monkeypatch, capsys):
    """One learner's is listed for the instructor; the whole, closed, is not called empty."""
    need_sandbox()
    write(tmp_path / "in", "ada/step_decay.ipynb", STEP)
    write(tmp_path / "in", "bob/step_decay.ipynb", STEP)
    write(tmp_path / "in", "ada/more/x.ipynb", STEP)
    look, closed = os.scandir, [tmp_path / "in" / "bob", tmp_path / "in" / "ada" / "more"]

    def scandir(path):  # root may read everything
        if str(path) in map(str, closed):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    command = ["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    assert main(command) == 0
    page = (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")
    listed = page.partition("For you to look at")[2]
    assert "bob</bdi>: Not graded. The folder bob cannot be read: Permission denied." in listed
    assert "more</bdi>: Not graded. The folder more cannot be read" in listed

    closed[:] = [tmp_path / "in"]
    assert main(command) == 1
    assert "in cannot be read: Permission denied" in capsys.readouterr().err


def test_a_wrapper_of_one_learner_is_said(tmp_path):
    """Of a class of one: which of two names was taken, and how to say otherwise."""
    write(tmp_path, "hw1/ada/exponential_decay.ipynb", *HONEST.values())
    (outer,), (inner,) = find_submissions(tmp_path), find_submissions(tmp_path, layout="nested")

    assert (outer.learner, inner.learner) == ("hw1", "ada")
    assert "it lies in hw1/ada. If ada is the learner: say --layout nested" in outer.notes[0]
    assert inner.notes == ()
