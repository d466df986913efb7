"""How rates look, in words: "falls linearly from 0.1 to 0.001"."""

import numpy as np


def looks(rates: np.ndarray) -> str:
    """What a stretch of rates does, as "the rate ..." would go on."""
    first, last = f"{rates[0]:.6g}", f"{rates[-1]:.6g}"
    if len(rates) == 1 or np.ptp(rates) <= 1e-12 * np.abs(rates).max():
        return f"is {first}" if len(rates) == 1 else f"stays at {first}"
    steps = np.diff(rates)
    if (steps <= 0).all() or (steps >= 0).all():
        verb = "falls" if rates[-1] < rates[0] else "rises"
        return f"{verb} {_manner(rates, steps)}from {first} to {last}"
    return _turns(rates)


def _manner(rates: np.ndarray, steps: np.ndarray) -> str:
    moves = int(np.count_nonzero(steps))
    if moves <= max(1, len(steps) // 4):
        return f"in {moves} step{'s' * (moves > 1)} "
    if _even(steps):
        return "linearly "
    if (rates > 0).all() and _even(np.diff(np.log(rates))):
        return "exponentially "
    done = (1 - np.cos(np.pi * np.arange(len(rates)) / (len(rates) - 1))) / 2
    cosine = rates[0] + (rates[-1] - rates[0]) * done
    return "along half a cosine " if np.abs(rates - cosine).max() < 0.01 * np.ptp(rates) else ""


def _even(steps: np.ndarray) -> bool:
    return bool(np.ptp(steps) <= 1e-3 * np.abs(steps).max())


def _turns(rates: np.ndarray) -> str:
    steps = np.sign(np.diff(rates))
    steps = steps[steps != 0]
    turns = np.count_nonzero(np.diff(steps))
    low, high = f"{rates.min():.6g}", f"{rates.max():.6g}"
    if turns == 1:
        way = "rises to" if steps[0] > 0 else "falls to"
        return f"{way} {high if steps[0] > 0 else low} and then goes to {rates[-1]:.6g}"
    if turns > len(rates) / 4:
        return f"jumps about between {low} and {high}"
    return f"goes up and down between {low} and {high}, turning {turns} times"


def times_planned(factor: float, floor: float) -> str:
    """What floor + factor * (planned - floor) is of the plan."""
    than = f"as far above {floor:.6g} as planned" if floor else "the planned one"
    return f"{factor:.6g} times {than}"
