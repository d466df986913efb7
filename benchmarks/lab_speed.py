"""How fast the training lab is, beside the loops that people write.

    python benchmarks/lab_speed.py            all of it, about three minutes
    python benchmarks/lab_speed.py --quick    one round of each, to see that it works
    python benchmarks/lab_speed.py --growth   how cost grows from 10 to 10,000 runs

Every measurement is taken in rounds: plain loop, lab, plain loop, lab, ... A busy machine then slows
down both, and the ratio (the median over the rounds) says what is ours. Speeds are run-steps per
second of wall-clock time: 64 runs making 100 updates a second are 6,400. "x a core" is the same
ratio in processor time: what one core does, however many others want it.

The baselines train one model after another:

plain       a well-written loop: `nn.Module`, `torch.optim.SGD`, batches indexed by hand, no
            DataLoader, no scheduler object, torch on one thread (faster than two at this size)
DataLoader  the loop of most tutorials: DataLoader, scheduler, `loss.item()`
JAX         `vmap` over runs and `scan` over updates, compiled, compilation not counted; if installed
"""

import argparse
import gc
import os
import statistics
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lrcourse import lab
from lrcourse.lab.tasks import task_named
from lrcourse.lab.train import (
    Record,
    blocks_of,
    one_thread_each,
    threads_to_use,
    train_side_by_side,
)

BATCH, MOMENTUM, RATE = 32, 0.9, 0.05


class Clock:
    """Wall-clock and processor time since it was made."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def speed(self, run_steps):
        """Run-steps per second of wall-clock time, and of processor time."""
        return (
            run_steps / (time.perf_counter() - self.wall),
            run_steps / (time.process_time() - self.cpu),
        )


def mlp(*sizes):
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [nn.Linear(i, o), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def a_task(name, sizes):
    return replace(task_named(name), model=partial(mlp, *sizes))


@one_thread_each()
def plain_loop(task, steps):
    """Speed of the plain loop."""
    model = task.build(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    rates = np.linspace(RATE, 0, steps).tolist()
    x, y = task.data
    rows = torch.randint(len(x), (steps, BATCH))
    generator = torch.Generator().manual_seed(0)
    clock = Clock()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rates[step]
        xb, yb = x[rows[step]], y[rows[step]]
        if task.noise:
            xb, yb = task.noise(xb, yb, generator)
        loss = F.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return clock.speed(steps)


@one_thread_each()
def loader_loop(task, steps):
    """Speed of the DataLoader loop."""
    model = task.build(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    loader = DataLoader(TensorDataset(*task.data), batch_size=BATCH, shuffle=True, drop_last=True)
    losses, step = [], 0
    clock = Clock()
    while step < steps:
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            step += 1
            if step == steps:
                break
    return clock.speed(steps)


def the_lab(task, runs, steps, threads=None):
    """Speed of the lab: eight schedules, runs / 8 seeds, weights and batches included."""
    copies = 8
    lr = np.linspace(RATE, 0, steps) * np.linspace(0.5, 1, copies)[:, None]
    momentum = np.full_like(lr, MOMENTUM)
    clock = Clock()
    cut = blocks_of(
        task, lab.SGD(momentum=MOMENTUM), tuple(range(runs // copies)), lr, momentum, ()
    )
    work = [(block, Record.of(block)) for _, _, block in cut]
    train_side_by_side(work, threading.Event(), lambda: None, threads)
    return clock.speed(runs * steps)


def jax_loop(task, runs, steps):
    """Speed of vmap over runs, scan over updates."""
    import jax
    import jax.numpy as jnp

    model = task.build(0)
    weights = [
        (jnp.array(layer.weight.detach().numpy().T), jnp.array(layer.bias.detach().numpy()))
        for layer in model[::2]
    ]
    stacked = jax.tree.map(lambda w: jnp.repeat(w[None], runs, 0), weights)
    x, y = (jnp.array(part.numpy()) for part in task.data)
    seeds = runs // 8
    rows = jax.random.randint(jax.random.key(0), (steps, seeds, BATCH), 0, len(x))
    rates = jnp.linspace(RATE, 0, steps)

    def loss(weights, x, y):
        for w, b in weights[:-1]:
            x = jax.nn.relu(x @ w + b)
        logits = x @ weights[-1][0] + weights[-1][1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    grad = jax.vmap(jax.grad(loss))

    def update(state, now):
        weights, velocity = state
        rows, rate = now
        rows = jnp.repeat(rows, 8, 0)
        g = grad(weights, x[rows], y[rows])
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, g)
        return (jax.tree.map(lambda w, v: w - rate * v, weights, velocity), velocity), None

    scan = jax.jit(lambda state, xs: jax.lax.scan(update, state, xs)[0])
    state = (stacked, jax.tree.map(jnp.zeros_like, stacked))
    jax.block_until_ready(scan(state, (rows, rates)))
    clock = Clock()
    jax.block_until_ready(scan(state, (rows, rates)))
    return clock.speed(runs * steps)


def has_jax():
    try:
        import jax  # noqa: F401
    except ImportError:
        return False
    return True


def compare(title, task, sizes_of_race, rounds, goals=(), loader=True):
    print(f"\n{title}")
    measured = {"plain loop": partial(plain_loop, task, 1500)}
    if loader:
        measured["DataLoader loop"] = partial(loader_loop, task, 600)
    for runs in sizes_of_race:
        steps = max(60, min(400, 150_000 // runs))
        measured[f"lab, {runs} runs"] = partial(the_lab, task, runs, steps)
    if has_jax() and not task.noise:
        for runs in sizes_of_race[:2]:
            measured[f"JAX, {runs} runs"] = partial(jax_loop, task, runs, 100)
    for function in measured.values():  # the first time is for warming up
        function()
    speeds = {name: [] for name in measured}
    for _ in range(rounds):
        for name, function in measured.items():
            speeds[name].append(function())
    plain = speeds["plain loop"]
    for name, rates in speeds.items():
        wall, cpu = (statistics.median(r[k] / p[k] for r, p in zip(rates, plain)) for k in (0, 1))
        speed = statistics.median(r[0] for r in rates)
        goal = f"   goal {goals[name]}" if name in goals else ""
        print(f"  {name:18}{speed:>10,.0f} /s{wall:>8.1f} x plain{goal:12}{cpu:>8.1f} x a core")


def flagship(rounds):
    print(
        "\nThe flagship race: digits, 200 updates, 8 schedules x 8 peaks x 8 seeds, then 8 x 16 seeds"
    )
    schedules = lab.shapes(200)
    for _ in range(rounds):
        started = time.perf_counter()
        race = lab.race(schedules, "digits", steps=200, seeds=16, progress=False)
        whole = time.perf_counter() - started
        tuned = {name: s.with_peak(race.plans[name].peak) for name, s in schedules.items()}
        started = time.perf_counter()
        lab.race(tuned, "digits", steps=200, seeds=16, tune=False, progress=False)
        print(
            f"  {whole:5.2f} s (goal 12), the final comparison alone {time.perf_counter() - started:5.2f} s (goal 2)"
        )


def growth():
    """How the cost of a race grows with the number of runs: 64-32-10 on digits, 200 updates."""
    print(
        f"{'runs':>8}{'seconds':>10}{'core-seconds':>14}{'ms of a core a run':>20}{'memory, MB':>12}"
    )
    schedules = {
        n: lab.shapes(200)[n] for n in ("constant", "step", "exponential", "cosine", "linear")
    }
    lab.race(schedules, "digits", steps=200, seeds=8, tune=False, progress=False)  # warm up
    for runs in (10, 30, 100, 300, 1_000, 3_000, 10_000):
        wall, cpu = time.perf_counter(), time.process_time()
        lab.race(schedules, "digits", steps=200, seeds=runs // 5, tune=False, progress=False)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{runs:8,}{wall:10.2f}{cpu:14.2f}{1000 * cpu / runs:20.2f}{peak_memory():12.0f}")
        gc.collect()


def peak_memory():
    """The largest amount of memory that this process has used, in MB (NaN on Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e6 if sys.platform == "darwin" else used / 1e3


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--growth", action="store_true")
    given = options.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"torch {torch.__version__}, {os.cpu_count()} cores, {threads_to_use()} threads, load {load:.1f}"
    )
    if given.growth:
        growth()
        return
    rounds = 1 if given.quick else 7
    print(f"before: {peak_memory():.0f} MB")
    goals = {"lab, 64 runs": 20, "lab, 256 runs": 30, "lab, 1024 runs": 30}
    small, large = (64, 32, 10), (64, 64, 64, 10)
    sizes = (64, 256, 1024)
    compare("digits_clean, 64-32-10, batch 32", a_task("digits_clean", small), sizes, rounds, goals)
    compare("digits (fresh noise), 64-32-10", a_task("digits", small), sizes, rounds, loader=False)
    goals = {"lab, 64 runs": 10, "lab, 1024 runs": 14}
    compare("digits_clean, 64-64-64-10", a_task("digits_clean", large), sizes, rounds, goals)
    flagship(1 if given.quick else 3)
    print(f"\nlargest memory: {peak_memory():.0f} MB")


if __name__ == "__main__":
    main()
