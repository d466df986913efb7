"""The sandbox around untrusted code: bubblewrap, and what may be seen inside it.

Linux only. Inside there is a read-only system, the Python environment, and a small tree of
`lrcourse` in which the exercises, their references and the checks do not exist. There is no
network, no process of the host, no home folder, no environment variable but those listed here.

`refusal` says in words why there is no sandbox, and how to get one. Nothing here falls back to
running code unprotected: that is the caller's decision, made by a person (`--unsafe`).
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lrcourse import _ON_FIRST_USE

MIB = 1 << 20
INSIDE = Path("/box")  # where the tree of `Box` lies in the sandbox
HOME = "/home/learner"
FOLDERS = ("/tmp", HOME, "/dev/shm")  # all that can be written to, in memory
BOX = "lrcourse-sandbox-"  # how the folders of `Box` are called
FIRST_UID = 64_000  # unprivileged ids that root takes, one for each worker

# What an answer may import from the course. `schedules` holds the formulas that the course
# teaches, which every learner has: hiding it would hide nothing, and would break notebooks that
# import it. The exercises, their references and mistakes (`tasks`, `checks`) are not here.
OPEN_MODULES: tuple[str, ...] = ("answers.py", "schedules.py", "_fields.py", "recorder.py")
OPEN_MODULES += ("_causes.py", "_causes", "plots.py", "lrcourse.mplstyle", "lab", "digits.py")
OPEN_MODULES += ("_report.py", "_report", "recipe.py")  # what the recorder needs, where it is there


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one submission may use. Bytes, counts, and seconds: those in which it was ready to
    compute and others had the processor do not count."""

    call: float = 10.0  # seconds for one cell, and for all the calls of one task
    total: float = 60.0  # for the whole notebook, all attempts together; of processor time, too
    memory: int = 1024 * MIB  # all processes of the submission together
    processes: int = 32
    disk: int = 32 * MIB  # in each of its three writable folders, which are memory
    file: int = 16 * MIB
    files: int = 256  # open at once
    answer: int = 8 * MIB  # what it may send back

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")


class NoSandbox(RuntimeError):
    """There is no sandbox on this machine. The text says how to get one."""


@lru_cache
def refusal() -> str:
    """Why code cannot be run in a sandbox here, and the fix; "" if it can."""
    if not sys.platform.startswith("linux"):
        return (
            f"there is no sandbox on {sys.platform}: it needs Linux and bubblewrap. Grade on a "
            f"Linux machine, in WSL 2 or in a virtual machine"
        )
    if not shutil.which("bwrap"):
        return (
            "bubblewrap is missing: install the package `bubblewrap` (apt install bubblewrap, "
            "dnf install bubblewrap, pacman -S bubblewrap)"
        )
    covered = [f for f in (*FOLDERS, str(INSIDE)) for p in _python() if p.is_relative_to(f)]
    if covered:
        return (
            f"this Python lies in {covered[0]}, which the sandbox covers with a folder of its own: "
            f"install the course in an environment that lies elsewhere"
        )
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "setpriv is missing: install the package `util-linux`, or do not grade as root"
    with Box() as box:
        tried = subprocess.run(
            command([sys.executable, "-I", "-c", "print('inside')"], box),
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,  # ended by Ctrl-C, it would look like a missing sandbox
        )
    return "" if tried.stdout == "inside\n" else _why_it_failed(tried.stderr.strip())


def _why_it_failed(stderr: str) -> str:
    switches = (
        "Ubuntu 23.10 and newer keep user namespaces from ordinary programs: an AppArmor profile "
        "for /usr/bin/bwrap that allows `userns`, or `sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0`, opens them; in Docker, run the "
        "container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
        "--security-opt systempaths=unconfined`"
    )
    return f"bubblewrap cannot make a sandbox here ({stderr or 'no message'}). {switches}"


class Box:
    """A folder with what the sandbox sees of the course: no references, no checks. Closes itself.

    `extra` are files to lay beside it, by their name inside.
    """

    def __init__(self, extra: dict[str, Path] | None = None) -> None:
        _clear_left_boxes()
        self._folder = tempfile.TemporaryDirectory(prefix=BOX)
        self.path = Path(self._folder.name)
        self._in_use = _claimed(self.path)
        here = Path(__file__).resolve().parent
        course = self.path / "lrcourse"
        course.mkdir()
        silent = tuple(sorted({*_ON_FIRST_USE} - {"trace", "check", "progress", "lab"}))
        inside = (here / "_inside.py").read_text(encoding="utf-8")
        inside = inside.replace("_SILENT = ()", f"_SILENT = {silent!r}")
        (course / "__init__.py").write_text(inside, encoding="utf-8")
        (course / "public.json").write_text(json.dumps(_public_facts()), encoding="utf-8")
        for name in OPEN_MODULES:
            _copy(here.parent / name, course / name)
        with (course / "lab" / "__init__.py").open("a", encoding="utf-8") as lab:
            lab.write("\nimport lrcourse as _here\n\nrace = _here._limited(race)\n")
        for beside, source in {"worker.py": here / "worker.py", **(extra or {})}.items():
            shutil.copy(source, self.path / beside)
        passwd = f"learner:x:0:0::{HOME}:/bin/sh\n"
        (self.path / "passwd").write_text(passwd, encoding="utf-8")
        for path in (self.path, *self.path.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def close(self) -> None:
        self._folder.cleanup()
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None

    def __enter__(self) -> "Box":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _public_facts() -> list:
    """Of each task what stands in its sheet."""
    from lrcourse.tasks import TASKS

    return [
        (
            t.id,
            {"exercise": t.title, "difficulty": t.difficulty, "minutes": t.minutes}
            | {"points": t.points},
        )
        for t in TASKS.values()
    ]


def _copy(source: Path, target: Path) -> None:
    """A module, as a file or as a folder, if there is one."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif source.exists():
        shutil.copy(source, target)


def _claimed(folder: Path) -> int | None:
    """A lock on a folder, which ends with this process at the latest.

    None if another process has it, or where there is none to be had (Windows, some networks).
    """
    try:
        import fcntl

        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _clear_left_boxes() -> None:
    """Remove what a grader left that was killed: folders of this user that nobody claims.

    One that is younger than a minute may be about to be claimed.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{BOX}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            old = time.time() - about.st_mtime > 60
            claim = _claimed(folder) if old and about.st_uid == os.geteuid() else None
            if claim is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(claim)


# To mount, to have a network per submission, to drop rights, to forbid further user namespaces, to
# count memory: over the sandbox's own namespaces only.
_RIGHTS = ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SETPCAP", "CAP_SYS_RESOURCE", "CAP_SYS_PTRACE")


def command(
    argv: Sequence[str],
    box: Box,
    *,
    worker: int = 0,
    manager: bool = False,
    shared: Sequence[Path] = (),
    disk: int = 32 * MIB,
    environment: dict[str, str] | None = None,
) -> list[str]:
    """The command line that runs `argv` in a sandbox. File descriptors that are passed stay open.

    `worker`: its number, for a user id of its own when root grades. `manager`: the program keeps
    the rights, over its own namespaces only, to make a sandbox within for each submission.
    `shared`: folders of the host that can be written to.
    """
    python = _python()
    inner = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    inner += ["--uid", "0", "--gid", "0", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if manager:
        for right in _RIGHTS:
            inner += ["--cap-add", right]
    for name, value in {**_environment(), **(environment or {})}.items():
        inner += ["--setenv", name, value]
    inner += _system()
    for path in python:
        inner += ["--ro-bind", str(path), str(path)]
    inner += _hidden_course(python)
    inner += ["--proc", "/proc", "--dev", "/dev"]
    inner += ["--dev-bind", "/dev/null", "/dev/zero"]  # mapped, it is memory that nobody counts
    for folder in FOLDERS:
        inner += ["--size", str(disk), "--tmpfs", folder]
    inner += ["--ro-bind", str(box.path), str(INSIDE)]
    inner += ["--ro-bind", str(box.path / "passwd"), "/etc/passwd"]
    for place in shared:
        inner += ["--bind", str(place), str(place)]
    inner += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME, "--", *argv]
    return inner if os.geteuid() else _as_nobody(worker, [*python, box.path, *shared]) + inner


def _python() -> list[Path]:
    """The folders of this Python and of its environment, but for what is below /usr."""
    found = [Path(p).resolve() for p in dict.fromkeys((sys.prefix, sys.base_prefix))]
    return [p for p in found if not p.is_relative_to("/usr")]


def _environment() -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "learner",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",  # there is no network: installing fails at once, not after a minute
        "TQDM_DISABLE": "1",
        **dict.fromkeys(threads, "1"),
    }


def _system() -> list[str]:
    """Read-only: programs and libraries, and from /etc only what they need to be found."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    known = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts")
    for name in known:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return options


def _hidden_course(python: Sequence[Path]) -> list[str]:
    """Cover the installed course where it lies inside the environment or the system."""
    course = Path(__file__).resolve().parent.parent
    shown = [*python, Path("/usr")]
    return ["--tmpfs", str(course)] if any(course.is_relative_to(p) for p in shown) else []


def _as_nobody(worker: int, needed: Sequence[Path]) -> list[str]:
    """Root's first step: another user id, for which process limits hold.

    A Python below a folder that only root may enter (/root) is shown at the same place.
    """
    closed: dict[Path, list[Path]] = {}
    for path in needed:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                closed.setdefault(parent, []).append(path)
                break
    outer = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"] if closed else []
    for parent, paths in closed.items():
        outer += ["--perms", "0755", "--tmpfs", str(parent)]
        for path in paths:
            for between in [p for p in reversed(path.parents) if p.is_relative_to(parent)][1:]:
                outer += ["--perms", "0755", "--dir", str(between)]
            outer += ["--bind", str(path), str(path)]
    uid = str(FIRST_UID + worker)
    return [*outer, "setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--inh-caps=-all"]
