"""predict as AWS runs it: a clean interpreter, recorded events, and hostile ones."""

from __future__ import annotations

import json
from threading import Event
from typing import Any

import msgspec
import pytest

from data import topics, wire
from data.films import Combination
from data.ids import new_id
from data.messages import VerificationReply, VerificationRequest
from lambdas.predict.answer import answer
from lambdas.predict.sagemaker import SageMakerEndpoint

from ..device import Device
from ..rule_events import THING, event_of
from ..runtime import RunningFunction
from ..stub_endpoint import StubEndpoint

ROWS = (Combination("Ang Lee", 2001, ("Drama",)), Combination("Jane Campion", 1993, ("Drama",)))
MODEL = "cd" * 32


def reply_of(packaged: Device, running: RunningFunction, payload: bytes | str) -> VerificationReply:
    replies = packaged.listening(topics.verification_reply(THING))
    assert running.call(event_of(payload)).kind == "response"
    return wire.decode(replies.get(timeout=30), VerificationReply)


def request(**changes: Any) -> VerificationRequest:
    return VerificationRequest(
        **({"request_id": new_id(), "model_hash": MODEL, "rows": ROWS} | changes)
    )


def test_a_recorded_request_is_replied_to_with_the_endpoints_scores(
    packaged: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    asked: list[Any] = []

    def answer(body: bytes) -> tuple[int, bytes]:
        asked.append(json.loads(body))
        return 200, json.dumps({"model_hash": MODEL, "scores": [6.5, 7.5]}).encode()

    endpoint.answer = answer
    sent = request()
    reply = reply_of(packaged, predict, wire.encode(sent))
    assert (reply.request_id, reply.model_hash, reply.scores, reply.error) == (
        *(sent.request_id, MODEL, (6.5, 7.5), None),
    )
    assert asked[0]["model_hash"] == MODEL, "an endpoint serves the model before too"
    assert asked[0]["rows"][0] == {"director": "Ang Lee", "year": 2001, "genres": ["Drama"]}


WRONG_ANSWERS: dict[str, tuple[int, bytes]] = {
    "an error": (500, b"boom"),
    "no such endpoint": (400, b'{"message": "Endpoint greenlight-model not found."}'),
    "no JSON": (200, b"<html>"),
    "nothing": (200, b""),
    "too few scores": (200, json.dumps({"model_hash": MODEL, "scores": [1.0]}).encode()),
    "too many scores": (200, json.dumps({"model_hash": MODEL, "scores": [1, 2, 3]}).encode()),
    "scores as text": (200, json.dumps({"model_hash": MODEL, "scores": ["1", "2"]}).encode()),
    "NaN": (200, b'{"model_hash": "' + MODEL.encode() + b'", "scores": [NaN, 1]}'),
    "no hash": (200, b'{"scores": [1, 2]}'),
    "a hash that is none": (200, b'{"model_hash": "x", "scores": [1, 2]}'),
    "a flood": (200, b"[" + b"1," * 200_000 + b"1]"),
}


@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_a_wrong_answer_of_the_endpoint_becomes_a_clear_error_reply(
    name: str, packaged: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    endpoint.answer = lambda _: WRONG_ANSWERS[name]
    sent = request()
    reply = reply_of(packaged, predict, wire.encode(sent))
    assert reply.request_id == sent.request_id
    assert "endpoint" in (reply.error or "")
    assert reply.scores == ()


def test_a_slow_endpoint_becomes_a_clear_error_reply(
    packaged: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    released = Event()

    def answer(_: bytes) -> tuple[int, bytes]:
        released.wait(30)
        return 500, b""

    endpoint.answer = answer
    try:
        reply = reply_of(packaged, predict, wire.encode(request()))
    finally:
        released.set()
    assert "in time" in (reply.error or "")


def test_an_endpoint_that_is_not_deployed_becomes_a_clear_error_reply() -> None:
    reply = answer(wire.encode(request()), SageMakerEndpoint(None, ""))
    assert "no ML endpoint is deployed" in (reply.error or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": []},
        {"rows": None},
        {"rows": [{"director": "x", "year": 2000, "genres": ["b", "a"]}]},
        {"rows": [{"director": "x", "year": "2000", "genres": ["a"]}]},
        {"rows": [{"director": "", "year": 2000, "genres": ["a"]}]},
        {"rows": [{"director": "x", "year": 2000, "genres": ["a"]}] * 201},
        {"rows": [{}]},
        {"model_hash": "x"},
        {"schema_version": 9},
    ],
)
def test_a_hostile_request_gets_a_reply_that_names_the_field(
    changes: dict[str, Any], packaged: Device, predict: RunningFunction
) -> None:
    spoken = msgspec.to_builtins(request()) | changes
    reply = reply_of(packaged, predict, json.dumps(spoken))
    assert "request refused" in (reply.error or "")
    assert next(iter(changes)) in (reply.error or "")


@pytest.mark.parametrize("payload", [b"", b"{}", b"[", b'{"request_id": "x"}', b"\xff", b"1" * 9])
def test_a_request_without_a_name_cannot_be_replied_to(
    payload: bytes, predict: RunningFunction
) -> None:
    result = predict.call(event_of(payload))
    assert result.kind == "response"
    assert "refused" in result.content
