"""`import lrcourse` is quick, and the modules import one another in one direction."""

import ast
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


def seconds(module: str, repeats: int = 5) -> float:
    """The least time that importing `module` takes in a fresh process."""
    clock = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    return min(float(runs(clock.format(module))) for _ in range(repeats))


def imported(path: Path, inside_functions: bool = True) -> set[str]:
    """The full names that a module imports, `lrcourse` ones with what is taken from them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set() if inside_functions else _inside_functions(tree)
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def _inside_functions(tree: ast.AST) -> set[ast.AST]:
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    return {inner for function in functions for inner in ast.walk(function)}


def heavy(path: Path, inside_functions: bool = True) -> set[str]:
    names = {name.split(".")[0] for name in imported(path, inside_functions)}
    return names & HEAVY


# The table of the modules whose place is fixed: what each may import of lrcourse, and of the
# heavy libraries anywhere in it. `schedules` knows only NumPy: torch comes inside the one method
# that builds the PyTorch twin. `recorder` needs only the optimizer it is handed; `checks` never
# meets torch.
TABLE = {
    "_fields": (set(), set()),
    "schedules": ({"_fields"}, {"torch"}),
    "recorder": ({"_causes", "schedules", "plots"}, {"matplotlib"}),
    "_causes": ({"schedules"}, set()),
    "plots": ({"schedules"}, {"matplotlib"}),
    "memory": (set(), set()),
    "cli": ({"grading"}, set()),
}
# What a module that is not in the table must not import, wherever in it.
FORBIDDEN = {
    "checks": {"torch"},
    "widgets/widget": {"torch"},
    "widgets/panel": {"torch"},
    "widgets/explorer": {"torch"},
}


def wrong_imports(name: str, path: Path) -> list[str]:
    """What `path` imports against the table for `name`, a sentence each."""
    may, may_heavy = TABLE[name]
    ours = {n.split(".")[1] for n in imported(path) if n.startswith("lrcourse.")}
    modules = {p.stem for p in PACKAGE.glob("*.py")} | {p.name for p in PACKAGE.iterdir()}
    return [
        f"{name} must not import lrcourse.{other}" for other in sorted(ours & modules - may)
    ] + [f"{name} must not import {library}" for library in sorted(heavy(path) - may_heavy)]


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


@pytest.mark.parametrize("name", TABLE)
def test_modules_import_one_way(name: str):
    """Each module imports only what its place in the table allows."""
    assert wrong_imports(name, PACKAGE / f"{name}.py") == []


@pytest.mark.parametrize("name", ["_fields", "schedules", "recorder", "memory", "cli"])
def test_light_modules_load_nothing_heavy(name: str):
    """Of the light modules, none loads a heavy library before it is used."""
    assert heavy(PACKAGE / f"{name}.py", inside_functions=False) == set()


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_torch_where_there_must_be_none(name: str):
    """What checks an exercise or draws an explorer never imports torch."""
    assert heavy(PACKAGE / f"{name}.py") & FORBIDDEN[name] == set()


@pytest.mark.parametrize(
    "code, complaint",
    [
        ("import torch", "_fields must not import torch"),
        ("def f():\n    from matplotlib import pyplot", "_fields must not import matplotlib"),
        ("from lrcourse import plots", "_fields must not import lrcourse.plots"),
        ("from lrcourse.schedules import StepDecay", "_fields must not import lrcourse.schedules"),
    ],
)
def test_a_wrong_import_would_be_seen(tmp_path: Path, code: str, complaint: str):
    """The check of the table can fail: it names the module that must not be imported."""
    path = tmp_path / "_fields.py"
    path.write_text(code, encoding="utf-8")

    assert wrong_imports("_fields", path) == [complaint]


def test_modules_do_not_import_in_circles():
    """No module of lrcourse needs itself to be loaded."""
    needs = {path.stem: _needs(path) for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    while needs:
        ready = {name for name, others in needs.items() if not others & set(needs)}
        assert ready, f"these import one another: {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in ready}


def _needs(path: Path) -> set[str]:
    """The modules that must be loaded before this one can be."""
    names = imported(path, inside_functions=False)
    return {name.split(".")[1] for name in names if name.startswith("lrcourse.")}
