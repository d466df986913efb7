"""One JupyterLab and one Chromium for all browser tests; a fresh page and kernel for each test.

    def test_something(lab):
        lab.open_notebook("01_step_decay.ipynb")
        assert lab.run_all() == []

    def test_a_widget(lab_page_with_code):
        lab = lab_page_with_code("from lrcourse import *", "explore(StepDecay())")
        lab.sliders.first.press("ArrowRight")
        lab.settle()

`lab.page` is the Playwright page. See `jupyter_page.py` for the rest.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_page import CHROMIUM_FLAGS, JupyterPage, JupyterServer, find_chromium


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """An installed Chromium. Without one: skipped on your machine, a failure where CI is set."""
    path = find_chromium()
    if path is None:
        message = "Chromium is missing: apt install chromium, or install Google Chrome"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def jupyter_server(
    tmp_path_factory: pytest.TempPathFactory, chromium_path: str
) -> Iterator[JupyterServer]:
    """A JupyterLab on a copy of the notebooks."""
    with JupyterServer(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="session")
def chromium(chromium_path: str) -> Iterator[Any]:
    """A headless Chromium, as a Playwright browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context_with(chromium: Any) -> Callable[..., Any]:
    """Playwright's `new_context`, one for the same options: it keeps JupyterLab's compiled code."""
    made: dict[str, Any] = {}

    def context(**options: Any) -> Any:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = chromium.new_context(**options)
        return made[key]

    return context


@pytest.fixture
def new_lab(
    jupyter_server: JupyterServer, context_with: Callable[..., Any]
) -> Iterator[Callable[..., JupyterPage]]:
    """Makes a page of JupyterLab: `new_lab()`. Options go to Playwright's `new_context`."""
    opened = []

    def new(**options: Any) -> JupyterPage:
        options = {"viewport": {"width": 1280, "height": 900}} | options
        jupyter_server.set_settings()
        opened.append(JupyterPage(context_with(**options), jupyter_server))
        return opened[-1]

    yield new
    for lab in opened:
        lab.close()


@pytest.fixture
def lab(new_lab: Callable[..., JupyterPage]) -> Iterator[JupyterPage]:
    """A fresh page, no notebook open, that no test leaves with an error or a foreign request."""
    lab = new_lab()
    yield lab
    assert lab.faults == []


@pytest.fixture
def zoomed_lab(new_lab: Callable[..., JupyterPage]) -> JupyterPage:
    """A page as a browser shows it at 200 %: half as many pixels each way, each twice as large."""
    return new_lab(viewport={"width": 640, "height": 450}, device_scale_factor=2)


@pytest.fixture
def lab_page_with_code(lab: JupyterPage) -> Callable[..., JupyterPage]:
    """Runs code cells in a new notebook: `lab_page_with_code("import lrcourse", "...")`."""
    return lab.run_code
