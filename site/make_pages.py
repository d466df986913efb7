"""Build the public pages: `make site`. They are in build/site/html, and open from a file, too.

Lessons and exercises are the notebooks with their stored outputs; what needs no training moves (see
`live.py`). The guides are those of docs/. Nothing is run but what the widgets need.
"""

import hashlib
import html
import os
import re
import shutil
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import live
import nbformat
from sphinx.cmd.build import build_main

import lrcourse
from lrcourse import CosineAnnealing
from lrcourse.widgets.widget import HERE as WIDGETS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "build" / "site"
REPOSITORY = "lrcourse/lrcourse"
GITHUB = f"https://github.com/{REPOSITORY}/blob/main"
BINDER = f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/notebooks"
COLAB = f"https://colab.research.google.com/github/{REPOSITORY}/blob/colab"
GUIDES = ("docs", "deploy")  # folders of Markdown that are pages, too
PICTURES = (".png", ".svg", ".jpg")


def main(out: Path = OUT) -> Path:
    """Write the sources of the pages, build them, and return their folder."""
    shutil.rmtree(out, ignore_errors=True)
    source = out / "source"
    with tempfile.TemporaryDirectory() as memory:  # nobody's own answers are on the pages
        os.environ["LRCOURSE_HOME"] = memory
        for folder in ("notebooks", "exercises"):
            for notebook in sorted((ROOT / folder).glob("*.ipynb")):
                write_notebook(notebook, source / folder / notebook.name, out / "static")
        write_start(source, out / "static")
    write_guides(source)
    write_static(out / "static")
    jobs = ["-j", "2"] if sys.platform == "linux" else []
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(HERE), *jobs]
    options += ["-D", f"html_static_path={out / 'static'}"]
    if build_main([*options, "-d", str(out / "doctrees"), str(source), str(out / "html")]):
        sys.exit("Sphinx has warned: see above.")
    (out / "html" / "_static" / "webpack-macros.html").unlink(missing_ok=True)  # the theme's own
    return out / "html"


# Lessons


def write_notebook(notebook: Path, target: Path, static: Path) -> None:
    """The notebook as a page: its widgets live, its links on top; pictures go to `static`."""
    lesson = nbformat.read(notebook, as_version=4)
    for number, widget in live.widgets_of(sources_of(notebook)):
        cell = lesson.cells[number]
        cell.outputs = [shown(widget, cell.outputs, static)]
    for output in (o for cell in lesson.cells for o in cell.get("outputs", [])):
        if "text/html" in output.get("data", {}):  # a table's empty corner is no heading
            text = output.data["text/html"].replace("<th></th>", "<td></td>")
            output.data["text/html"] = with_files(text, static, "../_static")
    for cell in lesson.cells:
        cell.source = (
            rewritten(cell.source, notebook) if cell.cell_type == "markdown" else cell.source
        )
        cell.get("outputs", []).sort(key=lambda output: output.output_type == "stream")
    first = next(cell for cell in lesson.cells if cell.cell_type == "markdown")
    title, _, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{ways_to_open(notebook)}\n{rest}"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(lesson, target)


def sources_of(notebook: Path) -> list[str]:
    """The code of each cell; nothing for a cell of text."""
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell.source if cell.cell_type == "code" else "" for cell in cells]


def shown(widget: Any, outputs: list[dict], static: Path) -> Any:
    """What the page shows for a widget: alive, or as it is stored, with the reason."""
    still = live.picture_of(outputs[0]) if outputs else ""
    try:
        page = live.as_html(widget, apart(still, static, "../_static"))
    except live.NotLive as reason:
        still = with_files(still, static, "../_static")
        page = (
            f'<div class="lrc-not-live">{still}<p>{html.escape(str(reason))} '
            "Open the lesson in JupyterLab to use it.</p></div>"
        )
    return nbformat.v4.new_output("display_data", data={"text/html": page})


def apart(still: str, static: Path, address: str) -> str:
    """A still picture for a page without scripts, which alone loads it."""
    return f"<noscript>{with_files(still, static, address)}</noscript>"


def with_files(text: str, static: Path, address: str) -> str:
    """HTML whose pictures are in files of their own, loaded when they come near."""

    def to_file(found: re.Match) -> str:
        png = b64decode(found[1])
        name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
        (static / "still").mkdir(parents=True, exist_ok=True)
        (static / "still" / name).write_bytes(png)
        return f'loading="lazy" src="{address}/still/{name}"'

    return re.sub(r'src="data:image/png;base64,([^"]*)"', to_file, text)


def ways_to_open(notebook: Path) -> str:
    """Where a lesson can be run, as a line under its title."""
    name = notebook.name
    links = [f'<a href="../_static/notebooks/{name}" download>Download</a>']
    if notebook.parent.name == "notebooks":
        links = [
            f'<a href="{BINDER}/{name}">Binder</a>',
            f'<a href="{COLAB}/{name}">Colab</a>',
            *links,
        ]
    ways = " · ".join(['<a href="../run.html">JupyterLab</a>', *links])
    return f'<p class="lrc-open">Open it in {ways}</p>\n'


# The start page, and how to run the course


def write_start(source: Path, static: Path) -> None:
    """The first page, with one explorer that moves; and the list of lessons."""
    explorer = lrcourse.explore(CosineAnnealing(lr=0.1, T_max=100))
    text = (HERE / "index.md").read_text(encoding="utf-8")
    lessons = "\n".join(f"{short} <notebooks/{path.stem}>" for path, short in titles("notebooks"))
    sheets = "\n".join(f"{short} <exercises/{path.stem}>" for path, short in titles("exercises"))
    for name, part in {
        "EXPLORER": live.as_html(
            explorer, apart(live.picture_of(stored(explorer)), static, "_static")
        ),
        "LESSONS": lessons,
    }.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    source.mkdir(parents=True, exist_ok=True)
    (source / "index.md").write_text(text, encoding="utf-8")
    shutil.copy(HERE / "run.md", source)
    toctree = "```{{toctree}}\n:maxdepth: 1\n\n{}\n```\n"
    for name, title, pages in (("lessons", "Lessons", lessons), ("sheets", "Exercises", sheets)):
        pages = pages.replace("<", "</")
        (source / f"{name}.md").write_text(
            f"# {title}\n\n{toctree.format(pages)}", encoding="utf-8"
        )


def stored(widget: Any) -> dict:
    data, metadata = widget._repr_mimebundle_()
    return {"data": data, "metadata": metadata}


def titles(folder: str) -> Iterator[tuple[Path, str]]:
    """Each notebook of a folder, and its title without what comes after the colon."""
    for path in sorted((ROOT / folder).glob("*.ipynb")):
        text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells)
        title = re.search(r"^# (.+)$", text, re.M)
        number = re.match(r"0*(\d+)_", path.name)
        short = (title[1] if title else path.stem).split(":")[0]
        short = re.sub(r"^Exercises?\s*(on\s+)?", "", short) or short
        yield path, f"{number[1]}. {short}" if number else short[:1].upper() + short[1:]


# Guides


def write_guides(source: Path) -> None:
    """The Markdown of docs/ as it is; links to what is no page lead to the code."""
    pages = []
    for folder in GUIDES:
        for path in sorted((ROOT / folder).rglob("*.md")):
            page = path.relative_to(ROOT)
            pages.append(page.with_suffix("").as_posix())
            target = source / page
            target.parent.mkdir(parents=True, exist_ok=True)
            text = rewritten(path.read_text(encoding="utf-8"), path)
            target.write_text(text, encoding="utf-8")
    listed = "\n".join(f"/{page}" for page in pages)
    text = f"# Guides\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    (source / "guides.md").write_text(text, encoding="utf-8")


def rewritten(text: str, where: Path) -> str:
    """`text` of the file `where`, whose relative links to what is no page lead to the code."""

    def link(found: re.Match) -> str:
        label, target = found[1], found[2]
        address, _, anchor = target.partition("#")
        if not address or re.match(r"[a-z]+:", address):
            return found[0]
        path = (where.parent / address).resolve()
        if is_page(path):
            return found[0]
        if path.is_relative_to(ROOT) and path.exists():
            inside = path.relative_to(ROOT).as_posix()
            return f"[{label}]({GITHUB}/{inside}{'#' + anchor if anchor else ''})"
        raise ValueError(f"{where}: the link to {target} leads nowhere")

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, text)


def is_page(path: Path) -> bool:
    folders = [ROOT / name for name in GUIDES]
    guide = path.suffix == ".md" and any(path.is_relative_to(f) for f in folders)
    lesson = path.suffix == ".ipynb" and path.parent in (ROOT / "notebooks", ROOT / "exercises")
    return path.exists() and (guide or lesson)


# Scripts and styles


def bare(script: str) -> str:
    """A script without the lines that only tell its reader something."""
    lines = (line for line in script.splitlines() if line.strip())
    return "\n".join(line for line in lines if not line.lstrip().startswith("//")) + "\n"


def write_static(static: Path) -> None:
    """The widgets' scripts, their stand-in, the styles, MathJax, and the notebooks to download."""
    (static / "live").mkdir(parents=True, exist_ok=True)
    for view, kind in live.kinds_of_widgets().items():
        (static / "live" / f"{view}.js").write_text(bare(live.script_of(kind)), encoding="utf-8")
    (static / "live" / "standin.js").write_text(bare(standin()), encoding="utf-8")
    styles = [path.read_text(encoding="utf-8") for path in sorted(WIDGETS.glob("*.css"))]
    (static / "live.css").write_text("\n".join(styles), encoding="utf-8")
    shutil.copy(HERE / "static" / "course.css", static)
    for folder in ("notebooks", "exercises"):
        (static / "notebooks").mkdir(parents=True, exist_ok=True)
        for notebook in (ROOT / folder).glob("*.ipynb"):
            shutil.copy(notebook, static / "notebooks")
    (static / "scripts").mkdir()  # in place of the theme's: its icons come as a font, too
    (static / "scripts" / "fontawesome.js").write_text("", encoding="utf-8")
    write_mathjax(static / "mathjax")


PARTS = (
    *("python", "schedules", "panel", "ground", "explorer", "landscape"),
    *("answers", "players", "moving", "start"),
)


def standin() -> str:
    """The stand-in for the kernel, in one script whose names are nobody else's."""
    parts = [(HERE / "standin" / f"{name}.js").read_text("utf-8") for name in PARTS]
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


MATHJAX = (  # what reads TeX and sets it, for screen readers as MathML; a third less than all
    *("startup.js", "core.js", "input/tex.js", "output/chtml.js", "output/chtml/fonts/tex.js"),
    *("a11y/assistive-mml.js", "output/chtml/fonts/woff-v2"),
)


def write_mathjax(folder: Path) -> None:
    """The parts of MathJax 3 that the pages need."""
    spec = find_spec("mathjax")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("MathJax is missing: pip install 'lrcourse[site]'")
    source = Path(next(iter(spec.submodule_search_locations))) / "static" / "mathjax" / "es5"
    for part in MATHJAX:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (source / part).is_dir() else shutil.copy
        copy(source / part, folder / part)


if __name__ == "__main__":
    print(f"The pages: {main() / 'index.html'}")
