"""Drawing what the lab found: axes in, axes out, as in `lrcourse.plots`."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from scipy import stats

from lrcourse import plots

# Colours by value: "C0" would be looked up when a figure is drawn, outside the course's style.
_CYCLE = matplotlib.rc_params_from_file(plots.STYLE, use_default_template=False)["axes.prop_cycle"]
COLORS = [f"#{color.lstrip('#')}" for color in _CYCLE.by_key()["color"]]
DASHES = _CYCLE.by_key()["linestyle"]


def line_of(i: int) -> dict[str, Any]:
    """The look of line `i`: five colours, and from the sixth line on other dashes for them."""
    return {"color": color_of(i), "linestyle": DASHES[(i + i // len(COLORS)) % len(DASHES)]}


def color_of(i: int) -> str:
    return COLORS[i % len(COLORS)]


def _log_axis(ax: Axes) -> None:
    """A logarithmic y axis with plain numbers on it: 0.3, not 3 x 10^-1."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.tick_params(axis="y", which="minor", labelsize="small")


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
            ax.fill_between(t, middle - half, middle + half, color=color_of(i), alpha=0.15, lw=0)
    ax.set(ylabel=race.task.metric, title=f"{race.task.name}, {len(race.seeds)} seeds")
    _log_axis(ax)
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


def draw_straight(ax: Axes, test: Any) -> Axes:
    """The score after training at each rate: mean over the seeds, band from lowest to highest."""
    good = np.isfinite(test.scores).all(axis=0)
    plots.draw_runs(ax, test.rates[good], test.scores[:, good], label="trained at each rate")
    ax.axhline(test.start, color=COLORS[4], linestyle=":", linewidth=1, label="before training")
    ax.set(ylabel=test.task.metric, xscale="log", title=f"{test.task.name}: a run at every rate")
    _log_axis(ax)
    ax.legend(fontsize="small")
    return ax


def draw_ramp(ax: Axes, test: Any) -> Axes:
    """The loss along the ramp, and the rate that each rule reads off it."""
    smooth = test.smooth
    shown = np.isfinite(smooth) & (smooth <= 4 * np.nanmin(smooth))
    ax.plot(test.ramp_rates[shown], smooth[shown], color=COLORS[0], label="ramp, averaged")
    for i, (rule, rate) in enumerate(test.suggestions().items(), start=1):
        ax.axvline(rate, label=f"{rule}: {rate:.2g}", linewidth=1.2, **line_of(i))
    ax.set(xlabel="learning rate", ylabel="loss of the batch", xscale="log", title="one ramp")
    ax.legend(fontsize="x-small")
    return ax


def draw_range_test(test: Any) -> Figure:
    """Both ways of a range test on one axis of rates."""
    figure, (above, below) = plots.panels(2, 1, sharex=True, figsize=(7.0, 6.0))
    with plots.style():
        draw_straight(above, test)
        draw_ramp(below, test)
    return figure


def draw_surface(ax: Axes, surface: Any, points: int = 160) -> Axes:
    """The window of a surface: contours over a shade of grey, the darker the lower."""
    x, y, loss = surface.grid(points)
    levels = np.unique(np.nanquantile(loss[np.isfinite(loss)], np.linspace(0.01, 0.99, 14)))
    left, right, bottom, top = surface.window
    shades = _SHADES(np.linspace(0, 1, len(levels) + 1))
    ax.contourf(x, y, loss, levels=levels, colors=shades, extend="both", zorder=0)
    ax.contour(x, y, loss, levels=levels, colors="#8a8a8a", linewidths=0.7, zorder=1)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(False)
    return ax


# No darker than lets all lines of the course keep a contrast of 3:1.
_SHADES = LinearSegmentedColormap.from_list("shades", ["#e2e2e2", "#ffffff"])


def draw_paths(ax: Axes, found: Any) -> Axes:
    """Paths over the contours of the surface; a ring where they start, a dot where they end.

    A path that leaves the window for good is drawn up to there, and its label says so.
    """
    draw_surface(ax, found.surface)
    for i, (name, path) in enumerate(found.paths.items()):
        gone = np.flatnonzero(found.inside(name))[-1] + 1 if found.inside(name).any() else 0
        shown = path[: gone + 1]
        label = f"{name} (leaves the picture)" if gone < len(path) else name
        ax.plot(*shown.T, label=label, marker=".", markersize=4, linewidth=1.2, **line_of(i))
        if gone == len(path):
            ax.plot(*shown[-1], "o", color=color_of(i), markersize=7)
    ax.plot(*found.surface.start, "o", markerfacecolor="none", color="black", markersize=9)
    ax.set(xlabel="x", ylabel="y")
    ax.set_title(f"{found.surface.name}: {found.surface.trait}", fontsize="small")
    ax.legend(fontsize="small")
    return ax


def draw_used(ax: Axes, found: Any) -> Axes:
    """The rates that the paths were walked with."""
    for i, (name, used) in enumerate(found.used.items()):
        ax.plot(used, label=name, **line_of(i))
    ax.set(xlabel="t, updates already made", ylabel="rate used")
    ax.set_ylim(bottom=0)
    return ax


def draw_landscape(found: Any) -> Figure:
    """Paths above, the rates used beneath."""
    figure, (above, below) = plots.panels(2, 1, height_ratios=[3, 1], figsize=(7.0, 6.4))
    with plots.style():
        draw_paths(above, found)
        draw_used(below, found)
    return figure
