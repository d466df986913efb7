"""The data of the lessons and their score, against what the docstrings promise."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from lrcourse import Constant, CosineAnnealing, ReduceOnPlateau, digits, lab

CHANCES = np.array([0.82] + 9 * [0.02])  # of each label, the right one first


class Says(nn.Module):
    """A model that predicts the same chances for every image."""

    def __init__(self, chances):
        super().__init__()
        self.logits = torch.tensor(chances, dtype=torch.float32).log()

    def forward(self, images):
        return self.logits.expand(len(images), 10)


def test_the_excess_risk_is_in_nats_an_image():
    """Who says "one in ten" for every image is off by the divergence that paper and pencil give."""
    by_hand = sum(p * math.log(p / 0.1) for p in CHANCES)

    assert digits.excess_risk(Says([0.1] * 10)) == pytest.approx(by_hand, rel=1e-5)


def test_the_excess_risk_is_of_the_images_kept_apart():
    """It is the mean over the first 500 images, whatever the model says of the others."""
    images, labels = digits._images()
    always = [0.91] + 9 * [0.01]
    zero = (labels[:500] == 0).float().mean().item()
    right = np.sum(CHANCES * np.log(CHANCES / always))
    wrong = np.sum(CHANCES * np.log(CHANCES / np.roll(always, 1)))

    found = digits.excess_risk(Says(always))

    assert found == pytest.approx(zero * right + (1 - zero) * wrong, rel=1e-5)


def test_the_images_are_scikit_learns_in_another_order():
    """All 1,797, each with its label, between 0 and 1, in an order that is always the same."""
    pixels, right = load_digits(return_X_y=True)
    images, labels = digits._images()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0)).numpy()

    np.testing.assert_array_equal(images.numpy() * 16, pixels[order])
    np.testing.assert_array_equal(labels.numpy(), right[order])
    assert (images.min(), images.max(), images.dtype) == (0, 1, torch.float32)


def test_a_batch_is_noisy_as_said(monkeypatch):
    """Pixels get noise of deviation 0.3, one label in five is drawn anew, none is a test image."""
    images, labels = digits._images()
    torch.manual_seed(0)
    noisy, given = digits.noisy_batch(4000)
    monkeypatch.setattr(digits, "PIXEL_NOISE", 0.0)
    torch.manual_seed(0)
    clean, same = digits.noisy_batch(4000)
    row = torch.cdist(clean, images[500:]).argmin(1) + 500

    assert noisy.shape == (4000, 64) and given.shape == (4000,)
    torch.testing.assert_close(clean, images[row])
    assert (row.min(), row.max()) == (500, 1796)
    assert (noisy - clean).mean().item() == pytest.approx(0, abs=0.01)
    assert (noisy - clean).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(given, same)
    assert (given != labels[row]).float().mean().item() == pytest.approx(0.18, abs=0.02)
    assert set(given.tolist()) == set(range(10))


def test_a_batch_has_32_images():
    """The size that the lessons train with."""
    assert len(digits.noisy_batch()[0]) == len(digits.noisy_batch()[1]) == 32


def test_train_is_the_loop_that_it_says():
    """300 updates of the network of lesson 1, from the seed, at the rates of the schedule."""
    plan = CosineAnnealing(lr=0.1, T_max=300)
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    for t in range(300):
        images, labels = digits.noisy_batch()
        loss = nn.functional.cross_entropy(model(images), labels)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight -= plan(t) * weight.grad

    run = digits.train(plan, seed=5)
    used, risk = run

    assert used.against(plan).equal and len(used) == len(run.losses) == 300
    assert run.losses[-1] == pytest.approx(loss.item(), rel=1e-3)
    assert risk == pytest.approx(digits.excess_risk(model), rel=1e-3)
    assert len(digits.train(plan, seed=5, updates=7)[0]) == 7


def test_train_by_loss_shows_the_scheduler_each_risk():
    """The rates that trained are those that `ReduceOnPlateau` makes of the risks, epoch by epoch."""
    plateau = ReduceOnPlateau(lr=0.1, factor=0.5, patience=1, threshold=0.5)
    used, risks = digits.train_by_loss(plateau, seed=3, epochs=8, updates=5)
    planned = plateau(risks)[:-1]

    assert len(used) == 40 and len(risks) == 8 and risks[-1] < risks[0]
    assert (used.lr == planned.repeat(5)).all() and len(set(planned)) > 1


def test_the_pictures_say_what_they_show():
    """Loss curves of the lesson's runs, and pairs of a race, as pictures with words."""
    plan = CosineAnnealing(lr=0.5, T_max=40)
    runs = [digits.train(plan, seed, updates=40) for seed in range(2)]
    shown = digits.draw(runs, plan)
    race = lab.race(
        {"a": plan, "b": Constant(lr=0.5)}, steps=40, seeds=3, tune=False, progress=False
    )
    pairs = digits.draw_pairs(race, "a", "b")

    assert f"mean loss of 2 runs: {np.mean([r.losses[:10] for r in runs]):.2f}" in shown.words
    assert "Planned and used are equal at all 40 updates" in shown.words
    assert [len(ax.lines) for ax in pairs.axes] == [4, 3]
    gap = race.curves["a"][0, -1] - race.curves["b"][0, -1]
    assert f"at the end {gap:.3f}" in pairs.words
