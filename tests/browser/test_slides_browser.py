"""The decks, projected: nothing is cut off, all can be read from the last row, no other host asked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_page import CHROMIUM_FLAGS
from sampling import some

from lrcourse.slides.deck import originals, write_decks

LESSONS = sorted(path.stem for path in originals().glob("*.ipynb"))
LEAST = 18 / 1080  # of the height of the screen: the smallest letters

# What is on the slide shown: where it ends, its smallest letters, and pictures that are too small.
SEEN = """() => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
  const shown = [...slide.querySelectorAll('*')].filter(e =>
    !e.closest('.notes, script, .MathJax_Preview') && !e.parentElement.closest('.MathJax')
    && e.getClientRects().length);
  const boxes = shown.map(e => e.getBoundingClientRect()).filter(b => b.width && b.height);
  const written = shown.filter(e => !e.closest('.MathJax')
    && [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim()));
  return {
    at: JSON.stringify([Reveal.getIndices().h, Reveal.getIndices().v]),
    text: slide.innerText,
    outside: boxes.some(b => b.left < 0 || b.top < 0
                             || b.right > innerWidth + 1 || b.bottom > innerHeight + 1),
    letters: Math.min(...written.map(e => scale * parseFloat(getComputedStyle(e).fontSize))),
    pictures: shown.filter(e => e.matches('img'))
      .map(e => Math.min(e.getBoundingClientRect().width,
                         e.getBoundingClientRect().height * e.naturalWidth / e.naturalHeight)
                / (parseFloat(e.style.width) * 14 || e.naturalWidth)),
    raw: /[$]{2}|\\\\(frac|eta)/.test(slide.innerText),
  };
}"""
SHOWN = "() => Reveal.getCurrentSlide()?.dataset.shown !== undefined"
AT_END = "() => Reveal.isLastSlide() && !Reveal.availableFragments().next"


@pytest.fixture(scope="module")
def decks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decks")
    write_decks(folder)
    return folder


@pytest.fixture
def screen(chromium: Any) -> Iterator[Callable[[int, int], Any]]:
    """Makes a page of that size, and fails where it has asked another host for anything."""
    contexts, asked = [], []

    def open_screen(width: int, height: int) -> Any:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: asked.append(str(error)))
        return page

    yield open_screen
    for context in contexts:
        context.close()
    assert (
        asked and [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    )


def test_the_network_is_blocked():
    """The browser of these tests knows no host but its own machine."""
    assert any("MAP * ~NOTFOUND" in flag for flag in CHROMIUM_FLAGS)


@pytest.mark.parametrize(
    "size", [pytest.param((1280, 720), marks=pytest.mark.thorough), (1920, 1080)], ids=str
)
@pytest.mark.parametrize("name", some(LESSONS, ["05_one_cycle"]))
def test_a_deck_can_be_read(
    decks: Path, screen: Callable[[int, int], Any], name: str, size: tuple[int, int]
):
    """Space goes through all slides to the last; on none of them is anything cut off, are letters
    smaller than 18 px of 1080, or a formula left as it was typed."""
    page = screen(*size)
    page.goto((decks / f"{name}.html").as_uri())
    seen = []
    for _ in range(200):
        page.wait_for_function(SHOWN)
        seen.append(page.evaluate(SEEN))
        if page.evaluate(AT_END):
            break
        page.keyboard.press("Space")

    assert page.evaluate(AT_END)
    assert len({slide["at"] for slide in seen}) == page.evaluate("Reveal.getTotalSlides()")
    for slide in seen:
        assert not slide["outside"] and not slide["raw"], slide["text"]
        assert slide["letters"] >= LEAST * size[1], slide["text"]
        # A figure's letters are 14 px high where it is shown as large as it is.
        assert all(14 * share >= LEAST * size[1] for share in slide["pictures"]), slide["text"]


def test_arrows_go_from_section_to_section(decks: Path, screen: Callable[[int, int], Any]):
    """The right arrow leaves out the rest of a section, the left one goes back, and the address
    names the slide, so that it can be opened again."""
    page = screen(1280, 720)
    page.goto((decks / "01_step_decay.html").as_uri())
    page.wait_for_function(SHOWN)
    headings = []
    for _ in range(4):
        headings.append(page.evaluate("Reveal.getCurrentSlide().querySelector('h1, h2').innerText"))
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("location.hash.startsWith('#/3')")  # written once a second at most
    at = page.evaluate("Reveal.getCurrentSlide().innerText")
    page.reload()
    page.wait_for_function(SHOWN)

    assert headings[1:] == ["The question", "Predict first", "The formula"]
    assert page.evaluate("Reveal.getCurrentSlide().innerText") == at
