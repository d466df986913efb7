"""What the grader writes for people: a page for each learner, a summary, the tables.

Every text of a submission is data here: escaped in the pages, which hold no script, load nothing
and forbid both to the browser; and never a formula in a table.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from html import escape
from pathlib import Path
from statistics import fmean, median

from lrcourse.grading.files import save
from lrcourse.grading.grade import LOUD, Mark
from lrcourse.grading.names import readable, visible
from lrcourse.grading.pages import figure, page, prose, table
from lrcourse.grading.roster import Person, kept_number, match, name_of
from lrcourse.grading.tables import (
    BOM,
    cell,
    csv_of,
    notes_of,
    number,
    title_of,
    write_grades,
)
from lrcourse.tasks import SHEETS, TASKS, Curves, Task

# Learners


class Learner:
    """A person and what they handed in: at most one mark for each sheet."""

    def __init__(self, name: str, person: Person | None = None, ids: tuple[str, ...] = ()) -> None:
        self.name, self.person, self.ids = name, person or {}, ids
        self.marks: list[Mark] = []

    @property
    def place(self) -> str:
        whole = repr((self.name, self.ids))  # what else the roster holds may change
        return f"{readable(self.name, 60)}-{sha256(whole.encode()).hexdigest()[:6]}.html"

    @property
    def earned(self) -> float:
        return round(sum(m.earned for m in self.marks), 4)

    @property
    def possible(self) -> float:
        return sum(m.possible for m in self.marks)

    def on(self, sheet: str) -> Mark | None:
        return next((m for m in self.marks if m.sheet == sheet), None)


def learners_of(marks: Sequence[Mark], people: Sequence[Person] = ()) -> list[Learner]:
    """Everybody on the roster, then those who are not on it, each with their marks."""
    listed = [Learner(name_of(person), person, kept_number(person)) for person in people]
    found: list[Learner] = []
    for mark in marks:
        person = match([mark.learner, *mark.also], mark.ids, people)
        if person is not None:
            _take(next(one for one in listed if one.person is person), mark)
        else:
            _take_by_name(found, _with_other_names(mark))
    return listed + sorted(found, key=lambda one: one.name)


def _with_other_names(mark: Mark) -> Mark:
    """With a note that the folder in between could be the learner."""
    if not mark.also:
        return mark
    inner = "/".join(mark.also)
    note = (
        f"Taken as {mark.learner}'s, though it lies in {mark.learner}/{inner}. If {mark.also[0]} "
        f"is the learner: give a --roster with that name, or grade the folder {mark.learner} "
        f"by itself."
    )
    return replace(mark, for_instructor=[*mark.for_instructor, note])


def _take_by_name(found: list[Learner], mark: Mark) -> None:
    """Without a roster one name with two numbers is two people, surely so on the same sheet.

    Moodle gives a person another number for each assignment: on another sheet it is taken for the
    same person, and said.
    """
    same = [one for one in found if one.name == mark.learner]
    known = [one for one in same if any(m.ids == mark.ids for m in one.marks)]
    free = [one for one in same if not (mark.sheet and one.on(mark.sheet))]
    if not known and free:
        numbers = ", ".join(dict.fromkeys(n for m in (*free[0].marks, mark) for n in m.ids))
        note = f"Taken for one person: the numbers {numbers} of this name. A roster says if not."
        mark = replace(mark, for_instructor=[*mark.for_instructor, note])
    if not known and not free:
        free.append(Learner(mark.learner, ids=tuple(mark.ids) if same else ()))
        found += free
    _take((known or free)[0], mark)


def _take(learner: Learner, mark: Mark) -> None:
    """Give a mark to a learner: for each sheet the newest one, if two names are one person."""
    other = learner.on(mark.sheet) if mark.sheet else None
    if other is None:
        learner.marks.append(mark)
        return
    older, newer = sorted((other, mark), key=lambda m: (not m.refused, m.modified, m.earned))
    note = f"Also handed in, and replaced by this newer one: {older.file}."
    kept = replace(newer, for_instructor=[*newer.for_instructor, note])
    learner.marks[learner.marks.index(other)] = kept


# Marks that a person gives


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
    body = [_banner(marks), f'<p class="total">{_of(one.earned, one.possible)}.</p>']
    if later := sum(t["points"] for m in marks for t in m.pending):
        body.append(f"<p>{_of(later)} of these are still to be given by a person.</p>")
    if len(marks) > 1:
        rows = [[_link(f"#{_anchor(m)}", _titled(m)), _sheet_points(m)] for m in marks]
        body.append(table(("Sheet", "Points"), rows))
    body += [_sheet(mark) for mark in marks]
    return page(
        f"Feedback for {visible(one.name)}", "\n".join(body), f"Feedback for {_name(one.name)}"
    )


def _name(name: str) -> str:
    """A name in a page: one that is written from the right does not turn what stands beside it."""
    return f"<bdi>{escape(visible(name))}</bdi>"


def _titled(mark: Mark) -> str:
    return escape(title_of(mark.sheet)) if mark.sheet else _name(mark.file)


def _anchor(mark: Mark) -> str:
    return mark.sheet or f"file-{sha256(os.fsencode(mark.file)).hexdigest()[:6]}"


def _link(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{text}</a>'


def _sheet_points(mark: Mark) -> str:
    if not mark.tasks:
        return "not graded"
    return f"{number(mark.earned)} of {number(mark.possible)}"


def _of(earned: float, possible: float | None = None) -> str:
    """ "3 of 4 points", or "1 point"."""
    last = earned if possible is None else possible
    amount = number(earned) if possible is None else f"{number(earned)} of {number(possible)}"
    return f"{amount} {'point' if last == 1 else 'points'}"


def _sheet(mark: Mark) -> str:
    points = f"{_sheet_points(mark)}{' points' * bool(mark.tasks)}"
    body = [f'<h2 id="{_anchor(mark)}">{_titled(mark)}: {points}</h2>']
    if mark.refused:
        body.append(f"<p><strong>Not graded.</strong> {prose(mark.refused)}</p>")
    else:
        body += [_task(task) for task in mark.tasks]
    if mark.notes:
        notes = "".join(f"<li>{prose(note)}</li>" for note in mark.notes)
        body.append(f"<h3>About your notebook</h3><ul>{notes}</ul>")
    when = mark.graded.replace("T", " ")[:16]
    body.append(f'<p class="soft">{_name(mark.file)}, graded {escape(when)}</p>')
    return f"<section>{''.join(body)}</section>"


def _task(task: dict) -> str:
    name, sign, kind = _standing(task)
    points = "" if task["earned"] is None else f"{number(task['earned'])} of "
    body = [
        f"<h3>{escape(task['id'])} {escape(task['title'])}</h3>",
        f'<p class="got"><span aria-hidden="true">{sign}</span> {name}: {points}'
        f"{_of(task['points'])}</p>",
        f"<p>{prose(task['says'])}</p>",
    ]
    if task.get("curves"):
        body.append(figure(Curves(**task["curves"])))
    if kind in ("wrong", "partly"):
        body.append(_next_step(TASKS[task["id"]], task))
    if task.get("answer"):
        body.append(f"<h4>Your text</h4><pre>{escape(task['answer'])}</pre>")
    elif TASKS[task["id"]].kind == "manual":
        body.append("<p>There is no text of yours in the notebook.</p>")
    return f'<div class="task {kind}">{"".join(body)}</div>'


def _standing(task: dict) -> tuple[str, str, str]:
    """What became of a task, in words, as a sign, and as a class."""
    if task["earned"] is None:
        return "To be marked", "&#9998;", "open"
    if TASKS[task["id"]].kind == "manual":
        return "Marked", "&#9998;", "open"
    if task["right"]:
        return "Right", "&#10003;", "right"
    if task["earned"]:
        return "Partly right", "&#9680;", "partly"
    return "Not yet", "&#10007;", "wrong"


def _next_step(task: Task, got: dict) -> str:
    """The likely mistake, which a general hint may not fit, or that hint; and how to get more."""
    line = f'lrcourse.check("{task.id}", {task.answer_name})'
    if not got.get("called", True):
        says = f"Mend the cell first. Then <code>{escape(line)}</code> says if the answer is right."
    else:
        likely = f"Begin with the likely mistake that is named above: {got['mistake']}."
        nudge = likely if got["mistake"] else task.hints[0]
        says = (
            f"{prose(nudge)} For more hints, run this in your notebook: "
            f"<code>{escape(line)}.hint()</code>"
        )
    return f"<p><strong>What next?</strong> {says}</p>"


def _banner(marks: Sequence[Mark]) -> str:
    loud = any(m.unsafe for m in marks)
    return f'<p class="loud" role="alert">{escape(LOUD)}</p>' if loud else ""


# The summary


def summary_lines(learners: Sequence[Learner]) -> list[str]:
    """The summary as text: distribution, tasks most missed, likely mistakes counted."""
    marks = [m for one in learners for m in one.marks]
    lines = [LOUD, ""] if any(m.unsafe for m in marks) else []
    handed_in = sum(bool(one.marks) for one in learners)
    lines.append(f"{handed_in} of {len(learners)} learners, {len(marks)} notebooks.")
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
    found = _Found(sheet, marks)
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


class _Found:
    """What the marks of a sheet say of the class: of what is graded, in what is marked for all."""

    def __init__(self, sheet: str, marks: Sequence[Mark]) -> None:
        graded = [m for m in marks if not m.refused]
        tasks = [t for m in graded for t in m.tasks]
        later = sorted({t["id"] for t in tasks if t["earned"] is None})
        counted = [t for t in tasks if t["id"] not in later]
        most = sum(t.points for t in SHEETS[sheet].TASKS if t.id not in later)
        earned = [sum(t["earned"] for t in m.tasks if t["id"] not in later) for m in graded]
        self.says = _spread(earned, most) + _left_out(later, len(marks) - len(graded))
        # How many in each tenth of the points; full marks are in the last.
        tenths = Counter(min(9, int(10 * e / most)) for e in earned)
        self.distribution = [(f"{10 * k:3}-{10 * k + 10:3} %", tenths[k]) for k in range(10)]
        self.distribution *= bool(graded)
        tried = Counter(t["id"] for t in counted)
        right = Counter(t["id"] for t in counted if t["right"])
        shares = [(i, 1 - right[i] / n) for i, n in tried.items() if right[i] < n]
        self.missed = sorted(shares, key=lambda one: -one[1])[:5]
        mistakes = Counter((t["id"], t["mistake"]) for t in tasks if t["mistake"])
        self.mistakes = [(i, name, n) for (i, name), n in mistakes.most_common(10)]


def _spread(earned: Sequence[float], most: float) -> str:
    many = f"{len(earned)} notebook{'s' * (len(earned) != 1)}"
    if not earned:
        return f"{many} graded"
    return (
        f"{many}, {number(most)} points; mean {fmean(earned):.1f}, median {median(earned):.1f}, "
        f"{min(earned):g} to {max(earned):g}"
    )


def _left_out(later: Sequence[str], refused: int) -> str:
    """What is not in the numbers of the class."""
    says = f". Without {', '.join(later)}, which a person has yet to mark" if later else ""
    notebooks = "1 notebook that was" if refused == 1 else f"{refused} notebooks that were"
    return says + (f". Without {notebooks} not graded" if refused else "")


def write_summary(learners: Sequence[Learner], folder: Path) -> list[str]:
    """summary.txt and summary.html. Returns the lines of the first."""
    lines = [visible(line) for line in summary_lines(learners)]
    save(folder / "summary.txt", "\n".join(lines) + "\n")
    save(folder / "summary.html", page("Summary of the marks", _summary(learners)))
    return lines


def _summary(learners: Sequence[Learner]) -> str:
    marks = [m for one in learners for m in one.marks]
    handed_in = sum(bool(one.marks) for one in learners)
    body = [
        _banner(marks),
        f'<p class="total">{handed_in} of {len(learners)} learners handed in {len(marks)} '
        f"notebook{'s' * (len(marks) != 1)}.</p>",
        _for_you(learners),
        "<h2>Learners</h2>",
        _class_table(learners),
    ]
    for sheet in SHEETS:
        if on_it := [m for m in marks if m.sheet == sheet]:
            body.append(_sheet_of_class(sheet, _Found(sheet, on_it)))
    return "\n".join(body)


def _for_you(learners: Sequence[Learner]) -> str:
    """What a person should look at."""
    items = []
    if pending := sum(len(m.pending) for one in learners for m in one.marks):
        answers = "1 answer" if pending == 1 else f"{pending} answers"
        items.append(
            f"Mark {answers} by hand: write the points into <code>manual.csv</code> and run "
            f"<code>lrcourse grade</code> again."
        )
    for one in learners:
        for mark in one.marks:
            if notes := notes_of(mark):
                says = escape(visible(" ".join(notes)))
                items.append(f"{_name(one.name)}, {_name(mark.file)}: {says}")
    if not items:
        return ""
    listed = "".join(f"<li>{item}</li>" for item in items)
    return f"<h2>For you to look at</h2><ul>{listed}</ul>"


def _class_table(learners: Sequence[Learner]) -> str:
    sheets = [s for s in SHEETS if any(one.on(s) for one in learners)]
    head = ["Learner", *map(title_of, sheets), "All", "To be marked"]
    rows = []
    for one in learners:
        points = [number(one.on(s).earned) if one.on(s) else "&ndash;" for s in sheets]
        if not one.marks:
            rows.append([_name(one.name), *points, "nothing", ""])
            continue
        name = _link(f"feedback/{one.place}", _name(one.name))
        later = sum(t["points"] for m in one.marks for t in m.pending)
        total = f"{number(one.earned)} of {number(one.possible)}" if one.possible else "nothing"
        rows.append([name, *points, total, number(later) if later else ""])
    return (
        '<div class="wide" role="region" aria-label="Points of each learner" tabindex="0">'
        f"{table(head, rows)}</div>"
    )


def _sheet_of_class(sheet: str, found: _Found) -> str:
    body = [f"<h2>{title_of(sheet)}</h2><p>{found.says}.</p>"]
    if found.distribution:
        most = max(count for _, count in found.distribution)
        bars = [
            [label.replace("-", "&ndash;"), f"{_bar(count / most)}{count}"]
            for label, count in found.distribution
        ]
        body.append(table(("Share of the points", "Notebooks"), bars).replace('class="n"', ""))
    if found.missed:
        rows = [[f"{i} {escape(TASKS[i].title)}", f"{share:.0%}"] for i, share in found.missed]
        body.append("<h3>Most missed</h3>" + table(("Task", "Without full marks"), rows))
    if found.mistakes:
        rows = [[f"{i} {escape(name)}", str(count)] for i, name, count in found.mistakes]
        body.append("<h3>Likely mistakes</h3>" + table(("Mistake", "Times"), rows))
    return f"<section>{''.join(body)}</section>"


def _bar(share: float) -> str:
    return f'<span class="bar" style="width:{10 * share:.1f}rem"></span>' if share else ""


def write_all(marks: Sequence[Mark], folder: Path, people: Sequence[Person] = ()) -> list[str]:
    """All files of the results. Returns the summary's lines, problems first."""
    wrong = merge_manual(marks, folder / "manual.csv")
    learners = learners_of(marks, people)
    write_grades(learners, folder)
    write_feedback(learners, folder / "feedback")
    return [visible(line) for line in wrong] + write_summary(learners, folder)
