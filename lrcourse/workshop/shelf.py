"""JupyterLab's own files: the same for everybody, so they are packed once and handed out by the proxy.

A browser that comes in wants about a hundred of them, 7 MB. Thirty at once would have thirty servers
read them, and send them unpacked over the one network. They are taken from where they are installed,
never from what a server answered: a learner may have put something else in its place.
"""

import gzip
import mimetypes
import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(sys.prefix, "share", "jupyter", "lab", "static")
PLACE = re.compile(r"/user/[^/]+/static/lab/([\w.-]+)")
PACKED = ("text/", "application/javascript", "application/json", "image/svg+xml")


class Item(NamedTuple):
    content: bytes
    kind: str
    packed: bool  # by gzip


def find(path: str, version: str, packed: bool) -> Item | None:
    """The file that a browser asks for; None for what is better asked of a server.

    A name with its `version` in it never means anything else, so a browser may keep it for good.
    """
    found = PLACE.fullmatch(path)
    if not found or not version or version not in found[1].split("."):
        return None
    return _item(found[1], packed)


@cache
def _item(name: str, packed: bool) -> Item | None:
    file = FOLDER / name
    if not file.is_file():
        return None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    content, packed = file.read_bytes(), packed and kind.startswith(PACKED)
    return Item(gzip.compress(content, 6) if packed else content, kind, packed)
