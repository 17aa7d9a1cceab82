"""What the appliance writes is kept, once, and waits in order for the sync service."""

from __future__ import annotations

import pytest

from data.ids import new_id
from edge.journal import (
    AlreadyRated,
    ConflictingRecord,
)

from .records import captured


def test_a_rated_pick_waits_in_the_outbox_until_it_is_acknowledged(
    journal, make_pick, make_feedback
):
    pick = make_pick()
    journal.record_pick(pick, slate=b"the slate")
    assert journal.waiting_pick() == pick
    assert journal.slate_of(pick.id) == b"the slate"
    assert journal.record_decision(pick.id, "approved", "1970-01-01T00:00:11Z")
    assert journal.waiting_pick() is None
    assert [entry.pick for entry in journal.awaiting_rating()] == [pick]

    feedback = make_feedback(pick)
    assert journal.record_rating(feedback)
    assert journal.awaiting_rating() == []
    (row,) = journal.peek_outbox(10)
    assert captured(row.payload) == feedback
    assert journal.outbox_depth() == (1, feedback.rated_at)
    assert journal.history(1)[0].ratings[0].delivery == "waiting"

    assert journal.acknowledge([feedback.id, new_id()]) == 1
    assert journal.outbox_depth() == (0, None)
    assert journal.history(1)[0].ratings[0].delivery == "stored"


def test_the_same_rating_twice_is_one_and_a_different_one_is_refused(
    journal, make_pick, make_feedback
):
    pick = make_pick()
    journal.record_pick(pick)
    feedback = make_feedback(pick)
    assert journal.record_rating(feedback)
    assert not journal.record_rating(feedback)
    with pytest.raises(ConflictingRecord):
        journal.record_rating(make_feedback(pick, id=feedback.id, stars=3))
    with pytest.raises(AlreadyRated, match="already rated 8 stars"):
        journal.record_rating(make_feedback(pick, stars=3))
    assert journal.record_rating(make_feedback(pick, stars=3, source="simulated"))
    assert journal.peek_outbox(10)[0].id == feedback.id
    assert journal.outbox_depth()[0] == 2


def test_the_last_activated_model_is_one_that_was_not_rolled_back(journal):
    assert journal.last_activated() is None
    for version in (1, 2):
        journal.record_activation(version, f"hash {version}", "activated", "now")
    journal.record_activation(3, "hash 3", "refused", "now", "bad")
    assert journal.last_activated() == (2, "hash 2")
    journal.record_activation(2, "hash 2", "rolled-back", "now", "died")
    assert journal.last_activated() == (1, "hash 1")


def test_retention_never_touches_approved_or_rated_picks(journal, make_pick, make_feedback):
    picks = [make_pick() for _ in range(10)]
    for pick in picks:
        journal.record_pick(pick, verification_id=new_id())
    journal.record_decision(picks[0].id, "approved", "now")
    journal.record_rating(make_feedback(picks[1]))
    assert journal.prune(keep_picks=3) == 5
    kept = {entry.pick.id for entry in journal.history()}
    assert kept == {pick.id for pick in [*picks[:2], *picks[-3:]]}
    assert journal.outbox_depth()[0] == 1
    assert journal.approved_combinations() == {picks[0].combination}
    assert len(journal.pending_requests("verify")) == 10
