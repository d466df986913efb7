"""Random numbers inside a model: from a series of its own for every seed and update.

Dropout draws from torch's one global generator. Runs trained together would take each other's
numbers, and threads each other's turn. Within `Chance`, a model draws from its seed's own series
instead: the same on every call, on any thread, and for all copies of a seed, which so stay a
fair pair.
"""

from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

Wanted = tuple[str, tuple[int, ...]]
"""What a model draws: "uniform" or "normal", and the shape."""


def numbers(wanted: Wanted, generator: torch.Generator) -> Tensor:
    """Random numbers in float32: the same ones, whatever type the model has."""
    kind, shape = wanted
    return (torch.rand if kind == "uniform" else torch.randn)(shape, generator=generator)


def generator_of(seed: int, step: int) -> torch.Generator:
    """The series for update `step` of `seed`."""
    mixed = int(np.random.SeedSequence((seed, step)).generate_state(1)[0])
    return torch.Generator().manual_seed(mixed)


class Chance(TorchFunctionMode):
    """Within it, torch's dropout and its like take their numbers from `take`, on this thread alone.

    `seen` lists what was wanted, in order.
    """

    def __init__(self, take: Callable[[Wanted], Tensor]) -> None:
        super().__init__()
        self._take, self.seen = take, list[Wanted]()

    @classmethod
    def of(cls, seed: int, step: int) -> "Chance":
        """Draws the numbers for update `step` of `seed`."""
        generator = generator_of(seed, step)
        return cls(lambda wanted: numbers(wanted, generator))

    @classmethod
    def given(cls, drawn: Sequence[Tensor]) -> "Chance":
        """Hands out what was drawn before, in turn."""
        left = iter(drawn)
        return cls(lambda wanted: _fits(next(left, None), wanted))

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWN and kwargs.get("generator") is None:
            return _DRAWN[func](self, *args, **kwargs)
        return func(*args, **kwargs)

    def take(self, kind: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        wanted = (kind, tuple(shape))
        self.seen.append(wanted)
        return self._take(wanted).to(dtype)


def _fits(drawn: Tensor | None, wanted: Wanted) -> Tensor:
    if drawn is None or tuple(drawn.shape) != wanted[1]:
        raise RuntimeError(f"it draws other random numbers than at its first update: {wanted}")
    return drawn


# What draws, and how: torch's own formulas, with the numbers taken from `chance`.


def _dropout(
    chance: Chance, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    return _dropped(chance, x, p, training, inplace, x.shape)


def _dropped(
    chance: Chance, x: Tensor, p: float, training: bool, inplace: bool, shape: Sequence[int]
) -> Tensor:
    if not training or not p:
        return x
    kept = (chance.take("uniform", shape, torch.float32) >= p).to(x.dtype)
    scaled = kept / (1 - p) if p < 1 else kept
    return x.mul_(scaled) if inplace else x * scaled


def _channels(unbatched: int | None) -> Callable:
    """Dropout of whole channels; inputs with `unbatched` dimensions begin with the channels."""

    def dropped(
        chance: Chance, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        told_apart = 1 if x.dim() == unbatched else 2
        shape = (*x.shape[:told_apart], *[1] * (x.dim() - told_apart))
        return _dropped(chance, x, p, training, inplace, shape)

    return dropped


def _attention(
    chance: Chance, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    if enable_gqa:
        key, value = (t.repeat_interleave(query.shape[-3] // t.shape[-3], -3) for t in (key, value))
    looks = query @ key.mT * (scale if scale is not None else query.shape[-1] ** -0.5)
    if is_causal:
        future = torch.ones(looks.shape[-2:], dtype=torch.bool).triu(1)
        looks = looks.masked_fill(future, -torch.inf)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        looks = looks.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        looks = looks + attn_mask
    return _dropout(chance, looks.softmax(-1), dropout_p) @ value


# This one looks whether someone listens before it calls dropout. Here its inside is listened to.
_attention_of_many_heads = FunctionType(
    F.multi_head_attention_forward.__code__,
    {**vars(F), "has_torch_function": lambda _: False},
    argdefs=F.multi_head_attention_forward.__defaults__,
)
_attention_of_many_heads.__kwdefaults__ = F.multi_head_attention_forward.__kwdefaults__


def _many_heads(chance: Chance, *args: Any, **kwargs: Any) -> Any:
    with chance:
        return _attention_of_many_heads(*args, **kwargs)


def _fresh(kind: str) -> Callable:
    def drawn(chance: Chance, *size: Any, **options: Any) -> Tensor:
        shape: Any = options.get("size") or (
            size[0] if len(size) == 1 and np.iterable(size[0]) else size
        )
        return chance.take(kind, shape, options.get("dtype") or torch.get_default_dtype())

    return drawn


def _like(kind: str) -> Callable:
    def drawn(chance: Chance, x: Tensor, **options: Any) -> Tensor:
        return chance.take(kind, x.shape, options.get("dtype") or x.dtype)

    return drawn


def _bernoulli(chance: Chance, x: Tensor) -> Tensor:
    return (chance.take("uniform", x.shape, torch.float32) < x).to(x.dtype)


_DRAWN: dict[Callable, Callable] = {
    F.dropout: _dropout,
    torch.dropout: lambda chance, x, p, train: _dropout(chance, x, p, train),
    F.dropout1d: _channels(2),
    F.dropout2d: _channels(None),
    F.dropout3d: _channels(4),
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _many_heads,
    torch.rand: _fresh("uniform"),
    torch.randn: _fresh("normal"),
    torch.rand_like: _like("uniform"),
    torch.randn_like: _like("normal"),
    torch.bernoulli: _bernoulli,
}


def drawn_for(seeds: Sequence[int], step: int, wanted: Sequence[Wanted]) -> list[Tensor]:
    """The numbers of one update for every seed: for each that is wanted, shape (S, ...)."""
    by_seed: Iterator = ([numbers(w, g) for w in wanted] for g in _generators(seeds, step))
    return [torch.stack(parts) for parts in zip(*by_seed)]


def _generators(seeds: Sequence[int], step: int) -> Iterator[torch.Generator]:
    return (generator_of(seed, step) for seed in seeds)


# Initial weights

_TAKES_A_GENERATOR = {
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli),
    *(getattr(Tensor, name) for name in ("uniform_", "normal_", "bernoulli_", "random_")),
    *(getattr(Tensor, name) for name in ("exponential_", "cauchy_", "log_normal_", "geometric_")),
    *(nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_),
}
_LIKE: dict[Callable, Callable] = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}


class DrawnFrom(TorchFunctionMode):
    """Within it torch draws what it would after `torch.manual_seed(seed)`, from a generator of its own.

    Torch's one global generator belongs to the reader's loop, which may be at work in another thread.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _LIKE:
            kwargs = {"dtype": args[0].dtype} | kwargs
            func, args = _LIKE[func], (args[0].shape, *args[1:])
        if func in _TAKES_A_GENERATOR and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)
