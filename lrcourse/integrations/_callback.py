"""What the callbacks share: a trace that begins with the training and ends with it."""

from typing import Any

from lrcourse._report import Report
from lrcourse.recorder import Trace, Traces, trace


class Recording:
    """The traces of a training that a library runs.

    `used` is the trace of its optimizer, once training has begun; `traces` has one for each, where
    there are several.
    """

    def __init__(self) -> None:
        self.traces: Traces | None = None
        self._records = False

    @property
    def used(self) -> Trace:
        """What the optimizer used: a trace, as `lrcourse.trace` gives it."""
        if self.traces is None:
            raise ValueError(
                "nothing was recorded yet: hand this callback to the trainer, and train"
            )
        if len(self.traces) > 1:
            raise ValueError(f"{len(self.traces)} optimizers were traced: look at `traces`")
        return self.traces[0]

    def against(self, plan: Any, **options: Any) -> Report:
        """Compare with `plan`, as `Trace.against` does."""
        return self.used.against(plan, **options)

    def _begin(self, optimizers: list) -> None:
        if not self._records:
            self.traces = trace(list(optimizers))
            self.traces.__enter__()
            self._records = True

    def _end(self) -> None:
        if self._records and self.traces is not None:
            self.traces.__exit__(None, None, None)
            self._records = False
