"""A learner without a browser: what JupyterLab sends, over HTTP and websocket, through the proxy.

async with Learner("http://127.0.0.1:8000", "ada", "class-password", "4711") as ada:
    await ada.enter()                  # log in, wait for the server
    kernel = await ada.start_kernel()
    await kernel.run("1 + 1")          # "2"
"""

import asyncio
import contextlib
import json
import ssl
import struct
import uuid
from types import TracebackType
from typing import Any

import aiohttp

PATIENCE = 120.0
EVENTS = {"Accept": "text/event-stream"}  # as a browser's EventSource asks


class Refused(RuntimeError):
    """The room said no; the text is what it said."""


class Learner:
    """One browser's worth of cookies."""

    def __init__(
        self,
        room: str,
        name: str,
        password: str,
        pin: str = "4711",
        trusts: ssl.SSLContext | bool = True,
    ) -> None:
        self.room, self.name, self._password, self._pin = room, name, password, pin
        self.base, self._trusts = f"{room}/user/{name}", trusts
        self.kernel: Kernel | None = None  # of the notebook that is open

    async def __aenter__(self) -> "Learner":
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trusts),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(PATIENCE),
        )
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    # Coming in

    async def enter(self) -> None:
        """Log in, and wait until one's own JupyterLab answers."""
        await self.log_in()
        await self.page()

    async def log_in(self) -> None:
        async with self.http.get(f"{self.room}/hub/login") as page:
            await page.text()
        form = {
            "username": self.name,
            "password": self._password,
            "pin": self._pin,
            "_xsrf": self._cookie("_xsrf", "/hub/"),
        }
        async with self.http.post(
            f"{self.room}/hub/login", data=form, allow_redirects=False
        ) as answer:
            if answer.status != 302:
                raise Refused(f"{answer.status} {_alert(await answer.text())}")

    async def page(self) -> str:
        """JupyterLab's page: the way of a browser, over the hub's page that shows the progress."""
        text, place = await self._get(f"{self.room}/hub/spawn")
        while "/hub/spawn-pending/" in place:
            await self._until_ready()
            text, place = await self._get(f"{self.base}/lab/tree/00_start_here.ipynb")
        if "/hub/" in place:
            raise Refused(f"sent to {place}: {_alert(text)}")
        return text

    async def _get(self, url: str) -> tuple[str, str]:
        async with self.http.get(url) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(f"{answer.status} at {answer.url}: {_alert(text)}")
            return text, answer.url.path

    async def _until_ready(self) -> None:
        url = f"{self.room}/hub/api/users/{self.name}/server/progress"
        params = {"_xsrf": self._cookie("_xsrf", "/hub/")}
        async with self.http.get(url, params=params, headers=EVENTS) as events:
            async for line in events.content:
                if line.startswith(b"data:") and (event := json.loads(line[5:])).get("ready"):
                    return
                if line.startswith(b"data:") and event.get("failed"):
                    raise Refused(event.get("message", "failed"))

    def _cookie(self, name: str, path: str) -> str:
        for cookie in self.http.cookie_jar:
            if cookie.key == name and cookie["path"] == path:
                return cookie.value
        return ""

    # One's own server

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """A call of the server's own API, "api/contents/...". Its JSON."""
        return await self.ask_at(method, f"{self.base}/{path}", **options)

    async def ask_at(self, method: str, url: str, **options: Any) -> Any:
        headers = {"X-XSRFToken": self._cookie("_xsrf", f"/user/{self.name}/")}
        async with self.http.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(f"{answer.status} {text[:300]}")
            return json.loads(text) if text else None

    async def start_kernel(self, notebook: str = "01_step_decay.ipynb") -> "Kernel":
        """Open a notebook, as JupyterLab does: a session, its kernel, a websocket to it."""
        session = await self.ask(
            "POST",
            "api/sessions",
            json={
                "path": notebook,
                "name": notebook,
                "type": "notebook",
                "kernel": {"name": "python3"},
            },
        )
        return await self.connect(session["kernel"]["id"])

    async def connect(self, kernel_id: str) -> "Kernel":
        session = uuid.uuid4().hex
        url = f"{self.base}/api/kernels/{kernel_id}/channels?session_id={session}"
        socket = await self.http.ws_connect(url, max_msg_size=0)
        return Kernel(self, kernel_id, session, socket)


class Kernel:
    """A kernel at the other end of a websocket."""

    def __init__(
        self,
        learner: Learner,
        kernel_id: str,
        session: str,
        socket: aiohttp.ClientWebSocketResponse,
    ) -> None:
        self.learner, self.id, self._session, self.socket = learner, kernel_id, session, socket

    async def run(self, code: str, seconds: float = PATIENCE) -> str:
        """What a cell prints and returns. Raises `Refused` with its error."""
        sent = await self.send("execute_request", {"code": code, "silent": False})
        said, wrong = [], ""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.receive()
                if message["parent_header"].get("msg_id") != sent:
                    continue
                kind, content = message["msg_type"], message["content"]
                if kind == "stream":
                    said.append(content["text"])
                elif kind == "execute_result":
                    said.append(content["data"]["text/plain"])
                elif kind == "error":
                    wrong = f"{content['ename']}: {content['evalue']}"
                elif kind == "status" and content["execution_state"] == "idle":
                    break
        if wrong:
            raise Refused(wrong + "".join(["\n", *said] if said else []))
        return "".join(said).strip()

    async def heard(self, seconds: float = PATIENCE) -> None:
        """Ask a kernel that has just begun until it is heard: what it said before that is lost."""
        asked = set()
        async with asyncio.timeout(seconds):
            while True:
                asked.add(await self.send("kernel_info_request", {}))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        while True:
                            message = await self.receive()
                            said = message["content"].get("execution_state")
                            if said == "idle" and message["parent_header"].get("msg_id") in asked:
                                return

    async def send(self, kind: str, content: dict, channel: str = "shell") -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self._session}
        header |= {"username": self.learner.name, "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self.socket.send_json(message | {"channel": channel, "buffers": []})
        return header["msg_id"]

    async def receive(self) -> dict:
        message = await self.socket.receive()
        if message.type == aiohttp.WSMsgType.BINARY:  # of a widget: JSON first, then its buffers
            begin, end = struct.unpack("!2I", message.data[4:12])
            return json.loads(message.data[begin:end])
        if message.type != aiohttp.WSMsgType.TEXT:
            raise Refused(f"the websocket to the kernel ended: {message.type.name}")
        return json.loads(message.data)


def _alert(page: str) -> str:
    """What a page says is wrong."""
    for mark in ('id="wrong">', "<p>"):
        if mark in page:
            return page.split(mark)[1].split("<")[0].strip()
    return page[:200]
