"""The explorer of landscapes by hand: what is drawn is read back and held against `lab.landscape`."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import lrcourse

SCHEDULE = "CosineAnnealing(lr=0.09, T_max=40)"
CODE = f"w = lrcourse.explore_landscape({SCHEDULE}, steps=30, noise=0.3)\nw"
DRAWN = """root => {
  const { x, y, loss, rate, at } = root.drawn;
  return { x, y, loss, rate, at };
}"""


class LandscapeByHand:
    """The explorer on the page: its elements, and what it shows."""

    def __init__(self, lab):
        self.lab, self.page = lab, lab.page
        self.root = lab.panel.locator(".lrw")
        self.root.wait_for()
        self.page.wait_for_function("r => r.drawn", arg=self.root.element_handle())
        self.scrubber = self.root.get_by_role("slider", name="update", exact=True)

    def control(self, name):
        return self.root.locator(f'.lrx-control[data-control="{name}"]')

    def handle(self, name):
        return self.control(name).locator('[id^="lrc-control"]:not(p)')

    def value(self, name):
        """What a control says, as Python would write it."""
        if self.handle(name).evaluate("e => e.tagName") == "SELECT":
            return self.handle(name).evaluate("s => s.selectedOptions[0].textContent")
        return float(self.control(name).locator('input[type="text"]').input_value())

    def message(self, name):
        why = self.control(name).locator(".lrx-why")
        return why.inner_text() if why.is_visible() else ""

    def expected(self):
        """What `lab.landscape` says of the values that the controls show, in the test's own process."""
        now = {name: self.value(name) for name in ("lr", "T_max", "eta_min", "momentum", "noise")}
        schedule = lrcourse.CosineAnnealing(
            lr=now["lr"], T_max=int(now["T_max"]), eta_min=now["eta_min"]
        )
        return lrcourse.lab.landscape(
            {"CosineAnnealing": schedule},
            self.value("surface"),
            steps=int(self.value("steps")),
            optimizer=lrcourse.lab.SGD(momentum=now["momentum"]),
            noise=now["noise"],
            seed=int(self.value("seed")),
        )

    def rest(self):
        """Until Python knows where the controls stand and the picture has followed."""
        self.lab.at_rest(self.root)

    def frame(self):
        return self.root.evaluate("r => r.dataset.frame")

    def assert_draws_the_lab(self):
        found = self.expected()
        drawn = self.root.evaluate(DRAWN)
        path = found.paths["CosineAnnealing"]
        numbers = {
            "x": path[:, 0],
            "y": path[:, 1],
            "loss": found.losses["CosineAnnealing"],
            "rate": found.used["CosineAnnealing"],
        }
        for name, right in numbers.items():
            shown = np.array(drawn[name], dtype=float)
            with np.errstate(over="ignore"):  # the browser is sent float32
                right = right.astype("f4")
            np.testing.assert_allclose(shown, right, rtol=1e-5, atol=1e-9, err_msg=name)
        assert self.root.locator(".lrc-said").inner_text() == found.verdict()
        self.assert_painted(path, found.surface.window)

    def assert_painted(self, path, window):
        """The line on the page goes through the places, in the pixels of its own axes."""
        svg = self.root.locator(".lrc-plot").first
        box = svg.locator("image").evaluate(
            "i => ['x', 'y', 'width', 'height'].map(name => +i.getAttribute(name))"
        )
        left, right, bottom, top = window
        x = box[0] + (path[:, 0] - left) / (right - left) * box[2]
        y = box[1] + (top - path[:, 1]) / (top - bottom) * box[3]
        marks = re.findall(r"M([-\d.]+) ([-\d.]+)", svg.locator(".lrw-marks").get_attribute("d"))
        inside = (np.abs(x) < 5000) & (np.abs(y) < 3000)
        np.testing.assert_allclose(
            np.array(marks, dtype=float)[inside], np.transpose([x, y])[inside], atol=0.02
        )


@pytest.fixture
def explorer(lab):
    return LandscapeByHand(lab.run_code("import lrcourse\nfrom lrcourse import *", CODE))


SLIDERS = ("lr", "T_max", "eta_min", "momentum", "steps", "noise", "seed")
# Where the mouse clicks on a slider of each kind: beside its knob, which a click would only hold.
CLICKED = {"lr": 0.6, "steps": 0.5}


def test_every_control_moves_the_path_by_keyboard_and_by_mouse(explorer):
    """At each place the positions, losses and rates drawn are those of `lab.landscape`.

    And once a slider has been touched it needs no answer of the kernel: see `drag_while_busy`.
    """
    explorer.assert_draws_the_lab()
    for name in SLIDERS:
        before = explorer.value(name), explorer.frame()
        explorer.handle(name).focus()
        explorer.page.keyboard.press("ArrowRight")
        explorer.page.keyboard.press("ArrowRight")
        explorer.rest()
        assert explorer.value(name) > before[0] and explorer.frame() != before[1]
        explorer.assert_draws_the_lab()

    for name, share in CLICKED.items():
        box, moved = explorer.handle(name).bounding_box(), explorer.value(name)
        there = {"x": share * box["width"], "y": box["height"] / 2}
        explorer.handle(name).click(position=there)  # once the page stands still
        explorer.rest()
        assert explorer.value(name) != moved
        explorer.assert_draws_the_lab()

    for surface in ("banana", "two wells"):
        explorer.handle("surface").select_option(surface)
        explorer.rest()
        explorer.assert_draws_the_lab()
    explorer.handle("surface").focus()
    explorer.page.keyboard.press("ArrowUp")
    explorer.rest()
    assert explorer.value("surface") == "saddle"
    explorer.assert_draws_the_lab()

    explorer.root.get_by_role("button", name="Reset").click()
    explorer.rest()
    assert [explorer.value(n) for n in ("lr", "steps", "surface")] == [0.09, 30, "ravine"]
    explorer.assert_draws_the_lab()
    drag_while_busy(explorer)


def drag_while_busy(explorer):
    """While the kernel is busy a slider still moves the path, once it has been touched."""
    handle = explorer.handle("lr")
    handle.hover()
    explorer.rest()
    box = handle.bounding_box()
    y = box["y"] + box["height"] / 2
    seen = []
    with explorer.lab.busy_kernel():
        explorer.page.mouse.move(box["x"] + 0.72 * box["width"], y)
        explorer.page.mouse.down()
        for share in (0.6, 0.5, 0.4, 0.3):
            explorer.page.mouse.move(box["x"] + share * box["width"], y)
            explorer.lab.next_frame()
            explorer.assert_draws_the_lab()
            seen.append(explorer.value("lr"))
    explorer.page.mouse.up()

    assert len(set(seen)) == 4
    explorer.rest()
    explorer.assert_draws_the_lab()


def test_the_dot_a_bad_value_and_access(explorer):
    """The dot steps, a bad value explains itself, and axe finds nothing serious, in both themes."""
    axe_finds_nothing_serious(explorer)
    the_dot_steps_along_the_path(explorer)
    a_bad_value_explains_itself(explorer)
    explorer.lab.set_theme("Dark")
    axe_finds_nothing_serious(explorer)
    ground = explorer.root.locator(".lrc-ground").first.get_attribute("fill")
    text = explorer.root.evaluate("r => getComputedStyle(r).color")
    assert ground == "transparent" and min(map(int, re.findall(r"\d+", text)[:3])) > 180


def the_dot_steps_along_the_path(explorer):
    """By button, keyboard and mouse: the dots and the sentence are at that update, in both plots."""
    found = explorer.expected()
    path, losses = found.paths["CosineAnnealing"], found.losses["CosineAnnealing"]

    def holds(update):
        explorer.page.wait_for_function(
            "([root, at]) => root.drawn.at === at",
            arg=[explorer.root.element_handle(), update],
        )
        assert explorer.scrubber.get_attribute("aria-valuetext") == f"{update} of 30"
        said = explorer.root.locator(".lrw-here").inner_text()
        assert said.startswith(f"After {update} of 30 updates: x = ")
        shown = re.search(r"x = ([-\d.e]+), y = ([-\d.e]+), loss ([-\d.e]+[\d])", said)
        right = [*np.round(path[update], 3), losses[update]]
        np.testing.assert_allclose(np.array(shown.groups(), float), right, rtol=0.006, atol=6e-4)
        marks = explorer.root.locator(".lrw-marks").get_attribute("d")
        place = re.findall(r"M([-\d.]+) ([-\d.]+)", marks)[update]
        dot = explorer.root.locator(".lrc-plot .lrc-dot").first
        at = [dot.get_attribute("cx"), dot.get_attribute("cy")]
        np.testing.assert_allclose(np.array(at, float), np.array(place, float), atol=0.02)

    holds(30)
    explorer.scrubber.focus()
    explorer.page.keyboard.press("Home")
    holds(0)
    explorer.page.keyboard.press("ArrowRight")
    explorer.page.keyboard.press("ArrowRight")
    holds(2)
    explorer.root.get_by_role("button", name="One update forward").click()
    holds(3)
    explorer.root.get_by_role("button", name="One update back").press("Enter")
    holds(2)
    box = explorer.scrubber.bounding_box()
    explorer.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    holds(15)
    explorer.rest()
    holds(15)


def a_bad_value_explains_itself(explorer):
    """Under its control, marked as invalid; the path is the last good one; a good value heals it."""
    before = explorer.root.evaluate(DRAWN)
    exact = explorer.control("steps").locator(".lrx-exact")
    exact.fill("4000")
    exact.press("Enter")
    explorer.rest()
    assert explorer.message("steps").startswith("steps must be at most 400, got 4000")
    assert exact.get_attribute("aria-invalid") == "true"
    assert explorer.root.evaluate(DRAWN) == before
    axe_finds_nothing_serious(explorer)

    exact.fill("12")
    exact.press("Enter")
    explorer.rest()
    assert explorer.message("steps") == ""
    explorer.assert_draws_the_lab()

    lr = explorer.control("lr").locator(".lrx-exact")
    lr.fill("5")
    lr.press("Enter")
    explorer.rest()
    explorer.assert_draws_the_lab()
    assert "diverged: it left the picture at update 1" in explorer.root.inner_text()
    assert "outside the picture" in explorer.root.locator(".lrw-note").text_content()


def axe_finds_nothing_serious(explorer):
    """Names, contrast, roles and focus as they should be."""
    found = Axe().run(explorer.page, context=".lrw").response
    assert {"color-contrast", "label", "button-name"} <= {rule["id"] for rule in found["passes"]}
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious] == []


def test_everything_fits_at_200_percent(zoomed_lab):
    """At twice the size nothing is cut off, and the plots are drawn for the page, not shrunk."""
    explorer = LandscapeByHand(zoomed_lab.run_code("import lrcourse\nfrom lrcourse import *", CODE))
    wide, room = explorer.root.evaluate("r => [r.scrollWidth, r.clientWidth]")

    assert wide <= room + 1
    plots = explorer.root.locator(".lrc-plot").evaluate_all(
        "plots => plots.map(s => [s.viewBox.baseVal.width, s.clientWidth])"
    )
    assert len(plots) == 2 and all(drawn == shown < 300 for drawn, shown in plots)
    explorer.assert_draws_the_lab()
