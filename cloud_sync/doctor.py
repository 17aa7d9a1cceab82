"""Checks every part that synchronising needs, one by one, and suggests fixes."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cloud_sync.artefacts import CloudUnreachable, temporary_credentials
from cloud_sync.assembly import endpoint
from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.config import SyncConfig
from cloud_sync.feedback import FEEDBACK_STATE
from cloud_sync.mqtt import BrokerEvent, Connected, Dropped
from cloud_sync.ratchet import Ratchet
from cloud_sync.telemetry import disk_free_bytes
from data import limits, topics
from data.errors import GreenlightError
from data.findings import Finding
from data.trust import read_trust
from edge.incoming import INCOMING
from edge.journal import JOURNAL, Journal, JournalError


class CheckFailed(GreenlightError):
    """A check failed.

    Attributes:
        found: what is wrong.
        fix: what to do about it.
    """

    def __init__(self, found: str, fix: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.fix = fix


def examine(config: SyncConfig) -> Iterator[Finding]:
    """Yield a finding per part. Only the broker check interferes: it takes its connection."""
    checks: dict[str, Callable[[SyncConfig], str]] = {
        "clock": _clock,
        "identity": _identity,
        "signing keys": _signing_keys,
        "state folder": _state_folder,
        "accepted versions": _accepted_versions,
        "journal": _journal,
        "disk": _disk,
        "broker address": _address,
        "broker": _broker,
        "credentials": _credentials,
    }
    for name, check in checks.items():
        try:
            yield Finding(name, True, check(config))
        except CheckFailed as error:
            yield Finding(name, False, error.found, error.fix)
        except (GreenlightError, OSError) as error:
            yield Finding(name, False, str(error))


def _clock(_: SyncConfig) -> str:
    now = time.gmtime()
    if now.tm_year < limits.EARLIEST_CLOCK_YEAR:
        raise CheckFailed(
            f"the clock says {now.tm_year}; TLS needs the correct time",
            "allow NTP (UDP port 123), or set the clock",
        )
    return time.strftime("%Y-%m-%d %H:%M UTC", now)


def _identity(config: SyncConfig) -> str:
    for path in (config.root_ca, config.certificate, config.private_key):
        if not path.is_file():
            raise CheckFailed(f"{path} is missing", "provision this thing again")
    mode = stat.S_IMODE(config.private_key.stat().st_mode)
    if mode & 0o077:
        raise CheckFailed(
            f"other users may read {config.private_key} (mode {mode:o})",
            f"chmod 600 {config.private_key}",
        )
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(config.root_ca)
        context.load_cert_chain(config.certificate, config.private_key)
    except ssl.SSLError as error:
        raise CheckFailed(
            f"certificate and key don't belong together: {error}", "provision this thing again"
        ) from error
    return f"{config.thing}, certificate and key match"


def _signing_keys(config: SyncConfig) -> str:
    trust = read_trust(config.public_keys, config.state / INCOMING)
    trust.refuse_if_expired(datetime.now(UTC))
    if not trust.new:
        raise CheckFailed(
            f"{config.public_keys} holds no *.pub.pem, so every model would be refused",
            "put the public key there that your models are signed with",
        )
    return trust.describe()


def _state_folder(config: SyncConfig) -> str:
    for path in (config.state, config.state / INCOMING):
        if not path.is_dir():
            raise CheckFailed(f"{path} is missing", "start the appliance or the sync service once")
        if not os.access(path, os.W_OK | os.X_OK):
            raise CheckFailed(
                f"this user can't write to {path}", "add the user to the appliance's group"
            )
    return str(config.state)


def _accepted_versions(config: SyncConfig) -> str:
    known = read_trust(config.public_keys, config.state / INCOMING).known
    if damage := Ratchet(config.state, known).damage():
        raise CheckFailed(damage)
    return "known"


def _journal(config: SyncConfig) -> str:
    path = config.state / JOURNAL
    if not path.exists():
        raise CheckFailed(f"{path} is missing", "start the appliance once")
    try:
        with Journal.open(path) as journal:
            count, _ = journal.outbox_depth()
            aside = journal.quarantined()
            feedback = journal.sync_state_of(FEEDBACK_STATE)
    except JournalError as error:
        raise CheckFailed(
            str(error),
            "restart the appliance: it sets a damaged journal aside and starts a new one",
        ) from error
    if aside:
        raise CheckFailed(
            f"{count} waiting, {len(aside)} rejected by the cloud; the first because"
            f" {aside[0].reason}",
            "fix the reason, then run greenlight-sync retry",
        )
    if count and isinstance(feedback, dict) and feedback.get("problem"):
        raise CheckFailed(f"ratings waiting: {count}; {feedback['problem']}")
    return f"{count} ratings waiting, none rejected"


def _disk(config: SyncConfig) -> str:
    free = disk_free_bytes(_existing(config.state))
    if free < config.min_free_bytes:
        raise CheckFailed(
            f"{free // 2**20} MiB free; an update must leave {config.min_free_bytes // 2**20} MiB",
            "free some space, old logs first (`journalctl --vacuum-size=50M`)",
        )
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
        raise CheckFailed(
            f"{config.mqtt_host}:{config.mqtt_port}: {error}",
            "check that the network is up and lets this port through"
            " (443 works in most closed networks)",
        ) from error


def _broker(config: SyncConfig) -> str:
    events: queue.SimpleQueue[BrokerEvent] = queue.SimpleQueue()
    broker = AwsIotBroker(endpoint(config), (topics.feedback_ack(config.thing),), events.put)
    broker.connect()
    try:
        # Connecting and subscribing may each take the timeout.
        event = events.get(timeout=3 * config.connect_timeout_seconds)
    except queue.Empty:
        raise CheckFailed("no answer") from None
    finally:
        broker.disconnect()
    if isinstance(event, Dropped):
        raise CheckFailed(
            event.reason, "check that the certificate is active and its policy attached"
        )
    assert isinstance(event, Connected)
    return f"accepts {config.thing}"


def _credentials(config: SyncConfig) -> str:
    try:
        credentials = temporary_credentials(config)
    except CloudUnreachable as error:
        raise CheckFailed(str(error)) from error
    return f"valid until {credentials.expiration}"
