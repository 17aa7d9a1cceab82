"""A download on a disk that fills up to the last byte, beside the real appliance. A script.

`python full_disk.py FOLDER`, in its own mount namespace: mounts a small file system, downloads
a bundle onto it, fills the disk in the middle of the download, and prints as JSON what then became
of download and ratings. Twice: once the download looks how much is free, once a write fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "edge" / "appliance"))

from filled_disk import fill_disk
from rig.owned_appliance import OwnedAppliance
from rig.records import Published

from cloud_sync.artefacts import ArtefactMissing
from cloud_sync.downloader import Downloader
from cloud_sync.ratchet import Ratchet
from cloud_sync.update import Fetched, FetchFailed, Job
from data.bundle import read_bundle
from data.manifest import MODEL
from data.signing import PrivateKey
from data.trust import Trust
from edge.appliance import client
from edge.journal import JOURNAL, Journal, JournalFull

_RATINGS = 8
_PIECE_BYTES = 64 * 1024
_KEPT_FREE_BYTES = 4 * 1024 * 1024


class FillingBucket:
    """Sends a bundle; in the middle of its model the disk fills up, if it may."""

    def __init__(self, objects: dict[str, bytes], state: Path) -> None:
        self._objects, self._state = objects, state
        self.fills = True

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        if key not in self._objects:
            raise ArtefactMissing(key)
        content = self._objects[key]
        for offset in range(start, len(content), _PIECE_BYTES):
            if self.fills and key.endswith(MODEL) and offset > len(content) // 2:
                fill_disk(self._state)
            yield content[offset : offset + _PIECE_BYTES]

    def close(self) -> None:
        pass


def main(folder: Path) -> list[dict[str, Any]]:
    state = folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "greenlight", str(state)], check=True)
    owned = OwnedAppliance(folder, state)
    try:
        return [watch(folder, state, 2, _KEPT_FREE_BYTES), watch(folder, state, 3, 0)]
    finally:
        owned.close()


def watch(folder: Path, state: Path, version: int, kept_free: int) -> dict[str, Any]:
    picks = [approved(state) for _ in range(_RATINGS)]
    with Journal.open(state / JOURNAL) as journal:
        assert client.ask(state, "rate", stars=5, pick_id=picks[0])["ok"]
        first = [row.id for row in journal.peek_outbox(10)]
        key = PrivateKey.new()
        published = Published(folder / f"published-{version}", version, key, b"model" * 600_000)
        bucket = FillingBucket(published.objects, state)
        keys = {key.key_id: key.public_pem}
        ratchet = Ratchet(state, keys)
        downloader = Downloader(
            state, lambda: Trust(None, keys, keys, {}), ratchet, lambda name: bucket, kept_free
        )

        outcome: dict[str, Any] = {}
        job = Job(f"j{version}", published.document())
        failed = downloader.fetch(job, lambda: None)
        assert isinstance(failed, FetchFailed), failed
        outcome["reason"] = failed.reason
        outcome["left of the download"] = [path.name for path in (state / "incoming").iterdir()]
        fill_disk(state)
        outcome["ratings"] = [
            client.ask(state, "rate", stars=7, pick_id=pick)["ok"] for pick in picks[1:]
        ]
        outcome["again, still full"] = isinstance(downloader.fetch(job, lambda: None), FetchFailed)
        fill_disk(state)
        try:
            journal.acknowledge(first)
        except JournalFull as error:
            outcome["acknowledging"] = str(error)

        (state / "filler").unlink()
        bucket.fills = False
        outcome["with space"] = isinstance(downloader.fetch(job, lambda: None), Fetched)
        outcome["version"] = read_bundle(state / "incoming" / str(version), keys).manifest.version
        journal.acknowledge(first)
        outcome["in the outbox"] = journal.outbox_depth()[0]
        journal.acknowledge([row.id for row in journal.peek_outbox(100)])
        outcome["rated"] = journal.rows("SELECT count(*) FROM ratings")[0][0]
        downloader.discard(version)
    return outcome


def approved(state: Path) -> str:
    """Press and approve, once there is a model; return the pick."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            pressed = client.ask(state, "press")
        except client.NotRunning:
            pressed = {"ok": False}
        if pressed["ok"]:
            assert client.ask(state, "approve")["ok"]
            return str(pressed["pick"]["id"])
        time.sleep(0.05)
    raise TimeoutError("the appliance never picked")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
