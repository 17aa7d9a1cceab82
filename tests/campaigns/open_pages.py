"""Ten open pages for an hour of simulated events: memory flat, the button as quick as before.

`make open-pages ARGS="--pages N --seconds N --speed N"`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from data import signing
from tests.edge.page.open_pages import Events, median_press, open_pages, resident_mb
from tests.edge.page.running_appliance import RunningAppliance

# One event in five seconds of the simulated time: a press every twenty, a rating every hundred.
EVENT_SECONDS = 5.0
SAMPLES = 40
MOST_GROWTH_MB = 3.0
MOST_RATIO = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3600, help="of simulated time")
    parser.add_argument("--speed", type=float, default=20, help="simulated seconds a second")
    parser.add_argument("--bundle", type=Path, default=Path("build/bundle"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with RunningAppliance(state, signing.keys_folder()) as appliance:
            appliance.give_model(chosen.bundle)
            return campaign(appliance, chosen)


def campaign(appliance: RunningAppliance, chosen: argparse.Namespace) -> int:
    """Run it and print the figures; return 1 if a bound is missed."""
    events = Events(appliance)
    median_press(events, 5)
    alone = median_press(events, 30)
    number = int(chosen.seconds / EVENT_SECONDS)
    pause = EVENT_SECONDS / chosen.speed
    memory = []
    with open_pages(appliance, chosen.pages) as pages:
        began = time.monotonic()
        for event in range(number):
            events.happen(event)
            if event % max(number // SAMPLES, 1) == 0:
                memory.append((event / number, sum(resident_mb(appliance))))
            time.sleep(max(0.0, began + (event + 1) * pause - time.monotonic()))
        among = median_press(events, 30)
        looks = sum(page.looks for page in pages)
        bad = sum(len(page.bad) for page in pages)
    # The first third is warming up: caches fill, the heap finds its size.
    later = np.array([sample for sample in memory if sample[0] >= 1 / 3])
    growth = float(np.polyfit(later[:, 0], later[:, 1], 1)[0])
    ratio = among / alone
    print(f"{number} events, {chosen.pages} pages, {looks} looks, {bad} bad answers")
    print(f"memory: {memory[0][1]:.1f} MB at first, {memory[-1][1]:.1f} MB at last;")
    print(f"        grows by {growth:+.2f} MB over all of it (a line through the last two thirds)")
    print(
        f"button: {alone * 1e3:.0f} ms without pages, {among * 1e3:.0f} ms among them: x{ratio:.2f}"
    )
    return int(bad > 0 or growth > MOST_GROWTH_MB or ratio > MOST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
