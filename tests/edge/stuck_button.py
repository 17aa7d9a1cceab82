"""Runs `greenlight` with a simulated button whose contact is closed from the start, and stays so.

`python -m tests.edge.stuck_button PYTHON -m edge run --simulate ...`
"""

from __future__ import annotations

import sys
from typing import Any

import edge.appliance.run as composed
from edge.cli import main
from edge.panel.hardware import Hardware


class StuckHardware(Hardware):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.press()

    def release(self) -> None:
        """The contact stays closed."""


if __name__ == "__main__":
    composed.Hardware = StuckHardware  # type: ignore[misc]  # the composition root's own name
    sys.argv = ["greenlight", *sys.argv[4:]]
    main()
