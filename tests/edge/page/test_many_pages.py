"""Ten open pages through some minutes of events: all are notified, and memory stays flat.

`make open-pages` does the same for an hour of events, with the button's speed.
"""

from __future__ import annotations

from .open_pages import Events, open_pages, resident_mb
from .running_appliance import RunningAppliance
from .waiting import until

PAGES, WARM_UP, EVENTS = 10, 30, 60
GROWTH_MB = 8.0


def test_ten_open_pages_are_kept_live_in_flat_memory(appliance: RunningAppliance):
    events = Events(appliance)
    with open_pages(appliance, PAGES) as pages:
        for number in range(WARM_UP):
            events.happen(number)
        before = sum(resident_mb(appliance))
        seen = [page.looks for page in pages]
        for number in range(WARM_UP, WARM_UP + EVENTS):
            events.happen(number)
        assert until(lambda: all(page.looks > was for page, was in zip(pages, seen, strict=True)))
        grown = sum(resident_mb(appliance)) - before
        assert [page.bad for page in pages] == [[]] * PAGES
    assert grown < GROWTH_MB
