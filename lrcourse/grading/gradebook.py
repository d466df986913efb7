"""lrcourse's marks in nbgrader: its gradebook, formgrader and manual marking, unchanged.

In `nbgrader_config.py`:

    from lrcourse.grading.gradebook import configure
    configure(get_config())

Then `nbgrader autograde` runs each notebook in the sandbox's kernel, for its outputs, and writes
the marks that `lrcourse grade` would give into the gradebook. The tests in the notebook decide
nothing: a notebook that patches them, or that ends its kernel, has the mark of its answers.
"""

import atexit
import json
import os
import re
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor

from lrcourse.grading.grade import Mark, fresh_seed, kept_seed, mark_tasks, to_preload
from lrcourse.grading.notebooks import Refused, read_notebook, sheet_in, sheet_of
from lrcourse.grading.provisioner import NAME
from lrcourse.grading.sandbox import Limits
from lrcourse.grading.sessions import SandboxedWorker

MOST_OUTPUT = 1 << 20  # bytes that a notebook may print into its autograded copy
SHOWN = ("text/plain", "image/png")
SEED = "lrcourse_judged_on.json"  # of the verdicts that rest on chance, beside the gradebook
WIDTH = 95  # characters of a line: formgrader does not break them
FLOOD_ENDS = 30  # seconds that a kernel has to send the rest of a flood, on a busy machine, too
_CUT = "[The rest of what this notebook printed is left out.]"

_BEFORE = "nbgrader.preprocessors."
SANITIZERS = (
    _BEFORE + "ClearOutput",
    "lrcourse.grading.gradebook.RestoreCells",
    *(_BEFORE + name for name in ("OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")),
)
PREPROCESSORS = (
    "lrcourse.grading.gradebook.SandboxedExecute",
    "lrcourse.grading.gradebook.MarksFromOutside",
    "lrcourse.grading.gradebook.MakeInert",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    *(_BEFORE + name for name in ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties")),
    _BEFORE + "CheckCellMetadata",
)


def configure(config: Any) -> None:
    """Set what `nbgrader autograde` needs, in the configuration that `get_config()` returns."""
    config.Autograde.sanitize_preprocessors = list(SANITIZERS)
    config.Autograde.autograde_preprocessors = list(PREPROCESSORS)
    config.SandboxedExecute.kernel_name = NAME


class RestoreCells(NbGraderPreprocessor):
    """Make the sheet's cells again what they were, whatever a learner did to their metadata.

    Their text counts, in those that are theirs to fill in. Of cells with the same id the first is
    it; a graded cell that is gone comes back at the end. nbgrader's own repair gives up on some
    of this, and on some of it (an id twice, another schema) stops grading the whole class.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple:
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            sheet = book.find_notebook(about["notebook"], about["assignment"])
            known = {cell.name: cell for cell in sheet.source_cells}
            points = {cell.name: cell.max_score for cell in sheet.grade_cells}
            filled = {cell.name for cell in sheet.solution_cells}
            cells, found = [], set()
            for cell in nb.cells:
                name = cell.metadata.pop("nbgrader", {})
                name = name.get("grade_id") if isinstance(name, dict) else None
                if isinstance(name, str) and name in known and name not in found:
                    found.add(name)
                    cell = _restored(cell, known[name], points, filled)
                cells.append(cell)
            gone = [known[name] for name in points if name not in found]
            cells += [_restored({}, source, points, filled) for source in gone]
        nb.cells = cells
        for cell in cells if nb.nbformat_minor < 5 else ():
            cell.pop("id", None)
        return nb, resources


def _restored(cell: Any, source: Any, points: dict[str, float], filled: set[str]) -> Any:
    name = source.name
    about = {
        "schema_version": 3,
        "grade_id": name,
        "grade": name in points,
        "solution": name in filled,
        "locked": source.locked,
        "task": False,
        "cell_type": source.cell_type,
    }
    if name in points:
        about["points"] = points[name]
    new = new_code_cell if source.cell_type == "code" else new_markdown_cell
    text = source.source if source.locked else cell.get("source", source.source)
    made = new(source=text, metadata={"nbgrader": about})
    if source.cell_type == "markdown" and isinstance(cell.get("attachments"), dict):
        made.attachments = cell["attachments"]
    return made


class SandboxedExecute(Execute):
    """nbgrader's own execution, with a limit on output; a kernel that dies stops nothing."""

    _printed = 0
    iopub_timeout: Any
    raise_on_iopub_timeout: Any

    def preprocess(self, nb: Any, resources: Any, *rest: Any) -> tuple:
        self._printed = 0
        self.iopub_timeout = max(self.iopub_timeout, FLOOD_ENDS)
        self.raise_on_iopub_timeout = False  # the cell says that it was stopped, the next runs
        self.kernel_name = NAME
        try:
            return super().preprocess(nb, resources, *rest)
        except Exception as error:  # the marks come from MarksFromOutside all the same
            self.log.warning("The notebook did not run to its end: %s", error)
            return nb, resources

    def process_message(self, msg: dict, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            left = MOST_OUTPUT - self._printed
            self._printed += len(json.dumps(msg["content"], default=str))
            if self._printed > MOST_OUTPUT:
                if left <= 0 or msg["msg_type"] != "stream":
                    return None
                text = str(msg["content"].get("text", ""))[:left]
                msg["content"]["text"] = f"{text}\n{_CUT}\n"
        return super().process_message(msg, cell, cell_index)


class MarksFromOutside(NbGraderPreprocessor):
    """Replace the output of each test cell by the mark that its answer gets outside the kernel."""

    def preprocess(self, nb: Any, resources: Any) -> tuple:
        done = self._mark(nb, resources["nbgrader"])
        found = {task["id"]: task for task in done.tasks}
        for cell in nb.cells:
            about = cell.metadata.get("nbgrader", {})
            task = found.get(str(about.get("grade_id", "")).replace("-", "."))
            if cell.cell_type == "code" and about.get("grade"):
                cell.outputs = _scored(task, cell.metadata.nbgrader.get("points", 0))
        return nb, resources

    def _mark(self, nb: Any, about: dict) -> Mark:
        name = about["notebook"]
        done = Mark(about["student"], name, sheet_in(name))
        try:
            notebook = read_notebook(f"{name}.ipynb", json.dumps(nb).encode())
            done.sheet = done.sheet or sheet_of(notebook.code)
            if done.sheet is not None:
                done.seed = fresh_seed()
                done.judged_on = kept_seed(_beside(about["db_url"]) / SEED)
                key = os.environ.get("LRCOURSE_CLASS_KEY", "")
                mark_tasks(done, notebook, _worker(done.sheet), Limits(), variants=key)
        except Refused as refused:
            done.refused = str(refused)
            self.log.warning("%s: %s", about["student"], refused)
        return done


def _beside(db_url: str) -> Path:
    """The folder of the gradebook, or of the course: no kernel of a submission sees it."""
    file = db_url.removeprefix("sqlite:///")
    return Path.cwd() if file == db_url else Path(file).parent


@cache
def _worker(sheet: str) -> SandboxedWorker:
    """One warm worker for all notebooks of a sheet that this command grades."""
    worker = SandboxedWorker(501, to_preload([sheet]))
    atexit.register(worker.close)
    return worker


def _scored(task: dict | None, most: float) -> list:
    """Outputs from which nbgrader reads the score: a number is a part of the points.

    An execution result of 0 would count as no number at all, so that nothing is an error.
    """
    if task is None:
        return [_no_points("No task of the course has this cell's id.")]
    says = f"{task['id']}: {task['earned']:g} of {task['points']:g} points. {task['says']}"
    says = fill(says, WIDTH)
    if not task["earned"]:
        return [_no_points(says)]
    score = min(most, most * task["earned"] / task["points"])
    return [
        new_output("stream", name="stdout", text=says + "\n"),
        new_output("execute_result", data={"text/plain": f"{score:g}"}, execution_count=1),
    ]


def _no_points(says: str) -> Any:
    return new_output("error", ename="NotYet", evalue=says, traceback=[f"Not yet. {says}"])


class MakeInert(NbGraderPreprocessor):
    """Nothing that a learner wrote runs in the browser of whoever marks it in formgrader."""

    def preprocess(self, nb: Any, resources: Any) -> tuple:
        nb.metadata.pop("widgets", None)  # saved widgets carry JavaScript of their own
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple:
        if cell.cell_type in ("markdown", "raw") and not cell.metadata.get("nbgrader", {}).get(
            "locked"
        ):
            cell.source = inert(cell.source)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = {k: v for k, v in output.data.items() if k in SHOWN}
                if not _BASE64.fullmatch(str(output.data.get("image/png", ""))):
                    del output.data["image/png"]
                output.metadata = {}
        return cell, resources


_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def inert(markdown: str) -> str:
    """Markdown without HTML, links that run code, and pictures from elsewhere.

    Links may lead to the web, to a place of the notebook or to what is attached, and are text
    otherwise: `javascript:` can be spelt in more ways than a list of them would hold. A picture is
    loaded as soon as the page is opened, and tells its server so.
    """
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", markdown)
    text = re.sub(r"(?i)\]\((?!\s*(https?://|mailto:|#|attachment:))", "]&#40;", text)
    return _without_pictures(_without_references(text))


def _without_references(text: str) -> str:
    """`[x]: where it leads`, which may stand on a later line, is text."""
    lines, leads = text.split("\n"), False  # whether what comes after a line could be an address
    for i in reversed(range(len(lines))):  # one look at each line, however many `]:` it holds
        line = lines[i]
        address = max(line.rfind(":"), line.rfind("&"))
        if "]:" in line:
            if leads and line.rstrip().endswith("]:"):
                address = len(line)
            before = line[:address].replace("]:", "]&#58;")
            lines[i] = before + line[address:]
        leads = address >= 0 or (leads and not line.strip())
    return "\n".join(lines)


def _without_pictures(text: str) -> str:
    """`![` is text, but before the name of a picture that is attached."""
    closes = -1

    def inert_one(found: re.Match) -> str:
        nonlocal closes
        if closes < found.end():  # looked for once, not for each of many `![` before it
            closes = text.find("]", found.end())
            closes = len(text) if closes < 0 else closes
        return "![" if text.startswith("(attachment:", closes + 1) else "&#33;["

    return re.sub(r"!\[", inert_one, text)
