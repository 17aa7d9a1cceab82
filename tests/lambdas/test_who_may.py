"""Permissions on the local cloud: a device can act only as itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data import topics, wire
from data.ids import new_id
from data.messages import Ack, FeedbackBatch

from .authority import Authority
from .device import Device, feedback
from .lines import context_of, line_of, port_of
from .raw_mqtt import tls, try_to_connect

# How long a message that must not come is waited for; one that may come takes a hundredth.
NOT_COMING_SECONDS = 0.3


def test_a_connects_as_itself_only(a: Device, b: Device) -> None:
    assert try_to_connect(port_of(a), context_of(a), a.thing) == "taken"
    for client_id in (b.thing, "somebody", "", f"{a.thing}2"):
        assert try_to_connect(port_of(a), context_of(a), client_id) != "taken", client_id


def test_a_cannot_publish_as_b(local_cloud: Any, a: Device, b: Device) -> None:
    forged = feedback(b.thing)
    batch = wire.encode(FeedbackBatch.of(forged))
    with line_of(b) as theirs, line_of(a) as ours:
        assert theirs.subscribe(topics.feedback_ack(b.thing)) == "taken"
        assert ours.publish(topics.feedback(b.thing), batch) != "taken"
        assert theirs.message(NOT_COMING_SECONDS) is None
        found = local_cloud.aws.client("dynamodb").get_item(
            TableName=local_cloud.aws.local.table,
            Key={"pk": {"S": topics.feedback_key(forged.id)}},
        )
        assert "Item" not in found
        assert theirs.publish(topics.feedback(b.thing), batch) == "taken"
        _, ack = theirs.message(30) or ("", b"")
    assert wire.decode(ack, Ack).outcomes[0].outcome == "stored", "from B it is welcome"


def test_a_record_of_b_on_as_own_topic_is_rejected(a: Device, b: Device) -> None:
    batch = wire.encode(FeedbackBatch.of(feedback(b.thing)))
    with line_of(a) as ours:
        ours.subscribe(topics.feedback_ack(a.thing))
        assert ours.publish(topics.feedback(a.thing), batch) == "taken"
        _, ack = ours.message(30) or ("", b"")
    outcome = wire.decode(ack, Ack).outcomes[0]
    assert outcome.outcome == "rejected"
    assert a.thing in (outcome.reason or "")


@pytest.mark.parametrize(
    "topic_filter",
    [
        "filmupdate/{b}/ack",
        "filmrequest/{b}/reply",
        "filmupdate/{b}",
        "filmupdate/+/ack",
        "filmupdate/#",
        "#",
        "+/+/ack",
        "$aws/things/{b}/jobs/notify-next",
        "$aws/things/+/jobs/notify",
        "$aws/things/{b}/shadow/name/model/update/accepted",
        "$aws/things/{b}/shadow/#",
        "$aws/#",
    ],
)
def test_a_cannot_listen_to_b(a: Device, b: Device, topic_filter: str) -> None:
    with line_of(a) as ours:
        assert ours.subscribe(topic_filter.format(b=b.thing)) != "taken"


@pytest.mark.parametrize(
    "topic",
    [
        "$aws/things/{b}/shadow/name/model/update",
        "$aws/things/{a}/shadow/update",
        "$aws/things/{a}/shadow/name/other/update",
        "$aws/things/{b}/jobs/any/update",
        "filmupdate/{a}/ack",
        "filmupdate/{a}/x",
        "filmrequest/{b}",
        "filmrequest/{b}/reply",
        "anything",
    ],
)
def test_a_cannot_publish_beyond_its_own_topics(
    local_cloud: Any, a: Device, b: Device, topic: str
) -> None:
    with line_of(a) as ours:
        name = topic.format(a=a.thing, b=b.thing)
        assert ours.publish(name, b'{"state": {"reported": {"version": 666}}}') != "taken"
    shadows = local_cloud.aws.client("iot-data")
    for thing, shadow in ((a, {}), (b, {}), (b, {"shadowName": "model"})):
        with pytest.raises(ClientError):
            shadows.get_thing_shadow(thingName=thing.thing, **shadow)


def test_what_a_needs_is_allowed(a: Device) -> None:
    """Otherwise the refusals above would prove nothing."""
    own = f"$aws/things/{a.thing}"
    with line_of(a) as ours:
        for topic_filter in (
            topics.feedback_ack(a.thing),
            topics.verification_reply(a.thing),
            f"{own}/jobs/notify",
            f"{own}/jobs/notify-next",
            f"{own}/jobs/get/+",
            f"{own}/jobs/+/get/+",
            f"{own}/jobs/+/update/+",
            f"{own}/shadow/name/{topics.SHADOW_NAME}/update/rejected",
        ):
            assert ours.subscribe(topic_filter) == "taken", topic_filter
        for topic in (f"{own}/jobs/get", f"{own}/jobs/x/get", topics.shadow_update(a.thing)):
            assert ours.publish(topic, b"{}") == "taken", topic


def test_as_job_is_not_for_b(local_cloud: Any, a: Device, b: Device) -> None:
    iot = local_cloud.aws.client("iot")
    target = iot.describe_thing(thingName=b.thing)["thingArn"]
    job = f"job-{new_id()}"
    iot.create_job(jobId=job, targets=[target], document='{"op": "none"}')
    with line_of(a) as ours:
        refused = ours.publish(f"{topics.jobs(b.thing)}/{job}/update", b'{"status": "FAILED"}')
        assert refused != "taken"
    # A can't change B's job under its own name either.
    with line_of(a) as ours:
        ours.publish(f"{topics.jobs(a.thing)}/{job}/update", b'{"status": "FAILED"}')
    execution = iot.describe_job_execution(jobId=job, thingName=b.thing)["execution"]
    assert execution["status"] == "QUEUED"


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_withdrawn_certificate_is_let_in_nowhere(
    local_cloud: Any, tmp_path: Path, status: str
) -> None:
    device = Device(local_cloud.provision(f"thing-{status.lower()}", tmp_path / "device"))
    assert try_to_connect(port_of(device), context_of(device), device.thing) == "taken"
    assert device.credentials(device.thing)[0] == 200
    iot = local_cloud.aws.client("iot")
    principal = iot.list_thing_principals(thingName=device.thing)["principals"][0]
    iot.update_certificate(certificateId=principal.rpartition("/")[2], newStatus=status)
    assert try_to_connect(port_of(device), context_of(device), device.thing) != "taken"
    assert device.credentials(device.thing)[0] == 403


def test_no_one_connects_without_a_certificate(a: Device) -> None:
    bare = tls(str(a.path("root_ca")))
    assert try_to_connect(port_of(a), bare, a.thing) == "hung up"
    with pytest.raises(OSError):
        a.credentials(a.thing, context=bare)


@pytest.mark.parametrize("expired", [False, True])
def test_a_certificate_of_another_authority_is_let_in_nowhere(
    a: Device, make_certificate: Callable[..., tuple[Path, Path]], expired: bool
) -> None:
    certificate, key = make_certificate(a.thing, expired=expired)
    foreign = tls(str(a.path("root_ca")), str(certificate), str(key))
    assert try_to_connect(port_of(a), foreign, a.thing) == "hung up"
    with pytest.raises(OSError):
        a.credentials(a.thing, context=foreign)


def test_a_registered_but_expired_certificate_is_let_in_nowhere(
    local_cloud: Any, a: Device, make_certificate: Callable[..., tuple[Path, Path]]
) -> None:
    """Registered by its owner, attached and active: its date alone keeps it out."""
    certificate, key = make_certificate("thing-expired", expired=True)
    iot, local = local_cloud.aws.client("iot"), local_cloud.aws.local
    made = iot.register_certificate_without_ca(
        certificatePem=certificate.read_text("ascii"), status="ACTIVE"
    )
    iot.create_thing(thingName="thing-expired")
    iot.attach_policy(policyName=local.policy, target=made["certificateArn"])
    iot.attach_thing_principal(thingName="thing-expired", principal=made["certificateArn"])
    expired = tls(str(a.path("root_ca")), str(certificate), str(key))
    assert try_to_connect(port_of(a), expired, "thing-expired") == "hung up"


def test_devices_do_not_trust_a_broker_of_another_authority(a: Device, tmp_path: Path) -> None:
    other = tls(
        *(str(Authority(tmp_path / "other").path), str(a.path("certificate"))),
        str(a.path("private_key")),
    )
    assert try_to_connect(port_of(a), other, a.thing) == "hung up"
