"""What the grader writes for people: grades.csv, a page for each learner, and a summary.

Every text of a submission is data here: escaped in the pages, which hold no script, load nothing
and forbid both to the browser; and never a formula in a table.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from html import escape
from pathlib import Path
from statistics import fmean, median

from lrcourse.grading.grade import LOUD, Mark, save
from lrcourse.tasks import SHEETS, TASKS

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Identifier", "Full name", "Email address")
WORKSHEET = ("Grade", "Maximum Grade", "Feedback comments")
_NAMES = (
    "folder",
    "file",
    "username",
    "student",
    "full name",
    "name",
    *map(str.lower, CANVAS[1:4]),
)
_NAMES += ("identifier", "email address", "email", "id number")


# The roster


def read_roster(path: Path) -> list[dict[str, str]]:
    """The people of the class: the gradebook that Canvas or Moodle exports, or a list of names.

    One of the columns has to hold what the submission's file or folder is called: a name (Student,
    Full name, Name), a login (SIS Login ID, Username), an e-mail address, a number (ID,
    Identifier), or it is called `folder` or `file`. Raises `ValueError` if there is none.
    """
    text = path.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise ValueError(f"the roster {path} is empty")
    separator = max(",;\t", key=text.splitlines()[0].count)
    rows = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    known = [c for c in (rows[0] if rows else ()) if c and c.strip().lower() in _NAMES]
    if not known:
        raise ValueError(
            f"the roster {path} has no column that names a learner: call one Student, Full name, "
            f"SIS Login ID, Username, Email address, ID, folder or file"
        )
    people = [{(k or "").strip(): (v or "") for k, v in row.items() if k} for row in rows]
    return [p for p in people if any(p[c.strip()].strip() for c in known) and not _is_header(p)]


def _is_header(person: dict[str, str]) -> bool:
    """Canvas writes "Points Possible" and "Student, Test" rows among the people."""
    return person.get("Student", "").strip() in ("Points Possible", "Student, Test")


def _match(mark: Mark, people: Sequence[dict[str, str]]) -> dict[str, str] | None:
    ids = {_squeezed(i) for i in mark.ids}
    for person in people:
        values = {k: _squeezed(v) for k, v in person.items() if k.lower() in _NAMES and v.strip()}
        numbers = {v.removeprefix("participant") for v in values.values()}
        if ids & numbers or _squeezed(mark.learner) in values.values():
            return person
        mail = person.get("Email address", person.get("Email", "")).partition("@")[0]
        if mail and _squeezed(mail) == _squeezed(mark.learner):
            return person
    return None


def _squeezed(text: str) -> str:
    """Letters and digits only, and the words in order: "Lovelace, Ada" is "Ada Lovelace"."""
    words = re.findall(r"\w+", text.lower().replace("_", " "))
    return "".join(sorted(words)) if len(words) > 1 else "".join(words)


# Learners


class Learner:
    """A person and what they handed in: at most one mark for each sheet."""

    def __init__(self, name: str, person: dict[str, str] | None = None) -> None:
        self.name, self.person = name, person or {}
        self.marks: list[Mark] = []

    @property
    def place(self) -> str:
        readable = re.sub(r"\W+", "-", self.name).strip("-")[:60]
        return f"{readable}-{sha256(self.name.encode()).hexdigest()[:6]}.html"

    @property
    def earned(self) -> float:
        return round(sum(m.earned for m in self.marks), 4)

    @property
    def possible(self) -> float:
        return sum(m.possible for m in self.marks)

    def on(self, sheet: str) -> Mark | None:
        return next((m for m in self.marks if m.sheet == sheet), None)


def learners_of(marks: Sequence[Mark], people: Sequence[dict[str, str]] = ()) -> list[Learner]:
    """Everybody on the roster, then those who are not on it, each with their marks."""
    listed = [Learner(_name_of(person), person) for person in people]
    found: dict[str, Learner] = {}
    for mark in marks:
        person = _match(mark, people)
        if person is not None:
            learner = next(one for one in listed if one.person is person)
        else:
            learner = found.setdefault(mark.learner, Learner(mark.learner))
        _take(learner, mark)
    return listed + sorted(found.values(), key=lambda one: one.name)


def _take(learner: Learner, mark: Mark) -> None:
    """Give a mark to a learner: for each sheet the better one, if two names are one person."""
    other = learner.on(mark.sheet) if mark.sheet else None
    if other is None:
        learner.marks.append(mark)
        return
    worse, better = sorted((other, mark), key=lambda m: m.earned)
    note = f"Also handed in, for fewer points: {worse.file}."
    kept = replace(better, for_instructor=[*better.for_instructor, note])
    learner.marks[learner.marks.index(other)] = kept


def _name_of(person: dict[str, str]) -> str:
    order = ("Full name", "Student", "Name", "name", "Username", "SIS Login ID", "Email address")
    return next(
        (person[c] for c in order if person.get(c, "").strip()), next(iter(person.values()))
    )


# Marks that a person gives


MANUAL = ("learner", "file", "task", "points", "of", "comment", "answer")


def merge_manual(marks: Sequence[Mark], path: Path) -> list[str]:
    """Take the points that a person has written into manual.csv; list there what is left to mark.

    Returns a sentence for each entry that makes no sense.
    """
    given, wrong = _given(path)
    rows = []
    for mark in marks:
        for task in mark.tasks:
            if TASKS[task["id"]].kind != "manual" or mark.refused:
                continue
            points, comment = given.get((mark.place, task["id"]), ("", ""))
            task["earned"] = None
            if points != "":
                value = _points(points, task["points"])
                if value is None:
                    wrong.append(
                        f"{path.name}: {points!r} for {mark.learner}, {task['id']}: give a number "
                        f"from 0 to {task['points']}"
                    )
                else:
                    task["earned"] = value
                    task["right"] = value == task["points"]
                    task["says"] = comment or "Marked by your instructor."
            answer = task.get("answer", "")
            cells = (mark.learner, mark.place, task["id"], points, task["points"], comment, answer)
            rows.append([_no_formula(str(cell)) for cell in cells])
    if rows:
        save(path, _csv([MANUAL, *rows]))
    return wrong


def _given(path: Path) -> tuple[dict, list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    rows = list(csv.DictReader(io.StringIO(text)))
    if rows and not {"file", "task", "points"} <= set(rows[0]):
        return {}, [f"{path.name} has lost its columns: expected {', '.join(MANUAL)}"]
    keep = {}
    for row in rows:
        comment = (row.get("comment") or "").strip()
        keep[(row["file"] or "").lstrip("'"), row["task"]] = (
            (row["points"] or "").strip(),
            comment,
        )
    return keep, []


def _points(text: str, most: float) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= most else None


# grades.csv


def write_grades(learners: Sequence[Learner], folder: Path) -> None:
    """grades.csv, with the columns of Canvas and of Moodle; canvas.csv, ready to import there."""
    sheets = [s for s in SHEETS if any(one.on(s) for one in learners)]
    titles = [title_of(s) for s in sheets]
    head = [*CANVAS, *MOODLE, *titles, *WORKSHEET, "To be marked", "Notes", "Sandbox"]
    rows = [_row(one, sheets) for one in learners]
    save(folder / "grades.csv", _csv([head, *rows]))
    most = ["Points Possible", "", "", "", "", *(_number(points_of(s)) for s in sheets)]
    canvas = [[*row[:5], *row[8 : 8 + len(sheets)]] for row in rows]
    save(folder / "canvas.csv", _csv([[*CANVAS, *titles], most, *canvas]))


def _row(one: Learner, sheets: Sequence[str]) -> list[str]:
    person, name = one.person, one.name
    canvas = [person.get(c, "") for c in CANVAS]
    canvas[0] = canvas[0] or name
    moodle = [person.get(c, "") for c in MOODLE]
    moodle[1] = moodle[1] or name
    points = [_number(one.on(s).earned) if one.on(s) else "" for s in sheets]
    total = [_number(one.earned), _number(one.possible)] if one.marks else ["", ""]
    pending = [t["id"] for m in one.marks for t in m.pending]
    notes = [n for m in one.marks for n in [m.refused, *m.for_instructor] if n]
    notes += ["No submission."] if not one.marks else []
    hand = [t["id"] for m in one.marks for t in m.tasks if t.get("check_by_hand")]
    notes += [f"Look at {', '.join(hand)} by hand."] if hand else []
    boxed = LOUD if any(m.unsafe for m in one.marks) else "yes" if one.marks else ""
    cells = [*canvas, *moodle, *points, *total, _comment(one), ", ".join(pending)]
    return [_no_formula(c) for c in (*cells, " ".join(notes), boxed)]


def _comment(one: Learner) -> str:
    parts = []
    for mark in one.marks:
        if mark.refused:
            parts.append(f"{mark.file}: {mark.refused}")
            continue
        for task in mark.tasks:
            if not task["right"]:
                got = "to be marked" if task["earned"] is None else f"{_number(task['earned'])}"
                parts.append(f"{task['id']} ({got} of {_number(task['points'])}): {task['says']}")
    return "\n".join(parts)


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _no_formula(text: str) -> str:
    """A spreadsheet runs what begins so. A number stays a number."""
    risky = text[:1] in ("=", "+", "-", "@", "\t", "\r") and not re.fullmatch(r"-?[\d.]+", text)
    return f"'{text}" if risky else text


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def title_of(sheet: str) -> str:
    return sheet.replace("_", " ").capitalize()


def points_of(sheet: str) -> float:
    return sum(t.points for t in SHEETS[sheet].TASKS)


# Pages

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.4rem .6rem;border-bottom:1px solid #8886}td.n{white-space:nowrap}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid #8886;padding-left:.8rem}
.loud{border:3px solid #b00020;padding:.6rem 1rem;font-weight:bold}
.bar{display:inline-block;height:.8rem;background:#0072b2;vertical-align:middle}
"""


def _page(title: str, body: str) -> str:
    allowed = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body></html>\n"
    )


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
    body = [_banner(one.marks)]
    for mark in sorted(one.marks, key=lambda m: m.sheet or ""):
        body.append(f"<h2>{escape(title_of(mark.sheet) if mark.sheet else mark.file)}</h2>")
        if mark.refused:
            body.append(f"<p><strong>Not graded.</strong> {escape(mark.refused)}</p>")
        pending = sum(t["points"] for t in mark.pending)
        later = f", {_number(pending)} of them still to be marked by a person" if pending else ""
        if mark.tasks:
            earned, possible = _number(mark.earned), _number(mark.possible)
            body.append(f"<p>{earned} of {possible} points{later}.</p>")
            body.append(_tasks_table(mark))
        body += [_answer(t) for t in mark.tasks if t.get("answer")]
        if mark.notes:
            notes = "".join(f"<li>{escape(note)}</li>" for note in mark.notes)
            body.append(f"<h3>While your notebook ran</h3><ul>{notes}</ul>")
        body.append(f"<p><small>{escape(mark.file)}, graded {escape(mark.graded)}</small></p>")
    return _page(f"Feedback for {one.name}", "\n".join(body))


def _tasks_table(mark: Mark) -> str:
    rows = []
    for task in mark.tasks:
        got = "to be marked" if task["earned"] is None else _number(task["earned"])
        sign = "open" if task["earned"] is None else "right" if task["right"] else "not yet"
        rows.append(
            f'<tr><th scope="row">{escape(task["id"])}<br><small>{escape(task["title"])}</small>'
            f'</th><td class="n">{sign}</td><td class="n">{got} of {_number(task["points"])}</td>'
            f"<td>{escape(task['says'])}</td></tr>"
        )
    head = "".join(f'<th scope="col">{c}</th>' for c in ("Task", "", "Points", "What came out"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _answer(task: dict) -> str:
    return f"<h3>Your text for {escape(task['id'])}</h3><pre>{escape(task['answer'])}</pre>"


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
    for sheet in SHEETS:
        on_it = [m for m in marks if m.sheet == sheet]
        if on_it:
            lines += ["", *_sheet_lines(sheet, on_it)]
    return lines


def _sheet_lines(sheet: str, marks: Sequence[Mark]) -> list[str]:
    earned = [m.earned for m in marks]
    lines = [
        f"{title_of(sheet)}: {len(marks)} notebooks, {_number(points_of(sheet))} points; mean "
        f"{fmean(earned):.1f}, median {median(earned):.1f}, {min(earned):g} to {max(earned):g}"
    ]
    lines += [f"  {label} {'#' * count} {count}" for label, count in _distribution(sheet, earned)]
    missed = Counter(t["id"] for m in marks for t in m.tasks if t["earned"] is not None)
    right = Counter(t["id"] for m in marks for t in m.tasks if t["right"])
    shares = {i: 1 - right[i] / n for i, n in missed.items()}
    worst = sorted((i for i in shares if shares[i] > 0), key=lambda i: -shares[i])[:5]
    lines += ["  Most missed:"] if worst else []
    lines += [f"    {i}, {TASKS[i].title}: {shares[i]:.0%} without full marks" for i in worst]
    mistakes = Counter((t["id"], t["mistake"]) for m in marks for t in m.tasks if t["mistake"])
    lines += ["  Likely mistakes:"] if mistakes else []
    lines += [f"    {i}: {name}, {count} times" for (i, name), count in mistakes.most_common(10)]
    return lines


def _distribution(sheet: str, earned: Sequence[float]) -> list[tuple[str, int]]:
    """How many in each tenth of the points; full marks are in the last."""
    tenths = Counter(min(9, int(10 * e / points_of(sheet))) for e in earned)
    return [(f"{10 * k:3}-{10 * k + 10:3} %", tenths[k]) for k in range(10)]


def write_summary(learners: Sequence[Learner], folder: Path) -> list[str]:
    lines = summary_lines(learners)
    save(folder / "summary.txt", "\n".join(lines) + "\n")
    banner = _banner([m for one in learners for m in one.marks])
    links = "".join(
        f'<li><a href="feedback/{escape(one.place)}">{escape(one.name)}</a>: '
        f"{_number(one.earned)} of {_number(one.possible)}</li>"
        for one in learners
        if one.marks
    )
    text = escape("\n".join(lines))
    body = f"{banner}<pre>{text}</pre><h2>Feedback</h2><ul>{links}</ul>"
    save(folder / "summary.html", _page("Summary", body))
    return lines


def write_all(
    marks: Sequence[Mark], folder: Path, people: Sequence[dict[str, str]] = ()
) -> list[str]:
    """All files of the results. Returns the summary's lines, problems first."""
    wrong = merge_manual(marks, folder / "manual.csv")
    learners = learners_of(marks, people)
    write_grades(learners, folder)
    write_feedback(learners, folder / "feedback")
    return wrong + write_summary(learners, folder)
