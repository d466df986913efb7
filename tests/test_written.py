"""`lrcourse.match`: what you wrote, beside the schedule that it should be."""

import numpy as np
import pytest

import lrcourse
from lrcourse import CosineAnnealing, StepDecay, match

PLAN = StepDecay(lr=0.1, step_size=30)


@pytest.mark.parametrize(
    "mine",
    [
        PLAN,
        lambda t: 0.1 * 0.1 ** (t // 30),
        lambda t: np.float32(PLAN(t)),
        PLAN(np.arange(90)),
        PLAN(np.arange(90)).tolist(),
    ],
)
def test_what_is_right_is_said_to_be(mine):
    """A function of t and a list of rates are both right, to what float32 keeps."""
    found = match(mine, PLAN, steps=90)

    assert found and repr(found) == "Right: the same rate at all 90 updates."


@pytest.mark.parametrize(
    "mine, says",
    [
        (lambda t: 0.1, "t = 30: yours 0.1, expected 0.01. The first 30 updates are right."),
        (lambda t: PLAN(max(t - 1, 0)), "Yours is the plan, one update late."),
        (lambda t: PLAN(t + 1), "Yours is the plan, one update early."),
        (lambda t: 2 * PLAN(t), "t = 0: yours 0.2, expected 0.1."),
        (lambda t: None, "returns None"),
        (lambda t: ..., "returns Ellipsis"),
        (None, "it is None"),
        (lambda t: 1 / (t - 7), "(7) raised ZeroDivisionError"),
        (lambda t: "0.1 or so", "is '0.1 or so', not a rate"),
        ([0.1] * 80, "You have 80 rates, and 90 updates"),
        ([0.1, None] * 45, "entry 1 is None, not a rate"),
        (lambda t: float("nan"), "yours nan"),
    ],
)
def test_what_is_wrong_is_named_where_it_begins(mine, says):
    """The first update that is not right, with both rates; or why there is none to compare."""
    found = match(mine, PLAN, steps=90)

    assert not found
    assert says in repr(found)


def test_it_is_as_long_as_what_it_compares():
    """Without `steps`: as many updates as the list has, or as the plan is long."""
    cosine = CosineAnnealing(lr=0.1, T_max=40)

    assert "all 12 updates" in repr(match(cosine(np.arange(12)), cosine))
    assert f"all {cosine.horizon} updates" in repr(match(cosine, cosine))


def test_bad_steps_are_refused():
    """A number of steps that makes no sense is an error of its own."""
    with pytest.raises(ValueError, match="steps"):
        lrcourse.match([0.1], PLAN, steps=0)
