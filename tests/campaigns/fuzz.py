"""Fuzz the session with at least a million messages from the cloud. `make fuzz`.

python tests/campaigns/fuzz.py [--inputs N] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.fuzz import Target, spoil, templates


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    target = Target(chosen.seed)
    good = templates(target)
    began, sizes, memory = time.monotonic(), [], []
    for number in range(chosen.inputs):
        message = spoil(rng.choice(good), rng)
        try:
            target.feed(message)
        except Exception:
            print(f"seed {chosen.seed}, input {number}: {message!r:.2000}", file=sys.stderr)
            raise
        if number % (chosen.inputs // 20) == 0:
            sizes.append(target.size())
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    print(f"{chosen.inputs} messages, seed {chosen.seed}, {time.monotonic() - began:.0f} s")
    print(f"no crash; {target.ignored} ignored, {target.actions} actions, all on valid messages")
    print(f"session size: most {max(sizes)} bytes, last {sizes[-1]}")
    print(f"memory: {memory[1]} MiB after a twentieth, {memory[-1]} MiB at the end")
    return 0 if memory[-1] - memory[1] <= 8 else 1


if __name__ == "__main__":
    sys.exit(main())
