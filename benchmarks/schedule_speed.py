"""How long a curve of a million steps takes, for every schedule, and a single call.

Run it with `python benchmarks/schedule_speed.py`. It fails if a curve takes 50 ms or more. The
ratio compares with one `np.cos` of a million floats on the same machine, in the same minute: it
tells a slow formula from a slow machine.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

from timeit import repeat  # noqa: E402  (after the number of threads)

import numpy as np  # noqa: E402

from lrcourse import (  # noqa: E402
    SCHEDULES,
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    Polynomial,
    WarmRestarts,
)

STEPS = 10**6
LIMIT = 50.0  # ms

WARM = LinearWarmup(total_iters=1000)
TIMED = {schedule.__name__: schedule() for schedule in SCHEDULES} | {
    "ExponentialDecay, slow": ExponentialDecay(gamma=0.999999),
    "WarmRestarts, doubling": WarmRestarts(T_mult=2),
    "Cyclical, triangular2": Cyclical(mode="triangular2"),
    "Cyclical, exp_range": Cyclical(mode="exp_range", gamma=0.99999),
    "Cyclical, steep": Cyclical(mode="exp_range", gamma=0.9),
    "Polynomial, power 0.9": Polynomial(total_iters=STEPS, power=0.9),
    "OneCycle": OneCycle(total_steps=STEPS),
    "OneCycle, three phases": OneCycle(total_steps=STEPS, three_phase=True),
    "OneCycle, linear": OneCycle(total_steps=STEPS, anneal_strategy="linear"),
    "warm-up + cosine": WARM.then(CosineAnnealing(T_max=STEPS), at=1000),
    "warm-up, stable, decay": WARM.then(Constant(), at=1000).then(
        Polynomial(total_iters=200_000), at=800_000
    ),
}


def fastest(call, number: int = 1) -> float:
    """Seconds per call, the best of seven: the others were disturbed."""
    return min(repeat(call, number=number, repeat=7)) / number


def main() -> int:
    t = np.arange(STEPS)
    floats = t.astype(float)
    baseline = 1e3 * fastest(lambda: np.cos(floats))
    print(f"{STEPS:,} steps; np.cos takes {baseline:.1f} ms\n")
    print(f"{'schedule':24}{'curve, ms':>10}{'x np.cos':>10}{'call, us':>10}")
    slow = []
    for name, schedule in TIMED.items():
        curve = 1e3 * fastest(lambda: schedule(t))  # noqa: B023  (called at once)
        call = 1e6 * fastest(lambda: schedule(17), number=2000)  # noqa: B023
        print(f"{name:24}{curve:10.1f}{curve / baseline:10.1f}{call:10.1f}")
        slow += [name] * (curve >= LIMIT)
    if slow:
        print(f"\n{LIMIT:.0f} ms or more: {', '.join(slow)}")
    return len(slow)


if __name__ == "__main__":
    raise SystemExit(main())
