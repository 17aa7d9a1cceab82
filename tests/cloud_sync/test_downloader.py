"""From a job to a checked bundle: nothing unchecked gets through, nothing is fetched twice."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from rig.failing_disk import FailingDisk
from rig.records import Published

from cloud_sync.artefacts import ArtefactMissing, CloudUnreachable, RangeRefused
from cloud_sync.downloader import Checkpoint, Downloader, Stopped
from cloud_sync.ratchet import RATCHET, Ratchet
from cloud_sync.update import BundleRejected, Fetched, FetchFailed, Job, SoftwareTooOld
from data.bundle import read_bundle
from data.manifest import CATALOGUE, MANIFEST, MODEL, REPORT, SIGNATURE
from data.signing import PrivateKey
from data.trust import Trust
from tests.syncs import in_order, recorded


def carry_on() -> None:
    """No job is given up here."""


class BucketInMemory:
    """Objects in memory, read as from S3; it may break off after some bytes."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.break_off_after: int | None = None
        self.sent: dict[str, int] = {}
        self.piece_bytes = 1_000
        self.seconds = 0.0
        self.seconds_a_piece = 0.0

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        if key not in self.objects:
            raise ArtefactMissing(key)
        content = self.objects[key]
        if start and start >= len(content):
            raise RangeRefused(key)
        for offset in range(start, len(content), self.piece_bytes):
            if self.break_off_after is not None and offset >= self.break_off_after:
                raise CloudUnreachable("broke off")
            piece = content[offset : offset + self.piece_bytes]
            self.sent[key] = self.sent.get(key, 0) + len(piece)
            self.seconds += self.seconds_a_piece
            yield piece

    def close(self) -> None:
        pass


class Bench:
    """One device's state folder, one bucket, one key."""

    def __init__(self, folder: Path) -> None:
        self.key = PrivateKey.new()
        self.trusted = [self.key]
        self.trust: Trust | None = None
        self.state = folder / "state"
        self._folder = folder
        self.bucket = BucketInMemory({})
        self.free = 0

    def publish(self, version: int, key: PrivateKey | None = None) -> Published:
        folder = self._folder / f"published-{len(self.bucket.objects)}-{version}"
        made = Published(folder, version, key or self.key)
        self.bucket.objects |= made.objects
        return made

    def downloader(self) -> Downloader:
        keys = {key.key_id: key.public_pem for key in self.trusted}
        ratchet = Ratchet(self.state, keys)
        return Downloader(
            self.state,
            lambda: self.trust or Trust(None, keys, keys, {}),
            ratchet,
            lambda name: self.bucket,
            self.free,
            lambda: self.bucket.seconds,
        )

    def activated(self, published: Published) -> None:
        """Do what the appliance does with a placed model."""
        placed = self.state / "incoming" / str(published.version)
        (self.state / "versions").mkdir(exist_ok=True)
        placed.rename(self.state / "versions" / str(published.version))

    def fetch(
        self, published: Published, job_id: str = "j1", checkpoint: Checkpoint = carry_on
    ) -> Fetched | FetchFailed | BundleRejected | SoftwareTooOld:
        job = Job(job_id, published.document())
        return self.downloader().fetch(job, checkpoint)

    def incoming(self) -> list[str]:
        return sorted(path.name for path in (self.state / "incoming").iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def refused(result: object, word: str) -> None:
    assert isinstance(result, BundleRejected), result
    assert word in result.reason


def test_a_good_bundle_is_placed_completely_under_its_version(bench: Bench) -> None:
    published = bench.publish(3)
    assert bench.fetch(published) == Fetched("j1", "3")
    assert bench.incoming() == ["3"]
    keys = {bench.key.key_id: bench.key.public_pem}
    placed = read_bundle(bench.state / "incoming" / "3", keys)
    assert placed.manifest_sha256 == published.manifest_sha256


def test_what_is_placed_already_is_not_fetched_again(bench: Bench) -> None:
    published = bench.publish(3)
    bench.fetch(published)
    bench.bucket.sent.clear()
    assert bench.fetch(published, "j2") == Fetched("j2", "3")
    assert bench.bucket.sent == {}


def test_a_download_that_broke_off_is_resumed_where_it_stopped(bench: Bench) -> None:
    published = bench.publish(3)
    bench.bucket.break_off_after = 100_000
    assert isinstance(bench.fetch(published), FetchFailed)
    assert bench.incoming() == [".partial-3"]
    bench.bucket.break_off_after = None
    assert bench.fetch(published) == Fetched("j1", "3")
    model = published.prefix + MODEL
    assert bench.bucket.sent[model] == len(bench.bucket.objects[model])


def test_a_download_below_the_floor_is_given_up_and_resumed_later(bench: Bench) -> None:
    published = bench.publish(3)
    bench.bucket.seconds_a_piece = 1.1
    result = bench.fetch(published)
    assert isinstance(result, FetchFailed)
    assert "bytes a second; given up for now" in result.reason
    assert bench.bucket.seconds < 70
    model = published.prefix + MODEL
    kept = (bench.state / "incoming" / ".partial-3" / MODEL).stat().st_size
    assert kept > 20_000
    # A connection slightly faster than the limit is merely slow.
    bench.bucket.seconds_a_piece = 0.9
    before = bench.bucket.sent[model]
    assert bench.fetch(published) == Fetched("j1", "3")
    assert bench.bucket.sent[model] - before == len(bench.bucket.objects[model]) - kept


def test_a_first_part_damaged_by_a_power_cut_is_fetched_again(bench: Bench) -> None:
    published = bench.publish(3)
    bench.bucket.break_off_after = 100_000
    bench.fetch(published)
    part = bench.state / "incoming" / ".partial-3" / MODEL
    part.write_bytes(bytes(part.stat().st_size))
    bench.bucket.break_off_after = None
    assert isinstance(bench.fetch(published), FetchFailed)
    assert bench.fetch(published) == Fetched("j1", "3")


@pytest.mark.parametrize("name", [MODEL, CATALOGUE, REPORT, MANIFEST, SIGNATURE])
def test_a_flipped_byte_in_any_file_is_refused_for_good(bench: Bench, name: str) -> None:
    published = bench.publish(3)
    key = published.prefix + name
    spoilt = bytearray(bench.bucket.objects[key])
    spoilt[len(spoilt) // 2] ^= 1
    bench.bucket.objects[key] = bytes(spoilt)
    assert isinstance(bench.fetch(published), BundleRejected)
    assert "3" not in bench.incoming()


def test_a_file_longer_than_signed_is_not_written_beyond_its_size(bench: Bench) -> None:
    published = bench.publish(3)
    key = published.prefix + MODEL
    size = len(bench.bucket.objects[key])
    bench.bucket.objects[key] += b"x" * 5_000_000
    refused(bench.fetch(published), "larger")
    assert bench.bucket.sent[key] < size + 2 * bench.bucket.piece_bytes


def test_an_endless_manifest_is_cut_off(bench: Bench) -> None:
    published = bench.publish(3)
    bench.bucket.objects[published.prefix + MANIFEST] = b" " * 10_000_000
    refused(bench.fetch(published), "larger")
    assert bench.bucket.sent[published.prefix + MANIFEST] < 300_000


def test_a_missing_object_is_final(bench: Bench) -> None:
    published = bench.publish(3)
    del bench.bucket.objects[published.prefix + CATALOGUE]
    assert isinstance(bench.fetch(published), BundleRejected)


def test_a_bundle_signed_by_a_stranger_is_refused(bench: Bench) -> None:
    refused(bench.fetch(bench.publish(3, PrivateKey.new())), "not trusted")


def test_a_job_that_names_another_version_than_the_manifest_is_refused(bench: Bench) -> None:
    published = bench.publish(3)
    job = Job("j1", published.document(version=9))
    refused(bench.downloader().fetch(job, carry_on), "version")


def test_without_space_nothing_is_downloaded_and_it_is_tried_again_later(bench: Bench) -> None:
    published = bench.publish(3)
    bench.free = 2**60
    result = bench.fetch(published)
    assert isinstance(result, FetchFailed)
    assert "free" in result.reason
    assert published.prefix + MODEL not in bench.bucket.sent


def test_a_job_given_up_stops_the_download(bench: Bench) -> None:
    published = bench.publish(3)
    pieces = iter(range(50))

    def stopped_after_a_while() -> None:
        if next(pieces, None) is None:
            raise Stopped("the job was given up")

    result = bench.fetch(published, checkpoint=stopped_after_a_while)
    assert result == FetchFailed("j1", "the job was given up")
    assert bench.incoming() == [".partial-3"]
    assert 0 < bench.bucket.sent[published.prefix + MODEL] <= 50 * bench.bucket.piece_bytes


def test_leftovers_of_other_versions_are_removed(bench: Bench) -> None:
    bench.bucket.break_off_after = 100_000
    bench.fetch(bench.publish(3))
    bench.bucket.break_off_after = None
    bench.fetch(bench.publish(4))
    assert bench.incoming() == ["4"]


def test_a_link_in_the_incoming_folder_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    published = bench.publish(3)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("mine")
    (bench.state / "incoming").mkdir(parents=True)
    (bench.state / "incoming" / "trap").symlink_to(elsewhere)
    assert isinstance(bench.fetch(published), Fetched)
    assert (elsewhere / "kept").read_text() == "mine"


def test_a_second_trusted_key_brings_no_older_version_back(bench: Bench) -> None:
    second = PrivateKey.new()
    bench.trusted.append(second)
    assert isinstance(bench.fetch(bench.publish(5)), Fetched)
    refused(bench.fetch(bench.publish(4, second)), "not above version 5")
    refused(bench.fetch(bench.publish(5, second)), "accepted before with another manifest")
    assert isinstance(bench.fetch(bench.publish(6, second)), Fetched)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
@pytest.mark.parametrize("fail_at", range(1, 40))
def test_an_error_at_any_write_gives_no_false_success_and_is_repaired_by_the_next_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fail_at: int, error: int
) -> None:
    bench.bucket.piece_bytes = 16_000
    bench.bucket.break_off_after = 100_000
    bench.fetch(bench.publish(3))
    bench.bucket.break_off_after = None
    published = bench.publish(4)
    with monkeypatch.context() as patched:
        disk = FailingDisk(patched, fail_at, error)
        result = bench.fetch(published)
    keys = {bench.key.key_id: bench.key.public_pem}
    if disk.count < fail_at:
        assert disk.count > 30
        assert result == Fetched("j1", "4")
    elif isinstance(result, Fetched):
        read_bundle(bench.state / "incoming" / "4", keys)
    else:
        assert isinstance(result, FetchFailed), result
        # A full disk gets its space back.
        assert error != errno.ENOSPC or ".partial-4" not in bench.incoming()
    assert bench.fetch(published) == Fetched("j1", "4")
    assert read_bundle(bench.state / "incoming" / "4", keys).manifest.version == 4
    assert bench.incoming() == ["4"]


def test_a_downloaded_file_is_synced_before_the_bundle_is_handed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = bench.publish(3)
    done = recorded(monkeypatch)
    bench.fetch(published)
    handed_over = ("sync .partial-3/", "rename .partial-3 3", "sync incoming/")
    for name in (MODEL, MANIFEST, SIGNATURE):
        assert in_order(done, f"sync {name}", *handed_over), name


def test_the_highest_version_is_on_the_disk_before_the_bundle_is_handed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = bench.publish(3)
    done = recorded(monkeypatch)
    bench.fetch(published)
    written = f"rename .{RATCHET}.new {RATCHET}"
    assert in_order(done, f"sync .{RATCHET}.new", written, "sync state/", "rename .partial-3 3")
