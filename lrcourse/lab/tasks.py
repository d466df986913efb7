"""The tasks that schedules race on, each with the regime that it stands for.

No task ranks schedules once and for all. Three regimes, three winners:

- *variance-limited*: the noise of the batches never goes away, and only a small rate averages it
  out. Here the end of a schedule decides (`digits`, `digits_conv`, `quadratic`).
- *progress-limited*: there is still a long way to go when the budget ends. Here the middle
  decides, and decaying early costs (`spirals`).
- *interpolating*: the network fits every example (`digits_clean`), and a constant rate is ahead.

What each `regime` says was measured, with the numbers that it gives. And `wells` and `double_well` ask what a rate can and cannot hold on to.

A task of your own is `Task(name=..., model=..., data=(x, y), test=(x, y))`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy

from lrcourse import digits
from lrcourse._fields import whole
from lrcourse.lab.chance import Chance, DrawnFrom
from lrcourse.lab.data import batch_of, examples
from lrcourse.lab.optimizers import SGD, AdamW, Optimizer, optimizer_named
from lrcourse.lab.stacks import in_eval_mode

BATCH = 32
CHUNK = 25
"""Batches drawn at a time: one call for 25 of them costs little more than for one."""

BATCHES = 2**31
"""What a seed's batches are drawn from: its weights come from `seed`, its batches from
`seed + BATCHES`. From one and the same series of numbers, the first batches would be the first
weights over again."""


@dataclass(frozen=True)
class CrossEntropy:
    """The score of a classifier: test loss, less the `floor` that no model can go below."""

    floor: float = 0.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets) - self.floor

    def of_all(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The same for the outputs of many runs, shape (R, classes, n), on the same targets."""
        classes = outputs.shape[1]
        chances = targets if targets.dim() == 2 else F.one_hot(targets, classes).to(outputs.dtype)
        log_p = F.log_softmax(outputs, 1)
        return -(log_p * chances.T).sum((1, 2)) / outputs.shape[2] - self.floor


@dataclass(frozen=True)
class Accuracy:
    """The share of a test set whose class has the largest output."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.of_all(outputs.T.unsqueeze(0), targets)[0]

    def of_all(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The same for the outputs of many runs, shape (R, classes, n), on the same targets."""
        right = targets.argmax(1) if targets.dim() == 2 else targets
        return (outputs.argmax(1) == right).to(outputs.dtype).mean(1)


def is_cross_entropy(loss: Any) -> bool:
    """Whether `loss` is cross-entropy as it comes, as a function or a module."""
    if type(loss) is not nn.CrossEntropyLoss:
        return loss is F.cross_entropy
    plain = loss.weight is None and loss.label_smoothing == 0 and loss.ignore_index == -100
    return plain and loss.reduction == "mean"


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Something to train on: a model, batches, and a score on a test set.

    name:     what tables and plots call it
    model:    a function without arguments that builds the `nn.Module`, initialised at random
    data:     training inputs and targets of the same length: tensors or NumPy arrays, or a Dataset
              or DataLoader of such pairs
    test:     test inputs and targets (class numbers, or their chances), likewise
    batch:    examples in a batch, drawn at random with replacement (32, or the DataLoader's)
    loss:     loss(outputs, targets), the mean over a batch
    score:    score(outputs, targets) on the test set; the loss if None
    noise:    noise(x, y, generator) -> x, y: fresh noise for the examples, drawn at each use
    accuracy: accuracy(outputs, targets), shown beside the score. Where the score is that of a
              classifier, the share of the test set that gets its class (or its likeliest one)
    metric:   what the score is called
    better:   "lower" or "higher": which scores are good. An accuracy is better "higher"
    regime:   what the task stands for, in a sentence
    optimizer, steps, peak: what a race takes if it is not told. `peak` is a rate near the top of
              what is worth trying, for SGD without momentum and for AdamW; if None, a short range
              test finds it.
    """

    name: str
    model: Callable[[], nn.Module]
    data: tuple[Tensor, Tensor] = field(repr=False)
    test: tuple[Tensor, Tensor] = field(repr=False)
    batch: int = None  # type: ignore[assignment]  # __post_init__ fills it in
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    score: Callable[[Tensor, Tensor], Tensor] | None = None
    noise: Callable | None = None
    accuracy: Callable[[Tensor, Tensor], Tensor] | None = None
    metric: str = "test loss"
    better: str = "lower"
    regime: str = "your own"
    optimizer: Optimizer = SGD(momentum=0.9)
    steps: int = 200
    peak: tuple[float, float] | None = None

    exact = False

    def __post_init__(self) -> None:
        if self.batch is None:
            self._set("batch", batch_of(self.data) or BATCH)
        whole("batch", self.batch)
        self._set("optimizer", optimizer_named(self.optimizer))
        if self.better not in ("lower", "higher"):
            raise ValueError(f"better must be 'lower' or 'higher', got {self.better!r}")
        if isinstance(self.model, nn.Module):
            raise ValueError(
                f"model must be a function that builds a new model for every seed, got a "
                f"{type(self.model).__name__}: write lambda: {type(self.model).__name__}(...)"
            )
        for name in ("model", "loss"):
            if not callable(getattr(self, name)):
                got = f"{getattr(self, name)!r}"
                fix = ": give a function that builds it, lambda: ..." if name == "model" else ""
                raise ValueError(f"{name} must be a function, got {got}{fix}")
        if isinstance(self.loss, type) and issubclass(self.loss, nn.Module):
            raise ValueError(
                f"loss is the class {self.loss.__name__}: write {self.loss.__name__}()"
            )
        for name in ("data", "test"):
            self._set(name, examples(name, getattr(self, name)))
        if self.score is None:
            self._set("score", CrossEntropy() if is_cross_entropy(self.loss) else self.loss)
        if self.accuracy is None and isinstance(self.score, CrossEntropy):
            self._set("accuracy", _accuracy_of(*self.test))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def build(self, seed: int) -> nn.Module:
        """The model with the initial weights of `seed`: the same on every call, on any thread.

        They are those after `torch.manual_seed(seed)`, and leave torch's one global generator
        alone. Lazy layers see a batch, and take their shape from it.
        """
        with DrawnFrom(seed):
            model = self._built()
            if any(is_lazy(p) for p in (*model.parameters(), *model.buffers())):
                self._materialize(model)
        return model

    def _built(self) -> nn.Module:
        try:
            model = self.model()
        except Exception as error:
            name = getattr(self.model, "__name__", "model")
            fix = f": write lambda: {name}(...)" if isinstance(self.model, type) else ""
            raise ValueError(f"model() failed: {type(error).__name__}: {error}{fix}") from error
        if not isinstance(model, nn.Module):
            raise ValueError(f"model() must return an nn.Module, got {model!r}")
        return model

    @torch.no_grad()
    def _materialize(self, model: nn.Module) -> None:
        x, _ = next(self.batches(0, 1))
        with in_eval_mode(model):  # no statistics are taken, and nothing is dropped
            model(x)

    @torch.no_grad()
    def start(self, seed: int, dtype: torch.dtype = torch.float32) -> float:
        """The score of the initial weights of `seed`, before any update."""
        assert self.score is not None  # __post_init__ sees to it
        x, y = self.tested(dtype)
        return float(self.score(self.build(seed).to(dtype).eval()(x), y))

    def chance(self, seed: int, step: int) -> Chance:
        """Random numbers for dropout and its like at update `step` of `seed`, as a race draws them.

        For a training loop of your own: `with task.chance(seed, step): loss = ...`
        """
        return Chance.of(seed, step)

    def draw(self, generators: Sequence[torch.Generator], steps: int) -> tuple[Tensor, Tensor]:
        """The next `steps` batches of every generator: x of shape (steps, S, batch, ...), y likewise.

        Each draws its own numbers; the examples are looked up in one call for all.
        """
        x, y = self.data
        shape = (steps, self.batch)
        drawn = [torch.randint(len(x), shape, generator=generator) for generator in generators]
        rows = torch.stack(drawn, 1)
        x, y = _looked_up(x, rows), y[rows]
        if self.noise:
            for s, generator in enumerate(generators):
                x[:, s], y[:, s] = self.noise(x[:, s], y[:, s], generator)
        return x, y

    def chunks(self, seeds: Sequence[int], dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of all `seeds`, `CHUNK` of them at a time, without end.

        Those of a seed depend on it alone: not on the schedule, the budget, nor on who else trains.
        x has the shape (CHUNK, S, batch, ...), y likewise.
        """
        generators = [torch.Generator().manual_seed(seed + BATCHES) for seed in seeds]
        while True:
            x, y = self.draw(generators, CHUNK)
            yield _cast(x, dtype), _cast(y, dtype)

    def batches(
        self, seed: int, steps: int, dtype: torch.dtype = torch.float32
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The first `steps` batches of `seed`, one at a time, for a training loop of your own."""
        chunks = self.chunks((seed,), dtype)
        for step in range(steps):
            if step % CHUNK == 0:
                x, y = next(chunks)
            yield x[step % CHUNK, 0], y[step % CHUNK, 0]

    def tested(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The test set in the type of the run."""
        x, y = self.test
        return _cast(x, dtype), _cast(y, dtype)


def _accuracy_of(_: Tensor, targets: Tensor) -> Accuracy | None:
    """For class numbers, and for the chances of classes."""
    classes = targets.dim() == 1 and not targets.is_floating_point()
    chances = targets.dim() == 2 and targets.is_floating_point()
    return Accuracy() if classes or chances else None


def _looked_up(x: Tensor, rows: Tensor) -> Tensor:
    """`x[rows]`; for rows of numbers by the operation that is quick at it."""
    return F.embedding(rows, x) if x.dim() == 2 and x.is_floating_point() else x[rows]


def _cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    return values.to(dtype) if values.is_floating_point() else values


# Handwritten digits


def _mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these sizes, with an activation between them."""
    layers: list[nn.Module] = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [nn.Linear(i, o), activation()]
    return nn.Sequential(*layers[:-1])


def digits_mlp() -> nn.Sequential:
    return _mlp(64, 32, 10)


def digits_convnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def redrawn(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Fresh pixel noise, and one label in five replaced by a random one."""
    x = torch.randn(x.shape, generator=generator).mul_(digits.PIXEL_NOISE).add_(x)
    other = torch.randint(10, y.shape, generator=generator)
    flipped = torch.rand(y.shape, generator=generator) < digits.FLIPPED
    return x, torch.where(flipped, other, y)


def _digits(*shape: int) -> dict[str, Any]:
    images, labels = digits._images()
    images, kept = images.view(-1, *shape), digits.TEST_IMAGES
    return {"data": (images[kept:], labels[kept:]), "test": (images[:kept], labels[:kept])}


def _noisy_digits(*shape: int) -> dict[str, Any]:
    """Digits with noise redrawn at each use; the score is the risk above what noise alone costs."""
    parts = _digits(*shape)
    x, labels = parts["test"]
    chances = (1 - digits.FLIPPED) * F.one_hot(labels, 10) + digits.FLIPPED / 10
    floor = -(chances * chances.log()).sum(1).mean().item()
    return parts | {
        "test": (x, chances),
        "score": CrossEntropy(floor),
        "noise": redrawn,
        "metric": "excess risk",
    }


DIGITS_PEAK = (2.83, 0.064)


def _make_digits() -> Task:
    return Task(
        name="digits",
        model=digits_mlp,
        **_noisy_digits(64),
        peak=DIGITS_PEAK,
        regime="variance-limited: fresh noise in every batch, which only a small rate averages out; "
        "linear to 0 beats constant by 0.060 ± 0.007 excess risk (200 updates, 32 seeds)",
    )


def _make_digits_clean() -> Task:
    return Task(
        name="digits_clean",
        model=digits_mlp,
        **_digits(64),
        peak=DIGITS_PEAK,
        regime="interpolating: without noise, the network can fit every example; constant beats "
        "linear to 0 by 0.006 ± 0.003 test loss (1,600 updates, 32 seeds)",
        steps=1600,
    )


def _make_digits_conv() -> Task:
    return Task(
        name="digits_conv",
        model=digits_convnet,
        **_noisy_digits(1, 8, 8),
        peak=DIGITS_PEAK,
        regime="variance-limited: the noise of digits, and a small convolutional network; linear to 0 "
        "beats constant by 0.05 ± 0.02 excess risk (200 updates, 16 seeds)",
    )


# Two spirals


def spirals_mlp() -> nn.Sequential:
    return _mlp(2, 32, 32, 2)


def _spirals(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """`n` points on two spirals that wind around each other twice, slightly blurred."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(n) % 2
    along = torch.rand(n, generator=generator).sqrt()
    angle = 2 * torch.pi * 1.75 * along + torch.pi * label
    blur = 0.03 * torch.randn(n, 2, generator=generator)
    return along.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], 1) + blur, label


def _make_spirals() -> Task:
    return Task(
        name="spirals",
        model=spirals_mlp,
        data=_spirals(1000, seed=0),
        test=_spirals(500, seed=1),
        regime="progress-limited: the budget ends before the curve is learned; constant beats "
        "exponential to 1 % by 0.12 ± 0.03 test loss (500 updates, 32 seeds)",
        steps=500,
        peak=(4.0, 0.064),
    )


# English text

CONTEXT, WIDTH, CHARACTERS = 16, 32, 96


class OneLayerTransformer(nn.Module):
    """Predicts the next character from at most 16 before it: attention, then a small MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(CHARACTERS, WIDTH)
        self.place = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )
        self.head = nn.Linear(WIDTH, CHARACTERS)
        future = torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, characters: Tensor) -> Tensor:
        """`characters`: (batch, CONTEXT) numbers. Returns logits (batch, CONTEXT, CHARACTERS)."""
        h = self.token(characters) + self.place
        q, k, v = self.qkv(self.norm1(h)).chunk(3, -1)
        looks = (q @ k.mT / WIDTH**0.5).masked_fill(self.future, -torch.inf)
        h = h + self.mix(looks.softmax(-1) @ v)
        return self.head(h + self.mlp(self.norm2(h)))


def next_character_loss(logits: Tensor, characters: Tensor) -> Tensor:
    """Cross-entropy over every position of every text, in nats a character."""
    return F.cross_entropy(logits.flatten(0, -2), characters.flatten())


@cache
def english() -> Tensor:
    """The help texts of Python's own keywords as numbers: space is 0, and what is not ASCII is left out."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    codes = torch.tensor(list(text.encode("ascii", "ignore")))
    codes = torch.where(codes == 10, 127, codes)  # a line break takes the last number
    return codes[codes >= 32] - 32


def _windows(text: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    windows = text.unfold(0, CONTEXT + 1, stride)
    return windows[:, :-1], windows[:, 1:]


def _make_text() -> Task:
    text = english()
    cut = len(text) * 9 // 10
    x, y = _windows(text[cut:], 389)  # a prime: windows start anywhere in a line
    return Task(
        name="text",
        model=OneLayerTransformer,
        data=_windows(text[:cut], 1),
        test=(x[:60], y[:60]),
        batch=4,
        loss=next_character_loss,
        metric="test loss (nats a character)",
        regime="English text: the next character, far from learned when the budget ends; linear to 0 "
        "beats constant by 0.09 ± 0.04 nats (200 updates, 8 seeds)",
        optimizer=AdamW(weight_decay=0.0),
        peak=(2.0, 0.128),
    )


# One dimension, two wells

SHARP, WIDE = 50.0, 1.0
"""Curvatures of the two wells. A well of curvature h cannot hold a rate above 2 / h."""


def two_wells(x: Tensor) -> Tensor:
    """A sharp well at -1 (curvature 50) beside a wide and deeper one at 1: each an exact parabola."""
    return torch.minimum(SHARP / 2 * (x + 1) ** 2, WIDE / 2 * (x - 1) ** 2 - 0.5)


def double_well(x: Tensor) -> Tensor:
    """A shallow well near -1 and a deep one near 1, with a hill between them."""
    return (x**2 - 1) ** 2 / 4 - 0.07 * x


class Particles(nn.Module):
    """Points that roll down a one-dimensional loss, each on its own."""

    def __init__(self, low: float, high: float, count: int = 64) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.empty(count).uniform_(low, high))

    def forward(self, _: Tensor) -> Tensor:
        return self.x


@dataclass(frozen=True)
class _ShareLeft:
    """The share of the points that are still in the left well."""

    hill: float

    def __call__(self, x: Tensor, _: Tensor) -> Tensor:
        # What has flown off to infinity is in no well: it stays not a number, and diverged.
        return torch.where(x.isfinite(), (x < self.hill).to(x.dtype), x * 0).mean()


@dataclass(frozen=True)
class _Rolling:
    """The loss of points on `surface` under a noisy gradient: every point its own kick."""

    surface: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor, kicks: Tensor) -> Tensor:
        return (self.surface(x) + kicks * x).sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class Wells(Task):
    """Points on a one-dimensional loss; a batch is the noise of their gradients."""

    kick: float = 0.0

    def draw(self, generators: Sequence[torch.Generator], steps: int) -> tuple[Tensor, Tensor]:
        shape = (steps, len(self.test[0]))
        kicks = torch.stack([torch.randn(shape, generator=g) for g in generators], 1)
        return torch.zeros_like(kicks), self.kick * kicks


def sharp_start() -> Particles:
    return Particles(-1.05, -0.95)


def shallow_start() -> Particles:
    return Particles(-1.0, -0.9)


def _nothing(count: int = 64) -> tuple[Tensor, Tensor]:
    return torch.zeros(count), torch.zeros(count)


def _make_wells() -> Task:
    return Wells(
        name="wells",
        model=sharp_start,
        data=_nothing(),
        test=_nothing(),
        loss=_Rolling(two_wells),
        score=_ShareLeft(-0.6),
        kick=0.1,
        metric="share left in the sharp well",
        regime="what a rate can hold: a well of curvature 50 throws out rates above 2 / 50; at 0.03 "
        "all points stay in it, at 0.05 none (200 updates, each of 32 seeds)",
        optimizer=SGD(momentum=0.0),
        peak=(0.16, 0.16),
    )


def _make_double_well() -> Task:
    return Wells(
        name="double_well",
        model=shallow_start,
        data=_nothing(),
        test=_nothing(),
        loss=_Rolling(double_well),
        score=_ShareLeft(-0.07),
        kick=1.2,
        metric="share left in the shallow well",
        regime="escape by noise: a constant rate of 0.2 leaves less in the shallow well than one that "
        "falls from 0.2 to 0, by 0.08 ± 0.03 of all points (400 updates, 32 seeds)",
        optimizer=SGD(momentum=0.0),
        peak=(0.4, 0.4),
        steps=400,
    )


_MAKERS = {
    "digits": _make_digits,
    "digits_clean": _make_digits_clean,
    "digits_conv": _make_digits_conv,
    "spirals": _make_spirals,
    "text": _make_text,
    "wells": _make_wells,
    "double_well": _make_double_well,
}

TASKS = (*_MAKERS, "quadratic")
"""The names of the tasks that come with the course."""


@cache
def _made(name: str) -> Any:
    if name == "quadratic":
        from lrcourse.lab.quadratic import Quadratic

        return Quadratic()
    return _MAKERS[name]()


def task_named(given: Any) -> Any:
    """A task from its name, or itself."""
    from lrcourse.lab.quadratic import Quadratic

    if isinstance(given, Task | Quadratic):
        return given
    if given not in TASKS:
        names = ", ".join(repr(name) for name in TASKS)
        raise ValueError(f"task must be one of {names}, or a lab.Task of your own, got {given!r}")
    return _made(given)
