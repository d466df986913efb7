"""The file that JupyterHub is started with. The room's folder is in the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lrcourse.workshop import hub
from lrcourse.workshop.room import Room

get_config: Callable[[], Any]  # JupyterHub puts it here

hub.configure(get_config(), Room(Path(os.environ["LRCOURSE_ROOM_FOLDER"])))  # noqa: F821
