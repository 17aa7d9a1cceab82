"""Publishes a bundle: `python -m lambdas.publish BUNDLE [--thing THING ...] [--desk STATE]`.

Checks the bundle as a device will, uploads it, and creates the IoT Job that tells devices of it.
A version that is there already is never changed: its files must be the same, byte for byte.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import signing, topics, wire
from data.bundle import Bundle, read_bundle
from data.errors import GreenlightError
from data.manifest import MANIFEST, SIGNATURE
from data.wire import ModelUpdateJob
from lambdas.aws import STACK, Aws, in_account, on_desk
from lambdas.local.control import order
from lambdas.local.state import State
from lambdas.retire import things_of
from lambdas.signing_key import release_key, under_release_key

_IN_PROGRESS_MINUTES = 60


class PublishingFailed(GreenlightError):
    """The bundle is not published; the message says why and what to do."""


@dataclass(frozen=True)
class Published:
    """What a device is told, and how."""

    job_id: str
    document: ModelUpdateJob


def upload(s3: Any, bucket: str, prefix: str, files: dict[str, bytes]) -> None:
    """Put the files, each only if it is new; the manifest last, so that it never lacks a file.

    Raises:
        PublishingFailed: this version is there with other content.
    """
    for name in sorted(files, key=lambda name: (name == MANIFEST, name)):
        try:
            s3.put_object(
                Bucket=bucket,
                Key=prefix + name,
                Body=files[name],
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            there = s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()
            if there != files[name]:
                raise PublishingFailed(
                    f"{prefix}{name} is there with other content; a version is never changed: "
                    "train again, for the next version"
                ) from error


def create_job(
    aws: Aws, name: str, document: ModelUpdateJob, things: Sequence[str], stack: str
) -> str:
    """Create the IoT Job and return its id; publishing the same again gives the same job.

    Without things it is meant for the whole fleet: slowly first, and stopped if devices refuse.

    Raises:
        PublishingFailed: AWS IoT refuses it.
    """
    iot = aws.client("iot")
    body = wire.encode(document).decode()
    targets = [iot.describe_thing(thingName=thing)["thingArn"] for thing in things]
    told = hashlib.sha256(msgspec.json.encode([body, sorted(targets)])).hexdigest()[:8]
    job_id = f"{name}-{document.version}-{told}"
    try:
        iot.create_job(
            jobId=job_id,
            targets=targets,
            document=body,
            description=f"model {name} version {document.version} of {stack}",
            targetSelection="SNAPSHOT",
            jobExecutionsRolloutConfig={
                "exponentialRate": {
                    "baseRatePerMinute": 5,
                    "incrementFactor": 2.0,
                    "rateIncreaseCriteria": {"numberOfSucceededThings": 5},
                },
                "maximumPerMinute": 50,
            },
            abortConfig={
                "criteriaList": [
                    {
                        "failureType": "ALL",
                        "action": "CANCEL",
                        "thresholdPercentage": 20.0,
                        "minNumberOfExecutedThings": 5,
                    }
                ]
            },
            timeoutConfig={"inProgressTimeoutInMinutes": _IN_PROGRESS_MINUTES},
        )
    except iot.exceptions.ResourceAlreadyExistsException:
        pass
    except (ClientError, BotoCoreError) as error:
        raise PublishingFailed(f"AWS IoT does not take the job {job_id}: {error}") from error
    return job_id


def publish(
    aws: Aws,
    stack: str,
    bundle: Bundle,
    signature: bytes,
    raw_manifest: bytes,
    things: Sequence[str],
) -> Published:
    """Upload a checked bundle and tell these things of it.

    Raises:
        PublishingFailed: saying why; running it again goes on where it stopped.
    """
    bucket = aws.outputs(stack)["ModelsBucket"]
    manifest = bundle.manifest
    prefix = topics.bundle_prefix(manifest.name, manifest.version)
    files = {**bundle.files, SIGNATURE: signature, MANIFEST: raw_manifest}
    try:
        upload(aws.client("s3"), bucket, prefix, files)
        document = ModelUpdateJob(
            "model-update", manifest.version, bucket, prefix, bundle.manifest_sha256
        )
        job_id = create_job(aws, manifest.name, document, things, stack)
    except (ClientError, BotoCoreError) as error:
        raise PublishingFailed(f"AWS refuses: {error}") from error
    return Published(job_id, document)


def main(
    folder: Annotated[Path, typer.Argument(metavar="BUNDLE", help="the bundle's folder")],
    thing: Annotated[
        list[str] | None, typer.Option(help="whom to tell; may be repeated. Else every thing")
    ] = None,
    pipeline: Annotated[
        Path | None,
        typer.Option(help="for the ML endpoint; else BUNDLE.report/pipeline.joblib"),
    ] = None,
    sign: Annotated[
        bool | None,
        typer.Option("--sign/--as-signed", help="with the stack's key; so by default on AWS"),
    ] = None,
    desk: Annotated[Path | None, typer.Option(help="a local cloud's folder")] = None,
    region: Annotated[str | None, typer.Option(help="of AWS; else your settings'")] = None,
    stack: Annotated[str, typer.Option(help="the stack's name")] = STACK,
) -> None:
    """Publish a bundle: check it, upload it, and tell the devices."""
    try:
        aws = on_desk(desk) if desk is not None else in_account(region)
        if desk is None:
            aws.account()
        release = release_key(aws, stack)
        trusted = {
            **signing.read_public_keys(signing.keys_folder()),
            signing.key_id(release): release,
        }
        bundle = read_bundle(folder, trusted)
        raw, signature = ((folder / name).read_bytes() for name in (MANIFEST, SIGNATURE))
        if hashlib.sha256(raw).hexdigest() != bundle.manifest_sha256:
            raise PublishingFailed(f"{folder} changed while it was read")
        if sign if sign is not None else desk is None:
            bundle, raw, signature = under_release_key(aws, stack, bundle)
        if desk is not None:
            _serve_on_desk(State(desk), pipeline or pipeline_of(folder))
        things = thing or every_thing(aws, stack)
        published = publish(aws, stack, bundle, signature, raw, things)
    except (GreenlightError, OSError) as error:
        print(f"lambdas.publish: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    document = published.document
    print(f"version {document.version} lies at s3://{document.bucket}/{document.prefix}")
    print(f"manifest sha256 {document.manifest_sha256}")
    print(f"model hash {bundle.model_hash}")
    print(f"job {published.job_id} tells {len(things)} thing(s)")


def pipeline_of(bundle: Path) -> Path:
    """Return where training puts the scikit-learn pipeline of a bundle: beside it."""
    return bundle.with_name(f"{bundle.name}.report") / "pipeline.joblib"


def every_thing(aws: Aws, stack: str) -> list[str]:
    """Return the names of all devices of this stack.

    Raises:
        PublishingFailed: if there are none.
    """
    names = things_of(aws, aws.outputs(stack))
    if not names:
        raise PublishingFailed("no device is provisioned; begin with lambdas.provision")
    return names


def _serve_on_desk(state: State, pipeline: Path) -> None:
    # The endpoint first: a device may verify its new model the moment it has it.
    if pipeline.exists():
        order(state, "serve", pipeline=str(pipeline.resolve()))
    else:
        print(f"no {pipeline}: the ML endpoint stays as it is", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
