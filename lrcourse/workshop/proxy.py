"""The room's proxy: configurable-http-proxy, with room for a class, and events passed on at once.

As it comes, it asks ten servers at a time, and hands an answer on when it is whole: a stream of
events never is, and each page that waits for its server would take one of the ten. It does not tell the
browser which of the kernel's protocols the server chose: the first try fails then. And its command
refuses a certificate, which is given to its server here.

The keeper holds the door: the socket that browsers come to. While a proxy that died is started
again they wait there, and are not told that nobody is. What it had learnt from the hub is in a file.
"""

import argparse
import contextlib
import json
import os
import socket
import ssl
from pathlib import Path

from configurable_http_proxy import configproxy, log
from configurable_http_proxy.handlers import ProxyHandler
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from lrcourse.workshop import shelf
from lrcourse.workshop.room import write_private

AT_ONCE = 1000
EVENTS = "text/event-stream"
OURS = ("content-length", "transfer-encoding", "content-encoding", "connection", "date", "server")


class StreamingHandler(ProxyHandler):
    """Passes on each piece of an event stream as it comes, and the protocol of a websocket. What is
    the same for all it hands out itself."""

    async def get(self, path: str | None = None) -> None:
        packed = "gzip" in self.request.headers.get("Accept-Encoding", "")
        item = shelf.find(self.request.path, self.get_query_argument("v", ""), packed)
        if item is None:
            return await super().get(path)
        self.set_header("Content-Type", item.kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("X-Content-Type-Options", "nosniff")
        if item.packed:
            self.set_header("Content-Encoding", "gzip")
        self.finish(item.content)
        return None

    def select_subprotocol(self, _offered: list[str]) -> str | None:
        """The one that the server behind has chosen; it was asked first."""
        return self.ws_client.selected_subprotocol

    def _get_proxy_request(self, url: str) -> HTTPRequest:
        """Servers are asked in plain HTTP, and have to know how the browser asked."""
        request = super()._get_proxy_request(url)
        for name in [n for n in request.headers if n.lower() == "x-forwarded-proto"]:
            del request.headers[name]
        request.headers["X-Forwarded-Proto"] = self.request.protocol
        return request

    def on_message(self, message: str | bytes) -> None:
        """Bytes go on as bytes: the kernel's newer protocol is made of them."""
        if self.ws_client:
            self.proxy.update_last_activity(self.target["prefix"])
            self.ws_client.write_message(message, binary=isinstance(message, bytes))

    async def call_proxy(self, path: str | None = None) -> None:
        if EVENTS not in self.request.headers.get("Accept", ""):
            return await super().call_proxy(path)
        url = await self.get_target_url(path)
        if url is None:
            return None
        self._head: list[str] = []
        request: HTTPRequest = self._get_proxy_request(url)
        request.request_timeout = 0  # as long as it lasts
        request.header_callback = self._head.append
        request.streaming_callback = self._pass_on
        try:
            await AsyncHTTPClient().fetch(request, raise_error=False)
        except StreamClosedError:  # the page was closed
            return None
        except Exception as error:
            return await self.handle_proxy_error(503, error)
        self._begin()
        self.finish()
        return None

    def _pass_on(self, piece: bytes) -> None:
        if self.request.connection.stream.closed():  # ends the asking, too
            raise StreamClosedError
        self._begin()
        self.write(piece)
        self.flush()

    def _begin(self) -> None:
        """Status and headers of the answer, before its first piece."""
        if not self._head:
            return
        status, *lines = self._head
        self._head = []
        self.set_status(int(status.split()[1]))
        for name, value in HTTPHeaders.parse("".join(lines)).get_all():
            if name.lower() not in OURS:
                self.add_header(name, value) if name == "Set-Cookie" else self.set_header(
                    name, value
                )


class Proxy(configproxy.PythonProxy):
    """Knows at once who is where when it is started again: nobody has to wait for the hub."""

    _file: Path | None = None  # while the routes in it are read

    def remember(self, file: Path) -> None:
        """Take up the routes in `file`, and keep them there from now on."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            for path, data in json.loads(file.read_text(encoding="utf-8")).items():
                self.add_route(path, data)
        self._file = file

    def add_route(self, path: str, data: dict) -> None:
        super().add_route(path, data)
        self._keep()

    def remove_route(self, path: str) -> None:
        super().remove_route(path)
        self._keep()

    def _keep(self) -> None:
        if self._file:
            moment = ("last_activity",)
            routes = {
                path: {name: value for name, value in data.items() if name not in moment}
                for path, data in self.get_routes().items()
            }
            write_private(self._file, json.dumps(routes))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--door", type=int, required=True, help="the number of its socket")
    options.add_argument("--routes", type=Path, required=True, help="the file with who is where")
    options.add_argument("--api-port", type=int, required=True)
    options.add_argument("--hub", required=True, help="the address of the hub")
    options.add_argument("--certificate", default="")
    options.add_argument("--key", default="")
    chosen = options.parse_args()
    log.setLevel("WARNING")
    AsyncHTTPClient.configure(None, max_clients=AT_ONCE)
    configproxy.ProxyHandler = StreamingHandler
    proxy = Proxy(
        {
            "default_target": chosen.hub,
            "error_target": f"{chosen.hub}/hub/error",
            "auth_token": os.environ["CONFIGPROXY_AUTH_TOKEN"],
        }
    )
    proxy.remember(chosen.routes)
    door = socket.socket(fileno=chosen.door)
    door.setblocking(False)
    HTTPServer(proxy.proxy_app, ssl_options=_tls(chosen)).add_socket(door)
    HTTPServer(proxy.api_app).listen(chosen.api_port, "127.0.0.1")
    IOLoop.current().start()


def _tls(chosen: argparse.Namespace) -> ssl.SSLContext | None:
    if not chosen.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chosen.certificate, chosen.key or None)
    return context


if __name__ == "__main__":
    main()
