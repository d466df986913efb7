"""SGD and AdamW for many runs at once: torch's formulas, with a rate for every run.

Every parameter carries the run first: shape (R, ...). One rate a run, shape (R, 1, ...), then
does for all runs in one operation what `torch.optim` does for one model. The formulas are those
of the `torch.optim` documentation; the tests hold both against each other.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lrcourse._fields import number


@dataclass(frozen=True, kw_only=True)
class SGD:
    """`torch.optim.SGD`: momentum, Nesterov's momentum, weight decay."""

    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        number("momentum", self.momentum, "at least 0 and below 1", lambda v: 0 <= v < 1)
        _check_weight_decay(self.weight_decay)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum: set momentum=0.9, or nesterov=False")

    def torch(self, parameters: Any, lr: float) -> torch.optim.Optimizer:
        """The real optimizer that this is the formula of."""
        return torch.optim.SGD(parameters, lr=lr, **vars(self))

    def attach(self, params: list[Tensor]) -> "Stepper":
        return SGDStepper(self, params)


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """`torch.optim.AdamW`. What a schedule cycles as momentum is its beta1."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        for name, beta in zip(("betas[0]", "betas[1]"), self.betas):
            number(name, beta, "at least 0 and below 1", lambda v: 0 <= v < 1)
        _check_weight_decay(self.weight_decay)

    @property
    def momentum(self) -> float:
        return self.betas[0]

    def torch(self, parameters: Any, lr: float) -> torch.optim.Optimizer:
        """The real optimizer that this is the formula of."""
        return torch.optim.AdamW(parameters, lr=lr, **vars(self))

    def attach(self, params: list[Tensor]) -> "Stepper":
        return AdamWStepper(self, params)


class Stepper:
    """An optimizer at work on the stacked `params` of R runs.

    `lr` and `momentum`, shape (R,) and float64, are what `param_groups` is in torch: what the
    next step uses. They become the type of the data only where they meet it.

    A step is `begin()`, then `update(i, gradient)` for every parameter, in any order. So whoever
    computes gradients can hand over each as soon as it is there.
    """

    lr: Tensor
    momentum: Tensor

    def __init__(self, settings: Any, params: list[Tensor]) -> None:
        self.settings, self.params = settings, params

    def begin(self) -> None:
        """Make ready for a step with the `lr` and `momentum` of now."""
        raise NotImplementedError

    def update(self, i: int, gradient: Tensor) -> None:
        """Change `params[i]`."""
        raise NotImplementedError

    def step(self, gradients: list[Tensor]) -> None:
        """One update of every parameter."""
        self.begin()
        for i, gradient in enumerate(gradients):
            self.update(i, gradient)

    def per_run(self, values: Tensor) -> dict[int, Tensor]:
        """`values`, shape (R,), in the type of the parameters, and by their number of dimensions
        in the shape that multiplies them run by run."""
        cast = values.to(self.params[0].dtype)
        return {dim: cast.view(-1, *[1] * (dim - 1)) for dim in {p.dim() for p in self.params}}


class SGDStepper(Stepper):
    def __init__(self, settings: SGD, params: list[Tensor]) -> None:
        super().__init__(settings, params)
        self.velocity = [torch.zeros_like(p) for p in params]

    def begin(self) -> None:
        self._rate, self._momentum = self.per_run(self.lr), self.per_run(self.momentum)

    @torch.no_grad()
    def update(self, i: int, gradient: Tensor) -> None:
        """One update of `params[i]`, for every run:

            g = gradient + weight_decay * p
            v = momentum * v + g
            p = p - lr * v                    (Nesterov: p - lr * (g + momentum * v))

        `addcmul` reads and writes each array once. The arrays of all runs do not fit the
        fastest cache, so the passes over them are what an update costs.
        """
        p, g, v = self.params[i], gradient, self.velocity[i]
        lr, momentum = self._rate[p.dim()], self._momentum[p.dim()]
        if self.settings.weight_decay:
            g = g.add(p, alpha=self.settings.weight_decay)
        torch.addcmul(g, v, momentum, out=v)
        p.addcmul_(g.addcmul(v, momentum) if self.settings.nesterov else v, lr, value=-1)


class AdamWStepper(Stepper):
    def __init__(self, settings: AdamW, params: list[Tensor]) -> None:
        super().__init__(settings, params)
        self.mean = [torch.zeros_like(p) for p in params]
        self.square = [torch.zeros_like(p) for p in params]
        self.updates = 0

    def begin(self) -> None:
        """Count the update: where a schedule cycles beta1, torch corrects with the beta1 of this
        update, and so does this."""
        self.updates += 1
        beta1, beta2 = self.momentum, self.settings.betas[1]
        self._shrink = self.per_run(1 - self.lr * self.settings.weight_decay)
        self._fresh = self.per_run(1 - beta1)
        self._rate = self.per_run(self.lr / (1 - beta1**self.updates))
        self._spread = (1 - beta2**self.updates) ** 0.5

    @torch.no_grad()
    def update(self, i: int, gradient: Tensor) -> None:
        """One update of `params[i]`, for every run:

        p = p - lr * weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g ** 2
        p = p - lr * (m / (1 - beta1 ** t)) / (sqrt(s / (1 - beta2 ** t)) + eps)
        """
        p, g, m, s = self.params[i], gradient, self.mean[i], self.square[i]
        beta2, eps, dim = self.settings.betas[1], self.settings.eps, p.dim()
        p.mul_(self._shrink[dim])
        torch.lerp(m, g, self._fresh[dim], out=m)
        s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        p.addcmul_(m / s.sqrt().div_(self._spread).add_(eps), self._rate[dim], value=-1)


OPTIMIZERS = {"sgd": SGD, "adamw": AdamW}


def optimizer_named(given: Any) -> SGD | AdamW:
    """An optimizer from its name, or itself."""
    if isinstance(given, SGD | AdamW):
        return given
    if given not in OPTIMIZERS:
        names = ", ".join(repr(name) for name in OPTIMIZERS)
        raise ValueError(
            f"optimizer must be one of {names}, lab.SGD(...) or lab.AdamW(...), got {given!r}"
        )
    return OPTIMIZERS[given]()


def _check_weight_decay(value: float) -> None:
    number("weight_decay", value, "a finite number of at least 0", lambda v: v >= 0)
