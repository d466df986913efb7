"""A callback for the transformers `Trainer` that records the rate of every update.

    from lrcourse.integrations.transformers import LearningRateTrace

    rates = LearningRateTrace()
    Trainer(model, args, train_dataset=data, callbacks=[rates]).train()
    print(rates.against(plan))

The library is loaded only when you ask for the callback.
"""

from functools import cache
from typing import Any

from lrcourse.integrations._callback import Recording


def __getattr__(name: str) -> Any:
    if name != "LearningRateTrace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _callback()


@cache
def _callback() -> type:
    from transformers import TrainerCallback

    class LearningRateTrace(Recording, TrainerCallback):
        """Records while `Trainer.train` runs; then `against(plan)` compares, `used` is the trace."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kept: Any) -> None:
            self._begin([kept["optimizer"]])

        def on_train_end(self, args: Any, state: Any, control: Any, **kept: Any) -> None:
            self._end()

    return LearningRateTrace
