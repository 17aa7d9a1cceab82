"""Commands to a running local cloud: one JSON line in, one out, over a socket in its folder."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lambdas.operator.aws import LocalCloudNotRunning
from local_cloud.state import LocalCloudFailed, LocalState, log_tail

Handler = Callable[[dict[str, Any]], dict[str, Any]]

# The kernel's limit for a socket's path.
_MAX_SOCKET_PATH = 107
_STOP_SECONDS = 5.0
_REQUEST_SECONDS = 10.0
# The longest command serves another model, which may take the ML endpoint ninety seconds.
_REPLY_SECONDS = 150.0
_MAX_LINE = 65_536


class ControlSocket:
    """Answers commands, one handler each; a context manager."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            raise LocalCloudFailed(f"{path} is too long for a socket; use a shorter --local")
        self._path = path
        self._handlers = handlers
        self._server = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def __enter__(self) -> ControlSocket:
        self._path.unlink(missing_ok=True)
        self._server.bind(str(self._path))
        self._path.chmod(0o600)
        self._server.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread that is waiting in accept().
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(_STOP_SECONDS)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        caller.settimeout(_REQUEST_SECONDS)
        with caller, caller.makefile("rwb") as stream:
            try:
                asked = json.loads(stream.readline(_MAX_LINE))
                reply = {"ok": True, **self._handlers[asked["command"]](asked)}
            except LocalCloudFailed as error:
                reply = {"ok": False, "error": str(error)}
            except (KeyError, TypeError, ValueError) as error:
                reply = {"ok": False, "error": f"unknown command: {error}"}
            except OSError as error:
                reply = {"ok": False, "error": f"the command failed: {error}"}
            try:
                stream.write(json.dumps(reply).encode() + b"\n")
            except OSError:
                pass


def send(state: LocalState, command: str, **fields: Any) -> dict[str, Any]:
    """Send the running local cloud a command and return its reply.

    Raises:
        LocalCloudNotRunning: none is running in this folder.
        LocalCloudFailed: the command failed; the message says why.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_REPLY_SECONDS)
        try:
            connection.connect(str(state.control))
        except OSError:
            raise LocalCloudNotRunning(
                f"no local cloud is running in {state.folder}; "
                f"start it with `greenlight-cloud local start --local {state.folder}`"
            ) from None
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps({"command": command, **fields}).encode() + b"\n")
            stream.flush()
            try:
                line = stream.readline()
            except TimeoutError:
                raise LocalCloudFailed(
                    f"waited {_REPLY_SECONDS:.0f} s for the local cloud to {command}; "
                    f"{log_tail(state.log('supervisor'))}"
                ) from None
    if not line:
        raise LocalCloudFailed(f"the local cloud ended before it had finished `{command}`")
    reply: dict[str, Any] = json.loads(line)
    if not reply.pop("ok"):
        raise LocalCloudFailed(str(reply["error"]))
    return reply
