"""The highest version accepted under each model name, by any key: nothing older is accepted again.

The appliance and the sync service each keep their own record, with the same rule. No rollback
lowers it. A lost record is rebuilt from the manifests of accepted models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from data.bundle import BundleRefused, read_manifest
from data.checks import refuse_jump

# Earlier software kept versions by key, without names: what it accepted counts for every name.
ANY_NAME = ""


class Seen(msgspec.Struct, frozen=True):
    """The highest version accepted under a name, and which manifest it was.

    Attributes:
        manifest_sha256: of `manifest.json`; empty if an older record didn't keep it.
    """

    version: int
    manifest_sha256: str


NONE = Seen(0, "")


def highest(seen: Mapping[str, Seen], name: str) -> Seen:
    """Return the highest version that counts for a name; version 0 without one."""
    found = (seen.get(name, NONE), seen.get(ANY_NAME, NONE))
    return max(found, key=lambda one: one.version)


def refuse_version(seen: Mapping[str, Seen], name: str, version: int, manifest_sha256: str) -> str:
    """Return why a signed version must not be accepted, or nothing.

    The very manifest that was accepted last may come again: power was lost, or its folder was
    damaged.
    """
    last = highest(seen, name)
    if too_far := refuse_jump(version, last.version):
        return too_far
    if version > last.version:
        return ""
    if version < last.version:
        return (
            f"version {version} is not above version {last.version}, accepted before under the name"
            f" {name!r}; publish it with a higher version"
        )
    if manifest_sha256 == last.manifest_sha256:
        return ""
    return (
        f"version {version} was accepted before with another manifest under the name {name!r};"
        " publish it with a higher version"
    )


def accept(
    seen: Mapping[str, Seen], name: str, version: int, manifest_sha256: str
) -> dict[str, Seen]:
    """Return the record with a version accepted; a lower one changes nothing."""
    last = seen.get(name, NONE)
    if version < max(last.version, 1):
        return dict(seen)
    return {**seen, name: Seen(version, manifest_sha256)}


def seen_in(folders: Iterable[Path], public_keys: Mapping[str, bytes]) -> dict[str, Seen]:
    """Return the record that the bundles in these folders prove.

    Only manifest and signature are read: a damaged model was accepted too. Without a trusted key's
    signature, a manifest proves nothing.
    """
    seen: dict[str, Seen] = {}
    for folder in folders:
        try:
            manifest, sha256 = read_manifest(folder, public_keys)
        except BundleRefused:
            continue
        if manifest.version > seen.get(manifest.name, NONE).version:
            seen[manifest.name] = Seen(manifest.version, sha256)
    return seen
