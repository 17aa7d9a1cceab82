"""The stack: created or updated from `template.yaml`, in an account or on a desk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from lambdas.aws import Aws, AwsUnusable, outputs_of

TEMPLATE = Path(__file__).with_name("template.yaml")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_NOTHING_TO_DO = "No updates are to be performed"


class StackFailed(AwsUnusable):
    """CloudFormation could not bring the stack to what the template says."""


def deploy(
    aws: Aws, name: str, parameters: Mapping[str, str], every_seconds: float
) -> dict[str, str]:
    """Create or update the stack and return its outputs.

    Args:
        aws: where.
        name: the stack's name, which begins the names of its resources.
        parameters: of the template; those not named keep their value or take their default.
        every_seconds: how often CloudFormation is asked whether it is done.

    Raises:
        StackFailed: with the first resource that failed and why.
    """
    cloudformation = aws.client("cloudformation")
    request = {
        "StackName": name,
        "TemplateBody": TEMPLATE.read_text("utf-8"),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Capabilities": _CAPABILITIES,
    }
    try:
        if exists(aws, name):
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        if _NOTHING_TO_DO not in str(error):
            raise StackFailed(f"CloudFormation refuses the stack {name}: {error}") from error
    return _wait(aws, name, every_seconds)


def exists(aws: Aws, name: str) -> bool:
    """Return whether there is a stack of this name."""
    try:
        aws.stack(name)
    except AwsUnusable:
        return False
    return True


def _wait(aws: Aws, name: str, every_seconds: float) -> dict[str, str]:
    while (found := aws.stack(name))["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(every_seconds)
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise StackFailed(
            f"the stack {name} is {found['StackStatus']}: {_first_failure(aws, name)}"
        )
    return outputs_of(found)


def _first_failure(aws: Aws, name: str) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason')}"
    return "CloudFormation names no resource"
