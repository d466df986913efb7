"""Adding a schedule is as easy as CONTRIBUTING says: five steps, in a copy, and no others."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Step 1: the schedule, before the building blocks, and its name in SCHEDULES.
CLASS = '''
@a_schedule
class Triangle(Schedule):
    """A straight climb to `lr`, and as straight a fall to 0, where it stays.

        lr(t) = lr * min(t + 1, max(2 * rise - t, 0)) / rise    but at most lr

    >>> [Triangle(lr=1.0, rise=4)(t) for t in (0, 3, 4, 6, 8, 99)]
    [0.25, 1.0, 1.0, 0.5, 0.0, 0.0]

    Source: the slanted triangle of Howard & Ruder (2018), arXiv 1801.06146, with equal slopes.

    PyTorch: no scheduler of its own; the twin is `LambdaLR`.
    """

    lr: float = a(RATE, 0.1)
    rise: int = a(STEPS, 50)

    _twin = "LambdaLR"
    after_end = "after twice its rise the rate is 0, and updates change nothing"

    @property
    def end(self) -> int:
        return 2 * self.rise

    @property
    def horizon(self) -> int:
        return 2 * self.rise

    def _rate(self, t: np.ndarray) -> np.ndarray:
        left = np.maximum(2 * self.rise - t, 0)
        return self.lr * np.minimum(np.minimum(t + 1, left) / self.rise, 1)

'''
# Step 3: its row.
ROW = """    lrcourse.Triangle: Row(
        draw=lambda lr: st.builds(lrcourse.Triangle, lr=lr, rise=steps),
        values=[(lrcourse.Triangle(lr=1.0, rise=2), {0: 0.5, 1: 1, 2: 1, 3: 0.5, 4: 0, 9: 0})],
        fits=[(lrcourse.Triangle(rise=30), 60)],
    ),
}
"""


def put(path: Path, before: str, text: str, last: bool = False) -> None:
    """Write `text` before the first, or the last, line that begins with `before`."""
    whole = path.read_text(encoding="utf-8")
    found = [match.start() for match in re.finditer(f"^{re.escape(before)}", whole, re.M)]
    at = found[-1 if last else 0]
    path.write_text(whole[:at] + text + whole[at:], encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests, somewhere else."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("lrcourse", "tests", "notebooks", "exercises"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def pytest_in(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PYTHONPATH": str(copy), "PARITY_EXAMPLES": "10"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)


@pytest.mark.timeout(600)  # two runs of pytest
def test_five_steps_and_no_others(copy: Path):
    """After each step the completeness test names the next; after the last, all tests that read
    the table are green for the new schedule."""
    put(copy / "lrcourse/schedules.py", "# Building blocks", CLASS)
    put(copy / "lrcourse/schedules.py", ')\n"""Every schedule', "    Triangle,\n")
    missing = pytest_in(copy, "tests/test_completeness.py", "-k", "Triangle").stdout
    for said in (
        "Export Triangle in lrcourse/__init__.py",
        "Give Triangle a row in TABLE, in tests/schedules.py",
        "Say in CHANGELOG.md what a learner can do with `Triangle`",
    ):
        assert said in missing, missing

    put(copy / "lrcourse/__init__.py", "    WarmRestarts,", "    Triangle,\n")
    put(copy / "lrcourse/__init__.py", '    "WarmRestarts"', '    "Triangle",\n')
    put(copy / "tests/schedules.py", "from lrcourse import (", "import lrcourse\n")
    table = (copy / "tests/schedules.py").read_text(encoding="utf-8")
    (copy / "tests/schedules.py").write_text(table.rstrip().removesuffix("}") + ROW)
    put(copy / "CHANGELOG.md", "## ", "- `Triangle`: a straight climb and as straight a fall.\n\n")

    files = ["completeness", "values", "parity", "bad_input", "schedule_value", "recorder"]
    tests = [f"tests/test_{name}.py" for name in files] + ["tests/widgets/test_explorer.py"]
    chosen = "Triangle or complete or listed or looked"
    done = pytest_in(copy, "--doctest-modules", "lrcourse/schedules.py", *tests, "-k", chosen)

    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 20, done.stdout


def test_the_steps_are_those_of_contributing():
    """The page names the files that were edited above, and asks first whether `.then` would do."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("## Add a schedule in five steps")[1].split("\n## ")[0]

    assert section.strip().startswith("Would `.then` do it?")
    assert re.findall(r"^(\d)\.", section, re.M) == list("12345")
    for name in (
        "lrcourse/schedules.py",
        "lrcourse/__init__.py",
        "tests/schedules.py",
        "CHANGELOG.md",
        "tests/test_completeness.py",
    ):
        assert name in section
