"""`greenlight-train`: film tables, models, bundles, figures. The composition root of training."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from data import signing
from data.bundle import beside
from data.errors import GreenlightError
from data.film_table import write_films
from data.manifest import PIPELINE, REPORT
from training.cluster import end_with_workers
from training.retraining.commands import compact, retrain
from training.sources import names
from training.sources.options import (
    ALLOWED_BAD_SHARE,
    MIN_VOTES,
    OMDB_DAILY_QUOTA,
    Options,
    sparing,
)

app = typer.Typer(
    help="Train models, measure them, and make the signed bundles that devices run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
# Where `dataset --source imdb --download` puts IMDb's files unless --ratings names a folder.
IMDB_FOLDER = Path("data/films/imdb")

SourceOption = Annotated[str, typer.Option(help=names())]
RatingsOption = Annotated[
    str, typer.Option(help="the file (imdb: folder) that is read; the sample brings its own")
]
AllowedOption = Annotated[
    float, typer.Option("--allow-bad", min=0.0, max=1.0, help="share of bad rows that is no error")
]
DaskOption = Annotated[
    str, typer.Option(help="Dask scheduler to fit folds and splits on, tcp://host:port")
]


def _path(text: str) -> Path | None:
    # `make train-export RATINGS=` passes an empty text for "none".
    return Path(text) if text else None


@app.command()
def dataset(
    out: Annotated[Path, typer.Option(help="the film table to write, .csv or .tsv")],
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
        bool, typer.Option("--known-only", help="ratings-list: ask OMDb nothing more")
    ] = False,
) -> None:
    """Write a source's films as movie_ratings_simple.csv, and its bad rows beside it."""
    from training import screen
    from training.dataset import load, reasons, rejects_path

    if download and source != "imdb":
        raise typer.BadParameter("--download fetches IMDb's files; it goes with --source imdb")
    rejects = rejects_path(out)
    with screen.progress(console, "dataset") as tell:
        options = Options(votes, quota, known_only, sparing(tell))
        if download:
            from training.sources.imdb_download import download as fetch

            fetch(_path(ratings) or IMDB_FOLDER, options.tell)
            ratings = ratings or str(IMDB_FOLDER)
        tell(f"read source {source}", 0.0)
        table = load(
            source,
            _path(ratings),
            rejects=rejects,
            allowed_bad_share=allow_bad,
            options=options,
        )
        tell(f"write {out}", 0.7)
        write_films(out, table.films)
    facts: dict[str, object] = {
        "films": f"{len(table.films):,} of {len(table.films) + len(table.rejects):,} rows",
        "years": f"{min(f.year for f in table.films)} to {max(f.year for f in table.films)}",
        "directors": f"{len({f.director for f in table.films}):,}",
        "with decimals": f"{sum(f.rating is not None for f in table.films):,}",
        "with votes": f"{sum(f.votes is not None for f in table.films):,}",
        "bad rows": len(table.rejects),
        "written to": out,
    }
    if table.rejects:
        faults = ", ".join(f"{n} {field}" for field, n in reasons(table.rejects).items())
        facts["bad rows"] = f"{len(table.rejects)} ({faults}), in {rejects}"
    screen.summary(console, "Film table", facts)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="the bundle's folder")] = Path("build/bundle"),
    source: SourceOption = "sample",
    ratings: RatingsOption = "",
    version: Annotated[int, typer.Option(help="0: one more than the bundle in OUT")] = 0,
    key: Annotated[str, typer.Option(help="PEM file of the key; default: development key")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
) -> None:
    """Train a model and write it as a signed bundle, with all proofs passed."""
    from training import screen
    from training.cluster import tasks_on
    from training.dataset import load
    from training.export.bundle import next_version, prepare, summary_of, write
    from training.memory import peak_megabytes
    from training.model.estimator import FilmModel
    from training.report import draw

    began = time.monotonic()
    signer = signing.PrivateKey.read(Path(key)) if key else signing.development_key()
    with screen.progress(console, "train-export") as tell, tasks_on(dask):
        tell(f"read source {source}", 0.0)
        rejects = beside(out) / "rejects.csv"
        table = load(source, _path(ratings), rejects=rejects, allowed_bad_share=allow_bad)
        exported = prepare(
            table, FilmModel(jobs=jobs), version=version or next_version(out), tell=tell
        )
        tell("draw the report", 0.93)
        report = draw(table, summary_of(exported), beside(out))
        tell("sign and write", 0.97)
        write(exported, out, signer, report)
    screen.exported(console, exported, table, signer.key_id, {
        "bundle": out,
        "pipeline": beside(out) / PIPELINE,
        "report": f"{beside(out) / REPORT}, {len(report) / 1000:,.0f} kB, also in the bundle",
        "took": f"{time.monotonic() - began:.0f} s, {peak_megabytes():,.0f} MB at most",
    })  # fmt: skip


@app.command()
def evaluate(
    train: Annotated[Path, typer.Option(help="film table to learn from, .csv or .tsv")],
    test: Annotated[Path, typer.Option(help="film table to predict, .csv or .tsv")],
    out: Annotated[Path, typer.Option(help="predictions to write, one row for each film")],
    metrics: Annotated[str, typer.Option("--json", help="figures to write as JSON")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
) -> None:
    """Fit on one film table alone, predict another, and measure beside the baselines."""
    from training import screen
    from training.cluster import tasks_on
    from training.dataset import load, rejects_path
    from training.evaluation.evaluate import MODEL, as_json, write_predictions
    from training.evaluation.evaluate import evaluate as measure

    with screen.progress(console, "evaluate") as tell, tasks_on(dask):
        tables = [
            load(
                path.suffix.lower().lstrip("."),
                path,
                rejects=rejects_path(out.with_name(f"{out.stem}.{role}.csv")),
                allowed_bad_share=allow_bad,
            )
            for role, path in (("train", train), ("test", test))
        ]
        known, asked = (table.films for table in tables)
        found = measure(known, asked, jobs=jobs, tell=tell)
    write_predictions(out, asked, found[MODEL])
    if metrics:
        Path(metrics).write_bytes(
            msgspec.json.format(msgspec.json.encode(as_json(known, asked, found)), indent=1)
        )
    screen.figures(console, {name: p.figures for name, p in found.items()})
    bad = sum(len(table.rejects) for table in tables)
    console.print(f"{len(asked):,} predictions in {out}; {bad} bad rows", soft_wrap=True)


@app.command()
def report(
    bundle: Annotated[Path, typer.Option(help="a bundle made from the same films")] = Path(
        "build/bundle"
    ),
    source: SourceOption = "sample",
    ratings: RatingsOption = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
) -> None:
    """Measure five random splits and one in time, and write the full report beside a bundle.

    The report inside a bundle is signed and stays as it was exported; the next export of the same
    films tells of these figures too.
    """
    from training import screen
    from training.cluster import tasks_on
    from training.dataset import load
    from training.evaluation import benchmark
    from training.report import write_report

    began = time.monotonic()
    with screen.progress(console, "report") as tell, tasks_on(dask):
        tell(f"read source {source}", 0.0)
        table = load(source, _path(ratings), allowed_bad_share=allow_bad)
        measured = benchmark.run(table.films, table.sha256, jobs=jobs, tell=tell)
        folder = beside(bundle)
        folder.mkdir(parents=True, exist_ok=True)
        benchmark.save(folder, measured)
        page = write_report(folder, table)
    screen.headline(console, measured)
    console.print(f"{page} ({time.monotonic() - began:.0f} s)", soft_wrap=True)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="the bundle's folder")],
    keys: Annotated[str, typer.Option(help="folder of trusted *.pub.pem")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="say it as JSON")] = False,
) -> None:
    """Check a bundle's signature, hashes, schema and probes; exit 0 only if all hold."""
    from training.export.verify import verify as check

    folder = Path(keys) if keys else signing.keys_folder()
    verdict = check(bundle, signing.read_public_keys(folder))
    if as_json:
        sys.stdout.write(msgspec.json.encode(verdict).decode() + "\n")
    elif verdict.ok:
        console.print(
            f"[green]good[/]: {verdict.name} version {verdict.version}, "
            f"model {verdict.model_hash[:16]}, key {verdict.key_id}, {verdict.probes} probes"
        )
    else:
        console.print(f"[red]refused[/]: {escape(str(verdict.error))}", soft_wrap=True)
    raise typer.Exit(0 if verdict.ok else 1)


# Behind the others, as one comes to them.
app.command()(compact)
app.command()(retrain)


def main() -> None:
    """Run the command line; a known error is one line on stderr and exit code 1."""
    end_with_workers()
    try:
        app()
    except GreenlightError as error:
        Console(stderr=True).print(
            f"[red]greenlight-train:[/] {escape(str(error))}", soft_wrap=True
        )
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
