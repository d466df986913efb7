"""How a room begins and ends: refusals beforehand, nothing left behind, everything there again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from learner import Learner
from running import Running

from lrcourse.cli import main
from lrcourse.workshop import machine, walls
from lrcourse.workshop.room import Room, plain_name


def left_of(room: Running) -> list[psutil.Process]:
    """Processes that still know the room's folder, or run in it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline()) + process.cwd()
        except psutil.Error:
            continue
        if str(room.folder) in words and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


async def write(room: Running, name: str, pin: str, code: str) -> str:
    async with Learner(room.url, name, room.password, pin) as learner:
        await learner.enter()
        return await (await learner.start_kernel()).run(code)


def test_a_room_that_ends_leaves_nothing_and_nobody_elses_room_alone(
    room: Running, together, tmp_path
):
    """SIGKILL of the command ends every process of its room, and none of another on the machine. The
    next start has files and PINs; it stops within fifteen seconds, and leaves nothing either."""
    (ada,) = together("ada")
    mine = ada.run("import os; kept = 44; os.getuid()")
    with Running(tmp_path / "other") as other:
        code = "import os; open('work.txt', 'w').write('done'); os.getuid()"
        theirs = asyncio.run(write(other, "ada", "1234", code))
        assert os.geteuid() or theirs != mine  # no account belongs to two rooms
        assert len(left_of(other)) >= 7  # the command, five of its own, a server, a kernel
        os.kill(other.process.pid, signal.SIGKILL)
        other.process.wait()
        end = time.monotonic() + 30
        while left := left_of(other):
            assert time.monotonic() < end, f"still running: {left}"
            time.sleep(0.1)
    assert ada.run("kept") == "44"

    with Running(tmp_path / "other") as other:
        assert asyncio.run(write(other, "ada", "1234", "open('work.txt').read()")) == "'done'"
        with pytest.raises(RuntimeError, match="not the PIN"):
            asyncio.run(write(other, "ada", "4321", "1"))
        asyncio.run(write(other, "ada", "1234", "import signal; signal.signal(15, signal.SIG_IGN)"))
        assert other.stop() < 15 + os.getloadavg()[0]
        assert left_of(other) == []
        assert not Path(other.folder / "hub" / "hub.log").is_symlink()
    assert ada.run("kept") == "44"


def test_a_taken_port_is_said_before_anything_starts(tmp_path, capsys):
    """The room does not start where nobody would see it, and says which port to try."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert main(["workshop", f"--folder={tmp_path / 'room'}", f"--port={port}"]) == 1
        said = capsys.readouterr().err
        assert f"port {port} cannot be had" in said and f"--port {port + 1}" in said
        assert not (tmp_path / "room").exists()
        assert main(["workshop", "--check", f"--folder={tmp_path / 'room'}", f"--port={port}"]) == 1
        assert "NOT OK" in capsys.readouterr().out


def test_a_room_without_walls_is_refused(tmp_path, capsys, monkeypatch):
    """Where nothing keeps learners apart, the room is refused, with the reason and `--unsafe`."""
    monkeypatch.setattr(walls, "refusal", lambda: ("", "this machine has no walls"))
    assert (
        main(["workshop", f"--folder={tmp_path / 'room'}", f"--port={machine.free_ports(1)[0]}"])
        == 2
    )
    said = capsys.readouterr().err
    assert "this machine has no walls" in said and "--unsafe" in said
    assert not (tmp_path / "room").exists()


def test_a_room_is_opened_once(tmp_path):
    """A second start in the same folder is refused while the first runs."""
    from lrcourse.workshop.keeper import _alone

    room = Room(tmp_path / "room")
    room.make()
    held = _alone(room.hub / "lock")
    with pytest.raises(RuntimeError, match="a room is running in"):
        _alone(room.hub / "lock")
    os.close(held)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--learners", "0"], "must be 1 or more"),
        (["--port", "70000"], "must be 1 to 65535"),
        (["--memory", "-3"], "must be 1 or more"),
        (["--what"], "unknown: --what"),
    ],
)
def test_options_that_cannot_be_are_refused(options, says, capsys):
    """A wrong option ends with the value and the fix, before anything starts."""
    with pytest.raises(SystemExit):
        main(["workshop", *options])
    assert says in capsys.readouterr().err


def test_the_check_counts_memory_and_certificates(tmp_path):
    """Too many learners for the memory, a certificate that is none: both are said."""
    findings = machine.look(
        learners=100_000,
        ip="127.0.0.1",
        port=machine.free_ports(1)[0],
        folder=tmp_path,
        certificate=str(tmp_path / "none.pem"),
        key="",
    )
    bad = [finding.says for finding in findings if finding.bad]
    assert any("enough for about" in says for says in bad)
    assert any("does not load" in says for says in bad)


@pytest.mark.parametrize(
    ("typed", "name"),
    [(" Ada ", "ada"), ("José Álvarez", "jose-alvarez"), ("B.C_d-9", "b.c_d-9")],
)
def test_a_typed_name_stands_for_an_account(typed: str, name: str):
    """Capitals, spaces around and accents make no second learner."""
    assert plain_name(typed) == name


@pytest.mark.skipif(not walls.LINUX, reason="namespaces are Linux's")
def test_an_ordinary_user_has_walls_too(tmp_path):
    """Without root, namespaces hold: an ordinary user's learner sees neither others nor the room."""
    from lrcourse.grading.sandbox import _as_nobody, _python

    course = Path(walls.__file__).resolve().parents[2]
    command = [] if os.geteuid() else _as_nobody(9, [*_python(), course])
    tried = subprocess.run(
        [*command, sys.executable, "-m", "lrcourse.workshop.walls", "namespaces"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert tried.stdout == "inside\n", tried.stderr
