"""The appliance's settings, as `greenlight.example.toml` explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from data import limits, settings, topics
from data.settings import Between, Checked

DEFAULT_PATH = Path("/etc/greenlight/greenlight.toml")


@dataclass(frozen=True)
class Config:
    """What the owner or the installer decides. `greenlight.example.toml` explains each setting."""

    thing: Annotated[str, Checked(topics.check_thing)] = topics.DEFAULT_THING
    state: Path = Path("/var/lib/greenlight")
    public_keys: Path = Path("/etc/greenlight/public-keys")
    first_bundle: Path | None = None
    accept_domain: str = ""
    button_pin: Annotated[int, Between(0, 27)] = 17
    button_pull_up: bool = True
    button_normally_closed: bool = False
    button_bounce_seconds: Annotated[float, Between(0, 0.5)] = 0.05
    led_pin: Annotated[int, Between(0, 27)] = 27
    led_active_high: bool = True
    demonstration: bool = False
    verified_share: Annotated[float, Between(0, 1)] = 0.1
    explore: Annotated[float, Between(0, 1)] = 0.0
    active_within_years: Annotated[int, Between(0, 200)] = 10
    keep_picks: Annotated[int, Between(100, 1_000_000)] = 2000
    offline_seconds: Annotated[float, Between(1, 366 * 86_400)] = 86_400.0
    trial_seconds: Annotated[float, Between(1, 3600)] = 60.0
    trial_memory_bytes: Annotated[int, Between(50_000_000, 64_000_000_000)] = (
        limits.TRIAL_MEMORY_BYTES
    )
    page: bool = True
    page_host: str = "127.0.0.1"
    page_port: Annotated[int, Between(0, 65_535)] = 8080
    page_names: tuple[str, ...] = ()
    page_certificate: Path | None = None
    page_key: Path | None = None

    def page_address(self, port: int) -> str:
        """Return the page's address for a browser on this machine.

        Args:
            port: that it listens on; `page_port` may leave the choice to the system.
        """
        scheme = "https" if self.page_certificate is not None else "http"
        return f"{scheme}://localhost:{port}/"

    def conflicts(self) -> Iterator[str]:
        """Yield problems of settings that contradict each other."""
        if self.button_pin == self.led_pin:
            yield f"led_pin: is {self.led_pin}, the button's pin; choose another"
        if (self.page_certificate is None) != (self.page_key is None):
            yield "page_key: HTTPS needs both page_certificate and page_key"


def read(path: Path | None, state: Path | None = None) -> Config:
    """Read the settings.

    Args:
        path: the TOML file, or None for `/etc/greenlight/greenlight.toml` if that is there, else
            the defaults. Relative paths in it are relative to its own folder.
        state: replaces the file's state folder.

    Raises:
        ConfigError: with every problem at once.
    """
    overrides = {} if state is None else {"state": str(state.absolute())}
    try:
        return settings.load(path or DEFAULT_PATH, Config, overrides)
    except settings.ConfigMissing:
        if path is not None:
            raise
    return settings.check(overrides, Config, DEFAULT_PATH)
