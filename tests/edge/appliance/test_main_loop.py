"""The main loop's duties: the sync service's reports, a failing journal, the watchdog."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing

from edge.appliance.boot import now
from edge.appliance.commands import Approve, ShutDown, Synchronise
from edge.appliance.machine import Phase
from edge.appliance.main_loop import JournalObserver, main_loop
from edge.appliance.workers import Worker
from edge.journal import JOURNAL, Journal, JournalError
from edge.models.activation import UpdateState

from ..assembly import Assembly, assembled


class Sync:
    """The sync service's side of the journal."""

    def __init__(self, built: Assembly) -> None:
        self.journal = Journal.open(built.config.state / JOURNAL)
        self.observer = JournalObserver(built.appliance, built.config.state, Worker("update", 60.0))

    def report(self, key: str, value: object) -> None:
        self.journal.set_sync_state(key, value)
        assert self.observer.look()


def test_being_offline_for_long_is_shown_and_passes(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        sync = Sync(built)
        sync.report("connection", {"state": "offline"})
        assert not built.appliance.state.offline
        while not built.appliance.state.offline:
            await asyncio.sleep(0.05)
            sync.observer.look()
        assert built.lights.shown.value == "four blinks"
        sync.report("connection", {"state": "online"})
        assert built.lights.shown.value == "solid"
        sync.journal.close()

    assembled(tmp_path, small_bundle, visit, offline_seconds=0.2)


def test_a_verification_that_differs_wants_attention_though_the_next_agrees(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        sync = Sync(built)
        for _ in range(3):
            await built.press()
        await built.appliance.execute(Approve())
        ours = small_bundle.model_hash
        of_another = {"outcome": "differed", "model_hash": "00" * 32, "worst_difference": 3.0}
        differed = {"outcome": "differed", "model_hash": ours, "worst_difference": 0.5}
        agreed = {"outcome": "agreed", "model_hash": ours}
        first, second, third = sync.journal.pending_requests("verify")
        sync.journal.finish_request(first.seq, of_another)
        sync.observer.look()
        assert built.appliance.attention.sentences == []
        sync.journal.finish_request(second.seq, differed)
        sync.journal.finish_request(third.seq, agreed)
        sync.observer.look()
        assert "by 0.5 stars" in built.appliance.attention.sentences[0]
        assert built.lights.shown.value == "1 Hz"
        built.appliance.attention.clear()
        sync.report("connection", {"state": "online"})
        assert built.appliance.attention.sentences == []
        sync.journal.close()

    assembled(tmp_path, small_bundle, visit)


def test_a_journal_that_fails_is_a_fault_until_it_works_again(tmp_path, small_bundle, monkeypatch):
    async def visit(built: Assembly) -> None:
        observer = JournalObserver(built.appliance, tmp_path, Worker("update", 60.0))
        looks = iter([JournalError("disk I/O error"), JournalError("disk I/O error"), None])
        notified = asyncio.Event()

        def look() -> bool:
            if (error := next(looks, None)) is not None:
                raise error
            notified.set()
            return False

        monkeypatch.setattr(observer, "look", look)
        loop = asyncio.create_task(main_loop(built.appliance, observer, []))
        while built.appliance.state.phase is not Phase.FAULTY:
            await asyncio.sleep(0.01)
        assert built.lights.shown.value == "fast even blinking"
        assert "disk I/O error" in (await built.press()).error
        await notified.wait()
        await asyncio.sleep(0)
        assert built.appliance.state.phase is Phase.READY
        await built.appliance.execute(ShutDown())
        await loop

    assembled(tmp_path, small_bundle, visit)


def test_the_warning_about_a_locked_journal_goes_once_it_is_free(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        appliance = built.appliance
        # SQLite would wait for ten seconds.
        appliance.recorder.journal.rows("PRAGMA busy_timeout=0")
        observer = JournalObserver(appliance, tmp_path, Worker("update", 60.0))
        with closing(sqlite3.connect(tmp_path / JOURNAL, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not (await appliance.execute(Synchronise())).ok
            observer.look_at_lock()
            assert "another program keeps it locked" in appliance.attention.sentences[0]
        observer.look_at_lock()
        assert appliance.attention.sentences == []

    assembled(tmp_path, small_bundle, visit)


def test_a_model_in_its_trial_shows_signs_of_life(tmp_path, small_bundle, rebundle, keys_folder):
    signs: list[int] = []

    class Observed(Worker):
        def show_life(self) -> None:
            signs.append(1)
            super().show_life()

    async def visit(built: Assembly) -> None:
        observer = JournalObserver(built.appliance, tmp_path, Observed("update", 60.0))
        observer.offer_first_bundle()
        await observer.close()
        assert built.appliance.bundle.manifest.version == 2
        assert len(signs) > len(UpdateState), "more than one a step: the trial itself shows some"

    rebundle(tmp_path / "second", version=2)
    assembled(
        tmp_path, small_bundle, visit, first_bundle=tmp_path / "second", public_keys=keys_folder
    )


def test_the_watchdog_is_fed_only_while_every_worker_is_fresh(tmp_path, small_bundle, monkeypatch):
    notes: list[str] = []
    monkeypatch.setattr("data.notify.notify_systemd", notes.append)
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    let_go = threading.Event()

    async def visit(built: Assembly) -> None:
        observer = JournalObserver(built.appliance, tmp_path, Worker("update", 60.0))
        stuck = Worker("stuck", 0.3)
        looks = asyncio.Event()
        real_look, count = observer.look, 0

        def look() -> bool:
            nonlocal count
            count += 1
            looks.set()
            return real_look()

        async def rounds(number: int) -> None:
            until = count + number
            while count < until:
                looks.clear()
                await looks.wait()

        monkeypatch.setattr(observer, "look", look)
        loop = asyncio.create_task(main_loop(built.appliance, observer, [stuck]))
        await rounds(3)
        assert notes
        assert set(notes) == {"WATCHDOG=1"}
        job = asyncio.create_task(stuck.run(let_go.wait))
        while stuck.is_fresh():
            await asyncio.sleep(0.01)
        notes.clear()
        await rounds(3)
        assert notes == []
        let_go.set()
        await job
        await rounds(3)
        assert set(notes) == {"WATCHDOG=1"}
        await built.appliance.execute(ShutDown())
        await loop
        stuck.close()

    assembled(tmp_path, small_bundle, visit)


def test_offline_time_is_counted_across_restarts(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        sync = Sync(built)
        died = {"state": "online", "since": "2026-01-09T10:00:00Z"}
        sync.journal.set_sync_state("heartbeat", {"at": "2026-01-09T11:00:00Z"})
        sync.report("connection", died)
        assert built.lights.shown.value == "four blinks"
        sync.report("heartbeat", {"at": now()})
        assert built.lights.shown.value == "solid"
        sync.journal.close()

    assembled(tmp_path, small_bundle, visit)
