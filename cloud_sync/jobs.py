"""Which model shall run: the pure part of listening to AWS IoT Jobs.

A notification that arrives while we are away is never repeated, so the list of pending jobs is
asked for on every connect and on every notification. Of all pending jobs the highest version is
wanted; older ones are told so. One update runs at a time, by the table in `cloud_sync.update`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from cloud_sync import job_messages, update
from cloud_sync.job_messages import CONCLUSION, PROGRESS
from cloud_sync.link import Backoff
from cloud_sync.update import Action, Job, State
from data.errors import InvalidRecord
from edge.journal import Activation

# Enough to know the outcome of any job that may still be pending.
_REMEMBERED = 64


class JobsPublish(msgspec.Struct, frozen=True):
    """Publish to the thing's jobs topics; `tail` is what follows `.../jobs/`."""

    tail: str
    payload: bytes


class Fetch(msgspec.Struct, frozen=True):
    """Fetch, check and place a job's bundle; Fetched, FetchFailed or BundleRejected follows."""

    job: Job


class StopFetching(msgspec.Struct, frozen=True):
    """Stop the fetch that runs, if one does. Its answer no longer matters."""


class Offer(msgspec.Struct, frozen=True):
    """Offer the placed bundle to the appliance."""

    job: Job
    folder: str


class Discard(msgspec.Struct, frozen=True):
    """The bundle of this version in the incoming folder is no longer needed."""

    version: int


class UpdateChanged(msgspec.Struct, frozen=True):
    """The update stands elsewhere; for the page and the log."""

    version: int
    job_id: str
    step: str
    reason: str


JobsCommand = JobsPublish | Fetch | StopFetching | Offer | Discard | UpdateChanged


class Updates:
    """The pending jobs and the one update that runs. Times are monotonic seconds."""

    def __init__(
        self,
        models_bucket: str,
        retry: Backoff,
        answer_timeout_seconds: float,
        edge_timeout_seconds: float,
        rng: random.Random,
    ) -> None:
        self._models_bucket = models_bucket
        self._retry = retry
        self._answer_timeout = answer_timeout_seconds
        self._edge_timeout = edge_timeout_seconds
        self._rng = rng
        self._online = False
        self._stale = True
        self._asked_until: float | None = None
        self._asked = 0
        self._token: str | None = None
        self._listed: dict[str, tuple[str, int]] = {}
        self._known: dict[tuple[str, int], Job | InvalidRecord] = {}
        self._settled: dict[tuple[str, int], None] = {}
        self._activations: dict[str, Activation] = {}
        self.state = State.IDLE
        self.job: Job | None = None
        self._attempts = 0
        self._due = 0.0
        self._reason = ""
        self._folder = ""
        self._succeeded = False

    @property
    def busy(self) -> bool:
        """Whether a job runs or it is not known yet whether one is pending."""
        return self.state is not State.IDLE or self._stale or self._asked_until is not None

    def connected(self, now: float) -> list[JobsCommand]:
        """We are online: ask what is pending, and tell the conclusion that may not have arrived."""
        self._online, self._stale, self._asked_until = True, True, None
        commands = self._ask(now)
        return commands + (
            self._happen(update.ReportDue(), now) if self.state is State.CONCLUDED else []
        )

    def dropped(self) -> None:
        """We are offline."""
        self._online = False
        self._token = self._asked_until = None

    def notified(self, now: float) -> list[JobsCommand]:
        """The list of pending jobs has changed."""
        self._stale = True
        return self._ask(now)

    def listed(self, payload: bytes, now: float) -> list[JobsCommand]:
        """The pending jobs arrived.

        Raises:
            InvalidRecord: the payload is no such list.
        """
        found = job_messages.pending(payload, self._token)
        self._token = self._asked_until = None
        self._listed = {one.job_id: one.key for one in found if one.key not in self._settled}
        keys = set(self._listed.values())
        self._known = {key: job for key, job in self._known.items() if key in keys}
        commands: list[JobsCommand] = []
        if self.job is not None and self.job.id not in self._listed:
            commands += self._happen(update.Cancelled(), now)
        unknown = [job_id for job_id, key in self._listed.items() if key not in self._known]
        if unknown:
            self._asked_until = now + self._answer_timeout
            ask = job_messages.describe_request()
            return commands + [JobsPublish(f"{job_id}/get", ask) for job_id in unknown]
        return commands + self._decide(now) + self._ask(now)

    def described(self, job_id: str, payload: bytes, now: float) -> list[JobsCommand]:
        """A job's document arrived.

        Raises:
            InvalidRecord: the payload describes no job of ours.
        """
        execution = job_messages.read(payload, job_messages.Described).execution
        key = self._listed.get(job_id)
        if key is None or execution.job_id != job_id:
            raise InvalidRecord("jobId", f"{job_id[:64]!r} was not asked for")
        try:
            self._known[key] = job_messages.job_of(execution, self._models_bucket)
        except InvalidRecord as error:
            self._known[key] = error
        if any(key not in self._known for key in self._listed.values()):
            return []
        self._asked_until = None
        return self._decide(now) + self._ask(now)

    def answered(
        self, job_id: str, accepted: bool, payload: bytes, now: float
    ) -> list[JobsCommand]:
        """The cloud accepted or rejected what we told of a job.

        Raises:
            InvalidRecord: the payload is no such answer.
        """
        answer = job_messages.read(payload, job_messages.Answer)
        if self.job is None or job_id != self.job.id:
            return []
        final = accepted or answer.code in job_messages.FINAL_CODES
        if answer.client_token == CONCLUSION and final:
            return self._happen(update.ReportSettled(), now) + self._decide(now)
        return [] if accepted else self.notified(now)

    def activations(self, rows: Sequence[Activation], now: float) -> list[JobsCommand]:
        """The appliance has recorded what became of models."""
        for row in rows:
            if row.job_id is not None:
                self._activations.pop(row.job_id, None)
                self._activations[row.job_id] = row
        while len(self._activations) > _REMEMBERED:
            self._activations.pop(next(iter(self._activations)))
        return self._look_at_activation(now)

    def fetched(self, event: update.Event, job_id: str, now: float) -> list[JobsCommand]:
        """The fetch ended, in whatever way; the answer of a job given up is passed over."""
        if self.job is None or job_id != self.job.id:
            return []
        return self._happen(event, now)

    def tick(self, now: float) -> list[JobsCommand]:
        """Time has passed."""
        commands: list[JobsCommand] = []
        if self._asked_until is not None and now >= self._asked_until:
            self._token = self._asked_until = None
            self._stale = True
        commands += self._ask(now)
        if now >= self._due:
            if self.state is State.PAUSED:
                commands += self._happen(update.RetryDue(), now)
            elif self.state is State.WAITING_FOR_EDGE:
                commands += self._happen(update.EdgeTimedOut(), now)
            elif self.state is State.CONCLUDED and self._online:
                commands += self._happen(update.ReportDue(), now)
        return commands

    def _ask(self, now: float) -> list[JobsCommand]:
        if not (self._online and self._stale and self._asked_until is None):
            return []
        self._stale, self._asked_until = False, now + self._answer_timeout
        self._asked += 1
        self._token = f"list-{self._asked}"
        return [JobsPublish("get", job_messages.list_request(self._token))]

    def _decide(self, now: float) -> list[JobsCommand]:
        """All pending jobs are known: want the highest version, tell the others."""
        commands: list[JobsCommand] = []
        jobs: list[Job] = []
        for job_id, key in self._listed.items():
            found = self._known.get(key)
            if isinstance(found, Job):
                jobs.append(found)
            elif found is not None:
                told = job_messages.update_request("FAILED", PROGRESS, reason=str(found))
                commands.append(JobsPublish(f"{job_id}/update", told))
        if not jobs:
            return commands
        wanted = max(jobs, key=lambda job: job.document.version)
        if self.job is not None and self.job.document.version >= wanted.document.version:
            wanted = self.job
        for job in jobs:
            if job.id not in (wanted.id, self.job and self.job.id):
                commands.append(self._superseded(job, wanted))
        if self.job is not None and self.job.id != wanted.id:
            commands += self._happen(update.Superseded(wanted.document.version), now)
        if self.job is None and self._listed.get(wanted.id) is not None:
            commands += self._want(wanted, now)
        return commands

    def _want(self, job: Job, now: float) -> list[JobsCommand]:
        self.job, self._attempts, self._reason, self._folder = job, 0, "", ""
        return self._look_at_activation(now) or self._happen(update.Wanted(job), now)

    def _superseded(self, job: Job, wanted: Job) -> JobsPublish:
        reason = f"superseded by version {wanted.document.version}"
        told = job_messages.update_request("REJECTED", PROGRESS, reason=reason)
        return JobsPublish(f"{job.id}/update", told)

    def _look_at_activation(self, now: float) -> list[JobsCommand]:
        row = self._activations.get(self.job.id) if self.job is not None else None
        if self.job is None or row is None:
            return []
        # The appliance must speak of the very bundle that this job named.
        if row.manifest_sha256 != self.job.document.manifest_sha256:
            return []
        if row.outcome == "activated":
            return self._happen(update.Activated(self.job.id), now)
        reason = row.reason or f"the appliance says: {row.outcome}"
        return self._happen(update.NotActivated(self.job.id, reason), now)

    def _happen(self, event: update.Event, now: float) -> list[JobsCommand]:
        before = self.state
        self.state, actions = update.handle(before, event)
        if isinstance(event, update.Fetched):
            self._folder, self._reason = event.folder, ""
        if isinstance(event, update.Activated):
            self._reason = ""
        reason = _reason_of(event, self._edge_timeout)
        if actions and reason:
            self._reason = reason
        commands: list[JobsCommand] = []
        if self.state is not before and self.job is not None and self.state is not State.IDLE:
            commands.append(self._changed())
        for action in actions:
            commands += self._act(action, event, now)
        return commands

    def _changed(self) -> UpdateChanged:
        assert self.job is not None
        step = self.state.value
        if self.state is State.CONCLUDED:
            step = "failed" if self._reason else "succeeded"
        return UpdateChanged(self.job.document.version, self.job.id, step, self._reason)

    def _act(self, action: Action, event: update.Event, now: float) -> list[JobsCommand]:
        assert self.job is not None
        job = self.job
        match action:
            case Action.REPORT_PROGRESS:
                told = job_messages.update_request("IN_PROGRESS", PROGRESS, step=self.state.value)
                return [JobsPublish(f"{job.id}/update", told)]
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
                self._succeeded = True
            case Action.CONCLUDE_FAILED:
                self._succeeded = False
            case Action.REPORT_CONCLUSION:
                self._due = now + self._answer_timeout
                return [self._conclusion(job)]
            case Action.REPORT_SUPERSEDED:
                reason = f"superseded by version {getattr(event, 'by_version', 0)}"
                told = job_messages.update_request("REJECTED", PROGRESS, reason=reason)
                return [
                    JobsPublish(f"{job.id}/update", told),
                    UpdateChanged(job.document.version, job.id, "superseded", reason),
                ]
            case Action.DISCARD:
                return [Discard(job.document.version)]
            case Action.FORGET:
                self._forget(job, event)
        return []

    def _conclusion(self, job: Job) -> JobsPublish:
        if self._succeeded:
            version = str(job.document.version)
            told = job_messages.update_request("SUCCEEDED", CONCLUSION, version=version)
        else:
            told = job_messages.update_request("FAILED", CONCLUSION, reason=self._reason)
        return JobsPublish(f"{job.id}/update", told)

    def _forget(self, job: Job, event: update.Event) -> None:
        self.job = None
        key = self._listed.pop(job.id, None)
        if key is not None and isinstance(event, update.ReportSettled):
            # A list on its way may still name it.
            self._settled[key] = None
            while len(self._settled) > _REMEMBERED:
                self._settled.pop(next(iter(self._settled)))


def _reason_of(event: update.Event, edge_timeout_seconds: float) -> str:
    match event:
        case update.FetchFailed() | update.BundleRejected() | update.OfferFailed():
            return event.reason
        case update.NotActivated():
            return event.reason
        case update.EdgeTimedOut():
            return f"the appliance did not try it within {edge_timeout_seconds:.0f} s"
        case _:
            return ""
