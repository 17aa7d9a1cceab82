"""The local cloud's folder: its paths, and where the running parts can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from data.durable import replace_durably
from data.errors import GreenlightError
from lambdas.operator.aws import ENDPOINTS, LocalEndpoints, read_endpoints

DEFAULT = Path("build/local-cloud")


class LocalCloudFailed(GreenlightError):
    """The local cloud cannot start or do what it was told; the message says why and the fix."""


class Ports(msgspec.Struct, frozen=True):
    """The ports of one local cloud, kept so that provisioned devices find it again."""

    aws: int
    broker: int
    mqtt: int
    credentials: int
    ml_endpoint: int


def log_tail(log: Path, lines: int = 10) -> str:
    """Return the last lines of a log, for a message that ends with them."""
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
        """Where the running parts are; there only while they run."""
        return self.folder / ENDPOINTS

    @property
    def ports(self) -> Path:
        """The ports, for the next start."""
        return self.folder / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the running supervisor; holds its process id."""
        return self.folder / "supervisor.pid"

    @property
    def control(self) -> Path:
        """The supervisor's control socket."""
        return self.folder / "control.sock"

    @property
    def root_ca(self) -> Path:
        """The certificate that the local servers are signed with."""
        return self.folder / "root-ca.pem"

    @property
    def server_certificate(self) -> Path:
        """The local servers' certificate and its key."""
        return self.folder / "server.pem"

    @property
    def emulator(self) -> Path:
        """What the emulator keeps."""
        return self.folder / "emulator"

    @property
    def packages(self) -> Path:
        """The functions' packages."""
        return self.folder / "packages"

    @property
    def pipelines(self) -> Path:
        """The pipeline that the ML endpoint's stand-in serves."""
        return self.folder / "pipelines"

    @property
    def training(self) -> Path:
        """The training jobs of SageMaker's stand-in, a folder each."""
        return self.folder / "training"

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.folder / "logs" / f"{name}.log"

    def make(self) -> None:
        """Make the folders; only this user may look into them, since it holds keys."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for path in (
            self.emulator,
            self.packages,
            self.pipelines,
            self.training,
            self.log("x").parent,
        ):
            path.mkdir(exist_ok=True)

    def read_endpoints(self) -> LocalEndpoints:
        """Return where the running local cloud's parts are.

        Raises:
            LocalCloudNotRunning: if none runs here.
        """
        return read_endpoints(self.folder)

    def write_endpoints(self, endpoints: LocalEndpoints) -> None:
        """Say where the parts are: whole or not at all."""
        replace_durably(self.endpoints, msgspec.json.format(msgspec.json.encode(endpoints)))
