"""Drawing: axes in, axes out.

Every function takes the axes to draw on, draws, labels, and gives the axes back. The look of all
figures is in one file, `lrcourse.mplstyle`; `style` applies it.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
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
        made = plt.subplots(rows, columns, **{"figsize": size, "layout": "constrained"} | options)
        showing = plt.isinteractive()
    # Jupyter's backend, loaded with the first figure, switches showing on; `style` undoes that.
    matplotlib.interactive(showing)
    return made


MOST_POINTS = 100_000


def draw_schedule(
    ax: Axes, schedule: Schedule, steps: int | None = None, label: str | None = None, **line: Any
) -> Axes:
    """The rate of `schedule` for the first `steps` updates (its `horizon`, if None).

    Of very many updates every so many-th is drawn: more points than that nobody can see.
    """
    count = steps or schedule.horizon
    t = np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.int64)
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


def draw_planned_and_used(
    ax: Axes, planned: Any, used: Any, parted: int | None = None, of: str = "learning rate"
) -> Axes:
    """Planned, a broad grey band, and used over it, a thin dashed line with marks.

    `planned`: shape (updates,), or (updates, groups), longer than `used` where the run ended
    before the plan; None if nothing was planned. `used`: the same with the updates made; None if
    nothing was used. `parted`: the first update at which they differ, marked with both values.
    """
    plan, run = (_columns(values) for values in (planned, used))
    every = max(1, max(len(plan), len(run)) // 20)
    band: dict[str, Any] = {"color": "0.75", "linestyle": "-", "linewidth": 6, "zorder": 1.8}
    dashes: dict[str, Any] = {"linewidth": 1.5, "marker": "o", "markersize": 4, "markevery": every}
    for i, column in enumerate(plan.T):
        ax.plot(column, label=None if i else "planned", drawstyle="steps-post", **band)
    for i, column in enumerate(run.T):
        name, style = f"used, group {i}" if run.shape[1] > 1 else "used", ["--", ":", "-."][i % 3]
        ax.plot(column, label=name, drawstyle="steps-post", linestyle=style, **dashes)
    ax.set(xlabel="t, updates already made", ylabel=of)
    if len(plan) > len(run) > 0:
        _mark(ax, len(run) - 1, "the run ends", ":")
    if parted is not None:
        _mark(ax, parted, f"they part at update {parted}", "-")
    ax.legend()
    return ax


def _columns(values: Any) -> np.ndarray:
    values = np.empty((0, 0)) if values is None else np.asarray(values, dtype=float)
    return values.reshape(len(values), -1) if values.size else np.empty((0, 0))


def _mark(ax: Axes, t: int, text: str, linestyle: str) -> None:
    """A vertical line with its text at the top, on the side with more room."""
    ax.axvline(t, color="0.25", lw=1.2, ls=linestyle)
    left, right = ax.get_xlim()
    side = "left" if t < (left + right) / 2 else "right"
    gap = " " if side == "left" else ""
    ax.text(t, 1.02, gap + text, transform=ax.get_xaxis_transform(), ha=side, va="bottom")
