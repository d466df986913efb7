"""Exercises on step decay."""

import math

import numpy as np

from lrcourse.schedules import MultiStepDecay, StepDecay
from lrcourse.tasks._task import Mistake, Task

SAID = [(0.1, 30, 0.1)]  # the example of the question comes first


def _stairs(rng: np.random.Generator) -> list[tuple]:
    """Every step of the example, then drawn staircases around their first three drops."""
    drawn = [
        (
            round(float(rng.uniform(0.01, 2)), 3),
            int(rng.integers(2, 40)),
            round(float(rng.uniform(0.1, 0.9)), 2),
        )
        for _ in range(4)
    ]
    calls = [(t, *SAID[0]) for t in range(100)]
    for lr, size, gamma in drawn:
        around = {0, 1, size - 1, size, size + 1, 2 * size - 1, 2 * size, 3 * size, 10 * size + 1}
        calls += [(t, lr, size, gamma) for t in sorted(around)]
    return calls


def _step(t, lr, step_size, gamma):
    return StepDecay(lr=lr, step_size=step_size, gamma=gamma)(t)


def _milestones(rng: np.random.Generator) -> list[tuple]:
    calls = [(t, 0.1, [30, 60, 80], 0.1) for t in (0, 1, 29, 30, 31, 59, 60, 61, 79, 80, 81, 500)]
    for _ in range(4):
        count = int(rng.integers(1, 5))
        at = sorted(int(m) for m in rng.choice(np.arange(3, 200), size=count, replace=False))
        lr, gamma = round(float(rng.uniform(0.01, 2)), 3), round(float(rng.uniform(0.1, 0.9)), 2)
        around = {0, *at, *(m - 1 for m in at), *(m + 1 for m in at), at[-1] + 50}
        calls += [(t, lr, at, gamma) for t in sorted(around)]
    return calls


def _multi_step(t, lr, milestones, gamma):
    return MultiStepDecay(lr=lr, milestones=milestones, gamma=gamma)(t)


TASKS = (
    Task(
        id="step_decay.1",
        title="Write the formula",
        question=(
            "Write `step_decay(t, lr, step_size, gamma)`: the rate that update `t` uses, for "
            "`t` = 0, 1, 2, ... Each drop multiplies the rate by `gamma`, and the drops come at "
            "`t = step_size`, `2 * step_size`, and so on."
        ),
        points=2,
        minutes=4,
        difficulty="recall",
        answer_name="step_decay",
        parameters=("t", "lr", "step_size", "gamma"),
        arguments=_stairs,
        reference=_step,
        covers="every step of 100, then the steps around three drops of staircases drawn at random",
        mistakes=(
            Mistake(
                name="drop one late",
                wrong=lambda t, lr, s, g: lr * g ** (max(t - 1, 0) // s),
                says="The drop comes one step late: floor((t-1)/step_size)?",
                share=0.5,
            ),
            Mistake(
                name="drop one early",
                wrong=lambda t, lr, s, g: lr * g ** ((t + 1) // s),
                says="The drop comes one step early: floor((t+1)/step_size)? t already counts "
                "from 0.",
                share=0.5,
            ),
            Mistake(
                name="not rounded down",
                wrong=lambda t, lr, s, g: lr * g ** (t / s),
                says="Your curve is smooth, without stairs: is t/step_size rounded down?",
            ),
            Mistake(
                name="rounded to the nearest",
                wrong=lambda t, lr, s, g: lr * g ** round(t / s),
                says="The drop comes half a stair early: round() goes to the nearest whole "
                "number, and the stairs need the one below.",
            ),
            Mistake(
                name="rounded up",
                wrong=lambda t, lr, s, g: lr * g ** math.ceil(t / s),
                says="The drop comes a whole stair early: rounded up, where down is needed?",
            ),
            Mistake(
                name="gamma times, not to the power",
                wrong=lambda t, lr, s, g: lr * g * (t // s) if t >= s else lr,
                says="The second drop is wrong: gamma is multiplied by the number of drops, "
                "where it should be raised to it.",
            ),
            Mistake(
                name="a single drop",
                wrong=lambda t, lr, s, g: lr if t < s else lr * g,
                says="Only the first drop is there: count how many drops have passed.",
            ),
            Mistake(
                name="a drop at every step",
                wrong=lambda t, lr, s, g: lr * g**t,
                says="It drops at every step: where does step_size come in?",
            ),
            Mistake(
                name="one stair, again and again",
                wrong=lambda t, lr, s, g: lr * g ** (t % s),
                says="It starts again after each step_size: % gives the rest of the division, "
                "and the number of drops is its whole part.",
            ),
        ),
        hints=(
            "How many drops have passed before step 0? Before step 29, 30, 59, 60?",
            "The number of drops is a division in whole numbers. Each drop multiplies once more.",
            "At t = 65 with step_size = 30 two drops have passed, and so the rate has been "
            "multiplied by gamma twice. Say the same with t and step_size in place of 65 and 30.",
        ),
    ),
    Task(
        id="step_decay.3",
        title="Drops where you say",
        question=(
            "Write `multi_step(t, lr, milestones, gamma)`: the rate is multiplied by `gamma` at "
            "each of the `milestones` (a list of steps, in increasing order). A drop applies *at* "
            "its milestone."
        ),
        points=3,
        minutes=6,
        difficulty="apply",
        answer_name="multi_step",
        parameters=("t", "lr", "milestones", "gamma"),
        arguments=_milestones,
        reference=_multi_step,
        covers="the step before, at and after every milestone, and long past the last",
        mistakes=(
            Mistake(
                name="drop one late",
                wrong=lambda t, lr, at, g: lr * g ** sum(t > m for m in at),
                says="The drop comes one step late: it applies at the milestone, t >= milestone.",
                share=0.5,
            ),
            Mistake(
                name="a single drop",
                wrong=lambda t, lr, at, g: lr if t < at[0] else lr * g,
                says="Only the first milestone counts in yours: each one multiplies again.",
            ),
        ),
        hints=(
            "How many of the milestones lie behind you at step t?",
            "Count the milestones that are at or before t. Each one multiplies once.",
            "At t = 65 with milestones 30, 60, 80, two are behind you: two factors of gamma. "
            "Count with a sum over the list.",
        ),
    ),
    Task(
        id="step_decay.4",
        title="By hand",
        question=(
            "`StepLR(step_size=30, gamma=0.1)` starts from 0.1. Without running anything: which "
            "rate do the updates 0, 29, 30, 60 and 89 use? Set `rates` to the list of the five."
        ),
        points=2,
        minutes=3,
        difficulty="recall",
        kind="value",
        answer_name="rates",
        reference=lambda: [0.1, 0.1, 0.01, 0.001, 0.001],
        covers="the five rates, either side of both drops",
        mistakes=(
            Mistake(
                name="drop one late",
                wrong=lambda: [0.1, 0.1, 0.1, 0.01, 0.001],
                says="At a drop, update 30 already uses the smaller rate.",
                share=0.5,
            ),
        ),
        hints=(
            "Which update is the first at the smaller rate?",
            "Updates are counted from 0. The drop applies at t = step_size.",
            "The first 30 updates are number 0 to 29. Number 30 is the 31st.",
        ),
    ),
)
