"""Faults that a device may have, and a check that all reports about it agree.

Exit codes, the light, `status` and `doctor` are four witnesses. `trial` inflicts a fault on a real
appliance, gives it commands as its owner would, removes the fault, restarts it, and returns a
sentence for each thing that doesn't agree or that was confirmed and is gone.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from data.exits import Exit
from edge.appliance.decisions import SLATE_FILE
from edge.journal import JOURNAL, Journal
from edge.models.store import POINTER

from ..process import Bench, Running

COMMANDS = (("press",), ("approve",), ("rate", "8"), ("history",), ("pin",))
_WARNS = ("1 Hz", "two blinks, one long")
_FAULT = "fast even blinking"


@dataclass
class Case:
    """An appliance with a film to rate, and what its commands confirmed."""

    bench: Bench
    running: Running
    other: sqlite3.Connection | None = None
    confirmed: list[str] = field(default_factory=list)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.bench.state.glob(f"{JOURNAL}*"))


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        inflict: on the appliance; for one that is found at a start, while it is stopped.
        while_stopped: the fault comes while nothing runs.
        noticed: whether the appliance itself must report it, as a fault or a warning.
        remove: ends the fault.
    """

    inflict: Callable[[Case], None]
    while_stopped: bool = False
    noticed: bool = True
    remove: Callable[[Case], None] = lambda case: None


def _remove_journal(case: Case) -> None:
    for name in case.files():
        (case.bench.state / name).unlink()


def _remove_log(case: Case) -> None:
    (case.bench.state / f"{JOURNAL}-wal").unlink()


def _replace_journal(case: Case) -> None:
    _remove_journal(case)
    (case.bench.state / JOURNAL).write_bytes(b"")


def _lock(case: Case) -> None:
    case.other = sqlite3.connect(case.bench.state / JOURNAL, isolation_level=None)
    case.other.execute("BEGIN IMMEDIATE")


def _unlock(case: Case) -> None:
    assert case.other is not None
    case.other.close()


def _flip_row(case: Case) -> None:
    with closing(sqlite3.connect(case.bench.state / JOURNAL)) as connection:
        connection.execute("UPDATE requests SET payload = x'7b'")
        connection.execute("INSERT INTO sync_state VALUES ('connection', '{', 0)")
        connection.commit()


def _damage(case: Case) -> None:
    path = case.bench.state / JOURNAL
    path.write_bytes(b"\xaa" * path.stat().st_size)


def _tear_pointer(case: Case) -> None:
    (case.bench.state / POINTER).write_bytes(b'{"act')


def _tear_slate(case: Case) -> None:
    (case.bench.state / SLATE_FILE).write_bytes(b"{")


FAULTS: dict[str, Fault] = {
    "no fault": Fault(lambda case: None, noticed=False),
    "journal removed": Fault(_remove_journal),
    "its log removed": Fault(_remove_log),
    "journal replaced": Fault(_replace_journal),
    # The lock is released in the end; until then writes, and nothing else, are refused.
    "journal locked": Fault(_lock, noticed=False, remove=_unlock),
    "rows damaged": Fault(_flip_row, while_stopped=True),
    "journal damaged": Fault(_damage, while_stopped=True),
    "pointer torn": Fault(_tear_pointer),
    "slate torn": Fault(_tear_slate, while_stopped=True),
}


def begin(bench: Bench) -> Case:
    """Start an appliance that has confirmed an approval and a rating."""
    running = bench.start()
    running.wait_for("model: films")
    case = Case(bench, running)
    for _ in range(2):
        bench.ask("press")
        bench.ask("approve")
    _give(case, ("rate", "7"))
    return case


def trial(case: Case, fault: Fault, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong."""
    if fault.while_stopped:
        yield from _stop(case)
        fault.inflict(case)
        case.running = case.bench.start()
        case.running.wait_for("model: films")
    else:
        fault.inflict(case)
    for command in commands:
        yield from _give(case, command)
    if fault.noticed:
        _wait_until_reported(case)
    yield from _agree(case, fault)
    fault.remove(case)
    yield from _stop(case)
    lost_everything = fault.inflict is _damage
    case.running = case.bench.start()
    case.running.wait_for("model: films")
    if not lost_everything:
        yield from _kept(case)
    yield from _stop(case)


def _give(case: Case, command: tuple[str, ...]) -> list[str]:
    done = case.bench.command(*command)
    said = done.stdout + done.stderr
    if command[0] == "rate" and done.returncode == 0:
        case.confirmed += re.findall(r"rated: (.*), \d+ stars", " ".join(said.split()))
    wrong = []
    if done.returncode not in (Exit.OK, Exit.FAILED, Exit.NOT_RUNNING, Exit.NO_STATE):
        wrong.append(f"{command[0]} ended with {done.returncode}: {said}")
    if "Traceback" in said:
        wrong.append(f"{command[0]} left a traceback")
    return wrong


def _wait_until_reported(case: Case) -> None:
    """Give the appliance time to notice; `_agree` names what it hasn't noticed by then."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = case.bench.ask("status")
        if status.get("fault") or status.get("attention"):
            return
        time.sleep(0.1)


def _agree(case: Case, fault: Fault) -> Iterator[str]:
    status: dict[str, Any] = case.bench.ask("status")
    if not status["ok"]:
        yield f"status was refused: {status['error']}"
        return
    examined = case.bench.command("doctor", "--simulate", "--json")
    bad = {one["part"] for one in json.loads(examined.stdout) if not one["ok"]}
    # The sync service isn't part of this, and a film waiting for it isn't a fault.
    bad -= {"sync"}
    if (examined.returncode == 0) != (not bad):
        yield f"doctor ended with {examined.returncode} and found {bad}"
    if (status["pattern"] == _FAULT) != bool(status["fault"]):
        yield f"the light says {status['pattern']}, status {status['fault']}"
    if status["fault"] and "appliance" not in bad:
        yield f"status has the fault {status['fault']}, doctor doesn't"
    if not status["fault"] and bool(status["attention"]) != (status["pattern"] in _WARNS):
        yield f"the light says {status['pattern']}, status {status['attention']}"
    if status["attention"] and "attention" not in bad:
        yield f"status warns of {status['attention']}, doctor doesn't"
    reported = bool(status["fault"] or status["attention"])
    if fault.noticed and not reported:
        yield "nobody noticed"
    if not fault.noticed and status["fault"]:
        yield f"a fault without a cause: {status['fault']}"


def _stop(case: Case) -> Iterator[str]:
    code = case.running.stop()
    if code != Exit.OK:
        yield f"it ended with {code}"


def _kept(case: Case) -> Iterator[str]:
    with Journal.open(case.bench.state / JOURNAL, make=False) as journal:
        rated = [entry.pick.title for entry in journal.history() if entry.ratings]
        waiting = journal.outbox_depth()[0]
    if sorted(rated) != sorted(case.confirmed):
        yield f"confirmed: {case.confirmed}; found again: {rated}"
    if waiting != len(case.confirmed):
        yield f"{len(case.confirmed)} ratings were confirmed, {waiting} wait to be sent"
