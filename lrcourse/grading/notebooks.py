"""What a submitted notebook holds, read as text: nothing in it runs here, and nothing is believed."""

import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lrcourse.tasks import SHEETS

MOST_BYTES = 20 << 20  # of a notebook
MOST_CELLS = 1_000
MOST_PARTS = 500_000  # lists and mappings: the text of one is 3 bytes, in memory it takes 70
MOST_VALUES = 2_000_000
MOST_CODE = 1 << 20  # characters in all cells


class Refused(ValueError):
    """A submission that is not run at all. The text says why, to the learner."""


def read_bytes(path: Path) -> bytes:
    """The file, if it is an ordinary one of a sensible size. Raises `Refused`."""
    if path.is_symlink():
        raise Refused("This is a link to another file. Links are not followed: hand in the file.")
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Refused("This is not an ordinary file.")
            if about.st_size > MOST_BYTES:
                size = about.st_size / (1 << 20)
                raise Refused(
                    f"The notebook has {size:.0f} MiB, and {MOST_BYTES >> 20} is the most: clear "
                    f"its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
                )
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refused(f"The file cannot be read: {error.strerror}.") from None


def read_cells(raw: bytes) -> tuple[list[str], dict[str, str]]:
    """The code cells of a notebook, in order, and the Markdown cells that have a grade_id.

    Nothing else of it is looked at: no outputs, no metadata. Raises `Refused`.
    """
    if raw.count(b"{") + raw.count(b"[") > MOST_PARTS or raw.count(b",") > MOST_VALUES:
        raise Refused(
            "The notebook holds too many values, in its outputs most likely: clear them (Edit, "
            "Clear Outputs of All Cells), save it and hand it in again."
        )
    try:
        notebook = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("This is not a notebook: it is no readable JSON. Save it again.") from None
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise Refused("This is not a notebook of format 4: it has no list of cells.")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Refused(f"The notebook has more than {MOST_CELLS:,} cells.")
    code, texts = [], {}
    for cell in notebook["cells"]:
        if type(cell) is not dict:
            continue
        source = _source(cell.get("source"))
        if cell.get("cell_type") == "code":
            code.append(source)
        elif cell.get("cell_type") == "markdown":
            texts.setdefault(_grade_id(cell), source)
    if sum(map(len, code)) > MOST_CODE:
        raise Refused(f"The notebook has more than {MOST_CODE:,} characters of code.")
    return code, texts


def _source(source: Any) -> str:
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    text = source if type(source) is str else ""
    return text.encode(errors="replace").decode()  # lone surrogates are no text


def _grade_id(cell: dict) -> str:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if type(metadata) is dict else None
    name = nbgrader.get("grade_id") if type(nbgrader) is dict else None
    return name if type(name) is str else ""


# Which sheet it is


def plain(text: str) -> str:
    """Small letters and digits only: "Step-Decay" is "stepdecay"."""
    return re.sub(r"[\W_]+", "", text.lower())


def sheet_in(name: str) -> str | None:
    """The sheet that a name speaks of, if any."""
    return next((sheet for sheet in SHEETS if plain(sheet) in plain(name)), None)


_DEFINES = re.compile(r"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*=(?!=)")


def defined_in(cells: Iterable[str]) -> set[str]:
    """The names that lines of these cells define, by `def name` or `name =`."""
    lines = (line.lstrip() for cell in cells for line in cell.split("\n"))
    # Line by line: one pattern over all of it takes hours for a megabyte of empty lines.
    found = (_DEFINES.match(line) for line in lines if line)
    return {match[1] or match[2] for match in found if match}


def sheet_of(cells: Iterable[str]) -> str | None:
    """The sheet whose answers a notebook defines most of; None if two tie."""
    defined = defined_in(cells)
    counts = {
        sheet: len(defined & {t.answer_name for t in module.TASKS if t.answer_name})
        for sheet, module in SHEETS.items()
    }
    best = max(counts.values())
    winners = [sheet for sheet, count in counts.items() if count == best]
    return winners[0] if best and len(winners) == 1 else None
