"""A bound that ranks schedules before anything is trained.

For a convex loss whose gradients are no longer than `slope`, from a start at most `distance` away
from a best point, SGD with the rates w_1, ..., w_T ends, in the mean, no further above the lowest
loss than

    distance ** 2 / (2 * S_1)
        + slope ** 2 / 2 * (Q_1 / S_1 + sum over k < T of w_k / S_(k + 1) * Q_k / S_k)

    S_k = w_k + ... + w_T                 Q_k = w_k ** 2 + ... + w_T ** 2

The first part is the way that is still to go: it falls with the sum of the rates. The second is the
noise that the last rates leave behind. Networks are not convex, and the bound knows nothing of their
curvature; but it knows when a rate falls, and that much of the order of schedules follows from.

Scale all rates by a factor, and the first part is divided by it and the second multiplied. So the
best peak is known in closed form, and at it both parts are equal. Where a rate drops to nearly
nothing at once, the bound is loose.

Source: Defazio et al. (2023), arXiv 2310.07831, the theorem on any given schedule; in this form
Schaipp et al. (2025), arXiv 2501.18965, section 3, with a constant bound on the gradients.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lrcourse._fields import number, whole
from lrcourse.lab.plans import plan


@dataclass(frozen=True, eq=False)
class Bound:
    """What the bound says of one schedule: `bound(...)` makes it.

    rates:  the rate of every update, shape (T,)
    peak:   the largest of them
    losses: how far above the lowest loss the run is at most, after each number of updates from 1 to
            T, shape (T,); infinite before the first rate above 0
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def peak(self) -> float:
        return float(self.rates.max())

    @property
    def end(self) -> float:
        """The last of the losses: after the whole run."""
        return float(self.losses[-1])

    def __repr__(self) -> str:
        return (
            f"at most {self.end:.4g} after {len(self.rates)} updates, at a peak of {self.peak:.4g}"
        )


def bound(
    schedule: Any,
    steps: int,
    *,
    distance: float = 1.0,
    slope: float = 1.0,
    tune: bool = True,
) -> Bound:
    """How far above the lowest loss SGD with this schedule ends at most, on any convex problem.

    schedule: one of the course, or a function of t
    steps:    the budget, T
    distance: how far the start is from a best point
    slope:    how long a gradient can be
    tune:     scale the schedule to the peak that is best for this bound. If False, as it is

    Only ratios mean something for a network, which has no `distance` and no `slope` that you know.
    Raises `ValueError` for a schedule that is 0 everywhere.

    >>> from lrcourse import Constant, Polynomial
    >>> linear, constant = bound(Polynomial(total_iters=400), 400), bound(Constant(), 400)
    >>> round(linear.end, 3), round(constant.end / linear.end, 2)
    (0.101, 1.37)
    """
    steps = whole("steps", steps)
    for name, value in (("distance", distance), ("slope", slope)):
        number(name, value, "a finite number above 0", lambda v: v > 0)
    rates = plan("the schedule", schedule, steps, momentum=0.0).lr
    if not rates.max():
        raise ValueError(f"{schedule!r} is 0 for all {steps} updates: it goes nowhere")
    if tune:
        way, noise = _parts(rates)
        rates = rates * (distance / slope * np.sqrt(way / noise))
    ends = (_parts(rates[:t]) for t in range(1, steps + 1))
    return Bound(rates, np.array([way * distance**2 + noise * slope**2 for way, noise in ends]))


def _parts(rates: np.ndarray) -> tuple[float, float]:
    """What multiplies `distance` ** 2 and `slope` ** 2."""
    w = np.trim_zeros(rates, "b")  # an update of rate 0 changes nothing
    if not w.size:
        return np.inf, 0.0
    sums, squares = w[::-1].cumsum()[::-1], (w**2)[::-1].cumsum()[::-1]
    noise = squares[0] / sums[0] + (w[:-1] / sums[1:] * squares[:-1] / sums[:-1]).sum()
    return 1 / (2 * sums[0]), noise / 2
