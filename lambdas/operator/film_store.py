"""Where a film table lies in AWS: a file that models learn from, and items in S3 and DynamoDB.

Every step may be done again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from data import topics
from data.errors import GreenlightError
from data.film_table import is_film, read_rows
from lambdas.operator.film_items import Item, Items

# Of the file that models learn from.
_NAME = "movie_ratings_simple"
# What BatchWriteItem takes at once, and after how many such batches progress is noted.
_BATCH = 25
_BATCHES_A_NOTE = 40
_ATTEMPTS = 10
_MOST_IMPORT_SECONDS = 2 * 3600.0
_RETRY_CAP_SECONDS = 20.0

Tell = Callable[[int], object]
Pause = Callable[[float], object]


class NoFilms(GreenlightError):
    """This file is no film table to learn from."""


class ImportFailed(GreenlightError):
    """The films are not all in the table; the message says why and what to do."""


def check_there(path: Path) -> None:
    """Raise NoFilms, with where film tables come from, if there is none."""
    if not path.exists():
        raise NoFilms(
            f"{path}: is not there; `make films` writes the sample's film table, "
            "`greenlight-train dataset` that of any source"
        )


def put_film_table(s3: Any, bucket: str, path: Path) -> str:
    """Put a film table in place of the one that models learn from; return where it lies.

    Raises:
        NoFilms: it is not there, or holds no film.
        TableUnreadable: as read_rows does; nothing has been changed.
    """
    check_there(path)
    if not any(is_film(row) for row in read_rows(path)):
        raise NoFilms(f"{path}: holds no film")
    kept = [topics.FILM_TABLE_PREFIX + _NAME + suffix for suffix in (".csv", ".tsv")]
    key = kept[path.suffix.lower() == ".tsv"]
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ChecksumAlgorithm="SHA256")
    # One form only: a retraining must not have to choose.
    for other in kept:
        if other != key:
            s3.delete_object(Bucket=bucket, Key=other)
    return f"s3://{bucket}/{key}"


class Note(msgspec.Struct):
    """How many items of a film table are in a table of DynamoDB.

    Attributes:
        table_id: another table of the same name has another.
    """

    table_id: str
    written: int


class FilmImport:
    """One film table's way into one table of DynamoDB."""

    def __init__(self, s3: Any, dynamodb: Any, bucket: str, table: str, films: Items) -> None:
        self._s3 = s3
        self._dynamodb = dynamodb
        self._bucket = bucket
        self._table = table
        self._films = films
        self._prefix = topics.films_prefix(films.sha256)
        self._note = topics.films_progress(films.sha256, table)

    def upload(self) -> str:
        """Put the films into S3, unless they are there, and return where they lie."""
        for number, part in enumerate(self._films.parts()):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{self._prefix}{number:05}.json",
                    Body=part,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                )
            except ClientError as error:
                # The key holds the content's hash: what is there already is the same.
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
        return f"s3://{self._bucket}/{self._prefix}"

    def table(self) -> dict[str, Any] | None:
        """Return DynamoDB's description of the table, or None if there is none."""
        try:
            found: dict[str, Any] = self._dynamodb.describe_table(TableName=self._table)["Table"]
        except self._dynamodb.exceptions.ResourceNotFoundException:
            return None
        return found

    def create(self, tell: Tell, every_seconds: float) -> None:
        """Let DynamoDB make the table from what lies in S3, and wait for it.

        Raises:
            ImportFailed: with DynamoDB's own reason.
        """
        begun = self._dynamodb.import_table(
            ClientToken=f"{self._films.sha256[:20]}-{random.getrandbits(32):08x}",
            S3BucketSource={"S3Bucket": self._bucket, "S3KeyPrefix": self._prefix},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters={
                "TableName": self._table,
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "SSESpecification": {"Enabled": True},
            },
        )["ImportTableDescription"]
        self._wait(begun["ImportArn"], tell, every_seconds)

    def join(self, table_arn: str, tell: Tell, every_seconds: float) -> bool:
        """Wait for these films' import, if an earlier run began it; False if none is under way.

        Raises:
            ImportFailed: with DynamoDB's own reason; or other films are on their way in.
        """
        for one in self._dynamodb.list_imports(TableArn=table_arn)["ImportSummaryList"]:
            if one["ImportStatus"] == "IN_PROGRESS":
                if one["S3BucketSource"].get("S3KeyPrefix") != self._prefix:
                    raise ImportFailed(
                        f"DynamoDB is importing other films into {self._table}; run this again "
                        "when it has done"
                    )
                self._wait(one["ImportArn"], tell, every_seconds)
                return True
        return False

    def _wait(self, arn: str, tell: Tell, every_seconds: float) -> None:
        deadline = time.monotonic() + _MOST_IMPORT_SECONDS
        while True:
            state = self._dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"]
            tell(int(state.get("ImportedItemCount", 0)))
            if state["ImportStatus"] != "IN_PROGRESS":
                break
            if time.monotonic() > deadline:
                raise ImportFailed(
                    f"waited {_MOST_IMPORT_SECONDS:.0f} s for DynamoDB to import the films into "
                    f"{self._table}, and it isn't done; run this again to go on waiting"
                )
            time.sleep(every_seconds)
        if state["ImportStatus"] != "COMPLETED":
            raise ImportFailed(
                f"DynamoDB's import ended as {state['ImportStatus']}: "
                f"{state.get('FailureCode', '')} {state.get('FailureMessage', '')}; "
                f"delete the table {self._table} if it was begun, and run this again"
            )

    def write(self, table_id: str, tell: Tell, pause: Pause) -> int:
        """Write the items in batches, from where an earlier run stopped; return how many.

        An item that the table has already is put once more, the same: nothing changes.

        Raises:
            ImportFailed: DynamoDB goes on refusing items.
        """
        first = self.written(table_id)
        items = self._films.items
        for number, start in enumerate(range(first, len(items), _BATCH), start=1):
            self._write_batch(items[start : start + _BATCH], pause)
            done = min(start + _BATCH, len(items))
            tell(done)
            if number % _BATCHES_A_NOTE == 0 or done == len(items):
                self.note(table_id, done)
        return len(items) - first

    def _write_batch(self, items: tuple[Item, ...], pause: Pause) -> None:
        left: Any = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        for attempt in range(_ATTEMPTS):
            left = self._dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                return
            pause(random.uniform(0, min(_RETRY_CAP_SECONDS, 0.1 * 2**attempt)))
        raise ImportFailed(
            f"DynamoDB does not take items of {self._table} in {_ATTEMPTS} attempts (throttled?); "
            "run this again later: it goes on from here"
        )

    def written(self, table_id: str) -> int:
        """Return how many items earlier runs have written into this very table."""
        try:
            kept = self._s3.get_object(Bucket=self._bucket, Key=self._note)["Body"].read()
            note = msgspec.json.decode(kept, type=Note)
        except (self._s3.exceptions.NoSuchKey, msgspec.MsgspecError):
            return 0
        return note.written if note.table_id == table_id else 0

    def note(self, table_id: str, written: int) -> None:
        """Remember how many items are in the table."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self._note,
            Body=msgspec.json.encode(Note(table_id, written)),
        )
