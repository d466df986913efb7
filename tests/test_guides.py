"""README and CONTRIBUTING send nobody to what is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lrcourse"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
READ = {".py", ".js", ".css", ".toml", ".html"}  # what counts as a line of code


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, row by row."""
    section = text.split(f"\n## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


ROOMS = rows(README, "The rooms of the code")
CHANGES = rows(CONTRIBUTING, "I want to change")


def entries(room: str) -> list[Path]:
    """The files and folders that the first cell of a room names."""
    return [path for name in re.findall("`([^`]+)`", room) for path in PACKAGE.glob(name)]


def lines(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(len(f.read_text("utf-8").splitlines()) for f in files if f.suffix in READ)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room[0])
def test_a_room_is_as_large_as_the_map_says(room: list[str]) -> None:
    """The lines of each room are those of README, to a fifth, or to 100."""
    said, counted = int(room[1]), sum(map(lines, entries(room[0])))

    assert abs(counted - said) <= max(100, said / 5), f"README: {room[0]} has {counted:,} lines"


def test_every_module_is_in_a_room() -> None:
    """Nothing of the package is missing from the map of README, and nothing stands there twice."""
    found = [path.name for room in ROOMS for path in entries(room[0])]
    code = {p.name for p in PACKAGE.iterdir() if lines(p) and p.name != "__pycache__"}

    assert sorted(found) == sorted(code)


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row[0])
def test_what_is_to_be_opened_and_run_is_there(row: list[str]) -> None:
    """Every path of the table exists, NAME standing for any, and every `make` has its target."""
    named = re.findall(r"[\w./*-]+/[\w./*-]+", f"{row[1]} {row[2]}")
    missing = [name for name in named if not list(ROOT.glob(name.replace("NAME", "*")))]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert missing == []
    assert "`" in row[1] and "`" in row[2]
    for target in re.findall("`make ([a-z-]+)", row[2]):
        assert re.search(rf"^{target}:.*## ", makefile, re.M)


def test_every_command_is_described() -> None:
    """CONTRIBUTING's table of commands has every target of the Makefile for maintainers."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
    described = {re.search("make ([a-z-]+)", row[0])[1] for row in rows(CONTRIBUTING, "Commands")}

    assert targets - described == {"help", "lab", "setup", "clean"}
    assert described <= targets
