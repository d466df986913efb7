"""Who is on, and in which notebook: asked of each learner's own server."""

import asyncio
import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from lrcourse.workshop.room import Room

SECONDS = 5.0  # for an answer
MOST = 1 << 18  # bytes of one: a learner's server can answer anything
LETTERS = 120  # of a notebook's name


class Presence:
    """`notebooks` has an entry for each learner whose server runs: the notebooks that are open."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.notebooks: dict[str, list[str]] = {}

    async def look(self) -> bool:
        """Ask all servers. Returns whether anything is different now."""
        before = self.notebooks
        try:
            servers = await self._servers()
        except (TimeoutError, OSError, ValueError):
            return False
        names = [*servers]
        opened = await asyncio.gather(*(self._sessions(name, servers[name]) for name in names))
        self.notebooks = dict(zip(names, opened))
        return self.notebooks != before

    async def _servers(self) -> dict[str, str]:
        """The address of each learner's server, from the proxy."""
        settings = self._room.settings()
        url = f"http://127.0.0.1:{settings.proxy_port}/api/routes"
        routes = await _json(url, self._room.secret("proxy_token"))
        return {
            unquote(place.split("/")[2]): about["target"]
            for place, about in routes.items()
            if place.startswith("/user/") and "target" in about
        }

    async def _sessions(self, name: str, target: str) -> list[str]:
        try:
            sessions = await _json(
                f"{target}/user/{name}/api/sessions", self._room.secret("board_token")
            )
            return sorted({_title(one) for one in sessions})
        except Exception:  # the server answers what it likes, or not at all
            return []


def _title(session: Any) -> str:
    return PurePosixPath(str(session["path"])[:LETTERS]).name


async def _json(url: str, token: str) -> Any:
    request = HTTPRequest(url, headers={"Authorization": f"token {token}"}, request_timeout=SECONDS)
    answer = await AsyncHTTPClient(max_body_size=MOST).fetch(request)
    return json.loads(answer.body)
