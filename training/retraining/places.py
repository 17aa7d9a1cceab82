"""Which kind of objects a place names."""

from __future__ import annotations

from pathlib import Path

from training.retraining.objects import S3, FolderObjects, Objects


def objects_at(place: str, endpoint_url: str | None = None) -> Objects:
    """Return the objects of a folder, or of `s3://bucket/prefix/`.

    Raises:
        SourceUnavailable: there is no such place.
    """
    if place.startswith(S3):
        from training.retraining.bucket import BucketObjects  # boto3 is slow to import

        return BucketObjects(place.removeprefix(S3), endpoint_url)
    return FolderObjects(Path(place))
