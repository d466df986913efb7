"""Drawing: axes in, axes out.

Every function takes the axes to draw on, draws, labels, and gives the axes back. The look of all
figures is in one file, `lrcourse.mplstyle`; `style` applies it.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrcourse.schedules import Schedule

STYLE = Path(__file__).with_name("lrcourse.mplstyle")


def style() -> AbstractContextManager:
    """The look of the course: `with plots.style(): ...`."""
    return matplotlib.style.context(STYLE)


def panels(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure in the look of the course, and its axes: one, or an array of them.

    `options` go to `plt.subplots`. Ask for it in a cell, never in a widget's callback: the
    figure belongs to pyplot, which is shared by everything in the kernel.
    """
    import matplotlib.pyplot as plt

    with style():
        size = (7.0, 3.2 * rows if rows == 1 else 2.6 * rows)
        return plt.subplots(rows, columns, **{"figsize": size, "layout": "constrained"} | options)


def draw_schedule(
    ax: Axes, schedule: Schedule, steps: int | None = None, label: str | None = None, **line: Any
) -> Axes:
    """The rate of `schedule` for the first `steps` updates (its `horizon`, if None)."""
    t = np.arange(steps or schedule.horizon)
    ax.plot(t, schedule(t), label=label, **line)
    ax.set(xlabel="t, updates already made", ylabel="learning rate")
    ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    if label:
        ax.legend()
    return ax


def draw_runs(ax: Axes, t: Any, runs: Any, label: str | None = None, **line: Any) -> Axes:
    """The mean of several runs, with a band from the lowest to the highest.

    `t`: shape (steps,). `runs`: shape (seeds, steps), one row a seed.
    """
    runs = np.asarray(runs, dtype=float)
    (mean,) = ax.plot(t, runs.mean(axis=0), label=label, **line)
    ax.fill_between(t, runs.min(axis=0), runs.max(axis=0), color=mean.get_color(), alpha=0.15, lw=0)
    if label:
        ax.legend()
    return ax
