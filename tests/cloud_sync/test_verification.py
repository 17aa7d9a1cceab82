"""The cloud's scores are compared with the device's own."""

from __future__ import annotations

import msgspec
import pytest
from rig.records import HASH
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device

from cloud_sync.verification import compare
from data import limits
from data.films import Combination
from data.ids import new_id
from data.messages import VerificationReply, VerificationRequest
from edge.journal import Journal

ROWS = (Combination("Ann Bee", 2020, ("Drama",)), Combination("Cy Dee", 1999, ("Comedy",)))


def verify(journal: Journal, own: tuple[float, ...] = (6.5, 6.5), **reply: object) -> str:
    request = VerificationRequest(new_id(), HASH, ROWS)
    journal.request_sync(new_id(), request, own)
    clock, cloud = Clock(), Cloud()
    agreeing = cloud.scores
    cloud.scores = lambda asked: msgspec.structs.replace(agreeing(asked), **reply)
    device = Device(clock, cloud, journal)
    device.wrote()
    assert clock.run(lambda: journal.pending_requests() == [], 3_600)
    assert device.session._verifier.last is not None
    clock.sleep(120)
    assert cloud.shadow[-1].last_verification == device.session._verifier.last.outcome
    if device.session._verifier.last.outcome == "differed":
        assert cloud.shadow[-1].state == "attention"
    return device.session._verifier.last.outcome


def test_equal_scores_agree(journal: Journal) -> None:
    assert verify(journal, (6.5, 6.5 + limits.ROUNDING_TOLERANCE / 2)) == "agreed"


def test_a_difference_over_tolerance_raises_attention(journal: Journal) -> None:
    assert verify(journal, (6.5, 6.5 + 2 * limits.ROUNDING_TOLERANCE)) == "differed"


def test_another_models_scores_are_not_compared(journal: Journal) -> None:
    assert verify(journal, (1.0, 9.0), model_hash="f" * 64) == "skipped"


def test_an_error_in_the_cloud_is_a_failed_verification(journal: Journal) -> None:
    assert verify(journal, error="the endpoint sleeps", scores=()) == "failed"


def test_a_reply_that_lacks_rows_is_a_failure(journal: Journal) -> None:
    assert verify(journal, scores=(6.5,)) == "failed"


def test_a_reply_to_another_request_is_passed_over(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    request = VerificationRequest(new_id(), HASH, ROWS)
    cloud.scores = lambda asked: VerificationReply(new_id(), HASH, (6.5, 6.5))
    journal.request_sync(new_id(), request, (6.5, 6.5))
    device.wrote()
    clock.sleep(600)
    assert len(journal.pending_requests()) == 1


@pytest.mark.parametrize("own", [7.5, 6.5])
def test_the_verdict_names_the_worst_difference_in_either_direction(own: float) -> None:
    request = VerificationRequest(new_id(), HASH, ROWS)
    reply = VerificationReply(request.request_id, HASH, (6.0, 7.0))
    result = compare(request, (6.0, own), reply)
    assert (result.outcome, result.worst_difference) == ("differed", 0.5)
