"""How exactly a rate can be held: in a float, in a float32 tensor, in bf16.

Two rates are equal if rounding explains their difference. How far that goes depends on what held
them. A scheduler that takes each rate from the one before (`lr * ratio`) rounds at every step,
and in a float32 tensor that adds up: so the steps are made again, in the same arithmetic.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}


class Rounding(NamedTuple):
    """Equal: to `of_rate` of the rate, plus `of_largest` of the plan's largest."""

    of_rate: float
    of_largest: float
    kept_in: str = "float64"  # the coarsest of what held the rates
    drifts: bool = False  # kept in a tensor, which a scheduler rounds at every step

    @property
    def loose(self) -> "Rounding":
        if self.drifts:
            return self._replace(of_rate=1e-2, of_largest=1e-3)
        more = 100 if self.kept_in == "float64" else 1
        return self._replace(of_rate=more * self.of_rate, of_largest=more * self.of_largest)

    def accumulated(self, steps: Any) -> Any:
        """What so many steps of two roundings each can make of a rate, as a share of it."""
        return 2 * steps * EPSILON[self.kept_in]


def dtype_of(value: Any) -> str:
    """ "float32", "bfloat16" or "float16" for a value that is held so; "float64" for any other."""
    name = str(getattr(value, "dtype", "")).rpartition(".")[2]
    return name if name in EPSILON else "float64"


def coarsest(names: Iterable[str]) -> str:
    return max(names, key=lambda name: EPSILON.get(name, 0.0), default="float64")


def rounding_of(updates: int, used: str, planned: str, tensor: bool) -> Rounding:
    """For `updates` rates that were held in `used`, beside a plan that is held in `planned`."""
    kept_in = coarsest([used, planned])
    if kept_in == "float64":
        return Rounding(1e-12 * max(1, updates / 500), 1e-14)
    some = (1.5 if kept_in == "bfloat16" else 4) * EPSILON[kept_in]
    return Rounding(some, some, kept_in, drifts=tensor)


def was_rounded_to(rates: np.ndarray) -> str:
    """What a list of floats was rounded to before, as by `.item()`; "float64" if nothing shows it."""
    finite = rates[np.isfinite(rates)]
    if _fits(finite, 8) and len(np.unique(finite)) >= 8 and not _fits(finite, 4):
        return "bfloat16"
    return "float32" if _fits(finite, 24) and not _fits(finite, 20) else "float64"


def _fits(rates: np.ndarray, bits: int) -> bool:
    """Whether each of `rates` is a number of so many binary digits."""
    digits, _ = np.frexp(rates)
    scaled = digits * 2.0**bits
    return bool((scaled == np.floor(scaled)).all())


def replayed(used: np.ndarray, rates: np.ndarray, floor: float, by: Rounding) -> np.ndarray:
    """`rates`, each taken from the one before as PyTorch does, rounded at every step.

    PyTorch rounds to the tensor's type what it adds to a tensor, but holds in float32 what it
    multiplies one by. Starts at the first that was used, and again wherever the used one is not
    rounded at all: schedulers that follow each other begin with an exact rate.
    """
    to = _ROUND[by.kept_in]
    above, low = rates - floor, to(floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = above[1:] / above[:-1]
    exact = np.abs(used - rates) <= EPSILON[by.kept_in] * np.abs(rates)
    lr, steps = to(used[0]), [float(used[0])]
    for i, ratio in enumerate(ratios.tolist(), 1):
        if exact[i]:
            lr = to(used[i])
        elif ratio != 1:
            one = to(np.float32(ratio) * to(lr - low)) if ratio - ratio == 0 else to(above[i])
            lr = to(one + low)
        steps.append(float(lr))
    return np.array(steps)


def added_up(used: np.ndarray, rates: np.ndarray, by: Rounding) -> np.ndarray:
    """`rates`, each the one before and a difference, as `lr -= step` has it, rounded at every step."""
    to = _ROUND[by.kept_in]
    lr, steps = to(used[0]), [float(used[0])]
    for difference in np.diff(rates).tolist():
        lr = to(lr + to(difference))
        steps.append(float(lr))
    return np.array(steps)


def _to_bfloat16(value: Any) -> np.float32:
    bits = int(np.float32(value).view(np.uint32))
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.uint32(rounded).view(np.float32)


_ROUND: dict[str, Callable[[Any], Any]] = {
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": _to_bfloat16,
}
