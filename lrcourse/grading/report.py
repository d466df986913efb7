"""What the grader writes for people: a page for each learner, a summary, the tables.

Every text of a submission is data here: escaped in the pages, which hold no script, load nothing
and forbid both to the browser; and never a formula in a table.
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from lrcourse.grading.adjust import LateRule, adjust, deduct, says_of
from lrcourse.grading.alike import Pair, alike, like_the_solution
from lrcourse.grading.analysis import Found, need_a_word
from lrcourse.grading.byhand import merge_manual, read_boxes
from lrcourse.grading.files import save
from lrcourse.grading.grade import LOUD, Graded, Mark
from lrcourse.grading.learners import Learner, learners_of
from lrcourse.grading.names import visible
from lrcourse.grading.pack import pack
from lrcourse.grading.pages import number, page
from lrcourse.grading.roster import Person
from lrcourse.grading.tables import notes_of, title_of, write_grades
from lrcourse.tasks import SHEETS, TASKS, Curves, Task

MOST_LISTED = 50  # files passed over, in the text

# A page for each learner


def write_feedback(learners: Sequence[Learner], folder: Path) -> None:
    """A page for each learner who handed something in; pages of nobody are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {one.place: one for one in learners if one.marks}
    for name, one in wanted.items():
        text = _feedback(one)
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            save(path, text)
    for old in folder.glob("*.html"):
        if old.name not in wanted:
            old.unlink()


def _feedback(one: Learner) -> str:
    marks = sorted(one.marks, key=lambda m: [*SHEETS, None].index(m.sheet))
    later = sum(t["points"] for m in marks for t in m.pending)
    sheets = [_sheet(mark) for mark in marks]
    return page("feedback.html", learner=one, later=later, sheets=sheets, loud=_loud(marks))


def _loud(marks: Sequence[Mark]) -> str:
    return LOUD if any(m.unsafe for m in marks) else ""


def _sheet(mark: Mark) -> dict[str, Any]:
    return {
        "mark": mark,
        "title": title_of(mark.sheet) if mark.sheet else "",
        "anchor": mark.sheet or f"file-{sha256(os.fsencode(mark.file)).hexdigest()[:6]}",
        "points": _sheet_points(mark),
        "tasks": [_task(task) for task in mark.tasks],
        "when": mark.graded.replace("T", " ")[:16],
    }


def _sheet_points(mark: Mark) -> str:
    if not mark.tasks:
        return "not graded"
    return f"{number(mark.earned)} of {number(mark.possible)}"


def _task(task: dict) -> dict[str, Any]:
    standing, sign, kind = _standing(task)
    more = {
        "standing": standing,
        "sign": sign,
        "kind": kind,
        "curves": Curves(**task["curves"]) if task.get("curves") else None,
        "next": _next_step(TASKS[task["id"]], task) if kind in ("wrong", "partly") else "",
        "answer": task.get("answer", ""),
        "adjusted": says_of(task["adjusted"]) if task.get("adjusted") else "",
        "manual": TASKS[task["id"]].kind == "manual",
    }
    return {**task, **more}


def _standing(task: dict) -> tuple[str, str, str]:
    """What became of a task, in words, as a sign, and as a class."""
    if task["earned"] is None:
        return "To be marked", "\u270e", "open"
    if TASKS[task["id"]].kind == "manual":
        return "Marked", "\u270e", "open"
    if task["right"]:
        return "Right", "\u2713", "right"
    if task["earned"]:
        return "Partly right", "\u25d0", "partly"
    return "Not yet", "\u2717", "wrong"


def _next_step(task: Task, got: dict) -> str:
    """The likely mistake, which a general hint may not fit, or that hint; and how to get more."""
    line = f'lrcourse.check("{task.id}", {task.answer_name})'
    if not got.get("called", True):
        return f"Mend the cell first. Then `{line}` says if the answer is right."
    likely = f"Begin with the likely mistake that is named above: {got['mistake']}."
    nudge = likely if got["mistake"] else task.hints[0]
    return f"{nudge} For more hints, run this in your notebook: `{line}.hint()`"


# The summary


def summary_lines(
    learners: Sequence[Learner], layout: str = "", passed_over: Sequence[str] = ()
) -> list[str]:
    """The summary as text: distribution, tasks most missed, likely mistakes counted."""
    marks = [m for one in learners for m in one.marks]
    lines = [LOUD, ""] if any(m.unsafe for m in marks) else []
    handed_in = sum(bool(one.marks) for one in learners)
    lines.append(f"{handed_in} of {len(learners)} learners, {len(marks)} notebooks.")
    lines += [f"Read as: {layout}. If it is not: --layout."] if layout else []
    if passed_over:
        lines.append(f"Files passed over: {len(passed_over)}.")
        lines += [f"  {path}" for path in passed_over[:MOST_LISTED]]
        lines += ["  ..."] * (len(passed_over) > MOST_LISTED)
    if refused := [m for m in marks if m.refused]:
        lines.append(f"Not graded: {len(refused)}.")
        lines += [f"  {m.learner}, {m.file}: {m.refused}" for m in refused]
    if pending := sum(len(m.pending) for m in marks):
        lines.append(f"Answers for a person to mark, in manual.csv: {pending}.")
    again = [f"  {m.learner}: {t['again']}" for m in marks for t in m.tasks if t.get("again")]
    lines += [f"To be marked again, in manual.csv: {len(again)}.", *again] if again else []
    for sheet in SHEETS:
        on_it = [m for m in marks if m.sheet == sheet]
        if on_it:
            lines += ["", *_sheet_lines(sheet, on_it)]
    return lines


def _sheet_lines(sheet: str, marks: Sequence[Mark]) -> list[str]:
    found = Found(sheet, marks)
    lines = [f"{title_of(sheet)}: {found.says}"]
    lines += [f"  {label} {'#' * count} {count}" for label, count in found.distribution]
    lines += ["  Most missed:"] if found.missed else []
    lines += [
        f"    {i}, {TASKS[i].title}: {share:.0%} without full marks" for i, share in found.missed
    ]
    lines += ["  Likely mistakes:"] if found.mistakes else []
    lines += [f"    {i}: {name}, {_times(count)}" for i, name, count in found.mistakes]
    return lines


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def write_summary(
    learners: Sequence[Learner],
    folder: Path,
    layout: str = "",
    passed_over: Sequence[str] = (),
    pairs: Sequence[Pair] = (),
) -> list[str]:
    """summary.txt and summary.html. Returns the lines of the first."""
    lines = [visible(line) for line in summary_lines(learners, layout, passed_over)]
    save(folder / "summary.txt", "\n".join(lines) + "\n")
    save(folder / "summary.html", _summary(learners, layout, passed_over, pairs))
    return lines


def _summary(
    learners: Sequence[Learner],
    layout: str,
    passed_over: Sequence[str],
    pairs: Sequence[Pair],
) -> str:
    marks = [m for one in learners for m in one.marks]
    handed_in = sum(bool(one.marks) for one in learners)
    columns, rows = _class_table(learners)
    by_sheet = {s: [m for m in marks if m.sheet == s] for s in SHEETS}
    return page(
        "summary.html",
        layout=layout,
        passed_over=passed_over,
        pairs=pairs,
        words=need_a_word(learners),
        adjusted=sum(bool(t.get("adjusted")) for m in marks for t in m.tasks),
        loud=_loud(marks),
        handed_in=handed_in,
        notebooks=len(marks),
        learners=learners,
        look_at=_for_you(learners),
        columns=columns,
        rows=rows,
        sheets=[_sheet_of_class(s, on_it) for s, on_it in by_sheet.items() if on_it],
        titles={task.id: task.title for task in TASKS.values()},
    )


def _for_you(learners: Sequence[Learner]) -> list[dict[str, str]]:
    """What a person should look at."""
    items = []
    if pending := sum(len(m.pending) for one in learners for m in one.marks):
        answers = "1 answer" if pending == 1 else f"{pending} answers"
        says = (
            f"Mark {answers} by hand: write the points into `manual.csv` and run `lrcourse grade` "
            f"again."
        )
        items.append({"name": "", "file": "", "says": says})
    for one in learners:
        for mark in one.marks:
            solved = like_the_solution(mark.answers, mark.sheet) if mark.sheet else []
            notes = notes_of(mark)
            if solved:
                notes += [f"Word for word the public solution: {', '.join(solved)}."]
            if notes:
                items.append({"name": one.shown, "file": mark.file, "says": " ".join(notes)})
    return items


def _class_table(learners: Sequence[Learner]) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the columns, and a row for each learner."""
    sheets = [s for s in SHEETS if any(one.on(s) for one in learners)]
    columns = ["Learner", *map(title_of, sheets), "All", "To be marked"]
    return columns, [_class_row(one, sheets) for one in learners]


def _class_row(one: Learner, sheets: Sequence[str]) -> dict[str, Any]:
    marks = [one.on(s) for s in sheets]
    points = [number(mark.earned) if mark else "\u2013" for mark in marks]
    if not one.marks:
        return {"name": one.shown, "page": "", "cells": [*points, "nothing", ""]}
    later = sum(t["points"] for m in one.marks for t in m.pending)
    total = f"{number(one.earned)} of {number(one.possible)}" if one.possible else "nothing"
    cells = [*points, total, number(later) if later else ""]
    return {"name": one.shown, "page": one.place, "cells": cells}


def _sheet_of_class(sheet: str, marks: Sequence[Mark]) -> dict[str, Any]:
    found = Found(sheet, marks)
    most = max((count for _, count in found.distribution), default=1)
    return {"title": title_of(sheet), "found": found, "most": most}


# To mark by question, and what is alike


def write_marking(learners: Sequence[Learner], folder: Path, hide_names: bool = False) -> None:
    """A page for each task that a person marks: all answers to it, one below the other."""
    folder.mkdir(parents=True, exist_ok=True)
    boxes, _ = read_boxes(folder.parent / "rubrics.csv")
    for task in (t for t in TASKS.values() if t.kind == "manual"):
        answers = [_answer(one, task.id, hide_names) for one in learners]
        found = sorted((a for a in answers if a is not None), key=lambda a: a["row"])
        own = {box: about for (i, box), about in boxes.items() if i == task.id}
        page_of = folder / f"{task.id}.html"
        if found:
            save(page_of, page("marking.html", task=task, answers=found, boxes=own, loud=""))
        else:
            page_of.unlink(missing_ok=True)


def _answer(one: Learner, task_id: str, hide_names: bool) -> dict[str, Any] | None:
    mark = one.on(TASKS[task_id].sheet)
    task = next((t for t in mark.tasks if t["id"] == task_id), None) if mark else None
    if mark is None or task is None or mark.refused:
        return None
    row = sha256(mark.place.encode()).hexdigest()[:8] if hide_names else mark.place
    return {"row": row, "name": "" if hide_names else one.shown, "task": task}


def write_alike(learners: Sequence[Learner], folder: Path) -> list[Pair]:
    """alike.html: answers that few have in common, side by side."""
    pairs = alike(learners)
    path = folder / "alike.html"
    if pairs:
        save(path, page("alike.html", pairs=pairs, loud=""))
    else:
        path.unlink(missing_ok=True)
    return pairs


def write_all(
    marks: Sequence[Mark],
    folder: Path,
    people: Sequence[Person] = (),
    *,
    late: LateRule | None = None,
    hide_names: bool = False,
    platform: str | None = None,
) -> list[str]:
    """All files of the results. Returns the summary's lines, problems first.

    `late`: what is taken off for what came late. `hide_names`: mark written answers without them.
    `platform`: "moodle" or "canvas", for an archive of the feedback.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wrong = merge_manual(marks, folder / "manual.csv", hide_names)
    learners = learners_of(marks, people)
    wrong += adjust(learners, folder / "adjustments.csv")
    deduct(learners, late or LateRule())
    write_grades(learners, folder)
    write_feedback(learners, folder / "feedback")
    write_marking(learners, folder / "marking", hide_names)
    wrong += pack(learners, folder, platform) if platform else []
    layout, passed_over = "", list[str]()
    if isinstance(marks, Graded):
        layout, passed_over = marks.layout, marks.passed_over
    pairs = write_alike(learners, folder)
    lines = write_summary(learners, folder, layout, passed_over, pairs)
    return [visible(line) for line in wrong] + lines
