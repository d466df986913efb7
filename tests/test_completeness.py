"""What a new schedule still lacks, told to its maintainer in sentences.

Run `pytest tests/test_completeness.py` after adding a schedule, and do what it says. The steps
are in CONTRIBUTING.md.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from schedules import TABLE

import lrcourse
from lrcourse import schedules
from lrcourse.schedules import Schedule

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"

# Made from parts that the learner gives: they have no defaults, and no place in SCHEDULES.
FROM_PARTS = (lrcourse.Custom, lrcourse.Sequential)

# Nobody has to be credited for them.
WITHOUT_SOURCE = (lrcourse.Constant, *FROM_PARTS)


def written() -> list[type[Schedule]]:
    """Every schedule that `schedules.py` defines, listed in SCHEDULES or not."""
    classes = [c for _, c in inspect.getmembers(schedules, inspect.isclass)]
    own = [c for c in classes if issubclass(c, Schedule) and c is not Schedule]
    return [c for c in own if c.__module__ == schedules.__name__ and c not in FROM_PARTS]


def lacks(kind: type[Schedule]) -> list[str]:
    """What `kind` still lacks, a sentence each; [] if it is complete."""
    return [sentence for check in CHECKS for sentence in check(kind)]


def _listed(kind: type) -> Iterator[str]:
    name = kind.__name__
    if kind not in lrcourse.SCHEDULES:
        yield f"Add {name} to SCHEDULES, at the end of lrcourse/schedules.py."
    if getattr(lrcourse, name, None) is not kind or name not in lrcourse.__all__:
        yield f"Export {name} in lrcourse/__init__.py: import it, and name it in __all__."
    if not re.search(rf"`{name}`", CHANGELOG.read_text(encoding="utf-8")):
        yield f"Say in CHANGELOG.md what a learner can do with `{name}`."


def _described(kind: type) -> Iterator[str]:
    name, text = kind.__name__, inspect.cleandoc(kind.__dict__.get("__doc__") or "")
    if text.startswith(f"{name}(") or len(text.split("\n\n")[0].split()) < 4:
        yield f"Open the docstring of {name} with its picture in words."
    if not re.search(r"^ {4,}\S.* = ", text, re.M):
        yield f"Write the formula of {name}, in the names of its fields, into its docstring."
    if ">>>" not in text:
        yield f"Give the docstring of {name} a doctest: its rate at the edges and past the end."
    if "Source:" not in text and kind not in WITHOUT_SOURCE:
        yield f"Say in the docstring of {name} where it comes from: 'Source: author, year, equation'."
    if "PyTorch:" not in text:
        yield f"Say in the docstring of {name} which scheduler is its twin: 'PyTorch: `StepLR`, ...'."


def _declared(kind: type) -> Iterator[str]:
    for name in sorted(kind.__abstractmethods__):
        said = inspect.getdoc(getattr(Schedule, name)).split("\n")[0]
        yield f"Say in {kind.__name__} what its {name} is: {said}"


def _works(kind: type) -> Iterator[str]:
    name = kind.__name__
    if kind.__abstractmethods__:
        return
    try:
        schedule = kind()
    except Exception as error:
        yield f"Give every field of {name} a default: {name}() raises {_brief(error)}."
        return
    for check in (_formula, _prints, _has_width, _has_twin, _is_explored):
        try:
            yield from check(name, schedule)
        except Exception as error:
            yield f"{check.__doc__.format(name=name)}: it raises {_brief(error)}."


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _formula(name: str, schedule: Schedule) -> Iterator[str]:
    """Write the formula of {name} as _rate(t), an array in and an array out"""
    rates = schedule(np.arange(10))
    if rates.shape != (10,) or not np.isfinite(rates).all():
        yield f"_rate of {name} must give one finite rate for each t, got {rates!r}."
    if not np.allclose(rates, [schedule(t) for t in range(10)], rtol=1e-12, atol=0):
        yield f"{name} must give the same rate for a number as for the same number in an array."


def _prints(name: str, schedule: Schedule) -> Iterator[str]:
    """Let {name} print as what builds it"""
    if eval(repr(schedule), vars(lrcourse) | {name: type(schedule)}) != schedule:
        yield f"{name} must come back from what it prints: eval(repr(s)) == s."


def _has_width(name: str, schedule: Schedule) -> Iterator[str]:
    """Give {name} a horizon, the number of updates that shows its shape"""
    if not isinstance(schedule.horizon, int) or schedule.horizon < 2:
        yield f"The horizon of {name} must be a whole number of at least 2: {schedule.horizon!r}."


def _has_twin(name: str, schedule: Schedule) -> Iterator[str]:
    """Name the twin of {name} in _twin, a class of torch.optim.lr_scheduler"""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], momentum=0.9)
    twin = schedule.scheduler(optimizer)
    if type(twin).__name__ not in schedule.code():
        yield f"code() of {name} must show its twin, {type(twin).__name__}: {schedule.code()}."
    if not np.isclose(optimizer.param_groups[0]["lr"], schedule(0), rtol=1e-12, atol=0):
        yield f"The twin of {name} starts at another rate than {name}."


def _is_explored(name: str, schedule: Schedule) -> Iterator[str]:
    """Let {name} be explored: its fields need kinds that the explorer knows"""
    explorer = lrcourse.explore(schedule)
    if explorer.schedule != schedule or not explorer.controls:
        yield f"explore({name}()) shows no control for it: declare the fields with a(KIND, default)."


def _compared(kind: type) -> Iterator[str]:
    name, row = kind.__name__, TABLE.get(kind)
    if row is None:
        yield (
            f"Give {name} a row in TABLE, in tests/schedules.py: how to draw its parameters, so "
            f"that it is held against PyTorch, values to check by hand, and a run that it fits."
        )
        return
    if not any(type(schedule) is kind for schedule, _ in row.values):
        yield f"Give the row of {name} values that a person can check by hand."
    if not any(type(schedule) is kind for schedule, _ in row.fits):
        yield f"Give the row of {name} a run that it fits: settings, and how many updates."


CHECKS: tuple[Callable[[type], Iterator[str]], ...] = (
    _listed,
    _described,
    _declared,
    _works,
    _compared,
)


@pytest.mark.parametrize("kind", written(), ids=lambda kind: kind.__name__)
def test_schedule_is_complete(kind: type[Schedule]):
    """Each schedule is listed, described, compared with PyTorch, and can be explored."""
    missing = lacks(kind)

    assert not missing, "\n".join([f"{kind.__name__} is not complete:", *missing])


def test_all_listed_schedules_are_looked_at():
    """No schedule of SCHEDULES escapes the check."""
    assert set(lrcourse.SCHEDULES) <= set(written())


@pytest.mark.parametrize("kind", FROM_PARTS, ids=lambda kind: kind.__name__)
def test_schedule_from_parts_is_complete(kind: type[Schedule]):
    """A schedule that is made from parts is exported, described and compared all the same."""
    allowed = f"Add {kind.__name__} to SCHEDULES"
    missing = [*_listed(kind), *_described(kind), *_compared(kind)]
    missing = [sentence for sentence in missing if not sentence.startswith(allowed)]

    assert missing == []


@schedules.a_schedule
class Unfinished(Schedule):
    """Not much."""

    lr: float = schedules.a(schedules.RATE, 0.1)

    _twin = "NoSuchLR"
    end = None
    after_end = ""
    horizon = 1

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return np.full_like(t, self.lr)


@schedules.a_schedule
class WithoutDefault(Schedule):
    """A schedule whose one field has no default."""

    lr: float

    _twin = "ConstantLR"
    end = None
    after_end = ""
    horizon = 100

    def _rate(self, t: np.ndarray) -> np.ndarray:
        return np.full_like(t, self.lr)


@schedules.a_schedule
class Silent(Schedule):
    """A schedule that says nothing of itself, not even its formula."""

    lr: float = schedules.a(schedules.RATE, 0.1)


def test_an_unfinished_schedule_is_told_all_it_lacks():
    """For a schedule that is hardly begun, each missing thing is named in a sentence."""
    missing = "\n".join(lacks(Unfinished))

    for said in (
        "Add Unfinished to SCHEDULES",
        "Export Unfinished in lrcourse/__init__.py",
        "Say in CHANGELOG.md",
        "Open the docstring of Unfinished with its picture in words",
        "Write the formula of Unfinished",
        "a doctest",
        "'Source:",
        "'PyTorch:",
        "The horizon of Unfinished must be a whole number of at least 2",
        "Name the twin of Unfinished in _twin",
        "Give Unfinished a row in TABLE, in tests/schedules.py",
    ):
        assert said in missing


@pytest.mark.parametrize(
    "kind, said",
    [
        (WithoutDefault, "Give every field of WithoutDefault a default"),
        (Silent, "Say in Silent what its _rate is: The formula"),
        (Silent, "Say in Silent what its _twin is: The class in `torch.optim.lr_scheduler`"),
        (Silent, "Say in Silent what its end is: The update at which the schedule has said all"),
        (Silent, "Say in Silent what its after_end is: What comes after the end"),
        (Silent, "Say in Silent what its horizon is: How many updates show the shape"),
    ],
)
def test_what_does_not_work_is_told(kind: type[Schedule], said: str):
    """A schedule that cannot be built or called is told so, and the check goes on."""
    assert any(said in sentence for sentence in lacks(kind))
