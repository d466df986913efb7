"""What the marks of a sheet say of the class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import correlation, fmean, median

from lrcourse.grading.grade import Mark
from lrcourse.grading.learners import Learner
from lrcourse.grading.pages import number
from lrcourse.tasks import SHEETS


@dataclass(frozen=True)
class Item:
    """A task as an item of a test."""

    id: str
    count: int  # who handed it in
    mean: float  # the share of its points that the class reached: how easy it is
    discrimination: float | None  # correlation with the rest of the sheet; None: it cannot be told

    @property
    def says(self) -> str:
        """What to look at, if something is odd."""
        if self.discrimination is not None and self.discrimination < 0 and self.count >= MANY:
            return "who is good at the rest is worse at this one: is the question clear?"
        if self.mean < 0.2 and self.count >= MANY:
            return "hardly anybody gets it: was it taught?"
        return ""


MANY = 8  # learners, from which on such numbers say something


def _item(task: str, marks: Sequence[Mark]) -> Item:
    own, rest = [], []
    for mark in marks:
        shares = {t["id"]: t["earned"] / t["points"] for t in mark.tasks if t["earned"] is not None}
        if task in shares:
            others = [share for other, share in shares.items() if other != task]
            own.append(shares[task])
            rest.append(fmean(others) if others else 0.0)
    told = len(own) > 2 and len(set(own)) > 1 and len(set(rest)) > 1
    return Item(task, len(own), fmean(own), correlation(own, rest) if told else None)


@dataclass(frozen=True)
class Word:
    """A learner who needs a word, and why."""

    learner: Learner
    why: str


def need_a_word(learners: Sequence[Learner]) -> list[Word]:
    """Who handed in nothing, or has less than a third, or left half of it unanswered."""
    found = []
    for one in learners:
        tasks = [t for m in one.marks for t in m.tasks if t["earned"] is not None]
        possible = sum(t["points"] for t in tasks)
        empty = sum(not t.get("called", True) or "no answer yet" in t["says"] for t in tasks)
        if not one.marks:
            found.append(Word(one, "handed in nothing"))
        elif any(m.refused for m in one.marks):
            found.append(Word(one, "handed in something that could not be graded"))
        elif tasks and empty * 2 > len(tasks):
            found.append(Word(one, f"{empty} of {len(tasks)} tasks without an answer that runs"))
        elif possible and sum(t["earned"] for t in tasks) < possible / 3:
            found.append(Word(one, "less than a third of the points"))
    return found


class Found:
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
        self.items = [_item(i, graded) for i in tried]
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
