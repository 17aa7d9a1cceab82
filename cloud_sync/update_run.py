"""One update going through the table of `cloud_sync.update`: turns its actions into commands.

Pure, like the table. Times are monotonic seconds.
"""

from __future__ import annotations

import math
import random

import msgspec

from cloud_sync import job_messages, update
from cloud_sync.connection import Backoff
from cloud_sync.job_messages import CONCLUSION, PROGRESS
from cloud_sync.update import Action, Job, JobState

# About a minute with the waits between tries: a new permission works by then.
_MOST_DENIALS = 8


class JobsPublish(msgspec.Struct, frozen=True):
    """Publish to the thing's jobs topics; `tail` is what follows `.../jobs/`."""

    tail: str
    payload: bytes


class Fetch(msgspec.Struct, frozen=True):
    """Fetch, check and place a job's bundle; Fetched, FetchFailed or BundleRejected follows."""

    job: Job


class StopFetching(msgspec.Struct, frozen=True):
    """Stop the running fetch, if any. Its result no longer matters."""


class Offer(msgspec.Struct, frozen=True):
    """Offer the placed bundle to the appliance."""

    job: Job
    folder: str


class Discard(msgspec.Struct, frozen=True):
    """The bundle of this version in the incoming folder is no longer needed."""

    version: int


class UpdateChanged(msgspec.Struct, frozen=True):
    """The update's state has changed; for the page and the log."""

    version: int
    job_id: str
    step: str
    reason: str


class QuestionRefused(msgspec.Struct, frozen=True):
    """The cloud refused to list or describe the pending jobs; for the log."""

    reason: str


JobsCommand = JobsPublish | Fetch | StopFetching | Offer | Discard | UpdateChanged | QuestionRefused


def superseded_message(job: Job, by_version: int) -> JobsPublish:
    """Return the message that a job was superseded by a newer version."""
    reason = f"superseded by version {by_version}"
    message = job_messages.update_request("REJECTED", PROGRESS, reason=reason)
    return JobsPublish(f"{job.id}/update", message)


class UpdateRun:
    """The running update, if any."""

    def __init__(
        self,
        retry: Backoff,
        answer_timeout_seconds: float,
        edge_timeout_seconds: float,
        rng: random.Random,
    ) -> None:
        self._retry = retry
        self._answer_timeout = answer_timeout_seconds
        self._edge_timeout = edge_timeout_seconds
        self._rng = rng
        self.state = JobState.IDLE
        self.job: Job | None = None
        self._attempts = 0
        self._denials = 0
        self._due = 0.0
        self._reason = ""
        self._folder = ""
        self._conclusion_status: job_messages.Status = "FAILED"

    def begin(self, job: Job, event: update.Event, now: float) -> list[JobsCommand]:
        """Start a job that is wanted, or one whose outcome the appliance already reported."""
        self.job, self._reason, self._folder = job, "", ""
        self._attempts = self._denials = 0
        return self.handle(event, now)

    def next_due(self, online: bool) -> float:
        """Return when something follows from time alone; infinity if nothing does."""
        match self.state:
            case JobState.PAUSED | JobState.WAITING_FOR_EDGE:
                return self._due
            case JobState.CONCLUDED if online:
                return self._due
        return math.inf

    def tick(self, online: bool, now: float) -> list[JobsCommand]:
        """Time has passed."""
        if now < self.next_due(online):
            return []
        match self.state:
            case JobState.PAUSED:
                return self.handle(update.RetryDue(), now)
            case JobState.WAITING_FOR_EDGE:
                return self.handle(update.EdgeTimedOut(), now)
            case JobState.CONCLUDED if online:
                return self.handle(update.ReportDue(), now)
        return []

    def handle(self, event: update.Event, now: float) -> list[JobsCommand]:
        """Return the commands that follow from an event, by the table."""
        if self.job is None:
            return []
        before, job = self.state, self.job
        event = self._denied_for_good(event)
        self.state, actions = update.handle(before, event)
        if actions:
            self._note(event)
        commands: list[JobsCommand] = []
        if self.state is not before and self.state is not JobState.IDLE:
            commands.append(self._changed(job))
        for action in actions:
            commands += self._act(job, action, event, now)
        return commands

    def _denied_for_good(self, event: update.Event) -> update.Event:
        """Turn repeated denials into a rejection; return the event to handle."""
        if not isinstance(event, update.FetchFailed):
            return event
        self._denials = self._denials + 1 if event.denied else 0
        if self._denials < _MOST_DENIALS:
            return event
        return update.BundleRejected(
            event.job_id, f"{event.reason}; refused {self._denials} times in a row"
        )

    def _note(self, event: update.Event) -> None:
        match event:
            case update.Fetched():
                self._folder, self._reason = event.folder, ""
            case update.Activated():
                self._reason = ""
            case update.EdgeTimedOut():
                self._reason = f"the appliance didn't try it within {self._edge_timeout:.0f} s"
            case update.UpdateFailure():
                self._reason = event.reason

    def _changed(self, job: Job) -> UpdateChanged:
        step = self.state.value
        if self.state is JobState.CONCLUDED:
            step = "failed" if self._reason else "succeeded"
        return UpdateChanged(job.document.version, job.id, step, self._reason)

    def _act(self, job: Job, action: Action, event: update.Event, now: float) -> list[JobsCommand]:
        match action:
            case Action.REPORT_PROGRESS:
                message = job_messages.update_request(
                    "IN_PROGRESS", PROGRESS, step=self.state.value
                )
                return [JobsPublish(f"{job.id}/update", message)]
            case Action.FETCH:
                return [Fetch(job)]
            case Action.STOP_FETCHING:
                return [StopFetching()]
            case Action.PLAN_RETRY:
                self._due = now + self._retry.delay(self._attempts, self._rng)
                self._attempts += 1
            case Action.OFFER:
                return [Offer(job, self._folder)]
            case Action.AWAIT_EDGE:
                self._due = now + self._edge_timeout
            case Action.CONCLUDE_SUCCEEDED:
                self._conclusion_status = "SUCCEEDED"
            case Action.CONCLUDE_REJECTED:
                self._conclusion_status = "REJECTED"
            case Action.CONCLUDE_FAILED:
                self._conclusion_status = "FAILED"
            case Action.REPORT_CONCLUSION:
                self._due = now + self._answer_timeout
                return [self._conclusion(job)]
            case Action.SHOW_GIVEN_UP:
                reason = "its job was cancelled, or took too long"
                return [UpdateChanged(job.document.version, job.id, "given up", reason)]
            case Action.REPORT_SUPERSEDED:
                notice = superseded_message(job, getattr(event, "by_version", 0))
                version = job.document.version
                return [notice, UpdateChanged(version, job.id, "superseded", "")]
            case Action.DISCARD:
                return [Discard(job.document.version)]
            case Action.FORGET:
                self.job = None
        return []

    def _conclusion(self, job: Job) -> JobsPublish:
        if self._conclusion_status == "SUCCEEDED":
            version = str(job.document.version)
            message = job_messages.update_request("SUCCEEDED", CONCLUSION, version=version)
        else:
            message = job_messages.update_request(
                self._conclusion_status, CONCLUSION, reason=self._reason
            )
        return JobsPublish(f"{job.id}/update", message)
