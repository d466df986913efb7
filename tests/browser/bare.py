"""A widget on a page of its own: no notebook, no kernel, only its script, its style and its numbers.

So it stands in an exported page, and so a test can see quickly what its script works out. What the
script sends to Python is kept in `bare.sent()`.
"""

import json
from typing import Any

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One widget</title>
<style>body {{ margin: 8px; background: {ground}; {colours} }}</style><style>{css}</style>
</head><body><main id="place"></main></body></html>"""

DARK = """--jp-content-font-color1: white; --jp-content-font-color2: #bdbdbd;
--jp-layout-color0: #111111; --jp-layout-color1: #212121; --jp-layout-color2: #424242; --jp-border-color1: #616161; color: white;"""

# What anywidget gives to a script: the half of a widget that Python knows.
MODEL = """
const values = {values};
const listeners = {{}};
window.sent = [];
window.model = {{
  get: name => values[name],
  set(name, value) {{
    values[name] = value;
    for (const on of ["change:" + name, "change"]) (listeners[on] ?? []).forEach(call => call());
  }},
  send: message => window.sent.push(message), // nobody answers
  on(name, call) {{ (listeners[name] ??= []).push(call); }},
  off(name, call) {{ listeners[name] = (listeners[name] ?? []).filter(known => known !== call); }},
}};
"""


def show(page: Any, widget: Any, names: tuple[str, ...] = (), dark: bool = False) -> "Bare":
    """`widget` on `page`; functions of its script that are in `names` can then be called."""
    look = {"ground": "#111111" if dark else "white", "colours": DARK if dark else ""}
    page.set_content(PAGE.format(css=widget._css, **look))
    values = {name: getattr(widget, name) for name in ("content", "state", "trouble")}
    script = widget._esm.replace("export default", "const made =")
    kept = "".join(f"window.{name} = {name};\n" for name in names)
    begin = "window.end = made.render({ model, el: document.querySelector('#place') }); window.up = true;"
    page.add_script_tag(
        type="module", content=f"{MODEL.format(values=json.dumps(values))}\n{script}\n{kept}{begin}"
    )
    page.wait_for_function("window.up")
    return Bare(page)


class Bare:
    def __init__(self, page: Any) -> None:
        self.page = page

    def sent(self) -> list[dict]:
        """What the script has sent to Python so far."""
        return self.page.evaluate("window.sent")

    def tell(self, widget: Any) -> None:
        """Python hears all that the script has sent, as a kernel would hand it over."""
        for message in self.sent():
            content = {"do": message["do"], "with": message["with"]}
            data = {"method": "custom", "content": content}
            widget._handle_msg({"content": {"data": data}, "buffers": []})
        assert widget.trouble == ""
