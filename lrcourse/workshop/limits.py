"""What a learner may use of the machine, and the sentence when it is used up.

As an IPython extension, in every kernel of a room: a cell that asks for more memory than there is
for one learner ends with an error that says so.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import psutil

from lrcourse.workshop.room import LOG, Room, Settings, read_public, write_public

EVERY = 3.0  # seconds between two looks
MIB = 1 << 20
OUT_OF_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory")


def load_ipython_extension(shell: Any) -> None:
    shell.set_custom_exc((MemoryError, RuntimeError, OSError), _explain)


def _explain(
    shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: Any = None
) -> None:
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    if sentence := explanation(error):
        print(sentence)


def explanation(error: BaseException) -> str:
    """A sentence for the learner if memory or disk was used up; "" for any other error."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        return (
            "The memory that each learner has in this room is used up. Make the arrays smaller, "
            "or restart the kernel (Kernel, Restart) to free what is held."
        )
    if isinstance(error, OSError) and error.errno in (27, 28, 122):  # EFBIG, ENOSPC, EDQUOT
        return (
            "The disk space that each learner has in this room is used up. Delete files that you "
            "do not need; what was saved before is whole."
        )
    return ""


# All processes and files of a learner together: what the system has no limit for


class Watch:
    """Looks at what each learner uses, and stops the kernel of who is above the limit."""

    def __init__(self, room: Room, settings: Settings) -> None:
        self._room, self._settings = room, settings
        self._next = 0.0
        self._told: dict[str, str] = {}

    def look(self) -> None:
        """Look if it is time to. To be called often."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        running = by_owner()
        for home in self._room.learners.iterdir():
            with contextlib.suppress(OSError):
                self._look_at(home, kernels_of(home, self._settings, running))

    def _look_at(self, home: Path, kernels: list[psutil.Process]) -> None:
        sentence = self._too_much(home, kernels)
        if sentence and self._told.get(home.name) != sentence:
            for process in kernels:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._tell(home.name, sentence)

    def _too_much(self, home: Path, kernels: list[psutil.Process]) -> str:
        memory, disk = self._settings.memory, self._settings.disk
        if disk_of(home, disk * MIB) > disk * MIB:
            return (
                f"Your files hold more than the {disk} MiB that each learner has here. Your "
                f"kernels were stopped. Delete large files, then restart the kernel."
            )
        if memory_of(kernels, memory * MIB) > memory * MIB:
            return (
                f"Your kernels together held more than the {memory} MiB of memory that each "
                f"learner has here, and were stopped. Close notebooks that you do not need."
            )
        return ""

    def _tell(self, name: str, sentence: str) -> None:
        if self._told.get(name, "") != sentence:
            self._told[name] = sentence
            said = read_public(self._room.shared / "limits.json")
            write_public(self._room.shared / "limits.json", said | {name: sentence})


def disk_of(home: Path, enough: int) -> int:
    """Bytes in a folder, links not followed; no further than `enough`."""
    total, folders = 0, [home]
    while folders and total <= enough:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                about = entry.stat(follow_symlinks=False)
                total += about.st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
    return total


def by_owner() -> dict[int, list[psutil.Process]]:
    """All processes of this machine by the account that they have: one look for all learners."""
    found: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.setdefault(process.uids().real, []).append(process)
    return found


def kernels_of(
    home: Path, settings: Settings, running: dict[int, list[psutil.Process]]
) -> list[psutil.Process]:
    """What runs for a learner, but for their server."""
    found = []
    for process in running.get(home.lstat().st_uid, []):
        with contextlib.suppress(psutil.Error, OSError):
            if _belongs(process, home, settings) and "servers" not in process.cmdline():
                found.append(process)
    return found


def _belongs(process: psutil.Process, home: Path, settings: Settings) -> bool:
    """Whether a process that has the account of a home sees the learner's system."""
    if settings.wall == "namespaces":
        here = os.stat("/proc/self/ns/mnt").st_ino
        inside = os.stat(f"/proc/{process.pid}/ns/mnt").st_ino != here
        return inside and Path(f"/proc/{process.pid}/root{home}/{LOG}").exists()
    return settings.wall in ("both", "accounts") or Path(process.cwd()).is_relative_to(home)


def memory_of(processes: list[psutil.Process], enough: int) -> int:
    """Bytes that these processes have for themselves. Pages that are shared cost a long look."""
    with contextlib.suppress(psutil.Error):
        if sum(process.memory_info().rss for process in processes) > enough:
            return sum(process.memory_full_info().uss for process in processes)
    return 0
