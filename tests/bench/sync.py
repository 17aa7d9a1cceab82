"""Ratings up against the raw SDK, models down, and what an idle appliance costs.

Both publish over mutual TLS to the same mosquitto on this machine. Ours reads the journal, sends
batches, waits for the application's ack and deletes durably; the SDK only publishes, one record at
a time, QoS 1, as its own examples do.
"""

import multiprocessing
import queue
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from data.messages import Ack, FeedbackOutcome

from .measure import Measure

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

RECORDS, ROUNDS, UPDATES = 2_000, 3, 3
IDLE_SECONDS = 6
KEEP_ALIVE_SECONDS = 60
AGAINST_BROKER = ("feedback_vs_sdk", "idle_bytes_per_hour")


def mosquitto():
    """Return the broker's path, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def missing(bundle):
    """Return what can't be measured here, and what would make it possible."""
    absent = {}
    if mosquitto() is None:
        absent |= dict.fromkeys(AGAINST_BROKER, "apt install mosquitto")
    if not Path("build/local-cloud-venv/ready").exists():
        absent["job_to_answering_seconds"] = "make setup"
    return absent


def measures(bundle):
    absent = missing(bundle)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not absent.keys() & {*AGAINST_BROKER}:
            yield from against_broker(folder)
        if "job_to_answering_seconds" not in absent:
            yield update(bundle, folder / "update")


def against_broker(folder):
    """Both sides of feedback, and an idle connection, on our own broker."""
    from rig.mosquitto import Mosquitto
    from rig.pki import Authority

    broker = Mosquitto(mosquitto(), folder / "mosquitto", Authority(folder / "pki"))
    broker.start()
    try:
        ours, raw = [], []
        for number in range(ROUNDS):
            raw.append(raw_rate(broker))
            ours.append(our_rate(broker, folder / str(number)))
        yield Measure(
            "feedback_vs_sdk",
            statistics.median(a / b for a, b in zip(ours, raw, strict=True)),
            1,
            5,
            f"{statistics.median(ours):,.0f} ratings a second from the journal to the ack and"
            f" deleted; the SDK alone publishes {statistics.median(raw):,.0f}",
        )
        yield idle(broker)
    finally:
        broker.kill()


def update(bundle, folder):
    """Bring models from the local cloud to the real appliance, and time each until it is active."""
    from rig.update_trial import UpdateTrial

    trial = UpdateTrial(bundle, folder, 1)
    try:
        report = trial.run(UPDATES, 0)
    finally:
        trial.close()
    assert not report.broken, report.broken
    return Measure(
        "job_to_answering_seconds",
        statistics.median(report.active_seconds),
        10,
        3,
        f"from the job's creation to the new model's pointer, {UPDATES} updates: notification,"
        " credentials, 5 MB from S3, checks, trial in a child process",
        lower=True,
        unit="s",
    )


def endpoint(broker, name, port=None, keep_alive=30):
    from cloud_sync.mqtt import BrokerEndpoint

    certificate, key = broker.authority.client(name)
    port = port or broker.port
    root = broker.authority.path
    return BrokerEndpoint(name, "localhost", port, root, certificate, key, 5.0, keep_alive)


def raw_rate(broker):
    """Return the records a second that the SDK's own publish confirms."""
    from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient
    from rig.records import THING, feedback

    from data import topics, wire

    end = endpoint(broker, THING)
    client = AWSIoTMQTTClient(THING)
    client.configureEndpoint(end.host, end.port)
    client.configureCredentials(str(end.root_ca), str(end.private_key), str(end.certificate))
    client.connect()
    payloads = [wire.encode(feedback(number)) for number in range(RECORDS)]
    began = time.perf_counter()
    for payload in payloads:
        client.publish(topics.feedback(THING), payload, 1)
    taken = time.perf_counter() - began
    client.disconnect()
    return RECORDS / taken


def our_rate(broker, folder):
    """Return the ratings a second from being online to an empty outbox."""
    from rig.records import THING, feedback

    from cloud_sync.aws_iot import AwsIotBroker
    from cloud_sync.service import EventQueue, Service
    from cloud_sync.session import Session, subscriptions
    from data import wire
    from edge.journal import JOURNAL, Journal

    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    cloud = context.Process(target=answer, args=(endpoint(broker, "cloud"), ready), daemon=True)
    cloud.start()
    ready.wait(20)
    with Journal.open(folder / JOURNAL) as journal:
        with journal.transaction() as connection:
            for number in range(RECORDS):
                record = feedback(number)
                connection.execute(
                    "INSERT INTO outbox (id, captured_at, payload) VALUES (?, ?, ?)",
                    (record.id, record.rated_at, wire.encode(record)),
                )
        events, received = EventQueue(), []

        def inbox(event):
            # The first event is Connected.
            received.append(time.perf_counter())
            events.put(event)

        session = Session(settings(), random.Random(1), time.monotonic())
        line = AwsIotBroker(endpoint(broker, THING), subscriptions(THING), inbox)
        service = Service(session, journal, line, NoFetcher(), events, 0.05)
        service.run(threading.Event(), lambda: journal.outbox_depth()[0] == 0)
        taken = time.perf_counter() - received[0]
    cloud.terminate()
    cloud.join()
    return RECORDS / taken


class Id(msgspec.Struct):
    id: str


class Ids(msgspec.Struct):
    records: list[Id]


def answer(end, ready):
    """Play the cloud in a separate process: ack each batch as soon as it has been read."""
    from cloud_sync.aws_iot import AwsIotBroker
    from data import wire

    inbox = queue.SimpleQueue()
    line = AwsIotBroker(end, ("filmupdate/+",), inbox.put)
    line.connect()
    inbox.get(timeout=10)
    ready.set()
    while True:
        message = inbox.get()
        batch = msgspec.json.decode(message.payload, type=Ids)
        ack = Ack(tuple(FeedbackOutcome(one.id, "stored") for one in batch.records))
        line.publish(f"{message.topic}/ack", wire.encode(ack))


def settings():
    from rig.records import BUCKET, THING

    from cloud_sync.session import SessionSettings

    return SessionSettings(
        thing=THING,
        models_bucket=BUCKET,
        software_version="bench",
        retry_base_seconds=0.05,
        retry_cap_seconds=1,
        ack_timeout_seconds=30,
        report_interval_seconds=60,
        update_timeout_seconds=60,
        connect_timeout_seconds=30,
    )


class NoFetcher:
    """No job arrives here."""

    def stop(self):
        pass

    def close(self, seconds):
        pass


def idle(broker):
    """Count idle traffic with one ping per second, and scale it to one ping per minute."""
    from rig.mosquitto import free_port
    from rig.proxy import Proxy
    from rig.records import THING

    from cloud_sync.aws_iot import AwsIotBroker

    proxy = Proxy(broker.port, free_port())
    received = queue.SimpleQueue()
    line = AwsIotBroker(
        endpoint(broker, THING, proxy.port, 1), (f"filmupdate/{THING}/ack",), received.put
    )
    line.connect()
    received.get(timeout=10)
    time.sleep(0.5)
    before, began = proxy.forwarded_bytes, time.perf_counter()
    time.sleep(IDLE_SECONDS)
    a_second = (proxy.forwarded_bytes - before) / (time.perf_counter() - began)
    line.disconnect()
    proxy.close()
    an_hour = a_second * 3600 / KEEP_ALIVE_SECONDS
    return Measure(
        "idle_bytes_per_hour",
        an_hour,
        20_000,
        10_000,
        f"TLS bytes both ways, a ping every {KEEP_ALIVE_SECONDS} s; nothing else is sent",
        lower=True,
        unit="B",
    )
