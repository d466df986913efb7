"""From numbers, one a seed, to a sentence that may be said.

`interval` says how far the mean of a few seeds can be from the mean of them all. `paired` compares
two schedules *seed by seed*: both trained from the same initial weights on the same batches, so
what a seed does to both of them cancels in the difference. `step_down` compares the best of many
with all the others.

The best of eight equals looks better than the seven others: it was picked for that. So intervals
grow with the number of schedules compared: `quantile(k, n)` takes the place of Student's t, and is
Student's t for two. In 19 of 20 races of equals nobody "beats" anybody then.

"Not told apart" is not "equal". The sentence says how far behind one can still be, and which
difference so many seeds show in 4 races of 5.

Source: Tukey's studentized range, as in `scipy.stats.tukey_hsd`, here on paired differences.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import floor, inf, isfinite, log10, pi, sqrt
from typing import Any, TypeVar

import numpy as np
import scipy  # its parts are loaded on first use: together they take a second

from lrcourse._fields import whole

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Interval:
    """A mean, and how far from it the truth can be: `mean` ± `half`, from `low` to `high`.

    `n` is how many values it was taken from. One value alone says nothing about the spread:
    `half` is infinite then.
    """

    mean: float
    half: float
    n: int

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """To as many digits as the interval leaves a meaning.

        >>> print(Interval(mean=0.03412, half=0.00321, n=32))
        0.034 ± 0.003
        """
        return f"{rounded(self.mean, self.half)} ± {rounded(self.half, self.half)}"


def interval(values: Any, confidence: float = 0.95) -> Interval:
    """The mean of `values` and its t-interval.

        half = t * s / sqrt(n),    t = quantile of Student's t with n - 1 degrees of freedom

    `values`: shape (n,), one number a seed, all finite. Raises `ValueError` otherwise: a
    diverged run has no place in a mean, say how many there were instead.

    >>> print(interval([0.12, 0.15, 0.11, 0.14]))
    0.130 ± 0.029
    """
    values = _finite("values", values)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be strictly between 0 and 1, got {confidence!r}")
    n = len(values)
    if n == 1:
        return Interval(float(values[0]), inf, 1)
    t = scipy.stats.t.ppf((1 + confidence) / 2, n - 1)
    return Interval(float(values.mean()), float(t * values.std(ddof=1) / np.sqrt(n)), n)


@cache
def quantile(k: int, n: int, confidence: float = 0.95) -> float:
    """How many standard errors wide an interval is, half of it, when `k` are compared on `n` seeds.

        studentized range of k at n - 1 degrees of freedom, over sqrt(2)

    It covers the differences of all pairs at once. For `k = 2` it is Student's t.

    >>> [round(quantile(k, 32), 2) for k in (2, 3, 5, 8)]
    [2.04, 2.46, 2.89, 3.25]
    """
    if k == 2:
        return float(scipy.stats.t.ppf((1 + confidence) / 2, n - 1))
    return _studentized_range(confidence, k, n - 1) / sqrt(2)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def _studentized_range(confidence: float, k: int, df: int) -> float:
    """How many estimated standard errors hold the range of `k` normal means, so often.

        chance(q) = integral over s and z of f(s) * k * phi(z) * (Phi(z + q s) - Phi(z)) ** (k - 1)

    f(s) is the density of the estimate over the truth, sqrt(chi2 / df). By Gauss's rule: the root
    is `scipy.stats.studentized_range.ppf` to five digits, fifty times as quick.
    """
    low, high = (sqrt(scipy.stats.chi2.ppf(tail, df) / df) for tail in (1e-12, 1 - 1e-12))
    s = low + (high - low) * (_NODES + 1) / 2
    f = scipy.stats.chi2.pdf(df * s**2, df) * 2 * df * s * (high - low) / 2 * _WEIGHTS
    z = 7.5 * _NODES[:, None]
    phi = 7.5 * k / sqrt(2 * pi) * np.exp(-(z[:, 0] ** 2) / 2) * _WEIGHTS
    below = scipy.special.ndtr(z)

    def chance(q: float) -> float:
        return float(phi @ (scipy.special.ndtr(z + q * s) - below) ** (k - 1) @ f)

    return float(scipy.optimize.brentq(lambda q: chance(q) - confidence, 1.0, 1e3, xtol=1e-9))


POWER = 0.8
"""How often a difference must be shown to be called one that so many seeds show: 4 races of 5."""


@dataclass(frozen=True)
class Paired:
    """Two schedules on the same seeds.

    difference   a - b, and its interval
    wins, ties   on how many seeds a was better than b, and equal to it
    shows        the difference that so many seeds show in 4 races of 5
    better       which scores are good: "lower" or "higher"
    names        what a and b are called, and `metric` what they are compared by

    Printed, it is the comparison in a sentence.
    """

    difference: Interval
    wins: int
    ties: int
    shows: float = inf
    better: str = "lower"
    names: tuple[str, str] = ("a", "b")
    metric: str = "loss"

    @property
    def n(self) -> int:
        return self.difference.n

    @property
    def shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.n > 1 and 0 not in self.difference

    @property
    def ahead(self) -> bool:
        """Whether a has the better mean."""
        return self.difference.mean < 0 if self.better == "lower" else self.difference.mean > 0

    def __str__(self) -> str:
        return self.verdict()

    def verdict(self, a: str | None = None, b: str | None = None, metric: str | None = None) -> str:
        """The comparison in a sentence, under other names if they are given.

        >>> paired([0.1, 0.2, 0.3], [0.2, 0.31, 0.39]).verdict("cosine", "constant", "test loss")
        'cosine beats constant: 0.100 ± 0.025 lower test loss, on 3 of 3 seeds'
        >>> paired([0.1, 0.2, 0.3], [0.2, 0.1, 0.31]).verdict("cosine", "linear")
        'linear is not told from cosine: 0.00 behind, at most 0.25; 3 seeds show 0.31 in 4 races of 5'
        """
        a, b, metric = a or self.names[0], b or self.names[1], metric or self.metric
        if self.n == 1:
            return f"{a} and {b}: one seed shows nothing"
        if self.ties == self.n:
            return f"{a} and {b}: the same on every seed"
        if not self.ahead and self.difference.mean:
            return self.reversed().verdict(b, a, metric)
        ahead, half = abs(self.difference.mean), self.difference.half
        if self.shown:
            digits = half if rounded(ahead, half) != rounded(half, half) else half / 10
            by = f"{rounded(ahead, digits)} ± {rounded(half, digits)} {self.better} {metric}"
            return f"{a} beats {b}: {by}, on {self.wins} of {self.n} seeds"
        behind, most, shows = (rounded(v, half) for v in (ahead, ahead + half, self.shows))
        return (
            f"{b} is not told from {a}: {behind} behind, at most {most}; "
            f"{self.n} seeds show {shows} in {POWER * 5:.0f} races of 5"
        )

    def reversed(self) -> "Paired":
        """The same comparison seen from b."""
        back = Interval(-self.difference.mean, self.difference.half, self.n)
        wins, names = self.n - self.wins - self.ties, (self.names[1], self.names[0])
        return replace(self, difference=back, wins=wins, names=names)


def paired(
    a: Any, b: Any, confidence: float = 0.95, *, of: int = 2, better: str = "lower"
) -> Paired:
    """Compare `a` with `b`, seed by seed.

    `a`, `b`: shape (n,), and `a[i]` and `b[i]` come from the same seed. `of`: how many were
    compared before these two were picked; their interval is wide enough for all pairs of them.
    Raises `ValueError` if they do not pair up or are not finite.
    """
    a, b = _finite("a", a), _finite("b", b)
    if len(a) != len(b):
        raise ValueError(
            f"a and b must pair up seed by seed, got {len(a)} and {len(b)} values: "
            f"keep the seeds that both have"
        )
    if better not in ("lower", "higher"):
        raise ValueError(f"better must be 'lower' or 'higher', got {better!r}")
    n, gaps = len(a), a - b
    won = a < b if better == "lower" else a > b
    if n == 1:
        return Paired(interval(gaps), int(won.sum()), int((a == b).sum()), inf, better)
    error = float(gaps.std(ddof=1) / sqrt(n))
    c = quantile(whole("of", of, least=2), n, confidence)
    within = Interval(float(gaps.mean()), c * error, n)
    shows = (c + float(scipy.stats.t.ppf(POWER, n - 1))) * error
    return Paired(within, int(won.sum()), int((a == b).sum()), shows, better)


def step_down(scores: Mapping[Name, Any], better: str = "lower") -> tuple[Name, dict[Name, Paired]]:
    """The best of `scores`, and how each of the others stands to it, in the order of their means.

        left = all
        repeat: those whose difference to the best is above its interval leave
        until none leaves

    The fewer are left, the narrower the intervals: each is that of the round in which its
    schedule left, or of the last. `scores`: name -> shape (n,), all finite, seed by seed.
    """
    sign = 1 if better == "lower" else -1
    ranked = sorted(scores, key=lambda name: sign * float(np.mean(scores[name])))
    best = ranked[0]
    standing: dict[Name, Paired] = {}
    left = set(ranked[1:])
    while left:
        round_ = {
            name: paired(scores[name], scores[best], of=len(left) + 1, better=better)
            for name in left
        }
        standing |= round_
        told = {name for name, row in round_.items() if row.shown}
        if not told:
            break
        left -= told
    return best, {name: standing[name] for name in ranked[1:]}


def rounded(value: float, half: float) -> str:
    """`value` to the digit that `half` leaves a meaning: one digit of it, two if it starts with 1 or 2.

    >>> rounded(0.034127, 0.0031), rounded(0.034127, 0.0016), rounded(12.7, 3.2)
    ('0.034', '0.0341', '13')
    """
    if not isfinite(half):
        return f"{value:.3g}"
    if half == 0:
        return f"{value:.4g}"
    first = floor(log10(half))
    digits = 1 if half < 3 * 10.0**first else 0
    return f"{value:z.{max(0, digits - first)}f}"


def _finite(name: str, values: Any) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name} must be a list of numbers, one a seed, got shape {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(
            f"{name}[{bad[0]}] is {values[bad[0]]}: {bad.size} of {values.size} runs diverged. "
            f"A mean over them means nothing; say how many, and compare the others"
        )
    return values
