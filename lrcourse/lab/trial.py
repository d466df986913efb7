"""Before a race: does training together give what training alone gives?

A few updates of two seeds, two copies each, are made by a plain loop and by each way of training
many at once, the fastest first. The first way that gives the same losses, weights and scores is
taken. A model that no loop could be compared with is refused, with the reason.
"""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from lrcourse.lab.chance import Chance, Wanted
from lrcourse.lab.stacks import (
    OneByOne,
    StackedMLP,
    StackedModule,
    in_eval_mode,
    is_mlp,
    is_squares,
)
from lrcourse.lab.tasks import Task, is_cross_entropy

SEEDS, COPIES, UPDATES = (0, 1), 2, 3
STEP = 0.01
"""How far the trial's first update goes, as a share of the length of all weights."""


@dataclass(frozen=True)
class Way:
    """How the runs of a task are trained: by which stack, and what it has to know about the model.

    names, written, wanted: as in `StackedModule`
    why:  what kept it from being trained faster, if something did
    """

    stack: type
    names: tuple[str, ...]
    written: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    why: str = ""

    def stacked(self, task: Task, seeds: Sequence[int], copies: int, dtype: torch.dtype) -> Any:
        """The models of all seeds, each `copies` times, as one."""
        if self.stack is OneByOne:
            every = [task.build(s).to(dtype) for s in seeds for _ in range(copies)]
            return OneByOne(every, copies, task.loss, seeds, self.names)
        models: list[Any] = [task.build(seed).to(dtype) for seed in seeds]
        if self.stack is StackedMLP:
            return StackedMLP(models, copies, task.batch, task.loss)
        return StackedModule(
            models, copies, task.loss, seeds, self.names, self.written, self.wanted
        )


_ways: WeakKeyDictionary[Task, dict[torch.dtype, Way]] = WeakKeyDictionary()
_ways_lock = threading.RLock()


def way_of(task: Task, dtype: torch.dtype = torch.float32) -> Way:
    """How to train `task`, found out once. Raises `ValueError` for what cannot be trained rightly."""
    with _ways_lock:
        known = _ways.setdefault(task, {})
        if dtype not in known:
            known[dtype] = _found_out(task, dtype)
        return known[dtype]


def _found_out(task: Task, dtype: torch.dtype) -> Way:
    models = [task.build(seed) for seed in (*SEEDS, SEEDS[0])]
    _refuse_models(models)
    first = _first_batch(task, dtype)
    exact = _runs_in_float64(task, dtype)
    alone = _Alone.trained(task, exact)
    ways = _ways_to_try(task, models[0], alone, exact, first)
    reasons: list[str] = []
    for way in ways:
        reason = _difference(way, task, alone, exact)
        if reason is None:
            return Way(way.stack, way.names, way.written, way.wanted, "; ".join(reasons))
        reasons.append(reason)
    raise ValueError(
        f"the model of task {task.name!r} cannot be trained many at once: {reasons[-1]}"
    )


def _ways_to_try(
    task: Task, model: nn.Module, alone: "_Alone", dtype: torch.dtype, wanted: tuple[Wanted, ...]
) -> list[Way]:
    more: dict[str, Any] = {"names": alone.names, "written": alone.written, "wanted": wanted}
    ways = [Way(StackedModule, **more), Way(OneByOne, alone.names)]
    x, y = task.data
    if is_mlp(model) and x.dim() == 2 and (_classes(task.loss, y) or _values(task.loss, y)):
        ways.insert(0, Way(StackedMLP, alone.names))
    return ways


def _classes(loss: Any, y: Tensor) -> bool:
    known = is_cross_entropy(loss) and y.dim() == 1 and not y.is_floating_point()
    return known and bool(y.min() >= 0)


def _values(loss: Any, y: Tensor) -> bool:
    return is_squares(loss) and y.dim() == 2 and y.is_floating_point()


# What no way could train rightly


def _refuse_models(models: list[nn.Module]) -> None:
    """`models`: of two seeds, and of the first one again."""
    first, second, again = models
    name = type(first).__name__
    if not any(p.requires_grad for p in first.parameters()):
        raise ValueError(f"{name} has no parameter to train")
    for kind, p in first.named_parameters():
        if p.device.type != "cpu":
            raise ValueError(
                f"{kind} of {name} is on {p.device}, and the lab trains on the processor: build "
                f"the model without .to({str(p.device)!r})"
            )
    shared = _memory(first) & _memory(second)
    if shared:
        raise ValueError(
            f"{name} shares trained weights from one call of model() to the next, so that one run "
            f"would train another's: build all of it in model(), as in lambda: {name}(...)"
        )
    if not _same_values(first, again):
        raise ValueError(
            f"the initial weights of {name} are others on each call of model(), at the same seed: "
            f"draw them with torch, whose seed the lab sets, and not with random or NumPy"
        )


def _memory(model: nn.Module) -> set[int]:
    return {p.data_ptr() for p in model.parameters() if p.requires_grad and p.numel()}


def _same_values(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip([*a.parameters(), *a.buffers()], [*b.parameters(), *b.buffers()])
    return all(torch.equal(p.nan_to_num(), q.nan_to_num()) for p, q in pairs)


def _first_batch(task: Task, dtype: torch.dtype) -> tuple[Wanted, ...]:
    """One forward pass, as it will be made: whatever is wrong with it is said. The numbers drawn."""
    model = task.build(SEEDS[0]).to(dtype)
    x, y = next(task.batches(SEEDS[0], 1, dtype))
    chance = Chance.of(SEEDS[0], 0)
    before = _other_randomness()
    outputs: Any = None
    try:
        with chance:
            outputs = model(x)
            loss = task.loss(outputs, y)
        if isinstance(loss, Tensor) and loss.numel() == 1:
            loss.backward()
    except Exception as error:
        raise ValueError(
            f"the model of task {task.name!r} failed on a batch of its data, x {_told(x)} and "
            f"y {_told(y)}: {error}{_hint(error, x, y, outputs)}"
        ) from error
    _refuse_loss(task, loss)
    _refuse_other_randomness(task, before)
    _refuse_spread(task, outputs, y, loss)
    return tuple(chance.seen)


def _told(values: Tensor) -> str:
    return f"{tuple(values.shape)} {str(values.dtype).removeprefix('torch.')}"


def _hint(error: Exception, x: Tensor, y: Tensor, outputs: Any) -> str:
    """What to do about the commonest of torch's complaints. `outputs`: None if there are none yet."""
    said = str(error)
    if "dtype" in said and not x.is_floating_point():
        return ". Give inputs as floats: x.astype('float32')"
    if "1D target" in said or "multi-target" in said:
        return ". Give class numbers as one whole number an example: y[:, 0]"
    if "Target size" in said or "target size" in said:
        return ". Give targets the shape of the outputs: y[:, None]"
    if ("Long" in said or "Int" in said) and y.is_floating_point():
        return ". Give class numbers as whole numbers: y.astype(int)"
    if "size of tensor" in said and isinstance(outputs, Tensor):
        return f". Give targets the shape of the outputs, {tuple(outputs.shape)}, or class numbers to F.cross_entropy"
    if any(kind in said for kind in ("Float", "Double", "bool")) and not y.is_floating_point():
        return ". Give targets as floats: y.astype('float32')"
    if "mat1 and mat2 shapes" in said:
        return ". The first layer must take as many features as an example has"
    return ""


def _other_randomness() -> list[Any]:
    """Where the random numbers stand that `Chance` does not hand out."""
    numpy: Any = np.random.get_state(legacy=False)
    return [
        torch.get_rng_state().tolist(),
        random.getstate(),
        (numpy["state"]["key"].tolist(), numpy["state"]["pos"], numpy["has_gauss"]),
    ]


def _refuse_other_randomness(task: Task, before: list[Any]) -> None:
    for where, then, now in zip(("torch", "random", "NumPy"), before, _other_randomness()):
        if then != now:
            raise ValueError(
                f"the model or loss of task {task.name!r} draws random numbers from {where} in a "
                f"way that cannot be given to every run apart: use nn.Dropout, torch.rand_like or "
                f"torch.randn_like in forward, or noise= for the data"
            )


def _refuse_loss(task: Task, loss: Any) -> None:
    if not isinstance(loss, Tensor):
        raise ValueError(f"loss must return a tensor, got {loss!r}: compute it with torch")
    if loss.numel() != 1 or loss.dim():
        raise ValueError(
            f"loss must return one number for a batch, got shape {tuple(loss.shape)}: take the mean"
        )
    if not loss.isfinite():
        raise ValueError(
            f"the loss of task {task.name!r} is {loss.item()} on its first batch, before any "
            f"update: look for a log or a division by 0 in model and loss"
        )


@torch.no_grad()
def _refuse_spread(task: Task, outputs: Any, y: Tensor, loss: Tensor) -> None:
    """Refuse targets (32,) for outputs (32, 1): each would be compared with each."""
    alike = isinstance(outputs, Tensor) and outputs.shape != y.shape
    if not alike or outputs.numel() != y.numel() or len(y) < 2:
        return
    try:
        paired = task.loss(outputs.reshape(y.shape), y)
    except Exception:
        return  # the loss asks for just the shape that it is given
    if not torch.allclose(paired, loss, rtol=1e-4):
        raise ValueError(
            f"outputs {tuple(outputs.shape)} and targets {tuple(y.shape)} have different shapes, and "
            f"the loss compares each output with every target: give targets as {_reshaped(outputs, y)}"
        )


def _reshaped(outputs: Tensor, y: Tensor) -> str:
    return "y[:, None]" if outputs.dim() == y.dim() + 1 else f"y.reshape{(-1, *outputs.shape[1:])}"


# The plain loop


def _runs_in_float64(task: Task, dtype: torch.dtype) -> torch.dtype:
    """float64, in which a difference shows, if the model can compute in it."""
    try:
        model = task.build(SEEDS[0]).to(torch.float64)
        x, y = next(task.batches(SEEDS[0], 1, torch.float64))
        with Chance.of(SEEDS[0], 0):
            task.loss(model(x), y).backward()
    except Exception:
        return dtype
    return torch.float64


@dataclass
class _Alone:
    """What a plain loop makes of each run, and what it finds out about the model."""

    names: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    rates: list[float] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    weights: list[list[Tensor]] = field(default_factory=list)
    scores: list[Tensor] = field(default_factory=list)

    @classmethod
    def trained(cls, task: Task, dtype: torch.dtype) -> "_Alone":
        made = cls()
        for seed in SEEDS:
            for copy in range(COPIES):
                made._train(task, seed, copy, dtype)
        made._refuse_chance()
        return made

    def _train(self, task: Task, seed: int, copy: int, dtype: torch.dtype) -> None:
        model = task.build(seed).to(dtype)
        buffers = {name: b.clone() for name, b in model.named_buffers()}
        losses = []
        for step, (x, y) in enumerate(task.batches(seed, UPDATES, dtype)):
            with Chance.of(seed, step):
                loss = task.loss(model(x), y)
            model.zero_grad()
            loss.backward()
            self._step(model, copy)
            losses.append(loss.detach())
        self.losses.append(torch.stack(losses))
        trained = dict(model.named_parameters())
        self.weights.append([trained[name].detach() for name in self.names])
        changed = {n for n, b in model.named_buffers() if not torch.equal(b, buffers[n])}
        self.written = tuple(n for n in buffers if n in changed or n in self.written)
        x, y = task.tested(dtype)
        assert task.score is not None  # Task sees to it
        with torch.no_grad(), in_eval_mode(model), Chance.of(seed, -1 % 2**32):
            self.scores.append(torch.as_tensor(task.score(model(x), y)))

    @torch.no_grad()
    def _step(self, model: nn.Module, copy: int) -> None:
        """An update like SGD's, at a rate fixed by the first gradient of all."""
        graded = {n: p for n, p in model.named_parameters() if p.grad is not None}
        if not self.rates:
            long, steep = (
                _length(ps) for ps in (graded.values(), [p.grad for p in graded.values()])
            )
            rate = STEP * (long or 1.0) / steep if steep else STEP
            self.rates, self.names = [rate / 2**c for c in range(COPIES)], tuple(graded)
        if tuple(graded) != self.names:
            odd = sorted(set(graded) ^ set(self.names))
            raise ValueError(
                f"{', '.join(odd)} has a gradient in some updates and none in others, which torch "
                f"would leave out: use it in every forward pass, or freeze it"
            )
        for p in graded.values():
            p.sub_(p.grad, alpha=self.rates[copy])  # type: ignore[arg-type]

    def _refuse_chance(self) -> None:
        """Copies of a seed meet the same batch with the same weights at first: same loss."""
        firsts = [losses[0].item() for losses in self.losses]
        if any(len(set(firsts[s : s + COPIES])) > 1 for s in range(0, len(firsts), COPIES)):
            raise ValueError(
                "the loss of the same weights on the same batch is another each time: something in "
                "model or loss is random, or remembers earlier calls outside the model"
            )


def _length(tensors: Any) -> float:
    return float(sum(t.double().square().sum() for t in tensors)) ** 0.5


# The same, together


def _difference(way: Way, task: Task, alone: _Alone, dtype: torch.dtype) -> str | None:
    """Why `way` does not do what the plain loop does; None if it does."""
    try:
        losses, weights, scores = _together(way, task, alone, dtype)
    except Exception as error:
        return f"{_WAYS[way.stack]} failed: {_first_line(error)}"
    pairs: list[tuple[str, Sequence[Tensor], Sequence[Tensor]]] = [
        ("losses", losses, alone.losses),
        *[("weights", ours, theirs) for ours, theirs in zip(weights, alone.weights)],
        ("scores", scores, alone.scores),
    ]
    for what, ours, theirs in pairs:
        if not all(_close(a, b, dtype) for a, b in zip(ours, theirs)):
            return f"{_WAYS[way.stack]} gives other {what} than a plain loop"
    return None


_WAYS: dict[type, str] = {
    StackedMLP: "backpropagation written out by hand",
    StackedModule: "torch.func.vmap",
    OneByOne: "training one run at a time",
}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].split(". ")[0]


def _together(
    way: Way, task: Task, alone: _Alone, dtype: torch.dtype
) -> tuple[list[Tensor], list[list[Tensor]], list[Tensor]]:
    """Losses, weights and score of every run, trained as one."""
    models = way.stacked(task, SEEDS, COPIES, dtype)
    runs = range(len(SEEDS) * COPIES)
    rates = torch.tensor(alone.rates * len(SEEDS), dtype=dtype)

    @torch.no_grad()
    def use(i: int, gradient: Tensor) -> None:
        p = models.params[i]
        p.sub_(gradient * rates.view(-1, *[1] * (p.dim() - 1)))

    losses = []
    for x, y in zip(*_batches(task, dtype)):
        losses.append(models.backward(x, y, use).clone())
    scores = models.scores(*task.tested(dtype), task.score)
    by_run = list(torch.stack(losses, 1))
    return by_run, [[p[r] for p in models.params] for r in runs], list(scores)


def _batches(task: Task, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    x, y = next(task.chunks(SEEDS, dtype))
    return x[:UPDATES], y[:UPDATES]


def _close(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    """Equal up to the rounding of `dtype`."""
    tolerance = 1e-9 if dtype == torch.float64 else 2e-3
    size = b.nan_to_num().abs().max().item() if b.numel() else 0.0
    return a.shape == b.shape and torch.allclose(
        a.double(), b.double(), rtol=0, atol=tolerance * max(size, 1e-3), equal_nan=True
    )


def slow(task: Task, way: Way) -> str | None:
    """What to tell of a task whose runs are trained one at a time, and why."""
    if way.stack is not OneByOne:
        return None
    reason = way.why.split("; ")[-1] or "nothing faster fits"
    return f"{task.name}: runs are trained one at a time, as slowly as in a plain loop, because {reason}"
