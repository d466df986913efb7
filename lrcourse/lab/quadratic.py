"""The noisy quadratic: the one task that is computed, not sampled.

The loss is a bowl, steep along some directions and flat along others,

    L(x) = 1/2 * sum over i of h_i * x_i ** 2,    h_i = 1 / i ** power,    x_i ** 2 = i ** far at the start

and the gradient is seen through noise: h_i * x_i + noise of variance `noise` * h_i. An update of
SGD is linear in x, so the mean of x_i ** 2 after it follows from the mean before it, exactly. No
seeds, no intervals: what comes out is the expectation over all of them.

`power` and `far` say what limits a run. Where the error lies in the steep directions it is gone soon,
and what is left is noise. Where it lies in the flat ones there is a long way to go.

In one dimension the best rates of all are known: 1 / (t + 2). `best_rates` finds them.

Source: Zhang et al. (2019), arXiv 1907.04164, section 3; powers for the curvature and for where the
error lies, as in the capacity and source conditions of Li et al. (2025), arXiv 2509.19189.
"""

from dataclasses import dataclass

import numpy as np

from lrcourse._fields import number, whole
from lrcourse.lab.optimizers import SGD


@dataclass(frozen=True)
class Quadratic:
    """The noisy quadratic in `dimensions` directions, from x_i = i ** (far / 2)."""

    dimensions: int = 100
    noise: float = 1.0
    power: float = 1.0
    far: float = 0.0

    name = "quadratic"
    metric = "expected loss"
    better = "lower"
    regime = (
        "variance-limited, exactly: the expectation over all noise, without seeds; linear to 0 beats "
        "constant by 0.1287 expected loss (200 updates)"
    )
    exact = True
    optimizer = SGD(momentum=0.0)
    steps = 200
    peak = (4.0, 0.0)

    def __post_init__(self) -> None:
        whole("dimensions", self.dimensions)
        for name in ("noise", "power", "far"):
            number(name, getattr(self, name), "a finite number of at least 0", lambda v: v >= 0)

    @property
    def curvatures(self) -> np.ndarray:
        return self._directions ** -float(self.power)

    @property
    def _directions(self) -> np.ndarray:
        return np.arange(1.0, self.dimensions + 1)

    @property
    def distances(self) -> np.ndarray:
        """The squares of the distances at the start."""
        return self._directions ** float(self.far)

    def start(self, seed: int = 0, dtype: object = None) -> float:
        """The expected loss before the first update."""
        return float(self.curvatures @ self.distances / 2)

    def losses(self, lr: np.ndarray, momentum: np.ndarray, optimizer: SGD) -> np.ndarray:
        """The expected loss before the first update and after each.

        `lr`, `momentum`: shape (C, T), a row a schedule. Returns shape (C, T + 1).

        x is the position, v the velocity, g the gradient that is seen, u what is subtracted:

            g = h * x + noise,   v = momentum * v + g,   u = v  (Nesterov: g + momentum * v)
            x = x - lr * u

        and `xx` stands for the mean of x * x, and so on.
        """
        if not isinstance(optimizer, SGD) or optimizer.clip_norm or optimizer.ema is not None:
            raise ValueError(
                f"quadratic is exact for SGD alone, got {optimizer!r}: no other update is "
                f"linear. Use lab.SGD(...) without clip_norm and ema, or another task"
            )
        h, slope = self.curvatures, self.curvatures + optimizer.weight_decay
        spread = self.noise * h
        xx = np.tile(self.distances, (len(lr), 1))
        xv = vv = np.zeros_like(xx)
        losses = [xx @ h / 2]
        with np.errstate(over="ignore", invalid="ignore"):
            for rate, m in zip(lr.T[:, :, None], momentum.T[:, :, None]):
                vv = m**2 * vv + 2 * m * slope * xv + slope**2 * xx + spread
                xv = m * xv + slope * xx
                xu, uv, uu = xv, vv, vv
                if optimizer.nesterov:
                    xu = slope * xx + m * xv
                    uv = slope * xv + spread + m * vv
                    uu = slope**2 * xx + spread + m**2 * vv + 2 * m * (slope * xv + spread)
                xx, xv = xx - 2 * rate * xu + rate**2 * uu, xv - rate * uv
                losses.append(xx @ h / 2)
        return np.stack(losses, axis=1)


def best_rates(steps: int = 200, dimensions: int = 100, noise: float = 1.0) -> np.ndarray:
    """The rates, one an update, that make the expected loss at the end as low as it can be.

    Found by following the gradient of the exact loss with respect to all `steps` rates at once.
    Shape (steps,). In one dimension with `noise=1` they are 1 / (t + 2), the rates of Kalman's
    filter.
    """
    import torch

    steps = whole("steps", steps)
    task = Quadratic(dimensions, noise)
    h = torch.tensor(task.curvatures)

    def loss(lr: torch.Tensor) -> torch.Tensor:
        xx = torch.ones_like(h)
        for rate in lr:
            xx = (1 - rate * h) ** 2 * xx + rate**2 * noise * h
        return (xx * h).sum() / 2

    # Rates as e ** r stay positive, and their sizes differ a hundredfold.
    r = torch.log(1 / (torch.arange(steps, dtype=torch.float64) / 4 + 2)).requires_grad_()
    search = torch.optim.LBFGS(
        [r],
        max_iter=500,
        tolerance_grad=1e-12,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        search.zero_grad()
        value = loss(r.exp())
        value.backward()
        return value

    search.step(closure)
    return r.exp().detach().numpy()
