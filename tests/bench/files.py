"""A whole table scored, file to file."""

import csv
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .measure import Measure, shown
from .rates import drawn_rows, open_model

ROWS, ROUNDS, BATCH = 1_000_000, 3, 16_384


def measures(bundle):
    model = open_model(bundle)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "films.csv"), Path(folder, "predictions.csv")
        write(model, source)
        greenlight = Path(sys.executable).with_name("greenlight")
        command = [greenlight, "score", "--bundle", bundle, "--csv", source, "--out", target]
        rounds = []
        columns = drawn_rows(model, ROWS)
        for _ in range(ROUNDS):
            began = time.process_time()
            for start in range(0, ROWS, BATCH):
                model.rows(*(column[start : start + BATCH] for column in columns))
            alone = time.process_time() - began
            before, began = children_seconds(), time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            wall = time.perf_counter() - began
            rounds.append((alone, children_seconds() - before, wall))
        with target.open(encoding="utf-8") as file:
            assert sum(1 for _ in file) == ROWS + 1
    alone, whole, wall = (statistics.median(times) for times in zip(*rounds, strict=True))
    yield Measure(
        "score_vs_rows",
        alone / whole,
        0.15,
        0.3,
        f"{ROWS:,} rows, {shown(whole / ROWS)} of processor time a row with the process's start "
        f"({shown(wall / ROWS)} on the wall just now); ONNX Runtime alone {shown(alone / ROWS)} "
        f"(batch {BATCH:,})",
    )


def children_seconds():
    """Return the processor time of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write(model, path):
    directors, years, slots = drawn_rows(model, ROWS)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars"])
        for number in range(ROWS):
            title = f"Film, the {number}th ({years[number]})"
            writer.writerow([title, years[number], directors[number], *slots[number], 7])
