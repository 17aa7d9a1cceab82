"""The same count on the local cloud: real IoT rules, Lambda processes, DynamoDB and S3.

The emulator (broker, rules, stores and host of the functions in one process) is killed and frozen
too. Killed, it forgets the newest rows of its table, which AWS would have kept; objects it writes
at once. So the table is rebuilt from the objects at the end, as an operator would
(`greenlight-cloud ratings restore`), and only then is counted. What it had to put back is
reported beside.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
from rig.owned_appliance import OwnedAppliance
from rig.process import Process
from rig.records import THING
from rig.trial import Report

from data import topics
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal
from lambdas.operator.aws import on_local_cloud
from lambdas.operator.devices import provision
from local_cloud.control import send
from local_cloud.state import LocalState

_RIG = Path(__file__).parent
_FUNCTION = "greenlight-store-feedback"
_DEADLINE_SECONDS = 180.0
_FUNCTION_SECONDS = 5.0

End = Callable[[], None]


class LocalTrial:
    """One device on the local cloud, and faults."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        ratings: int,
        faults: int,
        only: tuple[str, ...] = (),
    ) -> None:
        self._only = only
        self._rng = random.Random(seed)
        self._count = faults
        self._cloud = folder / "cloud"
        self._local_cloud("start")
        self._aws = on_local_cloud(self._cloud)
        assert self._aws.local is not None
        keys = [self._aws.signing_key(self._aws.local.stack).public_pem()]
        provision(self._aws, self._aws.local.stack, THING, folder / "thing", keys)
        # Ended well once: thing, certificate and stack must survive the kills that follow.
        self._local_cloud("stop")
        self._local_cloud("start")
        self._state = folder / "state"
        incoming_folder(self._state)
        self._confirmed = folder / "confirmed"
        self.report = Report(seed)
        sync = [sys.executable, "-m", "cloud_sync", "run", "-c", str(folder / "thing/sync.toml")]
        self._sync = Process([*sync, "--state", str(self._state)], folder / "sync.log")
        writer = [sys.executable, str(_RIG / "rating_writer.py"), str(self._state / JOURNAL)]
        pause = str(max(0.0, 1.5 * faults / ratings - 0.006))
        self._writer = Process(
            [*writer, str(self._confirmed), str(ratings), pause], folder / "writer.log"
        )
        self._owned = OwnedAppliance(folder, self._state)

    def run(self) -> Report:
        """Let everything happen and count."""
        began = time.monotonic()
        kinds = self._kinds()
        kinds = {kind: begin for kind, begin in kinds.items() if kind in (self._only or kinds)}
        sequence = (list(kinds) * (self._count // len(kinds) + 1))[: self._count]
        self._rng.shuffle(sequence)
        self._owned.invite_owner()
        self._owned.await_pick()
        for kind in sequence:
            time.sleep(self._rng.uniform(0.2, 1.0))
            end = kinds[kind]()
            time.sleep(self._rng.uniform(0.2, 1.0))
            end()
            self.report.faults[kind] += 1
        calm = time.monotonic()
        self._finish()
        self.report.convergence_seconds = round(time.monotonic() - calm, 2)
        self.report.seconds = round(time.monotonic() - began, 2)
        self._tally()
        return self.report

    def close(self) -> None:
        """End everything."""
        self._owned.close()
        self._writer.stop()
        self._sync.stop()
        self._local_cloud("stop")

    def _kinds(self) -> dict[str, Callable[[], End]]:
        return {
            "emulator killed": self._emulator_killed,
            "emulator frozen": lambda: self._to_emulator(signal.SIGSTOP, signal.SIGCONT),
            "sync killed": lambda: _then(self._sync.kill, self._sync.start),
            "sync frozen": lambda: _then(self._sync.freeze, self._sync.thaw),
            "appliance killed": lambda: _then(self._owned.kill, self._owned.appliance.start),
            "appliance frozen": lambda: _then(
                self._owned.appliance.freeze, self._owned.appliance.thaw
            ),
            "writer killed": lambda: self._to_writer(self._writer.kill, self._writer.start),
            "writer frozen": lambda: self._to_writer(self._writer.freeze, self._writer.thaw),
            "network refused": lambda: _then(
                lambda: self._local_cloud("offline"), lambda: self._local_cloud("online")
            ),
            "function killed": lambda: self._to_function(signal.SIGKILL, None),
            "function frozen": lambda: self._to_function(signal.SIGSTOP, signal.SIGCONT),
        }

    def _to_writer(self, begin: End, end: End) -> End:
        return _then(begin, end) if not self._writer.ended else lambda: None

    def _emulator(self) -> psutil.Process:
        status = send(LocalState(self._cloud), "status")["emulator"]
        return psutil.Process(int(str(status).removeprefix("process ")))

    def _to_emulator(self, begin: signal.Signals, end: signal.Signals) -> End:
        emulator = self._emulator()
        emulator.send_signal(begin)
        return lambda: emulator.send_signal(end)

    def _emulator_killed(self) -> End:
        supervisor = psutil.Process(self._supervisor())
        self._emulator().kill()
        # It notices, says so, and ends: what is left of the local cloud is started again.
        supervisor.wait(60)
        return lambda: self._local_cloud("start")

    def _supervisor(self) -> int:
        return int((self._cloud / "supervisor.pid").read_text().split()[0])

    def _to_function(self, begin: signal.Signals, end: signal.Signals | None) -> End:
        hit: list[psutil.Process] = []
        deadline = time.monotonic() + _FUNCTION_SECONDS
        # A function's process comes with a message; ratings never stop.
        while not hit and time.monotonic() < deadline:
            for process in psutil.Process(self._supervisor()).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if _FUNCTION in " ".join(process.cmdline()):
                        process.send_signal(begin)
                        hit.append(process)
        self.report.outcomes["function processes hit"] = len(hit) + self.report.outcomes.get(
            "function processes hit", 0
        )

        def lift() -> None:
            for process in hit:
                if end is not None and process.is_running():
                    process.send_signal(end)

        return lift

    def _finish(self) -> None:
        self._owned.calm()
        deadline = time.monotonic() + _DEADLINE_SECONDS
        with Journal.open(self._state / JOURNAL) as journal:
            while time.monotonic() < deadline:
                waits = journal.outbox_depth()[0] + len(journal.pending_requests())
                if self._writer.ended and waits == 0:
                    return
                time.sleep(0.1)

    def _tally(self) -> None:
        report, local = self.report, self._aws.local
        assert local is not None
        by_owner = self._owned.confirmed()
        confirmed = by_owner | set(self._confirmed.read_text().splitlines())
        report.by_owner, report.confirmed = len(by_owner), len(confirmed)
        restored = _run("local_cloud", "ratings", "restore", "--local", str(self._cloud))
        report.restored = int(restored.split()[0])
        with Journal.open(self._state / JOURNAL) as journal:
            rated = {row[0] for row in journal.rows("SELECT id FROM ratings")}
            waiting = (journal.pending_requests(), journal.quarantined())
            report.waiting = journal.outbox_depth()[0] + sum(map(len, waiting))
        items: Counter[str] = Counter()
        for page in (
            self._aws.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=local.table, ProjectionExpression="pk")
        ):
            items.update(item["pk"]["S"] for item in page["Items"])
        objects: Counter[str] = Counter()
        for prefix in (topics.FEEDBACK_PREFIX, topics.HELD_OUT_PREFIX):
            for page in (
                self._aws.client("s3")
                .get_paginator("list_objects_v2")
                .paginate(Bucket=local.data_bucket, Prefix=prefix)
            ):
                # Which of the two a rating is under is the stack's secret, here a random one.
                objects.update(
                    topics.feedback_object(found["Key"].removeprefix(prefix).removesuffix(".json"))
                    for found in page.get("Contents", ())
                )
        wanted = {topics.feedback_key(one) for one in rated}
        wanted_objects = {topics.feedback_object(one) for one in rated}
        report.rated, report.items, report.objects = len(rated), items.total(), objects.total()
        lost = len(confirmed - rated)
        report.missing = lost + len(wanted - set(items)) + len(wanted_objects - set(objects))
        report.foreign = len(set(items) - wanted) + len(set(objects) - wanted_objects)

    def _local_cloud(self, what: str) -> None:
        _run("local_cloud", "local", what, "--local", str(self._cloud))


def _run(*words: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words],
        check=True,
        capture_output=True,
        env=environment,
        timeout=120,
        text=True,
    ).stdout


def _then(begin: End, end: End) -> End:
    begin()
    return end
