"""From a training job's end to a release: exactly one, complete, whatever fails on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data import limits, topics, wire
from data.bundle import check_manifest
from data.errors import InvalidRecord
from data.manifest import MANIFEST, SIGNATURE, Manifest, Provenance
from data.messages import ModelUpdateJob
from data.signing import PrivateKey
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Judgement, ModelIdentity
from lambdas.candidate import read
from lambdas.errors import CandidateRejected, EndpointBusy, EndpointRefused, PublishingFailed
from lambdas.release import Release
from lambdas.release_model.conclude import conclude
from lambdas.training_jobs import EndedJob, TrainingOutcome, event_of, job_name, read_event

from ..candidates import left_by_job, packed, verdict

JOB = job_name("greenlight", "2026-01-02T03:04:05Z")
DONE = EndedJob(JOB, "Completed")
CALLS = (
    "outcome",
    "archive",
    "versions",
    "judgement",
    "keep",
    "sign",
    "put",
    "serve",
    "roll_out",
    "write",
)


def judgement(archive: bytes) -> Judgement:
    """Return the judge's verdict on an archive: release it."""
    candidate = read(archive).candidate
    assert candidate is not None
    found = verdict(candidate.manifest, reasons=("The judge found it better.",))
    return Judgement(job=JOB, archive_sha256=hashlib.sha256(archive).hexdigest(), verdict=found)


class Broken(Exception):
    """An error that AWS may raise."""


@dataclass
class ReleaseCloud:
    """AWS in memory; `breaks_at` names a call, `after` lets it take effect first."""

    left: bytes | None
    key: PrivateKey = field(default_factory=PrivateKey.new)
    published: dict[int, Mapping[str, bytes]] = field(default_factory=lambda: {1: {}})
    judged: Judgement | None = None
    reports: dict[str, bytes] = field(default_factory=dict)
    served: list[int] = field(default_factory=list)
    offered: list[ModelUpdateJob] = field(default_factory=list)
    outcomes: dict[str, TrainingOutcome] = field(default_factory=dict)
    breaks_at: str = ""
    after: bool = False
    endpoint: Exception | None = None
    model_name: str = "films"

    def _before(self, call: str) -> None:
        if call == self.breaks_at and not self.after:
            raise Broken

    def _done(self, call: str) -> None:
        if call == self.breaks_at and self.after:
            raise Broken

    def outcome(self, job: str) -> TrainingOutcome | None:
        self._before("outcome")
        self._done("outcome")
        return self.outcomes.get(job)

    def archive(self, job: str) -> bytes:
        self._before("archive")
        self._done("archive")
        if self.left is None:
            raise CandidateRejected("model.tar.gz: is missing")
        return self.left

    def judgement(self, job: str) -> Judgement:
        self._before("judgement")
        self._done("judgement")
        assert self.left is not None
        return self.judged or judgement(self.left)

    def versions(self) -> list[int]:
        self._before("versions")
        self._done("versions")
        return sorted(self.published)

    def sign(self, manifest: Manifest) -> tuple[bytes, bytes]:
        self._before("sign")
        raw = msgspec.json.encode(msgspec.structs.replace(manifest, key_id=self.key.key_id))
        self._done("sign")
        return raw, self.key.sign(raw)

    def keep(self, job: str, reports: Mapping[str, bytes]) -> None:
        self._before("keep")
        self.reports |= reports
        self._done("keep")

    def put(self, release: Release, arrays: bytes) -> ModelUpdateJob:
        self._before("put")
        there = self.published.setdefault(release.version, release.files)
        if there != release.files:
            raise PublishingFailed("a published version never changes")
        self._done("put")
        prefix = topics.bundle_prefix(release.name, release.version)
        return ModelUpdateJob("model-update", release.version, "b", prefix, release.manifest_sha256)

    def serve(self, release: Release, arrays: bytes) -> None:
        self._before("serve")
        if self.endpoint is not None:
            raise self.endpoint
        if release.version not in self.served:
            self.served.append(release.version)
        self._done("serve")

    def roll_out(self, release: Release, document: ModelUpdateJob) -> str:
        self._before("roll_out")
        asked = self.served or self.endpoint
        assert asked, "devices verify a model as soon as they have it"
        if document not in self.offered:
            self.offered.append(document)
        self._done("roll_out")
        return f"films-{release.version}"

    def write(self, outcome: TrainingOutcome) -> None:
        self._before("write")
        self.outcomes.setdefault(outcome.job, outcome)
        self._done("write")


@pytest.fixture(scope="module")
def archive(example: Path) -> bytes:
    return packed(left_by_job(example))


def assert_released_once(cloud: ReleaseCloud) -> None:
    (document,) = cloud.offered
    files = cloud.published[2]
    raw = files[MANIFEST]
    check_manifest(raw, files[SIGNATURE], {cloud.key.key_id: cloud.key.public_pem})
    assert document.manifest_sha256 == hashlib.sha256(raw).hexdigest()
    assert cloud.served == [2]
    assert VERDICT in cloud.reports
    assert cloud.outcomes[JOB].conclusion == "released"
    assert cloud.outcomes[JOB].version == 2


def test_a_better_model_is_signed_published_served_and_announced(archive: bytes) -> None:
    cloud = ReleaseCloud(archive)
    outcome = conclude(DONE, cloud)
    assert outcome.iot_job == "films-2"
    assert outcome.reasons == ("The judge found it better.",)
    assert_released_once(cloud)


def test_the_signed_manifest_names_the_judges_verdict_whatever_the_job_wrote(
    example: Path,
) -> None:
    files = left_by_job(example)
    manifest = msgspec.json.decode(files[f"bundle/{MANIFEST}"], type=Manifest)
    claims = Provenance(
        commit="ab" * 20, training_set="cd" * 32, parent="ef" * 32, job="mine", judgement="00" * 32
    )
    claimed = msgspec.structs.replace(manifest, provenance=claims)
    archive = packed(files | {f"bundle/{MANIFEST}": msgspec.json.encode(claimed)})
    cloud = ReleaseCloud(archive)
    assert conclude(DONE, cloud).conclusion == "released"
    signed = wire.decode(cloud.published[2][MANIFEST], Manifest, limits.MAX_MANIFEST_BYTES)
    judged = judgement(archive)
    assert signed.origin == msgspec.structs.replace(
        claims, parent=judged.verdict.incumbent.model_hash, job=JOB, judgement=judged.sha256
    )
    written = wire.encode(judged, MAX_VERDICT_BYTES)
    assert judged.sha256 == hashlib.sha256(written).hexdigest()


def test_what_the_judge_refuses_is_released_by_no_verdict_of_the_job(archive: bytes) -> None:
    reasons = ("A tie is not released.",)
    refused = judgement(archive)
    refused = msgspec.structs.replace(
        refused,
        verdict=msgspec.structs.replace(refused.verdict, decision="refuse", reasons=reasons),
    )
    cloud = ReleaseCloud(archive, judged=refused)
    outcome = conclude(DONE, cloud)
    assert (outcome.conclusion, outcome.reasons) == ("refused", reasons)
    assert (list(cloud.published), cloud.served, cloud.offered) == ([1], [], [])
    assert VERDICT in cloud.reports, "people can still read what the job said"


@pytest.mark.parametrize(
    "changes",
    [
        {"job": "greenlight-retrain-20260102T030406Z"},
        {"archive_sha256": "00" * 32},
        {"name": "dishes"},
        {"candidate": ModelIdentity(2, "00" * 32)},
        {"candidate": ModelIdentity(3)},
    ],
    ids=["another job", "another archive", "another name", "another model", "another version"],
)
def test_a_verdict_on_anything_else_releases_nothing(
    changes: dict[str, Any], archive: bytes
) -> None:
    judged = judgement(archive)
    own = {name: value for name, value in changes.items() if hasattr(judged, name)}
    others = {name: value for name, value in changes.items() if name not in own}
    changed = msgspec.structs.replace(
        judged, **own, verdict=msgspec.structs.replace(judged.verdict, **others)
    )
    cloud = ReleaseCloud(archive, judged=changed)
    outcome = conclude(DONE, cloud)
    assert outcome.conclusion == "rejected"
    assert "about another output" in outcome.reasons[0]
    assert (list(cloud.published), cloud.served, cloud.offered) == ([1], [], [])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_after_a_crash_at_any_call_the_next_event_leaves_one_release(
    call: str, after: bool, archive: bytes
) -> None:
    cloud = ReleaseCloud(archive, breaks_at=call, after=after)
    with pytest.raises(Broken):
        conclude(DONE, cloud)
    cloud.breaks_at = ""
    conclude(DONE, cloud)
    assert_released_once(cloud)
    outcome = conclude(DONE, cloud)
    assert outcome == cloud.outcomes[JOB], "and a third event changes nothing"
    assert_released_once(cloud)


def test_an_endpoint_that_is_changing_keeps_no_model_from_the_devices(archive: bytes) -> None:
    cloud = ReleaseCloud(archive, endpoint=EndpointBusy("it is Updating"))
    with pytest.raises(EndpointBusy):
        conclude(DONE, cloud)
    assert [document.version for document in cloud.offered] == [2]
    assert cloud.outcomes == {}, "so that the event's retry has it served"
    cloud.endpoint = None
    conclude(DONE, cloud)
    assert_released_once(cloud)


def test_an_endpoint_that_refuses_a_model_keeps_it_from_no_device(archive: bytes) -> None:
    cloud = ReleaseCloud(archive, endpoint=EndpointRefused("the image isn't there"))
    outcome = conclude(DONE, cloud)
    assert (outcome.conclusion, outcome.iot_job) == ("released", "films-2")
    assert outcome.reasons[-1] == "the image isn't there."
    assert [document.version for document in cloud.offered] == [2]


def test_a_refused_model_is_kept_from_everybody_with_its_reasons(example: Path) -> None:
    files = left_by_job(example, decision="refuse", reasons=("It chooses worse films.",))
    cloud = ReleaseCloud(packed(files))
    outcome = conclude(DONE, cloud)
    assert outcome.conclusion == "refused"
    assert outcome.reasons == ("It chooses worse films.",)
    assert (list(cloud.published), cloud.served, cloud.offered) == ([1], [], [])
    assert VERDICT in cloud.reports, "the report says why"


def test_a_verdict_that_says_too_much_still_comes_to_its_end(example: Path) -> None:
    left = packed(left_by_job(example))
    long = judgement(left)
    long = msgspec.structs.replace(
        long, verdict=msgspec.structs.replace(long.verdict, reasons=("x" * 10_000,) * 90)
    )
    outcome = conclude(DONE, ReleaseCloud(left, judged=long))
    assert outcome.conclusion == "released"
    assert len(wire.encode(outcome)) < limits.MAX_PAYLOAD_BYTES


def test_a_version_below_the_newest_is_rejected(archive: bytes) -> None:
    cloud = ReleaseCloud(archive, published={1: {}, 3: {}})
    outcome = conclude(DONE, cloud)
    assert outcome.conclusion == "rejected"
    assert "version 2 isn't above 3" in outcome.reasons[0]
    assert (2 in cloud.published, cloud.offered) == (False, [])


def test_a_version_that_is_anothers_is_rejected(archive: bytes) -> None:
    cloud = ReleaseCloud(archive, published={1: {}, 2: {"manifest.json": b"another"}})
    outcome = conclude(DONE, cloud)
    assert outcome.conclusion == "rejected"
    assert "never changes" in outcome.reasons[0]
    assert (cloud.served, cloud.offered) == ([], [])


@pytest.mark.parametrize(
    "left",
    [None, b"", b"no archive", packed({}), packed({"a": b"b"})],
    ids=["none", "nothing", "words", "empty archive", "something else"],
)
def test_output_that_is_not_a_candidate_is_rejected_and_releases_nothing(
    left: bytes | None,
) -> None:
    cloud = ReleaseCloud(left)
    outcome = conclude(DONE, cloud)
    assert outcome.conclusion == "rejected"
    assert (list(cloud.published), cloud.offered) == ([1], [])
    assert cloud.outcomes[JOB] == outcome


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_failed_job_is_reported_with_sagemakers_reason(status: str, archive: bytes) -> None:
    cloud = ReleaseCloud(archive)
    outcome = conclude(EndedJob(JOB, status, "AlgorithmError: no films"), cloud)
    assert outcome.conclusion == "failed"
    assert "no films" in outcome.reasons[0]
    assert cloud.offered == []


def changed(**changes: Any) -> dict[str, Any]:
    event = event_of(DONE)
    return event | {"detail": event["detail"] | changes}


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        [],
        {"detail": 7},
        event_of(DONE) | {"source": "somebody"},
        event_of(DONE) | {"detail-type": "Something Else"},
        changed(TrainingJobName="../../models/films/9"),
        changed(TrainingJobName="other-retrain-20260102T030405Z"),
        changed(TrainingJobName=f"{JOB}/../x"),
        changed(TrainingJobName=f"{JOB}\n"),
        changed(TrainingJobName=None),
        changed(TrainingJobStatus="InProgress"),
        changed(TrainingJobStatus=["Completed"]),
    ],
)
def test_an_event_about_other_training_jobs_is_refused(event: object) -> None:
    with pytest.raises(InvalidRecord, match=r"^the event"):
        read_event("greenlight", event)


def test_sagemakers_event_is_read_with_all_else_that_it_says() -> None:
    event = changed(FailureReason="x" * 9_999, Tags={}, HyperParameters={})
    ended = read_event("greenlight", {"version": "0", "region": "us-east-1", **event})
    assert (ended.job, ended.status) == (JOB, "Completed")
    assert len(ended.failure) <= 500
