"""From numbers, one a seed, to a sentence that may be said.

Two tools. `interval` says how far the mean of a few seeds can be from the mean of them all.
`paired` compares two schedules *seed by seed*: both trained from the same initial weights on the
same batches, so what a seed does to both of them cancels in the difference.

The intervals are Student's t at 95 %. Two things to keep in mind:

- In 20 comparisons of equals, one will look like a difference. A small one that was the only one
  of many is worth more seeds before it is worth a word.
- "No difference shown" is not "equal". It says: less than the interval, if anything.
"""

from dataclasses import dataclass
from math import floor, inf, isfinite, log10
from typing import Any

import numpy as np
from scipy import stats


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
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    return Interval(float(values.mean()), float(t * values.std(ddof=1) / np.sqrt(n)), n)


@dataclass(frozen=True)
class Paired:
    """Two schedules on the same seeds. `difference` is a - b, `wins` the seeds on which a is lower."""

    difference: Interval
    wins: int
    ties: int

    @property
    def n(self) -> int:
        return self.difference.n

    @property
    def shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return 0 not in self.difference

    def verdict(self, a: str = "a", b: str = "b", metric: str = "loss") -> str:
        """The comparison in a sentence. Lower is better.

        >>> paired([0.1, 0.2, 0.3], [0.2, 0.31, 0.39]).verdict("cosine", "constant", "test loss")
        'cosine beats constant: 0.100 ± 0.025 lower test loss, on 3 of 3 seeds'
        >>> paired([0.1, 0.2, 0.3], [0.2, 0.1, 0.31]).verdict("cosine", "linear")
        'cosine and linear: no difference shown (cosine - linear = 0.00 ± 0.25, 3 seeds)'
        """
        if self.n == 1:
            return f"{a} and {b}: one seed shows nothing"
        if not self.shown:
            seeds = f"{self.n} seeds"
            return f"{a} and {b}: no difference shown ({a} - {b} = {self.difference}, {seeds})"
        if self.difference.mean > 0:
            return self.reversed().verdict(b, a, metric)
        lower = Interval(-self.difference.mean, self.difference.half, self.n)
        return f"{a} beats {b}: {lower} lower {metric}, on {self.wins} of {self.n} seeds"

    def reversed(self) -> "Paired":
        """The same comparison seen from b."""
        back = Interval(-self.difference.mean, self.difference.half, self.n)
        return Paired(back, self.n - self.wins - self.ties, self.ties)


def paired(a: Any, b: Any, confidence: float = 0.95) -> Paired:
    """Compare `a` with `b`, seed by seed; lower is better.

    `a`, `b`: shape (n,), and `a[i]` and `b[i]` come from the same seed. Raises `ValueError` if
    they do not pair up or are not finite.
    """
    a, b = _finite("a", a), _finite("b", b)
    if len(a) != len(b):
        raise ValueError(
            f"a and b must pair up seed by seed, got {len(a)} and {len(b)} values: "
            f"keep the seeds that both have"
        )
    return Paired(interval(a - b, confidence), int((a < b).sum()), int((a == b).sum()))


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
