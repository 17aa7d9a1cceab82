"""The service: carries out what the session decides, and reports back what happens.

One thread owns the session and the journal. The broker's threads and the fetching thread only put
events into the inbox. The journal is the source of truth: whatever is lost here is read from it
again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from cloud_sync import telemetry
from cloud_sync.events import (
    ActivationsRead,
    Command,
    Connect,
    ConnectionChanged,
    Event,
    FinishSync,
    JournalChanged,
    JournalFailed,
    MessageIgnored,
    OutboxRead,
    ReadActivations,
    ReadRequests,
    RequestsRead,
    Tick,
)
from cloud_sync.feedback import (
    CLOUD_OUTDATED,
    FEEDBACK_STATE,
    Acknowledge,
    CloudOutdated,
    Quarantine,
    ReadOutbox,
)
from cloud_sync.fetcher import Fetcher
from cloud_sync.mqtt import Broker, MqttMessage, NotConnected, TopicRefused
from cloud_sync.rate_limit import Publish
from cloud_sync.report import SendReport, Stock, TakeStock
from cloud_sync.session import Session
from cloud_sync.status import StatusWriter, iso
from cloud_sync.update import OfferFailed
from cloud_sync.update_run import (
    Discard,
    Fetch,
    Offer,
    QuestionRefused,
    StopFetching,
    UpdateChanged,
)
from cloud_sync.verification import FinishVerification
from edge.journal import Journal, JournalError

_log = logging.getLogger(__name__)

EventQueue = queue.SimpleQueue[Event]
# At most this many events are handled before the journal and the clock are checked again.
_MOST_AT_ONCE = 200
_STOP_SECONDS = 2.0
# A session that is due again immediately mustn't keep the processor busy.
_SHORTEST_TICK_SECONDS = 0.05


class Service:
    """One run of the service. The caller's thread owns it."""

    def __init__(
        self,
        session: Session,
        journal: Journal,
        broker: Broker,
        fetcher: Fetcher,
        events: EventQueue,
        poll_seconds: float,
    ) -> None:
        self._session = session
        self._journal = journal
        self._broker = broker
        self._fetcher = fetcher
        self._status = StatusWriter(journal)
        self._events = events
        self._poll_seconds = poll_seconds
        self._seen_version: int | None = None
        self._next_poll = 0.0
        self._earliest_tick = 0.0
        self._journal_works = True

    def run(self, stop: threading.Event, until: Callable[[], bool] | None = None) -> bool:
        """Work until `stop` is set or `until` returns True.

        Returns:
            Whether `until` returned True.
        """
        try:
            # The state of the run before mustn't be shown until the first attempt.
            self._carry_out(self._session.connection_changed(time.monotonic()))
            while not stop.is_set():
                self.step()
                if until is not None and until():
                    return True
            return False
        finally:
            self._broker.disconnect()
            self._fetcher.close(_STOP_SECONDS)
            self._status.stopped()

    def status(self) -> tuple[bool, str]:
        """Return whether everything is done and, if not, what is left."""
        return self._session.settled, self._session.unsettled

    def is_fresh(self) -> bool:
        """Return whether every worker thread is making progress."""
        return self._fetcher.is_fresh()

    def step(self) -> None:
        """Handle events until the journal or the session is due, then see to them."""
        due = min(self._next_poll, max(self._session.next_due, self._earliest_tick))
        wait = max(0.0, due - time.monotonic())
        try:
            self._handle(self._events.get(timeout=wait))
            for _ in range(_MOST_AT_ONCE):
                self._handle(self._events.get_nowait())
        except queue.Empty:
            pass
        if time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + self._poll_seconds
            self._status.alive()
            self._look_at_journal()
        if time.monotonic() >= max(self._session.next_due, self._earliest_tick):
            self._earliest_tick = time.monotonic() + _SHORTEST_TICK_SECONDS
            self._handle(Tick())

    def _look_at_journal(self) -> None:
        try:
            if self._journal.replaced():
                # The appliance has set a damaged journal aside and started a new one.
                path = self._journal.path
                self._journal.close()
                self._journal = self._status.journal = Journal.open(path)
                self._seen_version = None
            version = self._journal.data_version()
        except JournalError as error:
            self._journal_failed(error)
            return
        if not self._journal_works:
            self._journal_works = True
            self._seen_version = None
            _log.info("journal: works again")
        if version != self._seen_version:
            self._seen_version = version
            self._status.answer()
            self._handle(JournalChanged())

    def _journal_failed(self, error: JournalError) -> None:
        if self._journal_works:
            _log.error("journal: %s", error)
        self._journal_works = False

    def _handle(self, event: Event) -> None:
        pending: deque[Event] = deque([event])
        while pending:
            for command in self._decide(pending.popleft()):
                try:
                    follows = self._carry_out(command)
                except JournalError as error:
                    self._journal_failed(error)
                    pending.clear()
                    pending.append(JournalFailed())
                    if isinstance(command, Offer):
                        pending.append(OfferFailed(command.job.id, str(error)))
                    break
                except Exception as error:
                    if not isinstance(command, Offer):
                        raise
                    _log.exception("offering version %d", command.job.document.version)
                    follows = OfferFailed(command.job.id, f"{type(error).__name__}: {error}")
                if follows is not None:
                    pending.append(follows)

    def _decide(self, event: Event) -> list[Command]:
        """Return the session's commands; a message it can't handle is logged and ignored."""
        try:
            return self._session.handle(event, time.monotonic())
        except Exception as error:
            if not isinstance(event, MqttMessage):
                raise
            # A message must not be able to stop the service: systemd would restart it into the same
            # message again and again.
            _log.exception("a message on %r", event.topic[:256])
            return [MessageIgnored(event.topic[:256], f"unexpected {type(error).__name__}")]

    def _carry_out(self, command: Command) -> Event | None:
        journal = self._journal
        match command:
            case Connect():
                self._broker.connect()
            case Publish():
                self._publish(command)
            case ReadOutbox():
                return OutboxRead(journal.peek_outbox(command.limit))
            case ReadRequests():
                return RequestsRead(journal.pending_requests())
            case ReadActivations():
                return ActivationsRead(journal.activations_after(command.after))
            case Acknowledge():
                captured = journal.captured_at(command.ids)
                journal.acknowledge(command.ids)
                self._status.sent(captured)
            case Quarantine():
                _log.warning("feedback %s was rejected: %s", command.id, command.reason)
                journal.quarantine(command.id, command.reason)
            case CloudOutdated():
                self._report_outdated(outdated=command.outdated)
            case FinishSync():
                journal.finish_request(command.seq, {"at": iso(datetime.now(UTC))})
            case FinishVerification():
                self._finish_verification(command)
            case Fetch():
                self._fetcher.start(command.job)
            case StopFetching():
                self._fetcher.stop()
            case Offer():
                document = command.job.document
                journal.offer_model(
                    document.version, document.manifest_sha256, command.job.id, command.folder
                )
            case Discard():
                self._fetcher.discard(command.version)
            case TakeStock():
                return self._stock()
            case SendReport():
                self._status.reported(command)
            case ConnectionChanged():
                self._status.connection_changed(command)
            case UpdateChanged():
                self._status.update_changed(command)
            case QuestionRefused():
                _log.warning("jobs: asking again, because the cloud refused: %s", command.reason)
            case MessageIgnored():
                _log.warning("%s: ignored a message: %s", command.topic, command.reason)
        return None

    def _report_outdated(self, *, outdated: bool) -> None:
        if outdated:
            _log.warning("%s", CLOUD_OUTDATED)
        # Of most devices there is never anything to report.
        if outdated or self._journal.sync_state_of(FEEDBACK_STATE) is not None:
            problem = CLOUD_OUTDATED if outdated else None
            self._journal.set_sync_state(FEEDBACK_STATE, {"problem": problem})

    def _publish(self, command: Publish) -> None:
        try:
            self._broker.publish(command.topic, command.payload)
        except NotConnected as error:
            # A Dropped is on its way; everything is sent again after the next connect.
            _log.debug("%s", error)
        except TopicRefused as error:
            _log.error("not sent: %s", error)

    def _finish_verification(self, command: FinishVerification) -> None:
        result = {"at": iso(datetime.now(UTC)), **msgspec.to_builtins(command.result)}
        self._journal.finish_request(command.seq, result)
        self._journal.set_sync_state("verification", result)
        reason = f": {command.result.reason}" if command.result.reason else ""
        _log.info("verification: %s%s", command.result.outcome, reason)

    def _stock(self) -> Stock:
        count, oldest = self._journal.outbox_depth()
        return Stock(
            outbox_depth=count,
            outbox_quarantined=self._journal.quarantined_count(),
            outbox_oldest_seconds=telemetry.age_seconds(oldest, datetime.now(UTC)),
            disk_free_bytes=telemetry.disk_free_bytes(self._journal.path.parent),
            uptime_seconds=telemetry.uptime_seconds(),
            temperature_celsius=telemetry.temperature_celsius(),
        )
