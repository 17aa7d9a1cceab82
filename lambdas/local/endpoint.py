"""The stand-in of SageMaker: the real serving code on loopback, behind SageMaker's own interface.

A front keeps one address for as long as the local cloud runs. Behind it `python -m
training.serve` is started anew for every published pipeline, and takes over once it answers.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lambdas.local import tether
from lambdas.local.ports import free_ports
from lambdas.local.state import LocalCloudFailed, State

NAME = "greenlight-model"
_INVOKE = re.compile(r"/endpoints/(?P<name>[A-Za-z0-9-]{1,63})/invocations")
# A serving process imports scikit-learn, which takes seconds on a small busy machine.
_START_SECONDS = 90.0
_STOP_SECONDS = 10.0
# SageMaker gives a model sixty seconds.
_ANSWER_SECONDS = 60.0
_MAX_BODY_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True)
class _Serving:
    process: subprocess.Popen[bytes]
    port: int


@dataclass(frozen=True)
class Answer:
    """What a model, or SageMaker in its place, answers."""

    status: int
    body: bytes
    error_type: str = ""


class MlEndpoint:
    """The endpoint; a context manager that ends what it serves with."""

    def __init__(self, state: State, port: int) -> None:
        self._state = state
        self._serving: _Serving | None = None
        self._lock = threading.Lock()
        self._server = _Front(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="ml-endpoint", daemon=True
        )
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> MlEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._take_over(None)

    @property
    def is_serving(self) -> bool:
        """Whether a pipeline is served."""
        return self._serving is not None and self._serving.process.poll() is None

    def kept_pipeline(self) -> Path | None:
        """Return the pipeline that was served when this local cloud last ran."""
        kept = self._state.pipelines / "pipeline"
        return kept if kept.exists() else None

    def update(self, pipeline: Path) -> None:
        """Serve this pipeline from now on; until it answers the one before is served.

        Raises:
            LocalCloudFailed: it does not serve; the one before goes on.
        """
        if not pipeline.is_file():
            raise LocalCloudFailed(f"{pipeline}: no such file; name the release's pipeline")
        kept = self._state.pipelines / "pipeline"
        if self.is_serving and kept.read_bytes() == pipeline.read_bytes():
            return
        fresh = kept.with_name("pipeline.new")
        shutil.copyfile(pipeline, fresh)
        serving = self._start(fresh)
        fresh.replace(kept)
        self._take_over(serving)

    def ask(self, method: str, path: str, body: bytes) -> Answer:
        """Hand a request to the model."""
        serving = self._serving
        if serving is None:
            return Answer(503, b'{"message": "no pipeline has been published"}')
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return Answer(reply.status, reply.read())
        except (OSError, http.client.HTTPException) as error:
            return Answer(
                503, json.dumps({"message": f"the model does not answer: {error}"}).encode()
            )
        finally:
            connection.close()

    def invoke(self, name: str, body: bytes) -> Answer:
        """Answer as SageMaker does when it is asked to invoke an endpoint."""
        if name != NAME or not self.is_serving:
            message = f"Endpoint {name} of account 000000000000 not found."
            return _error(400, "ValidationError", message)
        answer = self.ask("POST", "/invocations", body)
        if answer.status == 200:
            return answer
        return _error(
            424,
            "ModelError",
            f"Received status {answer.status} from the model: {answer.body[:200]!r}",
        )

    def _start(self, pipeline: Path) -> _Serving:
        port = free_ports(1)[0]
        with self._state.log("ml-endpoint").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, tether.__file__),
                    *(sys.executable, "-m", "training.serve"),
                    *("--pipeline", str(pipeline.resolve()), "--port", str(port)),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        serving = _Serving(process, port)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                _end(serving)
                raise LocalCloudFailed(
                    f"the ML endpoint does not serve this pipeline; "
                    f"{self._state.log('ml-endpoint')} says why"
                )
            time.sleep(0.1)
        return serving

    def _take_over(self, serving: _Serving | None) -> None:
        with self._lock:
            before, self._serving = self._serving, serving
        if before is not None:
            _end(before)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(serving: _Serving) -> None:
    serving.process.terminate()
    try:
        serving.process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        serving.process.kill()
        serving.process.wait()


def _error(status: int, kind: str, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message, "Message": message}).encode(), kind)


class _Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], endpoint: MlEndpoint) -> None:
        super().__init__(address, _Handler)
        self.endpoint = endpoint


class _Handler(BaseHTTPRequestHandler):
    server: _Front
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self.server.endpoint.ask("GET", self.path, b""))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(_error(413, "ValidationError", "the body is over SageMaker's limit"))
            return
        body = self.rfile.read(length)
        asked = _INVOKE.fullmatch(self.path)
        endpoint = self.server.endpoint
        self._answer(
            endpoint.invoke(asked["name"], body) if asked else endpoint.ask("POST", self.path, body)
        )

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.error_type:
            self.send_header("x-amzn-ErrorType", answer.error_type)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing of what went well."""
