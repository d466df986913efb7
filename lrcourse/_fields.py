"""The kinds of field that a schedule is made of.

A kind says which values a field takes, turns them into plain Python numbers, and, when it is
given something else, names the value and the fix. The explorer reads the same kinds to choose
a control for each field.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from numbers import Integral, Real
from typing import Any


@dataclass(frozen=True)
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
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not holds(value):
        raise ValueError(f"{name} must be {must}, got {value!r}{hint}")
    return float(value)


def whole(name: str, value: Any, must: str = "a positive whole number", least: int = 1) -> int:
    """`value` as an int, if it is a whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be {must}, got {value!r}{_whole_hint(value, least)}")
    return int(value)


def _whole_hint(value: Any, least: int) -> str:
    try:
        near = round(float(value))
    except (TypeError, ValueError, OverflowError):
        return ""
    return f": write {near}" if near >= least else ""


def _increasing(name: str, value: Any) -> tuple[int, ...]:
    try:
        steps = sorted(whole(name, v, "a list of positive whole numbers") for v in value)
    except TypeError:
        message = f"{name} must be a list of positive whole numbers, got {value!r}"
        raise ValueError(f"{message}: write [{value}]") from None
    if not steps or len(set(steps)) < len(steps):
        raise ValueError(f"{name} must name at least one step, and none twice, got {value!r}")
    return tuple(steps)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def _gamma(name: str, value: Any) -> float:
    must = "above 0 and at most 1"
    return number(name, value, must, lambda v: 0 < v <= 1, _gamma_hint(value))


def _gamma_hint(value: Any) -> str:
    if not isinstance(value, Real) or value == 0:
        return ": gamma=1 is no decay at all (that is k=0)" if value == 0 else ""
    k = f"{abs(value):g}"
    grows = " (the rate would grow)" if value > 1 else ""
    return f"{grows}: if that is the k of e^(-k t), give k={k}, or gamma = e^-{k}"


def _number_kind(name: str, must: str, holds: Callable[[float], bool]) -> Kind:
    return Kind(name, lambda field_name, value: number(field_name, value, must, holds))


RATE = _number_kind("rate", "a finite number of at least 0", lambda v: v >= 0)
STEPS = Kind("steps", whole)
GAMMA = Kind("gamma", _gamma)
POSITIVE = _number_kind("positive", "a finite number above 0", lambda v: v > 0)
INSIDE = _number_kind("share", "strictly between 0 and 1", lambda v: 0 < v < 1)
FROM = _number_kind("factor", "above 0 and at most 1", lambda v: 0 < v <= 1)
TO = _number_kind("factor", "between 0 and 1", lambda v: 0 <= v <= 1)
MOMENTUM = _number_kind("momentum", "at least 0 and below 1", lambda v: 0 <= v < 1)
MILESTONES = Kind("milestones", _increasing)
FLAG = Kind("flag", _flag)
BELOW_ONE = _number_kind("share", "at least 0 and below 1", lambda v: 0 <= v < 1)
COUNT = Kind("steps", lambda name, value: whole(name, value, "a whole number of at least 0", 0))
OPTIONAL_STEPS = Kind("steps", lambda name, value: None if value is None else whole(name, value))


def a(kind: Kind, default: Any, **options: Any) -> Any:
    """A dataclass field of this kind: `lr: float = a(RATE, 0.1)`."""
    return field(default=default, metadata={"kind": kind}, **options)


def one_of(*choices: str) -> Kind:
    """The kind of a field that takes one of a few words."""

    def check(name: str, value: Any) -> str:
        if value not in choices:
            listed = ", ".join(repr(choice) for choice in choices)
            raise ValueError(f"{name} must be one of {listed}, got {value!r}")
        return value

    return Kind("choice", check, choices)
