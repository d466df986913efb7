"""Asks a warm process for a kernel, in place of starting Python anew.

Jupyter finds `WarmProvisioner` by its entry point, `lrcourse-warm`; the room's servers are told to
use it. Where no warm process answers, the kernel is started as usual.
"""

import contextlib
import json
import os
import signal
import socket
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

NAME = "lrcourse-warm"
SOCKET, KEY = "LRCOURSE_WARM", "LRCOURSE_WARM_KEY"  # in the environment of a server
PATIENCE = 20.0  # seconds for a warm process to answer
OURS = (SOCKET, KEY, "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JPY_PARENT_PID")


class WarmProvisioner(LocalProvisioner):
    """A kernel that is forked; signals, restarts and the rest go as for any other."""

    process: Any

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        if not os.environ.get(SOCKET):
            return await super().launch_kernel(cmd, **kwargs)
        try:
            forked = ask_for_kernel(cmd, kwargs["env"], kwargs.get("cwd") or os.getcwd())
        except (OSError, ValueError) as error:
            self.log.warning("No warm kernel (%s): starting one as usual.", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast(Any, forked)  # it does what is asked of a Popen
        self.pid = self.pgid = forked.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info


def ask_for_kernel(command: list[str], environment: dict[str, str], folder: str) -> "Forked":
    """A kernel for a command such as Jupyter's `python -m ipykernel_launcher -f FILE`."""
    return ask(
        os.environ[SOCKET],
        {
            "arguments": command[command.index("-f") :],
            "environment": {k: v for k, v in environment.items() if k not in OURS},
            "cwd": str(folder),
            "key": os.environ.get(KEY, ""),
        },
    )


def ask(path: str, request: dict[str, Any]) -> "Forked":
    """Send a request to a warm process. Raises `OSError` or `ValueError` if nothing comes of it."""
    asker = socket.socket(socket.AF_UNIX)
    asker.settimeout(PATIENCE)
    try:
        asker.connect(path)
        asker.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = asker.recv(4096)
            if not piece:
                raise ConnectionError("the warm process could not fork; its log says why")
            answer += piece
        return Forked(json.loads(answer)["pid"], asker)
    except BaseException:
        asker.close()
        raise


class Forked:
    """A process that is nobody's child here: what `subprocess.Popen` is for one's own.

    The socket is held by both: it ends with either of them.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, held: socket.socket) -> None:
        self.pid, self._held = pid, held
        self.returncode: int | None = None
        held.setblocking(False)

    def poll(self) -> int | None:
        if self.returncode is None and self._ended():
            self.returncode = 1
            self._held.close()
        return self.returncode

    def _ended(self) -> bool:
        try:
            return not self._held.recv(64)
        except BlockingIOError:
            return not _exists(self.pid)
        except OSError:
            return True

    def wait(self) -> int | None:
        return self.poll()

    def close(self) -> None:
        self._held.close()

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it has not yet become who asked
        return True
    return True
