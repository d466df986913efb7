"""A lesson on the projector, in JupyterLab's presentation mode: nothing is cut off, all can be read."""

from collections.abc import Callable

import pytest
from jupyter_page import JupyterPage

LEAST = 18 / 1080  # of the height of the screen: the smallest letters

MOVING = ("cloud", "wells", "sharpness", "seed_dial", "trunk_and_branches")
WIDGETS = [
    "import lrcourse.memory, pandas as pd\nfrom lrcourse import *\n"
    "from IPython.display import Markdown\nlrcourse.memory.forget()",
    "lrcourse.choose('step_decay')",
    "lrcourse.explore(OneCycle(max_lr=0.1, total_steps=100))",
    "lrcourse.explore(StepDecay(step_size=20), task='digits', steps=40, seeds=2)",
    "lrcourse.draw('projected', StepDecay(), steps=90)",
    "lrcourse.ball()",
    "lrcourse.play([4, 2, 1, 0.5], loss=lambda x: x**2, schedule=Constant(lr=0.1))",
    "lrcourse.quiz('step_decay')",
    *(f"lrcourse.{name}()" for name in MOVING),
    "lrcourse.decide('projected', 'Because the rate is too high.'); lrcourse.bench()",
    "print('told'); display(Markdown('Some words of a lesson, and `code`.'))\n"
    "pd.DataFrame({'rate': [0.1, 0.01]})",
]

PRESENT = """async () => {
  await jupyterapp.commands.execute('application:toggle-presentation-mode');
  if (!jupyterapp.shell.leftCollapsed)
    await jupyterapp.commands.execute('application:toggle-left-area');
}"""

# The height of an element's letters on the page; those of a plot are drawn larger or smaller.
LETTERS = """e => parseFloat(getComputedStyle(e).fontSize)
  * (e.ownerSVGElement ? Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b) : 1)"""

# All that is shown below `root`: what leaves it or its page on the right, and the smallest letters.
SEEN = """root => {
  const size = LETTERS;
  const page = root.closest('.jp-Notebook').getBoundingClientRect();
  const all = [...root.querySelectorAll('*')].filter(e =>
    e.getClientRects().length && !e.closest('.lrx-said, clipPath, [hidden]'));
  const cut = all.filter(e => e.getBoundingClientRect().right > page.right + 0.5
    || (e.scrollWidth > e.clientWidth + 1 && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX)));
  const written = all.filter(e => [...e.childNodes].some(n =>
    n.nodeType === Node.TEXT_NODE && n.textContent.trim()) || e.matches('input[type=text], select'));
  const letters = written.map(e => [size(e), `${e.tagName} ${e.textContent.trim().slice(0, 30)}`]);
  letters.sort((a, b) => a[0] - b[0]);
  return {
    cut: cut.filter(e => !e.closest('.cm-editor')).map(e => `${e.tagName}.${e.getAttribute('class')} ${e.textContent.slice(0, 30)}`),
    letters: letters[0],
    wide: root.scrollWidth > root.clientWidth + 1,
    // (That of what trains is narrower: beside it stand its words.)
    figures: all.filter(e => e.matches(':not(.lrt *).lrx-figure')).map(e => e.getBoundingClientRect().width
      / parseFloat(getComputedStyle(e).fontSize)),
  };
}""".replace("LETTERS", LETTERS)


LARGE = pytest.param((1920, 1080), marks=pytest.mark.thorough)


@pytest.fixture(params=[(1280, 720), LARGE], ids=str)
def projected(request: pytest.FixtureRequest, new_lab: Callable[..., JupyterPage]) -> JupyterPage:
    """A page of JupyterLab in presentation mode, on a screen of this size."""
    width, height = request.param
    lab = new_lab(viewport={"width": width, "height": height})
    lab.page.evaluate(PRESENT)
    return lab


def assert_readable(lab: JupyterPage, place: str) -> None:
    height = lab.page.viewport_size["height"]
    places = lab.panel.locator(place).all()
    assert places
    for root in places:
        root.scroll_into_view_if_needed()
        lab.next_frame()
        seen = root.evaluate(SEEN)
        assert seen["cut"] == [] and not seen["wide"], (place, seen)
        if seen["letters"]:
            assert seen["letters"][0] >= LEAST * height, (place, seen["letters"])
        # A figure is drawn for letters of 14 px: it is 50 em wide, or as wide as the page.
        page = root.evaluate("r => r.clientWidth / parseFloat(getComputedStyle(r).fontSize)")
        assert all(width >= min(40, 0.9 * page) for width in seen["figures"])


def test_widgets_are_readable(projected: JupyterPage):
    """Every widget, before and after an answer: nothing is cut off on the right, and no letter is
    smaller than 18 px of 1080."""
    lab = projected.run_code(*WIDGETS)
    lab.panel.locator(".lrc-curve").first.wait_for()
    for explorer in lab.panel.locator(".lrx").all():
        lab.at_rest(explorer)
    assert lab.panel.locator(".lrc").count() >= 6
    assert_readable(lab, ".jp-OutputArea")

    lab.panel.locator('.lrc-choose input[type="radio"]').first.check()
    lab.panel.get_by_role("button", name="Commit my guess").click()
    lab.panel.locator('.lrc-quiz input[type="radio"]').nth(1).check()
    lab.panel.locator(".lrc-quiz button").first.click()
    lab.panel.locator(".lrc-choose .lrc-said strong").first.wait_for()
    lab.panel.locator(".lrc-quiz .lrc-said strong").first.wait_for()
    assert_readable(lab, ".jp-OutputArea")
    assert lab.faults == []


@pytest.mark.thorough
def test_a_lesson_is_readable(projected: JupyterPage):
    """So are the text and outputs of a lesson that was run; a long line of code scrolls."""
    lab = projected.open_notebook("00_start_here.ipynb")
    assert lab.run_all() == []

    assert_readable(lab, ".jp-Cell")


def test_a_widget_grows_with_its_page(new_lab: Callable[..., JupyterPage]):
    """Presentation mode, chosen when the widgets are there already, makes their plots larger, too."""
    lab = new_lab(viewport={"width": 1920, "height": 1080}).run_code(*WIDGETS[:3])
    explorer = lab.panel.locator(".lrx")
    lab.at_rest(explorer)
    words = lab.panel.locator(".lrc-choose .lrc-axis").first
    before = words.evaluate(LETTERS), lab.panel.locator(".lrx-figure").bounding_box()["width"]
    lab.page.evaluate(PRESENT)

    def larger() -> None:
        now = words.evaluate(LETTERS), lab.panel.locator(".lrx-figure").bounding_box()["width"]
        assert now[0] > 1.3 * before[0] and now[1] > 1.3 * before[1], (before, now)

    lab.until(larger)
    assert lab.faults == []
