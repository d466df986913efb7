"""What people hand in: for every task, right answers written in unusual ways, and wrong ones.

Each wrong answer stands beside the name of the mistake that the feedback must find in it; "" where
the first step at which it parts is all that can be said. Written without a look at the tasks.
"""

import copy
import decimal
import fractions
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.optim import lr_scheduler


@dataclass(frozen=True)
class Answers:
    right: tuple[Any, ...]
    wrong: tuple[tuple[Any, str], ...]


# Training loops: one that a few switches spoil


def loop(
    scheduler: Callable | None,
    per: str = "epoch",
    first: bool = False,
    updates: bool = True,
    once: bool = True,
) -> Callable:
    """A training loop: `scheduler(optimizer, epochs, batches, *rest)` builds what it steps.

    per: step "epoch" or "batch", or "" for never; first: before the optimizer; updates: whether
    the optimizer steps at all; once: build the scheduler once, or in every epoch.
    """

    def train(model, optimizer, batches, epochs, *rest):
        built = scheduler(optimizer, epochs, len(batches), *rest) if scheduler else None
        for _ in range(epochs):
            if not once:
                built = scheduler(optimizer, epochs, len(batches), *rest)
            if first and per == "epoch":
                built.step()
            for x, y in batches:
                if first and per == "batch":
                    built.step()
                optimizer.zero_grad()
                nn.functional.mse_loss(model(x), y).backward()
                if updates:
                    optimizer.step()
                if built and not first and per == "batch":
                    built.step()
            if built and not first and per == "epoch":
                built.step()

    return train


def step_lr(optimizer, epochs, batches, step_size, gamma):
    return lr_scheduler.StepLR(optimizer, step_size, gamma)


def one_update_an_epoch(model, optimizer, batches, epochs, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    for _ in range(epochs):
        for x, y in batches:
            nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        scheduler.step()


def by_hand(model, optimizer, batches, epochs, step_size, gamma):
    start = optimizer.param_groups[0]["lr"]
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = start * gamma ** (epoch // step_size)
        for x, y in batches:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()


def lambda_lr(optimizer, epochs, batches, step_size, gamma):
    return lr_scheduler.LambdaLR(optimizer, lambda epoch: gamma ** (epoch // step_size))


def milestones_in_updates(optimizer, epochs, batches, step_size, gamma):
    at = [epoch * batches for epoch in range(step_size, epochs, step_size)]
    return lr_scheduler.MultiStepLR(optimizer, at, gamma)


def resuming(saved: str, per: str = "epoch", ahead: bool = False) -> Callable:
    """`saved`: which states the checkpoint holds, the model's, optimizer's, scheduler's: "mos"."""

    def train(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
        scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
        parts = {"m": model, "o": optimizer, "s": scheduler}
        if checkpoint is not None:
            for name in saved:
                parts[name].load_state_dict(checkpoint[name])
            if ahead:
                scheduler.step()
        loop(lambda *_: scheduler, per)(model, optimizer, batches, epochs, step_size, gamma)
        return {name: parts[name].state_dict() for name in saved}

    return train


def resuming_by_count(restored: str = "mo", zero_grad: bool = True) -> Callable:
    """No scheduler at all: the checkpoint is the number of epochs and the `restored` states."""

    def train(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
        parts = {"m": model, "o": optimizer}
        done, start = 0, optimizer.param_groups[0]["lr"]
        if checkpoint:
            done, start = checkpoint["epoch"], checkpoint["lr"]
            for name in restored:
                parts[name].load_state_dict(checkpoint[name])
        for epoch in range(done, done + epochs):
            for group in optimizer.param_groups:
                group["lr"] = start * gamma ** (epoch // step_size)
            for x, y in batches:
                if zero_grad:
                    optimizer.zero_grad()
                nn.functional.mse_loss(model(x), y).backward()
                optimizer.step()
        states = {name: parts[name].state_dict() for name in restored}
        return {"epoch": done + epochs, "lr": start, **states}

    return train


def keeping(train, **more):
    """A loop whose checkpoint holds `more`, too."""
    return lambda *arguments: {**train(*arguments), **more}


def remembering(train):
    """A loop that keeps its checkpoint in this process, and returns an empty one."""
    kept = {}

    def remembers(model, optimizer, batches, epochs, checkpoint, *rest):
        checkpoint = kept["it"] if checkpoint is not None else None
        kept["it"] = copy.deepcopy(train(model, optimizer, batches, epochs, checkpoint, *rest))
        return {}

    return remembers


def spoilt(loss=nn.functional.mse_loss, zero_grad="before", reverse=False, then=None):
    """A loop with the right rates that trains on something else, or not at all."""

    def train(model, optimizer, batches, epochs, step_size, gamma):
        scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
        for _ in range(epochs):
            for x, y in reversed(batches) if reverse else batches:
                if zero_grad == "before":
                    optimizer.zero_grad()
                loss(model(x), y).backward()
                if zero_grad == "after backward":
                    optimizer.zero_grad()
                optimizer.step()
            scheduler.step()
        if then:
            then(model)

    return train


def only_shows_the_rates(model, optimizer, batches, epochs, step_size, gamma):
    """The recorder sees every rate it should; nothing is trained."""
    start = optimizer.param_groups[0]["lr"]
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = start * gamma ** (epoch // step_size)
        for _ in batches:
            optimizer.step()


def other_momentum(model, optimizer, batches, epochs, step_size, gamma):
    optimizer.param_groups[0]["momentum"] = 0.5
    loop(step_lr)(model, optimizer, batches, epochs, step_size, gamma)


def warm(start=0.1, length=None, fall=None, order="sequence"):
    def build(optimizer, epochs, batches, warmup):
        total = epochs * batches
        climb = lr_scheduler.LinearLR(optimizer, start, total_iters=length or warmup)
        down = lr_scheduler.CosineAnnealingLR(optimizer, fall(total) if fall else total - warmup)
        if order == "chained":
            return lr_scheduler.ChainedScheduler([climb, down])
        return lr_scheduler.SequentialLR(optimizer, [climb, down], [warmup])

    return build


def warm_lambda(optimizer, epochs, batches, warmup):
    def factor(t):
        if t < warmup:
            return 0.1 + 0.9 * t / warmup
        return (1 + math.cos(math.pi * (t - warmup) / (epochs * batches - warmup))) / 2

    return lr_scheduler.LambdaLR(optimizer, factor)


def climb_only(optimizer, epochs, batches, warmup):
    return lr_scheduler.LinearLR(optimizer, 0.1, total_iters=warmup)


def cosine_only(optimizer, epochs, batches, warmup):
    return lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)


def one_cycle_lr(total=lambda epochs, batches: epochs * batches, **options):
    def build(optimizer, epochs, batches, max_lr):
        return lr_scheduler.OneCycleLR(
            optimizer, max_lr, total_steps=total(epochs, batches), **options
        )

    return build


def one_cycle_by_epochs(optimizer, epochs, batches, max_lr):
    return lr_scheduler.OneCycleLR(optimizer, max_lr, epochs=epochs, steps_per_epoch=batches)


def wsd(start=None, stay=1.0, at=None, fall=None, order="sequence"):
    """Warm-up, stable stretch and fall in a row; what is given replaces one of their settings."""

    def build(optimizer, epochs, batches, warmup, down):
        total = epochs * batches
        climb = lr_scheduler.LinearLR(optimizer, start or 1 / warmup, total_iters=warmup)
        flat = lr_scheduler.ConstantLR(optimizer, stay)
        drop = lr_scheduler.PolynomialLR(optimizer, total_iters=fall(total) if fall else down)
        second = at(warmup, total, down) if at else total - down
        if order == "no fall":
            return climb
        return lr_scheduler.SequentialLR(optimizer, [climb, flat, drop], [warmup, second])

    return build


def wsd_lambda(optimizer, epochs, batches, warmup, down):
    total = epochs * batches

    def factor(t):
        climb = (1 + (warmup - 1) * min(t, warmup) / warmup) / warmup
        return climb * min(1, (total - t) / down)

    return lr_scheduler.LambdaLR(optimizer, factor)


def wsd_linear(optimizer, epochs, batches, warmup, down):
    """The fall by a LinearLR, and no scheduler for the stable stretch."""
    climb = lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup)
    drop = lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=down)
    return lr_scheduler.SequentialLR(optimizer, [climb, drop], [epochs * batches - down])


# Formulas that need more than a line


def steps_by_subtraction(t, lr, step_size, gamma):
    while t >= step_size:
        t, lr = t - step_size, lr * gamma
    return lr


def loop_over(formula):
    return lambda t, *rest: [formula(int(one), *rest) for one in t]


def step(t, lr, s, g):
    return lr * g ** (t // s)


def warm_cosine(t, lr, w, total, start, shift=True, length=True, first=None):
    if t < w:
        return lr * (start + (1 - start) * t / w) if first is None else first(t, lr, w, start)
    return lr / 2 * (1 + math.cos(math.pi * (t - w * shift) / (total - w * length)))


def triangle(t, lo, hi, up):
    return lo + (hi - lo) * max(0, 1 - abs(t / up - 2 * math.floor(1 + t / (2 * up)) + 1))


def folded(t, up):
    return np.arccos(np.cos(np.pi * t / up)) / np.pi


def swing(a, b, share):
    return a + (b - a) * (1 - math.cos(math.pi * share)) / 2


def one_cycle(t, hi, n, pct, late=0, end=25e4, low=25, last=1, move=swing):
    peak = pct * n - 1 + late
    if t <= peak:
        return move(hi / low if low else 0.0, hi, t / peak)
    return move(hi, hi / end if end else 0.0, (t - peak) / (n - last - peak))


def mirrored(t, n, pct, lo, hi, late=0, move=swing, end=None):
    peak = pct * n - 1 + late
    if t <= peak:
        return move(hi, lo, t / peak)
    return move(lo, hi if end is None else end, (t - peak) / (n - 1 - peak))


def straight(a, b, share):
    return a + (b - a) * share


def restarts(T_0, T_mult, total):
    i, at, found = 0, 0, []
    while True:
        at += T_0 * T_mult**i
        i += 1
        if at >= total:
            return found
        found.append(at)


def interval(a, b):
    gaps = np.subtract(a, b)
    return stats.t.interval(0.95, len(gaps) - 1, gaps.mean(), stats.sem(gaps))


def half_width(quantile, spread):
    def answer(a, b):
        gaps = np.subtract(a, b)
        half = quantile(len(gaps)) * spread(gaps)
        return [gaps.mean() - half, gaps.mean() + half]

    return answer


def t975(n):
    return stats.t.ppf(0.975, n - 1)


def unpaired(a, b):
    half = t975(len(a)) * math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / len(a))
    gap = np.mean(a) - np.mean(b)
    return [gap - half, gap + half]


def lowest(score):
    def answer(peaks, risks):
        rows = [(score(r), p) for p, r in zip(peaks, risks) if None not in r]
        return min(rows)[1]

    return answer


def penalised(risk):
    """The peak with the lowest mean, where a run that diverged has this risk."""

    def answer(peaks, risks):
        rows = [[risk if value is None else value for value in row] for row in risks]
        return min(zip(map(np.mean, rows), peaks))[1]

    return answer


def bad_vector(t, *rest):
    return rest[0] if t < 30 else 0.0


ANSWERS: dict[str, Answers] = {
    "step_decay.1": Answers(
        right=(
            steps_by_subtraction,
            lambda t, lr, s, g: torch.tensor(lr) * torch.tensor(g) ** (t // s),
            lambda t, lr, s, g: decimal.Decimal(lr) * decimal.Decimal(g) ** (t // s),
            lambda t, lr, s, g: np.float64(lr) * math.exp(math.log(g) * math.floor(t / s)),
            lambda t, lr, s, g: fractions.Fraction(lr) * fractions.Fraction(g) ** (t // s),
        ),
        wrong=(
            (lambda t, lr, s, g: lr * g ** ((t - 1) // s), "counted from 1"),
            (lambda t, lr, s, g: lr * g ** (max(t - 1, 0) // s), "drop one late"),
            (lambda t, lr, s, g: lr * g ** ((t + 1) // s), "drop one early"),
            (lambda t, lr, s, g: lr * g ** (t / s), "not rounded down"),
            (lambda t, lr, s, g: lr * g ** round(t / s), "rounded to the nearest"),
            (lambda t, lr, s, g: lr * g**t, "a drop at every step"),
            (lambda t, lr, s, g: lr * g ** (t % s), "rest for quotient"),
            (lambda t, lr, s, g: lr if t < s else lr * g, "a single drop"),
            (lambda t, lr, s, g: g ** (t // s), "without lr"),
            (lambda t, lr, s, g: lr, ""),
        ),
    ),
    "step_decay.2": Answers(
        right=(
            loop_over(step),
            lambda t, lr, s, g: torch.tensor(lr * g ** (t // s)),
            lambda t, lr, s, g: np.where(t < s, lr, lr * g ** np.floor(t / s)),
        ),
        wrong=(
            (bad_vector, ""),
            (lambda t, lr, s, g: lr * g ** math.floor(t / s), ""),
            (lambda t, lr, s, g: lr * g ** (t / s), "not rounded down"),
            (lambda t, lr, s, g: lr * g ** (np.sort(t) // s), "sorted"),
            (lambda t, lr, s, g: lr * g ** (np.arange(len(t)) // s), "place for step"),
            (lambda t, lr, s, g: lr * g ** (t.max() // s), "one number for all"),
            (lambda t, lr, s, g: (lr * g ** (t // s))[:, None], ""),
            (lambda t, lr, s, g: lr * g ** np.rint(t / s), "rounded to the nearest"),
        ),
    ),
    "step_decay.3": Answers(
        right=(
            lambda t, lr, at, g: lr * g ** np.searchsorted(at, t, side="right"),
            lambda t, lr, at, g: lr * math.prod([g for m in at if m <= t]),
        ),
        wrong=(
            (lambda t, lr, at, g: lr * g ** len([m for m in at if t > m]), "drop one late"),
            (lambda t, lr, at, g: lr * g ** len([m for m in at if t >= m - 1]), "drop one early"),
            (lambda t, lr, at, g: lr * g if t >= at[0] else lr, "a single drop"),
            (lambda t, lr, at, g: lr * g if t in at else lr, "back up again"),
            (lambda t, lr, at, g: lr * g ** (t // at[0]), "milestones as a step size"),
            (lambda t, lr, at, g: lr * g ** len(at), "all drops from the start"),
            (lambda t, lr, at, g: lr * g ** (t // at), ""),
        ),
    ),
    "step_decay.4": Answers(
        right=((0.1, 0.1, 0.01, 0.001, 0.001), np.array([1e-1, 1e-1, 1e-2, 1e-3, 1e-3])),
        wrong=(
            ([0.1, 0.1, 0.1, 0.01, 0.001], "drop one late"),
            ([0.1, 0.01, 0.01, 0.001, 0.001], "drop one early"),
            ([0.1, 0.1, 0.01, 0.01, 0.01], "a single drop"),
            ([1, 1, 0.1, 0.01, 0.01], "factors, not rates"),
            ([0.1, 0.1, 0.01, 0.001, 0.0001], "one drop too many"),
            ([0.1, 0.01, 0.001], ""),
        ),
    ),
    "step_decay.5": Answers(
        right=(
            ("Stepped every batch", "stepped before training", "Milestone after the end."),
            np.array(["stepped every batch", "stepped before training", "milestone after the end"]),
        ),
        wrong=(
            (
                [
                    "scheduler before optimizer",
                    "stepped before training",
                    "milestone after the end",
                ],
                "A: order",
            ),
            (
                ["stepped every batch", "scheduler before optimizer", "milestone after the end"],
                "B: order",
            ),
            (
                ["stepped every batch", "stepped every batch", "milestone after the end"],
                "B: every batch",
            ),
            (
                ["stepped every batch", "stepped before training", "never stepped"],
                "C: never stepped",
            ),
            (
                ["stepped before training", "never stepped", "never stepped"],
                "A: stepped before training",
            ),
            ("stepped every batch", ""),
        ),
    ),
    "step_decay.6": Answers(
        right=(loop(step_lr), by_hand, loop(lambda_lr), loop(milestones_in_updates, "batch")),
        wrong=(
            (loop(step_lr, "batch"), "stepped every batch"),
            (loop(step_lr, "epoch", first=True), "scheduler before optimizer"),
            (loop(step_lr, "batch", first=True), "stepped every batch, before the optimizer"),
            (loop(step_lr, ""), "never falls"),
            (loop(step_lr, "epoch", once=False), "never falls"),
            (loop(step_lr, updates=False), "no update"),
            (one_update_an_epoch, "one update an epoch"),
            (only_shows_the_rates, "never trained"),
            (spoilt(zero_grad="after backward"), "never trained"),
            (spoilt(zero_grad=""), "gradients kept"),
            (spoilt(nn.functional.l1_loss), "weights do not follow"),
            (spoilt(reverse=True), "weights do not follow"),
            (spoilt(then=lambda model: model.weight.data.zero_()), "weights do not follow"),
            (spoilt(then=lambda model: model.weight.data.fill_(math.nan)), "weights do not follow"),
            (other_momentum, "momentum"),
        ),
    ),
    "step_decay.7": Answers(
        right=(
            resuming("mos"),
            resuming_by_count(),
            keeping(resuming("mos"), loss=np.mean([0.5, 0.25]), losses=np.arange(3.0), done=True),
        ),
        wrong=(
            (remembering(resuming("mos")), ""),
            (keeping(resuming("mos"), when=datetime(2020, 1, 1)), ""),
            (resuming("m"), "starts over"),
            (resuming("ms"), "only the scheduler's state"),
            (resuming("mo"), "only the optimizer's state"),
            (resuming("mos", per="batch"), "stepped every batch"),
            (resuming("mos", per=""), "never stepped"),
            (resuming("mos", ahead=True), "one epoch too far"),
            (lambda *arguments: None, "no update"),
            (resuming("os"), "model not restored"),
            (resuming_by_count("m"), "momentum not restored"),
            (resuming_by_count(""), "model not restored, momentum not restored"),
            (resuming_by_count(zero_grad=False), "gradients kept"),
            (
                resuming_by_count("o", zero_grad=False),
                "gradients kept, model not restored",
            ),
        ),
    ),
    "exponential_decay.1": Answers(
        right=(
            lambda t, lr, k: lr * math.e ** (-k * t),
            lambda t, lr, k: lr / np.exp(k) ** t,
            lambda t, lr, k: torch.exp(torch.tensor(-k * t)) * lr,
        ),
        wrong=(
            (lambda t, lr, k: lr * math.exp(k * t), "plus for minus"),
            (lambda t, lr, k: lr * k**t, "k for gamma"),
            (lambda t, lr, k: lr * (1 - k) ** t, "1 - k for e^-k"),
            (lambda t, lr, k: lr * math.exp(-k * (t + 1)), "one step ahead"),
            (lambda t, lr, k: lr - lr * k * t, "a straight line"),
            (lambda t, lr, k: math.exp(-lr * k * t), "lr in the exponent"),
            (lambda t, lr, k: lr / (1 + k * t), "one over"),
            (lambda t, lr, k: lr * math.exp(k) * -t, ""),
        ),
    ),
    "exponential_decay.2": Answers(
        right=(
            loop_over(lambda t, lr, k: lr * math.exp(-k * t)),
            lambda t, lr, k: torch.exp(-k * torch.from_numpy(t)) * lr,
        ),
        wrong=(
            (lambda t, lr, k: lr * np.exp(k * t), "plus for minus"),
            (lambda t, lr, k: lr * math.exp(-k * t), ""),
            (lambda t, lr, k: lr * np.exp(-k * np.arange(len(t))), "place for step"),
            (lambda t, lr, k: np.sort(lr * np.exp(-k * t))[::-1], "sorted"),
            (lambda t, lr, k: (lr * np.exp(-k * t)).min(), "one number for all"),
            (lambda t, lr, k: lr * (1 - k) ** t, "1 - k for e^-k"),
            (lambda t, lr, k: lr * np.exp(-k * t)[:-1], ""),
        ),
    ),
    "exponential_decay.3": Answers(
        right=(lambda k: 1 / math.e**k, lambda k: np.exp(-np.array(k))),
        wrong=(
            (lambda k: k, "k for gamma"),
            (lambda k: 1 - k, "1 - k for e^-k"),
            (math.exp, "plus for minus"),
            (lambda k: -np.log(k), "the logarithm"),
            (lambda k: 10**-k, "powers of ten"),
            (lambda k: 1 / (1 + k), "one over"),
        ),
    ),
    "exponential_decay.4": Answers(
        right=(lambda gamma: math.log(1 / gamma), lambda g: -torch.log(torch.tensor(g))),
        wrong=(
            (math.log, "plus for minus"),
            (lambda g: 1 - g, "1 - gamma"),
            (lambda g: -math.log10(g), "base ten"),
            (lambda g: -np.log2(g), "base two"),
            (lambda g: math.exp(-g), "not inverted"),
            (lambda g: 1 / g, "one over"),
        ),
    ),
    "exponential_decay.5": Answers(
        right=(
            lambda share, g: next(t for t in range(10**6) if g**t <= share),
            lambda share, g: np.ceil(np.log(share) / np.log(g)),
        ),
        wrong=(
            (lambda share, g: int(math.log(share) / math.log(g)), "rounded down"),
            (lambda share, g: round(math.log(share, g)), "rounded to the nearest"),
            (lambda share, g: math.log(share, g), "not rounded"),
            (lambda share, g: math.ceil(math.log(share, g)) + 1, "one late"),
            (lambda share, g: math.ceil(math.log(g, share)), "upside down"),
            (lambda share, g: math.ceil((1 - share) / (1 - g)), "a straight line"),
        ),
    ),
    "exponential_decay.6": Answers(
        right=(
            lambda share, e, b: math.exp(math.log(share) / e / b),
            lambda share, e, b: (share ** (1 / e)) ** (1 / b),
        ),
        wrong=(
            (lambda share, e, b: share ** (1 / e), "per epoch"),
            (lambda share, e, b: share ** (1 / b), "per batch of one epoch"),
            (lambda share, e, b: share / e / b, "divided"),
            (lambda share, e, b: -math.log(share) / e / b, "k for gamma"),
            (lambda share, e, b: 1 - (1 - share) / e / b, "equal amounts"),
            (lambda share, e, b: share ** (1 / (e + b)), "epochs plus batches"),
            (lambda share, e, b: share ** (e * b), ""),
        ),
    ),
    "exponential_decay.7": Answers(
        right=((0.05, 0.05**2, math.exp(-0.05), math.exp(-0.1)), [0.05, 0.0025, 0.951, 0.905]),
        wrong=(
            ([0.9512, 0.9048, 0.05, 0.0025], "meant before used"),
            ([1, 0.05, 0.9512, 0.9048], "from update 0"),
            ([0.05, 0.0025, 1, 0.9512], "from update 0, both"),
            ([0.95, 0.9025, 0.9512, 0.9048], "5 % off"),
            ([0.05, 0.0025, 0.95, 0.9025], "1 - k for e^-k"),
            ([0.05, 0.0025], ""),
        ),
    ),
    "cosine_annealing.1": Answers(
        right=(
            lambda t, lr, T, low: low + (lr - low) * math.cos(math.pi * t / T / 2) ** 2,
            lambda t, lr, T, low: lr - (lr - low) * np.sin(np.pi * t / (2 * T)) ** 2,
            lambda t, lr, T, low: (
                low + (lr - low) * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * t / T)))
            ),
        ),
        wrong=(
            (
                lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(2 * math.pi * t / T)),
                "a whole wave",
            ),
            (
                lambda t, lr, T, low: low + lr / 2 * (1 + math.cos(math.pi * t / T)),
                "eta_min added on top",
            ),
            (lambda t, lr, T, low: lr / 2 * (1 + math.cos(math.pi * t / T)), "eta_min left out"),
            (
                lambda t, lr, T, low: (
                    low + (lr - low) / 2 * (1 + math.cos(math.pi * min(t / T, 1)))
                ),
                "held at the end",
            ),
            (
                lambda t, lr, T, low: low + (lr - low) / 2 * math.cos(math.pi * t / T),
                "without the 1",
            ),
            (
                lambda t, lr, T, low: low + (lr - low) * (1 + math.cos(math.pi * t / T)),
                "not halved",
            ),
            (
                lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.sin(math.pi * t / T)),
                "sine",
            ),
            (lambda t, lr, T, low: lr + (low - lr) * t / T, "a straight line"),
            (lambda t, lr, T, low: low + (lr - low) / 2 * (1 + math.cos(180 * t / T)), ""),
        ),
    ),
    "cosine_annealing.2": Answers(
        right=(
            lambda images, size, epochs: -(-images // size) * epochs,
            lambda images, size, epochs: len(range(0, images, size)) * epochs,
        ),
        wrong=(
            (lambda i, b, e: i // b * e, "last batch dropped"),
            (lambda i, b, e: math.ceil(i * e / b), "rounded at the end"),
            (lambda i, b, e: e, "in epochs"),
            (lambda i, b, e: math.ceil(i / b), "one epoch only"),
            (lambda i, b, e: i / b * e, "not whole"),
            (lambda i, b, e: i * e, "images, not batches"),
            (lambda i, b, e: (i // b + 1) * e, "one too many an epoch"),
        ),
    ),
    "cosine_annealing.3": Answers(
        right=(
            warm_cosine,
            lambda t, lr, w, n, s: (
                np.interp(t, [0, w], [s * lr, lr])
                if t <= w
                else lr * math.sin(math.pi / 2 * (n - t) / (n - w)) ** 2
            ),
        ),
        wrong=(
            (
                lambda t, lr, w, n, s: warm_cosine(t, lr, w, n, s, shift=False, length=False),
                "cosine not shifted",
            ),
            (lambda t, lr, w, n, s: warm_cosine(t, lr, w, n, s, length=False), "cosine too long"),
            (
                lambda t, lr, w, n, s: (
                    lr * min(1, s + (1 - s) * t / w) * (1 + math.cos(math.pi * t / n)) / 2
                ),
                "multiplied",
            ),
            (
                lambda t, lr, w, n, s: warm_cosine(
                    t, lr, w, n, s, first=lambda t, lr, w, s: lr * t / w
                ),
                "starts from 0",
            ),
            (
                lambda t, lr, w, n, s: warm_cosine(
                    t, lr, w, n, s, first=lambda t, lr, w, s: lr * (s + (1 - s) * (t + 1) / w)
                ),
                "climb one ahead",
            ),
            (lambda t, lr, w, n, s: lr * min(1, s + (1 - s) * t / w), "never falls"),
            (lambda t, lr, w, n, s: lr * (1 + math.cos(math.pi * t / n)) / 2, "no warm-up"),
        ),
    ),
    "cosine_annealing.4": Answers(
        right=(
            (
                "T_max in epochs, stepped per batch",
                "T_max in batches, stepped per epoch",
                "T_max is half the run",
                "the loss was given to step()",
            ),
            [
                "t_max in epochs, stepped per batch",
                "t_max in batches, stepped per epoch",
                "t_max is half the run.",
                "The loss was given to step()",
            ],
        ),
        wrong=(
            (
                [
                    "T_max in batches, stepped per epoch",
                    "T_max in epochs, stepped per batch",
                    "T_max is half the run",
                    "the loss was given to step()",
                ],
                "A and B exchanged",
            ),
            (
                [
                    "T_max is half the run",
                    "T_max in batches, stepped per epoch",
                    "T_max is half the run",
                    "the loss was given to step()",
                ],
                "A: half the run",
            ),
            (
                [
                    "T_max in epochs, stepped per batch",
                    "warm-up too long",
                    "T_max is half the run",
                    "the loss was given to step()",
                ],
                "B: warm-up",
            ),
            (
                [
                    "T_max in epochs, stepped per batch",
                    "T_max in batches, stepped per epoch",
                    "T_max in epochs, stepped per batch",
                    "the loss was given to step()",
                ],
                "C: per batch",
            ),
            (
                [
                    "T_max in epochs, stepped per batch",
                    "T_max in batches, stepped per epoch",
                    "T_max is half the run",
                    "T_max in batches, stepped per epoch",
                ],
                "D: per epoch",
            ),
            ([1, 2, 3, 4], ""),
        ),
    ),
    "cosine_annealing.5": Answers(
        right=(loop(warm(), "batch"), loop(warm_lambda, "batch")),
        wrong=(
            (loop(warm(fall=lambda total: total), "batch"), "cosine too long"),
            (loop(warm(), "epoch"), "stepped per epoch"),
            (loop(cosine_only, "batch"), "no warm-up"),
            (loop(warm(start=1 / 3), "batch"), "LinearLR's default start"),
            (loop(climb_only, "batch"), "never falls"),
            (loop(warm(), "batch", first=True), "scheduler before optimizer"),
            (loop(warm(), ""), "never stepped"),
            (loop(None), "no scheduler"),
            (loop(warm(), "batch", updates=False), "no update"),
        ),
    ),
    "cosine_annealing.6": Answers(
        right=((1, 0.5, 0, 0.5, 1), torch.tensor([1.0, 0.5, 0.0, 0.5, 1.0])),
        wrong=(
            ([1, 0.5, 0, 0, 0], "held at the end"),
            ([1, 0.5, 1, 0.5, 1], "starts again"),
            ([1, 0, 1, 0, 1], "a whole wave"),
            ([1, 0, -1, 0, 1], "negative"),
            ([1, 0.5, 0, -0.5, -1], "a straight line through zero"),
            ([1, 0.75, 0, 0.75, 1], ""),
        ),
    ),
    "cyclical_lr.1": Answers(
        right=(
            triangle,
            lambda t, lo, hi, up: np.interp(t % (2 * up), [0, up, 2 * up], [lo, hi, lo]),
        ),
        wrong=(
            (lambda t, lo, hi, up: lo + (hi - lo) * (t % up) / up, "saw tooth"),
            (lambda t, lo, hi, up: hi - (hi - lo) * folded(t, up), "starts at the top"),
            (lambda t, lo, hi, up: triangle(2 * t, lo, hi, up), "a cycle in step_size_up"),
            (lambda t, lo, hi, up: lo + hi * folded(t, up), "base_lr added on top"),
            (lambda t, lo, hi, up: hi * folded(t, up), "from 0"),
            (
                lambda t, lo, hi, up: lo + (hi - lo) * math.sin(math.pi * t / up / 2) ** 2,
                "a wave",
            ),
            (lambda t, lo, hi, up: lo + t / up * (hi - lo), "never turns"),
        ),
    ),
    "cyclical_lr.2": Answers(
        right=(
            lambda i, b, e, c: int(-(-i // b) * e / c / 2),
            lambda i, b, e, c: np.floor(np.ceil(i / b) * e / (2 * c)),
        ),
        wrong=(
            (lambda i, b, e, c: math.ceil(i / b) * e // c, "a cycle for half a cycle"),
            (lambda i, b, e, c: i // b * e // c // 2, "last batch dropped"),
            (lambda i, b, e, c: math.ceil(math.ceil(i / b) * e / c / 2), "rounded up"),
            (lambda i, b, e, c: math.ceil(i / b) * e / c / 2, "not whole"),
            (lambda i, b, e, c: math.ceil(i / b) // c // 2, "one epoch only"),
            (lambda i, b, e, c: 2000, "the default"),
            (lambda i, b, e, c: 2 * math.ceil(i / b), ""),
        ),
    ),
    "cyclical_lr.3": Answers(
        right=(
            lambda t, lo, hi, up: lo + (triangle(t, lo, hi, up) - lo) / 2 ** (t // (2 * up)),
            lambda t, lo, hi, up: lo + (hi - lo) * folded(t, up) * 0.5 ** np.floor(t / up / 2),
        ),
        wrong=(
            (triangle, "all as high"),
            (
                lambda t, lo, hi, up: lo + (hi - lo) * folded(t, up) / 2 ** (t // up),
                "halved at the peak",
            ),
            (
                lambda t, lo, hi, up: lo + (hi - lo) * folded(t, up) / 2 ** (t // (2 * up) + 1),
                "halved from the start",
            ),
            (
                lambda t, lo, hi, up: triangle(t, lo, hi, up) / 2 ** (t // (2 * up)),
                "the lows halved too",
            ),
            (
                lambda t, lo, hi, up: lo + (hi - lo) * folded(t, up) / (1 + t // (2 * up)),
                "divided by the number",
            ),
            (lambda t, lo, hi, up: lo + (hi - lo) * folded(t, up) / 2 ** (t / up / 2), "smoothly"),
        ),
    ),
    "cyclical_lr.4": Answers(
        right=(
            lambda t, up, lo, hi: hi + lo - triangle(t, lo, hi, up),
            lambda t, up, lo, hi: np.interp(t % (2 * up), [0, up, 2 * up], [hi, lo, hi]),
        ),
        wrong=(
            (lambda t, up, lo, hi: triangle(t, lo, hi, up), "with the rate"),
            (lambda t, up, lo, hi: hi - (hi - lo) * (t % up) / up, "saw tooth"),
            (lambda t, up, lo, hi: max(lo, hi - (hi - lo) * t / up), "never comes back"),
            (lambda t, up, lo, hi: hi, "constant"),
            (lambda t, up, lo, hi: hi - (hi - lo) * folded(2 * t, up), "a cycle in step_size_up"),
            (lambda t, up, lo, hi: lo, ""),
        ),
    ),
    "cyclical_lr.5": Answers(
        right=(restarts, lambda T, m, n: np.array(restarts(T, m, n), int)),
        wrong=(
            (lambda T, m, n: list(range(T, n, T)), "multiples of T_0"),
            (lambda T, m, n: [0] + restarts(T, m, n), "with 0"),
            (lambda T, m, n: restarts(T, m, n + 1), "with the end"),
            (
                lambda T, m, n: [t for t in restarts(T, m, n) if t < n - 1],
                "without the last update",
            ),
            (lambda T, m, n: [t - 1 for t in restarts(T, m, n)], "the last update of each"),
            (lambda T, m, n: [t + 1 for t in restarts(T, m, n)], "one late"),
            (lambda T, m, n: len(restarts(T, m, n)), ""),
        ),
    ),
    "cyclical_lr.6": Answers(
        right=((0, 0.025, 0.9), np.array([0.0, 0.1 * 500 / 2000, 0.9])),
        wrong=(
            ([0.5, 0.025, 0.9], "the optimizer's rate"),
            ([0, 0.1, 0.9], "the peak is never met"),
            ([0, 0.05, 0.9], "one way for a cycle"),
            ([0, 0.025, 0], "the momentum that was asked for"),
            ([0, 0.025, 0.8], "momentum at the peak"),
            ([0, 0.025], ""),
        ),
    ),
    "one_cycle.1": Answers(
        right=(
            lambda hi, div, final: (hi / div, hi, hi / (div * final)),
            lambda hi, div, final: np.array([1 / div, 1, 1 / div / final]) * hi,
        ),
        wrong=(
            (lambda hi, div, final: [hi / div, hi, hi / final], "end from the peak"),
            (lambda hi, div, final: [hi / div, hi, 0], "ends at 0"),
            (lambda hi, div, final: [hi / div, hi, hi / div], "ends where it began"),
            (lambda hi, div, final: [hi / div, hi / div / final, hi], "another order"),
            (lambda hi, div, final: [0, hi, hi / div / final], "starts at 0"),
            (lambda hi, div, final: hi / div, ""),
        ),
    ),
    "one_cycle.2": Answers(
        right=(
            one_cycle,
            lambda t, hi, n, pct: torch.tensor(one_cycle(t, hi, n, pct), dtype=torch.float32),
        ),
        wrong=(
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, late=1), "peak one late"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, last=0), "ends one late"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, move=straight), "straight lines"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, end=1e4), "end from the peak"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, end=0), "ends at 0"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, end=25), "ends where it began"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, pct, low=0), "starts at 0"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, 0.5), "peak in the middle"),
            (lambda t, hi, n, pct: one_cycle(t, hi, n, 0.3), ""),
        ),
    ),
    "one_cycle.3": Answers(
        right=(mirrored, lambda t, n, pct, lo, hi: np.float32(mirrored(t, n, pct, lo, hi))),
        wrong=(
            (lambda t, n, pct, lo, hi: mirrored(t, n, pct, hi, lo), "with the rate"),
            (lambda t, n, pct, lo, hi: mirrored(t, n, pct, lo, hi, late=1), "turn one late"),
            (
                lambda t, n, pct, lo, hi: mirrored(t, n, pct, lo, hi, move=straight),
                "straight lines",
            ),
            (lambda t, n, pct, lo, hi: mirrored(t, n, pct, lo, hi, end=lo), "stays low"),
            (lambda t, n, pct, lo, hi: hi, "constant"),
            (
                lambda t, n, pct, lo, hi: mirrored(t, n, pct, lo, hi, end=hi / 1e4),
                "falls to nothing",
            ),
        ),
    ),
    "one_cycle.4": Answers(
        right=(
            lambda i, b, e, g: math.ceil(np.ceil(i / b) / g) * float(e),
            lambda i, b, e, g: len(range(0, len(range(0, i, b)), g)) * e,
        ),
        wrong=(
            (lambda i, b, e, g: math.ceil(i / b) // g * e, "left over dropped"),
            (lambda i, b, e, g: math.ceil((i // b) / g) * e, "last batch dropped"),
            (lambda i, b, e, g: math.ceil(math.ceil(i / b) * e / g), "rounded at the end"),
            (lambda i, b, e, g: math.ceil(i / b) * e, "calls of backward"),
            (lambda i, b, e, g: e, "in epochs"),
            (lambda i, b, e, g: math.ceil(i / b) * e * g, "multiplied"),
            (lambda i, b, e, g: i, ""),
        ),
    ),
    "one_cycle.5": Answers(
        right=(
            (
                "stepped per epoch",
                "total_steps in epochs",
                "it replaces the rate of the optimizer",
                "the optimizer was replaced",
            ),
            [
                "Stepped per epoch",
                "total steps in epochs",
                "It replaces the rate of the optimizer",
                "The optimizer was replaced.",
            ],
        ),
        wrong=(
            (
                [
                    "total_steps in epochs",
                    "stepped per epoch",
                    "it replaces the rate of the optimizer",
                    "the optimizer was replaced",
                ],
                "A and B exchanged",
            ),
            (
                [
                    "pct_start too large",
                    "total_steps in epochs",
                    "it replaces the rate of the optimizer",
                    "the optimizer was replaced",
                ],
                "A: pct_start",
            ),
            (
                [
                    "stepped per epoch",
                    "stepped per epoch",
                    "it replaces the rate of the optimizer",
                    "the optimizer was replaced",
                ],
                "B: per epoch",
            ),
            (
                [
                    "stepped per epoch",
                    "total_steps in epochs",
                    "pct_start too large",
                    "the optimizer was replaced",
                ],
                "C: pct_start",
            ),
            (
                [
                    "stepped per epoch",
                    "total_steps in epochs",
                    "it replaces the rate of the optimizer",
                    "it replaces the rate of the optimizer",
                ],
                "D: replaces the rate",
            ),
            (["stepped per epoch"], ""),
        ),
    ),
    "one_cycle.6": Answers(
        right=(loop(one_cycle_lr(), "batch"), loop(one_cycle_by_epochs, "batch")),
        wrong=(
            (loop(one_cycle_lr(), "epoch"), "stepped per epoch"),
            (loop(one_cycle_lr(lambda epochs, batches: epochs), "epoch"), "counts epochs"),
            (loop(one_cycle_lr(), ""), "never stepped"),
            (loop(None), "no scheduler"),
            (loop(one_cycle_lr(lambda e, b: e * b + 1), "batch"), "a step too long"),
            (loop(one_cycle_lr(lambda e, b: e), "batch"), ""),
            (loop(one_cycle_lr(pct_start=0.5), "batch"), ""),
            (loop(one_cycle_lr(cycle_momentum=False), "batch"), "momentum"),
            (loop(one_cycle_lr(), "batch", updates=False), "no update"),
        ),
    ),
    "warmup_stable_decay.1": Answers(
        right=(
            lambda t, lr, s, n: lr * max(0, 1 - (max(0, t - s) / n) ** 0.5),
            lambda t, lr, s, n: lr - lr * np.sqrt(np.clip((t - s) / n, 0, 1)),
            lambda t, lr, s, n: (
                lr if t <= s else 0.0 if t >= s + n else lr * (1 - (t - s) ** 0.5 / n**0.5)
            ),
        ),
        wrong=(
            (
                lambda t, lr, s, n: lr * max(0, 1 - max(0, t - s) / n) ** 0.5,
                "root of what is left",
            ),
            (lambda t, lr, s, n: lr * max(0, 1 - max(0, t - s) / n), "a straight line"),
            (lambda t, lr, s, n: lr * (1 - np.clip((t - s) / n, 0, 1) ** 2), "squared"),
            (lambda t, lr, s, n: lr * (1 - np.clip((t - s) / n, 0, 1)) ** 2, "the fall squared"),
            (lambda t, lr, s, n: lr if t < s else lr / (1 + t - s) ** 0.5, "one over the root"),
            (
                lambda t, lr, s, n: lr if t < s else lr * max(0, 1 - (t / n) ** 0.5),
                "counted from the start of the run",
            ),
            (lambda t, lr, s, n: lr * max(0, 1 - (t / (s + n)) ** 0.5), "no stable stretch"),
            (
                lambda t, lr, s, n: lr if t < s else lr * max(0, 1 - ((t + 1 - s) / n) ** 0.5),
                "one step ahead",
            ),
            (lambda t, lr, s, n: lr * (1 - (max(0, t - s) / n) ** 0.5), "below zero"),
            (lambda t, lr, s, n: lr, ""),
        ),
    ),
    "warmup_stable_decay.2": Answers(
        right=(
            lambda n, b, p, a, e: (((n - 1) // (b * p) + 1 - 1) // a + 1) * e,
            lambda n, b, p, a, e: len(range(0, len(range(0, n, b * p)), a)) * e,
        ),
        wrong=(
            (lambda n, b, p, a, e: math.ceil(n / b / p) * e, "batches counted"),
            (lambda n, b, p, a, e: math.ceil(math.ceil(n / b) / a) * e, "processes left out"),
            (
                lambda n, b, p, a, e: p * e * math.ceil(math.ceil(n / (b * p)) / a),
                "processes counted as updates",
            ),
            (
                lambda n, b, p, a, e: math.ceil(n / b / p) * a * e,
                "multiplied by the accumulation",
            ),
            (lambda n, b, p, a, e: math.ceil(n / b / p) // a * e, "left over dropped"),
            (lambda n, b, p, a, e: math.ceil(n * e / (b * p * a)), "rounded at the end"),
            (lambda n, b, p, a, e: n / b / p / a * e, "not whole"),
            (lambda n, b, p, a, e: math.ceil(math.ceil(n / b / p) / a), "one epoch only"),
            (lambda n, b, p, a, e: e, "in epochs"),
        ),
    ),
    "warmup_stable_decay.3": Answers(
        right=(
            lambda t, lr, w, T, d: np.interp(t, [0, w, T - d, T], [lr / w, lr, lr, 0]),
            lambda t, lr, w, T, d: (
                lr * min((1 + (w - 1) * min(t, w) / w) / w, 1) * min(1, (T - t) / d)
            ),
        ),
        wrong=(
            (lambda t, lr, w, T, d: np.interp(t, [T - d, T], [lr, 0]), "no warm-up"),
            (lambda t, lr, w, T, d: np.interp(t, [0, w], [lr / w, lr]), "never falls"),
            (
                lambda t, lr, w, T, d: np.interp(t, [0, w, T], [lr / w, lr, 0]),
                "no stable stretch",
            ),
            (
                lambda t, lr, w, T, d: np.interp(t, [0, w, T - d, T], [0, lr, lr, 0]),
                "starts from 0",
            ),
            (
                lambda t, lr, w, T, d: lr * min((t + 1) / w, 1, (T - t) / d),
                "counted up in whole updates",
            ),
            (
                lambda t, lr, w, T, d: np.interp(t, [0, w, T - d, T - 1], [lr / w, lr, lr, 0]),
                "at 0 in the last update",
            ),
            (
                lambda t, lr, w, T, d: np.interp(t, [0, w, T - d - 1, T - 1], [lr / w, lr, lr, 0]),
                "cool-down one early",
            ),
            (
                lambda t, lr, w, T, d: np.interp(t, [0, w, d, T], [lr / w, lr, lr, 0]),
                "falls after `down` updates",
            ),
            (
                lambda t, lr, w, T, d: (
                    np.interp(t, [0, w], [lr / w, lr]) * (1 - np.clip((t - T + d) / d, 0, 1) ** 0.5)
                ),
                "as 1 - sqrt",
            ),
            (lambda t, lr, w, T, d: np.interp(t, [0, w, T - d, T], [lr / w, lr, lr, lr / 9]), ""),
        ),
    ),
    "warmup_stable_decay.4": Answers(
        right=(
            (
                "length counted in batches, stepped per update",
                "stepped once for every process",
                "the old length came back with the state",
                "the length was changed half-way",
            ),
            [
                "Length counted in batches, stepped per update ",
                "stepped once for every process",
                "the old length came back with the state",
                "the length was changed half-way",
            ],
        ),
        wrong=(
            (
                [
                    "stepped once for every process",
                    "length counted in batches, stepped per update",
                    "the old length came back with the state",
                    "the length was changed half-way",
                ],
                "A and B exchanged",
            ),
            (
                [
                    "length counted in batches, stepped per update",
                    "stepped once for every process",
                    "the length was changed half-way",
                    "the old length came back with the state",
                ],
                "C and D exchanged",
            ),
            (
                [
                    "warm-up too long",
                    "stepped once for every process",
                    "the old length came back with the state",
                    "the length was changed half-way",
                ],
                "A: warm-up",
            ),
            (
                [
                    "length counted in batches, stepped per update",
                    "the old length came back with the state",
                    "the old length came back with the state",
                    "the length was changed half-way",
                ],
                "B: the old length",
            ),
            (
                [
                    "length counted in batches, stepped per update",
                    "stepped once for every process",
                    "stepped once for every process",
                    "the length was changed half-way",
                ],
                "C: stepped too often",
            ),
            (
                [
                    "length counted in batches, stepped per update",
                    "stepped once for every process",
                    "the old length came back with the state",
                    "warm-up too long",
                ],
                "D: warm-up",
            ),
            ("warm-up too long", ""),
        ),
    ),
    "warmup_stable_decay.5": Answers(
        right=(
            loop(wsd(), "batch"),
            loop(wsd_lambda, "batch"),
            loop(wsd_linear, "batch"),
        ),
        wrong=(
            (loop(wsd(), "epoch"), "stepped per epoch"),
            (loop(wsd(), "batch", first=True), "scheduler before optimizer"),
            (loop(wsd(start=1.0), "batch"), "no warm-up"),
            (loop(wsd(order="no fall"), "batch"), "never falls"),
            (
                loop(wsd(at=lambda w, T, d: w + 1, fall=lambda T: T), "batch"),
                "",
            ),
            (loop(wsd(start=1 / 3), "batch"), "LinearLR's default start"),
            (loop(wsd(fall=lambda total: total), "batch"), "the fall is too long"),
            (loop(wsd(stay=1 / 3), "batch"), "ConstantLR's default"),
            (loop(wsd(), ""), "never stepped"),
            (loop(None), "no scheduler"),
            (loop(wsd(), "batch", updates=False), "no update"),
        ),
    ),
    "warmup_stable_decay.6": Answers(
        right=(
            lambda b, d: (np.subtract(b, d).max() + sum(d), sum(b)),
            lambda budgets, downs: [
                sorted(b - d for b, d in zip(budgets, downs))[-1] + math.fsum(downs),
                math.fsum(budgets),
            ],
        ),
        wrong=(
            (lambda b, d: [np.subtract(b, d).max(), sum(b)], "cool-downs free"),
            (lambda b, d: [max(b) + sum(d), sum(b)], "trunk to the end"),
            (lambda b, d: [max(b), sum(b)], "only the longest"),
            (lambda b, d: [sum(b), sum(b)], "trunk anew for each"),
            (lambda b, d: [np.subtract(b, d).max() + max(d), sum(b)], "one cool-down"),
            (lambda b, d: [b[-1] - d[-1] + sum(d), sum(b)], "last of the list"),
            (lambda b, d: [sum(b), np.subtract(b, d).max() + sum(d)], "exchanged"),
            (lambda b, d: sum(b), ""),
        ),
    ),
    "training_lab.1": Answers(
        right=(interval, half_width(t975, lambda gaps: stats.sem(gaps))),
        wrong=(
            (unpaired, "not paired"),
            (half_width(lambda n: 1.96, stats.sem), "1.96 for Student's t"),
            (half_width(lambda n: stats.t.ppf(0.975, n), stats.sem), "n degrees of freedom"),
            (half_width(lambda n: stats.t.ppf(0.95, n - 1), stats.sem), "one-sided"),
            (half_width(t975, lambda gaps: gaps.std(ddof=1)), "not divided by root n"),
            (
                half_width(t975, lambda gaps: gaps.std() / len(gaps) ** 0.5),
                "standard deviation over n",
            ),
            (lambda a, b: interval(b, a), "b - a"),
            (lambda a, b: np.mean(a) - np.mean(b), ""),
        ),
    ),
    "training_lab.2": Answers(
        right=(
            lambda lo, hi: "A" if max(lo, hi) < 0 else "B" if min(lo, hi) > 0 else "No difference",
            lambda lo, hi: np.select([hi < 0, lo > 0], ["a", "b"], "no difference"),
        ),
        wrong=(
            (
                lambda lo, hi: "b" if hi < 0 else "a" if lo > 0 else "no difference",
                "higher is better",
            ),
            (lambda lo, hi: "a" if lo + hi < 0 else "b", "by the mean"),
            (lambda lo, hi: "a" if lo < 0 else "b", "by low alone"),
            (lambda lo, hi: "a" if hi < 0 else "b", "by high alone"),
            (lambda lo, hi: "no difference", "always no difference"),
            (lambda lo, hi: hi < 0, ""),
        ),
    ),
    "training_lab.3": Answers(
        right=(
            lowest(np.mean),
            lambda peaks, risks: peaks[
                int(np.nanargmin(np.array([np.nan if None in r else np.mean(r) for r in risks])))
            ],
        ),
        wrong=(
            (
                lambda peaks, risks: min(
                    (np.mean([v for v in r if v is not None]), p) for p, r in zip(peaks, risks)
                )[1],
                "diverged runs left out",
            ),
            (penalised(1), "a number for a diverged run"),
            (penalised(5), "a number for a diverged run"),
            (penalised(1000), "a number for a diverged run"),
            (penalised(0), "0 for a diverged run"),
            (lowest(min), "one lucky seed"),
            (lowest(lambda r: r[0]), "the first seed only"),
            (lowest(lambda r: -np.mean(r)), "highest risk"),
            (lambda p, r: p.index(lowest(np.mean)(p, r)), "the place, not the peak"),
            (
                lambda p, r: max(q for q, row in zip(p, r) if None not in row),
                "the largest peak that survives",
            ),
            (lambda peaks, risks: min((np.mean(r), p) for p, r in zip(peaks, risks))[1], ""),
        ),
    ),
    "training_lab.4": Answers(
        right=(
            (
                "one seed",
                "only one was tuned",
                "unequal budget",
                "picked on the seeds it is judged on",
            ),
            np.array(
                [
                    "One seed",
                    "only one was tuned",
                    "unequal budget",
                    "picked on the seeds it is judged on",
                ]
            ),
        ),
        wrong=(
            (
                [
                    "nothing",
                    "only one was tuned",
                    "unequal budget",
                    "picked on the seeds it is judged on",
                ],
                "A is fine",
            ),
            (
                ["one seed", "nothing", "unequal budget", "picked on the seeds it is judged on"],
                "B is fine",
            ),
            (
                [
                    "one seed",
                    "unequal budget",
                    "unequal budget",
                    "picked on the seeds it is judged on",
                ],
                "B: budget",
            ),
            (
                [
                    "one seed",
                    "only one was tuned",
                    "nothing",
                    "picked on the seeds it is judged on",
                ],
                "C is fine",
            ),
            (["one seed", "only one was tuned", "unequal budget", "nothing"], "D is fine"),
            (["one seed"] * 3, ""),
        ),
    ),
    "training_lab.5": Answers(
        right=(
            lambda t, total: 0.17 * (1 + math.cos(math.pi * t / total)) / 2,
            lambda t, total: torch.tensor(0.17 * min(1.0, (t + 1) / 10) * (1 - t / total)),
        ),
        wrong=(
            (lambda t, total: 0.07, "constant"),
            (lambda t, total: 2 * (1 - t / total), "too large"),
            (lambda t, total: 0.001, "too small"),
            (lambda t, total: 0.1 - t / 200, "no rate"),
            (lambda t, total: 0.1 * max(0.0, 1 - t / 100), "one curve for all"),
            (lambda t, total: 0.1 + 0.1 * t / total, "ends high"),
        ),
    ),
    "training_lab.6": Answers(
        right=(
            lambda n, b, other: (n * b // other, other / b),
            lambda n, b, other: torch.tensor([n * b // other, other / b]),
        ),
        wrong=(
            (lambda n, b, other: [n, other / b], "same updates"),
            (lambda n, b, other: [n * other // b, other / b], "updates upside down"),
            (lambda n, b, other: [n * b // other, b / other], "peak upside down"),
            (lambda n, b, other: [n * b // other, (other / b) ** 0.5], "square root"),
            (lambda n, b, other: [n * b // other, 1], "same peak"),
            (lambda n, b, other: n * b // other, ""),
        ),
    ),
}
