"""Drawing: axes in, axes out.

Every function takes the axes to draw on, draws, labels, and gives the axes back. The look of all
figures is in one file, `lrcourse.mplstyle`; `style` applies it. A `Picture` is a figure that says
what is to be seen on it.
"""

from base64 import b64encode
from contextlib import AbstractContextManager
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from lrcourse.schedules import Schedule

STYLE = Path(__file__).with_name("lrcourse.mplstyle")
INK = "#757575"
"""Of text and axes: to be read on a light page and on a dark one."""
SHARP = 1.5
"""How many times finer than the page a picture is stored: a page may be shown larger."""


def style() -> AbstractContextManager:
    """The look of the course: `with plots.style(): ...`."""
    return matplotlib.style.context(STYLE)


class Picture(Figure):
    """A matplotlib figure with its text: a notebook shows both.

    words   what is to be seen, in words: the text alternative of the picture. What the axes say,
            if nothing is given

    JupyterLab gives an image no text alternative, whatever its metadata say. So it is shown as HTML.
    """

    words: str = ""

    def say(self, words: str) -> None:
        """Add to the words: each of several axes may have its own."""
        self.words = f"{self.words} {words}".strip()

    def png(self) -> bytes:
        """The picture as PNG, without the version of matplotlib in it, so that it does not change."""
        out = BytesIO()
        self._make_readable()
        with style():
            self.savefig(out, format="png", dpi=SHARP * self.dpi, metadata={"Software": None})
        return out.getvalue()

    def _make_readable(self) -> None:
        """What a cell wrote outside of `style` is black, and a legend's ground white: not any more."""
        for text in self.findobj(Text):
            if isinstance(text, Text) and to_hex(text.get_color()) == "#000000":
                text.set_color(INK)
        for legend in self.findobj(Legend):
            if (
                isinstance(legend, Legend)
                and to_hex(legend.get_frame().get_facecolor()) == "#ffffff"
            ):
                legend.get_frame().set(facecolor="none", edgecolor="none")

    def _repr_html_(self) -> str:
        wide = self.get_size_inches()[0] * self.dpi
        return as_html(self.png(), self.words or _axes_in_words(self), wide)

    def _ipython_display_(self) -> None:
        """Shown once: where it is the value of its cell, and where it is not."""
        from IPython.display import display

        words = self.words or _axes_in_words(self)
        display({"text/html": self._repr_html_(), "text/plain": words}, raw=True)
        if "inline" in matplotlib.get_backend():
            import matplotlib.pyplot as plt

            plt.close(self)


BODY = 14
"""The pixels of an em in a notebook."""
BRIGHTER = (
    "<style>:is([data-jp-theme-light=false], .vscode-dark, html[theme=dark]) .lrc-picture "
    "{ filter: brightness(1.6) }</style>"
)
"""In the dark themes of JupyterLab, VS Code and Colab. Where a page drops it, all can be read, too."""


def as_html(png: bytes, words: str, wide: float = 700) -> str:
    """A picture with its text alternative, `wide` pixels of a page with plain text: it grows with it.

    What a notebook shows in place of an image, which JupyterLab gives no text alternative.
    """
    look = f"width: {wide / BODY:.4g}em; max-width: 100%"
    alt, data = escape(" ".join(words.split())), b64encode(png).decode()
    shown = f'<img alt="{alt}" class="lrc-picture" style="{look}" '
    return f'{BRIGHTER}{shown}src="data:image/png;base64,{data}">'


def _axes_in_words(figure: Figure) -> str:
    """What the axes of a figure and their legends say."""
    said = []
    for ax in figure.axes:
        title = f"{ax.get_title(loc='left') or ax.get_title()}: ".removeprefix(": ")
        legend = ax.get_legend()
        names = [text.get_text() for text in legend.get_texts()] if legend else []
        lines = f", with {', '.join(names)}" if names else ""
        y, x = ax.get_ylabel() or "values", ax.get_xlabel() or "their number"
        said.append(f"{title}{y} against {x}{lines}.")
    return " ".join(said) or "An empty figure."


def say(ax: Axes, words: str) -> None:
    """Give what is drawn on `ax` its words, if its figure keeps any."""
    if isinstance(ax.figure, Picture):
        ax.figure.say(words)


def panels(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Picture, Any]:
    """A picture in the look of the course, and its axes: one, or an array of them.

    `options` go to `plt.subplots`. Ask for it in a cell, never in a widget's callback: the
    figure belongs to pyplot, which is shared by everything in the kernel.
    """
    import matplotlib.pyplot as plt

    with style():
        size = (7.0, 3.2 * rows if rows == 1 else 2.6 * rows)
        more: dict[str, Any] = {"figsize": size, "layout": "constrained", "FigureClass": Picture}
        made: Any = plt.subplots(rows, columns, **more | options)
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
    band: dict[str, Any] = {
        "color": "#9a9a9a",
        "alpha": 0.6,
        "linestyle": "-",
        "linewidth": 6,
        "zorder": 1.8,
    }
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
    ax.axvline(t, color=INK, lw=1.2, ls=linestyle)
    left, right = ax.get_xlim()
    side = "left" if t < (left + right) / 2 else "right"
    gap = " " if side == "left" else ""
    ax.text(t, 1.02, gap + text, transform=ax.get_xaxis_transform(), ha=side, va="bottom")
