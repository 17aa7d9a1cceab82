"""A model's update ends with a model that answers, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_offering_the_active_model_again_is_a_success_that_changes_nothing(updated, rebundle):
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


def test_a_full_disk_is_no_verdict_and_the_offer_stays_open(device, rebundle, monkeypatch):
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
    told = json.loads(done.stdout)
    print(told)
    assert told["states"] == [*(state.name for state in STEPS), "ACTIVATED"]
    assert told["changes"] > 20
    device.journal = Journal.open(device.state / "journal.db")


def test_a_trial_leaves_no_bytecode_cut_off_by_its_limits(device, rebundle, tmp_path, monkeypatch):
    bytecode = tmp_path / "bytecode"
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(bytecode))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    offer = device.offer("2", 2, rebundle(device.incoming / "2"))
    assert device.update(offer) == (UpdateState.ACTIVATED, None)
    assert not bytecode.exists()
