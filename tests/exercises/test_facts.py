"""The numbers that questions quote, and the answers by hand, are what PyTorch really does."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import lrcourse
from lrcourse.tasks import TASKS


def sgd(lr=1.0, **options):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, **options)


def used(optimizer, scheduler, epochs, batches=1, per="epoch", loss=None):
    """The rate of every update of a loop that steps its scheduler per epoch or per batch."""
    with lrcourse.trace(optimizer) as trace:
        for epoch in range(epochs):
            for _ in range(batches):
                optimizer.step()
                if per == "batch":
                    scheduler.step()
            if per == "epoch":
                scheduler.step(*([] if loss is None else [loss[epoch]]))
    return trace.lr


def answer(task_id):
    return TASKS[task_id].reference()


def test_step_decay_by_hand():
    """StepLR(30, 0.1) from 0.1, at the updates 0, 29, 30, 60 and 89."""
    optimizer = sgd(0.1)
    rates = used(optimizer, lr_scheduler.StepLR(optimizer, 30, 0.1), 90)

    assert rates[[0, 29, 30, 60, 89]] == pytest.approx(answer("step_decay.4"))


def test_step_decay_traces():
    """A is a StepLR stepped every batch, B one stepped before training, C has late milestones."""
    optimizer = sgd()
    a = used(optimizer, lr_scheduler.StepLR(optimizer, 2, 0.1), 6, 2, "batch")
    assert a[:8] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])

    optimizer = sgd()
    scheduler = lr_scheduler.StepLR(optimizer, 2, 0.1)
    scheduler.step()
    b = used(optimizer, scheduler, 6, 2)
    assert b[::2] == pytest.approx([1, 0.1, 0.1, 0.01, 0.01, 0.001])
    assert (b[::2] == b[1::2]).all()

    optimizer = sgd()
    late = lr_scheduler.MultiStepLR(optimizer, [2 * 2 * 6, 4 * 2 * 6], 0.1)
    assert (used(optimizer, late, 6, 2, "batch") == 1).all()


def test_exponential_by_hand():
    """gamma=0.05 leaves a twentieth at each step; e^(-0.05 t) was meant."""
    optimizer = sgd()
    rates = used(optimizer, lr_scheduler.ExponentialLR(optimizer, 0.05), 3)
    meant = np.exp([-0.05, -0.1])

    assert answer("exponential_decay.7") == pytest.approx([*rates[1:], *meant], abs=5e-5)


def test_cosine_by_hand():
    """Down until T_max, and back up the way it came."""
    optimizer = sgd()
    rates = used(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 100), 201)

    assert rates[[0, 50, 100, 150, 200]] == pytest.approx(answer("cosine_annealing.6"), abs=1e-12)


def test_cosine_traces():
    """A swings ten times, B ends at 0.995, C is up again, D follows the loss."""

    def run(T_max, per, **options):
        optimizer = sgd()
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max)
        return used(optimizer, scheduler, 10, 20, per, **options)

    a = run(10, "batch")
    assert (a < 1e-12).sum() == 10
    assert run(200, "epoch")[-1] == pytest.approx(0.995, abs=5e-4)
    c = run(100, "batch")
    assert c[100] == pytest.approx(0, abs=1e-12)
    assert c[-1] == pytest.approx(0.9998, abs=5e-5)
    with pytest.warns(UserWarning):
        d = run(10, "epoch", loss=[0.46, 0.3, 0.09, 0.2, 0.35, 0.1, 0.4, 0.15, 0.46, 0.09])[20::20]
    assert (d.min(), d.max()) == (pytest.approx(0.9948, abs=5e-5), pytest.approx(0.9998, abs=5e-5))
    assert d[0] < d[1] < d[2] > d[3]


def test_traces_of_wrong_lengths():
    """A ends at 0.85, B is down at 100 and up at 200, C climbs from 200 on, D jumps at 150."""

    def run(T_max, updates, calls=1, optimizer=None, state=None):
        optimizer = optimizer or sgd()
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max)
        scheduler.load_state_dict(state or scheduler.state_dict())
        with lrcourse.trace(optimizer) as trace:
            for _ in range(updates):
                optimizer.step()
                for _ in range(calls):
                    scheduler.step()
        return trace.lr, optimizer, scheduler.state_dict()

    assert run(1600, 400)[0][-1] == pytest.approx(0.85, abs=5e-3)
    b = run(400, 400, calls=4)[0]
    assert b[[0, 100, 200, 300]] == pytest.approx([1, 0, 1, 0], abs=1e-9)
    _, optimizer, state = run(200, 200)
    c = run(400, 200, optimizer=optimizer, state=state)[0]
    assert (np.diff(c) > 0).all() and c[-1] == pytest.approx(1, abs=1e-3)
    wave = lrcourse.CosineAnnealing(lr=1.0, T_max=200), lrcourse.CosineAnnealing(lr=1.0, T_max=400)
    assert [round(w(150), 2) for w in wave] == [0.15, 0.69]


def test_cyclical_by_hand():
    """CyclicLR replaces rate and momentum, and 501 updates see a quarter of its climb."""
    optimizer = sgd(0.5, momentum=0)
    scheduler = lr_scheduler.CyclicLR(optimizer, base_lr=0.0, max_lr=0.1)
    with lrcourse.trace(optimizer) as trace:
        for _ in range(501):
            optimizer.step()
            scheduler.step()

    found = [trace.lr[0], trace.lr.max(), trace.momentum[0]]
    assert found == pytest.approx(answer("cyclical_lr.6"), abs=1e-12)


def test_one_cycle_traces():
    """A is stepped per epoch, B has its total in epochs, C and D are the optimizer's rate."""
    optimizer = sgd(0.02)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=500)
    a = used(optimizer, scheduler, 5, 100)[::100]
    assert a.round(4).tolist() == [0.0040, 0.0040, 0.0040, 0.0041, 0.0042]
    assert a[0] == pytest.approx(0.004)

    optimizer = sgd(0.02)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5)
    says = "Tried to step 6 times. The specified number of total steps is 5"
    with pytest.raises(ValueError, match=says):
        used(optimizer, scheduler, 5, 100, "batch")

    optimizer = sgd(0.02)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=500)
    d = used(optimizer, scheduler, 5, 100, "batch")
    assert d[-1] == pytest.approx(4e-7)
    replaced = sgd(0.5)
    with lrcourse.trace(replaced) as trace:
        replaced.step()
    assert trace.lr[0] == 0.5
