"""Whose signatures count for what: a small signed document of keys by role.

The roles are those of The Update Framework, and so are the rules ("Update the root role", TUF
specification 1.0, section 5.3): each version is signed by a threshold of the root keys of the
version before *and* of its own, and versions follow one another without a gap. Root keys are kept
offline, so the holder of the key that signs models can't make devices trust another one.

Pure except for reading folders. Only the folder of trusted keys, which only root can write, is
trusted for its location; everything else is verified again whenever it is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from data import limits, signing, wire
from data.bundle import BundleRefused
from data.checks import SCHEMA_VERSION, check_schema, check_version
from data.durable import replace_durably
from data.errors import GreenlightError, InvalidRecord
from data.plain_file import open_plain
from data.text import is_plain

ROOT, MODELS, SOFTWARE, FRESHNESS = "root", "models", "software", "freshness"
_NEEDED = (ROOT, MODELS)
_CONTEXT = b"greenlight-trust-v1\0"
MAX_TRUST_BYTES = 64 * 1024
_MOST_KEYS = 32
_MOST_SIGNATURES = 64
# More rotations than a device will ever see, and few enough to check at every start.
_MOST_VERSIONS = 200
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class TrustRefused(GreenlightError):
    """A trust document must not be used; the message says why. The previous one stays valid."""


class TrustDamaged(signing.KeyUnusable):
    """The document that root installed can't be used: no key is trusted."""


class TrustExpired(BundleRefused):
    """The document has expired: no new model is accepted; the active one stays in use."""


class TrustRole(msgspec.Struct, frozen=True):
    """Which keys have a role, and how many of them must sign."""

    key_ids: tuple[str, ...]
    threshold: int = 1

    def check(self, field: str, keys: Mapping[str, str]) -> None:
        """Raise InvalidRecord, naming the field, if this isn't a role of these keys."""
        if not self.key_ids or len(set(self.key_ids)) != len(self.key_ids):
            raise InvalidRecord(f"{field}.key_ids", "names no key, or one twice; give each once")
        for key_id in self.key_ids:
            if key_id not in keys:
                raise InvalidRecord(f"{field}.key_ids", f"name {key_id[:32]!r}, which has no key")
        if not 1 <= self.threshold <= len(self.key_ids):
            raise InvalidRecord(
                f"{field}.threshold", f"is {self.threshold}; there are {len(self.key_ids)} keys"
            )


class TrustDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The keys by role.

    Attributes:
        version: one more than the version it replaces.
        expires_at: after which no new model is accepted, by a clock that is set.
        keys: PEM by key id.
        roles: `root` and `models`, and `software` and `freshness` if there are such keys. A root
            key has no other role.
    """

    version: int
    created_at: str
    expires_at: str
    keys: dict[str, str]
    roles: dict[str, TrustRole]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a trust document."""
        check_schema(prefix, self.schema_version)
        check_version(f"{prefix}version", self.version)
        for name in ("created_at", "expires_at"):
            _check_moment(f"{prefix}{name}", getattr(self, name))
        if len(self.keys) > _MOST_KEYS:
            raise InvalidRecord(f"{prefix}keys", f"holds {len(self.keys)}; at most {_MOST_KEYS}")
        for key_id, pem in self.keys.items():
            _check_key(f"{prefix}keys.{key_id[:32]}", key_id, pem)
        for name in _NEEDED:
            if name not in self.roles:
                raise InvalidRecord(f"{prefix}roles", f"lacks {name}")
        for name, role in self.roles.items():
            role.check(f"{prefix}roles.{name[:32]}", self.keys)
            if name != ROOT and set(role.key_ids) & set(self.roles[ROOT].key_ids):
                raise InvalidRecord(
                    f"{prefix}roles.{name[:32]}", "holds a root key, which may have no other role"
                )

    def keys_of(self, role: str) -> dict[str, bytes]:
        """Return PEM by key id of a role; none if nobody has it."""
        found = self.roles.get(role)
        return {key_id: self.keys[key_id].encode() for key_id in found.key_ids} if found else {}


class TrustSignature(msgspec.Struct, frozen=True):
    """One key's signature of a document's bytes."""

    key_id: str
    signature: bytes


class SignedTrust(msgspec.Struct, frozen=True):
    """A trust document's bytes, as signed, and its signatures: one file, `trust-<version>.json`."""

    document: bytes
    signatures: tuple[TrustSignature, ...] = ()

    @classmethod
    def read(cls, raw: bytes) -> tuple[SignedTrust, TrustDocument]:
        """Return a file's content and the document in it, whose signatures nobody has checked.

        Raises:
            TrustRefused: it isn't such a file.
        """
        try:
            signed = wire.decode(raw, cls, MAX_TRUST_BYTES)
            return signed, wire.decode(signed.document, TrustDocument, MAX_TRUST_BYTES)
        except InvalidRecord as error:
            raise TrustRefused(f"isn't a trust document: {error}") from error

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if there are too many signatures."""
        if len(self.signatures) > _MOST_SIGNATURES:
            raise InvalidRecord(f"{prefix}signatures", f"holds more than {_MOST_SIGNATURES}")

    def signed_by(self, keys: Mapping[str, bytes]) -> set[str]:
        """Return which of these keys have signed; one that signed twice counts once."""
        return {
            one.key_id
            for one in self.signatures
            if (pem := keys.get(one.key_id)) is not None
            and len(one.signature) == signing.SIGNATURE_BYTES
            and signing.is_signed(self.document, one.signature, pem, _CONTEXT)
        }

    def sign(self, key: signing.PrivateKey) -> SignedTrust:
        """Return this with a key's signature, in place of one that it gave before."""
        return self.with_signature(key.key_id, key.sign(self.document, _CONTEXT))

    def message(self) -> bytes:
        """Return the bytes that are signed, for a key that only AWS KMS has."""
        return signing.message(self.document, _CONTEXT)

    def with_signature(self, key_id: str, signature: bytes) -> SignedTrust:
        """Return this with a signature, in place of one by the same key."""
        others = tuple(one for one in self.signatures if one.key_id != key_id)
        mine = TrustSignature(key_id, signature)
        return msgspec.structs.replace(self, signatures=(*others, mine))

    def encode(self) -> bytes:
        """Return the file's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def begin(raw: bytes, vouched_by: Mapping[str, bytes] | None = None) -> TrustDocument:
    """Return the first document of a chain.

    Args:
        raw: the file's content.
        vouched_by: keys of which one must have signed it too: those that a device trusted before
            it had a trust document. None where root put the document into place.

    Raises:
        TrustRefused: it isn't signed by a threshold of its own root keys, or by nobody known.
    """
    signed, document = SignedTrust.read(raw)
    _check_threshold(signed, document, "its own")
    if vouched_by is not None and not signed.signed_by(vouched_by):
        raise TrustRefused("is signed by no key that was trusted here before")
    return document


def follow(current: TrustDocument, raw: bytes) -> TrustDocument:
    """Return the document that replaces the current one.

    Raises:
        TrustRefused: it isn't the next version, or not signed by both thresholds. Expiry is not
            looked at: an expired document is replaced like any other.
    """
    signed, document = SignedTrust.read(raw)
    if document.version != current.version + 1:
        raise TrustRefused(
            f"is version {document.version}; after version {current.version} comes"
            f" {current.version + 1}"
        )
    _check_threshold(signed, current, f"version {current.version}'s")
    _check_threshold(signed, document, "its own")
    return document


def _check_threshold(signed: SignedTrust, by: TrustDocument, whose: str) -> None:
    needed, found = by.roles[ROOT].threshold, len(signed.signed_by(by.keys_of(ROOT)))
    if found < needed:
        raise TrustRefused(f"is signed by {found} of {whose} root keys; {needed} must sign")


@dataclass(frozen=True)
class Trust:
    """Whom this device trusts.

    Attributes:
        document: the newest trust document, or None where plain keys count.
        new: PEM by key id of the keys whose new models are accepted.
        known: of every key whose models were ever accepted: a model in use stays in use.
        files: the content of each version that was followed, by version.
    """

    document: TrustDocument | None
    new: Mapping[str, bytes]
    known: Mapping[str, bytes]
    files: Mapping[int, bytes]

    @property
    def version(self) -> int:
        """The document's version; 0 where plain keys count."""
        return self.document.version if self.document else 0

    def describe(self) -> str:
        """Return in one line whose new models are accepted; empty if nobody's are."""
        keys = ", ".join(self.new)
        if self.document is None:
            return keys
        root = self.document.roles[ROOT]
        return (
            f"{keys}, by version {self.version} of the trust document ({root.threshold} of"
            f" {len(root.key_ids)} root keys change it, expires {self.document.expires_at[:10]})"
        )

    def refuse_if_expired(self, now: datetime) -> None:
        """Refuse new models if the document is out of date.

        A clock that was never set is not believed: it would be too early for everything.

        Raises:
            TrustExpired: saying since when.
        """
        document = self.document
        if document is None or now.year < limits.EARLIEST_CLOCK_YEAR:
            return
        if now >= _moment(document.expires_at):
            raise TrustExpired(
                f"the trust document, version {document.version}, expired on"
                f" {document.expires_at[:10]}: no new model is accepted until a newer one arrives"
            )


def read_trust(keys: Path, *updates: Path) -> Trust:
    """Return whom this device trusts.

    Args:
        keys: the folder that only root writes: `trust-<version>.json`, or plain `*.pub.pem`, which
            count for models only as long as there is no trust document.
        updates: folders that may hold newer versions; what isn't signed as it must be is passed
            over, and nothing after it counts.

    Raises:
        TrustDamaged: root's own document can't be used.
        KeyUnusable: naming a plain key's file that holds none.
    """
    plain = signing.read_public_keys(keys)
    if versions := _versions(keys):
        try:
            raw = _read(keys, versions[0])
            found: tuple[TrustDocument, bytes] | None = (begin(raw), raw)
        except TrustRefused as error:
            raise TrustDamaged(f"{keys / file_name(versions[0])}: {error}") from error
    else:
        found = _taken_over(updates, plain)
    trust = Trust(None, plain, plain, {})
    while found is not None and len(trust.files) < _MOST_VERSIONS:
        document, raw = found
        theirs = document.keys_of(MODELS)
        files = {**trust.files, document.version: raw}
        trust = Trust(document, theirs, {**trust.known, **theirs}, files)
        found = _next(document, (keys, *updates))
    return trust


def adopt(trust: Trust, folder: Path) -> None:
    """Save the versions that were followed in our own folder, durably.

    Raises:
        OSError: some of them aren't kept yet.
    """
    for version, raw in trust.files.items():
        path = folder / file_name(version)
        if not path.exists() or path.read_bytes() != raw:
            folder.mkdir(mode=0o750, exist_ok=True)
            replace_durably(path, raw, 0o640)


def file_name(version: int) -> str:
    """Return the name of a version's file, here and in the bucket."""
    return f"trust-{version}.json"


def _next(current: TrustDocument, folders: Iterable[Path]) -> tuple[TrustDocument, bytes] | None:
    for folder in folders:
        try:
            raw = _read(folder, current.version + 1)
            return follow(current, raw), raw
        except TrustRefused:
            continue
    return None


def _taken_over(
    folders: Iterable[Path], plain: Mapping[str, bytes]
) -> tuple[TrustDocument, bytes] | None:
    """Return the first document of a device that has plain keys, if one of them has signed it."""
    for folder in folders:
        try:
            raw = _read(folder, 1)
            return begin(raw, plain), raw
        except TrustRefused:
            continue
    return None


def _versions(folder: Path) -> list[int]:
    found = (re.fullmatch(r"trust-([1-9]\d{0,6})\.json", path.name) for path in folder.glob("*"))
    return sorted(int(name[1]) for name in found if name)


def _read(folder: Path, version: int) -> bytes:
    try:
        with os.fdopen(open_plain(folder / file_name(version)), "rb") as file:
            return file.read(MAX_TRUST_BYTES + 1)
    except OSError as error:
        raise TrustRefused(f"{file_name(version)}: {error.strerror}") from error


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)


def _check_moment(field: str, text: str) -> None:
    try:
        _moment(text)
    except ValueError as error:
        raise InvalidRecord(field, "isn't a moment such as 2027-01-31T00:00:00Z") from error


def _check_key(field: str, key_id: str, pem: str) -> None:
    try:
        right = is_plain(pem.replace("\n", "")) and signing.key_id(pem.encode()) == key_id
    except signing.KeyUnusable as error:
        raise InvalidRecord(field, str(error)) from error
    if not right or not _KEY_ID.fullmatch(key_id):
        raise InvalidRecord(field, "isn't the id of its key")
