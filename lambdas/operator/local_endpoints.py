"""Where the parts of a local cloud are, as the running one writes it into its folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from data.errors import GreenlightError

ENDPOINTS = "endpoints.json"


class NotRunning(GreenlightError):
    """No local cloud runs on this folder."""


class Endpoints(msgspec.Struct, frozen=True):
    """Where the parts of a running local cloud are; `endpoints.json`.

    Attributes:
        mqtt_port: of the relay before the broker, which `offline` closes.
        credentials_url: of the credentials provider's stand-in, without a path.
        ml_endpoint_url: of the ML endpoint's stand-in: /ping, /invocations.
        ca_path: the certificate that broker and credentials provider are signed with.
    """

    aws_endpoint_url: str
    mqtt_host: str
    mqtt_port: int
    credentials_url: str
    ml_endpoint_url: str
    region: str
    ca_path: str
    models_bucket: str
    data_bucket: str
    table: str
    stack: str
    role_alias: str
    policy: str
    thing_type: str
    signing_key: str
    undelivered: str


def read_endpoints(folder: Path) -> Endpoints:
    """Return where the parts of the local cloud that runs on this folder are.

    Raises:
        NotRunning: if none runs there.
    """
    try:
        return msgspec.json.decode((folder / ENDPOINTS).read_bytes(), type=Endpoints)
    except FileNotFoundError:
        raise NotRunning(
            f"no local cloud runs on {folder}; "
            f"start it with `python -m local_cloud start --state {folder}`"
        ) from None
