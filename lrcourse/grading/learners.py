"""The people of the class, each with what they handed in."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from lrcourse.grading.grade import Mark
from lrcourse.grading.names import readable
from lrcourse.grading.roster import Person, kept_number, match, name_of


class Learner:
    """A person and what they handed in: at most one mark for each sheet."""

    def __init__(self, name: str, person: Person | None = None, ids: tuple[str, ...] = ()) -> None:
        self.name, self.person, self.ids = name, person or {}, ids
        self.marks: list[Mark] = []

    @property
    def place(self) -> str:
        whole = repr((self.name, self.ids))  # what else the roster holds may change
        return f"{readable(self.name, 60)}-{sha256(whole.encode()).hexdigest()[:6]}.html"

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
        person = match([mark.learner, *mark.also], mark.ids, people)
        if person is not None:
            _take(next(one for one in listed if one.person is person), mark)
        else:
            _take_by_name(found, _with_other_names(mark))
    return listed + sorted(found, key=lambda one: one.name)


def _with_other_names(mark: Mark) -> Mark:
    """With a note that the folder in between could be the learner."""
    if not mark.also:
        return mark
    inner = "/".join(mark.also)
    note = (
        f"Taken as {mark.learner}'s, though it lies in {mark.learner}/{inner}. If {mark.also[0]} "
        f"is the learner: give a --roster with that name, or grade the folder {mark.learner} "
        f"by itself."
    )
    return replace(mark, for_instructor=[*mark.for_instructor, note])


def _take_by_name(found: list[Learner], mark: Mark) -> None:
    """Without a roster one name with two numbers is two people, surely so on the same sheet.

    Moodle gives a person another number for each assignment: on another sheet it is taken for the
    same person, and said.
    """
    same = [one for one in found if one.name == mark.learner]
    known = [one for one in same if any(m.ids == mark.ids for m in one.marks)]
    free = [one for one in same if not (mark.sheet and one.on(mark.sheet))]
    if not known and free:
        numbers = ", ".join(dict.fromkeys(n for m in (*free[0].marks, mark) for n in m.ids))
        note = f"Taken for one person: the numbers {numbers} of this name. A roster says if not."
        mark = replace(mark, for_instructor=[*mark.for_instructor, note])
    if not known and not free:
        free.append(Learner(mark.learner, ids=tuple(mark.ids) if same else ()))
        found += free
    _take((known or free)[0], mark)


def _take(learner: Learner, mark: Mark) -> None:
    """Give a mark to a learner: for each sheet the newest one, if two names are one person."""
    other = learner.on(mark.sheet) if mark.sheet else None
    if other is None:
        learner.marks.append(mark)
        return
    older, newer = sorted((other, mark), key=lambda m: (not m.refused, m.modified, m.earned))
    note = f"Also handed in, and replaced by this newer one: {older.file}."
    kept = replace(newer, for_instructor=[*newer.for_instructor, note])
    learner.marks[learner.marks.index(other)] = kept
