"""What the pictures that move share: chance and curves that Python and the browser come to alike.

Such a picture moves in the browser and asks nobody. Python is told what the hand did once it
rests, and comes to the same numbers by itself: same formulas, same random numbers. What a library
of the browser and NumPy may round differently (a logarithm, a cosine) is rounded to a billionth.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrcourse._fields import number, whole

DIGITS = 9
WORD = 0xFFFFFFFF
APART = 0x9E3779B9  # seeds begin far from 0, which `scrambled` leaves at 0
MOST_BALLS = 2000  # more would not be drawn 60 times a second


def scrambled(words: np.ndarray) -> np.ndarray:
    """Each of these 32-bit numbers as another that looks as if drawn by chance.

    Source: C. Wellons, hash-prospector (2018), the best known constants of its shape.
    """
    x = np.asarray(words, dtype=np.uint64) & WORD
    x = ((x ^ (x >> 16)) * 0x21F0AAAD) & WORD
    x = ((x ^ (x >> 15)) * 0x735A2D97) & WORD
    return x ^ (x >> 15)


def normals(seed: int, t: int, count: int) -> np.ndarray:
    """The random numbers of update `t`, standard normal, shape (2, count).

    Source: Box & Muller (1958).
    """
    key = scrambled(scrambled(np.array([(seed + APART) & WORD])) + np.uint64(t))
    numbers = np.arange(2 * count, dtype=np.uint64).reshape(count, 2) + key
    u, v = ((scrambled(scrambled(numbers)) + 0.5) / 2**32).T
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * math.pi * v
    return np.round([radius * np.cos(angle), radius * np.sin(angle)], DIGITS)


# Checks


def above_zero(name: str, value: Any) -> float:
    return number(name, value, "above 0", lambda v: v > 0)


def not_below_zero(name: str, value: Any) -> float:
    return number(name, value, "0 or above", lambda v: v >= 0)


def count(name: str, value: Any, most: int, least: int = 1) -> int:
    if whole(name, value, least=least) > most:
        raise ValueError(f"{name} must be at most {most}, got {value!r}")
    return int(value)


def seed_of(value: Any) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value <= WORD:
        raise ValueError(f"seed must be a whole number from 0 to 2**32 - 1, got {value!r}")
    return int(value)


# Axes in powers of ten


def powers_axis(low: float, high: float, label: str) -> dict:
    """An axis for the logarithms, base 10, of numbers from `low` to `high`."""
    first, last = math.log10(low), math.log10(high)
    digits = (1, 2, 5) if last - first < 1.2 else (1, 3) if last - first < 2.2 else (1,)
    values = [float(f"{d}e{k}") for k in range(math.floor(first), math.ceil(last)) for d in digits]
    ticks = [(math.log10(v), f"{v:g}") for v in [*values, 10.0 ** math.ceil(last)]]
    inside = [(at, text) for at, text in ticks if first - 1e-9 <= at <= last + 1e-9]
    return {"from": first, "to": last, "ticks": inside, "label": label}


def listed(words: Sequence[str]) -> str:
    """
    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
