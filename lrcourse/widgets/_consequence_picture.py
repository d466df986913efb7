"""The stored picture of an explorer that trains: rate over score, and the ends beside the score."""

from typing import Any

import numpy as np

from lrcourse.plots import INK
from lrcourse.widgets._curves import to_floats
from lrcourse.widgets.widget import figure, png, upright

SIZE = (9.0, 5.4)  # inches
GREY = "#808080"


def picture(
    rates: list[tuple[str, np.ndarray, np.ndarray]], found: dict, here: int | None, run: int
) -> bytes:
    """`rates`: name, updates and rates of every schedule; `found`: what the browser gets, see
    `consequences.py`; `here`: the position that is shown. A PNG."""
    drawn, (above, words, below, beside) = figure(2, 2, SIZE)
    grid = above.get_gridspec()
    grid.set_width_ratios([1.75, 1.0])
    grid.set_height_ratios([1.0, 1.35])
    _draw_rates(above, rates)
    _draw_scores(below, found, here)
    _draw_ends(beside, found, here)
    words.set_axis_off()
    here_said = found["words"][here] if found["words"] and here is not None else ""
    said = "\n".join(filter(None, [here_said, found["range"], found["said"]]))
    words.text(0, 1, said, va="top", wrap=True, fontsize=9, transform=words.transAxes)
    for ax in (above, below):
        ax.set_xlim(found["axes"]["x"]["from"], found["axes"]["x"]["to"])
        ax.axvline(run, color=GREY, ls=":", lw=1.2)
    return png(drawn)


def _draw_rates(ax: Any, rates: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    for name, t, rate in rates:
        ax.plot(*upright(t, rate), label=name)
    ax.set_ylabel("learning rate")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize="small")


def _draw_scores(ax: Any, found: dict, here: int | None) -> None:
    """The curve of the position that is shown, those of the other schedules, and the ghost."""
    marks = to_floats(found["marks"])
    mean, half = (to_floats(found[name]).reshape(-1, len(marks)) for name in ("mean", "half"))
    colours = [line["color"] for line in _cycle()]
    styles = [line["linestyle"] for line in _cycle()]
    name, ghost = found["ghost"]
    ax.plot(marks, mean[ghost], color=GREY, ls="--", lw=1.2, label=name)
    shown = [[found["which"], found["copy"][here]]] if here is not None else []
    for which, c in [*found["others"], *shown]:
        if c < 0:
            continue
        kept = marks <= found["run"]
        ax.plot(marks[kept], mean[c][kept], color=colours[which], ls=styles[which])
        low, high = mean[c] - half[c], mean[c] + half[c]
        ax.fill_between(marks, low, high, color=colours[which], alpha=0.15, lw=0)
    ax.set(xlabel="t, updates already made", ylabel=found["metric"])
    ax.set_ylim(found["axes"]["y"]["from"], found["axes"]["y"]["to"])
    ax.legend(fontsize="small")


def _draw_ends(ax: Any, found: dict, here: int | None) -> None:
    """A point for each position with its interval; those not told from the best shaded."""
    end = np.array(found["end"], float)
    halves = np.array(found["halves"] or np.full(len(end), np.nan), float)
    places = np.arange(len(end))
    for p in found["near"]:
        ax.axvspan(p - 0.5, p + 0.5, color="#009E73", alpha=0.15, lw=0)
    ax.errorbar(places, end, halves, fmt="o", ms=3.5, lw=1, color=INK)
    if found["best"] is not None:
        ax.plot(found["best"], end[found["best"]], "o", ms=10, mfc="none", mec="#009E73", mew=1.8)
    if here is not None:
        ax.plot(here, end[here], "D", ms=7, color="#D55E00")
    some = np.unique(np.linspace(0, len(end) - 1, 5).round().astype(int))
    ax.set_xticks(some, [found["texts"][p] for p in some])
    ax.set(xlabel=found["label"], title="at the end")
    ax.set_ylim(found["axes"]["y"]["from"], found["axes"]["y"]["to"])


def _cycle() -> list[dict[str, Any]]:
    from matplotlib import rcParams

    from lrcourse.plots import style

    with style():
        return list(rcParams["axes.prop_cycle"])
