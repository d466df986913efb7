"""The smallest problem on which a rise pays: two weights u and v, and a steep start.

    loss(u, v) = (u * v - 1) ** 2 / 2,    from u = 4, v = 0

Every point of the curve u * v = 1 is a bottom, of curvature u ** 2 + v ** 2: 2 at the flattest, and
about 16 near the start. A bottom of curvature h holds no rate above 2 / h. A rate that rises slowly
is thrown from a steep bottom to a flatter one; a rate that is high at once is thrown too far.

Source: the model of Kalra & Barkeshli (2024), arXiv 2406.09405, section 4, at its smallest.
"""

import numpy as np

from lrcourse._fields import whole
from lrcourse.schedules import Schedule

START = 4.0, 0.0
NOISE = 1e-6  # or a run could come to rest, exactly, on a bottom that is too steep to hold it
PEAKS = np.geomspace(0.05, 16, 200)


def end_of(schedule: Schedule, peaks: np.ndarray, steps: int = 2000) -> np.ndarray:
    """Where runs at these peaks end: u and v, shape (2, peaks); not finite if a run diverged."""
    random = np.random.default_rng(0)
    u, v = (np.full(len(peaks), place) for place in START)
    with np.errstate(all="ignore"):  # what diverges, overflows
        for share in schedule.with_peak(1.0)(np.arange(steps)):
            error, kick = u * v - 1, NOISE * random.standard_normal((2, len(peaks)))
            du, dv = error * v + kick[0], error * u + kick[1]
            u, v = u - share * peaks * du, v - share * peaks * dv
    return np.stack([u, v])


def largest_peak(schedule: Schedule, steps: int = 2000) -> float:
    """The largest of 200 peaks, 0.05 to 16, up to which every run arrives at a bottom.

    >>> from lrcourse import Constant
    >>> print(f"{largest_peak(Constant()):.2f}")
    0.24
    """
    u, v = end_of(schedule, PEAKS, whole("steps", steps))
    with np.errstate(all="ignore"):
        arrived = np.abs(u * v - 1) < 0.1
    lost = np.flatnonzero(~arrived)
    return float(PEAKS[(lost[0] if len(lost) else len(PEAKS)) - 1])
