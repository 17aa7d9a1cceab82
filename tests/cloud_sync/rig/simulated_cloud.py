"""The cloud of the simulation: its ingest is the real one, its stores are dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from rig.records import THING

from cloud_sync.mqtt import MqttMessage
from data import topics, wire
from data.messages import ShadowReport, VerificationReply, VerificationRequest
from lambdas.store_feedback.ingest import Item, StoredItem, receive


@dataclass
class Stores:
    """The table and the bucket, with how often each was really written."""

    items: dict[str, Item] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)

    def table(self) -> _Table:
        return _Table(self.items)

    def bucket(self) -> _Bucket:
        return _Bucket(self.objects)


class _Table:
    def __init__(self, items: dict[str, Item]) -> None:
        self._items = items

    def put_new(self, item: Item) -> StoredItem | None:
        known = self._items.setdefault(str(item["pk"]), item)
        return None if known is item else StoredItem.of(known)


class _Bucket:
    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def put_new(self, key: str, content: bytes) -> None:
        self._objects.setdefault(key, content)


class Cloud:
    """Answers like AWS: ingest, verification, jobs."""

    def __init__(self, thing: str = THING) -> None:
        self.stores = Stores()
        self.thing = thing
        self.jobs: dict[str, dict[str, object]] = {}
        self.shadow: list[ShadowReport] = []
        self.published: list[tuple[float, str, int]] = []
        self.scores: Callable[[VerificationRequest], VerificationReply] = _agreeing
        # What comes back for a published message: a test may put something between.
        self.answer: Callable[[str, bytes], list[MqttMessage]] = self.truly_answer

    def create_job(self, job_id: str, document: object) -> MqttMessage:
        """Create a job; return the notification."""
        raw = document if isinstance(document, bytes) else msgspec.json.encode(document)
        self.jobs[job_id] = {"document": raw, "status": "QUEUED", "details": {}}
        return self.notification()

    def cancel_job(self, job_id: str) -> MqttMessage:
        self.jobs[job_id]["status"] = "CANCELED"
        return self.notification()

    def notification(self) -> MqttMessage:
        return MqttMessage(f"{topics.jobs(self.thing)}/notify", b'{"jobs":{}}')

    def truly_answer(self, topic: str, payload: bytes) -> list[MqttMessage]:
        """Take a published message as AWS does, and return what comes back for it."""
        jobs = topics.jobs(self.thing)
        if topic == topics.feedback(self.thing):
            replies: list[MqttMessage] = []
            receive(
                self.thing,
                payload,
                self.stores.table(),
                self.stores.bucket(),
                lambda to, body: replies.append(MqttMessage(to, body)),
                lambda record: False,
            )
            return replies
        if topic == topics.verification(self.thing):
            request = wire.decode(payload, VerificationRequest)
            reply = wire.encode(self.scores(request))
            return [MqttMessage(topics.verification_reply(self.thing), reply)]
        if topic == topics.shadow_update(self.thing):
            state = msgspec.json.decode(payload)["state"]["reported"]
            self.shadow.append(wire.convert(state, ShadowReport))
            return []
        if topic.startswith(jobs + "/"):
            return self._job_answer(jobs, topic[len(jobs) + 1 :].split("/"), payload)
        raise AssertionError(f"published to {topic}")

    def _job_answer(self, jobs: str, tail: list[str], payload: bytes) -> list[MqttMessage]:
        pending = [(n, j) for n, j in self.jobs.items() if j["status"] in ("QUEUED", "IN_PROGRESS")]
        if tail == ["get"]:
            listed = {
                "clientToken": msgspec.json.decode(payload)["clientToken"],
                "inProgressJobs": [{"jobId": n} for n, j in pending if j["status"] != "QUEUED"],
                "queuedJobs": [{"jobId": n} for n, j in pending if j["status"] == "QUEUED"],
            }
            return [MqttMessage(f"{jobs}/get/accepted", msgspec.json.encode(listed))]
        job_id, verb = tail
        if verb == "get":
            execution = {"jobId": job_id, "jobDocument": msgspec.Raw(self.jobs[job_id]["document"])}
            body = msgspec.json.encode({"execution": execution})
            return [MqttMessage(f"{jobs}/{job_id}/get/accepted", body)]
        update = msgspec.json.decode(payload)
        token = {"clientToken": update.get("clientToken")}
        job = self.jobs[job_id]
        if job["status"] not in ("QUEUED", "IN_PROGRESS"):
            refused = msgspec.json.encode({**token, "code": "InvalidStateTransition"})
            return [MqttMessage(f"{jobs}/{job_id}/update/rejected", refused)]
        job["status"], job["details"] = update["status"], update["statusDetails"]
        return [
            MqttMessage(f"{jobs}/{job_id}/update/accepted", msgspec.json.encode(token)),
            self.notification(),
        ]


class OldCloud(Cloud):
    """Knows version 1 of feedback only, as its stack wasn't deployed again."""

    def truly_answer(self, topic: str, payload: bytes) -> list[MqttMessage]:
        if topic != topics.feedback(self.thing):
            return super().truly_answer(topic, payload)
        batch = msgspec.json.decode(payload)
        known = [one for one in batch["records"] if one["schema_version"] == 1]
        replies = []
        if known:
            sent = msgspec.json.encode(batch | {"records": known})
            replies = super().truly_answer(topic, sent)
        stored = msgspec.json.decode(replies[0].payload)["outcomes"] if replies else []
        refused = [
            {"id": one["id"], "outcome": "rejected", "reason": "`schema_version` is 2"}
            for one in batch["records"]
            if one not in known
        ]
        # Such a cloud doesn't say what it reads.
        ack = {"outcomes": [*stored, *refused], "schema_version": 1}
        return [MqttMessage(topics.feedback_ack(self.thing), msgspec.json.encode(ack))]


def _agreeing(request: VerificationRequest) -> VerificationReply:
    scores = (6.5,) * len(request.rows)
    return VerificationReply(request.request_id, request.model_hash, scores)
