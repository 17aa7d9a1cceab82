"""What the owner confirmed is in the journal twice, and no damaged row or page loses it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from data.messages import Feedback
from data.picks import Pick
from edge.journal import JOURNAL, Journal, open_or_set_aside

from .records import a_pick, feedback_on
from .test_schema import KEPT, lay_out

PAGE_BYTES = 4096
CONFIRMED = ("picks", "decisions", "ratings", "outbox", "approved_copies", "rating_copies")


class Owner:
    """Has approved a film, and rated another; the cloud has that rating, unless `sent` is False."""

    def __init__(self, path: Path, *, sent: bool = True) -> None:
        self.path = path
        self.rated, self.unrated = a_pick(title="Rated"), a_pick(title="Unrated")
        self.feedback = feedback_on(self.rated)
        with Journal.open(path) as journal:
            for pick in (self.rated, self.unrated):
                journal.record_pick(pick, b"slate")
                journal.record_decision(pick.id, "approved", "1970-01-01T00:00:11Z")
            journal.record_rating(self.feedback)
            if sent:
                journal.acknowledge([self.feedback.id])

    def misses(self, journal: Journal) -> list[Pick | Feedback]:
        """Return what was confirmed and isn't in the history."""
        history = journal.history()
        found = [entry.pick for entry in history if entry.decision == "approved"]
        given = [rating.id for entry in history for rating in entry.ratings]
        missed: list[Pick | Feedback] = [p for p in (self.rated, self.unrated) if p not in found]
        return missed + [one for one in (self.feedback,) if one.id not in given]

    def change(self, sql: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            assert connection.execute(sql).rowcount >= 1
            connection.commit()


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "waiting"])
@pytest.mark.parametrize("table", CONFIRMED)
def test_no_damaged_page_loses_what_was_confirmed(tmp_path: Path, table: str, sent: bool):
    owner = Owner(tmp_path / JOURNAL, sent=sent)
    with closing(sqlite3.connect(owner.path)) as connection:
        ((page,),) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchall()
    with owner.path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xaa" * PAGE_BYTES)
    journal, (aside,) = open_or_set_aside(owner.path)
    with journal:
        assert (owner.misses(journal), aside.failure) == ([], "")
        assert [entry.pick for entry in journal.awaiting_rating()] == [owner.unrated]
        # Sent again, which the cloud recognises, only where the outbox itself couldn't be read.
        waits = not sent or table == "outbox"
        assert [row.id for row in journal.peek_outbox(9)] == [owner.feedback.id] * waits


@pytest.mark.parametrize("column", ["picks.payload", "decisions.decided_at", "ratings.stars"])
def test_no_damaged_row_loses_what_was_confirmed(tmp_path: Path, column: str):
    owner = Owner(tmp_path / JOURNAL)
    table, name = column.split(".")
    owner.change(f"UPDATE {table} SET {name} = 3")
    with Journal.open(owner.path) as journal:
        assert owner.misses(journal)
        bad = journal.set_bad_rows_aside("now")
        assert bad.repaired == bad.set_aside.total() > 0
        assert owner.misses(journal) == []
        assert journal.waiting_pick() is None
        assert journal.count_bad_rows()[0] == {}


@pytest.mark.parametrize("table", ["approved_copies", "rating_copies"])
def test_a_damaged_copy_is_made_again(tmp_path: Path, table: str):
    owner = Owner(tmp_path / JOURNAL)
    owner.change(f"UPDATE {table} SET payload = x'7b'")
    with Journal.open(owner.path) as journal:
        assert owner.misses(journal) == []
        assert journal.set_bad_rows_aside("now").set_aside.total() > 0
    owner.change("UPDATE picks SET payload = x'7b'")
    owner.change("UPDATE ratings SET stars = 1")
    with Journal.open(owner.path) as journal:
        journal.set_bad_rows_aside("now")
        assert owner.misses(journal) == []


def test_a_rated_film_whose_approval_is_gone_everywhere_is_still_in_the_history(tmp_path: Path):
    owner = Owner(tmp_path / JOURNAL)
    owner.change("UPDATE decisions SET decided_at = 'damaged'")
    owner.change("UPDATE approved_copies SET decided_at = 'damaged'")
    with Journal.open(owner.path) as journal:
        journal.set_bad_rows_aside("now")
        (entry,) = [one for one in journal.history() if one.ratings]
        assert (entry.pick, entry.decision) == (owner.rated, "approved")


def test_an_older_journal_gets_its_copies_at_the_first_start(tmp_path: Path):
    path = tmp_path / JOURNAL
    lay_out(KEPT[-1], path)
    with Journal.open(path) as journal:
        before = journal.history()
        assert journal.set_bad_rows_aside("now").set_aside == {}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE decisions SET decided_at = 'damaged'")
        connection.execute("UPDATE ratings SET stars = 1")
        connection.commit()
    with Journal.open(path) as journal:
        journal.set_bad_rows_aside("now")
        assert journal.history() == before
