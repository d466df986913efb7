"""The files of the results: written in one piece each, by one grader at a time."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


def save(path: Path, text: str) -> None:
    """Write in one piece: after a crash there is the old file or the new one."""
    half = path.with_name(f".{secrets.token_hex(8)}.half")
    try:
        # Half a character, from an answer or a file's name, must not stop the class.
        half.write_text(text, encoding="utf-8", errors="replace", newline="")
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


@contextmanager
def alone(results: Path) -> Iterator[None]:
    """Nobody else grades into this folder meanwhile. Raises `ValueError` if somebody does."""
    results.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(results / ".lock", timeout=0):
            for folder in (results, results / "marks", results / "feedback"):
                for half in folder.glob(f".{'?' * 16}.half"):  # of a grader that was killed
                    half.unlink(missing_ok=True)
            yield
    except Timeout:
        raise ValueError(
            f"somebody is grading into {results} already: wait until that is done, or name "
            f"another folder with -o"
        ) from None
