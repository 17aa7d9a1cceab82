"""Takes from a stack's devices what ties them to it, so that the stack can be deleted.

AWS IoT deletes neither a policy that certificates hold nor a type that things have. Things and
certificates stay in the registry, where they are worth nothing without the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.operator.aws import Aws, AwsUnusable
from lambdas.operator.fleet import things_of


def retire(aws: Aws, outputs: dict[str, str]) -> None:
    """Detach the devices' policy from every certificate, and their type from every thing.

    Raises:
        AwsUnusable: naming what cannot be detached; running it again goes on.
    """
    iot, policy = aws.client("iot"), outputs["DevicePolicy"]
    try:
        for certificate in list(_holders(iot, policy)):
            iot.detach_policy(policyName=policy, target=certificate)
        for thing in things_of(aws, outputs):
            iot.update_thing(thingName=thing, removeThingType=True)
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"a device cannot be detached from the stack: {error}") from error


def _holders(iot: Any, policy: str) -> Iterator[str]:
    for page in iot.get_paginator("list_targets_for_policy").paginate(policyName=policy):
        yield from page["targets"]
