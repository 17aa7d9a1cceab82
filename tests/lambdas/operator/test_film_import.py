"""A film table on its way into S3 and DynamoDB, with the original's attribute names."""

import json
import random
import subprocess
import sys

import pytest

from data import topics
from data.film_table import read_rows, write_films
from data.held_out import is_held_out
from lambdas.operator.aws import Wait
from lambdas.operator.film_import import (
    FilmImport,
    ImportFailed,
    NoFilms,
    import_films,
    put_film_table,
)
from lambdas.operator.film_items import items_of

from .test_film_items import LUCKY, made_up


@pytest.fixture
def clients(local_cloud):
    aws = local_cloud.aws
    return aws.client("s3"), aws.client("dynamodb"), aws.outputs("greenlight")


def stored(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


@pytest.fixture
def own_table(clients):
    """A table like the stack's, for this test alone."""
    _, dynamodb, _ = clients
    name = f"films-{random.getrandbits(40):x}"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return name


class Flaky:
    """DynamoDB as it is under load: some items come back, and calls may end altogether."""

    def __init__(self, dynamodb, ends_after=None):
        self._dynamodb = dynamodb
        self.ends_after = ends_after
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._dynamodb, name)

    def batch_write_item(self, RequestItems):
        self.calls += 1
        if self.ends_after is not None and self.calls > self.ends_after:
            raise ConnectionError("the network is gone")
        (table, requests), *_ = RequestItems.items()
        kept, refused = requests[: len(requests) // 2 or 1], requests[len(requests) // 2 or 1 :]
        self._dynamodb.batch_write_item(RequestItems={table: kept})
        return {"UnprocessedItems": {table: refused} if refused else {}}


def job(clients, table, films, dynamodb=None):
    s3, real, outputs = clients
    return FilmImport(s3, dynamodb or real, outputs["DataBucket"], table, items_of(films))


def test_the_command_imports_a_table_and_running_it_again_changes_nothing(
    clients, local_cloud, tmp_path
):
    s3, dynamodb, outputs = clients
    path = tmp_path / "films.csv"
    write_films(path, [LUCKY, LUCKY, *made_up(60)])

    def run():
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "local_cloud",
                "films",
                "import",
                path,
                "--local",
                local_cloud.folder,
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = run()
    assert "61 rows written, 0 were there" in first
    assert "left out 1 rows that name the same as another" in first
    items = stored(dynamodb, outputs["Table"])
    wanted = items_of(read_rows(path)).items
    assert all(items[item["pk"]["S"]] == item for item in wanted)
    place = first.split("s3://")[1].split()[0].split("/", 1)
    listed = s3.list_objects_v2(Bucket=place[0], Prefix=place[1])["Contents"]
    lines = s3.get_object(Bucket=place[0], Key=listed[0]["Key"])["Body"].read().splitlines()
    assert [json.loads(line)["Item"] for line in lines] == list(wanted)
    assert "0 rows written, 61 were there" in run()


def kept(s3, bucket, prefix):
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {found["Key"]: s3.get_object(Bucket=bucket, Key=found["Key"]) for found in listed}


def test_films_held_out_by_the_key_are_kept_from_those_that_models_learn_from(clients, tmp_path):
    s3, bucket = clients[0], f"films-{random.getrandbits(40):x}"
    s3.create_bucket(Bucket=bucket)
    earlier = f"{topics.FILM_TABLE_PREFIX}movie_ratings_simple.tsv"
    s3.put_object(Bucket=bucket, Key=earlier, Body=b"before there was a key")
    films = made_up(300)
    write_films(tmp_path / "films.tsv", films)
    address = put_film_table(s3, bucket, tmp_path / "films.tsv", b"key")
    assert address == f"s3://{bucket}/film-table/movie_ratings_simple.csv"
    parts = []
    for prefix in (topics.FILM_TABLE_PREFIX, topics.FILM_TABLE_HELD_OUT_PREFIX):
        ((key, found),) = kept(s3, bucket, prefix).items()
        path = tmp_path / key.replace("/", "-")
        path.write_bytes(found["Body"].read())
        parts.append(list(read_rows(path)))
    shown, hidden = parts
    assert [film for film in films if film in hidden] == hidden
    assert [film for film in films if film not in hidden] == shown
    assert all(is_held_out(b"key", one.director, one.year, one.genres, one.title) for one in hidden)
    assert hidden
    put_film_table(s3, bucket, tmp_path / "films.tsv", b"another")
    assert len(kept(s3, bucket, "film-table")) == 2, "replaced"


def test_a_table_with_a_row_that_is_not_a_film_is_refused_before_anything_is_uploaded(
    clients, tmp_path
):
    s3, bucket = clients[0], f"films-{random.getrandbits(40):x}"
    s3.create_bucket(Bucket=bucket)
    path = tmp_path / "films.csv"
    write_films(path, made_up(3))
    with path.open("a") as file:
        file.write("A film,2001,Somebody,Drama,None,None,eleven,None,None\n")
    with pytest.raises(NoFilms, match=r"line 5 isn't a film: .*greenlight-train dataset"):
        put_film_table(s3, bucket, path, b"key")
    assert kept(s3, bucket, "") == {}


def test_a_new_table_is_made_by_dynamodbs_own_import(clients):
    _, dynamodb, _ = clients
    films, progress = made_up(130, seed=1), []
    table = f"new-{random.getrandbits(40):x}"
    work = job(clients, table, films)
    work.upload()
    assert "created the table from 130 rows" in import_films(
        work, 130, progress.append, Wait(0.02, 60)
    )
    assert len(stored(dynamodb, table)) == 130
    assert progress[-1] == 130
    assert "0 rows written" in import_films(work, 130, progress.append)


def test_items_that_come_back_are_written_in_the_end(clients, own_table):
    _, dynamodb, _ = clients
    work = job(clients, own_table, made_up(60, seed=2), Flaky(dynamodb))
    waited, progress = [], []
    assert work.write(work.table()["TableId"], progress.append, waited.append) == 60
    assert len(stored(dynamodb, own_table)) == 60
    assert progress == [25, 50, 60]
    assert waited


def test_an_interrupted_run_goes_on_where_it_stopped(clients, own_table):
    _, dynamodb, _ = clients
    films = made_up(1_200, seed=3)
    flaky = Flaky(dynamodb, ends_after=270)
    work = job(clients, own_table, films, flaky)
    table_id = work.table()["TableId"]
    with pytest.raises(ConnectionError):
        work.write(table_id, lambda _: None, lambda _: None)
    flaky.ends_after = None
    assert work.write(table_id, lambda _: None, lambda _: None) == 200
    assert len(stored(dynamodb, own_table)) == 1_200
    assert work.write(table_id, lambda _: None, lambda _: None) == 0


def test_a_table_created_again_under_the_same_name_gets_all_films(clients, own_table):
    work = job(clients, own_table, made_up(30, seed=4))
    assert work.write("another table's id", lambda _: None, lambda _: None) == 30
    assert work.write(work.table()["TableId"], lambda _: None, lambda _: None) == 30


def test_items_that_are_never_accepted_end_the_run_and_say_how_to_continue(clients, own_table):
    class Full(Flaky):
        def batch_write_item(self, RequestItems):
            return {"UnprocessedItems": RequestItems}

    work = job(clients, own_table, made_up(5, seed=5), Full(clients[1]))
    with pytest.raises(ImportFailed, match="run this again later"):
        work.write(work.table()["TableId"], lambda _: None, lambda _: None)


def test_a_file_that_is_not_a_film_table_is_refused_before_aws_is_asked(tmp_path):
    (tmp_path / "films.csv").write_text("title,year\n")
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "films", "import", tmp_path / "films.csv"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "lacks the column 'Director1'" in done.stderr


@pytest.mark.parametrize("command", [("films", "import"), ("model", "retrain", "--films")])
def test_a_film_table_that_is_not_there_is_refused_with_where_one_comes_from(
    command, local_cloud, tmp_path
):
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "local_cloud",
                *command,
                str(tmp_path / "nowhere.csv"),
            ),
            *("--local", str(local_cloud.folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"greenlight-cloud: {tmp_path / 'nowhere.csv'} doesn't exist")
    assert "make films" in done.stderr
