"""Any model trains as alone, or is refused with the reason.

`python tests/lab/test_any_model.py` prints the table of the largest differences.
"""

import random
import warnings
from weakref import WeakSet

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_equality import plain_loop, trained_together, weights_of
from torch import nn
from torch.nn import functional as F

from lrcourse import CosineAnnealing, lab
from lrcourse.lab.stacks import OneByOne, StackedMLP, StackedModule
from lrcourse.lab.train import runs_in_a_block
from lrcourse.lab.trial import SEEDS as SEEDS_OF_THE_TRIAL
from lrcourse.lab.trial import UPDATES as TRIED
from lrcourse.lab.trial import way_of

WIDTH, CLASSES, UPDATES = 6, 3, 12
COSINE = CosineAnnealing(lr=0.05, T_max=UPDATES)
SGD = lab.SGD(weight_decay=0.01)


def a_task(model, **changes):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, WIDTH, generator=generator)
    y = torch.randint(CLASSES, (60,), generator=generator)
    parts = {"data": (x[:40], y[:40]), "test": (x[40:], y[40:]), "batch": 8}
    return lab.Task(name="mine", model=model, **parts | changes)


def largest_difference(task, optimizer=SGD, seed=1):
    """After some updates of several runs: of any weight, loss or score from the plain loop's."""
    schedules = {"other": COSINE.with_peak(0.02), "this": COSINE}
    models, record = trained_together(task, optimizer, schedules, steps=UPDATES)
    alone, losses = plain_loop(task, COSINE, optimizer, SEEDS[seed], UPDATES)
    x, y = task.tested(torch.float64)
    trained = dict(alone.named_parameters())
    theirs = torch.cat([trained[n].detach().flatten() for n in way_of(task, torch.float64).names])
    np.testing.assert_allclose(record.losses[seed, 1], losses, rtol=1e-6, atol=1e-7)
    with task.chance(SEEDS[seed], -1 % 2**32), torch.no_grad():
        score = float(task.score(alone(x), y))
    return max(
        (weights_of(models, 2 * seed + 1) - theirs).abs().max().item(),
        abs(score - record.scores[seed, 1, 0]),
    )


SEEDS = (3, 4)  # of test_equality

# Pieces that take WIDTH features and give WIDTH features


class PerSeed(nn.Module):
    """A buffer that differs from seed to seed."""

    def __init__(self, registered=True):
        super().__init__()
        scale = 1 + 0.5 * torch.randn(WIDTH)
        if registered:
            self.register_buffer("scale", scale)
        else:
            self.scale = [scale]

    def forward(self, x):
        scale = self.scale if isinstance(self.scale, torch.Tensor) else self.scale[0].to(x)
        return x * scale


class Permuted(nn.Module):
    """A buffer of whole numbers that differs from seed to seed."""

    def __init__(self):
        super().__init__()
        self.register_buffer("order", torch.randperm(WIDTH))

    def forward(self, x):
        return x[:, self.order]


class Branching(nn.Module):
    """What is computed depends on the values."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        h = self.linear(x)
        return h.tanh() if h.mean() > 0 else h * 0.5


class Remembering(nn.Module):
    """State in a plain attribute, carried from batch to batch."""

    def __init__(self):
        super().__init__()
        self.last, self.calls = torch.zeros(WIDTH), 0

    def forward(self, x):
        h = x + 0.1 * self.last.to(x) + 0.01 * self.calls
        if self.training:
            self.last, self.calls = x.mean(0).detach(), self.calls + 1
        return h


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(2, 2, batch_first=True)

    def forward(self, x):
        return self.rnn(x.view(-1, 3, 2))[0].flatten(1)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(2, 1, 4, dropout=0.2, batch_first=True)

    def forward(self, x):
        return self.block(x.view(-1, 3, 2)).flatten(1)


class Unused(nn.Module):
    """A parameter that no gradient reaches, and one that is frozen."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.frozen = nn.Parameter(torch.randn(WIDTH), requires_grad=False)

    def forward(self, x):
        return self.used(x) + self.frozen


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up.weight = self.down.weight

    def forward(self, x):
        return self.up(self.down(x).tanh())


class Noisy(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.randn_like(x) if self.training else x


class AlwaysDropping(nn.Module):
    """Dropout that is also on in eval mode, as `F.dropout(x)` is."""

    def forward(self, x):
        return F.dropout(x, 0.3)


def linear():
    return nn.Linear(WIDTH, WIDTH)


def hooked(change):
    def build():
        layer = linear()
        change(layer)
        return layer

    return build


def new_forward(layer):
    layer.forward = lambda x: F.linear(x, layer.weight) * 2


def twice():
    layer = linear()
    return nn.Sequential(layer, nn.Tanh(), layer)


PIECES = {
    "linear": linear,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "a layer used twice": twice,
    "tied weights": Tied,
    "a buffer of its own for every seed": PerSeed,
    "unregistered numbers of its own for every seed": lambda: PerSeed(registered=False),
    "whole numbers of its own for every seed": Permuted,
    "forward hook": hooked(lambda m: m.register_forward_hook(lambda m, i, o: o * 2)),
    "forward pre-hook": hooked(lambda m: m.register_forward_pre_hook(lambda m, i: (i[0] + 1,))),
    "backward hook": hooked(
        lambda m: m.register_full_backward_hook(lambda m, gi, go: tuple(g * 2 for g in gi if g is not None) or None)
    ),
    "hook of a weight": hooked(lambda m: m.weight.register_hook(lambda g: g * 2)),
    "a forward of its own": hooked(new_forward),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(linear()),
    "weight norm by hooks": lambda: nn.utils.weight_norm(linear()),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(linear()),
    "orthogonal": lambda: nn.utils.parametrizations.orthogonal(linear()),
    "unused and frozen parameters": Unused,
    "branches": Branching,
    "memory": Remembering,
    "recurrence": Recurrent,
    "attention with dropout": Attending,
    "dropout": lambda: nn.Dropout(0.3),
    "dropout always on": AlwaysDropping,
    "dropout of channels": lambda: nn.Sequential(
        nn.Unflatten(1, (3, 2)), nn.Dropout1d(0.3), nn.Flatten()
    ),
    "noise": Noisy,
    "batch norm": lambda: nn.BatchNorm1d(WIDTH),
    "batch norm of each batch alone": lambda: nn.BatchNorm1d(WIDTH, track_running_stats=False),
    "batch norm with a plain mean": lambda: nn.BatchNorm1d(WIDTH, momentum=None),
    "lazy": lambda: nn.LazyLinear(WIDTH),
    "alpha dropout": lambda: nn.AlphaDropout(0.3),
}  # fmt: skip
REFUSED = {"alpha dropout"}


def model_of(*pieces):
    def build():
        return nn.Sequential(
            *(PIECES[piece]() for piece in pieces), linear(), nn.ReLU(), nn.Linear(WIDTH, CLASSES)
        )

    return build


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("piece", PIECES)
def test_each_kind_trains_as_alone(piece):
    """A model with this in it ends with the weights and the score of a plain loop, to 1e-10."""
    task = a_task(model_of(piece))
    if piece in REFUSED:
        with pytest.raises(ValueError, match="draws random numbers from torch"):
            way_of(task, torch.float64)
    else:
        assert largest_difference(task) < 1e-10


@pytest.mark.filterwarnings("ignore::FutureWarning")
@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=4),
    # `eps`: where a gradient is nothing but rounding, Adam divides it by its size, and by this.
    st.sampled_from([SGD, lab.AdamW(weight_decay=0.05, eps=1e-2), lab.SGD(nesterov=True)]),
)
def test_any_mixture_trains_as_alone_or_is_refused(pieces, optimizer):
    """Whatever a model is made of: it ends where a plain loop ends, to 1e-10, or is refused."""
    task = a_task(model_of(*pieces))
    try:
        way_of(task, torch.float64)
    except ValueError:
        return
    assert largest_difference(task, optimizer) < 1e-10


@pytest.mark.parametrize(
    "pieces, stack",
    [
        (("linear", "relu"), StackedMLP),
        (("a layer used twice",), StackedModule),
        (("forward hook",), StackedModule),
        (("batch norm",), StackedModule),
        (("attention with dropout",), StackedModule),
        (("recurrence",), OneByOne),
        (("branches",), OneByOne),
    ],
)
def test_the_fastest_way_that_is_right_is_taken(pieces, stack):
    """By hand where that is right, else by vmap, else one run at a time."""
    assert way_of(a_task(model_of(*pieces))).stack is stack


class Meeting(nn.Module):
    """Counts how often it meets an example of which the first feature is `value`."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.register_buffer("met", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.met += (x[:, 0] == self.value).sum()
        return x * (1 + self.met)


@pytest.mark.parametrize("seed", SEEDS_OF_THE_TRIAL)
def test_a_buffer_that_only_some_runs_write_trains_as_alone(seed):
    """What the runs of one of the trial's seeds write, the first or the last, is each run's own."""
    drawn = a_task(linear)
    met = {
        s: {x for batch, _ in drawn.batches(s, TRIED, torch.float64) for x in batch[:, 0].tolist()}
        for s in SEEDS_OF_THE_TRIAL
    }
    value = min(met.pop(seed).difference(*met.values()))
    task = a_task(lambda: nn.Sequential(Meeting(value), nn.Linear(WIDTH, CLASSES)))
    way = way_of(task, torch.float64)
    assert (way.stack, way.written) == (StackedModule, ("0.met",))
    assert largest_difference(task) < 1e-10


def test_what_is_trained_one_at_a_time_says_so():
    """A race warns that its model cannot be stacked, with the reason, and that it will be slow."""
    with pytest.warns(
        UserWarning, match="one at a time, as slowly as in a plain loop, because.*gru"
    ):
        lab.range_test(a_task(model_of("recurrence")), rates=2, steps=10, seeds=1)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_every_depth_by_hand(depth, activation):
    """From softmax regression, one layer, to four: all by hand, and all as alone."""

    def build():
        hidden = [part for _ in range(depth - 1) for part in (linear(), activation())]
        return nn.Sequential(*hidden, nn.Linear(WIDTH, CLASSES))

    task = a_task(build)

    assert way_of(task).stack is StackedMLP
    assert largest_difference(task) < 1e-10


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("loss", [F.mse_loss, nn.MSELoss()])
def test_squares_by_hand(outputs, loss):
    """A plain network at the mean squared error is trained by hand, too, and as alone."""
    x, y = torch.randn(60, WIDTH), torch.randn(60, outputs)
    task = a_task(
        lambda: nn.Sequential(linear(), nn.Tanh(), nn.Linear(WIDTH, outputs)),
        data=(x[:40], y[:40]), test=(x[40:], y[40:]), loss=loss,
    )  # fmt: skip

    assert way_of(task).stack is StackedMLP
    assert largest_difference(task) < 1e-10


def test_accuracy_is_scored_by_hand_too():
    """A score of one's own on a plain network is that of the plain loop, and costs no speed."""
    task = a_task(
        model_of("linear", "tanh"), better="higher", loss=nn.CrossEntropyLoss(),
        score=lambda outputs, y: (outputs.argmax(1) == y).double().mean(),
    )  # fmt: skip

    assert (
        way_of(a_task(model_of("linear", "relu"), loss=nn.CrossEntropyLoss())).stack is StackedMLP
    )
    assert largest_difference(task) < 1e-10


def test_dropout_is_off_when_scored():
    """A network with dropout is scored without it: twice the same, and as the model in eval mode."""
    task = a_task(model_of("dropout"))
    made = lab.race({"still": lambda t: 0.0}, task, steps=3, seeds=2, tune=False, progress=False)
    x, y = task.tested(torch.float32)

    assert made.scores["still"][1] == pytest.approx(task.score(task.build(1).eval()(x), y).item())
    assert made.scores["still"][1] == pytest.approx(task.start(1))


def test_dropout_does_not_depend_on_who_else_trains():
    """The same seed drops the same, in a race of one schedule as in one of three."""
    task = a_task(model_of("dropout", "attention with dropout"))
    options = {"steps": 20, "tune": False, "progress": False}
    few = lab.race({"a": COSINE}, task, seeds=[7], **options)
    many = lab.race(
        {"b": COSINE.with_peak(0.01), "a": COSINE, "c": COSINE}, task, seeds=9, **options
    )

    np.testing.assert_allclose(few.losses["a"][0], many.losses["a"][7], rtol=1e-5)
    np.testing.assert_array_equal(many.losses["a"], many.losses["c"])


def test_torchs_own_random_numbers_are_left_alone():
    """Racing a network with dropout neither reads nor moves torch's global random numbers."""
    task = a_task(model_of("dropout", "noise"))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = lab.race({"a": COSINE}, task, steps=12, seeds=2, tune=False, progress=False)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = lab.race({"a": COSINE}, task, steps=12, seeds=2, tune=False, progress=False)

    np.testing.assert_array_equal(first.losses["a"], second.losses["a"])


# What is refused


SHARED = nn.Sequential(nn.Linear(WIDTH, CLASSES))


class OtherWeightsEachTime(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.from_numpy(np.random.randn(WIDTH, CLASSES)).float())

    def forward(self, x):
        return x @ self.w


class SkippedNowAndThen(nn.Module):
    """A layer that Python's own dice leave out."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        return self.a(x) * (1 + random.random())


class GradientNowAndThen(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.calls = nn.Linear(WIDTH, CLASSES), nn.Linear(WIDTH, CLASSES), 0

    def forward(self, x):
        self.calls += 1
        return self.a(x) + (self.b(x) if self.calls % 2 else 0)


@pytest.mark.parametrize(
    "model, said",
    [
        (lambda: SHARED, "shares trained weights from one call of model.. to the next"),
        (OtherWeightsEachTime, "initial weights of OtherWeightsEachTime are others on each call.*random or NumPy"),
        (SkippedNowAndThen, "draws random numbers from random in a way.*use nn.Dropout"),
        (GradientNowAndThen, "b.bias, b.weight has a gradient in some updates and none in others"),
        (lambda: nn.Linear(WIDTH, CLASSES).requires_grad_(False), "Linear has no parameter to train"),
        (lambda: nn.Linear(WIDTH + 1, CLASSES), r"failed on a batch of its data, x \(8, 6\) float32.*as many features"),
    ],
)  # fmt: skip
def test_what_no_loop_could_be_compared_with_is_refused(model, said):
    """What cannot be trained rightly is refused before anything is trained, with the reason."""
    with pytest.raises(ValueError, match=said), warnings.catch_warnings():
        lab.race({"a": COSINE}, a_task(model), steps=12, seeds=2, tune=False, progress=False)


class KnowsTheOthers(nn.Module):
    """Remembers, outside of every model, which models there are; and asks for a number, as vmap cannot."""

    there: WeakSet = WeakSet()

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(WIDTH, CLASSES)
        self.there.add(self)

    def forward(self, x):
        return self.a(x) * (1 + 0.1 * len(self.there)) + 0 * x.sum().item()


def test_what_no_way_trains_rightly_is_refused_with_the_last_reason():
    """A model that is another beside others is not trained: the reason is that of the plainest way."""
    with pytest.raises(
        ValueError, match="cannot be trained many at once: training one run at a time"
    ):
        way_of(a_task(KnowsTheOthers))


def three():
    return nn.Linear(WIDTH, CLASSES)


def one():
    return nn.Sequential(nn.Linear(WIDTH, 1), nn.Flatten(0))


X, Y = torch.ones(40, WIDTH), torch.arange(40) % CLASSES


@pytest.mark.parametrize(
    "model, loss, data, fix",
    [
        (three, F.cross_entropy, (X.long(), Y), "Give inputs as floats: x.astype"),
        (three, F.cross_entropy, (X, Y[:, None]), r"one whole number an example: y\[:, 0\]"),
        (three, F.cross_entropy, (X, Y.float()), r"class numbers as whole numbers: y.astype\(int\)"),
        (three, F.mse_loss, (X, Y), r"the shape of the outputs, \(8, 3\), or class numbers to F.cross_"),
        (lambda: nn.Linear(WIDTH, 1), F.binary_cross_entropy_with_logits, (X, Y / 2), r"y\[:, None\]"),
        (one, F.binary_cross_entropy_with_logits, (X, Y > 0), "Give targets as floats: y.astype"),
        (one, F.binary_cross_entropy_with_logits, (X, Y), "Give targets as floats: y.astype"),
        (lambda: nn.Linear(WIDTH + 1, 3), F.cross_entropy, (X, Y), "as many features as an example has"),
    ],
)  # fmt: skip
def test_a_batch_that_does_not_fit_is_told_how(model, loss, data, fix):
    """What torch says of a batch that model or loss cannot take comes with what to do about it."""
    with pytest.raises(ValueError, match=f"failed on a batch of its data, x .*{fix}"):
        way_of(a_task(model, loss=loss, data=data))


class Computes(nn.Module):
    """Notes the types that it computes in; `only`: the one that it can."""

    def __init__(self, only=None, seen=None):
        super().__init__()
        self.a, self.only, self.seen = nn.Linear(WIDTH, CLASSES), only, seen

    def forward(self, x):
        if self.seen is not None:
            self.seen.append(x.dtype)
        if self.only and x.dtype != self.only:
            raise TypeError(f"only {self.only}")
        return self.a(x)


def test_the_trial_is_made_where_a_difference_shows():
    """Ways are compared in float64, whatever the race computes in; a model that cannot, in its own."""
    seen = []
    way_of(a_task(lambda: Computes(seen=seen)), torch.float32)
    assert seen.count(torch.float64) > seen.count(torch.float32)

    way = way_of(a_task(lambda: Computes(only=torch.float32)), torch.float32)
    assert way.stack is StackedModule


def test_a_model_of_float64_alone_is_trained():
    """A block of a race in float64 asks nothing of the model in float32."""
    task = a_task(lambda: Computes(only=torch.float64))

    assert runs_in_a_block(task, 100, torch.float64) == 50
    assert largest_difference(task) < 1e-10


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(
        f"Largest difference of any weight or score after {UPDATES} steps, float64, and the way\n"
    )
    for piece in PIECES:
        try:
            task = a_task(model_of(piece))
            stack, worst = way_of(task, torch.float64).stack.__name__, largest_difference(task)
            print(f"{piece:48}{worst:10.0e}  {stack}")
        except ValueError as refused:
            print(f"{piece:48}{'refused':>10}  {refused}")
