"""What the appliance's tests share: a journal, and records that pass every check."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data.bundle import Bundle, read_bundle, write_bundle
from data.manifest import Manifest
from data.picks import Pick, Prediction
from data.signing import PrivateKey, read_public_keys
from data.wire import Feedback, new_id
from edge.appliance import client
from edge.appliance.boot import now
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, IncomingModel, Journal
from edge.models.activation import UpdateState
from edge.models.store import ModelStore
from edge.models.update import TrialLimits, Update
from edge.search.model import Model


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """A folder in memory where there is such a place: to a killed process it is like a disk."""
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

    def make(**fields: Any) -> Pick:
        sound = Pick(
            id=new_id(),
            title="A Day in the Snow",
            director="Agnès Varda",
            year=1985,
            genres=("Comedy", "Drama"),
            prediction=Prediction(7.25, (0.0,) * 6 + (0.75, 0.25, 0.0, 0.0), 29696),
            model_version=1,
            model_hash="ab" * 32,
            made_at="1970-01-01T00:00:09Z",
            boot_id=new_id(),
        )
        return msgspec.structs.replace(sound, **fields)

    return make


@pytest.fixture
def make_feedback() -> Callable[..., Feedback]:
    """A maker of the feedback on a pick; any field can be given."""

    def make(pick: Pick, **fields: Any) -> Feedback:
        sound = Feedback.on(
            pick,
            8,
            thing="MovieSelector",
            source="owner",
            rated_at="1970-01-01T00:00:12Z",
            boot_id=pick.boot_id,
        )
        return msgspec.structs.replace(sound, **fields)

    return make


@pytest.fixture(scope="session")
def signing_key() -> PrivateKey:
    return PrivateKey.new()


@pytest.fixture(scope="session")
def keys_folder(signing_key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of trusted keys that holds the one that signs here."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "ours.pub.pem").write_bytes(signing_key.public_pem)
    return folder


@pytest.fixture(scope="session")
def small_bundle(
    signing_key: PrivateKey, keys_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    """A real model of made-up films, version 1."""
    from training.example_bundle import make_example_bundle

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


@dataclass
class Device:
    """A device's state folder with version 1 active, and what is needed to update it."""

    state: Path
    keys: Path
    store: ModelStore
    journal: Journal
    active: Bundle

    @property
    def incoming(self) -> Path:
        return incoming_folder(self.state)

    def offer(self, folder: str, version: int, manifest_sha256: str) -> IncomingModel:
        self.journal.offer_model(version, manifest_sha256, f"job-{version}", folder)
        return self.journal.incoming_models()[-1]

    def update(self, offer: IncomingModel, **limits: Any) -> tuple[UpdateState, str | None]:
        update = Update(
            offer=offer,
            state_folder=self.state,
            keys=self.keys,
            active=self.active,
            limits=TrialLimits(**{"seconds": 20.0, "memory_bytes": 500_000_000, **limits}),
            store=self.store,
            journal=self.journal,
            now=now,
        )
        return update.run(), update.reason

    def answers(self) -> list[Prediction]:
        """What the active model, loaded from the disk as at a start, says of its own probes."""
        pointer = self.store.read()
        assert pointer.active is not None
        folder = self.store.folder(pointer.active)
        bundle = read_bundle(folder, read_public_keys(self.keys))
        rows = [probe.combination for probe in bundle.probes().probes]
        return Model.load(bundle).predict(rows)


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


class Running:
    """`greenlight run --simulate` as a process of its own, told of by what it writes."""

    def __init__(self, config: Path, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "edge", "run", "--config", str(config), *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(line.rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    def wait_for(self, start: str, after: int = 0, seconds: float = 30.0) -> str:
        """The first line from number `after` on that begins so."""

        def found() -> list[str]:
            return [line for line in self.lines[after:] if line.startswith(start)]

        with self._arrived:
            ended = self._arrived.wait_for(
                lambda: found() or not self._reader.is_alive(), timeout=seconds
            )
        assert ended and found(), f"no line {start!r} in {self.lines}"  # noqa: PT018
        return found()[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.errors = self.process.stderr.read()
        self.process.stderr.close()
        return code


@dataclass
class Bench:
    """A state folder with its configuration, where an appliance can be started and asked."""

    state: Path
    config: Path
    started: list[Running]

    def start(self, *arguments: str, **environment: str) -> Running:
        running = Running(self.config, "--simulate", *arguments, **environment)
        self.started.append(running)
        running.wait_for("ready")
        return running

    def ask(self, command: str, **values: Any) -> Any:
        return client.ask(self.state, command, **values)

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        name, *rest = arguments
        return subprocess.run(
            [sys.executable, "-m", "edge", name, "--config", str(self.config), *rest],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )


@pytest.fixture
def bench(tmp_path: Path, keys_folder: Path) -> Iterator[Bench]:
    config = tmp_path / "greenlight.toml"
    config.write_text(
        f'state = "state"\npublic_keys = "{keys_folder}"\ndemonstration = true\npage = false\n'
        "first_bundle = 'bundle'\ntrial_seconds = 5.0\n"
    )
    started: list[Running] = []
    yield Bench(tmp_path / "state", config, started)
    for running in started:
        if running.process.poll() is None:
            running.stop(signal.SIGKILL)


@pytest.fixture
def supplied(bench: Bench, rebundle: Callable[..., str]) -> Bench:
    """A bench whose appliance finds version 1 beside its software."""
    rebundle(bench.config.parent / "bundle", version=1)
    return bench
