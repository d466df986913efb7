"""The dependencies stand in one list, pyproject.toml, and the other files are in step with it."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Libraries that users bring along: only the job that tests the callbacks for them installs them.
GROUPS = PYPROJECT["dependency-groups"]
RANGES = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(Requirement, [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])])
}
PINS = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M
    )
}
# What another name is imported as.
IMPORTED_AS = {
    "scikit-learn": "sklearn",
    "pyyaml": "yaml",
    "pytest-xdist": "xdist",
    "ipython": "IPython",
}

# benchmarks/lab_speed.py compares with JAX where it happens to be installed; the others are helpers
# of the tests, for benchmarks of what these open, and of site/, for the tests of the pages.
NOT_NEEDED = {"jax", "jupyter_page", "learner", "running", "live", "make_pages"}


def conda() -> dict[str, SpecifierSet]:
    """What environment.yml asks of conda-forge: name and range."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    wanted = [Requirement(line) for line in environment["dependencies"] if isinstance(line, str)]
    return {requirement.name: requirement.specifier for requirement in wanted}


def imports(folder: Path) -> set[str]:
    """The packages outside the standard library that the modules of a folder import."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    ours = {path.stem for path in folder.rglob("*.py")} | {"lrcourse"}
    ours |= {path.parent.name for path in folder.rglob("__init__.py")}
    found = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - ours


def declared(*extras: str) -> set[str]:
    lists = EXTRAS | GROUPS
    lines = PROJECT["dependencies"] + sum((lists[extra] for extra in extras), [])
    wanted = [Requirement(line) for line in lines]
    names = {canonicalize_name(r.name) for r in wanted}.union(*(r.extras for r in wanted))
    return {IMPORTED_AS.get(name, name).replace("-", "_") for name in names}


@pytest.mark.parametrize("name", RANGES)
def test_pins_are_in_the_ranges(name: str):
    """constraints.txt has a version of every dependency, and it is one that the range allows."""
    assert name in PINS, f"{name} is not in constraints.txt: run `make constraints`"
    assert PINS[name] in RANGES[name].specifier


@pytest.mark.parametrize("name", RANGES)
def test_installed_versions_are_in_the_ranges(name: str):
    """The versions that these tests run with are ones that the ranges allow."""
    installed = Version(importlib.metadata.version(name))

    assert RANGES[name].specifier.contains(installed, prereleases=True)


def test_ranges_have_a_floor_and_no_ceiling():
    """Each dependency names the oldest version that will do, and does not age by a newest one."""
    operators = {name: [s.operator for s in r.specifier] for name, r in RANGES.items()}

    assert operators == {name: [">="] for name in RANGES}


def test_pins_say_nothing_of_where_they_come_from():
    """constraints.txt holds names and versions only: no local build, file or address."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert all(re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line) for line in lines)


def test_conda_brings_only_what_pip_cannot():
    """environment.yml is Python, the CPU build of PyTorch, pip, and this project."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

    assert environment["channels"] == ["conda-forge"]
    assert set(conda()) == {"python", "pytorch-cpu", "pip"}
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_conda_ranges_are_the_ranges_of_the_project():
    """environment.yml allows the same Python and PyTorch as pyproject.toml."""
    assert conda()["python"] == SpecifierSet(PROJECT["requires-python"])
    assert conda()["pytorch-cpu"] == RANGES["torch"].specifier


def test_the_package_declares_what_it_imports():
    """A learner's installation has all that lrcourse imports, but for what its extras bring."""
    assert (
        imports(ROOT / "lrcourse") - declared("dask", "grading", "workshop", "integrations")
        == set()
    )
    assert {"dask", "distributed"} & declared() == set()


@pytest.mark.parametrize("folder", ["tests", "notebooks", "benchmarks", "site"])
def test_tests_and_notebooks_declare_what_they_import(folder: str):
    """What the tests, notebooks and benchmarks import is declared, for the package or its tests."""
    everything = declared("dask", "test", "grading", "workshop", "integrations", "site")

    assert imports(ROOT / folder) - everything - NOT_NEEDED == set()


def test_an_undeclared_import_would_be_seen(tmp_path: Path):
    """The check of imports can fail: a module that nobody declared is found."""
    (tmp_path / "new.py").write_text("def f():\n    from requests.api import get\n", "utf-8")

    assert imports(tmp_path) - declared("dask", "test") == {"requests"}


def test_version_is_the_same_everywhere():
    """The package, its metadata, the citation and the changelog name the same version."""
    import lrcourse

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?(\d[\w.]*)", changelog, re.M)

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

    assert lrcourse.__version__ == citation["version"] == PROJECT["version"]
    assert newest and newest[1] == PROJECT["version"]


def test_no_package_index_is_written_down():
    """Where packages come from is the reader's pip's business: no index address in the project."""
    files = [ROOT / name for name in ("Makefile", "pyproject.toml", "environment.yml")]
    files += [*(ROOT / ".ci").iterdir(), *(ROOT / ".github").rglob("*.yml")]

    for path in files:
        assert not re.search(r"index-url|find-links|https?://\S*simple", path.read_text("utf-8"))
