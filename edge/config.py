"""The appliance's configuration: one frozen structure, read from TOML, all errors told at once."""

from __future__ import annotations

import difflib
import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from data import topics
from data.errors import GreenlightError, InvalidRecord

DEFAULT_PATH = Path("/etc/greenlight/greenlight.toml")


class ConfigError(GreenlightError):
    """The configuration cannot be used.

    Attributes:
        problems: every problem found, one sentence each.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Config:
    """What the owner or the installer decides. `greenlight.example.toml` explains each key."""

    thing: str = topics.DEFAULT_THING
    state: Path = Path("/var/lib/greenlight")
    public_keys: Path = Path("/etc/greenlight/public-keys")
    first_bundle: Path | None = None
    button_pin: int = 17
    button_pull_up: bool = True
    button_bounce_seconds: float = 0.05
    led_pin: int = 27
    led_active_high: bool = True
    demonstration: bool = False
    verified_share: float = 0.1
    explore: float = 0.0
    keep_picks: int = 2000
    offline_seconds: float = 86_400.0
    trial_seconds: float = 60.0
    trial_memory_bytes: int = 500_000_000
    page: bool = True
    page_host: str = "127.0.0.1"
    page_port: int = 8080
    page_names: tuple[str, ...] = ()
    page_certificate: Path | None = None
    page_key: Path | None = None


_RANGES: dict[str, tuple[float, float]] = {
    "button_pin": (0, 27),
    "led_pin": (0, 27),
    "button_bounce_seconds": (0.0, 0.5),
    "verified_share": (0.0, 1.0),
    "explore": (0.0, 1.0),
    "keep_picks": (100, 1_000_000),
    "offline_seconds": (1.0, 366 * 86_400.0),
    "trial_seconds": (1.0, 3600.0),
    "page_port": (0, 65_535),
    "trial_memory_bytes": (50_000_000, 64_000_000_000),
}
_KINDS: dict[Any, str] = {
    str: "text",
    Path: "a path as text",
    Path | None: "a path as text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
}


def read(path: Path | None, state: Path | None = None) -> Config:
    """Read the configuration.

    Args:
        path: the TOML file, or None for `/etc/greenlight/greenlight.toml` if that is there, else
            the defaults. Relative paths in it are relative to its own folder.
        state: takes the place of the file's state folder.

    Raises:
        ConfigError: with every problem at once.
    """
    if path is None and not DEFAULT_PATH.exists():
        given: dict[str, Any] = {}
        folder = Path.cwd()
    else:
        path = path or DEFAULT_PATH
        given, folder = _load(path), path.absolute().parent
    if state is not None:
        given["state"] = str(state.absolute())
    return _config(given, folder)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is no TOML: {error}"]) from error


def _config(given: dict[str, Any], folder: Path) -> Config:
    kinds = get_type_hints(Config)
    problems = [_unknown(key, kinds) for key in given if key not in kinds]
    values: dict[str, Any] = {}
    for field in fields(Config):
        if field.name not in given:
            continue
        value, problem = _value(field.name, given[field.name], kinds[field.name], folder)
        if problem:
            problems.append(f"{field.name}: {problem}")
        values[field.name] = value
    config = Config(**values) if not problems else Config()
    problems += _together(config)
    if problems:
        raise ConfigError(problems)
    return config


def _together(config: Config) -> list[str]:
    """Return what is wrong with values that are right alone."""
    problems = []
    if config.button_pin == config.led_pin:
        problems.append(f"led_pin: is {config.led_pin}, the button's pin; choose another")
    if (config.page_certificate is None) != (config.page_key is None):
        problems.append("page_key: HTTPS needs both page_certificate and page_key")
    return problems


def _unknown(key: str, kinds: dict[str, Any]) -> str:
    near = difflib.get_close_matches(key, kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(kinds)}"
    return f"{key}: is no setting; {hint}"


def _value(name: str, value: Any, kind: Any, folder: Path) -> tuple[Any, str | None]:
    """Return the value as its kind, and what is wrong with it if anything is."""
    if kind is float and type(value) in (int, float):
        value = float(value)
    elif kind in (Path, Path | None) and isinstance(value, str) and value:
        return folder / Path(value).expanduser(), None
    elif kind == tuple[str, ...] and isinstance(value, list):
        value = tuple(value)
        if all(isinstance(text, str) for text in value):
            return value, None
    if type(value) is not kind:
        return value, f"is {value!r}; give {_KINDS[kind]}"
    if name == "thing":
        return value, _thing_problem(value)
    if name in _RANGES:
        low, high = _RANGES[name]
        if not (math.isfinite(value) and low <= value <= high):
            return value, f"is {value}; give {low:g} to {high:g}"
    return value, None


def _thing_problem(value: str) -> str | None:
    try:
        topics.check_thing(value)
    except InvalidRecord as error:
        return error.reason
    return None
