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

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "workshop"))

from learner import Kernel, Learner, Refused  # noqa: E402
from running import Running, plain_hub  # noqa: E402

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
            row |= await lesson_by_sections(people, room, mib)
    return row | {"load": f"{os.getloadavg()[0]:.0f}"}


async def lesson_by_sections(people: list[Learner], room: Running, base: float) -> dict[str, str]:
    kernels = [one.kernel for one in people if one.kernel]
    done = await asyncio.gather(*map(work, kernels), return_exceptions=True)
    good = [one for one in done if isinstance(one, dict)]
    for bad in (one for one in done if not isinstance(one, dict)):
        print(f"    failed: {type(bad).__name__}: {str(bad)[:300]}", file=sys.stderr)
    row = {
        name: middle_and_last([t for one in good for t in one[name]])
        for name in ("section", "drag", "check")
    }
    row["MiB each, then"] = f"{(shares(room.processes()) - base) / len(people):.0f}"
    return row | {"failures, then": str(len(done) - len(good))}


def middle_and_last(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} / {max(times):.2f}" if times else "-"


def table(rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows]
    return "\n".join(lines)


# The faults


async def fault(room: Running, name: str) -> dict[str, str]:
    """One thing dies under a learner who has a variable and a saved file: what they see."""
    async with Learner(room.url, "fay", room.password) as fay:
        await fay.enter()
        kernel = await fay.start_kernel()
        await kernel.run("kept = 42; open('saved.txt', 'w').write('saved')")
        await FAULTS[name](room, fay, kernel)
        begin = time.monotonic()
        saw = await _until_back(fay)
        seconds_back = time.monotonic() - begin
        return {
            "fault": name,
            "learner sees": saw,
            "page back after, s": f"{seconds_back:.1f}",
            "variables": await _variables(fay, kernel),
            "saved file": await _saved(fay),
        }


async def _until_back(fay: Learner) -> str:
    """Wait until the page comes; the worst answer before that."""
    saw = "nothing"
    while True:
        try:
            await fay.page()
            await fay.ask("GET", "api/status")
            return saw
        except Exception as error:
            saw = f"{type(error).__name__} {str(error)[:60]}".split(":")[0]
            await asyncio.sleep(0.2)


async def _variables(fay: Learner, kernel: Kernel) -> str:
    try:
        again = await fay.connect(kernel.id)
        return "kept" if await again.run("kept", 60) == "42" else "lost"
    except Exception as error:
        return f"lost ({type(error).__name__} {str(error)[:50]})"


async def _saved(fay: Learner) -> str:
    about = await fay.ask("GET", "api/contents/saved.txt")
    return "whole" if about["content"] == "saved" else "lost"


def port_taken(room: Running) -> dict[str, str]:
    """A second room at the same place: what its instructor reads."""
    command = [sys.executable, "-m", "lrcourse.cli", "workshop", f"--port={room.port}"]
    begin = time.monotonic()
    tried = subprocess.run(
        [*command, f"--folder={room.folder}-two"], capture_output=True, text=True, timeout=120
    )
    said = tried.stderr.strip().removeprefix("lrcourse workshop: ")
    return {
        "fault": "port taken",
        "learner sees": f"nothing; the instructor: {said}",
        "page back after, s": f"refused in {time.monotonic() - begin:.1f}",
    }


def killed_hard(room: Running) -> dict[str, str]:
    """The command itself is killed, and with it all of the room; then it is started again."""

    async def come_back(again: Running) -> str:
        async with Learner(again.url, "fay", again.password) as fay:
            await fay.enter()
            return await _saved(fay)

    room.process.kill()
    room.process.wait()
    begin = time.monotonic()
    with Running(room.folder) as again:
        saved = asyncio.run(come_back(again))
        return {
            "fault": "the command killed hard, then started again",
            "learner sees": "no connection",
            "page back after, s": f"{time.monotonic() - begin:.1f}",
            "variables": "lost",
            "saved file": saved,
        }


def _kill(name: str) -> Callable:
    async def now(room: Running, _fay: Learner, _kernel: Kernel) -> None:
        dying = room.child(name)
        dying.kill()
        await asyncio.to_thread(dying.wait, 60)  # or the first page still comes by it

    return now


async def _kill_server(room: Running, _fay: Learner, _kernel: Kernel) -> None:
    next(p for p in _of(room, "fay") if "servers" in p.cmdline()).kill()


async def _kill_kernel(room: Running, _fay: Learner, kernel: Kernel) -> None:
    await kernel.send("execute_request", {"code": "while True: pass", "silent": False})
    next(p for p in _of(room, "fay") if "kernels" in p.cmdline()).kill()


async def _asleep(room: Running, _fay: Learner, _kernel: Kernel) -> None:
    """The laptop's lid is closed for a minute."""
    everything = [*room.processes(), psutil.Process(room.process.pid)]
    for process in everything:
        process.suspend()
    await asyncio.sleep(60)
    for process in everything:
        process.resume()


async def _disk_full(_room: Running, fay: Learner, kernel: Kernel) -> None:
    """The learner's share of the disk: a file larger than it is refused, a save after it is not."""
    with contextlib.suppress(Refused):
        await kernel.run("f = open('big', 'wb'); f.truncate(600 << 20)")
    await fay.ask(
        "PUT", "api/contents/new.txt", json={"type": "file", "format": "text", "content": "x"}
    )


def _of(room: Running, name: str) -> list[psutil.Process]:
    found = []
    for process in room.processes():
        with contextlib.suppress(psutil.Error):
            if process.cwd().startswith(str(room.folder / "learners" / name)):
                found.append(process)
    return found


FAULTS: dict[str, Callable] = {
    "proxy killed": _kill("proxy"),
    "hub killed": _kill("hub"),
    "board killed": _kill("board"),
    "warm kernels killed": _kill("kernels"),
    "warm servers killed": _kill("servers"),
    "server killed": _kill_server,
    "kernel killed in mid-cell": _kill_kernel,
    "disk share full": _disk_full,
    "asleep for a minute": _asleep,
}


# The command


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--learners", type=int, nargs="+", default=[1, 8, 20, 30])
    options.add_argument("--lesson", action="store_true", help="run the lesson's sections, too")
    options.add_argument("--plain", action="store_true", help="a plain hub beside it")
    options.add_argument("--faults-only", action="store_true")
    options.add_argument("--no-faults", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="lrw-load-", dir="/var/tmp") as folder:
        if not chosen.faults_only:
            rows = [_load_of(Path(folder), count, chosen) for count in chosen.learners]
            print(table([row for pair in rows for row in pair]), flush=True)
        if not chosen.no_faults:
            with Running(Path(folder) / "faults") as room:
                rows = [asyncio.run(fault(room, name)) for name in FAULTS]
                print(table([*rows, port_taken(room), killed_hard(room)]))


def _load_of(folder: Path, count: int, chosen: argparse.Namespace) -> list[dict[str, str]]:
    with Running(folder / f"room{count}") as room:
        rows = [{"room": "forked"} | asyncio.run(load(room, count, chosen.lesson))]
    if chosen.plain:
        with plain_hub(folder / f"plain{count}") as room:
            rows.append({"room": "plain hub"} | asyncio.run(load(room, count, False)))
    return rows


if __name__ == "__main__":
    main()
