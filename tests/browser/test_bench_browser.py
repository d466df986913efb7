"""The lab bench in a real JupyterLab: started, watched, stopped, and its result read."""

import pytest

BENCH = "import lrcourse\nlrcourse.bench(['constant', 'linear'], steps=40, seeds=4)"
SLIDER = "lrcourse.explore(lrcourse.StepDecay())"


@pytest.fixture
def lab(lab_page_with_code):
    return lab_page_with_code(BENCH, SLIDER)


@pytest.fixture
def bench(lab):
    return lab.panel.locator(".lrc-bench")


def button(bench, name):
    return bench.get_by_role("button", name=name, exact=True)


def form(bench):
    """The form, unfolded: a race that runs has folded it."""
    shown = button(bench, "Show the form")
    if shown.count():
        shown.click()
    return bench


def ask_for(bench, updates, seeds):
    """Fill in how long the next race is."""
    form(bench)
    bench.get_by_label("Updates").fill(str(updates))
    bench.get_by_label("Seeds").fill(str(seeds))


def test_a_race_is_started_and_its_verdict_read(lab, bench):
    """Start by keyboard: the curves are drawn, and the verdict and the table appear."""
    button(bench, "Start").focus()
    lab.page.keyboard.press("Enter")
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)

    assert bench.locator("svg.lrc-plot").count() == 2
    assert "linear" in bench.locator("[role=status]").inner_text()
    rows = bench.locator("table tbody tr")
    assert {row.split()[0] for row in rows.all_inner_texts()} == {"constant", "linear"}


def test_stop_ends_a_long_race_and_a_slider_moves_meanwhile(lab, bench):
    """While it trains the kernel is free: another widget's control still moves its curve."""
    ask_for(bench, updates=4000, seeds=128)
    button(bench, "Start").click()
    bench.get_by_role("progressbar").wait_for()

    explorer = lab.panel.locator(".lrx")
    before = explorer.locator(".lrx-readout").inner_text()
    explorer.locator("input[type=range]").first.press("ArrowRight")
    lab.page.wait_for_function(
        "before => document.querySelector('.lrx-readout').innerText !== before", arg=before
    )
    assert button(bench, "Stop").is_enabled()  # the race is still on

    button(bench, "Stop").click()
    bench.get_by_text("Stopped.").wait_for(timeout=60_000)
    assert button(bench, "Start").is_enabled()


def test_the_focus_stays_in_the_bench(lab, bench):
    """Start goes to Stop, the end of the race to what is said of it, Forget back to Keep."""
    focused = "document.activeElement.innerText"
    ask_for(bench, updates=4000, seeds=128)  # so that it cannot be over before it is looked at
    button(bench, "Start").press("Enter")
    bench.get_by_role("progressbar").wait_for()
    assert lab.page.evaluate(focused) == "Stop"
    lab.page.keyboard.press("Enter")
    bench.get_by_text("Stopped.").wait_for(timeout=60_000)
    assert lab.page.evaluate(focused).startswith("Stopped.")

    ask_for(bench, updates=40, seeds=4)
    button(bench, "Start").press("Enter")
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)
    assert lab.page.evaluate(focused).startswith("The race is over.")

    button(bench, "Keep this race").press("Enter")
    lab.settle()
    button(bench, "Forget the kept one").press("Enter")
    button(bench, "Forget the kept one").wait_for(state="hidden")
    assert lab.page.evaluate(focused) == "Keep this race"


def test_a_wrong_function_explains_itself(lab, bench):
    """A function of your own that cannot be raced says which step and which value."""
    bench.get_by_label("Your own, a function of t").fill("lambda t: 1 - t")
    button(bench, "Start").click()

    trouble = bench.get_by_role("alert")
    trouble.get_by_text("step 2").wait_for(timeout=60_000)


def test_a_race_is_kept_beside_the_next(lab, bench):
    """Keep, change, race again: both tables are in the page."""
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)
    button(bench, "Keep this race").click()
    form(bench).get_by_label("Seeds").fill("3")
    button(bench, "Start").click()
    bench.get_by_text("40 updates, 3 seeds").wait_for(timeout=120_000)

    assert bench.locator("table").count() == 2


def in_sight(lab, place):
    """Whether all of `place` is inside the notebook's window."""
    return place.evaluate(
        """e => { const [a, b] = [e, e.closest('.jp-WindowedPanel-outer, .jp-NotebookPanel')]
                 .map(x => x.getBoundingClientRect());
               return a.top >= b.top && a.bottom <= b.bottom && a.right <= b.right; }"""
    )


def test_plot_and_verdict_are_in_sight_on_a_small_screen(lab, bench):
    """At 1280 x 720, Start is in sight; when it was pressed, the form is folded, and at the end the
    plots and the verdict are in sight together."""
    lab.page.set_viewport_size({"width": 1280, "height": 720})
    bench.scroll_into_view_if_needed()
    assert in_sight(lab, button(bench, "Start"))
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)

    assert bench.locator("form").is_hidden()
    assert button(bench, "Show the form").get_attribute("aria-expanded") == "false"
    for place in (*bench.locator("svg.lrc-plot").all(), bench.locator("[role=status]")):
        assert in_sight(lab, place)


def test_a_refused_race_shows_the_form_again(lab, bench):
    """What was refused can be put right at once: the form is there."""
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)
    form(bench).get_by_label("Updates").fill("3")
    button(bench, "Hide the form").click()
    button(bench, "Start").click()
    bench.get_by_role("alert").get_by_text("at least 20").wait_for()

    assert bench.get_by_label("Updates").is_visible()


def test_all_fields_are_raced(lab, bench):
    """Optimizer, batch and peaks of the form are those of the race."""
    bench.get_by_label("Optimizer").select_option("adamw")
    bench.get_by_label("Batch").fill("16")
    bench.get_by_label("Peaks to try").fill("0.002, 0.01")
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)
    rows = bench.locator("table tbody tr").all_inner_texts()

    assert {row.split()[-1] for row in rows} <= {"0.002", "0.01"}
    form(bench).get_by_label("Peaks to try").fill("0.002, much")
    button(bench, "Start").click()
    bench.get_by_role("alert").get_by_text("each peak must be a number above 0").wait_for()


OWN = """
import torch, lrcourse
from torch import nn
from lrcourse import lab
x = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
mine = lab.Task(name="sides", model=lambda: nn.Sequential(nn.Linear(3, 2)), data=(x[:60], y[:60]),
                test=(x[60:], y[60:]), metric="loss of sides")
lrcourse.bench(['constant', 'linear'], task=mine, steps=40, seeds=4)
"""


def test_a_task_of_your_own_races(lab):
    """A task that was made in the notebook is chosen, raced, and named in plot and table."""
    bench = lab.run_code(OWN).panel.locator(".lrc-bench")
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)

    assert bench.locator("table caption").inner_text().startswith("This race: sides, 40 updates")
    assert "accuracy" in bench.locator("table thead").inner_text()
    assert bench.locator("svg.lrc-plot").first.get_by_text("loss of sides").is_visible()
    assert form(bench).get_by_label("Task").input_value() == "sides"


def test_widgets_grow_with_the_text(lab, bench):
    """In presentation mode, where text is larger, so are the bench, its plots and their words, and
    no box of a number is cut off."""
    lab.page.set_viewport_size({"width": 1920, "height": 1080})
    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)
    form(bench)
    tick = bench.locator(".lrc-tick").first
    sizes = "e => [e.getBoundingClientRect().height, e.ownerSVGElement.clientWidth]"
    before = tick.evaluate(sizes)
    lab.page.evaluate("jupyterapp.commands.execute('application:toggle-presentation-mode')")
    try:
        lab.page.wait_for_function(
            "was => document.querySelector('.lrc-tick').getBoundingClientRect().height > 1.1 * was",
            arg=before[0],
        )
        assert tick.evaluate(sizes)[1] > 1.1 * before[1]
        cut = bench.locator("input:not([type=checkbox]), select").evaluate_all(
            "boxes => boxes.filter(b => b.clientWidth < b.scrollWidth || b.clientWidth < 60).length"
        )
        assert cut == 0
    finally:
        lab.page.evaluate("jupyterapp.commands.execute('application:toggle-presentation-mode')")


def test_a_race_fits_a_narrow_page(zoomed_lab):
    """At 200 % neither the curves nor the table are wider than the page."""
    zoomed_lab.run_code(BENCH)
    bench = zoomed_lab.panel.locator(".lrc-bench")
    button(bench, "Start").press("Enter")
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)

    wide, room = bench.evaluate("b => [b.scrollWidth, b.clientWidth]")
    assert wide <= room + 1
    drawn, shown = bench.locator("svg.lrc-plot").first.evaluate(
        "s => [s.viewBox.baseVal.width, s.clientWidth]"
    )
    assert drawn == shown


def test_the_bench_has_no_serious_fault_of_access(lab, bench):
    """axe-core finds nothing serious in the bench, before and after a race."""
    from axe_playwright_python.sync_playwright import Axe

    button(bench, "Start").click()
    bench.get_by_text("The race is over.").wait_for(timeout=120_000)

    found = Axe().run(lab.page, context=".lrc-bench").response["violations"]

    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
