"""Call a learner's answer and hand back plain numbers. Runs where the learner's code runs.

This is the one part that the instant feedback (in the learner's kernel) and the grader (in its
sandbox) both need beside untrusted code. It holds no expected value: it knows what kind of answer
it calls, and the arguments it was handed. What it returns is compared elsewhere, by
`lrcourse.tasks.judge`.
"""

import codecs
import contextlib
import copy
import io
import json
import linecache
import os
import select
import signal
import sys
import traceback
import unicodedata
import warnings
from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

MOST_NUMBERS = 100_000  # a longer result is not looked at
LONGEST_TEXT = 1_000
LONGEST_SENTENCE, LONGEST_LINE = 500, 200  # characters of what a learner is told of their code

KINDS = ("function", "vectorised", "value", "loop", "resume", "manual")
MOMENTUM = 0.9  # of the optimizer that a loop is handed


def collect(kind: str, answer: Any, arguments: list, into: list | None = None) -> list:
    """What `answer` gives for each tuple of `arguments`, as plain values: one entry each.

    By `kind`:

        function    answer(*arguments)
        vectorised  the same, with the first argument as a NumPy array
        value       answer itself; each of `arguments` is empty
        loop        answer(model, optimizer, batches, *rest), for arguments (seed, lr, number of
                    batches, *rest): [rates, momenta, weights], the first two of every update
                    that the optimizer made, the last those of the model at the end
        resume      the same for arguments (seed, lr, number of batches, epochs before the stop,
                    epochs after it, *rest): answer(model, optimizer, batches, epochs, checkpoint,
                    *rest) is called twice, with a fresh model and optimizer each time; it returns
                    a checkpoint, None the first time it is handed one. Each call has a process
                    of its own where it can have one: only the checkpoint goes from run to run

    An entry is a float, int, bool, str, None or a list of such; or, where there is no such
    result, a dict {"failed": sentence, "line": the learner's own line, or ""}. Never raises for
    what the answer does. `into`: a list to append to, so that what was found is there even if
    the call is cut off.
    """
    results = [] if into is None else into
    if kind == "resume" and callable(answer):
        results += _resumed(answer, arguments)
        return results
    for one in arguments:
        results.append(_outcome(kind, answer, copy.deepcopy(tuple(one))))
    return results


def prepare(kind: str) -> None:
    """Load what this kind of answer needs, so that the learner's time is not spent on it."""
    if kind in ("loop", "resume"):
        _loop(lambda model, optimizer, batches: optimizer.step(), 0, 0.1, 1)
    if kind == "resume":
        _saved({})


def failed(sentence: str, line: str = "") -> dict:
    """The entry for a call that gave no result: what to tell the learner, and their line."""
    return {"failed": sentence, "line": line}


def told(entry: dict) -> tuple[str, str]:
    """The sentence and the line of a `failed` entry from anywhere: short, and all of it visible.

    What cannot be seen in a text, or turns the text around, is left out: control characters, and
    those that only steer how it is set.
    """
    says = _visible(entry.get("failed"), LONGEST_SENTENCE)
    return says or "no result came back", _visible(entry.get("line"), LONGEST_LINE)


def _visible(text: Any, most: int) -> str:
    if type(text) is not str:
        return ""
    seen = " ".join(text[: 4 * most].split())
    return "".join(c for c in seen if unicodedata.category(c)[0] != "C")[:most]


def _outcome(kind: str, answer: Any, arguments: tuple) -> Any:
    if kind != "value" and not callable(answer):
        return failed(_not_a_function(answer))
    try:
        return plain(_CALLS[kind](answer, *arguments))
    except OutOfTime:
        raise
    except BaseException as error:  # SystemExit too: it is an answer, not our end
        return _raised(error)


def _raised(error: BaseException) -> dict:
    return failed(f"your code raised {_named(error)}", _own_line(error))


class OutOfTime(BaseException):
    """Raised inside the learner's code when its time is over."""


def _named(error: BaseException) -> str:
    """ "ZeroDivisionError: division by zero", whatever the learner's own exception says of itself."""
    name = type.__dict__["__name__"].__get__(type(error))
    try:
        said = error.msg if isinstance(error, SyntaxError) else error  # not the name of its cell
        text = str.__str__(str(said))[:300]  # a str of their own might do anything
    except OutOfTime:
        raise
    except BaseException:
        text = ""
    return f"{name}: {text}" if text else name


def _not_a_function(answer: Any) -> str:
    if answer is None:
        return "the answer is None: define the function first, and run its cell"
    kind = type(answer).__name__
    return (
        f"a function is asked for, and this is of type {kind}: hand over its name, without brackets"
    )


def _own_line(error: BaseException) -> str:
    """The innermost line of the traceback that the learner wrote: "line 3: return lr / 0"."""
    try:
        return _line_of(error)
    except OutOfTime:
        raise
    except BaseException:  # an exception of theirs, which does not let itself be looked at
        return ""


def _line_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.text:
        return f"line {error.lineno}: {error.text.strip()}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_ours(frame.filename):
            continue
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        return f"line {frame.lineno}: {line}" if line else f"line {frame.lineno}"
    return ""


def _is_ours(filename: str) -> bool:
    """Whether a file is this package, or installed: not where a learner writes answers."""
    if filename.startswith("<frozen"):
        return True
    path = Path(filename)
    installed = "site-packages" in path.parts or "dist-packages" in path.parts
    return installed or _HERE in path.parents or _STANDARD in path.parents


_HERE = Path(__file__).parent
_STANDARD = Path(copy.__file__).parent


# Plain values


def plain(value: Any) -> Any:
    """`value` as floats, ints, bools, text, None and lists of them; else a `failed` entry."""
    if value is None or type(value) in (bool, int, float, str):
        return _bounded(value)
    if isinstance(value, str):
        return _bounded(str.__str__(value))
    if isinstance(value, complex | np.complexfloating):
        return failed(f"the result is a complex number, {value!r:.60}: a rate is a real one")
    if isinstance(value, np.bool_):
        return bool(value)
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple | range):
        return _entries(value)
    if hasattr(value, "to_numpy"):  # pandas
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        return _array(value)
    if hasattr(value, "__float__"):
        return _bounded(float(value))
    return failed(f"the result is of type {type(value).__name__}{_instead(value)}")


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= 1 << 1023:
        return failed("the result is a whole number too large for a float")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return failed(f"the result is a text of {len(value):,} characters")
    return value


def _array(value: np.ndarray) -> Any:
    if value.size > MOST_NUMBERS:
        return failed(f"the result has {value.size:,} entries")
    if value.dtype.kind == "c":
        return failed("the result is an array of complex numbers: rates are real ones")
    if value.dtype.kind == "O":
        return plain(value.tolist())
    if value.dtype.kind not in "biufU":
        return failed(f"the result is an array of {value.dtype}, not of numbers")
    return value.tolist()


def _entries(value: Any) -> Any:
    if len(value) > MOST_NUMBERS:
        return failed(f"the result has {len(value):,} entries")
    entries = [plain(one) for one in islice(value, MOST_NUMBERS)]
    for one in entries:
        if type(one) is dict:
            return failed(one["failed"].replace("the result is", "an entry of the result is"))
    return entries


def _instead(value: Any) -> str:
    if callable(value):
        return ": did you forget to call it?"
    if isinstance(value, set | frozenset):
        return ", which has no order: write a list, with [ ] in place of { }"
    if isinstance(value, dict):
        return ": write its values as a list, in the order of the question"
    if hasattr(value, "__next__"):
        return ": put list( ) around it"
    return ": only numbers, texts, and lists or arrays of them can be compared"


# Ways to call an answer


def _function(answer: Any, *arguments: Any) -> Any:
    return answer(*arguments)


def _vectorised(answer: Any, t: Any, *arguments: Any) -> Any:
    return answer(np.array(t), *arguments)


def _value(answer: Any) -> Any:
    return answer


def draw(seed: int, batches: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a loop trains on: first weights (3,), inputs (batches, 4, 3), targets (batches, 4, 1).

    The inputs are small, so that no rate of an exercise is too large for them.
    """
    random = np.random.default_rng(seed)
    inputs = random.normal(scale=0.4, size=(batches, 4, 3))
    return random.normal(size=3), inputs, random.normal(size=(batches, 4, 1))


def _loop(train: Any, seed: int, lr: float, batches: int, *rest: Any) -> list:
    """What `train` really did: rates and momenta from the recorder, and the trained weights."""
    model, optimizer, data = _set_up(seed, lr, batches)
    with _quiet(), _trace(optimizer) as used:
        train(model, optimizer, data, *rest)
    return _account(used, model)


def _account(used: Any, model: Any) -> list:
    """[rates, momenta, weights]."""
    momenta = [] if used.momentum is None else used.momentum.tolist()
    return [used.lr.tolist(), momenta, model.weight.flatten()]


def _set_up(seed: int, lr: float, batches: int) -> tuple:
    """A small model, an SGD with momentum, and a list of `batches` pairs (inputs, targets)."""
    import torch

    weights, inputs, targets = (torch.tensor(a, dtype=torch.float32) for a in draw(seed, batches))
    model = torch.nn.Linear(3, 1, bias=False)
    model.weight.data = weights[None]
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=MOMENTUM)
    return model, optimizer, list(zip(inputs, targets))


def _trace(optimizer: Any) -> Any:
    from lrcourse.recorder import trace

    return trace(optimizer)


def _quiet() -> Any:
    """Torch warns about schedulers on stderr; what a warning costs is not for it to say."""
    return warnings.catch_warnings(action="ignore")


_CALLS: dict[str, Callable[..., Any]] = {
    "function": _function,
    "vectorised": _vectorised,
    "value": _value,
    "loop": _loop,
}


# A run that is stopped and taken up again


def _resumed(train: Any, arguments: list) -> list:
    """An entry for each of `arguments`. The second runs come after all first ones, and in another
    order: without processes of their own, too, what is kept beside a checkpoint is another run's.
    """
    halves = [_alone(_half, train, one, one[3], "") for one in arguments]
    results = []
    for one, first in reversed([*zip(arguments, halves)]):
        second = first if "failed" in first else _alone(_half, train, one, one[4], first["saved"])
        results.append(second if first is second else _joined(first, second))
    return results[::-1]


def _joined(first: dict, second: dict) -> Any:
    if "failed" in second:
        where = "in the second run, which has nothing of the first but the checkpoint"
        return failed(f"{second['failed']}, {where}", second["line"])
    (rates, momenta, _), (more, more_momenta, weights) = first["account"], second["account"]
    return [rates + more, momenta + more_momenta, weights]


def _half(train: Any, one: tuple, epochs: int, saved: str) -> dict:
    """One of the two runs: its account, and its checkpoint as it is in a file."""
    seed, lr, batches, _, _, *rest = copy.deepcopy(tuple(one))
    try:
        model, optimizer, data = _set_up(seed, lr, batches)
        checkpoint = _read_back(b64decode(saved)) if saved else None
        with _quiet(), _trace(optimizer) as used:
            checkpoint = train(model, optimizer, data, epochs, checkpoint, *rest)
        account = plain(_account(used, model))
        if type(account) is dict:
            return account
        return {"account": account, "saved": b64encode(_saved(checkpoint)).decode()}
    except OutOfTime:
        raise
    except _NotSaved as error:
        return failed(str(error))
    except BaseException as error:
        return _raised(error)


def _alone(work: Callable[..., dict], *arguments: Any) -> dict:
    """What `work` returns in a process of its own, which takes with it all else that it did.

    In this process where there is no fork, or where PyTorch trains in none: beside a GPU.
    """
    if not sys.platform.startswith("linux") or _has_gpu():
        return work(*arguments)
    read, write = os.pipe()
    with _quiet():  # Python warns of threads: a kernel's, none of which we need
        child = os.fork()
    if not child:
        _tell(write, work, arguments)
    os.close(write)
    try:
        return _told(read)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available() or torch.xpu.is_available()


def _tell(write: int, work: Callable[..., dict], arguments: tuple) -> None:
    try:
        data = memoryview(json.dumps(work(*arguments)).encode() + b"\n")
        while data:
            data = data[os.write(write, data) :]
    finally:
        os._exit(0)


def _told(read: int) -> dict:
    """The line that the other process writes, as long as this one is not interrupted."""
    line = b""
    while not line.endswith(b"\n"):
        if select.select([read], [], [], 0.05)[0]:
            data = os.read(read, 1 << 16)
            if not data:
                return failed("your code ended the process that ran it")
            line += data
    return json.loads(line)


class _NotSaved(Exception):
    """A checkpoint that does not come back from its file. The text says why, to the learner."""


def _saved(checkpoint: Any) -> bytes:
    """A checkpoint as a file holds it. Raises `_NotSaved` if it cannot be read back from there."""
    try:
        return _written(checkpoint)
    except OutOfTime:
        raise
    except Exception:
        raise _NotSaved(
            f"your checkpoint cannot be read back from a file: {_what_is_lost(checkpoint)}. It may "
            f"hold tensors, arrays, numbers, text, and lists and dicts of them; of a model, an "
            f"optimizer or a scheduler it takes the state_dict()"
        ) from None


def _written(checkpoint: Any) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(checkpoint, file)
    _read_back(file.getvalue())
    return file.getvalue()


def _read_back(saved: bytes) -> Any:
    import torch

    allowed = getattr(torch.serialization, "safe_globals", None)  # PyTorch 2.5
    with allowed(_numpys_own()) if allowed else contextlib.nullcontext():
        return torch.load(io.BytesIO(saved), weights_only=True)


def _numpys_own() -> list:
    """What NumPy's numbers and arrays are written with."""
    written = [np.float64().__reduce__()[0], np.zeros(1).__reduce__()[0], codecs.encode]
    return [*written, np.ndarray, np.dtype, *{type(np.dtype(code)) for code in "?bhilqBHILQefd"}]


def _what_is_lost(checkpoint: Any, where: str = "it") -> str:
    """The innermost part that does not come back: "'when' is of type datetime"."""
    for name, part in checkpoint.items() if type(checkpoint) is dict else ():
        try:
            _written(part)
        except Exception:
            return _what_is_lost(part, f"{name!r:.40}")
    return f"{where} is of type {type(checkpoint).__name__}"
