"""The trusted twin of a training loop: what a run does to the weights, in NumPy.

The rates of a learner's loop are written down in the learner's own process, where they can be
made up. Weights cannot: to know what training makes of fresh data, you have to train. So a loop
counts only if its weights follow from its rates.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lrcourse.answers import draw

CLOSE = 1e-4  # relative to the largest weight; the learner's model computes in float32

FAULTS = {
    "gradients kept": "Each update still holds the gradients of the batches before it: call "
    "optimizer.zero_grad() before loss.backward().",
    "model not restored": "The second run starts from fresh weights: the model's state_dict "
    "belongs in the checkpoint, and has to be loaded.",
    "momentum not restored": "The second run starts without the momentum that the first had "
    "gathered: it is in the optimizer's state_dict.",
}
OF_A_RESUME = ("model not restored", "momentum not restored")
UNMOVED = "never trained"


def weights_after(
    seed: int,
    batches: int,
    rates: Sequence[float],
    momenta: Sequence[float],
    stop: int | None = None,
    faults: Sequence[str] = (),
) -> np.ndarray:
    """The weights after SGD on the mean squared error of each batch in turn, shape (3,).

    rates, momenta: of every update
    stop:           the number of updates before the run is stopped and taken up again, if it is
    faults:         which of `FAULTS` to make

    >>> weights_after(0, 2, [0.1] * 4, [0.9] * 4).round(3).tolist()
    [0.841, 0.136, -0.806]
    """
    fresh, inputs, targets = draw(seed, batches)
    weights, velocity, gradient = fresh, 0.0, 0.0
    with np.errstate(all="ignore"):
        for t, (lr, momentum) in enumerate(zip(rates, momenta)):
            if t == stop:
                gradient = 0.0
                weights = fresh if "model not restored" in faults else weights
                velocity = 0.0 if "momentum not restored" in faults else velocity
            batch = (t if stop is None or t < stop else t - stop) % batches
            x, y = inputs[batch], targets[batch, :, 0]
            kept = gradient if "gradients kept" in faults else 0.0
            gradient = kept + 2 / len(y) * x.T @ (x @ weights - y)
            velocity = momentum * velocity + gradient
            weights = weights - lr * velocity
    return weights


def faults_in(
    weights: Any,
    seed: int,
    batches: int,
    rates: Sequence[float],
    momenta: Sequence[float],
    stop: int | None = None,
) -> tuple[str, ...] | None:
    """The fewest faults that lead to these `weights`, none at best; None if nothing explains them."""
    possible = [fault for fault in FAULTS if stop is not None or fault not in OF_A_RESUME]
    for count in range(len(possible) + 1):
        for faults in combinations(possible, count):
            if same(weights, weights_after(seed, batches, rates, momenta, stop, faults)):
                return faults
    return (UNMOVED,) if same(weights, draw(seed, batches)[0]) else None


def same(weights: Any, right: np.ndarray) -> bool:
    """Whether these are three numbers, and equal up to the rounding of float32."""
    if type(weights) is not list or [type(w) for w in weights] != [float] * len(right):
        return False
    return bool(np.all(np.abs(np.subtract(weights, right)) <= CLOSE * np.abs(right).max()))
