"""`lrcourse slides`: the marks of the cells, what goes on a slide, and the pages that are written."""

import re
from pathlib import Path

import nbformat
import pytest

from lrcourse import cli
from lrcourse.slides import deck, marks, pages

LESSONS = sorted(path.stem for path in deck.originals().glob("*.ipynb"))
each_lesson = pytest.mark.parametrize("name", LESSONS)


def text(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def code(source: str, *outputs: str) -> nbformat.NotebookNode:
    shown = [nbformat.v4.new_output("stream", text=output) for output in outputs]
    return nbformat.v4.new_code_cell(source, outputs=shown)


def lesson(name: str) -> nbformat.NotebookNode:
    return nbformat.read(deck.originals() / f"{name}.ipynb", as_version=4)


def slides(*cells: nbformat.NotebookNode) -> list[pages.Page]:
    marks.mark_all(list(cells))
    return pages.pages(list(cells))


def sources(page: pages.Page) -> list[str]:
    return [piece.cell.source for piece in page.pieces]


# Marks


def test_a_cell_is_marked_by_its_kind():
    """Headings begin a section, text without one comes on a key, imports are left out, and code that
    follows code is a slide of its own."""
    cells = [
        text("# Title\n\nWords."),
        code("import numpy as np\nfrom lrcourse import lab"),
        text("## Look"),
        code("x = 1"),
        code("print(x)"),
        text("So it is."),
    ]
    marks.mark_all(cells)

    said = [marks.mark_of(cell) for cell in cells]
    assert said == ["slide", "skip", "slide", "-", "subslide", "fragment"]


def test_a_mark_of_its_own_stays():
    """What the source of a lesson says of a cell counts more than its kind, "-" included."""
    cells = [text("# Title"), code("x = 1"), code("x"), text("More.")]
    for cell, mark in zip(cells, ("subslide", "skip", "-", "notes")):
        cell.metadata["slideshow"] = {"slide_type": mark}
    marks.mark_all(cells)

    assert [marks.mark_of(cell) for cell in cells] == ["subslide", "skip", "-", "notes"]


def test_a_misspelt_mark_is_named():
    """A mark that Jupyter does not know is refused, with those that there are."""
    cell = text("# Title")
    cell.metadata["slideshow"] = {"slide_type": "sub-slide"}

    with pytest.raises(ValueError, match="one of slide, subslide, .* got 'sub-slide'"):
        marks.mark_all([cell])


@each_lesson
def test_every_lesson_is_marked(name: str):
    """The notebooks hold their marks, so that Jupyter's own tools show the same sections."""
    cells = lesson(name).cells
    before = [marks.mark_of(cell) for cell in cells]
    marks.mark_all(cells)

    assert [marks.mark_of(cell) for cell in cells] == before
    assert before[0] == "slide" and before.count("slide") >= 5


# What goes on a slide


def test_a_heading_begins_a_slide_wherever_it_stands():
    """A cell with two headings makes two sections; a section is called by its heading."""
    made = slides(text("# Title\n\nWords.\n## Next\nMore."))

    assert [(page.section, page.begins) for page in made] == [("Title", "slide"), ("Next", "slide")]
    assert sources(made[1]) == ["## Next", "More."]


def test_what_does_not_fit_goes_on_another_slide():
    """Twenty paragraphs go on several slides of one section, none lost, in their order."""
    paragraphs = [f"{i}. " + "word " * 40 for i in range(20)]
    paragraphs = [p.replace(". ", ") ", 1).strip() for p in paragraphs]
    made = slides(text("\n\n".join(["## Long", *paragraphs])))

    assert len(made) > 2 and {page.section for page in made} == {"Long"}
    assert [page.begins for page in made] == ["slide"] + ["subslide"] * (len(made) - 1)
    assert sum((sources(page) for page in made), []) == ["## Long", *paragraphs]
    assert all(page.height <= pages.HEIGHT for page in made)


def test_nothing_that_belongs_together_is_cut():
    """A list, a formula and a fence of code stay whole, empty lines in them included."""
    whole = ["1. one\n\n   more of one\n2. two", "$$a\n\nb$$", "```python\nx = 1\n\ny = 2\n```"]

    assert pages.blocks("\n\n".join(whole)) == whole


def test_an_answer_has_a_slide_of_its_own():
    """What is folded in the lesson is not seen before the next key, and needs no click then."""
    fold = "<details><summary>Answers</summary>\n\n1. Yes.\n</details>"
    made = slides(text(f"## Ask\n\nIs it?\n\n{fold}\n\nGo on."))

    assert sources(made[0]) == ["## Ask", "Is it?"]
    assert sources(made[1]) == ["### Answers\n\n1. Yes.", "Go on."]


def test_code_and_outputs_are_parted_where_they_are_long():
    """A long cell with a long output goes on two slides; a short one stays together."""
    long = code("\n".join(f"x{i} = {i}" for i in range(14)), "line\n" * 14)
    together, *apart = slides(text("## A"), code("1", "1\n")), *slides(text("## B"), long)

    assert len(together) == 1 and len(together[0].pieces) == 3
    assert [len(page.pieces) for page in apart] == [2, 1]


def test_a_call_of_a_widget_is_not_shown_but_its_picture():
    """The line that makes a widget would only take room; a line without an output is shown."""
    call = code("lrcourse.quiz('x')", "1. A question")

    assert sources(slides(text("## A"), call)[0]) == ["## A", ""]
    assert sources(slides(text("## A"), code("lrcourse.quiz('x')"))[0])[1] == "lrcourse.quiz('x')"


def test_an_answer_in_an_output_is_on_the_next_slide():
    """What `decide` folds is not seen together with its question."""
    shown = nbformat.v4.new_output(
        "execute_result",
        {"text/html": "<p>Why?</p><details><summary>Open</summary><pre>So</pre></details>"},
    )
    cell = nbformat.v4.new_code_cell("lrcourse.decide(\n    'k',\n    1,\n)", outputs=[shown])
    made = slides(text("## Ask"), cell)

    assert len(made) == 2 and made[1].begins == "subslide"
    assert made[0].pieces[-1].cell.outputs[0].data["text/html"] == "<p>Why?</p>"
    assert made[1].pieces[0].cell.outputs[0].data["text/html"] == "<pre>So</pre>"


@each_lesson
def test_nothing_of_a_lesson_is_lost(name: str):
    """All code, text and outputs are on a slide, but for what is marked so or left to read."""
    cells = lesson(name).cells
    shown = [piece.cell for page in pages.pages(cells) for piece in page.pieces]
    seen = "\n".join(cell.source for cell in shown)

    for cell in cells:
        if marks.mark_of(cell) == "skip" or cell.cell_type != "code":
            continue
        assert cell.source in seen or cell.source.startswith("lrcourse.")
        for output in (part for whole in cell.outputs for part, _ in pages._folds(whole)):
            assert any(output in other.get("outputs", []) for other in shown)
    for heading in re.findall(r"^## (.+)$", "\n".join(c.source for c in cells), re.MULTILINE):
        assert (f"## {heading}" in seen) == (heading not in pages.NOT_SHOWN) or "#" in heading


# The pages


def test_a_deck_needs_no_other_host(tmp_path: Path):
    """What a deck loads lies beside it: scripts, styles and formulas."""
    [page] = deck.write_decks(tmp_path, ["03_cosine_annealing"])
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', html)
    loaded = [url.split("?")[0] for url in loaded if not url.startswith("data:")]

    assert len(loaded) >= 5
    for url in loaded:
        assert "//" not in url and (tmp_path / url).exists(), url


def test_the_speaker_sees_the_teaching_notes(tmp_path: Path):
    """What the teaching guide says to a section stands in the notes of its first slide."""
    [page] = deck.write_decks(tmp_path, ["01_step_decay"])
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', page.read_text("utf-8"), re.DOTALL)
    told = deck.teaching_notes()["01_step_decay"]

    assert len(notes) == len(told) >= 5
    assert "Which picture is it?" in notes[0]


def test_the_command_writes_the_lessons_named(tmp_path: Path, capsys: pytest.CaptureFixture):
    """`lrcourse slides NAME -o FOLDER` writes that deck, and says where."""
    assert cli.main(["slides", "00_start_here", "-o", str(tmp_path)]) == 0

    assert capsys.readouterr().out.split() == [str(tmp_path / "00_start_here.html")]
    assert [path.name for path in tmp_path.glob("*.html")] == ["00_start_here.html"]


def test_the_command_names_what_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture):
    """A lesson that does not exist is named, with those that there are."""
    assert cli.main(["slides", "09_none", "-o", str(tmp_path)]) == 1

    assert "no lesson 09_none: there are 00_start_here, 01_" in capsys.readouterr().err
