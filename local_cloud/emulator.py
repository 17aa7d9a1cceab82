"""Runs the emulator as a child process in its own environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from local_cloud import launcher
from local_cloud.state import LocalCloudFailed, LocalState, Ports, log_tail

REGION = "us-east-1"
ENVIRONMENT = "GREENLIGHT_LOCAL_CLOUD_VENV"
_DEFAULT_ENVIRONMENT = Path(__file__).resolve().parents[1] / "build" / "local-cloud-venv"
_STOP_SECONDS = 30.0
_START_SECONDS = 30.0


def python_of_emulator() -> Path:
    """Return the Python of the emulator's own environment.

    Raises:
        LocalCloudFailed: it is missing, or isn't the same Python version as ours.
    """
    folder = Path(os.environ.get(ENVIRONMENT) or _DEFAULT_ENVIRONMENT)
    python = folder / "bin" / "python"
    if not python.exists():
        raise LocalCloudFailed(
            f"the local cloud's environment isn't at {folder}; "
            f"make it with `make cloud`, or name it in {ENVIRONMENT}"
        )
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not (folder / "lib" / ours).is_dir():
        raise LocalCloudFailed(
            f"{folder} was made with another Python than this one ({ours}), which the functions "
            f"are packaged for; delete it and run `make cloud`"
        )
    return python


class Emulator:
    """The running emulator; a context manager that stops it cleanly."""

    def __init__(self, state: LocalState, ports: Ports) -> None:
        self._state = state
        self._ports = ports
        self.url = f"http://127.0.0.1:{ports.aws}"

    def __enter__(self) -> Emulator:
        with self._state.log("emulator").open("ab") as log:
            self._process = subprocess.Popen(
                [python_of_emulator(), "-u", launcher.__file__],
                # Closes when this process ends, however it ends.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                # Ctrl-C in a terminal is for the supervisor, which stops its parts in order.
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            # It writes what it holds: a killed emulator loses the newest items.
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._process.pid

    def ended(self) -> int | None:
        """Return the exit code if it has ended by itself."""
        return self._process.poll()

    def root_ca(self) -> bytes:
        """Return the certificate that its servers and clients are signed with."""
        with urllib.request.urlopen(f"{self.url}/_ministack/iot/ca.pem", timeout=10) as reply:
            content: bytes = reply.read()
        return content

    def _environment(self) -> dict[str, str]:
        # None of the caller's AWS settings may leak in: the functions inherit this environment.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        folder = self._state.emulator
        scratch = folder / "tmp"
        scratch.mkdir(exist_ok=True)
        return kept | {
            "GATEWAY_PORT": str(self._ports.aws),
            "BIND_HOST": "127.0.0.1",
            # In every address it gives away: a machine may not know the name localhost.
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_PORT": str(self._ports.broker),
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "SFTP_ENABLED": "0",
            "TMPDIR": str(scratch),
            "GREENLIGHT_SERVER_CERTIFICATE": str(self._state.server_certificate),
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise LocalCloudFailed(
                    f"the emulator ended at once; {log_tail(self._state.log('emulator'))}"
                )
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/ready", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise LocalCloudFailed(
            f"waited {_START_SECONDS:.0f} s for the emulator to answer; "
            f"{log_tail(self._state.log('emulator'))}"
        )
