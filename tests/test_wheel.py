"""The wheel is the whole course: what `pip install lrcourse` gives, in an environment of its own."""

import os
import re
import zipfile
from pathlib import Path

import pytest
from installed import ROOT, Environment, build_wheel

import lrcourse
from lrcourse.jupyter import SETTINGS


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def packed(wheel: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel)


on_posix = pytest.mark.skipif(
    os.name != "posix", reason="links to packages need a right on Windows"
)


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What the wheel installs without its extras: no PyTorch."""
    folder = tmp_path_factory.mktemp("light") / "env"
    return Environment(wheel, folder, without=("torch", "functorch"))


@pytest.mark.parametrize("folder", ["notebooks", "exercises"])
def test_the_wheel_carries_every_notebook(packed: zipfile.ZipFile, folder: str):
    """Lessons and exercises are in the wheel, each as it is in the clone, and no other notebook."""
    inside = f"lrcourse/course/{folder}/"
    found = {Path(name).name: name for name in packed.namelist() if name.startswith(inside)}
    originals = list((ROOT / folder).glob("*.ipynb"))

    assert set(found) == {path.name for path in originals}
    assert all(packed.read(found[path.name]) == path.read_bytes() for path in originals)


def test_the_wheel_carries_all_of_the_package(packed: zipfile.ZipFile):
    """Every file of the package is in the wheel: scripts, styles, quizzes and templates too."""
    files = [f for f in (ROOT / "lrcourse").rglob("*") if f.is_file()]
    wanted = {f.relative_to(ROOT).as_posix() for f in files if "__pycache__" not in f.parts}

    assert wanted <= set(packed.namelist())


def test_the_wheel_sets_nothing_for_other_work(packed: zipfile.ZipFile):
    """Nothing is installed outside the package: JupyterLab's settings stay as they are."""
    places = {name.split("/")[0] for name in packed.namelist()}

    assert places == {"lrcourse", f"lrcourse-{lrcourse.__version__}.dist-info"}
    assert (SETTINGS / "overrides.json").exists()


def test_no_solution_is_in_the_wheel(packed: zipfile.ZipFile):
    """The sheets are the learner's: none of their cells is the one of the solution."""
    solutions = (ROOT / "exercises" / "solutions").glob("*.ipynb")
    secret = {path.read_bytes() for path in solutions}

    assert secret and not any(packed.read(n) in secret for n in packed.namelist())


def test_pytorch_is_an_extra(packed: zipfile.ZipFile):
    """The metadata ask for PyTorch in the extras only, `train` among them."""
    [metadata] = [n for n in packed.namelist() if n.endswith("/METADATA")]
    lines = re.findall(r"^Requires-Dist: torch.*$", packed.read(metadata).decode(), re.M)

    assert any("extra == 'train'" in line for line in lines)
    assert all("extra ==" in line for line in lines)


WITHOUT_TORCH = """
import importlib.util
import lrcourse
from lrcourse import *
from lrcourse import lab
from lrcourse.digits import noisy_batch

assert importlib.util.find_spec("torch") is None
assert "site-packages" in lrcourse.__file__

shown = [
    lrcourse.explore(StepDecay()), lrcourse.choose("step_decay"), lrcourse.quiz("step_decay"),
    lrcourse.draw("mine", OneCycle()), lrcourse.ball(),
    lrcourse.play([4.0, 2.0, 1.0], loss=lambda x: x * x, schedule=Constant(lr=0.5)),
]
for widget in shown:
    data, _ = widget._repr_mimebundle_()
    assert "text/plain" in data and len(data) > 1, widget
shown[0].set(step_size=10)
result = lrcourse.check("exponential_decay.4", lambda gamma: __import__("math").log(1 / gamma))
assert result.right, result
lrcourse.progress()


class Optimizer:
    param_groups = [{"lr": 0.1}]


def fails(work):
    try:
        work()
    except ModuleNotFoundError as error:
        assert error.name == "torch" and "pip install 'lrcourse[train]'" in str(error), error
        return
    raise AssertionError("it should have said how to get PyTorch")


fails(lambda: __import__("torch"))
fails(lambda: noisy_batch())
fails(lambda: lab.race(["constant", "cosine"]))
fails(lambda: lrcourse.bench())
fails(lambda: lrcourse.explore_landscape(StepDecay()))
fails(lambda: StepDecay().scheduler(Optimizer()))
fails(lambda: lrcourse.check("step_decay.6", lambda *a: None))
print("fine")
"""


@on_posix
def test_without_pytorch_all_but_training_works(light: Environment, tmp_path: Path):
    """Explorers, predictions, quizzes, formula exercises work; the rest says how to get PyTorch."""
    (tmp_path / "lesson.py").write_text(WITHOUT_TORCH, encoding="utf-8")

    assert light.run(tmp_path, light.python, "lesson.py") == "fine\n"


IMPORTS = """
import json, sys
from pathlib import Path

from lrcourse.copies import originals

course = originals().parent
for path in sorted(course.glob("*/*.ipynb")):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    space = {}
    try:
        exec(code[0], space)
    except ModuleNotFoundError as error:
        assert error.name == "torch" and "pip install 'lrcourse[train]'" in str(error), error
    assert "lrcourse" in space, path
    shows = [c for c in code if c.startswith(("lrcourse.choose(", "lrcourse.quiz("))]
    for line in shows:
        eval(line, space)
print("fine")
"""


@on_posix
def test_without_pytorch_a_lesson_goes_on(light: Environment, tmp_path: Path):
    """The first cell of every lesson and sheet says how to get PyTorch, once all else is imported, so
    that predictions, quizzes and formula exercises can be done."""
    (tmp_path / "first.py").write_text(IMPORTS, encoding="utf-8")

    assert light.run(tmp_path, light.python, "first.py") == "fine\n"


@on_posix
def test_the_command_hands_out_the_course(light: Environment, tmp_path: Path):
    """Outside a clone, on an installation that cannot be written, the course is handed out and
    updated as in the clone: a second time nothing is to be done."""
    code = "from pathlib import Path; from lrcourse.copies import hand_out; "
    code += "print(*hand_out(Path('my-course')), sep='\\n')"

    first, second = (light.run(tmp_path, light.python, "-c", code) for _ in range(2))

    handed_out = {p.relative_to(tmp_path / "my-course") for p in tmp_path.rglob("*.ipynb")}
    wanted = {Path(path.name) for path in (ROOT / "notebooks").glob("*.ipynb")}
    wanted |= {Path("exercises", path.name) for path in (ROOT / "exercises").glob("*.ipynb")}
    assert handed_out == wanted
    assert "00_start_here.ipynb: copied." in first and second.strip() == ""
    assert f"lrcourse {lrcourse.__version__}" in light.run(
        tmp_path, light.bin / "lrcourse", "--version"
    )
