"""The coordinator: real processes, real faults, and the count at the end.

Broker (mosquitto, mutual TLS), sync service and appliance (the real commands), an owner who presses
and rates, a writer that rates into the same journal faster than a hand can, and cloud (a process
with the real ingest and durable stores) run side by side. Faults fall on them one after another; at
the end what was confirmed is compared with what the stores hold. The sequence of faults follows
from the seed.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rig.mosquitto import Mosquitto, free_port
from rig.owned_appliance import OwnedAppliance
from rig.pki import Authority
from rig.process import Process
from rig.proxy import Proxy
from rig.sync_config import write_sync_config

from data import topics
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal

_RIG = Path(__file__).parent
_DEADLINE_SECONDS = 60.0


@dataclass
class Report:
    """A trial's result."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    confirmed: int = 0
    by_owner: int = 0
    rated: int = 0
    items: int = 0
    objects: int = 0
    missing: int = 0
    foreign: int = 0
    waiting: int = 0
    restored: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    convergence_seconds: float = 0.0
    usage: list[dict[str, float]] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether everything confirmed is stored exactly once, and nothing else is."""
        return (
            self.missing == self.foreign == self.waiting == 0
            and self.items == self.objects == self.rated >= self.confirmed > 0
        )


class Trial:
    """One run. Faults are methods that return what ends them."""

    def __init__(
        self,
        program: str,
        folder: Path,
        seed: int,
        ratings: int,
        faults: int,
        pause_seconds: float | None = None,
        with_appliance: bool = True,
    ) -> None:
        self._rng = random.Random(seed)
        self._folder = folder
        self._ratings = ratings
        self._count = faults
        self.report = Report(seed)
        authority = Authority(folder / "pki")
        self._broker = Mosquitto(program, folder / "mosquitto", authority)
        self._broker.start()
        self.proxy = Proxy(self._broker.port, free_port())
        self._state = folder / "state"
        incoming_folder(self._state)
        self._confirmed = folder / "confirmed"
        self._mischief = folder / "mischief.json"
        self._mischief.write_text("{}")
        self._stores = folder / "stores.db"
        config = write_sync_config(folder, authority, self.proxy.port, self._state)
        python = sys.executable
        self._cloud = Process(
            [python, str(_RIG / "cloud_worker.py"), str(self._write_cloud(authority, seed))],
            folder / "cloud.log",
        )
        sync = [python, "-m", "cloud_sync", "run", "--config", str(config)]
        self._sync = Process(sync, folder / "sync.log")
        # Slow enough that ratings fall into every fault.
        pause = max(0.0, 0.7 * faults / ratings - 0.006)
        pause = pause if pause_seconds is None else pause_seconds
        writer = [python, str(_RIG / "rating_writer.py"), str(self._state / JOURNAL)]
        self._writer = Process(
            [*writer, str(self._confirmed), str(ratings), str(pause)], folder / "writer.log"
        )
        self._owned = OwnedAppliance(folder, self._state) if with_appliance else None

    @property
    def sync_pid(self) -> int:
        """The sync service's process."""
        return self._sync.pid

    def run(self) -> Report:
        """Let everything happen and count."""
        began = time.monotonic()
        kinds = list(self.kinds())
        sequence = (kinds * (self._count // len(kinds) + 1))[: self._count]
        self._rng.shuffle(sequence)
        self.await_online()
        if self._owned is not None:
            self._owned.invite_owner()
            self._owned.await_pick()
        self._measure()
        for number, kind in enumerate(sequence):
            end = self.kinds()[kind]()
            time.sleep(self._rng.uniform(0.1, 0.5))
            end()
            self.report.faults[kind] += 1
            time.sleep(self._rng.uniform(0.1, 0.5))
            if number % 10 == 9:
                self._measure()
        calm = time.monotonic()
        self.finish()
        self.report.convergence_seconds = round(time.monotonic() - calm, 2)
        self.report.seconds = round(time.monotonic() - began, 2)
        self._measure()
        self.tally()
        return self.report

    def close(self) -> None:
        """End every process."""
        if self._owned is not None:
            self._owned.close()
        for process in (self._writer, self._sync, self._cloud):
            process.stop()
        self.proxy.close()
        self._broker.kill()

    def kinds(self) -> dict[str, Callable[[], Callable[[], None]]]:
        """Return every kind of fault: what begins it returns what ends it."""
        owned = self._owned
        at_home: dict[str, Callable[[], Callable[[], None]]] = {}
        if owned is not None:
            at_home = {
                "appliance killed": lambda: self._then(owned.kill, owned.appliance.start),
                "appliance frozen": lambda: self._then(
                    owned.appliance.freeze, owned.appliance.thaw
                ),
            }
        return at_home | {
            "broker killed": lambda: self._then(self._broker.kill, self._broker.start),
            "broker frozen": lambda: self._then(self._broker.freeze, self._broker.thaw),
            "sync killed": lambda: self._then(self._sync.kill, self._sync.start),
            "sync frozen": lambda: self._then(self._sync.freeze, self._sync.thaw),
            "writer killed": lambda: self._to_writer(self._writer.kill, self._writer.start),
            "writer frozen": lambda: self._to_writer(self._writer.freeze, self._writer.thaw),
            "function killed": lambda: self._then(self._cloud.kill, self._cloud.start),
            "function frozen": lambda: self._then(self._cloud.freeze, self._cloud.thaw),
            "network refused": lambda: self._then(self.proxy.refuse, self.proxy.listen),
            "network reset": lambda: self._then(self.proxy.reset, lambda: None),
            "network blackholed": lambda: self._then(
                lambda: self.proxy.blackhole(True), lambda: self.proxy.blackhole(False)
            ),
            "network throttled": lambda: self._then(
                lambda: self.proxy.throttle(20_000), lambda: self.proxy.throttle(None)
            ),
            "messages lost": lambda: self._misbehave(lose_message=0.5),
            "messages doubled": lambda: self._misbehave(double_message=0.8),
            "acks lost": lambda: self._misbehave(lose_ack=0.5),
            "acks doubled": lambda: self._misbehave(double_ack=0.8),
            "acks delayed": lambda: self._misbehave(delay=0.4),
            "acks reordered": lambda: self._misbehave(hold_ack=0.6, double_ack=0.3),
        }

    def _then(self, begin: Callable[[], None], end: Callable[[], None]) -> Callable[[], None]:
        begin()
        return end

    def _to_writer(self, begin: Callable[[], None], end: Callable[[], None]) -> Callable[[], None]:
        if self._writer.ended:
            return lambda: None
        return self._then(begin, end)

    def _misbehave(self, **how: float) -> Callable[[], None]:
        self._mischief.write_text(json.dumps(how))

        def behave() -> None:
            self._mischief.write_text("{}")

        return behave

    def finish(self) -> None:
        """Wait until every rating is given and nothing waits."""
        if self._owned is not None:
            self._owned.calm()
        deadline = time.monotonic() + _DEADLINE_SECONDS + self._ratings / 50
        with Journal.open(self._state / JOURNAL) as journal:
            while time.monotonic() < deadline:
                if self._writer.ended and self._left(journal) == 0:
                    return
                time.sleep(0.1)

    def _left(self, journal: Journal) -> int:
        return journal.outbox_depth()[0] + len(journal.pending_requests())

    def await_online(self) -> None:
        """Wait until the service is connected for the first time."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            log = self._folder / "sync.log"
            if log.exists() and "connection: online" in log.read_text():
                return
            time.sleep(0.05)
        raise RuntimeError("the sync service does not come online")

    def _measure(self) -> None:
        try:
            process = psutil.Process(self._sync.pid)
            self.report.usage.append(
                {
                    "rss_mib": round(process.memory_info().rss / 2**20, 1),
                    "threads": process.num_threads(),
                    "files": process.num_fds(),
                }
            )
        except psutil.Error:
            pass

    def tally(self) -> None:
        """Compare what the journal confirmed with what is in the stores."""
        report = self.report
        confirmed = set(self._confirmed.read_text().splitlines())
        if self._owned is not None:
            by_owner = self._owned.confirmed()
            report.by_owner = len(by_owner)
            confirmed |= by_owner
        report.confirmed = len(confirmed)
        with Journal.open(self._state / JOURNAL) as journal:
            rated = {row[0] for row in journal.rows("SELECT id FROM ratings")}
            report.waiting = self._left(journal) + len(journal.quarantined())
        stores = sqlite3.connect(self._stores)
        items = {row[0] for row in stores.execute("SELECT pk FROM items")}
        objects = {row[0] for row in stores.execute("SELECT key FROM objects")}
        report.outcomes = dict(stores.execute("SELECT outcome, times FROM seen"))
        stores.close()
        report.rated, report.items, report.objects = len(rated), len(items), len(objects)
        wanted = {topics.feedback_key(one) for one in rated}
        wanted_objects = {topics.feedback_object(one) for one in rated}
        report.missing = (
            len(confirmed - rated) + len(wanted - items) + len(wanted_objects - objects)
        )
        report.foreign = len(items - wanted) + len(objects - wanted_objects)

    def _write_cloud(self, authority: Authority, seed: int) -> Path:
        certificate, key = authority.client("cloud")
        path = self._folder / "cloud.json"
        settings = {
            "seed": seed,
            "port": self._broker.port,
            "ca": str(authority.path),
            "certificate": str(certificate),
            "key": str(key),
            "mischief": str(self._mischief),
            "stores": str(self._stores),
        }
        path.write_text(json.dumps(settings))
        return path
