"""What will not work on this machine, found out before thirty people wait for it."""

import os
import shutil
import socket
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from lrcourse.workshop import walls

MIB = 1 << 20
BASE = 900  # MiB for the room itself: hub, proxy, board, warm processes
EACH_FORKED, EACH = 170, 450  # MiB for a learner who has run a lesson
SECONDS_EACH = 6  # of a processor, to run all of a lesson
WAITING = 512  # who come at the same moment, each with several connections
DISK_EACH = 20  # MiB for a copy of the course with its outputs
PARTS = {"jupyterhub": "jupyterhub", "configurable_http_proxy": "configurable-http-proxy"}
PARTS |= {"segno": "segno"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `bad`: the room cannot or should not start like this."""

    says: str
    bad: bool = False

    def __str__(self) -> str:
        return f"{'NOT OK' if self.bad else 'ok':>6}  {self.says}"


def look(
    *, learners: int, ip: str, port: int, folder: Path, certificate: str = "", key: str = ""
) -> list[Finding]:
    """Everything that can be known beforehand, one finding each."""
    return [
        _parts(),
        _wall(),
        _memory(learners),
        _processors(learners),
        _disk(learners, folder),
        *_way_in(folder),
        _port(ip, port),
        _addresses(ip),
        *_tls(certificate, key),
    ]


def _parts() -> Finding:
    missing = [package for module, package in PARTS.items() if find_spec(module) is None]
    if missing:
        return Finding(
            f"{', '.join(missing)} missing: pip install 'lrcourse[workshop]', in the folder of "
            f"the course: pip install -e '.[workshop]'",
            bad=True,
        )
    return Finding("JupyterHub and its proxy are installed")


def _wall() -> Finding:
    wall, why = walls.refusal()
    if not wall:
        return Finding(f"learners could reach each other's files: {why}", bad=True)
    return Finding(walls.SENTENCES[wall])


def _memory(learners: int) -> Finding:
    needed = BASE + learners * (EACH_FORKED if walls.LINUX else EACH)
    have = psutil.virtual_memory().available // MIB
    text = f"memory: {needed:,} MiB for {learners} learners, {have:,} MiB are free"
    if needed <= have:
        return Finding(text)
    fit = max(0, (have - BASE) // (EACH_FORKED if walls.LINUX else EACH))
    return Finding(
        f"{text}: enough for about {fit}. Close programs, or share one for two", bad=True
    )


def _processors(learners: int) -> Finding:
    cores = len(psutil.Process().cpu_affinity()) if walls.LINUX else os.cpu_count() or 1
    seconds = learners * SECONDS_EACH / cores
    return Finding(
        f"processors: {cores}; a whole lesson run by all {learners} at once takes about "
        f"{seconds:.0f} s. Have them run it section by section"
    )


def _disk(learners: int, folder: Path) -> Finding:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free // MIB
    needed = learners * DISK_EACH
    return Finding(f"disk: {needed:,} MiB for copies, {free:,} MiB free at {there}", needed > free)


def _way_in(folder: Path) -> list[Finding]:
    """Accounts of learners have to get to their homes: where others may not enter, none starts."""
    if walls.refusal()[0] != "accounts":
        return []  # in a system of their own, homes are shown by root, or to who owns them
    there = [parent for parent in folder.parents if parent.exists()]
    closed = [parent for parent in there if not parent.stat().st_mode & 0o001]
    if not closed:
        return []
    return [
        Finding(
            f"learners' accounts may not enter {closed[-1]}: keep the room elsewhere, --folder "
            f"/srv/workshop",
            bad=True,
        )
    ]


def _port(ip: str, port: int) -> Finding:
    why = taken(ip, port)
    if not why:
        return Finding(f"port {port} is free")
    return Finding(f"port {port} cannot be had ({why}): give another, --port {port + 1}", bad=True)


def taken(ip: str, port: int) -> str:
    """Why nobody can listen there; "" if one can. JupyterHub would start, and nobody see it."""
    try:
        door(ip, port).close()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return ""


def door(ip: str, port: int) -> socket.socket:
    """A socket that browsers can come to. Raises `OSError` where one cannot be had."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((ip, port))
        made.listen(WAITING)
    except BaseException:
        made.close()
        raise
    return made


def free_ports(count: int) -> list[int]:
    """Ports of this machine alone that nothing listens on now."""
    tried = [socket.socket() for _ in range(count)]
    try:
        for one in tried:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in tried]
    finally:
        for one in tried:
            one.close()


def addresses() -> list[str]:
    """The addresses (IPv4) by which others on the network may reach this machine."""
    up = {name for name, about in psutil.net_if_stats().items() if about.isup}
    found = [
        address.address
        for name, all_of_one in psutil.net_if_addrs().items()
        for address in all_of_one
        if name in up and address.family == socket.AF_INET
    ]
    return sorted((a for a in found if not a.startswith(("127.", "169.254."))), key=_not_home)


def _not_home(address: str) -> tuple[bool, str]:
    """Addresses of home and office networks first, those of Docker last."""
    return not address.startswith(("192.168.", "10.")), address


def _addresses(ip: str) -> Finding:
    if ip in ("127.0.0.1", "localhost"):
        return Finding("only this computer can open it; for the room: --ip 0.0.0.0")
    found = addresses()
    if not found:
        return Finding("this machine has no IPv4 address that others could open", bad=True)
    return Finding(f"others open it at {', '.join(found)}")


def _tls(certificate: str, key: str) -> list[Finding]:
    if not (certificate or key):
        return []
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key or None)
    except (OSError, ValueError) as error:
        return [Finding(f"the certificate {certificate} does not load: {error}", bad=True)]
    return [Finding("the certificate and its key load")]
