"""The composition root: builds one run of the service in order, and closes it in reverse."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from cloud_sync.artefacts import Bucket
from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.board import check_board
from cloud_sync.config import SyncConfig
from cloud_sync.downloader import Downloader
from cloud_sync.fetcher import Fetcher
from cloud_sync.mqtt import BrokerEndpoint
from cloud_sync.ratchet import Ratchet
from cloud_sync.service import EventQueue, Service
from cloud_sync.session import Session, SessionSettings, subscriptions
from cloud_sync.status import iso
from data.trust import read_trust
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal

# Two users of one group share the state folder.
_UMASK = 0o007
_CONNECT_STAGES = 6


def software_version() -> str:
    """Return the installed version of Greenlight."""
    return importlib.metadata.version("greenlight")


def session_settings(config: SyncConfig) -> SessionSettings:
    """Return what the session needs of the configuration."""
    return SessionSettings(
        thing=config.thing,
        models_bucket=config.models_bucket,
        software_version=software_version(),
        retry_base_seconds=config.retry_base_seconds,
        retry_cap_seconds=config.retry_cap_seconds,
        ack_timeout_seconds=config.ack_timeout_seconds,
        report_interval_seconds=config.report_interval_seconds,
        update_timeout_seconds=config.update_timeout_seconds,
        # TCP, TLS, CONNACK and the subscriptions may each take the timeout.
        connect_timeout_seconds=_CONNECT_STAGES * config.connect_timeout_seconds,
    )


def endpoint(config: SyncConfig) -> BrokerEndpoint:
    """Return the broker's address and this device's identity."""
    return BrokerEndpoint(
        client_id=config.thing,
        host=config.mqtt_host,
        port=config.mqtt_port,
        root_ca=config.root_ca,
        certificate=config.certificate,
        private_key=config.private_key,
        connect_timeout_seconds=config.connect_timeout_seconds,
        keep_alive_seconds=config.keep_alive_seconds,
    )


@contextlib.contextmanager
def assembled(config: SyncConfig) -> Iterator[Service]:
    """Yield a service that is ready to run.

    Raises:
        CopiedCard: this card was used on another board with the same certificate.
        JournalError: the journal cannot be opened.
        KeyUnusable: a public key cannot be read.
        OSError: the state folder cannot be used.
    """
    os.umask(_UMASK)
    follow = partial(read_trust, config.public_keys, incoming_folder(config.state))
    known = follow().known
    with Journal.open(config.state / JOURNAL) as journal:
        check_board(journal, config.certificate, iso(datetime.now(UTC)))
        events: EventQueue = EventQueue()
        session = Session(session_settings(config), random.SystemRandom(), time.monotonic())
        broker = AwsIotBroker(endpoint(config), subscriptions(config.thing), events.put)
        downloader = Downloader(
            config.state,
            follow,
            Ratchet(config.state, known),
            lambda name: Bucket(config, name),
            config.min_free_bytes,
        )
        fetcher = Fetcher(downloader, events.put)
        yield Service(session, journal, broker, fetcher, events, config.poll_seconds)
