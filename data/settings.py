"""The one loader of settings: a TOML file into a frozen dataclass, with every error at once.

A program declares its settings as a dataclass whose field types say what each accepts. What a type
can't say is added with `Annotated`:

    @dataclass(frozen=True)
    class Settings:
        pin: Annotated[int, Between(0, 27)] = 17
"""

from __future__ import annotations

import codecs
import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints

from data.errors import GreenlightError, InvalidRecord
from data.exits import Exit

_MOST_SHOWN = 60


class ConfigError(GreenlightError):
    """The settings can't be used.

    Attributes:
        problems: every problem found, one sentence each.
    """

    exit_code = Exit.CONFIGURATION

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


class ConfigMissing(ConfigError):
    """There is no settings file at this path."""


@dataclass(frozen=True)
class Between:
    """A number in this range, both ends included."""

    least: float
    most: float

    def __call__(self, value: float) -> float:
        """Return the number.

        Raises:
            ValueError: saying what is wrong.
        """
        if not self.least <= value <= self.most:
            raise ValueError(f"is {_shown(value)}; give {self.least} to {self.most}")
        return value


@dataclass(frozen=True)
class Like:
    """Text that matches a pattern completely."""

    pattern: str
    example: str

    def __call__(self, value: str) -> str:
        """Return the text.

        Raises:
            ValueError: saying what is wrong.
        """
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"is {_shown(value)}; give something like {self.example!r}")
        return value


@dataclass(frozen=True)
class Checked:
    """A value that this function returns, or refuses with a ValueError."""

    check: Callable[[Any], Any]

    def __call__(self, value: Any) -> Any:
        """Return the value.

        Raises:
            ValueError: saying what is wrong.
        """
        try:
            return self.check(value)
        except InvalidRecord as error:
            raise ValueError(error.reason) from error


class Settings(Protocol):
    """A dataclass of settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def conflicts(self) -> Iterable[str]:
        """Return problems of values that contradict each other."""


Kind = TypeVar("Kind", bound=Settings)


def load(path: Path, kind: type[Kind], overrides: Mapping[str, Any] | None = None) -> Kind:
    """Read a settings file.

    Args:
        path: the TOML file; relative paths in it are relative to its folder.
        kind: the dataclass of its settings.
        overrides: settings that replace the file's.

    Raises:
        ConfigMissing: there is no such file.
        ConfigError: listing every problem.
    """
    given = _read_toml(path) | dict(overrides or {})
    return check(given, kind, path)


def check(given: Mapping[str, Any], kind: type[Kind], path: Path) -> Kind:
    """Return settings as a file at `path` would give them.

    Raises:
        ConfigError: listing every problem.
    """
    types = get_type_hints(kind, include_extras=True)
    folder = path.absolute().parent
    problems = [_unknown(name, types) for name in given if name not in types]
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name not in given:
            if field.default is dataclasses.MISSING:
                problems.append(f"{field.name}: is missing; add it")
            elif isinstance(field.default, Path):
                values[field.name] = folder / field.default
            continue
        try:
            values[field.name] = _value(given[field.name], types[field.name], folder)
        except ValueError as error:
            problems.append(f"{field.name}: {error}")
    if not problems:
        settings = kind(**values)
        problems += settings.conflicts()
    if problems:
        raise ConfigError(path, problems)
    return settings


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigMissing(path, ["there is no such file; name one with --config"]) from error
    except PermissionError as error:
        raise ConfigError(path, ["this user may not read it; use sudo"]) from error
    except OSError as error:
        raise ConfigError(path, [f"{error.strerror}; name a file with --config"]) from error
    try:
        # Some editors start a file with a byte order mark.
        return tomllib.loads(content.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise ConfigError(path, ["isn't UTF-8 text; save it as UTF-8"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(path, [f"isn't valid TOML: {error}"]) from error


def _unknown(name: str, types: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, types, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(types)}"
    shown = name if name.isprintable() and len(name) <= _MOST_SHOWN else _shown(name)
    return f"{shown}: isn't a setting; {hint}"


def _value(value: Any, declared: Any, folder: Path) -> Any:
    """Return a setting's value as its declared type.

    Raises:
        ValueError: saying what is wrong.
    """
    kind, *checks = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    value = _converted(value, kind, folder)
    for one in checks:
        value = one(value)
    return value


def _converted(value: Any, kind: Any, folder: Path) -> Any:
    if kind in (Path, Path | None):
        return _path(value, folder)
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"is {_shown(value)}; give a smaller number") from None
    if kind == tuple[str, ...] and isinstance(value, list):
        return tuple(_text(one, "a list of texts") for one in value)
    if kind is str:
        return _text(value, "text")
    if type(value) is not kind:
        expected = {int: "a whole number", float: "a number", bool: "true or false"}
        raise ValueError(f"is {_shown(value)}; give {expected.get(kind, 'a list of texts')}")
    return value


def _text(value: Any, expected: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {_shown(value)}; give {expected}")  # noqa: TRY004
    if not value.isprintable():
        raise ValueError(f"is {_shown(value)}; leave out the control characters")
    return value


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is {_shown(value)}; give a path, in quotes")
    if "\0" in value:
        raise ValueError(f"is {_shown(value)}; a path can't contain a zero character")
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        user = value.split("/")[0]
        raise ValueError(f"is {_shown(value)}; there is no home folder for {user}") from error


def _shown(value: Any) -> str:
    """Return a value as a message may show it: on one line, and short."""
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:
        # An integer with more digits than Python writes out.
        return "far too large"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
