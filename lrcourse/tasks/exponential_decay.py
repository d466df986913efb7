"""Exercises on exponential decay."""

import math
from functools import lru_cache

import numpy as np

from lrcourse.schedules import ExponentialDecay
from lrcourse.tasks._draw import calls, rate, share, steps, whole
from lrcourse.tasks._task import ANY, Mistake, Task


def _small_k(rng):
    return round(float(rng.uniform(0.002, 0.5)), 4)


def _a_decay(rng):
    """Steps so close that a line from one to the next looks like the curve."""
    return steps(200, [*range(10), *range(10, 200, 10)]), (rate(rng), _small_k(rng))


_a_schedule = lru_cache(64)(ExponentialDecay)  # building one costs more than calling it


def _decay(t, lr, k):
    return _a_schedule(lr=lr, k=k)(t)


def _drawn_gammas(rng):
    return [(0.95,), (0.5,), (0.999,)] + [(share(rng, 0.3, 0.99),) for _ in range(5)]


def _drawn_ks(rng):
    return [(0.0513,), (0.0,), (1.0,)] + [(_small_k(rng),) for _ in range(5)]


def _drawn_waits(rng):
    """(share, gamma), none so close to a whole number of steps that rounding decides."""
    found = [(0.01, 0.95), (0.5, 0.9), (0.99, 0.5), (0.5, 0.5), (0.25, 0.5)]
    while len(found) < 12:
        left, gamma = share(rng, 0.01, 0.9), share(rng, 0.5, 0.99)
        wait = math.log(left) / math.log(gamma)
        if wait > 1 and 0.05 < wait % 1 < 0.95:
            found.append((left, gamma))
    return found


def _wait(left, gamma):
    return math.ceil(math.log(left) / math.log(gamma))


def _drawn_runs(rng):
    """(share left at the end, epochs, batches per epoch)."""
    drawn = [(share(rng, 0.001, 0.2) or 0.001, whole(rng, 2, 90), whole(rng, 10, 500))]
    drawn += [(share(rng, 0.01, 0.5), whole(rng, 2, 90), whole(rng, 10, 500)) for _ in range(4)]
    return [(0.01, 10, 100), (0.5, 1, 1), *drawn]


def _curve_arguments(rng):
    drawn = [(rng.permutation(_a_decay(rng)[0]).tolist(), *_a_decay(rng)[1]) for _ in range(4)]
    return [([0, 1, 2, *range(4, 101, 4)], 0.1, 0.0513), ([0], 0.1, 0.0513), *drawn]


TASKS = (
    Task(
        id="exponential_decay.1",
        title="Write the formula",
        question=(
            "Write `exponential_decay(t, lr, k)`: $\\eta(t) = \\eta_0\\,e^{-kt}$, the rate of "
            "update `t`."
        ),
        points=2,
        minutes=3,
        difficulty="recall",
        answer_name="exponential_decay",
        parameters=("t", "lr", "k"),
        arguments=calls((0.1, 0.0513), range(100), _a_decay),
        reference=_decay,
        covers="every step of 100, and drawn rates and k up to step 200",
        mistakes=(
            Mistake(
                name="plus for minus",
                wrong=lambda t, lr, k: lr * math.exp(min(k * t, 700)),
                says="The rate grows: the exponent needs a minus sign.",
            ),
            Mistake(
                name="k for gamma",
                wrong=lambda t, lr, k: lr * k**t,
                says="k is taken for gamma, the factor of one step: that factor is e^-k.",
            ),
            Mistake(
                name="1 - k for e^-k",
                wrong=lambda t, lr, k: lr * (1 - k) ** t,
                says="Nearly: 1 - k is only the beginning of e^-k, and the difference adds up.",
                share=0.5,
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lr, k: lr * math.exp(-k * (t + 1)),
                says="One step ahead: the first update, t = 0, uses lr itself.",
                share=0.5,
            ),
            Mistake(
                name="powers of two",
                wrong=lambda t, lr, k: lr * 2 ** (-k * t),
                says="The base is 2 in yours: the formula has e.",
            ),
            Mistake(
                name="a straight line",
                wrong=lambda t, lr, k: lr * (1 - k * t),
                says="Yours is a straight line, the same amount less at each step: exponential "
                "decay takes the same share.",
            ),
            Mistake(
                name="one over",
                wrong=lambda t, lr, k: lr / (1 + k * t),
                says="That is inverse time decay, lr/(1 + k t): it falls more slowly.",
            ),
            Mistake(
                name="lr in the exponent",
                wrong=lambda t, lr, k: math.exp(-k * t * lr),
                says="lr stands before the exponential, not in it.",
            ),
            Mistake(
                name="without lr",
                wrong=lambda t, lr, k: math.exp(-k * t),
                says="That is the factor; the rate is lr times it.",
            ),
            Mistake(
                name="counted from 1",
                wrong=lambda t, lr, k: lr * math.exp(-k * (t - 1)),
                says="One step behind: at t = 0 yours is above lr. t already counts from 0.",
                share=0.5,
            ),
            Mistake(
                name="divided by k",
                wrong=lambda t, lr, k: lr * math.exp(-t / k),
                says="t is divided by k: the formula multiplies them. A time constant would be 1/k.",
            ),
            Mistake(
                name="base ten",
                wrong=lambda t, lr, k: lr * 10 ** (-k * t),
                says="The base is 10 in yours: the formula has e.",
            ),
            Mistake(
                name="t beside the exponential",
                wrong=lambda t, lr, k: lr * math.exp(-k) * t,
                says="t is multiplied with the exponential, so the rate grows: it belongs into the "
                "exponent, exp(-k * t).",
            ),
        ),
        hints=(
            "What should the rate be at t = 0, whatever k is?",
            "e to a power is math.exp or np.exp. Mind the sign.",
            "At t = 2 with k = 0.1 the exponent is -0.2, and e to that is 0.8187: this share of "
            "lr is left.",
        ),
    ),
    Task(
        id="exponential_decay.2",
        title="All steps at once",
        question=(
            "Write `decay_curve(t, lr, k)`, which takes a NumPy array of steps and returns an "
            "array with the rate of each, without a loop."
        ),
        points=2,
        minutes=3,
        difficulty="apply",
        kind="vectorised",
        answer_name="decay_curve",
        parameters=("t", "lr", "k"),
        arguments=_curve_arguments,
        reference=lambda t, lr, k: _decay(np.array(t), lr, k).tolist(),
        covers="arrays of one step and of many, in any order",
        mistakes=(
            Mistake(
                name="plus for minus",
                wrong=lambda t, lr, k: (lr * np.exp(k * np.array(t))).tolist(),
                says="The rates grow: the exponent needs a minus sign.",
            ),
            Mistake(
                name="k for gamma",
                wrong=lambda t, lr, k: (lr * k ** np.array(t, float)).tolist(),
                says="k is taken for gamma, the factor of one step: that factor is e^-k.",
            ),
            Mistake(
                name="place for step",
                wrong=lambda t, lr, k: _decay(np.arange(len(t)), lr, k).tolist(),
                says="You used the place in the array as the step: t[0] need not be 0.",
            ),
            Mistake(
                name="sorted",
                wrong=lambda t, lr, k: _decay(np.sort(t), lr, k).tolist(),
                says="Each rate must stand where its step stands: do not sort.",
            ),
            Mistake(
                name="one number for all",
                wrong=lambda t, lr, k: _decay(max(t), lr, k),
                says="One rate came back: there must be one for each step.",
            ),
            Mistake(
                name="1 - k for e^-k",
                wrong=lambda t, lr, k: (lr * (1 - k) ** np.array(t)).tolist(),
                says="1 - k is only the beginning of e^-k, and the difference adds up.",
                share=0.5,
            ),
            Mistake(
                name="one step ahead",
                wrong=lambda t, lr, k: _decay(np.array(t) + 1, lr, k).tolist(),
                says="One step ahead: at t = 0 the rate is lr itself.",
                share=0.5,
            ),
            Mistake(
                name="counted from 1",
                wrong=lambda t, lr, k: (lr * np.exp(k - k * np.array(t))).tolist(),
                says="One step behind: at t = 0 yours is above lr. t already counts from 0.",
                share=0.5,
            ),
            Mistake(
                name="without lr",
                wrong=lambda t, lr, k: np.exp(-k * np.array(t)).tolist(),
                says="That is the factor; the rate is lr times it.",
            ),
            Mistake(
                name="base ten",
                wrong=lambda t, lr, k: (lr * 10.0 ** (-k * np.array(t))).tolist(),
                says="The base is 10 in yours: the formula has e.",
            ),
            Mistake(
                name="divided by k",
                wrong=lambda t, lr, k: (lr * np.exp(-np.array(t) / k)).tolist(),
                says="t is divided by k: the formula multiplies them.",
            ),
        ),
        hints=(
            "math.exp takes one number. What takes an array?",
            "NumPy has functions of the same names as the math module, for arrays.",
            "np.exp(np.array([0, -1])) is array([1, 0.3679]): one result for each entry.",
        ),
    ),
    Task(
        id="exponential_decay.3",
        title="From k to gamma",
        question=(
            "`ExponentialLR` does not take $k$, but `gamma`, the factor of one step. Write "
            "`gamma_from_k(k)`, so that both make the same curve."
        ),
        points=1,
        minutes=3,
        difficulty="recall",
        answer_name="gamma_from_k",
        parameters=("k",),
        arguments=_drawn_ks,
        reference=lambda k: math.exp(-k),
        covers="k = 0 (no decay), k = 1, and values drawn at random",
        mistakes=(
            Mistake(
                name="k for gamma",
                wrong=lambda k: k,
                says="k itself is not the factor: ExponentialLR(gamma=0.0513) leaves a twentieth "
                "of the rate after one step.",
            ),
            Mistake(
                name="1 - k for e^-k",
                wrong=lambda k: 1 - k,
                says="1 - k is close for small k, and 0 at k = 1: look at t = 1 in the formula.",
                share=0.5,
            ),
            Mistake(
                name="plus for minus",
                wrong=lambda k: math.exp(k),
                says="Your gamma is above 1, so the rate would grow: a sign is missing.",
            ),
            Mistake(
                name="the logarithm",
                wrong=lambda k: -math.log(k) if k else math.inf,
                says="That is the other direction: -log(gamma) is k.",
            ),
            Mistake(
                name="powers of ten",
                wrong=lambda k: 10**-k,
                says="The base is 10 in yours: the formula has e.",
            ),
            Mistake(
                name="one over",
                wrong=lambda k: 1 / (1 + k),
                says="1/(1+k) is close for small k only: look at t = 1 in the formula.",
            ),
        ),
        hints=(
            "What share of the rate is left after a single step, in each of the two formulas?",
            "The two curves have to agree at every t. Which t is the first that tells you anything?",
            "The same with another pair: let h be the updates after which half of the rate is left, "
            "so that the curve is lr * 2**(-t / h). At t = 1 the two say gamma = 2**(-1 / h).",
        ),
    ),
    Task(
        id="exponential_decay.4",
        title="And back",
        question="Write `k_from_gamma(gamma)`: the $k$ of the same curve.",
        points=1,
        minutes=3,
        difficulty="apply",
        answer_name="k_from_gamma",
        parameters=("gamma",),
        arguments=_drawn_gammas,
        reference=lambda gamma: -math.log(gamma),
        tolerance=2e-4,  # near gamma = 1 a float32 has lost that much
        covers="gamma = 0.95, 0.5, 0.999, and values drawn at random",
        mistakes=(
            Mistake(
                name="plus for minus",
                wrong=lambda gamma: math.log(gamma),
                says="Your k is negative: the minus sign is in the formula, so k is positive.",
                share=0.5,
            ),
            Mistake(
                name="1 - gamma",
                wrong=lambda gamma: 1 - gamma,
                says="1 - gamma is close near 1 only: solve gamma = e^-k for k.",
                share=0.5,
            ),
            Mistake(
                name="base ten",
                wrong=lambda gamma: -math.log10(gamma),
                says="That is the logarithm to base 10: e^-k asks for the natural one, math.log.",
            ),
            Mistake(
                name="base two",
                wrong=lambda gamma: -math.log2(gamma),
                says="That is the logarithm to base 2: e^-k asks for the natural one, math.log.",
            ),
            Mistake(
                name="not inverted",
                wrong=lambda gamma: math.exp(-gamma),
                says="That is the way from k to gamma: the way back is its inverse.",
            ),
            Mistake(
                name="one over",
                wrong=lambda gamma: 1 / gamma,
                says="1/gamma is e^k: one more step to k itself.",
            ),
            Mistake(
                name="gamma for k",
                wrong=lambda gamma: gamma,
                says="gamma itself is not k: for gamma = 0.95, k is 0.0513.",
            ),
        ),
        hints=(
            "Which function undoes e to the power of something?",
            "Solve gamma = e^-k for k, and mind the sign: k is above 0 where gamma is below 1.",
            "With 10 in place of e: 0.01 is 10**-2, and the 2 is found again as minus the logarithm "
            "of 0.01 to the base of 10.",
        ),
    ),
    Task(
        id="exponential_decay.5",
        title="How long until?",
        question=(
            "Write `updates_until(share, gamma)`: the first update `t` whose rate is at or below "
            "`share` times the first rate. For `share=0.01` and `gamma=0.95` it is 90."
        ),
        points=2,
        minutes=5,
        difficulty="analyse",
        answer_name="updates_until",
        parameters=("share", "gamma"),
        arguments=_drawn_waits,
        reference=_wait,
        covers="shares from 1 % to 99 %, gammas from 0.5 to 0.99",
        mistakes=(
            Mistake(
                name="rounded down",
                wrong=lambda s, g: math.floor(math.log(s) / math.log(g)),
                says="One update early: there the rate is still above the share.",
                share=0.5,
            ),
            Mistake(
                name="rounded to the nearest",
                wrong=lambda s, g: round(math.log(s) / math.log(g)),
                says="Rounded to the nearest: where that is down, the rate is still above the "
                "share.",
                share=0.5,
            ),
            Mistake(
                name="not rounded",
                wrong=lambda s, g: math.log(s) / math.log(g),
                says="Updates are whole: which whole number is the first past yours?",
                share=0.5,
            ),
            Mistake(
                name="one late",
                wrong=lambda s, g: _wait(s, g) + 1,
                says="One update late: count from 0, the number of the update.",
                share=0.5,
            ),
            Mistake(
                name="upside down",
                wrong=lambda s, g: math.ceil(math.log(g) / math.log(s)),
                says="The two logarithms are the wrong way round.",
            ),
            Mistake(
                name="a straight line",
                wrong=lambda s, g: math.ceil((1 - s) / (1 - g)),
                says="That counts equal amounts, a straight line: the rate falls by equal shares.",
            ),
            Mistake(
                name="divided",
                wrong=lambda s, g: math.ceil(s / g),
                says="A division undoes a product; to undo a power takes logarithms.",
            ),
        ),
        hints=(
            "gamma to the power of t must be at or below the share. Which t is the first?",
            "Take logarithms of both sides of gamma^t = share, and solve for t. Then: up or down?",
            "For share 0.5 and gamma 0.9, t would be 6.58. At 6 the rate is 0.531 of the first, "
            "at 7 it is 0.478.",
        ),
    ),
    Task(
        id="exponential_decay.6",
        title="A gamma for your run",
        question=(
            "Your run has `epochs` epochs of `batches` batches, and calls `scheduler.step()` after "
            "every batch. Write `gamma_for(final_share, epochs, batches)`: the `gamma` with which, "
            "after the last of these calls, the rate is `final_share` of the first."
        ),
        points=3,
        minutes=6,
        difficulty="transfer",
        answer_name="gamma_for",
        parameters=("final_share", "epochs", "batches"),
        arguments=_drawn_runs,
        reference=lambda s, epochs, batches: s ** (1 / (epochs * batches)),
        covers="runs of one update and of thousands",
        tolerance=2e-7,  # what a float32 can hold
        mistakes=(
            Mistake(
                name="per epoch",
                wrong=lambda s, epochs, batches: s ** (1 / epochs),
                says="That is a gamma for one call an epoch: here there are epochs * batches "
                "calls, and the rate would be gone within the first epochs.",
                share=0.5,
            ),
            Mistake(
                name="per batch of one epoch",
                wrong=lambda s, epochs, batches: s ** (1 / batches),
                says="That reaches the share after the first epoch: count the calls of the whole "
                "run.",
            ),
            Mistake(
                name="one call fewer",
                wrong=lambda s, epochs, batches: s ** (1 / max(epochs * batches - 1, 1)),
                says="One call too few: after the last update scheduler.step() is called too.",
                share=0.5,
            ),
            Mistake(
                name="divided",
                wrong=lambda s, epochs, batches: s / (epochs * batches),
                says="The share is divided by the number of calls; gamma is multiplied that many "
                "times, so take a root.",
            ),
            Mistake(
                name="k for gamma",
                wrong=lambda s, epochs, batches: -math.log(s) / (epochs * batches),
                says="That is k: gamma is e^-k.",
                share=0.5,
            ),
            Mistake(
                name="equal amounts",
                wrong=lambda s, epochs, batches: 1 - (1 - s) / (epochs * batches),
                says="That takes equal amounts off, a straight line: gamma takes equal shares.",
            ),
            Mistake(
                name="epochs plus batches",
                wrong=lambda s, epochs, batches: s ** (1 / (epochs + batches)),
                says="Epochs and batches are added: each epoch has that many batches.",
            ),
        ),
        hints=(
            "How many times is the rate multiplied by gamma in the whole run?",
            "gamma to the power of the number of calls is the final share. Solve for gamma.",
            "With 10 epochs of 100 batches there are 1,000 calls. The thousandth root of 0.01 "
            "is 0.9954.",
        ),
    ),
    Task(
        id="exponential_decay.7",
        title="By hand: the two faces confused",
        question=(
            "Someone means $e^{-0.05 t}$ and writes `ExponentialLR(optimizer, gamma=0.05)`; the "
            "optimizer has `lr=1.0`. Set `rates` to a list of four numbers: the rates that updates "
            "1 and 2 use, then the rates they were meant to use (to four decimals)."
        ),
        points=2,
        minutes=4,
        difficulty="analyse",
        kind="value",
        answer_name="rates",
        reference=lambda: [0.05, 0.0025, 0.9512, 0.9048],
        tolerance=5e-4,
        covers="what is used, and what was meant",
        mistakes=(
            Mistake(
                name="meant before used",
                wrong=lambda: [0.9512, 0.9048, 0.05, 0.0025],
                says="The right numbers, the other way round: first used, then meant.",
            ),
            Mistake(
                name="from update 0",
                wrong=lambda: [1, 0.05, ANY, ANY],
                says="Update 0 uses 1.0, and gamma comes in at update 1.",
            ),
            Mistake(
                name="from update 0, both",
                wrong=lambda: [ANY, ANY, 1, 0.9512],
                says="At t = 0 any exponential is 1: the question starts at update 1.",
            ),
            Mistake(
                name="subtracted",
                wrong=lambda: [0.95, 0.9, ANY, ANY],
                says="gamma=0.05 does not take 5 % off: it leaves 5 %.",
            ),
            Mistake(
                name="5 % off",
                wrong=lambda: [0.95, 0.9025, ANY, ANY],
                says="That is gamma=0.95: the optimizer was given 0.05.",
            ),
            Mistake(
                name="1 - k for e^-k",
                wrong=lambda: [ANY, ANY, 0.95, 0.9025],
                says="What was meant is e^-0.05, a little more than 0.95.",
            ),
        ),
        hints=(
            "What does ExponentialLR do with gamma at each step?",
            "Update 0 uses 1.0 in both. By which factor does the rate of what was written shrink at "
            "each update, and by which one the rate of what was meant?",
            "Another slip: e^(-0.3 t) was meant, gamma=0.3 was written, and the optimizer has "
            "lr=2.0. Updates 1 and 2 use 0.6 and 0.18; 1.4816 and 1.0976 were meant.",
        ),
    ),
)
