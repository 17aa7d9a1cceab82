"""The journal keeps what it has confirmed, in order, and hands it to the sync service."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from data.ids import new_id
from data.messages import Feedback, VerificationRequest
from data.wire import decode
from edge.journal import (
    JOURNAL,
    AlreadyRated,
    ConflictingRecord,
    Journal,
    JournalDamaged,
    JournalError,
    JournalTooNew,
    open_or_set_aside,
)
from edge.journal.file import set_aside
from edge.journal.schema import MIGRATIONS


def test_a_rated_pick_waits_in_the_outbox_until_it_is_acknowledged(
    journal, make_pick, make_feedback
):
    pick = make_pick()
    journal.record_pick(pick, slate=b"the slate")
    assert journal.waiting_pick() == pick
    assert journal.slate_of(pick.id) == b"the slate"
    assert journal.record_decision(pick.id, "approved", "1970-01-01T00:00:11Z")
    assert journal.waiting_pick() is None
    assert [entry.pick for entry in journal.awaiting_rating()] == [pick]

    feedback = make_feedback(pick)
    assert journal.record_rating(feedback)
    assert journal.awaiting_rating() == []
    (row,) = journal.peek_outbox(10)
    assert decode(row.payload, Feedback) == feedback
    assert journal.outbox_depth() == (1, feedback.rated_at)
    assert journal.history(1)[0].ratings[0].delivery == "waiting"

    assert journal.acknowledge([feedback.id, new_id()]) == 1
    assert journal.outbox_depth() == (0, None)
    assert journal.history(1)[0].ratings[0].delivery == "stored"


def test_the_same_rating_twice_is_one_and_a_different_one_is_refused(
    journal, make_pick, make_feedback
):
    pick = make_pick()
    journal.record_pick(pick)
    feedback = make_feedback(pick)
    assert journal.record_rating(feedback)
    assert not journal.record_rating(feedback)
    with pytest.raises(ConflictingRecord):
        journal.record_rating(make_feedback(pick, id=feedback.id, stars=3))
    with pytest.raises(AlreadyRated, match="already rated 8 stars"):
        journal.record_rating(make_feedback(pick, stars=3))
    assert journal.record_rating(make_feedback(pick, stars=3, source="simulated"))
    assert journal.peek_outbox(10)[0].id == feedback.id
    assert journal.outbox_depth()[0] == 2


def test_a_quarantined_record_never_blocks_the_next(journal, make_pick, make_feedback):
    ratings = [make_feedback(make_pick()) for _ in range(3)]
    for feedback in ratings:
        journal.record_rating(feedback)
    assert journal.quarantine(ratings[0].id, "stars: is 11")
    assert not journal.quarantine(ratings[0].id, "again")
    assert [row.id for row in journal.peek_outbox(1)] == [ratings[1].id]
    assert journal.outbox_depth()[0] == 2
    (aside,) = journal.quarantined()
    assert (aside.id, aside.reason) == (ratings[0].id, "stars: is 11")


def test_what_was_put_aside_may_be_sent_again_in_its_old_place(journal, make_pick, make_feedback):
    ratings = [make_feedback(make_pick()) for _ in range(3)]
    for feedback in ratings:
        journal.record_rating(feedback)
    before = journal.peek_outbox(3)
    assert journal.retry_quarantined() == 0
    for feedback in ratings[:2]:
        journal.quarantine(feedback.id, "schema_version: is 2")
    assert journal.retry_quarantined() == 2
    assert journal.quarantined() == []
    assert journal.peek_outbox(3) == before


def test_sequence_numbers_of_the_outbox_are_never_used_twice(journal, make_pick, make_feedback):
    first, second = make_feedback(make_pick()), make_feedback(make_pick())
    journal.record_rating(first)
    (row,) = journal.peek_outbox(1)
    journal.acknowledge([first.id])
    journal.record_rating(second)
    assert journal.peek_outbox(1)[0].seq > row.seq


def test_requests_wait_until_they_are_finished(journal, make_pick):
    pick = make_pick()
    verification_id, sync_id = new_id(), new_id()
    journal.record_pick(pick, verification_id=verification_id)
    journal.request_sync(sync_id)
    (verify,) = journal.pending_requests("verify")
    asked = decode(verify.payload, VerificationRequest)
    assert (asked.request_id, asked.rows) == (verification_id, (pick.combination,))
    assert verify.scores == (pick.prediction.expected,)
    assert [request.id for request in journal.pending_requests()] == [verification_id, sync_id]
    journal.finish_request(verify.seq, {"outcome": "agreed"})
    assert [request.id for request in journal.pending_requests()] == [sync_id]


def test_the_sync_service_tells_its_state_and_writes_only_what_changes(journal, tmp_path):
    with Journal.open(tmp_path / JOURNAL) as other:
        before = other.data_version()
        journal.set_sync_state("connection", {"online": True})
        changed = other.data_version()
        journal.set_sync_state("connection", {"online": True})
        assert before != changed == other.data_version()
        assert other.sync_state() == {"connection": {"online": True}}


def test_an_offered_model_is_settled_with_its_activation(journal):
    journal.offer_model(2, "cd" * 32, "job-2", "2")
    journal.offer_model(2, "cd" * 32, "job-2", "2")
    (offer,) = journal.incoming_models()
    journal.record_activation(
        offer.version, "ef" * 32, "refused", "1970-01-01T00:01:00Z", "probes differ", offer
    )
    assert journal.incoming_models() == []
    (activation,) = journal.activations_after(0)
    assert (activation.job_id, activation.outcome) == ("job-2", "refused")
    assert activation.reason == "probes differ"
    assert journal.activations_after(activation.seq) == []


def test_the_last_activated_model_is_one_that_was_not_rolled_back(journal):
    assert journal.last_activated() is None
    for version in (1, 2):
        journal.record_activation(version, f"hash {version}", "activated", "now")
    journal.record_activation(3, "hash 3", "refused", "now", "bad")
    assert journal.last_activated() == (2, "hash 2")
    journal.record_activation(2, "hash 2", "rolled-back", "now", "died")
    assert journal.last_activated() == (1, "hash 1")


def test_retention_never_touches_approved_or_rated_picks(journal, make_pick, make_feedback):
    picks = [make_pick() for _ in range(10)]
    for pick in picks:
        journal.record_pick(pick, verification_id=new_id())
    journal.record_decision(picks[0].id, "approved", "now")
    journal.record_rating(make_feedback(picks[1]))
    assert journal.prune(keep_picks=3) == 5
    kept = {entry.pick.id for entry in journal.history()}
    assert kept == {pick.id for pick in [*picks[:2], *picks[-3:]]}
    assert journal.outbox_depth()[0] == 1
    assert journal.approved_combinations() == {picks[0].combination}
    assert len(journal.pending_requests("verify")) == 10


def test_a_failure_inside_a_transaction_leaves_nothing(journal, make_pick):
    pick = make_pick()
    journal.record_pick(pick)
    with pytest.raises(JournalError):
        journal.record_pick(pick, verification_id=new_id())
    assert len(journal.history()) == 1
    assert journal.pending_requests() == []


def test_a_damaged_file_is_set_aside_and_a_new_one_started(tmp_path: Path):
    path = tmp_path / JOURNAL
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    journal, aside = open_or_set_aside(path)
    with journal:
        assert journal.history() == []
    assert aside is not None
    assert aside.rescued == 0
    assert aside.path.read_bytes().startswith(b"this is no database")


def test_what_is_committed_is_on_the_disk(journal):
    """In SQLite's write-ahead log only synchronous=FULL (2) syncs each commit."""
    assert journal.rows("PRAGMA journal_mode") == [("wal",)]
    assert journal.rows("PRAGMA synchronous") == [(2,)]


@pytest.mark.parametrize("renamed", [0, 1, 2, 3])
def test_setting_aside_may_break_off_anywhere_and_no_new_journal_meets_an_old_log(
    tmp_path: Path, monkeypatch, renamed: int
):
    path = tmp_path / JOURNAL
    parts = {name: tmp_path / (JOURNAL + name) for name in ("", "-wal", "-shm")}
    for name, part in parts.items():
        part.write_bytes(b"old" + name.encode())
    rename, left = Path.rename, iter(range(renamed))

    def until_the_power_cut(old: Path, new: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(old, new)

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        patched.setattr(Path, "rename", until_the_power_cut)
        set_aside(path)
    assert path.exists() or not parts["-wal"].exists()
    if path.exists():
        set_aside(path)
    found = {part.name: part.read_bytes() for part in tmp_path.iterdir()}
    aside = f"{JOURNAL}.damaged-1"
    assert found == {aside + name: b"old" + name.encode() for name in parts}


def test_what_can_be_read_of_a_damaged_journal_is_taken_over(
    quick_path: Path, make_pick, make_feedback
):
    path = quick_path / JOURNAL
    picks = [make_pick(title=f"Film {number}") for number in range(300)]
    with Journal.open(path) as journal:
        for pick in picks:
            journal.record_pick(pick, slate=b"s" * 2000)
            journal.record_decision(pick.id, "approved", "now")
            journal.record_rating(make_feedback(pick))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = b"\xaa" * (3 * 4096)
    path.write_bytes(content)

    journal, aside = open_or_set_aside(path)
    with journal:
        assert aside is not None
        assert aside.path.read_bytes() == bytes(content)
        assert aside.rescued > 100
        known = {entry.pick.id for entry in journal.history()}
        assert len(known) > 100
        assert known <= {pick.id for pick in picks}
        assert journal.outbox_depth()[0] > 100
        assert journal.rows("PRAGMA integrity_check") == [("ok",)]


def test_who_opens_while_another_makes_the_journal_waits_for_it(tmp_path: Path):
    maker = sqlite3.connect(tmp_path / JOURNAL, isolation_level=None)
    # SQLite answers the second of two makers at once, whatever patience it was given.
    maker.execute("BEGIN IMMEDIATE")
    opened: list[Journal | JournalError] = []

    def come_second() -> None:
        try:
            with Journal.open(tmp_path / JOURNAL) as journal:
                opened.append(journal)
        except JournalError as error:
            opened.append(error)

    second = threading.Thread(target=come_second)
    second.start()
    second.join(0.2)
    assert second.is_alive()
    maker.execute("COMMIT")
    maker.close()
    second.join()
    assert isinstance(opened[0], Journal)


def test_an_open_connection_notices_that_the_file_was_set_aside(tmp_path: Path):
    with Journal.open(tmp_path / JOURNAL) as reader:
        assert not reader.replaced()
        (tmp_path / JOURNAL).rename(tmp_path / "elsewhere")
        assert reader.replaced()
        with Journal.open(tmp_path / JOURNAL):
            assert reader.replaced()


def test_a_journal_of_newer_software_is_refused_untouched(tmp_path: Path):
    path = tmp_path / JOURNAL
    Journal.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(JournalTooNew, match="update Greenlight"):
        open_or_set_aside(path)
    assert [found.name for found in tmp_path.iterdir()] == [JOURNAL]


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(JournalError, match="nowhere"):
        Journal.open(tmp_path / "nowhere" / JOURNAL)


def test_the_group_may_write(tmp_path: Path):
    path = tmp_path / JOURNAL
    with Journal.open(path):
        for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o660
