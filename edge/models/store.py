"""The appliance's own models: `versions/<n>/`, and the pointer that says which one answers.

The pointer, `models.json`, also holds what must change together with it: the version before, the
highest version seen of each key, the quarantine, and whether the active model is still on trial.
It is replaced whole: write, fsync, rename, fsync the folder.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from data.bundle import Bundle
from data.checks import check_schema
from data.durable import aside_name, replace_durably, sync_folder
from data.errors import GreenlightError, InvalidRecord
from data.manifest import MODEL
from edge.models.activation import Refused
from edge.models.copying import copy_folder, is_of_the_moment

VERSIONS = "versions"
POINTER = "models.json"
_PRIVATE_FOLDER = 0o750
_QUARANTINED = "quarantined"


class StoreDamaged(GreenlightError):
    """The pointer cannot be read."""


class Trial(msgspec.Struct, frozen=True):
    """An active model that hasn't proved itself yet, and how often the appliance died at its work.

    Attributes:
        boot_id: of this boot while the model loads or searches, empty otherwise. Found again at a
            start in the same boot, it says what the appliance died of; a power cut begins a new
            boot and is nobody's failure.
    """

    failures: int = 0
    boot_id: str = ""


class Pointer(msgspec.Struct, frozen=True):
    """Which versions there are to answer, and what is remembered of others."""

    active: int | None = None
    previous: int | None = None
    highest: dict[str, int] = {}
    quarantined: tuple[str, ...] = ()
    trial: Trial | None = None
    schema_version: int = 1


class ModelStore:
    """The models in a state folder. Only the appliance writes here.

    Args:
        state: the state folder.
        make: make what is missing; a command that only looks must not, being perhaps another user.
    """

    def __init__(self, state: Path, *, make: bool = True) -> None:
        self.versions = state / VERSIONS
        self._pointer_path = state / POINTER
        # The updater's thread and the main loop both change the pointer.
        self._changing = threading.Lock()
        if make:
            self.versions.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)

    def read(self) -> Pointer:
        """Return the pointer; an empty one in a fresh state folder.

        Raises:
            StoreDamaged: it cannot be read; `set_pointer_aside` makes way for a new one.
        """
        try:
            pointer = msgspec.json.decode(self._pointer_path.read_bytes(), type=Pointer)
            check_schema("", pointer.schema_version)
        except FileNotFoundError:
            return Pointer()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, InvalidRecord) as error:
            raise StoreDamaged(f"{self._pointer_path}: {error}") from error
        return pointer

    def write(self, pointer: Pointer) -> None:
        """Replace the pointer durably: after this returns it is the new one, before it the old."""
        replace_durably(self._pointer_path, msgspec.json.encode(pointer))

    def change(self, edit: Callable[[Pointer], Pointer]) -> Pointer:
        """Replace the pointer by what `edit` makes of it; an equal one is not written again."""
        with self._changing:
            old = self.read()
            new = edit(old)
            if new != old:
                self.write(new)
            return new

    def folder(self, version: int) -> Path:
        """Return where a version lies."""
        return self.versions / str(version)

    def kept(self) -> list[int]:
        """Return the versions that lie here whole, ascending."""
        return sorted(int(path.name) for path in self.versions.iterdir() if path.name.isdigit())

    def copy_in(self, source: Path, version: int) -> Path:
        """Copy an offered folder into one of our own: plain files only, size-capped, durable.

        Raises:
            Refused: the source is not what a bundle can be.
            OSError: the disk is full, or fails: no verdict on the source.
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
        """Give a copy its version's name; a version left here that was never active is replaced."""
        final = self.folder(version)
        if final.exists():
            shutil.rmtree(final)
        copied.rename(final)
        sync_folder(self.versions)
        return final

    def point_at(self, bundle: Bundle) -> Pointer:
        """Make a kept version the active one, on trial, and the active one the previous."""
        version = bundle.manifest.version

        def edit(old: Pointer) -> Pointer:
            return msgspec.structs.replace(
                old,
                active=version,
                previous=old.active if old.active != version else old.previous,
                highest={**old.highest, bundle.manifest.key_id: version},
                trial=Trial(),
            )

        return self.change(edit)

    def roll_back(self, model_hash: str | None) -> Pointer:
        """Make the previous version the active one and put the active one into quarantine.

        Args:
            model_hash: of the active model, never to be accepted again; None to only set aside
                what cannot even be read.
        """
        given_up: int | None = None

        def edit(old: Pointer) -> Pointer:
            nonlocal given_up
            given_up = old.active
            quarantined, highest = old.quarantined, old.highest
            if model_hash is not None and model_hash not in quarantined:
                quarantined = (*quarantined, model_hash)
            if model_hash is None and old.active is not None:
                # The version itself was good: the same one may come again.
                highest = {key: min(seen, old.active - 1) for key, seen in highest.items()}
            return msgspec.structs.replace(
                old,
                active=old.previous,
                previous=None,
                highest=highest,
                quarantined=quarantined,
                trial=None,
            )

        pointer = self.change(edit)
        if given_up is not None:
            self.set_aside(given_up, _QUARANTINED if model_hash else "damaged")
        return pointer

    def set_aside(self, version: int, why: str) -> None:
        """Rename a version's folder so that it is never looked for again; it is not deleted."""
        path = self.folder(version)
        if path.exists():
            path.rename(aside_name(path, why))
            sync_folder(self.versions)

    def given_up(self) -> int | None:
        """Return the newest version in quarantine whose folder is still here."""
        return max(self._quarantined(), default=None)

    def hand_back(self, version: int, folder: Path) -> None:
        """Copy a version in quarantine into `folder`, and let its model be accepted again.

        What was set aside stays where it is.

        Raises:
            Refused: its folder can't be copied.
        """
        aside, model_hash = self._quarantined()[version]
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
            return msgspec.structs.replace(
                old,
                highest={key: min(seen, version - 1) for key, seen in old.highest.items()},
                quarantined=tuple(name for name in old.quarantined if name != model_hash),
            )

        self.change(edit)

    def _quarantined(self) -> dict[int, tuple[Path, str]]:
        """Return the newest folder of each version in quarantine, and its model's hash."""
        never_again = self.read().quarantined
        found: dict[int, tuple[Path, str]] = {}
        for path in sorted(self.versions.glob(f"*.{_QUARANTINED}-*")):
            version = path.name.partition(".")[0]
            with contextlib.suppress(OSError):
                model_hash = sha256((path / MODEL).read_bytes()).hexdigest()
                if version.isdigit() and model_hash in never_again:
                    found[int(version)] = path, model_hash
        return found

    def set_pointer_aside(self) -> Path:
        """Rename a pointer that cannot be read, and return its new name."""
        aside = aside_name(self._pointer_path)
        self._pointer_path.rename(aside)
        sync_folder(aside.parent)
        return aside

    def discard_leftovers(self) -> None:
        """Delete copies that a power cut left behind, and versions that are neither used nor next.

        What was set aside is kept.
        """
        pointer = self.read()
        used = {pointer.active, pointer.previous}
        for path in self.versions.iterdir():
            unused = path.name.isdigit() and int(path.name) not in used
            if unused or path.name.startswith(".new-"):
                shutil.rmtree(path)

    def shed(self) -> bool:
        """Free disk space by deleting versions that are not answering; say whether any was there.

        What was set aside stays: it is evidence.
        """
        active = self.read().active
        old = [version for version in self.kept() if version != active]
        for version in old:
            shutil.rmtree(self.folder(version), ignore_errors=True)
        # After the folders, since the pointer too needs room; if it stays behind, it names a
        # previous version that is found missing when it is needed.
        with contextlib.suppress(OSError):
            self.change(lambda pointer: msgspec.structs.replace(pointer, previous=None))
        return bool(old)
