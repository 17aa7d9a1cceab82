"""What the sync service reads from the journal, and what it writes to it."""

from __future__ import annotations

from data.ids import new_id
from data.messages import VerificationRequest
from data.wire import decode
from edge.journal import (
    JOURNAL,
    Journal,
)


def test_a_quarantined_record_never_blocks_the_next(journal, make_pick, make_feedback):
    ratings = [make_feedback(make_pick()) for _ in range(3)]
    for feedback in ratings:
        journal.record_rating(feedback)
    assert journal.quarantine(ratings[0].id, "`stars` is 11")
    assert not journal.quarantine(ratings[0].id, "again")
    assert [row.id for row in journal.peek_outbox(1)] == [ratings[1].id]
    assert journal.outbox_depth()[0] == 2
    (aside,) = journal.quarantined()
    assert (aside.id, aside.reason) == (ratings[0].id, "`stars` is 11")


def test_what_was_set_aside_may_be_sent_again_in_its_old_place(journal, make_pick, make_feedback):
    ratings = [make_feedback(make_pick()) for _ in range(3)]
    for feedback in ratings:
        journal.record_rating(feedback)
    before = journal.peek_outbox(3)
    assert journal.retry_quarantined() == 0
    for feedback in ratings[:2]:
        journal.quarantine(feedback.id, "`schema_version` is 2")
    assert journal.retry_quarantined() == 2
    assert journal.quarantined() == []
    assert journal.peek_outbox(3) == before


def test_sequence_numbers_of_the_outbox_are_never_used_twice(journal, make_pick, make_feedback):
    first, second = make_feedback(make_pick()), make_feedback(make_pick())
    journal.record_rating(first)
    (row,) = journal.peek_outbox(1)
    journal.acknowledge([first.id])
    journal.record_rating(second)
    assert journal.peek_outbox(1)[0].seq > row.seq


def test_requests_wait_until_they_are_finished(journal, make_pick):
    pick = make_pick()
    verification_id, sync_id = new_id(), new_id()
    journal.record_pick(pick, verification_id=verification_id)
    journal.request_sync(sync_id)
    (verify,) = journal.pending_requests("verify")
    asked = decode(verify.payload, VerificationRequest)
    assert (asked.request_id, asked.rows) == (verification_id, (pick.combination,))
    assert verify.scores == (pick.prediction.expected,)
    assert [request.id for request in journal.pending_requests()] == [verification_id, sync_id]
    journal.finish_request(verify.seq, {"outcome": "agreed"})
    assert [request.id for request in journal.pending_requests()] == [sync_id]


def test_the_sync_service_stores_its_state_only_when_it_changes(journal, tmp_path):
    with Journal.open(tmp_path / JOURNAL) as other:
        before = other.data_version()
        journal.set_sync_state("connection", {"online": True})
        changed = other.data_version()
        journal.set_sync_state("connection", {"online": True})
        assert before != changed == other.data_version()
        assert other.sync_state() == {"connection": {"online": True}}


def test_an_offered_model_is_settled_with_its_activation(journal):
    journal.offer_model(2, "cd" * 32, "job-2", "2")
    journal.offer_model(2, "cd" * 32, "job-2", "2")
    (offer,) = journal.incoming_models()
    journal.record_activation(
        offer.version, "ef" * 32, "refused", "1970-01-01T00:01:00Z", "probes differ", offer
    )
    assert journal.incoming_models() == []
    (activation,) = journal.activations_after(0)
    assert (activation.job_id, activation.outcome) == ("job-2", "refused")
    assert activation.reason == "probes differ"
    assert journal.activations_after(activation.seq) == []


def test_what_waits_is_counted_by_the_hour_it_was_captured_in(journal, make_pick, make_feedback):
    hours = ("2026-11-27T05:10:00.000Z", "2026-11-27T05:59:59.999Z", "2026-11-27T06:00:00.000Z")
    ratings = [make_feedback(make_pick(), rated_at=at) for at in hours]
    for feedback in ratings:
        journal.record_rating(feedback)
    assert journal.waiting_by_hour() == [("2026-11-27T05", 2), ("2026-11-27T06", 1)]
    assert journal.captured_at([ratings[1].id, new_id()]) == [hours[1]]
    journal.acknowledge([ratings[0].id])
    journal.quarantine(ratings[1].id, "`stars` is 11")
    assert journal.waiting_by_hour() == [("2026-11-27T06", 1)]
