"""The tasks of the lessons, carried out in the explorer of the lesson, each against its answer.

A lesson prints its answers in a fold. Here a hand does what the task says, in the lesson's own
notebook, and what the widget then shows is held against the numbers and names of that fold.
"""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from test_explorer_browser import ExplorerByHand

from lrcourse import StepDecay

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = NOTEBOOKS / "source"


def answer(lesson, number):
    """The printed answer to a task of the explorer."""
    [text] = (SOURCES / f"{lesson}.py").read_text(encoding="utf-8").split("# ## Move it")[1:]
    fold = text.split("<summary>Answers</summary>")[1].split("</details>")[0].replace("\n# ", " ")
    return re.search(rf"{number}\. (.*?)(?= \d\. |$)", " ".join(fold.split())).group(1)


def tasks(lesson):
    """How many tasks there are."""
    [text] = (SOURCES / f"{lesson}.py").read_text(encoding="utf-8").split("# ## Move it")[1:]
    return len(re.findall(r"^# \d\. ", text.split("# %%")[0], re.MULTILINE))


def up_to_explorer(lesson):
    """The code of a lesson until its explorer is there. One that trains gets two seeds: what it trains
    is not asked for here."""
    notebook = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell.source.replace('task="digits"', 'task="digits", seeds=2')
            if "lrcourse.explore(" in cell.source:
                return


@pytest.fixture
def lesson(lab):
    """`lesson("01_step_decay")`: the explorer of that lesson's notebook."""
    return lambda name: TaskByHand(lab.run_code(*up_to_explorer(name)))


class TaskByHand(ExplorerByHand):
    def drag_to(self, name, text):
        """Move a slider, by halves, until it says `text`: it must be one of its positions."""
        handle = self.handle(name)
        low, high = 0, int(handle.get_attribute("max"))
        while low < high:
            handle.fill(str((low + high) // 2))
            if float(self.text(name)) < float(text):
                low = (low + high) // 2 + 1
            else:
                high = (low + high) // 2
        handle.fill(str(low))
        assert self.text(name) == text, f"{name} cannot be put to {text} by hand"
        self.rest()

    def type(self, name, text):
        box = self.control(name).locator('input[type="text"]')
        box.fill(text)
        box.press("Enter")
        self.rest()

    def at(self, t):
        """The rate that the explorer says for an update."""
        update = self.root.locator(".lrx-update")
        update.fill(str(t))
        words = self.root.locator(".lrx-values").inner_text()
        return float(re.search(r"rate ([\d.e+-]+)", words).group(1))

    def read(self, label):
        """A number of the readout, and the words over it."""
        cells = self.root.locator(".lrx-readout p").all()
        texts = [(c.locator("span").inner_text(), c.locator("b").inner_text()) for c in cells]
        return next((over, value) for over, value in texts if over.startswith(label))

    @property
    def ends(self):
        return float(self.read("end")[1])


def test_step_decay(lesson):
    """01: gamma below 0.1 is below 1 % at 60; step_size 1 is exponential; height and width."""
    name = "01_step_decay"
    shown = lesson(name)
    assert tasks(name) == 3
    assert "anything below 0.1" in answer(name, 1)
    shown.drag_to("gamma", "0.1")
    assert shown.at(60) >= 0.01 * shown.at(0) * 0.999
    shown.drag_to("gamma", "0.09")
    assert shown.at(60) < 0.01 * shown.at(0)

    assert "exponential" in answer(name, 2)
    shown.drag_to("step_size", "1")
    t, rates = shown.drawn()
    shares = rates[1:20] / rates[:19]
    np.testing.assert_allclose(shares, shares[0], rtol=1e-5)

    shown.press("Reset")
    assert re.search(r"`lr` and `gamma` the height, `step_size` the width", answer(name, 3))
    before = shown.drawn()[1]
    shown.drag_to("lr", "0.05")
    lower = shown.drawn()[1]
    np.testing.assert_array_equal(np.diff(before) != 0, np.diff(lower) != 0)  # the same width
    shown.press("Reset")
    shown.drag_to("step_size", "15")
    shown.assert_draws(StepDecay(lr=0.1, step_size=15, gamma=0.1))


def test_exponential_decay(lesson):
    """02: gamma 0.985 brings the rate to 1 % at 300; about 63 % are left after 30; 1 is constant."""
    name = "02_exponential_decay"
    shown = lesson(name)
    assert tasks(name) == 4
    assert "0.985" in answer(name, 1)
    shown.drag_to("gamma", "0.985")
    assert shown.at(300) == pytest.approx(0.01 * shown.at(0), rel=0.1)
    over, value = shown.read("below 1 %")
    assert int(value.split("t = ")[1]) == pytest.approx(300, abs=8)

    assert "63 %" in answer(name, 2)
    assert shown.at(30) / shown.at(0) == pytest.approx(0.63, abs=0.01)
    assert "45 of 300" in answer(name, 2)
    assert shown.at(45) / shown.at(0) == pytest.approx(0.5, abs=0.01)

    assert "Constant" in answer(name, 3)
    shown.drag_to("gamma", "1")
    assert np.ptp(shown.drawn()[1]) == 0

    assert "near 0.995" in answer(name, 4)
    shown.drag_to("gamma", "0.995")
    assert shown.ends / shown.at(0) == pytest.approx(0.2, abs=0.01)


def test_cosine_annealing(lesson):
    """03: T_max is the length of the run; half of it ends at the top; eta_min moves the end."""
    name = "03_cosine_annealing"
    shown = lesson(name)
    assert tasks(name) == 3
    T_max = answer(name, 1).split(":")[0].replace(",", "")
    shown.type("T_max", T_max)
    assert shown.at(100) == pytest.approx(0.1, rel=0.03)  # far from its end in this figure
    shown.press("Reset")

    assert "Back at the top" in answer(name, 2)
    assert shown.text("run") == "100"
    shown.drag_to("T_max", "50")
    over, _ = shown.read("end")
    assert over == "end, t = 99"
    assert shown.ends == pytest.approx(0.1, rel=0.01)

    assert answer(name, 3).startswith("The end. The start stays at `lr`")
    shown.press("Reset")
    start, end = shown.at(0), shown.ends
    shown.drag_to("eta_min", "0.01")
    assert shown.at(0) == start
    assert shown.ends > 100 * end


def test_cyclical(lesson):
    """04: four epochs of 500 are 2,000; each peak is half as high; step_size_down is the fall."""
    name = "04_cyclical_lr"
    shown = lesson(name)
    assert tasks(name) == 3
    up = re.search(r"four epochs: ([\d,]+)", answer(name, 1)).group(1).replace(",", "")
    shown.type("step_size_up", up)
    assert shown.read("largest")[0] == f"largest, t = {up}"

    assert "half as high above `base_lr`; momentum dips half as deep" in answer(name, 2)
    shown.handle("mode").select_option("triangular2")
    shown.rest()
    drawn = shown.root.evaluate(
        "root => { const { t, lines: [l] } = root.querySelector('.lrx-curves').drawn;"
        " return [[...t], [...l.rate], [...l.momentum]]; }"
    )
    t, rate, momentum = map(np.array, drawn)
    first, second = t < 4000, t >= 4000
    assert rate[second].max() - 0.001 == pytest.approx((rate[first].max() - 0.001) / 2, rel=0.02)
    deep = momentum.max() - momentum[first].min(), momentum.max() - momentum[second].min()
    assert deep[1] == pytest.approx(deep[0] / 2, rel=0.02)

    assert answer(name, 3).startswith("`step_size_down`")
    shown.handle("mode").select_option("triangular")
    shown.type("step_size_down", str(int(up) // 10))
    lows = np.flatnonzero(np.diff(np.sign(np.diff(shown.drawn()[1]))) > 0) + 1
    assert t[lows[0]] == pytest.approx(1.1 * int(up), abs=20)


def test_one_cycle(lesson):
    """05: with 11 steps the largest rate is 0.09797; three phases in straight lines; no rise."""
    name = "05_one_cycle"
    shown = lesson(name)
    assert tasks(name) == 3
    largest = answer(name, 1).split(":")[0]
    shown.type("total_steps", "11")
    assert shown.read("largest")[1] == largest

    assert answer(name, 2) == '`three_phase=True` and `anneal_strategy="linear"`.'
    shown.press("Reset")
    shown.handle("three_phase").check()
    shown.handle("anneal_strategy").select_option("linear")
    shown.rest()
    t, rates = shown.drawn()
    bends = np.abs(np.diff(rates[:100], 2)) > 1e-7
    assert 2 <= bends.sum() <= 6  # straight between the top, the low and the end

    assert "the rise would have no step" in answer(name, 3)
    shown.press("Reset")
    shown.handle("pct_start").focus()
    shown.handle("pct_start").press("Home")
    shown.rest()
    assert "rise" in shown.message("pct_start")
