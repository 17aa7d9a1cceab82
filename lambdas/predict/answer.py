"""The answer to a verification request. Pure: the endpoint is passed in.

If the endpoint fails, the reply says so: a device must never wait for an answer that can't come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import msgspec

from data import wire
from data.checks import check_id, check_sha256
from data.errors import InvalidRecord
from data.films import Combination
from data.messages import VerificationReply, VerificationRequest

_MAX_ERROR = 300


class EndpointFailed(Exception):
    """The endpoint returned no scores; the message says why."""


class Scored(msgspec.Struct, frozen=True):
    """The endpoint's answer: its model's hash, and one score per row."""

    model_hash: str
    scores: tuple[float, ...]

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if these aren't scores."""
        check_sha256(f"{prefix}model_hash", self.model_hash)
        for index, score in enumerate(self.scores):
            if not math.isfinite(score):
                raise InvalidRecord(f"{prefix}scores[{index}]", f"is {score}, which isn't finite")


class ScoringEndpoint(Protocol):
    """The ML endpoint."""

    def invoke(self, body: bytes) -> bytes:
        """Return the endpoint's answer to this request.

        Raises:
            EndpointFailed: the endpoint is missing, slow or broken.
        """


class _Invocation(msgspec.Struct):
    rows: Sequence[Combination]
    model_hash: str


class _Named(msgspec.Struct):
    request_id: str


def answer(payload: bytes, endpoint: ScoringEndpoint) -> VerificationReply:
    """Return the reply to a verification request.

    Raises:
        InvalidRecord: the message has no request id to reply to.
    """
    try:
        request = wire.decode(payload, VerificationRequest)
    except InvalidRecord as error:
        return _refusal(_request_id(payload, error), f"request refused: {error}")
    try:
        scored = _score(request, endpoint)
    except EndpointFailed as error:
        return _refusal(request.request_id, str(error))
    return VerificationReply(request.request_id, scored.model_hash, scored.scores)


def _score(request: VerificationRequest, endpoint: ScoringEndpoint) -> Scored:
    asked = _Invocation(request.rows, request.model_hash)
    body = endpoint.invoke(msgspec.json.encode(asked))
    try:
        scored = wire.decode(body, Scored)
    except InvalidRecord as error:
        raise EndpointFailed(f"the endpoint's answer is invalid: {error}") from error
    if len(scored.scores) != len(request.rows):
        raise EndpointFailed(
            f"the endpoint's answer is invalid: {len(scored.scores)} scores"
            f" for {len(request.rows)} rows"
        )
    return scored


def _request_id(payload: bytes, error: InvalidRecord) -> str:
    try:
        request_id = msgspec.json.decode(payload, type=_Named).request_id
        check_id("request_id", request_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRecord):
        raise error from None
    return request_id


def _refusal(request_id: str, reason: str) -> VerificationReply:
    return VerificationReply(request_id, "", error=reason[:_MAX_ERROR])
