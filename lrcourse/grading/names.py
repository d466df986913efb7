"""Names that other people chose, made fit to be shown and to name a file."""

import re
import unicodedata

MOST_BYTES = 120  # of a file's name, which may have 255 at most, less what is put around it
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def visible(text: str, keep: str = "") -> str:
    """`text` without what cannot be seen: controls, new lines, marks that turn the direction.

    A name of a file that is no UTF-8 shows its bytes, as `M\\xfcller`. `keep`: characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep else _visible(c) for c in text)


def _visible(c: str) -> str:
    if "\udc80" <= c <= "\udcff":  # as Python reads such a byte
        return f"\\x{ord(c) - 0xDC00:02x}"
    if unicodedata.category(c) in _UNSEEN:
        return " " if c.isspace() else ""
    return c


def readable(name: str, most: int) -> str:
    """At most `most` letters, digits and hyphens for a file's name that says whose it is."""
    plain = re.sub(r"\W+", "-", name).strip("-")[:most]
    return plain.encode()[:MOST_BYTES].decode(errors="ignore")


# Names that look the same

_ALIKE = str.maketrans(
    dict(zip("аеорсухіјѕԁԛԝһӏвкмнтАВЕКМНОРСТУХІЈЅԚԜ", "aeopcyxijsdqwhlbkmhtabekmhopctyxijsqw"))
    | dict(zip("αονρυικτχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aovpuiktxyabezhikmnoptyx"))
    | {"0": "o", "1": "l", "i": "l", "|": "l", "ı": "l", "ℓ": "l"}
)


def skeleton(name: str) -> str:
    """The same for names that a reader takes for one: "ada", "Ada ", "аda" with a Cyrillic a."""
    text = unicodedata.normalize("NFKD", visible(name)).casefold()
    seen = "".join(c for c in text if unicodedata.category(c) not in (*_UNSEEN, "Mn", "Me"))
    return " ".join(seen.translate(_ALIKE).translate(_ALIKE).split())


def unusual(name: str) -> str:
    """The characters of a name that are not plain letters, by number: "U+0430, U+200B"."""
    odd = dict.fromkeys(c for c in name if not (c.isascii() and c.isprintable()))
    return ", ".join(f"U+{ord(c):04X}" for c in odd)
