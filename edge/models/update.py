"""Carries out a model update, step by step as in `edge.models.activation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data.bundle import Bundle, BundleRefused, NeedsNewerSoftware, read_bundle
from data.errors import GreenlightError
from data.graph_rule import check_graph
from data.signing import KeyUnusable
from data.trust import Trust, adopt, read_trust
from edge.incoming import incoming_folder, incoming_path
from edge.journal import IncomingModel, Journal
from edge.models import activation
from edge.models.activation import Known, Refused, UpdateState
from edge.models.store import ModelStore, StoreDamaged
from edge.models.trial import try_model

if TYPE_CHECKING:
    from edge.search.model import Model


_REBUILD = "restart the appliance to rebuild it"


@dataclass(frozen=True)
class TrialLimits:
    """What a candidate may use during its trial."""

    seconds: float
    memory_bytes: int


@dataclass
class Update:
    """The update to one offered model.

    Args:
        offer: what the sync service offered.
        state_folder: the device's state.
        keys: the folder of trusted public keys, read again for each update.
        active: the bundle that answers now, or None.
        now: the time to record, as text.
        source: the offered folder, if it isn't in `incoming/`.
        accepted_name: of models that may take the place of others, if the owner said so.
        stopping: called regularly; returns whether to give up, leaving the offer open.
    """

    offer: IncomingModel
    state_folder: Path
    keys: Path
    active: Bundle | None
    limits: TrialLimits
    store: ModelStore
    journal: Journal
    now: Callable[[], str]
    stopping: Callable[[], bool] = lambda: False
    source: Path | None = None
    accepted_name: str = ""
    copied: Path | None = field(default=None, init=False)
    bundle: Bundle | None = field(default=None, init=False)
    model: Model | None = field(default=None, init=False)
    reason: str | None = field(default=None, init=False)
    too_old: bool = field(default=False, init=False)

    def run(self, passed: Callable[[UpdateState], None] = lambda state: None) -> UpdateState:
        """Take every step; return ACTIVATED or REFUSED, which is then in the journal too.

        Args:
            passed: called with each state as it is reached.

        Raises:
            TrialInterrupted: `stopping` said so.
            JournalError, KeyUnusable, OSError: it can't continue; the offer stays open.
        """
        answers = self.active.manifest_sha256 if self.active else None
        state = activation.resume(self.offer.manifest_sha256, answers)
        actions = self._actions()
        passed(state)
        while state in activation.STEPS:
            try:
                actions[state]()
            except KeyUnusable:
                raise  # a key that can't be read says nothing of the model
            except (Refused, BundleRefused, GreenlightError) as error:
                if not activation.STEPS[state].may_refuse:
                    raise
                self.reason = str(error)
                self.too_old = isinstance(error, NeedsNewerSoftware)
                self._record_refusal()
                state = UpdateState.REFUSED
            else:
                state = activation.STEPS[state].then
            passed(state)
        self.store.discard_leftovers()
        return state

    def _actions(self) -> Mapping[UpdateState, Callable[[], None]]:
        return {
            UpdateState.OFFERED: self._copy,
            UpdateState.COPIED: self._check,
            UpdateState.CHECKED: self._try,
            UpdateState.TRIED: self._keep,
            UpdateState.KEPT: self._load,
            UpdateState.LOADED: self._point,
            UpdateState.POINTED: self._record_activation,
        }

    def _known(self) -> Known:
        from edge.search.model import runtime_version

        try:
            pointer = self.store.read()
        except StoreDamaged as error:
            raise Refused(f"{error}; {_REBUILD}") from error
        return Known(
            name=self.active.manifest.name if self.active else None,
            seen=pointer.seen,
            quarantined=frozenset(pointer.quarantined),
            runtime=runtime_version(),
            accepted_name=self.accepted_name,
            newest_kept=max(filter(None, (pointer.active, pointer.previous)), default=0),
        )

    def _copy(self) -> None:
        try:
            source = self.source or incoming_path(self.state_folder, self.offer.folder)
        except ValueError as error:
            raise Refused(str(error)) from error
        self.copied = self.store.copy_in(source, self.offer.version)

    def _check(self) -> None:
        assert self.copied is not None
        trust = self._trust()
        trust.refuse_if_expired(datetime.now(UTC))
        bundle = read_bundle(self.copied, trust.new)
        offered = (self.offer.version, self.offer.manifest_sha256)
        activation.judge(bundle.manifest, bundle.manifest_sha256, offered, self._known())
        check_graph(bundle.model)
        bundle.catalogue().refuse_unsafe_names()
        bundle.probes()
        self.bundle = bundle

    def _trust(self) -> Trust:
        """Return whom to trust, after following the trust documents that came with the download."""
        trust = read_trust(self.keys, self.store.trust, incoming_folder(self.state_folder))
        adopt(trust, self.store.trust)
        try:
            known = self.store.change(
                lambda old: msgspec.structs.replace(old, trust=max(old.trust, trust.version))
            )
        except StoreDamaged as error:
            raise Refused(f"{error}; {_REBUILD}") from error
        if trust.version < known.trust:
            raise Refused(
                f"the trust document, version {known.trust}, is lost, so it isn't known who may"
                " sign models; the next synchronisation brings it back"
            )
        return trust

    def _try(self) -> None:
        assert self.copied is not None
        try_model(
            self.copied,
            self.keys,
            self.store.trust,
            seconds=self.limits.seconds,
            memory_bytes=self.limits.memory_bytes,
            stopping=self.stopping,
        )

    def _keep(self) -> None:
        assert self.copied is not None
        assert self.bundle is not None
        self.store.keep(self.copied, self.bundle.manifest.version)

    def _load(self) -> None:
        from edge.models.probing import check_probes
        from edge.search.model import Model

        assert self.bundle is not None
        kept = self.store.folder(self.bundle.manifest.version)
        bundle = read_bundle(kept, read_trust(self.keys, self.store.trust).new)
        if bundle.manifest_sha256 != self.bundle.manifest_sha256:
            raise Refused("the kept copy is not the one that was tried")
        model = Model.load(bundle)
        # Its tables were searched in the trial, from the same bytes: doing so here would cost the
        # appliance megabytes that it may never need.
        check_probes(model, bundle)
        self.bundle, self.model = bundle, model

    def _point(self) -> None:
        assert self.bundle is not None
        self.store.point_at(self.bundle)

    def _record_activation(self) -> None:
        answering = self.bundle or self.active
        assert answering is not None
        self.journal.record_activation(
            answering.manifest.version,
            answering.model_hash,
            "activated",
            self.now(),
            offer=self.offer,
        )

    def _record_refusal(self) -> None:
        known_hash = self.bundle.model_hash if self.bundle is not None else ""
        self.journal.record_activation(
            self.offer.version, known_hash, "refused", self.now(), self.reason, self.offer
        )
