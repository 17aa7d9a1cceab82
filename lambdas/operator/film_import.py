"""`greenlight-cloud films import`: a film table into AWS.

Models learn from the film table itself, without the films that are held out. All films also go to
S3 as DynamoDB JSON, and from there into the DynamoDB table: through DynamoDB's own import if the
table doesn't exist yet, in batches if it does. Every step can safely be repeated, and continues
where it stopped.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from data import topics
from data.command_line import JsonOption, print_json
from data.errors import GreenlightError
from data.film_table import BadRow, read_rows, write_films
from data.films import Film
from data.held_out import is_held_out
from lambdas.operator.aws import STACK, Wait, reach
from lambdas.operator.film_items import Item, Items, items_of
from lambdas.operator.options import LocalOption, RegionOption, StackOption

# The name of the file that models learn from.
_NAME = "movie_ratings_simple"
# BatchWriteItem's limit, and after how many batches the progress is saved.
_BATCH = 25
_BATCHES_A_NOTE = 40
_ATTEMPTS = 10
_RETRY_CAP_SECONDS = 20.0
_IMPORT = Wait(every_seconds=1.0, at_most_seconds=3_600.0)

OnProgress = Callable[[int], object]
Pause = Callable[[float], object]


class NoFilms(GreenlightError):
    """This file isn't a film table to learn from."""


class ImportFailed(GreenlightError):
    """Not all films are in the table; the message says why and what to do."""


def check_there(path: Path) -> None:
    """Raise NoFilms, saying how to get a film table, if there is none."""
    if not path.exists():
        raise NoFilms(
            f"{path} doesn't exist; `make films` writes the sample's table, "
            "`greenlight-train dataset` that of any source"
        )


def put_film_table(s3: Any, bucket: str, path: Path, key: bytes) -> str:
    """Replace the film table that models learn from, and its held-out films; return its address.

    Args:
        s3: the S3 client.
        bucket: the data bucket.
        path: the film table.
        key: holds out its films, as it does ratings; no training job can read those.

    Raises:
        NoFilms: it doesn't exist, has no films, or a row of it isn't one.
        TableUnreadable: as read_rows does; nothing has been changed.
    """
    check_there(path)
    films = list(_films_of(path))
    if not films:
        raise NoFilms(f"{path} has no rows to learn from")
    held_out = [
        is_held_out(key, film.director, film.year, film.genres, film.title) for film in films
    ]
    for prefix, chosen in (
        (topics.FILM_TABLE_HELD_OUT_PREFIX, True),
        (topics.FILM_TABLE_PREFIX, False),
    ):
        some = [film for film, hidden in zip(films, held_out, strict=True) if hidden == chosen]
        s3.put_object(
            Bucket=bucket,
            Key=f"{prefix}{_NAME}.csv",
            Body=_table_of(some),
            ChecksumAlgorithm="SHA256",
        )
    # Earlier versions kept a table in its own format, and a retraining wants one file.
    s3.delete_object(Bucket=bucket, Key=f"{topics.FILM_TABLE_PREFIX}{_NAME}.tsv")
    return f"s3://{bucket}/{topics.FILM_TABLE_PREFIX}{_NAME}.csv"


def _films_of(path: Path) -> Iterator[Film]:
    for row in read_rows(path):
        if isinstance(row, BadRow):
            raise NoFilms(
                f"{path}: line {row.line} isn't a film: {row.reason}; "
                "`greenlight-train dataset --source csv` writes a clean table"
            )
        yield row


def _table_of(films: Iterable[Film]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{_NAME}.csv"
        write_films(path, films)
        return path.read_bytes()


class Note(msgspec.Struct):
    """How many items of a film table are in a DynamoDB table.

    Attributes:
        table_id: a table that was created again has a new one.
    """

    table_id: str
    written: int


class FilmImport:
    """Imports one film table into one DynamoDB table."""

    def __init__(self, s3: Any, dynamodb: Any, bucket: str, table: str, films: Items) -> None:
        self._s3 = s3
        self._dynamodb = dynamodb
        self._bucket = bucket
        self._table = table
        self._films = films
        self._prefix = topics.films_prefix(films.sha256)
        self._note = topics.films_progress(films.sha256, table)

    def upload(self) -> str:
        """Upload the films to S3, unless they're there already; return their address."""
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
                # The key contains the content's hash, so an existing object is the same.
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

    def create(self, on_progress: OnProgress, wait: Wait) -> None:
        """Have DynamoDB create the table from the objects in S3, and wait for it.

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
        self._wait(begun["ImportArn"], on_progress, wait)

    def join(self, table_arn: str, on_progress: OnProgress, wait: Wait) -> bool:
        """Wait for these films' import, if an earlier run started it; False if none is running.

        Raises:
            ImportFailed: with DynamoDB's own reason; or other films are being imported.
        """
        for one in self._dynamodb.list_imports(TableArn=table_arn)["ImportSummaryList"]:
            if one["ImportStatus"] == "IN_PROGRESS":
                if one["S3BucketSource"].get("S3KeyPrefix") != self._prefix:
                    raise ImportFailed(
                        f"DynamoDB is importing another table into {self._table}; run this again "
                        "once that is done"
                    )
                self._wait(one["ImportArn"], on_progress, wait)
                return True
        return False

    def _wait(self, arn: str, on_progress: OnProgress, wait: Wait) -> None:
        failure = wait.until(self._dynamodb, "import_completed", ImportArn=arn)
        state = self._dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"]
        on_progress(int(state.get("ImportedItemCount", 0)))
        if failure is not None:
            raise ImportFailed(
                f"DynamoDB's import is {state['ImportStatus']}: "
                f"{state.get('FailureCode', '')} {state.get('FailureMessage', '')} ({failure}); "
                f"if it has failed, delete the table {self._table}; then run this again"
            )

    def write(self, table_id: str, on_progress: OnProgress, pause: Pause) -> int:
        """Write the items in batches, from where an earlier run stopped; return how many.

        Writing an item that is already in the table changes nothing.

        Raises:
            ImportFailed: DynamoDB keeps refusing items.
        """
        first = self.written(table_id)
        items = self._films.items
        for number, start in enumerate(range(first, len(items), _BATCH), start=1):
            self._write_batch(items[start : start + _BATCH], pause)
            done = min(start + _BATCH, len(items))
            on_progress(done)
            if number % _BATCHES_A_NOTE == 0 or done == len(items):
                self.note(table_id, done)
        return len(items) - first

    def _write_batch(self, items: tuple[Item, ...], pause: Pause) -> None:
        remaining: Any = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        for attempt in range(_ATTEMPTS):
            reply = self._dynamodb.batch_write_item(RequestItems=remaining)
            remaining = reply.get("UnprocessedItems")
            if not remaining:
                return
            pause(random.uniform(0, min(_RETRY_CAP_SECONDS, 0.1 * 2**attempt)))
        raise ImportFailed(
            f"DynamoDB refused items of {self._table} {_ATTEMPTS} times (throttled?); "
            "run this again later: it continues from here"
        )

    def written(self, table_id: str) -> int:
        """Return how many items earlier runs wrote into exactly this table."""
        try:
            kept = self._s3.get_object(Bucket=self._bucket, Key=self._note)["Body"].read()
            note = msgspec.json.decode(kept, type=Note)
        except (self._s3.exceptions.NoSuchKey, msgspec.MsgspecError):
            return 0
        return note.written if note.table_id == table_id else 0

    def note(self, table_id: str, written: int) -> None:
        """Save how many items are in the table."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self._note,
            Body=msgspec.json.encode(Note(table_id, written)),
        )


def import_films(
    work: FilmImport, count: int, on_progress: OnProgress, wait: Wait = _IMPORT
) -> str:
    """Import `count` films into the table; return what was done, in words.

    Raises:
        ImportFailed: saying why; running it again continues where it stopped.
    """
    table = work.table()
    if table is None:
        work.create(on_progress, wait)
        done = f"DynamoDB created the table from {count:,} rows"
    elif work.join(table["TableArn"], on_progress, wait):
        done = f"DynamoDB's import, started earlier, has imported {count:,} rows"
    else:
        written = work.write(table["TableId"], on_progress, time.sleep)
        return f"{written:,} rows written, {count - written:,} were there from an earlier run"
    made = work.table()
    if made is not None:
        work.note(made["TableId"], count)
    return done


@contextmanager
def progress(total: int) -> Iterator[OnProgress]:
    """Show a progress bar; yields the function that moves it."""
    bar = Progress(
        TextColumn("rows into the table"),
        BarColumn(complete_style="green"),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.update(task, completed=count)


def import_command(
    path: Annotated[
        Path, typer.Argument(metavar="TABLE", help="what `greenlight-train dataset` wrote")
    ],
    table: Annotated[
        str, typer.Option(help="DynamoDB's table, created if missing; default: the stack's")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="write every row, even those written by earlier runs")
    ] = False,
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Import a table into S3 and DynamoDB."""
    check_there(path)
    films = items_of(read_rows(path))
    aws = reach(local, region)
    outputs = aws.outputs(stack)
    name = table or outputs["Table"]
    work = FilmImport(aws.client("s3"), aws.client("dynamodb"), outputs["DataBucket"], name, films)
    place = work.upload()
    learnt = put_film_table(aws.client("s3"), outputs["DataBucket"], path, aws.held_out_key(stack))
    if again:
        work.note("", 0)
    with progress(len(films.items)) as on_progress:
        done = import_films(work, len(films.items), on_progress)
    if as_json:
        print_json({"films": len(films.items), "repeats": films.repeats, "objects": place,
                    "film_table": learnt, "table": name})  # fmt: skip
        return
    if films.repeats:
        typer.echo(f"left out {films.repeats:,} rows that name the same as another")
    typer.echo(f"{len(films.items):,} rows are at {place}")
    typer.echo(f"retrainings learn from {learnt}")
    typer.echo(f"table {name}: {done}")
