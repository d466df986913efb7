"""A widget on a page of its own: no notebook, no kernel, only its script, its style and its numbers.

So it stands in an exported page, and so a test can see quickly what its script works out. What the
script sends to Python is kept in `bare.sent()`.
"""

import json
from base64 import b64encode
from typing import Any

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One widget</title>
<style>body {{ margin: 8px; background: {ground}; {colours} }}</style><style>{css}</style>
</head><body><main id="place"></main></body></html>"""

DARK = """--jp-content-font-color1: white; --jp-content-font-color2: #bdbdbd;
--jp-layout-color0: #111111; --jp-layout-color1: #212121; --jp-layout-color2: #424242; --jp-border-color1: #616161; color: white;"""

# What anywidget gives to a script: the half of a widget that Python knows.
MODEL = """
const values = JSON.parse(JSON.stringify({values}), (_, value) =>
  value?.bytes === undefined ? value
    : new DataView(Uint8Array.from(atob(value.bytes), letter => letter.charCodeAt(0)).buffer));
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

# What a screen reader hears: what changes in a live region that is not switched off.
LISTEN = """root => {
  window.heard = [];
  new MutationObserver(changes => {
    const regions = new Set(changes.map(({ target }) =>
      (target.closest ? target : target.parentElement).closest('[role=status], [role=alert]')));
    for (const region of regions)
      if (region && region.getAttribute('aria-live') !== 'off') window.heard.push(region.textContent);
  }).observe(root, { childList: true, characterData: true, subtree: true });
}"""


SHARED = {"content", "state", "trouble", "ground", "surfaces", "update"}  # what a script asks for


def _bytes(value: bytes) -> dict[str, str]:
    return {"bytes": b64encode(value).decode()}


def show(page: Any, widget: Any, names: tuple[str, ...] = (), dark: bool = False) -> "Bare":
    """`widget` on `page`; functions of its script that are in `names` can then be called."""
    look = {"ground": "#111111" if dark else "white", "colours": DARK if dark else ""}
    page.set_content(PAGE.format(css=widget._css, **look))
    state = widget.get_state()
    values = {name: state[name] for name in state if name.strip("_") in SHARED}
    script = widget._esm.replace("export default", "const made =")
    kept = "".join(f"window.{name} = {name};\n" for name in names)
    begin = "window.end = made.render({ model, el: document.querySelector('#place') }); window.up = true;"
    page.add_script_tag(
        type="module",
        content=f"{MODEL.format(values=json.dumps(values, default=_bytes))}\n{script}\n{kept}{begin}",
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

    def answer(self, widget: Any) -> None:
        """Python hears what the script has sent, and the script what has changed by it."""
        self.tell(widget)
        self.page.evaluate(
            "state => { window.sent.length = 0; model.set('state', state); }", widget.state
        )

    def tree(self) -> list[tuple[str, str]]:
        """What a screen reader is given: (role, name) of all that is not ignored."""
        session = self.page.context.new_cdp_session(self.page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]
