"""The people of the class, and which of them handed in what."""

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Identifier", "Full name", "Email address")
NUMBERS = ("id", "identifier")  # what Canvas and Moodle put into the names of files
_NAMES = (
    "folder",
    "file",
    "username",
    "student",
    "full name",
    "name",
    *map(str.lower, CANVAS[1:4]),
)
_NAMES += ("identifier", "email address", "email", "id number")
# What a person keeps when the roster changes; Moodle's Identifier is another for each assignment.
_KEPT = ("ID", "SIS User ID", "SIS Login ID", "ID number", "Username", "Email address", "Email")

Person = dict[str, str]


def read_roster(path: Path) -> list[Person]:
    """The people of the class: the gradebook that Canvas or Moodle exports, or a list of names.

    One of the columns has to hold what the submission's file or folder is called: a name (Student,
    Full name, Name), a login (SIS Login ID, Username), an e-mail address, a number (ID,
    Identifier), or it is called `folder` or `file`. Raises `ValueError` if there is none.
    """
    text = _decoded(path.read_bytes()).removeprefix("\ufeff")
    if text.lower().startswith("sep="):  # as Excel may write it
        text = text.partition("\n")[2]
    if not text.strip():
        raise ValueError(f"the roster {path} is empty")
    separator = max(",;\t", key=text.splitlines()[0].count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise ValueError(
            f"the roster {path} is no table ({error}): save it as CSV UTF-8, and close every "
            f'quotation mark (") in it'
        ) from None
    known = [c for c in (rows[0] if rows else ()) if c and c.strip().lower() in _NAMES]
    if not known:
        raise ValueError(
            f"the roster {path} has no column that names a learner: call one Student, Full name, "
            f"SIS Login ID, Username, Email address, ID, folder or file"
        )
    people = [{(k or "").strip(): (v or "") for k, v in row.items() if k} for row in rows]
    return [p for p in people if any(p[c.strip()].strip() for c in known) and not _is_header(p)]


def _decoded(raw: bytes) -> str:
    """UTF-8, or what Excel writes: UTF-16 as "Unicode text", Windows-1252 as plain CSV."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _is_header(person: Person) -> bool:
    """Canvas writes "Points Possible" and "Student, Test" rows among the people."""
    return person.get("Student", "").strip() in ("Points Possible", "Student, Test")


def match(names: Sequence[str], ids: Collection[str], people: Sequence[Person]) -> Person | None:
    """Whose it is: by a number that Canvas or Moodle gave, else by the first name that one has."""
    wanted = {squeezed(i) for i in ids}
    for person in people:
        if wanted & _numbers(person):
            return person
    known = [known_as(person) for person in people]
    for name in names:
        # Two people of one name are told apart by their numbers, or not at all.
        same = [p for p, values in zip(people, known) if squeezed(name) in values]
        if same:
            return same[0] if len(same) == 1 else None
    return None


def _numbers(person: Person) -> set[str]:
    """The numbers of the platform: no other column's, which can be another person's number."""
    values = (value for column, value in person.items() if column.lower() in NUMBERS)
    return {squeezed(value).replace("participant", "") for value in values if value.strip()}


def known_as(person: Person) -> set[str]:
    """A person's names and numbers, and their mail before the @."""
    mail = person.get("Email address", person.get("Email", "")).partition("@")[0]
    named = [value for column, value in person.items() if column.lower() in _NAMES]
    return {squeezed(value) for value in [*named, mail] if value.strip()}


def squeezed(text: str) -> str:
    """Letters and digits only, and the words in order: "Lovelace, Ada" is "Ada Lovelace"."""
    text = unicodedata.normalize("NFC", text)  # macOS writes an umlaut as two characters
    words = re.findall(r"\w+", text.lower().replace("_", " "))
    return "".join(sorted(words)) if len(words) > 1 else "".join(words)


def name_of(person: Person) -> str:
    """What to call a person."""
    order = ("Full name", "Student", "Name", "name", "Username", "SIS Login ID", "Email address")
    return next(
        (person[c] for c in order if person.get(c, "").strip()), next(iter(person.values()))
    )


def kept_number(person: Person) -> tuple[str, ...]:
    """The number or address that tells a person from others of the name, for as long as can be."""
    values = (person.get(column, "").strip() for column in (*_KEPT, "Identifier"))
    return tuple(value for value in values if value)[:1]
