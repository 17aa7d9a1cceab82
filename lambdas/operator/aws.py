"""The way to AWS, or to a local cloud that takes its place: only the addresses differ."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.errors import AwsUnusable
from lambdas.operator.local_endpoints import Endpoints, read_endpoints

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK = "greenlight"
# What the emulator takes for the account's own key.
DESK_KEY = "test"

__all__ = ["STACK", "Aws", "AwsUnusable", "in_account", "on_desk", "outputs_of", "reach"]


@dataclass(frozen=True)
class Aws:
    """An account in a region, or a local cloud.

    Attributes:
        endpoint_url: of the local cloud; None is AWS itself.
        desk: the local cloud's endpoints; None is AWS itself.
    """

    region: str
    endpoint_url: str | None = None
    desk: Endpoints | None = None

    def client(self, service: str) -> Any:
        """Return a client of this service."""
        config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"})
        if self.endpoint_url is None:
            return boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]
        # SageMaker is not emulated: its stand-in answers beside the emulator.
        stand_in = self.desk is not None and service == "sagemaker"
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self.region,
            endpoint_url=self.desk.ml_endpoint_url if self.desk and stand_in else self.endpoint_url,
            aws_access_key_id=DESK_KEY,
            aws_secret_access_key=DESK_KEY,
            config=config,
        )

    def account(self) -> str:
        """Return the account's number.

        Raises:
            AwsUnusable: there are no credentials, or AWS does not take them.
        """
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise AwsUnusable(
                f"AWS does not know who is asking ({error}); "
                "set AWS_PROFILE or sign in with `aws sso login`"
            ) from error

    def stack(self, name: str) -> StackTypeDef:
        """Return what CloudFormation knows of a stack.

        Raises:
            AwsUnusable: if there is no such stack.
        """
        try:
            found: StackTypeDef = self.client("cloudformation").describe_stacks(StackName=name)[
                "Stacks"
            ][0]
        except ClientError as error:
            raise AwsUnusable(
                f"there is no stack {name} in {self.region}; deploy it with `make deploy`"
            ) from error
        except BotoCoreError as error:
            where = self.endpoint_url or f"AWS in {self.region}"
            raise AwsUnusable(f"{where} does not answer: {error}") from error
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """Return a stack's outputs; see template.yaml."""
        return outputs_of(self.stack(name))


def outputs_of(stack: StackTypeDef) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def on_desk(folder: Path) -> Aws:
    """Return the local cloud that runs on this folder.

    Raises:
        NotRunning: if none does.
    """
    endpoints = read_endpoints(folder)
    return Aws(endpoints.region, endpoints.aws_endpoint_url, endpoints)


def in_account(region: str | None) -> Aws:
    """Return AWS itself, in this region or in the one of the user's settings.

    Raises:
        AwsUnusable: if no region is set.
    """
    # AWS_REGION is what every other tool reads; boto3 itself knows its older name only.
    chosen = region or os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    if not chosen:
        raise AwsUnusable("no AWS region is set; give --region or set AWS_REGION")
    return Aws(chosen)


def reach(desk: Path | None, region: str | None) -> Aws:
    """Return the local cloud on this folder, or AWS once it has said that it knows the caller.

    Raises:
        NotRunning: no local cloud runs there.
        AwsUnusable: there is no region, or there are no credentials.
    """
    if desk is not None:
        return on_desk(desk)
    aws = in_account(region)
    aws.account()
    return aws
