"""The explorer that trains, by hand in a real JupyterLab: what it draws is what Python trained."""

import json

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect
from test_explorer_browser import ASK_KERNEL, AXE, IMPORT, ExplorerByHand

DRAWN = "root => root.querySelector('.lrt-score').drawn"
FRAMES = "root => Number(root.querySelector('.lrt-score').dataset.frame)"
WATCH = """() => { const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.lrcMessages = []; kernel.anyMessage.connect((_, { msg }) =>
    msg.header.msg_type.startsWith('comm') && window.lrcMessages.push(msg)); }"""
GROWS = """root => { window.lrcGrown = new Set(); const score = root.querySelector('.lrt-score');
  new MutationObserver(() => { const { control, trained, n } = score.drawn;
    if (!n && control === 'gamma') lrcGrown.add(trained); })
    .observe(score, { attributes: true, attributeFilter: ['data-frame'] }); }"""


class TrainedByHand(ExplorerByHand):
    """An explorer that trains: what is drawn under the rate, and what it says."""

    def score(self):
        return self.root.evaluate(DRAWN)

    @property
    def words(self):
        return self.root.locator(".lrt-words").inner_text()

    def trained(self, name):
        """Touch a control, and wait until all its positions are trained."""
        self.handle(name).focus()
        self.lab.until(lambda: self.assert_shows(name))
        self.rest()

    def assert_shows(self, name):
        assert self.score()["control"] == name

    def assert_is_pythons(self, name):
        """What is drawn at every position is Python's table."""
        table = json.loads(
            eval(self.page.evaluate(ASK_KERNEL, f"e.consequences({name!r}).to_json()"))
        )
        ends = [v for v in self.score()["end"] if v is not None]
        np.testing.assert_allclose(ends, list(table["mean"].values()), rtol=1e-4)


@pytest.fixture
def trained(lab_page_with_code):
    """`trained("StepDecay()")`: an explorer of it, all trained; it is `e` there."""

    def show(line, more="task='digits', steps=40, seeds=8"):
        shown = TrainedByHand(lab_page_with_code(IMPORT, f"e = explore({line}, {more})\ne"))
        shown.rest()
        return shown

    return show


def test_a_touch_trains_all_positions(trained):
    """A touched control has all its positions trained, and drawn as Python's table has them."""
    shown = trained("StepDecay(step_size=20)")
    assert shown.score()["control"] == "step_size"
    shown.assert_is_pythons("step_size")
    shown.trained("gamma")

    shown.assert_is_pythons("gamma")
    assert shown.words.startswith("gamma 0.1: ")
    assert "Trained on digits: 8 seeds, SGD with momentum 0.9, each 40 updates." in shown.words


def test_curves_grow_while_they_train(trained):
    """The first curves are there before the first seeds are done, and get longer."""
    shown = trained("StepDecay(step_size=500)", "task='digits', steps=1000, seeds=4")
    shown.root.evaluate(GROWS)
    shown.trained("gamma")

    grown = shown.page.evaluate("[...lrcGrown]")
    assert len(grown) >= 3
    assert sorted(grown) == grown


def test_arrow_keys_walk_through_what_is_trained(trained):
    """Each press shows the next position, its curve and its sentence, and trains nothing."""
    shown = trained("StepDecay(step_size=20)")
    shown.trained("gamma")
    texts = {}
    for _ in range(4):
        shown.handle("gamma").press("ArrowRight")
        shown.lab.next_frame()
        score = shown.score()
        texts[score["text"]] = score["mean"][-1]
        assert shown.words.startswith(f"gamma {score['text']}: ")
        assert shown.words.split(": ")[1].startswith(f"{score['mean'][-1]:.2f}"[:4])
    shown.rest()

    assert len(set(texts.values())) == len(texts) == 4


def test_a_drag_asks_nobody(trained):
    """Once a control is trained no message passes while it is dragged, and each move is drawn."""
    shown = trained("CosineAnnealing(T_max=40)")
    shown.handle("T_max").hover()  # once it stands still
    shown.rest()
    box = shown.handle("T_max").bounding_box()
    shown.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    shown.rest()
    shown.page.evaluate(WATCH)
    first = shown.root.evaluate(FRAMES)
    shown.page.mouse.down()
    seen = set()
    for share in np.linspace(0.8, 0.2, 25):
        shown.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        shown.lab.next_frame()
        seen.add(shown.score()["text"])
    assert shown.page.evaluate("lrcMessages.length") == 0
    assert shown.root.evaluate(FRAMES) - first >= len(seen) > 8
    shown.page.mouse.up()
    shown.rest()


def test_many_touches_end_with_the_last(trained):
    """Of many touches in a row the last one is trained, and nothing of another is shown."""
    shown = trained("StepDecay(step_size=20)")
    for name in ("gamma", "lr", "step_size", "run", "gamma", "lr"):
        shown.handle(name).focus()
    shown.lab.until(lambda: shown.assert_shows("lr"))
    shown.rest()

    assert shown.score()["control"] == "lr"
    shown.assert_is_pythons("lr")


def test_it_trains_while_a_cell_runs(trained):
    """What a cell began goes on beside the next one; a touch during that is trained, too."""
    shown = trained("StepDecay(step_size=20)", "task='digits', steps=100, seeds=4")

    def is_over(name):
        shown.assert_shows(name)
        expect(shown.root.get_by_role("button", name="Stop training")).to_be_disabled()
        assert shown.score()["n"] == 4

    shown.page.evaluate(ASK_KERNEL, "e.touch('lr')")
    with shown.lab.busy_kernel():  # which answers nothing else until it ends
        shown.lab.until(lambda: is_over("lr"))
        shown.handle("gamma").press("ArrowRight")
        shown.lab.until(lambda: is_over("gamma"))
        assert "Python is busy" not in shown.lab.panel.inner_text()
        assert shown.score()["fresh"]
    shown.rest()
    shown.assert_is_pythons("gamma")


def test_another_control_makes_the_rest_old(trained):
    """A move of one control has the positions of the others trained anew when they are touched."""
    shown = trained("StepDecay(step_size=20)")
    shown.trained("gamma")
    shown.handle("gamma").press("End")
    shown.rest()
    shown.trained("step_size")

    ends = shown.score()["end"]
    assert ends == [ends[0]] * len(ends)  # without a drop it does not matter when


def test_stop_is_heard(lab_page_with_code):
    """Stop ends the training and says so; a touch goes on where it was."""
    line = "e = explore(CosineAnnealing(T_max=9000), task='digits', steps=9000)\ne.stop()\ne"
    shown = TrainedByHand(lab_page_with_code(IMPORT, line))
    shown.handle("lr").focus()
    stop = shown.root.get_by_role("button", name="Stop training")
    expect(stop).to_be_enabled()
    stop.click()
    expect(stop).to_be_disabled()
    shown.rest()

    assert "Stopped: " in shown.words


def test_the_kernels_interrupt_stops_it(lab_page_with_code):
    """Jupyter's own interrupt ends the training, while no cell runs."""
    line = "e = explore(CosineAnnealing(T_max=9000), task='digits', steps=9000)\ne.stop()\ne"
    shown = TrainedByHand(lab_page_with_code(IMPORT, line))
    shown.handle("lr").focus()
    expect(shown.root.get_by_role("button", name="Stop training")).to_be_enabled()
    interrupt = "jupyterapp.commands.execute('notebook:interrupt-kernel')"

    def stopped():
        shown.page.evaluate(interrupt)
        assert "Stopped: " in shown.words

    shown.lab.until(stopped)


def test_own_peaks_by_hand(trained):
    """The switch has each position trained at its own best peak, and says which."""
    shown = trained("StepDecay(lr=2.0, step_size=20)", "task='digits', steps=40, seeds=4")
    shown.trained("gamma")
    before = shown.score()["end"]
    shown.root.get_by_label("each position at its own best peak").check()
    shown.lab.until(
        lambda: expect(shown.root.locator(".lrt-words")).to_contain_text("own best peak")
    )
    shown.rest()

    assert np.mean(shown.score()["end"]) < np.mean(before)


def test_two_schedules_and_a_pin(trained):
    """Several schedules lie over each other, and a pin becomes what is compared with."""
    shown = trained("CosineAnnealing(T_max=40), ExponentialDecay(gamma=0.95)")
    shown.trained("A.T_max")
    labels = shown.root.locator(".lrt-number")
    assert any(text.startswith("B ") for text in labels.all_text_contents())
    shown.press("Pin this curve")
    shown.handle("A.T_max").press("Home")
    shown.rest()

    assert any(text.startswith("pin 1 ") for text in labels.all_text_contents())


def test_it_is_there_after_a_restart_and_reopened(new_lab):
    """After a restart, and in the saved notebook opened again, it shows what was trained."""
    line = "e = explore(StepDecay(step_size=20), task='digits', steps=40, seeds=4)\ne.wait()\ne"
    lab = new_lab().run_code(IMPORT, line)
    shown = TrainedByHand(lab)
    shown.rest()
    words, end = shown.words, shown.score()["end"]
    lab.restart_kernel()
    expect(lab.panel.locator(".lrc-asleep")).to_have_count(1)
    assert shown.words == words
    lab.reopen()
    again = TrainedByHand(lab)

    assert again.words == words
    assert again.score()["end"] == end


def test_training_ends_with_the_kernel(new_lab):
    """A kernel that is restarted while it trains: the widget says how far it came, not that it trains."""
    line = "explore(StepDecay(step_size=20), task='digits', steps=600, seeds=64)"
    lab = new_lab().run_code(IMPORT, line)
    words = lab.panel.locator(".lrt-made")
    expect(words).to_contain_text("Training: ", timeout=60_000)
    lab.restart_kernel()

    expect(lab.panel.locator(".lrc-asleep")).to_have_count(1)
    expect(words).to_contain_text("Stopped: ")


def test_it_has_words_and_names(lab, trained):
    """The picture has its text, and axe-core finds nothing serious in either theme."""
    shown = trained("StepDecay(step_size=20)")
    label = shown.root.locator(".lrt-score").get_attribute("aria-label")
    assert label.startswith("excess risk. step_size 20: ")
    lab.page.evaluate(AXE_SCRIPT)
    for theme in ("Light", "Dark"):
        lab.set_theme(theme)
        assert lab.page.evaluate(AXE) == []
