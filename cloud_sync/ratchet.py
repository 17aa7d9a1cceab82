"""The ratchet: the highest model version ever accepted from each signing key.

Without it an attacker who can write to the bucket, or an old job, could bring back an old signed
model. The file is replaced durably before the model is handed over.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from data.checks import refuse_jump
from data.durable import aside_name, replace_durably
from data.errors import GreenlightError

RATCHET = "sync-ratchet.json"


class VersionRefused(GreenlightError):
    """The version isn't above the highest one accepted from this key."""


class Seen(msgspec.Struct, frozen=True):
    """The highest version accepted from a key, and which bundle it was."""

    version: int
    manifest_sha256: str


class Ratchet:
    """Reads and raises the highest versions, by key id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set_aside: Path | None = None

    def check(self, key_id: str, version: int, manifest_sha256: str) -> None:
        """Refuse anything but a higher version, or exactly the bundle accepted last.

        Raises:
            VersionRefused: naming both versions.
        """
        known = self._read()
        highest = max((one.version for one in known.values()), default=0)
        if too_far := refuse_jump(version, highest):
            raise VersionRefused(too_far)
        seen = known.get(key_id)
        if seen is None or version > seen.version:
            return
        if version == seen.version and manifest_sha256 == seen.manifest_sha256:
            # The same bundle again: after a power cut, or because its job is repeated.
            return
        raise VersionRefused(
            f"version {version} is not above version {seen.version}, already accepted from key"
            f" {key_id}; publish with a higher version"
        )

    def raise_to(self, key_id: str, version: int, manifest_sha256: str) -> None:
        """Remember an accepted version; once this returns, it survives a power cut.

        Raises:
            VersionRefused: as `check`.
            OSError: it could not be written; nothing has been changed.
        """
        self.check(key_id, version, manifest_sha256)
        versions = self._read()
        accepted = Seen(version, manifest_sha256)
        if versions.get(key_id) != accepted:
            versions[key_id] = accepted
            replace_durably(self._path, msgspec.json.encode(versions))

    def _read(self) -> dict[str, Seen]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Seen])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Set aside, never deleted: a person may still read what it held.
            aside = aside_name(self._path)
            self._path.rename(aside)
            self.set_aside = aside
            return {}
