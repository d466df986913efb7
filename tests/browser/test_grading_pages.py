"""The pages that `lrcourse grade` writes, opened from the disk in a real Chromium."""

import csv
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from grading.conftest import need_sandbox
from hand_ins import CLASS, ESSAY, IN_A_NAME, PAYLOADS, hand_in_all
from sampling import some

from lrcourse.cli import main

MODES = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "200 %": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
}
WITHOUT = ("step_decay",)  # the sheet that needs PyTorch in the sandbox: its pages look the same


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the command leaves for a class with honest, wrong, broken and hostile submissions."""
    need_sandbox()
    folder = tmp_path_factory.mktemp("class")
    hand_in_all(folder / "in", WITHOUT)
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        names = [*CLASS, "Joe Broken", "Kim Twice", "Lea Absent"]
        csv.writer(file).writerows([["Full name"], *[[name] for name in names]])
    command = ["grade", folder / "in", "-o", folder / "out", "--roster", folder / "roster.csv"]
    assert main([*map(str, command), "--seconds", "1"]) == 0
    return folder / "out"


@pytest.fixture
def visit(chromium):
    """`visit(path, mode)`: a page opened from the disk, and what it asked for and tried."""
    contexts = {}

    def open_page(path: Path, mode: str = "desktop"):
        if mode not in contexts:
            contexts[mode] = chromium.new_context(**MODES[mode])
        page = contexts[mode].new_page()
        page.asked, page.tried = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("dialog", lambda dialog: (page.tried.append(dialog.message), dialog.dismiss()))
        page.on("popup", lambda popup: page.tried.append(popup.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts.values():
        context.close()


def pages_of(results: Path) -> list[Path]:
    for_who_marks = [results / "alike.html", *sorted(results.glob("marking/*.html"))]
    return [results / "summary.html", *for_who_marks, *sorted(results.glob("feedback/*.html"))]


def page_of(results: Path, learner: str) -> Path:
    """The page of a learner, by its title."""
    return next(
        p for p in results.glob("feedback/*.html") if f"<bdi>{learner}" in p.read_text("utf-8")
    )


def test_no_page_runs_a_script_or_asks_for_anything(results, visit):
    """Whatever a learner controls is text: no script runs, no place is asked, no dialog opens."""
    for path in pages_of(results):
        page = visit(path)
        page.wait_for_timeout(150)

        assert page.evaluate("window.owned") is None
        assert page.tried == []
        assert page.asked == [path.as_uri()]
        assert page.locator("script, img, iframe, object, embed, link, base, form").count() == 0
        assert page.evaluate(HANDLERS) == []


HANDLERS = """() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes])
  .filter(a => a.name.startsWith('on') || (a.name === 'href' && !/^(feedback[/]|alike.html$|#)/.test(a.value)))
  .map(a => a.name + '=' + a.value)"""


def test_the_traps_of_the_class_are_set(visit, tmp_path):
    """The same payloads do run on a page that lets them: the test above could fail."""
    for payload in PAYLOADS[:4]:
        path = tmp_path / "trap.html"
        path.write_text(f"<!doctype html><title>x</title>{payload}", encoding="utf-8")
        page = visit(path)
        page.wait_for_function("window.owned === 1")

        assert page.tried == ["1"]


def test_what_the_hostile_one_wrote_can_be_read(results, visit):
    """Name, file name, message, own line and answer are there, as they were written."""
    page = visit(page_of(results, "&lt;img"))
    text = page.locator("main").inner_text()

    assert page.title() == f"Feedback for {IN_A_NAME}"
    assert f"exponential_decay {IN_A_NAME}.ipynb, graded" in text
    assert f"Your code raised ValueError: {PAYLOADS[0]}" in text
    assert f"Your line 2: return 1 / 0  # {PAYLOADS[0]}".replace("  ", " ") in text
    assert f"it raised RuntimeError: {PAYLOADS[0]}" in text
    assert page.locator("pre").inner_text().startswith(PAYLOADS[0])


@pytest.mark.parametrize("mode", some(MODES, ["phone", "dark"]))
def test_pages_fit_and_are_accessible(results, visit, mode):
    """No sideways scrolling at any width, and axe-core finds nothing serious in any colours."""
    telling = [page_of(results, name) for name in ("Bob", "&lt;img", "Hal")]
    for path in (*pages_of(results)[:3], *telling):
        page = visit(path, mode)
        width, seen = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        found = Axe().run(page).response["violations"]

        assert width <= seen, path.name
        assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []


def test_who_marks_finds_all_texts_of_a_question_and_who_is_alike(results, visit):
    """Each text stands below its name, as it was written; two who share wrong answers are side by
    side, and no page of the class is without its way from the summary."""
    marking = visit(results / "marking" / "training_lab.7.html")
    texts = dict(
        zip(marking.locator("section h2").all_inner_texts(), marking.locator("section").all())
    )
    assert {"Bob Byron", "Lou Alike", IN_A_NAME} <= {name.strip("\u2068\u2069") for name in texts}
    assert marking.locator("li > strong").first.inner_text().startswith("2 points: a fitting")
    assert ESSAY.splitlines()[0] in texts["Bob Byron"].locator("pre").inner_text()

    summary = visit(results / "summary.html")
    summary.get_by_role("link", name="side by side").click()
    summary.wait_for_url("**/alike.html")
    pair = summary.locator("section", has_text="Lou Alike").first
    assert (
        pair.get_by_role("heading", level=2).inner_text()
        == "exponential_decay: Bob Byron and Lou Alike"
    )
    left, right = pair.locator(".pair").first.locator("pre").all()
    assert left.inner_text() == right.inner_text() != ""


def test_print_is_dark_on_white_and_keeps_the_bars(results, visit):
    """In print the dark colours are off, and nothing is wider than the paper."""
    page = visit(page_of(results, "Bob"), "dark")
    colour = "getComputedStyle(document.body).color"
    assert page.evaluate(colour) == "rgb(232, 232, 232)"
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 794, "height": 1123})

    assert page.evaluate(colour) == "rgb(26, 26, 26)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 794


def test_marks_on_the_pages_are_those_of_the_table(results, visit):
    """Each page's total, the summary's row and grades.csv agree, and the tasks add up to them."""
    with (results / "grades.csv").open(encoding="utf-8", newline="") as file:
        table = {row["Full name"].lstrip("'"): row for row in csv.DictReader(file)}
    summary = visit(results / "summary.html")
    rows = {}
    for row in summary.get_by_label("Points of each learner").locator("tbody tr").all():
        cells = row.locator("th, td").all_inner_texts()
        rows[cells[0].strip("\u202a\u202c")] = (cells[-2], row.locator("a"))

    assert set(table) == set(rows) and len(table) >= 11
    assert rows["Lea Absent"][0] == "nothing" and table["Lea Absent"]["Grade"] == ""
    for name, (total, link) in rows.items():
        if not link.count():
            continue
        page = visit(results / link.get_attribute("href"))
        said = page.locator(".total").inner_text()
        grade, most = (float(table[name][c]) for c in ("Grade", "Maximum Grade"))
        assert re.findall(r"[\d.]*\d", said) == [f"{grade:g}", f"{most:g}"]
        assert total == (f"{grade:g} of {most:g}" if most else "nothing")
        got = [re.search(r": ([\d.]+) of", t) for t in page.locator(".got").all_inner_texts()]
        assert sum(float(one[1]) for one in got if one) == pytest.approx(grade)


def test_a_wrong_curve_is_drawn_beside_the_expected_one(results, visit):
    """The picture tells the curves apart without colour, and its words say where they part."""
    page = visit(page_of(results, "Bob"))
    task = page.locator(".task", has_text="exponential_decay.1")
    paths = task.locator("svg path.line")
    dashes = [path.evaluate("e => getComputedStyle(e).strokeDasharray") for path in paths.all()]

    assert dashes == ["none", "6px, 4px", "none", "6px, 4px"]
    assert "part at t 1: 0.105264, expected 0.0949994" in task.locator("figcaption").inner_text()
    assert task.locator("svg").get_attribute("role") == "img"
    right = page.locator(".task.right")
    assert right.count() and right.locator("svg").count() == 0


def test_a_picture_is_where_the_numbers_are(results, visit):
    """Read back from the page, yours lies above what is expected, and ends where no number came."""
    box = "e => { const b = e.getBBox(); return [b.x, b.y, b.width, b.height]; }"
    task = visit(page_of(results, "Bob")).locator(".task", has_text="exponential_decay.1")
    drawn = [path.evaluate(box) for path in task.locator("svg path.line").all()][2:]
    assert drawn[1][1] < drawn[0][1] - 100

    task = visit(page_of(results, "Cy Gap")).locator(".task", has_text="exponential_decay.1")
    drawn = [path.evaluate(box) for path in task.locator("svg path.line").all()][2:]
    assert drawn[1][2] < drawn[0][2] / 20
    assert "t 5: no number" in task.locator("figcaption").inner_text()


def test_each_wrong_answer_says_what_to_do_next(results, visit):
    """A first hint where the answer was called; where its cell failed, to mend the cell."""
    page = visit(page_of(results, "Dana"))
    wrong = page.locator(".task.wrong, .task.partly").all_inner_texts()
    mend = [text for text in wrong if "Mend the cell first" in text]

    assert all("What next?" in text and 'lrcourse.check("' in text for text in wrong)
    assert sorted(text.split()[0] for text in mend) == [
        "exponential_decay.2",
        "exponential_decay.4",
    ]
