"""The public pages, as a reader opens them: from a file, with no network, on phone and desk, by day and
by night, by keyboard. Every page is looked at."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from sampling import some

import lrcourse
from lrcourse import memory

SITE = Path(__file__).resolve().parents[2] / "site"
sys.path.append(str(SITE))

import live  # noqa: E402
import make_pages  # noqa: E402

HEAVY = 2_000_000  # bytes, with all that a page loads
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}
ALIVE = "document.querySelectorAll('.lrc-live:not([data-alive])').length === 0"
# The least contrast of the words of widgets with what is behind them. axe does not decide where a
# figure that stays in sight may lie over them.
CONTRAST = """() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((all, v, i) => all + v * [0.2126, 0.7152, 0.0722][i], 0);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const words = [...document.querySelectorAll('.lrc :is(p, label, legend, button, li, code, output)')];
  return Math.min(21, ...words.filter(e => e.offsetParent && e.innerText.trim() && !e.disabled).map(e => {
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""
ONE_OF_A_KIND = ["index.html", "notebooks/03_cosine_annealing.html", "exercises/step_decay.html"]
LINKED = {"github.com", "mybinder.org", "colab.research.google.com"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages; what trains on them has trained on two seeds a position."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "STORED_SEEDS", 2)
        return make_pages.main(tmp_path_factory.mktemp("site"))


class Reader:
    """A browser page on the site, from files. `faults` grows with every error and foreign request."""

    def __init__(self, page: Any, site: Path) -> None:
        self.page, self.site = page, site
        self.faults: list[str] = []
        self.loaded: set[str] = set()
        page.on("console", lambda m: m.type == "error" and self.faults.append(m.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        kind = urlsplit(url).scheme
        if kind == "file":
            self.loaded.add(url.split("#")[0].split("?")[0])
        elif kind not in ("data", "blob", "about"):
            self.faults.append(f"asked {url}")

    def open(self, name: str) -> Any:
        self.loaded.clear()
        self.page.goto((self.site / name).as_uri())
        self.page.wait_for_load_state()
        return self.page

    def wake(self) -> None:
        """Wait until every widget has come to life."""
        self.page.wait_for_function(ALIVE)


@pytest.fixture(scope="module")
def one_page(chromium, site) -> Iterator[Reader]:
    context = chromium.new_context(viewport=DESK, reduced_motion="reduce", color_scheme="light")
    yield Reader(context.new_page(), site)
    context.close()


@pytest.fixture
def reader(one_page: Reader) -> Reader:
    """The one browser page of all these tests, with no faults so far."""
    one_page.faults.clear()
    one_page.page.set_viewport_size(DESK)
    return one_page


def pages_of(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


def lessons() -> list[str]:
    return sorted(path.stem for path in (make_pages.ROOT / "notebooks").glob("*.ipynb"))


def look_at(reader: Reader, name: str) -> list[str]:
    """What is wrong with a page: at both widths, in both themes."""
    page, found = reader.page, []
    page.set_viewport_size(PHONE)
    reader.open(name)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        found.append(f"{name} is wider than a phone")
    reader.wake()
    weight = sum(Path(unquote(urlsplit(url).path)).stat().st_size for url in reader.loaded)
    if weight > HEAVY:
        found.append(f"{name} weighs {weight / 1e6:.2f} MB")
    page.set_viewport_size(DESK)
    found += faults_of(page, name, {})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.add_style_tag(content="*, ::before { transition: none !important; }")  # no fading
    found += faults_of(page, name, {"runOnly": ["color-contrast"]})
    if (least := page.evaluate(CONTRAST)) < 4.5:
        found.append(f"{name}: words of a widget with a contrast of {least:.2f} by night")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        found.append(f"{name} is wider than a screen")
    return found


def faults_of(page: Any, name: str, options: dict) -> list[str]:
    violations = Axe().run(page, options={"preload": False, **options}).response["violations"]
    return [
        f"{name}: {v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]} ({len(v['nodes'])})"
        for v in violations
    ]


def sources_of_pages() -> list[str]:
    """Every page, by what it is made from."""
    root = make_pages.ROOT
    notebooks = [p for name in ("notebooks", "exercises") for p in (root / name).glob("*.ipynb")]
    guides = [p for name in make_pages.GUIDES for p in (root / name).rglob("*.md")]
    made = [path.relative_to(root).with_suffix(".html").as_posix() for path in notebooks + guides]
    own = ("index", "lessons", "run", "sheets", "guides", "search", "genindex")
    return sorted([*made, *(f"{name}.html" for name in own)])


def test_every_page_is_known(site: Path):
    """The pages are those that the next test looks at, and no others."""
    assert pages_of(site) == sources_of_pages()


@pytest.mark.parametrize("name", some(sources_of_pages(), ONE_OF_A_KIND))
def test_every_page_is_fit_to_be_read(reader: Reader, name: str):
    """No page asks another host, reports an error, is wider than a phone, weighs more than 2 MB, or
    has a fault that axe finds, by day or by night; every widget that can comes to life."""
    assert look_at(reader, name) + reader.faults == []


@pytest.mark.parametrize("lesson", some(lessons(), ["03_cosine_annealing"]))
def test_what_moves_in_a_lesson_moves_on_its_page(reader: Reader, lesson: str):
    """Each widget of a lesson is on its page, alive, unless it trains; none is left out."""
    page = reader.open(f"notebooks/{lesson}.html")
    sources = make_pages.sources_of(make_pages.ROOT / "notebooks" / f"{lesson}.ipynb")
    wanted = [live.kind_of_widget(widget) for _, widget in live.widgets_of(sources)]
    reader.wake()

    alive = page.locator(".lrc-live[data-alive]").evaluate_all("es => es.map(e => e.dataset.kind)")
    still = page.locator(".lrc-not-live").count()
    assert wanted and len(alive) + still == len(wanted)
    assert [kind.__name__ for kind in wanted if kind.__name__ in alive] == alive
    assert reader.faults == []


def test_explorers_move_by_keyboard(reader: Reader):
    """On the start page and in every lesson the first slider of an explorer moves with the arrows,
    and with it the line of PyTorch or the readout; what is typed counts, and Reset goes back."""
    for name in ("index.html", *(f"notebooks/{lesson}.html" for lesson in lessons())):
        page = reader.open(name)
        reader.wake()
        for explorer in page.locator(".lrx").all():
            before = explorer.locator(".lrx-readout").inner_text()
            slider = explorer.locator("[id^=lrc-control][type=range]:not([max='0'])").first
            slider.press("ArrowLeft")
            slider.press("ArrowLeft")
            page.wait_for_function(
                "([e, text]) => e.innerText !== text",
                arg=[explorer.locator(".lrx-readout").element_handle(), before],
            )
            explorer.get_by_role("button", name="Reset").press("Enter")
            page.wait_for_function(
                "([e, text]) => e.innerText === text",
                arg=[explorer.locator(".lrx-readout").element_handle(), before],
            )
    assert reader.faults == []


def test_answers_are_kept_in_the_browser(reader: Reader):
    """A guess, a drawing and an answer to a quiz are judged as in a notebook, and are there again
    when the page is opened anew; nothing is kept of them but in this browser."""
    page = reader.open("notebooks/02_exponential_decay.html")
    page.evaluate("localStorage.clear()")
    reader.open("notebooks/02_exponential_decay.html")
    reader.wake()
    choice, drawing, quiz = (page.locator(f".lrc-{kind}") for kind in ("choose", "draw", "quiz"))
    python = lrcourse.choose("exponential_decay")
    python.choose("a")
    python.commit()
    choice.locator("input").first.check()
    choice.get_by_role("button", name="Commit my guess").click()
    choice.locator(".lrc-said").get_by_text("The true one is").wait_for()
    assert said(choice) == " ".join(
        [
            f"✗ Your guess was “{python.state['chosen']}”. The true one is “{python.state['answer']}”.",
            *(f"{name}: {why}" for name, why in python.state["because"]),
        ]
    ).replace("`", "")

    falling = lrcourse.ExponentialDecay(lr=0.1, gamma=0.9)
    by_hand = lrcourse.draw("mine", falling, steps=50)
    points = [
        [t, rate + (0.02 * by_hand._top if i == 0 else 0)]
        for i, (t, rate) in enumerate(by_hand._start)
    ]
    by_hand.draw(points)
    by_hand.commit()
    drawing.get_by_role("slider").first.press("ArrowUp")
    drawing.get_by_role("button", name="Commit my drawing").click()
    drawing.locator(".lrc-said p").wait_for()
    assert said(drawing) == by_hand.state["words"]

    quiz.locator("fieldset input").first.check()
    quiz.get_by_role("button", name="Check").first.click()
    quiz.locator(".lrc-said p").first.wait_for()
    python_quiz = lrcourse.quiz("exponential_decay")
    python_quiz.answer(1, "a")
    assert quiz.locator(".lrc-score").inner_text() == python_quiz.state["words"]

    reader.open("notebooks/02_exponential_decay.html")
    reader.wake()
    assert "The true one is" in said(page.locator(".lrc-choose"))
    assert said(page.locator(".lrc-draw")) == by_hand.state["words"]
    assert page.locator(".lrc-score").inner_text() == python_quiz.state["words"]
    assert memory.recall("choose", "exponential_decay") == python.state["chosen"]
    assert reader.faults == []


def said(widget: Any) -> str:
    return " ".join(widget.locator(".lrc-said").first.inner_text().split())


def test_every_kind_of_widget_comes_to_life(reader: Reader, site: Path):
    """Whatever the package can show with no more than its defaults comes to life on a page, or says
    that it needs Python: a new widget needs nobody to think of it."""
    asked = {
        "decide": ("x", "Because."),
        "draw": ("x", lrcourse.OneCycle()),
        "choose": ("step_decay",),
        "quiz": ("step_decay",),
    }
    asked |= dict.fromkeys(("explore", "explore_landscape"), (lrcourse.OneCycle(),))
    losses = {"losses": [3.0, 2.0, 1.0], "schedule": [0.1, 0.1, 0.1]}
    shown = []
    for name in sorted(live.WIDGETS):
        make = getattr(lrcourse, name)
        widget = make(**losses) if name == "play" else make(*asked.get(name, ()))
        shown.append(make_pages.shown(widget, [], site / "_static")["data"]["text/html"])
    views = sorted(set(re.findall(r'data-view="(\w+)"', "".join(shown))))
    scripts = [
        f'<script src="_static/live/{name}.js" defer></script>' for name in (*views, "standin")
    ]
    page = "<!doctype html><link rel=stylesheet href=_static/live.css>"
    (site / "all.htm").write_text(f"{page}{''.join(scripts)}{''.join(shown)}", encoding="utf-8")
    reader.open("all.htm")
    reader.wake()

    alive = reader.page.locator(".lrc-live").count()
    assert alive == len(shown) - reader.page.locator(".lrc-not-live").count() >= 8
    assert reader.page.locator(".lrc-live section").count() == alive
    for button in reader.page.locator(".lrc-live button:enabled").all():
        if button.is_visible():
            button.click()
    assert reader.faults == []


class Links(HTMLParser):
    """The addresses that a page names, and the names that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.names |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.add(known["href"])
        elif tag == "link" and "stylesheet" in known.get("rel", ""):
            self.loads.add(known["href"])
        elif "src" in known:
            self.loads.add(known["src"])


def test_no_link_leads_nowhere(site: Path):
    """Every link inside the site leads to a page and a heading that are there; what a page loads is
    its own; other hosts are linked to, never loaded from."""
    read = {name: Links((site / name).read_text("utf-8")) for name in pages_of(site)}
    broken = []
    for name, page in read.items():
        for target in page.links | page.loads:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loads and parts.scheme != "data":
                    broken.append(f"{name} loads {target}")
                continue
            path = (site / name).parent / unquote(parts.path) if parts.path else site / name
            if not path.exists():
                broken.append(f"{name}: {target}")
            elif parts.fragment and path.suffix == ".html":
                known = read[path.resolve().relative_to(site.resolve()).as_posix()].names
                if unquote(parts.fragment) not in known:
                    broken.append(f"{name}: {target}")

    assert broken == []


def test_each_lesson_offers_ways_to_run_it(site: Path):
    """Each lesson can be opened in JupyterLab, Binder and Colab, and downloaded as it is."""
    for lesson in lessons():
        links = Links((site / "notebooks" / f"{lesson}.html").read_text("utf-8")).links
        hosts = {urlsplit(link).netloc for link in links if lesson in link}
        download = site / "_static" / "notebooks" / f"{lesson}.ipynb"

        assert LINKED - {"github.com"} <= hosts
        assert "../run.html" in links
        original = make_pages.ROOT / "notebooks" / f"{lesson}.ipynb"
        assert download.read_bytes() == original.read_bytes()


def test_what_trains_shows_one_control_at_a_time(reader: Reader, site: Path):
    """`explore(..., task=...)` is on a page with what was trained when the page was made: the score of
    each position is Python's, a second control sets the first back, and the page says so."""
    start = lrcourse.StepDecay(lr=0.5, step_size=20)
    explorer = lrcourse.explore(start, task="quadratic", steps=60)
    shown = make_pages.shown(explorer, [], site / "_static")["data"]["text/html"]
    scripts = [
        f'<script src="_static/live/{n}.js" defer></script>' for n in ("consequences", "standin")
    ]
    head = "<!doctype html><link rel=stylesheet href=_static/live.css>"
    (site / "trained.htm").write_text(f"{head}{''.join(scripts)}{shown}", encoding="utf-8")
    page = reader.open("trained.htm")
    reader.wake()
    words = page.locator(".lrt-words")
    table = explorer.consequences("gamma")
    slider = page.locator('.lrx-control[data-control="gamma"] input[type=range]')
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function("document.querySelector('.lrt-score').drawn?.control === 'gamma'")
    drawn = page.locator(".lrt-score").evaluate("e => e.drawn")
    assert drawn["fresh"]
    assert [float(f"{v:.6g}") for v in table["mean"]] == [v for v in drawn["end"] if v is not None]

    other = page.locator('.lrx-control[data-control="lr"] input[type=range]')
    other.focus()
    other.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.lrt-score').drawn?.control === 'lr'")
    exact = page.get_by_label("gamma, exact value")
    page.wait_for_function("e => e.value === '0.1'", arg=exact.element_handle())
    assert "for one control at a time" in words.inner_text()
    assert reader.faults == []
