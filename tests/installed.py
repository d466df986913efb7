"""The course as its wheel installs it: nothing of the clone in reach, nothing to write into.

The wheel is built from the sdist and installed into a new environment. All other packages are those
of the tests, which the new environment sees through links: nothing is downloaded.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(sysconfig.get_path("purelib"))
OURS = ("lrcourse", "_lrcourse", "__editable__", "_editable_impl_lrcourse")

release = SimpleNamespace(**run_path(str(ROOT / ".ci" / "release.py")))


def run(*command: object, **options: Any) -> str:
    """What a command prints; `AssertionError` with all that it said if it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(folder: Path) -> Path:
    """The wheel that the sdist builds, in `folder`, made as for a release."""
    [wheel] = [path for path in release.build(ROOT, folder) if path.suffix == ".whl"]
    return wheel


class Environment:
    """A new environment with the wheel in it, and the packages of the tests but those `without`."""

    def __init__(self, wheel: Path, folder: Path, without: tuple[str, ...] = ()) -> None:
        self.folder = folder
        venv.create(folder, symlinks=os.name == "posix")
        self.bin = folder / ("bin" if os.name == "posix" else "Scripts")
        self.python = self.bin / "python"
        [site] = folder.rglob("site-packages")
        others = folder / "others"
        others.mkdir()
        for entry in SITE.iterdir():
            if not entry.name.startswith((*OURS, *without)) and entry.suffix != ".pth":
                (others / entry.name).symlink_to(entry)
        (site / "others.pth").write_text(f"{others}\n", encoding="utf-8")
        install = (sys.executable, "-m", "pip", "--python", self.python, "install")
        run(*install, "--no-deps", "--no-index", "--no-compile", wheel)

    def command(self, folder: Path, *words: object) -> list[str]:
        """A command in this environment, in which only `folder` can be written.

        Where bubblewrap works, the clone is out of sight, too; elsewhere it is only out of the way.
        """
        hidden = [ROOT / name for name in ("lrcourse", "notebooks", "exercises", "tests")]
        walls: list[Any] = ["bwrap", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/"]
        walls += ["--dev", "/dev", "--proc", "/proc", "--bind", folder, folder, "--chdir", folder]
        for name in hidden:
            walls += ["--tmpfs", name]
        return [*map(str, walls if _walls_stand() else []), *map(str, words)]

    def variables(self, home: Path) -> dict[str, str]:
        """For a process of this environment whose user lives in `home`.

        JupyterLab's own files are those of the tests' environment.
        """
        share = Path(sys.prefix) / "share" / "jupyter"
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JUPYTER"))}
        return bare | {
            "HOME": str(home),
            "JUPYTERLAB_DIR": str(share / "lab"),
            "JUPYTER_PATH": str(share),
            "JUPYTER_CONFIG_PATH": str(Path(sys.prefix) / "etc" / "jupyter"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "LRCOURSE_HOME": str(home / ".lrcourse"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, folder: Path, *words: object) -> str:
        """What a command prints that runs in this environment and in `folder`."""
        command = self.command(folder, *words)
        return run(*command, cwd=folder, env=self.variables(folder), timeout=120)


def _walls_stand() -> bool:
    tried = [
        "bwrap",
        "--unshare-pid",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "true",
    ]
    return bool(shutil.which("bwrap")) and not subprocess.run(tried, capture_output=True).returncode
