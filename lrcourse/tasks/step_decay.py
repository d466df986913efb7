"""Exercises on step decay."""

import math
from functools import lru_cache

import numpy as np

from lrcourse.schedules import MultiStepDecay, StepDecay
from lrcourse.tasks._draw import calls, rate, seeded, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task


def _a_staircase(rng):
    size = whole(rng, 2, 40)
    around = steps(10 * size + 1, [size, 2 * size, 3 * size])
    return around, (rate(rng), size, share(rng))


_a_step_decay = lru_cache(64)(StepDecay)  # building one costs more than calling it


def _step(t, lr, step_size, gamma):
    return _a_step_decay(lr=lr, step_size=step_size, gamma=gamma)(t)


def _curves(rng):
    found = [
        ([0, 29, 30, 59, 60, 89], 0.1, 30, 0.1),
        ([0], 0.1, 30, 0.1),
        ([20, 80, 50], 0.1, 30, 0.1),
    ]
    for _ in range(4):
        ts, rest = _a_staircase(rng)
        found.append(([int(t) for t in rng.permutation(ts)], *rest))
    return found


def _curve(t, lr, step_size, gamma):
    return _step(np.array(t), lr, step_size, gamma).tolist()


def _some_milestones(rng):
    at = sorted(int(m) for m in rng.choice(np.arange(3, 200), whole(rng, 2, 5), replace=False))
    return steps(at[-1] + 50, at), (rate(rng), at, share(rng))


def _multi_step(t, lr, milestones, gamma):
    return MultiStepDecay(lr=lr, milestones=milestones, gamma=gamma)(t)


def _runs(rng):
    """(lr, batches, epochs, step_size, gamma) of short runs with at least two drops."""
    drawn = [
        (rate(rng), whole(rng, 2, 5), whole(rng, 7, 9), whole(rng, 2, 3), share(rng))
        for _ in range(2)
    ]
    return [(0.1, 4, 6, 2, 0.1), *drawn]


def _per_epoch(lr, batches, epochs, step_size, gamma, late=0):
    """The rate of every update, when the schedule counts epochs; `late` shifts it, in updates."""
    updates = np.arange(epochs * batches) - late
    return _step(np.maximum(updates // batches, 0), lr, step_size, gamma).tolist()


def _stops(rng):
    """(lr, batches, epochs before the stop, epochs after it, step_size, gamma)."""
    drawn = []
    for _ in range(2):
        size = whole(rng, 3, 4)
        drawn.append((rate(rng), whole(rng, 1, 3), size + 1, size + 2, size, share(rng)))
    return [(0.1, 2, 4, 5, 3, 0.1), *drawn]


def _resumed(lr, batches, before, after, step_size, gamma):
    return _per_epoch(lr, batches, before + after, step_size, gamma)


def _second_run(rates):
    """A mistake of the second run only: the first is as it should be."""

    def wrong(lr, batches, before, after, step_size, gamma):
        first = _per_epoch(lr, batches, before, step_size, gamma)
        epochs = [rates(lr, e, before, step_size, gamma) for e in range(after)]
        return first + [epoch for epoch in epochs for _ in range(batches)]

    return wrong


BUGS = (
    "scheduler before optimizer",
    "stepped every batch",
    "stepped before training",
    "milestone after the end",
    "never stepped",
)

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
        arguments=calls((0.1, 30, 0.1), range(100), _a_staircase),
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
                name="counted from 1",
                wrong=lambda t, lr, s, g: lr * g ** ((t - 1) // s),
                says="The drop comes one step late, floor((t-1)/step_size)?, and at t = 0 that "
                "is -1: the first rate is too large.",
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
                name="gamma times from the start",
                wrong=lambda t, lr, s, g: lr * g * (t // s),
                says="The rate starts at 0: gamma is multiplied by the number of drops, where "
                "it should be raised to it.",
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
                name="rest for quotient",
                wrong=lambda t, lr, s, g: lr * g ** (t % s),
                says="It starts again after each step_size: % gives the rest of the division, "
                "and the number of drops is its whole part.",
            ),
            Mistake(
                name="without lr",
                wrong=lambda t, lr, s, g: g ** (t // s),
                says="That is the factor; the rate is lr times it.",
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
        id="step_decay.2",
        title="All steps at once",
        question=(
            "Write `step_curve(t, lr, step_size, gamma)`: the same formula, but `t` is a NumPy "
            "array of steps, in any order, and so is what comes back: one rate for each. No loop "
            "is needed."
        ),
        points=2,
        minutes=4,
        difficulty="apply",
        kind="vectorised",
        answer_name="step_curve",
        parameters=("t", "lr", "step_size", "gamma"),
        arguments=_curves,
        reference=_curve,
        covers="arrays of one step and of many, in order and not",
        mistakes=(
            Mistake(
                name="not rounded down",
                wrong=lambda t, lr, s, g: (lr * g ** (np.array(t) / s)).tolist(),
                says="Your curve is smooth, without stairs: is t/step_size rounded down?",
            ),
            Mistake(
                name="drop one late",
                wrong=lambda t, lr, s, g: (
                    lr * g ** (np.maximum(np.array(t) - 1, 0) // s)
                ).tolist(),
                says="The drop comes one step late: floor((t-1)/step_size)?",
                share=0.5,
            ),
            Mistake(
                name="rounded to the nearest",
                wrong=lambda t, lr, s, g: (lr * g ** np.round(np.array(t) / s)).tolist(),
                says="np.round goes to the nearest whole number, and the stairs need the one "
                "below.",
            ),
            Mistake(
                name="sorted",
                wrong=lambda t, lr, s, g: _curve(sorted(t), lr, s, g),
                says="Each rate must stand where its step stands: do not sort.",
            ),
            Mistake(
                name="place for step",
                wrong=lambda t, lr, s, g: _curve(list(range(len(t))), lr, s, g),
                says="You used the place in the array as the step: t[0] need not be 0.",
            ),
            Mistake(
                name="one number for all",
                wrong=lambda t, lr, s, g: _step(max(t), lr, s, g),
                says="One rate came back: there must be one for each step.",
            ),
            Mistake(
                name="drop one early",
                wrong=lambda t, lr, s, g: (lr * g ** ((np.array(t) + 1) // s)).tolist(),
                says="The drop comes one step early: floor((t+1)/step_size)? t already counts from 0.",
                share=0.5,
            ),
            Mistake(
                name="rounded up",
                wrong=lambda t, lr, s, g: (lr * g ** np.ceil(np.array(t) / s)).tolist(),
                says="The drop comes a whole stair early: rounded up, where down is needed?",
            ),
            Mistake(
                name="rest for quotient",
                wrong=lambda t, lr, s, g: (lr * g ** (np.array(t) % s)).tolist(),
                says="It starts again after each step_size: % gives the rest of the division, and "
                "the number of drops is its whole part.",
            ),
            Mistake(
                name="without lr",
                wrong=lambda t, lr, s, g: (g ** (np.array(t) // s)).tolist(),
                says="That is the factor; the rate is lr times it.",
            ),
            Mistake(
                name="a single drop",
                wrong=lambda t, lr, s, g: np.where(np.array(t) < s, lr, lr * g).tolist(),
                says="Only the first drop is there: count how many drops have passed.",
            ),
            Mistake(
                name="a drop at every step",
                wrong=lambda t, lr, s, g: (lr * g ** np.array(t)).tolist(),
                says="It drops at every step: where does step_size come in?",
            ),
            Mistake(
                name="gamma times, not to the power",
                wrong=lambda t, lr, s, g: (lr * g * (np.array(t) // s)).tolist(),
                says="gamma is multiplied by the number of drops, where it should be raised to it.",
            ),
        ),
        hints=(
            "Try your formula of the first exercise on np.array([0, 29, 30]). What stops it?",
            "Arithmetic on an array works entry by entry: //, * and ** too. `if` and the math "
            "module do not.",
            "np.array([0, 29, 30]) // 30 is array([0, 0, 1]): the drops of each step. A number "
            "to the power of that array is an array again.",
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
        arguments=calls((0.1, [30, 60, 80], 0.1), steps(500, [30, 60, 80]), _some_milestones),
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
                name="drop one early",
                wrong=lambda t, lr, at, g: lr * g ** sum(t + 1 >= m for m in at),
                says="The drop comes one step early: the update before a milestone still uses "
                "the larger rate.",
                share=0.5,
            ),
            Mistake(
                name="a single drop",
                wrong=lambda t, lr, at, g: lr if t < at[0] else lr * g,
                says="Only the first milestone counts in yours: each one multiplies again.",
            ),
            Mistake(
                name="back up again",
                wrong=lambda t, lr, at, g: lr * g if t in at else lr,
                says="The rate is lower only at the milestone itself, and then back: a drop stays.",
            ),
            Mistake(
                name="milestones as a step size",
                wrong=lambda t, lr, at, g: lr * g ** (t // at[0]),
                says="The drops come at multiples of the first milestone: count the milestones "
                "that have passed.",
            ),
            Mistake(
                name="all drops from the start",
                wrong=lambda t, lr, at, g: lr * g ** len(at),
                says="Every milestone counts from the start: only those at or before t do.",
            ),
            Mistake(
                name="milestones to come",
                wrong=lambda t, lr, at, g: lr * g ** sum(t < m for m in at),
                says="You count the milestones still to come: count those that have passed.",
            ),
        ),
        hints=(
            "How many of the milestones lie behind you at step t?",
            "Count the milestones that are at or before t. Each one multiplies once.",
            "At t = 65 with milestones 30, 60, 80, two are behind you: two factors of gamma. "
            "Go through the list, and count.",
        ),
    ),
    Task(
        id="step_decay.4",
        title="By hand",
        question=(
            "`StepLR(optimizer, step_size=30, gamma=0.1)`, the optimizer built with `lr=0.1`. "
            "Without running anything: which rate do the updates 0, 29, 30, 60 and 89 use? "
            "Set `rates` to the list of the five numbers."
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
                says="Update 30 already uses the smaller rate: number 0 to 29 are the first 30.",
            ),
            Mistake(
                name="drop one early",
                wrong=lambda: [0.1, 0.01, 0.01, 0.001, 0.001],
                says="Update 29 is the 30th, the last at the old rate.",
            ),
            Mistake(
                name="a single drop",
                wrong=lambda: [0.1, 0.1, 0.01, 0.01, 0.01],
                says="It drops again at 60, and at every multiple of 30.",
            ),
            Mistake(
                name="factors, not rates",
                wrong=lambda: [1, 1, 0.1, 0.01, 0.01],
                says="Those are the factors: the rate starts from 0.1, not from 1.",
            ),
            Mistake(
                name="one drop too many",
                wrong=lambda: [0.1, 0.1, 0.01, 0.001, 0.0001],
                says="The third drop comes at 90: update 89 is still before it.",
            ),
            Mistake(
                name="subtracted",
                wrong=lambda: [0.1, 0.1, 0.09, 0.08, 0.08],
                says="gamma multiplies the rate; it does not take a tenth away.",
            ),
        ),
        hints=(
            "Which update is the first at the smaller rate?",
            "Updates are counted from 0. The drop applies at t = step_size.",
            "The first 30 updates are number 0 to 29. Number 30 is the 31st.",
        ),
    ),
    Task(
        id="step_decay.5",
        title="Read a trace, name the bug",
        question=(
            "Three runs were planned to use 1, 1, 0.1, 0.1, 0.01, 0.01 in six epochs, two batches "
            "each (`StepLR(step_size=2, gamma=0.1)`, or milestones at 2 and 4). The recorder wrote "
            "down what each *epoch* really used:\n\n"
            "| run | epoch 0 | 1 | 2 | 3 | 4 | 5 |\n"
            "|---|---|---|---|---|---|---|\n"
            "| A | 1, 1 | 0.1, 0.1 | 0.01, 0.01 | 0.001, 0.001 | ... | ... |\n"
            "| B | 1, 1 | 0.1, 0.1 | 0.1, 0.1 | 0.01, 0.01 | 0.01, 0.01 | 0.001, 0.001 |\n"
            "| C | 1, 1 | 1, 1 | 1, 1 | 1, 1 | 1, 1 | 1, 1 |\n\n"
            "In all three loops `scheduler.step()` stands after the updates it belongs to. C is what "
            "a well-known book does: it converts the milestones from epochs to updates, rightly calls "
            "`scheduler.step()` after every batch, but converts them for twice as many epochs as the "
            "run has. "
            "Set `bugs` to a list of three, one for A, B, C, each one of "
            + ", ".join(f"`{bug!r}`" for bug in BUGS)
            + "."
        ),
        points=3,
        minutes=6,
        difficulty="analyse",
        kind="value",
        answer_name="bugs",
        reference=lambda: [BUGS[1], BUGS[2], BUGS[3]],
        choices=BUGS,
        covers="the three traces and their causes",
        mistakes=(
            Mistake(
                name="A: order",
                wrong=lambda: [BUGS[0], ANY, ANY],
                says="All three loops step the scheduler after the updates. A drops every epoch, "
                "twice as often as planned: what is called too often?",
            ),
            Mistake(
                name="A: stepped before training",
                wrong=lambda: [BUGS[2], ANY, ANY],
                says="In A the distance between drops is wrong, not only where they begin.",
            ),
            Mistake(
                name="B: order",
                wrong=lambda: [ANY, BUGS[0], ANY],
                says="The trace would fit, but all three loops step the scheduler after the updates: "
                "where else can B have lost one epoch?",
            ),
            Mistake(
                name="B: every batch",
                wrong=lambda: [ANY, BUGS[1], ANY],
                says="The stairs of B have the right width after the first one: only the first "
                "is short.",
            ),
            Mistake(
                name="C: never stepped",
                wrong=lambda: [ANY, ANY, BUGS[4]],
                says="C's scheduler was stepped after every batch, the text says so: why did no "
                "milestone come?",
            ),
            Mistake(
                name="C: every batch",
                wrong=lambda: [ANY, ANY, BUGS[1]],
                says="Stepping after every batch is what C's milestones, in updates, were made "
                "for.",
            ),
        ),
        hints=(
            "For each run, ask two things: how wide are the stairs, and where does the first end?",
            "Stairs too narrow: stepped too often. Right width, too early: one step too many at "
            "the start. No stairs at all: either no steps, or none that counts.",
            "Write down for B which of 1, 1, 0.1, 0.1, 0.01, 0.01 each epoch should have used, "
            "and what it did use. The rows are the same, shifted by one epoch.",
        ),
    ),
    Task(
        id="step_decay.6",
        title="Repair a training loop",
        question=(
            "This loop should lower the rate every `step_size` *epochs*. It does not: the recorder "
            "shows another curve. Repair `train(model, optimizer, batches, epochs, step_size, "
            "gamma)`, so that what the optimizer uses is what was planned. `batches` is a list of "
            "pairs (inputs, targets); the optimizer comes with its rate."
        ),
        points=4,
        minutes=8,
        difficulty="transfer",
        kind="loop",
        answer_name="train",
        parameters=("lr", "batches", "epochs", "step_size", "gamma"),
        arguments=seeded(_runs),
        reference=_per_epoch,
        covers="the recorded rate of every update, to the last drop, and the trained weights",
        mistakes=(
            Mistake(
                name="stepped every batch",
                wrong=lambda lr, n, epochs, s, g: _step(np.arange(epochs * n), lr, s, g).tolist(),
                says="The stairs are as narrow as if they counted updates: scheduler.step() is "
                "called after every batch, where step_size counts epochs.",
            ),
            Mistake(
                name="scheduler before optimizer",
                wrong=lambda lr, n, epochs, s, g: _step(
                    np.arange(epochs * n) // n + 1, lr, s, g
                ).tolist(),
                says="The drop comes one epoch early: scheduler.step() is called before the "
                "epoch's updates, where it belongs after them.",
            ),
            Mistake(
                name="stepped every batch, before the optimizer",
                wrong=lambda lr, n, epochs, s, g: _step(
                    np.arange(epochs * n) + 1, lr, s, g
                ).tolist(),
                says="scheduler.step() is called in every batch, and before optimizer.step(): it "
                "belongs after the epoch.",
            ),
            Mistake(
                name="never falls",
                wrong=lambda lr, n, epochs, s, g: [lr] * (epochs * n),
                says="The rate never falls: is scheduler.step() called, is the scheduler built anew in "
                "every epoch, or is step_size counted in updates (times len(batches)) while the "
                "scheduler is stepped once an epoch?",
            ),
            Mistake(
                name="step_size in updates",
                wrong=lambda lr, n, epochs, s, g: _step(
                    np.arange(epochs * n) // n, lr, s * n, g
                ).tolist(),
                says="The stairs are len(batches) times too wide: step_size is counted in updates, "
                "and the scheduler is stepped once an epoch.",
            ),
            Mistake(
                name="an epoch short",
                wrong=lambda lr, n, epochs, s, g: _per_epoch(lr, n, epochs, s, g)[n:],
                says="The updates of one epoch are missing.",
            ),
            Mistake(
                name="one update an epoch",
                wrong=lambda lr, n, epochs, s, g: _step(np.arange(epochs), lr, s, g).tolist(),
                says="There is one update an epoch: optimizer.step() belongs in the inner loop, "
                "after every batch.",
            ),
            Mistake(
                name="no update",
                wrong=lambda lr, n, epochs, s, g: [],
                says="The optimizer that you are handed made no update at all: is step() called, "
                "and on this one?",
            ),
            Mistake(
                name="stepped twice an epoch",
                wrong=lambda lr, n, epochs, s, g: _step(
                    2 * (np.arange(epochs * n) // n), lr, s, g
                ).tolist(),
                says="The stairs are half as wide as they should be: scheduler.step() is called "
                "twice in every epoch.",
            ),
            Mistake(
                name="an epoch too many",
                wrong=lambda lr, n, epochs, s, g: _per_epoch(lr, n, epochs + 1, s, g),
                says="There is an epoch too many: range(epochs) has them all.",
            ),
            Mistake(
                name="an epoch too few",
                wrong=lambda lr, n, epochs, s, g: _per_epoch(lr, n, epochs - 1, s, g),
                says="The last epoch is missing: range(epochs) has them all.",
            ),
            Mistake(
                name="step(epoch)",
                wrong=lambda lr, n, epochs, s, g: _step(
                    np.maximum(np.arange(epochs * n) // n - 1, 0), lr, s, g
                ).tolist(),
                says="The drop comes one epoch late: scheduler.step(epoch) says which epoch is over, "
                "not which begins. Call scheduler.step() with nothing in the brackets.",
            ),
        ),
        hints=(
            "step_size counts calls of scheduler.step(). How many calls should there be?",
            "Two loops, two levels: optimizer.step() belongs to a batch. What belongs to an epoch?",
            "With 6 epochs of 4 batches there are 24 updates, and 6 calls of scheduler.step(). "
            "The first call comes after the fourth update.",
        ),
        needs_torch=True,
    ),
    Task(
        id="step_decay.7",
        title="Stop, and go on",
        question=(
            "Write `train_on(model, optimizer, batches, epochs, checkpoint, step_size, gamma)`: "
            "train for `epochs` epochs with `StepLR`, stepped once per epoch, and return a "
            "checkpoint, a dict. If `checkpoint` is not None, it is one that your function "
            "returned before, read back from a file; `model`, `optimizer` and the process are new: "
            "go on as if the run had never stopped."
        ),
        points=4,
        minutes=10,
        difficulty="transfer",
        kind="resume",
        answer_name="train_on",
        parameters=(
            "lr",
            "batches",
            "epochs before the stop",
            "epochs after it",
            "step_size",
            "gamma",
        ),
        arguments=seeded(_stops),
        reference=_resumed,
        covers="the recorded rate of every update, and the weights of one run that never stopped",
        mistakes=(
            Mistake(
                name="starts over",
                wrong=_second_run(lambda lr, e, before, s, g: lr * g ** (e // s)),
                says="The second run starts the schedule from its beginning: the checkpoint must "
                "bring back both the scheduler's state_dict and the optimizer's.",
            ),
            Mistake(
                name="only the scheduler's state",
                wrong=_second_run(
                    lambda lr, e, before, s, g: lr * g ** ((before + e) // s - before // s)
                ),
                says="The second run starts at the first rate again, though its drops come when "
                "they should: the optimizer holds the rate, so save its state_dict too.",
                share=0.25,
            ),
            Mistake(
                name="only the optimizer's state",
                wrong=_second_run(lambda lr, e, before, s, g: lr * g ** (before // s + e // s)),
                says="The second run starts at the right rate, but its next drop comes late: the "
                "scheduler counts the epochs, so save its state_dict too.",
                share=0.25,
            ),
            Mistake(
                name="stepped every batch",
                wrong=lambda lr, n, b, a, s, g: _step(np.arange((b + a) * n), lr, s, g).tolist(),
                says="The state is carried over, but scheduler.step() is called after every batch, "
                "where step_size counts epochs.",
                share=0.5,
            ),
            Mistake(
                name="one epoch too far",
                wrong=_second_run(lambda lr, e, before, s, g: lr * g ** ((before + e + 1) // s)),
                says="The second run is one epoch ahead: was the scheduler stepped once more on "
                "the way?",
                share=0.5,
            ),
            Mistake(
                name="never stepped",
                wrong=lambda lr, n, b, a, s, g: [lr] * ((b + a) * n),
                says="The rate never changes: is scheduler.step() called after every epoch?",
            ),
            Mistake(
                name="no update",
                wrong=lambda lr, n, b, a, s, g: [],
                says="The optimizer that you are handed made no update at all: is step() called, "
                "and on this one?",
            ),
        ),
        hints=(
            "What does the run know at the stop that a new optimizer and a new scheduler do not?",
            "The rate lives in the optimizer, the count of epochs in the scheduler. Both have "
            "state_dict and load_state_dict.",
            "Build the scheduler in any case. If there is a checkpoint, load three things, the "
            "model's too, before the first epoch. At the end put the same three in a dict.",
        ),
        needs_torch=True,
    ),
)
