"""The PIN that opens the page: made at install or first start, shown by `greenlight pin`.

One file, readable by the appliance's own user only, holds the digits (to show them again) and the
scrypt hash that the page compares with.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from data.durable import sync_folder
from data.errors import GreenlightError

PIN_FILE = "pin"
DIGITS = 8
# 16 MiB and about a fifth of a second on a Pi: dear for guessing, bearable for signing in.
_COST, _BLOCK, _LANES = 2**14, 8, 1
_HASH_BYTES = 32
_SCHEMA_VERSION = 1


class PinUnusable(GreenlightError):
    """The PIN's file can be neither read nor made."""


class Pin(msgspec.Struct, frozen=True):
    """The PIN as it is kept.

    Attributes:
        digits: as shown to the owner.
        salt: of the hash, in hexadecimal; a new PIN has a new one.
        hash: scrypt of the digits, in hexadecimal.
    """

    digits: str
    salt: str
    hash: str
    schema_version: int = _SCHEMA_VERSION

    @property
    def shown(self) -> str:
        """The digits in two groups, as one reads them out."""
        half = len(self.digits) // 2
        return f"{self.digits[:half]} {self.digits[half:]}"

    def matches(self, typed: str) -> bool:
        """Say whether this was typed; spaces and dashes do not count. Takes its time on purpose."""
        digits = "".join(letter for letter in typed if letter not in " -\u00a0")
        return hmac.compare_digest(_hash(digits, self.salt), self.hash)


def read_or_make(state: Path) -> Pin:
    """Return the PIN of this device, making it if there is none.

    Raises:
        PinUnusable: naming the file and the fix.
    """
    path = state / PIN_FILE
    for _ in range(2):
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        # Another process may make it at the same moment: then theirs stands, and is read.
        with contextlib.suppress(FileExistsError):
            _write(path, _made(), os.link)
    raise PinUnusable(f"{path}: comes and goes; is another appliance using this folder?")


def make_anew(state: Path) -> Pin:
    """Replace the PIN; whoever is signed in has to sign in again.

    Raises:
        PinUnusable: naming the file and the fix.
    """
    pin = _made()
    _write(state / PIN_FILE, pin, os.replace)
    return pin


def _made() -> Pin:
    digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    salt = secrets.token_hex(16)
    return Pin(digits, salt, _hash(digits, salt))


def _hash(digits: str, salt: str) -> str:
    return hashlib.scrypt(
        # Nobody types more, and nobody shall make us hash more.
        digits.encode("utf-8", "surrogatepass")[:64],
        salt=bytes.fromhex(salt),
        n=_COST,
        r=_BLOCK,
        p=_LANES,
        maxmem=64 * 1024 * 1024,
        dklen=_HASH_BYTES,
    ).hex()


def _read(path: Path) -> Pin:
    try:
        pin = msgspec.json.decode(path.read_bytes(), type=Pin)
        bytes.fromhex(pin.salt)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PinUnusable(
            f"{path}: {error.strerror}; run this as the appliance's user or with sudo"
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise PinUnusable(f"{path}: is no PIN; `greenlight pin --new` makes another") from error
    return pin


def _write(path: Path, pin: Pin, place: Callable[[Path, Path], None]) -> None:
    """Write a finished file beside, then put it in its place: by a link it never replaces one."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(pin))
                file.flush()
                os.fsync(file.fileno())
            place(fresh, path)
            sync_folder(path.parent)
        finally:
            fresh.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise PinUnusable(f"{path}: {error.strerror}; is the state folder ours?") from error
