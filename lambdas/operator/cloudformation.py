"""Creates, updates and deletes the stack in CloudFormation, from `template.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.errors import AwsUnusable
from lambdas.operator.aws import Aws, Wait, outputs_of

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
# The outputs for what the template retains; a test compares this with the template.
RETAINED = ("DataBucket", "ModelsBucket", "Table", "SigningKey", "HeldOutKey")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# Set by deploying itself, like every package's key, or for a local cloud only.
_GIVEN = ("Local", "LocalEndpointUrl", "LocalLibraries", "CodeBucket", "Architecture")
_NOTHING_TO_DO = "No updates are to be performed"


class StackFailed(AwsUnusable):
    """CloudFormation couldn't create, update or delete the stack."""


def settings() -> dict[str, tuple[str, ...]]:
    """Return the template's parameters that an operator may set, each with its allowed values.

    A parameter without a list takes any value that CloudFormation accepts.
    """
    # Composed, not loaded: the template's short tags don't have to mean anything here.
    root = dict(_entries(yaml.compose(TEMPLATE.read_text("utf-8"))))
    found = {}
    for name, parameter in _entries(root["Parameters"]):
        if name not in _GIVEN and not name.endswith("Key"):
            allowed = dict(_entries(parameter)).get("AllowedValues")
            found[name] = tuple(node.value for node in allowed.value) if allowed else ()
    return found


def _entries(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise TypeError(f"{TEMPLATE.name}: expected a mapping here")
    return [(key.value, value) for key, value in node.value]


def deploy(aws: Aws, name: str, parameters: Mapping[str, str], wait: Wait) -> dict[str, str]:
    """Create or update the stack and return its outputs.

    Args:
        aws: the account.
        name: the stack's name, and the prefix of its resources' names.
        parameters: of the template; others keep their value, or get their default.
        wait: how long to wait for CloudFormation.

    Raises:
        StackFailed: with the first resource that failed and why.
        AwsUnusable: CloudFormation doesn't answer.
    """
    before = aws.find_stack(name)
    if before is not None and before["StackStatus"] == "ROLLBACK_COMPLETE":
        raise StackFailed(
            f"an earlier attempt to create the stack {name} failed ({_first_failure(aws, name)}); "
            "delete it with `greenlight-cloud stack down`, then deploy again"
        )
    body = TEMPLATE.read_text("utf-8")
    request = {
        "StackName": name,
        "TemplateBody": body,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        + (_kept(aws, name, body, parameters) if before is not None else []),
        "Capabilities": _CAPABILITIES,
    }
    cloudformation = aws.client("cloudformation")
    try:
        if before is None:
            marker, waiter = "", "stack_create_complete"
            cloudformation.create_stack(**request)
        else:
            marker, waiter = _newest_event(aws, name), "stack_update_complete"
            cloudformation.update_stack(**request)
    except ClientError as error:
        if _NOTHING_TO_DO in str(error):
            return aws.outputs(name)
        raise StackFailed(f"CloudFormation refuses the stack {name}: {error}") from error
    failure = wait.until(cloudformation, waiter, StackName=name)
    found = aws.stack(name)
    if found["StackStatus"].endswith("_IN_PROGRESS"):
        raise StackFailed(
            f"the stack {name} is still {found['StackStatus']} after "
            f"{wait.at_most_seconds / 60:.0f} minutes; look at its events, then deploy again"
        )
    if failure is not None or found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reason = _first_failure(aws, name, marker)
        raise StackFailed(f"the stack {name} is {found['StackStatus']}: {reason}")
    return outputs_of(found)


def _kept(aws: Aws, name: str, body: str, given: Mapping[str, str]) -> list[dict[str, str | bool]]:
    """Return the parameters that keep their value."""
    known = aws.client("cloudformation").validate_template(TemplateBody=body)["Parameters"]
    named = {parameter["ParameterKey"] for parameter in known}
    had = {parameter["ParameterKey"] for parameter in aws.stack(name).get("Parameters", [])}
    return [
        {"ParameterKey": key, "UsePreviousValue": True}
        for key in sorted((named & had) - set(given))
    ]


def delete(aws: Aws, name: str, wait: Wait) -> None:
    """Delete the stack, if it exists.

    Raises:
        StackFailed: something couldn't be deleted.
        AwsUnusable: CloudFormation doesn't say whether the stack is deleted.
    """
    found = aws.find_stack(name)
    if found is None:
        return
    # Once a stack is deleted, it can only be found by its id.
    stack_id, cloudformation = found["StackId"], aws.client("cloudformation")
    marker = _newest_event(aws, stack_id)
    try:
        cloudformation.delete_stack(StackName=name)
        failure = wait.until(cloudformation, "stack_delete_complete", StackName=stack_id)
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"CloudFormation doesn't delete the stack {name}: {error}") from error
    still_there = aws.find_stack(name)
    if still_there is None:
        return
    if still_there["StackStatus"] == "DELETE_FAILED":
        reason = _first_failure(aws, stack_id, marker)
        raise StackFailed(f"the stack {name} can't be deleted: {reason}")
    raise StackFailed(
        f"the stack {name} isn't deleted yet: it is {still_there['StackStatus']}"
        f"{f' ({failure})' if failure else ''}; run this again"
    )


def _events(aws: Aws, stack: str) -> Iterator[dict[str, Any]]:
    """Yield the stack's events, newest first."""
    pages = aws.client("cloudformation").get_paginator("describe_stack_events")
    for page in pages.paginate(StackName=stack):
        yield from page["StackEvents"]


def _newest_event(aws: Aws, stack: str) -> str:
    return next((str(event["EventId"]) for event in _events(aws, stack)), "")


def _first_failure(aws: Aws, stack: str, marker: str = "") -> str:
    """Return the first failure after the event `marker`."""
    try:
        since = list(takewhile(lambda event: event["EventId"] != marker, _events(aws, stack)))
    except (ClientError, BotoCoreError) as error:
        return f"CloudFormation doesn't say why: {error}"
    for event in reversed(since):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason')}"
    return "CloudFormation doesn't name a resource"
