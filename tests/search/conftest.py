"""A real bundle, and the plainest possible search to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import signing
from data.bundle import BundleRefused
from edge.search.model import Model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real_bundle(tmp_path_factory) -> tuple[Path, Path]:
    """The bundle that `make train-export` left, or one of made-up films; and its keys' folder."""
    trained, keys = ROOT / "build/bundle", signing.keys_folder()
    try:
        Model.open(trained, signing.read_public_keys(keys))
        return trained, keys
    except (BundleRefused, OSError):
        from training.example_bundle import make_example_bundle

        folder = tmp_path_factory.mktemp("trained")
        key = signing.development_key(folder / "keys")
        make_example_bundle(folder / "bundle", directors=300, key=key)
        return folder / "bundle", folder / "keys"


@pytest.fixture(scope="session")
def real_model(real_bundle) -> Model:
    bundle, keys = real_bundle
    return Model.open(bundle, signing.read_public_keys(keys))
