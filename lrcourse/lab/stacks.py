"""Many models as one: every parameter carries the run first.

A block trains S seeds x C copies (a copy is a schedule at a peak) at once, R = S * C runs; run
s * C + c is copy c of seed s. All copies of a seed start from the same weights and see the same
batches: that makes the comparison paired, and the training fast.

`StackedMLP` is for networks of `nn.Linear` and a few activations, written out by hand.
`StackedModule` is for any other module: `torch.func.vmap` does the same, at half the speed.
`OneByOne` is for what neither can do: every run is a module of its own, at a plain loop's speed.
All have `params`, `scores` and `backward`, which hands over the gradients one by one. Which of
them is right for a task, `lrcourse.lab.trial` finds out by comparison.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional as F

from lrcourse.lab.chance import Chance, Wanted, drawn_for

Use = Callable[[int, Tensor], None]
"""What is done with the gradient of `params[i]`: `use(i, gradient)`. It is gone afterwards."""

_aten = torch.ops.aten
# How to go forward in place, and the gradient at the input in place of `d`, the one at the
# output `h`.
ACTIVATIONS: dict[type, tuple[Callable, Callable]] = {
    nn.ReLU: (
        torch.relu_,
        lambda d, h: _aten.threshold_backward.grad_input(d, h, 0, grad_input=d),
    ),
    nn.Tanh: (torch.tanh_, lambda d, h: _aten.tanh_backward.grad_input(d, h, grad_input=d)),
    nn.Sigmoid: (
        torch.sigmoid_,
        lambda d, h: _aten.sigmoid_backward.grad_input(d, h, grad_input=d),
    ),
}


def is_mlp(model: nn.Module) -> bool:
    """Whether `model` is Linear, activation, Linear, ..., Linear, each once, and all of it trained."""
    if not isinstance(model, nn.Sequential) or type(model) is not nn.Sequential:
        return False
    layers, between = list(model)[::2], list(model)[1::2]
    return (
        len(layers) == len(between) + 1
        and all(type(layer) is nn.Linear and layer.bias is not None for layer in layers)
        and all(type(layer) in ACTIVATIONS for layer in between)
        and len({type(layer) for layer in between}) <= 1
        and len({id(p) for layer in layers for p in layer.parameters()}) == 2 * len(layers)
        and all(p.requires_grad for p in model.parameters())
        and not any(_is_changed(layer) for layer in model.modules())
    )


def _is_changed(layer: nn.Module) -> bool:
    """Whether a layer does more than its class says: through hooks, or a `forward` of its own."""
    hooks = (value for name, value in vars(layer).items() if name.endswith("_hooks"))
    return "forward" in vars(layer) or any(hooks)


def is_squares(loss: Any) -> bool:
    """Whether `loss` is the mean squared error as it comes, as a function or a module."""
    return loss is F.mse_loss or (type(loss) is nn.MSELoss and loss.reduction == "mean")


class StackedMLP:
    """R networks of linear layers, with backpropagation written out.

    `loss`: cross-entropy or the mean squared error.

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

    def __init__(
        self,
        models: list[nn.Sequential],
        copies: int,
        batch: int,
        loss: Callable = F.cross_entropy,
    ) -> None:
        self.seeds, self.copies, self.batch = len(models), copies, batch
        together = zip(*(model.parameters() for model in models))
        stacks = (torch.stack([p.detach() for p in parts]) for parts in together)
        self.params = [stack.repeat_interleave(copies, 0) for stack in stacks]
        self.layers = len(self.params) // 2
        activation = type(models[0][1]) if self.layers > 1 else nn.ReLU  # without layers: unused
        self._forward, self._backward = ACTIVATIONS[activation]
        # Written again at every step: asking for fresh memory each time costs page faults.
        self._hidden = [w.new_empty(w.shape[0], w.shape[1], batch) for w in self.params[::2]]
        self._delta = [torch.empty_like(h) for h in self._hidden]
        weights = self.params[0]
        once = weights.new_empty(max(p.numel() for p in self.params))
        self._grads = [once[: p.numel()].view_as(p) for p in self.params]
        self._columns = [b.unsqueeze(2) for b in self.params[1::2]]  # beside (R, features, batch)
        # The first layer of all copies of a seed, as one matrix; the same memory.
        first = (weights, self._columns[0], self._grads[0], self._hidden[0])
        self._first = [self._by_seed(part) for part in first]
        self._minus_one = -weights.new_ones(1).expand(self.seeds, copies, 1, batch)
        self._loss = self._squares if is_squares(loss) else self._cross_entropy

    @torch.no_grad()
    def backward(self, x: Tensor, y: Tensor, use: Use) -> Tensor:
        """The mean loss of every run on its batch, shape (R,), before anything is changed.

        `x`: shape (S, batch, pixels). `y`: class numbers, shape (S, batch), or what the outputs
        should be, shape (S, batch, outputs). `use(i, gradient)`, called from the last layer to the
        first, may change `params[i]`: nothing reads it again.
        """
        weights, biases, hidden = self.params[::2], self._columns, self._hidden
        first_weights, first_biases, first_grads, first_hidden = self._first

        torch.baddbmm(first_biases, first_weights, x.transpose(1, 2), out=first_hidden)
        for k in range(1, self.layers):
            self._forward(hidden[k - 1])
            torch.baddbmm(biases[k], weights[k], hidden[k - 1], out=hidden[k])

        losses, delta = self._loss(hidden[-1], y)
        for k in reversed(range(1, self.layers)):
            back = torch.bmm(weights[k].transpose(1, 2), delta, out=self._delta[k - 1])
            use(2 * k, torch.bmm(delta, hidden[k - 1].transpose(1, 2), out=self._grads[2 * k]))
            use(2 * k + 1, torch.sum(delta, 2, out=self._grads[2 * k + 1]))
            delta = self._backward(back, hidden[k - 1])
        torch.bmm(self._by_seed(delta), x, out=first_grads)
        use(0, self._grads[0])
        use(1, torch.sum(delta, 2, out=self._grads[1]))
        return losses

    def _cross_entropy(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The losses, and their gradient at the logits: softmax - one-hot, over the batch size."""
        log_p = F.log_softmax(logits, 1)
        label = y[:, None, None].expand(self._minus_one.shape)
        losses = -self._by_copy(log_p).gather(2, label).mean((2, 3)).view(-1)
        delta = torch.exp(log_p, out=self._delta[-1])
        self._by_copy(delta).scatter_add_(2, label, self._minus_one)
        return losses, delta.div_(self.batch)

    def _squares(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The losses, and their gradient at the outputs: 2 * error, over the number of values."""
        delta = self._delta[-1]
        error = torch.sub(self._by_copy(outputs), y.mT.unsqueeze(1), out=self._by_copy(delta))
        losses = error.square().mean((2, 3)).view(-1)
        return losses, delta.mul_(2 / (outputs.shape[1] * self.batch))

    def _by_seed(self, stacked: Tensor) -> Tensor:
        """(R, n, m) seen as (S, C * n, m): the copies of a seed as one tall matrix."""
        return stacked.view(self.seeds, -1, stacked.shape[2])

    def _by_copy(self, stacked: Tensor) -> Tensor:
        """(R, n, m) seen as (S, C, n, m)."""
        return stacked.view(self.seeds, self.copies, *stacked.shape[1:])

    @torch.no_grad()
    def scores(
        self, x: Tensor, targets: Tensor, score: Callable, params: list[Tensor] | None = None
    ) -> Tensor:
        """`score(outputs, targets)` of every run on the same test set, shape (R,).

        `x`: shape (n, pixels). A score `of_all` takes the outputs of many runs at once, features
        before examples: (R, classes, n). `params`: other weights than those that are trained. A few
        runs at a time, so that their activations stay in the cache.
        """
        params = self.params if params is None else params
        of_all = getattr(score, "of_all", None)
        found = []
        for some in range(0, len(params[0]), 16):
            weights, *others = (p[some : some + 16] for p in params)
            h = torch.baddbmm(others[0].unsqueeze(2), weights, x.T.expand(len(weights), -1, -1))
            for w, b in zip(others[1::2], others[2::2]):
                h = torch.baddbmm(b.unsqueeze(2), w, self._forward(h))
            if of_all is None:
                found.append(torch.stack([score(run.T, targets) for run in h]))
            else:
                found.append(of_all(h, targets))
        return torch.cat(found)


class StackedModule:
    """R copies of any module, through `torch.func`: `functional_call` under `vmap`.

    seeds:   whose random numbers the copies draw, in the order of `models`
    names:   the parameters to train; all others stay as they are
    written: the buffers that a forward pass writes into: each run has its own
    wanted:  the random numbers of an update
    """

    def __init__(
        self, models: list[nn.Module], copies: int, loss: Callable,
        seeds: Sequence[int] | None = None, names: Sequence[str] | None = None,
        written: Sequence[str] = (), wanted: Sequence[Wanted] = (),
    ) -> None:  # fmt: skip
        self.copies, self._numbers = copies, tuple(range(len(models)) if seeds is None else seeds)
        self.seeds, self._wanted, self._updates = len(models), wanted, 0
        # `functional_call` writes into the module while it runs: each thread has one of its own.
        self._model = model = models[0]
        self._names = list(names or (n for n, p in model.named_parameters() if p.requires_grad))
        stacks = _stacks(models)
        self.params = [stacks[name].repeat_interleave(copies, 0) for name in self._names]
        self._written = {n: stacks[n].repeat_interleave(copies, 0) for n in written}
        moving = {*self._names, *self._written}
        # What all seeds share is left in the module: more can be done with it than with a stack.
        self._frozen = {
            n: stack for n, stack in stacks.items() if n not in moving and _differ(stack)
        }

        def outputs(params: dict, written: dict, frozen: dict, x: Tensor) -> Any:
            return functional_call(model, {**params, **written, **frozen}, (x,))

        def loss_of(
            params: dict, written: dict, frozen: dict, x: Tensor, y: Tensor, drawn: list
        ) -> tuple[Tensor, dict]:
            if not drawn:
                return loss(outputs(params, written, frozen, x), y), written
            with Chance.given(drawn):
                return loss(outputs(params, written, frozen, x), y), written

        # Inner: the copies of a seed, which share their batch. Outer: the seeds.
        each = grad_and_value(loss_of, has_aux=True)
        self._losses = vmap(vmap(each, (0, 0, None, None, 0, None)))
        self._outputs = vmap(vmap(outputs, (0, 0, None, None)), (0, 0, 0, None))

    def backward(self, x: Tensor, y: Tensor, use: Use) -> Tensor:
        """The loss of every run on its batch, shape (R,), before anything is changed.

        `x`, `y`: whatever the task draws, with the seed first. `use(i, gradient)` may change
        `params[i]`.
        """
        # Targets are spread over the copies: inside two vmaps, torch's losses mistake the shape of
        # targets that are mapped by only one of them.
        y = y.unsqueeze(1).expand(-1, self.copies, *y.shape[1:])
        drawn = drawn_for(self._numbers, self._updates, self._wanted)
        self._updates += 1
        grads, (losses, written) = self._losses(
            self._by_seed(self.params), self._of_each_run(), self._frozen, x, y, drawn
        )
        self._written = {name: values.flatten(0, 1) for name, values in written.items()}
        for i, name in enumerate(self._names):
            use(i, grads[name].flatten(0, 1))
        return losses.flatten()

    @torch.no_grad()
    def scores(
        self, x: Tensor, targets: Tensor, score: Callable, params: list[Tensor] | None = None
    ) -> Tensor:
        """`score(outputs, targets)` of every run on the same test set, shape (R,).

        The modules are in eval mode. `params`: other weights than those that are trained.
        """
        stacked = self._by_seed(self.params if params is None else params)
        with in_eval_mode(self._model), Chance.given(()):
            outputs = self._outputs(stacked, self._of_each_run(), self._frozen, x).flatten(0, 1)
        return torch.stack([score(run, targets) for run in outputs])

    def _by_seed(self, params: Sequence[Tensor]) -> dict[str, Tensor]:
        return {name: self._split(p) for name, p in zip(self._names, params)}

    def _of_each_run(self) -> dict[str, Tensor]:
        return {name: self._split(values) for name, values in self._written.items()}

    def _split(self, values: Tensor) -> Tensor:
        return values.view(self.seeds, self.copies, *values.shape[1:])


def _stacks(models: list[nn.Module]) -> dict[str, Tensor]:
    """All parameters and buffers by name, the model first; each once, however often it is used."""
    together = [dict(m.named_parameters()) | dict(m.named_buffers()) for m in models]
    return {name: torch.stack([t[name].detach() for t in together]) for name in together[0]}


def _differ(stack: Tensor) -> bool:
    return not all(torch.equal(one, stack[0]) for one in stack[1:])


class OneByOne:
    """R modules, each trained as in a loop of its own, in the memory of one stack of weights.

    models: of every run: the copies of a seed one after the other
    """

    def __init__(
        self, models: list[nn.Module], copies: int, loss: Callable,
        seeds: Sequence[int], names: Sequence[str],
    ) -> None:  # fmt: skip
        self.models, self.copies, self.loss, self.seeds = models, copies, loss, tuple(seeds)
        self._updates = 0
        self._weights = [[dict(m.named_parameters())[n] for n in names] for m in models]
        self._names = names
        self.params = [torch.stack([w.detach() for w in same]) for same in zip(*self._weights)]
        self._take(self.params)

    def _take(self, params: list[Tensor]) -> None:
        """Let the modules compute with `params`, in its own memory."""
        for r, weights in enumerate(self._weights):
            for w, stack in zip(weights, params):
                w.data = stack[r]

    def backward(self, x: Tensor, y: Tensor, use: Use) -> Tensor:
        """As in `StackedModule`."""
        losses = []
        for r, model in enumerate(self.models):
            s = r // self.copies
            with Chance.of(self.seeds[s], self._updates):
                loss = self.loss(model(x[s]), y[s])
            model.zero_grad()
            loss.backward()
            losses.append(loss.detach())
        self._updates += 1
        for i, same in enumerate(zip(*self._weights)):
            use(i, torch.stack([self._gradient(i, w) for w in same]))
        return torch.stack(losses)

    def _gradient(self, i: int, weight: Tensor) -> Tensor:
        if weight.grad is None:
            raise ValueError(
                f"{self._names[i]} has a gradient in some updates and none in others, which torch "
                f"would leave out: use it in every forward pass, or freeze it"
            )
        return weight.grad

    @torch.no_grad()
    def scores(
        self, x: Tensor, targets: Tensor, score: Callable, params: list[Tensor] | None = None
    ) -> Tensor:
        """As in `StackedModule`."""
        if params is not None:
            self._take(params)
        found = []
        for r, model in enumerate(self.models):
            with in_eval_mode(model), Chance.of(self.seeds[r // self.copies], -1 % 2**32):
                found.append(torch.as_tensor(score(model(x), targets)))
        if params is not None:
            self._take(self.params)
        return torch.stack(found)


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode; afterwards each of its parts is in the mode it was in."""
    before = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, mode in before.items():
            part.training = mode
