"""How a long run tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Told each step's name, and the share of the work done before it.
Tell: TypeAlias = Callable[[str, float], None]
