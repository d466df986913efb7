"""The teaching widgets, used by mouse and by keyboard in a real JupyterLab.

What is drawn is read back from the page, in the units of its own axes, and compared with the
formula.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lrcourse import CosineAnnealing, Cyclical, StepDecay
from lrcourse.widgets.questions import load, prediction

START = "import time, lrcourse\nfrom lrcourse import *\nlrcourse.memory.forget()"
IMPORT = "import lrcourse.memory"
CHOOSE = 'lrcourse.choose("step_decay")'
DRAW = 'lrcourse.draw("d", CosineAnnealing(lr=0.1, T_max=100), steps=101)'
QUIZ = 'lrcourse.quiz("step_decay")'
BALL = "lrcourse.ball()"
PLAY = """rates, path = Cyclical(base_lr=0.1, max_lr=2.2, step_size_up=10), [1.0]
for t in range(40):
    path.append((1 - rates(t)) * path[-1])
lrcourse.play(path, loss=lambda x: x**2 / 2, schedule=rates, marks={"2/h": 2.0})"""
ALL = (CHOOSE, DRAW, QUIZ, BALL, PLAY)


@pytest.fixture
def show(lab_page_with_code: Callable) -> Any:
    """Shows the widgets of some cells; afterwards holds the page to have been quiet."""
    pages = []

    def show(*cells: str) -> Any:
        pages.append(lab_page_with_code(IMPORT, START, *cells))
        return pages[-1]

    yield show
    for lab in pages:
        lab.settle()
        assert lab.faults == []
        assert lab.panel.locator(".lrc-trouble:visible").all_inner_texts() == []


def kept(lab: Any) -> dict:
    """What the learner's file holds."""
    file = lab.server.home / "memory.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def active_cell(lab: Any) -> int:
    return lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")


def press(lab: Any, *keys: str) -> None:
    for key in keys:
        lab.page.keyboard.press(key)


class Axes:
    """The axes of a drawn plot, read off its tick labels: from pixels to the numbers shown."""

    def __init__(self, svg: Any) -> None:
        ticks = svg.locator(".lrc-tick").evaluate_all(
            "ticks => ticks.map(t => [t.getAttribute('text-anchor'), +t.getAttribute('x'),"
            " +t.getAttribute('y') - 4, +t.textContent])"
        )
        self.x = np.polyfit(*zip(*[(x, v) for anchor, x, _, v in ticks if anchor == "middle"]), 1)
        self.y = np.polyfit(*zip(*[(y, v) for anchor, _, y, v in ticks if anchor == "end"]), 1)

    def read(self, points: Any) -> np.ndarray:
        """Places in the plot, shape (n, 2), as numbers on its axes."""
        px, py = np.transpose(np.asarray(points, dtype=float))
        return np.transpose([np.polyval(self.x, px), np.polyval(self.y, py)])

    def curve(self, path: Any) -> np.ndarray:
        """A drawn line, as the numbers it shows."""
        corners = re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.get_attribute("d"))
        return self.read(corners)

    def dot(self, circle: Any) -> np.ndarray:
        return self.read([[circle.get_attribute("cx"), circle.get_attribute("cy")]])[0]


# choose


def test_a_sketch_is_chosen_by_mouse_and_kept(show):
    """Click, commit: the true one and the guess are marked with words, and stay after a restart."""
    asked = prediction("step_decay")
    lab = show(CHOOSE)
    cards = lab.panel.locator(".lrc-card")
    wrong = next(name for name in asked["sketches"] if name != asked["answer"])
    assert cards.count() == 4
    assert asked["because"][wrong] not in lab.panel.inner_text()

    cards.filter(has_text=wrong).locator("svg").click()
    lab.panel.get_by_role("button", name="Commit my guess").click()
    lab.settle()
    for _ in range(2):
        assert "✗ your guess" in cards.filter(has_text=wrong).inner_text()
        assert "✓ the true one" in cards.filter(has_text=asked["answer"]).inner_text()
        assert asked["because"][wrong] in lab.panel.locator('[role="status"]').inner_text()
        assert not lab.panel.get_by_role("button", name="Commit my guess").is_visible()
        assert kept(lab)["choose"] == {"step_decay": wrong}
        # A new kernel, without the cell that forgets: the guess is shown at once.
        lab.restart_kernel()
        lab.run_code("import lrcourse", CHOOSE)
        cards = lab.panel.locator(".lrc-card")


def test_a_sketch_is_chosen_by_keyboard(show):
    """Tab to the sketches, arrows to choose, Tab and Enter to commit; the notebook stays put."""
    lab = show(CHOOSE)
    before = active_cell(lab)
    lab.panel.locator(".lrc-card input").first.focus()
    press(lab, "Space", "ArrowRight", "ArrowRight")
    lab.settle()
    assert lab.panel.locator(".lrc-card input").nth(2).is_checked()
    press(lab, "Tab", "Enter")
    lab.settle()

    third = list(prediction("step_decay")["sketches"])[2]
    assert kept(lab)["choose"] == {"step_decay": third}
    assert "your guess" in lab.panel.locator(".lrc-card").nth(2).inner_text()
    assert active_cell(lab) == before


# draw


def test_a_curve_is_drawn_by_mouse_and_laid_beside_the_truth(show):
    """The points go where the hand goes, also in kernel and memory; the truth is the formula."""
    schedule = CosineAnnealing(lr=0.1, T_max=100)
    lab = show(DRAW)
    svg = lab.panel.locator(".lrc-draw .lrc-plot")
    axes = Axes(svg)
    assert svg.locator(".lrc-truth").get_attribute("d") == ""

    goal = {1: (15, 0.09), 3: (52, 0.02)}
    ctm = svg.evaluate("s => { const m = s.getScreenCTM(); return [m.a, m.d, m.e, m.f]; }")
    for i, (t, rate) in goal.items():
        box = svg.locator(".lrc-handle .lrc-dot").nth(i).bounding_box()
        lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        lab.page.mouse.down()
        px = (t - axes.x[1]) / axes.x[0] * ctm[0] + ctm[2]
        py = (rate - axes.y[1]) / axes.y[0] * ctm[1] + ctm[3]
        lab.page.mouse.move(px, py, steps=6)
        lab.page.mouse.up()
    lab.settle()
    drawn = axes.curve(svg.locator(".lrc-guess"))
    for i, point in goal.items():
        np.testing.assert_allclose(drawn[i], point, rtol=0.03)

    lab.panel.get_by_role("button", name="Commit my drawing").click()
    lab.settle()
    truth = axes.curve(svg.locator(".lrc-truth"))
    np.testing.assert_allclose(truth[:, 0], np.arange(101), atol=0.1)
    np.testing.assert_allclose(truth[:, 1], schedule(np.arange(101)), atol=1e-4)
    np.testing.assert_allclose(kept(lab)["draw"]["d"]["first"], drawn, rtol=2e-3, atol=1e-3)

    rates = np.interp(np.arange(101), *drawn.T)
    distance = 100 * np.mean(np.abs(rates - truth[:, 1])) / 0.1
    said = lab.panel.locator('.lrc-draw [role="status"]').inner_text()
    assert abs(float(re.search(r"is (\d+) % of the peak", said)[1]) - distance) < 1


def test_a_curve_is_drawn_by_keyboard_and_tried_again(show):
    """Every point is a slider with its place in words; a second try keeps the first drawing."""
    lab = show(DRAW)
    before = active_cell(lab)
    handles = lab.panel.get_by_role("slider")
    assert handles.count() == 6
    handles.nth(2).focus()
    press(lab, "End", "PageDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert handles.nth(2).get_attribute("aria-valuetext") == "rate 0.11 at update 41"
    press(lab, "Home")
    assert handles.nth(2).get_attribute("aria-valuetext") == "rate 0 at update 41"
    press(lab, "Tab")
    assert handles.nth(3).evaluate("h => h === document.activeElement")
    handles.nth(0).focus()
    press(lab, "ArrowRight")
    assert handles.nth(0).get_attribute("aria-valuetext") == "rate 0.0625 at update 0"

    lab.panel.get_by_role("button", name="Commit my drawing").press("Enter")
    lab.settle()
    first = kept(lab)["draw"]["d"]["first"]
    assert first[2] == [41, 0]
    handles.nth(2).focus()
    press(lab, "ArrowUp")
    assert handles.nth(2).get_attribute("aria-valuetext") == "rate 0 at update 41"

    lab.panel.get_by_role("button", name="Try again").press("Enter")
    lab.settle()
    assert lab.panel.locator(".lrc-plot .lrc-truth").get_attribute("d") == ""
    handles.nth(5).focus()
    press(lab, "Home")
    lab.panel.get_by_role("button", name="Commit my drawing").press("Enter")
    lab.settle()
    assert kept(lab)["draw"]["d"]["first"] == first
    assert kept(lab)["draw"]["d"]["last"][5] == [100, 0]
    assert lab.panel.locator(".lrc-plot .lrc-first").get_attribute("d") != ""
    assert "Your first drawing" in lab.panel.locator(".lrc-draw").inner_text()
    assert active_cell(lab) == before


FOLLOW = """() => {
  const handle = document.activeElement;
  window.lrcSaid = [];
  new MutationObserver(() => lrcSaid.push(handle.getAttribute('aria-valuetext')))
    .observe(handle, { attributes: true, attributeFilter: ['aria-valuetext'] });
}"""


def drawing_late_by(seconds: float) -> str:
    """A drawing in a kernel that takes this long to act on each move."""
    return f"""drawing = {DRAW}
quick = drawing.draw
def late(points):
    time.sleep({seconds})
    quick(points)
drawing.draw = late
drawing"""


def test_a_late_answer_does_not_undo_a_newer_move(show):
    """To and fro faster than the kernel answers: the point stays where the hand has put it."""
    lab = show(drawing_late_by(0.15))
    lab.panel.get_by_role("slider").nth(2).focus()
    press(lab, "ArrowRight", "ArrowRight", "ArrowLeft")
    lab.page.evaluate(FOLLOW)
    lab.settle()

    assert set(lab.page.evaluate("lrcSaid")) <= {"rate 0.0625 at update 41"}
    said = lab.panel.get_by_role("slider").nth(2).get_attribute("aria-valuetext")
    assert said == "rate 0.0625 at update 41"


def test_a_drawing_is_committed_with_its_last_move(show):
    """Commit while the kernel still has moves to act on: what is kept is what the hand has drawn.

    In JupyterLab a message of a widget may overtake another one: the kernel takes up the first
    ones where cells run, and the later ones in a thread of their own.
    """
    lab = show(drawing_late_by(0.4))
    handle = lab.panel.get_by_role("slider").nth(2)
    while "draw" not in kept(lab):
        # Again where the page is slow by a second: then the button is held, as it says.
        handle.focus()
        press(lab, "PageUp", "PageUp", "Home")
        lab.page.wait_for_timeout(500)  # the first move is done, the second is not
        lab.panel.get_by_role("button", name="Commit my drawing").press("Enter")
        lab.settle()

    assert handle.get_attribute("aria-valuetext") == "rate 0 at update 40"
    assert kept(lab)["draw"]["d"]["first"][2] == [40, 0]


# quiz


def longest(prose: str) -> str:
    """The longest part of a text that is not code, as the page shows it."""
    return max(prose.split("`")[::2], key=len).strip()


def test_a_quiz_is_answered_retried_and_counted(show):
    """By mouse and by keyboard: an explanation for the choice, a retry, a score that stays."""
    asked = load("step_decay")
    lab = show(QUIZ)
    before = active_cell(lab)
    parts = lab.panel.locator(".lrc-quiz fieldset")
    right = [[c["right"] for c in question["choices"]].index(True) for question in asked]
    text = lab.panel.inner_text()
    assert not any(longest(c["because"]) in text for q in asked for c in q["choices"])

    parts.nth(0).get_by_role("button").click()
    assert parts.nth(0).get_by_role("status").inner_text() == "Choose one of the answers first."
    wrong = 0 if right[0] else 1
    parts.nth(0).locator("label").nth(wrong).click()
    parts.nth(0).get_by_role("button").click()
    lab.settle()
    said = parts.nth(0).get_by_role("status").inner_text()
    assert said.startswith("✗ Not quite.")
    assert longest(asked[0]["choices"][wrong]["because"]) in said
    assert "0 of 3 right" in lab.panel.locator(".lrc-score").inner_text()

    for i in range(3):
        parts.nth(i).locator("input").first.focus()
        press(lab, "Space", *["ArrowDown"] * right[i])
        assert parts.nth(i).locator("input").nth(right[i]).is_checked()
        press(lab, "Tab", "Enter")
        lab.settle()
        assert parts.nth(i).get_by_role("status").inner_text().startswith("✓ Right.")
    score = lab.panel.locator(".lrc-score")
    assert score.inner_text() == "3 of 3 right; 2 at the first try."
    assert active_cell(lab) == before

    lab.restart_kernel()
    lab.run_code("import lrcourse", QUIZ)
    assert lab.panel.locator(".lrc-score").inner_text() == "3 of 3 right; 2 at the first try."


# ball and player


def ball_path(lab: Any) -> np.ndarray:
    """Where the drawn dots of the ball are."""
    svg = lab.panel.locator(".lrc-ball .lrc-plot")
    dots = svg.locator(".lrc-mark").evaluate_all(
        "dots => dots.map(d => [d.getAttribute('cx'), d.getAttribute('cy')])"
    )
    return Axes(svg).read(dots)


def test_the_ball_follows_its_slider_by_keyboard_and_mouse(show):
    """At every position the drawn path is gradient descent with the rate that is shown."""
    lab = show(BALL)
    before = active_cell(lab)
    slider = lab.panel.locator(".lrc-ball input")
    slider.focus()
    press(lab, "Home")
    seen = []
    for keys in ([], ["PageUp"] * 3, ["ArrowRight"] * 12, ["End"], ["ArrowLeft"] * 8):
        press(lab, *keys)
        rate = float(slider.get_attribute("aria-valuetext"))
        expected = -4 * (1 - rate) ** np.arange(21)
        drawn = ball_path(lab)
        np.testing.assert_allclose(drawn[:5, 0], expected[:5], rtol=0.02, atol=0.02)
        np.testing.assert_allclose(drawn[:5, 1], expected[:5] ** 2 / 2, rtol=0.04, atol=0.04)
        assert lab.panel.locator(".lrc-ball output").inner_text() == f"{rate:g}"
        said = lab.panel.locator('.lrc-ball [role="status"]').inner_text()
        seen.append(said.split(".")[0])
    assert seen == ["Too small", "Too small", "Right", "Too large", "Too large"]
    box = slider.bounding_box()
    lab.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    assert lab.panel.locator('.lrc-ball [role="status"]').inner_text().startswith("Right.")
    assert active_cell(lab) == before


def test_the_ball_moves_while_the_kernel_is_busy(show):
    """All paths are in the browser: a training cell does not hold the slider up."""
    lab = show("slope = lrcourse.ball(); slope")
    lab.panel.locator(".lrc-ball input").focus()
    press(lab, "Home")
    lab.settle()
    before = ball_path(lab)
    with lab.busy_kernel():
        press(lab, "End")
        assert not np.allclose(before[1], ball_path(lab)[1])


def test_the_player_walks_steps_and_plays(show):
    """Every control moves ball and dot to the place and the rate of that update."""
    rates, path = Cyclical(base_lr=0.1, max_lr=2.2, step_size_up=10), [1.0]
    for t in range(40):
        path.append((1 - rates(t)) * path[-1])
    lab = show(PLAY)
    before = active_cell(lab)
    player = lab.panel.locator(".lrc-player")
    above, below = player.locator(".lrc-plot").nth(0), player.locator(".lrc-plot").nth(1)
    slider = player.get_by_role("slider", name="Update")

    def holds(update: int) -> None:
        assert slider.input_value() == str(update)
        x, y = Axes(above).dot(above.locator(".lrc-dot"))
        assert x == pytest.approx(path[update], abs=0.03 * np.ptp(path))
        assert y == pytest.approx(path[update] ** 2 / 2, abs=0.03 * max(np.square(path)) / 2)
        t, rate = Axes(below).dot(below.locator(".lrc-dot"))
        assert t == pytest.approx(min(update, 39), abs=0.1)
        assert rate == pytest.approx(rates(min(update, 39)), abs=0.02)
        assert f"After {update} of 40 updates" in player.get_by_role("status").inner_text()

    holds(0)
    for _ in range(3):
        player.get_by_role("button", name="One update forward").click()
    holds(3)
    player.get_by_role("button", name="One update back").press("Enter")
    holds(2)
    slider.focus()
    press(lab, "ArrowRight", "ArrowRight")
    holds(4)
    press(lab, "End", "ArrowLeft")
    holds(39)
    press(lab, "Home")

    player.get_by_role("combobox").select_option("5")  # slow enough to be caught
    player.get_by_role("button", name="Play").press("Space")
    lab.page.wait_for_function("document.querySelector('.lrc-player input').value > 2")
    player.get_by_role("button", name="Pause").click()
    stopped = int(slider.input_value())
    lab.page.wait_for_timeout(300)
    assert 2 < stopped < 40
    holds(stopped)
    player.get_by_role("combobox").select_option("30")
    player.get_by_role("button", name="Play").click()
    lab.page.wait_for_function("document.querySelector('.lrc-player input').value === '40'")
    player.get_by_role("button", name="Play").wait_for()
    holds(40)
    assert active_cell(lab) == before


# All of them


def test_two_views_of_one_widget_show_the_same(show):
    """What is done in one view is seen in the other, and once in the kernel."""
    lab = show(f"quiz = {QUIZ}; quiz", "quiz")
    first, second = (lab.panel.locator(".lrc-quiz").nth(i) for i in (0, 1))
    first.locator("fieldset").nth(1).locator("label").nth(1).click()
    first.locator("fieldset").nth(1).get_by_role("button").click()
    lab.settle()

    assert second.locator("fieldset").nth(1).locator("input").nth(1).is_checked()
    assert second.locator(".lrc-score").inner_text() == first.locator(".lrc-score").inner_text()


def test_the_focus_stays_in_the_widget(show):
    """A button that goes when it is used passes the focus on: from a guess to what is said of it,
    from a drawing to another try, from there to the first point."""
    lab = show(CHOOSE, DRAW)
    lab.panel.locator(".lrc-card input").first.press("Space")
    press(lab, "Tab", "Enter")
    lab.settle()
    assert "Your guess was" in lab.page.evaluate("document.activeElement.innerText")

    lab.panel.get_by_role("slider").nth(1).press("ArrowUp")
    lab.panel.get_by_role("button", name="Commit my drawing").press("Enter")
    lab.settle()
    assert lab.page.evaluate("document.activeElement.innerText") == "Try again"
    press(lab, "Enter")
    lab.settle()
    assert lab.page.evaluate("document.activeElement.ariaLabel") == "Point 1 of 6"


def test_an_error_is_said_on_the_page(new_lab):
    """What breaks in the kernel is one sentence under the widget, for the learner to read."""
    lab = new_lab().run_code(IMPORT, START, f"guess = {CHOOSE}; guess._remember = None; guess")
    lab.panel.locator(".lrc-card").first.click()
    lab.panel.get_by_role("button", name="Commit my guess").click()
    trouble = lab.panel.get_by_role("alert")
    trouble.filter(has_text="This did not work (TypeError").wait_for()

    assert trouble.is_visible()


def use_all(lab: Any) -> None:
    """Bring every widget into the state with the most to see."""
    lab.panel.locator(".lrc-card").first.click()
    lab.panel.get_by_role("button", name="Commit my guess").click()
    lab.panel.locator(".lrc-handle").nth(1).press("PageUp")
    lab.panel.get_by_role("button", name="Commit my drawing").click()
    lab.panel.locator(".lrc-quiz label").first.click()
    lab.panel.get_by_role("button", name="Check", exact=True).first.click()
    lab.panel.get_by_role("button", name="One update forward").click()
    lab.settle()


def test_axe_finds_nothing_serious(show):
    """Fresh and used, in both themes: names, contrast, roles and focus as they should be."""
    from axe_playwright_python.sync_playwright import Axe

    lab = show(*ALL)

    def check() -> None:
        found = Axe().run(lab.page, context=".lrc").response
        assert {"color-contrast", "label", "button-name"} <= {
            rule["id"] for rule in found["passes"]
        }
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious] == []

    check()
    use_all(lab)
    check()
    lab.set_theme("Dark")
    check()


WORDS = """() => [...document.querySelectorAll('.lrc-plot text')]
  .filter(text => text.textContent && text.getBoundingClientRect().width)
  .map(text => {
    const [box, plot] = [text, text.closest('.lrc')].map(part => part.getBoundingClientRect());
    const { a, b } = text.getScreenCTM(); // of the page, for a pixel of the plot
    const scale = Math.hypot(a, b);
    return { text: text.textContent, letters: scale * parseFloat(getComputedStyle(text).fontSize),
             inside: box.left >= plot.left - 1 && box.right <= plot.right + 1 };
  })"""


@pytest.mark.parametrize(
    "width", [640, *(pytest.param(w, marks=pytest.mark.thorough) for w in (720, 1000))]
)
def test_everything_fits_at_200_percent(new_lab, width):
    """On a narrow page nothing is cut off, and the words in the plots keep their size."""
    lab = new_lab(viewport={"width": width, "height": 450}, device_scale_factor=2)
    lab.run_code(IMPORT, START, *ALL)
    use_all(lab)
    wide = lab.panel.locator(".lrc").evaluate_all(
        "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).map(b => b.className)"
    )
    assert wide == []
    words = lab.page.evaluate(WORDS)
    assert len(words) > 40
    assert [w for w in words if w["letters"] < 11.5 or not w["inside"]] == []


def test_the_stored_output_stands_without_the_widget(show):
    """Each output holds a picture or HTML, and a text, beside the live view."""
    lab = show(*ALL)
    data = [cell["outputs"][0]["data"] for cell in lab.cells()[2:]]

    assert len(data) == len(ALL)
    for bundle in data:
        text = "".join(bundle["text/plain"])
        assert len(text.splitlines()) >= 3
        assert ("image/png" in bundle) != ("text/html" in bundle)
        assert StepDecay.__name__ not in text or "Which" in text
