"""What the sync service's tests share: a certificate authority and a real mosquitto."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The rig is used by the campaigns too, which aren't tests.
sys.path.insert(0, str(Path(__file__).parent))

from rig.mosquitto import Mosquitto
from rig.pi import Pi
from rig.pki import Authority
from rig.simulation import memory_journal

from edge.journal import Journal


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def mosquitto(mosquitto_path: str, tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    broker = Mosquitto(mosquitto_path, tmp_path / "mosquitto", authority)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of disks are laid out and thrown away."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def strace() -> None:
    tried = shutil.which("strace") and subprocess.run(
        ["strace", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if not tried or tried.returncode != 0:
        reason = "strace is missing or may not trace here: apt install strace"
        if os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with memory_journal(tmp_path) as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of a device whose cloud can't be reached."""
    (tmp_path / "public-keys").mkdir()
    for name in ("ca", "crt", "key"):
        (tmp_path / name).touch(0o600)
    path = tmp_path / "sync.toml"
    path.write_text(
        'thing = "T"\nregion = "eu-central-1"\nmqtt_host = "localhost"\nmqtt_port = 1\n'
        'root_ca = "ca"\ncertificate = "crt"\nprivate_key = "key"\nrole_alias = "r"\n'
        'credentials_url = "https://localhost:1"\nmodels_bucket = "models"\nstate = "state"\n'
        "retry_base_seconds = 0.05\nretry_cap_seconds = 0.1\npoll_seconds = 0.05\n"
    )
    return path


@pytest.fixture
def pi(local_cloud: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pi]:
    """A device of the local cloud's, with a journal."""
    name = f"sync-{abs(hash(request.node.name)) % 10**8}"
    made = Pi(local_cloud, name, tmp_path)
    yield made
    made.journal.close()
