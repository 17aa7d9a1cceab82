"""The real command against the real local cloud: jobs, S3, Lambda, DynamoDB, shadow, outage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import msgspec
import pytest
from rig.pi import TIMEOUT_SECONDS, Pi
from rig.records import HASH, Published, feedback

from data import topics, wire
from data.films import Combination
from data.ids import new_id
from data.messages import Feedback, VerificationRequest
from data.signing import PrivateKey, development_key
from data.topics import TRUST_PREFIX
from data.trust import (
    MODELS,
    ROOT,
    SignedTrust,
    TrustDocument,
    TrustRole,
    file_name,
    read_trust,
)
from edge.journal import JOURNAL, Activation, Journal


class Appliance:
    """Tries every offered model, in a thread with its own journal connection."""

    def __init__(self, pi: Pi, outcome: str = "activated") -> None:
        self._pi, self._outcome = pi, outcome
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Appliance:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with Journal.open(self._pi.state / JOURNAL) as journal:
            while not self._stop.wait(0.05):
                for offer in journal.incoming_models():
                    reason = None if self._outcome == "activated" else "probe 3 differs"
                    journal.record_activation(
                        offer.version, HASH, self._outcome, "2026-01-01T00:00:00Z", reason, offer
                    )  # type: ignore[arg-type]


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_published_model_arrives_is_tried_and_the_job_succeeds(pi: Pi) -> None:
    job_id, published = pi.publish(1)
    with Appliance(pi):
        done = pi.once()
    assert done.returncode == 0, done.stderr
    assert pi.job(job_id) == ("SUCCEEDED", {"version": "1"})
    (activation,) = pi.journal.activations_after(0)
    assert isinstance(activation, Activation)
    assert activation.manifest_sha256 == published.manifest_sha256
    shadow = pi.shadow()
    assert (shadow["version"], shadow["state"], shadow["outbox_depth"]) == (1, "ready", 0)
    assert list((pi.state / "incoming").iterdir()) == []


def test_an_older_model_is_refused_by_the_ratchet_and_the_job_says_why(pi: Pi) -> None:
    pi.publish(5)
    with Appliance(pi):
        assert pi.once().returncode == 0
    job_id, _ = pi.publish(4)
    assert pi.once().returncode == 0
    status, details = pi.job(job_id)
    assert status == "FAILED"
    assert "not above version 5" in details["reason"]


@pytest.mark.parametrize("version", [2**62, 2**63, 2**64, 1_000_001, 0, -1])
def test_a_version_out_of_bounds_fails_its_job_and_ends_nothing(pi: Pi, version: int) -> None:
    hostile = pi.send_job(Published(pi.folder / "bundle", 1, development_key()), version)
    job_id, _ = pi.publish(1)
    with Appliance(pi):
        assert pi.once().returncode == 0
    status, details = pi.job(hostile)
    assert (status, "versions go from 1" in details["reason"]) == ("FAILED", True)
    assert pi.job(job_id)[0] == "SUCCEEDED"


def test_a_release_too_far_above_the_last_is_refused_and_the_next_is_taken(pi: Pi) -> None:
    pi.publish(1)
    with Appliance(pi):
        assert pi.once().returncode == 0
        far, _ = pi.publish(1_000_000)
        assert pi.once().returncode == 0
        assert "too far above version 1" in pi.job(far)[1]["reason"]
        following, _ = pi.publish(2)
        assert pi.once().returncode == 0
    assert pi.job(following)[0] == "SUCCEEDED"


def test_a_model_the_appliance_refuses_fails_the_job_with_its_reason(pi: Pi) -> None:
    job_id, _ = pi.publish(1)
    with Appliance(pi, "refused"):
        assert pi.once().returncode == 0
    assert pi.job(job_id) == ("FAILED", {"reason": "probe 3 differs"})
    assert pi.shadow()["state"] == "no-model"


def test_a_job_cancelled_while_the_appliance_is_awaited_is_given_up(pi: Pi) -> None:
    job_id, _ = pi.publish(1)
    service = subprocess.Popen(pi.command("run"), stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: (pi.state / "incoming" / "1").exists(), "never placed")
        pi.cloud.aws.client("iot").cancel_job(jobId=job_id, force=True)
        eventually(lambda: not (pi.state / "incoming" / "1").exists(), "never given up")
    finally:
        service.terminate()
        service.communicate(timeout=20)
    assert pi.job(job_id)[0] == "CANCELED"


def test_a_newer_job_supersedes_one_that_the_appliance_never_tried(pi: Pi) -> None:
    old, _ = pi.publish(1)
    service = subprocess.Popen(pi.command("run"), stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: pi.journal.incoming_models() != [], "never offered")
        new, _ = pi.publish(2)
        eventually(lambda: (pi.state / "incoming" / "2").exists(), "never placed")
        with Appliance(pi):
            eventually(lambda: pi.job(new)[0] == "SUCCEEDED", "never succeeded")
    finally:
        service.terminate()
        service.communicate(timeout=20)
    assert pi.job(old) == ("REJECTED", {"reason": "superseded by version 2"})
    assert list((pi.state / "incoming").iterdir()) == []


def test_after_an_outage_only_the_newest_waiting_job_is_fetched(pi: Pi) -> None:
    jobs = [pi.publish(version)[0] for version in (1, 3, 2)]
    with Appliance(pi):
        done = pi.once()
    assert done.returncode == 0, done.stderr
    assert [pi.job(job)[0] for job in jobs] == ["REJECTED", "SUCCEEDED", "REJECTED"]
    assert [row.version for row in pi.journal.activations_after(0)] == [3]


def test_a_job_cancelled_while_its_files_cannot_be_had_is_given_up(pi: Pi) -> None:
    config = pi.config.read_text()
    pi.config.write_text(config.replace('role_alias = "', 'role_alias = "no-such-'))
    job_id, _ = pi.publish(1)
    service = subprocess.Popen(pi.command("run"), stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: pi.job(job_id)[0] == "IN_PROGRESS", "never begun")
        eventually(lambda: update_step(pi) == "paused", "never failed")
        pi.cloud.aws.client("iot").cancel_job(jobId=job_id, force=True)
        eventually(lambda: update_step(pi) == "given up", "never given up")
    finally:
        service.terminate()
        service.communicate(timeout=20)
    assert pi.job(job_id)[0] == "CANCELED"


def test_ratings_reach_both_stores_and_leave_the_outbox(pi: Pi) -> None:
    records = pi.rate(25)
    done = pi.once()
    assert done.returncode == 0, done.stderr
    assert pi.journal.outbox_depth() == (0, None)
    assert all(pi.stored(record) for record in records)


def test_a_correction_and_a_withdrawal_reach_both_stores_as_they_were_captured(pi: Pi) -> None:
    rating = feedback(thing=pi.thing, schema_version=2)
    correction = msgspec.structs.replace(rating, id=new_id(), stars=4, replaces=rating.id)
    withdrawal = msgspec.structs.replace(
        rating, id=new_id(), stars=None, rating=None, replaces=correction.id
    )
    records = [rating, correction, withdrawal]
    for record in records:
        assert pi.journal.record_rating(record)
    done = pi.once()
    assert done.returncode == 0, done.stderr
    assert all(pi.stored(record) for record in records)
    assert pi.journal.outbox_depth()[0] == 0
    aws = pi.cloud.aws
    key = {"pk": {"S": topics.feedback_key(withdrawal.id)}}
    item = aws.client("dynamodb").get_item(TableName=aws.local.table, Key=key)["Item"]
    assert ("stars" in item, item["replaces"]["S"], item["number"]["N"]) == (
        *(False, correction.id, "3"),
    )
    found = aws.client("s3").get_object(Bucket=aws.local.data_bucket, Key=pi.object_of(withdrawal))
    sent = dict(pi.journal.feedback())[withdrawal.id]
    assert wire.decode(found["Body"].read(), Feedback) == wire.decode(sent, Feedback)


def test_ratings_given_while_the_broker_is_refused_arrive_when_it_is_back(pi: Pi) -> None:
    service = subprocess.Popen(pi.command("run"), stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: connection(pi) == "online", "never online")
        pi.cloud.order("offline")
        try:
            eventually(lambda: connection(pi) == "offline", "never offline")
            records = pi.rate(3)
            known = pi.journal.sync_state()["connection"]
            assert known["next_try_at"] is not None
            assert pi.journal.outbox_depth()[0] == 3
        finally:
            pi.cloud.order("online")
        eventually(lambda: pi.journal.outbox_depth()[0] == 0, "not delivered")
        assert all(pi.stored(record) for record in records)
    finally:
        service.send_signal(signal.SIGTERM)
        _, output = service.communicate(timeout=20)
    assert service.returncode == 0, output
    assert connection(pi) == "stopped"
    assert output.count("connection: offline") <= 2


def test_a_verification_that_the_cloud_cannot_score_is_finished_as_failed(pi: Pi) -> None:
    rows = (Combination("Ann Bee", 2020, ("Drama",)),)
    request = VerificationRequest(new_id(), HASH, rows)
    pi.journal.request_sync(new_id(), request, (6.5,))
    done = pi.once()
    assert done.returncode == 0, done.stderr
    assert pi.journal.pending_requests() == []
    result = pi.journal.sync_state()["verification"]
    assert result["outcome"] in ("failed", "skipped")
    assert result["reason"]


def test_the_doctor_and_status_find_nothing_wrong(pi: Pi) -> None:
    (pi.config.parent / "private.pem.key").chmod(0o600)
    done = subprocess.run(pi.command("doctor"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok ") >= 9
    status = subprocess.run(pi.command("status", "--json"), capture_output=True, check=True)
    assert json.loads(status.stdout)["thing"] == pi.thing


def connection(pi: Pi) -> str:
    state = pi.journal.sync_state().get("connection", {})
    return str(state.get("state", ""))


def update_step(pi: Pi) -> str:
    return str(pi.journal.sync_state().get("update", {}).get("step", ""))


def test_a_trust_document_is_followed_before_a_model_and_a_forged_one_is_not(pi: Pi) -> None:
    models, root, thief = development_key(), PrivateKey.new(), PrivateKey.new()
    s3, bucket = pi.cloud.aws.client("s3"), pi.cloud.aws.local.models_bucket
    first = trust_document(1, root, models).sign(root).sign(models)
    # A stolen models key can't make anyone root.
    forged = trust_document(2, thief, models).sign(thief).sign(models)
    keys = [TRUST_PREFIX + file_name(version) for version in (1, 2)]
    try:
        file = pi.folder / file_name(1)
        file.write_bytes(first.encode())
        for words in (("sign", str(file), "--stack-key"), ("publish", str(file))):
            greenlight_cloud("trust", *words, "--local", str(pi.cloud.folder))
        assert len(SignedTrust.read(file.read_bytes())[0].signatures) == 3
        assert s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read() == file.read_bytes()
        s3.put_object(Bucket=bucket, Key=keys[1], Body=forged.encode())
        job, _ = pi.publish(1)
        with Appliance(pi):
            done = pi.once()
        assert done.returncode == 0, done.stderr
        assert pi.job(job)[0] == "SUCCEEDED"
        assert "trust document: follows version 1" in done.stderr
        assert "trust-2.json: isn't signed as the trust document before it requires" in done.stderr
        incoming = pi.state / "incoming"
        assert [path.name for path in incoming.iterdir()] == ["trust-1.json"]
        assert read_trust(pi.config.parent / "public-keys", incoming).version == 1
    finally:
        for key in keys:
            s3.delete_object(Bucket=bucket, Key=key)


def greenlight_cloud(*words: str) -> None:
    command = [sys.executable, "-m", "local_cloud", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def trust_document(version: int, root: PrivateKey, models: PrivateKey) -> SignedTrust:
    document = TrustDocument(
        version=version,
        created_at="2026-01-01T00:00:00Z",
        expires_at="2099-01-01T00:00:00Z",
        keys={key.key_id: key.public_pem.decode() for key in (root, models)},
        roles={ROOT: TrustRole((root.key_id,)), MODELS: TrustRole((models.key_id,))},
    )
    return SignedTrust(msgspec.json.encode(document))
