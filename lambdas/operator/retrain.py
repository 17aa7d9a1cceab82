"""`greenlight-cloud model retrain`: starts a retraining now.

It calls the same function as the schedule does. `--wait` shows whether the new model was released,
or refused and why.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from data import limits, topics, wire
from data.command_line import JsonOption, print_json
from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.manifest import MANIFEST, Manifest
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Judgement, Verdict
from judging.release import in_domain, named
from lambdas.operator.aws import STACK, Aws, Wait, reach
from lambdas.operator.film_import import put_film_table
from lambdas.operator.options import LocalOption, RegionOption, StackOption
from lambdas.s3_objects import read_object
from lambdas.training_jobs import ENDED, OUTCOME, TrainingOutcome


@dataclass(frozen=True)
class RetrainingTimeouts:
    """How long to wait for a training job, and then for release_model to conclude it."""

    training: Wait
    concluded: Wait


# The job itself is stopped after six hours; see lambdas/start_retraining.
_ON_AWS = RetrainingTimeouts(Wait(15.0, 7 * 3_600.0), Wait(15.0, 900.0))
_ON_LOCAL_CLOUD = RetrainingTimeouts(Wait(0.2, 3_600.0), Wait(0.2, 300.0))


class RetrainingFailed(GreenlightError):
    """The retraining produced no model; the message says why."""


def ask(aws: Aws, function: str) -> tuple[str | None, str]:
    """Request a retraining; return the job that is training, if any, and the function's answer.

    Raises:
        RetrainingFailed: the function is missing, or fails.
    """
    if not function:
        raise RetrainingFailed(
            "retraining is switched off; deploy with --training-image (docs/aws.md)"
        )
    asked = json.dumps({"asked": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=asked.encode())
    reply = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RetrainingFailed(f"{function} fails: {reply.get('errorMessage', reply)}")
    return reply["job"], reply["said"]


def wait(aws: Aws, bucket: str, job: str, timeouts: RetrainingTimeouts) -> TrainingOutcome:
    """Wait until a training job has ended and release_model has written its outcome.

    Raises:
        RetrainingFailed: there is no outcome in time.
    """
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    failure = timeouts.training.until(
        sagemaker, "training_job_completed_or_stopped", TrainingJobName=job
    )
    status = sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]
    if status not in ENDED:
        raise RetrainingFailed(f"{job} hasn't ended ({status}): {failure}; try again later")
    outcome = topics.outcome_prefix(job) + OUTCOME
    failure = timeouts.concluded.until(s3, "object_exists", Bucket=bucket, Key=outcome)
    raw = read_object(s3, bucket, outcome, limits.MAX_PAYLOAD_BYTES)
    if raw is None:
        raise RetrainingFailed(
            f"{job} has ended, but release_model has written no outcome ({failure}): look at its "
            "log and at the queue of undelivered messages, then try again"
        )
    return wire.decode(raw, TrainingOutcome)


def verdict_on(s3: Any, bucket: str, job: str) -> Verdict | None:
    """Return the judge's verdict on a job's model, or the job's own if the judge gave none."""
    most = MAX_VERDICT_BYTES
    judged = read_object(s3, bucket, topics.judged_prefix(job) + VERDICT, most)
    if judged is not None:
        return wire.decode(judged, Judgement, most).verdict
    own = read_object(s3, bucket, topics.outcome_prefix(job) + VERDICT, most)
    return None if own is None else wire.decode(own, Verdict, most)


def about_of(s3: Any, bucket: str, verdict: Verdict) -> Domain:
    """Return what the models are about: the newest release says it; films if it's gone."""
    key = topics.bundle_prefix(verdict.name, verdict.incumbent.version) + MANIFEST
    raw = read_object(s3, bucket, key, limits.MAX_MANIFEST_BYTES)
    return FILMS if raw is None else wire.decode(raw, Manifest, limits.MAX_MANIFEST_BYTES).about


def show(console: Console, verdict: Verdict, about: Domain) -> None:
    """Show the figures that the decision is based on, on their domain's scale."""
    table = Table(box=None, padding=(0, 1), title_justify="left")
    for column in ("rows", "figure", "before", "new", "difference", "95% interval"):
        table.add_column(column, justify="left" if column in ("rows", "figure") else "right")
    for one in (in_domain(one, about) for one in verdict.comparisons):
        table.add_row(
            f"{one.part} ({one.films:,})",
            named(one.figure, about),
            f"{one.incumbent:.4f}",
            f"{one.candidate:.4f}",
            f"{one.difference:+z.4f}",
            f"{one.low:+z.4f} to {one.high:+z.4f}",
        )
    if verdict.comparisons:
        console.print(table)


def retrain_command(
    films: Annotated[
        Path | None, typer.Option(help="a table to learn from, now and later; .csv or .tsv")
    ] = None,
    wait_for_it: Annotated[
        bool, typer.Option("--wait", help="wait until the new model is released or refused")
    ] = False,
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Start a retraining. Exit code 0: started, released or refused; 1: it failed."""
    began = time.monotonic()
    console = Console(soft_wrap=True, highlight=False, stderr=as_json)
    aws = reach(local, region)
    outputs = aws.outputs(stack)
    if films is not None:
        place = put_film_table(
            aws.client("s3"), outputs["DataBucket"], films, aws.held_out_key(stack)
        )
        console.print(f"table: {place}")
    job, message = ask(aws, outputs["StartRetraining"])
    console.print(message)
    if job is None:
        raise RetrainingFailed(f"no retraining was started: {message}")
    if not wait_for_it:
        if as_json:
            print_json({"job": job, "said": message})
        return
    bucket = outputs["ModelsBucket"]
    with console.status("training"):
        outcome = wait(aws, bucket, job, _ON_LOCAL_CLOUD if local else _ON_AWS)
    verdict = verdict_on(aws.client("s3"), bucket, job)
    if verdict is not None:
        s3 = aws.client("s3")
        show(console, verdict, about_of(s3, bucket, verdict))
    version = f" version {outcome.version}" if outcome.version else ""
    console.print(f"{outcome.conclusion}{version}: {' '.join(outcome.reasons)}")
    if outcome.iot_job:
        console.print(f"job {outcome.iot_job} updates the fleet to model {outcome.model_hash}")
    if verdict is not None:
        report = f"s3://{bucket}/{topics.outcome_prefix(job)}report.html"
        console.print(f"report: {report}")
    console.print(f"took {time.monotonic() - began:.0f} s")
    if outcome.conclusion in ("rejected", "failed"):
        raise RetrainingFailed(f"{job} was {outcome.conclusion}: {' '.join(outcome.reasons)}")
    if as_json:
        print_json(outcome)
