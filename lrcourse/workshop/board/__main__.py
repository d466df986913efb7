import sys
from pathlib import Path

from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler

from lrcourse.workshop.room import Room


class H(RequestHandler):
    def get(self):
        self.finish("ok")


room = Room(Path(sys.argv[1]))
Application([("/services/board/health", H)]).listen(room.settings().board_port, "127.0.0.1")
IOLoop.current().start()
