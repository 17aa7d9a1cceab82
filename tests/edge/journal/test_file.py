"""The journal's file: synced, set aside with its log when damaged, shared with the group."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from data.ids import new_id
from edge.journal import (
    JOURNAL,
    REPLACED,
    Journal,
    JournalDamaged,
    JournalError,
    JournalReplaced,
    JournalTooNew,
    asides,
    file,
    open_or_set_aside,
    unread,
)
from edge.journal.file import set_aside
from edge.journal.schema import MIGRATIONS


def test_a_failure_inside_a_transaction_leaves_nothing(journal, make_pick):
    pick = make_pick()
    journal.record_pick(pick)
    with pytest.raises(JournalError):
        journal.record_pick(pick, verification_id=new_id())
    assert len(journal.history()) == 1
    assert journal.pending_requests() == []


def test_a_damaged_file_is_set_aside_and_a_new_one_started(tmp_path: Path):
    path = tmp_path / JOURNAL
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    journal, (aside,) = open_or_set_aside(path)
    with journal:
        assert journal.history() == []
    assert aside.rescued == 0
    assert aside.path.read_bytes().startswith(b"not a database")


def test_committed_changes_are_on_disk(journal):
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


def test_opening_waits_while_another_process_creates_the_journal(tmp_path: Path):
    maker = sqlite3.connect(tmp_path / JOURNAL, isolation_level=None)
    # SQLite fails the second of two creators immediately, whatever its timeout.
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


GONE = {
    "all": ("", "-wal", "-shm"),
    "the log alone": ("-wal",),
    "the main file alone": ("",),
}


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_confirmed_that_the_next_start_would_not_find(
    tmp_path: Path, make_pick, make_feedback, gone: str, how: str
):
    path = tmp_path / JOURNAL
    before, after = make_feedback(make_pick()), make_feedback(make_pick())
    with Journal.open(path) as journal:
        journal.record_rating(before)
        for suffix in GONE[gone]:
            file = path.with_name(path.name + suffix)
            file.unlink()
            if how == "replaced":
                file.write_bytes(b"")
        with pytest.raises(JournalReplaced, match=f"{how} while it was in use"):
            journal.record_rating(after)
        kept = journal.keep_copy()
    assert kept.name == f"{JOURNAL}.{REPLACED}-1"
    for suffix in GONE["all"]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    journal, (aside,) = open_or_set_aside(path)
    with journal:
        assert (aside.path, aside.rescued) == (kept, 1)
        assert [row.id for row in journal.peek_outbox(9)] == [before.id]
        assert unread(journal) == []
        assert asides(path) == [kept]


def test_a_check_that_takes_too_long_holds_up_no_start(tmp_path: Path, make_pick, monkeypatch):
    path = tmp_path / JOURNAL
    with Journal.open(path) as journal:
        for number in range(100):
            journal.record_pick(make_pick(title=f"Film {number}"), slate=b"s" * 2000)
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xaa" * 4096
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    monkeypatch.setattr(file, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(file, "_CHECK_STEPS", 1)
    with Journal.open(path) as journal:
        assert journal.damage() is not None, "what the start had no time for, doctor finds"
