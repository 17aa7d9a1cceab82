"""Shared fixtures: devices, packages in the runtime, and a stub of the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.ids import new_id
from lambdas.operator import package
from local_cloud.emulator import REGION

from .authority import Authority
from .device import Device
from .rule_events import THING
from .runtime import RunningFunction, runtime_libraries
from .stub_endpoint import StubEndpoint


@pytest.fixture
def devices(local_cloud: Any, tmp_path: Path) -> Iterator[Callable[[], Device]]:
    """Make devices for this test, and disconnect them at its end."""
    made: list[Device] = []

    def make() -> Device:
        name = f"thing-{new_id()[-8:]}"
        device = Device(local_cloud.provision(name, tmp_path / name))
        made.append(device)
        return device

    yield make
    for device in made:
        device.close()


@pytest.fixture
def make_certificate(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Make certificates of a test authority."""
    return Authority(tmp_path / "authority").certificate


def aws_settings(local: Any) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": local.aws_endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return package.build_for_local_cloud(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(scope="session")
def packaged(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """Receives the functions' answers to THING."""
    made = Device(local_cloud.provision(THING, tmp_path_factory.mktemp("thing") / THING))
    yield made.connect()
    made.close()


@pytest.fixture(scope="session")
def store_feedback(
    local_cloud: Any,
    packages: dict[str, Path],
    libraries: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningFunction]:
    local = local_cloud.aws.local
    with RunningFunction(
        packages["store_feedback"],
        "lambdas.store_feedback.handler.handle",
        libraries,
        tmp_path_factory.mktemp("store-feedback"),
        **aws_settings(local),
        TABLE=local.table,
        DATA_BUCKET=local.data_bucket,
        ACCOUNT="000000000000",
        HELD_OUT_KEY=local_cloud.aws.outputs(local.stack)["HeldOutKey"],
    ) as running:
        yield running


@pytest.fixture(scope="session")
def endpoint() -> Iterator[StubEndpoint]:
    stub = StubEndpoint()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()


@pytest.fixture(scope="session")
def predict(
    local_cloud: Any,
    packages: dict[str, Path],
    libraries: Path,
    endpoint: StubEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningFunction]:
    with RunningFunction(
        packages["predict"],
        "lambdas.predict.handler.handle",
        libraries,
        tmp_path_factory.mktemp("predict"),
        **aws_settings(local_cloud.aws.local),
        AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=endpoint.url,
        ENDPOINT_NAME="greenlight-model",
        ENDPOINT_TIMEOUT_SECONDS="1",
    ) as running:
        yield running


@pytest.fixture(scope="session")
def a(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The device that tries things."""
    return Device(local_cloud.provision("thing-a", tmp_path_factory.mktemp("a") / "device"))


@pytest.fixture(scope="session")
def b(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The device that it tries them on."""
    return Device(local_cloud.provision("thing-b", tmp_path_factory.mktemp("b") / "device"))


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real bundle with its arrays beside it."""
    from training.export.example_bundle import make_example_bundle

    folder = tmp_path_factory.mktemp("release") / "bundle"
    make_example_bundle(folder, directors=40, seed=0, version=1, key=None)
    return folder


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that also knows the directors of `ratings`, whom `example` doesn't know."""
    from training.export.example_bundle import make_example_bundle

    folder = tmp_path_factory.mktemp("newer") / "bundle"
    make_example_bundle(folder, directors=100, seed=0, version=1, key=None)
    return folder
