"""The steps from an offered download to the active model, and their decisions. Pure.

`edge.models.update` carries the steps out in this order. Power may be cut between any two; `resume`
says where the next start continues. `docs/states.md` is generated from the table.
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
    """An offered model must not be used; the message says why. The active model stays in use."""


class UpdateState(Enum):
    """The states of an update."""

    OFFERED = "offered by the sync service"
    COPIED = "copied to the appliance's own folder"
    CHECKED = "signature, hashes and manifest checked"
    TRIED = "answered its probes in a child process"
    KEPT = "stored under its version"
    LOADED = "loaded and answering next to the active one"
    POINTED = "named by the pointer"
    ACTIVATED = "active, and recorded as such"
    REFUSED = "refused, and recorded as such"


@dataclass(frozen=True)
class UpdateStep:
    """One step: what it does, the next state, and what makes it refuse the model."""

    does: str
    then: UpdateState
    refuses_when: str
    after_power_cut: str

    @property
    def may_refuse(self) -> bool:
        """Whether the model can still be refused here."""
        return bool(self.refuses_when)


_AGAIN = "the active model stays in use; the update starts again from the download"
_DONE = "the new model is used; the activation is recorded at the next start"

STEPS: dict[UpdateState, UpdateStep] = {
    UpdateState.OFFERED: UpdateStep(
        "copy it: plain files only, limited in size",
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
        "load it in a child process and run the probes",
        UpdateState.TRIED,
        "it crashes, hangs, needs too much memory or time, or gives other answers than promised",
        _AGAIN,
    ),
    UpdateState.TRIED: UpdateStep("rename its folder to its version", UpdateState.KEPT, "", _AGAIN),
    UpdateState.KEPT: UpdateStep(
        "load it next to the active one and run the probes",
        UpdateState.LOADED,
        "it gives other answers than in its trial",
        _AGAIN,
    ),
    UpdateState.LOADED: UpdateStep("swap the pointer", UpdateState.POINTED, "", _AGAIN),
    UpdateState.POINTED: UpdateStep(
        "record the activation and settle the offer", UpdateState.ACTIVATED, "", _DONE
    ),
}


@dataclass(frozen=True)
class Known:
    """What the store knows, for judging a new model.

    Attributes:
        name: of the active model, or None without one.
        seen: the highest version ever active, by name.
        quarantined: hashes of models that were rolled back.
        runtime: the version of ONNX Runtime here.
        accepted_name: another name that may take the active model's place, if the owner said so.
        newest_kept: the highest version that the pointer names; a folder is named by its version.
    """

    name: str | None
    seen: Mapping[str, Seen]
    quarantined: frozenset[str]
    runtime: str
    accepted_name: str = ""
    newest_kept: int = 0


def resume(offered_manifest: str, active_manifest: str | None) -> UpdateState:
    """Return where an update continues: from the start, or after the pointer was swapped.

    Args:
        offered_manifest: the SHA-256 of its manifest.
        active_manifest: that of the active model, or None without one.
    """
    if offered_manifest == active_manifest:
        return UpdateState.POINTED
    return UpdateState.OFFERED


def _refuse_other_name(manifest: Manifest, known: Known) -> None:
    """Refuse a model of another name, unless the owner wants it and its number is free."""
    if manifest.name != known.accepted_name:
        raise Refused(
            f"is a model named {manifest.name!r}; this appliance uses {known.name!r}. To take it,"
            f' set accept_domain = "{manifest.name}" in greenlight.toml and restart'
        )
    if manifest.version <= known.newest_kept:
        raise Refused(
            f"is {manifest.name!r} version {manifest.version}, but versions up to"
            f" {known.newest_kept} of {known.name!r} are kept here; export it with"
            f" --version {known.newest_kept + 1}"
        )


def judge(manifest: Manifest, manifest_sha256: str, offered: tuple[int, str], known: Known) -> None:
    """Refuse a signed manifest that isn't the one offered, or isn't for this device.

    Args:
        manifest: signed by a trusted key.
        manifest_sha256: of its bytes.
        offered: the version and the manifest's SHA-256 in the offer.
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
        _refuse_other_name(manifest, known)
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
