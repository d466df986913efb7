"""The room, as a learner's notebook sees it: which answers are open, and what is said to all.

In a workshop the folder that LRCOURSE_ROOM names holds `room.json`, which the instructor's board
writes. Alone there is no room, and every answer opens at once.
"""

import json
import os
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

BLINK = 0.3  # seconds between two looks at the file


def here() -> bool:
    """Whether this notebook is in a room."""
    return bool(os.environ.get("LRCOURSE_ROOM"))


def phase(key: str) -> str:
    """What may be done with the prediction `key`.

    "open": the answer may be seen. Before that "first", the first vote, or "second", the vote
    after the discussion.
    """
    if not here():
        return "open"
    phases = _read().get("phases", {})
    said = phases.get(key, "first") if isinstance(phases, dict) else "first"
    return said if said in ("first", "second", "open") else "first"


def messages() -> dict[str, Any]:
    """What is said to all learners, and to this one alone."""
    mine = _read("limits.json").get(os.environ.get("JUPYTERHUB_USER", ""), "")
    return {"message": str(_read().get("message", "")), "mine": str(mine)}


def now() -> str:
    return datetime.now().isoformat(timespec="seconds")


def _read(name: str = "room.json") -> dict[str, Any]:
    try:
        said = json.loads(_file().with_name(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not written yet
        return {}
    return said if isinstance(said, dict) else {}


def _file() -> Path:
    return Path(os.environ.get("LRCOURSE_ROOM", ""), "room.json")


# Be told when the room changes


def watch(notice: Callable[[], None]) -> None:
    """Call the method `notice` whenever this room's file changes, while its object lives."""
    _watchers.append((_file(), weakref.WeakMethod(notice)))
    with _starting:
        if not any(t.name == _NAME for t in threading.enumerate()):
            threading.Thread(target=_look, name=_NAME, daemon=True).start()


def _look() -> None:
    seen = _stamp()
    while True:
        time.sleep(BLINK)
        if (stamp := _stamp()) != seen:
            seen = stamp
            for watcher in [*_watchers]:
                _tell(watcher)


def _tell(watcher: tuple[Path, weakref.WeakMethod]) -> None:
    room, method = watcher
    if (notice := method()) is None:
        _watchers.remove(watcher)
    elif here() and room == _file():
        notice()


def _stamp() -> tuple[int, int]:
    try:
        about = _file().stat()
        return about.st_mtime_ns, about.st_ino
    except OSError:
        return 0, 0


_NAME = "lrcourse.room"
_watchers: list[tuple[Path, weakref.WeakMethod]] = []
_starting = threading.Lock()
