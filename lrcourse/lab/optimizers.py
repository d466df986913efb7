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
    """

    lr: Tensor
    momentum: Tensor

    def __init__(self, settings: Any, params: list[Tensor]) -> None:
        self.settings, self.params = settings, params
        self._dims = {p.dim() for p in params}

    def step(self, grads: list[Tensor]) -> None:
        raise NotImplementedError

    def per_run(self, values: Tensor) -> list[Tensor]:
        """`values`, shape (R,), for every parameter: in its type, and the shape that multiplies
        it run by run."""
        cast = values.to(self.params[0].dtype)
        shaped = {dim: cast.view(-1, *[1] * (dim - 1)) for dim in self._dims}
        return [shaped[p.dim()] for p in self.params]


class SGDStepper(Stepper):
    def __init__(self, settings: SGD, params: list[Tensor]) -> None:
        super().__init__(settings, params)
        self.velocity = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self, grads: list[Tensor]) -> None:
        """One update of every run:

            g = gradient + weight_decay * p
            v = momentum * v + g
            p = p - lr * v                    (Nesterov: p - lr * (g + momentum * v))

        `addcmul` reads and writes each array once. The arrays of all runs do not fit the
        fastest cache, so the passes over them are what an update costs.
        """
        rates, momenta = self.per_run(self.lr), self.per_run(self.momentum)
        for p, g, v, lr, momentum in zip(self.params, grads, self.velocity, rates, momenta):
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

    @torch.no_grad()
    def step(self, grads: list[Tensor]) -> None:
        """One update of every run:

            p = p - lr * weight_decay * p
            m = beta1 * m + (1 - beta1) * g
            s = beta2 * s + (1 - beta2) * g ** 2
            p = p - lr * (m / (1 - beta1 ** t)) / (sqrt(s / (1 - beta2 ** t)) + eps)

        Where a schedule cycles beta1, torch corrects with the beta1 of this update, and so does this.
        """
        self.updates += 1
        beta1, beta2, eps = self.momentum, self.settings.betas[1], self.settings.eps
        shrink = self.per_run(1 - self.lr * self.settings.weight_decay)
        fresh = self.per_run(1 - beta1)
        rate = self.per_run(self.lr / (1 - beta1**self.updates))
        spread = (1 - beta2**self.updates) ** 0.5
        for i, (p, g, m, s) in enumerate(zip(self.params, grads, self.mean, self.square)):
            p.mul_(shrink[i])
            torch.lerp(m, g, fresh[i], out=m)
            s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            p.addcmul_(m / s.sqrt().div_(spread).add_(eps), rate[i], value=-1)


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
