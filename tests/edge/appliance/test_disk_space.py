"""On a full disk old models go first, then new picks; a rating is always taken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.appliance.attention import Attention
from edge.appliance.disk_space import (
    LEAST_FREE_BYTES,
    RESERVE_BYTES,
    DiskFull,
    JournalWriter,
    Reserve,
)
from edge.journal import JournalFull
from edge.models.store import ModelStore

HERE = Path(__file__).parent


def test_a_full_disk_costs_old_models_then_picks_and_never_a_rating(supplied, rebundle, own_mounts):
    folder = supplied.config.parent / "second"
    sha256 = rebundle(folder, version=2)
    script = str(HERE / "full_disk.py")
    done = subprocess.run(
        [
            *own_mounts,
            sys.executable,
            script,
            str(supplied.state),
            str(supplied.config),
            str(folder),
            sha256,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["previous before"] == 1
    assert outcome["previous after"] is None
    assert outcome["refused press"]["ok"] is False
    assert "the disk is full" in outcome["refused press"]["error"]
    assert outcome["phase after"] == "a pick is waiting for a decision"
    assert outcome["approved on the full disk"]["pick"]["id"] == outcome["waiting"]
    assert any("the disk is full" in sentence for sentence in outcome["status"]["attention"])
    assert outcome["reserve was used"]
    assert all(outcome["ratings"])
    assert outcome["in the journal"] == outcome["in the outbox"] == len(outcome["ratings"])
    assert outcome["attention at last"] == []
    assert outcome["reserve is back"]
    assert outcome["model at last"] == 2


def test_a_full_disk_gives_up_old_models_before_the_reserve_and_the_reserve_for_ratings_only(
    tmp_path,
):
    raised: list[bool] = []
    store, reserve = ModelStore(tmp_path), Reserve(tmp_path)
    assert reserve.restore()
    writer = JournalWriter(store, reserve, Attention(raised.append))
    store.folder(1).mkdir()

    def fails(times: int) -> Callable[[], str]:
        left = iter([True] * times)

        def write() -> str:
            if next(left, False):
                raise JournalFull("full")
            return "written"

        return write

    assert writer.write(fails(1)) == "written"
    assert (store.kept(), reserve.is_whole(), raised) == ([], True, [True])
    store.folder(1).mkdir()
    with pytest.raises(JournalFull):
        writer.write(fails(3))
    assert reserve.is_whole()
    store.folder(1).mkdir()
    assert writer.write(fails(2), is_rating=True) == "written"
    assert not reserve.is_whole()
    writer.refuse_when_full()
    assert reserve.is_whole()
    assert raised == [True, False]


def test_a_pick_is_refused_while_the_reserve_is_in_danger(tmp_path, monkeypatch):
    writer = JournalWriter(ModelStore(tmp_path), Reserve(tmp_path), Attention(lambda _: None))
    monkeypatch.setattr("edge.appliance.disk_space._free", lambda path: 1000)
    with pytest.raises(DiskFull, match="ratings are still taken"):
        writer.refuse_when_full()


@pytest.mark.parametrize(
    ("free", "made"), [(2 * RESERVE_BYTES, True), (2 * RESERVE_BYTES - 1, False)]
)
def test_the_reserve_is_made_only_where_twice_its_size_is_free(tmp_path, monkeypatch, free, made):
    monkeypatch.setattr("edge.appliance.disk_space._free", lambda path: free)
    reserve = Reserve(tmp_path)
    assert (reserve.restore(), reserve.is_whole()) == (made, made)


def test_the_last_byte_of_the_least_free_space_is_still_enough_for_a_pick(tmp_path, monkeypatch):
    reserve = Reserve(tmp_path)
    assert reserve.restore()
    for free, endangered in ((LEAST_FREE_BYTES, False), (LEAST_FREE_BYTES - 1, True)):
        monkeypatch.setattr("edge.appliance.disk_space._free", lambda path, free=free: free)
        assert reserve.is_endangered() is endangered
