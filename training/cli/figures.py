"""`greenlight-train evaluate` and `report`: figures on films the model has not seen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from data.bundle import beside
from data.command_line import JsonOption, print_json
from training.cli import output
from training.cli.options import (
    AllowedOption,
    DaskOption,
    DomainOption,
    EncodingOption,
    JobsOption,
    RatingsOption,
    SourceOption,
    console,
    console_beside,
    path_or_none,
)
from training.sources.options import ALLOWED_BAD_SHARE, Options


def evaluate(
    train: Annotated[Path, typer.Option(help="the table to learn from, .csv or .tsv")],
    test: Annotated[Path, typer.Option(help="the table to predict, .csv or .tsv")],
    out: Annotated[Path, typer.Option(help="predictions to write, one for each row")],
    metrics: Annotated[str, typer.Option("--json", help="figures to write as JSON")] = "",
    jobs: JobsOption = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
) -> None:
    """Fit on one table, predict another, and compare with the baselines."""
    from training.cluster import tasks_on
    from training.dataset import load, rejects_path
    from training.evaluation.methods import MODEL, as_json, write_predictions
    from training.evaluation.methods import evaluate as measure

    with output.progress_bar(console, "evaluate") as progress, tasks_on(dask):
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
        found = measure(known, asked, jobs=jobs, progress=progress)
    write_predictions(out, asked, found[MODEL])
    if metrics:
        Path(metrics).write_bytes(
            msgspec.json.format(msgspec.json.encode(as_json(known, asked, found)), indent=1)
        )
    output.figures(console, {name: p.figures for name, p in found.items()})
    bad = sum(len(table.rejects) for table in tables)
    console.print(f"{len(asked):,} predictions in {out}; {bad} bad rows", soft_wrap=True)


def report(
    bundle: Annotated[Path, typer.Option(help="a bundle made from the same table")] = Path(
        "build/bundle"
    ),
    source: SourceOption = "sample",
    ratings: RatingsOption = "",
    jobs: JobsOption = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
    domain: DomainOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure five random splits and one in time, and write the full report beside a bundle.

    The report inside the bundle is signed and doesn't change; the next export of the same table
    includes these figures too.
    """
    from training.cluster import tasks_on
    from training.dataset import load
    from training.evaluation import benchmark
    from training.report import write_report

    began = time.monotonic()
    with output.progress_bar(console_beside(as_json), "report") as progress, tasks_on(dask):
        progress(f"read source {source}", 0.0)
        table = load(
            source,
            path_or_none(ratings),
            allowed_bad_share=allow_bad,
            options=Options(encoding=encoding, domain=domain),
        )
        measured = benchmark.run(table.films, table.sha256, jobs=jobs, progress=progress)
        folder = beside(bundle)
        folder.mkdir(parents=True, exist_ok=True)
        benchmark.save(folder, measured)
        page = write_report(folder, table)
    if as_json:
        print_json(measured)
        return
    output.headline(console, measured)
    console.print(f"{page} ({time.monotonic() - began:.0f} s)", soft_wrap=True)
