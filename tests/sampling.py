"""What every run of the tests looks at, and what only `make thorough` does."""

from collections.abc import Iterable
from typing import Any

import pytest


def some(values: Iterable[Any], always: Iterable[Any]) -> list[Any]:
    """Parameters of a test: `always` in every run, the others in thorough ones."""
    values = list(values)
    if missing := set(always) - set(values):
        raise ValueError(f"{sorted(missing)} are to be looked at always, but are not there")
    return [
        value if value in always else pytest.param(value, marks=pytest.mark.thorough)
        for value in values
    ]
