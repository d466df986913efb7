"""Many models as one: every parameter carries the run first.

A block trains S seeds x C copies (a copy is a schedule at a peak) at once, R = S * C runs; run
s * C + c is copy c of seed s. All copies of a seed start from the same weights and see the same
batches: that makes the comparison paired, and the training fast.

`StackedMLP` is for networks of `nn.Linear` and a few activations, written out by hand.
`StackedModule` is for any other module: `torch.func.vmap` does the same, at half the speed.
Both have `params`, `scores` and `backward`, which hands over the gradients one by one.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional as F

Use = Callable[[int, Tensor], None]
"""What is done with the gradient of `params[i]`: `use(i, gradient)`. It is gone afterwards."""

# How to go forward in place, and the gradient at the input from `d`, the one at the output `h`.
ACTIVATIONS: dict[type, tuple[Callable, Callable]] = {
    nn.ReLU: (torch.relu_, lambda d, h: torch.ops.aten.threshold_backward(d, h, 0)),
    nn.Tanh: (torch.tanh_, torch.ops.aten.tanh_backward),
    nn.Sigmoid: (torch.sigmoid_, torch.ops.aten.sigmoid_backward),
}


def is_mlp(model: nn.Module) -> bool:
    """Whether `model` is Linear, activation, Linear, ..., Linear, all of it trained."""
    if type(model) is not nn.Sequential or len(model) % 2 == 0:
        return False
    return (
        all(type(layer) is nn.Linear and layer.bias is not None for layer in model[::2])
        and all(type(layer) in ACTIVATIONS for layer in model[1::2])
        and len({type(layer) for layer in model[1::2]}) <= 1
        and all(p.requires_grad for p in model.parameters())
    )


class StackedMLP:
    """R networks of linear layers at cross-entropy loss, with backpropagation written out.

    Four things make it fast, most of them worth a factor:

    1. One call for all runs. At this size the arithmetic of a step is quicker than Python's way
       to it; `baddbmm` (bias + weights @ input, for every run) pays that way once.
    2. Features come before the batch: activations are (R, features, batch). The softmax over 10
       classes then runs down columns of 32 numbers at once instead of along rows of 10.
    3. All copies of a seed see the same batch, so the first layer of all of them is *one* matrix
       product: (C * hidden, pixels) @ (pixels, batch).
    4. A layer is updated as soon as its gradient is there, while both are in the processor's
       cache, and the next gradient is written into the same memory.

    Backpropagation by hand saves the bookkeeping of autograd, a fifth of the time.
    """

    def __init__(self, models: list[nn.Sequential], copies: int, batch: int) -> None:
        self.seeds, self.copies, self.batch = len(models), copies, batch
        self.params = []
        for layer in range(0, len(models[0]), 2):
            weights = torch.stack([model[layer].weight.detach() for model in models])
            biases = torch.stack([model[layer].bias.detach() for model in models]).unsqueeze(2)
            self.params += [p.repeat_interleave(copies, 0) for p in (weights, biases)]
        self.layers = len(self.params) // 2
        self._forward, self._backward = ACTIVATIONS[type(models[0][1])] if self.layers > 1 else ()
        # Written again at every step: asking for fresh memory each time costs page faults.
        self._hidden = [w.new_empty(w.shape[0], w.shape[1], batch) for w in self.params[::2]]
        self._delta = [torch.empty_like(h) for h in self._hidden]
        once = weights.new_empty(max(p.numel() for p in self.params))
        self._grads = [once[: p.numel()].view_as(p) for p in self.params]
        # The first layer of all copies of a seed, as one matrix; the same memory.
        first = (self.params[0], self.params[1], self._grads[0], self._hidden[0])
        self._first = [self._by_seed(part) for part in first]
        self._minus_one = -weights.new_ones(1).expand(self.seeds, copies, 1, batch)

    @torch.no_grad()
    def backward(self, x: Tensor, y: Tensor, use: Use) -> Tensor:
        """The mean loss of every run on its batch, shape (R,), before anything is changed.

        `x`: shape (S, batch, pixels). `y`: shape (S, batch), class numbers. `use(i, gradient)`,
        called from the last layer to the first, may change `params[i]`: nothing reads it again.
        """
        weights, biases, hidden = self.params[::2], self.params[1::2], self._hidden
        first_weights, first_biases, first_grads, first_hidden = self._first

        torch.baddbmm(first_biases, first_weights, x.transpose(1, 2), out=first_hidden)
        for k in range(1, self.layers):
            self._forward(hidden[k - 1])
            torch.baddbmm(biases[k], weights[k], hidden[k - 1], out=hidden[k])

        # Cross-entropy. Its gradient at the logits is softmax - one-hot, over the batch size.
        log_p = F.log_softmax(hidden[-1], 1)
        label = y[:, None, None].expand(self._minus_one.shape)
        losses = -self._by_copy(log_p).gather(2, label).mean((2, 3)).view(-1)
        delta = torch.exp(log_p, out=self._delta[-1])
        self._by_copy(delta).scatter_add_(2, label, self._minus_one)
        delta.div_(self.batch)

        for k in reversed(range(1, self.layers)):
            back = torch.bmm(weights[k].transpose(1, 2), delta, out=self._delta[k - 1])
            use(2 * k, torch.bmm(delta, hidden[k - 1].transpose(1, 2), out=self._grads[2 * k]))
            use(2 * k + 1, torch.sum(delta, 2, keepdim=True, out=self._grads[2 * k + 1]))
            delta = self._backward(back, hidden[k - 1])
        torch.bmm(self._by_seed(delta), x, out=first_grads)
        use(0, self._grads[0])
        use(1, torch.sum(delta, 2, keepdim=True, out=self._grads[1]))
        return losses

    def _by_seed(self, stacked: Tensor) -> Tensor:
        """(R, n, m) seen as (S, C * n, m): the copies of a seed as one tall matrix."""
        return stacked.view(self.seeds, -1, stacked.shape[2])

    def _by_copy(self, stacked: Tensor) -> Tensor:
        """(R, n, m) seen as (S, C, n, m)."""
        return stacked.view(self.seeds, self.copies, *stacked.shape[1:])

    @torch.no_grad()
    def scores(self, x: Tensor, targets: Tensor, score: Callable) -> Tensor:
        """The mean cross-entropy of every run on the same test set, shape (R,).

        `x`: shape (n, pixels). `targets`: class numbers, shape (n,), or their chances,
        shape (n, classes). A few runs at a time, so that their activations stay in the cache.
        """
        classes = self.params[-1].shape[1]
        chances = targets if targets.dim() == 2 else F.one_hot(targets, classes).to(x.dtype)
        losses = []
        for some in range(0, len(self.params[0]), 16):
            weights, *others = (p[some : some + 16] for p in self.params)
            h = torch.baddbmm(others[0], weights, x.T.expand(len(weights), -1, -1))
            for w, b in zip(others[1::2], others[2::2]):
                h = torch.baddbmm(b, w, self._forward(h))
            losses.append(-(F.log_softmax(h, 1) * chances.T).sum((1, 2)) / len(x))
        return torch.cat(losses) - getattr(score, "floor", 0.0)


class StackedModule:
    """R copies of any module, through `torch.func`: `functional_call` under `vmap`."""

    def __init__(self, models: list[nn.Module], copies: int, loss: Callable) -> None:
        self.seeds, self.copies = len(models), copies
        # `functional_call` writes into the module while it runs: each thread needs its own.
        model = copy.deepcopy(models[0])
        self._names = [name for name, p in model.named_parameters() if p.requires_grad]
        stacked = {
            name: torch.stack([dict(m.named_parameters())[name].detach() for m in models])
            for name, _ in model.named_parameters()
        }
        self._frozen = {name: p for name, p in stacked.items() if name not in self._names}
        self.params = [stacked[name].repeat_interleave(copies, 0) for name in self._names]

        def outputs(params: dict[str, Tensor], frozen: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(model, {**params, **frozen}, (x,))

        def loss_of(params: dict, frozen: dict, x: Tensor, y: Tensor) -> Tensor:
            return loss(outputs(params, frozen, x), y)

        # Inner: the copies of a seed, which share their batch. Outer: the seeds.
        self._losses = vmap(vmap(grad_and_value(loss_of), (0, None, None, 0)))
        self._outputs = vmap(vmap(outputs, (0, None, None)), (0, 0, None))

    def backward(self, x: Tensor, y: Tensor, use: Use) -> Tensor:
        """The loss of every run on its batch, shape (R,), before anything is changed.

        `x`, `y`: whatever the task draws, with the seed first. `use(i, gradient)` may change
        `params[i]`.
        """
        # Targets are spread over the copies: inside two vmaps, torch's losses mistake the shape of
        # targets that are mapped by only one of them.
        y = y.unsqueeze(1).expand(-1, self.copies, *y.shape[1:])
        grads, losses = self._losses(self._by_seed(), self._frozen, x, y)
        for i, name in enumerate(self._names):
            use(i, grads[name].flatten(0, 1))
        return losses.flatten()

    @torch.no_grad()
    def scores(self, x: Tensor, targets: Tensor, score: Callable) -> Tensor:
        """`score(outputs, targets)` of every run on the same test set, shape (R,)."""
        outputs = self._outputs(self._by_seed(), self._frozen, x).flatten(0, 1)
        return torch.stack([score(run, targets) for run in outputs])

    def _by_seed(self) -> dict[str, Tensor]:
        return {
            name: p.view(self.seeds, self.copies, *p.shape[1:])
            for name, p in zip(self._names, self.params)
        }


def refuse_unsupported(model: nn.Module) -> None:
    """Raise `ValueError` for layers that cannot be trained many at once, and say why."""
    for name, layer in model.named_modules():
        kind = f"{type(layer).__name__} ({name or 'the model itself'})"
        if isinstance(layer, nn.modules.batchnorm._NormBase) and layer.track_running_stats:
            raise ValueError(
                f"{kind} is not supported: its running statistics are written during the forward "
                f"pass, which runs trained together cannot do. Use nn.GroupNorm or nn.LayerNorm, "
                f"or track_running_stats=False"
            )
        if _drops(layer):
            raise ValueError(
                f"{kind} is not supported: it draws random numbers during the forward pass, so "
                f"runs would not see the same ones. Set its p to 0, or use weight_decay"
            )
        if isinstance(layer, nn.RNNBase):
            raise ValueError(
                f"{kind} is not supported: torch cannot batch its kernel over models. "
                f"Write the recurrence with nn.Linear, or use attention"
            )
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(f"{type(model).__name__} has no parameter to train")


def _drops(layer: Any) -> bool:
    if isinstance(layer, nn.MultiheadAttention):
        return layer.dropout > 0
    return isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0
