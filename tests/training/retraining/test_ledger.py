"""The ledger: each object and each rating counts once, across runs and through failures."""

import uuid

import pytest

from training.retraining.ledger import Ledger

ID = str(uuid.UUID(int=7))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    opened = Ledger(path)
    yield opened
    opened.close()


def test_an_object_is_taken_once_however_often_it_is_listed(ledger, path):
    ledger.add(["b", "a", "c"])
    ledger.add(["a", "b"])
    assert ledger.untaken(2) == ["a", "b"]
    ledger.take(["a"])
    ledger.close()
    again = Ledger(path)
    again.add(["a"])
    assert (again.untaken(9), again.remaining(), again.count("objects")) == (["b", "c"], 2, 3)
    again.close()


def test_a_rating_is_new_once_and_another_under_its_id_is_noticed(ledger):
    assert ledger.is_new(ID, b"1" * 32) is True
    assert ledger.is_new(ID, b"1" * 32) is False
    assert ledger.is_new(ID, b"2" * 32) is None
    assert ledger.count("ratings") == 1


def test_a_transaction_that_fails_leaves_nothing(ledger):
    ledger.add(["a"])

    def fail():
        with ledger.transaction():
            ledger.take(["a"])
            ledger.is_new(ID, b"1" * 32)
            ledger.add_shard(1, 1)
            ledger.reject("a", "no JSON")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (ledger.untaken(9), ledger.count("ratings")) == (["a"], 0)
    assert (ledger.shards(), list(ledger.rejects())) == ([], [])


def test_committed_changes_are_on_disk(ledger):
    """In SQLite's write-ahead log only synchronous=FULL (2) syncs each commit."""
    assert ledger._database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert ledger._database.execute("PRAGMA synchronous").fetchall() == [(2,)]
