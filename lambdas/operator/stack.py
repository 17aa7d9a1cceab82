"""The stack: created or updated from `template.yaml`, in an account or on a desk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import yaml
from botocore.exceptions import ClientError

from lambdas.operator.aws import Aws, AwsUnusable, outputs_of

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# The outputs that name what the template retains; a test holds this to it.
RETAINED = ("DataBucket", "ModelsBucket", "Table", "SigningKey")
# What deploying gives by itself, as it does every package's key, and what only a desk is given.
_GIVEN = ("Desk", "DeskEndpointUrl", "CodeBucket", "Architecture")
# A whole stack takes AWS some minutes; the local cloud needs seconds.
_MOST_AWS_SECONDS, _MOST_LOCAL_SECONDS = 3600.0, 300.0
_NOTHING_TO_DO = "No updates are to be performed"


class StackFailed(AwsUnusable):
    """CloudFormation could not bring the stack to what the template says."""


def settings() -> dict[str, tuple[str, ...]]:
    """Return the template's parameters that an operator may choose, each with all that it may be.

    One with nothing listed takes any value, as far as CloudFormation lets it.
    """
    # Composed and not loaded: the template's short tags need no meaning here.
    root = dict(_entries(yaml.compose(TEMPLATE.read_text("utf-8"))))
    found = {}
    for name, parameter in _entries(root["Parameters"]):
        if name not in _GIVEN and not name.endswith("Key"):
            allowed = dict(_entries(parameter)).get("AllowedValues")
            found[name] = tuple(node.value for node in allowed.value) if allowed else ()
    return found


def _entries(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise TypeError(f"{TEMPLATE.name}: has no mapping where one is expected")
    return [(key.value, value) for key, value in node.value]


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
    body = TEMPLATE.read_text("utf-8")
    there = exists(aws, name)
    if there and aws.stack(name)["StackStatus"] == "ROLLBACK_COMPLETE":
        raise StackFailed(
            f"the stack {name} could not be created before ({_first_failure(aws, name)}); "
            "take it down with `make destroy`, then deploy again"
        )
    request = {
        "StackName": name,
        "TemplateBody": body,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        + (_kept(aws, name, body, parameters) if there else []),
        "Capabilities": _CAPABILITIES,
    }
    try:
        if there:
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        if _NOTHING_TO_DO not in str(error):
            raise StackFailed(f"CloudFormation refuses the stack {name}: {error}") from error
    return _wait(aws, name, every_seconds)


def _kept(aws: Aws, name: str, body: str, given: Mapping[str, str]) -> list[dict[str, str | bool]]:
    """Return the parameters that keep the value they have."""
    known = aws.client("cloudformation").validate_template(TemplateBody=body)["Parameters"]
    named = {parameter["ParameterKey"] for parameter in known}
    had = {parameter["ParameterKey"] for parameter in aws.stack(name).get("Parameters", [])}
    return [
        {"ParameterKey": key, "UsePreviousValue": True}
        for key in sorted((named & had) - set(given))
    ]


def exists(aws: Aws, name: str) -> bool:
    """Return whether there is a stack of this name."""
    try:
        aws.stack(name)
    except AwsUnusable:
        return False
    return True


def _wait(aws: Aws, name: str, every_seconds: float) -> dict[str, str]:
    deadline = time.monotonic() + _most_seconds(aws)
    while (found := aws.stack(name))["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise _still(aws, name, found["StackStatus"])
        time.sleep(every_seconds)
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise StackFailed(
            f"the stack {name} is {found['StackStatus']}: {_first_failure(aws, name)}"
        )
    return outputs_of(found)


def _most_seconds(aws: Aws) -> float:
    return _MOST_AWS_SECONDS if aws.desk is None else _MOST_LOCAL_SECONDS


def _still(aws: Aws, name: str, status: str) -> StackFailed:
    return StackFailed(
        f"waited {_most_seconds(aws):.0f} s for the stack {name}, which is still {status} "
        f"({_first_failure(aws, name)}); CloudFormation's list of its events says what it is "
        "working on"
    )


def _first_failure(aws: Aws, name: str) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason')}"
    return "CloudFormation names no resource"


def delete(aws: Aws, name: str, every_seconds: float) -> None:
    """Delete the stack.

    Raises:
        StackFailed: if something could not be deleted.
    """
    aws.client("cloudformation").delete_stack(StackName=name)
    deadline = time.monotonic() + _most_seconds(aws)
    while exists(aws, name):
        status = aws.stack(name)["StackStatus"]
        if time.monotonic() > deadline:
            raise _still(aws, name, status)
        if status == "DELETE_FAILED":
            raise StackFailed(f"the stack {name} cannot be deleted: {_first_failure(aws, name)}")
        time.sleep(every_seconds)
