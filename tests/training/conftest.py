"""One small fitted model and its bundle for all tests of training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data import signing
from data.film_table import write_films
from training.cli import app
from training.export.bundle import Exported
from training.export.example_bundle import example_table, made_up_films, make_example_bundle
from training.export.runtime import Scorer


@dataclass(frozen=True)
class Example:
    folder: Path
    key: signing.PrivateKey
    exported: Exported

    @property
    def keys(self) -> dict[str, bytes]:
        return {self.key.key_id: self.key.public_pem}

    @property
    def model(self):
        return self.exported.model

    @property
    def scorer(self) -> Scorer:
        return Scorer(self.exported.model_bytes)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    key = signing.PrivateKey.new()
    folder = tmp_path_factory.mktemp("example") / "bundle"
    return Example(folder, key, make_example_bundle(folder, key=key))


@pytest.fixture(scope="session")
def films():
    return example_table().films


@pytest.fixture(scope="session")
def halves():
    """Made-up films to learn from, and others to be tested on."""
    films = made_up_films(60, seed=1)
    test = np.random.default_rng(0).random(len(films)) < 0.3
    return [f for f, t in zip(films, test, strict=True) if not t], [
        f for f, t in zip(films, test, strict=True) if t
    ]


@pytest.fixture(scope="session")
def exported(films, tmp_path_factory):
    """What `greenlight-train export` made: the bundle's folder, its keys and what was printed."""
    folder = tmp_path_factory.mktemp("export")
    write_films(folder / "films.csv", films)
    key = signing.PrivateKey.new()
    (folder / "key.pem").write_bytes(key.private_pem())
    arguments = ["export", "--source", "csv", "--ratings", folder / "films.csv", "--jobs", "1",
                 "--out", folder / "bundle", "--key", folder / "key.pem"]  # fmt: skip
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return folder / "bundle", {key.key_id: key.public_pem}, result.output
