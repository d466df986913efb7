"""The grader's end of a submission's run: trusted, and suspicious of every line that comes back.

`run_notebook(worker, cells, tasks, limits)` gives what each answer returned, as plain JSON values.
A cell that ends the process or never ends is left out, and the notebook is run again without it,
so that it costs its own task and no other.
"""

import contextlib
import io
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import psutil

from lrcourse.answers import told
from lrcourse.grading.sandbox import INSIDE, Box, Limits, NoSandbox, command, refusal
from lrcourse.grading.worker import MOST_FAULTS, waited

STRETCH = 30.0  # times that a run may take longer because others have the processor
GRACE = 1.5  # seconds that a cell may take longer than its limit before its process is ended
STARTING = 60.0  # seconds that a worker may take to be warm
MOST_ATTEMPTS = 12
WAYS = ("place", "check", "end")  # where an answer is taken: see `worker`

TOO_LONG = "did not end within"  # as the worker says it, of a cell or a call
WARM = ("numpy", "lrcourse.answers", "IPython.core.interactiveshell")


class Fault(NamedTuple):
    """A statement that failed."""

    says: str
    line: str = ""
    binds: tuple[str, ...] = ()  # the names that it would have set


@dataclass
class Run:
    """What came of running a notebook."""

    # task id: for each way to find the answer ("place", "check", "end") an entry for each call
    results: dict[str, dict[str, list]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)  # tasks whose name the notebook never defines
    lost: dict[str, str] = field(default_factory=dict)  # task id: why its calls gave nothing
    errors: dict[int, list[Fault]] = field(default_factory=dict)  # cell: what went wrong in it
    left_out: dict[int, str] = field(default_factory=dict)  # cell: why it was left out
    ended: str = ""  # why the run was given up, if it was
    seconds: float = 0.0
    waited: float = 0.0  # seconds of these in which others had the processor
    timed_out: bool = False  # something took too long

    @property
    def starved(self) -> bool:
        """Whether that may have been the fault of a busy machine."""
        return self.timed_out and self.waited > 0.2 * self.seconds


class Abandoned(BaseException):
    """The grader was told to stop. No fault of a submission, and not to be taken for one."""


class Gone(Exception):
    """The submission's process is over, or has to be. The text says why."""


# One line from the other side at a time


class _Incoming:
    """Lines of JSON from a stream that nobody trusts, with a limit on bytes and on waiting."""

    def __init__(self, read: Callable[[int], bytes], most: int) -> None:
        self._lines: queue.Queue[dict | Gone] = queue.Queue(maxsize=1000)
        self._stop = False
        arguments = (read, most)
        self._thread = threading.Thread(target=self._read, args=arguments, daemon=True)
        self._thread.start()

    def _read(self, read: Callable[[int], bytes], most: int) -> None:
        buffer, total = b"", 0
        while not self._stop:
            try:
                data = read(1 << 16)
            except OSError:
                data = b""
            if not data:
                return self._put(Gone("ended"))
            total += len(data)
            if total > most:
                return self._put(Gone("output"))
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self._put(_message(line))

    def _put(self, item: dict | Gone) -> None:
        while not self._stop:
            try:
                return self._lines.put(item, timeout=0.2)
            except queue.Full:
                continue

    def receive(self, seconds: float) -> dict:
        try:
            found = self._lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise Gone("time") from None
        if isinstance(found, Gone):
            raise found
        return found

    def close(self) -> None:
        self._stop = True


def _message(line: bytes) -> dict | Gone:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return Gone("unreadable")
    return found if type(found) is dict else Gone("unreadable")


# Workers


class SandboxedWorker:
    """A warm process in a sandbox that forks for each submission. Use it from one thread."""

    unsafe = False

    def __init__(self, number: int = 0, preload: Sequence[str] = WARM) -> None:
        if refusal():
            raise NoSandbox(refusal())
        self._number, self._preload = number, tuple(preload)
        self._box = Box()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  only the waiting process writes to it
        self._process: subprocess.Popen | None = None
        self._abandoned = _Abandoned()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, self._abandoned.or_not():
            python = [sys.executable, "-I", "-B", str(INSIDE / "worker.py")]
            argv = [*python, str(theirs.fileno()), ",".join(self._preload)]
            self._process = subprocess.Popen(
                command(argv, self._box, worker=self._number, manager=True),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for the grader, which ends it in order
            )
        self._control = ours
        ours.settimeout(STARTING)
        if b"ready" not in self._reply():
            self._said.seek(0)
            said = self._said.read(4000).decode(errors="replace").strip().splitlines()
            raise NoSandbox(
                f"the worker in the sandbox did not start ({' '.join(said[-1:])}). Only packages "
                f"in the environment of this Python are seen inside: install the course in a "
                f"virtual environment, not for the user"
            )

    def _reply(self) -> bytes:
        reply = b""
        try:
            while not reply.endswith(b"\n"):
                data = self._control.recv(256)
                if not data:
                    break
                reply += data
        except OSError:
            pass
        return reply

    def open(self, limits: Limits) -> "_Session":
        """A process of its own for one submission."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        ours, theirs = socket.socketpair()
        with theirs:
            order = json.dumps(asdict(limits)).encode()
            socket.send_fds(self._control, [order], [theirs.fileno()])
        return _Session(ours.recv, ours.sendall, lambda: self._end(ours), limits.answer)

    def _end(self, ours: socket.socket) -> str:
        """Make sure that nothing of the submission is left, and say how it ended."""
        try:
            self._control.sendall(b"stop")
            ended = json.loads(self._reply())["ended"]
        except (OSError, ValueError, KeyError):
            self._stop()
            ended = "ended"
        ours.close()
        return ended

    def _stop(self) -> None:
        if self._process is not None:
            _kill(self._process)
            self._control.close()
            self._process = None

    def waited(self, since: float) -> float:
        """Seconds that what began `since` was ready to compute, and others had the processor."""
        return _waited_below(self._process, since)

    def abandon(self) -> None:
        """End what it does, from any thread; it opens no other session."""
        with self._abandoned.from_now_on():
            if (process := self._process) is not None:
                _kill(process)

    def close(self) -> None:
        self._stop()
        self._said.close()
        self._box.close()


class UnsafeWorker:
    """The same without a sandbox, for people who are trusted: a plain process each time."""

    unsafe = True

    def __init__(self, number: int = 0, preload: Sequence[str] = WARM) -> None:
        self._box = Box()
        self._process: subprocess.Popen | None = None
        self._abandoned = _Abandoned()

    def open(self, limits: Limits) -> "_Session":
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        with self._abandoned.or_not():
            self._process = process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(self._box.path / "worker.py"), "once"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder.name,
                env=_few_variables(folder.name),
                **_APART,
            )

        to, back = process.stdin, process.stdout
        assert isinstance(to, io.BufferedIOBase) and isinstance(back, io.BufferedReader)

        def send(data: bytes) -> None:
            to.write(data)
            to.flush()

        def end() -> str:
            ended = "ended" if process.poll() is not None else "stopped"
            _kill(process)
            folder.cleanup()
            return ended

        session = _Session(back.read1, send, end, limits.answer)
        session.send(**asdict(limits))
        return session

    def waited(self, since: float) -> float:
        """Seconds that what began `since` was ready to compute, and others had the processor."""
        process = self._process
        own = waited(process.pid) if process is not None else 0.0
        return max(own, _waited_below(process, since))

    def abandon(self) -> None:
        """End what it does, from any thread; it opens no other session."""
        with self._abandoned.from_now_on():
            if (process := self._process) is not None:
                _kill(process)

    def close(self) -> None:
        self._box.close()


def _waited_below(process: subprocess.Popen | None, since: float) -> float:
    """Of the process below this one that waited longest: children that wait, too, add nothing."""
    if process is None or not sys.platform.startswith("linux"):
        return 0.0
    try:
        below = psutil.Process(process.pid).children(recursive=True)[:1000]
        new = [one.pid for one in below if one.create_time() > since - 1.5]  # known to a second
    except psutil.Error:  # one has just ended
        return 0.0
    return max(map(waited, new), default=0.0)


# Ctrl-C is for the grader, which ends them in order.
_APART: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"start_new_session": True}
)


class _Abandoned:
    """Whether a worker was given up: a process starts before that, and is ended, or never."""

    def __init__(self) -> None:
        self._lock, self._is_so = threading.Lock(), False

    @contextlib.contextmanager
    def or_not(self) -> Iterator[None]:
        with self._lock:
            if self._is_so:
                raise Abandoned
            yield

    @contextlib.contextmanager
    def from_now_on(self) -> Iterator[None]:
        with self._lock:
            self._is_so = True
            yield


def _few_variables(folder: str) -> dict[str, str]:
    kept = ("PATH", "SYSTEMROOT", "LANG", "LD_LIBRARY_PATH", "PATHEXT", "COMSPEC")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR"), folder)
    return {**found, **homes, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}


def _kill(process: subprocess.Popen) -> None:
    """End a process that was started apart, and all that it started in its own group.

    Where root grades, the first of the sandbox has no right to end those that it started as nobody.
    """
    if hasattr(os, "killpg") and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


class _Session:
    def __init__(
        self,
        read: Callable[[int], bytes],
        send: Callable[[bytes], Any],
        end: Callable[[], str],
        most: int,
    ) -> None:
        self._incoming = _Incoming(read, most)
        self._send, self._end = send, end

    def send(self, **message: Any) -> None:
        try:
            self._send(json.dumps(message).encode() + b"\n")
        except OSError:
            raise Gone("ended") from None

    def receive(self, seconds: float) -> dict:
        return self._incoming.receive(seconds)

    def close(self) -> str:
        """End it, whatever it is doing. How it had ended by itself, if it had."""
        self._incoming.close()
        return self._end()


# A notebook, run as often as it takes


def run_notebook(
    worker: SandboxedWorker | UnsafeWorker,
    cells: Sequence[str],
    tasks: Sequence[dict],
    limits: Limits,
    imports: str = "",
    places: Mapping[str, int] | None = None,
) -> Run:
    """Run `cells`, then call the answers of `tasks`: dicts of id, kind, answer_name, arguments.

    `imports` are run first. `places`: of a task the cell after which its answer counts.
    """
    first = {"imports": imports, "places": dict(places or {})}
    run = Run()
    started = time.monotonic()
    for attempts in range(MOST_ATTEMPTS + 1):
        left = [t for t in tasks if t["id"] not in {*run.results, *run.missing, *run.lost}]
        spare = limits.total - (time.monotonic() - started - run.waited)
        if not left:
            break
        if attempts == MOST_ATTEMPTS:
            run.ended = f"the notebook ended or hung {attempts} times, and was not run again"
            break
        if spare <= 0:
            run.ended = f"the notebook took longer than {limits.total:g} seconds"
            run.timed_out = True
            break
        if not _attempt(worker, cells, left, limits, spare, run, first):
            break
    run.seconds = round(time.monotonic() - started, 3)
    return run


def _attempt(worker, cells, tasks, limits: Limits, spare: float, run: Run, first: dict) -> bool:
    """One process. Whether another attempt makes sense: something new was left out."""
    attempt = _Attempt(run, [t["id"] for t in tasks], len(cells))
    session = worker.open(replace(limits, total=max(spare, 0.1)))
    patience = _Patience(session, worker, limits.call + GRACE, spare)
    try:
        kept = [(i, text) for i, text in enumerate(cells) if i not in run.left_out]
        session.send(cells=kept, **first)
        while not attempt.ready:
            attempt.take(patience.receive())
        session.send(tasks=tasks)
        while not attempt.over:
            attempt.take(patience.receive())
        session.close()
        return False
    except Gone as gone:
        why = str(gone)
        ended = session.close()
        run.timed_out |= "time" in (why, ended) or ended == "processor"
        return attempt.blame(ended if ended in ("memory", "processor") else why, limits)
    finally:
        run.waited += patience.waited


class _Patience:
    """Waits for a submission: so long, and longer where others had the processor."""

    def __init__(self, session: "_Session", worker: Any, each: float, spare: float) -> None:
        self._session, self._worker, self._each, self._spare = session, worker, each, spare
        self._began, self._since = time.monotonic(), time.time()
        self.waited = 0.0

    def receive(self) -> dict:
        asked = time.monotonic()
        while True:
            try:
                return self._session.receive(max(0.0, self._left(asked)))
            except Gone as gone:
                if str(gone) != "time" or not self._goes_on(asked):
                    raise

    def _left(self, asked: float) -> float:
        of_all = self._spare + self.waited - (time.monotonic() - self._began)
        return min(self._each + self.waited - (time.monotonic() - asked), of_all)

    def _goes_on(self, asked: float) -> bool:
        """Whether it had less of the processor than it may have. Not without end."""
        self.waited = max(self.waited, self._worker.waited(self._since))
        most = min(STRETCH * self._each, asked + STRETCH * self._spare - self._began)
        return self._left(asked) > 0.01 and time.monotonic() - asked < most


@dataclass
class _Attempt:
    """What the submission says of itself, taken no further than it can be checked."""

    run: Run
    ids: list[str]
    cells: int
    cell: int | None = None
    task: str | None = None
    ready: bool = False
    over: bool = False

    def take(self, message: dict) -> None:
        match message:
            case {"cell": int(place)} if not self.ready and self._comes_next(place):
                self.cell = place
            case {"error": int(place), "says": str(says), "line": str(line)}:
                if place == self.cell:
                    told_so = told({"failed": says, "line": line})
                    self._note(place, Fault(*told_so, _names(message.get("binds"))))
                    self.run.timed_out |= TOO_LONG in says[:1000]
            case {"full": int(place)} if not self.ready and place == self.cell:
                raise Gone("memory")
            case {"ready": True} if not self.ready:
                self.ready = True
            case {"task": str(name)} if self.ready and name in self.ids:
                self._next(name)
            case {"result": str(name), "missing": True} if name == self.task:
                self.run.missing.add(name)
            case {"result": str(name), "values": list(values)} if name == self.task:
                way = next((way for way in WAYS if way == message.get("way")), "end")
                self.run.results.setdefault(name, {}).setdefault(way, values)
                self.run.timed_out |= any(map(_took_too_long, values))
            case {"end": True} if self.ready:
                self.over = True
            case _:
                raise Gone("unreadable")

    def _note(self, place: int, fault: Fault) -> None:
        """A fault that an earlier attempt has told is told once."""
        known = self.run.errors.setdefault(place, [])
        if fault not in known and len(known) < MOST_FAULTS:
            known.append(fault)

    def _comes_next(self, place: int) -> bool:
        return (-1 if self.cell is None else self.cell) < place < self.cells

    def _next(self, name: str) -> None:
        if self.task is not None and self.ids.index(name) <= self.ids.index(self.task):
            raise Gone("unreadable")
        self.task = name

    def blame(self, why: str, limits: Limits) -> bool:
        says = _WHY[why].format(limits=limits, mib=limits.memory >> 20)
        if self.task in self.run.results:  # the answer again, as it is at another place
            return True
        if self.task is not None and self.task not in self.run.missing:
            self.run.lost[self.task] = says
            return True
        if not self.ready and self.cell is not None:
            self.run.left_out[self.cell] = says
            self.run.errors.pop(self.cell, None)  # what went wrong in it costs no more than itself
            return True
        self.run.ended = f"the notebook {says}"
        return False


def _names(given: Any) -> tuple[str, ...]:
    """Names that a submission says it would have set: what is none is left out."""
    names = given[:20] if type(given) is list else []
    return tuple(n for n in names if type(n) is str and len(n) < 80 and n.isidentifier())


def _took_too_long(value: Any) -> bool:
    return type(value) is dict and TOO_LONG in str(value.get("failed"))[:1000]


_WHY = {
    "processor": "used more than {limits.total:g} seconds of the processor",
    "ended": "ended the process that ran it",
    "time": "did not end within {limits.call:g} seconds, and did not stop when told to",
    "memory": "used more than {mib} MiB of memory",
    "output": "sent back more than can be an answer",
    "unreadable": "sent back something that is no answer",
}
