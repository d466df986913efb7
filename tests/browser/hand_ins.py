"""Submissions of a class: honest, wrong in their own ways, broken, hostile, and empty ones.

`hand_in_all(folder)` writes them as a learner's editor would. What is hostile tries to run a
script wherever somebody reads it; a page on which that works sets `window.owned`.
"""

import copy
import json
import os
import sys
from pathlib import Path

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"

PAYLOADS = (
    "<script>window.owned=1;alert(1)</script>",
    "<img src=x onerror='window.owned=1;alert(1)'>",
    "<svg onload='window.owned=1;alert(1)'></svg>",
    "</pre></code></p></title></style><script>window.owned=1;alert(1)</script>",
    '<iframe srcdoc="<script>parent.owned=1</script>"></iframe>',
    "[x](javascript:window.owned=1) ![x](https://example.org/x.png)",
    "<a id=link href='javascript:window.owned=1'>x</a><style>*{display:none}</style>",
)
ALL = " ".join(PAYLOADS)
IN_A_NAME = "<img src=x onerror=window.owned=1>" if sys.platform != "win32" else "eve & co"


def sheet(name: str, solved: bool = True) -> dict:
    """The sheet as it is handed out, with the answers of the solutions where `solved`."""
    notebook = _read(EXERCISES / f"{name}.ipynb")
    if solved:
        answers = {
            _id(c): c["source"] for c in _read(EXERCISES / "solutions" / f"{name}.ipynb")["cells"]
        }
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                cell["source"] = answers[_id(cell)]
    return notebook


def with_answers(name: str, answers: dict[int, str], solved: bool = True) -> dict:
    """A sheet in which the tasks with these numbers are answered so."""
    notebook = sheet(name, solved)
    for cell in notebook["cells"]:
        for number, source in answers.items():
            if _id(cell) in (f"{name}-{number}-answer", *[f"{name}-{number}"] * (_is_text(cell))):
                cell["source"] = source
    return notebook


def _is_text(cell: dict) -> bool:
    return cell["cell_type"] == "markdown"


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _id(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


WRONG_STEPS = {
    1: "def step_decay(t, lr, step_size, gamma):\n    return lr * gamma ** (max(t - 1, 0) // step_size)",
    2: "def step_curve(t, lr, step_size, gamma):\n    return [lr * gamma ** (i // step_size) for i in range(len(t))]",
    3: "def multi_step(t, lr, milestones, gamma):\n    return lr * gamma ** sum(m < t for m in milestones)",
    4: "rates = [0.1, 0.01, 0.01, 0.001, 0.001]",
    5: "bugs = ['stepped every batch', 'stepped too early', 'milestone after the end']",
}
WRONG_DECAY = {
    1: "import math\ndef exponential_decay(t, lr, k):\n    return lr * math.exp(k * t)",
    2: "def decay_curve(t, lr, k):\n    return lr * (1 - k) ** t",
    3: "def gamma_from_k(k):\n    return 1 - k",
    4: "def k_from_gamma(gamma):\n    return 1 - gamma",
    5: "import math\ndef updates_until(share, gamma):\n    return math.log(share) / math.log(gamma)",
    6: "def gamma_for(final_share, epochs, batches):\n    return final_share ** (1 / epochs)",
}
GAPS = {  # numbers at first, then none
    1: "def exponential_decay(t, lr, k):\n    return lr if t < 5 else float('nan')",
    3: "def gamma_from_k(k):\n    return 1e200",
    4: "def k_from_gamma(gamma):\n    return 10**9",
}
LOOPS = {
    1: "def exponential_decay(t, lr, k):\n    while True:\n        pass",
    2: "import os\nos._exit(0)",
    3: "def gamma_from_k(k):\n    return k / 0",
    4: "def k_from_gamma(gamma) return 1",
    5: "def updates_until(share):\n    return undefined",
}
HOSTILE = {
    1: f"def exponential_decay(t, lr, k):\n    print({ALL!r})\n    raise ValueError({ALL!r})",
    2: f"def decay_curve(t, lr, k):\n    return {PAYLOADS[1]!r}",
    3: f"raise RuntimeError({ALL!r})  # {PAYLOADS[0]}",
    4: f"def k_from_gamma(gamma):\n    return 1 / 0  # {PAYLOADS[0]}",
    5: f"def updates_until(share, gamma):\n    return type({PAYLOADS[0]!r}, (), {{}})()",
    6: f"def gamma_for(final_share, epochs, batches):\n    return [{PAYLOADS[2]!r}] * 3",
    7: f"rates = {list(PAYLOADS[:4])!r}",
}
ESSAY = (
    "I pick linear decay to zero after 500 updates of warm-up.\n\n"
    "- The race of this course put it 0.012 below constant, [0.006, 0.018].\n"
    "- Two GPU days are 28,140 updates.\n\nI would choose another if the length were unknown."
)


def hostile_outputs(notebook: dict) -> dict:
    """The same notebook with outputs, metadata and ids that try to run a script."""
    notebook = copy.deepcopy(notebook)
    data = {"text/html": ALL, "image/svg+xml": PAYLOADS[2], "text/markdown": ALL, "text/plain": ALL}
    data["application/javascript"] = "window.owned=1"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            shown = {"output_type": "display_data", "data": data, "metadata": {}}
            cell["outputs"] = [shown, {"output_type": "stream", "name": "stdout", "text": ALL}]
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": ALL})
    notebook["cells"].append({"cell_type": "raw", "metadata": {}, "source": ALL})
    notebook["metadata"]["title"] = ALL
    return notebook


CLASS = {  # learner: (file, notebook)
    "Ada Lovelace": [
        ("step_decay.ipynb", lambda: sheet("step_decay")),
        ("exponential_decay.ipynb", lambda: sheet("exponential_decay")),
        ("training_lab.ipynb", lambda: sheet("training_lab")),
    ],
    "Bob Byron": [
        ("step_decay.ipynb", lambda: with_answers("step_decay", WRONG_STEPS)),
        ("exponential_decay.ipynb", lambda: with_answers("exponential_decay", WRONG_DECAY)),
        ("training_lab.ipynb", lambda: with_answers("training_lab", {7: ESSAY}, solved=False)),
    ],
    "Cy Gap": [("exponential_decay.ipynb", lambda: with_answers("exponential_decay", GAPS))],
    "Dana Loop": [("exponential_decay.ipynb", lambda: with_answers("exponential_decay", LOOPS))],
    IN_A_NAME: [
        (
            f"exponential_decay {IN_A_NAME}.ipynb",
            lambda: hostile_outputs(with_answers("exponential_decay", HOSTILE)),
        ),
        (
            "training_lab.ipynb",
            lambda: hostile_outputs(with_answers("training_lab", {7: ALL}, solved=False)),
        ),
    ],
    "Fay Empty": [("exponential_decay.ipynb", lambda: sheet("exponential_decay", solved=False))],
    "Gus Ünïcode \u202eevil": [
        ("step_decay.ipynb", lambda: with_answers("step_decay", {3: "x = ("}))
    ],
    "Hal " + "Verylongname" * 8: [
        ("exponential_decay.ipynb", lambda: with_answers("exponential_decay", {7: "rates = None"}))
    ],
    "Lou Alike": [
        ("exponential_decay.ipynb", lambda: with_answers("exponential_decay", WRONG_DECAY)),
        ("training_lab.ipynb", lambda: with_answers("training_lab", {7: ESSAY}, solved=False)),
    ],
    "Ida Untitled": [("Untitled1.ipynb", lambda: {"cells": [], "metadata": {}, "nbformat": 4})],
}


def hand_in_all(folder: Path, without: tuple[str, ...] = ()) -> None:
    """The class's folder, and one learner whose file is no notebook. `without`: sheets to skip."""
    for learner, files in CLASS.items():
        for name, make in files:
            if not name.startswith(without or ("-",)):
                _write(folder / learner / name, json.dumps(make()))
    _write(folder / "Joe Broken" / "exponential_decay.ipynb", "{ this is no notebook")
    twice = json.dumps(sheet("exponential_decay"))
    _write(folder / "Kim Twice" / "exponential_decay.ipynb", twice)
    _write(folder / "Kim Twice" / "old" / "exponential_decay.ipynb", twice)
    os.utime(folder / "Kim Twice" / "old" / "exponential_decay.ipynb", (1, 1))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
