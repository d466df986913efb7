"""The learning-rate range test: which rate is worth trying?

Two ways, side by side. The *ramp* is the classic: one run whose rate grows exponentially, and its
loss on the way. It is cheap, and it is crooked: what it shows at a rate is the result of all the
rates before. The *straight* way trains one run at every rate, from the same weights, and compares
where they end. It costs as many runs as there are rates; trained together, that is a second.

The rules that read a rate off the ramp disagree by factors of ten and more; `verdict` says by how
much, and what the straight way found.

Source: Smith (2015), arXiv 1506.01186, section 3.3. The rules as fastai's `lr_find` names them.
"""

import copy
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from lrcourse._fields import number, whole
from lrcourse.lab.optimizers import optimizer_named
from lrcourse.lab.plans import Plan
from lrcourse.lab.race import _seeds, _try_out
from lrcourse.lab.runs import Stage
from lrcourse.lab.stats import Interval, interval, step_down
from lrcourse.lab.tasks import task_named


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What a range test saw.

    rates         the rates of the straight way, shape (n,)
    scores        the test score of each after all updates, shape (seeds, n); NaN if it diverged
    ramp_rates    the rate of every update of the ramp, shape (steps,)
    ramp_losses   the loss of every batch of the ramp, shape (seeds, steps); NaN after it blew up
    start         the test score before any training, mean over the seeds
    """

    task: Any
    rates: np.ndarray
    scores: np.ndarray
    ramp_rates: np.ndarray
    ramp_losses: np.ndarray
    start: float

    @property
    def smooth(self) -> np.ndarray:
        """The ramp's loss, averaged over the seeds and over the last few updates, shape (steps,).

        Each loss counts 0.9 times as much as the one after it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.ramp_losses.mean(axis=0, dtype=float)
            kept = total = 0.0
            smooth = np.empty_like(mean)
            for i, loss in enumerate(mean):
                kept, total = 0.9 * kept + loss, 0.9 * total + 1
                smooth[i] = kept / total
        return smooth

    @property
    def best(self) -> float:
        """The rate that trained best, of those trained all the way."""
        return float(self.rates[int(np.argmin(self._costs))])

    @property
    def _sign(self) -> int:
        """Scores times this are costs: the lower the better."""
        return 1 if self.task.better == "lower" else -1

    @property
    def _costs(self) -> np.ndarray:
        costs = self._sign * self.scores.mean(axis=0)
        return np.where(np.isfinite(costs), costs, np.inf)

    @property
    def largest(self) -> float:
        """The largest rate that still ended better than it started, on the mean of the seeds."""
        good = self.rates[self._costs < self._sign * self.start]
        return float(good.max()) if good.size else float("nan")

    @property
    def near(self) -> np.ndarray:
        """The best rate, and those on both sides of it that these seeds do not tell from it."""
        finite = np.flatnonzero(np.isfinite(self._costs))
        best, others = step_down({i: self.scores[:, i] for i in finite}, self.task.better)
        low = high = best
        while low - 1 in others and not others[low - 1].shown:
            low -= 1
        while high + 1 in others and not others[high + 1].shown:
            high += 1
        return self.rates[low : high + 1]

    def suggestions(self) -> dict[str, float]:
        """What each rule reads off the ramp, and what the straight way found."""
        return _read_off(self.ramp_rates, self.smooth) | {"best of all rates tried": self.best}

    @property
    def spread(self) -> Interval:
        """The rate at the ramp's minimum, in powers of ten, seed by seed: how far it is to trust."""
        minima = []
        for losses in self.ramp_losses:
            alone = replace(self, ramp_losses=losses[None])
            minima.append(np.log10(_minimum(self.ramp_rates, alone.smooth)))
        return interval(minima)

    def table(self) -> Any:
        """One row a rule: the rate it suggests, the test score that this rate reaches."""
        import pandas as pd

        found = self.suggestions()
        nearest = [int(np.abs(np.log(self.rates / rate)).argmin()) for rate in found.values()]
        reached = self._sign * self._costs[nearest]
        columns = {"rate": list(found.values()), self.task.metric: reached}
        return pd.DataFrame(columns, index=pd.Index(list(found), name="rule"))

    def verdict(self) -> str:
        """The suggestions and their disagreement, in sentences."""
        found = self.suggestions()
        read = {rule: rate for rule, rate in found.items() if rule != "best of all rates tried"}
        low, high = min(read, key=read.__getitem__), max(read, key=read.__getitem__)
        lines = [f"{rule}: {rate:.3g}" for rule, rate in found.items()]
        lines.append(
            f"The rules read off the ramp differ by a factor of {read[high] / read[low]:.3g}: "
            f"{low} is lowest, {high} highest."
        )
        near, seeds = self.near, len(self.scores)
        if seeds > 1:
            lines.append(
                f"{seeds} seeds do not tell the best rate from those between {near.min():.2g} and "
                f"{near.max():.2g}."
            )
        if np.isfinite(self.largest):
            lines.append(f"Above {self.largest:.3g} training ended no better than it began.")
        if self.best in (self.rates[0], self.rates[-1]):
            lines.append("The best rate lies at the edge of those tried: widen low and high.")
        return "\n".join(lines)

    def plot(self) -> Any:
        """Both ways over the rate, with every suggestion marked. The figure."""
        from lrcourse.lab.drawing import draw_range_test

        return draw_range_test(self)

    def __repr__(self) -> str:
        return f"<RangeTest of {self.task.name}: {len(self.rates)} rates, best {self.best:.3g}>"


def range_test(
    task: Any = "digits",
    *,
    model: nn.Module | None = None,
    low: float = 1e-4,
    high: float = 10.0,
    rates: int = 64,
    steps: int = 100,
    seeds: Any = 4,
    optimizer: Any = None,
    dtype: torch.dtype = torch.float32,
) -> RangeTest:
    """Try rates from `low` to `high` on `task`: one ramp, and `rates` runs side by side.

    model:  start from the weights of this module, instead of fresh ones. It is copied first:
            neither its weights, gradients, mode nor the random state are touched.
    steps:  updates of every run. A longer test suggests smaller rates.
    seeds:  how many seeds, or which

    Raises `ValueError` for rates that are not positive and increasing.

    >>> test = range_test("digits", rates=8, steps=20, seeds=2)
    >>> test.ramp_losses.shape, test.scores.shape
    ((2, 20), (2, 8))
    """
    task = task_named(task)
    if task.exact:
        raise ValueError(f"{task.name} is computed, not trained: race it over many peaks instead")
    low = number("low", low, "a finite number above 0", lambda v: v > 0)
    high = number("high", high, f"a finite number above low, {low:g}", lambda v: v > low)
    steps, rates = whole("steps", steps, least=10), whole("rates", rates, least=2)
    optimizer = task.optimizer if optimizer is None else optimizer_named(optimizer)
    if model is not None:
        task = replace(task, model=lambda: copy.deepcopy(model).train())
    _try_out(task, optimizer, dtype)

    ramp = np.geomspace(low, high, steps)
    constant = np.geomspace(low, high, rates)
    momentum = np.full(steps, optimizer.momentum)
    tables = [ramp, *(np.full(steps, rate) for rate in constant)]
    plans = [Plan(f"{i}", lr, momentum, False) for i, lr in enumerate(tables)]
    seeds = _seeds(seeds)
    stage = Stage(task, optimizer, plans, seeds, (steps,), dtype)
    stage.run(None, threading.Event(), lambda: None)
    return RangeTest(
        task,
        rates=constant,
        scores=stage.scores[:, 1:, -1],
        ramp_rates=ramp,
        ramp_losses=stage.losses[:, 0],
        start=float(np.mean([task.start(seed, dtype) for seed in seeds])),
    )


# The rules


def _read_off(rates: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """A rate by each rule, from the ramp up to where it blows up.

    The first tenth is left out, as fastai does: the average has hardly begun there.
    """
    end = _end(losses)
    begin = min(len(losses) // 10, end - 4)
    rates, losses = rates[begin:end], losses[begin:end]
    slope = np.gradient(losses, np.log(rates))
    return {
        "steepest fall": float(rates[np.argmin(slope)]),
        "middle of the valley": float(rates[_valley(losses)]),
        "minimum / 10": float(rates[np.argmin(losses)] / 10),
        "minimum": float(rates[np.argmin(losses)]),
    }


def _end(losses: np.ndarray) -> int:
    """How much of the ramp is worth reading: until the loss is not finite, or 4 times its lowest."""
    lowest = np.fmin.accumulate(np.where(np.isfinite(losses), losses, np.inf))
    over = np.flatnonzero(~np.isfinite(losses) | (losses > 4 * lowest))
    return max(5, int(over[0]) if over.size else len(losses))


def _minimum(rates: np.ndarray, losses: np.ndarray) -> float:
    return float(rates[np.nanargmin(losses[: _end(losses)])])


def _valley(losses: np.ndarray) -> int:
    """Half-way down the longest valley: the longest series of ever lower losses."""
    length = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        higher = losses[:i] > losses[i]
        length[i] = 1 + length[:i][higher].max(initial=0)
    bottom = int(np.argmax(length))
    return max(0, bottom - length[bottom] // 2)
