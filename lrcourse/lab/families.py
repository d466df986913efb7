"""Families: schedules whose shape is tuned as their peak is.

"Linear beats step" says little if step had to drop at half of the run, and linear could not be
wrong. In a race of families each runs at the shape that is best for it, chosen among a few on seeds
that nobody is judged on.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lrcourse.lab.plans import schedules_named, shapes
from lrcourse.schedules import (
    Constant,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    Schedule,
    warmup_stable_decay,
)

MOST = 6
"""Shapes of a family. Of more, the best of a chance draw comes out ahead too often."""


def families(steps: int, cycle_momentum: bool = True) -> dict[str, dict[str, Schedule]]:
    """Nine families, each a few shapes for a run of `steps` updates: name -> shape -> schedule.

    constant             no shape
    step                 when it drops, and by how much
    exponential          the share of the peak that it ends at
    cosine, linear       how far down they go
    one-cycle            `pct_start`, the share of the run that climbs
    cyclical             how many triangles
    warmup-stable-decay  5 % up; the share that comes down, in a line or as 1 - sqrt
    warm-up + cosine     the share that climbs

    >>> list(families(200)["linear"])
    ['to 0', 'to 3 %', 'to 10 %', 'to 20 %', 'to 30 %']
    """
    if steps < 40:
        raise ValueError(f"steps must be at least 40 for all shapes to fit, got {steps!r}")
    ends, cycled = (0.0, 0.03, 0.1, 0.2, 0.3), cycle_momentum
    drops = {
        "at 50 and 75 % by 10": ((0.5, 0.75), 10),
        "at 60 and 85 % by 5": ((0.6, 0.85), 5),
        "at 75 and 90 % by 5": ((0.75, 0.9), 5),
        "at 70 % by 10": ((0.7,), 10),
        "at 80 % by 10": ((0.8,), 10),
        "at 40, 60 and 80 % by 3": ((0.4, 0.6, 0.8), 3),
    }
    coolings: dict[str, dict[str, Any]] = {
        f"{100 * share:g} % down{how}": {"decay_share": share, "shape": shape}
        for how, shape in (("", "linear"), (" as 1 - sqrt", "1-sqrt"))
        for share in (0.2, 0.4, 0.7)
    }
    return {
        "constant": {"": Constant(lr=0.1)},
        "step": {label: _drops(steps, *how) for label, how in drops.items()},
        "exponential": {
            _to(end): ExponentialDecay(lr=0.1, gamma=end ** (1 / steps))
            for end in (0.3, 0.1, 0.03, 0.01)
        },
        "cosine": {_to(e): CosineAnnealing(lr=0.1, T_max=steps, eta_min=0.1 * e) for e in ends},
        "linear": {_to(e): Polynomial(lr=0.1, total_iters=steps, eta_min=0.1 * e) for e in ends},
        "cyclical": {
            f"{n} {'triangle' if n == 1 else 'triangles'}": Cyclical(
                base_lr=0.01,
                max_lr=0.1,
                step_size_up=max(1, steps // (2 * n)),
                cycle_momentum=cycled,
            )
            for n in (1, 2, 4, 8)
        },
        "one-cycle": {
            _up(share): OneCycle(
                max_lr=0.1, total_steps=steps, pct_start=share, cycle_momentum=cycled
            )
            for share in (0.05, 0.1, 0.2, 0.3, 0.5)
        },
        "warmup-stable-decay": {
            label: warmup_stable_decay(lr=0.1, total_steps=steps, **how)
            for label, how in coolings.items()
        },
        "warm-up + cosine": {
            _up(share): _warm(steps, share).then(
                CosineAnnealing(lr=0.1, T_max=steps - _updates(steps, share)),
                at=_updates(steps, share),
            )
            for share in (0.025, 0.05, 0.1, 0.2)
        },
    }


def _to(end: float) -> str:
    return f"to {100 * end:g} %" if end else "to 0"


def _up(share: float) -> str:
    return f"{100 * share:g} % up"


def _updates(steps: int, share: float) -> int:
    return max(1, round(share * steps))


def _drops(steps: int, shares: tuple[float, ...], by: float) -> Schedule:
    return MultiStepDecay(
        lr=0.1, milestones=[_updates(steps, share) for share in shares], gamma=1 / by
    )


def _warm(steps: int, share: float) -> LinearWarmup:
    up = _updates(steps, share)
    return LinearWarmup(lr=0.1, start_factor=1 / up, total_iters=up)


def entries_named(given: Any, steps: int, momentum: float) -> dict[str, dict[str, Any]]:
    """What races, by name: each entry a dict of shapes, mostly of one.

    `given`: schedules as in `schedules_named`, where an entry may be a family: a list of schedules,
    or a dict that names them. Or a function of the budget that returns such.
    """
    if callable(given) and not isinstance(given, Schedule):
        made = _called(given, steps, momentum)
        given = given if made is None else made
    if not isinstance(given, Mapping):
        return {
            name: {"": shape} for name, shape in schedules_named(given, steps, momentum).items()
        }
    flat = schedules_named(given, steps, momentum)
    return {name: _shapes(name, entry) for name, entry in flat.items()}


def _called(function: Any, steps: int, momentum: float) -> Any:
    """What a function of the budget returns, if it returns schedules; a schedule is one of t."""
    if function in (families, shapes):
        return function(steps, cycle_momentum=momentum > 0)
    try:
        made = function(steps)
    except Exception:
        return None
    return made if isinstance(made, Mapping | list | tuple) else None


def _shapes(name: str, entry: Any) -> dict[str, Any]:
    if isinstance(entry, Mapping):
        shapes = {str(label): schedule for label, schedule in entry.items()}
    elif isinstance(entry, Iterable) and not isinstance(entry, str | Schedule):
        shapes = {f"shape {i}": schedule for i, schedule in enumerate(entry, start=1)}
    else:
        return {"": entry}
    if not 1 <= len(shapes) <= MOST:
        raise ValueError(
            f"the family {name!r} must have 1 to {MOST} shapes, got {len(shapes)}: of more, "
            f"the best by chance comes out ahead too often"
        )
    return shapes
