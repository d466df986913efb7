"""Curves of schedules: what is drawn of them, and the numbers that are written about them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrcourse.schedules import Schedule

FULL = 700  # pixels of the page: the width of the figure where there is room, and of what is stored
MOST_SAMPLES = 800  # points of a drawn curve: more than there are pixels
ALL_EXACT = 20_000  # updates up to which the readout looks at every single one


@dataclass(frozen=True)
class Curve:
    """A schedule at the drawn updates: `rate` and `momentum` (or None), NaN where there is none;
    `end`: the update at which the schedule has reached its own end, None if it has none."""

    rate: np.ndarray
    momentum: np.ndarray | None
    end: float | None

    def for_browser(self) -> dict:
        momentum = None if self.momentum is None else to_bytes(self.momentum)
        return {"rate": to_bytes(self.rate), "momentum": momentum, "end": self.end}


@dataclass(frozen=True)
class Pin:
    schedule: Schedule
    text: str


def natural_width(schedule: Schedule) -> int:
    """Updates enough to see a schedule, and where it has an end, a quarter more."""
    return max(20, schedule.horizon, math.ceil(1.25 * (schedule.end or 0)))


def curve_of(schedule: Schedule, t: np.ndarray) -> Curve:
    # One past its last update, PyTorch still sets a rate; after that it raises.
    there = t <= schedule.last + 1
    rate = np.full(t.shape, np.nan)
    rate[there] = schedule(t[there])
    momentum = None
    if schedule.momentum(0) is not None:
        momentum = np.full(t.shape, np.nan)
        momentum[there] = schedule.momentum(t[there])
    return Curve(rate, momentum, schedule.end)


def texts(schedule: Schedule, run: int) -> dict:
    """What is written about a schedule in a run so long: the readout and the PyTorch line."""
    try:
        code = schedule.code()
    except ValueError as problem:  # not every row of schedules has a twin
        code = "".join(f"# {line}\n" for line in str(problem).split(": ", 1)).rstrip()
    return {"readout": _readout(schedule, run), "code": code}


def _readout(schedule: Schedule, run: int) -> list[tuple[str, str]]:
    """The rate at start, middle and end of the run; the largest; and when it is nearly gone.

    Of a schedule that cannot go on as long, up to its last update.
    """
    updates = int(min(run, schedule.last + 1))
    stride = nice(updates / ALL_EXACT, whole_only=True)
    t = np.arange(0, updates, stride)
    rate = schedule(t)
    middle, last = updates // 2, updates - 1
    about = "about " if stride > 1 else ""
    peak = int(np.argmax(rate))
    low = np.flatnonzero(rate[peak:] < 0.01 * rate[peak])
    largest = f"largest, {about}t = {t[peak]}" if peak else "largest, at the start"
    return [
        ("start", short(rate[0])),
        (f"middle, t = {middle}", short(schedule(middle))),
        (f"end, t = {last}", short(schedule(last))),
        (largest, short(rate[peak])),
        (
            "below 1 % of peak",
            f"from {about}t = {t[peak + low[0]]}" if low.size else f"not by t = {last}",
        ),
        *_momentum(schedule, t),
    ]


def _momentum(schedule: Schedule, t: np.ndarray) -> list[tuple[str, str]]:
    """What the momentum does meanwhile, of a schedule that moves it."""
    if not schedule.cycles_momentum:
        return []
    momentum = np.asarray(schedule.momentum(t))
    far = int(np.argmax(np.abs(momentum - momentum[0])))
    turn = f", at t = {t[far]} {short(momentum[far])}" if 0 < far < len(t) - 1 else ""
    return [("momentum", f"{short(momentum[0])}{turn}, at the end {short(momentum[-1])}")]


def short(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def nice(least: float, whole_only: bool = False) -> Any:
    """The smallest of 1, 2, 5, 10, 20, 50, ... (or 0.1, 0.2, ...) that is at least `least`."""
    if whole_only and least <= 1:
        return 1
    power = math.floor(math.log10(least))
    values = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    nice = next(v for v in values if v >= least * (1 - 1e-9))
    return int(nice) if whole_only else nice


# Limits of the axes


DECADES = 5  # of a logarithmic axis, at most: a rate of 0 has no place on it


def rate_limits(rates: np.ndarray, log: bool = False) -> tuple:
    """From 0, or as far below as the curve goes, to a tenth above a round number.

    On a logarithmic axis, which is the third of the limits, from a power of ten on.
    """
    rates = rates[np.isfinite(rates)]
    if log and (rates > 0).any():
        top = 1.1 * nice(float(rates.max()))
        least = max(float(rates[rates > 0].min()), top / 10**DECADES)
        return 10.0 ** math.floor(math.log10(least * 0.999)), float(f"{top:.6g}"), "log"
    highest, lowest = rates.max(initial=0.0), rates.min(initial=0.0)
    top = 1.1 * nice(max(highest, -lowest / 2) or 0.1)
    return (0.0 if lowest >= 0 else -1.1 * nice(-lowest)), float(f"{top:.6g}")


def momentum_limits(momenta: np.ndarray) -> tuple[float, float]:
    momenta = momenta[np.isfinite(momenta)]
    lowest = momenta.min(initial=0.82)
    return max(0.0, math.floor((lowest - 0.02) * 10) / 10), 1.0


# For the browser


def to_bytes(values: np.ndarray) -> bytes:
    return np.asarray(values, dtype="<f4").tobytes()


def to_floats(buffer: bytes) -> np.ndarray:
    return np.frombuffer(buffer, dtype="<f4").astype(float)
