"""Drawing what the lab found: axes in, axes out, as in `lrcourse.plots`. Races: `race_drawing`."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator

from lrcourse import plots

# Colours by value: "C0" would be looked up when a figure is drawn, outside the course's style.
_CYCLE = matplotlib.rc_params_from_file(plots.STYLE, use_default_template=False)["axes.prop_cycle"]
COLORS = [f"#{color.lstrip('#')}" for color in _CYCLE.by_key()["color"]]
DASHES = _CYCLE.by_key()["linestyle"]


MARKERS = "osD^vPX*<>hd"


def line_of(i: int) -> dict[str, Any]:
    """The look of line `i`: five colours, each with its dashes; from the sixth on, with marks, too.

    Dashes and marks together never come again, so that colour is not the only cue.
    """
    return {"color": color_of(i), **cue_of(i)}


def cue_of(i: int) -> dict[str, Any]:
    round_ = i // len(DASHES)
    marks = {"marker": MARKERS[(round_ - 1) % len(MARKERS)], "markersize": 5} if round_ else {}
    return {"linestyle": DASHES[i % len(DASHES)], **marks}


def color_of(i: int) -> str:
    return COLORS[i % len(COLORS)]


def log_axis(ax: Axes) -> None:
    """A logarithmic y axis with plain numbers on it: 0.3, not 3 x 10^-1."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.tick_params(axis="y", which="minor", labelsize="small")


def draw_straight(ax: Axes, test: Any) -> Axes:
    """The score after training at each rate: mean over the seeds, band from lowest to highest."""
    good = np.isfinite(test.scores).all(axis=0)
    plots.draw_runs(ax, test.rates[good], test.scores[:, good], label="trained at each rate")
    ax.axhline(test.start, color=plots.INK, linestyle=":", linewidth=1, label="before training")
    ax.set(ylabel=test.task.metric, xscale="log", title=f"{test.task.name}: a run at every rate")
    log_axis(ax)
    ax.legend(fontsize="small")
    return ax


def draw_ramp(ax: Axes, test: Any) -> Axes:
    """The loss along the ramp, and the rate that each rule reads off it."""
    smooth = test.smooth
    shown = np.isfinite(smooth) & (smooth <= 4 * np.nanmin(smooth))
    ax.plot(test.ramp_rates[shown], smooth[shown], color=COLORS[0], label="ramp, averaged")
    for i, (rule, rate) in enumerate(test.suggestions().items(), start=1):
        ax.axvline(rate, label=f"{rule}: {rate:.2g}", **{"linewidth": 1.2} | line_of(i))
    ax.set(xlabel="learning rate", ylabel="loss of the batch", xscale="log", title="one ramp")
    ax.legend(fontsize="x-small")
    return ax


def draw_range_test(test: Any) -> plots.Picture:
    """Both ways of a range test on one axis of rates."""
    figure, (above, below) = plots.panels(2, 1, sharex=True, figsize=(7.0, 6.0))
    with plots.style():
        draw_straight(above, test)
        draw_ramp(below, test)
    figure.say(f"A run at every rate, above, and one ramp, below. {test.verdict()}")
    return figure


def draw_surface(ax: Axes, surface: Any, points: int = 160) -> Axes:
    """The window of a surface: contours over a shade of grey, the more the lower."""
    x, y, loss = surface.grid(points)
    levels = np.unique(np.nanquantile(loss[np.isfinite(loss)], np.linspace(0.01, 0.99, 14)))
    left, right, bottom, top = surface.window
    shades = _SHADES(np.linspace(0, 1, len(levels) + 1))
    ax.contourf(x, y, loss, levels=levels, colors=shades, extend="both", zorder=0)
    ax.contour(x, y, loss, levels=levels, colors="#8a8a8a", linewidths=0.7, zorder=1)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(False)
    return ax


# No stronger than lets the lines of the course stand out, on a light page and on a dark one.
_SHADES = LinearSegmentedColormap.from_list("shades", ["#80808040", "#80808000"])


def draw_paths(ax: Axes, found: Any) -> Axes:
    """Paths over the contours of the surface; a ring where they start, a dot where they end.

    A path that leaves the window for good is drawn up to there, and its label says so.
    """
    draw_surface(ax, found.surface)
    for i, (name, path) in enumerate(found.paths.items()):
        gone = np.flatnonzero(found.inside(name))[-1] + 1 if found.inside(name).any() else 0
        shown = path[: gone + 1]
        label = f"{name} (leaves the picture)" if gone < len(path) else name
        dotted: dict[str, Any] = {"marker": ".", "markersize": 4, "linewidth": 1.2}
        ax.plot(*shown.T, label=label, **dotted | line_of(i))
        if gone == len(path):
            ax.plot(*shown[-1], "o", color=color_of(i), markersize=7)
    ax.plot(*found.surface.start, "o", markerfacecolor="none", color=plots.INK, markersize=9)
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


def draw_landscape(found: Any) -> plots.Picture:
    """Paths above, the rates used beneath."""
    figure, (above, below) = plots.panels(2, 1, height_ratios=[3, 1], figsize=(7.0, 6.4))
    with plots.style():
        draw_paths(above, found)
        draw_used(below, found)
    figure.say(f"Paths over {found.surface.name}, and their rates. {found.verdict()}")
    return figure
