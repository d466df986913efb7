"""What the marks of a sheet say of the class."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

from lrcourse.grading.grade import Mark
from lrcourse.grading.pages import number
from lrcourse.tasks import SHEETS


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
