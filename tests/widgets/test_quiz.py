"""The quizzes: one right choice and a reason for each, computed numbers, kept answers."""

import json
import re
from collections import Counter

import pytest
from widget_tools import from_browser, sent, stored

import lrcourse
import lrcourse.memory
from lrcourse.widgets import questions
from lrcourse.widgets.questions import QUIZZES, computed, lessons, load

NAMES = [
    "cosine_annealing",
    "cyclical_lr",
    "exponential_decay",
    "one_cycle",
    "start_here",
    "step_decay",
    "training_lab",
    "warmup_stable_decay",
]


def right_letter(lesson: str, number: int) -> str:
    choices = load(lesson)[number - 1]["choices"]
    return "abcdef"[[choice["right"] for choice in choices].index(True)]


def wrong_letter(lesson: str, number: int) -> str:
    return next(letter for letter in "ab" if letter != right_letter(lesson, number))


# The questions


def test_every_lesson_has_a_quiz():
    """Start here, the six lessons, and the lab."""
    assert lessons() == NAMES


@pytest.mark.parametrize("lesson", NAMES)
def test_a_quiz_is_three_questions_with_one_right_choice_each(lesson):
    """Three questions; three choices or more; exactly one right; all different; all explained."""
    asked = load(lesson)

    assert len(asked) == 3
    for question in asked:
        choices = question["choices"]
        assert len(choices) >= 3
        assert [choice["right"] for choice in choices].count(True) == 1
        assert len({choice["text"] for choice in choices}) == len(choices)
        assert all(len(choice["because"]) > 30 for choice in choices)
        assert len({choice["because"] for choice in choices}) == len(choices)


@pytest.mark.parametrize("lesson", NAMES)
def test_every_number_template_was_computed(lesson):
    """No brace is left over, and no number comes out as nan."""
    text = json.dumps(load(lesson))

    assert not re.search(r"\{[A-Za-z(]|\bnan\b|\binf\b", text.replace('{"', ""))


def test_numbers_come_from_the_package():
    """Most lessons compute: a template of a schedule is in the quiz of every schedule."""
    for lesson in set(NAMES) - {"training_lab"}:
        source = (QUIZZES / f"{lesson}.toml").read_text(encoding="utf-8")
        assert re.search(
            r"\{\(?(StepDecay|ExponentialDecay|CosineAnnealing|Cyclical|OneCycle)", source
        )


def test_a_changed_formula_changes_the_quiz(monkeypatch):
    """The numbers in the quiz are computed when it is loaded, not written down."""
    before = load("step_decay")
    monkeypatch.setattr(lrcourse.StepDecay, "_rate", lambda self, t: self.lr + 0 * t)
    with pytest.raises(ValueError, match="no two the same"):
        load("step_decay")
    monkeypatch.undo()
    assert load("step_decay") == before


def test_the_right_choice_is_not_always_in_the_same_place():
    """No letter is right in more than half of the questions."""
    right = Counter(right_letter(lesson, i) for lesson in NAMES for i in (1, 2, 3))

    assert max(right.values()) <= sum(right.values()) / 2
    assert len(right) >= 3


def test_the_longest_choice_is_not_usually_the_right_one():
    """Who picks the longest answer does not win."""
    wins = 0
    for lesson in NAMES:
        for question in load(lesson):
            longest = max(question["choices"], key=lambda choice: len(choice["text"]))
            wins += longest["right"]

    assert wins <= 3 * len(NAMES) / 2


def test_templates_compute():
    """Expressions of the schedules and of NumPy, formatted; doubled braces stay."""
    assert (
        computed("{StepDecay(lr=0.1, step_size=30)(60):.3g} and {2 ** 10:,}") == "0.001 and 1,024"
    )
    assert computed("{np.sqrt(2):.2f} {{x}}") == "1.41 {x}"


@pytest.mark.parametrize("template", ["{open('x')}", "{StepDecay(}", "{nothing}", "{1 / 0}"])
def test_a_bad_template_names_its_quiz(template, tmp_path, monkeypatch):
    """A mistake in a quiz file says which question it is in."""
    choice = '[[question.choice]]\ntext = "{}"\nbecause = "x"\n'
    bad = f'[[question]]\nask = "{template}"\n' + choice
    (tmp_path / "bad.toml").write_text(bad, encoding="utf-8")
    monkeypatch.setattr(questions, "QUIZZES", tmp_path)
    with pytest.raises(ValueError, match="quiz 'bad', question 1"):
        load("bad")


@pytest.mark.parametrize("right", [(False, False), (True, True)])
def test_a_quiz_without_exactly_one_right_choice_is_refused(right, tmp_path, monkeypatch):
    """None right and two right are both mistakes of the author."""
    choices = "".join(
        f'[[question.choice]]\ntext = "{i}"\nright = {str(r).lower()}\nbecause = "x"\n'
        for i, r in enumerate(right)
    )
    (tmp_path / "bad.toml").write_text(f'[[question]]\nask = "?"\n{choices}', encoding="utf-8")
    monkeypatch.setattr(questions, "QUIZZES", tmp_path)
    with pytest.raises(ValueError, match="one choice must be right"):
        load("bad")


def test_a_lesson_without_a_quiz_is_refused():
    """The message names those that there are."""
    with pytest.raises(ValueError, match="'no_such'.*cosine_annealing.*training_lab"):
        lrcourse.quiz("no_such")


# The widget


@pytest.mark.parametrize("lesson", NAMES)
def test_the_page_holds_no_answer_before_it_is_given(lesson):
    """Neither which choice is right nor any explanation is in the page, or the stored output."""
    quiz = lrcourse.quiz(lesson)
    page = sent(quiz) + json.dumps(stored(quiz))

    assert '"because"' not in page and '"right": true' not in page
    for question in load(lesson):
        for choice in question["choices"]:
            assert json.dumps(choice["because"])[1:-1] not in page


def test_an_answer_is_explained_and_the_others_stay_hidden():
    """Only the explanation of the choice made is shown."""
    quiz = lrcourse.quiz("step_decay")
    letter = wrong_letter("step_decay", 2)
    quiz.answer(2, letter)
    first, second, third = quiz.state["answers"]

    assert first is None and third is None
    chosen = load("step_decay")[1]["choices"]["abcdef".index(letter)]
    assert second["because"] == chosen["because"] and second["right"] is False
    assert quiz.state["words"] == "0 of 3 right, 2 still to answer."


def test_a_quiz_may_be_retried_and_remembers_the_first_try():
    """The score counts the last answers, and says how many were right at the first try."""
    quiz = lrcourse.quiz("one_cycle")
    quiz.answer(1, wrong_letter("one_cycle", 1))
    for number in (1, 2, 3):
        quiz.answer(number, right_letter("one_cycle", number))

    assert quiz.state["right"] == 3
    assert quiz.state["words"] == "3 of 3 right; 2 at the first try."


def test_answers_are_shown_when_the_notebook_is_opened_again():
    """A new widget shows what was answered; other quizzes are not touched."""
    quiz = lrcourse.quiz("cyclical_lr")
    quiz.answer(1, "a")
    quiz.answer(3, "b")

    assert lrcourse.quiz("cyclical_lr").state == quiz.state
    assert lrcourse.quiz("one_cycle").state["answers"] == [None, None, None]


@pytest.mark.parametrize("kept", [7, {"gone": {"first": "a", "last": "b"}}, {"x": 3}])
def test_remembered_answers_to_other_questions_are_left_alone(kept):
    """A quiz whose questions have changed starts afresh instead of failing."""
    lrcourse.memory.remember("quiz", "step_decay", kept)

    assert lrcourse.quiz("step_decay").state["answers"] == [None, None, None]


def test_a_remembered_answer_that_is_no_choice_any_more_is_left_alone():
    """The question is asked anew when its choices have changed, the others are kept."""
    quiz = lrcourse.quiz("step_decay")
    quiz.answer(1, "a")
    quiz.answer(2, "a")
    kept = lrcourse.memory.recall("quiz", "step_decay")
    kept[load("step_decay")[0]["ask"]]["last"] = "an old choice"
    lrcourse.memory.remember("quiz", "step_decay", kept)
    first, second, _ = lrcourse.quiz("step_decay").state["answers"]

    assert first is None and second["choice"] == "a"


@pytest.mark.parametrize(
    ("question", "choice", "message"),
    [
        (0, "a", "questions 1 to 3, got 0"),
        (4, "a", "got 4"),
        (1, "z", "got 'z'"),
        (1, "", "got ''"),
    ],
)
def test_an_answer_to_nothing_is_refused(question, choice, message):
    """With what there is to choose from."""
    with pytest.raises(ValueError, match=message):
        lrcourse.quiz("step_decay").answer(question, choice)


def test_the_browser_answers_through_the_same_method():
    """A message from the page is an answer; without a choice it is a sentence."""
    quiz = lrcourse.quiz("start_here")
    from_browser(quiz, "answer", 1, None)
    assert quiz.trouble == "Choose one of the answers first, then check."
    from_browser(quiz, "answer", 1, "b")
    assert quiz.trouble == "" and quiz.state["answers"][0]["choice"] == "b"


def test_the_stored_output_is_the_same_for_every_learner():
    """Questions and choices, as text and as HTML; never what this learner answered."""
    fresh = stored(lrcourse.quiz("step_decay"))
    quiz = lrcourse.quiz("step_decay")
    quiz.answer(1, "a")

    assert stored(quiz) == fresh and set(fresh) == {"text/plain", "text/html"}
    asked = load("step_decay")[0]
    assert asked["ask"] in fresh["text/plain"]
    assert all(choice["text"] in fresh["text/plain"] for choice in asked["choices"])
    assert "<code>step_size=30</code>" in fresh["text/html"] and "&quot;" in fresh["text/html"]
    assert repr(quiz) == "<quiz 'step_decay': 3 questions>"


def test_quiz_stays_a_function_however_it_is_reached():
    """Asking for it twice gives the function twice, not a module of that name."""
    from lrcourse.widgets.quiz import quiz

    assert lrcourse.quiz is lrcourse.quiz is quiz


# What the explanations say about PyTorch, seen in PyTorch


def optimizer(**options):
    import torch

    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], **options)


def test_cyclic_takes_momentum_over_even_where_there_was_none():
    """cyclical_lr, question 2: 0.9 for an SGD without momentum, 0.8 at the peak."""
    from torch.optim.lr_scheduler import CyclicLR

    sgd = optimizer(lr=0.5, momentum=0)
    scheduler = CyclicLR(sgd, base_lr=0.001, max_lr=0.1)
    assert sgd.param_groups[0]["momentum"] == 0.9
    for _ in range(2000):
        sgd.step()
        scheduler.step()
    assert sgd.param_groups[0]["momentum"] == pytest.approx(0.8)


def test_one_cycle_writes_the_optimizer_and_ends_with_an_error():
    """one_cycle, questions 2 and 3: the lr of the optimizer is gone, step 1001 of 1000 raises."""
    from torch.optim.lr_scheduler import OneCycleLR

    sgd = optimizer(lr=0.5, momentum=0.9)
    scheduler = OneCycleLR(sgd, max_lr=0.1, total_steps=1000)
    group = sgd.param_groups[0]
    assert (group["lr"], group["momentum"]) == (pytest.approx(0.004), 0.95)
    for _ in range(1000):
        sgd.step()
        scheduler.step()
    sgd.step()
    with pytest.raises(ValueError, match="Tried to step 1001 times"):
        scheduler.step()


def test_a_state_brings_the_old_length_back():
    """warmup_stable_decay, question 3: T_max=200 in the code, 100 in the state, and 100 it is."""
    from torch.optim.lr_scheduler import CosineAnnealingLR

    sgd = optimizer(lr=1.0)
    old = CosineAnnealingLR(sgd, T_max=100)
    for _ in range(100):
        sgd.step()
        old.step()
    new = CosineAnnealingLR(sgd, T_max=200)
    new.load_state_dict(old.state_dict())
    for _ in range(50):
        sgd.step()
        new.step()

    assert new.T_max == 100 and sgd.param_groups[0]["lr"] == pytest.approx(0.5)


def test_a_drop_leaves_the_gathered_momentum_alone():
    """step_decay, question 3: StepLR changes the rate and nothing else."""
    from torch.optim.lr_scheduler import StepLR

    sgd = optimizer(lr=1.0, momentum=0.9)
    scheduler = StepLR(sgd, step_size=1)
    [weight] = sgd.param_groups[0]["params"]
    weight.sum().backward()
    sgd.step()
    before = sgd.state[weight]["momentum_buffer"].clone()
    scheduler.step()

    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1)
    assert sgd.state[weight]["momentum_buffer"].equal(before) and before.abs().sum() > 0
