"""Marks that a person gives: `manual.csv`."""

import csv
import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from lrcourse.grading.files import save
from lrcourse.grading.grade import Mark
from lrcourse.grading.pages import number
from lrcourse.grading.tables import BOM, cell, csv_of
from lrcourse.tasks import TASKS

MANUAL = ("learner", "file", "task", "points", "of", "comment", "boxes", "answer", "earlier")
BOXES = ("task", "box", "points", "comment")


def merge_manual(marks: Sequence[Mark], path: Path, hide_names: bool = False) -> list[str]:
    """Take the points that a person has written into manual.csv; list there what is left to mark.

    Points belong to the text that stands beside them: for another text they are asked for again,
    and kept as a note. `hide_names`: the column of learners stays empty, and their files are
    called by a number. Returns a sentence for each entry that makes no sense.
    """
    given, wrong = _given(path)
    boxes, lost = read_boxes(path.with_name("rubrics.csv"))
    if wrong or lost:  # what could not be read is not overwritten
        return wrong + lost
    rows: list[list[str]] = []
    listed: set[tuple[str, str]] = set()
    for mark in marks:
        for task in mark.tasks:
            if TASKS[task["id"]].kind != "manual" or mark.refused:
                continue
            hidden = sha256(mark.place.encode()).hexdigest()[:8]
            keys = [(mark.place, task["id"]), (hidden, task["id"])]
            listed |= set(keys)
            before = next((given[key] for key in keys if key in given), {})
            row = _for_this_text(before, task)
            where = f"{path.name}: {mark.learner}, {task['id']}"
            by_boxes = bool(row.get("boxes")) and not row.get("points")
            wrong += (_ticked if by_boxes else _by_points)(row, task, boxes, where)
            known = {"learner": mark.learner, "file": mark.place, "task": task["id"]}
            known |= {"learner": "", "file": hidden} if hide_names else {}
            row |= known | {"of": task["points"], "answer": task.get("answer", "")}
            rows.append([str(row.get(column, "")) for column in MANUAL])
    # Points of somebody who is not graded this time stay where they are.
    for key, row in given.items():
        if key not in listed and (row["points"] or row.get("earlier")):
            rows.append([row.get(column, "") for column in MANUAL])
    if rows:
        rows.sort(key=lambda row: (row[2], row[1] if hide_names else row[0]))  # by question
        save(path, BOM + csv_of([MANUAL, *rows]))
    return wrong


Boxes = dict[tuple[str, str], tuple[float, str]]


def read_boxes(path: Path) -> tuple[Boxes, list[str]]:
    """The boxes of `rubrics.csv`, which is made if there is none: (task, box) to what it is worth,
    which may be below 0, and what is said to the learner. Sentences for what makes no sense."""
    manual = [t for t in TASKS.values() if t.kind == "manual"]
    if not path.exists():
        examples = [[t.id, "A", str(t.points), "All that the question asks for."] for t in manual]
        save(path, BOM + csv_of([BOXES, *examples]))
    rows, wrong = read_table(path, {*BOXES})
    boxes: Boxes = {}
    for row in rows:
        try:
            worth = float(row["points"].replace(",", "."))
        except ValueError:
            wrong.append(
                f"{path.name}: {row['task']}, {row['box']}: {row['points']!r} is no number"
            )
            continue
        boxes[row["task"], row["box"].upper()] = (worth, row["comment"])
    return boxes, wrong


def _ticked(row: dict[str, str], task: dict, boxes: Boxes, where: str) -> list[str]:
    """Take points and comment of the boxes that are ticked, "A C"; what is written by hand goes
    before. A sentence for a box that does not exist."""
    ticked = row.get("boxes", "").upper().replace(",", " ").split()
    unknown = [box for box in ticked if (task["id"], box) not in boxes]
    if unknown:
        task["earned"] = None
        return [f"{where}: there is no box {unknown[0]} in rubrics.csv"]
    chosen = [boxes[task["id"], box] for box in ticked]
    worth = min(task["points"], max(0.0, sum(points for points, _ in chosen)))
    comment = " ".join([text for _, text in chosen if text] + [row.get("comment", "")]).strip()
    return _take_points({"points": number(worth), "comment": comment}, task, where)


def _by_points(row: dict[str, str], task: dict, _: Boxes, where: str) -> list[str]:
    return _take_points(row, task, where)


def _for_this_text(row: dict[str, str], task: dict) -> dict[str, str]:
    """The row, with points that were given for another text moved to its note."""
    points, earlier = row.get("points", ""), row.get("earlier", "")
    marked = points or row.get("boxes", "")
    if marked and "answer" in row and not _same_text(row["answer"], task.get("answer", "")):
        said = f": {row['comment']}" if row.get("comment") else ""
        note = f"{marked} of {number(task['points'])} for an earlier text{said}"
        points, earlier = "", " | ".join(filter(None, (earlier, note)))
        row = {**row, "points": points, "comment": "", "boxes": "", "earlier": earlier}
    has_changed = f"The text of {task['id']} has changed since it was marked ({earlier})."
    task["again"] = has_changed if earlier and not points else ""
    return dict(row)


def _same_text(one: str, other: str) -> bool:
    """Up to what a table does to a text: spaces, line ends, the sign before a formula."""
    return _as_in_a_table(one) == _as_in_a_table(other)


def _as_in_a_table(text: str) -> list[str]:
    return cell(text).replace("'", "").split()


def _take_points(row: dict[str, str], task: dict, where: str) -> list[str]:
    """Write the points of a row into the task. Returns a sentence if they are none."""
    points, task["earned"] = row.get("points", ""), None
    if points == "":
        return []
    value = _points(points, task["points"])
    if value is None:
        return [f"{where}: {points!r}: give a number from 0 to {task['points']}"]
    task["earned"], task["right"] = value, value == task["points"]
    task["says"] = row.get("comment") or "Marked by your instructor."
    return []


def _given(path: Path) -> tuple[dict[tuple[str, str], dict[str, str]], list[str]]:
    """The rows of manual.csv by file and task; or a sentence that says why it cannot be read."""
    rows, wrong = read_table(path, {"file", "task", "points"}, MANUAL)
    return {(row["file"], row["task"]): row for row in rows}, wrong


def read_table(
    path: Path, needed: set[str], columns: Sequence[str] = ()
) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of a table that a person has filled in, as any Excel saves it; or a sentence that
    says why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return [], []
    except UnicodeDecodeError:
        return [], [f"{path.name} is not UTF-8: save it as CSV UTF-8. It was left as it is"]
    heading = text.partition("\n")[0]
    separator = ";" if heading.count(";") > heading.count(",") else ","  # as Excel writes it
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        close = f'is every quotation mark (") closed? {path.name} was left as it is'
        return [], [f"{path.name} is no table ({error}): {close}"]
    if rows and not needed <= set(rows[0]):
        names = ", ".join(columns or sorted(needed))
        return [], [f"{path.name} has lost its columns, {names}: it was left as it is"]
    kept = [{c: v for c, v in row.items() if c and type(v) is not list} for row in rows]
    return [{c: _plain(v or "") for c, v in row.items()} for row in kept], []


def _plain(text: str) -> str:
    """As it was before the sign that keeps a spreadsheet from running it."""
    return text.strip().lstrip("'")


def _points(text: str, most: float) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= most else None
