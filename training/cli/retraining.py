"""`greenlight-train compact` and `greenlight-train retrain`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from data import signing
from data.command_line import JsonOption, print_json
from data.held_out import ALL_TRAIN
from data.manifest import REPORT
from data.verdict import VERDICT
from training.cli import output
from training.cli.options import AllowedOption, console, console_beside
from training.retraining import job
from training.sources.options import ALLOWED_BAD_SHARE

REFUSED_EXIT = 3
WORK = Path("build/training-sets")

FilmsOption = Annotated[
    str, typer.Option(envvar="SM_CHANNEL_FILMS", help="the table, .csv or .tsv, or its folder")
]
FeedbackOption = Annotated[
    str, typer.Option(envvar="SM_CHANNEL_FEEDBACK", help="folder, or s3://bucket/feedback/")
]
SimulatedOption = Annotated[
    bool, typer.Option("--include-simulated", help="learn from simulated ratings too")
]
AllTrainOption = Annotated[
    bool,
    typer.Option(
        "--all-train",
        envvar=ALL_TRAIN,
        help="hold out none of these ratings: others are, elsewhere, for another judge",
    ),
]
EndpointOption = Annotated[
    str, typer.Option(envvar="AWS_ENDPOINT_URL_S3", help="S3 endpoint, if it isn't AWS's own")
]


def compact(
    feedback: FeedbackOption,
    films: FilmsOption,
    out: Annotated[Path, typer.Option(help="the work folder; a later run continues there")] = WORK,
    include_simulated: SimulatedOption = False,
    endpoint_url: EndpointOption = "",
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    as_json: JsonOption = False,
) -> None:
    """Combine a table and the devices' ratings into an immutable training set."""
    from training.memory import peak_megabytes
    from training.retraining.compact import compact as take

    began = time.monotonic()
    with output.progress_bar(console_beside(as_json), "compact") as progress:
        made = take(
            feedback,
            job.film_table_in(Path(films)),
            out,
            include_simulated=include_simulated,
            endpoint_url=endpoint_url or None,
            allowed_bad_share=allow_bad,
            progress=progress,
        )
    if as_json:
        print_json({"folder": str(made.folder), **msgspec.to_builtins(made.manifest)})
        return
    output.training_set(console, made, {
        "took": f"{time.monotonic() - began:.0f} s, {peak_megabytes():,.0f} MB at most",
    })  # fmt: skip


def retrain(
    films: FilmsOption = "",
    feedback: FeedbackOption = "",
    incumbent: Annotated[
        str,
        typer.Option(envvar="SM_CHANNEL_INCUMBENT", help="folder of the bundle in use"),
    ] = "",
    out: Annotated[
        str, typer.Option(envvar=job.MODEL_DIR, help="folder for verdict, report and bundle")
    ] = "",
    work: Annotated[Path, typer.Option(help="compact's work folder")] = WORK,
    version: Annotated[int, typer.Option(min=0, help="0: one more than the incumbent's")] = 0,
    look: Annotated[
        int,
        typer.Option(min=0, help="look at the held-out ratings; 0: counted in the work folder"),
    ] = 0,
    key: Annotated[str, typer.Option(help="PEM file of the key; default: development key")] = "",
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="leave the bundle for the release to sign")
    ] = False,
    include_simulated: SimulatedOption = False,
    all_train: AllTrainOption = False,
    endpoint_url: EndpointOption = "",
    allow_bad: AllowedOption = ALLOWED_BAD_SHARE,
    jobs: Annotated[int, typer.Option(min=1, envvar="SM_NUM_CPUS", help="parallel processes")] = 2,
    dask: Annotated[str, typer.Option(help="Dask scheduler to fit folds on, tcp://host:port")] = "",
    as_job: Annotated[
        bool,
        typer.Option(
            "--as-job", help="as a SageMaker job: its folders, unsigned, a refusal exits 0 too"
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Learn from the ratings, and release the new model only if it is proven better.

    Exit code: 0 released, 3 refused, 1 an error.
    """
    from training.cluster import tasks_on
    from training.retraining.judged_model import read_judged_model
    from training.retraining.retrain import retrain as run

    began = time.monotonic()
    as_job = as_job or job.MODEL_DIR in os.environ
    asked = job.hyperparameters() if as_job else {}
    places = _places(
        as_job,
        films=(films, job.channel("films")),
        feedback=(feedback, job.channel("feedback")),
        incumbent=(incumbent, job.channel("incumbent")),
        out=(out, str(job.ROOT / "model")),
    )
    with output.progress_bar(console_beside(as_json), "retrain") as progress, tasks_on(dask):
        verdict = run(
            places["feedback"],
            job.film_table_in(Path(places["films"])),
            Path(places["incumbent"]),
            Path(places["out"]),
            work=work,
            version=version or _whole("version", asked.get("version", "0")),
            look=look or _whole("look", asked.get("look", "0")),
            key=None if unsigned or as_job else _key(key),
            include_simulated=include_simulated or asked.get("include-simulated") == "true",
            hold_out=not all_train,
            endpoint_url=endpoint_url or None,
            allowed_bad_share=allow_bad,
            jobs=jobs,
            progress=progress,
        )
    if as_job:
        job.keep_output(Path(places["out"]), (VERDICT, REPORT))
    if as_json:
        print_json(verdict)
    else:
        output.verdict(
            console,
            verdict,
            {"in": places["out"], "took": f"{time.monotonic() - began:.0f} s"},
            read_judged_model(Path(places["incumbent"])).manifest.about,
        )
    raise typer.Exit(0 if verdict.released or as_job else REFUSED_EXIT)


def _places(as_job: bool, **given: tuple[str, str]) -> dict[str, str]:
    """Return each path by name: as given, or a job's default."""
    missing = [name for name, (place, _) in given.items() if not place and not as_job]
    if missing:
        raise typer.BadParameter(f"--{missing[0]} is missing (inside SageMaker, give --as-job)")
    return {name: place or in_job for name, (place, in_job) in given.items()}


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"hyperparameter {name}: is {text!r}; give a number") from None


def _key(path: str) -> signing.PrivateKey:
    return signing.PrivateKey.read(Path(path)) if path else signing.development_key()
