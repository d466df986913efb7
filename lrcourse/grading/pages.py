"""The frame and the pictures of the grader's pages: HTML that holds no script and loads nothing.

The pages are templates (`templates/`), which escape whatever is put into them; and the policy of
each forbids to the browser what would be left: a second lock, should the first one fail.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lrcourse.grading.names import visible
from lrcourse.tasks import Curves

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(template: str, **context: Any) -> str:
    """A whole page: a template, filled. Texts are escaped; only `Markup` is HTML."""
    return _templates().get_template(template).render(policy=POLICY, **context)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("lrcourse.grading"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"prose": prose, "person": person, "figure": figure, "number": number}
    made.filters |= {"points": points, "visible": visible, "bullets": bullets}
    return made


def prose(text: str) -> Markup:
    """A sentence, escaped; what stands between backquotes is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(visible(text, keep="\n"))))


def bullets(text: str) -> Markup:
    """Lines that begin with "- " as a list, with what is between ** in bold."""
    strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return Markup("<ul>{}</ul>").format(
        Markup("").join(
            Markup(f"<li>{line.removeprefix('- ')}</li>") for line in strong.split("\n")
        )
    )


def person(name: str) -> Markup:
    """A name: one that is written from the right does not turn what stands beside it."""
    return Markup("<bdi>{}</bdi>").format(visible(name))


def number(value: float) -> str:
    """At most four decimals: "2.5", "3"."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def points(earned: float, possible: float | None = None) -> str:
    """ "3 of 4 points", or "1 point"."""
    last = earned if possible is None else possible
    amount = number(earned) if possible is None else f"{number(earned)} of {number(possible)}"
    return f"{amount} {'point' if last == 1 else 'points'}"


# The picture: yours beside what is expected


_WIDTH, _HEIGHT = 400, 216
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 390, 28, 176
_MOST_SIGNS = 60  # with more points than these a line says it better


def figure(curves: Curves) -> Markup:
    """Both curves, and beneath them the same in words."""
    return Markup(
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Yours and expected over {escape(curves.label)}; in words below">'
        f"{_drawn(curves)}</svg><figcaption>{escape(curves.words)}</figcaption></figure>"
    )


def _drawn(curves: Curves) -> str:
    values = [v for v in (*curves.yours, *curves.expected) if v is not None]
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    ends = min(curves.steps), max(curves.steps)
    x, x_ticks = _scale(*ends, _LEFT + 8, _RIGHT - 8, whole=curves.whole)
    y, y_ticks = _scale(low - room, high + room, _BOTTOM, _TOP)
    parts = [_axes(x, x_ticks, y, y_ticks, curves.label), _legend(curves.joined)]
    for name, curve in (("expected", curves.expected), ("yours", curves.yours)):
        places = [None if v is None else (x(t), y(v)) for t, v in zip(curves.steps, curve)]
        if curves.joined:
            parts.append(f'<path class="{name} line" d="{_line(places)}"/>')
        if not curves.joined or len(places) <= _MOST_SIGNS:
            parts += [_sign(name, *place) for place in places if place]
    return "".join(parts)


def _scale(
    low: float, high: float, start: float, end: float, whole: bool = False
) -> tuple[Callable[[float], float], list[float]]:
    """From numbers to places in the picture, and the numbers to write at the axis."""
    from matplotlib.ticker import MaxNLocator

    if low == high:
        low, high = low - 1, high + 1
    steps = [1, 2, 2.5, 5, 10]
    ticks = MaxNLocator(nbins=5, steps=steps, integer=whole).tick_values(low, high)
    inside = [float(v) for v in ticks if low <= v <= high]
    return lambda v: start + (v - low) / (high - low) * (end - start), inside


def _axes(x: Callable, x_ticks: list[float], y: Callable, y_ticks: list[float], label: str) -> str:
    parts = []
    for v in y_ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(v):.1f}H{_RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>')
    for v in x_ticks:
        parts.append(f'<path class="grid" d="M{x(v):.1f} {_BOTTOM}v4"/>')
        parts.append(f'<text x="{x(v):.1f}" y="{_BOTTOM + 17}" text-anchor="middle">{v:g}</text>')
    middle = (_LEFT + _RIGHT) / 2
    parts.append(f'<path class="grid" d="M{_LEFT} {_BOTTOM}H{_RIGHT}"/>')
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>'
    )
    return "".join(parts)


def _legend(joined: bool) -> str:
    parts = []
    for name, left in (("expected", _LEFT), ("yours", _LEFT + 110)):
        if joined:
            parts.append(f'<path class="{name} line" d="M{left} 13h28"/>')
        parts.append(_sign(name, left + 14, 13))
        parts.append(f'<text x="{left + 34}" y="17">{name}</text>')
    return "".join(parts)


def _line(places: Sequence[tuple[float, float] | None]) -> str:
    """A path through the places, broken where one is missing."""
    path, pen = [], "M"
    for place in places:
        if place:
            path.append(f"{pen}{place[0]:.1f} {place[1]:.1f}")
        pen = "L" if place else "M"
    return "".join(path)


def _sign(name: str, x: float, y: float) -> str:
    """A dot for what is expected, a cross for yours: colour is never the only cue."""
    if name == "expected":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>'
    return f'<path class="yours" d="M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6"/>'
