"""Starts the sync service: `greenlight-sync`, or `python -m cloud_sync`."""

from __future__ import annotations

from cloud_sync.cli import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
