"""A plan, whatever it came as: its rates at any t, its end, and what can be turned in it."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lrcourse._causes.rounding import coarsest, dtype_of
from lrcourse._fields import (
    Choice,
    Flag,
    Gamma,
    Kind,
    Milestones,
    Number,
    Positive,
    Rate,
    Updates,
    Whole,
    kind_of,
)
from lrcourse.schedules import Schedule

TABLE = 200_000  # t beyond this are asked for one by one


class Plan:
    """The rates of a schedule, of an array, or of a function of t; nan where there are none."""

    def __init__(self, plan: Any) -> None:
        self.source = plan
        self._plan: Any = plan if callable(plan) else _rates_of(plan)
        self.kept_in = dtype_of(plan) if not callable(plan) else _kept_in(plan)
        self._known = np.empty(0)
        self.failure: tuple[int, str] | None = None  # the t at which it failed, and how

    def table(self, count: int) -> np.ndarray:
        """The rates at t = 0, 1, ... count - 1; nan from the end of the plan on."""
        if count > len(self._known):
            self._known = self._until_it_ends(count)
        return self._known[:count]

    def at(self, t: np.ndarray) -> np.ndarray:
        """The rates at any t of at least 0, whole or not; nan where there are none."""
        if isinstance(self._plan, np.ndarray):
            return np.where(t == np.floor(t), self._looked_up(t), np.nan)
        if self.is_schedule and not self.is_slow:
            return _or_nan(self._plan, t)
        return np.array([_value_or_nan(self._plan, one) for one in t.flat]).reshape(t.shape)

    def _looked_up(self, t: np.ndarray) -> np.ndarray:
        inside = (t >= 0) & (t < len(self._plan))
        return np.where(inside, self._plan[np.where(inside, t, 0).astype(int)], np.nan)

    def momentum(self, count: int) -> np.ndarray | None:
        """The momentum at t = 0, 1, ... count - 1; None if the plan leaves it alone."""
        of = getattr(self._plan, "momentum", None)
        if of is None or of(0) is None:
            return None
        return _filled(lambda n: np.asarray(of(np.arange(n)), float), count)[0]

    @property
    def is_schedule(self) -> bool:
        return isinstance(self._plan, Schedule)

    @property
    def leaves_momentum_alone(self) -> bool:
        """Whether it says so itself: it could cycle momentum, and does not."""
        plan = self._plan
        return isinstance(plan, Schedule) and plan.has_momentum and not plan.cycles_momentum

    @cached_property
    def is_slow(self) -> bool:
        """Whether every t costs a call of a function that somebody wrote."""
        return isinstance(self._plan, np.ndarray) or not all(
            _is_formula(part) for _, part in self.stretches
        )

    def _until_it_ends(self, count: int) -> np.ndarray:
        if isinstance(self._plan, np.ndarray):
            known = self._plan[:count]
            return np.concatenate([known, np.full(count - len(known), np.nan)])
        if self.is_schedule:
            known, failed = _filled(lambda n: self._plan(np.arange(n)), count)
        else:
            known, failed = self._one_by_one(count)
        if failed and not self.raises:
            self.failure = failed
        return known

    def _one_by_one(self, count: int) -> tuple[np.ndarray, tuple[int, str] | None]:
        rates = np.full(count, np.nan)
        rates[: len(self._known)] = self._known
        if self.failure:
            return rates, self.failure
        for t in range(len(self._known), count):
            try:
                rates[t] = _number(self._plan(t), t)
            except Exception as error:  # whatever a learner's own function raises
                if t == 0:
                    raise
                return rates, (t, _told(error))
        return rates, None

    @property
    def stretches(self) -> list[tuple[int, Any]]:
        """When each part of the plan begins, and the part."""
        return self._plan.stretches() if isinstance(self._plan, Schedule) else [(0, self._plan)]

    @cached_property
    def shape_ends(self) -> int | None:
        """After how many t all of the shape was seen; None where there is no telling."""
        if isinstance(self._plan, np.ndarray):
            return len(self._plan)
        return self._plan.shape_ends if isinstance(self._plan, Schedule) else None

    @cached_property
    def made_for(self) -> int | None:
        """For how many t the plan was made, if it was made for a number of them."""
        if isinstance(self._plan, np.ndarray):
            return len(self._plan)
        return self._plan.made_for if isinstance(self._plan, Schedule) else None

    @property
    def after_that(self) -> str:
        """What the plan does after `made_for`."""
        return self._plan.after_end if isinstance(self._plan, Schedule) else ""

    @property
    def raises(self) -> bool:
        """Whether it is an error to step past `made_for`."""
        return isinstance(self._plan, Schedule) and self._plan.raises_past_end

    @property
    def last_turn(self) -> int:
        """The last milestone of the plan; 0 if it has none."""
        turns = self._plan.turns if isinstance(self._plan, Schedule) else ()
        return max(turns, default=0)

    @property
    def eta_min(self) -> float:
        """The rate that the others are measured from; of a chain, that of its last part."""
        last = self.stretches[-1][1]
        return last.floor if isinstance(last, Schedule) else 0.0

    @cached_property
    def knobs(self) -> "list[Knob]":
        """What can be turned in it: the fields of its schedule, and of each of its parts."""
        return list(_knobs(self._plan)) if self.is_schedule else []


def _rates_of(plan: Any) -> np.ndarray:
    if hasattr(plan, "detach"):  # a tensor: NumPy knows no bfloat16
        plan = plan.detach().double().cpu().numpy()
    try:
        rates = np.asarray(plan, dtype=float)
    except (TypeError, ValueError):
        rates = np.array([])
    if rates.ndim != 1 or not rates.size or not np.isfinite(rates).all():
        raise ValueError(
            f"plan must be a schedule, or a list with one finite rate for each t, got {plan!r}"
        )
    return rates


def _kept_in(plan: Callable) -> str:
    """In what a function gives its rates: those of JAX and TensorFlow give float32."""
    if isinstance(plan, Schedule):
        return "float64"
    try:
        return coarsest(dtype_of(plan(t)) for t in (0, 1))
    except Exception:  # told when the rates are asked for
        return "float64"


def _number(rate: Any, t: int) -> float:
    if rate is None:
        raise ValueError(f"your plan returned None at t={t} (is a return missing?)")
    return float(rate)


def _told(error: Exception) -> str:
    if isinstance(error, ValueError) and str(error).startswith("your plan returned None"):
        return str(error).removeprefix("your plan ")
    return f"raised {type(error).__name__}: {error}"


def _value_or_nan(plan: Callable, t: float) -> float:
    try:
        return float(plan(int(t) if t == int(t) else float(t)))
    except Exception:
        return np.nan


def _or_nan(plan: Callable, t: np.ndarray) -> np.ndarray:
    """As `plan(t)`; where it refuses one t of many, nan for that one."""
    try:
        return plan(t)
    except ValueError:
        return np.array([_value_or_nan(plan, one) for one in t.flat]).reshape(t.shape)


def _filled(
    values: Callable[[int], np.ndarray], count: int
) -> tuple[np.ndarray, tuple[int, str] | None]:
    """`values(count)`, filled up with nan from where it raises; and where and how it did."""
    try:
        return values(count), None
    except Exception as first:  # whatever a learner's own function raises past its end
        enough, too_many, error = 1, count, first
    values(enough)
    while too_many - enough > 1:
        middle = (enough + too_many) // 2
        try:
            values(middle)
            enough = middle
        except Exception as another:
            too_many, error = middle, another
    known = values(enough)
    return np.concatenate([known, np.full(count - enough, np.nan)]), (enough, _told(error))


def _is_formula(schedule: Any) -> bool:
    return isinstance(schedule, Schedule) and not any(
        callable(getattr(schedule, f.name)) for f in fields(schedule)
    )


# What can be turned


class Knob(NamedTuple):
    """One thing in a plan that can be set otherwise, and the plan that it gives."""

    name: str
    planned: Any
    kind: str  # "steps", "milestones", "choice", or what a number is
    turned: Callable[[Any], Any]  # raises ValueError for what cannot be
    part: int | None = None  # of which part of a chain; None for one schedule
    choices: tuple = ()  # the values there are, where they are few


KINDS: tuple[tuple[type[Kind], str], ...] = (  # the narrower before the wider
    (Milestones, "milestones"),
    (Updates, "steps"),
    (Whole, "times"),
    (Gamma, "gamma"),
    (Rate, "rate"),
    (Positive, "positive"),
    (Number, "share"),
    (Flag, "choice"),
    (Choice, "choice"),
)


def _kind_name(kind: Kind) -> str:
    """What a field of this kind is for a fit; "" for one that no rate depends on."""
    if not kind.shapes and not isinstance(kind, Rate | Updates | Milestones):
        return ""
    if isinstance(kind, Positive) and kind.counts_updates:
        return "time"
    return next((name for of, name in KINDS if isinstance(kind, of)), "")


def _choices(kind: Kind) -> tuple:
    if isinstance(kind, Flag):
        return (True, False)
    return tuple(range(1, 9)) if type(kind) is Whole else tuple(getattr(kind, "choices", ()))


def _knobs(schedule: Any) -> Iterator[Knob]:
    """Of each field, and in a chain of each part's fields, of the joints, of all lengths at once."""
    parts = getattr(schedule, "schedules", None)
    if not parts:
        yield from _fields_of(schedule)
        return
    for i, part in enumerate(parts):
        for knob in _fields_of(part):
            yield knob._replace(turned=_in_chain(schedule, i, knob.turned), part=i)
    yield from _joints(schedule)


def _fields_of(schedule: Any) -> Iterator[Knob]:
    for f in fields(schedule):
        kind, value = kind_of(f), getattr(schedule, f.name)
        if f.compare and _kind_name(kind) and value is not None:
            turned = _setter(schedule, f.name)
            yield Knob(f.name, value, _kind_name(kind), turned, choices=_choices(kind))


def _setter(schedule: Any, name: str) -> Callable[[Any], Any]:
    kept = {f.name: getattr(schedule, f.name) for f in fields(schedule) if f.compare}
    return lambda value: type(schedule)(**kept | {name: value})


def _in_chain(chain: Any, i: int, turned: Callable) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        parts = [*chain.schedules[:i], turned(value), *chain.schedules[i + 1 :]]
        return type(chain)(schedules=parts, milestones=chain.milestones)

    return whole


def _joints(chain: Any) -> Iterator[Knob]:
    """Each part as long as wanted: with what follows moved along, or ending where it ended."""
    edges = [0, *chain.milestones]
    for i, at in enumerate(chain.milestones):
        for keeps_end in (False, True):
            for fills in (True, False):
                yield Knob("length", at - edges[i], "steps", _longer(chain, i, keeps_end, fills), i)


def _longer(chain: Any, i: int, keeps_end: bool, fills: bool) -> Callable[[int], Any]:
    """The chain with part `i` made for `length`; `fills`: its own fields follow, too."""
    edges = [0, *chain.milestones]
    old = edges[i + 1] - edges[i]

    def whole(length: int) -> Any:
        parts, by = list(chain.schedules), length - old
        if fills:
            parts[i] = _resized(parts[i], old, length)
        if keeps_end and i + 2 == len(edges):
            parts[-1] = _shortened(parts[-1], by)
            joints = [*edges[1 : i + 1], edges[i + 1] + by]
        else:
            joints = [*edges[1 : i + 1], *(edge + by for edge in edges[i + 1 :])]
        return type(chain)(schedules=parts, milestones=joints)

    return whole


def _resized(part: Any, old: int, new: int) -> Any:
    """The part with each field that was as long as it, made as long as it is now."""
    kept = {f.name: getattr(part, f.name) for f in fields(part) if f.compare}
    return type(part)(**{k: new if type(v) is int and v == old else v for k, v in kept.items()})


def _shortened(part: Any, by: int) -> Any:
    """The part with the field that says its end moved; as it is, if none does."""
    end = next((name for name, value in part.lengths.items() if value == part.end), None)
    return part if end is None else _setter(part, end)(part.end - by)


def scaled(schedule: Any, by: float) -> Any:
    """The schedule with all its lengths times `by`, rounded to whole steps of at least 1."""
    parts = getattr(schedule, "schedules", None)
    if parts:
        joints = [_whole(at * by) for at in schedule.milestones]
        return type(schedule)(schedules=[scaled(part, by) for part in parts], milestones=joints)
    kept = {f.name: getattr(schedule, f.name) for f in fields(schedule) if f.compare}
    for name, value in schedule.lengths.items():
        if isinstance(value, tuple | list):
            kept[name] = [_whole(at * by) for at in value]
        else:
            kept[name] = _whole(value * by) if isinstance(value, int) else value * by
    return type(schedule)(**kept)


def _whole(value: float) -> int:
    return max(1, int(np.floor(value + 0.5)))
