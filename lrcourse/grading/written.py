"""Written answers, found where people put them."""

from html.parser import HTMLParser


def text_of_html(page: str) -> str:
    """What a page says, without its tags, scripts and styles."""
    reader = _Text()
    reader.feed(page)
    reader.close()
    return "\n".join(filter(None, (" ".join(line.split()) for line in reader.text.split("\n"))))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self._silent = "", 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self._silent += tag in ("script", "style", "head")
        self.text += "\n" * (tag in ("p", "br", "div", "li", "h1", "h2", "h3", "tr"))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "head")

    def handle_data(self, data: str) -> None:
        self.text += data * (self._silent <= 0)
