"""The people of the class, each with what they handed in."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from lrcourse.grading.grade import Mark
from lrcourse.grading.names import readable, skeleton, unusual, visible
from lrcourse.grading.pages import number
from lrcourse.grading.roster import Person, kept_number, match, name_of


class Learner:
    """A person and what they handed in: at most one mark for each sheet."""

    def __init__(self, name: str, person: Person | None = None, ids: tuple[str, ...] = ()) -> None:
        self.name, self.person, self.ids = name, person or {}, ids
        self.apart = ""  # the folder that tells them from another of the same name
        self.among_equals = 0  # their number among those whom nothing else tells apart
        self.looks_like_another = False
        self.marks: list[Mark] = []

    @property
    def shown(self) -> str:
        """The name for a reader, told apart from any other that looks the same."""
        told = [self.apart]
        if self.looks_like_another:
            told += [", ".join(self.ids), unusual(self.name)]
            told += [f"number {self.among_equals + 1}"] * bool(self.among_equals)
        says = "; ".join(filter(None, told))
        return visible(f"{self.name} ({says})" if says else self.name)

    @property
    def place(self) -> str:
        """The file name of their page."""
        whole = repr((self.name, self.ids, self.apart, self.among_equals))
        digest = sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{readable(self.name, 60)}-{digest[:32]}.html"

    @property
    def earned(self) -> float:
        return round(sum(m.earned for m in self.marks), 4)

    @property
    def possible(self) -> float:
        return sum(m.possible for m in self.marks)

    def on(self, sheet: str) -> Mark | None:
        return next((m for m in self.marks if m.sheet == sheet), None)


def learners_of(marks: Sequence[Mark], people: Sequence[Person] = ()) -> list[Learner]:
    """Everybody on the roster, then those who are not on it, each with their marks."""
    listed = [Learner(name_of(person), person, kept_number(person)) for person in people]
    found: list[Learner] = []
    for mark in marks:
        person = match([mark.learner], mark.ids, people)
        if person is not None:
            _take(next(one for one in listed if one.person is person), mark)
        else:
            _take_by_name(found, mark)
    return _told_apart(listed + sorted(found, key=lambda one: (one.name, one.apart)))


def _told_apart(learners: list[Learner]) -> list[Learner]:
    """With what tells apart those who look the same to a reader, or to a file system."""
    equal: dict[str, int] = {}
    alike: dict[str, list[Learner]] = {}
    for one in learners:
        first = one.place
        one.among_equals = equal.get(first, 0)
        equal[first] = one.among_equals + 1
        alike.setdefault(skeleton(f"{one.name} {one.apart}"), []).append(one)
    for group in alike.values():
        for one in group:
            one.looks_like_another = len(group) > 1
    return learners


def _take_by_name(found: list[Learner], mark: Mark) -> None:
    """Without a roster one name with two numbers is two people, surely so on the same sheet.

    Moodle gives a person another number for each assignment: on another sheet it is taken for the
    same person, and said.
    """
    same = [one for one in found if (one.name, one.apart) == (mark.learner, mark.apart)]
    known = [one for one in same if any(m.ids == mark.ids for m in one.marks)]
    free = [one for one in same if not (mark.sheet and one.on(mark.sheet))]
    if not known and free:
        numbers = ", ".join(dict.fromkeys(n for m in (*free[0].marks, mark) for n in m.ids))
        note = f"Taken for one person: the numbers {numbers} of this name. A roster says if not."
        mark = replace(mark, for_instructor=[*mark.for_instructor, note])
    if not known and not free:
        free.append(Learner(mark.learner, ids=tuple(mark.ids) if same else ()))
        free[0].apart = mark.apart
        found += free
    _take((known or free)[0], mark)


def _take(learner: Learner, mark: Mark) -> None:
    """Give a mark to a learner. Of two for one sheet, which came in different places, neither
    replaces the other by itself: the one with more points counts, and both are said."""
    other = learner.on(mark.sheet) if mark.sheet else None
    if other is None:
        learner.marks.append(mark)
        return
    less, more = sorted((other, mark), key=lambda m: (not m.refused, m.earned, m.modified))
    note = (
        f"Two for one sheet, in different places: {_what(more)} counts, {_why(more, less)}; "
        f"{_what(less)} does not. Say otherwise by removing one."
    )
    kept = replace(more, for_instructor=[*more.for_instructor, note])
    learner.marks[learner.marks.index(other)] = kept


def _what(mark: Mark) -> str:
    points = "not graded" if mark.refused else f"{number(mark.earned)} points"
    return f"{mark.learner}'s {mark.file} ({points})"


def _why(more: Mark, less: Mark) -> str:
    if more.refused or more.earned == less.earned:
        return "the newer one" if more.modified > less.modified else "the last in the list"
    return "the one with more points"
