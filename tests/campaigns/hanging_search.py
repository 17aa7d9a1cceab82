"""Put on a service's PYTHONPATH as sitecustomize.py: its worker's first search never ends."""

import sys
import threading


def hang_forever(*_: object, made_at: str = "", **__: object) -> None:
    # Only the discarded warm-up pick, made in a worker's thread, has no time of making.
    if not made_at:
        threading.Event().wait()


def arm() -> None:
    from edge.appliance import pick_finder, run

    run._SEARCH_STUCK_AFTER_SECONDS = 2.0
    pick_finder.find_pick = hang_forever


if "run" in sys.orig_argv:
    arm()
