"""Publishes a bundle: `python -m lambdas.operator.publish BUNDLE`.

Checks the bundle as a device will, has the ML endpoint serve its pipeline, uploads it, and creates
the IoT Job that tells devices of it. A version that is there already is never changed: its files
must be the same, byte for byte.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import signing
from data.bundle import find_pipeline, pipeline_places, read_bundle
from data.errors import GreenlightError
from data.manifest import MANIFEST, PIPELINE, SIGNATURE
from data.messages import ModelUpdateJob
from lambdas import serving
from lambdas.errors import PublishingFailed
from lambdas.operator.aws import STACK, Aws, reach
from lambdas.operator.fleet import every_thing
from lambdas.operator.options import DeskOption, RegionOption, StackOption
from lambdas.operator.signing_key import release_key, under_release_key
from lambdas.release import Release, put_release, tell_devices

# How often the ML endpoint is asked whether it serves the new pipeline.
_AWS_SECONDS, _DESK_SECONDS = 5.0, 0.1
# SageMaker pulls the image and loads the model; the local cloud starts a process.
_MOST_AWS_SECONDS, _MOST_DESK_SECONDS = 1800.0, 180.0


def publish(
    aws: Aws, stack: str, release: Release, pipeline: bytes | None, things: Sequence[str]
) -> tuple[str, ModelUpdateJob]:
    """Publish a checked release and tell these things of it, or every thing if none is named.

    Args:
        aws: where.
        stack: whose models these are.
        release: the bundle.
        pipeline: the bytes of its `pipeline.joblib`; None leaves the ML endpoint as it is.
        things: whom to tell.

    Returns:
        The IoT Job's id, and what it tells.

    Raises:
        PublishingFailed: saying why; running it again goes on where it stopped.
    """
    outputs = aws.outputs(stack)
    s3, iot, bucket = aws.client("s3"), aws.client("iot"), outputs["ModelsBucket"]
    try:
        targets = [iot.describe_thing(thingName=thing)["thingArn"] for thing in things]
        if pipeline is not None:
            # The endpoint first: a device may verify its new model the moment it has it.
            _serve(aws, serving.serving_of(outputs), bucket, release, pipeline)
        document = put_release(s3, bucket, release, pipeline)
        job = tell_devices(iot, release.name, document, targets or [outputs["FleetArn"]], stack)
    except (ClientError, BotoCoreError) as error:
        raise PublishingFailed(f"AWS refuses: {error}") from error
    return job, document


def _serve(
    aws: Aws, wanted: serving.Serving, bucket: str, release: Release, pipeline: bytes
) -> None:
    sagemaker = aws.client("sagemaker")
    named = (release.name, release.version)
    model = serving.serve(aws.client("s3"), sagemaker, wanted, bucket, named, pipeline)
    if wanted.endpoint:
        every = _DESK_SECONDS if aws.desk else _AWS_SECONDS
        most = _MOST_DESK_SECONDS if aws.desk else _MOST_AWS_SECONDS
        serving.wait_until_served(sagemaker, wanted.endpoint, model, every, most)


def read_pipeline(bundle: Path, named: Path | None) -> bytes:
    """Return the bytes of a bundle's pipeline: of the one that was named, or of the one found.

    Raises:
        PublishingFailed: there is none; a release without it cannot be verified or retrained from.
    """
    places = (named,) if named is not None else pipeline_places(bundle)
    found = named if named is not None else find_pipeline(bundle)
    if found is None or not found.is_file():
        raise PublishingFailed(
            f"{bundle} has no {PIPELINE}: looked for {', '.join(map(str, places))}; name it with "
            "--pipeline FILE. With --no-pipeline verifications are skipped, and no retraining "
            "begins from this version"
        )
    return found.read_bytes()


def main(
    folder: Annotated[Path, typer.Argument(metavar="BUNDLE", help="the bundle's folder")],
    thing: Annotated[
        list[str] | None, typer.Option(help="whom to tell; may be repeated. Else every thing")
    ] = None,
    pipeline: Annotated[
        Path | None,
        typer.Option(help="its scikit-learn side; else the one in, beside or around BUNDLE"),
    ] = None,
    no_pipeline: Annotated[
        bool, typer.Option("--no-pipeline", help="without it; the ML endpoint stays as it is")
    ] = False,
    sign: Annotated[
        bool | None,
        typer.Option("--sign/--as-signed", help="with the stack's key; so by default on AWS"),
    ] = None,
    desk: DeskOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
) -> None:
    """Publish a bundle: check it, upload it, and tell the devices."""
    try:
        aws = reach(desk, region)
        own = release_key(aws, stack)
        trusted = {**signing.read_public_keys(signing.keys_folder()), signing.key_id(own): own}
        bundle = read_bundle(folder, trusted)
        raw, signature = ((folder / name).read_bytes() for name in (MANIFEST, SIGNATURE))
        if hashlib.sha256(raw).hexdigest() != bundle.manifest_sha256:
            raise PublishingFailed(f"{folder} changed while it was read")
        if sign if sign is not None else desk is None:
            bundle, raw, signature = under_release_key(aws, stack, bundle)
        kept = None if no_pipeline else read_pipeline(folder, pipeline)
        told = len(thing or every_thing(aws, stack))
        files = {**bundle.files, SIGNATURE: signature, MANIFEST: raw}
        release = Release(bundle.manifest.name, bundle.manifest.version, files)
        job, document = publish(aws, stack, release, kept, thing or ())
    except (GreenlightError, OSError) as error:
        print(f"lambdas.operator.publish: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"version {document.version} lies at s3://{document.bucket}/{document.prefix}")
    print(f"manifest sha256 {document.manifest_sha256}")
    print(f"model hash {bundle.model_hash}")
    print(f"job {job} tells {told} thing(s)")


if __name__ == "__main__":
    typer.run(main)
