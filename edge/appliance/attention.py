"""Warnings for the owner: at most one sentence for each thing that can be wrong.

They survive a restart, in a separate file because the journal itself may be at fault. Those that
every start checks for are dropped then, and raised again if still true, with the time when they
were first raised.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from data.durable import replace_durably
from edge.appliance.boot import now

ATTENTION_FILE = "attention.json"
# Every start checks for these anyway.
_FOUND_AT_START = ("button", "disk", "first-bundle", "journal", "lock", "page", "update")
# What isn't raised again by then has begun later. A button counts as stuck after a minute.
_START_SECONDS = 300.0
_log = logging.getLogger(__name__)


class Warned(msgspec.Struct, frozen=True):
    """One warning, and when it was first raised, by the device's clock."""

    subject: str
    sentence: str
    since: str


class Attention:
    """Warnings by subject; the LED shows whether there are any.

    Args:
        changed: called with True when the first warning comes, with False when the last one goes.
        state: the folder to save them in; None keeps them in memory only.
    """

    def __init__(self, changed: Callable[[bool], None], state: Path | None = None) -> None:
        self._changed = changed
        self._path = state / ATTENTION_FILE if state is not None else None
        self._warnings: dict[str, Warned] = {}
        self._before: dict[str, Warned] = {}
        self._restored_at = time.monotonic()
        self._thread = threading.get_ident()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @property
    def sentences(self) -> list[str]:
        """The warnings, oldest first."""
        return [warning.sentence for warning in self._warnings.values()]

    @property
    def warnings(self) -> list[Warned]:
        """The warnings with their subjects and times, oldest first."""
        return list(self._warnings.values())

    def has(self, subject: str) -> bool:
        """Return whether there is a warning about a subject."""
        return subject in self._warnings

    def restore(self) -> None:
        """Restore the warnings from before the restart, unless every start checks for them."""
        if self._path is None:
            return
        self._restored_at = time.monotonic()
        for warning in kept_warnings(self._path.parent):
            found = self._before if warning.subject in _FOUND_AT_START else self._warnings
            found[warning.subject] = warning
        if self._warnings:
            self._changed(True)
        self._keep()

    def raise_(self, subject: str, sentence: str) -> None:
        """Add a warning, in place of an older one about the same subject; from any thread."""
        if self._elsewhere(self.raise_, subject, sentence):
            return
        had_any, known = bool(self._warnings), self._warnings.get(subject)
        if known is not None and known.sentence == sentence:
            return
        self._warnings[subject] = Warned(subject, sentence, self._since(subject, sentence))
        self._keep()
        if not had_any:
            self._changed(True)

    def _since(self, subject: str, sentence: str) -> str:
        before = self._before.pop(subject, None)
        is_early = time.monotonic() < self._restored_at + _START_SECONDS
        if before is not None and before.sentence == sentence and is_early:
            return before.since
        return now()

    def clear(self, subject: str | None = None) -> None:
        """Remove a subject's warning, or all of them; from any thread."""
        if self._elsewhere(self.clear, subject):
            return
        if subject is not None and subject not in self._warnings:
            return
        if subject is None:
            self._warnings.clear()
        else:
            del self._warnings[subject]
        self._keep()
        if not self._warnings:
            self._changed(False)

    def _elsewhere(self, again: Callable[..., None], *values: str | None) -> bool:
        """Run it in our own thread instead; return whether that was necessary."""
        if self._loop is None or threading.get_ident() == self._thread:
            return False
        self._loop.call_soon_threadsafe(again, *values)
        return True

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            replace_durably(self._path, msgspec.json.encode(self.warnings), 0o660)
        except OSError as error:
            # They are still shown, until the next restart.
            _log.warning("warnings could not be saved: %s", error)


def kept_warnings(state: Path) -> list[Warned]:
    """Return the warnings saved in a state folder; none if they can't be read."""
    try:
        return msgspec.json.decode((state / ATTENTION_FILE).read_bytes(), type=list[Warned])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
