"""A plan from a torch scheduler's own recipe, for those who have one and want to compare with it.

plan = lrcourse.plan_of(lambda opt: torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, 1000))
print(used.against(plan))
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from lrcourse.schedules import TWINS, Custom, Schedule, Sequential


class Recipe:
    """The rates that a torch scheduler gives when it is stepped after every update.

    `recipe(t)` is the rate of the first param group after `t` steps, for a whole `t`.
    """

    def __init__(self, recipe: Callable[[Any], Any], lr: float | None, momentum: float) -> None:
        self._recipe, self._lr, self._given = recipe, lr, momentum
        self._of = cache(self._built)

    def __call__(self, t: Any) -> Any:
        return self.of([1.0 if self._lr is None else self._lr])[0](t)

    def momentum(self, t: Any) -> Any:
        """The momentum after `t` steps, where the scheduler cycles it; else None."""
        return self.of([1.0 if self._lr is None else self._lr])[0].momentum(t)

    def of(self, lrs: Sequence[float]) -> "Sequence[_Group | Schedule]":
        """One plan for each param group of an optimizer that was built with the rates `lrs`."""
        return self._of(tuple(lrs if self._lr is None else [self._lr] * len(lrs)))

    def _built(self, lrs: tuple[float, ...]) -> "list[_Group | Schedule]":
        steps = _Steps(self._recipe, lrs, self._given)
        return [_as_schedule(steps, g) or _Group(steps, g) for g in range(len(lrs))]

    def __repr__(self) -> str:
        return "plan_of(...)"


def plan_of(
    recipe: Callable[[Any], Any], *, lr: float | None = None, momentum: float = 0.9
) -> Recipe:
    """The plan of a torch scheduler: `plan_of(lambda opt: CosineAnnealingLR(opt, T_max=100))`.

    `recipe`: builds the scheduler for the optimizer that it is handed. It is called with an
    optimizer made for this alone, and yours is left alone. `lr`: the rate which that optimizer is
    built with; if None, that of the optimizer compared with (1.0 where there is none yet).
    `momentum`: what it has, for a scheduler that cycles it.

    A scheduler that needs the loss, `ReduceLROnPlateau`, has no plan: `ValueError`.
    """
    if not callable(recipe) or (hasattr(recipe, "get_last_lr") and not isinstance(recipe, type)):
        got = type(recipe).__name__
        raise ValueError(
            f"plan_of needs what builds the scheduler, got {got}: write "
            f"plan_of(lambda opt: {got if hasattr(recipe, 'get_last_lr') else 'StepLR'}(opt, ...))"
        )
    return Recipe(recipe, lr, momentum)


class _Steps:
    """A scheduler, stepped as far as anyone asked, and what it set."""

    def __init__(self, recipe: Callable, lrs: tuple[float, ...], momentum: float) -> None:
        import torch

        groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in lrs]
        self.optimizer = torch.optim.SGD(groups, lr=lrs[0], momentum=momentum)
        self.scheduler = recipe(self.optimizer)
        if not hasattr(self.scheduler, "get_last_lr"):
            got = type(self.scheduler).__name__
            raise ValueError(f"the function given to plan_of must return a scheduler, got {got}")
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            raise ValueError("ReduceLROnPlateau has no plan: its rates depend on the losses")
        self.optimizer.step()  # else torch warns of the order
        self.rates: list[list[float]] = []
        self.momenta: list[list[float]] = []
        self._write_down()

    def _write_down(self) -> None:
        self.rates.append([float(group["lr"]) for group in self.optimizer.param_groups])
        self.momenta.append([float(group["momentum"]) for group in self.optimizer.param_groups])

    def until(self, t: int) -> None:
        while len(self.rates) <= t:
            self.scheduler.step()
            self._write_down()


class _Group:
    """The rates of one param group."""

    def __init__(self, steps: _Steps, group: int) -> None:
        self._steps, self._group = steps, group

    def __call__(self, t: Any) -> Any:
        return self._read(self._steps.rates, t)

    def momentum(self, t: Any) -> Any:
        self._steps.until(50)
        cycled = {row[self._group] for row in self._steps.momenta}
        return self._read(self._steps.momenta, t) if len(cycled) > 1 else None

    def _read(self, rows: list[list[float]], t: Any) -> Any:
        asked = np.asarray(t)
        if (asked != np.floor(asked)).any() or (asked < 0).any():
            raise ValueError(f"a recipe has a rate only after whole steps, got t={t!r}")
        self._steps.until(int(asked.max(initial=0)))
        values = np.array([rows[int(one)][self._group] for one in asked.flat])
        return values.reshape(asked.shape) if asked.ndim else float(values[0])


# In the words of this course, where there are some: then its numbers can be looked into


def _as_schedule(steps: _Steps, group: int) -> Schedule | None:
    """The schedule that the scheduler is the twin of, if it gives the same rates."""
    try:
        schedule = _translated(steps.scheduler, group)
        if schedule is None:
            return None
        count = min(300, int(min(schedule.last, 1e9)) + 1)
        steps.until(count - 1)
        same = np.allclose(
            schedule(np.arange(count)), [row[group] for row in steps.rates[:count]], rtol=1e-9
        )
    except Exception:  # whatever does not translate is read step by step
        return None
    moved = len({row[group] for row in steps.momenta}) > 1
    return schedule if same and moved == schedule.cycles_momentum else None


def _translated(scheduler: Any, group: int) -> Schedule | None:
    if hasattr(scheduler, "_schedulers") and hasattr(scheduler, "_milestones"):
        parts = [_translated(one, group) for one in scheduler._schedulers]
        known = [part for part in parts if part is not None]
        row = Sequential(schedules=known, milestones=scheduler._milestones)
        return row if len(known) == len(parts) else None
    name, lr = type(scheduler).__name__, float(scheduler.base_lrs[group])
    if name == "LambdaLR":
        return Custom(lr=lr, factor=scheduler.lr_lambdas[group])
    cls = TWINS.get(name)
    return None if cls is None or name == "ConstantLR" else _with_fields_of(cls, scheduler, lr)


def _with_fields_of(cls: type[Schedule], scheduler: Any, lr: float) -> Schedule:
    held = {name: getattr(scheduler, name) for name in _names(cls) if hasattr(scheduler, name)}
    if hasattr(held.get("milestones"), "elements"):
        held["milestones"] = list(held["milestones"].elements())
    return cls(**held | ({"lr": lr} if "lr" in _names(cls) else {}))


def _names(cls: type[Schedule]) -> list[str]:
    from dataclasses import fields

    return [f.name for f in fields(cls) if f.compare]
