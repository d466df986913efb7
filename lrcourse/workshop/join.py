"""The join page: what is projected while learners come in, and a test of the network.

The page shows the class password to who opened it with the key that the keeper prints, and to
instructors; to anyone else it shows the address alone.
"""

from hmac import compare_digest
from typing import Any

import segno
from jupyterhub.handlers import BaseHandler
from tornado.websocket import WebSocketHandler

from lrcourse.workshop.room import Room, Settings
from lrcourse.workshop.walls import SENTENCES

COOKIE = "lrcourse-join"
PLAIN = (
    "This is plain HTTP: whoever listens on this network can read the password. Use one that you "
    "use nowhere else."
)
LOOPBACK = (
    "Only this computer can open this address. To let the room in, start it with --ip 0.0.0.0"
)


class JoinHandler(BaseHandler):
    """The page itself."""

    room: Room  # both set by `hub`
    about: Settings

    async def get(self, key: str = "") -> None:
        if key:
            tls = self.about.scheme == "https"
            self.set_secure_cookie(COOKIE, key, httponly=True, samesite="Strict", secure=tls)
            self.redirect(f"{self.hub.base_url}join")  # the key is not to be projected
            return
        settings = self.about
        page = await self.render_template(
            "join.html",
            address=settings.address,
            picture=qr_code(settings.address),
            password=self.room.secret("class_password") if self._may_show() else "",
            warnings=warnings(settings),
        )
        self.finish(page)

    def _may_show(self) -> bool:
        given = self.get_secure_cookie(COOKIE) or b""
        instructor = self.current_user is not None and self.current_user.admin
        return instructor or compare_digest(given, self.room.secret("join_key").encode())


class EchoHandler(WebSocketHandler):
    """Answers what it is sent. Notebooks need a websocket; some networks block them."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message[:64])


def qr_code(text: str) -> str:
    """The address as a picture (SVG) to point a phone at."""
    return segno.make(text, error="m").svg_inline(omitsize=True, border=2, light="white")


def warnings(settings: Settings) -> list[str]:
    """What everybody in the room should know."""
    said = []
    if settings.host in ("127.0.0.1", "localhost"):
        said.append(LOOPBACK)
    elif settings.scheme == "http":
        said.append(PLAIN)
    if settings.wall == "none":
        said.append(SENTENCES["none"])
    return said


HANDLERS: list[tuple[str, Any]] = [
    (r"/join", JoinHandler),
    (r"/join/key/([0-9a-f]+)", JoinHandler),
    (r"/join/echo", EchoHandler),
]
