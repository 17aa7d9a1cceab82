"""Faults that a device may have: how each is inflicted, what must report it, and how it ends.

`fault_trial` tries them.
"""

from __future__ import annotations

import fcntl
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from cloud_sync import board
from data.exits import Exit
from edge.appliance.decisions import SLATE_FILE
from edge.appliance.state_folder import LOCK
from edge.journal import JOURNAL, Journal
from edge.journal.schema import MIGRATIONS
from edge.models.store import POINTER

from ..process import Bench, Running
from .filled_disk import fill_disk

_DISK_BYTES = 24 * 1024 * 1024
LATIN = (("PYTHONIOENCODING", "latin-1"), ("PYTHONUTF8", "0"), ("LC_ALL", "C"))


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
        button_works: the machine can be switched off by holding the button.
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
    button_works: bool = True
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


def _copy_card(case: Case) -> None:
    """Let the sync service look at the board, then look again as on another one."""
    certificate, serial = (case.bench.state.with_name(name) for name in ("certificate", "serial"))
    certificate.write_text("of this thing")
    with Journal.open(case.bench.state / JOURNAL) as journal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(board, "SERIAL", serial)
        serial.write_text("1000")
        board.check_board(journal, certificate, "2026-01-01T00:00:00Z")
        serial.write_text("2000")
        with pytest.raises(board.CopiedCard):
            board.check_board(journal, certificate, "2026-01-02T00:00:00Z")


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
    """Damage the journal on a disk without space for a new one."""
    _damage_table("ratings")(case)
    _fill_disk(case)


def _fill_disk(case: Case) -> None:
    fill_disk(case.bench.state)


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


def _under(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.edge.{script}", *arguments)


def _in_background(foreground: str) -> tuple[str, ...]:
    return _under("in_background", foreground)


FAULTS: dict[str, Fault] = {
    "no fault": Fault(lambda case: None, noticed=False),
    "journal removed": Fault(_remove_journal),
    "its log removed": Fault(_remove_log),
    "journal replaced": Fault(_replace_journal),
    # The lock is released in the end; until then writes, and nothing else, are refused.
    "journal locked": Fault(_lock, says="another program keeps it locked", remove=_release),
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
    "locale latin-1": Fault(noticed=False, while_stopped=True, environment=LATIN),
    "wrong opset": Fault(
        _configure(b'"bundle"', b'"other-opset"'),
        while_stopped=True,
        says="needs the operator sets ai.onnx 17, 'ai.onnx.ml' 3; this software runs ai.onnx 18",
        remove=_restore_settings,
    ),
    "sync service died": Fault(
        _silence_sync_service,
        noticed=False,
        says="no sign of life from the sync service for 3 d",
        light="four blinks",
    ),
    "button stuck": Fault(
        while_stopped=True,
        says="the button has been down for a minute: it is stuck, or it is normally closed",
        light="1 Hz",
        button_works=False,
        under=_under("stuck_button"),
    ),
    "card copied": Fault(
        _copy_card, while_stopped=True, says="was it copied, or the board replaced?"
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
