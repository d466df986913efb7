"""Drawing what the lab found: axes in, axes out, as in `lrcourse.plots`."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from lrcourse import plots

DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]


def line_of(i: int) -> dict[str, Any]:
    """The look of line `i`: five colours, and from the sixth line on other dashes for them."""
    return {"color": f"C{i % 5}", "linestyle": DASHES[(i + i // 5) % 5]}


def draw_curves(ax: Axes, race: Any) -> Axes:
    """The mean score of every schedule over the seeds, with its 95 % band."""
    for i, (name, curve) in enumerate(race.curves.items()):
        count = np.isfinite(curve).sum(0)
        some = count > 0
        mean = np.nanmean(curve[:, some], axis=0)
        ax.plot(race.marks[some], mean, label=name, **line_of(i))
        several = count[some] > 1
        if several.any():
            n = count[some][several]
            spread = np.nanstd(curve[:, some][:, several], axis=0, ddof=1)
            half = stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n)
            t, middle = race.marks[some][several], mean[several]
            ax.fill_between(t, middle - half, middle + half, color=f"C{i % 5}", alpha=0.15, lw=0)
    ax.set(ylabel=race.task.metric, title=f"{race.task.name}, {len(race.seeds)} seeds")
    ax.set_yscale("log")
    ax.legend(fontsize="small", ncols=2)
    return ax


def draw_rates(ax: Axes, race: Any) -> Axes:
    """The rate that every schedule really used, update by update."""
    for i, (name, used) in enumerate(race.used.items()):
        ax.plot(np.arange(race.steps), used[0], label=name, **line_of(i))
    ax.set(xlabel="t, updates already made", ylabel="learning rate used")
    ax.set_ylim(bottom=0)
    return ax


def draw_race(race: Any) -> Figure:
    """Curves above, the rates used beneath, on one time axis."""
    figure, (above, below) = plots.panels(
        2, 1, sharex=True, height_ratios=[3, 2], figsize=(7.0, 5.6)
    )
    with plots.style():
        draw_curves(above, race)
        draw_rates(below, race)
    return figure
