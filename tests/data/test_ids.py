"""Ids are made where the event happens: unique, and accepted by every reader."""

from data.checks import check_id
from data.ids import new_id


def test_new_ids_are_unique_and_accepted():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    for one in ids:
        check_id("id", one)
