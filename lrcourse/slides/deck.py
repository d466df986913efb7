"""Writes the decks: one page for each lesson, and beside them what all of them need."""

import importlib.util
import shutil
import tomllib
from pathlib import Path
from typing import Any

import nbformat

from lrcourse.copies import originals
from lrcourse.slides.marks import mark_all
from lrcourse.slides.pages import Page, pages

HERE = Path(__file__).resolve().parent
ASSETS = "assets"
MATHJAX_CONFIG = "TeX-AMS-MML_HTMLorMML-full"


def write_decks(folder: Path, names: list[str] | None = None) -> list[Path]:
    """Write the decks of the lessons named, all if None, into `folder`: their paths.

    Raises `ValueError` for a lesson that does not exist, and `ModuleNotFoundError` where the extra
    `slides` is not installed.
    """
    lessons = {path.stem: path for path in sorted(originals().glob("*.ipynb"))}
    unknown = sorted(set(names or ()) - set(lessons))
    if unknown:
        raise ValueError(f"no lesson {', '.join(unknown)}: there are {', '.join(lessons)}")
    write_assets(folder / ASSETS)
    notes = teaching_notes()
    return [_write(lessons[name], folder, notes.get(name, {})) for name in names or lessons]


def _write(lesson: Path, folder: Path, notes: dict[str, str]) -> Path:
    page = folder / f"{lesson.stem}.html"
    page.write_text(deck(nbformat.read(lesson, as_version=4), lesson.stem, notes), "utf-8")
    return page


def deck(notebook: Any, name: str, notes: dict[str, str] | None = None) -> str:
    """A lesson as a page of slides. `notes`: what the speaker sees, by the section's heading."""
    from nbconvert import SlidesExporter

    exporter = SlidesExporter(
        extra_template_basedirs=[str(HERE / "templates")],
        template_name="deck",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        mathjax_url=f"{ASSETS}/mathjax/MathJax.js?config={MATHJAX_CONFIG}",
        reveal_url_prefix=ASSETS,
    )
    mark_all(notebook.cells)
    made = pages(notebook.cells)
    slides = nbformat.v4.new_notebook(cells=_cells(made, notes or {}))
    title = made[0].section if made else name
    page, _ = exporter.from_notebook_node(slides, {"metadata": {"name": title}})
    return page


def _cells(made: list[Page], notes: dict[str, str]) -> list[Any]:
    """The cells of a notebook of slides; a slide that goes on says in which section."""
    cells, told = [], set()
    for page in made:
        first = [] if page.pieces[0].title else [_text(f'<p class="section">{page.section}</p>')]
        shown = [*first, *(piece.cell for piece in page.pieces)]
        for cell in shown:
            cell.metadata["slideshow"] = {"slide_type": "-"}
        shown[0].metadata["slideshow"] = {"slide_type": page.begins}
        for piece in page.pieces[1:]:
            if piece.begins == "fragment":
                piece.cell.metadata["slideshow"] = {"slide_type": "fragment"}
        cells += shown
        if page.section in notes and page.section not in told:
            told.add(page.section)
            cells.append(_text(notes[page.section], "notes"))
    return cells


def _text(source: str, mark: str = "-") -> Any:
    cell = nbformat.v4.new_markdown_cell(source)
    cell.metadata["slideshow"] = {"slide_type": mark}
    return cell


# What the speaker sees


def teaching_notes() -> dict[str, dict[str, str]]:
    """By lesson and heading, what the teaching guide says there: what to say, and what to show."""
    guide = originals().parent / "docs" / "teaching" / "notes.toml"
    if not guide.exists():
        return {}
    lessons = tomllib.loads(guide.read_text(encoding="utf-8")).values()
    return {
        about["notebook"]: {b["section"]: _note(b) for b in about["block"]} for about in lessons
    }


def _note(block: dict[str, Any]) -> str:
    return f"{block['minutes']} minutes.\n\nSay: {block['say']}\n\nShow: {block['show']}"


# What lies beside the decks


def write_assets(folder: Path) -> None:
    """Copy reveal.js, MathJax and the look of the decks, so that a deck needs no other host."""
    mathjax = _mathjax()
    folder.mkdir(parents=True, exist_ok=True)
    for part in (HERE / "reveal", HERE / "page"):
        shutil.copytree(part, folder, dirs_exist_ok=True)
    unused = shutil.ignore_patterns("a11y", "localization", "__pycache__")
    shutil.copytree(mathjax, folder / "mathjax", dirs_exist_ok=True, ignore=unused)


def _mathjax() -> Path:
    found = importlib.util.find_spec("jupyter_server_mathjax")
    if found is None or found.origin is None or importlib.util.find_spec("nbconvert") is None:
        raise ModuleNotFoundError(
            "the slides need nbconvert and jupyter-server-mathjax: pip install 'lrcourse[slides]', in "
            "the folder of the course: pip install -e '.[slides]'"
        )
    return Path(found.origin).parent / "static"
