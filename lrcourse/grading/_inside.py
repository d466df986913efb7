"""lrcourse as a submission sees it in the grader's sandbox.

The schedules and the recorder are the real ones. What talks to a person (explorers, quizzes, the
instant feedback) is silent here: marks are decided outside, from the numbers that answers return.
"""

from lrcourse import schedules as _schedules
from lrcourse.recorder import trace
from lrcourse.schedules import SCHEDULES

_public = {
    name: value
    for name, value in vars(_schedules).items()
    if isinstance(value, type) and issubclass(value, _schedules.Twin) and name[0] != "_"
}
globals().update(_public)

__all__ = ["SCHEDULES", "trace", *_public]


class _Silent:
    """Takes any call and any attribute, and shows nothing."""

    def __call__(self, *_, **__):
        return _Silent()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return _Silent()

    def __repr__(self):
        return ""

    def award(self):
        """What nbgrader's own test cells would score: nothing, as marks come from outside."""
        return 0.0


_SILENT = ()  # filled in where the box is built: all that lrcourse loads on first use


def __getattr__(name):
    if name not in _SILENT:
        raise AttributeError(f"module 'lrcourse' has no attribute {name!r}")
    return _Silent()
