"""The file that JupyterHub is started with. The room's folder is in the environment."""

import os
from pathlib import Path

from lrcourse.workshop import hub
from lrcourse.workshop.room import Room

hub.configure(get_config(), Room(Path(os.environ["LRCOURSE_ROOM_FOLDER"])))  # type: ignore[name-defined]  # noqa: F821
