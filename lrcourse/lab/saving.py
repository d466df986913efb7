"""A race in one file: numbers, and a page of JSON that says what they are. No code in it.

What is loaded can be asked all that a race can be asked. It cannot go on: a model is code.
"""

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrcourse.lab.outcome import Outcome
from lrcourse.lab.plans import Plan

FORMAT = "lrcourse race 2"
_BY_NAME = ("used", "curves", "averages", "losses", "accuracies")
_PLAIN = ("steps", "stopped", "shapes", "warnings", "edges")


@dataclass(frozen=True)
class TaskFacts:
    """What is kept of a task: how its scores are to be read."""

    name: str
    metric: str
    better: str
    exact: bool
    regime: str


class Savable(Outcome):
    """What came out of a race, and can be kept in a file."""

    optimizer: Any

    def save(self, path: Any) -> Path:
        """Write all of it into one file, as it is now, for `lab.load`. Returns the path.

        Raises `ValueError` if nothing has been judged yet.
        """
        facts = {
            "format": FORMAT,
            "task": {name: getattr(self.task, name) for name in TaskFacts.__annotations__},
            "optimizer": str(self.optimizer),
            "names": list(self.plans),
            "cycles": [plan.cycles_momentum for plan in self.plans.values()],
            "tables": {name: _written(getattr(self, name)) for name in ("tuning", "members")},
            **{name: getattr(self, name) for name in _PLAIN},
        }
        arrays: dict[str, Any] = {
            name: np.stack(list(getattr(self, name).values())) for name in _BY_NAME
        }
        arrays |= {
            name: np.asarray(getattr(self, name)) for name in ("marks", "done", "start", "seeds")
        }
        for name in ("lr", "momentum"):
            arrays[name] = np.stack([getattr(plan, name) for plan in self.plans.values()])
        target = Path(path)
        half_done = target.with_name(target.name + ".part")
        with open(half_done, "wb") as file:  # an open file: numpy adds no suffix of its own
            np.savez_compressed(file, facts=np.array(json.dumps(facts)), **arrays)
        os.replace(half_done, target)
        return target


class SavedRace(Savable):
    """A race as `lab.load` finds it: all that came out, nothing that trains."""

    optimizer: str

    def __init__(self, **records: Any) -> None:
        for name, value in records.items():
            setattr(self, name, value)

    def run(self, *_: Any, **__: Any) -> None:
        """A loaded race cannot go on: a model is code, and none is in the file."""
        raise ValueError(
            "a loaded race holds what came out, and nothing that trains: ask lab.race(...) once more; "
            "the same call gives the same numbers"
        )

    def __repr__(self) -> str:
        runs = f"{len(self.seeds)} seeds x {self.steps} updates"
        return f"<Saved race of {', '.join(self.plans)} on {self.task.name}: {runs}>"


def load(path: Any) -> SavedRace:
    """The race that `race.save(path)` wrote. Raises `ValueError` if the file is no such."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        facts = json.loads(str(arrays.pop("facts")))
        known = facts.pop("format") == FORMAT
    except FileNotFoundError:
        raise ValueError(f"there is no file {str(path)!r}") from None
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} holds no race: give what race.save(path) wrote") from error
    if not known:
        raise ValueError(f"{str(path)!r} is of another version of the course: save it anew there")
    names = facts.pop("names")
    cycles = facts.pop("cycles")
    plans = {
        name: Plan(name, lr, momentum, cycled)
        for name, lr, momentum, cycled in zip(names, arrays["lr"], arrays["momentum"], cycles)
    }
    tables = {name: _read(text) for name, text in facts.pop("tables").items()}
    by_name = {name: dict(zip(names, arrays[name])) for name in _BY_NAME}
    return SavedRace(
        task=TaskFacts(**facts.pop("task")),
        plans=plans,
        seeds=tuple(arrays["seeds"].tolist()),
        **{name: arrays[name] for name in ("marks", "done", "start")},
        **(facts | tables | by_name),
    )


def _written(table: Any) -> str | None:
    return None if table is None else table.to_json(orient="table", double_precision=15)


def _read(text: str | None) -> Any:
    import pandas as pd

    return None if text is None else pd.read_json(io.StringIO(text), orient="table")
