"""The appliance's own models: `versions/<n>/`, and the pointer to the active one.

The pointer, `models.json`, also holds what must change together with it: the version before, the
highest version accepted under each name, the quarantine, and whether the active model is still on
trial. It is replaced whole: write, fsync, rename, fsync the folder. If it's damaged or missing, it
is rebuilt from the verified models in `versions/`; until then no new model is accepted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from data import wire
from data.bundle import Bundle, BundleRefused, read_bundle, read_manifest
from data.checks import check_schema
from data.durable import aside_name, replace_durably, sync_folder
from data.errors import GreenlightError, InvalidRecord
from data.manifest import MODEL
from data.plain_file import open_plain
from data.seen import ANY_NAME, Seen, accept, refuse_version, seen_in
from edge.models.activation import Refused
from edge.models.copying import copy_folder, is_of_the_moment

VERSIONS = "versions"
# The trust documents that were followed here; this appliance's own copies.
TRUST = "trust"
POINTER = "models.json"
_PRIVATE_FOLDER = 0o750
# The sync service shares the group: it may read, never write.
_PRIVATE_FILE = 0o640
_MOST_POINTER_BYTES = 1 << 20
_QUARANTINED = "quarantined"


class StoreDamaged(GreenlightError):
    """The record of accepted models can't be read, or is gone: no new model is accepted."""


class Trial(msgspec.Struct, frozen=True):
    """An active model that hasn't proved itself yet, and how often the appliance crashed with it.

    Attributes:
        boot_id: of this boot while the model loads or searches, empty otherwise. Found again at a
            start in the same boot, it says what the appliance died of; a power cut begins a new
            boot and is nobody's failure.
    """

    failures: int = 0
    boot_id: str = ""


class Pointer(msgspec.Struct, frozen=True):
    """The active and the previous version, and what is remembered about others.

    Attributes:
        seen: the highest version accepted under each name, by any key; never lowered.
        highest: the same by key, for earlier software that an upgrade may go back to.
        trust: the newest version of the trust document that was followed.
    """

    active: int | None = None
    previous: int | None = None
    seen: dict[str, Seen] = {}
    highest: dict[str, int] = {}
    trust: int = 0
    quarantined: tuple[str, ...] = ()
    trial: Trial | None = None
    schema_version: int = 1


class ModelStore:
    """The models in a state folder. Only the appliance writes here.

    Args:
        state: the state folder.
        make: create missing folders; a command that only reads must not, as it may be another user.
    """

    def __init__(self, state: Path, *, make: bool = True) -> None:
        self.versions = state / VERSIONS
        self.trust = state / TRUST
        self._pointer_path = state / POINTER
        # The updater's thread and the main loop both change the pointer.
        self._changing = threading.Lock()
        if make:
            self.versions.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            if not (self._pointer_path.exists() or self._asides() or self.accepted()):
                # From now on a pointer that is missing is known to be lost.
                self.write(Pointer())

    def read(self) -> Pointer:
        """Return the pointer; an empty one in a fresh state folder.

        Raises:
            StoreDamaged: it can't be read, or is missing where models were accepted; `rebuild`
                makes a new one.
        """
        try:
            with os.fdopen(open_plain(self._pointer_path), "rb") as file:
                raw = file.read(_MOST_POINTER_BYTES)
            pointer = msgspec.json.decode(raw, type=Pointer)
            check_schema("", pointer.schema_version)
        except FileNotFoundError as error:
            if self._asides() or self.accepted():
                raise StoreDamaged(
                    f"the record of accepted models, {self._pointer_path}, is missing"
                ) from error
            return Pointer()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            refused = wire.refusal(error, POINTER)
            why = f"it {refused.reason}" if refused.field == POINTER else refused
            raise self._damaged(why) from error
        except (OSError, InvalidRecord) as error:
            raise self._damaged(error) from error
        if pointer.highest and not pointer.seen:
            # Written by earlier software, which kept neither names nor manifests.
            highest = max(pointer.highest.values())
            return msgspec.structs.replace(pointer, seen={ANY_NAME: Seen(highest, "")})
        return pointer

    def _damaged(self, why: object) -> StoreDamaged:
        where = self._pointer_path
        return StoreDamaged(f"the record of accepted models, {where}, is damaged: {why}")

    def write(self, pointer: Pointer) -> None:
        """Replace the pointer durably: after this returns it is the new one, before it the old."""
        replace_durably(self._pointer_path, msgspec.json.encode(pointer), _PRIVATE_FILE)

    def rebuild(self, public_keys: Mapping[str, bytes]) -> tuple[Pointer, Path | None]:
        """Make a new pointer from the verified models here, those in quarantine among them.

        The highest version that wasn't set aside becomes the active one, on trial.

        Returns:
            The new pointer, and where the damaged one is now; None if it was missing.

        Raises:
            StoreDamaged: no verified model is left to rebuild it from. The damaged one is still set
                aside, and as long as it exists, no new model is accepted.
            OSError: the new one can't be written.
        """
        aside = self._set_pointer_aside()
        seen = seen_in(self.accepted(), public_keys)
        if not seen:
            raise StoreDamaged(
                "the record of accepted models was damaged and can't be rebuilt: no verified model"
                " is left"
            )
        never_again = tuple(sorted({hash_ for _, _, hash_ in self._aside_models()}))
        pointer = Pointer(seen=seen, quarantined=never_again, trial=Trial())
        for version in self.kept():
            try:
                bundle = read_bundle(self.folder(version), public_keys)
            except BundleRefused:
                continue
            pointer = _pointed_at(pointer, bundle)
        self.write(pointer)
        return pointer, aside

    def change(self, edit: Callable[[Pointer], Pointer]) -> Pointer:
        """Replace the pointer by what `edit` makes of it; an equal one is not written again."""
        with self._changing:
            old = self.read()
            new = edit(old)
            if new != old:
                self.write(new)
            return new

    def folder(self, version: int) -> Path:
        """Return a version's folder."""
        return self.versions / str(version)

    def kept(self) -> list[int]:
        """Return the complete versions here, ascending."""
        return sorted(int(path.name) for path in self.versions.iterdir() if path.name.isdigit())

    def accepted(self) -> list[Path]:
        """Return the folders of all models that were ever accepted and are still here."""
        with contextlib.suppress(FileNotFoundError):
            return [
                path for path in sorted(self.versions.iterdir()) if version_in(path) is not None
            ]
        return []

    def copy_in(self, source: Path, version: int) -> Path:
        """Copy an offered folder into one of ours: plain files only, size-capped, durable.

        Raises:
            Refused: the source isn't a possible bundle.
            OSError: the disk is full or fails; that says nothing about the source.
        """
        target = self.versions / f".new-{version}"
        shutil.rmtree(target, ignore_errors=True)
        try:
            target.mkdir(mode=_PRIVATE_FOLDER)
            copy_folder(source, target)
            sync_folder(target)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            if is_of_the_moment(error):
                raise
            raise Refused(f"the download cannot be copied: {error.strerror}") from error
        except Refused:
            shutil.rmtree(target, ignore_errors=True)
            raise
        return target

    def keep(self, copied: Path, version: int) -> Path:
        """Rename a copy to its version; an existing one that was never active is replaced."""
        final = self.folder(version)
        if final.exists():
            shutil.rmtree(final)
        copied.rename(final)
        sync_folder(self.versions)
        return final

    def point_at(self, bundle: Bundle) -> Pointer:
        """Make a kept version the active one, on trial, and the active one the previous."""
        return self.change(lambda old: _pointed_at(old, bundle))

    def roll_back(self, model_hash: str | None) -> Pointer:
        """Make the previous version the active one and put the active one into quarantine.

        Args:
            model_hash: of the active model, never to be accepted again; None to only set aside
                what cannot even be read: the same manifest may then come again.
        """
        given_up: int | None = None

        def edit(old: Pointer) -> Pointer:
            nonlocal given_up
            given_up = old.active
            quarantined = old.quarantined
            if model_hash is not None and model_hash not in quarantined:
                quarantined = (*quarantined, model_hash)
            return msgspec.structs.replace(
                old,
                active=old.previous,
                previous=None,
                quarantined=quarantined,
                trial=None,
            )

        pointer = self.change(edit)
        if given_up is not None:
            self.set_aside(given_up, _QUARANTINED if model_hash else "damaged")
        return pointer

    def set_aside(self, version: int, why: str) -> None:
        """Rename a version's folder so that it isn't used again; it isn't deleted."""
        path = self.folder(version)
        if path.exists():
            path.rename(aside_name(path, why))
            sync_folder(self.versions)

    def quarantined(self) -> int | None:
        """Return the newest version in quarantine whose folder is still here.

        Raises:
            StoreDamaged: what is in quarantine isn't known.
        """
        return max(self._quarantined(), default=None)

    def hand_back(self, version: int, folder: Path, public_keys: Mapping[str, bytes]) -> None:
        """Copy a version in quarantine into `folder`, and let its model be accepted again.

        What was set aside stays where it is.

        Raises:
            Refused: its folder can't be copied, or a later version was accepted since.
            BundleRefused: its manifest no longer verifies.
            StoreDamaged: nothing is known of what was accepted.
        """
        aside, model_hash = self._quarantined()[version]
        manifest, manifest_sha256 = read_manifest(aside, public_keys)
        if why := refuse_version(self.read().seen, manifest.name, version, manifest_sha256):
            raise Refused(why)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir()
            copy_folder(aside, folder)
            sync_folder(folder)
            sync_folder(folder.parent)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise Refused(f"{aside} can't be copied: {error.strerror}") from error

        def edit(old: Pointer) -> Pointer:
            left = tuple(name for name in old.quarantined if name != model_hash)
            return msgspec.structs.replace(old, quarantined=left)

        self.change(edit)

    def _quarantined(self) -> dict[int, tuple[Path, str]]:
        """Return the newest folder of each version in quarantine, and its model's hash."""
        never_again = self.read().quarantined
        return {
            version: (path, model_hash)
            for version, path, model_hash in self._aside_models()
            if model_hash in never_again
        }

    def _aside_models(self) -> Iterator[tuple[int, Path, str]]:
        """Yield version, folder and model's hash of what was put into quarantine, oldest first."""
        for path in sorted(self.versions.glob(f"*.{_QUARANTINED}-*")):
            version = version_in(path)
            with contextlib.suppress(OSError):
                if version is not None:
                    yield version, path, sha256((path / MODEL).read_bytes()).hexdigest()

    def _asides(self) -> list[Path]:
        return sorted(self._pointer_path.parent.glob(f"{POINTER}.damaged-*"))

    def _set_pointer_aside(self) -> Path | None:
        """Rename a pointer that can't be read, and return its new name; None without one."""
        aside = aside_name(self._pointer_path)
        try:
            self._pointer_path.rename(aside)
        except FileNotFoundError:
            return None
        sync_folder(aside.parent)
        return aside

    def discard_leftovers(self) -> None:
        """Delete copies that a power cut left behind, and versions that are no longer used.

        What was set aside is kept; so is everything while the pointer is damaged.
        """
        try:
            pointer = self.read()
            used = {pointer.active, pointer.previous}
        except StoreDamaged:
            used = set(self.kept())
        for path in self.versions.iterdir():
            unused = path.name.isdigit() and int(path.name) not in used
            if unused or path.name.startswith(".new-"):
                shutil.rmtree(path)

    def shed(self) -> bool:
        """Free disk space by deleting inactive versions; return whether there were any.

        What was set aside stays: it is evidence. While the pointer is damaged, everything is.
        """
        try:
            active = self.read().active
        except StoreDamaged:
            return False
        old = [version for version in self.kept() if version != active]
        for version in old:
            shutil.rmtree(self.folder(version), ignore_errors=True)
        # After the folders, since the pointer needs space too; if this fails, it names a previous
        # version that is found missing when it is needed.
        with contextlib.suppress(OSError):
            self.change(lambda pointer: msgspec.structs.replace(pointer, previous=None))
        return bool(old)


def _pointed_at(old: Pointer, bundle: Bundle) -> Pointer:
    manifest = bundle.manifest
    before = old.highest.get(manifest.key_id, 0)
    return msgspec.structs.replace(
        old,
        active=manifest.version,
        previous=old.active if old.active != manifest.version else old.previous,
        seen=accept(old.seen, manifest.name, manifest.version, bundle.manifest_sha256),
        highest={**old.highest, manifest.key_id: max(before, manifest.version)},
        trial=Trial(),
    )


def remembering(old: Pointer, bundle: Bundle) -> Pointer:
    """Return the pointer with name and manifest of the active model, if earlier software wrote it.

    It kept neither; where it had accepted a later version, that one goes on counting for any name.
    """
    manifest = bundle.manifest
    if old.seen.get(ANY_NAME) != Seen(manifest.version, ""):
        return old
    seen = {name: one for name, one in old.seen.items() if name != ANY_NAME}
    known = accept(seen, manifest.name, manifest.version, bundle.manifest_sha256)
    return msgspec.structs.replace(old, seen=known)


def version_in(folder: Path) -> int | None:
    """Return the version that a folder in `versions/` holds, in use or set aside; or None."""
    number = folder.name.partition(".")[0]
    return int(number) if number.isdigit() else None
