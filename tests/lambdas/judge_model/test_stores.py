"""What the judge reads and writes in S3: only ratings count, and nothing is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from data import topics, wire
from data.film_table import write_films
from data.held_out import is_held_out
from data.ids import new_id
from data.manifest import MANIFEST, MODEL, Manifest
from data.verdict import Judgement
from lambdas.errors import CandidateRejected
from lambdas.judge_model.stores import AwsJudge, NothingToJudgeOn
from lambdas.operator.film_import import put_film_table
from lambdas.store_feedback.ingest import canonical

from ..candidates import left_by_job, verdict
from ..ratings import KEY, held_out, known_films, ratings, store


@pytest.fixture
def buckets(local_cloud: Any) -> tuple[Any, str]:
    """An S3 client, and a bucket of this test's own for everything."""
    s3, bucket = local_cloud.aws.client("s3"), f"judge-{new_id()[-12:]}"
    s3.create_bucket(Bucket=bucket)
    return s3, bucket


@pytest.fixture
def judge(buckets: tuple[Any, str]) -> AwsJudge:
    s3, bucket = buckets
    return AwsJudge(s3, bucket, bucket)


def publish(buckets: tuple[Any, str], bundle: Path, version: int, *names: str) -> None:
    s3, bucket = buckets
    files = left_by_job(bundle, version)
    for name in names:
        key = topics.bundle_prefix("films", version) + name
        s3.put_object(Bucket=bucket, Key=key, Body=files[f"bundle/{name}"])


def test_owners_held_out_ratings_are_judged_on_and_nothing_else(
    buckets: tuple[Any, str], judge: AwsJudge, tmp_path: Path
) -> None:
    s3, bucket = buckets
    write_films(tmp_path / "films.csv", known_films())
    put_film_table(s3, bucket, tmp_path / "films.csv", KEY)
    made = ratings(60)
    simulated = [msgspec.structs.replace(one, id=new_id(), source="simulated") for one in made]
    # Both are held out. One is corrected, the other one taken back.
    changed, gone = [one for one in made if held_out(one)][:2]
    newer = [
        msgspec.structs.replace(one, id=new_id(), stars=stars, replaces=one.id, schema_version=2)
        for one, stars in ((changed, 1), (gone, None))
    ]
    store(s3, bucket, [*made, *simulated[:5], *newer])
    made = [one for one in made if one not in (changed, gone)] + newer[:1]
    for name, body in (("x", b"{"), (new_id(), wire.encode(made[0]))):
        key = topics.feedback_object(name, held_out=True)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    # However it got there, a rating that trains decides nothing.
    s3.put_object(Bucket=bucket, Key=topics.feedback_object(changed.id), Body=canonical(changed))
    found = judge.data()
    kept = [one for one in made if held_out(one)]
    assert found.held_out == sorted(kept, key=lambda one: one.id)
    training = [one for one in (*made, *simulated[:5]) if not held_out(one)]
    assert found.ratings == len(training) + 1 + len(kept)
    shown = [
        film
        for film in known_films()
        if not is_held_out(KEY, film.director, film.year, film.genres, film.title)
    ]
    assert len(shown) < len(known_films())
    assert [film.combination for film in found.table] == [film.combination for film in shown]
    s3.delete_object(Bucket=bucket, Key=f"{topics.FILM_TABLE_PREFIX}movie_ratings_simple.csv")
    with pytest.raises(NothingToJudgeOn, match="upload one table"):
        judge.data()


def test_the_model_to_beat_is_the_newest_complete_one_below_the_candidate(
    buckets: tuple[Any, str], judge: AwsJudge, example: Path
) -> None:
    with pytest.raises(CandidateRejected, match="no release below version 4"):
        judge.incumbent(4)
    publish(buckets, example, 1, MODEL, MANIFEST)
    publish(buckets, example, 2, MODEL)
    publish(buckets, example, 4, MODEL, MANIFEST)
    found = judge.incumbent(4)
    assert found.identity.version == 1, "2 has no manifest yet, and 4 is the candidate's own"
    assert found.model == (example / MODEL).read_bytes()
    s3, bucket = buckets
    key = topics.bundle_prefix("films", 1) + MODEL
    s3.put_object(Bucket=bucket, Key=key, Body=b"another")
    with pytest.raises(NothingToJudgeOn, match="isn't the file"):
        judge.incumbent(4)


def test_looks_are_counted_once_each_and_verdicts_never_change(
    judge: AwsJudge, example: Path
) -> None:
    looks = [judge.look("0" * 64, archive) for archive in ("b", "a", "b", "c", "a")]
    assert looks == [1, 2, 1, 3, 2]
    assert judge.look("1" * 64, "b") == 1, "against another model"
    job = "greenlight-retrain-20260102T030405Z"
    manifest = msgspec.json.decode(left_by_job(example)[f"bundle/{MANIFEST}"], type=Manifest)
    first, second = (
        Judgement(job=job, archive_sha256=digit * 64, verdict=verdict(manifest)) for digit in "01"
    )
    assert judge.judgement(job) is None
    assert judge.write(first) == first
    assert judge.write(second) == first
    assert judge.judgement(job) == first


def test_an_output_that_is_missing_or_too_large_is_rejected(
    buckets: tuple[Any, str], judge: AwsJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, bucket = buckets
    with pytest.raises(CandidateRejected, match="is missing"):
        judge.archive("job")
    s3.put_object(Bucket=bucket, Key=topics.candidate_object("job"), Body=b"12345")
    assert judge.archive("job") == b"12345"
    monkeypatch.setattr("lambdas.judge_model.stores.MAX_ARCHIVE_BYTES", 4)
    with pytest.raises(CandidateRejected, match="has 5 bytes; 4 are allowed"):
        judge.archive("job")
