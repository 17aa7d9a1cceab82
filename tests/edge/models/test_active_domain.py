"""What a device's ratings are about, as long as any of its models can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.domain import FILMS, from_toml
from edge.models.active_domain import active_domain
from edge.models.store import POINTER, ModelStore, Pointer

from ...data.test_domain import LEAN

PLUMBERS = from_toml(LEAN)


@pytest.fixture
def store(tmp_path: Path, rebundle) -> ModelStore:
    """A store whose version 9 is about films and version 10, the active one, about plumbers."""
    made = ModelStore(tmp_path)
    rebundle(made.folder(9), version=9)
    rebundle(made.folder(10), version=10, name="plumbers", domain=PLUMBERS)
    made.write(Pointer(active=10, previous=9))
    return made


def test_it_is_the_active_models(tmp_path, store):
    assert active_domain(tmp_path) == PLUMBERS
    store.write(Pointer(active=9))
    assert active_domain(tmp_path) == FILMS


def test_without_an_active_model_it_is_the_newest_ones_even_of_one_in_quarantine(tmp_path, store):
    (tmp_path / POINTER).write_bytes(b'{"act')
    assert active_domain(tmp_path) == PLUMBERS
    store.set_aside(10, "quarantined")
    store.write(Pointer())
    assert active_domain(tmp_path) == PLUMBERS


@pytest.mark.usefixtures("store")
def test_a_manifest_that_cannot_be_read_is_passed_over(tmp_path):
    (tmp_path / "versions" / "10" / "manifest.json").write_bytes(b"{")
    assert active_domain(tmp_path) == FILMS


def test_a_folder_without_models_is_about_films(tmp_path):
    assert active_domain(tmp_path / "missing") == FILMS
    ModelStore(tmp_path)
    assert active_domain(tmp_path) == FILMS
