"""Who handed in what: a folder of submissions, as learning platforms and people lay it out.

    ada/step_decay.ipynb                                a folder for each learner
    ada/step_decay/step_decay.ipynb                     nbgrader's `submitted`
    ada_step_decay.ipynb                                files with a name in them
    lovelaceada_4711_99_step_decay.ipynb                Canvas's archive
    Ada Lovelace_4711_assignsubmission_file_/...        Moodle's archive, in folders or in files

Any of them may lie in a further folder, as archives are unpacked, or in one for each assignment:
`layout` decides that, once for all. Two people are never taken for one, and nothing that a person
hands in can speak of another. Whatever is wrong with one folder is that folder's alone.
"""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lrcourse.grading.layout import (
    File,
    Layout,
    Owner,
    by_a_platform,
    decide,
    is_online_text,
    one_person,
    owner_of_file,
    owner_of_folder,
    says_nothing,
)
from lrcourse.grading.names import readable, visible
from lrcourse.grading.notebooks import (
    Notebook,
    Refused,
    answers_in,
    form_of,
    members_of,
    read_bytes,
    read_notebook,
    settled,
    sheet_by_ids,
    sheets_in,
)

DEEPEST = 12  # folders in folders
MOST_FILES = 500  # looked at in one entry
MOST_TEXT = 20_000  # characters of a text typed into Moodle's form


@dataclass(frozen=True)
class Submission:
    """A file that somebody handed in."""

    learner: str
    path: Path
    sheet: str | None  # None: it cannot be told from the name, nor from the answers
    ids: tuple[str, ...] = ()  # numbers that Canvas or Moodle put into the name
    platform: str = ""  # "canvas" or "moodle", which did
    says: tuple[str, ...] = ()  # for the learner
    notes: tuple[str, ...] = ()  # for the instructor
    answers: bool = True  # whether it defines any answer of the sheet
    refused: str = ""  # why it is not graded, if so
    member: str = ""  # which file of the archive that `path` is
    form: str = "notebook"  # one of `notebooks.FORMS`
    source: str = ""  # the entry of the class's folder that it came in
    apart: str = ""  # tells two people of one name from each other
    late: bool = False  # the platform says that it came late
    uses_lab: bool = False
    online: str = ""  # what was typed into Moodle's own form

    @property
    def modified(self) -> float:
        """When the file was written, in seconds since 1970."""
        try:
            return os.lstat(self.path).st_mtime
        except (OSError, ValueError):
            return 0.0

    @property
    def name(self) -> str:
        """What the file is called, and where it lies in its archive."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def place(self) -> str:
        """A file name for its results: readable, and different for different learners."""
        whole = [self.learner, *self.ids, self.apart], self.sheet or self.name
        key = hashlib.sha256(json.dumps(whole).encode("utf-8", "surrogatepass"))
        shown = readable("/".join([self.learner, *self.ids, self.sheet or self.name]), 60)
        return f"{shown}-{key.hexdigest()[:32]}"

    def read(self) -> tuple[bytes, Notebook]:
        """Its bytes and its cells. Raises `Refused`."""
        raw = read_bytes(self.path, self.member)
        return raw, read_notebook(self.member or self.path.name, raw)


@dataclass
class Survey:
    """What there is in a class's folder."""

    submissions: list[Submission]
    layout: Layout
    passed_over: list[str] = field(default_factory=list)  # files, and why


def find_submissions(
    folder: Path,
    sheet: str | None = None,
    besides: Path | None = None,
    layout: str | None = None,
    known: Callable[[str], bool] = lambda name: False,
) -> list[Submission]:
    """The submissions of `survey`."""
    return survey(folder, sheet, besides, layout, known).submissions


def survey(
    folder: Path,
    sheet: str | None = None,
    besides: Path | None = None,
    layout: str | None = None,
    known: Callable[[str], bool] = lambda name: False,
) -> Survey:
    """Every notebook below `folder`, with its learner, and every file that is none.

    Who has a folder there without a notebook, or one that cannot be read, is found, and refused.

    sheet:    the sheet that all of them are, if neither names nor answers say
    besides:  a folder that is nobody's
    layout:   one of `layout.LAYOUTS`; None: it is found out
    known:    whether the roster knows a person by this name

    Raises `ValueError` if there is no notebook.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder of submissions at {folder}")
    tree = _Tree(folder, besides)
    if folder in tree.closed:
        raise ValueError(f"the folder {folder} cannot be read: {tree.closed[folder]}")
    found = [one for path in tree.files for one in _opened(path, folder, sheet, tree)]
    if not found:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}{_why_none(folder, tree)}")
    files = [File(one.path, one.sheet) for one in found]
    decided = decide(folder, files, layout, known)
    people = _people(found, decided, known, tree)
    people += _without_notebooks(people, found, decided, tree, besides)
    return Survey(_told_apart(people), decided, sorted(tree.passed_over(folder, people)))


def _why_none(folder: Path, tree: "_Tree") -> str:
    archives = ", ".join(sorted(p.name for p in folder.glob("*.zip"))[:3])
    unread = ", ".join(f"{path} cannot be read ({why})" for path, why in [*tree.closed.items()][:3])
    return f": unpack {archives} first" if archives else f": {unread}" if unread else ""


def submission_of(path: Path) -> list[Submission]:
    """One file by itself, of nobody in particular."""
    one = _unnamed(path, path.parent, None, form=form_of(path.name))
    if one.form == "archive":
        members = members_of(path)
        found = [_unnamed(path, path.parent, None, name, one.form) for name in members]
        one = max(found, key=_rank, default=one)
    return [replace(one, learner="you", source=str(path))]


def newest_of_each(
    found: Sequence[Submission],
) -> tuple[list[Submission], dict[str, list[str]]]:
    """The newest file of each learner for each sheet, and a note on those that it replaces.

    A file without any answer, the lesson of the same name for example, replaces none that has; a
    script replaces no notebook.
    """
    by_place: dict[str, list[Submission]] = {}
    for one in found:
        by_place.setdefault(one.place, []).append(one)
    counts = {place: max(group, key=_rank) for place, group in by_place.items()}
    notes = {
        place: [_several(counts[place], group)]
        for place, group in by_place.items()
        if len(group) > 1
    }
    return list(counts.values()), notes


def _rank(one: Submission) -> tuple:
    return not one.refused, one.answers, one.form != "script", one.modified, str(one.path)


def _several(counts: Submission, group: Sequence[Submission]) -> str:
    others = [one for one in group if one is not counts]
    names = ", ".join(one.name for one in others[:5]) + ", ..." * (len(others) > 5)
    if any(one.answers and not one.refused for one in others):
        same = any(one.modified == counts.modified for one in others)
        why = "none is newer" if same else f"is the newest of {len(group)}"
        why = f"counts, as {why}" if same else why
    else:
        why = f"is the one with answers, of {len(group)}"
    return f"Several files: {counts.name} {why}. Not counted: {names}."


# What there is


class _Tree:
    """The files below a folder: not in hidden folders, nor in __MACOSX, nor too deep."""

    def __init__(self, folder: Path, besides: Path | None) -> None:
        self.closed: dict[Path, str] = {}  # folders that cannot be read, and why
        self.files: list[Path] = []  # that may be submissions; and links, which are refused later
        self.others: list[Path] = []
        self.why: dict[Path, str] = {}  # why a file is passed over
        self._counts: dict[str, int] = {}
        for root, folders, files in os.walk(folder, onerror=self._note):
            here = Path(root)
            below = sorted(d for d in folders if not _is_nobodys(d))
            links = [d for d in below if os.path.islink(here / d)]
            folders[:] = [d for d in below if d not in links and not _is(here / d, besides)]
            depth = len(here.relative_to(folder).parts)
            if depth >= DEEPEST and folders:
                self.closed[here] = f"it holds folders in folders, more than {DEEPEST}"
                folders[:] = []
            self._take(folder, here, sorted([*files, *links]), links)

    def _note(self, error: OSError) -> None:
        self.closed[Path(error.filename)] = error.strerror or str(error)

    def _take(self, folder: Path, here: Path, names: list[str], links: list[str]) -> None:
        entry = next(iter(here.relative_to(folder).parts), "")
        for name in names:
            if name.startswith("."):
                continue
            wanted = bool(form_of(name)) or name in links or is_online_text(here.name)
            self._counts[entry] = self._counts.get(entry, 0) + wanted
            if wanted and (not entry or self._counts[entry] <= MOST_FILES):
                self.files.append(here / name)
            elif wanted and self._counts[entry] == MOST_FILES + 1:
                self.others.append(here / name)
                self.why[here / name] = f"{entry} holds more than {MOST_FILES} files"
            elif not wanted:
                self.others.append(here / name)

    def passed_over(self, folder: Path, people: Iterable[Submission]) -> list[str]:
        """Files that were not taken for anybody's notebook."""
        taken = {one.path for one in people}
        left = [path for path in (*self.others, *self.files) if path not in taken]
        return [
            visible(
                f"{path.relative_to(folder)}{f' ({why})' if (why := self.why.get(path)) else ''}"
            )
            for path in left
        ]


def _opened(path: Path, folder: Path, sheet: str | None, tree: _Tree) -> list[Submission]:
    """What is in a file: one submission, those in an archive, or none. Of nobody yet."""
    form = form_of(path.name)
    if form != "archive":
        one = _unnamed(path, folder, sheet, form=form or "notebook")
        return _if_a_script_answers([one], tree)
    try:
        members = members_of(path)
    except Refused as refused:
        tree.why[path] = str(refused).rstrip(".")
        return []
    if any(by_a_platform(part) for member in members for part in Path(member).parts):
        tree.why[path] = "an archive of several people's: unpack it first"
        return []
    found = [_unnamed(path, folder, sheet, member, form) for member in members]
    if not members:
        tree.why[path] = "there is no notebook in it"
    return _if_a_script_answers(found, tree)


def _if_a_script_answers(found: list[Submission], tree: _Tree) -> list[Submission]:
    """Less the scripts that are no answers: helpers, downloaded code."""
    kept = [one for one in found if one.answers or form_of(one.name) != "script"]
    for one in found:
        if one not in kept:
            tree.why.setdefault(one.path, "a script without an answer in it")
    return kept


def _unnamed(
    path: Path, folder: Path, sheet: str | None, member: str = "", form: str = "notebook"
) -> Submission:
    """A submission of nobody yet. Its sheet is in it, in the file's name, or in a folder's."""
    one = Submission("", path, None, member=member, form=form)
    try:
        notebook = one.read()[1]
    except Refused:
        notebook = Notebook()
    parts = (*path.relative_to(folder).parts, *Path(member).parts)
    named: Sequence[str] = next(filter(None, map(sheets_in, reversed(parts))), [])
    is_on = sheet or settled(next(iter(named), None), notebook)
    answers = any(answers_in(notebook.code).values()) or sheet_by_ids(notebook.ids) is not None
    lab = any(re.search(r"\blab\b", text) for text in notebook.code)
    one = replace(one, sheet=is_on, answers=answers, uses_lab=lab)
    return one if sheet or not named else _with_doubts(one, named, notebook)


def _with_doubts(one: Submission, named: Sequence[str], notebook: Notebook) -> Submission:
    """With a sentence where the name and the cells speak of different sheets."""
    if one.sheet not in named:
        says = f"The name says {named[0]}, what is in it is {one.sheet}: graded as {one.sheet}."
        return replace(one, says=(says,), notes=(says,))
    if len(named) > 1 and sheet_by_ids(notebook.ids) is None:
        says = f"The name speaks of {' and '.join(named)}: graded as {one.sheet}."
        return replace(one, says=(says,), notes=(says,))
    return one


def _is_nobodys(name: str) -> bool:
    """Whether a folder is hidden, or one that a program made."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def _is(path: Path, other: Path | None) -> bool:
    return other is not None and os.path.realpath(path) == os.path.realpath(other)


# Whose it is


def _people(
    found: Sequence[Submission], layout: Layout, known: Callable[[str], bool], tree: _Tree
) -> list[Submission]:
    """Each with its learner: by the name of the entry, in a folder that holds people."""
    entries: dict[Path, list[Submission]] = {}
    for one in found:
        root = layout.root_of(one.path)
        if root is None:
            tree.why.setdefault(one.path, f"outside of what is graded: {layout.says}")
        else:
            first = one.path.relative_to(root).parts[0]
            entries.setdefault(root / first, []).append(one)
    people = [
        one for entry, files in entries.items() for one in _of_entry(entry, files, layout, known)
    ]
    if len(entries) == 1 and not layout.given:
        people = [_if_the_inner_is_meant(one) for one in people]
    return _with_online_texts(people)


def _if_the_inner_is_meant(one: Submission) -> Submission:
    """Of a class of one: with a note, where a folder in between could be the learner."""
    inner = one.path.relative_to(one.source).parts[:-1] if one.path != Path(one.source) else ()
    if not inner or one.refused or says_nothing(inner[0]):
        return one
    note = (
        f"Taken as {one.learner}'s, though it lies in {one.learner}/{'/'.join(inner)}. If "
        f"{inner[0]} is the learner: say --layout nested."
    )
    return replace(one, notes=(*one.notes, note))


def _of_entry(
    entry: Path, files: list[Submission], layout: Layout, known: Callable[[str], bool]
) -> list[Submission]:
    if files[0].path == entry and form_of(entry.name) == "archive" and _holds_people(files):
        why = f"{entry.name} holds several people's notebooks: unpack it first."
        return [_owned(replace(files[0], refused=why), owner_of_file(entry.name), entry)]
    if files[0].path == entry:
        return [_owned(one, owner_of_file(entry.name), entry) for one in files]
    owner = owner_of_folder(entry.name)
    sure = layout.given or owner.platform or known(owner.name)
    several = not one_person(entry, [File(f.path, f.sheet) for f in files])
    if several and not sure and not _shares_assignments(entry, files):
        return [_owned(Submission("", entry, None, refused=_unclear(entry)), owner, entry)]
    return [_owned(one, owner, entry) for one in files]


def _holds_people(files: Sequence[Submission]) -> bool:
    """Whether an archive with no platform's name on it holds several notebooks of one sheet."""
    sheets = [one.sheet for one in files if one.answers]
    return not by_a_platform(files[0].path.name) and len(sheets) > len(set(sheets))


def _shares_assignments(entry: Path, files: Sequence[Submission]) -> bool:
    """Whether its folders hold a sheet each: assignments, whatever they are called."""
    held: dict[str, set[str | None]] = {}
    for one in files:
        held.setdefault(one.path.relative_to(entry).parts[0], set()).add(one.sheet)
    counted = [sheet for sheets in held.values() for sheet in sheets]
    return None not in counted and len(counted) == len(set(counted))


def _owned(one: Submission, owner: Owner, entry: Path) -> Submission:
    name, ids, platform, late = owner
    owned = replace(one, learner=name, ids=ids, platform=platform, source=str(entry))
    return replace(owned, late=late)


def _unclear(folder: Path) -> str:
    return (
        f"Whose notebooks these are cannot be told: the folder {folder} holds several for one "
        f"sheet, or further folders. If it is one person's, keep in it the one that counts, or "
        f"say --layout folders. If it holds several people, move their folders or files up, beside "
        f"{folder.name}."
    )


def _told_apart(people: list[Submission]) -> list[Submission]:
    """Two people of one name, in two of the class's folders, are two: told apart by the folder."""
    places: dict[tuple, set[Path]] = {}
    for one in people:
        if not one.ids and one.answers:
            key = (one.learner, one.sheet)
            places.setdefault(key, set()).add(Path(one.source).parent)
    twice = {name for (name, _), roots in places.items() if len(roots) > 1}
    return [_with_folder(one, twice) for one in people]


def _with_folder(one: Submission, twice: set[str]) -> Submission:
    if one.learner not in twice or one.ids or not one.source:
        return one
    folder = Path(one.source).parent.name
    note = (
        f"{one.learner} is in several folders with the same sheet, taken for two people: if it is "
        f"one, remove what does not count; if it is somebody's folder, say --layout folders."
    )
    return replace(one, apart=folder, notes=(*one.notes, note))


def _with_online_texts(people: list[Submission]) -> list[Submission]:
    """What was typed into Moodle's own form stands beside the notebook of the same person."""
    typed = {one.ids: one for one in people if is_online_text(Path(one.source).name)}
    handed_in = {one.ids for one in people if not is_online_text(Path(one.source).name)}
    kept = []
    for one in people:
        text = typed.get(one.ids)
        if text is None:
            kept.append(one)
        elif one is text or is_online_text(Path(one.source).name):
            if one.ids not in handed_in:
                kept.append(replace(one, refused=_ONLY_ONLINE, answers=False, sheet=None))
        else:
            kept.append(replace(one, online=_text_of(text)))
    return kept


_ONLY_ONLINE = "There is only a text typed into the form, no notebook (.ipynb): hand it in."


def _text_of(one: Submission) -> str:
    """What a page of Moodle's says, without its tags."""
    from lrcourse.grading.written import text_of_html

    try:
        raw = read_bytes(one.path)
    except Refused:
        return ""
    return text_of_html(raw.decode("utf-8", errors="replace"))[:MOST_TEXT]


# Those without a notebook


def _without_notebooks(
    people: Sequence[Submission],
    found: Sequence[Submission],
    layout: Layout,
    tree: _Tree,
    besides: Path | None,
) -> list[Submission]:
    """Who is beside the `people`, with something else than a notebook, or in a closed folder."""
    holds = {path for one in found for path in (one.path, *one.path.parents)}
    handed_in = {(one.learner, one.ids) for one in people}
    lost = []
    for path in sorted(p for root in layout.roots for p in _entries(root)):
        if path in holds or path in tree.closed or _is_nobodys(path.name) or _is(path, besides):
            continue
        if path in layout.roots:
            continue
        owner = owner_of_folder(path.name) if path.is_dir() else owner_of_file(path.name)
        if path.is_dir() or by_a_platform(path.name):
            one = Submission("", path, None, answers=False, refused=_no_notebook(path, tree))
            here = _owned(one, owner, path)
            lost += [here] * ((here.learner, here.ids) not in handed_in)
    for path, why in tree.closed.items():
        root = layout.root_of(path.parent) or path.parent
        entry = root / path.relative_to(root).parts[0]
        says = f"The folder {path.name[:80]} cannot be read: {why}."
        one = Submission("", path, None, answers=False, refused=says)
        lost.append(_owned(one, owner_of_folder(entry.name), entry))
    return lost


def _entries(root: Path) -> list[Path]:
    try:
        return [root / name for name in os.listdir(root)]
    except OSError:
        return []


def _no_notebook(path: Path, tree: _Tree) -> str:
    """Why there is nothing to grade in a folder, or in a file."""
    files = (f for _, _, names in os.walk(path) for f in sorted(names) if not f.startswith("."))
    held = ", ".join(itertools.islice(files, 3)) if path.is_dir() else path.name
    only = f"only {held}" if held else "it is empty"
    reasons = (why for other, why in tree.why.items() if other.is_relative_to(path))
    says = f"There is no notebook (.ipynb) of {path.name}, {only}: hand in the notebook itself."
    return " ".join([says, *(f"({why}.)" for why in itertools.islice(reasons, 1))])
