"""Feedback objects in S3. The only module of training that uses boto3."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from training.errors import SourceUnavailable
from training.retraining.objects import MOST_BYTES, S3, SUFFIX, Gone

_READERS = 16
_PATIENT = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 8},
    max_pool_connections=_READERS,
)
# S3's codes for an object that was deleted after it was listed.
_GONE = ("NoSuchKey", "404")


class BucketObjects:
    """Objects under a prefix of a bucket, `bucket/feedback/`."""

    most_readers = _READERS

    def __init__(self, place: str, endpoint_url: str | None = None) -> None:
        self._bucket, _, self._prefix = place.partition("/")
        if not self._bucket:
            raise SourceUnavailable(f"{S3}{place}: names no bucket; give s3://bucket/feedback/")
        if self._prefix and not self._prefix.endswith("/"):
            self._prefix += "/"
        self.place = f"{S3}{self._bucket}/{self._prefix}"
        try:
            self._s3 = boto3.client("s3", endpoint_url=endpoint_url, config=_PATIENT)
        except (BotoCoreError, ValueError) as error:
            raise SourceUnavailable(f"{self.place}: {error}") from error

    def keys(self) -> Iterator[str]:
        """Yield the key of each `.json` object without the prefix, like a file's name."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        try:
            for page in pages:
                for found in page.get("Contents", []):
                    if found["Key"].endswith(SUFFIX):
                        yield found["Key"].removeprefix(self._prefix)
        except (ClientError, BotoCoreError) as error:
            raise SourceUnavailable(f"{self.place}: cannot be listed: {error}") from error

    def read(self, key: str) -> bytes:
        """Return an object's content."""
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"]
            with body:
                return bytes(body.read(MOST_BYTES))
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise Gone("it was deleted") from error
            raise SourceUnavailable(f"{self.place}{key}: cannot be read: {error}") from error
        except BotoCoreError as error:
            raise SourceUnavailable(f"{self.place}{key}: cannot be read: {error}") from error
