"""The messages of AWS IoT Jobs over MQTT, as records.

The fields are those of the AWS IoT developer guide, "Jobs device MQTT API". A message that doesn't
fit is refused as a whole, never half applied.
"""

from __future__ import annotations

import re
from typing import Literal, TypeVar
from unicodedata import category

import msgspec

from cloud_sync.update import Job
from data import limits, wire
from data.errors import InvalidRecord
from data.messages import ModelUpdateJob

CONCLUSION = "conclusion"
PROGRESS = "progress"
# As many as AWS lists at once; any others come with the next list.
MOST_JOBS = 10
# AWS: values of statusDetails have at most 1,024 characters.
_MOST_DETAIL = 1024

Status = Literal["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"]

_JOB_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """One line of the list of pending executions."""

    job_id: str
    execution_number: int = 1

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the execution: a job that is retried keeps its id."""
        return self.job_id, self.execution_number


class Pending(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `jobs/get`, which always has both lists."""

    in_progress_jobs: list[Summary]
    queued_jobs: list[Summary]
    client_token: str


class Execution(msgspec.Struct, frozen=True, rename="camel"):
    """One execution, with the document as it came."""

    job_id: str
    job_document: msgspec.Raw = msgspec.Raw(b"null")
    execution_number: int = 1


class Described(msgspec.Struct, frozen=True):
    """The answer to `jobs/<id>/get`."""

    execution: Execution


class UpdateResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to an update, whether `accepted` or `rejected`."""

    client_token: str | None = None
    code: str | None = None


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """The `rejected` answer to a list or a description."""

    code: str
    message: str = ""
    client_token: str | None = None


# After these codes the cloud takes no more updates of an execution.
FINAL_CODES = frozenset({"InvalidStateTransition", "ResourceNotFound", "TerminalStateReached"})

_Kind = TypeVar("_Kind")


def read(payload: bytes, kind: type[_Kind]) -> _Kind:
    """Return the record of this kind.

    Raises:
        InvalidRecord: the payload isn't such a record.
    """
    if len(payload) > 2 * limits.MAX_PAYLOAD_BYTES:
        raise InvalidRecord(wire.in_words(kind), f"is {len(payload)} bytes long; far too long")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wire.refusal(error, wire.in_words(kind)) from error


def pending(payload: bytes, token: str | None) -> list[Summary]:
    """Return the pending executions, those in progress first.

    Args:
        payload: the answer.
        token: of our last request. A list that arrives twice or too late would make a job that was
            created since then look cancelled.

    Raises:
        InvalidRecord: the payload isn't such a list, or not the one that was asked for.
    """
    found = read(payload, Pending)
    if found.client_token != token:
        raise InvalidRecord("clientToken", "isn't that of the last request")
    executions = (found.in_progress_jobs + found.queued_jobs)[:MOST_JOBS]
    for one in executions:
        check_job_id(one.job_id)
    return executions


def check_job_id(job_id: str) -> None:
    """Refuse an id that AWS wouldn't have made: it becomes part of a topic.

    Raises:
        InvalidRecord: naming the field.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise InvalidRecord("jobId", f"is {job_id[:60]!r}, which isn't an id of AWS IoT Jobs")


def job_of(execution: Execution, models_bucket: str) -> Job:
    """Return the job, if its document is valid.

    Raises:
        InvalidRecord: naming the field of the document.
    """
    document = wire.decode(bytes(execution.job_document), ModelUpdateJob)
    if models_bucket and document.bucket != models_bucket:
        raise InvalidRecord(
            "bucket", f"is {document.bucket[:64]!r}; only {models_bucket!r} is allowed"
        )
    return Job(execution.job_id, document)


def list_request(token: str) -> bytes:
    """Return the request for the list of pending executions."""
    return msgspec.json.encode({"clientToken": token})


def describe_request() -> bytes:
    """Return the request for an execution with its document."""
    return msgspec.json.encode({"includeJobDocument": True})


def update_request(status: Status, token: str, **details: str) -> bytes:
    """Return the request that updates an execution's status."""
    taken = {name: _detail(value) for name, value in details.items()}
    return msgspec.json.encode({"status": status, "statusDetails": taken, "clientToken": token})


def _detail(value: str) -> str:
    r"""Return a detail as AWS takes it: `[^\p{C}]+`, which a file's name or a reason may not be."""
    plain = ("\N{REPLACEMENT CHARACTER}" if category(one)[0] == "C" else one for one in value)
    return "".join(plain)[:_MOST_DETAIL] or "-"
