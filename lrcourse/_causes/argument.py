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
        return _told(f"of t between {t.min():.3g} and {t.max():.3g}, not whole", at[1])
    return None


def loss_on_a_stair(run: Run) -> Finding | None:
    """The stairs of the plan, taken from far down to the top: a loss begins high, and falls."""
    at, rates = _ticks(run)
    curve = run.plan.at(np.linspace(0.0, FINE - 1, 2 * FINE - 1))
    falls = np.diff(curve)
    if run.start or len(rates) < 3 or np.isnan(curve).any() or (falls > 0).any():
        return None
    stairs = curve[np.concatenate([[True], falls < 0])]
    if not 2 <= len(stairs) < FINE or not run.same(rates[0], stairs[0]):
        return None
    fits = run.alike(rates[1:, None], stairs[None, :])
    if not fits.any(axis=1).all():
        return None
    stair = fits.argmax(axis=1)  # of each tick after the first
    back = (np.diff(stair) < 0).sum()
    if stair[0] < 1 or stair[-1] >= stair[0] or back <= len(stair) // 2 - 1:
        return None
    return _told("of the plan's stairs, taken from below to the top", at[1])


def _told(which: str, from_update: int) -> Finding:
    return Finding(
        f"the rates are those {which}: as when scheduler.step(loss) is called, which takes its "
        f"argument, the loss, for the epoch. It was harmless before update {from_update}",
        "call scheduler.step() without an argument: only ReduceLROnPlateau takes the loss",
        "",
        "scheduler.step(loss)",
        "scheduler.step()",
    )


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
