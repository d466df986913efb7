"""Exercises on cyclical rates."""

import math
from functools import lru_cache

from lrcourse.schedules import Cyclical
from lrcourse.tasks._draw import calls, rate, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task

_a_cyclical = lru_cache(64)(Cyclical)  # building one costs more than calling it


def _triangle(t, base_lr, max_lr, step_size_up):
    return _a_cyclical(base_lr=base_lr, max_lr=max_lr, step_size_up=step_size_up)(t)


def _a_triangle(rng):
    top, up = rate(rng), whole(rng, 2, 40)
    return steps(6 * up + 1, [up, 2 * up, 3 * up, 4 * up]), (top * share(rng, 0.05, 0.5), top, up)


def _shrinking(t, base_lr, max_lr, step_size_up):
    return _a_cyclical(
        base_lr=base_lr, max_lr=max_lr, step_size_up=step_size_up, mode="triangular2"
    )(t)


def _height(t, up):
    """0 at the lows, 1 at the peaks."""
    return 1 - abs(t % (2 * up) / up - 1)


def _data_sets(rng):
    """(images, batch size, epochs, cycles)."""
    drawn = [
        (whole(rng, 2_000, 90_000), whole(rng, 16, 300), whole(rng, 5, 60), whole(rng, 1, 6))
        for _ in range(6)
    ]
    return [(50_000, 100, 10, 5), (50_000, 128, 10, 4), (1_000, 32, 7, 3), *drawn]


def _size_up(images, batch_size, epochs, cycles):
    return math.ceil(images / batch_size) * epochs // (2 * cycles)


def _momentum(t, step_size_up, base_momentum, max_momentum):
    return _a_cyclical(
        step_size_up=step_size_up, base_momentum=base_momentum, max_momentum=max_momentum
    ).momentum(t)


def _a_mirror(rng):
    up, top = whole(rng, 2, 40), share(rng, 0.85, 0.98)
    low = round(top - share(rng, 0.05, 0.2), 2)
    return steps(4 * up + 1, [up, 2 * up, 3 * up]), (up, low, top)


def _drawn_restarts(rng):
    """(T_0, T_mult, total)."""
    drawn = [(whole(rng, 3, 30), whole(rng, 1, 3), whole(rng, 100, 400)) for _ in range(6)]
    return [(10, 2, 100), (10, 1, 35), (10, 2, 31), (10, 2, 30), (50, 2, 30), *drawn]


def _restarts(T_0, T_mult, total, within=lambda at, total: at < total):
    """The updates, after 0, at which the rate is back at the top."""
    restarts, at, length = [], T_0, T_0
    while within(at, total):
        restarts.append(at)
        length *= T_mult
        at += length
    return restarts


TASKS = (
    Task(
        id="cyclical_lr.1",
        title="Write the formula",
        question=(
            "Write `triangular(t, base_lr, max_lr, step_size_up)`: a straight line from `base_lr` "
            "up to `max_lr` in `step_size_up` updates, straight down again in as many, and so on."
        ),
        points=3,
        minutes=7,
        difficulty="apply",
        answer_name="triangular",
        parameters=("t", "base_lr", "max_lr", "step_size_up"),
        arguments=calls((0.001, 0.1, 20), range(100), _a_triangle),
        reference=_triangle,
        covers="every step of two and a half cycles, and the turns of drawn ones",
        mistakes=(
            Mistake(
                name="saw tooth",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * (t % up) / up,
                says="Yours falls back at once: a saw. The way down takes step_size_up updates "
                "too.",
            ),
            Mistake(
                name="starts at the top",
                wrong=lambda t, lo, hi, up: hi - (hi - lo) * _height(t, up),
                says="Upside down: the first update uses base_lr.",
                share=0.5,
            ),
            Mistake(
                name="a cycle in step_size_up",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(2 * t, up),
                says="Twice too fast: step_size_up is the way up alone, half a cycle.",
                share=0.5,
            ),
            Mistake(
                name="a cycle too long",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t / 2, up),
                says="Twice too slow: the way up takes step_size_up updates.",
                share=0.5,
            ),
            Mistake(
                name="a single triangle",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * max(0, 1 - abs(t / up - 1)),
                says="Only the first cycle is there: it goes on for ever.",
            ),
            Mistake(
                name="base_lr added on top",
                wrong=lambda t, lo, hi, up: lo + hi * _height(t, up),
                says="Your peak is above max_lr: what rises is max_lr - base_lr.",
                share=0.5,
            ),
            Mistake(
                name="from 0",
                wrong=lambda t, lo, hi, up: hi * _height(t, up),
                says="Your lows are at 0: they should be at base_lr.",
                share=0.5,
            ),
            Mistake(
                name="a wave",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * (1 - math.cos(math.pi * t / up)) / 2,
                says="That is a wave: the sides of a triangle are straight.",
            ),
            Mistake(
                name="never turns",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * t / up,
                says="It climbs for ever: after step_size_up updates it has to turn.",
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t + 1, up),
                says="One step ahead: the first update, t = 0, uses base_lr.",
                share=0.5,
            ),
        ),
        hints=(
            "Where in its cycle is update t? And how long is a cycle?",
            "The rest of t after all whole cycles is the place in the cycle. Up to step_size_up it "
            "is the way up; after that, how far is it to the end?",
            "With step_size_up = 20: at t = 47 the place is 7, so 7/20 of the way up. At t = 33 "
            "there are 7 left of 40: the same height.",
        ),
    ),
    Task(
        id="cyclical_lr.2",
        title="step_size_up for your data",
        question=(
            "A run of `epochs` epochs should see `cycles` whole cycles and end at a low. "
            "`scheduler.step()` is called after every batch; the last batch of an epoch may be "
            "smaller. Write `size_up(images, batch_size, epochs, cycles)`: the largest "
            "`step_size_up` with which all the cycles fit."
        ),
        points=3,
        minutes=6,
        difficulty="transfer",
        answer_name="size_up",
        parameters=("images", "batch_size", "epochs", "cycles"),
        arguments=_data_sets,
        reference=_size_up,
        covers="data sets and runs that divide evenly, and that do not",
        mistakes=(
            Mistake(
                name="a cycle for half a cycle",
                wrong=lambda i, b, e, c: math.ceil(i / b) * e // c,
                says="That is a whole cycle: step_size_up is the way up alone, half of it.",
                share=0.5,
            ),
            Mistake(
                name="last batch dropped",
                wrong=lambda i, b, e, c: i // b * e // (2 * c),
                says="The last, smaller batch of each epoch is an update too: round the batches "
                "up.",
                share=0.5,
            ),
            Mistake(
                name="rounded up",
                wrong=lambda i, b, e, c: math.ceil(math.ceil(i / b) * e / (2 * c)),
                says="Rounded up, the last cycle does not fit where it does not divide evenly: "
                "round the steps down.",
                share=0.5,
            ),
            Mistake(
                name="not whole",
                wrong=lambda i, b, e, c: math.ceil(i / b) * e / (2 * c),
                says="step_size_up counts updates: make it whole, so that all the cycles fit.",
                share=0.5,
            ),
            Mistake(
                name="in epochs",
                wrong=lambda i, b, e, c: e // (2 * c),
                says="That counts epochs, and the scheduler is stepped after every batch.",
            ),
            Mistake(
                name="one epoch only",
                wrong=lambda i, b, e, c: math.ceil(i / b) // (2 * c),
                says="All the cycles fit in one epoch of yours: the run has several.",
            ),
            Mistake(
                name="images, not batches",
                wrong=lambda i, b, e, c: i * e // (2 * c),
                says="That counts images: an update uses a whole batch of them.",
            ),
            Mistake(
                name="the default",
                wrong=lambda i, b, e, c: 2000,
                says="2000 is PyTorch's default, and has nothing to do with your run.",
            ),
            Mistake(
                name="rounded over the whole run",
                wrong=lambda i, b, e, c: math.ceil(i * e / b) // (2 * c),
                says="The batches are rounded up once, over the whole run: the last batch of *every* "
                "epoch may be smaller, so round up in each.",
                share=0.5,
            ),
            Mistake(
                name="rounded down over the whole run",
                wrong=lambda i, b, e, c: i * e // b // (2 * c),
                says="The batches are counted over the whole run at once: each epoch ends with a "
                "smaller batch, which is an update, too.",
                share=0.5,
            ),
            Mistake(
                name="rounded too early",
                wrong=lambda i, b, e, c: math.ceil(i / b) // (2 * c) * e,
                says="Divided by the cycles before it is multiplied by the epochs: round once, at the "
                "end.",
                share=0.5,
            ),
        ),
        hints=(
            "How many updates has the run? How many ways up and ways down must they hold?",
            "Each cycle is two straight lines of step_size_up updates. Divide, and round so that "
            "it fits.",
            "50,000 images in batches of 100, 10 epochs: 5,000 updates. Five cycles of 1,000 "
            "updates, each 500 up and 500 down.",
        ),
    ),
    Task(
        id="cyclical_lr.3",
        title="Every cycle half as high",
        question=(
            "Write `triangular2(t, base_lr, max_lr, step_size_up)`: as `triangular`, but every "
            "cycle rises half as high above `base_lr` as the one before."
        ),
        points=2,
        minutes=5,
        difficulty="apply",
        answer_name="triangular2",
        parameters=("t", "base_lr", "max_lr", "step_size_up"),
        arguments=calls((0.001, 0.1, 10), range(80), _a_triangle),
        reference=_shrinking,
        covers="every step of four cycles, and the turns of drawn ones",
        mistakes=(
            Mistake(
                name="all as high",
                wrong=_triangle,
                says="All your cycles are as high as the first: halve after each.",
            ),
            Mistake(
                name="halved at the peak",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t, up) * 0.5 ** (t // up),
                says="It is halved at the peak too, in the middle of a cycle: count whole cycles, "
                "2 * step_size_up updates each.",
            ),
            Mistake(
                name="halved from the start",
                wrong=lambda t, lo, hi, up: (
                    lo + (hi - lo) * _height(t, up) * 0.5 ** (t // (2 * up) + 1)
                ),
                says="Your first cycle is halved already: 0 cycles are completed then.",
                share=0.5,
            ),
            Mistake(
                name="the lows halved too",
                wrong=lambda t, lo, hi, up: (
                    (lo + (hi - lo) * _height(t, up)) * 0.5 ** (t // (2 * up))
                ),
                says="Your lows sink as well: only the height above base_lr is halved.",
                share=0.5,
            ),
            Mistake(
                name="divided by the number",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t, up) / (t // (2 * up) + 1),
                says="Divided by 1, 2, 3, ...: the third cycle is a third, where it should be a "
                "quarter.",
            ),
            Mistake(
                name="halved at every step",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t, up) * 0.5**t,
                says="It is halved at every step: once per cycle is meant.",
            ),
            Mistake(
                name="smoothly",
                wrong=lambda t, lo, hi, up: lo + (hi - lo) * _height(t, up) * 0.5 ** (t / (2 * up)),
                says="It shrinks within each cycle: the number of *completed* cycles is whole.",
            ),
            Mistake(
                name="max_lr halved",
                wrong=lambda t, lo, hi, up: (
                    lo + (hi * 0.5 ** (t // (2 * up)) - lo) * _height(t, up)
                ),
                says="max_lr itself is halved: only its height above base_lr is, or the peaks end up "
                "below base_lr.",
                share=0.5,
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lo, hi, up: _shrinking(t + 1, lo, hi, up),
                says="One step ahead: the first update, t = 0, uses base_lr.",
                share=0.5,
            ),
        ),
        hints=(
            "How many cycles are completed at step t?",
            "The height above base_lr, times 1/2 to the power of the completed cycles.",
            "With step_size_up = 10, t = 50 is the peak of the third cycle: two are completed, so "
            "a quarter of the height.",
        ),
    ),
    Task(
        id="cyclical_lr.4",
        title="Momentum goes the other way",
        question=(
            "While the rate rises, `CyclicLR` lowers the momentum, and the other way round. Write "
            "`cyclic_momentum(t, step_size_up, base_momentum, max_momentum)`."
        ),
        points=2,
        minutes=5,
        difficulty="apply",
        answer_name="cyclic_momentum",
        parameters=("t", "step_size_up", "base_momentum", "max_momentum"),
        arguments=calls((20, 0.8, 0.9), range(81), _a_mirror),
        reference=_momentum,
        covers="every step of two cycles, and the turns of drawn ones",
        mistakes=(
            Mistake(
                name="with the rate",
                wrong=lambda t, up, lo, hi: lo + (hi - lo) * _height(t, up),
                says="Yours rises with the rate: the first update has max_momentum.",
                share=0.5,
            ),
            Mistake(
                name="saw tooth",
                wrong=lambda t, up, lo, hi: hi - (hi - lo) * (t % up) / up,
                says="Yours jumps back up at the peak of the rate: the way back takes "
                "step_size_up updates too.",
            ),
            Mistake(
                name="a cycle in step_size_up",
                wrong=lambda t, up, lo, hi: hi - (hi - lo) * _height(2 * t, up),
                says="Twice too fast: step_size_up is half a cycle.",
                share=0.5,
            ),
            Mistake(
                name="never comes back",
                wrong=lambda t, up, lo, hi: max(lo, hi - (hi - lo) * t / up),
                says="After the first fall yours stays down: it rises again with the next half "
                "cycle.",
            ),
            Mistake(
                name="constant",
                wrong=lambda t, up, lo, hi: hi,
                says="Yours does not move: that is cycle_momentum=False.",
            ),
            Mistake(
                name="two values",
                wrong=lambda t, up, lo, hi: hi if t // up % 2 else lo,
                says="Only the two ends are there: in between it moves in a straight line.",
            ),
            Mistake(
                name="one minus",
                wrong=lambda t, up, lo, hi: hi * (1 - _height(t, up)),
                says="Yours falls to 0: it should fall to base_momentum.",
            ),
        ),
        hints=(
            "Which momentum belongs to the lowest rate? Which to the highest?",
            "Take the height of the triangle, 0 to 1, and walk down from max_momentum by it.",
            "With 0.8 and 0.9 and step_size_up = 20: 0.9 at t = 0, 0.85 at t = 10, 0.8 at t = 20.",
        ),
    ),
    Task(
        id="cyclical_lr.5",
        title="When does it restart?",
        question=(
            "`CosineAnnealingWarmRestarts(optimizer, T_0, T_mult)` starts again from the top after "
            "`T_0` updates, then after `T_0 * T_mult` more, and so on. Write "
            "`restarts(T_0, T_mult, total)`: the list of the updates, among 0 to `total - 1`, "
            "at which the rate is back at the top. Update 0 is no restart."
        ),
        points=3,
        minutes=6,
        difficulty="analyse",
        answer_name="restarts",
        parameters=("T_0", "T_mult", "total"),
        arguments=_drawn_restarts,
        reference=_restarts,
        covers="cycles of equal and of growing length, restarts in the last update and past it",
        mistakes=(
            Mistake(
                name="multiples of T_0",
                wrong=lambda T, m, total: list(range(T, total, T)),
                says="Those are cycles of equal length: each is T_mult times as long as the one "
                "before.",
                share=0.25,
            ),
            Mistake(
                name="powers",
                wrong=lambda T, m, total: [T * m**i for i in range(1, 20) if T * m**i < total],
                says="Those are the lengths of the cycles: the restarts are their running sums.",
            ),
            Mistake(
                name="powers, from the first",
                wrong=lambda T, m, total: (
                    [T * m**i for i in range(20) if T * m**i < total]
                    if m > 1
                    else [T] * (total > T)
                ),
                says="The lengths of the cycles are not added up: the third begins after the "
                "first and the second.",
            ),
            Mistake(
                name="with 0",
                wrong=lambda T, m, total: [0, *_restarts(T, m, total)],
                says="Update 0 is the start, no restart.",
                share=0.5,
            ),
            Mistake(
                name="with the end",
                wrong=lambda T, m, total: _restarts(T, m, total, lambda at, end: at <= end),
                says="Update number total is past the run: the last is total - 1.",
                share=0.5,
            ),
            Mistake(
                name="without the last update",
                wrong=lambda T, m, total: _restarts(T, m, total - 1),
                says="Update total - 1 is still in the run: a restart there counts.",
                share=0.5,
            ),
            Mistake(
                name="the last update of each",
                wrong=lambda T, m, total: [at - 1 for at in _restarts(T, m, total)],
                says="Each is one early: that is the last update of the cycle, the restart is "
                "the next.",
                share=0.5,
            ),
            Mistake(
                name="one late",
                wrong=lambda T, m, total: [at + 1 for at in _restarts(T, m, total)],
                says="Each is one late: the first cycle has the updates 0 to T_0 - 1.",
                share=0.5,
            ),
            Mistake(
                name="lengths, not places",
                wrong=lambda T, m, total: [T * m**i for i, _ in enumerate(_restarts(T, m, total))],
                says="Those are the lengths of the cycles: a restart comes after all cycles before "
                "it, so add them up.",
            ),
        ),
        hints=(
            "How long is each cycle? When has it begun?",
            "Keep two numbers: when the next restart comes, and how long the cycle after it is.",
            "T_0 = 10, T_mult = 2: lengths 10, 20, 40, ... The restarts are at 10, then 20 later, "
            "at 30, then 40 later, at 70.",
        ),
    ),
    Task(
        id="cyclical_lr.6",
        title="By hand: what do the defaults do?",
        question=(
            "`CyclicLR(optimizer, base_lr=0.0, max_lr=0.1)`, everything else as PyTorch has it: "
            "`step_size_up=2000`, `cycle_momentum=True`. The optimizer is "
            "`SGD(..., lr=0.5, momentum=0)`; the run has 501 updates. Set `numbers` to three: the "
            "rate of the first update, the largest rate of the run, and the momentum of the first "
            "update."
        ),
        points=3,
        minutes=5,
        difficulty="analyse",
        kind="value",
        answer_name="numbers",
        reference=lambda: [0.0, 0.025, 0.9],
        covers="what CyclicLR takes over, and how much of a cycle the run sees",
        mistakes=(
            Mistake(
                name="the optimizer's rate",
                wrong=lambda: [0.5, ANY, ANY],
                says="CyclicLR sets the optimizer's rate as soon as it is built: to base_lr.",
            ),
            Mistake(
                name="the peak is never met",
                wrong=lambda: [ANY, 0.1, ANY],
                says="The climb takes 2000 updates, and the run has 501: the peak is never met.",
            ),
            Mistake(
                name="one way for a cycle",
                wrong=lambda: [ANY, 0.05, ANY],
                says="step_size_up=2000 is the way up, not the cycle: 500 of 2000 is a quarter.",
            ),
            Mistake(
                name="501 for 500",
                wrong=lambda: [ANY, 0.02505, ANY],
                says="The last of 501 updates is number 500.",
            ),
            Mistake(
                name="the momentum that was asked for",
                wrong=lambda: [ANY, ANY, 0],
                says="Momentum 0 was asked for, but cycle_momentum=True takes it over, silently.",
            ),
            Mistake(
                name="momentum at the peak",
                wrong=lambda: [ANY, ANY, 0.8],
                says="0.8 is the momentum at the peak of the rate: at the bottom it is "
                "max_momentum.",
            ),
        ),
        hints=(
            "Which of the optimizer's numbers does CyclicLR leave alone?",
            "Where on its triangle does the run begin, and how far up is it when the run ends? The "
            "momentum runs on the same triangle, upside down: its two defaults stand in PyTorch's "
            "page on CyclicLR.",
            "Another run: base_lr=0.2, max_lr=1.0, step_size_up=100, momentum between 0.5 and 0.7, "
            "26 updates. It begins at 0.2, with momentum 0.7. Its last update, number 25, is a "
            "quarter of the way up, at 0.4.",
        ),
    ),
)
