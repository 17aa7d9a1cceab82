"""Files that must survive a power cut are synced before they are renamed, and so is the folder.

`tests/cloud_sync/test_crash_replay.py` shows the same of whole processes, with strace; this needs
none. SQLite's own syncs are its setting: `tests/edge/journal/test_file.py`.
"""

from __future__ import annotations

import importlib.util
import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from edge.appliance.decisions import keep_slate
from edge.appliance.sign_in import PIN_FILE, read_or_make_pin, replace_pin
from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL
from edge.journal.file import set_aside
from edge.models.store import ModelStore, Pointer
from edge.search.slate import Slate
from tests.syncs import in_order, recorded


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return recorded(monkeypatch)


def test_a_download_is_handed_over_with_both_folders_synced(tmp_path, done):
    partial = incoming_folder(tmp_path) / ".partial"
    partial.mkdir()
    done.clear()
    hand_over(partial, tmp_path, "4")
    assert done == ["sync .partial/", "rename .partial 4", "sync incoming/"]


def test_the_pointer_to_the_model_is_replaced_durably(tmp_path, done):
    store = ModelStore(tmp_path)
    done.clear()
    store.write(Pointer())
    synced, renamed, folder = done
    assert synced.startswith("sync .")
    assert renamed.startswith("rename .")
    assert folder == f"sync {store.versions.parent.name}/"


def test_a_slate_is_kept_durably(tmp_path, done):
    keep_slate(tmp_path, Slate())
    assert in_order(done, "sync .slate.json.new", "rename .slate.json.new slate.json")
    assert done[-1] == f"sync {tmp_path.name}/"
    done.clear()
    keep_slate(tmp_path, None)
    assert done == [f"sync {tmp_path.name}/"]


def test_a_pin_is_on_the_disk_before_it_counts(tmp_path, done):
    read_or_make_pin(tmp_path)
    replace_pin(tmp_path)
    assert [step.split()[0] for step in done] == ["sync", "link", "sync", "sync", "rename", "sync"]
    assert done[1].endswith(f" {PIN_FILE}")
    assert done[4].endswith(f" {PIN_FILE}")
    assert done[2] == done[5] == f"sync {Path(tmp_path).name}/"


def test_a_journal_set_aside_keeps_its_new_name(tmp_path, done):
    (tmp_path / JOURNAL).write_bytes(b"damaged")
    set_aside(tmp_path / JOURNAL)
    assert done == [f"rename {JOURNAL} {JOURNAL}.damaged-1", f"sync {tmp_path.name}/"]


def script(name: str) -> ModuleType:
    """Load one of the installer's scripts, which isn't part of a package."""
    path = Path(__file__).parents[1] / "systemd" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"installer_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_every_file_of_a_connection_is_on_the_disk(tmp_path, done):
    given = tmp_path / "device"
    (given / "public-keys").mkdir(parents=True)
    for name in ("sync.toml", "private.pem.key", "public-keys/a.pub.pem"):
        (given / name).write_text("x")
    script("connection").copy(given, tmp_path / "fresh")
    assert done == ["sync private.pem.key", "sync sync.toml", "sync a.pub.pem"]


def journal(path: Path, version: int) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    return path.read_bytes()


def test_the_journal_of_a_failed_upgrade_is_set_aside_before_the_copy_takes_its_place(
    tmp_path, done, monkeypatch
):
    copy = journal(tmp_path / "copy.db", 1)
    state = tmp_path / "state"
    state.mkdir()
    journal(state / JOURNAL, 2)
    done.clear()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(copy)))
    aside = Path(script("journal_copy").restore(state))
    first, linked, kept, renamed, last = done
    restored = first.removeprefix("sync ")
    assert restored.startswith(".restored-")
    assert linked == f"link {JOURNAL} {JOURNAL}"
    assert kept == f"sync {aside.name}/"
    assert renamed == f"rename {restored} {JOURNAL}"
    assert last == "sync state/"
    assert (state / JOURNAL).read_bytes() == copy


def test_a_bundle_that_came_with_a_release_is_on_the_disk_before_it_is_offered(tmp_path, done):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text('{"version": 3}')
    (bundle / "model.onnx").write_bytes(b"model")
    offered = script("offer_bundle")
    state = tmp_path / "state"
    state.mkdir()
    offered.offer(state, bundle)
    assert in_order(
        sorted(done[:2]) + done[2:], "sync manifest.json", "sync model.onnx",
        "sync .partial-release-3/", "rename .partial-release-3 release-3", "sync incoming/",
    )  # fmt: skip
