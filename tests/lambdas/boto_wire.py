"""boto3's own clients, whose requests a test answers instead of AWS."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config


class _Body(io.BytesIO):
    """An answer's body, as botocore reads one."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def answered_client(service: str, answer: Callable[[AWSRequest], tuple[int, bytes]]) -> Any:
    """Return a client of a service; `answer` gives each request its status and body."""
    # boto3-stubs wants a literal service name.
    made = boto3.client(  # type: ignore[call-overload]
        service,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        # What is refused is refused at once.
        config=Config(retries={"total_max_attempts": 1}),
    )

    def send(request: AWSRequest, **_: Any) -> AWSResponse:
        status, body = answer(request)
        return AWSResponse(request.url, status, {"content-length": str(len(body))}, _Body(body))

    made.meta.events.register(f"before-send.{service}", send)
    return made
