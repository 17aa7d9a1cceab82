"""Follows the local cloud's logs, without the noise."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from local_cloud.state import LocalState

_PARTS = {
    "supervisor": "cloud",
    "emulator": "aws",
    "ml-endpoint": "model",
    "training": "train",
}
_EVERY_SECONDS = 0.3
# Metrics in CloudWatch's embedded format, and the emulator's log of every call.
_NOISE = ("_aws", "GET /", "POST /", "PUT /", "HEAD /")


def readable(line: str) -> str | None:
    """Return a log line in readable form, or None for noise."""
    text = line.strip()
    if text.startswith("{"):
        try:
            record = json.loads(text)
        except ValueError:
            return text
        if "_aws" in record:
            return None
        left_out = {"timestamp", "location", "cold_start", "xray_trace_id", "sampling_rate"}
        fields = {
            key: value
            for key, value in record.items()
            if key not in left_out | {"level", "message", "service"}
            and not key.startswith("function_")
        }
        details = " ".join(f"{key}={value}" for key, value in fields.items())
        head = [str(record.get(name, "")) for name in ("service", "level", "message")]
        return " ".join([*head, details])
    if not text or any(mark in text for mark in _NOISE):
        return None
    return text


def follow(state: LocalState, lines: int, once: bool) -> None:
    """Print the last lines of every log, then new ones; doesn't return unless `once`."""
    console = Console(soft_wrap=True, highlight=False)
    places: dict[Path, int] = {}
    for part, name in _PARTS.items():
        path = state.log(part)
        for line in _past(path, lines):
            console.print(Text.assemble((f"{name:5} ", "bold"), line))
        places[path] = path.stat().st_size if path.exists() else 0
    while not once:
        for part, name in _PARTS.items():
            path = state.log(part)
            for line in _added(path, places):
                console.print(Text.assemble((f"{name:5} ", "bold"), line))
        time.sleep(_EVERY_SECONDS)


def _past(path: Path, lines: int) -> list[str]:
    if not path.exists():
        return []
    found = (readable(line) for line in path.read_text("utf-8", "replace").splitlines())
    return [line for line in found if line is not None][-lines:] if lines else []


def _added(path: Path, places: dict[Path, int]) -> Iterator[str]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(places[path])
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            places[path] += len(raw)
            line = readable(raw.decode("utf-8", "replace"))
            if line is not None:
                yield line
