"""Faults that a device may have, and a check that all reports about it agree.

Exit codes, the light, `status` and `doctor` are four witnesses. `trial` inflicts a fault on a real
appliance, gives it commands as its owner would, removes the fault, restarts it, and returns a
sentence for each thing that doesn't agree or that was confirmed and is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from data.exits import Exit
from edge.appliance.decisions import SLATE_FILE
from edge.appliance.state_folder import LOCK
from edge.journal import JOURNAL, Journal
from edge.journal.schema import MIGRATIONS
from edge.models.store import POINTER

from ..process import Bench, Running
from .full_disk import fill

# `stop` or `hold`, which switches the machine off, comes last.
COMMANDS = (
    ("press",),
    ("approve",),
    ("rate", "8"),
    ("history",),
    ("status",),
    ("pin",),
    ("page",),
    ("hold", "10.5"),
)
_WARNS = ("1 Hz", "two blinks, one long")
_FAULT = "fast even blinking"
_ANSWERS_SECONDS = 1.0
_PAGE_SECONDS = 20.0
_STARTS_SECONDS = 120.0
_NOTICES_SECONDS = 20.0
_DISK_BYTES = 24 * 1024 * 1024
_LATIN = (("PYTHONIOENCODING", "latin-1"), ("PYTHONUTF8", "0"), ("LC_ALL", "C"))


@dataclass
class Case:
    """An appliance with a film to rate, and what its commands confirmed."""

    bench: Bench
    running: Running
    other: sqlite3.Connection | socket.socket | IO[str] | None = None
    config: bytes = b""
    approved: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.bench.state.glob(f"{JOURNAL}*"))


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        inflict: on the appliance; for one that is found at a start, while it is stopped.
        while_stopped: the fault comes while nothing runs.
        noticed: whether the appliance itself must report it, as a fault or a warning.
        refused: the appliance can't start, and says so with this exit code.
        doctor: the part that doctor must name, in addition to what the appliance reports.
        loses_all: nothing readable is left of the journal.
        own_disk: needs its own small disk for the state folder, and so root.
        says: what `status` or the message of a refused start must say.
        light: the pattern that the light must show.
        has_page: the page can be opened.
        under: a command that runs the appliance.
        environment: of the appliance and its commands.
        remove: ends the fault, after the appliance has stopped.
    """

    inflict: Callable[[Case], None] = lambda case: None
    while_stopped: bool = False
    noticed: bool = True
    refused: Exit | None = None
    doctor: str = ""
    says: str = ""
    light: str = ""
    has_page: bool = True
    under: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    loses_all: bool = False
    own_disk: bool = False
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


def _release(case: Case) -> None:
    assert case.other is not None
    case.other.close()


def _hold_lock(case: Case) -> None:
    """Lock the folder as an appliance does that doesn't listen yet, or any more."""
    case.other = (case.bench.state / LOCK).open("r+")
    fcntl.flock(case.other, fcntl.LOCK_EX)


def _make_newer(case: Case) -> None:
    _set_schema(case, 99)


def _make_current(case: Case) -> None:
    _set_schema(case, len(MIGRATIONS))


def _set_schema(case: Case, version: int) -> None:
    with closing(sqlite3.connect(case.bench.state / JOURNAL)) as connection:
        connection.execute(f"PRAGMA user_version={version}")


def _hide_folder(case: Case) -> None:
    """Leave another folder in its place, as when the wrong disk is mounted."""
    case.bench.state.rename(case.bench.state.with_name("hidden"))
    case.bench.state.write_text("no folder")


def _bring_folder_back(case: Case) -> None:
    case.bench.state.unlink()
    case.bench.state.with_name("hidden").rename(case.bench.state)


def _configure(old: bytes, new: bytes) -> Callable[[Case], None]:
    """Return what changes the settings."""

    def change(case: Case) -> None:
        case.config = case.bench.config.read_bytes()
        assert old in case.config
        case.bench.config.write_bytes(case.config.replace(old, new, 1))

    return change


def _restore_settings(case: Case) -> None:
    case.bench.config.write_bytes(case.config)


def _take_port(case: Case) -> None:
    case.other = socket.create_server(("127.0.0.1", 0))
    port = case.other.getsockname()[1]
    _configure(b"page_port = 0", b"page_port = %d" % port)(case)


def _free_port(case: Case) -> None:
    _release(case)
    _restore_settings(case)


def _die_often(case: Case) -> None:
    """Close its terminal and kill it before anyone presses; neither is the model's fault."""
    for number in (signal.SIGHUP, signal.SIGKILL) * 2:
        case.bench.start().stop(number)


def _silence_sync_service(case: Case) -> None:
    """Leave what a sync service that died days ago has left."""
    then = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    with Journal.open(case.bench.state / JOURNAL) as journal:
        journal.set_sync_state("connection", {"state": "online", "since": then})
        journal.heartbeat(then)


def _flip_row(case: Case) -> None:
    with closing(sqlite3.connect(case.bench.state / JOURNAL)) as connection:
        connection.execute("UPDATE requests SET payload = x'7b'")
        connection.execute("UPDATE picks SET payload = x'7b'")
        connection.execute("UPDATE decisions SET decided_at = 'then'")
        connection.execute("UPDATE ratings SET stars = 1")
        connection.execute("INSERT INTO sync_state VALUES ('connection', '{', 0)")
        connection.commit()


def _overwrite(case: Case) -> None:
    path = case.bench.state / JOURNAL
    path.write_bytes(b"\xaa" * path.stat().st_size)


def _damage_table(table: str) -> Callable[[Case], None]:
    """Return what overwrites the first page of a table, as a worn card does."""

    def damage(case: Case) -> None:
        path = case.bench.state / JOURNAL
        with closing(sqlite3.connect(path)) as connection:
            (page,) = connection.execute(
                "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
            ).fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        with path.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xaa" * size)

    return damage


def _tear_pointer(case: Case) -> None:
    (case.bench.state / POINTER).write_bytes(b'{"act')


def _tear_slate(case: Case) -> None:
    (case.bench.state / SLATE_FILE).write_bytes(b"{")


def _damage_and_fill(case: Case) -> None:
    """Damage the journal where there is no space for a new one."""
    _damage_table("ratings")(case)
    _fill_disk(case)


def _fill_disk(case: Case) -> None:
    fill(case.bench.state)


def _free_disk(case: Case) -> None:
    (case.bench.state / "filler").unlink()


def _break_disk(case: Case) -> None:
    """Have the kernel give the disk up, as it does after an error of the card."""
    subprocess.run(["mount", "-o", "remount,abort", case.bench.state], check=True)


def _repair_disk(case: Case) -> None:
    subprocess.run(["umount", case.bench.state], check=True)
    image = disk_image(case.bench.state)
    # 1: errors were corrected.
    repaired = subprocess.run(["fsck.ext4", "-p", image], capture_output=True, check=False)
    assert repaired.returncode in (0, 1), repaired.stdout
    _mount(case.bench.state)


def disk_image(state: Path) -> Path:
    """Return the file that holds the disk of a state folder."""
    return state.with_suffix(".image")


def make_disk(state: Path) -> None:
    """Make a small disk for a state folder; needs root."""
    image = disk_image(state)
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    # No blocks are kept back for root.
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    state.mkdir()
    _mount(state)


def _mount(state: Path) -> None:
    command = ["mount", "-o", "loop,errors=remount-ro", disk_image(state), state]
    subprocess.run(command, check=True)


def _in_background(foreground: str) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).parents[1] / "in_background.py"), foreground)


FAULTS: dict[str, Fault] = {
    "no fault": Fault(lambda case: None, noticed=False),
    "journal removed": Fault(_remove_journal),
    "its log removed": Fault(_remove_log),
    "journal replaced": Fault(_replace_journal),
    # The lock is released in the end; until then writes, and nothing else, are refused.
    "journal locked": Fault(_lock, noticed=False, remove=_release),
    "rows damaged": Fault(_flip_row, while_stopped=True),
    "picks damaged": Fault(_damage_table("picks"), while_stopped=True, doctor="set aside"),
    "decisions damaged": Fault(_damage_table("decisions"), while_stopped=True, doctor="set aside"),
    "ratings damaged": Fault(_damage_table("ratings"), while_stopped=True, doctor="set aside"),
    "outbox damaged": Fault(_damage_table("outbox"), while_stopped=True, doctor="set aside"),
    "journal overwritten": Fault(
        _overwrite, while_stopped=True, doctor="set aside", loses_all=True
    ),
    "pointer torn": Fault(_tear_pointer, doctor="model"),
    "slate torn": Fault(_tear_slate, while_stopped=True),
    "disk full": Fault(_fill_disk, own_disk=True, doctor="disk", remove=_free_disk),
    "start on a full disk": Fault(
        _fill_disk, while_stopped=True, own_disk=True, doctor="disk", remove=_free_disk
    ),
    "disk read-only": Fault(_break_disk, own_disk=True, doctor="disk", remove=_repair_disk),
    "damaged, disk full": Fault(
        _damage_and_fill, while_stopped=True, own_disk=True, doctor="set aside", remove=_free_disk
    ),
    "killed four times": Fault(_die_often, while_stopped=True, noticed=False),
    "job in background": Fault(noticed=False, while_stopped=True, under=_in_background("never")),
    "moved to background": Fault(noticed=False, while_stopped=True, under=_in_background("first")),
    "locale latin-1": Fault(noticed=False, while_stopped=True, environment=_LATIN),
    "wrong opset": Fault(
        _configure(b'"bundle"', b'"other-opset"'),
        while_stopped=True,
        says="needs the operator sets ai.onnx 17, 'ai.onnx.ml' 3; this software runs ai.onnx 18",
        remove=_restore_settings,
    ),
    "sync service died": Fault(
        _silence_sync_service, noticed=False, says="no sign of life for 3 d", light="four blinks"
    ),
    "port taken": Fault(
        _take_port, while_stopped=True, has_page=False, says="python, process", remove=_free_port
    ),
    "settings with BOM": Fault(
        _configure(b"", b"\xef\xbb\xbf"),
        while_stopped=True,
        noticed=False,
        remove=_restore_settings,
    ),
    "NUL in a path": Fault(
        _configure(b'"state"', b'"sta\\u0000te"'),
        refused=Exit.CONFIGURATION,
        remove=_restore_settings,
    ),
    "unknown user's path": Fault(
        _configure(b'"state"', b'"~nobody-here/state"'),
        refused=Exit.CONFIGURATION,
        remove=_restore_settings,
    ),
    "folder is a file": Fault(
        _hide_folder, refused=Exit.NO_STATE, doctor="disk", remove=_bring_folder_back
    ),
    "lock held, no socket": Fault(
        _hold_lock,
        refused=Exit.ALREADY_RUNNING,
        doctor="appliance",
        says="another appliance",
        remove=_release,
    ),
    "newer journal": Fault(
        _make_newer,
        refused=Exit.JOURNAL_TOO_NEW,
        doctor="journal",
        says="update Greenlight",
        remove=_make_current,
    ),
}


def begin(bench: Bench) -> Case:
    """Start an appliance that has confirmed approvals and a rating."""
    running = bench.start(GREENLIGHT_POWER_OFF=str(_power_off(bench)))
    running.wait_for("model: films")
    case = Case(bench, running)
    # One film is left to rate under the fault.
    for command in (("press",), ("approve",), ("press",), ("approve",), ("rate", "7")):
        assert list(_give(case, command)) == []
    case.ended.clear()
    return case


def _power_off(bench: Bench) -> Path:
    return bench.state.with_name("power-off")


def trial(case: Case, fault: Fault, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong."""
    if fault.refused is not None:
        yield from _refused(case, fault, commands)
        return
    if fault.while_stopped:
        yield from _stop(case)
        fault.inflict(case)
        _start(case, fault)
    else:
        fault.inflict(case)
    *asked, last = commands
    for command in asked:
        yield from _give(case, command, fault)
    if fault.noticed:
        _wait_until_reported(case)
    yield from _agree(case, fault)
    yield from (_stop(case) if last == ("stop",) else _switch_off(case, last))
    fault.remove(case)
    _start(case)
    if not fault.loses_all:
        yield from _kept(case)
    yield from _stop(case)


def _refused(case: Case, fault: Fault, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """A fault with which the appliance can't start: every command says so and changes nothing."""
    yield from _stop(case)
    fault.inflict(case)
    started = case.bench.command("run", "--simulate")
    case.ended["stop"] = str(started.returncode)
    case.ended["light"] = "off"
    if started.returncode != fault.refused or not started.stderr.strip():
        yield f"it ended with {started.returncode}, not {fault.refused}: {started.stderr[-500:]}"
    if "Traceback" in started.stderr or fault.says not in started.stderr:
        yield f"it doesn't say {fault.says!r}, but {started.stderr[-500:]}"
    for command in commands[:-1]:
        if command != ("page",):
            yield from _give(case, command, fault)
    examined = case.bench.command("doctor", "--simulate", "--json")
    case.ended["doctor"] = str(examined.returncode)
    if examined.returncode == Exit.FAILED:
        bad = {one["part"] for one in json.loads(examined.stdout) if not one["ok"]}
        case.ended["names"] = ", ".join(sorted(bad))
        if fault.doctor not in bad | {""}:
            yield f"doctor doesn't name {fault.doctor}, only {bad}"
    elif examined.returncode != fault.refused:
        yield f"doctor ended with {examined.returncode}: {examined.stderr[-500:]}"
    fault.remove(case)
    _start(case)
    yield from _kept(case)
    yield from _stop(case)


def _start(case: Case, fault: Fault | None = None) -> None:
    fault = fault or Fault()
    power_off = str(_power_off(case.bench))
    environment = {"GREENLIGHT_POWER_OFF": power_off, **dict(fault.environment)}
    case.running = case.bench.start(under=fault.under, **environment)
    case.running.wait_for("model: films", seconds=_STARTS_SECONDS)


def _give(case: Case, command: tuple[str, ...], fault: Fault | None = None) -> Iterator[str]:
    fault = fault or Fault()
    name = command[0]
    if name == "page":
        if fault.has_page:
            yield from _open_page(case)
        return
    environment = {**os.environ, **dict(fault.environment)}
    encoding = "latin-1" if fault.environment == _LATIN else None
    done = case.bench.command(*command, "--json", env=environment, encoding=encoding)
    said = done.stdout + done.stderr
    case.ended[name] = str(done.returncode)
    expected = (Exit.OK, Exit.FAILED, Exit.NOT_RUNNING, Exit.NO_STATE, fault.refused)
    if done.returncode not in expected:
        yield f"{name} ended with {done.returncode}: {said}"
    if "Traceback" in said or (done.returncode and not said.strip()):
        yield f"{name} says {said!r}"
    if name in ("press", "approve", "rate") and done.stdout:
        answer = json.loads(done.stdout)
        if answer["ok"] != (done.returncode == 0):
            yield f"{name} ended with {done.returncode} and said {answer}"
        if answer["ok"] and name == "approve":
            case.approved.add(answer["pick"]["title"])
        if answer["ok"] and name == "rate":
            case.confirmed.add(answer["feedback"]["title"])


def _open_page(case: Case) -> Iterator[str]:
    """Open the page as a browser does: whatever the fault, somebody reads something there."""
    address = case.running.wait_for("page: ").removeprefix("page: ")
    try:
        with urllib.request.urlopen(address, timeout=_PAGE_SECONDS) as answer:
            code, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        code, text = error.code, error.read().decode()
    except OSError as error:
        code, text = 0, str(error)
    case.ended["page"] = str(code)
    if code not in (200, 503) or "Traceback" in text:
        yield f"the page answered {code}: {text[:300]}"


def _wait_until_reported(case: Case) -> None:
    """Give the appliance time to notice; `_agree` names what it hasn't noticed by then."""
    deadline = time.monotonic() + _NOTICES_SECONDS
    while time.monotonic() < deadline:
        status = case.bench.ask("status")
        if status.get("fault") or status.get("attention"):
            return
        time.sleep(0.1)


def _agree(case: Case, fault: Fault) -> Iterator[str]:
    asked = time.monotonic()
    status: dict[str, Any] = case.bench.ask("status")
    if (took := time.monotonic() - asked) > _ANSWERS_SECONDS:
        yield f"status took {took:.1f} s"
    if not status["ok"]:
        yield f"status was refused: {status['error']}"
        return
    examined = case.bench.command("doctor", "--simulate", "--json")
    case.ended["doctor"] = str(examined.returncode)
    found = json.loads(examined.stdout)
    bad = {one["part"] for one in found if not one["ok"]}
    # The sync service isn't part of this, and a film waiting for it isn't a fault.
    bad -= {"sync"}
    case.ended["light"] = status["pattern"]
    case.ended["status"] += " fault" if status["fault"] else " warns" * bool(status["attention"])
    case.ended["names"] = ", ".join(sorted(bad))
    if fault.light not in ("", status["pattern"]):
        yield f"the light says {status['pattern']}, not {fault.light}"
    shown = " ".join(case.bench.command("status").stdout.split())
    if fault.says not in shown:
        yield f"status doesn't say {fault.says!r}, but {shown}"
    if (examined.returncode == 0) != all(one["ok"] for one in found):
        yield f"doctor ended with {examined.returncode} and found {bad}"
    if any(not one["ok"] and not one["fix"] for one in found):
        yield f"doctor doesn't say what to do: {found}"
    if fault.doctor and fault.doctor not in bad:
        yield f"doctor doesn't name {fault.doctor}, only {bad}"
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
    if not fault.noticed and bad - {"attention"}:
        yield f"doctor finds {bad} without a cause"


def _switch_off(case: Case, command: tuple[str, ...]) -> Iterator[str]:
    """Hold the button until the machine is switched off."""
    yield from _give(case, command)
    code = case.running.process.wait(60)
    asked = _power_off(case.bench)
    if code != Exit.OK or not asked.exists():
        yield f"switched off: {asked.exists()}; it ended with {code}"
    asked.unlink(missing_ok=True)
    case.running.close()


def _stop(case: Case) -> Iterator[str]:
    code = case.running.stop()
    case.ended["stop"] = str(code)
    if code != Exit.OK:
        yield f"it ended with {code}: {case.running.errors[-500:]}"


def _kept(case: Case) -> Iterator[str]:
    with Journal.open(case.bench.state / JOURNAL, make=False) as journal:
        history = journal.history()
        waiting = journal.outbox_depth()[0]
    approved = {entry.pick.title for entry in history if entry.decision == "approved"}
    rated = {entry.pick.title for entry in history if entry.ratings}
    if lost := case.approved - approved:
        yield f"approved and not found again: {lost}"
    if rated != case.confirmed:
        yield f"rated: {case.confirmed}; found again: {rated}"
    if waiting != len(case.confirmed):
        yield f"{len(case.confirmed)} ratings were confirmed, {waiting} wait to be sent"
