"""lrcourse: learning-rate schedules you can read, see, move and train with.

The schedules are here at once. What needs PyTorch, matplotlib or ipywidgets is loaded on first
use, so that `import lrcourse` stays quick.
"""

from importlib import import_module
from typing import Any

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
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    Sequential,
    StepDecay,
    WarmRestarts,
)

__version__ = "0.1.0"

_ON_FIRST_USE = {
    "trace": "lrcourse.recorder",
    "plan_of": "lrcourse.recipe",
    "check": "lrcourse.checks",
    "progress": "lrcourse.checks",
    "explore": "lrcourse.explorer",
    "explore_landscape": "lrcourse.wanderer",
    "choose": "lrcourse.predict",
    "draw": "lrcourse.predict",
    "play": "lrcourse.player",
    "ball": "lrcourse.player",
    "quiz": "lrcourse.questions",
    "summary": "lrcourse.lessons",
    "bench": "lrcourse.workbench",
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
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "Sequential",
    "StepDecay",
    "WarmRestarts",
]


def __getattr__(name: str) -> Any:
    if name == "lab":
        return import_module("lrcourse.lab")
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'lrcourse' has no attribute {name!r}")
    return getattr(import_module(_ON_FIRST_USE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE, "lab"})
