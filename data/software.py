"""Which version of Greenlight this is, and whether it is new enough."""

from __future__ import annotations

import importlib.metadata


def version() -> str | None:
    """Return the installed version, or None where only the sources are: in a Lambda function."""
    try:
        return importlib.metadata.version("greenlight")
    except importlib.metadata.PackageNotFoundError:
        return None


def is_below(version: str, wanted: str) -> bool:
    """Return whether a version such as `1.20.3` comes before another."""
    return _numbers(version) < _numbers(wanted)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
