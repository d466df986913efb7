"""What keeps learners apart. A process enters its wall before it opens a file or answers anyone.

both         root gives each learner a user id of their own, and a root folder, processes and
             messages of their own, in which neither other learners nor the room's own files
             exist (Linux)
namespaces   an ordinary user of Linux gives each the second of these
accounts     root gives each the first, where there is no more to be had
none         nothing does: only after `--unsafe`
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lrcourse.workshop.room import FIRST_UID, LAST_UID, Room

LINUX = sys.platform.startswith("linux")
if LINUX:
    from lrcourse.workshop import linux

SENTENCES = {
    "both": "Each learner has an account and a system of their own, without the others' files.",
    "accounts": "Each learner has an account of their own on this machine.",
    "namespaces": "Each learner has a system of their own, without the others' files.",
    "none": "UNSAFE: learners here can read and change each other's files, and the room's own.",
}
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "lib32")
ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts", "ssl"),
    *("passwd", "group", "nsswitch.conf", "hosts", "mime.types"),
)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
KEY = Path("/run/lrcourse.key")  # in the system of a learner
OLD, NEW = Path("/old"), Path("/new")  # while its root folder is made
PATIENCE = 60  # seconds to try a wall


@cache
def refusal() -> tuple[str, str]:
    """The wall that this machine has, and ""; or "" and why it has none, with the fix."""
    if os.name == "nt":
        return "", "Windows has none: run the room in WSL 2, on Linux, or on macOS as root"
    root = os.geteuid() == 0
    if not root and not LINUX:
        return "", "an ordinary user of this system can build none: start the room with sudo"
    why = ""
    for wall in [wall for wall in _walls(root) if LINUX or wall == "accounts"]:
        if not (why := _tried(wall)):
            return wall, ""
    return "", f"{why}. {_AS_ROOT if root else _AS_USER}"


def _walls(root: bool) -> tuple[str, ...]:
    return ("both", "accounts") if root else ("namespaces",)


_AS_ROOT = (
    "Install the course where all may read it (/opt, /srv), not below a home folder that is closed "
    "to others; in a container, allow it CAP_SYS_ADMIN"
)
_AS_USER = (
    "Start the room with sudo; or allow ordinary users their own namespaces (Ubuntu: sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0; Debian: sysctl "
    "kernel.unprivileged_userns_clone=1)"
)


def _tried(wall: str) -> str:
    """Why Python does not run behind a wall; "" if it does."""
    tried = subprocess.run(
        [sys.executable, "-m", "lrcourse.workshop.walls", wall],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd="/",
    )
    if tried.stdout == "inside\n":
        return ""
    return (tried.stderr.strip() or "Python did not start").splitlines()[-1].rstrip(".")


def _try(wall: str) -> None:
    """Enter a wall around a room made for it, and run Python anew there, as a kernel may."""
    with tempfile.TemporaryDirectory(prefix="lrw-", dir="/tmp") as folder:
        room, run = Room(Path(folder, "room")), Path(folder)
        room.make()
        (run / "kernels").mkdir()
        run.chmod(0o711)
        home, uid = room.make_home("a-try")
        if not (child := os.fork()):
            _try_inside(wall, uid, room, home, run)
        os.waitpid(child, 0)


def _try_inside(wall: str, uid: int, room: Room, home: Path, run: Path) -> None:
    try:
        enter(wall, uid, room, home, run, "key", _wait)
        os.chdir(home)
        Path("tried").write_text("a file")
        code = "import encodings.unicode_escape, lrcourse; print('inside', flush=True)"
        os.execv(sys.executable, [sys.executable, "-c", code])
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _wait(pid: int) -> None:
    if pid != os.getpid():
        os.waitpid(pid, 0)


def enter(
    wall: str,
    uid: int,
    room: Room,
    home: Path,
    run: Path,
    key: str,
    report: Callable[[int], object],
) -> None:
    """Go behind a wall as a learner's first process there; `report` its number, seen from outside."""
    os.umask(0o022)
    if wall in ("both", "namespaces"):
        _enter_new_namespaces(wall, room, home, run, key, report)
    else:
        report(os.getpid())
    if wall in ("both", "accounts"):
        become(uid)
    elif wall == "namespaces":
        linux.drop_rights()


def follow(wall: str, pid: int, uid: int, key: str) -> None:
    """Go behind the wall at which the process `pid` is, which has the account `uid`."""
    if wall in ("both", "accounts") and not may_ask(uid):
        raise PermissionError(f"{uid} is not an account of a learner")
    if wall in ("both", "namespaces"):
        _join_namespaces(wall, pid, key)
    if wall in ("both", "accounts"):
        become(uid)
    elif wall == "namespaces":
        linux.drop_rights()


# An account each


def may_ask(uid: int) -> bool:
    """Whether an account is a learner's."""
    return FIRST_UID <= uid <= LAST_UID


def become(uid: int) -> None:
    """Be this account, for good."""
    if not may_ask(uid):
        raise PermissionError(f"{uid} is not an account of a learner")
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    if LINUX:
        linux.drop_rights()
        linux.stay_readable()


# Namespaces


def _namespaces(wall: str) -> int:
    """An ordinary user needs the rights that a user namespace gives within itself."""
    user = linux.CLONE_NEWUSER if wall == "namespaces" else 0
    return user | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC


def _enter_new_namespaces(
    wall: str, room: Room, home: Path, run: Path, key: str, report: Callable[[int], object]
) -> None:
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(_namespaces(wall))
    if wall == "namespaces":
        linux.be_who_you_were(uid, gid)
    if child := os.fork():
        report(child)
        os._exit(0)
    linux.private_mounts()
    _new_root(room, home, run, key)


def _join_namespaces(wall: str, asker: int, key: str) -> None:
    """Go on as a process of the system in which `asker` runs.

    Its number may have been given to another process meanwhile. The key says whose system it is:
    it lies there since its start, and a learner knows only their own.
    """
    before = os.stat("/proc/self/ns/mnt").st_ino
    linux.join(asker, _namespaces(wall))
    if os.fork():
        os._exit(0)
    if os.stat("/proc/self/ns/mnt").st_ino == before or KEY.read_text() != key:
        raise PermissionError("who asks is not in a system of the room")


def _new_root(room: Room, home: Path, run: Path, key: str) -> None:
    """A root folder with the system and the course to read, and the learner's home to write to."""
    linux.mount_memory(Path("/tmp"))
    for name in (OLD.name, NEW.name, "proc"):
        Path("/tmp", name).mkdir()
    linux.pivot(Path("/tmp"), Path("/tmp", OLD.name))  # all that there was is below OLD now
    linux.mount_proc(Path("/proc"))
    linux.mount_memory(NEW)
    for name in ("tmp", "dev/shm"):
        (NEW / name).mkdir(parents=True)
        linux.mount_memory(NEW / name, "mode=1777,size=64m")
    for name in SYSTEM:
        _show_system(Path("/", name))
    for path in [Path("/etc", name) for name in ETC]:
        _show(path)
    for path in [Path("/dev", name) for name in DEVICES]:
        _show(path, writable=True)
    _show_the_course(room)
    for path in (room.shared, run / "kernels"):
        _show(path)
    _show(home, writable=True)
    _file(NEW / KEY.relative_to("/"), key)
    (NEW / "proc").mkdir()
    linux.mount_proc(NEW / "proc")
    linux.call("umount2", os.fsencode(OLD), linux.MNT_DETACH)
    linux.pivot(NEW)
    linux.read_only(Path("/"))


def _show_the_course(room: Room) -> None:
    course = Path(__file__).resolve().parents[2]
    pythons = (Path(sys.prefix), Path(sys.base_prefix))
    for path in sorted({course, *pythons, *(p.resolve() for p in pythons)}):
        if not path.is_relative_to("/usr"):
            _show(path)
            if room.folder.is_relative_to(path):
                linux.mount_memory(NEW / room.folder.relative_to("/"))


def _show_system(path: Path) -> None:
    """A folder of the system, or the link that stands in its place."""
    if (old := OLD / path.relative_to("/")).is_symlink():
        (NEW / path.relative_to("/")).symlink_to(os.readlink(old))
    else:
        _show(path)


def _show(path: Path, *, writable: bool = False) -> None:
    """What there was at `path`, at the same place; nothing if there was nothing."""
    old, new = (side / path.relative_to("/") for side in (OLD, NEW))
    if old.is_dir():
        new.mkdir(parents=True, exist_ok=True)
    elif old.exists():
        _file(new, "")
    else:
        return
    linux.bind(old, new, writable=writable)


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    _try(sys.argv[1])
