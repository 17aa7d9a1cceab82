"""Downloads the wheels of hashed locks, for this machine or another one.

usage: fetch_wheels.py 1|ARCHITECTURE-PYTHON FOLDER LOCK...     such as arm64-3.13

pip can pick wheels for another machine, but evaluates the locks' markers for the one it runs on; so
the markers are evaluated here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

# For one lock: a few hundred megabytes over a slow connection.
_MOST_SECONDS = 1800.0
_ROOT = Path(__file__).resolve().parent.parent
_RUN_PIP, _LOG = _ROOT / "locks" / "run_pip.py", _ROOT / "build" / "pip-wheels.log"
_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
# glibc versions up to Debian 12's: wheels built for these run there.
_LIBRARIES = ("2_36", "2_35", "2_34", "2_31", "2_28", "2_27", "2_17", "2_5")


def wanted(lock: str, environment: dict[str, str]) -> str:
    """Return the lock's entries that apply in an environment, without their markers."""
    kept = []
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        head, *hashes = entry.replace("\\\n", " ").split("--hash=")
        if head.startswith("#"):
            continue
        requirement = Requirement(head.strip())
        if requirement.marker is None or requirement.marker.evaluate(environment):
            pinned = f"{requirement.name}{requirement.specifier}"
            kept.append(" ".join([pinned, *(f"--hash={one.strip()}" for one in hashes)]))
    return "\n".join(kept) + "\n"


def target(name: str) -> tuple[dict[str, str], list[str]]:
    """Return the markers' environment for a machine such as `arm64-3.13`, and pip's options."""
    if name == "1":
        return {}, []
    architecture, python = name.split("-")
    machine = _MACHINES[architecture]
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
    }
    options = ["--python-version", python, "--implementation", "cp"]
    for library in _LIBRARIES:
        options += ["--platform", f"manylinux_{library}_{machine}"]
    return environment, [*options, "--platform", f"manylinux2014_{machine}"]


def main(name: str, folder: str, *locks: str) -> None:
    """Fetch the wheels of every lock."""
    environment, options = target(name)
    for lock in locks:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(wanted(Path(lock).read_text(), environment))
            file.flush()
            command = [sys.executable, str(_RUN_PIP), str(_LOG), "download"]
            command += ["-r", file.name, "--only-binary=:all:", "--dest", folder, *options]
            if subprocess.run(command, check=False, timeout=_MOST_SECONDS).returncode:
                sys.exit(f"fetch_wheels: the wheels of {lock} couldn't be downloaded")


if __name__ == "__main__":
    main(*sys.argv[1:])
