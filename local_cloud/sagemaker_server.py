"""The HTTP server of SageMaker's stand-in: control API, endpoint and the container's own paths."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_cloud.endpoint import HttpReply, MlEndpoint, refusal
from local_cloud.sagemaker import SageMakerApi

_INVOKE = re.compile(r"/endpoints/(?P<name>[A-Za-z0-9-]{1,63})/invocations")
_STOP_SECONDS = 5.0
_SPEAK_SECONDS = 60.0
_MAX_BODY_BYTES = 6 * 1024 * 1024


class SageMakerServer:
    """Keeps one address for as long as the local cloud runs; a context manager."""

    def __init__(self, port: int, endpoint: MlEndpoint, api: SageMakerApi) -> None:
        self._server = _Server(("127.0.0.1", port), endpoint, api)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="sagemaker", daemon=True
        )

    def __enter__(self) -> SageMakerServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_STOP_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], endpoint: MlEndpoint, api: SageMakerApi) -> None:
        super().__init__(address, _Handler)
        self.endpoint = endpoint
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _SPEAK_SECONDS

    def do_GET(self) -> None:
        self._answer(self.server.endpoint.ask("GET", self.path, b""))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(refusal(413, "ValidationError", "the body is over SageMaker's limit"))
            return
        body = self.rfile.read(length)
        order = self.headers.get("X-Amz-Target")
        asked = _INVOKE.fullmatch(self.path)
        if order is not None:
            self._answer(self.server.api.answer(order.rpartition(".")[2], body))
        elif asked is not None:
            self._answer(self.server.endpoint.invoke(asked["name"], body))
        else:
            self._answer(self.server.endpoint.ask("POST", self.path, body))

    def _answer(self, answer: HttpReply) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.error_type:
            self.send_header("x-amzn-ErrorType", answer.error_type)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Log nothing when all is well."""
