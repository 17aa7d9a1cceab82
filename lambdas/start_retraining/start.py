"""Decides whether to start a retraining, and from which model. Pure: the cloud is passed in.

Every call may fail and every request may be repeated: the job's name follows from the time of the
request, and jobs whose end was missed are concluded first.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from data.held_out import too_few
from lambdas.training_jobs import ENDED, EndedJob


@dataclass(frozen=True)
class TrainingRequest:
    """A training job to start.

    Attributes:
        version: the version of the model it may produce.
        incumbent: the version of the model it has to beat.
    """

    job: str
    version: int
    incumbent: int


@dataclass(frozen=True)
class StartReply:
    """The function's answer.

    Attributes:
        job: the one that is training now; None if none is.
        message: one sentence for a person.
    """

    job: str | None
    message: str


class NotConcluded(Exception):
    """release_model failed for a job; its own alarm reports that."""


class RetrainingCloud(Protocol):
    """What the function needs of AWS."""

    def jobs(self) -> Sequence[EndedJob]:
        """Return the stack's newest training jobs, including running ones, by status."""

    def is_concluded(self, job: str) -> bool:
        """Return whether release_model has written a job's outcome."""

    def conclude(self, ended: EndedJob) -> None:
        """Pass an ended job to release_model, and wait for its answer.

        Raises:
            NotConcluded: it failed.
        """

    def versions(self) -> Sequence[int]:
        """Return the versions that were published, even if incompletely."""

    def is_whole(self, version: int) -> bool:
        """Return whether a version has everything a retraining starts from."""

    def has_film_table(self) -> bool:
        """Return whether there are films to learn from."""

    def has_feedback(self) -> bool:
        """Return whether there is a rating that trains."""

    def ratings(self) -> tuple[int, int]:
        """Return how many ratings are held out, and how many there are in all."""

    def train(self, request: TrainingRequest) -> None:
        """Start a training job, unless one of this name exists."""


def start(job: str, cloud: RetrainingCloud) -> StartReply:
    """Start this training job, unless another runs or something is missing.

    Raises:
        Exception: whatever the cloud raises; try again.
    """
    jobs = cloud.jobs()
    missed = [one for one in jobs if one.status in ENDED and not cloud.is_concluded(one.job)]
    for ended in reversed(missed):
        # Its event was lost, or release_model failed: catch up now. If it fails again, that must
        # not keep the loop from learning.
        with suppress(NotConcluded):
            cloud.conclude(ended)
    running = [one.job for one in jobs if one.status not in ENDED]
    if running:
        return StartReply(running[0], f"{running[0]} is already training")
    if job in [one.job for one in jobs]:
        return StartReply(job, f"{job} was started before and has ended")
    published = sorted(cloud.versions())
    incumbent = next((number for number in reversed(published) if cloud.is_whole(number)), None)
    if incumbent is None:
        return StartReply(
            None,
            "no model has been published, so there is none to beat: "
            "publish one with `greenlight-cloud model publish`",
        )
    if not cloud.has_film_table():
        return StartReply(None, "there is no table to learn from: upload one with --films FILE")
    if not cloud.has_feedback():
        return StartReply(None, "there are no ratings yet, so there is nothing new to learn")
    reason = too_few(*cloud.ratings())
    if reason is not None:
        # The judge's refusal is certain: a training job would cost money and change nothing.
        return StartReply(None, reason)
    cloud.train(TrainingRequest(job, published[-1] + 1, incumbent))
    return StartReply(job, f"{job} is training, to beat version {incumbent}")
