"""For `pytest --nbval`: the surroundings in which the outputs were stored."""

import os
import tempfile
from collections import defaultdict

import pytest
from surroundings import surroundings

_seconds: dict[str, float] = defaultdict(float)


def pytest_configure(config: pytest.Config) -> None:
    home = tempfile.TemporaryDirectory(prefix="lrcourse-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ |= surroundings(home.name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid.split("::")[0]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    notebooks = {name: took for name, took in _seconds.items() if name.endswith(".ipynb")}
    if notebooks and not hasattr(terminalreporter.config, "workerinput"):
        terminalreporter.section("seconds a notebook")
        for name, took in sorted(notebooks.items()):
            terminalreporter.line(f"{took:6.1f}  {name}")
