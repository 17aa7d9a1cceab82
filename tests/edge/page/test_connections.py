"""Holding connections, from one address or many, never keeps others from the page."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge.page import connections
from edge.page.connections import MOST_CONNECTIONS, MOST_OF_AN_ADDRESS

from .fake_appliance import FakeAppliance, Served, owner_of, served
from .running_appliance import Visitor
from .test_live import Listening
from .waiting import until


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    with served(FakeAppliance(), tmp_path) as server:
        yield server


@pytest.fixture
def hold(page: Served) -> Iterator:
    with contextlib.ExitStack() as stack:

        def connect(address: str = "127.0.0.1", sent: bytes = b"") -> socket.socket:
            held = socket.create_connection(("127.0.0.1", page.port), 10, (address, 0))
            stack.enter_context(held)
            if sent:
                held.sendall(sent)
            return held

        yield connect


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: "])
def test_one_address_has_limited_connections_and_others_are_unaffected(
    page: Served, hold, sent: bytes
):
    for _ in range(3 * MOST_OF_AN_ADDRESS):
        hold(sent=sent)
    assert Visitor(page.port, address="127.0.0.9").get("/sign-in")[0] == 200
    # Accepted in their order, so all of them were by now.
    assert page.connections.open <= MOST_OF_AN_ADDRESS + 1
    # The next one from the same address isn't refused either.
    assert Visitor(page.port).get("/sign-in")[0] == 200


def test_many_addresses_together_hold_only_so_many_either(page: Served, hold, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 60)
    before = psutil.Process().num_fds()
    held = [hold(f"127.0.{number // 250}.{number % 250 + 1}") for number in range(300)]
    assert until(lambda: page.connections.open <= 60)
    assert until(lambda: psutil.Process().num_fds() - before - len(held) <= 62)
    assert Visitor(page.port, address="127.9.9.9").get("/sign-in")[0] == 200


def test_signed_in_connections_are_closed_last(page: Served, hold, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 40)
    stream = Listening(owner_of(page))
    assert stream.next() == "here"
    for number in range(200):
        hold(f"127.0.{number // 250}.{number % 250 + 2}")
    assert Visitor(page.port, address="127.9.9.9").get("/sign-in")[0] == 200
    page.verbs._appliance.change("something")
    assert stream.next() == "changed"
    stream.close()


def test_the_newest_connection_is_never_closed_first(page: Served, hold, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    for number in range(40):
        hold(f"127.0.0.{number + 2}")
    for number in range(30):
        assert Visitor(page.port, address=f"127.0.1.{number + 1}").get("/sign-in")[0] == 200


def test_the_bounds_leave_descriptors_to_spare():
    from tests.systemd.test_units import setting

    # In addition to these: the appliance's socket, TLS under way, the files of a start.
    assert int(setting("greenlight-page.service", "LimitNOFILE")) > MOST_CONNECTIONS + 100
