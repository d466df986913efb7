"""`quiz`: the questions at the end of a lesson, an explanation for every answer."""

from html import escape
from typing import Any

from lrcourse.widgets.questions import load
from lrcourse.widgets.widget import CourseWidget, Refused, look, script

LETTERS = "abcdef"


def quiz(lesson: str) -> "Quiz":
    """The quiz of a lesson, "step_decay": answers are explained, kept, and may be retried.

    Raises `ValueError` for a lesson without a quiz.

    >>> quiz("step_decay")
    <quiz 'step_decay': 3 questions>
    """
    return Quiz(lesson, load(lesson))


class Quiz(CourseWidget):
    """The widget that `quiz` makes. From Python: `.answer(1, "b")`, `.state`."""

    _esm = script("quiz")
    _css = look("quiz")
    _actions = ("answer",)

    def __init__(self, lesson: str, questions: list[dict]):
        self._lesson, self._asked = lesson, questions
        # Which choice is right, and why, stays in Python until the learner has answered.
        content = {
            "title": f"Quiz: {len(questions)} questions",
            "questions": [
                {"ask": q["ask"], "choices": [choice["text"] for choice in q["choices"]]}
                for q in questions
            ],
        }
        super().__init__(content=content)
        kept = self._recall("quiz", lesson)
        self._answers = _still_asked(kept, questions)
        self.state = self._now()

    def answer(self, question: int, choice: str) -> None:
        """Answer `question` (1 is the first) with the letter of a choice, "a", "b", ...

        May be called again: the last answer is shown, the first is remembered too.
        """
        if question not in range(1, len(self._asked) + 1):
            raise Refused(f"there are questions 1 to {len(self._asked)}, got {question!r}")
        asked = self._asked[question - 1]
        letters = LETTERS[: len(asked["choices"])]
        if choice is None:
            raise Refused("choose one of the answers first, then check")
        if choice not in [*letters]:
            raise Refused(f"choose one of {', '.join(letters)}, got {choice!r}")
        text = asked["choices"][letters.index(choice)]["text"]
        first = self._answers.get(asked["ask"], {}).get("first", text)
        self._answers = self._answers | {asked["ask"]: {"first": first, "last": text}}
        self._remember("quiz", self._lesson, self._answers)
        self.state = self._now()

    def _now(self) -> dict:
        """What may be shown: for an answered question, whether it is right, and why."""
        answers = [self._answered(question) for question in self._asked]
        right = sum(a is not None and a["right"] for a in answers)
        first = sum(a is not None and a["first_right"] for a in answers)
        return {
            "answers": answers,
            "right": right,
            "words": _score(answers, right, first),
        }

    def _answered(self, question: dict) -> dict | None:
        given = self._answers.get(question["ask"])
        if given is None:
            return None
        choices = {choice["text"]: choice for choice in question["choices"]}
        last = choices[given["last"]]
        return {
            "choice": LETTERS[list(choices).index(given["last"])],
            "right": last["right"],
            "first_right": choices[given["first"]]["right"],
            "because": last["because"],
        }

    def __repr__(self) -> str:
        return f"<quiz {self._lesson!r}: {len(self._asked)} questions>"

    def _as_text(self) -> str:
        lines = []
        for number, question in enumerate(self.content["questions"], 1):
            lines.append(f"{number}. {question['ask']}")
            lines += [f"   ({letter}) {c}" for letter, c in zip(LETTERS, question["choices"])]
        return "\n".join([*lines, "Run this cell to answer."])

    def _as_html(self) -> str:
        questions = "".join(
            f"<li><p>{_prose(q['ask'])}</p><ol type='a'>"
            + "".join(f"<li>{_prose(choice)}</li>" for choice in q["choices"])
            + "</ol></li>"
            for q in self.content["questions"]
        )
        return f"<ol>{questions}</ol><p>Run this cell to answer.</p>"


def _score(answers: list[dict | None], right: int, first: int) -> str:
    done = sum(answer is not None for answer in answers)
    if not done:
        return ""
    text = f"{right} of {len(answers)} right"
    if done < len(answers):
        return f"{text}, {len(answers) - done} still to answer."
    return f"{text}." if first == right else f"{text}; {first} at the first try."


def _still_asked(kept: Any, questions: list[dict]) -> dict[str, dict[str, str]]:
    """The kept answers to questions and choices that are still in the quiz, by question."""
    if not isinstance(kept, dict):
        return {}
    choices = {q["ask"]: [choice["text"] for choice in q["choices"]] for q in questions}
    return {
        ask: given
        for ask, given in kept.items()
        if isinstance(given, dict)
        and all(given.get(name) in choices.get(ask, []) for name in ("first", "last"))
    }


def _prose(text: str) -> str:
    """Text with `code` in it, as HTML."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))
