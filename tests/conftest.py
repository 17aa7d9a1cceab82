"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil

import pytest

# Set in CI, where everything is installed: there a missing part is a failure, not a skip.
REQUIRE_ALL = os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1"


def require(program: str, package: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, loudly."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if path is None:
        reason = f"{program} is not installed: apt install {package}"
        if REQUIRE_ALL:
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def mosquitto_path() -> str:
    """The mosquitto broker's program."""
    return require("mosquitto", "mosquitto")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium."""
    return require("chromium", "chromium chromium-driver")
