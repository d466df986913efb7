"""How long a room of learners waits, and what they see when something dies.

    python benchmarks/workshop_load.py                    1, 8, 20 and 30 learners, then the faults
    python benchmarks/workshop_load.py --learners 30      only these
    python benchmarks/workshop_load.py --plain            a JupyterHub without forks beside it
    python benchmarks/workshop_load.py --faults-only

Everything is real: the command `lrcourse workshop`, logins over HTTP, kernels over websockets
through the proxy, all learners at the same moment. Times are in seconds; MiB are the shares (PSS)
of all processes below the room, divided by the learners. Other load on the machine makes times
longer, CPU seconds and MiB hardly: the load average stands in the table.
"""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from pathlib import Path

import nbformat
import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "workshop"))

from learner import Kernel, Learner  # noqa: E402
from running import Running  # noqa: E402

LESSON = HERE.parent / "notebooks" / "01_step_decay.ipynb"
DRAG = """
import lrcourse
widget = lrcourse.choose("step_decay")
"""
CHECK = """
import numpy as np
lrcourse.check("step_decay.1", lambda t, lr, step_size, gamma: lr * gamma ** (np.asarray(t) // step_size)).right
"""


# What learners do


async def come_in(learner: Learner, begin: float) -> dict[str, float]:
    """From the login to the end of lesson 01's imports, the moments after `begin`."""
    await learner.enter()
    moments = {"page": time.monotonic() - begin}
    kernel = await learner.start_kernel()
    learner.kernel = kernel
    await kernel.run(sections(LESSON)[0])
    return moments | {"first cell": time.monotonic() - begin}


def sections(notebook: Path) -> list[str]:
    """The code of a lesson, a text for each section that has any."""
    found: list[str] = [""]
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown" and any(
            line.startswith("## ") for line in cell.source.splitlines()
        ):
            found.append("")
        elif cell.cell_type == "code":
            found[-1] += cell.source + "\n"
    return [code for code in found if code]


async def work(kernel: Kernel) -> dict[str, list[float]]:
    """The sections of the lesson, one after the other, then a widget and a check."""
    times: dict[str, list[float]] = {"section": [], "drag": [], "check": []}
    for code in sections(LESSON)[1:]:
        times["section"].append(await timed(kernel.run(code, 600)))
    await kernel.run(DRAG)
    for letter in "abcdabcd":
        times["drag"].append(await timed(kernel.run(f"widget.choose({letter!r})")))
    times["check"].append(await timed(kernel.run(CHECK)))
    return times


async def timed(doing) -> float:
    begin = time.monotonic()
    await doing
    return time.monotonic() - begin


# What it costs


def shares(processes: list[psutil.Process]) -> float:
    """MiB of all processes, each page counted once."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            total += process.memory_full_info().pss
    return total / 2**20


def seconds(processes: list[psutil.Process]) -> float:
    """CPU seconds of all processes, and of those below them that have ended."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


# The load


async def load(room: Running, count: int, lesson: bool) -> dict[str, str]:
    """`count` learners at the same moment: a row of the table."""
    people = [Learner(room.url, f"learner{i}", room.password) for i in range(count)]
    mib, cpu = shares(room.processes()), seconds(room.processes())
    async with contextlib.AsyncExitStack() as all_of_them:
        for one in people:
            await all_of_them.enter_async_context(one)
        begin = time.monotonic()
        came = await asyncio.gather(*(come_in(p, begin) for p in people), return_exceptions=True)
        good = [one for one in came if isinstance(one, dict)]
        for bad in (one for one in came if not isinstance(one, dict)):
            print(f"    failed: {type(bad).__name__}: {bad}", file=sys.stderr)
        row = {"learners": str(count), "failures": str(count - len(good))}
        for name in ("page", "first cell"):
            row[name] = middle_and_last([one[name] for one in good])
        row["CPU s each"] = f"{(seconds(room.processes()) - cpu) / count:.2f}"
        row["MiB each"] = f"{(shares(room.processes()) - mib) / count:.0f}"
        if lesson and good:
            row |= await lesson_by_sections(people, room)
    return row | {"load": f"{os.getloadavg()[0]:.0f}"}


async def lesson_by_sections(people: list[Learner], room: Running) -> dict[str, str]:
    kernels = [one.kernel for one in people if hasattr(one, "kernel")]
    done = await asyncio.gather(*map(work, kernels), return_exceptions=True)
    good = [one for one in done if isinstance(one, dict)]
    row = {
        name: middle_and_last([t for one in good for t in one[name]])
        for name in ("section", "drag", "check")
    }
    row["MiB each, then"] = f"{shares(room.processes()) / len(people):.0f}"
    return row | {"failures, then": str(len(done) - len(good))}


def middle_and_last(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} / {max(times):.2f}" if times else "-"


def table(rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows]
    return "\n".join(lines)
