"""A lock names everything that its packages need, extras and all, on every machine we support.

Nothing resolves when a lock is installed, so nothing else would notice what is missing.
"""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .future_index import entries_of, holds, version_of

ROOT = Path(__file__).parents[2]
# Where the packages of each lock are installed, so that their metadata can be read.
DOCS = next((ROOT / "build/docs-venv").glob("lib/python*/site-packages"), None)
LOCAL_CLOUD = next((ROOT / "build/local-cloud-venv").glob("lib/python*/site-packages"), None)
ENVIRONMENTS = {
    "edge": None,
    "sync": None,
    "training": None,
    "cluster": None,
    "cloud": None,
    "dev": None,
    "local-cloud": LOCAL_CLOUD,
    "docs": DOCS,
}
MACHINES = [
    {"python_version": version, "python_full_version": f"{version}.2", "platform_machine": machine}
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


def lacking(entries: list[Requirement], machine: dict[str, str], site: Path | None) -> list[str]:
    """Return the packages that a lock's packages need on a machine but the lock doesn't name."""
    locked = {canonicalize_name(one.name): one for one in entries if holds(one, machine)}
    path = {} if site is None else {"path": [str(site)]}
    installed = {canonicalize_name(one.name): one for one in metadata.distributions(**path)}
    found = []
    for name, entry in locked.items():
        if name not in installed or installed[name].version != version_of(entry):
            continue  # for another Python than the one that runs the tests
        for line in installed[name].requires or ():
            needed = Requirement(line)
            if needed.marker and not any(
                needed.marker.evaluate({**machine, "extra": extra}) for extra in ("", *entry.extras)
            ):
                continue
            pinned = locked.get(canonicalize_name(needed.name))
            if pinned is None:
                found.append(f"{entry.name} needs {needed}, which is not locked")
            elif version_of(pinned) not in needed.specifier:
                found.append(f"{entry.name} needs {needed}, locked is {pinned}")
            elif not needed.extras <= pinned.extras:
                found.append(f"{entry.name} needs {needed}, locked without that extra")
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_lock_names_all_that_its_packages_need(name):
    entries = entries_of(ROOT / f"locks/{name}.txt")
    for machine in MACHINES:
        assert lacking(entries, machine, ENVIRONMENTS[name]) == []


def test_most_packages_of_a_lock_can_be_read_here():
    """So the test above looks at something."""
    installed = {canonicalize_name(one.name): one.version for one in metadata.distributions()}
    locked = {
        canonicalize_name(one.name): version_of(one)
        for one in entries_of(ROOT / "locks/dev.txt")
        if holds(one)
    }
    assert locked.items() <= installed.items()


@pytest.mark.parametrize("dropped", ["numpy", "urllib3"])
def test_a_package_or_an_extra_that_is_dropped_is_noticed(dropped):
    entries = entries_of(ROOT / "locks/dev.txt")
    left = [one for one in entries if one.name != dropped]
    if dropped == "urllib3":
        left.append(
            Requirement(
                str(next(one for one in entries if one.name == dropped)).replace("[socks]", "")
            )
        )
    assert lacking(left, MACHINES[0], None) != []
