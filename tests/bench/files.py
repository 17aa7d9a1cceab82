"""A whole table scored, file to file."""

import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .measure import Measure, shown
from .rates import drawn_rows, graph_seconds_a_row, open_model

ROWS, ROUNDS = 400_000, 3


def measures(bundle):
    model = open_model(bundle)
    row, batch = graph_seconds_a_row(model, probabilities=True)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "films.csv"), Path(folder, "predictions.csv")
        write(model, source)
        greenlight = Path(sys.executable).with_name("greenlight")
        command = [greenlight, "score", "--bundle", bundle, "--csv", source, "--out", target]
        taken = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken.append(time.perf_counter() - began)
        with target.open(encoding="utf-8") as file:
            assert sum(1 for _ in file) == ROWS + 1
    whole = statistics.median(taken)
    yield Measure(
        "score_vs_rows",
        row * ROWS / whole,
        0.15,
        0.3,
        f"{ROWS:,} rows in {shown(whole)}, {shown(whole / ROWS)} a row with the process's start; "
        f"ONNX Runtime alone {shown(row)} (batch {batch:,})",
    )


def write(model, path):
    directors, years, slots = drawn_rows(model, ROWS)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars"])
        for number in range(ROWS):
            title = f"Film, the {number}th ({years[number]})"
            writer.writerow([title, years[number], directors[number], *slots[number], 7])
