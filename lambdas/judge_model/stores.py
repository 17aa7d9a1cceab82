"""S3 as judge_model uses it: it reads what it judges on and the models, and writes verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from data import limits, topics, wire
from data.corrections import that_count
from data.errors import GreenlightError, InvalidRecord
from data.film_table import is_film, read_rows
from data.films import Film
from data.manifest import MANIFEST, MODEL, FileEntry, Manifest
from data.messages import Feedback
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Judgement, ModelIdentity
from lambdas.candidate import MAX_ARCHIVE_BYTES
from lambdas.errors import CandidateRejected
from lambdas.judge_model.judge import HeldOutData, Incumbent
from lambdas.release import versions
from lambdas.s3_objects import put_new_object, read_object
from lambdas.training_jobs import MODEL_NAME

READERS = 16
# So many are read in about two minutes.
MOST_RATINGS = 50_000
_MAX_TABLE_BYTES = 256 * 1024 * 1024


class NothingToJudgeOn(GreenlightError):
    """The ratings or the film table can't be used; the message says why."""


class AwsJudge:
    """S3, or the local cloud's.

    Args:
        s3: the S3 client.
        data_bucket: with the held-out ratings and the film table.
        models_bucket: with candidates, releases and verdicts.
        model_name: of the stack's models.
    """

    def __init__(
        self, s3: Any, data_bucket: str, models_bucket: str, model_name: str = MODEL_NAME
    ) -> None:
        self._s3 = s3
        self._data = data_bucket
        self._models = models_bucket
        self.model_name = model_name

    def judgement(self, job: str) -> Judgement | None:
        """Return what was judged of a job before, if anything."""
        raw = self._find(topics.judged_prefix(job) + VERDICT, MAX_VERDICT_BYTES)
        return None if raw is None else wire.decode(raw, Judgement, MAX_VERDICT_BYTES)

    def archive(self, job: str) -> bytes:
        """Return the `model.tar.gz` that a job wrote."""
        key = topics.candidate_object(job)
        raw = self._find(key, MAX_ARCHIVE_BYTES)
        if raw is None:
            raise CandidateRejected(f"{key}: is missing")
        return raw

    def incumbent(self, below: int) -> Incumbent:
        """Return the newest complete release below a version."""
        released = versions(self._s3, self._models, self.model_name)
        for version in reversed([one for one in released if one < below]):
            prefix = topics.bundle_prefix(self.model_name, version)
            # A manifest is put last, so a release that has one is complete.
            raw = self._find(prefix + MANIFEST, limits.MAX_MANIFEST_BYTES)
            if raw is None:
                continue
            manifest = wire.decode(raw, Manifest, limits.MAX_MANIFEST_BYTES)
            model = self._find(prefix + MODEL, limits.MAX_MODEL_BYTES)
            if model is None or FileEntry.of(model) != manifest.files[MODEL]:
                raise NothingToJudgeOn(f"{prefix}{MODEL} isn't the file that its manifest lists")
            return Incumbent(ModelIdentity(version, manifest.model_hash), model)
        raise CandidateRejected(f"there is no release below version {below} to compare it with")

    def data(self) -> HeldOutData:
        """Return what to judge on: the owners' held-out ratings by id, and the film table."""
        held = that_count(one for one in self._ratings() if one.source == "owner")
        training = sum(1 for _ in self._objects(self._data, topics.FEEDBACK_PREFIX))
        return HeldOutData(
            sorted(held, key=lambda record: record.id), training + len(held), self._film_table()
        )

    def look(self, incumbent: str, archive: str) -> int:
        """Count a look by a marker, put before the ratings are looked at."""
        prefix = topics.looks_prefix(incumbent)
        taken = {found["Key"] for found in self._objects(self._models, prefix)}
        number = len(taken | {prefix + archive})
        if self._put_new(prefix + archive, str(number).encode()):
            return number
        return int(self._find(prefix + archive, 20) or number)

    def write(self, judgement: Judgement) -> Judgement:
        """Write a job's verdict, unless there is one; return the one that counts."""
        key = topics.judged_prefix(judgement.job) + VERDICT
        if self._put_new(key, wire.encode(judgement, MAX_VERDICT_BYTES)):
            return judgement
        return self.judgement(judgement.job) or judgement

    def _ratings(self) -> Iterator[Feedback]:
        """Yield the newest held-out ratings, as S3 received them; anything else is skipped."""
        found = sorted(
            self._objects(self._data, topics.HELD_OUT_PREFIX), key=lambda one: one["LastModified"]
        )
        keys = [str(one["Key"]) for one in found[-MOST_RATINGS:]]
        with ThreadPoolExecutor(READERS) as readers:
            for key, record in zip(keys, readers.map(self._rating, keys), strict=True):
                # One rating an object: a second object can't repeat its id.
                if record is not None and key == topics.feedback_object(record.id, held_out=True):
                    yield record

    def _rating(self, key: str) -> Feedback | None:
        try:
            raw = self._find(key, limits.MAX_PAYLOAD_BYTES, self._data)
            return None if raw is None else wire.decode(raw, Feedback)
        except (InvalidRecord, CandidateRejected):
            return None

    def _film_table(self) -> Sequence[Film]:
        keys = [found["Key"] for found in self._objects(self._data, topics.FILM_TABLE_PREFIX)]
        if len(keys) != 1:
            raise NothingToJudgeOn(
                f"{topics.FILM_TABLE_PREFIX} holds {len(keys)} files; "
                "upload one table with `greenlight-cloud model retrain --films FILE`"
            )
        raw = self._find(keys[0], _MAX_TABLE_BYTES, self._data) or b""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / keys[0].rpartition("/")[2]
            path.write_bytes(raw)
            films = [row for row in read_rows(path) if is_film(row)]
        if not films:
            raise NothingToJudgeOn(f"{keys[0]} has no rows to learn from")
        return films

    def _objects(self, bucket: str, prefix: str) -> Iterator[Any]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", [])

    def _find(self, key: str, most_bytes: int, bucket: str | None = None) -> bytes | None:
        return read_object(self._s3, bucket or self._models, key, most_bytes)

    def _put_new(self, key: str, content: bytes) -> bool:
        return put_new_object(self._s3, self._models, key, content, ContentType="application/json")
