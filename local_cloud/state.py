"""The local cloud's folder: its paths, and the addresses of the running parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from data.durable import replace_durably
from data.errors import GreenlightError
from lambdas.operator.aws import ENDPOINTS, LocalEndpoints, read_endpoints

DEFAULT = Path("build/local-cloud")


class LocalCloudFailed(GreenlightError):
    """The local cloud can't start or carry out a command; the message says why and the fix."""


class Ports(msgspec.Struct, frozen=True):
    """A local cloud's ports, kept so that provisioned devices find it again."""

    aws: int
    broker: int
    mqtt: int
    credentials: int
    ml_endpoint: int


def log_tail(log: Path, lines: int = 10) -> str:
    """Return the last lines of a log, for the end of an error message."""
    try:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-lines:]
    except FileNotFoundError:
        last = []
    return "\n  ".join([f"the end of {log}:", *last]) if last else f"{log} is empty"


@dataclass(frozen=True)
class LocalState:
    """The folder of one local cloud."""

    folder: Path

    @property
    def endpoints(self) -> Path:
        """The addresses of the running parts; exists only while they run."""
        return self.folder / ENDPOINTS

    @property
    def ports(self) -> Path:
        """The ports, kept for the next start."""
        return self.folder / "ports.json"

    @property
    def lock(self) -> Path:
        """Locked by the running supervisor; contains its process id."""
        return self.folder / "supervisor.pid"

    @property
    def control(self) -> Path:
        """The supervisor's control socket."""
        return self.folder / "control.sock"

    @property
    def root_ca(self) -> Path:
        """The certificate that signed the local servers' certificate."""
        return self.folder / "root-ca.pem"

    @property
    def server_certificate(self) -> Path:
        """The local servers' certificate and its key."""
        return self.folder / "server.pem"

    @property
    def emulator(self) -> Path:
        """The emulator's data."""
        return self.folder / "emulator"

    @property
    def packages(self) -> Path:
        """The functions' packages."""
        return self.folder / "packages"

    @property
    def arrays(self) -> Path:
        """The model that the ML endpoint's stand-in serves, as arrays."""
        return self.folder / "arrays"

    @property
    def training(self) -> Path:
        """The training jobs of SageMaker's stand-in, one folder each."""
        return self.folder / "training"

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.folder / "logs" / f"{name}.log"

    def make(self) -> None:
        """Make the folders, for this user only, since they hold keys."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for path in (
            self.emulator,
            self.packages,
            self.arrays,
            self.training,
            self.log("x").parent,
        ):
            path.mkdir(exist_ok=True)

    def read_endpoints(self) -> LocalEndpoints:
        """Return the addresses of the running parts.

        Raises:
            LocalCloudNotRunning: none is running here.
        """
        return read_endpoints(self.folder)

    def write_endpoints(self, endpoints: LocalEndpoints) -> None:
        """Write the addresses of the running parts, atomically."""
        replace_durably(self.endpoints, msgspec.json.format(msgspec.json.encode(endpoints)))
