"""Checks every part that synchronising needs, one by one, each with its fix."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloud_sync.artefacts import CloudUnreachable, temporary_credentials
from cloud_sync.assembly import endpoint
from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.config import SyncConfig
from cloud_sync.mqtt import BrokerEvent, Connected, Dropped
from cloud_sync.telemetry import disk_free_bytes
from data import limits, signing, topics
from data.errors import GreenlightError
from edge.incoming import INCOMING
from edge.journal import JOURNAL, Journal, JournalError


class Ailing(GreenlightError):
    """A check failed; the message says what to do."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    part: str
    ok: bool
    found: str


def examine(config: SyncConfig) -> Iterator[Finding]:
    """Yield a finding per part. Only the broker check disturbs: it takes the thing's connection."""
    checks: dict[str, Callable[[SyncConfig], str]] = {
        "clock": _clock,
        "identity": _identity,
        "signing keys": _signing_keys,
        "state folder": _state_folder,
        "journal": _journal,
        "disk": _disk,
        "broker address": _address,
        "broker": _broker,
        "credentials": _credentials,
    }
    for name, check in checks.items():
        try:
            yield Finding(name, True, check(config))
        except (GreenlightError, OSError) as error:
            yield Finding(name, False, str(error))


def _clock(_: SyncConfig) -> str:
    now = time.gmtime()
    if now.tm_year < limits.EARLIEST_CLOCK_YEAR:
        raise Ailing(f"the clock says {now.tm_year}; TLS needs the real time: is NTP allowed?")
    return time.strftime("%Y-%m-%d %H:%M UTC", now)


def _identity(config: SyncConfig) -> str:
    for path in (config.root_ca, config.certificate, config.private_key):
        if not path.is_file():
            raise Ailing(f"{path}: is missing; provision this thing again")
    mode = stat.S_IMODE(config.private_key.stat().st_mode)
    if mode & 0o077:
        raise Ailing(f"{config.private_key}: others may read it ({mode:o}); chmod 600")
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(config.root_ca)
        context.load_cert_chain(config.certificate, config.private_key)
    except ssl.SSLError as error:
        raise Ailing(f"certificate and key do not belong together: {error}") from error
    return f"{config.thing}, certificate and key match"


def _signing_keys(config: SyncConfig) -> str:
    keys = signing.read_public_keys(config.public_keys)
    if not keys:
        raise Ailing(f"{config.public_keys}: holds no *.pub.pem; no model would be accepted")
    return ", ".join(sorted(keys))


def _state_folder(config: SyncConfig) -> str:
    for path in (config.state, config.state / INCOMING):
        if not path.is_dir():
            raise Ailing(f"{path}: is missing; start the appliance or the sync service once")
        if not os.access(path, os.W_OK | os.X_OK):
            raise Ailing(f"{path}: we may not write there; is this user in the appliance's group?")
    return str(config.state)


def _journal(config: SyncConfig) -> str:
    path = config.state / JOURNAL
    if not path.exists():
        raise Ailing(f"{path}: is missing; start the appliance once")
    try:
        with Journal.open(path) as journal:
            count, _ = journal.outbox_depth()
            aside = journal.quarantined()
    except JournalError as error:
        raise Ailing(
            f"{error}; the appliance sets a damaged journal aside when it starts"
        ) from error
    if aside:
        raise Ailing(
            f"{count} ratings wait, {len(aside)} are put aside, the first for: {aside[0].reason};"
            " when that is mended: greenlight-sync retry"
        )
    return f"{count} ratings wait, none is put aside"


def _disk(config: SyncConfig) -> str:
    free = disk_free_bytes(_existing(config.state))
    if free < config.min_free_bytes:
        raise Ailing(f"{free} bytes free, {config.min_free_bytes} must stay free for updates")
    return f"{free // 2**20} MiB free"


def _existing(path: Path) -> Path:
    return path if path.exists() or path == path.parent else _existing(path.parent)


def _address(config: SyncConfig) -> str:
    try:
        with socket.create_connection(
            (config.mqtt_host, config.mqtt_port), config.connect_timeout_seconds
        ):
            return f"{config.mqtt_host}:{config.mqtt_port} answers"
    except OSError as error:
        raise Ailing(
            f"{config.mqtt_host}:{config.mqtt_port}: {error}; is the network up, this port open?"
            " (443 works in most closed networks)"
        ) from error


def _broker(config: SyncConfig) -> str:
    events: queue.SimpleQueue[BrokerEvent] = queue.SimpleQueue()
    broker = AwsIotBroker(endpoint(config), (topics.feedback_ack(config.thing),), events.put)
    broker.connect()
    try:
        # Connecting, subscribing: each has the timeout.
        event = events.get(timeout=3 * config.connect_timeout_seconds)
    except queue.Empty:
        raise Ailing("no answer") from None
    finally:
        broker.disconnect()
    if isinstance(event, Dropped):
        raise Ailing(f"{event.reason}; is the certificate active and the policy attached?")
    assert isinstance(event, Connected)
    return f"accepts {config.thing}"


def _credentials(config: SyncConfig) -> str:
    try:
        credentials = temporary_credentials(config)
    except CloudUnreachable as error:
        raise Ailing(str(error)) from error
    return f"given until {credentials.expiration}"
