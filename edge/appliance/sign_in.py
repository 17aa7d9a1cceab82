"""Who may use the page: the PIN, the lock-out, the sessions, and browsers signed in by the button.

All of this runs in the appliance; the page only passes on what was typed and the cookie. So an
attacker who takes over the page can't read the PIN or make a session, and gains no extra guesses by
restarting the page.

The PIN is made by the installer or at first start, and `greenlight pin` shows it. Its file,
readable by the appliance's user only, holds the digits (to show them again) and the scrypt hash
that a typed PIN is checked against.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from data.durable import sync_folder
from data.errors import GreenlightError
from edge.addresses import address_group
from edge.appliance.pairing import Pairing, WaitingBrowser
from edge.appliance.sign_in_link import use_link
from edge.page.port import (
    LONGEST_COOKIE,
    SESSION_SECONDS,
    PairingFound,
    PinFound,
    SignInFound,
    WebSession,
)

_log = logging.getLogger(__name__)

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
        used: somebody has signed in on this device. PINs older than pairing count as used.
    """

    digits: str
    salt: str
    hash: str
    schema_version: int = _SCHEMA_VERSION
    used: bool = True

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
            _write_pin(path, _new_pin(used=False), os.link)
    raise PinUnusable(
        f"{path} keeps appearing and disappearing; is another appliance using this folder?"
    )


def replace_pin(state: Path) -> Pin:
    """Replace the PIN; everyone has to sign in again.

    Raises:
        PinUnusable: with the file and the fix.
    """
    path = state / PIN_FILE
    try:
        used = _read_pin(path).used
    except FileNotFoundError:
        used = False
    except PinUnusable:
        # One that is damaged is replaced anyway; what can't be written is reported below.
        used = True
    pin = _new_pin(used=used)
    _write_pin(path, pin, os.replace)
    return pin


def _new_pin(*, used: bool) -> Pin:
    digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    salt = secrets.token_hex(16)
    return Pin(digits, salt, _hash_pin(digits, salt), used=used)


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

    Guesses from elsewhere never lock the owner's address. Pressing the button changes nothing here,
    or each press would allow more guesses. The clock is passed in.
    """

    def __init__(self) -> None:
        # The address that guessed last comes last.
        self._guesses: dict[str, _Guesses] = {}

    def seconds_left(self, address: str, now: float) -> float:
        """Return how long until a PIN from this address is checked; zero if it is now."""
        return max(0.0, self._guesses.get(address_group(address), _Guesses()).locked_until - now)

    def guessed_wrong(self, address: str, now: float) -> None:
        """Count a wrong PIN. Each one after the free guesses doubles the address's lock."""
        group = address_group(address)
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
        self._guesses.pop(address_group(address), None)


# ---- sessions

_MAX_ENDED = 10_000


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
        ends = int(self._clock()) + SESSION_SECONDS
        payload = f"{secrets.token_urlsafe(12)}.{ends}"
        return f"{payload}.{self._sign('session', payload)}"

    def check(self, cookie: str | None) -> WebSession | None:
        """Return a cookie's session, if we made it and it hasn't expired."""
        if not cookie or len(cookie) > LONGEST_COOKIE or not cookie.isascii():
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
        self._ended[session.id] = now + SESSION_SECONDS

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(
            self._secret, f"{purpose}\0{self._salt()}\0{text}".encode(), "sha256"
        ).hex()


# ---- signing in

# One PIN is checked at a time and this many may wait; the others are asked to try again.
_MAX_WAITING = 8
_MAX_WAITING_PER_ADDRESS = 2
# Of those places, what addresses may take from which nobody has signed in yet.
_MAX_WAITING_UNKNOWN = 6
_MAX_KNOWN = 256
# How long a browser that the button signed in may see the PIN, or have a new one made.
PIN_SHOWN_SECONDS = 600.0


class Authenticator:
    """Signs in people who know the PIN, and the browser that the button has paired.

    Args:
        state: the folder that holds the PIN.
        pairing: says which browser that is.
    """

    def __init__(self, state: Path, pairing: Pairing) -> None:
        self._state = state
        self._seen: tuple[int, int] | None = None
        self._pin = read_or_make_pin(state)
        self.lockout = Lockout()
        self.sessions = Sessions(lambda: self.pin().salt, time.monotonic)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        self._waiting: Counter[str] = Counter()
        # Addresses from which somebody has signed in; the newest come last.
        self._known: dict[str, None] = {}
        self._pairing = pairing
        # Sessions that may see the PIN, and until when.
        self._may_see_pin: dict[str, float] = {}
        if not self._pin.used:
            pairing.start_new()

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

    async def sign_in(self, typed: str, address: str) -> SignInFound:
        """Check a PIN, within the limits of the address it came from.

        Args:
            typed: the PIN.
            address: where it was typed.
        """
        # A locked-out address doesn't take a place in the queue.
        if seconds := self.lockout.seconds_left(address, time.monotonic()):
            return SignInFound(locked_seconds=seconds)
        if self._is_full(address):
            return SignInFound(busy=True)
        self._waiting[address] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._check, typed, address)
        finally:
            self._waiting[address] -= 1
            self._waiting += Counter()

    def _is_full(self, address: str) -> bool:
        if self._waiting[address] >= _MAX_WAITING_PER_ADDRESS:
            return True
        # An attacker with many addresses can't take all places from known ones.
        known = address_group(address) in self._known
        return self._waiting.total() >= (_MAX_WAITING if known else _MAX_WAITING_UNKNOWN)

    def _check(self, typed: str, address: str) -> SignInFound:
        # One thread checks one PIN at a time, so none slips past the count.
        if seconds := self.lockout.seconds_left(address, time.monotonic()):
            return SignInFound(locked_seconds=seconds)
        if not self.pin().matches(typed):
            self.lockout.guessed_wrong(address, time.monotonic())
            return SignInFound()
        self.lockout.guessed_right(address)
        self._signed_in(address)
        return SignInFound(cookie=self.sessions.begin())

    def _signed_in(self, address: str) -> None:
        group = address_group(address)
        self._known.pop(group, None)
        while len(self._known) >= _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[group] = None
        self._pairing.signed_in()
        pin = self.pin()
        if not pin.used:
            try:
                used = msgspec.structs.replace(pin, used=True)
                _write_pin(self._state / PIN_FILE, used, os.replace)
            except PinUnusable as error:
                # After a restart the device would count as new again, which a press has to confirm.
                _log.warning("the PIN's file can't be written: %s", error)

    async def look_at_pairing(self, secret: str) -> PairingFound:
        """Return the status of a browser that asked; if it was paired, with its session."""
        digits = self._pairing.digits_of(secret)
        browser = self._pairing.look(secret, time.monotonic())
        if not isinstance(browser, WaitingBrowser):
            return PairingFound(browser, digits)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._signed_in, browser.address)
        return PairingFound("paired", cookie=self._begin_with_pin())

    async def show_pin(self, session: WebSession, *, new: bool) -> PinFound:
        """Return the PIN to a browser that the button has just signed in.

        Args:
            session: of that browser.
            new: make a new PIN first, which signs everyone else out.

        Raises:
            PinUnusable: the new one can't be written.
        """
        now = time.monotonic()
        self._may_see_pin = {id: until for id, until in self._may_see_pin.items() if until > now}
        if session.id not in self._may_see_pin:
            return PinFound()
        if not new:
            return PinFound(self.pin().shown)
        loop = asyncio.get_running_loop()
        shown = (await loop.run_in_executor(self._thread, replace_pin, self._state)).shown
        del self._may_see_pin[session.id]
        return PinFound(shown, self._begin_with_pin())

    def _begin_with_pin(self) -> str:
        cookie = self.sessions.begin()
        session = self.sessions.check(cookie)
        assert session is not None
        self._may_see_pin[session.id] = time.monotonic() + PIN_SHOWN_SECONDS
        return cookie

    async def sign_in_by_link(self, carried: str, address: str) -> SignInFound:
        """Sign in by a link that `sign_in_link` made. Nobody can guess one."""
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._thread, use_link, self._state, carried):
            return SignInFound()
        await loop.run_in_executor(self._thread, self._signed_in, address)
        return SignInFound(cookie=self.sessions.begin())

    def session(self, cookie: str | None) -> WebSession | None:
        """Return a cookie's session, if it is valid."""
        return self.sessions.check(cookie)

    def close(self) -> None:
        """Stop checking PINs."""
        self._thread.shutdown(cancel_futures=True)
