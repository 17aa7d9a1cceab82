"""After any operations in any order, the journal contains what was written to it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from data.ids import new_id
from data.messages import Feedback
from data.picks import Pick
from edge.journal import JOURNAL, AlreadyRated, ConflictingRecord, Journal, RatingChanged

from .records import captured


class JournalMachine(RuleBasedStateMachine):
    """The journal, and lists and dictionaries of what should be in it."""

    make_pick: staticmethod
    make_feedback: staticmethod
    picks_made = Bundle("picks_made")
    ratings_made = Bundle("ratings_made")

    def __init__(self) -> None:
        super().__init__()
        # In memory if possible: the results are the same, and faster.
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.journal = Journal.open(self.folder / JOURNAL)
        self.picks: list[Pick] = []
        self.approved: set[str] = set()
        self.ratings: dict[str, Feedback] = {}
        self.waiting: list[str] = []
        self.aside: list[str] = []
        self.requests: list[str] = []

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)

    @rule(target=picks_made, year=st.integers(1950, 1953), verify=st.booleans())
    def pick(self, year: int, verify: bool) -> Pick:
        pick = self.make_pick(year=year)
        request = new_id() if verify else None
        self.journal.record_pick(pick, slate=b"slate", verification_id=request)
        self.picks.append(pick)
        self.requests += [request] if request else []
        return pick

    @rule(pick=picks_made)
    def approve(self, pick: Pick) -> None:
        assert self.journal.record_decision(pick.id, "approved", "now") == (
            pick.id not in self.approved
        )
        self.approved.add(pick.id)

    @rule(
        target=ratings_made,
        pick=picks_made,
        stars=st.integers(1, 10),
        source=st.sampled_from(["owner", "simulated"]),
    )
    def rate(self, pick: Pick, stars: int, source: str) -> Feedback:
        feedback = self.make_feedback(pick, stars=stars, source=source)
        taken = any((r.pick_id, r.source) == (pick.id, source) for r in self.ratings.values())
        return self._recorded(feedback, AlreadyRated if taken else None)

    def _recorded(self, feedback: Feedback, refused: type[Exception] | None) -> Feedback:
        if refused is not None:
            with pytest.raises(refused):
                self.journal.record_rating(feedback)
        else:
            assert self.journal.record_rating(feedback)
            self.ratings[feedback.id] = feedback
            self.waiting.append(feedback.id)
        return feedback

    @rule(
        target=ratings_made,
        replaced=ratings_made,
        stars=st.none() | st.integers(1, 10),
    )
    def correct(self, replaced: Feedback, stars: int | None) -> Feedback:
        """Correct or withdraw a rating; only the one that counts can be."""
        feedback = msgspec.structs.replace(
            replaced, id=new_id(), stars=stars, rating=None, replaces=replaced.id
        )
        corrected = {one.replaces for one in self.ratings.values()}
        changed = replaced.id not in self.ratings or replaced.id in corrected
        return self._recorded(feedback, RatingChanged if changed else None)

    @rule(feedback=ratings_made)
    def rate_again(self, feedback: Feedback) -> None:
        if feedback.id in self.ratings:
            assert not self.journal.record_rating(feedback)
            other = msgspec.structs.replace(feedback, title="Another")
            with pytest.raises(ConflictingRecord):
                self.journal.record_rating(other)

    @rule(feedbacks=st.lists(ratings_made, max_size=4))
    def acknowledge(self, feedbacks: list[Feedback]) -> None:
        ids = [feedback.id for feedback in feedbacks]
        gone = set(ids) & {*self.waiting, *self.aside}
        assert self.journal.acknowledge(ids) == len(gone)
        self.waiting = [one for one in self.waiting if one not in gone]
        self.aside = [one for one in self.aside if one not in gone]

    @rule(feedback=ratings_made)
    def quarantine(self, feedback: Feedback) -> None:
        was_waiting = feedback.id in self.waiting
        assert self.journal.quarantine(feedback.id, "refused") == was_waiting
        if was_waiting:
            self.waiting.remove(feedback.id)
            self.aside.append(feedback.id)

    @rule()
    def retry(self) -> None:
        assert self.journal.retry_quarantined() == len(self.aside)
        again = {*self.waiting, *self.aside}
        # The order of capture, whatever happened to them in between.
        self.waiting = [one for one in self.ratings if one in again]
        self.aside = []

    @precondition(lambda self: self.requests)
    @rule()
    def finish_oldest_request(self) -> None:
        oldest = self.journal.pending_requests()[0]
        assert oldest.id == self.requests.pop(0)
        self.journal.finish_request(oldest.seq, {"outcome": "agreed"})

    @rule(keep=st.integers(0, 5))
    def prune(self, keep: int) -> None:
        rated = {rating.pick_id for rating in self.ratings.values()}
        newest = {pick.id for pick in self.picks[-keep:]} if keep else set()
        kept = [p for p in self.picks if p.id in newest | rated | self.approved]
        assert self.journal.prune(keep) == len(self.picks) - len(kept)
        self.picks = kept

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = Journal.open(self.folder / JOURNAL)

    @invariant()
    def the_outbox_holds_what_was_not_acknowledged_in_order(self) -> None:
        rows = self.journal.peek_outbox(1000)
        assert [row.id for row in rows] == self.waiting
        assert [captured(row.payload) for row in rows] == [
            self.ratings[one] for one in self.waiting
        ]
        assert sorted(row.id for row in self.journal.quarantined()) == sorted(self.aside)
        assert self.journal.outbox_depth()[0] == len(self.waiting)
        assert self.journal.quarantined_count() == len(self.aside)

    @invariant()
    def the_history_shows_the_outcome_of_each_pick(self) -> None:
        history = self.journal.history()
        assert [entry.pick for entry in history] == list(reversed(self.picks))
        for entry in history:
            assert (entry.decision == "approved") == (entry.pick.id in self.approved)
            corrected = {one.replaces for one in self.ratings.values()}
            last = [
                one
                for one in self.ratings.values()
                if one.pick_id == entry.pick.id and one.id not in corrected
            ]
            assert {one.id for one in entry.ratings} == {one.id for one in last if one.stars}
            withdrawn = [] if entry.withdrawal is None else [entry.withdrawal.id]
            owners = [one.id for one in last if not one.stars and one.source == "owner"]
            assert withdrawn == owners or not owners
        for rating in (rating for entry in history for rating in entry.ratings):
            expected = (
                "waiting"
                if rating.id in self.waiting
                else "quarantined"
                if rating.id in self.aside
                else "stored"
            )
            assert rating.delivery == expected

    @invariant()
    def no_approved_film_is_forgotten(self) -> None:
        made = {pick.combination for pick in self.picks if pick.id in self.approved}
        assert made <= self.journal.approved_combinations()


def test_the_journal_returns_what_was_written_to_it(make_pick, make_feedback):
    JournalMachine.make_pick = staticmethod(make_pick)
    JournalMachine.make_feedback = staticmethod(make_feedback)
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        JournalMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
