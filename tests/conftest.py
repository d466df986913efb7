"""What all tests share: nothing a test does reaches the memory or settings of who runs it."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

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
    "tests/workshop/",
    "notebooks/07",
    "notebooks/",
    "tests/grading/",
    "tests/lab/",
    "tests/widgets/test_explorer.py",
    "tests/exercises/",
    "tests/test_notebooks.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each process takes what belongs together, and the next when it is through."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return belongs_to(nodeid, config.rootpath)

    return Together(config, log)


def belongs_to(nodeid: str, root: Path) -> str:
    """What a test is run with: its file; all that need a room, for it takes a while to open one. In a
    browser single tests, for a few files would keep one process busy at the end."""
    file = nodeid.split("::")[0]
    if file.startswith("tests/workshop/"):
        return "tests/workshop"
    if file.startswith("tests/browser/") and not shares(root / file):
        return nodeid
    return file


@cache
def shares(path: Path) -> bool:
    """Whether a file of tests has a fixture that is made once for the file."""
    return 'scope="module"' in path.read_text(encoding="utf-8")


def theirs(name: str) -> bool:
    """Variables that pytest, or torch when it is imported, writes for itself."""
    return name.startswith(("PYTEST_", "KMP_", "TORCH"))


def surroundings() -> dict[str, Any]:
    """What all tests of a process share, and a test can change without saying so."""
    torch: Any = sys.modules.get("torch")
    return {
        **{f"os.environ[{name!r}]": os.environ[name] for name in os.environ if not theirs(name)},
        "the working directory": os.getcwd(),
        "the backend of matplotlib": matplotlib.rcParams["backend"].lower(),
        "torch's default dtype": str(torch.get_default_dtype()) if torch else "torch.float32",
    }


def changed(before: dict[str, Any]) -> list[str]:
    """What is no longer as it was, in words."""
    now = surroundings()
    names = sorted(before.keys() | now.keys())
    return [
        f"{name}: {before.get(name)!r} before, {now.get(name)!r} after"
        for name in names
        if before.get(name) != now.get(name)
    ]


@pytest.fixture(autouse=True)
def left_as_found() -> Iterator[None]:
    """A test that changes what the next one finds fails, and not the next one."""
    before = surroundings()
    yield
    assert not (left := changed(before)), f"this test leaves {'; '.join(left)}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """So does a file that changes it when it is read: each worker reads all of them."""
    before = surroundings()
    report = yield
    if isinstance(collector, pytest.Module) and (left := changed(before)):
        report.outcome = "failed"
        report.longrepr = f"to import {collector.name} leaves {'; '.join(left)}"
    return report


@pytest.fixture(autouse=True)
def own_memory(
    left_as_found: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
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
