"""`make siege`: presses, approvals and ratings in quiet and under siege, side by side.

The page is flooded with idle, slow, half-open and busy connections from many addresses, its sign-in
with wrong PINs, and the control socket with idle and busy callers, while keys press the button and
the owner rates on the page. All of it must succeed, the 99th percentile of a press must stay under
twice the quiet one's, and the log must stay small.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import psutil

from data import signing
from tests.edge.page.siege import Figures, Owner, PressedByKeys, flooded
from training.export.example_bundle import make_example_bundle

MOST_RATIO = 2.0
MOST_LOG_BYTES_PER_PRESS = 2_000


def show(name: str, figures: Figures, appliance: PressedByKeys) -> None:
    """Print one row."""
    process = psutil.Process(appliance.process.pid)
    page = next(one for one in process.children() if "page" in one.cmdline())
    asked = figures.done + len(figures.failed)
    print(
        f"{name:12} {figures.done:4}/{asked:<4} {figures.p50:9.0f} {figures.p99:9.0f}"
        f" {figures.log_bytes:10,} {process.num_fds():5} {page.num_fds():5}"
        f" {process.memory_info().rss / 2**20:6.0f} {page.memory_info().rss / 2**20:6.0f}"
    )
    for failed in figures.failed:
        print("   ", failed)


def main() -> int:
    """Run the siege and return whether it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--approvals", type=int, default=10)
    parser.add_argument("--addresses", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys, bundle = Path(folder) / "keys", Path(folder) / "bundle"
        make_example_bundle(bundle, directors=300, key=signing.development_key(keys))
        with PressedByKeys(Path(folder) / "state", keys) as appliance:
            appliance.give_model(bundle)
            owner = Owner(appliance)
            owner.work(10, 1)
            print("             done          p50 ms    p99 ms  log bytes  fds       MB")
            print("                                               (appliance, page)")
            quiet = owner.work(chosen.presses, chosen.approvals)
            show("quiet", quiet, appliance)
            with flooded(appliance, chosen.addresses, seconds=3600):
                appliance.wait_until_flooded()
                siege = owner.work(chosen.presses, chosen.approvals)
                show("under siege", siege, appliance)
    slow = siege.p99 >= MOST_RATIO * quiet.p99
    loud = siege.log_bytes > MOST_LOG_BYTES_PER_PRESS * (chosen.presses + chosen.approvals)
    for wrong, why in (
        (bool(quiet.failed or siege.failed), "not everything was done"),
        (slow, "presses were slow"),
        (loud, "the log grew"),
    ):
        if wrong:
            print(f"siege: {why}")
    return int(bool(quiet.failed or siege.failed) or slow or loud)


if __name__ == "__main__":
    sys.exit(main())
