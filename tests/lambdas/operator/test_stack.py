"""Deploying, on the emulator in AWS's place: only the address differs."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data import signing
from data.bundle import read_bundle
from lambdas.errors import AwsUnusable
from lambdas.operator import cloudformation, package, stack
from lambdas.operator.aws import Aws, Wait
from lambdas.operator.cloudformation import StackFailed
from lambdas.operator.devices import ProvisioningFailed, provision, things_of
from lambdas.operator.publish import under_release_key
from lambdas.operator.stack import NotReady, StackRequest, prerequisites

from ..template_text import read_template

WAIT = Wait(every_seconds=0.05, at_most_seconds=60)


@pytest.fixture
def aws(local_cloud: Any) -> Aws:
    """The emulator, as an account."""
    return dataclasses.replace(local_cloud.aws, local=None)


def wanted(**settings: str) -> StackRequest:
    # The emulator lacks what Local leaves out; everything else is as in an account.
    return StackRequest("second", "x86_64", {"Local": "true", **settings})


def test_the_stack_goes_up_changes_keeps_what_is_not_named_and_comes_down(
    aws: Aws, local_cloud: Any, tmp_path: Path
) -> None:
    local = local_cloud.aws.local
    packages = package.build_for_local_cloud(tmp_path)
    outputs = stack.up(aws, wanted(LogRetentionDays="7"), packages, WAIT)
    assert outputs["Table"] == "second-films", "all names begin with the stack's"
    assert aws.outputs("greenlight")["Table"] == "greenlight-films"
    logs = aws.client("logs")

    def retention() -> int:
        found = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/second-predict")
        return int(found["logGroups"][0]["retentionInDays"])

    assert retention() == 7
    assert stack.up(aws, wanted(), packages, WAIT) == outputs
    assert retention() == 7
    stack.up(aws, wanted(LogRetentionDays="14"), packages, WAIT)
    assert retention() == 14

    provision(dataclasses.replace(aws, local=local), "second", "seconds", tmp_path / "device", [])
    with pytest.raises(StackFailed, match="second"):
        cloudformation.delete(aws, "second", WAIT)
    kept = stack.down(aws, "second", outputs, WAIT)
    assert not aws.find_stack("second")
    aws.client("iot").describe_thing(thingName="seconds")
    assert "second-films" in kept
    aws.client("dynamodb").describe_table(TableName="second-films")
    aws.client("s3").head_bucket(Bucket=outputs["DataBucket"])


def test_a_stack_that_could_not_be_created_says_why_and_how_to_go_on(
    aws: Aws, tmp_path: Path
) -> None:
    """Here a policy of the name that the stack gives is there already."""
    empty = '{"Version": "2012-10-17", "Statement": []}'
    aws.client("iot").create_policy(policyName="third-device", policyDocument=empty)
    packages = package.build_for_local_cloud(tmp_path)
    third = dataclasses.replace(wanted(), stack="third")
    with pytest.raises(StackFailed, match=r"ROLLBACK_COMPLETE: DevicePolicy.*already exists"):
        stack.up(aws, third, packages, WAIT)
    with pytest.raises(StackFailed, match="greenlight-cloud stack down"):
        stack.up(aws, third, packages, WAIT)
    assert stack.down(aws, "third", aws.outputs("third"), WAIT) == []
    assert not aws.find_stack("third")


def test_what_is_kept_is_what_the_template_retains() -> None:
    template = read_template()
    retained = {
        name
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy") == "Retain"
    }
    named = {template["Outputs"][output]["Value"]["Ref"] for output in cloudformation.RETAINED}
    assert named == retained


def test_everything_missing_is_reported_at_once(aws: Aws) -> None:
    missing = prerequisites(aws, StackRequest("Green Light", "mips", {"Endpoint": "serverless"}))
    said = "\n".join(missing)
    for option in ("--architecture", "--stack", "--endpoint-image"):
        assert option in said
    assert prerequisites(aws, wanted()) == []


def test_any_setting_of_the_template_can_be_chosen_and_others_are_refused_by_name() -> None:
    words = ["RetrainEvery=rate(1 day)", "LogRetentionDays=7", "AlarmEmail=a=b@example.org"]
    assert stack.parse_settings(words) == {
        "RetrainEvery": "rate(1 day)",
        "LogRetentionDays": "7",
        "AlarmEmail": "a=b@example.org",
    }
    # What deploying gives by itself is not among them.
    assert set(cloudformation.settings()) == {
        *("Endpoint", "EndpointImage", "EndpointMemoryMB"),
        *("TrainingImage", "TrainingInstance", "RetrainEvery"),
        *("LogRetentionDays", "ReservedConcurrency", "AlarmEmail", "ModelName"),
    }
    bad = ["RetrainEvry=x", "Endpoint", "CodeBucket=mine", "LogRetentionDays=8"]
    with pytest.raises(NotReady) as refused:
        stack.parse_settings(["RetrainEvery=rate(2 days)", *bad])
    lines = str(refused.value).splitlines()[1:]
    assert len(lines) == len(bad)
    for word, line in zip(bad, lines, strict=True):
        assert word in line
    assert "RetrainEvery" in lines[0]
    assert "365" in lines[3]


def test_a_wrong_setting_is_refused_before_aws_is_asked() -> None:
    refused = run("stack", "up", "--set", "RetrainEvry=rate(1 day)")
    assert refused.returncode == 1
    assert "RetrainEvry" in refused.stderr
    assert "AWS_REGION" not in refused.stderr
    assert "Traceback" not in refused.stderr


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=kept | nowhere | environment,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("stack", "up"),
        ("stack", "down", "--yes"),
        ("device", "provision", "x", "--out", "{folder}"),
        ("model", "publish", "{folder}"),
        ("model", "retrain", "--wait"),
    ],
)
def test_without_region_or_credentials_the_fix_is_named(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    arguments = tuple(part.format(folder=tmp_path / "new") for part in command)
    refused = run(*arguments)
    assert refused.returncode == 69
    assert "AWS_REGION" in refused.stderr
    refused = run(*arguments, AWS_REGION="eu-central-1")
    assert refused.returncode == (1 if "up" in command else 69)
    assert "aws sso login" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "new").exists()


def test_a_bundle_under_the_releases_key_is_one_that_devices_take(
    aws: Aws, example: Path, tmp_path: Path
) -> None:
    shutil.copytree(example, tmp_path / "bundle")
    development = signing.development_key()
    bundle = read_bundle(tmp_path / "bundle", {development.key_id: development.public_pem})
    signed, raw, signature = under_release_key(
        aws.signing_key("greenlight"), bundle, bundle.manifest
    )
    (tmp_path / "bundle" / "manifest.json").write_bytes(raw)
    (tmp_path / "bundle" / "manifest.sig").write_bytes(signature)
    release = aws.signing_key("greenlight").public_pem()
    again = read_bundle(tmp_path / "bundle", {signing.key_id(release): release})
    assert again.manifest_sha256 == signed.manifest_sha256
    assert again.model_hash == bundle.model_hash
    twice = under_release_key(aws.signing_key("greenlight"), bundle, bundle.manifest)
    assert twice[1:] == (raw, signature), "twice is once"


def test_a_devices_folder_is_for_its_owner_only_and_never_overwritten(
    local_cloud: Any, tmp_path: Path
) -> None:
    folder = local_cloud.provision("careful", tmp_path / "device")
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    before = (folder / "private.pem.key").read_bytes()
    with pytest.raises(ProvisioningFailed, match="--out"):
        provision(local_cloud.aws, "greenlight", "other", folder, [])
    assert (folder / "private.pem.key").read_bytes() == before


@pytest.mark.parametrize("thing", ["", "a/b", "a b", "+", "x" * 129, "\u00e4"])
def test_a_name_that_cannot_be_a_things_is_refused_before_anything_is_made(
    thing: str, local_cloud: Any, tmp_path: Path
) -> None:
    refused = run(
        *(
            "device",
            "provision",
            thing,
            "--out",
            str(tmp_path / "x"),
            "--local",
            str(local_cloud.folder),
        )
    )
    assert refused.returncode == 1
    assert "`thing` is" in refused.stderr
    assert not (tmp_path / "x").exists()


def test_a_retired_device_loses_its_certificates_its_group_and_its_place(
    local_cloud: Any, tmp_path: Path
) -> None:
    aws, iot = local_cloud.aws, local_cloud.aws.client("iot")
    local_cloud.provision("retiring", tmp_path / "device")
    arguments = ("device", "retire", "retiring", "--local", str(local_cloud.folder))
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    (certificate,) = iot.list_thing_principals(thingName="retiring")["principals"]
    described = iot.describe_certificate(certificateId=certificate.rpartition("/")[2])
    assert described["certificateDescription"]["status"] == "INACTIVE"
    assert iot.list_attached_policies(target=certificate)["policies"] == []
    assert iot.list_thing_groups_for_thing(thingName="retiring")["thingGroups"] == []
    assert "retiring" not in things_of(aws, aws.outputs("greenlight"))
    again = run(*arguments)
    assert again.returncode == 1
    assert "has no device retiring" in again.stderr


def test_another_stacks_thing_is_not_provisioned(local_cloud: Any, tmp_path: Path) -> None:
    iot = local_cloud.aws.client("iot")
    iot.create_thing_type(thingTypeName="lamp")
    iot.create_thing(thingName="lamp-1", thingTypeName="lamp")
    with pytest.raises(ProvisioningFailed, match="the type lamp"):
        provision(local_cloud.aws, "greenlight", "lamp-1", tmp_path / "device", [])
    assert iot.describe_thing(thingName="lamp-1")["thingTypeName"] == "lamp"
    assert iot.list_thing_principals(thingName="lamp-1")["principals"] == []
    assert not (tmp_path / "device").exists()


class FailingStack:
    """CloudFormation with one stack whose update fails; its events come in pages."""

    def __init__(self) -> None:
        self.status = "UPDATE_COMPLETE"
        self.events = [event("old", "Table", "CREATE_FAILED", "last month's reason")]

    def validate_template(self, **_: Any) -> dict[str, Any]:
        return {"Parameters": []}

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackName": "s", "StackStatus": self.status}]}

    def update_stack(self, **_: Any) -> None:
        self.status = "UPDATE_ROLLBACK_COMPLETE"
        for name in ("First", "Second"):
            self.events.insert(0, event(name, name, "UPDATE_FAILED", f"{name} broke"))

    def get_paginator(self, _: str) -> FailingStack:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"StackEvents": [one]} for one in self.events]


def event(event_id: str, resource: str, status: str, reason: str) -> dict[str, str]:
    return {
        "EventId": event_id,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


class NoWait(Wait):
    """Waits for nothing: the fake has ended already."""

    def until(self, client: Any, waiter: str, **arguments: Any) -> None:
        return None


def test_a_failure_is_explained_by_the_first_event_of_this_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = FailingStack()
    monkeypatch.setattr(Aws, "client", lambda *_: failing)
    with pytest.raises(StackFailed, match="First: First broke"):
        cloudformation.deploy(Aws("eu-central-1"), "s", {}, NoWait(0.0, 0.0))


def test_an_expired_token_is_not_taken_for_a_deleted_stack(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Aws.client(aws, "cloudformation")
    expired = {"Error": {"Code": "ExpiredToken", "Message": "The security token is expired"}}

    def describe(**_: Any) -> None:
        raise ClientError(expired, "DescribeStacks")

    monkeypatch.setattr(client, "describe_stacks", describe)
    monkeypatch.setattr(Aws, "client", lambda *_: client)
    with pytest.raises(AwsUnusable, match="token is expired"):
        stack.down(aws, "greenlight", {}, WAIT)
    monkeypatch.undo()
    assert aws.find_stack("greenlight") is not None, "nothing was deleted"
