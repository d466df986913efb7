"""Exercises on one-cycle."""

import math
from functools import lru_cache

import numpy as np

from lrcourse.schedules import OneCycle
from lrcourse.tasks._draw import calls, rate, seeded, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task

_a_one_cycle = lru_cache(64)(OneCycle)  # building one costs more than calling it


def _one(t, max_lr, total_steps, pct_start):
    return _a_one_cycle(max_lr=max_lr, total_steps=total_steps, pct_start=pct_start)(t)


def _a_cycle(rng):
    total, pct = whole(rng, 20, 120), share(rng, 0.2, 0.6)
    rise = int(pct * total - 1)
    around = [t for t in steps(total - 1, [rise, total // 2, total - 2]) if t < total]
    return around, (rate(rng), total, pct)


def _momentum(t, total_steps, pct_start, base_momentum, max_momentum):
    return _a_one_cycle(
        total_steps=total_steps,
        pct_start=pct_start,
        base_momentum=base_momentum,
        max_momentum=max_momentum,
    ).momentum(t)


def _a_mirror(rng):
    around, (_, total, pct) = _a_cycle(rng)
    top = share(rng, 0.9, 0.99)
    return around, (total, pct, round(top - share(rng, 0.05, 0.2), 2), top)


def _half_cosine(start, end, share_done):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share_done))


def _two_phases(t, low, high, end, rise, last, move=_half_cosine):
    """From low to high at `rise`, then to `end` at `last`."""
    if t <= rise:
        return move(low, high, t / rise)
    return move(high, end, (t - rise) / (last - rise))


def _line(start, end, share_done):
    return start + (end - start) * share_done


def _drawn_turns(rng):
    """(max_lr, div_factor, final_div_factor)."""
    drawn = [(rate(rng), float(whole(rng, 2, 50)), float(10 ** whole(rng, 1, 5))) for _ in range(5)]
    return [(0.1, 25.0, 1e4), (1.0, 10.0, 100.0), *drawn]


def _data_sets(rng):
    """(images, batch size, epochs, batches gathered for one update)."""
    drawn = [
        (whole(rng, 500, 60_000), whole(rng, 8, 300), whole(rng, 2, 60), whole(rng, 2, 8))
        for _ in range(6)
    ]
    return [(50_000, 128, 10, 1), (50_000, 128, 10, 4), (1_000, 32, 3, 5), *drawn]


def _updates(images, batch_size, epochs, gathered):
    return math.ceil(math.ceil(images / batch_size) / gathered) * epochs


def _runs(rng):
    """(lr, batches, epochs, max_lr)."""
    drawn = [
        (0.01, whole(rng, 5, 8), whole(rng, 4, 6), round(float(rng.uniform(0.05, 0.3)), 3))
        for _ in range(2)
    ]
    return [(0.01, 6, 5, 0.1), *drawn]


def _curve_of(formula):
    """The rate of each update, from a formula of (t, max_lr, total, batches, epochs)."""

    def rates(lr, batches, epochs, max_lr):
        total = batches * epochs
        return [formula(t, max_lr, total, batches, epochs) for t in range(total)]

    return rates


def _momenta(lr, batches, epochs, max_lr):
    total = batches * epochs
    return OneCycle(max_lr=max_lr, total_steps=total).momentum(np.arange(total)).tolist()


BUGS = (
    "stepped per epoch",
    "total_steps in epochs",
    "it replaces the rate of the optimizer",
    "the optimizer was replaced",
    "pct_start too large",
)

TASKS = (
    Task(
        id="one_cycle.1",
        title="Low, high, end",
        question=(
            "One-cycle moves between three rates. Write "
            "`turning_points(max_lr, div_factor, final_div_factor)`: the list `[low, high, end]` "
            "of the rate it starts from, its peak, and the rate of the last update, as "
            "`OneCycleLR` has them."
        ),
        points=2,
        minutes=3,
        difficulty="recall",
        answer_name="turning_points",
        parameters=("max_lr", "div_factor", "final_div_factor"),
        arguments=_drawn_turns,
        reference=lambda hi, div, final: [hi / div, hi, hi / div / final],
        covers="the defaults, and factors drawn at random",
        tolerance=2e-7,  # what a float32 can hold
        mistakes=(
            Mistake(
                name="end from the peak",
                wrong=lambda hi, div, final: [hi / div, hi, hi / final],
                says="The end is below the *low* rate by final_div_factor, not below the peak.",
                share=0.5,
            ),
            Mistake(
                name="ends at 0",
                wrong=lambda hi, div, final: [hi / div, hi, 0.0],
                says="The end is small, but not 0: final_div_factor says how small.",
                share=0.5,
            ),
            Mistake(
                name="ends where it began",
                wrong=lambda hi, div, final: [hi / div, hi, hi / div],
                says="It ends far below its start: final_div_factor is missing.",
            ),
            Mistake(
                name="another order",
                wrong=lambda hi, div, final: [hi / div, hi / div / final, hi],
                says="Low, high, end: in this order.",
            ),
            Mistake(
                name="starts at 0",
                wrong=lambda hi, div, final: [0.0, hi, hi / div / final],
                says="It does not start from 0: div_factor says how far below the peak.",
            ),
            Mistake(
                name="multiplied",
                wrong=lambda hi, div, final: [hi, hi * div, hi / final],
                says="max_lr is the peak itself: the low rate is below it, by div_factor.",
            ),
            Mistake(
                name="the factors exchanged",
                wrong=lambda hi, div, final: [hi / final, hi, hi / final / div],
                says="The two factors are exchanged: div_factor belongs to the start.",
            ),
        ),
        hints=(
            "Two divisions. Which number is divided first?",
            "Each factor says how many times lower a rate is than another one. The start is measured "
            "from the peak; is the end measured from the peak too?",
            "With the defaults and max_lr = 1: 0.04, 1, and 0.000004.",
        ),
    ),
    Task(
        id="one_cycle.2",
        title="Write the formula",
        question=(
            "Write `one_cycle(t, max_lr, total_steps, pct_start)`, with PyTorch's defaults "
            "`div_factor=25`, `final_div_factor=10_000`, and both moves half a cosine. As in "
            "PyTorch the peak is at `t = pct_start * total_steps - 1`, and the last update is "
            "`t = total_steps - 1`. You need no `t` past that."
        ),
        points=4,
        minutes=12,
        difficulty="transfer",
        answer_name="one_cycle",
        parameters=("t", "max_lr", "total_steps", "pct_start"),
        arguments=calls((0.1, 100, 0.3), range(100), _a_cycle),
        reference=_one,
        covers="every update of 100, and start, peak and end of drawn cycles",
        mistakes=(
            Mistake(
                name="peak one late",
                wrong=lambda t, hi, n, pct: _two_phases(t, hi / 25, hi, hi / 25e4, pct * n, n - 1),
                says="Your peak is one update late: PyTorch's is at pct_start * total_steps - 1.",
                share=0.5,
            ),
            Mistake(
                name="ends one late",
                wrong=lambda t, hi, n, pct: _two_phases(t, hi / 25, hi, hi / 25e4, pct * n - 1, n),
                says="The end would be reached one update past the run: the last update is number "
                "total_steps - 1.",
                share=0.5,
            ),
            Mistake(
                name="both one late",
                wrong=lambda t, hi, n, pct: _two_phases(t, hi / 25, hi, hi / 25e4, pct * n, n),
                says="Peak and end are one update late: updates are counted from 0 to "
                "total_steps - 1.",
                share=0.25,
            ),
            Mistake(
                name="straight lines",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 25e4, pct * n - 1, n - 1, _line
                ),
                says="Straight lines: that is anneal_strategy='linear'.",
                share=0.5,
            ),
            Mistake(
                name="end from the peak",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 1e4, pct * n - 1, n - 1
                ),
                says="It ends too high: final_div_factor divides the low rate, not the peak.",
                share=0.5,
            ),
            Mistake(
                name="ends at 0",
                wrong=lambda t, hi, n, pct: _two_phases(t, hi / 25, hi, 0.0, pct * n - 1, n - 1),
                says="It ends at 0: PyTorch's end is max_lr/25/10,000.",
                share=0.5,
            ),
            Mistake(
                name="ends where it began",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 25, pct * n - 1, n - 1
                ),
                says="It comes down only to where it began: the end is 10,000 times lower.",
            ),
            Mistake(
                name="starts at 0",
                wrong=lambda t, hi, n, pct: _two_phases(t, 0.0, hi, hi / 25e4, pct * n - 1, n - 1),
                says="It starts from 0: PyTorch's first update uses max_lr/25.",
                share=0.5,
            ),
            Mistake(
                name="peak in the middle",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 25e4, n / 2 - 1, n - 1
                ),
                says="Your peak is in the middle, whatever pct_start is.",
            ),
            Mistake(
                name="never falls",
                wrong=lambda t, hi, n, pct: _half_cosine(hi / 25, hi, min(t / (pct * n - 1), 1.0)),
                says="After the peak yours stays up: the fall is missing.",
            ),
            Mistake(
                name="peak in shares of the last update",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 25e4, pct * (n - 1), n - 1
                ),
                says="Your peak is at pct_start * (total_steps - 1): PyTorch takes the 1 off last, "
                "pct_start * total_steps - 1.",
                share=0.5,
            ),
            Mistake(
                name="peak rounded down",
                wrong=lambda t, hi, n, pct: _two_phases(
                    t, hi / 25, hi, hi / 25e4, int(pct * n) - 1, n - 1
                ),
                says="Your peak is rounded to a whole update: PyTorch's lies between two, where "
                "pct_start * total_steps is not whole.",
                share=0.5,
            ),
        ),
        hints=(
            "Two moves, each half a cosine from one rate to another. Where does each begin and "
            "end?",
            "Write a helper that moves from a to b while the share of the way goes from 0 to 1. "
            "Then find the share for each move.",
            "With 100 steps and pct_start 0.3 the rise takes t from 0 to 29, the fall from 29 to "
            "99. At t = 64 half of the fall is done.",
        ),
    ),
    Task(
        id="one_cycle.3",
        title="Momentum of one-cycle",
        question=(
            "Write `one_cycle_momentum(t, total_steps, pct_start, base_momentum, max_momentum)`: "
            "it mirrors the rate, with half cosines between the same updates."
        ),
        points=3,
        minutes=7,
        difficulty="apply",
        answer_name="one_cycle_momentum",
        parameters=("t", "total_steps", "pct_start", "base_momentum", "max_momentum"),
        arguments=calls((100, 0.3, 0.85, 0.95), range(100), _a_mirror),
        reference=_momentum,
        covers="every update of 100, and start, turn and end of drawn cycles",
        mistakes=(
            Mistake(
                name="with the rate",
                wrong=lambda t, n, pct, lo, hi: _two_phases(t, lo, hi, lo, pct * n - 1, n - 1),
                says="Yours rises with the rate: momentum is high where the rate is low.",
                share=0.5,
            ),
            Mistake(
                name="turn one late",
                wrong=lambda t, n, pct, lo, hi: _two_phases(t, hi, lo, hi, pct * n, n - 1),
                says="The turn comes one update late: it is where the rate has its peak, at "
                "pct_start * total_steps - 1.",
                share=0.5,
            ),
            Mistake(
                name="straight lines",
                wrong=lambda t, n, pct, lo, hi: _two_phases(
                    t, hi, lo, hi, pct * n - 1, n - 1, _line
                ),
                says="Straight lines: with anneal_strategy='cos' momentum moves in half cosines "
                "too.",
                share=0.5,
            ),
            Mistake(
                name="stays low",
                wrong=lambda t, n, pct, lo, hi: _half_cosine(hi, lo, min(t / (pct * n - 1), 1.0)),
                says="After the peak of the rate yours stays low: it climbs back to max_momentum.",
            ),
            Mistake(
                name="constant",
                wrong=lambda t, n, pct, lo, hi: hi,
                says="Yours does not move: that is cycle_momentum=False.",
            ),
            Mistake(
                name="falls to nothing",
                wrong=lambda t, n, pct, lo, hi: _two_phases(
                    t, hi, lo, hi / 1e4, pct * n - 1, n - 1
                ),
                says="Yours falls at the end: final_div_factor is for the rate only.",
            ),
            Mistake(
                name="ends one late",
                wrong=lambda t, n, pct, lo, hi: _two_phases(t, hi, lo, hi, pct * n - 1, n),
                says="It is back one update past the run: the last is number total_steps - 1.",
                share=0.5,
            ),
            Mistake(
                name="one cosine over the whole run",
                wrong=lambda t, n, pct, lo, hi: (
                    lo + (hi - lo) * (1 + math.cos(2 * math.pi * t / (n - 1))) / 2
                ),
                says="One wave over the whole run: it is lowest in the middle, and not where the rate "
                "has its peak. Two half cosines, of different length.",
            ),
            Mistake(
                name="one half cosine over the whole run",
                wrong=lambda t, n, pct, lo, hi: _half_cosine(hi, lo, t / (n - 1)),
                says="One half cosine over the whole run: it has to turn where the rate has its peak.",
            ),
        ),
        hints=(
            "Which momentum belongs to the peak of the rate?",
            "The same two moves as the rate, between other numbers: from high to low, and back.",
            "With 0.85, 0.95 and 100 steps: 0.95 at t = 0, 0.85 at t = 29, 0.9 at t = 64, 0.95 at "
            "t = 99.",
        ),
    ),
    Task(
        id="one_cycle.4",
        title="How many updates?",
        question=(
            "`OneCycleLR` raises an error when it is stepped more than `total_steps` times, so "
            "the number must be right. To imitate a large batch, the loop gathers the gradients "
            "of `gathered` batches before each `optimizer.step()` and `scheduler.step()`; what is "
            "left over at the end of an epoch makes one more update. The last batch of an epoch may "
            "be smaller. Write `total_updates(images, batch_size, epochs, gathered)`."
        ),
        points=3,
        minutes=6,
        difficulty="transfer",
        answer_name="total_updates",
        parameters=("images", "batch_size", "epochs", "gathered"),
        arguments=_data_sets,
        reference=_updates,
        covers="runs that divide evenly and that do not, with and without gathering",
        mistakes=(
            Mistake(
                name="left over dropped",
                wrong=lambda i, b, e, g: math.ceil(i / b) // g * e,
                says="What is left over at the end of an epoch makes an update too: round up.",
                share=0.5,
            ),
            Mistake(
                name="last batch dropped",
                wrong=lambda i, b, e, g: math.ceil(i // b / g) * e,
                says="The last, smaller batch counts: round the batches up.",
                share=0.5,
            ),
            Mistake(
                name="rounded at the end",
                wrong=lambda i, b, e, g: math.ceil(math.ceil(i / b) * e / g),
                says="Batches are not gathered across the end of an epoch: round up in each.",
                share=0.5,
            ),
            Mistake(
                name="calls of backward",
                wrong=lambda i, b, e, g: math.ceil(i / b) * e,
                says="That counts the batches: one update is made for several of them.",
                share=0.25,
            ),
            Mistake(
                name="all rounded down",
                wrong=lambda i, b, e, g: i // b // g * e,
                says="Rounded down: the smaller last batch and what is left over at the end of an epoch "
                "both count. Round up, and in each epoch.",
            ),
            Mistake(
                name="in epochs",
                wrong=lambda i, b, e, g: e,
                says="That is the number of epochs: OneCycleLR is stepped at each update.",
            ),
            Mistake(
                name="multiplied",
                wrong=lambda i, b, e, g: math.ceil(i / b) * e * g,
                says="Gathering makes fewer updates, not more.",
            ),
            Mistake(
                name="not whole",
                wrong=lambda i, b, e, g: i / b / g * e,
                says="Updates are whole: round up where something is left over, in each epoch.",
            ),
        ),
        hints=(
            "How many updates does one epoch make?",
            "Two things may be left over in an epoch: images that do not fill a batch, and batches "
            "that do not fill a group. What becomes of each?",
            "1,000 images in batches of 300 are four batches, the last of 100. Gathered by 3 they "
            "make two updates: one of three batches, and one of the batch that is left.",
        ),
    ),
    Task(
        id="one_cycle.5",
        title="Read a trace, name the bug",
        question=(
            "Four runs of 5 epochs with 100 batches used `OneCycleLR(max_lr=0.1)`. What went "
            "wrong?\n\n"
            "- **A** used 0.0040, 0.0040, 0.0040, 0.0041, 0.0042 in the five epochs.\n"
            "- **B** stopped with the error *Tried to step 6 times. The specified number of total "
            "steps is 5*.\n"
            "- **C** was planned to start at the rate of its optimizer, 0.02; it started at "
            "0.004.\n"
            "- **D** is fine but for its last update, at 0.0000004. The run goes on for 50 more "
            "updates with another optimizer, built after the scheduler, and all of them use 0.5.\n\n"
            "Set `bugs` to a list of four, for A, B, C, D, each one of `'stepped per epoch'`, "
            "`'total_steps in epochs'`, `'it replaces the rate of the optimizer'`, `'the optimizer "
            "was replaced'`, `'pct_start too large'`."
        ),
        points=4,
        minutes=6,
        difficulty="analyse",
        kind="value",
        answer_name="bugs",
        reference=lambda: [
            "stepped per epoch",
            "total_steps in epochs",
            "it replaces the rate of the optimizer",
            "the optimizer was replaced",
        ],
        choices=BUGS,
        covers="the four runs and their causes",
        mistakes=(
            Mistake(
                name="A and B exchanged",
                wrong=lambda: ["total_steps in epochs", "stepped per epoch", ANY, ANY],
                says="A and B are the wrong way round: A is stepped too seldom, B too often for "
                "its total_steps.",
            ),
            Mistake(
                name="A: pct_start",
                wrong=lambda: ["pct_start too large", ANY, ANY, ANY],
                says="With any pct_start the run would still come down at its end: A has hardly "
                "begun.",
            ),
            Mistake(
                name="B: per epoch",
                wrong=lambda: [ANY, "stepped per epoch", ANY, ANY],
                says="B was stepped six times within its first epoch: where does its 5 come from?",
            ),
            Mistake(
                name="C: per epoch",
                wrong=lambda: [ANY, ANY, "stepped per epoch", ANY],
                says="C is wrong at its very first update, before any step: 0.004 is max_lr/25.",
            ),
            Mistake(
                name="C: pct_start",
                wrong=lambda: [ANY, ANY, "pct_start too large", ANY],
                says="pct_start moves the peak, and the first rate is wrong in C: it is max_lr/25.",
            ),
            Mistake(
                name="D: replaces the rate",
                wrong=lambda: [ANY, ANY, ANY, "it replaces the rate of the optimizer"],
                says="The rate of D's second optimizer is just what nobody replaced: which "
                "optimizer does the scheduler hold?",
            ),
        ),
        hints=(
            "For A and B compare how often scheduler.step() is called with total_steps.",
            "OneCycleLR writes the rate into the optimizer it was built with, from the first "
            "moment on, and into no other.",
            "A: five calls, total_steps 500. B: one call per batch, total_steps 5.",
        ),
    ),
    Task(
        id="one_cycle.6",
        title="Repair a training loop",
        question=(
            "This loop uses a fiftieth of the cycle that was planned. Repair "
            "`train_one_cycle(model, optimizer, batches, epochs, max_lr)`: one whole cycle of "
            "`OneCycleLR` with its defaults, stepped after every batch. `batches` is a list of "
            "pairs (inputs, targets)."
        ),
        points=4,
        minutes=8,
        difficulty="transfer",
        kind="loop",
        answer_name="train_one_cycle",
        parameters=("lr", "batches", "epochs", "max_lr"),
        arguments=seeded(_runs),
        reference=_curve_of(lambda t, hi, n, batches, epochs: _one(t, hi, n, 0.3)),
        momentum=_momenta,
        covers="the recorded rate and momentum of every update, and the trained weights",
        mistakes=(
            Mistake(
                name="stepped per epoch",
                wrong=_curve_of(lambda t, hi, n, batches, epochs: _one(t // batches, hi, n, 0.3)),
                says="scheduler.step() is called once an epoch, and total_steps counts updates: "
                "only the first few of the cycle are used.",
            ),
            Mistake(
                name="counts epochs",
                wrong=_curve_of(
                    lambda t, hi, n, batches, epochs: _one(t // batches, hi, epochs, 0.3)
                ),
                says="The whole cycle is there, in stairs of an epoch each: step after every "
                "batch, with total_steps = epochs * batches.",
                share=0.25,
            ),
            Mistake(
                name="never stepped",
                wrong=_curve_of(lambda t, hi, n, batches, epochs: hi / 25),
                says="The rate stays at max_lr/25, where OneCycleLR puts it: is "
                "scheduler.step() called?",
            ),
            Mistake(
                name="no scheduler",
                wrong=lambda lr, batches, epochs, hi: [lr] * (batches * epochs),
                says="The optimizer keeps the rate it came with: no scheduler is attached to it.",
            ),
            Mistake(
                name="a cycle every epoch",
                wrong=_curve_of(
                    lambda t, hi, n, batches, epochs: _one(t % batches, hi, batches, 0.3)
                ),
                says="There is a whole cycle in every epoch: build the scheduler once, for all of "
                "them.",
            ),
            Mistake(
                name="a step too long",
                wrong=_curve_of(lambda t, hi, n, batches, epochs: _one(t, hi, n + 1, 0.3)),
                says="total_steps is one too large: it is the number of updates.",
                share=0.5,
            ),
            Mistake(
                name="scheduler before optimizer",
                wrong=_curve_of(lambda t, hi, n, batches, epochs: _one(t + 1, hi, n, 0.3)),
                says="One update ahead: scheduler.step() is called before optimizer.step().",
                share=0.5,
            ),
            Mistake(
                name="no update",
                wrong=lambda lr, batches, epochs, hi: [],
                says="The optimizer that you are handed made no update at all: is step() called, "
                "and on this one?",
            ),
        ),
        hints=(
            "How often is scheduler.step() called in the whole run, and what does total_steps say?",
            "Both must be the number of updates: epochs times batches.",
            "With 5 epochs of 6 batches: total_steps = 30, and 30 calls, each after "
            "optimizer.step(). (OneCycleLR allows them all.)",
        ),
        needs_torch=True,
    ),
)
