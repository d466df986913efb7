"""Training many runs at once: a block at a time, and the blocks side by side.

A `Block` is the unit of work: all schedules for a few seeds. It carries everything it needs, its
seeds included, so it gives the same numbers on any thread, process or machine, and a block that
was lost is simply trained again.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import psutil
import torch

from lrcourse.lab.optimizers import Optimizer
from lrcourse.lab.plans import Plan, look_every
from lrcourse.lab.stacks import OneByOne, StackedMLP
from lrcourse.lab.tasks import CHUNK, Task
from lrcourse.lab.trial import Way, way_of

CACHE = 9_000_000
"""Bytes that a block should touch in a step. More falls out of the processor's cache, less leaves
Python's share of a step too large. Measured: the benchmark prints speeds around it."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some seeds, each with all copies (a copy is a schedule at a peak).

    `lr`, `momentum`: shape (C, T). `marks`: after how many updates the test score is taken.
    `way`: how to train them; found out here if it is None. `weight_decay`: of every copy, shape
    (C,), where it is not the optimizer's own. `plans`: of the copies, where one of them
    follows the losses.
    """

    task: Any
    optimizer: Optimizer
    seeds: tuple[int, ...]
    lr: np.ndarray
    momentum: np.ndarray
    marks: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    way: Way | None = None
    weight_decay: np.ndarray | None = None
    plans: tuple[Plan, ...] = ()

    @property
    def steps(self) -> int:
        return self.lr.shape[1]


@dataclass(eq=False)
class Record:
    """What a block's runs did: S seeds, C copies, T updates, M marks. NaN is "not yet".

    losses: (S, C, T), the loss of every run on every batch, before its update
    scores: (S, C, M), the test score of every run at every mark
    used:   (S, C, T), the rate that the optimizer held at every update
    averaged: (S, C, M), the test score of the weights' moving average, if the optimizer keeps one
    accuracy: (S, C), the accuracy at the end, if the task has one; None if nobody asks
    done:   how many updates have been made
    """

    losses: np.ndarray
    scores: np.ndarray
    used: np.ndarray
    averaged: np.ndarray
    accuracy: np.ndarray | None = None
    done: int = 0

    @classmethod
    def of(cls, block: Block) -> "Record":
        seeds, copies, steps = len(block.seeds), *block.lr.shape
        return cls(
            losses=np.full((seeds, copies, steps), np.nan, np.float32),
            scores=np.full((seeds, copies, len(block.marks)), np.nan),
            used=np.full((seeds, copies, steps), np.nan),
            averaged=np.full((seeds, copies, len(block.marks)), np.nan),
            accuracy=np.full((seeds, copies), np.nan),
        )


def train(block: Block, record: Record, stop: Callable[[], bool] = lambda: False) -> Any:
    """Train every run of `block` to its end, writing into `record` on the way.

    `record.done` is short of `block.steps` if `stop()` became true. Returns the trained models,
    stacked (None for a task that is computed).
    """
    if block.task.exact:
        return _expected(block, record)
    seeds, copies = len(block.seeds), len(block.lr)
    shape = (seeds, copies)
    way = block.way or way_of(block.task, block.dtype)
    models = way.stacked(block.task, block.seeds, copies, block.dtype)
    optimizer = block.optimizer.attach(models.params)
    if block.weight_decay is not None:
        optimizer.weight_decay = torch.tensor(np.tile(block.weight_decay, seeds)).double()
    # Run s * C + c is copy c of seed s. Rates stay in float64 until they meet the weights.
    lr, momentum = (torch.tensor(np.tile(t.T, seeds)) for t in (block.lr, block.momentum))
    test = block.task.tested(block.dtype)
    scored = {mark: m for m, mark in enumerate(block.marks)}

    followers = [c for c, plan in enumerate(block.plans) if plan.rule]
    for t, (x, y) in enumerate(_batches(block)):
        if followers and t % look_every(block.steps) == 0:
            _follow(block, followers, record.losses[:, :, :t], lr[t:])
        optimizer.lr, optimizer.momentum = lr[t], momentum[t]
        optimizer.begin()
        losses = models.backward(x, y, optimizer.update)
        optimizer.end()

        record.losses[:, :, t] = losses.numpy().reshape(shape)
        record.used[:, :, t] = optimizer.lr.numpy().reshape(shape)
        if t + 1 in scored:
            scores = models.scores(*test, block.task.score).numpy().reshape(shape)
            record.scores[:, :, scored[t + 1]] = scores
            if optimizer.averages:
                scores = models.scores(*test, block.task.score, optimizer.averages)
                record.averaged[:, :, scored[t + 1]] = scores.numpy().reshape(shape)
        record.done = t + 1  # last: who looks meanwhile finds all that it counts
        if stop():
            break
    if record.done == block.steps and block.task.accuracy and record.accuracy is not None:
        record.accuracy[:] = models.scores(*test, block.task.accuracy).numpy().reshape(shape)
    return models


def _follow(block: Block, followers: list[int], losses: np.ndarray, lr: torch.Tensor) -> None:
    """Set the rates from now on, shape (T - t, S * C), of copies that follow their `losses` so far."""
    t = losses.shape[2]
    for c in followers:
        for s in range(len(block.seeds)):
            rates = block.plans[c].followed(losses[s, c])
            lr[:, s * len(block.lr) + c] = rates[min(t, len(rates) - 1)]


def _batches(block: Block) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batch of every seed at every update: x of shape (S, batch, ...), y likewise."""
    chunks = block.task.chunks(block.seeds, block.dtype)
    for t in range(block.steps):
        if t % CHUNK == 0:
            x, y = next(chunks)
        yield x[t % CHUNK], y[t % CHUNK]


def _expected(block: Block, record: Record) -> None:
    """Fill the record for a task that is computed, not sampled."""
    losses = block.task.losses(block.lr, block.momentum, block.optimizer)
    with np.errstate(over="ignore"):
        record.losses[0] = losses[:, :-1]
    record.scores[0] = losses[:, list(block.marks)]
    record.used[0] = block.lr
    record.done = block.steps


# How many runs make a block


ONE_BY_ONE = 8
"""Runs in a block of those that are trained one at a time: it can be stopped between updates."""


def runs_in_a_block(task: Task, total: int, dtype: torch.dtype = torch.float32) -> int:
    """How many of `total` runs to train at once.

    It depends on the task and on `total` alone, not on the machine: so the same call gives the
    same numbers on one thread, on two, and on a cluster.
    """
    if task.exact:
        return total
    stack = way_of(task, dtype).stack
    model: Any = task.build(0)
    if stack is OneByOne:
        return min(ONE_BY_ONE, total)
    weights = sum(p.numel() for p in model.parameters())
    if stack is StackedMLP:
        linear = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
        wide = sum(layer.out_features for layer in linear)
        fits = CACHE // (4 * (3 * weights + 2 * task.batch * wide))
    else:
        fits = CACHE // (4 * (6 * weights + 64 * task.batch))
    fits = int(np.clip(fits, 8, 256))
    # Two blocks at least, for two threads; but not below what makes stacking worth it.
    return min(fits, max(-(-total // 2), 16))


def blocks_of(
    task: Task,
    optimizer: Optimizer,
    seeds: Sequence[int],
    lr: np.ndarray,
    momentum: np.ndarray,
    marks: tuple[int, ...],
    dtype: torch.dtype = torch.float32,
    weight_decay: np.ndarray | None = None,
) -> list[tuple[slice, slice, Block]]:
    """The work, cut into blocks: which seeds, which copies, and the block itself.

    All copies of a seed stay together where they fit, so that every finished block is a
    complete comparison.
    """
    copies = len(lr)
    fits = runs_in_a_block(task, copies * len(seeds), dtype)
    way = None if task.exact else way_of(task, dtype)
    together = min(copies, fits)
    groups = -(-copies // together)
    together = -(-copies // groups)  # groups of equal size
    at_once = max(1, fits // together)
    times = -(-len(seeds) // at_once)
    times += times % 2 if times > 1 else 0  # an even number of blocks, as cores mostly are
    at_once = -(-len(seeds) // times)
    return [
        (
            slice(s, min(s + at_once, len(seeds))),
            slice(c, min(c + together, copies)),
            Block(
                task,
                optimizer,
                tuple(seeds[s : s + at_once]),
                lr[c : c + together],
                momentum[c : c + together],
                marks,
                dtype,
                way,
                None if weight_decay is None else weight_decay[c : c + together],
            ),
        )
        for s in range(0, len(seeds), at_once)
        for c in range(0, copies, together)
    ]


# Side by side


_users = 0
_threads_before = 1
_threads_lock = threading.Lock()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Inside, every torch operation keeps to its own thread; afterwards all is as it was.

    torch normally splits an operation over all cores, and waits until the last part is done. The
    operations here are too small for that, and on a busy machine the waiting is most of the time.
    Blocks on threads of their own never wait for each other. (torch lets other threads of Python
    run while it computes.)
    """
    global _users, _threads_before
    with _threads_lock:
        if not _users:
            _threads_before = torch.get_num_threads()
            torch.set_num_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _threads_lock:
            _users -= 1
            if not _users:
                torch.set_num_threads(_threads_before)


LOOK_AGAIN = 5.0
"""Seconds for which `threads_to_use` believes what it has measured."""
_seen = (-LOOK_AGAIN, 0.0)  # when it looked, and how many cores others kept busy


def threads_to_use() -> int:
    """How many blocks to train at a time, by measurement: one for every core that is idle now.

    At least one; no more than this process may use (joblib knows about containers and affinity)
    and than torch was told to. Two threads on two idle cores are nearly twice as fast as one. On cores
    that others are using they were 0.8 to 1.1 times as fast: each waits for the other when
    the system has put it aside in the middle of a line of Python.
    """
    global _seen
    most, cores = min(torch.get_num_threads(), joblib.cpu_count()), psutil.cpu_count() or 1
    if most == 1:
        return 1
    if time.monotonic() - _seen[0] > LOOK_AGAIN:
        busy = psutil.cpu_percent(interval=0.03) / 100  # of all cores, while this process waits
        _seen = time.monotonic(), busy * cores
    return max(1, min(most, round(cores - _seen[1])))


FIRST_TICK, TICK = 0.02, 0.05
"""Seconds after which `tick` is called: who waits for the first curve waits for this, too."""


def train_side_by_side(
    work: list[tuple[Block, Record]],
    stop: threading.Event,
    tick: Callable[[], None],
    threads: int | None = None,
) -> None:
    """Train all blocks, a thread each, as many at a time as there are free cores.

    `tick()` is called in the calling thread a few times a second while they train. An error in a
    block, or an interrupt here, stops them all and is raised.
    """

    def one(block: Block, record: Record) -> None:
        if not stop.is_set():
            # Numbers below 1e-38 are slow, and as good as zero. This holds for this thread alone:
            # elsewhere in the process they must stay what they are.
            torch.set_flush_denormal(True)
            train(block, record, stop.is_set)

    threads = 1 if len(work) == 1 else min(threads or threads_to_use(), len(work))
    with one_thread_each(), ThreadPoolExecutor(threads) as pool:
        try:
            futures, pause = {pool.submit(one, block, record) for block, record in work}, FIRST_TICK
            while futures:
                done, futures = wait(futures, timeout=pause, return_when=FIRST_EXCEPTION)
                pause = TICK
                for future in done:
                    future.result()
                tick()
        except BaseException:
            stop.set()
            raise
