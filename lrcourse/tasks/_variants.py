"""The tasks whose answer is a value, with one's own: drawn from a key of the class and a name.

Other numbers where it is worked out by hand; another order of the cases where causes are named.
Whoever knows key and name draws the same: the notebook shows a learner their own question, `check`
and the grader expect its answer. Nothing is kept, and nothing has to be handed out.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from lrcourse.tasks._task import ANY, Mistake, Task


def varied(task: Task, key: str, learner: str) -> Task:
    """`task` with the numbers of `learner` in the class of this `key`; as it is without a key, or
    if its numbers are the same for all."""
    if not key or task.id not in VARIED:
        return task
    whole = "\0".join([key, plain_name(learner), task.id])
    seed = int.from_bytes(sha256(whole.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return VARIED[task.id](task, np.random.default_rng(seed))


def plain_name(name: str) -> str:
    """Small letters and digits only: a name as people type it is the same name."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _one_of(rng: np.random.Generator, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _rewritten(
    task: Task, text: Callable[[str], str], values: Callable[[list], list], **more: Any
) -> Task:
    """`task` with every text of it turned by `text`, and every answer by `values`."""

    def mistake(old: Mistake) -> Mistake:
        return replace(old, wrong=lambda: values(old.wrong()), says=text(old.says))

    changed = {
        "question": text(task.question),
        "reference": lambda: values(task.reference()),
        "mistakes": tuple(map(mistake, task.mistakes)),
        "hints": tuple(map(text, task.hints)),
    }
    return replace(task, **{**changed, **more})


# Other numbers


def _renumbered(task: Task, numbers: Mapping[str, str], value: Callable[[int, Any], Any]) -> Task:
    """`task` with other numbers in every text, and each value of it turned by `value(entry, old)`."""
    names = "|".join(sorted(map(re.escape, numbers), key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.])(?<!gamma=)({names})(?![\w%]|\.\d)")

    def text(old: str) -> str:
        return pattern.sub(lambda m: numbers[m[1]], old)

    def values(old: list) -> list:
        return [one if one is ANY else value(i, one) for i, one in enumerate(old)]

    return _rewritten(task, text, values)


def _steps(task: Task, rng: np.random.Generator) -> Task:
    lr, size = _one_of(rng, 0.2, 0.3, 0.4, 0.5, 0.8), _one_of(rng, 20, 40, 50, 60, 70)
    numbers = {"30": size, "29": size - 1, "60": 2 * size, "90": 3 * size, "89": 3 * size - 1}
    numbers |= {"31st": f"{size + 1}st", "30th": f"{size}th", "0.1": f"{lr:g}"}
    return _renumbered(task, {k: str(v) for k, v in numbers.items()}, lambda i, y: 10 * lr * y)


def _faces(task: Task, rng: np.random.Generator) -> Task:
    k = _one_of(rng, 0.04, 0.06, 0.07, 0.08, 0.09)
    e, two = round(math.exp(-k), 4), round(math.exp(-2 * k), 4)
    known = {0.05: k, 0.0025: k * k, 0.9512: e, 0.9048: two, 0.95: 1 - k, 0.9: 1 - 2 * k}
    known |= {0.9025: (1 - k) ** 2, 1: 1}
    numbers = {"0.05": f"{k:g}", "5": f"{100 * k:.0f}", "0.95": f"{1 - k:g}"}
    made = _renumbered(task, numbers, lambda i, y: known[y])
    question = made.question.replace("gamma=0.05", f"gamma={k:g}")
    return replace(made, question=question, hints=task.hints)


def _wave(task: Task, rng: np.random.Generator) -> Task:
    lr, T = _one_of(rng, 0.2, 0.4, 0.6, 0.8, 2.0), _one_of(rng, 60, 80, 120, 140, 160)
    numbers = {"100": T, "50": T // 2, "150": 3 * T // 2, "200": 2 * T, "1.0": lr}
    return _renumbered(task, {k: str(v) for k, v in numbers.items()}, lambda i, y: lr * y)


def _defaults(task: Task, rng: np.random.Generator) -> Task:
    top = _one_of(rng, 0.2, 0.3, 0.4, 0.6, 0.8)
    return _renumbered(task, {"0.1": f"{top:g}"}, lambda i, y: 10 * top * y if i == 1 else y)


# The cases of a question, in another order

_CASE = re.compile(r"^(?:- \*\*|\| )([A-D])(?:\*\*| \|).*$", re.M)  # "- **A** ...", "| A | ..."
_LETTERS = re.compile(r"\bA, B, C\b(?:, D\b)?|\b[A-D]\b")  # the row of them stays a row


def _shuffled(task: Task, rng: np.random.Generator) -> Task:
    """`task` with its cases A, B, C, ... in another order, and in no text another letter."""
    letters = [found[1] for found in _CASE.finditer(task.question)]
    order = [int(i) for i in rng.permutation(len(letters))]  # what stands at each place now
    while order == sorted(order):
        order = [int(i) for i in rng.permutation(len(letters))]
    new = {letters[old]: letters[place] for place, old in enumerate(order)}
    lines = [found[0] for found in _CASE.finditer(task.question)]
    rows = iter([lines[old] for old in order])

    def text(old: str) -> str:
        return _LETTERS.sub(lambda m: new.get(m[0], m[0]), old)

    question = _CASE.sub(lambda _: next(rows), task.question)
    return _rewritten(task, text, lambda old: [old[i] for i in order], question=text(question))


VARIED: dict[str, Callable[[Task, np.random.Generator], Task]] = {
    "step_decay.4": _steps,
    "step_decay.5": _shuffled,
    "exponential_decay.7": _faces,
    "cosine_annealing.4": _shuffled,
    "cosine_annealing.6": _wave,
    "cyclical_lr.6": _defaults,
    "one_cycle.5": _shuffled,
    "warmup_stable_decay.4": _shuffled,
    "training_lab.4": _shuffled,
}
