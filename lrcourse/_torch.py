"""PyTorch is an extra: whoever imports it where it is not installed is told how to get it.

What trains needs it: the lab, `noisy_batch` and its kin, a schedule's PyTorch twin. The explorers,
predictions, quizzes and most exercises do without.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

HOW = (
    "PyTorch is not installed, and what trains needs it: pip install 'lrcourse[train]' (or, to have "
    "no CUDA on Linux: uv pip install --torch-backend cpu 'lrcourse[train]'). Explorers, "
    "predictions, quizzes and formulas work without it"
)


class Missing(MetaPathFinder):
    """Asked last of all: when `torch` is imported and nobody has it, say how to get it.

    Who only looks whether it is there (`importlib.util.find_spec`) is told that it is not, as ever.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        if name.partition(".")[0] == "torch" and _is_import():
            raise ModuleNotFoundError(HOW, name="torch")


def _is_import() -> bool:
    """Whether an import statement asks, two calls above the finder."""
    return sys._getframe(3).f_code.co_name == "_find_and_load_unlocked"


class Later(ModuleType):
    """Stands for a module that needs PyTorch: to import it is fine, to use it is explained."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModuleNotFoundError(HOW, name="torch")


def explain() -> None:
    """From now on an `import torch` that fails says how to get it."""
    if not any(isinstance(finder, Missing) for finder in sys.meta_path):
        sys.meta_path.append(Missing())
