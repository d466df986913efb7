"""Build the notebooks that learners open from the scripts that maintainers edit.

    python notebooks/build.py                     build all
    python notebooks/build.py 01_step_decay       build the ones named
    python notebooks/build.py --check             only say what is not in step; nothing is run
    python notebooks/build.py --marks             renew the metadata of cells; nothing is run

`notebooks/source/NN_name.py` is a script of cells (jupytext's percent format). It becomes
`notebooks/NN_name.ipynb`, run from top to bottom in a fresh kernel, outputs included. Whatever
would change from one build to the next is left out, so that building twice changes nothing.
Every cell gets the mark that says where it goes on a slide: its own, or that of its kind
(`lrcourse/slides/marks.py`).

A build fails, and writes nothing, if any cell raises, also where a widget would swallow the
error; and if an output is not fit to be stored: something on stderr, a memory address, a path of
this machine, or a widget without a picture or text of its own.
"""

import argparse
import math
import os
import re
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from surroundings import surroundings

from lrcourse.slides.marks import mark_all

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"

# The same whatever machine built it.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
KEPT = ("tags", "alt", "slideshow")  # of what a script says of a cell
WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PATIENCE = 120  # seconds for outputs that come after the reply, on a busy machine
TIMEOUT = 600  # seconds for a cell; a lesson takes under 20 for all of them


class BuildError(Exception):
    """A notebook that cannot be built, and why."""


def sources(folder: Path = SOURCE) -> list[Path]:
    """The scripts, in the order of the lessons."""
    return sorted(folder.glob("*.py"))


def read(source: Path) -> NotebookNode:
    """The notebook that a script describes, not run, with ids and metadata that do not change."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"
        kept = {name: cell.metadata[name] for name in KEPT if cell.metadata.get(name)}
        cell.metadata = nbformat.from_dict(kept)
    mark_all(notebook.cells)
    return notebook


# Running


class Client(NotebookClient):
    """Runs a notebook, and hears every error: nbclient does not tell of one that a widget caught.

    `interact` and `Output` keep what is raised inside them for themselves. The kernel sends it
    all the same, and this is where it comes by.
    """

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> NotebookNode:
        if msg["msg_type"] == "error":
            self.heard.append(_told(cell_index, cell.source, msg["content"]))
        return super().process_message(msg, cell, cell_index)

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel. nbclient's watch outlives the kernel's client by a moment."""
        with suppress(AssertionError):
            await super()._async_poll_kernel_alive()

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        _look_again(client.shell_channel)
        return client

    def run(self, environment: dict[str, str]) -> NotebookNode:
        self.heard: list[str] = []
        try:
            self.execute(env=environment)
        except CellExecutionError as error:
            self.heard = self.heard or [str(error)]
        if self.heard:
            raise BuildError("\n\n".join(self.heard))
        return self.nb


def _look_again(channel: Any) -> None:
    """Look every second whether a message has come, whoever has been woken for it.

    For an `Output` widget nbclient sends on the channel that the replies come on. ZeroMQ wakes a socket
    once for what comes meanwhile, and to send takes that: the reply would lie there unseen.
    """
    receive = channel.get_msg

    async def get_msg(timeout: float | None = None) -> dict:
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            try:
                return await receive(timeout=min(1.0, max(0.0, left)))
            except Empty:
                if left <= 1.0:
                    raise

    channel.get_msg = get_msg


def _told(number: int, source: str, content: dict) -> str:
    trace = ANSI.sub("", "\n".join(content["traceback"]))
    return f"cell {number} raised {content['ename']}: {content['evalue']}\n\n{source}\n\n{trace}"


def run(notebook: NotebookNode, folder: Path = HERE) -> NotebookNode:
    """Run every cell in a fresh kernel, as a learner does who has done nothing yet."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        client = Client(
            notebook,
            timeout=TIMEOUT,
            # nbclient goes on after 4 s without the outputs, and an error among them is not heard.
            iopub_timeout=PATIENCE,
            raise_on_iopub_timeout=True,
            kernel_name=METADATA["kernelspec"]["name"],
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--log-level=ERROR"],
            record_timing=False,
            coalesce_streams=True,
        )
        return client.run(os.environ | surroundings(empty))


# What is stored


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Keep of the outputs what reads without a kernel and does not change from run to run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            if "data" in output:
                words = output.metadata.get("image/png", {}).get("alt")
                output.metadata = nbformat.from_dict({"image/png": {"alt": words}} if words else {})
                _normalise_data(output.data)
    return notebook


def _normalise_data(data: dict) -> None:
    if len(data) > 1:
        data.pop(WIDGET, None)  # its model's id is random, and means nothing without the kernel
    if "image/png" in data:
        png = without_text(b64decode(data["image/png"]))
        data["image/png"] = b64encode(png).decode()


def without_text(png: bytes) -> bytes:
    """A PNG without its text and time chunks: matplotlib writes its version there."""
    kept, at = [png[:8]], 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            kept.append(png[at:end])
        at = end
    return b"".join(kept)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


UNFIT = {
    r"\b0x[0-9a-fA-F]{7,}\b": "a memory address, which is another one each time",
    r"^\w+\(children=": "a widget with no picture or text of its own: give it both",
    r"^Output\(": "an Output widget, which is empty without a kernel",
    re.escape(str(HERE.parent)) + r"\b": "a path of this machine",
    re.escape(str(Path.home())) + r"[/\\]": "a path of this machine",
    re.escape(sys.prefix) + r"[/\\]": "a path of this machine",
}


def unfit(notebook: NotebookNode) -> list[str]:
    """What is in the outputs that should not be stored, a sentence each."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                found.append(f"cell {number} writes to stderr: {output.text.strip()}")
            for text in _texts(output):
                hits = {why for pattern, why in UNFIT.items() if re.search(pattern, text, re.M)}
                found += [f"cell {number} shows {why}: {text.strip()[:200]}" for why in hits]
    return found


def _texts(output: NotebookNode) -> list[str]:
    data = output.get("data", {"text/plain": output.get("text", "")})
    return [value for mime, value in data.items() if mime.startswith("text/")]


def build(source: Path, target: Path) -> None:
    """Build one notebook. Raises `BuildError`, and writes nothing, if it is not fit."""
    notebook = normalise(run(read(source)))
    wrong = unfit(notebook)
    if wrong:
        raise BuildError("\n".join(wrong))
    _write(notebook, target)


def _write(notebook: NotebookNode, target: Path) -> None:
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT, indent=1)
    target.write_text(text.rstrip("\n") + "\n", encoding="utf-8", newline="\n")


# Scripts and notebooks in step


def check(source: Path, target: Path) -> list[str]:
    """What differs between a script and its notebook, a sentence each; [] if they are in step."""
    if not target.exists():
        return [f"{target.name} is missing: build it"]
    built, wanted = nbformat.read(target, as_version=4), read(source)
    if len(built.cells) != len(wanted.cells):
        return [f"{target.name} has {len(built.cells)} cells, {source.name} {len(wanted.cells)}"]
    differ = [
        f"{target.name}, cell {number} is not what {source.name} says"
        for number, cells in enumerate(zip(built.cells, wanted.cells))
        if _described(cells[0]) != _described(cells[1])
    ]
    counts = [cell.execution_count for cell in code_cells(built)]
    if counts != list(range(1, len(counts) + 1)):
        differ.append(f"{target.name} was not run from top to bottom: its counts are {counts}")
    if built.metadata != METADATA:
        differ.append(f"{target.name} has other metadata than a build gives it")
    return differ


def _described(cell: NotebookNode) -> tuple:
    return cell["id"], cell.cell_type, cell.source.strip(), dict(cell.metadata)


def check_all(source_folder: Path = SOURCE, folder: Path = HERE) -> list[str]:
    """What is not in step in the whole folder, notebooks without a script included."""
    scripts = sources(source_folder)
    differ = [d for s in scripts for d in check(s, folder / f"{s.stem}.ipynb")]
    stray = {n.stem for n in folder.glob("*.ipynb")} - {s.stem for s in scripts}
    return differ + [f"{name}.ipynb has no script in source/" for name in sorted(stray)]


def renew_marks(source_folder: Path = SOURCE, folder: Path = HERE) -> list[str]:
    """Give the cells of built notebooks the metadata of their scripts: the names of those changed."""
    changed = []
    for source in sources(source_folder):
        target = folder / f"{source.stem}.ipynb"
        built, wanted = nbformat.read(target, as_version=4), read(source)
        for cell, said in zip(built.cells, wanted.cells):
            if cell.source.strip() == said.source.strip() and cell.metadata != said.metadata:
                cell.metadata = said.metadata
                changed.append(target.name)
        _write(built, target)
    return sorted(set(changed))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="01_step_decay, say; all, if none is named")
    parser.add_argument("--check", action="store_true", help="only compare, run nothing")
    parser.add_argument(
        "--marks", action="store_true", help="renew the cells' metadata, run nothing"
    )
    options = parser.parse_args(arguments)
    if options.marks:
        print("\n".join(renew_marks()) or "no mark differs")
        return 0
    if options.check:
        differ = check_all()
        print("\n".join(differ) or "scripts and notebooks are in step")
        return bool(differ)
    return _build_named([Path(name).stem for name in options.names])


def _build_named(names: list[str]) -> int:
    known = {source.stem: source for source in sources()}
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no script named {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    failed = 0
    for name in names or known:
        start = time.perf_counter()
        try:
            build(known[name], HERE / f"{name}.ipynb")
            print(f"{name}  built in {time.perf_counter() - start:.1f} s", flush=True)
        except Exception as error:  # one broken notebook should not hide the next
            failed += 1
            print(f"{name}  NOT BUILT\n{error}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    if sys.platform == "win32":
        import asyncio

        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    sys.exit(main())
