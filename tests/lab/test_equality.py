"""The lab against an ordinary PyTorch loop: real optimizer, real scheduler, one model at a time.

`python tests/lab/test_equality.py` prints the table of the largest differences.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sampling import some

from lrcourse import Cyclical, InverseSqrt, LinearWarmup, WarmRestarts
from lrcourse.lab import SGD, AdamW, Quadratic, shapes
from lrcourse.lab.plans import plan
from lrcourse.lab.stacks import StackedMLP, StackedModule
from lrcourse.lab.tasks import task_named
from lrcourse.lab.train import Block, Record, one_thread_each, train

STEPS = 120
SEEDS = (3, 4)

SCHEDULES = shapes(STEPS) | {
    "warm restarts": WarmRestarts(lr=0.1, T_0=30, T_mult=2),
    "triangular2": Cyclical(base_lr=0.0, max_lr=0.1, step_size_up=20, mode="triangular2"),
    "warm-up + inverse sqrt": LinearWarmup(lr=0.1, start_factor=0.1, total_iters=20).then(
        InverseSqrt(lr=0.1, timescale=20), at=20
    ),
}
OPTIMIZERS = {
    "SGD": SGD(momentum=0.9),
    "Nesterov, weight decay": SGD(momentum=0.9, nesterov=True, weight_decay=0.01),
    "AdamW": AdamW(weight_decay=0.05),
}
# Peaks at which training is stable: where it is not, round-off grows as in any chaotic system.
PEAKS = {"wells": 0.002, "double_well": 0.01, "text": 0.01}
BATCHES = {"text": 2, "digits_conv": 4}  # small ones: the plain loop takes most of the time
TASKS = ("digits", "digits_clean", "digits_conv", "spirals", "text", "wells", "double_well")
ALWAYS = {f"{task}-AdamW" for task in TASKS} | {f"digits-{optimizer}" for optimizer in OPTIMIZERS}
PAIRS = some([f"{task}-{optimizer}" for task in TASKS for optimizer in OPTIMIZERS], ALWAYS)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small operations on one thread: split over a busy machine's cores, they mostly wait."""
    with one_thread_each():
        yield


def a_task(name):
    return replace(task_named(name), batch=BATCHES.get(name, 32))


def plain_loop(task, schedule, optimizer, seed, steps=STEPS, dtype=torch.float64):
    """What a learner would write: the trained model in eval mode, and the loss of every batch."""
    model = task.build(seed).to(dtype)
    opt = optimizer.torch(model.parameters(), lr=0.1)
    scheduler = schedule.scheduler(opt)
    losses = []
    for step, (x, y) in enumerate(task.batches(seed, steps, dtype)):
        with task.chance(seed, step):
            loss = task.loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        scheduler.step()
        losses.append(loss.item())
    return model.eval(), np.array(losses)


def trained_together(task, optimizer, schedules, dtype=torch.float64, steps=STEPS):
    """All schedules and seeds through the lab, as one block."""
    plans = [plan(name, s, steps, optimizer.momentum) for name, s in schedules.items()]
    lr, momentum = np.stack([p.lr for p in plans]), np.stack([p.momentum for p in plans])
    block = Block(task, optimizer, SEEDS, lr, momentum, (steps,), dtype)
    record = Record.of(block)
    return train(block, record), record


def weights_of(models, run):
    """All weights of one run in a row, in the order of `model.parameters()`."""
    return torch.cat([p[run].detach().flatten() for p in models.params])


def largest_difference(name, optimizer):
    """Over all schedules: the largest difference of any weight, and of the score, after 120 steps."""
    task = a_task(name)
    peak = PEAKS.get(name, 0.02 if isinstance(optimizer, SGD) else 0.01)
    chosen = [*SCHEDULES.items()][:: 3 if name in BATCHES else 1]  # where the plain loop is slow
    schedules = {n: s.with_peak(peak) for n, s in chosen}
    models, record = trained_together(task, optimizer, schedules)
    x, y = task.tested(torch.float64)
    worst = {}
    for c, (schedule_name, schedule) in enumerate(schedules.items()):
        model, losses = plain_loop(task, schedule, optimizer, SEEDS[1])
        ours, theirs = weights_of(models, len(schedules) + c), _weights(model)
        assert ours.shape == theirs.shape
        worst[schedule_name] = max(
            (ours - theirs).abs().max().item(),
            abs(task.score(model(x), y).item() - record.scores[1, c, 0]),
        )
        # Losses are kept in float32.
        np.testing.assert_allclose(record.losses[1, c], losses, rtol=1e-6, atol=1e-7)
    return worst


def _weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("pair", PAIRS)
def test_equal_to_the_plain_loop(pair):
    """Weights and score after 120 steps are those of the plain loop, for every schedule, or every
    third, to 1e-10."""
    task, optimizer = pair.split("-")
    worst = largest_difference(task, OPTIMIZERS[optimizer])

    assert max(worst.values()) < 1e-10, worst


def expected_by_torch(task, schedule, optimizer):
    """The expected loss of the quadratic, from runs of the real optimizer.

    An update is linear in where it starts and in every noise. So the mean of x ** 2 is the sum of
    the squares of what each of them does alone: row 0 starts from 1 without noise, row k + 1
    starts from 0 and gets one standard deviation of noise at step k.
    """
    h = torch.tensor(task.curvatures)
    x = torch.zeros(STEPS + 1, len(h), dtype=torch.float64)
    x[0] = torch.tensor(task.distances).sqrt()
    x.requires_grad_()
    opt = optimizer.torch([x], lr=0.1)
    scheduler = schedule.scheduler(opt)
    for step in range(STEPS):
        noise = torch.zeros_like(x)
        noise[step + 1] = (task.noise * h).sqrt()
        x.grad = h * x.detach() + noise
        opt.step()
        scheduler.step()
    return (x.detach() ** 2 * h).sum().item() / 2


def largest_difference_quadratic(optimizer, task):
    schedules = {n: s.with_peak(0.1) for n, s in SCHEDULES.items()}
    plans = [plan(name, s, STEPS, optimizer.momentum) for name, s in schedules.items()]
    ours = task.losses(
        np.stack([p.lr for p in plans]), np.stack([p.momentum for p in plans]), optimizer
    )
    theirs = [expected_by_torch(task, s, optimizer) for s in schedules.values()]
    return dict(zip(schedules, np.abs(ours[:, -1] - theirs)))


@pytest.mark.parametrize(
    "optimizer",
    [SGD(momentum=0.0), OPTIMIZERS["SGD"], OPTIMIZERS["Nesterov, weight decay"]],
    ids=["SGD without momentum", "SGD", "Nesterov, weight decay"],
)
@pytest.mark.parametrize("where", [{}, {"power": 1.5, "far": 0.7}], ids=["1 / i", "flat"])
def test_quadratic_is_what_torch_does_on_average(optimizer, where):
    """The expectation is exact: real torch optimizers give it too, to 1e-10, for every schedule."""
    worst = largest_difference_quadratic(optimizer, Quadratic(dimensions=20, noise=0.7, **where))

    assert max(worst.values()) < 1e-10, worst


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_float32_stays_near(optimizer):
    """In float32, what races use, the score after 120 steps is the plain loop's to 1e-4."""
    task = a_task("digits")
    schedules = {n: s.with_peak(0.01) for n, s in SCHEDULES.items()}
    _, record = trained_together(task, optimizer, schedules, torch.float32)
    x, y = task.tested(torch.float32)
    for c, schedule in enumerate(schedules.values()):
        model, _ = plain_loop(task, schedule, optimizer, SEEDS[1], dtype=torch.float32)

        assert task.score(model(x), y).item() == pytest.approx(record.scores[1, c, 0], abs=1e-4)


def test_both_ways_of_stacking_agree():
    """The network written out by hand and `vmap` over the module give the same gradients."""
    task = a_task("spirals")
    models = [task.build(seed).double() for seed in SEEDS]
    by_hand, by_vmap = StackedMLP(models, 3, 32), StackedModule(models, 3, task.loss)
    x, y = (torch.stack(p) for p in zip(*(next(task.batches(s, 1, torch.float64)) for s in SEEDS)))
    seen = {by_hand: {}, by_vmap: {}}
    losses = [
        stack.backward(
            x, y, lambda i, g, seen=seen[stack]: seen.update({i: g[4].flatten().clone()})
        )
        for stack in seen
    ]
    grads = [torch.cat([of[i] for i in range(len(of))]) for of in seen.values()]

    torch.testing.assert_close(*losses, rtol=1e-14, atol=0)
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("activation", [torch.nn.ReLU, torch.nn.Tanh, torch.nn.Sigmoid])
def test_every_activation_written_by_hand(activation):
    """Each activation that is written out has the gradient that autograd finds."""
    task = replace(
        task_named("digits"),
        model=lambda: torch.nn.Sequential(
            torch.nn.Linear(64, 8), activation(), torch.nn.Linear(8, 6), activation(),
            torch.nn.Linear(6, 10),
        ),
    )  # fmt: skip
    models, _ = trained_together(task, OPTIMIZERS["SGD"], {"linear": SCHEDULES["linear"]})
    model, _ = plain_loop(task, SCHEDULES["linear"], OPTIMIZERS["SGD"], SEEDS[1])

    assert isinstance(models, StackedMLP)
    torch.testing.assert_close(weights_of(models, 1), _weights(model), rtol=0, atol=1e-12)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"Largest difference of any weight or score after {STEPS} steps, float64\n")
    columns = [(task, name) for task in TASKS for name in OPTIMIZERS]
    results = {key: largest_difference(key[0], OPTIMIZERS[key[1]]) for key in columns}
    for name in ("SGD", "Nesterov, weight decay"):
        results["quadratic", name] = largest_difference_quadratic(OPTIMIZERS[name])
    print(f"{'':24}" + "".join(f"{name[:12]:>14}" for name in OPTIMIZERS))
    for task in (*TASKS, "quadratic"):
        print(task)
        for schedule in SCHEDULES:
            cells = [
                results[task, n][schedule] if (task, n) in results else None for n in OPTIMIZERS
            ]
            print(
                f"  {schedule:22}"
                + "".join(f"{c:14.0e}" if c is not None else f"{'-':>14}" for c in cells)
            )
