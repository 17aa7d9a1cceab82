"""S3 with the rights of an IAM role, as SageMaker accesses it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from lambdas.operator.aws import Aws

_SESSION = "sagemaker"
_TIMES = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"})


class Roles:
    """Reads and writes S3 objects with a role's rights."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, role_arn: str, bucket: str, key: str) -> bytes:
        """Return an object's bytes."""
        content: bytes = self._s3(role_arn).get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def write(self, role_arn: str, bucket: str, key: str, path: Path) -> None:
        """Put a file."""
        self._s3(role_arn).upload_file(str(path), bucket, key)

    def download(self, role_arn: str, uri: str, folder: Path) -> int:
        """Download all objects under an S3 URI into a folder; return how many there were."""
        bucket, prefix = split_s3_uri(uri)
        s3, count = self._s3(role_arn), 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                name = PurePosixPath(entry["Key"].removeprefix(prefix).lstrip("/"))
                if ".." in name.parts:
                    continue
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, entry["Key"], str(folder / name))
                count += 1
        return count

    def _s3(self, role_arn: str) -> Any:
        granted = self._aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=_SESSION)[
            "Credentials"
        ]
        return boto3.client(
            "s3",
            region_name=self._aws.region,
            endpoint_url=self._aws.endpoint_url,
            aws_access_key_id=granted["AccessKeyId"],
            aws_secret_access_key=granted["SecretAccessKey"],
            aws_session_token=granted["SessionToken"],
            config=_TIMES,
        )


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and key of an `s3://` URI."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
