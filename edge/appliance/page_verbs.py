"""Answers the page: views, actions, sign-in and news, each within limits.

Every verb except sign-in needs a session that this process started, so an attacker who takes over
the page can't do more than the owners who are signed in at that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from pathlib import Path

import msgspec

from data import wire
from data.bundle import BundleRefused, read_file
from data.errors import GreenlightError, InvalidRecord
from data.manifest import MANIFEST, REPORT, Manifest
from data.messages import Feedback
from edge.appliance.appliance import Appliance
from edge.appliance.directors import DirectorIndex
from edge.appliance.journal_reader import JournalReader
from edge.appliance.machine import State, pattern
from edge.appliance.pairing import WaitingBrowser
from edge.appliance.sign_in import Authenticator
from edge.appliance.silence import with_last_sign
from edge.journal import (
    JOURNAL,
    HistoryEntry,
    Journal,
    JournalError,
    OutboxRow,
    last_heard,
    sent_in,
)
from edge.journal.spreadsheet import as_csv
from edge.page.port import (
    MOST_ANSWER_BYTES,
    NEWS_SECONDS,
    PUBLIC_VERBS,
    ApplianceStatus,
    AskToPair,
    AwaitNews,
    CatalogueSummary,
    CheckSession,
    DirectorFound,
    DirectorsFound,
    Done,
    Execute,
    ExportHistory,
    FindDirectors,
    HeaderFound,
    HistoryFound,
    LookAtPairing,
    ModelEvent,
    ModelFound,
    News,
    OwnRecord,
    PageAnswer,
    PageRequest,
    PairingFound,
    PickEntry,
    PickFound,
    Problem,
    ReadReport,
    RejectedRating,
    ReportFound,
    SessionFound,
    ShowHeader,
    ShowHistory,
    ShowModel,
    ShowPick,
    ShowPin,
    ShowSlate,
    ShowSync,
    SignIn,
    SignInByLink,
    SignOut,
    SlateFound,
    SyncFound,
    TextFound,
)
from edge.panel.led import MEANING, Pattern

_log = logging.getLogger(__name__)
_MOST_MANIFEST_BYTES = 1_000_000
_MOST_EVENTS = 20
_MOST_HISTORY = 2001


class PageVerbs:
    """Answers the page. Runs on the appliance's event loop; the journal is read in a thread.

    Args:
        appliance: to show, and to have carry out commands.
        state: its state folder, with journal and PIN.

    Raises:
        PinUnusable: the PIN's file can be neither read nor written.
    """

    def __init__(self, appliance: Appliance, state: Path) -> None:
        self._appliance = appliance
        self.auth = Authenticator(state, appliance.pairing)
        self._journal = JournalReader(state / JOURNAL)
        self._index: DirectorIndex | None = None
        self._number = 0
        self._changed = asyncio.Event()
        self._unsubscribe = appliance.observers.add(self._notice)

    def close(self) -> None:
        """Stop answering."""
        self._unsubscribe()
        self.auth.close()
        self._journal.close()

    async def answer(self, line: bytes) -> bytes:
        """Return the answer to one line of the page's."""
        return msgspec.json.encode(await self._answer_line(line))

    async def _answer_line(self, line: bytes) -> PageAnswer:
        try:
            found = msgspec.json.encode(
                await self._find(msgspec.json.decode(line, type=PageRequest))
            )
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return PageAnswer(problem="invalid", message=str(wire.refusal(error, "the request")))
        except Problem as problem:
            return PageAnswer(problem=problem.kind, message=str(problem))
        except JournalError as error:
            return PageAnswer(problem="journal", message=str(error))
        except BundleRefused as error:
            return PageAnswer(problem="report", message=str(error))
        except GreenlightError as error:
            return PageAnswer(problem="failed", message=str(error))
        except Exception as error:  # noqa: BLE001 - the outermost frame of every verb
            _log.exception("a verb of the page failed")
            return PageAnswer(problem="failed", message=f"failed: {error}; see the log")
        if len(found) > MOST_ANSWER_BYTES // 2:
            return PageAnswer(problem="failed", message="there is too much of it for the page")
        return PageAnswer(found=msgspec.Raw(found))

    async def _find(self, request: PageRequest) -> object:
        verb, session = request.verb, self.auth.session(request.cookie)
        if session is None and not isinstance(verb, PUBLIC_VERBS):
            raise Problem("signed out", "sign in first")
        match verb:
            case CheckSession():
                return SessionFound(session)
            case SignIn():
                return await self.auth.sign_in(verb.pin, verb.address)
            case AskToPair():
                return self._ask_to_pair(verb)
            case LookAtPairing():
                return await self.auth.look_at_pairing(verb.secret)
            case ShowPin():
                assert session is not None
                return await self.auth.show_pin(session, new=verb.new)
            case SignInByLink():
                return await self.auth.sign_in_by_link(verb.carried, verb.address)
            case SignOut():
                assert session is not None
                self.auth.sessions.end(session)
                return Done()
            case AwaitNews():
                return await self._await_news(verb.after)
            case Execute():
                # A caller who gives up doesn't cancel what has started.
                assert session is not None
                return await asyncio.shield(self._appliance.begin(verb.command, asker=session.id))
            case FindDirectors():
                found = await self._journal.run(lambda _: self._directors(verb.typed))
                return DirectorsFound(found, self._appliance.domain)
            case ReadReport():
                return await self._journal.run(lambda _: self._report())
            case ExportHistory():
                return await self._journal.run(
                    lambda journal: TextFound(as_csv(journal.history(), self._appliance.domain))
                )
            case ShowPick():
                return await self._journal.run(self._pick)
            case ShowSlate():
                return await self._journal.run(lambda journal: self._slate(journal, verb.typed))
            case ShowHistory():
                return await self._journal.run(lambda journal: self._history(journal, verb.most))
            case ShowModel():
                return await self._journal.run(self._model)
            case ShowHeader():
                return await self._journal.run(self._header)
            case ShowSync():
                return await self._journal.run(self._sync)

    def _ask_to_pair(self, verb: AskToPair) -> PairingFound:
        pairing, now = self._appliance.pairing, time.monotonic()
        if digits := pairing.digits_of(verb.secret):
            known = pairing.look(verb.secret, now)
            assert not isinstance(known, WaitingBrowser)
            return PairingFound(known, digits, verb.secret)
        asked = pairing.ask(verb.address, now)
        if not isinstance(asked, WaitingBrowser):
            return PairingFound(asked)
        self._appliance.look_at_pairing()
        return PairingFound(
            "shown" if pairing.shown is asked else "waiting", asked.digits, asked.secret
        )

    # News.

    def _notice(self) -> None:
        self._number += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def _await_news(self, after: int) -> News:
        changed = self._changed
        if after == self._number:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), NEWS_SECONDS)
        return News(self._number)

    # Views. They run in the journal's thread; each value read of the appliance is replaced whole.

    def _status(self) -> ApplianceStatus:
        appliance = self._appliance
        model = appliance.model
        return ApplianceStatus(
            light=appliance.state.phase.name.lower(),
            says=_meaning(appliance.state),
            thing=appliance.config.thing,
            attention=tuple(appliance.attention.sentences),
            fault=appliance.fault,
            model_version=model.version if model is not None else None,
            demonstration=appliance.config.demonstration,
            domain=appliance.domain,
        )

    def _header(self, journal: Journal) -> HeaderFound:
        waiting, _ = journal.outbox_depth()
        rejected = tuple(_rejected(row) for row in journal.quarantined())
        return HeaderFound(self._status(), with_last_sign(journal.sync_state()), waiting, rejected)

    def _pick(self, journal: Journal) -> PickFound:
        entry, slate = _newest(journal)
        awaiting = tuple(_entry(one) for one in journal.awaiting_rating())
        return PickFound(self._header(journal), entry, slate, awaiting)

    def _slate(self, journal: Journal, typed: str | None) -> SlateFound:
        entry, slate = _newest(journal)
        model = self._appliance.model
        known = model.catalogue if model is not None else None
        summary = None
        if known is not None:
            directors = len(known.directors)
            summary = CatalogueSummary(directors, known.genres, known.training_years)
        found = self._directors(typed) if typed is not None and known is not None else None
        header = self._header(journal)
        return SlateFound(header, entry, slate, summary, self._appliance.slate, found)

    def _history(self, journal: Journal, most: int) -> HistoryFound:
        entries = journal.history(min(max(most, 0), _MOST_HISTORY))
        return HistoryFound(self._header(journal), tuple(_entry(one) for one in entries))

    def _model(self, journal: Journal) -> ModelFound:
        store = self._appliance.store
        pointer = store.read()
        active, previous = (
            _manifest(store.folder(version)) if version is not None else None
            for version in (pointer.active, pointer.previous)
        )
        own = _own_record(journal.history(), active) if active else None
        bundle = self._appliance.bundle
        report = bundle is not None and REPORT in bundle.manifest.files
        events = tuple(
            msgspec.convert(one, ModelEvent, from_attributes=True)
            for one in journal.activations_after(0)[-_MOST_EVENTS:][::-1]
        )
        return ModelFound(self._header(journal), active, previous, own, report, events)

    def _sync(self, journal: Journal) -> SyncFound:
        reports = journal.sync_state()
        sent = sent_in(reports.get("sent"))
        return SyncFound(
            self._header(journal),
            last_sent=sent.at if sent else None,
            last_heard=last_heard(reports),
            sent=sent.hours if sent else (),
            waiting=tuple(journal.waiting_by_hour()),
        )

    def _report(self) -> ReportFound:
        # Not kept in memory: read again each time, and checked against the manifest in memory.
        bundle = self._appliance.bundle
        entry = bundle.manifest.files.get(REPORT) if bundle is not None else None
        if bundle is None or entry is None:
            return ReportFound(None)
        folder = self._appliance.store.folder(bundle.manifest.version)
        return ReportFound(read_file(folder, REPORT, entry))

    def _directors(self, typed: str) -> tuple[DirectorFound, ...]:
        model = self._appliance.model
        if model is None:
            return ()
        if self._index is None or self._index.catalogue is not model.catalogue:
            self._index = DirectorIndex(model.catalogue)
        found = self._index.search(typed)
        return tuple(msgspec.convert(one, DirectorFound, from_attributes=True) for one in found)


def _meaning(state: State) -> str:
    """Return what the light means; while it breathes, which of the two reasons it has."""
    shown = pattern(state)
    return state.phase.value if shown is Pattern.BREATHING else MEANING[shown]


def _entry(entry: HistoryEntry) -> PickEntry:
    return msgspec.convert(entry, PickEntry, from_attributes=True)


def _newest(journal: Journal) -> tuple[PickEntry | None, bytes | None]:
    entries = journal.history(1)
    if not entries:
        return None, None
    return _entry(entries[0]), journal.slate_of(entries[0].pick.id)


def _rejected(row: OutboxRow) -> RejectedRating:
    try:
        feedback = wire.decode(row.payload, Feedback)
    except InvalidRecord as error:
        return RejectedRating(row.id, row.id, 0, None, str(error))
    reason = row.reason or "no reason given"
    return RejectedRating(
        feedback.title, feedback.director, feedback.stars, feedback.rating, reason
    )


def _manifest(folder: Path) -> Manifest | None:
    """Return a bundle's manifest, to show it. Nothing depends on it, so it isn't verified here."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_MANIFEST_BYTES), type=Manifest)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _own_record(entries: list[HistoryEntry], manifest: Manifest) -> OwnRecord | None:
    errors = [
        entry.pick.prediction.expected - rating.stars
        for entry in entries
        if entry.pick.model_hash == manifest.model_hash
        for rating in entry.ratings
        if rating.source == "owner"
    ]
    if not errors:
        return None
    return OwnRecord(len(errors), math.sqrt(math.fsum(e * e for e in errors) / len(errors)))
