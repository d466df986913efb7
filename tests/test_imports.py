"""`import lrcourse` is quick, and the modules import one another in one direction."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lrcourse"

# Libraries that take long to load.
HEAVY = {"torch", "matplotlib", "ipywidgets", "anywidget", "pandas", "scipy", "sklearn", "dask"}


def runs(code: str) -> str:
    """What `code` prints, in a fresh process."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def loaded(code: str) -> set[str]:
    """The top-level modules that are loaded after `code`, in a fresh process."""
    shown = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(runs(shown).split())


def seconds(module: str, repeats: int = 3) -> float:
    """The least time of the processor that importing `module` takes in a fresh process."""
    clock = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
    return min(float(runs(clock.format(module))) for _ in range(repeats))


def test_import_is_quick():
    """`import lrcourse` takes under 0.3 s, or, on a slow machine, little more than NumPy's."""
    took, numpy = seconds("lrcourse"), seconds("numpy")

    assert took < 0.3 or took < 2 * numpy, f"{took:.2f} s, NumPy alone {numpy:.2f} s"


def test_import_loads_nothing_heavy():
    """`import lrcourse` loads NumPy, and neither torch, matplotlib nor ipywidgets."""
    assert "numpy" in loaded("import lrcourse")
    assert loaded("import lrcourse") & {*HEAVY, "IPython", "distributed"} == set()


@pytest.mark.parametrize(
    "use, library",
    [("lrcourse.trace", "matplotlib"), ("lrcourse.explore", "torch")],
)
def test_first_use_loads_no_more_than_it_needs(use: str, library: str):
    """Naming `trace` loads no matplotlib, and `explore` no torch."""
    assert library not in loaded(f"import lrcourse; {use}")


def test_evaluating_a_schedule_loads_no_torch():
    """The formulas are NumPy's alone."""
    code = "import lrcourse\nfor s in lrcourse.SCHEDULES:\n    s.__doc__\nlrcourse.StepDecay()(3)"

    assert loaded(code) & HEAVY == set()


def test_the_check_of_loaded_modules_can_fail():
    """A module that is loaded is seen: the check would notice torch in `import lrcourse`."""
    assert "matplotlib" in loaded("import lrcourse; import matplotlib")


@pytest.mark.parametrize("name", ["schedules", "recorder", "memory", "cli"])
def test_light_modules_load_nothing_heavy(name: str):
    """Of the light modules, none loads a heavy library before it is used."""
    assert loaded(f"import lrcourse.{name}") & HEAVY == set()


BROKEN = {  # a line too much, where, and the contract that it breaks
    "from lrcourse import checks": ("plots.py", "imports only what stands below it"),
    "def f():\n    from lrcourse.lab import race": (
        "lab/train.py",
        "No two modules need each other",
    ),
    "def f():\n    import scipy": ("schedules.py", "A schedule is a formula"),
    "def f():\n    import torch": ("recorder.py", "Who records a rate"),
    "import torch": ("checks.py", "What draws or checks does not train"),
    "import dask": ("lab/race.py", "One module knows Dask"),
    "": ("attic.py", "imports only what stands below it"),  # a module without a place
}


def contracts(folder: Path) -> str:
    """What import-linter says of the package in `folder`."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    ended = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, cwd=folder)
    return " ".join(ended.stdout.split())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to be broken."""
    shutil.copytree(PACKAGE, tmp_path / "lrcourse", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    return tmp_path


def test_modules_import_one_way(copy: Path):
    """Every contract of pyproject.toml is kept; each module of the package has its place in them."""
    assert " 0 broken." in contracts(copy)


@pytest.mark.parametrize("line", BROKEN)
def test_a_wrong_import_is_seen(copy: Path, line: str):
    """An import that a contract forbids, or a module without a place, breaks that contract."""
    name, contract = BROKEN[line]
    path = copy / "lrcourse" / name
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{old}\n{line}\n", encoding="utf-8")

    said = contracts(copy)

    assert re.search(rf"{re.escape(contract)}[^.]*? BROKEN", said), said
