"""The board's web server: `python -m lrcourse.workshop.board ROOM`, started by the keeper.

JupyterHub says who asks: only instructors get further than a 403.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler, StaticFileHandler, authenticated

from lrcourse.workshop.board import tally
from lrcourse.workshop.board.acting import Actions, Refused
from lrcourse.workshop.board.looking import Memories
from lrcourse.workshop.board.presence import Presence
from lrcourse.workshop.hub import BOARD
from lrcourse.workshop.room import Room

BLINK = 0.3  # seconds between two looks at the memories
PRESENCE = 3.0  # seconds between two questions to all servers
STUCK = 20.0  # seconds after which the page is told anew: time alone makes learners stuck
PREFIX = f"/services/{BOARD}/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Board:
    """What all pages of the board show: looked at once, told to all."""

    def __init__(self, room: Room) -> None:
        self.actions, self._memories = Actions(room), Memories(room.learners)
        self._presence, self._progress = Presence(room), tally.Progress()
        self._instructor = room.settings().instructor
        self.changed = asyncio.Condition()
        self.text = ""

    async def watch(self) -> None:
        """Look at everything, again and again, and tell the pages what is different."""
        asked = told = 0.0
        while True:
            now = time.monotonic()
            news = self._memories.look()
            if now - asked > PRESENCE:
                asked, news = now, await self._presence.look() or news
            if news or now - told > STUCK:
                told = now
                await self.tell()
            await asyncio.sleep(BLINK)

    async def tell(self) -> None:
        text = json.dumps(self._all())
        async with self.changed:
            self.text = text
            self.changed.notify_all()

    def _all(self) -> dict[str, Any]:
        memories = {n: m for n, m in self._memories.all.items() if n != self._instructor}
        said = self.actions.said()
        rows = [self._progress.row(name, memory) for name, memory in sorted(memories.items())]
        for row in rows:
            row["on"] = row["name"] in self._presence.notebooks
            row["notebooks"] = self._presence.notebooks.get(row["name"], [])
        keys = self._keys(memories, said)
        return {
            "message": said["message"],
            "learners": rows,
            "predictions": [
                tally.prediction(key, said["phases"].get(key, "first"), memories) for key in keys
            ],
            "checkpoints": tally.checkpoints(rows),
        }

    def _keys(self, memories: dict[str, tally.Memory], said: dict[str, Any]) -> list[str]:
        """The lessons' questions, and whatever else the room votes on."""
        lessons = [key for key in tally.in_order() if tally.asked(key)]
        voted = {key for memory in memories.values() for key in memory.get("votes", {})}
        known = [key for key in tally.in_order() if key in voted or key in said["phases"]]
        return [key for key in tally.in_order() if key in lessons or key in known]


class Handler(HubOAuthenticated, RequestHandler):
    """For instructors. Others get a 403 from JupyterHub, strangers its login."""

    @property
    def board(self) -> Board:
        return self.settings["board"]

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")


class Page(Handler):
    @authenticated
    def get(self) -> None:
        self.finish(self.settings["template"].render(xsrf=self.xsrf_token.decode("ascii")))


class Events(Handler):
    """Server-sent events: all of the board, whenever something is different."""

    @authenticated
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        told = ""
        try:
            while True:
                if told != self.board.text:
                    told = self.board.text
                    self.write(f"data: {told}\n\n")
                else:
                    self.write(": still here\n\n")
                await self.flush()
                async with self.board.changed:
                    if told == self.board.text:
                        await _or_late(self.board.changed.wait(), 15)
        except StreamClosedError:
            return


async def _or_late(waiting: Any, seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return


class Act(Handler):
    @authenticated
    async def post(self, action: str) -> None:
        try:
            value = json.loads(self.request.body or b"{}")
        except ValueError:
            raise HTTPError(400, "no JSON") from None
        try:
            says = self.board.actions.do(action, value if isinstance(value, dict) else {})
        except (Refused, OSError, ValueError) as error:
            self.set_status(400)
            self.finish({"says": f"{error}."})
            return
        await self.board.tell()
        self.finish({"says": says})


class Health(RequestHandler):
    def get(self) -> None:
        self.finish("ok")


def application(room: Room) -> Application:
    """The board as a web application."""
    templates = Environment(
        loader=PackageLoader("lrcourse.workshop.board", "page"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    here = Path(__file__).parent / "page"
    return Application(
        [
            (PREFIX, Page),
            (f"{PREFIX}events", Events),
            (f"{PREFIX}do/([a-z_]+)", Act),
            (f"{PREFIX}oauth_callback", HubOAuthCallbackHandler),
            (f"{PREFIX}health", Health),
            (f"{PREFIX}page/(board\\.(?:js|css))", StaticFileHandler, {"path": here}),
        ],
        board=Board(room),
        template=templates.get_template("board.html"),
        cookie_secret=os.urandom(32),
        xsrf_cookies=True,
    )


def _introduce(room: Room) -> None:
    """Tell JupyterHub's client who we are, from files: nothing of it was in the environment."""
    os.environ |= {
        "JUPYTERHUB_API_TOKEN": room.secret("board_token"),
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{room.settings().hub_port}/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"service-{BOARD}",
        "JUPYTERHUB_SERVICE_NAME": BOARD,
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([f"access:services!service={BOARD}"]),
    }


async def main(folder: str) -> None:
    room = Room(Path(folder))
    _introduce(room)
    app = application(room)
    app.listen(room.settings().board_port, "127.0.0.1")
    await app.settings["board"].watch()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
