"""Reads single S3 objects within limits, and puts new ones without replacing any."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lambdas.errors import CandidateRejected


def read_object(s3: Any, bucket: str, key: str, most_bytes: int) -> bytes | None:
    """Return an object's bytes, or None if there is none.

    Raises:
        CandidateRejected: it is larger than allowed, and isn't read.
    """
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    if found["ContentLength"] > most_bytes:
        raise CandidateRejected(
            f"{key}: has {found['ContentLength']} bytes; {most_bytes} are allowed"
        )
    content: bytes = found["Body"].read()
    return content


def put_new_object(s3: Any, bucket: str, key: str, content: bytes, **more: str) -> bool:
    """Put an object unless its key exists; return whether it was put.

    Args:
        s3: the S3 client.
        bucket: its bucket.
        key: its key.
        content: its bytes.
        more: further arguments of `put_object`.
    """
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*", **more)
    except ClientError as error:
        # 412: it exists. A 409 (two writers at once) is raised: a retry gets a 412.
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        return False
    return True
