"""Every notebook works for a learner in JupyterLab: it runs, its sliders move, nothing is asked
of the network."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jupyter_page import NOTEBOOKS, JupyterPage
from playwright.sync_api import expect

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


# The widgets of a lesson, without what it trains.
LESSON = (
    "import lrcourse\nfrom lrcourse import Constant, StepDecay, explore",
    "lrcourse.choose('step_decay')",
    "explore(StepDecay())",
    "lrcourse.quiz('step_decay')",
    "lrcourse.play([4, 2, 1, 0.5], loss=lambda x: x**2, schedule=Constant(lr=0.1))",
)


def move(lab: JupyterPage, number: int = 0) -> tuple[str, str]:
    """Move a slider by keyboard: what it said before, and after."""
    slider = lab.sliders.nth(number)
    slider.scroll_into_view_if_needed()
    slider.focus()
    before = said(slider)
    # Any way: the slider may stand at an end, and a point of a sketch moves up and down.
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        lab.page.keyboard.press(key)
        lab.settle()
        if said(slider) != before:
            break
    return before, said(slider)


def tick(lab: JupyterPage) -> tuple[bool, bool]:
    """Tick a box of the bench, or clear it, by keyboard: its state before, and after."""
    box = lab.panel.locator('.lrc-bench input[type="checkbox"]:visible').first
    before = box.is_checked()
    box.press("Space")
    lab.settle()
    return before, box.is_checked()


def said(slider) -> str:
    """The value of a slider as a screen reader says it."""
    return slider.evaluate(
        "s => s.getAttribute('aria-valuetext') || s.getAttribute('aria-valuenow') || s.value"
    )


def assert_clean(lab: JupyterPage) -> None:
    assert lab.output_errors() == []
    assert lab.faults == []


def test_there_are_notebooks():
    """The tests below look at every notebook of the course."""
    assert len(PATHS) >= 6


@pytest.mark.thorough  # where the outputs are compared each is run, too, and the first one below
@pytest.mark.parametrize("name", [path.name for path in PATHS])
def test_notebook_runs_and_moves(lab: JupyterPage, name: str):
    """Run All ends without an error, a slider moves by keyboard, and nothing asks the network."""
    lab.open_notebook(name)

    assert lab.run_all(seconds=240) == []
    before, after = move(lab)
    assert after != before
    if name == "07_training_lab.ipynb":
        before, after = tick(lab)  # the bench has boxes to tick, and no slider
        assert after != before
    assert_clean(lab)


def test_stored_notebook_reads_without_being_run(lab: JupyterPage):
    """Opened and not run, a lesson shows its pictures and tables, and no broken widget."""
    lab.open_notebook("01_step_decay.ipynb")

    lab.panel.locator(".jp-OutputArea img").nth(2).wait_for()
    lab.panel.locator(".jp-OutputArea table").first.wait_for()
    lab.page.wait_for_timeout(1000)  # for a widget that fails late
    assert_clean(lab)


def test_nobody_is_asked_about_news(lab: JupyterPage):
    """JupyterLab as the course installs it fetches no news, and does not ask the learner about it."""
    ask = "async name => (await jupyterapp.serviceManager.settings.fetch(name)).schema"
    schema = lab.page.evaluate(ask, "@jupyterlab/apputils-extension:notification")

    assert schema["properties"]["fetchNews"]["default"] == "false"


def test_run_all_twice_and_after_a_restart(lab: JupyterPage):
    """Running everything a second time in the same kernel leaves one of each widget; after a restart
    everything runs again, and the new widgets move."""
    lab.open_notebook("00_start_here.ipynb")
    assert lab.run_all() == []
    count = lab.sliders.count()
    assert lab.run_all() == []
    assert lab.sliders.count() == count

    lab.restart_kernel()
    assert lab.run_all() == []
    before, after = move(lab)
    assert after != before
    assert_clean(lab)


def test_two_notebooks_at_once(new_lab: Callable[..., JupyterPage]):
    """Two notebooks open in two windows, each with its kernel, do not disturb one another."""
    one, other = new_lab(), new_lab()
    one.open_notebook(one.server.write("one.ipynb", *LESSON))
    other.open_notebook(other.server.write("other.ipynb", *LESSON))
    assert one.run_all() == []
    assert other.run_all() == []

    untouched = said(other.sliders.first)
    before, after = move(one)
    assert after != before
    assert said(other.sliders.first) == untouched
    assert_clean(one)
    assert_clean(other)


def test_guess_outlives_the_notebook(lab: JupyterPage):
    """What the learner guessed is shown when the notebook, never saved, is opened and run another
    day."""
    name = lab.server.write("guessed.ipynb", *LESSON)
    lab.open_notebook(name)
    lab.run_all()
    lab.panel.locator('.jp-OutputArea input[type="radio"]').first.check()
    lab.panel.get_by_role("button", name="Commit").first.click()
    lab.settle()
    assert Path(lab.server.home, "memory.json").exists()

    lab.tidy()
    lab.open_notebook(name)
    lab.run_all()
    assert "Your guess" in lab.panel.inner_text() or "You guessed" in lab.panel.inner_text()


def test_saved_notebook_shows_what_was_left(new_lab: Callable[..., JupyterPage]):
    """Saved and opened another day, a lesson shows its widgets as they were left, not run: readable,
    still, with a sentence on how to go on; and so again if it is then saved without being run."""
    asleep = ".jp-OutputArea .lrc-asleep:visible"
    lab = new_lab()
    name = lab.server.write("saved.ipynb", *LESSON)
    lab.open_notebook(name)
    assert lab.run_all() == []
    assert lab.panel.locator(asleep).count() == 0
    widgets = lab.panel.locator(".jp-OutputArea .lrc").count()
    assert widgets >= 4
    lab.panel.locator('.jp-OutputArea input[type="radio"]').first.check()
    lab.panel.get_by_role("button", name="Commit").first.click()
    _, left = move(lab)

    for _ in range(2):
        lab.save()
        lab.close()
        lab = new_lab().open_notebook(name)
        expect(lab.panel.locator(asleep)).to_have_count(widgets, timeout=60_000)
        lab.panel.get_by_text("✗ Your guess was").wait_for()
        lab.page.wait_for_function("() => document.querySelector('.lrx-curves').drawn")
        assert said(lab.sliders.first) == left
        assert not lab.sliders.first.is_enabled()
        drawn = lab.panel.locator(".lrx-curves").first.evaluate("c => c.drawn.lines[0].rate[0]")
        assert drawn == pytest.approx(float(left))
        assert_clean(lab)

    assert lab.run_all() == []
    assert lab.panel.locator(asleep).count() == 0
    before, after = move(lab)
    assert after != before


def test_the_checks_can_fail(new_lab: Callable[..., JupyterPage]):
    """An error, a broken callback, a console error and a foreign request are each seen."""
    lab = new_lab().run_code(
        "import ipywidgets\nfrom IPython.display import HTML, Javascript, display",
        "slider = ipywidgets.IntSlider()\nslider.observe(lambda change: 1 / 0, 'value')\nslider",
        "display(HTML('<img src=\"https://example.com/a.png\">'))",
        "display(Javascript('console.error(\"careful\")'))",
    )
    move(lab)

    def all_seen() -> None:
        for fault in ("ZeroDivisionError", "careful", "example.com"):
            assert any(fault in seen for seen in lab.faults)

    lab.until(all_seen)
    with pytest.raises(AssertionError, match="NameError"):
        lab.run_code("not_defined")
