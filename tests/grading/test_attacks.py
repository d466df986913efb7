"""Submissions that try for marks, or for harm. Each runs in the sandbox only, with small limits.

`stolen` in a cell is what the attack got hold of: it is raised as an error, and so comes back in
the notes, where the test looks at it. `exponential_decay` is the answer that the attack is to be
paid for; `gamma_from_k` and `k_from_gamma` are honest answers beside it.
"""

import errno
import os
import platform
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

import lrcourse
from lrcourse.grading.sandbox import OPEN_MODULES, Limits

from .conftest import HONEST, POINTS, command_lines, earned, says

REST = (HONEST["gamma_from_k"], HONEST["k_from_gamma"])
REST_EARNED = {i: POINTS[i] for i in ("exponential_decay.3", "exponential_decay.4")}
PROJECT = Path(lrcourse.__file__).resolve().parents[1]

STOLEN = "raise RuntimeError(f'stolen: {stolen}')"


def stolen(mark) -> str:
    """What an attack says that it got; fails if the attack did not get that far."""
    found = [note for note in mark.notes if "stolen: " in note]
    assert found, mark.notes
    return found[0].partition("stolen: ")[2].partition(" Your line")[0].rstrip(".")


REACH = """
import sys

def worker():
    frame = sys._getframe()
    while "_Line" not in frame.f_globals:
        frame = frame.f_back
    return frame.f_globals

"""  # the globals of the process that runs the submission, from within it


def test_honest_answers_beside_nothing_else(hand_in):
    """Right answers get their points: the marks below are lost to the attacks, not to the box."""
    mark = hand_in(HONEST["exponential_decay"], *REST)

    assert earned(mark) == POINTS
    assert mark.notes == []


# For marks: reading what is right


@pytest.mark.parametrize(
    "module",
    ["lrcourse.tasks", "lrcourse.checks", "lrcourse.grading", "lrcourse.tasks.exponential_decay"],
)
def test_reference_is_not_inside(hand_in, module):
    """Neither the references nor the checks can be imported."""
    mark = hand_in(
        f"from {module} import *\nexponential_decay = TASKS['exponential_decay.1'].reference",
        *REST,
    )

    assert earned(mark) == REST_EARNED
    assert "ModuleNotFoundError" in says(mark)


def test_no_file_of_the_course_is_inside(hand_in):
    """No walk of the file system finds a reference, a solution, a test, or a gradebook."""
    mark = hand_in(
        "import os\nfound = []\n"
        "for root, folders, files in os.walk('/'):\n"
        "    folders[:] = [f for f in folders if root + f not in ('/proc', '/sys')]\n"
        "    installed = '/site-packages/' in root and '/lrcourse' not in root\n"
        "    wanted = ('gradebook.db', '_judge.py', 'checks.py', 'exponential_decay.py',\n"
        "              'test_attacks.py', 'grade.py', 'exponential_decay.ipynb')\n"
        "    found += [root + '/' + f for f in files if f in wanted and not installed]\n"
        "stolen = [sorted(os.listdir('/box/lrcourse')), found]",
        STOLEN,
        limits=Limits(call=20.0, total=40.0),
    )

    inside = sorted({*OPEN_MODULES} & set(os.listdir(Path(lrcourse.__file__).parent)))
    assert stolen(mark) == str([sorted([*inside, "__init__.py", "public.json"]), []])


PYTHON = {sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)}


@pytest.mark.parametrize("path", [PROJECT, PROJECT / "exercises" / "solutions", Path.home()])
def test_host_folders_are_not_inside(hand_in, path):
    """The project, the solutions and the grader's home are not there to be run or read."""
    assert os.listdir(path)
    mark = hand_in(
        f"%run {path}/exponential_decay.ipynb\nimport os\nstolen = os.listdir({str(path)!r})",
        f"import os\ntry:\n    stolen = os.listdir({str(path)!r})\n"
        "except OSError as error:\n    stolen = type(error).__name__",
        STOLEN,
    )

    # Python itself may lie below: then the way to it is there, and nothing beside.
    ways = {Path(p).relative_to(path).parts[0] for p in PYTHON if Path(p).is_relative_to(path)}
    assert stolen(mark) in ("FileNotFoundError", "PermissionError", str(sorted(ways)))
    assert not earned(mark)


# For marks: training that did not happen

TRAINS = """
from torch import nn
from torch.optim import lr_scheduler

def train(model, optimizer, batches, epochs, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    for epoch in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        scheduler.step()
"""
SHOWS = """
def planned(lr, batches, epochs, step_size, gamma):
    return [lr * gamma ** (t // batches // step_size) for t in range(epochs * batches)]

def train(model, optimizer, batches, epochs, step_size, gamma):
    group = optimizer.param_groups[0]
    for rate in planned(group['lr'], len(batches), epochs, step_size, gamma):
        group['lr'] = rate
        optimizer.step()
"""
RESUMES = """
def train_on(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
    group = optimizer.param_groups[0]
    done, lr = checkpoint or (0, group['lr'])
    for epoch in range(done, done + epochs):
        group['lr'] = lr * gamma ** ((epoch + AHEAD * (done > 0)) // step_size)
        for _ in batches:
            optimizer.step()
    return [done + epochs, lr]
"""
ONLY_SHOWN = {
    "shows the rates and never trains": SHOWS,
    "gives the recorder a trace": SHOWS
    + """
import lrcourse.recorder, numpy as np
from types import SimpleNamespace

class Trace:
    def __init__(self, optimizer):
        self.group = optimizer.param_groups[0]
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.momentum = np.full(len(self.lr), 0.9)
    @property
    def lr(self):
        return np.array(self.rates)

lrcourse.recorder.trace = lambda optimizer: vars(optimizer).setdefault('seen', Trace(optimizer))
def train(model, optimizer, batches, epochs, *rest):
    optimizer.seen.rates = planned(optimizer.seen.group['lr'], len(batches), epochs, *rest)
""",
    "forges the account": SHOWS
    + REACH
    + """
answers = worker()['collect'].__globals__
def account(train, seed, lr, batches, *rest):
    rates = planned(lr, batches, *rest)
    return [rates, [0.9] * len(rates), answers['draw'](seed, batches)[0]]
answers['_CALLS']['loop'] = account
train = print
""",
    "hands over the weights of a run before": SHOWS
    + TRAINS.replace("def train(", "def honest(")
    + """
only_shown, seen = train, []
def train(model, optimizer, batches, epochs, step_size, gamma):
    if not seen:
        honest(model, optimizer, batches, epochs, step_size, gamma)
        seen.append(model.weight.data.clone())
    else:
        only_shown(model, optimizer, batches, epochs, step_size, gamma)
        model.weight.data = seen[0]
""",
}


def test_a_loop_that_trains_gets_its_points(train):
    """The points that are lost below are there to be had."""
    assert earned(train(TRAINS)) == {"step_decay.6": 4}


@pytest.mark.parametrize("cell", ONLY_SHOWN.values(), ids=ONLY_SHOWN)
def test_rates_without_training_gain_nothing(train, cell):
    """Whatever the recorder is made to see: the weights must follow from it."""
    mark = train(cell)

    assert mark.notes == []  # nothing stopped the attack on its way
    assert not earned(mark)
    assert "weights" in says(mark, "step_decay.6") or "one epoch early" in says(
        mark, "step_decay.6"
    )


@pytest.mark.parametrize("ahead", [0, 1], ids=["right rates", "rates that are worth half"])
def test_a_resumed_run_that_was_never_trained_gains_nothing(train, ahead):
    """Rates that would bring points, all or half of them, and weights that nobody trained."""
    mark = train(f"AHEAD = {ahead}", RESUMES)

    assert not earned(mark)
    assert "weights" in says(mark, "step_decay.7")


REMEMBERS = """
import copy
from torch import nn
from torch.optim import lr_scheduler
kept = {}

def train_on(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
    parts = [model, optimizer, lr_scheduler.StepLR(optimizer, step_size, gamma)]
    weights = str(model.weight.tolist())
    if checkpoint is not None:
        for part, state in zip(parts, CHECKPOINT):
            part.load_state_dict(state)
    for epoch in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        parts[2].step()
    kept[weights] = [copy.deepcopy(part.state_dict()) for part in parts]
    return RETURNED
"""


def test_an_empty_checkpoint_gains_nothing(train):
    """States that are kept beside the checkpoint, by the weights that each run begins with, are
    gone in the second run; the same states in the checkpoint bring the points."""
    honest = REMEMBERS.replace("CHECKPOINT", "checkpoint").replace("RETURNED", "kept[weights]")
    empty = REMEMBERS.replace("CHECKPOINT", "kept[weights]").replace("RETURNED", "{}")

    assert earned(train(honest)) == {"step_decay.7": 4}
    mark = train(empty)
    assert not earned(mark)
    assert "KeyError" in says(mark, "step_decay.7")


SCAN = """
import sys
wanted, stolen = b'1174-REWSNA-REEP', []
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        span, rights, *rest = line.split()
        start, end = (int(x, 16) for x in span.split('-'))
        if rights[0] != 'r' or rest[-1:] in (['[vvar]'], ['[vsyscall]']):
            continue
        for at in range(start, end, 1 << 22):
            try:
                memory.seek(at)
                backwards = memory.read(min(1 << 22, end - at))[::-1]
            except (OSError, OverflowError, ValueError):
                break
            if wanted in backwards:
                stolen.append(span)
stolen = len(stolen)
"""


def test_memory_holds_no_peer(hand_in):
    """A submission before it, in the same worker, leaves nothing in the memory of the next."""
    theirs = f"peer = '{'PEER-' + 'ANSWER-4711'}'"
    hand_in(theirs, name="peer.ipynb")
    found = stolen(hand_in(SCAN, STOLEN, limits=Limits(call=8.0)))
    found_if_there = stolen(hand_in(theirs, SCAN, STOLEN, limits=Limits(call=8.0)))

    assert found == "0"
    assert found_if_there != "0"  # the search does find what is there


KEYS = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
add_key, keyctl = (248, 250) if platform.machine() == "x86_64" else (217, 219)
keep = [libc.syscall(add_key, b"user", b"peer", b"4711", 4, ring) for ring in (-3, -4, -5)]
link, search, read, found = 8, 10, 11, []
libc.syscall(keyctl, link, -4, -3)
for ring in (-3, -4, -5):
    text = ctypes.create_string_buffer(64)
    key = libc.syscall(keyctl, search, ring, b"user", b"peer", 0)
    if key > 0 and libc.syscall(keyctl, read, key, text, 64) > 0:
        found.append(text.value.decode())
stolen = found, keep, ctypes.get_errno()
"""


def test_no_key_is_left_for_the_next(hand_in):
    """The kernel keeps keys beyond the end of a process: a submission can neither add nor read."""
    mark = hand_in(KEYS, STOLEN)

    assert stolen(mark) == str(([], [-1, -1, -1], errno.ENOSYS))


AS_32_BIT = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE, prot=7)  # to be read, written and run
code.write(bytes.fromhex("b8 14 00 00 00  cd 80  c3"))  # mov eax, 20 (getpid); int 0x80; ret
at = ctypes.addressof(ctypes.c_char.from_buffer(code))
stolen = ctypes.CFUNCTYPE(ctypes.c_int)(at)()
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="written for this processor")
def test_calls_of_another_architecture_fail(hand_in):
    """What is forbidden stays so for a 32-bit program, which has other numbers for its calls."""
    assert stolen(hand_in(AS_32_BIT, STOLEN)) == str(-errno.ENOSYS)


def test_gc_and_frames_reach_no_grader(hand_in):
    """Neither the garbage collector nor the frames of the caller lead to an expected value."""
    mark = hand_in(
        "import gc, sys\n"
        "def exponential_decay(t, lr, k):\n"
        "    for thing in gc.get_objects():\n"
        "        if type(thing).__name__ in ('Task', 'Mistake', 'Verdict'):\n"
        "            return thing.reference(t, lr, k)\n"
        "    frame, seen = sys._getframe(), []\n"
        "    while frame:\n"
        "        for name, value in frame.f_locals.items():\n"
        "            seen.append(name)\n"
        "            if name in ('expected', 'reference', 'right', 'points'):\n"
        "                return value\n"
        "        frame = frame.f_back\n"
        "    raise RuntimeError('nothing here')",
        *REST,
    )

    assert earned(mark) == REST_EARNED
    assert "nothing here" in says(mark)


def test_course_inside_has_the_names_of_the_real_one(hand_in):
    """A notebook that imports anything that lrcourse offers does not stop at the import."""
    names = sorted({*lrcourse.__all__, *lrcourse._ON_FIRST_USE, "lab"})
    mark = hand_in(f"from lrcourse import {', '.join(names)}", HONEST["exponential_decay"])

    assert mark.notes == []


# For marks: bending the comparison


PATCHES = {
    "numpy": "import numpy as np\nfor f in ('allclose', 'isclose', 'array_equal', 'equal', 'all'):\n"
    "    setattr(np, f, lambda *a, **k: True)\n"
    "np.testing.assert_allclose = lambda *a, **k: None",
    "math": "import math\nmath.isclose = lambda *a, **k: True\nmath.isfinite = lambda *a: True",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0.0\nbuiltins.all = lambda x: True\n"
    "builtins.float = lambda x=0: 0.0",
    "json": "import json\nreal = json.dumps\ndef dumps(message):\n"
    "    values = [44.0] * len(message.get('values', []))\n"
    "    return real({**message, 'values': values} if values else message)\njson.dumps = dumps",
    "answers": REACH + "answers = worker()['collect'].__globals__\n"
    "answers['_CALLS']['function'] = lambda answer, *arguments: 41.0",
    "lrcourse": "import lrcourse\nlrcourse.check = lambda *a, **k: True\n"
    "lrcourse.judge = lambda *a, **k: True",
    "worker": REACH + "def forge(kind, answer, arguments, into):\n"
    "    into.extend([43.0] * len(arguments))\nworker()['collect'] = forge",
}
SENT = {"answers": 41, "worker": 43, "json": 44, "builtins": 0}  # what reaches the grader


@pytest.mark.parametrize("name", PATCHES)
def test_patching_modules_brings_nothing(hand_in, name):
    """Whatever is patched in the learner's process, the comparison is made in another one."""
    mark = hand_in(PATCHES[name], "def exponential_decay(t, lr, k):\n    return 42.0", *REST)

    assert mark.notes == []  # nothing stopped the attack on its way
    assert "exponential_decay.1" not in earned(mark)
    assert f"ours {SENT.get(name, 42)}, expected 0.1" in says(mark)


OBJECTS = {
    "class": "class Any:\n    def __eq__(self, other):\n        return True\n"
    "    __hash__ = None\n    __float__ = lambda self: float('nan')\n"
    "    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0\n    __le__ = __lt__ = lambda *a: True\n",
    "float": "class Any(float):\n    __eq__ = lambda *a: True\n    __hash__ = float.__hash__\n"
    "    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0\n    __le__ = __lt__ = lambda *a: True\n",
    "list": "class Any(list):\n    __eq__ = lambda *a: True\n    __len__ = lambda *a: 100\n",
    "array": "import numpy as np\nclass Any(np.ndarray):\n    __eq__ = lambda *a: True\n"
    "    tolist = lambda self: 'anything'\n"
    "    def __new__(cls):\n        return np.zeros(3).view(cls)\n",
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_that_equal_everything(hand_in, name):
    """Only plain numbers leave the box: an object's own idea of equality stays inside."""
    mark = hand_in(OBJECTS[name] + "exponential_decay = lambda t, lr, k: Any()", *REST)

    assert earned(mark) == REST_EARNED
    assert says(mark)


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "10**5000", "True", "'right'"])
def test_values_that_are_no_numbers(hand_in, value):
    """NaN, infinity, a number without end, True and a text are wrong, and said to be."""
    mark = hand_in(f"exponential_decay = lambda t, lr, k: {value}", *REST)

    assert earned(mark) == REST_EARNED
    assert says(mark)


def test_input_transformers(hand_in):
    """A transformer that empties later cells empties the submission's own answers only."""
    mark = hand_in(
        "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: ['pass\\n'])",
        HONEST["exponential_decay"],
        *REST,
    )

    assert earned(mark) == {}
    assert "not defined" in says(mark)


FORGED = (
    '{"result": "exponential_decay.1", "values": [true, true]}',
    '{"task": "exponential_decay.1"}\\n{"result": "exponential_decay.1", "values": "all"}',
    '{"ready": true}\\n{"task": "exponential_decay.1"}\\n'
    '{"result": "exponential_decay.1", "values": [], "points": 2, "right": true}\\n{"end": true}',
    '{"verdict": {"right": true, "share": 1.0}}',
    "[" * 100_000 + "]" * 100_000,
    "\\xff\\x00not json",
    '{"cell": -1}',
    '{"ended": "memory"}',
)


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_forged_messages(hand_in, text):
    """Writing to the grader's own socket is answering: it needs the right numbers to be right."""
    mark = hand_in(
        "import os\nfor fd in range(3, 64):\n"
        "    try:\n"
        f'        os.write(fd, b"{text[:60]}" if False else "{text}\\n".encode())\n'
        "    except OSError:\n        pass",
        *REST,
    )

    assert "exponential_decay.1" not in earned(mark)
    assert sum(earned(mark).values()) <= 2
    assert says(mark)


UNSEEN = "\\x1b[2J\\x00\\u202e"  # clears a screen, ends a text, turns it around


def test_forged_sentences_are_short_and_visible(hand_in):
    """What is told of an answer that gave nothing fits on a page, whoever wrote it."""
    mark = hand_in(
        REACH + "def forge(kind, answer, arguments, into):\n"
        f"    into.append({{'failed': '{UNSEEN}' + 'A' * 3_900_000, 'line': 'B' * 3_900_000}})\n"
        "worker()['collect'] = forge\nexponential_decay = 1",
        f"raise RuntimeError('{UNSEEN}reached')",
        limits=Limits(call=10.0, total=60.0),  # millions of letters take a while to be handed over
    )

    assert says(mark).startswith("[2JAAAA") and "Your BBBB" in says(mark)
    assert len(says(mark)) < 800
    assert "RuntimeError: [2Jreached" in mark.notes[0]
    assert (says(mark) + mark.notes[0]).isprintable()


def test_forged_marks_file(hand_in, tmp_path):
    """There is no file of marks, and no database, that a submission could write."""
    mark = hand_in(
        "import json, os, sqlite3\n"
        f"for folder in ({str(tmp_path)!r}, '.', '/tmp', '/box'):\n"
        "    try:\n"
        "        open(folder + '/marks.json', 'w').write(json.dumps({'earned': 2}))\n"
        "        sqlite3.connect(folder + '/gradebook.db').execute('create table grade (x)')\n"
        "    except Exception:\n        pass",
        *REST,
    )

    assert earned(mark) == REST_EARNED
    assert [p.name for p in tmp_path.iterdir()] == ["eve.ipynb"]


def test_changed_metadata_and_duplicated_cells(hand_in):
    """Points, ids and cell names in the notebook decide nothing; the last definition counts."""

    def cell(source, **nbgrader):
        return {
            "cell_type": "code",
            "id": "same",
            "metadata": {
                "nbgrader": {"grade_id": "exponential_decay-1", "grade": True, **nbgrader}
            },
            "outputs": [{"output_type": "execute_result", "data": {"text/plain": "1000"}}],
            "source": source,
        }

    mark = hand_in(
        cell("exponential_decay = lambda t, lr, k: 0.1", points=1000),
        cell("gamma_from_k = 1", points=1000, grade_id="exponential_decay-7"),
        cell(HONEST["gamma_from_k"]),
        cell(HONEST["gamma_from_k"], points=-5, locked=False),
        REST[1],
    )

    assert earned(mark) == REST_EARNED
    assert mark.possible == 13


# For harm: ending, hanging, filling


def test_exit_in_a_cell_costs_that_cell(hand_in):
    """`os._exit` in a cell: the cell is left out, said, and the rest is graded."""
    mark = hand_in(HONEST["exponential_decay"], "import os\nos._exit(0)", *REST)

    assert earned(mark) == POINTS
    assert mark.notes == ["Code cell 2 ended the process that ran it; it was left out."]


def test_exits_without_end_are_given_up(hand_in):
    """After a dozen exits the notebook is not run again, and no right answer is called undefined."""
    mark = hand_in(*["import os\nos._exit(0)"] * 13, HONEST["exponential_decay"], *REST)
    why = "he notebook ended or hung 12 times, and was not run again."

    assert earned(mark) == {}
    assert says(mark) == f"Not called: t{why}"
    assert mark.notes[-1] == f"T{why}"


def test_as_many_exits_as_attempts_are_no_more(hand_in):
    """The last attempt may still be the one that runs through."""
    mark = hand_in(*["import os\nos._exit(0)"] * 11, HONEST["exponential_decay"], *REST)

    assert earned(mark) == POINTS


def test_exit_in_an_answer_costs_that_answer(hand_in):
    """`os._exit` when called: that task gets nothing, and a sentence; the rest is graded."""
    mark = hand_in("import os\ndef exponential_decay(t, lr, k):\n    os._exit(0)", *REST)

    assert earned(mark) == REST_EARNED
    assert says(mark) == "`exponential_decay` ended the process that ran it."


SWALLOWS = (
    "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass"
)
BLOCKS = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass"


@pytest.mark.parametrize("loop", [SWALLOWS, BLOCKS, "while True: pass"])
def test_endless_loop_in_a_cell(hand_in, loop):
    """A loop that swallows every interrupt ends all the same, and costs its own cell."""
    mark = hand_in(HONEST["exponential_decay"], loop, *REST, limits=Limits(call=1.0, total=60))

    assert earned(mark) == POINTS
    assert "did not end within 1 seconds" in mark.notes[0]


def test_endless_loop_in_an_answer(hand_in):
    """The same when the answer is called."""
    body = "\n".join("    " + line for line in BLOCKS.splitlines())
    mark = hand_in(f"def exponential_decay(t, lr, k):\n{body}", *REST)

    assert earned(mark) == REST_EARNED
    assert "did not end within 2 seconds" in says(mark)


def test_loops_everywhere_end_with_the_total(hand_in):
    """Sixty endless cells do not take sixty limits: the whole notebook has one."""
    started = time.monotonic()
    mark = hand_in(*[BLOCKS] * 60, *REST, limits=Limits(call=1.0, total=5.0))

    assert time.monotonic() - started < 45
    assert "longer than 5 seconds" in " ".join(mark.notes) or "did not end" in says(mark)


def test_fork_bomb(hand_in, worker):
    """Processes stop at their limit, end with the submission, and the next one is graded."""
    bomb = (
        "import os, time\ncount = 0\n"
        "try:\n    while True:\n        if os.fork() == 0:\n            time.sleep(60)\n"
        "        count += 1\n"
        "except OSError:\n    stolen = count"
    )
    mark = hand_in(bomb, STOLEN, *REST, limits=Limits(call=4.0, processes=24))

    assert int(stolen(mark)) < 24
    assert earned(mark) == REST_EARNED
    assert earned(hand_in(HONEST["exponential_decay"], *REST)) == POINTS


def test_fork_bomb_that_multiplies(hand_in):
    """A bomb whose children fork too ends, too."""
    mark = hand_in(
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        limits=Limits(call=1.0, total=5.0),
    )

    assert earned(mark) == {}
    assert earned(hand_in(HONEST["exponential_decay"], *REST)) == POINTS


@pytest.mark.parametrize(
    "bomb",
    [
        "hold = []\nwhile True:\n    hold.append(bytearray(10_000_000))",
        "import os\nfor i in range(8):\n    if os.fork() == 0:\n        break\n"
        "hold = []\nwhile True:\n    try:\n        hold.append(bytearray(2_000_000))\n"
        "    except MemoryError:\n        pass",
        "hold = []\nfor size in (10**7, 10**6, 10**5, 10**4, 10**3):\n    try:\n        while True:\n"
        "            hold.append(bytearray(size))\n    except MemoryError:\n        pass",
        "'x' * 10**12",
        "import mmap, os, time\nfor _ in range(8):\n"
        "    shared = mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE)\n"
        "    for at in range(0, 100 << 20, 4096):\n        shared[at] = 1\n"
        "    for _ in range(2):\n        if os.fork() == 0:\n            time.sleep(60)\n"
        "    shared.close()\ntime.sleep(1)",
    ],
    ids=["one", "many", "to the last", "at once", "shared by two"],
)
def test_memory_bomb(hand_in, bomb):
    """Memory stops at its limit, for all processes together, and costs the cell that took it."""
    limits = Limits(call=5.0, total=60.0, memory=256 << 20)
    mark = hand_in(HONEST["exponential_decay"], bomb, *REST, limits=limits)

    assert earned(mark) == POINTS
    assert "memory" in mark.notes[0].lower()


NOWHERE = """
import ctypes, mmap, os
libc, stolen = ctypes.CDLL(None, use_errno=True), 0
libc.shmat.restype = ctypes.c_void_p
for _ in range(5):
    FILLS
"""
SEGMENT = """
    name = libc.shmget(0, 100 << 20, 0o1666)
    if name < 0:
        break
    at = libc.shmat(name, None, 0)
    ctypes.memset(at, 1, 100 << 20)
    libc.shmdt(ctypes.c_void_p(at))
    stolen += 100
"""
FILES = """
    try:
        kept = [os.memfd_create("x") for _ in range(10)]
    except OSError:
        break
    stolen += sum(os.write(file, bytes(10 << 20)) >> 20 for file in kept)
"""
MAPPED = """
    try:
        shared = mmap.mmap(FILE, 100 << 20)
        for at in range(0, 100 << 20, 4096):
            shared[at] = 1
    except (OSError, ValueError):
        break
    stolen += 100
    shared.madvise(mmap.MADV_DONTNEED)
"""
KEPT = {
    "segment": SEGMENT,
    "file without a name": FILES,
    "map of no file": MAPPED.replace("FILE", "-1"),
    "map of zeros": MAPPED.replace("FILE", "os.open('/dev/zero', os.O_RDWR)"),
}


@pytest.mark.parametrize("fills", KEPT.values(), ids=KEPT)
def test_memory_of_no_process(hand_in, fills):
    """No memory is to be had that stays where no process holds it: none of these can be made."""
    limits = Limits(call=5.0, memory=256 << 20)
    mark = hand_in(NOWHERE.replace("    FILLS", fills), STOLEN, limits=limits)

    assert stolen(mark) == "0"


@pytest.mark.parametrize("folder", ["/tmp", "/home/learner", "/dev/shm"])
def test_disk_is_full_soon(hand_in, folder):
    """Each writable folder holds little, in bytes and in files, and is gone afterwards."""
    mark = hand_in(
        f"import os\nos.makedirs('{folder}/x', exist_ok=True)\nwritten = files = 0\n"
        f"try:\n    for i in range(100):\n        with open(f'{folder}/{{i}}', 'wb', 0) as f:\n"
        "            for _ in range(8):\n                written += f.write(bytes(1 << 20))\n"
        "except OSError:\n    pass\n"
        f"for i in range(100): os.path.exists(f'{folder}/{{i}}') and os.remove(f'{folder}/{{i}}')\n"
        "try:\n    for i in range(100_000):\n"
        f"        os.close(os.open(f'{folder}/x/{{i}}', os.O_CREAT | os.O_WRONLY)); files += 1\n"
        "except OSError:\n    pass\n"
        "stolen = f'{written >> 20} {files}'",
        STOLEN,
        limits=Limits(call=5.0, disk=16 << 20),
    )
    written, files = map(int, stolen(mark).split())

    assert 1 <= written <= 16
    assert 1 <= files <= 4096
    after = hand_in(f"import os\nstolen = os.listdir('{folder}')", STOLEN)
    assert stolen(after) == "[]"


def test_one_file_has_a_limit(hand_in):
    """A single file stops at its own limit, a sparse one too."""
    mark = hand_in(
        "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    open('x', 'wb').truncate(1 << 40)\n    stolen = 'a terabyte'\n"
        "except OSError as error:\n    stolen = error.strerror",
        STOLEN,
    )

    assert stolen(mark) == "File too large"


def test_endless_printing(hand_in):
    """Printing without end costs its cell the time, and the grader nothing."""
    mark = hand_in(
        HONEST["exponential_decay"],
        "while True:\n    print('x' * 100_000)",
        "import os\nos.write(1, b'y' * 10_000_000)",
        *REST,
        limits=Limits(call=1.0, total=15.0),
    )

    assert earned(mark) == POINTS
    assert "did not end" in mark.notes[0]


def test_endless_answers(hand_in):
    """What is sent back to the grader is cut off; an answer that is too long is not looked at."""
    flood = (
        "import os\nwhile True:\n    for fd in range(3, 20):\n        try:\n"
        "            os.write(fd, b'z' * 1_000_000)\n        except OSError:\n            pass"
    )
    mark = hand_in(flood, *REST)

    assert earned(mark) == REST_EARNED
    assert "sent back" in mark.notes[0]  # too much, or, slowly, what is no answer
    mark = hand_in("exponential_decay = lambda *a: list(range(10_000_000))", *REST)
    assert earned(mark) == REST_EARNED


# For harm: getting out


def test_writes_outside(hand_in, tmp_path):
    """Nothing can be written but in the three folders that are thrown away."""
    places = ["/", "/usr", "/etc", "/box", "/box/lrcourse", "/dev", "/opt", "/var", "/proc/sys"]
    places += [str(tmp_path), str(PROJECT), str(Path.home()), str(Path(os.__file__).parent)]
    mark = hand_in(
        f"stolen = []\nfor place in {places!r}:\n    try:\n"
        "        open(place + '/lrcourse-attack', 'w').write('x')\n        stolen.append(place)\n"
        "    except OSError:\n        pass",
        STOLEN,
    )

    assert stolen(mark) == "[]"
    assert not any(Path(place, "lrcourse-attack").exists() for place in places)


def test_network(hand_in):
    """Not even a server on the grader's own machine can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        arrived = []
        port = server.getsockname()[1]
        thread = threading.Thread(target=lambda: arrived.append(server.accept()), daemon=True)
        thread.start()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(60)
        assert len(arrived) == 1  # it can be reached from here
        arrived.clear()
        thread = threading.Thread(target=lambda: arrived.append(server.accept()), daemon=True)
        thread.start()
        mark = hand_in(
            "import socket\nstolen = []\n"
            f"for host in ('127.0.0.1', 'localhost', '0.0.0.0', '1.1.1.1', '{socket.gethostname()}',"
            " 'example.org'):\n    try:\n"
            f"        socket.create_connection((host, {port}), timeout=0.2)\n"
            "        stolen.append(host)\n    except OSError:\n        pass",
            STOLEN,
        )
    assert stolen(mark) == "[]"
    assert arrived == []


def test_environment_holds_no_secret(hand_in, worker, monkeypatch):
    """Variables of the grader, in this process and in every other, are not seen."""
    monkeypatch.setenv("GRADER_TOKEN", "s3cret-4711")
    worker._stop()  # the next one starts with the variable set
    mark = hand_in(
        "import glob, os\ntext = repr(dict(os.environ))\n"
        "for path in glob.glob('/proc/*/environ'):\n    try:\n        text += open(path).read()\n"
        "    except OSError:\n        pass\n"
        "stolen = [w in text for w in ('GRADER_TOKEN', 's3cret')]",
        STOLEN,
    )

    assert stolen(mark) == "[False, False]"


def test_processes_do_not_outlive(hand_in):
    """A daemon that left its session and its parent ends with its submission."""
    name = f"outlive-{os.getpid()}"
    daemon = (
        "import os, sys\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        os.execv(sys.executable, ['{name}', '-c', 'import time; time.sleep(300)'])\n"
        "    os._exit(0)\nimport time; time.sleep(0.3)\nimport subprocess\n"
        f"stolen = '{name}' in subprocess.run(['cat', *__import__('glob').glob('/proc/*/cmdline')],"
        " capture_output=True, text=True).stdout"
    )
    mark = hand_in(daemon, STOLEN, *REST)

    assert stolen(mark) == "True"  # it did run
    assert earned(mark) == REST_EARNED
    assert name not in command_lines()


def test_only_its_own_processes_are_seen(hand_in):
    """In /proc there is the submission itself and nothing of the grader; it kills nobody."""
    mark = hand_in(
        "import os, signal\nstolen = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())\n"
        "for pid in [1, os.getppid(), 0x7fff]:\n    try:\n        os.kill(pid, 0) or None\n"
        "    except OSError:\n        pass",
        STOLEN,
        *REST,
    )

    assert stolen(mark) == "[1, 2]"
    assert earned(mark) == REST_EARNED


def test_killing_all_costs_only_itself(hand_in):
    """kill(-1) reaches nobody outside: the next submission is graded by the same worker."""
    mark = hand_in("import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(1, 9)", *REST)

    assert earned(mark) == REST_EARNED
    assert earned(hand_in(HONEST["exponential_decay"], *REST)) == POINTS


ESCALATE = """
import ctypes, os, resource
libc, stolen = ctypes.CDLL(None, use_errno=True), []
for name, flag in dict(user=0x10000000, mount=0x20000, pid=0x20000000, net=0x40000000).items():
    if libc.unshare(flag) == 0:
        stolen.append(name)
if libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, b'size=8g') == 0 or libc.umount2(b'/tmp', 2) == 0:
    stolen.append('mount')
if libc.ptrace(16, 1, 0, 0) == 0:
    stolen.append('ptrace')
for name in ('NPROC', 'AS', 'FSIZE', 'NOFILE', 'CPU'):
    try:
        resource.setrlimit(getattr(resource, 'RLIMIT_' + name), (1 << 40, 1 << 40))
        stolen.append(name)
    except (OSError, ValueError):
        pass
for path in ('/proc/sys/user/max_user_namespaces', '/proc/sys/kernel/core_pattern',
             '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches'):
    try:
        open(path, 'w').write('0')
        stolen.append(path)
    except OSError:
        pass
try:
    os.setuid(1)
    stolen.append('uid')
except OSError:
    pass
status = open('/proc/self/status').read()
stolen.append([l.split()[1].strip('0') for l in status.splitlines() if l.startswith('Cap')])
stolen.append('NoNewPrivs:\\t1' in status)
"""


def test_rights_cannot_be_won_back(hand_in):
    """No namespace, mount, trace, limit, kernel setting or other user is to be had."""
    mark = hand_in(ESCALATE, STOLEN)

    assert stolen(mark) == "[['', '', '', '', ''], True]"
