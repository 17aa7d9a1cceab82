"""A bundle is a folder with a model and everything needed to trust and use it.

Nothing in it is used before signature and hashes are checked, and only the checked bytes are used,
so changing a file after the check has no effect.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from data import limits, signing, software, wire
from data.catalogue import Catalogue
from data.checks import SCHEMA_VERSION
from data.durable import write_synced
from data.errors import GreenlightError, InvalidRecord
from data.manifest import (
    ARRAYS,
    BUNDLE_FORMAT,
    CATALOGUE,
    MANIFEST,
    MODEL,
    PROBES,
    SIGNATURE,
    FileEntry,
    Manifest,
)
from data.plain_file import open_plain
from data.probes import Probes
from data.text import is_plain, texts

# How this refusal begins, in the journal too.
NEEDS_NEWER_SOFTWARE = "needs newer software"


class BundleRefused(GreenlightError):
    """A bundle must not be used; the message says why."""


class BundleUnreadable(BundleRefused):
    """A file is missing, isn't a plain file, or is larger than allowed."""


class BadManifest(BundleRefused):
    """The manifest isn't valid for this software."""


class NeedsNewerSoftware(BundleRefused):
    """The bundle needs newer software: it's valid, and an update makes it usable."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{NEEDS_NEWER_SOFTWARE}: {what}")


class UnknownKey(BundleRefused):
    """The bundle names a key that isn't trusted here."""


class BadSignature(BundleRefused):
    """The signature isn't the named key's signature of this manifest."""


class HashMismatch(BundleRefused):
    """A file isn't the one that was signed."""


@dataclass(frozen=True)
class Bundle:
    """The checked content of a bundle.

    Attributes:
        files: the bytes of each file that the manifest lists, as signed.
        manifest_sha256: of the bytes of `manifest.json`.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    manifest_sha256: str

    @property
    def model(self) -> bytes:
        """The bytes of `model.onnx`."""
        return self.files[MODEL]

    @property
    def model_hash(self) -> str:
        """The SHA-256 of `model.onnx`."""
        return self.manifest.model_hash

    def catalogue(self) -> Catalogue:
        """Return what `catalogue.json` says.

        Raises:
            InvalidRecord: naming the field.
        """
        return wire.decode(self.files[CATALOGUE], Catalogue, limits.MAX_BUNDLE_FILE_BYTES)

    def probes(self) -> Probes:
        """Return what `probes.json` says.

        Raises:
            InvalidRecord: naming the field.
        """
        return wire.decode(self.files[PROBES], Probes, limits.MAX_BUNDLE_FILE_BYTES)


def beside(bundle: Path) -> Path:
    """Return the folder next to a bundle, with the scikit-learn model and the report."""
    return bundle.with_name(f"{bundle.name}.report")


def arrays_places(bundle: Path) -> tuple[Path, ...]:
    """Return where a bundle's arrays may be, in search order.

    A release keeps it in the bundle, an export in the folder next to it, a retraining in the folder
    above it.
    """
    return tuple(folder / ARRAYS for folder in (bundle, beside(bundle), bundle.parent))


def find_arrays(bundle: Path) -> Path | None:
    """Return the first of a bundle's `arrays_places` where there is one."""
    return next((path for path in arrays_places(bundle) if path.is_file()), None)


def read_bundle(folder: Path, public_keys: Mapping[str, bytes]) -> Bundle:
    """Read and check a bundle.

    Args:
        folder: the bundle; files that its manifest doesn't list are ignored.
        public_keys: PEM of the trusted keys by key id (signing.read_public_keys).

    Raises:
        BundleRefused: a subclass of it, before anything unchecked has been used.
    """
    manifest, sha256 = read_manifest(folder, public_keys)
    files = {name: read_file(folder, name, entry) for name, entry in manifest.files.items()}
    return Bundle(manifest, files, sha256)


def read_manifest(folder: Path, public_keys: Mapping[str, bytes]) -> tuple[Manifest, str]:
    """Return a bundle's checked manifest and its SHA-256; the other files are not looked at.

    Raises:
        BundleRefused: as `read_bundle`.
    """
    raw = _read(folder, MANIFEST, limits.MAX_MANIFEST_BYTES)
    manifest = check_manifest(raw, _read(folder, SIGNATURE, signing.SIGNATURE_BYTES), public_keys)
    return manifest, hashlib.sha256(raw).hexdigest()


def read_file(folder: Path, name: str, entry: FileEntry) -> bytes:
    """Return the bytes of one file of a bundle, as a checked manifest lists it.

    Raises:
        BundleUnreadable, HashMismatch: it isn't the file that was signed.
    """
    content = _read(folder, name, entry.size)
    if FileEntry.of(content) != entry:
        raise HashMismatch(f"{name}: its bytes are not those that were signed")
    return content


def check_manifest(raw: bytes, signature: bytes, public_keys: Mapping[str, bytes]) -> Manifest:
    """Return the manifest that these bytes hold, once its signature is checked.

    Raises:
        BundleRefused: UnknownKey, BadSignature, NeedsNewerSoftware or BadManifest.
    """
    # The key's id must be read before the signature can be checked, so read nothing else.
    try:
        named = msgspec.json.decode(raw, type=_KeyNamed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"{MANIFEST}: names no key: {wire.refusal(error, 'it')}") from error
    pem = public_keys.get(named.key_id)
    if pem is None:
        raise UnknownKey(f"{MANIFEST}: signed by key {named.key_id[:32]!r}, not trusted here")
    if len(signature) != signing.SIGNATURE_BYTES or not signing.is_signed(raw, signature, pem):
        raise BadSignature(f"{SIGNATURE}: is not key {named.key_id}'s signature of this manifest")
    _check_software(raw)
    if not all(map(is_plain, texts(msgspec.json.decode(raw)))):
        raise BadManifest(f"{MANIFEST} holds a control or invisible character")
    try:
        return wire.decode(raw, Manifest, limits.MAX_MANIFEST_BYTES)
    except InvalidRecord as error:
        raise BadManifest(f"{MANIFEST}: {error}") from error


class _KeyNamed(msgspec.Struct):
    key_id: str


class _Needs(msgspec.Struct):
    bundle_format: int = 1
    min_software: str = "0"
    schema_version: int = SCHEMA_VERSION


def _check_software(raw: bytes) -> None:
    """Refuse what needs newer software, before the rest is read.

    Raises:
        NeedsNewerSoftware: saying what the bundle needs, and what this is.
    """
    try:
        needs = msgspec.json.decode(raw, type=_Needs)
    except msgspec.DecodeError:
        return  # the manifest's own check names the field
    if needs.bundle_format > BUNDLE_FORMAT:
        raise NeedsNewerSoftware(
            f"the bundle's format is {needs.bundle_format}; {BUNDLE_FORMAT} is read here"
        )
    if needs.schema_version > SCHEMA_VERSION:
        raise NeedsNewerSoftware(
            f"the manifest's version is {needs.schema_version}; {SCHEMA_VERSION} is read here"
        )
    here = software.version()
    if here is not None and software.is_below(here, needs.min_software):
        raise NeedsNewerSoftware(f"Greenlight {needs.min_software[:40]}; {here} is here")


def _read(folder: Path, name: str, most_bytes: int) -> bytes:
    """Return a plain file's bytes; a link, a device or a larger file is refused."""
    try:
        descriptor = open_plain(folder / name)
    except OSError as error:
        raise BundleUnreadable(f"{name}: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if size > most_bytes:
            raise BundleUnreadable(f"{name}: has {size} bytes; {most_bytes} allowed")
        return file.read(most_bytes + 1)


def write_bundle(
    folder: Path, manifest: Manifest, files: Mapping[str, bytes], key: signing.PrivateKey | None
) -> str:
    """Write a signed bundle, complete or not at all, replacing an earlier one in `folder`.

    Args:
        folder: created if missing; only a bundle or an empty folder is replaced.
        manifest: its `files` and `key_id` are filled in here.
        files: the bytes of each file by name.
        key: the key to sign with; without one, no device accepts the bundle until it is signed by
            the release.

    Returns:
        The SHA-256 of `manifest.json`.

    Raises:
        InvalidRecord: naming the manifest's field that is wrong.
        FileExistsError: if `folder` holds something that isn't a bundle.
    """
    entries = {name: FileEntry.of(content) for name, content in sorted(files.items())}
    filled = msgspec.structs.replace(manifest, files=entries, key_id=key.key_id if key else "")
    filled.check()
    raw = msgspec.json.format(msgspec.json.encode(filled), indent=1) + b"\n"
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder}: holds something else; choose another folder")
    fresh = folder.with_name(f".{folder.name}.new")
    _clear(fresh)
    fresh.mkdir(parents=True)
    signature = {SIGNATURE: key.sign(raw)} if key else {}
    for name, content in {**files, MANIFEST: raw, **signature}.items():
        write_synced(fresh / name, content)
    _clear(folder)
    fresh.rename(folder)
    return hashlib.sha256(raw).hexdigest()


def _clear(folder: Path) -> None:
    """Remove a flat folder of plain files; the manifest first, so that no half bundle is left."""
    if not folder.exists():
        return
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
