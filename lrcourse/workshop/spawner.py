"""Starts a learner's server: a fork of the warm process, or an ordinary start where it cannot be."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import random_port
from traitlets import Float

from lrcourse.jupyter import OPTIONS
from lrcourse.workshop import provisioner, walls, warm
from lrcourse.workshop.room import COURSE, LOG, MEMORY, Room, Settings

GRACE = 5  # seconds for a server to end by itself
LIFE = "LRCOURSE_LIFE"  # the number of the pipe that ends with the room, in the hub's environment


class RoomSpawner(LocalProcessSpawner):
    """JupyterHub keeps one for each learner. It finds the server again after the hub's restart."""

    room: Room  # both set by `hub`
    settings: Settings
    started = Float(0.0, help="When the process was started: numbers of processes come again.")

    async def start(self) -> tuple[str, int]:
        self.port = random_port()
        self._home, self._uid = self.room.make_home(self.user.name)
        self._key = secrets.token_hex(16)
        self._make_runtime()
        if self.settings.forked:
            await self._fork()
        else:
            await super().start()
        with contextlib.suppress(psutil.Error):
            self.started = psutil.Process(self.pid).create_time()
        await self._until_it_listens()
        return ("127.0.0.1", self.port)

    async def _until_it_listens(self) -> None:
        """The hub would wait for its whole patience for a server that ended at once."""
        while await self.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the server of {self.user.name} ended: see {self._home / LOG}")

    async def _fork(self) -> None:
        request = {
            "home": str(self._home),
            "uid": self._uid,
            "key": self._key,
            "environment": self.get_env(),
            "arguments": [*self.get_args(), *self._places()],
        }
        socket = str(warm.socket_of("servers", self.settings))
        forked = await asyncio.to_thread(provisioner.ask, socket, request)
        self.proc, self.pid = None, forked.pid
        forked.close()

    def _places(self) -> list[str]:
        """Folders that JupyterLab looked up at its import, for whoever imported it."""
        lab = self._home / ".jupyter" / "lab"
        return [
            f"--ServerApp.root_dir={self._home / COURSE}",
            f"--LabApp.workspaces_dir={lab / 'workspaces'}",
            f"--LabApp.user_settings_dir={lab / 'user-settings'}",
        ]

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        def before() -> None:
            if self.settings.wall == "accounts":
                walls.become(self._uid)
            os.chdir(self._home)
            os.umask(0o077)

        return before

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """The environment of the server, and of the kernels below it."""
        runtime = self._runtime()
        ours = {
            "HOME": str(self._home),
            "USER": self.user.name,
            "LRCOURSE_HOME": str(self._home / MEMORY),
            "LRCOURSE_ROOM": str(self.room.shared),
            "JUPYTER_RUNTIME_DIR": runtime,
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_NO_CONFIG": "1",  # no extension that this machine has for other work
            "IPYTHONDIR": str(self._home / ".ipython"),
            "MPLCONFIGDIR": str(self._home / ".config" / "matplotlib"),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '/usr/bin:/bin')}",
            "LANG": env.get("LANG", "C.UTF-8"),
        }
        if self.settings.forked:
            ours["JUPYTER_DEFAULT_PROVISIONER_NAME"] = provisioner.NAME
            ours[provisioner.SOCKET] = str(warm.socket_of("kernels", self.settings))
            ours[provisioner.KEY] = self._key
        return env | ours

    def _runtime(self) -> str:
        """A folder with a short name for the sockets of kernels: those have 107 letters."""
        if self.settings.wall in ("both", "namespaces"):
            return "/tmp/r"
        return str(Path(self.settings.run) / "learners" / self.user.name)

    def _make_runtime(self) -> None:
        if self.settings.wall in ("accounts", "none"):
            folder = Path(self._runtime())
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            os.chown(folder, self._uid, self._uid if os.geteuid() == 0 else -1)

    async def poll(self) -> int | None:
        if self.proc is not None:
            return await super().poll()
        if self._alive():
            return None
        self.clear_state()
        return 0

    def _alive(self) -> bool:
        try:
            found = psutil.Process(self.pid) if self.pid else None
            return (
                found is not None
                and found.status() != psutil.STATUS_ZOMBIE
                and (not self.started or abs(found.create_time() - self.started) < 0.1)
            )
        except psutil.Error:
            return False

    async def stop(self, now: bool = False) -> None:
        for number in (signal.SIGKILL,) if now else (signal.SIGTERM, signal.SIGKILL):
            if await self.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            await self.wait_for_death(GRACE)

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | {"started": self.started}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.started = state.get("started", 0.0)


def arguments(settings: Settings) -> list[str]:
    """What every learner's server is told: nothing asks the network, nobody gets a shell."""
    extension = Path(__file__).parent / "labextension"
    return [
        "--ServerApp.jpserver_extensions={'jupyterlab': True, 'lrcourse.workshop.lab_extension': True}",
        "--ServerApp.terminals_enabled=False",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        "--FileContentsManager.delete_to_trash=False",  # or deleting frees no space
        "--ServerApp.allow_root=True"
        if settings.wall == "none"
        else "--ServerApp.allow_root=False",
        "--KernelManager.transport=ipc",
        *OPTIONS,
        f"--LabApp.extra_labextensions_path={extension}",
    ]
