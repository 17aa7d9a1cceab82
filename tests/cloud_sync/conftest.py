"""What the sync service's tests share: a certificate authority and a real mosquitto."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The rig is used by the campaigns too, which are no tests.
sys.path.insert(0, str(Path(__file__).parent))

from rig.mosquitto import Mosquitto
from rig.pki import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def mosquitto(mosquitto_path: str, tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    broker = Mosquitto(mosquitto_path, tmp_path / "mosquitto", authority)
    broker.start()
    yield broker
    broker.kill()
