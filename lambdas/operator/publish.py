"""`greenlight-cloud model publish`: releases a bundle to the devices.

Checks the bundle as a device will, has the ML endpoint serve its arrays, uploads it, and creates
the IoT Job that rolls it out. A published version never changes: publishing it again requires
identical files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import signing, topics, wire
from data.bundle import Bundle, arrays_places, find_arrays, read_bundle
from data.command_line import JsonOption, print_json
from data.manifest import ARRAYS, MANIFEST, SIGNATURE, Manifest
from data.messages import ModelUpdateJob
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Judgement, ModelIdentity
from lambdas import serving
from lambdas.errors import EndpointBusy, PublishingFailed
from lambdas.kms_key import KmsKey
from lambdas.operator.aws import STACK, Aws, Wait, reach
from lambdas.operator.devices import things_of
from lambdas.operator.options import LocalOption, RegionOption, StackOption
from lambdas.release import Release, put_release, roll_out
from lambdas.s3_objects import read_object

# In the counts of a job, those of devices that don't have its model.
_WITHOUT = tuple(f"numberOf{how}Things" for how in ("Failed", "Rejected", "TimedOut", "Canceled"))
_MOST_ROLLOUTS = 20
# How long to wait for the ML endpoint to serve the new model.
_ON_AWS, _ON_LOCAL_CLOUD = Wait(5.0, 1_800.0), Wait(0.1, 180.0)


def publish(
    aws: Aws, stack: str, release: Release, arrays: bytes | None, things: Sequence[str]
) -> tuple[str, str | None, ModelUpdateJob]:
    """Publish a checked release to these things, or to all things if none is named.

    Args:
        aws: the account.
        stack: the stack's name.
        release: the bundle.
        arrays: the bytes of its `arrays.npz`; None leaves the ML endpoint as it is.
        things: the devices to update.

    Returns:
        The IoT Job's id, its status if it existed before, and its document.

    Raises:
        PublishingFailed: saying why; running it again continues where it stopped.
        EndpointBusy, EndpointRefused: the endpoint doesn't serve it; without arrays it isn't asked.
    """
    outputs = aws.outputs(stack)
    s3, iot, bucket = aws.client("s3"), aws.client("iot"), outputs["ModelsBucket"]
    try:
        targets = [iot.describe_thing(thingName=thing)["thingArn"] for thing in things]
        if arrays is not None:
            # The endpoint first: a device may verify its new model as soon as it has it.
            _serve(aws, serving.serving_of(outputs), bucket, release, arrays)
        document = put_release(s3, bucket, release, arrays)
        fleet = [outputs["FleetArn"]]
        job, status = reach_all(iot, release.name, document, targets or fleet, stack)
    except (ClientError, BotoCoreError) as error:
        raise PublishingFailed(f"AWS refuses: {error}") from error
    return job, status, document


def _serve(aws: Aws, wanted: serving.Serving, bucket: str, release: Release, arrays: bytes) -> None:
    sagemaker = aws.client("sagemaker")
    wait = _ON_LOCAL_CLOUD if aws.local else _ON_AWS
    order = (aws.client("s3"), sagemaker, wanted, bucket, (release.name, release.version), arrays)
    try:
        model = serving.serve(*order)
    except EndpointBusy:
        wait_until_idle(sagemaker, wanted.endpoint, wait)
        model = serving.serve(*order)
    if wanted.endpoint:
        wait_until_served(sagemaker, wanted.endpoint, model, wait)


def wait_until_idle(sagemaker: Any, endpoint: str, wait: Wait) -> None:
    """Wait until an endpoint has ended what it is doing, however that ends."""
    status = (serving.found(sagemaker, endpoint) or {}).get("EndpointStatus")
    ending = "endpoint_deleted" if status == "Deleting" else "endpoint_in_service"
    wait.until(sagemaker, ending, EndpointName=endpoint)


def wait_until_served(sagemaker: Any, endpoint: str, model: str, wait: Wait) -> None:
    """Wait until the endpoint serves this model.

    Raises:
        PublishingFailed: it failed and keeps the previous model, or is still updating when the time
            is up.
    """
    failure = wait.until(sagemaker, "endpoint_in_service", EndpointName=endpoint)
    found = serving.found(sagemaker, endpoint) or {}
    status = found.get("EndpointStatus")
    if status in serving.CHANGING:
        raise PublishingFailed(
            f"waited {wait.at_most_seconds:.0f} s for the ML endpoint {endpoint} to serve this "
            f"model; its status is still {status}. Publish it again once the endpoint is in "
            "service"
        )
    if status != "InService" or found["EndpointConfigName"] != model:
        reason = found.get("FailureReason") or failure or status
        raise PublishingFailed(f"the ML endpoint {endpoint} doesn't serve this model: {reason}")


def reach_all(
    iot: Any, name: str, document: ModelUpdateJob, targets: Sequence[str], stack: str
) -> tuple[str, str | None]:
    """Create the IoT Job, or the next one if the last has ended and left devices without the model.

    It has the same targets: a device that has the model says so at once.

    Args:
        iot: the AWS IoT client.
        name: the models' name.
        document: the job document.
        targets: as `roll_out` takes them.
        stack: the stack's name.

    Returns:
        The job's id, and its status if it existed before.

    Raises:
        PublishingFailed: jobs have ended that way too often.
    """
    for number in range(1, _MOST_ROLLOUTS + 1):
        rollout = roll_out(iot, name, document, targets, stack, number)
        if rollout.is_new:
            return rollout.job, None
        there = iot.describe_job(jobId=rollout.job)["job"]
        counts = there.get("jobProcessDetails", {})
        left = sum(counts.get(count, 0) for count in _WITHOUT)
        has_ended = there["status"] not in ("SCHEDULED", "IN_PROGRESS")
        has_all = there["status"] == "COMPLETED" and not left
        if not has_ended or has_all:
            return rollout.job, there["status"]
    raise PublishingFailed(
        f"{_MOST_ROLLOUTS} rollouts of {name} version {document.version} have ended without "
        "reaching every device; find out why devices fail, and train again"
    )


def check_judged(aws: Aws, stack: str, manifest: Manifest) -> None:
    """Raise PublishingFailed unless this stack's judge released exactly this model."""
    origin = manifest.origin
    if origin.judgement is None or not isinstance(origin.job, str):
        raise PublishingFailed(
            f"nobody judged {manifest.name} version {manifest.version}, so it may be "
            "worse than the model in use; --unjudged publishes it anyway"
        )
    bucket = aws.outputs(stack)["ModelsBucket"]
    key = topics.judged_prefix(origin.job) + VERDICT
    raw = read_object(aws.client("s3"), bucket, key, MAX_VERDICT_BYTES)
    judged = None if raw is None else wire.decode(raw, Judgement, MAX_VERDICT_BYTES)
    model = ModelIdentity(manifest.version, manifest.model_hash)
    if (
        raw is None
        or judged is None
        or hashlib.sha256(raw).hexdigest() != origin.judgement
        or judged.verdict.name != manifest.name
        or judged.verdict.candidate != model
        or not judged.verdict.released
    ):
        raise PublishingFailed(
            f"the manifest says that {origin.job} was judged, but this stack's judge didn't "
            "release this model; --unjudged publishes it anyway"
        )


def unjudged(manifest: Manifest) -> Manifest:
    """Return the manifest, saying that nobody judged the model."""
    origin = msgspec.structs.replace(manifest.origin, job=msgspec.UNSET, judgement=None)
    return msgspec.structs.replace(manifest, provenance=origin)


def under_release_key(
    key: KmsKey, bundle: Bundle, described: Manifest
) -> tuple[Bundle, bytes, bytes]:
    """Sign a checked bundle with the stack's key; return it with manifest bytes and signature.

    Args:
        key: the stack's.
        bundle: the checked bundle.
        described: its manifest as it will be signed.

    Raises:
        AwsUnusable: KMS doesn't sign.
    """
    raw, signature = key.sign_manifest(described)
    manifest = msgspec.json.decode(raw, type=Manifest)
    return Bundle(manifest, bundle.files, hashlib.sha256(raw).hexdigest()), raw, signature


def read_arrays(bundle: Path, named: Path | None) -> bytes:
    """Return the bytes of a bundle's arrays: the named file, or the one found near the bundle.

    Raises:
        PublishingFailed: there is none; without it, picks can't be verified.
    """
    places = (named,) if named is not None else arrays_places(bundle)
    found = named if named is not None else find_arrays(bundle)
    if found is None or not found.is_file():
        raise PublishingFailed(
            f"{bundle} has no {ARRAYS}: looked for {', '.join(map(str, places))}; name it with "
            "--arrays FILE. With --no-arrays, verifications are skipped, and the next "
            "retraining fits the recipe of this version again"
        )
    return found.read_bytes()


def publish_command(
    folder: Annotated[Path, typer.Argument(metavar="BUNDLE", help="the bundle's folder")],
    thing: Annotated[
        list[str] | None, typer.Option(help="a device to update; repeatable. Default: all")
    ] = None,
    arrays: Annotated[
        Path | None,
        typer.Option(help="its arrays.npz; default: the one in, beside or around BUNDLE"),
    ] = None,
    no_arrays: Annotated[
        bool,
        typer.Option("--no-arrays", help="publish without them; the ML endpoint stays as it is"),
    ] = False,
    sign: Annotated[
        bool | None,
        typer.Option("--sign/--as-signed", help="sign with the stack's key; the default on AWS"),
    ] = None,
    without_verdict: Annotated[
        bool,
        typer.Option(
            "--unjudged",
            help="publish a model that the judge hasn't released; the manifest says so",
        ),
    ] = False,
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle, upload it, and update the devices."""
    aws = reach(local, region)
    key = aws.signing_key(stack)
    own = key.public_pem()
    trusted = {**signing.read_public_keys(signing.keys_folder()), signing.key_id(own): own}
    bundle = read_bundle(folder, trusted)
    raw, signature = ((folder / name).read_bytes() for name in (MANIFEST, SIGNATURE))
    if hashlib.sha256(raw).hexdigest() != bundle.manifest_sha256:
        raise PublishingFailed(f"{folder} changed while it was being read; try again")
    described = unjudged(bundle.manifest) if without_verdict else bundle.manifest
    if not without_verdict:
        check_judged(aws, stack, described)
    if sign if sign is not None else local is None:
        bundle, raw, signature = under_release_key(key, bundle, described)
    elif described.origin != bundle.manifest.origin:
        raise PublishingFailed(
            "the signed manifest says that the model was judged; sign it again with --sign"
        )
    kept = None if no_arrays else read_arrays(folder, arrays)
    things = thing or []
    devices = len(things or things_of(aws, aws.outputs(stack)))
    if not devices:
        raise PublishingFailed(
            "there is no device to update; start with `greenlight-cloud device provision`"
        )
    files = {**bundle.files, SIGNATURE: signature, MANIFEST: raw}
    release = Release(bundle.manifest.name, bundle.manifest.version, files)
    job, status, document = publish(aws, stack, release, kept, things)
    if as_json:
        print_json(
            {
                "job": job,
                "status": status or "NEW",
                "devices": devices,
                "model_hash": bundle.model_hash,
                "document": document,
            }
        )
        return
    typer.echo(f"version {document.version} is at s3://{document.bucket}/{document.prefix}")
    typer.echo(f"manifest sha256 {document.manifest_sha256}")
    typer.echo(f"model hash {bundle.model_hash}")
    if status is None:
        typer.echo(f"job {job} updates {devices} device(s)")
    else:
        typer.echo(f"job {job} for {devices} device(s) exists: it is {status}")
