"""From a schedule to the numbers that a run is trained with: its plan.

A plan is one rate and one momentum for every update, in float64. It is made before anything is
trained, so that a schedule that returns nonsense at step 180 says so at once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

import numpy as np

from lrcourse.schedules import (
    TWINS,
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    warmup_stable_decay,
)

LOOKS = 20
"""How many times in a run a schedule that follows the losses is shown one."""


@dataclass(frozen=True)
class Plan:
    """What every update of a run is to use: `lr` and `momentum`, each of shape (steps,).

    `rule`: what changes the rate while it trains, if anything does; `lr` is then what it begins with.
    """

    name: str
    lr: np.ndarray
    momentum: np.ndarray
    cycles_momentum: bool
    rule: ReduceOnPlateau | None = None

    def followed(self, losses: np.ndarray) -> np.ndarray:
        """The rate of every update of a run that had these `losses`, shape (steps,) both."""
        if self.rule is None:
            return self.lr
        every = look_every(len(self.lr))
        looks = [losses[t : t + every].mean() for t in range(0, len(losses) - every + 1, every)]
        return self.rule(looks).repeat(every)[: len(self.lr)]

    @property
    def peak(self) -> float:
        return float(self.lr.max())


def plan(name: str, schedule: Any, steps: int, momentum: float, peak: float | None = None) -> Plan:
    """The plan of `schedule` for `steps` updates, scaled to `peak` if one is given.

    `schedule`: a schedule of the course, or a function that takes the update number (an int) and
    returns the rate; or `ReduceOnPlateau`, which is shown the mean loss of the batches of each
    twentieth of the run. `momentum` is the optimizer's, for schedules that leave it alone. Raises
    `ValueError` for a rate that is negative or not finite, and names the step.
    """
    if isinstance(schedule, ReduceOnPlateau):
        return _follower(name, schedule, steps, momentum, peak)
    if isinstance(schedule, Schedule):
        given = schedule if peak is None else _scaled(name, schedule, peak)
        cycled = _called(name, given.momentum, np.arange(steps))
        lr = _called(name, given, np.arange(steps))
    elif callable(schedule) and not isinstance(schedule, type):
        cycled = None
        lr = np.array([_rate(name, schedule, step) for step in range(steps)])
        lr = lr if peak is None else lr * (peak / _largest(name, lr))
    else:
        raise ValueError(
            f"{name!r} must be a schedule of the course or a function of t, got {_fix(schedule)}"
        )
    bad = np.flatnonzero(~(np.isfinite(lr) & (lr >= 0)))
    if bad.size:
        raise ValueError(_refusal(name, bad[0], lr[bad[0]]))
    held = np.full(steps, momentum) if cycled is None else cycled
    return Plan(name, lr, held, cycled is not None)


def _fix(given: Any) -> str:
    """What was given in place of a schedule, and what to write instead."""
    if isinstance(given, Real):
        return f"{given!r}: write lambda t: {given!r} for a constant rate"
    if isinstance(given, type):
        return f"the class {given.__name__}: write {given.__name__}(...)"
    kind = type(given).__name__
    if not type(given).__module__.startswith("torch.optim.lr_scheduler"):
        return f"{given!r}: write lambda t: ..."
    bound = f"torch's {kind}, which belongs to one optimizer"
    if kind == "ReduceLROnPlateau":
        return f"{bound}: race {_plateau(given)!r}, which is shown the losses of each run"
    if kind not in TWINS:
        return f"{bound}: write its formula, lambda t: ..."
    lr, group = given.base_lrs[0], given.optimizer.param_groups[0]
    tops = getattr(given, "max_lrs", [group.get("max_lr")])
    held = group | {"lr": lr, "base_lr": lr, "max_lr": tops[0]} | vars(given) | _cycle_of(given)
    names = (f.name for f in fields(TWINS[kind]) if f.name in held)
    shown = ", ".join(f"{n}={_plain(held[n])!r}" for n in names)
    return f"{bound}: race {TWINS[kind].__name__}({shown})"


def _cycle_of(given: Any) -> dict[str, Any]:
    """The settings that torch's cycles keep under other names."""
    if hasattr(given, "total_size"):
        up, whole = round(given.total_size * given.step_ratio), round(given.total_size)
        return {"step_size_up": up, "step_size_down": whole - up}
    phases = getattr(given, "_schedule_phases", None)
    if phases is None:
        return {}
    group = given.optimizer.param_groups[0]
    first = group["initial_lr"]
    shares = {
        "pct_start": (phases[0]["end_step"] + 1) / given.total_steps,
        "div_factor": group["max_lr"] / first,
        "final_div_factor": first / group["min_lr"],
    }
    return {
        **{name: float(f"{share:.12g}") for name, share in shares.items()},
        "three_phase": len(phases) == 3,
        "anneal_strategy": getattr(given, "_anneal_func_type", "cos"),
    }


def _plateau(given: Any) -> ReduceOnPlateau:
    """The course's schedule with the settings of torch's."""
    held = {"lr": given.optimizer.param_groups[0]["lr"], "min_lr": given.min_lrs[0]} | vars(given)
    return ReduceOnPlateau(**{f.name: held[f.name] for f in fields(ReduceOnPlateau)})


def _plain(value: Any) -> Any:
    """Milestones as a list: torch keeps them as a counter."""
    return sorted(value.elements()) if isinstance(value, Counter) else value


def look_every(steps: int) -> int:
    """How many updates pass between two looks at the loss: an epoch of `ReduceOnPlateau`."""
    return max(1, steps // LOOKS)


def _follower(name: str, rule: ReduceOnPlateau, steps: int, momentum: float, peak: Any) -> Plan:
    """The plan of a schedule that follows the losses: the rate it begins with, and the rule."""
    if rule.mode != "min":
        raise ValueError(f"{name!r} is shown losses, and they are to fall: write mode='min'")
    if peak is not None:
        if not rule.lr:
            raise ValueError(
                f"{name!r} is 0 everywhere and cannot be scaled: give it a rate above 0"
            )
        rule = replace(rule, lr=peak, min_lr=rule.min_lr * (peak / rule.lr))
    return Plan(name, np.full(steps, rule.lr), np.full(steps, momentum), False, rule)


def _rate(name: str, function: Callable[[int], Any], step: int) -> float:
    try:
        value = function(step)
    except Exception as error:
        raise ValueError(
            f"{name!r} raised {type(error).__name__} at step {step}: {error}"
        ) from error
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ValueError(f"{name!r} returned {value!r} at step {step}: it must return a number")
    rate = float(value)
    if not (np.isfinite(rate) and rate >= 0):
        raise ValueError(_refusal(name, step, value))
    return rate


def _called(name: str, schedule: Callable, t: np.ndarray) -> np.ndarray:
    try:
        return schedule(t)
    except ValueError as error:
        raise ValueError(f"{name!r} has no rate for all {len(t)} updates: {error}") from error


def _scaled(name: str, schedule: Schedule, peak: float) -> Schedule:
    if not schedule.peak:
        raise ValueError(f"{name!r} is 0 everywhere and cannot be scaled: give it a rate above 0")
    return schedule.with_peak(peak)


def _largest(name: str, lr: np.ndarray) -> float:
    if not lr.max():
        raise ValueError(f"{name!r} is 0 everywhere and cannot be scaled: give it a rate above 0")
    return lr.max()


def _refusal(name: str, step: int, value: Any) -> str:
    return f"{name!r} returned {value!r} at step {step}: a rate must be finite and at least 0"


def shapes(steps: int, cycle_momentum: bool = True) -> dict[str, Schedule]:
    """Eight schedules of the course, each fitted to a run of `steps` updates, at peak 0.1.

    The shapes are fixed beforehand, only the peak is tuned in a race: constant; step, a tenth at
    half and at three quarters; exponential down to 1 %; cosine and linear down to 0; cyclical, four
    triangles from a tenth of the peak; one-cycle as PyTorch has it; and warmup-stable-decay,
    5 % up, 20 % down.
    """
    if steps < 20:
        raise ValueError(f"steps must be at least 20 for all shapes to fit, got {steps!r}")
    return {
        "constant": Constant(lr=0.1),
        "step": MultiStepDecay(lr=0.1, milestones=[steps // 2, 3 * steps // 4]),
        "exponential": ExponentialDecay(lr=0.1, gamma=0.01 ** (1 / steps)),
        "cosine": CosineAnnealing(lr=0.1, T_max=steps),
        "linear": Polynomial(lr=0.1, total_iters=steps),
        "cyclical": Cyclical(
            base_lr=0.01, max_lr=0.1, step_size_up=steps // 8, cycle_momentum=cycle_momentum
        ),
        "one-cycle": OneCycle(max_lr=0.1, total_steps=steps, cycle_momentum=cycle_momentum),
        "warmup-stable-decay": warmup_stable_decay(lr=0.1, total_steps=steps),
    }


def schedules_named(given: Any, steps: int, momentum: float) -> dict[str, Any]:
    """Schedules by name: a dict as it is, or names of `shapes` as a list."""
    if isinstance(given, Mapping):
        named = {str(name): schedule for name, schedule in given.items()}
        if len(named) < len(given):
            raise ValueError(f"two schedules share a name: {list(given)}")
    else:
        if not isinstance(given, Iterable):
            raise ValueError(
                f"a schedule of your own needs a name: write {{'mine': ...}}, got {given!r}"
            )
        known = shapes(steps, cycle_momentum=momentum > 0)
        wanted = [given] if isinstance(given, str) else list(given)
        for name in wanted:
            if not isinstance(name, str) or name not in known:
                names = ", ".join(repr(name) for name in known)
                raise ValueError(
                    f"unknown schedule {name!r}: name one of {names}, or give a dict "
                    f'{{"mine": lambda t: ...}}'
                )
        named = {name: known[name] for name in wanted}
    if not named:
        raise ValueError("give at least one schedule to race")
    return named
