"""The stack's signing key."""

from __future__ import annotations

import hashlib

import msgspec

from data.bundle import Bundle
from data.manifest import Manifest
from lambdas.kms_key import KmsKey
from lambdas.operator.aws import Aws


def release_key(aws: Aws, stack: str) -> bytes:
    """Return the public part of the stack's signing key, as PEM.

    Raises:
        AwsUnusable: if it cannot be read.
    """
    return _key(aws, stack).public_pem()


def under_release_key(aws: Aws, stack: str, bundle: Bundle) -> tuple[Bundle, bytes, bytes]:
    """Return a checked bundle under the stack's key, with its manifest's bytes and signature.

    Raises:
        AwsUnusable: if KMS does not sign.
    """
    raw, signature = _key(aws, stack).sign_manifest(bundle.manifest)
    manifest = msgspec.json.decode(raw, type=Manifest)
    return Bundle(manifest, bundle.files, hashlib.sha256(raw).hexdigest()), raw, signature


def _key(aws: Aws, stack: str) -> KmsKey:
    return KmsKey(aws.client("kms"), aws.outputs(stack)["SigningKeyAlias"])
