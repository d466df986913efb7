"""Right answers however they are written, wrong ones with the name of their mistake."""

import decimal
import fractions
import functools
import math

import numpy as np
import pytest
import torch
from answers import ANSWERS, loop, step_lr

from lrcourse import check
from lrcourse.tasks import SHEETS, TASKS


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path))


# Forms that a right answer may have: each makes of a function another one that is as right


def returning(form):
    """The same, with its result in another form."""
    return lambda right: lambda *a: form(right(*a))


class _Callable:
    def __init__(self, right):
        self.right = right

    def __call__(self, *arguments):
        return self.right(*arguments)


class _Method(_Callable):
    def answer(self, *arguments):
        return self.right(*arguments)


def _with_defaults(right):
    def answer(*arguments, verbose=False, **more):
        return right(*arguments)

    return answer


def _recursive(right):
    def answer(*arguments, again=True):
        return answer(*arguments, again=False) if again else right(*arguments)

    return answer


def _checks_its_input(right):
    def answer(*arguments):
        assert all(argument is not None for argument in arguments)
        return right(*arguments)

    return answer


def _prints(right):
    def answer(*arguments):
        print(arguments)
        return right(*arguments)

    return answer


ANY_RESULT = {
    "a lambda": lambda right: lambda *a: right(*a),
    "a class that is called": _Callable,
    "a method": lambda right: _Method(right).answer,
    "a partial": lambda right: functools.partial(right),
    "wrapped": lambda right: functools.wraps(right)(lambda *a: right(*a)),
    "defaults and more": _with_defaults,
    "calls itself": _recursive,
    "checks its input": _checks_its_input,
    "prints": _prints,
    "in the middle of a with": lambda right: lambda *a: _in_a_with(right, a),
}
NUMBERS = {
    "NumPy's float": returning(np.float64),
    "half as long a float": returning(np.float32),
    "an array without axes": returning(np.array),
    "an array of one entry": returning(lambda y: np.array([y])),
    "a list of one entry": returning(lambda y: [y]),
    "a tensor": returning(lambda y: torch.tensor(float(y), dtype=torch.float64)),
    "a tensor of one entry": returning(lambda y: torch.tensor([float(y)])),
    "a tensor with a gradient": returning(lambda y: torch.tensor(float(y), requires_grad=True)),
    "a fraction": returning(lambda y: fractions.Fraction(float(y))),
    "a decimal": returning(lambda y: decimal.Decimal(float(y))),
    "rounded to nine digits": returning(lambda y: float(f"{float(y):.9g}")),
    "NumPy's longest float": returning(np.longdouble),
}
ROWS = {
    "an array": returning(np.array),
    "a tuple": returning(tuple),
    "a tensor": returning(lambda y: torch.tensor(np.array(y, dtype=float))),
    "half as long floats": returning(lambda y: np.array(y, dtype=np.float32)),
    "a list of NumPy's floats": returning(lambda y: [np.float64(one) for one in y]),
    "a list of tensors": returning(lambda y: [torch.tensor(float(one)) for one in y]),
    "a list of arrays": returning(lambda y: [np.array([one]) for one in y]),
    "fractions": returning(lambda y: [fractions.Fraction(float(one)) for one in y]),
}


def _in_a_with(right, arguments):
    with np.errstate(all="raise"):
        return right(*arguments)


def _forms_of(task):
    """What the result of a task allows: numbers, rows, or texts."""
    if task.kind not in ("function", "vectorised"):
        return {}
    example = task.reference(*task.arguments(np.random.default_rng(0))[0])
    if task.judged is not None or type(example) is str:
        return ANY_RESULT
    rows = {k: v for k, v in ROWS.items() if task.kind != "vectorised" or k != "a list of arrays"}
    return ANY_RESULT | (rows if type(example) is list else NUMBERS)


def _right(task):
    """The trusted reference as a learner's function; the challenge's has one of its own."""
    if task.judged is not None:
        return lambda t, total: 0.17 * (1 - t / total)
    if task.kind == "vectorised":
        return lambda t, *rest: task.reference(t.tolist(), *rest)
    return task.reference


def thorough(task, name):
    """The answers that train are long to judge: one form of them stands for all."""
    return [pytest.mark.thorough] if task.id == "training_lab.5" and name != "a lambda" else []


FORMS = [
    pytest.param(task, form, id=f"{task.id}-{name}", marks=thorough(task, name))
    for task in TASKS.values()
    for name, form in _forms_of(task).items()
]


@pytest.mark.parametrize(("task", "form"), FORMS)
def test_a_right_answer_is_right_in_any_form(task, form):
    """Whatever type comes back, and whatever kind of thing is called."""
    if task.judged is not None and form is not ANY_RESULT["a method"]:
        form = ANY_RESULT["a lambda"]  # each is trained with: once is enough
    result = check(task.id, form(_right(task)))

    assert result.right or task.judged is not None and result.points > 0, result


def test_every_sheet_has_forty_unusual_right_answers():
    """Forms and the answers of `answers.py` together, for each sheet."""
    for sheet in SHEETS:
        forms = sum(parameter.values[0].sheet == sheet for parameter in FORMS)
        own = sum(len(a.right) for i, a in ANSWERS.items() if TASKS[i].sheet == sheet)
        assert forms + own >= 40, sheet


def _paper(t, lo, hi, up, f=np.float32):
    """The triangle as the paper writes it, in float32 throughout."""
    cycle = np.floor(f(1) + f(t) / (f(2) * f(up)))
    x = np.abs(f(t) / f(up) - f(2) * cycle + f(1))
    return f(lo) + (f(hi) - f(lo)) * np.maximum(f(0), f(1) - x)


def _cosine(pi):
    return lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(pi * t / T))


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("cyclical_lr.1", _paper),
        ("cosine_annealing.1", _cosine(3.14159)),
        ("cosine_annealing.1", _cosine(3.1415926)),
        ("exponential_decay.1", lambda t, lr, k: np.float32(lr) * np.exp(np.float32(-k * t))),
    ],
    ids=["triangle in float32", "pi of five digits", "pi of seven", "decay in float32"],
)
def test_rounding_costs_nothing(task, answer):
    """In twenty of twenty runs, with arguments drawn afresh."""
    assert all(check(task, answer).right for _ in range(20))


# Wrong answers with a name

_exp, _pi = math.exp, math.pi


def _height(t, up):
    return 1 - abs(t % (2 * up) / up - 1)


def _warm(climb, fall):
    return lambda t, lr, w, T, s: lr * (climb(t, w, s) if t < w else fall((t - w) / (T - w)))


def _half(x):
    return (1 + math.cos(_pi * x)) / 2


def _cycle(peak):
    def answer(t, hi, n, pct):
        top = peak(n, pct)
        if t <= top:
            return hi + (hi / 25 - hi) * _half(t / top)
        return hi / 25e4 + (hi - hi / 25e4) * _half((t - top) / (n - 1 - top))

    return answer


NAMED = {
    "step_decay.2": {
        "drop one early": lambda t, lr, s, g: lr * g ** ((t + 1) // s),
        "rounded up": lambda t, lr, s, g: lr * g ** np.ceil(t / s),
        "rest for quotient": lambda t, lr, s, g: lr * g ** (t % s),
        "without lr": lambda t, lr, s, g: g ** (t // s),
        "a single drop": lambda t, lr, s, g: np.where(t >= s, lr * g, lr),
        "a drop at every step": lambda t, lr, s, g: lr * g**t,
    },
    "exponential_decay.1": {
        "counted from 1": lambda t, lr, k: lr * _exp(-k * (t - 1)),
        "divided by k": lambda t, lr, k: lr * _exp(-t / k),
        "base ten": lambda t, lr, k: lr * 10 ** (-k * t),
        "t beside the exponential": lambda t, lr, k: lr * _exp(-k) * t,
    },
    "exponential_decay.2": {
        "one step ahead": lambda t, lr, k: lr * np.exp(-k * (t + 1)),
        "without lr": lambda t, lr, k: np.exp(-k * t),
    },
    "cosine_annealing.1": {
        "pi forgotten": lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(t / T)),
        "pi rounded": _cosine(3.14),
        "starts again at T_max": lambda t, lr, T, low: _cosine(_pi)(t % T, lr, T, low),
        "one step ahead": lambda t, lr, T, low: _cosine(_pi)(t + 1, lr, T, low),
        "a quarter wave": lambda t, lr, T, low: low + (lr - low) * math.cos(_pi * t / T / 2),
        "cut off at eta_min": lambda t, lr, T, low: max(low, _cosine(_pi)(t, lr, T, 0)),
    },
    "cosine_annealing.3": {
        "climb ends one early": _warm(lambda t, w, s: s + (1 - s) * t / max(w - 1, 1), _half),
        "counted up in whole updates": _warm(lambda t, w, s: (t + 1) / w, _half),
        "a straight fall": _warm(lambda t, w, s: s + (1 - s) * t / w, lambda x: 1 - x),
    },
    "cyclical_lr.1": {
        "one step ahead": lambda t, lo, hi, up: lo + (hi - lo) * _height(t + 1, up),
    },
    "cyclical_lr.2": {
        "rounded over the whole run": lambda i, b, e, c: math.ceil(i * e / b) // (2 * c),
    },
    "cyclical_lr.3": {
        "max_lr halved": lambda t, lo, hi, up: (
            lo + (hi / 2 ** (t // (2 * up)) - lo) * _height(t, up)
        ),
    },
    "cyclical_lr.5": {
        "lengths, not places": lambda T, m, total: _lengths(T, m, total),
    },
    "one_cycle.2": {
        "peak in shares of the last update": _cycle(lambda n, pct: pct * (n - 1)),
        "peak rounded down": _cycle(lambda n, pct: int(pct * n) - 1),
    },
    "one_cycle.3": {
        "one cosine over the whole run": lambda t, n, pct, lo, hi: (
            lo + (hi - lo) * (1 + math.cos(2 * _pi * t / (n - 1))) / 2
        ),
        "one half cosine over the whole run": lambda t, n, pct, lo, hi: (
            lo + (hi - lo) * _half(t / (n - 1))
        ),
    },
    "training_lab.6": {"exchanged": lambda n, b, other: [other / b, n * b // other]},
}


def _lengths(T, m, total):
    found, at, length = [], T, T
    while at < total:
        found.append(length)
        length *= m
        at += length
    return found


@pytest.mark.parametrize(
    ("task", "mistake", "answer"),
    [
        pytest.param(task, name, answer, id=f"{task}-{name}")
        for task, answers in NAMED.items()
        for name, answer in answers.items()
    ],
)
def test_a_common_mistake_has_its_name(task, mistake, answer):
    """It is found, it costs something, and its sentence is of its own."""
    result = check(task, answer)

    assert result._verdict.mistake == mistake, result
    assert result.points < result.of
    assert sum(m.says == _says(task, mistake) for m in TASKS[task].mistakes) == 1


def _says(task, name):
    return next(m.says for m in TASKS[task].mistakes if m.name == name)


def _twice(optimizer, epochs, batches, size, gamma):
    built = step_lr(optimizer, epochs, batches, size, gamma)
    once = built.step
    built.step = lambda: (once(), once())
    return built


def _with_epoch(model, optimizer, batches, epochs, step_size, gamma):
    start = optimizer.param_groups[0]["lr"]
    for epoch in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
        optimizer.param_groups[0]["lr"] = start * gamma ** (epoch // step_size)


LOOPS = {
    "stepped twice an epoch": loop(_twice),
    "never falls": loop(lambda o, e, b, size, gamma: step_lr(o, e, b, size * b, gamma)),
    "step(epoch)": _with_epoch,
    "an epoch too many": lambda m, o, b, e, *rest: loop(step_lr)(m, o, b, e + 1, *rest),
    "an epoch too few": lambda m, o, b, e, *rest: loop(step_lr)(m, o, b, e - 1, *rest),
}


@pytest.mark.parametrize(("mistake", "train"), LOOPS.items(), ids=LOOPS)
def test_a_loop_that_steps_wrongly_has_its_name(mistake, train):
    """Twice, counted in updates, with the epoch in the brackets, an epoch off."""
    result = check("step_decay.6", train)
    also = {"never falls": "step_size in updates"}  # as the run is drawn, it may fall once

    assert result._verdict.mistake in (mistake, also.get(mistake)), result
    assert not result.right


# What is asked, not judged


@pytest.mark.parametrize(
    ("task", "odd", "meant"),
    [
        ("step_decay.5", "stepped per batch", "stepped every batch"),
        ("step_decay.5", "milestone after end", "milestone after the end"),
        ("cosine_annealing.5", "T_max half of the run", "T_max is half the run"),
        ("one_cycle.6", "pct_start to large", "pct_start too large"),
        ("training_lab.4", "one seed only", "one seed"),
        ("training_lab.2", "no diference", "no difference"),
    ],
)
def test_a_misspelt_choice_is_asked_about(task, odd, meant):
    """It is none of the choices: that is said, with the one that is closest, and no diagnosis."""
    found = next(t for t in TASKS.values() if t.sheet == TASKS[task].sheet and meant in t.choices)
    answer = (lambda *_: odd) if found.kind == "function" else _one_odd(found, odd)
    result = check(found.id, answer)

    assert f"did you mean {meant!r}?" in result.says and "is none of the" in result.says
    assert result._verdict.asks and not result._verdict.mistake


def _one_odd(task, odd):
    return [odd, *task.reference()[1:]]


def test_a_choice_in_other_letters_is_that_choice():
    """Capitals, hyphens and a full stop at the end are no misspelling."""
    assert check(
        "step_decay.5",
        ["Stepped every batch", "stepped-before training.", "MILESTONE after the END"],
    ).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({0.1, 0.01}, "has no order: write a list"),
        ({"a": 0.1}, "write its values as a list"),
        ((x for x in (0.1, 0.2)), "put list( ) around it"),
    ],
    ids=["set", "dict", "generator"],
)
def test_what_is_no_list_hears_how_to_make_one(answer, says):
    """Where a list is asked for."""
    assert says in check("step_decay.4", answer).says


def test_a_huge_rate_is_not_called_infinite():
    """1e38 is a number; it is too large, and infinity is none."""
    assert "far too large" in check("training_lab.5", lambda t, total: 1e38).says
    assert "must be finite" in check("training_lab.5", lambda t, total: math.inf).says
