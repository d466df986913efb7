"""The explorer's figure: matplotlib draws the ground on which the browser draws the curves."""

import math
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lrcourse import plots
from lrcourse.schedules import Schedule
from lrcourse.widgets._curves import FULL, Curve, Pin, curve_of
from lrcourse.widgets.widget import upright

MOST_LINES = 5  # the style has five colours, each with a line style of its own
MOST_PINS = 4


class Picture:
    """One matplotlib figure: the axes that all curves share, the pinned curves, the legend.

    It belongs to no pyplot, and everything that would read the global style later is set here, so
    that it can be drawn again from the browser's messages while a cell draws something else.
    """

    DPI = 100
    RIGHT = 0.2  # inches beside the axes

    def __init__(
        self,
        names: list[str],
        schedules: tuple[Schedule, ...],
        steps: int,
        steps_per_epoch: int | None,
        width: int = FULL,
        over_another: bool = False,
    ) -> None:
        """`width`: of the figure, in pixels of the page. A narrow one is lower, too.
        `over_another`: whether a picture lies below it that has the same axis of t, with its labels.
        """
        self._over_another = over_another
        self.has_momentum = any(s.has_momentum for s in schedules)
        self._names, self._steps = names, steps
        self._ends = any(s.end is not None for s in schedules)
        self._most_pins = min(MOST_PINS, MOST_LINES - len(names))
        self._inches, self._narrow = width / self.DPI, width < 0.8 * FULL
        self._text = 9 if self._narrow else 11
        self._left = 0.8 if self._narrow else 0.95
        with plots.style():
            self._styles = list(matplotlib.rcParams["axes.prop_cycle"])
            dashes = {
                "--": list(matplotlib.rcParams["lines.dashed_pattern"]),
                "-.": list(matplotlib.rcParams["lines.dashdot_pattern"]),
                ":": list(matplotlib.rcParams["lines.dotted_pattern"]),
                "-": [],
            }
            self.looks = [
                {"colour": to_hex(s["color"]), "dash": dashes.get(s["linestyle"], [5, 1, 1, 1])}
                for s in self._styles
            ]
            self._build(steps_per_epoch)
        self.set_pins([], np.arange(2))

    def _build(self, steps_per_epoch: int | None) -> None:
        self.figure = Figure(figsize=(self._inches, 1), dpi=self.DPI)
        self._canvas = FigureCanvasAgg(self.figure)
        self.axes = [self.figure.add_axes((0, 0, 1, 1), label="rate")]
        self.axes[0].set_ylabel("learning rate", fontsize=self._text)
        if self.has_momentum:
            self.axes.append(self.figure.add_axes((0, 0, 1, 1), label="momentum"))
            self.axes[1].set_ylabel("momentum", fontsize=self._text)
            self.axes[0].tick_params(labelbottom=False)
        self._label_axes()
        if steps_per_epoch:
            self._count_epochs(steps_per_epoch)
        self._make_lines()
        for ax in self.axes:
            ax.set_xlim(0, self._steps - 1)
        self._place(bool(steps_per_epoch))

    def _label_axes(self) -> None:
        if not self._over_another:
            self.axes[-1].set_xlabel("t, updates already made", fontsize=self._text)
        self.axes[-1].tick_params(labelbottom=not self._over_another)
        ticks = 4 if self._narrow else 8
        for ax in self.axes:
            ax.set_xlim(0, self._steps - 1)
            ax.xaxis.set_major_locator(
                MaxNLocator(nbins=ticks, integer=True, steps=[1, 2, 2.5, 5, 10])
            )
            ax.tick_params(labelsize=self._text, grid_color="#80808050", grid_linewidth=0.8)
            beside = (0.6 if self._narrow else 0.68) / (self._inches - self._left - self.RIGHT)
            ax.yaxis.set_label_coords(-beside, 0.5)
            ax.set_axisbelow(True)
        self._set_scale("linear")
        if self.has_momentum:
            self.axes[1].yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))

    def _set_scale(self, scale: str) -> None:
        """The axis of the rate, with plain numbers on it: 0.001, not 10^-3."""
        axis = self.axes[0].yaxis
        self.axes[0].set_yscale(scale)
        most = 4 if self._narrow else 6
        log = LogLocator(numticks=most + 1)
        plain = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10])
        axis.set_major_locator(log if scale == "log" else plain)
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))

    def _count_epochs(self, steps_per_epoch: int) -> None:
        both = (lambda t: t / steps_per_epoch, lambda e: e * steps_per_epoch)
        second = self.axes[0].secondary_xaxis("top", functions=both)
        second.set_xlabel(f"epochs of {steps_per_epoch} updates", fontsize=self._text)
        second.tick_params(labelsize=self._text)
        if self._narrow:
            second.xaxis.set_major_locator(MaxNLocator(nbins=4))

    def _make_lines(self) -> None:
        """The lines of each schedule, those past its end, those of the pins, and the shades."""

        def on_each_axes(**look: Any) -> list[Line2D]:
            return [ax.plot([], [], **look)[0] for ax in self.axes]

        named = self._styles[: len(self._names)]
        self._lines = [on_each_axes(**style, lw=2.2, zorder=3) for style in named]
        self._past = [
            on_each_axes(color=style["color"], ls=":", lw=1.3, zorder=3) for style in named
        ]
        pins = self._styles[len(named) :]
        self._pins = [on_each_axes(**style, lw=1.5, zorder=2.5) for style in pins]
        self._shades = [ax.axvspan(0, 0, color="#808080", alpha=0.15, lw=0) for ax in self.axes]

    def _place(self, epochs: bool) -> None:
        """The axes, in inches from the top: legend, epochs, rate, momentum, labels of t."""
        legend, above = self._height_of_legend(), 0.52 if epochs else 0.0
        rate, momentum, gap, below = 2.35, 1.05, 0.16, 0.55
        if self._narrow:
            rate, momentum, below = 1.6, 0.75, 0.5
        if self._over_another:
            rate, below = min(rate, 1.75), 0.08
        if not self.has_momentum:
            momentum = gap = 0.0
        height = legend + above + rate + gap + momentum + below
        self.size = {
            "width": round(self._inches * self.DPI),
            "height": round(height * self.DPI),
        }
        self.figure.set_size_inches(self._inches, height)
        left, right = self._left / self._inches, 1 - self.RIGHT / self._inches
        tops = [(legend + above, rate), (legend + above + rate + gap, momentum)]
        for ax, (top, tall) in zip(self.axes, tops):
            ax.set_position((left, 1 - (top + tall) / height, right - left, tall / height))

    def _height_of_legend(self) -> float:
        """Inches: in a narrow figure, enough for all the pins, so that nothing moves."""
        if not self._narrow:
            return 0.36
        self._write_legend(self._most_pins)
        [legend] = self.figure.legends
        return legend.get_window_extent().height / self.DPI + 0.08

    def set_pins(self, pins: list[Pin], t: np.ndarray) -> None:
        for lines, pin in zip(self._pins, pins + [None] * len(self._pins)):
            curve = curve_of(pin.schedule, t) if pin else None
            for line, values in zip(lines, (curve.rate, curve.momentum) if curve else (None, None)):
                line.set_data(([], []) if values is None else upright(t, values))
        self._write_legend(len(pins))

    def _write_legend(self, pins: int) -> None:
        """In one row over the axes if it fits; else smaller, from the edge, in more rows."""
        handles: list[Any] = [line[0] for line in self._lines]
        handles += [line[0] for line in self._pins[:pins]]
        labels = [*self._names, *(f"pin {i + 1}" for i in range(pins))]
        if self._ends:
            dots = Line2D([], [], color=self._styles[0]["color"], ls=":", lw=1.3)
            handles.append((Patch(color="#808080", alpha=0.25, lw=0), dots))
            labels.append("past the end")
        tries = ((10, self._left, 1), (9, 0.1, 1), (8, 0.1, 1), *((8, 0.1, n) for n in range(2, 7)))
        for size, left, rows in tries[2 * self._narrow :]:
            for legend in list(self.figure.legends):
                legend.remove()
            legend = self.figure.legend(
                handles,
                labels,
                loc="upper left",
                bbox_to_anchor=(left / self._inches, 1.0),
                ncols=math.ceil(len(labels) / rows),
                fontsize=size,
                frameon=False,
                labelcolor=plots.INK,  # later, no style of ours is on
                borderaxespad=0.5 / rows,
                labelspacing=0.25,
                handlelength=2.2,
                columnspacing=1.4,
            )
            if legend.get_window_extent().x1 <= self.figure.bbox.width:
                return

    def ground(self, limits: tuple, ratio: float) -> tuple[bytes, list[dict]]:
        """The figure without the moving curves, as PNG, and where its panels are."""
        self._set_limits(limits)
        self._draw_curves([], np.array([]))
        png = self._png(self.DPI * ratio)
        return png, [self._panel(ax, y) for ax, y in zip(self.axes, limits)]

    def whole(self, limits: tuple, curves: list[Curve], t: np.ndarray) -> bytes:
        """The figure with its curves, as PNG."""
        self._set_limits(limits)
        self._draw_curves(curves, t)
        return self._png(self.DPI)

    def _set_limits(self, limits: tuple) -> None:
        self._set_scale("log" if "log" in limits[0] else "linear")
        for ax, y in zip(self.axes, limits):
            ax.set_ylim(*y[:2])

    def _draw_curves(self, curves: list[Curve], t: np.ndarray) -> None:
        nothing = np.array([])
        for i, (lines, past) in enumerate(zip(self._lines, self._past)):
            curve = curves[i] if curves else Curve(nothing, nothing, None)
            for line, dots, y in zip(lines, past, (curve.rate, curve.momentum)):
                y = nothing if y is None else y
                x, y = upright(t[: len(y)], y)
                end = math.inf if curve.end is None else curve.end
                line.set_data(x[x <= end], y[x <= end])
                dots.set_data(x[x >= end], y[x >= end])
        ends = [c.end for c in curves if c.end is not None]
        for shade in self._shades:
            shade.set_visible(bool(ends))
            shade.set_x(max(ends, default=0))
            shade.set_width(max(0, self._steps - 1 - max(ends, default=0)))

    def _png(self, dpi: float) -> bytes:
        out = BytesIO()
        self.figure.dpi = dpi
        self._canvas.print_png(out, metadata={"Software": None})
        self.figure.dpi = self.DPI
        return out.getvalue()

    def _panel(self, ax: Any, y: tuple) -> dict:
        """Where the axes are, as shares of the figure from its top left, and their limits."""
        box = ax.bbox.transformed(self.figure.transFigure.inverted())
        return {
            "left": box.x0,
            "top": 1 - box.y1,
            "width": box.width,
            "height": box.height,
            "x": [0, self._steps - 1],
            "y": list(y[:2]),
            "log": "log" in y,
        }
