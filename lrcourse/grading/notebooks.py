"""What a submitted notebook holds, read as text: nothing in it runs here, and nothing is believed."""

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

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


class Cells(NamedTuple):
    """What is read of a notebook: no outputs, and of the metadata the cells' ids only."""

    code: list[str]  # in order
    texts: dict[str, str]  # the Markdown cells that have a grade_id, by it
    ids: set[str]  # every grade_id; they tell which sheet it is, and no more


def read_cells(raw: bytes) -> Cells:
    """The cells of a notebook. Raises `Refused`."""
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
    code, texts, ids = [], {}, set()
    for cell in notebook["cells"]:
        if type(cell) is not dict:
            continue
        source = _source(cell.get("source"))
        ids.add(_grade_id(cell))
        if cell.get("cell_type") == "code":
            code.append(source)
        elif cell.get("cell_type") == "markdown":
            texts.setdefault(_grade_id(cell), source)
    if sum(map(len, code)) > MOST_CODE:
        raise Refused(f"The notebook has more than {MOST_CODE:,} characters of code.")
    return Cells(code, texts, ids)


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

_ASKED = {
    sheet: {task.answer_name for task in module.TASKS if task.answer_name}
    for sheet, module in SHEETS.items()
}


def plain(text: str) -> str:
    """Small letters and digits only: "Step-Decay" is "stepdecay"."""
    return re.sub(r"[\W_]+", "", text.lower())


def sheets_in(name: str) -> list[str]:
    """The sheets that a name speaks of, the first that it names first."""
    places = {sheet: plain(name).find(plain(sheet)) for sheet in SHEETS}
    return sorted((s for s in SHEETS if places[s] >= 0), key=lambda s: (places[s], -len(s)))


def sheet_in(name: str) -> str | None:
    """The sheet that a name speaks of, if any."""
    return next(iter(sheets_in(name)), None)


_DEFINES = re.compile(r"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*=(?!=)")


def defined_in(cells: Iterable[str]) -> set[str]:
    """The names that lines of these cells define, by `def name` or `name =`."""
    lines = (line.lstrip() for cell in cells for line in cell.split("\n"))
    # Line by line: one pattern over all of it takes hours for a megabyte of empty lines.
    found = (_DEFINES.match(line) for line in lines if line)
    return {match[1] or match[2] for match in found if match}


def answers_in(code: Iterable[str]) -> dict[str, int]:
    """How many answers of each sheet the cells define, less those that several sheets ask for."""
    asked = Counter(name for names in _ASKED.values() for name in names)
    defined = {name for name in defined_in(code) if asked[name] == 1}
    return {sheet: len(defined & names) for sheet, names in _ASKED.items()}


def sheet_of(code: Iterable[str]) -> str | None:
    """The sheet whose answers a notebook defines most of; None if two tie."""
    return _most(answers_in(code))


def _most(counts: dict[str, int]) -> str | None:
    best = max(counts.values())
    winners = [sheet for sheet, count in counts.items() if count == best]
    return winners[0] if best and len(winners) == 1 else None


def sheet_by_ids(ids: Iterable[str]) -> str | None:
    """The sheet whose cells these are, if they are of one only."""
    known = {sheet for i in ids if (sheet := i.split("-")[0]) in SHEETS and "-" in i}
    return known.pop() if len(known) == 1 else None


def settled(named: str | None, cells: Cells) -> str | None:
    """Which sheet it is: its cells' ids say so, else its name, unless its answers are another's."""
    counts, by_ids = answers_in(cells.code), sheet_by_ids(cells.ids)
    if named and named == by_ids:
        return named
    for sheet in (by_ids, named):
        if sheet and (counts[sheet] or not any(counts.values())):
            return sheet
    return _most(counts) or named
