"""A Jupyter kernel in the sandbox, for any tool that starts kernels by name: nbgrader, nbclient.

    python -m lrcourse.grading.provisioner        installs the kernel `lrcourse-sandbox`

Jupyter finds `SandboxProvisioner` by its entry point, `lrcourse-sandbox`. A kernel can be bent by
the notebook that it runs, whatever is around it: marks come from `lrcourse grade`, or from
`lrcourse.grading.gradebook`, not from tests that run in the kernel.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner

from lrcourse.grading.sandbox import FIRST_UID, INSIDE, Box, Limits, NoSandbox, command, refusal

NAME = "lrcourse-sandbox"
LIMITS = replace(Limits(), total=600.0, memory=2 << 30, processes=64)
KERNEL = FIRST_UID + 500  # the user id that root gives to kernels

SPEC = {
    "argv": [sys.executable, "-B", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python (lrcourse sandbox)",
    "language": "python",
    "interrupt_mode": "message",
    "metadata": {"kernel_provisioner": {"provisioner_name": NAME}},
}


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel in bubblewrap: sockets in a private folder in place of the network."""

    _box: Box | None = None
    _folder: Path | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        if refusal():
            raise NoSandbox(refusal())
        self._clear()
        self._box = Box()
        self._folder = Path(tempfile.mkdtemp(prefix="lrck-"))  # short: socket paths have a limit
        manager: Any = self.parent
        manager.transport = "ipc"
        manager.ip = str(self._folder / "k")
        manager.connection_file = str(self._folder / "kernel.json")
        kwargs = await super().pre_launch(**kwargs)
        self._give_away()
        python = [sys.executable, "-I", "-B", str(INSIDE / "worker.py"), "kernel"]
        limits = json.dumps(asdict(LIMITS))
        kwargs["cmd"] = command(
            [*python, limits, str(self._folder), *kwargs["cmd"]],
            self._box,
            worker=KERNEL - FIRST_UID,
            manager=True,
            shared=[self._folder],
            environment={"PYTHONPATH": str(INSIDE)},
        )
        kwargs["cwd"] = str(self._folder)
        # What it writes past Jupyter would reach the grader's own terminal or log, without end.
        kwargs["stdout"] = kwargs["stderr"] = subprocess.DEVNULL
        return kwargs

    def _give_away(self) -> None:
        """Where root grades, the kernel's own user needs its folder."""
        if os.geteuid() == 0 and self._folder:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, KERNEL, KERNEL)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        self._clear()

    def _clear(self) -> None:
        if self._box is not None:
            self._box.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._box = self._folder = None


def install(prefix: str | None = sys.prefix) -> str:
    """Install the kernel `lrcourse-sandbox` below `prefix` (None: for the user). Its folder."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kernel.json").write_text(json.dumps(SPEC, indent=1), encoding="utf-8")
        return KernelSpecManager().install_kernel_spec(
            folder, NAME, user=prefix is None, prefix=prefix
        )


if __name__ == "__main__":
    print(f"Installed the kernel {NAME} in {install()}")
