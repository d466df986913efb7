"""`lrcourse slides`: the options, and what is said."""

import argparse
import sys
from pathlib import Path

FOLDER = "decks"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `slides` to the commands of `lrcourse`."""
    slides = commands.add_parser("slides", help="write the lessons as decks of slides")
    slides.add_argument("lessons", nargs="*", help="01_step_decay, say; all, if none is named")
    slides.add_argument(
        "-o", "--folder", type=Path, default=Path(FOLDER), help=f"default: {FOLDER}"
    )


def run(chosen: argparse.Namespace) -> int:
    """Write the decks. Returns 0, or 1 with a sentence where that cannot be."""
    from lrcourse.slides.deck import write_decks

    names = [Path(name).stem for name in chosen.lessons]
    try:
        written = write_decks(chosen.folder.expanduser(), names or None)
    except (ValueError, ModuleNotFoundError, OSError) as error:
        print(f"lrcourse slides: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(str, written)))
    return 0
