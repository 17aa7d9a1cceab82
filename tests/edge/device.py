"""A device's state folder, where models are offered, tried and activated without an appliance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.bundle import Bundle, read_bundle
from data.picks import Prediction
from data.signing import read_public_keys
from edge.appliance.boot import now
from edge.incoming import incoming_folder
from edge.journal import IncomingModel, Journal
from edge.models.activation import UpdateState
from edge.models.store import ModelStore, Pointer
from edge.models.update import TrialLimits, Update
from edge.search.model import Model


@dataclass
class Device:
    """A device's state folder with version 1 active, and everything to update it."""

    state: Path
    keys: Path
    store: ModelStore
    journal: Journal
    active: Bundle

    @property
    def incoming(self) -> Path:
        return incoming_folder(self.state)

    def offer(self, folder: str, version: int, manifest_sha256: str) -> IncomingModel:
        self.journal.offer_model(version, manifest_sha256, f"job-{version}", folder)
        return self.journal.incoming_models()[-1]

    def update(
        self, offer: IncomingModel, accepted_name: str = "", **limits: Any
    ) -> tuple[UpdateState, str | None]:
        update = Update(
            offer=offer,
            state_folder=self.state,
            keys=self.keys,
            active=self.active,
            limits=TrialLimits(**{"seconds": 20.0, "memory_bytes": 500_000_000, **limits}),
            store=self.store,
            journal=self.journal,
            now=now,
            accepted_name=accepted_name,
        )
        return update.run(), update.reason

    def answers(self) -> list[Prediction]:
        """Return the active model's answers to its probes, loaded from disk as at a start."""
        pointer = self.store.read()
        assert pointer.active is not None
        folder = self.store.folder(pointer.active)
        bundle = read_bundle(folder, read_public_keys(self.keys))
        rows = [probe.combination for probe in bundle.probes().probes]
        return Model.load(bundle).predict(rows)

    def assert_refused_and_unchanged(self, before: list[Prediction], pointer: Pointer) -> None:
        """Assert that one refusal was reported, and that the active model is the same as before."""
        assert self.store.read() == pointer
        assert [path.name for path in self.store.versions.iterdir()] == ["1"]
        assert self.answers() == before
        assert self.journal.incoming_models() == []
        assert [a.outcome for a in self.journal.activations_after(0)] == ["refused"]
