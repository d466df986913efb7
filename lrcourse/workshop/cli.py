"""`lrcourse workshop`: the options, and what is said."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

FOLDER = "workshop"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `workshop` to the commands of `lrcourse`."""
    room = commands.add_parser("workshop", help="open a room of learners on this machine")
    room.add_argument("--folder", type=Path, default=Path(FOLDER), help=f"default: {FOLDER}")
    room.add_argument("--ip", default="127.0.0.1", help="0.0.0.0 opens it to the network")
    room.add_argument("--port", type=_port, default=8000)
    room.add_argument("--host", default="", help="the name or address that learners type")
    room.add_argument("--learners", type=_count, default=30, help="how many you expect")
    room.add_argument("--instructor", default="instructor", help="your name in the room")
    room.add_argument("--memory", type=_count, default=1024, help="MiB for a learner")
    room.add_argument("--disk", type=_count, default=500, help="MiB for a learner")
    room.add_argument("--certificate", default="", help="a TLS certificate, as a file (PEM)")
    room.add_argument("--key", default="", help="its key, as a file (PEM)")
    room.add_argument("--check", action="store_true", help="only say what will not work here")
    unsafe = "without walls: only for learners who may read and change each other's files"
    room.add_argument("--unsafe", action="store_true", help=unsafe)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text}")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"must be 1 to 65535, got {text}")
    return value


def run(chosen: argparse.Namespace) -> int:
    """Check, start the room, stay until it is stopped.

    Returns 0, 1 if the room cannot start, 2 if nothing would keep learners apart.
    """
    if sys.platform == "win32":
        print(_WINDOWS, file=sys.stderr)
        return 2
    from lrcourse.workshop import machine

    folder = chosen.folder.expanduser().resolve()
    about = {
        name: getattr(chosen, name) for name in ("learners", "ip", "port", "certificate", "key")
    }
    findings = machine.look(folder=folder, **about)
    if chosen.check:
        print("\n".join(map(str, findings)))
        return int(any(finding.bad for finding in findings))
    return _open(chosen, folder, findings)


_WINDOWS = (
    "lrcourse workshop: JupyterHub does not run on Windows. Start the room in WSL 2 or on Linux; "
    "learners may come with any system."
)


def _open(chosen: argparse.Namespace, folder: Path, findings: list) -> int:
    from lrcourse.workshop import walls

    wall, why = walls.refusal()
    if not wall and not chosen.unsafe:
        print(
            f"lrcourse workshop: refused, nothing would keep learners apart: {why}.\nIf all of "
            f"them may read and change each other's files, and yours, `--unsafe` opens the room, "
            f"and says so on the page where they join.",
            file=sys.stderr,
        )
        return 2
    about_walls = 1  # the finding that was answered just now
    bad = [f for i, f in enumerate(findings) if f.bad and i != about_walls and _stops(f)]
    if bad:
        print("\n".join(f"lrcourse workshop: {finding.says}" for finding in bad), file=sys.stderr)
        return 1
    for finding in findings:
        if finding.bad:
            print(finding)
    return _stay(chosen, folder, "none" if chosen.unsafe else wall)


def _stops(finding) -> bool:
    """Too little memory is for the instructor to judge; the rest ends the start."""
    return not finding.says.startswith("memory")


def _stay(chosen: argparse.Namespace, folder: Path, wall: str) -> int:
    from lrcourse.workshop.keeper import Keeper
    from lrcourse.workshop.room import Room, checked_name, plain_name

    try:
        room = Room(folder)
        room.make()
        settings = replace(
            _settings(chosen, wall), instructor=checked_name(plain_name(chosen.instructor))
        )
        room.keep(settings)
        with Keeper(room, settings) as keeper:
            print(welcome(room, settings), flush=True)
            keeper.stay(lambda text: print(text, flush=True))
            print(
                "Stopping. What was saved is kept, and is there again at the next start.",
                flush=True,
            )
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, RuntimeError) as error:
        print(f"lrcourse workshop: {error}", file=sys.stderr)
        return 1
    return 0


def _settings(chosen: argparse.Namespace, wall: str):
    from lrcourse.workshop import machine, walls
    from lrcourse.workshop.room import Settings

    hub, proxy, board = machine.free_ports(3)
    open_to_all = chosen.ip in ("0.0.0.0", "")
    host = chosen.host or ((machine.addresses() or ["127.0.0.1"])[0] if open_to_all else chosen.ip)
    return Settings(
        wall=wall,
        run=tempfile.mkdtemp(prefix="lrw-", dir="/tmp"),
        host=host,
        hub_port=hub,
        proxy_port=proxy,
        board_port=board,
        forked=walls.LINUX,
        certificate=str(Path(chosen.certificate).resolve()) if chosen.certificate else "",
        key=str(Path(chosen.key).resolve()) if chosen.key else "",
        **{name: getattr(chosen, name) for name in ("learners", "ip", "port", "memory", "disk")},
    )


def welcome(room, settings) -> str:
    """What the instructor reads when the room is open."""
    from lrcourse.workshop.join import warnings

    here = f"{settings.scheme}://127.0.0.1:{settings.port}"
    here = settings.address if settings.ip not in ("0.0.0.0", "127.0.0.1") else here
    lines = [
        "The room is open.",
        f"  To project      {here}/hub/join/key/{room.secret('join_key')}",
        f"  Learners open   {settings.address}",
        f"  Class password  {room.secret('class_password')}",
        f"  The board       {here}/services/board/",
        f"  Your name       {settings.instructor}",
        f"  Your password   is in {room.hub / 'instructor_password.secret'}",
        f"  Files           {room.folder}",
        *warnings(settings),
        "Ctrl-C closes the room.",
    ]
    return "\n".join(lines)
