"""The local cloud's process: starts its parts in order, and stops them in reverse."""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lambdas.operator import cloudformation, package
from lambdas.operator.aws import STACK, Aws, LocalEndpoints, Wait
from local_cloud import ports as port_choice
from local_cloud.control import ControlSocket
from local_cloud.credentials import CredentialsProvider, CredentialsServer, RoleAlias
from local_cloud.emulator import REGION, Emulator
from local_cloud.endpoint import MlEndpoint
from local_cloud.relay import Relay
from local_cloud.roles import Roles
from local_cloud.sagemaker import SageMakerApi
from local_cloud.sagemaker_server import SageMakerServer
from local_cloud.state import LocalCloudFailed, LocalState, Ports, log_tail
from local_cloud.training import TrainingJobs

_CODE_BUCKET = "greenlight-code"
_WATCH_SECONDS = 1.0
_BROKER_SECONDS = 20.0


@contextmanager
def locked(state: LocalState) -> Iterator[None]:
    """Lock this folder, so that a second local cloud in it is refused.

    Raises:
        LocalCloudFailed: another process holds the lock.
    """
    descriptor = os.open(state.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode()
            raise LocalCloudFailed(
                f"a local cloud is already running in {state.folder} (process {pid}); "
                f"stop it with `greenlight-cloud local stop --local {state.folder}`"
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
        os.truncate(descriptor, 0)
    finally:
        os.close(descriptor)


def run(
    state: LocalState,
    arrays: Path | None,
    settings: Mapping[str, str],
    stopped: threading.Event,
    ready: Callable[[LocalEndpoints], None],
) -> None:
    """Run the local cloud until `stopped` is set.

    Args:
        state: its folder.
        arrays: what the ML endpoint serves; None for what it served last, if anything.
        settings: parameters of the template; others keep their value, or get their default.
        stopped: set this to end it.
        ready: called once everything answers.

    Raises:
        LocalCloudFailed: it can't start, or a part has ended on its own.
    """
    state.make()
    with locked(state), ExitStack() as parts:
        # A killed supervisor couldn't remove it.
        state.endpoints.unlink(missing_ok=True)
        ports, moved = port_choice.choose(state)
        if moved:
            print("the ports have changed: provision devices again", flush=True)
        endpoint = parts.enter_context(MlEndpoint(state))
        emulator = parts.enter_context(Emulator(state, ports))
        aws = Aws(REGION, emulator.url)
        roles = Roles(aws)
        sagemaker_url = f"http://127.0.0.1:{ports.ml_endpoint}"
        outputs = _create_stack(state, aws, sagemaker_url, settings)
        jobs = parts.enter_context(TrainingJobs(state, aws, roles))
        api = SageMakerApi(state, endpoint, jobs, roles)
        parts.enter_context(SageMakerServer(ports.ml_endpoint, endpoint, api))
        state.root_ca.write_bytes(emulator.root_ca())
        _wait_for_broker(state, ports.broker)
        alias = RoleAlias(outputs["RoleAlias"], outputs["DeviceRoleArn"], outputs["DevicePolicy"])
        provider = CredentialsProvider(aws, alias)
        parts.enter_context(
            CredentialsServer(provider, ports.credentials, state.server_certificate, state.root_ca)
        )
        relay = parts.enter_context(Relay(ports.mqtt, ports.broker))
        parts.enter_context(ControlSocket(state.control, _handlers(emulator, relay, endpoint)))
        _serve(endpoint, arrays)
        endpoints = _endpoints(state, ports, emulator, sagemaker_url, outputs)
        parts.callback(state.endpoints.unlink, missing_ok=True)
        state.write_endpoints(endpoints)
        ready(endpoints)
        while not stopped.wait(_WATCH_SECONDS):
            if emulator.ended() is not None:
                raise LocalCloudFailed(
                    f"the emulator ended on its own with exit code {emulator.ended()}; "
                    f"{log_tail(state.log('emulator'))}"
                )


def _serve(endpoint: MlEndpoint, arrays: Path | None) -> None:
    """Serve these arrays, or else those that were served last."""
    if arrays is not None:
        endpoint.update(arrays)
        return
    kept = endpoint.kept_arrays()
    if kept is not None:
        try:
            endpoint.update(kept)
        except LocalCloudFailed as error:
            # Perhaps it is from an older checkout; everything else works without it.
            print(f"publish again: {error}", flush=True)


def _create_stack(
    state: LocalState, aws: Aws, sagemaker_url: str, settings: Mapping[str, str]
) -> dict[str, str]:
    packages = package.build_for_local_cloud(state.packages)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=_CODE_BUCKET)
    for path in packages.values():
        s3.upload_file(str(path), _CODE_BUCKET, package.content_key(path))
    parameters = {
        "Local": "true",
        "CodeBucket": _CODE_BUCKET,
        **package.template_keys(packages),
        "Endpoint": "serverless",
        "LocalEndpointUrl": sagemaker_url,
        # Absolute: functions run in folders of their own.
        "LocalLibraries": str(package.link_libraries(state.packages / "libraries").resolve()),
        # No containers here: the stand-in runs the same command as a process.
        "EndpointImage": "local",
        "TrainingImage": "local",
        **settings,
    }
    outputs = cloudformation.deploy(aws, STACK, parameters, Wait(0.05, 120.0))
    _add_dead_letters(aws, outputs)
    return outputs


def _add_dead_letters(aws: Aws, outputs: dict[str, str]) -> None:
    """Give the functions the dead-letter queue that the emulator's CloudFormation drops."""
    queue = aws.client("sqs").get_queue_attributes(
        QueueUrl=outputs["Undelivered"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    for function in ("StoreFeedback", "Predict", "StartRetraining", "JudgeModel", "ReleaseModel"):
        aws.client("lambda").update_function_configuration(
            FunctionName=outputs[function], DeadLetterConfig={"TargetArn": queue}
        )


def _wait_for_broker(state: LocalState, port: int) -> None:
    """Open a first connection, so the broker creates its certificate."""
    context = ssl.create_default_context(cafile=str(state.root_ca))
    deadline = time.monotonic() + _BROKER_SECONDS
    while time.monotonic() < deadline:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1"),
            ):
                return
        except OSError:
            # Refused because we present no client certificate, as expected; or not up yet.
            if state.server_certificate.exists():
                return
            time.sleep(0.05)
    raise LocalCloudFailed(
        f"waited {_BROKER_SECONDS:.0f} s for the broker to answer on port {port}; "
        f"{log_tail(state.log('emulator'))}"
    )


def _endpoints(
    state: LocalState, ports: Ports, emulator: Emulator, sagemaker_url: str, outputs: dict[str, str]
) -> LocalEndpoints:
    return LocalEndpoints(
        aws_endpoint_url=emulator.url,
        mqtt_host="127.0.0.1",
        mqtt_port=ports.mqtt,
        credentials_url=f"https://127.0.0.1:{ports.credentials}",
        ml_endpoint_url=sagemaker_url,
        region=REGION,
        ca_path=str(state.root_ca.resolve()),
        models_bucket=outputs["ModelsBucket"],
        data_bucket=outputs["DataBucket"],
        table=outputs["Table"],
        stack=STACK,
        role_alias=outputs["RoleAlias"],
        policy=outputs["DevicePolicy"],
        thing_type=outputs["DeviceType"],
        signing_key=outputs["SigningKeyAlias"],
        undelivered=outputs["Undelivered"],
    )


def _handlers(emulator: Emulator, relay: Relay, endpoint: MlEndpoint) -> dict[str, Any]:
    def status(_: dict[str, Any]) -> dict[str, Any]:
        return {
            "emulator": f"process {emulator.pid}",
            "broker": "online" if relay.is_online else "offline",
            "connections": relay.connections,
            "ml_endpoint": "serving" if endpoint.is_serving else "no model published",
        }

    def offline(_: dict[str, Any]) -> dict[str, Any]:
        relay.offline()
        return {"broker": "offline"}

    def online(_: dict[str, Any]) -> dict[str, Any]:
        relay.online()
        return {"broker": "online"}

    def serve(asked: dict[str, Any]) -> dict[str, Any]:
        endpoint.update(Path(str(asked["arrays"])))
        return {"ml_endpoint": "serving"}

    return {"status": status, "offline": offline, "online": online, "serve": serve}
