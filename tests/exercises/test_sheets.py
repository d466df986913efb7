"""The sheets: written once with solutions, built for learners, run from top to bottom."""

import importlib.util
import math
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

import lrcourse
from lrcourse.tasks import SHEETS, TASKS

EXERCISES = Path(__file__).parents[2] / "exercises"


def _loaded(path):
    spec = importlib.util.spec_from_file_location("exercises_build", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _loaded(EXERCISES / "build.py")
LEARNERS = [EXERCISES / f"{sheet}.ipynb" for sheet in SHEETS]
SOLUTIONS = [EXERCISES / "solutions" / path.name for path in LEARNERS]
names = {"ids": lambda path: path.stem}


def cells(path):
    return nbformat.read(path, as_version=4).cells


def solution_lines(sheet):
    """What stands between the markers of a sheet, by task: lists of stripped lines."""
    found = {}
    for cell in cells(EXERCISES / "solutions" / f"{sheet}.ipynb"):
        match = re.search(r"### BEGIN SOLUTION\n(.*?)\n\s*### END SOLUTION", cell.source, re.S)
        if match:
            found[cell.id.removesuffix("-answer").replace("-", ".")] = [
                line.strip() for line in match[1].splitlines() if line.strip()
            ]
    return found


@pytest.mark.parametrize("source", build.sheets(), **names)
def test_the_notebooks_are_in_step_with_their_source(source):
    """What is in the folder is what the build makes of the script, byte for byte."""
    for path, text in build.built(source).items():
        assert path.read_text(encoding="utf-8") == text, f"run `make exercises`: {path}"


def test_every_source_is_a_sheet_and_every_sheet_is_there():
    """No script without a lesson, and no notebook without a script."""
    assert {path.stem for path in (EXERCISES / "source").glob("*.py")} == set(SHEETS)
    assert set(EXERCISES.glob("*.ipynb")) == set(LEARNERS)
    assert set((EXERCISES / "solutions").glob("*.ipynb")) == set(SOLUTIONS)


@pytest.mark.parametrize("path", LEARNERS, **names)
def test_learners_get_no_solution(path):
    """No marker, no hidden test, no line of a solution, and no output is left."""
    own = cells(path)
    text = "\n".join(cell.source for cell in own)

    assert "###" not in text.replace("\n### ", "\n")
    assert "SOLUTION" not in text
    assert ".award()" not in text
    assert not any(cell.get("outputs") for cell in own)
    broken = {"step_decay.6", "step_decay.7", "one_cycle.6"}  # the loop to repair is shown
    for task_id, lines in solution_lines(path.stem).items():
        if task_id not in broken:
            (answer,) = (
                (c for c in own if c.id.startswith(TASKS[task_id].grade_id + "-answer"))
                if TASKS[task_id].kind != "manual"
                else (c for c in own if c.id == TASKS[task_id].grade_id)
            )
            assert not set(lines) & {line.strip() for line in answer.source.splitlines()}


@pytest.mark.parametrize("path", LEARNERS, **names)
def test_every_task_has_its_cells(path):
    """A question, a cell for the answer, and a locked cell that checks it, with its points."""
    by_id = {cell.id: cell for cell in cells(path)}
    for task in SHEETS[path.stem].TASKS:
        question = by_id[f"{task.grade_id}-question"].source
        assert task.question in question
        assert f"{task.minutes} minutes, {task.difficulty}" in question
        graded = by_id[task.grade_id].metadata.nbgrader
        assert (graded.grade, graded.points) == (True, task.points)
        if task.kind == "manual":
            assert task.rubric in question
            assert graded.solution and not graded.locked
            continue
        answer = by_id[f"{task.grade_id}-answer"].metadata.nbgrader
        assert answer.solution and not answer.grade and not answer.locked
        assert graded.locked and not graded.solution
        check = f'lrcourse.check("{task.id}", {task.answer_name})'
        assert by_id[task.grade_id].source == check


@pytest.mark.parametrize("path", [*LEARNERS, *SOLUTIONS], ids=lambda path: str(path)[-28:])
def test_the_cells_are_nbgraders(path):
    """Every graded cell has all the metadata of nbgrader's schema 3, of the right type."""
    graded = [cell for cell in cells(path) if "nbgrader" in cell.metadata]
    for cell in graded:
        meta = cell.metadata.nbgrader
        assert meta.schema_version == 3
        assert re.fullmatch(r"[a-zA-Z0-9_\-]+", meta.grade_id)
        assert meta.cell_type == cell.cell_type
        assert {type(meta[flag]) for flag in ("grade", "solution", "locked", "task")} == {bool}
        assert ("points" in meta) == meta.grade
    assert len({cell.metadata.nbgrader.grade_id for cell in graded}) == len(graded)


LOOPS = "optimizer.step() scheduler.step()"  # what every training loop has, in some order


@pytest.mark.parametrize("sheet", SHEETS)
def test_hints_do_not_contain_the_solution(sheet):
    """No hint, and no sentence that names a mistake, spells out the solution's code."""
    for task_id, lines in solution_lines(sheet).items():
        task = TASKS[task_id]
        said = [*task.hints, *(mistake.says for mistake in task.mistakes)]
        told = "".join("\n".join(said).split())
        given = "".join(task.question.split()) + LOOPS
        for line in lines:
            code = "".join(re.sub(r"^(return|\w+ =)\s", "", line).split())
            if len(code) >= 10 and code not in given:
                assert code not in told, f"{task_id}: {line}"


def as_formula(text):
    """Code and prose alike: `math.exp(-k)` and "e^(-k)" are the same formula."""
    text = re.sub(r"\b(math|np|torch)\.", "", text.replace("e^", "exp").replace("^", "**"))
    return re.sub(r"[\s(){}`$]", "", text)


@pytest.mark.parametrize("sheet", SHEETS)
def test_hints_do_not_say_the_formula(sheet):
    """However it is written, what a solution returns stands in no hint, unless the question has it."""
    for task_id, lines in solution_lines(sheet).items():
        task = TASKS[task_id]
        told, given = as_formula(" ".join(task.hints)), as_formula(task.question + LOOPS)
        for line in lines:
            formula = as_formula(re.sub(r"^(return|\w+ =)\s", "", line))
            if re.search(r"[-+*/<]|exp|log|ceil", formula) and formula not in given:
                assert formula not in told, f"{task_id}: {line}"


def numbers_in(text):
    """The numbers of a text, and the value of e^-0.05 where it stands there."""
    found = [float(n.replace(",", "")) for n in re.findall(r"(?<![\w^.])\d[\d,]*\.?\d*", text)]
    return {*found, *(math.exp(float(n)) for n in re.findall(r"e\^\(?(-?\d+\.?\d*)", text))}


@pytest.mark.parametrize(
    "task", [t for t in TASKS.values() if t.kind == "value"], ids=lambda t: t.id
)
def test_hints_do_not_give_an_entry_away(task):
    """An expected number or text that the question does not hold stands in no hint."""
    told, given = " ".join(task.hints), numbers_in(task.question)
    for entry in task.reference():
        if isinstance(entry, str):
            assert entry not in told
        elif entry not in given:
            assert not any(math.isclose(entry, n, rel_tol=1e-3) for n in numbers_in(told)), entry


def test_the_challenge_says_its_goal_and_no_recipe():
    """A wrong answer hears what risk is enough, and not which schedule reaches it."""
    says = lrcourse.check("training_lab.5", lambda t, total: 0.07).says

    assert re.search(r"a constant 0.07 comes to 0\.\d+, and 0\.\d+ brings full marks", says)
    assert "0.17" not in says + "".join(TASKS["training_lab.5"].hints)


@pytest.fixture(scope="module")
def kernel():
    """A kernel for all sheets; asked without asyncio, so that nothing of one waits for another."""
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def shown(kernel, tmp_path):
    """`shown(path)`: a notebook run from top to bottom, as (cell, its outputs) of graded code."""

    def execute(source):
        outputs = []
        reply = kernel.execute_interactive(source, timeout=300, output_hook=outputs.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return [o["content"] for o in outputs if o["msg_type"] not in ("status", "execute_input")]

    def run(path):
        home = f"import os\nos.environ['LRCOURSE_HOME'] = {str(tmp_path)!r}"
        execute(f"get_ipython().reset()\n{home}")
        run = [(c, execute(c.source)) for c in cells(path) if c.cell_type == "code"]
        return [(c, outputs) for c, outputs in run if c.metadata.get("nbgrader", {}).get("grade")]

    return run


@pytest.mark.parametrize("path", SOLUTIONS, **names)
def test_the_solutions_get_full_marks(path, shown):
    """Run from top to bottom, every solution earns all the points of its cell, and no warning."""
    graded = shown(path)

    assert len(graded) >= 6
    for cell, outputs in graded:
        (output,) = outputs  # nothing on stderr beside it
        assert float(output["data"]["text/plain"]) == cell.metadata.nbgrader.points


@pytest.mark.parametrize("path", LEARNERS, **names)
def test_an_untouched_sheet_runs_from_top_to_bottom(path, shown):
    """Before anything is written, Run All raises nothing, and every check says "not yet"."""
    graded = shown(path)

    assert len(graded) >= 6
    for _, outputs in graded:
        (output,) = outputs
        assert "not yet, 0 of" in output["data"]["text/plain"]


# The build


def test_a_solution_becomes_a_stub_that_runs():
    """Code inside a function leaves a comment and `...`; at the top level, a comment."""
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION\n\n\ny = 1"
    stubbed = build.without_regions(source, "# Write your code here")

    assert stubbed == "def f(x):\n    # Write your code here\n    ...\n\ny = 1"
    top = build.without_regions("x = None\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "# Here")
    assert top == "x = None\n# Here"


def test_hidden_tests_vanish():
    """A hidden test leaves nothing behind."""
    source = "check(x)\n### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS"

    assert build.without_regions(source, "") == "check(x)"


BAD = {
    "begins, and never ends": "### BEGIN SOLUTION\nx = 1",
    "begins inside SOLUTION": "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
    "HIDDEN TESTS begins inside": "### BEGIN SOLUTION\n### BEGIN HIDDEN TESTS\n### END SOLUTION",
    "ends, and has not begun": "x = 1\n### END SOLUTION",
    "HIDDEN TESTS ends, and has not": "### BEGIN SOLUTION\n### END HIDDEN TESTS",
    "no region is called 'SOLUTIONS'": "### BEGIN SOLUTIONS\n### END SOLUTIONS",
    "looks like a marker": "### BEGIN SOLUTION, part 1\nx = 1",
    "line 1 looks like": "###BEGIN SOLUTION\nx = 1\n### END SOLUTION",
}


@pytest.mark.parametrize("why", BAD)
def test_markers_that_do_not_match_are_an_error(why):
    """Nested, unclosed, unopened, misspelt: the build says which, and builds nothing."""
    with pytest.raises(build.BuildError, match=re.escape(why)):
        build.without_regions(BAD[why], "")


SPOILT = {
    "there is no task 'step_decay.99'": ("{task step_decay.1}", "{task step_decay.99}"),
    "does not define step_decay": ("def step_decay(", "def stepdecay("),
    "the answer has no solution": ("    ### BEGIN SOLUTION\n", ""),
    "a code cell with the answer must follow": ("# %%\ndef", "# %% [markdown]\n# def"),
    "the script has the tasks": ("{task step_decay.2}", "Nothing."),
}


def test_a_sheet_that_ends_with_a_question_is_an_error(tmp_path):
    """A last cell that only asks has no answer, and the build says which."""
    asked = tmp_path / "step_decay.py"
    asked.write_text("# %% [markdown]\n# {task step_decay.1}\n", encoding="utf-8")

    with pytest.raises(build.BuildError, match="step_decay.1: a code cell with the answer"):
        build.read(asked)


@pytest.mark.parametrize("why", SPOILT)
def test_a_sheet_that_does_not_fit_its_tasks_is_an_error(why, tmp_path):
    """An unknown task, another name, no solution, no answer, a task left out: each is refused."""
    old, new = SPOILT[why]
    source = (EXERCISES / "source" / "step_decay.py").read_text(encoding="utf-8")
    spoilt = tmp_path / "step_decay.py"
    assert old in source
    spoilt.write_text(source.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(build.BuildError, match=re.escape(why)):
        build.read(spoilt)
