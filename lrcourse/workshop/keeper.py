"""Starts the processes of a room, starts again what dies, and ends all of them with itself.

The keeper also holds the door, the socket that browsers come to: who comes while the proxy is started
again waits there for a moment.

Every process below holds the reading end of one pipe, `life`. Only the keeper has the other end: it
is closed when the keeper ends, however it ends, and with it all of them.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import psutil

from lrcourse.workshop import hub, limits, machine, walls
from lrcourse.workshop.room import Room, Settings
from lrcourse.workshop.spawner import LIFE

GRACE = 5.0  # seconds for the learners' servers to end by themselves
PATIENCE = 120.0  # seconds for the room to be ready
BLINK = 0.2
REST = (0.0, 0.5, 2.0, 5.0)  # seconds before a process is started again: the more often, the longer
LATEST = 60.0  # a process that ran this long starts again at once


class Child:
    """One process of the room, under the name of its log."""

    def __init__(self, name: str, command: list[str], keeper: "Keeper", *held: int) -> None:
        """`held`: numbers of what is open here and is to be open there, besides `life`."""
        self.name, self._command, self._keeper, self._held = name, command, keeper, held
        self._failures, self._not_before = 0, 0.0
        self.start()

    def start(self) -> None:
        self._started = time.monotonic()
        with (self._keeper.room.hub / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._keeper.room.hub,
                env=self._keeper.environment,
                pass_fds=(self._keeper.life, *self._held),
                start_new_session=True,  # Ctrl-C is for the keeper
            )

    def revive(self) -> bool:
        """Start the process again if it has ended. Returns whether it was."""
        if self.process.poll() is None:
            return False
        now = time.monotonic()
        if not self._not_before:
            self._failures = 0 if now - self._started > LATEST else self._failures + 1
            self._not_before = now + REST[min(self._failures, len(REST) - 1)]
        if now < self._not_before:
            return False
        self._not_before = 0.0
        self.start()
        return True


class Keeper:
    """A running room. `with Keeper(room, settings) as keeper: keeper.stay()`."""

    def __init__(self, room: Room, settings: Settings) -> None:
        self.room, self.settings = room, settings
        self.children: list[Child] = []
        self._stop = False
        self._watch = limits.Watch(room, settings)

    def __enter__(self) -> "Keeper":
        self._lock = _alone(self.room.hub / "lock")
        self.life, self._held = os.pipe()
        self._door = machine.door(self.settings.ip, self.settings.port)
        self.environment = _environment() | {
            "LRCOURSE_ROOM_FOLDER": str(self.room.folder),
            LIFE: str(self.life),
        }
        if walls.LINUX:
            walls.linux.adopt_orphans()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self._make_run()
        if self.settings.forked:
            for kind in ("servers", "kernels"):
                folder = str(self.room.folder)
                self._add(kind, "lrcourse.workshop.warm", kind, folder, str(self.life), warm=True)
        self._add_proxy()
        self._add(
            "hub", "jupyterhub", "-f", str(Path(hub.__file__).with_name("jupyterhub_config.py"))
        )
        self._add("board", "lrcourse.workshop.board", str(self.room.folder))
        self._wait_until(self._ready, PATIENCE)

    def _make_run(self) -> None:
        run = Path(self.settings.run)
        run.chmod(0o711)
        for name, mode in {"servers": 0o700, "kernels": 0o755, "learners": 0o711}.items():
            (run / name).mkdir(exist_ok=True)
            (run / name).chmod(mode)

    def _add_proxy(self) -> None:
        settings, routes, door = self.settings, self.room.hub / "routes.json", self._door.fileno()
        routes.unlink(missing_ok=True)  # of an earlier day
        arguments = [f"--door={door}", f"--routes={routes}", f"--api-port={settings.proxy_port}"]
        arguments += [f"--hub=http://127.0.0.1:{settings.hub_port}"]
        if settings.certificate:
            arguments += [f"--certificate={settings.certificate}", f"--key={settings.key}"]
        token = f"CONFIGPROXY_AUTH_TOKEN={self.room.hub / 'proxy_token.secret'}"
        self._add("proxy", "lrcourse.workshop.proxy", *arguments, secret=token, held=(door,))

    def _add(
        self,
        name: str,
        module: str,
        *arguments: str,
        secret: str = "",
        warm: bool = False,
        held: tuple[int, ...] = (),
    ) -> None:
        watched = (
            []
            if warm
            else ["lrcourse.workshop.watched", str(self.life), *filter(None, [secret]), "--"]
        )
        command = [sys.executable, "-m", *watched, module, *arguments]
        self.children.append(Child(name, command, self, *held))

    # While it runs

    def _ready(self) -> bool:
        for child in self.children:
            if child.process.poll() is not None:
                log = (self.room.hub / f"{child.name}.log").read_text(errors="replace")
                raise RuntimeError(f"the {child.name} did not start: {log.strip()[-1500:]}")
        sockets = [Path(self.settings.run) / kind / "warm.sock" for kind in ("servers", "kernels")]
        return (not self.settings.forked or all(map(Path.exists, sockets))) and self._answers()

    def _answers(self) -> bool:
        """Whether the login page comes, through the proxy, and the board."""
        try:
            _get(f"http://127.0.0.1:{self.settings.board_port}/services/board/health")
            _get(f"http://127.0.0.1:{self.settings.hub_port}/hub/health")
            routes = self._ask_proxy()
            return "/" in routes and "/services/board" in routes
        except (OSError, ValueError):
            return False

    def _ask_proxy(self) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings.proxy_port}/api/routes",
            headers={"Authorization": f"token {self.room.secret('proxy_token')}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def _tell_hub(self) -> bool:
        """Have the hub tell a new proxy who is where."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings.hub_port}/hub/api/proxy",
            method="POST",
            headers={"Authorization": f"token {self.room.secret('keeper_token')}"},
        )
        try:
            urllib.request.urlopen(request, timeout=20).close()
        except OSError:
            return False
        return True

    def stay(self, say: Callable[[str], None] = print) -> None:
        """Watch over the room until it is told to stop."""
        with _signals(self._please_stop):
            untold = False
            while not self._stop:
                for child in self.children:
                    if child.revive():
                        say(f"The {child.name} had ended, and was started again.")
                        untold |= child.name == "proxy"
                untold = untold and not self._tell_hub()
                self._watch.look()
                _reap({child.process.pid for child in self.children})
                time.sleep(BLINK)

    def _please_stop(self, *_: object) -> None:
        self._stop = True

    def _wait_until(self, true: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        with _signals(self._please_stop):
            while not true():
                if self._stop:
                    raise KeyboardInterrupt
                if time.monotonic() > end:
                    raise RuntimeError(
                        f"the room was not ready after {seconds:g} s: see {self.room.hub}"
                    )
                time.sleep(BLINK)

    # The end

    def __exit__(self, *_: object) -> None:
        """First the hub, which would start servers again; then everything else, nicely, then not."""
        for child in self.children:
            if child.name == "hub":
                child.process.kill()
        end_all(
            psutil.Process().children(recursive=True) + learners_processes(self.room, self.settings)
        )
        for child in self.children:
            child.process.wait()
        self._door.close()
        os.close(self._held)
        os.close(self.life)
        shutil.rmtree(self.settings.run, ignore_errors=True)
        os.close(self._lock)


def learners_processes(room: Room, settings: Settings) -> list[psutil.Process]:
    """What runs on the account of a learner of this room, whoever started it."""
    if settings.wall not in ("both", "accounts"):
        return []
    found, accounts = [], {uid for uid in room.accounts() if walls.may_ask(uid)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real in accounts:
                found.append(process)
    return found


def end_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=GRACE)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=GRACE)


def _environment() -> dict[str, str]:
    """For the room's own processes: nothing of who started it that they do not need."""
    kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "SYSTEMROOT")
    ours = {name: os.environ[name] for name in kept if name in os.environ}
    return ours | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "LRCOURSE_HOME": os.devnull}


def _alone(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise RuntimeError(
            f"a room is running in {path.parent.parent}: stop it first, or give another --folder"
        ) from None
    return lock


@contextlib.contextmanager
def _signals(stop: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reap(known: set[int]) -> None:
    """Wait for processes that were left to us: a kernel, whose server is gone."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children():
            if child.pid not in known and child.status() == psutil.STATUS_ZOMBIE:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()
