"""The pictures that move by themselves: on a page of their own, and in JupyterLab.

On the bare page there is no kernel: what is seen there needs none. What the script works out is
held against Python's numbers.
"""

import re
from typing import Any

import bare
import numpy as np
import pytest
from playwright.sync_api import expect

import lrcourse
from lrcourse import CosineAnnealing, Cyclical
from lrcourse.widgets.moving import normals

START = "import lrcourse\nfrom lrcourse import *"


def words(page: Any) -> str:
    return page.locator(".lrc-said").first.inner_text()


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_chance_is_the_same_in_the_browser(page, seed):
    """The random numbers of an update are Python's, to the last digit."""
    bare.show(page, lrcourse.cloud(), names=("normals",))
    drawn = page.evaluate(
        "seed => [0, 1, 299].map(t => normals(seed, t, 50).map(z => [...z]))", seed
    )

    assert np.array_equal(drawn, [normals(seed, t, 50) for t in (0, 1, 299)])


# cloud


def run_out(page: Any, total: int) -> None:
    """Run to the end, as fast as it goes."""
    page.get_by_label("Speed").select_option("120")
    page.get_by_role("button", name="Run").click()
    page.wait_for_function(
        f"document.querySelector('.lrc-said').innerText.includes('After {total} of')"
    )


def test_the_browsers_cloud_is_pythons(page):
    """Whatever the rate does, each ball is where Python has it, and so are losses and widths."""
    run = lrcourse.cloud(balls=60, steps=80, seed=3)
    rates = CosineAnnealing(lr=1.5, T_max=80)(np.arange(80)).tolist()
    run.run(rates)
    bare.show(page, run, names=("cloudIn",))
    there = page.evaluate(
        """rates => {
          const cloud = cloudIn(model.get("content"));
          rates.forEach(rate => cloud.update(rate));
          return { at: cloud.at.map(row => [...row]), history: cloud.history };
        }""",
        rates,
    )

    np.testing.assert_allclose(there["at"], run._at, rtol=1e-12, atol=1e-12)
    for name, ours in (("loss", run.losses), ("expected", run.expected)):
        np.testing.assert_allclose([h[name] for h in there["history"]], ours, rtol=1e-9)
    for name, widths in (("width", run.widths), ("theory", run.theory)):
        np.testing.assert_allclose(
            [h[name] for h in there["history"]], widths, rtol=1e-9, atol=1e-12
        )


def test_the_rate_is_dragged_during_the_run(page):
    """By keyboard, while it runs: the rate changes where the hand changed it, and Python hears the
    whole run once, at its end, and comes to what is shown."""
    run = lrcourse.cloud()
    shown = bare.show(page, run)
    slider = page.get_by_label("learning rate")
    page.get_by_label("Speed").select_option("60")
    slider.press("End")
    for _ in range(8):
        slider.press("ArrowLeft")
    before = len(shown.sent())
    page.get_by_role("button", name="Run").press("Enter")
    page.wait_for_function(
        "/After (4\\d|5\\d)/.test(document.querySelector('.lrc-said').innerText)"
    )
    slider.focus()
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.wait_for_function("document.querySelector('.lrc-said').innerText.includes('After 300 of')")
    shown.tell(run)

    assert len(shown.sent()) == before + 1
    changes = run.state["changes"]
    assert changes[0][0] == 0 and changes[1][0] >= 40 and changes[-1][1] < changes[0][1] / 2
    assert run.state["t"] == 300
    loss, expected = re.search(r"loss ([\d.]+), expected ([\d.]+)\.", words(page)).groups()
    assert float(loss) == pytest.approx(run.state["loss"], rel=0.051)
    assert float(expected) == pytest.approx(run.state["expected"], rel=0.051)
    for name in run.targets:
        assert (name in words(page).split("Still ahead")[0]) == (name in run.state["beaten"])


def test_the_cloud_is_stepped_and_begun_again(page):
    """One update at a time, then from the start: words and pictures say where it is."""
    run = lrcourse.cloud()
    shown = bare.show(page, run)
    cloud = page.locator(".lrc-plot").first
    first = cloud.get_attribute("aria-label")
    for _ in range(3):
        page.get_by_role("button", name="1 update").click()
    shown.tell(run)
    assert run.state["t"] == 3 and "After 3 of 300" in words(page)
    assert cloud.get_attribute("aria-label") != first
    page.get_by_role("button", name="Start again").click()
    assert cloud.get_attribute("aria-label") == first and "After 0 of 300" in words(page)


def test_it_opens_where_python_left_it(page):
    """A run made from Python is the run that is shown."""
    run = lrcourse.cloud()
    run.run(CosineAnnealing(lr=1.2, T_max=300))
    bare.show(page, run)
    assert "After 300 of 300" in words(page) and "✓ Beaten" in words(page)


def test_a_run_that_is_over_passes_the_focus_on(page):
    """The button that ran it can do no more: the focus is on the one that begins again."""
    bare.show(page, lrcourse.cloud(steps=12))
    page.get_by_label("Speed").select_option("120")
    page.get_by_role("button", name="Run").press("Enter")
    page.wait_for_function("document.querySelector('.lrc-said').innerText.includes('After 12 of')")
    assert page.evaluate("document.activeElement.innerText") == "Start again"


# sharpness


@pytest.mark.parametrize(("peak", "rise"), [(0.8, 0.3), (0.8, 0.0), (1.9, 0.15), (0.21, 0.0)])
def test_the_browsers_two_weights_are_pythons(page, peak, rise):
    """Rates, curvatures and fate of a run are Python's, through every swing."""
    run = lrcourse.sharpness()
    run.move(peak, rise)
    bare.show(page, run, names=("wave", "twoWeights"))
    rates, there = page.evaluate(
        """([peak, rise]) => {
          const rates = wave(peak, rise, 2000);
          return [rates, twoWeights(model.get("content"), rates)];
        }""",
        [peak, rise],
    )

    np.testing.assert_allclose(rates, run.rates, rtol=1e-14)
    ours = run.h[~np.isnan(run.h)]
    np.testing.assert_allclose(there["h"], ours, rtol=1e-6)
    assert there["survives"] == run.state["survives"] and there["out"] == run.state["out"]


def test_peak_and_rise_are_moved_and_the_map_remembers(page):
    """Every place that the hand passes is in the map and in Python; the words say what happened."""
    run = lrcourse.sharpness(peak=0.8)
    shown = bare.show(page, run)
    assert words(page).startswith("✗ Diverges. Peak 0.8, from the first update on.")
    rise = page.get_by_label("length of the rise")
    rise.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert words(page).startswith("✓ Survives. Peak 0.8, reached after 30 % of the run.")
    shown.tell(run)

    assert run.state["rise"] == 0.3 and run.state["survives"]
    assert len(run.state["tried"]) == 10
    for peak, share, survived in run.state["tried"]:
        assert survived == (peak <= run.largest_peak(share))
    seen = page.locator(".lrc-plot").nth(1)
    assert seen.get_attribute("aria-label").startswith("Map of 10 tried")
    page.get_by_role("button", name="Empty the map").click()
    assert seen.get_attribute("aria-label").startswith("Map of 1 tried")
    shown.tell(run)
    assert len(run.state["tried"]) == 1


# wells


def test_the_browsers_balls_are_pythons(page):
    """Each ball is where Python has it, in whichever well, and so is the share that escaped."""
    run = lrcourse.wells(Cyclical(base_lr=0.01, max_lr=0.05, step_size_up=20), steps=80, balls=50)
    bare.show(page, run, names=("rollIn", "normals"))
    there = page.evaluate(
        """() => {
          const { seed, balls, steps, schedules, ...wells } = model.get("content");
          const noise = Array.from({ length: steps }, (_, t) => normals(seed, t, balls)[0]);
          const { path, escaped } = rollIn({ balls, ...wells }, schedules[0][1], noise);
          return { path: path.map(row => [...row]), escaped };
        }"""
    )

    np.testing.assert_allclose(there["path"], run._paths["Cyclical"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(there["escaped"], run.escaped["Cyclical"])
    assert run.escaped["Cyclical"][-1] > 0


def test_three_schedules_run_side_by_side(page):
    """The bars, the words and Python agree, wherever the hand goes and whatever scales the rates."""
    run = lrcourse.wells()
    shown = bare.show(page, run)
    page.get_by_label("update", exact=True).press("End")
    page.get_by_label("all rates times").press("ArrowRight")
    shown.tell(run)

    assert run.state["update"] == 300 and run.state["factor"] > 1
    bars = page.locator(".lrm-share").all_inner_texts()
    assert bars == [f"{100 * share:.0f} % escaped" for share in run.state["escaped"].values()]
    for name, share in run.state["escaped"].items():
        assert f"{name} {100 * share:.0f} %" in words(page)
    page.get_by_role("button", name="Start again").click()
    assert page.locator(".lrm-share").all_inner_texts() == ["0 % escaped"] * 3
    page.get_by_label("Speed").select_option("120")
    page.get_by_role("button", name="Run").click()
    page.wait_for_function("document.querySelector('.lrc-said').innerText.includes('After 300 of')")
    assert page.locator(".lrm-share").all_inner_texts() == bars


# seed_dial


def test_the_browsers_draws_are_pythons(page):
    """The same seeds, the same intervals, the same counts, for two entries and for eight."""
    dial, shown_by = lrcourse.seed_dial(), lrcourse.seed_dial()
    shown = bare.show(page, shown_by)
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_role("button", name="Draw 100").click()
    page.get_by_label("all 8").check()
    slider = page.get_by_label("seeds in a draw")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    page.get_by_role("button", name="Draw 100").click()
    shown.tell(shown_by)
    dial.draw(101)
    dial.set(5, everyone=True)
    dial.draw(100)

    assert list(dial.state["counts"]) == list(shown_by.state["counts"])
    for name, counts in dial.state["counts"].items():
        np.testing.assert_allclose(shown_by.state["counts"][name], counts, rtol=1e-9)
    assert {**dial.state, "counts": 0} == {**shown_by.state, "counts": 0}
    assert f"Winner on these 5 seeds: {dial.now()[0]}." in words(page)


def test_the_truth_is_behind_a_switch(page):
    """Interval, winner and the question at once; what the pool says only when asked for."""
    dial = lrcourse.seed_dial()
    shown = bare.show(page, dial)
    assert page.locator("table").is_hidden()
    page.get_by_role("button", name="Draw 100").click()
    assert "Would you have published?" in words(page) and "in truth" not in words(page)
    cells = page.locator(".lrm-counts td").all_inner_texts()
    assert cells[0] == "100" and cells[3:] == ["?", "?", "?"]
    page.get_by_label("Show the truth").check()
    shown.tell(dial)

    _, [row] = dial.now()
    truth = float(f"{row['true']:.2g}")
    assert f"(in truth {truth:g})" in words(page)
    counts = lrcourse.widgets.seed_dial.shares(dial.state["counts"]["2 entries, 3 seeds"])
    cells = page.locator(".lrm-counts td").all_inner_texts()
    assert cells[1] == f"{100 * counts['clear']:.0f} %"
    assert cells[3] == f"{counts['exaggerated']:.1f} times"
    assert page.locator(".lrm-truth").count() == 1


# trunk_and_branches


def test_the_trunk_is_stopped_and_branches_are_kept(page):
    """By keyboard: the words have Python's numbers, and what the kept branches took together."""
    run = lrcourse.trunk_and_branches()
    shown = bare.show(page, run)
    slider = page.get_by_label("stop at")
    slider.press("Home")
    for length, presses in ((200, 2), (400, 4), (800, 8)):
        slider.focus()
        for _ in range(presses):
            page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == f"{length} updates"
        page.get_by_role("button", name="Keep this branch").press("Enter")
    assert page.evaluate("document.activeElement.type") == "range"  # no button that is off is held
    shown.tell(run)

    assert run.state["kept"] == [200, 400, 800]
    row = run.table().loc[800]
    assert f"from update 640 on: {row['branch']:.3f}." in words(page)
    assert f"The run made for 800 updates: {row['made for it']:.3f}." in words(page)
    assert "took 920 updates, runs of their own 1400." in words(page)
    assert page.locator(".lrm-kept").count() == 3
    page.get_by_role("button", name="Keep none").click()
    assert page.locator(".lrm-kept").count() == 0


# All of them

ALL = {
    ".lrc-cloud": "lrcourse.cloud()",
    ".lrc-sharpness": "lrcourse.sharpness()",
    ".lrc-wells": "lrcourse.wells()",
    ".lrc-seed-dial": "lrcourse.seed_dial()",
    ".lrc-trunk": "lrcourse.trunk_and_branches()",
}
MOVE = {name: ("input[type=range]", "ArrowRight") for name in ALL}


def made(name: str) -> Any:
    return eval(ALL[name], {"lrcourse": lrcourse, **vars(lrcourse)})


@pytest.mark.parametrize("name", ALL)
def test_a_key_that_is_held_is_told_once(page, name):
    """What follows the hand is in words, and a screen reader hears them once, at rest."""
    bare.show(page, made(name))
    where, key = MOVE[name]
    page.locator(f"{name} {where}").first.focus()
    page.locator(name).evaluate(bare.LISTEN)
    before = page.locator(name).inner_text()
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    for _ in range(6):
        page.keyboard.press(key)
        page.clock.run_for(100)  # between two keys, however long they take on this machine
    assert page.evaluate("heard") == []
    page.clock.run_for(3000)

    assert len(page.evaluate("heard")) == 1
    pictures = page.locator(f"{name} .lrc-plot").evaluate_all("all => all.map(p => p.ariaLabel)")
    assert page.locator(name).inner_text() != before and all(len(label) > 20 for label in pictures)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(page, name, dark):
    """Names, contrast, roles and focus are as they should be, in both themes."""
    from axe_playwright_python.sync_playwright import Axe

    bare.show(page, made(name), dark=dark)
    found = Axe().run(page, context=".lrc").response
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious] == []
    assert {"color-contrast", "label", "button-name"} <= {rule["id"] for rule in found["passes"]}


SPACED = "* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }"


@pytest.mark.parametrize("name", ALL)
def test_all_of_it_is_seen_on_320_pixels(page, name):
    """Nothing is cut off on a narrow page, and a finger can hit every target; so, too, where the
    letters are widely spaced."""
    page.set_viewport_size({"width": 320, "height": 640})
    bare.show(page, made(name))
    page.wait_for_timeout(100)
    fits_and_can_be_hit(page, name)
    letters = page.locator(f"{name} .lrc-plot text").evaluate_all(
        """all => all.filter(t => t.textContent).map(t => {
          const [box, plot] = [t, t.closest('.lrc')].map(e => e.getBoundingClientRect());
          return [t.textContent, box.left >= plot.left - 1 && box.right <= plot.right + 1];
        })"""
    )
    assert [text for text, inside in letters if not inside] == []

    page.add_style_tag(content=SPACED)
    page.wait_for_timeout(100)
    fits_and_can_be_hit(page, name)


def fits_and_can_be_hit(page, name):
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    sizes = page.locator(f"{name} :is(input, button, select, [tabindex]):visible").evaluate_all(
        """all => all.map(e => {
          const target = e.matches('[type=radio], [type=checkbox]') ? e.closest('label') ?? e : e;
          const { width, height, left, right } = target.getBoundingClientRect();
          return { html: e.outerHTML.slice(0, 99), width, height, left, right };
        })"""
    )
    assert sizes
    assert [s for s in sizes if min(s["width"], s["height"]) < 24 or s["right"] > 320] == []


@pytest.mark.parametrize("name", ALL)
def test_no_key_is_a_shortcut_of_the_notebook(page, name):
    """All that can have the focus keeps its keys, also where shortcuts come before the page."""
    bare.show(page, made(name))
    focusable = page.locator(f"{name} :is(input, button, select, [tabindex])")
    kept = focusable.evaluate_all(
        "all => all.map(e => e.getAttribute('data-lm-suppress-shortcuts'))"
    )
    assert kept and set(kept) == {"true"}


@pytest.mark.parametrize("name", [".lrc-cloud", ".lrc-wells"])
def test_who_wants_no_motion_gets_leaps(page, name):
    """With reduced motion asked for, a press makes a tenth of the run at once, and then rests."""
    page.emulate_media(reduced_motion="reduce")
    bare.show(page, made(name))
    button = page.locator(f"{name} .lrc-main")
    assert re.search(r"\d+ updates", button.inner_text())
    button.click()
    first = page.locator(name).inner_text()
    page.wait_for_timeout(300)
    assert page.locator(name).inner_text() == first


def test_python_knows_in_jupyterlab(lab_page_with_code):
    """In JupyterLab Python has the state that the hand left, and the notebook keeps still."""
    shown = [code for line in ALL.values() for code in (f"picture = {line}\npicture", "picture")]
    lab = lab_page_with_code(START, *shown)
    active = "jupyterapp.shell.currentWidget.content.activeCellIndex"
    for name, (where, key) in MOVE.items():
        first, second = (lab.panel.locator(name).nth(i) for i in (0, 1))
        first.locator(where).first.focus()
        before = lab.page.evaluate(active)
        for _ in range(3):
            lab.page.keyboard.press(key)
        lab.page.keyboard.press("Tab")
        lab.settle()

        assert lab.page.evaluate(active) == before, name
        said = first.locator(".lrc-said").first.inner_text()
        expect(second.locator(".lrc-said").first).to_have_text(said, use_inner_text=True)
    assert lab.panel.locator(".lrc-trouble:visible").count() == 0


def test_after_a_restart_they_still_move(new_lab):
    """After a restart each says that Python is not told, and still moves; saved and opened again,
    each shows what it showed, says so, and moves."""
    lab = new_lab().run_code(START, *ALL.values())
    lab.restart_kernel()
    asleep = lab.panel.locator(".lrc-asleep:visible")
    expect(asleep).to_have_count(len(ALL))
    assert all("Python is not told" in text for text in asleep.all_inner_texts())

    def moves() -> None:
        for name in ALL:
            root, (where, key) = lab.panel.locator(name), MOVE[name]
            before = root.inner_text()
            root.locator(where).first.press(key)
            expect(root).not_to_have_text(before, use_inner_text=True)

    moves()
    lab.reopen()
    expect(lab.panel.locator(".lrc-asleep:visible")).to_have_count(len(ALL))
    assert lab.output_errors() == []
    moves()
