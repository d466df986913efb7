"""Reads and writes in a learner's home, which the learner can fill with anything.

No link is followed, in any part of the way; nothing but a plain file of the learner's own is read,
and no more of it than a limit.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrcourse.workshop.room import MEMORY

MOST = 1 << 20  # bytes of a memory


def read_inside(home: Path, place: str, most: int) -> bytes:
    """A plain file below `home`. Raises `OSError` for a link, a pipe, another's file, or too much."""
    *folders, name = place.split("/")
    with _way(home, folders) as (folder, owner):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=folder), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_uid != owner:
                raise OSError(f"{place} is no plain file of its learner")
            whole = file.read(most + 1)
    if len(whole) > most:
        raise OSError(f"{place} is larger than {most} bytes")
    return whole


def write_inside(home: Path, place: str, content: bytes) -> None:
    """Put a file below `home`, for its learner. What was there under that name is replaced."""
    *folders, name = place.split("/")
    with _way(home, folders, make=True) as (folder, owner):
        half = f".{name}.half"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(half, flags, 0o600, dir_fd=folder), "wb") as file:
            _give(file.fileno(), owner)
            file.write(content)
        os.replace(half, name, src_dir_fd=folder, dst_dir_fd=folder)


@contextlib.contextmanager
def _way(home: Path, folders: list[str], make: bool = False) -> Iterator[tuple[int, int]]:
    """The last of `folders` below `home`, opened one by one, and the account that owns `home`."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(home, flags)
    try:
        owner = os.fstat(here).st_uid
        for name in folders:
            if make:
                _make(name, here, owner)
            here, before = os.open(name, flags, dir_fd=here), here
            os.close(before)
        yield here, owner
    finally:
        os.close(here)


def _make(name: str, folder: int, owner: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        new = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            _give(new, owner)
        finally:
            os.close(new)


def _give(file: int, owner: int) -> None:
    if os.geteuid() == 0:
        os.fchown(file, owner, owner)


class Memories:
    """The memory of each learner, read again when it has changed."""

    def __init__(self, learners: Path) -> None:
        self._learners = learners
        self._seen: dict[str, tuple] = {}
        self.all: dict[str, dict[str, dict[str, Any]]] = {}

    def look(self) -> bool:
        """Read what has changed. Returns whether anything has."""
        homes = [home for home in self._learners.iterdir() if not home.name.startswith(".")]
        return any([self._look_at(home) for home in homes])

    def _look_at(self, home: Path) -> bool:
        stamp = _stamp(home)
        if self._seen.get(home.name) == stamp:
            return False
        self._seen[home.name] = stamp
        try:
            read = json.loads(read_inside(home, f"{MEMORY}/memory.json", MOST))
        except (OSError, ValueError, RecursionError):
            read = {}
        kinds = read.items() if isinstance(read, dict) else ()
        self.all[home.name] = {kind: kept for kind, kept in kinds if isinstance(kept, dict)}
        return True


def _stamp(home: Path) -> tuple:
    try:
        with _way(home, [MEMORY]) as (folder, _):
            about = os.stat("memory.json", dir_fd=folder, follow_symlinks=False)
            return about.st_mtime_ns, about.st_size, about.st_ino
    except OSError:
        return ()
