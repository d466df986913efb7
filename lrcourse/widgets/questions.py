"""The questions of each lesson: the prediction at its start, the quiz at its end.

They are in `quizzes/<lesson>.toml`, one readable file per lesson, with an explanation for every
choice. Numbers in them are computed from the package:
`{StepDecay(lr=0.1, step_size=30)(60):.3g}` is replaced by 0.001.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

import lrcourse

QUIZZES = Path(__file__).parents[1] / "quizzes"


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
