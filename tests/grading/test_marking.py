"""For the person who marks: adjustments, late rules, boxes, what is alike, items, archives."""

import csv
import os
import zipfile
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrcourse.cli import main
from lrcourse.grading.adjust import LateRule, adjust, deduct, read_extensions, read_time, says_of
from lrcourse.grading.alike import alike, like_the_solution, public_answers, runs_of, words_of
from lrcourse.grading.analysis import Found, need_a_word
from lrcourse.grading.byhand import merge_manual
from lrcourse.grading.grade import grade
from lrcourse.grading.learners import learners_of
from lrcourse.grading.pack import pack
from lrcourse.grading.report import write_all
from lrcourse.tasks import TASKS, plain_name, varied

from .conftest import earned, need_sandbox, write
from .test_tables import mark_of

SHEET = "exponential_decay"
CLASS = [{"Student": "Lovelace, Ada", "ID": "4711", "SIS Login ID": "ada"}]
MANUAL = next(t for t in TASKS.values() if t.kind == "manual")


def rows(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, *lines: str) -> None:
    head = path.read_text(encoding="utf-8-sig").splitlines()[0]
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


# Adjustments


def test_an_adjustment_survives_grading_again_and_is_shown(tmp_path):
    """In the table, on the page and in the summary, as often as it is written anew."""
    write_all([mark_of("ada", 0, 1)], tmp_path)
    fill(tmp_path / "adjustments.csv", 'ada,exponential_decay.1,2,"Right, in another way"')
    for _ in range(2):
        write_all([mark_of("ada", 0, 1)], tmp_path)
        (row,) = rows(tmp_path / "grades.csv")
        (page,) = (tmp_path / "feedback").glob("*.html")

        assert row["Grade"] == "3"
        assert "adjusted to 2: Right, in another way" in row["Feedback comments"]
        assert "from 0 to 2: Right, in another way" in page.read_text(encoding="utf-8")
        assert "1 mark is adjusted by hand" in (tmp_path / "summary.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("points", "reached"), [("2", 2), ("+0.5", 1.5), ("-1", 0), ("1,5", 1.5), ("'+1", 2)]
)
@pytest.mark.parametrize("name", ["ada", "Lovelace, Ada", "Ada Lovelace", "4711"])
def test_points_replace_or_are_added(tmp_path, points, reached, name):
    """Without a sign they replace; the learner is known by any name of the roster."""
    learners = learners_of([mark_of("ada", 1)], CLASS)
    (tmp_path / "a.csv").write_text(
        f'learner,task,points,comment\n"{name}",exponential_decay.1,"{points}",x\n'
    )

    assert adjust(learners, tmp_path / "a.csv") == []
    assert learners[0].earned == reached


@pytest.mark.parametrize(
    ("before", "points", "to", "says"),
    [
        (1, "0", 0, "Adjusted by your instructor, from 1 to 0: x"),
        (1, "2", 2, "Adjusted by your instructor, from 1 to 2: x"),
        (1, "+1", 2, "Adjusted by your instructor, from 1 to 2: x"),
        (1, "-1", 0, "Adjusted by your instructor, from 1 to 0: x"),
        (None, "+1,25", 1.25, "Adjusted by your instructor, from no points to 1.25: x"),
    ],
)
def test_up_to_all_and_down_to_none(tmp_path, before, points, to, says):
    """From 0 to all the points of a task, both included; it is right with all of them alone."""
    learners = learners_of([mark_of("ada", before)])
    (tmp_path / "a.csv").write_text(f'learner,task,points,comment\nada,{SHEET}.1,"{points}",x\n')

    assert adjust(learners, tmp_path / "a.csv") == []
    (task,) = learners[0].marks[0].tasks
    assert (task["earned"], task["right"]) == (to, to == 2)
    assert says_of(task["adjusted"]) == says


def test_two_of_one_name_are_not_mixed_up(tmp_path):
    """A name that two have is no name: how many they are is said, and nothing changes."""
    people = [{"Student": "Lovelace, Ada", "ID": n} for n in ("1", "2")]
    learners = learners_of([mark_of("1", 1), mark_of("2", 1)], people)
    (tmp_path / "a.csv").write_text(
        f"learner,task,points,comment\nAda Lovelace,{SHEET}.1,2,\n,,,\n"
    )

    (said,) = adjust(learners, tmp_path / "a.csv")
    assert said == f"a.csv: Ada Lovelace, {SHEET}.1: 2 people are called so"
    assert [one.earned for one in learners] == [1, 1]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("eve,exponential_decay.1,1,", "nobody is called so"),
        ("ada,exponential_decay.99,1,", "there is no such task"),
        ("ada,one_cycle.1,1,", "this sheet was not handed in"),
        ("ada,exponential_decay.1,many,", "'many' is no number"),
        ("ada,exponential_decay.1,3,", "give what leaves 0 to 2 points, not 3"),
        ("ada,exponential_decay.1,-2,", "not -1"),
    ],
)
def test_an_adjustment_that_makes_no_sense_changes_nothing(tmp_path, row, says):
    """It is named with its row; the mark stays."""
    learners = learners_of([mark_of("ada", 1)])
    (tmp_path / "a.csv").write_text(f"learner,task,points,comment\n{row}\n")
    (said,) = adjust(learners, tmp_path / "a.csv")

    assert says in said and learners[0].earned == 1


# Late


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("came", "left"),
    [
        ("2026-12-01 23:58", 4),  # the day itself is in time
        ("2026-12-02 00:30", 3.6),
        ("2026-12-03 00:30", 3.2),
        ("2027-01-01 00:00", 2),  # half at the most
    ],
)
def test_late_days_are_taken_off(tmp_path, came, left):
    """Ten per cent a day, half at the most; said to the learner and in the table."""
    rule = LateRule(due=read_time("2026-12-01"), per_day=10, most=50)
    write_all([mark_of("ada", 2, 2, modified=at(came))], tmp_path, late=rule)
    (row,) = rows(tmp_path / "grades.csv")
    (page,) = (tmp_path / "feedback").glob("*.html")

    assert float(row["Grade"]) == left
    assert ("Handed in late" in row["Feedback comments"]) is (left < 4)
    assert ("Handed in late" in page.read_text(encoding="utf-8")) is (left < 4)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (-1, ""),
        (0, ""),
        (1, "1 day after 2026-12-01 12:00: 10% taken off, 0.4 points"),
        (86_400, "1 day after 2026-12-01 12:00: 10% taken off, 0.4 points"),
        (86_401, "2 days after 2026-12-01 12:00: 20% taken off, 0.8 points"),
        (10**6, "12 days after 2026-12-01 12:00: 50% taken off, 2 points"),
    ],
)
def test_a_day_is_late_once_it_has_begun(seconds, says):
    """To the second; and said with the days, the share and the points."""
    due = read_time("2026-12-01 12:00")
    learners = learners_of([mark_of("ada", 2, 2, modified=due.timestamp() + seconds)])
    deduct(learners, LateRule(due=due, per_day=10, most=50))

    assert learners[0].marks[0].late_says == (says and f"Handed in late, {says}.")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted),
    st.floats(0, 100),
    st.floats(0, 100),
    st.integers(0, 4),
)
def test_to_come_later_never_pays(seconds, per_day, most, tenths):
    """What is left is between nothing and all, above `most`, and no more for who came later."""
    due = read_time("2026-12-01")
    early, late = (
        learners_of([mark_of("ada", tenths / 2, 1, modified=due.timestamp() + s)])[0]
        for s in seconds
    )
    deduct([early, late], LateRule(due=due, per_day=per_day, most=most))
    all_of_it = tenths / 2 + 1

    assert 0 <= late.earned <= early.earned <= all_of_it
    assert late.earned >= all_of_it * (1 - most / 100) - 0.01
    deduct([late], LateRule())  # applied anew each time
    assert late.earned == all_of_it


@pytest.mark.parametrize("name", ["per_day", "most"])
@pytest.mark.parametrize(
    ("percent", "fits"), [(-0.5, False), (0, True), (100, True), (100.5, False)]
)
def test_a_percentage_is_of_a_hundred(name, percent, fits):
    """Both ends included."""
    with nullcontext() if fits else pytest.raises(ValueError, match=f"{name} is a percentage"):
        LateRule(**{name: percent})


def test_an_extension_is_of_one_person(tmp_path):
    """By any name of theirs; everybody else keeps the day of the class."""
    (tmp_path / "x.csv").write_text("learner;due\nAda Lovelace;2026-12-05\n", encoding="utf-8")
    rule = LateRule(
        due=read_time("2026-12-01 12:00"),
        per_day=50,
        extensions=read_extensions(tmp_path / "x.csv"),
    )
    came = at("2026-12-02 10:00")
    marks = [mark_of("ada", 2, modified=came), mark_of("bob", 2, modified=came)]
    learners = learners_of(marks, CLASS)
    deduct(learners, rule)

    assert {one.shown: one.earned for one in learners} == {"Lovelace, Ada": 2, "bob": 1}


def test_what_the_platform_calls_late_is_said():
    """Where no day is given nothing is taken off, and it is said."""
    learners = learners_of([mark_of("ada", 2, late=True)])
    deduct(learners, LateRule())

    assert learners[0].marks[0].late_says == "Handed in late, the platform says."
    assert learners[0].earned == 2

    due = read_time("2026-12-01")
    learners = learners_of([mark_of("ada", 2, late=True, modified=due.timestamp())])
    deduct(learners, LateRule(due=due, per_day=50))
    assert "the file is of before its day: nothing taken off" in learners[0].marks[0].late_says
    assert learners[0].earned == 2


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "1.12.2026"])
def test_a_time_that_is_none_is_named(text):
    """With the way to write it."""
    with pytest.raises(ValueError, match="write 2026-12-01, or 2026-12-01 23:59"):
        read_time(text)


def test_the_command_takes_it_all(tmp_path, capsys):
    """--due, --late, --pack and --hide-names, from a folder to the files."""
    need_sandbox()
    answer = "import math\ndef exponential_decay(t, lr, k):\n    return lr * math.exp(-k * t)"
    path = write(tmp_path / "in", f"Ada Lovelace_4711_assignsubmission_file_/{SHEET}.ipynb", answer)
    os.utime(path, (at("2026-12-02 01:00"),) * 2)
    command = ["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--due", "2026-12-01"]
    assert main([*command, "--late", "50", "--pack", "moodle", "--hide-names"]) == 0

    assert rows(tmp_path / "out" / "grades.csv")[0]["Grade"] == "1"
    assert (tmp_path / "out" / "feedback_moodle.zip").exists()
    assert main([*command, "--late", "150"]) == 1
    assert "per_day is a percentage, 0 to 100, got 150" in capsys.readouterr().err


# Written answers: boxes, by question, unnamed


def written(learner: str, text: str, place: str):
    task = {"id": MANUAL.id, "title": MANUAL.title, "points": MANUAL.points, "earned": None}
    task |= {"says": "A person marks this one.", "right": False, "mistake": "", "answer": text}
    mark = mark_of(learner, sheet=MANUAL.sheet, place=place)
    mark.tasks = [task]
    return mark


def both():
    return [written("ada", "Mine.", "p1"), written("bob", "<b>His.", "p2")]


def test_boxes_give_points_and_comments(tmp_path):
    """Ticked in manual.csv, defined once in rubrics.csv; a change of a box changes all marks."""
    write_all(both(), tmp_path)
    fill(
        tmp_path / "rubrics.csv",
        f"{MANUAL.id},A,4,Clear.",
        f'{MANUAL.id},B,-1,"Say when it fails."',
    )
    table = rows(tmp_path / "manual.csv")
    table[0]["boxes"], table[1]["boxes"] = "A b", "Z"
    with (tmp_path / "manual.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    lines = write_all(both(), tmp_path)
    grades = {row["Student"]: row for row in rows(tmp_path / "grades.csv")}

    assert grades["ada"]["Grade"] == "3" and grades["ada"]["To be marked"] == ""
    assert "Clear. Say when it fails." in grades["ada"]["Feedback comments"]
    assert grades["bob"]["To be marked"] == MANUAL.id
    assert any("there is no box Z in rubrics.csv" in line for line in lines)
    assert [row["boxes"] for row in rows(tmp_path / "manual.csv")] == ["A b", "Z"]


BOXES = (("A", 4), ("B", -1), ("C", 4))


@pytest.mark.parametrize(
    ("entry", "earned"),
    [
        ({"points": "0"}, 0),
        ({"points": "6"}, 6),
        ({"points": "6,5"}, None),
        ({"points": "-0.5"}, None),
        ({"boxes": "A"}, 4),
        ({"boxes": "A,C"}, 6),  # 8, but the question has 6
        ({"boxes": "B"}, 0),  # -1, but less than nothing is not given
        ({"boxes": "A, b"}, 3),
        ({"boxes": "A", "points": "1"}, 1),
    ],
)
def test_a_mark_by_hand_is_between_none_and_all(tmp_path, entry, earned):
    """Points outside of that are refused, boxes come to its ends; what is written as points counts."""
    write_all(both(), tmp_path)
    fill(tmp_path / "rubrics.csv", *(f"{MANUAL.id},{box},{worth}," for box, worth in BOXES))
    table = rows(tmp_path / "manual.csv")
    table[0] |= entry
    with (tmp_path / "manual.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    marks = both()
    wrong = merge_manual(marks, tmp_path / "manual.csv")
    (task,) = (t for t in marks[0].tasks if t["id"] == MANUAL.id)

    assert task["earned"] == earned and bool(wrong) == (earned is None)
    assert task["right"] == (earned == 6)


def test_boxes_belong_to_the_text_they_were_ticked_for(tmp_path):
    """For another text they are asked for again, kept as a note, and no longer counted."""
    write_all(both(), tmp_path)
    path = tmp_path / "manual.csv"
    path.write_text(path.read_text("utf-8-sig").replace('"","","Mine."', '"Well.","A","Mine."'))
    (before, _), (changed, _) = both(), [written("ada", "Other.", "p1"), None]
    merge_manual([before], path)
    assert before.tasks[0]["earned"] == MANUAL.points

    for _ in range(2):
        merge_manual([changed], path)
        row = next(row for row in rows(path) if row["learner"] == "ada")
        assert changed.tasks[0]["earned"] is None
        assert (row["points"], row["boxes"], row["comment"]) == ("", "", "")
        assert row["earlier"] == f"A of {MANUAL.points} for an earlier text: Well."
        assert "has changed since it was marked (A of" in changed.tasks[0]["again"]


def test_a_page_for_each_question_names_nobody_if_wanted(tmp_path):
    """All answers to one question, escaped; without names in page and table, and still merged."""
    write_all(both(), tmp_path / "named")
    write_all(both(), tmp_path / "hidden", hide_names=True)
    named, hidden = (
        (tmp_path / name / "marking" / f"{MANUAL.id}.html").read_text("utf-8")
        for name in ("named", "hidden")
    )
    table = rows(tmp_path / "hidden" / "manual.csv")

    assert "ada" in named and "Mine." in named and "&lt;b&gt;His." in named and "<b>" not in named
    assert "Mine." in hidden and "ada" not in hidden and "bob" not in hidden and "p1" not in hidden
    assert {row["learner"] for row in table} == {""}
    for row in table:
        row["points"] = "2"
    with (tmp_path / "hidden" / "manual.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    write_all(both(), tmp_path / "hidden", hide_names=True)
    assert {row["Grade"] for row in rows(tmp_path / "hidden" / "grades.csv")} == {"2"}
    write_all(both(), tmp_path / "hidden")  # with names again the points are still theirs
    assert {row["Grade"] for row in rows(tmp_path / "hidden" / "grades.csv")} == {"2"}


# Alike

OWN = """
def exponential_decay(t, lr, k):
    shrunk = lr
    for another in range(int(t)):
        shrunk = shrunk * math.exp(-k) if another >= 0 else shrunk + 17 * another
    return shrunk
"""
PLAIN = "def exponential_decay(t, lr, k):\n    return lr * math.exp(-k * t)"
TASK = "exponential_decay.1"


def test_what_few_have_in_common_is_shown_side_by_side(tmp_path):
    """Two odd answers that are one; plain ones, which everybody writes, are no pair."""
    spaced = OWN.replace(" * ", "*").replace("\n    return", "\n    # mine\n    return")
    codes = {"ada": OWN, "bob": spaced, **{f"n{i}": PLAIN for i in range(10)}}
    marks = [mark_of(name, 2, answers={TASK: text}) for name, text in codes.items()]
    (pair,) = alike(learners_of(marks))
    write_all(marks, tmp_path)
    page = (tmp_path / "alike.html").read_text(encoding="utf-8")

    assert {pair.one.name, pair.other.name} == {"ada", "bob"} and pair.share == 1
    assert page.count("17 * another") == 1 and page.count("17*another") == 1
    assert "no proof of anything" in page and "<script" not in page
    assert "alike.html" in (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert alike(learners_of(marks[2:])) == []


def test_the_public_solution_is_known():
    """Word for word, whatever the layout; a short answer that could not be otherwise says nothing."""
    long = TASKS["step_decay.7"]
    from lrcourse.grading.alike import public_answers

    texts = [t for t in public_answers("step_decay") if f"def {long.answer_name}(" in t]
    (solved,) = texts

    assert like_the_solution({long.id: solved.replace("    ", "  ")}, "step_decay") == [long.id]
    assert like_the_solution({long.id: solved + "\nx = 1"}, "step_decay") == []
    assert like_the_solution({"x": "rates = [1]"}, "step_decay") == []
    assert words_of("a = 1  # b") == ["a", "=", "1"] and runs_of("a = 1") == set()


def test_a_whole_sheet_of_public_solutions_is_noted():
    """Short answers that are the public ones, all of a sheet, are said; one of one's own ends that."""
    short = [text for text in public_answers("exponential_decay") if 5 < len(words_of(text)) < 30]
    answers = {str(i): text for i, text in enumerate(short[:4])}

    assert like_the_solution(answers, "exponential_decay") == list(answers)
    assert like_the_solution(answers | {"own": "rates = [7]"}, "exponential_decay") == []


def test_broken_code_is_compared_as_words():
    """What Python does not read stops nothing."""
    assert len(runs_of("def broken(:\n  ' x y z a b c")) > 3


# Items, and who needs a word


def test_items_have_difficulty_and_discrimination():
    """How much of each task is reached, and whether who is good at the rest is good at it."""
    marks = [mark_of(f"n{i}", i / 5, 3 - 3 * i / 10, 1.0) for i in range(11)]
    first, second, third = Found(SHEET, marks).items

    assert (first.id, first.count) == ("exponential_decay.1", 11)
    assert first.mean == pytest.approx(0.5)
    assert first.discrimination == pytest.approx(-1) == second.discrimination
    assert third.discrimination is None
    assert "is the question clear" in first.says and third.says == ""


def test_who_needs_a_word():
    """Who handed in nothing, what could not be graded, little, or nothing that runs."""
    marks = [mark_of("ada", 2, 2), mark_of("bob", 0, 0), mark_of("cyd", 2, refused="No.")]
    dead = mark_of("dan", 0, 0)
    dead.tasks = [task | {"called": False} for task in dead.tasks]
    people = [{"Name": name} for name in ("ada", "bob", "cyd", "dan", "eve")]
    words = {
        word.learner.name: word.why for word in need_a_word(learners_of([*marks, dead], people))
    }

    assert words.keys() == {"bob", "cyd", "dan", "eve"}
    assert words["eve"] == "handed in nothing" and "third" in words["bob"]
    assert "could not be graded" in words["cyd"] and "2 of 2 tasks" in words["dan"]


# Archives

SOURCES = {
    "moodle": (
        "Ada Lovelace_4711_assignsubmission_file_",
        "Ada Lovelace_4711_assignsubmission_file_/feedback.html",
    ),
    "canvas": ("lovelaceada_4711_99_x-2.ipynb", "lovelaceada_4711_99_x-2.html"),
}


@pytest.mark.parametrize("platform", SOURCES)
def test_feedback_is_packed_as_the_platform_takes_it(tmp_path, platform):
    """Names of folders and files are those of the archive that was downloaded; others are named."""
    source, name = SOURCES[platform]
    marks = [
        mark_of("Ada", 2, ids=["4711"], platform=platform, source=f"/in/{source}"),
        mark_of("bob", 1, source="/in/bob"),
    ]
    lines = write_all(marks, tmp_path, platform=platform)
    with zipfile.ZipFile(tmp_path / f"feedback_{platform}.zip") as archive:
        assert archive.namelist() == [name]
        assert "Feedback for" in archive.read(name).decode()
    assert any(f"of no {platform}: bob" in line for line in lines)
    assert pack(learners_of(marks), tmp_path, platform) == [
        f"Not in feedback_{platform}.zip, of no {platform}: bob."
    ]


# Numbers of one's own


def test_the_grader_expects_what_check_expects(tmp_path):
    """By the name of the folder; a copy of another's numbers is wrong, and said."""
    need_sandbox()
    own = varied(TASKS["exponential_decay.7"], "key", "ada").reference()
    for name in ("ada", "bob"):
        cells = ("import lrcourse\nlrcourse.variant('key', 'ada')", f"rates = {own}")
        write(tmp_path / "in", f"{name}/exponential_decay.ipynb", *cells)
    marks = {m.learner: m for m in grade(tmp_path / "in", tmp_path / "out", variants="key")}
    bobs = varied(TASKS["exponential_decay.7"], "key", "bob").reference()

    assert earned(marks["ada"]) == {"exponential_decay.7": 2}
    assert (earned(marks["bob"]) == {"exponential_decay.7": 2}) is (bobs == own)
    assert "Its numbers are drawn for 'ada', not for bob." in marks["bob"].for_instructor
    assert plain_name("Ada L.") == "adal"
