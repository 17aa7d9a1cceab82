"""The same count on the local cloud: real IoT rules, Lambda processes, DynamoDB and S3.

The emulator itself is not killed: it forgets rows that AWS would have kept.
"""

from __future__ import annotations

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
from rig.process import Process
from rig.records import THING
from rig.trial import Report

from data import topics
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal
from lambdas.aws import on_desk
from lambdas.provision import provision, release_key

_RIG = Path(__file__).parent
_FUNCTION = "greenlight-store-feedback"
_DEADLINE_SECONDS = 180.0

End = Callable[[], None]


class LocalTrial:
    """One device on the local cloud, and faults."""

    def __init__(self, folder: Path, seed: int, ratings: int, faults: int) -> None:
        self._rng = random.Random(seed)
        self._count = faults
        self._cloud = folder / "cloud"
        self._lambdas("start")
        self._aws = on_desk(self._cloud)
        assert self._aws.desk is not None
        keys = [release_key(self._aws, self._aws.desk.stack)]
        provision(self._aws, self._aws.desk.stack, THING, folder / "thing", keys)
        self._state = folder / "state"
        incoming_folder(self._state)
        self._confirmed = folder / "confirmed"
        self.report = Report(seed)
        sync = [sys.executable, "-m", "cloud_sync", "run", "-c", str(folder / "thing/sync.toml")]
        self._sync = Process([*sync, "--state", str(self._state)], folder / "sync.log")
        writer = [sys.executable, str(_RIG / "rating_writer.py"), str(self._state / JOURNAL)]
        pause = str(max(0.0, 1.5 * faults / ratings - 0.006))
        self._edge = Process(
            [*writer, str(self._confirmed), str(ratings), pause], folder / "edge.log"
        )

    def run(self) -> Report:
        """Let everything happen and count."""
        began = time.monotonic()
        kinds = self._kinds()
        sequence = (list(kinds) * (self._count // len(kinds) + 1))[: self._count]
        self._rng.shuffle(sequence)
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
        self._edge.stop()
        self._sync.stop()
        self._lambdas("stop")

    def _kinds(self) -> dict[str, Callable[[], End]]:
        return {
            "sync killed": lambda: _then(self._sync.kill, self._sync.start),
            "sync frozen": lambda: _then(self._sync.freeze, self._sync.thaw),
            "appliance killed": lambda: self._to_edge(self._edge.kill, self._edge.start),
            "appliance frozen": lambda: self._to_edge(self._edge.freeze, self._edge.thaw),
            "network refused": lambda: _then(
                lambda: self._lambdas("offline"), lambda: self._lambdas("online")
            ),
            "function killed": lambda: self._to_function(signal.SIGKILL, None),
            "function frozen": lambda: self._to_function(signal.SIGSTOP, signal.SIGCONT),
        }

    def _to_edge(self, begin: End, end: End) -> End:
        return _then(begin, end) if not self._edge.ended else lambda: None

    def _to_function(self, begin: signal.Signals, end: signal.Signals | None) -> End:
        supervisor = int((self._cloud / "supervisor.pid").read_text().split()[0])
        hit = []
        for process in psutil.Process(supervisor).children(recursive=True):
            if _FUNCTION in " ".join(process.cmdline()):
                process.send_signal(begin)
                hit.append(process)

        def lift() -> None:
            for process in hit:
                if end is not None and process.is_running():
                    process.send_signal(end)

        return lift

    def _finish(self) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        with Journal.open(self._state / JOURNAL) as journal:
            while time.monotonic() < deadline:
                if self._edge.ended and journal.outbox_depth()[0] == 0:
                    return
                time.sleep(0.1)

    def _tally(self) -> None:
        report, desk = self.report, self._aws.desk
        assert desk is not None
        report.confirmed = len(set(self._confirmed.read_text().splitlines()))
        with Journal.open(self._state / JOURNAL) as journal:
            rated = {row[0] for row in journal.rows("SELECT id FROM ratings")}
            report.waiting = journal.outbox_depth()[0] + len(journal.quarantined())
        items: Counter[str] = Counter()
        for page in (
            self._aws.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=desk.table, ProjectionExpression="pk")
        ):
            items.update(item["pk"]["S"] for item in page["Items"])
        objects: Counter[str] = Counter()
        for page in (
            self._aws.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=desk.data_bucket, Prefix="feedback/")
        ):
            objects.update(found["Key"] for found in page.get("Contents", ()))
        wanted = {topics.feedback_key(one) for one in rated}
        wanted_objects = {topics.feedback_object(one) for one in rated}
        report.rated, report.items, report.objects = len(rated), items.total(), objects.total()
        report.missing = len(wanted - set(items)) + len(wanted_objects - set(objects))
        report.foreign = len(set(items) - wanted) + len(set(objects) - wanted_objects)

    def _lambdas(self, order: str) -> None:
        command = [sys.executable, "-m", "lambdas.local", order, "--state", str(self._cloud)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=120)


def _then(begin: End, end: End) -> End:
    begin()
    return end
