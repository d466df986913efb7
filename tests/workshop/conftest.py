"""One room for all tests of it: the real command, three learners, real kernels.

def test_something(room, together):
    ada, bob = together("ada", "bob")      # logged in, a kernel each
    assert ada.run("1 + 1") == "2"
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from learner import Kernel, Learner  # noqa: E402
from running import Running  # noqa: E402

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # JupyterHub does not run there, and the command says so


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A room that is open."""
    with Running(tmp_path_factory.mktemp("class") / "room") as running:
        yield running


class Seat:
    """A learner with an open notebook, for tests that are not asynchronous themselves."""

    def __init__(self, learner: Learner, kernel: Kernel, loop: asyncio.AbstractEventLoop) -> None:
        self.learner, self.kernel, self._loop = learner, kernel, loop
        self.name = learner.name

    def run(self, code: str, seconds: float = 60) -> str:
        if self.kernel.socket.closed:  # a proxy that died; JupyterLab connects again, too
            self.kernel = self.wait(self.learner.connect(self.kernel.id))
        return self.wait(self.kernel.run(code, seconds))

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return self.wait(self.learner.ask(method, path, **options))

    def again(self) -> None:
        """Load the page anew and open the notebook, as after a fault."""
        self.wait(self.learner.page())
        self.kernel = self.wait(self.learner.start_kernel())

    def wait(self, doing: Any) -> Any:
        return self._loop.run_until_complete(doing)


@pytest.fixture(scope="session")
def together(room: Running, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., list[Seat]]]:
    """Learners who come in at the same moment, or are here already: `together("ada", "bob")`."""
    seats: dict[str, Seat] = {}

    def come(*names: str) -> list[Seat]:
        async def all_of_them() -> list[Seat]:
            return await asyncio.gather(
                *(_sit_down(room, n, loop) for n in names if n not in seats)
            )

        seats.update({seat.name: seat for seat in loop.run_until_complete(all_of_them())})
        return [seats[name] for name in names]

    yield come
    for seat in seats.values():
        loop.run_until_complete(seat.learner.__aexit__(None, None, None))


async def _sit_down(room: Running, name: str, loop: asyncio.AbstractEventLoop) -> Seat:
    learner = await Learner(room.url, name, room.password).__aenter__()
    await learner.enter()
    return Seat(learner, await learner.start_kernel(), loop)
