"""A model's update ends with a model that answers, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.appliance import RetryModel
from edge.appliance.decisions import execute_stopped
from edge.config import Config
from edge.journal import Journal
from edge.models.activation import STEPS, UpdateState
from edge.models.active import WorkMarker, load_active, prove
from edge.models.store import POINTER

HERE = Path(__file__).parent


@pytest.fixture
def updated(device, rebundle):
    """A device on which version 2 has just been activated."""
    sha256 = rebundle(device.incoming / "2", {"extra.txt": b"of version 2"})
    assert device.update(device.offer("2", 2, sha256)) == (UpdateState.ACTIVATED, None)
    return device


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


def test_only_the_active_and_the_previous_version_are_kept(updated, rebundle):
    answering = load_active(updated.store, updated.keys, "boot")
    updated.active = answering.bundle
    sha256 = rebundle(updated.incoming / "3", version=3)
    assert updated.update(updated.offer("3", 3, sha256))[0] is UpdateState.ACTIVATED
    assert updated.store.kept() == [2, 3]


def die_at_work(store, boot: str) -> None:
    """Leave the mark that a killed search leaves."""
    trial = store.read().trial
    with WorkMarker(store, boot).searching():
        marked = store.read()
    assert (trial.boot_id, marked.trial.boot_id) == ("", boot)
    store.write(marked)


def test_three_deaths_at_work_in_one_boot_roll_back_and_quarantine(updated):
    for _ in range(3):
        assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 2
        die_at_work(updated.store, "boot")
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 1
    assert answering.rolled_back[0][0] == 2
    pointer = updated.store.read()
    assert (pointer.active, pointer.previous) == (1, None)
    assert pointer.quarantined == (updated.active.model_hash,)
    assert [path.name for path in updated.store.versions.glob("2.*")] == ["2.quarantined-1"]


def test_the_only_model_is_never_given_up(device):
    device.store.point_at(device.active)
    for _ in range(6):
        answering = load_active(device.store, device.keys, "boot")
        assert answering.bundle.manifest.version == 1
        die_at_work(device.store, "boot")
    assert "it's the only one, so it stays" in answering.notes[0]
    assert device.store.read().quarantined == ()


def test_a_model_that_was_given_up_can_be_retried(updated):
    for _ in range(3):
        load_active(updated.store, updated.keys, "boot")
        die_at_work(updated.store, "boot")
    updated.active = load_active(updated.store, updated.keys, "boot").bundle
    assert updated.active.manifest.version == 1
    config = Config(state=updated.state, public_keys=updated.keys)
    assert execute_stopped(config, RetryModel()).message == "model version 2 will be tried again"
    [offer] = updated.journal.incoming_models()
    assert updated.update(offer) == (UpdateState.ACTIVATED, None)
    assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 2


def test_without_a_model_given_up_there_is_none_to_retry(device):
    outcome = execute_stopped(Config(state=device.state, public_keys=device.keys), RetryModel())
    assert (outcome.ok, outcome.error) == (
        False,
        "no model was given up here, so there is none to retry",
    )


def test_power_cuts_never_count(updated):
    for number in range(10):
        answering = load_active(updated.store, updated.keys, f"boot {number}")
        assert answering.bundle.manifest.version == 2
        die_at_work(updated.store, f"boot {number}")


def test_deaths_while_the_model_is_idle_never_count(updated):
    for _ in range(10):
        assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 2


def test_a_model_that_has_proved_itself_is_not_blamed_for_later_deaths(updated):
    load_active(updated.store, updated.keys, "boot")
    prove(updated.store)
    for _ in range(10):
        assert load_active(updated.store, updated.keys, "boot").bundle.manifest.version == 2


def test_a_model_damaged_on_the_disk_gives_way_to_the_previous_and_may_come_again(
    updated, rebundle
):
    model = updated.store.folder(2) / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 1
    assert "version 2 was given up" in answering.notes[0]
    assert [path.name for path in updated.store.versions.glob("2.*")] == ["2.damaged-1"]
    sha256 = rebundle(updated.incoming / "2", {"extra.txt": b"of version 2"})
    assert updated.update(updated.offer("2", 2, sha256))[0] is UpdateState.ACTIVATED


def test_with_every_version_damaged_it_starts_without_a_model(updated):
    for version in (1, 2):
        (updated.store.folder(version) / "manifest.sig").unlink()
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.model is None
    assert len(answering.notes) == 2
    assert updated.store.read().active is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"active": "two"}', b'{"schema_version": 2}', b"\xff" * 100]
)
def test_a_damaged_pointer_is_set_aside_and_found_anew(updated, content):
    pointer = updated.store.versions.parent / POINTER
    pointer.write_bytes(content)
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 2
    assert (pointer.parent / f"{POINTER}.damaged-1").read_bytes() == content
    found = updated.store.read()
    assert (found.active, found.previous) == (2, 1)


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
