"""What all tests share: nothing a test does reaches the memory or settings of who runs it."""

import os
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")  # before anything chooses a window
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `LRCOURSE_HOME` of its own for each test."""
    home = tmp_path_factory.mktemp("lrcourse-home")
    monkeypatch.setenv("LRCOURSE_HOME", str(home))
    return home
