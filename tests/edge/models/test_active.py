"""Which model is active after crashes, power cuts and damage, and rollback to the previous one."""

from __future__ import annotations

from edge.appliance import RetryModel
from edge.appliance.decisions import execute_stopped
from edge.config import Config
from edge.models.activation import UpdateState
from edge.models.active import WorkMarker, load_active, prove


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


def test_without_a_quarantined_model_there_is_nothing_to_retry(device):
    outcome = execute_stopped(Config(state=device.state, public_keys=device.keys), RetryModel())
    assert (outcome.ok, outcome.error) == (
        False,
        "no model is quarantined here, so there is none to retry",
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
