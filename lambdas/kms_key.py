"""A signing key in AWS KMS; its private part never leaves KMS."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from data import signing
from data.manifest import Manifest
from data.trust import SignedTrust
from lambdas.errors import AwsUnusable

_ALGORITHM = "ED25519_SHA_512"


class KmsKey:
    """An Ed25519 key in KMS, identified by its alias."""

    def __init__(self, kms: Any, alias: str) -> None:
        self._kms = kms
        self._alias = alias

    def public_pem(self) -> bytes:
        """Return the key's public part, as PEM.

        Raises:
            AwsUnusable: it can't be read.
        """
        try:
            der = self._kms.get_public_key(KeyId=self._alias)["PublicKey"]
        except (ClientError, BotoCoreError) as error:
            raise AwsUnusable(f"the signing key {self._alias} can't be read: {error}") from error
        body = base64.b64encode(der).decode()
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
        return pem.encode()

    def sign_manifest(self, manifest: Manifest) -> tuple[bytes, bytes]:
        """Return the bytes of `manifest.json` with this key's id, and their signature.

        Only the manifest changes, and only its key id; the files stay as they were checked. The
        same manifest gives the same bytes, so publishing twice has the effect of publishing once.

        Raises:
            AwsUnusable: KMS doesn't sign.
        """
        key_id = signing.key_id(self.public_pem())
        named = msgspec.structs.replace(manifest, key_id=key_id)
        raw = msgspec.json.format(msgspec.json.encode(named), indent=1) + b"\n"
        return raw, self._sign(signing.message(raw))

    def sign_trust(self, trust: SignedTrust) -> SignedTrust:
        """Return a trust document with this key's signature: how devices that trust it are won.

        Raises:
            AwsUnusable: if KMS does not sign.
        """
        signature = self._sign(trust.message())
        return trust.with_signature(signing.key_id(self.public_pem()), signature)

    def _sign(self, message: bytes) -> bytes:
        try:
            signed = self._kms.sign(
                KeyId=self._alias,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm=_ALGORITHM,
            )
        except (ClientError, BotoCoreError) as error:
            raise AwsUnusable(f"KMS doesn't sign with {self._alias}: {error}") from error
        signature: bytes = signed["Signature"]
        return signature
