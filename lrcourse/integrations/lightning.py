"""A Lightning callback that records the rate of every update.

    from lrcourse.integrations.lightning import LearningRateTrace

    rates = LearningRateTrace()
    Trainer(callbacks=[rates]).fit(model, loader)
    print(rates.against(plan, steps_per_epoch=len(loader)))

Works with `lightning` and with `pytorch_lightning`, whichever your program has imported. Either is
loaded only when you ask for the callback.
"""

import sys
from functools import cache
from importlib import import_module
from typing import Any

from lrcourse.integrations._callback import Recording


def __getattr__(name: str) -> Any:
    if name != "LearningRateTrace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _callback(_library())


def _library() -> Any:
    """The one of Lightning's two packages that is in use: it refuses callbacks of the other."""
    names = ("lightning.pytorch", "pytorch_lightning")
    for name in sorted(names, key=lambda name: name not in sys.modules):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in ("lightning", *names):
                raise
    raise ModuleNotFoundError("Lightning is not installed: pip install lightning", name="lightning")


@cache
def _callback(library: Any) -> type:
    class LearningRateTrace(Recording, library.Callback):
        """Records while `Trainer.fit` runs; then `against(plan)` compares, `used` is the trace."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self._begin(trainer.optimizers)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self._end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            self._end()

    return LearningRateTrace
