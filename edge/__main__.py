"""`python -m edge`, and the executable `greenlight`."""

from __future__ import annotations

from edge.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
