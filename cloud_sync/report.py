"""What the thing reports about itself in its named shadow, and when. Pure.

It reports a change, at most once per interval: readers of the shadow see every change, and an idle
appliance sends nothing.
"""

from __future__ import annotations

import math

import msgspec

from data import limits
from data.errors import InvalidRecord
from data.messages import ShadowReport
from edge.journal import Activation


class Stock(msgspec.Struct, frozen=True):
    """Measurements for a report."""

    outbox_depth: int
    outbox_quarantined: int
    outbox_oldest_seconds: float | None
    disk_free_bytes: int
    uptime_seconds: float
    temperature_celsius: float | None


class TakeStock(msgspec.Struct, frozen=True):
    """Measure; a Stock follows."""


class SendReport(msgspec.Struct, frozen=True):
    """Publish to the shadow, and show the same on the page."""

    payload: bytes
    report: ShadowReport


class Reporter:
    """When to report and what. Times are monotonic seconds."""

    def __init__(self, interval_seconds: float, software_version: str) -> None:
        self._interval = interval_seconds
        self._software_version = software_version
        self._running: list[tuple[int, str]] = []
        self._updating = False
        self._verification: str | None = None
        self._changed = True
        self._next = 0.0
        self._sent: tuple[object, ...] | None = None

    @property
    def pending(self) -> bool:
        """Whether something has changed that hasn't been reported yet."""
        return self._changed

    @property
    def next_due(self) -> float:
        """When to report a change; infinity if there is none."""
        return self._next if self._changed else math.inf

    def connected(self) -> None:
        """We're online: what was sent over an earlier connection may have been lost."""
        self._changed, self._sent = True, None

    def touch(self) -> None:
        """Something may have changed."""
        self._changed = True

    def activations(self, rows: list[Activation]) -> None:
        """The appliance has activated or rolled back models."""
        for row in rows:
            model = (row.version, row.model_hash)
            if model in self._running:
                self._running.remove(model)
            if row.outcome == "activated":
                self._running = [*self._running, model][-2:]
            self._changed = True

    def updating(self, running: bool) -> None:
        """An update has started or ended."""
        self._changed |= running != self._updating
        self._updating = running

    def verified(self, outcome: str) -> None:
        """A verification came back."""
        self._verification = outcome
        self._changed = True

    def tick(self, now: float) -> list[TakeStock]:
        """We're online: take measurements if there may be something to report."""
        if not self._changed or now < self._next:
            return []
        self._next = now + self._interval
        return [TakeStock()]

    def measured(self, stock: Stock) -> list[SendReport]:
        """The measurements are here: send a report if something important has changed."""
        self._changed = False
        report = self._compose(stock)
        # Disk space, age and temperature always change: reported, but not a reason to report.
        matters = (
            report.version,
            report.model_hash,
            report.state,
            report.last_verification,
            report.outbox_depth,
            report.outbox_quarantined,
        )
        if matters == self._sent:
            return []
        body = msgspec.json.encode({"state": {"reported": report}})
        if len(body) > limits.MAX_SHADOW_BYTES:
            raise InvalidRecord("the report", f"is {len(body)} bytes long; too long for a shadow")
        self._sent = matters
        return [SendReport(body, report)]

    def _compose(self, stock: Stock) -> ShadowReport:
        version, model_hash = self._running[-1] if self._running else (0, "")
        return ShadowReport(
            version=version,
            model_hash=model_hash,
            state=self._state(version),
            outbox_depth=stock.outbox_depth,
            uptime_seconds=stock.uptime_seconds,
            software_version=self._software_version,
            disk_free_bytes=stock.disk_free_bytes,
            last_verification=self._verification,
            outbox_oldest_seconds=stock.outbox_oldest_seconds,
            temperature_celsius=stock.temperature_celsius,
            outbox_quarantined=stock.outbox_quarantined,
        )

    def _state(self, version: int) -> str:
        if self._verification == "differed":
            return "attention"
        if self._updating:
            return "updating"
        return "ready" if version else "no-model"
