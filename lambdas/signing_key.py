"""The stack's signing key: AWS KMS holds it, and nobody ever sees its private part."""

from __future__ import annotations

import base64
import hashlib

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from data import signing
from data.bundle import Bundle
from data.manifest import Manifest
from lambdas.aws import Aws, AwsUnusable

_ALGORITHM = "ED25519_SHA_512"


def release_key(aws: Aws, stack: str) -> bytes:
    """Return the public part of the stack's signing key, as PEM.

    Raises:
        AwsUnusable: if it cannot be read.
    """
    alias = aws.outputs(stack)["SigningKeyAlias"]
    try:
        der = aws.client("kms").get_public_key(KeyId=alias)["PublicKey"]
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"the signing key {alias} cannot be read: {error}") from error
    body = base64.b64encode(der).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    return pem.encode()


def sign_manifest(aws: Aws, stack: str, manifest: Manifest) -> tuple[bytes, bytes]:
    """Return the bytes of `manifest.json` under the stack's key, and their signature.

    Only the manifest changes, and in it only the key's name: the files stay as they were checked.
    The same manifest gives the same bytes, so that publishing twice is publishing once.

    Raises:
        AwsUnusable: if KMS does not sign.
    """
    key_id = signing.key_id(release_key(aws, stack))
    named = msgspec.structs.replace(manifest, key_id=key_id)
    raw = msgspec.json.format(msgspec.json.encode(named), indent=1) + b"\n"
    alias = aws.outputs(stack)["SigningKeyAlias"]
    try:
        signed = aws.client("kms").sign(
            KeyId=alias,
            Message=signing.message(raw),
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHM,
        )
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"the signing key {alias} does not sign: {error}") from error
    signature: bytes = signed["Signature"]
    return raw, signature


def under_release_key(aws: Aws, stack: str, bundle: Bundle) -> tuple[Bundle, bytes, bytes]:
    """Return a checked bundle under the stack's key, with its manifest's bytes and signature."""
    raw, signature = sign_manifest(aws, stack, bundle.manifest)
    manifest = msgspec.json.decode(raw, type=Manifest)
    return Bundle(manifest, bundle.files, hashlib.sha256(raw).hexdigest()), raw, signature
