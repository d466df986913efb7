"""The kinds of field that a schedule is made of.

A kind says which values a field takes, turns them into plain Python numbers, and, when it is
given something else, names the value and the fix. It also says what moves the field in an
explorer: the name of a control, the positions that this control has, and what a typed text means.
Kinds are told apart by their class.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field
from difflib import get_close_matches
from functools import partial
from math import inf, isfinite, nan
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

LARGEST = 2**53  # from here on floats skip whole numbers
ABOVE_0_TO_1 = "above 0 and at most 1"


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind(ABC):
    """What a field accepts, and how it is moved.

    `shapes`: whether the field is one of those that make the shape of a schedule, whatever its
    peak. `counts_updates`: whether it is a number of updates, or a list of them.
    """

    control: ClassVar[str] = ""  # the control of an explorer: a function in JavaScript; "" for none
    shapes: bool = True
    counts_updates: bool = False

    @abstractmethod
    def check(self, name: str, value: Any) -> Any:
        """`value` as the field keeps it. Raises `ValueError`, which names the fix."""

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        """The values that the control has, for a field that is `value` now.

        `peak`: the largest rate of the schedule; `steps`: how many updates are shown. Those that
        the field does not take are left out later.
        """
        return []

    def few(self, value: Any, peak: float, steps: int) -> list[Any]:
        """At most some two dozen positions, for where each costs a training of its own."""
        return _thinned(self.positions(value, peak, steps))

    def read(self, name: str, text: str) -> Any:
        """The value that a typed `text` means."""
        return None if text.lower() in ("none", "") else _as_number(name, text)

    def offered(
        self, name: str, value: Any, peak: float, steps: int, few: bool = False
    ) -> list[Any]:
        """The positions that the field takes; `few` of them, if they are to be trained."""
        positions = (self.few if few else self.positions)(value, peak, steps)
        return [v for v in positions if self._takes(name, v)]

    def _takes(self, name: str, value: Any) -> bool:
        try:
            self.check(name, value)
        except ValueError:
            return False
        return True


def kind_of(a_field: Field) -> Kind:
    """The kind of a field of a schedule, as `dataclasses.fields` lists it."""
    return a_field.metadata["kind"]


def a(kind: Kind, default: Any, *, repr: bool = True, compare: bool = True) -> Any:
    """A dataclass field of this kind: `lr: float = a(RATE, 0.1)`."""
    return field(default=default, metadata={"kind": kind}, repr=repr, compare=compare)


# Checking numbers


def number(
    name: str,
    value: Any,
    must: str,
    holds: Callable[[float], bool],
    hint: str = "",
    several: str = "one number is asked for",
) -> float:
    """`value` as a float, if it is a finite number for which `holds` is true.

    `hint` is what to do about a value that is none, `several` about one that is a list.
    """
    as_float = _as_float(value)
    if not isfinite(as_float) or not holds(as_float):
        fix = hint or _number_hint(value, holds, several)
        raise ValueError(f"{name} must be {must}, got {value!r}{fix}")
    return as_float


def _as_float(value: Any) -> float:
    """`value` as a float; NaN if it is not a number, infinite if no float is as large."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return nan
    try:
        return float(value)
    except OverflowError:
        return inf


def _number_hint(value: Any, holds: Callable[[float], bool], several: str) -> str:
    """What to write instead of a text, a tensor, a list, or a percentage."""
    if isinstance(value, str):
        return _text_hint(value, holds)
    one = _single(value)
    if one is not None:
        return f": write {one:g}, a plain number" if isfinite(one) and holds(one) else ""
    if _is_list(value):
        return f": {several}"
    percent = _as_float(value)
    return f": write {percent / 100:g}" if 1 < percent <= 100 and holds(percent / 100) else ""


def _text_hint(text: str, holds: Callable[[float], bool]) -> str:
    meant = _percent(text.strip()) * (1 if text.strip().endswith("%") else 100)
    if not isfinite(meant) or not holds(meant):
        return ""
    yaml = " (YAML reads 1e-3 as a text, and 1.0e-3 as a number)"
    return f": write {meant:g}, not a text{yaml if 'e' in text.lower() and '.' not in text else ''}"


def _percent(text: str) -> float:
    """The share that a text such as "10%" means; NaN if it means none."""
    try:
        return float(text.rstrip("%").replace(",", ".")) / 100
    except ValueError:
        return nan


def _single(value: Any) -> float | None:
    """The number in a tensor, an array or a list of one; None if there is not just one."""
    if isinstance(value, list | tuple):
        return _as_float(value[0]) if len(value) == 1 else None
    if isinstance(value, Real) or not hasattr(value, "item"):
        return None
    try:
        return _as_float(value.item())
    except (RuntimeError, TypeError, ValueError):  # it holds several
        return None


def _is_list(value: Any) -> bool:
    return np.iterable(value) and not isinstance(value, str | bytes | dict)


def whole(name: str, value: Any, must: str = "", least: int = 1, hint: str = "") -> int:
    """`value` as an int, if it is a whole number from `least` to 2**53; else `hint` is the fix."""
    must = must or (
        f"a whole number of at least {least}" if least > 1 else "a positive whole number"
    )
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        fix = hint or _whole_hint(value, least)
        raise ValueError(f"{name} must be {must}, got {value!r}{fix}")
    if int(value) > LARGEST:
        raise ValueError(f"{name} must be at most 2**53, got {value!r}: floats count no further")
    return int(value)


def _whole_hint(value: Any, least: int) -> str:
    try:
        near = round(float(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return ""
    return f": write {near}" if least <= near <= LARGEST else ""


def share_hint(value: Any) -> str:
    """What to write for a share of the run where updates are counted; "" if it is none."""
    share = _as_float(value)
    if isinstance(value, str) and (meant := value.strip()).endswith("%"):
        share = _percent(meant)
    counted = f": updates are counted, so for a share of the run write round({share:g} * updates)"
    return counted if 0 < share < 1 else ""


# Positions of controls

_LOG = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)
_NEAR_ONE = (
    *(0.985, 0.992, 0.994, 0.995, 0.996, 0.997, 0.998, 0.9985, 0.999, 0.9995),
    *(0.9998, 0.9999, 0.99995, 0.99999),
)

# The same, where each position is trained: ten a decade, and shares of 1.
_TENTHS = (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8)
_SHARES = (0, 0.01, 0.02, *(i / 20 for i in range(1, 21)))
_FAR_TO_NEAR_ONE = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98) + (
    *(0.985, 0.988, 0.99, 0.992, 0.994, 0.995, 0.996, 0.997, 0.998, 0.9985, 0.999, 1.0),
)
MOST_TRAINED = 25


def _thinned(positions: list[Any]) -> list[Any]:
    """At most `MOST_TRAINED` of the positions, the first and the last among them."""
    last = len(positions) - 1
    if last < MOST_TRAINED:
        return positions
    return [positions[round(i * last / (MOST_TRAINED - 1))] for i in range(MOST_TRAINED)]


def _log_between(low: float, high: float, grid: tuple[float, ...] = _LOG) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = (float(f"{digits}e{decade}") for decade in decades for digits in grid)
    return [v for v in values if low * 0.999 <= v <= high * 1.001]


def _counted_to(most: int) -> list[int]:
    """1 and the multiples of a round number up to `most`, some hundred of them."""
    power = 10 ** max(0, math.floor(math.log10(max(most, 1) / 120)))
    stride = next((s for s in (power, 2 * power, 5 * power) if s >= most / 120), 10 * power)
    return list(dict.fromkeys([1, *range(stride, most + 1, stride)]))


def _few_to(most: int) -> list[int]:
    """The multiples of a round number up to `most`, at most `MOST_TRAINED` of them."""
    strides = (s * 10**power for power in range(16) for s in (1, 2, 3, 4, 5, 6, 8))
    stride = next(s for s in strides if most // s <= MOST_TRAINED)
    return [*range(stride, most + 1, stride)] or [most]


def _as_number(name: str, text: str) -> int | float:
    for number_from in (int, float):
        try:
            return number_from(text)
        except ValueError:
            continue
    raise ValueError(f"{name} must be a number, got {text!r}: write digits, such as 10 or 0.1")


# Kinds of number


@dataclass(frozen=True, kw_only=True, eq=False)
class Number(Kind):
    """A finite number for which `holds`, mostly one between 0 and 1.

    `hint` makes the fix of a number that does not hold; `several` is that of a list.
    """

    control = "slider"
    must: str
    holds: Callable[[float], bool]
    hint: Callable[[float], str] = lambda value: ""
    several: str = "one number is asked for"

    def check(self, name: str, value: Any) -> float:
        hint = self.hint(_as_float(value))
        return number(name, value, self.must, self.holds, hint, self.several)

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return [i / 100 for i in range(101)]

    def few(self, value: Any, peak: float, steps: int) -> list[Any]:
        return list(_SHARES)


class Gamma(Number):
    """A factor of every step or drop: the positions are close together near 1."""

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return sorted([*super().positions(value, peak, steps), *_NEAR_ONE])

    def few(self, value: Any, peak: float, steps: int) -> list[Any]:
        return list(_FAR_TO_NEAR_ONE if value and value > 0.8 else _SHARES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Positive(Number):
    """A number of any size above 0: a slider moves it by a share, from `1 / span` on."""

    must: str = "a finite number above 0"
    holds: Callable[[float], bool] = lambda v: v > 0
    span: float = 100

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        middle = value or peak or 0.1
        zero = [] if value else [0.0]
        return [*zero, *_log_between(middle / self.span, middle * 10)]

    def few(self, value: Any, peak: float, steps: int) -> list[Any]:
        """Some 25 times down and 10 times up; from 0 on, up to the peak."""
        if value:
            return _log_between(value / 31, value * 10, _TENTHS)
        return [0.0, *_log_between((peak or 0.1) / 250, peak or 0.1, _TENTHS)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rate(Positive):
    """A learning rate: with the peak it is scaled."""

    must: str = "a finite number of at least 0"
    holds: Callable[[float], bool] = lambda v: v >= 0
    span: float = 1000
    several: str = "a schedule has one; make one schedule for each param group"


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole(Kind):
    """A whole number from `least`; None, too, where it is `optional`. A slider offers `most`."""

    control = "slider"
    must: str = ""
    least: int = 1
    most: int = 5
    optional: bool = False

    def check(self, name: str, value: Any) -> int | None:
        if value is None and self.optional:
            return None
        return whole(name, value, self.must, self.least, self.hint(value))

    def hint(self, value: Any) -> str:
        return ": one number is asked for" if _is_list(value) and _single(value) is None else ""

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return [None, *_counted_to(max(self.most, value or 0))]


@dataclass(frozen=True, kw_only=True, eq=False)
class Updates(Whole):
    """A number of updates: a slider offers as many as are shown. `several`: the fix of a list."""

    counts_updates: bool = True
    several: str = "one number is asked for"

    def hint(self, value: Any) -> str:
        several = _is_list(value) and _single(value) is None
        return f": {self.several}" if several else share_hint(value)

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return [None, *_counted_to(max(steps, value or 0))]

    def few(self, value: Any, peak: float, steps: int) -> list[Any]:
        return [None, *_few_to(max(steps, value or 0))]


# Other kinds


@dataclass(frozen=True, kw_only=True, eq=False)
class Milestones(Kind):
    """Updates in a row, each later than the one before."""

    control = "text"
    counts_updates: bool = True

    def check(self, name: str, value: Any) -> tuple[int, ...]:
        must = "a list of positive whole numbers"
        if isinstance(value, str) or not np.iterable(value):
            single = f": write [{value}]" if isinstance(value, Integral) else ""
            raise ValueError(f"{name} must be {must}, got {value!r}{single}")
        if not isinstance(value, np.ndarray) and hasattr(value, "tolist"):
            raise ValueError(f"{name} must be {must}, got {value!r}: write {value.tolist()}")
        steps = sorted(whole(name, step, must, hint=share_hint(step)) for step in value)
        if not steps or len(set(steps)) < len(steps):
            raise ValueError(f"{name} must name at least one step, and none twice, got {value!r}")
        return tuple(steps)

    def read(self, name: str, text: str) -> list[int | float]:
        return [_as_number(name, part) for part in text.replace(",", " ").split()]


class Flag(Kind):
    """True or False."""

    control = "flag"

    def check(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {value!r}{self._hint(value)}")
        return bool(value)

    def _hint(self, value: Any) -> str:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        meant = words.get(str(value).lower())
        return "" if meant is None else f": write {meant}"

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return [False, True]


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice(Kind):
    """One of a few words."""

    control = "choice"
    choices: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            listed = ", ".join(repr(choice) for choice in self.choices)
            raise ValueError(f"{name} must be one of {listed}, got {value!r}{self._hint(value)}")
        return str(value)

    def _hint(self, value: Any) -> str:
        near = closest(value, self.choices) if isinstance(value, str) else None
        return f": did you mean {near!r}?" if near else ""

    def positions(self, value: Any, peak: float, steps: int) -> list[Any]:
        return list(self.choices)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if there is one."""
    by_lower = {k.lower(): k for k in known}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def one_of(*choices: str) -> Kind:
    """The kind of a field that takes one of a few words."""
    return Choice(choices=choices)


def _k_hint(gamma: float) -> str:
    if gamma == 0:
        return ": gamma=1 is no decay at all (that is k=0)"
    if not isfinite(gamma):
        return ""
    k = f"{abs(gamma):g}"
    if gamma <= 1:
        return f": if that is the k of e^(-k t), give k={k}, or gamma = e^-{k}"
    grows = f"to let it grow, Custom(lr=lr, factor=lambda t: {k} ** t)"
    return f" (the rate would grow): if that is the k of e^(-k t), give k={k}, or gamma = e^-{k}; {grows}"


def _divide_hint(gamma: float, drops: str = "(t // step_size)") -> str:
    if gamma == 0:
        return ": gamma=1 is no decay at all"
    if not 1 < gamma < inf:
        return ""
    grows = f"to let it grow, Custom(lr=lr, factor=lambda t: {gamma:g} ** {drops})"
    return f" (the rate would grow): to divide by {gamma:g}, write {1 / gamma:g}; {grows}"


def _cycles_hint(gamma: float) -> str:
    grows = " (the rate would grow): for cycles that grow, write the formula as a Custom"
    return grows if 1 < gamma < inf else ""


def _up_to_one(v: float) -> bool:
    return 0 < v <= 1


RATE = Rate(shapes=False)  # the rate that a peak is chosen for
LOW = Rate()  # a rate below that one: as a share of it, it belongs to the shape
STEPS = Updates()
OPTIONAL_STEPS = Updates(optional=True)
EVERY = Updates(
    several="for drops at updates of your own choice use MultiStepDecay(milestones=...)"
)
MILESTONES = Milestones()
TIME = Positive(counts_updates=True)
TIMES = Whole()
COUNT = Updates(must="a whole number of at least 0", least=0)
GAMMA = Gamma(must=ABOVE_0_TO_1, holds=_up_to_one, hint=_k_hint)  # per step, as in e^(-k t)
DROP = Gamma(must=ABOVE_0_TO_1, holds=_up_to_one, hint=_divide_hint)  # as in "divide by 10"
AT_EACH = Gamma(
    must=ABOVE_0_TO_1,
    holds=_up_to_one,
    hint=partial(_divide_hint, drops="sum(t >= m for m in milestones)"),
)
OF_CYCLES = Gamma(must=ABOVE_0_TO_1, holds=_up_to_one, hint=_cycles_hint)
POSITIVE = Positive()
INSIDE = Number(must="strictly between 0 and 1", holds=lambda v: 0 < v < 1)
FROM = Number(must=ABOVE_0_TO_1, holds=_up_to_one)
TO = Number(must="between 0 and 1", holds=lambda v: 0 <= v <= 1)
BELOW_ONE = Number(must="at least 0 and below 1", holds=lambda v: 0 <= v < 1)
MOMENTUM = Number(must="at least 0 and below 1", holds=lambda v: 0 <= v < 1, shapes=False)
FLAG = Flag()
MOVES_MOMENTUM = Flag(shapes=False)
