"""lrcourse: learning-rate schedules you can read, see, move and train with.

The schedules are here at once. What needs PyTorch, matplotlib or ipywidgets is loaded on first
use, so that `import lrcourse` stays quick. PyTorch is an extra: see `_torch.py`.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lrcourse._torch import Later, explain
from lrcourse.schedules import (
    SCHEDULES,
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    InverseSqrt,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    OneMinusSqrt,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    Sequential,
    StepDecay,
    WarmRestarts,
    warmup_stable_decay,
)

if TYPE_CHECKING:  # what is loaded on first use, for editors
    from lrcourse import lab as lab
    from lrcourse.checks import check as check
    from lrcourse.checks import progress as progress
    from lrcourse.checks import variant as variant
    from lrcourse.grading.selfcheck import hand_in as hand_in
    from lrcourse.lessons import summary as summary
    from lrcourse.recipe import plan_of as plan_of
    from lrcourse.recorder import trace as trace
    from lrcourse.widgets.bench import bench as bench
    from lrcourse.widgets.cloud import cloud as cloud
    from lrcourse.widgets.decide import decide as decide
    from lrcourse.widgets.explore import explore as explore
    from lrcourse.widgets.landscape import explore_landscape as explore_landscape
    from lrcourse.widgets.play import ball as ball
    from lrcourse.widgets.play import play as play
    from lrcourse.widgets.predict import choose as choose
    from lrcourse.widgets.predict import draw as draw
    from lrcourse.widgets.quiz import quiz as quiz
    from lrcourse.widgets.seed_dial import seed_dial as seed_dial
    from lrcourse.widgets.sharpness import sharpness as sharpness
    from lrcourse.widgets.trunk import trunk_and_branches as trunk_and_branches
    from lrcourse.widgets.wells import wells as wells
    from lrcourse.written import match as match

__version__ = "0.2.0"

_ON_FIRST_USE = {
    "trace": "lrcourse.recorder",
    "plan_of": "lrcourse.recipe",
    "check": "lrcourse.checks",
    "progress": "lrcourse.checks",
    "variant": "lrcourse.checks",
    "hand_in": "lrcourse.grading.selfcheck",
    "explore": "lrcourse.widgets.explore",
    "explore_landscape": "lrcourse.widgets.landscape",
    "choose": "lrcourse.widgets.predict",
    "decide": "lrcourse.widgets.decide",
    "draw": "lrcourse.widgets.predict",
    "play": "lrcourse.widgets.play",
    "ball": "lrcourse.widgets.play",
    "cloud": "lrcourse.widgets.cloud",
    "sharpness": "lrcourse.widgets.sharpness",
    "wells": "lrcourse.widgets.wells",
    "seed_dial": "lrcourse.widgets.seed_dial",
    "trunk_and_branches": "lrcourse.widgets.trunk",
    "quiz": "lrcourse.widgets.quiz",
    "summary": "lrcourse.lessons",
    "match": "lrcourse.written",
    "bench": "lrcourse.widgets.bench",
}

__all__ = [
    "SCHEDULES",
    "Constant",
    "CosineAnnealing",
    "Custom",
    "Cyclical",
    "ExponentialDecay",
    "InverseSqrt",
    "LinearWarmup",
    "MultiStepDecay",
    "OneCycle",
    "OneMinusSqrt",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "Sequential",
    "StepDecay",
    "WarmRestarts",
    "warmup_stable_decay",
]


explain()


def _lab() -> ModuleType:
    """The lab; without PyTorch, what says how to get it when it is used."""
    try:
        return import_module("lrcourse.lab")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return Later("lrcourse.lab")


if not TYPE_CHECKING:  # or editors would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name == "lab":
            return _lab()
        if name not in _ON_FIRST_USE:
            raise AttributeError(f"module 'lrcourse' has no attribute {name!r}")
        return getattr(import_module(_ON_FIRST_USE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE, "lab"})
