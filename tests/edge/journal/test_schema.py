"""A journal of every released schema is migrated with everything in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.journal import JOURNAL, Journal
from edge.journal.schema import MIGRATIONS

KEPT = sorted((Path(__file__).parent / "kept").glob("schema-*.sql"))


def lay_out(script: Path, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script.read_text(encoding="utf-8"))
    connection.close()


def test_every_schema_before_the_present_one_is_kept():
    assert [path.stem for path in KEPT] == [f"schema-{n}" for n in range(1, len(MIGRATIONS))]


@pytest.mark.parametrize("script", KEPT, ids=lambda path: path.stem)
def test_an_old_journal_opens_with_everything_in_it(tmp_path: Path, script: Path):
    lay_out(script, tmp_path / JOURNAL)
    with Journal.open(tmp_path / JOURNAL) as journal:
        assert journal.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]
        newest, second, first = journal.history()
        assert [entry.pick.title for entry in (first, second, newest)] == [
            "A Day in the Snow",
            "Lucky",
            "The Long Corridor",
        ]
        assert [first.ratings[0].delivery, second.ratings[0].delivery] == ["stored", "waiting"]
        assert journal.waiting_pick() == newest.pick
        assert journal.outbox_depth() == (1, "2026-01-09T10:00:00.000Z")
        assert [request.kind for request in journal.pending_requests()] == ["sync"]
        assert [offer.job_id for offer in journal.incoming_models()] == ["job-2"]
        assert journal.sync_state() == {"connection": {"state": "offline"}}
        assert len(journal.activations_after(0)) == 1


def tables_of(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").fetchall()
    connection.close()
    return {sql for (sql,) in found}


def test_a_migrated_journal_has_the_schema_of_a_new_one(tmp_path: Path):
    lay_out(KEPT[0], tmp_path / "old.db")
    Journal.open(tmp_path / "old.db").close()
    Journal.open(tmp_path / "new.db").close()
    assert tables_of(tmp_path / "old.db") == tables_of(tmp_path / "new.db")
