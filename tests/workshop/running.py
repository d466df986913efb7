"""A room that runs: the real command, in a folder of its own, on a port of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


class Running:
    """`with Running(folder) as room:` ... `room.url`, `room.password`, `room.said()`."""

    def __init__(self, folder: Path, *options: str, prefix: tuple[str, ...] = ()) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder.parent / f"{folder.name}.said"
        self._command = [*prefix, sys.executable, "-m", "lrcourse.cli", "workshop"]
        self._command += [f"--folder={folder}", f"--port={self.port}", *options]

    def __enter__(self) -> "Running":
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        end = time.monotonic() + PATIENCE
        while "Ctrl-C closes the room" not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"the room did not start: {self.said()}{self.logs()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop the room. The seconds that took."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)
        return time.monotonic() - begin

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def logs(self) -> str:
        """The ends of all logs, for who reads why a test failed."""
        files = sorted((self.folder / "hub").glob("*.log"))
        return "\n".join(f"--- {f.name}\n{f.read_text(errors='replace')[-2000:]}" for f in files)

    def secret(self, name: str) -> str:
        return (self.folder / "hub" / f"{name}.secret").read_text()

    @property
    def password(self) -> str:
        return self.secret("class_password")

    def processes(self) -> list[psutil.Process]:
        """Everything that the room started."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def child(self, name: str) -> psutil.Process:
        """One of the room's own processes: "hub", "proxy", "board", "servers", "kernels"."""
        marks = {"hub": "jupyterhub", "proxy": "lrcourse.workshop.proxy"}
        marks |= {"board": "lrcourse.workshop.board"}
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if marks.get(name, name) in words and process.ppid() == self.process.pid:
                    return process
        raise LookupError(f"no {name} below the room")


class Plain(Running):
    """A hub that is started otherwise."""

    password = "plain-password"


@contextlib.contextmanager
def plain_hub(folder: Path) -> Iterator[Running]:
    """A JupyterHub as it comes, for comparison: no forks, no walls, one password for all."""
    folder.mkdir(parents=True, exist_ok=True)
    room = Plain(folder / "plain")
    hub, api = free_port(), free_port()
    home = str(folder / "{username}")
    (folder / "config.py").write_text(
        f"""
c.JupyterHub.bind_url = {room.url!r}
c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{hub}'
c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{api}'
c.ConfigurableHTTPProxy.command = [{sys.executable!r}, '-c',
    'from configurable_http_proxy.cli import main; main()']
c.JupyterHub.authenticator_class = 'shared-password'
c.SharedPasswordAuthenticator.user_password = {room.password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = 'simple'
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{sys.executable!r}, '-m', 'jupyterhub.singleuser']
c.Spawner.args = ['--allow-root']
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.concurrent_spawn_limit = 200
c.JupyterHub.db_url = 'sqlite://'
c.Spawner.environment = {{'OMP_NUM_THREADS': '1'}}
"""
    )
    command = [sys.executable, "-m", "jupyterhub", "-f", str(folder / "config.py")]
    with (folder / "log").open("w") as log:
        room.process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(hub):
            if room.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "log").read_text()[-2000:])
            time.sleep(0.2)
        yield room
    finally:
        below = room.processes()
        room.stop()
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
