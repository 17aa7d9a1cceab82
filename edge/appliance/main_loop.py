"""The appliance's periodic work: read the journal, tidy it, feed the watchdog.

The journal brings models to try, and the sync service's reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from data.bundle import BundleRefused, read_bundle
from data.errors import GreenlightError
from data.notify import Watchdog
from data.seen import highest
from data.signing import KeyUnusable
from data.trust import read_trust
from edge.appliance import memory
from edge.appliance.appliance import Appliance
from edge.appliance.boot import now
from edge.appliance.machine import Event
from edge.appliance.silence import silent_since
from edge.appliance.status import read_pointer
from edge.appliance.storage import StorageFailed, StorageObserver
from edge.appliance.workers import Worker
from edge.journal import (
    JOURNAL,
    ON_ANOTHER_BOARD,
    BadRows,
    IncomingModel,
    Journal,
    JournalError,
    JournalReplaced,
)
from edge.models.activation import UpdateState
from edge.models.store import StoreDamaged
from edge.models.trial import TrialInterrupted
from edge.models.update import TrialLimits, Update

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2
_TIDY_SECONDS = 3600.0
_TIDY_AT_MOST_SECONDS = 10.0
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 5.0, 3600.0
_STOP_SECONDS = 20.0
_POINTER_SECONDS = 2.0


class HasHeartbeat(Protocol):
    """Something whose heartbeat the watchdog checks."""

    def is_fresh(self) -> bool:
        """Whether it is alive."""


async def main_loop(
    appliance: Appliance,
    observer: JournalObserver,
    workers: Sequence[HasHeartbeat],
    storage: StorageObserver | None = None,
) -> None:
    """Check everything until a stop is requested; feed the watchdog while every worker is fresh."""
    watchdog = Watchdog()
    next_tidy = time.monotonic()
    tidying: asyncio.Task[None] | None = None
    while not appliance.stop_asked.is_set():
        _look(appliance, observer, storage)
        appliance.look_at_pairing()
        if all(worker.is_fresh() for worker in workers):
            watchdog.feed()
        if time.monotonic() >= next_tidy:
            tidying = asyncio.get_running_loop().create_task(_tidy(appliance))
            next_tidy = time.monotonic() + _TIDY_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(appliance.stop_asked.wait(), _LOOK_SECONDS)
    if tidying is not None:
        await asyncio.wait([tidying], timeout=_STOP_SECONDS)


def _look(appliance: Appliance, observer: JournalObserver, storage: StorageObserver | None) -> None:
    try:
        if storage is not None:
            storage.look()
        appliance.writer.look_for_space()
        observer.look_at_pointer()
        observer.look_at_lock()
        if observer.look():
            appliance.observers.notify()
    except JournalReplaced as error:
        appliance.find_fault(f"{error}; {observer.copy_kept()}")
    except (JournalError, StorageFailed) as error:
        # Without a journal, no pick and no rating can be kept: show the fault rather than continue.
        appliance.find_fault(f"{error}; restart the appliance once this is fixed")
    except OSError as error:
        why = f"the disk can't be used: {error.strerror}"
        appliance.find_fault(f"{why}; restart the appliance once this is fixed")
    else:
        appliance.lose_fault()


async def _tidy(appliance: Appliance) -> None:
    journal = appliance.recorder.journal

    def tidy() -> BadRows:
        journal.prune(appliance.config.keep_picks)
        return journal.set_bad_rows_aside(now(), _TIDY_AT_MOST_SECONDS)

    try:
        bad = await appliance.recorder.run(tidy)
        if bad.set_aside:
            appliance.attention.raise_("bad-rows", bad_rows_sentence(bad))
    except GreenlightError as error:
        _log.warning("the journal could not be tidied: %s", error)


def bad_rows_sentence(bad: BadRows) -> str:
    """Return the warning about damaged rows."""
    repaired = f"; restored from a second copy: {bad.repaired}" if bad.repaired else ""
    return (
        f"damaged rows of the journal were set aside ({bad}){repaired};"
        " if this happens again, replace the card"
    )


@dataclass
class JournalObserver:
    """Handles what others write to the journal, on the event loop.

    Args:
        updater: the worker that tries models.
    """

    appliance: Appliance
    state_folder: Path
    updater: Worker
    _data_version: int = -1
    _update: asyncio.Task[None] | None = None
    _not_before: float = 0.0
    _retry_seconds: float = _FIRST_RETRY_SECONDS
    _first: tuple[IncomingModel, Path] | None = None
    _offline_since: float | None = None
    _sync_state: dict[str, Any] = field(default_factory=dict)
    _verified_seq: int = 0
    _copy_kept: str = ""
    _next_pointer: float = 0.0

    def offer_first_bundle(self) -> None:
        """Try the configured first bundle, if it is newer than any model seen here."""
        folder = self.appliance.config.first_bundle
        if folder is None:
            return
        if not folder.is_dir():
            self.appliance.say(f"first_bundle: {folder} doesn't exist")
            return
        keys, store = self.appliance.config.public_keys, self.appliance.store
        try:
            bundle = read_bundle(folder, read_trust(keys, store.trust).new)
            pointer = store.read()
        except (BundleRefused, KeyUnusable, StoreDamaged) as error:
            self.appliance.attention.raise_("first-bundle", f"{folder}: {error}")
            return
        manifest = bundle.manifest
        seen = manifest.version <= highest(pointer.seen, manifest.name).version
        if not seen and manifest.model_hash not in pointer.quarantined:
            offer = IncomingModel(0, manifest.version, bundle.manifest_sha256, "", folder.name)
            self._first = offer, folder
            self._update = asyncio.get_running_loop().create_task(self._try(offer, folder))

    def look(self) -> bool:
        """Check once, cheaply; return whether the other side has written since the last check."""
        self._look_for_silence()
        self.appliance.journal.check_in_place()
        version = self.appliance.journal.data_version()
        idle = self._update is None or self._update.done()
        if idle and time.monotonic() >= self._not_before:
            if self._first is not None:
                self._update = asyncio.get_running_loop().create_task(self._try(*self._first))
            elif offers := self.appliance.journal.incoming_models():
                self._update = asyncio.get_running_loop().create_task(self._try(offers[0]))
        if version == self._data_version:
            return False
        self._data_version = version
        self._take_sync_state(self.appliance.journal.sync_state())
        self._look_for_silence()
        return True

    def look_at_pointer(self) -> None:
        """Warn, every few seconds, while the record of accepted models can't be read."""
        if time.monotonic() < self._next_pointer:
            return
        self._next_pointer = time.monotonic() + _POINTER_SECONDS
        _, damage = read_pointer(self.appliance.store)
        if damage:
            self.appliance.attention.raise_("models", damage[0])
        else:
            self.appliance.attention.clear("models")

    def look_at_lock(self) -> None:
        """Withdraw the warning about a locked journal once it is free."""
        if self.appliance.attention.has("lock") and not self.appliance.journal.is_locked():
            self.appliance.attention.clear("lock")

    def copy_kept(self) -> str:
        """Keep a copy of a journal whose files are gone, once, and return what to do then."""
        if not self._copy_kept:
            try:
                kept = self.appliance.journal.keep_copy()
            except (JournalError, OSError) as error:
                self._copy_kept = (
                    f"no copy of it could be kept ({error}); stop the appliance only once the"
                    " files are back"
                )
            else:
                self._copy_kept = (
                    f"everything in it is kept in {kept.name}; restart the appliance, which"
                    " recovers it"
                )
        return self._copy_kept

    async def close(self) -> None:
        """Wait for a running update, which notices that the appliance is stopping."""
        if self._update is not None:
            done, _ = await asyncio.wait([self._update], timeout=_STOP_SECONDS)
            if not done:
                _log.warning("the update did not stop within %.0f s", _STOP_SECONDS)

    async def _try(self, offer: IncomingModel, source: Path | None = None) -> None:
        self.appliance.say(f"model: trying version {offer.version}")
        try:
            update, ended = await self.updater.run(lambda: self._run_update(offer, source))
        except TrialInterrupted:
            return
        except Exception as error:  # noqa: BLE001 - the outermost frame of this task
            _log.exception("the update failed")
            self._not_before = time.monotonic() + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, _LAST_RETRY_SECONDS)
            self.appliance.attention.raise_("update", f"the update failed: {error}; trying again")
            return
        self.appliance.attention.clear("update")
        self._first, self._retry_seconds = None, _FIRST_RETRY_SECONDS
        if ended is UpdateState.REFUSED:
            fate = update.reason if update.too_old else f"was refused: {update.reason}"
            sentence = f"model version {offer.version} {fate}"
            self.appliance.say(sentence)
            self.appliance.attention.raise_("model", sentence)
            return
        self.appliance.attention.clear("model")
        if update.model is not None:
            # Warnings about the previous model don't apply to this one.
            self.appliance.attention.clear("verification")
            self.appliance.adopt(update.bundle, update.model)
            # Frees the old model and everything the trial needed, including the bundle's bytes.
            del update
            memory.give_back()

    def _run_update(self, offer: IncomingModel, source: Path | None) -> tuple[Update, UpdateState]:
        config = self.appliance.config
        # Its own connection: this runs in the updater's thread.
        with Journal.open(self.state_folder / JOURNAL) as journal:
            update = Update(
                offer=offer,
                state_folder=self.state_folder,
                keys=config.public_keys,
                active=self.appliance.bundle,
                limits=TrialLimits(config.trial_seconds, config.trial_memory_bytes),
                store=self.appliance.store,
                journal=journal,
                now=now,
                source=source,
                accepted_name=config.accept_domain,
                stopping=self._stopping,
            )
            return update, update.run(lambda state: self.updater.show_life())

    def _stopping(self) -> bool:
        """Return whether to stop; a trial asks several times a second."""
        self.updater.show_life()
        return self.appliance.stop_asked.is_set()

    def _take_sync_state(self, sync_state: dict[str, Any]) -> None:
        connection = sync_state.get("connection")
        if isinstance(connection, dict):
            self._sync_state = sync_state
            if connection.get("state") == ON_ANOTHER_BOARD:
                sentence = f"nothing is sent to the cloud: {connection.get('reason')}"
                self.appliance.attention.raise_("board", sentence)
            else:
                self.appliance.attention.clear("board")
            if connection.get("state") == "online":
                self._offline_since = None
            elif self._offline_since is None:
                self._offline_since = time.monotonic()
        for seq, result in self.appliance.journal.verified_after(self._verified_seq):
            self._verified_seq = seq
            if isinstance(result, dict):
                self._take_verification(result)

    def _take_verification(self, result: dict[str, Any]) -> None:
        model = self.appliance.model
        if result.get("outcome") != "differed" or model is None:
            return
        if result.get("model_hash", model.hash) == model.hash:
            worst, about = result.get("worst_difference"), model.domain
            by = ""
            if isinstance(worst, int | float):
                by = f" (by {about.outcome.difference(worst):.3g}{about.plain_unit})"
            self.appliance.attention.raise_(
                "verification",
                f"the cloud scores a pick differently{by}:"
                " either the model's export or this device is wrong",
            )

    def _look_for_silence(self) -> None:
        seconds = [0.0]
        if self._offline_since is not None:
            seconds.append(time.monotonic() - self._offline_since)
        if (since := silent_since(self._sync_state)) is not None:
            seconds.append((datetime.now(UTC) - since).total_seconds())
        silent = max(seconds) >= self.appliance.config.offline_seconds
        if silent and not self.appliance.state.offline:
            self.appliance.feed(Event.WENT_OFFLINE)
        elif not silent and self.appliance.state.offline:
            self.appliance.feed(Event.CAME_ONLINE)
