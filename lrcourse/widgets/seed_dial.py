"""How many seeds? Draw a few from a pool whose truth is known, and see what they would say.

Each draw takes n seeds of the pool, the same for all entries. The best mean wins; the others are
compared with the winner in pairs, seed by seed:

    difference   other - winner, its mean over the n seeds
    interval     +- quantile * sd / sqrt(n), wide enough for all pairs of the entries at once

`quantile` is that of `lab.paired`. The truth is the same difference over the whole pool.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrcourse.lab.stats import paired, quantile
from lrcourse.widgets import trained
from lrcourse.widgets.moving import APART, WORD, count, scrambled, seed_of
from lrcourse.widgets.widget import (
    CourseWidget,
    Refused,
    axes,
    figure,
    finite_row,
    look,
    script,
    to_json,
)

SIZES = (2, 3, 4, 5, 6, 8, 12, 16, 20, 32, 48, 64)
PAIR = ("linear", "cosine")
MOST = 10_000  # draws to be counted at once
HEADS = ("draws", "comparisons", "clear", "wrong", "seen", "true", "wrong_winner")
ABOUT = (
    "The pool: eight schedules of the course, each at its own best peak (found on 64 other seeds), on "
    "512 seeds. The lab's task digits, {steps} updates, SGD with momentum 0.9."
)


def seed_dial(
    scores: Any = None,
    *,
    pair: Sequence[str] | None = None,
    better: str = "lower",
    seeds: int = 3,
    seed: int = 0,
    metric: str | None = None,
    title: str = "How many seeds? Draw some, and ask: would you have published?",
) -> "SeedDial":
    """Draw n seeds from a pool: interval, winner, and what the whole pool says.

    `scores`: the pool, name -> scores, shape (seeds of the pool,), in the same order of seeds for
    all; or a race. Without it, eight schedules on 512 seeds, trained once and kept. `pair`: the
    two entries that are compared where not all are. `better`: which scores are good. `seeds`: how
    many a draw takes at first.

    >>> dial = seed_dial(); dial.draw(); dial
    <seed dial: 3 of 512 seeds, linear ahead of cosine by 0.0088 ± 0.0180: not clear of zero>
    """
    about = ""
    if scores is None:
        stored = trained.kept("pool")
        scores = dict(zip(stored["names"], stored["scores"]))
        about, metric = ABOUT.format(steps=trained.POOL_STEPS), metric or "excess risk"
        pair = pair or PAIR
    named = _pool(scores)
    chosen = tuple(pair or list(named)[:2])
    if len(chosen) != 2 or not set(chosen) <= set(named) or chosen[0] == chosen[1]:
        raise ValueError(f"pair must be two of {list(named)}, got {pair!r}")
    if better not in ("lower", "higher"):
        raise ValueError(f"better must be 'lower' or 'higher', got {better!r}")
    pool = Pool(named, chosen, -1 if better == "higher" else 1, seed_of(seed))
    sizes = [n for n in SIZES if n <= pool.size]
    if seeds not in sizes:
        raise ValueError(f"seeds must be one of {sizes}, got {seeds!r}")
    return SeedDial(pool, sizes, int(seeds), metric or "score", about, title)


def _pool(scores: Any) -> dict[str, np.ndarray]:
    given = getattr(scores, "scores", scores)
    if not isinstance(given, Mapping) or len(given) < 2:
        raise ValueError(
            f"scores must be a race, or name -> scores of at least two entries, got {scores!r}"
        )
    if len(given) > 12:
        raise ValueError(f"scores must have at most 12 entries, got {len(given)}")
    named = {str(name): finite_row(f"scores[{name!r}]", row) for name, row in given.items()}
    sizes = {name: len(row) for name, row in named.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"all entries need the same seeds, got {sizes}: keep those all have")
    return {name: np.array(to_json(row)) for name, row in named.items()}


class Pool:
    """All scores that there are, and what a few of them say."""

    def __init__(self, scores: dict[str, np.ndarray], pair: tuple[str, ...], sign: int, seed: int):
        self.scores, self.pair, self.sign, self.seed = scores, pair, sign, seed
        self.size = len(next(iter(scores.values())))

    def names(self, everyone: bool) -> list[str]:
        return list(self.scores) if everyone else list(self.pair)

    def picked(self, draw: int, n: int) -> np.ndarray:
        """The seeds of a draw, as places in the pool: n different ones."""
        key = int(scrambled(scrambled(np.array([(self.seed + APART) & WORD])) + np.uint64(draw))[0])
        words = scrambled(scrambled(np.arange(n, dtype=np.uint64) + np.uint64(key)))
        order = list(range(self.size))
        for i, word in enumerate(words.tolist()):
            j = i + int(word / 2**32 * (self.size - i))
            order[i], order[j] = order[j], order[i]
        return np.array(order[:n])

    def compared(self, everyone: bool, at: np.ndarray) -> tuple[str, list[dict[str, Any]]]:
        """The winner on the seeds `at`, and each of the others against it, best first."""
        names = self.names(everyone)
        rows = {name: self.sign * self.scores[name][at] for name in names}
        winner, *others = sorted(names, key=lambda name: rows[name].mean())
        found = []
        for name in others:
            both = paired(rows[name], rows[winner], of=len(names)).difference
            truth = float(self.sign * (self.scores[name] - self.scores[winner]).mean())
            clear = bool(both.low > 0)
            found.append(
                {"name": name, "mean": both.mean, "half": both.half, "true": truth, "clear": clear}
            )
        return winner, found

    def best(self, everyone: bool) -> str:
        return min(self.names(everyone), key=lambda name: self.sign * self.scores[name].mean())


class SeedDial(CourseWidget):
    """The widget that `seed_dial` makes. From Python: `.draw()`, `.set(5)`, `.state`, `.chances(3)`.

    `state["counts"]`: for each setting, "2 entries, 3 seeds", how many draws and comparisons there
    were, how many were clear of zero, wrong among these, the sums of the differences that they saw
    and of the true ones, and how often the winner was not the pool's best.
    """

    _esm = script("moving", "seed_dial")
    _css = look("moving")
    _actions = ("move",)

    def __init__(
        self, pool: Pool, sizes: list[int], seeds: int, metric: str, about: str, title: str
    ):
        self._pool, self._sizes, self._metric = pool, sizes, metric
        ks = {len(pool.names(everyone)) for everyone in (False, True)}
        content = {
            "title": title,
            "about": about,
            "scores": [[name, row.tolist()] for name, row in pool.scores.items()],
            "pair": list(pool.pair),
            "sign": pool.sign,
            "seed": pool.seed,
            "sizes": sizes,
            "quantiles": {str(k): [float(f"{quantile(k, n):.9g}") for n in sizes] for k in ks},
            "axes": {str(len(pool.names(e))): self._limits(e) for e in (False, True)},
        }
        super().__init__(content=content)
        self.state = {"everyone": False, "seeds": seeds, "draw": 0, "truth": False, "counts": {}}

    def _limits(self, everyone: bool) -> dict:
        """Room for most intervals of small draws; what is longer is cut off at the edge."""
        names = self._pool.names(everyone)
        best = self._pool.scores[self._pool.best(everyone)]
        gaps = [self._pool.sign * (self._pool.scores[n] - best) for n in names]
        spread = float(np.median([g.std() for g in gaps if g.std()] or [1.0]))
        high = max(float(g.mean()) for g in gaps)
        label = f"{self._metric}: behind the winner"
        limits = axes((-2.5 * spread, high + 4 * spread), (0, 1), label, "")
        return limits | {"y": limits["y"] | {"ticks": []}}

    def set(self, seeds: int, everyone: bool = False) -> None:
        """Take `seeds` seeds in each draw, and compare the pair, or everyone."""
        self.move(everyone, seeds, 0, self.state["truth"], self.state["counts"])

    def draw(self, times: int = 1) -> None:
        """Draw `times` times, and count."""
        state = self.state
        counts = dict(state["counts"])
        row = list(counts.get(self._setting(), [0] * len(HEADS)))
        best = self._pool.best(state["everyone"])
        for i in range(count("times", times, MOST)):
            at = self._pool.picked(state["draw"] + i + 1, state["seeds"])
            winner, found = self._pool.compared(state["everyone"], at)
            row = [a + b for a, b in zip(row, _counted(found, winner != best))]
        counts[self._setting()] = row
        self.state = state | {"draw": state["draw"] + times, "counts": counts}

    def move(self, everyone: bool, seeds: int, draw: int, truth: bool, counts: Any) -> None:
        """What the hand has set, how many draws it has made, and what came of them."""
        if seeds not in self._sizes:
            raise Refused(f"a draw takes one of {self._sizes} seeds, got {seeds!r}")
        if not isinstance(draw, int) or draw < 0:
            raise Refused(f"draws are counted from 0, got {draw!r}")
        self.state = {
            "everyone": bool(everyone),
            "seeds": seeds,
            "draw": draw,
            "truth": bool(truth),
            "counts": {str(k): list(row) for k, row in counts.items()},
        }

    def _setting(self) -> str:
        entries = len(self._pool.names(self.state["everyone"]))
        return f"{entries} entries, {self.state['seeds']} seeds"

    def now(self) -> tuple[str, list[dict[str, Any]]]:
        """The winner of the last draw, and the comparisons with it; raises before the first."""
        if not self.state["draw"]:
            raise ValueError("nothing is drawn yet: write .draw() first")
        at = self._pool.picked(self.state["draw"], self.state["seeds"])
        return self._pool.compared(self.state["everyone"], at)

    def chances(self, seeds: int, everyone: bool = False, draws: int = 2000) -> dict[str, float]:
        """What such draws come to: shares of the comparisons, and how large a clear one is.

        `clear`: the interval leaves zero out; `missed`: it does not; `wrong`: clear, and the truth
        is the other way round; `exaggerated`: how many times the true difference the clear ones
        show; `wrong_winner`: share of the draws. As all means of a pool differ a little, every
        comparison has a truth to find.
        """
        fresh = SeedDial(self._pool, self._sizes, self._sizes[0], self._metric, "", "")
        fresh.set(seeds, everyone)
        fresh.draw(draws)
        return shares(next(iter(fresh.state["counts"].values())))

    def __repr__(self) -> str:
        state = self.state
        if not state["draw"]:
            return f"<seed dial: {state['seeds']} of {self._pool.size} seeds, nothing drawn yet>"
        winner, found = self.now()
        if state["everyone"]:
            behind = [row["name"] for row in found if row["clear"]]
            said = f"{winner} first, clear of {len(behind)} of {len(found)}"
        else:
            [row] = found
            clear = "clear of zero" if row["clear"] else "not clear of zero"
            said = (
                f"{winner} ahead of {row['name']} by {row['mean']:.4f} ± {row['half']:.4f}: {clear}"
            )
        return f"<seed dial: {state['seeds']} of {self._pool.size} seeds, {said}>"

    # Without a kernel: the same for everybody, and the truth is not in it.

    def _examples(self) -> "list[SeedDial]":
        made, few = [], self._sizes[min(1, len(self._sizes) - 1)]
        for draw in (1, 2, 3):
            made.append(SeedDial(self._pool, self._sizes, few, self._metric, "", ""))
            made[-1].draw(draw)
        return made

    def _as_text(self) -> str:
        lines = [f"  draw {i}: {dial!r}" for i, dial in enumerate(self._examples(), 1)]
        return "\n".join([self.content["title"].replace("`", ""), *lines])

    def _alternative(self) -> str:
        return f"Three draws from the pool, each with its interval. {self._as_text()}"

    def _as_figure(self) -> Any:
        picture, [ax] = figure(size=(7.0, 2.4))
        for i, dial in enumerate(self._examples()):
            winner, [row] = dial.now()
            ax.errorbar(row["mean"], -i, xerr=row["half"], fmt="o", color="#0072B2", capsize=4)
        ax.axvline(0, color="#444444", lw=1)
        ax.set_yticks([0, -1, -2], ["draw 1", "draw 2", "draw 3"])
        ax.set_ylim(-2.6, 0.6)
        ax.set_xlabel(f"{self._metric}: how far the loser is behind the winner")
        a, b = self._pool.pair
        ax.set_title(f"{a} and {b}, {self._examples()[0].state['seeds']} seeds each")
        return picture


def _counted(found: list[dict[str, Any]], wrong_winner: bool) -> list[float]:
    """One draw in the order of `HEADS`."""
    clear = [row for row in found if row["clear"]]
    return [
        1,
        len(found),
        len(clear),
        sum(row["true"] < 0 for row in clear),
        sum(row["mean"] for row in clear),
        sum(row["true"] for row in clear),
        int(wrong_winner),
    ]


def shares(row: Sequence[float]) -> dict[str, float]:
    """Counts, in the order of `HEADS`, as shares; NaN where nothing was clear of zero."""
    draws, comparisons, clear, wrong, seen, true, wrong_winner = row
    return {
        "clear": clear / comparisons,
        "missed": 1 - clear / comparisons,
        "wrong": wrong / comparisons,
        "exaggerated": seen / true if clear and true else float("nan"),
        "wrong_winner": wrong_winner / draws,
    }
