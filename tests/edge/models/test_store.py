"""The store of models: what it keeps, and a pointer that may be damaged."""

from __future__ import annotations

import pytest

from edge.models.activation import UpdateState
from edge.models.active import load_active
from edge.models.store import POINTER


def test_only_the_active_and_the_previous_version_are_kept(updated, rebundle):
    answering = load_active(updated.store, updated.keys, "boot")
    updated.active = answering.bundle
    sha256 = rebundle(updated.incoming / "3", version=3)
    assert updated.update(updated.offer("3", 3, sha256))[0] is UpdateState.ACTIVATED
    assert updated.store.kept() == [2, 3]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"active": "two"}', b'{"schema_version": 2}', b"\xff" * 100]
)
def test_a_damaged_pointer_is_set_aside_and_found_anew(updated, content):
    pointer = updated.store.versions.parent / POINTER
    pointer.write_bytes(content)
    answering = load_active(updated.store, updated.keys, "boot")
    assert answering.bundle.manifest.version == 2
    assert (pointer.parent / f"{POINTER}.damaged-1").read_bytes() == content
    found = updated.store.read()
    assert (found.active, found.previous) == (2, 1)
