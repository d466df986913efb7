"""Whose is what: the layout of a class's folder, decided once and from the outermost names.

What lies inside of a person's folder is theirs, whatever it is called: no name in it can speak of
somebody else. So the first question is which folders hold people, for the whole class; then each
entry of those folders is somebody's, by its own name.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lrcourse.grading.notebooks import plain, sheets_in, stem_of

LAYOUTS = {  # what `--layout` may say
    "folders": "a folder for each learner",
    "files": "a file for each learner, with the name in the file's name",
    "canvas": "Canvas's archive",
    "moodle": "Moodle's archive",
    "nbgrader": "nbgrader's course",
    "nested": "folders (of assignments, sheets or sections) that hold the learners",
}

# Names that a platform makes

_CANVAS = re.compile(r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_(?P<hand>\d+)_(?P<file>.+)$")
_ANONYMOUS = re.compile(
    r"^(?P<before>LATE_)?anon(?:ymous)?_(?P<id>[0-9A-Za-z]{3,12}?)(?P<late>_LATE)?"
    r"_(?P<hand>\d+)_(?P<file>.+)$"
)
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<what>[a-z]+)_?.*$")


class Owner(NamedTuple):
    """Whose an entry is."""

    name: str
    ids: tuple[str, ...] = ()  # numbers that Canvas or Moodle put into the name
    platform: str = ""  # "canvas" or "moodle", which did
    late: bool = False  # the platform says that it came late


def owner_of_folder(name: str) -> Owner:
    """Whose a folder is, in a folder that holds people."""
    known = _MOODLE.match(name)
    return _with_number(known, "moodle") if known else Owner(name)


def owner_of_file(name: str) -> Owner:
    """Whose a file is, in a folder that holds people."""
    stem = stem_of(name)
    if known := _MOODLE.match(stem):
        return _with_number(known, "moodle")
    if known := _ANONYMOUS.match(stem):
        late = bool(known["before"] or known["late"])
        return Owner(f"Anonymous {known['id']}", (known["id"],), "canvas", late)
    if known := _CANVAS.match(stem):
        return _with_number(known, "canvas")
    return Owner(_without_sheet(stem))


def _with_number(known: re.Match, platform: str) -> Owner:
    """The name and the number that a platform wrote; of anonymous ones, the number only."""
    name, number = known["name"], known["id"]
    late = bool(known.groupdict().get("late"))
    return Owner(f"{name} {number}" if name == "Participant" else name, (number,), platform, late)


def by_a_platform(name: str) -> bool:
    """Whether Canvas or Moodle gave an entry its name."""
    stem = stem_of(name)
    return any(known.match(stem) for known in (_MOODLE, _ANONYMOUS, _CANVAS))


def is_online_text(name: str) -> bool:
    """Whether a folder or file holds what was typed into Moodle's own form."""
    known = _MOODLE.match(name)
    return known is not None and known["what"] == "onlinetext"


def _without_sheet(stem: str) -> str:
    rest = stem
    for sheet in sheets_in(stem):
        rest = re.sub(rf"^\d\d?[_-](?={_spelt(sheet)})", "", rest, flags=re.IGNORECASE)
        rest = re.sub(rf"({_spelt(sheet)}|exercises?)", "", rest, flags=re.IGNORECASE)
    rest = re.sub(r"\s*\(\d+\)$", "", rest).strip(" _-.")
    return rest or stem


def _spelt(sheet: str) -> str:
    return sheet.replace("_", r"[\W_]*")


# Which folders hold people


class File(NamedTuple):
    """A file that somebody may have handed in, and the sheet that it seems to be."""

    path: Path
    sheet: str | None


@dataclass(frozen=True)
class Layout:
    """How the class handed in: the folders whose entries are people's, and what to call it."""

    roots: tuple[Path, ...]
    says: str
    given: bool = False  # said by a person, not guessed

    def root_of(self, path: Path) -> Path | None:
        """The innermost of the roots that a path is in."""
        inside = [root for root in self.roots if path.is_relative_to(root)]
        return max(inside, key=lambda root: len(root.parts), default=None)


def decide(
    folder: Path,
    files: Sequence[File],
    wanted: str | None = None,
    known: Callable[[str], bool] = lambda name: False,
) -> Layout:
    """The layout of a class. `known`: whether the roster knows a person by this name.

    It goes from the outside to the inside, and stops at the first folder that could hold people:
    one person's folder that looks as if it held several changes nothing for the rest. Raises
    `ValueError` for a `wanted` layout that does not exist.
    """
    if wanted is not None and wanted not in LAYOUTS:
        raise ValueError(f"there is no layout {wanted!r}: the layouts are {', '.join(LAYOUTS)}")
    for _ in range(4):  # folders around folders, as archives are unpacked
        flat, below = by_folder(folder, files)
        if _is_nbgraders(below, wanted):
            return Layout((folder / "submitted",), LAYOUTS["nbgrader"], wanted is not None)
        if wanted == "nested" or (wanted is None and _are_wrappers(folder, flat, below, known)):
            return _nested(folder, flat, below, wanted is not None)
        inner = _only_wrapper(folder, flat, below) if wanted is None else None
        if inner is None:
            break
        folder, files = inner, below[inner.name]
    return Layout((folder,), _called(flat, below, wanted), wanted is not None)


def by_folder(folder: Path, files: Iterable[File]) -> tuple[list[File], dict[str, list[File]]]:
    """Those that lie in `folder` itself, and those below it by the first folder on their way."""
    flat: list[File] = []
    below: dict[str, list[File]] = {}
    for one in files:
        if not one.path.is_relative_to(folder):
            continue
        first, *rest = one.path.relative_to(folder).parts
        if rest:
            below.setdefault(first, []).append(one)
        else:
            flat.append(one)
    return flat, below


def _is_nbgraders(below: Collection[str], wanted: str | None) -> bool:
    """Whether this is a whole course: beside `submitted` are nbgrader's other folders only."""
    others = set(below) - {"submitted"}
    own = {"source", "release", "autograded", "feedback"}
    if wanted not in (None, "nbgrader") or "submitted" not in below:
        return False
    return wanted == "nbgrader" or bool(others) and others <= own


def _nested(folder: Path, flat: Sequence[File], below: dict, given: bool) -> Layout:
    names = sorted(below)
    shown = ", ".join(names[:4]) + ", ..." * (len(names) > 4)
    roots = (folder / name for name in names)
    extra = (folder,) if flat else ()
    return Layout((*roots, *extra), f"learners in {len(names)} folders: {shown}", given)


def _called(flat: Sequence[File], below: dict, wanted: str | None) -> str:
    if wanted is not None:
        return LAYOUTS[wanted]
    names = [*below, *(one.path.name for one in flat)]
    kinds = []
    if any(_MOODLE.match(name) for name in names):
        kinds.append(LAYOUTS["moodle"])
    if any(by_a_platform(n) and not _MOODLE.match(n) for n in names):
        kinds.append(LAYOUTS["canvas"])
    if any(not _MOODLE.match(name) for name in below):
        kinds.append(LAYOUTS["folders"])
    if any(not by_a_platform(one.path.name) for one in flat):
        kinds.append(LAYOUTS["files"])
    return "; ".join(kinds)


def _only_wrapper(folder: Path, flat: Sequence[File], below: dict) -> Path | None:
    """The one folder in `folder`, if it is surely around people: it holds several."""
    if flat or len(below) != 1:
        return None
    ((name, files),) = below.items()
    inner = folder / name
    if _MOODLE.match(name):
        return None
    flat_in, below_in = by_folder(inner, files)
    people = {_person_of(n) for n in (*below_in, *(f.path.name for f in flat_in))} - {None}
    unpacked = bool(re.search(r"-\d+$", name)) and any(map(_MOODLE.match, below_in))
    several = len(people) > 1 or unpacked or not one_person(inner, files)
    return inner if several or _is_a_sheet(name) else None


def _person_of(name: str) -> Owner | None:
    """Who an entry is of, if a platform says so."""
    if not by_a_platform(name):
        return None
    owner = owner_of_folder(name) if _MOODLE.match(name) else owner_of_file(name)
    return owner._replace(late=False)


def _are_wrappers(
    folder: Path, flat: Sequence[File], below: dict, known: Callable[[str], bool]
) -> bool:
    """Whether no entry of `folder` is a person's: all are folders around people."""
    if flat or not below or any(_MOODLE.match(name) for name in below):
        return False
    if any(known(name) for name in below):
        return False
    if all(_is_a_sheet(name) for name in below):
        return True
    if len(below) == 1:
        return False
    inner = {name: by_folder(folder / name, files)[1] for name, files in below.items()}
    seconds = [second for names in inner.values() for second in names]
    if seconds and sum(map(known, seconds)) * 2 >= len(seconds):
        return True
    owned = {name: _owned(folder / name, files) for name, files in below.items()}
    shared = _assignments(folder, below)
    return all(
        _holds_several(name, owned) or not one_person(folder / name, files, shared)
        for name, files in below.items()
    )


def _owned(folder: Path, files: Sequence[File]) -> set[Owner]:
    """The people whom a platform names in a folder; none if there is anything else in it."""
    flat, below = by_folder(folder, files)
    people = [_person_of(name) for name in (*below, *(one.path.name for one in flat))]
    return {one for one in people if one is not None} if None not in people else set()


def _holds_several(name: str, owned: dict[str, set[Owner]]) -> bool:
    """Several people by a platform's names; or one who has another folder like this one, too."""
    others = [own for other, own in owned.items() if other != name]
    return len(owned[name]) > 1 or any(owned[name] & own for own in others)


def _is_a_sheet(name: str) -> bool:
    return bool(sheets_in(name)) and not _words_beside(name)


def _assignments(folder: Path, below: dict[str, list[File]]) -> set[str]:
    """Names of folders that several people have, each with a sheet of its own: assignments."""
    sheets: dict[str, list[set]] = {}
    for person, files in below.items():
        inner = by_folder(folder / person, files)[1]
        held = {name: {one.sheet for one in group} for name, group in inner.items()}
        for name, own in held.items():
            others = set().union(*(held[n] for n in held if n != name))
            sheets.setdefault(name, []).append(own if not own & others else {None})
    return {
        name
        for name, owns in sheets.items()
        if len(owns) > 1 and None not in owns[0] and all(own == owns[0] for own in owns)
    }


# One person or several

_OF_ONE = {"earlier", "exercises", "notebooks", "mycourse", "submission", "submissions"}


def one_person(folder: Path, files: Sequence[File], assignments: Collection[str] = ()) -> bool:
    """Whether nothing in this folder speaks of several people."""
    flat, below = by_folder(folder, files)
    known = {n for n in below if says_nothing(n, assignments)}
    if len(below.keys() - known) > 1 or _named_apart(flat):
        return False
    return all(one_person(folder / name, below[name]) for name in below)


def says_nothing(name: str, known: Collection[str] = ()) -> bool:
    """Whether a folder in a person's folder is surely nobody's name."""
    return name in known or plain(name) in _OF_ONE or not _words_beside(name)


def _named_apart(files: Sequence[File]) -> bool:
    """Whether files of one sheet have different names: ada_step_decay and bob_step_decay."""
    names: dict[str | None, set[str]] = {}
    for one in files:
        words = _words_beside(stem_of(one.path.name))
        names.setdefault(one.sheet, set()).add(words)
    return any(len(different - {""}) > 1 for different in names.values())


_OF_A_VERSION = re.compile(
    r"(copy|version|v|new|old|final|draft|backup|fixed|corrected|updated|latest|last|first|second|"
    r"attempt|try|again|re|submission|submitted|late|my|mine|answers?|solutions?|solved|done|"
    r"exercises?|lesson|notebook|homework|hw|assignment|ex|untitled|of|work|files?|ps|week|sheet|part|set|problem)?\d{0,2}"
)
_DATE = re.compile(r"20\d\d-?\d\d-?\d\d")


def _words_beside(name: str) -> str:
    """What a name says beside its sheet and its version: "ada" of "ada_step-decay_final (2)"."""
    for sheet in sheets_in(name):
        name = re.sub(_spelt(sheet), " ", name, flags=re.IGNORECASE)
    words = re.findall(r"[^\W_]+", _DATE.sub(" ", name.lower()))
    return " ".join(word for word in words if not _OF_A_VERSION.fullmatch(word))
