"""A fork becomes a learner's JupyterLab, in the learner's own copy of the course."""

import os
import socket
import sys
from pathlib import Path

from lrcourse.workshop import process, signing, walls, warm
from lrcourse.workshop.room import COURSE, LOG, Room, Settings


def serve(
    asker: socket.socket, _pid: int, uid: int, room: Room, settings: Settings, life: int
) -> None:
    """Take the place of the learner that the hub names, and tell the hub one's number."""
    if uid != os.geteuid():
        raise PermissionError(f"only the hub asks for servers, not the account {uid}")
    request = warm.read(asker)  # this fork is for this learner, and reads no other's
    home = Path(request["home"])
    _behind_the_wall(asker, request, home, room, settings)
    process.begin(request["environment"], home, home / LOG)
    process.set_limits(settings)
    process.end_with(life)
    prepare(home)
    from jupyterhub.singleuser import main

    process.run(main, "jupyterhub-singleuser", *request["arguments"])


def _behind_the_wall(
    asker: socket.socket, request: dict, home: Path, room: Room, settings: Settings
) -> None:
    def say(pid: int) -> None:
        warm.report(asker, pid)

    run, key = Path(settings.run), request["key"]
    walls.enter(settings.wall, request["uid"], room, home, run, key, say)
    asker.close()


def prepare(home: Path) -> None:
    """The learner's copy of the course, up to date; what is handed out is trusted."""
    from lrcourse.copies import hand_out

    course = home / COURSE
    if hand_out(course):
        signing.sign(course)


def main() -> None:
    """An ordinary start: `python -m lrcourse.workshop.server`, already as the learner."""
    process.end_with(int(os.environ.pop("LRCOURSE_LIFE")))
    prepare(Path.home())
    from jupyterhub.singleuser import main as become_server

    sys.exit(become_server())


if __name__ == "__main__":
    main()
