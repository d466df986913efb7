"""What all tests share: nothing a test does reaches the memory or settings of who runs it."""

import os
from collections import Counter
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")  # before anything chooses a window
os.environ.setdefault("OMP_NUM_THREADS", "1")

SLOW_FIRST = (  # so that no core waits at the end
    "tests/browser/test_formgrader.py",
    "tests/browser/test_notebooks_browser.py::test_notebook_runs_and_moves[07",
    "tests/browser/test_notebooks_browser.py",
    "tests/browser/test_grading_pages.py",
    "tests/browser/",
    "notebooks/07",
    "tests/workshop/",
    "notebooks/",
    "tests/grading/",
    "tests/lab/",
)


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `LRCOURSE_HOME` of its own for each test."""
    home = tmp_path_factory.mktemp("lrcourse-home")
    monkeypatch.setenv("LRCOURSE_HOME", str(home))
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; the many short ones then fill what is left."""
    items.sort(key=lambda item: [not item.nodeid.startswith(slow) for slow in SLOW_FIRST])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was not tested here, and what to install for it."""
    skipped = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if skipped:
        terminalreporter.section("not tested here")
    for reason, count in skipped.most_common():
        terminalreporter.line(f"{count} test{'s' * (count > 1)}: {reason}")
