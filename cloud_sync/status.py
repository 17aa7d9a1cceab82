"""What people see of the service: its log, and the state that the appliance's page shows.

It is information only. A failing journal is reported elsewhere, and nothing here waits for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cloud_sync.events import ConnectionChanged
from cloud_sync.report import SendReport
from cloud_sync.update_run import UpdateChanged
from edge.journal import HEARTBEAT_SECONDS, Journal, JournalError, last_heard, with_sent

_log = logging.getLogger(__name__)


def iso(moment: datetime) -> str:
    """Return a moment as text, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class StatusWriter:
    """Logs and stores changes, but not repetitions."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._away_since: datetime | None = None
        self._online = False
        reports = self._kept()
        self._heard_at = last_heard(reports)
        self._sent = reports.get("sent")
        self._next_heartbeat = 0.0

    def connection_changed(self, command: ConnectionChanged) -> None:
        """The connection's state has changed."""
        now = datetime.now(UTC)
        wait = command.next_try_in_seconds
        # Offline since the first of all attempts that failed in a row.
        away = command.state != "online"
        if self._online or not away:
            self._heard_at = iso(now)
        self._online = not away
        self._away_since = (self._away_since or now) if away else None
        state = {
            "state": command.state,
            "since": iso(self._away_since or now),
            "reason": command.reason,
            "attempts": command.attempts,
            "next_try_at": None if wait is None else iso(now + timedelta(seconds=wait)),
            "heard_at": self._heard_at,
        }
        # Repeated failures aren't news.
        news = command.state == "online" or command.attempts < 2
        _log.log(
            logging.INFO if news else logging.DEBUG,
            "connection: %s%s",
            command.state,
            command.reason and f" ({command.reason})",
        )
        if command.state != "connecting" or command.attempts == 0:
            # Each attempt ends in its own state; spare the SD card one write.
            self._write("connection", state)

    def alive(self) -> None:
        """Say, from time to time, that the service is alive: online may be long ago."""
        if time.monotonic() >= self._next_heartbeat:
            self._beat()

    def answer(self) -> None:
        """Say so now if somebody has asked through the journal."""
        try:
            asked = self.journal.is_asked()
        except JournalError as error:
            _log.debug("a question: %s", error)
            return
        if asked:
            self._beat()

    def _beat(self) -> None:
        self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
        try:
            self.journal.heartbeat(iso(datetime.now(UTC)))
        except JournalError as error:
            _log.debug("heartbeat: %s", error)

    def update_changed(self, command: UpdateChanged) -> None:
        """An update's state has changed."""
        reason = command.reason and f": {command.reason}"
        _log.info("version %d: %s%s", command.version, command.step, reason)
        self._write("update", {"at": iso(datetime.now(UTC)), **msgspec.to_builtins(command)})

    def sent(self, captured: Sequence[str]) -> None:
        """Ratings captured at these times were acknowledged."""
        kept = with_sent(self._sent, captured, iso(datetime.now(UTC)))
        self._sent = msgspec.to_builtins(kept)
        self._write("sent", self._sent)

    def reported(self, command: SendReport) -> None:
        """This was sent to the shadow."""
        self._write("report", msgspec.to_builtins(command.report))

    def stopped(self) -> None:
        """The service has stopped."""
        now = iso(datetime.now(UTC))
        heard_at = now if self._online else self._heard_at
        self._write("connection", {"state": "stopped", "since": now, "heard_at": heard_at})

    def _kept(self) -> dict[str, Any]:
        try:
            return self.journal.sync_state()
        except JournalError as error:
            _log.debug("sync state: %s", error)
            return {}

    def _write(self, key: str, value: object) -> None:
        try:
            self.journal.set_sync_state(key, value)
        except JournalError as error:
            _log.debug("sync state %s: %s", key, error)
