"""What recording costs: plain and traced steps of a small MLP, interleaved in one run.

    python benchmarks/recorder_cost.py

A step is what a training loop does: forward, loss, backward, update. Blocks of plain and traced
steps take turns, each pair in an order drawn by chance, so that a slow spell of the machine falls
on both. The cost is the median over the pairs of traced time / plain time - 1, with a 95 %
bootstrap interval of that median, and the spread of the single pairs.
"""

import time

import numpy as np
import torch

import lrcourse

PAIRS, STEPS = 600, 50
LIMIT = 0.05  # of a step


def a_training() -> tuple:
    """An MLP of 64-32-10, a batch of 32, SGD with momentum."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return model, optimizer, torch.randn(32, 64), torch.randint(10, (32,))


def seconds(training: tuple, traced: bool) -> float:
    """The processor time of `STEPS` steps; entering and leaving the trace are not part of a step."""
    model, optimizer, x, y = training
    used = lrcourse.trace(optimizer)
    if traced:
        used.__enter__()
    begun = time.process_time()
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    passed = time.process_time() - begun
    if traced:
        used.__exit__(None, None, None)
        assert len(used) == STEPS
    return passed


def measure() -> tuple[np.ndarray, np.ndarray]:
    """The plain and the traced seconds of every pair of blocks, each of shape (PAIRS,)."""
    training, rng = a_training(), np.random.default_rng(0)
    for _ in range(10):
        seconds(training, traced=False), seconds(training, traced=True)
    times = np.empty((PAIRS, 2))
    for pair in times:
        for traced in rng.permutation(2):
            pair[traced] = seconds(training, bool(traced))
    return times[:, 0], times[:, 1]


def main() -> int:
    torch.set_num_threads(1)
    plain, traced = measure()
    cost = traced / plain - 1
    draws = np.random.default_rng(1).choice(cost, (2000, PAIRS))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    print(f"{PAIRS} pairs of {STEPS} steps, torch {torch.__version__}, one thread")
    print(f"plain step   {1e6 * np.median(plain) / STEPS:7.1f} us (median)")
    print(f"traced step  {1e6 * np.median(traced) / STEPS:7.1f} us (median)")
    print(
        f"cost         {np.median(cost):+7.2%} of a step, 95 % interval {low:+.2%} to {high:+.2%}"
    )
    print("single pairs {:+7.2%} to {:+.2%} (10th to 90th percentile)".format(*spread(cost)))
    print("under" if high < LIMIT else "NOT UNDER", f"{LIMIT:.0%} of a step")
    return 0 if high < LIMIT else 1


def spread(cost: np.ndarray) -> np.ndarray:
    return np.quantile(cost, [0.1, 0.9])


if __name__ == "__main__":
    raise SystemExit(main())
