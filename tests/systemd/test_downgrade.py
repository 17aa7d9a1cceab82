"""Downgrading keeps ratings given in between."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data.messages import Feedback
from data.wire import decode
from edge.journal import JOURNAL, Journal
from tests.edge.journal.records import a_pick, feedback_on
from tests.edge.journal.test_schema import KEPT, lay_out

SCRIPT = Path(__file__).parents[2] / "systemd/journal_copy.py"


def journal_copy(verb: str, state: Path, given: bytes = b"") -> bytes:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), verb, str(state)],
        input=given,
        capture_output=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("older", KEPT, ids=lambda script: script.stem)
def test_a_rating_between_upgrade_and_rollback_is_kept(tmp_path: Path, older: Path):
    path = tmp_path / JOURNAL
    lay_out(older, path)
    copy = journal_copy("save", tmp_path)
    pick = a_pick(title="Rated by the newer software")
    feedback = feedback_on(pick)
    waiting = a_pick(title="Waits for a decision")
    with Journal.open(path) as journal:
        journal.record_pick(pick, b"slate")
        journal.record_decision(pick.id, "approved", "now")
        journal.record_rating(feedback)
        journal.record_pick(waiting)
        before = [entry.pick.title for entry in journal.history()]
    aside = journal_copy("restore", tmp_path, copy).decode().strip()
    assert Path(aside, JOURNAL).is_file()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1 + KEPT.index(older),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sent = connection.execute("SELECT id, payload FROM outbox ORDER BY seq").fetchall()
    with Journal.open(path) as journal:
        assert [entry.pick.title for entry in journal.history()] == before
        assert journal.waiting_pick() == waiting
        assert [row.id for row in journal.peek_outbox(9)] == [id_ for id_, _ in sent]
        assert sent[-1][0] == feedback.id
        found = journal.find_pick(pick.id)
        assert found is not None
        assert [rating.stars for rating in found.ratings] == [feedback.stars]


@pytest.mark.parametrize("older", KEPT, ids=lambda script: script.stem)
def test_corrections_survive_a_rollback_and_the_next_upgrade(tmp_path: Path, older: Path):
    path = tmp_path / JOURNAL
    lay_out(older, path)
    copy = journal_copy("save", tmp_path)
    pick = a_pick()
    first = feedback_on(pick, stars=9)
    with Journal.open(path) as journal:
        journal.record_pick(pick)
        journal.record_decision(pick.id, "approved", "now")
        journal.record_rating(first)
        journal.record_rating(feedback_on(pick, stars=4, replaces=first.id))
        sent = [row.payload for row in journal.peek_outbox(9)]
    journal_copy("restore", tmp_path, copy)
    with closing(sqlite3.connect(path)) as connection:
        shown = "SELECT stars FROM ratings WHERE pick_id = ?"
        assert connection.execute(shown, (pick.id,)).fetchall() == [(9,)], "as it knows them"
    with Journal.open(path) as journal:
        found = journal.find_pick(pick.id)
        assert found is not None
        assert [rating.stars for rating in found.ratings] == [4]
        assert [row.payload for row in journal.peek_outbox(9)] == sent


def test_a_journal_of_the_same_schema_stays_as_it_is(tmp_path: Path):
    with Journal.open(tmp_path / JOURNAL) as journal:
        journal.record_pick(a_pick())
    copy = journal_copy("save", tmp_path)
    with Journal.open(tmp_path / JOURNAL) as journal:
        journal.record_pick(a_pick())
    assert journal_copy("restore", tmp_path, copy) == b"\n"
    with Journal.open(tmp_path / JOURNAL) as journal:
        assert len(journal.history()) == 2


def test_a_copy_is_another_journal_whose_ratings_are_numbered_apart(tmp_path: Path):
    place = {}
    with Journal.open(tmp_path / JOURNAL) as journal:
        journal.record_rating(feedback_on(a_pick()))
    (tmp_path / "copy.db").write_bytes(journal_copy("save", tmp_path))
    for name in (JOURNAL, "copy.db"):
        with Journal.open(tmp_path / name) as journal:
            journal.record_rating(feedback_on(a_pick()))
            place[name] = decode(journal.peek_outbox(9)[-1].payload, Feedback).sequence
    assert place[JOURNAL].number == place["copy.db"].number == 2
    assert place[JOURNAL].journal != place["copy.db"].journal
