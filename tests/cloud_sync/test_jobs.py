"""How the real command ends a job that the cloud has ended, over a real broker."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rig.mosquitto import Mosquitto
from rig.process import Process
from rig.records import BUCKET, HASH, THING
from rig.simulated_cloud import Cloud
from rig.sync_config import write_sync_config

from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.mqtt import BrokerEndpoint, Connected, MqttMessage
from data import topics
from data.messages import ModelUpdateJob
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, IncomingModel, Journal

pytestmark = pytest.mark.mosquitto

TIMEOUT_SECONDS = 60.0
JOBS = topics.jobs(THING)


def document(version: int) -> ModelUpdateJob:
    return ModelUpdateJob("model-update", version, BUCKET, f"models/films/{version}/", HASH)


class JobsByHand:
    """The jobs' topics on mosquitto, answered as AWS would."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.cloud = Cloud()
        self.mosquitto = mosquitto
        self.times = 1
        self.heard: list[str] = []
        # Holding it keeps the cloud's answers back.
        self.answering = threading.Lock()
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        authority = mosquitto.authority
        ours = authority.client("cloud")
        endpoint = BrokerEndpoint("cloud", "localhost", mosquitto.port, authority.path, *ours)
        topics_of_interest = (f"{JOBS}/get", f"{JOBS}/+/get", f"{JOBS}/+/update")
        self._broker = AwsIotBroker(endpoint, topics_of_interest, self._inbox.put)
        self._broker.connect()
        assert isinstance(self._inbox.get(timeout=TIMEOUT_SECONDS), Connected)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def publish_notice(self, message: MqttMessage) -> None:
        for _ in range(self.times):
            self._broker.publish(message.topic, message.payload)

    def status(self, job_id: str) -> str:
        return str(self.cloud.jobs[job_id]["status"])

    def end(self, job_id: str, status: str) -> MqttMessage:
        self.cloud.jobs[job_id]["status"] = status
        return self.cloud.notification()

    def close(self) -> None:
        self._inbox.put(None)
        self._thread.join(5)
        self._broker.disconnect()

    def _answer(self) -> None:
        while (message := self._inbox.get()) is not None:
            if isinstance(message, MqttMessage):
                with self.answering:
                    self.heard.append(message.topic.removeprefix(f"{JOBS}/"))
                    for answer in self.cloud.answer(message.topic, message.payload):
                        self.publish_notice(answer)


class Pi:
    """The real command; its downloads fail, so that an update is stuck until the cloud ends it."""

    def __init__(self, folder: Path, mosquitto: Mosquitto) -> None:
        self.state = folder / "state"
        incoming_folder(self.state)
        config = write_sync_config(folder, mosquitto.authority, mosquitto.port, self.state)
        command = [sys.executable, "-m", "cloud_sync", "run", "--config", str(config)]
        self.journal = Journal.open(self.state / JOURNAL)
        self.process = Process(command, folder / "sync.log")

    def update(self) -> tuple[int, str]:
        reported = self.journal.sync_state().get("update", {})
        return reported.get("version", 0), reported.get("step", "")


@pytest.fixture
def jobs(mosquitto: Mosquitto) -> Iterator[JobsByHand]:
    made = JobsByHand(mosquitto)
    yield made
    made.close()


@pytest.fixture
def pi(tmp_path: Path, jobs: JobsByHand) -> Iterator[Pi]:
    made = Pi(tmp_path, jobs.mosquitto)
    yield made
    made.process.stop()
    made.journal.close()


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def stuck(pi: Pi, jobs: JobsByHand, job_id: str = "j3", version: int = 3) -> None:
    """Create a job and wait until the update is under way and cannot go on."""
    jobs.publish_notice(jobs.cloud.create_job(job_id, document(version)))
    eventually(lambda: jobs.status(job_id) == "IN_PROGRESS", "never begun")
    eventually(lambda: pi.update() == (version, "paused"), "never stuck")


@pytest.mark.parametrize("end", ["TIMED_OUT", "CANCELED", "REMOVED"])
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_a_job_that_the_cloud_ends_is_given_up_and_the_next_is_taken(
    pi: Pi, jobs: JobsByHand, end: str, times: int
) -> None:
    jobs.times = times
    stuck(pi, jobs)
    jobs.publish_notice(jobs.end("j3", end))
    eventually(lambda: pi.update() == (3, "given up"), "not given up")
    assert jobs.status("j3") == end
    # A lower version than the abandoned one: nothing of that is left.
    stuck(pi, jobs, "j2", 2)


def test_a_job_that_timed_out_while_the_service_was_frozen_is_given_up(
    pi: Pi, jobs: JobsByHand
) -> None:
    stuck(pi, jobs)
    pi.process.freeze()
    jobs.publish_notice(jobs.end("j3", "TIMED_OUT"))
    time.sleep(2.5)  # longer than the broker waits for a sign of life: the notice is lost
    pi.process.thaw()
    eventually(lambda: pi.update() == (3, "given up"), "not given up")
    assert jobs.status("j3") == "TIMED_OUT"


def test_a_job_that_timed_out_while_the_service_was_dead_is_not_begun_again(
    pi: Pi, jobs: JobsByHand
) -> None:
    stuck(pi, jobs)
    pi.process.kill()
    jobs.end("j3", "TIMED_OUT")
    heard = len(jobs.heard)
    pi.process.start()
    eventually(lambda: "get" in jobs.heard[heard:], "never asked")
    stuck(pi, jobs, "j4", 4)
    assert not any(topic.startswith("j3/") for topic in jobs.heard[heard:])
    assert jobs.status("j3") == "TIMED_OUT"


def test_a_success_that_comes_too_late_is_dropped_without_a_report(
    pi: Pi, jobs: JobsByHand
) -> None:
    stuck(pi, jobs)
    offer = IncomingModel(1, 3, HASH, "j3", "3")
    # No answer until the appliance's success is seen: a retry meanwhile would be refused, and the
    # job given up before its success.
    with jobs.answering:
        pi.journal.record_activation(3, HASH, "activated", "2026-01-01T00:00:00Z", None, offer)
        eventually(lambda: pi.update() == (3, "succeeded"), "not seen")
        jobs.end("j3", "TIMED_OUT")  # silently
    eventually(lambda: "j3/update" in jobs.heard, "not reported")
    stuck(pi, jobs, "j4", 4)
    assert jobs.status("j3") == "TIMED_OUT"


def test_a_newer_job_supersedes_one_that_is_stuck(pi: Pi, jobs: JobsByHand) -> None:
    stuck(pi, jobs)
    stuck(pi, jobs, "j4", 4)
    eventually(lambda: jobs.status("j3") == "REJECTED", "not reported")
    assert jobs.cloud.jobs["j3"]["details"] == {"reason": "superseded by version 4"}


def test_it_stops_at_once_in_the_middle_of_an_update(pi: Pi, jobs: JobsByHand) -> None:
    stuck(pi, jobs)
    pi.process.signal(signal.SIGTERM)
    eventually(lambda: pi.process.ended, "did not stop")
    assert pi.process.exit_code == 0
    assert jobs.status("j3") == "IN_PROGRESS"
