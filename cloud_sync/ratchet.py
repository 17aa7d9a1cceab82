"""The ratchet: the highest model version that this service ever accepted, by name.

Without it an attacker who can write to the bucket, or an old job, could bring back an old signed
model. The file is replaced durably before the model it speaks of is handed over. One that is
damaged or lost is rebuilt from the models that the appliance keeps; until then none is accepted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from data.checks import check_schema
from data.durable import aside_name, replace_durably, sync_folder
from data.errors import GreenlightError, InvalidRecord
from data.plain_file import open_plain
from data.seen import ANY_NAME, NONE, Seen, accept, refuse_version, seen_in
from edge.incoming import INCOMING

RATCHET = "sync-ratchet.json"
# Where the appliance keeps its models: this service may read them, and nothing else there.
_VERSIONS = "versions"
_MOST_BYTES = 1 << 20


class VersionRefused(GreenlightError):
    """The version is not above the highest that was accepted under its name."""


class RatchetDamaged(VersionRefused):
    """The record of accepted versions is lost, and no verified model is left to rebuild it from."""


class _Record(msgspec.Struct, frozen=True):
    seen: dict[str, Seen]
    schema_version: int = 1


_LOST = (
    "the record of accepted versions was damaged and can't be rebuilt: no verified model is left,"
    f" so new ones are refused. To start over, delete {RATCHET}.damaged-* in the state folder"
)


class Ratchet:
    """Reads and raises the highest versions, by name.

    Args:
        state: the state folder.
        public_keys: PEM of the trusted keys, by key id.
    """

    def __init__(self, state: Path, public_keys: Mapping[str, bytes]) -> None:
        self._state = state
        self._path = state / RATCHET
        self._public_keys = public_keys

    def check(self, name: str, version: int, manifest_sha256: str) -> None:
        """Refuse anything but a higher version, or the very bundle accepted last.

        Raises:
            VersionRefused: naming both versions.
            RatchetDamaged: it isn't known what was accepted.
            OSError: the record can't be read now.
        """
        if why := refuse_version(self.seen(), name, version, manifest_sha256):
            raise VersionRefused(why)

    def raise_to(self, name: str, version: int, manifest_sha256: str) -> None:
        """Remember an accepted version; when this returns it survives a power cut.

        Raises:
            VersionRefused: as `check`.
            OSError: it could not be written; nothing has been changed.
        """
        self.check(name, version, manifest_sha256)
        known = self._read()
        seen = accept(self.seen(), name, version, manifest_sha256)
        if known is None or known != seen:
            self._write(seen)

    def seen(self) -> dict[str, Seen]:
        """Return the highest versions, by name; rebuild them if the record is lost.

        Raises:
            RatchetDamaged: it is lost, and there is nothing to rebuild it from.
            OSError: it can't be read now.
        """
        known = self._read()
        if known is not None:
            return known
        found = seen_in(self._bundles(), self._public_keys)
        if found:
            self._write(found)
        elif self._asides():
            raise RatchetDamaged(_LOST)
        return found

    def damage(self) -> str:
        """Return what is wrong with the record, or nothing. Changes nothing."""
        try:
            with os.fdopen(open_plain(self._path), "rb") as file:
                whole = _decoded(file.read(_MOST_BYTES)) is not None
        except FileNotFoundError:
            lost = bool(self._asides()) and not seen_in(self._bundles(), self._public_keys)
            return _LOST if lost else ""
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        return "" if whole else f"{self._path} is damaged; the next update rebuilds it"

    def _read(self) -> dict[str, Seen] | None:
        """Return the record; None if there is none. A damaged one is set aside, never deleted."""
        try:
            with os.fdopen(open_plain(self._path), "rb") as file:
                raw = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return None
        seen = _decoded(raw)
        if seen is None:
            self._path.rename(aside_name(self._path))
            sync_folder(self._state)
        return seen

    def _asides(self) -> list[Path]:
        return list(self._state.glob(f"{RATCHET}.damaged-*"))

    def _write(self, seen: Mapping[str, Seen]) -> None:
        replace_durably(self._path, msgspec.json.encode(_Record(dict(seen))), 0o640)

    def _bundles(self) -> list[Path]:
        """Return the folders of every model that was accepted and is still here."""
        return [
            path
            for folder in (self._state / _VERSIONS, self._state / INCOMING)
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".")
        ]


def _decoded(raw: bytes) -> dict[str, Seen] | None:
    """Return the record, or None if it's damaged. Earlier software kept versions by key."""
    try:
        record = msgspec.json.decode(raw, type=_Record)
        check_schema("", record.schema_version)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidRecord):
        pass
    else:
        return record.seen
    try:
        by_key = msgspec.json.decode(raw, type=dict[str, Seen])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return {ANY_NAME: max(by_key.values(), key=lambda one: one.version, default=NONE)}
