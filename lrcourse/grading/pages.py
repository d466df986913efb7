"""The frame and the pictures of the grader's pages: HTML that holds no script and loads nothing.

What a submission wrote is escaped wherever it is put, and the page's policy forbids to the browser
what would be left: a second lock, should the first one fail.
"""

import re
from collections.abc import Callable, Sequence
from html import escape

from lrcourse.tasks import Curves

POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root{color-scheme:light dark;--ink:#1a1a1a;--soft:#595959;--ground:#fff;--line:#c8c8c8;
--right:#1b7837;--wrong:#b2182b;--open:#7a5c00;--link:#0b57a4;--expected:#0072b2;--yours:#d55e00}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--soft:#b0b0b0;--ground:#161616;
--line:#4a4a4a;--right:#7fd08f;--wrong:#ff9a8f;--open:#e9cf6a;--link:#8ab8ff;--expected:#56b4e9;
--yours:#f0975a}}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;
color:var(--ink);background:var(--ground);overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.35rem;line-height:1.3;margin:2.5rem 0 .5rem;padding-top:.8rem;
border-top:2px solid var(--line)}
h3{font-size:1.05rem;line-height:1.35;margin:0}
h4{font-size:1rem;margin:.8rem 0 0}
p,ul,ol{margin:.4rem 0}ul,ol{padding-left:1.4rem}
a{color:var(--link)}
a:focus-visible,.wide:focus-visible{outline:3px solid var(--link);outline-offset:2px}
code,pre{font:.92em/1.45 ui-monospace,monospace}
pre{white-space:pre-wrap;border-left:3px solid var(--line);margin:.4rem 0;padding-left:.8rem}
.total{font-size:1.2rem}
.soft,figcaption,caption{color:var(--soft);font-size:.92rem}
.loud{border:3px solid var(--wrong);padding:.6rem 1rem;font-weight:bold}
.task{margin:1rem 0;padding:.1rem 0 .1rem .9rem;border-left:5px solid var(--wrong)}
.task.right{border-color:var(--right)}.task.open,.task.partly{border-color:var(--open)}
.got{font-weight:bold;color:var(--wrong)}
.right .got{color:var(--right)}.open .got,.partly .got{color:var(--open)}
figure{margin:.8rem 0;max-width:34rem}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .grid{stroke:var(--line);stroke-width:.7}
svg .expected{stroke:var(--expected)}svg .yours{stroke:var(--yours)}
svg path{fill:none;stroke-width:1.8}svg path.yours.line{stroke-dasharray:6 4}
svg circle{fill:var(--expected);stroke:none}
.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.6rem 0}
caption{text-align:left;padding-bottom:.2rem}
th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;
border-bottom:1px solid var(--line)}
thead th{overflow-wrap:normal}thead .n{white-space:normal}.wide tbody th{min-width:11rem}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.8rem;background:var(--expected);vertical-align:middle;
margin-right:.4rem}
@media print{body{margin:0;max-width:none;font-size:10.5pt}h2,h3,.got{break-after:avoid}
.task,figure,tr{break-inside:avoid}.bar{print-color-adjust:exact}.wide{overflow:visible}}
"""


def prose(text: str) -> str:
    """A sentence, escaped; what stands between backquotes is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def page(title: str, body: str, heading: str = "") -> str:
    """A whole page. `body` and `heading` (the title, if empty) are HTML, `title` is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body>\n<main>\n<h1>{heading or escape(title)}</h1>\n{body}\n</main>\n</body></html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table of HTML cells. The first of a row names it; the rest are numbers, to the right."""
    first, *others = head
    top = f'<th scope="col">{first}</th>'
    top += "".join(f'<th scope="col" class="n">{name}</th>' for name in others)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f'<td class="n">{cell}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{caption}</caption>" if caption else ""
    return f"<table>{caption}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


# The picture: yours beside what is expected

_WIDTH, _HEIGHT = 400, 216
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 390, 28, 176
_MOST_SIGNS = 60  # with more points than these a line says it better


def figure(curves: Curves) -> str:
    """Both curves, and beneath them the same in words."""
    return (
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
