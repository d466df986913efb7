"""The explorers by hand: keyboard and mouse in a real JupyterLab, what is drawn read back.

Two things are read: the numbers that the canvas was drawn from, and its pixels. Both are compared
with the formula, which here comes from the schedule and not from the explorer.
"""

from dataclasses import fields

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect
from sampling import some

from lrcourse import (
    SCHEDULES,
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    MultiStepDecay,
    OneCycle,
    StepDecay,
)

IMPORT = "from lrcourse import *\nfrom lrcourse import explore"

DRAWN = """root => {
  const { t, lines, panels } = root.querySelector('.lrx-curves').drawn;
  return { t: [...t], panels, lines: lines.map(({ rate, momentum, end }) =>
    ({ rate: [...rate], momentum: momentum && [...momentum], end })) };
}"""

# For each share of the width: the highest and the lowest painted pixel of that column of a panel, as
# shares of the height; null where nothing is painted. The shade past the end is too pale to count.
PAINTED = """(root, { panel, shares }) => {
  const canvas = root.querySelector('.lrx-curves');
  const { width, height } = canvas;
  const top = Math.floor((panel.top - 0.005) * height);
  const bottom = Math.ceil((panel.top + panel.height + 0.005) * height);
  return shares.map(share => {
    const column = canvas.getContext('2d').getImageData(Math.round(share * width), 0, 1, height);
    const rows = [];
    for (let y = top; y < bottom; y++) if (column.data[4 * y + 3] > 100) rows.push(y);
    return rows.length ? [rows[0] / height, rows.at(-1) / height] : null;
  });
}"""

PIXELS = "root => root.querySelector('.lrx-curves').toDataURL()"

ASK_KERNEL = """async code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = { code: '', silent: true, user_expressions: { answer: code } };
  const reply = await kernel.requestExecute(asked, true).done;
  return reply.content.user_expressions.answer.data['text/plain'];
}"""


class ExplorerByHand:
    """One explorer on a page: its elements, and what it shows."""

    def __init__(self, lab, number=0):
        self.lab, self.page = lab, lab.page
        self.root = lab.panel.locator(".lrx").nth(number)
        self.root.wait_for()
        self.page.wait_for_function(
            "root => root.querySelector('.lrx-curves').drawn", arg=self.root.element_handle()
        )

    def control(self, name):
        return self.root.locator(f'.lrx-control[data-control="{name}"]')

    def handle(self, name):
        return self.control(name).locator('[id^="lrc-control"]:not(p)')

    def text(self, name):
        """What a control says: the words beside a slider, a choice, a text, True or False."""
        look = self.control(name).get_attribute("class")
        if "flag" in look:
            return str(self.handle(name).is_checked())
        if "choice" in look:
            return self.handle(name).evaluate("select => select.selectedOptions[0].textContent")
        return self.control(name).locator('input[type="text"]').input_value()

    def drawn(self, which=0):
        drawn = self.root.evaluate(DRAWN)
        return np.array(drawn["t"]), np.array(drawn["lines"][which]["rate"], dtype=float)

    def message(self, name):
        why = self.control(name).locator(".lrx-why")
        return why.inner_text() if why.is_visible() else ""

    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()
        self.rest()

    def rest(self):
        """Until Python knows where the controls stand and the picture has followed."""
        self.lab.at_rest(self.root)

    def assert_draws(self, schedule, which=0):
        t, rates = self.drawn(which)
        there = t <= getattr(schedule, "total_steps", np.inf)
        expected = np.array([schedule(x) if ok else np.nan for x, ok in zip(t, there)])
        np.testing.assert_allclose(rates, expected, rtol=2e-7, atol=1e-30)

    def assert_painted(self, schedule):
        """The pixels of the curves are where the formula says, on the axes that are shown."""
        drawn = self.root.evaluate(DRAWN)
        t = np.array(drawn["t"])
        t = t[t < (drawn["lines"][0]["end"] or t[-1])][:: max(1, len(t) // 25)]
        self.assert_panel_painted(drawn["panels"][0], t, schedule(t))
        if schedule.momentum(0) is not None:
            self.assert_panel_painted(drawn["panels"][1], t, schedule.momentum(t))

    def assert_panel_painted(self, panel, t, values):
        x = panel["left"] + (t - panel["x"][0]) / np.ptp(panel["x"]) * panel["width"]
        y = panel["top"] + (panel["y"][1] - values) / np.ptp(panel["y"]) * panel["height"]
        columns = self.root.evaluate(PAINTED, {"panel": panel, "shares": x.tolist()})
        for place, painted in zip(y, columns):
            assert painted, "the curve has a gap"
            assert painted[0] - 0.012 <= place <= painted[1] + 0.012


@pytest.fixture
def explorer(lab_page_with_code):
    """`explorer("explore(StepDecay())")`: the explorer that this line shows; it is `e` there."""

    def show(line):
        return ExplorerByHand(lab_page_with_code(IMPORT, f"e = {line}\ne"))

    return show


def changed(schedule, name, text):
    """`schedule` with one field as a control says it."""
    before = getattr(schedule, name)
    value = text if isinstance(before, str) else eval(text)
    values = {f.name: getattr(schedule, f.name) for f in fields(schedule) if f.compare}
    if name == "k":
        del values["gamma"]
    return type(schedule)(**values | {name: value})


def by_keyboard(shown, name):
    handle, look = shown.handle(name), shown.control(name).get_attribute("class")
    handle.focus()
    if "flag" in look:
        handle.press("Space")
    elif "text" in look:
        handle.fill("20, 40")
        handle.press("Enter")
    else:
        back = handle.evaluate("e => e.type === 'range' && Number(e.value) > Number(e.max) / 2")
        handle.press("ArrowLeft" if back else "ArrowDown" if "choice" in look else "ArrowRight")


def by_mouse(shown, name):
    handle, look = shown.handle(name), shown.control(name).get_attribute("class")
    handle.scroll_into_view_if_needed()
    if "flag" in look:
        handle.click()
    elif "choice" in look:
        handle.select_option(index=1)
    elif "text" in look:
        handle.click(click_count=3)
        shown.page.keyboard.type("10 50")
        shown.root.locator("legend").first.click()
    else:
        box = handle.bounding_box()
        middle = box["y"] + box["height"] / 2
        shown.page.mouse.move(box["x"] + box["width"] / 2, middle)
        shown.page.mouse.down()
        shown.page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
        shown.page.mouse.move(box["x"] + box["width"] * 0.3, middle, steps=4)
        shown.page.mouse.up()


@pytest.mark.parametrize("name", some([s.__name__ for s in SCHEDULES], ["StepDecay"]))
def test_every_control_by_keyboard_and_by_mouse(explorer, name):
    """Every control follows the keyboard and the mouse; the drawn numbers and pixels are the
    formula's; Python knows the value; what cannot be explains itself and keeps the curve."""
    [schedule] = [kind for kind in SCHEDULES if kind.__name__ == name]
    shown = explorer(f"explore({schedule.__name__}())")
    shown.assert_draws(schedule())
    shown.assert_painted(schedule())
    for field in fields(schedule):
        for move in (by_keyboard, by_mouse):
            before, text = shown.root.evaluate(PIXELS), shown.text(field.name)
            move(shown, field.name)
            shown.rest()
            assert shown.text(field.name) != text, (field.name, move)
            try:
                now = changed(schedule(), field.name, shown.text(field.name))
            except ValueError as problem:
                assert shown.message(field.name) == f"{problem}."
                shown.assert_draws(schedule())
            else:
                assert shown.message(field.name) == ""
                shown.assert_draws(now)
                shown.assert_painted(now)
                assert shown.page.evaluate(ASK_KERNEL, "e.schedule") == repr(now)
                same = now == schedule() or np.array_equal(
                    *(s(shown.drawn()[0][:9]) for s in (now, schedule()))
                )
                assert same or shown.root.evaluate(PIXELS) != before
            shown.press("Reset")
            shown.assert_draws(schedule())


def test_a_typed_value(explorer):
    """The box beside a slider takes any value, and says so where it cannot."""
    shown = explorer("explore(ExponentialDecay())")
    box = shown.control("gamma").locator('input[type="text"]')
    box.fill("0.987")
    box.press("Enter")
    shown.rest()
    shown.assert_draws(ExponentialDecay(gamma=0.987))

    box.fill("1.5")
    box.press("Enter")
    shown.rest()
    assert "give k=1.5" in shown.message("gamma")
    assert box.input_value() == "1.5"
    assert box.get_attribute("aria-invalid") == "true"
    shown.assert_draws(ExponentialDecay(gamma=0.987))


def test_pins_copy_and_reset(lab, explorer):
    """Pins are listed and drawn, at most four; Copy copies the PyTorch line; Reset and Clear
    bring back what was."""
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = explorer("explore(StepDecay())")
    ground = "root => root.querySelector('.lrx-ground').toDataURL()"
    bare = shown.root.evaluate(ground)
    for count in range(1, 5):
        by_keyboard(shown, "step_size")
        shown.press("Pin this curve")
        assert shown.root.locator(".lrx-pins li").count() == count
    assert shown.root.evaluate(ground) != bare
    assert shown.root.locator(".lrx-pins li").first.inner_text() == "pin 1: StepDecay, step_size=31"
    assert shown.root.get_by_role("button", name="Pin this curve").is_disabled()

    shown.press("Copy")
    pasted = shown.page.evaluate("navigator.clipboard.readText()")
    assert pasted == StepDecay(step_size=34).code()

    shown.press("Reset")
    shown.assert_draws(StepDecay())
    shown.press("Clear pins")
    assert shown.root.locator(".lrx-pins li").count() == 0
    assert shown.root.evaluate(ground) == bare


def test_a_used_up_button_passes_the_focus_on(explorer):
    """The button that pins the last curve, and the one that clears all, leave the focus at the
    other of the two."""
    shown = explorer("explore(StepDecay())")
    focused = "document.activeElement.textContent"
    pin = shown.root.get_by_role("button", name="Pin this curve")
    pin.focus()
    for _ in range(4):
        assert shown.page.evaluate(focused) == "Pin this curve"
        shown.page.keyboard.press("Enter")
        shown.rest()
    assert shown.page.evaluate(focused) == "Clear pins"
    shown.page.keyboard.press("Enter")
    shown.rest()
    assert shown.page.evaluate(focused) == "Pin this curve"


def test_two_schedules_in_one_figure(explorer):
    """Each of two overlaid schedules has its own controls, and only its own curve moves."""
    shown = explorer("explore(CosineAnnealing(), ExponentialDecay())")
    shown.handle("B.lr").focus()
    shown.handle("B.lr").press("ArrowLeft")
    shown.rest()

    shown.assert_draws(CosineAnnealing(), 0)
    shown.assert_draws(ExponentialDecay(lr=float(shown.text("B.lr"))), 1)


def test_parts_in_a_row(explorer):
    """A warm-up before a cosine can be moved to another step."""
    shown = explorer(
        "explore(LinearWarmup(lr=0.1, total_iters=20).then(CosineAnnealing(lr=0.1), at=20))"
    )
    by_mouse(shown, "2.at")
    shown.rest()

    at = int(shown.text("2.at"))
    assert at != 20
    t, rates = shown.drawn()
    np.testing.assert_allclose(rates[t >= at], CosineAnnealing(lr=0.1)(t[t >= at] - at), rtol=2e-7)


def test_a_drag_over_bad_positions(explorer):
    """Dragging into what cannot be shows the reason under the control, at once, and dragging
    back draws again."""
    shown = explorer("explore(CosineAnnealing())")
    shown.handle("eta_min").focus()
    shown.rest()
    shown.handle("eta_min").press("End")
    shown.lab.next_frame()
    assert shown.message("eta_min").startswith("eta_min must not be above lr")
    shown.rest()
    shown.assert_draws(CosineAnnealing())
    shown.handle("eta_min").press("Home")
    shown.rest()
    assert shown.message("eta_min") == ""
    shown.assert_draws(CosineAnnealing())


def test_a_message_stays_where_it_was_made(explorer):
    """While a bad value stands at one control, another moves its curve, and shows no message but
    its own: at once, from the curves the browser has, and when Python has answered."""
    shown = explorer("explore(Cyclical(), steps=8000)")
    box = shown.control("base_lr").locator('input[type="text"]')
    box.fill("0.5")
    box.press("Enter")
    shown.rest()
    other = shown.handle("step_size_up")
    other.focus()
    shown.rest()
    other.press("ArrowLeft")
    shown.lab.next_frame()
    for _ in range(2):
        assert shown.message("base_lr").startswith("base_lr must not be above max_lr")
        assert shown.message("step_size_up") == ""
        shown.assert_draws(Cyclical(step_size_up=int(shown.text("step_size_up"))))
        shown.rest()

    shown.handle("max_momentum").focus()
    shown.rest()
    shown.handle("max_momentum").press("Home")
    shown.lab.next_frame()
    for _ in range(2):
        assert shown.message("base_lr").startswith("base_lr must not be above max_lr")
        assert shown.message("max_momentum").startswith("base_momentum must not be above")
        shown.rest()
    shown.control("max_lr").locator('input[type="text"]').fill("1")
    shown.control("max_lr").locator('input[type="text"]').press("Enter")
    shown.rest()
    assert shown.message("base_lr") == ""
    assert shown.message("max_momentum").startswith("base_momentum must not be above")


def test_a_drag_asks_nothing(explorer):
    """While a slider is dragged no message passes: the curves are in the browser."""
    shown = explorer("explore(CosineAnnealing())")
    box = shown.handle("T_max").bounding_box()
    shown.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    shown.rest()
    messages = []
    shown.page.evaluate(
        """() => { const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        window.lrcMessages = []; kernel.anyMessage.connect((_, { msg }) =>
          msg.header.msg_type.startsWith('comm') && window.lrcMessages.push(msg)); }"""
    )
    frames = "root => Number(root.querySelector('.lrx-curves').dataset.frame)"
    first = shown.root.evaluate(frames)
    shown.page.mouse.down()
    for share in np.linspace(0.8, 0.2, 25):
        shown.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        shown.lab.next_frame()
    messages = shown.page.evaluate("lrcMessages.length")
    assert messages == 0
    assert shown.root.evaluate(frames) - first >= 24
    shown.page.mouse.up()
    shown.rest()
    shown.assert_draws(CosineAnnealing(T_max=int(shown.text("T_max"))))
    assert 1 <= shown.page.evaluate("lrcMessages.length") <= 10


def test_a_drag_while_the_kernel_is_busy(lab_page_with_code):
    """While a cell runs, a control still moves its curve, and Python follows afterwards."""
    lab = lab_page_with_code(IMPORT, "e = explore(CosineAnnealing())\ne")
    shown = ExplorerByHand(lab)
    shown.rest()
    with lab.busy_kernel():
        handle = shown.handle("T_max")
        handle.focus()
        for _ in range(6):
            handle.press("ArrowLeft")
            lab.next_frame()
        T_max = int(shown.text("T_max"))
        assert T_max < 100
        shown.assert_draws(CosineAnnealing(T_max=T_max))
        shown.handle("lr").press("ArrowLeft")  # other rows are needed now: Python sends them
        lr = float(shown.text("lr"))
        assert lr < 0.1
        lab.until(lambda: shown.assert_draws(CosineAnnealing(T_max=T_max, lr=lr)))
    shown.rest()
    answer = lab.page.evaluate(ASK_KERNEL, "e.schedule")
    assert answer == repr(CosineAnnealing(T_max=T_max, lr=lr))


def test_an_error_in_a_callback_is_seen(new_lab):
    """What breaks while Python answers the browser is a sentence under the controls, and an error
    of the kernel, which fails the tests that look for one."""
    breaks = """broken = False
def factor(t):
    if broken: raise ZeroDivisionError("no rate today")
    return 0.9 ** t
e = explore(Custom(lr=0.1, factor=factor))
e"""
    lab = new_lab().run_code(IMPORT, breaks)
    shown = ExplorerByHand(lab)
    shown.rest()
    lab.page.evaluate(ASK_KERNEL, "globals().update(broken=True)")
    shown.control("lr").locator('input[type="text"]').fill("0.5")
    shown.control("lr").locator('input[type="text"]').press("Enter")
    shown.rest()

    told = shown.root.locator(".lrc-trouble").inner_text()
    assert told == "This did not work (ZeroDivisionError: no rate today). Run the cell again."
    assert any("ZeroDivisionError" in error for error in lab.kernel_errors)


# Where the figure, the control in hand and the part of the notebook that is seen are, in pixels of
# the page; and whether what one sees at the middle of the control is the control.
PLACES = """root => {
  const pane = root.closest('.jp-WindowedPanel-outer').getBoundingClientRect();
  const figure = root.querySelector('.lrx-stays').getBoundingClientRect();
  const hand = document.activeElement.getBoundingClientRect();
  const at = document.elementFromPoint(hand.x + hand.width / 2, hand.y + hand.height / 2);
  return { seen: Math.min(figure.bottom, pane.bottom) - Math.max(figure.top, pane.top),
           tall: figure.height, free: at === document.activeElement,
           inside: root.contains(document.activeElement) };
}"""

TALL = [
    pytest.param("explore(OneCycle())", marks=pytest.mark.thorough),
    "explore(Cyclical(), StepDecay())",
    pytest.param(
        "explore_landscape(OneCycle(max_lr=0.05, total_steps=40))", marks=pytest.mark.thorough
    ),
]
SIZES = [pytest.param(1280, 720, 380, marks=pytest.mark.thorough), (640, 450, 150)]


@pytest.mark.parametrize("code", TALL)
@pytest.mark.parametrize(("width", "height", "least"), SIZES)
def test_the_figure_stays_in_sight(new_lab, code, width, height, least):
    """From the first control to the last the figure is seen, and covers none of them. On a low page
    (1280 x 900 at 200 %) a part of it goes, so that there is room for controls."""
    lab = new_lab(viewport={"width": width, "height": height})
    lab.run_code(f"{IMPORT}\nfrom lrcourse import explore_landscape", code, *["0"] * 9)
    root = lab.panel.locator(".lrx")
    controls = root.locator(".lrx-control :is(input, select)")
    controls.first.focus()
    lab.settle()
    for _ in range(controls.count()):
        places = root.evaluate(PLACES)
        assert places["inside"] and places["free"], places
        assert places["seen"] >= min(least, places["tall"]), places
        lab.page.keyboard.press("Tab")
        lab.next_frame()


def test_two_views_of_one_explorer(lab_page_with_code):
    """An explorer shown twice is one explorer: what moves in one view is seen in the other."""
    lab = lab_page_with_code(IMPORT, "e = explore(StepDecay())\ne", "e")
    one, two = ExplorerByHand(lab, 0), ExplorerByHand(lab, 1)
    by_keyboard(one, "step_size")
    one.rest()

    assert two.text("step_size") == one.text("step_size") == "31"
    two.assert_draws(StepDecay(step_size=31))


def test_python_moves_the_picture(explorer):
    """`set` in a cell moves the controls and the curve that are already shown."""
    shown = explorer("explore(MultiStepDecay())")
    shown.page.evaluate(ASK_KERNEL, "e.set(milestones=[5, 15])")
    shown.rest()

    assert shown.text("milestones") == "5, 15"
    shown.assert_draws(MultiStepDecay(milestones=[5, 15]))


def test_arrow_keys_stay_in_the_explorer(explorer):
    """Keys that move a slider do not move JupyterLab's selection to another cell."""
    shown = explorer("explore(StepDecay())")
    active = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
    shown.handle("lr").click()
    before = shown.page.evaluate(active)
    for key in ("ArrowUp", "ArrowDown", "ArrowDown", "ArrowUp"):
        shown.handle("lr").press(key)

    assert shown.page.evaluate(active) == before
    assert shown.page.evaluate("document.activeElement.dataset.control") == "lr"


def test_the_figure_has_words(explorer):
    """The picture has a name that says the curve in numbers, and moves with it; a screen reader
    is told after a rest."""
    shown = explorer("explore(StepDecay())")
    figure = shown.root.get_by_role("img")
    assert "start: 0.1, middle, t = 45: 0.01" in figure.get_attribute("aria-label")
    shown.handle("lr").focus()
    shown.handle("lr").press("ArrowRight")

    expect(shown.root.locator('[role="status"]')).to_contain_text("start: 0.11", timeout=60_000)
    assert "start: 0.11" in figure.get_attribute("aria-label")
    assert shown.handle("lr").get_attribute("aria-valuetext") == "0.11"


AXE = """async () => (await axe.run('.lrx', { resultTypes: ['violations'] })).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))"""


def test_no_serious_accessibility_violation(lab, explorer):
    """axe-core finds nothing serious, with pins, a message and two schedules, in both themes."""
    shown = explorer("explore(Cyclical(), StepDecay())")
    shown.press("Pin this curve")
    shown.control("A.base_lr").locator('input[type="text"]').fill("5")
    shown.control("A.base_lr").locator('input[type="text"]').press("Enter")
    shown.rest()
    assert shown.message("A.base_lr").startswith("base_lr must not be above max_lr, got base_lr=5")
    lab.page.evaluate(AXE_SCRIPT)
    for theme in ("Light", "Dark"):
        lab.set_theme(theme)
        assert lab.page.evaluate(AXE) == []


# The height of the smallest letters that stand in the figure, in pixels of the page at scale 1.
SMALLEST = """min(text.get_fontsize() * e._picture.DPI / 72
    for text in e._picture.figure.findobj(matplotlib.text.Text)
    if text.get_text() and text.get_visible())"""


def test_zoomed_page_gets_a_figure_of_its_own(zoomed_lab):
    """At 200 % the figure is drawn for the narrow page, not shrunk to it: pixel for pixel of the
    screen, in letters of the same size. Room again, and it is as wide as ever."""
    zoomed_lab.run_code(IMPORT, "import matplotlib\ne = explore(StepDecay())\ne")
    shown = ExplorerByHand(zoomed_lab)
    shown.rest()

    drawn, seen = shown.root.evaluate(
        "root => { const g = root.querySelector('.lrx-ground'); return [g.width, g.clientWidth]; }"
    )
    assert drawn == 2 * seen and 200 < seen < 300
    assert float(shown.page.evaluate(ASK_KERNEL, SMALLEST)) >= 10
    width = shown.root.evaluate("root => [root.scrollWidth, root.clientWidth]")
    assert width[0] <= width[1]
    shown.assert_painted(StepDecay())
    by_keyboard(shown, "step_size")
    shown.rest()
    shown.assert_draws(StepDecay(step_size=31))

    shown.page.set_viewport_size({"width": 1280, "height": 900})
    shown.rest()
    assert shown.root.evaluate("root => root.querySelector('.lrx-ground').width") == 1400
    shown.assert_painted(StepDecay(step_size=31))


def test_a_drag_on_a_narrow_page_moves_nothing_else(zoomed_lab):
    """Pins and moves leave the height of the narrow figure and the place of the controls alone."""
    zoomed_lab.run_code(IMPORT, "e = explore(CosineAnnealing())\ne")
    shown = ExplorerByHand(zoomed_lab)
    shown.rest()
    tall = "root => root.querySelector('.lrx-figure').clientHeight"
    before = shown.root.evaluate(tall)
    shown.press("Pin this curve")
    listed = shown.control("eta_min").evaluate("c => c.offsetTop")
    for _ in range(6):
        shown.handle("T_max").press("ArrowLeft")
        shown.lab.next_frame()
        assert shown.root.evaluate(tall) == before
        assert shown.control("eta_min").evaluate("c => c.offsetTop") == listed


def test_the_ground_is_the_pages_in_the_dark(lab, explorer):
    """In the dark theme the figure has the ground of the page and the words are light on dark."""
    shown = explorer("explore(Cyclical())")
    lab.set_theme("Dark")
    corner = (
        "root => [...root.querySelector('.lrx-ground').getContext('2d').getImageData(2,2,1,1).data]"
    )
    assert shown.root.evaluate(corner) == [0, 0, 0, 0]
    colour = shown.root.locator("label").first.evaluate("e => getComputedStyle(e).color")
    assert min(int(part) for part in colour[4:-1].split(",")[:3]) > 150
    shown.assert_painted(Cyclical())


def test_stairs_are_upright(explorer):
    """Up to the update of a drop the old rate is drawn, and no rate in between, which none uses."""
    shown = explorer("explore(StepDecay())")
    panel = shown.root.evaluate(DRAWN)["panels"][0]
    shares = [panel["left"] + t / panel["x"][1] * panel["width"] for t in (29.2, 29.6, 30.3, 59.6)]
    heights = [
        panel["top"] + (panel["y"][1] - rate) / panel["y"][1] * panel["height"]
        for rate in (0.1, 0.1, 0.01, 0.01)
    ]

    painted = shown.root.evaluate(PAINTED, {"panel": panel, "shares": shares})
    for height, (top, bottom) in zip(heights, painted):
        assert abs(top - height) < 0.02 and abs(bottom - height) < 0.02


def test_the_end_of_the_run_can_be_dragged(explorer):
    """The handle on the axis sets how long the run is; numbers follow the hand, then Python."""
    shown = explorer("explore(CosineAnnealing(T_max=50), steps=120)")
    grip = shown.root.locator(".lrx-grip")
    box, figure = grip.bounding_box(), shown.root.locator(".lrx-figure").bounding_box()
    panel = shown.root.evaluate(DRAWN)["panels"][0]
    at = figure["x"] + (panel["left"] + panel["width"] * 50 / 119) * figure["width"]
    middle = box["y"] + box["height"] * 0.7
    shown.page.mouse.move(box["x"] + box["width"] / 2, middle)
    shown.rest()
    shown.page.mouse.down()
    shown.page.mouse.move(at + 60, middle, steps=5)
    shown.page.mouse.move(at, middle, steps=5)
    shown.lab.next_frame()
    assert shown.text("run") == "50"
    expect(shown.root.locator(".lrx-readout")).to_contain_text("end, t = 49")
    shown.page.mouse.up()
    shown.rest()

    assert shown.page.evaluate(ASK_KERNEL, "e.run") == "50"
    now = grip.bounding_box()
    assert now["x"] + now["width"] / 2 == pytest.approx(at, abs=2)
    assert min(now["width"], now["height"]) >= 24
    shown.handle("run").focus()
    shown.handle("run").press("ArrowRight")
    shown.rest()
    assert int(shown.page.evaluate(ASK_KERNEL, "e.run")) > 50


def test_the_rate_at_any_update(explorer):
    """Where the mouse points, and at an update that is typed and gone on from by arrow keys, the
    rate is said: the formula's."""
    shown = explorer("explore(StepDecay(), OneCycle())")
    figure = shown.root.locator(".lrx-figure").bounding_box()
    shown.page.mouse.move(figure["x"] + 0.6 * figure["width"], figure["y"] + 120)
    update, values = shown.root.locator(".lrx-update"), shown.root.locator(".lrx-values")
    t = int(update.input_value())

    def says(t):
        rates = f"A: rate {StepDecay()(t):.4g}; B: rate {OneCycle()(t):.4g}"
        expect(values).to_have_text(f"{rates}, momentum {OneCycle().momentum(t):.4g}")

    says(t)
    update.fill("30")
    says(30)
    update.press("ArrowDown")
    says(29)
    update.fill("110")
    expect(values).to_have_text("A: rate 0.0001; B: over")


def test_a_log_axis_by_hand(explorer):
    """On the log axis the curve is where its logarithm says, on the axis that is shown."""
    shown = explorer("explore(StepDecay())")
    shown.root.get_by_label("log axis").check()
    shown.rest()
    panel = shown.root.evaluate(DRAWN)["panels"][0]
    assert panel["log"]
    t = np.array([5, 25, 35, 55, 65, 85])
    logs = np.log(StepDecay()(t))
    low, high = np.log(panel["y"])
    x = panel["left"] + t / panel["x"][1] * panel["width"]
    y = panel["top"] + (high - logs) / (high - low) * panel["height"]
    for place, painted in zip(
        y, shown.root.evaluate(PAINTED, {"panel": panel, "shares": x.tolist()})
    ):
        assert painted[0] - 0.012 <= place <= painted[1] + 0.012
