"""A model's way from an offered download to the one that answers: the steps, and what they decide.

Pure. The shell in `edge.models.update` carries the steps out in this order; a power cut may come
between any two, and `resume` says where the next start goes on. `docs/states.md` is drawn from
the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from data.bundle import NeedsNewerSoftware
from data.errors import GreenlightError
from data.manifest import Manifest
from data.seen import Seen, refuse_version
from data.software import is_below

INPUTS = {
    "director": "string",
    "year": "int64",
    "genre1": "string",
    "genre2": "string",
    "genre3": "string",
}
OUTPUTS = {"expected": "float", "probabilities": "float"}
FAILURES_BEFORE_ROLL_BACK = 3


class Refused(GreenlightError):
    """An offered model must not be used; the message says why. The active one goes on answering."""


class UpdateState(Enum):
    """How far an offered model has come."""

    OFFERED = "offered by the sync service"
    COPIED = "copied into the appliance's own folder"
    CHECKED = "signature, hashes and manifest hold"
    TRIED = "answered its probes in a process of its own"
    KEPT = "lies under its version"
    LOADED = "loaded and answering beside the active one"
    POINTED = "the pointer names it"
    ACTIVATED = "active, and recorded so"
    REFUSED = "refused, and recorded so"


@dataclass(frozen=True)
class UpdateStep:
    """One step: what it does, where it leads, what refuses the model here."""

    does: str
    then: UpdateState
    refuses_when: str
    after_power_cut: str

    @property
    def may_refuse(self) -> bool:
        """Whether the model can still be refused here."""
        return bool(self.refuses_when)


_AGAIN = "the active model answers; the update begins again from the download"
_DONE = "the new model answers; the activation is recorded at the next start"

STEPS: dict[UpdateState, UpdateStep] = {
    UpdateState.OFFERED: UpdateStep(
        "copy it, size-capped, plain files only",
        UpdateState.COPIED,
        "a file is missing, a link, or too large",
        _AGAIN,
    ),
    UpdateState.COPIED: UpdateStep(
        "check signature, hashes and manifest",
        UpdateState.CHECKED,
        "unsigned, changed, quarantined, not above the highest accepted, or for other software; or"
        " the record of accepted models is damaged",
        _AGAIN,
    ),
    UpdateState.CHECKED: UpdateStep(
        "load it in a spawned child and run the probes",
        UpdateState.TRIED,
        "it crashes, hangs, takes too much, or answers otherwise than it promised",
        _AGAIN,
    ),
    UpdateState.TRIED: UpdateStep("rename its folder to its version", UpdateState.KEPT, "", _AGAIN),
    UpdateState.KEPT: UpdateStep(
        "load it beside the active one and run the probes",
        UpdateState.LOADED,
        "it answers otherwise than in its trial",
        _AGAIN,
    ),
    UpdateState.LOADED: UpdateStep("swap the pointer", UpdateState.POINTED, "", _AGAIN),
    UpdateState.POINTED: UpdateStep(
        "record the activation and settle the offer", UpdateState.ACTIVATED, "", _DONE
    ),
}


@dataclass(frozen=True)
class Known:
    """What the store remembers that a new model is judged by.

    Attributes:
        name: of the active model, or None without one.
        seen: the highest version ever active, by name.
        quarantined: hashes of models that were rolled back.
        runtime: the version of ONNX Runtime here.
    """

    name: str | None
    seen: Mapping[str, Seen]
    quarantined: frozenset[str]
    runtime: str


def resume(offered_manifest: str, active_manifest: str | None) -> UpdateState:
    """Return where an offer's update goes on: from the start, or after the pointer was swapped.

    Args:
        offered_manifest: the SHA-256 of its manifest.
        active_manifest: that of the model that answers, or None without one.
    """
    if offered_manifest == active_manifest:
        return UpdateState.POINTED
    return UpdateState.OFFERED


def judge(manifest: Manifest, manifest_sha256: str, offered: tuple[int, str], known: Known) -> None:
    """Refuse a signed manifest that is not what was offered, or not for this device.

    Args:
        manifest: signed by a trusted key.
        manifest_sha256: of its bytes.
        offered: the version and the manifest's SHA-256 that the offer spoke of.
        known: what the store remembers.

    Raises:
        Refused: saying why.
        NeedsNewerSoftware: nothing is wrong with it; this device is too old.
    """
    version, sha256 = offered
    if manifest_sha256 != sha256:
        raise Refused("the manifest is not the one that was offered")
    if manifest.version != version:
        raise Refused(f"the manifest says version {manifest.version}, the offer {version}")
    if known.name not in (None, manifest.name):
        raise Refused(f"is a model named {manifest.name!r}; this appliance uses {known.name!r}")
    if manifest.model_hash in known.quarantined:
        raise Refused("this model was rolled back here and is in quarantine")
    if why := refuse_version(known.seen, manifest.name, manifest.version, manifest_sha256):
        raise Refused(why)
    if is_below(known.runtime, manifest.min_onnxruntime):
        raise NeedsNewerSoftware(
            f"ONNX Runtime {manifest.min_onnxruntime}; {known.runtime} is here"
        )
    _check_tensors("input", {tensor.name: tensor.dtype for tensor in manifest.inputs}, INPUTS)
    outputs = {tensor.name: tensor.dtype for tensor in manifest.outputs}
    wanted = {name: outputs.get(name, "") for name in OUTPUTS}
    _check_tensors("output", wanted, OUTPUTS)


def _check_tensors(kind: str, found: Mapping[str, str], needed: Mapping[str, str]) -> None:
    for name in sorted({*found, *needed}):
        if found.get(name) != needed.get(name):
            is_, needs = found.get(name) or "absent", needed.get(name) or "absent"
            raise Refused(f"{kind} {name!r} is {is_}; this appliance needs it {needs}")
