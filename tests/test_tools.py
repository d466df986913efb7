"""What the tests of this project are run with does what CONTRIBUTING says of it."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = runpy.run_path(str(ROOT / "tests" / "mutants.py"))["ROOMS"]
pytest_plugins = ["pytester"]


@pytest.fixture
def ours(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with a conftest.py and a pyproject.toml like ours."""
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return pytester


def test_what_is_not_tested_here_is_said_at_the_end(ours: pytest.Pytester) -> None:
    """Each reason once, with what to install and how many tests wait for it."""
    ours.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_page(n):
            pytest.skip("Chromium is missing: apt install chromium")

        @pytest.mark.skipif(True, reason="names there are Unicode")
        def test_name():
            pass
        """
    )
    ours.runpytest("-n", "0").stdout.fnmatch_lines(
        [
            "*= not tested here =*",
            "3 tests: Chromium is missing: apt install chromium",
            "1 test: names there are Unicode",
        ]
    )


def test_a_test_that_hangs_fails_and_says_where(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test runs for ever: it is ended, and the line that waited is shown."""
    pytester.makepyfile("import threading\n\ndef test_hang():\n    threading.Event().wait()")

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_subprocess("-p", "pytest_timeout", "--timeout", "0.2")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*threading.Event().wait()*", "*Timeout*"])


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    """The limit stands in pyproject.toml, so that it holds however the tests are run."""
    assert 60 <= float(pytestconfig.getini("timeout")) <= 600


def test_slow_files_begin(ours: pytest.Pytester) -> None:
    """The tests in a browser come before the many short ones, whatever their names."""
    ours.makepyfile(
        **{"tests/test_a": "def test_a(): pass", "tests/browser/test_z": "def test_z(): pass"}
    )
    ours.runpytest("--collect-only", "-q").stdout.fnmatch_lines(["*test_z*", "*test_a*"])


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_broken_on_purpose_is_there(room: str) -> None:
    """Each file that `make mutants` breaks, and each of the tests that should notice."""
    broken, tests = ROOMS[room]

    assert all([*(ROOT / "lrcourse").glob(name)] for name in broken)
    assert all((ROOT / "tests" / name).is_file() for name in tests)
