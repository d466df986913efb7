"""`curves_of`: the numbers behind the picture of yours beside what is expected."""

import json
import math
import re
from dataclasses import asdict

import numpy as np
import pytest

from lrcourse import checks
from lrcourse.grading.pages import figure
from lrcourse.tasks import TASKS, curves_of, judge

FORMULA = TASKS["step_decay.1"]
RATES = TASKS["step_decay.2"]
HOSTILE = [math.nan, math.inf, 10**400, 1e300, "<b>", None, True, {"failed": "x"}, [[1.0]]]


def drawn(task):
    return task.arguments(np.random.default_rng(0))


def test_curves_are_those_of_one_call():
    """All steps of the call that failed, in order, and no step of another call."""
    arguments = drawn(FORMULA)
    wrong = [0.5] * len(arguments)
    curves = curves_of(FORMULA, 3, arguments, wrong)
    rest = arguments[3][1:]

    assert curves.steps == sorted(one[0] for one in arguments if one[1:] == rest)
    assert set(curves.yours) == {0.5}
    assert curves.expected == pytest.approx([FORMULA.reference(t, *rest) for t in curves.steps])
    assert curves.label == "t" and curves.joined


def test_one_argument_is_the_axis():
    """A function of one number is drawn over it; calls that are no curve are not joined."""
    over_k, over_calls = TASKS["exponential_decay.3"], TASKS["cosine_annealing.2"]
    k, calls = (curves_of(t, 0, drawn(t), [1.0] * len(drawn(t))) for t in (over_k, over_calls))

    assert (k.label, k.joined) == ("k", True) and 0.0513 in k.steps
    assert (calls.label, calls.joined) == ("call", False) and calls.steps[:2] == [1, 2]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_what_is_no_ordinary_number_is_missing(value):
    """Whatever an untrusted process sends, three lists of one length come back, and plain JSON."""
    arguments = drawn(FORMULA)
    mixed = [0.5, value] * len(arguments)
    alone = [value] * len(arguments)
    lists = [[0.5, value] * 1_000] * len(drawn(RATES))

    assert curves_of(FORMULA, 0, arguments, alone) is None
    for task, results in ((FORMULA, mixed), (RATES, lists)):
        curves = curves_of(task, 0, drawn(task), results)
        assert len(curves.steps) == len(curves.yours) == len(curves.expected)
        assert set(curves.yours) == {0.5, None}
        assert json.loads(json.dumps(asdict(curves), allow_nan=False)) == asdict(curves)
        assert "no number" in curves.words


@pytest.mark.parametrize("results", [None, [], "text", {}, [[]], [0.5], [[0.5]]], ids=repr)
def test_too_few_results_are_no_fault(results):
    """A list that is too short, or none, makes a shorter curve or no picture."""
    for task in (FORMULA, RATES):
        judge(task, drawn(task), results)
        curves = curves_of(task, 0, drawn(task), results)
        assert curves is None or curves.yours[1:] == [None] * (len(curves.steps) - 1)


def test_small_numbers_part_too():
    """Near zero, too, a curve is compared by its own size: 4e-9 is not 5e-9."""
    task = TASKS["step_decay.2"]
    arguments = [([0, 1, 2], 5e-9, 30, 0.1)]

    assert "same curve" in curves_of(task, 0, arguments, [[5e-9] * 3]).words
    assert "t 1: 4e-09, expected 5e-09" in curves_of(task, 0, arguments, [[5e-9, 4e-9, 5e-9]]).words


def test_a_loop_is_drawn_by_its_rates():
    """Of what comes back from a training loop the rates are drawn, over the updates."""
    task = TASKS["step_decay.6"]
    arguments = drawn(task)
    expected = task.reference(*arguments[0][1:])
    rates = [0.5, *expected[1:]]
    curves = curves_of(task, 0, arguments, [[rates, [], []]] * len(arguments))

    assert curves.label == "update"
    assert curves.apart == [(0, 0.5, pytest.approx(expected[0]))]
    assert curves_of(task, 0, arguments, [[], None, 3.0]) is None


@pytest.mark.parametrize("task_id", ["exponential_decay.1", "exponential_decay.2"])
@pytest.mark.parametrize("seed", range(5))
def test_lines_of_a_picture_look_like_the_curve(task_id, seed):
    """A straight line from one step to the next leaves the curve by 4 % of the first rate at most."""
    task = TASKS[task_id]
    arguments = task.arguments(np.random.default_rng(seed))
    results = [[1.0] * 100 if task.kind == "vectorised" else 1.0] * len(arguments)
    for case in (0, len(arguments) - 1):
        curves = curves_of(task, case, arguments, results)
        *_, lr, k = arguments[case]
        between = np.linspace(0, max(curves.steps), 1_000)
        gap = np.interp(between, curves.steps, curves.expected) - lr * np.exp(-k * between)
        assert abs(gap).max() <= 0.04 * lr


def test_a_number_that_is_drawn_twice_is_shown_once():
    """Neither the picture nor its words repeat a point."""
    task = TASKS["exponential_decay.4"]
    curves = curves_of(task, 0, [(0.5,), (0.9,), (0.5,)], [0.7, 0.2, 0.7])

    assert curves.steps == [0.5, 0.9]
    assert curves.words.count("gamma 0.5:") == 1


def test_calls_are_counted_in_whole_numbers():
    """No picture has a tick at call 2.5: neither of the instant feedback nor of the grader."""
    task = TASKS["cosine_annealing.2"]
    answer = [0.0] * len(drawn(task))
    curves = curves_of(task, 0, drawn(task), answer)
    ticks = checks.Picture(curves).figure.axes[0].get_xticks()
    written = [float(n) for n in re.findall(r'"middle">([\d.]+)<', figure(curves))]

    assert written and all(n.is_integer() for n in [*written, *ticks])
    k = curves_of(TASKS["exponential_decay.3"], 0, drawn(TASKS["exponential_decay.3"]), answer)
    assert not k.whole
