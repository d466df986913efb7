"""Shapes that are tried by hand, counted: they are members of a family, too.

Whoever writes twenty functions and keeps the one that won has picked the best of twenty, on the
seeds that then speak for it. The lab remembers, as long as Python runs, which shapes of your own
have raced on which seeds, and says when it is time for new ones.
"""

from typing import Any

from lrcourse.schedules import Custom, ReduceOnPlateau, Schedule

_tried: dict[tuple, dict[bytes, set[int]]] = {}


def tries_by_hand(race: Any) -> dict[str, int]:
    """Of each entry of your own: how many shapes you have raced under its name on these seeds.

    Shapes, not peaks: a rate table counts once, whatever it is scaled by.
    """
    counts = {}
    for name, entry in race._entries.items():
        shapes = list(entry.shapes.values())
        if len({id(s) for s in shapes}) == 1 and is_by_hand(shapes[0]):
            counts[name] = _count(race, name, shapes[0])
    return counts


def is_by_hand(schedule: Any) -> bool:
    """Whether it is a function of the learner's, not a schedule of the course."""
    return isinstance(schedule, Custom) or not isinstance(schedule, Schedule | ReduceOnPlateau)


def _count(race: Any, name: str, schedule: Any) -> int:
    from lrcourse.lab.plans import plan

    lr = plan(name, schedule, race.steps, race.optimizer.momentum).lr
    shape = (lr / max(lr.max(), 1e-300)).round(9).tobytes()
    tried = _tried.setdefault((race.task.name, race.steps, repr(race.optimizer), name), {})
    tried.setdefault(shape, set()).update(race.seeds)
    return sum(not seeds.isdisjoint(race.seeds) for seeds in tried.values())


def said_of(counts: dict[str, int], seeds: tuple[int, ...]) -> list[str]:
    """A sentence for each entry of which more than one shape was tried."""
    first = max(seeds) + 1
    fresh = f"seeds=range({first}, {first + max(len(seeds), 32)})"
    return [
        f"Careful: this is shape {count} that you try as {name} on these seeds, and the best of "
        f"{count} is ahead by luck too often. For the last word take new seeds: {fresh}"
        for name, count in counts.items()
        if count > 1
    ]
