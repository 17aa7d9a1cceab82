"""Decides which pending IoT Job to carry out. Pure.

A notification that arrives while the device is offline is never repeated, so the list of pending
jobs is requested on every connect and on every notification. The job with the highest version is
carried out; the others are reported as superseded. One update runs at a time
(`cloud_sync.update_run`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

from cloud_sync import job_messages, update
from cloud_sync.connection import Backoff
from cloud_sync.job_messages import CONCLUSION, PROGRESS
from cloud_sync.update import Job, JobState
from cloud_sync.update_run import (
    JobsCommand,
    JobsPublish,
    QuestionRefused,
    UpdateRun,
    superseded_message,
)
from data.bundle import NEEDS_NEWER_SOFTWARE
from data.errors import InvalidRecord
from edge.journal import Activation

# Enough for the outcome of every job that may still be pending.
_REMEMBERED = 64

_Key = tuple[str, int]
_K = TypeVar("_K")
_V = TypeVar("_V")


class Updates:
    """The pending jobs and the one running update. Times are monotonic seconds."""

    def __init__(
        self,
        models_bucket: str,
        retry: Backoff,
        answer_timeout_seconds: float,
        edge_timeout_seconds: float,
        rng: random.Random,
    ) -> None:
        self._models_bucket = models_bucket
        self._answer_timeout = answer_timeout_seconds
        self._backoff = Backoff(answer_timeout_seconds, retry.cap_seconds)
        self._rng = rng
        self._run = UpdateRun(retry, answer_timeout_seconds, edge_timeout_seconds, rng)
        self._online = False
        self._stale = True
        self._asked = 0
        self._unanswered = 0
        self._token: str | None = None
        self._asked_until: float | None = None
        self._listed: dict[str, _Key] = {}
        self._known: dict[_Key, Job | InvalidRecord] = {}
        self._settled: dict[_Key, None] = {}
        self._activations: dict[str, Activation] = {}

    @property
    def running(self) -> bool:
        """Whether an update is running."""
        return self._run.state is not JobState.IDLE

    @property
    def busy(self) -> bool:
        """Whether an update is running, or it isn't known yet whether a job is pending."""
        return self.running or self._stale or self._asked_until is not None

    @property
    def next_due(self) -> float:
        """When something follows from time alone; infinity if nothing does."""
        asks = self._online and self._stale and self._asked_until is None
        overdue = math.inf if self._asked_until is None else self._asked_until
        return min(-math.inf if asks else overdue, self._run.next_due(self._online))

    def connected(self, now: float) -> list[JobsCommand]:
        """We're online: request the list of jobs, and repeat a conclusion that may be lost."""
        self._online, self._stale = True, True
        self._forget_question()
        return self._ask(now) + self._run.handle(update.ReportDue(), now)

    def dropped(self) -> None:
        """We're offline."""
        self._online = False
        self._forget_question()

    def message(self, tail: str, payload: bytes, now: float) -> list[JobsCommand]:
        """A message arrived on the thing's jobs topics; `tail` is what follows `.../jobs/`.

        Raises:
            InvalidRecord: the message is invalid; nothing has been changed.
        """
        match tail.split("/"):
            case ["notify"] | ["notify-next"]:
                return self.notified(now)
            case ["get", "accepted"]:
                return self.listed(payload, now)
            case [job_id, "get", "accepted"]:
                return self.described(job_id, payload, now)
            case [job_id, "update", ("accepted" | "rejected") as answer]:
                return self.answered(job_id, answer == "accepted", payload, now)
            case ["get", "rejected"]:
                return self.refused(job_messages.read(payload, job_messages.Refusal), "", now)
            case [job_id, "get", "rejected"]:
                return self.refused(job_messages.read(payload, job_messages.Refusal), job_id, now)
            case _:
                raise InvalidRecord("the topic", "isn't one of the jobs topics")

    def notified(self, now: float) -> list[JobsCommand]:
        """The list of pending jobs has changed."""
        self._stale = True
        return self._ask(now)

    def listed(self, payload: bytes, now: float) -> list[JobsCommand]:
        """The list of pending jobs arrived.

        Raises:
            InvalidRecord: the payload isn't such a list.
        """
        found = job_messages.pending(payload, self._token)
        self._forget_question()
        self._listed = {one.job_id: one.key for one in found if one.key not in self._settled}
        keys = set(self._listed.values())
        self._known = {key: job for key, job in self._known.items() if key in keys}
        commands: list[JobsCommand] = []
        if self._run.job is not None and self._run.job.id not in self._listed:
            commands += self._run.handle(update.Cancelled(), now)
        unknown = [job_id for job_id, key in self._listed.items() if key not in self._known]
        if unknown:
            self._asked_until = self._overdue(now)
            ask = job_messages.describe_request()
            return commands + [JobsPublish(f"{job_id}/get", ask) for job_id in unknown]
        self._unanswered = 0
        return commands + self._decide(now) + self._ask(now)

    def described(self, job_id: str, payload: bytes, now: float) -> list[JobsCommand]:
        """A job's document arrived.

        Raises:
            InvalidRecord: the payload doesn't describe a job that was asked for.
        """
        execution = job_messages.read(payload, job_messages.Described).execution
        key = self._listed.get(job_id)
        if key is None or execution.job_id != job_id:
            raise InvalidRecord("jobId", f"is {job_id[:64]!r}, which wasn't asked for")
        try:
            self._known[key] = job_messages.job_of(execution, self._models_bucket)
        except InvalidRecord as error:
            self._known[key] = error
        if any(key not in self._known for key in self._listed.values()):
            return []
        self._asked_until, self._unanswered = None, 0
        return self._decide(now) + self._ask(now)

    def refused(self, refusal: job_messages.Refusal, job_id: str, now: float) -> list[JobsCommand]:
        """The cloud refused to list the pending jobs, or to describe one of them.

        It may be throttled, or the job may be gone: everything is requested again, after a wait
        that grows with every refusal and is another one on every device.

        Raises:
            InvalidRecord: the refusal isn't of something that was asked for.
        """
        ours = job_id in self._listed if job_id else refusal.client_token == self._token
        if self._asked_until is None or not ours:
            raise InvalidRecord("the refusal", "isn't of a question that was asked")
        self._token = None
        self._asked_until = now + self._backoff.delay(self._unanswered, self._rng)
        return [QuestionRefused(f"{refusal.code}: {refusal.message}"[:500])]

    def answered(
        self, job_id: str, accepted: bool, payload: bytes, now: float
    ) -> list[JobsCommand]:
        """The cloud accepted or rejected a status we sent for a job.

        Raises:
            InvalidRecord: the payload isn't such an answer.
        """
        answer = job_messages.read(payload, job_messages.UpdateResponse)
        if self._run.job is None or job_id != self._run.job.id:
            return []
        final = accepted or answer.code in job_messages.FINAL_CODES
        if answer.client_token == CONCLUSION and final:
            return self._settle(job_id, now) + self._decide(now)
        return [] if accepted else self.notified(now)

    def activations(self, rows: Sequence[Activation], now: float) -> list[JobsCommand]:
        """The appliance has recorded the outcome of updates."""
        for row in rows:
            if row.job_id is not None:
                self._activations.pop(row.job_id, None)
                self._activations[row.job_id] = row
        _keep_last(self._activations)
        event = self._outcome_of(self._run.job) if self._run.job is not None else None
        return self._run.handle(event, now) if event is not None else []

    def fetched(self, event: update.Event, job_id: str, now: float) -> list[JobsCommand]:
        """A fetch ended; the result of a job that was given up is ignored."""
        if self._run.job is None or job_id != self._run.job.id:
            return []
        return self._run.handle(event, now)

    def tick(self, now: float) -> list[JobsCommand]:
        """Time has passed."""
        if self._asked_until is not None and now >= self._asked_until:
            self._forget_question()
            self._stale = True
            self._unanswered += 1
        return self._ask(now) + self._run.tick(self._online, now)

    def _ask(self, now: float) -> list[JobsCommand]:
        if not (self._online and self._stale and self._asked_until is None):
            return []
        self._stale, self._asked_until = False, self._overdue(now)
        self._asked += 1
        self._token = f"list-{self._asked}"
        return [JobsPublish("get", job_messages.list_request(self._token))]

    def _overdue(self, now: float) -> float:
        # Jitter from the second time: whatever didn't answer was asked by a whole fleet.
        extra = self._backoff.delay(self._unanswered, self._rng) if self._unanswered else 0.0
        return now + self._answer_timeout + extra

    def _forget_question(self) -> None:
        self._token = self._asked_until = None

    def _decide(self, now: float) -> list[JobsCommand]:
        """All pending jobs are known: run the highest version, report the others."""
        commands: list[JobsCommand] = []
        jobs: list[Job] = []
        for job_id, key in self._listed.items():
            found = self._known.get(key)
            if isinstance(found, Job):
                jobs.append(found)
            elif found is not None:
                message = job_messages.update_request("FAILED", PROGRESS, reason=str(found))
                commands.append(JobsPublish(f"{job_id}/update", message))
        if not jobs:
            return commands
        wanted = max(jobs, key=lambda job: job.document.version)
        current = self._run.job
        if current is not None and current.document.version >= wanted.document.version:
            wanted = current
        version = wanted.document.version
        keep = {wanted.id, current.id if current is not None else ""}
        commands += [superseded_message(job, version) for job in jobs if job.id not in keep]
        if current is not None and current.id != wanted.id:
            commands += self._run.handle(update.Superseded(version), now)
            if self._run.job is None:
                self._listed.pop(current.id, None)
        if self._run.job is None and wanted.id in self._listed:
            event = self._outcome_of(wanted) or update.JobWanted(wanted)
            commands += self._run.begin(wanted, event, now)
        return commands

    def _outcome_of(self, job: Job) -> update.Event | None:
        """Return the appliance's outcome for exactly the bundle that this job names."""
        row = self._activations.get(job.id)
        if row is None or row.manifest_sha256 != job.document.manifest_sha256:
            return None
        if row.outcome == "activated":
            return update.Activated(job.id)
        if row.reason is not None and row.reason.startswith(NEEDS_NEWER_SOFTWARE):
            return update.SoftwareTooOld(job.id, row.reason)
        return update.NotActivated(job.id, row.reason or f"the appliance reports: {row.outcome}")

    def _settle(self, job_id: str, now: float) -> list[JobsCommand]:
        """The cloud has the conclusion; a list on its way may still name the job."""
        commands = self._run.handle(update.ReportSettled(), now)
        if not self.running and (key := self._listed.pop(job_id, None)) is not None:
            self._settled[key] = None
            _keep_last(self._settled)
        return commands


def _keep_last(remembered: dict[_K, _V]) -> None:
    while len(remembered) > _REMEMBERED:
        del remembered[next(iter(remembered))]
