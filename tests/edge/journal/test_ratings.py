"""A mistaken rating is corrected or withdrawn: the last word counts, and all of it is sent."""

from __future__ import annotations

import msgspec
import pytest

from data import limits
from data.corrections import that_count
from data.messages import Feedback
from data.picks import Pick
from data.wire import decode
from edge.journal import (
    JOURNAL,
    AlreadyRated,
    HistoryEntry,
    Journal,
    RatingChanged,
    TooManyCorrections,
)

from .records import a_pick, feedback_on


@pytest.fixture
def pick(journal: Journal) -> Pick:
    made = a_pick()
    journal.record_pick(made)
    journal.record_decision(made.id, "approved", "now")
    return made


def rate(journal: Journal, pick: Pick, stars: int | None, **changes: object) -> Feedback:
    feedback = feedback_on(pick, stars=stars, **changes)
    assert journal.record_rating(feedback)
    return feedback


def entry(journal: Journal, pick: Pick) -> HistoryEntry:
    found = journal.find_pick(pick.id)
    assert found is not None
    return found


def sent(journal: Journal) -> list[Feedback]:
    return [decode(row.payload, Feedback) for row in journal.peek_outbox(99)]


def test_a_correction_takes_the_place_of_the_rating_and_both_are_sent(journal, pick):
    first = rate(journal, pick, 8)
    second = rate(journal, pick, 5, replaces=first.id, rating=4.6)
    (rating,) = entry(journal, pick).ratings
    assert (rating.id, rating.stars, rating.rating) == (second.id, 5, 4.6)
    assert (rating.corrections, rating.delivery) == (1, "waiting")
    assert [one.id for one in sent(journal)] == [first.id, second.id]
    assert that_count(sent(journal)) == [sent(journal)[1]]
    journal.acknowledge([second.id])
    assert entry(journal, pick).ratings[0].delivery == "stored"


def test_each_record_has_its_place_in_the_outbox_of_this_journal(journal, pick):
    first = rate(journal, pick, 8)
    rate(journal, pick, 5, replaces=first.id)
    one, two = (record.sequence for record in sent(journal))
    assert (one.journal, one.number, two.number) == (two.journal, 1, 2)
    assert [row.seq for row in journal.peek_outbox(9)] == [1, 2]
    path = journal.path
    journal.acknowledge([first.id])
    with Journal.open(path) as again:
        third = feedback_on(pick, replaces=sent(journal)[0].id)
        again.record_rating(third)
        assert sent(again)[-1].sequence == msgspec.structs.replace(two, number=3)


def test_a_withdrawn_rating_counts_no_more_and_can_be_given_again(journal, pick):
    first = rate(journal, pick, 8)
    gone = rate(journal, pick, None, replaces=first.id)
    found = entry(journal, pick)
    assert (found.ratings, found.withdrawal.id) == ((), gone.id)
    assert journal.awaiting_rating() == [], "the owner has decided"
    with pytest.raises(AlreadyRated, match="withdrawn"):
        journal.record_rating(feedback_on(pick, stars=3))
    rate(journal, pick, 3, replaces=gone.id)
    found = entry(journal, pick)
    assert ([one.stars for one in found.ratings], found.withdrawal) == ([3], None)


def test_only_what_counts_can_be_replaced(journal, pick):
    with pytest.raises(RatingChanged):
        journal.record_rating(feedback_on(pick, replaces=a_pick().id))
    first = rate(journal, pick, 8)
    rate(journal, pick, 5, replaces=first.id)
    with pytest.raises(RatingChanged):
        journal.record_rating(feedback_on(pick, stars=2, replaces=first.id))
    assert [one.stars for one in sent(journal)] == [8, 5], "nothing was written"


def test_so_many_corrections_are_kept_and_no_more(journal, pick):
    last = rate(journal, pick, 1)
    for number in range(limits.MAX_CORRECTIONS):
        last = rate(journal, pick, 2 + number % 8, replaces=last.id)
    with pytest.raises(TooManyCorrections, match="20 times"):
        journal.record_rating(feedback_on(pick, replaces=last.id))
    assert entry(journal, pick).ratings[0].corrections == limits.MAX_CORRECTIONS
    assert rate(journal, pick, None, replaces=last.id).withdraws, "it trains no model forever"


def test_repeating_a_correction_is_harmless(journal, pick):
    first = rate(journal, pick, 8)
    second = rate(journal, pick, 5, replaces=first.id)
    assert not journal.record_rating(second)
    assert len(sent(journal)) == 2


def test_a_simulated_rating_is_another_one(journal, pick):
    drawn = rate(journal, pick, 9, source="simulated")
    first = rate(journal, pick, 8)
    rate(journal, pick, 5, replaces=first.id)
    assert [(one.source, one.stars) for one in entry(journal, pick).ratings] == [
        *(("owner", 5), ("simulated", 9)),
    ]
    with pytest.raises(RatingChanged):
        journal.record_rating(feedback_on(pick, replaces=drawn.id))


def test_a_rating_captured_in_version_1_is_corrected_and_sent_as_it_was(journal, pick):
    # What earlier software wrote: it's resent byte for byte, so its hash stays the same.
    first = feedback_on(pick)
    unset = {"policy", "propensity", "slate", "explored", "replaces"}
    first = msgspec.structs.replace(first, schema_version=1, **dict.fromkeys(unset, msgspec.UNSET))
    assert journal.record_rating(first)
    rate(journal, pick, 5, replaces=first.id)
    (row, _) = journal.peek_outbox(9)
    assert row.payload == msgspec.json.encode(first)
    assert entry(journal, pick).ratings[0].stars == 5


@pytest.mark.parametrize("damaged", ["corrections", "rating_copies", "outbox"])
def test_a_damaged_correction_is_restored_from_its_other_copies(journal, pick, damaged):
    first = rate(journal, pick, 8)
    second = rate(journal, pick, 5, replaces=first.id)
    with journal.transaction() as connection:
        connection.execute(f"UPDATE {damaged} SET payload = X'00' WHERE id = ?", (second.id,))
    assert journal.set_bad_rows_aside("now").set_aside.total() == 1
    assert [one.stars for one in entry(journal, pick).ratings] == [5]
    assert sent(journal)[1].replaces == first.id
    assert not journal.count_bad_rows()[0]


def test_corrections_are_pruned_with_nothing(journal, pick):
    first = rate(journal, pick, 8)
    rate(journal, pick, None, replaces=first.id)
    journal.prune(0)
    assert entry(journal, pick).withdrawal is not None


def test_a_journal_set_aside_gives_its_corrections_to_the_new_one(tmp_path, journal, pick):
    from edge.journal.rescue import rescue

    first = rate(journal, pick, 8)
    rate(journal, pick, 5, replaces=first.id)
    with Journal.open(tmp_path / "new.db") as fresh:
        assert rescue(tmp_path / JOURNAL, fresh) == 2
        assert [one.stars for one in entry(fresh, pick).ratings] == [5]
        assert [row.payload for row in fresh.peek_outbox(9)] == [
            row.payload for row in journal.peek_outbox(9)
        ]
        # Another journal, whose numbers start again.
        rate(fresh, pick, 6, replaces=entry(fresh, pick).ratings[0].id)
        assert sent(fresh)[-1].sequence.journal != sent(fresh)[0].sequence.journal
