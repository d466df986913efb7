"""Trunk and branches: one long run at a held rate, stopped anywhere and cooled down.

What is drawn is real training, done once and kept: see `trained`. The trunk warms up and then holds
its rate. A branch leaves it at 80 % of the length at which it stops, and cools down to zero as
1 - sqrt: together they are `warmup_stable_decay`. Beside it stands a run made for that length: a
line down to zero, at the peak that is best for just this length. The trunk has one peak for all.
"""

from typing import Any

import numpy as np

from lrcourse.lab.stats import interval, paired
from lrcourse.widgets import trained
from lrcourse.widgets.widget import (
    CourseWidget,
    Refused,
    axes,
    figure,
    look,
    script,
    to_json,
)

MOST_KEPT = 6
ABOUT = (
    "Trained by the lab: its task digits, SGD with momentum 0.9, {seeds} seeds, the same for all. "
    "The trunk holds a rate of {peak:.3g}, the best for a branch of {tuned} updates."
)


def trunk_and_branches(
    stop: int = 400,
    *,
    title: str = "Stop the run where you like. What does it cost not to have known?",
) -> "Trunk":
    """A warmup-stable-decay run stopped anywhere, against runs that were made for that length.

    `stop`: the length at first, one of 100, 150, ..., 1000 updates; the nearest is taken.

    >>> run = trunk_and_branches()
    >>> for length in (200, 400, 800):
    ...     run.stop(length)
    ...     run.keep()
    >>> run.state["spent"], run.state["alone"]
    (920, 1400)
    """
    widget = Trunk(trained.kept("trunk"), title)
    try:
        widget.stop(stop)
    except Refused as error:
        raise ValueError(str(error)) from None
    return widget


class Trunk(CourseWidget):
    """The widget that `trunk_and_branches` makes. From Python: `.stop(400)`, `.keep()`, `.table()`."""

    _esm = script("moving", "trunk")
    _css = look("moving")
    _actions = ("move",)

    def __init__(self, stored: dict[str, Any], title: str):
        self._stored = stored
        self.rows = [self._row(length) for length in trained.LENGTHS]
        longest = trained.LENGTHS[-1]
        curves = {length: self._curves(length) for length in trained.LENGTHS}
        peaks = [stored["peak"], *(row["peak"] for row in self.rows)]
        t = axes((0, longest), (0, 1), "updates", "")["x"]
        low = min(min(row["made"], row["branch"]) for row in self.rows)
        high = float(stored["trunk"][trained.LENGTHS[0] // trained.EVERY - 1])
        content = {
            "title": title,
            "about": ABOUT.format(
                seeds=len(trained.TRUNK_SEEDS), peak=stored["peak"], tuned=trained.TUNED_AT
            ),
            "every": trained.EVERY,
            "warmup": trained.WARMUP,
            "cool": trained.COOL,
            "peak": stored["peak"],
            "trunk": to_json(stored["trunk"]),
            "rows": self.rows,
            "curves": curves,
            "most": MOST_KEPT,
            "axes": {
                "risk": {
                    "x": t,
                    "y": axes((0, 1), (0.9 * low, 1.15 * high), "", "excess risk")["y"],
                },
                "rate": {"x": t, "y": axes((0, 1), (0, 1.1 * max(peaks)), "", "rate")["y"]},
            },
        }
        super().__init__(content=content)
        self.state = {"kept": []}

    def _row(self, length: int) -> dict[str, Any]:
        """The ends at one length: means, and how far the branch is behind, with its interval."""
        branch, made = (
            self._stored[f"{kind}_{length}"].astype(float) for kind in ("branch", "made")
        )
        behind = paired(branch, made).difference
        return {
            "length": length,
            "trunk": float(self._stored["trunk"][length // trained.EVERY - 1]),
            "branch": float(branch.mean()),
            "made": float(made.mean()),
            "half": interval(made).half,
            "peak": self._stored[f"made_peak_{length}"],
            "behind": behind.mean,
            "behind_half": behind.half,
        }

    def _curves(self, length: int) -> dict[str, list[float | None]]:
        """Expected losses at the marks: of the branch from where it leaves the trunk."""
        leaves = round((1 - trained.COOL) * length) // trained.EVERY
        branch = self._stored[f"branch_curve_{length}"][leaves - 1 :]
        return {"branch": to_json(branch), "made": to_json(self._stored[f"made_curve_{length}"])}

    def stop(self, length: int) -> None:
        """Stop the trunk at `length` updates, or at the nearest length that was trained."""
        self.move(length, self.state["kept"])

    def keep(self) -> None:
        """Keep the branch that is shown; at most six."""
        self.move(self.state["stop"], [*self.state["kept"], self.state["stop"]])

    def forget(self) -> None:
        """Keep none."""
        self.move(self.state["stop"], [])

    def move(self, stop: int, kept: list[int]) -> None:
        low, *_, high = trained.LENGTHS
        if not isinstance(stop, int) or isinstance(stop, bool) or not low <= stop <= high:
            raise Refused(f"stop at a whole number of updates from {low} to {high}, got {stop!r}")
        known = sorted(set(kept))
        if len(known) > MOST_KEPT or not set(known) <= set(trained.LENGTHS):
            raise Refused(f"up to {MOST_KEPT} of {list(trained.LENGTHS)} can be kept, got {kept}")
        stop = min(trained.LENGTHS, key=lambda length: abs(length - stop))
        row = self.rows[trained.LENGTHS.index(stop)]
        self.state = {
            "stop": stop,
            "kept": known,
            "spent": spent(known or [stop]),
            "alone": sum(known or [stop]),
            "behind": row["behind"],
            "half": row["behind_half"],
        }

    def table(self) -> Any:
        """Every length: the branch, the run made for it, and the paired difference."""
        import pandas as pd

        columns = {
            "branch": "branch",
            "made": "made for it",
            "behind": "behind",
            "behind_half": "±",
            "trunk": "not cooled",
        }
        table = pd.DataFrame(self.rows).set_index("length").rename_axis("updates")
        return table[list(columns)].rename(columns=columns)

    def __repr__(self) -> str:
        state = self.state
        behind = f"behind by {state['behind']:.4f} ± {state['half']:.4f}"
        return f"<trunk and branches: stopped at {state['stop']}, {behind}>"

    # Without a kernel: the same for everybody, whatever this hand did.

    def _as_text(self) -> str:
        lines = [
            f"  {row['length']:5} updates: branch {row['branch']:.4f}, made for it {row['made']:.4f}, "
            f"behind by {row['behind']:.4f} ± {row['behind_half']:.4f}"
            for row in self.rows
            if row["length"] in (100, 200, 400, 800, 1000)
        ]
        return "\n".join([self.content["title"].replace("`", ""), self.content["about"], *lines])

    def _alternative(self) -> str:
        return f"Excess risk against updates: a trunk, three branches, and runs of their own. {self._as_text()}"

    def _as_figure(self) -> Any:
        picture, [ax] = figure(size=(7.0, 3.2))
        marks = trained.EVERY * np.arange(1, len(self._stored["trunk"]) + 1)
        ax.plot(marks, self._stored["trunk"], color="#0072B2", label="trunk, held")
        for i, length in enumerate((200, 400, 800)):
            curves = self._curves(length)
            branch = np.array(curves["branch"], dtype=float)
            x = length - trained.EVERY * np.arange(len(branch))[::-1]
            label = "branch, cooled down" if i == 0 else None
            ax.plot(x, branch, color="#D55E00", ls="--", label=label)
            end = np.array(curves["made"], dtype=float)[-1]
            label = "run made for that length, its end" if i == 0 else None
            ax.plot(length, end, "o", color="#009E73", label=label)
        limits = self.content["axes"]["risk"]
        ax.set(xlim=(0, limits["x"]["to"]), ylim=(limits["y"]["from"], limits["y"]["to"]))
        ax.set(xlabel="updates", ylabel="excess risk")
        ax.legend(fontsize=9)
        return picture


def spent(lengths: list[int]) -> int:
    """Updates for branches of these lengths: the trunk up to the last, and every cool-down.

    >>> spent([200, 400, 800])
    920
    """
    cooled = [round(trained.COOL * length) for length in lengths]
    return max(length - down for length, down in zip(lengths, cooled)) + sum(cooled)
