"""Slow, broken or unresponsive clients cost a limited time, and don't affect others."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.appliance.page_process import PageUnavailable, bind
from edge.config import Config
from edge.page import forms, middleware
from edge.page.middleware import HeadTimeoutProtocol
from edge.page.rendering import PageSettings
from edge.page.server import PageUnusable

from .fake_appliance import FakeAppliance, Served, owner_of, served
from .running_appliance import Visitor

SHORT = 0.3


@pytest.fixture
def page(tmp_path: Path, monkeypatch) -> Iterator[Served]:
    monkeypatch.setattr(HeadTimeoutProtocol, "head_seconds", SHORT)
    monkeypatch.setattr(forms, "BODY_SECONDS", SHORT)
    monkeypatch.setattr(middleware, "SEND_SECONDS", SHORT)
    with served(FakeAppliance(), tmp_path) as server:
        yield server


@pytest.fixture
def owner(page: Served) -> Visitor:
    return owner_of(page)


def connect(visitor: Visitor) -> socket.socket:
    return socket.create_connection(("127.0.0.1", visitor.port), 10)


def test_half_a_head_is_waited_for_only_so_long(owner: Visitor):
    with connect(owner) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: ")
        assert closed(client)


def test_a_head_that_drips_does_not_gain_time(owner: Visitor):
    with connect(owner) as client:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 60:
                client.sendall(b"x")
                time.sleep(0.02)
        assert time.monotonic() - began < 60


def test_half_a_form_is_waited_for_only_so_long(owner: Visitor):
    with connect(owner) as client:
        client.sendall(head(owner, "POST /rate", 50) + b"token=")
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_form_that_breaks_off_does_nothing(owner: Visitor):
    for _ in range(20):
        with connect(owner) as client:
            client.sendall(head(owner, "POST /rate", 50) + b"token=")
            # Closed with a reset, as by a phone that lost its network.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert owner.get("/")[0] == 200


def test_many_slow_clients_soon_make_room(owner: Visitor):
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(connect(owner))
            client.sendall(b"GET /")
        deadline = time.monotonic() + 60
        statuses = []
        while 200 not in statuses and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                statuses.append(owner.get("/")[0])
        assert statuses[-1] == 200


def test_a_client_that_reads_nothing_is_dropped(owner: Visitor):
    with connect(owner) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        # Request many answers and read none: more than the buffers can take.
        with contextlib.suppress(OSError):
            for _ in range(400):
                client.sendall(head(owner, "GET /static/page.css"))
        assert owner.get("/")[0] == 200


NO_REQUESTS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 2000,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"POST /rate HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    b"POST /rate HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\n\r\n",
)


def test_a_malformed_request_is_refused(owner: Visitor):
    for sent in NO_REQUESTS:
        with connect(owner) as client, contextlib.suppress(OSError):
            client.sendall(sent)
            answer = client.recv(1000)
            assert answer == b"" or answer.split()[1] in (b"400", b"421", b"431")
        assert owner.get("/")[0] == 200


def test_a_taken_port_is_reported_with_what_to_do(page: Served):
    with pytest.raises(PageUnavailable, match="page_port"):
        bind(Config(page_port=page.port))


def test_with_its_own_certificate_everything_is_encrypted(tmp_path: Path):
    certificate, key = tmp_path / "page.crt", tmp_path / "page.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", certificate, "-days", "30"),
            *("-subj", "/CN=greenlight", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    settings = PageSettings(certificate=certificate, key=key)
    with served(FakeAppliance(), tmp_path, settings) as page:
        context = ssl.create_default_context(cafile=certificate)
        body = f"pin={page.auth.pin().digits}".encode()
        with (
            socket.create_connection(("127.0.0.1", page.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(
                f"POST /sign-in HTTP/1.1\r\nhost: localhost:{page.port}\r\n"
                f"origin: https://localhost:{page.port}\r\ncontent-length: {len(body)}\r\n"
                "content-type: application/x-www-form-urlencoded\r\n\r\n".encode()
                + body
            )
            answer = client.recv(4000).decode().lower()
    assert answer.startswith("http/1.1 303 ")
    assert "; secure" in answer
    assert "set-cookie: __host-greenlight=" in answer
    assert "; path=/;" in answer
    assert "domain=" not in answer


@pytest.mark.parametrize("missing", ["page.crt", "page.key"])
def test_a_certificate_that_cannot_be_used_is_reported(tmp_path: Path, missing: str):
    for name in {"page.crt", "page.key"} - {missing}:
        (tmp_path / name).write_text("no certificate")
    settings = PageSettings(certificate=tmp_path / "page.crt", key=tmp_path / "page.key")
    with (
        pytest.raises(PageUnusable, match="page_certificate"),
        served(FakeAppliance(), tmp_path, settings),
    ):
        pass


def head(visitor: Visitor, order: str, length: int = 0) -> bytes:
    return (
        f"{order} HTTP/1.1\r\nhost: {visitor.host}\r\norigin: http://{visitor.host}\r\n"
        f"cookie: {visitor.cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"content-length: {length}\r\n\r\n"
    ).encode()


def closed(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True
