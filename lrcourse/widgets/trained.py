"""What `seed_dial` and `trunk_and_branches` show: real training, done once and kept.

`python -m lrcourse.widgets.trained` trains all of it again and writes `trained_pool.npz` and
`trained_trunk.npz`; it takes some minutes. Everything is the lab's task `digits`, its SGD with momentum 0.9, each run judged by its
expected loss above what the label noise alone costs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent

POOL_STEPS = 300
POOL_SEEDS = range(50_000, 50_512)

TRUNK_SEEDS = range(60_000, 60_064)
LENGTHS = tuple(range(100, 1001, 50))
WARMUP = 20  # updates
COOL = 0.2  # of a run, its cool-down
TUNED_AT = 400  # the length for which the trunk's peak is the best: a trunk has one for all
EVERY = 10  # updates between marks


def kept(name: str) -> dict[str, Any]:
    """What `pool` or `trunk` has trained: arrays, and single numbers and names."""
    with np.load(HERE / f"trained_{name}.npz") as stored:
        arrays = dict(stored)
    return json.loads(str(arrays.pop("about"))) | arrays


def keep(name: str, found: dict[str, Any]) -> None:
    arrays: Any = {k: v.astype("f4") for k, v in found.items() if isinstance(v, np.ndarray)}
    about = {k: v for k, v in found.items() if k not in arrays}
    np.savez_compressed(HERE / f"trained_{name}.npz", about=json.dumps(about), **arrays)


# The pool of the seed dial


def pool() -> dict[str, Any]:
    """Eight schedules on all seeds, each at the peak that is best on 64 others: scores (8, 512)."""
    peaks = pool_peaks()
    scores = [pool_scores(name, peak) for name, peak in peaks.items()]
    return {"scores": np.array(scores), "names": list(peaks), "peaks": list(peaks.values())}


def pool_peaks() -> dict[str, float]:
    from lrcourse import lab

    names = list(lab.shapes(POOL_STEPS))
    race = lab.race(names, steps=POOL_STEPS, seeds=64, points=1, progress=False)
    return {name: plan.peak for name, plan in race.plans.items()}


def pool_scores(name: str, peak: float, seeds: range = POOL_SEEDS) -> np.ndarray:
    from lrcourse import lab

    schedule = {name: lab.shapes(POOL_STEPS)[name].with_peak(peak)}
    how: dict[str, Any] = {"tune": False, "points": 1, "progress": False}
    race = lab.race(schedule, steps=POOL_STEPS, seeds=seeds, **how)
    return race.scores[name]


# The trunk, its branches, and runs made for each length


def branch(peak: float, length: int) -> Any:
    from lrcourse.schedules import warmup_stable_decay

    how: dict[str, Any] = {"warmup_steps": WARMUP, "decay_share": COOL, "shape": "1-sqrt"}
    return warmup_stable_decay(lr=peak, total_steps=length, **how)


def made_for(length: int, peak: float = 0.1) -> Any:
    from lrcourse.schedules import Polynomial

    return Polynomial(lr=peak, total_iters=length)


def trunk() -> dict[str, Any]:
    """The trunk's peak and curve; of each length the ends of branch and made-for run, and curves."""
    from lrcourse import lab
    from lrcourse.schedules import Constant, LinearWarmup

    first = lab.race({"branch": branch(0.1, TUNED_AT)}, steps=TUNED_AT, seeds=64, progress=False)
    peak = first.plans["branch"].peak
    up = LinearWarmup(lr=peak, start_factor=1 / WARMUP, total_iters=WARMUP)
    held = up.then(Constant(lr=peak), at=WARMUP)
    longest = LENGTHS[-1]
    how: dict[str, Any] = {"seeds": TRUNK_SEEDS, "progress": False}
    alone = lab.race({"trunk": held}, steps=longest, tune=False, points=longest // EVERY, **how)
    found: dict[str, Any] = {
        "start": float(alone.start.mean()),
        "trunk": alone.curves["trunk"].mean(0),
        "peak": peak,
    }
    for length, row in zip(LENGTHS, _lengths(peak, how)):
        found |= {f"{kind}_{length}": values for kind, values in row.items()}
    return found


def _lengths(peak: float, how: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from lrcourse import lab

    for length in LENGTHS:
        points = length // EVERY
        one = {"branch": branch(peak, length)}
        cooled = lab.race(one, steps=length, tune=False, points=points, **how)
        other = {"made": made_for(length)}
        made = lab.race(other, steps=length, points=points, **how)
        yield {
            "branch": cooled.scores["branch"],
            "branch_curve": cooled.curves["branch"].mean(0),
            "made": made.scores["made"],
            "made_curve": made.curves["made"].mean(0),
            "made_peak": made.plans["made"].peak,
        }


if __name__ == "__main__":
    import sys

    for name in sys.argv[1:] or ("pool", "trunk"):
        keep(name, {"pool": pool, "trunk": trunk}[name]())
