"""Loads the active model at a start, whatever state the disk is in."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data.bundle import Bundle, BundleRefused, read_bundle
from data.errors import GreenlightError
from data.manifest import MANIFEST
from data.trust import read_trust
from edge.incoming import incoming_folder
from edge.journal import Journal
from edge.models.activation import FAILURES_BEFORE_ROLL_BACK
from edge.models.store import (
    POINTER,
    VERSIONS,
    ModelStore,
    Pointer,
    StoreDamaged,
    Trial,
    remembering,
)

if TYPE_CHECKING:
    from edge.search.model import Model


_log = logging.getLogger(__name__)

START_OVER = (
    f"To start over as a new device would, delete {POINTER}.damaged-* and {VERSIONS} in the state"
    " folder and restart the appliance"
)


class NothingQuarantined(GreenlightError):
    """No model is quarantined here."""


@dataclass
class LoadedModel:
    """The loaded model, if there is one.

    Attributes:
        rolled_back: version, hash and reason of each model that was given up along the way.
        notes: what the owner should know about it.
    """

    bundle: Bundle | None = None
    model: Model | None = None
    rolled_back: list[tuple[int, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load_active(store: ModelStore, keys: Path, boot: str) -> LoadedModel:
    """Load the active model; give it up if it can't be loaded, or keeps crashing the appliance.

    The last model is never given up: an appliance without a model isn't better than one whose model
    may fail. Only a damaged folder is always set aside.

    Args:
        store: the appliance's models.
        keys: the folder of trusted public keys.
        boot: this boot's id: a crash while the model works counts as its failure, a power cut
            doesn't.
    """
    loaded = LoadedModel()
    trusted = read_trust(keys, store.trust).known
    pointer = _read_or_rebuild(store, trusted, loaded)
    while pointer.active is not None:
        version = pointer.active
        try:
            bundle = read_bundle(store.folder(version), trusted)
        except BundleRefused as error:
            pointer = _give_up(store, loaded, version, "", str(error), quarantine=False)
            continue
        pointer = _note_start(store, pointer, boot)
        if pointer.trial is not None and pointer.trial.failures >= FAILURES_BEFORE_ROLL_BACK:
            reason = (
                f"the appliance died {pointer.trial.failures} times while it loaded or searched"
            )
            if pointer.previous is not None:
                pointer = _give_up(
                    store, loaded, version, bundle.model_hash, reason, quarantine=True
                )
                continue
            loaded.notes.append(
                f"model version {version} may be bad: {reason}; it's the only one, so it stays"
            )
        try:
            loaded.model = _load(bundle)
        except GreenlightError as error:
            if pointer.previous is None:
                loaded.notes.append(
                    f"model version {version} can't be loaded: {error}; it's the only one, so it"
                    " stays: restart the appliance to try it again, or publish another"
                )
                break
            pointer = _give_up(
                store, loaded, version, bundle.model_hash, str(error), quarantine=True
            )
            continue
        loaded.bundle = bundle
        _change_if_possible(store, partial(remembering, bundle=bundle))
        break
    note_idle(store)
    return loaded


class WorkMarker:
    """Marks durably when the active model, while on trial, is working: only then do crashes count.

    Args:
        boot: this boot's id.
    """

    def __init__(self, store: ModelStore, boot: str) -> None:
        self._store = store
        self._boot = boot
        self._searches = 0

    @contextlib.contextmanager
    def searching(self) -> Iterator[None]:
        """Mark a search. Several may run at once, all started on the event loop's thread."""
        self._searches += 1
        if self._searches == 1:
            _mark(self._store, self._boot)
        try:
            yield
        finally:
            self._searches -= 1
            if not self._searches:
                note_idle(self._store)


def prove(store: ModelStore) -> None:
    """Note that the active model works: it is no longer on trial."""
    _change_if_possible(store, lambda pointer: msgspec.structs.replace(pointer, trial=None))


def note_idle(store: ModelStore) -> None:
    """Note that the active model isn't working: a crash now isn't the model's failure."""
    _mark(store, "")


def retry(state: Path, store: ModelStore, journal: Journal, keys: Path) -> int:
    """Offer the newest quarantined model again; it is tried like a download.

    Returns:
        Its version.

    Raises:
        NothingQuarantined: there is none.
        Refused, BundleRefused, StoreDamaged, JournalError, OSError: it can't be offered.
    """
    version = store.quarantined()
    if version is None:
        raise NothingQuarantined("no model is quarantined here, so there is none to retry")
    name = f"retry-{version}"
    folder = incoming_folder(state) / name
    store.hand_back(version, folder, read_trust(keys, store.trust).new)
    manifest = sha256((folder / MANIFEST).read_bytes()).hexdigest()
    # Last: once it is offered, the appliance tries it.
    journal.offer_model(version, manifest, "", name)
    return version


def _mark(store: ModelStore, boot: str) -> None:
    def edit(pointer: Pointer) -> Pointer:
        trial = pointer.trial and msgspec.structs.replace(pointer.trial, boot_id=boot)
        return msgspec.structs.replace(pointer, trial=trial)

    _change_if_possible(store, edit)


def _change_if_possible(store: ModelStore, edit: Callable[[Pointer], Pointer]) -> None:
    # On a full disk the model stays on trial; that's no reason to fail what has just worked.
    try:
        store.change(edit)
    except (OSError, StoreDamaged) as error:
        _log.warning("the pointer could not be written: %s", error)


def _load(bundle: Bundle) -> Model:
    from edge.search.model import Model

    return Model.load(bundle)


def _note_start(store: ModelStore, pointer: Pointer, boot: str) -> Pointer:
    if pointer.trial is None:
        return pointer
    died = pointer.trial.boot_id == boot
    trial = Trial(pointer.trial.failures + died, boot)
    pointer = msgspec.structs.replace(pointer, trial=trial)
    store.write(pointer)
    return pointer


def _give_up(
    store: ModelStore,
    loaded: LoadedModel,
    version: int,
    model_hash: str,
    reason: str,
    *,
    quarantine: bool,
) -> Pointer:
    loaded.rolled_back.append((version, model_hash, reason))
    loaded.notes.append(f"model version {version} was given up: {reason}")
    return store.roll_back(model_hash if quarantine else None)


def _read_or_rebuild(
    store: ModelStore, public_keys: Mapping[str, bytes], loaded: LoadedModel
) -> Pointer:
    try:
        return store.read()
    except StoreDamaged as error:
        damaged = str(error)
    try:
        pointer, aside = store.rebuild(public_keys)
    except StoreDamaged as error:
        loaded.notes.append(f"{error}; new models are refused. {START_OVER}")
        return Pointer()
    place = f" (it is now in {aside.name})" if aside else ""
    loaded.notes.append(f"{damaged}{place}; it was rebuilt from the verified models here")
    return pointer
