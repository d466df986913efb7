"""What the widgets do when Python does not hear them, and that the notebook does not hear their keys."""

import os
import signal

import pytest
from bare import LISTEN
from playwright.sync_api import expect
from sampling import some
from test_explorer_browser import ASK_KERNEL

IMPORT = "import lrcourse.memory\nfrom lrcourse import *\nlrcourse.memory.forget()"
WIDGETS = {
    ".lrc-quiz": "lrcourse.quiz('step_decay')",
    ".lrc-choose": "lrcourse.choose('step_decay')",
    ".lrc-draw": "lrcourse.draw('d', StepDecay(), points=6)",
    ".lrc-player": "lrcourse.play([4.0, 2.0, 1.0], loss=lambda x: x**2, schedule=Constant(lr=0.5))",
    ".lrc-ball": "lrcourse.ball()",
    ".lrc-bench": "lrcourse.bench()",
    ".lrx:not(.lrw)": "lrcourse.explore(StepDecay())",
    ".lrw": "lrcourse.explore_landscape(StepDecay(lr=0.09))",
}
MOVING = {
    ".lrc-cloud": "lrcourse.cloud()",
    ".lrc-wells": "lrcourse.wells()",
    ".lrc-sharpness": "lrcourse.sharpness()",
    ".lrc-seed-dial": "lrcourse.seed_dial()",
    ".lrc-trunk": "lrcourse.trunk_and_branches()",
    ".lrt": "lrcourse.explore(StepDecay(), task='digits', steps=40, seeds=2)",
}
every_kind = pytest.mark.parametrize(
    "widgets",
    [WIDGETS, pytest.param(MOVING, marks=pytest.mark.thorough)],
    ids=["what is asked and set", "what moves and trains"],
)
ASLEEP = ".lrc-asleep:visible"
FOCUSABLE = ":is(input, button, select, [tabindex]):visible"

PID = """async () => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = { code: 'import os', silent: true, user_expressions: { pid: 'os.getpid()' } };
  const reply = await kernel.requestExecute(asked, true).done;
  return Number(reply.content.user_expressions.pid.data['text/plain']);
}"""

NOW = "() => jupyterapp.shell.currentWidget.content"


def choose_first(lab):
    """The first answer to the first question of the quiz; its button."""
    lab.panel.locator(".lrc-quiz input").first.check()
    return lab.panel.locator(".lrc-quiz button").first


def test_a_restart_is_said_and_nothing_is_lost(new_lab):
    """After a restart every widget says that it rests, and its controls are off; saved and opened
    again each of them is there and shows what it showed."""
    lab = new_lab().run_code(IMPORT, *WIDGETS.values())
    quiz = lab.panel.locator(".lrc-quiz")
    choose_first(lab).click()
    expect(quiz.locator(".lrc-said").first).to_contain_text(".")
    said = quiz.locator(".lrc-said").first.inner_text()

    lab.restart_kernel()
    asleep = lab.panel.locator(ASLEEP)
    expect(asleep).to_have_count(len(WIDGETS))
    assert all("run its cell to use it again" in text for text in asleep.all_inner_texts())
    for name in WIDGETS:
        hands = lab.panel.locator(f"{name} :is(input, button, select)")
        assert hands.count() and hands.evaluate_all("all => all.every(e => e.matches(':disabled'))")
    assert quiz.locator(".lrc-said").first.inner_text() == said

    lab.reopen()
    expect(lab.panel.locator(ASLEEP)).to_have_count(len(WIDGETS))
    assert lab.output_errors() == []
    assert lab.panel.locator(".lrc-quiz .lrc-said").first.inner_text() == said
    assert lab.run_all() == []
    expect(lab.panel.locator(ASLEEP)).to_have_count(0)


def test_a_kernel_that_died_is_said(new_lab):
    """A widget whose kernel was killed says so, and takes no click that would do nothing."""
    lab = new_lab().run_code(IMPORT, WIDGETS[".lrc-quiz"], WIDGETS[".lrx:not(.lrw)"])
    os.kill(lab.page.evaluate(PID), signal.SIGKILL)

    expect(lab.panel.locator(ASLEEP)).to_have_count(2)
    expect(lab.panel.locator(".lrc-quiz button").first).to_be_disabled()
    expect(lab.panel.get_by_role("button", name="Reset")).to_be_disabled()


def test_a_busy_kernel_is_said_and_no_click_is_lost(lab):
    """While Python does not answer, the widget says so and holds its buttons; then what was done
    counts, and the old verdict does not stand meanwhile."""
    lab.run_code(IMPORT, WIDGETS[".lrc-quiz"])
    check = choose_first(lab)
    check.click()
    said = lab.panel.locator(".lrc-quiz .lrc-said").first
    expect(said).to_contain_text(".")
    before, pid = said.inner_text(), lab.page.evaluate(PID)
    os.kill(pid, signal.SIGSTOP)
    try:
        lab.panel.locator(".lrc-quiz input").nth(1).check()
        check.click()
        expect(lab.panel.locator(ASLEEP)).to_contain_text("Python is busy")
        expect(check).to_have_attribute("aria-disabled", "true")
        expect(said).to_be_empty()
    finally:
        os.kill(pid, signal.SIGCONT)

    expect(lab.panel.locator(ASLEEP)).to_have_count(0)
    expect(check).to_have_attribute("aria-disabled", "false")
    expect(said).to_contain_text(".")
    assert said.inner_text() != before


LOSE_ONE = """() => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = () => { WebSocket.prototype.send = send; };
}"""


def test_what_is_lost_on_the_way_holds_nothing_up(lab):
    """A choice that never reaches Python is made again, and can be committed."""
    lab.run_code(IMPORT, WIDGETS[".lrc-choose"])
    widget = lab.panel.locator(".lrc-choose")
    lab.page.evaluate(LOSE_ONE)
    widget.locator("input").nth(0).check()
    expect(lab.panel.locator(ASLEEP)).to_contain_text("Python is busy")
    widget.locator("input").nth(3).check()
    expect(lab.panel.locator(ASLEEP)).to_have_count(0)
    widget.get_by_role("button", name="Commit my guess").click()
    expect(widget.locator(".lrc-said")).to_contain_text("Your guess was “a straight line”")


def test_every_widget_can_be_hit_and_left(lab):
    """What a finger has to hit is at least 24 px wide and high. Escape gives the focus to the cell,
    whose shortcuts then work; nothing is run."""
    lab.run_code(IMPORT, *WIDGETS.values())
    assert_large_enough(lab)

    for number, name in enumerate(WIDGETS, 1):
        lab.panel.locator(f"{name} {FOCUSABLE}").first.focus()
        lab.page.keyboard.press("Shift+Enter")
        assert lab.page.evaluate(f"({NOW})().activeCellIndex") == number
        lab.page.keyboard.press("Escape")
        lab.page.keyboard.press("ArrowUp")
        assert lab.page.evaluate(f"({NOW})().activeCellIndex") == number - 1
    assert [cell.get("execution_count") for cell in lab.cells()] == list(range(1, 10))


@pytest.mark.thorough
def test_what_moves_and_trains_can_be_hit(lab):
    """The same of the widgets that move by themselves, and of the explorer with most controls."""
    lab.run_code(IMPORT, *MOVING.values(), "lrcourse.explore(Cyclical())")
    assert_large_enough(lab)


def assert_large_enough(lab):
    sizes = lab.panel.locator(".lrc " + FOCUSABLE).evaluate_all(
        """all => all.map(e => {
          const target = e.matches('[type=radio], [type=checkbox]') ? e.closest('label') ?? e : e;
          const { width, height } = target.getBoundingClientRect();
          return [e.outerHTML.slice(0, 120), width, height];
        })"""
    )
    small = [size for size in sizes if min(size[1:]) < 24]
    assert len(sizes) > 40 and small == []


def test_what_goes_with_control_is_the_notebooks(lab):
    """Ctrl+S on a button of a widget saves the notebook."""
    lab.run_code(IMPORT, WIDGETS[".lrc-quiz"])
    lab.panel.locator(".lrc-quiz button").first.focus()
    lab.page.keyboard.press("Control+s")

    dirty = "() => jupyterapp.shell.currentWidget.context.model.dirty"
    lab.page.wait_for_function(f"!({dirty})()")


@pytest.mark.parametrize(
    "keys",
    [
        {".lrc-ball": "ArrowRight", ".lrx:not(.lrw)": "ArrowLeft"},
        pytest.param(
            {".lrc-player": "ArrowRight", ".lrw": "ArrowLeft"}, marks=pytest.mark.thorough
        ),
    ],
    ids=", ".join,
)
def test_a_screen_reader_hears_once_at_rest(lab, keys):
    """A key that is held moves all the way and is told once, where it ends."""
    long = "[8, 7, 6, 5, 4, 3, 2.0, 1.0]"
    lab.run_code(IMPORT, *[WIDGETS[name].replace("[4.0, 2.0, 1.0]", long) for name in keys])
    for name, key in keys.items():
        root = lab.panel.locator(name)
        root.locator('input[type="range"]').first.focus()
        lab.page.wait_for_timeout(1000)  # what it says of itself at the start, if it does
        root.evaluate(LISTEN)
        for _ in range(6):
            lab.page.keyboard.press(key)

        lab.page.wait_for_function("heard.length")
        lab.settle()
        lab.page.wait_for_timeout(1500)
        assert len(lab.page.evaluate("heard")) == 1, name


@pytest.fixture
def notebook7(jupyter_server, context_with):
    """Runs code cells in Notebook 7: the page."""
    page = context_with(viewport={"width": 1280, "height": 900}).new_page()

    def run(*cells):
        name = jupyter_server.write("seven.ipynb", *cells)
        page.goto(f"{jupyter_server.url}/notebooks/{name}?token={jupyter_server.token}")
        page.locator(".jp-Notebook .jp-InputArea-editor").first.click(timeout=60_000)
        # Before its kernel is there, a notebook forgets what it was told to run.
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        return page

    yield run
    page.close()


# The first of the elements to which keys mean the same.
OF_EACH_KIND = """all => {
  const first = {};
  all.forEach((e, i) => first[[e.tagName, e.type, e.getAttribute('role')]] ??= i);
  return Object.values(first);
}"""


@every_kind
def test_no_key_of_a_widget_reaches_notebook_7(notebook7, widgets):
    """In Notebook 7, whose shortcuts come before the page, the keys that cut, delete, add and move
    cells do nothing to them while an element of a widget, of any kind, has the focus."""
    page = notebook7(IMPORT, *widgets.values())
    for name in widgets:
        page.locator(name).wait_for(timeout=60_000)
    cells = page.locator(".jp-Notebook .jp-Cell")
    before = cells.evaluate_all("cells => cells.map(c => c.innerText.slice(0, 60))")
    for name in widgets:
        elements = page.locator(f"{name} {FOCUSABLE}:not(:disabled)")
        for number in elements.evaluate_all(OF_EACH_KIND):
            element = elements.nth(number)
            element.focus()
            for key in ("x", "d", "d", "a", "b", "j"):
                page.keyboard.press(key)
            assert element.evaluate("e => e === document.activeElement"), (name, "lost the focus")
            assert cells.count() == len(before), (name, element.evaluate("e => e.outerHTML"))
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(cells).to_have_count(len(before) - 1)  # the notebook itself still hears


# By finger


@pytest.fixture
def finger(new_lab):
    """A page with a touch screen, and a function that slides a finger from place to place."""
    lab = new_lab(has_touch=True)
    session = lab.page.context.new_cdp_session(lab.page)

    def touch(kind, *places):
        points = [{"x": x, "y": y} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def slide(start, end, cancel=False, steps=8):
        touch("touchStart", start)
        for i in range(1, steps + 1):
            share = i / steps
            touch("touchMove", [a + share * (b - a) for a, b in zip(start, end)])
            lab.next_frame()
        touch("touchCancel" if cancel else "touchEnd")

    return lab, slide


def middle(locator):
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_finger_draws(finger):
    """A finger moves a point of a drawing, and Python knows it, also where the browser takes the
    finger away; the page does not scroll under it."""
    lab, slide = finger
    lab.run_code(IMPORT, "d = lrcourse.draw('d', StepDecay(), points=6)\nd", *["0"] * 30)
    point = lab.panel.locator(".lrc-handle").nth(2)
    for way, taken_away in ((-60, False), (30, True)):
        x, y = middle(point.locator(".lrc-dot"))
        before = float(point.get_attribute("aria-valuenow"))
        slide((x, y), (x, y + way), taken_away)

        rate = float(point.get_attribute("aria-valuenow"))
        assert abs(rate - before) > 0.005 and (rate > before) == (way < 0)
        assert middle(point.locator(".lrc-dot"))[1] == pytest.approx(y + way, abs=3)
        lab.settle()
        known = lab.page.evaluate(ASK_KERNEL, "d.state['points'][2][1]")
        assert float(known) == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize("name", some([*MOVING, ".lrx:not(.lrw)"], always=[".lrx:not(.lrw)"]))
def test_a_finger_slides_across_and_scrolls_down(finger, name):
    """Across, a finger moves a slider; down, it scrolls the page and leaves the slider alone."""
    lab, slide = finger
    lab.run_code(IMPORT, (WIDGETS | MOVING)[name], *["0"] * 30)
    handle = lab.panel.locator(f'{name} input[type="range"]').first
    x, y = middle(handle)
    value = handle.input_value()
    slide((x, y), (x - 60, y))
    moved = handle.input_value()
    assert moved != value

    x, y = middle(handle)
    slide((x + 30, y), (x + 30, y - 200), steps=20)
    lab.page.wait_for_timeout(300)
    assert handle.input_value() == moved
    assert handle.bounding_box()["y"] < y - 60
