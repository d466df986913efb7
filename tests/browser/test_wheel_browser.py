"""`lrcourse lab` from the installed wheel: the first lesson opens and runs in a real JupyterLab."""

import secrets
import subprocess
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from installed import Environment, build_wheel
from jupyter_page import HOST, JupyterPage, free_port

from lrcourse.copies import START

SETTING = """async () => {
  const id = '@jupyter-widgets/jupyterlab-manager:plugin';
  const known = await jupyterapp.serviceManager.settings.fetch(id);
  return known.schema.properties.saveState.default;
}"""


@pytest.mark.thorough  # what is in the wheel: tests/test_wheel.py
def test_the_wheel_opens_a_lesson(tmp_path: Path, context_with, chromium):
    """`lrcourse lab` of the built wheel, with the clone out of reach and nothing to write into but
    the learner's folder, opens the first lesson, which runs without an error; saved, the lesson
    keeps its widgets."""
    installed = Environment(build_wheel(tmp_path / "built"), tmp_path / "env")
    home = tmp_path / "home"
    home.mkdir()
    server = SimpleNamespace(token=secrets.token_hex(16), port=free_port())
    server.url = f"http://{HOST}:{server.port}"
    options = [f"--port={server.port}", f"--IdentityProvider.token={server.token}"]
    options += ["--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True"]
    command = installed.command(home, installed.bin / "lrcourse", "lab", "--no-browser", *options)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=installed.variables(home), stdout=log, stderr=log
        )
    try:
        _wait(process, f"{server.url}/api/status?token={server.token}", tmp_path / "log")
        lab = JupyterPage(context_with(), server)
        lab.open_notebook(START)
        assert lab.run_all() == []
        assert lab.page.evaluate(SETTING) is True
        assert lab.faults == []
        lab.page.close()
        _ask(f"{server.url}/api/shutdown?token={server.token}", "POST")
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (home / "my-course" / START).exists()


def _ask(url: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def _wait(process: subprocess.Popen, url: str, log: Path) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            _ask(url)
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
