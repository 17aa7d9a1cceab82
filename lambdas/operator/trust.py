"""`greenlight-cloud trust`: the document that says whose signatures count, made and signed offline.

Only `publish` reaches the cloud. Root keys never need to touch a machine that does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from botocore.exceptions import ClientError

from data import signing
from data.command_line import JsonOption, print_json
from data.durable import replace_durably, write_secret
from data.errors import GreenlightError
from data.topics import TRUST_PREFIX
from data.trust import (
    FRESHNESS,
    MODELS,
    ROOT,
    SOFTWARE,
    SignedTrust,
    TrustDocument,
    TrustRefused,
    TrustRole,
    begin,
    file_name,
    follow,
)
from lambdas.errors import PublishingFailed
from lambdas.operator.aws import STACK, reach
from lambdas.operator.options import LocalOption, RegionOption, StackOption

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_DAYS = 365

DocumentArgument = Annotated[Path, typer.Argument(metavar="FILE", help="trust-VERSION.json")]
AfterOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="the version before it; none for the first")
]
KeysOption = Annotated[list[Path] | None, typer.Option(metavar="PUB.PEM", help="repeatable")]


class TrustUnfinished(GreenlightError):
    """A trust document can't be made, or isn't complete yet."""


def key_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="of the private key, as name.pem")],
    as_json: JsonOption = False,
) -> None:
    """Make a key for a role: FILE (mode 0600) and its public part beside it."""
    if file.exists():
        raise TrustUnfinished(f"{file} exists already; give another name")
    key = signing.PrivateKey.new()
    write_secret(file, key.private_pem())
    public = file.with_name(file.stem + signing.PUBLIC_SUFFIX)
    replace_durably(public, key.public_pem)
    if as_json:
        print_json({"key_id": key.key_id, "private": str(file), "public": str(public)})
    else:
        print(f"key {key.key_id}: {file} (keep it offline) and {public}")


def draft_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="where the document goes")],
    root: KeysOption = None,
    threshold: Annotated[int, typer.Option(help="how many root keys must sign")] = 1,
    models: KeysOption = None,
    software: KeysOption = None,
    freshness: KeysOption = None,
    after: AfterOption = None,
    days: Annotated[int, typer.Option(help="until it expires")] = _DAYS,
    as_json: JsonOption = False,
) -> None:
    """Write the next version of the trust document, unsigned."""
    version = 1 if after is None else _read(after)[1].version + 1
    keys: dict[str, str] = {}
    roles: dict[str, TrustRole] = {}
    given = {ROOT: root, MODELS: models, SOFTWARE: software, FRESHNESS: freshness}
    for name, files in given.items():
        pems = [path.read_bytes() for path in files or ()]
        ids = [signing.key_id(pem) for pem in pems]
        keys |= {key_id: pem.decode() for key_id, pem in zip(ids, pems, strict=True)}
        if ids:
            roles[name] = TrustRole(tuple(ids), threshold if name == ROOT else 1)
    now = datetime.now(UTC)
    made = TrustDocument(
        version=version,
        created_at=now.strftime(_MOMENT),
        expires_at=(now + timedelta(days=days)).strftime(_MOMENT),
        keys=keys,
        roles=roles,
    )
    made.check()
    path = folder / file_name(version)
    if path.exists():
        raise TrustUnfinished(f"{path} exists already; a version is never changed")
    folder.mkdir(parents=True, exist_ok=True)
    replace_durably(path, SignedTrust(msgspec.json.encode(made)).encode())
    if as_json:
        print_json({"version": version, "file": str(path)})
    else:
        print(f"{path}: to be signed by {threshold} of {len(roles[ROOT].key_ids)} root keys")


def sign_command(
    file: DocumentArgument,
    key: Annotated[Path | None, typer.Option(metavar="PEM", help="a private key")] = None,
    stack_key: Annotated[
        bool, typer.Option("--stack-key", help="with the key in KMS that devices already trust")
    ] = False,
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Add a key's signature to the document: offline with --key, or with --stack-key."""
    signed, document = _read(file)
    if (key is None) != stack_key:
        raise TrustUnfinished("give a key to sign with: either --key PEM or --stack-key")
    if key is not None:
        signed = signed.sign(signing.PrivateKey.read(key))
    else:
        aws = reach(local, region)
        signed = aws.signing_key(stack).sign_trust(signed)
    replace_durably(file, signed.encode())
    signer = signed.signatures[-1].key_id
    if as_json:
        print_json({"version": document.version, "key_id": signer})
    else:
        print(f"version {document.version}: signed by {signer}")


def check_command(
    file: DocumentArgument, after: AfterOption = None, as_json: JsonOption = False
) -> None:
    """Check the document as a device will."""
    document = _checked(file, after)
    if as_json:
        print_json(msgspec.to_builtins(document))
        return
    print(f"version {document.version}: complete, expires {document.expires_at[:10]}")
    for name, role in document.roles.items():
        print(f"  {name}: {role.threshold} of {', '.join(role.key_ids)}")


def publish_command(
    file: DocumentArgument,
    after: AfterOption = None,
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Check the document and put it where devices look for it before each model."""
    document = _checked(file, after)
    aws = reach(local, region)
    bucket, key = aws.outputs(stack)["ModelsBucket"], TRUST_PREFIX + file_name(document.version)
    s3, content = aws.client("s3"), file.read_bytes()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise PublishingFailed(f"AWS refuses: {error}") from error
        if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != content:
            raise PublishingFailed(f"{key} is published already, with other content") from error
    if as_json:
        print_json({"version": document.version, "bucket": bucket, "key": key})
    else:
        print(f"version {document.version} is published; devices follow it with their next model")


def _read(file: Path) -> tuple[SignedTrust, TrustDocument]:
    try:
        return SignedTrust.read(file.read_bytes())
    except TrustRefused as error:
        raise TrustUnfinished(f"{file}: {error}") from error


def _checked(file: Path, after: Path | None) -> TrustDocument:
    raw = file.read_bytes()
    try:
        if after is not None:
            return follow(_read(after)[1], raw)
        document = begin(raw)
    except TrustRefused as error:
        raise TrustUnfinished(f"{file}: {error}") from error
    if document.version != 1:
        raise TrustUnfinished(f"{file}: name the version before it with --after")
    return document
