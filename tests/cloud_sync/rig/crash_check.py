"""Checks that every promise holds after a power cut at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from rig.crash_workload import FolderBucket, downloader, job
from rig.recording import Mark, Recording

from cloud_sync.ratchet import Ratchet, VersionRefused
from cloud_sync.update import Fetched
from data import signing
from data.bundle import read_bundle
from edge.journal import JOURNAL, Journal, open_or_set_aside
from edge.models.store import ModelStore


def promises(recording: Recording, after: int) -> dict[str, list[str]]:
    """Return what had been promised before a step, by kind."""
    made: dict[str, list[str]] = {}
    for step in recording.steps[:after]:
        if isinstance(step, Mark):
            made.setdefault(step.words[0], []).append(step.words[1])
    return made


def broken_promises(
    state: Path, promised: Mapping[str, list[str]], bundles: Path, goes_on: bool
) -> Iterator[str]:
    """Yield a sentence for each broken promise."""
    keys = signing.read_public_keys(bundles)
    journal, asides = open_or_set_aside(state / JOURNAL)
    with journal:
        if asides:
            yield "the journal is damaged"
        yield from _ratings(journal, promised)
        yield from _offers(journal, state, keys)
        pointer = ModelStore(state).read()
        active = [int(version) for version in promised.get("active", ())]
        if active and (pointer.active is None or pointer.active < active[-1]):
            yield f"version {active[-1]} was active, the pointer says {pointer.active}"
        if pointer.active is not None:
            read_bundle(ModelStore(state).folder(pointer.active), keys)
        for row in journal.activations_after(0):
            if pointer.active is None or row.version > pointer.active:
                yield f"version {row.version} is called activated, not so by the pointer"
    yield from _ratchet(state, promised, keys)
    if goes_on:
        yield from _goes_on(state, bundles)


def _ratings(journal: Journal, promised: Mapping[str, list[str]]) -> Iterator[str]:
    rated = {row[0] for row in journal.rows("SELECT id FROM ratings")}
    waiting = {row.id for row in journal.peek_outbox(100_000)}
    stored = set(promised.get("stored", ()))
    for name in promised.get("rated", ()):
        if name not in rated:
            yield f"rating {name} was confirmed and is gone"
        elif name not in waiting and name not in stored:
            yield f"rating {name} left the outbox before the cloud had it"
    for name in rated - waiting - stored:
        yield f"rating {name} is not on its way and not stored"


def _offers(journal: Journal, state: Path, keys: Mapping[str, bytes]) -> Iterator[str]:
    for offer in journal.incoming_models():
        bundle = read_bundle(state / "incoming" / offer.folder, keys)
        if bundle.manifest_sha256 != offer.manifest_sha256:
            yield f"the offer of version {offer.version} is another bundle"


def _ratchet(
    state: Path, promised: Mapping[str, list[str]], keys: Mapping[str, bytes]
) -> Iterator[str]:
    placed = [int(version) for version in promised.get("placed", ())]
    if not placed:
        return
    try:
        Ratchet(state, keys).check("films", placed[-1], "0" * 64)
    except VersionRefused:
        return
    yield f"version {placed[-1]} was accepted and the ratchet forgot it"


def _goes_on(state: Path, bundles: Path) -> Iterator[str]:
    """Check that the service starts and carries out the newest job, whatever files are left."""
    version = max(int(path.name) for path in bundles.iterdir() if path.is_dir())
    result = None
    for _ in range(3):
        result = downloader(state, bundles, FolderBucket(bundles)).fetch(
            job(bundles, version), lambda: None
        )
        if isinstance(result, Fetched):
            return
    yield f"the update cannot be carried out: {result}"


def check(
    state: Path, promised: Mapping[str, list[str]], bundles: Path, goes_on: bool
) -> list[str]:
    """Return every broken promise; an unreadable file is one too."""
    try:
        return list(broken_promises(state, promised, bundles, goes_on))
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody's start-up would meet it
        return [f"{type(error).__name__}: {error}"]
    finally:
        shutil.rmtree(state, ignore_errors=True)
