"""Whatever a damaged journal still contains is recovered."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.journal import (
    JOURNAL,
    Journal,
    JournalFull,
    open_or_set_aside,
    rescue,
    unread,
)
from edge.journal.file import set_aside


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

    journal, (aside,) = open_or_set_aside(path)
    with journal:
        assert aside.path.read_bytes() == bytes(content)
        assert aside.rescued > 100
        known = {entry.pick.id for entry in journal.history()}
        assert len(known) > 100
        assert known <= {pick.id for pick in picks}
        assert journal.outbox_depth()[0] > 100
        assert journal.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("table", ["ratings", "outbox"])
def test_a_rating_whose_one_copy_is_damaged_is_rescued_from_the_other(
    tmp_path: Path, make_pick, make_feedback, table: str
):
    path = tmp_path / JOURNAL
    feedback = make_feedback(make_pick())
    with Journal.open(path) as journal:
        journal.record_rating(feedback)
        ((page,),) = journal.rows("SELECT rootpage FROM sqlite_schema WHERE name = ?", table)
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xaa" * 4096)
    journal, (aside,) = open_or_set_aside(path)
    with journal:
        assert (aside.rescued, aside.failure) == (1, "")
        assert [id_ for id_, _ in journal.feedback()] == [feedback.id]
        assert [row.id for row in journal.peek_outbox(9)] == [feedback.id]
        assert not journal.count_bad_rows()[0]


def test_what_was_set_aside_when_the_power_went_is_taken_over_at_the_next_start(
    tmp_path: Path, make_pick, make_feedback
):
    path = tmp_path / JOURNAL
    feedback = make_feedback(make_pick())
    with Journal.open(path) as journal:
        journal.record_rating(feedback)
    aside = set_aside(path)
    # The power goes here, or after the next line.
    Journal.open(path).close()
    journal, found = open_or_set_aside(path)
    with journal:
        assert [(one.path, one.rescued) for one in found] == [(aside, 1)]
        assert [row.id for row in journal.peek_outbox(9)] == [feedback.id]
        journal.acknowledge([feedback.id])
    journal, found = open_or_set_aside(path)
    with journal:
        # Once is enough: what the cloud has by now is not sent again.
        assert found == []
        assert journal.outbox_depth()[0] == 0


def test_on_a_full_disk_a_sound_journal_is_opened_with_what_was_reserved(tmp_path, monkeypatch):
    path = tmp_path / JOURNAL
    Journal.open(path).close()
    real = Journal.open
    freed: list[bool] = []

    def full(path: Path) -> Journal:
        if not freed:
            raise JournalFull("no space left")
        return real(path)

    monkeypatch.setattr(Journal, "open", full)
    with pytest.raises(JournalFull):
        open_or_set_aside(path)
    journal, asides = open_or_set_aside(path, lambda: not freed.append(True))
    with journal:
        assert (asides, freed) == ([], [True])


def test_without_space_taking_over_is_tried_at_every_start_until_it_is_done(
    tmp_path: Path, make_pick, make_feedback, monkeypatch
):
    path = tmp_path / JOURNAL
    with Journal.open(path) as journal:
        journal.record_rating(make_feedback(make_pick()))
    aside = set_aside(path)
    real = rescue.rescue
    freed: list[bool] = []

    def full(aside: Path, journal: Journal) -> int:
        if not freed:
            raise JournalFull("no space left")
        return real(aside, journal)

    monkeypatch.setattr(rescue, "rescue", full)
    for _ in range(2):
        journal, (found,) = open_or_set_aside(path)
        with journal:
            assert "no space left" in found.failure
            assert unread(journal) == [aside]

    def make_room() -> bool:
        freed.append(True)
        return True

    journal, (found,) = open_or_set_aside(path, make_room)
    with journal:
        assert (found.rescued, found.failure) == (1, "")
        assert unread(journal) == []
