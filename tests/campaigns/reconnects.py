"""Come back a thousand times, and through Azure IoT Edge's on/off pattern. `make reconnects`.

python tests/campaigns/reconnects.py [--times N] [--seconds-per-minute S]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.line import PATTERN, Line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1_000)
    parser.add_argument("--seconds-per-minute", type=float, default=0.2)
    chosen = parser.parse_args()
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        print("reconnects needs mosquitto: apt install mosquitto", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="reconnects-"))
    minutes = sum(on + off for on, off in PATTERN)
    # Ratings are given all the while.
    seconds = minutes * chosen.seconds_per_minute + 0.4 * chosen.times
    line = Line(program, folder, ratings=int(seconds * 10), pause_seconds=0.1)
    try:
        line.trial.await_online()
        first = line.usage()
        took = line.reconnect(chosen.times)
        after = line.usage()
        converged = line.follow_pattern(chosen.seconds_per_minute)
        line.trial.finish()
        line.trial.tally()
        report = line.trial.report
    finally:
        line.close()
    ninety_ninth = statistics.quantiles(took, n=100)[98] if len(took) > 1 else took[0]
    print(
        f"{len(took)} reconnects: median {statistics.median(took):.3f} s, 99th of a hundred"
        f" {ninety_ninth:.3f} s, longest {max(took):.3f} s"
    )
    print(f"memory MiB, threads, files: {first} before, {after} after")
    print(
        f"pattern of {minutes} minutes at {chosen.seconds_per_minute} s each: converged in"
        f" {statistics.median(converged):.2f} s median, {max(converged):.2f} s at most"
    )
    print(
        f"{report.rated} ratings: items {report.items}, objects {report.objects}, missing"
        f" {report.missing}, waiting {report.waiting}: {'exact' if report.exact else 'NOT EXACT'}"
    )
    flat = after[1] <= first[1] + 2 and after[2] <= first[2] + 3
    if report.exact and flat:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    print(f"kept in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
