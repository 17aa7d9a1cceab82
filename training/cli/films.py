"""`greenlight-train dataset`: a film table from any source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.command_line import JsonOption, print_json
from data.film_table import write_films
from training.cli import output
from training.cli.options import (
    AllowedOption,
    DomainOption,
    EncodingOption,
    RatingsOption,
    SourceOption,
    console_beside,
    findings_of,
    path_or_none,
)
from training.sources.options import (
    ALLOWED_BAD_SHARE,
    MIN_VOTES,
    OMDB_DAILY_QUOTA,
    Options,
    every_twentieth,
)

# Where `dataset --source imdb --download` saves IMDb's files unless --ratings names a folder.
IMDB_FOLDER = Path("data/films/imdb")


def dataset(
    out: Annotated[Path, typer.Option(help="the table to write, .csv or .tsv")],
    source: SourceOption = "sample",
    ratings: RatingsOption = "",
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    votes: Annotated[
        int, typer.Option(min=0, help="imdb, ratings-list: only films with more votes")
    ] = MIN_VOTES,
    download: Annotated[
        bool, typer.Option("--download", help="imdb: first fetch IMDb's files into that folder")
    ] = False,
    quota: Annotated[
        int, typer.Option(min=1, help="ratings-list: OMDb lookups a day")
    ] = OMDB_DAILY_QUOTA,
    known_only: Annotated[
        bool, typer.Option("--known-only", help="ratings-list: make no OMDb lookups")
    ] = False,
    domain: DomainOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a source as the table that models learn from, and its bad rows beside it."""
    from training.dataset import load, reasons, rejects_path

    if download and source != "imdb":
        raise typer.BadParameter("--download fetches IMDb's files; it goes with --source imdb")
    rejects = rejects_path(out)
    console = console_beside(as_json)
    with output.progress_bar(console, "dataset") as progress:
        options = Options(votes, quota, known_only, encoding, domain, every_twentieth(progress))
        if download:
            from training.sources.imdb_download import download as fetch

            fetch(path_or_none(ratings) or IMDB_FOLDER, options.progress)
            ratings = ratings or str(IMDB_FOLDER)
        progress(f"read source {source}", 0.0)
        table = load(
            source,
            path_or_none(ratings),
            rejects=rejects,
            allowed_bad_share=allow_bad,
            options=options,
        )
        progress(f"write {out}", 0.7)
        write_films(out, table.films)
    if as_json:
        print_json({"films": len(table.films), "bad_rows": reasons(table.rejects),
                    "out": str(out), "rejects": str(rejects)})  # fmt: skip
        return
    output.findings(console, findings_of(source, ratings, options))
    films, about = table.films, table.domain
    facts: dict[str, object] = {
        about.words.things: f"{len(films):,} of {len(films) + len(table.rejects):,} rows",
    }
    if about.ordinal:
        first, last = (about.shown_ordinal(end(f.year for f in films)) for end in (min, max))
        facts[about.ordinal.words] = f"{first} to {last}"
    facts |= {
        about.choice.words: f"{len({f.director for f in films}):,}",
        "with decimals": f"{sum(f.rating is not None for f in table.films):,}",
        "with votes": f"{sum(f.votes is not None for f in table.films):,}",
        "bad rows": len(table.rejects),
        "written to": out,
    }
    if table.rejects:
        faults = ", ".join(f"{n} {field}" for field, n in reasons(table.rejects).items())
        facts["bad rows"] = f"{len(table.rejects)} ({faults}), in {rejects}"
    output.summary(console, about.reword("Film table"), facts)
