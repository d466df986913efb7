"""What a submitted file holds, read as text: nothing in it runs here, and nothing is believed.

A notebook, however its name ends (`.ipynb`, `.ipynb.txt`); one in an archive (`.zip`); a script of
cells (`.py`, as Jupytext or nbconvert write it).
"""

import io
import json
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lrcourse.tasks import SHEETS

MOST_BYTES = 20 << 20  # of a notebook
MOST_CELLS = 1_000
MOST_PARTS = 500_000  # lists and mappings: the text of one is 3 bytes, in memory it takes 70
MOST_VALUES = 2_000_000
MOST_CODE = 1 << 20  # characters in all cells
MOST_IN_ARCHIVE = 50  # notebooks; and files ten times as many


class Refused(ValueError):
    """A submission that is not run at all. The text says why, to the learner."""


# Files

_FORMS = {  # from the one that is asked for to those that will do
    "notebook": re.compile(r"\.ipynb(?:[ ._-]*\(\d+\))?$", re.I),
    "text": re.compile(r"\.ipynb[ ._-]*(?:\(\d+\))?\.(?:txt|json|download)$", re.I),
    "archive": re.compile(r"\.zip$", re.I),
    "script": re.compile(r"\.py$", re.I),
}
FORMS = tuple(_FORMS)


def form_of(name: str) -> str:
    """ "notebook", "text", "archive" or "script", by the end of a file's name; "" if none."""
    return next((form for form, ends in _FORMS.items() if ends.search(name)), "")


def stem_of(name: str) -> str:
    """A file's name without the end that says what it is: "ada" of "ada.ipynb.txt"."""
    form = form_of(name)
    return _FORMS[form].sub("", name) if form else PurePosixPath(name).stem


def read_bytes(path: Path, member: str = "") -> bytes:
    """The file, or the `member` of the archive that it is. Raises `Refused`.

    Only an ordinary file of a sensible size is read, and of an archive no more than that.
    """
    if os.path.islink(path):
        raise Refused("This is a link to another file. Links are not followed: hand in the file.")
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Refused("This is not an ordinary file.")
            _refuse_size(about.st_size)
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"The file cannot be read: {getattr(error, 'strerror', error)}.") from None
    return _unpacked(raw, member) if member else raw


def _refuse_size(size: int) -> None:
    if size > MOST_BYTES:
        raise Refused(
            f"The notebook has {size / (1 << 20):.0f} MiB, and {MOST_BYTES >> 20} is the most: "
            f"clear its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
        )


def members_of(path: Path) -> list[str]:
    """The notebooks in an archive, by name. Raises `Refused`."""
    with _archive(read_bytes(path)) as archive:
        infos = archive.infolist()
        if len(infos) > 10 * MOST_IN_ARCHIVE:
            raise Refused("The archive holds too many files: hand in the notebook itself.")
        names = [i.filename for i in infos if not i.is_dir() and _is_somebodys(i.filename)]
    found = [name for name in names if form_of(name) in ("notebook", "text", "script")]
    if len(found) > MOST_IN_ARCHIVE:
        raise Refused("The archive holds too many notebooks: hand in the one that counts.")
    return sorted(found)


def _is_somebodys(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _archive(raw: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise Refused("This archive cannot be read: hand in the notebook itself.") from None


def _unpacked(raw: bytes, member: str) -> bytes:
    with _archive(raw) as archive:
        try:
            with archive.open(member) as file:
                inner = file.read(MOST_BYTES + 1)
        except Exception:  # encrypted, damaged, of an unknown kind: zipfile raises many things
            raise Refused(
                f"{member} in this archive cannot be read: hand in the notebook itself."
            ) from None
    _refuse_size(len(inner))
    return inner


# Cells


class Cell(NamedTuple):
    """A cell: no outputs, and of its metadata the id that nbgrader gave it."""

    kind: str  # "code", "markdown"
    source: str
    grade_id: str = ""


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook, in order."""

    cells: tuple[Cell, ...] = ()

    @property
    def code(self) -> list[str]:
        """The text of its code cells."""
        return [cell.source for cell in self.cells if cell.kind == "code"]

    @property
    def ids(self) -> set[str]:
        """Every grade_id; they tell which sheet it is, and where an answer stands."""
        return {cell.grade_id for cell in self.cells}

    def place_of(self, grade_id: str) -> int | None:
        """Which of the code cells has this id, the first if several have."""
        ids = [cell.grade_id for cell in self.cells if cell.kind == "code"]
        return ids.index(grade_id) if grade_id in ids else None


def read_notebook(name: str, raw: bytes) -> Notebook:
    """The cells of a file of this name. Raises `Refused`."""
    cells = _cells_of_script(raw) if form_of(name) == "script" else _cells_of(raw)
    code = sum(len(cell.source) for cell in cells if cell.kind == "code")
    if len(cells) > MOST_CELLS:
        raise Refused(f"The notebook has more than {MOST_CELLS:,} cells.")
    if code > MOST_CODE:
        raise Refused(f"The notebook has more than {MOST_CODE:,} characters of code.")
    return Notebook(tuple(cells))


def _cells_of(raw: bytes) -> list[Cell]:
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
    return [
        Cell(cell["cell_type"], _source(cell.get("source")), _grade_id(cell))
        for cell in notebook["cells"]
        if type(cell) is dict and cell.get("cell_type") in ("code", "markdown", "raw")
    ]


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


_PERCENT = re.compile(r"# ?%%(?!\w)(.*)")
_EXPORTED = re.compile(r"# In ?\[[ \d*]*\]:\s*$")
_ID = re.compile(r'"grade_id": ?"([\w.-]+)"')


def _cells_of_script(raw: bytes) -> list[Cell]:
    """A script as Jupytext (`# %%`) or nbconvert (`# In[3]:`) write it; any other is one cell."""
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    cells: list[Cell] = []
    kind, name = "code", ""
    lines: list[str] = []
    for line in text.split("\n"):
        percent, exported = _PERCENT.match(line), _EXPORTED.match(line)
        if percent or exported:
            cells.append(_cell_of_lines(kind, lines, name))
            about = percent[1] if percent else ""
            kind = "markdown" if "[markdown]" in about or "[md]" in about else "code"
            found = _ID.search(about)
            name, lines = found[1] if found else "", []
        else:
            lines.append(line)
    cells.append(_cell_of_lines(kind, lines, name))
    return [cell for cell in cells if cell.source]


def _cell_of_lines(kind: str, lines: list[str], name: str) -> Cell:
    if kind == "markdown":
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    magics = (re.sub(r"^# (?=[%!]\w)", "", line) for line in lines)
    return Cell(kind, "\n".join(magics).strip("\n"), name)


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


def settled(named: str | None, notebook: Notebook) -> str | None:
    """Which sheet it is: its cells' ids say so, else its name, unless its answers are another's."""
    counts, by_ids = answers_in(notebook.code), sheet_by_ids(notebook.ids)
    if named and named == by_ids:
        return named
    for sheet in (by_ids, named):
        if sheet and (counts[sheet] or not any(counts.values())):
            return sheet
    return _most(counts) or named
