"""The ML endpoint's serving code, under SageMaker's contract: `GET /ping`, `POST /invocations`.

It answers with the *scikit-learn* model, so comparing its answers with a device's checks the ONNX
export, not the export against itself. It can be asked for the model before too, if `before.npz` is
beside the arrays: during a rollout, devices run either. Run with
`python -m training.serve --arrays FILE --port N`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data import limits, wire
from data.errors import InvalidRecord
from data.films import Combination
from data.manifest import ARRAYS_BEFORE
from training.errors import ArraysUnusable
from training.export.arrays import SavedModel, load_arrays
from training.model.records import frame_of_combinations

_JSON = "application/json"


class Invocation(msgspec.Struct):
    """A request: the rows to score, in order, and the hash of the ONNX file to score them for.

    Without a hash, or with one of a model that isn't here, the newest model answers; the reply says
    which it was.
    """

    rows: list[Combination]
    model_hash: str = ""


class ScoreReply(msgspec.Struct):
    """The reply: the expected stars of each row, and the hash of the ONNX file they are for."""

    model_hash: str
    scores: list[float]


class ErrorReply(msgspec.Struct):
    """The reply to a request that can't be answered."""

    error: str


def application(*models: SavedModel) -> Starlette:
    """Return the web application that serves these models, the newest first."""

    def ping(request: Request) -> Response:
        return Response(status_code=200)

    async def invocations(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > limits.MAX_PAYLOAD_BYTES:
                error = f"the request has over {limits.MAX_PAYLOAD_BYTES} bytes; send fewer rows"
                return _reply(ErrorReply(error), 413)
        try:
            return _reply(answer(models, body))
        except InvalidRecord as error:
            return _reply(ErrorReply(str(error)), 400)

    routes = [Route("/ping", ping), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes)


def answer(models: Sequence[SavedModel], body: bytes) -> ScoreReply:
    """Return the scores of the rows in a request's body.

    Raises:
        InvalidRecord: naming the field that is wrong.
    """
    try:
        invocation = msgspec.json.decode(body, type=Invocation)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wire.refusal(error, "the request") from error
    rows = invocation.rows
    if not 1 <= len(rows) <= limits.MAX_VERIFICATION_ROWS:
        raise InvalidRecord(
            "rows", f"holds {len(rows)} rows; give 1 to {limits.MAX_VERIFICATION_ROWS}"
        )
    for index, row in enumerate(rows):
        row.check(f"rows[{index}].")
    asked = [one for one in models if one.model_hash == invocation.model_hash]
    saved = (asked or models)[0]
    scores = saved.model.predict(frame_of_combinations(rows))
    return ScoreReply(saved.model_hash, [float(score) for score in scores])


def _reply(record: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(record), status_code=status, media_type=_JSON)


def loaded(arrays: Path) -> list[SavedModel]:
    """Return the model in a file, and the one before it if that is beside it.

    Raises:
        ArraysUnusable: there is no model in the file. One before it that is unusable is left out:
            devices that still run it are answered for the new one, and skip the comparison.
    """
    models = [load_arrays(arrays)]
    if (before := arrays.with_name(ARRAYS_BEFORE)).exists():
        try:
            models.append(load_arrays(before))
        except ArraysUnusable as error:
            print(f"training.serve: {error}", file=sys.stderr)
    return models


def serve(
    arrays: Annotated[Path, typer.Option(help="arrays.npz beside a bundle")],
    port: Annotated[int, typer.Option(help="the port; SageMaker uses 8080")] = 8080,
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
    inherited: Annotated[
        int | None, typer.Option(help="a listening socket's number, in place of host and port")
    ] = None,
) -> None:
    """Serve a model, and the one before it if there is one, until interrupted."""
    try:
        models = loaded(arrays)
    except ArraysUnusable as error:
        print(f"training.serve: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    uvicorn.run(application(*models), host=host, port=port, fd=inherited, log_level="warning")


if __name__ == "__main__":
    typer.run(serve)
