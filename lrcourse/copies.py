"""The learner's own copy of the notebooks.

An update of the course never costs a learner their work. The copy remembers each notebook as it
was handed out (`.lrcourse.json`), so that an update knows what the learner changed:

- a notebook that is missing is copied;
- one that the learner never changed becomes the new version. If it was run meanwhile, the old
  one, with its outputs, is kept in `earlier/`;
- one that the learner changed stays as it is, and the new version is put beside it, as
  `01_step_decay.new-version.ipynb`.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

START = "00_start_here.ipynb"
EXERCISES = "exercises"
RECORD = ".lrcourse.json"


@dataclass(frozen=True)
class Version:
    """A notebook as it was handed out: all of it, and what a learner edits in it."""

    whole: str
    edited: str | None  # None: not readable as a notebook

    @classmethod
    def of(cls, path: Path) -> "Version":
        raw = path.read_bytes()
        return cls(hashlib.sha256(raw).hexdigest(), _cells_only(raw))


def _cells_only(raw: bytes) -> str | None:
    """A fingerprint of the text of all cells: running a notebook leaves it as it is."""
    try:
        cells = json.loads(raw)["cells"]
        text = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return None
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()


def originals() -> Path:
    """The folder of the course's own notebooks: in the installed package, or in the clone."""
    package = Path(__file__).resolve().parent
    folders = [package / "course" / "notebooks", package.parent / "notebooks"]
    for folder in folders:
        if (folder / START).exists():
            return folder
    raise FileNotFoundError(
        f"the course's notebooks are missing: there is no {START} in {folders[0]} or {folders[1]}; "
        f"install the course again: `pip install --force-reinstall lrcourse`, or, in a clone of "
        f"it, `pip install -e .`"
    )


def hand_out(folder: Path) -> list[str]:
    """Bring the lessons in `folder`, and the exercises in it, up to date: what was done."""
    lessons = originals()
    said = update(folder, lessons)
    exercises = lessons.parent / EXERCISES
    if exercises.is_dir():
        said += [f"{EXERCISES}/{what}" for what in update(folder / EXERCISES, exercises)]
    return said


def update(folder: Path, source: Path) -> list[str]:
    """Bring the copy of the notebooks of `source` in `folder` up to date: a sentence for each."""
    folder.mkdir(parents=True, exist_ok=True)
    record = _read_record(folder)
    notebooks = sorted(source.glob("*.ipynb"))
    said = [_update_one(notebook, folder, record) for notebook in notebooks]
    _write_record(folder, record)
    return [sentence for sentence in said if sentence]


def _update_one(original: Path, folder: Path, record: dict[str, Version]) -> str:
    mine = folder / original.name
    given, new = record.get(original.name), Version.of(original)
    record[original.name] = new
    if not mine.exists():
        _copy(original, mine)
        return f"{mine.name}: copied."
    have = Version.of(mine)
    if new in (given, have):
        return ""
    if have == given:
        _copy(original, mine)
        return f"{mine.name}: updated."
    if given and have.edited and have.edited == given.edited:
        kept = _keep(mine)
        _copy(original, mine)
        return f"{mine.name}: updated. The one you ran is {kept}."
    beside = _free(folder / f"{mine.stem}.new-version.ipynb")
    _copy(original, beside)
    return f"{mine.name}: yours, with your changes, is kept. The new version is {beside.name}."


def _keep(mine: Path) -> str:
    earlier = mine.parent / "earlier"
    earlier.mkdir(exist_ok=True)
    kept = _free(earlier / f"{mine.stem}.{datetime.now():%Y-%m-%d}.ipynb")
    shutil.copy2(mine, kept)
    return f"{earlier.name}/{kept.name}"


def _free(path: Path) -> Path:
    """`path`, or the same name with a number, if it is taken."""
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.stem}-{count}.ipynb")
    return free


def _copy(original: Path, target: Path) -> None:
    """Copy in one piece: an interrupted copy leaves what was there."""
    half = target.with_name(f".{target.name}.half")
    shutil.copyfile(original, half)
    os.replace(half, target)


def _read_record(folder: Path) -> dict[str, Version]:
    """What was handed out; nothing if the record is missing or damaged, so all is kept."""
    try:
        kept = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {name: Version(**version) for name, version in kept.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _write_record(folder: Path, record: dict[str, Version]) -> None:
    text = json.dumps({name: asdict(version) for name, version in record.items()}, indent=1)
    half = folder / f"{RECORD}.half"
    half.write_text(text + "\n", encoding="utf-8")
    os.replace(half, folder / RECORD)
