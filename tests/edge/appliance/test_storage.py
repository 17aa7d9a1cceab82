"""A disk that loses data is a fault, and light, status and doctor agree about it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.appliance import storage
from edge.appliance.storage import StorageFailed, StorageObserver, probe
from edge.appliance.workers import Worker

HERE = Path(__file__).parent


def test_a_disk_that_becomes_read_only_is_a_fault_and_the_machine_can_be_switched_off(
    supplied, own_mounts
):
    script = str(HERE / "read_only_disk.py")
    done = subprocess.run(
        [*own_mounts, sys.executable, script, str(supplied.state), str(supplied.config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["status"]["pattern"] == "fast even blinking"
    assert "Read-only file system" in outcome["status"]["fault"] or (
        "read-only" in outcome["status"]["fault"]
    )
    assert "the card may be failing" in outcome["press"]["error"]
    code, found = outcome["doctor"]
    assert code == 1
    assert "BAD disk" in found
    assert "the card may be failing" in found
    assert "old logs" not in found
    assert (outcome["hold"]["ok"], outcome["exit"], outcome["power-off"]) == (True, 0, True)


def test_a_probe_leaves_nothing_behind(tmp_path: Path):
    probe(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["write", "fsync", "pread"])
def test_each_step_of_a_probe_can_fail(tmp_path: Path, monkeypatch, step: str):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(storage.os, step, fail)
    with pytest.raises(StorageFailed, match="failed: Input/output error; the card may be failing"):
        probe(tmp_path)


def test_a_card_that_returns_something_else_is_noticed(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(storage.os, "pread", lambda *_: b"\0" * 4096)
    with pytest.raises(StorageFailed, match="reads back different"):
        probe(tmp_path)


def test_a_full_disk_says_nothing_of_the_card(tmp_path: Path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage.os, "write", full)
    probe(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_stays_until_a_write_succeeds_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(storage, "_SYNC_SECONDS", 0.0)
    failing = True

    def sync_folder(folder: Path) -> None:
        if failing:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    async def until(fails: bool) -> None:
        deadline = time.monotonic() + 20
        while True:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
            try:
                observer.look()
            except StorageFailed:
                if fails:
                    return
            else:
                if not fails:
                    return

    async def visit() -> None:
        nonlocal failing, observer
        observer = StorageObserver(tmp_path, worker)
        await until(fails=True)
        failing = False
        await until(fails=False)
        observer.look()

    monkeypatch.setattr(storage, "sync_folder", sync_folder)
    observer: StorageObserver
    worker = Worker("storage", 60.0)
    asyncio.run(visit())
    worker.close()
