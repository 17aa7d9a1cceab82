"""Model updates: from the job to its conclusion, and never a false success."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig.records import BUCKET, HASH, THING
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device, Weather, memory_journal

from cloud_sync import update
from cloud_sync.events import MessageIgnored
from cloud_sync.mqtt import MqttMessage
from cloud_sync.update import BundleRejected, FetchFailed
from cloud_sync.update_run import Discard, Fetch, Offer, QuestionRefused
from data import topics
from data.messages import ModelUpdateJob
from edge.journal import Journal


def document(version: int, manifest: str = HASH) -> ModelUpdateJob:
    return ModelUpdateJob("model-update", version, BUCKET, f"models/films/{version}/", manifest)


class Appliance:
    """Tries what is offered, as the appliance does."""

    def __init__(self, device: Device, outcome: str = "activated") -> None:
        self.device, self.outcome = device, outcome
        self.tried: list[int] = []

    def look(self) -> bool:
        journal = self.device.journal
        for offer in journal.incoming_models():
            self.tried.append(offer.version)
            reason = None if self.outcome == "activated" else "probe 3 differs"
            journal.record_activation(offer.version, HASH, self.outcome, "", reason, offer)  # type: ignore[arg-type]
            self.device.wrote()
        return False


def settle(device: Device, appliance: Appliance | None = None, most_seconds: float = 2_000) -> None:
    clock = device.clock
    end = clock.now + most_seconds
    while clock.now < end and not (
        all(job["status"] not in ("QUEUED", "IN_PROGRESS") for job in device.cloud.jobs.values())
        and device.session.settled
    ):
        clock.sleep(1)
        if appliance is not None:
            appliance.look()


def status_of(cloud: Cloud, job: str) -> tuple[Any, Any]:
    return cloud.jobs[job]["status"], cloud.jobs[job]["details"]


def test_a_job_created_while_we_were_away_is_carried_out(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    appliance = Appliance(device)
    settle(device, appliance)
    assert status_of(cloud, "j1") == ("SUCCEEDED", {"version": "3"})
    assert appliance.tried == [3]


def test_a_job_created_while_we_are_online_is_carried_out_at_once(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    device.push(cloud.create_job("j1", document(3)))
    clock.sleep(4)
    assert status_of(cloud, "j1") == ("IN_PROGRESS", {"step": "waiting-for-edge"})
    settle(device, Appliance(device))
    assert status_of(cloud, "j1")[0] == "SUCCEEDED"


@pytest.mark.parametrize("outcome", ["refused", "rolled-back"])
def test_what_the_appliance_does_not_run_is_a_failure_with_its_reason(
    journal: Journal, outcome: str
) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    settle(device, Appliance(device, outcome))
    assert status_of(cloud, "j1") == ("FAILED", {"reason": "probe 3 differs"})


def test_an_appliance_that_never_answers_fails_the_job_in_time(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    settle(device)
    assert status_of(cloud, "j1")[0] == "FAILED"
    assert "within 900 s" in status_of(cloud, "j1")[1]["reason"]
    assert any(isinstance(one, Discard) for one in device.commands)


def test_a_bundle_that_must_not_run_fails_at_once_and_is_not_offered(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    device.fetch = lambda command: BundleRejected(command.job.id, "signed by a stranger")
    settle(device)
    assert status_of(cloud, "j1") == ("FAILED", {"reason": "signed by a stranger"})
    assert not any(isinstance(one, Offer) for one in device.commands)
    assert sum(isinstance(one, Fetch) for one in device.commands) == 1


def test_a_model_for_later_software_is_rejected_and_no_failure(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    reason = "needs newer software: Greenlight 9.0; 0.1.0 is here"
    device.fetch = lambda command: update.SoftwareTooOld(command.job.id, reason)  # type: ignore[assignment,return-value]
    settle(device)
    assert status_of(cloud, "j1") == ("REJECTED", {"reason": reason})


def test_a_failed_fetch_is_retried_with_growing_delays(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    device.fetch = lambda command: FetchFailed(command.job.id, "timed out")
    clock.sleep(86_400)
    tries = sum(isinstance(one, Fetch) for one in device.commands)
    assert 100 < tries < 3_000
    assert status_of(cloud, "j1")[0] == "IN_PROGRESS"


def test_a_file_refused_for_minutes_is_final_and_the_job_says_so(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    device.fetch = lambda command: FetchFailed(command.job.id, "s3://b/k: is not there", True)
    settle(device)
    status, details = status_of(cloud, "j1")
    assert status == "FAILED"
    assert details["reason"] == "s3://b/k: is not there; refused 8 times in a row"


def test_a_file_refused_now_and_then_is_tried_again(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    tries = itertools.count(1)
    device.fetch = lambda command: FetchFailed(command.job.id, "no", next(tries) % 7 != 0)
    clock.sleep(7_200)
    assert next(tries) > 20
    assert status_of(cloud, "j1")[0] == "IN_PROGRESS"


def test_a_newer_version_supersedes_one_that_is_stuck(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("old", document(3))
    device = Device(clock, cloud, journal)
    device.fetch = lambda command: None
    clock.sleep(60)
    device.fetch = lambda command: update.Fetched(command.job.id, "4")
    device.push(cloud.create_job("new", document(4)))
    settle(device, Appliance(device))
    assert status_of(cloud, "old") == ("REJECTED", {"reason": "superseded by version 4"})
    assert status_of(cloud, "new")[0] == "SUCCEEDED"


def test_of_several_pending_jobs_only_the_highest_version_is_fetched(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    for version in (5, 9, 7):
        cloud.create_job(f"v{version}", document(version))
    device = Device(clock, cloud, journal)
    settle(device, Appliance(device))
    fetched = [c.job.document.version for c in device.commands if isinstance(c, Fetch)]
    assert fetched == [9]
    assert [status_of(cloud, job)[0] for job in ("v5", "v9", "v7")] == [
        "REJECTED",
        "SUCCEEDED",
        "REJECTED",
    ]


@pytest.mark.parametrize("about", ["get", "films-2/get"])
def test_throttled_questions_are_asked_again_ever_more_seldom(journal: Journal, about: str) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("films-2", document(2))
    asked: list[float] = []
    throttled = True

    def answer(topic: str, payload: bytes) -> list[MqttMessage]:
        if topic != f"{topics.jobs(THING)}/{about}":
            return cloud.truly_answer(topic, payload)
        asked.append(clock.now)
        if not throttled:
            return cloud.truly_answer(topic, payload)
        token = msgspec.json.decode(payload).get("clientToken")
        refusal = {"code": "RequestThrottled", "message": "Rate exceeded", "clientToken": token}
        return [MqttMessage(f"{topic}/rejected", msgspec.json.encode(refusal))]

    cloud.answer = answer
    device = Device(clock, cloud, journal, seed=5)
    clock.sleep(3_600)
    assert 10 < len(asked) < 60
    assert QuestionRefused("RequestThrottled: Rate exceeded") in device.commands
    assert not any(isinstance(one, MessageIgnored) for one in device.commands)
    throttled = False
    assert clock.run(lambda: journal.incoming_models() != [], 600)


def test_a_refusal_of_nothing_that_was_asked_is_ignored(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    device.commands.clear()
    for tail in ("get", "films-9/get"):
        device.handle(
            MqttMessage(f"{topics.jobs(THING)}/{tail}/rejected", b'{"code": "ResourceNotFound"}')
        )
    assert [type(one) for one in device.commands] == [MessageIgnored, MessageIgnored]


def test_at_most_ten_pending_jobs_are_asked_for_at_once(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    for version in range(2, 17):
        cloud.create_job(f"films-{version}", document(version))
    device = Device(clock, cloud, journal)
    descriptions = [0]

    def answer(topic: str, payload: bytes) -> list[MqttMessage]:
        if topic.endswith("/jobs/get"):
            descriptions.append(0)
        elif topic.endswith("/get"):
            descriptions[-1] += 1
        return cloud.truly_answer(topic, payload)

    cloud.answer = answer
    settle(device, Appliance(device), 3_600)
    assert status_of(cloud, "films-16")[0] == "SUCCEEDED"
    assert max(descriptions) == 10


@pytest.mark.parametrize("seconds", [1.0, 5.0])
def test_a_cancelled_job_is_abandoned_without_a_report(journal: Journal, seconds: float) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    device.push(cloud.create_job("j1", document(3)))
    clock.sleep(seconds)
    device.push(cloud.cancel_job("j1"))
    settle(device)
    assert status_of(cloud, "j1")[0] == "CANCELED"
    assert device.session.settled
    assert any(isinstance(one, Discard) for one in device.commands)


def test_a_job_that_makes_no_sense_is_failed_by_name_and_the_next_is_done(
    journal: Journal,
) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("other-op", b'{"op": "format-disk"}')
    cloud.create_job("no-json", b"[]")
    elsewhere = (
        b'{"op":"model-update","version":4,"bucket":"evil","prefix":"a/","manifest_sha256":"%s"}'
    )
    cloud.create_job("elsewhere", elsewhere % HASH.encode())
    cloud.create_job("good", document(3))
    device = Device(clock, cloud, journal)
    settle(device, Appliance(device))
    assert status_of(cloud, "good")[0] == "SUCCEEDED"
    assert status_of(cloud, "other-op")[0] == status_of(cloud, "no-json")[0] == "FAILED"
    assert status_of(cloud, "elsewhere")[0] == "FAILED"
    assert "bucket" in status_of(cloud, "elsewhere")[1]["reason"]


def test_activation_of_another_bundle_does_not_count_as_success(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.create_job("j1", document(3))
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    offer = journal.incoming_models()[0]
    stranger = msgspec.structs.replace(offer, manifest_sha256="1" * 64)
    journal.record_activation(3, HASH, "activated", "", None, stranger)
    device.wrote()
    clock.sleep(30)
    assert status_of(cloud, "j1")[0] == "IN_PROGRESS"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    outcome=st.sampled_from(["activated", "refused", "rolled-back"]),
    kills=st.lists(st.floats(0.2, 20), min_size=1, max_size=12),
    weather=st.builds(
        Weather,
        st.just(0.1),
        st.floats(0, 10),
        st.floats(0, 0.4),
        st.floats(0, 0.5),
        st.floats(0, 0.2),
    ),
)
def test_killed_in_any_state_and_in_any_weather_the_cloud_hears_the_truth(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    outcome: str,
    kills: list[float],
    weather: Weather,
) -> None:
    clock, cloud = Clock(), Cloud()
    with memory_journal(tmp_path_factory.mktemp("update")) as journal:
        cloud.create_job("j1", document(3))
        device = Device(clock, cloud, journal, seed, weather)
        appliance = Appliance(device, outcome)
        for after in kills:
            clock.sleep(after)
            if not appliance.tried:
                assert cloud.jobs["j1"]["status"] not in ("SUCCEEDED", "FAILED")
            device.kill()
            clock.sleep(1)
            device.start()
        device.weather = Weather()
        settle(device, appliance)
    wanted = "SUCCEEDED" if outcome == "activated" else "FAILED"
    assert status_of(cloud, "j1")[0] == wanted
