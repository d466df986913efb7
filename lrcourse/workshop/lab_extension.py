"""What a learner's own server adds in a room: the instructor's message, and the sticky notes.

GET  .../lrcourse/room      what the learner's page shows above the notebook
POST .../lrcourse/room      {"sticky": "stuck" | "done" | ""}

And what it takes away: the buttons of other extensions that this machine has for JupyterLab, such as
nbgrader's "Create Assignment". The half of them that a server runs is not here.
"""

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from lrcourse import memory, room

STICKIES = ("", "stuck", "done")
SHOWN = ("lrcourse-room", "@jupyter-widgets/jupyterlab-manager", "anywidget", "jupyterlab_pygments")


class RoomHandler(APIHandler):
    """Reads what the room says, and keeps what the learner says in their memory."""

    @authenticated
    def get(self) -> None:
        self.finish(json.dumps({"sticky": _sticky(), **room.messages()}))

    @authenticated
    def post(self) -> None:
        sticky = (self.get_json_body() or {}).get("sticky")
        if sticky not in STICKIES:
            raise HTTPError(400, f"sticky must be one of {STICKIES}, got {sticky!r}")
        memory.remember("room", "sticky", {"says": sticky, "at": room.now()})
        self.finish(json.dumps({"sticky": sticky}))


def _sticky() -> str:
    kept = memory.recall("room", "sticky", {})
    return kept.get("says", "") if isinstance(kept, dict) else ""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "lrcourse.workshop.lab_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    place = url_path_join(server.web_app.settings["base_url"], "lrcourse", "room")
    server.web_app.add_handlers(".*$", [(place, RoomHandler)])
    server.web_app.settings["page_config_hook"] = _only_what_the_room_needs


def _only_what_the_room_needs(_handler: Any, page: dict[str, Any]) -> dict[str, Any]:
    there = page.get("federated_extensions", [])
    return page | {"federated_extensions": [one for one in there if one["name"] in SHOWN]}
