"""Rooms that are not like the one all other tests sit in: TLS, no walls, each of the other walls."""

import asyncio
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from learner import Learner, Refused
from running import Running

from lrcourse.grading.sandbox import _as_nobody, _python
from lrcourse.workshop import machine, walls

LINUX = pytest.mark.skipif(not walls.LINUX, reason="namespaces and set-uid are tried on Linux")


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody else vouches for, and its key."""
    certificate, key = folder / "room.pem", folder / "room.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=room", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.mark.thorough
def test_a_room_with_a_certificate_and_without_walls(tmp_path: Path):
    """Join page and kernels come over TLS; what a room without walls is stands on the join page."""
    certificate, key = own_certificate(tmp_path)
    options = ["--unsafe", f"--certificate={certificate}", f"--key={key}"]

    async def visit(room: Running) -> tuple[str, str]:
        url = room.url.replace("http://", "https://")
        trusts = ssl.create_default_context(cafile=certificate)
        async with Learner(url, "ada", room.password, trusts=trusts) as ada:
            async with ada.http.get(f"{url}/hub/join") as page:
                text = await page.text()
            async with ada.http.ws_connect(f"{url}/hub/join/echo") as socket:
                await socket.send_str("hello")
                assert (await socket.receive()).data == "hello"
            await ada.enter()
            logged_in = [c for c in ada.http.cookie_jar if c.key.startswith("jupyterhub-")]
            assert logged_in and all(cookie["secure"] for cookie in logged_in)
            return text, await (await ada.start_kernel()).run("import os; os.getuid()")

    with Running(tmp_path / "room", *options) as room:
        page, uid = asyncio.run(visit(room))
        assert f"https://127.0.0.1:{room.port}" in page
        assert "UNSAFE: learners here can read and change each other&#39;s files" in page
        assert "plain HTTP" not in page
        assert walls.SENTENCES["none"] in room.said()
    assert int(uid) == os.getuid()  # there is nothing between a learner and the room


# The walls that a machine has one of. Root meets both where it may do all, so it is held here.


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter, as pytest's own is not."""
    made = Path(tempfile.mkdtemp(prefix="lrw-test-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def in_sight(folder: Path) -> list[str]:
    """Begins a command of an ordinary user, who can read the course and this Python."""
    course = Path(walls.__file__).resolve().parents[2]
    return _as_nobody(9, [*_python(), course, folder])


def as_ordinary(folder: Path) -> list[str]:
    if os.geteuid():
        return []
    command = in_sight(folder)
    uid = int(command[command.index("--reuid") + 1])
    os.chown(folder, uid, uid)
    return command


def as_root_of_a_container(folder: Path) -> list[str]:
    """Root that may mount nothing, as in most containers."""
    command = in_sight(folder)
    outer = command[: command.index("setpriv")]
    return [*outer, "setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]


TRY = """
import glob, os, signal
seen = b""
for file in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
    try:
        seen += open(file, "rb").read()
    except OSError:
        pass
def tried(what):
    try:
        return str(what())
    except OSError as error:
        return type(error).__name__
print([tried(lambda: open(path, "rb").read(9)) for path in {paths!r}])
print([tried(lambda: os.kill(pid, 15)) for pid in {pids!r} if not inside(pid)])
print([name for name, secret in {secrets!r}.items() if secret in seen])
"""
INSIDE = """
def inside(pid):
    "Whether a number means a process of one's own here: each system counts for itself."
    return os.path.exists(f"/proc/{pid}") and os.stat(f"/proc/{pid}").st_uid == os.getuid()
"""
REFUSED = {"PermissionError", "FileNotFoundError", "ProcessLookupError"}


@pytest.mark.thorough
@LINUX
@pytest.mark.parametrize(
    ("who", "wall"),
    [
        (as_ordinary, "namespaces"),
        pytest.param(
            as_root_of_a_container,
            "accounts",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives accounts"),
        ),
    ],
)
def test_each_wall_holds_in_a_room(folder: Path, who: Callable[[Path], list[str]], wall: str):
    """Behind either wall a learner reads no file of a peer or of the room, ends no process of
    theirs, and sees no secret in /proc."""

    async def attack(room: Running) -> list[str]:
        people = (Learner(room.url, name, room.password) for name in ("ada", "bob"))
        async with next(people) as ada, next(people) as bob:
            await asyncio.gather(ada.enter(), bob.enter())
            mine, theirs = await asyncio.gather(ada.start_kernel(), bob.start_kernel())
            await theirs.run("open('diary.txt', 'w').write('only mine')")
            await mine.run("import os" + INSIDE)
            said = await mine.run(TRY.format(**known(room)))
            assert await theirs.run("open('diary.txt').read()") == "'only mine'"
            with pytest.raises(Refused):
                await ada.ask_at("GET", f"{room.url}/user/bob/api/contents/diary.txt")
            return said.splitlines()

    with Running(folder / "room", prefix=tuple(who(folder))) as room:
        assert walls.SENTENCES["none"] not in room.said()
        assert f'"wall": "{wall}"' in (room.folder / "hub" / "settings.json").read_text()
        files, signals, secrets = map(eval, asyncio.run(attack(room)))
        assert set(files) <= REFUSED and len(files) > 6
        assert set(signals) <= REFUSED and signals
        assert secrets == []


def known(room: Running) -> dict:
    """What ada would have to guess: where things are, and which processes."""
    secrets = {path.name: path.read_bytes() for path in (room.folder / "hub").glob("*.secret")}
    paths = [
        room.folder / "learners" / "bob" / "course" / "diary.txt",
        *(room.folder / "hub").glob("*.s*"),
        room.folder / "hub" / "cookie_secret",
    ]
    assert all(path.exists() for path in paths)
    pids = [process.pid for process in room.processes()]
    return {"paths": [*map(str, paths)], "pids": pids, "secrets": secrets}


def test_a_folder_that_learners_may_not_enter_is_said_before(tmp_path: Path, monkeypatch):
    """Where accounts are the wall, a room in a closed folder is refused: no server would start."""
    (tmp_path / "closed").mkdir(mode=0o700)  # and so is what pytest made above it
    monkeypatch.setattr(walls, "refusal", lambda: ("accounts", ""))

    def look(folder: Path) -> list[str]:
        found = machine.look(
            learners=1, ip="127.0.0.1", port=machine.free_ports(1)[0], folder=folder
        )
        return [finding.says for finding in found if finding.bad]

    closed = look(tmp_path / "closed" / "room")
    assert any("may not enter" in says and "--folder" in says for says in closed)
    assert not any("--folder" in says for says in look(Path("/tmp/room")))
