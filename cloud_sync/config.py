"""The configuration of the sync service: one frozen structure, read from a TOML file.

Every error is reported at once, so that a person corrects the file once. The commented example is
`cloud_sync/sync.example.toml`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data import topics
from data.errors import GreenlightError, InvalidRecord

_HOST = re.compile(r"[a-zA-Z0-9.:-]{1,253}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ROLE_ALIAS = re.compile(r"[\w=,@-]{1,128}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class ConfigRefused(GreenlightError):
    """The configuration cannot be used.

    Attributes:
        problems: one sentence each, naming the key and the fix.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Config:
    """What the sync service must know. Paths are absolute.

    Attributes:
        thing: AWS IoT thing name, and the MQTT client id.
        mqtt_port: 8883, or 443 (then ALPN is used, for closed networks).
        root_ca: what the broker's and the credentials provider's certificates are checked against.
        credentials_url: of the AWS IoT credentials provider, without a path.
        models_bucket: the only bucket from which a job may bring a model.
        public_keys: folder of `*.pub.pem`, the keys whose bundles may run here.
        state: folder shared with the appliance: `journal.db` and `incoming/`.
        aws_endpoint_url: of a local cloud; empty on AWS.
        update_timeout_seconds: how long the appliance may take to try an offered model.
        min_free_bytes: what a download must leave free on the disk.
    """

    thing: str
    region: str
    mqtt_host: str
    root_ca: Path
    certificate: Path
    private_key: Path = field(repr=False)
    credentials_url: str
    role_alias: str
    models_bucket: str
    mqtt_port: int = 8883
    public_keys: Path = Path("public-keys")
    state: Path = Path("/var/lib/greenlight")
    aws_endpoint_url: str = ""
    connect_timeout_seconds: float = 10.0
    keep_alive_seconds: int = 60
    ack_timeout_seconds: float = 30.0
    retry_base_seconds: float = 1.0
    retry_cap_seconds: float = 300.0
    poll_seconds: float = 1.0
    report_interval_seconds: float = 60.0
    update_timeout_seconds: float = 900.0
    min_free_bytes: int = 256 * 1024 * 1024


def read_config(path: Path, state: Path | None = None) -> Config:
    """Read a configuration file.

    Args:
        path: the TOML file; relative paths in it are relative to its folder.
        state: overrides the key `state`.

    Raises:
        ConfigRefused: with every problem.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise ConfigRefused(path, ["may be read by the sync service alone; use sudo"]) from error
    except FileNotFoundError as error:
        told = "is missing; connect this device (greenlight-setup connect), or give --config"
        raise ConfigRefused(path, [told]) from error
    except OSError as error:
        raise ConfigRefused(path, [f"{error.strerror}; give --config"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigRefused(path, [f"is no TOML: {error}"]) from error
    if state is not None:
        raw["state"] = str(state.absolute())
    return _checked(path, raw)


def check_files(config: Config, path: Path) -> None:
    """Refuse a configuration whose certificate, key or root are not there.

    Raises:
        ConfigRefused: naming each key.
    """
    problems = [
        f"{key}: {getattr(config, key)} is missing; provision this thing again"
        for key in ("root_ca", "certificate", "private_key")
        if not getattr(config, key).is_file()
    ]
    if problems:
        raise ConfigRefused(path, problems)


def _checked(path: Path, raw: Mapping[str, Any]) -> Config:
    problems = [_unknown(key) for key in raw if key not in _CHECKS]
    values: dict[str, Any] = {}
    required = {one.name for one in fields(Config)} - set(_DEFAULTS)
    for key, check in _CHECKS.items():
        if key not in raw:
            if key in required:
                problems.append(f"{key}: is missing; give it")
            elif isinstance(_DEFAULTS[key], Path):
                values[key] = path.parent.absolute() / _DEFAULTS[key]
            continue
        try:
            value = check(raw[key])
        except (ValueError, TypeError) as error:
            problems.append(
                f"{key}: {error}" if not isinstance(error, InvalidRecord) else f"{error}"
            )
            continue
        values[key] = path.parent.absolute() / value if isinstance(value, Path) else value
    if not problems and values.get("retry_cap_seconds", 300.0) < values.get(
        "retry_base_seconds", 1.0
    ):
        problems.append("retry_cap_seconds: is below retry_base_seconds; give at least as much")
    if problems:
        raise ConfigRefused(path, problems)
    return Config(**values)


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, _CHECKS, 1)
    return f"{key}: is no key of this file" + (f"; did you mean {near[0]}?" if near else "")


def _text(pattern: re.Pattern[str], example: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"is {value!r}; give something like {example!r}")
        return value

    return check


def _url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"is {value!r}; give https://host")
    return str(value).rstrip("/")


def _https(value: Any) -> str:
    url = _url(value)
    if not url.startswith("https://"):
        raise ValueError(f"is {value!r}; credentials travel over https:// only")
    return url


def _path(value: Any) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is {value!r}; give a path")
    return Path(value).expanduser()


def _number(least: float, most: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"is {value!r}; give a number")
        if not least <= value <= most:
            raise ValueError(f"is {value}; give {least:g} to {most:g}")
        return float(value)

    return check


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"is {value!r}; give a whole number")
        if not least <= value <= most:
            raise ValueError(f"is {value}; give {least} to {most}")
        return value

    return check


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "thing": lambda value: topics.check_thing(str(value)),
    "region": _text(_REGION, "eu-central-1"),
    "mqtt_host": _text(_HOST, "abc-ats.iot.eu-central-1.amazonaws.com"),
    "mqtt_port": _whole(1, 65535),
    "root_ca": _path,
    "certificate": _path,
    "private_key": _path,
    "credentials_url": _https,
    "role_alias": _text(_ROLE_ALIAS, "greenlight-models"),
    "models_bucket": _text(_BUCKET, "greenlight-models-123456789012"),
    "public_keys": _path,
    "state": _path,
    "aws_endpoint_url": lambda value: _url(value) if value else "",
    "connect_timeout_seconds": _number(0.1, 120),
    # AWS closes a connection that is silent for one and a half times this; 1,200 is its most.
    "keep_alive_seconds": _whole(1, 1200),
    "ack_timeout_seconds": _number(0.1, 3600),
    "retry_base_seconds": _number(0.01, 60),
    "retry_cap_seconds": _number(0.01, 3600),
    "poll_seconds": _number(0.01, 60),
    "report_interval_seconds": _number(0.1, 86400),
    "update_timeout_seconds": _number(1, 86400),
    "min_free_bytes": _whole(0, 2**50),
}
_DEFAULTS: dict[str, Any] = {
    one.name: one.default
    for one in fields(Config)
    if not repr(one.default).startswith("<dataclass")
}
