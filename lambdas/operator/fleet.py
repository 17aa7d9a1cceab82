"""Which devices a stack has, as AWS IoT lists them."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.errors import PublishingFailed
from lambdas.operator.aws import Aws, AwsUnusable


def things_of(aws: Aws, outputs: dict[str, str]) -> list[str]:
    """Return the names of the stack's devices.

    Raises:
        AwsUnusable: if AWS IoT does not say.
    """
    pages = aws.client("iot").get_paginator("list_things")
    try:
        return [
            thing["thingName"]
            for page in pages.paginate(thingTypeName=outputs["DeviceType"])
            for thing in page["things"]
        ]
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"AWS IoT does not list its things: {error}") from error


def every_thing(aws: Aws, stack: str) -> list[str]:
    """Return the names of all devices of this stack.

    Raises:
        PublishingFailed: if there are none.
    """
    names = things_of(aws, aws.outputs(stack))
    if not names:
        raise PublishingFailed("no device is provisioned; begin with lambdas.operator.provision")
    return names
