"""Right answers get full marks however they are written; wrong ones lose marks and hear why."""

import logging
import math
import re
from functools import cache

import numpy as np
import pytest
from answers import ANSWERS
from sampling import some

import lrcourse
from lrcourse.tasks import TASKS

AUTOMATIC = [task for task in TASKS.values() if task.kind != "manual"]
RIGHT = [
    pytest.param(task_id, answer, id=f"{task_id}-{i}")
    for task_id, answers in ANSWERS.items()
    for i, answer in enumerate(answers.right)
]
WRONG = [
    pytest.param(task_id, i, mistake, id=f"{task_id}-{mistake or i}")
    for task_id, answers in ANSWERS.items()
    for i, (_, mistake) in enumerate(answers.wrong)
]


@cache
def what_is_said(task_id, i):
    """The feedback on a wrong answer: two tests read it."""
    return lrcourse.check(task_id, ANSWERS[task_id].wrong[i][0])


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path))


def test_every_task_has_its_answers():
    """Every task that is checked has at least five wrong answers and two right ones."""
    assert {task.id for task in AUTOMATIC} == set(ANSWERS)
    for task_id, answers in ANSWERS.items():
        assert len(answers.wrong) >= 5, task_id
        assert len(answers.right) >= 2, task_id


@pytest.mark.parametrize(("task_id", "answer"), RIGHT)
def test_a_right_answer_gets_full_marks(task_id, answer):
    """However it is written, a right answer is right, and says what was checked."""
    result = lrcourse.check(task_id, answer)

    assert result.right, result
    assert result.points == TASKS[task_id].points
    assert result.says.startswith("Right. ")


@pytest.mark.parametrize(("task_id", "i", "mistake"), WRONG)
def test_a_wrong_answer_loses_marks_and_is_named(task_id, i, mistake):
    """A wrong answer never gets full marks, and the feedback names the mistake it made."""
    result = what_is_said(task_id, i)

    assert not result.right
    assert result.points < TASKS[task_id].points
    assert result._verdict.mistake == mistake, result


DRAWN = [
    t.id for t in AUTOMATIC if t.kind in ("function", "vectorised") and t.sheet != "training_lab"
]


@pytest.mark.thorough
@pytest.mark.parametrize("task_id", DRAWN)
def test_a_mistake_is_named_whatever_is_drawn(task_id, monkeypatch):
    """No draw of the arguments hides which mistake it is: a hundred draws."""
    draws, real = iter(range(10**6)), np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda *seed: real(*seed or (next(draws),)))
    for answer, mistake in ANSWERS[task_id].wrong:
        for _ in range(100):
            result = lrcourse.check(task_id, answer)
            assert (result.right, result._verdict.mistake) == (False, mistake), result


@pytest.mark.parametrize("task_id", ANSWERS)
def test_every_wrong_answer_has_a_sentence_of_its_own(task_id):
    """No two wrong answers that make different mistakes are told the same."""
    said: dict[str, str] = {}
    for i, (_, mistake) in enumerate(ANSWERS[task_id].wrong):
        says = what_is_said(task_id, i).says
        assert said.setdefault(says, mistake or i) == (mistake or i)
        assert re.search(r"[.?!)]$", says)


def raises(*arguments):
    return [][1]


class Liar(float):
    """Says that it equals everything."""

    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Trap:
    """Raises whatever is done with it."""

    def __getattribute__(self, name):
        raise RuntimeError("a trap")

    def __call__(self, *arguments):
        return self


ODD = {
    "None": None,
    "a text": "0.1",
    "a wrong shape": np.zeros((3, 2)),
    "a complex number": 1 + 2j,
    "not a number": math.nan,
    "infinite": math.inf,
    "a huge number": 10**400,
    "a dict": {"rate": 0.1},
    "a set": {0.1},
    "a class": int,
    "a module": math,
    "an ellipsis": ...,
    "a generator": (x for x in [0.1]),
    "an empty list": [],
    "a list of lists of different length": [[1], [1, 2]],
    "a liar": Liar(0.1),
    "a trap": Trap(),
    "an array of objects": np.array([None, "a"], dtype=object),
    "bytes": b"0.1",
}


# What is done with an answer is the same for all tasks of a kind.
ONE_OF_A_KIND = {task.kind: task.id for task in AUTOMATIC}.values()


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("task_id", some((task.id for task in AUTOMATIC), ONE_OF_A_KIND))
def test_an_odd_answer_gets_a_sentence(task_id, odd):
    """Whatever is handed over, or returned, a sentence comes back, and no error."""
    answers = [ODD[odd]]
    if TASKS[task_id].kind in ("function", "vectorised"):
        answers.append(lambda *arguments: ODD[odd])
    for answer in answers:
        result = lrcourse.check(task_id, answer)
        assert not result.right
        assert result.points == 0
        assert len(result.says) > 10
        assert "Traceback" not in repr(result)


CALLED = [task.id for task in AUTOMATIC if task.kind != "value"]


@pytest.mark.parametrize("task_id", CALLED)
def test_an_error_in_the_answer_shows_the_learners_own_line(task_id):
    """An exception in the learner's code is named, with the line they wrote."""
    result = lrcourse.check(task_id, raises)

    assert "IndexError: list index out of range" in result.says
    assert "return [][1]" in result.says


def test_stopping_an_answer_leaves_no_lock_behind():
    """However often a loop is stopped that logs without end: logging goes on for all others."""
    logger, handler = logging.getLogger("an answer's"), logging.NullHandler()

    def logs(*arguments):
        while True:
            logger.addHandler(handler)
            logger.removeHandler(handler)

    for _ in range(10):
        lrcourse.check("exponential_decay.4", logs, seconds=0.01)
        assert logging._lock.acquire(timeout=5)
        logging._lock.release()


@pytest.mark.parametrize("task_id", CALLED)
def test_an_endless_loop_is_stopped(task_id):
    """A loop that never ends is stopped when its time is over."""

    def never(*arguments):
        while True:
            pass

    result = lrcourse.check(task_id, never, seconds=0.1)

    assert not result.right
    assert "still running after 0.1 seconds" in result.says
