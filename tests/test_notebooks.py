"""The notebooks: in step with their scripts, in the frame of the course, and truly compared."""

import importlib.util
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if "01" <= path.name[:2] <= "06"]


def _load_build():
    sys.path.insert(0, str(ROOT / "notebooks"))  # for what it imports from beside it
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _load_build()
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


def lines(source: str) -> list[str]:
    """The lines of a cell that are code: no blank ones, no comments."""
    stripped = (line.strip() for line in source.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def is_imports(source: str) -> bool:
    return all(line.startswith(("import ", "from ")) for line in lines(source))


# In step


def test_scripts_and_notebooks_are_in_step():
    """Each notebook is what its script says, was run from top to bottom, and none is missing."""
    assert build.check_all() == []


def test_every_lesson_is_there():
    """The course starts at 00 and leaves no lesson out."""
    numbers = [int(path.name[:2]) for path in NOTEBOOKS]

    assert len(numbers) >= 6
    assert numbers == list(range(len(numbers)))


@each_notebook
def test_stored_outputs_are_fit(path: Path):
    """No stored output has an error, a warning, an address, a path, or a widget without a twin."""
    notebook = read(path)

    assert build.unfit(notebook) == []
    assert not any(
        output.output_type == "error"
        for cell in build.code_cells(notebook)
        for output in cell.outputs
    )


@each_notebook
def test_outputs_need_no_kernel(path: Path):
    """No stored output is a live widget, and the notebook carries no widget's state."""
    notebook = read(path)
    data = [o.get("data", {}) for cell in build.code_cells(notebook) for o in cell.outputs]

    assert not any(build.WIDGET in bundle for bundle in data)
    assert "widgets" not in notebook.metadata


# The frame


@each_notebook
def test_length(path: Path):
    """A lesson is 12 to 28 cells, the lab, of twice the length, at most 36; its code cells at most 15
    lines and 6 in the median."""
    cells, sizes = read(path).cells, [len(lines(source)) for source in code_of(path)]

    assert 12 <= len(cells) <= (36 if "training_lab" in path.stem else 28)
    assert max(sizes) <= 15
    assert statistics.median(sizes) <= 6


@each_notebook
def test_opening(path: Path):
    """It opens with a title, what you will do, learn and need, and how long it takes."""
    first = read(path).cells[0]

    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for said in ("You will do", "You will learn", "You need", "minutes"):
        assert said in " ".join(first.source.split())


@each_notebook
def test_imports_are_together(path: Path):
    """The first code cell has the imports, and no other cell imports anything."""
    first, *others = code_of(path)

    assert any(line.startswith(("import ", "from ")) for line in lines(first))
    assert not [s for s in others if any(x.startswith(("import ", "from ")) for x in lines(s))]


@each_lesson
@pytest.mark.parametrize(
    "what, written",
    [
        ("a guess before the curve is shown", "lrcourse.choose("),
        ("an explorer", "lrcourse.explore("),
        ("a trace of the rates that trained", "lrcourse.trace("),
        ("planned against used, asserted equal", ".equal"),
        ("a quiz", "lrcourse.quiz("),
    ],
)
def test_lesson_has(path: Path, what: str, written: str):
    """A lesson has each part of the frame that is code."""
    shared = (ROOT / "lrcourse" / "lessons.py").read_text(encoding="utf-8")
    code = "\n".join(code_of(path))
    if "train" in code and written == "lrcourse.trace(":
        code += shared  # the loop of lesson 1, imported by the lessons after it

    assert written in code, f"{path.name} lacks {what}"


@each_lesson
@pytest.mark.parametrize(
    "heading",
    ["Predict", "The formula", "Move it", "Find the bug", "In practice", "Further reading"],
)
def test_lesson_says(path: Path, heading: str):
    """A lesson has each part of the frame that is text, under its heading."""
    text = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    headings = [line for line in text.splitlines() if line.startswith("#")]

    assert any(heading.lower() in line.lower() for line in headings)


def test_formulas_are_shown_to_their_end():
    """No formula has a % sign, behind which MathJax leaves out the rest of the line."""
    cells = [cell for path in NOTEBOOKS for cell in read(path).cells]
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, re.DOTALL)

    assert len(formulas) > len(LESSONS)
    assert [formula for formula in formulas if "%" in formula] == []


@each_lesson
def test_the_guess_comes_before_the_curve(path: Path):
    """The learner commits a guess before any explorer or training shows the answer."""
    code = code_of(path)
    guess = next(i for i, source in enumerate(code) if "lrcourse.choose(" in source)

    assert guess < next(i for i, source in enumerate(code) if "explore(" in source)
    assert all(is_imports(source) for source in code[:guess])


@each_notebook
def test_pictures_have_a_text_twin(path: Path):
    """Whoever cannot see a picture finds what it shows as text or numbers in the same cell."""
    for cell in build.code_cells(read(path)):
        pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        if pictures:
            texts = [text for o in cell.outputs for text in build._texts(o)]
            told = [text for text in texts if not text.startswith("<Figure") and len(text) > 40]
            assert told, f"{path.name}, {cell['id']}: a picture and nothing to read beside it"


@each_notebook
def test_pictures_have_words_in_an_export(path: Path):
    """Exported as HTML by nbconvert, every picture has an alternative text of its own."""
    from nbconvert import HTMLExporter

    notebook = read(path)
    shown = [o.get("data", {}) for c in notebook.cells for o in c.get("outputs", [])]
    count = sum(
        "image/png" in data or "data:image/png" in data.get("text/html", "") for data in shown
    )
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    pictures = [tag for tag in re.findall(r"<img[^>]*>", page) if "data:image/png" in tag]
    alts = [re.search(r'\balt="([^"]*)"', tag)[1] for tag in pictures]

    assert len(alts) == count
    assert all(len(alt) > 40 and "No description" not in alt for alt in alts)


# Building


SCRIPT = """# %% [markdown]
# # A title

# %%
from lrcourse import StepDecay

# %%
print([StepDecay()(t) for t in (0, 29, 30)])
"""


def write(folder: Path, text: str) -> tuple[Path, Path]:
    """A script in `folder`, and where its notebook will be."""
    (folder / "source").mkdir(exist_ok=True)
    source = folder / "source" / "10_small.py"
    source.write_text(text, encoding="utf-8")
    return source, folder / "10_small.ipynb"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small notebook that was built."""
    source, target = write(tmp_path, SCRIPT)
    build.build(source, target)
    return target


def test_building_twice_changes_nothing(tmp_path: Path, small: Path):
    """A build of the same script gives the same notebook, byte by byte."""
    before = small.read_bytes()
    build.build(tmp_path / "source" / "10_small.py", small)

    assert small.read_bytes() == before
    assert [cell["id"] for cell in read(small).cells] == ["cell-00", "cell-01", "cell-02"]


@pytest.mark.parametrize(
    "edit, complaint",
    [
        (lambda s: s.replace("A title", "Another"), "cell 0 is not what 10_small.py says"),
        (lambda s: s + "\n# %%\n1\n", "has 3 cells, 10_small.py 4"),
    ],
)
def test_check_sees_an_edit(tmp_path: Path, small: Path, edit, complaint: str):
    """A script that was edited and not built again is found."""
    source, _ = write(tmp_path, edit(SCRIPT))

    assert [d for d in build.check(source, small) if complaint in d]


def test_check_sees_a_missing_and_a_stray_notebook(tmp_path: Path, small: Path):
    """A notebook without a script is found, and a script without a notebook."""
    small.rename(tmp_path / "11_stray.ipynb")

    assert build.check_all(tmp_path / "source", tmp_path) == [
        "10_small.ipynb is missing: build it",
        "11_stray.ipynb has no script in source/",
    ]


@pytest.mark.parametrize(
    "code, complaint",
    [
        ("1 / 0", "ZeroDivisionError"),
        ("with ipywidgets.Output():\n    1 / 0", "ZeroDivisionError"),
        ("def f(a):\n    raise KeyError(a)\nipywidgets.interact(f, a=3)", "KeyError"),
        (
            "s = ipywidgets.IntSlider()\ns.observe(lambda c: 1 / 0, 'value')\ns.value = 3",
            "ZeroDivisionError",
        ),
        ("import sys; print('careful', file=sys.stderr)", "writes to stderr: careful"),
        ("object()", "a memory address"),
        ("ipywidgets.VBox([ipywidgets.IntSlider()])", "no picture or text of its own"),
    ],
)
def test_what_is_not_fit_is_not_built(tmp_path: Path, code: str, complaint: str):
    """An error, also one that a widget swallows, fails the build, and nothing is written."""
    source, target = write(tmp_path, f"# %%\nimport ipywidgets\n\n# %%\n{code}\n")

    with pytest.raises(build.BuildError, match=complaint):
        build.build(source, target)
    assert not target.exists()


@pytest.mark.parametrize(
    "code, complaint",
    [
        ("object()", "a memory address"),
        ("with ipywidgets.Output():\n    1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_comes_late_is_waited_for(tmp_path: Path, code: str, complaint: str):
    """On a busy machine outputs come seconds after the reply: they are looked at all the same."""
    late = "sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0.1\n"
    late += "get_ipython().kernel.iopub_thread.schedule(lambda: time.sleep(6))"
    source, target = write(tmp_path, f"# %%\nimport sys, time, ipywidgets\n{late}\n{code}\n")

    with pytest.raises(build.BuildError, match=complaint):
        build.build(source, target)


def test_pictures_lose_their_text_and_stay_pictures():
    """The version of matplotlib is not in a stored picture, and it still opens."""
    from io import BytesIO

    from matplotlib import image
    from matplotlib.figure import Figure

    out = BytesIO()
    Figure(figsize=(1, 1)).savefig(out, format="png")
    clean = build.without_text(out.getvalue())

    assert b"matplotlib" in out.getvalue() and b"matplotlib" not in clean
    assert image.imread(BytesIO(clean)).shape == image.imread(BytesIO(out.getvalue())).shape


# nbval compares


def nbval(notebook: Path, package: Path = ROOT) -> subprocess.CompletedProcess:
    """`pytest --nbval` on one notebook, as `make test` does, with the package found in a folder."""
    for name in ("conftest.py", "surroundings.py"):
        shutil.copy(ROOT / "notebooks" / name, notebook.parent)
    command = [*(sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--color=no")]
    command += ["-p", "no:cacheprovider", "--rootdir", str(notebook.parent), str(notebook)]
    python_path = {"PYTHONPATH": str(package)}
    return subprocess.run(command, env=os.environ | python_path, capture_output=True, text=True)


@pytest.fixture
def changed_package(tmp_path: Path) -> Path:
    """A copy of the package in which step decay has lost its stairs."""
    folder = tmp_path / "changed"
    shutil.copytree(ROOT / "lrcourse", folder / "lrcourse")
    path = folder / "lrcourse" / "schedules.py"
    formula = path.read_text(encoding="utf-8")
    assert formula.count("np.floor(t / self.step_size)") == 1
    path.write_text(formula.replace("np.floor(t / self.step_size)", "t / self.step_size"), "utf-8")
    return folder


def test_nbval_fails_when_a_formula_changes(small: Path, changed_package: Path):
    """With one formula changed the stored numbers are not met; with the right one they are."""
    right, wrong = nbval(small), nbval(small, changed_package)

    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 1
    assert "Cell outputs differ" in wrong.stdout


def test_nbval_fails_on_a_lesson_when_its_formula_changes(tmp_path: Path, changed_package: Path):
    """The opening of lesson 1, as stored, passes, and fails when step decay is another formula."""
    lesson = read(ROOT / "notebooks" / "01_step_decay.ipynb")
    train = next(i for i, cell in enumerate(lesson.cells) if "def train" in cell.source)
    lesson.cells = lesson.cells[:train]
    nbformat.write(lesson, tmp_path / "01_opening.ipynb")
    right = nbval(tmp_path / "01_opening.ipynb")
    wrong = nbval(tmp_path / "01_opening.ipynb", changed_package)

    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 1, wrong.stdout


def test_digits_do_not_depend_on_the_processor(tmp_path: Path, monkeypatch):
    """What is stored and what is compared comes from the same code, whatever the processor."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")  # as if this were another machine
    source = tmp_path / "which.py"
    source.write_text("# %%\nimport torch\n\ntorch.backends.cpu.get_cpu_capability()\n", "utf-8")
    build.build(source, tmp_path / "which.ipynb")
    (output,) = read(tmp_path / "which.ipynb").cells[0].outputs
    compared = nbval(tmp_path / "which.ipynb")

    assert output.data["text/plain"] == "'AVX2'"
    assert compared.returncode == 0, compared.stdout


def test_nbval_fails_when_a_callback_raises(tmp_path: Path):
    """An error in a widget's callback fails its cell, whatever the widget does with it."""
    broken = [
        "s = w.IntSlider()\ns.observe(lambda change: 1 / 0, 'value')\ns.value = 3",
        "def f(a):\n    1 / 0\nw.interact(f, a=3);",
        "b = w.Button()\nb.on_click(lambda button: 1 / 0)\nb.click()",
        "with w.Output():\n    1 / 0",
    ]
    cells = [nbformat.v4.new_code_cell(code) for code in ("import ipywidgets as w", *broken)]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "broken.ipynb")
    ran = nbval(tmp_path / "broken.ipynb")

    assert ran.returncode == 1
    assert [f"Cell {i}" for i in range(1, 5)] == re.findall(
        r"^FAILED .*::(Cell \d)", ran.stdout, re.M
    )
    assert ran.stdout.count("ZeroDivisionError") >= len(broken)


# The README


@each_notebook
def test_readme_lists_the_notebook(path: Path):
    """The README lists each notebook, with the minutes that the notebook itself says."""
    opening = " ".join(read(path).cells[0].source.split())
    minutes = re.search(r"About (\d+) minutes", opening)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in readme.splitlines() if line.startswith(f"| `{path.stem}`")]

    assert minutes and row.endswith(f"| {minutes[1]} |")
