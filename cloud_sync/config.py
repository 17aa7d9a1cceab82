"""The sync service's settings, as `sync.example.toml` explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from data import settings, topics
from data.settings import Between, Checked, ConfigError, ConfigMissing, Like


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"is {value!r}; give https://host")
    return value.rstrip("/")


def _url_if_any(value: str) -> str:
    return _url(value) if value else ""


def _https(value: str) -> str:
    url = _url(value)
    if not url.startswith("https://"):
        raise ValueError(f"is {value!r}; credentials only travel over https://")
    return url


@dataclass(frozen=True)
class SyncConfig:
    """The sync service's settings. Paths are absolute.

    Attributes:
        thing: AWS IoT thing name, and the MQTT client id.
        mqtt_port: 8883, or 443 (then ALPN is used, for closed networks).
        root_ca: what the broker's and the credentials provider's certificates are checked against.
        credentials_url: of the AWS IoT credentials provider, without a path.
        models_bucket: the only bucket from which a job may bring a model.
        public_keys: folder of `*.pub.pem`, the keys whose bundles are trusted.
        state: folder shared with the appliance: `journal.db` and `incoming/`.
        aws_endpoint_url: of a local cloud; empty on AWS.
        keep_alive_seconds: AWS closes a connection that is silent for one and a half times this;
            at most 1,200.
        update_timeout_seconds: how long the appliance may take to try an offered model.
        min_free_bytes: what a download must leave free on the disk.
    """

    thing: Annotated[str, Checked(topics.check_thing)]
    region: Annotated[str, Like(r"[a-z]{2}(-[a-z]+)+-\d", "eu-central-1")]
    mqtt_host: Annotated[
        str, Like(r"[a-zA-Z0-9.:-]{1,253}", "abc-ats.iot.eu-central-1.amazonaws.com")
    ]
    root_ca: Path
    certificate: Path
    private_key: Path = field(repr=False)
    credentials_url: Annotated[str, Checked(_https)]
    role_alias: Annotated[str, Like(r"[\w=,@-]{1,128}", "greenlight-models")]
    models_bucket: Annotated[
        str, Like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "greenlight-models-123456789012")
    ]
    mqtt_port: Annotated[int, Between(1, 65_535)] = 8883
    public_keys: Path = Path("public-keys")
    state: Path = Path("/var/lib/greenlight")
    aws_endpoint_url: Annotated[str, Checked(_url_if_any)] = ""
    connect_timeout_seconds: Annotated[float, Between(0.1, 120)] = 10.0
    keep_alive_seconds: Annotated[int, Between(1, 1200)] = 60
    ack_timeout_seconds: Annotated[float, Between(0.1, 3600)] = 30.0
    retry_base_seconds: Annotated[float, Between(0.01, 300)] = 60.0
    retry_cap_seconds: Annotated[float, Between(0.01, 3600)] = 300.0
    poll_seconds: Annotated[float, Between(0.01, 60)] = 1.0
    report_interval_seconds: Annotated[float, Between(0.1, 86_400)] = 60.0
    update_timeout_seconds: Annotated[float, Between(1, 86_400)] = 900.0
    min_free_bytes: Annotated[int, Between(0, 2**50)] = 256 * 1024 * 1024

    def conflicts(self) -> Iterator[str]:
        """Yield problems of settings that contradict each other."""
        if self.retry_cap_seconds < self.retry_base_seconds:
            yield "retry_cap_seconds: is below retry_base_seconds; give at least as much"


def read(path: Path, state: Path | None = None) -> SyncConfig:
    """Read the settings.

    Args:
        path: the TOML file; relative paths in it are relative to its folder.
        state: overrides the file's state folder.

    Raises:
        ConfigError: listing every problem.
    """
    overrides = {} if state is None else {"state": str(state.absolute())}
    try:
        return settings.load(path, SyncConfig, overrides)
    except ConfigMissing as error:
        advice = "connect this device with greenlight-setup connect, or name a file with --config"
        raise ConfigMissing(path, [f"there is no such file; {advice}"]) from error


def check_files(config: SyncConfig, path: Path) -> None:
    """Refuse settings whose certificate, key or root certificate isn't there.

    Raises:
        ConfigError: naming each setting.
    """
    problems = []
    for name in ("root_ca", "certificate", "private_key"):
        file: Path = getattr(config, name)
        try:
            if not file.is_file():
                problems.append(f"{name}: {file} is missing; provision this thing again")
        except OSError as error:
            problems.append(f"{name}: {file}: {error.strerror}; use sudo")
    if problems:
        raise ConfigError(path, problems)
