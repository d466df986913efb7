"""Any mark, adjusted by a person: `adjustments.csv`; and rules for what came late.

    learner,task,points,comment
    ada,step_decay.1,2,"Right, in another way"
    bob,step_decay.3,+0.5,"Half a point for the idea"

Points without a sign take the place of those given; with one they are added. They are applied to
the marks anew each time, so that they survive grading again.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path

from lrcourse.grading.byhand import read_table
from lrcourse.grading.files import save
from lrcourse.grading.grade import Mark
from lrcourse.grading.learners import Learner
from lrcourse.grading.pages import number
from lrcourse.grading.roster import known_as, squeezed
from lrcourse.grading.tables import BOM, csv_of
from lrcourse.tasks import TASKS

COLUMNS = ("learner", "task", "points", "comment")
DAY = 86_400


def adjust(learners: Sequence[Learner], path: Path) -> list[str]:
    """Apply `adjustments.csv`, which is made if there is none. A sentence for each row that makes
    no sense, which then changes nothing."""
    if not path.exists():
        save(path, BOM + csv_of([COLUMNS]))
        return []
    rows, wrong = read_table(path, {"learner", "task", "points"})
    for row in rows:
        if any(row.values()) and (says := _adjust_one(learners, row)):
            wrong.append(f"{path.name}: {row['learner']}, {row['task']}: {says}")
    return wrong


def _adjust_one(learners: Sequence[Learner], row: dict[str, str]) -> str:
    found = named(learners, row["learner"])
    if len(found) != 1:
        return "nobody is called so" if not found else f"{len(found)} people are called so"
    if row["task"] not in TASKS:
        return "there is no such task"
    task = _task_of(found[0], row["task"])
    if task is None:
        return "this sheet was not handed in"
    before, given = task["earned"], row["points"].replace(",", ".")
    try:
        value = float(given) + ((before or 0.0) if given[:1] in "+-" else 0.0)
    except ValueError:
        return f"{row['points']!r} is no number"
    if not 0 <= value <= task["points"]:
        return f"give what leaves 0 to {number(task['points'])} points, not {number(value)}"
    comment = row.get("comment", "")
    task["adjusted"] = {"from": before, "to": round(value, 4), "comment": comment}
    task["earned"], task["right"] = round(value, 4), value == task["points"]
    return ""


def _task_of(learner: Learner, task: str) -> dict | None:
    mark = learner.on(TASKS[task].sheet)
    tasks = mark.tasks if mark is not None else []
    return next((one for one in tasks if one["id"] == task), None)


def named(learners: Sequence[Learner], name: str) -> list[Learner]:
    """Who is meant: by the name as it is shown, else by any that the roster knows."""
    exact = [one for one in learners if name in (one.shown, one.name)]
    wanted = squeezed(name)
    return exact or [
        one for one in learners if wanted in {squeezed(one.name), *known_as(one.person)}
    ]


def says_of(adjusted: dict) -> str:
    """What became of a mark, for its learner."""
    before = "no points" if adjusted["from"] is None else number(adjusted["from"])
    comment = f": {adjusted['comment']}" if adjusted["comment"] else "."
    return f"Adjusted by your instructor, from {before} to {number(adjusted['to'])}{comment}"


# What came late


@dataclass(frozen=True, kw_only=True)
class LateRule:
    """What is taken off for each day, begun or whole, after `due`; extensions by name."""

    due: datetime | None = None
    per_day: float = 0.0  # percent of what was earned
    most: float = 100.0  # percent
    extensions: dict[str, datetime] = field(default_factory=dict)  # as `squeezed` writes a name

    def __post_init__(self) -> None:
        for name in ("per_day", "most"):
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"{name} is a percentage, 0 to 100, got {getattr(self, name)}")

    def due_for(self, learner: Learner) -> datetime | None:
        """The day of one person: the class's, or their extension."""
        names = [squeezed(learner.name), squeezed(learner.shown), *known_as(learner.person)]
        return next((self.extensions[n] for n in names if n in self.extensions), self.due)


def deduct(learners: Sequence[Learner], rule: LateRule) -> None:
    """Take off what came late; say so on the mark, for the learner and the instructor."""
    for one in learners:
        for mark in one.marks:
            _deduct(mark, rule, rule.due_for(one))


def _deduct(mark: Mark, rule: LateRule, due: datetime | None) -> None:
    mark.deducted, mark.late_says = 0.0, ""
    seconds = mark.modified - due.timestamp() if due is not None and mark.modified else 0.0
    if seconds > 0 and due is not None:
        days = ceil(seconds / DAY)
        share = min(rule.most, rule.per_day * days) / 100
        mark.deducted = round(share * sum(t["earned"] or 0.0 for t in mark.tasks), 2)
        about = f"{days} day{'s' * (days != 1)} after {due:%Y-%m-%d %H:%M}"
        taken = f": {share:.0%} taken off, {number(mark.deducted)} points" if share else ""
        mark.late_says = f"Handed in late, {about}{taken}."
    elif mark.late and due is None:
        mark.late_says = "Handed in late, the platform says."
    elif mark.late:
        mark.late_says = (
            "The platform says that it came late, the file is of before its day: nothing taken off."
        )


def read_time(text: str) -> datetime:
    """A day, or a day and a time, of this machine's clock. Raises `ValueError`."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time: write 2026-12-01, or 2026-12-01 23:59") from None
    if len(text.strip()) == len("2026-12-01"):
        time = time.replace(hour=23, minute=59, second=59)  # the day itself is in time
    return time.astimezone()


def read_extensions(path: Path) -> dict[str, datetime]:
    """A CSV with the columns `learner` and `due`. Raises `ValueError`."""
    text = path.read_text(encoding="utf-8-sig")
    separator = ";" if text.partition("\n")[0].count(";") else ","
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    if not rows or not {"learner", "due"} <= set(rows[0]):
        raise ValueError(f"{path} needs the columns learner and due, and a row for each extension")
    return {squeezed(row["learner"] or ""): read_time(row["due"] or "") for row in rows}
