"""What the five lessons come down to, as a table."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Lesson:
    """One schedule in four short lines: `name` is what the races of the lessons call it."""

    name: str
    pattern: str
    best_for: str
    intuition: str


LESSONS = (
    Lesson(
        "step",
        "flat, then suddenly lower, again and again",
        "runs whose moments to drop you know",
        "drops suddenly at intervals: the noise settles within a few updates of the first drop",
    ),
    Lesson(
        "exponential",
        "the same share less at every step",
        "long runs on a noisy bowl, where its end is tuned as well; not seen on the network",
        "gradually slows down: the same share less at every update, so that most of the run is at small rates",
    ),
    Lesson(
        "cosine",
        "slow, fast, slow, down to zero",
        "runs of known length",
        "high at first, smooth cool-down: what counts is to get low, and not to dwell near zero",
    ),
    Lesson(
        "cyclical",
        "up and down between two bounds",
        "runs of unknown length, or with many places to stop",
        "let the rate breathe: a large rate leaves narrow wells, with cycles or without",
    ),
    Lesson(
        "one-cycle",
        "a single rise, then a long fall",
        "starts that are steep or unstable",
        "a single rise and fall: the rise allows a larger peak, the fall does the settling",
    ),
)


def summary(evidence: Any) -> pd.DataFrame:
    """The five schedules, one row each: pattern, best for, key intuition, and your evidence.

    `evidence`: a Series or dict from the name of a schedule ("step", "cosine", ...) to what the
    runs showed. Raises `ValueError` if it lacks one of the five: no line without its evidence.
    """
    missing = [lesson.name for lesson in LESSONS if lesson.name not in evidence]
    if missing:
        raise ValueError(f"evidence lacks {', '.join(missing)}: run them, then ask again")
    rows = {
        lesson.name: {
            "pattern": lesson.pattern,
            "best for": lesson.best_for,
            "key intuition": lesson.intuition,
            "evidence": evidence[lesson.name],
        }
        for lesson in LESSONS
    }
    return pd.DataFrame.from_dict(rows, orient="index")
