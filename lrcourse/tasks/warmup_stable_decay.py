"""Exercises on warm-up, a stable stretch, cool-down, and on counting and resuming."""

import math
from functools import lru_cache

from lrcourse.schedules import OneMinusSqrt, Schedule
from lrcourse.schedules import warmup_stable_decay as _built
from lrcourse.tasks._draw import calls, rate, seeded, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task


@lru_cache(64)
def _a_fall(lr, length):
    return OneMinusSqrt(lr=lr, total_iters=length)


def _cool(t, lr, start, length):
    return lr if t < start else _a_fall(lr, length)(t - start)


def _done(t, start, length):
    return min(max(t - start, 0) / length, 1)


def _a_cool_down(rng):
    start, length = whole(rng, 5, 60), whole(rng, 5, 60)
    return steps(start + length + 9, [start, start + length]), (rate(rng), start, length)


def _runs(rng):
    """(examples, batch, processes, accumulation, epochs): even ones first, then drawn ones."""
    drawn = [
        (whole(rng, 900, 90_000), whole(rng, 4, 64), whole(rng, 2, 8), whole(rng, 2, 8), epochs)
        for epochs in (2, 3, 5, 7)
    ]
    even, uneven = (6_400, 16, 4, 5, 3), (1_000, 10, 3, 8, 2)
    return [even, (6_400, 16, 1, 1, 3), uneven, (970, 10, 3, 8, 2), *drawn]


def _batches(examples, batch, processes):
    return math.ceil(examples / (batch * processes))


def _updates(examples, batch, processes, accumulation, epochs):
    return math.ceil(_batches(examples, batch, processes) / accumulation) * epochs


@lru_cache(64)
def _a_wsd(lr, warmup, total, down) -> Schedule:
    return _built(lr=lr, total_steps=total, warmup_steps=warmup, decay_share=down / total)


def _wsd(t, lr, warmup, total, down):
    return _a_wsd(lr, warmup, total, down)(t)


def _a_trapezoid(rng):
    # `down` after the warm-up: else "falls after `down` updates" says nothing.
    warmup, down, total = whole(rng, 3, 12), whole(rng, 13, 30), whole(rng, 60, 120)
    around = [warmup, total // 2, total - down, total - down // 2]
    return steps(total, around), (rate(rng), warmup, total, down)


def _up(t, warmup):
    return 1 / warmup + (1 - 1 / warmup) * min(t, warmup) / warmup


def _down(t, total, down):
    return min(1, (total - t) / down)


def _curve_of(formula):
    """A mistake of a training loop, from the wrong rate of each update."""

    def wrong(lr, batches, epochs, warmup, down):
        total = epochs * batches
        return [formula(t, lr, warmup, total, down, batches) for t in range(total)]

    return wrong


def _short_runs(rng):
    """(lr, batches, epochs, warm-up, cool-down), the last two in updates."""
    drawn = [
        (rate(rng), whole(rng, 4, 6), whole(rng, 4, 6), whole(rng, 3, 5), whole(rng, 6, 8))
        for _ in range(2)
    ]
    return [(0.1, 5, 4, 4, 8), *drawn]


def _budgets(rng):
    """(budgets, updates of the cool-down of each)."""
    drawn = []
    for _ in range(5):
        budgets = sorted(whole(rng, 100, 5_000) for _ in range(whole(rng, 2, 5)))
        fifth = share(rng, 0.1, 0.4)
        drawn.append((budgets, [max(1, int(fifth * budget)) for budget in budgets]))
    return [([200, 400, 800], [40, 80, 160]), ([500], [100]), ([300, 310], [20, 200]), *drawn]


def _branches(budgets, downs):
    return [
        float(max(b - d for b, d in zip(budgets, downs)) + sum(downs)),
        float(sum(budgets)),
    ]


BUGS = (
    "length counted in batches, stepped per update",
    "stepped once for every process",
    "the old length came back with the state",
    "the length was changed half-way",
    "warm-up too long",
)

TASKS = (
    Task(
        id="warmup_stable_decay.1",
        title="Write the cool-down",
        question=(
            "Write `cool(t, lr, start, length)`: the rate is `lr` before `t = start`. From there it "
            "falls as 1 - sqrt: with `x` the share of the `length` updates that is over, it is "
            "`lr * (1 - sqrt(x))`. From `t = start + length` on it is 0."
        ),
        points=2,
        minutes=5,
        difficulty="recall",
        answer_name="cool",
        parameters=("t", "lr", "start", "length"),
        arguments=calls((0.1, 20, 25), range(56), _a_cool_down),
        reference=_cool,
        covers="the stable stretch, every step of the fall, and what comes after it",
        mistakes=(
            Mistake(
                name="root of what is left",
                wrong=lambda t, lr, s, n: lr * math.sqrt(1 - _done(t, s, n)),
                says="That is the root of what is left: flat first, steep at the end. 1 minus the "
                "root of what is over is steep first.",
            ),
            Mistake(
                name="a straight line",
                wrong=lambda t, lr, s, n: lr * (1 - _done(t, s, n)),
                says="That is a straight line: take the root of the share before you subtract it.",
            ),
            Mistake(
                name="squared",
                wrong=lambda t, lr, s, n: lr * (1 - _done(t, s, n) ** 2),
                says="That squares the share: flat first, steep at the end. The root is asked for.",
            ),
            Mistake(
                name="the fall squared",
                wrong=lambda t, lr, s, n: lr * (1 - _done(t, s, n)) ** 2,
                says="That is (1 - x) squared. It is steep first, too, but it is another curve: "
                "1 - sqrt(x).",
                share=0.25,
            ),
            Mistake(
                name="one over the root",
                wrong=lambda t, lr, s, n: lr if t < s else lr / math.sqrt(1 + t - s),
                says="One over a root never arrives at 0: 1 minus the root of the share does.",
            ),
            Mistake(
                name="counted from the start of the run",
                wrong=lambda t, lr, s, n: lr if t < s else lr * (1 - math.sqrt(min(t / n, 1))),
                says="The share counts from `start`: (t - start) / length.",
                share=0.25,
            ),
            Mistake(
                name="share of the whole run",
                wrong=lambda t, lr, s, n: (
                    lr * (1 - math.sqrt(min(max(t - s, 0) / (s + n), 1))) if t < s + n else 0.0
                ),
                says="Divide by the length of the cool-down, not by that of the whole run: yours is "
                "not down at its end.",
                share=0.5,
            ),
            Mistake(
                name="no stable stretch",
                wrong=lambda t, lr, s, n: lr * (1 - math.sqrt(_done(t, 0, s + n))),
                says="Yours falls from the first update on: before `start` the rate is `lr`.",
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lr, s, n: lr if t < s else _cool(t + 1, lr, s, n),
                says="One step ahead: at t = start nothing is over yet, and the rate is `lr`.",
                share=0.5,
            ),
            Mistake(
                name="below zero",
                wrong=lambda t, lr, s, n: lr * (1 - math.sqrt(max(t - s, 0) / n)),
                says="After the end yours falls below 0, and would climb the loss: it stays at 0.",
                share=0.5,
            ),
            Mistake(
                name="climbs back",
                wrong=lambda t, lr, s, n: (
                    lr if t < s or t >= s + n else lr * (1 - math.sqrt((t - s) / n))
                ),
                says="From start + length on the rate is 0, and yours is `lr` again.",
                share=0.5,
            ),
        ),
        hints=(
            "Which rate should it be at t = start, a quarter of the way down, and at the end?",
            "First the share that is over: (t - start) / length, kept between 0 and 1. Then the root.",
            "With start 20 and length 100: at t = 45 a quarter is over, its root is 1/2, so half of "
            "lr is left.",
        ),
    ),
    Task(
        id="warmup_stable_decay.2",
        title="Count the updates",
        question=(
            "Each of `processes` processes draws batches of `batch` examples from its equal part of "
            "the data; the last batch may be smaller. An update is made after every `accumulation` "
            "batches, all processes together; what is left over at the end of an epoch makes one "
            "more. Write `updates(examples, batch, processes, accumulation, epochs)`: how many "
            "updates the run makes. It is what a scheduler that steps with them must be told."
        ),
        points=3,
        minutes=6,
        difficulty="apply",
        answer_name="updates",
        parameters=("examples", "batch", "processes", "accumulation", "epochs"),
        arguments=_runs,
        reference=_updates,
        covers="one process and several, with and without accumulation, even and uneven",
        mistakes=(
            Mistake(
                name="batches counted",
                wrong=lambda n, b, p, a, e: _batches(n, b, p) * e,
                says="Those are the batches of a process: only every `accumulation` of them makes an "
                "update. A schedule of that length ends the run near its top.",
                share=0.25,
            ),
            Mistake(
                name="processes left out",
                wrong=lambda n, b, p, a, e: math.ceil(math.ceil(n / b) / a) * e,
                says="The processes share the data: each has a part of it, and they update together.",
                share=0.25,
            ),
            Mistake(
                name="processes counted as updates",
                wrong=lambda n, b, p, a, e: _updates(n, b, p, a, e) * p,
                says="All processes make one update together, not one each.",
                share=0.25,
            ),
            Mistake(
                name="multiplied by the accumulation",
                wrong=lambda n, b, p, a, e: _batches(n, b, p) * a * e,
                says="Accumulation makes fewer updates, not more: divide by it.",
            ),
            Mistake(
                name="left over dropped",
                wrong=lambda n, b, p, a, e: _batches(n, b, p) // a * e,
                says="What is left over at the end of an epoch makes an update, too: round up.",
                share=0.5,
            ),
            Mistake(
                name="last batch dropped",
                wrong=lambda n, b, p, a, e: math.ceil(n // (b * p) / a) * e,
                says="The last, smaller batch is a batch: round up before you divide by the "
                "accumulation.",
                share=0.5,
            ),
            Mistake(
                name="rounded at the end",
                wrong=lambda n, b, p, a, e: math.ceil(n * e / (b * p * a)),
                says="Round up in each epoch: every one of them has its smaller end.",
                share=0.5,
            ),
            Mistake(
                name="not whole",
                wrong=lambda n, b, p, a, e: n / (b * p * a) * e,
                says="An epoch has a whole number of updates: round up.",
                share=0.25,
            ),
            Mistake(
                name="one epoch only",
                wrong=lambda n, b, p, a, e: _updates(n, b, p, a, 1),
                says="Those are the updates of one epoch.",
                share=0.5,
            ),
            Mistake(
                name="in epochs",
                wrong=lambda n, b, p, a, e: e,
                says="That is in epochs: this scheduler steps with every update.",
            ),
        ),
        hints=(
            "How many examples go into one update?",
            "Two divisions, each rounded up: into the batches of a process, then into updates. Both "
            "happen in every epoch.",
            "1,000 examples on 3 processes with batches of 10 are 34 batches each; with an "
            "accumulation of 8 these are 4 updates and one more: 5 an epoch.",
        ),
    ),
    Task(
        id="warmup_stable_decay.3",
        title="Up, flat, down",
        question=(
            "Write `trapezoid(t, lr, warmup, total, down)`. For the first `warmup` updates the rate "
            "climbs in a straight line from `lr / warmup` at `t = 0` to `lr`, which is used at "
            "`t = warmup`. It stays there. The last `down` updates fall in a straight line that "
            "begins with `lr` and would be at 0 at `t = total`."
        ),
        points=4,
        minutes=10,
        difficulty="transfer",
        answer_name="trapezoid",
        parameters=("t", "lr", "warmup", "total", "down"),
        arguments=calls((0.1, 10, 100, 20), range(101), _a_trapezoid),
        reference=_wsd,
        covers="every step of the climb, the stable stretch and the fall, and both joins",
        mistakes=(
            Mistake(
                name="no warm-up",
                wrong=lambda t, lr, w, T, d: lr * _down(t, T, d),
                says="The warm-up is missing: yours starts at lr.",
            ),
            Mistake(
                name="never falls",
                wrong=lambda t, lr, w, T, d: lr * _up(t, w),
                says="After the warm-up yours stays at lr: the cool-down is missing.",
            ),
            Mistake(
                name="no stable stretch",
                wrong=lambda t, lr, w, T, d: lr * (_up(t, w) if t < w else (T - t) / (T - w)),
                says="Yours falls from the end of the warm-up on: only the last `down` updates do.",
            ),
            Mistake(
                name="starts from 0",
                wrong=lambda t, lr, w, T, d: lr * min(t / w, 1) * _down(t, T, d),
                says="The climb starts from 0: the first update uses lr / warmup.",
                share=0.5,
            ),
            Mistake(
                name="counted up in whole updates",
                wrong=lambda t, lr, w, T, d: lr * min((t + 1) / w, 1) * _down(t, T, d),
                says="(t + 1) / warmup is at lr at t = warmup - 1 already: the climb takes `warmup` "
                "updates to get there.",
                share=0.5,
            ),
            Mistake(
                name="at 0 in the last update",
                wrong=lambda t, lr, w, T, d: (
                    lr * _up(t, w) * min(1, max(0, (T - 1 - t) / max(d - 1, 1)))
                ),
                says="Yours is at 0 in the last update, which then does nothing: 0 is reached at "
                "t = total, which no update uses.",
                share=0.5,
            ),
            Mistake(
                name="cool-down one early",
                wrong=lambda t, lr, w, T, d: lr * _up(t, w) * min(1, max(0, (T - 1 - t) / d)),
                says="The cool-down is one update early: it begins with lr itself, at total - down.",
                share=0.5,
            ),
            Mistake(
                name="falls over the whole run",
                wrong=lambda t, lr, w, T, d: lr * (_up(t, w) if t < T - d else max(0, (T - t) / T)),
                says="At total - down yours jumps: the line must fall from lr to 0 within `down` "
                "updates, not within the whole run.",
                share=0.25,
            ),
            Mistake(
                name="falls after `down` updates",
                wrong=lambda t, lr, w, T, d: lr * _up(t, w) * min(1, (T - t) / (T - d)),
                says="Yours begins to fall at `down`: the cool-down is the *last* `down` updates, "
                "from total - down on.",
                share=0.25,
            ),
            Mistake(
                name="cosine",
                wrong=lambda t, lr, w, T, d: (
                    lr * _up(t, w) * (1 + math.cos(math.pi * _done(t, T - d, d))) / 2
                ),
                says="The cool-down is a cosine: a straight line is asked for.",
                share=0.5,
            ),
            Mistake(
                name="as 1 - sqrt",
                wrong=lambda t, lr, w, T, d: lr * _up(t, w) * (1 - math.sqrt(_done(t, T - d, d))),
                says="The cool-down is 1 - sqrt: a straight line is asked for.",
                share=0.5,
            ),
        ),
        hints=(
            "Three pieces. Which t belongs to which?",
            "min does the flat part: the smaller of 1 and a line that falls. The same for the climb.",
            "With total 100 and down 20 the fall begins at 80; at t = 90 half of lr is left. With "
            "warmup 10 the climb goes from 0.1 lr to lr: at t = 5 it is at 0.55 lr.",
        ),
    ),
    Task(
        id="warmup_stable_decay.4",
        title="Read a trace, name the bug",
        question=(
            "Four runs of 400 updates were planned as one half cosine from 1.0 down to 0. The "
            "recorder shows:\n\n"
            "- **A** ends at 0.85, on one process, with gradients accumulated over 4 batches.\n"
            "- **B** is down at update 100 and up again at 200, and once more; it ran on 4 "
            "processes.\n"
            "- **C** was planned for 200 updates, came down, and was resumed for 200 more with "
            "`T_max=400` in the code: from update 200 on it climbs, and ends at the top.\n"
            "- **D** was planned for 200 updates too, stopped at 150, and resumed with a factor "
            "computed for 400: at update 150 it jumps from 0.15 up to 0.69, and then it falls.\n\n"
            "Set `bugs` to a list of four, for A, B, C, D, each one of `'length counted in batches, "
            "stepped per update'`, `'stepped once for every process'`, `'the old length came back "
            "with the state'`, `'the length was changed half-way'`, `'warm-up too long'`."
        ),
        points=4,
        minutes=6,
        difficulty="analyse",
        kind="value",
        answer_name="bugs",
        reference=lambda: list(BUGS[:4]),
        choices=BUGS,
        covers="the four traces and their causes",
        mistakes=(
            Mistake(
                name="A and B exchanged",
                wrong=lambda: [BUGS[1], BUGS[0], ANY, ANY],
                says="A and B are the wrong way round: stepped too often, a cosine comes down too "
                "early and climbs back; too long a length leaves it near the top.",
            ),
            Mistake(
                name="C and D exchanged",
                wrong=lambda: [ANY, ANY, BUGS[3], BUGS[2]],
                says="C and D are the wrong way round: a state that holds the old length goes on "
                "along the old wave; a new length puts the rate elsewhere at once.",
            ),
            Mistake(
                name="A: warm-up",
                wrong=lambda: [BUGS[4], ANY, ANY, ANY],
                says="A warm-up climbs, and A falls: by a quarter of the wave that was planned.",
            ),
            Mistake(
                name="B: the old length",
                wrong=lambda: [ANY, BUGS[2], ANY, ANY],
                says="B was never resumed. It is four times too fast: who calls step() four times?",
            ),
            Mistake(
                name="C: stepped too often",
                wrong=lambda: [ANY, ANY, BUGS[1], ANY],
                says="C came down when it should, at update 200. What went wrong came with the resume.",
            ),
            Mistake(
                name="C: counted in batches",
                wrong=lambda: [ANY, ANY, BUGS[0], ANY],
                says="Counted in batches, C would never have come down.",
            ),
            Mistake(
                name="D: warm-up",
                wrong=lambda: [ANY, ANY, ANY, BUGS[4]],
                says="D jumps at once: a warm-up climbs over many updates.",
            ),
        ),
        hints=(
            "How much of its wave does each run see, and how fast?",
            "Calls of scheduler.step() / T_max is the number of half waves. And a state_dict holds "
            "T_max, too.",
            "A: 400 calls with T_max = 1600 are a quarter of the way down. B: 1600 calls with "
            "T_max = 400 are four half waves.",
        ),
    ),
    Task(
        id="warmup_stable_decay.5",
        title="Train with all three",
        question=(
            "Write `train_wsd(model, optimizer, batches, epochs, warmup, down)`: a training loop "
            "with PyTorch's own schedulers, stepped after every batch. `LinearLR` from `1 / warmup` "
            "of the rate for the first `warmup` updates, then the rate itself, and in the last "
            "`down` updates `LinearLR` or `PolynomialLR` in a straight line, from the rate itself "
            "towards 0. `batches` is a list of pairs (inputs, targets), each a step on its "
            "`mse_loss`; the optimizer comes with its rate."
        ),
        points=4,
        minutes=12,
        difficulty="transfer",
        kind="loop",
        answer_name="train_wsd",
        parameters=("lr", "batches", "epochs", "warmup", "down"),
        arguments=seeded(_short_runs),
        reference=_curve_of(lambda t, lr, w, T, d, n: _wsd(t, lr, w, T, d)),
        covers="the recorded rate of every update, climb, stable stretch and fall, and the weights",
        mistakes=(
            Mistake(
                name="stepped per epoch",
                wrong=_curve_of(lambda t, lr, w, T, d, n: _wsd(t // n, lr, w, T, d)),
                says="The rate changes once an epoch: scheduler.step() belongs after every batch.",
            ),
            Mistake(
                name="scheduler before optimizer",
                wrong=_curve_of(lambda t, lr, w, T, d, n: _wsd(t + 1, lr, w, T, d)),
                says="One update ahead: scheduler.step() is called before optimizer.step().",
                share=0.5,
            ),
            Mistake(
                name="no warm-up",
                wrong=_curve_of(lambda t, lr, w, T, d, n: lr * _down(t, T, d)),
                says="The warm-up is missing: yours starts at the full rate.",
                share=0.25,
            ),
            Mistake(
                name="never falls",
                wrong=_curve_of(lambda t, lr, w, T, d, n: lr * _up(t, w)),
                says="After the warm-up the rate stays at the top: the cool-down is missing.",
                share=0.25,
            ),
            Mistake(
                name="no stable stretch",
                wrong=_curve_of(
                    lambda t, lr, w, T, d, n: lr * (_up(t, w) if t < w else (T - t) / (T - w))
                ),
                says="Yours falls from the end of the warm-up on: the stable stretch is missing.",
                share=0.25,
            ),
            Mistake(
                name="falls right after the warm-up",
                wrong=_curve_of(
                    lambda t, lr, w, T, d, n: lr * (_up(t, w) if t < w else max(0, 1 - (t - w) / d))
                ),
                says="Yours falls right after the warm-up, and is at 0 for the rest: the second "
                "milestone is total - down.",
            ),
            Mistake(
                name="LinearLR's default start",
                wrong=_curve_of(
                    lambda t, lr, w, T, d, n: lr * (1 / 3 + 2 / 3 * min(t / w, 1)) * _down(t, T, d)
                ),
                says="The climb starts at a third: that is LinearLR's default start_factor.",
                share=0.5,
            ),
            Mistake(
                name="the fall is too long",
                wrong=_curve_of(
                    lambda t, lr, w, T, d, n: (
                        lr * (_up(t, w) if t < T - d else 1 - (t - (T - d)) / T)
                    )
                ),
                says="The fall is not down at the end: its total_iters is `down`, not the whole run.",
                share=0.5,
            ),
            Mistake(
                name="ConstantLR's default",
                wrong=_curve_of(
                    lambda t, lr, w, T, d, n: (
                        lr
                        * (_up(t, w) if t < w else _down(t, T, d))
                        * (1 / 3 if w <= t < min(w + 5, T - d) else 1)
                    )
                ),
                says="After the climb the rate drops to a third for five updates: that is what "
                "ConstantLR does by default. Give it factor=1.0.",
                share=0.5,
            ),
            Mistake(
                name="never stepped",
                wrong=_curve_of(lambda t, lr, w, T, d, n: lr / w),
                says="The rate stays where the warm-up begins: scheduler.step() is never called.",
            ),
            Mistake(
                name="no scheduler",
                wrong=_curve_of(lambda t, lr, w, T, d, n: lr),
                says="The rate never changes: no scheduler is attached to this optimizer.",
            ),
            Mistake(
                name="no update",
                wrong=lambda lr, n, epochs, w, d: [],
                says="The optimizer that you are handed made no update at all: is step() called, "
                "and on this one?",
            ),
        ),
        hints=(
            "Three schedulers in a row. Which class joins them, and what are the two milestones?",
            "SequentialLR(optimizer, [climb, stay, fall], milestones=[warmup, total - down]). For "
            "`stay`, beware of the default of ConstantLR.",
            "With 4 epochs of 5 batches, a warm-up of 4 and a cool-down of 8: milestones 4 and 12, "
            "and the fall has total_iters = 8.",
        ),
        needs_torch=True,
    ),
    Task(
        id="warmup_stable_decay.6",
        title="One trunk, many budgets",
        question=(
            "You want a good model after each of several budgets. `budgets` is the list of them, in "
            "updates, and `downs` how many updates the cool-down of each has; it is the last part of "
            "its budget. Write `cost(budgets, downs)`: the list `[updates in all with one trunk, "
            "updates in all with a run of its own for each budget]`. The trunk, warm-up included, is "
            "trained once, as far as the last branch needs it."
        ),
        points=3,
        minutes=6,
        difficulty="apply",
        answer_name="cost",
        parameters=("budgets", "downs"),
        arguments=_budgets,
        reference=_branches,
        covers="one budget and several, and a short one that leaves the trunk last",
        mistakes=(
            Mistake(
                name="cool-downs free",
                wrong=lambda b, d: [max(x - y for x, y in zip(b, d)), sum(b)],
                says="The cool-downs are trained, too: each adds its own updates to the trunk.",
                share=0.5,
            ),
            Mistake(
                name="trunk to the end",
                wrong=lambda b, d: [max(b) + sum(d), sum(b)],
                says="The trunk ends where the last branch leaves it: its cool-down is not part of "
                "the trunk.",
                share=0.5,
            ),
            Mistake(
                name="only the longest",
                wrong=lambda b, d: [max(b), sum(b)],
                says="That is the longest budget alone: the shorter ones need their own cool-downs.",
                share=0.5,
            ),
            Mistake(
                name="trunk anew for each",
                wrong=lambda b, d: [sum(b), sum(b)],
                says="The trunk is trained once, and all branches leave it.",
                share=0.25,
            ),
            Mistake(
                name="one cool-down",
                wrong=lambda b, d: [max(x - y for x, y in zip(b, d)) + max(d), sum(b)],
                says="Every branch has a cool-down of its own: add all of them.",
                share=0.5,
            ),
            Mistake(
                name="last of the list",
                wrong=lambda b, d: [b[-1] - d[-1] + sum(d), sum(b)],
                says="The trunk goes as far as the *last branch* needs it, and that need not be the "
                "one of the longest budget: the largest budget minus its own cool-down.",
                share=0.5,
            ),
            Mistake(
                name="exchanged",
                wrong=lambda b, d: list(reversed(_branches(b, d))),
                says="The right two numbers, exchanged: first the trunk, then the separate runs.",
                share=0.5,
            ),
            Mistake(
                name="longest only, of the separate runs",
                wrong=lambda b, d: [_branches(b, d)[0], max(b)],
                says="Separate runs are trained one by one: add all budgets.",
                share=0.5,
            ),
        ),
        hints=(
            "At which update does each branch leave the trunk?",
            "The trunk is as long as the latest of those; then add every cool-down.",
            "Budgets 200, 400, 800 with cool-downs of 40, 80, 160: they leave at 160, 320 and 640. "
            "640 + 280 = 920, and separate runs cost 1,400.",
        ),
    ),
)
