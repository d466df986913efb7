"""What a comparison of planned and used gives back: true or false, sentences, a picture."""

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrcourse._causes import Finding

if TYPE_CHECKING:
    from lrcourse.plots import Picture


class Difference(NamedTuple):
    """Where planned and used part: the update, counted from 0, and the two values there."""

    update: int
    planned: float  # nan where the plan has already ended
    used: float
    group: int = 0
    of: str = "lr"  # or "momentum"


@dataclass(frozen=True, repr=False)
class Report:
    """Planned against used: true if they are equal, and prints as sentences.

    `cause` is a short name for what the trace looks like, the same from run to run:
    "never-stepped", "unknown" where no story gives these rates, None where nothing is
    to be said. A run can use what was planned and still be worth a word, such as "run-longer":
    then `equal` is true and `cause` is that word. `also` names other stories that would have
    given the same rates.

    `show()` draws it, `to_dict()` is for logs.
    """

    equal: bool
    first_difference: Difference | None
    cause: str | None
    also: tuple[str, ...]
    message: str
    finding: Finding | None = field(default=None, compare=False)
    curves: tuple[np.ndarray, np.ndarray] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.equal

    def __repr__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, Any]:
        """The report in plain values, as JSON takes them; what is not a number is None."""
        parted = self.first_difference
        return {
            "equal": self.equal,
            "cause": self.cause,
            "also": list(self.also),
            "message": self.message,
            "first_difference": None if parted is None else _plain(parted._asdict()),
            "what": self.finding.what if self.finding else None,
            "fix": self.finding.fix if self.finding else None,
            "before": self.finding.before if self.finding else None,
            "after": self.finding.after if self.finding else None,
        }

    def show(self) -> None:
        """Show planned and used with what differs shaded, the cause, and the lines of code.

        In a notebook as a picture with text, elsewhere as the sentences that `print` gives.
        """
        from IPython.display import display

        display(_Shown(self))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in values.items()}


class _Shown:
    """A report as a notebook shows it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __repr__(self) -> str:
        finding = self._report.finding
        lines = [self._report.message]
        if finding and finding.after:
            lines += [
                *(["Now:", finding.before] if finding.before else []),
                "As planned:",
                finding.after,
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        sentences = "<br>".join(html.escape(line) for line in self._report.message.splitlines())
        return f"<div>{self._picture()}<p>{sentences}</p>{self._lines()}</div>"

    def _picture(self) -> str:
        if self._report.curves is None:
            return ""
        return _picture(self._report)._repr_html_()

    def _lines(self) -> str:
        finding = self._report.finding
        if finding is None:
            return ""
        both = (("now", finding.before), ("as planned", finding.after))
        return "".join(
            f"<p>{name}:</p><pre>{html.escape(code)}</pre>" for name, code in both if code
        )


def _picture(report: Report) -> "Picture":
    from lrcourse import plots

    assert report.curves is not None
    planned, used = report.curves
    parted = report.first_difference
    with plots.style():
        figure = plots.Picture(figsize=(7.0, 3.2), layout="constrained")
        ax = figure.subplots()
        plots.draw_planned_and_used(ax, planned, used, None if parted is None else parted.update)
        for begin, end in stretches(planned, used):
            ax.axvspan(begin - 0.5, end - 0.5, color="tab:red", alpha=0.12, lw=0)
    figure.say(report.message.splitlines()[0])
    return figure


def stretches(planned: np.ndarray, used: np.ndarray, most: int = 50) -> list[tuple[int, int]]:
    """Where the two differ, as (first update, one past the last); at most so many, the gaps joined."""
    with np.errstate(invalid="ignore"):
        differ = ~np.isclose(planned, used, rtol=1e-6, atol=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], differ.astype(int), [0]])))
    pairs = edges.reshape(-1, 2)
    if len(pairs) > most:
        pairs = np.array([[pairs[0, 0], pairs[-1, 1]]])
    return [(int(begin), int(end)) for begin, end in pairs]
