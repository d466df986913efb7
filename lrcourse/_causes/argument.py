"""`scheduler.step(loss)`: the loss is taken for the epoch, and the plan is read at t = loss."""

import numpy as np

from lrcourse._causes.run import Finding, Run

MOST = 100.0  # no loss, and no accuracy in per cent, is above
FINE = 4_001


def loss_as_epoch(run: Run) -> Finding | None:
    """Rates of the plan's beginning, at a t that is not whole and has nothing to do with time."""
    at, rates = _ticks(run)
    if run.flat or len(rates) < 4 or not run.same(run.used[0], run.rate(run.start)):
        return None
    for most in (4.0, 20.0, MOST):
        t = _read_back(run, rates[1:], most)
        if t is None:
            continue
        if t.max() > 0.7 * len(rates) and most > 20 or np.isclose(t, np.round(t)).mean() > 0.2:
            return None
        if np.allclose(np.diff(t), np.diff(t)[0], rtol=1e-6):
            return None  # a steady clock is another story
        return Finding(
            f"the rates are those of t between {t.min():.3g} and {t.max():.3g}, not whole: as when "
            f"scheduler.step(loss) is called, which takes its argument, the loss, for the epoch. It "
            f"was harmless before update {at[1]}",
            "call scheduler.step() without an argument: only ReduceLROnPlateau takes the loss",
            "",
            "scheduler.step(loss)",
            "scheduler.step()",
        )
    return None


def _ticks(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Where the rate changed, and to what; a constant stretch is one tick."""
    at = np.concatenate([[0], run.changes])
    return at, run.used[at]


def _read_back(run: Run, rates: np.ndarray, most: float) -> np.ndarray | None:
    """The t in (0, most) at which the plan has each of `rates`, while it only rises or only falls."""
    grid = run.start * 0 + np.linspace(0.0, most, FINE)
    curve = run.plan.at(grid)
    if np.isnan(curve).any():
        return None
    steps = np.sign(np.diff(curve))
    if not steps[0] or not (steps == steps[0]).all():
        return None
    inside = (rates - curve[0]) * (rates - curve[-1]) < 0
    return _halved(run, rates, steps[0], most) if inside.all() else None


def _halved(run: Run, rates: np.ndarray, sign: float, most: float) -> np.ndarray | None:
    some = rates[np.unique(np.linspace(0, len(rates) - 1, 50).astype(int))]
    low, high = np.zeros(len(some)), np.full(len(some), most)
    for _ in range(60):
        middle = (low + high) / 2
        beyond = sign * (run.plan.at(middle) - some) > 0
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return low if run.alike(some, run.plan.at((low + high) / 2)).all() else None
