"""The loop that learns, through every real part: training job, gate, release, appliance."""

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from data import limits, topics, wire
from data.film_table import write_films
from data.held_out import is_held_out
from data.signing import key_id
from lambdas.store_feedback.ingest import canonical
from lambdas.training_jobs import OUTCOME, TrainingOutcome
from local_cloud.demo import steps
from local_cloud.demo.context import WAIT_SECONDS, DemoContext
from local_cloud.demo.runner import Runner
from training.export.example_bundle import make_example_bundle

from .lambdas.ratings import known_films, ratings, store

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A cloud, an appliance and its sync service, with the model of a small film table."""
    folder = tmp_path_factory.mktemp("loop")
    bundle, films = folder / "given" / "bundle", folder / "films.csv"
    make_example_bundle(bundle)
    write_films(films, known_films())
    with ExitStack() as ending:
        patch = ending.enter_context(pytest.MonkeyPatch.context())
        # So few films are fitted sooner by one process than by two that have to start first.
        patch.setenv("SM_NUM_CPUS", "1")
        context = DemoContext(Runner(folder), bundle, films)
        context.clear()
        steps.cloud(context, ending)
        steps.boot(context, ending)
        steps.update(context)
        yield context
        # Shown if the last test has failed.
        for log in sorted(folder.rglob("*.log")):
            print(f"== {log.name}", *log.read_text(errors="replace").splitlines()[-20:], sep="\n")


def retrain(context, code=0):
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "local_cloud",
                "model",
                "retrain",
                "--films",
                str(context.films),
                "--wait",
            ),
            *("--local", str(context.cloud_folder)),
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == code, done.stdout + done.stderr
    if code:
        return None, done.stdout + done.stderr
    job = next(word for word in done.stdout.split() if word.startswith("greenlight-retrain-"))
    return job, done.stdout


def left(context, job, name, kind):
    """Return a record of a training job's outcome."""
    raw = (
        context.aws.client("s3")
        .get_object(Bucket=context.aws.local.models_bucket, Key=topics.outcome_prefix(job) + name)[
            "Body"
        ]
        .read()
    )
    return wire.decode(raw, kind, limits.MAX_BUNDLE_FILE_BYTES)


@pytest.mark.slow
def test_too_few_ratings_start_nothing_and_the_reason_is_said(context):
    store(context.aws.client("s3"), context.aws.local.data_bucket, ratings(5))
    _, said = retrain(context, code=1)
    assert "no retraining was started: Only " in said
    assert "of 5 ratings are held out for judging; at least 10 are needed" in said
    assert context.status()["model"]["version"] == 1
    assert len(context.evidence.job_executions()) == 1, "no new job for the fleet"


@pytest.mark.slow
def test_hundreds_of_ratings_make_a_better_model_that_the_appliance_then_answers_with(context):
    aws, before = context.aws, context.status()["model"]["hash"]
    store(aws.client("s3"), aws.local.data_bucket, ratings(700, directors=200))
    job, said = retrain(context)
    assert "released version 2" in said, said
    outcome = left(context, job, OUTCOME, TrainingOutcome)

    def answers():
        model = context.status()["model"]
        return model if model["version"] == 2 else None

    model = context.runner.until("the new model answers", answers, WAIT_SECONDS)
    assert model["hash"] == outcome.model_hash
    context.runner.until("the job has succeeded", context.job_succeeded, WAIT_SECONDS)
    raw = aws.client("s3").get_object(
        Bucket=aws.local.models_bucket, Key=topics.bundle_prefix("films", 2) + "manifest.json"
    )
    assert json.load(raw["Body"])["key_id"] == key_id(
        aws.signing_key(aws.local.stack).public_pem()
    ), "by KMS, nobody else"
    # The endpoint, too, comes to serve the release: a verification then compares like with like.
    sagemaker, endpoint = aws.client("sagemaker"), aws.outputs(aws.local.stack)["EndpointName"]

    def served():
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
        return None if found["EndpointStatus"] == "Updating" else found

    found = context.runner.until("the endpoint serves the release", served, WAIT_SECONDS)
    assert found["EndpointStatus"] == "InService", found
    assert found["EndpointConfigName"].startswith(f"{endpoint}-2-"), found
    context.runner.run(*context.greenlight("press"), quiet=True)
    agreed = context.runner.until("the scores agree", lambda: steps.verified(context), WAIT_SECONDS)
    assert agreed["outcome"] == "agreed"
    # A device that hasn't updated yet isn't blind: the model before can still be asked.
    rows = [{"director": "nobody", "year": 2000, "genres": ["Drama"]}]
    invoked = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Body=json.dumps({"rows": rows, "model_hash": before}).encode(),
    )
    assert json.load(invoked["Body"])["model_hash"] == before


@pytest.mark.slow
def test_ratings_from_before_there_was_a_key_are_moved_once_and_the_table_follows(context):
    aws = context.aws
    s3, bucket = aws.client("s3"), aws.local.data_bucket
    key = aws.held_out_key(aws.local.stack)
    old = ratings(60, directors=300)
    for record in old:
        s3.put_object(Bucket=bucket, Key=topics.feedback_object(record.id), Body=canonical(record))

    def operator(*words):
        command = (sys.executable, "-m", "local_cloud", *words)
        done = subprocess.run(
            [*command, "--local", str(context.cloud_folder)],
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert " train and stay in feedback/" in operator("ratings", "hold-out")
    # Items of ratings that train were never written here; their prefix says that they train.
    operator("ratings", "restore")
    chosen = {
        record.id: is_held_out(key, record.director, record.year, record.genres, record.pick_id)
        for record in old
    }
    assert any(chosen.values())
    items = {item["id"]: item["held_out"] for item in context.evidence.items()}
    objects = context.evidence.objects()
    for rating, held_out in chosen.items():
        assert items[rating] == held_out
        assert topics.feedback_object(rating, held_out=held_out) in objects
        assert topics.feedback_object(rating, held_out=not held_out) not in objects
    assert operator("ratings", "hold-out").startswith("0 rating(s) moved")
