"""One JupyterLab, one Chromium and one page for all browser tests.

A notebook that is opened has a kernel of its own; code cells are run in one that the tests share,
emptied after each. A page that a test has failed on is not used again.

    def test_something(lab):
        lab.open_notebook("01_step_decay.ipynb")
        assert lab.run_all() == []

    def test_a_widget(lab_page_with_code):
        lab = lab_page_with_code("from lrcourse import StepDecay, explore", "explore(StepDecay())")
        lab.sliders.first.press("ArrowRight")
        lab.settle()

`lab.page` is the Playwright page. See `jupyter_page.py` for the rest.
"""

import itertools
import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from jupyter_page import CHROMIUM_FLAGS, JupyterPage, JupyterServer, find_chromium

DESKTOP = {"width": 1280, "height": 900}
FAILED = pytest.StashKey[bool]()


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
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)  # 5 seconds are short where four others compute
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
def page(chromium: Any) -> Iterator[Any]:
    """A page that must not meet an error; in a context of its own, for one may stop its clock."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def pages(jupyter_server: JupyterServer, chromium: Any) -> Iterator[dict[str, list[JupyterPage]]]:
    """The pages that tests before have left, by the options of their contexts."""
    left: dict[str, list[JupyterPage]] = {}
    yield left
    for page in itertools.chain(*left.values()):
        page.close()


@pytest.fixture
def new_lab(
    request: pytest.FixtureRequest,
    pages: dict[str, list[JupyterPage]],
    jupyter_server: JupyterServer,
    context_with: Callable[..., Any],
) -> Iterator[Callable[..., JupyterPage]]:
    """Another page of JupyterLab, no notebook open: `new_lab()`. Options go to Playwright's
    `new_context`. A page that a test has left in order is taken again: to load one takes seconds."""
    opened = []

    def new(viewport: dict[str, int] = DESKTOP, **options: Any) -> JupyterPage:
        jupyter_server.set_settings()
        left = pages.setdefault(repr(sorted(options.items())), [])
        lab = left.pop() if left else JupyterPage(context_with(**options), jupyter_server)
        lab.page.set_viewport_size(viewport)
        opened.append((lab, left))
        return lab

    yield new
    for lab, left in opened:
        if request.node.stash.get(FAILED, False) or not lab.in_order:
            lab.close()
        else:
            lab.tidy()
            left.append(lab)


@pytest.fixture
def lab(new_lab: Callable[..., JupyterPage]) -> Iterator[JupyterPage]:
    """A page, no notebook open, that no test leaves with an error or a foreign request."""
    lab = new_lab()
    yield lab
    assert lab.faults == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def zoomed_lab(new_lab: Callable[..., JupyterPage]) -> JupyterPage:
    """A page as a browser shows it at 200 %: half as many pixels each way, each twice as large."""
    return new_lab(viewport={"width": 640, "height": 450}, device_scale_factor=2)


@pytest.fixture
def lab_page_with_code(lab: JupyterPage) -> Callable[..., JupyterPage]:
    """Runs code cells in a new notebook: `lab_page_with_code("import lrcourse", "...")`."""
    return lab.run_code
