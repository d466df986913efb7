"""The data of the lessons: real handwritten digits, made noisy on purpose.

1,797 images of 8 x 8 pixels, which scikit-learn ships: nothing is downloaded. Each time an image
is used, its pixels get fresh noise, and one label in five is replaced by a random one. This noise
never goes away, however long you train, as in a data set too large to see twice. Only a small
rate can average it out: this is where a schedule earns its keep.

How to read the excess risk, in nats, with the share of images named right beside it (measured:
64-32-10, SGD with momentum 0.9, linear to zero, 32 seeds; 8 in the last line):

    a guess                       1.44      10.0 %
    after   200 updates           0.220     93.6 %
    after 1,000 updates           0.140     96.9 %
    after a million examples      0.084     98.8 %

So of the 0.14 after 1,000 updates some 0.09 no schedule can remove: it is what this network, trained
on noisy images and judged on clean ones, keeps. The noise of the labels is not counted: their
own uncertainty, 0.87, is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import lrcourse

if TYPE_CHECKING:  # loaded when a batch is drawn, as the images are: a lesson opens without them
    import torch

    from lrcourse.recorder import Trace
    from lrcourse.schedules import Schedule

PIXEL_NOISE = 0.3  # standard deviation; pixels lie between 0 and 1
FLIPPED = 0.2  # the share of labels replaced by a random one (which may be the right one)
TEST_IMAGES = 500
LABEL_NOISE = 0.868  # nats: what the random labels cost whoever knows all their chances


@cache
def _images() -> tuple[torch.Tensor, torch.Tensor]:
    """All images, shape (1797, 64), between 0 and 1, and their labels, in a fixed random order."""
    import torch
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.tensor(pixels / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]


def noisy_batch(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch drawn at random: images of shape (size, 64) and labels of shape (size,).

    Draws from torch's global generator, so `torch.manual_seed` fixes the whole run.
    """
    import torch

    images, labels = _images()
    rows = torch.randint(TEST_IMAGES, len(labels), (size,))
    noise = PIXEL_NOISE * torch.randn(size, 64)
    flipped = torch.rand(size) < FLIPPED
    return images[rows] + noise, torch.where(flipped, torch.randint(10, (size,)), labels[rows])


def excess_risk(model: torch.nn.Module) -> float:
    """How far the model's predictions are from the best possible ones, on 500 images kept apart.

    The best any model can do is to predict the true chances of each label: 0.82 for the right
    one, 0.02 for each other. This is the Kullback-Leibler divergence from those chances to the
    model's, in nats per image: 0 is perfect, and the noise of the labels is not counted.
    """
    import torch
    from torch.nn.functional import kl_div, log_softmax, one_hot

    images, labels = _images()
    images, labels = images[:TEST_IMAGES], labels[:TEST_IMAGES]
    chances = (1 - FLIPPED) * one_hot(labels, 10) + FLIPPED / 10
    with torch.no_grad():
        predicted = log_softmax(model(images), dim=1)
    return kl_div(predicted, chances, reduction="batchmean").item()


def network(seed: int) -> torch.nn.Module:
    """The network of the lessons, 64-32-10. `seed` fixes its weights, and the batches after it."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


class _UsedAndRisk(NamedTuple):
    used: Trace
    risk: float


class Run(_UsedAndRisk):
    """What a run of `train` leaves behind; `used, risk = run` takes it apart.

    used     the trace of the rates that the updates really used
    losses   the loss of every batch, before its update: noisy, and shape (updates,)
    risk     the excess risk at the end
    """

    losses: np.ndarray

    def __new__(cls, used: Trace, losses: np.ndarray, risk: float) -> Run:
        run = super().__new__(cls, used, risk)
        run.losses = losses
        return run


def train(schedule: Schedule, seed: int, updates: int = 300) -> Run:
    """The loop of lesson 1, word for word: train on noisy digits, and say what was used."""
    import torch

    model = network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = schedule.scheduler(optimizer)  # PyTorch's own
    losses = []
    with lrcourse.trace(optimizer) as used:
        for _ in range(updates):
            images, labels = noisy_batch()
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return Run(used, np.array(losses), excess_risk(model))


def train_by_loss(schedule, seed, epochs=20, updates=20):
    """The same loop with a look at the risk after every epoch, which the scheduler is shown.

    `schedule`: a `ReduceOnPlateau`. Returns the trace, and the risk after each of the `epochs` of so
    many `updates`.
    """
    import torch

    model = network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler, risks = schedule.scheduler(optimizer), []  # PyTorch's own
    with lrcourse.trace(optimizer) as used:
        for _ in range(epochs):
            for _ in range(updates):
                images, labels = noisy_batch()
                loss = torch.nn.functional.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            risks.append(excess_risk(model))
            scheduler.step(risks[-1])
    return used, risks


def draw(runs: Sequence[Run], plan: Schedule) -> Any:
    """The loss of several runs above, planned and used rates of the first beneath. The figure.

    A single batch says little: the loss is the mean over the runs and over ten updates, its band
    from the lowest run to the highest. No run gets far below 0.87, what the random labels cost.
    """
    from lrcourse import plots

    losses = np.array([run.losses for run in runs])
    tens = losses[:, : losses.shape[1] // 10 * 10].reshape(len(runs), -1, 10).mean(2)
    figure, (above, below) = plots.panels(2, 1, sharex=True, figsize=(7.0, 5.2))
    with plots.style():
        plots.draw_runs(above, 10 * np.arange(tens.shape[1]) + 5, tens)
        above.axhline(LABEL_NOISE, color="0.4", ls=":", lw=1.2)
        above.text(0, LABEL_NOISE, "what random labels cost, 0.87", va="bottom", fontsize="small")
        above.set(ylabel="loss of the batch", title=f"{len(runs)} runs, ten updates a point")
        runs[0].used.plot(plan, ax=below)
    mean = tens.mean(0)
    figure.say(
        f"Above, the mean loss of {len(runs)} runs: {mean[0]:.2f} in the first ten updates, "
        f"{mean[len(mean) // 2]:.2f} half-way, {mean[-1]:.2f} in the last; random labels cost 0.87 of "
        f"it. Beneath, the rate: {runs[0].used.against(plan)}"
    )
    return figure


def draw_pairs(race: Any, a: str, b: str, count: int = 2) -> Any:
    """Why runs are compared in pairs: the curves of the first seeds, and the difference of each pair.

    Left `a` and `b` of a race, seed by seed; right a - b. What a seed does to both cancels.
    """
    from lrcourse import plots

    figure, (left, right) = plots.panels(1, 2, figsize=(8.0, 3.2))
    with plots.style():
        for row, seed in enumerate(race.seeds[:count]):
            one, other = race.curves[a][row], race.curves[b][row]
            (line,) = left.plot(race.marks, one, "-", label=f"{a}, seed {seed}")
            look = {"color": line.get_color()}
            left.plot(race.marks, other, "--", label=f"{b}, seed {seed}", **look)
            right.plot(race.marks, one - other, "-", label=f"seed {seed}", **look)
        right.axhline(0, color="0.4", lw=1)
        left.set(xlabel="updates", ylabel=race.task.metric, title="two runs a seed", yscale="log")
        left.yaxis.set_major_formatter("{x:g}")
        left.yaxis.set_minor_formatter("{x:g}")
        right.set(xlabel="updates", title=f"{a} less {b}")
        left.legend(fontsize="x-small")
        right.legend(fontsize="x-small")
    ends = ", ".join(f"{g:.3f}" for g in (race.curves[a] - race.curves[b])[:count, -1])
    figure.say(
        f"Left, {race.task.metric} of {count} seeds, with {a} and with {b}: the pairs run together, "
        f"then part. Right, the difference of each pair over the run; at the end {ends}."
    )
    return figure
