"""The credentials provider: for whom, and what its credentials may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ..lambdas.device import Device
from ..lambdas.lines import context_of, port_of
from ..lambdas.raw_mqtt import try_to_connect


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
    iot.detach_policy(policyName=local_cloud.aws.local.policy, target=principal)
    assert device.credentials(device.thing)[0] == 403
    assert try_to_connect(port_of(device), context_of(device), device.thing) != "taken"


def test_the_credentials_read_models_and_nothing_else(local_cloud: Any, a: Device) -> None:
    local = local_cloud.aws.local
    given = json.loads(a.credentials(a.thing)[1])["credentials"]
    own = local_cloud.aws.client("s3")
    own.put_object(Bucket=local.models_bucket, Key="models/x/1/manifest.json", Body=b"{}")
    own.put_object(Bucket=local.models_bucket, Key="arrays/x/1", Body=b"secret")

    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name=local.region,
            endpoint_url=local.aws_endpoint_url,
            aws_access_key_id=given["accessKeyId"],
            aws_secret_access_key=given["secretAccessKey"],
            aws_session_token=given["sessionToken"],
        )

    s3 = client("s3")
    model = {"Bucket": local.models_bucket, "Key": "models/x/1/manifest.json"}
    assert s3.get_object(**model)["Body"].read() == b"{}"
    forbidden: list[Callable[[], Any]] = [
        lambda: s3.put_object(Body=b"x", **model),
        lambda: s3.delete_object(**model),
        lambda: s3.get_object(Bucket=local.models_bucket, Key="arrays/x/1"),
        lambda: s3.list_objects_v2(Bucket=local.models_bucket),
        lambda: s3.get_object(Bucket=local.data_bucket, Key="feedback/x.json"),
        lambda: client("dynamodb").scan(TableName=local.table),
        lambda: client("iot").create_thing(thingName="mine"),
        lambda: client("kms").sign(
            KeyId=local.signing_key, Message=b"x", SigningAlgorithm="ED25519_SHA_512"
        ),
    ]
    for action in forbidden:
        with pytest.raises(ClientError) as refused:
            action()
        status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (400, 403), refused.value
        assert "Denied" in refused.value.response["Error"]["Code"], refused.value
