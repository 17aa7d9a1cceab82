"""`greenlight-cloud stack up` deploys the stack, `stack down` deletes it.

All prerequisites are checked before anything is changed, and everything missing is listed at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from data.command_line import JsonOption, print_json
from data.errors import GreenlightError
from lambdas import serving
from lambdas.errors import AwsUnusable
from lambdas.operator import cloudformation, package
from lambdas.operator.aws import STACK, Aws, Wait, in_account, outputs_of
from lambdas.operator.devices import release_devices, things_of
from lambdas.operator.options import RegionOption, StackOption

_NOT_FOUND = 404
_ON_AWS = Wait(every_seconds=5.0, at_most_seconds=3_600.0)


class NotReady(GreenlightError):
    """Deploying isn't possible yet; the message lists everything that is missing."""


@dataclass(frozen=True)
class StackRequest:
    """The stack to deploy.

    Attributes:
        settings: template parameters, except those of the packages.
    """

    stack: str
    architecture: str
    settings: Mapping[str, str]


def prerequisites(aws: Aws, wanted: StackRequest) -> list[str]:
    """Return what is missing, each with what to do about it; empty if nothing is."""
    missing = []
    if wanted.architecture not in package.PLATFORMS:
        missing.append(f"--architecture: give one of {', '.join(package.PLATFORMS)}")
    if not wanted.stack.replace("-", "").isalnum() or wanted.stack != wanted.stack.lower():
        missing.append("--stack: use lower-case letters, digits and -; buckets are named after it")
    if wanted.settings.get("Endpoint") == "serverless" and not wanted.settings.get("EndpointImage"):
        missing.append(
            "--endpoint-image: needed with --endpoint serverless; docs/aws.md says how to build it"
        )
    try:
        aws.account()
    except AwsUnusable as error:
        return [*missing, str(error)]
    for service, call, what in (
        ("cloudformation", "list_stacks", "create stacks"),
        ("iot", "describe_endpoint", "use AWS IoT"),
        ("s3", "list_buckets", "use S3"),
        ("kms", "list_aliases", "use KMS"),
    ):
        try:
            getattr(aws.client(service), call)()
        except (ClientError, BotoCoreError) as error:
            missing.append(f"this user may not {what} in {aws.region}: {error}")
    return missing


def parse_settings(words: Sequence[str]) -> dict[str, str]:
    """Return the settings given with `--set NAME=VALUE`.

    Raises:
        NotReady: naming every setting that the template doesn't accept, and what it does accept.
    """
    known, found, wrong = cloudformation.settings(), {}, []
    for word in words:
        name, given, value = word.partition("=")
        if name not in known or not given:
            wrong.append(f"--set {word}: give NAME=VALUE, with one of {', '.join(known)}")
        elif known[name] and value not in known[name]:
            wrong.append(f"--set {word}: {name} is one of {', '.join(known[name])}")
        found[name] = value
    if wrong:
        raise NotReady("\n  - ".join(["not yet:", *wrong]))
    return found


def up(aws: Aws, wanted: StackRequest, packages: Mapping[str, Path], wait: Wait) -> dict[str, str]:
    """Upload the packages, create or update the stack, and return its outputs.

    Raises:
        AwsUnusable: saying why not; running it again continues where it stopped.
    """
    bucket = f"{wanted.stack}-code-{aws.account()}-{aws.region}"
    try:
        _make_code_bucket(aws, bucket)
        s3 = aws.client("s3")
        for path in packages.values():
            s3.upload_file(str(path), bucket, package.content_key(path))
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"the packages can't be uploaded to {bucket}: {error}") from error
    parameters = {
        **wanted.settings,
        "CodeBucket": bucket,
        **package.template_keys(packages),
        "Architecture": wanted.architecture,
    }
    there = aws.find_stack(wanted.stack)
    before = outputs_of(there) if there is not None else {}
    outputs = cloudformation.deploy(aws, wanted.stack, parameters, wait)
    if not outputs["EndpointName"]:
        _switch_off(aws, before)
    return outputs


def down(aws: Aws, name: str, outputs: dict[str, str], wait: Wait) -> list[str]:
    """Release the devices, delete the stack, and return what is kept.

    Raises:
        AwsUnusable: saying what prevents it; running it again continues.
    """
    # A stack that couldn't be created has no outputs and no devices.
    if outputs:
        _switch_off(aws, outputs)
        release_devices(aws, outputs)
    cloudformation.delete(aws, name, wait)
    return [outputs[output] for output in cloudformation.RETAINED if output in outputs]


def _switch_off(aws: Aws, outputs: dict[str, str]) -> None:
    """Delete the ML endpoint, which releases created, if there may be one."""
    if not outputs.get("EndpointName"):
        return
    try:
        serving.remove(aws.client("sagemaker"), outputs["EndpointName"])
    except (ClientError, BotoCoreError) as error:
        raise AwsUnusable(f"the ML endpoint can't be deleted: {error}") from error


def _make_code_bucket(aws: Aws, bucket: str) -> None:
    """Create the private bucket for the packages, if it doesn't exist."""
    s3 = aws.client("s3")
    # us-east-1 is the one region that can't be named here.
    place = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _NOT_FOUND:
            raise AwsUnusable(
                f"the bucket {bucket} exists and isn't this account's, or this user may not use "
                f"it ({error}); ask for the right, or deploy under another name with --stack"
            ) from error
        s3.create_bucket(Bucket=bucket, **({} if aws.region == "us-east-1" else place))
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )


def up_command(
    stack_name: StackOption = STACK,
    region: RegionOption = None,
    architecture: Annotated[str, typer.Option(help="of the functions")] = "arm64",
    endpoint: Annotated[str, typer.Option(help="none or serverless")] = "",
    endpoint_image: Annotated[str, typer.Option(help="the image in ECR; see docs/aws.md")] = "",
    training_image: Annotated[
        str, typer.Option(help="the image in ECR; switches retraining on. none switches it off")
    ] = "",
    alarm_email: Annotated[str, typer.Option(help="where alarms are sent")] = "",
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="another of the template's parameters; repeatable"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check, package, and create or update the stack. Options you leave out keep their value."""
    given = {
        "Endpoint": endpoint,
        "EndpointImage": endpoint_image,
        "TrainingImage": training_image,
        "AlarmEmail": alarm_email,
    }
    settings = {name: value for name, value in given.items() if value}
    if training_image == "none":
        settings["TrainingImage"] = ""
    wanted = StackRequest(stack_name, architecture, {**settings, **parse_settings(more or ())})
    aws = in_account(region)
    missing = prerequisites(aws, wanted)
    if missing:
        raise NotReady("\n  - ".join(["not yet:", *missing]))
    typer.echo(f"packaging for Python {package.AWS_PYTHON} on {architecture}", err=as_json)
    with tempfile.TemporaryDirectory() as folder:
        packages = package.build_for_aws(Path(folder), architecture)
        typer.echo(f"deploying {stack_name} in {aws.region}; this takes a few minutes", err=as_json)
        outputs = up(aws, wanted, packages, _ON_AWS)
    if as_json:
        print_json({"stack": stack_name, "region": aws.region, "outputs": outputs})
        return
    for name, value in sorted(outputs.items()):
        typer.echo(f"{name:18} {value}")


def down_command(
    stack_name: StackOption = STACK,
    region: RegionOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="don't ask for confirmation")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the stack. Ratings, models and the signing key stay."""
    aws = in_account(region)
    account = aws.account()
    outputs = aws.outputs(stack_name)
    things = things_of(aws, outputs) if outputs else []
    typer.echo(
        f"stack {stack_name} in account {account}, {aws.region}; {len(things)} device(s)",
        err=as_json,
    )
    if not yes:
        typer.confirm(
            "Delete it? Its devices won't be able to connect any more", abort=True, err=as_json
        )
    kept = down(aws, stack_name, outputs, _ON_AWS)
    if as_json:
        print_json({"stack": stack_name, "region": aws.region, "kept": kept})
        return
    typer.echo("deleted. These hold data and were kept (docs/aws.md says how to delete them):")
    for name in kept:
        typer.echo(f"  {name}")
