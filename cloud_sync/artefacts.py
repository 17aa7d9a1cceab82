"""Artefacts in S3, read with temporary credentials from the AWS IoT credentials provider.

The device holds no AWS keys: its X.509 certificate is exchanged, over mutual TLS, for credentials
that may read models for an hour. The only module that uses boto3.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import boto3
import msgspec
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from cloud_sync.config import SyncConfig
from data.errors import GreenlightError

_CHUNK_BYTES = 64 * 1024
_MOST_REPLY_BYTES = 64 * 1024
_THING_HEADER = "x-amzn-iot-thingname"
_DENIED = ("403", "AccessDenied", "Forbidden")
_GONE = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")


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
            body = reply.read(_MOST_REPLY_BYTES)
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


class Bucket:
    """Reads objects from one bucket. Made for each update: credentials last an hour."""

    def __init__(self, config: SyncConfig, name: str) -> None:
        credentials = temporary_credentials(config)
        self._name = name
        self._client = boto3.client(
            "s3",
            region_name=config.region,
            endpoint_url=config.aws_endpoint_url or None,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=BotoConfig(
                connect_timeout=config.connect_timeout_seconds,
                read_timeout=max(config.connect_timeout_seconds, 30),
                # The update is retried as a whole, with jitter.
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"} if config.aws_endpoint_url else None,
            ),
        )

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object's bytes from offset `start`, in chunks.

        Raises:
            ArtefactMissing: there is no such object.
            ArtefactDenied: access is denied. Without the right to list, S3 also answers this for an
                object that doesn't exist.
            RangeRefused: the object isn't longer than `start`.
            CloudUnreachable: anything else, at any chunk.
        """
        try:
            if start:
                found = self._client.get_object(Bucket=self._name, Key=key, Range=f"bytes={start}-")
                if not found.get("ContentRange", "").startswith(f"bytes {start}-"):
                    raise RangeRefused(f"{key}: the reply doesn't start at offset {start}")
            else:
                found = self._client.get_object(Bucket=self._name, Key=key)
            with closing(found["Body"]) as body:
                yield from body.iter_chunks(_CHUNK_BYTES)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _GONE:
                raise ArtefactMissing(f"s3://{self._name}/{key}: doesn't exist") from error
            if code in _DENIED:
                raise ArtefactDenied(
                    f"s3://{self._name}/{key}: doesn't exist, or this device may not read it"
                ) from error
            if code in ("416", "InvalidRange"):
                raise RangeRefused(f"{key}: has nothing from offset {start}") from error
            raise CloudUnreachable(f"s3://{self._name}/{key}: {code}") from error
        except (BotoCoreError, OSError, http.client.HTTPException) as error:
            raise CloudUnreachable(f"s3://{self._name}/{key}: {type(error).__name__}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
