"""Several workers side by side, which can be told to stop in the middle of their work."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lrcourse.grading.sessions import Abandoned

POLL = 0.1  # seconds between two looks at `stop`; on Windows nothing interrupts a longer wait


def in_parallel(
    todo: Sequence[Any],
    hire: Callable[[int], Any],
    do: Callable[[Any, Any], Any],
    jobs: int,
    stop: threading.Event,
) -> Iterator[tuple[Any, Any]]:
    """(item, `do(item, worker)`) for the items of `todo`, as they are done.

    `hire(number)` makes the worker of each of `jobs` threads. After `stop` is set, what was done
    by then still comes; what was not is given up, and its processes are ended.
    """
    crew = _Crew(todo, hire, do)
    threads = [
        threading.Thread(target=crew.work, args=(n,), name=f"lrcourse.grade {n}")
        for n in range(min(jobs, len(todo)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in todo:
            found = _next(crew.done, stop)
            if found is None:
                break
            yield _result(found)
    finally:
        crew.give_up()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    while stop.is_set() and not crew.done.empty():
        yield _result(crew.done.get())


def _next(done: queue.SimpleQueue, stop: threading.Event) -> Any:
    """The next that is done; None after a stop."""
    while not stop.is_set():
        try:
            return done.get(timeout=POLL)
        except queue.Empty:
            continue
    return None


def _result(found: tuple[Any, Any] | BaseException) -> tuple[Any, Any]:
    if isinstance(found, BaseException):
        raise found
    return found


class _Crew:
    def __init__(self, todo: Sequence[Any], hire: Callable, do: Callable) -> None:
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        for item in todo:
            self._waiting.put(item)
        self.done: queue.SimpleQueue = queue.SimpleQueue()
        self._hire, self._do = hire, do
        self._over = threading.Event()
        self._workers: list[Any] = []

    def work(self, number: int) -> None:
        """In a thread: do what is waiting, until nothing is, or it is over."""
        try:
            worker = self._hire(number)
            self._workers.append(worker)
            try:
                self._work_with(worker)
            finally:
                worker.close()
        except (Abandoned, queue.Empty):
            return
        except BaseException as error:
            if not self._over.is_set():
                self.done.put(error)

    def _work_with(self, worker: Any) -> None:
        while not self._over.is_set():
            item = self._waiting.get_nowait()
            result = self._do(item, worker)
            if not self._over.is_set():  # else its process was ended in the middle
                self.done.put((item, result))

    def give_up(self) -> None:
        """End all that is still at work."""
        self._over.set()
        for worker in list(self._workers):
            worker.abandon()
