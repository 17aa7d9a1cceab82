"""The real sync service behind a proxy: how it comes back, again and again."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
from rig.trial import Trial

from edge.journal import JOURNAL, Journal

# Minutes on and off of Azure IoT Edge's connectivity tests.
PATTERN = [(5, 5)] * 5 + [(10, 10)] * 3 + [(15, 15)] * 3 + [(30, 30)] * 2 + [(5, 20)] * 3


class Line:
    """A trial whose network is switched by hand."""

    def __init__(self, program: str, folder: Path, ratings: int, pause_seconds: float) -> None:
        self.trial = Trial(program, folder, 1, ratings, 0, pause_seconds, with_appliance=False)
        self._log = folder / "sync.log"
        self.journal = Journal.open(folder / "state" / JOURNAL)

    def close(self) -> None:
        self.journal.close()
        self.trial.close()

    def await_online(self, times: int, seconds: float = 30) -> float:
        """Return how long it took until the service had come online this often."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._log.read_text().count("connection: online") >= times:
                return time.monotonic() - began
            time.sleep(0.005)
        raise TimeoutError(f"not online for the {times}th time within {seconds} s")

    def usage(self) -> tuple[float, int, int]:
        """Return the service's memory in MiB, threads and open files."""
        process = psutil.Process(self.trial.sync_pid)
        memory = round(process.memory_info().rss / 2**20, 1)
        return memory, process.num_threads(), process.num_fds()

    def _oldest(self) -> float:
        rows = self.journal.peek_outbox(1)
        return rows[0].seq if rows else float("inf")

    def reconnect(self, times: int) -> list[float]:
        """Reset the connection this often; return how long each return took."""
        took = []
        before = self._log.read_text().count("connection: online")
        for number in range(1, times + 1):
            self.trial.proxy.reset()
            took.append(self.await_online(before + number))
        return took

    def follow_pattern(self, seconds_per_minute: float) -> list[float]:
        """Switch by the pattern; return how long each return took until nothing waited."""
        converged = []
        for on, off in PATTERN:
            began = time.monotonic()
            end = began + on * seconds_per_minute
            # Ratings never stop: what waited when the network came back is what counts.
            waited = [row.seq for row in self.journal.peek_outbox(10_000)]
            while time.monotonic() < end and waited and self._oldest() <= waited[-1]:
                time.sleep(0.005)
            converged.append(time.monotonic() - began)
            time.sleep(max(0.0, end - time.monotonic()))
            self.trial.proxy.refuse()
            time.sleep(off * seconds_per_minute)
            self.trial.proxy.listen()
        return converged
