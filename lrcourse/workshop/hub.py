"""JupyterHub's settings for a room. The keeper runs the proxy and the board; the hub, neither."""

import os
from pathlib import Path
from typing import Any

from lrcourse.workshop import join
from lrcourse.workshop.pins import PinAuthenticator
from lrcourse.workshop.room import NAME, Room
from lrcourse.workshop.spawner import LIFE, RoomSpawner, arguments

START = "/lab/tree/00_start_here.ipynb"
BOARD, KEEPER = "board", "keeper"
WAIT = 120  # seconds for a server to come up, on a machine that is busy with thirty


def configure(c: Any, room: Room) -> None:
    """Fill JupyterHub's configuration object `c`."""
    settings = room.settings()
    PinAuthenticator.room = RoomSpawner.room = join.JoinHandler.room = room
    RoomSpawner.settings = join.JoinHandler.about = settings
    _network(c, room)
    _people(c, room)
    _servers(c, room)
    c.JupyterHub.template_paths = [str(Path(__file__).parent / "templates")]
    c.JupyterHub.template_vars = {"room": settings}
    c.JupyterHub.extra_handlers = join.HANDLERS
    c.JupyterHub.db_url = f"sqlite:///{room.hub}/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = str(room.hub / "cookie_secret")
    c.JupyterHub.cleanup_servers = False  # a hub that restarts finds the servers running
    c.JupyterHub.cleanup_proxy = False


def _network(c: Any, room: Room) -> None:
    settings = room.settings()
    c.JupyterHub.bind_url = f"{settings.scheme}://{settings.ip}:{settings.port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_port}"
    c.ConfigurableHTTPProxy.auth_token = room.secret("proxy_token")


def _people(c: Any, room: Room) -> None:
    settings = room.settings()
    c.JupyterHub.authenticator_class = PinAuthenticator
    c.Authenticator.admin_users = {settings.instructor}
    c.Authenticator.allow_all = True
    c.Authenticator.username_pattern = NAME.pattern
    c.JupyterHub.services = [
        {
            "name": BOARD,
            "url": f"http://127.0.0.1:{settings.board_port}",
            "api_token": room.secret("board_token"),
            "oauth_no_confirm": True,
            "display": False,
        },
        {"name": KEEPER, "api_token": room.secret("keeper_token")},
    ]
    c.JupyterHub.load_roles = [
        {
            "name": "keeper",
            "scopes": ["proxy", "list:users", "read:servers", "admin:servers"],
            "services": [KEEPER],
        },
        {
            "name": "watches-the-room",
            "scopes": ["list:users", "read:users", "read:servers", "access:servers"],
            "services": [BOARD],
        },
        {
            "name": "instructor",
            "scopes": [f"access:services!service={BOARD}"],
            "users": [settings.instructor],
        },
    ]


def _servers(c: Any, room: Room) -> None:
    settings = room.settings()
    c.JupyterHub.spawner_class = RoomSpawner
    # Above the size of the class, or who comes later is sent away for a minute with a 429.
    c.JupyterHub.concurrent_spawn_limit = max(100, 2 * settings.learners)
    c.Spawner.args = arguments(settings)
    c.Spawner.default_url = START
    c.Spawner.start_timeout = c.Spawner.http_timeout = WAIT
    c.Spawner.poll_interval = 3
    c.Spawner.env_keep = ["LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH"]
    if not settings.forked:
        import sys

        c.Spawner.cmd = [sys.executable, "-m", "lrcourse.workshop.server"]
        life = int(os.environ[LIFE])
        c.LocalProcessSpawner.popen_kwargs = {"pass_fds": (life,), "start_new_session": True}
        c.Spawner.environment = {LIFE: str(life)}
