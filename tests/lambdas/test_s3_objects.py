"""S3 by boto3's own client: whose buckets are used, and that nothing is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from lambdas.errors import AwsUnusable
from lambdas.operator.aws import Aws, Wait
from lambdas.operator.stack import StackRequest, up
from lambdas.s3_objects import in_own_buckets, put_new_object, read_object

from .boto_wire import answered_client

OURS, THEIRS = "111111111111", "222222222222"


class S3:
    """S3 over the wire: buckets, their owners, and who asks for whose."""

    def __init__(self, **owners: str) -> None:
        self.owners = owners
        self.calls: list[str] = []

    def client(self) -> Any:
        return in_own_buckets(answered_client("s3", self._answer), OURS)

    def _answer(self, request: AWSRequest) -> tuple[int, bytes]:
        bucket = request.url.removeprefix("https://").partition(".s3")[0]
        self.calls.append(f"{request.method} {bucket}")
        owner = self.owners.get(bucket)
        asked = request.headers.get("x-amz-expected-bucket-owner", b"nobody").decode()
        if owner is None:
            return 404, b""
        return (200 if owner == asked else 403), b""


@pytest.mark.parametrize(
    "call",
    [
        lambda s3, bucket: read_object(s3, bucket, "key", 9),
        lambda s3, bucket: put_new_object(s3, bucket, "key", b"x"),
        lambda s3, bucket: s3.head_bucket(Bucket=bucket),
        lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="key"),
        lambda s3, bucket: s3.upload_file(__file__, bucket, "key"),
        lambda s3, bucket: list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)),
    ],
    ids=["get", "put", "head", "delete", "upload", "list"],
)
def test_a_bucket_of_another_account_is_refused_whatever_is_asked_of_it(call: Any) -> None:
    s3 = S3(ours=OURS, theirs=THEIRS).client()
    call(s3, "ours")
    with pytest.raises(Exception, match=r"Forbidden|403"):
        call(s3, "theirs")


def deploy(s3: S3, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy a stack as far as its package's upload."""
    monkeypatch.setattr(Aws, "client", lambda _self, _service: s3.client())
    monkeypatch.setattr(Aws, "account", lambda _self: OURS)
    wanted = StackRequest("greenlight", "arm64", {})
    up(Aws("eu-central-1"), wanted, {"predict": package}, Wait(0.1, 1.0))


def test_packages_never_go_into_a_bucket_that_somebody_else_made_under_our_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "predict.zip"
    package.write_bytes(b"package")
    bucket = f"greenlight-code-{OURS}-eu-central-1"
    squatted = S3(**{bucket: THEIRS})
    with pytest.raises(AwsUnusable, match=f"{bucket} exists and isn't this account's"):
        deploy(squatted, package, monkeypatch)
    assert squatted.calls == [f"HEAD {bucket}"]


def test_an_object_that_exists_is_not_replaced_and_other_errors_are_raised() -> None:
    answers = iter([(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")])

    def answer(_request: AWSRequest) -> tuple[int, bytes]:
        status, code = next(answers)
        return status, f"<Error><Code>{code}</Code></Error>".encode()

    s3 = answered_client("s3", answer)
    assert not put_new_object(s3, "bucket", "key", b"x")
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        put_new_object(s3, "bucket", "key", b"x")
