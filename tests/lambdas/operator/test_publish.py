"""The ML endpoint: scikit-learn's own scores, and those of the shipped graph beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import pytest

from data import limits, signing, topics, wire
from data.bundle import Bundle, beside, read_bundle, write_bundle
from data.film_table import read_rows
from data.films import Combination, Film, genre_slots
from data.ids import new_id
from data.manifest import ARRAYS, MANIFEST, MODEL, Manifest, Provenance
from data.messages import ModelUpdateJob, VerificationRequest
from lambdas.operator.publish import reach_all
from lambdas.release import roll_out, versions
from lambdas.start_retraining.sagemaker import AwsTraining, TrainingSettings
from lambdas.training_jobs import MODEL_NAME
from training.export.example_bundle import make_example_bundle

from ..device import Device

pytestmark = pytest.mark.numeric

SAMPLE_BUNDLE = Path("build/bundle")
SAMPLE_FILMS = Path("data/films/movie_ratings_simple.csv")


def publish(
    cloud: Any, bundle: Path, *arguments: str, judged: bool = False
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "local_cloud", "model", "publish", str(bundle)),
            *("--local", str(cloud.folder), *arguments),
            *(() if judged else ("--unjudged",)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def next_version(cloud: Any) -> int:
    """Return the version after the highest that was published there."""
    aws = cloud.aws
    return max(versions(aws.client("s3"), aws.local.models_bucket, MODEL_NAME), default=0) + 1


def bundle_at(folder: Path) -> Bundle:
    key = signing.development_key()
    return read_bundle(folder, {key.key_id: key.public_pem})


def expected_by_graph(bundle: Bundle, rows: Sequence[Combination]) -> np.ndarray:
    """Return what the shipped graph says of these rows."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.load_model_format", "ONNX")
    session = onnxruntime.InferenceSession(
        bundle.model, options, providers=["CPUExecutionProvider"]
    )
    slots = [genre_slots(row.genres) for row in rows]
    columns = {
        "director": np.array([[row.director] for row in rows], object),
        "year": np.array([[row.year] for row in rows], np.int64),
        **{
            f"genre{n + 1}": np.array([[row_slots[n]] for row_slots in slots], object)
            for n in range(3)
        },
    }
    return np.asarray(session.run(["expected"], columns)[0])[:, 0]


def invoke(url: str, rows: Sequence[Combination]) -> dict[str, Any]:
    body = b'{"rows":' + b"[" + b",".join(map(_json, rows)) + b"]}"
    asked = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as reply:
        found: dict[str, Any] = json.loads(reply.read())
    return found


def _json(row: Combination) -> bytes:
    return json.dumps(
        {"director": row.director, "year": row.year, "genres": list(row.genres)}
    ).encode()


@pytest.fixture(scope="module")
def example(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real bundle whose version the session's cloud doesn't have yet."""
    folder = tmp_path_factory.mktemp("unpublished") / "bundle"
    make_example_bundle(folder, version=next_version(local_cloud))
    return folder


@pytest.fixture(scope="module")
def published(local_cloud: Any, example: Path, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The example, published and announced to a device."""
    folder = local_cloud.provision("verifier", tmp_path_factory.mktemp("device") / "device")
    done = publish(local_cloud, example, "--thing", "verifier")
    assert done.returncode == 0, done.stderr
    return Device(folder)


@pytest.fixture
def device(published: Device) -> Iterator[Device]:
    yield published.connect()
    published.close()


def some_rows(bundle: Bundle, count: int) -> tuple[Combination, ...]:
    catalogue = bundle.catalogue()
    names = [catalogue.genres[index] for index in range(3)]
    return tuple(
        Combination(catalogue.directors[n].name, catalogue.years[0] + n, tuple(names[: 1 + n % 3]))
        for n in range(count)
    )


def test_a_verification_is_answered_with_the_models_hash_and_agrees(
    device: Device, example: Path
) -> None:
    bundle = bundle_at(example)
    rows = some_rows(bundle, 36)
    reply = device.verify(VerificationRequest(new_id(), bundle.model_hash, rows))
    assert reply.error is None
    assert reply.model_hash == bundle.model_hash
    differences = np.abs(np.array(reply.scores) - expected_by_graph(bundle, rows))
    assert differences.max() < limits.ROUNDING_TOLERANCE


def test_publishing_the_same_again_changes_nothing(
    local_cloud: Any, published: Device, example: Path
) -> None:
    first = publish(local_cloud, example, "--thing", published.thing)
    again = publish(local_cloud, example, "--thing", published.thing)
    assert first.returncode == again.returncode == 0
    assert "exists: it is " in again.stdout
    assert first.stdout.splitlines()[:-1] == again.stdout.splitlines()[:-1]
    jobs = local_cloud.aws.client("iot").list_job_executions_for_thing(thingName=published.thing)
    assert len(jobs["executionSummaries"]) == 1


def test_a_model_that_nobody_judged_is_published_only_if_that_is_meant(
    local_cloud: Any, published: Device, example: Path
) -> None:
    refused = publish(local_cloud, example, "--thing", published.thing, judged=True)
    assert refused.returncode == 1
    assert "nobody judged films version" in refused.stderr
    assert "--unjudged" in refused.stderr


def test_a_manifest_that_claims_a_verdict_is_held_against_the_judges_own(
    local_cloud: Any, published: Device, example: Path, tmp_path: Path
) -> None:
    """A made-up claim isn't believed, whatever key signed it."""
    bundle, aws = bundle_at(example), local_cloud.aws
    origin = Provenance(job="greenlight-retrain-claimed", judgement="0" * 64)
    version = next_version(local_cloud)
    claimed = msgspec.structs.replace(bundle.manifest, version=version, provenance=origin)
    folder = tmp_path / "bundle"
    write_bundle(folder, claimed, bundle.files, signing.development_key())
    shutil.copy(beside(example) / ARRAYS, folder / ARRAYS)
    for arguments, judged, why in (
        ((), True, "this stack's judge didn't release this model"),
        ((), False, "sign it again with --sign"),
        (("--sign",), False, None),
    ):
        done = publish(local_cloud, folder, "--thing", published.thing, *arguments, judged=judged)
        if why is not None:
            assert done.returncode == 1
            assert why in done.stderr
    assert done.returncode == 0, done.stderr
    key = topics.bundle_prefix(MODEL_NAME, version) + MANIFEST
    kept = aws.client("s3").get_object(Bucket=aws.local.models_bucket, Key=key)["Body"].read()
    assert wire.decode(kept, Manifest, limits.MAX_MANIFEST_BYTES).origin == Provenance()
    # For later tests: the endpoint serves the example again.
    assert publish(local_cloud, example, "--thing", published.thing).returncode == 0


def test_the_job_names_the_bundle_and_its_place(
    local_cloud: Any, published: Device, example: Path
) -> None:
    iot = local_cloud.aws.client("iot")
    job = iot.list_job_executions_for_thing(thingName=published.thing)["executionSummaries"][0]
    document = wire.decode(
        iot.get_job_document(jobId=job["jobId"])["document"].encode(), ModelUpdateJob
    )
    bundle = bundle_at(example)
    assert document.manifest_sha256 == bundle.manifest_sha256
    assert document.bucket == local_cloud.aws.local.models_bucket
    listed = local_cloud.aws.client("s3").list_objects_v2(
        Bucket=document.bucket, Prefix=document.prefix
    )
    names = {found["Key"].removeprefix(document.prefix) for found in listed["Contents"]}
    assert names == {*bundle.files, "manifest.json", "manifest.sig"}


def test_a_published_version_is_never_changed(
    local_cloud: Any, published: Device, example: Path, tmp_path: Path
) -> None:
    other = tmp_path / "bundle"
    version = bundle_at(example).manifest.version
    make_example_bundle(other, directors=30, seed=1, version=version)
    refused = publish(local_cloud, other, "--thing", published.thing, "--no-arrays")
    assert refused.returncode == 1
    assert "never changes" in refused.stderr


def test_a_bundle_without_its_arrays_is_published_only_if_that_is_meant(
    local_cloud: Any, published: Device, example: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(example, tmp_path / "bundle")
    refused = publish(local_cloud, bare, "--thing", published.thing)
    assert refused.returncode == 1
    for place in ("bundle/arrays.npz", "bundle.report/arrays.npz", "arrays.npz"):
        assert str(tmp_path / place) in refused.stderr
    assert "--no-arrays" in refused.stderr
    mistyped = publish(local_cloud, example, "--thing", published.thing, "--arrays", "nowhere")
    assert mistyped.returncode == 1
    assert "nowhere" in mistyped.stderr
    assert publish(local_cloud, bare, "--thing", published.thing, "--no-arrays").returncode == 0


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "manifest.sig", "probes.json"])
def test_a_bundle_with_a_flipped_byte_is_not_published(
    name: str, local_cloud: Any, published: Device, example: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bundle"
    bad.mkdir()
    for path in example.iterdir():
        content = bytearray(path.read_bytes())
        if path.name == name:
            content[len(content) // 2] ^= 1
        (bad / path.name).write_bytes(content)
    refused = publish(local_cloud, bad, "--thing", published.thing)
    assert refused.returncode == 1
    assert refused.stderr.startswith("greenlight-cloud: ")
    assert "Traceback" not in refused.stderr


def test_arrays_that_do_not_serve_leave_those_before_in_place(
    local_cloud: Any, device: Device, example: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "arrays.npz"
    broken.write_bytes(b"no arrays")
    refused = publish(local_cloud, example, "--thing", device.thing, "--arrays", str(broken))
    assert refused.returncode == 1
    assert "doesn't serve" in refused.stderr
    bundle = bundle_at(example)
    rows = some_rows(bundle, 1)
    reply = device.verify(VerificationRequest(new_id(), bundle.model_hash, rows))
    assert reply.model_hash == bundle.model_hash


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("path", ["/endpoints/another/invocations", "/invocations"])
def test_the_endpoint_refuses_a_malformed_request(path: str, local_cloud: Any) -> None:
    asked = urllib.request.Request(local_cloud.aws.local.ml_endpoint_url + path, b"{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    assert refused.value.code == 400


@pytest.mark.slow
def test_endpoint_and_graph_agree_on_every_row_of_the_sample(
    local_cloud: Any, record_property: Callable[[str, object], None]
) -> None:
    arrays = beside(SAMPLE_BUNDLE) / ARRAYS
    if not (SAMPLE_BUNDLE.exists() and arrays.exists() and SAMPLE_FILMS.exists()):
        pytest.skip("there is no release of the sample: run `make train-export` first")
    newest = max(path.stat().st_mtime for path in Path("training").glob("*.py"))
    if arrays.stat().st_mtime < newest:
        pytest.skip("training has changed since the release: run `make train-export` again")
    from local_cloud.control import send
    from local_cloud.state import LocalState

    send(LocalState(local_cloud.folder), "serve", arrays=str(arrays.resolve()))
    bundle = bundle_at(SAMPLE_BUNDLE)
    films = [row for row in read_rows(SAMPLE_FILMS) if isinstance(row, Film)]
    rows = [film.combination for film in films]
    scores: list[float] = []
    for start in range(0, len(rows), limits.MAX_VERIFICATION_ROWS):
        part = rows[start : start + limits.MAX_VERIFICATION_ROWS]
        found = invoke(local_cloud.aws.local.ml_endpoint_url, part)
        assert found["model_hash"] == bundle.model_hash
        scores += found["scores"]
    differences = np.abs(np.array(scores) - expected_by_graph(bundle, rows))
    worst = f"{differences.max():.2e} over {len(rows)} rows"
    record_property("worst difference", worst)
    print(worst)
    assert differences.max() < limits.ROUNDING_TOLERANCE


def test_what_a_retraining_leaves_is_published_with_its_arrays(
    local_cloud: Any, published: Device, example: Path, tmp_path: Path
) -> None:
    """It is in the bundle's folder, and a retraining then starts from it."""
    s3, bucket = local_cloud.aws.client("s3"), local_cloud.aws.local.models_bucket
    version = next_version(local_cloud)
    left = tmp_path / "retrained" / "bundle"
    make_example_bundle(left, directors=30, seed=2, version=version)
    (beside(left) / ARRAYS).rename(left.parent / ARRAYS)

    def kept() -> set[str]:
        prefix = topics.incumbent_prefix(MODEL_NAME, version)
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return {one["Key"].removeprefix(prefix) for one in found["Contents"]}

    settings = TrainingSettings("greenlight", "", bucket, "", "", "", "")
    bare = publish(local_cloud, left, "--thing", published.thing, "--no-arrays")
    assert bare.returncode == 0, bare.stderr
    assert AwsTraining(s3, None, None, settings).is_whole(version), "its recipe is fitted again"
    assert ARRAYS not in kept()
    whole = publish(local_cloud, left, "--thing", published.thing)
    assert whole.returncode == 0, whole.stderr
    assert {ARRAYS, MODEL, MANIFEST} <= kept()
    # For later tests: the endpoint serves the example again.
    assert publish(local_cloud, example, "--thing", published.thing).returncode == 0


@pytest.fixture
def things(local_cloud: Any) -> list[str]:
    """Two things without a device, and their ARNs."""
    iot = local_cloud.aws.client("iot")
    names = [f"rollout-{new_id()[-8:]}" for _ in range(2)]
    return [iot.create_thing(thingName=name)["thingArn"] for name in names]


def document() -> ModelUpdateJob:
    return ModelUpdateJob("model-update", 7, "models", "films/7/", "a" * 64)


def statuses(iot: Any, job: str) -> set[str]:
    found = iot.list_job_executions_for_job(jobId=job)["executionSummaries"]
    return {one["jobExecutionSummary"]["status"] for one in found}


def test_a_stopped_rollout_is_repeated_and_says_so(local_cloud: Any, things: list[str]) -> None:
    iot = local_cloud.aws.client("iot")
    order = (iot, "films", document(), things, "greenlight")
    first, _ = reach_all(*order)
    assert reach_all(*order) == (first, "IN_PROGRESS"), "it goes on"
    iot.cancel_job(jobId=first, force=True)
    assert roll_out(*order) == (first, False), "an event's retry repeats nothing"
    second, status = reach_all(*order)
    assert (second, status) == (f"{first}-2", None)
    assert statuses(iot, second) == {"QUEUED"}
    assert reach_all(*order) == (second, "IN_PROGRESS")


def test_a_rollout_that_left_a_device_without_the_model_is_repeated(
    local_cloud: Any, things: list[str]
) -> None:
    iot = local_cloud.aws.client("iot")
    order = (iot, "films", document(), things, "greenlight")
    first, _ = reach_all(*order)
    for arn, status in zip(things, ("SUCCEEDED", "FAILED"), strict=True):
        ended(local_cloud, first, arn.rpartition("/")[2], status)
    assert iot.describe_job(jobId=first)["job"]["status"] == "COMPLETED"
    second, status = reach_all(*order)
    assert (second, status) == (f"{first}-2", None)
    for arn in things:
        ended(local_cloud, second, arn.rpartition("/")[2], "SUCCEEDED")
    assert reach_all(*order) == (second, "COMPLETED"), "all have it"


def ended(local_cloud: Any, job: str, thing: str, status: str) -> None:
    """Report the end of a device's part in a job, as the device would."""
    local_cloud.aws.client("iot-jobs-data").update_job_execution(
        jobId=job, thingName=thing, status=status
    )
