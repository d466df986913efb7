"""Who may log in: a name, the class password, and a PIN that the first use of the name sets.

The class password alone would let each learner in under every other's name. Instructors have a
long password of their own, and no PIN.
"""

import hashlib
import os
import time
from hmac import compare_digest
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError

from lrcourse.workshop.room import Room, checked_name, plain_name, write_private

SHORTEST = 4
TRIES, REST = 5, 60.0  # wrong PINs in a row for one name, then seconds of rest
ROUNDS = {"n": 2**12, "r": 8, "p": 1}


class Pins:
    """The PIN of each name, in a file of its own, as a salted hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)

    def known(self, name: str) -> bool:
        return self._file(name).exists()

    def set(self, name: str, pin: str) -> None:
        salt = os.urandom(16)
        write_private(self._file(name), f"{salt.hex()}:{_hashed(pin, salt)}")

    def right(self, name: str, pin: str) -> bool:
        salt, hashed = self._file(name).read_text().split(":")
        return compare_digest(hashed, _hashed(pin, bytes.fromhex(salt)))

    def reset(self, name: str) -> None:
        """Forget the PIN of a name: its next use sets a new one."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / checked_name(name)


def _hashed(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, **ROUNDS).hex()


class PinAuthenticator(Authenticator):
    """JupyterHub asks this about every login. What is wrong is said on the login page."""

    room: Room  # set by `hub`

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pins = Pins(self.room.hub / "pins")
        self._wrong: dict[str, list[float]] = {}  # moments of wrong tries, by name

    def normalize_username(self, username: str) -> str:
        return plain_name(username)

    async def authenticate(self, _handler: Any, data: dict[str, str]) -> dict | None:
        name = plain_name(data.get("username", ""))
        password, pin = data.get("password", ""), data.get("pin", "").strip()
        try:
            checked_name(name)
        except ValueError as error:
            raise refused(str(error)) from None
        self._not_too_often(name)
        if name in self.admin_users:
            self._check(name, "instructor_password", password)
            return {"name": name, "admin": True}
        self._check(name, "class_password", password)
        self._check_pin(name, pin)
        return {"name": name, "admin": False}

    def _not_too_often(self, name: str) -> None:
        recent = [t for t in self._wrong.get(name, []) if time.monotonic() - t < REST]
        self._wrong[name] = recent
        if len(recent) >= TRIES:
            raise refused(f"too many wrong tries for {name}: wait a minute, then try again")

    def _check(self, name: str, kind: str, given: str) -> None:
        if not compare_digest(self.room.secret(kind).encode(), given.strip().encode()):
            self._was_wrong(name)
            who = "the class password" if kind == "class_password" else "the instructor's password"
            raise refused(f"this is not {who}")

    def _check_pin(self, name: str, pin: str) -> None:
        if len(pin) < SHORTEST:
            raise refused(f"a PIN has at least {SHORTEST} digits or letters: choose one")
        if not self._pins.known(name):
            self._pins.set(name, pin)
        elif not self._pins.right(name, pin):
            self._was_wrong(name)
            raise refused(
                f"this is not the PIN of {name}. If you are new, take another name; if you forgot "
                f"it, ask your instructor to reset it"
            )

    def _was_wrong(self, name: str) -> None:
        self._wrong[name].append(time.monotonic())


def refused(sentence: str) -> HTTPError:
    return HTTPError(403, "%s", sentence[:1].upper() + sentence[1:] + ".")
