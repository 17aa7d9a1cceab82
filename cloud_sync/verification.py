"""Verification: the cloud scores the same rows with the scikit-learn model it was made from. Pure.

Scores are compared only if both sides used the model of the same hash. A difference over the
tolerance means that the device computes something other than what was trained: someone has to look.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

import msgspec

from cloud_sync.connection import Backoff
from data import limits, wire
from data.errors import InvalidRecord
from data.messages import VerificationReply, VerificationRequest
from edge.journal import Request

VerificationOutcome = Literal["agreed", "differed", "skipped", "failed"]
_MOST_DOUBLINGS = 6


class VerificationResult(msgspec.Struct, frozen=True):
    """The result of a comparison with the cloud.

    Attributes:
        worst_difference: in stars, over all rows; None if nothing could be compared.
        reason: a sentence for people, unless both sides agreed.
    """

    outcome: VerificationOutcome
    model_hash: str
    rows: int
    worst_difference: float | None = None
    reason: str | None = None


class SendVerification(msgspec.Struct, frozen=True):
    """Publish a request."""

    payload: bytes


class FinishVerification(msgspec.Struct, frozen=True):
    """Store the result of a request."""

    seq: int
    result: VerificationResult


VerificationCommand = SendVerification | FinishVerification


def compare(
    request: VerificationRequest, scores: Sequence[float], reply: VerificationReply
) -> VerificationResult:
    """Compare the device's own scores with the cloud's."""
    rows = len(request.rows)
    if reply.error is not None:
        return VerificationResult("failed", request.model_hash, rows, reason=reply.error[:500])
    if reply.model_hash != request.model_hash:
        reason = f"the cloud scored with another model ({reply.model_hash[:12]})"
        return VerificationResult("skipped", request.model_hash, rows, reason=reason)
    if len(reply.scores) != rows:
        reason = f"the cloud answered {len(reply.scores)} of {rows} rows"
        return VerificationResult("failed", request.model_hash, rows, reason=reason)
    worst = max(abs(own - cloud) for own, cloud in zip(scores, reply.scores, strict=True))
    if worst > limits.ROUNDING_TOLERANCE:
        reason = f"differs by {worst:.6f} stars; {limits.ROUNDING_TOLERANCE} is allowed"
        return VerificationResult("differed", request.model_hash, rows, worst, reason)
    return VerificationResult("agreed", request.model_hash, rows, worst)


class Verifier:
    """Sends the appliance's verification requests one at a time and judges the replies."""

    def __init__(self, reply_timeout_seconds: float, rng: random.Random) -> None:
        self._backoff = Backoff(reply_timeout_seconds, reply_timeout_seconds * 2**_MOST_DOUBLINGS)
        self._rng = rng
        self._waiting: dict[int, Request] = {}
        self._current: tuple[Request, VerificationRequest] | None = None
        self._attempts = 0
        self._deadline = 0.0
        self.last: VerificationResult | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is waiting for its reply or its turn."""
        return self._current is not None or bool(self._waiting)

    def found(self, requests: Sequence[Request]) -> None:
        """These requests are pending in the journal."""
        self._waiting = {request.seq: request for request in requests}
        if self._current is not None and self._current[0].seq not in self._waiting:
            self._current = None

    @property
    def next_due(self) -> float:
        """When to send a request, or to send it again; infinity if there is none."""
        if self._current is not None:
            return self._deadline
        return -math.inf if self._waiting else math.inf

    def offline(self) -> None:
        """The connection ended: the request is sent again on the next."""
        self._deadline = 0.0

    def tick(self, now: float) -> list[VerificationCommand]:
        """We're online: send the oldest request, or resend the one that got no reply."""
        if self._current is not None:
            if now < self._deadline:
                return []
            self._attempts += 1
            return [self._send(now)]
        commands: list[VerificationCommand] = []
        for seq in sorted(self._waiting):
            request = self._waiting[seq]
            try:
                decoded = _decoded(request)
            except InvalidRecord as error:
                del self._waiting[seq]
                self.last = VerificationResult("failed", "", 0, reason=str(error))
                commands.append(FinishVerification(seq, self.last))
                continue
            self._current = (request, decoded)
            self._attempts = 0
            return [*commands, self._send(now)]
        return commands

    def replied(self, payload: bytes, now: float) -> list[VerificationCommand]:
        """The cloud replied; replies to anything but the current request are ignored.

        Raises:
            InvalidRecord: the payload isn't a reply.
        """
        reply = wire.decode(payload, VerificationReply)
        if self._current is None or reply.request_id != self._current[1].request_id:
            return []
        request, decoded = self._current
        self._current = None
        self._waiting.pop(request.seq, None)
        self.last = compare(decoded, request.scores, reply)
        return [FinishVerification(request.seq, self.last), *self.tick(now)]

    def _send(self, now: float) -> SendVerification:
        assert self._current is not None
        extra = self._backoff.delay(self._attempts, self._rng) if self._attempts else 0.0
        self._deadline = now + self._backoff.base_seconds + extra
        return SendVerification(wire.encode(self._current[1]))


def _decoded(request: Request) -> VerificationRequest:
    decoded = wire.decode(request.payload, VerificationRequest)
    if len(request.scores) != len(decoded.rows):
        raise InvalidRecord("scores", f"holds {len(request.scores)} for {len(decoded.rows)} rows")
    return decoded
