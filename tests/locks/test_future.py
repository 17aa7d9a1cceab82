"""The locks set up the same in three years: an index offers a higher version of every package.

With the oldest pip that we support and a recent one, everything that installs a lock gets what is
locked, and nothing else.
"""

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from lambdas.operator import package
from tests.conftest import missing

from .future_index import FUTURE, FutureIndex, entries_of, holds, version_of

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"
RUN_PIP = LOCKS / "run_pip.py"
PIPS = ("pip-oldest", "pip-newest")
# What is set up, from which locks, one after another into the same environment.
SETUPS = {
    "the development environment": ["locks/dev.txt"],
    "the local cloud": ["locks/local-cloud.txt"],
    "a Pi": ["locks/edge.txt", "locks/sync.txt", "systemd/lgpio.txt"],
    "the image for SageMaker": ["locks/training.txt", "locks/edge.txt"],
    "a cluster's machine": ["locks/cluster.txt"],
    "the functions' libraries": ["locks/cloud.txt"],
    "what builds the documentation site": ["locks/docs.txt"],
    "a folder of Wikidata's films": ["locks/wikidata.txt"],
    "the tool that makes environments": ["locks/bootstrap.txt"],
}


@pytest.fixture(scope="session", params=PIPS)
def pip(request, tmp_path_factory) -> Path:
    """A folder from which Python runs one of the pips; fetched once, by its hash."""
    kept = ROOT / "build" / request.param
    lock = LOCKS / f"{request.param}.txt"
    wheel = kept / f"pip-{version_of(entries_of(lock)[0])}-py3-none-any.whl"
    if not wheel.exists():
        log = str(ROOT / f"build/{request.param}.log")
        fetched = subprocess.run(
            [sys.executable, RUN_PIP, log, "download", "-r", lock, "--dest", kept],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        if fetched.returncode:
            missing(f"{wheel.name} could not be fetched: {fetched.stderr.strip()[-300:]}")
    folder = tmp_path_factory.mktemp(request.param)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def index(tmp_path) -> FutureIndex:
    return FutureIndex(tmp_path / "index")


@pytest.fixture
def surroundings(pip, index) -> dict[str, str]:
    """The environment of a command for which this pip and this index are the only ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    ours = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.address, "PIP_NO_CACHE_DIR": "1"}
    return {**kept, **ours, "PYTHONPATH": str(pip)}


def new_environment(folder: Path) -> tuple[str, Path]:
    """Make an environment without pip; return its Python and where packages go."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    (site,) = folder.glob("lib/python*/site-packages")
    return str(folder / "bin/python"), site


def packages_in(site: Path) -> dict[str, str]:
    found = metadata.distributions(path=[str(site)])
    return {canonicalize_name(one.name): one.version for one in found}


def locked_here(*locks: Path) -> dict[str, str]:
    """Return the packages and versions that locks name for this Python and machine."""
    entries = [entry for lock in locks for entry in entries_of(lock) if holds(entry)]
    return {canonicalize_name(entry.name): version_of(entry) for entry in entries}


def test_every_lock_is_set_up_here():
    named = {lock for locks in SETUPS.values() for lock in locks}
    there = {str(lock.relative_to(ROOT)) for lock in LOCKS.glob("*.txt")}
    assert there - {f"locks/{pip}.txt" for pip in PIPS} == named - {"systemd/lgpio.txt"}


@pytest.mark.parametrize("what", SETUPS)
def test_what_is_locked_is_installed_whatever_came_out_since(what, index, surroundings, tmp_path):
    python, site = new_environment(tmp_path / "environment")
    locks = [ROOT / lock for lock in SETUPS[what]]
    for lock in locks:
        done = subprocess.run(
            [python, RUN_PIP, tmp_path / "pip.log", "install", "-r", index.offer(lock)],
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert packages_in(site) == locked_here(*locks)


@pytest.mark.parametrize("lock", SETUPS["a Pi"])
def test_the_wheels_packed_for_a_pi_are_those_that_are_locked(lock, index, surroundings, tmp_path):
    there = {
        "python_version": "3.11",
        "python_full_version": "3.11.2",
        "platform_machine": "aarch64",
    }
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "systemd/fetch_wheels.py", "arm64-3.11"),
            *(tmp_path / "wheels", index.offer(ROOT / lock)),
        ],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    entries = [entry for entry in entries_of(ROOT / lock) if holds(entry, there)]
    assert {path.name for path in (tmp_path / "wheels").iterdir()} == {
        f"{canonicalize_name(one.name).replace('-', '_')}-{version_of(one)}-py3-none-any.whl"
        for one in entries
    }


def test_a_packaged_function_holds_the_libraries_that_are_locked(
    index, surroundings, tmp_path, monkeypatch
):
    names = sorted(
        {name for one in package.FUNCTIONS for name in package.contents_of(one).libraries}
    )
    monkeypatch.setattr(package, "LOCK", index.offer(LOCKS / "cloud.txt"))
    for name in set(os.environ) - set(surroundings):
        monkeypatch.delenv(name)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    package.fetch_libraries(names, "arm64", tmp_path / "libraries")
    aws = {"python_full_version": f"{package.AWS_PYTHON}.0"}
    entries = [entry for entry in entries_of(LOCKS / "cloud.txt") if holds(entry, aws)]
    locked = {canonicalize_name(entry.name): version_of(entry) for entry in entries}
    assert packages_in(tmp_path / "libraries") == {name: locked[name] for name in names}


@pytest.mark.parametrize("pip", ["pip-oldest"], indirect=True)
def test_with_a_resolver_this_index_breaks_what_the_oldest_pip_sets_up(
    index, surroundings, tmp_path
):
    """So the tests above can fail: pip before 23.3 resolves an extra that is not locked afresh."""
    python, site = new_environment(tmp_path / "environment")
    command = [python, "-m", "pip", "install", "--require-hashes", "-r"]
    done = subprocess.run(
        [*command, index.offer(LOCKS / "bootstrap.txt")],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode != 0
    assert FUTURE in done.stderr
    assert packages_in(site) == {}
