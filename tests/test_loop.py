"""The loop that learns, through every real part: training job, gate, release, appliance."""

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from data import limits, topics, wire
from data.film_table import write_films
from data.signing import key_id
from data.verdict import VERDICT, Verdict
from lambdas.training_jobs import OUTCOME, Outcome
from local_cloud.demo import opening, use
from local_cloud.demo.cast import PATIENCE_SECONDS, Cast
from local_cloud.demo.stage import Stage
from training.export.example_bundle import make_example_bundle

from .lambdas.ratings import known_films, ratings, store


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    """A cloud, an appliance and its sync service, with the model of a small film table."""
    folder = tmp_path_factory.mktemp("loop")
    bundle, films = folder / "given" / "bundle", folder / "films.csv"
    make_example_bundle(bundle)
    write_films(films, known_films())
    playing = Cast(Stage(folder), bundle, films)
    playing.clear()
    with ExitStack() as ending:
        opening.cloud(playing, ending)
        opening.boot(playing, ending)
        use.update(playing)
        yield playing
        # Shown if the last test has failed.
        for log in sorted(folder.rglob("*.log")):
            print(f"== {log.name}", *log.read_text(errors="replace").splitlines()[-20:], sep="\n")


def retrain(cast):
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "local_cloud",
                "model",
                "retrain",
                "--films",
                str(cast.films),
                "--wait",
            ),
            *("--local", str(cast.cloud_folder)),
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    job = next(word for word in done.stdout.split() if word.startswith("greenlight-retrain-"))
    return job, done.stdout


def left(cast, job, name, kind):
    """Return a record that lies in a training job's folder."""
    raw = (
        cast.aws.client("s3")
        .get_object(Bucket=cast.aws.local.models_bucket, Key=topics.candidate_prefix(job) + name)[
            "Body"
        ]
        .read()
    )
    return wire.decode(raw, kind, limits.MAX_BUNDLE_FILE_BYTES)


@pytest.mark.slow
def test_too_few_ratings_release_nothing_and_the_reason_is_said(cast):
    store(cast.aws.client("s3"), cast.aws.local.data_bucket, ratings(5))
    job, said = retrain(cast)
    assert "refused version 2" in said
    assert "at least 10 are needed" in said
    assert left(cast, job, OUTCOME, Outcome).conclusion == "refused"
    assert not left(cast, job, VERDICT, Verdict).released
    assert cast.status()["model"]["version"] == 1
    assert len(cast.evidence.job_executions()) == 1, "the fleet was told nothing"


@pytest.mark.slow
def test_hundreds_of_ratings_make_a_better_model_that_the_appliance_then_answers_with(cast):
    aws = cast.aws
    store(aws.client("s3"), aws.local.data_bucket, ratings(500))
    job, said = retrain(cast)
    assert "released version 2" in said, said
    outcome = left(cast, job, OUTCOME, Outcome)

    def answers():
        model = cast.status()["model"]
        return model if model["version"] == 2 else None

    model = cast.stage.until("the new model answers", answers, PATIENCE_SECONDS)
    assert model["hash"] == outcome.model_hash
    cast.stage.until("the job has succeeded", cast.job_succeeded, PATIENCE_SECONDS)
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

    found = cast.stage.until("the endpoint serves the release", served, PATIENCE_SECONDS)
    assert found["EndpointStatus"] == "InService", found
    assert found["EndpointConfigName"].startswith(f"{endpoint}-2-"), found
    cast.stage.run(*cast.greenlight("press"), quiet=True)
    agreed = cast.stage.until("the scores agree", lambda: use.verified(cast), PATIENCE_SECONDS)
    assert agreed["outcome"] == "agreed"
