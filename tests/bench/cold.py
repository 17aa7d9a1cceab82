"""From a new process to the confirmed best of everything."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from .files import children_seconds
from .measure import Measure, shown
from .rates import arrays_of, open_model

ROUNDS = 7
# The usual alternative: load scikit-learn's model, score a slate of 36.
SKLEARN = """
import sys, numpy as np
from pathlib import Path
from training.export.arrays import load_arrays
fitted = load_arrays(Path(sys.argv[1])).model
rows = np.array([[name, 2000, "Drama", "None", "None"] for name in sys.argv[2:]], object)
print(fitted.predict(rows).max())
"""


# The same command, which prints its peak resident memory at the end. (The kernel's figure for a
# child may be its parent's, from before it became a separate program.)
WATCHED = """
import re, sys
from edge.__main__ import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1], file=sys.stderr)
"""


def measures(bundle):
    asked = ["pick", "--bundle", bundle, "--everything", "--json"]
    ours = [Path(sys.executable).with_name("greenlight"), *asked]
    names = [entry.name for entry in open_model(bundle).catalogue.directors]
    theirs = [sys.executable, "-c", SKLEARN, arrays_of(bundle), *names[:: len(names) // 36][:36]]
    # In turns; the first round warms the disk's cache and is not counted.
    rounds = [(seconds_of_process(ours), seconds_of_process(theirs)) for _ in range(ROUNDS + 1)]
    own, other = zip(*rounds[1:], strict=True)
    busy = processor_seconds(ours), processor_seconds(theirs)
    yield Measure(
        "cold_vs_sklearn",
        statistics.median(a / b for a, b in rounds[1:]),
        0.25,
        0.12,
        f"greenlight pick --everything {shown(statistics.median(own))}, scikit-learn and 36 "
        f"{shown(statistics.median(other))}; of processor time {shown(busy[0])} and "
        f"{shown(busy[1])}, {busy[0] / busy[1]:.3f} x",
        lower=True,
    )
    yield Measure(
        "cold_rss_mb",
        statistics.median(peak_mb([sys.executable, "-c", WATCHED, *asked]) for _ in range(3)),
        120,
        80,
        "peak resident memory of greenlight pick --everything",
        lower=True,
        unit="MB",
    )


def seconds_of_process(command):
    """Return a process's wall time."""
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return time.perf_counter() - began


def processor_seconds(command):
    """Return a process's processor time, which other programs disturb less than the wall's."""
    taken = []
    for _ in range(3):
        before = children_seconds()
        seconds_of_process(command)
        taken.append(children_seconds() - before)
    return statistics.median(taken)


def peak_mb(command):
    """Return the peak memory that a watched process reports, in MB."""
    done = subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True
    )
    return int(done.stderr.split()[-1]) / 1024
