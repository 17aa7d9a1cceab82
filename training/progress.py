"""Progress reports of a long run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Called with each step's name and the share of the work done before it.
ProgressReporter: TypeAlias = Callable[[str, float], None]


def unreported(step: str, done: float) -> None:
    """Report nothing."""
