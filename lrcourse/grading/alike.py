"""Answers that are alike: between submissions, and to the public solutions. Shown, not judged.

Right answers to small questions are alike by themselves. So what counts is what few have in common:
runs of five words of code that are in the sheet, in the public solution or in many submissions say
nothing.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from lrcourse.grading.learners import Learner
from lrcourse.grading.notebooks import Refused, read_notebook
from lrcourse.tasks import SHEETS

LENGTH = 5  # words of a run
FEW = 0.2  # the share of the class that may have a run that still says something
ENOUGH = 8  # runs in common
MOST_PAIRS = 20
LONG = 30  # words of an answer that nobody else writes by chance
SOLUTIONS = Path(__file__).resolve().parents[2] / "exercises" / "solutions"


@dataclass(frozen=True)
class Pair:
    """Two submissions, and the share of the smaller one's own runs that the other has, too."""

    sheet: str
    one: Learner
    other: Learner
    share: float
    tasks: tuple[tuple[str, str, str], ...]  # the task, and the two answers


def words_of(code: str) -> list[str]:
    """The words of a piece of code: no comments, no layout."""
    try:
        found = [*tokenize.generate_tokens(io.StringIO(code).readline)]
    except (tokenize.TokenError, SyntaxError, ValueError):
        return re.findall(r"\w+|[^\w\s]", code)
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    return [token.string for token in found if token.type not in layout and token.string]


def runs_of(code: str) -> set[tuple[str, ...]]:
    words = words_of(code)[:20_000]
    return {tuple(words[i : i + LENGTH]) for i in range(len(words) - LENGTH + 1)}


def alike(learners: Sequence[Learner]) -> list[Pair]:
    """The pairs that have most of their own in common, most first."""
    found = [pair for sheet in SHEETS for pair in _on(sheet, learners)]
    return sorted(found, key=lambda pair: -pair.share)[:MOST_PAIRS]


def _on(sheet: str, learners: Sequence[Learner]) -> list[Pair]:
    marks = {one: mark for one in learners if (mark := one.on(sheet)) is not None}
    runs = {
        one: set().union(*(runs_of(text) for text in mark.answers.values()))
        for one, mark in marks.items()
    }
    common = Counter(run for own in runs.values() for run in own)
    most = max(2, FEW * len(runs))
    known = set().union(*map(runs_of, public_answers(sheet)))
    own = {one: {r for r in of if common[r] <= most and r not in known} for one, of in runs.items()}
    pairs = []
    for one, other in combinations(own, 2):
        both = own[one] & own[other]
        smaller = min(len(own[one]), len(own[other]))
        if len(both) >= ENOUGH and len(both) >= 0.5 * smaller:
            share = len(both) / smaller
            pairs.append(Pair(sheet, one, other, share, _side_by_side(both, sheet, one, other)))
    return pairs


def _side_by_side(
    both: set, sheet: str, one: Learner, other: Learner
) -> tuple[tuple[str, str, str], ...]:
    mine, theirs = one.on(sheet), other.on(sheet)
    assert mine is not None and theirs is not None
    return tuple(
        (task, text, theirs.answers[task])
        for task, text in mine.answers.items()
        if task in theirs.answers and runs_of(text) & runs_of(theirs.answers[task]) & both
    )


def like_the_solution(answers: dict[str, str], sheet: str) -> list[str]:
    """The tasks whose answer is the public solution, word for word.

    A short one says nothing alone: whoever writes it well writes it so. All of a sheet do.
    """
    known = {tuple(words_of(text)) for text in public_answers(sheet)}
    same = {
        task: len(words)
        for task, text in answers.items()
        if (words := tuple(words_of(text))) in known
    }
    if len(same) == len(answers) > 2:
        return list(same)
    return [task for task, length in same.items() if length >= LONG]


@cache
def public_answers(sheet: str) -> tuple[str, ...]:
    """The code of the public solutions, where this copy of the course has them."""
    try:
        raw = (SOLUTIONS / f"{sheet}.ipynb").read_bytes()
        return tuple(map(_without_marks, read_notebook("x.ipynb", raw).code))
    except (OSError, Refused):
        return ()


def _without_marks(code: str) -> str:
    kept: Iterable[str] = (line for line in code.split("\n") if "### " not in line)
    return "\n".join(kept)
