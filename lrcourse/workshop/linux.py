"""The calls of Linux that Python has no name for: namespaces, mounts, rights.

Each raises `OSError` with the name of the call. Nothing here decides anything.
"""

import ctypes
import os
import re
from pathlib import Path

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 0x1000, 0x4000, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 24, 36, 38
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}  # the number of the call, by machine
LOCKED = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}


def call(name: str, *arguments: object) -> int:
    """A function of the C library by its name. Raises `OSError` if it returns -1."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = getattr(libc, name)(*arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def unshare(namespaces: int) -> None:
    call("unshare", namespaces)


def join(pid: int, namespaces: int) -> None:
    """Enter the namespaces of a process, of which the caller made the user namespace."""
    handle = os.pidfd_open(pid)
    try:
        call("setns", handle, namespaces)
    finally:
        os.close(handle)


def be_who_you_were(uid: int, gid: int) -> None:
    """In a new user namespace: the same numbers inside as outside."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def private_mounts() -> None:
    """What is mounted from here on is seen by nobody else."""
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def mount_memory(target: Path, options: str = "mode=755") -> None:
    flags = MS_NOSUID | MS_NODEV
    call("mount", b"tmpfs", os.fsencode(target), b"tmpfs", flags, options.encode())


def mount_proc(target: Path) -> None:
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    call("mount", b"proc", os.fsencode(target), b"proc", flags, None)


def bind(source: Path, target: Path, *, writable: bool = False) -> None:
    """Show `source` and what is mounted below it at `target`."""
    where = os.fsencode(target)
    call("mount", os.fsencode(source), where, None, MS_BIND | MS_REC, None)
    kept = _flags_of(target)  # a user namespace may not take off what is locked
    flags = MS_REMOUNT | MS_BIND | MS_NOSUID | kept | (0 if writable else MS_RDONLY)
    call("mount", None, where, None, flags, None)


def _flags_of(target: Path) -> int:
    """The flags of the mount at `target`, the last of that name."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        fields = line.split()
        if re.sub(r"\\([0-7]{3})", _letter, fields[4]) == str(target):
            return sum(LOCKED.get(option, 0) for option in fields[5].split(","))
    return 0


def _letter(octal: re.Match) -> str:
    return chr(int(octal[1], 8))


def read_only(target: Path) -> None:
    flags = MS_REMOUNT | MS_BIND | MS_RDONLY | _flags_of(target)
    call("mount", None, os.fsencode(target), None, flags, None)


def pivot(root: Path, old: Path | None = None) -> None:
    """Make `root` the root. What was around it is at `old` then, or gone."""
    os.chdir(root)
    before = os.fsencode(old.relative_to(root)) if old else b"."
    call("syscall", PIVOT_ROOT[os.uname().machine], b".", before)
    if not old:
        call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def drop_rights() -> None:
    """No rights of root, now or by running any program. Raises unless all of them are gone."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    held = _rights()
    for right in range(last + 1) if held["CapEff"] else ():
        call("prctl", PR_CAPBSET_DROP, right, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    call("capset", header, (ctypes.c_uint32 * 6)())
    if left := {name: value for name, value in _rights().items() if value and name != "CapBnd"}:
        raise PermissionError(f"rights are left: {left}")


def _rights() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split() for line in lines if line.startswith("Cap"))
    return {name.rstrip(":"): int(value, 16) for name, value in pairs}


def stay_readable() -> None:
    """Open one's own /proc again, which the change of the user id closes."""
    call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every process below whose own parent ends."""
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def threads() -> int:
    return len(os.listdir("/proc/self/task"))
