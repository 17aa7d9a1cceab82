"""A row that isn't as it was written is seen by no reader."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from edge.journal import JOURNAL, Journal
from edge.journal.checksums import FUNCTION, prepare


def checksum(*values: bytes | None) -> int:
    with closing(sqlite3.connect(":memory:")) as connection:
        prepare(connection)
        marks = ", ".join("?" * len(values))
        return connection.execute(f"SELECT {FUNCTION}({marks})", values).fetchone()[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"ab", b"c"), (b"a", b"bc")),
        ((b"", None), (None, b"")),
        ((b"8",), (b"9",)),
        ((b"a", b"b"), (b"b", b"a")),
    ],
)
def test_columns_are_kept_apart(one, other):
    assert checksum(*one) == checksum(*one)
    assert checksum(*one) != checksum(*other)


def test_a_changed_row_is_not_seen_and_one_from_before_checksums_is(tmp_path, make_pick):
    with Journal.open(tmp_path / JOURNAL) as journal:
        for number in range(3):
            journal.record_pick(make_pick(title=f"Film {number}"))
        with journal.transaction() as connection:
            connection.execute("UPDATE picks SET made_at = 'then' WHERE seq = 2")
            connection.execute("UPDATE picks SET checksum = NULL WHERE seq = 3")
        assert journal.rows("SELECT seq FROM sound_picks ORDER BY seq") == [(1,), (3,)]
