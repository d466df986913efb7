"""Questions of one's own where the answer is a value, drawn from a key and a name."""

import re

import pytest
from IPython.core.formatters import DisplayFormatter

import lrcourse
from lrcourse import check, checks
from lrcourse.tasks import TASKS, VARIED, varied

NAMES = [f"learner {i}" for i in range(40)]


@pytest.fixture(autouse=True)
def nobody_yet(tmp_path, monkeypatch):
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path / "memory"))
    monkeypatch.setattr(checks, "_class", {})


@pytest.mark.parametrize("task", VARIED)
def test_everybody_has_numbers_of_their_own(task):
    """Several in a class, the same again for the same name, another key gives others."""
    answers = {tuple(varied(TASKS[task], "key", name).reference()) for name in NAMES}
    others = [varied(TASKS[task], "other", name).reference() for name in NAMES]

    assert len(answers) >= 4
    assert others != [varied(TASKS[task], "key", name).reference() for name in NAMES]
    assert (
        varied(TASKS[task], "key", "Ada L.").question
        == varied(TASKS[task], "key", "ada_l").question
    )
    assert varied(TASKS[task], "", "ada") is TASKS[task]


def test_every_answer_that_is_a_value_varies():
    """No value in any sheet is the same for all who have a key."""
    assert [*VARIED] == [task.id for task in TASKS.values() if task.kind == "value"]


@pytest.mark.parametrize("task", [task for task in VARIED if not TASKS[task].choices])
def test_question_and_answer_belong_together(task):
    """What stands in the text is what the answer follows from, by the course's own schedules."""
    for name in NAMES[:12]:
        one = varied(TASKS[task], "key", name)
        assert one.reference() == pytest.approx(FROM_TEXT[task](one.question), abs=6e-5)


@pytest.mark.parametrize("task", [task for task in VARIED if TASKS[task].choices])
def test_each_case_keeps_its_cause(task):
    """The cases stand in another order, named A, B, C, ... as before, each with its own cause and
    with the sentences that speak of it."""
    public = TASKS[task]
    cause = dict(zip(_cases(public.question).values(), public.reference()))
    for name in NAMES[:12]:
        one = varied(public, "key", name)
        found = _cases(one.question)
        new = {old: [*found.values()].index(told) for old, told in _cases(public.question).items()}

        assert [*found] == sorted(found) == [*_cases(public.question)]
        assert [cause[told] for told in found.values()] == one.reference() != public.reference()
        for before, now in zip(public.mistakes, one.mistakes):
            assert [now.wrong()[new[letter]] for letter in new] == before.wrong()
        for before, now in zip(_texts(public), _texts(one)):
            spoken = [
                re.findall(r"\b[A-D]\b", text.partition("Set `")[0]) for text in (before, now)
            ]
            assert [[*found][new[letter]] for letter in spoken[0]] == spoken[1]


def _texts(task) -> list[str]:
    """All that is said of a task, but for its cases."""
    about = task.question.splitlines()
    told = [line for line in about if not line.startswith(("- **", "| "))]
    return ["\n".join(told), *task.hints, *(mistake.says for mistake in task.mistakes)]


def _numbers(text: str, *names: str) -> list[float]:
    return [float(re.search(rf"{name}=([\d.]+)", text)[1].rstrip(".")) for name in names]


def _steps(text: str) -> list[float]:
    size, gamma, lr = _numbers(text, "step_size", "gamma", "lr")
    updates = re.search(r"updates ([\d, ]+) and (\d+)", text)
    at = [int(t) for t in [*updates[1].split(","), updates[2]]]
    return [lrcourse.StepDecay(lr=lr, step_size=int(size), gamma=gamma)(t) for t in at]


def _wave(text: str) -> list[float]:
    T, lr = _numbers(text, "T_max", "`lr")
    updates = re.search(r"updates ([\d, ]+) and (\d+)", text)
    at = [int(t) for t in [*updates[1].split(","), updates[2]]]
    return [lrcourse.CosineAnnealing(lr=lr, T_max=int(T))(t) for t in at]


def _faces(text: str) -> list[float]:
    (gamma,) = _numbers(text, "gamma")
    k = float(re.search(r"e\^\{-([\d.]+) t\}", text)[1])
    used, meant = (
        lrcourse.ExponentialDecay(lr=1.0, gamma=gamma),
        lrcourse.ExponentialDecay(lr=1.0, k=k),
    )
    return [used(1), used(2), meant(1), meant(2)]


def _defaults(text: str) -> list[float]:
    (top,) = _numbers(text, "max_lr")
    return [0.0, lrcourse.Cyclical(base_lr=0.0, max_lr=top)(500), 0.9]


def _cases(text: str) -> dict[str, str]:
    """What is told of each case, by its letter, in the order of the text."""
    return dict(re.findall(r"^(?:- \*\*|\| )([A-D])(?:\*\*| \|)(.*)$", text, re.M))


FROM_TEXT = {
    "step_decay.4": _steps,
    "cosine_annealing.6": _wave,
    "exponential_decay.7": _faces,
    "cyclical_lr.6": _defaults,
}


@pytest.mark.parametrize("task", VARIED)
def test_check_expects_the_learners_own(task):
    """After `variant` the right answer is one's own, the public one is wrong, mistakes are named."""
    lrcourse.variant("key", "ada")
    own = varied(TASKS[task], "key", "ada")

    assert check(task, own.reference()).right
    assert not check(task, TASKS[task].reference()).right
    for mistake in own.mistakes:
        wrong = [r if type(w) is object else w for w, r in zip(mistake.wrong(), own.reference())]
        assert not check(task, wrong).right


def test_the_notebook_shows_the_learners_own_questions(monkeypatch):
    """All of them, as Markdown, by the call or by the two variables that a class's server sets."""
    shown = format_display(lrcourse.variant("key", "ada"))["text/markdown"]
    assert all(varied(TASKS[task], "key", "ada").question in shown for task in VARIED)

    monkeypatch.setattr(checks, "_class", {})
    monkeypatch.setenv("LRCOURSE_CLASS_KEY", "key")
    monkeypatch.setenv("LRCOURSE_LEARNER", "Ada")
    assert check("step_decay.4", varied(TASKS["step_decay.4"], "key", "ada").reference()).right


def format_display(value: object) -> dict[str, str]:
    """What JupyterLab gets to show of a cell's value: no HTML, which it would take before Markdown."""
    shown, _ = DisplayFormatter().format(value)
    assert "text/html" not in shown
    return shown


@pytest.mark.parametrize(("key", "learner"), [("", "ada"), ("key", " "), ("key", None)])
def test_an_empty_key_or_name_is_refused(key, learner):
    """With the one that is empty."""
    with pytest.raises(ValueError, match="must be a text with letters or digits"):
        lrcourse.variant(key, learner)
