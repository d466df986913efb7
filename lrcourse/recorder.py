"""The rate that each update really used, and what it looks like beside the plan.

    with lrcourse.trace(optimizer) as used:
        ...any training loop of PyTorch...
    print(used.against(plan, steps_per_epoch=100))

`trace` writes down the rate and the momentum of every `optimizer.step()`, just before the update
is made. It changes nothing in the run, and needs nothing but the optimizer.
"""

from dataclasses import dataclass
from numbers import Integral
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from lrcourse._causes import Finding, Plan, Run, causes, notes


class Trace:
    """What an optimizer really used, update by update. Made by `lrcourse.trace(optimizer)`.

    Records while its `with` block runs. The same trace can be entered again, and goes on where
    it stopped. An error in the block leaves what was recorded until then.

    A step that a GradScaler skips because of an infinite gradient is no update, and is left out.
    A step with a closure (LBFGS) is one update, however often it calls the closure.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = _checked(optimizer)
        self._rates: list[list] = []  # one row an update, one entry a param group
        self._momenta: list[list] = []
        self._found_inf: dict[int, Any] = {}  # row: what a GradScaler found, where there was one
        self._handle = None
        self._initial_lr: list[float | None] = []

    def __enter__(self) -> "Trace":
        if self._handle is not None:
            raise ValueError("this trace is already recording: make another with lrcourse.trace()")
        self._handle = self._optimizer.register_step_pre_hook(self._hook())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.remove()
        self._handle = None
        self._settle()

    def _hook(self) -> Any:
        """What runs before every update: a row for each list, and nothing that can wait."""
        rates, momenta, found_inf = self._rates, self._momenta, self._found_inf
        momentum = _reader(self._optimizer.param_groups[0])

        def record(optimizer: Any, args: tuple, kwargs: dict) -> None:
            groups = optimizer.param_groups
            if hasattr(optimizer, "found_inf"):  # fused optimizers skip the update themselves
                found_inf[len(rates)] = optimizer.found_inf
            rates.append([_now(group["lr"]) for group in groups])
            momenta.append([_now(momentum(group)) for group in groups])

        return record

    def _settle(self) -> None:
        """Drop the steps that were skipped, and note what the optimizer says of its scheduler."""
        skipped = {row for row, found in self._found_inf.items() if found is not None and found > 0}
        self._found_inf.clear()
        for rows in (self._rates, self._momenta) if skipped else ():
            rows[:] = [row for i, row in enumerate(rows) if i not in skipped]
        groups = self._optimizer.param_groups
        self._initial_lr = [_number(group.get("initial_lr")) for group in groups]

    @property
    def lr(self) -> np.ndarray:
        """The rate of each update: float64, shape (updates,), or (updates, groups) if several.

        A group that was added during the run is nan before that.
        """
        return _table(self._rows(self._rates))

    @property
    def momentum(self) -> np.ndarray | None:
        """The momentum of each update (beta1 for Adam), shaped as `lr`; None if there is none."""
        rows = self._rows(self._momenta)
        return None if any(value is None for row in rows for value in row) else _table(rows)

    def _rows(self, rows: list[list]) -> list[list]:
        if self._handle is not None:
            self._settle()
        return rows

    def against(
        self, plan: Any, *, steps_per_epoch: int | None = None, unit: str = "step", start: int = 0
    ) -> "Report":
        """Compare what was used with `plan`: equal? If not, where do they part, and why?

        `plan`: a schedule; or a list with one rate for each t; or a function of t; or, for param
        groups with plans of their own, a list with one schedule for each group.
        `unit`: "step" if t counts updates; "epoch" if it counts epochs of `steps_per_epoch`
        updates, for loops that call `scheduler.step()` once per epoch.
        `start`: the t of the first update recorded, for a run that was resumed.

        Equal means to a relative 1e-12, and 1e-14 of the plan's largest rate, since PyTorch
        takes some rates from the one before and rounds differently (past 500 updates, the first
        grows with their number). For a rate kept in a float32 tensor it means to what
        float32 can hold. Where the plan cycles momentum, momentum must be equal
        too. Raises `ValueError` for a plan or a number that makes no sense.
        """
        return _compared(self, plan, _per_t(steps_per_epoch, unit), steps_per_epoch, start)

    def plot(
        self,
        plan: Any,
        *,
        steps_per_epoch: int | None = None,
        unit: str = "step",
        start: int = 0,
        ax: Any = None,
        momentum: bool = False,
    ) -> Any:
        """Draw planned and used over each other, and mark where they part.

        Arguments as for `against`. `ax`: the axes to draw on, new ones if None; with
        `momentum=True` two of them, for a second panel. Gives back the axes. The report of
        `against` says the same in words.
        """
        report = self.against(plan, steps_per_epoch=steps_per_epoch, unit=unit, start=start)
        per_t = _per_t(steps_per_epoch, unit)
        return _drawn(self, _plans(plan, self._columns()), per_t, start, report, ax, momentum)

    @property
    def _rounding(self) -> tuple[float, float]:
        """How far rounding can take a rate: a share of the rate, and a share of the largest one.

        A rate taken from the one before adds up the rounding of every update.
        """
        held = (value for row in self._rates for value in row)
        if any(getattr(value, "itemsize", 8) < 8 for value in held):
            return (1.2e-7 * (8 + len(self._rates)),) * 2  # a float32 tensor
        return 1e-12 * max(1, len(self._rates) / 500), 1e-14

    def _columns(self) -> np.ndarray:
        """The rates, shape (updates, groups)."""
        return self.lr.reshape(len(self), -1) if len(self) else np.empty((0, 1))

    def __len__(self) -> int:
        """How many updates were recorded."""
        return len(self._rows(self._rates))

    def __repr__(self) -> str:
        name, updates = type(self._optimizer).__name__, len(self)
        if not updates:
            return f"<Trace of {name}: no updates>"
        first, last = (_shown(row) for row in (self._rates[0], self._rates[-1]))
        return f"<Trace of {name}: {updates} updates, learning rate {first} first, {last} last>"


class Difference(NamedTuple):
    """Where planned and used part: the update, counted from 0, and the two values there."""

    update: int
    planned: float  # nan where the plan has already ended
    used: float
    group: int = 0
    of: str = "lr"  # or "momentum"


@dataclass(frozen=True, repr=False)
class Report:
    """Planned against used: true if they are equal, and prints as sentences.

    `cause` is a short name for what the trace looks like, the same from run to run:
    "never-stepped", "unknown" where no known mistake gives these rates, None where nothing is
    to be said. A run can use what was planned and still be worth a word, such as "run-longer":
    then `equal` is true and `cause` is that word. `also` names other mistakes that would have
    given the same rates.
    """

    equal: bool
    first_difference: Difference | None
    cause: str | None
    also: tuple[str, ...]
    message: str

    def __bool__(self) -> bool:
        return self.equal

    def __repr__(self) -> str:
        return self.message


def trace(optimizer: Any) -> Trace:
    """Record what `optimizer` really uses: `with lrcourse.trace(optimizer) as used: ...`.

    Afterwards `used.lr` and `used.momentum` hold the values of every update, and
    `used.against(plan)` compares them with a plan.

    `optimizer`: any `torch.optim` optimizer, with any number of param groups. Raises
    `ValueError` for anything else. Several traces may record the same optimizer.
    """
    return Trace(optimizer)


def _checked(optimizer: Any) -> Any:
    if hasattr(optimizer, "register_step_pre_hook") and hasattr(optimizer, "param_groups"):
        return optimizer
    hint = "trace(optimizer)"
    if hasattr(optimizer, "get_last_lr"):
        hint = "hand over the optimizer, not its scheduler: trace(scheduler.optimizer)"
    got = type(optimizer).__name__
    if isinstance(optimizer, type):
        got, hint = f"the class {optimizer.__name__}", "trace the optimizer that you train with"
    raise ValueError(f"trace() needs a torch.optim optimizer, got {got}: {hint}")


def _reader(group: dict) -> Any:
    """How to read momentum from a param group: as `momentum` (SGD), beta1 (Adam), or not at all."""
    if "momentum" in group:
        return lambda group: group["momentum"]
    return (lambda group: group["betas"][0]) if "betas" in group else (lambda group: None)


def _now(value: Any) -> Any:
    """The value as it is now: a tensor is copied, since a scheduler would change it in place."""
    return value.detach().clone() if hasattr(value, "detach") else value


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _table(rows: list[list]) -> np.ndarray:
    groups = max((len(row) for row in rows), default=1)
    table = np.full((len(rows), groups), np.nan)
    for i, row in enumerate(rows):
        table[i, : len(row)] = [float(value) for value in row]
    return table[:, 0] if groups == 1 else table


def _shown(row: list) -> str:
    return " and ".join(f"{float(value):.6g}" for value in row)


# Comparing


def _compared(
    used: Trace, plan: Any, per_t: int, steps_per_epoch: int | None, start: int
) -> Report:
    _whole("start", start, least=0)
    columns = used._columns()
    plans = _plans(plan, columns)
    if not len(used):
        return Report(False, None, "no-updates", (), NO_UPDATES)
    first = [int(np.argmin(np.isnan(column))) for column in columns.T]  # a group can come later
    runs = [
        Run(
            column[i:], each, per_t, steps_per_epoch, start + i // per_t, initial_lr, used._rounding
        )
        for column, each, initial_lr, i in zip(columns.T, plans, used._initial_lr, first)
    ]
    parted = [g for g, run in enumerate(runs) if run.differs is not None]
    if parted:
        g = min(parted, key=lambda g: first[g] + runs[g].differs)
        return _parted(runs[g], first[g], g, some=len(parted) < len(runs))
    report = _momentum_parted(used, plans, runs)
    return _as_planned(runs[0]) if report is None else report


NO_UPDATES = (
    "No update was recorded: optimizer.step() of this optimizer was never called while the trace "
    "was on.\nTrace the optimizer that you train with, and train inside the with block."
)


def _parted(run: Run, first: int, group: int, some: bool) -> Report:
    """The report on rates that left their plan."""
    i = run.differs
    difference = Difference(first + i, float(run.planned[i]), float(run.used[i]), group)
    found = causes(run)
    if some and "another-rate" in found and len(found) == 1:
        found = {"another-rate": found["another-rate"]._replace(fix=ONE_PLAN_EACH)}
    where = f"In param group {group}, the" if some else "The"
    message = f"{where} rates part at update {first + i}{_epoch(run, i)}: {_values(difference)}."
    cause, *also = found or ["unknown"]
    return Report(False, difference, cause, tuple(also), f"{message}\n{_because(found)}")


ONE_PLAN_EACH = "hand over one plan for each group: used.against([plan, other_plan])"


def _epoch(run: Run, i: int) -> str:
    return f" (epoch {run.t[i]})" if run.epochs else ""


def _values(difference: Difference) -> str:
    planned, used = _apart(difference.planned, difference.used)
    return f"planned {'nothing' if planned == 'nan' else planned}, used {used}"


def _apart(one: float, other: float) -> tuple[str, str]:
    """Both numbers, with as many digits as it takes to tell them apart."""
    for digits in (6, 9, 12):
        if f"{one:.{digits}g}" != f"{other:.{digits}g}":
            return f"{one:.{digits}g}", f"{other:.{digits}g}"
    return repr(one), repr(other)


def _because(found: dict[str, Finding]) -> str:
    if not found:
        return "No known cause: look at what sets the rate just before that update."
    finding, *others = found.values()
    message = f"It looks as if {finding.what}.\nTo mend it: {finding.fix}."
    return f"{message}\nOr else {others[0].what}." if others else message


def _momentum_parted(used: Trace, plans: list[Plan], runs: list[Run]) -> Report | None:
    """The report on momentum that left its plan although the rates did not."""
    momentum = used.momentum
    for g, (plan, run) in enumerate(zip(plans, runs)):
        table = plan.momentum(run.t[-1] + 1)
        if table is None:
            continue
        if momentum is None:
            return Report(False, None, "momentum", (), NO_MOMENTUM)
        planned, held = table[run.t], momentum.reshape(len(used), -1)[-len(run.t) :, g]
        apart = ~np.isclose(held, planned, rtol=0, atol=1e-12)
        if apart.any():
            i = int(np.argmax(apart))
            update = len(used) - len(run.t) + i
            difference = Difference(update, float(planned[i]), float(held[i]), g, "momentum")
            message = f"The rates are as planned, but momentum parts at update {update}: "
            message += f"{_values(difference)}.\n{CYCLED}"
            return Report(False, difference, "momentum", (), message)
    return None


NO_MOMENTUM = (
    "The rates are as planned, but the plan cycles momentum and this optimizer has none.\n"
    "Use an optimizer with momentum or beta1, or plan with cycle_momentum=False."
)
CYCLED = (
    "It looks as if the scheduler leaves momentum alone, or something else sets it.\nTo mend it: "
    "build the scheduler with cycle_momentum as planned."
)


def _as_planned(run: Run) -> Report:
    """The report on a run that used what was planned, with what is worth saying of it."""
    found = notes(run)
    count = len(run.used)
    message = f"Planned and used are equal at {f'all {count} updates' if count > 1 else 'the one update'}."
    cause, *_ = found or [None]
    return Report(True, None, cause, (), "\n".join([message, *found.values()]))


# What was asked


def _per_t(steps_per_epoch: int | None, unit: str) -> int:
    """How many updates share one t of the plan."""
    if unit not in ("step", "epoch"):
        raise ValueError(f'unit must be "step" or "epoch", got {unit!r}')
    if steps_per_epoch is not None:
        _whole("steps_per_epoch", steps_per_epoch, least=1)
    elif unit == "epoch":
        raise ValueError('unit="epoch" needs steps_per_epoch: write steps_per_epoch=len(loader)')
    return steps_per_epoch if unit == "epoch" else 1


def _whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _plans(plan: Any, columns: np.ndarray) -> list[Plan]:
    """One plan for each param group."""
    groups = columns.shape[1]
    several = isinstance(plan, list | tuple) and any(callable(each) for each in plan)
    plans = [_plan(each) for each in (plan if several else [plan] * groups)]
    if several and len(plans) != groups:
        s = "s" * (groups > 1)
        raise ValueError(f"the optimizer has {groups} param group{s}, got {len(plans)} plans")
    return plans


def _plan(plan: Any) -> Plan:
    if isinstance(plan, type):
        raise ValueError(f"plan must be a schedule, got the class: write {plan.__name__}(...)")
    if hasattr(plan, "get_last_lr"):
        name = type(plan).__name__
        raise ValueError(
            f"plan must not be a torch scheduler, whose rate depends on who has stepped it, got "
            f"{name}: hand over the schedule, such as lrcourse.{TWINS.get(name, 'StepDecay')}(...)"
        )
    if hasattr(plan, "patience"):
        raise ValueError(
            f"plan must be a function of t, got {plan!r}: its rates depend on the losses. Use "
            f'against(plan(losses)[:-1], unit="epoch", steps_per_epoch=...)'
        )
    return Plan(plan)


TWINS = {
    "MultiStepLR": "MultiStepDecay",
    "ExponentialLR": "ExponentialDecay",
    "CosineAnnealingLR": "CosineAnnealing",
    "CosineAnnealingWarmRestarts": "WarmRestarts",
    "CyclicLR": "Cyclical",
    "OneCycleLR": "OneCycle",
    "LinearLR": "LinearWarmup",
    "ConstantLR": "Constant",
    "PolynomialLR": "Polynomial",
    "LambdaLR": "Custom",
    "MultiplicativeLR": "Custom",
}


# Drawing


def _drawn(
    used: Trace,
    plans: list[Plan],
    per_t: int,
    start: int,
    report: Report,
    ax: Any,
    momentum: bool,
) -> Any:
    from lrcourse import plots

    if ax is None:
        _, ax = plots.panels(1 + momentum, sharex=True)
    axes = np.atleast_1d(ax)
    if len(axes) != 1 + momentum:
        raise ValueError(
            f"ax must be {1 + momentum} axes with momentum={momentum}, got {len(axes)}"
        )
    count = len(used)
    t = start + np.arange(_width(count, plans[0], per_t, start, report)) // per_t
    with plots.style():
        planned = _one_column_each([plan.table(t[-1] + 1)[t] for plan in plans])
        parted = report.first_difference
        plots.draw_planned_and_used(axes[0], planned, used.lr, parted=_marked(parted, "lr"))
        if momentum:
            tables = [plan.momentum(t[-1] + 1) for plan in plans]
            planned = None if tables[0] is None else _one_column_each([m[t] for m in tables])
            plots.draw_planned_and_used(
                axes[1], planned, used.momentum, parted=_marked(parted, "momentum"), of="momentum"
            )
            axes[0].set_xlabel("")
    return ax


def _width(count: int, plan: Plan, per_t: int, start: int, report: Report) -> int:
    """How many updates to draw: those of the run, or all of the plan where it was not seen."""
    unseen = ("no-updates", "rate-never-changed", "peak-never-reached", "run-shorter")
    whole = ((plan.shape_ends or 1) - start) * per_t if report.cause in unseen else 0
    return max(count, whole, 1)


def _one_column_each(curves: list[np.ndarray]) -> np.ndarray:
    """One curve where all groups have the same plan, else shape (updates, groups)."""
    same = all(np.array_equal(curve, curves[0], equal_nan=True) for curve in curves)
    return curves[0] if same else np.stack(curves, axis=1)


def _marked(difference: Difference | None, of: str) -> int | None:
    return difference.update if difference and difference.of == of else None
