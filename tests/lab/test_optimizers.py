"""The optimizers of the lab against those of PyTorch, and one's own."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from test_any_model import COSINE, UPDATES, a_task, largest_difference, model_of
from test_equality import SEEDS, _weights, plain_loop, trained_together, weights_of
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lrcourse import Constant, OneCycle, lab
from lrcourse.lab.optimizers import orthogonal
from lrcourse.lab.train import Block, Record, train

TASK = a_task(model_of("linear", "tanh"))  # by hand
GENERAL = a_task(model_of("linear", "layer norm"))  # by vmap


class PlainLion(torch.optim.Optimizer):
    """Lion, line by line from algorithm 2 of arXiv 2302.06675, for one model."""

    def __init__(self, parameters, lr, betas=(0.9, 0.99), weight_decay=0.1):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                c = beta1 * m + (1 - beta1) * p.grad
                p -= group["lr"] * (c.sign() + group["weight_decay"] * p)
                self.state[p]["m"] = beta2 * m + (1 - beta2) * p.grad


class PlainMuon(torch.optim.Optimizer):
    """Muon in full precision for one model: matrices by torch's recipe, the others by AdamW."""

    def __init__(self, parameters, lr):
        parameters = list(parameters)
        super().__init__(parameters, {"lr": lr, "momentum": 0.95})
        others = [p for p in parameters if p.dim() != 2]
        self.others = torch.optim.AdamW(others, lr=lr, weight_decay=0.1)

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        self.others.param_groups[0]["lr"] = group["lr"]
        self.others.step()
        for p in group["params"]:
            if p.dim() != 2:
                continue
            v = self.state[p].setdefault("v", torch.zeros_like(p))
            v.lerp_(p.grad, 1 - group["momentum"])
            x = p.grad.lerp(v, group["momentum"])
            x = x.T if p.shape[0] > p.shape[1] else x
            x = x / x.norm()
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            x = x.T if p.shape[0] > p.shape[1] else x
            p.mul_(1 - group["lr"] * 0.1)
            p.sub_(group["lr"] * 0.2 * max(p.shape) ** 0.5 * x)


def written_out(settings, plain):
    """`settings`, but with the optimizer for one model written out apart."""

    @dataclass(frozen=True, kw_only=True)
    class WrittenOut(type(settings)):
        def torch(self, parameters, lr):
            return plain(parameters, lr)

    return WrittenOut(**vars(settings))


@pytest.mark.parametrize("task", [TASK, GENERAL], ids=["by hand", "vmap"])
@pytest.mark.parametrize(
    "optimizer",
    [
        written_out(lab.Lion(weight_decay=0.1), PlainLion),
        written_out(lab.Muon(), PlainMuon),
        lab.Lion(),
        lab.Muon(),
        lab.AdamW(),
    ],
    ids=["Lion", "Muon", "Lion's own", "Muon's own", "AdamW"],
)
def test_equal_to_one_model_alone(optimizer, task):
    """Lion and Muon end where loops written from their papers end, and where `.torch` ends."""
    assert largest_difference(task, optimizer) < 1e-10


def test_muon_is_torchs_up_to_its_bfloat16():
    """The update of a matrix is that of `torch.optim.Muon`, which rounds to three digits."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((6, 4), (4, 6)):
        p = nn.Parameter(torch.randn(shape, generator=generator))
        ours = p.detach().clone()[None]
        theirs = torch.optim.Muon([p], lr=0.1, adjust_lr_fn="match_rms_adamw")
        p.grad = torch.randn(shape, generator=generator)
        theirs.step()
        at_work = lab.Muon().attach([ours])
        at_work.lr, at_work.momentum = torch.tensor([0.1]).double(), torch.tensor([0.95]).double()
        at_work.step([p.grad[None]])

        torch.testing.assert_close(ours[0], p.detach(), rtol=0, atol=0.1 * 0.2 * 6**0.5 * 0.03)


def test_orthogonal_presses_all_singular_values_to_one():
    """After the iteration no direction of a matrix is much longer than another."""
    made = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(made))

    assert values.shape == (5, 4) and values.min() > 0.6 and values.max() < 1.3


def clipped_loop(task, optimizer, seed):
    """The plain loop with torch's own clipping and moving average: both models, in eval mode."""
    model = task.build(seed).double()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(optimizer.ema))
    opt = optimizer.torch(model.parameters(), lr=0.1)
    scheduler = COSINE.scheduler(opt)
    for x, y in task.batches(seed, UPDATES, torch.float64):
        opt.zero_grad()
        task.loss(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), optimizer.clip_norm)
        opt.step()
        average.update_parameters(model)
        scheduler.step()
    return model.eval(), average.eval()


@pytest.mark.parametrize("task", [TASK, GENERAL], ids=["by hand", "vmap"])
@pytest.mark.parametrize("kind", [lab.SGD, lab.AdamW])
def test_clipping_and_averaging_as_torch_does(kind, task):
    """Gradients are clipped run by run, and the average's score is that of torch's average."""
    optimizer = kind(clip_norm=0.2, ema=0.8, weight_decay=0.01)
    models, record = trained_together(task, optimizer, {"a": COSINE}, steps=UPDATES)
    alone, average = clipped_loop(task, optimizer, SEEDS[1])
    x, y = task.tested(torch.float64)

    torch.testing.assert_close(weights_of(models, 1), _weights(alone), rtol=0, atol=1e-12)
    assert record.averaged[1, 0, 0] == pytest.approx(task.score(average(x), y).item(), abs=1e-12)
    assert record.averaged[1, 0, 0] != pytest.approx(record.scores[1, 0, 0], abs=1e-6)


def test_clipping_is_felt_and_never_mixes_runs():
    """A run that diverges is clipped alone: its neighbours keep their bits."""
    lr = np.stack([np.full(20, rate) for rate in (0.05, 0.05)])
    wild = lr.copy()
    wild[1] = 1e30
    scores = []
    for table in (lr, wild):
        optimizer = lab.SGD(clip_norm=0.1)
        block = Block(TASK, optimizer, (0, 1), table, 0 * table + 0.9, (20,), torch.float64)
        record = Record.of(block)
        train(block, record)
        scores.append(record.scores[:, :, 0])
    unclipped, _ = plain_loop(TASK, Constant(lr=0.05), lab.SGD(), 0, 20)
    x, y = TASK.tested(torch.float64)

    np.testing.assert_array_equal(scores[0][:, 0], scores[1][:, 0])
    assert abs(scores[0][0, 0] - TASK.score(unclipped(x), y).item()) > 1e-4


@pytest.mark.parametrize("kind", [lab.SGD, lab.AdamW, lab.Lion, lab.Muon])
def test_weight_decay_of_its_own_for_every_copy(kind):
    """Copies may differ in weight decay: each ends where an optimizer with that decay ends."""
    decays = np.array([0.0, 0.05, 0.3])
    lr = np.stack([COSINE(np.arange(UPDATES))] * 3)
    momentum = np.full_like(lr, kind().momentum)
    block = Block(TASK, kind(), SEEDS, lr, momentum, (UPDATES,), torch.float64, weight_decay=decays)
    models = train(block, Record.of(block))
    for c, decay in enumerate(decays):
        alone, _ = plain_loop(TASK, COSINE, kind(weight_decay=decay), SEEDS[1], UPDATES)

        torch.testing.assert_close(weights_of(models, 3 + c), _weights(alone), rtol=0, atol=1e-12)


# One's own


class SignSGD(lab.Optimizer):
    """The example of the documentation."""

    momentum = 0.9

    def state(self, p):
        return {"v": torch.zeros_like(p)}

    def update(self, p, g, state, lr, momentum):
        state["v"].mul_(momentum).add_(g)
        p.sub_(lr * state["v"].sign())


class Mixing(lab.Optimizer):
    def update(self, p, g, state, lr, momentum):
        p.sub_(lr * g / g.norm())


class Failing(lab.Optimizer):
    def update(self, p, g, state, lr, momentum):
        p.sub_(lr * g.undefined)


class Nothing(lab.Optimizer):
    pass


@pytest.mark.parametrize("task", [TASK, GENERAL], ids=["by hand", "vmap"])
def test_an_optimizer_of_ones_own(task):
    """A short class trains every run as its twin for one model does, decay and momentum included."""
    assert largest_difference(task, SignSGD(weight_decay=0.1)) < 1e-10


def test_its_momentum_is_cycled_by_one_cycle():
    """One-cycle takes over the momentum of an optimizer of one's own, in both loops."""
    schedule = OneCycle(max_lr=0.05, total_steps=UPDATES)
    models, _ = trained_together(TASK, SignSGD(), {"a": schedule}, steps=UPDATES)
    alone, _ = plain_loop(TASK, schedule, SignSGD(), SEEDS[1], UPDATES)

    torch.testing.assert_close(weights_of(models, 1), _weights(alone), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "optimizer, said",
    [
        (Mixing(), "update of Mixing mixes runs.*over dimensions 1 and up"),
        (Failing(), "update of Failing failed on weights of shape"),
        (lab.SGD, r"got <class.*SGD'>: write SGD\(\), with brackets"),
        (torch.optim.AdamW([nn.Parameter(torch.ones(1))]), r"belongs to one model.*write lab.AdamW\(...\)"),
        ("adam", "optimizer must be one of 'sgd', 'adamw', 'lion', 'muon'"),
        (None.__class__, "optimizer must be one of"),
    ],
)  # fmt: skip
def test_optimizers_that_cannot_be_raced(optimizer, said):
    """What is no optimizer of the lab, or mixes runs, is refused with the fix."""
    with pytest.raises(ValueError, match=said):
        lab.race({"a": COSINE}, TASK, steps=UPDATES, seeds=2, tune=False, optimizer=optimizer)


@pytest.mark.parametrize(
    "make, said",
    [
        (Nothing, r"Nothing needs a method update\(self, p, g, state, lr, momentum\)"),
        (lambda: lab.SGD(clip_norm=0), "clip_norm must be a finite number above 0, got 0"),
        (lambda: lab.Lion(ema=1.0), "ema must be at least 0 and below 1, got 1.0"),
        (lambda: lab.Muon(weight_decay=-1), "weight_decay must be a finite number of at least 0"),
        (lambda: lab.AdamW(betas=0.9), r"betas must be two numbers, \(beta1, beta2\), got 0.9"),
        (lambda: lab.Quadratic().losses(np.ones((1, 3)), np.ones((1, 3)), lab.SGD(clip_norm=1.0)),
         "exact for SGD alone"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(make, said):
    """Bad settings are refused when they are given."""
    with pytest.raises(ValueError, match=said):
        make()
