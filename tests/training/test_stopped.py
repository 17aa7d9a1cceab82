"""`greenlight-train`, stopped in the middle of its work."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from data.film_table import write_films
from training.export.example_bundle import made_up_films


def ended(pidfd, seconds):
    return bool(select.select([pidfd], [], [], seconds)[0])


def test_its_workers_end_with_it(tmp_path):
    table = tmp_path / "films.csv"
    write_films(table, made_up_films(120))
    words = ["evaluate", "--train", table, "--test", table, "--out", tmp_path / "out.csv"]
    with subprocess.Popen(
        [sys.executable, "-m", "training", *words, "--jobs", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as running:  # fmt: skip
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        assert running.stdout is not None
        for _ in running.stdout:
            workers = [os.pidfd_open(int(pid)) for pid in children.read_text().split()]
            if len(workers) >= 2:
                break
        else:
            raise AssertionError("it ended before it had workers")
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 128 + signal.SIGTERM
        assert all(ended(worker, 30) for worker in workers)
