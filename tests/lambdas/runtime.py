"""AWS Lambda's runtime without AWS: its own interface client in a clean interpreter.

`awslambdaric` runs a package as AWS does. It asks this runtime API for events and posts what the
function answers. The interpreter sees the package, and of libraries only what AWS's runtime has.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

# The packages in AWS's runtime: boto3 with its dependencies, and the interface client.
_RUNTIME = (
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six"),
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
)
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Result:
    """The outcome of a call.

    Attributes:
        kind: `response`, or `error` with the exception in `content`.
    """

    kind: str
    content: Any


def runtime_libraries(folder: Path) -> Path:
    """Lay out the packages in AWS's runtime, and nothing else, as links into our environment."""
    for name in _RUNTIME:
        for file in metadata.files(name) or ():
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(str(file.locate()))
    return folder


class RunningFunction:
    """A package in the runtime; a context manager."""

    def __init__(
        self, package: Path, handler: str, libraries: Path, folder: Path, **settings: str
    ) -> None:
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._results: queue.Queue[tuple[str, str, bytes]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._events, self._results))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.output = folder / "output"
        self._command = [sys.executable, "-S", "-m", "awslambdaric", handler]
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}{os.pathsep}{libraries}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": handler.split(".")[1],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "LAMBDA_TASK_ROOT": str(folder),
            "_HANDLER": handler,
            **settings,
        }
        self._folder = folder

    def __enter__(self) -> RunningFunction:
        self._thread.start()
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def call_raw(self, event: bytes) -> Result:
        """Call with an event's bytes and return the outcome."""
        name = str(uuid.uuid4())
        self._events.put((name, event))
        try:
            answered, kind, content = self._results.get(timeout=TIMEOUT_SECONDS)
        except queue.Empty:
            raise AssertionError(f"no answer: {self.said()[-2000:]}") from None
        assert answered == name
        return Result(kind, json.loads(content))

    def call(self, event: Any) -> Result:
        """Call with an event and return the outcome."""
        return self.call_raw(json.dumps(event).encode())

    @property
    def is_running(self) -> bool:
        """Whether it still runs: a crash of the process ends it."""
        return self._process.poll() is None

    def said(self) -> str:
        """Return what it has printed: logs and metrics."""
        return self.output.read_text("utf-8", "replace")


def _handler(
    events: queue.Queue[tuple[str, bytes]], results: queue.Queue[tuple[str, str, bytes]]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name, event = events.get()
            self.send_response(200)
            for header, value in {
                "Lambda-Runtime-Aws-Request-Id": name,
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:0:function:f",
                "Content-Type": "application/json",
                "Content-Length": str(len(event)),
            }.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:
            *_, name, kind = self.path.split("/")
            results.put((name, kind, self._body()))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    return Handler
