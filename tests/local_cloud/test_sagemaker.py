"""The stand-in for SageMaker: an endpoint that can't be served fails with the reason."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, ConnectTimeoutError

from data.manifest import ARRAYS, ARRAYS_BEFORE
from lambdas import serving
from lambdas.errors import EndpointBusy, EndpointRefused, PublishingFailed
from lambdas.operator.aws import Wait
from lambdas.operator.publish import wait_until_idle, wait_until_served
from local_cloud.endpoint import NAME
from local_cloud.sagemaker import SageMakerApi
from local_cloud.state import LocalState
from tests.lambdas.boto_wire import answered_client
from tests.lambdas.candidates import entry, packed

MODEL = "films-1"


class Endpoint:
    """Serves nothing; records what it should serve, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.served = b""
        self.before: bytes | None = None
        self.goes_on: threading.Event | None = None

    def update(self, arrays: Path) -> None:
        if self.goes_on:
            assert self.goes_on.wait(30)
        if self.failure:
            raise self.failure
        self.served = arrays.read_bytes()
        before = arrays.with_name(ARRAYS_BEFORE)
        self.before = before.read_bytes() if before.exists() else None


class Archives:
    """S3, with one archive in it."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive

    def read(self, _role: str, _bucket: str, _key: str) -> bytes:
        return self.archive


def client(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Any:
    """Return boto3's own client, whose calls this function answers."""

    def named(request: AWSRequest) -> tuple[int, bytes]:
        return answer(request.headers["X-Amz-Target"].decode().rpartition(".")[2], request.body)

    return answered_client("sagemaker", named)


def stand_in(folder: Path, archives: Any, endpoint: Endpoint) -> Callable[..., tuple[int, bytes]]:
    """Return what answers boto3 for SageMaker, with nothing in it."""
    state = LocalState(folder)
    state.make()
    # No training jobs are asked for, and of the others only what these classes have is used.
    control = SageMakerApi(state, endpoint, None, archives)  # type: ignore[arg-type]

    def answer(name: str, body: bytes) -> tuple[int, bytes]:
        answered = control.answer(name, body)
        return answered.status, answered.body

    return answer


def created(folder: Path, archive: bytes | Archives, endpoint: Endpoint) -> Any:
    """Return a stand-in with the order to serve this archive."""
    archives = Archives(archive) if isinstance(archive, bytes) else archive
    sagemaker = client(stand_in(folder, archives, endpoint))
    sagemaker.create_model(
        ModelName=MODEL,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/endpoint",
        PrimaryContainer={"ModelDataUrl": "s3://bucket/model.tar.gz"},
    )
    variants = [{"VariantName": "release", "ModelName": MODEL}]
    sagemaker.create_endpoint_config(EndpointConfigName=MODEL, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=MODEL)
    return sagemaker


def wait(sagemaker: Any, most_seconds: float = 30.0) -> None:
    wait_until_served(sagemaker, NAME, MODEL, Wait(0.01, most_seconds))


def test_the_archive_that_a_release_makes_is_served(tmp_path: Path) -> None:
    endpoint = Endpoint()
    wait(created(tmp_path, serving.archive_of(b"arrays"), endpoint))
    assert endpoint.served == b"arrays"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_arrays_that_are_a_link_are_refused_and_not_followed(kind: bytes, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for the endpoint")
    archive = packed({}, [entry(ARRAYS, kind, linkname=str(secret))])
    endpoint = Endpoint()
    with pytest.raises(PublishingFailed, match=r"regular file|not found"):
        wait(created(tmp_path / "cloud", archive, endpoint))
    assert not endpoint.served


@pytest.mark.parametrize("archive", [b"", b"no archive", packed({"other": b"content"})])
def test_an_archive_without_arrays_fails_the_endpoint(archive: bytes, tmp_path: Path) -> None:
    sagemaker = created(tmp_path, archive, Endpoint())
    with pytest.raises(PublishingFailed):
        wait(sagemaker)
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "Failed"


def test_our_own_mistake_fails_the_endpoint_too(tmp_path: Path) -> None:
    """A TypeError once ended the thread, and the endpoint was `Creating` forever."""
    mistake = TypeError("got an unexpected keyword argument 'filter'")
    with pytest.raises(PublishingFailed, match="unexpected keyword argument 'filter'"):
        wait(created(tmp_path, serving.archive_of(b"arrays"), Endpoint(mistake)))


def test_a_failed_endpoint_can_only_be_deleted(tmp_path: Path) -> None:
    sagemaker = created(tmp_path, b"no archive", Endpoint())
    with pytest.raises(PublishingFailed):
        wait(sagemaker)
    with pytest.raises(ClientError, match="Cannot update a failed endpoint"):
        sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName=MODEL)
    sagemaker.delete_endpoint(EndpointName=NAME)
    assert serving.found(sagemaker, NAME) is None


class Bucket:
    """S3, in memory."""

    exceptions = SimpleNamespace(NoSuchKey=KeyError)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.objects.setdefault(Key, Body)

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:
        content = self.objects[Key]
        return {"ContentLength": len(content), "Body": io.BytesIO(content)}

    def read(self, _role: str, _bucket: str, key: str) -> bytes:
        """Return an object as the stand-in for SageMaker asks for it."""
        return self.objects[key]


def serve(
    sagemaker: Any, version: int = 2, arrays: bytes = b"arrays", bucket: Bucket | None = None
) -> str:
    """Have the endpoint serve a release."""
    how = serving.Serving(NAME, "image", "arn:aws:iam::000000000000:role/endpoint", 2048)
    s3 = bucket or Bucket()
    return serving.serve(s3, sagemaker, how, "bucket", ("films", version), arrays)


def test_the_model_before_can_still_be_asked_and_no_older_one(tmp_path: Path) -> None:
    bucket, endpoint = Bucket(), Endpoint()
    sagemaker = client(stand_in(tmp_path, bucket, endpoint))
    for version in (1, 2, 3):
        arrays = b"arrays %d" % version
        wait_until_served(
            sagemaker, NAME, serve(sagemaker, version, arrays, bucket), Wait(0.01, 30.0)
        )
        # A release that is concluded twice keeps what it has.
        serve(sagemaker, version, arrays, bucket)
        assert endpoint.served == arrays
        assert endpoint.before == (b"arrays %d" % (version - 1) if version > 1 else None)


@pytest.mark.parametrize("damage", [b"", b"no archive", packed({"other": b"content"}), None])
def test_a_model_before_that_is_gone_or_damaged_stops_no_release(
    damage: bytes | None, tmp_path: Path
) -> None:
    bucket, endpoint = Bucket(), Endpoint()
    sagemaker = client(stand_in(tmp_path, bucket, endpoint))
    first = serve(sagemaker, 1, b"first", bucket)
    wait_until_served(sagemaker, NAME, first, Wait(0.01, 30.0))
    for key in list(bucket.objects):
        if damage is None:
            del bucket.objects[key]
        else:
            bucket.objects[key] = damage
    second = serve(sagemaker, 2, b"second", bucket)
    wait_until_served(sagemaker, NAME, second, Wait(0.01, 30.0))
    assert (endpoint.served, endpoint.before) == (b"second", None)


def test_a_release_replaces_an_endpoint_whose_creation_failed(tmp_path: Path) -> None:
    """One failed creation once kept every later model from the devices."""
    archives = Archives(b"no archive")
    sagemaker = created(tmp_path, archives, Endpoint())
    with pytest.raises(PublishingFailed):
        wait(sagemaker)
    archives.archive = serving.archive_of(b"arrays")
    wait_until_served(sagemaker, NAME, serve(sagemaker), Wait(0.01, 30.0))


def test_a_release_waits_for_another_update_and_not_for_its_own(tmp_path: Path) -> None:
    endpoint = Endpoint()
    sagemaker = created(tmp_path, serving.archive_of(b"arrays"), endpoint)
    wait(sagemaker)
    endpoint.goes_on = threading.Event()
    second = serve(sagemaker, 2)
    assert serve(sagemaker, 2) == second, "its own update goes on"
    with pytest.raises(EndpointBusy, match="is Updating"):
        serve(sagemaker, 3)
    endpoint.goes_on.set()
    wait_until_idle(sagemaker, NAME, Wait(0.01, 30.0))
    wait_until_served(sagemaker, NAME, serve(sagemaker, 3), Wait(0.01, 30.0))


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ThrottlingException"), (503, "ServiceUnavailable")]
)
def test_what_sagemaker_refuses_for_the_moment_is_asked_again(status: int, code: str) -> None:
    refused = json.dumps({"__type": code, "message": "slow down"}).encode()
    with pytest.raises(EndpointBusy, match="slow down"):
        serve(client(lambda _name, _body: (status, refused)))


def test_a_sagemaker_that_does_not_answer_is_asked_again() -> None:
    def silent(_name: str, _body: bytes) -> tuple[int, bytes]:
        raise ConnectTimeoutError(endpoint_url="https://sagemaker")

    with pytest.raises(EndpointBusy, match="doesn't answer"):
        serve(client(silent))


def test_what_sagemaker_refuses_for_good_is_said_so() -> None:
    refused = json.dumps({"__type": "ValidationException", "message": "no such image"}).encode()
    with pytest.raises(EndpointRefused, match="no such image"):
        serve(client(lambda _name, _body: (400, refused)))


def test_an_endpoint_that_never_finishes_is_not_waited_for_forever() -> None:
    creating = {"EndpointStatus": "Creating", "EndpointConfigName": MODEL}
    begun = time.monotonic()
    with pytest.raises(PublishingFailed, match="waited 0 s for the ML endpoint"):
        wait(client(lambda _name, _body: (200, json.dumps(creating).encode())), 0.05)
    assert time.monotonic() - begun < 10
