"""What the tests of the widgets share."""

import json
import re
from base64 import b64decode
from html import unescape
from typing import Any

PICTURE = re.compile(r'<img [^>]*alt="([^"]*)"[^>]*src="data:image/png;base64,([^"]+)"')


def from_browser(widget: Any, action: str, *values: Any, **fields: Any) -> None:
    """What the browser's message does: the same path that a real one takes in the kernel."""
    message = {"method": "custom", "content": {"do": action, "with": list(values), **fields}}
    widget._handle_msg({"content": {"data": message}, "buffers": []})


def sent(widget: Any) -> str:
    """All that the browser has been given, as text."""
    return json.dumps({name: getattr(widget, name) for name in ("content", "state", "trouble")})


def stored(widget: Any) -> dict[str, Any]:
    """The output as a notebook stores it, without the live view; a picture as "image/png" and "alt"."""
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    still = {mime: value for mime, value in data.items() if "widget-view" not in mime}
    if picture := PICTURE.search(still.get("text/html", "")):
        del still["text/html"]
        still |= {"alt": unescape(picture[1]), "image/png": picture[2]}
    return still


def is_calm_png(encoded: str) -> bool:
    """A PNG that carries no version of the program that drew it."""
    png = b64decode(encoded)
    return png.startswith(b"\x89PNG") and b"tEXt" not in png and b"iTXt" not in png
