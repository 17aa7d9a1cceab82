"""Imports a film table: `python -m lambdas.operator.import_films FILMS.csv`.

The films go to S3 as DynamoDB JSON, and from there into the table: by DynamoDB's own import where
there is no such table yet, in batches where there is. Running it again goes on where it stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from data.errors import GreenlightError
from data.film_table import read_rows
from lambdas.operator.aws import STACK, reach
from lambdas.operator.film_items import items_of
from lambdas.operator.film_store import FilmImport, ImportFailed, Tell, check_there, put_film_table
from lambdas.operator.options import DeskOption, RegionOption, StackOption


def import_films(work: FilmImport, count: int, tell: Tell, every_seconds: float = 1.0) -> str:
    """Bring `count` films into the table; return what was done, in words.

    Raises:
        ImportFailed: saying why; running it again goes on where it stopped.
    """
    table = work.table()
    if table is None:
        work.create(tell, every_seconds)
        done = f"DynamoDB made the table from {count:,} films"
    elif work.join(table["TableArn"], tell, every_seconds):
        done = f"DynamoDB's import, begun earlier, has brought {count:,} films"
    else:
        written = work.write(table["TableId"], tell, time.sleep)
        return f"{written:,} films written, {count - written:,} were there from an earlier run"
    made = work.table()
    if made is not None:
        work.note(made["TableId"], count)
    return done


@contextmanager
def progress(total: int) -> Iterator[Tell]:
    """Show how many films have come in; yields what to tell the number to."""
    bar = Progress(
        TextColumn("films into the table"),
        BarColumn(complete_style="green"),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.update(task, completed=count)


def main(
    path: Annotated[Path, typer.Argument(metavar="FILMS", help="a film table, .csv or .tsv")],
    table: Annotated[
        str, typer.Option(help="DynamoDB's table, made if there is none; else the stack's")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="write every film anew, whatever earlier runs noted")
    ] = False,
    desk: DeskOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
) -> None:
    """Bring a film table into S3 and DynamoDB."""
    try:
        check_there(path)
        films = items_of(read_rows(path))
        aws = reach(desk, region)
        outputs = aws.outputs(stack)
        name = table or outputs["Table"]
        work = FilmImport(
            aws.client("s3"), aws.client("dynamodb"), outputs["DataBucket"], name, films
        )
        try:
            place = work.upload()
            learnt = put_film_table(aws.client("s3"), outputs["DataBucket"], path)
            if again:
                work.note("", 0)
            with progress(len(films.items)) as tell:
                done = import_films(work, len(films.items), tell)
        except (ClientError, BotoCoreError) as error:
            raise ImportFailed(f"AWS refuses: {error}; run this again to go on") from error
    except GreenlightError as error:
        print(f"lambdas.operator.import_films: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    if films.repeats:
        print(f"{films.repeats:,} films have the title, year and director of one before: left out")
    print(f"{len(films.items):,} films lie at {place}")
    print(f"retrainings learn from {learnt}")
    print(f"table {name}: {done}")


if __name__ == "__main__":
    typer.run(main)
