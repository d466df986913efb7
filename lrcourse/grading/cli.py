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
    from lrcourse.grading.adjust import LateRule
    from lrcourse.grading.sandbox import Limits

LAYOUTS = ("folders", "files", "canvas", "moodle", "nbgrader", "nested")
PLATFORMS = ("moodle", "canvas")
MOST_SECONDS = 86_400  # a day
MOST_MEMORY = 1 << 20  # MiB: a tebibyte


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `grade` to the commands of `lrcourse`."""
    grade = commands.add_parser("grade", help="grade a folder of submitted notebooks")
    grade.add_argument("submissions", type=Path, nargs="?", help="a folder of notebooks")
    grade.add_argument("-o", "--results", type=Path, help="where the results go")
    own = "your own notebook, before you hand it in: what the grader will see"
    grade.add_argument("--self", dest="own", type=Path, metavar="NOTEBOOK", help=own)
    grade.add_argument("--roster", type=Path, help="a CSV of the class, from Canvas or Moodle")
    grade.add_argument("--layout", help=f"how they handed in, if not plain: {', '.join(LAYOUTS)}")
    grade.add_argument("--sheet", help="which sheet all of them are, if the names do not say")
    grade.add_argument("--jobs", type=_positive, help="how many at once (default: one a core)")
    grade.add_argument("--seconds", type=float, help="for a cell, or a task's calls (default: 10)")
    grade.add_argument("--memory", type=_positive, help="MiB for a submission (default: 1024)")
    grade.add_argument("--due", help="when it had to be there: 2026-12-01, or 2026-12-01 18:00")
    grade.add_argument("--late", type=float, default=0.0, help="percent off for each day after it")
    grade.add_argument("--late-most", type=float, default=100.0, help="percent off at the most")
    grade.add_argument("--extensions", type=Path, help="a CSV of learner and due, for those later")
    grade.add_argument("--hide-names", action="store_true", help="mark written answers unnamed")
    grade.add_argument("--variants", default="", metavar="KEY", help="of lrcourse.variant")
    grade.add_argument("--pack", choices=PLATFORMS, help="the feedback in an archive to upload")
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
        if chosen.own is not None:
            return _run_own(chosen)
        if chosen.submissions is None or chosen.results is None:
            raise ValueError("give a folder of notebooks, and with -o where the results go")
        return _run(chosen)
    except ValueError as error:
        _say(f"lrcourse grade: {error}", file=sys.stderr)
        return 1
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


def _late_rule(chosen: argparse.Namespace) -> "LateRule":
    """What the options say of late work. Raises `ValueError` for what cannot be."""
    from lrcourse.grading.adjust import LateRule, read_extensions, read_time

    return LateRule(
        due=read_time(chosen.due) if chosen.due else None,
        per_day=chosen.late,
        most=chosen.late_most,
        extensions=read_extensions(chosen.extensions) if chosen.extensions else {},
    )


def _run_own(chosen: argparse.Namespace) -> int:
    from lrcourse.grading.selfcheck import self_check

    report = self_check(chosen.own, _limits(chosen.seconds, chosen.memory))
    _say("\n".join(report.lines))
    return 0


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
        late = _late_rule(chosen)
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
                    variants=chosen.variants,
                    jobs=chosen.jobs,
                    limits=limits,
                    progress=progress,
                    stop=stop,
                )
            lines = write_all(
                marks,
                chosen.results,
                people,
                late=late,
                hide_names=chosen.hide_names,
                platform=chosen.pack,
            )
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
