"""Versions only grow, also after a restart and after damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rig.records import Published

from cloud_sync.ratchet import RATCHET, Ratchet
from cloud_sync.update import Fetched
from data.errors import InvalidRecord
from data.limits import MAX_VERSION_JUMP
from data.signing import PrivateKey

from .test_downloader import Bench, refused


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_older_version_of_the_same_key_is_refused_also_after_a_restart(bench: Bench) -> None:
    old, new = bench.publish(3), bench.publish(4)
    assert isinstance(bench.fetch(new), Fetched)
    bench.downloader().discard(4)
    refused(bench.fetch(old), "not above version 4")
    assert bench.incoming() == [".partial-3"]


def test_another_bundle_of_the_same_version_is_refused(bench: Bench) -> None:
    first = bench.publish(3)
    assert isinstance(bench.fetch(first), Fetched)
    bench.downloader().discard(3)
    folder = bench.state.parent / "again"
    second = Published(folder, 3, bench.key, b"other")
    bench.bucket.objects |= second.objects
    refused(bench.fetch(second), "accepted before with another manifest")


def test_a_signed_version_out_of_bounds_or_too_far_on_is_refused_and_the_next_is_taken(
    bench: Bench,
) -> None:
    refused(bench.fetch(bench.publish(MAX_VERSION_JUMP + 1)), "too far above version 0")
    bench.fetch(bench.publish(3))
    refused(bench.fetch(bench.publish(3 + MAX_VERSION_JUMP + 1)), "too far above version 3")
    with pytest.raises(InvalidRecord, match="versions go from 1"):
        bench.publish(2**62)
    assert isinstance(bench.fetch(bench.publish(3 + MAX_VERSION_JUMP)), Fetched)


DAMAGE = [b"", b"\0" * 40, b"{", b'{"seen": {"films": {"version": "3"}}}', b"[]"]


@pytest.mark.parametrize("content", [*DAMAGE, None])
def test_a_ratchet_damaged_or_gone_is_rebuilt_from_the_appliances_models(
    bench: Bench, content: bytes | None
) -> None:
    old, current = bench.publish(3), bench.publish(4)
    bench.fetch(current)
    bench.activated(current)
    path = bench.state / RATCHET
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert ("damaged" in Ratchet(bench.state, {}).damage()) == (content is not None)
    refused(bench.fetch(old), "not above version 4")
    assert Ratchet(bench.state, {}).damage() == ""
    if content is not None:
        assert path.with_name(f"{RATCHET}.damaged-1").read_bytes() == content
    assert isinstance(bench.fetch(bench.publish(5)), Fetched)


def test_a_damaged_ratchet_that_nothing_can_rebuild_accepts_no_model(bench: Bench) -> None:
    bench.fetch(bench.publish(3))
    bench.downloader().discard(3)
    (bench.state / RATCHET).write_bytes(b"\0" * 40)
    for _ in range(2):
        refused(bench.fetch(bench.publish(9)), "can't be rebuilt")
        assert not (bench.state / RATCHET).exists()
        assert "new ones are refused" in Ratchet(bench.state, {}).damage()
    # The owner starts over, as the message says.
    (bench.state / f"{RATCHET}.damaged-1").unlink()
    assert isinstance(bench.fetch(bench.publish(9)), Fetched)


def test_a_ratchet_by_key_is_taken_over_and_counts_for_every_key(bench: Bench) -> None:
    second = PrivateKey.new()
    bench.trusted.append(second)
    bench.state.mkdir()
    by_key = {bench.key.key_id: {"version": 7, "manifest_sha256": "0" * 64}}
    (bench.state / RATCHET).write_text(json.dumps(by_key))
    refused(bench.fetch(bench.publish(6, second)), "not above version 7")
    assert isinstance(bench.fetch(bench.publish(8, second)), Fetched)
    refused(bench.fetch(bench.publish(7)), "not above version 8")
