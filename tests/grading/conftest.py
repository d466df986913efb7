"""Notebooks to hand in, and a sandbox to grade them in."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from lrcourse.grading.grade import Mark, mark, to_preload
from lrcourse.grading.sandbox import Limits, refusal
from lrcourse.grading.sessions import SandboxedWorker
from lrcourse.grading.submissions import Submission

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"

HONEST = {  # right answers to the sheet exponential_decay, none of which needs PyTorch
    "exponential_decay": "import math\ndef exponential_decay(t, lr, k):\n"
    "    return lr * math.exp(-k * t)",
    "gamma_from_k": "import math\ndef gamma_from_k(k):\n    return math.exp(-k)",
    "k_from_gamma": "import math\ndef k_from_gamma(gamma):\n    return -math.log(gamma)",
}
POINTS = {"exponential_decay.1": 2, "exponential_decay.3": 1, "exponential_decay.4": 1}


def need_sandbox() -> None:
    """Skip where user namespaces are closed, and say so; in CI that is a failure."""
    if refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(refusal())


@pytest.fixture(scope="session")
def worker():
    need_sandbox()
    worker = SandboxedWorker()
    yield worker
    worker.close()


@pytest.fixture(scope="session")
def torch_worker():
    need_sandbox()
    worker = SandboxedWorker(1, to_preload(["step_decay"]))
    yield worker
    worker.close()


def notebook(*cells, **metadata) -> dict:
    """A notebook of code cells; a cell that is a dict stands as it is."""
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    made = [c if isinstance(c, dict) else {**code, "source": c} for c in cells]
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def write(folder: Path, name: str, *cells) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    return path


@pytest.fixture
def hand_in(worker, tmp_path):
    """`hand_in(*cells)`: what the sandbox makes of a notebook on the sheet exponential_decay."""
    return _handing_in(worker, tmp_path, "exponential_decay", Limits(call=2.0, total=15.0))


@pytest.fixture
def train(torch_worker, tmp_path):
    """`train(*cells)`: the same on the sheet step_decay, in a worker that has PyTorch."""
    return _handing_in(torch_worker, tmp_path, "step_decay", Limits(call=10.0, total=30.0))


def _handing_in(worker, folder: Path, sheet: str, usual: Limits):
    def grade(*cells, limits: Limits | None = None, name="eve.ipynb") -> Mark:
        path = write(folder, name, *cells)
        return mark(Submission("eve", path, sheet), worker, limits or usual, seed=1)

    return grade


def earned(mark: Mark) -> dict[str, float]:
    """The tasks that brought points."""
    return {t["id"]: t["earned"] for t in mark.tasks if t["earned"]}


def says(mark: Mark, task: str = "exponential_decay.1") -> str:
    return next(t["says"] for t in mark.tasks if t["id"] == task)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def command_lines() -> str:
    """Those of all processes of the machine, one after another."""
    found = ""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found
