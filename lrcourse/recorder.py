"""The rate that each update really used, and what it looks like beside the plan.

    with lrcourse.trace(optimizer) as used:
        ...any training loop of PyTorch...
    print(used.against(plan, steps_per_epoch=100))

`trace` writes down the rate and the momentum of every `optimizer.step()`, just before the update
is made. It changes nothing in the run, and needs nothing but the optimizer.
"""

from types import TracebackType
from typing import Any

import numpy as np


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

    def __len__(self) -> int:
        """How many updates were recorded."""
        return len(self._rows(self._rates))

    def __repr__(self) -> str:
        name, updates = type(self._optimizer).__name__, len(self)
        if not updates:
            return f"<Trace of {name}: no updates>"
        first, last = (_shown(row) for row in (self._rates[0], self._rates[-1]))
        return f"<Trace of {name}: {updates} updates, learning rate {first} first, {last} last>"


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
    raise ValueError(
        f"trace() needs a torch.optim optimizer, got {type(optimizer).__name__}: {hint}"
    )


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
