"""What a fork does to become a program: its environment, its folder, its limits, its end."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lrcourse.workshop.room import Settings

PROCESSES = 400  # and threads, of one learner
MIB = 1 << 20


def begin(environment: dict[str, str], folder: Path, log: Path | None = None) -> None:
    """Take over an environment, whole, and a folder; write to `log` what would go to a screen."""
    os.environ.clear()
    os.environ.update(environment)
    os.umask(0o077)
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.chdir(folder)
    target = (
        os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600) if log else None
    )
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for stream in (1, 2):
        os.dup2(null if target is None else target, stream)


def set_limits(settings: Settings) -> None:
    """What the system holds each process to. What was warm already does not count."""
    import resource

    lines = Path("/proc/self/status").read_text().splitlines()
    held = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))
    most = {
        resource.RLIMIT_DATA: held + settings.memory * MIB,
        resource.RLIMIT_NPROC: PROCESSES,
        resource.RLIMIT_FSIZE: settings.disk * MIB,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in most.items():
        resource.setrlimit(limit, (value, value))


def end_with(*ends: int) -> None:
    """End this process when one of these pipes or sockets does."""
    for end in ends:
        threading.Thread(target=_end_with, args=(end,), daemon=True).start()


def _end_with(end: int) -> None:
    try:
        while os.read(end, 4096):
            pass
    finally:
        os._exit(0)


def run(program: Callable[[], object], *arguments: str) -> None:
    """Run what would be a program's `main`, and end with it."""
    sys.argv = list(arguments)
    status = 1
    try:
        program()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else bool(end.code)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
