"""grades.csv, what Canvas and Moodle import, the roster, manual.csv and what the summary counts."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lrcourse.cli import main
from lrcourse.grading import byhand
from lrcourse.grading.grade import Mark
from lrcourse.grading.learners import learners_of
from lrcourse.grading.report import write_all
from lrcourse.grading.roster import read_roster
from lrcourse.grading.tables import cell
from lrcourse.tasks import TASKS

from .conftest import HONEST, need_sandbox, write

SHEET = "exponential_decay"


def mark_of(learner: str, *earned: float | None, sheet: str = SHEET, **more) -> Mark:
    """A mark with these points on the first tasks of a sheet."""
    tasks = [t for t in TASKS.values() if t.sheet == sheet][: len(earned)]
    made = [
        {
            "id": t.id,
            "title": t.title,
            "points": t.points,
            "earned": e,
            "says": "Says.",
            "mistake": "",
        }
        | {"right": e == t.points}
        for t, e in zip(tasks, earned)
    ]
    return Mark(learner, f"{sheet}.ipynb", sheet, made, **more)


def rows(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Whose it is


def test_a_number_is_compared_with_numbers_of_the_platform_only():
    """A number that Canvas gave is nobody's student number."""
    people = [
        {"Student": "Ada", "ID": "9001", "SIS User ID": "4712"},
        {"Student": "Bob", "ID": "4712", "SIS User ID": "77"},
    ]
    found = learners_of([mark_of("x", 2, ids=["4712"])], people)

    assert {one.name: one.earned for one in found} == {"Ada": 0, "Bob": 2}


def test_a_page_keeps_its_name_when_the_roster_changes(tmp_path):
    """A link that was sent out leads to the page after a section or a mail is filled in, too."""
    names = []
    for more in ({}, {"Section": "B", "Email address": "ada@x.org"}):
        person = {"Student": "Ada", "ID": "4711", **more}
        write_all([mark_of("Ada", 2)], tmp_path, [person])
        names += [p.name for p in (tmp_path / "feedback").glob("*.html")]

    assert len(names) == 2 and len(set(names)) == 1


ROSTER = "Student;ID\nZoë Weiß;4711\nJürgen Groß;4712\n"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-8-sig", "utf-8"])
def test_the_roster_may_come_from_any_excel(tmp_path, encoding):
    """Umlauts are read from what a German Excel saves as CSV, as Unicode text and as UTF-8."""
    mark = "\ufeff" * (encoding == "utf-16-be")  # the others write theirs, or have none
    (tmp_path / "class.csv").write_text(mark + ROSTER, encoding=encoding)
    people = read_roster(tmp_path / "class.csv")

    assert [p["Student"] for p in people] == ["Zoë Weiß", "Jürgen Groß"]
    assert learners_of([mark_of("Zoë Weiß", 2)], people)[0].earned == 2


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", "\ufeffsep=;\n"])
def test_a_line_that_names_the_separator_is_no_header(tmp_path, first):
    """Excel writes `sep=;` over the columns where somebody has asked it to."""
    (tmp_path / "class.csv").write_text(first + ROSTER, encoding="utf-8", newline="")

    assert [p["ID"] for p in read_roster(tmp_path / "class.csv")] == ["4711", "4712"]


def test_rows_of_canvas_that_are_no_people_are_left_out(tmp_path):
    """The points of an assignment and the test student stand among the people in its export."""
    table = 'Student,ID\n"    Points Possible",\n"Lovelace, Ada",4711\n"Student, Test",99\n'
    (tmp_path / "class.csv").write_text(table, encoding="utf-8")

    assert [p["Student"] for p in read_roster(tmp_path / "class.csv")] == ["Lovelace, Ada"]


def test_a_roster_that_is_no_table_is_named(tmp_path):
    """A quotation mark that is not closed makes one huge cell: a sentence names the file."""
    (tmp_path / "class.csv").write_text('Student\n"' + "x" * 140_000, encoding="utf-8")

    with pytest.raises(ValueError, match=r"class.csv is no table .* close every quotation mark"):
        read_roster(tmp_path / "class.csv")


# What is imported


def test_moodle_gets_a_worksheet_for_each_assignment(tmp_path):
    """Its three columns, the grade of one sheet, and the participants that the folders name."""
    moodle = {"platform": "moodle"}
    marks = [
        mark_of("Ada Lovelace", 2, 1, ids=["4711"], **moodle),
        mark_of("Ada Lovelace", 1, sheet="one_cycle", ids=["99"], **moodle),
        mark_of("Bob Byron", 1, ids=["4712"], **moodle),
    ]
    write_all(marks, tmp_path)
    decay, cycle = (rows(tmp_path / f"moodle_{s}.csv") for s in (SHEET, "one_cycle"))
    wanted = {"Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"}

    assert wanted | {"Feedback comments"} <= set(decay[0])
    assert [(r["Identifier"], r["Grade"]) for r in decay] == [
        ("Participant 4711", "3"),
        ("Participant 4712", "1"),
    ]
    assert [(r["Identifier"], r["Grade"]) for r in cycle] == [("Participant 99", "1")]
    assert {r["Maximum Grade"] for r in decay} == {"13"}
    (tmp_path / "x.csv").write_bytes((tmp_path / "grades.csv").read_bytes()[3:])
    assert [r["Identifier"] for r in rows(tmp_path / "x.csv")] == ["", "Participant 4712"]


def test_the_worksheet_that_moodle_wrote_comes_back(tmp_path):
    """Given as roster, its times stand beside the grades: Moodle does not import without them."""
    when = "Monday, 3 March 2025, 10:15 AM"
    person = {"Identifier": "Participant 4711", "Full name": "Ada", "Last modified (grade)": when}
    write_all([mark_of("Ada", 2)], tmp_path, [person])
    (row,) = rows(tmp_path / f"moodle_{SHEET}.csv")

    assert (row["Identifier"], row["Grade"], row["Last modified (grade)"]) == (
        "Participant 4711",
        "2",
        when,
    )


def test_canvas_gets_the_numbers_of_its_archive(tmp_path):
    """Without a roster the ID is the number in the file's name, where there is one."""
    write_all([mark_of("ada", 2, ids=["4711"], platform="canvas")], tmp_path)

    assert rows(tmp_path / "canvas.csv")[1]["ID"] == "4711"


def test_points_that_are_not_final_are_not_imported(tmp_path):
    """With an essay that nobody has marked, the cell for Canvas and the row for Moodle are left."""
    done = [4, 5, 4, 5, 6, 4]
    marks = [
        mark_of("ada", *done, None, sheet="training_lab"),
        mark_of("bob", *done, 3, sheet="training_lab"),
    ]
    for mark in marks:
        mark.place = mark.learner
        mark.tasks[-1]["answer"] = "Text."
    (tmp_path / "manual.csv").write_text(
        "learner,file,task,points,answer\nbob,bob,training_lab.7,3,Text.\n", encoding="utf-8"
    )
    write_all(marks, tmp_path)
    canvas = {r["Student"]: r["Training lab"] for r in rows(tmp_path / "canvas.csv")}

    assert (canvas["ada"], canvas["bob"]) == ("", "31")
    assert [r["Full name"] for r in rows(tmp_path / "moodle_training_lab.csv")] == ["bob"]
    assert rows(tmp_path / "grades.csv")[0]["To be marked"] == "training_lab.7"


# What a spreadsheet would run


FORMULAS = ["=1+1", "＝1+1", "+1+1", "-1.2.3", "@x", "\n=1+1", " =1+1", "-1+1", "-1 +cmd|x!A1"]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("before", ["", "Ada;", "x, ", "a\t", "a\n", "a\r"])
def test_no_part_of_a_cell_is_a_formula(formula, before):
    """Wherever a spreadsheet splits a cell, what comes after does not begin as a formula."""
    for part in re.split(r"[;,\t\r\n]", cell(f"{before}{formula};x")):
        assert not part.strip() or part.strip()[0] not in "=+-@＝＋－＠"


@pytest.mark.parametrize("text", ["-0.5", "12", "-3", "[0.1, -0.2]", "yours 1, -2; 3", "Zoë, a=b"])
def test_numbers_and_sentences_stay(text):
    """What no spreadsheet runs is written as it is."""
    assert cell(text) == text


def test_a_cell_of_a_megabyte_is_written_at_once():
    """The time is in proportion to the text."""
    look = "import sys; from lrcourse.grading.tables import cell; "
    look += "print(*(len(cell(t * 350_000)) for t in ('\\n', '; ', ' ', '=', ';=', '-1.', '\\t')))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)

    assert len(done.stdout.split()) == 7


def test_names_and_errors_leave_no_formula_in_the_table(tmp_path):
    """In grades.csv no field, nor any part between separators, begins as a formula; umlauts stay."""
    need_sandbox()
    raises = "def exponential_decay(*a):\n    raise ValueError('x;=HYPERLINK(\"http://x\")\\n=1+1')"
    for name in ("Ada;=1+1;x", "Zoë"):
        write(tmp_path / "in", f"{name}/{SHEET}.ipynb", raises)
    assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8")

    assert text.startswith('\ufeff"Student","ID"') and "Zoë" in text and "HYPERLINK" in text
    assert not re.findall(r'[;,\t\r\n]"?\s*[=+@]', text)


# manual.csv, and options


def test_a_manual_table_with_an_open_quotation_mark_is_left(tmp_path):
    """A field beyond all measure is a sentence, and the file stays as it is."""
    path = tmp_path / "manual.csv"
    path.write_text('learner,file,task,points\nada,"' + "x" * 140_000, encoding="utf-8")
    before = path.read_bytes()
    (said,) = byhand.merge_manual([], path)

    assert "manual.csv is no table" in said and "was left as it is" in said
    assert path.read_bytes() == before


def test_essays_with_signs_keep_their_points(tmp_path):
    """An answer that looks like formulas, and with unseen characters, is the same text again."""
    mark = mark_of("ada", *[0] * 6, None, sheet="training_lab", place="ada")
    mark.tasks[-1]["answer"] = "=a, -b;\n- c\u200b 'd'\x1b\r\n＝e"
    byhand.merge_manual([mark], tmp_path / "manual.csv")
    text = (tmp_path / "manual.csv").read_text(encoding="utf-8")
    text = text.replace('"training_lab.7",""', '"training_lab.7","4"')
    (tmp_path / "manual.csv").write_text(text, encoding="utf-8")

    for _ in range(2):
        assert byhand.merge_manual([mark], tmp_path / "manual.csv") == []
        assert mark.tasks[-1]["earned"] == 4


@pytest.mark.parametrize("option", ["--seconds=inf", "--seconds=nan", "--seconds=1e12"])
def test_a_limit_that_is_none_is_refused(tmp_path, capsys, option):
    """The command says so, once, before it grades anybody."""
    write(tmp_path, f"in/ada/{SHEET}.ipynb", *HONEST.values())
    assert main(["grade", str(tmp_path / "in"), "-o", str(tmp_path / "out"), option]) == 1

    assert "--seconds must be above 0 and at most 86,400, got" in capsys.readouterr().err
    assert main(["grade", ".", "-o", "x", "--memory", str(10**12)]) == 1
    assert "--memory must be at most 1,048,576 MiB" in capsys.readouterr().err


# The summary


def test_what_is_not_graded_or_not_marked_does_not_count(tmp_path):
    """A refused notebook and an essay that waits are in no mean, no share and no task missed."""
    done = [4, 5, 4, 5, 6, 4]
    marks = [
        mark_of("ada", *done, None, sheet="training_lab"),
        mark_of("bob", *done[:-1], 0, None, sheet="training_lab"),
        mark_of("eve", *[0] * 7, sheet="training_lab", refused="No notebook."),
    ]
    text = "\n".join(write_all(marks, tmp_path))
    most = sum(TASKS[f"training_lab.{i}"].points for i in range(1, 7))

    assert f"Training lab: 2 notebooks, {most} points; mean {sum(done) - 2:.1f}" in text
    assert "Without training_lab.7, which a person has yet to mark" in text
    assert "Without 1 notebook that was not graded" in text
    assert "training_lab.7, " not in text.partition("Most missed:")[2]
    assert sum(int(n) for n in re.findall(r"\d+ % #+ (\d+)", text)) == 2
    assert "Without training_lab.7" in (tmp_path / "summary.html").read_text(encoding="utf-8")


def test_a_sheet_of_which_none_was_graded_is_said(tmp_path):
    """With nothing to count there is no distribution, and no division by nothing."""
    text = "\n".join(write_all([mark_of("eve", 0, refused="No notebook.")], tmp_path))

    assert "Exponential decay: 0 notebooks graded. Without 1 notebook that was not graded" in text


def test_what_next_begins_with_the_likely_mistake(tmp_path):
    """After a mistake that is named, the page does not give a hint for another one."""
    mark = mark_of("ada", 0, 0)
    mark.tasks[0]["mistake"] = "plus for minus"
    write_all([mark], tmp_path)
    (page,) = (tmp_path / "feedback").glob("*.html")
    first, second = re.findall(r"What next\?</strong> (.*?)</p>", page.read_text(encoding="utf-8"))

    assert first.startswith("Begin with the likely mistake that is named above: plus for minus.")
    assert "Begin with the likely mistake" not in second and "For more hints" in second
