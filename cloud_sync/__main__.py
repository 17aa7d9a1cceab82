"""Starts the sync service: `greenlight-sync`, or `python -m cloud_sync`."""

from __future__ import annotations

from cloud_sync.cli import app
from data import command_line


def main() -> None:
    """Run the command line."""
    command_line.run(app, "greenlight-sync")


if __name__ == "__main__":
    main()
