"""A hostile broker costs a device the connection, and nothing else."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from rig.hostile_broker import HostileBroker
from rig.pki import Authority
from rig.process import Process
from rig.sync_config import write_sync_config

from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal


def close_in_a_packet(line: ssl.SSLSocket, over: threading.Event) -> None:
    """Promise a message of 1,000 bytes, and close after ten."""
    line.sendall(b"\x30\xe8\x07" + b"\0" * 10)


def close_in_a_length(line: ssl.SSLSocket, over: threading.Event) -> None:
    """Close before the message's length is complete."""
    line.sendall(b"\x30\xff")


def claim_megabytes(line: ssl.SSLSocket, over: threading.Event) -> None:
    """Promise 256 MB, and start to send them."""
    line.sendall(b"\x30\xff\xff\xff\x7f")
    while not over.is_set():
        line.sendall(b"\0" * 65_536)


def fall_silent(line: ssl.SSLSocket, over: threading.Event) -> None:
    """Send nothing, and answer no ping."""
    over.wait(60)


def drip(line: ssl.SSLSocket, over: threading.Event) -> None:
    """Send a byte now and then, of a message that never ends."""
    line.sendall(b"\x30\xe8\x07")
    while not over.wait(0.3):
        line.sendall(b"\0")


@pytest.mark.parametrize(
    "misbehave", [close_in_a_packet, close_in_a_length, claim_megabytes, fall_silent, drip]
)
def test_a_hostile_broker_is_dropped_and_takes_no_processor_time(
    authority: Authority,
    tmp_path: Path,
    misbehave: Callable[[ssl.SSLSocket, threading.Event], None],
) -> None:
    state = tmp_path / "state"
    incoming_folder(state)
    broker = HostileBroker(authority, misbehave)
    config = write_sync_config(tmp_path, authority, broker.port, state)
    with Journal.open(state / JOURNAL) as journal:
        command = [sys.executable, "-m", "cloud_sync", "run", "--config", str(config)]
        service = Process(command, tmp_path / "sync.log")
        try:
            assert broker.began.wait(60), (tmp_path / "sync.log").read_text()
            deadline = time.monotonic() + 30
            while journal.sync_state().get("connection", {}).get("state") == "online":
                assert time.monotonic() < deadline, "sync still says that it is online"
                time.sleep(0.2)
            process = psutil.Process(service.pid)
            before = sum(process.cpu_times()[:2])
            time.sleep(4.0)
            # A spinning thread takes all of them; reconnecting twice a second takes little.
            assert sum(process.cpu_times()[:2]) - before < 2.0
            assert process.memory_info().rss < 400 * 2**20
        finally:
            service.stop()
            broker.close()
