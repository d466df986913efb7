"""One learner's harm is nobody else's loss: processor time, memory, the network, locks."""

import json
import os
import subprocess
import sys
import time

import pytest

from lrcourse.grading import grade as grading
from lrcourse.grading.grade import grade, load_mark
from lrcourse.grading.sandbox import Limits
from lrcourse.grading.sessions import Run
from lrcourse.grading.worker import NICE

from .conftest import HONEST, POINTS, earned, need_sandbox, says, write

SHEET = "exponential_decay"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the sandbox")

SPINS = """
import os
for _ in range(28):
    if not os.fork():
        os.setsid()
        while True: pass
"""


def test_a_hostile_notebook_costs_nobody_else_a_point(tmp_path):
    """Beside 28 children that spin everybody has the marks that they have alone, and is cached."""
    need_sandbox()
    for i in range(6):
        write(tmp_path / "in", f"n{i}/{SHEET}.ipynb", "sum(range(3_000_000))", *HONEST.values())
    write(tmp_path / "in", f"eve/{SHEET}.ipynb", SPINS, *HONEST.values())
    marks = grade(tmp_path / "in", tmp_path / "out", jobs=2, limits=Limits(call=4.0, total=8.0))
    honest = [m for m in marks if m.learner != "eve"]

    assert [earned(m) for m in honest] == [POINTS] * 6
    assert not any(m.notes or m.for_instructor for m in honest)


def test_time_that_others_had_does_not_count(tmp_path):
    """Three processes of another program on every core: a cell has its seconds all the same."""
    need_sandbox()
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(3 * len(os.sched_getaffinity(0)))
    ]
    try:
        computes = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.6: pass"
        write(tmp_path / "in", f"ada/{SHEET}.ipynb", f"{computes}\nk = 1", *HONEST.values())
        (mark,) = grade(tmp_path / "in", tmp_path / "out", jobs=1, limits=Limits(call=1.0))
    finally:
        for one in busy:
            one.kill()

    assert earned(mark) == POINTS
    assert mark.notes == [] and not mark.timed_out


def test_what_timed_out_is_graded_again_alone(tmp_path, monkeypatch):
    """Only that, only once, and after all others; the mark that counts is the second."""
    need_sandbox()
    for name in ("ada", "bob"):
        write(tmp_path / "in", f"{name}/{SHEET}.ipynb", *HONEST.values())
    write(tmp_path / "in", f"eve/{SHEET}.ipynb", "while True: pass", *HONEST.values())
    monkeypatch.setattr(Run, "starved", False)  # whatever else this machine does now
    ran = []
    marked = grading.mark

    def counted(submission, *rest, **options):
        ran.append(submission.learner)
        return marked(submission, *rest, **options)

    monkeypatch.setattr(grading, "mark", counted)
    marks = grade(tmp_path / "in", tmp_path / "out", jobs=2, limits=Limits(call=1.0, total=9.0))
    eve = next(m for m in marks if m.learner == "eve")

    assert sorted(ran) == ["ada", "bob", "eve", "eve"] and ran[-1] == "eve"
    assert earned(eve) == POINTS and eve.timed_out
    assert "took too long, also when it was graded alone" in eve.for_instructor[-1]


def test_a_starved_run_is_not_kept(tmp_path, monkeypatch):
    """A time-out on a busy machine is said, and made anew by the next run; on an idle one kept."""
    need_sandbox()
    write(tmp_path / "in", f"eve/{SHEET}.ipynb", "while True: pass", *HONEST.values())
    limits = Limits(call=1.0, total=9.0)
    for starved in (True, False):
        monkeypatch.setattr(Run, "starved", property(lambda self, is_so=starved: is_so))
        (mark,) = grade(tmp_path / "in", tmp_path / "out", limits=limits)
        (kept,) = (tmp_path / "out" / "marks").glob("*.json")

        assert bool(load_mark(kept).fingerprint) is not starved
        assert ("kept this machine busy" in mark.for_instructor[-1]) is starved


@pytest.mark.parametrize(
    ("waited", "seconds", "timed_out", "starved"),
    [(5, 10, True, True), (0.1, 10, True, False), (5, 10, False, False)],
)
def test_starved_is_what_timed_out_and_waited(waited, seconds, timed_out, starved):
    """Waiting alone costs nobody anything; a time-out without waiting is their own."""
    assert Run(waited=waited, seconds=seconds, timed_out=timed_out).starved is starved


def test_processor_time_has_a_limit(hand_in):
    """Children that compute on while their parent has long replied are ended with it."""
    started = time.monotonic()
    mark = hand_in(
        SPINS.replace("28", "12") + "import time\ntime.sleep(100)",
        *HONEST.values(),
        limits=Limits(call=50.0, total=3.0),
    )

    assert time.monotonic() - started < 40
    assert "used more than 3 seconds of the processor" in mark.notes[0]


def test_submissions_come_after_the_grader(hand_in):
    """They run at a lower priority, which they cannot raise."""
    mark = hand_in(
        "import os\nnice = os.nice(0)\ntry:\n    os.nice(-5)\n    nice = -1\n"
        "except PermissionError: pass\ndef exponential_decay(t, lr, k):\n    return float(nice)"
    )

    assert f"yours {min(19, os.nice(0) + NICE)}," in says(mark)


A_MEGABYTE = {
    "names": "a\n" * (1 << 19),
    "brackets": "[" * 40_000 + "]" * 40_000,
    "sums": "1+" * 500_000 + "1",
    "imports": "import lrcourse\n" * 60_000,
    "dots": "lrcourse" + ".a" * 500_000,
    "commas": "from lrcourse import " + "a," * 500_000,
    "comments": "#" * (1 << 20),
}


@pytest.mark.parametrize("text", A_MEGABYTE.values(), ids=A_MEGABYTE)
def test_the_trusted_process_reads_a_megabyte_in_bounds(tmp_path, text):
    """What looks at a submission's text takes seconds and a hundred megabytes at most."""
    path = write(tmp_path, f"eve/{SHEET}.ipynb", text)
    look = f"""
import resource, time
from lrcourse.grading.grade import _uses_the_course
from lrcourse.grading.notebooks import read_bytes, read_notebook, settled
from pathlib import Path
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
notebook = read_notebook("x.ipynb", read_bytes(Path({str(path)!r})))
settled(None, notebook)
_uses_the_course(notebook.code)
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    seconds, kilobytes = map(float, done.stdout.split())

    assert seconds < 5, done.stderr
    assert kilobytes < 150_000


ROUNDABOUT = {
    "from lrcourse import StepDecay": "Uses the course's own StepDecay",
    "import lrcourse as lc\nf = lc.StepDecay": "Uses the course's own StepDecay",
    "import lrcourse.schedules as s\nf = s.OneCycle": "Uses the course's own OneCycle",
    "from lrcourse.schedules import *\nf = Cyclical(base_lr=1)": "Uses the course's own Cyclical",
    "from lrcourse import (StepDecay as S, trace)": "Uses the course's own StepDecay",
    "m = __import__('lrc' + 'ourse.schedules')": "roundabout way (__import__)",
    "import importlib\nm = importlib.import_module('lrc' + 'ourse')": "roundabout way (importlib)",
    "exec(text)": "roundabout way (exec)",
    "import sys\nm = sys.modules['lrcourse']": "roundabout way (sys.modules)",
}


@pytest.mark.parametrize(("code", "note"), ROUNDABOUT.items(), ids=range(len(ROUNDABOUT)))
def test_using_a_class_of_the_course_is_noted(code, note):
    """However it is reached; what the sheets themselves import is not."""
    assert note in " ".join(grading._uses_the_course(["x = 1", code]))
    assert grading._uses_the_course(["import lrcourse\nlrcourse.check('x', f)\nevaluate = 1"]) == []


def test_a_forged_cell_number_is_nobodys_mark(hand_in):
    """A number of 4,000 digits in place of a cell's is no answer, and no fault of the grader."""
    forge = """
import os
for fd in range(3, 64):
    try:
        os.write(fd, b'{"cell": ' + b'9' * 4200 + b'}\\n')
    except OSError: pass
"""
    mark = hand_in(forge, *HONEST.values())

    assert "ValueError" not in json.dumps([mark.notes, mark.tasks])
    assert "sent back something that is no answer" in mark.notes[0]


# What lies beyond the sandbox


def test_no_network_is_left_for_the_next(hand_in):
    """What a submission leaves in sockets that wait is not there for the one after it."""
    talk = """
import socket
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
for _ in range(5):
    here = socket.create_connection(server.getsockname()); there, _ = server.accept()
    here.sendall(b"x"); there.recv(1); here.close(); there.close()
left = len(open("/proc/net/tcp").read().splitlines()) - 1
def exponential_decay(t, lr, k):
    return float(left)
"""
    look = """
left = len(open("/proc/net/tcp").read().splitlines()) - 1
def exponential_decay(t, lr, k):
    return float(left)
"""
    mine, next_ones = hand_in(talk), hand_in(look)

    assert "yours 0," not in says(mine) and "yours" in says(mine)  # the loop within works
    assert "yours 0," in says(next_ones)


BEYOND = {
    "flock": "import fcntl, os; fcntl.flock(os.open('/usr', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)",
    "flock of a library": "import fcntl, math; fcntl.flock(open(math.__file__, 'rb'), fcntl.LOCK_EX)",
    "lease": "import fcntl, math; fcntl.fcntl(open(math.__file__, 'rb'), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "news of a folder": "import fcntl, os; fcntl.fcntl(os.open('/usr', os.O_RDONLY), fcntl.F_NOTIFY, 1)",
    "inotify": "import ctypes, os\nif ctypes.CDLL(None, use_errno=True).inotify_init1(0) < 0: raise OSError(ctypes.get_errno(), 'inotify')",
    "fanotify": "import ctypes\nif ctypes.CDLL(None, use_errno=True).fanotify_init(0, 0) < 0: raise OSError(ctypes.get_errno(), 'fanotify')",
}


@pytest.mark.parametrize("call", BEYOND.values(), ids=BEYOND)
def test_files_of_the_host_are_neither_locked_nor_watched(hand_in, call):
    """Such calls do not exist inside, so nothing outside is held up or seen."""
    call = "\n    ".join(call.replace("; ", "\n").split("\n"))
    mark = hand_in(
        f"try:\n    {call}\n    code = -1\nexcept OSError as error:\n    code = error.errno\n"
        "def exponential_decay(t, lr, k):\n    return float(code)"
    )

    assert "yours 38," in says(mark)  # ENOSYS


def test_ordinary_files_and_locks_of_ones_own_still_work(hand_in):
    """Writing, reading and a database in the home folder: nothing of it is forbidden."""
    uses = """
import sqlite3
with sqlite3.connect("own.db") as book:
    book.execute("create table t (x real)"); book.execute("insert into t values (0.5)")
half = sqlite3.connect("own.db").execute("select x from t").fetchone()[0]
def exponential_decay(t, lr, k):
    return half
"""
    assert "yours 0.5," in says(hand_in(uses))
