"""From a new process to the confirmed best of everything."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .measure import Measure, shown
from .rates import open_model

ROUNDS = 7
# What one would do without all this: load the pickle, score a slate of 36.
PICKLE = """
import sys, joblib, numpy as np
fitted = joblib.load(sys.argv[1])["model"]
rows = np.array([[name, 2000, "Drama", "None", "None"] for name in sys.argv[2:]], object)
print(fitted.predict(rows).max())
"""


def measures(bundle):
    pipeline = bundle.with_name(f"{bundle.name}.report") / "pipeline.joblib"
    greenlight = Path(sys.executable).with_name("greenlight")
    ours = [greenlight, "pick", "--bundle", bundle, "--everything", "--json"]
    names = [entry.name for entry in open_model(bundle).catalogue.directors]
    theirs = [sys.executable, "-c", PICKLE, pipeline, *names[:: len(names) // 36][:36]]
    own, other, peaks = [], [], []
    for _ in range(ROUNDS + 1):
        taken, peak = run(ours)
        own.append(taken)
        peaks.append(peak)
        other.append(run(theirs)[0])
    # The first round warms the disk's cache and is not counted.
    own, other, peaks = own[1:], other[1:], peaks[1:]
    yield Measure(
        "cold_vs_pickle",
        statistics.median(own) / statistics.median(other),
        0.25,
        0.12,
        f"greenlight pick --everything {shown(statistics.median(own))}, pickle and 36 "
        f"{shown(statistics.median(other))}",
        lower=True,
    )
    yield Measure(
        "cold_rss_mb",
        statistics.median(peaks),
        120,
        80,
        "peak resident memory of greenlight pick --everything",
        lower=True,
        unit="MB",
    )


def run(command):
    """Return a process's wall time and its peak memory in MB."""
    began = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        taken = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return taken, used.ru_maxrss / 1024
