"""Files that must survive a power cut are synced before they are renamed, and so is the folder.

`tests/cloud_sync/test_crash_replay.py` shows the same of whole processes, with strace; this needs
none. SQLite's own syncs are its setting: `tests/edge/journal/test_file.py`.
"""

from __future__ import annotations

from pathlib import Path

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
