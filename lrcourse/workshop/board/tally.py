"""What learners remember, counted for the room. All of it is checked: a learner can write anything.

A learner can forge their own row and their own vote, and nothing else.
"""

import json
import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from lrcourse.copies import originals
from lrcourse.tasks import TASKS
from lrcourse.widgets import questions

TURNS = ("first", "second")
EXPLAIN, DISCUSS = 0.35, 0.70  # shares of right first votes, below which one explains, or discusses
STUCK_TRIES, STUCK_SECONDS = 3, 300
STICKIES = ("stuck", "done")
POINTS = 20  # of a drawing, at most
WORD = 200  # letters of a vote, at most
Memory = dict[str, dict[str, Any]]

ADVICE = {
    "none": "Nobody has voted yet.",
    "explain": "Few are right: explain again before they vote a second time.",
    "discuss": "Opinions differ: let neighbours convince each other, then vote again.",
    "go on": "Most are right: open the answer and go on.",
    "": "",
}


def advice(right: int, votes: int) -> str:
    """What to do after a vote, as a key of `ADVICE` (peer instruction, Crouch and Mazur 2001).

    >>> advice(3, 10), advice(5, 10), advice(8, 10), advice(0, 0)
    ('explain', 'discuss', 'go on', 'none')
    """
    if not votes:
        return "none"
    share = right / votes
    return "explain" if share < EXPLAIN else "discuss" if share <= DISCUSS else "go on"


# Votes


@cache
def asked(lesson: str) -> dict[str, Any] | None:
    """What a lesson's `choose` asks: question, sketches in order, answer. None for other keys."""
    if lesson not in questions.lessons():
        return None
    about = questions.prediction(lesson)
    return {"question": about["question"], "names": [*about["sketches"]], "answer": about["answer"]}


@cache
def in_order() -> tuple[str, ...]:
    """What the lessons ask to predict, in their order: the keys of `choose` and of `draw`."""
    keys = []
    for notebook in sorted(originals().glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        keys += re.findall(r"\b(?:choose|draw)\(\s*[\"']([^\"']+)[\"']", code)
    return tuple(dict.fromkeys(keys))


def votes_on(key: str, memories: dict[str, Memory]) -> dict[str, dict[str, Any]]:
    """The votes on one prediction: by turn, by learner, whatever is shaped like a vote."""
    given: dict[str, dict[str, Any]] = {turn: {} for turn in TURNS}
    for name, memory in memories.items():
        kept = memory.get("votes", {}).get(key)
        for turn in TURNS:
            vote = kept.get(turn) if isinstance(kept, dict) else None
            if _is_choice(key, vote) or _is_drawing(vote):
                given[turn][name] = vote
    return given


def _is_choice(key: str, vote: Any) -> bool:
    if not isinstance(vote, str) or len(vote) > WORD:
        return False
    about = asked(key)
    return about is None or vote in about["names"]


def _is_drawing(vote: Any) -> bool:
    return isinstance(vote, list) and 2 <= len(vote) <= POINTS and all(map(_is_point, vote))


def _is_point(point: Any) -> bool:
    numbers = isinstance(point, list) and len(point) == 2
    return numbers and all(type(x) in (int, float) and math.isfinite(x) for x in point)


def prediction(key: str, phase: str, memories: dict[str, Memory]) -> dict[str, Any]:
    """One prediction, for the page: counts for a choice, curves for a drawing. No names."""
    given, about = votes_on(key, memories), asked(key)
    drawn = [[vote for vote in given[turn].values() if isinstance(vote, list)] for turn in TURNS]
    counts = [Counter(v for v in given[turn].values() if isinstance(v, str)) for turn in TURNS]
    names = about["names"] if about else sorted(counts[0] | counts[1])
    answer = about["answer"] if about else None
    first = sum(counts[0].values())
    says = advice(counts[0][str(answer)], first) if about else ""
    return {
        "key": key,
        "question": about["question"] if about else f"Draw: {key}",
        "phase": phase,
        "kind": "choose" if about or not any(drawn) else "draw",
        "names": names,
        "answer": answer if phase == "open" else None,
        "votes": [[count[name] for name in names] for count in counts],
        "drawings": drawn,
        "voted": [len(given[turn]) for turn in TURNS],
        "advice": ADVICE[says] if phase == "first" else "",
    }


# Exercises


@dataclass
class Progress:
    """Remembers when each learner last gained a point: a memory does not say."""

    gained: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def row(self, name: str, memory: Memory, now: float | None = None) -> dict[str, Any]:
        """One learner, for the page."""
        now = time.time() if now is None else now
        done = {
            task: kept for task in TASKS if (kept := _tried(memory.get("exercises", {}).get(task)))
        }
        said = memory.get("room", {}).get("sticky")
        sticky = said.get("says") if isinstance(said, dict) else ""
        return {
            "name": name,
            "sticky": sticky if sticky in STICKIES else "",
            "stuck": [task for task, kept in done.items() if self._stuck(name, task, *kept, now)],
            "passed": [
                task for task, (points, _, _) in done.items() if points >= TASKS[task].points
            ],
            "tries": sum(tries for _, tries, _ in done.values()),
            "quizzes": quizzes(memory),
            "predicted": [
                key
                for key in questions.lessons()
                if key in memory.get("votes", {}) or key in memory.get("choose", {})
            ],
        }

    def _stuck(
        self, name: str, task: str, points: float, tries: int, last: float, now: float
    ) -> bool:
        """Three tries or more, and five minutes since a point was gained by one of them."""
        before, since = self.gained.get((name, task), (-1.0, last))
        if points > before:
            since = last if before < 0 else now
            self.gained[name, task] = (points, since)
        full = points >= TASKS[task].points
        return not full and tries >= STUCK_TRIES and now - since >= STUCK_SECONDS


def _tried(kept: Any) -> tuple[float, int, float] | None:
    """Points, tries and the moment of the last try."""
    if not isinstance(kept, dict):
        return None
    points, tries = kept.get("points"), kept.get("tries")
    if (
        isinstance(points, bool)
        or not isinstance(points, (int, float))
        or not isinstance(tries, int)
    ):
        return None
    if not math.isfinite(points):
        return None
    try:
        last = datetime.fromisoformat(kept["last"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        last = time.time()
    return points, max(0, min(tries, 10_000)), last


def quizzes(memory: Memory) -> dict[str, str]:
    """The quizzes that a learner has begun: "2 of 3"."""
    said = {}
    for lesson in questions.lessons():
        answers = memory.get("quiz", {}).get(lesson)
        if isinstance(answers, dict):
            asked_here = _right_answers(lesson)
            right = sum(_last(answers.get(ask)) == text for ask, text in asked_here.items())
            said[lesson] = f"{right} of {len(asked_here)}"
    return said


def _last(answer: Any) -> Any:
    return answer.get("last") if isinstance(answer, dict) else None


@cache
def _right_answers(lesson: str) -> dict[str, str]:
    return {
        question["ask"]: next(c["text"] for c in question["choices"] if c["right"])
        for question in questions.load(lesson)
    }


def checkpoints(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many have come by each place of the course: predictions, quizzes, exercises."""
    places = []
    for lesson in questions.lessons():
        places.append((lesson, "predicted", sum(lesson in row["predicted"] for row in rows)))
        places.append((lesson, "quiz begun", sum(lesson in row["quizzes"] for row in rows)))
    for task, about in TASKS.items():
        if about.kind != "manual":
            places.append((about.sheet, task, sum(task in row["passed"] for row in rows)))
    return [{"lesson": lesson, "place": place, "count": count} for lesson, place, count in places]
