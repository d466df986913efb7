"""Learning-rate schedules: each one a formula, and the PyTorch scheduler it is the formula of.

Read this file from the top. It opens with the conventions, then comes every schedule in the
order of the lessons, and at the end the list of them all, `SCHEDULES`.

Conventions
-----------
1. `t` counts the updates already made. The first update uses `schedule(0)`.
   (If your loop calls `scheduler.step()` once per epoch, `t` counts epochs instead.)
2. `schedule(t)` is the rate itself, not a multiplier. A number in gives a float, an array in
   gives an array of float64 of the same shape.
3. A schedule is a value: frozen, keyword-only. It prints, compares and pickles, and neither
   calling nor plotting it changes anything.
4. Names and defaults are PyTorch's where PyTorch has them. `lr` is the rate that the optimizer
   is built with. Where PyTorch has no default, ours makes a picture worth looking at.
5. The formula does exactly what PyTorch does, for every `t`, past the end of the schedule too.
6. Bad values raise `ValueError` at construction, with the value and the fix.

What a schedule says of itself
------------------------------
Plots, traces, explorers and races know no schedule by name, and none by the name of a field. What
they need to know stands in the class, under these names. The first five each schedule must say:

    _twin              the class in torch.optim.lr_scheduler; "LambdaLR" if none has the formula
    _rate(t)           the formula
    horizon            how many updates show its shape: a fair width for a plot
    end                the update at which all is said, as a number of updates; None without one
    after_end          what comes then, "after T_max the cosine climbs back up"; "" without an end

The others have a default, for those that are like most:

    made_for           how long the run is to be: `end`, or None where a run may well go on (a
                       warm-up), or where there is no end
    raises_past_end    whether it is an error to step on past `end`; then `_over(updates)` is the
                       sentence that says so
    shape_ends         after how many updates all of the shape was seen: the horizon, or None where
                       there is no telling
    turns              the updates that it names as turning points: drops and joins
    cycle_length       updates from one low to the next, where all cycles are as long; else None
    floor              the rate that the others are measured from: `eta_min`
    has_momentum       whether it has a say on momentum, `cycles_momentum` whether it does so now
    _factor_code       for a LambdaLR: the factor as code, if it needs no `schedule` to be run
    _initial_lr        the rate that PyTorch keeps in the optimizer as `initial_lr`: the peak

What the kinds of the fields say, nobody has to repeat: `lengths` are the fields that count
updates, `shape` all that make the shape, whatever the peak, and `peak` is the largest rate.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeVar,
    dataclass_transform,
    overload,
)

import numpy as np

from lrcourse._fields import (
    AT_EACH,
    BELOW_ONE,
    COUNT,
    DROP,
    EVERY,
    FLAG,
    FROM,
    GAMMA,
    INSIDE,
    LOW,
    MILESTONES,
    MOMENTUM,
    MOVES_MOMENTUM,
    OF_CYCLES,
    OPTIONAL_STEPS,
    POSITIVE,
    RATE,
    STEPS,
    TIME,
    TIMES,
    TO,
    Flag,
    Kind,
    Rate,
    a,
    closest,
    kind_of,
    number,
    one_of,
    share_hint,
    whole,
)

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def a_schedule(kind: type[T]) -> type[T]:
    """Make a dataclass of the fields that are written with `a(KIND, default)`."""
    return dataclass(frozen=True, kw_only=True)(kind)


@a_schedule
class Twin(ABC):
    """A value with a twin in `torch.optim.lr_scheduler`: checks the fields, builds the twin."""

    _always: ClassVar[tuple[str, ...]] = ()  # arguments that `code` shows even at their default

    @property
    @abstractmethod
    def _twin(self) -> str:
        """The class in `torch.optim.lr_scheduler`."""

    def __new__(cls, *unnamed: Any, **named: Any) -> Self:
        """Explain what is no field, before the dataclass refuses it."""
        known = [f.name for f in fields(cls)]
        if unnamed:
            raise TypeError(f"{cls.__name__} takes no positional arguments{_by_name(cls, unnamed)}")
        for name in named:
            if name not in known:
                raise TypeError(
                    f"{cls.__name__} has no field {name!r}: {cls._instead(name, named)}"
                )
        return super().__new__(cls)

    @classmethod
    def _instead(cls, name: str, named: dict[str, Any]) -> str:
        """What to write instead of a `name` that is no field, among others that were `named`."""
        known = [f.name for f in fields(cls)]
        near = closest(name, known)
        return f"did you mean {near}?" if near else f"its fields are {', '.join(known)}"

    def __post_init__(self) -> None:
        for f in fields(self):
            checked = kind_of(f).check(f.name, getattr(self, f.name))
            object.__setattr__(self, f.name, checked)
        self._check()

    def _check(self) -> None:  # noqa: B027 - most have nothing to add
        """Raise if fields that are fine alone do not fit together."""

    def scheduler(self, optimizer: "Optimizer") -> "LRScheduler":
        """The real PyTorch scheduler, attached to `optimizer`.

        Sets the optimizer's rate as the schedule says, in every parameter group. One-cycle and
        cyclical also take over momentum (beta1 for Adam), as PyTorch's do.
        """
        _set_rate(optimizer, self._initial_lr)
        return self._attach(optimizer)

    def _attach(self, optimizer: Any) -> Any:
        from torch.optim import lr_scheduler

        return getattr(lr_scheduler, self._twin)(optimizer, **self._arguments())

    def code(self) -> str:
        """The line of PyTorch to paste, for an `optimizer` built with this schedule's `lr`."""
        return self._line("schedule")

    def _line(self, me: str, factor: str = "") -> str:
        """The call of the twin as code.

        `me` is what the code calls this schedule, if it must, and `factor` what it calls its
        function, if not by the function's own name.
        """
        defaults = {f.name: f.default for f in fields(self)}
        shown = [
            f"{name}={value!r}"
            for name, value in self._arguments().items()
            if name in self._always or value != defaults[name]
        ]
        return f"torch.optim.lr_scheduler.{self._twin}({', '.join(['optimizer', *shown])})"

    def _arguments(self) -> dict[str, Any]:
        """What the twin's constructor takes: every field but `lr`, which the optimizer has."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "lr"}

    @property
    @abstractmethod
    def _initial_lr(self) -> float:
        """The rate that PyTorch remembers in the optimizer as `initial_lr`."""


def _by_name(kind: type[Twin], unnamed: tuple) -> str:
    """How to write what was given without a name."""
    if hasattr(unnamed[0], "param_groups"):
        return f": the optimizer comes later, as in {kind.__name__}(...).scheduler(optimizer)"
    first = fields(kind)[0].name
    return f": name the fields, as in {kind.__name__}({first}={unnamed[0]!r})"


@a_schedule
class Schedule(Twin):
    """What all schedules share: calling, momentum, scaling, joining.

    A schedule adds its fields, and what it says of itself: see the top of this file. Nothing
    here depends on which schedule it is.
    """

    @abstractmethod
    def _rate(self, t: np.ndarray) -> np.ndarray:
        """The formula: the rates at `t`, an array of floats, as an array of that shape."""

    @property
    @abstractmethod
    def horizon(self) -> int:
        """How many updates show the shape of the schedule: a fair width for a plot."""

    @property
    @abstractmethod
    def end(self) -> int | None:
        """The update at which the schedule has said all; None if there is none."""

    @property
    @abstractmethod
    def after_end(self) -> str:
        """What comes after the end, as a clause; "" if there is no end."""

    @property
    def made_for(self) -> int | None:
        """How many updates the run is to have; None if any number will do."""
        return self.end

    @property
    def shape_ends(self) -> int | None:
        """After how many updates all of the shape was seen; None if there is no telling."""
        return self.horizon

    @property
    def raises_past_end(self) -> bool:
        """Whether it is an error to step on past the end, as in PyTorch."""
        return False

    def _over(self, updates: int) -> str:
        """That the schedule is over after so many updates, and what to do about it."""
        return f"{type(self).__name__} is over after {updates} updates: make it as long as your run"

    @property
    def turns(self) -> tuple[int, ...]:
        """The updates at which the schedule turns because it was told so."""
        return ()

    @property
    def cycle_length(self) -> int | None:
        """Updates from one low to the next; None without cycles, or where they grow."""
        return None

    @property
    def floor(self) -> float:
        """The rate that the schedule comes down to, from which the others are measured."""
        return 0.0

    @property
    def has_momentum(self) -> bool:
        """Whether the schedule can say what momentum is to be."""
        return False

    @property
    def cycles_momentum(self) -> bool:
        """Whether PyTorch's scheduler moves momentum (beta1 for Adam), too."""
        return False

    def _momentum(self, t: np.ndarray) -> np.ndarray:
        """The momentum at `t`, for those that cycle it."""
        raise NotImplementedError(f"{type(self).__name__} leaves momentum alone")

    @property
    def lengths(self) -> dict[str, Any]:
        """The fields that count updates, as far as they are set, and their values."""
        counted = self._fields_where(lambda kind: kind.counts_updates)
        return {name: value for name, value in counted.items() if value is not None}

    @property
    def shape(self) -> dict[str, Any]:
        """The fields that make the shape, whatever the peak, and their values."""
        return self._fields_where(lambda kind: kind.shapes)

    def _fields_where(self, holds: Callable[[Kind], bool]) -> dict[str, Any]:
        """The fields whose kind is such, and their values; of two faces of one, the first."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if f.compare and holds(kind_of(f))
        }

    @overload
    def __call__(self, t: float | np.integer | np.floating) -> float: ...

    @overload
    def __call__(self, t: np.ndarray | Sequence) -> np.ndarray: ...

    def __call__(self, t: Any) -> Any:
        """The rate after `t` updates.

        `t`: a number, or an array of any shape, finite and at least 0. Returns a float, or an
        array of float64 of the same shape. Raises `ValueError` for any other `t`, and where
        PyTorch's scheduler raises: past the end of a one-cycle.
        """
        return self._shaped(self._rate, t)

    def momentum(self, t: Any) -> Any:
        """The momentum (beta1 for Adam) after `t` updates, where PyTorch cycles it; else None."""
        return self._shaped(self._momentum, t) if self.cycles_momentum else None

    def _shaped(self, formula: Callable[[np.ndarray], np.ndarray], t: Any) -> Any:
        """`formula` of `t`, checked, as a float for a number and an array for an array."""
        steps = _updates(t)
        self._refuse_past_the_end(steps)
        values = formula(np.atleast_1d(steps))
        return values if steps.ndim else float(values[0])

    def _refuse_past_the_end(self, t: np.ndarray) -> None:
        """PyTorch, too, still sets a rate one step past the last update, and then raises."""
        if (past := t.max(initial=0)) > self.last + 1:
            raise ValueError(f"t={past:.15g} is past the end: {self._over(int(self.last) + 1)}")

    @property
    def last(self) -> float:
        """The last update that the schedule has a sensible rate for; infinite if there is none."""
        return self.end - 1 if self.raises_past_end and self.end is not None else math.inf

    @property
    def peak(self) -> float:
        """The largest rate that the schedule is built from (`lr` or `max_lr`)."""
        return max(self._rates().values(), default=0.0)

    def with_peak(self, peak: float) -> "Schedule":
        """The same shape with every rate scaled, so that the largest is `peak`."""
        peak = number("peak", peak, "a finite number of at least 0", lambda v: v >= 0)
        if not self.peak:
            raise ValueError(f"every rate of {self!r} is 0: it has no shape to scale")
        return self._rescaled(self.peak, peak)

    def _rescaled(self, old: float, new: float) -> "Schedule":
        """Every rate times new / old; a rate of `old` becomes `new` to the last bit."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        scaled = {
            name: new if lr == old else lr * (new / old) for name, lr in self._rates().items()
        }
        return type(self)(**kept | scaled)

    def _rates(self) -> dict[str, float]:
        return self._fields_where(lambda kind: isinstance(kind, Rate))

    @property
    def _initial_lr(self) -> float:
        return self.peak

    def then(self, other: "Schedule", *, at: int) -> "Sequential":
        """This schedule for the updates before `at`, then `other`, which starts from its own 0.

        `at` counts updates from the start of the whole, so it grows along a chain:
        `warmup.then(stable, at=50).then(decay, at=800)`.

        PyTorch: `SequentialLR(optimizer, [this, other], milestones=[at])`.
        """
        return Sequential.joined(self, other, at)

    def stretches(self) -> list[tuple[int, "Schedule"]]:
        """When each part begins, and the part."""
        return [(0, self)]

    # Where PyTorch has no scheduler with the formula: a function of t, times the first rate

    @property
    def _factor_code(self) -> str:
        """The factor as code that needs nothing else; "" if it needs the schedule itself."""
        return ""

    def _factor(self) -> Callable[[int], float]:
        """The rate at t as a multiple of `_initial_lr`.

        A plain function: PyTorch saves the attributes of any other callable object, and loading
        rewrites them.
        """
        lr = self._initial_lr or 1.0
        return lambda t: self(t) / lr

    def _same_factor(self, other: "Schedule") -> bool:
        """Whether the name of one function will do for both."""
        return self == other

    @property
    def _takes_a_function(self) -> bool:
        """Whether PyTorch's scheduler is handed the factor."""
        return self._twin in ("LambdaLR", "MultiplicativeLR")

    def _arguments(self) -> dict[str, Any]:
        return {"lr_lambda": self._factor()} if self._takes_a_function else super()._arguments()

    def code(self) -> str:
        needs_itself = self._takes_a_function and not self._factor_code
        built = f"  # optimizer built with lr={self._initial_lr!r}" if needs_itself else ""
        return super().code() + built

    def _line(self, me: str, factor: str = "") -> str:
        if not self._takes_a_function:
            return super()._line(me)
        factor = factor or self._factor_code or f"lambda t: {me}(t) / {self._initial_lr or 1.0!r}"
        return f"torch.optim.lr_scheduler.{self._twin}(optimizer, {factor})"

    # How PyTorch's schedulers get on with each other in a row

    _shares_initial_lr: ClassVar[bool] = True  # starts from the rate that all of a row share
    _fills_param_groups: ClassVar[bool] = False  # keeps its own in the optimizer: one in a row

    @property
    def _can_follow(self) -> bool:
        """Whether its scheduler can be the second in a row, or a later one."""
        return True


def _updates(t: Any) -> np.ndarray:
    """`t` as floats, if it can count updates: real, finite and at least 0."""
    try:
        given = np.asarray(float(t) if type(t) is int else t)
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"t must be a number or an array of numbers, got {t!r}") from error
    if given.dtype.kind not in "iuf":
        raise ValueError(f"t must be a number or an array of numbers, got {t!r}")
    steps = given.astype(float)
    fine = (steps >= 0) & (steps < math.inf)
    if not fine.all():
        bad = steps[~fine].flat[0]
        raise ValueError(f"t counts the updates already made: it starts at 0, got {bad:.15g}")
    return steps


def _set_rate(optimizer: Any, lr: float) -> None:
    if not hasattr(optimizer, "param_groups"):
        raise ValueError(f"scheduler() needs a torch.optim optimizer, got {optimizer!r}")
    for group in optimizer.param_groups:
        # PyTorch keeps the first rate it saw as `initial_lr`; a schedule brings its own.
        group.pop("initial_lr", None)
        if hasattr(group["lr"], "fill_"):  # a rate that is a tensor stays that tensor
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


# Lesson 1: step decay


@a_schedule
class StepDecay(Schedule):
    """Flat, then suddenly lower, at equal intervals: a staircase.

        lr(t) = lr * gamma ** floor(t / step_size)

    The drop comes *at* t = step_size: with `step_size=30` the updates 0 to 29 use `lr`, and
    update 30 is the first at `lr * gamma`.

    >>> step = StepDecay(lr=0.1, step_size=30, gamma=0.1)
    >>> [round(step(t), 6) for t in (0, 29, 30, 59, 60, 600)]
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.0]

    Source: the recipe "divide by 10 every 30 epochs" of ResNet training in PyTorch's ImageNet
    example; analysed by Ge et al. (2019), arXiv 1904.12838, Algorithm 1.

    PyTorch: `StepLR`, which multiplies once per drop; equal up to rounding.
    """

    lr: float = a(RATE, 0.1)
    step_size: int = a(EVERY, 30)
    gamma: float = a(DROP, 0.1)

    _twin = "StepLR"
    _always = ("step_size", "gamma")

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.lr * _power(self.gamma, np.floor(t / self.step_size))

    end = None
    after_end = ""

    @property
    def horizon(self) -> int:
        return 3 * self.step_size


@a_schedule
class MultiStepDecay(Schedule):
    """A staircase whose drops come where you say.

        lr(t) = lr * gamma ** (number of milestones at or before t)

    As in `StepDecay`, a drop applies *at* its milestone. A milestone past the end of the run
    does nothing, and nothing warns you of it.

    >>> step = MultiStepDecay(lr=1.0, milestones=[30, 80], gamma=0.1)
    >>> [round(step(t), 6) for t in (0, 29, 30, 79, 80)]
    [1.0, 1.0, 0.1, 0.1, 0.01]

    Source: the schedule of He et al. (2015), arXiv 1512.03385, section 4.2 (CIFAR-10: divide by
    10 at 32k and 48k of 64k iterations).

    PyTorch: `MultiStepLR`. It takes milestones in any order and counts repeated ones twice;
    here they are sorted, and a repeated one is refused.
    """

    lr: float = a(RATE, 0.1)
    milestones: Sequence[int] = a(MILESTONES, (30, 60, 80))
    gamma: float = a(AT_EACH, 0.1)

    _twin = "MultiStepLR"
    _always = ("milestones", "gamma")

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.lr * _power(self.gamma, np.searchsorted(self.milestones, t, side="right"))

    end = None
    after_end = ""

    @property
    def horizon(self) -> int:
        return math.ceil(1.25 * self.milestones[-1])

    @property
    def turns(self) -> tuple[int, ...]:
        return tuple(self.milestones)

    def _arguments(self) -> dict[str, Any]:
        return {"milestones": list(self.milestones), "gamma": self.gamma}


# Lesson 2: exponential decay


@a_schedule
class ExponentialDecay(Schedule):
    """A little lower at every step, by the same fraction: steep at first, then flat.

        lr(t) = lr * gamma ** t = lr * e ** (-k * t),    gamma = e ** -k

    Two faces of one formula: give `gamma`, or `k`, and read off the other. Near 1 they are easy
    to tell apart, gamma = 0.95 is k = 0.0513, and easy to confuse: `gamma=0.0513` leaves a
    twentieth of the rate after a single step.

    >>> decay = ExponentialDecay(lr=0.1, gamma=0.95)
    >>> [round(decay(t), 6) for t in (0, 1, 100, 1000)]
    [0.1, 0.095, 0.000592, 0.0]
    >>> round(decay.k, 4)
    0.0513
    >>> ExponentialDecay(lr=0.1, k=0.0513) == ExponentialDecay(lr=0.1, gamma=np.exp(-0.0513))
    True

    Source: the continuous limit of step decay; Ge et al. (2019), arXiv 1904.12838, section 3.

    PyTorch: `ExponentialLR(gamma)`, which multiplies once per step; equal up to rounding.
    """

    lr: float = a(RATE, 0.1)
    gamma: float = a(GAMMA, None)
    k: float = a(RATE, None, repr=False, compare=False)

    _twin = "ExponentialLR"
    _always = ("gamma",)

    def __post_init__(self) -> None:
        gamma, k = self._two_faces()
        object.__setattr__(self, "gamma", gamma)
        object.__setattr__(self, "k", k)
        super().__post_init__()

    def _two_faces(self) -> tuple[float, float]:
        """gamma and k, whichever was given; gamma = 0.95 if neither was."""
        given = None if self.gamma is None else GAMMA.check("gamma", self.gamma)
        if self.k is None:
            gamma = given or 0.95
            return gamma, abs(math.log(gamma))
        not_negative = "a finite number of at least 0 (the minus sign is in the formula)"
        k = number("k", self.k, not_negative, lambda v: v >= 0)
        gamma = float(np.exp(-k))
        if not gamma:
            raise ValueError(f"k must be below 745, got {k!r}: the rate would be 0 after one step")
        if given and not math.isclose(gamma, given, rel_tol=1e-12):
            raise ValueError(
                f"give gamma or k, not both: gamma={given!r} and k={k!r} differ "
                f"(k={k!r} is gamma={gamma!r})"
            )
        return given or gamma, k

    def _arguments(self) -> dict[str, Any]:
        return {"gamma": self.gamma}

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.lr * _power(self.gamma, t)

    end = None
    after_end = ""

    @property
    def horizon(self) -> int:
        to_one_percent = math.log(0.01) / math.log(self.gamma) if self.gamma < 1 else 100
        return max(2, math.ceil(to_one_percent))


# Lesson 3: cosine annealing


@a_schedule
class CosineAnnealing(Schedule):
    """Half a wave of a cosine: slow to leave the top, steep in the middle, slow to arrive.

        lr(t) = eta_min + (lr - eta_min) / 2 * (1 + cos(t * pi / T_max))

    The rate is `eta_min` at t = T_max, and then it *climbs back*: at 2 * T_max it is at `lr`
    again. Set `T_max` to the number of updates of the run.

    >>> cosine = CosineAnnealing(lr=1.0, T_max=100)
    >>> [round(cosine(t), 6) for t in (0, 25, 50, 75, 100, 200)]
    [1.0, 0.853553, 0.5, 0.146447, 0.0, 1.0]

    Source: Loshchilov & Hutter (2016), arXiv 1608.03983, equation 5, for one cycle.

    PyTorch: `CosineAnnealingLR`, which takes each rate from the one before; equal up to
    rounding. That grows with `T_max` in the climb back (2e-11 of the rate at `T_max=1000`), and
    with the number of cycles (6e-12 after 10,000 updates at `T_max=7`).
    PyTorch accepts `eta_min` above `lr` and climbs; here that is refused.
    """

    lr: float = a(RATE, 0.1)
    T_max: int = a(STEPS, 100)
    eta_min: float = a(LOW, 0.0)

    _twin = "CosineAnnealingLR"
    _always = ("T_max",)
    after_end = "after T_max the cosine climbs back up"

    def _check(self) -> None:
        _ordered("eta_min", self.eta_min, "lr", self.lr)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return _cosine(self.lr, self.eta_min, t / self.T_max)

    @property
    def end(self) -> int:
        return self.T_max

    @property
    def horizon(self) -> int:
        return self.T_max

    @property
    def floor(self) -> float:
        return self.eta_min


@a_schedule
class WarmRestarts(Schedule):
    """Cosine annealing that starts again from the top, each time for `T_mult` times as long.

        lr(t) = eta_min + (lr - eta_min) / 2 * (1 + cos(pi * T_cur / T_i))

    where T_cur is the number of updates since the last restart, and the i-th cycle lasts
    T_i = T_0 * T_mult ** i. The rate jumps back up before it reaches `eta_min`: with T_0 = 3
    its lowest is a quarter of the way from `eta_min` to `lr`.

    Also known as SGDR.

    >>> restarts = WarmRestarts(lr=1.0, T_0=10, T_mult=2)
    >>> [round(restarts(t), 6) for t in (0, 5, 9, 10, 20, 30)]
    [1.0, 0.5, 0.024472, 1.0, 0.5, 1.0]

    Source: Loshchilov & Hutter (2016), arXiv 1608.03983, equation 5.

    PyTorch: `CosineAnnealingWarmRestarts`. PyTorch accepts `eta_min` above `lr` and climbs; here
    that is refused.
    """

    lr: float = a(RATE, 0.1)
    T_0: int = a(STEPS, 25)
    T_mult: int = a(TIMES, 1)
    eta_min: float = a(LOW, 0.0)

    _twin = "CosineAnnealingWarmRestarts"
    _always = ("T_0",)

    def _check(self) -> None:
        _ordered("eta_min", self.eta_min, "lr", self.lr)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        start, length = self._cycle(t)
        return _cosine(self.lr, self.eta_min, (t - start) / length)

    def _cycle(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When the cycle that holds `t` began, and how long it lasts."""
        if self.T_mult == 1:
            return np.floor(t / self.T_0) * self.T_0, np.array(self.T_0)
        count = 2 + int(math.log(t.max(initial=0) / self.T_0 + 1, self.T_mult))
        lengths = self.T_0 * float(self.T_mult) ** np.arange(count)
        ends = np.cumsum(lengths)
        cycle = np.searchsorted(ends, t, side="right")
        return (ends - lengths)[cycle], lengths[cycle]

    end = None
    after_end = ""

    @property
    def cycle_length(self) -> int | None:
        return self.T_0 if self.T_mult == 1 else None

    @property
    def floor(self) -> float:
        return self.eta_min

    @property
    def horizon(self) -> int:
        return sum(self.T_0 * self.T_mult**i for i in range(3))


# Lesson 4: cyclical rates


@a_schedule
class Cyclical(Schedule):
    """Up and down between two bounds, over and over.

        lr(t) = base_lr + (max_lr - base_lr) * height(t) * scale

    `height` climbs in a straight line from 0 to 1 in `step_size_up` updates, then falls back to
    0 in `step_size_down` (the same number, if None). `scale` is, by `mode`:

        triangular    1
        triangular2   1/2 ** (cycles completed): every cycle half as high
        exp_range     gamma ** t

    Momentum moves the other way, from `max_momentum` at the bottom to `base_momentum` at the
    top. The default `step_size_up=2000` is PyTorch's: a run of 500 updates sees a quarter of
    one climb, and no cycle.

    >>> cyclical = Cyclical(base_lr=0.0, max_lr=1.0, step_size_up=4)
    >>> [cyclical(t) for t in (0, 2, 4, 6, 8, 12)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 1.0]
    >>> round(cyclical.momentum(4), 6), round(cyclical.momentum(8), 6)
    (0.8, 0.9)

    Source: Smith (2015), arXiv 1506.01186, section 3.1.

    PyTorch: `CyclicLR`. With `cycle_momentum=True` it needs an optimizer with momentum or
    beta1 and takes it over, even from an SGD that was built without momentum.
    """

    base_lr: float = a(LOW, 0.001)
    max_lr: float = a(RATE, 0.1)
    step_size_up: int = a(STEPS, 2000)
    step_size_down: int | None = a(OPTIONAL_STEPS, None)
    mode: str = a(one_of("triangular", "triangular2", "exp_range"), "triangular")
    gamma: float = a(OF_CYCLES, 1.0)
    cycle_momentum: bool = a(MOVES_MOMENTUM, True)
    base_momentum: float = a(MOMENTUM, 0.8)
    max_momentum: float = a(MOMENTUM, 0.9)

    _twin = "CyclicLR"
    _always = ("base_lr", "max_lr", "step_size_up")
    _shares_initial_lr = False  # it has its own `base_lr`
    end = None
    after_end = ""
    has_momentum = True

    def _check(self) -> None:
        _ordered("base_lr", self.base_lr, "max_lr", self.max_lr)
        _ordered("base_momentum", self.base_momentum, "max_momentum", self.max_momentum)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.base_lr + (self.max_lr - self.base_lr) * self._height(t)

    def _momentum(self, t: np.ndarray) -> np.ndarray:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(t)

    def _height(self, t: np.ndarray) -> np.ndarray:
        """How far up between the bounds, 0 to 1, with the mode's scale in it."""
        length = self.cycle_length
        up = self.step_size_up / length
        cycle = np.floor(1 + t / length)
        x = 1 + t / length - cycle
        height = np.where(x <= up, x / up, (x - 1) / (up - 1))
        if self.mode == "triangular2":
            return height * _power(0.5, cycle - 1)
        return height * _power(self.gamma, t) if self.mode == "exp_range" else height

    @property
    def cycle_length(self) -> int:
        """Updates from one low to the next."""
        return self.step_size_up + (self.step_size_down or self.step_size_up)

    @property
    def horizon(self) -> int:
        return 3 * self.cycle_length

    @property
    def cycles_momentum(self) -> bool:
        return self.cycle_momentum

    @property
    def _initial_lr(self) -> float:
        return self.base_lr


# Lesson 5: one-cycle


@a_schedule
class OneCycle(Schedule):
    """A single rise from low to `max_lr`, and a long fall to nearly nothing.

    The rate moves between three values,

        low  = max_lr / div_factor
        high = max_lr
        end  = low / final_div_factor

    from `low` up to `high` at t = pct_start * total_steps - 1, then down to `end` at the last
    update, t = total_steps - 1. With `three_phase` it comes down to `low` as fast as it went
    up, and only then to `end`. Each move follows half a cosine wave, or a straight line
    (`anneal_strategy`). Momentum mirrors it: `max_momentum` at the ends, `base_momentum` at the
    top.

    The peak is met only if pct_start * total_steps - 1 is a whole number. At t = total_steps,
    one past the last update, PyTorch sets the rate of no phase at all (it bounces back up, or
    below zero), and after that it raises; so does this formula.

    >>> one = OneCycle(max_lr=1.0, total_steps=100)
    >>> [round(one(t), 6) for t in (0, 29, 64, 99)]
    [0.04, 1.0, 0.500002, 4e-06]
    >>> round(one.momentum(0), 6), round(one.momentum(29), 6)
    (0.95, 0.85)
    >>> one(101)
    Traceback (most recent call last):
        ...
    ValueError: t=101 is past the end: the one-cycle is over after 100 updates. Raise its total_steps to the length of your run

    Source: Smith & Topin (2017), arXiv 1708.07120, section 3. The paper's own shape, two equal
    slopes and then a decay, is `three_phase=True, anneal_strategy="linear"`.

    PyTorch: `OneCycleLR`. It sets the optimizer's rate and takes over its momentum or beta1. It
    accepts a `total_steps` that leaves a phase without a single step; here that is refused.
    """

    max_lr: float = a(RATE, 0.1)
    total_steps: int = a(STEPS, 100)
    pct_start: float = a(INSIDE, 0.3)
    anneal_strategy: str = a(one_of("cos", "linear"), "cos")
    cycle_momentum: bool = a(MOVES_MOMENTUM, True)
    base_momentum: float = a(MOMENTUM, 0.85)
    max_momentum: float = a(MOMENTUM, 0.95)
    div_factor: float = a(POSITIVE, 25.0)
    final_div_factor: float = a(POSITIVE, 1e4)
    three_phase: bool = a(FLAG, False)

    _twin = "OneCycleLR"
    _always = ("max_lr", "total_steps")
    _fills_param_groups = True
    after_end = "after total_steps a one-cycle has no rate any more"
    raises_past_end = True
    has_momentum = True

    @classmethod
    def _instead(cls, name: str, named: dict[str, Any]) -> str:
        if name not in ("epochs", "steps_per_epoch"):
            return super()._instead(name, named)
        epochs, steps = (named.get(n, n) for n in ("epochs", "steps_per_epoch"))
        both = isinstance(epochs, int) and isinstance(steps, int)
        return f"write total_steps={epochs * steps if both else f'{epochs} * {steps}'}"

    def _check(self) -> None:
        _ordered("base_momentum", self.base_momentum, "max_momentum", self.max_momentum)
        rise, *_, before_last, last = 0, *self._ends()
        given = f"got total_steps={self.total_steps} with pct_start={self.pct_start}"
        if self._ends()[0] <= rise:
            enough = math.floor(1 / self.pct_start) + 1
            raise ValueError(
                f"total_steps is too short for its phases, {given}: the rise would have no step. "
                f"Use total_steps={enough} or more, or a larger pct_start"
            )
        if before_last >= last:
            raise ValueError(
                f"pct_start is too large for its phases, {given}: the last would have no step. "
                f"Use a pct_start of {0.5 if self.three_phase else 0.9} or less"
            )

    def _rate(self, t: np.ndarray) -> np.ndarray:
        low = self._initial_lr
        end = low / self.final_div_factor
        turns = [low, self.max_lr, low, end] if self.three_phase else [low, self.max_lr, end]
        return self._between(turns, t)

    def _momentum(self, t: np.ndarray) -> np.ndarray:
        high, low = self.max_momentum, self.base_momentum
        return self._between([high, low, high, high] if self.three_phase else [high, low, high], t)

    def _ends(self) -> list[float]:
        """The step at which each phase ends. PyTorch counts them so: the rise ends early by 1."""
        rise = self.pct_start * self.total_steps - 1
        last = float(self.total_steps - 1)
        return [rise, 2 * rise, last] if self.three_phase else [rise, last]

    def _between(self, turns: list[float], t: np.ndarray) -> np.ndarray:
        """Move from each of `turns` to the next, one phase each."""
        edges = np.array([0.0, *self._ends()])
        phase = np.searchsorted(edges[1:-1], t, side="left")
        done = (t - edges[phase]) / np.diff(edges)[phase]
        start, end = np.array(turns)[phase], np.array(turns)[phase + 1]
        return (
            _cosine(start, end, done) if self.anneal_strategy == "cos" else _line(start, end, done)
        )

    @property
    def end(self) -> int:
        return self.total_steps

    def _over(self, updates: int) -> str:
        return (
            f"the one-cycle is over after {updates} updates. "
            f"Raise its total_steps to the length of your run"
        )

    @property
    def horizon(self) -> int:
        return self.total_steps

    @property
    def cycles_momentum(self) -> bool:
        return self.cycle_momentum

    @property
    def _initial_lr(self) -> float:
        return self.max_lr / self.div_factor


# Building blocks


@a_schedule
class LinearWarmup(Schedule):
    """A straight climb from a fraction of the rate to the rate, then flat.

        lr(t) = lr * (start_factor + (end_factor - start_factor) * min(t, total_iters) / total_iters)

    The first update already uses `lr * start_factor`, which cannot be 0. Most often followed by
    something: `LinearWarmup(...).then(CosineAnnealing(...), at=total_iters)`.

    >>> warmup = LinearWarmup(lr=1.0, start_factor=0.2, total_iters=4)
    >>> [round(warmup(t), 6) for t in (0, 1, 2, 4, 100)]
    [0.2, 0.4, 0.6, 1.0, 1.0]

    Source: Goyal et al. (2017), arXiv 1706.02677, section 2.2 ("gradual warmup").

    PyTorch: `LinearLR`, which takes each rate from the one before; equal up to rounding.
    """

    lr: float = a(RATE, 0.1)
    start_factor: float = a(FROM, 1.0 / 3)
    end_factor: float = a(TO, 1.0)
    total_iters: int = a(STEPS, 5)

    _twin = "LinearLR"
    _always = ("start_factor", "total_iters")
    after_end = "after total_iters the rate stays"
    made_for = None  # a run begins with it and goes on

    def __post_init__(self) -> None:
        if isinstance(self.start_factor, int | float) and self.start_factor == 0:
            count, to = self.total_iters, "" if self.end_factor == 1 else f"{self.end_factor!r} * "
            raise ValueError(
                f"start_factor must be above 0 and at most 1, got {self.start_factor!r}: PyTorch's "
                f"LinearLR cannot start from 0. From 0 it is "
                f"Custom(lr={self.lr!r}, factor=lambda t: {to}min(t, {count}) / {count})"
            )
        super().__post_init__()

    def _rate(self, t: np.ndarray) -> np.ndarray:
        done = np.minimum(t, self.total_iters) / self.total_iters
        return self.lr * _line(self.start_factor, self.end_factor, done)

    @property
    def end(self) -> int:
        return self.total_iters

    @property
    def horizon(self) -> int:
        return 2 * self.total_iters


@a_schedule
class Constant(Schedule):
    """The same rate for ever: what every schedule must beat.

        lr(t) = lr

    >>> Constant(lr=0.1)(0), Constant(lr=0.1)(1000)
    (0.1, 0.1)

    PyTorch: no scheduler at all, or `ConstantLR(factor=1.0)`. Not to be confused with
    `ConstantLR` at its defaults: that is a warm-up, a third of the rate for five steps.
    """

    lr: float = a(RATE, 0.1)

    _twin = "ConstantLR"
    shape_ends = None
    end = None
    after_end = ""
    horizon = 100

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return np.full(t.shape, self.lr)

    def _arguments(self) -> dict[str, Any]:
        return {"factor": 1.0}

    def _line(self, me: str, factor: str = "") -> str:
        return "torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)"


@a_schedule
class Polynomial(Schedule):
    """Down to zero along a power of the time that is left; power 1 is a straight line.

        lr(t) = eta_min + (lr - eta_min) * (1 - min(t, total_iters) / total_iters) ** power

    The end, `eta_min`, is reached at t = total_iters and kept. Linear to zero (`power=1`) is the
    plain schedule that is hard to beat.

    >>> linear = Polynomial(lr=1.0, total_iters=10)
    >>> [round(linear(t), 6) for t in (0, 5, 9, 10, 20)]
    [1.0, 0.5, 0.1, 0.0, 0.0]
    >>> Polynomial(lr=1.0, total_iters=10, power=2.0, eta_min=0.2)(5)
    0.4

    Source: linear to zero, Li et al. (2020), arXiv 1905.04753; Defazio et al. (2023),
    arXiv 2310.07831.

    PyTorch: `PolynomialLR`, which takes each rate from the one before; equal up to rounding. It
    knows no end but 0: with another the twin is a `LambdaLR`.
    """

    lr: float = a(RATE, 0.1)
    total_iters: int = a(STEPS, 5)
    power: float = a(POSITIVE, 1.0)
    eta_min: float = a(LOW, 0.0)

    _always = ("total_iters", "power")

    def _check(self) -> None:
        _ordered("eta_min", self.eta_min, "lr", self.lr)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        left = 1 - np.minimum(t, self.total_iters) / self.total_iters
        return self.eta_min + (self.lr - self.eta_min) * left**self.power

    @property
    def _twin(self) -> str:
        return "LambdaLR" if self.eta_min else "PolynomialLR"

    def _arguments(self) -> dict[str, Any]:
        return {name: v for name, v in super()._arguments().items() if name != "eta_min"}

    @property
    def _factor_code(self) -> str:
        end = self.eta_min / self.lr if self.lr else 0.0
        left = f"(1 - min(t, {self.total_iters}) / {self.total_iters})"
        return f"lambda t: {end!r} + {1 - end!r} * {left} ** {self.power!r}"

    @property
    def after_end(self) -> str:
        return _stays(self.eta_min)

    @property
    def floor(self) -> float:
        return self.eta_min

    @property
    def end(self) -> int:
        return self.total_iters

    @property
    def horizon(self) -> int:
        return self.total_iters


@a_schedule
class OneMinusSqrt(Schedule):
    """Steep at once, then flatter and flatter: down to zero by the root of the time that has passed.

        lr(t) = eta_min + (lr - eta_min) * (1 - sqrt(min(t, total_iters) / total_iters))

    Half of the fall is done after a quarter of `total_iters`. A cool-down: something of the same
    rate comes before it, as in `warmup_stable_decay`. Not to be confused with `InverseSqrt`, which
    has no end, nor with `Polynomial(power=0.5)`, which is the other way round: flat first.

    >>> cool = OneMinusSqrt(lr=1.0, total_iters=100)
    >>> [round(cool(t), 6) for t in (0, 1, 25, 81, 100, 200)]
    [1.0, 0.9, 0.5, 0.1, 0.0, 0.0]

    Source: Hägele et al. (2024), arXiv 2405.18392, their "(1-sqrt)" cool-down.

    PyTorch: no scheduler of its own; the twin is `LambdaLR` with the formula as its factor.
    """

    lr: float = a(RATE, 0.1)
    total_iters: int = a(STEPS, 100)
    eta_min: float = a(LOW, 0.0)

    _twin = "LambdaLR"

    def _check(self) -> None:
        _ordered("eta_min", self.eta_min, "lr", self.lr)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        done = np.minimum(t, self.total_iters) / self.total_iters
        return self.eta_min + (self.lr - self.eta_min) * (1 - np.sqrt(done))

    @property
    def _factor_code(self) -> str:
        end = self.eta_min / self.lr if self.lr else 0.0
        fall = f"(1 - (min(t, {self.total_iters}) / {self.total_iters}) ** 0.5)"
        return f"lambda t: {end!r} + {1 - end!r} * {fall}" if end else f"lambda t: {fall[1:-1]}"

    # It ends as `Polynomial` does.
    after_end, floor = Polynomial.after_end, Polynomial.floor
    end, horizon = Polynomial.end, Polynomial.horizon


@a_schedule
class InverseSqrt(Schedule):
    """Down as one over the square root of time: no end to know in advance.

        lr(t) = lr / sqrt(1 + t / timescale)

    After a warm-up of W updates, `LinearWarmup(...).then(InverseSqrt(lr=lr, timescale=W), at=W)`
    is lr * sqrt(W / t), the schedule of the first transformer, also known as Noam.

    >>> [InverseSqrt(lr=1.0, timescale=100)(t) for t in (0, 300, 9900)]
    [1.0, 0.5, 0.1]

    Source: Vaswani et al. (2017), arXiv 1706.03762, equation 3.

    PyTorch: no scheduler of its own; the twin is `LambdaLR` with the formula as its factor.
    """

    lr: float = a(RATE, 0.1)
    timescale: float = a(TIME, 100.0)

    _twin = "LambdaLR"
    end = None
    after_end = ""

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self.lr * (1 + t / self.timescale) ** -0.5

    @property
    def _factor_code(self) -> str:
        return f"lambda t: (1 + t / {self.timescale!r}) ** -0.5"

    @property
    def horizon(self) -> int:
        return math.ceil(10 * self.timescale)


# Your own, and several in a row


class Function(Kind):
    """A function of t."""

    def check(self, name: str, value: Any) -> Callable[[int], float]:
        if not callable(value):
            raise ValueError(f"{name} must be a function of t, got {value!r}: write lambda t: ...")
        return value


class AsWritten(Flag):
    """A flag that the function is written for, so that no control moves it."""

    control = ""


class Row(Kind):
    """Schedules one after another."""

    def check(self, name: str, value: Any) -> tuple[Schedule, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list of schedules, got {value!r}")
        for one in value:
            if not isinstance(one, Schedule) or isinstance(one, Sequential):
                raise ValueError(
                    f"{name} must all be single schedules (join with .then), got {one!r}"
                )
        return tuple(value)


@a_schedule
class Custom(Schedule):
    """A function of your own, times the rate.

        lr(t) = lr * factor(t)
        lr(t) = lr * factor(1) * factor(2) * ... * factor(t)      with running_product

    `factor` takes `t` as an int and returns a *multiplier*, not a rate. It is called once for
    each `t`, so a million steps cost a million calls. A factor that is negative or not a number
    raises `ValueError` and names the step. A schedule made with a lambda cannot be pickled, and
    prints as `factor=<lambda>`; a function with a name does better on both.

    >>> halves = Custom(lr=0.1, factor=lambda t: 0.5 ** (t // 10))
    >>> [halves(t) for t in (0, 10, 25)]
    [0.1, 0.05, 0.025]

    PyTorch: `LambdaLR(optimizer, factor)`, or `MultiplicativeLR` for the running product.
    """

    lr: float = a(RATE, 0.1)
    factor: Callable[[int], float] = a(Function(shapes=False), None)
    running_product: bool = a(AsWritten(), False)

    end = None
    after_end = ""
    horizon = 100
    shape_ends = None  # of a function of your own nobody can tell

    def _check(self) -> None:
        self._at(1 if self.running_product else 0)

    def _rate(self, t: np.ndarray) -> np.ndarray:
        if self.running_product:
            factors = [1.0, *(self._at(step) for step in range(1, int(t.max(initial=0)) + 1))]
            return self.lr * np.cumprod(factors)[t.astype(int)]
        return self.lr * np.array([self._at(step) for step in t.flat]).reshape(t.shape)

    def _at(self, t: float) -> float:
        step: Any = int(t) if t == int(t) else float(t)
        try:
            factor = self.factor(step)
        except Exception as error:
            error.add_note(f"This is factor({step}): t counts the updates already made, from 0.")
            raise
        if type(factor) is float and 0 <= factor < math.inf:
            return factor  # as most are, and a long run asks for many
        must = "a finite number of at least 0"
        return number(f"factor({step})", factor, must, lambda v: v >= 0)

    @property
    def _twin(self) -> str:
        return "MultiplicativeLR" if self.running_product else "LambdaLR"

    @property
    def _can_follow(self) -> bool:
        return not self.running_product  # MultiplicativeLR goes on from where the last one left

    def _factor(self) -> Callable[[int], float]:
        factor = self.factor
        return lambda t: float(factor(t))

    def _same_factor(self, other: Schedule) -> bool:
        return isinstance(other, Custom) and other.factor is self.factor

    @property
    def _factor_code(self) -> str:
        name = self._factor_name()  # what has no name is called `factor`, for you to define
        return name if name.isidentifier() else "factor"

    def _factor_name(self) -> str:
        return getattr(self.factor, "__name__", repr(self.factor))

    def __repr__(self) -> str:
        product = ", running_product=True" if self.running_product else ""
        return f"Custom(lr={self.lr!r}, factor={self._factor_name()}{product})"


def _unused(name: str, known: list[str]) -> str:
    return _unused(f"{name}_", known) if name in known else name


@a_schedule
class Sequential(Schedule):
    """Several schedules one after another, as `.then` builds them.

        lr(t) = schedules[i](t - milestones[i - 1])    for milestones[i - 1] <= t < milestones[i]

    Each schedule starts from its own 0 at its milestone.

    >>> warm = LinearWarmup(lr=1.0, start_factor=0.2, total_iters=4)
    >>> both = warm.then(CosineAnnealing(lr=1.0, T_max=10), at=4)
    >>> [round(both(t), 6) for t in (0, 2, 4, 9, 14)]
    [0.2, 0.6, 1.0, 0.5, 0.0]
    >>> both
    LinearWarmup(lr=1.0, start_factor=0.2, end_factor=1.0, total_iters=4).then(CosineAnnealing(lr=1.0, T_max=10, eta_min=0.0), at=4)

    Warm-up, a long constant stretch and a decay, in that order: `warmup_stable_decay` builds it.

    PyTorch: `SequentialLR`. All of its schedulers share the one `initial_lr` of the optimizer,
    so the twin needs schedules that start from the same rate. Where they do not, the twin is a
    `LambdaLR` of the whole formula (`code` calls it `schedule`); it cannot cycle momentum, and
    `scheduler` says so.
    """

    schedules: Sequence[Schedule] = a(Row(shapes=False), ())
    milestones: Sequence[int] = a(MILESTONES, ())

    @classmethod
    def joined(cls, first: Schedule, other: Schedule, at: int) -> "Sequential":
        """`first` until `at`, then `other`; chains and nests become one flat row."""
        if not isinstance(other, Schedule):
            told = f": write {other.__name__}(...)" if isinstance(other, type) else ""
            raise ValueError(f".then needs a schedule to go on with, got {other!r}{told}")
        before = first.stretches()
        whole("at", at, "a whole number of updates, at least 1", hint=share_hint(at))
        if at <= before[-1][0]:
            raise ValueError(
                f"at={at} is not after the last join, at={before[-1][0]}: "
                f"at counts updates from the start of the whole"
            )
        row = [*before, *((at + start, part) for start, part in other.stretches())]
        starts, parts = zip(*row)
        return cls(schedules=parts, milestones=starts[1:])

    def _check(self) -> None:
        if len(self.schedules) != len(self.milestones) + 1:
            raise ValueError(
                f"between {len(self.schedules)} schedules there must be "
                f"{max(len(self.schedules) - 1, 0)} milestones, got {list(self.milestones)}"
            )
        for (start, part), end in zip(self.stretches(), self.milestones):
            if end - 1 - start > part.last:
                raise ValueError(
                    f"at={end} is past the end of {part!r}: use at={start + int(part.last) + 1}"
                    f" or less"
                )

    def stretches(self) -> list[tuple[int, Schedule]]:
        return list(zip((0, *self.milestones), self.schedules))

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return self._each(t, lambda i, part, since: part._rate(since))

    def _momentum(self, t: np.ndarray) -> np.ndarray:
        return self._each(t, self._held_momentum)

    def _each(self, t: np.ndarray, value: Callable) -> np.ndarray:
        """`value(i, part, updates since it began)`, for the part that each `t` falls in."""
        which = np.searchsorted(self.milestones, t, side="right")
        values = np.empty(t.shape)
        for i, (start, part) in enumerate(self.stretches()):
            here = which == i
            if here.any():
                values[here] = value(i, part, t[here] - start)
        return values

    def _held_momentum(self, i: int, part: Schedule, since: np.ndarray) -> Any:
        """A part that does not cycle momentum leaves it where another part has set it."""
        if part.cycles_momentum:
            return part._momentum(since)
        earlier = [j for j in range(i) if self.schedules[j].cycles_momentum]
        if earlier:
            start, setter = self.stretches()[earlier[-1]]
            return setter.momentum(self.milestones[earlier[-1]] - 1 - start)
        # PyTorch sets momentum when it builds a scheduler; the last one built wins.
        return [s for s in self.schedules if s.cycles_momentum][-1].momentum(0)

    @property
    def has_momentum(self) -> bool:
        return any(part.has_momentum for part in self.schedules)

    @property
    def cycles_momentum(self) -> bool:
        return any(part.cycles_momentum for part in self.schedules)

    @property
    def _twin(self) -> str:
        return "SequentialLR" if self._fits_sequential_lr else "LambdaLR"

    def scheduler(self, optimizer: "Optimizer") -> "LRScheduler":
        self._refuse_without_twin()
        return super().scheduler(optimizer)

    def _attach(self, optimizer: Any) -> Any:
        if not self._fits_sequential_lr:
            return super()._attach(optimizer)
        from torch.optim import lr_scheduler

        parts = [part._attach(optimizer) for part in self.schedules]
        return lr_scheduler.SequentialLR(optimizer, parts, milestones=list(self.milestones))

    @property
    def _fits_sequential_lr(self) -> bool:
        """Whether these schedulers can share one optimizer's `initial_lr`, `max_lr`, momentum."""
        first, later = self.schedules[0]._initial_lr, self.schedules[1:]
        shared = [s for s in later if s._shares_initial_lr]
        filling = [s for s in self.schedules if s._fills_param_groups]
        cycling = [s for s in self.schedules if s.cycles_momentum]
        return (
            all(math.isclose(s._initial_lr, first, rel_tol=1e-14) for s in shared)
            and all(s._can_follow for s in later)
            and len(filling) <= 1
            and (not any(s.cycles_momentum for s in filling) or cycling == filling)
        )

    @property
    def _initial_lr(self) -> float:
        """All share the first one's rate, or LambdaLR scales the largest (any, if that is 0)."""
        return self.schedules[0]._initial_lr if self._fits_sequential_lr else self.peak or 1.0

    def _new_names(self) -> list[str]:
        """What the code calls the function of each part where two would share one name; else ""."""
        names = [part._factor_code for part in self.schedules]
        new = []
        for i, (part, name) in enumerate(zip(self.schedules, names)):
            alike = [s for s, other in zip(self.schedules, names) if other == name]
            apart = name.isidentifier() and not all(part._same_factor(s) for s in alike)
            new.append(_unused(f"{name}_{i + 1}", names) if apart else "")
        return new

    def _refuse_without_twin(self) -> None:
        if self.cycles_momentum and not self._fits_sequential_lr:
            raise ValueError(
                f"no PyTorch scheduler does what {self!r} does: SequentialLR needs schedules that "
                f"start from one rate, with at most one one-cycle, and LambdaLR cannot cycle "
                f"momentum. Start all from the same rate, or set cycle_momentum=False"
            )

    def code(self) -> str:
        self._refuse_without_twin()
        named = [f"{name} of part {i + 1}" for i, name in enumerate(self._new_names()) if name]
        whose = f"  # yours to define: {', '.join(named)}" if named else ""
        return super().code() + (whose if self._fits_sequential_lr else "")

    def _line(self, me: str, factor: str = "") -> str:
        if not self._fits_sequential_lr:
            return super()._line(me)
        called = enumerate(zip(self.schedules, self._new_names()))
        lines = [part._line(f"{me}.schedules[{i}]", name) for i, (part, name) in called]
        parts = "".join(f"        {line},\n" for line in lines)
        return (
            "torch.optim.lr_scheduler.SequentialLR(\n    optimizer,\n    [\n"
            f"{parts}    ],\n    milestones={list(self.milestones)},\n)"
        )

    @property
    def horizon(self) -> int:
        return self.milestones[-1] + self.schedules[-1].horizon

    @property
    def peak(self) -> float:
        return max(part.peak for part in self.schedules)

    def _rescaled(self, old: float, new: float) -> "Sequential":
        parts = [part._rescaled(old, new) for part in self.schedules]
        return Sequential(schedules=parts, milestones=self.milestones)

    @property
    def end(self) -> int | None:
        start, part = self.stretches()[-1]
        return None if part.end is None else start + part.end

    @property
    def after_end(self) -> str:
        return self.schedules[-1].after_end

    @property
    def made_for(self) -> int | None:
        start, part = self.stretches()[-1]
        return None if part.made_for is None else start + part.made_for

    @property
    def shape_ends(self) -> int | None:
        return None if self.schedules[-1].shape_ends is None else self.horizon

    @property
    def raises_past_end(self) -> bool:
        return self.schedules[-1].raises_past_end

    def _over(self, updates: int) -> str:
        return self.schedules[-1]._over(updates)

    @property
    def floor(self) -> float:
        return self.schedules[-1].floor

    @property
    def turns(self) -> tuple[int, ...]:
        """Its joins, and the turns of each part until the next begins."""
        ends = (*self.milestones, math.inf)
        own = (
            start + turn
            for (start, part), end in zip(self.stretches(), ends)
            for turn in part.turns
            if start + turn < end
        )
        return tuple(sorted({*self.milestones, *own}))

    def __repr__(self) -> str:
        first, *others = self.schedules
        joins = zip(others, self.milestones)
        return repr(first) + "".join(f".then({part!r}, at={at})" for part, at in joins)


def warmup_stable_decay(
    *,
    lr: float = 0.1,
    total_steps: int = 1000,
    warmup_steps: int | None = None,
    decay_share: float = 0.2,
    shape: Literal["linear", "1-sqrt", "cosine"] = "linear",
    eta_min: float = 0.0,
) -> Schedule:
    """Up, flat for most of the run, and down at its end: warm-up, stable stretch, cool-down.

        lr(t) = lr / warmup_steps, and in a line up to lr    for t < warmup_steps
        lr(t) = lr                                           up to the cool-down
        lr(t) = eta_min + (lr - eta_min) * left(x)           x: the share of the cool-down that is done

    `left(x)` is 1 - x (`"linear"`), 1 - sqrt(x) (`"1-sqrt"`) or (1 + cos(pi x)) / 2 (`"cosine"`). The
    cool-down has `down = round(decay_share * total_steps)` updates, the last ones of the run, and
    begins at `total_steps - down` with `lr` itself. It would be at `eta_min` at `total_steps`.

    The warm-up is a number of updates, since runs of any length share it; 5 % of `total_steps` if
    not given, 0 for none. The cool-down is a share of the run. Raises `ValueError` if the two do
    not fit. Returns a join: `LinearWarmup`, `Constant`, and `Polynomial`, `OneMinusSqrt` or
    `CosineAnnealing`, without those that would have no update.

    >>> wsd = warmup_stable_decay(lr=1.0, total_steps=100, warmup_steps=10, shape="1-sqrt")
    >>> [round(wsd(t), 6) for t in (0, 5, 10, 80, 85, 100)]
    [0.1, 0.55, 1.0, 1.0, 0.5, 0.0]
    >>> wsd.then(Constant(lr=0.0), at=120).milestones
    (10, 80, 120)

    Also known as WSD or trapezoid. Source: Hu et al. (2024), arXiv 2404.06395; "1-sqrt" and a fifth
    of the run, Hägele et al. (2024), arXiv 2405.18392.

    PyTorch: `SequentialLR` of `LinearLR`, `ConstantLR(factor=1.0)` and the cool-down's own twin.
    """
    total = whole("total_steps", total_steps, hint=share_hint(total_steps))
    asked = max(1, round(total / 20)) if warmup_steps is None else warmup_steps
    up = whole("warmup_steps", asked, "a whole number of at least 0", 0, share_hint(asked))
    down = max(1, round(FROM.check("decay_share", decay_share) * total))
    stable = total - up - down
    if stable < 0:
        raise ValueError(
            f"warmup_steps={up} and the {down} updates of decay_share={decay_share!r} are more than "
            f"total_steps={total}: take {-stable} from one of them"
        )
    parts = _cool_down(shape, lr, down, eta_min)
    if stable:
        parts = Constant(lr=lr).then(parts, at=stable)
    if up:
        parts = LinearWarmup(lr=lr, start_factor=1 / up, total_iters=up).then(parts, at=up)
    return parts


def _cool_down(shape: str, lr: float, steps: int, eta_min: float) -> Schedule:
    one_of("linear", "1-sqrt", "cosine").check("shape", shape)
    if shape == "cosine":
        return CosineAnnealing(lr=lr, T_max=steps, eta_min=eta_min)
    if shape == "linear":
        return Polynomial(lr=lr, total_iters=steps, eta_min=eta_min)
    return OneMinusSqrt(lr=lr, total_iters=steps, eta_min=eta_min)


# Not a function of t


@a_schedule
class ReduceOnPlateau(Twin):
    """Lower the rate when the loss has stopped improving: a function of the losses, not of `t`.

    No formula in `t` can say what this does before the run: that is why it takes the losses.
    After each epoch, a loss that does not beat the best so far (by `threshold`) is a bad epoch.
    After more than `patience` bad epochs in a row,

        lr = max(lr * factor, min_lr)

    and `cooldown` epochs pass before bad ones are counted again. So `patience=2` cuts after the
    *third* bad epoch. A NaN loss is a bad epoch.

    >>> plateau = ReduceOnPlateau(lr=0.1, factor=0.5, patience=1)
    >>> [float(lr) for lr in plateau([1.0, 0.8, 0.8, 0.8, 0.7])]
    [0.1, 0.1, 0.1, 0.1, 0.05, 0.05]

    PyTorch: `ReduceLROnPlateau`, with `scheduler.step(loss)`. It leaves a rate alone when the
    cut would be smaller than `eps`.
    """

    lr: float = a(RATE, 0.1)
    mode: str = a(one_of("min", "max"), "min")
    factor: float = a(BELOW_ONE, 0.1)
    patience: int = a(COUNT, 10)
    threshold: float = a(RATE, 1e-4)
    threshold_mode: str = a(one_of("rel", "abs"), "rel")
    cooldown: int = a(COUNT, 0)
    min_lr: float = a(RATE, 0.0)
    eps: float = a(RATE, 1e-8)

    _twin = "ReduceLROnPlateau"
    _always = ("factor", "patience")

    @property
    def _initial_lr(self) -> float:
        return self.lr

    def _check(self) -> None:
        _ordered("min_lr", self.min_lr, "lr", self.lr)

    def __call__(self, losses: Any) -> np.ndarray:
        """The rate of every epoch, given the loss measured at the end of each.

        `losses`: shape (n,), NaN and infinity allowed. Returns shape (n + 1,): entry e is the
        rate that epoch e trains with, decided by `losses[:e]`; the last is the rate of the epoch
        to come.
        """
        worst = math.inf if self.mode == "min" else -math.inf
        rates, best, bad, wait = [self.lr], worst, 0, 0
        for loss in _losses(losses):
            if self._improves(loss, best):
                best, bad = loss, 0
            else:
                bad += 1
            if wait:
                wait, bad = wait - 1, 0
            rate = rates[-1]
            if bad > self.patience:
                rate, bad, wait = self._cut(rate), 0, self.cooldown
            rates.append(rate)
        return np.array(rates)

    def _improves(self, loss: float, best: float) -> bool:
        """Whether `loss` beats `best` by the threshold, a share of `best` or an amount."""
        margin = self.threshold if self.mode == "max" else -self.threshold
        to_beat = best * (1 + margin) if self.threshold_mode == "rel" else best + margin
        return loss > to_beat if self.mode == "max" else loss < to_beat

    def _cut(self, rate: float) -> float:
        lower = max(rate * self.factor, self.min_lr)
        return lower if rate - lower > self.eps else rate


def _losses(losses: Any) -> list[float]:
    must = "losses must be a list of numbers, one per epoch: this schedule is not a function of t"
    try:
        given = np.asarray(losses)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{must}, got {losses!r}") from error
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iuf"):
        raise ValueError(f"{must}, got {losses!r}")
    return given.astype(float).tolist()


# Shared shapes


def _stays(eta_min: float) -> str:
    """What comes after a fall that ends."""
    zero = "is 0, and updates change nothing"
    return f"after total_iters the rate {f'stays at eta_min={eta_min:g}' if eta_min else zero}"


def _line(start: Any, end: Any, done: np.ndarray) -> np.ndarray:
    return start + (end - start) * done


def _cosine(start: Any, end: Any, done: np.ndarray) -> np.ndarray:
    return end + (start - end) / 2 * (1 + np.cos(np.pi * done))


# The logarithm of 5e-324, the smallest float. Not computed here: where a thread takes such floats
# for zero, as `torch.set_flush_denormal` has it do, it has no logarithm.
_LOG_SMALLEST = -744.4400719213812


def _power(base: float, exponent: np.ndarray) -> np.ndarray:
    """`base ** exponent`, without computing what is too small for a float: that is 20 times slower."""
    worth_it = exponent * math.log(base) > _LOG_SMALLEST
    # Not power(where=...): it rounds a single number otherwise than the same number in an array.
    return np.power(base, np.where(worth_it, exponent, 0)) * worth_it


def _ordered(low_name: str, low: float, high_name: str, high: float) -> None:
    if low > high:
        raise ValueError(
            f"{low_name} must not be above {high_name}, got {low_name}={low!r} and "
            f"{high_name}={high!r}: lower {low_name} or raise {high_name}"
        )


SCHEDULES: tuple[type[Schedule], ...] = (
    StepDecay,
    MultiStepDecay,
    ExponentialDecay,
    CosineAnnealing,
    WarmRestarts,
    Cyclical,
    OneCycle,
    LinearWarmup,
    Constant,
    Polynomial,
    OneMinusSqrt,
    InverseSqrt,
)
"""Every schedule with a formula of its own, in the order of the lessons; each can be built with
no arguments. `Custom` and `Sequential` are made from parts, `ReduceOnPlateau` from losses."""

TWINS: dict[str, type[Schedule]] = {
    name: kind for kind in SCHEDULES if (name := kind()._twin) != "LambdaLR"
}
"""The scheduler of PyTorch, by its name, and the schedule that is its formula."""
