"""The store of models: what it keeps, and a pointer that may be damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data.bundle import write_bundle
from data.seen import Seen
from data.signing import PrivateKey, read_public_keys
from edge.appliance import RetryModel
from edge.appliance.decisions import execute_stopped
from edge.appliance.doctor import examine
from edge.appliance.status import stopped
from edge.config import Config
from edge.models.activation import UpdateState
from edge.models.active import START_OVER, load_active
from edge.models.store import POINTER, ModelStore
from tests.syncs import in_order, recorded


def test_only_the_active_and_the_previous_version_are_kept(updated, rebundle):
    answering = load_active(updated.store, updated.keys, "boot")
    updated.active = answering.bundle
    sha256 = rebundle(updated.incoming / "3", version=3)
    assert updated.update(updated.offer("3", 3, sha256))[0] is UpdateState.ACTIVATED
    assert updated.store.kept() == [2, 3]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"active": "two"}', b'{"schema_version": 2}', b"\xff" * 100]
)
def test_a_damaged_pointer_is_set_aside_and_rebuilt(updated, content):
    pointer = updated.store.versions.parent / POINTER
    pointer.write_bytes(content)
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 2
    assert (pointer.parent / f"{POINTER}.damaged-1").read_bytes() == content
    found = updated.store.read()
    assert (found.active, found.previous) == (2, 1)


@pytest.fixture
def other_key(tmp_path_factory, device):
    """A second key that this device trusts too."""
    key, folder = PrivateKey.new(), tmp_path_factory.mktemp("two-keys")
    for path in device.keys.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "other.pub.pem").write_bytes(key.public_pem)
    device.keys = folder
    return key


def resigned(bundle, folder: Path, key: PrivateKey, **manifest: Any) -> str:
    changed = msgspec.structs.replace(bundle.manifest, **manifest)
    return write_bundle(folder, changed, {**bundle.files, "extra.txt": b"other"}, key)


def refusal(device, folder: str, version: int, sha256: str) -> str:
    """Offer a model that must be refused; return the reason."""
    state, why = device.update(device.offer(folder, version, sha256))
    assert state is UpdateState.REFUSED
    return str(why)


def give_up(device) -> None:
    """Roll back and quarantine version 2, so that version 1 is active."""
    device.store.roll_back(device.active.model_hash)
    device.active = load_active(device.store, device.keys, "boot").bundle
    assert device.active.manifest.version == 1


def allow_again(device) -> None:
    """Take the model, the same under every version here, out of quarantine by its hash."""
    device.store.write(msgspec.structs.replace(device.store.read(), quarantined=()))


def test_another_trusted_key_brings_no_older_version_back(updated, other_key):
    sha256 = resigned(updated.active, updated.incoming / "1", other_key, version=1)
    assert "not above version 2" in refusal(updated, "1", 1, sha256)
    sha256 = resigned(updated.active, updated.incoming / "2", other_key, version=2)
    assert "with another manifest" in refusal(updated, "2", 2, sha256)
    sha256 = resigned(updated.active, updated.incoming / "3", other_key, version=3)
    assert updated.update(updated.offer("3", 3, sha256)) == (UpdateState.ACTIVATED, None)


def test_a_rollback_lowers_no_keys_highest_version(updated, other_key, rebundle):
    before = updated.store.read().seen
    give_up(updated)
    assert updated.store.read().seen == before
    allow_again(updated)
    sha256 = resigned(updated.active, updated.incoming / "2", other_key, version=2)
    assert "with another manifest" in refusal(updated, "2", 2, sha256)
    # The only one left is damaged too: nothing older than version 2 replaces it.
    (updated.store.folder(1) / "manifest.sig").unlink()
    updated.active = load_active(updated.store, updated.keys, "boot").bundle
    assert updated.active is None
    sha256 = rebundle(updated.incoming / "1", version=1)
    assert "not above version 2" in refusal(updated, "1", 1, sha256)


def test_a_model_given_up_is_not_retried_once_a_later_one_was_accepted(updated, rebundle):
    give_up(updated)
    sha256 = rebundle(updated.incoming / "3", {"extra.txt": b"3"}, version=3)
    allow_again(updated)
    assert updated.update(updated.offer("3", 3, sha256))[0] is UpdateState.ACTIVATED
    given_up = (updated.active.model_hash,)
    updated.store.write(msgspec.structs.replace(updated.store.read(), quarantined=given_up))
    config = Config(state=updated.state, public_keys=updated.keys)
    outcome = execute_stopped(config, RetryModel())
    assert not outcome.ok
    assert "version 2 is not above version 3" in outcome.error


@pytest.mark.parametrize("content", [None, b"", b'{"highest": {"k": "9"}}', b"\0" * 64])
def test_a_lost_record_keeps_the_active_model_and_forgets_neither_versions_nor_quarantine(
    updated, rebundle, content
):
    give_up(updated)
    given_up = updated.store.read().quarantined
    pointer = updated.state / POINTER
    pointer.unlink() if content is None else pointer.write_bytes(content)
    # While it runs: the active model stays, nothing new comes in, and status says so.
    sha256 = rebundle(updated.incoming / "3", version=3)
    assert "restart the appliance to rebuild it" in refusal(updated, "3", 3, sha256)
    assert updated.active.manifest.version == 1
    [sentence] = stopped(updated.state, "MovieSelector")["attention"]
    assert "record of accepted models" in sentence
    assert "new models are refused" in sentence
    # At the next start it is rebuilt, from the version in quarantine as well.
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 1
    assert "rebuilt from the verified models" in answering.notes[0]
    found = updated.store.read()
    assert (found.active, found.seen["films"].version) == (1, 2)
    assert found.quarantined == given_up
    sha256 = rebundle(updated.incoming / "2", {"extra.txt": b"third"}, version=2)
    assert "quarantine" in refusal(updated, "2", 2, sha256)


def test_a_record_that_cannot_be_rebuilt_accepts_no_model_until_started_over(updated, rebundle):
    for folder in updated.store.versions.iterdir():
        (folder / "manifest.sig").unlink()
    (updated.state / POINTER).write_bytes(b"\0")
    for _ in range(2):
        answering = load_active(updated.store, updated.keys, "boot")
        assert (answering.model, answering.bundle) == (None, None)
        assert answering.notes
        assert "no verified model is left; new models are refused" in answering.notes[0]
    updated.active = None
    sha256 = rebundle(updated.incoming / "9", version=9)
    assert "is missing" in refusal(updated, "9", 9, sha256)
    config = Config(state=updated.state, public_keys=updated.keys)
    [finding] = [one for one in examine(config, simulate=True) if one.part == "model"]
    assert not finding.ok
    assert "new models are refused" in finding.found
    assert START_OVER in finding.fix
    (updated.state / f"{POINTER}.damaged-1").unlink()
    shutil.rmtree(updated.store.versions)
    updated.store = ModelStore(updated.state)
    sha256 = rebundle(updated.incoming / "9", version=9)
    assert updated.update(updated.offer("9", 9, sha256))[0] is UpdateState.ACTIVATED


def test_a_record_by_key_of_earlier_software_is_taken_over(updated, other_key):
    key = updated.active.manifest.key_id
    old = {"active": 2, "previous": 1, "highest": {key: 2, "0" * 16: 5}, "schema_version": 1}
    (updated.state / POINTER).write_text(json.dumps(old))
    load_active(updated.store, updated.keys, "boot")
    sha256 = resigned(updated.active, updated.incoming / "5", other_key, version=5)
    assert "accepted before" in refusal(updated, "5", 5, sha256)
    old["highest"] = {key: 2}
    (updated.state / POINTER).write_text(json.dumps(old))
    active = load_active(updated.store, updated.keys, "boot").bundle
    assert updated.store.read().seen == {"films": Seen(2, active.manifest_sha256)}


def test_the_sync_services_group_cannot_write_the_record(updated):
    assert (updated.state / POINTER).stat().st_mode & 0o022 == 0


def test_a_model_handed_back_is_on_the_disk_before_its_quarantine_ends(
    updated, tmp_path, monkeypatch
):
    give_up(updated)
    done, folder = recorded(monkeypatch), tmp_path / "retry-2"
    updated.store.hand_back(2, folder, read_public_keys(updated.keys))
    files = [f"sync {path.name}" for path in folder.iterdir()]
    assert sorted(done[: len(files)]) == sorted(files)
    left = done[len(files) :]
    assert left[:2] == ["sync retry-2/", f"sync {tmp_path.name}/"]
    assert in_order(left, f"rename .{POINTER}.new {POINTER}", left[-1])
    assert updated.store.read().quarantined == ()
