"""Ed25519 signatures of manifests. The only module that uses the cryptography library.

The message signed is `greenlight-manifest-v1`, a zero byte and the manifest's SHA-256: AWS KMS
signs at most 4,096 bytes, and the prefix keeps a signature from meaning anything else.
Public keys are in the device's configuration; private keys are never in the repository.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data.durable import write_secret
from data.errors import GreenlightError

DEVELOPMENT_KEY = "development.pem"
PUBLIC_SUFFIX = ".pub.pem"
SIGNATURE_BYTES = 64
_CONTEXT = b"greenlight-manifest-v1\0"


class KeyUnusable(GreenlightError):
    """A key file isn't a readable Ed25519 key."""


def message(content: bytes, context: bytes = _CONTEXT) -> bytes:
    """Return what is signed for this content: a manifest's, unless `context` says otherwise."""
    return context + hashlib.sha256(content).digest()


def keys_folder() -> Path:
    """Return the development key's folder: `GREENLIGHT_KEYS`, or one in the user's home."""
    return Path(os.environ.get("GREENLIGHT_KEYS") or Path.home() / ".config/greenlight/keys")


class PrivateKey:
    """A key that signs.

    Attributes:
        public_pem: the public part, as PEM.
        key_id: its name in manifests.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = key_id(self.public_pem)

    @classmethod
    def new(cls) -> PrivateKey:
        """Make a key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> PrivateKey:
        """Read a key from a PEM file.

        Raises:
            KeyUnusable: if the file holds no unencrypted Ed25519 private key.
        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise KeyUnusable(f"{path}: no unencrypted private key in PEM form") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnusable(f"{path}: holds another kind of key; an Ed25519 key is needed")
        return cls(key)

    def private_pem(self) -> bytes:
        """Return the private part as PEM, to be kept in a file of mode 0600."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, content: bytes, context: bytes = _CONTEXT) -> bytes:
        """Return the 64 bytes of the signature of these bytes (see `message`)."""
        return self._key.sign(message(content, context))


def _load_public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        raise KeyUnusable("no public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("another kind of key; an Ed25519 key is needed")
    return key


def key_id(public_pem: bytes) -> str:
    """Return a key's name: the first 16 hexadecimal digits of its SHA-256.

    Raises:
        KeyUnusable: this isn't an Ed25519 public key.
    """
    raw = _load_public(public_pem).public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return hashlib.sha256(raw).hexdigest()[:16]


def is_signed(
    content: bytes, signature: bytes, public_pem: bytes, context: bytes = _CONTEXT
) -> bool:
    """Return whether `signature` is this key's signature of these bytes (see `message`).

    Raises:
        KeyUnusable: this isn't an Ed25519 public key.
    """
    try:
        _load_public(public_pem).verify(signature, message(content, context))
    except InvalidSignature:
        return False
    return True


def development_key(folder: Path | None = None) -> PrivateKey:
    """Return the development key, making it on first use (mode 0600, outside of the repository).

    Its public part is written next to it as `development.pub.pem`.
    """
    folder = folder or keys_folder()
    path = folder / DEVELOPMENT_KEY
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_key_file(path)
    key = PrivateKey.read(path)
    public = folder / (path.stem + PUBLIC_SUFFIX)
    if not public.exists() or public.read_bytes() != key.public_pem:
        public.write_bytes(key.public_pem)
    return key


def _make_key_file(path: Path) -> None:
    # Linked into place when complete: of two simultaneous first uses, neither reads half a key.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    write_secret(fresh, PrivateKey.new().private_pem())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def read_public_keys(folder: Path) -> dict[str, bytes]:
    """Return the public keys of a folder's `*.pub.pem` files, by their key id.

    Raises:
        KeyUnusable: naming the file that holds no Ed25519 public key.
    """
    keys = {}
    for path in sorted(folder.glob(f"*{PUBLIC_SUFFIX}")):
        pem = path.read_bytes()
        try:
            keys[key_id(pem)] = pem
        except KeyUnusable as error:
            raise KeyUnusable(f"{path}: {error}") from error
    return keys
