"""The rate that each update really used, and what it looks like beside the plan.

    with lrcourse.trace(optimizer) as used:
        ...any training loop of PyTorch...
    print(used.against(plan, steps_per_epoch=100))

`trace` writes down the rate and the momentum of every `optimizer.step()`, just before the update
is made. It changes nothing in the run, and needs nothing but the optimizer.
"""

from collections.abc import Sequence
from numbers import Integral
from types import TracebackType
from typing import Any, overload

import numpy as np

from lrcourse._causes import Finding, Plan, Run, Seen, as_it_looks, causes, notes
from lrcourse._causes.groups import OWN_PLAN, of_groups
from lrcourse._causes.rounding import coarsest, dtype_of, rounding_of, was_rounded_to
from lrcourse._report import Difference, Report
from lrcourse.schedules import Schedule, Twin


class Trace:
    """What an optimizer really used, update by update. Made by `lrcourse.trace(optimizer)`.

    Records while its `with` block runs. The same trace can be entered again, and goes on where
    it stopped. An error in the block leaves what was recorded until then.

    A step that a GradScaler skips because of an infinite gradient is no update, and is left out.
    A step with a closure (LBFGS) is one update, however often it calls the closure. Of an
    optimizer that works out its own rate and writes it down as `scheduled_lr` (schedule-free
    ones), that is the rate recorded.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = _checked(optimizer)
        self._rates: list[list] = []  # one row an update, one entry a param group
        self._momenta: list[list] = []
        self._own: list[list] = []  # what the optimizer itself made of the rate, if it says so
        self._found_inf: dict[int, Any] = {}  # row: what a GradScaler found, where there was one
        self._handle: Any = None
        self._initial_lr: list[float | None] = []
        self._held: list[float | None] = []  # the rates when the trace began
        self._made: int | None = None  # the updates made before that

    def __enter__(self) -> "Trace":
        if self._handle is not None:
            raise ValueError("this trace is already recording: make another with lrcourse.trace()")
        if not self._rates:
            self._held = [_number(_now(group["lr"])) for group in self._optimizer.param_groups]
            self._made = _updates_made(self._optimizer)
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
        momenta_of = _reader(self._optimizer.param_groups[0])
        attributes = self._optimizer.__dict__
        fused = getattr(self._optimizer, "_step_supports_amp_scaling", False)
        real = float  # looked up faster here than among the builtins

        def record(optimizer: Any, args: tuple, kwargs: dict) -> None:
            groups = optimizer.param_groups
            if fused and "found_inf" in attributes:  # these skip the update themselves
                found_inf[len(rates)] = optimizer.found_inf
            first = groups[0]
            if "scheduled_lr" in first:
                self._write_down_own()
            if len(groups) == 1:  # a comprehension is a call, and this is what most optimizers have
                rates.append([lr if type(lr := first["lr"]) is real else _now(lr)])
            else:
                rates.append([lr if type(lr := g["lr"]) is real else _now(lr) for g in groups])
            momenta.append(momenta_of(groups))

        return record

    def _write_down_own(self) -> None:
        """The rate that the optimizer made of the last one: it is there only after the update."""
        if len(self._own) < len(self._rates):
            groups = self._optimizer.param_groups
            own = [_now(group.get("scheduled_lr", group["lr"])) for group in groups]
            self._own += [own] * (len(self._rates) - len(self._own))

    def _settle(self) -> None:
        """Drop the steps that were skipped, and note what the optimizer says of its scheduler."""
        groups = self._optimizer.param_groups
        if "scheduled_lr" in groups[0]:
            self._write_down_own()
        skipped = {row for row, found in self._found_inf.items() if found is not None and found > 0}
        self._found_inf.clear()
        for rows in (self._rates, self._momenta, self._own) if skipped else ():
            rows[:] = [row for i, row in enumerate(rows) if i not in skipped]
        self._initial_lr = [_number(group.get("initial_lr")) for group in groups]

    @property
    def lr(self) -> np.ndarray:
        """The rate of each update: float64, shape (updates,), or (updates, groups) if several.

        A group that was added during the run is nan before that, and a rate of None, which
        leaves it to the optimizer, is nan, too.
        """
        rows = self._rows(self._rates)
        return _table(self._own if self._own else rows)

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
        self,
        plan: Any,
        *,
        steps_per_epoch: int | Sequence[int] | None = None,
        unit: str = "step",
        start: int = 0,
    ) -> Report:
        """Compare what was used with `plan`: equal? If not, where do they part, and why?

        `plan`: a schedule; or a list with one rate for each t; or a function of t; or
        `lrcourse.plan_of` with what builds a torch scheduler; or, for param groups with plans of
        their own, a list with one schedule for each group.
        `unit`: "step" if t counts updates; "epoch" if it counts epochs of `steps_per_epoch`
        updates, for loops that call `scheduler.step()` once per epoch.
        `steps_per_epoch`: a list with the updates of each epoch, if they differ.
        `start`: the t of the first update recorded, for a run that was resumed.

        Equal means to a relative 1e-12, and 1e-14 of the plan's largest rate, since PyTorch
        takes some rates from the one before and rounds differently (past 500 updates, the first
        grows with their number). Where the plan or the rate was held in float32 or bf16, it means
        to what that can hold; the steps of a scheduler that rounds a tensor rate each time are
        made again to see. Where the plan cycles momentum, or says that it does not, momentum must
        be equal too. Raises `ValueError` for a plan or a number that makes no sense.
        """
        _whole("start", start, least=0)
        t = _clock(len(self), steps_per_epoch, unit, start)
        return _compared(self, plan, t, _length_of(steps_per_epoch), unit == "epoch", start)

    def plot(
        self,
        plan: Any,
        *,
        steps_per_epoch: int | Sequence[int] | None = None,
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
        plans = _plans(plan, self)
        t = _clock(len(self), steps_per_epoch, unit, start)
        per_t = (_length_of(steps_per_epoch) or 1) if unit == "epoch" else 1
        t = _all_of_the_plan(t, plans[0], per_t, start, report)
        return _drawn(self, plans, t, report, ax, momentum)

    def _columns(self) -> np.ndarray:
        """The rates, shape (updates, groups)."""
        return self.lr.reshape(len(self), -1) if len(self) else np.empty((0, 1))

    def _first_rates(self, groups: int) -> list[float]:
        """What each group was built with, or began with."""
        built = [*self._initial_lr, *[None] * groups][:groups]
        first = [*self._held, *[None] * groups][:groups]
        return [b if b is not None else f if f is not None else 1.0 for b, f in zip(built, first)]

    def _updates_before(self) -> int | None:
        """The updates made before the trace began; None where the optimizer remembers nothing."""
        return self._made or (0 if _updates_made(self._optimizer) else None)

    def __len__(self) -> int:
        """How many updates were recorded."""
        return len(self._rows(self._rates))

    def __repr__(self) -> str:
        name, updates = type(self._optimizer).__name__, len(self)
        if not updates:
            return f"<Trace of {name}: no updates>"
        first, last = (_shown(row) for row in (self._rates[0], self._rates[-1]))
        return f"<Trace of {name}: {updates} updates, learning rate {first} first, {last} last>"


class Traces(tuple):
    """The traces of several optimizers, recorded together: one `Trace` for each, in order."""

    def __enter__(self) -> "Traces":
        for used in self:
            used.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for used in self:
            used.__exit__(*error)

    def against(self, *plans: Any, **options: Any) -> list[Report]:
        """One report for each optimizer: against one plan for all, or against one for each."""
        each = plans * len(self) if len(plans) == 1 else plans
        if len(each) != len(self):
            raise ValueError(f"{len(self)} optimizers were traced, got {len(plans)} plans")
        return [used.against(plan, **options) for used, plan in zip(self, each)]


@overload
def trace(optimizers: list | tuple, /) -> Traces: ...


@overload
def trace(optimizer: Any, /) -> Trace: ...


@overload
def trace(first: Any, second: Any, /, *others: Any) -> Traces: ...


def trace(*optimizers: Any) -> Any:
    """Record what `optimizer` really uses: `with lrcourse.trace(optimizer) as used: ...`.

    Afterwards `used.lr` and `used.momentum` hold the values of every update, and
    `used.against(plan)` compares them with a plan.

    `optimizer`: any `torch.optim` optimizer, with any number of param groups; what Accelerate,
    Lightning or DeepSpeed have wrapped around one is looked into. Several optimizers, or a list of
    them, give one trace for each: `with lrcourse.trace(first, second) as (used, other): ...`.
    Raises `ValueError` for anything else. Several traces may record the same optimizer.
    """
    if len(optimizers) == 1 and isinstance(optimizers[0], list | tuple) and optimizers[0]:
        return Traces(Trace(each) for each in optimizers[0])
    return Trace(*optimizers) if len(optimizers) == 1 else Traces(map(Trace, optimizers))


INSIDE = ("optimizer", "optim", "base_optimizer", "_base_optimizer")


def _checked(optimizer: Any) -> Any:
    """The optimizer that makes the updates: of one that wraps another, the other."""
    inner = _innermost(optimizer)
    if hasattr(inner, "_optimizer_step_pre_hooks") and hasattr(inner, "param_groups"):
        return inner
    hint = "trace(optimizer)"
    if hasattr(optimizer, "get_last_lr"):
        hint = "hand over the optimizer, not its scheduler: trace(scheduler.optimizer)"
    elif hasattr(optimizer, "param_groups"):
        hint = "it wraps another: hand over the one inside, such as trace(optimizer.optimizer)"
    got = type(optimizer).__name__
    if isinstance(optimizer, type):
        got, hint = f"the class {optimizer.__name__}", "trace the optimizer that you train with"
    raise ValueError(f"trace() needs a torch.optim optimizer, got {got}: {hint}")


def _innermost(optimizer: Any) -> Any:
    """Through as many wrappers as there are; a scheduler, which has an optimizer, is none."""
    for _ in range(10):
        if isinstance(optimizer, type) or not hasattr(optimizer, "param_groups"):
            break
        held = vars(optimizer) if hasattr(optimizer, "__dict__") else {}
        named = (held.get(name, held.get(f"_{name}")) for name in INSIDE)
        inner = next((one for one in named if hasattr(one, "param_groups")), None)
        if inner is None or inner is optimizer:
            break
        optimizer = inner
    return optimizer


def _updates_made(optimizer: Any) -> int:
    """How many updates the optimizer remembers: 1 for some that it does not count."""
    states = [state for state in optimizer.state.values() if hasattr(state, "get")]
    steps = [float(state["step"]) for state in states if "step" in state]
    some = any(value is not None for state in states for value in state.values())
    return int(max(steps)) if steps else int(some)


def _reader(group: dict, real: type = float) -> Any:
    """How to read momentum from the groups: as `momentum` (SGD), beta1 (Adam), or not at all."""
    if "momentum" in group:
        return lambda groups: [
            m if type(m := group["momentum"]) is real else _now(m) for group in groups
        ]
    if "betas" in group:
        return lambda groups: [
            b if type(b := group["betas"][0]) is real else _now(b) for group in groups
        ]
    return lambda groups: [None] * len(groups)


def _now(value: Any) -> Any:
    """The value as it is now: a tensor is copied, since a scheduler would change it in place."""
    return value.detach().clone() if hasattr(value, "detach") else value


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _table(rows: list[list]) -> np.ndarray:
    groups = max((len(row) for row in rows), default=1)
    table = np.full((len(rows), groups), np.nan)
    for i, row in enumerate(rows):
        table[i, : len(row)] = [np.nan if value is None else float(value) for value in row]
    return table[:, 0] if groups == 1 else table


def _shown(row: list) -> str:
    return " and ".join("None" if lr is None else f"{float(lr):.6g}" for lr in row)


# Comparing


def _compared(
    used: Trace, plan: Any, t: np.ndarray, per_epoch: int | None, epochs: bool, start: int
) -> Report:
    plans = _plans(plan, used)
    if not len(used):
        return Report(False, None, "no-updates", (), NO_UPDATES)
    runs = _runs(used, plans, t, per_epoch, epochs, start)
    if any(lr is None for row in used._rates for lr in row):
        return Report(False, None, "own-rate", (), NO_RATE)
    parted = [g for g, run in enumerate(runs) if run.differs is not None]
    if not parted:
        report = _momentum_parted(used, plans, runs)
        return _as_planned(used, plans, runs) if report is None else report
    g = min(parted, key=lambda g: runs[g].seen.added + (runs[g].differs or 0))
    return _with_curves(_parted(used, runs, g, some=len(parted) < len(runs)), runs[g])


NO_UPDATES = (
    "No update was recorded: optimizer.step() of this optimizer was never called while the trace "
    "was on.\nTrace the optimizer that you train with, and train inside the with block."
)
NO_RATE = (
    "There is nothing to compare: this optimizer was built with lr=None and works out each rate "
    "itself.\nGive it a rate (for Adafactor: lr=..., relative_step=False) to drive it by a schedule."
)


def _runs(
    used: Trace, plans: list[Plan], t: np.ndarray, per_epoch: int | None, epochs: bool, start: int
) -> list[Run]:
    """One for each param group, from its first update on."""
    rows, columns = used._own or used._rates, used._columns()
    sizes = np.array([len(row) for row in rows])
    made = used._updates_before()
    runs = []
    for g, (column, plan) in enumerate(zip(columns.T, plans)):
        first = int(np.argmax(sizes > g))
        held = used._held[g] if g < len(used._held) else None
        seen = Seen(used._initial_lr[g], held, made, first)
        rounding = _rounding([row[g] for row in rows[first:]], column[first:], plan)
        begin = start if not first else int(t[first])
        runs.append(Run(column[first:], plan, t[first:], rounding, per_epoch, epochs, begin, seen))
    return runs


def _rounding(cells: list, rates: np.ndarray, plan: Plan) -> Any:
    kept_in = coarsest({dtype_of(cell) for cell in cells})
    tensor = any(hasattr(cell, "detach") for cell in cells)
    if kept_in == "float64" and not tensor:
        kept_in = was_rounded_to(rates)
    return rounding_of(len(rates), kept_in, plan.kept_in, tensor and kept_in != "float64")


def _with_curves(report: Report, run: Run) -> Report:
    from dataclasses import replace

    before = np.full(run.seen.added, np.nan)  # a group that came later
    curves = np.concatenate([before, run.planned]), np.concatenate([before, run.used])
    return replace(report, curves=curves)


def _parted(used: Trace, runs: list[Run], g: int, some: bool) -> Report:
    """The report on rates that left their plan."""
    run, at = runs[g], runs[g].differs or 0
    update = run.seen.added + at
    difference = Difference(update, float(run.planned[at]), float(run.used[at]), g)
    where = f"In param group {g}, the" if some else "The"
    message = f"{where} rates part at update {update}{_epoch(run, at)}: {_values(difference)}."
    if not np.isfinite(run.used).all():
        return _no_number(run, difference, message)
    if run.plan.failure and np.isnan(run.planned[at]):
        return _plan_failed(run, difference)
    found = of_groups(runs, g) or causes(run)
    if some and "another-rate" in found and len(found) == 1:
        found = {"another-rate": found["another-rate"]._replace(fix=OWN_PLAN)}
    cause, *also = found or ["unknown"]
    finding = next(iter(found.values()), None)
    said = f"{message}\n{_because(run, found)}{_own(used)}"
    return Report(False, difference, cause, tuple(also), said, finding)


def _no_number(run: Run, difference: Difference, message: str) -> Report:
    """A rate that is nan or infinite: what comes after does not matter any more."""
    bad = np.flatnonzero(~np.isfinite(run.used))
    update = run.seen.added + int(bad[0])
    difference = difference._replace(
        update=update, planned=float(run.planned[bad[0]]), used=float(run.used[bad[0]])
    )
    message = message.split(" part at ")[0] + f" part at update {update}: {_values(difference)}."
    many = f"{len(bad)} rates are" if len(bad) > 1 else "The rate is"
    what = "not a number (nan), as by 0/0 in a warm-up of 0 steps"
    if not np.isnan(run.used).any():
        what = "infinite, as by a division by 0"
    finding = Finding(
        f"{many} {what}: the weights are lost from there on",
        "look for a division by a number of steps that can be 0, and start again from update "
        f"{update}",
    )
    said = f"{message}\n{finding.what}.\nTo mend it: {finding.fix}."
    return Report(False, difference, "not-a-number", (), said, finding)


def _plan_failed(run: Run, difference: Difference) -> Report:
    t, how = run.plan.failure or (0, "")
    at = "" if f"at t={t}" in how else f" at t={t}"
    said = (
        f"Your plan {how}{at}: it has no rate there, and until then the rates are as planned.\n"
        f"To mend it: let the plan give a rate for every t up to {int(run.t[-1])}."
    )
    return Report(False, difference, "plan-failed", (), said)


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


def _because(run: Run, found: dict[str, Finding]) -> str:
    if not found:
        return f"{as_it_looks(run)}. Look at what sets the rate just before that update."
    finding, *others = found.values()
    message = f"It looks as if {finding.what}.\nTo mend it: {finding.fix}."
    if not others:
        return message
    tell = next((one.tell for one in (finding, *others) if one.tell), "")
    return f"{message}\nOr else {others[0].what}." + (f" To tell: {tell}." if tell else "")


def _own(used: Trace) -> str:
    return f"\n{OWN}" if used._own else ""


OWN = (
    "This optimizer sets its rate itself: what was used is its scheduled_lr, not the lr that stands "
    "in param_groups."
)


def _momentum_parted(used: Trace, plans: list[Plan], runs: list[Run]) -> Report | None:
    """The report on momentum that left its plan although the rates did not."""
    momentum = used.momentum
    for g, (plan, run) in enumerate(zip(plans, runs)):
        table = plan.momentum(int(run.t[-1]) + 1)
        if table is None and (momentum is None or not plan.leaves_momentum_alone):
            continue
        if momentum is None or table is None and momentum is None:
            return Report(False, None, "momentum", (), NO_MOMENTUM)
        held = momentum.reshape(len(used), -1)[-run.count :, g]
        if table is None:
            if np.ptp(held) <= 1e-12:
                continue
            return _taken_over(held, run.seen.added, g)
        planned = table[run.t]
        apart = ~np.isclose(
            held, planned, rtol=0, atol=1e-12 if run.rounding.kept_in == "float64" else 1e-6
        )
        if apart.any():
            i = int(np.argmax(apart))
            update = len(used) - run.count + i
            difference = Difference(update, float(planned[i]), float(held[i]), g, "momentum")
            message = f"The rates are as planned, but momentum parts at update {update}: "
            message += f"{_values(difference)}.\n{CYCLED}"
            return Report(False, difference, "momentum", (), message)
    return None


def _taken_over(held: np.ndarray, added: int, g: int) -> Report:
    i = int(np.argmax(np.abs(held - held[0]) > 1e-12))
    difference = Difference(added + i, float(held[0]), float(held[i]), g, "momentum")
    said = f"The rates are as planned, but {_moved(held)}, which the plan leaves alone.\n{TAKEN}"
    finding = Finding(_moved(held), TAKEN, "", "", "cycle_momentum=False")
    return Report(False, difference, "momentum", (), said, finding)


def _moved(held: np.ndarray) -> str:
    far = held[np.argmax(np.abs(held - held[0]))]
    return f"momentum moved from {held[0]:.6g} to {far:.6g}"


NO_MOMENTUM = (
    "The rates are as planned, but the plan cycles momentum and this optimizer has none.\n"
    "Use an optimizer with momentum or beta1, or plan with cycle_momentum=False."
)
CYCLED = (
    "It looks as if the scheduler leaves momentum alone, or something else sets it.\nTo mend it: "
    "build the scheduler with cycle_momentum as planned."
)
TAKEN = (
    "It looks as if the scheduler cycles it, as OneCycleLR and CyclicLR do by default (beta1 for "
    "Adam).\nTo mend it: build the scheduler with cycle_momentum=False, or plan with "
    "cycle_momentum=True."
)


def _as_planned(used: Trace, plans: list[Plan], runs: list[Run]) -> Report:
    """The report on a run that used what was planned, with what is worth saying of it."""
    run = runs[0]
    found = notes(run)
    count, kept_in = run.count, coarsest(run.rounding.kept_in for run in runs)
    held = "" if kept_in == "float64" else f", to what {kept_in} can hold"
    every = f"all {count} updates" if count > 1 else "the one update"
    message = f"Planned and used are equal at {every}{held}."
    cause, *_ = found or [None]
    lines = [*found.values()]
    estimates = "d0" in used._optimizer.param_groups[0] and "d" in used._optimizer.param_groups[0]
    if estimates:
        cause, message = "own-rate", f"The rates handed to the optimizer are as planned at {every}."
        lines.append(
            "It multiplies each by an estimate of its own, d: what was used is their product."
        )
    if used._own:
        lines.append(OWN)
    momentum = used.momentum
    if momentum is not None and plans[0].momentum(1) is None and not _still(momentum):
        moved = _moved(momentum.reshape(len(used), -1)[:, 0])
        cause = cause or "momentum"
        lines.append(f"But {moved}, of which the plan says nothing: OneCycleLR and CyclicLR do so.")
    return _with_curves(Report(True, None, cause, (), "\n".join([message, *lines])), run)


def _still(momentum: np.ndarray) -> bool:
    known = momentum.reshape(len(momentum), -1)[:, 0]
    return bool(np.isnan(known).any() or np.ptp(known) <= 1e-12)


# What was asked


def _clock(
    count: int, steps_per_epoch: int | Sequence[int] | None, unit: str, start: int
) -> np.ndarray:
    """The plan's t of each update."""
    if unit not in ("step", "epoch"):
        raise ValueError(f'unit must be "step" or "epoch", got {unit!r}')
    lengths = _lengths(steps_per_epoch)
    if unit == "step":
        return start + np.arange(count)
    if not lengths:
        raise ValueError('unit="epoch" needs steps_per_epoch: write steps_per_epoch=len(loader)')
    if len(lengths) == 1:
        return start + np.arange(count) // lengths[0]
    if sum(lengths) < count:
        raise ValueError(
            f"steps_per_epoch names {len(lengths)} epochs with {sum(lengths)} updates, but "
            f"{count} were made: give the updates of every epoch"
        )
    return start + np.repeat(np.arange(len(lengths)), lengths)[:count]


def _lengths(steps_per_epoch: Any) -> list[int]:
    """The updates of each epoch; of any epoch, if it is one number; empty if nothing was said."""
    if steps_per_epoch is None:
        return []
    if isinstance(steps_per_epoch, Integral):
        _whole("steps_per_epoch", steps_per_epoch, least=1)
        return [int(steps_per_epoch)]
    if isinstance(steps_per_epoch, str) or not np.iterable(steps_per_epoch):
        _whole("steps_per_epoch", steps_per_epoch, least=1)
    each = list(steps_per_epoch)
    for one in each:
        _whole("each of steps_per_epoch", one, least=1)
    if not each:
        raise ValueError("steps_per_epoch must name the updates of each epoch, got none")
    return [int(one) for one in each]


def _length_of(steps_per_epoch: Any) -> int | None:
    """The updates of an epoch, where all epochs have as many."""
    lengths = _lengths(steps_per_epoch)
    return lengths[0] if len(set(lengths)) == 1 else None


def _whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _plans(plan: Any, used: Trace) -> list[Plan]:
    """One plan for each param group."""
    groups = used._columns().shape[1]
    several = isinstance(plan, list | tuple) and any(callable(each) for each in plan)
    if not several and hasattr(plan, "of") and hasattr(plan, "momentum"):
        return [Plan(each) for each in plan.of(used._first_rates(groups))]
    each_plan = list(plan) if several else [plan] * groups
    plans = {id(each): _plan(each) for each in each_plan}
    if several and len(each_plan) != groups:
        s = "s" * (groups > 1)
        raise ValueError(f"the optimizer has {groups} param group{s}, got {len(each_plan)} plans")
    return [plans[id(each)] for each in each_plan]


def _plan(plan: Any) -> Plan:
    if isinstance(plan, type):
        raise ValueError(f"plan must be a schedule, got the class: write {plan.__name__}(...)")
    if hasattr(plan, "get_last_lr"):
        name = type(plan).__name__
        raise ValueError(
            f"plan must not be a torch scheduler, whose rate depends on who has stepped it, got "
            f"{name}: hand over the schedule, such as lrcourse.{TWINS.get(name, 'StepDecay')}(...), "
            f"or how it is built, lrcourse.plan_of(lambda opt: {name}(opt, ...))"
        )
    if isinstance(plan, Twin) and not isinstance(plan, Schedule):
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
    used: Trace, plans: list[Plan], t: np.ndarray, report: Report, ax: Any, momentum: bool
) -> Any:
    from lrcourse import plots

    if ax is None:
        _, ax = plots.panels(1 + momentum, sharex=True)
    axes = np.atleast_1d(ax)
    if len(axes) != 1 + momentum:
        raise ValueError(
            f"ax must be {1 + momentum} axes with momentum={momentum}, got {len(axes)}"
        )
    with plots.style():
        planned = _one_column_each([plan.table(t[-1] + 1)[t] for plan in plans])
        parted = report.first_difference
        plots.draw_planned_and_used(axes[0], planned, used.lr, parted=_marked(parted, "lr"))
        if momentum:
            tables = [table for plan in plans if (table := plan.momentum(t[-1] + 1)) is not None]
            moved = _one_column_each([table[t] for table in tables]) if tables else None
            plots.draw_planned_and_used(
                axes[1], moved, used.momentum, parted=_marked(parted, "momentum"), of="momentum"
            )
            axes[0].set_xlabel("")
        plots.say(axes[0], f"Planned and used, update by update. {report.message.splitlines()[0]}")
    return ax


def _all_of_the_plan(
    t: np.ndarray, plan: Plan, per_t: int, start: int, report: Report
) -> np.ndarray:
    """The t to draw: those of the run, or all of the plan where it was not seen."""
    unseen = ("no-updates", "rate-never-changed", "peak-never-reached", "run-shorter")
    whole = ((plan.shape_ends or 1) - start) * per_t if report.cause in unseen else 0
    more = max(whole, 1) - len(t)
    if more <= 0:
        return t
    first = int(t[-1]) + 1 if len(t) else start
    return np.concatenate([t, first + np.arange(more) // per_t]).astype(int)


def _one_column_each(curves: list[np.ndarray]) -> np.ndarray:
    """One curve where all groups have the same plan, else shape (updates, groups)."""
    same = all(np.array_equal(curve, curves[0], equal_nan=True) for curve in curves)
    return curves[0] if same else np.stack(curves, axis=1)


def _marked(difference: Difference | None, of: str) -> int | None:
    return difference.update if difference and difference.of == of else None
