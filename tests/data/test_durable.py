"""Secrets are written completely, and other users can never read them."""

import pytest

from data.durable import rename_durably, replace_durably, write_secret
from data.manifest import MANIFEST, MODEL
from edge.models.store import ModelStore
from tests.syncs import recorded


@pytest.mark.parametrize("before", [None, "name.pem", ".name.pem.new"])
def test_only_this_user_may_read_a_secret_whatever_lay_there_before(tmp_path, before):
    if before:
        (tmp_path / before).write_bytes(b"open to all, and longer than the secret")
        (tmp_path / before).chmod(0o644)
    path = tmp_path / "name.pem"
    write_secret(path, b"secret")
    assert path.read_bytes() == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_cannot_be_written_changes_nothing(tmp_path):
    folder = tmp_path / "name.pem"
    folder.mkdir()
    with pytest.raises(OSError, match=r"name\.pem"):
        write_secret(folder, b"secret")
    assert list(tmp_path.iterdir()) == [folder], "no secret is left under another name"


@pytest.fixture
def done(monkeypatch):
    return recorded(monkeypatch)


def test_a_replaced_file_is_synced_then_renamed_then_its_folder_is_synced(tmp_path, done):
    folder = tmp_path / "state"
    folder.mkdir()
    done.clear()
    replace_durably(folder / "pointer", b"new")
    assert done == ["sync .pointer.new", "rename .pointer.new pointer", "sync state/"]


def test_a_file_written_elsewhere_is_synced_before_it_gets_its_name(tmp_path, done):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "fresh").write_bytes(b"new")
    done.clear()
    rename_durably(folder / "fresh", folder / "pointer")
    assert done == ["sync fresh", "rename fresh pointer", "sync state/"]


def test_every_file_of_a_model_is_synced_before_its_version_gets_its_name(tmp_path, done):
    source = tmp_path / "incoming"
    source.mkdir()
    for name in (MANIFEST, MODEL):
        (source / name).write_bytes(b"x")
    store = ModelStore(tmp_path / "state")
    done.clear()
    store.keep(store.copy_in(source, 7), 7)
    *files, folder, renamed, versions = done
    assert sorted(files) == [f"sync {MANIFEST}", f"sync {MODEL}"]
    assert (folder, renamed, versions) == ("sync .new-7/", "rename .new-7 7", "sync versions/")
