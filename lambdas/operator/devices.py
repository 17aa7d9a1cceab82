"""`greenlight-cloud device provision` and `device retire`: the stack's devices in AWS IoT.

Provisioning creates the thing, its certificate and the folder that the Pi needs: key and
certificate, the server's root certificate, the public keys that bundles are checked with, and
`sync.toml`. Only the private key is secret; all of it is for this one device.
"""

from __future__ import annotations

import json
import shutil
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import signing, topics
from data.command_line import JsonOption, print_json
from data.durable import write_secret
from data.errors import GreenlightError
from lambdas.errors import AwsUnusable
from lambdas.operator.aws import STACK, Aws, reach
from lambdas.operator.options import LocalOption, RegionOption, StackOption

CERTIFICATE = "certificate.pem.crt"
PRIVATE_KEY = "private.pem.key"
ROOT_CA = "root-ca.pem"
PUBLIC_KEYS = "public-keys"
CONFIGURATION = "sync.toml"

# Amazon Trust Services: an endpoint's certificate may come from any of them ("Server
# authentication", AWS IoT Core developer guide).
AMAZON_ROOTS = "https://www.amazontrust.com/repository/"
_ROOT_FILES = (*(f"AmazonRootCA{number}.pem" for number in (1, 2, 3, 4)), "SFSRootCAG2.pem")
_MOST_ROOT_BYTES = 16 * 1024
# A device on the same machine as its cloud needn't wait as long as one in the field.
_LOCAL_TIMINGS = {
    "ack_timeout_seconds": 10,
    "keep_alive_seconds": 10,
    "min_free_bytes": 16 * 1024 * 1024,
    "poll_seconds": 0.2,
    "report_interval_seconds": 2,
    "retry_base_seconds": 0.2,
    "retry_cap_seconds": 2,
}


class ProvisioningFailed(GreenlightError):
    """The device can't be provisioned; the message says why and what to do."""


class NoSuchDevice(GreenlightError):
    """The stack has no such device."""


@dataclass(frozen=True)
class Addresses:
    """The cloud's addresses for a device."""

    mqtt_host: str
    mqtt_port: int
    credentials_url: str
    root_ca: bytes


def provision(aws: Aws, stack: str, thing: str, folder: Path, public_keys: list[bytes]) -> None:
    """Create the thing, a new certificate and the device's folder.

    An existing thing keeps its old certificates and attributes; `device retire` deactivates lost
    certificates.

    Raises:
        InvalidRecord: AWS IoT wouldn't accept this name.
        ProvisioningFailed: the folder holds another device's key, or AWS refuses.
    """
    topics.check_thing(thing)
    if (folder / PRIVATE_KEY).exists():
        raise ProvisioningFailed(
            f"{folder} already holds a device's key; choose another --out, or delete the folder"
        )
    outputs = aws.outputs(stack)
    addresses = _addresses(aws)
    iot = aws.client("iot")
    try:
        _make_thing(iot, thing, outputs["DeviceType"])
        iot.add_thing_to_thing_group(thingName=thing, thingGroupName=outputs["Fleet"])
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(policyName=outputs["DevicePolicy"], target=made["certificateArn"])
        iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
    except (ClientError, BotoCoreError) as error:
        raise ProvisioningFailed(f"AWS IoT refuses the thing {thing}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    write_secret(folder / CERTIFICATE, made["certificatePem"].encode())
    write_secret(folder / PRIVATE_KEY, made["keyPair"]["PrivateKey"].encode())
    write_secret(folder / ROOT_CA, addresses.root_ca)
    _write_public_keys(folder / PUBLIC_KEYS, public_keys)
    write_secret(
        folder / CONFIGURATION, _configuration(aws, thing, addresses, outputs).encode("utf-8")
    )


def _make_thing(iot: Any, thing: str, device_type: str) -> None:
    """Create a thing, or give an existing one the stack's type."""
    try:
        found = iot.describe_thing(thingName=thing).get("thingTypeName")
    except iot.exceptions.ResourceNotFoundException:
        iot.create_thing(thingName=thing, thingTypeName=device_type)
        return
    if not found:
        iot.update_thing(thingName=thing, thingTypeName=device_type)
    elif found != device_type:
        raise ProvisioningFailed(
            f"the thing {thing} has the type {found}, so it belongs to another stack; "
            "choose another name for the device"
        )


def _addresses(aws: Aws) -> Addresses:
    if aws.local is not None:
        return Addresses(
            aws.local.mqtt_host,
            aws.local.mqtt_port,
            aws.local.credentials_url,
            Path(aws.local.ca_path).read_bytes(),
        )
    iot = aws.client("iot")
    mqtt = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    credentials = iot.describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"]
    return Addresses(mqtt, 8883, f"https://{credentials}", amazon_roots())


def amazon_roots(repository: str = AMAZON_ROOTS) -> bytes:
    """Return Amazon's root certificates, as one PEM file.

    Raises:
        ProvisioningFailed: one of them can't be had.
    """
    roots = b""
    for name in _ROOT_FILES:
        try:
            with urllib.request.urlopen(repository + name, timeout=30) as reply:
                root: bytes = reply.read(_MOST_ROOT_BYTES)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=root.decode())
        except (OSError, ValueError) as error:
            raise ProvisioningFailed(
                f"{repository}{name} can't be fetched ({error}); try again with a connection to it"
            ) from error
        roots += root.strip() + b"\n"
    return roots


def _write_public_keys(folder: Path, public_keys: list[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for pem in public_keys:
        write_secret(folder / f"{signing.key_id(pem)}{signing.PUBLIC_SUFFIX}", pem)


def _configuration(aws: Aws, thing: str, addresses: Addresses, outputs: dict[str, str]) -> str:
    """Return `sync.toml`; its paths are relative, because the folder moves to the Pi."""
    settings: dict[str, str | int | float] = {
        "thing": thing,
        "region": aws.region,
        "mqtt_host": addresses.mqtt_host,
        "mqtt_port": addresses.mqtt_port,
        "root_ca": ROOT_CA,
        "certificate": CERTIFICATE,
        "private_key": PRIVATE_KEY,
        "credentials_url": addresses.credentials_url,
        "role_alias": outputs["RoleAlias"],
        "models_bucket": outputs["ModelsBucket"],
        "public_keys": PUBLIC_KEYS,
    }
    if aws.local is not None:
        settings |= {"aws_endpoint_url": aws.local.aws_endpoint_url, **_LOCAL_TIMINGS}
    # Strings and numbers are written the same in JSON and TOML.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    return f"# Written for {thing}; see greenlight-sync.\n{''.join(lines)}"


def retire(aws: Aws, stack: str, thing: str) -> int:
    """Deactivate a device's certificates and remove it from the fleet; return how many it had.

    The thing stays registered, without a type. Provisioning it again gives it a new certificate.

    Raises:
        NoSuchDevice: the stack has no device of this name.
        AwsUnusable: AWS IoT refuses; running it again continues.
    """
    topics.check_thing(thing)
    outputs, iot = aws.outputs(stack), aws.client("iot")
    if thing not in things_of(aws, outputs):
        raise NoSuchDevice(f"the stack {stack} has no device {thing}")
    try:
        principals = iot.list_thing_principals(thingName=thing)["principals"]
        for certificate in principals:
            iot.detach_policy(policyName=outputs["DevicePolicy"], target=certificate)
            iot.update_certificate(
                certificateId=certificate.rpartition("/")[2], newStatus="INACTIVE"
            )
        iot.remove_thing_from_thing_group(thingName=thing, thingGroupName=outputs["Fleet"])
        # The type last: it marks the thing as one of the stack's devices.
        iot.update_thing(thingName=thing, removeThingType=True)
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"the device {thing} can't be retired: {error}") from error
    return len(principals)


def things_of(aws: Aws, outputs: dict[str, str]) -> list[str]:
    """Return the names of the stack's devices.

    Raises:
        AwsUnusable: AWS IoT doesn't list them.
    """
    pages = aws.client("iot").get_paginator("list_things")
    try:
        return [
            thing["thingName"]
            for page in pages.paginate(thingTypeName=outputs["DeviceType"])
            for thing in page["things"]
        ]
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"AWS IoT doesn't list the stack's devices: {error}") from error


def release_devices(aws: Aws, outputs: dict[str, str]) -> None:
    """Detach the devices from the stack, so that it can be deleted.

    AWS IoT doesn't delete a policy or a thing type that is in use. Things and certificates stay
    registered, but have no rights without the policy.

    Raises:
        AwsUnusable: naming what can't be detached; running it again continues.
    """
    iot, policy = aws.client("iot"), outputs["DevicePolicy"]
    try:
        for certificate in list(_holders(iot, policy)):
            iot.detach_policy(policyName=policy, target=certificate)
        for thing in things_of(aws, outputs):
            iot.update_thing(thingName=thing, removeThingType=True)
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"a device can't be detached from the stack: {error}") from error


def _holders(iot: Any, policy: str) -> Iterator[str]:
    for page in iot.get_paginator("list_targets_for_policy").paginate(policyName=policy):
        yield from page["targets"]


def provision_command(
    thing: Annotated[str, typer.Argument(help="the device's name")],
    out: Annotated[Path, typer.Option(help="the folder to create for the Pi")],
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="another key to trust, as PEM; repeatable")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a device: its thing, its certificate, and the folder for the Pi."""
    aws = reach(local, region)
    keys = [path.read_bytes() for path in public_key or ()]
    keys.append(aws.signing_key(stack).public_pem())
    if local is not None:
        keys.append(signing.development_key().public_pem)
    provision(aws, stack, thing, out, keys)
    if as_json:
        print_json({"thing": thing, "stack": stack, "folder": str(out)})
    else:
        typer.echo(f"{thing}: everything it needs is in {out}; keep that folder secret")


def retire_command(
    thing: Annotated[str, typer.Argument(help="the device's name")],
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Deactivate a device's certificates, so it can no longer connect."""
    certificates = retire(reach(local, region), stack, thing)
    if as_json:
        print_json({"thing": thing, "stack": stack, "certificates": certificates})
    else:
        typer.echo(f"{thing}: {certificates} certificate(s) deactivated; it can't connect any more")
