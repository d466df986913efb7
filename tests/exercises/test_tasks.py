"""The tasks themselves: complete, told apart, and judged from plain values only."""

import itertools
import json
import math
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from lrcourse.answers import plain
from lrcourse.tasks import DIFFICULTIES, SHEETS, TASKS, Mistake, Task, judge
from lrcourse.tasks._task import ANY
from lrcourse.tasks._training import FAULTS, weights_after

COMPARED = [task for task in TASKS.values() if task.kind != "manual" and not task.judged]
ids = {"ids": lambda task: task.id}


def expected(task, arguments):
    return answered(task, arguments, task.reference)


def answered(task, arguments, formula):
    """What comes back if `formula` is the answer; a training loop with its rates really trains."""
    if not task.trains:
        return [formula(*one) for one in arguments]
    accounts = []
    for seed, lr, batches, *rest in arguments:
        rates = formula(lr, batches, *rest)
        momenta = task.momentum(lr, batches, *rest) if task.momentum else [0.9] * len(rates)
        stop = batches * rest[0] if task.kind == "resume" else None
        weights = weights_after(seed, batches, rates, momenta, stop)
        accounts.append([rates, momenta, weights.tolist()])
    return accounts


def test_there_are_enough_of_every_kind():
    """At least 24 tasks are checked, a person marks one, and all difficulties are there."""
    manual = [task for task in TASKS.values() if task.kind == "manual"]

    assert len(TASKS) - len(manual) >= 24
    assert manual and all(task.rubric for task in manual)
    for difficulty in DIFFICULTIES:
        assert sum(task.difficulty == difficulty for task in TASKS.values()) >= 4
    assert all(sheet in SHEETS for sheet in {task.sheet for task in TASKS.values()})


@pytest.mark.parametrize("task", TASKS.values(), **ids)
def test_a_task_says_all_that_a_learner_needs(task):
    """Points, minutes, a question; and three hints that differ, unless a person marks it."""
    assert task.points >= 1
    assert 1 <= task.minutes <= 20
    assert len(task.question) > 40
    if task.kind != "manual":
        assert task.answer_name in task.question
        assert all(len(hint) > 20 for hint in task.hints)
        assert len(set(task.hints)) == 3
        assert task.covers


@pytest.mark.parametrize("task", COMPARED, **ids)
def test_arguments_travel_as_json(task):
    """The arguments and the expected results of every draw are JSON values."""
    for seed in range(5):
        arguments = task.arguments(np.random.default_rng(seed))
        assert json.loads(json.dumps(arguments)) == [list(one) for one in arguments]
        results = expected(task, arguments)
        assert json.loads(json.dumps(results)) == results


@pytest.mark.parametrize("task", COMPARED, **ids)
def test_arguments_are_drawn_afresh(task):
    """Two draws differ, unless the question itself fixes the answer."""
    first, second = (task.arguments(np.random.default_rng(seed)) for seed in (1, 2))

    assert (first == second) == (task.kind == "value")


@pytest.mark.parametrize("task", COMPARED, **ids)
def test_the_reference_is_right(task):
    """What the reference gives is right, for any draw."""
    for seed in range(10):
        arguments = task.arguments(np.random.default_rng(seed))
        verdict = judge(task, arguments, expected(task, arguments))
        assert verdict.right and verdict.share == 1


def made(task, mistake, *arguments):
    """What the mistake makes; where it leaves an entry open, another choice, or anything."""
    result = mistake.wrong(*arguments)
    if type(result) is list:
        right = task.reference(*arguments) if task.choices else ["something else"] * len(result)
        return [other if one is ANY else one for one, other in zip(result, right)]
    return plain(result)


@pytest.mark.parametrize("task", COMPARED, **ids)
def test_every_mistake_is_told_from_every_other(task):
    """For any draw, each named mistake is wrong, and is the one that the feedback names: but for those
    that come to the same there. Each is named for most draws."""
    named = Counter()
    for seed in range(13):
        arguments = task.arguments(np.random.default_rng(seed))
        seen = []
        for mistake in task.mistakes:
            try:
                results = answered(task, arguments, partial(made, task, mistake))
            except (ArithmeticError, ValueError):
                named[mistake.name] += 1
                continue
            if results in seen:
                continue
            seen.append(results)
            verdict = judge(task, arguments, results)
            assert (verdict.right, verdict.mistake) == (False, mistake.name)
            assert verdict.says.endswith(mistake.says)
            assert verdict.share < 1
            named[mistake.name] += 1

    assert min(named[mistake.name] for mistake in task.mistakes) > 6


@pytest.mark.parametrize("task", COMPARED, **ids)
def test_every_mistake_has_a_sentence_of_its_own(task):
    """At least five mistakes, and no two in the same words."""
    assert len(task.mistakes) >= 5
    assert len({mistake.says for mistake in task.mistakes}) == len(task.mistakes)


FORGED = [
    None,
    "full marks",
    {},
    [],
    [[]],
    [{"failed": None}],
    [{"right": True}],
    [True],
    [math.nan],
    [math.inf],
    [10**400],
    [["0.1"]],
    [b"0.1"],
    [{"failed": 1, "line": 2}],
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda one: repr(one)[:20])
@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.kind != "manual"], **ids)
def test_forged_results_are_wrong(task, forged):
    """Whatever an untrusted process sends back, it is judged, and gains nothing."""
    arguments = task.arguments(np.random.default_rng(0))
    repeated = forged * len(arguments) if isinstance(forged, list) else forged
    for results in (forged, repeated):
        verdict = judge(task, arguments, results)
        assert not verdict.right
        assert verdict.share == 0
        assert isinstance(verdict.says, str) and verdict.says


@pytest.mark.parametrize("task_id", ["step_decay.1", "training_lab.5"])
def test_forged_sentences_are_short_and_visible(task_id):
    """A page shows what came back for a call that failed: as much as is of use, and no more."""
    task = TASKS[task_id]
    arguments = task.arguments(np.random.default_rng(0))
    forged = {"failed": "\x1b\0\u202e" + "A" * 10_000, "line": "B\u2066" * 10_000}
    says = judge(task, arguments, [forged] * len(arguments)).says

    assert "A" * 400 in says and "Your B" in says
    assert len(says) < 1_000
    assert says.isprintable()


def test_a_number_that_equals_everything_is_no_number():
    """Only plain values count: a class of the learner's own is not asked what it equals."""

    class Liar(float):
        def __eq__(self, other):
            return True

        def __sub__(self, other):
            return 0.0

        __hash__ = float.__hash__

    task = TASKS["step_decay.1"]
    arguments = task.arguments(np.random.default_rng(0))

    assert not judge(task, arguments, [Liar(1)] * len(arguments)).right


def test_a_person_marks_what_is_for_a_person():
    """Judging a task with a rubric is refused."""
    with pytest.raises(ValueError, match="training_lab.7 is marked by a person"):
        judge(TASKS["training_lab.7"], [()], [""])


def test_the_first_mistake_that_fits_is_named_and_its_share_given():
    """A task of one's own: near misses keep the share that the task says."""
    task = Task(
        id="own.1",
        title="Double it",
        question="Write double(x).",
        points=4,
        minutes=1,
        difficulty="recall",
        answer_name="double",
        parameters=("x",),
        arguments=lambda rng: [(1.0,), (2.0,)],
        reference=lambda x: 2 * x,
        covers="two numbers",
        mistakes=(
            Mistake(name="squared", wrong=lambda x: x**2, says="Squared?", share=0.5),
            Mistake(name="halved", wrong=lambda x: x / 2, says="Halved?"),
        ),
    )

    assert judge(task, [(1.0,), (2.0,)], [2.0, 4]).right
    squared = judge(task, [(1.0,), (2.0,)], [1.0, 4.0])
    assert (squared.share, squared.mistake, squared.case) == (0.5, "squared", 0)
    assert squared.says == "Yours 1, expected 2 (x=1). Squared?"
    assert judge(task, [(1.0,), (2.0,)], [0.5, 1.0]).share == 0
    assert judge(task, [(1.0,), (2.0,)], [2.0, 5.0]).says == "Yours 5, expected 4 (x=2)."


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("case", "off", "right"),
    [
        (0, 1.09e-5, True),  # of 1: a hundred-thousandth of it, and a millionth of its largest
        (0, 1.11e-5, False),
        (1, 0.99e-6, True),  # of 0, on a curve that begins at 1
        (1, 1.01e-6, False),
        (2, 0.99e-4, True),  # of 0, on a curve that begins at 100
        (2, 1.01e-4, False),
        (4, 0.99e-8, True),  # of 0, on a curve that begins at 0.01
        (4, 1.01e-8, False),
    ],
)
def test_equal_is_to_a_hundred_thousandth(sign, case, off, right):
    """Of the number, and a tenth of that of the largest number on its curve: no less, no more."""
    task = replace(
        TASKS["step_decay.1"],
        parameters=("t", "lr"),
        reference=lambda t, lr: lr * (1 - t / 10),
        mistakes=(),
    )
    calls = [(0, 1.0), (10, 1.0), (10, 100.0), (0, 100.0), (10, 0.01), (0, 0.01)]
    results = expected(task, calls)
    results[case] += sign * off

    assert judge(task, calls, results).right is right


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ([1.0, 2.0, 4.0], 1),
        ([1.0, 2.0, 5.0], 0.6667),
        ([3.0, 2.0, 5.0], 0.3333),
        ([1.0, 2.0], 0),
        ([1.0, 2.0, 4.0, 8.0], 0),
        ([[1.0], [2.0], [4.0]], 1),
        ([1.0, None, 4.0], 0.6667),
        (7.0, 0),
        ({"failed": "no"}, 0),
    ],
)
def test_entries_count_in_a_list_of_that_length(answer, share):
    """The share of those that are right, where as many came as were asked for."""
    task = replace(TASKS["step_decay.4"], reference=lambda: [1.0, 2.0, 4.0], mistakes=())
    verdict = judge(task, [()], [answer])

    assert (verdict.share, verdict.right) == (share, share == 1)


LOOPS = [t for t in TASKS.values() if t.trains and any(m.share for m in t.mistakes)]


@pytest.mark.parametrize("task", LOOPS, **ids)
def test_a_known_mistake_keeps_its_share_with_another_momentum(task):
    """It was trained with what it says; with right rates the momentum is what is wrong."""
    arguments = task.arguments(np.random.default_rng(0))
    known = next(m for m in task.mistakes if m.share)

    def trained(formula, momentum):
        accounts = []
        for seed, lr, batches, *rest in arguments:
            rates = formula(lr, batches, *rest)
            stop = batches * rest[0] if task.kind == "resume" else None
            weights = weights_after(seed, batches, rates, [momentum] * len(rates), stop)
            accounts.append([rates, [momentum] * len(rates), weights.tolist()])
        return accounts

    assert judge(task, arguments, trained(known.wrong, 0.8)).share == known.share
    right = judge(task, arguments, trained(task.reference, 0.8))
    assert (right.share, right.mistake) == (0, "momentum")
    short = [
        [rates, momenta[:-1], weights] for rates, momenta, weights in trained(known.wrong, 0.8)
    ]
    assert judge(task, arguments, short).share == 0


@pytest.mark.parametrize("task", [t for t in TASKS.values() if t.trains], **ids)
def test_rates_alone_earn_nothing(task):
    """Where the weights are where they began, or elsewhere, the right rates are worth no points."""
    arguments = task.arguments(np.random.default_rng(0))
    right = answered(task, arguments, task.reference)
    resting = [
        weights_after(seed, batches, [0.0] * len(rates), momenta, None).tolist()
        for (seed, _, batches, *_), (rates, momenta, _) in zip(arguments, right)
    ]
    for others, says in (
        (resting, "nothing was learned"),
        ([[w + 0.1 for w in ws] for *_, ws in right], "not those that these rates lead to"),
    ):
        forged = [[rates, momenta, weights] for (rates, momenta, _), weights in zip(right, others)]
        verdict = judge(task, arguments, forged)
        assert (verdict.share, verdict.right) == (0, False)
        assert verdict.says.startswith("The rates are right. But") and says in verdict.says


@pytest.mark.parametrize(("count", "share"), [(1, 0.5), (2, 0.25), (3, 0)])
@pytest.mark.parametrize("task", [t for t in TASKS.values() if t.kind == "resume"], **ids)
def test_each_fault_of_a_loop_halves_the_points(task, count, share):
    """Of one that is stopped and taken up again: with all three nothing is left. All are named."""
    arguments = task.arguments(np.random.default_rng(0))
    faults = [*FAULTS][:count]
    accounts = [
        [
            rates,
            momenta,
            weights_after(seed, batches, rates, momenta, batches * rest[0], faults).tolist(),
        ]
        for (seed, _, batches, *rest), (rates, momenta, _) in zip(
            arguments, answered(task, arguments, task.reference)
        )
    ]
    verdict = judge(task, arguments, accounts)

    assert (verdict.share, verdict.mistake) == (share, ", ".join(faults))
    assert all(FAULTS[fault] in verdict.says for fault in faults)


def test_a_verdict_that_rests_on_chance_can_be_repeated():
    """On the same seeds the same schedule gets the same verdict, on others its own luck."""
    task = TASKS["training_lab.5"]
    arguments = task.arguments(np.random.default_rng(0))
    rates = [0.1 * (1 - t / total) for t, total in arguments]
    first, again, other = (judge(task, arguments, rates, judged_on) for judged_on in (1, 1, 2))

    assert first == again
    assert first.says != other.says


def test_the_challenge_is_paid_in_proportion():
    """No step in the points on which the luck of the seeds could decide: half way is half paid."""
    task = TASKS["training_lab.5"]
    arguments = task.arguments(np.random.default_rng(0))
    shares = []
    for end in (0.2, 0.35, 0.4, 0.5, 1.0):
        rates = [0.17 * (1 - (1 - end) * t / total) for t, total in arguments]
        shares.append(judge(task, arguments, rates, 1).share)

    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1 > shares[1] > shares[2] > shares[3] > 0 == shares[4]


@pytest.mark.parametrize("task", [t for t in COMPARED if t.kind == "value"], **ids)
def test_a_sentence_speaks_of_the_entry_that_is_named(task):
    """Where several entries are wrong, the sentence is of the first of them, or says which."""
    right = task.reference()
    for first, second in itertools.permutations(task.mistakes, 2):
        both = [b if a is ANY else a for a, b in zip(first.wrong(), second.wrong())]
        answer = [r if one is ANY else one for one, r in zip(both, right)]
        wrong = [i for i, (one, r) in enumerate(zip(answer, right)) if one != r]
        verdict = judge(task, [()], [answer])
        named = {m.says: m.wrong() for m in task.mistakes if verdict.says.endswith(m.says)}
        for says, entries in named.items():
            spoilt = [i for i in wrong if entries[i] is not ANY]
            assert verdict.step == wrong[0]
            assert spoilt[0] == wrong[0] or f"And entry {spoilt[0]}: {says}" in verdict.says


def test_the_first_of_two_wrong_entries_is_explained():
    """A is wrong, and so is B: the sentence is A's. If nothing is known of A, B is named."""
    known = [
        "T_max is half the run",
        "warm-up too long",
        "T_max is half the run",
        "warm-up too long",
    ]
    says = judge(TASKS["cosine_annealing.4"], [()], [known]).says
    assert says.startswith("Entry 0: yours 'T_max is half the run' is not it. With half the run")

    says = judge(TASKS["cosine_annealing.4"], [()], [["warm-up too long"] * 4]).says
    assert says == (
        "Entry 0: yours 'warm-up too long' is not it. And entry 1: Warm-up climbs, and B falls."
    )


def test_separate_values_earn_separate_points():
    """In a list of separate values each right entry counts."""
    verdict = judge(TASKS["step_decay.4"], [()], [[0.1, 0.1, 0.01, 0.01, 0.01]])

    assert verdict.share == 0.6
