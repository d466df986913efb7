"""What the instructor does from the board. Each action checks what it is given."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from lrcourse.grading.learners import Learner
from lrcourse.tasks import SHEETS
from lrcourse.workshop.board.looking import read_inside, write_inside
from lrcourse.workshop.pins import Pins
from lrcourse.workshop.room import COURSE, Room, checked_name, read_public, write_public

PHASES = ("first", "second", "open")
LONGEST = 500  # letters of a message
NOTEBOOK = 8 << 20  # bytes of a notebook, at most
PAGE = 8 << 20  # bytes of a page of feedback


class Refused(ValueError):
    """What cannot be done, in a sentence for the instructor."""


class Actions:
    """The room's board as a pen: `phase`, `message`, `reset_pin`, `collect`, `hand_back`."""

    def __init__(self, room: Room) -> None:
        self._room, self._file = room, room.shared / "room.json"

    def said(self) -> dict[str, Any]:
        return {"phases": {}, "message": ""} | read_public(self._file)

    def do(self, action: str, value: dict[str, Any]) -> str:
        """Do one of them, by its name. Returns what was done, in a sentence."""
        known: dict[str, Callable[..., str]] = {
            "phase": self.phase,
            "message": self.message,
            "reset_pin": self.reset_pin,
            "collect": self.collect,
            "hand_back": self.hand_back,
        }
        if (doing := known.get(action)) is None:
            raise Refused(f"there is no action {action!r}")
        try:
            return doing(**value)
        except TypeError as error:
            raise Refused(str(error)) from None

    def phase(self, key: str, phase: str) -> str:
        """Begin a vote on a prediction, or open its answer."""
        if phase not in PHASES or not isinstance(key, str) or not 0 < len(key) <= 100:
            raise Refused(f"phase must be one of {', '.join(PHASES)}, got {phase!r} for {key!r}")
        said = self.said()
        write_public(self._file, said | {"phases": said["phases"] | {key: phase}})
        done = {"first": "The first vote is on", "second": "The second vote is on"}
        return f"{done.get(phase, 'The answer is open')}: {key}."

    def message(self, text: str) -> str:
        """Show a sentence above everybody's notebook; an empty one takes it away."""
        if not isinstance(text, str) or len(text) > LONGEST:
            raise Refused(f"a message has at most {LONGEST} letters")
        write_public(self._file, self.said() | {"message": text.strip()})
        return "Everybody sees your message." if text.strip() else "The message is gone."

    def reset_pin(self, name: str) -> str:
        """Forget a learner's PIN: the next use of the name sets a new one."""
        Pins(self._room.hub / "pins").reset(checked_name(name))
        return f"The PIN of {name} is forgotten: the next login sets a new one."

    def collect(self) -> str:
        """Copy everybody's exercise sheets into a new folder, as `lrcourse grade` takes it."""
        target = self._room.collected / f"{datetime.now():%Y-%m-%d-%H%M%S}"
        count = sum(self._collect_from(home, target) for home in self._homes())
        if not count:
            raise Refused("nobody has an exercise sheet yet")
        return (
            f"{count} sheets are in {target}. Mark them: lrcourse grade {target} -o {target}-marked"
        )

    def _collect_from(self, home: Path, target: Path) -> int:
        count = 0
        for sheet in SHEETS:
            try:
                notebook = read_inside(home, f"{COURSE}/exercises/{sheet}.ipynb", NOTEBOOK)
            except OSError:  # none, or something that is no file
                continue
            (target / home.name).mkdir(parents=True, exist_ok=True)
            (target / home.name / f"{sheet}.ipynb").write_bytes(notebook)
            count += 1
        return count

    def hand_back(self, results: str = "") -> str:
        """Put each learner's page of feedback into their copy: of `results`, or the newest."""
        folder = Path(results) if results else self._newest()
        given = [home for home in self._homes() if self._give(home, folder / "feedback")]
        if not given:
            raise Refused(f"{folder} has no page of feedback for anybody here")
        return f"{len(given)} learners have their feedback, in feedback/ in their copy."

    def _newest(self) -> Path:
        marked = sorted(self._room.collected.glob("*-marked"))
        if not marked:
            raise Refused("nothing was marked yet: collect, then run lrcourse grade as it says")
        return marked[-1]

    def _give(self, home: Path, pages: Path) -> bool:
        page = pages / Learner(home.name).place
        if not page.is_file():
            return False
        write_inside(home, f"{COURSE}/feedback/feedback.html", page.read_bytes()[:PAGE])
        return True

    def _homes(self) -> list[Path]:
        return sorted(p for p in self._room.learners.iterdir() if not p.name.startswith("."))
