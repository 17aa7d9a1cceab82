"""A row that the card has changed is set aside and reported, and everything else carries on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from data.ids import new_id
from data.messages import Feedback
from data.picks import Pick
from edge.journal import JOURNAL, Journal

from .records import captured

DAMAGED_TEXT = "CAST(x'ff7b' AS TEXT)"
# Table, column, what it becomes, and which row.
FLIPS = {
    "newest pick": ("picks", "payload", "x'7b'", "seq = 3"),
    "newest pick, its id": ("picks", "id", DAMAGED_TEXT, "seq = 3"),
    "approved pick": ("picks", "payload", "x'7b'", "seq = 1"),
    "approval": ("decisions", "decided_at", DAMAGED_TEXT, "1"),
    "rating": ("ratings", "payload", "x'7b'", "1"),
    "rating, its stars": ("ratings", "stars", "stars - 1", "1"),
    "rating, its pick": ("ratings", "pick_id", "'another'", "1"),
    "rating to be sent": ("outbox", "payload", "x'7b'", "1"),
    "rating to be sent, its state": ("outbox", "state", "'quarantined'", "1"),
    "request": ("requests", "payload", "x'7b'", "1"),
    "request, its scores": ("requests", "scores", "'[1'", "1"),
    "verification": ("requests", "result", "'{'", "1"),
    "sync state": ("sync_state", "value", "'{\"state'", "1"),
    "sync state, its key": ("sync_state", "key", DAMAGED_TEXT, "1"),
    "offer": ("incoming", "folder", "'../../etc'", "1"),
    "activation": ("activations", "version", "99", "1"),
}


class Life:
    """A journal with a bit of everything: a rated film, an unrated one, a new pick."""

    def __init__(self, path: Path, make_pick: Callable[..., Pick], make_feedback) -> None:
        self.path = path
        self.picks = [make_pick(title=f"Film {number}") for number in range(3)]
        self.feedback: Feedback = make_feedback(self.picks[0])
        with Journal.open(path) as journal:
            for pick in self.picks:
                journal.record_pick(pick, b"slate", new_id())
            for pick in self.picks[:2]:
                journal.record_decision(pick.id, "approved", "1970-01-01T00:00:11Z")
            journal.record_rating(self.feedback)
            journal.request_sync(new_id())
            journal.finish_request(1, {"outcome": "agreed"})
            journal.set_sync_state("connection", {"state": "online"})
            seq = journal.offer_model(3, "zz", "job", "folder")
            journal.record_activation(1, "aa", "activated", "now")
            assert journal.incoming_models()[0].seq == seq

    def flip(self, table: str, column: str, value: str, where: str) -> None:
        connection = sqlite3.connect(self.path)
        changed = connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {where}")
        assert changed.rowcount >= 1
        connection.commit()
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        connection.close()


@pytest.fixture
def life(quick_path: Path, make_pick, make_feedback) -> Life:
    return Life(quick_path / JOURNAL, make_pick, make_feedback)


def use_all_of(journal: Journal, pick: Pick, feedback: Feedback) -> None:
    """Run every query of appliance, page and sync service; nothing may raise."""
    journal.history()
    journal.waiting_pick()
    journal.awaiting_rating()
    journal.approved_combinations()
    journal.sync_state()
    journal.verified_after(0)
    journal.feedback()
    journal.peek_outbox(10)
    journal.quarantined()
    journal.pending_requests()
    journal.incoming_models()
    journal.activations_after(0)
    journal.last_activated()
    journal.record_pick(pick, b"slate", new_id())
    journal.record_decision(pick.id, "approved", "now")
    journal.record_rating(feedback)
    journal.request_sync(new_id())
    journal.set_sync_state("connection", {"state": "offline"})
    journal.quarantine(feedback.id, "why")
    journal.retry_quarantined()


@pytest.mark.parametrize("name", FLIPS)
def test_a_damaged_row_is_set_aside_and_everything_else_carries_on(
    life: Life, make_pick, make_feedback, name: str
):
    life.flip(*FLIPS[name])
    for swept in (False, True):
        with Journal.open(life.path) as journal:
            if swept:
                bad = journal.set_bad_rows_aside("now")
                assert bad.complete
                # The sync service wrote over its own damaged report in the meantime.
                assert bad.set_aside or name == "sync state"
                assert not journal.set_bad_rows_aside("now").set_aside
                damaged, before = journal.count_bad_rows()
                assert (damaged, before) == ({}, bad.set_aside)
            else:
                assert journal.count_bad_rows()[0]
            pick = make_pick()
            use_all_of(journal, pick, make_feedback(pick))
            assert journal.history(1)[0].pick == pick
            assert journal.sync_state()["connection"] == {"state": "offline"}


@pytest.mark.parametrize("name", ["rating", "rating, its stars", "rating, its pick"])
def test_a_damaged_rating_is_restored_from_the_outbox(life: Life, name: str):
    life.flip(*FLIPS[name])
    with Journal.open(life.path) as journal:
        assert journal.set_bad_rows_aside("now").repaired == 1
        entry = journal.find_pick(life.picks[0].id)
        assert entry is not None
        assert [rating.stars for rating in entry.ratings] == [life.feedback.stars]


@pytest.mark.parametrize("name", ["rating to be sent", "rating to be sent, its state"])
def test_a_damaged_outbox_row_is_restored_from_the_rating_in_its_place(life: Life, name: str):
    life.flip(*FLIPS[name])
    with Journal.open(life.path) as journal:
        assert journal.set_bad_rows_aside("now").repaired == 1
        (row,) = journal.peek_outbox(10)
        assert (row.seq, captured(row.payload)) == (1, life.feedback)


def test_an_older_pick_does_not_come_back_when_the_newest_is_damaged(quick_path: Path, make_pick):
    path = quick_path / JOURNAL
    with Journal.open(path) as journal:
        for _ in range(2):
            journal.record_pick(make_pick())
    connection = sqlite3.connect(path)
    connection.execute("UPDATE picks SET payload = x'7b' WHERE seq = 2")
    connection.commit()
    connection.close()
    with Journal.open(path) as journal:
        assert journal.waiting_pick() is None
        journal.set_bad_rows_aside("now")
        assert journal.waiting_pick() is None


def test_a_damaged_slate_costs_the_slate_alone(life: Life):
    life.flip("picks", "slate", "x'00'", "seq = 3")
    with Journal.open(life.path) as journal:
        assert journal.slate_of(life.picks[2].id) is None
        assert journal.set_bad_rows_aside("now").set_aside == {"slate": 1}
        assert journal.waiting_pick() == life.picks[2]
        assert journal.slate_of(life.picks[1].id) == b"slate"


def test_looking_through_a_large_journal_is_bounded(life: Life):
    with Journal.open(life.path) as journal:
        assert not journal.set_bad_rows_aside("now", seconds=0.0).complete
        assert journal.set_bad_rows_aside("now", seconds=60.0).complete


def test_what_writing_changes_stays_sound(life: Life):
    with Journal.open(life.path) as journal:
        journal.quarantine(life.feedback.id, "`year` is 99")
        journal.retry_quarantined()
        journal.finish_request(2, {"outcome": "differed"})
        journal.record_activation(3, "bb", "refused", "now", "why", journal.incoming_models()[0])
        journal.set_sync_state("connection", {"state": "offline"})
        assert journal.count_bad_rows() == ({}, {})
        assert len(journal.peek_outbox(9)) == 1
