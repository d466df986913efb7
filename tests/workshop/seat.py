"""A learner at a table, for tests that are not asynchronous themselves."""

import asyncio
from typing import Any

from learner import Kernel, Learner
from running import Running


class Seat:
    """A learner with an open notebook, for tests that are not asynchronous themselves."""

    def __init__(self, learner: Learner, kernel: Kernel, loop: asyncio.AbstractEventLoop) -> None:
        self.learner, self.kernel, self._loop = learner, kernel, loop
        self.name = learner.name

    def run(self, code: str, seconds: float = 60) -> str:
        try:
            return self.wait(self.kernel.run(code, seconds))
        except ConnectionError:  # the proxy died, nothing was sent; JupyterLab connects again, too
            self.connect()
        return self.wait(self.kernel.run(code, seconds))

    def connect(self) -> None:
        """Another websocket to the same kernel."""
        self.kernel = self.wait(self.learner.connect(self.kernel.id))

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return self.wait(self.learner.ask(method, path, **options))

    def again(self) -> None:
        """Load the page anew and open the notebook, as after a fault."""
        self.wait(self.learner.page())
        self.kernel = self.wait(self.learner.start_kernel())

    def wait(self, doing: Any) -> Any:
        return self._loop.run_until_complete(doing)


async def sit_down(room: Running, name: str, loop: asyncio.AbstractEventLoop) -> Seat:
    learner = await Learner(room.url, name, room.password).__aenter__()
    await learner.enter()
    return Seat(learner, await learner.start_kernel(), loop)
