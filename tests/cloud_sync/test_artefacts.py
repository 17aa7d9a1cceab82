"""Objects in the models bucket, read as the device reads them."""

from __future__ import annotations

import dataclasses

import pytest
from rig.pi import Pi

from cloud_sync.artefacts import (
    ArtefactDenied,
    ArtefactMissing,
    Bucket,
    CloudUnreachable,
    RangeRefused,
)
from cloud_sync.config import read
from data.manifest import MODEL


def test_objects_are_read_from_any_offset_and_each_failure_has_its_own_error(pi: Pi) -> None:
    _, published = pi.publish(1)
    config = read(pi.config, pi.state)
    prefix = f"models/{pi.thing.lower()}/1/"
    whole = published.objects[published.prefix + MODEL]
    bucket = Bucket(config, config.models_bucket)
    assert b"".join(bucket.read(prefix + MODEL)) == whole
    assert b"".join(bucket.read(prefix + MODEL, 70_000)) == whole[70_000:]
    with pytest.raises(RangeRefused):
        list(bucket.read(prefix + MODEL, len(whole)))
    # The device can't list, so AWS answers "denied" for a missing object; the local cloud doesn't.
    with pytest.raises((ArtefactMissing, ArtefactDenied)):
        list(bucket.read(prefix + "nothing.onnx"))
    with pytest.raises(ArtefactDenied):
        list(bucket.read("secrets/of/others"))
    bucket.close()
    with pytest.raises(CloudUnreachable, match="credentials provider"):
        Bucket(dataclasses.replace(config, role_alias="another"), config.models_bucket)
    with pytest.raises(CloudUnreachable, match="credentials provider"):
        Bucket(
            dataclasses.replace(config, credentials_url="https://localhost:1"),
            config.models_bucket,
        )
