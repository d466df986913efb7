"""lrcourse as a submission sees it in the grader's sandbox.

The schedules, the recorder and the lab are the real ones, the lab with less to train. What talks to
a person (explorers, quizzes, the instant feedback) is silent here, and behaves in arithmetic, loops
and tables: marks are decided outside, from the numbers that answers return.
"""

import json
import time
from importlib import import_module
from inspect import signature
from pathlib import Path

from lrcourse import schedules as _schedules
from lrcourse.recorder import trace
from lrcourse.schedules import SCHEDULES, warmup_stable_decay

_public = {
    name: value
    for name, value in vars(_schedules).items()
    if isinstance(value, type) and issubclass(value, _schedules.Twin) and name[0] != "_"
}
globals().update(_public)

__all__ = ["SCHEDULES", "check", "progress", "trace", "warmup_stable_decay", *_public]


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
_SECONDS = 5.0  # of a race


def _limited(race):
    """The lab's `race` on a few seeds, stopped when it takes too long. The rest is as it is."""

    taken = signature(race).parameters

    def limited(*schedules, **options):
        until = time.monotonic() + _SECONDS

        def stops(running):
            if time.monotonic() > until:
                running.stop()

        for name, most in [one for one in _FEW.items() if one[0] in taken]:
            if type(options.setdefault(name, most)) is int:
                options[name] = min(options[name], most)
        done = race(*schedules, **{**options, "on_progress": stops, "progress": False})
        try:
            done.table()
        except Exception:  # stopped too early to say anything
            return _Silent()
        return done

    return limited


class _Lab:
    """The lab, which takes a while to load: at the first use of it, not at its import."""

    def __getattr__(self, name):
        return getattr(import_module("lrcourse.lab"), name)


def __getattr__(name):
    if name == "lab":
        return _Lab()
    if name not in _SILENT:
        raise AttributeError(f"module 'lrcourse' has no attribute {name!r}")
    return _Silent()
