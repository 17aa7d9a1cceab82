"""The sync service's configuration for a trial, with short times."""

from __future__ import annotations

from pathlib import Path

from rig.pki import Authority
from rig.records import BUCKET, THING


def write_sync_config(folder: Path, authority: Authority, port: int, state: Path) -> Path:
    """Write `sync.toml` for a broker on loopback; nothing answers for models."""
    certificate, key = authority.client(THING)
    (folder / "public-keys").mkdir(exist_ok=True)
    path = folder / "sync.toml"
    path.write_text(
        f'thing = "{THING}"\nregion = "eu-central-1"\nmqtt_host = "localhost"\n'
        f'mqtt_port = {port}\nroot_ca = "{authority.path}"\n'
        f'certificate = "{certificate}"\nprivate_key = "{key}"\n'
        'credentials_url = "https://localhost:1"\nrole_alias = "models"\n'
        f'models_bucket = "{BUCKET}"\nstate = "{state}"\n'
        "connect_timeout_seconds = 1.5\nkeep_alive_seconds = 1\nack_timeout_seconds = 1\n"
        "retry_base_seconds = 0.05\nretry_cap_seconds = 0.5\npoll_seconds = 0.05\n"
        "report_interval_seconds = 1\nmin_free_bytes = 0\n"
    )
    return path
