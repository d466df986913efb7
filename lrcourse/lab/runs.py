"""What a race has trained so far: every copy on every seed, once.

A `Stage` is a set of runs that are trained together, all copies on all seeds. `Runs` keeps the
stages of a race, knows what is missing, and finds a run again. A copy is a shape at a peak.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lrcourse.lab.cluster import train_on
from lrcourse.lab.plans import Plan
from lrcourse.lab.train import Block, Record, blocks_of, train_side_by_side


class Stage:
    """All runs of one part of a race: `plans` x `seeds`, and what they did so far."""

    def __init__(
        self,
        task: Any,
        optimizer: Any,
        plans: list[Plan],
        seeds: Sequence[int],
        marks: tuple[int, ...],
        dtype: torch.dtype,
        weight_decay: np.ndarray | None = None,
    ) -> None:
        self.plans, self.marks = plans, np.array(marks)
        self.lr = np.stack([p.lr for p in plans])
        momentum = np.stack([p.momentum for p in plans])
        shape = (len(seeds), len(plans))
        self.losses = np.full((*shape, self.lr.shape[1]), np.nan, np.float32)
        self.scores = np.full((*shape, len(marks)), np.nan)
        self.used = np.full((*shape, self.lr.shape[1]), np.nan)
        self.averaged = np.full_like(self.scores, np.nan)
        self.accuracy = np.full(shape, np.nan)
        self._work = [
            (s, c, self._followed(block, c), self._part(s, c))
            for s, c, block in blocks_of(
                task, optimizer, seeds, self.lr, momentum, marks, dtype, weight_decay
            )
        ]

    def _followed(self, block: Block, c: slice) -> Block:
        """The block; with its plans, if one of them follows the losses."""
        plans = tuple(self.plans[c])
        return replace(block, plans=plans) if any(plan.rule for plan in plans) else block

    def _part(self, s: slice, c: slice) -> Record:
        losses, scores = self.losses[s, c], self.scores[s, c]
        return Record(losses, scores, self.used[s, c], self.averaged[s, c], self.accuracy[s, c])

    @property
    def left(self) -> list[tuple[Block, Record]]:
        """The work that is not done, from its beginning."""
        left = [(block, record) for _, _, block, record in self._work if record.done < block.steps]
        for _, record in left:
            for name in ("losses", "scores", "used", "averaged", "accuracy"):
                getattr(record, name)[:] = np.nan
            record.done = 0
        return left

    def run(self, client: Any, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Train what is not trained yet."""
        train_all([self], client, stop, tick)

    @property
    def done(self) -> np.ndarray:
        """How many updates every run has made, shape (S, C)."""
        done = np.zeros(self.losses.shape[:2], int)
        for s, c, _, record in self._work:
            done[s, c] = record.done
        return done

    def used_is_planned(self) -> bool:
        """Whether every update that was made used the planned rate, to the last bit.

        What follows the losses planned what its rule makes of the losses that were recorded.
        """
        made = np.arange(self.lr.shape[1]) < self.done[:, :, None]
        planned = np.broadcast_to(self.lr, self.used.shape).copy()
        for c, plan in enumerate(self.plans):
            if plan.rule:
                planned[:, c] = [plan.followed(losses) for losses in self.losses[:, c]]
        return bool(np.all(~made | (self.used == planned)))


def train_all(
    stages: Iterable[Stage], client: Any, stop: threading.Event, tick: Callable[[], None]
) -> None:
    """Train what is left of all `stages`, side by side."""
    left = [work for stage in stages for work in stage.left]
    if not left:
        return
    if client is None:
        train_side_by_side(left, stop, tick)
    else:
        train_on(client, left, stop, tick)


class Runs:
    """The runs of a race, by copy and seed.

    `stage(copies, seeds)` makes the stage that trains these copies on these seeds.
    """

    def __init__(self, stage: Callable[[list[Any], tuple[int, ...]], Stage]) -> None:
        self._make = stage
        self._stages: list[Stage] = []
        self._where: dict[tuple[Hashable, int], tuple[Stage, int, int]] = {}

    def want(self, wanted: Iterable[tuple[Hashable, tuple[int, ...]]]) -> None:
        """Add the stages that are missing for `wanted`: pairs of a copy and its seeds."""
        missing: dict[tuple[int, ...], list[Any]] = {}
        for copy, seeds in wanted:
            new = tuple(seed for seed in seeds if (copy, seed) not in self._where)
            copies = missing.setdefault(new, [])
            if new and copy not in copies:
                copies.append(copy)
        for seeds, copies in missing.items():
            if copies:
                self._add(copies, seeds)

    def _add(self, copies: list[Any], seeds: tuple[int, ...]) -> None:
        stage = self._make(copies, seeds)
        self._stages.append(stage)
        for c, copy in enumerate(copies):
            for s, seed in enumerate(seeds):
                self._where[copy, seed] = stage, s, c

    def run(self, client: Any, stop: threading.Event, tick: Callable[[], None]) -> None:
        """Train what is wanted and not trained yet."""
        train_all(self._stages, client, stop, tick)
        for stage in self._stages:
            assert stage.used_is_planned(), "a rate was used that was not planned"

    @property
    def updates(self) -> int:
        """How many updates all runs together have made."""
        return sum(int(stage.done.sum()) for stage in self._stages)

    @property
    def updates_wanted(self) -> int:
        return sum(stage.losses.size for stage in self._stages)

    @property
    def copies(self) -> list[Any]:
        """Every copy that was wanted, once."""
        return list(dict.fromkeys(copy for copy, _ in self._where))

    def has(self, copy: Hashable, seeds: Iterable[int]) -> bool:
        return all((copy, seed) in self._where for seed in seeds)

    def done(self, copy: Hashable, seeds: Iterable[int]) -> np.ndarray:
        """How many updates `copy` has made on each of `seeds`."""
        found = [self._where.get((copy, seed)) for seed in seeds]
        stages = {id(at[0]): at[0] for at in found if at}
        counts = {i: stage.done for i, stage in stages.items()}  # once for each stage: it is slow
        return np.array([counts[id(at[0])][at[1], at[2]] if at else 0 for at in found])

    def of(self, values: str, copy: Hashable, seeds: Iterable[int]) -> np.ndarray:
        """ "losses", "scores", "averaged", "used" or "accuracy" of `copy`, a row for each of `seeds`."""
        at = [self._where[copy, seed] for seed in seeds]
        return np.stack([getattr(stage, values)[s, c] for stage, s, c in at])

    def plan(self, copy: Hashable, seed: int) -> Plan:
        stage, _, c = self._where[copy, seed]
        return stage.plans[c]
