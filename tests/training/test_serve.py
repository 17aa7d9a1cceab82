"""The endpoint's serving code, over real HTTP on loopback."""

import json
import shutil
import threading
import urllib.error
import urllib.request

import pytest
import typer
import uvicorn

from data.bundle import beside
from data.manifest import ARRAYS, ARRAYS_BEFORE
from training.export.arrays import load_arrays
from training.serve import answer, application, loaded, serve

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def address(example):
    arrays = load_arrays(beside(example.folder) / ARRAYS)
    server = uvicorn.Server(
        uvicorn.Config(application(arrays), host="127.0.0.1", port=0, log_level="warning")
    )
    started = threading.Event()
    begin = server.startup

    async def startup(*args, **kwargs):
        await begin(*args, **kwargs)
        started.set()

    server.startup = startup
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def post(address: str, body: bytes):
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{address}/invocations", body), timeout=20
        ) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_model_before_answers_for_its_own_hash_and_the_newest_for_any_other(example):
    newest = load_arrays(beside(example.folder) / ARRAYS)
    before = newest._replace(model_hash="b" * 64)
    rows = [{"director": "Director 0001", "year": 1990, "genres": ["Comedy"]}]

    def answered_by(asked: dict) -> str:
        body = json.dumps({"rows": rows, **asked}).encode()
        return answer([newest, before], body).model_hash

    assert answered_by({"model_hash": before.model_hash}) == before.model_hash
    assert answered_by({"model_hash": newest.model_hash}) == newest.model_hash
    assert answered_by({"model_hash": "c" * 64}) == newest.model_hash
    assert answered_by({}) == newest.model_hash, "an older stack doesn't say which"


def test_a_model_before_that_is_unusable_is_left_out_and_named(example, tmp_path, capsys):
    shutil.copy(beside(example.folder) / ARRAYS, tmp_path / ARRAYS)
    assert len(loaded(tmp_path / ARRAYS)) == 1
    shutil.copy(beside(example.folder) / ARRAYS, tmp_path / ARRAYS_BEFORE)
    assert len(loaded(tmp_path / ARRAYS)) == 2
    assert capsys.readouterr().err == ""
    (tmp_path / ARRAYS_BEFORE).write_bytes(b"no arrays")
    assert len(loaded(tmp_path / ARRAYS)) == 1
    assert str(tmp_path / ARRAYS_BEFORE) in capsys.readouterr().err


def test_ping_is_answered(address):
    assert urllib.request.urlopen(f"{address}/ping", timeout=20).status == 200


def test_scores_come_from_scikit_learn_with_the_models_hash(address, example):
    rows = [
        {"director": "Director 0001", "year": 1990, "genres": ["Comedy", "Drama"]},
        {"director": "who?", "year": 2050, "genres": ["no genre known"]},
    ]
    status, reply = post(address, json.dumps({"rows": rows, "more": 1}).encode())
    assert status == 200
    asked = [(r["director"], r["year"], *(r["genres"] + ["None"] * 3)[:3]) for r in rows]
    assert reply["scores"] == list(example.model.predict(asked)), "bit for bit"
    assert reply["model_hash"] == load_arrays(beside(example.folder) / ARRAYS).model_hash
    assert abs(reply["scores"][0] - example.scorer.score(asked).expected[0]) < 1e-3


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "the request isn't JSON"),
        (b'{"rows": []}', 400, "rows"),
        (
            b'{"rows": [{"director": "A", "year": 1990, "genres": []}]}',
            400,
            "`genres` in entry 1 of `rows`",
        ),
        (
            b'{"rows": [{"director": "A", "year": "x", "genres": ["D"]}]}',
            400,
            "`year` in entry 1 of `rows` must be a whole number, not text",
        ),
        (b'{"rows": "' + b"x" * 100_001 + b'"}', 413, "bytes"),
    ],
)
def test_a_wrong_request_is_refused_by_name(address, body, status, says):
    code, reply = post(address, body)
    assert code == status
    assert says in reply["error"]


@pytest.mark.parametrize("content", [b"", b"no arrays", None])
def test_a_file_that_is_not_a_model_is_refused_before_it_is_served(content, tmp_path, capsys):
    path = tmp_path / "arrays.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(typer.Exit):
        serve(path)
    assert str(path) in capsys.readouterr().err
