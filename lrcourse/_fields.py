"""The kinds of field that a schedule is made of.

A kind says which values a field takes, turns them into plain Python numbers, and, when it is
given something else, names the value and the fix. The explorer reads the same kinds to choose
a control for each field.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite, nan
from numbers import Integral, Real
from typing import Any

import numpy as np

LARGEST = 2**53  # from here on floats skip whole numbers
ABOVE_0_TO_1 = "above 0 and at most 1"


@dataclass(frozen=True, eq=False)
class Kind:
    """What a field accepts: its `name`, its `check`, and the `choices` where they are few."""

    name: str
    check: Callable[[str, Any], Any]
    choices: tuple = ()


def kind_of(a_field) -> Kind:
    """The kind of a field of a schedule, as `dataclasses.fields` lists it."""
    return a_field.metadata["kind"]


def number(
    name: str, value: Any, must: str, holds: Callable[[float], bool], hint: str = ""
) -> float:
    """`value` as a float, if it is a finite number for which `holds` is true."""
    as_float = _as_float(value)
    if not isfinite(as_float) or not holds(as_float):
        raise ValueError(f"{name} must be {must}, got {value!r}{hint}")
    return as_float


def _as_float(value: Any) -> float:
    """`value` as a float; NaN if it is not a number, infinite if no float is as large."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return nan
    try:
        return float(value)
    except OverflowError:
        return inf


def whole(name: str, value: Any, must: str = "", least: int = 1) -> int:
    """`value` as an int, if it is a whole number from `least` to 2**53."""
    must = must or (
        f"a whole number of at least {least}" if least > 1 else "a positive whole number"
    )
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be {must}, got {value!r}{_whole_hint(value, least)}")
    if value > LARGEST:
        raise ValueError(f"{name} must be at most 2**53, got {value!r}: floats count no further")
    return int(value)


def _whole_hint(value: Any, least: int) -> str:
    try:
        near = round(float(value))
    except (TypeError, ValueError, OverflowError):
        return ""
    return f": write {near}" if least <= near <= LARGEST else ""


def _increasing(name: str, value: Any) -> tuple[int, ...]:
    must = "a list of positive whole numbers"
    if isinstance(value, str) or not np.iterable(value):
        single = f": write [{value}]" if isinstance(value, Integral) else ""
        raise ValueError(f"{name} must be {must}, got {value!r}{single}")
    steps = sorted(whole(name, step, must) for step in value)
    if not steps or len(set(steps)) < len(steps):
        raise ValueError(f"{name} must name at least one step, and none twice, got {value!r}")
    return tuple(steps)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def _gamma(name: str, value: Any) -> float:
    return number(name, value, ABOVE_0_TO_1, lambda v: 0 < v <= 1, _k_hint(_as_float(value)))


def _k_hint(gamma: float) -> str:
    if gamma == 0:
        return ": gamma=1 is no decay at all (that is k=0)"
    if not isfinite(gamma):
        return ""
    k = f"{abs(gamma):g}"
    grows = " (the rate would grow)" if gamma > 1 else ""
    return f"{grows}: if that is the k of e^(-k t), give k={k}, or gamma = e^-{k}"


def _drop(name: str, value: Any) -> float:
    return number(name, value, ABOVE_0_TO_1, lambda v: 0 < v <= 1, _divide_hint(_as_float(value)))


def _divide_hint(gamma: float) -> str:
    if gamma == 0:
        return ": gamma=1 is no decay at all"
    if not 1 < gamma < inf:
        return ""
    return f" (the rate would grow): to divide by {gamma:g}, write {1 / gamma:g}"


def _number_kind(name: str, must: str, holds: Callable[[float], bool]) -> Kind:
    return Kind(name, lambda field_name, value: number(field_name, value, must, holds))


RATE = _number_kind("rate", "a finite number of at least 0", lambda v: v >= 0)
LOW = _number_kind("rate", "a finite number of at least 0", lambda v: v >= 0)  # below the peak
STEPS = Kind("steps", whole)
TIMES = Kind("steps", whole)  # how often, or by how much: no number of updates
GAMMA = Kind("gamma", _gamma)  # per step, as in e^(-k t)
DROP = Kind("gamma", _drop)  # per drop, as in "divide by 10"
POSITIVE = _number_kind("positive", "a finite number above 0", lambda v: v > 0)
TIME = _number_kind("positive", "a finite number above 0", lambda v: v > 0)  # in updates
INSIDE = _number_kind("share", "strictly between 0 and 1", lambda v: 0 < v < 1)
FROM = _number_kind("factor", ABOVE_0_TO_1, lambda v: 0 < v <= 1)
TO = _number_kind("factor", "between 0 and 1", lambda v: 0 <= v <= 1)
MOMENTUM = _number_kind("momentum", "at least 0 and below 1", lambda v: 0 <= v < 1)
MILESTONES = Kind("milestones", _increasing)
FLAG = Kind("flag", _flag)
MOVES_MOMENTUM = Kind("flag", _flag)
BELOW_ONE = _number_kind("share", "at least 0 and below 1", lambda v: 0 <= v < 1)
COUNT = Kind("steps", lambda name, value: whole(name, value, "a whole number of at least 0", 0))
OPTIONAL_STEPS = Kind("steps", lambda name, value: None if value is None else whole(name, value))

LENGTHS = (STEPS, OPTIONAL_STEPS, MILESTONES, TIME)
"""The kinds of field that count updates."""


def a(kind: Kind, default: Any, **options: Any) -> Any:
    """A dataclass field of this kind: `lr: float = a(RATE, 0.1)`."""
    return field(default=default, metadata={"kind": kind}, **options)


def one_of(*choices: str) -> Kind:
    """The kind of a field that takes one of a few words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            listed = ", ".join(repr(choice) for choice in choices)
            raise ValueError(f"{name} must be one of {listed}, got {value!r}")
        return str(value)

    return Kind("choice", check, choices)
