"""Races that take minutes, run once and kept: a small convolutional network, and a small transformer.

`recorded("text")` is what came out, with all that a race can be asked. `recorded_again("text", seeds)`
runs it anew.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lrcourse.lab.budgets import race
from lrcourse.lab.saving import SavedRace, load
from lrcourse.schedules import (
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    MultiStepDecay,
    OneCycle,
    Schedule,
)

FOLDER = Path(__file__).with_name("kept")
BUDGETS = {"digits_conv": 150, "text": 200}
SEEDS = 16


def five_and_constant(steps: int) -> dict[str, Schedule]:
    """The five schedules of the lessons in shapes that did well there, and a constant rate."""
    return {
        "constant": Constant(),
        "step": MultiStepDecay(milestones=[round(0.6 * steps), round(0.85 * steps)], gamma=0.2),
        "exponential": ExponentialDecay(gamma=0.1 ** (1 / steps)),
        "cosine": CosineAnnealing(T_max=steps),
        "cyclical": Cyclical(
            base_lr=0.01, max_lr=0.1, step_size_up=steps // 4, cycle_momentum=False
        ),
        "one-cycle": OneCycle(total_steps=steps, pct_start=0.1, cycle_momentum=False),
    }


def recorded_again(task: str, seeds: int | Iterable[int] = SEEDS, progress: bool = True) -> Any:
    """Run a recorded race, on these seeds. It takes a minute or several."""
    steps = BUDGETS[_known(task)]
    return race(five_and_constant(steps), task=task, steps=steps, seeds=seeds, progress=progress)


def recorded(task: str) -> SavedRace:
    """The race on "digits_conv" or "text" that came with the course: 16 seeds from 0 on."""
    return load(FOLDER / f"{_known(task)}.race")


def _known(task: str) -> str:
    if task not in BUDGETS:
        raise ValueError(f"there is no recorded race on {task!r}: there is {', '.join(BUDGETS)}")
    return task
