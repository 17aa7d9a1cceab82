"""Put on a service's PYTHONPATH as sitecustomize.py: its first search hangs for ever."""

import sys
import threading


def hang_for_ever(*_: object, made_at: str = "", **__: object) -> None:
    # The pick for nobody at the start is not meant: it has no time at which it was made.
    if made_at:
        threading.Event().wait()


def arm() -> None:
    from edge import run, searching

    run._SEARCH_PATIENCE_SECONDS = 2.0
    searching.find_pick = hang_for_ever


if "run" in sys.orig_argv:
    arm()
