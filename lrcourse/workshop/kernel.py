"""A fork becomes a kernel, for the learner whose server asked for it."""

import os
import socket
from pathlib import Path

from lrcourse.workshop import process, walls, warm
from lrcourse.workshop.room import Room, Settings

SAYS = (
    "--InteractiveShellApp.extensions=lrcourse.workshop.limits",
    "--HistoryManager.enabled=False",  # a database on the disk, of which notebooks make no use
)


def serve(
    asker: socket.socket, pid: int, uid: int, _room: Room, settings: Settings, life: int
) -> None:
    """Take the place of who asks, then read what for. The kernel ends when the asker does."""
    request = warm.read(asker)  # as yet unopened: it is the asker's own affair
    walls.follow(settings.wall, pid, uid, request["key"])
    folder = Path(request["cwd"])
    process.begin(request["environment"], folder if folder.is_dir() else Path.home())
    process.set_limits(settings)
    warm.report(asker, os.getpid())
    process.end_with(asker.detach(), life)
    from ipykernel.kernelapp import launch_new_instance

    process.run(launch_new_instance, "ipykernel", *SAYS, *request["arguments"])
