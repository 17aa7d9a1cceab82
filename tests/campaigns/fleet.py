"""A day of a fleet whose broker is interrupted, on a simulated clock. `make fleet`.

python -m tests.campaigns.fleet [--devices N] [--base SECONDS] [--seed N]

The sessions, their settings and the cloud's ingest are the real ones. All devices start together;
a model reaches them at AWS's thousand jobs a minute; each gives a rating a day on average.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.fleet import CONNECTS_A_SECOND, DAY, Fleet, Interruption

_INTERRUPTIONS = ((0.30, 2), (0.40, 20), (0.50, 120), (0.70, 3_600))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--base", type=float, help="instead of the setting retry_base_seconds")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    interruptions = [Interruption(share * DAY, seconds) for share, seconds in _INTERRUPTIONS]
    began = time.process_time()
    print(f"{chosen.devices:,} devices, one simulated day; about a minute ...", flush=True)
    day = Fleet(chosen.devices, interruptions, chosen.seed, chosen.base).run()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{day.events:,} events in {time.process_time() - began:.0f} s of one core, {memory} MB\n"
        f"connects in one second: at most {day.peak_connects}; AWS takes {CONNECTS_A_SECOND}\n"
        f"requests about jobs throttled: {day.jobs_throttled:,} of "
        f"{sum(day.job_requests.values()):,}\n"
        f"ratings: {len(day.given):,} given, {day.stored:,} stored, {day.waiting} waiting\n"
        f"devices: {day.online:,} online, {day.updated:,} with the new model"
    )
    for one in interruptions:
        back = "never" if one.settled_after is None else f"{one.settled_after:.0f} s"
        print(
            f"{one.seconds:,.0f} s without a broker: at most {one.peak_connects} connects a second,"
            f" 99% had nothing left to do after {back}"
        )
    kept = day.stored + day.waiting >= len(day.given) and day.online == chosen.devices
    calm = day.peak_connects < CONNECTS_A_SECOND and day.updated == chosen.devices
    print("PASS" if kept and calm else "FAIL")
    return 0 if kept and calm else 1


if __name__ == "__main__":
    sys.exit(main())
