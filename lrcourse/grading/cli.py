"""`lrcourse grade`: the options, the progress bar, and what is said at the end."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lrcourse.grading.names import visible

if TYPE_CHECKING:
    from lrcourse.grading.sandbox import Limits

LAYOUTS = ("folders", "files", "canvas", "moodle", "nbgrader", "nested")
MOST_SECONDS = 86_400  # a day
MOST_MEMORY = 1 << 20  # MiB: a tebibyte


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `grade` to the commands of `lrcourse`."""
    grade = commands.add_parser("grade", help="grade a folder of submitted notebooks")
    grade.add_argument("submissions", type=Path, help="a folder of notebooks")
    grade.add_argument("-o", "--results", type=Path, required=True, help="where the results go")
    grade.add_argument("--roster", type=Path, help="a CSV of the class, from Canvas or Moodle")
    grade.add_argument("--layout", help=f"how they handed in, if not plain: {', '.join(LAYOUTS)}")
    grade.add_argument("--sheet", help="which sheet all of them are, if the names do not say")
    grade.add_argument("--jobs", type=_positive, help="how many at once (default: one a core)")
    grade.add_argument("--seconds", type=float, help="for a cell, or a task's calls (default: 10)")
    grade.add_argument("--memory", type=_positive, help="MiB for a submission (default: 1024)")
    unsafe = "without a sandbox: only for people whom you trust with your files"
    grade.add_argument("--unsafe", action="store_true", help=unsafe)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text}")
    return value


def run(chosen: argparse.Namespace) -> int:
    """Grade, write the results, print the summary.

    Returns 0, 1 for bad input, 2 if there is no sandbox, 130 after Ctrl-C.
    """
    try:
        return _run(chosen)
    except KeyboardInterrupt:  # before the grading, or while the tables are written
        return _stopped(f"what was graded is kept in {chosen.results / 'marks'}")


def _say(text: str, file: TextIO | None = None) -> None:
    """Print, whatever names are in it and whatever the terminal can show."""
    file = file or sys.stdout
    encoding = getattr(file, "encoding", None) or "utf-8"
    print(visible(text, keep="\n").encode(encoding, "replace").decode(encoding), file=file)


def _stopped(kept: str) -> int:
    _say(
        f"lrcourse grade: stopped; {kept}, and the same command goes on from there, and writes "
        f"the tables and pages at its end.",
        file=sys.stderr,
    )
    return 130


@contextmanager
def _on_ctrl_c(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C sets `stop`: an exception, raised anywhere, could lose a mark or leave a process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _limits(seconds: float | None, memory: int | None) -> "Limits":
    """What one submission may use. `memory`: in MiB. Raises `ValueError` for what cannot be."""
    from lrcourse.grading.sandbox import MIB, Limits

    limits = Limits()
    if seconds is not None:
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError(
                f"--seconds must be above 0 and at most {MOST_SECONDS:,}, got {seconds:g}"
            )
        limits = replace(limits, call=seconds, total=max(limits.total, 6 * seconds))
    if memory is not None:
        if memory > MOST_MEMORY:
            raise ValueError(f"--memory must be at most {MOST_MEMORY:,} MiB, got {memory}")
        limits = replace(limits, memory=memory * MIB)
    return limits


def _run(chosen: argparse.Namespace) -> int:
    from tqdm import tqdm

    from lrcourse.grading.files import alone
    from lrcourse.grading.grade import LOUD, Stopped, grade
    from lrcourse.grading.report import write_all
    from lrcourse.grading.roster import match, read_roster
    from lrcourse.grading.sandbox import NoSandbox

    bar = tqdm(desc="grading", unit="notebook", file=sys.stderr, disable=None)

    def progress(done: int, of: int) -> None:
        bar.total = of
        bar.update(done - bar.n)

    try:
        limits = _limits(chosen.seconds, chosen.memory)
        people = read_roster(chosen.roster) if chosen.roster else []
        if chosen.unsafe:
            print(LOUD, file=sys.stderr)
        stop = threading.Event()
        with alone(chosen.results):
            with _on_ctrl_c(stop):
                marks = grade(
                    chosen.submissions,
                    chosen.results,
                    sheet=chosen.sheet,
                    layout=chosen.layout,
                    known=lambda name: match([name], (), people) is not None,
                    unsafe=chosen.unsafe,
                    jobs=chosen.jobs,
                    limits=limits,
                    progress=progress,
                    stop=stop,
                )
            lines = write_all(marks, chosen.results, people)
    except NoSandbox as missing:
        _say(
            f"lrcourse grade: refused, {missing}.\nIf you trust everybody whose notebook this is "
            f"with your files and their marks, `--unsafe` grades without a sandbox, and says so "
            f"in the results.",
            file=sys.stderr,
        )
        return 2
    except Stopped as stopped:
        bar.close()
        return _stopped(str(stopped))
    except (OSError, ValueError) as error:
        _say(f"lrcourse grade: {error}", file=sys.stderr)
        return 1
    finally:
        bar.close()
    _say("\n".join(lines))
    _say(f"\nResults: {chosen.results}: grades.csv, canvas.csv, summary.html, feedback/")
    return 0
