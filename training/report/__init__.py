"""The report: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

from training.dataset import FilmTable

REPORT = "report.html"


def write_report(folder: Path, table: FilmTable) -> Path:
    """Write report.html into `folder`."""
    return folder / REPORT
