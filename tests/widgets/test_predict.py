"""Predict first: the guess is committed before the answer is there to be seen, and it stays."""

import numpy as np
import pytest
from widget_tools import from_browser, is_calm_png, sent, stored

import lrcourse
from lrcourse import Constant, CosineAnnealing, ExponentialDecay, OneCycle, StepDecay, memory
from lrcourse.widgets.questions import lessons, prediction

SKETCHES = {
    "flat": Constant(),
    "stairs": StepDecay(),
    "slide": ExponentialDecay(),
    "hill": OneCycle(),
}
BECAUSE = {name: f"why {name}" for name in SKETCHES}


def ask(key="test", answer="stairs", **options):
    return lrcourse.choose(key, "Which one drops?", SKETCHES, answer, BECAUSE, **options)


# choose


def test_the_browser_gets_the_same_whatever_the_answer_is():
    """Before the commit nothing in the page depends on which sketch is right, nor says why."""
    pages = {sent(ask(key=f"k-{answer}", answer=answer)) for answer in SKETCHES}

    assert len(pages) == 1
    assert "why" not in pages.pop()


def test_choosing_reveals_nothing_yet():
    """A choice may be changed as long as it is not committed."""
    guess = ask()
    guess.choose("slide")
    guess.choose("b")

    assert guess.state == {"chosen": "stairs", "committed": False}


@pytest.mark.parametrize(("chosen", "right"), [("stairs", True), ("slide", False)])
def test_committing_shows_guess_and_answer_with_every_reason(chosen, right):
    """After the commit the guess stands beside the answer; its reason comes first."""
    guess = ask()
    guess.choose(chosen)
    guess.commit()

    assert (guess.state["chosen"], guess.state["answer"]) == (chosen, "stairs")
    assert guess.state["right"] is right
    assert dict(guess.state["because"]) == BECAUSE
    assert len(guess.state["because"]) == len(BECAUSE)
    assert guess.state["because"][0][0] == chosen


def test_a_guess_is_shown_when_the_notebook_is_opened_again():
    """A new widget with the same key shows the guess and the answer at once."""
    first = ask()
    first.choose("hill")
    first.commit()

    assert ask().state == first.state
    assert ask(key="another").state["committed"] is False


def test_a_guess_is_committed_once():
    """After the reveal the guess cannot be changed, and the memory keeps the first."""
    guess = ask()
    guess.choose("hill")
    guess.commit()
    with pytest.raises(ValueError, match="committed"):
        guess.choose("stairs")
    guess.commit()

    assert memory.recall("choose", "test") == "hill"


def test_a_remembered_guess_that_is_no_sketch_any_more_is_no_guess():
    """When the lesson has changed, the learner is asked anew."""
    for kept in ("gone", 7, ["stairs"], None):
        memory.remember("choose", "test", kept)
        assert ask().state == {"chosen": None, "committed": False}


def test_sketches_are_the_rates_of_their_schedules():
    """What is drawn is the formula, over one common stretch, and no further than it is defined."""
    shown = {s["name"]: s["rates"] for s in ask(steps=120).content["sketches"]}

    for name, schedule in SKETCHES.items():
        steps = 100 if name == "hill" else 120
        np.testing.assert_allclose(shown[name], schedule(np.arange(steps)), rtol=1e-5, atol=1e-12)


def test_the_stored_output_asks_and_does_not_answer():
    """Without a kernel there are the question and the options, the same for every learner."""
    fresh = stored(ask())
    guess = ask()
    guess.choose("slide")
    guess.commit()

    assert stored(guess) == fresh
    assert set(fresh) == {"text/plain", "image/png", "alt"} and is_calm_png(fresh["image/png"])
    for part in ("Which one drops?", "(b) stairs", "jumps at 30"):
        assert part in fresh["text/plain"]
    assert "why" not in fresh["text/plain"]
    assert repr(guess) == "<choose 'test': 4 sketches>"


def test_words_tell_the_sketches_apart():
    """Who cannot see the sketches can still choose: no two have the same words."""
    for lesson in lessons():
        words = [s["words"] for s in lrcourse.choose(lesson).content["sketches"]]
        assert len(set(words)) == len(words) == 4


@pytest.mark.parametrize("lesson", lessons())
def test_every_lesson_asks_for_a_prediction(lesson):
    """`choose(lesson)` has four sketches, one of them the answer, and a reason for each."""
    asked = prediction(lesson)
    guess = lrcourse.choose(lesson)
    guess.choose(asked["answer"])
    guess.commit()

    assert guess.state["right"] is True
    assert set(asked["because"]) == set(asked["sketches"]) and len(asked["sketches"]) == 4


def test_the_answers_of_the_lessons_are_what_their_questions_ask_for():
    """The sketch marked right is the curve of the schedule that the question names."""
    t100, t200, t500 = np.arange(100), np.arange(200), np.arange(500)
    truth = {
        "step_decay": StepDecay(lr=0.1, step_size=30, gamma=0.1)(np.arange(90)),
        "exponential_decay": 0.1 * 0.95**t100,
        "cosine_annealing": CosineAnnealing(lr=0.1, T_max=100)(t200),
        "cyclical_lr": lrcourse.Cyclical(base_lr=0.001, max_lr=0.1)(t500),
        "one_cycle": OneCycle(total_steps=100).momentum(t100),
    }
    for lesson, curve in truth.items():
        answer = prediction(lesson)["answer"]
        [drawn] = [
            sketch["rates"]
            for sketch in lrcourse.choose(lesson).content["sketches"]
            if sketch["name"] == answer
        ]
        np.testing.assert_allclose(drawn, curve, rtol=1e-5, atol=1e-12)


def test_the_true_sketch_is_not_always_in_the_same_place():
    """Who always takes the same letter does not win."""
    places = {list(p["sketches"]).index(p["answer"]) for p in map(prediction, lessons())}

    assert len(places) >= 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "cliff"}, "answer must be one of the sketches .*'cliff'"),
        ({"because": {"flat": "x"}}, r"missing \['stairs', 'slide', 'hill'\]"),
        ({"because": BECAUSE | {"cliff": "x"}}, r"unknown \['cliff'\]"),
        ({"sketches": {"stairs": StepDecay()}, "because": {"stairs": "x"}}, "2 to 8"),
        ({"sketches": [StepDecay()]}, "sketches must be a dict"),
        ({"sketches": SKETCHES | {"flat": [0.1, float("nan")]}}, "'flat' must be finite, got nan"),
        ({"sketches": SKETCHES | {"flat": "0.1"}}, "'flat' must be a schedule or a list"),
        ({"sketches": SKETCHES | {"flat": [[0.1]]}}, r"got shape \(1, 1\)"),
        ({"key": ""}, "key must be a text"),
        ({"question": " "}, "question must be a text"),
    ],
)
def test_a_bad_question_is_refused_when_it_is_asked(change, message):
    """The author of a lesson learns at once what is wrong, with the value."""
    good = {
        "key": "test",
        "question": "Which?",
        "sketches": SKETCHES,
        "answer": "stairs",
        "because": BECAUSE,
    }
    with pytest.raises(ValueError, match=message):
        lrcourse.choose(**good | change)


def test_a_lesson_without_a_prediction_is_refused():
    """The message names the lessons that there are."""
    with pytest.raises(ValueError, match="'no_such_lesson'.*step_decay"):
        lrcourse.choose("no_such_lesson")


def test_the_browser_acts_through_the_same_methods():
    """A message from the page does what the method does; a refusal is said in one sentence."""
    guess = ask()
    from_browser(guess, "commit")
    assert guess.trouble == "Choose one of the sketches first, then commit."
    from_browser(guess, "choose", "hill")
    assert guess.trouble == ""
    from_browser(guess, "commit")
    assert guess.state["committed"] is True


def test_the_browser_may_not_call_anything_else():
    """A message that names another method does nothing."""
    guess = ask()
    with pytest.raises(ValueError, match="close"):
        guess._hear(guess, {"do": "close"}, [])
    with pytest.raises(ValueError, match="_remember"):
        guess._hear(guess, {"do": "_remember", "with": ["a", "b", "c"]}, [])


def test_an_error_is_told_to_the_learner_and_raised():
    """What breaks inside a callback is a sentence on the page, and an exception for the tests."""
    guess = ask()
    with pytest.raises(TypeError):
        guess._hear(guess, {"do": "choose", "with": ["a", "b"]}, [])

    assert guess.trouble.startswith("This did not work (TypeError: ")
    assert guess.trouble.count("\n") == 0


def test_a_guess_counts_where_it_cannot_be_kept(monkeypatch, tmp_path):
    """With an unusable folder the answer is revealed all the same, and the learner is told."""
    file = tmp_path / "a file"
    file.write_text("in the way")
    monkeypatch.setenv("LRCOURSE_HOME", str(file))
    guess = ask()
    from_browser(guess, "choose", "hill")
    from_browser(guess, "commit")

    assert guess.state["committed"] is True
    assert "cannot be kept" in guess.trouble and "a file" in guess.trouble


# draw


def drawing(key="test", schedule=None, steps=101, **options):
    return lrcourse.draw(
        key, schedule or CosineAnnealing(lr=0.1, T_max=100), steps=steps, **options
    )


def points_of(schedule, count=6, last=100):
    return [[float(t), schedule(t)] for t in np.linspace(0, last, count).round()]


def test_nothing_of_the_truth_is_sent_before_the_commit():
    """The page is the same for every schedule of the same peak and length."""
    cosine = drawing(key="a")
    other = drawing(key="b", schedule=ExponentialDecay(lr=0.1, gamma=0.9))

    assert sent(cosine) == sent(other)


def test_a_perfect_drawing_is_no_distance_away():
    """A straight line drawn with straight lines: distance 0."""
    line = lrcourse.Polynomial(lr=0.1, total_iters=100)
    guess = drawing(schedule=line)
    guess.draw(points_of(line))
    guess.commit()

    assert guess.state["distance"] == pytest.approx(0, abs=1e-12)
    assert guess.state["words"].startswith("Very close: on average your curve is 0 % of the peak")


def test_the_distance_is_the_mean_difference_as_a_share_of_the_peak():
    """Constant at half the peak against a drop to a tenth after half of the run: 0.5 and 0.4."""
    stairs = StepDecay(lr=0.1, step_size=50, gamma=0.1)
    guess = drawing(schedule=stairs, steps=100)
    guess.draw([[t, 0.05] for t in (0, 20, 40, 59, 79, 99)])
    guess.commit()

    assert guess.state["distance"] == pytest.approx((0.5 + 0.4) / 2)
    assert guess.state["worst"] == 0
    assert "you drew 0.05, the schedule says 0.1" in guess.state["words"]
    np.testing.assert_allclose(guess.state["truth"], stairs(np.arange(100)), rtol=1e-5)


def test_the_first_drawing_is_kept_through_all_tries():
    """Trying again hides the truth; the first drawing stays, also when opened again."""
    first, second = points_of(Constant(lr=0.05)), points_of(CosineAnnealing(lr=0.1, T_max=100))
    guess = drawing()
    guess.draw(first)
    guess.commit()
    guess.again()
    assert guess.state["committed"] is False and "truth" not in guess.state
    guess.draw(second)
    guess.commit()

    assert guess.state["first"] == first and guess.state["points"] == second
    assert "Your first drawing was" in guess.state["words"]
    assert drawing().state == guess.state
    assert memory.recall("draw", "test") == {"first": first, "last": second}


def test_a_drawing_must_be_drawn():
    """Committing what was never touched is refused."""
    guess = drawing()
    with pytest.raises(ValueError, match="move at least one point"):
        guess.commit()
    assert memory.recall("draw", "test") is None


@pytest.mark.parametrize(
    "schedule",
    [StepDecay(step_size=20, gamma=0.5), OneCycle(total_steps=90), CosineAnnealing(T_max=90)],
)
def test_a_careful_drawing_can_come_close(schedule):
    """There are as many points as the curve asks for: put where it turns, they come very close."""
    guess = lrcourse.draw("test", schedule, steps=90)
    free, truth = len(guess.state["points"]), schedule(np.arange(90))
    kept = [0, 89]
    while len(kept) < free:  # one more where the drawing is furthest from the curve
        away = np.abs(np.interp(np.arange(90), kept, truth[kept]) - truth)
        kept = sorted({*kept, int(away.argmax())})
        if away.max() < 1e-9:
            break
    kept = sorted({*kept, *[t for t in range(90) if t not in kept][: free - len(kept)]})
    guess.draw([[float(t), float(truth[t])] for t in kept])
    guess.commit()

    assert guess.state["words"].startswith("Very close")


def test_stairs_have_two_points_a_drop():
    """Four drops need ten points; a cosine has six as ever; a number that is given is kept."""
    assert (
        len(lrcourse.draw("a", StepDecay(step_size=20, gamma=0.5), steps=90).state["points"]) == 10
    )
    assert len(lrcourse.draw("b", CosineAnnealing(), steps=101).state["points"]) >= 6
    assert len(lrcourse.draw("c", StepDecay(), steps=90, points=4).state["points"]) == 4


@pytest.mark.parametrize(
    "points",
    [
        [[0, 0.1]],
        [[0, 0.1], [20, 0.1], [20, 0.1], [60, 0.1], [80, 0.1], [100, 0.1]],
        [[0, 0.1], [20, 0.1], [40, 0.1], [60, 0.1], [80, 0.1], [99, 0.1]],
        [[0, 0.1], [20, 0.1], [40, 0.1], [60, -0.1], [80, 0.1], [100, 0.1]],
        [[0, 0.1], [20, 0.1], [40, 0.1], [60, 9.0], [80, 0.1], [100, 0.1]],
        [[0, 0.1], [20, 0.1], [40, float("nan")], [60, 0.1], [80, 0.1], [100, 0.1]],
    ],
)
def test_points_that_are_no_curve_are_refused(points):
    """In order, from the first update to the last, within the picture."""
    guess = drawing()
    before = guess.state
    with pytest.raises(ValueError, match="a drawing is 6 points"):
        guess.draw(points)
    assert guess.state == before


@pytest.mark.parametrize("kept", [7, "x", {}, {"first": [[0, 1]]}, {"first": 1, "last": 2}])
def test_a_remembered_drawing_for_other_axes_is_left_alone(kept):
    """A lesson that has changed starts afresh instead of failing."""
    memory.remember("draw", "test", kept)

    assert drawing().state["committed"] is False


def test_the_stored_drawing_is_empty_axes():
    """Without a kernel: the question, the axes, no truth, the same for every learner."""
    fresh = stored(drawing())
    guess = drawing()
    guess.draw(points_of(CosineAnnealing(lr=0.1, T_max=100)))
    guess.commit()

    assert stored(guess) == fresh
    assert is_calm_png(fresh["image/png"])
    assert "t from 0 to 100, learning rate from 0 to 0.125" in fresh["text/plain"]
    assert repr(guess) == "<draw 'test': 6 points over 101 updates>"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 1}, "points must be a whole number from 2 to 20, got 1"),
        ({"points": 2.5}, "got 2.5"),
        ({"schedule": Constant(lr=0.0)}, "above 0"),
        ({"schedule": [0.1, float("inf")]}, "finite, got inf at position 1"),
        ({"key": None}, "key must be a text"),
    ],
)
def test_a_bad_drawing_is_refused_when_it_is_made(change, message):
    """With the value and the fix."""
    with pytest.raises(ValueError, match=message):
        lrcourse.draw(**{"key": "test", "schedule": StepDecay()} | change)
