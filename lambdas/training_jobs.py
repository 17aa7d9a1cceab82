"""The names and outcomes of training jobs, shared by the functions and the operator's tools."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from data.checks import SCHEMA_VERSION, check_schema
from data.errors import InvalidRecord

# The name of a stack's models, unless its parameter ModelName says otherwise.
MODEL_NAME = "films"
OUTCOME = "outcome.json"
SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Training Job State Change"
# How a training job can end, in SageMaker's words.
ENDED = ("Completed", "Failed", "Stopped")

Conclusion: TypeAlias = Literal["released", "refused", "rejected", "failed"]
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_MAX_REASON = 500
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


class TrainingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a training job.

    Attributes:
        conclusion: `released`; `refused` by the gate; `rejected`, because the job's output can't be
            released; `failed`, because the job itself failed.
        reasons: one sentence each, for people.
        version: of the model that was released, or would have been.
        iot_job: the id of the IoT Job that updates the devices.
    """

    job: str
    conclusion: Conclusion
    reasons: tuple[str, ...]
    version: int | None = None
    model_hash: str | None = None
    iot_job: str | None = None
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't an outcome."""
        check_schema(prefix, self.schema_version)


@dataclass(frozen=True)
class EndedJob:
    """A training job that has ended.

    Attributes:
        status: one of ENDED.
        failure: SageMaker's reason, if any.
    """

    job: str
    status: str
    failure: str = ""


def prefix_of(stack: str) -> str:
    """Return the prefix of a stack's training jobs."""
    return f"{stack}-retrain-"


def job_name(stack: str, asked: object) -> str:
    """Return the name of the training job that was requested at this time.

    The same time gives the same name, so a repeated request starts one job.

    Raises:
        InvalidRecord: naming the event's field.
    """
    try:
        moment = datetime.fromisoformat(str(asked))
    except ValueError:
        raise InvalidRecord(
            "asked", f"is {str(asked)[:60]!r}; give a time such as 2026-01-02T03:04:05Z"
        ) from None
    if moment.tzinfo is None:
        raise InvalidRecord("asked", "has no time zone; end it with Z")
    # Near the first and the last year, a time zone leads out of the calendar.
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidRecord(
            "asked", f"is in {moment.year}; give a year from {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    return f"{prefix_of(stack)}{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def is_job(stack: str, name: object) -> bool:
    """Return whether this is the name of a training job of the stack."""
    prefix = prefix_of(stack)
    return (
        isinstance(name, str)
        and name.startswith(prefix)
        and _STAMP.fullmatch(name.removeprefix(prefix)) is not None
    )


def event_of(ended: EndedJob) -> dict[str, Any]:
    """Return the event that AWS sends when a training job has ended."""
    return {
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "detail": {
            "TrainingJobName": ended.job,
            "TrainingJobStatus": ended.status,
            "FailureReason": ended.failure,
        },
    }


def read_event(stack: str, event: object) -> EndedJob:
    """Return the ended training job of this stack that an event is about.

    Raises:
        InvalidRecord: naming the event's field; the event didn't come from the stack's rule.
    """
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise InvalidRecord(
            "the event", "isn't about a training job; only the stack's rule may call"
        )
    detail = event["detail"]
    if (event.get("source"), event.get("detail-type")) != (SOURCE, DETAIL_TYPE):
        raise InvalidRecord("the event's source", f"isn't {SOURCE}'s {DETAIL_TYPE}")
    name, status = detail.get("TrainingJobName"), detail.get("TrainingJobStatus")
    if not is_job(stack, name):
        raise InvalidRecord("the event's TrainingJobName", "isn't a training job of this stack")
    if status not in ENDED:
        raise InvalidRecord(
            "the event's TrainingJobStatus", f"is {str(status)[:60]!r}; the job has not ended"
        )
    return EndedJob(str(name), str(status), str(detail.get("FailureReason") or "")[:_MAX_REASON])
