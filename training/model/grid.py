"""The grid of the integer tables: whole parts of a star."""

from __future__ import annotations

# Scores are whole numbers of this many parts of a star: 2^12.
GRID = 4096
