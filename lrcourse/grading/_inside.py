"""lrcourse as a submission sees it in the grader's sandbox.

The schedules, the recorder and the lab are the real ones, the lab with less to train. What talks to
a person (explorers, quizzes, the instant feedback) is silent here, and behaves in arithmetic, loops
and tables: marks are decided outside, from the numbers that answers return.
"""

import json
import time
from pathlib import Path

from lrcourse import schedules as _schedules
from lrcourse.recorder import trace
from lrcourse.schedules import SCHEDULES

_public = {
    name: value
    for name, value in vars(_schedules).items()
    if isinstance(value, type) and issubclass(value, _schedules.Twin) and name[0] != "_"
}
globals().update(_public)

__all__ = ["SCHEDULES", "check", "progress", "trace", *_public]


class _Silent(float):
    """0.0, which takes any call, attribute, entry and loop besides, and shows nothing."""

    def __new__(cls, *_, **__):
        return float.__new__(cls, 0.0)

    def __call__(self, *_, **__):
        return _Silent()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return _Silent()

    def __getitem__(self, _):
        return _Silent()

    def __setitem__(self, *_):
        pass

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __contains__(self, _):
        return True

    def __index__(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def __repr__(self):
        return ""

    __str__ = __repr__

    def __format__(self, _):
        return ""


class _Result(_Silent):
    """What `check` hands back: right, with points, as for a learner who is done."""

    id, right, says, note = "", True, "", ""
    points = of = 1.0

    def award(self):
        """What nbgrader's own test cells would score: nothing, as marks come from outside."""
        return 0.0


_on_check = None  # the worker looks at what is handed to `check`


def check(task_id=None, answer=None, *_, **__):
    """Silent here. What is handed over is what the grader calls, if nothing else is plain."""
    if _on_check is not None:
        _on_check(task_id, answer)
    result = _Result()
    result.id = str(task_id)
    return result


def progress():
    """The table of the course's exercises, with nothing reached."""
    import pandas as pd

    tasks = json.loads((Path(__file__).parent / "public.json").read_text(encoding="utf-8"))
    rows = {i: {**about, "points": f"- of {about['points']}", "tries": 0} for i, about in tasks}
    return pd.DataFrame.from_dict(rows, orient="index")


_SILENT = ()  # filled in where the box is built: all that lrcourse loads on first use
_FEW = {"seeds": 6, "tune_seeds": 3}
_SECONDS = 4.0  # of a race


class _Lab:
    """The real lab, whose races are judged on a few seeds, and stopped when they take too long."""

    def __getattr__(self, name):
        from importlib import import_module

        return getattr(import_module("lrcourse.lab"), name)

    def race(self, *schedules, **options):
        from importlib import import_module

        until = time.process_time() + _SECONDS

        def stops(race):
            if time.process_time() > until:
                race.stop()

        few = {
            name: min(n, most)
            for name, most in _FEW.items()
            if type(n := options.get(name, most)) is int
        }
        options = {**options, **few, "on_progress": stops, "progress": False}
        try:
            race = import_module("lrcourse.lab").race(*schedules, **options)
            race.table()
        except Exception:
            return _Silent()
        return race


def __getattr__(name):
    if name == "lab":
        return _Lab()
    if name not in _SILENT:
        raise AttributeError(f"module 'lrcourse' has no attribute {name!r}")
    return _Silent()
