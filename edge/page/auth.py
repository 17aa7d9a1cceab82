"""Who may use the page: the PIN, the lock-out, sessions, and the names and origins it answers to.

These are the rules; `middleware` and `actions` apply them to requests.

The PIN is made by the installer or at first start, and `greenlight pin` shows it. Its file,
readable by the appliance's user only, holds the digits (to show them again) and the scrypt hash
that the page checks against.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from data.durable import sync_folder
from data.errors import GreenlightError

# ---- the PIN

PIN_FILE = "pin"
DIGITS = 8
# 16 MiB and about a fifth of a second on a Pi: slow for guessing, fast enough to sign in.
_COST, _BLOCK, _LANES = 2**14, 8, 1
_HASH_BYTES = 32
_SCHEMA_VERSION = 1


class PinUnusable(GreenlightError):
    """The PIN's file can be neither read nor written."""


class Pin(msgspec.Struct, frozen=True):
    """The PIN as stored.

    Attributes:
        digits: as shown to the owner.
        salt: of the hash, in hexadecimal; every PIN has its own.
        hash: scrypt of the digits, in hexadecimal.
    """

    digits: str
    salt: str
    hash: str
    schema_version: int = _SCHEMA_VERSION

    @property
    def shown(self) -> str:
        """The digits in two groups, easy to read out."""
        half = len(self.digits) // 2
        return f"{self.digits[:half]} {self.digits[half:]}"

    def matches(self, typed: str) -> bool:
        """Return whether the PIN was typed, ignoring spaces and dashes. Slow on purpose."""
        digits = "".join(letter for letter in typed if letter not in " -\u00a0")
        return hmac.compare_digest(_hash_pin(digits, self.salt), self.hash)


def read_or_make_pin(state: Path) -> Pin:
    """Return this device's PIN, making one if there is none.

    Raises:
        PinUnusable: with the file and the fix.
    """
    path = state / PIN_FILE
    for _ in range(2):
        with contextlib.suppress(FileNotFoundError):
            return _read_pin(path)
        # If another process makes one at the same moment, theirs wins and is read.
        with contextlib.suppress(FileExistsError):
            _write_pin(path, _new_pin(), os.link)
    raise PinUnusable(
        f"{path} keeps appearing and disappearing; is another appliance using this folder?"
    )


def replace_pin(state: Path) -> Pin:
    """Replace the PIN; everyone has to sign in again.

    Raises:
        PinUnusable: with the file and the fix.
    """
    pin = _new_pin()
    _write_pin(state / PIN_FILE, pin, os.replace)
    return pin


def _new_pin() -> Pin:
    digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    salt = secrets.token_hex(16)
    return Pin(digits, salt, _hash_pin(digits, salt))


def _hash_pin(digits: str, salt: str) -> str:
    return hashlib.scrypt(
        # A real PIN is shorter; this bounds what we hash.
        digits.encode("utf-8", "surrogatepass")[:64],
        salt=bytes.fromhex(salt),
        n=_COST,
        r=_BLOCK,
        p=_LANES,
        maxmem=64 * 1024 * 1024,
        dklen=_HASH_BYTES,
    ).hex()


def _read_pin(path: Path) -> Pin:
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
        raise PinUnusable(
            f"{path} isn't a PIN file; `greenlight pin --new` makes a new one"
        ) from error
    return pin


def _write_pin(path: Path, pin: Pin, place: Callable[[Path, Path], None]) -> None:
    """Write a complete file, then put it in place; `os.link` never replaces an existing one."""
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
        raise PinUnusable(
            f"{path}: {error.strerror}; does the state folder belong to the appliance's user?"
        ) from error


# ---- lock-out

FREE_GUESSES = 5
MAX_ADDRESSES = 4_096
FIRST_LOCK_SECONDS, LONGEST_LOCK_SECONDS = 60.0, 3600.0


class _Guesses(NamedTuple):
    """One address's wrong PINs, and until when it is locked."""

    wrong: int = 0
    locked_until: float = 0.0


class Lockout:
    """Counts each address's wrong PINs, and locks that address for a while.

    Another's guesses never lock the owner's address. A press of the button changes nothing here, or
    each press would give a guesser new guesses. The clock is passed in.
    """

    def __init__(self) -> None:
        # The address that guessed last comes last.
        self._guesses: dict[str, _Guesses] = {}

    def seconds_left(self, address: str, now: float) -> float:
        """Return how long until a PIN from this address is checked; zero if it is now."""
        return max(0.0, self._guesses.get(_group(address), _Guesses()).locked_until - now)

    def guessed_wrong(self, address: str, now: float) -> None:
        """Count a wrong PIN. Each one after the free guesses doubles the address's lock."""
        group = _group(address)
        wrong = self._guesses.pop(group, _Guesses()).wrong + 1
        beyond, locked_until = wrong - FREE_GUESSES, 0.0
        if beyond >= 0:
            seconds = min(FIRST_LOCK_SECONDS * 2.0 ** min(beyond, 16), LONGEST_LOCK_SECONDS)
            locked_until = now + seconds
        while len(self._guesses) >= MAX_ADDRESSES:
            del self._guesses[next(iter(self._guesses))]
        self._guesses[group] = _Guesses(wrong, locked_until)

    def guessed_right(self, address: str) -> None:
        """Forget an address's wrong guesses: its PIN was right."""
        self._guesses.pop(_group(address), None)


def _group(address: str) -> str:
    """Return what is counted together: an IPv4 address, or one network of IPv6.

    A machine has as many IPv6 addresses of its own network as it likes.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    # Every machine of a LAN shares the link-local network: there each counts for itself.
    if ip.version == 4 or ip.is_link_local:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))


# ---- sessions

COOKIE = "greenlight"
# Browsers take a cookie of this name only over HTTPS, from this host and for all of it.
SECURE_COOKIE = f"__Host-{COOKIE}"
_MAX_ENDED = 10_000
LASTS_SECONDS = 30 * 86_400
_MAX_COOKIE_CHARACTERS = 200


class WebSession(NamedTuple):
    """One sign-in.

    Attributes:
        id: random; not a secret.
        token: what this session's forms carry, so that no other site can send them.
    """

    id: str
    token: str


def cookie_name(*, encrypted: bool) -> str:
    """Return the name of the session's cookie."""
    return SECURE_COOKIE if encrypted else COOKIE


class Sessions:
    """Makes and checks session cookies. Only sessions that were ended early are stored.

    The signing key is random at each start and mixed with the PIN's salt, so a restart or a new PIN
    signs everyone out. Times are monotonic: a Pi may think it's 1970.

    Args:
        salt: returns the current PIN's salt.
        clock: returns seconds; only ever goes forward.
    """

    def __init__(self, salt: Callable[[], str], clock: Callable[[], float]) -> None:
        self._secret = secrets.token_bytes(32)
        self._salt = salt
        self._clock = clock
        self._ended: dict[str, float] = {}

    def begin(self) -> str:
        """Return a new session's cookie."""
        ends = int(self._clock()) + LASTS_SECONDS
        payload = f"{secrets.token_urlsafe(12)}.{ends}"
        return f"{payload}.{self._sign('session', payload)}"

    def check(self, cookie: str | None) -> WebSession | None:
        """Return a cookie's session, if we made it and it hasn't expired."""
        if not cookie or len(cookie) > _MAX_COOKIE_CHARACTERS or not cookie.isascii():
            return None
        payload, _, mark = cookie.rpartition(".")
        if not hmac.compare_digest(mark, self._sign("session", payload)):
            return None
        name, _, ends = payload.rpartition(".")
        if int(ends) <= self._clock() or name in self._ended:
            return None
        return WebSession(name, self._sign("form", name))

    def end(self, session: WebSession) -> None:
        """End a session for every copy of its cookie."""
        now = self._clock()
        self._ended = {name: until for name, until in self._ended.items() if until > now}
        if len(self._ended) >= _MAX_ENDED:
            # Ending all of them is the one way to forget which have ended.
            self._secret, self._ended = secrets.token_bytes(32), {}
        self._ended[session.id] = now + LASTS_SECONDS

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(
            self._secret, f"{purpose}\0{self._salt()}\0{text}".encode(), "sha256"
        ).hex()


def same_token(session: WebSession, given: str) -> bool:
    """Return whether a form carried the session's token."""
    return hmac.compare_digest(session.token.encode(), given.encode("utf-8", "surrogatepass"))


# ---- signing in

# One PIN is checked at a time and this many may wait; the others are asked to try again.
_MAX_WAITING = 8
_MAX_WAITING_PER_ADDRESS = 2


class TooManySignIns(Exception):
    """Too many PINs are being tried at once; this one wasn't checked."""


class SignInLocked(Exception):
    """Too many PINs from this address were wrong.

    Attributes:
        seconds: until the next one from this address is checked.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Authenticator:
    """Signs in whoever knows the PIN.

    Args:
        state: the folder that holds the PIN.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._seen: tuple[int, int] | None = None
        self._pin = read_or_make_pin(state)
        self.lockout = Lockout()
        self.sessions = Sessions(lambda: self.pin().salt, time.monotonic)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-sign-in")
        self._waiting: Counter[str] = Counter()

    def pin(self) -> Pin:
        """Return the current PIN; `greenlight pin --new` takes effect at once."""
        try:
            found = (self._state / PIN_FILE).stat()
            mark = (found.st_ino, found.st_mtime_ns)
            if mark != self._seen:
                self._pin, self._seen = read_or_make_pin(self._state), mark
        except (OSError, PinUnusable):
            # Removed or damaged while we run: the last good one stays valid.
            pass
        return self._pin

    async def sign_in(self, typed: str, address: str) -> str | None:
        """Return a session's cookie if the PIN is right, None if it's wrong.

        Args:
            typed: the PIN.
            address: of whoever typed it.

        Raises:
            SignInLocked: no PIN from there is checked right now, right or wrong.
            TooManySignIns: too many are being tried.
        """
        # Whoever is locked out takes no place among those who wait.
        self._check_lock(address)
        if (
            self._waiting.total() >= _MAX_WAITING
            or self._waiting[address] >= _MAX_WAITING_PER_ADDRESS
        ):
            raise TooManySignIns
        self._waiting[address] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._check, typed, address)
        finally:
            self._waiting[address] -= 1
            self._waiting += Counter()

    def _check_lock(self, address: str) -> None:
        if seconds := self.lockout.seconds_left(address, time.monotonic()):
            raise SignInLocked(seconds)

    def _check(self, typed: str, address: str) -> str | None:
        # One thread checks one PIN at a time, so none slips past the count.
        self._check_lock(address)
        if not self.pin().matches(typed):
            self.lockout.guessed_wrong(address, time.monotonic())
            return None
        self.lockout.guessed_right(address)
        return self.sessions.begin()

    def session(self, cookie: str | None) -> WebSession | None:
        """Return a cookie's session, if it is valid."""
        return self.sessions.check(cookie)

    def close(self) -> None:
        """Stop checking PINs."""
        self._thread.shutdown(cancel_futures=True)


# ---- names and origins

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def own_names(further: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the names this machine answers to, in lower case."""
    machine = socket.gethostname().lower()
    short = machine.partition(".")[0]
    named = (machine, short, f"{short}.local", f"{short}.lan", *(name.lower() for name in further))
    return frozenset(name for name in (*_LOOPBACK, *named) if name)


def host_is_ours(
    header: str, scheme: str, server: tuple[str, int | None], names: frozenset[str]
) -> bool:
    """Return whether a Host header is one of our names or the address the request came to.

    A foreign site can point a name of its own at the device's address, so names are checked.

    Args:
        header: the Host header.
        scheme: `http` or `https`.
        server: our end of the connection, address and port.
        names: as `own_names` returns them.
    """
    try:
        parts = urlsplit(f"//{header}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return False
    if (port or _DEFAULT_PORTS[scheme]) != server[1]:
        return False
    return host in names or _address(host) == _address(server[0]) != ""


def same_origin(headers: Mapping[str, str], scheme: str) -> bool:
    """Return whether a form came from this page. Check the Host header first."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() == f"{scheme}://{headers.get('host', '')}".lower()
    return headers.get("sec-fetch-site") == "same-origin"


def _address(text: str) -> str:
    """Return an address in its one written form; empty if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
