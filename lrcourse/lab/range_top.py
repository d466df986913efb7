"""Where to look for peaks on a task that nobody has looked at: a short range test.

A dozen constant rates, four apart each, a few seeds, fifty updates. The best of them is where the
search for peaks begins; it climbs from there.
"""

from typing import Any

import numpy as np
import torch

from lrcourse.lab.optimizers import SGD, AdamW
from lrcourse.lab.plans import Plan
from lrcourse.lab.runs import Stage

RATES = 4.0 ** np.arange(-9, 3)
SEEDS, UPDATES = 4, 50
ABOVE = 4.0
"""The top of the peaks, over the best constant rate: schedules that fall take larger peaks."""


def known_top(task: Any, optimizer: Any) -> float | None:
    """The top that the task declares for this optimizer, None if it does not.

    Momentum m makes every gradient count 1 / (1 - m) times, so rates shrink by that.
    """
    if task.peak is None or not isinstance(optimizer, SGD | AdamW):
        return None
    for_sgd, for_adamw = task.peak
    return for_sgd * (1 - optimizer.momentum) if isinstance(optimizer, SGD) else for_adamw


class Ladder:
    """The short range test of a race: `stage` is what to train, `top()` what it found."""

    def __init__(
        self, task: Any, optimizer: Any, steps: int, seeds: tuple[int, ...], dtype: torch.dtype
    ) -> None:
        self._sign = 1 if task.better == "lower" else -1
        steps = min(steps, UPDATES)
        shrunk = 1 - optimizer.momentum if isinstance(optimizer, SGD) else 1.0
        self.rates, momentum = RATES * shrunk, np.full(steps, optimizer.momentum)
        plans = [Plan(f"{rate:g}", np.full(steps, rate), momentum, False) for rate in self.rates]
        self.stage = Stage(task, optimizer, plans, seeds[:SEEDS], (steps,), dtype)

    def top(self) -> float:
        costs = self._sign * self.stage.scores[:, :, -1].mean(axis=0)
        costs = np.where(np.isfinite(costs), costs, np.inf)
        return float(ABOVE * self.rates[int(np.argmin(costs))])
