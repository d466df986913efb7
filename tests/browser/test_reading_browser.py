"""Every widget alone on a page, as VS Code, Colab or an export show it: what a screen reader is given
of it, and that it holds on a narrow page and with wide letters."""

from collections.abc import Callable
from typing import Any

import bare
import pytest
from playwright.sync_api import expect

import lrcourse
from lrcourse import Constant, CosineAnnealing, OneCycle, StepDecay

MAKE: dict[str, Callable[[], Any]] = {
    "choose": lambda: lrcourse.choose("step_decay"),
    "draw": lambda: lrcourse.draw("reading", StepDecay(), steps=90),
    "decide": lambda: lrcourse.decide("reading.bug", "It is stepped twice.", question="Why?"),
    "quiz": lambda: lrcourse.quiz("step_decay"),
    "ball": lambda: lrcourse.ball(),
    "play": lambda: lrcourse.play([4, 2, 1], loss=lambda x: x**2, schedule=Constant(lr=0.25)),
    "explore": lambda: lrcourse.explore(OneCycle(total_steps=100)),
    "landscape": lambda: lrcourse.explore_landscape(CosineAnnealing(), "ravine"),
    "bench": lambda: lrcourse.bench(),
    "cloud": lambda: lrcourse.cloud(),
    "wells": lambda: lrcourse.wells(),
    "sharpness": lambda: lrcourse.sharpness(),
}
every_widget = pytest.mark.parametrize("name", MAKE)

# Must have a name of their own.
NAMED = {
    *("button", "slider", "textbox", "radio", "checkbox", "combobox", "image", "img"),
    *("progressbar", "radiogroup", "spinbutton", "columnheader", "Canvas"),
}

# WCAG 1.4.12: what a reader may set, and nothing may be lost by it.
WIDE = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
word-spacing: 0.16em !important } p { margin-bottom: 2em !important }"""

# What is cut off: beyond the page, or hidden in a box that is too small; and labels under sliders.
CUT = """() => {
  const shown = [...document.querySelectorAll('.lrc *')].filter(e => e.getClientRects().length
    && !e.closest('.lrx-said, clipPath, clippath, g, pre, .lrc-table, table'));
  const name = e => `${e.tagName}.${e.getAttribute('class')} ${e.textContent.trim().slice(0, 20)}`;
  const out = shown.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5
    || e.getBoundingClientRect().left < -0.5);
  const hidden = shown.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth
    && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX));
  const under = [...document.querySelectorAll('.lrx-control label')].filter(label => {
    const range = document.createRange();
    range.selectNodeContents(label);
    const input = label.parentElement.querySelector('input, select').getBoundingClientRect();
    const words = range.getBoundingClientRect();
    return words.right > input.left + 1 && words.bottom > input.top + 1 && words.top < input.bottom - 1;
  });
  return [...out, ...hidden, ...under].map(name);
}"""


@pytest.fixture(autouse=True)
def memory(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path))


@every_widget
def test_a_widget_stands_alone(page: Any, name: str):
    """Without a notebook around it a widget shows all it has; all that can be moved or looked at has a
    name, a picture says in words what is on it, and a button is called what it says."""
    alone = bare.show(page, MAKE[name]())
    tree = alone.tree()

    assert [role for role, said in tree if role in NAMED and not said] == []
    groups = [said for role, said in tree if role in ("group", "region", "radiogroup") and said]
    assert groups and page.locator(".lrc :is(button, input, [tabindex])").count() >= 1
    pictures = [said for role, said in tree if role in ("image", "img")]
    assert all(len(said) > 25 for said in pictures), pictures
    for button in page.locator(".lrc button:visible").all():
        words, called = button.inner_text().strip(), button.get_attribute("aria-label")
        letters = "".join(c for c in words if c.isalnum() or c == " ").strip()
        assert not called or letters in called, (words, called)


@every_widget
def test_it_holds_on_a_narrow_page_with_wide_letters(page: Any, name: str):
    """At 320 px nothing is cut off, and no more with the widest letters that a reader may ask for."""
    page.set_viewport_size({"width": 320, "height": 640})
    bare.show(page, MAKE[name]())
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    assert page.evaluate(CUT) == []
    page.add_style_tag(content=WIDE)
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")

    assert page.evaluate(CUT) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320


def test_the_answer_comes_after_a_thought(page: Any):
    """By keyboard: write, Tab, Enter. Then the answer is there, has the focus, and is read out."""
    decision = MAKE["decide"]()
    alone = bare.show(page, decision)
    assert "stepped twice" not in page.content()
    page.get_by_label("What you think").focus()
    page.keyboard.type("the clock")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    alone.answer(decision)

    said = page.locator(".lrc-said")
    expect(said).to_contain_text("You thought: the clock")
    expect(said).to_contain_text("It is stepped twice.")
    expect(said).to_be_focused()
    assert page.get_by_role("textbox").count() == 0


def test_the_ball_says_nothing_before_it_is_moved(page: Any):
    """No verdict of a rate stands there to begin with; after the first key there is one."""
    bare.show(page, MAKE["ball"]())
    said = page.locator(".lrc-said")
    assert not any(word in said.inner_text() for word in ("too small", "right", "too large"))
    page.get_by_label("learning rate").press("ArrowRight")

    expect(said).to_contain_text("Too small")
    picture = next(said for role, said in bare.Bare(page).tree() if role in ("image", "img"))
    assert "at last" in picture and "At rate" in picture


def test_a_locked_drawing_is_no_stop(page: Any):
    """Tab passes by the points of a drawing that is committed, and what is true is said in words."""
    drawing = MAKE["draw"]()
    alone = bare.show(page, drawing)
    points = page.locator(".lrc-handle")
    assert points.evaluate_all("all => all.map(p => p.tabIndex)") == [0] * 6
    points.first.focus()
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name="Commit").click()
    alone.answer(drawing)

    expect(page.locator(".lrc-said")).to_contain_text(
        "The true rate starts at 0.1, falls in stairs"
    )
    assert points.evaluate_all("all => all.map(p => p.tabIndex)") == [-1] * 6


def test_a_box_to_type_in_can_be_seen(page: Any):
    """The border of a text box stands out from its ground, 3 to 1, on light and dark pages."""
    contrast = """box => {
      const look = getComputedStyle(box);
      const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
          .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const [a, b] = [light(look.borderTopColor), light(look.backgroundColor)].sort((x, y) => x - y);
      return (b + 0.05) / (a + 0.05);
    }"""
    for dark in (False, True):
        for name in ("explore", "decide"):
            bare.show(page, MAKE[name](), dark=dark)
            boxes = page.locator(".lrc :is(input[type=text], textarea)")
            assert boxes.count() and min(box.evaluate(contrast) for box in boxes.all()) >= 3


def test_quiz_buttons_belong_to_their_questions(page: Any):
    """Each is called what it says; which question it is for is its description."""
    bare.show(page, MAKE["quiz"]())
    buttons = page.get_by_role("button", name="Check", exact=True)

    assert buttons.count() == 3
    for number, button in enumerate(buttons.all(), 1):
        about = button.get_attribute("aria-describedby")
        assert page.locator(f"#{about}").inner_text().startswith(f"{number}. ")
