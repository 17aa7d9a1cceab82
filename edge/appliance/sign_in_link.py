"""A link that signs in once: for anyone who may read the PIN, without typing it.

`greenlight pin --link` makes one and prints it where it was asked for, nowhere else. Its file, as
private as the PIN's, holds a hash and when the link ends; a newer link replaces it. The clock is
the one since boot: a Pi may think it's 1970, and after a restart of the machine no link counts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path

import msgspec

from data.durable import write_secret
from data.errors import GreenlightError
from edge.appliance.boot import boot_id
from edge.config import Config

LINK_FILE = "sign-in-link"
LINK_SECONDS = 600.0
_MOST_BYTES = 1_000


class LinkUnusable(GreenlightError):
    """The link's file can't be written."""


class _Link(msgspec.Struct, frozen=True):
    """The link as stored.

    Attributes:
        hash: SHA-256 of what the link carries, in hexadecimal. That is random and long, so nothing
            slower is needed.
        ends_at: seconds since boot.
        boot: the boot that those seconds belong to.
    """

    hash: str
    ends_at: float
    boot: str


def make_link(config: Config) -> str:
    """Return the address that signs in to this appliance's page once, within ten minutes.

    Raises:
        LinkUnusable: the page has no fixed port, or the state folder can't be written.
    """
    if not config.page_port:
        raise LinkUnusable("page_port is 0, so the page's address isn't known; use the PIN")
    carried = secrets.token_urlsafe(24)
    link = _Link(_hash(carried), time.monotonic() + LINK_SECONDS, boot_id())
    path = config.state / LINK_FILE
    try:
        write_secret(path, msgspec.json.encode(link))
    except OSError as error:
        raise LinkUnusable(
            f"{path}: {error.strerror}; run this as the appliance's user or with sudo"
        ) from error
    return f"{config.page_address(config.page_port)}sign-in?link={carried}"


def use_link(state: Path, carried: str) -> bool:
    """Return whether a link is good, and end it. A wrong one ends nothing."""
    path = state / LINK_FILE
    try:
        with path.open("rb") as file:
            link = msgspec.json.decode(file.read(_MOST_BYTES), type=_Link)
    except (OSError, msgspec.MsgspecError, ValueError):
        return False
    if not hmac.compare_digest(link.hash.encode(), _hash(carried).encode()):
        return False
    try:
        # Of two that come with it at the same moment, one finds it.
        path.unlink()
    except OSError:
        return False
    return link.boot == boot_id() and time.monotonic() < link.ends_at


def _hash(carried: str) -> str:
    return hashlib.sha256(carried.encode("utf-8", "surrogatepass")).hexdigest()
