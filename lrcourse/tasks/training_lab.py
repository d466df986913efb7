"""Exercises on comparing schedules fairly, and the challenge of the lab."""

import math
import secrets
from functools import cache, lru_cache
from statistics import fmean, stdev

import numpy as np

from lrcourse.answers import told
from lrcourse.tasks._draw import whole
from lrcourse.tasks._judge import Parting, Verdict, kind_of, show, why_none
from lrcourse.tasks._task import ANY, Mistake, Task


def _scores(rng):
    """(scores of a, scores of b), seed by seed: two schedules that share their luck."""
    found = [([0.20, 0.24, 0.19, 0.23], [0.22, 0.25, 0.22, 0.24])]
    for _ in range(6):
        luck = rng.normal(0.2, 0.03, size=whole(rng, 4, 24))
        a, b = (luck + rng.normal(shift, 0.006, luck.shape) for shift in (0.0, 0.005))
        found.append((a.round(4).tolist(), b.round(4).tolist()))
    return found


def _half(values, quantile):
    return quantile * stdev(values) / math.sqrt(len(values))


def _quantile(share, freedom):
    from scipy.stats import t  # on first use: it takes a second to load

    return float(t.ppf(share, freedom))


def _students(n):
    return _quantile(0.975, n - 1)


def _paired(a, b, quantile=_students):
    gaps = [x - y for x, y in zip(a, b)]
    middle, half = fmean(gaps), _half(gaps, quantile(len(gaps)))
    return [middle - half, middle + half]


def _unpaired(a, b):
    n = len(a)
    half = _students(n) * math.sqrt((stdev(a) ** 2 + stdev(b) ** 2) / n)
    middle = fmean(a) - fmean(b)
    return [middle - half, middle + half]


def _around_mean(a, b, spread):
    gaps = [x - y for x, y in zip(a, b)]
    return [fmean(gaps) - spread(gaps), fmean(gaps) + spread(gaps)]


def _intervals(rng):
    """(low, high) of a - b: clear ones, and ones that touch or hold zero."""
    drawn = []
    for _ in range(8):
        middle, half = rng.normal(0, 0.02), rng.uniform(0.001, 0.03)
        drawn.append((round(float(middle - half), 4), round(float(middle + half), 4)))
    return [
        (-0.03, -0.01),
        (0.01, 0.03),
        (-0.01, 0.02),
        (-0.02, 0.001),
        (0.0, 0.02),
        (-0.02, 0.0),
        *drawn,
    ]


def _verdict(low, high):
    return "a" if high < 0 else "b" if low > 0 else "no difference"


def _sweeps(rng):
    """(peaks, risks): one row of risks for each peak; None where a run diverged."""
    found = [
        ([0.1, 0.2, 0.4, 0.8], [[0.30, 0.31], [0.25, 0.27], [0.2, 0.24], [0.15, None]]),
        ([0.8, 0.1], [[0.21, 0.22], [0.19, 0.22]]),
        # One lucky seed at 0.1; the mean is best at 0.2, the middle value at 0.4.
        ([0.1, 0.2, 0.4], [[0.40, 0.10, 0.40], [0.24, 0.25, 0.28], [0.23, 0.24, 0.36]]),
        # The first seed is best at 0.1, the mean at 0.2.
        ([0.1, 0.2, 0.4], [[0.20, 0.30, 0.31], [0.24, 0.25, 0.26], [0.30, 0.31, 0.32]]),
        # What is left of the last row is high; with a 0 in its place it would be low.
        ([0.1, 0.2], [[0.50, 0.52], [0.90, None]]),
        # Risks in other units: no number that stands for a diverged run is large enough.
        ([0.1, 0.2, 0.4], [[5300.0, 5500.0], [5200.0, 5000.0], [1.5, None]]),
    ]
    for _ in range(6):
        peaks = [0.05, 0.1, 0.2, 0.4, 0.8][: whole(rng, 3, 5)]
        best = rng.integers(len(peaks))
        risks = [
            (0.2 + 0.03 * abs(i - best) + rng.normal(0, 0.02, 4)).round(4).tolist()
            for i in range(len(peaks))
        ]
        risks.append([0.05, None, 0.05, 0.06])  # tempting, but one run is lost
        order = rng.permutation(len(peaks) + 1)
        peaks.append(1.6)
        found.append(([peaks[i] for i in order], [risks[i] for i in order]))
    return found


def _best_peak(peaks, risks, of=fmean):
    whole_rows = [(of(row), peak) for peak, row in zip(peaks, risks) if None not in row]
    return min(whole_rows)[1]


def _without_lost(row):
    return [value for value in row if value is not None]


def _budgets(rng):
    """(updates, batch of one run, batch of the other)."""
    drawn = [
        (whole(rng, 100, 5000), 2 ** whole(rng, 3, 6), 2 ** whole(rng, 7, 9)) for _ in range(5)
    ]
    return [(1000, 32, 128), (1000, 64, 64), (1000, 64, 96), (500, 128, 32), *drawn]


BUDGETS = (100, 300)  # updates that the challenge is run for
CONSTANT, LINEAR = 0.07, 0.17  # the best constant rate, and the best peak of linear to zero
ENOUGH = 0.5  # of the gap between the two; cosine and one-cycle close about 0.8
JUDGED_ON = 144  # seeds: the share of the gap is known to 0.04 or better (standard deviation)


def _every_update(rng):
    return [(t, total) for total in BUDGETS for t in range(total)]


def _race(arguments, results, judged_on: int | None = None) -> Verdict:
    """Train with the rates that came back, beside two baselines, on seeds nobody has seen.

    `judged_on` draws these seeds: the same number, the same verdict on the same rates. None:
    one that this process keeps to itself.
    """
    rates: dict[int, list] = {total: [] for total in BUDGETS}
    for (t, total), value in zip(arguments, results):
        parting = _no_rate(value)
        if parting:
            return Verdict(
                right=False,
                share=0.0,
                says=why_none(parting, f"t={t}, total={total}"),
                step=t,
                line=parting.line,
                mistake="no rate",
            )
        rates[total].append(float(value))
    first = _first_seed(_own_draw() if judged_on is None else judged_on)
    gaps = {total: _gap_closed(rates[total], total, first) for total in BUDGETS}
    return _said(rates, gaps)


def _no_rate(value) -> Parting | None:
    """What is wrong with a result that is to be a rate, if something is."""
    if type(value) is dict:
        says, line = told(value)
        return Parting(says, line=line)
    if type(value) not in (int, float):
        given = "None: is there a return?" if value is None else kind_of(value)
        return Parting(f"a rate is one number, and yours is {given}")
    if type(value) is float and not math.isfinite(value):
        return Parting(f"a rate must be finite, and yours is {show(value)}")
    if abs(value) > 1e6:
        return Parting(f"a rate of {show(value)} is far too large: nothing trains above 1,000,000")
    if value < 0:
        return Parting(f"a rate below zero climbs the loss: yours is {show(value)}")
    return None


@cache
def _own_draw() -> int:
    return secrets.randbits(63)


def _first_seed(judged_on: int) -> int:
    return int(np.random.default_rng(judged_on).integers(10**3, 10**6 - JUDGED_ON))


def _gap_closed(rates, total, first):
    """0 for as good as the best constant rate, 1 for linear to zero; and the three risks."""
    (yours,) = _risks({"yours": lambda t: rates[t]}, total, first)
    constant, linear = _baselines(total, first)
    closed = (constant - yours) / (constant - linear) if math.isfinite(yours) else -math.inf
    return closed, yours, constant, linear


@lru_cache(maxsize=16)
def _baselines(total, first):
    """The risks of the two ends of the scale, trained once for all who are judged on these seeds."""
    both = {"constant": lambda t: CONSTANT, "linear": lambda t: LINEAR * (1 - t / total)}
    return _risks(both, total, first)


def _risks(schedules, total, first):
    from lrcourse import lab

    race = lab.race(
        schedules,
        task="digits",
        steps=total,
        seeds=range(first, first + JUDGED_ON),
        tune=False,
        points=1,
        progress=False,
    )
    return [float(np.mean(race.scores[name])) for name in schedules]


def _said(rates, gaps) -> Verdict:
    closed = {total: gap[0] for total, gap in gaps.items()}
    # In proportion: at a step, the luck of the seeds would decide between two marks.
    shares = [min(1.0, max(0.0, c / ENOUGH)) for c in closed.values()]
    worst = min(BUDGETS, key=closed.__getitem__)
    _, yours, constant, linear = gaps[worst]
    if closed[worst] >= ENOUGH:
        parts = (f"{gaps[total][1]:.3f} after {total} updates" for total in BUDGETS)
        return Verdict(
            right=True,
            share=1.0,
            says=f"Right. Trained on {JUDGED_ON} seeds that you have not seen: an excess risk of "
            f"{' and '.join(parts)}, close to linear to zero or better.",
        )
    name, why = _weakness(rates, worst, yours)
    risk = f"{yours:.3f}" if math.isfinite(yours) else "infinite"
    return Verdict(
        right=False,
        share=min(0.99, round(fmean(shares), 2)),
        says=f"After {worst} updates the excess risk of yours is {risk}; a constant {CONSTANT} "
        f"comes to {constant:.3f}, and {constant - ENOUGH * (constant - linear):.3f} brings full "
        f"marks. {why}",
        mistake=name,
        yours=yours if math.isfinite(yours) else None,
        expected=linear,
    )


def _weakness(rates, total, yours) -> tuple[str, str]:
    """The likeliest reason why a schedule is not good enough."""
    curve = rates[total]
    peak, last = max(curve), curve[-1]
    if not math.isfinite(yours):
        return "diverged", f"It diverged: the peak, {show(peak)}, is too large for this network."
    if peak < 0.02:
        return "too small", f"Your largest rate is {show(peak)}: hardly a step is made."
    if peak > 0.5:
        return "too large", f"Your peak, {show(peak)}, is too large for this network."
    if len(set(curve)) == 1:
        return "constant", "Yours is constant: what remains of the noise is not averaged out."
    if last > 0.3 * peak:
        return "ends high", f"Yours still uses {show(last)} at the end: fall further, to near zero."
    if rates[BUDGETS[0]] == rates[BUDGETS[1]][: BUDGETS[0]]:
        return "one curve for all", "Yours does the same for any total: fit it to the budget."
    if fmean(curve) < 0.2 * peak:
        return "falls too early", "Yours spends most of the run at small rates: fall later."
    return "not yet", "Look at its peak, and at how it comes down."


FLAWS = (
    "one seed",
    "only one was tuned",
    "unequal budget",
    "picked on the seeds it is judged on",
    "nothing",
)

TASKS = (
    Task(
        id="training_lab.1",
        title="A paired interval",
        question=(
            "Two schedules were run on the same seeds: `a` and `b` are lists of their excess "
            "risks, seed by seed. Write `paired_interval(a, b)`: the list `[low, high]` of the 95 "
            "% interval of the mean of `a - b`, paired by seed, with Student's t "
            "(`scipy.stats.t.ppf(0.975, n - 1)`)."
        ),
        points=3,
        minutes=8,
        difficulty="analyse",
        answer_name="paired_interval",
        parameters=("a", "b"),
        arguments=_scores,
        reference=_paired,
        covers="4 to 24 seeds",
        tolerance=1e-4,
        mistakes=(
            Mistake(
                name="not paired",
                wrong=_unpaired,
                says="That treats the two as if their seeds were different: take the difference "
                "seed by seed first. The interval becomes much narrower.",
                share=0.25,
            ),
            Mistake(
                name="1.96 for Student's t",
                wrong=lambda a, b: _paired(a, b, lambda n: 1.959964),
                says="Too narrow: with few seeds 1.96 is not enough, Student's t with n - 1 "
                "degrees of freedom is.",
                share=0.5,
            ),
            Mistake(
                name="n degrees of freedom",
                wrong=lambda a, b: _paired(a, b, lambda n: _quantile(0.975, n)),
                says="Student's t needs n - 1 degrees of freedom: one is used up by the mean.",
                share=0.5,
            ),
            Mistake(
                name="one-sided",
                wrong=lambda a, b: _paired(a, b, lambda n: _quantile(0.95, n - 1)),
                says="0.95 leaves 5 % on each side: a 95 % interval needs 0.975.",
                share=0.5,
            ),
            Mistake(
                name="not divided by root n",
                wrong=lambda a, b: _around_mean(a, b, lambda g: _students(len(g)) * stdev(g)),
                says="That is where single seeds lie: the mean of n varies less, by the root of n.",
                share=0.25,
            ),
            Mistake(
                name="standard deviation over n",
                wrong=lambda a, b: _around_mean(
                    a,
                    b,
                    lambda g: _students(len(g)) * float(np.std(g)) / math.sqrt(len(g)),
                ),
                says="np.std divides by n: use ddof=1, or statistics.stdev.",
                share=0.5,
            ),
            Mistake(
                name="b - a",
                wrong=lambda a, b: _paired(b, a),
                says="That is b - a: the signs are the other way round.",
                share=0.5,
            ),
            Mistake(
                name="from least to most",
                wrong=lambda a, b: [
                    min(x - y for x, y in zip(a, b)),
                    max(x - y for x, y in zip(a, b)),
                ],
                says="That is the range of the differences, which grows with more seeds.",
            ),
        ),
        hints=(
            "What varies less: each schedule from seed to seed, or their difference?",
            "The differences seed by seed, their mean, their standard deviation over the root of n.",
            "Differences -0.02, -0.01, -0.03, -0.01: mean -0.0175, standard deviation 0.00957, "
            "over the root of 4 0.00479, times 3.182 gives 0.0152.",
        ),
    ),
    Task(
        id="training_lab.2",
        title="Say what it shows",
        question=(
            "`low` and `high` are the 95 % interval of the excess risk of `a` minus that of `b`. "
            "Write `better(low, high)`, which returns `'a'`, `'b'` or `'no difference'`: the one "
            "that is shown to be better."
        ),
        points=2,
        minutes=3,
        difficulty="recall",
        answer_name="better",
        parameters=("low", "high"),
        arguments=_intervals,
        reference=_verdict,
        choices=("a", "b", "no difference"),
        covers="clear intervals either way, and such that hold or touch zero",
        mistakes=(
            Mistake(
                name="higher is better",
                wrong=lambda lo, hi: {"a": "b", "b": "a"}.get(_verdict(lo, hi), "no difference"),
                says="The other way round: risk is what you want little of.",
                share=0.5,
            ),
            Mistake(
                name="by the mean",
                wrong=lambda lo, hi: "a" if lo + hi < 0 else "b",
                says="You go by the middle alone: an interval that holds zero shows nothing.",
            ),
            Mistake(
                name="by low alone",
                wrong=lambda lo, hi: "a" if lo < 0 else "b",
                says="low below zero is not enough for 'a': high must be below it too.",
            ),
            Mistake(
                name="by high alone",
                wrong=lambda lo, hi: "a" if hi < 0 else "b",
                says="high above zero is not enough for 'b': low must be above it too.",
            ),
            Mistake(
                name="touching is a difference",
                wrong=lambda lo, hi: "a" if hi <= 0 else "b" if lo >= 0 else "no difference",
                says="An interval that begins just at zero holds zero: no difference is shown.",
                share=0.5,
            ),
            Mistake(
                name="always no difference",
                wrong=lambda lo, hi: "no difference",
                says="Some of these intervals lie on one side of zero: they show a difference.",
            ),
        ),
        hints=(
            "If a is better, is a - b above or below zero?",
            "A difference is shown only if the whole interval lies on one side of zero.",
            "From -0.03 to -0.01: a has less risk, whatever in the interval is true. From -0.01 to "
            "0.02: nobody knows.",
        ),
    ),
    Task(
        id="training_lab.3",
        title="Tune the peak",
        question=(
            "Before two schedules are compared, each gets the peak that suits it. `peaks` is a "
            "list of peaks, in any order, and `risks` has one list for each: the excess risk on "
            "every tuning seed, `None` where the run diverged. Write `best_peak(peaks, risks)`: "
            "the peak with the lowest mean risk. A peak at which any run diverged is out."
        ),
        points=3,
        minutes=6,
        difficulty="apply",
        answer_name="best_peak",
        parameters=("peaks", "risks"),
        arguments=_sweeps,
        reference=_best_peak,
        covers="sweeps in order and not, with a lucky seed and with runs that diverged",
        mistakes=(
            Mistake(
                name="diverged runs left out",
                wrong=lambda p, r: min((fmean(_without_lost(row)), x) for x, row in zip(p, r))[1],
                says="You leave the diverged runs out of the mean: a peak that loses one run in "
                "four would win.",
            ),
            Mistake(
                name="0 for a diverged run",
                wrong=lambda p, r: _best_peak(p, [[v or 0.0 for v in row] for row in r]),
                says="You count a diverged run as a risk of 0, the best there is: leave its peak "
                "out.",
            ),
            Mistake(
                name="a number for a diverged run",
                wrong=lambda p, r: _best_peak(p, [[v or 100.0 for v in row] for row in r]),
                says="You count a diverged run as a number, and where the other risks are large, "
                "it wins: leave its peak out.",
            ),
            Mistake(
                name="one lucky seed",
                wrong=lambda p, r: _best_peak(p, r, min),
                says="You take the peak with the best single seed: that is luck, take the mean.",
            ),
            Mistake(
                name="the first seed only",
                wrong=lambda p, r: _best_peak(p, r, lambda row: row[0]),
                says="Only the first seed decides in yours: take the mean of all.",
            ),
            Mistake(
                name="the middle value",
                wrong=lambda p, r: _best_peak(p, r, lambda row: sorted(row)[len(row) // 2]),
                says="That is the median: the mean is asked for.",
                share=0.5,
            ),
            Mistake(
                name="the largest peak that survives",
                wrong=lambda p, r: max(x for x, row in zip(p, r) if None not in row),
                says="The largest peak that survives is not the best: look at the risks.",
            ),
            Mistake(
                name="highest risk",
                wrong=lambda p, r: max((fmean(row), x) for x, row in zip(p, r) if None not in row)[
                    1
                ],
                says="That is the peak with the highest risk.",
            ),
            Mistake(
                name="the risk, not the peak",
                wrong=lambda p, r: min(fmean(row) for row in r if None not in row),
                says="That is the lowest mean risk itself: return the peak it belongs to.",
                share=0.5,
            ),
            Mistake(
                name="the place, not the peak",
                wrong=lambda p, r: p.index(_best_peak(p, r)),
                says="That is its place in the list: return the peak itself.",
                share=0.5,
            ),
        ),
        hints=(
            "Which peaks may win at all?",
            "Two questions, one after the other: which peaks are out, and which of the others is "
            "best? No number can stand for a run that diverged.",
            "Peaks 0.1, 0.2, 0.4 with means 0.30, 0.26 and one None: the answer is 0.2.",
        ),
    ),
    Task(
        id="training_lab.4",
        title="Is it a fair race?",
        question=(
            "Four claims from blog posts and books:\n\n"
            "- **A** *Cosine beats constant: 0.91 against 0.90, one run each.*\n"
            "- **B** *Cyclical beats constant on 20 seeds.* The cyclical one had its peak tuned, at "
            "0.2; the constant rate was 0.01.\n"
            "- **C** *One-cycle beats cosine on 20 seeds, each tuned.* One-cycle ran 5 epochs, "
            "cosine 3.\n"
            "- **D** *Our schedule beats linear on 20 seeds, each tuned, at equal budget.* Its shape is "
            "the best of thirty that were tried on the very 20 seeds that are reported.\n\n"
            "Set `flaws` to a list of four, each one of `'one seed'`, `'only one was tuned'`, "
            "`'unequal budget'`, `'picked on the seeds it is judged on'`, `'nothing'`."
        ),
        points=4,
        minutes=5,
        difficulty="transfer",
        kind="value",
        answer_name="flaws",
        reference=lambda: [
            "one seed",
            "only one was tuned",
            "unequal budget",
            "picked on the seeds it is judged on",
        ],
        choices=FLAWS,
        covers="the four claims and what is wrong with each",
        mistakes=(
            Mistake(
                name="A is fine",
                wrong=lambda: ["nothing", ANY, ANY, ANY],
                says="One run each: would A come out the same with another seed?",
            ),
            Mistake(
                name="B is fine",
                wrong=lambda: [ANY, "nothing", ANY, ANY],
                says="In B, what would the constant rate do at 0.1?",
            ),
            Mistake(
                name="B: budget",
                wrong=lambda: [ANY, "unequal budget", ANY, ANY],
                says="Nothing in B says that the runs were of different length: compare the rates.",
            ),
            Mistake(
                name="C is fine",
                wrong=lambda: [ANY, ANY, "nothing", ANY],
                says="In C one of them trained longer than the other.",
            ),
            Mistake(
                name="D is fine",
                wrong=lambda: [ANY, ANY, ANY, "nothing"],
                says="In D the winner of thirty was picked by the seeds that then judge it: its luck "
                "is counted as skill.",
            ),
            Mistake(
                name="D: tuned",
                wrong=lambda: [ANY, ANY, ANY, "only one was tuned"],
                says="In D both were tuned: but on which seeds was the shape picked?",
            ),
        ),
        hints=(
            "For each claim ask: seeds, tuning, budget. Which of the three is unfair?",
            "What was chosen by looking at the numbers must be judged on other numbers.",
            "C: five epochs are five thirds of three. Even the same schedule would win.",
        ),
    ),
    Task(
        id="training_lab.5",
        title="The challenge",
        question=(
            "Write `my_schedule(t, total)`: the rate of update `t` of a run of `total` updates. It "
            "is trained on the noisy digits of the lab (SGD with momentum 0.9) for "
            f"{BUDGETS[0]} and for {BUDGETS[1]} updates, on {JUDGED_ON} seeds that nobody has "
            f"seen. A constant rate of {CONSTANT}, the best there is, marks one end of the scale; "
            f"linear to zero, with its best peak, the other. Full marks for closing "
            f"{ENOUGH:.0%} of the gap in both budgets, and a part of them in proportion for less."
        ),
        points=6,
        minutes=20,
        difficulty="transfer",
        answer_name="my_schedule",
        parameters=("t", "total"),
        arguments=_every_update,
        reference=lambda t, total: LINEAR * (1 - t / total),
        covers="training on seeds that nobody has seen",
        hints=(
            "What do the winners of the lessons have in common at the end of the run?",
            "Try it in the lab: lab.race({'mine': lambda t: my_schedule(t, 300)}, steps=300, "
            "tune=False). First find the largest rate that does well, then change what comes after.",
            "t / total is the share of the run that is over: 0 at the start, nearly 1 at the end. "
            "Another curve that fits any run: max_lr * min(1, 3 * t / total) climbs for a third of "
            "it, and stays. What should yours do in its last third?",
        ),
        needs_torch=True,
        judged=_race,
    ),
    Task(
        id="training_lab.6",
        title="Equal budgets",
        question=(
            "Two runs should see the same number of images. One makes `updates` updates with "
            "batches of `batch`; the other uses batches of `other_batch`. Write "
            "`equal_budget(updates, batch, other_batch)`: the list `[updates of the other run, "
            "its peak relative to the first one's]`, the updates rounded down, and the peak by "
            "the linear scaling rule (as large as the batch)."
        ),
        points=2,
        minutes=4,
        difficulty="apply",
        answer_name="equal_budget",
        parameters=("updates", "batch", "other_batch"),
        arguments=_budgets,
        reference=lambda n, b, other: [float(n * b // other), other / b],
        covers="equal batches, and larger ones",
        mistakes=(
            Mistake(
                name="same updates",
                wrong=lambda n, b, other: [n, other / b],
                says="With as many updates of larger batches the other run sees more images.",
            ),
            Mistake(
                name="updates upside down",
                wrong=lambda n, b, other: [n * other // b, other / b],
                says="Larger batches need fewer updates for the same images, not more.",
            ),
            Mistake(
                name="peak upside down",
                wrong=lambda n, b, other: [n * b // other, b / other],
                says="Larger batches are less noisy, and take a larger peak, not a smaller one.",
                share=0.5,
            ),
            Mistake(
                name="square root",
                wrong=lambda n, b, other: [n * b // other, math.sqrt(other / b)],
                says="That is the square root rule: the linear one is asked for.",
                share=0.5,
            ),
            Mistake(
                name="rounded up",
                wrong=lambda n, b, other: [math.ceil(n * b / other), other / b],
                says="Rounded up, the other run would see more images: round down.",
                share=0.5,
            ),
            Mistake(
                name="not whole",
                wrong=lambda n, b, other: [n * b / other, other / b],
                says="Updates are whole: round them down.",
                share=0.5,
            ),
            Mistake(
                name="same peak",
                wrong=lambda n, b, other: [n * b // other, 1.0],
                says="The peak stays the same in yours: the rule scales it with the batch.",
                share=0.5,
            ),
            Mistake(
                name="exchanged",
                wrong=lambda n, b, other: [other / b, n * b // other],
                says="The right two numbers, exchanged: first the updates, then the peak.",
                share=0.5,
            ),
        ),
        hints=(
            "How many images does the first run see?",
            "Images seen = updates times batch. The linear rule: twice the batch, twice the rate.",
            "1,000 updates of 32 are 32,000 images: 250 updates of 128, at four times the peak.",
        ),
    ),
    Task(
        id="training_lab.7",
        title="Pick a schedule for a budget, and justify it",
        question=(
            "You are to train an image classifier on your own data. You have two GPU days, the "
            "length of the run is known in advance, and you have no recipe to copy. Which schedule "
            "do you pick, with which settings, and how will you know that it was not a mistake? "
            "Name what you measured in this course that supports you, and what would make you "
            "choose another. About ten sentences."
        ),
        points=6,
        minutes=15,
        difficulty="transfer",
        kind="manual",
        answer_name="",
        rubric=(
            "- **2 points: a fitting schedule, in units.** One that ends near zero when the run "
            "does (linear, cosine, one-cycle, a warm-up before either, warm-up-stable-decay), with "
            "its length in updates, derived from data set, batch size and epochs. 1 point if the "
            "length is missing or in the wrong unit.\n"
            "- **2 points: evidence.** A number from the course's races, with its interval and its "
            "conditions, or one of the learner's own. 1 point for a claim without a number.\n"
            "- **1 point: a check.** Recording the rates that were used, a short run first, or more "
            "than one seed.\n"
            "- **1 point: limits.** What would change the choice: unknown length, label noise, "
            "instability at the start, another optimizer."
        ),
    ),
)
