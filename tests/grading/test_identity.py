"""Whose it is: nothing that a person hands in can speak of another, and nobody's work is lost."""

import json
import os
import sys
from pathlib import Path

import pytest

from lrcourse.cli import main
from lrcourse.grading.grade import Graded, grade
from lrcourse.grading.layout import LAYOUTS, owner_of_file
from lrcourse.grading.learners import learners_of
from lrcourse.grading.names import skeleton
from lrcourse.grading.report import write_all
from lrcourse.grading.roster import match, name_of
from lrcourse.grading.submissions import find_submissions, newest_of_each, survey

from .conftest import HONEST, need_sandbox, write
from .test_tables import mark_of

SHEET = "exponential_decay"
WRONG = "def exponential_decay(t, lr, k):\n    return 42.0"
CLASS = [{"Student": "Ada Lovelace", "ID": "4711", "SIS Login ID": "ada"}]
CLASS += [{"Student": "Eve", "ID": "4712", "SIS Login ID": "eve"}]

# Names inside of a person's folder that speak of somebody else

INSIDE = {
    "a login before the sheet": [f"eve/{SHEET}/ada_1_1_{SHEET}.ipynb"],
    "a number of Canvas": ["eve/whoever_4711_1_x.ipynb"],
    "a name of Canvas and a folder": ["eve/x_1_1_x.ipynb", "eve/ada/x.ipynb"],
    "a folder called as a person": ["eve7/Ada Lovelace/x.ipynb"],
    "a folder of Moodle's": ["eve/Ada Lovelace_4711_assignsubmission_file_/x.ipynb"],
    "a file of Moodle's": ["eve/Ada Lovelace_4711_assignsubmission_file_x.ipynb"],
    "several people": ["eve/ada/x.ipynb", "eve/bob/x.ipynb", "eve/cyd/x.ipynb"],
    "a whole course": ["eve/submitted/ada/x.ipynb", "eve/source/x.ipynb"],
    "an anonymous file": ["eve/anon_ada12_4711_x.ipynb"],
    "deep": [f"eve/{SHEET}/hw/ada/4711/ada_{SHEET}.ipynb"],
}


@pytest.mark.parametrize("paths", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("people", [CLASS, []], ids=["roster", "no roster"])
def test_nothing_inside_a_folder_names_somebody_else(tmp_path, paths, people):
    """Whatever Eve's folder holds is Eve's; Ada's is Ada's, with nothing replaced."""
    honest = write(tmp_path, f"ada/{SHEET}.ipynb", *HONEST.values())
    os.utime(honest, (1, 1))
    for path in paths:
        write(tmp_path, path, WRONG)
    known = [match([name], (), people) is not None for name in ("ada", "eve", "eve7")]
    found, notes = newest_of_each(
        find_submissions(tmp_path, known=lambda name: match([name], (), people) is not None)
    )

    ours = [one for one in found if one.learner == "ada" or one.ids]
    assert [one.path for one in ours] == [honest]
    assert ours[0].place not in notes and known == [bool(people)] * 2 + [False]
    assert {one.learner for one in found} <= {"ada", "eve", "eve7"}


def test_an_attack_by_names_moves_no_points(tmp_path):
    """From folder to table: Ada keeps hers, Eve has what Eve handed in."""
    need_sandbox()
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    write(tmp_path / "in", f"eve/{SHEET}/ada_4711_1_{SHEET}.ipynb", WRONG)
    marks = grade(tmp_path / "in", tmp_path / "out")
    learners = {one.name: one.earned for one in learners_of(marks, CLASS)}

    assert learners == {"Ada Lovelace": 4, "Eve": 0}


def test_a_name_that_a_download_left_is_nobodys(tmp_path):
    """`downloaded_99_1_x.ipynb` in Gina's folder is Gina's, also when Gina is alone."""
    write(tmp_path / "one", f"gina/downloaded_99_1_{SHEET}.ipynb", WRONG)
    for name in ("gina", "hal"):
        write(tmp_path / "two", f"{name}/downloaded_99_1_{SHEET}.ipynb", WRONG)

    assert [one.learner for one in find_submissions(tmp_path / "one")] == ["gina"]
    assert [one.ids for one in find_submissions(tmp_path / "one")] == [()]
    assert [one.learner for one in find_submissions(tmp_path / "two", layout="folders")] == [
        "gina",
        "hal",
    ]


# What the class's layout is, and how to say it

SAID = {
    "a folder for each learner": ["ada/x.ipynb", "bob/x.ipynb"],
    "a file for each learner": ["ada_step_decay.ipynb", "bob_step_decay.ipynb"],
    "Canvas's archive": ["ada_1_2_x.ipynb", "bob_LATE_3_4_x.ipynb"],
    "Moodle's archive": ["Ada_1_assignsubmission_file_/x.ipynb"],
    "nbgrader's course": ["submitted/ada/hw/x.ipynb", "source/hw/x.ipynb"],
    "learners in 2 folders: A, B": [
        "A/ada/x.ipynb",
        "A/bob/x.ipynb",
        "B/cyd/x.ipynb",
        "B/d/x.ipynb",
    ],
}


@pytest.mark.parametrize(("says", "paths"), SAID.items(), ids=SAID)
def test_the_layout_is_said(tmp_path, says, paths):
    """What the class was read as stands in the summary, with the way to say otherwise."""
    for path in paths:
        write(tmp_path / "in", path, WRONG)
    layout = survey(tmp_path / "in").layout
    write_all(Graded([mark_of("ada", 2)], layout.says), tmp_path / "out")

    assert says in layout.says
    for name in ("summary.txt", "summary.html"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8").replace("&#39;", "'")
        assert says in text and "--layout" in text


@pytest.mark.parametrize(
    ("layout", "names"),
    [("folders", ["A", "B"]), ("nested", ["ada", "ada", "bob", "cyd"])],
)
def test_the_layout_can_be_given(tmp_path, layout, names):
    """What is said is done, whatever the folders look like."""
    for path in ("A/ada/x.ipynb", "A/bob/x.ipynb", "B/ada/x.ipynb", "B/cyd/x.ipynb"):
        write(tmp_path, path, WRONG)
    found, _ = newest_of_each(find_submissions(tmp_path, layout=layout))

    assert sorted(one.learner for one in found) == names
    assert not any(one.refused for one in found)


def test_a_layout_that_does_not_exist_is_named(tmp_path):
    """With those that do."""
    write(tmp_path, "ada/x.ipynb", WRONG)

    with pytest.raises(ValueError, match="no layout 'tree': the layouts are folders, files"):
        find_submissions(tmp_path, layout="tree")
    assert set(LAYOUTS) == {"folders", "files", "canvas", "moodle", "nbgrader", "nested"}


def test_the_roster_settles_at_which_level_people_are(tmp_path):
    """Folders that the roster knows are people's, whatever they hold; else those that it does."""
    for path in ("ada/one/x.ipynb", "ada/two/x.ipynb", "eve/three/x.ipynb", "eve/four/x.ipynb"):
        write(tmp_path / "outer", path, WRONG)
    for path in ("A/ada/x.ipynb", "B/eve/x.ipynb"):
        write(tmp_path / "inner", path, WRONG)
    known = {"ada", "eve"}.__contains__

    for folder in ("outer", "inner"):
        found, _ = newest_of_each(find_submissions(tmp_path / folder, known=known))
        assert sorted(one.learner for one in found) == ["ada", "eve"]


# Names that collide, or look the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "ada.;'~::^'^"),
        ("ada", "ad\u200ba"),
        ("ada", "аda"),
        ("Ada", "ada"),
        ("ada", "ada "),
        ("bill", "biII"),
    ],
)
def test_names_that_look_alike_are_told_apart(tmp_path, one, other):
    """Two people have two pages, two rows and two files of marks, and a reader sees which is which."""
    if sys.platform != "linux":
        pytest.skip("needs a file system that takes such names")
    for name in (one, other):
        write(tmp_path / "in", f"{name}/{SHEET}.ipynb", WRONG)
    found, _ = newest_of_each(find_submissions(tmp_path / "in"))
    marks = [mark_of(s.learner, 2, place=s.place) for s in found]
    learners = learners_of(marks)
    write_all(marks, tmp_path / "out")

    assert len({s.place for s in found}) == 2
    assert len({learner.place for learner in learners}) == 2
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 2
    shown = [learner.shown for learner in learners]
    if skeleton(one) == skeleton(other):
        assert (
            any("U+" in name or "number" in name for name in shown)
            or len({name.casefold().strip() for name in shown}) == 2
            or one.casefold() == other.casefold().strip()
        )


def test_two_of_one_name_on_the_roster_have_two_pages(tmp_path):
    """Also where nothing else is known of them; who is meant by a file then stands beside both."""
    people = [{"Name": "Ada Lovelace"}, {"Name": "Ada Lovelace"}]
    learners = learners_of([mark_of("Ada Lovelace", 2)], people)

    assert len({one.place for one in learners}) == len(learners) == 3
    assert len({one.shown for one in learners}) == 3


# Two sources for one person

TWO = {
    "login and name": ["ada", "Ada Lovelace"],
    "login and number": ["ada", "x_4711_1_y"],
    "two numbers of Canvas": ["Lovelace_4711_1_y", "someone_4711_2_y"],
}


@pytest.mark.parametrize("names", TWO.values(), ids=TWO)
@pytest.mark.parametrize("newer", [0, 1])
def test_two_sources_for_one_person_are_both_said(tmp_path, names, newer):
    """The one with more points counts, in whatever order they came; the summary names both."""
    marks = [
        mark_of(name, points, ids=["4711"] * ("4711" in name), modified=float(i == newer))
        for i, (name, points) in enumerate(zip(names, (2, 0)))
    ]
    for order in (marks, marks[::-1]):
        ada = learners_of(order, CLASS)[0]
        assert ada.earned == 2
        (note,) = ada.marks[0].for_instructor
        assert all(f"{name}'s" in note for name in names)
        assert "(2 points) counts, the one with more points" in note


def test_files_of_the_same_time_are_not_called_newest(tmp_path):
    """Where the times are equal, none is newer, and that is what is said."""
    for name in ("v1", "v2"):
        os.utime(write(tmp_path, f"ada/{SHEET} {name}.ipynb", WRONG), (5, 5))
    (one,), notes = newest_of_each(find_submissions(tmp_path))

    assert "counts, as none is newer" in notes[one.place][0]
    assert "Not counted: exponential_decay v1.ipynb" in notes[one.place][0]


# One folder's fault is that folder's


def test_a_login_called_submitted_is_a_person(tmp_path):
    """nbgrader's course is known by all of its folders, not by one name."""
    for name in ("submitted", "ada", "bob"):
        write(tmp_path, f"{name}/{SHEET}.ipynb", WRONG)

    assert sorted(one.learner for one in find_submissions(tmp_path)) == ["ada", "bob", "submitted"]


def a_deep_tree(folder: Path) -> None:
    """Deeper than a path may be: made step by step, each from inside of the last."""
    here = os.getcwd()
    folder.mkdir(parents=True)
    os.chdir(folder)
    try:
        for _ in range(40):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("x.ipynb").write_text("{}")
    finally:
        os.chdir(here)


FAULTS = {
    "a tree too deep": lambda eve: a_deep_tree(eve),
    "a whole class in it": lambda eve: [
        write(eve, f"{name}/{sheet}.ipynb", WRONG)
        for name in ("ada", "bob", "eve")
        for sheet in (SHEET, "cyclical_lr")
    ],
    "ten thousand files": lambda eve: [
        eve.mkdir(parents=True),
        *((eve / f"{i}.ipynb").write_text("{}") for i in range(2_000)),
    ],
    "no notebook but other things": lambda eve: [
        eve.mkdir(parents=True),
        (eve / "a.zip").write_bytes(b"PK\x03\x04 broken"),
        (eve / "b.py").write_text("x = 1"),
    ],
    "odd JSON": lambda eve: [
        eve.mkdir(parents=True),
        (eve / f"{SHEET}.ipynb").write_text(json.dumps({"cells": {"a": 1}, "nbformat": "x"})),
    ],
}


@pytest.mark.skipif(sys.platform == "win32", reason="paths have other limits there")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("wrapped", ["", f"{SHEET}/"], ids=["plain", "in a folder of the sheet"])
def test_one_folder_never_ends_the_class(tmp_path, fault, wrapped):
    """Whatever is in Eve's folder, everybody else is found; and Eve is in the list."""
    for name in ("ada", "bob"):
        write(tmp_path, f"{wrapped}{name}/{SHEET}.ipynb", *HONEST.values())
    fault(tmp_path / wrapped / "eve")
    found, _ = newest_of_each(find_submissions(tmp_path))
    honest = sorted(one.learner for one in found if not one.refused and one.answers)

    assert {"ada", "bob"} <= set(honest) <= {"ada", "bob", "eve"}
    assert "eve" in {one.learner for one in found}


def test_every_file_passed_over_is_listed(tmp_path, capsys):
    """Scripts without answers, archives that cannot be read, notes: named in the summary."""
    need_sandbox()
    write(tmp_path / "in", f"ada/{SHEET}.ipynb", *HONEST.values())
    for name in ("eve.py", "bob.zip", "notes.txt", "ada/plot.png", "ada/helpers.py"):
        (tmp_path / "in" / name).write_text("x", encoding="utf-8")
    assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    page = (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")

    assert "Files passed over: 5." in said
    for name in ("eve.py", "bob.zip", "notes.txt", "ada/plot.png", "ada/helpers.py"):
        assert name in said and name in page
    assert "bob.zip (This archive cannot be read" in said


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("lovelaceada_4711_99_x.ipynb", ("lovelaceada", ("4711",), "canvas", False)),
        ("lovelaceada_LATE_4711_99_x.ipynb", ("lovelaceada", ("4711",), "canvas", True)),
        ("LATE_anon_x7Qp2_99_x.ipynb", ("Anonymous x7Qp2", ("x7Qp2",), "canvas", True)),
        ("Ada L_4711_assignsubmission_file_x.ipynb", ("Ada L", ("4711",), "moodle", False)),
        (
            "Participant_12_assignsubmission_file_x.ipynb",
            ("Participant 12", ("12",), "moodle", False),
        ),
        ("ada.ipynb", ("ada", (), "", False)),
    ],
)
def test_the_owner_of_a_file_is_read_off_its_name(name, owner):
    """Who, by which number, on which platform, and whether it says that it came late."""
    assert owner_of_file(name) == owner


@pytest.mark.parametrize("column", ["Full name", "Student", "Name", "name", "Username"])
def test_a_person_is_called_by_the_column_for_names(column):
    """Whatever other columns stand before it, and whatever its case."""
    assert name_of({"ID": "7", column: "Ada L.", "Group": "B"}) == "Ada L."
