"""What a damaged journal still holds is rescued."""

from __future__ import annotations

from pathlib import Path

from edge.journal import (
    JOURNAL,
    Journal,
    open_or_set_aside,
)


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
