"""The operator's command line: a noun, then a verb."""

from __future__ import annotations

from collections.abc import Callable

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from data import command_line
from data.errors import GreenlightError
from lambdas.errors import AwsUnusable
from lambdas.operator import (
    devices,
    film_import,
    held_out,
    package,
    publish,
    ratings,
    retrain,
    stack,
    trust,
)
from lambdas.operator.aws import AwsUnreachable

NAME = "greenlight-cloud"
_NOUNS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "stack": (
        "The stack in AWS.",
        {"up": stack.up_command, "down": stack.down_command},
    ),
    "device": (
        "The devices of a stack.",
        {"provision": devices.provision_command, "retire": devices.retire_command},
    ),
    "model": (
        "The models that devices run.",
        {"publish": publish.publish_command, "retrain": retrain.retrain_command},
    ),
    "trust": (
        "Whose signatures devices accept.",
        {
            "key": trust.key_command,
            "draft": trust.draft_command,
            "sign": trust.sign_command,
            "check": trust.check_command,
            "publish": trust.publish_command,
        },
    ),
    "films": ("The table that models learn from.", {"import": film_import.import_command}),
    "ratings": (
        "The ratings in the cloud.",
        {"restore": ratings.restore_command, "hold-out": held_out.hold_out_command},
    ),
    "functions": ("The functions that AWS runs.", {"package": package.package_command}),
}


def application() -> typer.Typer:
    """Return the command line with every command about AWS."""
    app = command_line.application(NAME, "Deploys the AWS side and manages its devices.")
    for noun, (summary, verbs) in _NOUNS.items():
        group = typer.Typer(help=summary, no_args_is_help=True)
        for verb, command in verbs.items():
            group.command(verb)(command)
        app.add_typer(group, name=noun)
    return app


def explain(error: Exception) -> GreenlightError | None:
    """Translate an exception of AWS's library or the file system for the operator."""
    if isinstance(error, ClientError | Boto3Error):
        return AwsUnusable(f"AWS refuses: {error}")
    if isinstance(error, BotoCoreError):
        return AwsUnreachable(f"AWS doesn't answer: {error}")
    if isinstance(error, OSError):
        return GreenlightError(str(error))
    return None
