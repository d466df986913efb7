"""Optimizers for many runs at once: the field's formulas, with a rate for every run.

Every parameter carries the run first: shape (R, ...). A rate of shape (R, 1, ...) then does for all
runs in one operation what `torch.optim` does for one model. The tests hold the formulas against
the optimizers of `torch.optim`.

One of your own is a short class: `update` is all that it must have.

    class SignSGD(lab.Optimizer):
        momentum = 0.9

        def state(self, p):
            return {"v": torch.zeros_like(p)}

        def update(self, p, g, state, lr, momentum):
            state["v"].mul_(momentum).add_(g)
            p.sub_(lr * state["v"].sign())
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lrcourse._fields import number

State = dict[str, Tensor]
Factors = dict[str, Tensor | float]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How gradients change weights: the base of all, and of your own.

    weight_decay: what every update takes off the weights, as a share of them, times the rate
    clip_norm:    gradients of a run that are longer than this, all parameters together, are
                  shortened to it, as `torch.nn.utils.clip_grad_norm_` does (None: never)
    ema:          the decay of an exponential moving average of the weights, which is scored beside
                  them, as `torch.optim.swa_utils.AveragedModel` keeps it (None: no average)

    `momentum` is what a schedule such as one-cycle takes over. A subclass writes `update`, and may
    write `state` and `factors`. In all of them the run comes first, and a run must depend on itself
    alone: take a norm over the other dimensions, not over all.
    """

    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema: float | None = None

    momentum = 0.0
    decays_by_gradient = False  # add weight_decay * p to the gradient, instead of shrinking p

    def __post_init__(self) -> None:
        if type(self).update is Optimizer.update:
            name = type(self).__name__
            raise ValueError(f"{name} needs a method update(self, p, g, state, lr, momentum)")
        number("momentum", self.momentum, "at least 0 and below 1", lambda v: 0 <= v < 1)
        number("weight_decay", self.weight_decay, "a finite number of at least 0", lambda v: v >= 0)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, "a finite number above 0", lambda v: v > 0)
        if self.ema is not None:
            number("ema", self.ema, "at least 0 and below 1", lambda v: 0 <= v < 1)

    def state(self, p: Tensor) -> State:
        """What is remembered from update to update about `p`, shape (R, ...), at the start."""
        return {}

    def factors(self, lr: Tensor, momentum: Tensor, updates: int) -> Factors:
        """What `update` multiplies with, one of each a run, shape (R,), float64, or one for all.

        `updates` counts this one."""
        return {"lr": lr, "momentum": momentum}

    def update(self, p: Tensor, g: Tensor, state: State, *args: Any, **factors: Any) -> None:
        """Change `p` in place. `g` is its gradient; `factors` come in a shape that multiplies `p`."""
        raise NotImplementedError

    def torch(self, parameters: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
        """The same as an optimizer for one model, for a training loop of your own.

        Clipping and averaging are left to that loop.
        """
        return OfOneModel(self, parameters, lr)

    def attach(self, params: list[Tensor]) -> "Stepper":
        return Stepper(self, params)


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """`torch.optim.SGD`: momentum, Nesterov's momentum, weight decay."""

    momentum: float = 0.9
    nesterov: bool = False

    decays_by_gradient = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum: set momentum=0.9, or nesterov=False")

    def torch(self, parameters: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
        """The real optimizer that this is the formula of."""
        return torch.optim.SGD(
            parameters,
            lr=lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )

    def state(self, p: Tensor) -> State:
        return {"velocity": torch.zeros_like(p)}

    def update(self, p: Tensor, g: Tensor, state: State, lr: Tensor, momentum: Tensor) -> None:
        """One update of `p`, for every run; `g` has `weight_decay * p` in it:

            v = momentum * v + g
            p = p - lr * v                    (Nesterov: p - lr * (g + momentum * v))

        `addcmul` reads and writes each array once. The arrays of all runs do not fit the
        fastest cache, so the passes over them are what an update costs.
        """
        v = state["velocity"]
        torch.addcmul(g, v, momentum, out=v)
        p.addcmul_(g.addcmul(v, momentum) if self.nesterov else v, lr, value=-1)


@dataclass(frozen=True, kw_only=True)
class AdamW(Optimizer):
    """`torch.optim.AdamW`. What a schedule cycles as momentum is its beta1."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _check_betas(self.betas)
        super().__post_init__()

    @property
    def momentum(self) -> float:  # type: ignore[override]  # read, never set
        return self.betas[0]

    def torch(self, parameters: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
        """The real optimizer that this is the formula of."""
        return torch.optim.AdamW(
            parameters, lr=lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay
        )

    def state(self, p: Tensor) -> State:
        return {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)}

    def factors(self, lr: Tensor, momentum: Tensor, updates: int) -> Factors:
        """Where a schedule cycles beta1, torch corrects with the beta1 of this update: so does this."""
        spread = (1 - self.betas[1] ** updates) ** 0.5
        return {"fresh": 1 - momentum, "rate": lr / (1 - momentum**updates), "spread": spread}

    def update(
        self, p: Tensor, g: Tensor, state: State, fresh: Tensor, rate: Tensor, spread: float
    ) -> None:
        """One update of `p`, for every run:

        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g ** 2
        p = p - lr * (m / (1 - beta1 ** t)) / (sqrt(s / (1 - beta2 ** t)) + eps)
        """
        m, s, beta2 = state["mean"], state["square"], self.betas[1]
        torch.lerp(m, g, fresh, out=m)
        s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        p.addcmul_(m / s.sqrt().div_(spread).add_(self.eps), rate, value=-1)


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer):
    """Lion: every weight moves by the rate, up or down. What a schedule cycles is beta1.

    Its best rates are 3 to 10 times smaller than AdamW's.

    Source: Chen et al. (2023), arXiv 2302.06675, algorithm 2.
    """

    betas: tuple[float, float] = (0.9, 0.99)

    def __post_init__(self) -> None:
        _check_betas(self.betas)
        super().__post_init__()

    @property
    def momentum(self) -> float:  # type: ignore[override]  # read, never set
        return self.betas[0]

    def state(self, p: Tensor) -> State:
        return {"mean": torch.zeros_like(p)}

    def update(self, p: Tensor, g: Tensor, state: State, lr: Tensor, momentum: Tensor) -> None:
        """One update of `p`, for every run:

        p = p - lr * sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        """
        m = state["mean"]
        p.addcmul_(torch.lerp(g, m, momentum).sign_(), lr, value=-1)
        m.lerp_(g, 1 - self.betas[1])


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer):
    """Muon for weights that are matrices, AdamW for all others, both at one rate.

    The update of a matrix is its momentum with all singular values pressed to about 1, times
    0.2 * sqrt(larger side): the size that AdamW's updates have. So one schedule drives both.
    `torch.optim.Muon(..., adjust_lr_fn="match_rms_adamw")` is the same in bfloat16. What a schedule
    cycles is the momentum of the matrices.

    Source: Jordan (2024), kellerjordan.github.io/posts/muon; the size: Liu et al. (2025),
    arXiv 2502.16982, equation 4.
    """

    momentum: float = 0.95
    nesterov: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.1

    def __post_init__(self) -> None:
        _check_betas(self.betas)
        super().__post_init__()

    @property
    def _others(self) -> AdamW:
        return AdamW(betas=self.betas, eps=self.eps)

    def state(self, p: Tensor) -> State:
        if p.dim() == 3:
            return {"velocity": torch.zeros_like(p)}
        return self._others.state(p)

    def factors(self, lr: Tensor, momentum: Tensor, updates: int) -> Factors:
        beta1 = torch.full_like(lr, self.betas[0])
        others = self._others.factors(lr, beta1, updates)
        return {"lr": lr, "keep": momentum, "renew": 1 - momentum} | others

    def update(
        self, p: Tensor, g: Tensor, state: State, lr: Tensor, keep: Tensor, renew: Tensor,
        **others: Any,
    ) -> None:  # fmt: skip
        """One update of a matrix `p`, for every run:

        v = momentum * v + (1 - momentum) * g
        p = p - lr * 0.2 * sqrt(larger side) * orthogonal(v)    (Nesterov: of v, one step on)
        """
        if p.dim() != 3:
            return self._others.update(p, g, state, **others)
        v = state["velocity"]
        torch.lerp(v, g, renew, out=v)
        size = 0.2 * max(p.shape[1:]) ** 0.5
        p.addcmul_(orthogonal(torch.lerp(g, v, keep) if self.nesterov else v), lr, value=-size)


def orthogonal(matrices: Tensor, rounds: int = 5) -> Tensor:
    """`matrices` (R, n, m) with their singular values pressed to between about 0.7 and 1.2.

    Five rounds of Newton and Schulz's iteration, with the coefficients of Jordan (2024).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrices.mT if matrices.shape[1] > matrices.shape[2] else matrices
    x = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if matrices.shape[1] > matrices.shape[2] else x


# At work


class Stepper:
    """An optimizer at work on the stacked `params` of R runs.

    `lr` and `momentum`, shape (R,) and float64, are what `param_groups` is in torch: what the
    next step uses. They become the type of the data only where they meet it.

    A step is `begin()`, then `update(i, gradient)` for every parameter, in any order, then `end()`.
    So whoever computes gradients can hand over each as soon as it is there.

    `averages` is the moving average of `params`, if the optimizer keeps one.
    """

    lr: Tensor
    momentum: Tensor

    def __init__(self, settings: Optimizer, params: list[Tensor]) -> None:
        self.settings, self.params, self.updates = settings, params, 0
        self.weight_decay: float | Tensor = settings.weight_decay  # one for all, or shape (R,)
        self.averages: list[Tensor] | None = None
        self._states = [settings.state(p) for p in params]
        self._dims = {p.dim() for p in params}
        self._kept: dict[int, Tensor] = {}

    def begin(self) -> None:
        """Make ready for a step with the `lr` and `momentum` of now."""
        self.updates += 1
        now = self.settings.factors(self.lr, self.momentum, self.updates)
        shaped = {name: self.per_run(values) for name, values in now.items()}
        self._factors = {
            dim: {name: values[dim] for name, values in shaped.items()} for dim in self._dims
        }
        self._decay = self._of_weight_decay()

    def _of_weight_decay(self) -> dict[int, Tensor] | None:
        """What weight decay multiplies with; None if there is none."""
        decay = self.weight_decay
        if not isinstance(decay, Tensor):
            if not decay:
                return None
            decay = torch.full_like(self.lr, decay)
        return self.per_run(decay if self.settings.decays_by_gradient else 1 - self.lr * decay)

    @torch.no_grad()
    def update(self, i: int, gradient: Tensor) -> None:
        """Change `params[i]`, now or, where gradients are clipped, at the end."""
        if self.settings.clip_norm is None:
            self._update(i, gradient)
        elif i in self._kept:
            self._kept[i].copy_(gradient)  # what is handed over is gone afterwards
        else:
            self._kept[i] = gradient.clone()

    def _update(self, i: int, gradient: Tensor) -> None:
        p = self.params[i]
        if self._decay is not None:
            decay = self._decay[p.dim()]
            if self.settings.decays_by_gradient:
                gradient = torch.addcmul(gradient, p, decay)
            else:
                p.mul_(decay)
        self.settings.update(p, gradient, self._states[i], **self._factors[p.dim()])

    @torch.no_grad()
    def end(self) -> None:
        """Whatever needs all the gradients, or all the new weights."""
        if self.settings.clip_norm is not None:
            self._clip()
            for i, gradient in self._kept.items():
                self._update(i, gradient)
        if self.settings.ema is None:
            return
        if self.averages is None:  # as torch does: the average begins at the first new weights
            self.averages = [p.clone() for p in self.params]
        for average, p in zip(self.averages, self.params):
            average.lerp_(p, 1 - self.settings.ema)

    def _clip(self) -> None:
        """Shorten the gradients of each run to `clip_norm`; a run that diverged stays alone with it."""
        gradients = list(self._kept.values())
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients], 1).norm(dim=1)
        shorter = (self.settings.clip_norm / (norms + 1e-6)).clamp(max=1.0)
        for g in gradients:
            g.mul_(shorter.view(-1, *[1] * (g.dim() - 1)))

    def step(self, gradients: list[Tensor]) -> None:
        """One update of every parameter."""
        self.begin()
        for i, gradient in enumerate(gradients):
            self.update(i, gradient)
        self.end()

    def per_run(self, values: Any) -> dict[int, Any]:
        """`values`, shape (R,), in the type of the parameters, and by their number of dimensions
        in the shape that multiplies them run by run. One number for all runs stays what it is."""
        if not isinstance(values, Tensor):
            return dict.fromkeys(self._dims, values)
        cast = values.to(self.params[0].dtype)
        return {dim: cast.view(-1, *[1] * (dim - 1)) for dim in self._dims}


class OfOneModel(torch.optim.Optimizer):
    """An optimizer of the lab for one model: what `torch.optim` would hold, if it held this one."""

    def __init__(self, settings: Optimizer, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": settings.momentum})
        self._settings = settings
        self._steppers: list[Stepper] = []  # made at the first step: groups may be added until then

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None if closure is None else torch.enable_grad()(closure)()
        if not self._steppers:
            self._steppers = [_alone(self._settings, g["params"]) for g in self.param_groups]
        for stepper, group in zip(self._steppers, self.param_groups):
            for name in ("lr", "momentum"):
                setattr(stepper, name, torch.tensor([group[name]], dtype=torch.float64))
            stepper.begin()
            for i, p in enumerate(group["params"]):
                if p.grad is not None:
                    stepper._update(i, p.grad.unsqueeze(0))
        return loss


def _alone(settings: Optimizer, params: list[Tensor]) -> Stepper:
    """A stepper for a single run, in the memory of `params`."""
    return Stepper(settings, [p.detach().unsqueeze(0) for p in params])


OPTIMIZERS = {"sgd": SGD, "adamw": AdamW, "lion": Lion, "muon": Muon}


def optimizer_named(given: Any) -> Optimizer:
    """An optimizer from its name, or itself."""
    if isinstance(given, Optimizer):
        return given
    if isinstance(given, str) and given in OPTIMIZERS:
        return OPTIMIZERS[given]()
    names = ", ".join(repr(name) for name in OPTIMIZERS)
    raise ValueError(
        f"optimizer must be one of {names}, lab.SGD(...) or another of the lab, or your own "
        f"subclass of lab.Optimizer, got {given!r}{_optimizer_hint(given)}"
    )


def _optimizer_hint(given: Any) -> str:
    """The fix for an optimizer of another kind."""
    kind = given if isinstance(given, type) else type(given)
    if issubclass(kind, Optimizer):
        return f": write {kind.__name__}(), with brackets"
    if issubclass(kind, torch.optim.Optimizer):
        ours = {c.__name__: c for c in OPTIMIZERS.values()}.get(kind.__name__)
        bound = "an optimizer of torch belongs to one model, and a race trains many"
        return f": {bound}; write lab.{ours.__name__}(...)" if ours else f": {bound}"
    return ""


def _check_betas(betas: Any) -> None:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"betas must be two numbers, (beta1, beta2), got {betas!r}")
    for name, beta in zip(("betas[0]", "betas[1]"), betas):
        number(name, beta, "at least 0 and below 1", lambda v: 0 <= v < 1)


def refuse_mixing(optimizer: Optimizer, shapes: Iterable[torch.Size]) -> None:
    """Raise `ValueError` if an optimizer lets runs depend on one another.

    Three updates of two runs, together and each alone: they must end at the same weights.
    """
    if type(optimizer) in OPTIMIZERS.values():
        return
    name, generator = type(optimizer).__name__, torch.Generator().manual_seed(0)
    sizes = {len(shape): shape for shape in shapes}.values()
    params = [torch.randn(2, *s, generator=generator, dtype=torch.float64) for s in sizes]
    grads = [[torch.randn(p.shape, generator=generator).double() for p in params] for _ in range(3)]
    runs = []
    for rows in (slice(0, 2), slice(0, 1), slice(1, 2)):
        stepper = optimizer.attach([p[rows].clone() for p in params])
        stepper.lr = torch.tensor([0.1, 0.03], dtype=torch.float64)[rows]
        stepper.momentum = torch.full_like(stepper.lr, optimizer.momentum)
        try:
            for gradients in grads:
                stepper.step([g[rows].clone() for g in gradients])
        except Exception as error:
            raise ValueError(
                f"update of {name} failed on weights of shape (2, ...), the run first: {error}"
            ) from error
        runs.append(stepper.params)
    for both, first, second in zip(*runs):
        if not torch.allclose(both, torch.cat([first, second]), rtol=1e-9, atol=1e-12):
            raise ValueError(
                f"update of {name} mixes runs: two runs together end elsewhere than each alone. "
                f"Take norms and means over dimensions 1 and up, never over the first"
            )
