"""What goes on each slide: a lesson's cells, cut where a slide is full.

A cell is cut into pieces, its paragraphs, its code, its outputs, and each has a height in lines of
text. A heading begins a new slide, and so does a piece that does not fit any more. The heights are
estimates; what is still too high is made smaller in the browser.
"""

import math
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat

from lrcourse.slides.marks import mark_of

HEIGHT = 18.0  # lines of text on a slide
WIDE = 88  # letters in a line of text
WIDE_CODE = 98  # letters in a line of code
CODE = 0.75  # the height of a line of code
FULL = 700  # px, the width of a figure of the course
_READABLE = 0.9 / 36  # lines for a pixel of a figure, so that its letters can be read; it may grow
_PICTURE = re.compile(r'<img [^>]*width: ([\d.]+)em[^>]*src="data:image/png;base64,([^"]+)"')
NOT_SHOWN = ("Further reading", "On your own")  # sections to read, not to see from the last row


@dataclass
class Piece:
    """A part of a cell that is never cut: a cell of its own, and its height in lines."""

    cell: Any
    height: float
    begins: str = "-"  # "slide", "subslide" or "fragment"
    title: str = ""


@dataclass
class Page:
    """One slide: what it shows, from which section, and whether it begins one."""

    section: str
    begins: str
    pieces: list[Piece] = field(default_factory=list)

    @property
    def height(self) -> float:
        return sum(piece.height for piece in self.pieces)


def pages(cells: list[Any]) -> list[Page]:
    """The slides of a lesson whose cells are marked."""
    made: list[Page] = []
    for piece in _shown(cells):
        section = piece.title or (made[-1].section if made else "")
        full = not made or made[-1].height + piece.height > HEIGHT
        if piece.begins == "slide" or not made:
            made.append(Page(section, "slide"))
        elif piece.begins == "subslide" or (full and not _only_heading(made[-1])):
            made.append(Page(section, "subslide"))
        made[-1].pieces.append(piece)
    return made


def _only_heading(page: Page) -> bool:
    return all(piece.title for piece in page.pieces)


def _shown(cells: list[Any]) -> Iterator[Piece]:
    hidden = False
    for piece in (piece for cell in cells for piece in _pieces(cell)):
        if piece.title:
            hidden = piece.title in NOT_SHOWN
        if not hidden:
            yield piece


def _pieces(cell: Any) -> Iterator[Piece]:
    """A cell in pieces; the first of them begins what the cell's mark says."""
    mark = mark_of(cell)
    if mark in ("skip", "notes"):
        return
    cut = _of_text(cell.source) if cell.cell_type == "markdown" else _of_code(cell)
    for number, piece in enumerate(cut):
        if number == 0 and piece.begins == "-":
            piece.begins = mark
        yield piece


# Text


def _of_text(source: str) -> Iterator[Piece]:
    for block in blocks(source):
        heading = re.match(r"#{1,2} (.+)", block)
        answers = re.match(r"<details>\s*<summary>(.+?)</summary>(.*)</details>", block, re.DOTALL)
        if answers:  # a slide of its own, instead of a fold that must be clicked
            block = f"### {answers[1]}\n\n{answers[2].strip()}"
        begins = "slide" if heading else "subslide" if answers else "-"
        cell = nbformat.v4.new_markdown_cell(block)
        yield Piece(cell, text_height(block), begins, heading[1] if heading else "")


def blocks(source: str) -> list[str]:
    """Paragraphs, lists, formulas and folds, each whole: cut at empty lines outside of them."""
    found: list[str] = []
    for part in re.split(r"\n\s*\n", source.strip()):
        if found and (_open(found[-1]) or (_is_list(found[-1]) and part.startswith("  "))):
            found[-1] += f"\n\n{part}"
        else:
            found += _headings_apart(part)
    return found


def _headings_apart(part: str) -> list[str]:
    if "```" in part:
        return [part]
    parts = re.split(r"\n(?=#)", part)  # a heading may follow a line of text at once
    return [piece for p in parts for piece in (p.split("\n", 1) if p.startswith("#") else [p])]


def _open(text: str) -> bool:
    """A fence of code, a formula or a fold that is not closed yet."""
    fences = len(re.findall(r"^ *```", text, re.MULTILINE))
    return bool(
        fences % 2 or text.count("$$") % 2 or ("<details" in text and "</details" not in text)
    )


def _is_list(text: str) -> bool:
    return re.match(r"[-*] |\d+\. ", text) is not None


def text_height(block: str) -> float:
    """The lines that a block takes, the room beneath it included."""
    fences = re.findall(r"```.*?\n(.*?)```", block, re.DOTALL)
    prose = re.sub(r"```.*?```", "", block, flags=re.DOTALL)
    items = re.split(r"\n(?=\s*(?:[-*]|\d+\.|#+) |\|)|\n\n", prose.strip())
    lines = sum(math.ceil(len(item) / WIDE) for item in items if item)
    code = sum(CODE * fence.count("\n") + 0.7 for fence in fences)
    large = 1.0 if block.startswith("#") else 0.0
    return lines + code + large + prose.count("$$") + 0.6


# Code and what it shows. A line that only calls a widget is not shown, its picture is.


def _of_code(cell: Any) -> Iterator[Piece]:
    if not (cell.outputs and re.fullmatch(r"lrcourse\.\w+\(.*\)", cell.source, re.DOTALL)):
        height = CODE * sum(_wrapped(line) for line in cell.source.splitlines()) + 0.8
        yield Piece(nbformat.v4.new_code_cell(cell.source), height)
    for output in cell.outputs:
        for part, begins in _folds(output):
            shown = nbformat.v4.new_code_cell(
                "", outputs=[part], metadata={"tags": ["output-only"]}
            )
            yield Piece(shown, output_height(part), begins)


def _folds(output: Any) -> Iterator[tuple[Any, str]]:
    """An output, and what is folded in it as a slide of its own."""
    html = output.get("data", {}).get("text/html", "")
    fold = re.fullmatch(r"(.*)<details><summary>.*?</summary>(.*)</details>", html, re.DOTALL)
    for part, begins in [(fold[1], "-"), (fold[2], "subslide")] if fold else []:
        yield nbformat.v4.new_output("display_data", {"text/html": part}), begins
    if not fold:
        yield output, "-"


def _wrapped(line: str) -> int:
    return max(1, math.ceil(len(line) / WIDE_CODE))


def output_height(output: Any) -> float:
    """The lines of text that an output takes, as it is shown: as HTML, a picture, or text."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if (picture := _PICTURE.search(data.get("text/html", ""))) is not None:
        wide, png = float(picture[1]), b64decode(picture[2])
        return min(_READABLE * 14 * wide * png_ratio(png), HEIGHT - 1.0)
    if "text/html" in data:
        return _html_height(data["text/html"])
    if "image/png" in data:
        return min(_READABLE * FULL * png_ratio(b64decode(data["image/png"])), HEIGHT - 1.0)
    return CODE * sum(_wrapped(line) for line in data["text/plain"].splitlines()) + 0.6


def _html_height(html: str) -> float:
    """A table has a line for a row, or more, where its cells are full of text."""
    if "<pre" in html:
        return CODE * sum(map(_wrapped, html.splitlines())) + 0.6
    if "<tr" not in html:
        return sum(
            math.ceil(len(item) / WIDE) + 0.2 for item in re.findall("<(?:li|p)>([^<]*)", html)
        )
    rows = re.split(r"<tr", html)[1:]
    letters = [len(re.sub(r"<[^>]*>|\s{2,}", "", row)) for row in rows]
    return sum(1.1 * max(1, math.ceil(count / 100)) for count in letters) + 0.5


def png_ratio(png: bytes) -> float:
    """The height of a PNG for a width of 1: both stand at its beginning."""
    return int.from_bytes(png[20:24], "big") / int.from_bytes(png[16:20], "big")
