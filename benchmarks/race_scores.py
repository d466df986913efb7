"""Real scores to resample: what the tests of the verdict draw their races from.

Eight shapes of the course, each at 23 peaks, on `digits`, 200 updates, 512 seeds: 94,208 runs, some
four minutes on two idle cores. The scores are kept in steps of 0.00005 in a file of 200 kB.

    python benchmarks/race_scores.py tests/lab/digits_scores.npz
"""

import sys
import threading

import numpy as np

from lrcourse import lab
from lrcourse.lab.plans import plan
from lrcourse.lab.tasks import task_named
from lrcourse.lab.train import Record, blocks_of, train_side_by_side

STEPS, SEEDS, AT_ONCE = 200, 512, 32
PEAKS = np.arange(-16, 7)  # quarters of an octave from the top, 0.283
RESOLUTION = 5e-5


def scores_of(plans: list, seeds: range) -> np.ndarray:
    """The score of every plan on every seed after the last update, shape (seeds, plans)."""
    task = task_named("digits")
    lr, momentum = (np.stack([getattr(p, name) for p in plans]) for name in ("lr", "momentum"))
    blocks = blocks_of(task, task.optimizer, seeds, lr, momentum, (STEPS,))
    work = [(block, Record.of(block)) for _, _, block in blocks]
    train_side_by_side(work, threading.Event(), lambda: None)
    found = np.empty((len(seeds), len(plans)))
    for (s, c, _), (_, record) in zip(blocks, work):
        found[s, c] = record.scores[..., -1]
    return found


def main(path: str) -> None:
    top = task_named("digits").peak[0] * (1 - 0.9)
    shapes = lab.shapes(STEPS)
    plans = [
        plan(name, shape, STEPS, 0.9, top * 2 ** (i / 4))
        for name, shape in shapes.items()
        for i in PEAKS
    ]
    parts = []
    for first in range(0, SEEDS, AT_ONCE):
        parts.append(scores_of(plans, range(first, first + AT_ONCE)))
        print(f"{first + AT_ONCE} of {SEEDS} seeds", flush=True)
    scores = np.concatenate(parts).T.reshape(len(shapes), len(PEAKS), SEEDS)
    steps = np.where(np.isfinite(scores), (scores / RESOLUTION).round(), 65535)
    np.savez_compressed(
        path, names=list(shapes), peaks=PEAKS, resolution=RESOLUTION,
        scores=steps.clip(0, 65535).astype(np.uint16),
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
