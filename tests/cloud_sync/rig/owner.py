"""A process that plays the owner: presses, approves and rates at the real appliance.

Each rating's id is written to the confirmed file only after the appliance has confirmed it. Ends
once the file CALM is there.

    python owner.py STATE CONFIRMED CALM
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from edge.appliance.client import NoAnswer, NotRunning, ask


def rated_film(state: Path, stars: int) -> str | None:
    """Return the id of a new rating; None if the appliance was away or refused."""

    def order(command: str, **values: Any) -> Any:
        reply = ask(state, command, timeout_seconds=10.0, **values)
        return reply if reply["ok"] else None

    try:
        pressed = order("press")
        if pressed is None:
            return None
        pick_id = pressed["pick"]["id"]
        if order("approve", pick_id=pick_id) is None:
            return None
        rated = order("rate", stars=stars, pick_id=pick_id)
        return None if rated is None else str(rated["feedback"]["id"])
    except (NotRunning, NoAnswer, KeyError):
        return None


def main(state: Path, confirmed: Path, calm: Path) -> None:
    number = 0
    with confirmed.open("a") as log:
        while not calm.exists():
            one = rated_film(state, 1 + number % 10)
            if one is None:
                time.sleep(0.05)
                continue
            number += 1
            log.write(one + "\n")
            log.flush()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
