"""`greenlight-train`, stopped in the middle of its work."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import psutil

from data.film_table import write_films
from training.export.example_bundle import made_up_films

# Of the processor. A worker that used more has begun; joblib's own processes stay far below.
BEGUN_SECONDS = 0.5


def ended(pidfd, seconds):
    return bool(select.select([pidfd], [], [], seconds)[0])


def at_work(process):
    used = [sum(child.cpu_times()[:2]) for child in process.children()]
    return sum(seconds > BEGUN_SECONDS for seconds in used) >= 2


def test_its_workers_end_with_it(tmp_path):
    table = tmp_path / "films.csv"
    write_films(table, made_up_films(120))
    words = ["evaluate", "--train", table, "--test", table, "--out", tmp_path / "out.csv"]
    with subprocess.Popen(
        [sys.executable, "-m", "training", *words, "--jobs", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running, contextlib.ExitStack() as ending:  # fmt: skip
        ending.callback(running.kill)
        process = psutil.Process(running.pid)
        deadline = time.monotonic() + 120
        while not at_work(process):
            assert running.poll() is None, "it ended before it had workers"
            assert time.monotonic() < deadline, "its workers never began"
            # No event says when a process gets children.
            time.sleep(0.05)
        children = [os.pidfd_open(child.pid) for child in process.children()]
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 128 + signal.SIGTERM
        assert all(ended(child, 30) for child in children)
