"""The local ML endpoint: the real serving code, run by SageMaker's stand-in.

A new `python -m training.serve` is started for every released model, and takes over once it
answers.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from data.manifest import ARRAYS, ARRAYS_BEFORE
from local_cloud import supervise
from local_cloud.state import LocalCloudFailed, LocalState, log_tail

NAME = "greenlight-model"
# A serving process imports scikit-learn, which takes seconds on a small busy machine.
_START_SECONDS = 90.0
_STOP_SECONDS = 10.0
# SageMaker's own timeout for a model.
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class _Serving:
    process: subprocess.Popen[bytes]
    port: int


@dataclass(frozen=True)
class HttpReply:
    """An answer of the model, or of SageMaker itself."""

    status: int
    body: bytes
    error_type: str = ""


class MlEndpoint:
    """The endpoint; a context manager that ends the serving process."""

    def __init__(self, state: LocalState) -> None:
        self._state = state
        self._folder = state.arrays / "served"
        self._serving: _Serving | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> MlEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_over(None)

    @property
    def is_serving(self) -> bool:
        """Whether it is serving a model."""
        return self._serving is not None and self._serving.process.poll() is None

    def kept_arrays(self) -> Path | None:
        """Return the arrays that were served when this local cloud last ran, if any."""
        kept = self._folder / ARRAYS
        return kept if kept.exists() else None

    def update(self, arrays: Path) -> None:
        """Serve this model from now on; the previous one is served until it answers.

        Args:
            arrays: the model's, beside which may be the ones of the model before.

        Raises:
            LocalCloudFailed: it can't be served; the previous one still is.
        """
        if not arrays.is_file():
            raise LocalCloudFailed(f"{arrays}: no such file; name the release's arrays.npz")
        kept = self._folder / ARRAYS
        if self.is_serving and kept.read_bytes() == arrays.read_bytes():
            return
        fresh = self._folder.with_name("new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        shutil.copyfile(arrays, fresh / ARRAYS)
        if (before := arrays.with_name(ARRAYS_BEFORE)).exists():
            shutil.copyfile(before, fresh / ARRAYS_BEFORE)
        serving = self._start(fresh / ARRAYS)
        self._folder.mkdir(exist_ok=True)
        (self._folder / ARRAYS_BEFORE).unlink(missing_ok=True)
        for file in fresh.iterdir():
            file.replace(self._folder / file.name)
        self._take_over(serving)

    def ask(self, method: str, path: str, body: bytes) -> HttpReply:
        """Pass a request on to the model."""
        serving = self._serving
        if serving is None:
            return HttpReply(503, b'{"message": "no model has been published"}')
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return HttpReply(reply.status, reply.read())
        except (OSError, http.client.HTTPException) as error:
            return HttpReply(
                503, json.dumps({"message": f"the model doesn't answer: {error}"}).encode()
            )
        finally:
            connection.close()

    def invoke(self, name: str, body: bytes) -> HttpReply:
        """Invoke an endpoint, with SageMaker's own answers."""
        if name != NAME or not self.is_serving:
            message = f"Endpoint {name} of account 000000000000 not found."
            return refusal(400, "ValidationError", message)
        answer = self.ask("POST", "/invocations", body)
        if answer.status == 200:
            return answer
        return refusal(
            424,
            "ModelError",
            f"Received status {answer.status} from the model: {answer.body[:200]!r}",
        )

    def _start(self, arrays: Path) -> _Serving:
        # Bound here and inherited: another program could take a free port during the seconds that
        # the model takes to load.
        with (
            socket.create_server(("127.0.0.1", 0)) as listening,
            self._state.log("ml-endpoint").open("ab") as log,
        ):
            port = listening.getsockname()[1]
            process = subprocess.Popen(
                [
                    *(sys.executable, supervise.__file__),
                    *(sys.executable, "-m", "training.serve"),
                    *("--arrays", str(arrays.resolve())),
                    *("--inherited", str(listening.fileno())),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(listening.fileno(),),
            )
        serving = _Serving(process, port)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(port):
            if (code := process.poll()) is not None or time.monotonic() > deadline:
                _end(serving)
                why = (
                    f"waited {_START_SECONDS:.0f} s for it to answer"
                    if code is None
                    else f"its process ended with exit code {code}"
                )
                raise LocalCloudFailed(
                    f"the ML endpoint doesn't serve this model: {why}; "
                    f"{log_tail(self._state.log('ml-endpoint'))}"
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
        serving.process.wait(_STOP_SECONDS)


def refusal(status: int, kind: str, message: str) -> HttpReply:
    """Return SageMaker's answer when it refuses."""
    body = {"__type": kind, "message": message, "Message": message}
    return HttpReply(status, json.dumps(body).encode(), kind)
