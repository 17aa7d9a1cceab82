"""The work whose every write is recorded: ratings, acks, and complete model updates.

After each promise that something survives a power cut, a mark is written; what stands before a mark
must be found after a crash behind it. `careless` forgets every fsync, to see that this is noticed.

    python crash_workload.py STATE MARKS BUNDLES ROUNDS RATINGS [careless]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig.records import feedback

from cloud_sync.artefacts import ArtefactMissing, CloudUnreachable
from cloud_sync.downloader import Downloader
from cloud_sync.ratchet import Ratchet
from cloud_sync.update import Fetched, FetchFailed, Job
from data import signing
from data.bundle import read_bundle
from data.manifest import MANIFEST
from data.messages import ModelUpdateJob
from data.trust import Trust
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore

BUCKET = "greenlight-models"


class FolderBucket:
    """Bundles in a folder outside of the recorded state, read like a bucket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.break_off_after: int | None = None

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        if not (self._folder / key).exists():
            raise ArtefactMissing(key)
        content = (self._folder / key).read_bytes()
        for offset in range(start, len(content), 4096):
            if self.break_off_after is not None and offset >= self.break_off_after:
                raise CloudUnreachable("broke off")
            yield content[offset : offset + 4096]

    def close(self) -> None:
        pass


def job(bundles: Path, version: int) -> Job:
    """Return the job of one of the bundles."""
    import hashlib

    prefix = f"{version}/"
    sha256 = hashlib.sha256((bundles / prefix / MANIFEST).read_bytes()).hexdigest()
    return Job(f"j{version}", ModelUpdateJob("model-update", version, BUCKET, prefix, sha256))


def downloader(state: Path, bundles: Path, bucket: FolderBucket) -> Downloader:
    """Return the downloader of a device."""
    keys = signing.read_public_keys(bundles)
    trust = Trust(None, keys, keys, {})
    return Downloader(state, lambda: trust, Ratchet(state, keys), lambda name: bucket, 0)


class Work:
    """One device's days."""

    def __init__(self, state: Path, marks: Path, bundles: Path) -> None:
        self._state, self._bundles = state, bundles
        self._marks = os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._keys = signing.read_public_keys(bundles)
        self._store = ModelStore(state)

    def run(self, rounds: int, ratings: int, careless: bool) -> None:
        with Journal.open(self._state / JOURNAL) as journal:
            if careless:
                os.fsync = lambda descriptor: None
                journal.rows("PRAGMA synchronous=OFF")
            for version in range(1, rounds + 1):
                self._rate(journal, ratings)
                self._update(journal, version)
                self._send(journal, ratings - 2)

    def _mark(self, *words: object) -> None:
        os.write(self._marks, (" ".join(map(str, words)) + "\n").encode())

    def _rate(self, journal: Journal, ratings: int) -> None:
        for number in range(ratings):
            record = feedback(number)
            journal.record_rating(record)
            self._mark("rated", record.id)

    def _send(self, journal: Journal, ratings: int) -> None:
        rows = journal.peek_outbox(ratings)
        for row in rows:
            self._mark("stored", row.id)
        journal.acknowledge([row.id for row in rows])
        journal.set_sync_state("connection", {"state": "online", "since": rows[0].id})

    def _update(self, journal: Journal, version: int) -> None:
        wanted, bucket = job(self._bundles, version), FolderBucket(self._bundles)
        device = downloader(self._state, self._bundles, bucket)
        bucket.break_off_after = 8192
        assert isinstance(device.fetch(wanted, lambda: None), FetchFailed)
        bucket.break_off_after = None
        fetched = device.fetch(wanted, lambda: None)
        assert isinstance(fetched, Fetched), fetched
        self._mark("placed", version)
        document = wanted.document
        journal.offer_model(version, document.manifest_sha256, wanted.id, fetched.folder)
        self._mark("offered", version)
        self._activate(journal, version)
        device.discard(version)

    def _activate(self, journal: Journal, version: int) -> None:
        """Do the appliance's part, without the trial in a child process."""
        offer = journal.incoming_models()[0]
        copied = self._store.copy_in(self._state / "incoming" / offer.folder, version)
        bundle = read_bundle(copied, self._keys)
        self._store.keep(copied, version)
        self._store.point_at(bundle)
        self._mark("active", version)
        journal.record_activation(version, bundle.model_hash, "activated", "", None, offer)
        self._mark("activated", version)


if __name__ == "__main__":
    Work(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])).run(
        int(sys.argv[4]), int(sys.argv[5]), "careless" in sys.argv
    )
