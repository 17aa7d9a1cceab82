"""SageMaker's stand-in: an endpoint that cannot be served ends as a failure with its reason."""

from __future__ import annotations

import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from data.manifest import PIPELINE
from lambdas import serving
from lambdas.errors import PublishingFailed
from local_cloud.endpoint import NAME
from local_cloud.sagemaker import Control
from local_cloud.state import State
from tests.lambdas.candidates import entry, packed

MODEL = "films-1"


class Endpoint:
    """Serves nothing; keeps what it was told to serve, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.served = b""

    def update(self, pipeline: Path) -> None:
        if self.failure:
            raise self.failure
        self.served = pipeline.read_bytes()


class Archives:
    """S3, with one archive in it."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive

    def read(self, _role: str, _bucket: str, _key: str) -> bytes:
        return self.archive


class Sagemaker:
    """A client of the stand-in, as far as waiting for an endpoint needs one."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def call(self, name: str, **asked: Any) -> dict[str, Any]:
        answer = self._control.answer(name, json.dumps(asked).encode())
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def describe_endpoint(self, **asked: Any) -> dict[str, Any]:
        return self.call("DescribeEndpoint", **asked)


def created(folder: Path, archive: bytes, endpoint: Endpoint) -> Sagemaker:
    """Return a stand-in that was told to serve this archive."""
    state = State(folder)
    state.make()
    sagemaker = Sagemaker(Control(state, endpoint, None, Archives(archive)))  # type: ignore[arg-type]
    container = {"ModelDataUrl": "s3://bucket/model.tar.gz"}
    sagemaker.call(
        "CreateModel", ModelName=MODEL, ExecutionRoleArn="role", PrimaryContainer=container
    )
    variants = [{"ModelName": MODEL}]
    sagemaker.call("CreateEndpointConfig", EndpointConfigName=MODEL, ProductionVariants=variants)
    sagemaker.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName=MODEL)
    return sagemaker


def wait(sagemaker: Any, most_seconds: float = 30.0) -> None:
    serving.wait_until_served(sagemaker, NAME, MODEL, 0.01, most_seconds)


def test_the_archive_that_a_release_makes_is_served(tmp_path: Path) -> None:
    endpoint = Endpoint()
    wait(created(tmp_path, serving.archive_of(b"a pipeline"), endpoint))
    assert endpoint.served == b"a pipeline"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_pipeline_that_is_a_link_is_refused_and_not_followed(kind: bytes, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for the endpoint")
    archive = packed({}, [entry(PIPELINE, kind, linkname=str(secret))])
    endpoint = Endpoint()
    with pytest.raises(PublishingFailed, match=r"regular file|not found"):
        wait(created(tmp_path / "cloud", archive, endpoint))
    assert not endpoint.served


@pytest.mark.parametrize("archive", [b"", b"no archive", packed({"other": b"content"})])
def test_an_archive_without_a_pipeline_fails_the_endpoint(archive: bytes, tmp_path: Path) -> None:
    sagemaker = created(tmp_path, archive, Endpoint())
    with pytest.raises(PublishingFailed):
        wait(sagemaker)
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "Failed"


def test_a_mistake_of_our_own_fails_the_endpoint_too(tmp_path: Path) -> None:
    """TypeErrors ended the thread once, and the endpoint was `Creating` for ever."""
    mistake = TypeError("got an unexpected keyword argument 'filter'")
    with pytest.raises(PublishingFailed, match="unexpected keyword argument 'filter'"):
        wait(created(tmp_path, serving.archive_of(b"a pipeline"), Endpoint(mistake)))


def test_an_endpoint_that_never_finishes_is_not_waited_for_for_ever() -> None:
    class Creating:
        def describe_endpoint(self, **_: Any) -> dict[str, Any]:
            return {"EndpointStatus": "Creating", "EndpointConfigName": MODEL}

    begun = time.monotonic()
    with pytest.raises(PublishingFailed, match="waited 0 s for the ML endpoint"):
        wait(Creating(), 0.05)
    assert time.monotonic() - begun < 10
