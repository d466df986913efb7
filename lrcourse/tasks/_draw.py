"""Drawing arguments: plain numbers, rounded so that a person can read them."""

from collections.abc import Callable, Iterable

import numpy as np


def rate(rng: np.random.Generator) -> float:
    """A peak rate between 0.01 and 2."""
    return round(float(rng.uniform(0.01, 2)), 3)


def share(rng: np.random.Generator, low: float = 0.1, high: float = 0.9) -> float:
    """A number between `low` and `high`, two decimals."""
    return round(float(rng.uniform(low, high)), 2)


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def steps(until: int, around: Iterable[int] = ()) -> list[int]:
    """0, 1, the last, and each step of `around` with its neighbours, in order."""
    near = {t + d for t in around for d in (-1, 0, 1)}
    return sorted(t for t in {0, 1, until, *near} if t >= 0)


def calls(
    example: tuple,
    every: Iterable[int],
    draw: Callable[[np.random.Generator], tuple[Iterable[int], tuple]],
    times: int = 4,
) -> Callable[[np.random.Generator], list[tuple]]:
    """Arguments (t, *rest): `every` step of the `example`, then of some drawn ones.

    `draw(rng)` gives the steps that matter and the rest of the arguments.
    """

    def arguments(rng: np.random.Generator) -> list[tuple]:
        found = [(t, *example) for t in every]
        for _ in range(times):
            ts, rest = draw(rng)
            found += [(int(t), *rest) for t in ts]
        return found

    return arguments


def seeded(
    draw: Callable[[np.random.Generator], list[tuple]],
) -> Callable[[np.random.Generator], list[tuple]]:
    """Arguments (seed, *rest) for a training loop: the seed draws its data and first weights."""

    def arguments(rng: np.random.Generator) -> list[tuple]:
        return [(whole(rng, 0, 2**31), *rest) for rest in draw(rng)]

    return arguments
