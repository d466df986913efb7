"""What is handed to hosts is in step with the course: Colab, containers, JupyterHub on Kubernetes."""

import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
import yaml  # type: ignore[import-untyped]
from IPython.core.interactiveshell import InteractiveShell

from lrcourse import __version__, copies
from lrcourse.jupyter import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
NOTES = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
VALUES = yaml.safe_load((ROOT / "deploy" / "values.yaml").read_text(encoding="utf-8"))
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
OVERRIDES = json.loads((SETTINGS / "overrides.json").read_text(encoding="utf-8"))
# The sections of the chart's configuration reference.
SECTIONS = {"hub", "proxy", "singleuser", "scheduling", "prePuller", "ingress", "cull", "debug"}
[MEASURED] = map(int, re.findall(r"as on every other host \| (\d+) \|", NOTES))  # MiB each
UNITS = {"M": 1e6, "G": 1e9, "Mi": 2**20, "Gi": 2**30}


@pytest.fixture(scope="module")
def for_colab(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("colab")
    command = [sys.executable, str(ROOT / "site" / "colab.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("*.ipynb"))


def test_colab_has_every_lesson_with_one_cell_more(for_colab: list[Path]):
    """Colab gets every lesson as it is, behind one cell that no lesson of the course has."""
    originals = sorted((ROOT / "notebooks").glob("*.ipynb"))

    assert [path.name for path in for_colab] == [path.name for path in originals]
    for made, original in zip(for_colab, originals):
        first, *rest = nbformat.read(made, as_version=4).cells
        lesson = nbformat.read(original, as_version=4).cells
        assert rest == lesson
        assert "google.colab" in first.source
        assert all("google.colab" not in cell.source for cell in lesson)
        nbformat.validate(nbformat.read(made, as_version=4))


def test_the_first_cell_installs_and_lets_widgets_move(
    for_colab: list[Path], monkeypatch: pytest.MonkeyPatch
):
    """Run where `google.colab` is, the cell installs the course, then enables custom widgets."""
    done: list[str] = []
    colab: Any = types.ModuleType("google.colab")
    colab.output = types.SimpleNamespace(
        enable_custom_widget_manager=lambda: done.append("widgets")
    )
    google: Any = types.ModuleType("google")
    google.colab = colab
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    shell: Any = InteractiveShell()
    shell.register_magic_function(lambda line: done.append(line), "line", "pip")

    result = shell.run_cell(nbformat.read(for_colab[0], as_version=4).cells[0].source)

    assert result.success, result.error_in_exec or result.error_before_exec
    assert done == ["install --quiet git+https://github.com/lrcourse/lrcourse", "widgets"]


def test_the_container_installs_the_course(monkeypatch: pytest.MonkeyPatch):
    """The development container installs the pinned versions, training included, without CUDA."""
    install = CONTAINER["postCreateCommand"]

    assert "--constraint constraints.txt" in install and "'.[train]'" in install
    assert "--torch-backend cpu" in install
    assert (ROOT / "constraints.txt").exists()
    assert 8888 in CONTAINER["forwardPorts"]


def bytes_of(text: str) -> float:
    [(number, unit)] = re.findall(r"^([\d.]+)([A-Za-z]+)$", text)
    return float(number) * UNITS[unit]


def test_a_learner_gets_more_than_was_measured():
    """Kubernetes keeps more memory for each learner than one was measured to take, and stops one
    who takes more than twice of what it keeps."""
    memory = VALUES["singleuser"]["memory"]

    assert bytes_of(memory["guarantee"]) > MEASURED * 2**20
    assert bytes_of(memory["guarantee"]) < bytes_of(memory["limit"])
    assert VALUES["singleuser"]["cpu"]["guarantee"] <= 0.1  # one core for ten


def test_values_name_what_is_there():
    """The values have the chart's sections, this version, and the settings of `lrcourse lab`."""
    [settings] = VALUES["singleuser"]["extraFiles"].values()

    assert set(VALUES) <= SECTIONS
    assert VALUES["singleuser"]["image"]["tag"] == __version__
    assert settings["data"] == OVERRIDES
    assert VALUES["singleuser"]["defaultUrl"].endswith(f"/{copies.START}")


def test_the_hook_hands_out_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command that runs at each start puts the course into the learner's home."""
    command = VALUES["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    subprocess.run([sys.executable, *command[1:]], check=True, cwd=tmp_path)

    assert (tmp_path / copies.START).exists()


def test_links_of_the_notes_open_the_first_lesson():
    """The nbgitpuller link pulls the repository and opens its first notebook."""
    [link] = re.findall(r"https://YOUR-HUB\S+", NOTES)
    asked = parse_qs(urlsplit(link).query)

    assert asked["repo"] == ["https://github.com/lrcourse/lrcourse"]
    assert asked["urlpath"] == [f"lab/tree/lrcourse/notebooks/{copies.START}"]
    assert (ROOT / "notebooks" / copies.START).exists()
