"""`greenlight` that kills itself while a model loads or searches.

A script: `python dying.py load|search ARGUMENTS...`.
"""

from __future__ import annotations

import os
import signal
import sys

from edge.appliance import pick_finder
from edge.cli import main
from edge.models import active


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv.pop(1) == "load":
        active._load = die
    else:
        pick_finder.find_pick = die
    main()
