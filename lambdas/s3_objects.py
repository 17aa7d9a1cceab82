"""S3 clients for our own buckets; reads objects within limits, puts new ones, replaces none."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lambdas.errors import CandidateRejected


def in_own_buckets(s3: Any, account: str) -> Any:
    """Return the S3 client, which from now on uses buckets of this account only.

    Bucket names are the whole world's: a bucket of ours that is missing could be somebody else's.
    S3 refuses each call whose bucket belongs to another account ("Verifying bucket ownership with
    bucket owner condition", Amazon S3 User Guide).
    """

    def with_owner(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        if "Bucket" in params and "ExpectedBucketOwner" in model.input_shape.members:
            params.setdefault("ExpectedBucketOwner", account)
        return params

    s3.meta.events.register("provide-client-params.s3", with_owner)
    return s3


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
