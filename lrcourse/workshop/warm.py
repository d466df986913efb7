"""A process that has imported what is slow, and forks for each learner: a server, or a kernel.

    python -m lrcourse.workshop.warm servers ROOM LIFE

It has one thread, or its forks could hang on a lock that nobody holds; and it never reads what it
is asked, so that no fork finds another learner's token in its memory. The fork asks the system
who is at the other end, takes that one's account or namespaces, and only then reads.

`LIFE` is the reading end of a pipe that the keeper of the room holds open. When it ends, so does
every process that came from here.
"""

import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from lrcourse.workshop import linux, signing
from lrcourse.workshop.room import Room, Settings

SLOW = {
    "servers": (
        "jupyterhub.singleuser",
        "jupyterhub.singleuser.extension",
        "jupyter_server.serverapp",
        "jupyterlab.labapp",
        "jupyterlab_server",
        "lrcourse.copies",
        "lrcourse.workshop.server",
        "lrcourse.workshop.provisioner",
        "lrcourse.workshop.lab_extension",
        "IPython.core.interactiveshell",  # which the list of kernels asks for its paths
        "anyio._backends._asyncio",
        "babel.dates",
        "ipykernel.kernelspec",
        "jinja2.ext",
        "jupyter_server.kernelspecs.handlers",
        "jupyter_server.nbconvert.handlers",
        "jupyter_server.services.api.handlers",
        "jupyter_server.services.config.handlers",
        "jupyter_server.services.contents.handlers",
        "jupyter_server.services.events.handlers",
        "jupyter_server.services.kernels.handlers",
        "jupyter_server.services.kernelspecs.handlers",
        "jupyter_server.services.nbconvert.handlers",
        "jupyter_server.services.security.handlers",
        "jupyter_server.services.sessions.handlers",
        "jupyter_server.view.handlers",
        "nbconvert.exporters",
        "nbformat.sign",
        "tornado.platform.asyncio",
    ),
    "kernels": (
        "IPython.core.completerlib",
        "IPython.extensions.storemagic",
        "ipykernel.debugger",
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "matplotlib_inline.backend_inline",
        "matplotlib.figure",
        "matplotlib.pyplot",
        "numpy",
        "pandas",
        "scipy.stats",
        "sklearn.datasets",
        "torch",
        "torch._dynamo",  # the first optimizer of a process loads it, for a second
        "torch.optim.lr_scheduler",
        "anywidget",
        "ipywidgets",
        "lrcourse.workshop.kernel",
        "lrcourse.workshop.limits",
        "tornado.platform.asyncio",
    ),
}
MOST = 1 << 20  # bytes of a request


def socket_of(kind: str, settings: Settings) -> Path:
    """Where to ask. Learners reach the folder `kernels`, and not the other."""
    return Path(settings.run) / kind / "warm.sock"


def main(kind: str, folder: str, life: int) -> None:
    """Import, then serve until the room ends."""
    room = Room(Path(folder))
    settings = room.settings()
    _warm_up(kind)
    if (count := linux.threads()) != 1:
        raise RuntimeError(f"{count} threads are running after the imports: a fork could hang")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with _listening(socket_of(kind, settings), 0o600 if kind == "servers" else 0o666) as listener:
        waiting: list[Any] = [listener, life]
        while life not in (ready := select.select(waiting, [], [])[0]):
            if listener in ready:
                _fork(kind, listener, room, settings, life)


def _warm_up(kind: str) -> None:
    for name in SLOW[kind]:
        importlib.import_module(name)
    if kind == "kernels":
        import lrcourse

        for name in lrcourse._ON_FIRST_USE:
            getattr(lrcourse, name)
    else:
        signing.as_signed()
    gc.collect()
    gc.freeze()


def _listening(path: Path, mode: int) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(mode)
    listener.listen(256)
    return listener


def _fork(kind: str, listener: socket.socket, room: Room, settings: Settings, life: int) -> None:
    asker, _ = listener.accept()
    if os.fork():
        asker.close()
        return
    try:
        listener.close()
        _as_new()
        _serve(kind, asker, room, settings, life)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _as_new() -> None:
    """What a fork must not share with its parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _serve(kind: str, asker: socket.socket, room: Room, settings: Settings, life: int) -> None:
    module = importlib.import_module(f"lrcourse.workshop.{kind.removesuffix('s')}")
    pid, uid = who_asks(asker)
    module.serve(asker, pid, uid, room, settings, life)


def who_asks(asker: socket.socket) -> tuple[int, int]:
    """The process and the account at the other end, as the system knows them."""
    raw = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    return pid, uid


def read(asker: socket.socket) -> dict[str, Any]:
    """A request: one line of JSON."""
    line = b""
    while not line.endswith(b"\n"):
        piece = asker.recv(65536)
        if not piece or len(line) + len(piece) > MOST:
            raise ValueError("a request that ends too early, or never")
        line += piece
    return json.loads(line)


def report(asker: socket.socket, pid: int) -> None:
    asker.sendall(json.dumps({"pid": pid}).encode() + b"\n")


if __name__ == "__main__":
    # As a module of its own name: what the forks import from it is this one.
    from lrcourse.workshop import warm

    warm.main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
