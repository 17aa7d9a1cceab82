"""An export's figures for the report, saved next to the bundle."""

from __future__ import annotations

from pathlib import Path

import msgspec

from training.export.parity import Parity

SUMMARY = "export.json"


class ExportSummary(msgspec.Struct, frozen=True):
    """One export.

    Attributes:
        figures: cross-validated: each film is predicted by a fold that hadn't seen it.
        confusion, calibration: of the same predictions (training.benchmark states them).
    """

    films_sha256: str
    model_hash: str
    version: int
    created_at: str
    directors: int
    genre_sets: int
    years: tuple[int, int]
    parity: Parity
    files: dict[str, int]
    figures: dict[str, float]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[tuple[float, float, int], ...]


def write_summary(folder: Path, summary: ExportSummary) -> None:
    """Write a summary for later reports."""
    (folder / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1))


def read_summary(folder: Path, films_sha256: str) -> ExportSummary | None:
    """Return the summary of an export of exactly this film table, if there is one."""
    try:
        found = msgspec.json.decode((folder / SUMMARY).read_bytes(), type=ExportSummary)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.films_sha256 == films_sha256 else None
