"""The life of one model update, from the job to its conclusion: a pure state machine.

Everything an update can do is in `TRANSITIONS`; what isn't in the table can't happen. Success is
reported to the cloud only after the appliance has recorded that the model runs.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from data.messages import ModelUpdateJob


class JobState(enum.Enum):
    """The states of an update."""

    IDLE = "idle"
    FETCHING = "fetching"
    PAUSED = "paused"
    WAITING_FOR_EDGE = "waiting-for-edge"
    CONCLUDED = "concluded"


class Job(msgspec.Struct, frozen=True):
    """A job execution with a valid document."""

    id: str
    document: ModelUpdateJob


# What can happen to an update.
class JobWanted(msgspec.Struct, frozen=True):
    """Carry out this job."""

    job: Job


class Fetched(msgspec.Struct, frozen=True):
    """The bundle is in the incoming folder, and checked."""

    job_id: str
    folder: str


class UpdateFailure(msgspec.Struct, frozen=True):
    """Something failed, and why."""

    job_id: str
    reason: str


class FetchFailed(UpdateFailure, frozen=True):
    """The cloud couldn't be reached, or the connection ended: worth another try.

    Attributes:
        denied: the cloud answered, and denied access to a file. It also does so for a file that
            doesn't exist, since a device may not list; and a new permission takes a while to work.
    """

    denied: bool = False


class BundleRejected(UpdateFailure, frozen=True):
    """The bundle must not run here, and trying again won't change that."""


class SoftwareTooOld(UpdateFailure, frozen=True):
    """This model needs newer software: it didn't fail, and it isn't in quarantine."""


class OfferFailed(UpdateFailure, frozen=True):
    """The offer couldn't be written to the journal."""


class RetryDue(msgspec.Struct, frozen=True):
    """It is time for another try."""


class Activated(msgspec.Struct, frozen=True):
    """The appliance runs this model and is healthy."""

    job_id: str


class NotActivated(UpdateFailure, frozen=True):
    """The appliance refused the model or rolled it back."""


class EdgeTimedOut(msgspec.Struct, frozen=True):
    """The appliance took too long to report on the offered model."""


class Superseded(msgspec.Struct, frozen=True):
    """A newer version replaces it."""

    by_version: int


class Cancelled(msgspec.Struct, frozen=True):
    """The cloud no longer lists the job: cancelled, timed out or finished."""


class ReportDue(msgspec.Struct, frozen=True):
    """The conclusion may not have reached the cloud: report it again."""


class ReportSettled(msgspec.Struct, frozen=True):
    """The cloud has the conclusion, or takes no more updates."""


Event: TypeAlias = (
    JobWanted
    | Fetched
    | FetchFailed
    | BundleRejected
    | SoftwareTooOld
    | OfferFailed
    | RetryDue
    | Activated
    | NotActivated
    | EdgeTimedOut
    | Superseded
    | Cancelled
    | ReportDue
    | ReportSettled
)


class Action(enum.Enum):
    """What to do."""

    REPORT_PROGRESS = "report progress to the job"
    FETCH = "fetch the bundle"
    STOP_FETCHING = "stop fetching"
    PLAN_RETRY = "plan another try"
    OFFER = "offer the bundle to the appliance"
    AWAIT_EDGE = "give the appliance its time"
    CONCLUDE_SUCCEEDED = "report success"
    CONCLUDE_REJECTED = "report that newer software is needed"
    CONCLUDE_FAILED = "report failure and its reason"
    SHOW_GIVEN_UP = "show that the cloud no longer asks for it"
    REPORT_SUPERSEDED = "report that a newer version is wanted"
    REPORT_CONCLUSION = "report the conclusion"
    # The appliance refuses an offer whose bundle is gone, so this also withdraws the offer.
    DISCARD = "remove the downloaded bundle"
    FORGET = "forget the job"


_S, _A = JobState, Action
_GIVE_UP = (_A.STOP_FETCHING, _A.DISCARD, _A.SHOW_GIVEN_UP, _A.FORGET)
# Reported once: if that is lost, the next list has an older job, which is reported again.
_SUPERSEDE = (_A.STOP_FETCHING, _A.DISCARD, _A.REPORT_SUPERSEDED, _A.FORGET)
_SUCCEED = (_A.CONCLUDE_SUCCEEDED, _A.REPORT_CONCLUSION, _A.DISCARD)
_REJECT = (_A.CONCLUDE_REJECTED, _A.REPORT_CONCLUSION, _A.DISCARD)
_FAIL = (_A.CONCLUDE_FAILED, _A.REPORT_CONCLUSION, _A.DISCARD)

TRANSITIONS: dict[tuple[JobState, type[Event]], tuple[JobState, tuple[Action, ...]]] = {
    (_S.IDLE, JobWanted): (_S.FETCHING, (_A.REPORT_PROGRESS, _A.FETCH)),
    # The appliance settled an offer made before a restart: only the report is left.
    (_S.IDLE, Activated): (_S.CONCLUDED, _SUCCEED),
    (_S.IDLE, NotActivated): (_S.CONCLUDED, _FAIL),
    (_S.IDLE, SoftwareTooOld): (_S.CONCLUDED, _REJECT),
    (_S.FETCHING, Fetched): (
        _S.WAITING_FOR_EDGE,
        (_A.OFFER, _A.AWAIT_EDGE, _A.REPORT_PROGRESS),
    ),
    (_S.FETCHING, FetchFailed): (_S.PAUSED, (_A.PLAN_RETRY,)),
    (_S.FETCHING, BundleRejected): (_S.CONCLUDED, _FAIL),
    (_S.FETCHING, SoftwareTooOld): (_S.CONCLUDED, (_A.STOP_FETCHING, *_REJECT)),
    # The same, but read from the journal a moment later.
    (_S.FETCHING, Activated): (_S.CONCLUDED, (_A.STOP_FETCHING, *_SUCCEED)),
    (_S.FETCHING, NotActivated): (_S.CONCLUDED, (_A.STOP_FETCHING, *_FAIL)),
    (_S.FETCHING, Superseded): (_S.IDLE, _SUPERSEDE),
    (_S.FETCHING, Cancelled): (_S.IDLE, _GIVE_UP),
    (_S.PAUSED, RetryDue): (_S.FETCHING, (_A.FETCH,)),
    (_S.PAUSED, Activated): (_S.CONCLUDED, _SUCCEED),
    (_S.PAUSED, NotActivated): (_S.CONCLUDED, _FAIL),
    (_S.PAUSED, SoftwareTooOld): (_S.CONCLUDED, _REJECT),
    (_S.PAUSED, Superseded): (_S.IDLE, _SUPERSEDE),
    (_S.PAUSED, Cancelled): (_S.IDLE, _GIVE_UP),
    (_S.WAITING_FOR_EDGE, OfferFailed): (_S.PAUSED, (_A.PLAN_RETRY,)),
    (_S.WAITING_FOR_EDGE, Activated): (_S.CONCLUDED, _SUCCEED),
    (_S.WAITING_FOR_EDGE, NotActivated): (_S.CONCLUDED, _FAIL),
    (_S.WAITING_FOR_EDGE, SoftwareTooOld): (_S.CONCLUDED, _REJECT),
    (_S.WAITING_FOR_EDGE, EdgeTimedOut): (_S.CONCLUDED, _FAIL),
    (_S.WAITING_FOR_EDGE, Superseded): (_S.IDLE, _SUPERSEDE),
    (_S.WAITING_FOR_EDGE, Cancelled): (_S.IDLE, _GIVE_UP),
    (_S.CONCLUDED, ReportDue): (_S.CONCLUDED, (_A.REPORT_CONCLUSION,)),
    (_S.CONCLUDED, ReportSettled): (_S.IDLE, (_A.FORGET,)),
    (_S.CONCLUDED, Cancelled): (_S.IDLE, (_A.FORGET,)),
}


def handle(state: JobState, event: Event) -> tuple[JobState, tuple[Action, ...]]:
    """Return the state after `event` and what to do, in order; other events change nothing.

    Late and repeated events are normal here: a worker answers after its job was cancelled, the
    cloud sends everything twice.
    """
    return TRANSITIONS.get((state, type(event)), (state, ()))
