"""`greenlight-train export` and `verify`: make a signed bundle, check one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from data import signing
from data.bundle import beside
from data.command_line import JsonOption, print_json
from data.manifest import ARRAYS, REPORT
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
    findings_of,
    path_or_none,
)
from training.sources.options import ALLOWED_BAD_SHARE, Options


def export(
    out: Annotated[Path, typer.Option(help="the bundle's folder")] = Path("build/bundle"),
    source: SourceOption = "sample",
    ratings: RatingsOption = "",
    version: Annotated[int, typer.Option(help="0: one more than the bundle in OUT")] = 0,
    key: Annotated[str, typer.Option(help="PEM file of the key; default: development key")] = "",
    jobs: JobsOption = 2,
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    dask: DaskOption = "",
    domain: DomainOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, check it, and write it as a signed bundle."""
    from training.cluster import tasks_on
    from training.dataset import load
    from training.export.bundle import next_version, prepare, summary_of, write
    from training.memory import peak_megabytes
    from training.model.estimator import FilmModel
    from training.report import draw

    began = time.monotonic()
    options = Options(encoding=encoding, domain=domain)
    signer = signing.PrivateKey.read(Path(key)) if key else signing.development_key()
    with output.progress_bar(console_beside(as_json), "train-export") as progress, tasks_on(dask):
        progress(f"read source {source}", 0.0)
        rejects = beside(out) / "rejects.csv"
        table = load(
            source,
            path_or_none(ratings),
            rejects=rejects,
            allowed_bad_share=allow_bad,
            options=options,
        )
        exported = prepare(
            table,
            FilmModel(jobs=jobs),
            version=version or next_version(out),
            progress=progress,
        )
        progress("draw the report", 0.93)
        report = draw(table, summary_of(exported), beside(out))
        progress("sign and write", 0.97)
        write(exported, out, signer, report)
    if as_json:
        print_json(exported.manifest)
        return
    output.findings(console, findings_of(source, ratings, options))
    output.exported(console, exported, table, signer.key_id, {
        "bundle": out,
        "arrays": beside(out) / ARRAYS,
        "report": f"{beside(out) / REPORT}, {len(report) / 1000:,.0f} kB, also in the bundle",
        "took": f"{time.monotonic() - began:.0f} s, {peak_megabytes():,.0f} MB at most",
    })  # fmt: skip


def verify(
    bundle: Annotated[Path, typer.Argument(help="the bundle's folder")],
    keys: Annotated[str, typer.Option(help="folder of trusted *.pub.pem")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check a bundle's signature, hashes, schema and probes; exit 0 only if all pass."""
    from training.export.verify import verify as check

    folder = Path(keys) if keys else signing.keys_folder()
    verdict = check(bundle, signing.read_public_keys(folder))
    if as_json:
        print_json(verdict)
    elif verdict.ok:
        output.checked(console, verdict)
    else:
        console.print(f"[red]refused[/]: {escape(str(verdict.error))}", soft_wrap=True)
    raise typer.Exit(0 if verdict.ok else 1)
