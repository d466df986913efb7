"""The tables of marks: grades.csv for people, canvas.csv and moodle_SHEET.csv to be imported."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from lrcourse.grading.files import save
from lrcourse.grading.grade import LOUD, Mark
from lrcourse.grading.learners import Learner
from lrcourse.grading.names import visible
from lrcourse.grading.pages import number
from lrcourse.grading.roster import CANVAS, MOODLE
from lrcourse.tasks import SHEETS

BOM = "\ufeff"  # by this Excel knows UTF-8
WORKSHEET = ("Grade", "Maximum Grade", "Feedback comments")
MODIFIED = "Last modified (grade)"


def write_grades(learners: Sequence[Learner], folder: Path) -> None:
    """grades.csv; canvas.csv; and of each sheet moodle_SHEET.csv."""
    sheets = [s for s in SHEETS if any(one.on(s) for one in learners)]
    save(folder / "grades.csv", BOM + csv_of(_grades(learners, sheets)))
    save(folder / "canvas.csv", csv_of(_canvas(learners, sheets)))
    for old in folder.glob("moodle_*.csv"):
        if old.stem.removeprefix("moodle_") not in sheets:
            old.unlink()
    for sheet in sheets:
        save(folder / f"moodle_{sheet}.csv", csv_of(_moodle(learners, sheet)))


def _grades(learners: Sequence[Learner], sheets: Sequence[str]) -> list[list[str]]:
    """All there is to say of each learner."""
    titles = [title_of(s) for s in sheets]
    head = [*CANVAS, *MOODLE, *titles, *WORKSHEET, "To be marked", "Notes", "Sandbox"]
    return [head, *(_row(one, sheets) for one in learners)]


def _row(one: Learner, sheets: Sequence[str]) -> list[str]:
    points = [number(mark.earned) if (mark := one.on(s)) else "" for s in sheets]
    total = [number(one.earned), number(one.possible)] if one.marks else ["", ""]
    pending = [t["id"] for m in one.marks for t in m.pending]
    notes = [n for m in one.marks for n in notes_of(m)] or ["No submission."] * (not one.marks)
    boxed = LOUD if any(m.unsafe for m in one.marks) else "yes" if one.marks else ""
    about = [*_canvas_person(one), _participant(one), *_moodle_person(one)]
    rest = ["\n".join(map(_comment, one.marks)).strip(), ", ".join(pending), " ".join(notes), boxed]
    return [*about, *points, *total, *rest]


def _canvas(learners: Sequence[Learner], sheets: Sequence[str]) -> list[list[str]]:
    """Points: of a sheet with an answer that a person has yet to mark, none."""
    most = ["Points Possible", "", "", "", "", *(number(points_of(s)) for s in sheets)]
    rows = [[*_canvas_person(one), *(_final(one.on(s)) for s in sheets)] for one in learners]
    return [[*CANVAS, *map(title_of, sheets)], most, *rows]


def _moodle(learners: Sequence[Learner], sheet: str) -> list[list[str]]:
    """The grading worksheet of one assignment: those whose points are final.

    A row without a grade would take back the comment that is in Moodle.
    """
    rows = []
    for one in learners:
        mark = one.on(sheet)
        if mark is not None and (points := _final(mark)):
            person = [_participant(one, mark), *_moodle_person(one)]
            grade = [points, number(points_of(sheet)), one.person.get(MODIFIED, "")]
            rows.append([*person, *grade, _comment(mark)])
    return [[*MOODLE, *WORKSHEET[:2], MODIFIED, WORKSHEET[2]], *rows]


def _final(mark: Mark | None) -> str:
    """The points, if no person has to give more."""
    return "" if mark is None or mark.pending else number(mark.earned)


def _canvas_person(one: Learner) -> list[str]:
    values = [one.person.get(c, "") for c in CANVAS]
    ids = _ids(one, "canvas")
    return [values[0] or one.shown, values[1] or (ids[0] if len(ids) == 1 else ""), *values[2:]]


def _moodle_person(one: Learner) -> list[str]:
    return [one.person.get("Full name", "") or one.shown, one.person.get("Email address", "")]


def _participant(one: Learner, mark: Mark | None = None) -> str:
    """As Moodle writes it. The number is another for each assignment: first the mark's own."""
    own = _ids(one, "moodle", [mark] if mark else None)
    if one.person.get("Identifier") and not (mark and own):
        return one.person["Identifier"]
    return f"Participant {own[0]}" if len(own) == 1 else ""


def _ids(one: Learner, platform: str, marks: Sequence[Mark] | None = None) -> list[str]:
    """The different numbers in the names of what a learner handed in."""
    marks = one.marks if marks is None else marks
    return list(dict.fromkeys(i for m in marks if m.platform == platform for i in m.ids))


def notes_of(mark: Mark) -> list[str]:
    """What a person should know of a mark, or do about it."""
    again = [t["again"] for t in mark.tasks if t.get("again")]
    hand = ", ".join(t["id"] for t in mark.tasks if t.get("check_by_hand"))
    by_hand = [f"Look at {hand} by hand."] if hand else []
    refused = [f"Not graded. {mark.refused}"] if mark.refused else []
    late = [mark.late_says] if mark.late_says else []
    set_again = [t["set_again"] for t in mark.tasks if t.get("set_again")]
    return [*refused, *late, *again, *mark.for_instructor, *set_again, *by_hand]


def _comment(mark: Mark) -> str:
    """A line for the learner on each task without full marks."""
    if mark.refused:
        return f"{mark.file}: {mark.refused}"
    parts = []
    for task in mark.tasks:
        if adjusted := task.get("adjusted"):
            comment = f": {adjusted['comment']}" if adjusted["comment"] else ""
            parts.append(f"{task['id']}: adjusted to {number(adjusted['to'])}{comment}")
        elif not task["right"]:
            got = "to be marked" if task["earned"] is None else f"{number(task['earned'])}"
            parts.append(f"{task['id']} ({got} of {number(task['points'])}): {task['says']}")
    return "\n".join([*parts, mark.late_says] if mark.late_says else parts)


# Cells


def csv_of(rows: Sequence[Sequence[str]]) -> str:
    """A table as text. Every cell is quoted, and none is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([cell(c) for c in row] for row in rows)
    return text.getvalue()


_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # the last four are as wide as Chinese characters
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_FORMULA = re.compile(
    rf"((?:\A|[;,\t\n])[^\S\t\n]*)(?=[{_SIGNS}])(?!{_NUMBER}[^\S\n]*(?:[;,\t\n\])]|\Z))"
)


def cell(text: str) -> str:
    """`text` with a ' before what a spreadsheet would run, also where one splits at ; or a tab.

    A German Excel splits at every ; and does not see quotation marks in between. Numbers stay.
    """
    text = visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\t\n")
    return _FORMULA.sub(r"\1'", text)


def title_of(sheet: str) -> str:
    return sheet.replace("_", " ").capitalize()


def points_of(sheet: str) -> float:
    return sum(t.points for t in SHEETS[sheet].TASKS)
