"""What the appliance does again and again: look at the journal, tidy, feed the watchdog."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from data.errors import GreenlightError
from data.notify import Watchdog
from edge.appliance.appliance import Appliance
from edge.appliance.journal_observer import Watching
from edge.journal import JournalError

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2
_TIDY_SECONDS = 3600.0


class Watched(Protocol):
    """Something whose heartbeat the watchdog believes."""

    def is_fresh(self) -> bool:
        """Whether it is alive."""


async def main_loop(appliance: Appliance, watching: Watching, workers: Sequence[Watched]) -> None:
    """Look around until a stop is asked for; feed the watchdog while every worker is fresh."""
    watchdog = Watchdog()
    next_tidy = time.monotonic()
    while not appliance.stop_asked.is_set():
        _look(appliance, watching)
        if all(worker.is_fresh() for worker in workers):
            watchdog.feed()
        if time.monotonic() >= next_tidy:
            _tidy(appliance)
            next_tidy = time.monotonic() + _TIDY_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(appliance.stop_asked.wait(), _LOOK_SECONDS)


def _look(appliance: Appliance, watching: Watching) -> None:
    try:
        if watching.look():
            appliance.listeners.tell()
    except JournalError as error:
        # Without a journal no pick and no rating can be kept: better to say so than to go on.
        appliance.find_fault(f"{error}; restart the appliance when this is mended")
    else:
        appliance.lose_fault()


def _tidy(appliance: Appliance) -> None:
    try:
        appliance.journal.prune(appliance.config.keep_picks)
    except GreenlightError as error:
        _log.warning("the journal was not tidied: %s", error)
