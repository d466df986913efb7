"""Marks that a person gives: `manual.csv`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lrcourse.grading.files import save
from lrcourse.grading.grade import Mark
from lrcourse.grading.pages import number
from lrcourse.grading.tables import BOM, cell, csv_of
from lrcourse.tasks import TASKS

MANUAL = ("learner", "file", "task", "points", "of", "comment", "answer", "earlier")


def merge_manual(marks: Sequence[Mark], path: Path) -> list[str]:
    """Take the points that a person has written into manual.csv; list there what is left to mark.

    Points belong to the text that stands beside them: for another text they are asked for again,
    and kept as a note. Returns a sentence for each entry that makes no sense.
    """
    given, wrong = _given(path)
    if wrong:  # what could not be read is not overwritten
        return wrong
    rows, listed = [], set()
    for mark in marks:
        for task in mark.tasks:
            if TASKS[task["id"]].kind != "manual" or mark.refused:
                continue
            listed.add((mark.place, task["id"]))
            row = _for_this_text(given.get((mark.place, task["id"]), {}), task)
            wrong += _take_points(row, task, f"{path.name}: {mark.learner}, {task['id']}")
            known = {"learner": mark.learner, "file": mark.place, "task": task["id"]}
            row |= known | {"of": task["points"], "answer": task.get("answer", "")}
            rows.append([str(row.get(column, "")) for column in MANUAL])
    # Points of somebody who is not graded this time stay where they are.
    for key, row in given.items():
        if key not in listed and (row["points"] or row.get("earlier")):
            rows.append([row.get(column, "") for column in MANUAL])
    if rows:
        save(path, BOM + csv_of([MANUAL, *rows]))
    return wrong


def _for_this_text(row: dict[str, str], task: dict) -> dict[str, str]:
    """The row, with points that were given for another text moved to its note."""
    points, earlier = row.get("points", ""), row.get("earlier", "")
    if points and "answer" in row and not _same_text(row["answer"], task.get("answer", "")):
        said = f": {row['comment']}" if row.get("comment") else ""
        note = f"{points} of {number(task['points'])} for an earlier text{said}"
        points, earlier = "", " | ".join(filter(None, (earlier, note)))
        row = {**row, "points": points, "comment": "", "earlier": earlier}
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
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        return {}, [f"{path.name} is not UTF-8: save it as CSV UTF-8. It was left as it is"]
    heading = text.partition("\n")[0]
    separator = ";" if heading.count(";") > heading.count(",") else ","  # as Excel writes it
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        close = f'is every quotation mark (") closed? {path.name} was left as it is'
        return {}, [f"{path.name} is no table ({error}): {close}"]
    if rows and not {"file", "task", "points"} <= set(rows[0]):
        columns = ", ".join(MANUAL)
        return {}, [f"{path.name} has lost its columns, {columns}: it was left as it is"]
    plain = [{c: (row[c] or "").strip().lstrip("'") for c in MANUAL if c in row} for row in rows]
    return {(row["file"], row["task"]): row for row in plain}, []


def _points(text: str, most: float) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= most else None
