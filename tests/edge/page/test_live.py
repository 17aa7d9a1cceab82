"""Open pages are notified of every change, and closing one frees its place."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge.appliance.sign_in import replace_pin
from edge.page import live

from .fake_appliance import FakeAppliance, Served, owner_of, served
from .running_appliance import Visitor
from .waiting import until


@pytest.fixture
def appliance() -> FakeAppliance:
    return FakeAppliance()


@pytest.fixture
def page(appliance: FakeAppliance, tmp_path: Path, monkeypatch) -> Iterator[Served]:
    monkeypatch.setattr(live, "GATHER_SECONDS", 0.02)
    with served(appliance, tmp_path) as server:
        yield server


@pytest.fixture
def owner(page: Served) -> Visitor:
    return owner_of(page)


class Listening:
    """An open stream, read event by event."""

    def __init__(self, visitor: Visitor) -> None:
        self.socket = socket.create_connection(("127.0.0.1", visitor.port), 10)
        self.socket.sendall(
            f"GET /events HTTP/1.1\r\nhost: {visitor.host}\r\ncookie: {visitor.cookie}\r\n"
            "accept: text/event-stream\r\n\r\n".encode()
        )
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])

    def next(self) -> str:
        for line in self._file:
            if line.startswith(b"event: "):
                return line[7:].decode().strip()
            if line == b"0\r\n":
                break
        return "end"

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@pytest.fixture
def listen(owner: Visitor):
    with contextlib.ExitStack() as stack:

        def start(visitor: Visitor = owner) -> Listening:
            return stack.enter_context(contextlib.closing(Listening(visitor)))

        yield start


def test_every_open_page_hears_of_a_change(appliance: FakeAppliance, listen):
    streams = [listen() for _ in range(3)]
    assert [stream.next() for stream in streams] == ["here"] * 3
    appliance.change("searching")
    assert [stream.next() for stream in streams] == ["changed"] * 3


def test_a_burst_of_changes_costs_few_reloads(appliance: FakeAppliance, listen, monkeypatch):
    monkeypatch.setattr(live, "GATHER_SECONDS", 0.3)
    stream = listen()
    stream.next()
    began = time.monotonic()
    for number in range(500):
        appliance.change(str(number))
    gatherings = (time.monotonic() - began) / 0.3
    assert stream.next() == "changed"
    stream.socket.settimeout(0.1)
    reloads = 1
    with contextlib.suppress(TimeoutError):
        while stream.next():
            reloads += 1
    assert reloads <= 2 + gatherings


def test_pages_reload_now_and_then_without_a_change(page: Served, listen):
    page.live._refresh_seconds = 0.05
    stream = listen()
    assert [stream.next() for _ in range(3)] == ["here", "changed", "changed"]


def test_a_session_keeps_its_newest_pages_live(page: Served, listen):
    oldest = listen()
    assert oldest.next() == "here"
    others = [listen() for _ in range(live.MOST_OF_A_SESSION)]
    assert [stream.next() for stream in others] == ["here"] * len(others)
    assert oldest.next() == "displaced"
    assert oldest.next() == "end"
    assert until(lambda: page.live.open == live.MOST_OF_A_SESSION)


def test_the_number_of_live_pages_is_limited(listen, monkeypatch):
    monkeypatch.setattr(live, "MOST_STREAMS", 2)
    streams = [listen(), listen()]
    assert [stream.next() for stream in streams] == ["here"] * 2
    assert listen().status == 503


def test_closed_pages_free_their_places_and_sockets(
    appliance: FakeAppliance, page: Served, owner: Visitor
):
    process = psutil.Process()
    before = process.num_fds()
    for _ in range(30):
        streams = [Listening(owner) for _ in range(3)]
        assert [stream.next() for stream in streams] == ["here"] * 3
        for stream in streams:
            stream.close()
    appliance.change("ready again")
    assert until(lambda: page.live.open == 0)
    assert until(lambda: process.num_fds() <= before + 2)


def test_a_new_pin_ends_the_streams_of_those_who_knew_the_old(
    appliance: FakeAppliance, listen, tmp_path: Path
):
    stream = listen()
    assert stream.next() == "here"
    replace_pin(tmp_path)
    appliance.change("after the new PIN")
    assert [stream.next(), stream.next()] == ["over", "end"]


def test_stopping_ends_open_streams_at_once(appliance: FakeAppliance, tmp_path: Path):
    with served(appliance, tmp_path) as page:
        stream = Listening(owner_of(page))
        assert stream.next() == "here"
    assert stream.next() == "end"
    assert appliance.observers._observers == frozenset()
    stream.close()


def test_a_declined_action_is_shown_with_its_reason(owner: Visitor):
    for path in ("/press", "/synchronise"):
        status, _, body = owner.post(path)
        assert status == 409
        assert b'role="alert"' in body
    assert b"There is no model yet" in owner.post("/press")[2]
