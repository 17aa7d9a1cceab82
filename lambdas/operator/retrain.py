"""Asks for a retraining now: `python -m lambdas.operator.retrain [--desk STATE] [--wait]`.

The schedule asks the same function the same question. `--wait` shows the training's course, and
what became of the new model: released, or refused with the reasons.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from data import topics, wire
from data.errors import GreenlightError
from data.verdict import VERDICT, Verdict
from lambdas.operator.aws import STACK, Aws, reach
from lambdas.operator.film_store import put_film_table
from lambdas.operator.options import DeskOption, RegionOption, StackOption
from lambdas.training_jobs import ENDED, OUTCOME, Outcome

_MAX_VERDICT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Patience:
    """How often AWS is asked, and for how long.

    Attributes:
        concluded_seconds: after a job's end; all tries of release_model.
        trained_seconds: for a job to end; it has a limit of its own, once it has started.
    """

    every_seconds: float
    concluded_seconds: float
    trained_seconds: float


_ON_AWS, _ON_DESK = Patience(15.0, 900.0, 4 * 3600.0), Patience(0.2, 60.0, 1800.0)


class RetrainingFailed(GreenlightError):
    """No model came of it that was meant to; the message says why."""


def ask(aws: Aws, function: str) -> tuple[str | None, str]:
    """Ask for a retraining; return the job that trains now, if one does, and what was said.

    Raises:
        RetrainingFailed: the function is not there, or fails.
    """
    if not function:
        raise RetrainingFailed(
            "retraining is switched off; deploy with --training-image (docs/aws.md)"
        )
    asked = json.dumps({"asked": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=asked.encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RetrainingFailed(f"{function} fails: {said.get('errorMessage', said)}")
    return said["job"], said["said"]


def wait(aws: Aws, bucket: str, job: str, patience: Patience) -> Outcome:
    """Wait until a training job has ended and release_model has said what became of it.

    Raises:
        RetrainingFailed: it says nothing, or the job doesn't end.
    """
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    deadline = time.monotonic() + patience.trained_seconds
    while (found := sagemaker.describe_training_job(TrainingJobName=job))[
        "TrainingJobStatus"
    ] not in ENDED:
        if time.monotonic() > deadline:
            raise RetrainingFailed(
                f"waited {patience.trained_seconds:.0f} s for {job} to end; it is still "
                f"{found['TrainingJobStatus']}. Look at the training job's log, then run this again"
            )
        time.sleep(patience.every_seconds)
    deadline = time.monotonic() + patience.concluded_seconds
    while (raw := _read(s3, bucket, topics.candidate_prefix(job) + OUTCOME)) is None:
        if time.monotonic() > deadline:
            raise RetrainingFailed(
                f"{job} has ended, but release_model has reported nothing for "
                f"{patience.concluded_seconds:.0f} s: look at its log and at the queue "
                "of undelivered messages, then ask again"
            )
        time.sleep(patience.every_seconds)
    return wire.decode(raw, Outcome)


def _read(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return content


def show(console: Console, verdict: Verdict) -> None:
    """Show the figures that the gate judged by."""
    table = Table(box=None, padding=(0, 1), title_justify="left")
    for column in ("films", "figure", "before", "new", "difference", "95% interval"):
        table.add_column(column, justify="left" if column in ("films", "figure") else "right")
    for one in verdict.comparisons:
        table.add_row(
            f"{one.part} ({one.films:,})",
            one.figure.replace("_", " "),
            f"{one.incumbent:.4f}",
            f"{one.candidate:.4f}",
            f"{one.difference:+.4f}",
            f"{one.low:+.4f} to {one.high:+.4f}",
        )
    if verdict.comparisons:
        console.print(table)


@contextmanager
def _explained() -> Iterator[None]:
    """End with one sentence on every refusal that has a reason."""
    try:
        yield
    except (GreenlightError, OSError) as error:
        print(f"lambdas.operator.retrain: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except (ClientError, BotoCoreError) as error:
        print(f"lambdas.operator.retrain: AWS refuses: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def main(
    films: Annotated[
        Path | None, typer.Option(help="a film table to learn from, from now on; .csv or .tsv")
    ] = None,
    wait_for_it: Annotated[
        bool, typer.Option("--wait", help="until the new model is released or refused")
    ] = False,
    desk: DeskOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
) -> None:
    """Ask for a retraining. Exit code 0: asked for, released or refused; 1: it failed."""
    began, console = time.monotonic(), Console(soft_wrap=True, highlight=False)
    with _explained():
        aws = reach(desk, region)
        outputs = aws.outputs(stack)
        if films is not None:
            place = put_film_table(aws.client("s3"), outputs["DataBucket"], films)
            console.print(f"film table: {place}")
        job, said = ask(aws, outputs["StartRetraining"])
        console.print(said)
        if job is None:
            raise RetrainingFailed("nothing was started")
        if not wait_for_it:
            return
        bucket = outputs["ModelsBucket"]
        with console.status("it trains"):
            outcome = wait(aws, bucket, job, _ON_DESK if desk else _ON_AWS)
        kept = _read(aws.client("s3"), bucket, topics.candidate_prefix(job) + VERDICT)
        if kept is not None:
            show(console, wire.decode(kept, Verdict, _MAX_VERDICT_BYTES))
        version = f" version {outcome.version}" if outcome.version else ""
        console.print(f"{outcome.conclusion}{version}: {' '.join(outcome.reasons)}")
        if outcome.iot_job:
            console.print(f"job {outcome.iot_job} tells the fleet of model {outcome.model_hash}")
        if kept is not None:
            report = f"s3://{bucket}/{topics.candidate_prefix(job)}report.html"
            console.print(f"report: {report}")
        console.print(f"asked {time.monotonic() - began:.0f} s ago")
        if outcome.conclusion in ("rejected", "failed"):
            raise RetrainingFailed(f"{job} was {outcome.conclusion}")


if __name__ == "__main__":
    typer.run(main)
