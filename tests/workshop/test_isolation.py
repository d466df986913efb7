"""What a learner's cell can reach of the others and of the room: nothing.

Each test gives ada's kernel what a determined learner would run, and reads the answer.
"""

import json
from pathlib import Path

import pytest
from running import Running
from seat import Seat

READ = """
def read(path):
    try:
        with open(path, "rb") as file:
            return "READ " + str(file.read(200))
    except OSError as error:
        return type(error).__name__
"""
REFUSED = {"PermissionError", "FileNotFoundError", "NotADirectoryError"}


@pytest.fixture(scope="module")
def ada_and_bob(together) -> list[Seat]:
    ada, bob = together("ada", "bob")
    ada.run(READ)
    bob.run("open('diary.txt', 'w').write('only mine'); import os")
    return [ada, bob]


def test_a_learner_reads_their_own_files(ada_and_bob: list[Seat]):
    """A learner can read and write in their own copy: what the others refuse is no accident."""
    ada, _ = ada_and_bob
    assert "READ" in ada.run("open('mine.txt', 'w').write('x'); print(read('mine.txt'))")


@pytest.mark.parametrize(
    "place",
    [
        "learners/bob/course/diary.txt",
        "learners/bob/.lrcourse/memory.json",
        "learners/bob/.server.log",
        "hub/jupyterhub.sqlite",
        "hub/cookie_secret",
        "hub/class_password.secret",
        "hub/instructor_password.secret",
        "hub/proxy_token.secret",
        "hub/board_token.secret",
        "hub/keeper_token.secret",
        "hub/pins/bob",
        "hub/settings.json",
        "hub/hub.log",
    ],
)
def test_what_is_not_theirs_is_refused(room: Running, ada_and_bob: list[Seat], place: str):
    """A peer's files and the room's own can neither be read, nor written, nor listed."""
    ada, _ = ada_and_bob
    path = room.folder / place
    if "memory" not in place:
        assert path.exists()  # it is there, for who may see it
    assert ada.run(f"print(read({str(path)!r}))") in REFUSED
    assert ada.run(
        f"import os\ntry:\n    open({str(path)!r}, 'a')\n    print('WROTE')\n"
        f"except OSError as e:\n    print(type(e).__name__)"
    ) in {*REFUSED, "OSError"}
    assert "WROTE" not in ada.run(
        f"try:\n    print('WROTE', os.listdir({str(path.parent)!r}))\nexcept OSError as e:\n    print(e)"
    )


def test_a_link_to_a_peers_file_leads_nowhere(room: Running, ada_and_bob: list[Seat]):
    """A symbolic link from one's own folder opens nothing, for the kernel or the server."""
    ada, _ = ada_and_bob
    target = room.folder / "learners" / "bob" / "course" / "diary.txt"
    ada.run(f"import os; os.symlink({str(target)!r}, 'link.txt')")
    assert ada.run("print(read('link.txt'))") in REFUSED
    with pytest.raises(RuntimeError, match="4..|500"):
        ada.ask("GET", "api/contents/link.txt")


def test_no_secret_stands_in_what_can_be_seen_of_processes(room: Running, ada_and_bob: list[Seat]):
    """Command lines and environments in /proc hold no password, token or key of the room."""
    ada, _ = ada_and_bob
    seen = ada.run(
        "import glob, os\nout = b''\n"
        "for file in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n        out += open(file, 'rb').read()\n    except OSError:\n        pass\n"
        "print(out.decode('utf-8', 'replace'))"
    )
    secrets = [path.read_text() for path in (room.folder / "hub").glob("*.secret")]
    assert len(secrets) >= 6
    assert [secret for secret in secrets if secret in seen] == []


def test_the_rooms_own_processes_hold_no_secret_in_their_environment(room: Running, ada_and_bob):
    """Even who may look at the hub's and proxy's environments finds no secret there."""
    secrets = [path.read_text().encode() for path in (room.folder / "hub").glob("*.secret")]
    for name in ("hub", "proxy", "board"):
        pid = room.child(name).pid
        shown = (
            Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        assert [secret for secret in secrets if secret in shown] == []


def test_no_process_of_others_takes_a_signal(room: Running, ada_and_bob: list[Seat]):
    """A learner cannot end, stop or trace the hub, the proxy, or a peer's kernel."""
    ada, bob = ada_and_bob
    pids = [process.pid for process in room.processes()]
    reached = ada.run(
        f"import os, signal\nmine = set()\nfor pid in {pids!r}:\n    try:\n"
        f"        os.kill(pid, 0); mine.add(pid)\n    except OSError:\n        pass\n"
        f"print([p for p in mine if os.stat(f'/proc/{{p}}').st_uid != os.getuid()])"
    )
    assert reached == "[]"
    ada.run(
        f"for pid in {pids!r}:\n    if pid not in (1, os.getpid(), os.getppid()):\n"
        f"        try:\n            os.kill(pid, signal.SIGTERM)\n        except OSError:\n"
        f"            pass"
    )
    assert bob.run("1 + 1") == "2"
    assert room.process.poll() is None
    assert ada.run("1 + 1") == "2"


def test_a_learner_has_no_rights(ada_and_bob: list[Seat]):
    """No capability is left, none can be had by running a set-uid program."""
    ada, _ = ada_and_bob
    status = ada.run("print(open('/proc/self/status').read())")
    lines = dict(
        line.split(":\t") for line in status.splitlines() if line.startswith(("Cap", "NoNew"))
    )
    assert {int(lines[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
    assert lines["NoNewPrivs"] == "1"


def test_others_ports_want_a_token(room: Running, ada_and_bob: list[Seat]):
    """A peer's server, the proxy's and the hub's inner ports answer nobody without a token."""
    ada, _ = ada_and_bob
    settings = json.loads((room.folder / "hub" / "settings.json").read_text())
    bobs = next(
        c.laddr.port
        for p in room.processes()
        for c in p.net_connections("tcp")
        if c.status == "LISTEN" and _is_server_of(p, "bob", room)
    )
    places = [
        f"http://127.0.0.1:{bobs}/user/bob/api/contents",
        f"http://127.0.0.1:{bobs}/user/bob/api/kernels",
        f"http://127.0.0.1:{settings['proxy_port']}/api/routes",
        f"http://127.0.0.1:{settings['hub_port']}/hub/api/users",
        f"http://127.0.0.1:{settings['board_port']}/services/board/",
        f"http://127.0.0.1:{settings['board_port']}/services/board/events",
    ]
    for place in places:
        said = ada.run(
            "import urllib.request, urllib.error\n"
            "class Stay(urllib.request.HTTPRedirectHandler):\n"
            "    def redirect_request(self, *a): return None\n"
            f"try:\n    print(urllib.request.build_opener(Stay).open({place!r}, timeout=10).status)\n"
            "except urllib.error.HTTPError as e:\n    print(e.code)"
        )
        assert said in {"302", "403", "401"}, place


def _is_server_of(process, name: str, room: Running) -> bool:
    home = room.folder / "learners" / name
    return "servers" in process.cmdline() and process.cwd().startswith(str(home))


def test_a_peer_cannot_listen_to_a_kernel(ada_and_bob: list[Seat]):
    """A kernel's channels are sockets in a folder of its learner's, not ports of the machine."""
    ada, bob = ada_and_bob
    about = json.loads(bob.run("import ipykernel.connect as c; print(c.get_connection_info())"))
    assert about["transport"] == "ipc"
    socket = f"{about['ip']}-{about['iopub_port']}"
    there = "import os, stat; stat.S_ISSOCK(os.stat({!r}).st_mode)"
    assert bob.run(there.format(socket)) == "True"
    with pytest.raises(RuntimeError, match="FileNotFoundError|PermissionError"):
        ada.run(there.format(socket))


def test_ones_own_token_opens_no_other_server(room: Running, ada_and_bob: list[Seat]):
    """The token of ada's server is refused for bob's files and for lists of users."""
    ada, _ = ada_and_bob
    token = ada.run(
        "import glob\nprint(next(t for f in glob.glob('/proc/[0-9]*/environ') for t in [''])"
        " or os.environ.get('JUPYTERHUB_API_TOKEN', ''))"
    )
    assert token == ""  # a kernel does not even have its own server's
    status = ada.wait(_status(ada, f"{room.url}/user/bob/api/contents"))
    assert status in {403, 404}
    assert ada.wait(_status(ada, f"{room.url}/hub/api/users")) == 403
    assert ada.wait(_status(ada, f"{room.url}/hub/admin")) == 403
    assert ada.wait(_status(ada, f"{room.url}/services/board/")) == 403


async def _status(seat: Seat, url: str) -> int:
    async with seat.learner.http.get(url) as answer:
        return answer.status
