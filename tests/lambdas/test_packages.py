"""The packages as AWS runs them: a clean interpreter, recorded events, and hostile ones."""

from __future__ import annotations

import json
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from data import limits, topics, wire
from data.films import Combination
from data.wire import Ack, FeedbackBatch, VerificationReply, VerificationRequest
from lambdas import package
from lambdas.local.emulator import REGION

from .conftest import Device, feedback
from .runtime import RunningFunction, runtime_libraries

THING = "packaged"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return package.build_for_desk(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(scope="module")
def device(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """Hears what the functions answer to THING."""
    made = Device(local_cloud.provision(THING, tmp_path_factory.mktemp("thing") / THING))
    yield made.connect()
    made.close()


@pytest.fixture(scope="module")
def store_feedback(
    local_cloud: Any,
    packages: dict[str, Path],
    libraries: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningFunction]:
    desk = local_cloud.aws.desk
    with RunningFunction(
        packages["store_feedback"],
        "lambdas.store_feedback.handler.handle",
        libraries,
        tmp_path_factory.mktemp("store-feedback"),
        **aws_settings(desk),
        TABLE=desk.table,
        DATA_BUCKET=desk.data_bucket,
    ) as running:
        yield running


def aws_settings(desk: Any) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": desk.aws_endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


class StubEndpoint:
    """SageMaker's interface, answering whatever a test wants; real HTTP."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], tuple[int, bytes, float]] = lambda _: (500, b"", 0)
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content, _ = stub.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status != 200:
                    self.send_header("x-amzn-ErrorType", "ModelError")
                self.end_headers()
                try:
                    self.wfile.write(content)
                except OSError:
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[StubEndpoint]:
    stub = StubEndpoint()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()


@pytest.fixture(scope="module")
def predict(
    local_cloud: Any,
    packages: dict[str, Path],
    libraries: Path,
    endpoint: StubEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningFunction]:
    with RunningFunction(
        packages["predict"],
        "lambdas.predict.handler.handle",
        libraries,
        tmp_path_factory.mktemp("predict"),
        **aws_settings(local_cloud.aws.desk),
        AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=endpoint.url,
        ENDPOINT_NAME="greenlight-model",
        ENDPOINT_TIMEOUT_SECONDS="1",
    ) as running:
        yield running


def event_of(payload: bytes | str, thing: str = THING) -> dict[str, str]:
    """Return the event that the rule makes of a message."""
    raw = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
    return {"payload": b64encode(raw).decode(), "thing": thing}


def batch_of(*records: Any) -> str:
    spoken = [one if isinstance(one, dict) else msgspec.to_builtins(one) for one in records]
    return json.dumps({"records": spoken, "schema_version": 1})


# ------------------------------------------------------------------ what is in a package


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_a_package_holds_what_its_function_needs_and_no_more(
    function: str, packages: dict[str, Path]
) -> None:
    with zipfile.ZipFile(packages[function]) as archive:
        names = archive.namelist()
    other = next(name for name in package.FUNCTIONS if name != function)
    assert f"lambdas/{function}/handler.py" in names
    assert not [name for name in names if name.startswith(f"lambdas/{other}/")]
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {
        *("data", "lambdas", "aws_lambda_powertools", "jmespath", "msgspec", "uuid6"),
        "typing_extensions.py",
    }
    assert "data/wire.py" in names
    assert "data/genre_sets.py" not in names, "that would need numpy"
    assert not [name for name in names if name.startswith("lambdas/local/")]


def test_the_same_sources_give_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    again = package.build("predict", tmp_path / "predict.zip")
    assert package.content_key(again) == package.content_key(packages["predict"])


def test_every_library_of_a_package_is_locked_with_hashes() -> None:
    for function in package.FUNCTIONS:
        for entry in package._locked(package.contents_of(function).libraries):
            assert "--hash=sha256:" in entry


# ------------------------------------------------------------------ store_feedback


def outcomes(device: Device, running: RunningFunction, event: Any) -> dict[str, str]:
    """Call the function and return the ack's outcomes."""
    acks = device.listening(topics.feedback_ack(THING))
    assert running.call(event).kind == "response"
    ack = wire.decode(acks.get(timeout=30), Ack)
    return {outcome.id: outcome.outcome for outcome in ack.outcomes}


def test_a_recorded_batch_is_stored_acked_and_counted(
    device: Device, store_feedback: RunningFunction
) -> None:
    one, two = feedback(THING), feedback(THING, rating=8.4)
    event = event_of(wire.encode(FeedbackBatch((one, two))))
    assert set(outcomes(device, store_feedback, event).values()) == {"stored"}
    assert set(outcomes(device, store_feedback, event).values()) == {"duplicate"}
    lines = [json.loads(line) for line in store_feedback.said().splitlines() if line[:1] == "{"]
    logged = next(line for line in lines if line.get("message") == "batch acked")
    assert (logged["thing"], logged["stored"], logged["service"]) == (THING, 2, "store_feedback")
    counted = next(line for line in lines if "_aws" in line)
    assert counted["StoredRecords"] == [2.0]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Greenlight"


BIG = "x" * 50_000
HOSTILE_RECORDS: dict[str, dict[str, Any]] = {
    "stars as text": {"stars": "8"},
    "stars as a fraction": {"stars": 7.5},
    "stars zero": {"stars": 0},
    "stars eleven": {"stars": 11},
    "stars true": {"stars": True},
    "stars beyond every integer": {"stars": 10**30},
    "year as text": {"year": "2001"},
    "year null": {"year": None},
    "genres a text": {"genres": "Drama"},
    "genres empty": {"genres": []},
    "four genres": {"genres": ["A", "B", "C", "D"]},
    "a genre twice": {"genres": ["Drama", "Drama"]},
    "genres out of order": {"genres": ["Romance", "Drama"]},
    "a genre that is a number": {"genres": [1]},
    "the empty slot as a genre": {"genres": ["None"]},
    "expected NaN as text": {"expected": "NaN"},
    "expected too large for the table": {"expected": 1e300},
    "title empty": {"title": ""},
    "title with a zero byte": {"title": "a\x00b"},
    "title with a line break": {"title": "a\nb"},
    "title with half a surrogate": {"title": "a\ud800b"},
    "title not composed": {"title": "Ame\u0301lie"},
    "title with outer spaces": {"title": " a "},
    "title huge": {"title": BIG},
    "director an object": {"director": {"S": "x"}},
    "source unknown": {"source": "hacker"},
    "model hash short": {"model_hash": "abc"},
    "model hash in capitals": {"model_hash": "AB" * 32},
    "another thing's record": {"thing": "somebody-else"},
    "a thing with a slash": {"thing": "packaged/ack"},
    "a later schema": {"schema_version": 2},
    "pick id no UUID": {"pick_id": "1"},
    "rating eleven": {"rating": 11.5},
    "model version negative": {"model_version": -1},
}


@pytest.mark.parametrize("name", HOSTILE_RECORDS)
def test_a_hostile_record_is_rejected_and_its_neighbour_stored(
    name: str, device: Device, store_feedback: RunningFunction
) -> None:
    good, bad = feedback(THING), feedback(THING)
    spoken = msgspec.to_builtins(bad) | HOSTILE_RECORDS[name]
    event = event_of(batch_of(spoken, good))
    assert outcomes(device, store_feedback, event) == {bad.id: "rejected", good.id: "stored"}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_has_not_spoil_their_own_record_only(
    text: str, device: Device, store_feedback: RunningFunction
) -> None:
    good, bad = feedback(THING), feedback(THING, expected=7.125)
    payload = batch_of(bad, good).replace("7.125", text)
    said = outcomes(device, store_feedback, event_of(payload))
    assert said == {bad.id: "rejected", good.id: "stored"}


@pytest.mark.parametrize(
    "record_id",
    ["", "../../models/films/1/manifest.json", "FEEDBACK#x", "1" * 90, "X" * 36, "\u202e" * 20],
)
def test_an_id_that_is_no_uuid_reaches_no_key(
    record_id: str, device: Device, store_feedback: RunningFunction, local_cloud: Any
) -> None:
    spoken = msgspec.to_builtins(feedback(THING)) | {"id": record_id}
    assert outcomes(device, store_feedback, event_of(batch_of(spoken))) == {record_id: "rejected"}
    listed = local_cloud.aws.client("s3").list_objects_v2(Bucket=local_cloud.aws.desk.data_bucket)
    assert all(found["Key"].startswith("feedback/") for found in listed.get("Contents", []))


HOSTILE_MESSAGES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "two values": b"{} {}",
    "a text": b'"records"',
    "null": b"null",
    "a number": b"1e400",
    "no records": b'{"schema_version": 1}',
    "records null": b'{"records": null}',
    "no record": b'{"records": []}',
    "records without ids": b'{"records": [{}, [], 1, null, "x"]}',
    "ids of other types": b'{"records": [{"id": 1}, {"id": null}, {"id": ["x"]}]}',
    "an id without end": b'{"records": [{"id": "' + b"1" * 5000 + b'"}]}',
    "too many records": json.dumps(
        {"records": [{"id": str(n)} for n in range(limits.MAX_BATCH_RECORDS + 1)]}
    ).encode(),
    "a later schema": b'{"records": [{"id": "x"}], "schema_version": 7}',
    "over the limit": b" " * (limits.MAX_PAYLOAD_BYTES + 1),
    "deeply nested": b'{"records":' + b"[" * 20_000,
    "not UTF-8": b'{"records": [{"id": "\xff\xfe"}]}',
    "UTF-16": '{"records": []}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"records": []}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("name", HOSTILE_MESSAGES)
def test_a_hostile_message_is_refused_without_another_try(
    name: str, store_feedback: RunningFunction
) -> None:
    result = store_feedback.call(event_of(HOSTILE_MESSAGES[name]))
    assert result.kind == "response", "an error would make AWS hand it in again"
    assert "refused" in result.content
    assert store_feedback.is_running


HOSTILE_EVENTS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a text": "x",
    "empty": {},
    "no thing": {"payload": ""},
    "no payload": {"thing": THING},
    "a thing that is a number": {"payload": "", "thing": 1},
    "a thing with a wildcard": {"payload": "", "thing": "+"},
    "a thing with a slash": {"payload": "", "thing": "a/b"},
    "a thing without end": {"payload": "", "thing": "a" * 129},
    "payload no base64": {"payload": "%%%", "thing": THING},
    "payload an object": {"payload": {"records": []}, "thing": THING},
    "payload not ASCII": {"payload": "\u00e4\u00f6", "thing": THING},
    "another service's event": {"Records": [{"s3": {}}]},
}


@pytest.mark.parametrize("name", HOSTILE_EVENTS)
def test_an_event_that_no_rule_made_is_refused(
    name: str, store_feedback: RunningFunction, predict: RunningFunction
) -> None:
    for function in (store_feedback, predict):
        result = function.call(HOSTILE_EVENTS[name])
        assert result.kind == "response"
        assert "refused" in result.content


def test_an_event_that_is_no_json_is_an_error_and_the_next_is_served(
    device: Device, store_feedback: RunningFunction
) -> None:
    assert store_feedback.call_raw(b"{").kind == "error"
    one = feedback(THING)
    assert outcomes(device, store_feedback, event_of(batch_of(one))) == {one.id: "stored"}


def test_replayed_and_out_of_order_batches_store_each_record_once(
    device: Device, store_feedback: RunningFunction
) -> None:
    records = [feedback(THING) for _ in range(4)]
    batches = [event_of(batch_of(*records[start : start + 2])) for start in (0, 1, 2)]
    stored: list[str] = []
    for event in (batches[2], batches[0], batches[2], batches[1], batches[0]):
        said = outcomes(device, store_feedback, event)
        stored += [name for name, outcome in said.items() if outcome == "stored"]
    assert sorted(stored) == sorted(record.id for record in records)


def test_unicode_that_looks_alike_stays_apart_and_arrives_as_sent(
    device: Device, store_feedback: RunningFunction, local_cloud: Any
) -> None:
    titles = ("Cape", "\u0421\u0430\u0440\u0435", "\U0001f3ac \u202eevil\u202c \u200bx")
    latin, cyrillic, emoji = (feedback(THING, title=title) for title in titles)
    said = outcomes(device, store_feedback, event_of(batch_of(latin, cyrillic, emoji)))
    assert said[latin.id] == said[cyrillic.id] == "stored"
    for one in (latin, cyrillic, emoji):
        if said[one.id] != "stored":
            continue
        item = local_cloud.aws.client("dynamodb").get_item(
            TableName=local_cloud.aws.desk.table,
            Key={"pk": {"S": topics.feedback_key(one.id)}},
        )["Item"]
        assert item["title"]["S"] == one.title


# ------------------------------------------------------------------ predict

ROWS = (Combination("Ang Lee", 2001, ("Drama",)), Combination("Jane Campion", 1993, ("Drama",)))
MODEL = "cd" * 32


def reply_of(device: Device, running: RunningFunction, payload: bytes | str) -> VerificationReply:
    replies = device.listening(topics.verification_reply(THING))
    assert running.call(event_of(payload)).kind == "response"
    return wire.decode(replies.get(timeout=30), VerificationReply)


def request(**changes: Any) -> VerificationRequest:
    return VerificationRequest(
        **({"request_id": wire.new_id(), "model_hash": MODEL, "rows": ROWS} | changes)
    )


def test_a_recorded_request_is_replied_to_with_the_endpoints_scores(
    device: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    asked: list[Any] = []

    def answer(body: bytes) -> tuple[int, bytes, float]:
        asked.append(json.loads(body))
        return 200, json.dumps({"model_hash": MODEL, "scores": [6.5, 7.5]}).encode(), 0

    endpoint.answer = answer
    sent = request()
    reply = reply_of(device, predict, wire.encode(sent))
    assert (reply.request_id, reply.model_hash, reply.scores, reply.error) == (
        *(sent.request_id, MODEL, (6.5, 7.5), None),
    )
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
    name: str, device: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    endpoint.answer = lambda _: (*WRONG_ANSWERS[name], 0)
    sent = request()
    reply = reply_of(device, predict, wire.encode(sent))
    assert reply.request_id == sent.request_id
    assert "endpoint" in (reply.error or "")
    assert reply.scores == ()


def test_a_slow_endpoint_becomes_a_clear_error_reply(
    device: Device, predict: RunningFunction, endpoint: StubEndpoint
) -> None:
    from threading import Event

    released = Event()

    def answer(_: bytes) -> tuple[int, bytes, float]:
        released.wait(30)
        return 500, b"", 0

    endpoint.answer = answer
    try:
        reply = reply_of(device, predict, wire.encode(request()))
    finally:
        released.set()
    assert "in time" in (reply.error or "")


def test_an_endpoint_that_is_not_deployed_becomes_a_clear_error_reply() -> None:
    from lambdas.predict.answer import answer
    from lambdas.predict.sagemaker import SageMakerEndpoint

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
    changes: dict[str, Any], device: Device, predict: RunningFunction
) -> None:
    spoken = msgspec.to_builtins(request()) | changes
    reply = reply_of(device, predict, json.dumps(spoken))
    assert "request refused" in (reply.error or "")
    assert next(iter(changes)) in (reply.error or "")


@pytest.mark.parametrize("payload", [b"", b"{}", b"[", b'{"request_id": "x"}', b"\xff", b"1" * 9])
def test_a_request_without_a_name_cannot_be_replied_to(
    payload: bytes, predict: RunningFunction
) -> None:
    result = predict.call(event_of(payload))
    assert result.kind == "response"
    assert "refused" in result.content
