"""The process inside the sandbox: warm, and forked anew for each submission.

It imports NumPy and the rest once, then waits. For each submission it is handed a socket and
forks; the child gets process, mount and message namespaces of its own, fresh writable folders, no
rights and hard limits, and only then reads the notebook from the socket. This process itself never
reads a submission, so that no child can find the one before it in its memory.

What the child sends back is an account in JSON, a line each:

    {"cell": 3}                                 about to run cell 3
    {"error": 3, "says": "NameError: ...", "line": "line 2: ...", "binds": ["x"]}
    {"ready": true}                             all cells have run; the tasks may come now
    {"task": "step_decay.1"}                    about to call this answer
    {"result": "step_decay.1", "values": [...], "way": "place"}
    {"end": true}

All of it can be forged by the submission. Nothing outside trusts it further than as an answer.

It runs from a folder that holds this file and the sandbox's own `lrcourse`, nothing else of the
course, so this module imports nothing of the grader.
"""

import ast
import asyncio
import contextlib
import ctypes
import errno
import gc
import importlib
import inspect
import json
import mmap
import os
import platform
import select
import signal
import socket
import struct
import sys
import time
import traceback
from pathlib import Path

if __name__ == "__main__":  # python -I leaves out the folder of the script
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from lrcourse.answers import OutOfTime, _named, _own_line, collect, prepare  # noqa: E402

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 0x1000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
NICE = 5  # submissions come after the grader
WRITABLE = ("/tmp", "/home/learner", "/dev/shm")

# Calls of the system that a submission could keep things with outside of its processes and
# folders: memory that no limit counts, and keys that the next submission finds. And those that
# reach past the sandbox to files that it only reads: watching who opens them, locking them.
_X86_64 = {"shmget": 29, "semget": 64, "msgget": 68, "add_key": 248, "request_key": 249}
_X86_64 |= {"keyctl": 250, "memfd_create": 319, "memfd_secret": 447, "io_uring_setup": 425}
_X86_64 |= {"flock": 73, "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300}
_OTHERS = {"shmget": 194, "semget": 190, "msgget": 186, "add_key": 217, "request_key": 218}
_OTHERS |= {"keyctl": 219, "memfd_create": 279, "memfd_secret": 447, "io_uring_setup": 425}
_OTHERS |= {"flock": 32, "inotify_init1": 26, "fanotify_init": 262}
FORBIDDEN = {  # by machine: the kernel's number for it, those of mmap and fcntl, and of the calls
    "x86_64": (0xC000003E, 9, 72, _X86_64),
    "aarch64": (0xC00000B7, 222, 25, _OTHERS),
    "riscv64": (0xC00000F3, 222, 25, _OTHERS),
}
SHARED_AND_NAMELESS = 0x21  # MAP_SHARED, MAP_ANONYMOUS
LEASES_AND_NEWS = (1024, 1026)  # F_SETLEASE, F_NOTIFY


# The waiting process: trusted, and never near a submission's text


def serve(control: socket.socket, preload: list[str]) -> None:
    """Wait for submissions on `control` until the grader goes away."""
    warm(preload)
    _forbid_user_namespaces()
    _forbid_calls()
    memory = _Memory()
    control.sendall(b'{"ready": true}\n')
    while True:
        message, fds, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        while message.startswith(b"stop"):  # meant for a submission that had already ended
            message = message.removeprefix(b"stop")
        if not message:
            continue
        limits = json.loads(message)
        child = os.fork()
        if not child:
            control.close()
            _in_its_own_namespaces(fds[0], limits)
        os.close(fds[0])
        why = _watch(child, control, limits, memory)
        control.sendall(json.dumps({"ended": why}).encode() + b"\n")


def warm(preload: list[str]) -> None:
    """Import what a submission needs, so that a fork has it at once."""
    for name in preload:
        try:
            importlib.import_module(name)
        except ImportError:  # the notebook that needs it will say so
            continue
    if "torch" in preload:
        _train_once()
    _shell().run_cell("1")
    gc.collect()
    gc.freeze()


def _train_once() -> None:
    """What PyTorch loads at its first step and first gradient takes longer than importing it."""
    import torch

    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0)
    torch.nn.functional.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 1)).backward()
    optimizer.step()
    scheduler.step()
    prepare("resume")


def _watch(child: int, control: socket.socket, limits: dict, memory: "_Memory") -> str:
    """Wait for the end of a submission. How it ended: "ended", "memory", or "stopped" by order."""
    why = ""
    while not os.waitpid(child, os.WNOHANG)[0]:
        if select.select([control], [], [], 0.02)[0]:
            why = "stopped"
            if not control.recv(64):
                os._exit(1)
            break
        if memory.above(limits["memory"]):
            why = "memory"
            break
        if _processor_time(_others()) > limits["total"]:
            why = "processor"
            break
    _kill_all()
    return why or "ended"


def _kill_all() -> None:
    """End every process of this sandbox but this one and the one that reaps; wait for the end.

    Those that are still ending count against the limit on processes of the next submission.
    """
    while _others():
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.002)


def _others() -> list[int]:
    """The processes of the submission that runs now."""
    spared = {1, os.getpid()}
    return [int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) not in spared]


def _processor_time(pids: list[int]) -> float:
    """Seconds that these processes have computed, with those of their children that ended."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            text = Path(f"/proc/{pid}/stat").read_text()
            ticks += sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class _Memory:
    """What the processes of a submission hold together, in bytes."""

    def __init__(self) -> None:
        self._warm = _shares_of(os.getpid())  # a fork begins with these pages, and shares them

    def above(self, most: int) -> bool:
        """Whether it is more than `most`. A page that several of them share counts once."""
        others = _others()
        if sum(map(_resident, others)) <= most:  # quick to know; shared pages count each time
            return False
        return sum(map(_shares_of, [os.getpid(), *others])) - self._warm > most


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):  # it has just ended
        return 0


def _shares_of(pid: int) -> int:
    """The memory of a process, of each page the part that falls to it; files that it maps do not
    count. Linux before 5.9 does not tell them apart."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return _resident(pid)
    held = {name: int(kib) for name, kib, *_ in map(str.split, lines)}
    own = held["Pss_Anon:"] + held["Pss_Shmem:"] if "Pss_Anon:" in held else held["Pss:"]
    return (own + held["SwapPss:"]) * 1024


# A Jupyter kernel in the sandbox: `python worker.py kernel LIMITS FOLDER COMMAND...`


def guard_kernel(limits: dict, folder: str, command: list[str]) -> None:
    """Run a kernel without rights, and keep watch beside it.

    The folder with its sockets is the one place of the host's disk that it can write to: it is
    closed as soon as the sockets are there.
    """
    _forbid_user_namespaces()
    _forbid_calls()
    _libc("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    kernel = os.fork()
    if not kernel:
        set_limits(limits, forked=True)
        _drop_rights()
        os.execvp(command[0], command)
    opened, memory = False, _Memory()
    while not os.waitpid(kernel, os.WNOHANG)[0]:
        if not opened and sum(p.is_socket() for p in Path(folder).iterdir()) >= 5:
            flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
            _libc("mount", None, folder.encode(), None, flags, None)
            opened = True
        if memory.above(limits["memory"]):
            break
        time.sleep(0.05 if opened else 0.005)
    _kill_all()


# The child: still trusted while it locks itself in


def _libc(name: str, *arguments) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _forbid_user_namespaces() -> None:
    """In a namespace of its own a submission could mount folders without a size."""
    _libc("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _forbid_calls() -> None:
    """`FORBIDDEN` calls fail from here on as if the kernel had none, in every process below."""
    machine = platform.machine()
    if machine not in FORBIDDEN:
        raise NotImplementedError(f"the numbers of system calls on {machine} are not known")
    code = _filter(*FORBIDDEN[machine])
    text = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))  # struct sock_fprog
    _libc("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)


def _filter(architecture: int, mmap: int, fcntl: int, forbidden: dict[str, int]) -> bytes:
    """Classic BPF over a call's number (byte 0), architecture (4) and arguments (16, 24, ...).

    A call of another architecture (32-bit, x32) has other numbers, and fails whatever it is. So
    does mmap for shared memory without a file, which may be in no process and yet be kept, and
    fcntl for leases of files, and for news of folders.
    """
    load, equal, at_least, mask, give = 0x20, 0x15, 0x35, 0x54, 0x06
    allow, no_such_call = 0x7FFF0000, 0x00050000 | errno.ENOSYS
    numbers = sorted(forbidden.values())
    steps: list = [  # (what, value, where to go if so, where if not); None: the next step
        (load, 4, None, None),
        (equal, architecture, None, "deny"),
        (load, 0, None, None),
        (at_least, 1 << 30, "deny", None),
        *((equal, number, "deny", None) for number in numbers),
        (equal, mmap, "mmap", None),
        (equal, fcntl, "fcntl", "allow"),
        "mmap",
        (load, 16 + 3 * 8, None, None),
        (mask, SHARED_AND_NAMELESS, None, None),
        (equal, SHARED_AND_NAMELESS, "deny", "allow"),
        "fcntl",
        (load, 16 + 1 * 8, None, None),
        *((equal, command, "deny", None) for command in LEASES_AND_NEWS),
        "allow",
        (give, allow, None, None),
        "deny",
        (give, no_such_call, None, None),
    ]
    code = [step for step in steps if type(step) is tuple]
    names = [i for i, step in enumerate(steps) if type(step) is str]
    places = {steps[i]: i - n for n, i in enumerate(names)}
    return b"".join(
        struct.pack("HBBI", what, *(_ahead(places, to, i) for to in (yes, no)), value)
        for i, (what, value, yes, no) in enumerate(code)
    )


def _ahead(places: dict, name: str | None, here: int) -> int:
    """How many steps to jump over."""
    return places[name] - here - 1 if name else 0


def _in_its_own_namespaces(fd: int, limits: dict) -> None:
    try:
        _libc("unshare", CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET)
        _loopback_up()
        init = os.fork()
        if not init:
            _lock_in(fd, limits)
            _reap_around(fd, limits)
        os.close(fd)  # the submission's end of the socket is the only one
        os.waitpid(init, 0)
    except BaseException:
        traceback.print_exc()  # to the grader's own record: no submission has run here yet
    finally:
        os._exit(0)


def _loopback_up() -> None:
    """A network of its own, which leads nowhere: what the last one left in it is not there."""
    import fcntl

    get, put, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, get, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("16sh", found)[1]
        fcntl.ioctl(any_socket, put, struct.pack("16sh22x", b"lo", flags | up))


def _lock_in(fd: int, limits: dict) -> None:
    """Fresh folders, its own /proc, no rights, hard limits. Raises unless all of it holds."""
    _libc("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    size = f"size={limits['disk']},nr_inodes=4096,mode=755".encode()
    for folder in WRITABLE:
        _libc("mount", b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, size)
    _libc("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    os.chdir("/home/learner")
    os.setsid()
    os.nice(NICE)
    Path("/proc/self/oom_score_adj").write_text("1000")
    set_limits(limits, forked=True)
    _drop_rights()
    _close_all_but(fd)


def _drop_rights() -> None:
    _libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for right in range(last + 1):
        _libc("prctl", PR_CAPBSET_DROP, right, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _libc("capset", header, (ctypes.c_uint32 * 6)())
    status = Path("/proc/self/status").read_text()
    held = [line for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapBnd"))]
    if any(int(line.split()[1], 16) for line in held):
        raise PermissionError(f"rights are left: {held}")


def set_limits(limits: dict, forked: bool) -> None:
    """The limits that the system keeps for each process. `forked`: what is warm does not count."""
    try:
        import resource
    except ImportError:  # Windows
        return
    held = int(Path("/proc/self/statm").read_text().split()[0]) * 4096 if forked else 0
    seconds = int(limits["total"]) + 5
    most = {
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": limits["file"],
        "RLIMIT_NOFILE": limits["files"],
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 1 << 16,
    }
    if forked:
        most |= {"RLIMIT_NPROC": limits["processes"], "RLIMIT_AS": held + limits["memory"]}
    for name, value in most.items():
        if hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (value, value))


def _close_all_but(fd: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, fd)
    os.closerange(fd + 1, 65536)


def _reap_around(fd: int, limits: dict) -> None:
    """The first process of the namespace: when the submission ends, this ends, and so does all."""
    main = os.fork()
    if not main:
        try:
            run(_Line(fd, fd), limits)
        finally:
            os._exit(0)
    os.close(fd)
    _libc("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)  # the submission cannot trace it
    while os.wait()[0] != main:
        continue
    os._exit(0)


# The submission's process: from here on nothing can be trusted


class _Line:
    """Lines of JSON, to and from the grader."""

    def __init__(self, read: int, write: int) -> None:
        self._write = write
        self._lines = os.fdopen(read, "rb", closefd=False)

    def send(self, **message) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            data = data[os.write(self._write, data) :]

    @classmethod
    def silent(cls) -> "_Line":
        """One that nobody reads."""
        null = os.open(os.devnull, os.O_RDWR)
        return cls(null, null)

    def receive(self) -> dict:
        line = self._lines.readline()
        if not line:
            os._exit(0)
        return json.loads(line)


def run(line: _Line, limits: dict) -> None:
    """Run the cells of a notebook, then call its answers."""
    asked = line.receive()
    shell = _shell()
    sys.path.insert(0, "")  # what a cell writes can be imported
    moments = _Moments(shell, asked.get("places", {}))
    _run_cell(shell, _Line.silent(), -1, asked.get("imports", ""), limits["call"])
    for place, source in asked["cells"]:
        line.send(cell=place)
        _run_cell(shell, line, place, source, limits["call"])
        if _full(limits["memory"]):  # the answers of other cells would pay for what this one holds
            line.send(full=place)
        moments.after(place)
    line.send(ready=True)
    moments.end()
    for task in line.receive()["tasks"]:
        line.send(task=task["id"])
        found = moments.of(task["id"], task["answer_name"])
        for way, answer, names in found:
            moments.go_back_to(names)
            values = _called(task, answer, limits["call"])
            line.send(result=task["id"], values=values, way=way)
        if not found:
            line.send(result=task["id"], missing=True)
    line.send(end=True)


def _full(memory: int) -> bool:
    """Whether less than an eighth of the memory is left. On Windows nothing limits it."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return False
    try:
        mmap.mmap(-1, max(memory // 8, 1), mmap.MAP_PRIVATE).close()
    except OSError:
        return True
    return False


def _called(task: dict, answer: object, seconds: float) -> list:
    values: list = []
    try:
        with _TimeLimit(seconds):
            collect(task["kind"], answer, task["arguments"], into=values)
    except OutOfTime:
        values.append({"failed": _too_long(seconds), "line": ""})
    return values


class _Moments:
    """What an answer was, and all names beside it, where `check` saw it and at the end.

    An answer counts where its cell stands: what is called the same further down changes nothing.
    """

    def __init__(self, shell, places: dict) -> None:
        self._names = shell.user_ns
        self._places = places  # task: the place of the cell after which it counts
        self._there: dict = {}
        self._handed: dict = {}
        self._end: dict = {}
        import lrcourse

        setattr(lrcourse, "_on_check", self._take)  # noqa: B010

    def _take(self, task: object, answer: object) -> None:
        if type(task) is str and len(self._handed) < 1000:
            self._handed[task] = (answer, dict(self._names))

    def after(self, place: int) -> None:
        here = [task for task, at in self._places.items() if at == place]
        if here:
            names = dict(self._names)
            self._there |= dict.fromkeys(here, names)

    def end(self) -> None:
        self._end = dict(self._names)

    def of(self, task: str, name: str) -> list:
        """(way, answer, names) of each different answer that a task has."""
        there, found = self._there.get(task, {}), []
        if name in there:
            found.append(("place", there[name], there))
        if task in self._handed:
            found.append(("check", *self._handed[task]))
        if name in self._end:
            found.append(("end", self._end[name], self._end))
        return [one for i, one in enumerate(found) if not any(one[1] is o[1] for o in found[:i])]

    def go_back_to(self, names: dict) -> None:
        """Functions look names up in the one namespace of the notebook."""
        kept = dict(names)
        self._names.clear()
        self._names.update(kept)


MOST_FAULTS = 5  # of one cell that are told


def _run_cell(shell, line: "_Line", place: int, source: str, seconds: float) -> None:
    """Run a cell statement by statement: one that fails costs itself, not the rest."""
    faults, late = 0, 0
    statements = iter(_statements(shell, source, place))
    while late < 2:
        error, now = None, None
        try:
            with _TimeLimit(seconds):
                for node, work in statements:
                    now = node
                    work()
        except BaseException as raised:
            error = raised
        if error is None:
            return
        late += isinstance(error, OutOfTime)
        faults += 1
        if faults <= MOST_FAULTS:
            _report(line, place, error, now, seconds)
        if isinstance(error, SyntaxError) and now is None:
            return


def _report(line: "_Line", place: int, error: BaseException, node: object, seconds: float) -> None:
    if isinstance(error, OutOfTime):
        says, where = f"it {_too_long(seconds)}", ""
    else:
        says, where = f"it raised {_named(error)}", _own_line(error)
    line.send(error=place, says=says, line=where, binds=_bound_by(node))


def _bound_by(node: object) -> list[str]:
    """Names that a statement would have set."""
    names: list[str] = []
    for one in ast.walk(node) if isinstance(node, ast.AST) else ():
        if isinstance(one, ast.Import | ast.ImportFrom):
            names += [(a.asname or a.name).partition(".")[0] for a in one.names]
        elif isinstance(one, ast.FunctionDef | ast.ClassDef):
            names.append(one.name)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            names.append(one.id)
    return names[:20]


def _statements(shell, source: str, place: int):
    """(its tree, what runs it) for each statement of a cell, as IPython reads it."""
    if source.lstrip().startswith("%%"):
        yield None, lambda: _whole(shell, source)
        return
    text = shell.transform_cell(source)
    name = shell.compile.cache(text, place)
    for node in ast.parse(text, name).body:
        yield node, lambda node=node: _one(shell, node, name)


def _whole(shell, source: str) -> None:
    outcome = shell.run_cell(source)
    error = outcome.error_before_exec or outcome.error_in_exec
    if error is not None:
        raise error


def _one(shell, node: ast.stmt, name: str) -> None:
    with shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
        code = shell.compile(ast.Module([node], []), name, "exec")
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, shell.user_ns))
    else:
        exec(code, shell.user_ns)


def _too_long(seconds: float) -> str:
    return f"did not end within {seconds:g} seconds"


def _shell():
    """IPython without a screen, a history or a terminal: magics work, nothing is shown."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    if InteractiveShell.initialized():
        return InteractiveShell.instance()
    for name in ("enable_gui", "showtraceback", "showsyntaxerror", "show_usage"):
        setattr(InteractiveShell, name, lambda *_, **__: None)
    # IPython keeps what a cell prints: without end, where a cell prints without end.
    setattr(InteractiveShell, "_tee", lambda *_, **__: contextlib.nullcontext())  # noqa: B010
    setattr(InteractiveShell, "enable_matplotlib", lambda *_, **__: ("agg", "agg"))  # noqa: B010
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    return InteractiveShell.instance(config=config)


class _TimeLimit:
    """Raises `OutOfTime` in the block after some seconds, again and again while it is swallowed.

    Seconds in which this process would have computed, and others had the processor, do not count.
    Where there is no alarm (Windows) the grader outside ends the process a little later.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._began, self._waited = time.monotonic(), waited(os.getpid())
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, 0.2)

    def __exit__(self, *_) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _over(self, *_) -> None:
        left = self._seconds + waited(os.getpid()) - self._waited - time.monotonic() + self._began
        if left > 0.01:
            signal.setitimer(signal.ITIMER_REAL, left, 0.2)
        else:
            raise OutOfTime


def waited(pid: int) -> float:
    """Seconds that a process was ready to compute and had no processor; 0 where nobody counts."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _once() -> None:
    """Without a sandbox: one submission on the standard streams, which it does not get to see."""
    read, write = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    line = _Line(read, write)
    limits = line.receive()
    set_limits(limits, forked=False)
    run(line, limits)


if __name__ == "__main__":
    sys.argv, arguments = sys.argv[:1], sys.argv[1:]
    if arguments[0] == "once":
        _once()
    elif arguments[0] == "kernel":
        guard_kernel(json.loads(arguments[1]), arguments[2], arguments[3:])
    else:
        serve(socket.socket(fileno=int(arguments[0])), arguments[1].split(","))
    os._exit(0)
