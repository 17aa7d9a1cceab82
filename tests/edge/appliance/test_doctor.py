"""The doctor examines each part and says what to do; it changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sync.status import StatusWriter
from data.findings import Finding
from edge import service
from edge.appliance import doctor
from edge.appliance.client import NOT_ALLOWED, SOCKET, NotRunning, ask, short_path
from edge.appliance.doctor import examine
from edge.appliance.state_folder import LOCK, locked
from edge.config import Config
from edge.journal import JOURNAL, Journal
from edge.models.activation import Refused

# Modules imported before may be where the other user can't read.
AS_ANOTHER_USER = """
import os
import edge.appliance.doctor, edge.cli, edge.models.store, edge.panel.hardware
import encodings.utf_8_sig, typer.rich_utils
app = edge.cli.application()
os.setgroups([]); os.setgid(4000); os.setuid(4000)
edge.cli.application = lambda: app
edge.cli.main()
"""


def config_of(device, **fields: object) -> Config:
    return Config(state=device.state, public_keys=device.keys, **fields)


def config_at(bench) -> Config:
    return Config(state=bench.state, public_keys=bench.config.parent)


def part(found: list[Finding], name: str) -> Finding:
    (one,) = [finding for finding in found if finding.part == name]
    return one


@contextlib.contextmanager
def sync_service(device) -> Iterator[None]:
    """The part of the sync service that answers questions in the journal."""
    stop = threading.Event()

    def answer() -> None:
        with Journal.open(device.state / JOURNAL) as journal:
            status = StatusWriter(journal)
            while not stop.wait(0.02):
                status.answer()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_sound_device_needs_nothing(device):
    found = examine(config_of(device), simulate=True)
    assert [finding.part for finding in found if not finding.ok] == []
    assert "version 1" in part(found, "model").found
    assert "loads and searches" in part(found, "model").found


def test_a_model_that_answers_wrongly_is_found_by_trying_it(device, monkeypatch):
    def wrong(*_: object) -> None:
        raise Refused("a probe expects other stars than the model gives")

    monkeypatch.setattr("edge.models.probing.check_probes", wrong)
    finding = part(examine(config_of(device), simulate=True), "model")
    assert (finding.ok, finding.fix[:10]) == (False, "stop it, t")
    assert "expects other stars" in finding.found


def test_a_record_that_cannot_be_decoded_is_counted_and_set_aside_at_the_next_start(device):
    with device.journal.transaction() as connection:
        connection.execute("INSERT INTO picks (id, made_at, payload) VALUES ('p', 'now', x'7b')")
    finding = part(examine(config_of(device), simulate=True), "journal")
    assert (finding.ok, "pick: 1" in finding.found) == (False, True)
    device.journal.set_bad_rows_aside("now")
    finding = part(examine(config_of(device), simulate=True), "journal")
    assert (finding.ok, "set aside earlier: pick: 1" in finding.found) == (True, True)


@pytest.mark.parametrize("lives", [True, False])
def test_the_sync_service_is_asked_whether_it_lives(device, monkeypatch, lives: bool):
    monkeypatch.setattr("edge.appliance.doctor._ANSWER_SECONDS", 20.0 if lives else 0.2)
    device.journal.set_sync_state("connection", {"state": "online", "since": "now"})
    with sync_service(device) if lives else contextlib.nullcontext():
        finding = part(examine(config_of(device), simulate=True), "sync")
    assert finding.ok is lives
    assert ("doesn't answer" in finding.found) is not lives
    assert lives or finding.fix


def test_a_journal_that_is_another_file_than_the_appliances_is_noticed(supplied):
    supplied.start().wait_for("model: films")
    copied = (supplied.state / JOURNAL).read_bytes()
    status = ask(supplied.state, "status")
    (supplied.state / "copy").write_bytes(copied)
    (supplied.state / "copy").replace(supplied.state / JOURNAL)
    found = list(doctor._journal(config_at(supplied), status))
    (supplied.state / JOURNAL).unlink()
    assert "writes into another file" in found[0].found
    assert found[0].fix.startswith("keep both")


def test_everything_that_is_wrong_has_a_fix(device, make_pick, make_feedback, monkeypatch):
    feedback = make_feedback(make_pick())
    device.journal.record_rating(feedback)
    device.journal.quarantine(feedback.id, "`year` is 99")
    device.journal.set_sync_state("connection", {"state": "offline", "reason": "no route"})
    (device.state / "journal.db.damaged-1").write_bytes(b"")
    (device.state / "journal-of-failed-upgrade-20261122200000").mkdir()
    (device.store.folder(1) / "model.onnx").write_bytes(b"")
    monkeypatch.setattr("edge.appliance.doctor._LOW_DISK_BYTES", 1 << 60)
    monkeypatch.setattr("time.time", lambda: 5.0)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "none-such")
    with sync_service(device):
        found = examine(config_of(device), simulate=False)
    wrong = [finding for finding in found if not finding.ok]
    assert [finding.part for finding in wrong] == [
        "pins",
        "disk",
        "set aside",
        "clock",
        "model",
        "set aside",
        "rejected rating",
        "sync",
    ]
    assert all(finding.fix for finding in wrong)
    assert "`year` is 99" in part(found, "rejected rating").found
    assert "greenlight-sync retry" in part(found, "rejected rating").fix
    assert "no route" in part(found, "sync").found
    # Never advise to delete what was not read.
    (unread,) = [finding for finding in wrong if "journal.db.damaged-1" in finding.found]
    assert unread.fix.startswith("keep it")


def test_a_device_that_never_ran_shows_how_to_start_it(tmp_path: Path):
    config = Config(state=tmp_path / "nowhere", public_keys=tmp_path)
    found = examine(config, simulate=True)
    assert not part(found, "disk").ok
    assert part(found, "trusted keys").found == "none: no model is trusted"
    assert part(found, "journal").ok
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_of_something_else_is_named_and_nothing_is_written_there(tmp_path: Path):
    (tmp_path / "letters").mkdir()
    before = tmp_path.stat().st_mtime_ns
    found = {one.part: one for one in examine(Config(state=tmp_path), simulate=True)}
    assert not found["disk"].ok
    assert "isn't the state folder of an appliance" in found["disk"].found
    assert tmp_path.stat().st_mtime_ns == before


# The gate runs as root: there it is never skipped.
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_user_outside_the_group_sees_how_to_join_and_nothing_else():
    # Not pytest's own folder: that is closed to other users from above.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        state.mkdir()
        state.chmod(0o2770)
        config = Path(folder) / "greenlight.toml"
        config.write_text('state = "state"\n')
        config.chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, "doctor", "--config", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")
    printed = [line.strip() for line in done.stdout.splitlines()]
    assert printed == [
        f"BAD access: this user may not use {state}",
        "join the group greenlight, or use sudo",
    ]


def answering(state: Path, reply: bytes) -> threading.Thread:
    """Something that takes one request at the control socket, says this, and is gone."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(state / SOCKET) as path:
        listening.bind(path)
    listening.listen()

    def answer() -> None:
        with listening, listening.accept()[0] as caller:
            caller.recv(1000)
            caller.sendall(reply)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_a_user_who_may_connect_but_not_ask_sees_the_same(tmp_path: Path):
    thread = answering(tmp_path, json.dumps(NOT_ALLOWED).encode() + b"\n")
    [finding] = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=True)
    thread.join()
    assert (finding.part, finding.ok, finding.found) == ("access", False, NOT_ALLOWED["error"])
    assert "sudo" in finding.fix


def test_an_appliance_whose_status_fails_is_still_examined(tmp_path: Path):
    reply = {"ok": False, "error": "journal: disk I/O error"}
    (tmp_path / LOCK).touch()
    thread = answering(tmp_path, json.dumps(reply).encode() + b"\n")
    found = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=False)
    thread.join()
    assert (part(found, "appliance").ok, part(found, "appliance").found) == (False, reply["error"])
    assert part(found, "pins").found == "in use by the running appliance"
    assert part(found, "disk").ok, "the files are looked into"


def test_an_appliance_that_hangs_is_not_reported_as_stopped(tmp_path: Path):
    thread = answering(tmp_path, b"")
    found = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=False)
    thread.join()
    assert "before it answered" in part(found, "appliance").found
    assert "systemctl restart greenlight" in part(found, "appliance").fix
    assert part(found, "pins").found == "in use by the running appliance"


def test_an_appliance_that_holds_its_folder_and_does_not_listen_is_named(tmp_path: Path):
    with locked(tmp_path):
        found = part(
            examine(Config(state=tmp_path, public_keys=tmp_path), simulate=True), "appliance"
        )
    assert not found.ok
    assert "doesn't answer" in found.found
    assert "if it still doesn't" in found.fix


@pytest.fixture
def installed(tmp_path: Path, monkeypatch) -> Config:
    """A device as the installer leaves it, with another root."""
    (tmp_path / "run").mkdir()
    units = tmp_path / "units"
    units.mkdir()
    for name in (service.APPLIANCE, service.SYNC):
        (units / f"{name}.service").touch()
    monkeypatch.setattr(service, "RUNNING", tmp_path / "run")
    monkeypatch.setattr(service, "UNITS", units)
    monkeypatch.setattr(service, "DEFAULT_PATH", tmp_path / "etc/greenlight.toml")
    monkeypatch.setattr(Config, "state", tmp_path / "state")
    return Config(state=tmp_path / "state", public_keys=tmp_path)


def test_where_systemd_runs_it_a_stopped_appliance_is_bad_and_systemd_starts_it(installed):
    finding = part(examine(installed, simulate=True), "appliance")
    assert (finding.ok, finding.found) == (False, "not running")
    assert "`sudo systemctl reset-failed greenlight; sudo systemctl start greenlight`" in (
        finding.fix
    )
    with pytest.raises(NotRunning, match="sudo systemctl start greenlight`"):
        ask(installed.state, "status")
    assert "greenlight-setup install" in part(examine(installed, simulate=True), "disk").fix


def test_without_systemd_a_stopped_appliance_is_not_an_error(installed, tmp_path: Path):
    own = Config(state=tmp_path / "own", public_keys=tmp_path)
    finding = part(examine(own, simulate=True), "appliance")
    assert (finding.ok, finding.fix) == (True, "start it with `greenlight run`")
    (service.UNITS / "greenlight.service").unlink()
    assert part(examine(installed, simulate=True), "appliance").ok


def test_a_sync_service_that_was_never_seen_is_connected_or_started(installed):
    installed.state.mkdir()
    Journal.open(installed.state / JOURNAL).close()
    assert "greenlight-setup connect" in part(examine(installed, simulate=True), "sync").fix
    (service.DEFAULT_PATH.parent / "sync").mkdir(parents=True)
    fix = part(examine(installed, simulate=True), "sync").fix
    assert "sudo systemctl start greenlight-sync`" in fix


def test_a_damaged_journal_is_named_and_left_alone(tmp_path: Path):
    (tmp_path / JOURNAL).write_bytes(b"no journal" * 500)
    found = examine(Config(state=tmp_path, public_keys=tmp_path), simulate=True)
    assert "restart the appliance" in part(found, "journal").fix
    assert (tmp_path / JOURNAL).read_bytes() == b"no journal" * 500


def test_a_file_that_is_not_a_key_is_named(tmp_path: Path):
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
