"""Races as pictures: curves, differences, peaks, ranks. Axes in, axes out, and the words for them.

The five best of a race are in colour, the rest in grey. Each line has dashes or marks that no other
line of the picture has, and its name at its end, beside a piece of the line.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from lrcourse import plots
from lrcourse.lab.bounds import bound
from lrcourse.lab.drawing import DASHES, MARKERS, line_of

IN_COLOUR = 5
GREY = "#8c8c8c"
LINE = 0.17
"""The height of a line of small text, in inches."""


def picture(draw: Callable[[Axes, Any], Axes], of: Any, ax: Axes | None, tall: float = 3.6) -> Any:
    """`draw(ax, of)` on these axes, given back; or on those of a new picture, which is given back."""
    if ax is not None:
        with plots.style():
            return draw(ax, of)
    figure, ax = plots.panels(figsize=(7.0, tall))
    with plots.style():
        draw(ax, of)
    return figure


def looks(names: Iterable[str], ranked: Iterable[str]) -> dict[str, dict[str, Any]]:
    """How each of `names` is drawn: the first of `ranked` in colour, the rest in grey with marks."""
    names, best = list(names), list(ranked)[:IN_COLOUR]
    coloured = [name for name in names if name in best]
    grey = [name for name in names if name not in best]
    found = {name: {**line_of(i), "zorder": 2.5} for i, name in enumerate(coloured)}
    return found | {name: _grey_line(j) for j, name in enumerate(grey)}


def _grey_line(j: int) -> dict[str, Any]:
    marker, round_ = MARKERS[j % len(MARKERS)], j // len(MARKERS)
    dashes = DASHES[round_ % len(DASHES)]
    thin = {"linewidth": 1.2, "markersize": 4, "zorder": 2.2}
    return {"color": GREY, "marker": marker, "linestyle": dashes, **thin}


def _looks_of(race: Any) -> dict[str, dict[str, Any]]:
    try:
        ranked = race._ranked()
    except ValueError:  # nothing is judged yet
        ranked = list(race.curves)
    return looks(race.curves, ranked)


# Names at the ends


def name_ends(ax: Axes, ends: Mapping[str, float], look: Mapping[str, dict]) -> None:
    """Write each name beside the axes, at the height of its line's end or as near as there is room.

    Call it when the limits are set. A name whose line ends outside of the axes has an arrow.
    """
    to_share = ax.transData + ax.transAxes.inverted()
    heights = {name: to_share.transform((0, y))[1] for name, y in ends.items() if np.isfinite(y)}
    order = sorted(heights, key=lambda name: heights[name])
    tall = ax.get_position().height * ax.figure.get_figheight()  # type: ignore[union-attr]
    places = apart([min(max(heights[name], 0), 1) for name in order], LINE / tall)
    for name, place in zip(order, places):
        height = heights[name]
        end, arrow = min(max(height, 0), 1), "↑ " if height > 1 else "↓ " if height < 0 else ""
        free: dict[str, Any] = {"transform": ax.transAxes, "clip_on": False}
        lead = LineCollection(
            [[(1, end), (1.015, place)]], colors=plots.INK, linewidths=0.6, **free
        )
        piece: dict[str, Any] = {f"{k}s": look[name][k] for k in ("color", "linestyle")}
        own = LineCollection([[(1.02, place), (1.07, place)]], linewidths=1.8, **piece, **free)
        for line in (lead, own):
            ax.add_collection(line)
        if "marker" in look[name]:
            mark: dict[str, Any] = {k: look[name][k] for k in ("color", "marker")}
            ax.scatter([1.045], [place], s=20, **mark, **free)
        small: dict[str, Any] = {"va": "center", "fontsize": "small", "transform": ax.transAxes}
        ax.text(1.08, place, arrow + name, **small)


def apart(heights: list[float], gap: float) -> list[float]:
    """`heights`, from the lowest on, moved so that each is `gap` above the last, as little as can be.

    >>> apart([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    """
    groups: list[list[float]] = []  # of heights that touch: their middles stay
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _top(groups[-2], gap) + gap > _bottom(groups[-1], gap) + 1e-12:
            last = groups.pop()
            groups[-1] += last
    placed = [_bottom(group, gap) + gap * i for group in groups for i in range(len(group))]
    return [round(float(place), 6) for place in placed]


def _bottom(group: list[float], gap: float) -> float:
    """Where a group begins, within 0 and 1 if it fits."""
    half = gap * (len(group) - 1) / 2
    middle = float(np.mean(group))
    return max(min(middle, 1 - half), half) - half


def _top(group: list[float], gap: float) -> float:
    return _bottom(group, gap) + gap * (len(group) - 1)


# Curves


def draw_curves(ax: Axes, race: Any) -> Axes:
    """The mean score of every schedule over the seeds, with its 95 % band.

    The axis shows the end of the race, where it is decided: curves come in from outside of it.
    """
    look, ends = _looks_of(race), {}
    for name, curve in race.curves.items():
        t, mean, half = _mean_and_half(race.marks, curve)
        ax.plot(t, mean, label=name, **look[name])
        if look[name]["color"] != GREY:
            band: dict[str, Any] = {"color": look[name]["color"], "alpha": 0.15, "lw": 0}
            ax.fill_between(t, mean - half, mean + half, **band)
        ends[name] = mean[-1] if len(mean) else np.nan
    title = f"{race.task.name}, {len(race.seeds)} seeds: the mean and its 95 % band"
    ax.set(xlabel="t, updates already made", ylabel=race.task.metric)
    ax.set_title(title, fontsize="small")
    ax.set_xlim(0, race.steps)
    limits = limits_of_curves(race)
    if limits:
        ax.set_ylim(*limits)
    name_ends(ax, ends, look)
    plots.say(ax, curves_in_words(race))
    return ax


def _mean_and_half(marks: np.ndarray, curve: np.ndarray) -> tuple[np.ndarray, ...]:
    """At the marks that some seeds have passed: the mean, and half of its interval (0 for one seed)."""
    count = np.isfinite(curve).sum(0)
    some = count > 0
    curve, n = np.where(np.isfinite(curve), curve, np.nan)[:, some], count[some]
    mean = np.nanmean(curve, axis=0)
    spread = np.nanstd(curve, axis=0) * np.sqrt(n / np.maximum(n - 1, 1))
    half = np.where(
        n > 1, scipy.stats.t.ppf(0.975, np.maximum(n - 1, 1)) * spread / np.sqrt(n), 0.0
    )
    return marks[some], mean, half


def limits_of_curves(race: Any) -> tuple[float, float] | None:
    """From a little beyond the best end to where the second half of the race is in sight."""
    sign, look = race._sign, _looks_of(race)
    means = {n: _mean_and_half(race.marks, c)[1] * sign for n, c in race.curves.items()}
    shown = [m for n, m in means.items() if len(m) and look[n]["color"] != GREY]
    if not shown:
        return None
    best, *behind = sorted(m[-1] for m in shown)
    worst = best + _within([end - best for end in behind])
    middle = min(m[int(0.4 * len(m))] for m in shown)
    low = min(m.min() for m in shown)
    top = max(worst + 0.25 * (worst - low), middle)
    room = 0.06 * (top - low) or abs(low) or 1.0
    low, top = low - room, top + room
    return (low, top) if sign == 1 else (-top, -low)


def _within(gaps: list[float]) -> float:
    """The largest of `gaps`, unless it is so large that the others could not be seen beside it."""
    return min(max(gaps), 8 * float(np.median(gaps))) if gaps else 0.0


def draw_rates(ax: Axes, race: Any) -> Axes:
    """The rate that every schedule really used, update by update."""
    look = _looks_of(race)
    for name, used in race.used.items():
        every = {"markevery": max(1, race.steps // 12)} if "marker" in look[name] else {}
        ax.plot(
            np.arange(race.steps),
            used[0],
            label=name,
            drawstyle="steps-post",
            **look[name],
            **every,
        )
    ax.set(xlabel="t, updates already made", ylabel="learning rate used")
    ax.set_ylim(bottom=0)
    plots.say(ax, rates_in_words(race))
    return ax


def draw_race(race: Any) -> plots.Picture:
    """Curves above, the rates used beneath, on one time axis."""
    figure, (above, below) = plots.panels(
        2, 1, sharex=True, height_ratios=[3, 2], figsize=(7.0, 5.6)
    )
    with plots.style():
        draw_curves(above, race)
        draw_rates(below, race)
    above.set_xlabel("")
    return figure


def curves_in_words(race: Any) -> str:
    """Where the curves end, from the best on, and who was ahead before."""
    means = {n: _mean_and_half(race.marks, c)[1] for n, c in race.curves.items()}
    means = {n: mean for n, mean in means.items() if len(mean)}
    head = f"{_sentence(race.task.metric)} on {race.task.name} over {race.steps} updates, the mean of {len(race.seeds)} seeds."
    if not means:
        return f"{head} No curve yet."
    costs = {n: race._sign * m for n, m in means.items()}
    order = sorted(costs, key=lambda n: costs[n][-1])
    ends = ", ".join(f"{n} {means[n][-1]:.3g}" for n in order)
    return f"{head} At the end: {ends}. {_leaders(race.marks, costs)}"


def _leaders(marks: np.ndarray, costs: dict[str, np.ndarray]) -> str:
    """Who was ahead at which marks."""
    names = list(costs)
    shared = min(len(cost) for cost in costs.values())
    table = np.stack([costs[n][:shared] for n in names])
    first = [names[i] for i in table.argmin(0)]
    parts, begin = [], 0
    for k in range(1, len(first) + 1):
        if k == len(first) or first[k] != first[begin]:
            span = (
                f"from {marks[begin]} to {marks[k - 1]}" if k - 1 > begin else f"at {marks[begin]}"
            )
            parts.append(f"{first[begin]} {span}")
            begin = k
    return f"Ahead, by updates: {', '.join(parts)}."


def rates_in_words(race: Any) -> str:
    """Where each rate begins, is highest and ends."""
    said = []
    for name, used in race.used.items():
        rate = used[0][np.isfinite(used[0])]
        if len(rate):
            top = int(rate.argmax())
            high = f", highest {rate[top]:.3g} at {top}" if 0 < top < len(rate) - 1 else ""
            course = f"from {rate[0]:.3g}{high} to {rate[-1]:.2g}"
            said.append(f"{name} {course if np.ptp(rate) else f'{rate[0]:.3g} throughout'}")
    return f"Rates used: {'; '.join(said)}." if said else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# Differences


def draw_differences(ax: Axes, race: Any) -> Axes:
    """How far each schedule is behind the best, seed by seed, with the intervals of the verdict.

    A full dot: the best beats it. An open one: it is not told from the best.
    """
    best, others = race._standing()
    if not others:
        raise ValueError(
            f"differences need two schedules that trained on every seed, and this race has "
            f"{1 if best else 0}: see race.table()"
        )
    lost = [name for name in race._ranked() if name != best and name not in others]
    rows = [best, *others, *lost]
    reach = _reach(others.values())
    ax.axvline(0, color=plots.INK, lw=1.2)
    for y, name in enumerate(rows):
        if name in others:
            _draw_difference(ax, race, y, others[name], reach)
    ax.plot(0, 0, "o", color=plots.INK, markersize=7)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    low = min([0.0, *(_behind(s)[0] - _half(s) for s in others.values())])
    ax.set_xlim(max(low, -reach) - 0.04 * reach, 1.04 * reach)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # the numbers are long
    ax.grid(axis="y", visible=False)
    right: dict[str, Any] = dict(transform=ax.get_yaxis_transform(), va="center", fontsize="small")
    for y, name in enumerate(rows):
        ax.text(1.02, y, _beside(race, name, best, others), **right)
    ax.set_xlabel(f"{race.task.metric}: how far behind {best}")
    ax.set_title(_title(race), fontsize="small")
    plots.say(ax, differences_in_words(race))
    return ax


def _behind(stands: Any) -> tuple[float, float]:
    return abs(stands.difference.mean), stands.difference.half


def _half(stands: Any) -> float:
    half = stands.difference.half
    return half if np.isfinite(half) else 0.0


def _reach(standing: Iterable[Any]) -> float:
    """How far the axis goes: to the worst, unless that would hide the differences of the others."""
    return _within([_behind(s)[0] + _half(s) for s in standing]) or 1.0


def _draw_difference(ax: Axes, race: Any, y: int, stands: Any, reach: float) -> None:
    behind, told = _behind(stands)[0], race._told(stands)
    colour = line_of(1)["color"] if told else line_of(0)["color"]
    if behind > reach:
        ax.plot(reach, y, ">", color=colour, markersize=8)
        return
    half = 0.0 if race.task.exact else _half(stands)
    bar: dict[str, Any] = {"color": colour, "capsize": 4, "elinewidth": 1.8, "markersize": 7}
    ax.errorbar(behind, y, xerr=half, fmt="o", markerfacecolor=colour if told else "none", **bar)


def _beside(race: Any, name: str, best: str, others: Mapping[str, Any]) -> str:
    """What stands beside a row: the number, or why there is none."""
    from lrcourse.lab.stats import rounded

    if name == best:
        return "the best"
    if name not in others:
        return _why_lost(race, name)
    behind, half = abs(others[name].difference.mean), _half(others[name])
    if race.task.exact or not half:
        return f"{behind:.4g}"
    sign = "" if race._told(others[name]) else "  ≈"
    return f"{rounded(behind, half)} ± {rounded(half, half)}{sign}"


def _why_lost(race: Any, name: str) -> str:
    diverged, nowhere = race._lost()[name]
    n = len(race.scores[name])
    return f"diverged on {diverged} of {n}" if diverged else f"got nowhere on {nowhere} of {n}"


def _title(race: Any) -> str:
    if race.task.exact:
        return f"{race.task.name}, {race.steps} updates, computed"
    return f"{race.task.name}, {race.steps} updates, {len(race.seeds)} seeds: all intervals hold at once"


def differences_in_words(race: Any) -> str:
    best, others = race._standing()
    near = [n for n, s in others.items() if not race._told(s)]
    rows = "; ".join(f"{n} {_beside(race, n, best, others)}" for n in others).replace("  ≈", "")
    told = f" Not told from it: {', '.join(near)}." if near else ""
    lost = [n for n in race._ranked() if n != best and n not in others]
    out = "".join(f" {n} {_why_lost(race, n)} seeds." for n in lost)
    return f"Behind {best} on {race.task.name}, {race.task.metric}: {rows}.{told}{out}"


# Peaks


def draw_peaks(ax: Axes, race: Any) -> Axes:
    """The mean score at every peak that was tried, a line a schedule; a ring at the one it ran with.

    A small dot was tried on a few of the seeds alone: it led the way, and is not to be compared.
    """
    tried = race.tuning
    if tried is None:
        raise ValueError(
            "this race tuned no peaks, it ran every schedule as it is: race with tune=True"
        )
    look = _looks_of(race)
    judged = tried["seeds"].max()
    for name in race.curves:
        rows = tried.loc[name]
        sure, peak = rows[rows["seeds"] == judged], race.plans[name].peak
        line: dict[str, Any] = {
            k: v for k, v in look[name].items() if k not in ("marker", "markersize")
        }
        mark = look[name].get("marker", "o")
        scouts = line | {"linewidth": 0.8, "alpha": 0.7, "label": "_"}
        ax.plot(rows.index, rows["mean"], **scouts, marker=".")
        ax.plot(sure.index, sure["mean"], label=name, **line, marker=mark, markersize=5)
        chosen = sure["mean"].iloc[np.abs(np.log(sure.index / peak)).argmin()]
        ring: dict[str, Any] = {"s": 140, "facecolors": "none", "linewidths": 1.5, "zorder": 4}
        ax.scatter([peak], [chosen], edgecolors=look[name]["color"], **ring)
    _axis_of_peaks(ax, [plan.peak for plan in race.plans.values()])
    limits = _limits_of_peaks(race, judged)
    if limits:
        ax.set_ylim(*limits)
    ax.set(xlabel="peak of the rate", ylabel=f"{race.task.metric} at the end")
    ax.set_title(_title_of_peaks(race, judged), fontsize="small")
    ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=3.4)
    plots.say(ax, peaks_in_words(race))
    return ax


def draw_bound(ax: Axes, race: Any) -> Axes:
    """The mean score of each schedule against its bound, with its name, and the correlation of ranks."""
    ends = {
        name: bound(lambda t, lr=plan.lr: lr[t], len(plan.lr)).end
        for name, plan in race.plans.items()
        if plan.rule is None
    }
    if len(ends) < 2:
        raise ValueError("a bound needs two schedules that do not follow the losses to be compared")
    measured, lowest, look = race.table()["mean"], min(ends.values()), _looks_of(race)
    places = {name: (end / lowest, measured[name]) for name, end in ends.items()}
    for name, at in places.items():
        ax.plot(*at, marker=look[name].get("marker", "o"), color=look[name]["color"], markersize=7)
        left = _crowded(at, list(places.values()))
        text: dict[str, Any] = {
            "xytext": (-7 if left else 7, -3),
            "ha": "right" if left else "left",
        }
        ax.annotate(name, at, **text, textcoords="offset points", fontsize="small")
    ranks = scipy.stats.spearmanr([*ends.values()], [measured[name] for name in ends]).statistic
    ax.set(xlabel="bound, as a multiple of the lowest", ylabel=f"{race.task.metric} at the end")
    ax.set_title(f"{race.task.name}, {race.steps} updates: rank correlation {ranks:.1f}")
    ax.margins(x=0.15, y=0.1)
    plots.say(ax, bound_in_words(ends, measured, lowest, ranks))
    return ax


def _crowded(at: tuple[float, float], places: list[tuple[float, float]]) -> bool:
    """Whether another point stands where the name at the right of this one would be."""
    away = (np.array(places) - at) / np.ptp(places, axis=0).clip(1e-12)
    return bool(((away[:, 0] > 0) & (away[:, 0] < 0.25) & (abs(away[:, 1]) < 0.06)).any())


def bound_in_words(ends: Mapping[str, float], measured: Any, lowest: float, ranks: float) -> str:
    """What each schedule was to be, and what it came to, from the lowest bound on."""
    order = sorted(ends, key=ends.__getitem__)
    said = (f"{name} {ends[name] / lowest:.2f} and {measured[name]:.2f}" for name in order)
    return (
        f"Bound, as a multiple of the lowest, and mean score: {', '.join(said)}. The rank "
        f"correlation is {ranks:.1f}."
    )


def _axis_of_peaks(ax: Axes, peaks: list[float]) -> None:
    """Rates on a logarithmic axis, with plain numbers, to two octaves beyond the peaks that ran."""
    ax.set_xscale("log")
    ax.set_xlim(min(peaks) / 4, max(peaks) * 4)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())


def _title_of_peaks(race: Any, judged: int) -> str:
    if race.task.exact:
        return f"{race.task.name}, {race.steps} updates: the peak of each"
    return f"{race.task.name}, {race.steps} updates: the peak of each, on {judged} seeds"


def _limits_of_peaks(race: Any, judged: int) -> tuple[float, float] | None:
    """So that each bowl is seen up to a factor of 2 from its bottom, unless a run nearly diverged there."""
    tried, sign = race.tuning, race._sign
    near, chosen = [], []
    for name in race.curves:
        means, peak = sign * tried.loc[name]["mean"], race.plans[name].peak
        sound = means[np.isfinite(means)]
        ratio = np.abs(np.log2(sound.index / peak))
        near += sound[ratio < 1.1].tolist()
        chosen += sound[ratio < 0.1].tolist()
    if not near or min(near) == max(near):
        return None
    low = min(near)
    top = max([low + _within([mean - low for mean in near]), *chosen])
    top = top if top > low else max(near)
    room = 0.08 * (top - low)
    low, top = low - room, top + room
    return (low, top) if sign == 1 else (-top, -low)


def peaks_in_words(race: Any) -> str:
    tried, said = race.tuning, []
    for name in race.curves:
        rows, peak = tried.loc[name]["mean"], race.plans[name].peak
        i = int(np.abs(np.log(rows.index / peak)).argmin())
        beside = [
            f"{rows.iloc[j]:.3g} at {rows.index[j]:.2g}"
            for j in (i - 1, i + 1)
            if 0 <= j < len(rows)
        ]
        best = f"{name} at its best with a peak of {peak:.3g}, {rows.iloc[i]:.3g}"
        said.append(f"{best} (beside it {', '.join(beside)})" if beside else best)
    return f"{_sentence(race.task.metric)} at the end against the peak: {'; '.join(said)}."


# Ranks


def draw_ranks(ax: Axes, races: Mapping[int, Any]) -> Axes:
    """The rank of every schedule at every budget: a line a schedule, the best at the top.

    A full dot: the best of its budget, or not told from it.
    """
    order = {steps: race._ranked() for steps, race in races.items()}
    near = {steps: race.table()["≈"] for steps, race in races.items()}
    budgets = list(races)
    names = order[budgets[-1]]
    look = looks(names, names)
    rank = {n: [order[T].index(n) + 1 if n in order[T] else np.nan for T in budgets] for n in names}
    for name in names:
        line: dict[str, Any] = {
            k: v for k, v in look[name].items() if k not in ("marker", "markersize")
        }
        ax.plot(range(len(budgets)), rank[name], label=name, **line)
        mark = look[name].get("marker", "o")
        for k, steps in enumerate(budgets):
            told = near[steps].get(name, "") != "≈"
            face = "none" if told else look[name]["color"]
            dot: dict[str, Any] = {"s": 60, "facecolors": face, "linewidths": 1.5, "zorder": 3}
            ax.scatter([k], [rank[name][k]], marker=mark, edgecolors=look[name]["color"], **dot)
    ax.set_xticks(range(len(budgets)), [f"{T:,}" for T in budgets])
    ax.set_yticks(range(1, len(names) + 1))
    ax.set(xlabel="updates", ylabel="rank", xlim=(-0.06, len(budgets) - 0.94))
    ax.set_ylim(len(names) + 0.5, 0.5)
    first = next(iter(races.values()))
    ax.set_title(
        f"{first.task.name}, {len(first.seeds)} seeds: full dots are not told from the best",
        fontsize="small",
    )
    name_ends(ax, {n: r[-1] for n, r in rank.items()}, look)
    plots.say(ax, ranks_in_words(races))
    return ax


def ranks_in_words(races: Mapping[int, Any]) -> str:
    lines = []
    for steps, race in races.items():
        near = set(race.table()["≈"][lambda column: column == "≈"].index[1:])
        names = [f"{n} (not told from the first)" if n in near else n for n in race._ranked()]
        lines.append(f"{steps:,} updates: {', '.join(names)}.")
    return f"Ranks, from the first on. {' '.join(lines)}"
