"""A whole table scored, file to file."""

import csv
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
        taken, alone = [], []
        columns = drawn_rows(model, ROWS)
        for _ in range(ROUNDS):
            # Side by side, on the wall: the command may use a second core while it writes.
            began = time.perf_counter()
            for start in range(0, ROWS, BATCH):
                model.rows(*(column[start : start + BATCH] for column in columns))
            between = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            alone.append(between - began)
            taken.append(time.perf_counter() - between)
        with target.open(encoding="utf-8") as file:
            assert sum(1 for _ in file) == ROWS + 1
    whole, row = statistics.median(taken), statistics.median(alone) / ROWS
    yield Measure(
        "score_vs_rows",
        statistics.median(a / b for a, b in zip(alone, taken, strict=True)),
        0.15,
        0.3,
        f"{ROWS:,} rows in {shown(whole)}, {shown(whole / ROWS)} a row with the process's start; "
        f"ONNX Runtime alone {shown(row)} (batch {BATCH:,})",
    )


def write(model, path):
    directors, years, slots = drawn_rows(model, ROWS)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars"])
        for number in range(ROWS):
            title = f"Film, the {number}th ({years[number]})"
            writer.writerow([title, years[number], directors[number], *slots[number], 7])
