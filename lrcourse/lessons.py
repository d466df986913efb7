"""What the five lessons come to, as a table: the five sayings, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Lesson:
    """One schedule: `name` is what the races of the lessons call it.

    `saying` is what people say of it, in their words. `found` is what the lessons' races showed of
    that, each part with the lesson that has its evidence.
    """

    name: str
    pattern: str
    saying: str
    found: str


LESSONS = (
    Lesson(
        "step",
        "flat, then suddenly lower, again and again",
        "sudden drops after milestones, simple CNN/MLP training",
        "The drop of the loss is real (lesson 1). If the drops come late: on an MLP close behind a "
        "straight line, on a CNN not told from the best. In equal thirds far behind.",
    ),
    Lesson(
        "exponential",
        "the same share less at every step",
        "gradual slowdown, long runs",
        "The slowdown pays, and its end share decides (lesson 2). Long runs: on a bowl it leads at "
        "every length, on the network it is behind in short and in long runs.",
    ),
    Lesson(
        "cosine",
        "slow, fast, slow, down to zero",
        "smooth cool-down, modern nets (transformers, CNNs)",
        "The cool-down pays, its shape hardly counts, zero is not needed (lesson 3). On a CNN and a "
        "transformer it ended ahead of a constant rate, on one set of seeds. Popular, as recipes show.",
    ),
    Lesson(
        "cyclical",
        "up and down between two bounds",
        "periodic exploration, escapes minima, generalises",
        "A large rate escapes, with cycles or without. Pays where the length is unknown (lesson 4). "
        "Better generalisation: not shown.",
    ),
    Lesson(
        "one-cycle",
        "a single rise, then a long fall",
        "quick exploration, fine convergence, faster, better minima, used in fastai",
        "The rise allows a larger peak where the start is steep, the fall converges. Faster than a "
        "constant rate by a factor of two; better minima than others that fall: not seen (lesson 5).",
    ),
)


def summary(races: Mapping[str, Any]) -> pd.DataFrame:
    """The five schedules, one row each: the pattern, the saying, what was found, and your races.

    `races`: what to call it -> a race that has all five; its column says how far each schedule is behind
    the best, and ≈ if it is not told from it. Raises `ValueError` if a race lacks one of the five:
    no line without its evidence.
    """
    rows = {
        lesson.name: {
            "pattern": lesson.pattern,
            "what people say": lesson.saying,
            "what was found": lesson.found,
            **{name: _standing(race, lesson.name) for name, race in races.items()},
        }
        for lesson in LESSONS
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _standing(race: Any, name: str) -> str:
    table = race.table()
    if name not in table.index:
        raise ValueError(f"the race has no {name!r}, only {', '.join(table.index)}: race all five")
    row = table.loc[name]
    if row["behind"] == 0:
        return f"{row['mean']:.3f}, the best"
    return f"{row['mean']:.3f}, {row['behind']:.3f} ± {row['±']:.3f} behind {row['≈']}".strip()
