"""Topics and keys are built in one place, and no name leads outside its own prefix."""

import pytest

from data import topics
from data.errors import InvalidRecord

OF_A_THING = [
    topics.feedback, topics.feedback_ack, topics.verification, topics.verification_reply,
    topics.jobs, topics.shadow_update,
]  # fmt: skip


@pytest.mark.parametrize("topic", OF_A_THING)
@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "é", "a" * 129, "a\n"])
def test_a_name_that_aws_iot_would_refuse_reaches_no_topic(topic, name):
    with pytest.raises(InvalidRecord, match="1 to 128 of a-z"):
        topic(name)


def test_no_two_things_and_no_two_purposes_share_a_topic():
    names = ["A", "a", "a-1", "a_1", "a:1", "a" * 128]
    built = [topic(name) for topic in OF_A_THING for name in names]
    assert len(set(built)) == len(built)


def test_a_resend_has_the_key_of_the_first_try():
    assert topics.feedback_object("018f") == topics.feedback_object("018f") == "feedback/018f.json"
    assert topics.feedback_object("018f", held_out=True) == "held-out/018f.json"
    assert topics.feedback_key("018f") == "FEEDBACK#018f"


def test_devices_may_read_bundles_and_no_arrays_lie_among_them():
    bundle, arrays = topics.bundle_prefix("films", 3), topics.arrays_prefix("films", 3)
    assert not arrays.startswith(bundle.split("/")[0] + "/")
    assert topics.incumbent_prefix("films", 3).startswith(arrays)
    assert topics.bundle_prefix("films", 1) not in topics.bundle_prefix("films", 11)
