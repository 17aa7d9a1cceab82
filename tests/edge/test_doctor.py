"""The doctor examines each part and says what to do; it changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.appliance.doctor import Finding, examine
from edge.config import Config
from edge.journal import JOURNAL, Journal


def config_of(device, **fields: object) -> Config:
    return Config(state=device.state, public_keys=device.keys, **fields)


def part(found: list[Finding], name: str) -> Finding:
    (one,) = [finding for finding in found if finding.part == name]
    return one


def test_a_sound_device_needs_nothing(device):
    found = examine(config_of(device), simulate=True)
    assert [finding.part for finding in found if not finding.ok] == []
    assert "version 1" in part(found, "model").found


def test_everything_that_is_wrong_has_a_fix(
    device, make_pick, make_feedback, tmp_path, monkeypatch
):
    feedback = make_feedback(make_pick())
    device.journal.record_rating(feedback)
    device.journal.quarantine(feedback.id, "year: is 99")
    device.journal.set_sync_state("connection", {"state": "offline", "reason": "no route"})
    (device.state / "journal.db.damaged-1").write_bytes(b"")
    (device.state / "journal-of-failed-upgrade-20261122200000").mkdir()
    (device.store.folder(1) / "model.onnx").write_bytes(b"")
    monkeypatch.setattr("edge.appliance.doctor._LOW_DISK_BYTES", 1 << 60)
    monkeypatch.setattr("time.time", lambda: 5.0)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "none-such")
    found = examine(config_of(device), simulate=False)
    wrong = [finding for finding in found if not finding.ok]
    assert [finding.part for finding in wrong] == [
        "pins",
        "disk",
        "set aside",
        "set aside",
        "clock",
        "model",
        "refused rating",
        "sync",
    ]
    assert all(finding.fix for finding in wrong)
    assert "year: is 99" in part(found, "refused rating").found
    assert "no route" in part(found, "sync").found


def test_a_device_that_never_ran_is_told_how_to_start(tmp_path: Path):
    config = Config(state=tmp_path / "nowhere", public_keys=tmp_path)
    found = examine(config, simulate=True)
    assert not part(found, "disk").ok
    assert part(found, "trusted keys").found == "none: no model is trusted"
    assert part(found, "journal").ok
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_journal_is_named_and_left_alone(tmp_path: Path):
    (tmp_path / JOURNAL).write_bytes(b"no journal" * 500)
    found = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=True)
    assert "restart the appliance" in part(found, "journal").fix
    assert (tmp_path / JOURNAL).read_bytes() == b"no journal" * 500


def test_a_key_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "bad.pub.pem").write_text("no key")
    found = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=True)
    assert "bad.pub.pem" in part(found, "trusted keys").found


def test_a_running_appliance_is_asked(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    config = Config(state=supplied.state, public_keys=supplied.config.parent)
    found = examine(config, simulate=False)
    assert part(found, "pins").found == "in use by the running appliance"
    assert part(found, "appliance").ok


@pytest.mark.parametrize("waiting", [0, 3])
def test_what_waits_to_be_sent_is_counted(device, make_pick, make_feedback, waiting):
    for _ in range(waiting):
        device.journal.record_rating(make_feedback(make_pick()))
    found = part(examine(config_of(device), simulate=True), "journal").found
    assert f"{waiting} ratings wait" in found
    with Journal.open(device.state / JOURNAL) as journal:
        assert journal.outbox_depth()[0] == waiting
