"""Which cell begins a slide: by the kind of the cell, where its source does not say otherwise.

A mark is what Jupyter calls `slide_type`: "slide" begins a section, "subslide" a slide in it,
"fragment" appears on the next key, "skip" is not shown, "notes" are for the speaker. A cell without
a mark goes on the slide before it. In `notebooks/source` a mark of its own is written as

    # %% slideshow={"slide_type": "skip"}
"""

from typing import Any

MARKS = ("slide", "subslide", "fragment", "skip", "notes", "-")


def mark_of(cell: Any) -> str:
    """The mark that a cell has; "-" if it has none. Raises `ValueError` for one that is unknown."""
    mark = cell.metadata.get("slideshow", {}).get("slide_type", "-")
    if mark not in MARKS:
        raise ValueError(f"slide_type must be one of {', '.join(MARKS)}, got {mark!r}")
    return mark


def by_kind(cell: Any, before: Any) -> str:
    """The mark of a cell without one of its own; `before` is the cell before it, or None.

    A heading begins a section. Text without one appears on the next key: the room looks first. Code
    that follows code is a slide of its own, for it often shows the answer. Imports are not shown.
    """
    if cell.cell_type == "markdown":
        return "slide" if _headings(cell.source) else "fragment"
    if _only_imports(cell.source):
        return "skip"
    return "subslide" if before is not None and before.cell_type == "code" else "-"


def mark_all(cells: list[Any]) -> None:
    """Give every cell that has no mark the one of its kind. A second time changes nothing."""
    before = None
    for cell in cells:
        if "slideshow" not in cell.metadata:
            mark = by_kind(cell, before)
            if mark != "-":
                cell.metadata["slideshow"] = {"slide_type": mark}
        mark_of(cell)
        before = cell


def _headings(text: str) -> bool:
    return any(line.startswith(("# ", "## ")) for line in text.splitlines())


def _only_imports(source: str) -> bool:
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and all(line.startswith(("import ", "from ")) for line in lines)
