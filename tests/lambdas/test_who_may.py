"""Who may do what on the local cloud: a device is itself, and nobody else."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from data import topics, wire

from .conftest import Device, feedback
from .raw_mqtt import RawMqtt, tls, try_to_connect

# How long a message that must not come is waited for; one that may come takes a hundredth.
NOT_COMING_SECONDS = 0.3


@pytest.fixture(scope="module")
def a(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The device that tries things."""
    return Device(local_cloud.provision("thing-a", tmp_path_factory.mktemp("a") / "device"))


@pytest.fixture(scope="module")
def b(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The device that it tries them on."""
    return Device(local_cloud.provision("thing-b", tmp_path_factory.mktemp("b") / "device"))


def context_of(device: Device) -> ssl.SSLContext:
    return tls(*(str(device.path(name)) for name in ("root_ca", "certificate", "private_key")))


def port_of(device: Device) -> int:
    return int(device.settings["mqtt_port"])


@contextmanager
def line_of(device: Device) -> Iterator[RawMqtt]:
    """A connection of this device as itself."""
    with RawMqtt(port_of(device), context_of(device)) as line:
        assert line.connect(device.thing) == "taken"
        yield line


def test_a_connects_as_itself_only(a: Device, b: Device) -> None:
    assert try_to_connect(port_of(a), context_of(a), a.thing) == "taken"
    for client_id in (b.thing, "somebody", "", f"{a.thing}2"):
        assert try_to_connect(port_of(a), context_of(a), client_id) != "taken", client_id


def test_a_cannot_publish_as_b(local_cloud: Any, a: Device, b: Device) -> None:
    forged = feedback(b.thing)
    batch = wire.encode(wire.FeedbackBatch((forged,)))
    with line_of(b) as theirs, line_of(a) as ours:
        assert theirs.subscribe(topics.feedback_ack(b.thing)) == "taken"
        assert ours.publish(topics.feedback(b.thing), batch) != "taken"
        assert theirs.message(NOT_COMING_SECONDS) is None
        found = local_cloud.aws.client("dynamodb").get_item(
            TableName=local_cloud.aws.desk.table,
            Key={"pk": {"S": topics.feedback_key(forged.id)}},
        )
        assert "Item" not in found
        assert theirs.publish(topics.feedback(b.thing), batch) == "taken"
        _, ack = theirs.message(30) or ("", b"")
    assert wire.decode(ack, wire.Ack).outcomes[0].outcome == "stored", "from B it is welcome"


def test_a_record_of_b_on_as_own_topic_is_rejected(a: Device, b: Device) -> None:
    batch = wire.encode(wire.FeedbackBatch((feedback(b.thing),)))
    with line_of(a) as ours:
        ours.subscribe(topics.feedback_ack(a.thing))
        assert ours.publish(topics.feedback(a.thing), batch) == "taken"
        _, ack = ours.message(30) or ("", b"")
    outcome = wire.decode(ack, wire.Ack).outcomes[0]
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
    """Else the refusals above would mean nothing."""
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
    job = f"job-{wire.new_id()}"
    iot.create_job(jobId=job, targets=[target], document='{"op": "none"}')
    with line_of(a) as ours:
        refused = ours.publish(f"{topics.jobs(b.thing)}/{job}/update", b'{"status": "FAILED"}')
        assert refused != "taken"
    # Nor does A's own name for B's job move it.
    with line_of(a) as ours:
        ours.publish(f"{topics.jobs(a.thing)}/{job}/update", b'{"status": "FAILED"}')
    told = iot.describe_job_execution(jobId=job, thingName=b.thing)["execution"]
    assert told["status"] == "QUEUED"


def test_credentials_are_for_the_certificates_own_thing(a: Device, b: Device) -> None:
    assert a.credentials(a.thing)[0] == 200
    assert a.credentials(b.thing)[0] == 403
    assert a.credentials("no-such-thing")[0] == 403
    assert a.credentials(None)[0] == 200, "AWS, too, lets the name be left out"
    assert a.credentials(a.thing, alias="another")[0] == 404


def test_a_certificate_without_the_devices_policy_gets_no_credentials(
    local_cloud: Any, tmp_path: Path
) -> None:
    device = Device(local_cloud.provision("thing-bare", tmp_path / "device"))
    iot = local_cloud.aws.client("iot")
    principal = iot.list_thing_principals(thingName=device.thing)["principals"][0]
    iot.detach_policy(policyName=local_cloud.aws.desk.policy, target=principal)
    assert device.credentials(device.thing)[0] == 403
    assert try_to_connect(port_of(device), context_of(device), device.thing) != "taken"


def test_the_credentials_read_models_and_nothing_else(local_cloud: Any, a: Device) -> None:
    desk = local_cloud.aws.desk
    given = json.loads(a.credentials(a.thing)[1])["credentials"]
    own = local_cloud.aws.client("s3")
    own.put_object(Bucket=desk.models_bucket, Key="models/x/1/manifest.json", Body=b"{}")
    own.put_object(Bucket=desk.models_bucket, Key="pipelines/x/1", Body=b"secret")

    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name=desk.region,
            endpoint_url=desk.aws_endpoint_url,
            aws_access_key_id=given["accessKeyId"],
            aws_secret_access_key=given["secretAccessKey"],
            aws_session_token=given["sessionToken"],
        )

    s3 = client("s3")
    model = {"Bucket": desk.models_bucket, "Key": "models/x/1/manifest.json"}
    assert s3.get_object(**model)["Body"].read() == b"{}"
    forbidden: list[Callable[[], Any]] = [
        lambda: s3.put_object(Body=b"x", **model),
        lambda: s3.delete_object(**model),
        lambda: s3.get_object(Bucket=desk.models_bucket, Key="pipelines/x/1"),
        lambda: s3.list_objects_v2(Bucket=desk.models_bucket),
        lambda: s3.get_object(Bucket=desk.data_bucket, Key="feedback/x.json"),
        lambda: client("dynamodb").scan(TableName=desk.table),
        lambda: client("iot").create_thing(thingName="mine"),
        lambda: client("kms").sign(
            KeyId=desk.signing_key, Message=b"x", SigningAlgorithm="ED25519_SHA_512"
        ),
    ]
    for action in forbidden:
        with pytest.raises(ClientError) as refused:
            action()
        status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (400, 403), refused.value
        assert "Denied" in refused.value.response["Error"]["Code"], refused.value


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


def test_without_a_certificate_nobody_is_let_in(a: Device) -> None:
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
    iot, desk = local_cloud.aws.client("iot"), local_cloud.aws.desk
    made = iot.register_certificate_without_ca(
        certificatePem=certificate.read_text("ascii"), status="ACTIVE"
    )
    iot.create_thing(thingName="thing-expired")
    iot.attach_policy(policyName=desk.policy, target=made["certificateArn"])
    iot.attach_thing_principal(thingName="thing-expired", principal=made["certificateArn"])
    expired = tls(str(a.path("root_ca")), str(certificate), str(key))
    assert try_to_connect(port_of(a), expired, "thing-expired") == "hung up"


def test_devices_do_not_trust_a_broker_of_another_authority(a: Device, tmp_path: Path) -> None:
    from .authority import Authority

    other = tls(
        *(str(Authority(tmp_path / "other").path), str(a.path("certificate"))),
        str(a.path("private_key")),
    )
    assert try_to_connect(port_of(a), other, a.thing) == "hung up"
