"""Access to AWS, or to a local cloud instead: only the addresses differ."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from data.errors import GreenlightError
from data.exits import Exit
from lambdas.errors import AwsUnusable
from lambdas.held_out_key import read_key
from lambdas.kms_key import KmsKey
from lambdas.s3_objects import in_own_buckets

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK = "greenlight"
# In a local cloud's folder while it runs.
ENDPOINTS = "endpoints.json"
# The emulator's key for the account itself.
_LOCAL_KEY = "test"
_NO_SUCH_STACK = "does not exist"


class AwsUnreachable(AwsUnusable):
    """AWS doesn't answer, or doesn't accept the caller's credentials."""

    exit_code = Exit.NOT_RUNNING


class LocalCloudNotRunning(GreenlightError):
    """No local cloud is running in this folder."""

    exit_code = Exit.NOT_RUNNING


class LocalEndpoints(msgspec.Struct, frozen=True):
    """The addresses of a running local cloud; `endpoints.json`.

    Attributes:
        mqtt_port: of the relay in front of the broker, which `offline` closes.
        credentials_url: of the credentials provider's stand-in, without a path.
        ml_endpoint_url: of the ML endpoint's stand-in: /ping, /invocations.
        ca_path: the certificate that signed those of broker and credentials provider.
    """

    aws_endpoint_url: str
    mqtt_host: str
    mqtt_port: int
    credentials_url: str
    ml_endpoint_url: str
    region: str
    ca_path: str
    models_bucket: str
    data_bucket: str
    table: str
    stack: str
    role_alias: str
    policy: str
    thing_type: str
    signing_key: str
    undelivered: str


def read_endpoints(folder: Path) -> LocalEndpoints:
    """Return the addresses of the local cloud that is running in this folder.

    Raises:
        LocalCloudNotRunning: none is running there.
    """
    try:
        return msgspec.json.decode((folder / ENDPOINTS).read_bytes(), type=LocalEndpoints)
    except FileNotFoundError:
        raise LocalCloudNotRunning(
            f"no local cloud is running in {folder}; "
            f"start it with `greenlight-cloud local start --local {folder}`"
        ) from None


@dataclass(frozen=True)
class Aws:
    """An AWS account in a region, or a local cloud.

    Attributes:
        endpoint_url: of the local cloud; None for AWS itself.
        local: the local cloud's endpoints; None for AWS itself.
    """

    region: str
    endpoint_url: str | None = None
    local: LocalEndpoints | None = None

    def client(self, service: str) -> Any:
        """Return a boto3 client for this service."""
        config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"})
        # boto3-stubs wants a literal service name, and here any may be asked for.
        if self.endpoint_url is None:
            client = boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]
            return in_own_buckets(client, self.account()) if service == "s3" else client
        # The emulator has no SageMaker; its stand-in has its own address.
        stand_in = self.local is not None and service in ("sagemaker", "sagemaker-runtime")
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self.region,
            endpoint_url=self.local.ml_endpoint_url
            if self.local and stand_in
            else self.endpoint_url,
            aws_access_key_id=_LOCAL_KEY,
            aws_secret_access_key=_LOCAL_KEY,
            config=config,
        )

    def account(self) -> str:
        """Return the account's number.

        Raises:
            AwsUnreachable: there are no credentials, or AWS doesn't accept them.
        """
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise AwsUnreachable(
                f"AWS doesn't accept your credentials ({error}); "
                "set AWS_PROFILE or sign in with `aws sso login`"
            ) from error

    def find_stack(self, name: str) -> StackTypeDef | None:
        """Return CloudFormation's description of a stack, or None if there is no such stack.

        Raises:
            AwsUnusable: CloudFormation doesn't say whether there is one.
        """
        try:
            found: StackTypeDef = self.client("cloudformation").describe_stacks(StackName=name)[
                "Stacks"
            ][0]
        except ClientError as error:
            # Other errors (an expired token, throttling) say nothing about the stack.
            if _NO_SUCH_STACK in error.response["Error"].get("Message", ""):
                return None
            raise AwsUnusable(
                f"CloudFormation doesn't say whether the stack {name} exists: {error}"
            ) from error
        except BotoCoreError as error:
            where = self.endpoint_url or f"AWS in {self.region}"
            raise AwsUnreachable(f"{where} doesn't answer: {error}") from error
        return found

    def stack(self, name: str) -> StackTypeDef:
        """Return CloudFormation's description of a stack.

        Raises:
            AwsUnusable: there is no such stack, or CloudFormation doesn't say.
        """
        found = self.find_stack(name)
        if found is None:
            raise AwsUnusable(
                f"there is no stack {name} in {self.region}; "
                "deploy it with `greenlight-cloud stack up`"
            )
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """Return a stack's outputs; see template.yaml."""
        return outputs_of(self.stack(name))

    def signing_key(self, stack: str) -> KmsKey:
        """Return the key that signs this stack's releases."""
        return KmsKey(self.client("kms"), self.outputs(stack)["SigningKeyAlias"])

    def held_out_key(self, stack: str) -> bytes:
        """Return the key by which this stack holds out ratings and films.

        Raises:
            AwsUnusable: the stack was deployed before there was one.
        """
        secret = self.outputs(stack).get("HeldOutKey")
        if secret is None:
            raise AwsUnusable(
                f"the stack {stack} has no key yet that holds out ratings; "
                "deploy it again with `greenlight-cloud stack up`"
            )
        return read_key(self.client("secretsmanager"), secret)


def outputs_of(stack: StackTypeDef) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def on_local_cloud(folder: Path) -> Aws:
    """Return the local cloud that is running in this folder.

    Raises:
        LocalCloudNotRunning: none is running there.
    """
    endpoints = read_endpoints(folder)
    return Aws(endpoints.region, endpoints.aws_endpoint_url, endpoints)


def in_account(region: str | None) -> Aws:
    """Return AWS itself, in this region or the one in the user's settings.

    Raises:
        AwsUnreachable: no region is set.
    """
    # Every other tool reads AWS_REGION; boto3 itself only knows its older name.
    chosen = region or os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    if not chosen:
        raise AwsUnreachable("no AWS region is set; give --region or set AWS_REGION")
    return Aws(chosen)


def reach(local: Path | None, region: str | None) -> Aws:
    """Return the local cloud in this folder, or AWS once it has accepted the caller.

    Raises:
        LocalCloudNotRunning: no local cloud is running there.
        AwsUnreachable: the region or the credentials are missing.
    """
    if local is not None:
        return on_local_cloud(local)
    aws = in_account(region)
    aws.account()
    return aws


@dataclass(frozen=True)
class Wait:
    """How often to ask AWS whether something is done, and for how long at most."""

    every_seconds: float
    at_most_seconds: float

    def until(self, client: Any, waiter: str, **request: str) -> str | None:
        """Wait with boto3's waiter of this name.

        Returns:
            None once it is done, or why it isn't: it failed, or it took too long.
        """
        attempts = math.ceil(self.at_most_seconds / self.every_seconds)
        try:
            client.get_waiter(waiter).wait(
                **request, WaiterConfig={"Delay": self.every_seconds, "MaxAttempts": attempts}
            )
        except WaiterError as error:
            return str(error)
        return None
