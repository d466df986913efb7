"""What the learner did, kept on their own machine: guesses, quiz answers, progress.

One readable JSON file, `memory.json`, in the folder that the environment variable LRCOURSE_HOME
names, or in `.lrcourse` in the home folder. Nothing leaves the machine.

Two notebooks may write at once: each change is made under a lock, to the newest version of the
file, and the file is replaced in one piece. A damaged file is set aside, never thrown away.
"""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

PATIENCE = 10.0  # seconds to wait for another notebook that is writing


def home() -> Path:
    """The folder of the memory: LRCOURSE_HOME, or `.lrcourse` in the home folder."""
    return Path(os.environ.get("LRCOURSE_HOME") or Path.home() / ".lrcourse").expanduser()


def remember(kind: str, key: str, value: Any) -> None:
    """Keep `value` under `kind` ("quiz", say) and `key`, in place of what was there.

    `value`: what JSON can hold. Raises `ValueError` for anything else, and `OSError` where the
    folder cannot be written.
    """
    as_json(value)
    with _locked():
        everything = _read()
        everything.setdefault(_word("kind", kind), {})[_word("key", key)] = value
        _write(everything)


def recall(kind: str, key: str, default: Any = None) -> Any:
    """What was kept under `kind` and `key`; `default` if nothing was."""
    if not _file().exists():
        return default
    with _locked():
        return _read().get(kind, {}).get(key, default)


def forget(kind: str | None = None, key: str | None = None) -> None:
    """Forget what is under `kind` and `key`; all of a kind without a key; all without a kind."""
    if key is not None and kind is None:
        raise ValueError(f'forget(key={key!r}) needs its kind too: forget("quiz", {key!r})')
    if not _file().exists():
        return
    with _locked():
        everything = _read() if kind else {}
        if kind and key:
            everything.get(kind, {}).pop(key, None)
        elif kind:
            everything.pop(kind, None)
        _write(everything)


def as_json(value: Any) -> str:
    """`value` as JSON. Raises `ValueError` if it would not come back as it is."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"only what JSON can hold is remembered, got {value!r} ({error}): "
            f"use numbers, text, lists and dicts"
        ) from None
    if json.loads(text) != value:
        raise ValueError(
            f"{value!r} would come back from JSON as {json.loads(text)!r}: "
            f"use lists, and text for the keys of a dict"
        )
    return text


def _file() -> Path:
    return home() / "memory.json"


@contextmanager
def _locked() -> Iterator[None]:
    home().mkdir(parents=True, exist_ok=True)
    with FileLock(_file().with_suffix(".lock"), timeout=PATIENCE):
        yield


def _read() -> dict[str, dict[str, Any]]:
    """All that is remembered. A file that cannot be read as such is set aside first."""
    try:
        everything = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:  # not UTF-8, or not JSON
        return _set_aside()
    whole = isinstance(everything, dict) and all(isinstance(v, dict) for v in everything.values())
    return everything if whole else _set_aside()


def _set_aside() -> dict:
    now = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    aside = _file().with_name(f"memory.damaged-{now}.json")
    os.replace(_file(), aside)
    warnings.warn(
        f"What lrcourse remembers of your work could not be read. The file was set aside as "
        f"{aside}; the course starts a new one.",
        stacklevel=5,
    )
    return {}


def _write(everything: dict) -> None:
    """Replace the file in one piece: a reader sees the old version or the new, never a half."""
    new = _file().with_suffix(".new")
    with open(new, "w", encoding="utf-8") as out:
        out.write(as_json(everything))
        out.flush()
        os.fsync(out.fileno())
    os.replace(new, _file())


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text that is not empty, got {value!r}")
    return value
