"""Fixtures of the appliance's tests: journals, bundles, devices, running appliances."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data import signing
from data.bundle import Bundle, BundleRefused, read_bundle, write_bundle
from data.manifest import Manifest
from data.messages import Feedback
from data.picks import Pick
from data.signing import PrivateKey
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore
from edge.search.model import Model

from .device import Device
from .journal.records import a_pick, feedback_on
from .process import Bench, Running

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """A folder in memory if possible: for a killed process it's as good as a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / JOURNAL) as opened:
        yield opened


@pytest.fixture
def make_pick() -> Callable[..., Pick]:
    """A maker of picks that pass every check; any field can be given."""
    return a_pick


@pytest.fixture
def make_feedback() -> Callable[..., Feedback]:
    """A maker of the feedback on a pick; any field can be given."""
    return feedback_on


@pytest.fixture(scope="session")
def signing_key() -> PrivateKey:
    return PrivateKey.new()


@pytest.fixture(scope="session")
def keys_folder(signing_key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of trusted keys with the key that signs here."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "ours.pub.pem").write_bytes(signing_key.public_pem)
    return folder


@pytest.fixture(scope="session")
def small_bundle(signing_key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A real model of made-up films, version 1."""
    from training.export.example_bundle import make_example_bundle

    folder = tmp_path_factory.mktemp("small") / "bundle"
    make_example_bundle(folder, version=1, key=signing_key)
    return read_bundle(folder, {signing_key.key_id: signing_key.public_pem})


@pytest.fixture
def rebundle(small_bundle: Bundle, signing_key: PrivateKey) -> Callable[..., str]:
    """A writer of bundles like the small one, with files and manifest fields changed."""

    def write(folder: Path, files: dict[str, bytes] | None = None, **manifest: Any) -> str:
        changed: Manifest = msgspec.structs.replace(
            small_bundle.manifest, **{"version": 2, **manifest}
        )
        return write_bundle(folder, changed, {**small_bundle.files, **(files or {})}, signing_key)

    return write


@pytest.fixture
def device(
    tmp_path: Path, keys_folder: Path, small_bundle: Bundle, rebundle: Callable[..., str]
) -> Iterator[Device]:
    state = tmp_path / "state"
    incoming_folder(state)
    rebundle(incoming_folder(state) / "1", version=1)
    store = ModelStore(state)
    store.keep(store.copy_in(incoming_folder(state) / "1", 1), 1)
    active = read_bundle(
        store.folder(1), {small_bundle.manifest.key_id: (keys_folder / "ours.pub.pem").read_bytes()}
    )
    store.point_at(active)
    shutil.rmtree(incoming_folder(state) / "1")
    with Journal.open(state / JOURNAL) as journal:
        yield Device(state, keys_folder, store, journal, active)


@pytest.fixture
def bench(tmp_path: Path, keys_folder: Path) -> Iterator[Bench]:
    config = tmp_path / "greenlight.toml"
    config.write_text(
        f'state = "state"\npublic_keys = "{keys_folder}"\ndemonstration = true\npage = false\n'
    )
    started: list[Running] = []
    yield Bench(tmp_path / "state", config, started)
    for running in started:
        if running.process.poll() is None:
            running.stop(signal.SIGKILL)


@pytest.fixture
def supplied(bench: Bench, rebundle: Callable[..., str]) -> Bench:
    """A bench whose appliance begins with version 1."""
    rebundle(bench.config.parent / "bundle", version=1)
    with bench.config.open("a") as config:
        config.write("first_bundle = 'bundle'\n")
    return bench


@pytest.fixture(scope="session")
def real_bundle(tmp_path_factory) -> tuple[Path, Path]:
    """The bundle from `make train-export`, or one of made-up films; and its keys' folder."""
    trained, keys = ROOT / "build/bundle", signing.keys_folder()
    try:
        Model.open(trained, signing.read_public_keys(keys))
        return trained, keys
    except (BundleRefused, OSError):
        from training.export.example_bundle import make_example_bundle

        folder = tmp_path_factory.mktemp("trained")
        key = signing.development_key(folder / "keys")
        make_example_bundle(folder / "bundle", directors=300, key=key)
        return folder / "bundle", folder / "keys"


@pytest.fixture(scope="session")
def real_model(real_bundle) -> Model:
    bundle, keys = real_bundle
    return Model.open(bundle, signing.read_public_keys(keys))
