"""Artefacts in S3, read with temporary credentials from the AWS IoT credentials provider.

The device holds no AWS keys: its X.509 certificate is exchanged, over mutual TLS, for credentials
that may read models for an hour. The only module that uses boto3, and only to find the address and
to sign. Answers are read here, so that errors are read within limits and no redirect is followed.
"""

from __future__ import annotations

import http.client
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import msgspec
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from cloud_sync.config import SyncConfig
from data.errors import GreenlightError

_CHUNK_BYTES = 64 * 1024
_MOST_REPLY_BYTES = 64 * 1024
_THING_HEADER = "x-amzn-iot-thingname"
# How much of an error's body is read, and for how long: the rest adds nothing.
_MOST_ERROR_BYTES = 4096
_ERROR_SECONDS = 10.0
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")


class ArtefactMissing(GreenlightError):
    """The object doesn't exist: trying again won't help."""


class ArtefactDenied(GreenlightError):
    """Access denied: the object doesn't exist, or this device may not read it."""


class CloudUnreachable(GreenlightError):
    """The cloud didn't answer, or can't right now: worth another try later."""


class RangeRefused(GreenlightError):
    """The object ends before this offset: what was fetched before isn't part of it."""


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """Temporary credentials; never logged."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id[:4]}..., expire {self.expiration})"


class _Reply(msgspec.Struct):
    credentials: Credentials


def temporary_credentials(config: SyncConfig) -> Credentials:
    """Exchange the device's certificate for credentials.

    Raises:
        CloudUnreachable: the provider did not answer or refused.
    """
    url = urlsplit(config.credentials_url)
    try:
        context = ssl.create_default_context(cafile=str(config.root_ca))
        context.load_cert_chain(config.certificate, config.private_key)
        connection = http.client.HTTPSConnection(
            url.hostname or "", url.port, timeout=config.connect_timeout_seconds, context=context
        )
        with closing(connection):
            path = f"/role-aliases/{config.role_alias}/credentials"
            connection.request("GET", path, headers={_THING_HEADER: config.thing})
            reply = connection.getresponse()
            body = _bounded(reply.read1, _MOST_REPLY_BYTES, config.connect_timeout_seconds)
    except (OSError, http.client.HTTPException) as error:
        raise CloudUnreachable(f"credentials provider: {error}") from error
    if reply.status != http.HTTPStatus.OK:
        raise CloudUnreachable(
            f"credentials provider: answered {reply.status}; is the certificate active, attached to"
            f" {config.thing} and allowed to use {config.role_alias}?"
        )
    try:
        return msgspec.json.decode(body, type=_Reply).credentials
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CloudUnreachable("credentials provider: sent no credentials") from error


class _Answered(Exception):
    """The answer wasn't an object."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


def _bounded(read: Callable[[int], bytes], most_bytes: int, seconds: float) -> bytes:
    """Return what `read` gives: until its end, this many bytes, or this many seconds."""
    content = b""
    deadline = time.monotonic() + seconds
    while len(content) < most_bytes and time.monotonic() < deadline:
        piece = read(most_bytes - len(content))
        if not piece:
            break
        content += piece
    return content


def _trusted_authorities() -> str | bool:
    """Return the file of authorities that boto3 would use, or True for its own."""
    named = botocore.session.get_session().get_config_variable("ca_bundle")
    return str(named or os.environ.get("REQUESTS_CA_BUNDLE") or "") or True


class Bucket:
    """Reads objects from one bucket. Made for each update: credentials last an hour."""

    def __init__(self, config: SyncConfig, name: str) -> None:
        credentials = temporary_credentials(config)
        self._name = name
        self._raw: Any = None
        self._client: Any = boto3.client(
            "s3",
            region_name=config.region,
            endpoint_url=config.aws_endpoint_url or None,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=BotoConfig(
                # The update is retried as a whole, with jitter.
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"} if config.aws_endpoint_url else None,
            ),
        )
        waits: Any = (config.connect_timeout_seconds, max(config.connect_timeout_seconds, 30))
        verify: Any = _trusted_authorities()
        self._http = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._client.meta.endpoint_url),
            timeout=waits,
        )
        send: Any = self._send
        self._client.meta.events.register("before-send.s3.GetObject", send)

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object's bytes from offset `start`, in chunks.

        Raises:
            ArtefactMissing: there is no such object.
            ArtefactDenied: access is denied. Without the right to list, S3 also answers this for an
                object that doesn't exist.
            RangeRefused: the object isn't longer than `start`.
            CloudUnreachable: anything else, at any chunk.
        """
        asked = {"Range": f"bytes={start}-"} if start else {}
        try:
            found = self._client.get_object(Bucket=self._name, Key=key, **asked)
            if start and not found.get("ContentRange", "").startswith(f"bytes {start}-"):
                raise RangeRefused(f"{key}: the reply doesn't start at offset {start}")
            with closing(self._raw) as body:
                # Whatever has come, not a whole piece: a server that sends byte by byte would
                # hold us here for hours.
                while piece := body.read1(_CHUNK_BYTES, decode_content=False):
                    yield piece
        except _Answered as error:
            raise self._meaning(key, start, error) from error
        except (BotoCoreError, HTTPError, OSError, http.client.HTTPException) as error:
            raise CloudUnreachable(f"s3://{self._name}/{key}: {type(error).__name__}") from error

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send boto3's signed request. An error is raised from here, before boto3 reads it."""
        response = self._http.send(request)
        self._raw = response.raw
        if response.status_code in (http.HTTPStatus.OK, http.HTTPStatus.PARTIAL_CONTENT):
            return response
        with closing(response.raw):
            read = partial(response.raw.read1, decode_content=False)
            body = _bounded(read, _MOST_ERROR_BYTES, _ERROR_SECONDS)
        code = _CODE.search(body)
        raise _Answered(response.status_code, code[1].decode() if code else "")

    def _meaning(self, key: str, start: int, answer: _Answered) -> GreenlightError:
        where = f"s3://{self._name}/{key}"
        match answer.status, answer.code:
            case 404, _:
                return ArtefactMissing(f"{where}: doesn't exist")
            case 403, "" | "AccessDenied" | "Forbidden":
                return ArtefactDenied(f"{where}: doesn't exist, or this device may not read it")
            case 416, _:
                return RangeRefused(f"{key}: has nothing from offset {start}")
            case ((301 | 302 | 303 | 307 | 308), _):
                return CloudUnreachable(
                    f"{where}: the answer is a redirect ({answer.status}), which isn't followed; do"
                    " region and bucket belong together?"
                )
            case status, code:
                return CloudUnreachable(f"{where}: {code or status}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._http.close()
