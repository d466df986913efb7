"""The questions of each lesson: the prediction at its start, the quiz at its end.

They are in `quizzes/<lesson>.toml`, one readable file per lesson, with an explanation for every
choice. Numbers in them are computed from the package:
`{StepDecay(lr=0.1, step_size=30)(60):.3g}` is replaced by 0.001.

(The function is `lrcourse.quiz`; a module of that name would hide it.)
"""

import tomllib
from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

import lrcourse
from lrcourse._widget import CourseWidget, Refused, script

QUIZZES = Path(__file__).parent / "quizzes"
LETTERS = "abcdef"


def quiz(lesson: str) -> "Quiz":
    """The quiz of a lesson, "step_decay": answers are explained, kept, and may be retried.

    Raises `ValueError` for a lesson without a quiz.

    >>> quiz("step_decay")
    <quiz 'step_decay': 3 questions>
    """
    return Quiz(lesson, load(lesson))


def lessons() -> list[str]:
    """The lessons that have a quiz."""
    return sorted(file.stem for file in QUIZZES.glob("*.toml"))


def load(lesson: str) -> list[dict]:
    """The questions of a lesson's quiz, with every number computed.

    Each is `{"ask": text, "choices": [{"text", "right", "because"}, ...]}`. Raises `ValueError`
    for a lesson without a quiz, or a file that is not as a quiz should be.
    """
    raws = _read(lesson)["question"]
    return [
        _checked(f"quiz {lesson!r}, question {i}", _question, raw) for i, raw in enumerate(raws, 1)
    ]


def prediction(lesson: str) -> dict:
    """What a lesson asks before its curve is shown: the arguments of `choose`, but the key."""
    return _checked(f"prediction of {lesson!r}", _prediction, _read(lesson)["predict"])


def _read(lesson: str) -> dict:
    if lesson not in lessons():
        raise ValueError(f"there is no quiz {lesson!r}: choose one of {', '.join(lessons())}")
    return tomllib.loads((QUIZZES / f"{lesson}.toml").read_text(encoding="utf-8"))


def _checked(name: str, build: Callable[[dict], dict], raw: dict) -> dict:
    try:
        return build(raw)
    except Exception as error:
        raise ValueError(f"{name}: {error}") from error


def _question(raw: dict) -> dict:
    choices = [
        {
            "text": computed(choice["text"]),
            "right": choice.get("right", False),
            "because": computed(choice["because"]),
        }
        for choice in raw["choice"]
    ]
    _one_right([choice["text"] for choice in choices], [choice["right"] for choice in choices])
    return {"ask": computed(raw["ask"]), "choices": choices}


def _prediction(raw: dict) -> dict:
    sketches = raw["sketch"]
    names = [sketch["name"] for sketch in sketches]
    _one_right(names, [name == raw["answer"] for name in names])
    return {
        "question": computed(raw["question"]),
        "sketches": {sketch["name"]: evaluate(sketch["curve"]) for sketch in sketches},
        "answer": raw["answer"],
        "because": {sketch["name"]: computed(sketch["because"]) for sketch in sketches},
        **{option: raw[option] for option in ("steps", "xlabel", "quantity") if option in raw},
    }


def _one_right(texts: list[str], right: list[bool]) -> None:
    if sum(right) != 1 or len(set(texts)) < len(texts):
        raise ValueError(
            f"one choice must be right and no two the same, "
            f"got {sum(right)} right and {len(set(texts))} different of {len(texts)}"
        )


class _Computed(Formatter):
    """Formatting whose fields are expressions: `{StepDecay()(30):.3g}`."""

    def get_field(self, expression: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        return evaluate(expression), expression


def computed(text: str) -> str:
    """`text` with every `{expression:format}` replaced by its value.

    >>> computed("{StepDecay(lr=0.1, step_size=30)(60):.3g}")
    '0.001'
    """
    return _Computed().vformat(text.strip(), (), {})


def evaluate(expression: str) -> Any:
    """The value of an expression in the schedules of lrcourse, NumPy as `np` and a few more.

    For the course's own files only: what Python can do, an expression can.
    """
    schedules = {name: getattr(lrcourse, name) for name in lrcourse.__all__}
    simple = {f.__name__: f for f in (abs, len, max, min, range, round, sum)}
    return eval(expression, {"__builtins__": {}, "np": np} | schedules | simple)


class Quiz(CourseWidget):
    """The widget that `quiz` makes. From Python: `.answer(1, "b")`, `.state`."""

    _esm = script("quiz")
    _actions = ("answer",)

    def __init__(self, lesson: str, questions: list[dict]):
        self._lesson, self._questions = lesson, questions
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
        if question not in range(1, len(self._questions) + 1):
            raise Refused(f"there are questions 1 to {len(self._questions)}, got {question!r}")
        asked = self._questions[question - 1]
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
        answers = [self._answered(question) for question in self._questions]
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
        return f"<quiz {self._lesson!r}: {len(self._questions)} questions>"

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
