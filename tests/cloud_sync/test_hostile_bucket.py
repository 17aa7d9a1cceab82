"""A hostile S3 or credentials provider is read only up to a limit, and its redirects ignored."""

from __future__ import annotations

import datetime
import ipaddress
import resource
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from cloud_sync import artefacts
from cloud_sync.artefacts import (
    ArtefactDenied,
    ArtefactMissing,
    Bucket,
    CloudUnreachable,
    Credentials,
    RangeRefused,
    temporary_credentials,
)
from cloud_sync.config import SyncConfig

KEY = "models/films/1/model.onnx"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Hostile:
    """An HTTP server with configured answers that counts requests and bytes."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = lambda handler: None
        self.paths: list[str] = []
        self.sent = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                try:
                    outer.answer(self)
                except OSError:
                    self.close_connection = True

            def do_CONNECT(self) -> None:
                outer.paths.append(self.path)
                self.send_error(502)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def endless(self, status: int, piece: bytes = b"x" * 65536, **headers: str) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            while self.sent < 1 << 30:
                handler.wfile.write(piece)
                self.sent += len(piece)

        return answer

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


@pytest.fixture
def bucket(hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    given = Credentials("AKIA0", "secret", "token", "2099-01-01T00:00:00Z")
    monkeypatch.setattr(artefacts, "temporary_credentials", lambda config: given)
    opened = Bucket(settings(tmp_path, hostile.port), "greenlight-models")
    yield opened
    opened.close()


def settings(folder: Path, port: int, endpoint: str = "") -> SyncConfig:
    return SyncConfig(
        thing="MovieSelector",
        region="eu-central-1",
        mqtt_host="localhost",
        root_ca=folder / "certificate.pem",
        certificate=folder / "certificate.pem",
        private_key=folder / "key.pem",
        credentials_url=f"https://127.0.0.1:{port}",
        role_alias="greenlight-models",
        models_bucket="greenlight-models",
        aws_endpoint_url=endpoint or f"http://127.0.0.1:{port}",
        connect_timeout_seconds=2.0,
    )


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("status", [400, 403, 404, 416, 500, 503])
def test_an_error_without_end_is_read_only_so_far(
    hostile: Hostile, bucket: Bucket, status: int
) -> None:
    hostile.answer = hostile.endless(status)
    before = peak_bytes()
    kinds = (ArtefactMissing, ArtefactDenied, RangeRefused, CloudUnreachable)
    with pytest.raises(kinds):
        list(bucket.read(KEY))
    assert peak_bytes() - before < 32 << 20
    # What fits into the sockets' buffers may have left the server.
    assert hostile.sent < 32 << 20
    assert len(hostile.paths) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hostile: Hostile, bucket: Bucket, status: int) -> None:
    elsewhere = Hostile()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"http://127.0.0.1:{elsewhere.port}/stolen")
        handler.send_header("x-amz-bucket-region", "us-east-1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    hostile.answer = answer
    # urllib3 itself refuses one kind, with its own error.
    with pytest.raises(CloudUnreachable, match=r"redirect|HTTPClientError"):
        list(bucket.read(KEY))
    assert len(hostile.paths) == 1
    assert elsewhere.paths == []
    elsewhere.close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", ArtefactDenied, "may not read"),
        (403, "RequestTimeTooSkewed", CloudUnreachable, "RequestTimeTooSkewed"),
        (403, "x\x1b[31m", ArtefactDenied, "may not read"),
        (404, "NoSuchKey", ArtefactMissing, "doesn't exist"),
        (503, "SlowDown", CloudUnreachable, "SlowDown"),
    ],
)
def test_errors_keep_their_meaning(
    hostile: Hostile, bucket: Bucket, status: int, code: str, kind: type[Exception], words: str
) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    hostile.answer = answer
    with pytest.raises(kind, match=words):
        list(bucket.read(KEY))


def test_received_bytes_are_passed_on_at_once(hostile: Hostile, bucket: Bucket) -> None:
    taken = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"a")
        taken.wait(20)

    hostile.answer = answer
    pieces = bucket.read(KEY)
    assert next(pieces) == b"a"
    taken.set()
    pieces.close()


def test_a_credentials_provider_without_end_is_read_only_so_far(tmp_path: Path) -> None:
    hostile = Hostile(tls(tmp_path))
    config = settings(tmp_path, hostile.port)
    for status in (200, 403):
        hostile.sent = 0
        hostile.answer = hostile.endless(status)
        with pytest.raises(CloudUnreachable):
            temporary_credentials(config)
        assert hostile.sent < 32 << 20
    hostile.answer = hostile.endless(302, b"", Location="http://127.0.0.1:1/")
    hostile.sent = 1 << 30
    with pytest.raises(CloudUnreachable, match=r"answer.* 302"):
        temporary_credentials(config)
    hostile.close()


def model_of(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "5")
    handler.end_headers()
    handler.wfile.write(b"model")


@pytest.fixture
def no_credentials_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Credentials("AKIA0", "secret", "token", "2099-01-01T00:00:00Z")
    monkeypatch.setattr(artefacts, "temporary_credentials", lambda config: given)


@pytest.mark.usefixtures("no_credentials_asked")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_download_goes_through_the_proxy_that_the_environment_names(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{hostile.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    hostile.answer = model_of
    opened = Bucket(settings(tmp_path, hostile.port, f"{scheme}://models.invalid"), "m")
    if scheme == "http":
        assert b"".join(opened.read(KEY)) == b"model"
        assert hostile.paths == [f"http://models.invalid/m/{KEY}"]
    else:
        with pytest.raises(CloudUnreachable):
            list(opened.read(KEY))
        assert hostile.paths == ["models.invalid:443"]
    opened.close()


@pytest.mark.usefixtures("no_credentials_asked")
@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_download_trusts_the_authorities_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    server = Hostile(tls(tmp_path))
    server.answer = model_of
    asked = settings(tmp_path, server.port, f"https://127.0.0.1:{server.port}")
    for trusted in (False, True):
        if trusted:
            monkeypatch.setenv(variable, str(tmp_path / "certificate.pem"))
        opened = Bucket(asked, "m")
        if trusted:
            assert b"".join(opened.read(KEY)) == b"model"
        else:
            with pytest.raises(CloudUnreachable):
                list(opened.read(KEY))
        opened.close()
    server.close()


def tls(folder: Path) -> ssl.SSLContext:
    """Write a self-signed certificate for 127.0.0.1, and return a server's context with it."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
