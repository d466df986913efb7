"""One room for all tests of it: the real command, three learners, real kernels.

def test_something(room, together):
    ada, bob = together("ada", "bob")      # logged in, a kernel each
    assert ada.run("1 + 1") == "2"
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running import Running  # noqa: E402
from seat import Seat, sit_down  # noqa: E402

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


@pytest.fixture(scope="session")
def together(room: Running, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., list[Seat]]]:
    """Learners who come in at the same moment, or are here already: `together("ada", "bob")`."""
    seats: dict[str, Seat] = {}

    def come(*names: str) -> list[Seat]:
        async def all_of_them() -> list[Seat]:
            return await asyncio.gather(*(sit_down(room, n, loop) for n in names if n not in seats))

        seats.update({seat.name: seat for seat in loop.run_until_complete(all_of_them())})
        return [seats[name] for name in names]

    yield come
    for seat in seats.values():
        loop.run_until_complete(seat.learner.__aexit__(None, None, None))
