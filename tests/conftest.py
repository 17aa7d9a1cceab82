"""Fixtures shared by the tests of several packages."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

from .order import longest_first

if TYPE_CHECKING:
    from lambdas.operator.aws import Aws

# A developer's environment mustn't change how programs under test behave: unbuffered, for example,
# a process whose reader has gone ends differently.
for _variable in [
    name for name in os.environ if name.startswith("PYTHON") and name != "PYTHONPATH"
]:
    del os.environ[_variable]

# As many open files as Debian allows a process, even if this machine allows more.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, _soft), _hard))

# Under nohup the processes that tests start would ignore it, too; a handler isn't inherited.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# How long an example takes is the machine's doing, so it says nothing of the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# Set in CI, where everything is installed, so a missing part fails the test instead of skipping it.
REQUIRE_ALL = os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """Let workers keep our order instead of taking first the files with the most tests."""
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first if workers share the tests."""
    if hasattr(config, "workerinput"):
        longest_first(items)


def missing(reason: str) -> NoReturn:
    """Skip the test, loudly, because something is missing; in CI, fail instead."""
    if REQUIRE_ALL:
        pytest.fail(reason)
    pytest.skip(f"SKIPPED LOUDLY: {reason}")


def require(program: str, package: str) -> str:
    """Return the path of a program; if it is missing, skip the test loudly."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if path is None:
        missing(f"{program} is not installed: apt install {package}")
    return path


@pytest.fixture(scope="session")
def mosquitto_path() -> str:
    """The mosquitto broker's program."""
    return require("mosquitto", "mosquitto")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium."""
    return require("chromium", "chromium chromium-driver")


@pytest.fixture(scope="session")
def own_mounts() -> list[str]:
    """The command that runs another one in its own mount namespace, as root or not."""
    unshare = shutil.which("unshare")
    tried = [unshare or "unshare", "--mount"]
    tried += [] if os.geteuid() == 0 else ["--map-root-user"]
    trial = [*tried, "mount", "-t", "tmpfs", "none", "/mnt"]
    if unshare is None or subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED LOUDLY: this kernel doesn't let us mount (unshare --mount)")
    return tried


@pytest.fixture(scope="session")
def owner_step() -> Callable[[Path, str], subprocess.CompletedProcess[str]]:
    """Runs a step of owner.sh without root, with a folder in place of /etc/greenlight."""
    script = Path(__file__).parents[1] / "systemd/steps/owner.sh"
    stubs = (
        'say() { echo "$*"; }; die() { echo "$*" >&2; exit 1; }; is_running() { :; };'
        ' getent() { :; }; chown() { :; }; chgrp() { echo "chgrp $*"; };'
        ' systemctl() { echo "systemctl $*"; }; stop_page() { :; }; start_page() { :; };'
    )

    def carry_out(folder: Path, step: str) -> subprocess.CompletedProcess[str]:
        (folder / "public-keys").mkdir(exist_ok=True)
        set_up = (
            f'HERE="{script.parents[1]}"; CONFIG="{folder}"; DROP_INS="{folder}/drop-ins";'
            f' . "{script}";'
        )
        return subprocess.run(
            [
                "sh",
                "-euc",
                f"{stubs} {set_up} {step}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    return carry_out


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud, shared by all tests of a session: each test needs its own things."""

    folder: Path

    @property
    def aws(self) -> Aws:
        """boto3's client configuration for it."""
        from lambdas.operator.aws import on_local_cloud

        return on_local_cloud(self.folder)

    def provision(self, thing: str, out: Path) -> Path:
        """Provision a device and return its folder, with `sync.toml` and the files it names."""
        from data import signing
        from lambdas.operator.devices import provision

        aws = self.aws
        assert aws.local is not None
        keys = [aws.signing_key(aws.local.stack).public_pem(), signing.development_key().public_pem]
        provision(aws, aws.local.stack, thing, out, keys)
        return out

    def order(self, command: str) -> None:
        """Send it `offline` or `online`."""
        run_greenlight_cloud("local", command, "--local", str(self.folder))


def run_greenlight_cloud(*arguments: str) -> str:
    """Run `greenlight-cloud` as a user would, and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The real local cloud: emulator, stack, stand-ins and relay."""
    folder = tmp_path_factory.mktemp("cloud")
    run_greenlight_cloud("local", "start", "--local", str(folder))
    try:
        yield LocalCloud(folder)
    finally:
        run_greenlight_cloud("local", "stop", "--local", str(folder))
