"""Provisions a device: `python -m lambdas.operator.provision THING --out DIR [--desk STATE]`.

Makes the thing, its certificate and the folder that the Pi needs: key and certificate, the
server's root, the public keys of bundles, and `sync.toml`. Nothing in it but the private key is
secret; all of it is for one device only.
"""

from __future__ import annotations

import json
import shutil
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import signing, topics
from data.durable import write_secret
from data.errors import GreenlightError
from lambdas.operator.aws import STACK, Aws, reach
from lambdas.operator.options import DeskOption, RegionOption, StackOption
from lambdas.operator.signing_key import release_key

CERTIFICATE = "certificate.pem.crt"
PRIVATE_KEY = "private.pem.key"
ROOT_CA = "root-ca.pem"
PUBLIC_KEYS = "public-keys"
CONFIGURATION = "sync.toml"

AMAZON_ROOT_CA = "https://www.amazontrust.com/repository/AmazonRootCA1.pem"
# A device on the same table as its cloud need not be as patient as one in a cellar.
_DESK_PACE = {
    "ack_timeout_seconds": 10,
    "keep_alive_seconds": 10,
    "min_free_bytes": 16 * 1024 * 1024,
    "poll_seconds": 0.2,
    "report_interval_seconds": 2,
    "retry_base_seconds": 0.2,
    "retry_cap_seconds": 2,
}


class ProvisioningFailed(GreenlightError):
    """The device cannot be provisioned; the message says why and what to do."""


@dataclass(frozen=True)
class Addresses:
    """Where a device reaches the cloud."""

    mqtt_host: str
    mqtt_port: int
    credentials_url: str
    root_ca: bytes


def provision(aws: Aws, stack: str, thing: str, folder: Path, public_keys: list[bytes]) -> None:
    """Make the thing, a fresh certificate and the device's folder.

    A thing that exists keeps its old certificates: revoke those that are lost (docs/aws.md).

    Raises:
        InvalidRecord: AWS IoT would not take this name.
        ProvisioningFailed: the folder holds another device's key, or AWS refuses.
    """
    topics.check_thing(thing)
    if (folder / PRIVATE_KEY).exists():
        raise ProvisioningFailed(
            f"{folder} holds a device's key already; give another --out, or delete it"
        )
    outputs = aws.outputs(stack)
    addresses = _addresses(aws)
    iot = aws.client("iot")
    try:
        iot.create_thing(thingName=thing, thingTypeName=outputs["DeviceType"])
        iot.add_thing_to_thing_group(thingName=thing, thingGroupName=outputs["Fleet"])
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(policyName=outputs["DevicePolicy"], target=made["certificateArn"])
        iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
    except (ClientError, BotoCoreError) as error:
        raise ProvisioningFailed(f"AWS IoT does not take the thing {thing}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    write_secret(folder / CERTIFICATE, made["certificatePem"].encode())
    write_secret(folder / PRIVATE_KEY, made["keyPair"]["PrivateKey"].encode())
    write_secret(folder / ROOT_CA, addresses.root_ca)
    _write_public_keys(folder / PUBLIC_KEYS, public_keys)
    write_secret(
        folder / CONFIGURATION, _configuration(aws, thing, addresses, outputs).encode("utf-8")
    )


def _addresses(aws: Aws) -> Addresses:
    if aws.desk is not None:
        return Addresses(
            aws.desk.mqtt_host,
            aws.desk.mqtt_port,
            aws.desk.credentials_url,
            Path(aws.desk.ca_path).read_bytes(),
        )
    iot = aws.client("iot")
    mqtt = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    credentials = iot.describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"]
    with urllib.request.urlopen(AMAZON_ROOT_CA, timeout=30) as reply:
        root: bytes = reply.read()
    return Addresses(mqtt, 8883, f"https://{credentials}", root)


def _write_public_keys(folder: Path, public_keys: list[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for pem in public_keys:
        write_secret(folder / f"{signing.key_id(pem)}{signing.PUBLIC_SUFFIX}", pem)


def _configuration(aws: Aws, thing: str, addresses: Addresses, outputs: dict[str, str]) -> str:
    """Return `sync.toml`; its paths are relative to its own folder, which moves to the Pi."""
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
    if aws.desk is not None:
        settings |= {"aws_endpoint_url": aws.desk.aws_endpoint_url, **_DESK_PACE}
    # JSON's strings and numbers are TOML's.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    return f"# Written for {thing}; see greenlight-sync.\n{''.join(lines)}"


def main(
    thing: Annotated[str, typer.Argument(help="the device's name")],
    out: Annotated[Path, typer.Option(help="the folder to make for the Pi")],
    desk: DeskOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="a further key to trust, as PEM; may be repeated")
    ] = None,
) -> None:
    """Provision a device: its thing, its certificate, and the folder for the Pi."""
    try:
        aws = reach(desk, region)
        keys = [path.read_bytes() for path in public_key or ()] + [release_key(aws, stack)]
        if desk is not None:
            keys.append(signing.development_key().public_pem)
        provision(aws, stack, thing, out, keys)
    except (GreenlightError, OSError) as error:
        print(f"lambdas.operator.provision: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{thing}: everything it needs lies in {out}; the key in it is secret")


if __name__ == "__main__":
    typer.run(main)
