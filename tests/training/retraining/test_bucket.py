"""Feedback from S3: the real local cloud's bucket, as the real library lists and reads it."""

import pytest

from data import topics
from data.film_table import write_films
from lambdas.store_feedback.ingest import canonical
from local_cloud.emulator import REGION
from training.errors import SourceUnavailable
from training.export.example_bundle import made_up_films
from training.retraining.compact import compact

from .made_up_feedback import made_up_feedback, write_objects

# More than a page of a listing, which is 1,000 keys.
RATINGS = 1_100


@pytest.fixture(scope="module")
def bucket(local_cloud):
    """A separate bucket for this file: the session's bucket has other tests' ratings."""
    s3 = local_cloud.aws.client("s3")
    s3.create_bucket(Bucket="ratings-to-compact")
    return s3, "ratings-to-compact", local_cloud.aws.local.aws_endpoint_url


@pytest.fixture(autouse=True)
def as_the_bucket(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)


def test_a_bucket_gives_the_set_that_a_folder_gives(bucket, tmp_path):
    s3, name, url = bucket
    films = made_up_films()
    write_films(tmp_path / "films.csv", films)
    records = write_objects(tmp_path / "feedback", made_up_feedback(films, RATINGS))
    for record in records:
        s3.put_object(Bucket=name, Key=topics.feedback_object(record.id), Body=canonical(record))
    s3.put_object(Bucket=name, Key="feedback/torn.json", Body=b"{")
    s3.put_object(Bucket=name, Key="films/other.json", Body=b"not under the prefix")
    (tmp_path / "feedback" / "torn.json").write_bytes(b"{")
    table = tmp_path / "films.csv"
    there = compact(f"s3://{name}/feedback/", table, tmp_path / "s3", endpoint_url=url)
    here = compact(str(tmp_path / "feedback"), table, tmp_path / "folder")
    assert there.folder.name == here.folder.name
    assert there.manifest.counts.objects == RATINGS + 1
    fresh = next(made_up_feedback(films, 1, seed=1))
    s3.put_object(Bucket=name, Key=topics.feedback_object(fresh.id), Body=canonical(fresh))
    again = compact(f"s3://{name}/feedback", table, tmp_path / "s3", endpoint_url=url)
    assert again.manifest.counts.owner == RATINGS + 1


def test_a_bucket_that_is_not_there_is_named(bucket, tmp_path):
    write_films(tmp_path / "films.csv", made_up_films())
    with pytest.raises(SourceUnavailable, match="s3://no-such-bucket/feedback/: cannot be listed"):
        compact(
            "s3://no-such-bucket/feedback/",
            tmp_path / "films.csv",
            tmp_path / "work",
            endpoint_url=bucket[2],
        )
