"""Who handed in what: a folder of submissions, as learning platforms and people lay it out.

    ada/step_decay.ipynb                                a folder for each learner
    ada/step_decay/step_decay.ipynb                     nbgrader's `submitted`
    ada_step_decay.ipynb                                files with a name in them
    lovelaceada_4711_99_step_decay.ipynb                Canvas's archive
    Ada Lovelace_4711_assignsubmission_file_/...        Moodle's archive, in folders or in files

Any of them may lie in a further folder, as archives are unpacked, or in one for each assignment.
Two people are never taken for one: a folder that could hold either is refused, by its name.
"""

import hashlib
import itertools
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lrcourse.grading.names import readable
from lrcourse.grading.notebooks import (
    Cells,
    Refused,
    answers_in,
    plain,
    read_bytes,
    read_cells,
    settled,
    sheet_by_ids,
    sheets_in,
)


@dataclass(frozen=True)
class Submission:
    """A file that somebody handed in."""

    learner: str
    path: Path
    sheet: str | None  # None: it cannot be told from the name, nor from the answers
    ids: tuple[str, ...] = ()  # numbers that Canvas or Moodle put into the name
    platform: str = ""  # "canvas" or "moodle", which did
    also: tuple[str, ...] = ()  # folders in between, which could be the learner's name, too
    says: tuple[str, ...] = ()  # for the learner
    notes: tuple[str, ...] = ()  # for the instructor
    answers: bool = True  # whether it defines any answer of the sheet
    refused: str = ""  # why nobody can say whose it is, if so

    @property
    def modified(self) -> float:
        """When the file was written, in seconds since 1970."""
        try:
            return self.path.lstat().st_mtime
        except OSError:
            return 0.0

    @property
    def place(self) -> str:
        """A file name for its results: readable, and different for different learners."""
        whole = "/".join([self.learner, *self.ids, self.sheet or self.path.name])
        return f"{readable(whole, 80)}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}"


def find_submissions(
    folder: Path, sheet: str | None = None, besides: Path | None = None
) -> list[Submission]:
    """Every notebook below `folder`, with its learner from the folder's or the file's name.

    Who has a folder there without a notebook, or one that cannot be read, is found, and refused.
    `sheet`: the sheet that all of them are, if neither names nor answers say. `besides`: a folder
    that is nobody's. Raises `ValueError` if there is no notebook, or if the folders could mean one
    person or several.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder of submissions at {folder}")
    closed: dict[Path, str] = {}
    found = [_unnamed(path, folder, sheet) for path in _notebooks(folder, closed)]
    if folder in closed:
        raise ValueError(f"the folder {folder} cannot be read: {closed[folder]}")
    if not found:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}{_why_none(folder, closed)}")
    levels: set[Path] = set()
    people = _people(folder, found, levels)
    return people + _without_notebooks(people, found, levels, closed, besides)


def _why_none(folder: Path, closed: dict[Path, str]) -> str:
    archives = ", ".join(sorted(p.name for p in folder.glob("*.zip"))[:3])
    unread = ", ".join(f"{path} cannot be read ({why})" for path, why in [*closed.items()][:3])
    return f": unpack {archives} first" if archives else f": {unread}" if unread else ""


def newest_of_each(
    found: Sequence[Submission],
) -> tuple[list[Submission], dict[str, list[str]]]:
    """The newest file of each learner for each sheet, and a note on those that it replaces.

    A file without any answer, the lesson of the same name for example, replaces none that has.
    """
    by_place: dict[str, list[Submission]] = {}
    for one in found:
        by_place.setdefault(one.place, []).append(one)
    newest = {
        place: max(group, key=lambda s: (s.answers, s.modified))
        for place, group in by_place.items()
    }
    notes = {
        place: [f"Several files: {newest[place].path.name} is the newest of {len(group)}."]
        for place, group in by_place.items()
        if len(group) > 1
    }
    return list(newest.values()), notes


# What there is


def _notebooks(folder: Path, closed: dict[Path, str]) -> Iterable[Path]:
    """Notebooks, and links, which are refused later. Not in hidden folders, nor in __MACOSX.

    Folders that cannot be read are put into `closed`, with the reason.
    """

    def note(error: OSError) -> None:
        closed[Path(error.filename)] = error.strerror or str(error)

    for root, folders, files in os.walk(folder, onerror=note):
        below = sorted(d for d in folders if not _is_nobodys(d))
        links = [d for d in below if Path(root, d).is_symlink()]
        folders[:] = [d for d in below if d not in links]
        notebooks = [f for f in files if f.lower().endswith(".ipynb") and not f.startswith(".")]
        yield from (Path(root, name) for name in sorted([*notebooks, *links]))


def _unnamed(path: Path, folder: Path, sheet: str | None) -> Submission:
    """A submission of nobody yet. Its sheet is in it, in the file's name, or in a folder's."""
    try:
        cells = read_cells(read_bytes(path))
    except Refused:
        cells = Cells([], {}, set())
    in_parts = map(sheets_in, reversed(path.relative_to(folder).parts))
    named = next(filter(None, in_parts), [])
    is_on = sheet or settled(next(iter(named), None), cells)
    answers = any(answers_in(cells.code).values()) or sheet_by_ids(cells.ids) is not None
    one = Submission("", path, is_on, answers=answers)
    return one if sheet or not named else _with_doubts(one, named, cells)


def _with_doubts(one: Submission, named: Sequence[str], cells: Cells) -> Submission:
    """With a sentence where the name and the cells speak of different sheets."""
    if one.sheet not in named:
        says = f"The name says {named[0]}, what is in it is {one.sheet}: graded as {one.sheet}."
        return replace(one, says=(says,), notes=(says,))
    if len(named) > 1 and sheet_by_ids(cells.ids) is None:
        says = f"The name speaks of {' and '.join(named)}: graded as {one.sheet}."
        return replace(one, says=(says,), notes=(says,))
    return one


def _is_nobodys(name: str) -> bool:
    """Whether a folder is hidden, or one that a program made."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


# Whose it is

_CANVAS = re.compile(r"^(?P<name>[^_]+)(?:_LATE)?_(?P<id>\d+)_(?P<hand>\d+)_(?P<file>.+)$")
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?.*$")
_OF_ONE = {"earlier", "exercises", "notebooks", "mycourse", "submission", "submissions"}


def _people(folder: Path, found: Sequence[Submission], levels: set[Path]) -> list[Submission]:
    """Those in a folder that holds people: a file with the name of each, or a folder of each.

    The folder is put into `levels` if people are in it, and not in folders of folders only.
    """
    flat, below = _by_folder(folder, found)
    if "submitted" in below:  # nbgrader's course: beside it are its source and its own copies
        return _people(folder / "submitted", below["submitted"], levels)
    wraps = {name for name, files in below.items() if _wraps(folder / name, files)}
    shared = _assignments(folder, below)
    unclear = {
        name
        for name in below.keys() - wraps
        if not _MOODLE.match(name) and not _one_person(folder / name, below[name], shared)
    }
    if unclear and len(unclear) == len(below) and not flat:
        wraps, unclear = wraps | unclear, set()
    people = [_from_file(one) for one in flat]
    inside: list[Submission] = []
    for name, files in below.items():
        if name in wraps:
            inside += _apart(_people(folder / name, files, levels), inside)
        elif name in unclear:
            people.append(Submission(name, folder / name, None, refused=_unclear(folder / name)))
        else:
            people += [_from_folder(folder, name, one, shared) for one in files]
    if people:
        levels.add(folder)
    return people + inside


def _by_folder(
    folder: Path, found: Sequence[Submission]
) -> tuple[list[Submission], dict[str, list[Submission]]]:
    """Those that lie in `folder` itself, and those below it by the first folder on their way."""
    flat, below = [], {}
    for one in found:
        first, *rest = one.path.relative_to(folder).parts
        if rest:
            below.setdefault(first, []).append(one)
        else:
            flat.append(one)
    return flat, below


def _wraps(folder: Path, files: Sequence[Submission]) -> bool:
    """Whether this is surely no person's: it is called as a sheet, or what it holds has owners."""
    if _MOODLE.match(folder.name):
        return False
    inner = [one.path.relative_to(folder).parts for one in files]
    owned = any(_MOODLE.match(part) for parts in inner for part in parts)
    owned = owned or any(_CANVAS.match(one.path.stem) for one in files)
    return owned or _is_a_sheet(folder.name)


def _is_a_sheet(name: str) -> bool:
    return bool(sheets_in(name)) and not _words_beside(name)


def _assignments(folder: Path, below: dict[str, list[Submission]]) -> set[str]:
    """Names of folders that several people have, each with a sheet of its own: assignments."""
    sheets: dict[str, list[set]] = {}
    for person, files in below.items():
        inner = _by_folder(folder / person, files)[1]
        held = {name: {one.sheet for one in group} for name, group in inner.items()}
        for name, own in held.items():
            others = set().union(*(held[n] for n in held if n != name))
            sheets.setdefault(name, []).append(own if not own & others else {None})
    return {
        name
        for name, owns in sheets.items()
        if len(owns) > 1 and None not in owns[0] and all(own == owns[0] for own in owns)
    }


def _one_person(folder: Path, files: Sequence[Submission], assignments: set[str]) -> bool:
    """Whether nothing in this folder speaks of several people."""
    flat, below = _by_folder(folder, files)
    known = {n for n in below if _says_nothing(n, assignments)}
    if len(below.keys() - known) > 1 or _named_apart(flat):
        return False
    return all(_one_person(folder / name, below[name], set()) for name in below)


def _named_apart(files: Sequence[Submission]) -> bool:
    """Whether files of one sheet have different names: ada_step_decay and bob_step_decay."""
    names: dict[str | None, set[str]] = {}
    for one in files:
        words = _words_beside(one.path.stem)
        names.setdefault(one.sheet, set()).add(words)
    return any(len(different - {""}) > 1 for different in names.values())


_OF_A_VERSION = re.compile(
    r"(copy|version|v|new|old|final|draft|backup|fixed|corrected|updated|latest|last|first|second|"
    r"attempt|try|again|re|submission|submitted|late|my|mine|answers?|solutions?|solved|done|"
    r"exercises?|lesson|notebook|homework|hw|assignment|ex|untitled|of)?\d{0,2}"
)
_DATE = re.compile(r"20\d\d-?\d\d-?\d\d")


def _words_beside(name: str) -> str:
    """What a name says beside its sheet and its version: "ada" of "ada_step-decay_final (2)"."""
    for sheet in sheets_in(name):
        name = re.sub(_spelt(sheet), " ", name, flags=re.IGNORECASE)
    words = re.findall(r"[^\W_]+", _DATE.sub(" ", name.lower()))
    return " ".join(word for word in words if not _OF_A_VERSION.fullmatch(word))


def _spelt(sheet: str) -> str:
    return sheet.replace("_", r"[\W_]*")


def _unclear(folder: Path) -> str:
    return (
        f"Whose notebooks these are cannot be told: the folder {folder} holds several for one "
        f"sheet, or further folders. If it is one person's, keep in it the one that counts. If it "
        f"holds several people, move their folders or files up, beside {folder.name}."
    )


def _apart(found: list[Submission], before: list[Submission]) -> list[Submission]:
    """`found`, if nobody in it was in another folder before with the same sheet."""
    known = {(one.learner, one.sheet): one for one in before}
    for one in found:
        other = known.get((one.learner, one.sheet))
        if other and one.sheet and one.answers and other.answers and not one.ids:
            raise ValueError(
                f"{other.path} and {one.path} are both {one.sheet} of {one.learner!r}, one "
                f"person's or two's. If they are one person's, remove the one that does not "
                f"count. If they are two's, grade the two folders one by one, each with results "
                f"of its own"
            )
    return found


# Those without a notebook


def _without_notebooks(
    people: Sequence[Submission],
    found: Sequence[Submission],
    levels: set[Path],
    closed: dict[Path, str],
    besides: Path | None,
) -> list[Submission]:
    """Who is beside the `people`, with something else than a notebook, or in a closed folder."""
    holds = {path for one in found for path in (one.path, *one.path.parents)}
    handed_in = {(one.learner, one.ids) for one in people}
    lost = []
    for path in sorted(child for level in levels for child in level.iterdir()):
        if path in holds or path in closed or _is_nobodys(path.name) or _is(path, besides):
            continue
        if path.is_dir():
            lost.append(_lost(path, path.parent, _no_notebook(path)))
        elif _CANVAS.match(path.stem) or _MOODLE.match(path.stem):
            one = _from_file(Submission("", path, None, refused=_no_notebook(path)))
            lost += [one] * ((one.learner, one.ids) not in handed_in)
    for path, why in closed.items():
        level = max((lv for lv in levels if path.is_relative_to(lv)), default=path.parent)
        lost.append(_lost(path, level, f"The folder {path.name} cannot be read: {why}."))
    return lost


def _is(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()


def _lost(path: Path, level: Path, why: str) -> Submission:
    """A refused submission of the person in whose folder, in `level`, this is."""
    name = path.relative_to(level).parts[0]
    return _from_folder(level, name, Submission("", path, None, answers=False, refused=why), ())


def _no_notebook(path: Path) -> str:
    """Why there is nothing to grade in a folder, or in a file."""
    files = (f for _, _, names in os.walk(path) for f in sorted(names) if not f.startswith("."))
    held = ", ".join(itertools.islice(files, 3)) if path.is_dir() else path.name
    only = f"only {held}" if held else "it is empty"
    return f"There is no notebook (.ipynb) of {path.name}, {only}: hand in the notebook itself."


# Names


def _from_folder(folder: Path, name: str, one: Submission, known: Collection[str]) -> Submission:
    """Of the person whose folder is `name`. Between it and the file could be another's name."""
    if moodle := _MOODLE.match(name):
        return _with_number(one, moodle)
    between = one.path.relative_to(folder).parts[1:-1]
    also = tuple(n for n in between if not _says_nothing(n, known))
    return replace(one, learner=name, also=also)


def _says_nothing(name: str, known: Collection[str]) -> bool:
    """Whether a folder in a person's folder is surely nobody's name."""
    return name in known or plain(name) in _OF_ONE or _is_a_sheet(name)


def _from_file(one: Submission) -> Submission:
    stem = one.path.stem
    if known := _MOODLE.match(stem) or _CANVAS.match(stem):
        return _with_number(one, known)
    rest = stem
    for sheet in sheets_in(stem):
        rest = re.sub(rf"^\d\d?[_-](?={_spelt(sheet)})", "", rest, flags=re.IGNORECASE)
        rest = re.sub(rf"({_spelt(sheet)}|exercises?)", "", rest, flags=re.IGNORECASE)
    rest = re.sub(r"\s*\(\d+\)$", "", rest).strip(" _-.")
    return replace(one, learner=rest or stem)


def _with_number(one: Submission, known: re.Match) -> Submission:
    """The name and the number that a platform wrote; of anonymous ones, the number only."""
    name, number = known["name"], known["id"]
    learner = f"{name} {number}" if name == "Participant" else name
    platform = "moodle" if known.re is _MOODLE else "canvas"
    return replace(one, learner=learner, ids=(number,), platform=platform)
