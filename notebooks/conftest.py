"""For `pytest --nbval`: the surroundings in which the outputs were stored."""

import tempfile
from collections import defaultdict
from collections.abc import Generator

import pytest
from surroundings import surroundings

PATIENCE = 900  # seconds for one cell; the lab's longest takes a tenth of it on an idle machine

PICTURE = r"data:image/png;base64,[A-Za-z0-9+/=]+"
HOME = pytest.StashKey[str]()
_seconds: dict[str, float] = defaultdict(float)


def pytest_configure(config: pytest.Config) -> None:
    home = tempfile.TemporaryDirectory(prefix="lrcourse-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    config.stash[HOME] = home.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.timeout(PATIENCE))
            item.parent.sanitize_patterns[PICTURE] = "data:image/png"  # its words are compared


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """The kernel of a notebook starts at its first cell, and is told where it is."""
    if item.path.suffix != ".ipynb":
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings(item.config.stash[HOME]).items():
            patch.setenv(name, value)
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid.split("::")[0]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    notebooks = {name: took for name, took in _seconds.items() if name.endswith(".ipynb")}
    if notebooks and not hasattr(terminalreporter.config, "workerinput"):
        terminalreporter.section("seconds a notebook")
        for name, took in sorted(notebooks.items()):
            terminalreporter.line(f"{took:6.1f}  {name}")
