"""The ML endpoint's serving code, under SageMaker's contract: `GET /ping`, `POST /invocations`.

It answers with the *scikit-learn* model, so comparing its answers with a device's checks the ONNX
export, not the export against itself. Run with `python -m training.serve --arrays FILE --port N`.
"""

from __future__ import annotations

import sys
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
from training.errors import ArraysUnusable
from training.export.arrays import SavedModel, load_arrays
from training.model.records import frame_of_combinations

_JSON = "application/json"


class Invocation(msgspec.Struct):
    """A request: the rows to score, in order."""

    rows: list[Combination]


class ScoreReply(msgspec.Struct):
    """The reply: the expected stars of each row, and the hash of the ONNX file they are for."""

    model_hash: str
    scores: list[float]


class ErrorReply(msgspec.Struct):
    """The reply to a request that can't be answered."""

    error: str


def application(saved: SavedModel) -> Starlette:
    """Return the web application that serves this model."""

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
            return _reply(answer(saved, body))
        except InvalidRecord as error:
            return _reply(ErrorReply(str(error)), 400)

    routes = [Route("/ping", ping), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes)


def answer(saved: SavedModel, body: bytes) -> ScoreReply:
    """Return the scores of the rows in a request's body.

    Raises:
        InvalidRecord: naming the field that is wrong.
    """
    try:
        rows = msgspec.json.decode(body, type=Invocation).rows
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wire.refusal(error, "the request") from error
    if not 1 <= len(rows) <= limits.MAX_VERIFICATION_ROWS:
        raise InvalidRecord(
            "rows", f"holds {len(rows)} rows; give 1 to {limits.MAX_VERIFICATION_ROWS}"
        )
    for index, row in enumerate(rows):
        row.check(f"rows[{index}].")
    scores = saved.model.predict(frame_of_combinations(rows))
    return ScoreReply(saved.model_hash, [float(score) for score in scores])


def _reply(record: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(record), status_code=status, media_type=_JSON)


def serve(
    arrays: Annotated[Path, typer.Option(help="arrays.npz beside a bundle")],
    port: Annotated[int, typer.Option(help="the port; SageMaker uses 8080")] = 8080,
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
    inherited: Annotated[
        int | None, typer.Option(help="a listening socket's number, in place of host and port")
    ] = None,
) -> None:
    """Serve a model until interrupted."""
    try:
        saved = load_arrays(arrays)
    except ArraysUnusable as error:
        print(f"training.serve: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    uvicorn.run(application(saved), host=host, port=port, fd=inherited, log_level="warning")


if __name__ == "__main__":
    typer.run(serve)
