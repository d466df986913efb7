"""Exercises on cosine annealing and warm restarts."""

import math
from functools import lru_cache

from lrcourse.schedules import CosineAnnealing, LinearWarmup
from lrcourse.tasks._draw import calls, rate, seeded, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task

_a_cosine = lru_cache(64)(CosineAnnealing)  # building one costs more than calling it


def _half_wave(t, lr, T_max, eta_min):
    return _a_cosine(lr=lr, T_max=T_max, eta_min=eta_min)(t)


def _a_wave(rng):
    lr, T_max = rate(rng), whole(rng, 5, 60)
    return steps(2 * T_max + 3, [T_max // 2, T_max, 2 * T_max]), (lr, T_max, lr * share(rng))


def _data_sets(rng):
    """(images, batch size, epochs): one that divides evenly, the others drawn."""
    drawn = [(whole(rng, 500, 90_000), whole(rng, 3, 500), whole(rng, 2, 200)) for _ in range(6)]
    return [(50_000, 128, 90), (1_280, 128, 10), (100, 128, 3), *drawn]


def _batches(images, batch_size):
    return math.ceil(images / batch_size)


@lru_cache(64)
def _warm_schedule(lr, warmup, total, start_factor):
    rise = LinearWarmup(lr=lr, start_factor=start_factor, total_iters=warmup)
    return rise.then(CosineAnnealing(lr=lr, T_max=total - warmup), at=warmup)


def _warm(t, lr, warmup, total, start_factor):
    return _warm_schedule(lr, warmup, total, start_factor)(t)


def _a_warm_wave(rng):
    warmup, total = whole(rng, 2, 20), whole(rng, 40, 120)
    around = steps(total, [warmup, (warmup + total) // 2, total - 1])
    return around, (rate(rng), warmup, total, share(rng, 0.01, 0.5))


def _ramp(t, warmup, start):
    return start + (1 - start) * min(t, warmup) / warmup


def _fall(t, length):
    return (1 + math.cos(math.pi * t / length)) / 2


def _curve_of(formula):
    """A mistake of a training loop, from the wrong rate of each update."""

    def wrong(lr, batches, epochs, warmup):
        total = epochs * batches
        return [formula(t, lr, warmup, total, batches) for t in range(total)]

    return wrong


def _warm_runs(rng):
    """(lr, batches, epochs, warm-up in updates)."""
    drawn = [(rate(rng), whole(rng, 3, 6), whole(rng, 4, 6), whole(rng, 4, 8)) for _ in range(2)]
    return [(0.1, 5, 4, 4), *drawn]


START = 0.1  # the start_factor of the loop


BUGS = (
    "T_max in epochs, stepped per batch",
    "T_max in batches, stepped per epoch",
    "T_max is half the run",
    "the loss was given to step()",
    "warm-up too long",
)

TASKS = (
    Task(
        id="cosine_annealing.1",
        title="Write the formula",
        question=(
            "Write `cosine(t, lr, T_max, eta_min)`: half a wave of a cosine, from `lr` at `t = 0` "
            "down to `eta_min` at `t = T_max`. Past `T_max` it does what PyTorch's does: the wave "
            "goes on."
        ),
        points=2,
        minutes=5,
        difficulty="recall",
        answer_name="cosine",
        parameters=("t", "lr", "T_max", "eta_min"),
        arguments=calls((0.1, 50, 0.0), range(106), _a_wave),
        reference=_half_wave,
        covers="every step to twice T_max and past it, with and without eta_min",
        mistakes=(
            Mistake(
                name="a whole wave",
                wrong=lambda t, lr, T, low: (
                    low + (lr - low) / 2 * (1 + math.cos(2 * math.pi * t / T))
                ),
                says="A whole wave: at T_max yours is back at the top. Half a wave takes pi, not "
                "2 pi.",
            ),
            Mistake(
                name="eta_min added on top",
                wrong=lambda t, lr, T, low: low + lr / 2 * (1 + math.cos(math.pi * t / T)),
                says="With eta_min above 0 yours starts above lr: what falls is lr - eta_min.",
                share=0.5,
            ),
            Mistake(
                name="eta_min left out",
                wrong=lambda t, lr, T, low: lr / 2 * (1 + math.cos(math.pi * t / T)),
                says="It falls to 0, whatever eta_min is.",
                share=0.5,
            ),
            Mistake(
                name="held at the end",
                wrong=lambda t, lr, T, low: _half_wave(min(t, T), lr, T, low),
                says="Right up to T_max, and then yours stays down: PyTorch's climbs back.",
                share=0.5,
            ),
            Mistake(
                name="without the 1",
                wrong=lambda t, lr, T, low: low + (lr - low) / 2 * math.cos(math.pi * t / T),
                says="A cosine runs from 1 to -1: add 1 before halving, or the rate turns "
                "negative.",
            ),
            Mistake(
                name="not halved",
                wrong=lambda t, lr, T, low: low + (lr - low) * (1 + math.cos(math.pi * t / T)),
                says="Twice too high above eta_min: 1 + cos runs from 2 to 0, so halve it.",
            ),
            Mistake(
                name="degrees",
                wrong=lambda t, lr, T, low: (
                    low + (lr - low) / 2 * (1 + math.cos(math.radians(math.pi * t / T)))
                ),
                says="It hardly moves: cos takes radians, half a wave is pi.",
            ),
            Mistake(
                name="sine",
                wrong=lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.sin(math.pi * t / T)),
                says="That is a sine: it starts in the middle.",
            ),
            Mistake(
                name="T_max - 1",
                wrong=lambda t, lr, T, low: (
                    low + (lr - low) / 2 * (1 + math.cos(math.pi * t / (T - 1)))
                ),
                says="Yours reaches the bottom at T_max - 1: PyTorch's at T_max.",
                share=0.5,
            ),
            Mistake(
                name="a straight line",
                wrong=lambda t, lr, T, low: lr - (lr - low) * t / T,
                says="That is a straight line: slow, fast, slow is what the cosine does.",
            ),
            Mistake(
                name="pi forgotten",
                wrong=lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(t / T)),
                says="It is not down at T_max: half a wave takes pi, and pi is missing.",
            ),
            Mistake(
                name="pi rounded",
                wrong=lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(3.14 * t / T)),
                says="Nearly: pi is rounded to 3.14. math.pi has all of it.",
                share=0.5,
            ),
            Mistake(
                name="starts again at T_max",
                wrong=lambda t, lr, T, low: _half_wave(t % T, lr, T, low),
                says="At T_max yours jumps back to the top: t % T_max makes warm restarts of it. "
                "The wave goes on without a jump.",
                share=0.5,
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lr, T, low: (
                    low + (lr - low) / 2 * (1 + math.cos(math.pi * (t + 1) / T))
                ),
                says="One step ahead: the first update, t = 0, uses lr itself.",
                share=0.5,
            ),
            Mistake(
                name="a quarter wave",
                wrong=lambda t, lr, T, low: low + (lr - low) * math.cos(math.pi / 2 * t / T),
                says="A quarter of a wave: it is steepest at the end, where half a wave is flat again.",
            ),
            Mistake(
                name="cut off at eta_min",
                wrong=lambda t, lr, T, low: max(low, lr / 2 * (1 + math.cos(math.pi * t / T))),
                says="Yours falls towards 0 and is cut off at eta_min: what falls is lr - eta_min, so "
                "that the end is as flat as the beginning.",
                share=0.5,
            ),
        ),
        hints=(
            "Which values should it have at t = 0, T_max/2 and T_max?",
            "cos runs from 1 to -1 while its argument runs from 0 to pi. Shift and scale that to "
            "run from 1 to 0.",
            "Build it in three steps: the share of the way, t/T_max; how high above the bottom, "
            "from 1 to 0; then stretch this height between eta_min and lr.",
        ),
    ),
    Task(
        id="cosine_annealing.2",
        title="T_max for your data",
        question=(
            "You call `scheduler.step()` after every batch. The last batch of an epoch may be "
            "smaller, and counts too. Write `t_max(images, batch_size, epochs)`: the `T_max` with "
            "which the rate reaches its end just when the run does."
        ),
        points=2,
        minutes=4,
        difficulty="apply",
        answer_name="t_max",
        parameters=("images", "batch_size", "epochs"),
        arguments=_data_sets,
        reference=lambda images, size, epochs: _batches(images, size) * epochs,
        covers="data sets that divide evenly and that do not, and one smaller than a batch",
        mistakes=(
            Mistake(
                name="last batch dropped",
                wrong=lambda images, size, epochs: images // size * epochs,
                says="The last, smaller batch of each epoch is missing: round up.",
                share=0.5,
            ),
            Mistake(
                name="rounded at the end",
                wrong=lambda images, size, epochs: math.ceil(images * epochs / size),
                says="Round up in each epoch: every one of them has a smaller last batch.",
                share=0.5,
            ),
            Mistake(
                name="in epochs",
                wrong=lambda images, size, epochs: epochs,
                says="That is in epochs, and the scheduler is stepped after every batch: the rate "
                "would swing down and up all through the run.",
            ),
            Mistake(
                name="one epoch only",
                wrong=lambda images, size, epochs: _batches(images, size),
                says="Those are the batches of one epoch: the rate would be down after the first.",
            ),
            Mistake(
                name="not whole",
                wrong=lambda images, size, epochs: images / size * epochs,
                says="An epoch has a whole number of batches: round up.",
            ),
            Mistake(
                name="images, not batches",
                wrong=lambda images, size, epochs: images * epochs,
                says="That counts images: an update uses a whole batch of them.",
            ),
            Mistake(
                name="one too many an epoch",
                wrong=lambda images, size, epochs: (images // size + 1) * epochs,
                says="Where the batches divide evenly there is no smaller last one: yours has one "
                "batch too many.",
                share=0.5,
            ),
        ),
        hints=(
            "How many times is scheduler.step() called in one epoch?",
            "A batch that is not full is a call, too. Does it come once in the run, or in every "
            "epoch?",
            "1,000 images in batches of 300 make three full batches and one of 100. In two epochs "
            "scheduler.step() is called eight times.",
        ),
    ),
    Task(
        id="cosine_annealing.3",
        title="Warm up, then anneal",
        question=(
            "Write `warm_cosine(t, lr, warmup, total, start_factor)`. For the first `warmup` "
            "updates the rate climbs in a straight line from `start_factor * lr` at `t = 0` towards "
            "`lr`, which is used at `t = warmup`. From there it follows half a cosine, down to 0 at "
            "`t = total`."
        ),
        points=4,
        minutes=10,
        difficulty="transfer",
        answer_name="warm_cosine",
        parameters=("t", "lr", "warmup", "total", "start_factor"),
        arguments=calls((0.1, 10, 100, 0.1), range(101), _a_warm_wave),
        reference=_warm,
        covers="every step of the climb, the join, and the fall, to the end",
        mistakes=(
            Mistake(
                name="cosine not shifted",
                wrong=lambda t, lr, w, T, s: lr * (_ramp(t, w, s) if t < w else _fall(t, T)),
                says="There is a jump down at the join: the cosine must count from the end of the "
                "warm-up, t - warmup.",
            ),
            Mistake(
                name="cosine too long",
                wrong=lambda t, lr, w, T, s: lr * (_ramp(t, w, s) if t < w else _fall(t - w, T)),
                says="The cosine is not down at the end: only total - warmup updates are left for "
                "it.",
                share=0.5,
            ),
            Mistake(
                name="cosine ends early",
                wrong=lambda t, lr, w, T, s: (
                    lr * (_ramp(t, w, s) if t < w else _fall(t - w, T - w - 1))
                ),
                says="The cosine is down one update early: it has total - warmup updates, not one "
                "fewer.",
                share=0.5,
            ),
            Mistake(
                name="multiplied",
                wrong=lambda t, lr, w, T, s: lr * _ramp(t, w, s) * _fall(t, T),
                says="The climb is multiplied into a cosine that falls from the start, so that lr "
                "is never reached. A well-known tutorial does just this. First one, then the "
                "other.",
            ),
            Mistake(
                name="starts from 0",
                wrong=lambda t, lr, w, T, s: lr * (t / w if t < w else _fall(t - w, T - w)),
                says="The climb starts from 0: the first update should use start_factor * lr.",
                share=0.5,
            ),
            Mistake(
                name="climb one ahead",
                wrong=lambda t, lr, w, T, s: (
                    lr * (_ramp(t + 1, w, s) if t < w else _fall(t - w, T - w))
                ),
                says="The climb is one update ahead: t = 0 uses start_factor * lr.",
                share=0.5,
            ),
            Mistake(
                name="never falls",
                wrong=lambda t, lr, w, T, s: lr * _ramp(t, w, s),
                says="After the warm-up yours stays at lr: the cosine is missing.",
            ),
            Mistake(
                name="no warm-up",
                wrong=lambda t, lr, w, T, s: lr * _fall(t, T),
                says="The warm-up is missing: yours starts at lr.",
            ),
            Mistake(
                name="climb ends one early",
                wrong=lambda t, lr, w, T, s: (
                    lr * (s + (1 - s) * min(t / max(w - 1, 1), 1) if t < w else _fall(t - w, T - w))
                ),
                says="Yours reaches lr at warmup - 1: it is used at t = warmup for the first time.",
                share=0.5,
            ),
            Mistake(
                name="counted up in whole updates",
                wrong=lambda t, lr, w, T, s: lr * ((t + 1) / w if t < w else _fall(t - w, T - w)),
                says="(t + 1)/warmup climbs from 1/warmup: the climb begins at start_factor * lr.",
                share=0.5,
            ),
            Mistake(
                name="a straight fall",
                wrong=lambda t, lr, w, T, s: (
                    lr * (_ramp(t, w, s) if t < w else 1 - (t - w) / (T - w))
                ),
                says="The climb is right, and the fall is a straight line: half a cosine is asked for.",
                share=0.5,
            ),
        ),
        hints=(
            "Which two formulas, and where is the seam? What should each give just there?",
            "Each part counts from its own beginning, and has its own length.",
            "With warmup 10 and total 100: at t = 5 half the climb is done. At t = 55 the cosine "
            "has done 45 of its 90 updates, so half the fall.",
        ),
    ),
    Task(
        id="cosine_annealing.4",
        title="Read a trace, name the bug",
        question=(
            "Four runs of 10 epochs with 20 batches each were planned as one half cosine from 1.0 "
            "down to 0. The recorder shows:\n\n"
            "- **A** goes down and up ten times in the whole run.\n"
            "- **B** ends at 0.995, having fallen smoothly and very little; the loop calls "
            "`scheduler.step()` once per epoch.\n"
            "- **C** is down after five epochs, and in the last update it is at 0.9998 again.\n"
            "- **D** jumps between 0.9948 and 0.9998 from epoch to epoch: lower when the "
            "validation loss is higher.\n\n"
            "Set `bugs` to a list of four, for A, B, C, D, each one of `'T_max in epochs, stepped "
            "per batch'`, `'T_max in batches, stepped per epoch'`, `'T_max is half the run'`, "
            "`'the loss was given to step()'`, `'warm-up too long'`."
        ),
        points=4,
        minutes=6,
        difficulty="analyse",
        kind="value",
        answer_name="bugs",
        reference=lambda: [
            "T_max in epochs, stepped per batch",
            "T_max in batches, stepped per epoch",
            "T_max is half the run",
            "the loss was given to step()",
        ],
        choices=BUGS,
        covers="the four traces and their causes",
        mistakes=(
            Mistake(
                name="A and B exchanged",
                wrong=lambda: [
                    "T_max in batches, stepped per epoch",
                    "T_max in epochs, stepped per batch",
                    ANY,
                    ANY,
                ],
                says="A and B are the wrong way round: stepping too often makes many waves, too "
                "seldom makes a piece of one.",
            ),
            Mistake(
                name="A: half the run",
                wrong=lambda: ["T_max is half the run", ANY, ANY, ANY],
                says="With half the run there would be one way down and one up: A has ten.",
            ),
            Mistake(
                name="B: warm-up",
                wrong=lambda: [ANY, "warm-up too long", ANY, ANY],
                says="Warm-up climbs, and B falls.",
            ),
            Mistake(
                name="C: per batch",
                wrong=lambda: [ANY, ANY, "T_max in epochs, stepped per batch", ANY],
                says="T_max in epochs would bring C down within the first epoch: how long did it "
                "take?",
            ),
            Mistake(
                name="D: per epoch",
                wrong=lambda: [ANY, ANY, ANY, "T_max in batches, stepped per epoch"],
                says="What goes up and down with the loss was told the loss: D is not a "
                "matter of counting.",
            ),
            Mistake(
                name="D: half the run",
                wrong=lambda: [ANY, ANY, ANY, "T_max is half the run"],
                says="D never comes down at all, and it moves with the loss.",
            ),
        ),
        hints=(
            "How many half waves does each run see? How many should there be?",
            "Half waves seen = calls of scheduler.step() / T_max. Count the calls for each run.",
            "Ten calls of step() with T_max = 200 cover a twentieth of the way; 200 calls with "
            "T_max = 10 cover it twenty times.",
        ),
    ),
    Task(
        id="cosine_annealing.5",
        title="Train with a warm-up",
        question=(
            "Write `train_warm(model, optimizer, batches, epochs, warmup)`: a training loop with "
            "PyTorch's own schedulers, stepped after every batch. `LinearLR` from a tenth of the "
            "rate for the first `warmup` updates, then `CosineAnnealingLR` down to 0 at the end of "
            "the run. `batches` is a list of pairs (inputs, targets), each a step on its "
            "`mse_loss`; the optimizer comes with its rate."
        ),
        points=4,
        minutes=12,
        difficulty="transfer",
        kind="loop",
        answer_name="train_warm",
        parameters=("lr", "batches", "epochs", "warmup"),
        arguments=seeded(_warm_runs),
        reference=_curve_of(lambda t, lr, w, T, n: _warm(t, lr, w, T, START)),
        covers="the recorded rate of every update, climb, join and fall, and the trained weights",
        mistakes=(
            Mistake(
                name="cosine too long",
                wrong=_curve_of(
                    lambda t, lr, w, T, n: lr * (_ramp(t, w, START) if t < w else _fall(t - w, T))
                ),
                says="The cosine is not down at the end: its T_max is what is left after the "
                "warm-up.",
                share=0.5,
            ),
            Mistake(
                name="stepped per epoch",
                wrong=_curve_of(lambda t, lr, w, T, n: _warm(t // n, lr, w, T, START)),
                says="The rate changes once an epoch: scheduler.step() belongs after every batch.",
            ),
            Mistake(
                name="no warm-up",
                wrong=_curve_of(lambda t, lr, w, T, n: lr * _fall(t, T)),
                says="The warm-up is missing: yours starts at the full rate.",
            ),
            Mistake(
                name="LinearLR's default start",
                wrong=_curve_of(lambda t, lr, w, T, n: _warm(t, lr, w, T, 1 / 3)),
                says="The climb starts at a third: that is LinearLR's default start_factor.",
                share=0.5,
            ),
            Mistake(
                name="LinearLR's default length",
                wrong=_curve_of(
                    lambda t, lr, w, T, n: (
                        lr * (_ramp(t, 5, START) if t < w else _fall(t - w, T - w))
                    )
                ),
                says="The climb lasts five updates: that is LinearLR's default total_iters.",
                share=0.5,
            ),
            Mistake(
                name="never falls",
                wrong=_curve_of(lambda t, lr, w, T, n: lr * _ramp(t, w, START)),
                says="After the warm-up the rate stays at the top: the cosine is missing.",
            ),
            Mistake(
                name="scheduler before optimizer",
                wrong=_curve_of(lambda t, lr, w, T, n: _warm(t + 1, lr, w, T, START)),
                says="One update ahead: scheduler.step() is called before optimizer.step().",
                share=0.5,
            ),
            Mistake(
                name="never stepped",
                wrong=_curve_of(lambda t, lr, w, T, n: lr * START),
                says="The rate stays where the warm-up begins: scheduler.step() is never called.",
            ),
            Mistake(
                name="no scheduler",
                wrong=_curve_of(lambda t, lr, w, T, n: lr),
                says="The rate never changes: no scheduler is attached to this optimizer.",
            ),
            Mistake(
                name="no update",
                wrong=lambda lr, n, epochs, w: [],
                says="The optimizer that you are handed made no update at all: is step() called, "
                "and on this one?",
            ),
            Mistake(
                name="chained",
                wrong=_curve_of(lambda t, lr, w, T, n: lr * _ramp(t, w, START) * _fall(t, T - w)),
                says="Both schedulers act from the start, and multiply: SequentialLR puts one "
                "after the other.",
            ),
        ),
        hints=(
            "Two schedulers, one after the other. Which class of torch.optim.lr_scheduler joins "
            "them?",
            "SequentialLR takes a list of schedulers and a list of milestones. How many updates "
            "has the run, and how many are left for the cosine?",
            "With 4 epochs of 5 batches and a warm-up of 4: LinearLR covers updates 0 to 3, the "
            "cosine has T_max = 16, and the milestone is 4.",
        ),
        needs_torch=True,
    ),
    Task(
        id="cosine_annealing.6",
        title="By hand",
        question=(
            "`CosineAnnealingLR(optimizer, T_max=100)`, `lr=1.0`. Which rates do the updates 0, 50, "
            "100, 150 and 200 use? Set `rates` to the list of the five numbers."
        ),
        points=2,
        minutes=3,
        difficulty="recall",
        kind="value",
        answer_name="rates",
        reference=lambda: [1.0, 0.5, 0.0, 0.5, 1.0],
        covers="the way down, and the way back up",
        mistakes=(
            Mistake(
                name="held at the end",
                wrong=lambda: [1.0, 0.5, 0.0, 0.0, 0.0],
                says="Past T_max the rate does not stay down: PyTorch's wave goes on.",
            ),
            Mistake(
                name="starts again",
                wrong=lambda: [1.0, 0.5, 1.0, 0.5, 1.0],
                says="That is a warm restart at 100: plain cosine annealing climbs back the way "
                "it came.",
            ),
            Mistake(
                name="a whole wave",
                wrong=lambda: [1.0, 0.0, 1.0, 0.0, 1.0],
                says="T_max is half a wave, from the top to the bottom.",
            ),
            Mistake(
                name="negative",
                wrong=lambda: [1.0, 0.0, -1.0, 0.0, 1.0],
                says="That is the bare cosine: the rate runs between eta_min = 0 and lr.",
            ),
            Mistake(
                name="half of half",
                wrong=lambda: [1.0, 0.5, 0.0, 0.25, 0.5],
                says="The way back is as high as the way down.",
            ),
            Mistake(
                name="a straight line through zero",
                wrong=lambda: [1.0, 0.5, 0.0, -0.5, -1.0],
                says="A rate below zero would climb the loss: the wave turns at T_max.",
            ),
        ),
        hints=(
            "Half a wave takes T_max updates. Where is it after one and a half of them?",
            "The cosine is symmetric about its lowest point, at t = T_max.",
            "50 updates before the bottom and 50 after it the rate is the same.",
        ),
    ),
)
