"""The room's folder: what is in it, and who may see it.

    hub/         0700  settings, passwords, JupyterHub's database, logs
    shared/      0755  what all learners may read: which answers are open, the message to all
    learners/    0711  a home for each learner, 0700: `course/`, and `.lrcourse/` with their memory
    collected/   0700  exercises that were collected

Passwords are in files that only the room's owner can read, never in an environment or a command
line: those of a running process can be looked at.
"""

import json
import os
import re
import secrets
import stat
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path

COURSE = "course"
MEMORY = ".lrcourse"
LOG = ".server.log"
FIRST_UID = 62_000  # of the accounts that root makes up; they need no entry in /etc/passwd
LAST_UID = 63_999
SECRETS = (
    *("class_password", "instructor_password", "join_key"),
    *("proxy_token", "board_token", "keeper_token"),
)
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
WORDS = "apple birch cloud daisy eagle field grape heron ivory jolly koala lemon maple night ocean "
WORDS += (
    "piano quiet river stone tiger unity violet water yellow zebra amber bread coral delta echo"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the room was started with."""

    wall: str  # "accounts", "namespaces" or "none": see `walls`
    run: str  # a folder with a short name, for sockets
    learners: int = 30  # how many are expected
    instructor: str = "instructor"
    ip: str = "127.0.0.1"  # where the room listens
    port: int = 8000
    host: str = "127.0.0.1"  # what learners type
    certificate: str = ""  # both are paths; "" for plain HTTP
    key: str = ""
    memory: int = 1024  # MiB for each process of a learner, and for all of them together
    disk: int = 500  # MiB for the home of a learner
    hub_port: int = 0
    proxy_port: int = 0
    board_port: int = 0
    forked: bool = True  # whether servers and kernels are forked from warm processes

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def address(self) -> str:
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port != usual else "")


@dataclass(frozen=True)
class Room:
    """A room's folder."""

    folder: Path

    @property
    def hub(self) -> Path:
        return self.folder / "hub"

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    @property
    def learners(self) -> Path:
        return self.folder / "learners"

    @property
    def collected(self) -> Path:
        return self.folder / "collected"

    def home(self, name: str) -> Path:
        return self.learners / checked_name(name)

    def make(self) -> None:
        """Make the folders, each with the rights it needs, whatever it had before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rights = {self.hub: 0o700, self.shared: 0o755, self.learners: 0o711, self.collected: 0o700}
        for folder, mode in rights.items():
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        if os.geteuid() == 0:
            self.folder.chmod(self.folder.stat().st_mode | 0o011)
        for name in SECRETS:
            self.secret(name)

    def keep(self, settings: Settings) -> None:
        write_private(self.hub / "settings.json", json.dumps(asdict(settings), indent=1))

    def settings(self) -> Settings:
        return Settings(**json.loads((self.hub / "settings.json").read_text(encoding="utf-8")))

    def secret(self, name: str) -> str:
        """A secret of this room, made at its first use. No newline: headers would refuse it."""
        path = self.hub / f"{name}.secret"
        if not path.exists():
            write_private(path, _new_secret(name))
        return path.read_text(encoding="utf-8")

    def make_home(self, name: str) -> tuple[Path, int]:
        """The home of a learner, and the account that owns it: a new one for a new name.

        The owner of the folder *is* the account: a learner cannot change who that is.
        """
        home = self.home(name)
        if not home.exists():
            uid = self._free_uid() if os.geteuid() == 0 else os.geteuid()
            new = home.with_name(f".new-{home.name}")
            new.mkdir(exist_ok=True)
            os.chown(new, uid, uid if os.geteuid() == 0 else -1)
            new.chmod(0o700)
            new.rename(home)
        about = home.lstat()
        if not stat.S_ISDIR(about.st_mode):
            raise ValueError(f"{home} is not a folder: move it away")
        return home, about.st_uid

    def accounts(self) -> set[int]:
        """The accounts that own a home here."""
        return {path.lstat().st_uid for path in self.learners.iterdir()}

    def _free_uid(self) -> int:
        """Any of the free ones: two rooms on one machine then hardly meet in one."""
        free = {*range(FIRST_UID, LAST_UID + 1)} - self.accounts()
        if not free:
            raise ValueError(f"all accounts of {self.learners} are taken: start in a new folder")
        return secrets.choice([*free])


def write_private(path: Path, text: str) -> None:
    """Replace a file in one piece; only its owner can read it, from its first moment."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    new.replace(path)


def write_public(path: Path, value: object) -> None:
    """Replace a file that all learners may read."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(value), encoding="utf-8")
    new.chmod(0o644)
    new.replace(path)


def read_public(path: Path) -> dict:
    """What `write_public` wrote; nothing if nobody did."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _new_secret(name: str) -> str:
    if name == "class_password":  # said aloud, typed by thirty: words, easy to hear and to spell
        return "-".join(secrets.choice(WORDS.split()) for _ in range(3))
    return secrets.token_hex(32)


def plain_name(typed: str) -> str:
    """The account that a name as typed stands for: "José Álvarez " is jose-alvarez."""
    letters = unicodedata.normalize("NFKD", typed.strip().lower())
    ascii_only = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"\s+", "-", ascii_only)


def checked_name(name: str) -> str:
    """Raises `ValueError` for what cannot be the name of an account."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a name here: use up to 32 of the letters a to z, digits, "
            f"dots, dashes and underscores, and begin with a letter or a digit"
        )
    return name
