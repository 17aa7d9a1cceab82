"""A model's update ends with a working model, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from data.bundle import write_bundle
from data.signing import PrivateKey
from data.trust import MODELS, ROOT, SignedTrust, TrustDocument, TrustRole
from edge.journal import Journal
from edge.models.activation import STEPS, UpdateState
from edge.models.active import load_active

HERE = Path(__file__).parent


def test_a_good_model_is_activated_and_the_one_before_is_kept(updated):
    pointer = updated.store.read()
    assert (pointer.active, pointer.previous) == (2, 1)
    (activation,) = updated.journal.activations_after(0)
    assert (activation.outcome, activation.version) == ("activated", 2)
    assert activation.job_id == "job-2"
    assert activation.model_hash == updated.active.model_hash
    assert updated.journal.incoming_models() == []


def test_offering_the_active_model_again_is_a_success_that_changes_nothing(updated):
    answering = load_active(updated.store, updated.keys, "boot")
    pointer, updated.active = updated.store.read(), answering.bundle
    (updated.incoming / "again").mkdir()
    offer = updated.offer("again", 2, answering.bundle.manifest_sha256)
    assert updated.update(offer) == (UpdateState.ACTIVATED, None)
    assert updated.store.read() == pointer
    assert [a.outcome for a in updated.journal.activations_after(0)] == ["activated"] * 2


def test_a_kept_copy_that_was_swapped_is_not_loaded(device, rebundle, monkeypatch):
    sha256 = rebundle(device.incoming / "2")
    keep = device.store.keep

    def swap(copied: Path, version: int) -> Path:
        kept = keep(copied, version)
        rebundle(kept, {"extra.txt": b"something else"})
        return kept

    monkeypatch.setattr(device.store, "keep", swap)
    state, why = device.update(device.offer("2", 2, sha256))
    assert (state, why) == (UpdateState.REFUSED, "the kept copy is not the one that was tried")
    assert device.store.kept() == [1]


def test_a_full_disk_does_not_condemn_the_model_and_the_offer_stays_open(
    device, rebundle, monkeypatch
):
    offer = device.offer("2", 2, rebundle(device.incoming / "2"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("edge.models.store.copy_folder", full)
        with pytest.raises(OSError, match="No space left"):
            device.update(offer)
    assert device.journal.incoming_models() == [offer]
    assert device.store.kept() == [1]
    assert device.update(offer) == (UpdateState.ACTIVATED, None)


def test_every_state_has_a_step_or_is_an_end():
    assert {*STEPS, UpdateState.ACTIVATED, UpdateState.REFUSED} == set(UpdateState)
    reached = {UpdateState.OFFERED} | {step.then for step in STEPS.values()}
    assert reached == set(UpdateState) - {UpdateState.REFUSED}


@pytest.mark.slow
def test_killed_at_every_step_and_change_there_is_a_model_and_never_a_false_success(
    device, rebundle, quick_path
):
    sha256 = rebundle(device.incoming / "2", {"extra.txt": b"of version 2"})
    device.offer("2", 2, sha256)
    device.journal.close()
    (quick_path / "work").mkdir()
    script, template = HERE / "kill_update.py", device.state
    done = subprocess.run(
        [sys.executable, script, template, quick_path / "work", device.keys],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(result)
    assert result["states"] == [*(state.name for state in STEPS), "ACTIVATED"]
    assert result["changes"] > 20
    device.journal = Journal.open(device.state / "journal.db")


def test_a_trial_leaves_no_bytecode_cut_off_by_its_limits(device, rebundle, tmp_path, monkeypatch):
    bytecode = tmp_path / "bytecode"
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(bytecode))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    offer = device.offer("2", 2, rebundle(device.incoming / "2"))
    assert device.update(offer) == (UpdateState.ACTIVATED, None)
    assert not bytecode.exists()


def trust_document(version: int, root: PrivateKey, *models: PrivateKey, days: int = 30) -> bytes:
    """Return a trust document in which these keys sign models, signed by its root key."""
    expires = datetime.now(UTC) + timedelta(days=days)
    document = TrustDocument(
        version=version,
        created_at="2026-01-01T00:00:00Z",
        expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        keys={key.key_id: key.public_pem.decode() for key in (root, *models)},
        roles={
            ROOT: TrustRole((root.key_id,)),
            MODELS: TrustRole(tuple(key.key_id for key in models)),
        },
    )
    return SignedTrust(msgspec.json.encode(document)).sign(root).encode()


def also_signed_by(raw: bytes, key: PrivateKey) -> bytes:
    return SignedTrust.read(raw)[0].sign(key).encode()


def offered(device, bundle, version: int, key: PrivateKey):
    """Offer a model signed with this key; return the outcome."""
    changed = msgspec.structs.replace(bundle.manifest, version=version)
    folder = device.incoming / str(version)
    sha256 = write_bundle(folder, changed, {**bundle.files, "extra.txt": b"new"}, key)
    return device.update(device.offer(str(version), version, sha256))


def test_a_trust_document_takes_a_device_over_and_the_old_key_brings_nothing_new(
    updated, signing_key
):
    root, fresh = PrivateKey.new(), PrivateKey.new()
    bundle, incoming = updated.active, updated.incoming
    # Signed by no key that this device trusts, it changes nothing.
    forged = trust_document(1, root, fresh)
    (incoming / "trust-1.json").write_bytes(forged)
    assert "not trusted here" in offered(updated, bundle, 3, fresh)[1]
    assert not updated.store.trust.exists()
    (incoming / "trust-1.json").write_bytes(also_signed_by(forged, signing_key))
    assert offered(updated, bundle, 3, fresh) == (UpdateState.ACTIVATED, None)
    assert [path.name for path in updated.store.trust.iterdir()] == ["trust-1.json"]
    updated.active = load_active(updated.store, updated.keys, "boot").bundle
    assert "not trusted here" in offered(updated, bundle, 4, signing_key)[1]
    # The models key never makes itself or another key root.
    stolen = trust_document(2, PrivateKey.new(), fresh)
    (incoming / "trust-2.json").write_bytes(also_signed_by(stolen, fresh))
    assert "not trusted here" in offered(updated, bundle, 4, signing_key)[1]
    assert updated.store.read().trust == 1
    # After the rotation the active model stays in use, though its key can't sign any more.
    (incoming / "trust-2.json").write_bytes(trust_document(2, root, signing_key))
    assert "not trusted here" in offered(updated, bundle, 4, fresh)[1]
    assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 3
    assert offered(updated, bundle, 4, signing_key) == (UpdateState.ACTIVATED, None)


def test_an_expired_or_lost_trust_document_accepts_nothing_new(updated, signing_key):
    root, bundle = PrivateKey.new(), updated.active
    first = also_signed_by(trust_document(1, root, signing_key, days=-1), signing_key)
    (updated.incoming / "trust-1.json").write_bytes(first)
    assert "expired on" in offered(updated, bundle, 3, signing_key)[1]
    assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 2
    # Removing it doesn't bring the plain keys back.
    shutil.rmtree(updated.store.trust)
    (updated.incoming / "trust-1.json").unlink()
    state, why = offered(updated, bundle, 3, signing_key)
    assert state is UpdateState.REFUSED
    assert "trust document, version 1, is lost" in why
    (updated.incoming / "trust-1.json").write_bytes(first)
    (updated.incoming / "trust-2.json").write_bytes(trust_document(2, root, signing_key))
    assert offered(updated, bundle, 3, signing_key) == (UpdateState.ACTIVATED, None)
